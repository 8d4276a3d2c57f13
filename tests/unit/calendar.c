/* calendar.h: holidays, and F of rules.md §3 with its worked examples (§7). */
#include "duewatch/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define UTC(y, mo, d, h, mi, s) dw_zone_instant(&dw_zone_utc, y, mo, d, h, mi, s)

static const struct dw_transition la_t[] = {
	{ INT64_MIN, -28800, "PST" },  { 1772964000, -25200, "PDT" }, { 1793523600, -28800, "PST" },
	{ 1805018400, -25200, "PDT" }, { 1825578000, -28800, "PST" },
};
static const struct dw_zone la = { "America/Los_Angeles", DW_COUNT(la_t), la_t };

static dw_time local(int y, int mo, int d, int h, int mi, int s)
{
	return dw_zone_instant(&la, y, mo, d, h, mi, s);
}

static void holidays(void **state)
{
	static const char *const bad[] = { "", "2027-02-30", "2027-2-6", "2027-02-06..", "..2027-02-06", "2027-02-06-2027-02-12",
					   "2027-02-12..2027-02-06", "2027-02-06..2028-02-07", "1999-12-31", "2100-01-01",
					   "2027-02-06..2027-02-12 x", "x" };
	struct dw_holidays h = { 0 };
	struct dw_err err;
	int32_t d = dw_day_number(2027, 2, 6);

	(void)state;
	assert_false(dw_holidays_has(&h, d));
	assert_false(dw_holidays_has(NULL, d));
	assert_int_equal(dw_holidays_add(&h, "2027-02-06..2027-02-12", &err), 0);
	assert_int_equal(dw_holidays_add(&h, " 2026-10-01 .. 2026-10-07 ", &err), 0);
	assert_int_equal(dw_holidays_add(&h, "2027-05-01", &err), 0);
	assert_int_equal(h.n, 3);
	assert_int_equal(h.range[0].first, dw_day_number(2026, 10, 1)); /* sorted */
	assert_false(dw_holidays_has(&h, d - 1));
	for (int i = 0; i < 7; i++)
		assert_true(dw_holidays_has(&h, d + i));
	assert_false(dw_holidays_has(&h, d + 7));
	assert_true(dw_holidays_has(&h, dw_day_number(2027, 5, 1)));
	/* inside, touching on either side, and one over several */
	assert_int_equal(dw_holidays_add(&h, "2027-02-08", &err), 0);
	assert_int_equal(dw_holidays_add(&h, "2027-02-13", &err), 0);
	assert_int_equal(dw_holidays_add(&h, "2027-02-05", &err), 0);
	assert_int_equal(h.n, 3);
	assert_true(h.range[1].first == d - 1 && h.range[1].last == d + 7);
	assert_int_equal(dw_holidays_add(&h, "2026-10-05..2027-04-30", &err), 0);
	assert_int_equal(h.n, 1);
	assert_true(h.range[0].first == dw_day_number(2026, 10, 1) && h.range[0].last == dw_day_number(2027, 5, 1));
	for (size_t i = 0; i < DW_COUNT(bad); i++)
		if (dw_holidays_add(&h, bad[i], &err) != -EINVAL || !strstr(err.text, bad[i]) || h.n != 1)
			fail_msg("%s: %s", bad[i], err.text);
	dw_holidays_fini(&h);
	assert_int_equal(h.n, 0);
}

/* Against a plain set of days, over seeded random ranges. */
static void holidays_are_a_set(void **state)
{
	static bool set[1500];
	struct dw_holidays h = { 0 };
	int32_t base = dw_day_number(2026, 1, 1);
	uint32_t seed = 20261123;

	(void)state;
	for (int i = 0; i < 200; i++) {
		int32_t first, len;
		char text[64];
		int y, m, d, y2, m2, d2;

		seed = seed * 1664525 + 1013904223;
		first = (int32_t)(seed >> 16) % 1400;
		seed = seed * 1664525 + 1013904223;
		len = (int32_t)(seed >> 16) % 4;
		dw_day_civil(base + first, &y, &m, &d);
		dw_day_civil(base + first + len, &y2, &m2, &d2);
		snprintf(text, sizeof(text), "%04d-%02d-%02d..%04d-%02d-%02d", y, m, d, y2, m2, d2);
		assert_int_equal(dw_holidays_add(&h, text, NULL), 0);
		for (int32_t k = first; k <= first + len; k++)
			set[k] = true;
	}
	for (int32_t k = 0; k < 1500; k++)
		assert_int_equal(dw_holidays_has(&h, base + k), set[k]);
	for (size_t i = 1; i < h.n; i++)
		assert_true(h.range[i - 1].last + 1 < h.range[i].first);
	dw_holidays_fini(&h);
}

