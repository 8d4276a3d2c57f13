/* XLSX (ECMA-376), one pass over an open file: the rows of one worksheet, streamed.
 *
 * A cell's meaning is spread over the file: its type here, its text perhaps in the shared strings, and only its
 * style tells a date from a number; xlsxbook.c has read those before the first row comes. */
#include "rowbuf.h"
#include "serial.h"
#include "sniff.h"
#include "xlsxbook.h"
#include "zipxml.h"

#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>

enum { ROWS_MAX = 1048576 };

/* A few bytes refer to a shared text of 64 KiB: what cells say together is bounded as what the parts unpack to. */
static const uint64_t said_max = UINT64_C(2) << 30;

/* A cell's type, its attribute t. */
enum type { T_NUMBER, T_SHARED, T_INLINE, T_FORMULA_TEXT, T_BOOL, T_ERROR, T_ISO_DATE };

struct sheet {
	const struct dw_table_sink *sink;
	struct dw_book book;
	struct dw_rowbuf row;
	locale_t c; /* numbers are written with a point, whatever the machine's language */
	size_t header_n;
	bool header_done;
	int64_t line;
	bool in_data, in_row, in_cell, in_inline, grab;
	int phonetic;
	enum type type;
	bool is_date, too_long;
	size_t col, next; /* of the cell in hand; of the next cell without a place of its own */
	struct dw_buf value;
	uint64_t said; /* bytes of shared text handed over so far */
};

static void sheet_fini(struct sheet *s)
{
	dw_book_fini(&s->book);
	dw_rowbuf_fini(&s->row);
	dw_buf_fini(&s->value);
	if (s->c)
		freelocale(s->c);
}

static int begin_row(struct sheet *s, const char **attr, struct dw_err *err)
{
	const char *r = dw_xml_attr(attr, "r");
	char *end;

	s->line = r ? strtoll(r, &end, 10) : s->line + 1;
	if (s->line < 1 || s->line > ROWS_MAX || (r && *end))
		return dw_err_set(err, -EBADMSG, "row \"%.20s\": a sheet has rows 1 to %d: the file is damaged", r ? r : "", ROWS_MAX);
	s->in_row = true;
	s->next = 0;
	return 0;
}

static enum type type_of(const char *t)
{
	static const struct {
		const char *word;
		enum type type;
	} types[] = { { "s", T_SHARED }, { "str", T_FORMULA_TEXT }, { "inlineStr", T_INLINE },
		      { "b", T_BOOL },	 { "e", T_ERROR },	    { "d", T_ISO_DATE } };

	for (size_t i = 0; t && i < DW_COUNT(types); i++)
		if (strcmp(t, types[i].word) == 0)
			return types[i].type;
	return T_NUMBER;
}

/* "BC12" is column 54, counted from 0; `none` where there is no such reference. */
static size_t column(const char *ref, size_t none)
{
	size_t col = 0, i = 0;

	for (; ref && i < 4 && ref[i] >= 'A' && ref[i] <= 'Z'; i++)
		col = col * 26 + (size_t)(ref[i] - 'A') + 1;
	return i ? col - 1 : none;
}

static void begin_cell(struct sheet *s, const char **attr)
{
	const char *style = dw_xml_attr(attr, "s");
	unsigned long i = style ? strtoul(style, NULL, 10) : ULONG_MAX;

	s->in_cell = true;
	s->type = type_of(dw_xml_attr(attr, "t"));
	s->col = column(dw_xml_attr(attr, "r"), s->next);
	s->next = s->col + 1;
	s->is_date = i < s->book.styles && s->book.is_date[i];
	s->too_long = false;
	dw_buf_reset(&s->value);
}

static int on_start(void *ctx, const char *name, const char **attr, struct dw_err *err)
{
	struct sheet *s = ctx;

	if (strcmp(name, "sheetData") == 0)
		s->in_data = true;
	else if (s->in_data && !s->in_row && strcmp(name, "row") == 0)
		return begin_row(s, attr, err);
	else if (s->in_row && !s->in_cell && strcmp(name, "c") == 0)
		begin_cell(s, attr);
	else if (s->in_cell && strcmp(name, "v") == 0)
		s->grab = s->type != T_INLINE;
	else if (s->in_cell && strcmp(name, "is") == 0)
		s->in_inline = s->type == T_INLINE;
	else if (s->in_inline && strcmp(name, "rPh") == 0)
		s->phonetic++;
	else if (s->in_inline && strcmp(name, "t") == 0)
		s->grab = s->phonetic == 0;
	return 0;
}

