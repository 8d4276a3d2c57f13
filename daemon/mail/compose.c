/* compose.h: the story of a mail. The view is sorted into sections, each order becomes a tree of clean texts, and the
 * layouts pour the whole twice: as text and as HTML. */
#include "compose-impl.h"

#include <stdio.h>

enum { NOTES_MAX = 200, SUBJECT_BUYER_MAX = 40, FEEDS_MAX = 200 };

void dw_composer_free(struct dw_composer *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		dw_templates_fini(&c->set[i]);
	free(c);
}

static int add_language(struct dw_composer *c, const char *language, struct dw_err *err)
{
	int r;

	for (size_t i = 0; i < c->n; i++)
		if (dw_streq(c->set[i].language, language))
			return 0;
	if (c->n == DW_LANGUAGES_MAX || dw_empty(language))
		return 0; /* such a person reads the first language */
	r = dw_templates_load(&c->set[c->n], c->config, language, NULL, NULL, err);
	if (r == 0)
		c->n++;
	return r;
}

int dw_composer_new(struct dw_composer **out, const struct dw_config *config, struct dw_err *err)
{
	struct dw_composer *c = dw_calloc(1, sizeof(*c));
	int r;

	if (!c)
		return dw_err_oom(err);
	dw_mime_init();
	c->config = config;
	r = add_language(c, dw_empty(config->language) ? "en" : config->language, err);
	for (size_t i = 0; r == 0 && i < config->people.n; i++)
		r = add_language(c, config->people.p[i].language, err);
	if (r < 0)
		dw_composer_free(c);
	else
		*out = c;
	return r;
}

static const struct dw_templates *set_for(const struct dw_composer *c, const char *language)
{
	for (size_t i = 0; i < c->n; i++)
		if (dw_streq(c->set[i].language, language))
			return &c->set[i];
	return &c->set[0];
}

/* ---- what goes where ---- */

/* Items of the view by their place in the mail; indexes into view->item. */
struct plan {
	size_t full[DW_MAIL_FULL_MAX], line[DW_MAIL_LINES_MAX], settled[DW_MAIL_LINES_MAX], dormant[DW_MAIL_LINES_MAX];
	size_t n_full, n_line, n_settled, n_dormant;
	size_t more_line, more_settled, more_dormant; /* the count of the rest */
	size_t n_open, n_missing;		      /* lines of those lists */
	size_t n_main;				      /* items neither settled nor dormant */
	bool one_order;				      /* the mail is about one order: its thread */
};

static bool only_lines(const struct dw_mail_view *v)
{
	return v->type == DW_MAIL_FEED || v->type == DW_MAIL_NOTE || v->type == DW_MAIL_CLOSURE;
}

static size_t at_most(size_t n, size_t max)
{
	return n < max ? n : max;
}

/* One more of a list of lines, within the mail's 200. */
static void put(size_t *list, size_t *n, size_t *more, size_t *left, size_t i)
{
	if (*left == 0) {
		++*more;
		return;
	}
	list[(*n)++] = i;
	--*left;
}

static void make_plan(struct plan *p, const struct dw_mail_view *v)
{
	size_t left = DW_MAIL_LINES_MAX;

	*p = (struct plan){ .one_order = v->n_item > 0 && v->type != DW_MAIL_DAILY && v->type != DW_MAIL_FIRST_LOOK &&
					 v->type != DW_MAIL_FEED && v->type != DW_MAIL_CLOSURE };
	for (int turn = 0; turn < 3; turn++) /* the most urgent have the first claim on the lines */
		for (size_t i = 0; i < v->n_item; i++) {
			const struct dw_mail_item *item = &v->item[i];
			int kind = item->resolved && v->type != DW_MAIL_RESOLVED ? 1 : item->dormant ? 2 : 0;

			p->one_order &= item->order_row == v->item[0].order_row;
			if (kind != turn)
				continue;
			if (kind == 1)
				put(p->settled, &p->n_settled, &p->more_settled, &left, i);
			else if (kind == 2)
				put(p->dormant, &p->n_dormant, &p->more_dormant, &left, i);
			else if (p->n_main++, p->n_full < DW_MAIL_FULL_MAX && !only_lines(v))
				p->full[p->n_full++] = i;
			else
				put(p->line, &p->n_line, &p->more_line, &left, i);
		}
	p->n_open = v->type == DW_MAIL_DAILY ? at_most(v->n_open, DW_MAIL_LINES_MAX) : 0;
	p->n_missing = v->type == DW_MAIL_DAILY ? at_most(v->n_missing, DW_MAIL_LINES_MAX) : 0;
}

