/* Parts 9 and 10 of a mail: where the facts come from, and who knows. */
#include "compose-impl.h"

/* ---- part 9 ---- */

static const enum dw_field ship_fields[] = { DW_F_STATUS, DW_F_PROMISED_AT, DW_F_PAID_AT, DW_F_EXTENSION_UNTIL,
					     DW_F_AGREED_AT, DW_F_EXPECTED_SHIP_AT };
static const enum dw_field receipt_fields[] = { DW_F_STATUS, DW_F_SHIPPED_AT, DW_F_TRANSPORT, DW_F_AUTO_CONFIRM_AT,
						DW_F_RECEIPT_EXTENSIONS, DW_F_EXPECTED_ARRIVAL_AT };
static const enum dw_field claim_fields[] = { DW_F_STATUS, DW_F_PROMISED_AT, DW_F_SHIPPED_AT, DW_F_COMPLETED_AT,
					      DW_F_EXPECTED_ARRIVAL_AT };

static const char *origin_name(enum dw_origin origin)
{
	switch (origin) {
	case DW_FROM_MAIN:
		return "main";
	case DW_FROM_OVERLAY:
		return "overlay";
	case DW_FROM_HAND:
		return "hand";
	case DW_FROM_DEFAULT:
		return "default";
	case DW_FROM_OBSERVED:
	case DW_FROM_NOWHERE:
		break;
	}
	return "observed";
}

/* Who gave the value: a feed, or the person who set it. */
static const char *source_of(const struct dw_mail_item *item, enum dw_field x)
{
	const struct dw_sources *s = item->sources;
	enum dw_origin origin = (enum dw_origin)item->order->origin[x];

	if (s && origin == DW_FROM_OVERLAY && item->order->origin_ix[x] < s->n_overlay)
		return s->overlay[item->order->origin_ix[x]].feed;
	if (origin == DW_FROM_HAND) {
		for (size_t i = 0; s && i < s->n_hand; i++)
			if (s->hand[i].field == x)
				return s->hand[i].by;
		return NULL;
	}
	return item->feed;
}

void dw_item_source(struct dw_tval *map, const struct dw_mail_item *item, enum dw_field x)
{
	dw_set_flag(map, "from", origin_name((enum dw_origin)item->order->origin[x]));
	dw_set_scrubbed(map, "source", source_of(item, x), 64);
}

static void value_text(const struct dw_making *m, const struct dw_mail_item *item, enum dw_field x, struct dw_buf *out)
{
	const struct dw_facts *f = &item->order->f;

	switch (dw_fields[x].kind) {
	case DW_K_INSTANT:
		dw_words_date(out, m->words, dw_item_zone(m, item), f->num[x], DW_DATE_DAY);
		break;
	case DW_K_COUNT:
		dw_buf_printf(out, "%lld", (long long)f->num[x]);
		break;
	case DW_K_STATUS:
		dw_buf_puts(out, m->words->status[f->num[x]]);
		break;
	case DW_K_TRANSPORT:
		dw_buf_puts(out, m->words->transport[f->num[x]]);
		break;
	case DW_K_TEXT:
	case DW_K_EXTENSION:
	case DW_K_AMOUNT:
		break;
	}
}

static void add_fact(const struct dw_making *m, struct dw_tval *list, const struct dw_mail_item *item, enum dw_field x)
{
	struct dw_tval *map;
	DW_BUF b = { 0 };

	if (!dw_has(&item->order->f, x) || (x == DW_F_EXTENSION_UNTIL && item->dates->extension == DW_EXT_NONE) ||
	    (x == DW_F_PAID_AT && !item->dates->p_relative))
		return;
	map = dw_tval_map();
	dw_set_flag(map, "f", dw_fields[x].name);
	dw_item_source(map, item, x);
	value_text(m, item, x, &b);
	dw_set_buf(map, "value", &b);
	dw_tval_push(list, map);
}

