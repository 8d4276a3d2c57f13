/* What app/'s small files are written with: copies of calendars and configs, tokens, numbers. */
#ifndef DUEWATCH_APP_WRITE_H
#define DUEWATCH_APP_WRITE_H

#include <stddef.h>

/* All of it, however often a signal or a short write cuts in. 0 or -errno. Not synced. */
int dw_write_all(int fd, const void *p, size_t n);
/* The same, and it is on the disk. */
int dw_write_synced(int fd, const void *p, size_t n);

#endif
