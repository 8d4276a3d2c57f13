/* zone-load.h: a TZif file (RFC 8536) becomes a table of transitions 2000-2100. Files from the system's tzdata, but
 * checked like any other: every count against the size, every index against its table. */
#include "duewatch/zone-load.h"

enum {
	HEAD = 44,
	NAME_MAX_LEN = 64,
	TRANSITIONS_MAX = 4096,
	MARGIN = 7 * DW_DAY, /* local times near the first and last instant need their neighbours */
	OFFSET_LIMIT = 26 * 3600,
	RULE_YEAR_FIRST = 1998,
	RULE_YEAR_LAST = 2101,
};

struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

/* The stretches found so far; the first holds the state at FROM. */
struct table {
	struct dw_transition *t;
	size_t n, cap;
};
#define FROM (DW_TIME_MIN - MARGIN)
#define UNTIL (DW_TIME_MAX + MARGIN)

/* When a year's clocks change, by a POSIX TZ rule. */
struct rule {
	char kind; /* 'M': month, week, weekday; 'J': day 1..365 without 29 February; '0': day 0..365 */
	int month, week, day;
	int32_t time; /* seconds after that day's local midnight, may be negative */
};

struct posix {
	struct dw_transition std, dst; /* offset and abbrev only */
	bool has_dst;
	struct rule start, end; /* of dst */
};

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* A change at `at`. Before FROM only the last one matters; one at the same instant replaces the one before. */
static int add(struct table *b, dw_time at, int32_t offset, const char *abbrev)
{
	struct dw_transition t = { .at = at <= FROM ? INT64_MIN : at, .offset = offset };
	int r;

	if (at >= UNTIL)
		return 0;
	strncpy(t.abbrev, abbrev, sizeof(t.abbrev) - 1);
	if (b->n > 0 && b->t[b->n - 1].at == t.at)
		b->n--;
	if (b->n > 0 && b->t[b->n - 1].offset == offset && strcmp(b->t[b->n - 1].abbrev, t.abbrev) == 0)
		return 0;
	if (b->n == TRANSITIONS_MAX)
		return -EINVAL;
	r = dw_grow(&b->t, &b->cap, b->n + 1, sizeof(*b->t));
	if (r < 0)
		return r;
	b->t[b->n++] = t;
	return 0;
}

/* "PST" or "<+01>". */
static bool posix_name(const char **pp, char out[8])
{
	const char *p = *pp;
	bool quoted = *p == '<';
	size_t n = 0;

	if (quoted)
		p++;
	for (; *p; p++) {
		bool alpha = (*p | 0x20) >= 'a' && (*p | 0x20) <= 'z';

		if (!alpha && !(quoted && ((*p >= '0' && *p <= '9') || *p == '+' || *p == '-')))
			break;
		if (n < 7)
			out[n++] = *p;
	}
	out[n] = '\0';
	if (quoted && *p++ != '>')
		return false;
	*pp = p;
	return n > 0;
}

static bool posix_number(const char **pp, int max, int *out)
{
	const char *p = *pp;
	int v = 0;

	while (*p >= '0' && *p <= '9' && v <= max)
		v = v * 10 + (*p++ - '0');
	if (p == *pp || v > max)
		return false;
	*pp = p;
	*out = v;
	return true;
}

/* [+-]hh[:mm[:ss]] as seconds. */
static bool posix_time(const char **pp, int32_t *out)
{
	int sign = 1, h, m = 0, s = 0;

	if (**pp == '-' || **pp == '+')
		sign = *(*pp)++ == '-' ? -1 : 1;
	if (!posix_number(pp, 167, &h))
		return false;
	if (**pp == ':') {
		(*pp)++;
		if (!posix_number(pp, 59, &m))
			return false;
	}
	if (**pp == ':') {
		(*pp)++;
		if (!posix_number(pp, 59, &s))
			return false;
	}
	*out = sign * (h * 3600 + m * 60 + s);
	return true;
}

