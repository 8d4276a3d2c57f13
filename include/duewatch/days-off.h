/* Days off out of iCalendar data (RFC 5545): files, and copies of what a URL gave. libical lives in app/ical.c.
 *
 * A day off is a day that an event covers whole: an all-day event (DTSTART as a DATE), or one from midnight to midnight
 * (23:59 will do) in its own time zone. One written in UTC counts where it goes from midnight to midnight in the
 * reader's zone. Recurring events (RRULE, RDATE, EXDATE, RECURRENCE-ID) are worked out from the first day of the last
 * year to the end of the third year ahead. Not counted: STATUS:CANCELLED; events of hours; and those that leave the time free
 * (TRANSP:TRANSPARENT) - but where every whole-day event of a calendar does, as in the lists of public holidays that
 * Google and Apple publish, all of them count. */
#ifndef DUEWATCH_DAYS_OFF_H
#define DUEWATCH_DAYS_OFF_H

#include "duewatch/calendar.h"

enum { DW_ICAL_SIZE_MAX = 1 << 20, DW_ICAL_EVENTS_MAX = 5000 };

struct dw_span_off {
	dw_time from, to;
};

/* What a calendar says. */
struct dw_days_off {
	struct dw_holidays days;   /* local days */
	struct dw_span_off *span;  /* whole days of some zone, written in UTC; owned */
	size_t n_span, cap_span;
	/* for people: how many events of which kind */
	int events, whole, timed, cancelled, free;
	int odd;	      /* not understood, and left out */
	char odd_why[120];    /* the first of them; "" */
};

/* Reads the text of a calendar. 0; -EINVAL: it is none, or beyond a limit (1 MiB, 5000 events, seconds of work), with
 * what and where; -ENOMEM. May run on any thread. On failure *out is untouched. */
int dw_days_off_read(struct dw_days_off *out, const char *text, size_t n, dw_time now, struct dw_err *err);
/* The same from a file; other < 0: it can't be read. Blocks on the disk. */
int dw_days_off_load(struct dw_days_off *out, const char *path, dw_time now, struct dw_err *err);
void dw_days_off_fini(struct dw_days_off *d);
bool dw_days_off_same(const struct dw_days_off *a, const struct dw_days_off *b); /* the same days */

/* Adds what the calendar says to h, for somebody in zone z. */
int dw_days_off_put(struct dw_holidays *h, const struct dw_days_off *d, const struct dw_zone *z, struct dw_err *err);

/* How many of the days first..last are off. */
int dw_holidays_count(const struct dw_holidays *h, int32_t first, int32_t last);

#endif
