/* instant.h: every form of rules.md §2, gaps and overlaps, durations. */
#include "duewatch/instant.h"
#include "duewatch/quote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define UTC(y, mo, d, h, mi, s) dw_zone_instant(&dw_zone_utc, y, mo, d, h, mi, s)

/* Los Angeles 2026-2027 as tzdata has it. */
static const struct dw_transition la_t[] = {
	{ INT64_MIN, -28800, "PST" },  { 1772964000, -25200, "PDT" }, { 1793523600, -28800, "PST" },
	{ 1805018400, -25200, "PDT" }, { 1825578000, -28800, "PST" },
};
static const struct dw_zone la = { "America/Los_Angeles", DW_COUNT(la_t), la_t };
static const struct dw_transition sh_t[] = { { INT64_MIN, 28800, "CST" } };
static const struct dw_zone sh = { "Asia/Shanghai", 1, sh_t };
/* Apia left out 2011-12-30: from UTC-10 (summer) to UTC+14 at the end of the 29th. */
static const struct dw_transition apia_t[] = { { INT64_MIN, -36000, "-10" }, { 1325239200, 50400, "+14" } };
static const struct dw_zone apia = { "Pacific/Apia", 2, apia_t };
/* Scoresbysund's way: 23:00 on the last Saturday of March becomes 00:00 of Sunday; back likewise. 2027. */
static const struct dw_transition late_t[] = { { INT64_MIN, -7200, "-02" }, { 1806195600, -3600, "-01" }, { 1824944400, -7200, "-02" } };
static const struct dw_zone late = { "midnight", 3, late_t };

static void days_are_the_calendars(void **state)
{
	int32_t day = dw_day_number(1, 1, 1);
	int wd = 1, y, m, d; /* 0001-01-01 was a Monday */

	(void)state;
	assert_int_equal(dw_day_number(1970, 1, 1), 0);
	assert_int_equal(dw_day_number(2000, 3, 1), 11017);
	assert_int_equal(dw_day_weekday(0), 4);
	for (int yy = 1; yy <= 3000; yy++)
		for (int mm = 1; mm <= 12; mm++)
			for (int dd = 1; dd <= 32; dd++) {
				if (!dw_date_valid(yy, mm, dd)) {
					assert_true(dd > 28);
					continue;
				}
				assert_int_equal(dw_day_number(yy, mm, dd), day);
				assert_int_equal(dw_day_weekday(day), wd);
				dw_day_civil(day, &y, &m, &d);
				assert_true(y == yy && m == mm && d == dd);
				day++;
				wd = (wd + 1) % 7;
			}
	assert_true(dw_date_valid(2000, 2, 29) && dw_date_valid(2028, 2, 29));
	assert_false(dw_date_valid(2100, 2, 29) || dw_date_valid(2027, 2, 29) || dw_date_valid(2026, 4, 31));
	assert_false(dw_date_valid(2026, 0, 1) || dw_date_valid(2026, 13, 1) || dw_date_valid(2026, 1, 0));
	assert_false(dw_date_valid(0, 1, 1) || dw_date_valid(10000, 1, 1));
}

