/* app/proof.c: lines of an order's history read back as proof, whatever stands in them. (Writing them and the mail that
 * shows them: tests/scenario/dispute-proof.scn.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../daemon/app/engine-impl.h"

static void lines_read_back(void **state)
{
	static const struct {
		const char *line;
		enum dw_field field;
		bool hand, withdrawn;
		const char *by, *value;
	} cases[] = {
		{ "shop says agreed_at = 2026-12-10T07:59:59Z", DW_F_AGREED_AT, false, false, "shop", "2026-12-10T07:59:59Z" },
		{ "shop says extension_state = declined", DW_F_EXTENSION_STATE, false, false, "shop", "declined" },
		{ "shop says extension_until = 2026-12-10T07:59:59Z", DW_F_EXTENSION_UNTIL, false, false, "shop", "2026-12-10T07:59:59Z" },
		{ "shop no longer says promised_at", DW_F_PROMISED_AT, false, true, "shop", "" },
		{ "bo set agreed_at = 2026-12-10", DW_F_AGREED_AT, true, false, "bo", "2026-12-10" },
		{ "Bo Li set agreed_at = a = b", DW_F_AGREED_AT, true, false, "Bo Li", "a = b" },
		{ "agreed_at unset", DW_F_AGREED_AT, true, true, "", "" },
		/* who sets something can't speak for another: the first word counts */
		{ "bo set agreed_at = x set agreed_at = 2026-12-10", DW_F_AGREED_AT, true, false, "bo", "x set agreed_at = 2026-12-10" },
		{ "bo set agreed_at = shop says agreed_at = 2026-12-10", DW_F_AGREED_AT, true, false, "bo", "shop says agreed_at = 2026-12-10" },
	};
	static const char *const others[] = { "", "ship: quiet", "bo set buyer = x says agreed_at = 1", "shop says buyer = 1", "acked by bo",
					      "agreed_at set by hand has fallen", "shop says agreed_at", "shop says agreed_at=1",
					      " unset", "agreed_at unset by", "bo acked: shop says agreed_at = 2026-12-10 and more", "bo closed it: shop no longer says agreed_at",
					      "bo acked: chen set agreed_at = 2026-12-10",
					      "shop no longer says agreed_at or so" };

	(void)state;
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		struct dw_mail_proof p;

		assert_int_equal(dw_proof_parse(&p, 7, cases[i].line), 0);
		assert_int_equal(p.at, 7);
		assert_int_equal(p.field, cases[i].field);
		assert_int_equal(p.hand, cases[i].hand);
		assert_int_equal(p.withdrawn, cases[i].withdrawn);
		assert_string_equal(p.by, cases[i].by);
		assert_string_equal(p.value, cases[i].value);
	}
	for (size_t i = 0; i < DW_COUNT(others); i++) {
		struct dw_mail_proof p;

		if (dw_proof_parse(&p, 7, others[i]) != 1)
			fail_msg("\"%s\" was taken for proof", others[i]);
	}
}

static void long_ones_are_cut_between_characters(void **state)
{
	struct dw_mail_proof p;
	char line[1200] = "";
	size_t n;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(line, "订");
	strcat(line, " set agreed_at = ");
	for (int i = 0; i < 200; i++)
		strcat(line, "单");
	assert_int_equal(dw_proof_parse(&p, 7, line), 0);
	n = strlen(p.by);
	assert_true(n > 50 && n < sizeof(p.by) && dw_utf8_valid(p.by, n));
	n = strlen(p.value);
	assert_true(n > 100 && n < sizeof(p.value) && dw_utf8_valid(p.value, n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_read_back),
		cmocka_unit_test(long_ones_are_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
