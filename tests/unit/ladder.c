/* ladder.h: ladders as text, which step is owed when (rules.md §5). */
#include "make.h"

static const char *roles_text(unsigned roles)
{
	static char text[64];

	text[0] = '\0';
	for (int r = 0; r < DW_ROLE_COUNT; r++)
		if (roles >> r & 1) {
			strcat(text, text[0] ? " " : "");
			strcat(text, dw_role_words[r]);
		}
	return text;
}

/* The table of rules.md §5: each default ladder, step by step. */
static void defaults(void **state)
{
#define SLIP                                                                                                           \
	"found: owner", "7d: owner", "3d: owner", "1d!: owner deputy", "6h!: owner deputy manager"
	static const struct {
		const char *kind, *step[9];
	} t[] = {
		{ "extend_ship_date", { SLIP, "due!: owner deputy manager", "+1d!: owner deputy manager", "every 7d: owner manager" } },
		{ "late_ahead", { SLIP } },
		{ "extension_declined", { SLIP } },
		{ "confirm_ship_date", { "7d: owner", "3d: owner", "1d!: owner deputy", "6h!: owner deputy manager" } },
		{ "ship_by", { "1d: owner", "6h!: owner deputy" } },
		{ "overdue", { "due!: owner deputy manager", "+1d!: owner deputy", "+2d!: owner deputy", "+3d!: owner deputy manager",
			       "every 7d: owner manager" } },
		{ "extension_unanswered", { "found: owner", "1d!: owner deputy", "6h!: owner deputy manager" } },
		{ "extend_receipt", { "found: owner", "3d: owner", "1d!: owner deputy", "6h!: owner deputy manager" } },
		{ "dispute", { "found!: owner deputy manager", "1d!: owner deputy manager", "6h!: owner deputy manager",
			       "due!: owner deputy manager", "every 7d: owner manager" } },
		{ "incomplete", { "found: owner" } },
		{ "edit_before_payment", { "found: owner" } },
		{ "auto_confirmed_undelivered", { "found: owner" } },
		{ "shipped_late", { "found: owner" } },
	};
	char line[80];

	(void)state;
	assert_int_equal(DW_COUNT(t), DW_KIND_COUNT);
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		struct dw_ladder l;
		int kind = dw_kind_find(t[i].kind);
		size_t n = 0;

		assert_true(kind >= 0);
		assert_int_equal(dw_ladder_default(&l, (enum dw_kind)kind), 0);
		for (; t[i].step[n]; n++) {
			assert_true(n < l.n);
			snprintf(line, sizeof(line), "%s%s: %s", l.step[n].text, l.step[n].urgent ? "!" : "",
				 roles_text(l.step[n].roles));
			if (strcmp(line, t[i].step[n]) != 0)
				fail_msg("%s: \"%s\", not \"%s\"", t[i].kind, line, t[i].step[n]);
		}
		assert_int_equal(l.n, n);
	}
	assert_int_equal(dw_kind_find("nothing"), -1);
}

static void kinds(void **state)
{
	static const char *const day_later[] = { "incomplete", "extension_unanswered" };
	int delayed = 0;

	(void)state;
	for (int k = 0; k < DW_KIND_COUNT; k++)
		delayed += dw_kinds[k].found_delay != 0;
	assert_int_equal(delayed, DW_COUNT(day_later));
	for (size_t i = 0; i < DW_COUNT(day_later); i++)
		assert_int_equal(dw_kinds[dw_kind_find(day_later[i])].found_delay, DAY);
}

