/* template.h beyond the specification's own tests (tests/contract/mustache.c): limits, errors with their lines,
 * escaping, indentation, names for `check`. Allocations that fail: template-oom.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "duewatch/template.h"

struct table {
	const char *names[4], *texts[4];
	struct dw_template *tpls[4];
};

static const struct dw_template *table_find(const char *name, void *ctx)
{
	const struct table *t = ctx;

	for (size_t i = 0; i < DW_COUNT(t->names); i++)
		if (dw_streq(t->names[i], name))
			return t->tpls[i];
	return NULL;
}

static void table_parse(struct table *t)
{
	for (size_t i = 0; i < DW_COUNT(t->names); i++)
		if (t->names[i])
			assert_int_equal(dw_template_parse(&t->tpls[i], t->names[i], t->texts[i], NULL), 0);
}

static void table_free(struct table *t)
{
	for (size_t i = 0; i < DW_COUNT(t->names); i++)
		dw_template_freep(&t->tpls[i]);
}

/* Parses and renders into out; the first failure and its text. */
static int fill(const char *text, const struct dw_tval *root, struct table *t, enum dw_escape escape, struct dw_buf *out,
		struct dw_err *err)
{
	DW_CLEANUP(dw_template_freep) struct dw_template *tpl = NULL;
	int r = dw_template_parse(&tpl, "mail.txt", text, err);

	return r < 0 ? r : dw_template_render(tpl, root, t ? table_find : NULL, t, escape, out, err);
}

/* Order 7 of two buyers, with one hostile name. */
static struct dw_tval *sample(void)
{
	struct dw_tval *root = dw_tval_map(), *buyers = dw_tval_list(), *b = dw_tval_map();

	dw_tval_set_int(root, "order", 7);
	dw_tval_set_text(root, "note", "");
	dw_tval_set_text(root, "zero", "0");
	dw_tval_set_bool(root, "late", true);
	dw_tval_set_bool(root, "closed", false);
	dw_tval_set_text(root, "evil", "<a href=\"x\">'&'</a>");
	dw_tval_set_text(root, "lines", "one\ntwo");
	dw_tval_set(root, "empty", dw_tval_map());
	dw_tval_set_text(b, "name", "Ann");
	dw_tval_push(buyers, b);
	b = dw_tval_map();
	dw_tval_set_text(b, "name", "Bo");
	dw_tval_push(buyers, b);
	dw_tval_push_text(buyers, "x");
	dw_tval_set(root, "buyers", buyers);
	return root;
}

static void renders(void **state DW_UNUSED)
{
	static const struct {
		enum dw_escape escape;
		const char *text, *want;
	} cases[] = {
		{ DW_ESCAPE_NONE, "", "" },
		{ DW_ESCAPE_NONE, "\xEF\xBB\xBF{{order}}\n", "7\n" },
		{ DW_ESCAPE_NONE, "{{evil}}", "<a href=\"x\">'&'</a>" },
		{ DW_ESCAPE_HTML, "{{evil}}", "&lt;a href=&quot;x&quot;&gt;'&amp;'&lt;/a&gt;" },
		{ DW_ESCAPE_HTML, "{{{evil}}}{{&order}}{{& order }}", "<a href=\"x\">'&'</a>77" },
		{ DW_ESCAPE_HTML, "<%{{=<% %>=}}<%{evil}%>", "<%<a href=\"x\">'&'</a>" },
		{ DW_ESCAPE_NONE, "{{ # late }}y{{ / late }}{{^late}}n{{/late}}", "y" },
		{ DW_ESCAPE_NONE, "{{#closed}}y{{/closed}}{{^closed}}n{{/closed}}", "n" },
		{ DW_ESCAPE_NONE, "{{#note}}y{{/note}}{{^note}}n{{/note}}", "n" },
		{ DW_ESCAPE_NONE, "{{#zero}}y{{/zero}}{{^zero}}n{{/zero}}", "y" },
		{ DW_ESCAPE_NONE, "{{#empty}}{{order}}{{/empty}}", "7" },
		{ DW_ESCAPE_NONE, "[{{buyers}}{{empty}}{{absent}}{{order.x}}{{>absent}}]", "[]" },
		{ DW_ESCAPE_NONE, "{{#buyers}}{{name}}/{{order}}/{{.}};{{/buyers}}", "Ann/7/;Bo/7/;/7/x;" },
		{ DW_ESCAPE_NONE, "a\n \t{{#late}} \t\r\nb\n{{/late}}", "a\nb\n" },
		{ DW_ESCAPE_NONE, "{{#late}} {{/late}}\n", " \n" },
		{ DW_ESCAPE_NONE, "{{order}}}", "7}" },
		{ DW_ESCAPE_NONE, "{{\norder\n}}\n", "7\n" },
	};
	DW_CLEANUP(dw_tval_freep) struct dw_tval *root = sample();

	assert_int_equal(dw_tval_failed(root), 0);
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		DW_BUF out = { 0 };
		struct dw_err err = { "" };

		dw_buf_puts(&out, "before ");
		assert_int_equal(fill(cases[i].text, root, NULL, cases[i].escape, &out, &err), 0);
		assert_memory_equal(dw_buf_str(&out), "before ", 7);
		assert_string_equal(dw_buf_str(&out) + 7, cases[i].want);
	}
}

