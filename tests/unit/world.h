/* One order with all that is remembered of it, and time that passes: what the engine does around dw_alert_decide,
 * without a store. */
#ifndef TESTS_UNIT_WORLD_H
#define TESTS_UNIT_WORLD_H

#include "make.h"

enum { TOLD_MAX = 512 };

struct world {
	struct dw_pack pack;
	struct dw_order_rules rules;
	struct dw_person person[PERSONS];
	struct dw_people people;
	struct dw_ladder ladder[DW_KIND_COUNT];
	struct dw_alert_rules alert_rules;
	struct dw_facts main;
	bool seen;
	dw_time data;
	struct dw_hand hand[2];
	size_t n_hand;
	struct dw_memory memory;
	struct dw_order order;
	struct dw_dates dates;
	int owner;
	bool stale, first_look, rules_changed, silenced;
	struct dw_alert alert[DW_SIDE_COUNT];
	size_t n_alert;
	struct dw_told told[TOLD_MAX];
	size_t n_told;
	int64_t episodes;
	struct dw_plan plan;
};

HELPER void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->pack = alibaba();
	w->rules.pack = &w->pack;
	w->people = people_of(w->person);
	default_ladders(w->ladder);
	w->alert_rules = (struct dw_alert_rules){ .people = &w->people, .ladder = w->ladder };
	w->memory = DW_MEMORY_NONE;
	w->data = DW_UNKNOWN;
	w->owner = ALICE;
}

HELPER void world_fini(struct world *w)
{
	dw_facts_fini(&w->main);
	dw_order_fini(&w->order);
	for (size_t i = 0; i < w->n_hand; i++)
		dw_hand_fini(&w->hand[i]);
	for (int i = 0; i < PERSONS; i++)
		dw_holidays_fini(&w->person[i].off);
}

/* A read: the main feed's row, which takes `after`. */
HELPER void world_take(struct world *w, struct dw_facts *after, dw_time data)
{
	dw_memory_note(&w->memory, w->seen ? &w->main : NULL, after, &w->pack, w->data, data, data, false);
	dw_facts_fini(&w->main);
	w->main = *after;
	memset(after, 0, sizeof(*after));
	w->seen = true;
	w->data = data;
}

HELPER void world_read(struct world *w, const char *says, dw_time data)
{
	struct dw_facts f = facts(says);

	world_take(w, &f, data);
}

/* Merges, derives and decides as of now into w->plan. Changes nothing that is remembered but requested_since and
 * disputed_since: true if it did. */
HELPER bool world_look(struct world *w, dw_time now)
{
	struct dw_sources src = { .main = &w->main, .main_feed = "shop", .hand = w->hand, .n_hand = w->n_hand };
	struct dw_alert_input in = { .order = &w->order, .dates = &w->dates, .memory = &w->memory, .pack = &w->pack, .now = now,
				     .owner = w->owner, .stale = w->stale, .first_look = w->first_look,
				     .rules_changed = w->rules_changed, .silenced = w->silenced, .alert = w->alert,
				     .n_alert = w->n_alert, .told = w->told, .n_told = w->n_told };
	bool settled;

	dw_order_fini(&w->order);
	assert_int_equal(dw_order_merge(&w->order, &src, &w->memory, w->data, now), 0);
	dw_order_dates(&w->dates, &w->order, &w->memory, &w->rules, w->data, now);
	settled = dw_memory_settle(&w->memory, &w->order, &w->dates, now);
	assert_int_equal(dw_alert_decide(&w->plan, &in, &w->alert_rules), 0);
	return settled;
}

HELPER void world_put_alert(struct world *w, struct dw_alert *a)
{
	size_t i = 0;

	while (i < w->n_alert && w->alert[i].side != a->side)
		i++;
	if (a->episode == DW_EPISODE_NONE) {
		if (i < w->n_alert)
			w->alert[i] = w->alert[--w->n_alert];
		return;
	}
	if (a->episode == DW_EPISODE_NEW)
		a->episode = ++w->episodes;
	w->alert[i] = *a;
	w->n_alert += i == w->n_alert;
}

HELPER struct dw_told *world_told(struct world *w, int64_t id)
{
	assert_true(id >= 1 && (size_t)id <= w->n_told);
	return &w->told[id - 1];
}

