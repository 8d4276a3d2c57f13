/* fact.h: the table of fields, cells to values and back, a record succeeding the one before it (rules.md §2). */
#include "make.h"

static const struct dw_status_word words[] = { { "待发货", DW_AWAITING_SHIPMENT }, { "DELIVERED", DW_SHIPPED } };
static const struct dw_cell_rules here = { .zone = &la, .status = words, .n_status = DW_COUNT(words) };

enum { GOOD = 0, EMPTY = 1, BAD = -EINVAL };

/* A cell, what parsing says, and the value as text; for a bad one words of the error. */
static const struct cell {
	const char *field, *text;
	int r;
	const char *is;
} cells[] = {
	{ "order_id", "234100000000000001", GOOD, "234100000000000001" },
	{ "order_id", " \xE3\x80\x80 2341 \xC2\xA0", GOOD, "2341" },
	{ "order_id", "'234100000000000001", GOOD, "234100000000000001" },
	{ "order_id", "=\"234100000000000001\"", GOOD, "234100000000000001" },
	{ "order_id", "A-17/b", GOOD, "A-17/b" },
	{ "order_id", "12E4", GOOD, "12E4" }, /* may be somebody's own numbering */
	{ "order_id", "1.2.E5", GOOD, "1.2.E5" },
	{ "order_id", "订单7", GOOD, "订单7" },
	{ "order_id", "", BAD, "empty" },
	{ "order_id", "   ", BAD, "empty" },
	{ "order_id", "'", GOOD, "'" },
	{ "order_id", "=\"\"", BAD, "empty" },
	{ "order_id", "2.34E+17", BAD, "Excel has damaged" },
	{ "order_id", "2,34", GOOD, "2,34" },
	{ "order_id", "1e+5", BAD, "Excel has damaged" },
	{ "order_id", "1e-5", BAD, "Excel has damaged" },
	{ "order_id", "12\t34", BAD, "control or invisible" },
	{ "order_id", "12\x7F", BAD, "control or invisible" },
	{ "order_id", "\xFF\xFE", BAD, "control or invisible" },	 /* not UTF-8: nothing would be left of it */
	{ "order_id", "12\xFF", BAD, "control or invisible" },		 /* … or another order's number */
	{ "order_id", "12\xE2\x80\xAE""34", BAD, "control or invisible" }, /* right-to-left override */
	/* what comes unseen with a number copied from a page: at its ends it isn't the number's, inside nobody knows */
	{ "order_id", "\xE2\x80\x8E""2341\xE2\x80\x8B", GOOD, "2341" },
	{ "order_id", "\xEF\xBB\xBF'2341 \xE2\x81\xA0", GOOD, "2341" },
	{ "order_id", "\xE2\x80\x8B", BAD, "empty" },
	{ "order_id", "23\xE2\x80\x8B""41", BAD, "control or invisible" },
	{ "order_id", "23\xC2\xAD""41", BAD, "control or invisible" },
	{ "owner", "\xE2\x80\x8E""Alice\xE2\x80\x8E", GOOD, "Alice" },
	{ "order_id", "1234567890123456789012345678901234567890123456789012345678901234", GOOD,
	  "1234567890123456789012345678901234567890123456789012345678901234" },
	{ "order_id", "12345678901234567890123456789012345678901234567890123456789012345", BAD, "64 bytes" },
	{ "status", "awaiting_payment", GOOD, "awaiting_payment" },
	{ "status", "awaiting_shipment", GOOD, "awaiting_shipment" },
	{ "status", "partly_shipped", GOOD, "partly_shipped" },
	{ "status", "shipped", GOOD, "shipped" },
	{ "status", "delivered", GOOD, "delivered" }, /* ours as it stands, before the map */
	{ "status", "DELIVERED", GOOD, "shipped" },   /* … in another case the platform's own */
	{ "status", "Delivered", GOOD, "shipped" },
	{ "status", "completed", GOOD, "completed" },
	{ "status", "Completed", GOOD, "completed" },
	{ "status", "cancelled", GOOD, "cancelled" },
	{ "status", "disputed", GOOD, "disputed" },
	{ "status", "待发货", GOOD, "awaiting_shipment" },
	{ "status", "", EMPTY, "" },
	{ "status", "-", EMPTY, "" },
	{ "status", "on the moon", BAD, "unknown status \"on the moon\"" },
	{ "promised_at", "2026-11-30", GOOD, "2026-12-01T07:59:59Z" },
	{ "agreed_at", "2026-11-30", GOOD, "2026-12-01T07:59:59Z" },
	{ "expected_ship_at", "2026-11-30", GOOD, "2026-12-01T07:59:59Z" },
	{ "extension_until", "2026-11-30", GOOD, "2026-12-01T07:59:59Z" },
	{ "expected_arrival_at", "2026-11-30", GOOD, "2026-12-01T07:59:59Z" },
	{ "created_at", "2026-11-30", GOOD, "2026-11-30T08:00:00Z" },
	{ "paid_at", "2026-11-30", GOOD, "2026-11-30T08:00:00Z" },
	{ "shipped_at", "2026-11-30", GOOD, "2026-11-30T08:00:00Z" },
	{ "completed_at", "2026-11-30", GOOD, "2026-11-30T08:00:00Z" },
	{ "auto_confirm_at", "2026-11-30", GOOD, "2026-11-30T08:00:00Z" },
	{ "delivered_at", "2026-11-30", GOOD, "2026-11-30T08:00:00Z" },
	{ "promised_at", "2026-11-30T15:59:59+08:00", GOOD, "2026-11-30T07:59:59Z" },
	{ "promised_at", "2026-06-01 10:00", GOOD, "2026-06-01T17:00:00Z" },
	{ "promised_at", "0000-00-00", EMPTY, "" },
	{ "promised_at", "0", EMPTY, "" },
	{ "promised_at", "-", EMPTY, "" },
	{ "promised_at", "", EMPTY, "" },
	{ "promised_at", "soon", BAD, "soon" },
	{ "promised_at", "2026-02-30", BAD, "2026-02-30" },
	{ "promised_at", "1999-12-30", BAD, "1999" },
	{ "lead_days", "30", GOOD, "30" },
	{ "lead_days", "30 days", GOOD, "30" },
	{ "lead_days", "1 Day", GOOD, "1" },
	{ "lead_days", "30天", GOOD, "30" },
	{ "lead_days", "30.0", GOOD, "30" },
	{ "lead_days", "0", GOOD, "0" },
	{ "lead_days", "730", GOOD, "730" },
	{ "lead_days", "731", BAD, "from 0 to 730" },
	{ "lead_days", "-1", BAD, "whole number" },
	{ "lead_days", "3.5", BAD, "whole number" },
	{ "lead_days", "days", BAD, "whole number" },
	{ "lead_days", "99999999999999999999", BAD, "whole number" },
	{ "lead_days", "", EMPTY, "" },
	{ "receipt_extensions", "1", GOOD, "1" },
	{ "receipt_extensions", "20", GOOD, "20" },
	{ "receipt_extensions", "21", BAD, "from 0 to 20" },
	{ "receipt_extensions", "1 day", BAD, "whole number" },
	{ "extension_state", "none", GOOD, "none" },
	{ "extension_state", "Requested", GOOD, "requested" },
	{ "extension_state", "accepted", GOOD, "accepted" },
	{ "extension_state", "declined", GOOD, "declined" },
	{ "extension_state", "", EMPTY, "" },
	{ "extension_state", "maybe", BAD, "unknown extension_state \"maybe\"" },
	{ "transport", "express", GOOD, "express" },
	{ "transport", "AIR", GOOD, "air" },
	{ "transport", "land", GOOD, "land" },
	{ "transport", "sea", GOOD, "sea" },
	{ "transport", "海运", GOOD, "sea" },
	{ "transport", "Sea Freight", GOOD, "sea" },
	{ "transport", "post", GOOD, "post" },
	{ "transport", "multimodal", GOOD, "multimodal" },
	{ "transport", "warehouse", GOOD, "warehouse" },
	{ "transport", "unknown", EMPTY, "" },
	{ "transport", "", EMPTY, "" },
	{ "transport", "camel", BAD, "unknown transport \"camel\"" },
	{ "amount", "1,293.70", GOOD, "1293.70" },
	{ "amount", "USD 1293.7", GOOD, "1293.70" },
	{ "amount", "", EMPTY, "" },
	{ "amount", "-", EMPTY, "" },
	{ "amount", "-5", BAD, "" },
	{ "amount", "much", BAD, "much" },
	{ "currency", "usd", GOOD, "USD" },
	{ "currency", "", EMPTY, "" },
	{ "currency", "dollars", BAD, "ISO 4217" },
	{ "currency", "XQX", BAD, "ISO 4217" },
	{ "owner", " Alice ", GOOD, "Alice" },
	{ "platform", "alibaba", GOOD, "alibaba" },
	{ "buyer", "Ann\nBcc: x@example.com", GOOD, "Ann Bcc: x@example.com" }, /* one line */
	{ "buyer", "A\xC2\x85""B\xE2\x80\xAE""C\xE2\x81\xA6""D\xE2\x80\xA8""E", GOOD, "A BCDE" },
	{ "title", "a\xFF\xC3""b", GOOD, "ab" },
	{ "title", "\xFF", EMPTY, "" }, /* nothing readable is left */
	{ "title", "\xC2\x85", EMPTY, "" },
	{ "url", "https://example.com/?o=1", GOOD, "https://example.com/?o=1" },
	{ "note", "-", EMPTY, "" },
	{ "note", "钢卷晚到", GOOD, "钢卷晚到" },
};

