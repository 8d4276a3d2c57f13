/* days-off.h: events by libical, each given to it by itself (ical-pieces.c), their rules worked out as dates.
 *
 * libical's own time zones are not used (duewatch/zone-load.h says why); a VTIMEZONE only where tzdata lacks its name,
 * as with Outlook's, and only if its rules are plain ones. Zones matter here where a UTC time meets a local one: UNTIL,
 * and a DTEND, EXDATE or RECURRENCE-ID written otherwise than the DTSTART. */
#include "ical-impl.h"
#include "duewatch/quote.h"
#include "duewatch/zone-load.h"

#include <libical/ical.h>
#include <stdio.h>
#include <time.h>

enum {
	LENGTH_MAX = 366,	 /* days of one event */
	STEPS_MAX = 20000,	 /* recurrences of one rule looked at */
	ALL_STEPS_MAX = 400000,	 /* of all */
	LISTED_MAX = 5000,	 /* RDATE and EXDATE of one event */
	CPU_MAX_S = 2,
	OBSERVANCES_MAX = 16,
	UTC_SLACK_S = 7200,	 /* a whole day in UTC is 23 to 25 hours long */
};

struct zone {
	char *tzid; /* owned */
	struct dw_zone *iana; /* owned; NULL */
	icaltimezone *own;    /* owned; NULL */
};

struct event {
	char *uid; /* owned */
	int32_t first; /* local day, or day in UTC */
	int length;    /* days; of a UTC one 0 */
	bool utc;
	int64_t at, seconds; /* of a UTC one: time of the day it begins, and how long */
	int line;
	bool counts;   /* whole, and neither cancelled nor (if others aren't) free */
	bool free, recurs, override;
	int32_t instead; /* override: the day of the instance it replaces */
	bool instead_utc;
	struct icalrecurrencetype rule;
	struct dw_holidays extra, except; /* RDATE, EXDATE */
};

struct reading {
	struct dw_days_off *out;
	struct ical_pieces pieces;
	struct event *event;
	size_t n, cap;
	struct zone **zone; /* each by itself: frames point at them */
	size_t n_zone, cap_zone;
	int32_t from, to; /* days worked out */
	int64_t steps;
	struct timespec began;
	struct dw_err *err;
};

static void reading_fini(struct reading *rd)
{
	ical_pieces_fini(&rd->pieces);
	for (size_t i = 0; i < rd->n; i++) {
		free(rd->event[i].uid);
		dw_holidays_fini(&rd->event[i].extra);
		dw_holidays_fini(&rd->event[i].except);
	}
	free(rd->event);
	for (size_t i = 0; i < rd->n_zone; i++) {
		free(rd->zone[i]->tzid);
		dw_zone_free(rd->zone[i]->iana);
		if (rd->zone[i]->own)
			icaltimezone_free(rd->zone[i]->own, 1);
		free(rd->zone[i]);
	}
	free(rd->zone);
}

static void odd(struct reading *rd, int line, const char *why)
{
	if (rd->out->odd++ == 0)
		snprintf(rd->out->odd_why, sizeof(rd->out->odd_why), "line %d: %s", line, why);
}

/* ---- time zones ---- */

/* Only what a real zone's rules look like: "the last Sunday in March". */
static bool plain_rule(const icalproperty *p)
{
	struct icalrecurrencetype r = icalproperty_get_rrule(p);

	return r.freq == ICAL_YEARLY_RECURRENCE && !r.rscale && r.by_month[0] != ICAL_RECURRENCE_ARRAY_MAX &&
	       r.by_month[1] == ICAL_RECURRENCE_ARRAY_MAX && r.by_day[0] != ICAL_RECURRENCE_ARRAY_MAX &&
	       r.by_day[1] == ICAL_RECURRENCE_ARRAY_MAX && r.by_year_day[0] == ICAL_RECURRENCE_ARRAY_MAX &&
	       r.by_week_no[0] == ICAL_RECURRENCE_ARRAY_MAX && r.by_set_pos[0] == ICAL_RECURRENCE_ARRAY_MAX &&
	       r.by_hour[0] == ICAL_RECURRENCE_ARRAY_MAX && r.by_minute[0] == ICAL_RECURRENCE_ARRAY_MAX &&
	       r.by_second[0] == ICAL_RECURRENCE_ARRAY_MAX;
}

