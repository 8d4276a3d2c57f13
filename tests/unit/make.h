/* Orders, packs and people for the tests of the core, from short texts: `say(&f, "promised_at=2026-11-30; …")`.
 * The zones are written out by hand, so nothing here reads a file; they are right from 2025 to the autumn of 2028. */
#ifndef TESTS_UNIT_MAKE_H
#define TESTS_UNIT_MAKE_H

#include "duewatch/alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define HELPER static DW_UNUSED
#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

/* US daylight saving: second Sunday of March, 10:00Z, to first Sunday of November, 09:00Z. */
static const struct dw_transition la_t[] = {
	{ INT64_MIN, -28800, "PST" },	{ 1741514400, -25200, "PDT" }, /* 2025-03-09 */
	{ 1762074000, -28800, "PST" },	{ 1772964000, -25200, "PDT" }, /* 2025-11-02, 2026-03-08 */
	{ 1793523600, -28800, "PST" },	{ 1805018400, -25200, "PDT" }, /* 2026-11-01, 2027-03-14 */
	{ 1825578000, -28800, "PST" },	{ 1836468000, -25200, "PDT" }, /* 2027-11-07, 2028-03-12 */
	{ 1857027600, -28800, "PST" },				       /* 2028-11-05 */
};
HELPER const struct dw_zone la = { "America/Los_Angeles", DW_COUNT(la_t), la_t };
static const struct dw_transition shanghai_t[] = { { INT64_MIN, 28800, "CST" } };
HELPER const struct dw_zone shanghai = { "Asia/Shanghai", 1, shanghai_t };

/* "2026-11-23T00:00:00Z", or a bare date: its first second in UTC. */
HELPER dw_time at(const char *text)
{
	struct dw_err err;
	dw_time t;

	if (dw_instant_parse(&t, text, &dw_zone_utc, NULL, DW_BARE_FIRST, NULL, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return t;
}

HELPER const char *shown(dw_time t)
{
	static char text[16][32];
	static unsigned k;
	char *p = text[k++ & 15];

	dw_instant_rfc3339(p, t);
	return p;
}

#define assert_instant(t, text)                                                                                        \
	do {                                                                                                           \
		dw_time got_ = (t);                                                                                    \
		assert_string_equal(shown(got_), (text));                                                              \
	} while (0)

/* Pack "alibaba" with the numbers of rules.md §7. */
HELPER struct dw_pack alibaba(void)
{
	return (struct dw_pack){
		.zone = &la, .extension = DW_EXT_BY_SELLER, .buyer_answer = 2, .receipt_extension = 15,
		.receipt_watch = DW_WATCH_ETA, .claim_days = 30, .dispute_talk = 3 * DAY,
		.auto_confirm = {
			[DW_BY_EXPRESS] = { 2, { 15, 25 } }, [DW_BY_AIR] = { 2, { 15, 30 } },
			[DW_BY_LAND] = { 2, { 30, 60 } }, [DW_BY_SEA] = { 2, { 45, 60 } },
			[DW_BY_POST] = { 1, { 60 } }, [DW_BY_MULTIMODAL] = { 2, { 45, 60 } },
			[DW_BY_WAREHOUSE] = { 1, { 10 } }, [DW_BY_UNKNOWN] = { 3, { 15, 30, 60 } },
		},
	};
}

/* One "field=value" after the other, parted by "; ", read as a feed in Los Angeles time would be. */
HELPER void say(struct dw_facts *f, const char *text)
{
	static const struct dw_cell_rules rules = { .zone = &la };
	char copy[512], *save = NULL;
	struct dw_err err;

	assert_true(strlen(text) < sizeof(copy));
	strcpy(copy, text);
	for (char *p = strtok_r(copy, ";", &save); p; p = strtok_r(NULL, ";", &save)) {
		char *eq;
		int x;

		p += strspn(p, " ");
		if (!*p)
			continue;
		eq = strchr(p, '=');
		if (!eq)
			fail_msg("\"%s\" is no field=value", p);
		*eq = '\0';
		x = dw_field_find(p);
		if (x < 0)
			fail_msg("no field \"%s\"", p);
		if (dw_fact_parse(f, (enum dw_field)x, eq + 1, false, &rules, NULL, &err) < 0)
			fail_msg("%s: %s", p, err.text);
	}
}

HELPER struct dw_facts facts(const char *text)
{
	struct dw_facts f = { 0 };

	say(&f, text);
	return f;
}

/* "field=value; …" of what is known, with "field=" for an emptied cell that is listed. */
HELPER const char *written(const struct dw_facts *f)
{
	static char text[4096];
	DW_BUF b = { 0 };

	for (int x = 0; x < DW_FIELD_COUNT; x++)
		if (dw_listed(f, (enum dw_field)x)) {
			dw_buf_printf(&b, "%s%s=", b.n ? "; " : "", dw_fields[x].name);
			assert_int_equal(dw_fact_text(&b, f, (enum dw_field)x), 0);
		}
	snprintf(text, sizeof(text), "%s", dw_buf_str(&b));
	return text;
}

enum { ALICE, BOB, CAROL, DAVE, PERSONS };

/* alice has deputy bob and manager carol; bob, carol and dave have nobody; daily mail at 08:30 in Shanghai, Monday
 * to Friday. alice is the default owner; no default deputy or manager. */
HELPER struct dw_people people_of(struct dw_person p[PERSONS])
{
	static char *const names[PERSONS] = { (char *)"alice", (char *)"bob", (char *)"carol", (char *)"dave" };

	for (int i = 0; i < PERSONS; i++)
		p[i] = (struct dw_person){ .name = names[i], .deputy = -1, .manager = -1, .zone = &shanghai,
					   .daily_minute = 8 * 60 + 30 };
	p[ALICE].deputy = BOB;
	p[ALICE].manager = CAROL;
	return (struct dw_people){ .p = p, .n = PERSONS, .default_owner = ALICE, .default_deputy = -1,
				   .default_manager = -1, .working_days = DW_MON_FRI };
}

HELPER void default_ladders(struct dw_ladder l[DW_KIND_COUNT])
{
	for (int k = 0; k < DW_KIND_COUNT; k++)
		assert_int_equal(dw_ladder_default(&l[k], (enum dw_kind)k), 0);
}

/* "extend_ship_date 2026-11-27T07:59:59Z, shipped_late": what was found, in the order of the sides. */
HELPER const char *found_text(const struct dw_finding f[DW_SIDE_COUNT])
{
	static char text[256];
	size_t n = 0;

	text[0] = '\0';
	for (int i = 0; i < DW_SIDE_COUNT; i++)
		if (f[i].kind != DW_NO_KIND)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s%s", n ? ", " : "", dw_kinds[f[i].kind].name,
					      f[i].act_by == DW_UNKNOWN ? "" : " ",
					      f[i].act_by == DW_UNKNOWN ? "" : shown(f[i].act_by));
	return text;
}

#endif
