/* order.h: memory of an order, and its sources merged (rules.md §2). */
#include "duewatch/codec.h"
#include "duewatch/order.h"

#define DAY INT64_C(86400)

enum { MEMORY_VERSION = 1, HAND_RECORD_S = 48 * 3600 };

static bool says_to_ship(enum dw_status s)
{
	return s == DW_AWAITING_SHIPMENT || s == DW_PARTLY_SHIPPED;
}

static bool says_moving(enum dw_status s)
{
	return s == DW_SHIPPED || s == DW_PARTLY_SHIPPED;
}

/* An unknown status is shipped if shipped_at is known, else awaiting_shipment (rules.md §2, Bad cells). */
static enum dw_status status_of(const struct dw_facts *f)
{
	if (dw_has(f, DW_F_STATUS))
		return (enum dw_status)f->num[DW_F_STATUS];
	return dw_has(f, DW_F_SHIPPED_AT) ? DW_SHIPPED : DW_AWAITING_SHIPMENT;
}

/* The promise without extensions: promised_at, else the end of (the day of paid_at there + lead_days). */
static dw_time promise_of(const struct dw_facts *f, const struct dw_pack *pack, bool *relative)
{
	if (relative)
		*relative = false;
	if (dw_has(f, DW_F_PROMISED_AT))
		return f->num[DW_F_PROMISED_AT];
	if (!dw_has(f, DW_F_LEAD_DAYS) || !dw_has(f, DW_F_PAID_AT))
		return DW_UNKNOWN;
	if (relative)
		*relative = true;
	return dw_day_end(pack->zone, dw_zone_day(pack->zone, f->num[DW_F_PAID_AT]) + (int32_t)f->num[DW_F_LEAD_DAYS]);
}

/* ---- memory ---- */

static void memory_fields(struct dw_memory *m, dw_time *at[12])
{
	dw_time *all[12] = { &m->first_seen, &m->to_ship_data,	  &m->moving_data,    &m->completed_data,
			     &m->delivered_data, &m->x_until,	  &m->x_promise,      &m->requested_since,
			     &m->disputed_since, &m->closed_at,	  &m->closed_promise, &m->closed_status };

	memcpy(at, all, sizeof(all));
}

int dw_memory_encode(struct dw_buf *out, const struct dw_memory *m)
{
	struct dw_memory copy = *m;
	dw_time *at[12];
	unsigned known = 0;

	memory_fields(&copy, at);
	for (unsigned i = 0; i < 12; i++)
		known |= ((i < 11 || copy.closed_at != DW_UNKNOWN) && *at[i] != DW_UNKNOWN) << i;
	dw_buf_putc(out, MEMORY_VERSION);
	dw_put_uint(out, known << 1 | m->first_read);
	for (unsigned i = 0; i < 12; i++)
		if (known >> i & 1)
			dw_put_int(out, *at[i]);
	return out->failed ? -ENOMEM : 0;
}

int dw_memory_decode(struct dw_memory *out, const void *p, size_t n)
{
	struct dw_cursor c = { .p = p, .end = (const unsigned char *)p + n };
	struct dw_memory m = DW_MEMORY_NONE;
	dw_time *at[12];
	uint64_t known;

	memory_fields(&m, at);
	if (n == 0 || *c.p++ != MEMORY_VERSION)
		return -EBADMSG;
	known = dw_get_uint(&c);
	if (known >> 13)
		return -EBADMSG;
	m.first_read = known & 1;
	for (unsigned i = 0; i < 12; i++)
		if (known >> (i + 1) & 1)
			*at[i] = dw_get_int(&c);
	for (unsigned i = 0; i < 11; i++)
		if (*at[i] != DW_UNKNOWN && (*at[i] < 0 || *at[i] > 2 * DW_TIME_MAX))
			c.bad = true;
	if (c.bad || c.p != c.end || m.closed_status < 0 || m.closed_status >= DW_STATUS_COUNT)
		return -EBADMSG;
	*out = m;
	return 0;
}