static void lines(void **state)
{
	static const struct {
		const char *line, *text; /* NULL: refused, with these words */
		int64_t offset;
		bool urgent;
		const char *words;
	} t[] = {
		{ "found: owner", "found", 0, false, NULL },
		{ " \tdue!: owner", "due", 0, true, NULL },
		{ "7d : owner,deputy, manager", "7d", -7 * DAY, false, NULL },
		{ "1d12h ! : owner", "1d12h", -36 * HOUR, true, NULL },
		{ "+1d!: manager", "+1d", DAY, true, NULL },
		{ "every 7d: owner", "every 7d", 7 * DAY, false, NULL },
		{ "every  1h: owner", "every  1h", HOUR, false, NULL },
		{ "366d: owner", "366d", -366 * DAY, false, NULL },
		{ "367d: owner", NULL, 0, false, "at most 366d" },
		{ "every 30m: owner", NULL, 0, false, "between 1h and 366d" },
		{ "every 400d: owner", NULL, 0, false, "between 1h and 366d" },
		{ "every now: owner", NULL, 0, false, "now" },
		{ "soon: owner", NULL, 0, false, "not a moment" },
		{ "7d owner", NULL, 0, false, "WHEN[!]: PERSONS" },
		{ "!: owner", NULL, 0, false, "WHEN[!]: PERSONS" },
		{ ": owner", NULL, 0, false, "WHEN[!]: PERSONS" },
		{ "1d1h1m1s 1d1h1m1s 1d1h1m1s: owner", NULL, 0, false, "WHEN[!]: PERSONS" },
		{ "7d:", NULL, 0, false, "nobody is named" },
		{ "7d: boss", NULL, 0, false, "\"boss\" is not a role" },
		{ "7d: own", NULL, 0, false, "\"own\" is not a role" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		struct dw_ladder l = { 0 };
		struct dw_err err = { "" };
		int r = dw_ladder_add(&l, t[i].line, true, &err);

		if (!t[i].text) {
			if (r != -EINVAL || !strstr(err.text, t[i].words) || l.n)
				fail_msg("%s: %d \"%s\"", t[i].line, r, err.text);
			continue;
		}
		if (r)
			fail_msg("%s: %s", t[i].line, err.text);
		assert_string_equal(l.step[0].text, t[i].text);
		assert_int_equal(l.step[0].offset, t[i].offset);
		assert_int_equal(l.step[0].urgent, t[i].urgent);
	}
}

static void order_of_lines(void **state)
{
	static const char *const in[] = { "every 7d: owner", "+1d: owner", "due: owner", "6h: owner", "found: owner", "7d: owner" };
	static const char *const out[] = { "found", "7d", "6h", "due", "+1d", "every 7d" };
	struct dw_ladder l = { 0 };
	struct dw_err err;
	char line[32];

	(void)state;
	for (size_t i = 0; i < DW_COUNT(in); i++)
		assert_int_equal(dw_ladder_add(&l, in[i], true, &err), 0);
	for (size_t i = 0; i < DW_COUNT(out); i++)
		assert_string_equal(l.step[i].text, out[i]);
	assert_int_equal(dw_ladder_add(&l, "360m: deputy", true, &err), -EINVAL); /* 6h by another name */
	assert_non_null(strstr(err.text, "twice"));
	assert_int_equal(dw_ladder_add(&l, "found!: deputy", true, &err), -EINVAL);
	assert_int_equal(dw_ladder_add(&l, "every 1d: owner", true, &err), -EINVAL);
	assert_int_equal(dw_ladder_add(&l, "every 9d: owner", true, &err), -EINVAL);
	assert_non_null(strstr(err.text, "only one"));
	assert_int_equal(dw_ladder_add(&l, "1d: owner", false, &err), -EINVAL);
	assert_non_null(strstr(err.text, "no deadline"));
	for (int i = 1; l.n < DW_STEPS_MAX; i++) {
		snprintf(line, sizeof(line), "+%dm: owner", i);
		assert_int_equal(dw_ladder_add(&l, line, true, &err), 0);
	}
	assert_int_equal(dw_ladder_add(&l, "+9h: owner", true, &err), -EINVAL);
	assert_non_null(strstr(err.text, "more than"));
}

#define ACT_BY INT64_C(1800000000)

/* extend_ship_date at moments around its steps: what is owed, since when, and the next. */
static void owed(void **state)
{
	static const struct {
		int64_t from_act_by;
		const char *step;
		int64_t number, since, next;
	} t[] = {
		{ -30 * DAY, "found", 0, -99 * DAY, -7 * DAY },
		{ -7 * DAY - 1, "found", 0, -99 * DAY, -7 * DAY },
		{ -7 * DAY, "7d", 0, -7 * DAY, -3 * DAY },
		{ -3 * DAY - 1, "7d", 0, -7 * DAY, -3 * DAY },
		{ -3 * DAY, "3d", 0, -3 * DAY, -DAY },
		{ -DAY - 1, "3d", 0, -3 * DAY, -DAY },
		{ -DAY, "1d", 0, -DAY, -6 * HOUR },
		{ -6 * HOUR - 1, "1d", 0, -DAY, -6 * HOUR },
		{ -6 * HOUR, "6h", 0, -6 * HOUR, 0 },
		{ -1, "6h", 0, -6 * HOUR, 0 },
		{ 0, "due", 0, 0, DAY },
		{ DAY - 1, "due", 0, 0, DAY },
		{ DAY, "+1d", 0, DAY, 8 * DAY },
		{ 8 * DAY - 1, "+1d", 0, DAY, 8 * DAY },
		{ 8 * DAY, "every 7d", 1, 8 * DAY, 15 * DAY },
		{ 15 * DAY - 1, "every 7d", 1, 8 * DAY, 15 * DAY },
		{ 15 * DAY, "every 7d", 2, 15 * DAY, 22 * DAY },
		{ 365 * DAY, "every 7d", 52, 365 * DAY, 372 * DAY },
	};
	struct dw_ladder l;

	(void)state;
	assert_int_equal(dw_ladder_default(&l, DW_EXTEND_SHIP_DATE), 0);
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		struct dw_owed o;

		dw_ladder_owed(&l, ACT_BY, ACT_BY - 99 * DAY, ACT_BY + t[i].from_act_by, &o);
		assert_true(o.step >= 0);
		assert_string_equal(l.step[o.step].text, t[i].step);
		assert_int_equal(o.number, t[i].number);
		assert_int_equal(o.at - ACT_BY, t[i].since);
		assert_int_equal(o.next_at - ACT_BY, t[i].next);
		assert_true(dw_ladder_time(&l, o.step, o.number, ACT_BY, ACT_BY - 99 * DAY) == o.at);
		assert_true(o.next_step >= 0);
	}
}

