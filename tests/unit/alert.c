/* alert.h, dw_alert_find: every row of rules.md §4 at its boundary, and the worked examples of §7. */
#include "make.h"

#define NOW "2026-11-23T00:00:00Z"

struct how {
	enum dw_ext_by extension;
	enum dw_receipt_watch watch;
	int transit; /* days by sea in the config */
};

/* The alerts of one fresh row at `now`; `seen` is when duewatch saw it, its extension and its dispute first. */
static const char *alerts(const char *says, dw_time seen, dw_time data, dw_time now, struct how how)
{
	struct dw_pack pack = alibaba();
	struct dw_order_rules rules = { .pack = &pack };
	struct dw_facts main = facts(says);
	struct dw_sources src = { .main = &main };
	struct dw_memory m = DW_MEMORY_NONE;
	struct dw_finding f[DW_SIDE_COUNT];
	struct dw_order o;
	struct dw_dates d;
	const char *text;

	pack.extension = how.extension;
	pack.receipt_watch = how.watch;
	rules.transit_days[DW_BY_SEA] = how.transit;
	dw_memory_note(&m, NULL, &main, &pack, DW_UNKNOWN, data, seen, true);
	assert_int_equal(dw_order_merge(&o, &src, &m, data, now), 0);
	dw_order_dates(&d, &o, &m, &rules, data, now);
	dw_memory_settle(&m, &o, &d, seen);
	dw_alert_find(f, &o, &d, &m, &pack, now);
	text = found_text(f);
	dw_order_fini(&o);
	dw_facts_fini(&main);
	return text;
}

static void expect(const char *says, const char *now, struct how how, const char *is)
{
	const char *got = alerts(says, at(now), at(now), at(now), how);

	if (strcmp(got, is) != 0)
		fail_msg("\"%s\" at %s: \"%s\", not \"%s\"", says, now, got, is);
}

