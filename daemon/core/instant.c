/* instant.h: reading dates in every form feeds and people write them, and RFC 3339. */
#include "duewatch/instant.h"

#include "duewatch/quote.h"

enum {
	TEXT_MAX = 96,	   /* bytes; the longest form with every blank it may hold is far below */
	OFFSET_HOURS = 23, /* RFC 3339, time-numoffset */
};

/* What was written, before any zone is known. */
struct stamp {
	int year, month, day, hour, minute, second;
	bool has_time, has_offset;
	int32_t offset; /* seconds east of UTC */
};

/* Reads from p, never at or past end. */
struct scan {
	const char *p, *end;
};

static bool at_digit(const struct scan *s)
{
	return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static bool at_end(const struct scan *s)
{
	return s->p == s->end;
}

static bool eat(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	return true;
}

static bool eat_blanks(struct scan *s)
{
	const char *from = s->p;

	while (eat(s, " ") || eat(s, "\t") || eat(s, "\u00A0") || eat(s, "\u3000"))
		;
	return s->p > from;
}

/* A number of min..max digits that no further digit follows. */
static bool number(struct scan *s, int min, int max, int *out)
{
	int n = 0, v = 0;

	for (; at_digit(s); s->p++) {
		if (++n > max)
			return false;
		v = v * 10 + (*s->p - '0');
	}
	*out = v;
	return n >= min;
}

/* Exactly n digits; more may follow. */
static bool digits(struct scan *s, int n, int *out)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (!at_digit(s))
			return false;
		v = v * 10 + (*s->p++ - '0');
	}
	*out = v;
	return true;
}

/* An optional fraction of a second: cut, not rounded, so that nothing comes out later than written. */
static bool fraction(struct scan *s)
{
	if (!eat(s, ".") && !eat(s, ","))
		return true;
	if (!at_digit(s))
		return false;
	while (at_digit(s))
		s->p++;
	return true;
}

static const char *offset(struct scan *s, struct stamp *st)
{
	int h, m = 0, sign;

	eat_blanks(s);
	if (at_end(s))
		return NULL;
	st->has_offset = true;
	st->offset = 0;
	if (eat(s, "Z") || eat(s, "z") || eat(s, "UTC") || eat(s, "GMT"))
		return at_end(s) ? NULL : "something follows the time";
	if (eat(s, "+"))
		sign = 1;
	else if (eat(s, "-") || eat(s, "\u2212"))
		sign = -1;
	else
		return (*s->p | 0x20) >= 'a' && (*s->p | 0x20) <= 'z' ?
			       "only Z, UTC, GMT or an offset such as +08:00 may follow the time (not AM, PM, PST, CST)" :
			       "something follows the time";
	if (!digits(s, 2, &h) || (eat(s, ":") ? !digits(s, 2, &m) : !at_end(s) && !digits(s, 2, &m)) || !at_end(s) ||
	    h > OFFSET_HOURS || m > 59)
		return "the offset must look like +08:00";
	st->offset = sign * (h * 3600 + m * 60);
	return NULL;
}

static bool colon(struct scan *s)
{
	return eat(s, ":") || eat(s, "："); /* full-width: what a Chinese keyboard gives */
}

/* "H:MM[:SS[.f]]", "H时[M分[S秒]]", then an offset or nothing. */
static const char *clock_time(struct scan *s, struct stamp *st)
{
	st->has_time = true;
	if (!number(s, 1, 2, &st->hour))
		return "the hour must have one or two digits";
	if (eat(s, "时") || eat(s, "時") || eat(s, "点")) {
		if (at_end(s))
			return NULL;
		if (!number(s, 1, 2, &st->minute) || !eat(s, "分"))
			return "after 时 comes the minute with 分";
		if (at_end(s))
			return NULL;
		if (!number(s, 1, 2, &st->second) || !eat(s, "秒"))
			return "after 分 comes the second with 秒";
		return offset(s, st);
	}
	if (!colon(s) || !digits(s, 2, &st->minute) || at_digit(s))
		return "the time must look like 15:59 or 15:59:00";
	if (colon(s) && (!digits(s, 2, &st->second) || at_digit(s) || !fraction(s)))
		return "the time must look like 15:59 or 15:59:00";
	return offset(s, st);
}

/* "2026年11月23日", blanks anywhere between. */
static const char *chinese_date(struct scan *s, struct stamp *st)
{
	eat_blanks(s);
	if (!number(s, 1, 2, &st->month))
		return "after 年 comes the month";
	eat_blanks(s);
	if (!eat(s, "月"))
		return "after the month comes 月";
	eat_blanks(s);
	if (!number(s, 1, 2, &st->day))
		return "after 月 comes the day";
	eat_blanks(s);
	if (!eat(s, "日") && !eat(s, "号"))
		return "after the day comes 日";
	eat_blanks(s);
	return at_end(s) ? NULL : clock_time(s, st);
}