static void note_extension(struct dw_memory *m, const struct dw_facts *after, const struct dw_pack *pack)
{
	dw_time promise = promise_of(after, pack, NULL);

	if (dw_has(after, DW_F_EXTENSION_STATE) && after->num[DW_F_EXTENSION_STATE] == DW_EXT_ACCEPTED &&
	    dw_has(after, DW_F_EXTENSION_UNTIL)) {
		m->x_until = after->num[DW_F_EXTENSION_UNTIL];
		m->x_promise = promise;
	} else if (m->x_until != DW_UNKNOWN && promise != m->x_promise) {
		m->x_until = m->x_promise = DW_UNKNOWN;
	}
}

void dw_memory_note(struct dw_memory *m, const struct dw_facts *before, const struct dw_facts *after,
		    const struct dw_pack *pack, dw_time prev_data, dw_time data, dw_time now, bool first_read)
{
	enum dw_status is = status_of(after);

	if (!before) {
		*m = DW_MEMORY_NONE;
		m->first_seen = now;
		m->first_read = first_read;
	} else {
		if (says_to_ship(status_of(before)))
			m->to_ship_data = prev_data;
		if (says_moving(status_of(before)))
			m->moving_data = prev_data;
	}
	if (is == DW_AWAITING_SHIPMENT || is == DW_AWAITING_PAYMENT)
		m->moving_data = DW_UNKNOWN; /* un-shipped: what was seen of an earlier journey refutes nothing */
	if (is == DW_COMPLETED) {
		if (m->completed_data == DW_UNKNOWN && !(!before && first_read))
			m->completed_data = (before && status_of(before) == DW_COMPLETED) ? DW_UNKNOWN : data;
	} else if (is != DW_DISPUTED)
		m->completed_data = DW_UNKNOWN;
	if (is == DW_DELIVERED) {
		if (m->delivered_data == DW_UNKNOWN)
			m->delivered_data = data;
	} else if (is != DW_COMPLETED && is != DW_DISPUTED)
		m->delivered_data = DW_UNKNOWN;
	note_extension(m, after, pack);
}

bool dw_memory_settle(struct dw_memory *m, const struct dw_order *o, const struct dw_dates *d, dw_time now)
{
	struct dw_memory was = *m;

	if (d->extension != DW_EXT_REQUESTED)
		m->requested_since = DW_UNKNOWN;
	else if (m->requested_since == DW_UNKNOWN)
		m->requested_since = now;
	if (d->status != DW_DISPUTED)
		m->disputed_since = DW_UNKNOWN;
	else if (m->disputed_since == DW_UNKNOWN)
		m->disputed_since = now;
	if (m->closed_at != DW_UNKNOWN && (m->closed_status != (int64_t)d->status || m->closed_promise != d->p))
		m->closed_at = DW_UNKNOWN;
	(void)o;
	return was.requested_since != m->requested_since || was.disputed_since != m->disputed_since ||
	       was.closed_at != m->closed_at;
}

/* ---- merge ---- */

void dw_hand_fini(struct dw_hand *h)
{
	dw_facts_fini(&h->value);
	free(h->by);
	free(h->base);
	memset(h, 0, sizeof(*h));
}

void dw_order_fini(struct dw_order *o)
{
	dw_facts_fini(&o->f);
}

/* The first overlay that knows the field, or -1. */
static int overlay_with(const struct dw_sources *s, enum dw_field x)
{
	for (size_t i = 0; i < s->n_overlay; i++)
		if (dw_has(s->overlay[i].facts, x))
			return (int)i;
	return -1;
}

int dw_hand_base(struct dw_buf *out, const struct dw_sources *s, enum dw_field x)
{
	int r = dw_fact_text(out, s->main, x);

	for (size_t i = 0; r == 0 && !dw_fields[x].record && i < s->n_overlay; i++)
		if (dw_has(s->overlay[i].facts, x)) {
			dw_buf_printf(out, "\n%s=", s->overlay[i].feed);
			r = dw_fact_text(out, s->overlay[i].facts, x);
		}
	return out->failed ? -ENOMEM : r;
}

static int take(struct dw_order *o, const struct dw_facts *from, enum dw_field x, enum dw_origin origin, int ix)
{
	if (dw_facts_take(&o->f, from, x) < 0)
		return -ENOMEM;
	o->origin[x] = (uint8_t)origin;
	o->origin_ix[x] = (uint8_t)ix;
	return 0;
}