/* ---- the tree ---- */

/* `name` = n, and name_one where it is 1, for the words that go with it; nothing for 0. */
static void set_count(struct dw_tval *map, const char *name, size_t n)
{
	char one[40];

	if (n == 0)
		return;
	dw_tval_set_int(map, name, (int64_t)n);
	snprintf(one, sizeof(one), "%s_one", name);
	dw_tval_set_bool(map, one, n == 1);
}

static void set_subject_item(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	DW_BUF b = { 0 };

	dw_tval_set_bool(map, "single", true);
	dw_set_scrubbed(map, "order_id", item->order_id, 64);
	dw_set_scrubbed(map, "buyer", dw_text(&item->order->f, DW_F_BUYER), SUBJECT_BUYER_MAX);
	dw_words_amount(&b, m->words, &item->order->f);
	dw_set_buf(map, "amount", &b);
	dw_tval_set_text(map, "title", dw_kind_title(item->kind, m->words->language));
	dw_tval_set_bool(map, "was_due", item->kind == DW_OVERDUE);
	dw_tval_set_bool(map, "resolved", item->resolved);
	if (item->act_by == DW_UNKNOWN || item->act_by == DW_NEVER)
		return;
	dw_words_date(&b, m->words, m->zone, item->act_by, DW_DATE_SUBJECT);
	dw_set_buf(map, "by", &b);
}

static bool repeats_order(const struct dw_mail_view *v, size_t i)
{
	for (size_t k = i; k-- > 0;)
		if (v->item[k].order_row == v->item[i].order_row)
			return true;
	return false;
}

/* How many, how many are late, and when the first of the others is due. */
static void set_counts(const struct dw_making *m, struct dw_tval *map, const struct plan *p)
{
	const struct dw_mail_view *v = m->view;
	size_t late = 0, orders = 0;
	dw_time first = DW_NEVER;
	bool daily = v->type == DW_MAIL_DAILY;
	const struct dw_mail_item *item = daily ? v->open : v->item;
	DW_BUF b = { 0 };

	for (size_t i = 0; i < (daily ? v->n_open : v->n_item); i++) {
		if (item[i].resolved || item[i].dormant || item[i].act_by == DW_UNKNOWN)
			continue;
		if (item[i].act_by <= v->now)
			late++;
		else if (item[i].act_by < first)
			first = item[i].act_by;
	}
	/* near items only: a big fold's repeats don't matter for its words, and this stays cheap */
	for (size_t i = 0; i < v->n_item && v->n_item <= DW_MAIL_FULL_MAX; i++)
		orders += !v->item[i].dormant && !(v->item[i].resolved && v->type != DW_MAIL_RESOLVED) && !repeats_order(v, i);
	set_count(map, "n", (v->n_item <= DW_MAIL_FULL_MAX ? orders : p->n_main) + v->n_more);
	set_count(map, "late", late);
	set_count(map, "open", daily ? v->n_open + v->n_open_more : 0);
	set_count(map, "missing", daily ? v->n_missing : 0);
	set_count(map, "settled", p->n_settled + p->more_settled);
	set_count(map, "dormant", p->n_dormant + p->more_dormant);
	set_count(map, "extra", p->one_order && v->n_item > 1 ? v->n_item - 1 : 0);
	if (first != DW_NEVER) {
		dw_words_date(&b, m->words, m->zone, first, DW_DATE_SUBJECT);
		dw_set_buf(map, "first", &b);
	}
}

static void set_feed_names(struct dw_tval *map, const struct dw_making *m)
{
	DW_BUF b = { 0 };

	for (size_t i = 0; i < m->view->n_feed && i < 5; i++) {
		if (i)
			dw_buf_puts(&b, m->words->comma);
		dw_scrub(&b, m->view->feed[i].row->name, 64);
	}
	dw_set_buf(map, "feeds", &b);
}

