/* explain: each fact with its sources and which won; each derived date with its arithmetic (rules.md §2, §3). */
#include "cli.h"

#include <stdio.h>

void cli_put(struct cli_explain *x, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		x->failed = true;
}

void cli_push(struct cli_explain *x, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		x->failed = true;
}

/* ---- facts ---- */

static json_t *value_json(struct cli_explain *x, const struct dw_facts *f, enum dw_field field)
{
	DW_BUF b = { 0 };

	x->failed |= dw_fact_text(&b, f, field) < 0;
	return cli_json_text(dw_buf_str(&b));
}

static json_t *source(struct cli_explain *x, const char *kind, const char *name, const struct dw_facts *f, enum dw_field field)
{
	json_t *o = json_object();

	cli_put(x, o, "source", cli_json_text(kind));
	cli_put(x, o, "name", cli_json_text(name));
	cli_put(x, o, "value", value_json(x, f, field));
	return o;
}

static void hand_sources(struct cli_explain *x, json_t *list, enum dw_field field)
{
	for (size_t i = 0; i < x->k.n_hand; i++) {
		const struct dw_hand *h = &x->k.hand[i];
		json_t *o;

		if (h->field != field)
			continue;
		o = source(x, "set", h->by, &h->value, field);
		cli_put(x, o, "at", cli_json_time(h->at));
		if (x->k.order.fallen >> field & 1)
			cli_put(x, o, "fallen", json_true());
		cli_push(x, list, o);
	}
}

static json_t *sources(struct cli_explain *x, enum dw_field field)
{
	const struct dw_sources *s = &x->k.sources;
	json_t *list = json_array();

	hand_sources(x, list, field);
	for (size_t i = 0; i < s->n_overlay; i++)
		if (dw_has(s->overlay[i].facts, field))
			cli_push(x, list, source(x, "overlay", s->overlay[i].feed, s->overlay[i].facts, field));
	if (dw_has(s->main, field))
		cli_push(x, list, source(x, "feed", s->main_feed, s->main, field));
	for (size_t i = 0; i < s->n_overlay; i++)
		if (s->overlay[i].defaults && dw_has(s->overlay[i].defaults, field))
			cli_push(x, list, source(x, "default", s->overlay[i].feed, s->overlay[i].defaults, field));
	if (s->defaults && dw_has(s->defaults, field))
		cli_push(x, list, source(x, "default", s->main_feed, s->defaults, field));
	return list;
}

static const char *won(const struct cli_explain *x, enum dw_field field)
{
	switch ((enum dw_origin)x->k.order.origin[field]) {
	case DW_FROM_MAIN:
		return "feed";
	case DW_FROM_OVERLAY:
		return "overlay";
	case DW_FROM_HAND:
		return "set";
	case DW_FROM_DEFAULT:
		return "default";
	case DW_FROM_OBSERVED:
		return field == DW_F_STATUS ? "guessed" : "observed";
	case DW_FROM_NOWHERE:
		break;
	}
	return "nothing";
}

void cli_explain_facts(struct cli_explain *x)
{
	json_t *list = json_array();

	for (int i = DW_F_PLATFORM; i < DW_FIELD_COUNT; i++) {
		enum dw_field f = (enum dw_field)i;
		json_t *o, *from = sources(x, f);

		if (!dw_has(&x->k.order.f, f) && json_array_size(from) == 0) {
			json_decref(from);
			continue;
		}
		o = json_object();
		cli_put(x, o, "field", json_string(dw_fields[i].name));
		cli_put(x, o, "value", dw_has(&x->k.order.f, f) ? value_json(x, &x->k.order.f, f) : json_null());
		cli_put(x, o, "won", json_string(won(x, f)));
		cli_put(x, o, "sources", from);
		cli_push(x, list, o);
	}
	cli_put(x, x->root, "facts", list);
}

/* ---- dates ---- */

/* A date's arithmetic in words: dates in it are in the platform's zone. */
static void at(struct dw_buf *b, const struct cli_explain *x, dw_time t)
{
	cli_time_full(b, t, x->platform);
}

