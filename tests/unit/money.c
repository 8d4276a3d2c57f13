/* money.h: amounts as platforms, spreadsheets and people write them. */
#include "duewatch/money.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct {
	const char *text, *hint;
	int64_t minor;
	const char *currency;
} good[] = {
	{ "1,293.70", "USD", 129370, "USD" },
	{ "USD 1,293.70", NULL, 129370, "USD" },
	{ "USD 1,293.70", "usd", 129370, "USD" },
	{ "usd1293.7", "", 129370, "USD" },
	{ "1293.70 EUR", NULL, 129370, "EUR" },
	{ "1293.70EUR", " EUR ", 129370, "EUR" },
	{ "US$1,293.70", NULL, 129370, "USD" },
	{ "US $1,293.70", NULL, 129370, "USD" },
	{ "USD $1,293.70", NULL, 129370, "USD" },
	{ "$1,293.70", NULL, 129370, "USD" },
	{ "$1,293.70", "CAD", 129370, "CAD" },
	{ "HK$ 5", "HKD", 500, "HKD" },
	{ "1293.7000", "USD", 129370, "USD" }, /* platforms.md §1 */
	{ "1293.7000", NULL, 129370, "" },
	{ "1293", "USD", 129300, "USD" },
	{ "¥1293", NULL, 129300, "CNY" },
	{ "￥1,293.50", NULL, 129350, "CNY" },
	{ "¥1293", "JPY", 1293, "JPY" },
	{ "1293", "JPY", 1293, "JPY" },
	{ "1293.00", "JPY", 1293, "JPY" },
	{ "1,293", "JPY", 1293, "JPY" },
	{ "12円", NULL, 12, "JPY" },
	{ "RMB 100", NULL, 10000, "CNY" },
	{ "100元", "RMB", 10000, "CNY" },
	{ "100", "¥", 10000, "CNY" },
	{ "€1.293,70", NULL, 129370, "EUR" },
	{ "1.293,70", "EUR", 129370, "EUR" },
	{ "1293,7", "EUR", 129370, "EUR" },
	{ "0,5", "EUR", 50, "EUR" },
	{ "1.293.700", "EUR", 129370000, "EUR" },
	{ "1,293,700", "USD", 129370000, "USD" },
	{ "1,293", "USD", 129300, "USD" },
	{ "1 293,70", "EUR", 129370, "EUR" },
	{ "1\u00A0293\u202F000,70 €", NULL, 129300070, "EUR" },
	{ "1'293.70", "CHF", 129370, "CHF" },
	{ "1’293.70", "CHF", 129370, "CHF" },
	{ "'1293.70", "USD", 129370, "USD" },
	{ "12,34,567.00", "INR", 123456700, "INR" },
	{ "₹12,34,567", NULL, 123456700, "INR" },
	{ "1.293", "KWD", 1293, "KWD" },
	{ "1.2930", "KWD", 1293, "KWD" },
	{ "0.500", "USD", 50, "USD" },
	{ ".50", "USD", 50, "USD" },
	{ "1293.700", "USD", 129370, "USD" },
	{ "0", "USD", 0, "USD" },
	{ "0.00", NULL, 0, "" },
	{ "00012.30", "USD", 1230, "USD" },
	{ "999999999999999.99", "USD", INT64_C(99999999999999999), "USD" },
	{ "999999999999999.999", "KWD", INT64_C(999999999999999999), "KWD" },
	{ "　1293.70\t", "USD", 129370, "USD" },
	{ "zł 5", NULL, 500, "PLN" },
};

static void amounts(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(good); i++) {
		int64_t minor = -7;
		char currency[4] = "xxx";
		struct dw_err err = { "" };
		int r = dw_money_parse(&minor, currency, good[i].text, good[i].hint, &err);

		if (r != 0 || minor != good[i].minor || strcmp(currency, good[i].currency) != 0)
			fail_msg("%s (%s): r=%d %lld %s %s", good[i].text, good[i].hint ? good[i].hint : "-", r, (long long)minor,
				 currency, err.text);
	}
}

static const struct {
	const char *text, *hint, *says;
} bad[] = {
	{ "1.293", "USD", "group thousands or begin" },
	{ "12.500", NULL, "group thousands or begin" },
	{ "1.293", "JPY", "group thousands or begin" },
	{ "1293.705", "USD", "more decimals" },
	{ "1293.5", "JPY", "more decimals" },
	{ "1.2935", "KWD", "more decimals" },
	{ "-5.00", "USD", "negative" },
	{ "(5.00)", "USD", "negative" },
	{ "USD -5", NULL, "negative" },
	{ "1,29", "JPY", "more decimals" },
	{ "12,3456.00", "USD", "threes" },
	{ "1,29,3.70", "USD", "threes" },
	{ ",293.70", "USD", "threes" },
	{ "1234,567.00", "USD", "threes" },
	{ "12 34", "USD", "threes" },
	{ "1,293.70,00", "USD", "mixed" },
	{ "1.293 000", "USD", "mixed" },
	{ "1..5", "USD", "threes" },
	{ "5.", "USD", "no digits" },
	{ "1.2E+17", "USD", "something else" },
	{ "12x", "USD", "something else" },
	{ "１２", "USD", "something else" },
	{ "abc", "USD", "something else" },
	{ "US$", NULL, "no number" },
	{ ".", NULL, "no number" },
	{ "EUR 5", "USD", "two currencies" },
	{ "€5", "USD", "two currencies" },
	{ "$5", "EUR", "two currencies" },
	{ "¥5", "USD", "two currencies" },
	{ "USD 5 EUR", NULL, "two currencies" },
	{ "$5 €", NULL, "two currencies" },
	{ "5", "XYZ", "ISO 4217" },
	{ "5", "dollars", "ISO 4217" },
	{ "XYZ 5", NULL, "something else" },
	{ "1000000000000000", "USD", "too large" },
	{ "99999999999999999999999999999999999999", "JPY", "too large" },
	{ "0.00000000000000000000000000000000000000000000000000000000000000000000", "JPY", "too long" },
	{ "1,1,1,1,1,1,1,1,1,1,1", "USD", "separators" },
};