static bool plain_zone(icalcomponent *c)
{
	int n = 0;

	for (icalcomponent *o = icalcomponent_get_first_component(c, ICAL_ANY_COMPONENT); o;
	     o = icalcomponent_get_next_component(c, ICAL_ANY_COMPONENT), n++)
		for (icalproperty *p = icalcomponent_get_first_property(o, ICAL_RRULE_PROPERTY); p;
		     p = icalcomponent_get_next_property(o, ICAL_RRULE_PROPERTY))
			if (!plain_rule(p))
				return false;
	return n > 0 && n <= OBSERVANCES_MAX;
}

static icaltimezone *zone_of_file(struct reading *rd, const char *tzid)
{
	for (size_t i = 0; i < rd->pieces.n_zone; i++) {
		icalcomponent *c = icalparser_parse_string(rd->pieces.zone[i].text);
		icalproperty *p = c ? icalcomponent_get_first_property(c, ICAL_TZID_PROPERTY) : NULL;
		icaltimezone *z = NULL;

		if (p && dw_streq(icalproperty_get_tzid(p), tzid) && icalcomponent_isa(c) == ICAL_VTIMEZONE_COMPONENT &&
		    plain_zone(c) && (z = icaltimezone_new()) && icaltimezone_set_component(z, c))
			return z;
		if (z)
			icaltimezone_free(z, 1);
		if (c)
			icalcomponent_free(c);
	}
	return NULL;
}

/* "/example.org/20240101/Asia/Shanghai" ends in the name tzdata knows. */
static const char *last_two(const char *tzid)
{
	const char *slash = strrchr(tzid, '/'), *p = slash;

	while (p && p > tzid && p[-1] != '/')
		p--;
	return slash && p != slash ? p : tzid;
}

/* NULL: out of memory. A zone nobody knows has neither iana nor own. */
static struct zone *zone_of(struct reading *rd, const char *tzid)
{
	struct zone *z;
	struct dw_err err;

	for (size_t i = 0; i < rd->n_zone; i++)
		if (strcmp(rd->zone[i]->tzid, tzid) == 0)
			return rd->zone[i];
	if (dw_grow(&rd->zone, &rd->cap_zone, rd->n_zone + 1, sizeof(*rd->zone)) < 0)
		return NULL;
	z = dw_calloc(1, sizeof(*z));
	if (!z || !(z->tzid = dw_strdup(tzid))) {
		free(z);
		return NULL;
	}
	rd->zone[rd->n_zone++] = z;
	if (dw_zone_load(&z->iana, last_two(tzid), &err) < 0)
		z->own = zone_of_file(rd, tzid);
	return z;
}

static dw_time utc_of(struct icaltimetype t)
{
	return dw_day_number(t.year, t.month, t.day) * DW_DAY + t.hour * 3600 + t.minute * 60 + t.second;
}

/* A UTC time as z's clocks show it, in seconds; false: the zone isn't known. */
static bool to_local(const struct zone *z, struct icaltimetype t, int64_t *local)
{
	int dst;

	if (z && z->iana) {
		struct dw_civil c;

		dw_zone_civil(z->iana, utc_of(t), &c);
		*local = utc_of(t) + c.offset;
	} else if (z && z->own)
		*local = utc_of(t) + icaltimezone_get_utc_offset_of_utc_time(z->own, &t, &dst);
	else
		return false;
	return true;
}

/* ---- one event ---- */

static bool sound(struct icaltimetype t)
{
	return !icaltime_is_null_time(t) && dw_date_valid(t.year, t.month, t.day) && t.year >= 1900 && t.year <= 2200 &&
	       (t.is_date || (t.hour >= 0 && t.hour < 24 && t.minute >= 0 && t.minute < 60 && t.second >= 0 && t.second <= 60));
}

static int32_t day_of(int64_t seconds)
{
	return (int32_t)(seconds / DW_DAY - (seconds % DW_DAY < 0));
}

static const char *tzid_of(icalproperty *p)
{
	icalparameter *x = icalproperty_get_first_parameter(p, ICAL_TZID_PARAMETER);

	return x ? icalparameter_get_tzid(x) : NULL;
}

/* How an event's times are written. */
struct frame {
	bool date, utc;
	const struct zone *zone; /* of TZID; NULL: floating */
};

