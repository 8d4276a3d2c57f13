/* Calendars as days off: what other programs write, what is hostile, and two zones with their clock changes. */
#include "duewatch/days-off.h"
#include "duewatch/zone-load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#define NOW INT64_C(1795392000) /* 2026-11-23T00:00:00Z */
#define CAL(events) "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" events "END:VCALENDAR\r\n"
#define EV(lines) "BEGIN:VEVENT\r\nUID:a@example.com\r\nDTSTAMP:20260101T000000Z\r\n" lines "END:VEVENT\r\n"
#define DAY_EV(uid, lines) "BEGIN:VEVENT\r\nUID:" uid "\r\n" lines "END:VEVENT\r\n"

static void day_text(struct dw_buf *b, int32_t day)
{
	int y, m, d;

	dw_day_civil(day, &y, &m, &d);
	dw_buf_printf(b, "%04d-%02d-%02d", y, m, d);
}

/* "2027-02-06..2027-02-12 2027-05-01" */
static void days_text(struct dw_buf *b, const struct dw_holidays *h)
{
	for (size_t i = 0; i < h->n; i++) {
		dw_buf_puts(b, i ? " " : "");
		day_text(b, h->range[i].first);
		if (h->range[i].last != h->range[i].first) {
			dw_buf_puts(b, "..");
			day_text(b, h->range[i].last);
		}
	}
}

