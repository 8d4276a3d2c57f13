/* Varints and texts of the compact records in the store (record.c, memory in order.c). Little to remember: a cursor
 * turns `bad` at the first thing that doesn't fit and every later get returns 0. */
#ifndef DUEWATCH_CODEC_H
#define DUEWATCH_CODEC_H

#include "duewatch/base.h"

struct dw_cursor {
	const unsigned char *p, *end;
	bool bad, oom;
};

void dw_put_uint(struct dw_buf *b, uint64_t v);
void dw_put_int(struct dw_buf *b, int64_t v);
void dw_put_text(struct dw_buf *b, const char *s, size_t n);
uint64_t dw_get_uint(struct dw_cursor *c);
int64_t dw_get_int(struct dw_cursor *c);
char *dw_get_text(struct dw_cursor *c, size_t max); /* owned; NULL and bad when longer, cut or out of memory */

#endif