/* mails_per_day: what waited for this mail, and when the next one comes after the day's last. */
static void set_budget(struct dw_tval *map, const struct dw_making *m)
{
	const struct dw_mail_view *v = m->view;
	DW_BUF b = { 0 };

	set_count(map, "held", v->n_held);
	set_count(map, "per_day", v->per_day > 0 ? (size_t)v->per_day : 0);
	if (v->last_before <= 0)
		return;
	dw_words_date(&b, m->words, m->zone, v->last_before, DW_DATE_SUBJECT);
	dw_set_buf(map, "next_mail", &b);
}

/* Which days, and how far ahead. */
static void set_closure(struct dw_tval *map, const struct dw_making *m)
{
	const struct dw_closure *c = m->view->closure;
	DW_BUF b = { 0 };

	if (!c)
		return;
	dw_words_date(&b, m->words, m->zone, dw_day_start(m->zone, c->first), DW_DATE_DAY);
	dw_set_buf(map, "off_from", &b);
	dw_words_date(&b, m->words, m->zone, dw_day_start(m->zone, c->last), DW_DATE_DAY);
	dw_set_buf(map, "off_to", &b);
	set_count(map, "off_days", (size_t)(c->last - c->first) + 1);
	set_count(map, "before", (size_t)c->before);
}

/* What subject, intro and footer are told. */
static struct dw_tval *mail_map(const struct dw_making *m, const struct plan *p, const char *title)
{
	const struct dw_mail_view *v = m->view;
	struct dw_tval *map = dw_tval_map();
	DW_BUF b = { 0 };

	dw_set_flag(map, "type", dw_mail_type_words[v->type]);
	if (p->one_order)
		set_subject_item(m, map, &v->item[0]);
	else
		set_counts(m, map, p);
	if (p->one_order && v->n_item > 1)
		set_count(map, "extra", v->n_item - 1);
	if ((only_lines(v) && v->type != DW_MAIL_CLOSURE) || (v->type == DW_MAIL_ANSWER && !dw_empty(v->title)))
		dw_set_scrubbed(map, "words", v->type == DW_MAIL_ANSWER ? v->title : title, DW_SUBJECT_MAX);
	set_feed_names(map, m);
	set_budget(map, m);
	set_closure(map, m);
	dw_set_scrubbed(map, "reader", v->config->people.p[v->person].name, 64);
	m->words->place(&b, m->zone);
	dw_set_buf(map, "place", &b);
	dw_words_date(&b, m->words, m->zone, v->now, DW_DATE_DAY);
	dw_set_buf(map, "today", &b);
	return map;
}

/* ---- sections ---- */

struct section {
	const struct dw_making *m;
	const struct plan *plan;
	struct dw_tval *list; /* of the mail's sections */
	struct dw_tval **notes; /* rendered, taken by the section that shows them */
	int r;
};

/* A section's heading and first words: `name` and n for section.mustache. */
static struct dw_tval *section_new(struct section *s, const char *name, size_t n)
{
	DW_CLEANUP(dw_tval_freep) struct dw_tval *about = dw_tval_map();
	struct dw_tval *map = dw_tval_map();
	DW_BUF b = { 0 };
	bool any;

	if (s->r < 0)
		return map;
	dw_set_flag(about, "s", name);
	dw_set_flag(about, "type", dw_mail_type_words[s->m->view->type]);
	set_count(about, "n", n);
	s->r = dw_templates_render(s->m->set, DW_TPL_SECTION, about, DW_ESCAPE_NONE, &b, s->m->err);
	if (s->r == 0)
		s->r = dw_blocks(map, dw_buf_str(&b), &any);
	return map;
}

static void section_more(struct section *s, struct dw_tval *map, size_t n)
{
	DW_CLEANUP(dw_tval_freep) struct dw_tval *about = dw_tval_map();
	DW_BUF b = { 0 }, clean = { 0 };

	if (n == 0 || s->r < 0)
		return;
	set_count(about, "n", n);
	s->r = dw_templates_render(s->m->set, DW_TPL_MORE, about, DW_ESCAPE_NONE, &b, s->m->err);
	dw_scrub(&clean, dw_buf_str(&b), 400);
	dw_set_buf(map, "more", &clean);
}