static void owed_otherwise(void **state)
{
	struct dw_ladder l, only_every = { 0 };
	struct dw_owed o;

	(void)state;
	/* found_at still ahead, and the timed step before it */
	assert_int_equal(dw_ladder_default(&l, DW_EXTENSION_UNANSWERED), 0);
	dw_ladder_owed(&l, ACT_BY, ACT_BY - 9 * DAY, ACT_BY - 9 * DAY - 1, &o);
	assert_true(o.step == -1 && o.next_step == 0 && o.next_at == ACT_BY - 9 * DAY && o.at == DW_UNKNOWN);
	dw_ladder_owed(&l, ACT_BY, ACT_BY - 9 * DAY, ACT_BY - 9 * DAY, &o);
	assert_true(o.step == 0 && o.next_at == ACT_BY - DAY);
	dw_ladder_owed(&l, ACT_BY, ACT_BY, ACT_BY - DAY, &o); /* a timed step has come: found never counts again */
	assert_true(o.step == 1 && o.next_at == ACT_BY - 6 * HOUR);
	dw_ladder_owed(&l, ACT_BY, ACT_BY + DAY, ACT_BY + DAY, &o);
	assert_true(o.step == 2 && o.next_at == DW_NEVER && o.next_step == -1);
	/* no found in the ladder */
	assert_int_equal(dw_ladder_default(&l, DW_SHIP_BY), 0);
	dw_ladder_owed(&l, ACT_BY, 0, ACT_BY - DAY - 1, &o);
	assert_true(o.step == -1 && o.next_at == ACT_BY - DAY);
	/* no deadline: found only */
	assert_int_equal(dw_ladder_default(&l, DW_SHIPPED_LATE), 0);
	dw_ladder_owed(&l, DW_UNKNOWN, 0, ACT_BY, &o);
	assert_true(o.step == 0 && o.next_at == DW_NEVER);
	/* repetitions alone count from act_by */
	assert_int_equal(dw_ladder_add(&only_every, "every 2d: owner", true, NULL), 0);
	dw_ladder_owed(&only_every, ACT_BY, 0, ACT_BY - DAY, &o);
	assert_true(o.step == -1 && o.next_at == ACT_BY + 2 * DAY);
	dw_ladder_owed(&only_every, ACT_BY, 0, ACT_BY + 5 * DAY, &o);
	assert_true(o.step == 0 && o.number == 2 && o.next_at == ACT_BY + 6 * DAY);
	/* an empty ladder (silenced in the config) owes nothing, ever */
	l = (struct dw_ladder){ 0 };
	dw_ladder_owed(&l, ACT_BY, 0, ACT_BY, &o);
	assert_true(o.step == -1 && o.next_at == DW_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(defaults), cmocka_unit_test(kinds),	    cmocka_unit_test(lines),
					    cmocka_unit_test(order_of_lines), cmocka_unit_test(owed), cmocka_unit_test(owed_otherwise) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
