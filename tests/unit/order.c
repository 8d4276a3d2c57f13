/* order.h: what is remembered of an order, and its sources merged (rules.md §2). */
#include "make.h"

/* The sources of one order, as texts. */
struct given {
	const char *main, *overlay[2], *defaults;
};

struct built {
	struct dw_facts main, ov[2], def;
	struct dw_overlay overlay[2];
	struct dw_sources s;
};

static void build(struct built *b, const struct given *g)
{
	*b = (struct built){ .main = facts(g->main ? g->main : "") };
	b->s = (struct dw_sources){ .main = &b->main, .main_feed = "shop", .overlay = b->overlay };
	for (size_t i = 0; i < 2 && g->overlay[i]; i++) {
		b->ov[i] = facts(g->overlay[i]);
		b->overlay[i] = (struct dw_overlay){ .feed = i ? "plan2" : "plan", .facts = &b->ov[i] };
		b->s.n_overlay++;
	}
	if (g->defaults) {
		b->def = facts(g->defaults);
		b->s.defaults = &b->def;
	}
}

static void drop(struct built *b)
{
	dw_facts_fini(&b->main);
	dw_facts_fini(&b->ov[0]);
	dw_facts_fini(&b->ov[1]);
	dw_facts_fini(&b->def);
}

/* A hand-set value over what the feeds say now. */
static struct dw_hand hand(const struct built *b, const char *text, dw_time when)
{
	struct dw_hand h = { .value = facts(text), .at = when, .by = dw_strdup("alice") };
	DW_BUF base = { 0 };

	for (int x = 0; x < DW_FIELD_COUNT; x++)
		if (dw_has(&h.value, (enum dw_field)x))
			h.field = (enum dw_field)x;
	assert_int_equal(dw_hand_base(&base, &b->s, h.field), 0);
	h.base = dw_buf_take(&base);
	if (!h.base)
		h.base = dw_strdup("");
	return h;
}

static struct dw_order merged(const struct built *b, dw_time now)
{
	struct dw_memory m = DW_MEMORY_NONE;
	struct dw_order o;

	assert_int_equal(dw_order_merge(&o, &b->s, &m, DW_UNKNOWN, now), 0);
	return o;
}

