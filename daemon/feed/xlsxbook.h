/* What one has to know of an .xlsx before its rows mean anything: which part is the sheet, which styles are dates,
 * which date system, and the shared strings. */
#ifndef DUEWATCH_FEED_XLSXBOOK_H
#define DUEWATCH_FEED_XLSXBOOK_H

#include "duewatch/base.h"
#include "zipxml.h"

enum {
	DW_BOOK_STRINGS_MAX = 256 * 1024 * 1024, /* text and offsets together */
	DW_BOOK_STYLES_MAX = 65536,
	DW_BOOK_SHEETS_MAX = 1024,
};

struct dw_book {
	char *sheet; /* the part with the rows; owned */
	bool date1904;
	uint8_t *is_date; /* by cell style (the s of a cell), owned */
	size_t styles;
	struct dw_buf text; /* shared strings, each with its NUL */
	uint32_t *at;	    /* where each begins in text; DW_BOOK_LONG: longer than DW_TABLE_CELL_MAX, not kept */
	size_t strings, at_cap;
};

#define DW_BOOK_LONG UINT32_MAX

/* `sheet`: a name (case doesn't matter), or NULL: the first visible worksheet. The caller calls fini whatever
 * comes back. -ENOENT: no such sheet, the text lists those there are; -EBADMSG: not an .xlsx, or damaged. */
int dw_book_load(struct dw_book *b, struct dw_zip *z, const char *sheet, struct dw_err *err);
void dw_book_fini(struct dw_book *b);

/* Undoes _xHHHH_ (ECMA-376 part 1, 22.9.2.19) in place; returns the new length. */
size_t dw_book_unescape(char *s, size_t n);

#endif
