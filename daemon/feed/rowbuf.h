/* The one row a table reader has in hand: cells by column, their text in one block that never moves, so that a
 * million rows cost no allocation. */
#ifndef DUEWATCH_FEED_ROWBUF_H
#define DUEWATCH_FEED_ROWBUF_H

#include "duewatch/feed.h"

struct dw_rowbuf {
	struct dw_cell *cell; /* owned, DW_TABLE_COLUMNS_MAX of them */
	size_t n;
	char *text; /* owned, DW_TABLE_ROW_MAX bytes; `used` of them taken */
	size_t used;
	const char *reject; /* static text, as in struct dw_row */
	bool any;	    /* a cell holds more than blanks */
};

int dw_rowbuf_init(struct dw_rowbuf *b, struct dw_err *err); /* 0 or -ENOMEM */
void dw_rowbuf_fini(struct dw_rowbuf *b);
void dw_rowbuf_reset(struct dw_rowbuf *b);

/* Sets the cell of column `col` (from 0; columns left out are empty text). `text` is valid UTF-8 without NUL.
 * put copies n bytes; ref keeps the pointer, which must live until the row was handed out. A cell past the last
 * column or the row's block marks the row as rejected and is dropped. */
void dw_rowbuf_put(struct dw_rowbuf *b, size_t col, enum dw_cell_kind kind, const char *text, size_t n);
void dw_rowbuf_ref(struct dw_rowbuf *b, size_t col, enum dw_cell_kind kind, const char *text);

/* A DW_CELL_BAD whose text says what is wrong and shows what stands there: bytes that are not UTF-8 or not
 * printable become \xHH, 40 bytes at most. */
void dw_rowbuf_bad(struct dw_rowbuf *b, size_t col, const char *why, const char *raw, size_t n);

void dw_rowbuf_pad(struct dw_rowbuf *b, size_t n); /* empty cells up to n */

#endif