static bool posix_rule(const char **pp, struct rule *r)
{
	*r = (struct rule){ .kind = '0', .time = 2 * 3600 };
	if (*(*pp)++ != ',')
		return false;
	if (**pp == 'M') {
		r->kind = *(*pp)++;
		if (!posix_number(pp, 12, &r->month) || *(*pp)++ != '.' || !posix_number(pp, 5, &r->week) ||
		    *(*pp)++ != '.' || !posix_number(pp, 6, &r->day) || r->month < 1 || r->week < 1)
			return false;
	} else {
		if (**pp == 'J')
			r->kind = *(*pp)++;
		if (!posix_number(pp, 365, &r->day) || (r->kind == 'J' && r->day < 1))
			return false;
	}
	if (**pp != '/')
		return true;
	(*pp)++;
	return posix_time(pp, &r->time);
}

/* "CET-1CEST,M3.5.0,M10.5.0/3" (RFC 8536 §3.3: POSIX TZ, times up to ±167 h). */
static bool posix_parse(const char *p, struct posix *out)
{
	int32_t west;

	*out = (struct posix){ 0 };
	if (!posix_name(&p, out->std.abbrev) || !posix_time(&p, &west))
		return false;
	out->std.offset = -west;
	if (!*p)
		return west > -OFFSET_LIMIT && west < OFFSET_LIMIT;
	out->has_dst = true;
	if (!posix_name(&p, out->dst.abbrev))
		return false;
	west -= 3600;
	if (*p != ',' && !posix_time(&p, &west))
		return false;
	out->dst.offset = -west;
	return posix_rule(&p, &out->start) && posix_rule(&p, &out->end) && !*p && west > -OFFSET_LIMIT &&
	       west < OFFSET_LIMIT && out->std.offset > -OFFSET_LIMIT && out->std.offset < OFFSET_LIMIT;
}

static dw_time rule_at(const struct rule *r, int year, int32_t offset_before)
{
	int32_t day = dw_day_number(year, 1, 1);

	if (r->kind == 'M') {
		int32_t first = dw_day_number(year, r->month, 1);

		day = first + (r->day - dw_day_weekday(first) + 7) % 7 + 7 * (r->week - 1);
		while (r->week == 5 && (day - first >= 28) && !dw_date_valid(year, r->month, day - first + 1))
			day -= 7;
	} else if (r->kind == 'J')
		day += r->day - 1 + (r->day >= 60 && dw_date_valid(year, 2, 29));
	else
		day += r->day;
	return (dw_time)day * DW_DAY + r->time - offset_before;
}

/* The footer holds for what comes after the last transition, at `after`. */
static int add_footer(struct table *b, const char *text, dw_time after)
{
	struct posix z;
	int r = 0;

	if (!*text)
		return 0;
	if (!posix_parse(text, &z))
		return -EINVAL;
	if (!z.has_dst)
		return after == INT64_MIN ? add(b, INT64_MIN, z.std.offset, z.std.abbrev) : 0;
	for (int y = RULE_YEAR_FIRST; y <= RULE_YEAR_LAST && r == 0; y++) {
		dw_time on = rule_at(&z.start, y, z.std.offset), off = rule_at(&z.end, y, z.dst.offset);
		bool off_first = off < on;

		/* equal instants: the later call wins, so all-year summer time (start of y + 1 = end of y) works */
		if (off_first && off > after)
			r = add(b, off, z.std.offset, z.std.abbrev);
		if (r == 0 && on > after)
			r = add(b, on, z.dst.offset, z.dst.abbrev);
		if (r == 0 && !off_first && off > after)
			r = add(b, off, z.std.offset, z.std.abbrev);
	}
	return r;
}

static size_t block_size(const struct counts *c, size_t each)
{
	return (size_t)c->time * (each + 1) + (size_t)c->type * 6 + c->chars + (size_t)c->leap * (each + 4) + c->isstd +
	       c->isut;
}

/* Reads a header at p and bounds what it announces. */
static bool header(const unsigned char *p, size_t n, struct counts *c)
{
	if (n < HEAD || memcmp(p, "TZif", 4) != 0)
		return false;
	*c = (struct counts){ be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32), be32(p + 36), be32(p + 40) };
	return c->isut <= 256 && c->isstd <= 256 && c->leap <= 4096 && c->time <= 65536 && c->type <= 256 && c->chars <= 4096;
}