static void parses(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(cells); i++) {
		const struct cell *c = &cells[i];
		struct dw_facts f = { 0 };
		struct dw_err err = { "" };
		DW_BUF b = { 0 };
		int x = dw_field_find(c->field);
		int r;

		assert_true(x >= 0);
		r = dw_fact_parse(&f, (enum dw_field)x, c->text, false, &here, NULL, &err);
		if (r != c->r)
			fail_msg("%s \"%s\": %d, not %d (%s)", c->field, c->text, r, c->r, err.text);
		if (r == BAD && !strstr(err.text, c->is))
			fail_msg("%s \"%s\": \"%s\" doesn't say \"%s\"", c->field, c->text, err.text, c->is);
		assert_true(dw_listed(&f, (enum dw_field)x));
		assert_int_equal(dw_has(&f, (enum dw_field)x), r == GOOD);
		assert_int_equal(dw_fact_text(&b, &f, (enum dw_field)x), 0);
		if (r != BAD && strcmp(dw_buf_str(&b), c->is) != 0)
			fail_msg("%s \"%s\": \"%s\", not \"%s\"", c->field, c->text, dw_buf_str(&b), c->is);
		dw_facts_fini(&f);
	}
}

/* What a bad cell leaves: the value f had; what an empty one leaves: nothing. */
static void keeps_and_withdraws(void **state)
{
	static const char *const bad[][2] = {
		{ "status", "x" }, { "promised_at", "x" }, { "lead_days", "x" }, { "extension_state", "x" },
		{ "transport", "x" }, { "amount", "x" }, { "currency", "x" }, { "order_id", "1\t2" },
	};
	const char *all = "order_id=7; status=shipped; promised_at=2026-11-30; lead_days=3; extension_state=none; "
			  "transport=sea; currency=USD; amount=5; note=n";
	struct dw_facts f = facts(all);
	char before[2048];
	struct dw_err err;

	(void)state;
	snprintf(before, sizeof(before), "%s", written(&f));
	for (size_t i = 0; i < DW_COUNT(bad); i++)
		assert_int_equal(dw_fact_parse(&f, (enum dw_field)dw_field_find(bad[i][0]), bad[i][1], false, &here, NULL, &err),
				 -EINVAL);
	assert_string_equal(written(&f), before);
	say(&f, "status=; promised_at=0; lead_days=; extension_state=-; transport=unknown; currency=; amount=; note=");
	assert_int_equal(f.known, 1U << DW_F_ORDER_ID);
	assert_string_equal(written(&f), "order_id=7; status=; promised_at=; lead_days=; extension_state=; transport=; note=; "
					 "amount=; currency=");
	dw_facts_fini(&f);
}

