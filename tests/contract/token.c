/* reply.h: signed tokens and VERP addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "duewatch/reply.h"

static const unsigned char key[DW_TOKEN_KEY] = "0123456789abcdef0123456789abcde", other[DW_TOKEN_KEY] = "another key";

#define NOW INT64_C(1795449600)

static struct dw_token sample(void)
{
	return (struct dw_token){ .order = 4711, .side = 1, .episode = 3, .expires = NOW + 30 * 86400, .person = "alice" };
}

static void assert_same(const struct dw_token *a, const struct dw_token *b)
{
	assert_true(a->order == b->order && a->side == b->side && a->episode == b->episode && a->expires == b->expires);
	assert_string_equal(a->person, b->person);
}

static void there_and_back(void **state)
{
	static const int64_t numbers[] = { 0, 1, -1, 63, 64, -64, -65, 1000000, INT64_MAX, INT64_MIN };

	(void)state;
	for (size_t i = 0; i < DW_COUNT(numbers); i++)
		for (size_t len = 0; len < 64; len += 21) {
			struct dw_token t = { .order = numbers[i], .side = (int)(numbers[i] % 1000), .episode = numbers[i] / -2,
					      .expires = numbers[i] },
					got;
			DW_FREE char *text = NULL, *again = NULL;

			memset(t.person, 'p', len);
			text = dw_token_make(key, &t);
			again = dw_token_make(key, &t);
			assert_non_null(text);
			assert_string_equal(text, again);
			assert_true(strlen(text) < DW_TOKEN_TEXT);
			assert_int_equal(strncmp(text, "dw1-", 4), 0);
			assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"), strlen(text));
			assert_int_equal(dw_token_read(key, text, INT64_MIN, &got), t.expires == INT64_MIN ? 2 : 0);
			assert_same(&t, &got);
		}
}

static void chinese_names_and_no_name_too_long(void **state)
{
	struct dw_token t = sample(), got;
	DW_FREE char *text = NULL;

	(void)state;
	strcpy(t.person, "陈经理");
	text = dw_token_make(key, &t);
	assert_int_equal(dw_token_read(key, text, NOW, &got), 0);
	assert_same(&t, &got);
	memset(t.person, 'x', sizeof(t.person));
	assert_null(dw_token_make(key, &t));
}

static void expired(void **state)
{
	struct dw_token t = sample(), got;
	DW_FREE char *text = dw_token_make(key, &t);

	(void)state;
	assert_int_equal(dw_token_read(key, text, t.expires - 1, &got), 0);
	memset(&got, 0, sizeof(got));
	assert_int_equal(dw_token_read(key, text, t.expires, &got), 2);
	assert_same(&t, &got);
}

/* No other text passes: each character changed to each other one, cut at each place, lengthened. */
static void forgeries(void **state)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ .\n";
	struct dw_token t = sample(), got = { .order = -7 };
	DW_FREE char *text = dw_token_make(key, &t);
	size_t n = strlen(text);
	char copy[DW_TOKEN_TEXT + 64];

	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (const char *c = letters; *c; c++) {
			strcpy(copy, text);
			copy[i] = *c;
			if (*c != text[i])
				assert_int_equal(dw_token_read(key, copy, NOW, &got), 1);
		}
		strcpy(copy, text);
		copy[i] = '\0';
		assert_int_equal(dw_token_read(key, copy, NOW, &got), 1);
	}
	for (const char *c = letters; *c; c++) {
		snprintf(copy, sizeof(copy), "%s%c", text, *c);
		assert_int_equal(dw_token_read(key, copy, NOW, &got), 1);
	}
	assert_int_equal(dw_token_read(other, text, NOW, &got), 1);
	assert_int_equal(dw_token_read(key, NULL, NOW, &got), 1);
	assert_int_equal(dw_token_read(key, "", NOW, &got), 1);
	assert_int_equal(dw_token_read(key, "dw1-", NOW, &got), 1);
	memset(copy, 'A', sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	memcpy(copy, "dw1-", 4);
	assert_int_equal(dw_token_read(key, copy, NOW, &got), 1);
	assert_int_equal(got.order, -7); /* untouched throughout */
}

/* HMAC-SHA256 as Python's hmac module makes it of the same bytes. */
static void it_is_hmac_sha256(void **state)
{
	struct dw_token t = sample();
	DW_FREE char *text = dw_token_make(key, &t), *verp = dw_verp_make(key, "duewatch@example.com", 42);

	(void)state;
	assert_string_equal(text, "dw1-zkkCBoDA37INYWxpY2VYui5lMy_nYPON4Z5HyTgQ");
	assert_string_equal(verp, "duewatch+b-42-590159ca0fb446fa@example.com");
}

static void verp(void **state)
{
	static const struct {
		const char *address, *begins, *ends;
		int64_t mail;
	} good[] = {
		{ "duewatch@example.com", "duewatch+b-1-", "@example.com", 1 },
		{ "duewatch+shop@example.com", "duewatch+shop+b-9999-", "@example.com", 9999 },
		{ "a@b", "a+b-9223372036854775807-", "@b", INT64_MAX },
	};
	static const char *const bad[] = { "", "@example.com", "duewatch", "duewatch@", "+b-1-0123456789abcdef@example.com",
					   "d+b--0123456789abcdef@example.com", "d+b-0-0123456789abcdef@example.com",
					   "d+b-01-0123456789abcdef@example.com", "d+b-1-0123456789abcde@example.com",
					   "d+b-1-0123456789abcdefa@example.com", "d+b-1-0123456789abcdeg@example.com",
					   "d+b-99999999999999999999-0123456789abcdef@example.com", "d+b-1-0123456789abcdef" };
	int64_t mail = -1;

	(void)state;
	for (size_t i = 0; i < DW_COUNT(good); i++) {
		DW_FREE char *a = dw_verp_make(key, good[i].address, good[i].mail);

		assert_non_null(a);
		assert_int_equal(strncmp(a, good[i].begins, strlen(good[i].begins)), 0);
		assert_string_equal(a + strlen(a) - strlen(good[i].ends), good[i].ends);
		assert_int_equal(dw_verp_read(key, a, &mail), 0);
		assert_true(mail == good[i].mail);
		assert_int_equal(dw_verp_read(other, a, &mail), 1);
		for (char *c = a; *c; c++) /* as some servers give it back */
			*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
		assert_int_equal(dw_verp_read(key, a, &mail), 0);
		assert_true(mail == good[i].mail);
	}
	mail = -1;
	for (size_t i = 0; i < DW_COUNT(bad); i++)
		assert_int_equal(dw_verp_read(key, bad[i], &mail), 1);
	assert_int_equal(dw_verp_read(key, NULL, &mail), 1);
	assert_true(mail == -1);
	assert_null(dw_verp_make(key, "duewatch", 1));
	assert_null(dw_verp_make(key, "@example.com", 1));
	assert_null(dw_verp_make(key, "duewatch@example.com", 0));
	assert_null(dw_verp_make(key, "duewatch@example.com", -5));
	assert_null(dw_verp_make(key, NULL, 1));
	/* RFC 5321: 64 characters before the @ */
	assert_null(dw_verp_make(key, "a-local-part-of-over-sixty-four-characters@example.com", 1234567));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(chinese_names_and_no_name_too_long),
		cmocka_unit_test(expired),
		cmocka_unit_test(forgeries),
		cmocka_unit_test(it_is_hmac_sha256),
		cmocka_unit_test(verp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
