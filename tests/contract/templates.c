/* The templates themselves: no language lacks a sentence, what stands in no language holds no words, and dw_templates_check
 * finds what people get wrong in their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../daemon/mail/compose-impl.h"

/* ---- languages ---- */

static const char *built_in(const char *language, const char *name)
{
	char key[100];

	snprintf(key, sizeof(key), "%s/%s", language, name);
	for (const struct dw_embedded *e = dw_embedded_templates; e->name; e++)
		if (strcmp(e->name, key) == 0)
			return e->text;
	return NULL;
}

static bool is_layout(int which)
{
	return strchr(dw_templates_name((enum dw_tpl)which), '.');
}

enum { NAMES_MAX = 600 };

struct names {
	char name[NAMES_MAX][64];
	size_t n;
};

static int collect(const struct dw_template_use *use, void *ctx)
{
	struct names *s = ctx;

	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->name[i], use->name) == 0)
			return 0;
	assert_true(s->n < NAMES_MAX);
	snprintf(s->name[s->n++], sizeof(s->name[0]), "%s", use->name);
	return 0;
}

/* Grammar that only English has: plurals. */
static bool only_grammar(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && strcmp(name + n - 4, "_one") == 0;
}

static void lacks(const struct names *a, const struct names *b, const char *template, const char *language)
{
	for (size_t i = 0; i < a->n; i++) {
		bool there = only_grammar(a->name[i]);

		for (size_t k = 0; k < b->n && !there; k++)
			there = strcmp(a->name[i], b->name[k]) == 0;
		if (!there)
			fail_msg("%s/%s.mustache doesn't say {{%s}}, the other language does", language, template, a->name[i]);
	}
}

static void no_language_lacks_a_sentence(void **state)
{
	(void)state;
	for (int i = 0; i < DW_TPL_COUNT; i++) {
		const char *name = dw_templates_name((enum dw_tpl)i);

		assert_non_null(built_in("en", name));
		for (size_t l = 1; dw_mail_language(l); l++) {
			const char *language = dw_mail_language(l), *text = built_in(language, name);
			DW_CLEANUP(dw_template_freep) struct dw_template *ours = NULL;
			DW_CLEANUP(dw_template_freep) struct dw_template *theirs = NULL;
			static struct names a, b;

			if (is_layout(i)) {
				assert_null(text); /* shared */
				continue;
			}
			if (!text)
				fail_msg("%s/%s.mustache is missing", language, name);
			assert_int_equal(dw_template_parse(&ours, name, built_in("en", name), NULL), 0);
			assert_int_equal(dw_template_parse(&theirs, name, text, NULL), 0);
			a.n = b.n = 0;
			dw_template_names(ours, collect, &a);
			dw_template_names(theirs, collect, &b);
			lacks(&a, &b, name, language);
			lacks(&b, &a, name, "en");
		}
	}
	for (const struct dw_embedded *e = dw_embedded_templates; e->name; e++)
		if (dw_templates_find(strchr(e->name, '/') + 1) < 0)
			fail_msg("nobody reads conf/templates/%s.mustache", e->name);
}

static void no_language_lacks_a_word(void **state)
{
	(void)state;
	for (size_t l = 0; dw_mail_language(l); l++) {
		const struct dw_words *w = dw_words_find(dw_mail_language(l));

		assert_string_equal(w->language, dw_mail_language(l));
		for (int i = 0; i < DW_KIND_COUNT; i++)
			assert_false(dw_empty(w->kind[i]));
		for (int i = 0; i < DW_STATUS_COUNT; i++)
			assert_false(dw_empty(w->status[i]));
		for (int i = 0; i < DW_BY_COUNT; i++)
			assert_false(dw_empty(w->transport[i]));
		for (int i = 0; i < DW_FIELD_COUNT; i++)
			assert_false(dw_empty(w->field[i]));
		assert_true(w->comma && w->and && w->you && w->yuan && w->place && w->both && w->date && w->span && w->age && w->left);
	}
	assert_null(strstr(dw_words_find("xx")->language, "zh"));
}

