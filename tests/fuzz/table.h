/* Runs a table reader over bytes in a memfd and holds it to feed.h: the header first and once, cells that are
 * UTF-8 and bounded, lines that rise, a text for each failure. */
#ifndef DUEWATCH_FUZZ_TABLE_H
#define DUEWATCH_FUZZ_TABLE_H

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "duewatch/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

struct fuzz_seen {
	int headers, rows;
	int64_t line;
};

static void fuzz_row_ok(struct fuzz_seen *s, const struct dw_row *row)
{
	bool any = row->reject != NULL;
	size_t total = 0;

	must(row->line >= 1 && row->n <= DW_TABLE_COLUMNS_MAX);
	for (size_t i = 0; i < row->n; i++) {
		const char *t = row->cell[i].text;
		size_t n = strlen(t);

		must(n <= DW_TABLE_CELL_MAX && dw_utf8_valid(t, n));
		must(row->cell[i].kind != DW_CELL_DATE || n == 10 || n == 19);
		any = any || n > 0;
		total += n;
	}
	must(any && total <= (size_t)DW_TABLE_COLUMNS_MAX * DW_TABLE_CELL_MAX);
	s->line = row->line;
}

static int fuzz_header(void *ctx, const struct dw_row *row, struct dw_err *err)
{
	struct fuzz_seen *s = ctx;

	(void)err;
	must(s->headers++ == 0 && s->rows == 0 && !row->reject);
	fuzz_row_ok(s, row);
	return 0;
}

static int fuzz_row(void *ctx, const struct dw_row *row, struct dw_err *err)
{
	struct fuzz_seen *s = ctx;

	(void)err;
	must(s->headers == 1);
	s->rows++;
	fuzz_row_ok(s, row);
	return 0;
}

static void fuzz_table(const struct dw_table_ops *ops, const struct dw_table_opts *opts, const uint8_t *p, size_t n)
{
	struct fuzz_seen seen = { 0 };
	struct dw_table_sink sink = { fuzz_header, fuzz_row, &seen };
	struct dw_err err = { "" };
	int fd = memfd_create("fuzz", MFD_CLOEXEC), r;

	must(fd >= 0 && (n == 0 || write(fd, p, n) == (ssize_t)n));
	r = ops->read(fd, opts, &sink, &err);
	close(fd);
	must(r == 0 || r == -EBADMSG || r == -ENOMEM || r == -EINVAL);
	must((r < 0) == (err.text[0] != '\0') && dw_utf8_valid(err.text, strlen(err.text)));
	must(r < 0 || seen.headers == 1);
}

#endif
