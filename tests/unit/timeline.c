/* timeline.h: order, distance and place of an order's dates. */
#include "make.h"

#include "duewatch/timeline.h"

static void unknown(dw_time t[DW_MARK_COUNT])
{
	for (int m = 0; m < DW_MARK_COUNT; m++)
		t[m] = DW_UNKNOWN;
}

/* In order, on the line, no two boxes closer than a step, each gap right. */
static void assert_sound(const struct dw_timeline *t)
{
	for (size_t i = 0; i < t->n; i++) {
		assert_true(t->point[i].marks != 0);
		assert_in_range(t->point[i].x, 0, DW_LINE_WIDTH - DW_MARK_WIDTH);
		if (i == 0) {
			assert_int_equal(t->point[i].gap, 0);
			continue;
		}
		assert_true(t->point[i].at > t->point[i - 1].at);
		assert_int_equal(t->point[i].gap, t->point[i].at - t->point[i - 1].at);
		assert_true(t->point[i].x >= t->point[i - 1].x + DW_MARK_STEP);
	}
}

static void places_are_in_proportion(void **state)
{
	struct dw_timeline t;
	dw_time a[DW_MARK_COUNT];

	(void)state;
	unknown(a);
	a[DW_MARK_NOW] = at("2026-11-23T00:00:00Z");
	a[DW_MARK_PROMISED] = a[DW_MARK_NOW] + 5 * DAY;
	a[DW_MARK_EXPECTED] = a[DW_MARK_NOW] + 10 * DAY;
	a[DW_MARK_AUTO_CONFIRM] = DW_NEVER;
	dw_timeline_lay(&t, a);
	assert_sound(&t);
	assert_int_equal(t.n, 3);
	assert_int_equal(t.point[0].x, 0);
	assert_int_equal(t.point[1].x, 470);
	assert_int_equal(t.point[2].x, 940);
	assert_int_equal(t.point[1].gap, 5 * DAY);
}

static void one_instant_is_one_point(void **state)
{
	struct dw_timeline t;
	dw_time a[DW_MARK_COUNT];

	(void)state;
	unknown(a);
	a[DW_MARK_NOW] = at("2026-11-23T00:00:00Z");
	dw_timeline_lay(&t, a);
	assert_int_equal(t.n, 0); /* there is nothing to draw */
	a[DW_MARK_PROMISED] = a[DW_MARK_NOW];
	dw_timeline_lay(&t, a);
	assert_int_equal(t.n, 0);
	a[DW_MARK_AGREED] = a[DW_MARK_EXPECTED] = a[DW_MARK_NOW] + HOUR;
	dw_timeline_lay(&t, a);
	assert_sound(&t);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.point[0].marks, 1U << DW_MARK_NOW | 1U << DW_MARK_PROMISED);
	assert_int_equal(t.point[1].marks, 1U << DW_MARK_AGREED | 1U << DW_MARK_EXPECTED);
}

static void what_is_close_is_pushed_apart(void **state)
{
	struct dw_timeline t;
	dw_time a[DW_MARK_COUNT], base = at("2026-11-23T00:00:00Z");

	(void)state;
	unknown(a); /* all within a minute */
	for (int m = 0; m < DW_MARK_COUNT; m++)
		a[m] = base + 5 * (DW_MARK_COUNT - m);
	dw_timeline_lay(&t, a);
	assert_sound(&t);
	assert_int_equal(t.n, DW_MARK_COUNT);
	for (int m = 0; m < DW_MARK_COUNT; m++) /* all at the end of a year, one at its beginning */
		a[m] = base + m;
	a[DW_MARK_NOW] = base - 365 * DAY;
	dw_timeline_lay(&t, a);
	assert_sound(&t);
	assert_int_equal(t.point[0].x, 0);
	assert_int_equal(t.point[DW_MARK_COUNT - 1].x, DW_LINE_WIDTH - DW_MARK_WIDTH);
	for (int m = 0; m < DW_MARK_COUNT; m++) /* at its beginning, and one at the end */
		a[m] = base + m;
	a[DW_MARK_CLAIM_END] = base + 365 * DAY;
	dw_timeline_lay(&t, a);
	assert_sound(&t);
	assert_int_equal(t.point[0].x, 0);
	assert_int_equal(t.point[1].x, DW_MARK_STEP);
	unknown(a); /* in the middle: the neighbours far away stay where they are */
	a[DW_MARK_NOW] = base;
	a[DW_MARK_ACT_BY] = base + 50 * DAY;
	a[DW_MARK_PROMISED] = a[DW_MARK_ACT_BY] + HOUR;
	a[DW_MARK_EXPECTED] = base + 100 * DAY;
	dw_timeline_lay(&t, a);
	assert_sound(&t);
	assert_int_equal(t.point[1].x, 470);
	assert_int_equal(t.point[2].x, 540);
	assert_int_equal(t.point[3].x, 940);
}

