/* compose-impl.h: the body of an answer to a person's reply: what came of each line, and where its orders stand now. */
#include "compose-impl.h"

#include <stdio.h>

enum { SAID_MAX = 120, WHY_MAX = 400 };

static const char *const refusals[DW_REFUSED_COUNT] = {
	[DW_REFUSED_OTHER] = "other", [DW_REFUSED_SPAN] = "span", [DW_REFUSED_NOTHING_OPEN] = "nothing_open",
	[DW_REFUSED_CLOSED] = "closed", [DW_REFUSED_NO_SHIP_DATE] = "no_ship_date",
	[DW_REFUSED_SHIP_DATE_OVER] = "ship_date_over", [DW_REFUSED_NO_ORDER] = "no_order", [DW_REFUSED_NO_FEED] = "no_feed",
};

/* What the person wrote, put in order and in the mail's language: `word` is "filed 2026-12-12", "ack 2d", `note` a close's
 * reason, `said` both. An order's number would stand between them. */
static void set_said(const struct dw_making *m, struct dw_tval *map, const struct dw_command *c)
{
	const struct dw_words *w = m->words;
	bool days = c->span % DW_DAY == 0;
	DW_BUF b = { 0 };
	DW_BUF clean = { 0 };

	dw_buf_puts(&b, w->verb[c->verb]);
	if (c->date[0])
		dw_buf_printf(&b, " %s", c->date);
	if (c->span > 0)
		dw_buf_printf(&b, " %lld%s", (long long)(c->span / (days ? DW_DAY : 3600)), days ? w->days : w->hours);
	dw_set_scrubbed(map, "word", dw_buf_str(&b), SAID_MAX);
	dw_set_scrubbed(map, "note", c->note, SAID_MAX);
	if (c->note[0])
		dw_buf_printf(&b, " %s", c->note);
	dw_scrub(&clean, dw_buf_str(&b), SAID_MAX);
	dw_set_buf(map, "said", &clean);
}

static const char *result_name(enum dw_reply_result r)
{
	switch (r) {
	case DW_REPLY_DONE:
		return "done";
	case DW_REPLY_REFUSED:
		return "refused";
	case DW_REPLY_WHICH:
		return "which";
	case DW_REPLY_STRANGE:
		return "strange";
	case DW_REPLY_LIMIT:
		break;
	}
	return "limit";
}

static struct dw_tval *line_map(const struct dw_making *m, const struct dw_reply_line *l)
{
	struct dw_tval *map = dw_tval_map();
	DW_BUF b = { 0 };

	dw_set_flag(map, "r", result_name(l->result));
	dw_set_flag(map, "v", dw_verbs[l->command->verb].name);
	set_said(m, map, l->command);
	dw_set_scrubbed(map, "date", l->command->date, 16);
	dw_set_scrubbed(map, "named", l->command->order, 64);
	dw_set_scrubbed(map, "order_id", l->order_id, 64);
	if (l->result == DW_REPLY_REFUSED)
		dw_set_flag(map, "x", refusals[l->refusal]);
	dw_set_scrubbed(map, "why", l->refusal == DW_REFUSED_OTHER ? l->why : NULL, WHY_MAX);
	if (l->day != DW_UNKNOWN) {
		dw_words_date(&b, m->words, m->zone, l->day, DW_DATE_FULL);
		dw_set_buf(map, "when", &b);
	}
	return map;
}

/* One side of an order as it stands after all that: the same words as in an alert's own part on who is next. */
static struct dw_tval *order_map(const struct dw_making *m, const struct dw_mail_item *item)
{
	struct dw_tval *map = dw_tval_map();

	dw_set_scrubbed(map, "order_id", item->order_id, 64);
	dw_set_scrubbed(map, "buyer", dw_text(&item->order->f, DW_F_BUYER), 40);
	if (item->kind == DW_NO_KIND)
		return map;
	dw_tval_set_text(map, "title", dw_kind_title(item->kind, m->words->language));
	dw_set_instant(m, map, "by", dw_item_zone(m, item), item->act_by);
	dw_item_told(m, map, item);
	return map;
}

/* The words themselves, for what a template says about them: {{w.ack}}. */
static struct dw_tval *verbs_map(const struct dw_making *m)
{
	struct dw_tval *map = dw_tval_map();

	for (int v = 0; v < DW_VERB_COUNT; v++)
		dw_tval_set_text(map, dw_verbs[v].name, m->words->verb[v]);
	return map;
}

static struct dw_tval *answer_map(const struct dw_making *m)
{
	const struct dw_reply_answer *a = m->view->answer;
	struct dw_tval *map = dw_tval_map(), *lines = dw_tval_list(), *orders = dw_tval_list(), *which = dw_tval_list();
	bool help = a->n_line == 0;

	for (size_t i = 0; i < a->n_line; i++)
		dw_tval_push(lines, line_map(m, &a->line[i]));
	for (size_t i = 0; i < m->view->n_item; i++)
		dw_tval_push(orders, order_map(m, &m->view->item[i]));
	for (size_t i = 0; i < a->n_which; i++) {
		struct dw_tval *one = dw_tval_map();

		dw_set_scrubbed(one, "id", a->which[i], 64);
		dw_tval_push(which, one);
	}
	dw_tval_set_bool(map, "expired", a->expired);
	dw_tval_set_bool(map, "help", help && !a->expired);
	dw_tval_set_bool(map, "choose", a->n_which > 0);
	dw_set_scrubbed(map, "unknown", a->unknown, SAID_MAX);
	if (a->unknown_why)
		dw_set_flag(map, "u", a->unknown_why);
	dw_tval_set(map, "w", verbs_map(m));
	dw_tval_set(map, "lines", lines);
	dw_tval_set(map, "orders", orders);
	dw_tval_set(map, "which", which);
	return map;
}

struct dw_tval *dw_outcome_section(const struct dw_making *m, int *r)
{
	DW_CLEANUP(dw_tval_freep) struct dw_tval *about = answer_map(m);
	struct dw_tval *map = dw_tval_map();
	DW_BUF b = { 0 };
	bool any;

	*r = dw_templates_render(m->set, DW_TPL_OUTCOME, about, DW_ESCAPE_NONE, &b, m->err);
	if (*r == 0)
		*r = dw_blocks(map, dw_buf_str(&b), &any);
	return map;
}