/* A table of items: ix NULL: the first n of them. */
static void add_rows(struct section *s, const char *name, const struct dw_mail_item *item, const size_t *ix, size_t n,
		     size_t more)
{
	struct dw_tval *map, *rows, *table;

	if (n == 0 && more == 0)
		return;
	map = section_new(s, name, n + more);
	rows = dw_tval_list();
	table = dw_tval_map();
	for (size_t i = 0; i < n && s->r == 0; i++)
		dw_tval_push(rows, dw_item_row(s->m, &item[ix ? ix[i] : i], &s->r));
	dw_tval_set(table, "rows", rows);
	dw_tval_set(map, "table", table);
	section_more(s, map, more);
	dw_tval_push(s->list, map);
}

static void add_full(struct section *s, const char *name)
{
	const struct plan *p = s->plan;
	struct dw_tval *map, *items;

	if (p->n_full == 0)
		return;
	map = section_new(s, name, p->n_full);
	items = dw_tval_list();
	for (size_t i = 0; i < p->n_full && s->r == 0; i++)
		dw_tval_push(items, dw_item_full(s->m, &s->m->view->item[p->full[i]], &s->r));
	dw_tval_set(map, "items", items);
	dw_tval_push(s->list, map);
}

static void add_notes(struct section *s, const char *name)
{
	const struct dw_mail_view *v = s->m->view;
	struct dw_tval *map;

	if (v->n_note == 0)
		return;
	map = section_new(s, name, v->n_note);
	dw_tval_set(map, "notes", dw_steal(s->notes));
	section_more(s, map, v->n_note - at_most(v->n_note, NOTES_MAX));
	dw_tval_push(s->list, map);
}

static struct dw_tval *feed_map(const struct dw_making *m, const struct dw_mail_feed *feed)
{
	const struct dw_feed_row *row = feed->row;
	struct dw_tval *map = dw_tval_map();
	DW_BUF b = { 0 };

	dw_set_scrubbed(map, "name", row->name, 64);
	dw_tval_set_bool(map, "overlay", row->overlay);
	dw_tval_set_bool(map, "stale", feed->stale);
	dw_tval_set_bool(map, "failing", row->error_since != DW_UNKNOWN && !dw_empty(row->error));
	dw_set_scrubbed(map, "error", row->error, 300);
	if (row->data_time != DW_UNKNOWN && row->data_time != DW_NEVER) {
		dw_words_date(&b, m->words, m->zone, row->data_time, DW_DATE_DATA);
		dw_set_buf(map, "when", &b);
		m->words->age(&b, m->view->now > row->data_time ? m->view->now - row->data_time : 0);
		dw_set_buf(map, "age", &b);
	}
	set_count(map, "orders", row->orders > 0 ? (size_t)row->orders : 0);
	set_count(map, "gone", row->missing > 0 ? (size_t)row->missing : 0);
	set_count(map, "rejected", row->rejected > 0 ? (size_t)row->rejected : 0);
	set_count(map, "unmatched", row->unmatched > 0 ? (size_t)row->unmatched : 0);
	return map;
}

static void add_feeds(struct section *s)
{
	const struct dw_mail_view *v = s->m->view;
	struct dw_tval *map, *lines;
	size_t n = at_most(v->n_feed, FEEDS_MAX);

	if (n == 0)
		return;
	map = section_new(s, "feeds", n);
	lines = dw_tval_list();
	for (size_t i = 0; i < n && s->r == 0; i++) {
		DW_CLEANUP(dw_tval_freep) struct dw_tval *feed = feed_map(s->m, &v->feed[i]);
		struct dw_tval *line = dw_tval_map();
		DW_BUF b = { 0 };

		s->r = dw_templates_render(s->m->set, DW_TPL_FEED_ROW, feed, DW_ESCAPE_NONE, &b, s->m->err);
		dw_set_scrubbed(line, "text", dw_buf_str(&b), 600);
		dw_tval_push(lines, line);
	}
	dw_tval_set(map, "health", lines);
	section_more(s, map, v->n_feed - n);
	dw_tval_push(s->list, map);
}