/* The transaction: alerts, steps and covered ones. */
HELPER void world_record(struct world *w)
{
	struct dw_plan *p = &w->plan;

	for (int i = 0; i < DW_SIDE_COUNT; i++) {
		struct dw_alert a = p->alert[i];

		if (!p->alert_changed[i])
			continue;
		a.side = (enum dw_side)i;
		world_put_alert(w, &a);
		for (size_t k = 0; k < p->n_step; k++)
			if (p->step[k].side == a.side && p->step[k].episode == DW_EPISODE_NEW)
				p->step[k].episode = a.episode;
	}
	for (size_t i = 0; i < p->n_drop; i++)
		world_told(w, p->drop[i])->state = DW_STEP_COVERED;
	for (size_t i = 0; i < p->n_step; i++) {
		assert_true(p->step[i].episode > 0);
		assert_true(w->n_told < TOLD_MAX);
		w->told[w->n_told] = p->step[i];
		w->told[w->n_told].id = (int64_t)w->n_told + 1;
		w->n_told++;
	}
}

/* Mails what waits: what goes at once, and with `daily` the rest too. */
HELPER void world_mail(struct world *w, dw_time now, bool daily)
{
	for (size_t i = 0; i < w->n_told; i++)
		if (w->told[i].state == DW_STEP_WAITING && (daily || w->told[i].deliver != DW_DELIVER_DAILY)) {
			w->told[i].state = DW_STEP_MAILED;
			w->told[i].at = now;
		}
}

HELPER const struct dw_alert *world_alert(const struct world *w, enum dw_side side)
{
	for (size_t i = 0; i < w->n_alert; i++)
		if (w->alert[i].side == side)
			return &w->alert[i];
	return NULL;
}

/* `duewatch ack` of every open alert; how many it acked, and whether the manager gets a note. */
HELPER int world_ack(struct world *w, const char *by, int64_t for_s, dw_time now, bool *note)
{
	int n = 0;

	*note = false;
	for (size_t i = 0; i < w->n_alert; i++) {
		struct dw_alert *a = &w->alert[i];
		bool tell = false;

		if (a->kind == DW_NO_KIND) {
			assert_int_equal(dw_alert_ack(a, &w->ladder[0], 0, by, for_s, now, &tell), 1);
			continue;
		}
		assert_int_equal(dw_alert_ack(a, &w->ladder[a->kind], w->plan.finding[a->side].found_at, by, for_s, now, &tell), 0);
		*note |= tell;
		n++;
	}
	return n;
}

/* "drop alice 7d, alice 3d daily, bob 1d now, alice 7d spared, withdraw ship, held claim, moved" */
HELPER const char *plan_text(struct world *w)
{
	static const char *const how[] = { "now", "daily", "first" };
	static char text[2048];
	const struct dw_plan *p = &w->plan;
	DW_BUF b = { 0 };

	for (size_t i = 0; i < p->n_drop; i++) {
		const struct dw_told *t = world_told(w, p->drop[i]);

		dw_buf_printf(&b, ", drop %s %s", w->person[t->person].name, t->step);
	}
	for (size_t i = 0; i < p->n_step; i++) {
		const struct dw_told *t = &p->step[i];

		assert_true(t->state == DW_STEP_WAITING || t->state == DW_STEP_SPARED);
		dw_buf_printf(&b, ", %s %s", w->person[t->person].name, t->step);
		if (t->number)
			dw_buf_printf(&b, "#%d", (int)t->number);
		dw_buf_printf(&b, " %s", t->state == DW_STEP_SPARED ? "spared" : how[t->deliver]);
	}
	for (int i = 0; i < DW_SIDE_COUNT; i++) {
		if (p->withdrawn >> i & 1)
			dw_buf_printf(&b, ", withdraw %s", dw_side_words[i]);
		if (p->held >> i & 1)
			dw_buf_printf(&b, ", held %s", dw_side_words[i]);
	}
	if (p->moved)
		dw_buf_puts(&b, ", moved");
	snprintf(text, sizeof(text), "%s", b.n ? dw_buf_str(&b) + 2 : "");
	return text;
}

#endif