static const char *separated(struct scan *s, struct stamp *st)
{
	const char *from = s->p, *sep;

	if (!number(s, 4, 4, &st->year))
		return "a date begins with its year in four digits";
	eat_blanks(s);
	if (eat(s, "年"))
		return chinese_date(s, st);
	s->p = from + 4;
	sep = eat(s, "-") ? "-" : eat(s, "/") ? "/" : eat(s, ".") ? "." : NULL;
	if (!sep)
		return "the year is followed by -, /, . or 年";
	if (!number(s, 1, 2, &st->month) || !eat(s, sep) || !number(s, 1, 2, &st->day))
		return "month and day have one or two digits and the same separator";
	if (at_end(s))
		return NULL;
	if (!eat(s, "T") && !eat(s, "t") && !eat_blanks(s))
		return "something follows the day";
	return clock_time(s, st);
}

/* "20261123", "20261123155900", "20261123155900500" (milliseconds), "20261123T155900", then an offset or nothing. */
static const char *compact(struct scan *s, struct stamp *st)
{
	int ms;

	digits(s, 4, &st->year);
	digits(s, 2, &st->month);
	digits(s, 2, &st->day);
	if (at_end(s))
		return NULL;
	if (!at_digit(s) && !eat(s, "T"))
		return "something follows the day";
	st->has_time = true;
	if (!digits(s, 2, &st->hour) || !digits(s, 2, &st->minute) || !digits(s, 2, &st->second))
		return "the time needs six digits";
	if (at_digit(s) ? !digits(s, 3, &ms) || at_digit(s) : !fraction(s))
		return "the time needs six digits";
	return offset(s, st);
}

/* 24:00 is the day's end and :60 a leap second: read as the second before, which is on the day that was written. */
static bool settle(struct stamp *st)
{
	if (st->hour == 24 && st->minute == 0 && st->second == 0) {
		st->hour = 23;
		st->minute = 59;
		st->second = 59;
	} else if (st->second == 60)
		st->second = 59;
	return dw_date_valid(st->year, st->month, st->day) && st->hour <= 23 && st->minute <= 59 && st->second <= 59;
}

static dw_time in_zone(const struct stamp *st, const struct dw_zone *z, enum dw_bare bare)
{
	int32_t day;

	if (st->has_offset)
		return dw_zone_instant(&dw_zone_utc, st->year, st->month, st->day, st->hour, st->minute, st->second) -
		       st->offset;
	if (st->has_time)
		return dw_zone_instant(z, st->year, st->month, st->day, st->hour, st->minute, st->second);
	day = dw_day_number(st->year, st->month, st->day);
	return bare == DW_BARE_FIRST ? dw_day_start(z, day) : dw_day_end(z, day);
}

static bool trim_one(struct scan *s, const char *blank)
{
	size_t n = strlen(blank);

	if (eat(s, blank))
		return true;
	if ((size_t)(s->end - s->p) >= n && memcmp(s->end - n, blank, n) == 0) {
		s->end -= n;
		return true;
	}
	return false;
}

static void trim(struct scan *s)
{
	static const char *const wide[] = { "\u3000", "\u00A0", "\uFEFF" };
	static const char *const narrow[] = { " ", "\t", "\r", "\n", "\v", "\f" };
	bool more;

	do {
		more = false;
		if (at_end(s))
			return;
		/* most texts have nothing around them: one look at each end */
		if ((unsigned char)*s->p <= ' ' || (unsigned char)s->end[-1] <= ' ')
			for (size_t i = 0; i < DW_COUNT(narrow); i++)
				more |= trim_one(s, narrow[i]);
		if ((unsigned char)*s->p >= 0x80 || (!at_end(s) && (unsigned char)s->end[-1] >= 0x80))
			for (size_t i = 0; i < DW_COUNT(wide); i++)
				more |= trim_one(s, wide[i]);
	} while (more);
}

/* "", "-", "0", zeros as a compact date, and "0000-00-00" with any all-zero time. */
static bool means_unknown(struct scan s)
{
	size_t n = (size_t)(s.end - s.p), zeros = 0;

	if (n == 0 || (n == 1 && (*s.p == '-' || *s.p == '0')))
		return true;
	while (zeros < n && s.p[zeros] == '0')
		zeros++;
	if (zeros == n)
		return n == 8 || n == 10 || n == 13 || n == 14 || n == 17;
	if (!eat(&s, "0000") || !(eat(&s, "-00-00") || eat(&s, "/00/00") || eat(&s, ".00.00")))
		return false;
	while (!at_end(&s) && strchr(" T0:.Z+-", *s.p) && *s.p)
		s.p++;
	return at_end(&s);
}