static int on_text(void *ctx, const char *p, size_t n, struct dw_err *err)
{
	struct sheet *s = ctx;

	if (!s->grab || s->too_long)
		return 0;
	if (n > DW_TABLE_CELL_MAX - s->value.n) {
		s->too_long = true;
		return 0;
	}
	dw_buf_add(&s->value, p, n);
	return s->value.failed ? dw_err_oom(err) : 0;
}

static void put_text(struct sheet *s)
{
	struct dw_buf *v = &s->value;

	v->n = dw_book_unescape(v->p, v->n);
	dw_rowbuf_put(&s->row, s->col, DW_CELL_TEXT, v->p, v->n);
}

static void put_shared(struct sheet *s)
{
	char *end;
	unsigned long i = strtoul(s->value.p, &end, 10);

	if (*end || s->value.p[0] < '0' || s->value.p[0] > '9' || i >= s->book.strings)
		dw_rowbuf_bad(&s->row, s->col, "refers to a text the file doesn't have", s->value.p, s->value.n);
	else if (s->book.at[i] == DW_BOOK_LONG)
		dw_rowbuf_bad(&s->row, s->col, "longer than 64 KiB", "", 0);
	else if (s->book.text.p[s->book.at[i]]) {
		dw_rowbuf_ref(&s->row, s->col, DW_CELL_TEXT, s->book.text.p + s->book.at[i]);
		s->said += strlen(s->book.text.p + s->book.at[i]);
	}
}

static void put_number(struct sheet *s)
{
	const struct dw_buf *v = &s->value;
	char *end, text[DW_SERIAL_TEXT];
	double d = strtod_l(v->p, &end, s->c);
	const char *why;

	if (end == v->p || *end || v->p[strspn(v->p, "+-.0123456789eE")]) {
		dw_rowbuf_bad(&s->row, s->col, "not a number", v->p, v->n);
		return;
	}
	if (!s->is_date) {
		dw_rowbuf_put(&s->row, s->col, DW_CELL_NUMBER, v->p, v->n);
		return;
	}
	why = dw_serial_to_text(d, s->book.date1904, text);
	if (why)
		dw_rowbuf_bad(&s->row, s->col, why, v->p, v->n);
	else
		dw_rowbuf_put(&s->row, s->col, DW_CELL_DATE, text, strlen(text));
}

/* Digits where the pattern has a 9, its own signs elsewhere. */
static bool looks_like(const char *p, const char *pattern)
{
	for (; *pattern; p++, pattern++)
		if (*pattern == '9' ? *p < '0' || *p > '9' : *p != *pattern)
			return false;
	return true;
}

/* "2026-11-30T15:59:59.000", without a zone, is a date like any other; whatever else stands here is text. */
static void put_iso_date(struct sheet *s)
{
	const char *p = s->value.p;
	char text[DW_SERIAL_TEXT];
	size_t end;

	if (!looks_like(p, "9999-99-99")) {
		put_text(s);
		return;
	}
	end = looks_like(p + 10, "T99:99:99") ? 19 : 10;
	if (end == 19 && p[19] == '.')
		end += 1 + strspn(p + 20, "0123456789");
	if (p[end]) {
		put_text(s);
		return;
	}
	if (end == 10 || memcmp(p + 11, "00:00:00", 8) == 0)
		snprintf(text, sizeof(text), "%.10s", p);
	else
		snprintf(text, sizeof(text), "%.10s %.8s", p, p + 11);
	dw_rowbuf_put(&s->row, s->col, DW_CELL_DATE, text, strlen(text));
}