static void wall_clock_to_instant(void **state)
{
	(void)state;
	/* spring: 02:00-02:59:59 don't exist, 03:00 is the first that does */
	assert_int_equal(dw_zone_instant(&la, 2026, 3, 8, 1, 59, 59), 1772964000 - 1);
	assert_int_equal(dw_zone_instant(&la, 2026, 3, 8, 2, 0, 0), 1772964000);
	assert_int_equal(dw_zone_instant(&la, 2026, 3, 8, 2, 59, 59), 1772964000);
	assert_int_equal(dw_zone_instant(&la, 2026, 3, 8, 3, 0, 0), 1772964000);
	assert_int_equal(dw_zone_instant(&la, 2026, 3, 8, 3, 0, 1), 1772964001);
	/* autumn: 01:00-01:59:59 come twice, the earlier counts; 02:00 comes once */
	assert_int_equal(dw_zone_instant(&la, 2026, 11, 1, 0, 59, 59), 1793523600 - 3601);
	assert_int_equal(dw_zone_instant(&la, 2026, 11, 1, 1, 0, 0), 1793523600 - 3600);
	assert_int_equal(dw_zone_instant(&la, 2026, 11, 1, 1, 59, 59), 1793523600 - 1);
	assert_int_equal(dw_zone_instant(&la, 2026, 11, 1, 2, 0, 0), 1793523600 + 3600);
	assert_int_equal(dw_zone_instant(&sh, 2026, 11, 1, 0, 0, 0), UTC(2026, 10, 31, 16, 0, 0));
	assert_int_equal(dw_zone_instant(&la, 2026, 2, 29, 0, 0, 0), DW_UNKNOWN);
	assert_int_equal(dw_zone_instant(&la, 2026, 1, 1, 24, 0, 0), DW_UNKNOWN);
	assert_int_equal(dw_zone_instant(&la, 2026, 1, 1, 0, 60, 0), DW_UNKNOWN);
	assert_int_equal(dw_zone_instant(&la, 2026, 1, 1, 0, 0, 60), DW_UNKNOWN);
}

static void a_day_has_a_start_and_an_end(void **state)
{
	int32_t d = dw_day_number(2026, 11, 1);

	(void)state;
	assert_int_equal(dw_day_start(&la, d), UTC(2026, 11, 1, 7, 0, 0));
	assert_int_equal(dw_day_end(&la, d), UTC(2026, 11, 2, 7, 59, 59)); /* 25 hours */
	/* the day left out begins when the next does, and its end is no later than the truth */
	d = dw_day_number(2011, 12, 30);
	assert_int_equal(dw_day_start(&apia, d), 1325239200);
	assert_int_equal(dw_day_start(&apia, d + 1), 1325239200);
	assert_int_equal(dw_day_end(&apia, d), 1325239199);
	assert_int_equal(dw_day_end(&apia, d - 1), 1325239199);
	assert_int_equal(dw_zone_day(&apia, 1325239199), d - 1);
	assert_int_equal(dw_zone_day(&apia, 1325239200), d + 1);
	/* 23:00 becomes 00:00: that Saturday ends with 22:59:59 */
	d = dw_day_number(2027, 3, 27);
	assert_int_equal(late_t[1].at, UTC(2027, 3, 28, 1, 0, 0));
	assert_int_equal(dw_day_end(&late, d), late_t[1].at - 1);
	assert_int_equal(dw_day_start(&late, d + 1), late_t[1].at);
	/* 00:00 becomes 23:00: that Saturday has 23:59:59 twice, the earlier counts; Sunday begins once */
	d = dw_day_number(2027, 10, 30);
	assert_int_equal(dw_day_end(&late, d), late_t[2].at - 1);
	assert_int_equal(dw_day_start(&late, d + 1), late_t[2].at + 3600);
}

static void civil_time_shows_the_zone(void **state)
{
	struct dw_civil c;

	(void)state;
	dw_zone_civil(&la, UTC(2026, 12, 1, 7, 59, 59), &c);
	assert_true(c.year == 2026 && c.month == 11 && c.day == 30 && c.hour == 23 && c.minute == 59 && c.second == 59);
	assert_int_equal(c.weekday, 1);
	assert_int_equal(c.offset, -28800);
	assert_string_equal(c.abbrev, "PST");
	dw_zone_civil(&la, 1772964000, &c);
	assert_true(c.hour == 3 && c.minute == 0 && c.weekday == 0);
	assert_string_equal(c.abbrev, "PDT");
	/* no instant whatever overflows */
	dw_zone_civil(&la, DW_NEVER, &c);
	assert_int_equal(c.year, 9999);
	dw_zone_civil(&la, DW_UNKNOWN, &c);
	assert_int_equal(c.year, 1);
	dw_zone_day(&la, DW_NEVER);
	dw_zone_day(&la, DW_UNKNOWN);
}