static void add_sections(struct section *s)
{
	const struct dw_mail_view *v = s->m->view;
	const struct plan *p = s->plan;
	size_t ranked[DW_MAIL_FULL_MAX + DW_MAIL_LINES_MAX];

	memcpy(ranked, p->full, p->n_full * sizeof(*ranked));
	memcpy(ranked + p->n_full, p->line, p->n_line * sizeof(*ranked));
	switch (v->type) {
	case DW_MAIL_ALERT:
	case DW_MAIL_RESOLVED:
		if (p->n_full > 1)
			add_rows(s, "overview", v->item, p->full, p->n_full, 0);
		/* every order is named before the first is explained: some programs cut a long mail (Gmail: at 102 KB) */
		add_rows(s, "lines", v->item, p->line, p->n_line, p->more_line);
		add_full(s, p->n_full > 1 ? "each" : "one");
		break;
	case DW_MAIL_DAILY:
		add_full(s, "new");
		add_rows(s, "lines", v->item, p->line, p->n_line, p->more_line);
		add_rows(s, "settled", v->item, p->settled, p->n_settled, p->more_settled);
		add_rows(s, "open", v->open, NULL, p->n_open, v->n_open - p->n_open);
		add_rows(s, "missing", v->missing, NULL, p->n_missing, v->n_missing - p->n_missing);
		add_feeds(s);
		break;
	case DW_MAIL_FIRST_LOOK:
		add_rows(s, "found", v->item, ranked, p->n_full + p->n_line, p->more_line);
		break;
	case DW_MAIL_ANSWER:
		dw_tval_push(s->list, dw_outcome_section(s->m, &s->r));
		return;
	case DW_MAIL_CLOSURE:
		add_rows(s, "closure", v->item, p->line, p->n_line, p->more_line + v->n_more);
		break;
	case DW_MAIL_FEED:
	case DW_MAIL_NOTE:
		break;
	}
	add_notes(s, only_lines(v) ? "plain" : "notes");
	if (only_lines(v) && v->type != DW_MAIL_CLOSURE)
		add_rows(s, "by_hand", v->item, p->line, p->n_line, p->more_line);
	if (v->type != DW_MAIL_DAILY) {
		add_rows(s, "settled", v->item, p->settled, p->n_settled, p->more_settled);
		add_rows(s, "dormant", v->item, p->dormant, p->n_dormant, p->more_dormant);
		if (v->type == DW_MAIL_FIRST_LOOK)
			add_full(s, "urgent");
		if (v->type == DW_MAIL_FEED || v->type == DW_MAIL_FIRST_LOOK)
			add_feeds(s);
	} else
		add_rows(s, "dormant", v->item, p->dormant, p->n_dormant, p->more_dormant);
}

/* ---- texts ---- */

static int render_subject(const struct dw_making *m, const struct dw_tval *root, struct dw_buf *out)
{
	DW_BUF b = { 0 };
	int r = dw_templates_render(m->set, DW_TPL_SUBJECT, root, DW_ESCAPE_NONE, &b, m->err);

	if (r < 0)
		return r;
	dw_scrub(out, dw_buf_str(&b), DW_SUBJECT_MAX);
	if (out->n == 0)
		dw_buf_puts(out, "duewatch");
	return out->failed ? dw_err_oom(m->err) : 0;
}

static int render_sentences(const struct dw_making *m, const struct dw_tval *about, struct dw_tval *root,
			    enum dw_tpl which, const char *name)
{
	struct dw_tval *map;
	DW_BUF b = { 0 };
	bool any;
	int r = dw_templates_render(m->set, which, about, DW_ESCAPE_NONE, &b, m->err);

	if (r < 0)
		return r;
	map = dw_tval_map();
	r = dw_blocks(map, dw_buf_str(&b), &any);
	if (any)
		dw_tval_set(root, name, map);
	else
		dw_tval_free(map);
	return r < 0 ? dw_err_oom(m->err) : 0;
}