static void indents(void **state DW_UNUSED)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "  {{>a}}\n", "  7\n  <one\ntwo>\n" },
		{ "  {{>b}}\nend", "  -\n    7\n    <one\ntwo>\n  Ann\n  Bo\n  \n  +\nend" },
		{ "{{>b}}", "-\n  7\n  <one\ntwo>\nAnn\nBo\n\n+\n" },
		{ "  {{>c}}\n", "  x 7\n<one\ntwo>\n.\n" },
		{ "\t{{>d}}\n", "\ta\n\t\n\tb" },
	};
	struct table t = { .names = { "a", "b", "c", "d" },
			   .texts = { "{{order}}\n{{#late}}\n<{{lines}}>\n{{/late}}\n",
				      "-\n  {{>a}}\n{{#buyers}}\n{{! gone }}\n{{name}}\n{{/buyers}}\n+\n", "x {{>a}}.\n",
				      "a\n\nb" } };
	DW_CLEANUP(dw_tval_freep) struct dw_tval *root = sample();

	table_parse(&t);
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		DW_BUF out = { 0 };

		assert_int_equal(fill(cases[i].text, root, &t, DW_ESCAPE_NONE, &out, NULL), 0);
		assert_string_equal(dw_buf_str(&out), cases[i].want);
	}
	table_free(&t);
}

static void parse_errors(void **state DW_UNUSED)
{
	static const struct {
		const char *text, *err;
	} cases[] = {
		{ "a\n{{b", "mail.txt:2: {{ is not closed, }} must follow" },
		{ "{{{b}}", "mail.txt:1: {{{ is not closed, }}} must follow" },
		{ "\n\n{{=<% %>}}", "mail.txt:3: {{= is not closed, =}} must follow" },
		{ "{{! a\n\n}}\n{{}}", "mail.txt:4: a tag without a name, it must have one" },
		{ "{{#  }}", "mail.txt:1: a tag without a name, it must have one" },
		{ "{{a b}}", "mail.txt:1: \"a b\" is not a name, one word without spaces or control characters is allowed" },
		{ "{{a\nb}}", "mail.txt:1: \"a\" is not a name, one word without spaces or control characters is allowed" },
		{ "{{a..b}}", "mail.txt:1: \"a..b\" is not a name, words with one dot between them, or one dot alone, are "
			      "allowed" },
		{ "{{#.a}}{{/.a}}", "mail.txt:1: \".a\" is not a name, words with one dot between them, or one dot alone, "
				    "are allowed" },
		{ "{{$a}}{{/a}}", "mail.txt:1: \"$a\" is not a name, blocks and parents are not supported, partials "
				  "{{>name}} are allowed" },
		{ "{{#a}}\n{{^b}}\n{{/a}}\n{{/b}}", "mail.txt:3: /a closes another section, only /b is allowed (line 2)" },
		{ "x\n{{/a}}", "mail.txt:2: /a closes nothing, it is allowed after #a or ^a" },
		{ "x\n{{#a}}\n\n", "mail.txt:2: section \"a\" is not closed, /a must follow" },
		{ "{{=a=}}", "mail.txt:1: \"a\" sets no delimiters, two of up to 16 bytes without = are allowed" },
		{ "{{=a b c=}}", "mail.txt:1: \"a b c\" sets no delimiters, two of up to 16 bytes without = are allowed" },
		{ "{{=a b=c=}}", "mail.txt:1: \"a b=c\" sets no delimiters, two of up to 16 bytes without = are allowed" },
		{ "{{=12345678901234567 b=}}", "mail.txt:1: \"12345678901234567 b\" sets no delimiters, two of up to 16 "
					       "bytes without = are allowed" },
		{ "a\n\n\xff", "mail.txt:3: byte 0xff is not UTF-8, only UTF-8 is allowed" },
	};

	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		struct dw_template *tpl = NULL;
		struct dw_err err = { "" };

		assert_int_equal(dw_template_parse(&tpl, "mail.txt", cases[i].text, &err), -EINVAL);
		assert_string_equal(err.text, cases[i].err);
		assert_null(tpl);
	}
}