/* Back and forth in every zone above: what civil time shows leads back, at the latest, to where it came from. */
static void civil_and_instant_agree(void **state)
{
	const struct dw_zone *const zones[] = { &la, &sh, &apia, &late, &dw_zone_utc };

	(void)state;
	for (size_t i = 0; i < DW_COUNT(zones); i++)
		for (size_t k = 0; k < zones[i]->n; k++) {
			dw_time base = k ? zones[i]->t[k].at : UTC(2026, 6, 1, 0, 0, 0);

			for (dw_time t = base - 90000; t < base + 90000; t += 599) {
				struct dw_civil c;
				dw_time back;

				dw_zone_civil(zones[i], t, &c);
				back = dw_zone_instant(zones[i], c.year, c.month, c.day, c.hour, c.minute, c.second);
				assert_true(back == t || (back < t && back >= t - 3600));
				if (back != t) {
					struct dw_civil again;

					dw_zone_civil(zones[i], back, &again);
					assert_true(again.hour == c.hour && again.minute == c.minute && again.day == c.day);
				}
			}
		}
}

static const struct {
	const char *text;
	int y, mo, d, h, mi, s; /* UTC */
} instants[] = {
	{ "2026-11-23T00:00:00Z", 2026, 11, 23, 0, 0, 0 },
	{ "2026-11-23T00:00:00z", 2026, 11, 23, 0, 0, 0 },
	{ "2026-11-23t00:00:00.999999999Z", 2026, 11, 23, 0, 0, 0 },
	{ "2026-11-23T08:00:00+08:00", 2026, 11, 23, 0, 0, 0 },
	{ "2026-11-23T08:00:00+0800", 2026, 11, 23, 0, 0, 0 },
	{ "2026-11-23 08:00:00 +08", 2026, 11, 23, 0, 0, 0 },
	{ "2026-11-22T16:30:00.5-07:30", 2026, 11, 23, 0, 0, 0 },
	{ "2026-11-23 00:00:00 UTC", 2026, 11, 23, 0, 0, 0 },
	{ "2026/11/23 0:00 GMT", 2026, 11, 23, 0, 0, 0 },
	{ "2026-11-23T00:00Z", 2026, 11, 23, 0, 0, 0 },
	{ "2026-12-31T23:59:60Z", 2026, 12, 31, 23, 59, 59 },
	{ "2026-12-31T24:00:00Z", 2026, 12, 31, 23, 59, 59 },
	{ "2000-01-01T00:00:00Z", 2000, 1, 1, 0, 0, 0 },
	{ "2099-12-31T23:59:59Z", 2099, 12, 31, 23, 59, 59 },
	{ "2028-02-29T12:00:00Z", 2028, 2, 29, 12, 0, 0 },
	{ "1795392000", 2026, 11, 23, 0, 0, 0 },
	{ "1795392000.75", 2026, 11, 23, 0, 0, 0 },
	{ "1795392000999", 2026, 11, 23, 0, 0, 0 },
	{ "20261123080000+0800", 2026, 11, 23, 0, 0, 0 },
	{ "20261123080000500+0800", 2026, 11, 23, 0, 0, 0 },
	{ "20261123T000000Z", 2026, 11, 23, 0, 0, 0 },
	{ "\t 2026-11-23T00:00:00Z \r\n", 2026, 11, 23, 0, 0, 0 },
	{ "　2026-11-23T00:00:00Z　", 2026, 11, 23, 0, 0, 0 },
	{ "'2026-11-23T00:00:00Z", 2026, 11, 23, 0, 0, 0 },
	{ "\u00A0' 1795392000", 2026, 11, 23, 0, 0, 0 },
};

