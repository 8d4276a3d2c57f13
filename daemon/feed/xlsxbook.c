/* xlsxbook.h: the parts around the sheet: relations, workbook, styles, shared strings. */
#include "xlsxbook.h"

#include "duewatch/feed.h"
#include "serial.h"

#include <limits.h>
#include <stdio.h>
#include <strings.h>

enum { PATH_MAX_LEN = 512, RELS_MAX = 4096 };

struct rel {
	char *id, *type, *target; /* type: the last word of its URL; target: a part's name */
};

struct rels {
	char base[PATH_MAX_LEN]; /* the folder targets are relative to, "" or with a slash at its end */
	struct rel *rel;
	size_t n, cap;
};

static void rels_fini(struct rels *rs)
{
	for (size_t i = 0; i < rs->n; i++) {
		free(rs->rel[i].id);
		free(rs->rel[i].type);
		free(rs->rel[i].target);
	}
	free(rs->rel);
}

/* base + target without "." and ".."; out is "" where that leads nowhere. */
static void resolve(const char *base, const char *target, char out[PATH_MAX_LEN])
{
	char path[PATH_MAX_LEN], *save = NULL;
	int n = snprintf(path, sizeof(path), "%s%s", *target == '/' ? "" : base, target);
	size_t at = 0;

	out[0] = '\0';
	if (n < 0 || n >= PATH_MAX_LEN)
		return;
	for (char *s = strtok_r(path, "/", &save); s; s = strtok_r(NULL, "/", &save)) {
		if (strcmp(s, "..") == 0) {
			while (at > 0 && out[--at] != '/')
				;
		} else if (strcmp(s, ".") != 0)
			at += (size_t)snprintf(out + at, PATH_MAX_LEN - at, "%s%s", at ? "/" : "", s);
		out[at] = '\0';
	}
}

static int rel_start(void *ctx, const char *name, const char **attr, struct dw_err *err)
{
	struct rels *rs = ctx;
	const char *id = dw_xml_attr(attr, "Id"), *type = dw_xml_attr(attr, "Type"), *target = dw_xml_attr(attr, "Target");
	char path[PATH_MAX_LEN];
	struct rel *r;

	if (strcmp(name, "Relationship") != 0 || !id || !type || !target)
		return 0;
	if (rs->n >= RELS_MAX)
		return dw_err_set(err, -EBADMSG, "the file's parts have over %d relations", RELS_MAX);
	if (dw_grow(&rs->rel, &rs->cap, rs->n + 1, sizeof(*rs->rel)) < 0)
		return dw_err_oom(err);
	resolve(rs->base, target, path);
	type = strrchr(type, '/') ? strrchr(type, '/') + 1 : type;
	r = &rs->rel[rs->n++];
	*r = (struct rel){ dw_strdup(id), dw_strdup(type), dw_strdup(path) };
	return r->id && r->type && r->target ? 0 : dw_err_oom(err);
}

/* Loads the relations of `part` ("" for the package); none is no error. */
static int rels_load(struct rels *rs, struct dw_zip *z, const char *part, struct dw_err *err)
{
	const char *slash = strrchr(part, '/');
	int dir = slash ? (int)(slash - part) + 1 : 0;
	char path[PATH_MAX_LEN * 2];
	struct dw_xml_handler h = { .start = rel_start, .ctx = rs };

	snprintf(rs->base, sizeof(rs->base), "%.*s", dir, part);
	snprintf(path, sizeof(path), "%s_rels/%s.rels", rs->base, part + dir);
	return dw_zip_has(z, path) ? dw_zip_xml(z, path, &h, err) : 0;
}

static const struct rel *rel_by_type(const struct rels *rs, const char *type)
{
	for (size_t i = 0; i < rs->n; i++)
		if (strcasecmp(rs->rel[i].type, type) == 0)
			return &rs->rel[i];
	return NULL;
}

