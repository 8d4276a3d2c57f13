/* fact.h: rows of one order folded into one record (rules.md §2, "Several rows of one order"). */
#include "make.h"

enum { ROWS_MAX = 4 };

/* Rows in file order, and what they are together; "!" in front: their amounts differ. */
static const struct {
	const char *row[ROWS_MAX], *is;
} table[] = {
	{ { "order_id=7; status=shipped" }, "order_id=7; status=shipped" },
	/* earliest promise, auto-confirm, paid, created, shipped; a relative promise is a promise */
	{ { "promised_at=2026-11-30T00:00:00Z", "promised_at=2026-11-28T00:00:00Z", "promised_at=2026-12-01T00:00:00Z" },
	  "promised_at=2026-11-28T00:00:00Z" },
	{ { "auto_confirm_at=2026-11-30T00:00:00Z", "auto_confirm_at=2026-11-29T00:00:00Z" }, "auto_confirm_at=2026-11-29T00:00:00Z" },
	{ { "paid_at=2026-11-02T00:00:00Z", "paid_at=2026-11-01T00:00:00Z" }, "paid_at=2026-11-01T00:00:00Z" },
	{ { "created_at=2026-11-02T00:00:00Z", "created_at=2026-11-01T00:00:00Z" }, "created_at=2026-11-01T00:00:00Z" },
	{ { "shipped_at=2026-11-02T00:00:00Z", "shipped_at=2026-11-01T00:00:00Z" }, "shipped_at=2026-11-01T00:00:00Z" },
	{ { "lead_days=30", "lead_days=20" }, "lead_days=20" },
	/* latest expected, agreed, ETA, completed */
	{ { "expected_ship_at=2026-11-01T00:00:00Z", "expected_ship_at=2026-11-02T00:00:00Z" }, "expected_ship_at=2026-11-02T00:00:00Z" },
	{ { "agreed_at=2026-11-01T00:00:00Z", "agreed_at=2026-11-02T00:00:00Z" }, "agreed_at=2026-11-02T00:00:00Z" },
	{ { "expected_arrival_at=2026-11-02T00:00:00Z", "expected_arrival_at=2026-11-01T00:00:00Z" },
	  "expected_arrival_at=2026-11-02T00:00:00Z" },
	{ { "completed_at=2026-11-01T00:00:00Z", "completed_at=2026-11-02T00:00:00Z" }, "completed_at=2026-11-02T00:00:00Z" },
	/* delivered only if every row is */
	{ { "delivered_at=2026-11-01T00:00:00Z", "delivered_at=2026-11-02T00:00:00Z" }, "delivered_at=2026-11-02T00:00:00Z" },
	{ { "delivered_at=2026-11-01T00:00:00Z", "delivered_at=" }, "delivered_at=" },
	{ { "delivered_at=2026-11-01T00:00:00Z", "note=n" }, "delivered_at=; note=n" },
	{ { "delivered_at=2026-11-01T00:00:00Z", "status=cancelled" }, "status=; delivered_at=2026-11-01T00:00:00Z" },
	/* status */
	{ { "status=awaiting_shipment", "status=disputed", "status=completed" }, "status=disputed" },
	{ { "status=completed", "status=shipped" }, "status=shipped" },
	{ { "status=delivered", "status=completed" }, "status=delivered" },
	{ { "status=completed", "status=completed" }, "status=completed" },
	{ { "status=shipped", "status=awaiting_shipment" }, "status=partly_shipped" },
	{ { "status=completed", "status=awaiting_shipment" }, "status=partly_shipped" },
	{ { "status=partly_shipped", "status=awaiting_shipment" }, "status=partly_shipped" },
	{ { "status=partly_shipped", "status=shipped" }, "status=partly_shipped" },
	{ { "status=awaiting_shipment", "status=awaiting_shipment" }, "status=awaiting_shipment" },
	{ { "status=awaiting_payment", "status=awaiting_shipment" }, "status=awaiting_payment" },
	{ { "status=awaiting_payment", "status=awaiting_shipment", "status=shipped" }, "status=partly_shipped" },
	{ { "status=shipped", "status=" }, "status=shipped" },
	{ { "note=a", "note=b" }, "note=a" },
	/* cancelled rows count only if all are */
	{ { "status=cancelled; promised_at=2026-01-01T00:00:00Z; note=x", "status=shipped; promised_at=2026-11-01T00:00:00Z" },
	  "status=shipped; promised_at=2026-11-01T00:00:00Z; note=" },
	{ { "status=disputed", "status=cancelled" }, "status=disputed" },
	{ { "status=cancelled; promised_at=2026-11-30T00:00:00Z; note=x", "status=cancelled; promised_at=2026-11-01T00:00:00Z; note=y" },
	  "status=cancelled; promised_at=2026-11-01T00:00:00Z; note=x" },
	/* extension: declined, requested, none, accepted; the earliest until */
	{ { "extension_state=accepted", "extension_state=declined", "extension_state=requested" }, "extension_state=declined" },
	{ { "extension_state=accepted", "extension_state=none", "extension_state=requested" }, "extension_state=requested" },
	{ { "extension_state=accepted", "extension_state=none" }, "extension_state=none" },
	{ { "extension_state=accepted; extension_until=2026-12-12T00:00:00Z", "extension_state=accepted; extension_until=2026-12-05T00:00:00Z" },
	  "extension_state=accepted; extension_until=2026-12-05T00:00:00Z" },
	/* everything else: the first that isn't empty */
	{ { "owner=; title=a; transport=", "owner=bob; title=b; transport=sea", "owner=carol; transport=air" },
	  "transport=sea; owner=bob; title=a" },
	{ { "receipt_extensions=0", "receipt_extensions=1" }, "receipt_extensions=0" },
	/* amounts: the first, with its currency; differing ones are reported */
	{ { "currency=USD; amount=10", "currency=USD; amount=10.00" }, "amount=10.00; currency=USD" },
	{ { "currency=USD; amount=10", "currency=USD; amount=11" }, "!amount=10.00; currency=USD" },
	{ { "currency=USD; amount=", "currency=JPY; amount=11" }, "amount=11; currency=JPY" },
	{ { "amount=10", "currency=USD; amount=" }, "amount=10.00; currency=USD" },
	{ { "currency=USD; amount=10", "status=cancelled; currency=USD; amount=11" }, "status=; amount=10.00; currency=USD" },
};

static void folds(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(table); i++) {
		struct dw_fold fold = { 0 };
		struct dw_facts out;
		const char *is = table[i].is;

		for (size_t k = 0; k < ROWS_MAX && table[i].row[k]; k++) {
			struct dw_facts row = facts(table[i].row[k]);

			assert_int_equal(dw_fold_add(&fold, &row), 0);
			assert_int_equal(row.listed, 0); /* empty after */
		}
		assert_int_equal(fold.differ, is[0] == '!');
		assert_int_equal(dw_fold_finish(&fold, &out), 0);
		if (strcmp(written(&out), is + (is[0] == '!')) != 0)
			fail_msg("fold %zu: \"%s\", not \"%s\"", i, written(&out), is);
		dw_facts_fini(&out);
	}
}

static void abandoned(void **state)
{
	struct dw_fold fold = { 0 };
	struct dw_facts a = facts("status=cancelled; note=a"), b = facts("note=b");

	(void)state;
	assert_int_equal(dw_fold_add(&fold, &a), 0);
	assert_int_equal(dw_fold_add(&fold, &b), 0);
	dw_fold_fini(&fold);
	assert_int_equal(fold.rows, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(folds), cmocka_unit_test(abandoned) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