/* Every note is worded in each language, and every case of note.mustache is a note. */
static void every_note_is_in_the_table(void **state)
{
	static struct names s;

	(void)state;
	for (size_t l = 0; dw_mail_language(l); l++) {
		DW_CLEANUP(dw_template_freep) struct dw_template *tpl = NULL;
		size_t cases = 0;

		assert_int_equal(dw_template_parse(&tpl, "note", built_in(dw_mail_language(l), "note"), NULL), 0);
		s.n = 0;
		dw_template_names(tpl, collect, &s);
		for (size_t i = 0; i < s.n; i++)
			if (strncmp(s.name[i], "note.", 5) == 0) {
				if (!dw_notes_find(s.name[i] + 5))
					fail_msg("%s isn't in dw_notes", s.name[i]);
				cases++;
			}
		assert_int_equal(cases, dw_notes_count);
	}
}

/* What all languages share says nothing: outside tags, comments, styles and {{names}} there is no word. */
static void layouts_hold_no_words(void **state)
{
	(void)state;
	for (int i = 0; i < DW_TPL_COUNT; i++) {
		const char *name = dw_templates_name((enum dw_tpl)i), *p = built_in("en", name);
		unsigned letters = 0;

		while (is_layout(i) && *p) {
			static const char *const skip[][2] = { { "{{", "}}" }, { "<style", "</style>" }, { "<", ">" }, { "&", ";" } };
			const char *end = NULL;

			for (size_t k = 0; !end && k < DW_COUNT(skip); k++)
				if (strncmp(p, skip[k][0], strlen(skip[k][0])) == 0 && (end = strstr(p, skip[k][1])))
					end += strlen(skip[k][1]);
			if (end) {
				p = end;
				letters = 0;
				continue;
			}
			letters = isalpha((unsigned char)*p) ? letters + 1 : 0;
			if (letters == 2 || (unsigned char)*p >= 0xE3) /* Chinese begins there */
				fail_msg("a word in %s: %.40s", name, p - 1);
			p++;
		}
	}
}

/* ---- checking ---- */

enum { ALICE, CHEN };

struct checked {
	struct dw_config config;
	struct dw_person people[2];
	char dir[64], conf[100];
	struct dw_buf told;
	int n;
};

static void on_problem(void *ctx, const char *problem)
{
	struct checked *c = ctx;

	dw_buf_printf(&c->told, "%s\n", strncmp(problem, c->dir, strlen(c->dir)) == 0 ? problem + strlen(c->dir) + 1 : problem);
}

static void check_open(struct checked *c)
{
	memset(c, 0, sizeof(*c));
	strcpy(c->dir, "/tmp/dw-templates-XXXXXX");
	assert_non_null(mkdtemp(c->dir));
	snprintf(c->conf, sizeof(c->conf), "%s/duewatch.conf", c->dir);
	c->people[ALICE] = (struct dw_person){ .name = (char *)"alice", .email = (char *)"alice@example.com", .language = (char *)"en" };
	c->people[CHEN] = (struct dw_person){ .name = (char *)"chen", .email = (char *)"chen@example.com", .language = (char *)"zh-CN" };
	c->config = (struct dw_config){ .path = c->conf, .zone = &dw_zone_utc, .language = (char *)"en",
					.people = { .p = c->people, .n = 2 },
					.mail = { .from_name = (char *)"Duewatch", .from_address = (char *)"duewatch@example.com" } };
}

static void check_close(struct checked *c)
{
	char cmd[100];

	snprintf(cmd, sizeof(cmd), "rm -r %s", c->dir);
	assert_int_equal(system(cmd), 0);
	dw_buf_fini(&c->told);
}