static const struct rel *rel_by_id(const struct rels *rs, const char *id)
{
	for (size_t i = 0; i < rs->n; i++)
		if (strcmp(rs->rel[i].id, id) == 0)
			return &rs->rel[i];
	return NULL;
}

static bool is_true(const char *s)
{
	return s && (strcmp(s, "1") == 0 || strcasecmp(s, "true") == 0 || strcasecmp(s, "on") == 0);
}

struct workbook {
	struct dw_book *book;
	const struct rels *rels;
	const char *want; /* a sheet's name, or NULL */
	size_t sheets;
	struct dw_buf names; /* for the message */
};

static int see_sheet(struct workbook *w, const char **attr, struct dw_err *err)
{
	const char *name = dw_xml_attr(attr, "name"), *id = dw_xml_attr(attr, "id"), *state = dw_xml_attr(attr, "state");
	const struct rel *r = id ? rel_by_id(w->rels, id) : NULL;
	bool hidden = state && strcmp(state, "visible") != 0;

	if (++w->sheets > DW_BOOK_SHEETS_MAX)
		return dw_err_set(err, -EBADMSG, "over %d sheets", DW_BOOK_SHEETS_MAX);
	if (!name || !r || strcasecmp(r->type, "worksheet") != 0)
		return 0;
	if (w->names.n < 300)
		dw_buf_printf(&w->names, "%s\"%.100s\"%s", w->names.n ? ", " : "", name, hidden ? " (hidden)" : "");
	if (w->book->sheet || (w->want ? strcasecmp(name, w->want) != 0 : hidden))
		return 0;
	w->book->sheet = dw_strdup(r->target);
	return w->book->sheet ? 0 : dw_err_oom(err);
}

static int workbook_start(void *ctx, const char *name, const char **attr, struct dw_err *err)
{
	struct workbook *w = ctx;

	if (strcmp(name, "workbookPr") == 0)
		w->book->date1904 = is_true(dw_xml_attr(attr, "date1904"));
	else if (strcmp(name, "sheet") == 0)
		return see_sheet(w, attr, err);
	return 0;
}

static int load_workbook(struct dw_book *b, struct dw_zip *z, const char *part, const struct rels *rs, const char *sheet, struct dw_err *err)
{
	struct workbook w = { .book = b, .rels = rs, .want = dw_empty(sheet) ? NULL : sheet };
	struct dw_xml_handler h = { .start = workbook_start, .ctx = &w };
	int r = dw_zip_xml(z, part, &h, err);

	if (r == 0 && !b->sheet && w.want)
		r = dw_err_set(err, -ENOENT, "no sheet \"%s\"; the file has %s", w.want, w.names.n ? dw_buf_str(&w.names) : "none");
	else if (r == 0 && !b->sheet)
		r = dw_err_set(err, -EBADMSG, "no visible sheet in the file");
	dw_buf_fini(&w.names);
	return r;
}

struct styles {
	struct dw_book *book;
	size_t cap;
	bool in_cells; /* below cellXfs */
	uint8_t format[DW_BOOK_STYLES_MAX]; /* by numFmtId: 0 not spelled out, 1 no date, 2 a date */
};

static unsigned long number(const char *s, unsigned long none)
{
	char *end;
	unsigned long v;

	if (!s || *s < '0' || *s > '9')
		return none;
	v = strtoul(s, &end, 10);
	return *end ? none : v;
}

static int add_style(struct styles *st, const char **attr, struct dw_err *err)
{
	struct dw_book *b = st->book;
	unsigned long id = number(dw_xml_attr(attr, "numFmtId"), 0);

	if (b->styles >= DW_BOOK_STYLES_MAX)
		return dw_err_set(err, -EBADMSG, "over %d cell styles", DW_BOOK_STYLES_MAX);
	if (dw_grow(&b->is_date, &st->cap, b->styles + 1, 1) < 0)
		return dw_err_oom(err);
	if (id >= DW_BOOK_STYLES_MAX)
		id = 0;
	b->is_date[b->styles++] = st->format[id] ? st->format[id] == 2 : dw_serial_is_date_id((unsigned)id);
	return 0;
}

