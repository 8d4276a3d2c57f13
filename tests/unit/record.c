/* codec.h, and the records of facts and memory the store keeps: what is written is read back, what is damaged is
 * refused and never trusted. */
#include "duewatch/codec.h"
#include "make.h"

static void varints(void **state)
{
	static const int64_t v[] = { 0, 1, -1, 63, 64, -64, -65, 1 << 20, INT64_MAX, INT64_MIN, DW_TIME_MAX };
	DW_BUF b = { 0 };
	struct dw_cursor c;

	(void)state;
	for (size_t i = 0; i < DW_COUNT(v); i++) {
		dw_put_int(&b, v[i]);
		dw_put_uint(&b, (uint64_t)v[i]);
	}
	c = (struct dw_cursor){ .p = (unsigned char *)b.p, .end = (unsigned char *)b.p + b.n };
	for (size_t i = 0; i < DW_COUNT(v); i++) {
		assert_true(dw_get_int(&c) == v[i]);
		assert_true(dw_get_uint(&c) == (uint64_t)v[i]);
	}
	assert_false(c.bad);
	assert_ptr_equal(c.p, c.end);
	assert_true(dw_get_uint(&c) == 0 && c.bad);
}

static void texts(void **state)
{
	static const unsigned char endless[] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80 };
	static const unsigned char huge[] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 'x' };
	static const unsigned char nul[] = { 2, 'a', 0 }, cut[] = { 3, 'a', 'b', 'c' };
	static const struct {
		const unsigned char *p;
		size_t n;
	} bad[] = { { endless, sizeof(endless) }, { huge, sizeof(huge) }, { nul, sizeof(nul) }, { cut, 3 } };
	DW_BUF b = { 0 };
	struct dw_cursor c;
	char *s;

	(void)state;
	dw_put_text(&b, "abc", 3);
	c = (struct dw_cursor){ .p = (unsigned char *)b.p, .end = (unsigned char *)b.p + b.n };
	s = dw_get_text(&c, 3);
	assert_string_equal(s, "abc");
	free(s);
	c = (struct dw_cursor){ .p = (unsigned char *)b.p, .end = (unsigned char *)b.p + b.n };
	assert_null(dw_get_text(&c, 2));
	assert_true(c.bad && !c.oom);
	for (size_t i = 0; i < DW_COUNT(bad); i++) {
		c = (struct dw_cursor){ .p = bad[i].p, .end = bad[i].p + bad[i].n };
		assert_null(dw_get_text(&c, 4096));
		assert_true(c.bad);
	}
}

static const char *const all = "order_id=7; platform=alibaba; status=shipped; created_at=2026-11-01; paid_at=2026-11-02; "
			       "shipped_at=2026-11-03; promised_at=2026-11-30; lead_days=30; extension_state=requested; "
			       "extension_until=2026-12-12; auto_confirm_at=2026-12-20; receipt_extensions=1; transport=sea; "
			       "owner=alice; currency=KWD; amount=0.005; note=; title=钢";

static void round_trip(void **state)
{
	struct dw_facts f = facts(all), g;
	DW_BUF b = { 0 };

	(void)state;
	assert_int_equal(dw_facts_encode(&b, &f), 0);
	assert_int_equal(dw_facts_decode(&g, b.p, b.n), 0);
	assert_int_equal(f.listed, g.listed);
	assert_int_equal(f.known, g.known);
	for (int x = 0; x < DW_FIELD_COUNT; x++)
		assert_true(dw_facts_same(&f, &g, (enum dw_field)x));
	assert_true(dw_facts_hash(&f, 1) == dw_facts_hash(&g, 1));
	assert_true(dw_facts_hash(&f, 1) != dw_facts_hash(&f, 2));
	say(&g, "title=铁");
	assert_true(dw_facts_hash(&f, 1) != dw_facts_hash(&g, 1));
	dw_facts_fini(&g);
	/* every shorter record is refused, and so is one with something after it */
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(dw_facts_decode(&g, b.p, n), -EBADMSG);
	dw_buf_putc(&b, 0);
	assert_int_equal(dw_facts_decode(&g, b.p, b.n), -EBADMSG);
	dw_facts_fini(&f);
}

