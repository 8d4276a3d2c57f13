/* A text file in any encoding as a stream of UTF-8, 64 KiB at a time.
 *
 * Bytes that mean nothing in the file's encoding come out as 0xFF, which is never UTF-8: whoever cuts the stream
 * into cells checks each cell and so finds exactly the damaged ones. A UTF-8 file is handed on unchecked. */
#ifndef DUEWATCH_FEED_ENCODING_H
#define DUEWATCH_FEED_ENCODING_H

#include "duewatch/base.h"

struct dw_text;

/* Reads fd from its start, up to the size it has now; the fd is borrowed. `encoding`: a name iconv knows, or
 * NULL: UTF-8 if the text is (or very nearly: one damaged byte must not turn a whole file into Chinese), else
 * GB18030. A byte order mark wins over both and is not handed on. "gbk" and "gb2312" are read as GB18030, their
 * superset, and 0x80 as the euro sign Windows writes there.
 * 0; -EINVAL: unknown encoding or not a regular file; -EBADMSG: the file ends inside a character; other < 0. */
int dw_text_open(struct dw_text **out, int fd, const char *encoding, struct dw_err *err);
void dw_text_freep(struct dw_text **t);

/* The next piece, borrowed until the next call; *n = 0 at the end. -EBADMSG: cut short, shrunk while read. */
int dw_text_next(struct dw_text *t, const char **p, size_t *n, struct dw_err *err);

const char *dw_text_encoding(const struct dw_text *t); /* what it is read as */

/* How many bytes at p are plain ASCII: printable, nothing below a blank. */
size_t dw_text_plain(const char *p, size_t n);

#endif
