/* base.h: what every room leans on. */
#include "duewatch/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void errors(void **state)
{
	struct dw_err err;
	char text[1200];

	(void)state;
	assert_int_equal(dw_err_set(NULL, -EIO, "%s", "x"), -EIO);
	assert_int_equal(dw_err_set(&err, -EINVAL, "line %d\r\nnext", 7), -EINVAL);
	assert_string_equal(err.text, "line 7  next");
	assert_int_equal(dw_err_oom(&err), -ENOMEM);
	assert_string_equal(err.text, "out of memory");
	/* too long: cut at a character's start, wherever that falls */
	for (size_t lead = 0; lead < 4; lead++) {
		size_t n = lead;

		memset(text, 'x', sizeof(text));
		for (; n + 3 < sizeof(text); n += 3)
			memcpy(text + n, "钢", 3);
		text[n] = '\0';
		dw_err_set(&err, -1, "%s", text);
		n = strlen(err.text);
		assert_true(n >= sizeof(err.text) - 7 && n < sizeof(err.text));
		assert_true(dw_utf8_valid(err.text, n));
		assert_memory_equal(err.text, text, n);
	}
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	dw_err_set(&err, -1, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	/* "%.20s" cuts bytes, and a file's name may be any of them */
	dw_err_set(&err, -1, "\"%.5s\" in %s", "a钢钢", "\xB6\xA9\xB5.csv");
	assert_string_equal(err.text, "\"a钢?\" in ?.csv");
}

static void buffers(void **state)
{
	DW_BUF b = { 0 };
	char *p;

	(void)state;
	assert_string_equal(dw_buf_str(&b), "");
	dw_buf_reset(&b);
	dw_buf_puts(&b, NULL);
	for (int i = 0; i < 100; i++)
		dw_buf_printf(&b, "%02d", i);
	dw_buf_putc(&b, '!');
	assert_int_equal(b.n, 201);
	assert_memory_equal(b.p, "000102", 6);
	assert_string_equal(b.p + 196, "9899!");
	dw_buf_reset(&b);
	assert_string_equal(dw_buf_str(&b), "");
	dw_buf_puts(&b, "abc");
	p = dw_buf_take(&b);
	assert_string_equal(p, "abc");
	assert_null(b.p);
	free(p);
	p = dw_buf_take(&b); /* empty, not NULL */
	assert_string_equal(p, "");
	free(p);
	/* one thing that can't be: everything after does nothing, and the taker learns of it */
	dw_buf_puts(&b, "abc");
	dw_buf_add(&b, "x", SIZE_MAX / 2);
	assert_true(b.failed);
	dw_buf_puts(&b, "def");
	dw_buf_printf(&b, "%d", 1);
	assert_string_equal(dw_buf_str(&b), "abc");
	assert_null(dw_buf_take(&b));
	assert_false(b.failed);
}

static void grows(void **state)
{
	int *p = NULL;
	size_t cap = 0;

	(void)state;
	assert_int_equal(dw_grow(&p, &cap, 1, sizeof(*p)), 0);
	assert_int_equal(cap, 8);
	p[7] = 7;
	assert_int_equal(dw_grow(&p, &cap, 8, sizeof(*p)), 0);
	assert_int_equal(cap, 8);
	assert_int_equal(dw_grow(&p, &cap, 100, sizeof(*p)), 0);
	assert_int_equal(cap, 128);
	assert_int_equal(p[7], 7);
	assert_int_equal(dw_grow(&p, &cap, SIZE_MAX / 4, 64), -ENOMEM);
	assert_int_equal(dw_grow(&p, &cap, SIZE_MAX, 1), -ENOMEM);
	assert_int_equal(cap, 128);
	free(p);
}

static void texts(void **state)
{
	DW_FREE char *a = dw_strdup("abc");
	char *b;

	(void)state;
	assert_string_equal(a, "abc");
	assert_null(dw_strdup(NULL));
	assert_true(dw_streq(a, "abc") && dw_streq(NULL, NULL) && !dw_streq(a, NULL) && !dw_streq(a, "ab"));
	assert_true(dw_empty(NULL) && dw_empty("") && !dw_empty("x"));
	b = dw_steal(&a);
	assert_null(a);
	assert_string_equal(b, "abc");
	free(b);
}

static void hashes(void **state)
{
	uint64_t ab_c = dw_hash_str(dw_hash_str(DW_HASH_INIT, "ab"), "c"), a_bc = dw_hash_str(dw_hash_str(DW_HASH_INIT, "a"), "bc");

	(void)state;
	assert_true(dw_hash(DW_HASH_INIT, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c)); /* FNV-1a's published value */
	assert_true(dw_hash(DW_HASH_INIT, "", 0) == DW_HASH_INIT);
	assert_true(ab_c != a_bc);
	assert_true(dw_hash_str(DW_HASH_INIT, NULL) != dw_hash_str(DW_HASH_INIT, ""));
}

static void nearest(void **state)
{
	static const char *const words[] = { "promised_at", "shipped_at", NULL, "", "sea", "status",
					     "a_name_so_long_that_nobody_would_ever_think_of_typing_it_wrong" };
	static const struct {
		const char *s, *is;
	} t[] = {
		{ "promised_at", "promised_at" }, { "promisedat", "promised_at" }, { "shiped_at", "shipped_at" },
		{ "sattus", "status" },		  { "stauts", "status" },	   { "se", "sea" },
		{ "see", "sea" },		  { "tree", NULL },		   { "", NULL },
		{ "zzzzzz", NULL },
		{ "a_name_so_long_that_nobody_would_ever_think_of_typing_it_wrong", NULL },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		const char *got = dw_near(t[i].s, words, DW_COUNT(words));

		if (!dw_streq(got, t[i].is))
			fail_msg("\"%s\": %s", t[i].s, got ? got : "(none)");
	}
}

static void utf8(void **state)
{
	static const struct {
		const char *s;
		size_t n, len;
	} t[] = {
		{ "a", 1, 1 }, { "", 0, 0 }, { "\xC2\xA0", 2, 2 }, { "钢", 3, 3 }, { "\xF0\x9F\x9A\xA2", 4, 4 },
		{ "\xF4\x8F\xBF\xBF", 4, 4 },	 /* U+10FFFF */
		{ "\xF4\x90\x80\x80", 4, 0 },	 /* beyond */
		{ "\xF5\x80\x80\x80", 4, 0 }, { "\xED\xA0\x80", 3, 0 }, /* a surrogate */
		{ "\xC0\x80", 2, 0 },		 /* overlong, two to four bytes */
		{ "\xE0\x80\x80", 3, 0 }, { "\xF0\x80\x80\x80", 4, 0 },
		{ "\x80", 1, 0 }, { "\xFF", 1, 0 }, { "\xE9\x92", 2, 0 }, { "\xE9xx", 3, 0 },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		assert_int_equal(dw_utf8_seq(t[i].s, t[i].n), t[i].len);
		assert_int_equal(dw_utf8_valid(t[i].s, t[i].n), t[i].len == t[i].n);
	}
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		char s[8] = "";

		memcpy(s, t[i].s, t[i].n);
		dw_utf8_mend(s);
		assert_true(dw_utf8_valid(s, strlen(s)));
		assert_true(t[i].len != t[i].n || strcmp(s, t[i].s) == 0);
	}
	assert_true(dw_utf8_valid("a钢b", 5));
	assert_false(dw_utf8_valid("a钢b\xFF", 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(errors), cmocka_unit_test(buffers), cmocka_unit_test(grows),
					    cmocka_unit_test(texts),  cmocka_unit_test(hashes),	 cmocka_unit_test(nearest),
					    cmocka_unit_test(utf8) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
