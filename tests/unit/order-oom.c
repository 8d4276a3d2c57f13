/* Facts, records, folds and merging when memory is out: a row is parsed, folded, stored, read and merged again and
 * again, each time one more allocation is granted. Every failure is -ENOMEM, nothing leaks, and the last try works. */
#include "duewatch/alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static long allocs_left = -1; /* that succeed; -1: all */

static bool may_alloc(void)
{
	if (allocs_left == 0)
		return false;
	allocs_left -= allocs_left > 0;
	return true;
}

static void *failing_malloc(size_t n)
{
	return may_alloc() ? malloc(n) : NULL;
}

static void *failing_realloc(void *p, size_t n)
{
	return may_alloc() ? realloc(p, n) : NULL;
}

#define malloc failing_malloc
#define realloc failing_realloc
#include "../../daemon/core/base.c"
#include "../../daemon/core/fact.c"
#include "../../daemon/core/fold.c"
#include "../../daemon/core/order.c"
#include "../../daemon/core/record.c"

static int parse(struct dw_facts *f, enum dw_field x, const char *text)
{
	static const struct dw_cell_rules rules = { .zone = &dw_zone_utc };
	struct dw_err err;
	int r = dw_fact_parse(f, x, text, false, &rules, NULL, &err);

	if (r < 0)
		assert_string_equal(err.text, "out of memory");
	return r;
}

static int read_row(struct dw_facts *f)
{
	char wide[600];
	int r = parse(f, DW_F_ORDER_ID, "234100000000000001");

	memset(wide, 'x', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	if (r == 0)
		r = parse(f, DW_F_CURRENCY, "USD");
	if (r == 0)
		r = parse(f, DW_F_NOTE, wide);
	if (r == 0)
		r = parse(f, DW_F_PROMISED_AT, "2026-11-30");
	if (r == 0)
		r = parse(f, DW_F_STATUS, "awaiting_shipment");
	return r;
}

static int fold_two(struct dw_facts *out)
{
	struct dw_fold fold = { 0 };
	struct dw_facts row = { 0 };
	int r = 0;

	for (int i = 0; r == 0 && i < 2; i++) {
		r = read_row(&row);
		if (r == 0)
			r = dw_fold_add(&fold, &row);
	}
	dw_facts_fini(&row);
	if (r == 0)
		return dw_fold_finish(&fold, out);
	dw_fold_fini(&fold);
	return r;
}

static int store_and_load(struct dw_facts *f)
{
	DW_BUF b = { 0 };
	struct dw_facts back, copy;
	int r = dw_facts_encode(&b, f);

	if (r == 0)
		r = dw_facts_decode(&back, b.p, b.n);
	if (r < 0)
		return r;
	r = dw_facts_copy(&copy, &back);
	if (r == 0) {
		struct dw_facts now = { 0 };

		r = dw_facts_succeed(&now, &copy, 0, 0);
		dw_facts_fini(&now);
		dw_facts_fini(&copy);
	}
	dw_facts_fini(&back);
	return r;
}

static int merge_it(const struct dw_facts *main_facts)
{
	struct dw_memory m = DW_MEMORY_NONE;
	struct dw_overlay plan = { .feed = "plan", .facts = main_facts };
	struct dw_hand h = { .field = DW_F_NOTE, .at = 1 };
	struct dw_sources s = { .main = main_facts, .overlay = &plan, .n_overlay = 1, .hand = &h, .n_hand = 1 };
	DW_BUF base = { 0 };
	DW_BUF memory = { 0 };
	struct dw_order o;
	int r = dw_hand_base(&base, &s, DW_F_NOTE);

	if (r == 0)
		r = dw_memory_encode(&memory, &m);
	h.base = base.p;
	if (r == 0)
		r = dw_facts_set_text(&h.value, DW_F_NOTE, "by hand");
	if (r == 0)
		r = dw_order_merge(&o, &s, &m, 1, 2);
	if (r == 0) {
		assert_string_equal(dw_text(&o.f, DW_F_NOTE), "by hand");
		dw_order_fini(&o);
	}
	dw_facts_fini(&h.value);
	return r;
}

static int everything(void)
{
	struct dw_facts f = { 0 };
	int r = fold_two(&f);

	if (r == 0)
		r = store_and_load(&f);
	if (r == 0)
		r = merge_it(&f);
	dw_facts_fini(&f);
	return r;
}

static void out_of_memory(void **state)
{
	long n = 0;
	int r;

	(void)state;
	do {
		allocs_left = n++;
		r = everything();
		assert_true(r == 0 || r == -ENOMEM);
	} while (r < 0 && n < 1000);
	allocs_left = -1;
	assert_int_equal(r, 0);
	assert_true(n > 20); /* there was something to refuse */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(out_of_memory) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