/* One of the block's local time types. */
static int add_type(struct table *b, dw_time at, unsigned type, const unsigned char *types, const struct counts *c)
{
	const unsigned char *t = types + (size_t)type * 6;
	const char *chars = (const char *)types + (size_t)c->type * 6;
	int32_t offset;

	if (type >= c->type || t[5] >= c->chars)
		return -EINVAL;
	offset = (int32_t)be32(t);
	if (offset <= -OFFSET_LIMIT || offset >= OFFSET_LIMIT || !memchr(chars + t[5], 0, c->chars - t[5]))
		return -EINVAL;
	return add(b, at, offset, chars + t[5]);
}

/* p: the second block's data, of block_size(c, 8) bytes, then the footer. */
static int read_block(struct table *b, const unsigned char *p, size_t n, const struct counts *c)
{
	size_t size = block_size(c, 8);
	const unsigned char *types = p + (size_t)c->time * 9, *nl;
	dw_time last = INT64_MIN;
	char footer[128];
	int r = add_type(b, INT64_MIN, 0, types, c);

	for (size_t i = 0; i < c->time && r == 0; i++) {
		dw_time at = be64(p + i * 8);

		if (i > 0 && at <= last)
			return -EINVAL;
		last = at;
		r = add_type(b, at, p[(size_t)c->time * 8 + i], types, c);
	}
	if (r < 0)
		return r;
	if (n - size < 2 || p[size] != '\n' || !(nl = memchr(p + size + 1, '\n', n - size - 1)))
		return -EINVAL;
	size++;
	if ((size_t)(nl - p) - size >= sizeof(footer))
		return -EINVAL;
	memcpy(footer, p + size, (size_t)(nl - p) - size);
	footer[(size_t)(nl - p) - size] = '\0';
	return add_footer(b, footer, c->time ? last : INT64_MIN);
}

/* One block of memory: the zone, its transitions, its name. */
static struct dw_zone *pack(const struct table *b, const char *name)
{
	size_t rows = b->n * sizeof(*b->t), name_n = strlen(name) + 1;
	char *mem = dw_malloc(sizeof(struct dw_zone) + rows + name_n);
	struct dw_zone *z = (struct dw_zone *)mem;

	if (!mem)
		return NULL;
	memcpy(mem + sizeof(*z), b->t, rows);
	memcpy(mem + sizeof(*z) + rows, name, name_n);
	*z = (struct dw_zone){ .name = mem + sizeof(*z) + rows,
			       .n = b->n,
			       .t = (const struct dw_transition *)(mem + sizeof(*z)) };
	return z;
}

/* -EBADMSG: not the wrong name but a file that is damaged, or being written. */
static int damaged(struct dw_err *err, int code, const char *name, const char *what)
{
	return dw_err_set(err, code, "the time zone file of %.*s %s", NAME_MAX_LEN, name, what);
}

int dw_zone_from_tzif(struct dw_zone **out, const char *name, const unsigned char *p, size_t n, struct dw_err *err)
{
	struct table b = { 0 };
	struct counts c;
	struct dw_zone *z;
	size_t first;
	int r;

	if (!header(p, n, &c))
		return damaged(err, -EBADMSG, name, "is not a TZif file");
	if (p[4] < '2')
		return damaged(err, -EINVAL, name, "is of version 1, which ends in 2037: install a newer tzdata");
	first = HEAD + block_size(&c, 4);
	if (n < first || !header(p + first, n - first, &c) || n - first - HEAD < block_size(&c, 8) || c.type == 0)
		return damaged(err, -EBADMSG, name, "is damaged");
	if (c.leap > 0)
		return damaged(err, -EINVAL, name, "counts leap seconds; use the zone without \"right/\"");
	r = read_block(&b, p + first + HEAD, n - first - HEAD, &c);
	if (r < 0) {
		free(b.t);
		return r == -ENOMEM ? dw_err_oom(err) : damaged(err, -EBADMSG, name, "is damaged");
	}
	z = pack(&b, name);
	free(b.t);
	if (!z)
		return dw_err_oom(err);
	*out = z;
	return 0;
}

void dw_zone_free(struct dw_zone *z)
{
	free(z);
}
