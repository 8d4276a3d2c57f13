/* Where order data comes from. A feed adapter (feed/csv.c, feed/xlsx.c, …) knows one format and yields a table:
 * a header, then rows of cells as text. It knows nothing of orders: app/ingest maps columns to fields.
 *
 * A file is read through a descriptor opened once, by as many passes as the caller wants (a survey, then the
 * real read); the caller compares fstat before and after, so a file that changes while being read is noticed. */
#ifndef DUEWATCH_FEED_H
#define DUEWATCH_FEED_H

#include "duewatch/base.h"

enum dw_cell_kind {
	DW_CELL_TEXT,	/* as it stands in the file, UTF-8 */
	DW_CELL_NUMBER, /* a spreadsheet's number, its text as stored in the file ("2.3E+17" stays so) */
	DW_CELL_DATE,	/* a spreadsheet's date cell, already as "YYYY-MM-DD" or "YYYY-MM-DD HH:MM:SS" local time */
	DW_CELL_BAD,	/* unreadable (not in the encoding, NUL inside …); text says what */
};

struct dw_cell {
	const char *text; /* never NULL, valid UTF-8 without NUL; borrowed until the callback returns */
	enum dw_cell_kind kind;
};

struct dw_row {
	const struct dw_cell *cell;
	size_t n;
	int64_t line;	    /* 1-based: the file's line a CSV row starts on; a spreadsheet's row number */
	const char *reject; /* NULL, or why this row as a whole is unusable (NUL in it, …) */
};

/* What a read is handed to. Each returns 0 to go on or < 0 to stop the read with that code (err filled).
 * `header` comes once, before any row; blank lines and rows without any non-empty cell are not reported. */
struct dw_table_sink {
	int (*header)(void *ctx, const struct dw_row *row, struct dw_err *err);
	int (*row)(void *ctx, const struct dw_row *row, struct dw_err *err);
	void *ctx;
};

struct dw_table_opts {
	const char *encoding;  /* CSV: "utf-8", "gb18030", "gbk", "utf-16", any name iconv has; NULL: UTF-8 if the file is (or all but a
				  few bytes), else GB18030. A byte order mark in the file wins over both */
	char delimiter;	       /* CSV; 0: the likeliest of , ; TAB | by the header line. A first line `sep=;` wins over both */
	const char *sheet;     /* XLSX: a sheet's name, in any case; NULL: the first visible sheet */
};

enum {
	DW_TABLE_COLUMNS_MAX = 1024,
	DW_TABLE_CELL_MAX = 64 * 1024,		      /* CSV: a longer cell fails the read, as an open quote swallows files (design.md §5, 14); XLSX: it is a bad cell */
	DW_TABLE_ROW_MAX = 1024 * 1024,
};

/* One pass over an open file. 0; -EBADMSG, with "line N: …" where one is to blame, where the file is damaged, cut
 * short, over a bound or of another kind (the read failed as a whole, whatever rows came before); -EINVAL:
 * opts make no sense, or fd isn't a regular file; -ENOENT: no such sheet; other < 0 as the sink or the system
 * said. The descriptor is read from its start and only borrowed; its offset may move. */
struct dw_table_ops {
	const char *type; /* the config's word */
	int (*read)(int fd, const struct dw_table_opts *opts, const struct dw_table_sink *sink, struct dw_err *err);
};

extern const struct dw_table_ops dw_csv, dw_xlsx;

#endif