/* t, of property p, in seconds of the frame's clock. 0; 1: can't be. */
static int in_frame(struct reading *rd, const struct frame *f, icalproperty *p, struct icaltimetype t, int64_t *out)
{
	const char *tzid = p ? tzid_of(p) : NULL;

	if (!sound(t))
		return 1;
	*out = utc_of(t);
	if (t.is_date || f->date)
		return 0;
	if (icaltime_is_utc(t) == f->utc && (f->utc || !tzid || (f->zone && strcmp(f->zone->tzid, tzid) == 0)))
		return 0;
	if (icaltime_is_utc(t))
		return f->zone && to_local(f->zone, t, out) ? 0 : 1;
	if (tzid) { /* another zone's: by way of UTC */
		struct zone *z = zone_of(rd, tzid);
		dw_time utc;

		if (!z)
			return dw_err_oom(rd->err);
		if (!z->iana)
			return 1;
		utc = dw_zone_instant(z->iana, t.year, t.month, t.day, t.hour, t.minute, t.second);
		if (utc == DW_UNKNOWN)
			return 1;
		*out = utc;
		if (f->utc)
			return 0;
		if (!f->zone || !f->zone->iana)
			return 1;
		struct dw_civil c;

		dw_zone_civil(f->zone->iana, utc, &c);
		*out = utc + c.offset;
		return 0;
	}
	return f->utc || !f->zone ? 1 : 0;
}

static int64_t seconds_of(struct icaldurationtype d)
{
	int64_t s = ((int64_t)d.weeks * 7 + d.days) * DW_DAY + (int64_t)d.hours * 3600 + (int64_t)d.minutes * 60 + d.seconds;

	return d.is_neg ? -s : s;
}

/* Where the event ends, in the frame's seconds. 0; 1: nowhere; -ENOMEM. */
static int end_of(struct reading *rd, icalcomponent *c, const struct frame *f, int64_t start, int64_t *end)
{
	icalproperty *p = icalcomponent_get_first_property(c, ICAL_DTEND_PROPERTY);

	if (p)
		return in_frame(rd, f, p, icalproperty_get_dtend(p), end);
	p = icalcomponent_get_first_property(c, ICAL_DURATION_PROPERTY);
	if (!p) {
		*end = start + (f->date ? DW_DAY : 0);
		return 0;
	}
	*end = start + seconds_of(icalproperty_get_duration(p));
	return 0;
}

/* From midnight to midnight: its days. False: it isn't that. */
static bool whole(struct event *e, const struct frame *f, int64_t start, int64_t end)
{
	int64_t over = (end % DW_DAY + DW_DAY) % DW_DAY;

	e->first = day_of(start);
	if (f->utc) {
		e->utc = true;
		e->at = start - (int64_t)e->first * DW_DAY;
		e->seconds = end - start;
		return (e->seconds + UTC_SLACK_S) / DW_DAY >= 1 && (e->seconds + UTC_SLACK_S) % DW_DAY <= 2 * UTC_SLACK_S;
	}
	if (f->date) {
		e->length = day_of(end + DW_DAY - 1) - e->first; /* a DURATION in hours of a date: the day it begins */
		return e->length > 0;
	}
	e->length = day_of(end) - e->first + (over >= DW_DAY - 60);
	return start == (int64_t)e->first * DW_DAY && (over == 0 || over >= DW_DAY - 60) && e->length > 0;
}

static int listed(struct reading *rd, icalcomponent *c, const struct frame *f, bool extra, struct dw_holidays *h, bool *bad)
{
	icalproperty_kind kind = extra ? ICAL_RDATE_PROPERTY : ICAL_EXDATE_PROPERTY;
	int n = 0, r = 0;

	for (icalproperty *p = icalcomponent_get_first_property(c, kind); p && r >= 0; p = icalcomponent_get_next_property(c, kind)) {
		struct icaldatetimeperiodtype both = { 0 };
		struct icaltimetype t;
		int64_t s;

		if (extra)
			both = icalproperty_get_rdate(p);
		t = !extra ? icalproperty_get_exdate(p) : icaltime_is_null_time(both.time) ? both.period.start : both.time;
		r = n++ >= LISTED_MAX ? 1 : in_frame(rd, f, p, t, &s);
		*bad |= r > 0;
		if (r == 0 && day_of(s) >= rd->from - LENGTH_MAX && day_of(s) <= rd->to)
			r = dw_holidays_put(h, (struct dw_days){ day_of(s), day_of(s) }, rd->err);
		if (r == -EINVAL)
			*bad = true, r = 0;
	}
	return r < 0 ? r : 0;
}

