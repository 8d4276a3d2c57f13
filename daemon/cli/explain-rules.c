/* explain: every row of rules.md §4 in the order in which it is tried: its conditions, and which of them hold.
 * What was decided comes from dw_alert_find; the conditions here say why. */
#include "cli.h"

struct conditions {
	struct cli_explain *x;
	json_t *list;
	bool all;
};

/* "E (Thu 10 Dec 2026 23:59:59 PST)" */
static void named(struct dw_buf *b, const struct cli_explain *x, const char *name, dw_time t)
{
	dw_buf_printf(b, "%s (", name);
	cli_time_full(b, t, x->platform);
	dw_buf_puts(b, ")");
}

static void add(struct conditions *c, bool holds, struct dw_buf *text)
{
	json_t *o = json_object();

	cli_put(c->x, o, "holds", json_boolean(holds));
	cli_put(c->x, o, "text", cli_json_text(dw_buf_str(text)));
	cli_push(c->x, c->list, o);
	c->all = c->all && holds;
	c->x->failed |= text->failed;
}

static void says(struct conditions *c, bool holds, const char *fmt, ...) DW_PRINTF(3, 4);
static void says(struct conditions *c, bool holds, const char *fmt, ...)
{
	DW_FREE char *text = NULL;
	DW_BUF b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	b.failed = !text;
	dw_buf_puts(&b, text);
	add(c, holds, &b);
}

/* "a > b", which doesn't hold when either is unknown. */
static void later(struct conditions *c, const char *an, dw_time a, const char *bn, dw_time b)
{
	DW_BUF t = { 0 };

	named(&t, c->x, an, a);
	dw_buf_puts(&t, " > ");
	named(&t, c->x, bn, b);
	add(c, a != DW_UNKNOWN && b != DW_UNKNOWN && a > b, &t);
}

static void known(struct conditions *c, bool want, const char *name, dw_time t)
{
	DW_BUF b = { 0 };

	named(&b, c->x, name, t);
	dw_buf_puts(&b, want ? " is known" : " is unknown");
	add(c, (t != DW_UNKNOWN) == want, &b);
}

static const char *status(const struct cli_explain *x)
{
	return dw_status_words[x->k.dates.status];
}

static void to_ship(struct conditions *c)
{
	says(c, c->x->k.dates.to_ship, "to ship: the status is %s", status(c->x));
}

static void has_status(struct conditions *c, enum dw_status want)
{
	says(c, c->x->k.dates.status == want, "the status is %s (it is %s)", dw_status_words[want], status(c->x));
}

static bool allowed(const struct cli_explain *x)
{
	return x->k.pack->extension != DW_EXT_BY_NOBODY;
}

static void pack_allows(struct conditions *c, bool want)
{
	says(c, allowed(c->x) == want, "pack %s allows %s extension", c->x->k.pack->name, want ? "an" : "no");
}

static void extension_is(struct conditions *c, enum dw_extension want)
{
	enum dw_extension is = c->x->k.dates.extension;

	says(c, is == want, "the extension is %s (it is %s)", dw_extension_words[want], dw_extension_words[is]);
}

static void not_asked_enough(struct conditions *c)
{
	const struct dw_dates *d = &c->x->k.dates;
	dw_time until = dw_at(&c->x->k.order.f, DW_F_EXTENSION_UNTIL);
	bool enough = d->extension == DW_EXT_REQUESTED && d->e != DW_UNKNOWN && until != DW_UNKNOWN && until >= d->e;
	DW_BUF b = { 0 };

	dw_buf_printf(&b, "no request covers E: the extension is %s, ", dw_extension_words[d->extension]);
	named(&b, c->x, "extension_until", until);
	add(c, !enough, &b);
}

static void e_unknown_or_late(struct conditions *c)
{
	const struct dw_dates *d = &c->x->k.dates;

	if (d->e == DW_UNKNOWN)
		known(c, false, "E", d->e);
	else
		later(c, "E", d->e, "P", d->p);
}

static void ship_rows(struct conditions *c, enum dw_kind kind)
{
	const struct dw_dates *d = &c->x->k.dates;

	if (kind == DW_EDIT_BEFORE_PAYMENT)
		has_status(c, DW_AWAITING_PAYMENT);
	else
		to_ship(c);
	if (kind == DW_EDIT_BEFORE_PAYMENT || kind == DW_EXTEND_SHIP_DATE || kind == DW_LATE_AHEAD)
		later(c, "E", d->e, "P", d->p);
	if (kind == DW_INCOMPLETE)
		known(c, false, "P", d->p);
	if (kind == DW_OVERDUE)
		later(c, "now", c->x->c->now, "P", d->p);
	if (kind == DW_EXTENSION_DECLINED) {
		extension_is(c, DW_EXT_DECLINED);
		e_unknown_or_late(c);
	}
	if (kind == DW_EXTENSION_UNANSWERED)
		extension_is(c, DW_EXT_REQUESTED);
	if (kind == DW_CONFIRM_SHIP_DATE) {
		known(c, false, "E", d->e);
		says(c, !d->short_promise, "not a short promise (P less than 5 days after payment)");
	}
	if (kind == DW_EXTEND_SHIP_DATE || kind == DW_CONFIRM_SHIP_DATE)
		pack_allows(c, true);
	if (kind == DW_EXTEND_SHIP_DATE)
		not_asked_enough(c);
	if (kind == DW_LATE_AHEAD)
		pack_allows(c, false);
}