/* What no source says: computed, assumed, or no longer believed. */
static void add_guesses(struct dw_tval *map, const struct dw_mail_item *item)
{
	const struct dw_dates *d = item->dates;
	const struct dw_facts *f = &item->order->f;
	struct dw_tval *g = dw_tval_map();
	bool ship = item->side == DW_SIDE_SHIP, receipt = item->side == DW_SIDE_RECEIPT;

	dw_tval_set_bool(g, "status", item->order->status_guessed);
	dw_tval_set_bool(g, "relative", d->p_relative && !receipt);
	if (d->p_relative) {
		dw_tval_set_int(g, "lead_days", f->num[DW_F_LEAD_DAYS]);
		dw_tval_set_bool(g, "lead_one", f->num[DW_F_LEAD_DAYS] == 1);
	}
	dw_tval_set_bool(g, "stale_date", d->e_stale && ship);
	dw_tval_set_bool(g, "no_date", d->e == DW_UNKNOWN && !d->e_stale && ship && item->kind != DW_INCOMPLETE);
	dw_tval_set_bool(g, "kept_extension", d->x != DW_UNKNOWN && d->p == d->x && !item->order->accepted_by_main && ship);
	dw_tval_set_bool(g, "unconfirmed", !item->order->accepted_by_main && d->extension == DW_EXT_REQUESTED && ship &&
						   item->order->origin[DW_F_EXTENSION_STATE] == DW_FROM_HAND);
	if (d->a_computed && !ship) {
		dw_tval_set_int(g, "a_days", d->a_days);
		dw_tval_set_bool(g, "a_refuted", d->a_refuted > 0);
		if (dw_has(f, DW_F_RECEIPT_EXTENSIONS) && f->num[DW_F_RECEIPT_EXTENSIONS] > 0) {
			dw_tval_set_int(g, "a_extensions", f->num[DW_F_RECEIPT_EXTENSIONS]);
			dw_tval_set_bool(g, "a_extensions_one", f->num[DW_F_RECEIPT_EXTENSIONS] == 1);
		}
		dw_set_scrubbed(g, "pack", item->pack->name, 64);
	}
	dw_tval_set_bool(g, "no_transport", d->a_computed && !ship && !dw_has(f, DW_F_TRANSPORT));
	dw_tval_set_bool(g, "arrival_computed", d->eta_computed && !ship);
	dw_tval_set_bool(g, "arrival_failed", d->eta_failed && receipt);
	dw_tval_set_bool(g, "no_arrival", d->eta == DW_UNKNOWN && receipt);
	dw_tval_set_bool(g, "claim_window", d->c_guessed && item->kind == DW_SHIPPED_LATE);
	dw_tval_set_bool(g, "dispute_since", item->kind == DW_DISPUTE);
	dw_tval_set(map, "guess", g);
}

void dw_item_facts(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	const enum dw_field *field = ship_fields;
	size_t n = DW_COUNT(ship_fields);
	struct dw_tval *list = dw_tval_list();

	if (item->side == DW_SIDE_RECEIPT) {
		field = receipt_fields;
		n = DW_COUNT(receipt_fields);
	} else if (item->side == DW_SIDE_CLAIM) {
		field = claim_fields;
		n = DW_COUNT(claim_fields);
	}
	if (dw_has(&item->order->f, DW_F_TRANSPORT))
		dw_tval_set_text(map, "transport", m->words->transport[item->order->f.num[DW_F_TRANSPORT]]);
	for (size_t i = 0; i < n; i++)
		add_fact(m, list, item, field[i]);
	dw_tval_set(map, "facts", list);
	add_guesses(map, item);
}

/* ---- part 10 ---- */

/* Is a newer word about the same person to come? Then this one is left out. */
static bool superseded(const struct dw_mail_item *item, size_t i)
{
	const struct dw_told *old = &item->told[i];

	for (size_t k = 0; k < item->n_told; k++) {
		const struct dw_told *t = &item->told[k];

		if (t->person == old->person && t->side == item->side && t->kind != DW_NO_KIND &&
		    (t->state == DW_STEP_MAILED || t->state == DW_STEP_WAITING) &&
		    (t->at > old->at || (t->at == old->at && k > i)))
			return true;
	}
	return false;
}

