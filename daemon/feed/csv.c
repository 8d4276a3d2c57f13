/* CSV (RFC 4180 as people really write it), one pass over an open file.
 *
 * libcsv does the cutting, in strict mode, with one exception made by us: a quote inside an unquoted field is
 * text (12" screw). Its lenient mode would also let `"ab"c` open a quote again and swallow the rest of the file
 * while reporting success (design.md §5, 14). Lines are counted here, from the line ends libcsv reports
 * (CSV_REPALL_NL) and those inside quoted cells. */
#include "encoding.h"
#include "rowbuf.h"
#include "sniff.h"

#include <csv.h>
#include <inttypes.h>
#include <strings.h>

enum { STRICT = CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL, LENIENT = CSV_REPALL_NL };

struct reader {
	struct csv_parser parser;
	const struct dw_table_sink *sink;
	const char *encoding;
	struct dw_rowbuf row;
	struct dw_err *err;
	int r; /* libcsv's callbacks can't stop it: the first failure, after which they do nothing */
	int64_t line;	  /* of the first byte not yet handed over as a cell or a line end */
	int64_t row_line; /* of the row in hand */
	bool after_cr;	  /* the last thing was a CR at a row's end: an LF belongs to it */
	bool header_done;
	size_t least;	  /* cells in the shortest row so far, the header among them */
};

static void reader_fini(struct reader *rd)
{
	csv_free(&rd->parser);
	dw_rowbuf_fini(&rd->row);
}

static int never_space(unsigned char c)
{
	(void)c;
	return 0;
}

static int64_t count_lines(const char *p, size_t n)
{
	int64_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n' || (p[i] == '\r' && (i + 1 == n || p[i + 1] != '\n'));
	return lines;
}

/* About the quoted field libcsv has in hand. */
static int fail_quote(struct reader *rd, const char *what, const char *so)
{
	int64_t now = rd->line + count_lines((char *)rd->parser.entry_buf, rd->parser.entry_pos);

	return dw_err_set(rd->err, -EBADMSG, "line %" PRId64 ": %s (it began on line %" PRId64 "): %s", now, what, rd->line, so);
}

static int fail_long(struct reader *rd)
{
	return dw_err_set(rd->err, -EBADMSG, "line %" PRId64 ": the field that begins here is longer than 64 KiB: "
			  "a quote is missing, or this is not a CSV file", rd->line);
}

/* A cell with more than plain ASCII in it: line ends, other scripts, damage. */
static void put_special(struct reader *rd, const char *p, size_t n)
{
	struct dw_rowbuf *row = &rd->row;

	rd->line += count_lines(p, n);
	if (memchr(p, '\0', n)) {
		dw_rowbuf_bad(row, row->n, "a NUL byte in it", p, n);
		row->reject = "a NUL byte in it";
	} else if (!dw_utf8_valid(p, n)) {
		char why[64] = "not valid ";

		strncat(why, rd->encoding, 40);
		dw_rowbuf_bad(row, row->n, why, p, n);
	} else
		dw_rowbuf_put(row, row->n, DW_CELL_TEXT, p, n);
}

static void on_cell(void *p, size_t n, void *ctx)
{
	struct reader *rd = ctx;

	if (rd->r < 0)
		return;
	rd->after_cr = false;
	if (n > DW_TABLE_CELL_MAX)
		rd->r = fail_long(rd);
	else if (dw_text_plain(p, n) == n)
		dw_rowbuf_put(&rd->row, rd->row.n, DW_CELL_TEXT, p, n);
	else
		put_special(rd, p, n);
}

static int hand_header(struct reader *rd, const struct dw_row *row)
{
	rd->header_done = true;
	if (row->reject)
		return dw_err_set(rd->err, -EBADMSG, "line %" PRId64 ": the header is unusable: %s%s", row->line, row->reject,
				  strstr(row->reject, "NUL") ? " (is the file UTF-16?)" : "");
	return rd->sink->header(rd->sink->ctx, row, rd->err);
}

/* The file's last row without a line end is often just that; with fewer cells than the header and every row
 * before it, it is half a row. */
static void end_row(struct reader *rd, int end)
{
	struct dw_rowbuf *b = &rd->row;
	struct dw_row row = { b->cell, b->n, rd->row_line, b->reject };

	if (end < 0 && rd->header_done && b->n < rd->least)
		rd->r = dw_err_set(rd->err, -EBADMSG, "line %" PRId64 ": the last row has no line end and only %zu of %zu cells: the file is cut short",
				   rd->line, b->n, rd->least);
	else if (b->any || b->reject) {
		rd->least = b->n < rd->least ? b->n : rd->least;
		rd->r = rd->header_done ? rd->sink->row(rd->sink->ctx, &row, rd->err) : hand_header(rd, &row);
	}
	dw_rowbuf_reset(b);
}

/* c: the line end's byte, or -1 at the end of the file. */
static void on_row(int c, void *ctx)
{
	struct reader *rd = ctx;
	bool second_half = c == '\n' && rd->after_cr && rd->row.n == 0;

	if (rd->r < 0)
		return;
	rd->after_cr = c == '\r';
	if (!second_half) {
		end_row(rd, c);
		rd->line++;
	}
	rd->row_line = rd->line;
}