/* version, listed, known, then the values, as numbers: what must not come in. */
static void refused(void **state)
{
	static const struct {
		uint64_t listed, known;
		int64_t v;
	} t[] = {
		{ UINT64_C(1) << DW_FIELD_COUNT, 0, 0 },
		{ 0, 1U << DW_F_STATUS, 0 }, /* known but not listed */
		{ 1U << DW_F_STATUS, 1U << DW_F_STATUS, DW_STATUS_COUNT },
		{ 1U << DW_F_STATUS, 1U << DW_F_STATUS, -1 },
		{ 1U << DW_F_EXTENSION_STATE, 1U << DW_F_EXTENSION_STATE, DW_EXT_COUNT },
		{ 1U << DW_F_TRANSPORT, 1U << DW_F_TRANSPORT, DW_BY_COUNT },
		{ 1U << DW_F_PAID_AT, 1U << DW_F_PAID_AT, 0 },
		{ 1U << DW_F_PAID_AT, 1U << DW_F_PAID_AT, INT64_MAX },
		{ 1U << DW_F_LEAD_DAYS, 1U << DW_F_LEAD_DAYS, -1 },
		{ 1U << DW_F_LEAD_DAYS, 1U << DW_F_LEAD_DAYS, INT32_MAX },
	};
	struct dw_facts g;

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		DW_BUF b = { 0 };

		dw_buf_putc(&b, 1);
		dw_put_uint(&b, t[i].listed);
		dw_put_uint(&b, t[i].known);
		if (t[i].known)
			dw_put_int(&b, t[i].v);
		assert_int_equal(dw_facts_decode(&g, b.p, b.n), -EBADMSG);
	}
	assert_int_equal(dw_facts_decode(&g, "\2\0\0", 3), -EBADMSG); /* another version */
	assert_int_equal(dw_facts_decode(&g, "", 0), -EBADMSG);
}

static void memory(void **state)
{
	struct dw_memory m = { .first_seen = 1, .first_read = true, .to_ship_data = 2, .moving_data = 3, .completed_data = 4,
			       .delivered_data = 5, .x_until = 6, .x_promise = 7, .requested_since = 8, .disputed_since = 9,
			       .closed_at = 10, .closed_status = DW_DISPUTED, .closed_promise = 12 };
	struct dw_memory none = DW_MEMORY_NONE, out;
	DW_BUF b = { 0 };

	(void)state;
	assert_int_equal(dw_memory_encode(&b, &m), 0);
	assert_int_equal(dw_memory_decode(&out, b.p, b.n), 0);
	assert_true(out.first_seen == 1 && out.first_read && out.to_ship_data == 2 && out.moving_data == 3 &&
		    out.completed_data == 4 && out.delivered_data == 5 && out.x_until == 6 && out.x_promise == 7 &&
		    out.requested_since == 8 && out.disputed_since == 9 && out.closed_at == 10 &&
		    out.closed_status == DW_DISPUTED && out.closed_promise == 12);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(dw_memory_decode(&out, b.p, n), -EBADMSG);
	dw_buf_reset(&b);
	assert_int_equal(dw_memory_encode(&b, &none), 0);
	assert_int_equal(dw_memory_decode(&out, b.p, b.n), 0);
	assert_true(out.first_seen == DW_UNKNOWN && out.closed_promise == DW_UNKNOWN && !out.first_read);
	/* a status outside the table, instants outside time, unknown bits, another version */
	m.closed_status = DW_STATUS_COUNT;
	dw_buf_reset(&b);
	assert_int_equal(dw_memory_encode(&b, &m), 0);
	assert_int_equal(dw_memory_decode(&out, b.p, b.n), -EBADMSG);
	m.closed_status = 0;
	m.first_seen = -1;
	dw_buf_reset(&b);
	assert_int_equal(dw_memory_encode(&b, &m), 0);
	assert_int_equal(dw_memory_decode(&out, b.p, b.n), -EBADMSG);
	dw_buf_reset(&b);
	dw_buf_putc(&b, 1);
	dw_put_uint(&b, 1 << 13);
	assert_int_equal(dw_memory_decode(&out, b.p, b.n), -EBADMSG);
	assert_int_equal(dw_memory_decode(&out, "\2\0", 2), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(varints), cmocka_unit_test(texts), cmocka_unit_test(round_trip),
					    cmocka_unit_test(refused), cmocka_unit_test(memory) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