static const struct {
	const char *what, *text, *days; /* days: in Shanghai; NULL: refused */
} cases[] = {
	{ "all-day", CAL(EV("DTSTART;VALUE=DATE:20270206\r\nDTEND;VALUE=DATE:20270213\r\n")), "2027-02-06..2027-02-12" },
	{ "without an end", CAL(EV("DTSTART;VALUE=DATE:20270206\r\n")), "2027-02-06" },
	{ "ends as it begins", CAL(EV("DTSTART;VALUE=DATE:20270206\r\nDTEND;VALUE=DATE:20270206\r\n")), "2027-02-06" },
	{ "by its length", CAL(EV("DTSTART;VALUE=DATE:20270206\r\nDURATION:P3D\r\n")), "2027-02-06..2027-02-08" },
	{ "of hours, though all-day", CAL(EV("DTSTART;VALUE=DATE:20270206\r\nDURATION:PT2H\r\n")), "2027-02-06" },
	{ "of no length", CAL(EV("DTSTART;VALUE=DATE:20270206\r\nDURATION:PT0S\r\n")), "2027-02-06" },
	{ "a folded line, LF only, a lower-case begin", "begin:vcalendar\nBEGIN:VEVENT\nDTSTART;VALUE=DA\n TE:20270206\nEND:VEVENT\nEND:VCALENDAR\n",
	  "2027-02-06" },
	{ "a byte order mark", "\xEF\xBB\xBF" CAL(EV("DTSTART;VALUE=DATE:20270206\r\n")), "2027-02-06" },
	{ "midnight to midnight", CAL(EV("DTSTART;TZID=Asia/Shanghai:20270206T000000\r\nDTEND;TZID=Asia/Shanghai:20270208T000000\r\n")),
	  "2027-02-06..2027-02-07" },
	{ "to 23:59", CAL(EV("DTSTART:20270206T000000\r\nDTEND:20270206T235900\r\n")), "2027-02-06" },
	{ "by PT24H", CAL(EV("DTSTART;TZID=America/Los_Angeles:20270314T000000\r\nDURATION:PT24H\r\n")), "2027-03-14" },
	{ "hours are no day", CAL(EV("DTSTART;TZID=Asia/Shanghai:20270206T090000\r\nDTEND;TZID=Asia/Shanghai:20270208T180000\r\n")), "" },
	{ "UTC, whole in Shanghai", CAL(EV("DTSTART:20270205T160000Z\r\nDTEND:20270207T160000Z\r\n")), "2027-02-06..2027-02-07" },
	{ "UTC, whole nowhere here", CAL(EV("DTSTART:20270205T000000Z\r\nDTEND:20270206T000000Z\r\n")), "" },
	{ "begins here, ends in UTC", CAL(EV("DTSTART;TZID=Asia/Shanghai:20270206T000000\r\nDTEND:20270206T160000Z\r\n")), "2027-02-06" },
	{ "cancelled", CAL(EV("DTSTART;VALUE=DATE:20270206\r\nSTATUS:CANCELLED\r\n")), "" },
	{ "tentative counts", CAL(EV("DTSTART;VALUE=DATE:20270206\r\nSTATUS:TENTATIVE\r\n")), "2027-02-06" },
	{ "free beside a busy one",
	  CAL(EV("DTSTART;VALUE=DATE:20270206\r\nTRANSP:TRANSPARENT\r\n") DAY_EV("b", "DTSTART;VALUE=DATE:20270306\r\nTRANSP:OPAQUE\r\n")),
	  "2027-03-06" },
	{ "all of them free: public holidays",
	  CAL(EV("DTSTART;VALUE=DATE:20270206\r\nTRANSP:TRANSPARENT\r\n") DAY_EV("b", "DTSTART;VALUE=DATE:20270306\r\nTRANSP:TRANSPARENT\r\n")),
	  "2027-02-06 2027-03-06" },
	{ "weekly, five times", CAL(EV("DTSTART;VALUE=DATE:20270101\r\nRRULE:FREQ=WEEKLY;COUNT=5\r\n")),
	  "2027-01-01 2027-01-08 2027-01-15 2027-01-22 2027-01-29" },
	{ "yearly from long ago", CAL(EV("DTSTART;VALUE=DATE:19491001\r\nDTEND;VALUE=DATE:19491004\r\nRRULE:FREQ=YEARLY\r\n")),
	  "2025-10-01..2025-10-03 2026-10-01..2026-10-03 2027-10-01..2027-10-03 2028-10-01..2028-10-03 2029-10-01..2029-10-03" },
	{ "the last Monday in May", CAL(EV("DTSTART;VALUE=DATE:20250526\r\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;UNTIL=20270531\r\n")),
	  "2025-05-26 2026-05-25 2027-05-31" },
	{ "until, in UTC, of a local series",
	  CAL(EV("DTSTART;TZID=Asia/Shanghai:20270201T000000\r\nDURATION:P1D\r\nRRULE:FREQ=DAILY;UNTIL=20270202T160000Z\r\n")),
	  "2027-02-01..2027-02-03" },
	{ "until, a UTC time for dates", CAL(EV("DTSTART;VALUE=DATE:20270201\r\nRRULE:FREQ=DAILY;UNTIL=20270203T235959Z\r\n")),
	  "2027-02-01..2027-02-03" },
	{ "across the clock change in both zones",
	  CAL(EV("DTSTART;TZID=America/Los_Angeles:20270313T000000\r\nDTEND;TZID=America/Los_Angeles:20270314T000000\r\nRRULE:FREQ=DAILY;UNTIL=20270315T070000Z\r\n")
	      DAY_EV("b", "DTSTART;TZID=Europe/Berlin:20271030T000000\r\nDTEND;TZID=Europe/Berlin:20271031T000000\r\nRRULE:FREQ=DAILY;UNTIL=20271031T230000Z\r\n")),
	  "2027-03-13..2027-03-15 2027-10-30..2027-11-01" },
	{ "without one of them", CAL(EV("DTSTART;VALUE=DATE:20270201\r\nRRULE:FREQ=DAILY;COUNT=4\r\nEXDATE;VALUE=DATE:20270202,20270204\r\n")),
	  "2027-02-01 2027-02-03" },
	{ "EXDATE in UTC", CAL(EV("DTSTART;TZID=Asia/Shanghai:20270201T000000\r\nDURATION:P1D\r\nRRULE:FREQ=DAILY;COUNT=3\r\nEXDATE:20270201T160000Z\r\n")),
	  "2027-02-01 2027-02-03" },
	{ "more by RDATE", CAL(EV("DTSTART;VALUE=DATE:20270201\r\nRDATE;VALUE=DATE:20270301,20270401\r\n")), "2027-02-01 2027-03-01 2027-04-01" },
	{ "one is moved",
	  CAL(DAY_EV("w", "RECURRENCE-ID;VALUE=DATE:20270108\r\nDTSTART;VALUE=DATE:20270111\r\n")
	      DAY_EV("w", "DTSTART;VALUE=DATE:20270101\r\nRRULE:FREQ=WEEKLY;COUNT=3\r\n")),
	  "2027-01-01 2027-01-11 2027-01-15" },
	{ "one is cancelled, named by its UTC time",
	  CAL(DAY_EV("w", "DTSTART;TZID=Asia/Shanghai:20270101T000000\r\nDURATION:P1D\r\nRRULE:FREQ=WEEKLY;COUNT=3\r\n")
	      DAY_EV("w", "RECURRENCE-ID;TZID=Asia/Shanghai:20270108T000000\r\nDTSTART;TZID=Asia/Shanghai:20270108T000000\r\nDURATION:P1D\r\nSTATUS:CANCELLED\r\n")),
	  "2027-01-01 2027-01-15" },
	{ "one becomes an hour", CAL(DAY_EV("w", "DTSTART;VALUE=DATE:20270101\r\nRRULE:FREQ=WEEKLY;COUNT=2\r\n")
				     DAY_EV("w", "RECURRENCE-ID;VALUE=DATE:20270108\r\nDTSTART:20270108T100000Z\r\nDTEND:20270108T110000Z\r\n")),
	  "2027-01-01" },
	{ "Outlook's zone, by its VTIMEZONE",
	  CAL("BEGIN:VTIMEZONE\r\nTZID:Pacific Standard Time\r\nBEGIN:STANDARD\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:-0700\r\nTZOFFSETTO:-0800\r\n"
	      "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=1SU;BYMONTH=11\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\n"
	      "TZOFFSETFROM:-0800\r\nTZOFFSETTO:-0700\r\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=2SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
	      EV("DTSTART;TZID=Pacific Standard Time:20270313T000000\r\nDTEND;TZID=Pacific Standard Time:20270314T000000\r\n"
		 "RRULE:FREQ=DAILY;UNTIL=20270315T070000Z\r\n")),
	  "2027-03-13..2027-03-15" },
	{ "alarms and to-dos are nothing",
	  CAL("BEGIN:VTODO\r\nDTSTART;VALUE=DATE:20270101\r\nEND:VTODO\r\n"
	      EV("DTSTART;VALUE=DATE:20270206\r\nBEGIN:VALARM\r\nDTSTART;VALUE=DATE:20270301\r\nDURATION:P9D\r\nEND:VALARM\r\n")),
	  "2027-02-06" },
	{ "far away", CAL(EV("DTSTART;VALUE=DATE:20500206\r\n") DAY_EV("b", "DTSTART;VALUE=DATE:20100101\r\n")), "" },
	{ "longer than a year", CAL(EV("DTSTART;VALUE=DATE:20200206\r\nDTEND;VALUE=DATE:20400101\r\n")), "" },
	{ "every second, for ever", CAL(EV("DTSTART;VALUE=DATE:20270206\r\nRRULE:FREQ=SECONDLY\r\n")), "" },
	{ "a rule that never comes true", CAL(EV("DTSTART;VALUE=DATE:20270206\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\r\n")), "2027-02-06" },
	{ "the same by days", CAL(EV("DTSTART;VALUE=DATE:20270206\r\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30\r\n")), "2027-02-06" },
	{ "nonsense in it", CAL(EV("DTSTART;VALUE=DATE:20271340\r\nRRULE:FREQ=NEVER;BYDAY=99XX\r\n")), "" },
	{ "an empty calendar", CAL(""), "" },
	{ "empty", "", NULL },
	{ "a web page", "<html><body>Sign in</body></html>\n", NULL },
	{ "cut off", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20270206\r\n", NULL },
	{ "crossed", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n", NULL },
	{ "deep", "BEGIN:VCALENDAR\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\n", NULL },
};

static void tables(void **state)
{
	struct dw_zone *z;
	struct dw_err err;

	(void)state;
	assert_int_equal(dw_zone_load(&z, "Asia/Shanghai", &err), 0);
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		struct dw_days_off d = { 0 };
		struct dw_holidays h = { 0 };
		DW_BUF got = { 0 };
		int r = dw_days_off_read(&d, cases[i].text, strlen(cases[i].text), NOW, &err);

		if (r < 0 && cases[i].days)
			fail_msg("%s: %s", cases[i].what, err.text);
		if (r == 0 && !cases[i].days)
			fail_msg("%s: taken", cases[i].what);
		if (r < 0) {
			assert_int_equal(r, -EINVAL);
			continue;
		}
		assert_int_equal(dw_days_off_put(&h, &d, z, &err), 0);
		days_text(&got, &h);
		if (strcmp(dw_buf_str(&got), cases[i].days) != 0)
			fail_msg("%s: \"%s\", not \"%s\" (%d odd: %s)", cases[i].what, dw_buf_str(&got), cases[i].days, d.odd, d.odd_why);
		dw_holidays_fini(&h);
		dw_days_off_fini(&d);
	}
	dw_zone_free(z);
}

/* What must not hang, nor eat memory or stack: bounded in time whatever comes of it. */
static void hostile(void **state)
{
	static const char *const event[] = {
		"DTSTART;VALUE=DATE:20270206\r\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30\r\n",
		"DTSTART:19000101T000000\r\nDURATION:P1D\r\nRRULE:FREQ=DAILY\r\n",
		"DTSTART:19000101T000000\r\nDURATION:P1D\r\nRRULE:FREQ=DAILY;INTERVAL=1;BYHOUR=0,1,2,3,4,5,6,7,8,9;BYMINUTE=1,2,3,4,5;BYSECOND=1,2,3\r\n",
		"DTSTART;VALUE=DATE:20270206\r\nRRULE:FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYMONTH=6\r\n",
		"DTSTART;VALUE=DATE:20270206\r\nRRULE:FREQ=MONTHLY;BYSETPOS=300;BYDAY=MO\r\n",
		"DTSTART:20270206T000000Z\r\nDURATION:P1D\r\nRRULE:FREQ=DAILY;INTERVAL=0\r\n",
		"DTSTART;VALUE=DATE:20270206\r\nRRULE:RSCALE=CHINESE;FREQ=YEARLY\r\n",
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(event); i++) {
		struct dw_days_off d = { 0 };
		struct dw_err err = { "" };
		struct timespec t0, t1;
		DW_BUF b = { 0 };
		int r;

		dw_buf_puts(&b, "BEGIN:VCALENDAR\r\n");
		for (int k = 0; k < 4000; k++)
			dw_buf_printf(&b, "BEGIN:VEVENT\r\nUID:%d\r\n%sEND:VEVENT\r\n", k, event[i]);
		dw_buf_puts(&b, "END:VCALENDAR\r\n");
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t0);
		r = dw_days_off_read(&d, b.p, b.n, NOW, &err);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t1);
		if (t1.tv_sec - t0.tv_sec > 10)
			fail_msg("%s: %ld s", event[i], (long)(t1.tv_sec - t0.tv_sec));
		assert_true(r == 0 || r == -EINVAL);
		dw_days_off_fini(&d);
	}
}

