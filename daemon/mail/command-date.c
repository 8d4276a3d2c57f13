/* command-impl.h: the dates and spans people type. A date is understood only where there is one way to read it. */
#include "command-impl.h"

#include <stdio.h>

enum {
	AHEAD_NO_YEAR = 275, /* days: a date without a year is the next such one, if that is near enough to be meant */
	AHEAD_YEAR = 550,    /* … with one: 2062 is a slip of the finger */
	SPAN_MAX = 7,	     /* days (rules.md §5, Ack) */
};

const char *dw_cmd_blanks(const char *p)
{
	while (*p == ' ')
		p++;
	return p;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

const char *dw_cmd_word(const char *p, const char *word)
{
	char last = '\0';

	for (; *word; word++) {
		if (*word == ' ' && *p == ' ')
			p = dw_cmd_blanks(p);
		else if (*p++ != *word)
			return NULL;
		last = *word;
	}
	return (is_letter(last) || is_digit(last)) && (is_letter(*p) || is_digit(*p) || strchr("-_'/", *p ? *p : 'x')) ? NULL : p;
}

/* Up to `max` digits at *p; how many. */
static int number(const char **p, int max, int *v)
{
	int n = 0;

	*v = 0;
	for (; n < max && is_digit(**p); n++)
		*v = *v * 10 + (*(*p)++ - '0');
	return n;
}

static bool skip(const char **p, const char *s)
{
	size_t n = strlen(s);

	if (strncmp(*p, s, n) != 0)
		return false;
	*p += n;
	return true;
}

/* ---- the parts of a date ---- */

static const char *const months[][4] = { { "january", "jan" }, { "february", "feb" }, { "march", "mar" }, { "april", "apr" },
					 { "may" }, { "june", "jun" }, { "july", "jul" }, { "august", "aug" },
					 { "september", "sept", "sep" }, { "october", "oct" }, { "november", "nov" },
					 { "december", "dec" } };
static const char *const days[][6] = {
	{ "sunday", "sun", "周日", "星期日", "星期天", "周天" }, { "monday", "mon", "周一", "星期一" },
	{ "tuesday", "tues", "tue", "周二", "星期二" }, { "wednesday", "wed", "周三", "星期三" },
	{ "thursday", "thurs", "thu", "周四", "星期四" }, { "friday", "fri", "周五", "星期五" },
	{ "saturday", "sat", "周六", "星期六" }
};

/* An ASCII word that a letter doesn't follow. */
static bool take(const char **p, const char *word)
{
	const char *q = *p;

	if (!skip(&q, word) || is_letter(*q))
		return false;
	*p = q;
	return true;
}

static int month_name(const char **p)
{
	for (size_t m = 0; m < DW_COUNT(months); m++)
		for (size_t i = 0; i < DW_COUNT(months[m]) && months[m][i]; i++)
			if (take(p, months[m][i])) {
				skip(p, ".");
				return (int)m + 1;
			}
	return 0;
}

/* 0 Sunday … 6, or -1. */
static int weekday(const char **p)
{
	for (size_t d = 0; d < DW_COUNT(days); d++)
		for (size_t i = 0; i < DW_COUNT(days[d]) && days[d][i]; i++)
			if (take(p, days[d][i])) {
				skip(p, ".");
				return (int)d;
			}
	return -1;
}

/* Behind a date: " thu", "(周四)". */
static int weekday_after(const char **p)
{
	const char *q = dw_cmd_blanks(*p);
	bool bracket = skip(&q, "(");
	int d = weekday(&q);

	if (d < 0 || (bracket && !skip(&q, ")")))
		return -1;
	*p = q;
	return d;
}

static void ordinal(const char **p)
{
	static const char *const ends[] = { "st", "nd", "rd", "th" };

	for (size_t i = 0; i < DW_COUNT(ends); i++)
		if (take(p, ends[i]))
			return;
}

struct ymd {
	int y, m, d; /* y 0: not said */
};

/* " 2026", "-2026" behind day and month: four digits, or it is something else. */
static void year_after(const char **p, struct ymd *t)
{
	const char *q = dw_cmd_blanks(*p);
	int y;

	if (q == *p && *q == '-')
		q++;
	if (q == *p || number(&q, 5, &y) != 4 || is_letter(*q) || *q == '-')
		return;
	t->y = y;
	*p = q;
}

/* "10 dec 2026", "10th of december", "10-dec-2026" */
static bool day_first(const char **p, struct ymd *t)
{
	const char *q = *p;
	int n = number(&q, 3, &t->d);

	if (n < 1 || n > 2)
		return false;
	ordinal(&q);
	if (*q == '-')
		q++;
	q = dw_cmd_blanks(q);
	if (take(&q, "of"))
		q = dw_cmd_blanks(q);
	t->m = month_name(&q);
	if (!t->m)
		return false;
	year_after(&q, t);
	*p = q;
	return true;
}

/* "dec 10", "december 10th, 2026" (the comma is a blank by now) */
static bool month_first(const char **p, struct ymd *t)
{
	const char *q = *p;
	int n;

	t->m = month_name(&q);
	if (!t->m)
		return false;
	if (*q == '-')
		q++;
	q = dw_cmd_blanks(q);
	n = number(&q, 3, &t->d);
	if (n < 1 || n > 2)
		return false;
	ordinal(&q);
	year_after(&q, t);
	*p = q;
	return true;
}

/* "2026年12月10日", "12月10号" */
static bool chinese(const char **p, struct ymd *t)
{
	const char *q = *p, *at;
	int n = number(&q, 4, &t->y);

	at = dw_cmd_blanks(q);
	if (n == 4 && skip(&at, "年")) {
		q = dw_cmd_blanks(at);
		n = number(&q, 3, &t->m);
	} else {
		t->m = t->y;
		t->y = 0;
	}
	q = dw_cmd_blanks(q);
	if (n < 1 || n > 2 || !skip(&q, "月"))
		return false;
	q = dw_cmd_blanks(q);
	n = number(&q, 3, &t->d);
	if (n < 1 || n > 2)
		return false;
	at = dw_cmd_blanks(q);
	if (skip(&at, "日") || skip(&at, "号") || skip(&at, "號"))
		q = at;
	*p = q;
	return true;
}

/* 2026-12-10, 2026/12/10, 2026.12.10, 20261210 */
static bool numeric(const char **p, struct ymd *t)
{
	const char *q = *p;
	char sep;
	int n = number(&q, 9, &t->y);

	if (n == 8 && t->y >= 20000101 && t->y < 21000000) {
		*t = (struct ymd){ t->y / 10000, t->y / 100 % 100, t->y % 100 };
		*p = q;
		return true;
	}
	sep = *q;
	if (n != 4 || !sep || !strchr("-/.", sep))
		return false;
	q++;
	n = number(&q, 3, &t->m);
	if (n < 1 || n > 2 || *q++ != sep)
		return false;
	n = number(&q, 3, &t->d);
	if (n < 1 || n > 2)
		return false;
	*p = q;
	return true;
}

/* 12/10, 10.12.2026, 12-10: which is the month? */
static bool two_numbers(const char *p)
{
	int v, n = number(&p, 3, &v);

	if (n < 1 || n > 2 || !*p || !strchr("-/.", *p))
		return false;
	p++;
	n = number(&p, 3, &v);
	return n == 1 || n == 2;
}

/* ---- which day it is ---- */

static int place(const struct ymd *t, int wd, int32_t today, char out[11], enum dw_why *why)
{
	int y = t->y, now_y, now_m, now_d;
	int32_t day, far = t->y ? AHEAD_YEAR : AHEAD_NO_YEAR;

	*why = DW_WHY_NO_DAY;
	if (today == INT32_MIN)
		return 2;
	dw_day_civil(today, &now_y, &now_m, &now_d);
	if (!y) /* the next such date; of 29 February the next there is */
		for (y = now_y; y < now_y + 9; y++)
			if (dw_date_valid(y, t->m, t->d) && dw_day_number(y, t->m, t->d) >= today)
				break;
	if (y < 2000 || y > 2099 || !dw_date_valid(y, t->m, t->d)) {
		if (y > 2099 && dw_date_valid(2000, t->m, t->d))
			*why = DW_WHY_FAR;
		return 2;
	}
	day = dw_day_number(y, t->m, t->d);
	if (day < today) {
		*why = DW_WHY_PAST;
		return 2;
	}
	if (day > today + far) {
		*why = DW_WHY_FAR;
		return 2;
	}
	if (wd >= 0 && wd != dw_day_weekday(day)) {
		*why = DW_WHY_WEEKDAY;
		return 2;
	}
	snprintf(out, 11, "%04u-%02u-%02u", (unsigned)y % 10000, (unsigned)t->m % 100, (unsigned)t->d % 100);
	return 0;
}

int dw_cmd_date(const char **p, int32_t today, char out[11], enum dw_why *why)
{
	const char *q = *p;
	struct ymd t = { 0 };
	int wd = weekday(&q), after;

	q = dw_cmd_blanks(q);
	if (dw_cmd_word(q, "yyyy-mm-dd")) {
		*why = DW_WHY_BLANK_DATE;
		return 2;
	}
	if (!numeric(&q, &t) && (t = (struct ymd){ 0 }, !chinese(&q, &t)) && (t = (struct ymd){ 0 }, !day_first(&q, &t)) &&
	    (t = (struct ymd){ 0 }, !month_first(&q, &t))) {
		*why = DW_WHY_DAY_MONTH;
		return two_numbers(q) ? 2 : 1;
	}
	if (is_digit(*q) || is_letter(*q) || (*q && strchr("-/_:", *q)))
		return 1;
	after = weekday_after(&q);
	*p = q;
	return place(&t, after >= 0 ? after : wd, today, out, why);
}

/* ---- spans ---- */

struct unit {
	const char *word;
	int64_t seconds;
};

static const struct unit units[] = { { "days", DW_DAY }, { "day", DW_DAY }, { "hours", 3600 }, { "hour", 3600 },
				     { "hrs", 3600 }, { "weeks", 7 * DW_DAY }, { "week", 7 * DW_DAY },
				     { "天", DW_DAY }, { "日", DW_DAY }, { "个小时", 3600 }, { "小时", 3600 }, { "個小時", 3600 },
				     { "小時", 3600 }, { "周", 7 * DW_DAY }, { "个星期", 7 * DW_DAY }, { "星期", 7 * DW_DAY },
				     { "個星期", 7 * DW_DAY }, { "週", 7 * DW_DAY } };
static const struct unit counts[] = { { "one", 1 }, { "two", 2 }, { "three", 3 }, { "four", 4 }, { "five", 5 }, { "six", 6 },
				      { "seven", 7 }, { "一", 1 }, { "两", 2 }, { "二", 2 }, { "兩", 2 }, { "三", 3 },
				      { "四", 4 }, { "五", 5 }, { "六", 6 }, { "七", 7 } };

static bool one_of(const char **p, const struct unit *u, size_t n, int64_t *v)
{
	for (size_t i = 0; i < n; i++)
		if (take(p, u[i].word)) {
			*v = u[i].seconds;
			return true;
		}
	return false;
}

/* "2 days", "two days", "两天", "36小时" */
static bool words(const char **p, int64_t *out)
{
	const char *q = *p;
	int64_t count, unit;
	int v;

	if (number(&q, 4, &v) > 0)
		count = v;
	else if (!one_of(&q, counts, DW_COUNT(counts), &count))
		return false;
	q = dw_cmd_blanks(q);
	if (is_digit(*q) || !one_of(&q, units, DW_COUNT(units), &unit))
		return false;
	*out = count * unit;
	*p = q;
	return true;
}

int dw_cmd_span(const char **p, int64_t *out, enum dw_why *why)
{
	const char *q = *p;
	size_t n = strspn(q, "0123456789wdhms");
	char text[24];

	*why = DW_WHY_SPAN;
	if (is_digit(*q) && n < sizeof(text) && n > 1 && is_letter(q[n - 1]) && !is_letter(q[n]) && (!q[n] || !strchr("-/_", q[n]))) {
		memcpy(text, q, n);
		text[n] = '\0';
		if (dw_duration_parse(out, text, NULL) < 0)
			return 1;
		q += n;
	} else if (!words(&q, out))
		return 1;
	if (*out <= 0 || *out > SPAN_MAX * DW_DAY)
		return 2;
	*p = q;
	return 0;
}