/* n times `one`, then `last` n times. */
static char *repeat(const char *one, const char *last, size_t n)
{
	DW_BUF b = { 0 };

	for (size_t i = 0; i < n; i++)
		dw_buf_puts(&b, one);
	for (size_t i = 0; i < n; i++)
		dw_buf_puts(&b, last);
	return dw_buf_take(&b);
}

static void parse_limits(void **state DW_UNUSED)
{
	static const struct {
		const char *one, *last, *before, *after;
		size_t allowed;
		int code;
		const char *err;
	} cases[] = {
		{ "x", "", "", "", DW_TEMPLATE_TEXT_MAX, -EFBIG,
		  "m:1: the template is too large, 262144 bytes are allowed" },
		{ "x", "", "{{", "}}", DW_TEMPLATE_NAME_MAX, -EINVAL,
		  "m:1: the name \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\" is 129 bytes long, 128 are allowed" },
		{ "{{#a}}\n", "{{/a}}", "", "", DW_TEMPLATE_NEST_MAX, -EINVAL,
		  "m:33: section \"a\" is nested too deep, 32 levels are allowed" },
	};

	for (size_t i = 0; i < DW_COUNT(cases); i++)
		for (size_t over = 0; over < 2; over++) {
			DW_CLEANUP(dw_template_freep) struct dw_template *tpl = NULL;
			DW_FREE char *middle = repeat(cases[i].one, cases[i].last, cases[i].allowed + over);
			DW_BUF text = { 0 };
			struct dw_err err = { "" };

			dw_buf_puts(&text, cases[i].before);
			dw_buf_puts(&text, middle);
			dw_buf_puts(&text, cases[i].after);
			assert_int_equal(dw_template_parse(&tpl, "m", dw_buf_str(&text), &err), over ? cases[i].code : 0);
			assert_string_equal(err.text, over ? cases[i].err : "");
		}
}

/* A root whose list `l` has n items of text: for loops in loops. */
static struct dw_tval *looping(size_t n, const char *item)
{
	struct dw_tval *root = dw_tval_map(), *l = dw_tval_list();

	for (size_t i = 0; i < n; i++)
		dw_tval_push_text(l, item);
	dw_tval_set(root, "l", l);
	return root;
}

static void fails_with(const char *text, const struct dw_tval *root, struct table *t, int code, const char *want)
{
	DW_BUF out = { 0 };
	struct dw_err err = { "" };

	dw_buf_puts(&out, "kept");
	assert_int_equal(fill(text, root, t, DW_ESCAPE_HTML, &out, &err), code);
	assert_string_equal(err.text, want);
	assert_string_equal(dw_buf_str(&out), "kept");
	assert_int_equal(out.n, 4);
}

