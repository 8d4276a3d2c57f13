/* The dates of an order, drawn: cells of one row for the HTML part, aligned lines for the text part. Where each box
 * stands is core's (timeline.h); here are words and columns. */
#include "compose-impl.h"

#include "duewatch/timeline.h"

#include <stdio.h>

enum { SAME_YEAR_S = 180 * 86400 }; /* further apart than that, dates need their year */

/* Which colour a point has: the platform's limits, the goods, the platform's clocks, or now. */
static const char *tone_of(unsigned marks)
{
	if (marks & 1U << DW_MARK_NOW)
		return "now";
	if (marks & (1U << DW_MARK_ACT_BY | 1U << DW_MARK_PROMISED | 1U << DW_MARK_FIRST_PROMISE))
		return "limit";
	if (marks & (1U << DW_MARK_AUTO_CONFIRM | 1U << DW_MARK_CLAIM_END | 1U << DW_MARK_RECEIVED))
		return "clock";
	return "goods";
}

/* All that falls on this instant, parted by commas. */
static int label_of(const struct dw_making *m, struct dw_buf *out, unsigned marks)
{
	int r = 0;

	for (int k = 0; r == 0 && k < DW_MARK_COUNT; k++) {
		DW_CLEANUP(dw_tval_freep) struct dw_tval *about = NULL;
		DW_BUF b = { 0 };

		if (!(marks >> k & 1))
			continue;
		about = dw_tval_map();
		dw_set_flag(about, "m", dw_mark_words[k]);
		r = dw_templates_render(m->set, DW_TPL_MARK, about, DW_ESCAPE_NONE, &b, m->err);
		if (out->n)
			dw_buf_puts(out, m->words->comma);
		dw_scrub(out, dw_buf_str(&b), 80);
	}
	return r;
}

/* Thousandths as percent: "12.3". */
static void set_percent(struct dw_tval *map, const char *name, int thousandths)
{
	char text[16];

	snprintf(text, sizeof(text), "%d.%d", thousandths / 10, thousandths % 10);
	dw_tval_set_text(map, name, text);
}

static void add_segment(struct dw_tval *cells, int width, bool past)
{
	struct dw_tval *cell;

	if (width <= 0)
		return;
	cell = dw_tval_map();
	set_percent(cell, "w", width);
	dw_set_flag(cell, "seg", past ? "past" : "coming");
	dw_tval_push(cells, cell);
}

static void add_box(struct dw_tval *cells, const struct dw_point *p, int number)
{
	struct dw_tval *cell = dw_tval_map();

	set_percent(cell, "w", DW_MARK_WIDTH);
	dw_set_flag(cell, "box", tone_of(p->marks));
	dw_tval_set_int(cell, "i", number);
	dw_tval_push(cells, cell);
}

static struct dw_tval *cells_of(const struct dw_timeline *t, dw_time now)
{
	struct dw_tval *cells = dw_tval_list();
	int end = 0;

	for (size_t i = 0; i < t->n; i++) {
		add_segment(cells, t->point[i].x - end, t->point[i].at <= now);
		add_box(cells, &t->point[i], (int)i + 1);
		end = t->point[i].x + DW_MARK_WIDTH;
	}
	return cells;
}

/* Sets name, and name_pad with blanks up to `columns`. */
static void set_padded(struct dw_tval *map, const char *name, const char *text, unsigned columns)
{
	char pad[24];
	DW_BUF b = { 0 };

	dw_buf_puts(&b, text);
	for (unsigned n = dw_columns(text); n < columns; n++)
		dw_buf_putc(&b, ' ');
	snprintf(pad, sizeof(pad), "%s_pad", name);
	dw_tval_set_text(map, name, text);
	dw_tval_set_text(map, pad, dw_buf_str(&b));
}

struct line {
	struct dw_buf when, gap;
};

static void line_fini(struct line (*line)[DW_MARK_COUNT])
{
	for (size_t i = 0; i < DW_MARK_COUNT; i++) {
		dw_buf_fini(&(*line)[i].when);
		dw_buf_fini(&(*line)[i].gap);
	}
}

/* "+3 days": by the calendar, as the dates beside it read; "+40 min" within a day. */
static void gap_of(const struct dw_making *m, struct dw_buf *out, const struct dw_point *p, const struct dw_zone *z)
{
	int32_t days = dw_zone_day(z, p->at) - dw_zone_day(z, p->at - p->gap);

	dw_buf_putc(out, '+');
	if (p->gap < DW_DAY || days < 1) {
		m->words->age(out, p->gap);
	} else {
		DW_BUF span = { 0 };

		m->words->span(&span, days * DW_DAY);
		dw_buf_puts(out, dw_buf_str(&span));
	}
}

static struct dw_tval *rows_of(const struct dw_making *m, const struct dw_timeline *t, const struct dw_zone *z, int *r)
{
	enum dw_date_style style = t->point[t->n - 1].at - t->point[0].at > SAME_YEAR_S ? DW_DATE_FULL : DW_DATE_NEAR;
	DW_CLEANUP(line_fini) struct line line[DW_MARK_COUNT] = { 0 };
	struct dw_tval *rows = dw_tval_list();
	unsigned when = 0, gap = 0;

	for (size_t i = 0; i < t->n; i++) {
		dw_words_date(&line[i].when, m->words, z, t->point[i].at, style);
		if (i)
			gap_of(m, &line[i].gap, &t->point[i], z);
		when = dw_columns(dw_buf_str(&line[i].when)) > when ? dw_columns(dw_buf_str(&line[i].when)) : when;
		gap = dw_columns(dw_buf_str(&line[i].gap)) > gap ? dw_columns(dw_buf_str(&line[i].gap)) : gap;
	}
	for (size_t i = 0; *r == 0 && i < t->n; i++) {
		struct dw_tval *row = dw_tval_map();
		DW_BUF label = { 0 };

		*r = label_of(m, &label, t->point[i].marks);
		dw_tval_set_int(row, "i", (int64_t)i + 1);
		dw_set_flag(row, "box", tone_of(t->point[i].marks));
		dw_tval_set_bool(row, "is_now", t->point[i].marks & 1U << DW_MARK_NOW);
		dw_set_buf(row, "label", &label);
		set_padded(row, "when", dw_buf_str(&line[i].when), when);
		set_padded(row, "gap", dw_buf_str(&line[i].gap), gap);
		dw_tval_push(rows, row);
	}
	return rows;
}

int dw_item_timeline(const struct dw_making *m, struct dw_tval *parts, const struct dw_mail_item *item)
{
	const struct dw_zone *z = dw_item_zone(m, item);
	DW_CLEANUP(dw_tval_freep) struct dw_tval *about = NULL;
	struct dw_tval *part, *drawn;
	struct dw_timeline t;
	DW_BUF b = { 0 };
	bool any;
	int r;

	dw_timeline_of(&t, item->order, item->dates, item->side, item->act_by, m->view->now);
	if (t.n == 0)
		return 0;
	about = dw_tval_map();
	m->words->place(&b, z);
	dw_set_buf(about, "place", &b);
	r = dw_templates_render(m->set, DW_TPL_TIMELINE, about, DW_ESCAPE_NONE, &b, m->err);
	if (r < 0)
		return r;
	part = dw_tval_map();
	drawn = dw_tval_map();
	r = dw_blocks(part, dw_buf_str(&b), &any);
	dw_tval_set(drawn, "cells", cells_of(&t, m->view->now));
	dw_tval_set(drawn, "rows", rows_of(m, &t, z, &r));
	dw_tval_set(part, "timeline", drawn);
	dw_tval_push(parts, part);
	return r;
}
