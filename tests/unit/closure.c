/* closure.h: which days off are a closure, and when it is told of. */
#include "duewatch/closure.h"

#include "make.h"

static struct dw_person person[PERSONS];
static struct dw_people people;

static void begin(const char *const *off, size_t n)
{
	people = people_of(person);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(dw_holidays_add(&person[ALICE].off, off[i], NULL), 0);
}

/* "2027-02-06..2027-02-14 10" of the first, and when the next notice comes. */
static void ahead(const char *now, const char *first, const char *next)
{
	struct dw_closure c[DW_CLOSURES_MAX];
	dw_time then;
	size_t n = dw_closures_ahead(&people, ALICE, at(now), c, &then);
	char text[64] = "";
	int y, m, d, y2, m2, d2;

	if (n) {
		dw_day_civil(c[0].first, &y, &m, &d);
		dw_day_civil(c[0].last, &y2, &m2, &d2);
		snprintf(text, sizeof(text), "%04d-%02d-%02d..%04d-%02d-%02d %d", y, m, d, y2, m2, d2, c[0].before);
	}
	assert_string_equal(text, first);
	if (next)
		assert_instant(then, next);
}

/* The daily mail is at 08:30 in Shanghai, 00:30Z; working days Monday to Friday. */
static void spring_festival(void **state)
{
	static const char *const off[] = { "2027-02-05..2027-02-11" };
	struct dw_closure c[DW_CLOSURES_MAX];
	dw_time next;

	(void)state;
	begin(off, 1); /* Friday to Thursday; the 12th is a Friday */
	ahead("2027-01-10T00:00:00Z", "2027-02-05..2027-02-11 0", "2027-01-22T00:30:00Z");
	ahead("2027-01-22T00:29:59Z", "2027-02-05..2027-02-11 0", "2027-01-22T00:30:00Z");
	ahead("2027-01-22T00:30:00Z", "2027-02-05..2027-02-11 10", "2027-02-02T00:30:00Z");
	ahead("2027-02-02T00:30:00Z", "2027-02-05..2027-02-11 3", NULL);
	ahead("2027-02-04T15:59:59Z", "2027-02-05..2027-02-11 3", NULL);
	ahead("2027-02-04T16:00:00Z", "", NULL); /* it has begun */
	assert_int_equal(dw_closures_ahead(&people, ALICE, at("2027-02-02T00:30:00Z"), c, &next), 1);
	assert_instant(c[0].from, "2027-02-04T16:00:00Z");
	assert_instant(c[0].to, "2027-02-11T16:00:00Z");
	/* with hours from the end of work to its beginning */
	person[ALICE].hours = (struct dw_hours){ 1, { { 9 * 60, 18 * 60 } } };
	assert_int_equal(dw_closures_ahead(&people, ALICE, at("2027-02-02T00:30:00Z"), c, &next), 1);
	assert_instant(c[0].from, "2027-02-04T10:00:00Z");
	assert_instant(c[0].to, "2027-02-12T01:00:00Z");
	/* without a daily mail the notices come as the hours begin */
	person[ALICE].daily_minute = -1;
	ahead("2027-01-10T00:00:00Z", "2027-02-05..2027-02-11 0", "2027-01-22T01:00:00Z");
	dw_holidays_fini(&person[ALICE].off);
}

static void what_is_one(void **state)
{
	static const struct {
		const char *off, *is; /* as of Monday 2027-01-04 */
	} t[] = {
		{ "2027-02-05", "" },			     /* a long weekend of three days */
		{ "2027-02-05..2027-02-08", "2027-02-05..2027-02-08 0" }, /* Friday to Monday */
		{ "2027-02-04..2027-02-05", "2027-02-04..2027-02-07 0" }, /* the weekend counts in between and after */
		{ "2027-02-08..2027-02-09", "2027-02-06..2027-02-09 0" },
		{ "2027-02-06..2027-02-07", "" },	     /* a weekend that a calendar names is no closure */
		{ "2027-02-09..2027-02-11", "" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		begin(&t[i].off, 1);
		ahead("2027-01-04T00:00:00Z", t[i].is, NULL);
		dw_holidays_fini(&person[ALICE].off);
	}
	/* a week that has few working days by itself is none */
	begin(NULL, 0);
	person[ALICE].working_days = DW_WEEKDAY(1);
	ahead("2027-01-04T00:00:00Z", "", NULL);
	/* all days off for very long */
	begin(&t[1].off, 1);
	assert_int_equal(dw_holidays_put(&person[ALICE].off, (struct dw_days){ dw_day_number(2027, 2, 1), dw_day_number(2040, 1, 1) }, NULL), 0);
	ahead("2027-01-04T00:00:00Z", "2027-01-30..2029-04-08 0", NULL);
	dw_holidays_fini(&person[ALICE].off);
}

/* Looked at minute by minute or seldom, the same notices come. */
static void notices_come_once(void **state)
{
	static const char *const off[] = { "2027-02-05..2027-02-11", "2027-02-24..2027-02-26", "2027-04-05..2027-04-06" };
	dw_time now = at("2027-01-01"), next;
	struct dw_closure c[DW_CLOSURES_MAX];
	int early = 0, late = 0, looks = 0;

	(void)state;
	begin(off, 3);
	for (; now < at("2027-05-01"); now = next, looks++) {
		size_t n = dw_closures_ahead(&people, ALICE, now, c, &next);

		assert_true(next > now);
		for (size_t i = 0; i < n; i++) {
			early += c[i].at == now && c[i].before == DW_CLOSURE_EARLY;
			late += c[i].at == now && c[i].before == DW_CLOSURE_LATE;
		}
	}
	assert_int_equal(early, 3);
	assert_int_equal(late, 3);
	assert_true(looks < 40);
	dw_holidays_fini(&person[ALICE].off);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(spring_festival), cmocka_unit_test(what_is_one),
					    cmocka_unit_test(notices_come_once) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