static void instants_by_themselves(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(instants); i++) {
		dw_time t = 7, want = UTC(instants[i].y, instants[i].mo, instants[i].d, instants[i].h, instants[i].mi, instants[i].s);
		struct dw_err err = { "" };
		bool local = true;
		int r = dw_instant_parse(&t, instants[i].text, &la, &sh, DW_BARE_LAST, &local, &err);

		if (r != 0 || t != want || local)
			fail_msg("%s: r=%d t=%lld local=%d %s", instants[i].text, r, (long long)t, local, err.text);
	}
}

/* All these say 2026-11-23 15:59:00 (or :07) on a clock. */
static const char *const minute_forms[] = {
	"2026-11-23 15:59",	  "2026-11-23T15:59",	      "2026/11/23 15:59",      "2026.11.23 15:59",
	"2026-11-23  15:59:00",	  "2026-11-23 15:59:00.000",  "2026-11-23　15:59",     "2026年11月23日 15:59",
	"2026年11月23日15:59",	  "2026年11月23日 15时59分",  "2026年11月23日15时59分00秒", "2026 年 11 月 23 日 15：59",
	"20261123155900",	  "20261123T155900",	      "20261123155900.5",      "20261123155900500",
	"2026年11月23号 15点59分", "'2026/11/23 15:59",	      "2026/11/23 15:59:00,9",
};

static void local_times(void **state)
{
	dw_time t;
	bool local;

	(void)state;
	for (size_t i = 0; i < DW_COUNT(minute_forms); i++) {
		struct dw_err err = { "" };
		int r = dw_instant_parse(&t, minute_forms[i], &la, NULL, DW_BARE_LAST, &local, &err);

		if (r != 0 || t != UTC(2026, 11, 23, 23, 59, 0) || !local)
			fail_msg("%s: r=%d t=%lld %s", minute_forms[i], r, (long long)t, err.text);
		/* of two zones the earlier instant counts, in either order */
		assert_int_equal(dw_instant_parse(&t, minute_forms[i], &la, &sh, DW_BARE_LAST, &local, NULL), 0);
		assert_int_equal(t, UTC(2026, 11, 23, 7, 59, 0));
		assert_int_equal(dw_instant_parse(&t, minute_forms[i], &sh, &la, DW_BARE_LAST, NULL, NULL), 0);
		assert_int_equal(t, UTC(2026, 11, 23, 7, 59, 0));
	}
	assert_int_equal(dw_instant_parse(&t, "2026-3-8 2:30", &la, NULL, DW_BARE_LAST, NULL, NULL), 0);
	assert_int_equal(t, 1772964000); /* gap */
	assert_int_equal(dw_instant_parse(&t, "2026-11-01 01:30", &la, NULL, DW_BARE_LAST, NULL, NULL), 0);
	assert_int_equal(t, 1793523600 - 1800); /* twice */
	assert_int_equal(dw_instant_parse(&t, "2026-11-30 24:00", &la, NULL, DW_BARE_LAST, NULL, NULL), 0);
	assert_int_equal(t, UTC(2026, 12, 1, 7, 59, 59));
	assert_int_equal(dw_instant_parse(&t, "2026年1月2日3时", &sh, NULL, DW_BARE_LAST, NULL, NULL), 0);
	assert_int_equal(t, UTC(2026, 1, 1, 19, 0, 0));
}

