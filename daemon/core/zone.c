/* instant.h: days, and local time by a zone's table of transitions. */
#include "duewatch/instant.h"

/* Years 0001..9999: what a civil date can show, so no arithmetic here can overflow. */
#define CIVIL_MIN INT64_C(-62135596800)
#define CIVIL_MAX INT64_C(253402300799)
/* No zone was ever further from UTC than this, so a local time's instant lies within it around "as if UTC". */
#define OFFSET_MAX (26 * 3600)

static const struct dw_transition utc_only[] = { { .at = INT64_MIN, .offset = 0, .abbrev = "UTC" } };
const struct dw_zone dw_zone_utc = { .name = "UTC", .n = 1, .t = utc_only };

uint64_t dw_zone_hash(uint64_t h, const struct dw_zone *z)
{
	for (size_t i = 0; i < z->n; i++) {
		h = dw_hash(h, &z->t[i].at, sizeof(z->t[i].at));
		h = dw_hash(h, &z->t[i].offset, sizeof(z->t[i].offset));
		h = dw_hash_str(h, z->t[i].abbrev);
	}
	return h;
}

static bool leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

bool dw_date_valid(int y, int m, int d)
{
	static const int8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (y < 1 || y > 9999 || m < 1 || m > 12 || d < 1)
		return false;
	return d <= days[m - 1] + (m == 2 && leap(y));
}

/* Both by eras of 400 years that begin on 1 March, so a leap day is an era's last day. */
int32_t dw_day_number(int y, int m, int d)
{
	int year = m <= 2 ? y - 1 : y;
	int era = (year >= 0 ? year : year - 399) / 400;
	int of_era = year - era * 400;
	int day = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day - 719468;
}

void dw_day_civil(int32_t day, int *y, int *m, int *d)
{
	int64_t z = (int64_t)day + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int doe = (int)(z - era * 146097);
	int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = (int)(yoe + era * 400) + (*m <= 2);
}

int dw_day_weekday(int32_t day)
{
	return (int)((((int64_t)day + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

/* The last transition at or before t. */
static size_t segment(const struct dw_zone *z, dw_time t)
{
	size_t lo = 0, hi = z->n;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (z->t[mid].at <= t)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static dw_time clamp(dw_time t)
{
	return t < CIVIL_MIN + OFFSET_MAX ? CIVIL_MIN + OFFSET_MAX : t > CIVIL_MAX - OFFSET_MAX ? CIVIL_MAX - OFFSET_MAX : t;
}

/* Days and the seconds left over, rounding down. */
static int32_t split(dw_time local, int32_t *second)
{
	int64_t day = local / DW_DAY;
	int64_t rest = local % DW_DAY;

	if (rest < 0) {
		rest += DW_DAY;
		day--;
	}
	*second = (int32_t)rest;
	return (int32_t)day;
}

void dw_zone_civil(const struct dw_zone *z, dw_time t, struct dw_civil *out)
{
	const struct dw_transition *in;
	int32_t day, s;

	t = clamp(t);
	in = &z->t[segment(z, t)];
	day = split(t + in->offset, &s);
	dw_day_civil(day, &out->year, &out->month, &out->day);
	out->hour = s / 3600;
	out->minute = s / 60 % 60;
	out->second = s % 60;
	out->weekday = dw_day_weekday(day);
	out->offset = in->offset;
	out->abbrev = in->abbrev;
}

int32_t dw_zone_day(const struct dw_zone *z, dw_time t)
{
	int32_t s;

	t = clamp(t);
	return split(t + z->t[segment(z, t)].offset, &s);
}

/* wall: the local time counted as if it were UTC. Going through the stretches in order, the first one that ends
 * after `wall` on its own clock holds the answer, or begins after it: then wall lies in the gap before. */
static dw_time from_wall(const struct dw_zone *z, int64_t wall)
{
	for (size_t i = segment(z, wall - OFFSET_MAX); i < z->n; i++) {
		dw_time t = wall - z->t[i].offset;

		if (i + 1 < z->n && t >= z->t[i + 1].at)
			continue;
		return t < z->t[i].at ? z->t[i].at : t;
	}
	return wall - z->t[z->n - 1].offset; /* not reached: the last stretch has no end */
}

dw_time dw_zone_instant(const struct dw_zone *z, int y, int mo, int d, int h, int mi, int s)
{
	if (!dw_date_valid(y, mo, d) || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 59)
		return DW_UNKNOWN;
	return from_wall(z, (int64_t)dw_day_number(y, mo, d) * DW_DAY + h * 3600 + mi * 60 + s);
}

dw_time dw_day_start(const struct dw_zone *z, int32_t day)
{
	return from_wall(z, (int64_t)day * DW_DAY);
}

dw_time dw_day_end(const struct dw_zone *z, int32_t day)
{
	dw_time end = from_wall(z, (int64_t)day * DW_DAY + DW_DAY - 1);
	dw_time next = dw_day_start(z, day + 1);

	return end < next ? end : next - 1;
}
