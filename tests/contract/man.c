/* The man pages say every name the program's tables have: fields, statuses, transports, extension states, kinds with
 * their default ladders, config keys. (Commands and options: tests/integration/test_cli.py asks the program.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "duewatch/config.h"

/* The page without roff's escapes: "\-" is "-", "\(bu" is "·", a line end is a blank. */
static char *page(const char *name)
{
	char path[512], line[4096];
	DW_BUF b = { 0 };
	FILE *f;

	snprintf(path, sizeof(path), "%s/daemon/man/%s", DW_SOURCE_DIR, name);
	f = fopen(path, "r");
	if (!f) {
		fail_msg("%s: %s", path, strerror(errno));
		return NULL;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, ".\\\"", 3) == 0)
			continue;
		for (const char *p = line; *p; p++) {
			if (strncmp(p, "\\(bu", 4) == 0) {
				dw_buf_puts(&b, "·");
				p += 3;
			} else if (*p != '\\')
				dw_buf_putc(&b, *p);
		}
		dw_buf_putc(&b, ' ');
	}
	fclose(f);
	return dw_buf_take(&b);
}

static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p += n)
		if ((p == text || !word_char(p[-1])) && !word_char(p[n]))
			return true;
	return false;
}

static unsigned missing;

static void want(const char *text, const char *what, const char *word)
{
	if (has_word(text, word))
		return;
	print_error("duewatch.conf(5) doesn't say the %s \"%s\"\n", what, word);
	missing++;
}

static void test_words(void **state)
{
	DW_FREE char *text = page("duewatch.conf.5");

	(void)state;
	missing = 0;
	for (int i = 0; i < DW_FIELD_COUNT; i++)
		want(text, "field", dw_fields[i].name);
	for (int i = 0; i < DW_STATUS_COUNT; i++)
		want(text, "status", dw_status_words[i]);
	for (int i = 0; i < DW_EXT_COUNT; i++)
		want(text, "extension state", dw_extension_words[i]);
	for (int i = 0; i < DW_BY_COUNT; i++)
		want(text, "transport", dw_transport_words[i]);
	for (int i = 0; i < DW_ROLE_COUNT; i++)
		want(text, "role", dw_role_words[i]);
	assert_int_equal(missing, 0);
}

/* The page's part on a section: from its heading to the next. */
static char *section(const char *text, const char *heading)
{
	char head[64];
	const char *from, *to;

	snprintf(head, sizeof(head), ".SH %s ", heading);
	from = strstr(text, head);
	if (!from) {
		fail_msg("no section %s", heading);
		return NULL;
	}
	to = strstr(from + 4, ".SH ");
	return strndup(from, to ? (size_t)(to - from) : strlen(from));
}

static void test_keys(void **state)
{
	static const char *const headings[][2] = {
		{ "", "TOP LEVEL" }, { "mail", "MAIL" },       { "people", "PEOPLE" },
		{ "replies", "REPLIES" },
		{ "feeds", "FEEDS" }, { "ladders", "LADDERS" }, { "packs", "PACKS" },
		{ "mail.fallback", "FALLBACK RELAYS" }, { "oauth", "OAUTH" },
	};
	DW_FREE char *text = page("duewatch.conf.5");
	size_t keys = 0;

	(void)state;
	missing = 0;
	for (size_t h = 0; h < DW_COUNT(headings); h++) {
		DW_FREE char *part = section(text, headings[h][1]);

		for (size_t i = 0; dw_config_key(i); i++)
			if (strcmp(dw_config_key(i)->section, headings[h][0]) == 0) {
				want(part, headings[h][1], dw_config_key(i)->name);
				keys++;
			}
	}
	assert_int_equal(missing, 0);
	for (size_t i = 0; dw_config_key(i); i++)
		assert_true(keys-- > 0);
	assert_int_equal(keys, 0); /* no section of the table is without its heading */
}

static void test_ladders(void **state)
{
	DW_FREE char *text = page("duewatch.conf.5");
	DW_FREE char *part = section(text, "LADDERS");

	(void)state;
	for (int i = 0; i < DW_KIND_COUNT; i++) {
		char head[64], ladder[600];
		const char *from, *to;
		DW_FREE char *own = NULL;

		snprintf(head, sizeof(head), ".TP .B %s ", dw_kinds[i].name);
		from = strstr(part, head);
		if (!from) {
			fail_msg("no paragraph on %s", dw_kinds[i].name);
			return;
		}
		to = strstr(from + 4, ".TP ");
		own = strndup(from, to ? (size_t)(to - from) : strlen(from));
		assert_non_null(own);
		snprintf(ladder, sizeof(ladder), ".br %s ", dw_kinds[i].ladder);
		if (!strstr(own, ladder))
			fail_msg("%s: its ladder is \"%s\"; the page says: %s", dw_kinds[i].name, dw_kinds[i].ladder, own);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_keys),
					    cmocka_unit_test(test_ladders) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
