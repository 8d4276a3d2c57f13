/* clock.h: when the clock is not believed (rules.md §5). */
#include "duewatch/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { T = 1795392000, BOOT = 1000, YEAR = 365 * 86400 };

static void steady(void **state)
{
	struct dw_clock c = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_true(dw_clock_look(&c, T + i * 60, BOOT + i * 60, T - 5));
}

static void small_steps_are_believed(void **state)
{
	struct dw_clock c = { 0 };

	(void)state;
	assert_true(dw_clock_look(&c, T, BOOT, DW_UNKNOWN));
	assert_true(dw_clock_look(&c, T + 60 + 3600, BOOT + 60, DW_UNKNOWN));
	assert_true(dw_clock_look(&c, T + 120, BOOT + 120, DW_UNKNOWN));
}

static void a_year_ahead_for_one_look(void **state)
{
	struct dw_clock c = { 0 };

	(void)state;
	assert_true(dw_clock_look(&c, T, BOOT, DW_UNKNOWN));
	assert_false(dw_clock_look(&c, T + YEAR, BOOT + 60, DW_UNKNOWN));
	assert_int_equal(c.jump, YEAR - 60);
	assert_true(dw_clock_look(&c, T + 120, BOOT + 120, DW_UNKNOWN));
	assert_true(dw_clock_look(&c, T + 180, BOOT + 180, DW_UNKNOWN));
}

static void steady_for_ten_minutes(void **state)
{
	struct dw_clock c = { 0 };

	(void)state;
	assert_true(dw_clock_look(&c, T, BOOT, DW_UNKNOWN));
	assert_false(dw_clock_look(&c, T - YEAR, BOOT + 1, DW_UNKNOWN));
	assert_false(dw_clock_look(&c, T - YEAR + 599, BOOT + 600, DW_UNKNOWN));
	assert_true(dw_clock_look(&c, T - YEAR + 600, BOOT + 601, DW_UNKNOWN));
}

static void a_second_jump_starts_the_wait_anew(void **state)
{
	struct dw_clock c = { 0 };

	(void)state;
	assert_true(dw_clock_look(&c, T, BOOT, DW_UNKNOWN));
	assert_false(dw_clock_look(&c, T + YEAR, BOOT + 1, DW_UNKNOWN));
	assert_false(dw_clock_look(&c, T + 2 * YEAR, BOOT + 500, DW_UNKNOWN));
	assert_false(dw_clock_look(&c, T + 2 * YEAR + 200, BOOT + 700, DW_UNKNOWN));
	assert_true(dw_clock_look(&c, T + 2 * YEAR + 600, BOOT + 1100, DW_UNKNOWN));
}

static void a_server_confirms(void **state)
{
	struct dw_clock c = { 0 };

	(void)state;
	assert_true(dw_clock_look(&c, T, BOOT, DW_UNKNOWN));
	assert_false(dw_clock_look(&c, T + YEAR, BOOT + 1, DW_UNKNOWN));
	dw_clock_confirm(&c, T + 2 * YEAR, T + YEAR + 1);
	assert_false(dw_clock_look(&c, T + YEAR + 1, BOOT + 2, DW_UNKNOWN));
	dw_clock_confirm(&c, T + YEAR + 30, T + YEAR + 2);
	assert_true(dw_clock_look(&c, T + YEAR + 3, BOOT + 4, DW_UNKNOWN));
}

static void behind_the_store_at_a_start(void **state)
{
	struct dw_clock fine = { 0 }, behind = { 0 }, back = { 0 };

	(void)state;
	assert_true(dw_clock_look(&fine, T, BOOT, T + 86400));
	assert_false(dw_clock_look(&behind, T, BOOT, T + 86401));
	assert_false(dw_clock_look(&behind, T + 599, BOOT + 599, T + 86401));
	assert_true(dw_clock_look(&behind, T + 600, BOOT + 600, T + 86401));
	/* set right meanwhile: a jump of its own, to be steady again */
	assert_false(dw_clock_look(&back, T, BOOT, T + 10 * 86400));
	assert_false(dw_clock_look(&back, T + 10 * 86400 + 60, BOOT + 60, T + 10 * 86400));
	assert_true(dw_clock_look(&back, T + 10 * 86400 + 660, BOOT + 660, T + 10 * 86400));
}

static void reckoned_by_the_boot_clock_while_in_doubt(void **state)
{
	struct dw_clock c = { 0 };

	(void)state;
	dw_clock_look(&c, T, BOOT, DW_UNKNOWN);
	assert_int_equal(dw_clock_reckon(&c, T, BOOT), T);
	dw_clock_look(&c, T + YEAR, BOOT + 60, DW_UNKNOWN);
	assert_int_equal(dw_clock_reckon(&c, T + YEAR, BOOT + 60), T + 60);
	dw_clock_look(&c, T - YEAR, BOOT + 120, DW_UNKNOWN); /* and jumps on: the first reading counts */
	assert_int_equal(dw_clock_reckon(&c, T - YEAR, BOOT + 120), T + 120);
	dw_clock_look(&c, T - YEAR + 600, BOOT + 720, DW_UNKNOWN);
	assert_int_equal(dw_clock_reckon(&c, T - YEAR + 600, BOOT + 720), T - YEAR + 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steady),
		cmocka_unit_test(small_steps_are_believed),
		cmocka_unit_test(a_year_ahead_for_one_look),
		cmocka_unit_test(steady_for_ten_minutes),
		cmocka_unit_test(a_second_jump_starts_the_wait_anew),
		cmocka_unit_test(a_server_confirms),
		cmocka_unit_test(behind_the_store_at_a_start),
		cmocka_unit_test(reckoned_by_the_boot_clock_while_in_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
