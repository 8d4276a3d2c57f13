/* template.h when memory is out: a mail is built, parsed and rendered again and again, each time one more allocation
 * is granted. The sources are compiled in here, with allocators that fail on command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void *failing_calloc(size_t n, size_t each)
{
	return may_alloc() ? calloc(n, each) : NULL;
}

static void *failing_realloc(void *p, size_t n)
{
	return may_alloc() ? realloc(p, n) : NULL;
}

#define malloc failing_malloc
#define calloc failing_calloc
#define realloc failing_realloc
#include "../../daemon/core/base.c"
#include "../../daemon/core/template.c"
#include "../../daemon/core/tval.c"

static struct dw_tval *sample(void)
{
	struct dw_tval *root = dw_tval_map(), *buyers = dw_tval_list(), *buyer = dw_tval_map();

	dw_tval_set_text(buyer, "name", "Ann & Bo");
	dw_tval_set_bool(buyer, "known", true);
	dw_tval_push(buyers, buyer);
	for (int i = 0; i < 9; i++) /* more than the first growth holds */
		dw_tval_push_text(buyers, "x");
	dw_tval_set(root, "buyers", buyers);
	dw_tval_set_int(root, "order", 7);
	dw_tval_set_int(root, "order", 8);
	return root;
}

static int make_mail(struct dw_buf *out, struct dw_err *err)
{
	DW_CLEANUP(dw_tval_freep) struct dw_tval *root = sample();
	DW_CLEANUP(dw_template_freep) struct dw_template *tpl = NULL;
	int r = dw_template_parse(&tpl, "m", "{{#buyers}}\n{{name}} {{a.b.c.d.e.f.g.h.i}}{{.}}\n{{/buyers}}\n"
					     "{{order}}, and 80 bytes more, so that what is rendered must grow as well.", err);

	return r < 0 ? r : dw_template_render(tpl, root, NULL, NULL, DW_ESCAPE_HTML, out, err);
}

/* Complete, or -ENOMEM with nothing written and nothing leaked (the address sanitizer looks). */
static void each_allocation_fails(void **state DW_UNUSED)
{
	int r = -ENOMEM;
	long n;

	for (n = 0; r < 0 && n < 1000; n++) {
		DW_BUF out = { 0 };
		struct dw_err err = { "" };

		allocs_left = n;
		r = make_mail(&out, &err);
		allocs_left = -1;
		assert_true(r == 0 || r == -ENOMEM);
		assert_string_equal(err.text, r < 0 ? "out of memory" : "");
		assert_true(r == 0 ? strstr(out.p, "Ann &amp; Bo") && strstr(out.p, "\n8, and") : out.n == 0);
	}
	assert_int_equal(r, 0);
	assert_true(n > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_fails),
	};

	return cmocka_run_group_tests_name("template-oom", tests, NULL, NULL);
}