static int merge_feeds(struct dw_order *o, const struct dw_sources *s, enum dw_field x)
{
	int ov = overlay_with(s, x);
	bool main_has = dw_has(s->main, x);

	if (ov >= 0 && !(dw_fields[x].record && main_has))
		return take(o, s->overlay[ov].facts, x, DW_FROM_OVERLAY, ov);
	if (main_has)
		return take(o, s->main, x, DW_FROM_MAIN, 0);
	for (size_t i = 0; i < s->n_overlay; i++)
		if (s->overlay[i].defaults && dw_has(s->overlay[i].defaults, x))
			return take(o, s->overlay[i].defaults, x, DW_FROM_DEFAULT, (int)i);
	if (s->defaults && dw_has(s->defaults, x))
		return take(o, s->defaults, x, DW_FROM_DEFAULT, 0);
	return 0;
}

/* A hand-set value stands until what the feeds say changes; of the record, 48 h at most where the feed has it. */
static int merge_hand(struct dw_order *o, const struct dw_sources *s, const struct dw_hand *h, dw_time now)
{
	DW_BUF base = { 0 };
	bool record = dw_fields[h->field].record;
	int r = dw_hand_base(&base, s, h->field);

	if (r < 0)
		return r;
	if (strcmp(dw_buf_str(&base), h->base ? h->base : "") != 0 ||
	    (record && dw_listed(s->main, h->field) && now > h->at + HAND_RECORD_S)) {
		o->fallen |= UINT32_C(1) << h->field;
		return 0;
	}
	if (record && dw_listed(s->main, h->field) && h->at + HAND_RECORD_S + 1 < o->hand_until)
		o->hand_until = h->at + HAND_RECORD_S + 1;
	return take(o, &h->value, h->field, DW_FROM_HAND, 0);
}

static void observe(struct dw_order *o, enum dw_field x, dw_time at)
{
	if (dw_has(&o->f, x) || at == DW_UNKNOWN)
		return;
	dw_facts_set_num(&o->f, x, at);
	o->origin[x] = DW_FROM_OBSERVED;
}

static dw_time hand_at(const struct dw_sources *s, enum dw_field x)
{
	for (size_t i = 0; i < s->n_hand; i++)
		if (s->hand[i].field == x)
			return s->hand[i].at;
	return DW_UNKNOWN;
}

/* rules.md §2, Observed instants. */
static void observe_all(struct dw_order *o, const struct dw_sources *s, const struct dw_memory *m, dw_time data_time)
{
	enum dw_status is = status_of(&o->f);
	bool by_hand = o->origin[DW_F_STATUS] == DW_FROM_HAND;
	dw_time at;

	if (is == DW_SHIPPED || is == DW_DELIVERED || is == DW_COMPLETED) {
		at = says_to_ship(o->main_status) ? data_time : m->to_ship_data;
		observe(o, DW_F_SHIPPED_AT, at != DW_UNKNOWN ? at : dw_at(&o->f, DW_F_PAID_AT));
	}
	if (is == DW_COMPLETED)
		observe(o, DW_F_COMPLETED_AT, by_hand ? hand_at(s, DW_F_STATUS) : m->completed_data);
	if (is == DW_DELIVERED || is == DW_COMPLETED)
		observe(o, DW_F_DELIVERED_AT,
			by_hand && is == DW_DELIVERED ? hand_at(s, DW_F_STATUS) : m->delivered_data);
}

static int merge(struct dw_order *o, const struct dw_sources *s, const struct dw_memory *m, dw_time data_time, dw_time now)
{
	int r = 0;

	for (int x = 0; r == 0 && x < DW_FIELD_COUNT; x++)
		r = merge_feeds(o, s, (enum dw_field)x);
	for (size_t i = 0; r == 0 && i < s->n_hand; i++)
		r = merge_hand(o, s, &s->hand[i], now);
	if (r < 0)
		return r;
	o->main_status = status_of(s->main);
	if (dw_has(&o->f, DW_F_EXTENSION_STATE) && o->f.num[DW_F_EXTENSION_STATE] == DW_EXT_ACCEPTED) {
		o->accepted_by_main = dw_has(s->main, DW_F_EXTENSION_STATE) &&
				      s->main->num[DW_F_EXTENSION_STATE] == DW_EXT_ACCEPTED;
		/* chat is not the platform: rules.md §2, Sources */
		if (!o->accepted_by_main)
			o->f.num[DW_F_EXTENSION_STATE] = DW_EXT_REQUESTED;
	}
	if (!dw_has(&o->f, DW_F_STATUS)) {
		o->status_guessed = true;
		dw_facts_set_num(&o->f, DW_F_STATUS, status_of(&o->f));
		o->origin[DW_F_STATUS] = DW_FROM_OBSERVED;
	}
	observe_all(o, s, m, data_time);
	return 0;
}