/* Who wins without a hand: world overlay > main > defaults; record main > overlay. The first overlay first. */
static void feeds(void **state)
{
	static const struct {
		struct given g;
		const char *field, *is;
		enum dw_origin origin;
		int ix;
	} t[] = {
		{ { "note=m", { "note=o" }, NULL }, "note", "o", DW_FROM_OVERLAY, 0 },
		{ { "note=m", { "note=", "note=p" }, NULL }, "note", "p", DW_FROM_OVERLAY, 1 },
		{ { "note=m", { "note=o", "note=p" }, NULL }, "note", "o", DW_FROM_OVERLAY, 0 },
		{ { "note=m", { "note=" }, NULL }, "note", "m", DW_FROM_MAIN, 0 },
		{ { "note=", { "note=" }, "note=d" }, "note", "d", DW_FROM_DEFAULT, 0 },
		{ { "note=m", { NULL }, "note=d" }, "note", "m", DW_FROM_MAIN, 0 },
		{ { "title=t", { "title=o" }, NULL }, "note", "", DW_FROM_NOWHERE, 0 },
		{ { "status=awaiting_shipment", { "status=shipped" }, NULL }, "status", "awaiting_shipment", DW_FROM_MAIN, 0 },
		{ { "status=", { "status=shipped" }, NULL }, "status", "shipped", DW_FROM_OVERLAY, 0 },
		{ { "promised_at=2026-11-30T00:00:00Z", { "promised_at=2026-12-30T00:00:00Z" }, NULL }, "promised_at",
		  "2026-11-30T00:00:00Z", DW_FROM_MAIN, 0 },
		{ { "note=x", { "promised_at=2026-12-30T00:00:00Z" }, NULL }, "promised_at", "2026-12-30T00:00:00Z",
		  DW_FROM_OVERLAY, 0 },
		/* an unknown status is guessed */
		{ { "note=x", { NULL }, NULL }, "status", "awaiting_shipment", DW_FROM_OBSERVED, 0 },
		{ { "shipped_at=2026-11-01T00:00:00Z", { NULL }, NULL }, "status", "shipped", DW_FROM_OBSERVED, 0 },
		/* an accepted that a main feed doesn't report counts as requested */
		{ { "extension_state=accepted", { NULL }, NULL }, "extension_state", "accepted", DW_FROM_MAIN, 0 },
		{ { "note=x", { "extension_state=accepted" }, NULL }, "extension_state", "requested", DW_FROM_OVERLAY, 0 },
		{ { "note=x", { NULL }, "extension_state=accepted" }, "extension_state", "requested", DW_FROM_DEFAULT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		int x = dw_field_find(t[i].field);
		DW_BUF text = { 0 };
		struct dw_order o;
		struct built b;

		build(&b, &t[i].g);
		o = merged(&b, at("2026-11-23"));
		assert_int_equal(dw_fact_text(&text, &o.f, (enum dw_field)x), 0);
		if (strcmp(dw_buf_str(&text), t[i].is) != 0)
			fail_msg("%zu: %s: \"%s\", not \"%s\"", i, t[i].field, dw_buf_str(&text), t[i].is);
		assert_int_equal(o.origin[x], t[i].origin);
		assert_int_equal(o.origin_ix[x], t[i].ix);
		dw_order_fini(&o);
		drop(&b);
	}
}

static void overlay_defaults(void **state)
{
	struct built b;
	struct dw_facts d = facts("transport=sea");
	struct dw_order o;

	(void)state;
	build(&b, &(struct given){ "note=x", { "title=t" }, "transport=air" });
	b.overlay[0].defaults = &d;
	o = merged(&b, 0);
	assert_int_equal(o.f.num[DW_F_TRANSPORT], DW_BY_SEA);
	assert_int_equal(o.origin[DW_F_TRANSPORT], DW_FROM_DEFAULT);
	dw_order_fini(&o);
	dw_facts_fini(&d);
	drop(&b);
}

/* A hand-set value over `was`; the feeds say `then` at a later look: does it stand? */
static void hands(void **state)
{
	static const struct {
		struct given was;
		const char *set;
		struct given then;
		int64_t after; /* seconds */
		bool stands;
		bool runs_out;
	} t[] = {
		/* world: until an overlay's or the main feed's value changes, whatever its age */
		{ { "note=m", { NULL }, NULL }, "note=h", { "note=m", { NULL }, NULL }, 400 * DAY, true, false },
		{ { "note=m", { NULL }, NULL }, "note=h", { "note=n", { NULL }, NULL }, 1, false, false },
		{ { "note=m", { "note=o" }, NULL }, "note=h", { "note=m", { "note=o" }, NULL }, 1, true, false },
		{ { "note=m", { "note=o" }, NULL }, "note=h", { "note=m", { "note=p" }, NULL }, 1, false, false },
		{ { "note=m", { "note=o" }, NULL }, "note=h", { "note=n", { "note=o" }, NULL }, 1, false, false },
		{ { "note=m", { NULL }, NULL }, "note=h", { "note=m", { "note=o" }, NULL }, 1, false, false },
		{ { "note=m", { "note=o" }, NULL }, "note=h", { "note=m", { "note=" }, NULL }, 1, false, false },
		{ { "note=", { NULL }, NULL }, "note=h", { "title=t", { NULL }, NULL }, 1, true, false },
		/* another field's change is none of its business */
		{ { "note=m", { NULL }, NULL }, "note=h", { "note=m; title=t", { NULL }, NULL }, 1, true, false },
		/* record: 48 h where the main feed has the column … */
		{ { "status=awaiting_shipment", { NULL }, NULL }, "status=shipped", { "status=awaiting_shipment", { NULL }, NULL },
		  48 * HOUR, true, true },
		{ { "status=awaiting_shipment", { NULL }, NULL }, "status=shipped", { "status=awaiting_shipment", { NULL }, NULL },
		  48 * HOUR + 1, false, false },
		{ { "promised_at=", { NULL }, NULL }, "promised_at=2026-12-01", { "promised_at=", { NULL }, NULL }, 48 * HOUR + 1,
		  false, false },
		/* … without limit where it doesn't, until the main feed says something else; overlays don't count */
		{ { "note=x", { NULL }, NULL }, "promised_at=2026-12-01", { "note=x", { NULL }, NULL }, 400 * DAY, true, false },
		{ { "note=x", { NULL }, NULL }, "promised_at=2026-12-01", { "promised_at=2026-11-01", { NULL }, NULL }, 1, false, false },
		{ { "note=x", { NULL }, NULL }, "promised_at=2026-12-01", { "note=x", { "promised_at=2026-11-01" }, NULL }, 1, true,
		  false },
		{ { "status=awaiting_shipment", { NULL }, NULL }, "status=shipped", { "status=completed", { NULL }, NULL }, 1, false,
		  false },
	};
	dw_time t0 = at("2026-11-23");

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		struct built was, then;
		struct dw_hand h;
		struct dw_order o;

		build(&was, &t[i].was);
		h = hand(&was, t[i].set, t0);
		build(&then, &t[i].then);
		then.s.hand = &h;
		then.s.n_hand = 1;
		o = merged(&then, t0 + t[i].after);
		if ((o.origin[h.field] == DW_FROM_HAND) != t[i].stands)
			fail_msg("hand %zu: origin %d", i, o.origin[h.field]);
		assert_int_equal(o.fallen, t[i].stands ? 0 : 1U << h.field);
		if (t[i].stands)
			assert_true(dw_facts_same(&o.f, &h.value, h.field));
		assert_true(o.hand_until == (t[i].runs_out ? t0 + 48 * HOUR + 1 : DW_NEVER));
		dw_order_fini(&o);
		dw_hand_fini(&h);
		drop(&was);
		drop(&then);
	}
}