static void render_limits(void **state DW_UNUSED)
{
	DW_CLEANUP(dw_tval_freep) struct dw_tval *root = looping(1024, "0123456789abcdef");
	struct table t = { .names = { "self", "deep", "twice" },
			   .texts = { "\n{{>self}}", "{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{>deep}}{{/l}}{{/l}}{{/l}}{{/l}}{{/l}}",
				      "{{>twice}}{{>twice}}" } };

	table_parse(&t);
	/* 1024 * 1024 * 16 bytes; 1024 to the fifth rounds that print nothing */
	fails_with("a\n{{#l}}{{#l}}\n{{.}}{{/l}}{{/l}}", root, NULL, -EFBIG,
		   "mail.txt:3: the result is too large, 4194304 bytes are allowed");
	fails_with("\n{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{/l}}{{/l}}{{/l}}{{/l}}{{/l}}", root, NULL, -ELOOP,
		   "mail.txt:2: too many steps of rendering, 4194304 are allowed");
	fails_with("{{>self}}", root, &t, -ELOOP, "self:2: too many partials in partials, 32 are allowed");
	fails_with("{{>twice}}", root, &t, -ELOOP, "twice:1: too many partials in partials, 32 are allowed");
	fails_with("{{>deep}}", root, &t, -ELOOP, "deep:1: too many sections in sections, 128 are allowed");
	table_free(&t);
}

/* 4 MiB is a result's most, whatever out held before. */
static void result_may_be_full(void **state DW_UNUSED)
{
	DW_FREE char *item = repeat("x", "", 4096);
	DW_CLEANUP(dw_tval_freep) struct dw_tval *root = looping(1024, item);
	DW_BUF out = { 0 };

	dw_buf_puts(&out, "before");
	assert_int_equal(fill("{{#l}}{{.}}{{/l}}", root, NULL, DW_ESCAPE_HTML, &out, NULL), 0);
	assert_int_equal(out.n, DW_TEMPLATE_OUT_MAX + 6);
	dw_buf_reset(&out);
	assert_int_equal(fill("{{#l}}{{.}}{{/l}}!", root, NULL, DW_ESCAPE_HTML, &out, NULL), -EFBIG);
	assert_int_equal(out.n, 0);
}

static int note_use(const struct dw_template_use *u, void *ctx)
{
	static const char kinds[] = { [DW_USE_VALUE] = 'v', [DW_USE_SECTION] = '#', [DW_USE_INVERTED] = '^',
				      [DW_USE_PARTIAL] = '>' };
	struct dw_buf *b = ctx;

	dw_buf_printf(b, "%u%c%s", u->line, kinds[u->kind], u->name);
	for (size_t i = 0; i < u->n_in; i++)
		dw_buf_printf(b, "<%s", u->in[i]);
	dw_buf_putc(b, ' ');
	return strcmp(u->name, "stop") == 0 ? 5 : 0;
}

static void lists_names(void **state DW_UNUSED)
{
	DW_CLEANUP(dw_template_freep) struct dw_template *tpl = NULL;
	DW_BUF b = { 0 };

	assert_int_equal(dw_template_parse(&tpl, "m",
					   "{{a.b}}\n{{#l}}\n{{.}} {{{x}}}\n{{^n}}{{! no }}{{&y}}{{#m}}\n{{z}}{{/m}}{{/n}}"
					   "{{w}}\n{{/l}}\n{{>p.html}}{{=| |=}}\n|last| {{text}} |stop| |never|",
					   NULL),
			 0);
	assert_int_equal(dw_template_names(tpl, note_use, &b), 5);
	assert_string_equal(dw_buf_str(&b),
			    "1va.b 2#l 3vx<l 4^n<l 4vy<l 4#m<l 5vz<l<m 5vw<l 7>p.html 8vlast 8vstop ");
}