static void add_date(struct cli_explain *x, json_t *list, const char *name, const char *meaning, dw_time t,
		     const struct dw_buf *how)
{
	json_t *o = json_object();

	cli_put(x, o, "name", json_string(name));
	cli_put(x, o, "meaning", json_string(meaning));
	cli_put(x, o, "at", cli_json_time(t));
	cli_put(x, o, "how", cli_json_text(dw_buf_str(how)));
	cli_push(x, list, o);
	x->failed |= how->failed;
}

static void how_p(struct dw_buf *b, const struct cli_explain *x)
{
	const struct dw_dates *d = &x->k.dates;
	const struct dw_facts *f = &x->k.order.f;

	if (d->p == DW_UNKNOWN) {
		dw_buf_puts(b, "no promised_at, no lead_days with paid_at, no accepted extension");
		return;
	}
	dw_buf_puts(b, "the later of the promise (");
	if (d->p_relative) {
		dw_buf_puts(b, "end of the day of paid_at ");
		at(b, x, dw_at(f, DW_F_PAID_AT));
		dw_buf_printf(b, " + %lld calendar days in %s = ", (long long)f->num[DW_F_LEAD_DAYS], x->platform->name);
	} else if (d->promise != DW_UNKNOWN)
		dw_buf_puts(b, "promised_at ");
	at(b, x, d->promise);
	dw_buf_puts(b, ") and X (");
	at(b, x, d->x);
	dw_buf_puts(b, ")");
}

static void how_x(struct dw_buf *b, const struct cli_explain *x)
{
	const struct dw_dates *d = &x->k.dates;
	dw_time until = dw_at(&x->k.order.f, DW_F_EXTENSION_UNTIL);

	if (d->x != DW_UNKNOWN)
		dw_buf_puts(b, x->k.order.accepted_by_main ? "extension_until, which the platform's record says is accepted"
							   : "the last extension the platform's record showed as accepted; the "
							     "promise hasn't changed since");
	else if (x->k.order.f.known >> DW_F_EXTENSION_STATE & 1) {
		dw_buf_printf(b, "extension_state is %s", dw_extension_words[x->k.order.f.num[DW_F_EXTENSION_STATE]]);
		if (until != DW_UNKNOWN) {
			dw_buf_puts(b, " until ");
			at(b, x, until);
			if (d->promise != DW_UNKNOWN && until <= d->promise)
				dw_buf_puts(b, ", not past the promise: settled");
		}
	} else
		dw_buf_puts(b, "no extension is known");
}

static void how_f(struct dw_buf *b, const struct cli_explain *x)
{
	const struct dw_pack *p = x->k.pack;

	if (x->k.dates.p == DW_UNKNOWN) {
		dw_buf_puts(b, "P is unknown");
		return;
	}
	dw_buf_printf(b, "P - %d working days (Mon-Fri %s, less holidays; pack %s)", p->buyer_answer, x->platform->name,
		      p->name);
}

static void how_e(struct dw_buf *b, const struct cli_explain *x)
{
	const struct dw_dates *d = &x->k.dates;
	const struct dw_facts *f = &x->k.order.f;

	if (d->e_known == DW_UNKNOWN) {
		dw_buf_puts(b, "neither expected_ship_at nor agreed_at is known");
		return;
	}
	dw_buf_puts(b, "the later of expected_ship_at (");
	at(b, x, dw_at(f, DW_F_EXPECTED_SHIP_AT));
	dw_buf_puts(b, ") and agreed_at (");
	at(b, x, dw_at(f, DW_F_AGREED_AT));
	dw_buf_puts(b, ")");
	if (d->e_stale)
		dw_buf_puts(b, "; it has passed while still to ship: unknown again");
	else if (d->to_ship && d->e < x->k.now)
		dw_buf_puts(b, "; it has passed, but the data is older than it: it stands until a newer read says to ship");
}

