/* ingest-map.h */
#include "ingest-map.h"

#include "duewatch/quote.h"

#include <ctype.h>
#include <stdio.h>

enum { REJECTS_MAX = 32 * 1024, HEADER_KEY = 512 };

void dw_report_reject(struct dw_read_report *r, const char *fmt, ...)
{
	char line[700];
	va_list ap;

	r->rejected++;
	if (r->rejects.n > REJECTS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	dw_quote_line(line); /* a title or a cell cut inside a character: the store would refuse the whole read */
	dw_buf_puts(&r->rejects, line);
	dw_buf_putc(&r->rejects, '\n');
}

/* Headers compare without case, spaces, and with full-width brackets, colons and stars as their ASCII twins. */
static void header_key(char out[HEADER_KEY], const char *s)
{
	static const struct {
		const char *wide;
		char narrow;
	} twin[] = { { "（", '(' }, { "）", ')' }, { "：", ':' }, { "，", ',' }, { "＊", '*' }, { "／", '/' }, { "　", ' ' } };
	size_t k = 0;

	while (*s && k < HEADER_KEY - 1) {
		size_t i;

		for (i = 0; i < DW_COUNT(twin); i++)
			if (strncmp(s, twin[i].wide, strlen(twin[i].wide)) == 0)
				break;
		if (i < DW_COUNT(twin)) {
			if (twin[i].narrow != ' ')
				out[k++] = twin[i].narrow;
			s += strlen(twin[i].wide);
		} else if (isspace((unsigned char)*s))
			s++;
		else
			out[k++] = (char)tolower((unsigned char)*s++);
	}
	while (k && out[k - 1] == '*')
		k--; /* "Order No.*": a required column */
	out[k] = '\0';
}

/* "订单编号(order number)" without what is in brackets. */
static void without_brackets(char *key)
{
	char *p = strchr(key, '(');

	if (p && p != key)
		*p = '\0';
}

struct header {
	const struct dw_row *row;
	char (*key)[HEADER_KEY];
};

static int find_column(const struct header *h, const char *theirs)
{
	char want[HEADER_KEY], have[HEADER_KEY];

	header_key(want, theirs);
	for (size_t i = 0; i < h->row->n; i++)
		if (strcmp(h->key[i], want) == 0)
			return (int)i;
	without_brackets(want);
	for (size_t i = 0; i < h->row->n; i++) {
		memcpy(have, h->key[i], sizeof(have));
		without_brackets(have);
		if (have[0] && strcmp(have, want) == 0)
			return (int)i;
	}
	return -1;
}

static int map_field(struct dw_map *m, enum dw_field x, int column, const struct header *h, const char *left)
{
	if (column < 0 || m->column[x] >= 0)
		return 0;
	m->column[x] = column;
	m->left[x] = left;
	m->any_left |= left != NULL;
	m->title[x] = dw_strdup(h->row->cell[column].text);
	return m->title[x] ? 0 : -ENOMEM;
}

static int map_list(struct dw_map *m, const struct dw_column *list, size_t n, const struct header *h)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = map_field(m, list[i].ours, find_column(h, list[i].theirs), h, list[i].left);
	return r;
}

/* The feed's own words, then our names, then the pack's: rules.md and interface.md, Config. */
static int map_all(struct dw_map *m, const struct dw_feed_conf *conf, const struct header *h)
{
	int r = map_list(m, conf->columns, conf->n_columns, h);

	for (int x = 0; r == 0 && x < DW_FIELD_COUNT; x++) {
		size_t i;

		for (i = 0; i < h->row->n; i++)
			if (strcmp(h->key[i], dw_fields[x].name) == 0)
				break;
		if (i < h->row->n)
			r = map_field(m, (enum dw_field)x, (int)i, h, NULL);
	}
	return r == 0 && conf->pack ? map_list(m, conf->pack->columns, conf->pack->n_columns, h) : r;
}

static int no_order_id(const struct dw_row *header, struct dw_err *err)
{
	DW_BUF have = { 0 };

	for (size_t i = 0; i < header->n && have.n < 200; i++)
		dw_buf_printf(&have, "%s\"%.40s\"", i ? ", " : "", header->cell[i].text);
	return dw_err_set(err, -EINVAL,
			  "line %lld: no column is the order number (the header has %s): name it in the feed, "
			  "columns = ( (\"order_id\", \"…\") )",
			  (long long)header->line, dw_buf_str(&have));
}

int dw_map_header(struct dw_map *out, const struct dw_feed_conf *conf, const struct dw_row *header, struct dw_err *err)
{
	struct dw_map m = { .print = dw_hash(DW_HASH_INIT, &conf->print, sizeof(conf->print)) };
	struct header h = { .row = header, .key = dw_calloc(header->n ? header->n : 1, HEADER_KEY) };
	int r;

	if (!h.key)
		return dw_err_oom(err);
	for (size_t i = 0; i < header->n; i++)
		header_key(h.key[i], header->cell[i].text);
	for (int x = 0; x < DW_FIELD_COUNT; x++)
		m.column[x] = -1;
	r = map_all(&m, conf, &h);
	free(h.key);
	if (r < 0)
		r = dw_err_oom(err);
	else if (m.column[DW_F_ORDER_ID] < 0)
		r = no_order_id(header, err);
	if (r < 0) {
		dw_map_fini(&m);
		return r;
	}
	for (int x = 0; x < DW_FIELD_COUNT; x++)
		m.print = dw_hash_str(m.print, m.title[x]);
	*out = m;
	return 0;
}