static void bare_dates(void **state)
{
	static const char *const forms[] = { "2026-11-30", "2026/11/30", "2026.11.30", "20261130", "2026年11月30日", " 2026年11月30日 " };
	dw_time t;
	bool local;

	(void)state;
	for (size_t i = 0; i < DW_COUNT(forms); i++) {
		assert_int_equal(dw_instant_parse(&t, forms[i], &la, NULL, DW_BARE_LAST, &local, NULL), 0);
		assert_int_equal(t, UTC(2026, 12, 1, 7, 59, 59)); /* rules.md §7, the first line's P */
		assert_true(local);
		assert_int_equal(dw_instant_parse(&t, forms[i], &la, NULL, DW_BARE_FIRST, &local, NULL), 0);
		assert_int_equal(t, UTC(2026, 11, 30, 8, 0, 0));
		assert_int_equal(dw_instant_parse(&t, forms[i], &la, &sh, DW_BARE_LAST, &local, NULL), 0);
		assert_int_equal(t, UTC(2026, 11, 30, 15, 59, 59));
	}
	assert_int_equal(dw_instant_parse(&t, "2027-3-27", &late, NULL, DW_BARE_LAST, NULL, NULL), 0);
	assert_int_equal(t, late_t[1].at - 1);
	assert_int_equal(dw_instant_parse(&t, "2026-1-2", &sh, NULL, DW_BARE_FIRST, NULL, NULL), 0);
	assert_int_equal(t, UTC(2026, 1, 1, 16, 0, 0));
}

static void unknown_words(void **state)
{
	static const char *const forms[] = { "", " ", "　", "-", " - ", "0", "'0", "'", "0000-00-00", "0000-00-00 00:00:00",
					     "0000-00-00T00:00:00Z", "0000/00/00", "00000000", "0000000000", "00000000000000" };

	(void)state;
	for (size_t i = 0; i < DW_COUNT(forms); i++) {
		dw_time t = 7;
		bool local = true;

		assert_int_equal(dw_instant_parse(&t, forms[i], &la, &sh, DW_BARE_LAST, &local, NULL), 1);
		assert_int_equal(t, DW_UNKNOWN);
		assert_false(local);
	}
}

static const struct {
	const char *text, *says;
} refused[] = {
	{ "11/23/2026", "four digits" },
	{ "23.11.2026", "four digits" },
	{ "26-11-23", "four digits" },
	{ "1/2/26 15:00", "four digits" },
	{ "11月23日", "four digits" },
	{ "Nov 23, 2026", "four digits" },
	{ "tomorrow", "four digits" },
	{ "15:59", "time without a day" },
	{ "46349", "spreadsheet" },
	{ "46349.5", "spreadsheet" },
	{ "２０２６-11-23", "full-width" },
	{ "2026-11-31", "no such day" },
	{ "2026-02-29", "no such day" },
	{ "2100-02-29", "no such day" },
	{ "2026-13-01", "no such day" },
	{ "2026-00-10", "no such day" },
	{ "20261301", "no such day" },
	{ "2026-11-23 25:00", "no such day" },
	{ "2026-11-23 24:01", "no such day" },
	{ "2026-11-23 12:60", "no such day" },
	{ "2026-11-23 12:00:61", "no such day" },
	{ "2100-01-01T00:00:00Z", "2000 to 2099" },
	{ "1999-12-31T23:59:59Z", "2000 to 2099" },
	{ "2100-01-01", "2000 to 2099" },
	{ "9999-12-31", "2000 to 2099" },
	{ "2099-12-31 23:59:59 -00:01", "2000 to 2099" },
	{ "9999999999", "2000 to 2099" },
	{ "9999999999999", "2000 to 2099" },
	{ "2026-11", "separator" },
	{ "2026-11/23", "separator" },
	{ "2026-111-2", "separator" },
	{ "2026-11-233", "separator" },
	{ "2026", "followed by" },
	{ "2026 11 23", "followed by" },
	{ "2026-11-23Z", "follows the day" },
	{ "2026-11-23x", "follows the day" },
	{ "2026-11-23T", "hour" },
	{ "2026-11-23 15", "15:59" },
	{ "2026-11-23 15:5", "15:59" },
	{ "2026-11-23 15:599", "15:59" },
	{ "2026-11-23 15:59:0", "15:59" },
	{ "2026-11-23 15:59:00.", "15:59" },
	{ "2026-11-23 3:00 PM", "AM, PM" },
	{ "2026-11-23 15:59 PST", "PST" },
	{ "2026-11-23T15:59:00Z!", "follows the time" },
	{ "2026-11-23T15:59:00+24:00", "offset" },
	{ "2026-11-23T15:59:00+08:60", "offset" },
	{ "2026-11-23T15:59:00+8", "offset" },
	{ "2026-11-23T15:59:00+080", "offset" },
	{ "2026-11-23T15:59:00+08:0", "offset" },
	{ "2026年11月", "day" },
	{ "2026年11月23", "日" },
	{ "2026年11月23日15时5", "分" },
	{ "2026年11月23日15时5分5", "秒" },
	{ "202611231559", "this many digits" },
	{ "123456789", "this many digits" },
	{ "999999999999999999999999", "this many digits" },
	{ "20261123155", "this many digits" },
	{ "1795392000x", "follows the seconds" },
	{ "1795392000.", "fraction" },
	{ "17953920001.5", "four digits" },
	{ "-1795392000", "four digits" },
	{ "1.79E9", "four digits" },
	{ "0001-00-00", "no such day" },
	{ "0000-00-00 x", "hour" },
	{ "2026-11-23 00:00:00.0000000000000000000000000000000000000000000000000000000000000000000000000000000000", "too long" },
};