/* A spreadsheet's number beyond 2^53 has lost digits; the same digits as text are fine. */
static void spreadsheet_numbers(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} t[] = { { "1", true }, { "9007199254740992", true }, { "9007199254740993", false }, { "234100000000000000", false },
		  { "99999999999999999999999", false }, { "2E15", false }, { "1e15", false } };
	struct dw_err err;

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		struct dw_facts f = { 0 };
		int r = dw_fact_parse(&f, DW_F_ORDER_ID, t[i].text, true, NULL, NULL, &err);

		assert_int_equal(r, t[i].good ? 0 : -EINVAL);
		assert_true(t[i].good || strstr(err.text, "Excel has damaged this order number"));
		dw_facts_fini(&f);
	}
}

static void long_cells(void **state)
{
	char text[3001];
	struct dw_facts f = { 0 };
	struct dw_err err;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(dw_fact_parse(&f, DW_F_NOTE, text, false, &here, NULL, &err), 0);
	assert_int_equal(strlen(dw_text(&f, DW_F_NOTE)), DW_TEXT_MAX);
	assert_int_equal(dw_fact_parse(&f, DW_F_PROMISED_AT, text, false, &here, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "3000"));
	/* cut at a character's start */
	for (size_t i = 0; i + 3 <= 3000; i += 3)
		memcpy(text + i, "钢", 3);
	assert_int_equal(dw_fact_parse(&f, DW_F_NOTE, text, false, &here, NULL, &err), 0);
	assert_int_equal(strlen(dw_text(&f, DW_F_NOTE)), 999);
	assert_true(dw_utf8_valid(dw_text(&f, DW_F_NOTE), 999));
	dw_facts_fini(&f);
}