/* Chat is not the platform; but what the platform itself says stays accepted. */
static void accepted(void **state)
{
	static const struct {
		const char *main, *set;
		enum dw_extension is;
		bool by_main;
	} t[] = {
		{ "extension_state=accepted", NULL, DW_EXT_ACCEPTED, true },
		{ "extension_state=requested", "extension_state=accepted", DW_EXT_REQUESTED, false },
		{ "note=x", "extension_state=accepted", DW_EXT_REQUESTED, false },
		{ "extension_state=accepted", "extension_state=accepted", DW_EXT_ACCEPTED, true },
		{ "extension_state=accepted", "extension_state=declined", DW_EXT_DECLINED, false },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		struct built b;
		struct dw_hand h = { 0 };
		struct dw_order o;

		build(&b, &(struct given){ t[i].main, { NULL }, NULL });
		if (t[i].set) {
			h = hand(&b, t[i].set, 1000);
			b.s.hand = &h;
			b.s.n_hand = 1;
		}
		o = merged(&b, 1000);
		assert_int_equal(o.f.num[DW_F_EXTENSION_STATE], t[i].is);
		assert_int_equal(o.accepted_by_main, t[i].by_main);
		dw_order_fini(&o);
		dw_hand_fini(&h);
		drop(&b);
	}
}

/* A story of reads: what the main feed said at which data time; then what is observed of the last. */
struct read {
	const char *says;
	const char *data;
};