/* The event's rule as one of dates; false: it isn't one for whole days. */
static bool take_rule(struct reading *rd, struct event *e, const struct frame *f, icalproperty *p)
{
	struct icalrecurrencetype r = icalproperty_get_rrule(p);
	int64_t until;

	if (r.freq < ICAL_DAILY_RECURRENCE || r.freq > ICAL_YEARLY_RECURRENCE || (r.rscale && strcasecmp(r.rscale, "GREGORIAN") != 0))
		return false;
	r.rscale = NULL; /* the property's */
	r.by_hour[0] = r.by_minute[0] = r.by_second[0] = ICAL_RECURRENCE_ARRAY_MAX;
	if (!icaltime_is_null_time(r.until)) {
		if (!sound(r.until)) /* beyond the years we know: none */
			r.until = icaltime_null_time();
		else {
			if (in_frame(rd, f, NULL, r.until, &until) != 0)
				until = utc_of(r.until);
			r.until.is_date = 1;
			r.until.zone = NULL;
			dw_day_civil(day_of(until), &r.until.year, &r.until.month, &r.until.day);
			r.until.hour = r.until.minute = r.until.second = 0;
		}
	}
	e->rule = r;
	e->recurs = true;
	return true;
}

static int take_override(struct reading *rd, struct event *e, const struct frame *f, icalproperty *p)
{
	struct icaltimetype t = icalproperty_get_recurrenceid(p);
	const char *tzid = tzid_of(p);
	struct frame own = *f;
	int64_t s;
	int r;

	/* the instance is named as the series counts it: in the zone written here, or the event's own */
	if (!t.is_date && !icaltime_is_utc(t) && tzid) {
		own.zone = zone_of(rd, tzid);
		own.utc = false;
		if (!own.zone)
			return dw_err_oom(rd->err);
	}
	r = in_frame(rd, &own, p, t, &s);
	if (r == 0) {
		e->override = true;
		e->instead = day_of(s);
	}
	return r;
}

/* Statuses; what is odd says so by itself. Whatever becomes of an override, the instance it replaces is gone. */
static int judge(struct reading *rd, icalcomponent *c, struct event *e, const struct frame *f, int line)
{
	icalproperty *status = icalcomponent_get_first_property(c, ICAL_STATUS_PROPERTY);
	icalproperty *transp = icalcomponent_get_first_property(c, ICAL_TRANSP_PROPERTY);
	icalproperty *start = icalcomponent_get_first_property(c, ICAL_DTSTART_PROPERTY);
	icalproperty *rule = icalcomponent_get_first_property(c, ICAL_RRULE_PROPERTY);
	int64_t from, to;
	bool bad = false;
	int r = in_frame(rd, f, start, icalproperty_get_dtstart(start), &from);

	if (r == 0)
		r = end_of(rd, c, f, from, &to);
	if (r < 0)
		return r;
	if (r == 0 && f->date && to == from) /* not as it should be written, but meant: that day */
		to += DW_DAY;
	if (r > 0 || to < from || to - from > LENGTH_MAX * DW_DAY) {
		odd(rd, line, r > 0 ? "its times can't be told" : to < from ? "it ends before it begins" : "it is over 366 days long");
		return 0;
	}
	if (status && icalproperty_get_status(status) == ICAL_STATUS_CANCELLED) {
		rd->out->cancelled++;
		return 0;
	}
	if (!whole(e, f, from, to)) {
		rd->out->timed++;
		return 0;
	}
	e->free = transp && (icalproperty_get_transp(transp) == ICAL_TRANSP_TRANSPARENT ||
			     icalproperty_get_transp(transp) == ICAL_TRANSP_TRANSPARENTNOCONFLICT);
	if (rule && !take_rule(rd, e, f, rule)) {
		odd(rd, line, "a rule that whole days don't follow: FREQ is DAILY, WEEKLY, MONTHLY or YEARLY");
		return 0;
	}
	r = listed(rd, c, f, true, &e->extra, &bad);
	if (r == 0)
		r = listed(rd, c, f, false, &e->except, &bad);
	if (bad)
		odd(rd, line, "one of its RDATE or EXDATE can't be told");
	e->counts = r == 0;
	return r;
}