static void set_told(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	const struct dw_people *people = &m->view->config->people;
	struct dw_tval *list = dw_tval_list();
	DW_BUF b = { 0 };

	for (size_t i = 0; i < item->n_told; i++) {
		const struct dw_told *t = &item->told[i];
		bool mailed = t->state == DW_STEP_MAILED;
		struct dw_tval *who;

		if (t->person < 0 || (size_t)t->person >= people->n || t->person == m->view->person || t->side != item->side ||
		    t->kind == DW_NO_KIND || (!mailed && t->state != DW_STEP_WAITING) || superseded(item, i))
			continue;
		who = dw_tval_map();
		dw_set_scrubbed(who, "name", people->p[t->person].name, 64);
		dw_tval_set_bool(who, "daily", !mailed && t->deliver == DW_DELIVER_DAILY);
		if (mailed && t->at < m->view->now) {
			dw_words_date(&b, m->words, m->zone, t->at, DW_DATE_NEAR);
			dw_set_buf(who, "when", &b);
		}
		dw_tval_push(list, who);
	}
	dw_tval_set(map, "told", list);
}

/* Of those the next step speaks to, for whom it comes then; others have other hours, and hear of it at another time. */
static size_t who_next(const struct dw_people *people, const struct dw_mail_item *item, int who[DW_ROLE_COUNT])
{
	size_t n = dw_people_serving(people, item->owner, item->ladder->step[item->next_step].roles, who), kept = 0;
	int then[DW_ROLE_COUNT];

	for (size_t i = 0; i < n; i++) {
		struct dw_turn turn = dw_alert_turn(people, who[i], NULL);
		struct dw_owed o;

		dw_ladder_owed_by(item->ladder, &turn, item->act_by, DW_NEVER, item->next_at, &o);
		if (o.step >= item->next_step)
			then[kept++] = who[i];
	}
	if (kept == 0 || !item->ladder->step[item->next_step].urgent)
		return n;
	memcpy(who, then, kept * sizeof(*who));
	return kept;
}

static void set_next(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	const struct dw_people *people = &m->view->config->people;
	int who[DW_ROLE_COUNT];
	size_t n;
	struct dw_tval *next;
	DW_BUF b = { 0 };

	if (!item->ladder || item->next_step < 0 || (size_t)item->next_step >= item->ladder->n || item->next_at == DW_NEVER ||
	    item->next_at == DW_UNKNOWN || people->n == 0)
		return;
	n = who_next(people, item, who);
	next = dw_tval_map();
	dw_words_names(&b, m->words, people, who, n, m->view->person);
	dw_set_buf(next, "names", &b);
	dw_words_date(&b, m->words, m->zone, item->next_at, DW_DATE_NEAR);
	dw_set_buf(next, "when", &b);
	dw_tval_set_bool(next, "spared", item->ack && item->ack->at != DW_UNKNOWN &&
					       (item->next_due ? item->next_due : item->next_at) <= item->ack->until);
	dw_tval_set(map, "next", next);
}

static void set_ack(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	struct dw_tval *ack;
	DW_BUF b = { 0 };

	if (!item->ack || item->ack->at == DW_UNKNOWN)
		return;
	ack = dw_tval_map();
	dw_set_scrubbed(ack, "by", item->ack->by, 64);
	dw_words_date(&b, m->words, m->zone, item->ack->at, DW_DATE_NEAR);
	dw_set_buf(ack, "when", &b);
	if (item->ack->until != DW_NEVER && item->ack->until != DW_UNKNOWN) {
		dw_words_date(&b, m->words, m->zone, item->ack->until, DW_DATE_NEAR);
		dw_set_buf(ack, "until", &b);
	}
	dw_tval_set(map, "ack", ack);
}

void dw_item_told(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	set_told(m, map, item);
	set_next(m, map, item);
	set_ack(m, map, item);
	dw_tval_set_bool(map, "after_act_by", item->act_by != DW_UNKNOWN && item->act_by <= m->view->now);
}