static void nonsense_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(refused); i++) {
		struct dw_err err = { "" };
		dw_time t = 7;
		bool local = true;
		int r = dw_instant_parse(&t, refused[i].text, &la, NULL, DW_BARE_LAST, &local, &err);

		if (r != -EINVAL || t != 7 || !local || !strstr(err.text, refused[i].says))
			fail_msg("%s: r=%d t=%lld \"%s\" lacks \"%s\"", refused[i].text, r, (long long)t, err.text, refused[i].says);
		assert_non_null(strstr(err.text, "write 2026-11-23, 2026-11-23 15:59")); /* what is allowed */
	}
}

static void cuts_and_bytes(void **state)
{
	static const char whole[] = "2026年11月23日 15时59分07秒 +08:00";
	char cut[sizeof(whole)];
	struct dw_err err;
	dw_time t;

	(void)state;
	for (size_t n = 0; n < sizeof(whole); n++) {
		memcpy(cut, whole, n);
		cut[n] = '\0';
		dw_instant_parse(&t, cut, &la, &sh, DW_BARE_LAST, NULL, &err);
	}
	assert_int_equal(dw_instant_parse(&t, whole, &la, NULL, DW_BARE_LAST, NULL, NULL), 0);
	assert_int_equal(t, UTC(2026, 11, 23, 7, 59, 7));
	assert_int_equal(dw_instant_parse(&t, "2026-11-23\xff\x1b[31m", &la, NULL, DW_BARE_LAST, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "\"2026-11-23??[31m\""));
}