static int refuse(struct dw_err *err, const char *text, const char *what)
{
	char q[DW_QUOTE_SIZE];

	return dw_err_set(err, -EINVAL,
			  "\"%s\" is not a date: %s; write 2026-11-23, 2026-11-23 15:59[:00], 2026-11-23T15:59:00+08:00 "
			  "(or Z), 2026年11月23日, 20261123, or epoch seconds (10 digits) or milliseconds (13)",
			  dw_quote(q, text), what);
}

/* The likely reason why text with no leading year was refused. */
static const char *guess(struct scan s, size_t lead)
{
	const unsigned char *u = (const unsigned char *)s.p;

	if (s.end - s.p >= 3 && u[0] == 0xEF && u[1] == 0xBC && u[2] >= 0x90 && u[2] <= 0x99)
		return "its digits are full-width";
	s.p += lead;
	if ((lead == 1 || lead == 2) && (eat(&s, "/") || eat(&s, "-") || eat(&s, ".") || eat(&s, "年")))
		return "it needs a year of four digits in front: year, month and day can't be told apart";
	if ((lead == 1 || lead == 2) && eat(&s, ":"))
		return "it is a time without a day";
	if (lead == 5 && (at_end(&s) || eat(&s, ".")))
		return "it looks like a spreadsheet's day number: format the column as a date";
	if (lead > 0 && at_end(&s))
		return "no form has this many digits";
	return "a date begins with its year in four digits";
}

static const char *epoch(struct scan *s, size_t lead, dw_time *out)
{
	int64_t v = 0;

	for (size_t i = 0; i < lead; i++)
		v = v * 10 + (*s->p++ - '0');
	if (lead == 10 && !fraction(s))
		return "the fraction has no digits";
	*out = lead == 13 ? v / 1000 : v;
	return at_end(s) ? NULL : "something follows the seconds";
}

/* All of text but blanks and quotes. NULL when done: *t, or *st where it is not an epoch. */
static const char *read_stamp(struct scan s, struct stamp *st, dw_time *t, bool *is_epoch)
{
	size_t lead = 0;

	while (s.p + lead < s.end && s.p[lead] >= '0' && s.p[lead] <= '9')
		lead++;
	*is_epoch = lead == 10 || lead == 13;
	if (*is_epoch)
		return epoch(&s, lead, t);
	if (lead == 4)
		return separated(&s, st);
	if (lead == 8 || lead == 14 || lead == 17)
		return compact(&s, st);
	return guess(s, lead);
}

int dw_instant_parse(dw_time *out, const char *text, const struct dw_zone *z, const struct dw_zone *other,
		     enum dw_bare bare, bool *local_form, struct dw_err *err)
{
	struct scan s = { text, text + strlen(text) };
	struct stamp st = { 0 };
	bool is_epoch, local;
	const char *why;
	dw_time t = 0, t2;

	trim(&s);
	if (eat(&s, "'"))
		trim(&s);
	if (s.end - s.p > TEXT_MAX)
		return refuse(err, text, "it is too long");
	if (means_unknown(s)) {
		*out = DW_UNKNOWN;
		if (local_form)
			*local_form = false;
		return 1;
	}
	why = read_stamp(s, &st, &t, &is_epoch);
	if (why)
		return refuse(err, text, why);
	if (!is_epoch) {
		if (!settle(&st))
			return refuse(err, text, "there is no such day or time");
		t = in_zone(&st, z, bare);
	}
	local = !is_epoch && !st.has_offset;
	if (local && other) {
		t2 = in_zone(&st, other, bare);
		t = t2 < t ? t2 : t;
	}
	if (t < DW_TIME_MIN || t >= DW_TIME_MAX)
		return refuse(err, text, "it is not within the years 2000 to 2099");
	*out = t;
	if (local_form)
		*local_form = local;
	return 0;
}

static char *put(char *p, int v, int width)
{
	for (int i = width - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + width;
}

void dw_instant_rfc3339(char out[32], dw_time t)
{
	struct dw_civil c;
	char *p;

	if (t == DW_NEVER || t == DW_UNKNOWN) {
		const char *word = t == DW_NEVER ? "never" : "unknown";

		memcpy(out, word, strlen(word) + 1);
		return;
	}
	dw_zone_civil(&dw_zone_utc, t, &c);
	p = put(out, c.year, 4);
	*p++ = '-';
	p = put(p, c.month, 2);
	*p++ = '-';
	p = put(p, c.day, 2);
	*p++ = 'T';
	p = put(p, c.hour, 2);
	*p++ = ':';
	p = put(p, c.minute, 2);
	*p++ = ':';
	p = put(p, c.second, 2);
	*p++ = 'Z';
	*p = '\0';
}