/* rules.md §7, row by row. */
static void worked_examples(void **state)
{
#define AWAITING "status=awaiting_shipment; promised_at=2026-11-30"
	static const char *const t[][2] = {
		{ AWAITING "; agreed_at=2026-12-10", "extend_ship_date 2026-11-27T07:59:59Z" },
		{ AWAITING "; agreed_at=2026-12-10; extension_state=accepted; extension_until=2026-12-12", "ship_by 2026-12-13T07:59:59Z" },
		{ AWAITING "; agreed_at=2026-12-10; extension_state=accepted; extension_until=2026-12-05",
		  "extend_ship_date 2026-12-04T07:59:59Z" },
		{ AWAITING "; agreed_at=2026-12-10; extension_state=requested; extension_until=2026-12-12",
		  "extension_unanswered 2026-12-01T07:59:59Z" },
		{ AWAITING "; agreed_at=2026-12-10; extension_state=requested; extension_until=2026-12-05",
		  "extend_ship_date 2026-11-27T07:59:59Z" },
		{ AWAITING, "confirm_ship_date 2026-11-27T07:59:59Z" },
		{ AWAITING "; expected_ship_at=2026-11-20", "confirm_ship_date 2026-11-27T07:59:59Z" },
		{ AWAITING "; expected_ship_at=2026-11-28", "ship_by 2026-12-01T07:59:59Z" },
		{ "status=awaiting_shipment; promised_at=2026-11-20", "overdue 2026-11-21T07:59:59Z" },
		{ "status=shipped; shipped_at=2026-11-01T00:00:00Z; transport=sea; expected_arrival_at=2026-12-20",
		  "extend_receipt 2026-12-15T00:00:00Z" },
		{ "status=shipped; shipped_at=2026-11-01T00:00:00Z; transport=sea; expected_arrival_at=2026-12-20; receipt_extensions=1", "" },
		{ "status=shipped; shipped_at=2026-11-01T00:00:00Z; transport=express; expected_arrival_at=2026-11-18",
		  "extend_receipt 2026-11-25T00:00:00Z" },
		{ "status=shipped; shipped_at=2026-11-05T00:00:00Z; promised_at=2026-11-02", "shipped_late" },
		{ "status=completed; completed_at=2026-11-20; shipped_at=2026-11-05T00:00:00Z; transport=express; "
		  "expected_arrival_at=2026-12-01", "auto_confirmed_undelivered" },
		{ "status=disputed", "dispute 2026-11-26T00:00:00Z" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++)
		expect(t[i][0], NOW, (struct how){ 0 }, t[i][1]);
	/* "until 2026-12-20": receipt there on the 20th, 00:00:00 in Los Angeles, and 30 × 24 h */
	expect(t[13][0], "2026-12-20T08:00:00Z", (struct how){ 0 }, "auto_confirmed_undelivered");
	expect(t[13][0], "2026-12-20T08:00:01Z", (struct how){ 0 }, "");
}

/* Each row of §4: holds, and just doesn't. P, where promised, is 2026-12-01T00:00:00Z; F 2026-11-27T00:00:00Z. */
static void rows(void **state)
{
#define P "promised_at=2026-12-01T00:00:00Z; "
#define OPEN P "status=awaiting_shipment; paid_at=2026-11-01T00:00:00Z; "
	static const struct how seller = { 0 }, buyer = { .extension = DW_EXT_BY_BUYER }, nobody = { .extension = DW_EXT_BY_NOBODY };
	static const struct {
		const char *says, *now;
		const struct how *how;
		const char *is;
	} t[] = {
		/* edit_before_payment: E > P, and E is never stale here */
		{ P "status=awaiting_payment; agreed_at=2026-12-01T00:00:01Z", NOW, &seller, "edit_before_payment" },
		{ P "status=awaiting_payment; agreed_at=2026-12-01T00:00:00Z", NOW, &seller, "" },
		{ P "status=awaiting_payment; agreed_at=2026-12-01T00:00:01Z", "2027-12-01", &nobody, "edit_before_payment" },
		{ P "status=awaiting_payment", NOW, &seller, "" },
		{ "status=awaiting_payment; agreed_at=2026-12-01T00:00:01Z", NOW, &seller, "" },
		/* incomplete */
		{ "status=awaiting_shipment", NOW, &seller, "incomplete" },
		{ "status=partly_shipped; lead_days=10", NOW, &seller, "incomplete" },
		{ "status=shipped", NOW, &seller, "" },
		/* overdue: now > P, before everything else that could hold */
		{ OPEN, "2026-12-01T00:00:01Z", &seller, "overdue 2026-12-01T00:00:00Z" },
		{ OPEN "agreed_at=2026-12-10", "2026-12-01T00:00:01Z", &seller, "overdue 2026-12-01T00:00:00Z" },
		{ OPEN "extension_state=declined", "2026-12-01T00:00:01Z", &seller, "overdue 2026-12-01T00:00:00Z" },
		{ P "status=partly_shipped", "2026-12-01T00:00:01Z", &seller, "overdue 2026-12-01T00:00:00Z" },
		{ OPEN, "2026-12-01T00:00:00Z", &seller, "confirm_ship_date 2026-11-27T00:00:00Z" },
		/* extension_declined: E unknown or > P */
		{ OPEN "extension_state=declined", NOW, &seller, "extension_declined 2026-12-01T00:00:00Z" },
		{ OPEN "extension_state=declined; agreed_at=2026-12-01T00:00:01Z", NOW, &seller, "extension_declined 2026-12-01T00:00:00Z" },
		{ OPEN "extension_state=declined; agreed_at=2026-12-01T00:00:00Z", NOW, &seller, "ship_by 2026-12-01T00:00:00Z" },
		{ OPEN "extension_state=declined; agreed_at=2026-11-22T23:59:59Z", NOW, &seller, "extension_declined 2026-12-01T00:00:00Z" },
		{ OPEN "extension_state=declined; extension_until=2026-12-01T00:00:00Z", NOW, &seller,
		  "confirm_ship_date 2026-11-27T00:00:00Z" }, /* settled */
		/* extend_ship_date: E > P, allowed, and not asked for enough */
		{ OPEN "expected_ship_at=2026-12-01T00:00:01Z", NOW, &seller, "extend_ship_date 2026-11-27T00:00:00Z" },
		{ OPEN "expected_ship_at=2026-12-01T00:00:01Z", NOW, &buyer, "extend_ship_date 2026-11-27T00:00:00Z" },
		{ OPEN "expected_ship_at=2026-12-01T00:00:00Z", NOW, &seller, "ship_by 2026-12-01T00:00:00Z" },
		{ OPEN "expected_ship_at=2026-12-01T00:00:01Z", NOW, &nobody, "late_ahead 2026-12-01T00:00:00Z" },
		{ OPEN "expected_ship_at=2026-12-05T00:00:00Z; extension_state=requested; extension_until=2026-12-04T23:59:59Z", NOW,
		  &seller, "extend_ship_date 2026-11-27T00:00:00Z" },
		{ OPEN "expected_ship_at=2026-12-05T00:00:00Z; extension_state=requested; extension_until=2026-12-05T00:00:00Z", NOW,
		  &seller, "extension_unanswered 2026-12-01T00:00:00Z" },
		{ OPEN "expected_ship_at=2026-12-05T00:00:00Z; extension_state=requested", NOW, &seller,
		  "extend_ship_date 2026-11-27T00:00:00Z" }, /* until when? */
		{ OPEN "expected_ship_at=2026-12-05T00:00:00Z; extension_state=accepted; extension_until=2026-12-05T00:00:00Z", NOW,
		  &seller, "ship_by 2026-12-05T00:00:00Z" },
		{ OPEN "expected_ship_at=2026-12-05T00:00:00Z; extension_state=none", "2026-11-28", &seller,
		  "extend_ship_date 2026-11-27T00:00:00Z" }, /* past F it still holds */
		/* extension_unanswered: whether or not E is known */
		{ OPEN "extension_state=requested; extension_until=2026-12-05", NOW, &seller, "extension_unanswered 2026-12-01T00:00:00Z" },
		{ OPEN "extension_state=requested; extension_until=2026-12-05; expected_ship_at=2026-11-28", NOW, &seller,
		  "extension_unanswered 2026-12-01T00:00:00Z" },
		{ OPEN "extension_state=requested; extension_until=2026-12-01T00:00:00Z", NOW, &seller,
		  "confirm_ship_date 2026-11-27T00:00:00Z" },
		/* late_ahead: see above; requested where none is allowed is still unanswered */
		{ OPEN "expected_ship_at=2026-12-01T00:00:00Z", NOW, &nobody, "ship_by 2026-12-01T00:00:00Z" },
		/* confirm_ship_date: E unknown (or stale the second after), allowed, not a short promise */
		{ OPEN, NOW, &seller, "confirm_ship_date 2026-11-27T00:00:00Z" },
		{ OPEN, NOW, &nobody, "ship_by 2026-12-01T00:00:00Z" },
		{ P "status=awaiting_shipment; paid_at=2026-11-26T00:00:00Z", NOW, &seller, "confirm_ship_date 2026-11-27T00:00:00Z" },
		{ P "status=awaiting_shipment; paid_at=2026-11-26T00:00:01Z", NOW, &seller, "ship_by 2026-12-01T00:00:00Z" },
		{ OPEN "expected_ship_at=2026-11-23T00:00:00Z", NOW, &seller, "ship_by 2026-12-01T00:00:00Z" },
		{ OPEN "expected_ship_at=2026-11-23T00:00:00Z", "2026-11-23T00:00:01Z", &seller, "confirm_ship_date 2026-11-27T00:00:00Z" },
		/* quiet */
		{ P "status=cancelled; shipped_at=2026-12-02; expected_ship_at=2026-12-10", NOW, &seller, "" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++)
		expect(t[i].says, t[i].now, *t[i].how, t[i].is);
}

/* extend_receipt. A, where given, is 2026-12-16T00:00:00Z, act_by the day before. */
static void receipt(void **state)
{
#define MOVING "status=shipped; shipped_at=2026-11-01T00:00:00Z; transport=sea; "
#define HOLDS "extend_receipt 2026-12-15T00:00:00Z"
	static const struct how eta = { 0 }, always = { .watch = DW_WATCH_ALWAYS }, off = { .watch = DW_WATCH_OFF },
				transit44 = { .transit = 44 }, transit45 = { .transit = 45 };
	static const struct {
		const char *says, *now;
		const struct how *how;
		const char *is;
	} t[] = {
		{ MOVING "expected_arrival_at=2026-12-15T00:00:01Z", NOW, &eta, HOLDS },
		{ MOVING "expected_arrival_at=2026-12-15T00:00:00Z", NOW, &eta, "" },
		{ MOVING, NOW, &eta, "" },
		{ MOVING, NOW, &always, HOLDS },
		{ MOVING "expected_arrival_at=2026-12-15T00:00:00Z", NOW, &always, "" },
		{ MOVING "expected_arrival_at=2026-12-20T00:00:00Z", NOW, &always, HOLDS },
		{ MOVING "expected_arrival_at=2026-12-20T00:00:00Z", NOW, &off, "" },
		{ MOVING, NOW, &transit44, "" },
		{ MOVING, NOW, &transit45, HOLDS },
		/* until A */
		{ MOVING "expected_arrival_at=2026-12-20", "2026-12-15T23:59:59Z", &eta, HOLDS },
		{ MOVING "expected_arrival_at=2026-12-20", "2026-12-16T00:00:00Z", &eta, "" },
		/* an ETA over a day past counts as later than A */
		{ MOVING "expected_arrival_at=2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z", &eta, "" },
		{ MOVING "expected_arrival_at=2026-11-22T00:00:00Z", "2026-11-23T00:00:01Z", &eta, HOLDS },
		/* in transit only */
		{ MOVING "expected_arrival_at=2026-12-20; delivered_at=2026-11-20", NOW, &eta, "" },
		{ "status=delivered; shipped_at=2026-11-01T00:00:00Z; transport=sea; expected_arrival_at=2026-12-20", NOW, &eta, "" },
		{ "status=awaiting_payment; shipped_at=2026-11-01T00:00:00Z; transport=sea; expected_arrival_at=2026-12-20", NOW, &eta, "" },
		{ "status=shipped; auto_confirm_at=2026-12-16T00:00:00Z; expected_arrival_at=2026-12-20", NOW, &eta, HOLDS },
		{ "status=shipped; expected_arrival_at=2026-12-20", NOW, &always, "" }, /* A unknown */
		{ "status=partly_shipped; shipped_at=2026-11-01T00:00:00Z; transport=sea; expected_arrival_at=2026-12-20; "
		  "promised_at=2026-12-30T00:00:00Z; expected_ship_at=2026-12-01T00:00:00Z", NOW, &eta,
		  "ship_by 2026-12-30T00:00:00Z, " HOLDS },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++)
		expect(t[i].says, t[i].now, *t[i].how, t[i].is);
}

/* dispute; auto_confirmed_undelivered with A = 2026-11-20T00:00:00Z; shipped_late. */
static void claim(void **state)
{
#define TIMED "status=completed; shipped_at=2026-11-05T00:00:00Z; transport=express; "
#define BIT "auto_confirmed_undelivered"
#define LATE "promised_at=2026-11-05T00:00:00Z; shipped_at=2026-11-05T00:00:01Z; "
	static const char *const t[][3] = {
		/* R ≥ A − 24 h, ETA > R, not delivered by then */
		{ TIMED "completed_at=2026-11-19T00:00:00Z; expected_arrival_at=2026-12-01", NOW, BIT },
		{ TIMED "completed_at=2026-11-18T23:59:59Z; expected_arrival_at=2026-12-01", NOW, "" },
		{ TIMED "completed_at=2026-11-20T00:00:00Z; expected_arrival_at=2026-11-20T00:00:01Z", NOW, BIT },
		{ TIMED "completed_at=2026-11-20T00:00:00Z; expected_arrival_at=2026-11-20T00:00:00Z", NOW, "" },
		{ TIMED "completed_at=2026-11-20T00:00:00Z; expected_arrival_at=2026-12-01; delivered_at=2026-11-20T00:00:00Z", NOW, "" },
		{ TIMED "completed_at=2026-11-20T00:00:00Z; expected_arrival_at=2026-12-01; delivered_at=2026-11-20T00:00:01Z", NOW, BIT },
		{ TIMED "completed_at=2026-11-20T00:00:00Z", NOW, "" },
		{ TIMED "expected_arrival_at=2026-12-01", NOW, "" }, /* R unknown */
		{ "status=completed; completed_at=2026-11-20T00:00:00Z; expected_arrival_at=2026-12-01", NOW, "" }, /* A unknown */
		{ TIMED "completed_at=2026-11-20T00:00:00Z; expected_arrival_at=2026-12-01", "2026-12-20T00:00:00Z", BIT },
		{ TIMED "completed_at=2026-11-20T00:00:00Z; expected_arrival_at=2026-12-01", "2026-12-20T00:00:01Z", "" },
		{ TIMED "completed_at=2026-11-20T00:00:00Z; expected_arrival_at=2026-12-01; promised_at=2026-11-02", NOW, BIT },
		/* shipped_late */
		{ LATE "status=shipped", NOW, "shipped_late" },
		{ LATE "status=delivered", NOW, "shipped_late" },
		{ LATE "status=completed; completed_at=2026-11-10T00:00:00Z", NOW, "shipped_late" },
		{ LATE "status=completed; completed_at=2026-10-24T00:00:00Z", NOW, "shipped_late" },
		{ LATE "status=completed; completed_at=2026-10-23T23:59:59Z", NOW, "" }, /* the window is over */
		{ LATE "status=shipped", "2027-02-03T00:00:01Z", "shipped_late" },	 /* 90 days where R is unknown */
		{ LATE "status=shipped", "2027-02-03T00:00:02Z", "" },
		{ LATE "status=partly_shipped", NOW, "overdue 2026-11-05T00:00:00Z" },
		{ LATE "status=cancelled", NOW, "" },
		{ LATE "status=shipped; extension_state=accepted; extension_until=2026-11-06", NOW, "" },
		{ "promised_at=2026-11-05T00:00:00Z; shipped_at=2026-11-05T00:00:00Z; status=shipped", NOW, "" },
		{ "shipped_at=2026-11-05T00:00:00Z; status=shipped", NOW, "" },
		/* a dispute goes before both, and nothing is to ship or on its way meanwhile */
		{ LATE "status=disputed; expected_ship_at=2026-12-10; expected_arrival_at=2026-12-20; auto_confirm_at=2026-12-10", NOW,
		  "dispute 2026-11-26T00:00:00Z" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++)
		expect(t[i][0], t[i][1], (struct how){ 0 }, t[i][2]);
}

/* From when `found` is owed: at once, a day after first seen, a day after first seen requested. */
static void found_since(void **state)
{
	struct dw_pack pack = alibaba();
	struct dw_memory m = DW_MEMORY_NONE;
	struct dw_finding f[DW_SIDE_COUNT];
	struct dw_order o = { 0 };
	struct dw_dates d = { .status = DW_AWAITING_SHIPMENT, .to_ship = true, .p = DW_UNKNOWN, .e = DW_UNKNOWN, .a = DW_UNKNOWN,
			      .c = DW_UNKNOWN };

	(void)state;
	m.first_seen = 1000;
	dw_alert_find(f, &o, &d, &m, &pack, 2000);
	assert_true(f[DW_SIDE_SHIP].kind == DW_INCOMPLETE && f[DW_SIDE_SHIP].found_at == 1000 + DAY);
	d.p = 900000;
	d.extension = DW_EXT_REQUESTED;
	m.requested_since = 1500;
	dw_alert_find(f, &o, &d, &m, &pack, 2000);
	assert_true(f[DW_SIDE_SHIP].kind == DW_EXTENSION_UNANSWERED && f[DW_SIDE_SHIP].found_at == 1500 + DAY);
	d.extension = DW_EXT_DECLINED;
	dw_alert_find(f, &o, &d, &m, &pack, 2000);
	assert_true(f[DW_SIDE_SHIP].kind == DW_EXTENSION_DECLINED && f[DW_SIDE_SHIP].found_at <= 2000);
	/* the dispute counts from when it was first seen, not from now */
	d.status = DW_DISPUTED;
	d.to_ship = false;
	m.disputed_since = 1500;
	dw_alert_find(f, &o, &d, &m, &pack, 2000);
	assert_true(f[DW_SIDE_CLAIM].kind == DW_DISPUTE && f[DW_SIDE_CLAIM].act_by == 1500 + 3 * DAY);
	assert_int_equal(f[DW_SIDE_SHIP].kind, DW_NO_KIND);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(worked_examples), cmocka_unit_test(rows), cmocka_unit_test(receipt),
					    cmocka_unit_test(claim), cmocka_unit_test(found_since) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