static void counts(void **state)
{
	struct dw_days_off d, e;
	struct dw_err err;
	static const char text[] = CAL(EV("DTSTART;VALUE=DATE:20270206\r\nDTEND;VALUE=DATE:20270213\r\n")
				       DAY_EV("b", "DTSTART:20270206T100000Z\r\nDTEND:20270206T110000Z\r\n")
				       DAY_EV("c", "DTSTART;VALUE=DATE:20270301\r\nSTATUS:CANCELLED\r\n")
				       DAY_EV("d", "DTSTART;VALUE=DATE:20270301\r\nTRANSP:TRANSPARENT\r\n")
				       DAY_EV("e", "DTSTART;VALUE=DATE:20270301\r\nRRULE:FREQ=MINUTELY\r\n"));

	(void)state;
	assert_int_equal(dw_days_off_read(&d, text, strlen(text), NOW, &err), 0);
	assert_int_equal(d.events, 5);
	assert_int_equal(d.whole, 1);
	assert_int_equal(d.timed, 1);
	assert_int_equal(d.cancelled, 1);
	assert_int_equal(d.free, 1);
	assert_int_equal(d.odd, 1);
	assert_non_null(strstr(d.odd_why, "FREQ is DAILY"));
	/* the same whenever within a year it is worked out */
	assert_int_equal(dw_days_off_read(&e, text, strlen(text), NOW + 30 * DW_DAY, &err), 0);
	assert_true(dw_days_off_same(&d, &e));
	assert_int_equal(dw_holidays_count(&d.days, dw_day_number(2027, 2, 10), dw_day_number(2027, 12, 31)), 3);
	dw_days_off_fini(&d);
	dw_days_off_fini(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tables), cmocka_unit_test(hostile), cmocka_unit_test(counts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