static void rfc3339(void **state)
{
	char out[32];

	(void)state;
	dw_instant_rfc3339(out, 1795392000);
	assert_string_equal(out, "2026-11-23T00:00:00Z");
	dw_instant_rfc3339(out, DW_TIME_MAX - 1);
	assert_string_equal(out, "2099-12-31T23:59:59Z");
	dw_instant_rfc3339(out, DW_NEVER);
	assert_string_equal(out, "never");
	dw_instant_rfc3339(out, DW_UNKNOWN);
	assert_string_equal(out, "unknown");
	dw_instant_rfc3339(out, DW_NEVER - 1);
	assert_int_equal(strlen(out), 20);
	for (dw_time t = DW_TIME_MIN; t < DW_TIME_MAX; t += 7654321) {
		dw_time back;

		dw_instant_rfc3339(out, t);
		assert_int_equal(dw_instant_parse(&back, out, &la, NULL, DW_BARE_LAST, NULL, NULL), 0);
		assert_int_equal(back, t);
	}
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t s;
		const char *back;
	} good[] = {
		{ "90s", 90, "1m30s" },	       { "15m", 900, "15m" },	      { "6h", 21600, "6h" },
		{ "2d", 172800, "2d" },	       { "1w", 604800, "7d" },	      { "1d12h", 129600, "1d12h" },
		{ "26h", 93600, "1d2h" },      { "0s", 0, "0s" },	      { "1w2d3h4m5s", 788645, "9d3h4m5s" },
		{ "36525d", INT64_C(3155760000), "36525d" }, { "007d", 604800, "7d" },
	};
	static const char *const bad[] = { "", "5", "d", "5x", "5 d", " 5d", "5d ", "-5d", "1.5d", "12h1d", "1d1d", "5D", "36525d1s", "36526d",
					   "99999999999999999999s", "1d12", "1h30", "+1d", "1天" };
	struct dw_err err;
	int64_t s;
	char out[32];

	(void)state;
	for (size_t i = 0; i < DW_COUNT(good); i++) {
		assert_int_equal(dw_duration_parse(&s, good[i].text, NULL), 0);
		assert_int_equal(s, good[i].s);
		dw_duration_text(out, s);
		assert_string_equal(out, good[i].back);
		assert_int_equal(dw_duration_parse(&s, out, NULL), 0);
		assert_int_equal(s, good[i].s);
	}
	for (size_t i = 0; i < DW_COUNT(bad); i++) {
		s = 7;
		if (dw_duration_parse(&s, bad[i], &err) != -EINVAL || s != 7 || !strstr(err.text, "1d12h"))
			fail_msg("%s", bad[i]);
	}
	dw_duration_text(out, -129600);
	assert_string_equal(out, "-1d12h");
	dw_duration_text(out, INT64_MIN);
	assert_string_equal(out, "-106751991167300d15h30m8s");
	dw_duration_text(out, INT64_MAX);
	assert_string_equal(out, "106751991167300d15h30m7s");
}

static void quotes(void **state)
{
	char out[DW_QUOTE_SIZE], big[400];

	(void)state;
	assert_string_equal(dw_quote(out, NULL), "");
	assert_string_equal(dw_quote(out, "a\nb\x1b\x7f\xc2\x85 中"), "a?b??? 中");
	assert_string_equal(dw_quote(out, "\xe4\xb8"), "??");
	for (size_t n = 0; n < 130; n++) {
		for (size_t i = 0; i < n; i++)
			memcpy(big + 3 * i, "中", 3);
		big[3 * n] = '\0';
		dw_quote(out, big);
		assert_true(strlen(out) < DW_QUOTE_SIZE && dw_utf8_valid(out, strlen(out)));
		if (n <= 21)
			assert_string_equal(out, big);
		else
			assert_string_equal(out + strlen(out) - 3, "…");
	}
}

static void zone_hash(void **state)
{
	struct dw_transition t[DW_COUNT(la_t)];
	struct dw_zone z = { "another name", DW_COUNT(la_t), t };

	(void)state;
	memcpy(t, la_t, sizeof(t));
	assert_true(dw_zone_hash(DW_HASH_INIT, &z) == dw_zone_hash(DW_HASH_INIT, &la));
	t[2].at++;
	assert_true(dw_zone_hash(DW_HASH_INIT, &z) != dw_zone_hash(DW_HASH_INIT, &la));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_are_the_calendars), cmocka_unit_test(wall_clock_to_instant),
		cmocka_unit_test(a_day_has_a_start_and_an_end), cmocka_unit_test(civil_time_shows_the_zone),
		cmocka_unit_test(civil_and_instant_agree), cmocka_unit_test(instants_by_themselves),
		cmocka_unit_test(local_times), cmocka_unit_test(bare_dates),
		cmocka_unit_test(unknown_words), cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(cuts_and_bytes), cmocka_unit_test(rfc3339),
		cmocka_unit_test(durations), cmocka_unit_test(quotes),
		cmocka_unit_test(zone_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
