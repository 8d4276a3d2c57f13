/* Reads a table out of memory and writes down what the sink was handed, one line a row:
 * "1:order_id|status" — line number, cells; #number @date !bad; line ends in cells as \n \r; " REJECT why". */
#ifndef DUEWATCH_TESTS_TABLE_H
#define DUEWATCH_TESTS_TABLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "duewatch/feed.h"

struct table {
	int r;
	struct dw_err err;
	struct dw_buf text; /* fini by the caller */
	int rows, headers;
	int stop_at; /* the sink refuses this row, 0: none */
};

static void table_cell(struct dw_buf *b, const struct dw_cell *c)
{
	static const char *const mark[] = { [DW_CELL_TEXT] = "", [DW_CELL_NUMBER] = "#", [DW_CELL_DATE] = "@", [DW_CELL_BAD] = "!" };

	assert_true(dw_utf8_valid(c->text, strlen(c->text)));
	dw_buf_puts(b, mark[c->kind]);
	for (const char *p = c->text; *p; p++)
		if (*p == '\n' || *p == '\r')
			dw_buf_puts(b, *p == '\n' ? "\\n" : "\\r");
		else
			dw_buf_putc(b, *p);
}

static int table_line(struct table *t, const struct dw_row *row)
{
	assert_in_range(row->n, row->reject ? 0 : 1, DW_TABLE_COLUMNS_MAX);
	dw_buf_printf(&t->text, "%" PRId64 ":", row->line);
	for (size_t i = 0; i < row->n; i++) {
		if (i)
			dw_buf_putc(&t->text, '|');
		table_cell(&t->text, &row->cell[i]);
	}
	if (row->reject)
		dw_buf_printf(&t->text, " REJECT %s", row->reject);
	dw_buf_putc(&t->text, '\n');
	return 0;
}

static int table_header(void *ctx, const struct dw_row *row, struct dw_err *err)
{
	struct table *t = ctx;

	(void)err;
	assert_int_equal(t->headers++, 0);
	assert_int_equal(t->rows, 0);
	return table_line(t, row);
}

static int table_row(void *ctx, const struct dw_row *row, struct dw_err *err)
{
	struct table *t = ctx;

	assert_int_equal(t->headers, 1);
	if (++t->rows == t->stop_at)
		return dw_err_set(err, -ECANCELED, "enough");
	return table_line(t, row);
}

static int table_file(const void *p, size_t n)
{
	int fd = memfd_create("table", MFD_CLOEXEC);

	assert_true(fd >= 0);
	for (size_t at = 0; at < n;) {
		ssize_t w = write(fd, (const char *)p + at, n - at);

		assert_true(w > 0);
		at += (size_t)w;
	}
	return fd;
}

/* Two passes over one descriptor, as the daemon makes them, must give the same. */
static void table_read(struct table *t, const struct dw_table_ops *ops, const void *p, size_t n, const struct dw_table_opts *opts)
{
	struct dw_table_sink sink = { table_header, table_row, t };
	struct table again = { .stop_at = t->stop_at };
	struct dw_table_sink sink2 = { table_header, table_row, &again };
	int fd = table_file(p, n);

	t->r = ops->read(fd, opts, &sink, &t->err);
	again.r = ops->read(fd, opts, &sink2, &again.err);
	assert_int_equal(close(fd), 0);
	assert_int_equal(t->r, again.r);
	assert_string_equal(t->err.text, again.err.text);
	assert_string_equal(dw_buf_str(&t->text), dw_buf_str(&again.text));
	assert_true((t->r < 0) == (t->err.text[0] != '\0'));
	assert_true(t->r < 0 || t->headers == 1);
	assert_false(t->text.failed);
	dw_buf_fini(&again.text);
}

static void table_is(const struct dw_table_ops *ops, const void *p, size_t n, const struct dw_table_opts *opts, const char *want)
{
	struct table t = { 0 };

	table_read(&t, ops, p, n, opts);
	if (t.r < 0)
		fail_msg("the read failed: %s", t.err.text);
	assert_string_equal(dw_buf_str(&t.text), want);
	dw_buf_fini(&t.text);
}

/* The read fails with this code, and its text holds `part`. */
static void table_fails(const struct dw_table_ops *ops, const void *p, size_t n, const struct dw_table_opts *opts, int code, const char *part)
{
	struct table t = { 0 };

	table_read(&t, ops, p, n, opts);
	assert_int_equal(t.r, code);
	if (!strstr(t.err.text, part))
		fail_msg("\"%s\" doesn't say \"%s\"", t.err.text, part);
	dw_buf_fini(&t.text);
}

#endif
