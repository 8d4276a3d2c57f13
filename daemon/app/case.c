/* engine.h, one order, whole: everything loaded from the store and derived, decided as of now. */
#include "engine-impl.h"

#include <stdio.h>

bool dw_feed_is_stale(const struct dw_feed_conf *conf, const struct dw_feed_row *row, dw_time now)
{
	return row->data_time != DW_UNKNOWN && now > row->data_time + conf->stale_after;
}

const struct dw_pack *dw_pack_of(const struct dw_engine *e, const struct dw_feed_conf *feed, const struct dw_facts *f)
{
	const char *name = dw_text(f, DW_F_PLATFORM);

	for (size_t i = 0; name && i < e->config->n_packs; i++)
		if (dw_streq(e->config->packs[i].name, name))
			return &e->config->packs[i];
	return feed->pack;
}

bool dw_overlay_attaches(const struct dw_feed_conf *overlay, const char *main_feed)
{
	if (!overlay->overlay)
		return false;
	for (size_t i = 0; i < overlay->n_of; i++)
		if (dw_streq(overlay->of[i], main_feed))
			return true;
	return overlay->n_of == 0;
}

static int load_overlays(struct dw_engine *e, struct dw_case *c, struct dw_err *err)
{
	size_t n = e->config->n_feeds;

	c->overlay = dw_calloc(n ? n : 1, sizeof(*c->overlay));
	c->overlay_facts = dw_calloc(n ? n : 1, sizeof(*c->overlay_facts));
	if (!c->overlay || !c->overlay_facts)
		return dw_err_oom(err);
	for (size_t i = 0; i < n; i++) {
		const struct dw_feed_conf *f = &e->config->feeds[i];
		struct dw_facts *facts = &c->overlay_facts[c->n_overlay];
		uint64_t print;
		int r;

		if (!dw_overlay_attaches(f, c->row.feed))
			continue;
		r = dw_store_overlay_get(e->store, f->name, c->row.order_id, facts, &print, err);
		if (r < 0)
			return r;
		if (r == 0) {
			c->overlay[c->n_overlay++] = (struct dw_overlay){ .feed = f->name, .facts = facts,
									  .defaults = &f->defaults };
			c->first_look |= e->feed_row[i].first_look;
		}
	}
	return 0;
}

struct step_list {
	struct dw_case *c;
	const struct dw_people *people;
	size_t cap;
	bool oom;
};

enum { STEPS_KEPT = 4096 };

static int take_step(void *ctx, const struct dw_step_row *row)
{
	struct step_list *l = ctx;
	struct dw_case *c = l->c;
	size_t cap = l->cap;

	if (c->n_told == STEPS_KEPT) { /* the newest matter */
		c->n_told /= 2;
		memmove(c->steps, c->steps + c->n_told, c->n_told * sizeof(*c->steps));
		memmove(c->told, c->told + c->n_told, c->n_told * sizeof(*c->told));
	}
	if (dw_grow(&c->steps, &l->cap, c->n_told + 1, sizeof(*c->steps)) < 0 ||
	    dw_grow(&c->told, &cap, c->n_told + 1, sizeof(*c->told)) < 0) {
		l->oom = true;
		return 1;
	}
	c->steps[c->n_told] = *row;
	c->told[c->n_told] = row->told;
	c->told[c->n_told].person = dw_people_find(l->people, row->person);
	c->n_told++;
	return 0;
}

static int load_steps(struct dw_engine *e, struct dw_case *c, struct dw_err *err)
{
	struct step_list l = { .c = c, .people = &e->config->people };
	int r = dw_store_step_each(e->store, c->row.id, DW_SIDE_SHIP, 0, take_step, &l, err);

	return l.oom ? dw_err_oom(err) : r < 0 ? r : 0;
}

static void find_owner(const struct dw_engine *e, struct dw_case *c)
{
	const char *text = dw_text(&c->order.f, DW_F_OWNER);
	int who = text ? dw_people_find(&e->config->people, text) : -1;

	c->owner_unknown = text && who < 0;
	c->owner = who >= 0 ? who : e->config->people.default_owner;
}

static int load_sources(struct dw_engine *e, struct dw_case *c, struct dw_err *err)
{
	int r = dw_facts_decode(&c->main, c->row.record, c->row.n_record);

	if (r == -ENOMEM)
		return dw_err_oom(err);
	if (r < 0)
		return dw_err_set(err, r, "order %s/%s: its record in the store is damaged", c->row.feed, c->row.order_id);
	r = load_overlays(e, c, err);
	if (r == 0)
		r = dw_store_hand_load(e->store, c->row.id, &c->hand, &c->n_hand, err);
	return r < 0 ? r : 0;
}

static int derive(struct dw_engine *e, struct dw_case *c, dw_time now, struct dw_err *err)
{
	struct dw_order_rules rules = e->rules;
	int r;

	c->sources = (struct dw_sources){ .main = &c->main, .main_feed = c->row.feed, .defaults = &c->feed->defaults,
					  .overlay = c->overlay, .n_overlay = c->n_overlay, .hand = c->hand,
					  .n_hand = c->n_hand };
	r = dw_order_merge(&c->order, &c->sources, &c->row.memory, c->data_time, now);
	if (r < 0)
		return dw_err_oom(err);
	c->pack = dw_pack_of(e, c->feed, &c->order.f);
	if (!c->pack->zone) {
		c->zoned = dw_malloc(sizeof(*c->zoned));
		if (!c->zoned)
			return dw_err_oom(err);
		*c->zoned = *c->pack;
		c->zoned->zone = c->feed->zone;
		c->pack = c->zoned;
	}
	rules.pack = c->pack;
	find_owner(e, c);
	dw_order_dates(&c->dates, &c->order, &c->row.memory, &rules, c->data_time, now);
	c->memory_changed = dw_memory_settle(&c->row.memory, &c->order, &c->dates, now);
	return 0;
}

