/* Working days: how the last safe moment to file (F, rules.md §3) and the daily mail (§5) are counted. */
#ifndef DUEWATCH_CALENDAR_H
#define DUEWATCH_CALENDAR_H

#include "duewatch/instant.h"

/* A working week is a bit mask, bit 0 = Sunday … bit 6 = Saturday. */
#define DW_WEEKDAY(d) (1u << (d))
#define DW_MON_FRI 0x3Eu
#define DW_EVERY_DAY 0x7Fu

struct dw_days {
	int32_t first, last; /* day numbers, both included */
};

/* Zero-initialise. Sorted; ranges that touch or overlap are one. */
struct dw_holidays {
	struct dw_days *range; /* owned */
	size_t n, cap;
};

/* text: "2027-02-06..2027-02-12" or one date, blanks allowed around each; at most 366 days a range.
 * Returns 0, -EINVAL with what is allowed, -ENOMEM. */
int dw_holidays_add(struct dw_holidays *h, const char *text, struct dw_err *err);
/* The same by day numbers; first <= last. Of any length, for one range out of many pieces. -EINVAL: too many ranges. */
int dw_holidays_put(struct dw_holidays *h, struct dw_days days, struct dw_err *err);
void dw_holidays_fini(struct dw_holidays *h);
bool dw_holidays_has(const struct dw_holidays *h, int32_t day); /* h may be NULL: no holidays */

/* In the week and no holiday. */
bool dw_day_works(int32_t day, unsigned week, const struct dw_holidays *h);

/* t moved back n working days, at the same local time (rules.md §3, F): the n-th working day before t's own local
 * day, whether or not that day is one itself. n <= 0: t. DW_UNKNOWN if t is, or if ten years hold too few. */
dw_time dw_working_days_back(const struct dw_zone *z, dw_time t, int n, unsigned week, const struct dw_holidays *h);

/* The next instant > t, and the last <= t, at which it is minute_of_day (0..1439) local on a working day. In a
 * gap it is the first that exists, of two the earlier. DW_NEVER / DW_UNKNOWN if there is none within a year. */
dw_time dw_daily_next(const struct dw_zone *z, dw_time t, int minute_of_day, unsigned week,
		      const struct dw_holidays *h);
dw_time dw_daily_last(const struct dw_zone *z, dw_time t, int minute_of_day, unsigned week,
		      const struct dw_holidays *h);

/* ---- working time of one person ---- */

enum { DW_SPANS_MAX = 4 };

/* Hours of a working day as local minutes, 0..1440; parted and in order (a lunch break is between two). n 0: none are
 * given, and nothing is known of when the person works. */
struct dw_hours {
	size_t n;
	struct dw_span {
		int16_t from, to; /* from < to */
	} span[DW_SPANS_MAX];
};

struct dw_working {
	const struct dw_zone *zone;
	unsigned week;			/* bit mask */
	const struct dw_holidays *off;	/* days off; NULL: none */
	const struct dw_hours *hours;
};

/* The last working instant <= t: t itself within working time (its last moment, 18:00:00, belongs to it), else the end
 * of the working time before. t where there is none within 14 days before it, or no hours are given. */
dw_time dw_working_last(const struct dw_working *w, dw_time t);
/* The first working instant >= t, likewise; t where there is none within a year. */
dw_time dw_working_next(const struct dw_working *w, dw_time t);
enum { DW_WORKING_BACK_S = 14 * 86400 };

#endif
