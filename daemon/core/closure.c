/* closure.h */
#include "duewatch/closure.h"

enum { AHEAD = 160, LONGEST = 800, BACK_MAX = 400, MINUTE = 8 * 60 + 30 };

struct counting {
	struct dw_working w;
	int minute; /* of the day, of the notices */
};

static bool works(const struct counting *c, int32_t day)
{
	return dw_day_works(day, c->w.week, c->w.off);
}

static dw_time at_minute(const struct dw_zone *z, int32_t day, int minute)
{
	int y, m, d;

	dw_day_civil(day, &y, &m, &d);
	return dw_zone_instant(z, y, m, d, minute / 60, minute % 60, 0);
}

/* When the notice `before` working days ahead comes; DW_UNKNOWN: so many there aren't. */
static dw_time notice(const struct counting *c, int32_t first, int before)
{
	int32_t day = first;

	for (int i = 0; before > 0; i++) {
		if (i == BACK_MAX)
			return DW_UNKNOWN;
		if (works(c, --day))
			before--;
	}
	return at_minute(c->w.zone, day, c->minute);
}

/* The run of days not worked that begins on `first`; false: it is no closure. */
static bool closure_at(const struct counting *c, int32_t first, struct dw_closure *out)
{
	bool off = false;
	int32_t day = first;

	for (; day - first < LONGEST && !works(c, day); day++)
		off |= (c->w.week & DW_WEEKDAY((unsigned)dw_day_weekday(day))) != 0;
	if (day - first < DW_CLOSURE_DAYS || !off)
		return false;
	*out = (struct dw_closure){ .first = first, .last = day - 1, .at = DW_UNKNOWN };
	out->from = dw_working_last(&c->w, dw_day_start(c->w.zone, first) - 1);
	out->to = dw_working_next(&c->w, dw_day_start(c->w.zone, day));
	if (c->w.hours->n == 0)
		out->from = dw_day_start(c->w.zone, first);
	return true;
}

static void sooner(dw_time *next, dw_time at, dw_time now)
{
	if (at != DW_UNKNOWN && at > now && at < *next)
		*next = at;
}

size_t dw_closures_ahead(const struct dw_people *people, int person, dw_time now, struct dw_closure out[DW_CLOSURES_MAX],
			 dw_time *next)
{
	const struct dw_person *p = &people->p[person];
	struct counting c = { .w = dw_people_working(people, person),
			      .minute = p->daily_minute >= 0 ? p->daily_minute : p->hours.n ? p->hours.span[0].from : MINUTE };
	int32_t today, day;
	size_t n = 0;

	*next = DW_NEVER;
	if (p->off.n == 0 || !c.w.week || !p->zone || now <= DW_TIME_MIN || now >= DW_TIME_MAX)
		return 0;
	today = dw_zone_day(p->zone, now);
	for (day = today + 1; day <= today + AHEAD && n < DW_CLOSURES_MAX; day++) {
		struct dw_closure *x = &out[n];
		dw_time early, late;

		if (works(&c, day) || !works(&c, day - 1) || !closure_at(&c, day, x))
			continue;
		early = notice(&c, x->first, DW_CLOSURE_EARLY);
		late = notice(&c, x->first, DW_CLOSURE_LATE);
		if (late != DW_UNKNOWN && late <= now) {
			x->before = DW_CLOSURE_LATE;
			x->at = late;
		} else if (early != DW_UNKNOWN && early <= now) {
			x->before = DW_CLOSURE_EARLY;
			x->at = early;
		}
		sooner(next, early, now);
		sooner(next, late, now);
		day = x->last;
		n++;
	}
	/* far ahead something new may come into sight */
	sooner(next, dw_day_start(p->zone, today + 14), now);
	return n;
}