static int decide(struct dw_engine *e, struct dw_case *c, dw_time now, struct dw_err *err)
{
	struct dw_alert_input in = { .order = &c->order, .dates = &c->dates, .memory = &c->row.memory, .pack = c->pack,
				     .now = now, .owner = c->owner, .stale = c->stale, .first_look = c->first_look,
				     .rules_changed = c->row.rules != 0 && c->row.rules != e->config->rules,
				     .silenced = c->row.gone, .alert = c->alert, .n_alert = c->n_alert,
				     .told = c->told, .n_told = c->n_told };
	int r = dw_alert_decide(&c->plan, &in, &e->alert_rules);

	return r < 0 ? dw_err_set(err, r, "order %s/%s: more steps are owed at once than a plan holds", c->row.feed,
				  c->row.order_id)
		     : 0;
}

static int load(struct dw_engine *e, int64_t order, dw_time now, struct dw_case *c, struct dw_err *err)
{
	int ix, r = dw_store_order_get(e->store, order, &c->row, err);

	if (r)
		return r;
	ix = dw_feed_index(e, c->row.feed);
	r = dw_store_alert_load(e->store, order, c->alert, err);
	if (r < 0)
		return r;
	c->n_alert = (size_t)r;
	if (ix < 0 || e->config->feeds[ix].overlay)
		return 0; /* its feed left the config: c->feed stays NULL */
	c->feed = &e->config->feeds[ix];
	c->stale = dw_feed_is_stale(c->feed, &e->feed_row[ix], now);
	c->first_look = e->feed_row[ix].first_look;
	c->data_time = c->row.missing_since != DW_UNKNOWN && c->row.missing_data != DW_UNKNOWN ? c->row.missing_data
											     : e->feed_row[ix].data_time;
	if (c->data_time == DW_UNKNOWN)
		c->data_time = now;
	r = load_sources(e, c, err);
	if (r == 0)
		r = load_steps(e, c, err);
	if (r == 0)
		r = derive(e, c, now, err);
	return r < 0 ? r : decide(e, c, now, err);
}

int dw_case_load(struct dw_engine *e, int64_t order, dw_time now, struct dw_case *out, struct dw_err *err)
{
	struct dw_case c = { .now = now, .data_time = DW_UNKNOWN };
	int r = load(e, order, now, &c, err);

	*out = c;
	/* pointers into the case itself */
	out->sources.main = &out->main;
	if (r)
		dw_case_fini(out);
	return r;
}

void dw_case_fini(struct dw_case *c)
{
	dw_order_row_fini(&c->row);
	dw_facts_fini(&c->main);
	for (size_t i = 0; i < c->n_overlay; i++)
		dw_facts_fini(&c->overlay_facts[i]);
	for (size_t i = 0; i < c->n_hand; i++)
		dw_hand_fini(&c->hand[i]);
	free(c->overlay_facts);
	free(c->overlay);
	free(c->hand);
	free(c->steps);
	free(c->told);
	free(c->zoned);
	free(c->proof);
	dw_order_fini(&c->order);
	memset(c, 0, sizeof(*c));
}

enum { TOLD_LATELY_S = 12 * 3600 };

/* Who is next: a step that isn't urgent and falls within 12 hours of this telling is spared (rules.md §5). */
static void skip_spared(struct dw_mail_item *item, const struct dw_case *c, const struct dw_ladder *l, dw_time found_at)
{
	for (int i = 0; i < DW_STEPS_MAX && item->next_step >= 0; i++) {
		struct dw_owed o;

		if (l->step[item->next_step].urgent || item->next_at >= c->now + TOLD_LATELY_S)
			return;
		dw_ladder_owed(l, item->act_by, found_at, item->next_at, &o);
		item->next_at = o.next_at;
		item->next_step = o.next_step;
		item->next_due = 0;
	}
}

void dw_case_item(const struct dw_case *c, enum dw_side side, struct dw_mail_item *out, const struct dw_config *config)
{
	const struct dw_plan *plan = &c->plan;
	const struct dw_finding *f = &plan->finding[side];
	const struct dw_alert *row = NULL;

	for (size_t i = 0; i < c->n_alert; i++)
		if (c->alert[i].side == side)
			row = &c->alert[i];
	*out = (struct dw_mail_item){
		.order_row = c->row.id, .feed = c->row.feed, .order_id = c->row.order_id, .order = &c->order,
		.dates = &c->dates, .memory = &c->row.memory, .pack = c->pack, .sources = &c->sources, .side = side,
		.kind = f->kind, .state = plan->state[side], .act_by = f->act_by, .step = "", .data_time = c->data_time,
		.stale = c->stale, .missing_since = c->row.missing_since, .owner = c->owner, .told = c->told,
		.n_told = c->n_told, .next_at = plan->owed[side].next_at, .next_step = plan->owed[side].next_step,
		.next_due = plan->owed[side].next_due > plan->owed[side].next_at ? plan->owed[side].next_due : 0,
	};
	if (f->kind != DW_NO_KIND)
		out->ladder = &config->ladder[f->kind];
	if (row && row->kind == f->kind && f->kind != DW_NO_KIND) {
		out->act_by = row->act_by;
		out->dormant = row->dormant;
	}
	if (row)
		out->episode = row->episode;
	if (row && row->ack.at != DW_UNKNOWN)
		out->ack = &row->ack;
	if (out->ladder)
		skip_spared(out, c, out->ladder, f->found_at);
}