static void money(void **state)
{
	struct dw_facts f = { 0 };
	struct dw_err err;

	(void)state;
	say(&f, "currency=JPY; amount=1293");
	assert_int_equal(f.num[DW_F_AMOUNT], 1293);
	assert_string_equal(written(&f), "amount=1293; currency=JPY");
	assert_int_equal(dw_fact_parse(&f, DW_F_AMOUNT, "USD 12", false, &here, NULL, &err), -EINVAL);
	assert_string_equal(written(&f), "amount=1293; currency=JPY");
	dw_facts_fini(&f);
	say(&f, "amount=EUR 12"); /* names its own */
	assert_string_equal(written(&f), "amount=12.00; currency=EUR");
	dw_facts_fini(&f);
	/* 15 digits are the most */
	assert_int_equal(dw_fact_parse(&f, DW_F_AMOUNT, "9223372036854775807", false, &here, NULL, &err), -EINVAL);
	assert_int_equal(f.known, 0);
}

/* The second zone of a file feed without one: the earlier instant counts; `local` tells that a zone mattered. */
static void two_zones(void **state)
{
	struct dw_cell_rules both = { .zone = &la, .other = &shanghai };
	struct dw_facts f = { 0 };
	struct dw_err err;
	bool local = false;

	(void)state;
	assert_int_equal(dw_fact_parse(&f, DW_F_PROMISED_AT, "2026-11-30", false, &both, &local, &err), 0);
	assert_instant(dw_at(&f, DW_F_PROMISED_AT), "2026-11-30T15:59:59Z");
	assert_true(local);
	assert_int_equal(dw_fact_parse(&f, DW_F_PROMISED_AT, "2026-11-30T00:00:00Z", false, &both, &local, &err), 0);
	assert_instant(dw_at(&f, DW_F_PROMISED_AT), "2026-11-30T00:00:00Z");
	assert_false(local);
}

static void names(void **state)
{
	(void)state;
	for (int i = 0; i < DW_FIELD_COUNT; i++) {
		assert_int_equal(dw_field_find(dw_fields[i].name), i);
		assert_true(dw_fields[i].meaning && *dw_fields[i].meaning);
	}
	assert_int_equal(dw_field_find("Order_ID"), DW_F_ORDER_ID);
	assert_int_equal(dw_field_find("order_i"), -1);
	assert_int_equal(dw_field_find("order_idx"), -1);
	assert_int_equal(dw_field_find(""), -1);
	for (int i = 0; i < DW_STATUS_COUNT; i++)
		assert_int_equal(dw_word_find(dw_status_words, DW_STATUS_COUNT, dw_status_words[i]), i);
	assert_int_equal(dw_word_find(dw_transport_words, DW_BY_COUNT, "unknown"), DW_BY_UNKNOWN);
	assert_int_equal(dw_word_find(dw_extension_words, DW_EXT_COUNT, "x"), -1);
}

static void records_of_the_platform(void **state)
{
	static const char *const world[] = { "agreed_at", "expected_ship_at", "expected_arrival_at", "delivered_at", "transport",
					     "owner", "buyer", "title", "url", "note", "amount", "currency" };
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; i < DW_COUNT(world); i++)
		assert_false(dw_fields[dw_field_find(world[i])].record);
	for (int i = 0; i < DW_FIELD_COUNT; i++)
		n += !dw_fields[i].record;
	assert_int_equal(n, DW_COUNT(world));
}