static void last_safe_moment(void **state)
{
	struct dw_holidays h = { 0 };

	(void)state;
	/* rules.md §7: Monday's end back two is Thursday's end; Saturday's end back two is Thursday's end */
	assert_int_equal(dw_working_days_back(&la, UTC(2026, 12, 1, 7, 59, 59), 2, DW_MON_FRI, NULL), UTC(2026, 11, 27, 7, 59, 59));
	assert_int_equal(dw_working_days_back(&la, UTC(2026, 12, 6, 7, 59, 59), 2, DW_MON_FRI, &h), UTC(2026, 12, 4, 7, 59, 59));
	assert_int_equal(dw_working_days_back(&la, UTC(2026, 12, 6, 7, 59, 59), 1, DW_MON_FRI, &h), UTC(2026, 12, 5, 7, 59, 59));
	/* none: not even away from a Saturday */
	assert_int_equal(dw_working_days_back(&la, UTC(2026, 12, 6, 7, 59, 59), 0, DW_MON_FRI, &h), UTC(2026, 12, 6, 7, 59, 59));
	/* a week of six days; Thanksgiving as a holiday */
	assert_int_equal(dw_working_days_back(&la, local(2026, 11, 30, 23, 59, 59), 2, DW_MON_FRI | DW_WEEKDAY(6), &h), local(2026, 11, 27, 23, 59, 59));
	assert_int_equal(dw_holidays_add(&h, "2026-11-26..2026-11-27", NULL), 0);
	assert_int_equal(dw_working_days_back(&la, local(2026, 11, 30, 23, 59, 59), 2, DW_MON_FRI, &h), local(2026, 11, 24, 23, 59, 59));
	/* over both changes of the clock the local time stays */
	assert_int_equal(dw_working_days_back(&la, local(2026, 3, 10, 12, 0, 0), 3, DW_MON_FRI, &h), local(2026, 3, 5, 12, 0, 0));
	assert_int_equal(local(2026, 3, 10, 12, 0, 0) - local(2026, 3, 5, 12, 0, 0), 5 * DW_DAY - 3600);
	assert_int_equal(dw_working_days_back(&la, local(2026, 11, 2, 12, 0, 0), 1, DW_MON_FRI, &h), local(2026, 10, 30, 12, 0, 0));
	/* into a gap: the first instant there is */
	assert_int_equal(dw_working_days_back(&la, local(2026, 3, 9, 2, 30, 0), 1, DW_EVERY_DAY, &h), 1772964000);
	/* the year's end */
	assert_int_equal(dw_working_days_back(&la, local(2027, 1, 1, 23, 59, 59), 1, DW_MON_FRI, &h), local(2026, 12, 31, 23, 59, 59));
	assert_int_equal(dw_working_days_back(&la, DW_UNKNOWN, 2, DW_MON_FRI, &h), DW_UNKNOWN);
	assert_int_equal(dw_working_days_back(&la, DW_NEVER, 2, DW_MON_FRI, &h), DW_NEVER);
	/* a week without working days ends, too */
	assert_int_equal(dw_working_days_back(&la, local(2026, 3, 9, 2, 30, 0), 1, 0, &h), DW_UNKNOWN);
	dw_holidays_fini(&h);
}

static void daily_mail(void **state)
{
	enum { AT = 8 * 60 + 30 };
	dw_time fri = local(2026, 11, 27, 8, 30, 0), mon = local(2026, 11, 30, 8, 30, 0), thu = local(2026, 11, 26, 8, 30, 0);
	struct dw_holidays h = { 0 };

	(void)state;
	assert_int_equal(dw_daily_next(&la, fri - 1, AT, DW_MON_FRI, NULL), fri);
	assert_int_equal(dw_daily_next(&la, fri, AT, DW_MON_FRI, NULL), mon);
	assert_int_equal(dw_daily_next(&la, fri + DW_DAY, AT, DW_MON_FRI, NULL), mon);
	assert_int_equal(dw_daily_next(&la, fri, AT, DW_EVERY_DAY, NULL), fri + DW_DAY);
	assert_int_equal(dw_daily_last(&la, fri - 1, AT, DW_MON_FRI, NULL), thu);
	assert_int_equal(dw_daily_last(&la, fri, AT, DW_MON_FRI, NULL), fri);
	assert_int_equal(dw_daily_last(&la, mon - 1, AT, DW_MON_FRI, NULL), fri);
	assert_int_equal(dw_holidays_add(&h, "2026-11-27", NULL), 0);
	assert_int_equal(dw_daily_next(&la, thu, AT, DW_MON_FRI, &h), mon);
	assert_int_equal(dw_daily_last(&la, mon - 1, AT, DW_MON_FRI, &h), thu);
	/* 02:30 doesn't exist on 8 March: 03:00 */
	assert_int_equal(dw_daily_next(&la, local(2026, 3, 7, 2, 30, 0), 150, DW_EVERY_DAY, NULL), 1772964000);
	/* 01:30 comes twice on 1 November: once */
	assert_int_equal(dw_daily_next(&la, local(2026, 11, 1, 1, 30, 0), 90, DW_EVERY_DAY, NULL), local(2026, 11, 2, 1, 30, 0));
	assert_int_equal(dw_daily_last(&la, local(2026, 11, 1, 12, 0, 0), 90, DW_EVERY_DAY, NULL), local(2026, 11, 1, 1, 30, 0));
	assert_int_equal(dw_daily_next(&la, fri, AT, 0, NULL), DW_NEVER);
	assert_int_equal(dw_daily_last(&la, fri, AT, 0, NULL), DW_UNKNOWN);
	dw_holidays_fini(&h);
}

