/* What a claim's mail says besides the eleven parts: what was promised and agreed, and by whose word; the platform's own
 * clocks; what each way out of a dispute costs. Amounts are the order's own, computed exactly. */
#include "compose-impl.h"

#include "duewatch/money.h"

enum { SHOWN_PROOF_MAX = 12 }; /* the newest */

/* ---- promise, agreements, shipment ---- */

/* How a value reads: an instant as a day, a word by its name, anything else as it is. */
static void set_value(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item,
		      const struct dw_mail_proof *p)
{
	const struct dw_zone *z = dw_item_zone(m, item);
	struct dw_facts f = { 0 };
	struct dw_cell_rules rules = { .zone = z };
	DW_BUF b = { 0 };

	if (p->withdrawn)
		return;
	if (dw_fact_parse(&f, p->field, p->value, false, &rules, NULL, NULL) == 0) {
		if (dw_fields[p->field].kind == DW_K_INSTANT)
			dw_words_date(&b, m->words, z, f.num[p->field], DW_DATE_DAY);
		else if (p->field == DW_F_EXTENSION_STATE)
			dw_set_flag(map, "state", dw_extension_words[f.num[p->field]]);
	}
	if (b.n == 0)
		dw_scrub(&b, p->value, 60);
	dw_set_buf(map, "value", &b);
	dw_facts_fini(&f);
}

static struct dw_tval *said(const struct dw_making *m, const struct dw_mail_item *item)
{
	struct dw_tval *list = dw_tval_list();
	size_t i = item->n_proof > SHOWN_PROOF_MAX ? item->n_proof - SHOWN_PROOF_MAX : 0;

	for (; i < item->n_proof; i++) {
		const struct dw_mail_proof *p = &item->proof[i];
		struct dw_tval *map = dw_tval_map();
		DW_BUF b = { 0 };

		dw_words_date(&b, m->words, m->zone, p->at, DW_DATE_NEAR);
		dw_set_buf(map, "when", &b);
		dw_set_flag(map, "f", dw_fields[p->field].name);
		dw_set_scrubbed(map, "by", p->by, 64);
		dw_tval_set_bool(map, "hand", p->hand);
		dw_tval_set_bool(map, "withdrawn", p->withdrawn);
		set_value(m, map, item, p);
		dw_tval_push(list, map);
	}
	return list;
}

static void set_agreed(const struct dw_making *m, struct dw_tval *record, const struct dw_mail_item *item)
{
	dw_time at = dw_at(&item->order->f, DW_F_AGREED_AT);
	struct dw_tval *agreed;

	if (at == DW_UNKNOWN)
		return;
	agreed = dw_item_day(m, dw_item_zone(m, item), dw_zone_day(dw_item_zone(m, item), at));
	dw_item_source(agreed, item, DW_F_AGREED_AT);
	dw_tval_set_bool(agreed, "past_promise", item->dates->p != DW_UNKNOWN && at > item->dates->p);
	dw_tval_set(record, "agreed", agreed);
}

/* { days, days_one }: by how much it left late, in days of the platform. */
static void set_late(const struct dw_making *m, struct dw_tval *record, const struct dw_mail_item *item)
{
	const struct dw_zone *z = dw_item_zone(m, item);
	dw_time shipped = dw_at(&item->order->f, DW_F_SHIPPED_AT), p = item->dates->p;
	struct dw_tval *late;

	if (p == DW_UNKNOWN || (shipped != DW_UNKNOWN ? shipped : m->view->now) <= p)
		return;
	late = dw_tval_map();
	dw_set_number(late, "days", dw_zone_day(z, shipped != DW_UNKNOWN ? shipped : m->view->now) - dw_zone_day(z, p));
	dw_tval_set(record, "late", late);
}

static void set_record(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	const struct dw_dates *d = item->dates;
	const struct dw_zone *z = dw_item_zone(m, item);
	const struct dw_facts *f = &item->order->f;
	struct dw_tval *record = dw_tval_map();

	if (d->promise != d->p)
		dw_set_instant(m, record, "first", z, d->promise);
	dw_tval_set_bool(record, "by_main", item->order->accepted_by_main);
	dw_set_flag(record, "ext", dw_extension_words[d->extension]);
	dw_set_instant(m, record, "until", z, d->extension != DW_EXT_NONE ? dw_at(f, DW_F_EXTENSION_UNTIL) : DW_UNKNOWN);
	if (d->extension != DW_EXT_NONE)
		dw_item_source(record, item, DW_F_EXTENSION_STATE);
	dw_set_instant(m, record, "delivered", z, dw_at(f, DW_F_DELIVERED_AT));
	dw_set_instant(m, record, "since", m->zone, item->memory->first_seen);
	dw_tval_set_bool(record, "way_known", dw_has(f, DW_F_TRANSPORT));
	set_agreed(m, record, item);
	set_late(m, record, item);
	dw_tval_set(record, "said", said(m, item));
	dw_tval_set(map, "record", record);
}

/* ---- the platform's clocks ---- */

/* { n, day, past … } of a day of the dispute; the day it is opened is the first. */
static void set_day(const struct dw_making *m, struct dw_tval *clock, const struct dw_mail_item *item, const char *name,
		    dw_time opened, int n)
{
	dw_time at = opened + (n - 1) * DW_DAY;
	struct dw_tval *map;

	if (n <= 0)
		return;
	map = dw_item_day(m, dw_item_zone(m, item), dw_zone_day(dw_item_zone(m, item), at));
	dw_tval_set_int(map, "n", n);
	dw_tval_set_bool(map, "past", at <= m->view->now);
	dw_tval_set(clock, name, map);
}

static void set_clock(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	const struct dw_zone *z = dw_item_zone(m, item);
	dw_time opened = item->memory->disputed_since != DW_UNKNOWN ? item->memory->disputed_since : m->view->now;
	struct dw_tval *clock = dw_tval_map();

	dw_set_instant(m, clock, "seen", z, opened);
	dw_set_instant(m, clock, "talk", z, opened + item->pack->dispute_talk);
	set_day(m, clock, item, "call", opened, item->pack->dispute_call_day);
	set_day(m, clock, item, "step_in", opened, item->pack->dispute_auto_day);
	dw_tval_set_bool(clock, "held", item->pack->payout == DW_PAYOUT_RECEIPT);
	dw_tval_set_bool(clock, "claim_guessed", item->dates->c_guessed);
	dw_tval_set(map, "clock", clock);
}

/* ---- the ways out ---- */

static void set_options(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	static const struct {
		const char *name;
		int percent;
	} parts[] = { { "tenth", 10 }, { "quarter", 25 }, { "half", 50 } };
	const struct dw_facts *f = &item->order->f;
	struct dw_tval *options = dw_tval_map();

	for (size_t i = 0; i < DW_COUNT(parts) && dw_has(f, DW_F_AMOUNT) && f->num[DW_F_AMOUNT] >= 0; i++) {
		DW_BUF b = { 0 };

		dw_words_money(&b, m->words, f, dw_money_percent(f->num[DW_F_AMOUNT], parts[i].percent));
		dw_set_buf(options, parts[i].name, &b);
	}
	dw_tval_set(map, "options", options);
}

void dw_item_claim(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	if (item->side != DW_SIDE_CLAIM)
		return;
	set_record(m, map, item);
	if (item->kind != DW_DISPUTE)
		return;
	set_clock(m, map, item);
	set_options(m, map, item);
}
