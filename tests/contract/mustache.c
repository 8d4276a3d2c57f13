/* template.h against the public Mustache specification: its six required files, as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>

#include "duewatch/template.h"

#define SPEC DW_SOURCE_DIR "/../shared/data/mustache-spec/"

static struct dw_tval *convert(const json_t *j);

static struct dw_tval *convert_map(const json_t *j)
{
	struct dw_tval *map = dw_tval_map();
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)j, key, v)
		assert_int_equal(dw_tval_set(map, key, convert(v)), 0);
	return map;
}

static struct dw_tval *convert_list(const json_t *j)
{
	struct dw_tval *list = dw_tval_list();

	for (size_t i = 0; i < json_array_size(j); i++)
		assert_int_equal(dw_tval_push(list, convert(json_array_get(j, i))), 0);
	return list;
}

static struct dw_tval *convert(const json_t *j)
{
	char text[32];

	switch (json_typeof(j)) {
	case JSON_OBJECT:
		return convert_map(j);
	case JSON_ARRAY:
		return convert_list(j);
	case JSON_STRING:
		return dw_tval_text(json_string_value(j));
	case JSON_INTEGER:
		return dw_tval_int(json_integer_value(j));
	case JSON_REAL:
		snprintf(text, sizeof(text), "%.15g", json_real_value(j));
		return dw_tval_text(text);
	case JSON_TRUE:
		return dw_tval_bool(true);
	case JSON_FALSE:
	case JSON_NULL:
		break;
	}
	return dw_tval_bool(false);
}

struct partials {
	const char *names[8];
	struct dw_template *tpls[8];
	size_t n;
};

static const struct dw_template *find_partial(const char *name, void *ctx)
{
	const struct partials *p = ctx;

	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->names[i], name) == 0)
			return p->tpls[i];
	return NULL;
}

static void parse_partials(struct partials *p, json_t *texts)
{
	const char *key;
	json_t *v;

	json_object_foreach(texts, key, v) {
		assert_true(p->n < DW_COUNT(p->tpls));
		p->names[p->n] = key;
		assert_int_equal(dw_template_parse(&p->tpls[p->n], key, json_string_value(v), NULL), 0);
		p->n++;
	}
}

/* Renders one test of the specification; false, with both texts printed, if the result is another. */
static bool agrees(const json_t *test)
{
	const char *name = json_string_value(json_object_get(test, "name"));
	const char *want = json_string_value(json_object_get(test, "expected"));
	const char *text = json_string_value(json_object_get(test, "template"));
	DW_CLEANUP(dw_template_freep) struct dw_template *tpl = NULL;
	DW_CLEANUP(dw_tval_freep) struct dw_tval *root = NULL;
	DW_BUF out = { 0 };
	struct partials p = { .n = 0 };
	struct dw_err err = { "" };
	int r;

	assert_true(name && want && text);
	root = convert(json_object_get(test, "data"));
	parse_partials(&p, json_object_get(test, "partials"));
	r = dw_template_parse(&tpl, name, text, &err);
	if (r == 0)
		r = dw_template_render(tpl, root, find_partial, &p, DW_ESCAPE_HTML, &out, &err);
	for (size_t i = 0; i < p.n; i++)
		dw_template_free(p.tpls[i]);
	if (r == 0 && strcmp(dw_buf_str(&out), want) == 0)
		return true;
	print_error("%s: %s\ntemplate: %s\nwanted:   %s\ngot:      %s\n", name, err.text, text, want, dw_buf_str(&out));
	return false;
}

/* at_least: tests in the copy this was written against, so that an emptied file doesn't pass. */
static void check_file(const char *path, size_t at_least)
{
	json_error_t why;
	json_t *root = json_load_file(path, 0, &why), *tests = json_object_get(root, "tests");
	size_t n = json_array_size(tests), bad = 0;

	if (!root)
		fail_msg("%s: %s (line %d); the Mustache specification's files must be there", path, why.text, why.line);
	for (size_t i = 0; i < n; i++)
		bad += !agrees(json_array_get(tests, i));
	json_decref(root);
	print_message("%s: %zu of %zu agree\n", path, n - bad, n);
	assert_int_equal(bad, 0);
	assert_true(n >= at_least);
}

static void comments(void **state DW_UNUSED)
{
	check_file(SPEC "comments.json", 12);
}

static void delimiters(void **state DW_UNUSED)
{
	check_file(SPEC "delimiters.json", 14);
}

static void interpolation(void **state DW_UNUSED)
{
	check_file(SPEC "interpolation.json", 42);
}

static void inverted(void **state DW_UNUSED)
{
	check_file(SPEC "inverted.json", 22);
}

static void partials(void **state DW_UNUSED)
{
	check_file(SPEC "partials.json", 12);
}

static void sections(void **state DW_UNUSED)
{
	check_file(SPEC "sections.json", 34);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comments),
		cmocka_unit_test(delimiters),
		cmocka_unit_test(interpolation),
		cmocka_unit_test(inverted),
		cmocka_unit_test(partials),
		cmocka_unit_test(sections),
	};

	return cmocka_run_group_tests_name("mustache", tests, NULL, NULL);
}