/* From any instant: next is after it, last is not, and nothing lies between them. */
static void daily_mails_follow_each_other(void **state)
{
	(void)state;
	for (dw_time t = local(2026, 1, 1, 0, 0, 0); t < local(2027, 12, 1, 0, 0, 0); t += 10007) {
		for (int minute = 0; minute < 1440; minute += 157) {
			dw_time next = dw_daily_next(&la, t, minute, DW_MON_FRI, NULL);
			dw_time last = dw_daily_last(&la, t, minute, DW_MON_FRI, NULL);

			assert_true(last <= t && t < next);
			assert_int_equal(dw_daily_next(&la, last, minute, DW_MON_FRI, NULL), next);
			assert_int_equal(dw_daily_last(&la, next - 1, minute, DW_MON_FRI, NULL), last);
			assert_true(next - last <= 3 * DW_DAY + 3600);
		}
	}
}

static const struct dw_hours lunch = { 2, { { 9 * 60, 12 * 60 }, { 13 * 60, 18 * 60 } } };
static const struct dw_hours night = { 2, { { 0, 2 * 60 + 30 }, { 22 * 60, 1440 } } };

static struct dw_working in_la(const struct dw_hours *hours, const struct dw_holidays *off)
{
	return (struct dw_working){ .zone = &la, .week = DW_MON_FRI, .off = off, .hours = hours };
}

static void working(void **state)
{
	struct dw_holidays h = { 0 };
	struct dw_working w = in_la(&lunch, &h);
	static const struct dw_hours none = { 0 };
	dw_time fri18 = local(2026, 11, 27, 18, 0, 0), mon9 = local(2026, 11, 30, 9, 0, 0);

	(void)state;
	assert_int_equal(dw_working_last(&w, fri18), fri18);
	assert_int_equal(dw_working_last(&w, fri18 + 1), fri18);
	assert_int_equal(dw_working_last(&w, local(2026, 11, 29, 15, 0, 0)), fri18);
	assert_int_equal(dw_working_last(&w, mon9 - 1), fri18);
	assert_int_equal(dw_working_last(&w, mon9), mon9);
	assert_int_equal(dw_working_last(&w, local(2026, 11, 27, 12, 30, 0)), local(2026, 11, 27, 12, 0, 0));
	assert_int_equal(dw_working_next(&w, fri18 + 1), mon9);
	assert_int_equal(dw_working_next(&w, fri18), fri18);
	assert_int_equal(dw_working_next(&w, local(2026, 11, 27, 12, 30, 0)), local(2026, 11, 27, 13, 0, 0));
	/* no hours known: nothing moves */
	w.hours = &none;
	assert_int_equal(dw_working_last(&w, mon9 - 1), mon9 - 1);
	/* 24:00 is the next day's start; clocks that go from 02:00 to 03:00 leave a shift that ends at 02:30 */
	w.hours = &night;
	assert_int_equal(dw_working_last(&w, local(2026, 11, 28, 12, 0, 0)), local(2026, 11, 28, 0, 0, 0));
	w.week = DW_EVERY_DAY;
	assert_int_equal(dw_working_last(&w, local(2026, 3, 8, 12, 0, 0)), local(2026, 3, 8, 3, 0, 0));
	/* three weeks off: none within 14 days */
	w = in_la(&lunch, &h);
	assert_int_equal(dw_holidays_add(&h, "2026-11-10..2026-11-30", NULL), 0);
	assert_int_equal(dw_working_last(&w, local(2026, 11, 30, 15, 0, 0)), local(2026, 11, 30, 15, 0, 0));
	assert_int_equal(dw_working_last(&w, local(2026, 11, 20, 15, 0, 0)), local(2026, 11, 9, 18, 0, 0));
	assert_int_equal(dw_working_next(&w, local(2026, 11, 20, 15, 0, 0)), local(2026, 12, 1, 9, 0, 0));
	dw_holidays_fini(&h);
}

/* Whatever the hours: never later, at most 14 days earlier, and once moved it stays. */
static void working_anywhere(void **state)
{
	static const struct dw_hours *const all[] = { &lunch, &night };

	(void)state;
	for (size_t k = 0; k < DW_COUNT(all); k++) {
		struct dw_working w = in_la(all[k], NULL);
		dw_time was = 0;

		for (dw_time t = local(2026, 2, 20, 0, 0, 0); t < local(2026, 11, 20, 0, 0, 0); t += 1777) {
			dw_time last = dw_working_last(&w, t), next = dw_working_next(&w, t);

			assert_true(last <= t && t - last <= DW_WORKING_BACK_S && next >= t && last >= was);
			assert_int_equal(dw_working_last(&w, last), last);
			assert_int_equal(dw_working_next(&w, next), next);
			was = last;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holidays),	    cmocka_unit_test(holidays_are_a_set),
		cmocka_unit_test(last_safe_moment), cmocka_unit_test(daily_mail),
		cmocka_unit_test(daily_mails_follow_each_other),
		cmocka_unit_test(working), cmocka_unit_test(working_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