static void nonsense_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(bad); i++) {
		int64_t minor = -7;
		char currency[4] = "xxx";
		struct dw_err err = { "" };
		int r = dw_money_parse(&minor, currency, bad[i].text, bad[i].hint, &err);

		if (r != -EINVAL || minor != -7 || strcmp(currency, "xxx") != 0 || !strstr(err.text, bad[i].says))
			fail_msg("%s (%s): r=%d %lld \"%s\" lacks \"%s\"", bad[i].text, bad[i].hint ? bad[i].hint : "-", r,
				 (long long)minor, err.text, bad[i].says);
	}
}

static void empty_is_empty(void **state)
{
	static const char *const texts[] = { "", " ", "-", "　", "'" };
	int64_t minor = -7;
	char currency[4] = "xxx";

	(void)state;
	for (size_t i = 0; i < DW_COUNT(texts); i++)
		assert_int_equal(dw_money_parse(&minor, currency, texts[i], "USD", NULL), 1);
	assert_int_equal(minor, -7);
	assert_string_equal(currency, "xxx");
}

static void exponents(void **state)
{
	(void)state;
	assert_int_equal(dw_currency_exponent("USD"), 2);
	assert_int_equal(dw_currency_exponent("AED"), 2); /* the table's first and last */
	assert_int_equal(dw_currency_exponent("ZWL"), 2);
	assert_int_equal(dw_currency_exponent("JPY"), 0);
	assert_int_equal(dw_currency_exponent("VND"), 0);
	assert_int_equal(dw_currency_exponent("KWD"), 3);
	assert_int_equal(dw_currency_exponent("XYZ"), -1);
	assert_int_equal(dw_currency_exponent("usd"), -1);
	assert_int_equal(dw_currency_exponent("US"), -1);
	assert_int_equal(dw_currency_exponent("USDT"), -1);
	assert_int_equal(dw_currency_exponent(""), -1);
	assert_int_equal(dw_currency_exponent(NULL), -1);
}

static void text(void **state)
{
	static const struct {
		int64_t minor;
		const char *currency, *plain, *grouped;
	} rows[] = {
		{ 129370, "USD", "1293.70", "1,293.70" },
		{ 1240000, "USD", "12400.00", "12,400.00" },
		{ 1293, "JPY", "1293", "1,293" },
		{ 999, "JPY", "999", "999" },
		{ 1293, "KWD", "1.293", "1.293" },
		{ 5, "USD", "0.05", "0.05" },
		{ 0, "", "0.00", "0.00" },
		{ 12345678, NULL, "123456.78", "123,456.78" },
		{ -129370, "USD", "-1293.70", "-1,293.70" },
		{ 100000000, "USD", "1000000.00", "1,000,000.00" },
		{ INT64_MAX, "KWD", "9223372036854775.807", "9,223,372,036,854,775.807" },
		{ INT64_MIN, "JPY", "-9223372036854775808", "-9,223,372,036,854,775,808" },
	};
	char out[48];

	(void)state;
	for (size_t i = 0; i < DW_COUNT(rows); i++) {
		dw_money_text(out, rows[i].minor, rows[i].currency, false);
		assert_string_equal(out, rows[i].plain);
		dw_money_text(out, rows[i].minor, rows[i].currency, true);
		assert_string_equal(out, rows[i].grouped);
	}
}

/* What is written, grouped or not, reads back the same. */
static void there_and_back(void **state)
{
	static const char *const codes[] = { "USD", "JPY", "KWD" };
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 30000; i++) {
		const char *code = codes[i % 3];
		int64_t minor, back;
		char out[48], currency[4];

		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		minor = (int64_t)(seed >> 11) % INT64_C(100000000000000) >> (i % 40);
		dw_money_text(out, minor, code, i % 2);
		assert_int_equal(dw_money_parse(&back, currency, out, code, NULL), 0);
		assert_int_equal(back, minor);
	}
}

static void a_part_is_exact(void **state)
{
	static const struct {
		int64_t minor;
		int percent;
		int64_t want;
	} cases[] = {
		{ 1240000, 10, 124000 },  { 129370, 25, 32343 /* 323.425 */ }, { 129370, 100, 129370 },
		{ 5, 10, 1 /* half up */ }, { 4, 10, 0 },			 { 0, 50, 0 },
		{ 1293, 50, 647 },	  { 129370, 0, 0 },		 { INT64_MAX, 100, INT64_MAX },
		{ INT64_MAX, 50, INT64_MAX / 2 + 1 },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(cases); i++)
		assert_int_equal(dw_money_percent(cases[i].minor, cases[i].percent), cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_part_is_exact),
		cmocka_unit_test(amounts), cmocka_unit_test(nonsense_is_refused), cmocka_unit_test(empty_is_empty),
		cmocka_unit_test(exponents), cmocka_unit_test(text), cmocka_unit_test(there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