static void eta_threatens(struct conditions *c)
{
	const struct dw_dates *d = &c->x->k.dates;
	bool always = c->x->k.pack->receipt_watch == DW_WATCH_ALWAYS;

	if (d->eta == DW_UNKNOWN)
		says(c, always, "ETA is unknown, and receipt_watch is %s", always ? "always" : "eta");
	else if (d->eta_failed)
		says(c, true, "ETA is over a day past and the goods are not delivered");
	else
		later(c, "ETA", d->eta, "A - 24 h", d->a == DW_UNKNOWN ? DW_UNKNOWN : d->a - DW_DAY);
}

static void extend_receipt(struct conditions *c)
{
	const struct dw_dates *d = &c->x->k.dates;

	says(c, d->in_transit, "in transit: the status is %s%s", status(c->x),
	     dw_has(&c->x->k.order.f, DW_F_DELIVERED_AT) ? ", delivered_at is known" : "");
	says(c, c->x->k.pack->receipt_watch != DW_WATCH_OFF, "receipt_watch of pack %s is not off", c->x->k.pack->name);
	known(c, true, "A", d->a);
	later(c, "A", d->a, "now", c->x->c->now);
	eta_threatens(c);
}

static void window_open(struct conditions *c)
{
	const struct dw_dates *d = &c->x->k.dates;
	DW_BUF b = { 0 };

	dw_buf_puts(&b, "now <= ");
	named(&b, c->x, "C", d->c);
	add(c, d->c != DW_UNKNOWN && c->x->c->now <= d->c, &b);
}

static void auto_confirmed(struct conditions *c)
{
	const struct dw_dates *d = &c->x->k.dates;
	dw_time delivered = dw_at(&c->x->k.order.f, DW_F_DELIVERED_AT);
	DW_BUF b = { 0 };

	has_status(c, DW_COMPLETED);
	named(&b, c->x, "R", d->r);
	dw_buf_puts(&b, " >= ");
	named(&b, c->x, "A - 24 h", d->a == DW_UNKNOWN ? DW_UNKNOWN : d->a - DW_DAY);
	add(c, d->r != DW_UNKNOWN && d->a != DW_UNKNOWN && d->r >= d->a - DW_DAY, &b);
	later(c, "ETA", d->eta, "R", d->r);
	dw_buf_reset(&b);
	named(&b, c->x, "delivered_at", delivered);
	dw_buf_puts(&b, " is unknown or after R");
	add(c, delivered == DW_UNKNOWN || delivered > d->r, &b);
	window_open(c);
}

static void shipped_late(struct conditions *c)
{
	enum dw_status s = c->x->k.dates.status;

	says(c, s == DW_SHIPPED || s == DW_DELIVERED || s == DW_COMPLETED, "shipped, delivered or completed (it is %s)",
	     status(c->x));
	later(c, "shipped_at", dw_at(&c->x->k.order.f, DW_F_SHIPPED_AT), "P", c->x->k.dates.p);
	window_open(c);
}

static void conditions_of(struct conditions *c, enum dw_kind kind)
{
	if (dw_kinds[kind].side == DW_SIDE_SHIP)
		ship_rows(c, kind);
	else if (kind == DW_EXTEND_RECEIPT)
		extend_receipt(c);
	else if (kind == DW_DISPUTE)
		has_status(c, DW_DISPUTED);
	else if (kind == DW_AUTO_CONFIRMED_UNDELIVERED)
		auto_confirmed(c);
	else
		shipped_late(c);
}

/* Rows after the one that holds aren't tried. */
static void one_row(struct cli_explain *x, json_t *list, enum dw_kind kind, bool *done)
{
	struct conditions c = { .x = x, .list = json_array(), .all = true };
	const struct dw_finding *f = &x->k.plan.finding[dw_kinds[kind].side];
	json_t *o = json_object();

	conditions_of(&c, kind);
	cli_put(x, o, "side", json_string(dw_side_words[dw_kinds[kind].side]));
	cli_put(x, o, "kind", json_string(dw_kinds[kind].name));
	cli_put(x, o, "holds", json_boolean(f->kind == kind));
	cli_put(x, o, "tried", json_boolean(!*done));
	cli_put(x, o, "conditions", c.list);
	if (f->kind == kind) {
		cli_put(x, o, "act_by", cli_json_time(f->act_by));
		*done = true;
	}
	cli_push(x, list, o);
}

void cli_explain_rules(struct cli_explain *x)
{
	const struct dw_memory *m = &x->k.row.memory;
	bool done[DW_SIDE_COUNT] = { false };
	json_t *list = json_array(), *silenced = json_null();

	for (int i = 0; i < DW_KIND_COUNT; i++)
		one_row(x, list, (enum dw_kind)i, &done[dw_kinds[i].side]);
	cli_put(x, x->root, "rules", list);
	if (x->k.row.gone)
		silenced = json_string("its feed no longer lists it: closed");
	else if (m->closed_at != DW_UNKNOWN)
		silenced = json_string("closed by hand until its status or promise changes");
	cli_put(x, x->root, "silenced", silenced);
}