static void put(struct checked *c, const char *name, const char *text)
{
	char path[200];
	FILE *f;

	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(path, sizeof(path), "%s/%.*s", c->dir, (int)(slash - name), name);
		mkdir(path, 0700);
	}
	snprintf(path, sizeof(path), "%s/%s", c->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* All that is told of the overrides put so far. */
static const char *check(struct checked *c)
{
	struct dw_err err = { "" };

	dw_buf_reset(&c->told);
	c->n = dw_templates_check(&c->config, on_problem, c, &err);
	if (c->n < 0)
		fail_msg("%s", err.text);
	return dw_buf_str(&c->told);
}

static void what_we_ship_is_fine(void **state)
{
	struct checked c;

	(void)state;
	check_open(&c);
	assert_string_equal(check(&c), "");
	assert_int_equal(c.n, 0);
	check_close(&c);
}

static void each_mistake_is_told_with_its_line(void **state)
{
	static const struct {
		const char *file, *text, *told;
	} cases[] = {
		{ "templates/en/act.mustache", "one\n{{#open}}\n", "templates/en/act.mustache:2: section \"open\" is not closed, /open must follow\n" },
		{ "templates/en/act.mustache", "! {{buyer}}\n\n{{pormise.day}}\n",
		  "templates/en/act.mustache:3: {{pormise.day}}: there is no such name here, perhaps promise\n" },
		{ "templates/en/act.mustache", "{{by.bth}}", "templates/en/act.mustache:1: {{by.bth}}: there is no such name here, perhaps both\n" },
		{ "templates/en/act.mustache", "{{#k.overdeu}}x{{/k.overdeu}}",
		  "templates/en/act.mustache:1: {{k.overdeu}}: there is no such name here, perhaps overdue\n" },
		{ "templates/zh-CN/row.mustache", "{{qqqqqqqqq}}", "templates/zh-CN/row.mustache:1: {{qqqqqqqqq}}: there is no such name here\n" },
		{ "templates/en/facts.mustache", "{{#facts}}\n{{vlaue}}{{#f.status}}{{source}}{{order_id}}{{/f.status}}{{/facts}}",
		  "templates/en/facts.mustache:2: {{vlaue}}: there is no such name here, perhaps value\n" },
		{ "templates/en/footer.mustache", "Hi {{reader}}\n{{>act}}\n{{>fotoer}}", /* act knows nothing of an order there, but elsewhere */
		  "templates/en/footer.mustache:3: {{>fotoer}}: there is no such template, perhaps footer\n" },
		{ "templates/en/footer.mustache", "{{#reader}}{{>footer}}{{/reader}}",
		  "templates/en/footer.mustache:1: too many partials in partials, 32 are allowed\n"
		  "templates/en/footer.mustache:1: {{>footer}} includes itself\n" },
		{ "templates/en/blocks.text.mustache", "{{#blocks}}{{>item.text}}{{/blocks}}",
		  "templates/en/blocks.text.mustache:1: too many partials in partials, 32 are allowed\n"
		  "en/item.text.mustache (built in):19: {{>blocks.text}} includes itself by way of others\n"
		  "templates/en/blocks.text.mustache:1: {{>item.text}} includes itself by way of others\n" },
		{ "templates/en/sujbect.mustache", "x", "templates/en/sujbect.mustache:1: there is no template of this name, so nobody reads it, perhaps subject.mustache\n" },
		{ "templates/act.mustache", "x", "templates/act.mustache:1: nobody reads it here, templates stand in a folder per language: en, zh-CN\n" },
		{ "templates/zh/act.mustache", "x", "templates/zh:1: duewatch writes no such language, so nobody reads it, allowed: en, zh-CN\n" },
		{ "templates/en/data.mustache", "\xFF", "templates/en/data.mustache:1: byte 0xff is not UTF-8, only UTF-8 is allowed\n" },
		{ "templates/en/note.mustache", "{{#note.feed_eror}}{{eror}}{{/note.feed_eror}}",
		  "templates/en/note.mustache:1: {{note.feed_eror}}: there is no such name here, perhaps feed_error\n"
		  "templates/en/note.mustache:1: {{eror}}: there is no such name here, perhaps error\n" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		struct checked c;

		check_open(&c);
		if (!strstr(cases[i].file, "zh-CN"))
			c.config.people.n = 1; /* each language costs its time */
		put(&c, cases[i].file, cases[i].text);
		assert_string_equal(check(&c), cases[i].told);
		assert_true(c.n > 0);
		check_close(&c);
	}
}

static void several_mistakes_are_told_at_once(void **state)
{
	struct checked c;
	const char *told;

	(void)state;
	check_open(&c);
	put(&c, "templates/en/act.mustache", "{{#a}}");
	put(&c, "templates/zh-CN/act.mustache", "{{/a}}");
	put(&c, "templates/en/told.mustache", "{{nmaes}}");
	told = check(&c);
	assert_int_equal(c.n, 3);
	assert_non_null(strstr(told, "en/act.mustache:1:"));
	assert_non_null(strstr(told, "zh-CN/act.mustache:1:"));
	assert_non_null(strstr(told, "en/told.mustache:1: {{nmaes}}"));
	check_close(&c);
}

static void a_result_too_long_is_told(void **state)
{
	DW_BUF long_one = { 0 };
	struct checked c;

	(void)state;
	check_open(&c);
	c.config.people.n = 1;
	put(&c, "templates/en/subject.mustache", "{{#single}}{{title}}{{title}}{{title}}{{title}}{{title}}{{title}}{{title}}{{title}}{{title}}"
						 "{{title}}{{title}}{{title}}{{title}}{{title}}{{/single}}{{^single}}x{{/single}}");
	assert_string_equal(check(&c), "templates/en/subject.mustache:1: the subject is too long and was cut, 240 characters are allowed\n");
	put(&c, "templates/en/subject.mustache", "x");
	dw_buf_puts(&long_one, "{{#sections}}{{#table}}{{#rows}}\n");
	for (int i = 0; i < 50000; i++)
		dw_buf_puts(&long_one, "abcd");
	dw_buf_puts(&long_one, "{{/rows}}{{/table}}{{/sections}}");
	put(&c, "templates/en/mail.text.mustache", long_one.p);
	if (!strstr(check(&c), "templates/en/mail.text.mustache:1: the result is too large, 4194304 bytes are allowed\n"))
		fail_msg("%s", dw_buf_str(&c.told));
	check_close(&c);
}

static void a_language_nobody_reads_is_not_rendered(void **state)
{
	struct checked c;

	(void)state;
	check_open(&c);
	put(&c, "templates/zh-CN/act.mustache", "{{#a}}");
	c.people[CHEN].language = (char *)"en";
	assert_string_equal(check(&c), "");
	c.people[CHEN].language = NULL;
	c.config.language = (char *)"zh-CN";
	check(&c);
	assert_int_equal(c.n, 1);
	c.config.language = (char *)"en";
	check_close(&c);
}

static void a_packs_text_for_the_buyer_is_checked(void **state)
{
	static char *line[] = { (char *)"Dear {{buyer}},", (char *)"{{new_dat}} {{#x}}" };
	struct dw_pack_text text[] = { { .key = (char *)"buyer_text", .language = (char *)"en", .line = line, .n = 1 },
				       { .key = (char *)"buyer_text", .language = (char *)"zh-CN", .line = line, .n = 2 } };
	struct dw_pack pack = { .name = (char *)"mine", .texts = text, .n_texts = 2 };
	struct checked c;

	(void)state;
	check_open(&c);
	c.config.people.n = 1;
	c.config.packs = &pack;
	c.config.n_packs = 1;
	assert_string_equal(check(&c), "pack mine, buyer_text (zh-CN):2: section \"x\" is not closed, /x must follow\n");
	line[1] = (char *)"{{new_dat}}";
	assert_string_equal(check(&c), "pack mine, buyer_text (zh-CN):2: {{new_dat}}: there is no such name here, perhaps new_date\n");
	check_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_language_lacks_a_sentence),
		cmocka_unit_test(no_language_lacks_a_word),
		cmocka_unit_test(every_note_is_in_the_table),
		cmocka_unit_test(layouts_hold_no_words),
		cmocka_unit_test(what_we_ship_is_fine),
		cmocka_unit_test(each_mistake_is_told_with_its_line),
		cmocka_unit_test(several_mistakes_are_told_at_once),
		cmocka_unit_test(a_result_too_long_is_told),
		cmocka_unit_test(a_language_nobody_reads_is_not_rendered),
		cmocka_unit_test(a_packs_text_for_the_buyer_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