static int styles_start(void *ctx, const char *name, const char **attr, struct dw_err *err)
{
	struct styles *st = ctx;

	if (strcmp(name, "cellXfs") == 0)
		st->in_cells = true;
	else if (strcmp(name, "xf") == 0 && st->in_cells)
		return add_style(st, attr, err);
	else if (strcmp(name, "numFmt") == 0) {
		unsigned long id = number(dw_xml_attr(attr, "numFmtId"), ULONG_MAX);
		const char *code = dw_xml_attr(attr, "formatCode");

		if (id < DW_BOOK_STYLES_MAX && code)
			st->format[id] = dw_serial_is_date_format(code) ? 2 : 1;
	}
	return 0;
}

static int styles_end(void *ctx, const char *name, struct dw_err *err)
{
	struct styles *st = ctx;

	(void)err;
	if (strcmp(name, "cellXfs") == 0)
		st->in_cells = false;
	return 0;
}

static int load_styles(struct dw_book *b, struct dw_zip *z, const char *part, struct dw_err *err)
{
	DW_FREE struct styles *st = dw_calloc(1, sizeof(*st));
	struct dw_xml_handler h = { styles_start, styles_end, NULL, st };

	if (!st)
		return dw_err_oom(err);
	st->book = b;
	return dw_zip_xml(z, part, &h, err);
}

struct strings {
	struct dw_book *book;
	size_t begin; /* of the string in hand, in book->text */
	bool in_si, in_t;
	int phonetic; /* depth of rPh: a reading aid, not the text */
	bool too_long;
};

static int strings_start(void *ctx, const char *name, const char **attr, struct dw_err *err)
{
	struct strings *s = ctx;

	(void)attr;
	(void)err;
	if (strcmp(name, "si") == 0) {
		s->in_si = true;
		s->too_long = false;
		s->begin = s->book->text.n;
	} else if (strcmp(name, "rPh") == 0)
		s->phonetic++;
	else if (strcmp(name, "t") == 0)
		s->in_t = s->in_si && s->phonetic == 0;
	return 0;
}

static int strings_text(void *ctx, const char *p, size_t n, struct dw_err *err)
{
	struct strings *s = ctx;
	struct dw_buf *text = &s->book->text;

	if (!s->in_t || s->too_long)
		return 0;
	if (n > DW_TABLE_CELL_MAX - (text->n - s->begin)) {
		s->too_long = true;
		return 0;
	}
	dw_buf_add(text, p, n);
	return text->failed ? dw_err_oom(err) : 0;
}

static int end_string(struct strings *s, struct dw_err *err)
{
	struct dw_book *b = s->book;
	uint32_t at = s->too_long ? DW_BOOK_LONG : (uint32_t)s->begin;

	if (b->text.n + b->strings * sizeof(*b->at) > DW_BOOK_STRINGS_MAX)
		return dw_err_set(err, -EBADMSG, "over 256 MiB of text in the file: split it or save it as .csv");
	if (dw_grow(&b->at, &b->at_cap, b->strings + 1, sizeof(*b->at)) < 0)
		return dw_err_oom(err);
	if (s->too_long)
		b->text.n = s->begin;
	else {
		if (b->text.n > s->begin)
			b->text.n = s->begin + dw_book_unescape(b->text.p + s->begin, b->text.n - s->begin);
		dw_buf_putc(&b->text, '\0');
	}
	b->at[b->strings++] = at;
	return b->text.failed ? dw_err_oom(err) : 0;
}

static int strings_end(void *ctx, const char *name, struct dw_err *err)
{
	struct strings *s = ctx;

	if (strcmp(name, "t") == 0)
		s->in_t = false;
	else if (strcmp(name, "rPh") == 0)
		s->phonetic--;
	else if (strcmp(name, "si") == 0 && s->in_si) {
		s->in_si = false;
		return end_string(s, err);
	}
	return 0;
}

