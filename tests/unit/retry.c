/* retry.h: the table of design.md §3. */
#include "duewatch/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { T = 1795392000, HOUR = 3600, DAY = 86400 };

static void by_age_and_tries(void **state)
{
	static const struct {
		int64_t age;
		int tries;
		bool unsure;
		int64_t wait; /* -1: failed */
	} rows[] = {
		{ 0, 1, false, 60 },		 { 60, 2, false, 240 },	       { 300, 3, false, 540 },
		{ 1000, 4, false, 900 },	 { 5000, 1000000, false, 900 }, { 0, 0, false, 60 },
		{ DAY - 1, 90, false, 900 },	 { DAY, 90, false, HOUR },     { 5 * DAY - 1, 200, false, HOUR },
		{ 5 * DAY, 200, false, -1 },	 { 90 * DAY, 1, false, -1 },   { 60, 2, true, HOUR },
		{ 5 * DAY, 3, true, -1 },	 { -500, 1, false, 60 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		dw_time now = T + rows[i].age, next = dw_retry_next(T, rows[i].tries, rows[i].unsure, now);

		assert_int_equal(next, rows[i].wait < 0 ? DW_NEVER : now + rows[i].wait);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(by_age_and_tries) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
