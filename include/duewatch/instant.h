/* Instants, civil time in a zone, and durations: how every date a feed or a person writes is read (rules.md §2,
 * "Instants") and shown. Pure: no clock is read here, a zone is a constant table the caller passes
 * (app/zone.c makes it from the system's tzdata). Nothing here allocates. */
#ifndef DUEWATCH_INSTANT_H
#define DUEWATCH_INSTANT_H

#include "duewatch/base.h"

typedef int64_t dw_time;     /* seconds since 1970-01-01T00:00:00Z */
#define DW_NEVER INT64_MAX   /* no such instant lies ahead */
#define DW_UNKNOWN INT64_MIN /* unknown instant */
/* 2000-01-01Z and, exclusive, 2100-01-01Z: an instant outside is refused where it is read (rules.md §2). */
#define DW_TIME_MIN INT64_C(946684800)
#define DW_TIME_MAX INT64_C(4102444800)

#define DW_DAY INT64_C(86400)

struct dw_transition {
	dw_time at;
	int32_t offset; /* from `at` on, local = UTC + offset, seconds */
	char abbrev[8]; /* "PST", "+0845" */
};

/* t[0].at = INT64_MIN, sorted, n >= 1; exact for every instant of DW_TIME_MIN..DW_TIME_MAX. */
struct dw_zone {
	const char *name; /* "America/Los_Angeles" */
	size_t n;
	const struct dw_transition *t;
};

extern const struct dw_zone dw_zone_utc;

/* A fingerprint of what the zone says (not of its name): it differs after an update of tzdata that moves anything. */
uint64_t dw_zone_hash(uint64_t h, const struct dw_zone *z);

struct dw_civil {
	int year, month, day, hour, minute, second, weekday; /* month, day from 1; weekday 0 = Sunday */
	int32_t offset;					     /* seconds east of UTC */
	const char *abbrev;				     /* borrowed from the zone */
};

/* t as the wall clock in z shows it. Years below 1 and above 9999 are shown as the nearest instant within. */
void dw_zone_civil(const struct dw_zone *z, dw_time t, struct dw_civil *out);

/* The instant at which clocks in z show this. In a spring gap: the first instant that exists; for a time that
 * occurs twice: the earlier (rules.md §2). DW_UNKNOWN if it is no date or time (second 0..59, hour 0..23). */
dw_time dw_zone_instant(const struct dw_zone *z, int y, int mo, int d, int h, int mi, int s);

/* Days since 1970-01-01 in the proleptic Gregorian calendar, years 1..9999. The caller passes a valid date. */
int32_t dw_day_number(int y, int m, int d);
void dw_day_civil(int32_t day, int *y, int *m, int *d);
int dw_day_weekday(int32_t day); /* 0 = Sunday */
bool dw_date_valid(int y, int m, int d);

int32_t dw_zone_day(const struct dw_zone *z, dw_time t); /* the local day t falls on */
dw_time dw_day_start(const struct dw_zone *z, int32_t day); /* 00:00:00, or the first second the day has */
/* 23:59:59, the earlier if it occurs twice, or the last second the day has (clocks going from 23:00 to 00:00). */
dw_time dw_day_end(const struct dw_zone *z, int32_t day);

enum dw_bare {
	DW_BARE_FIRST, /* a bare date is the day's first second */
	DW_BARE_LAST,  /* … its last (deadlines: promised_at, agreed_at, …; rules.md §2) */
};

/* Reads text in any form of rules.md §2:
 *   2026-11-23T15:59:00Z, …+08:00, …+0800, … UTC, … GMT       an instant by itself
 *   2026-11-23 15:59[:00[.5]], T or blanks between; / or . or 年月日 (时分秒) as separators; one-digit
 *   month, day, hour; 20261123155900[.5|500]; 20261123T155900   local time
 *   2026-11-23, 20261123                                       a bare date, local
 *   1795449600, 1795449600000                                  epoch seconds (10 digits), milliseconds (13)
 * Blanks around (ASCII, no-break, ideographic) and a spreadsheet's leading apostrophe are dropped, fractions of
 * a second cut. 24:00 and a leap second :60 are read as the second before, so the day stays the one written.
 * Local times are in z; with `other` (or NULL) also in that zone, and the earlier instant counts.
 * Returns 0; 1 if the text means "unknown" (empty, 0, -, 0000-00-00[…], zeros only): *out = DW_UNKNOWN;
 * -EINVAL with err saying what is wrong and what is allowed (also outside DW_TIME_MIN..DW_TIME_MAX).
 * *local_form (may be NULL): whether the zone mattered. text need not be UTF-8. */
int dw_instant_parse(dw_time *out, const char *text, const struct dw_zone *z, const struct dw_zone *other,
		     enum dw_bare bare, bool *local_form, struct dw_err *err);

void dw_instant_rfc3339(char out[32], dw_time t); /* "2026-11-23T00:00:00Z"; "never", "unknown" */

/* "90s" "15m" "6h" "2d" "1w" "1d12h": whole numbers, each with its unit, larger units first, each once;
 * at most 100 years (36525 days). "0s" is 0. Returns 0 or -EINVAL. */
int dw_duration_parse(int64_t *seconds, const char *text, struct dw_err *err);
/* The same notation with the largest units first and none that is 0: "1d12h", "7d" (weeks stay days), "0s"; a
 * negative one has a minus in front, which dw_duration_parse doesn't take. */
void dw_duration_text(char out[32], int64_t seconds);

#endif
