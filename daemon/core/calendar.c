/* calendar.h: holidays and working days. */
#include "duewatch/calendar.h"

#include "duewatch/quote.h"

enum {
	HOLIDAYS_MAX = 4096,	  /* ranges */
	RANGE_MAX = 366,	  /* days in one */
	BACK_MAX = 3653,	  /* ten years back, then there is no such working day */
	DAILY_MAX = 367,	  /* days looked at for the daily mail */
	YEAR_FIRST = 2000,
	YEAR_LAST = 2099,
};

/* "2027-02-06" and nothing looser: this is a config file's notation. */
static bool date(const char **pp, int32_t *day)
{
	static const char form[] = "dddd-dd-dd";
	const char *p = *pp;
	int v[3] = { 0, 0, 0 }, field = 0;

	for (const char *f = form; *f; f++, p++) {
		if (*f == '-') {
			if (*p != '-')
				return false;
			field++;
		} else if (*p >= '0' && *p <= '9')
			v[field] = v[field] * 10 + (*p - '0');
		else
			return false;
	}
	if (v[0] < YEAR_FIRST || v[0] > YEAR_LAST || !dw_date_valid(v[0], v[1], v[2]))
		return false;
	*day = dw_day_number(v[0], v[1], v[2]);
	*pp = p;
	return true;
}

static void blanks(const char **pp)
{
	while (**pp == ' ' || **pp == '\t')
		(*pp)++;
}

static bool range(const char *p, struct dw_days *out)
{
	blanks(&p);
	if (!date(&p, &out->first))
		return false;
	out->last = out->first;
	blanks(&p);
	if (p[0] == '.' && p[1] == '.') {
		p += 2;
		blanks(&p);
		if (!date(&p, &out->last))
			return false;
		blanks(&p);
	}
	return *p == '\0';
}