/* Any instants whatever: a hundred thousand lines out of a small generator. */
static void every_line_is_sound(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct dw_timeline t;
		dw_time a[DW_MARK_COUNT];

		for (int m = 0; m < DW_MARK_COUNT; m++) {
			seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			a[m] = seed >> 61 == 0 ? DW_UNKNOWN
					       : INT64_C(946684800) + (int64_t)(seed >> 33) % (INT64_C(1) << (seed >> 59));
		}
		dw_timeline_lay(&t, a);
		assert_sound(&t);
	}
}

/* "act_by promised" … for each point, points parted by "; " */
static const char *read_out(const struct dw_timeline *t)
{
	static char out[400];
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < t->n; i++) {
		if (i)
			n += (size_t)snprintf(out + n, sizeof(out) - n, "; ");
		for (int m = 0, first = 1; m < DW_MARK_COUNT; m++)
			if (t->point[i].marks >> m & 1) {
				n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s", first ? "" : " ", dw_mark_words[m]);
				first = 0;
			}
	}
	return out;
}

static void an_order_shows_what_it_has(void **state)
{
	static const struct {
		const char *facts;
		enum dw_side side;
		const char *line;
	} cases[] = {
		{ "status=awaiting_shipment; promised_at=2026-11-30; agreed_at=2026-12-10; expected_ship_at=2026-12-10",
		  DW_SIDE_SHIP, "now; act_by; promised; agreed expected" },
		{ "status=awaiting_shipment; promised_at=2026-11-30", DW_SIDE_SHIP, "now; act_by; promised" },
		{ "status=awaiting_shipment; promised_at=2026-11-30; extension_state=requested; extension_until=2026-12-12",
		  DW_SIDE_SHIP, "now; promised; asked" },
		{ "status=awaiting_shipment; promised_at=2026-11-20", DW_SIDE_SHIP, "promised; now" },
		{ "status=awaiting_shipment", DW_SIDE_SHIP, "" },
		{ "status=shipped; promised_at=2026-11-02; shipped_at=2026-11-01T00:00:00Z; transport=sea; "
		  "expected_arrival_at=2026-12-20; expected_ship_at=2026-11-01",
		  DW_SIDE_RECEIPT, "shipped; promised; now; act_by; auto_confirm; arrival" },
		{ "status=completed; promised_at=2026-11-02; shipped_at=2026-11-05T00:00:00Z; completed_at=2026-11-20; "
		  "delivered_at=2026-11-19",
		  DW_SIDE_CLAIM, "promised; shipped; delivered; received; now; claim_end" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		struct dw_timeline t;
		struct dw_finding f[DW_SIDE_COUNT];
		struct dw_sources src = { .main_feed = "shop" };
		struct dw_order_rules rules = { 0 };
		struct dw_memory m = DW_MEMORY_NONE;
		struct dw_facts facts = { 0 };
		struct dw_pack pack = alibaba();
		struct dw_order o = { 0 };
		struct dw_dates d;
		dw_time now = at("2026-11-23T00:00:00Z");

		rules.pack = &pack;
		m.first_seen = now;
		m.first_read = true;
		say(&facts, cases[i].facts);
		src.main = &facts;
		assert_int_equal(dw_order_merge(&o, &src, &m, now, now), 0);
		dw_order_dates(&d, &o, &m, &rules, now, now);
		dw_alert_find(f, &o, &d, &m, &pack, now);
		dw_timeline_of(&t, &o, &d, cases[i].side, f[cases[i].side].act_by, now);
		assert_sound(&t);
		assert_string_equal(read_out(&t), cases[i].line);
		dw_order_fini(&o);
		dw_facts_fini(&facts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_in_proportion),
		cmocka_unit_test(one_instant_is_one_point),
		cmocka_unit_test(what_is_close_is_pushed_apart),
		cmocka_unit_test(every_line_is_sound),
		cmocka_unit_test(an_order_shows_what_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
