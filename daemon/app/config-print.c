/* Fingerprints: what makes rows read differently (a feed's), and what makes orders decided differently (the rules). */
#include "config-impl.h"

/* Raise these when the program itself comes to read rows, or to decide, in another way. */
#define READ_VERSION "read 1"
#define RULES_VERSION "rules 2"

static uint64_t num(uint64_t h, int64_t v)
{
	return dw_hash(h, &v, sizeof(v));
}

static uint64_t zone(uint64_t h, const struct dw_zone *z)
{
	return z ? dw_zone_hash(num(h, 1), z) : num(h, 0);
}

static uint64_t columns(uint64_t h, const struct dw_column *c, size_t n)
{
	h = num(h, (int64_t)n);
	for (size_t i = 0; i < n; i++)
		h = dw_hash_str(dw_hash_str(num(h, c[i].ours), c[i].theirs), c[i].left);
	return h;
}

static uint64_t words(uint64_t h, const struct dw_status_word *w, size_t n)
{
	h = num(h, (int64_t)n);
	for (size_t i = 0; i < n; i++)
		h = num(dw_hash_str(h, w[i].theirs), w[i].ours);
	return h;
}

static uint64_t feed_print(const struct dw_feed_conf *f)
{
	uint64_t h = dw_hash_str(DW_HASH_INIT, READ_VERSION);

	h = dw_hash_str(dw_hash_str(dw_hash_str(h, f->type), f->encoding), f->sheet);
	h = zone(zone(num(h, f->delimiter), f->zone), f->other);
	h = columns(h, f->columns, f->n_columns);
	h = words(h, f->status, f->n_status); /* the pack's are in there */
	if (f->pack)
		h = columns(dw_hash_str(h, f->pack->name), f->pack->columns, f->pack->n_columns);
	return dw_facts_hash(&f->defaults, h);
}

static uint64_t days(uint64_t h, const struct dw_holidays *list)
{
	h = num(h, (int64_t)list->n);
	for (size_t i = 0; i < list->n; i++)
		h = num(num(h, list->range[i].first), list->range[i].last);
	return h;
}

static uint64_t people_print(uint64_t h, const struct dw_people *p)
{
	h = num(h, (int64_t)p->n);
	for (size_t i = 0; i < p->n; i++) {
		const struct dw_person *x = &p->p[i];

		h = dw_hash_str(dw_hash_str(h, x->name), x->language);
		h = num(num(num(zone(h, x->zone), x->deputy), x->manager), x->daily_minute);
		h = num(days(h, &x->off), x->working_days);
		h = num(h, (int64_t)x->hours.n);
		for (size_t k = 0; k < x->hours.n; k++)
			h = num(num(h, x->hours.span[k].from), x->hours.span[k].to);
		h = num(h, (int64_t)x->n_alias);
		for (size_t k = 0; k < x->n_alias; k++)
			h = dw_hash_str(h, x->alias[k]);
	}
	h = num(num(num(h, p->default_owner), p->default_deputy), p->default_manager);
	for (size_t i = 0; i < p->n_operators; i++)
		h = num(h, p->operators[i]);
	return num(h, p->working_days);
}

static uint64_t ladder_print(uint64_t h, const struct dw_ladder *l)
{
	h = num(h, (int64_t)l->n);
	for (size_t i = 0; i < l->n; i++) {
		const struct dw_step *s = &l->step[i];

		h = num(num(num(num(h, s->when), s->offset), s->urgent), s->roles);
	}
	return h;
}

/* Without columns and words (they are in the feeds' prints), and without what only changes how a mail reads: texts, who may
 * extend receipt and how often, payout, a dispute's days. */
static uint64_t pack_print(uint64_t h, const struct dw_pack *p)
{
	h = zone(num(num(dw_hash_str(h, p->name), p->extension), p->buyer_answer), p->zone);
	h = days(h, &p->holidays);
	for (int m = 0; m < DW_BY_COUNT; m++) {
		h = num(h, p->auto_confirm[m].n);
		for (int i = 0; i < p->auto_confirm[m].n; i++)
			h = num(h, p->auto_confirm[m].days[i]);
	}
	h = num(num(num(h, p->receipt_extension), p->receipt_watch), p->claim_days);
	return num(num(num(h, p->dispute_talk), p->margin_days), p->max_extension_days);
}

/* How a feed's orders are merged and judged, beyond how its rows are read. */
static uint64_t feed_rules(uint64_t h, const struct dw_feed_conf *f)
{
	h = dw_hash_str(dw_hash_str(h, f->name), f->pack ? f->pack->name : NULL);
	h = num(num(num(h, f->overlay), f->absent), f->stale_after);
	h = num(h, (int64_t)f->n_of);
	for (size_t i = 0; i < f->n_of; i++)
		h = dw_hash_str(h, f->of[i]);
	return dw_facts_hash(&f->defaults, zone(zone(h, f->zone), f->other));
}

uint64_t conf_rules(const struct dw_config *c)
{
	uint64_t h = zone(dw_hash_str(DW_HASH_INIT, RULES_VERSION), c->zone);

	h = people_print(h, &c->people);
	for (int i = 0; i < DW_KIND_COUNT; i++)
		h = ladder_print(h, &c->ladder[i]);
	for (int i = 0; i < DW_BY_COUNT; i++)
		h = num(h, c->transit_days[i]);
	for (size_t i = 0; i < c->n_packs; i++)
		h = pack_print(h, &c->packs[i]);
	for (size_t i = 0; i < c->n_feeds; i++)
		h = feed_rules(h, &c->feeds[i]);
	return h;
}

void conf_prints(struct dw_config *c)
{
	for (size_t i = 0; i < c->n_feeds; i++)
		c->feeds[i].print = feed_print(&c->feeds[i]);
	c->rules = conf_rules(c);
}