/* The first range that ends on `day` or later. */
static size_t first_ending(const struct dw_holidays *h, int32_t day)
{
	size_t lo = 0, hi = h->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (h->range[mid].last < day)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int dw_holidays_add(struct dw_holidays *h, const char *text, struct dw_err *err)
{
	char q[DW_QUOTE_SIZE];
	struct dw_days d;

	if (!range(text, &d))
		return dw_err_set(err, -EINVAL,
				  "\"%s\" is no holiday: write 2027-02-06 or 2027-02-06..2027-02-12, years %d to %d",
				  dw_quote(q, text), YEAR_FIRST, YEAR_LAST);
	if (d.last < d.first)
		return dw_err_set(err, -EINVAL, "\"%s\" ends before it begins", dw_quote(q, text));
	if (d.last - d.first >= RANGE_MAX)
		return dw_err_set(err, -EINVAL, "\"%s\" is over %d days long", dw_quote(q, text), RANGE_MAX);
	return dw_holidays_put(h, d, err);
}

int dw_holidays_put(struct dw_holidays *h, struct dw_days d, struct dw_err *err)
{
	size_t at, end;
	int r;

	/* everything that touches d, at..end, becomes one with it */
	at = first_ending(h, d.first - 1);
	for (end = at; end < h->n && h->range[end].first <= d.last + 1; end++) {
		if (h->range[end].first < d.first)
			d.first = h->range[end].first;
		if (h->range[end].last > d.last)
			d.last = h->range[end].last;
	}
	if (end == at) {
		if (h->n >= HOLIDAYS_MAX)
			return dw_err_set(err, -EINVAL, "more than %d holidays", HOLIDAYS_MAX);
		r = dw_grow(&h->range, &h->cap, h->n + 1, sizeof(*h->range));
		if (r < 0)
			return dw_err_oom(err);
		memmove(h->range + at + 1, h->range + at, (h->n - at) * sizeof(*h->range));
		h->n++;
	} else {
		memmove(h->range + at + 1, h->range + end, (h->n - end) * sizeof(*h->range));
		h->n -= end - at - 1;
	}
	h->range[at] = d;
	return 0;
}

void dw_holidays_fini(struct dw_holidays *h)
{
	free(h->range);
	*h = (struct dw_holidays){ 0 };
}

bool dw_holidays_has(const struct dw_holidays *h, int32_t day)
{
	size_t i;

	if (!h || h->n == 0)
		return false;
	i = first_ending(h, day);
	return i < h->n && h->range[i].first <= day;
}

bool dw_day_works(int32_t day, unsigned week, const struct dw_holidays *h)
{
	return (week & DW_WEEKDAY((unsigned)dw_day_weekday(day))) && !dw_holidays_has(h, day);
}

dw_time dw_working_days_back(const struct dw_zone *z, dw_time t, int n, unsigned week, const struct dw_holidays *h)
{
	struct dw_civil c;
	int32_t day;
	int y, m, d;

	if (t == DW_UNKNOWN || t == DW_NEVER || n <= 0)
		return t;
	dw_zone_civil(z, t, &c);
	day = dw_day_number(c.year, c.month, c.day);
	for (int i = 0; n > 0; i++) {
		if (i == BACK_MAX)
			return DW_UNKNOWN;
		if (dw_day_works(--day, week, h))
			n--;
	}
	dw_day_civil(day, &y, &m, &d);
	return dw_zone_instant(z, y, m, d, c.hour, c.minute, c.second);
}

static dw_time at_minute(const struct dw_zone *z, int32_t day, int minute)
{
	int y, m, d;

	dw_day_civil(day, &y, &m, &d);
	return dw_zone_instant(z, y, m, d, minute / 60, minute % 60, 0);
}

/* Both begin a day early or late: a gap can put one day's time into the next. */
dw_time dw_daily_next(const struct dw_zone *z, dw_time t, int minute_of_day, unsigned week, const struct dw_holidays *h)
{
	int32_t day = dw_zone_day(z, t) - 1;

	for (int i = 0; i <= DAILY_MAX; i++, day++) {
		dw_time at = dw_day_works(day, week, h) ? at_minute(z, day, minute_of_day) : DW_UNKNOWN;

		if (at != DW_UNKNOWN && at > t)
			return at;
	}
	return DW_NEVER;
}

dw_time dw_daily_last(const struct dw_zone *z, dw_time t, int minute_of_day, unsigned week, const struct dw_holidays *h)
{
	int32_t day = dw_zone_day(z, t) + 1;

	for (int i = 0; i <= DAILY_MAX; i++, day--) {
		dw_time at = dw_day_works(day, week, h) ? at_minute(z, day, minute_of_day) : DW_UNKNOWN;

		if (at != DW_UNKNOWN && at <= t)
			return at;
	}
	return DW_UNKNOWN;
}

/* ---- working time ---- */

/* The span on this day in instants; false: it has none (a spring gap swallowed it). 24:00 is the next day's start. */
static bool span_on(const struct dw_working *w, int32_t day, const struct dw_span *s, dw_time *from, dw_time *to)
{
	*from = at_minute(w->zone, day, s->from);
	*to = s->to >= 1440 ? at_minute(w->zone, day + 1, s->to - 1440) : at_minute(w->zone, day, s->to);
	return *from != DW_UNKNOWN && *to != DW_UNKNOWN && *from <= *to;
}

static bool known_hours(const struct dw_working *w, dw_time t)
{
	return w->hours && w->hours->n > 0 && w->zone && t > DW_TIME_MIN && t < DW_TIME_MAX;
}

dw_time dw_working_last(const struct dw_working *w, dw_time t)
{
	int32_t day;

	if (!known_hours(w, t))
		return t;
	day = dw_zone_day(w->zone, t) + 1; /* a gap can put one day's time into the next */
	for (int i = 0; i <= DW_WORKING_BACK_S / 86400 + 2; i++, day--) {
		if (!dw_day_works(day, w->week, w->off))
			continue;
		for (size_t k = w->hours->n; k-- > 0;) {
			dw_time from, to;

			if (!span_on(w, day, &w->hours->span[k], &from, &to) || from > t)
				continue;
			if (to > t)
				to = t;
			return t - to <= DW_WORKING_BACK_S ? to : t;
		}
	}
	return t;
}

dw_time dw_working_next(const struct dw_working *w, dw_time t)
{
	int32_t day;

	if (!known_hours(w, t))
		return t;
	day = dw_zone_day(w->zone, t) - 1;
	for (int i = 0; i <= DAILY_MAX; i++, day++) {
		if (!dw_day_works(day, w->week, w->off))
			continue;
		for (size_t k = 0; k < w->hours->n; k++) {
			dw_time from, to;

			if (span_on(w, day, &w->hours->span[k], &from, &to) && to >= t)
				return from > t ? from : t;
		}
	}
	return t;
}
