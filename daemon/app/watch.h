/* Folder events: a file that was written and closed, or moved in, is read at once (design.md §5, trap 11). inotify on
 * the folder, not the file: a program that replaces a file gives it a new inode. */
#ifndef DUEWATCH_WATCH_H
#define DUEWATCH_WATCH_H

#include "duewatch/config.h"

struct dw_watch {
	int fd;		/* inotify, non-blocking; -1 */
	int *wd;	/* by feed: the folder's watch, or -1 */
	char **file;	/* by feed: the file's name in it, or NULL: the whole folder counts */
	int state_wd;	/* of the state folder: `wake` in it is the person's tool's word */
	size_t n;
};

int dw_watch_open(struct dw_watch *out, const struct dw_config *config, struct dw_err *err);
void dw_watch_close(struct dw_watch *w);
/* At a feed's timed read: a folder that wasn't there (or went away) may be back. */
void dw_watch_again(struct dw_watch *w, size_t feed, const char *path);

enum dw_watch_event { DW_WATCH_CLOSED, DW_WATCH_CHANGING, DW_WATCH_WAKE };
/* Reads what is there; calls fn per event and feed (feed -1 for WAKE; -2: events were lost, look at all). */
void dw_watch_read(struct dw_watch *w, void (*fn)(void *ctx, enum dw_watch_event event, int feed), void *ctx);

#endif