/* All that the notes say; *title: the first heading among them. */
static int render_notes(const struct dw_making *m, struct dw_tval *list, struct dw_buf *title)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < at_most(m->view->n_note, NOTES_MAX); i++) {
		struct dw_tval *map = dw_tval_map();

		r = dw_note_blocks(m, &m->view->note[i], map);
		if (title->n == 0)
			dw_buf_puts(title, dw_tval_str(dw_tval_get(map, "heading", 7, dw_hash(DW_HASH_INIT, "heading", 7)), NULL));
		dw_tval_push(list, map);
	}
	return r;
}

/* The layouts' tree: only { lang, subject, intro, sections, footer }, so that a name an order lacks is found nowhere
 * further out. */
static int build(const struct dw_making *m, const struct plan *p, struct dw_tval *root, struct dw_buf *subject)
{
	DW_CLEANUP(dw_tval_freep) struct dw_tval *notes = dw_tval_list();
	DW_CLEANUP(dw_tval_freep) struct dw_tval *about = NULL;
	struct section s = { .m = m, .plan = p, .notes = &notes };
	DW_BUF title = { 0 };
	int r = render_notes(m, notes, &title);

	if (r < 0)
		return r;
	about = mail_map(m, p, dw_buf_str(&title));
	r = render_subject(m, about, subject);
	if (r == 0)
		r = render_sentences(m, about, root, DW_TPL_INTRO, "intro");
	if (r == 0)
		r = render_sentences(m, about, root, DW_TPL_FOOTER, "footer");
	if (r < 0)
		return r;
	dw_tval_set_text(root, "lang", m->words->language);
	s.list = dw_tval_list();
	add_sections(&s);
	dw_tval_set(root, "sections", s.list);
	dw_tval_set_text(root, "subject", dw_buf_str(subject));
	if (s.r < 0)
		return s.r;
	r = dw_tval_failed(root);
	return r < 0 ? dw_err_set(m->err, r, "the mail's data can't be put together: %s", strerror(-r)) : 0;
}

static int render_bodies(const struct dw_making *m, const struct dw_tval *root, struct dw_mail *out)
{
	DW_BUF raw = { 0 }, text = { 0 }, html = { 0 };
	int r = dw_templates_render(m->set, DW_TPL_MAIL_TEXT, root, DW_ESCAPE_NONE, &raw, m->err);

	if (r == 0 && !m->view->plain)
		r = dw_templates_render(m->set, DW_TPL_MAIL_HTML, root, DW_ESCAPE_HTML, &html, m->err);
	if (r < 0)
		return r;
	dw_wrap(&text, dw_buf_str(&raw));
	out->text = dw_buf_take(&text);
	if (!m->view->plain)
		out->html = dw_buf_take(&html);
	return !out->text || (!m->view->plain && !out->html) ? dw_err_oom(m->err) : 0;
}

/* ---- headers ---- */

struct headers {
	const char *(*pair)[2];
	char **owned; /* scrubbed order ids */
	size_t n, cap, n_owned, cap_owned;
};

static void headers_fini(struct headers *h)
{
	for (size_t i = 0; i < h->n_owned; i++)
		free(h->owned[i]);
	free(h->owned);
	free(h->pair);
}

static void pair(struct headers *h, const char *name, const char *value)
{
	h->pair[h->n][0] = name;
	h->pair[h->n++][1] = value;
}

/* The three of one order. kind, step: what to say where the item has none. */
static int head_item(struct headers *h, const struct dw_mail_item *item, const char *kind, const char *step)
{
	DW_BUF id = { 0 };
	char *copy;

	if (dw_grow(&h->pair, &h->cap, h->n + 3, sizeof(*h->pair)) < 0 ||
	    dw_grow(&h->owned, &h->cap_owned, h->n_owned + 1, sizeof(*h->owned)) < 0)
		return -ENOMEM;
	dw_scrub(&id, item->order_id, 64);
	copy = id.n ? dw_buf_take(&id) : dw_strdup("-");
	if (!copy)
		return -ENOMEM;
	h->owned[h->n_owned++] = copy;
	pair(h, "X-Duewatch-Order", copy);
	pair(h, "X-Duewatch-Kind", item->kind == DW_NO_KIND ? kind : dw_kinds[item->kind].name);
	pair(h, "X-Duewatch-Step", step ? step : "open");
	return 0;
}