static void put_cell(struct sheet *s)
{
	struct dw_buf *v = &s->value;

	if (s->too_long) {
		dw_rowbuf_bad(&s->row, s->col, "longer than 64 KiB", "", 0);
		return;
	}
	if (v->n == 0)
		return; /* a gap: only formatted */
	switch (s->type) {
	case T_SHARED:
		put_shared(s);
		break;
	case T_INLINE:
	case T_FORMULA_TEXT:
		put_text(s);
		break;
	case T_BOOL:
		dw_rowbuf_ref(&s->row, s->col, DW_CELL_TEXT, strcmp(v->p, "0") == 0 ? "FALSE" : "TRUE");
		break;
	case T_ERROR:
		dw_rowbuf_bad(&s->row, s->col, "the cell holds an error", v->p, v->n);
		break;
	case T_ISO_DATE:
		put_iso_date(s);
		break;
	case T_NUMBER:
		put_number(s);
		break;
	}
}

static int hand_header(struct sheet *s, const struct dw_row *row, struct dw_err *err)
{
	s->header_done = true;
	s->header_n = row->n;
	if (row->reject)
		return dw_err_set(err, -EBADMSG, "line %" PRId64 ": the header is unusable: %s", row->line, row->reject);
	return s->sink->header(s->sink->ctx, row, err);
}

/* Empty cells at a row's end aren't stored in the file: the row is as wide as the header. */
static int end_row(struct sheet *s, struct dw_err *err)
{
	struct dw_rowbuf *b = &s->row;
	int r = 0;

	s->in_row = false;
	if (b->any || b->reject) {
		dw_rowbuf_pad(b, s->header_n);
		struct dw_row row = { b->cell, b->n, s->line, b->reject };

		r = s->header_done ? s->sink->row(s->sink->ctx, &row, err) : hand_header(s, &row, err);
	}
	dw_rowbuf_reset(b);
	return r;
}

static int on_end(void *ctx, const char *name, struct dw_err *err)
{
	struct sheet *s = ctx;

	if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0)
		s->grab = false;
	else if (strcmp(name, "is") == 0)
		s->in_inline = false;
	else if (s->in_inline && strcmp(name, "rPh") == 0)
		s->phonetic--;
	else if (s->in_cell && strcmp(name, "c") == 0) {
		put_cell(s);
		s->in_cell = s->in_inline = s->grab = false;
		if (s->said > said_max)
			return dw_err_set(err, -EBADMSG, "line %" PRId64 ": the sheet's cells say over 2 GiB: refused", s->line);
	} else if (s->in_row && !s->in_cell && strcmp(name, "row") == 0)
		return end_row(s, err);
	else if (strcmp(name, "sheetData") == 0)
		s->in_data = false;
	return 0;
}

static int read_sheet(struct sheet *s, struct dw_zip *z, struct dw_err *err)
{
	struct dw_xml_handler h = { on_start, on_end, on_text, s };
	int r;

	s->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!s->c)
		return dw_err_oom(err);
	r = dw_rowbuf_init(&s->row, err);
	if (r == 0)
		r = dw_zip_xml(z, s->book.sheet, &h, err);
	if (r == -ENOENT)
		r = -EBADMSG;
	if (r == 0 && !s->header_done)
		r = dw_err_set(err, -EBADMSG, "line 1: the sheet is empty: not even a header");
	return r;
}

static int check(int fd, struct dw_err *err)
{
	enum dw_sniff what = dw_sniff(fd);

	if (dw_sniff_advice(what))
		return dw_err_set(err, -EBADMSG, "%s", dw_sniff_advice(what));
	if (what != DW_SNIFF_ZIP)
		return dw_err_set(err, -EBADMSG, "this is not an .xlsx file: if it is text, set type = \"csv\"");
	return 0;
}

static int xlsx_read(int fd, const struct dw_table_opts *opts, const struct dw_table_sink *sink, struct dw_err *err)
{
	DW_CLEANUP(dw_zip_freep) struct dw_zip *z = NULL;
	DW_CLEANUP(sheet_fini) struct sheet s = { .sink = sink };
	int r = check(fd, err);

	if (r == 0)
		r = dw_zip_open(&z, fd, err);
	if (r == 0)
		r = dw_book_load(&s.book, z, opts ? opts->sheet : NULL, err);
	return r < 0 ? r : read_sheet(&s, z, err);
}

const struct dw_table_ops dw_xlsx = { .type = "xlsx", .read = xlsx_read };