static int read_event(struct reading *rd, icalcomponent *c, int line)
{
	icalproperty *start = icalcomponent_get_first_property(c, ICAL_DTSTART_PROPERTY);
	icalproperty *uid = icalcomponent_get_first_property(c, ICAL_UID_PROPERTY);
	icalproperty *instead = icalcomponent_get_first_property(c, ICAL_RECURRENCEID_PROPERTY);
	const char *tzid = start ? tzid_of(start) : NULL;
	struct icaltimetype t = start ? icalproperty_get_dtstart(start) : icaltime_null_time();
	struct frame f = { .date = t.is_date, .utc = icaltime_is_utc(t) };
	struct event *e;
	int r;

	rd->out->events++;
	if (!start || !sound(t)) {
		odd(rd, line, "an event without a DTSTART that can be told");
		return 0;
	}
	if (tzid && !f.date && !f.utc && !(f.zone = zone_of(rd, tzid)))
		return dw_err_oom(rd->err);
	if (dw_grow(&rd->event, &rd->cap, rd->n + 1, sizeof(*rd->event)) < 0)
		return dw_err_oom(rd->err);
	e = &rd->event[rd->n++];
	*e = (struct event){ .line = line };
	e->uid = dw_strdup(uid && icalproperty_get_uid(uid) ? icalproperty_get_uid(uid) : "");
	if (!e->uid)
		return dw_err_oom(rd->err);
	if (instead) {
		r = take_override(rd, e, &f, instead);
		if (r > 0)
			odd(rd, line, "a RECURRENCE-ID that can't be told");
		if (r < 0)
			return r;
	}
	return judge(rd, c, e, &f, line);
}

static bool spent(const struct reading *rd)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec - rd->began.tv_sec >= CPU_MAX_S;
}

static int too_long(struct reading *rd)
{
	return dw_err_set(rd->err, -EINVAL, "its repeating events take too long to work out");
}

static int read_events(struct reading *rd)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < rd->pieces.n_event; i++) {
		icalcomponent *c = icalparser_parse_string(rd->pieces.event[i].text);

		if (c && icalcomponent_isa(c) == ICAL_VEVENT_COMPONENT)
			r = read_event(rd, c, rd->pieces.event[i].line);
		else
			odd(rd, rd->pieces.event[i].line, "an event that can't be read");
		if (c)
			icalcomponent_free(c);
		if (r == 0 && i % 64 == 0 && spent(rd))
			r = too_long(rd);
	}
	return r;
}

/* ---- working out ---- */

static int by_uid(const void *a, const void *b)
{
	const struct event *const *x = a, *const *y = b;

	return strcmp((*x)->uid, (*y)->uid);
}

/* Instances that an event of their own replaces. */
static int replace(struct reading *rd)
{
	struct event **list = dw_calloc(rd->n ? rd->n : 1, sizeof(struct event *));
	int r = 0;

	if (!list)
		return dw_err_oom(rd->err);
	for (size_t i = 0; i < rd->n; i++)
		list[i] = &rd->event[i];
	qsort(list, rd->n, sizeof(*list), by_uid);
	for (size_t i = 0, k; r == 0 && i < rd->n; i = k) {
		struct event *series = NULL;

		for (k = i; k < rd->n && strcmp(list[k]->uid, list[i]->uid) == 0; k++)
			if (list[k]->recurs && !list[k]->override)
				series = list[k];
		for (size_t j = i; series && *series->uid && r == 0 && j < k; j++)
			if (list[j]->override && list[j]->instead >= rd->from - LENGTH_MAX && list[j]->instead <= rd->to)
				r = dw_holidays_put(&series->except, (struct dw_days){ list[j]->instead, list[j]->instead }, rd->err);
	}
	free(list);
	return r;
}