static bool is_new(const struct dw_mail_view *v, const struct dw_mail_item *item)
{
	for (size_t i = 0; i < v->n_item; i++)
		if (v->item[i].order_row == item->order_row && v->item[i].kind == item->kind)
			return true;
	return false;
}

static int head_list(struct headers *h, const struct dw_mail_view *v, const size_t *ix, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = head_item(h, &v->item[ix[i]], "none", v->item[ix[i]].step);
	return r;
}

static bool is_open(const struct dw_mail_view *v, const struct dw_mail_item *item)
{
	for (size_t i = 0; i < v->n_open; i++)
		if (v->open[i].order_row == item->order_row)
			return true;
	return false;
}

/* Every order in the mail, once: one that is new isn't said again where the daily mail lists all that is open. */
static int head_all(struct headers *h, const struct dw_mail_view *v, const struct plan *p)
{
	int r = head_list(h, v, p->full, p->n_full);

	if (r == 0)
		r = head_list(h, v, p->line, p->n_line);
	if (r == 0)
		r = head_list(h, v, p->settled, p->n_settled);
	if (r == 0)
		r = head_list(h, v, p->dormant, p->n_dormant);
	for (size_t i = 0; r == 0 && i < p->n_open; i++)
		if (!is_new(v, &v->open[i]))
			r = head_item(h, &v->open[i], "none", "open");
	for (size_t i = 0; r == 0 && i < p->n_missing; i++)
		if (!is_new(v, &v->missing[i]) && !is_open(v, &v->missing[i]))
			r = head_item(h, &v->missing[i], "missing", "missing");
	return r;
}

/* The fixed, unsent id all mails of one order (or of one person's day) refer to. */
static char *root_id(const struct dw_making *m, const struct plan *p)
{
	const struct dw_mail_view *v = m->view;
	struct dw_civil c;
	DW_BUF key = { 0 };

	if (p->one_order) {
		dw_buf_printf(&key, "%s\n%s", v->item[0].feed, v->item[0].order_id);
		return dw_mime_id(&v->config->mail, "order", dw_buf_str(&key));
	}
	if (v->type == DW_MAIL_FEED && v->n_feed) {
		dw_buf_puts(&key, v->feed[0].row->name);
		return dw_mime_id(&v->config->mail, "feed", dw_buf_str(&key));
	}
	dw_zone_civil(m->zone, v->now, &c);
	dw_buf_printf(&key, "%s\n%04d-%02d-%02d", v->config->people.p[v->person].name, c.year, c.month, c.day);
	return dw_mime_id(&v->config->mail, "day", dw_buf_str(&key));
}

/* Another's Message-ID that we may repeat in our header: RFC 5322's dot-atoms, no quotes, no blanks. */
static const char *theirs_ok(const char *id)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-@_+=$~!#%&'*/?^`{|}[]";

	return id && *id && strlen(id) < 200 && strspn(id, allowed) == strlen(id) ? id : NULL;
}

static char *checked_id(const struct dw_mail_view *v)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-@";
	const char *id = v->message_id;

	/* GMime lets CR and LF through: an id comes out of the store, and no further than this (design.md §5, 15) */
	if (id && *id && strlen(id) < 200 && strspn(id, allowed) == strlen(id))
		return dw_strdup(id);
	return dw_mail_message_id(&v->config->mail, v->key ? v->key : "");
}

static int make_entries(const struct dw_making *m, const struct plan *p, struct dw_calendars *out)
{
	if (m->shortages != dw_shortages()) /* where memory is out, libical follows pointers to nothing */
		return dw_err_oom(m->err);
	return dw_calendars_make(m, (const size_t *const[2]){ p->full, p->settled }, (const size_t[2]){ p->n_full, p->n_settled }, out);
}