/* rules.md §2: a source's latest good row is its whole word. */
static void succeeds(void **state)
{
	static const struct {
		const char *before, *now;
		uint32_t bad, left;
		const char *is;
	} t[] = {
		{ "status=shipped; note=a", "status=completed; note=b", 0, 0, "status=completed; note=b" },
		/* an emptied cell withdraws, an absent column keeps */
		{ "status=shipped; note=a; promised_at=2026-11-30T00:00:00Z", "status=shipped; note=", 0, 0,
		  "status=shipped; promised_at=2026-11-30T00:00:00Z; note=" },
		{ "status=shipped; note=", "status=shipped", 0, 0, "status=shipped; note=" },
		/* a bad cell keeps the last known value, and has none to keep in a new order */
		{ "status=shipped", "status=", 1U << DW_F_STATUS, 0, "status=shipped" },
		{ "note=a", "status=; note=", 1U << DW_F_STATUS, 0, "status=; note=" },
		/* time left: 10 minutes of jitter */
		{ "auto_confirm_at=2026-11-30T00:00:00Z", "auto_confirm_at=2026-11-30T00:10:00Z", 0, 1U << DW_F_AUTO_CONFIRM_AT,
		  "auto_confirm_at=2026-11-30T00:00:00Z" },
		{ "auto_confirm_at=2026-11-30T00:00:00Z", "auto_confirm_at=2026-11-29T23:50:00Z", 0, 1U << DW_F_AUTO_CONFIRM_AT,
		  "auto_confirm_at=2026-11-30T00:00:00Z" },
		{ "auto_confirm_at=2026-11-30T00:00:00Z", "auto_confirm_at=2026-11-30T00:10:01Z", 0, 1U << DW_F_AUTO_CONFIRM_AT,
		  "auto_confirm_at=2026-11-30T00:10:01Z" },
		{ "auto_confirm_at=2026-11-30T00:00:00Z", "auto_confirm_at=2026-11-29T23:49:59Z", 0, 1U << DW_F_AUTO_CONFIRM_AT,
		  "auto_confirm_at=2026-11-29T23:49:59Z" },
		{ "auto_confirm_at=2026-11-30T00:00:00Z", "auto_confirm_at=2026-11-30T00:00:01Z", 0, 0,
		  "auto_confirm_at=2026-11-30T00:00:01Z" },
		{ "", "auto_confirm_at=2026-11-30T00:00:01Z", 0, 1U << DW_F_AUTO_CONFIRM_AT, "auto_confirm_at=2026-11-30T00:00:01Z" },
		{ "auto_confirm_at=2026-11-30T00:00:00Z", "auto_confirm_at=", 0, 1U << DW_F_AUTO_CONFIRM_AT, "auto_confirm_at=" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		struct dw_facts before = facts(t[i].before), now = facts(t[i].now);

		assert_int_equal(dw_facts_succeed(&now, &before, t[i].bad, t[i].left), 0);
		assert_string_equal(written(&now), t[i].is);
		dw_facts_fini(&before);
		dw_facts_fini(&now);
	}
}

static void copies(void **state)
{
	struct dw_facts a = facts("order_id=7; status=shipped; note=n; title="), b, c = { 0 };

	(void)state;
	assert_int_equal(dw_facts_copy(&b, &a), 0);
	assert_string_equal(written(&b), "order_id=7; status=shipped; title=; note=n");
	assert_ptr_not_equal(a.text[DW_F_NOTE], b.text[DW_F_NOTE]);
	for (int x = 0; x < DW_FIELD_COUNT; x++)
		assert_true(dw_facts_same(&a, &b, (enum dw_field)x));
	say(&b, "note=m; status=completed");
	assert_false(dw_facts_same(&a, &b, DW_F_NOTE));
	assert_false(dw_facts_same(&a, &b, DW_F_STATUS));
	assert_false(dw_facts_same(&a, &c, DW_F_STATUS));
	assert_true(dw_facts_same(&a, &c, DW_F_TITLE));
	assert_int_equal(dw_facts_take(&b, &c, DW_F_NOTE), 0);
	assert_null(dw_text(&b, DW_F_NOTE));
	assert_true(dw_listed(&b, DW_F_NOTE));
	assert_int_equal(dw_at(&c, DW_F_PAID_AT), DW_UNKNOWN);
	dw_facts_fini(&a);
	dw_facts_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),	  cmocka_unit_test(keeps_and_withdraws),
		cmocka_unit_test(spreadsheet_numbers), cmocka_unit_test(long_cells),
		cmocka_unit_test(money),
		cmocka_unit_test(two_zones),	  cmocka_unit_test(names),
		cmocka_unit_test(records_of_the_platform), cmocka_unit_test(succeeds),
		cmocka_unit_test(copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