static void tree_refuses(void **state DW_UNUSED)
{
	DW_CLEANUP(dw_tval_freep) struct dw_tval *root = dw_tval_map(), *free_list = dw_tval_list();
	struct dw_tval *list = dw_tval_list(), *other = dw_tval_map();

	assert_int_equal(dw_tval_set(root, "l", list), 0);
	assert_int_equal(dw_tval_set(root, "o", other), 0);
	assert_int_equal(dw_tval_failed(root), 0);
	assert_int_equal(dw_tval_push(free_list, other), -EINVAL);     /* has a place */
	assert_int_equal(dw_tval_push(free_list, free_list), -EINVAL); /* would hold itself */
	assert_int_equal(dw_tval_failed(root), 0);
	assert_int_equal(dw_tval_push_text(list, "late"), -EINVAL); /* given away: the root hears of it */
	assert_int_equal(dw_tval_failed(root), -EINVAL);
	assert_int_equal(dw_tval_push(list, root), -EINVAL); /* holds it */
	assert_int_equal(dw_tval_push(NULL, dw_tval_list()), -ENOMEM);
	assert_int_equal(dw_tval_push(root, dw_tval_map()), -EINVAL); /* no list */
	assert_int_equal(dw_tval_set(root, "x", NULL), -ENOMEM);
	assert_int_equal(dw_tval_count(root), 2);
	assert_int_equal(dw_tval_count(list), 0);
	fails_with("x", root, NULL, -EINVAL, "mail.txt: its data is incomplete: Invalid argument");
}

static void tree_keeps_the_last(void **state DW_UNUSED)
{
	DW_CLEANUP(dw_tval_freep) struct dw_tval *root = dw_tval_map();
	DW_BUF out = { 0 };

	dw_tval_set_text(root, "a", "old");
	dw_tval_set_int(root, "b", INT64_MIN);
	assert_int_equal(dw_tval_set_text(root, "a", NULL), 0);
	assert_int_equal(dw_tval_set_text(root, "a", "new"), 0);
	assert_int_equal(dw_tval_count(root), 2);
	assert_int_equal(fill("{{a}} {{b}}", root, NULL, DW_ESCAPE_NONE, &out, NULL), 0);
	assert_string_equal(dw_buf_str(&out), "new -9223372036854775808");
}

static void tree_is_broad(void **state DW_UNUSED)
{
	DW_CLEANUP(dw_tval_freep) struct dw_tval *list = dw_tval_list(), *map = dw_tval_map();
	char name[16];

	for (int i = 0; i < DW_TVAL_LIST_MAX; i++)
		assert_int_equal(dw_tval_push(list, dw_tval_bool(true)), 0);
	assert_int_equal(dw_tval_push_text(list, "one more"), -E2BIG);
	assert_int_equal(dw_tval_failed(list), -E2BIG);
	for (int i = 0; i < DW_TVAL_MAP_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(dw_tval_set_bool(map, name, true), 0);
	}
	assert_int_equal(dw_tval_set_text(map, "0", "replacing is fine"), 0);
	assert_int_equal(dw_tval_set_text(map, "one more", ""), -E2BIG);
}

static void tree_is_deep(void **state DW_UNUSED)
{
	DW_CLEANUP(dw_tval_freep) struct dw_tval *top = dw_tval_text("x"), *over = dw_tval_list();

	for (int i = 1; i < DW_TVAL_DEPTH_MAX; i++) {
		struct dw_tval *above = i % 2 ? dw_tval_list() : dw_tval_map();

		assert_int_equal(i % 2 ? dw_tval_push(above, top) : dw_tval_set(above, "a", top), 0);
		top = above;
	}
	assert_int_equal(dw_tval_push_text(top, "level 2"), 0);
	assert_int_equal(dw_tval_failed(top), 0);
	assert_int_equal(dw_tval_push(over, dw_steal(&top)), -E2BIG);
	assert_int_equal(dw_tval_failed(over), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders),
		cmocka_unit_test(indents),
		cmocka_unit_test(parse_errors),
		cmocka_unit_test(parse_limits),
		cmocka_unit_test(render_limits),
		cmocka_unit_test(result_may_be_full),
		cmocka_unit_test(lists_names),
		cmocka_unit_test(tree_refuses),
		cmocka_unit_test(tree_keeps_the_last),
		cmocka_unit_test(tree_is_broad),
		cmocka_unit_test(tree_is_deep),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