int dw_order_merge(struct dw_order *out, const struct dw_sources *s, const struct dw_memory *memory, dw_time data_time,
		   dw_time now)
{
	struct dw_order o = { .hand_until = DW_NEVER };
	int r = merge(&o, s, memory, data_time, now);

	if (r < 0) {
		dw_order_fini(&o);
		return r;
	}
	*out = o;
	return 0;
}

/* ---- dates: rules.md §3 ---- */

static void consider(struct dw_dates *d, dw_time at, dw_time now)
{
	if (at > now && at < d->next_at)
		d->next_at = at;
}

static dw_time later(dw_time a, dw_time b)
{
	return a > b ? a : b; /* DW_UNKNOWN is the smallest */
}

static void promise_dates(struct dw_dates *d, const struct dw_order *o, const struct dw_memory *m,
			  const struct dw_pack *pack, dw_time now)
{
	const struct dw_facts *f = &o->f;
	dw_time until = dw_at(f, DW_F_EXTENSION_UNTIL), base;

	d->promise = promise_of(f, pack, &d->p_relative);
	d->extension = dw_has(f, DW_F_EXTENSION_STATE) ? (enum dw_extension)f->num[DW_F_EXTENSION_STATE] : DW_EXT_NONE;
	if (until != DW_UNKNOWN && d->promise != DW_UNKNOWN && until <= d->promise)
		d->extension = DW_EXT_NONE;
	if (o->accepted_by_main)
		d->x = until;
	else if (m->x_until != DW_UNKNOWN && (m->x_promise == DW_UNKNOWN || m->x_promise == d->promise))
		d->x = m->x_until;
	d->p = later(d->promise, d->x);
	if (d->p == DW_UNKNOWN)
		return;
	d->f = dw_working_days_back(pack->zone, d->p, pack->buyer_answer, DW_MON_FRI, &pack->holidays);
	consider(d, d->p + 1, now);
	base = dw_at(f, DW_F_PAID_AT);
	if (base == DW_UNKNOWN)
		base = dw_at(f, DW_F_CREATED_AT);
	if (base == DW_UNKNOWN && !m->first_read)
		base = m->first_seen;
	d->short_promise = base != DW_UNKNOWN && d->p < base + 5 * DAY;
}

enum { E_WAIT_S = 72 * 3600 };

/* rules.md §3 calls E stale once it has passed and the order is still to ship. Whether it is can only be known from
 * data newer than E: an export of the morning says "to ship" of goods that leave in the afternoon, and at midnight three
 * people would be asked about them. So E stays until a read whose data time is past it still says to ship, or, where no
 * read comes, for three days (feed_stale speaks meanwhile). duewatchd(8), NOTES. */
static bool passed_unshipped(struct dw_dates *d, dw_time data_time, dw_time now)
{
	if (d->e >= now) {
		consider(d, d->e + 1, now);
		return false;
	}
	if (data_time == DW_UNKNOWN || data_time > d->e || now > d->e + E_WAIT_S)
		return true;
	consider(d, d->e + E_WAIT_S + 1, now);
	if (d->e < d->data_at)
		d->data_at = d->e;
	return false;
}

static void ship_dates(struct dw_dates *d, const struct dw_facts *f, dw_time data_time, dw_time now)
{
	d->e = d->e_known = later(dw_at(f, DW_F_EXPECTED_SHIP_AT), dw_at(f, DW_F_AGREED_AT));
	if (!d->to_ship || d->e == DW_UNKNOWN)
		return;
	d->e_stale = passed_unshipped(d, data_time, now);
	if (d->e_stale)
		d->e = DW_UNKNOWN;
}