static void observed(void **state)
{
	static const struct {
		struct read read[4];
		bool first; /* the first is its feed's first read */
		const char *shipped, *completed, *delivered;
	} t[] = {
		{ { { "status=awaiting_shipment", "2026-11-01" }, { "status=shipped", "2026-11-02" } }, false,
		  "2026-11-01T00:00:00Z", "unknown", "unknown" },
		{ { { "status=partly_shipped", "2026-11-01" }, { "status=completed", "2026-11-02" } }, false,
		  "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", "unknown" },
		{ { { "status=awaiting_shipment", "2026-11-01" }, { "status=delivered", "2026-11-02" }, { "status=completed", "2026-11-03" } },
		  false, "2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z", "2026-11-02T00:00:00Z" },
		{ { { "status=shipped", "2026-11-01" }, { "status=delivered", "2026-11-02" }, { "status=delivered; note=n", "2026-11-03" } },
		  false, "unknown", "unknown", "2026-11-02T00:00:00Z" },
		/* never seen to ship: paid_at */
		{ { { "status=shipped; paid_at=2026-10-01T00:00:00Z", "2026-11-01" } }, true, "2026-10-01T00:00:00Z", "unknown", "unknown" },
		{ { { "status=awaiting_payment; paid_at=2026-10-01T00:00:00Z", "2026-11-01" },
		    { "status=shipped; paid_at=2026-10-01T00:00:00Z", "2026-11-02" } },
		  false, "2026-10-01T00:00:00Z", "unknown", "unknown" },
		/* on a feed's first read completed_at stays unknown, and doesn't come later; delivered_at is observed */
		{ { { "status=completed", "2026-11-01" } }, true, "unknown", "unknown", "unknown" },
		{ { { "status=completed", "2026-11-01" }, { "status=completed; note=n", "2026-11-02" } }, true, "unknown", "unknown", "unknown" },
		{ { { "status=completed", "2026-11-01" } }, false, "unknown", "2026-11-01T00:00:00Z", "unknown" },
		{ { { "status=delivered", "2026-11-01" } }, true, "unknown", "unknown", "2026-11-01T00:00:00Z" },
		/* a dispute in between changes nothing; taken back, it does */
		{ { { "status=completed", "2026-11-01" }, { "status=disputed", "2026-11-02" }, { "status=completed", "2026-11-03" } },
		  false, "unknown", "2026-11-01T00:00:00Z", "unknown" },
		{ { { "status=completed", "2026-11-01" }, { "status=shipped", "2026-11-02" }, { "status=completed", "2026-11-03" } },
		  false, "unknown", "2026-11-03T00:00:00Z", "unknown" },
		{ { { "status=delivered", "2026-11-01" }, { "status=shipped", "2026-11-02" } }, false, "unknown", "unknown", "unknown" },
		/* its own time is better than an observed one */
		{ { { "status=awaiting_shipment", "2026-11-01" },
		    { "status=completed; shipped_at=2026-10-20T00:00:00Z; completed_at=2026-10-30T00:00:00Z; "
		      "delivered_at=2026-10-29T00:00:00Z", "2026-11-02" } },
		  false, "2026-10-20T00:00:00Z", "2026-10-30T00:00:00Z", "2026-10-29T00:00:00Z" },
	};
	struct dw_pack pack = alibaba();

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		struct dw_facts before = { 0 }, after = { 0 };
		struct dw_memory m = DW_MEMORY_NONE;
		struct dw_sources s = { .main = &before };
		dw_time prev = DW_UNKNOWN, data = DW_UNKNOWN;
		struct dw_order o;

		for (size_t k = 0; k < 4 && t[i].read[k].says; k++) {
			after = facts(t[i].read[k].says);
			prev = data;
			data = at(t[i].read[k].data);
			dw_memory_note(&m, k ? &before : NULL, &after, &pack, prev, data, data + 60, t[i].first && k == 0);
			dw_facts_fini(&before);
			before = after;
		}
		assert_int_equal(dw_order_merge(&o, &s, &m, data, data), 0);
		if (strcmp(shown(dw_at(&o.f, DW_F_SHIPPED_AT)), t[i].shipped) ||
		    strcmp(shown(dw_at(&o.f, DW_F_COMPLETED_AT)), t[i].completed) ||
		    strcmp(shown(dw_at(&o.f, DW_F_DELIVERED_AT)), t[i].delivered))
			fail_msg("observed %zu: shipped %s completed %s delivered %s", i, shown(dw_at(&o.f, DW_F_SHIPPED_AT)),
				 shown(dw_at(&o.f, DW_F_COMPLETED_AT)), shown(dw_at(&o.f, DW_F_DELIVERED_AT)));
		dw_order_fini(&o);
		dw_facts_fini(&before);
	}
}