static int put_span(struct dw_days_off *d, struct dw_span_off s, struct dw_err *err)
{
	if (d->n_span >= DW_ICAL_EVENTS_MAX)
		return dw_err_set(err, -EINVAL, "more than %d days", DW_ICAL_EVENTS_MAX);
	if (dw_grow(&d->span, &d->cap_span, d->n_span + 1, sizeof(*d->span)) < 0)
		return dw_err_oom(err);
	d->span[d->n_span++] = s;
	return 0;
}

/* One instance, which begins on `day`. */
static int instance(struct reading *rd, const struct event *e, int32_t day)
{
	int32_t last = day + (e->utc ? (int32_t)(e->seconds / DW_DAY) + 1 : e->length - 1);
	dw_time at = day * DW_DAY + e->at;

	if (last < rd->from || day > rd->to || dw_holidays_has(&e->except, day))
		return 0;
	return e->utc ? put_span(rd->out, (struct dw_span_off){ at, at + e->seconds }, rd->err)
		      : dw_holidays_put(&rd->out->days, (struct dw_days){ day, last }, rd->err);
}

static int repeat(struct reading *rd, const struct event *e)
{
	struct icaltimetype t = { .is_date = 1 }; /* icaltime_null_date has hours of -1, which shift weeks */
	icalrecur_iterator *it;
	int r = 0, n = 0;

	dw_day_civil(e->first, &t.year, &t.month, &t.day);
	it = icalrecur_iterator_new(e->rule, t);
	if (!it) {
		odd(rd, e->line, "a rule (RRULE) that contradicts itself");
		return spent(rd) ? too_long(rd) : instance(rd, e, e->first); /* seeing that may take it long */
	}
	for (t = icalrecur_iterator_next(it); r == 0 && !icaltime_is_null_time(t); t = icalrecur_iterator_next(it)) {
		int32_t day;

		if (t.year < 1 || t.year > 9999 || !dw_date_valid(t.year, t.month, t.day))
			break;
		day = dw_day_number(t.year, t.month, t.day);
		if (day > rd->to)
			break;
		if (++n > STEPS_MAX) {
			odd(rd, e->line, "a rule (RRULE) that repeats too often");
			break;
		}
		if (++rd->steps > ALL_STEPS_MAX || (n % 64 == 0 && spent(rd)))
			r = too_long(rd);
		else
			r = instance(rd, e, day);
	}
	icalrecur_iterator_free(it);
	return r == 0 && spent(rd) ? too_long(rd) : r;
}

static int work_out(struct reading *rd)
{
	bool busy = false; /* somebody's time isn't left free */
	int r = replace(rd);

	for (size_t i = 0; i < rd->n; i++)
		busy |= rd->event[i].counts && !rd->event[i].free;
	for (size_t i = 0; r == 0 && i < rd->n; i++) {
		const struct event *e = &rd->event[i];

		if (!e->counts)
			continue;
		if (e->free && busy) {
			rd->out->free++;
			continue;
		}
		rd->out->whole++;
		/* libical leaves DTSTART out where it doesn't match the rule; for RFC 5545 it always is the first instance */
		r = instance(rd, e, e->first);
		if (r == 0 && e->recurs && !e->override)
			r = repeat(rd, e);
		for (size_t k = 0; r == 0 && k < e->extra.n; k++)
			for (int32_t d = e->extra.range[k].first; r == 0 && d <= e->extra.range[k].last; d++)
				r = instance(rd, e, d);
	}
	return r;
}

static void days_window(struct reading *rd, dw_time now)
{
	struct dw_civil c;

	/* whole years: what is worked out doesn't change from one day to the next */
	dw_zone_civil(&dw_zone_utc, now, &c);
	rd->from = dw_day_number(c.year - 1, 1, 1);
	rd->to = dw_day_number(c.year + 3, 12, 31);
}

int dw_days_off_read(struct dw_days_off *out, const char *text, size_t n, dw_time now, struct dw_err *err)
{
	struct dw_days_off d = { 0 };
	struct reading rd = { .out = &d, .err = err };
	int r = ical_pieces_read(&rd.pieces, text, n, err);

	icalerror_set_errors_are_fatal(0);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &rd.began);
	days_window(&rd, now);
	if (r == 0)
		r = read_events(&rd);
	if (r == 0)
		r = work_out(&rd);
	reading_fini(&rd);
	if (r < 0) {
		dw_days_off_fini(&d);
		return r;
	}
	dw_quote_line(d.odd_why);
	*out = d;
	return 0;
}