static int hex4(const char *s)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		char c = s[i];
		int d = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;

		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

static size_t put_utf8(char *o, int v)
{
	if (v < 0x80) {
		o[0] = (char)v;
		return 1;
	}
	if (v < 0x800) {
		o[0] = (char)(0xC0 | v >> 6);
		o[1] = (char)(0x80 | (v & 0x3F));
		return 2;
	}
	o[0] = (char)(0xE0 | v >> 12);
	o[1] = (char)(0x80 | (v >> 6 & 0x3F));
	o[2] = (char)(0x80 | (v & 0x3F));
	return 3;
}

size_t dw_book_unescape(char *s, size_t n)
{
	size_t o = 0, i = 0;

	if (!memmem(s, n, "_x", 2))
		return n;
	while (i < n) {
		int v = n - i >= 7 && s[i] == '_' && s[i + 1] == 'x' && s[i + 6] == '_' ? hex4(s + i + 2) : -1;

		if (v <= 0 || (v >= 0xD800 && v <= 0xDFFF)) {
			s[o++] = s[i++];
			continue;
		}
		o += put_utf8(s + o, v);
		i += 7;
	}
	return o;
}

static int load_strings(struct dw_book *b, struct dw_zip *z, const char *part, struct dw_err *err)
{
	struct strings s = { .book = b };
	struct dw_xml_handler h = { strings_start, strings_end, strings_text, &s };

	return dw_zip_xml(z, part, &h, err);
}

void dw_book_fini(struct dw_book *b)
{
	free(b->sheet);
	free(b->is_date);
	free(b->at);
	dw_buf_fini(&b->text);
	*b = (struct dw_book){ 0 };
}

static int not_xlsx(struct dw_zip *z, struct dw_err *err)
{
	const char *what = dw_zip_has(z, "xl/workbook.bin")	      ? "a binary Excel file (.xlsb)"
			   : dw_zip_has(z, "content.xml")	      ? "an OpenDocument file (.ods)"
			   : dw_zip_has(z, "Index/Document.iwa")      ? "an Apple Numbers file"
			   : dw_zip_has(z, "word/document.xml")	      ? "a Word document"
								      : "a zip file without a workbook in it";

	return dw_err_set(err, -EBADMSG, "this is %s: save the table as .xlsx or .csv", what);
}

static int find_workbook(struct dw_zip *z, char out[PATH_MAX_LEN], struct dw_err *err)
{
	DW_CLEANUP(rels_fini) struct rels rs = { .n = 0 };
	const struct rel *doc;
	int r = rels_load(&rs, z, "", err);

	if (r < 0)
		return r;
	doc = rel_by_type(&rs, "officeDocument");
	snprintf(out, PATH_MAX_LEN, "%s", doc ? doc->target : "xl/workbook.xml");
	if (!dw_zip_has(z, out) || dw_zip_has(z, "word/document.xml") || strcasecmp(out + strlen(out) - (strlen(out) >= 4 ? 4 : 0), ".bin") == 0)
		return not_xlsx(z, err);
	return 0;
}

int dw_book_load(struct dw_book *b, struct dw_zip *z, const char *sheet, struct dw_err *err)
{
	DW_CLEANUP(rels_fini) struct rels rs = { .n = 0 };
	const struct rel *styles, *strings;
	char part[PATH_MAX_LEN];
	int r = find_workbook(z, part, err);

	if (r == 0)
		r = rels_load(&rs, z, part, err);
	if (r == 0)
		r = load_workbook(b, z, part, &rs, sheet, err);
	if (r < 0)
		return r;
	styles = rel_by_type(&rs, "styles");
	strings = rel_by_type(&rs, "sharedStrings");
	if (styles && dw_zip_has(z, styles->target))
		r = load_styles(b, z, styles->target, err);
	if (r == 0 && strings && dw_zip_has(z, strings->target))
		r = load_strings(b, z, strings->target, err);
	return r;
}