static int write_mail(const struct dw_making *m, const struct plan *p, struct dw_mail *out)
{
	const struct dw_mail_view *v = m->view;
	DW_CLEANUP(headers_fini) struct headers h = { 0 };
	DW_CLEANUP(dw_calendars_fini) struct dw_calendars calendar = { 0 };
	DW_FREE char *root = root_id(m, p);
	struct dw_mime mime;
	int r = make_entries(m, p, &calendar);

	if (r < 0)
		return r;
	out->message_id = checked_id(v);
	if (!root || !out->message_id || head_all(&h, v, p) < 0)
		return dw_err_oom(m->err);
	mime = (struct dw_mime){ .conf = &v->config->mail, .to = &v->config->people.p[v->person], .zone = m->zone,
				 .now = v->now, .message_id = out->message_id, .root_id = root, .subject = out->subject,
				 .reply_to = v->config->replies.address,
				 .text = out->text, .html = out->html, .calendar = &calendar, .header = h.pair, .n_header = h.n,
				 .answers = v->answer ? theirs_ok(v->answer->in_reply_to) : NULL, .replied = v->answer != NULL };
	return dw_mime_write(&out->bytes, &out->n_bytes, &mime, m->err);
}

/* Templates are looked at: nobody needs the bytes, but the calendar's entries have a template, too. */
static int look_at_entries(const struct dw_making *m, const struct plan *p)
{
	DW_CLEANUP(dw_calendars_fini) struct dw_calendars calendar = { 0 };

	return make_entries(m, p, &calendar);
}

/* ---- the story ---- */

void dw_mail_fini(struct dw_mail *m)
{
	free(m->message_id);
	free(m->subject);
	free(m->text);
	free(m->html);
	free(m->bytes);
	*m = (struct dw_mail){ 0 };
}

/* What a list of mails shows of one: the same subject and Message-ID as in the whole of it. */
static int compose_bare(const struct dw_making *m, struct dw_mail *out)
{
	DW_CLEANUP(dw_tval_freep) struct dw_tval *about = NULL, *notes = dw_tval_list();
	struct plan plan;
	DW_BUF subject = { 0 }, title = { 0 };
	int r = render_notes(m, notes, &title);

	if (r < 0)
		return r;
	make_plan(&plan, m->view);
	about = mail_map(m, &plan, dw_buf_str(&title));
	r = render_subject(m, about, &subject);
	if (r < 0)
		return r;
	out->subject = dw_buf_take(&subject);
	out->message_id = checked_id(m->view);
	return out->subject && out->message_id ? 0 : dw_err_oom(m->err);
}

static int compose(const struct dw_making *m, struct dw_mail *out)
{
	DW_CLEANUP(dw_tval_freep) struct dw_tval *root = dw_tval_map();
	struct plan plan;
	DW_BUF subject = { 0 };
	int r;

	make_plan(&plan, m->view);
	r = build(m, &plan, root, &subject);
	if (r == 0)
		r = render_bodies(m, root, out);
	if (r < 0)
		return r;
	out->subject = dw_buf_take(&subject);
	if (!out->subject)
		return dw_err_oom(m->err);
	return m->set->learn ? look_at_entries(m, &plan) : write_mail(m, &plan, out);
}

int dw_mail_compose(struct dw_composer *c, struct dw_mail *out, const struct dw_mail_view *view, struct dw_err *err)
{
	const struct dw_people *people = &view->config->people;
	struct dw_making m = { .view = view, .err = err, .shortages = dw_shortages() };
	struct dw_mail mail = { 0 };
	int r;

	if (view->person < 0 || (size_t)view->person >= people->n)
		return dw_err_set(err, -EINVAL, "the reader is not in the config");
	if ((view->type == DW_MAIL_ANSWER) != (view->answer != NULL))
		return dw_err_set(err, -EINVAL, "an answer to nothing");
	if (view->n_item == 0 && (view->type == DW_MAIL_ALERT || view->type == DW_MAIL_RESOLVED))
		return dw_err_set(err, -EINVAL, "a mail about no order");
	r = view->language ? add_language(c, view->language, err) : 0;
	if (r < 0)
		return r;
	m.set = set_for(c, view->language ? view->language : people->p[view->person].language ? people->p[view->person].language
										  : view->config->language);
	m.words = m.set->words;
	m.zone = people->p[view->person].zone ? people->p[view->person].zone : view->config->zone;
	if (!m.zone)
		m.zone = &dw_zone_utc;
	r = view->bare ? compose_bare(&m, &mail) : compose(&m, &mail);
	if (m.shortages != dw_shortages())
		r = dw_err_oom(err);
	if (r < 0)
		dw_mail_fini(&mail);
	else
		*out = mail;
	return r;
}