/* A, from the pack's numbers for the transport: the smallest that no read has refuted. */
static void computed_a(struct dw_dates *d, const struct dw_order *o, const struct dw_memory *m,
		       const struct dw_pack *pack, dw_time data_time)
{
	const struct dw_facts *f = &o->f;
	enum dw_transport_mode by = dw_has(f, DW_F_TRANSPORT) ? (enum dw_transport_mode)f->num[DW_F_TRANSPORT] : DW_BY_UNKNOWN;
	const struct dw_auto_confirm *list = &pack->auto_confirm[by];
	dw_time base = dw_at(f, DW_F_SHIPPED_AT);
	bool moving = says_moving(o->main_status);
	dw_time said = moving ? data_time : m->moving_data;

	if (base == DW_UNKNOWN)
		return;
	if (list->n == 0)
		list = &pack->auto_confirm[DW_BY_UNKNOWN];
	if (dw_has(f, DW_F_RECEIPT_EXTENSIONS))
		base += f->num[DW_F_RECEIPT_EXTENSIONS] * pack->receipt_extension * DAY;
	for (int i = 0; i < list->n; i++) {
		dw_time a = base + list->days[i] * DAY;

		if (said != DW_UNKNOWN && said > a + DAY) {
			d->a_refuted++;
			continue;
		}
		d->a = a;
		d->a_days = list->days[i];
		d->a_computed = true;
		if (moving && a + DAY < d->data_at)
			d->data_at = a + DAY;
		return;
	}
}

static void receipt_dates(struct dw_dates *d, const struct dw_order *o, const struct dw_memory *m,
			  const struct dw_order_rules *rules, dw_time data_time, dw_time now)
{
	const struct dw_facts *f = &o->f;
	dw_time shipped = dw_at(f, DW_F_SHIPPED_AT);

	d->a = dw_at(f, DW_F_AUTO_CONFIRM_AT);
	if (d->a == DW_UNKNOWN)
		computed_a(d, o, m, rules->pack, data_time);
	d->eta = dw_at(f, DW_F_EXPECTED_ARRIVAL_AT);
	if (d->eta == DW_UNKNOWN && shipped != DW_UNKNOWN && dw_has(f, DW_F_TRANSPORT) &&
	    rules->transit_days[f->num[DW_F_TRANSPORT]] > 0) {
		d->eta = shipped + rules->transit_days[f->num[DW_F_TRANSPORT]] * DAY;
		d->eta_computed = true;
	}
	if (d->eta != DW_UNKNOWN && !dw_has(f, DW_F_DELIVERED_AT)) {
		d->eta_failed = now > d->eta + DAY;
		consider(d, d->eta + DAY + 1, now);
	}
	if (d->a != DW_UNKNOWN)
		consider(d, d->a, now);
	d->r = dw_at(f, DW_F_COMPLETED_AT);
	if (d->r != DW_UNKNOWN)
		d->c = d->r + rules->pack->claim_days * DAY;
	else if (shipped != DW_UNKNOWN) {
		d->c = shipped + 90 * DAY;
		d->c_guessed = true;
	}
	if (d->c != DW_UNKNOWN)
		consider(d, d->c + 1, now);
}

void dw_order_dates(struct dw_dates *out, const struct dw_order *o, const struct dw_memory *m,
		    const struct dw_order_rules *rules, dw_time data_time, dw_time now)
{
	struct dw_dates d = { .promise = DW_UNKNOWN, .x = DW_UNKNOWN, .p = DW_UNKNOWN, .f = DW_UNKNOWN, .e = DW_UNKNOWN,
			      .a = DW_UNKNOWN, .eta = DW_UNKNOWN, .r = DW_UNKNOWN, .c = DW_UNKNOWN,
			      .e_known = DW_UNKNOWN, .data_at = DW_NEVER, .next_at = o->hand_until };

	d.status = status_of(&o->f);
	d.to_ship = says_to_ship(d.status);
	d.in_transit = says_moving(d.status) && !dw_has(&o->f, DW_F_DELIVERED_AT);
	promise_dates(&d, o, m, rules->pack, now);
	ship_dates(&d, &o->f, data_time, now);
	receipt_dates(&d, o, m, rules, data_time, now);
	*out = d;
}