static void how_a(struct dw_buf *b, const struct cli_explain *x)
{
	const struct dw_dates *d = &x->k.dates;
	const struct dw_facts *f = &x->k.order.f;
	int64_t ext = dw_has(f, DW_F_RECEIPT_EXTENSIONS) ? f->num[DW_F_RECEIPT_EXTENSIONS] : 0;

	if (dw_has(f, DW_F_AUTO_CONFIRM_AT))
		dw_buf_puts(b, "auto_confirm_at");
	else if (dw_at(f, DW_F_SHIPPED_AT) == DW_UNKNOWN)
		dw_buf_puts(b, "neither auto_confirm_at nor shipped_at is known");
	else if (d->a_computed) {
		dw_buf_puts(b, "shipped_at ");
		at(b, x, dw_at(f, DW_F_SHIPPED_AT));
		dw_buf_printf(b, " + %d x 24 h (pack %s, transport %s)", d->a_days, x->k.pack->name,
			      dw_transport_words[dw_has(f, DW_F_TRANSPORT) ? f->num[DW_F_TRANSPORT] : DW_BY_UNKNOWN]);
		if (ext)
			dw_buf_printf(b, " + %lld receipt extensions x %d x 24 h", (long long)ext,
				      x->k.pack->receipt_extension);
	} else
		dw_buf_puts(b, "the pack has no number of days that fits");
	if (d->a_refuted)
		dw_buf_printf(b, "; %d shorter numbers are refuted: a later read still said shipped", d->a_refuted);
}

static void how_eta(struct dw_buf *b, const struct cli_explain *x)
{
	const struct dw_dates *d = &x->k.dates;
	const struct dw_facts *f = &x->k.order.f;

	if (d->eta == DW_UNKNOWN)
		dw_buf_puts(b, "no expected_arrival_at, and no transit_days for its transport in the config");
	else if (d->eta_computed) {
		dw_buf_puts(b, "shipped_at ");
		at(b, x, dw_at(f, DW_F_SHIPPED_AT));
		dw_buf_printf(b, " + %d days (transit_days, %s)",
			      x->c->config->transit_days[f->num[DW_F_TRANSPORT]], dw_transport_words[f->num[DW_F_TRANSPORT]]);
	} else
		dw_buf_puts(b, "expected_arrival_at");
	if (d->eta_failed)
		dw_buf_puts(b, "; over a day past and undelivered: counts as later than A");
}

static void how_c(struct dw_buf *b, const struct cli_explain *x)
{
	const struct dw_dates *d = &x->k.dates;

	if (d->c == DW_UNKNOWN)
		dw_buf_puts(b, "neither R nor shipped_at is known");
	else if (d->c_guessed)
		dw_buf_puts(b, "shipped_at + 90 x 24 h, as R is unknown");
	else
		dw_buf_printf(b, "R + %d x 24 h (claim_days of pack %s)", x->k.pack->claim_days, x->k.pack->name);
}

static void how_r(struct dw_buf *b, const struct cli_explain *x)
{
	dw_buf_puts(b, x->k.dates.r == DW_UNKNOWN			     ? "no completed_at"
		       : x->k.order.origin[DW_F_COMPLETED_AT] == DW_FROM_OBSERVED ? "completed_at, observed: the first read that said so"
										  : "completed_at");
}

void cli_explain_dates(struct cli_explain *x)
{
	const struct dw_dates *d = &x->k.dates;
	const struct {
		const char *name, *meaning;
		dw_time t;
		void (*how)(struct dw_buf *b, const struct cli_explain *x);
	} rows[] = {
		{ "X", "extension in force", d->x, how_x },	  { "P", "promise in force", d->p, how_p },
		{ "F", "last safe moment to file", d->f, how_f }, { "E", "real ship date", d->e, how_e },
		{ "A", "auto-confirm", d->a, how_a },		  { "ETA", "arrival", d->eta, how_eta },
		{ "R", "receipt", d->r, how_r },		  { "C", "end of the claim window", d->c, how_c },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < DW_COUNT(rows); i++) {
		DW_BUF how = { 0 };

		rows[i].how(&how, x);
		add_date(x, list, rows[i].name, rows[i].meaning, rows[i].t, &how);
	}
	cli_put(x, x->root, "dates", list);
	cli_put(x, x->root, "to_ship", json_boolean(d->to_ship));
	cli_put(x, x->root, "in_transit", json_boolean(d->in_transit));
	cli_put(x, x->root, "short_promise", json_boolean(d->short_promise));
}