static int feed(struct reader *rd, const char *p, size_t n)
{
	struct csv_parser *c = &rd->parser;

	while (n > 0) {
		size_t k = csv_parse(c, p, n, on_cell, on_row, rd);

		if (rd->r < 0)
			return rd->r;
		if (k == n)
			break;
		if (csv_error(c) != CSV_EPARSE)
			return dw_err_oom(rd->err);
		if (c->quoted)
			return fail_quote(rd, "text after the closing quote of a field",
					  "a quote is missing, or one inside the text is not doubled");
		csv_set_opts(c, LENIENT); /* a quote inside an unquoted field: take this one byte as text */
		if (csv_parse(c, p + k, 1, on_cell, on_row, rd) != 1)
			return dw_err_oom(rd->err);
		csv_set_opts(c, STRICT);
		p += k + 1;
		n -= k + 1;
	}
	if (c->entry_pos <= DW_TABLE_CELL_MAX)
		return 0;
	return c->quoted ? fail_quote(rd, "a quoted field is still open after 64 KiB", "a quote is missing") : fail_long(rd);
}

static int finish(struct reader *rd)
{
	if (csv_fini(&rd->parser, on_cell, on_row, rd) != 0)
		return fail_quote(rd, "a quoted field is still open at the end of the file",
				  "the file is cut short or a quote is missing");
	if (rd->r == 0 && !rd->header_done)
		return dw_err_set(rd->err, -EBADMSG, "line 1: the file is empty: not even a header line");
	return rd->r;
}

static bool usable_delimiter(char c)
{
	return c == '\t' || (c > ' ' && c < 0x7f && c != '"');
}

/* Excel's own word about the delimiter, a first line `sep=;`: how many bytes it takes, 0 if there is none. */
static size_t sep_line(const char *p, size_t n, char *delim)
{
	if (n < 6 || strncasecmp(p, "sep=", 4) != 0 || !usable_delimiter(p[4]) || (p[5] != '\r' && p[5] != '\n'))
		return 0;
	*delim = p[4];
	return p[5] == '\r' && n > 6 && p[6] == '\n' ? 7 : 6;
}

/* The likeliest delimiter by the first line that isn't blank, quoted parts left out. On a tie the one that is
 * rarer in words wins: a header like `税费,仅美国卖家适用` has a comma of its own. */
static char guess_delimiter(const char *p, size_t n)
{
	static const char likely[] = "\t;|,";
	size_t count[4] = { 0 }, best = 3, i = 0;
	bool quoted = false;

	while (i < n && (p[i] == '\r' || p[i] == '\n'))
		i++;
	for (; i < n && (quoted || (p[i] != '\r' && p[i] != '\n')); i++) {
		const char *at = p[i] && !quoted ? strchr(likely, p[i]) : NULL;

		if (at)
			count[at - likely]++;
		quoted = quoted != (p[i] == '"');
	}
	for (i = 4; i-- > 0;)
		if (count[i] && count[i] >= count[best])
			best = i;
	return likely[best];
}

static void start(struct reader *rd, const struct dw_table_opts *opts, const char **p, size_t *n)
{
	char delim = opts && opts->delimiter ? opts->delimiter : '\0';
	size_t skip = sep_line(*p, *n, &delim);

	*p += skip;
	*n -= skip;
	rd->line = rd->row_line = skip ? 2 : 1;
	csv_set_delim(&rd->parser, (unsigned char)(delim ? delim : guess_delimiter(*p, *n)));
}

static int read_all(struct reader *rd, struct dw_text *text, const struct dw_table_opts *opts)
{
	const char *p;
	size_t n;
	int r = dw_text_next(text, &p, &n, rd->err);

	if (r == 0 && n > 0)
		start(rd, opts, &p, &n);
	while (r == 0 && n > 0) {
		r = feed(rd, p, n);
		if (r == 0)
			r = dw_text_next(text, &p, &n, rd->err);
	}
	return r < 0 ? r : finish(rd);
}

static int check(int fd, const struct dw_table_opts *opts, struct dw_err *err)
{
	enum dw_sniff what = dw_sniff(fd);

	if (what == DW_SNIFF_ZIP)
		return dw_err_set(err, -EBADMSG, "this is a spreadsheet (.xlsx), whatever its name: set type = \"xlsx\", or save it as .csv");
	if (dw_sniff_advice(what))
		return dw_err_set(err, -EBADMSG, "%s", dw_sniff_advice(what));
	if (opts && opts->delimiter && !usable_delimiter(opts->delimiter))
		return dw_err_set(err, -EINVAL, "a delimiter is one ASCII sign or a TAB, not a quote, blank or line end");
	return 0;
}

static int csv_read(int fd, const struct dw_table_opts *opts, const struct dw_table_sink *sink, struct dw_err *err)
{
	DW_CLEANUP(dw_text_freep) struct dw_text *text = NULL;
	DW_CLEANUP(reader_fini) struct reader rd = { .sink = sink, .err = err, .line = 1, .row_line = 1, .least = SIZE_MAX };
	int r;

	csv_init(&rd.parser, STRICT);
	csv_set_space_func(&rd.parser, never_space); /* blanks are the cell's own: no trimming */
	csv_set_blk_size(&rd.parser, 4096);
	r = check(fd, opts, err);
	if (r == 0)
		r = dw_text_open(&text, fd, opts ? opts->encoding : NULL, err);
	if (r == 0)
		r = dw_rowbuf_init(&rd.row, err);
	if (r < 0)
		return r;
	rd.encoding = dw_text_encoding(text);
	return read_all(&rd, text, opts);
}

const struct dw_table_ops dw_csv = { .type = "csv", .read = csv_read };