void dw_map_fini(struct dw_map *m)
{
	for (int x = 0; x < DW_FIELD_COUNT; x++)
		free(m->title[x]);
	*m = (struct dw_map){ 0 };
}

static const struct dw_cell *cell_of(const struct dw_map *m, const struct dw_row *row, enum dw_field x)
{
	static const struct dw_cell empty = { .text = "", .kind = DW_CELL_TEXT };

	return m->column[x] >= 0 && (size_t)m->column[x] < row->n ? &row->cell[m->column[x]] : &empty;
}

int dw_map_order_id(const struct dw_map *m, const struct dw_row *row, char *out, size_t size, struct dw_err *err)
{
	const struct dw_cell *c = cell_of(m, row, DW_F_ORDER_ID);
	struct dw_facts f = { 0 };
	int r;

	if (row->reject)
		return dw_err_set(err, -EINVAL, "%s", row->reject);
	if (c->kind == DW_CELL_BAD)
		return dw_err_set(err, -EINVAL, "order_id: %s", c->text);
	r = dw_fact_parse(&f, DW_F_ORDER_ID, c->text, c->kind == DW_CELL_NUMBER, NULL, NULL, err);
	if (r == 0)
		snprintf(out, size, "%s", f.text[DW_F_ORDER_ID]);
	dw_facts_fini(&f);
	return r < 0 ? r : r > 0 ? dw_err_set(err, -EINVAL, "order_id is empty") : 0;
}

/* "86400000" ms left at `base` → an instant. */
static int parse_left(struct dw_facts *f, enum dw_field x, const char *text, const char *unit, dw_time base,
		      struct dw_err *err)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "ms", 0.001 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	char *end;
	double v = strtod(text, &end);
	double at;

	f->listed |= UINT32_C(1) << x;
	if (*text == '\0') {
		dw_facts_forget(f, x);
		return 1;
	}
	for (size_t i = 0; i < DW_COUNT(units); i++)
		if (strcmp(units[i].unit, unit) == 0)
			v *= units[i].seconds;
	at = (double)base + v;
	if (end == text || *end || !(at > DW_TIME_MIN && at < DW_TIME_MAX))
		return dw_err_set(err, -EINVAL, "\"%.40s\" is not a time left", text);
	dw_facts_set_num(f, x, (int64_t)at);
	return 0;
}

static int map_cell(const struct dw_map *m, const struct dw_feed_conf *conf, const struct dw_row *row, enum dw_field x,
		    dw_time base, struct dw_read_order *o, struct dw_read_report *report, struct dw_err *err)
{
	const struct dw_cell *c = cell_of(m, row, x);
	struct dw_cell_rules rules = { .zone = conf->zone, .other = conf->other, .status = conf->status,
				       .n_status = conf->n_status };
	struct dw_err why;
	int r;

	if (m->column[x] < 0)
		return 0;
	if (m->left[x])
		o->left |= UINT32_C(1) << x;
	else {
		o->print = dw_hash_str(o->print, c->text);
		o->print = dw_hash(o->print, &c->kind, sizeof(c->kind));
	}
	o->facts.listed |= UINT32_C(1) << x;
	if (c->kind == DW_CELL_BAD)
		r = dw_err_set(&why, -EINVAL, "%s", c->text);
	else if (m->left[x])
		r = parse_left(&o->facts, x, c->text, m->left[x], base, &why);
	else
		r = dw_fact_parse(&o->facts, x, c->text, c->kind == DW_CELL_NUMBER, &rules, NULL, &why);
	if (r == -ENOMEM)
		return dw_err_oom(err);
	if (r < 0) {
		o->bad |= UINT32_C(1) << x;
		dw_report_reject(report, "line %lld, column \"%.60s\" (%s): %s", (long long)row->line, m->title[x],
				 dw_fields[x].name, why.text);
	}
	return 0;
}

int dw_map_row(const struct dw_map *m, const struct dw_feed_conf *conf, const struct dw_row *row, dw_time base,
	       struct dw_read_order *o, struct dw_read_report *report, struct dw_err *err)
{
	/* the amount is read in its row's currency, so that comes first */
	int r = map_cell(m, conf, row, DW_F_CURRENCY, base, o, report, err);

	for (int x = 0; r == 0 && x < DW_FIELD_COUNT; x++)
		if (x != DW_F_CURRENCY)
			r = map_cell(m, conf, row, (enum dw_field)x, base, o, report, err);
	/* read without its currency the amount's minor units may be off by a hundred: the last known one stays */
	if (o->bad >> DW_F_CURRENCY & 1) {
		o->bad |= UINT32_C(1) << DW_F_AMOUNT;
		dw_facts_forget(&o->facts, DW_F_AMOUNT);
	}
	return r;
}