/* A status set by hand while the platform still says to ship: shipped since the last read, delivered when set. */
static void observed_by_hand(void **state)
{
	struct dw_memory m = DW_MEMORY_NONE;
	dw_time t0 = at("2026-11-23");
	struct dw_hand h;
	struct dw_order o;
	struct built b;

	(void)state;
	build(&b, &(struct given){ "status=awaiting_shipment", { NULL }, NULL });
	h = hand(&b, "status=delivered", t0);
	b.s.hand = &h;
	b.s.n_hand = 1;
	assert_int_equal(dw_order_merge(&o, &b.s, &m, t0 - 5, t0 + 9), 0);
	assert_true(dw_at(&o.f, DW_F_SHIPPED_AT) == t0 - 5);
	assert_true(dw_at(&o.f, DW_F_DELIVERED_AT) == t0);
	assert_int_equal(o.origin[DW_F_DELIVERED_AT], DW_FROM_OBSERVED);
	assert_int_equal(o.main_status, DW_AWAITING_SHIPMENT);
	dw_order_fini(&o);
	dw_hand_fini(&h);
	h = hand(&b, "status=completed", t0);
	assert_int_equal(dw_order_merge(&o, &b.s, &m, t0 - 5, t0 + 9), 0);
	assert_true(dw_at(&o.f, DW_F_COMPLETED_AT) == t0);
	assert_true(dw_at(&o.f, DW_F_DELIVERED_AT) == DW_UNKNOWN);
	dw_order_fini(&o);
	dw_hand_fini(&h);
	drop(&b);
}

/* Since when an extension waits and a dispute lasts; a close by hand until status or promise change. */
static void settles(void **state)
{
	struct dw_memory m = DW_MEMORY_NONE;
	struct dw_dates d = { .status = DW_AWAITING_SHIPMENT, .extension = DW_EXT_REQUESTED, .p = 500 };
	struct dw_order o = { 0 };

	(void)state;
	assert_true(dw_memory_settle(&m, &o, &d, 10));
	assert_false(dw_memory_settle(&m, &o, &d, 20));
	assert_true(m.requested_since == 10 && m.disputed_since == DW_UNKNOWN);
	d.extension = DW_EXT_NONE;
	assert_true(dw_memory_settle(&m, &o, &d, 30));
	assert_true(m.requested_since == DW_UNKNOWN);
	d.status = DW_DISPUTED;
	assert_true(dw_memory_settle(&m, &o, &d, 40));
	assert_true(m.disputed_since == 40);
	m.closed_at = 41;
	m.closed_status = DW_DISPUTED;
	m.closed_promise = 500;
	assert_false(dw_memory_settle(&m, &o, &d, 50));
	d.p = 501;
	assert_true(dw_memory_settle(&m, &o, &d, 60));
	assert_true(m.closed_at == DW_UNKNOWN);
	m.closed_at = 61;
	m.closed_promise = 501;
	d.status = DW_COMPLETED;
	assert_true(dw_memory_settle(&m, &o, &d, 70));
	assert_true(m.closed_at == DW_UNKNOWN && m.disputed_since == DW_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(feeds),    cmocka_unit_test(overlay_defaults), cmocka_unit_test(hands),
		cmocka_unit_test(accepted), cmocka_unit_test(observed),		cmocka_unit_test(observed_by_hand),
		cmocka_unit_test(settles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
