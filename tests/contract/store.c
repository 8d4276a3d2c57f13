/* The store's port: one suite, run on every backend. What only SQLite can do or suffer is in store-sqlite.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "duewatch/store.h"

#define T0 INT64_C(1795449600) /* 2026-11-23T16:00:00Z */
#define OK(call) assert_ok((call), #call, __LINE__)

static struct dw_err err;
static char dir[64];

static void assert_ok(int r, const char *what, int line)
{
	if (r != 0)
		fail_msg("line %d: %s = %d: %s", line, what, r, err.text);
}

/* ---- a fresh store per test ---- */
static int setup_memory(void **state)
{
	return dw_store_memory_new((struct dw_store **)state, &err);
}

static int setup_sqlite(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/dw-store-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	return dw_store_sqlite_open((struct dw_store **)state, dir, DW_STORE_DAEMON, T0, &err);
}

static int setup_scratch(void **state)
{
	return dw_store_scratch((struct dw_store **)state, NULL, &err);
}

static int remove_one(const char *path, DW_UNUSED const struct stat *st, DW_UNUSED int flag, DW_UNUSED struct FTW *ftw)
{
	return remove(path);
}

static int teardown(void **state)
{
	dw_store_close(*state);
	if (*dir)
		nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	*dir = '\0';
	return 0;
}

/* ---- helpers ---- */
static int64_t add_order(struct dw_store *s, const char *feed, const char *order_id, dw_time next_at)
{
	struct dw_order_row row = {
		.feed = (char *)(uintptr_t)feed,
		.order_id = (char *)(uintptr_t)order_id,
		.print = 7,
		.memory = DW_MEMORY_NONE,
		.next_at = next_at,
		.data_at = DW_NEVER,
		.missing_since = DW_UNKNOWN,
		.missing_data = DW_UNKNOWN,
	};
	DW_BUF record = { 0 };
	struct dw_facts f = { 0 };

	dw_facts_set_num(&f, DW_F_STATUS, DW_AWAITING_SHIPMENT);
	assert_int_equal(dw_facts_encode(&record, &f), 0);
	row.record = record.p;
	row.n_record = record.n;
	OK(dw_store_order_put(s, &row, &err));
	assert_true(row.id > 0);
	return row.id;
}

static int64_t add_order_alone(struct dw_store *s, const char *order_id)
{
	int64_t id;

	OK(dw_store_begin(s, &err));
	id = add_order(s, "shop", order_id, DW_NEVER);
	OK(dw_store_commit(s, &err));
	return id;
}

/* A walk's answers, joined: "a b c". */
static int join(void *ctx, const char *word)
{
	struct dw_buf *b = ctx;

	dw_buf_printf(b, "%s%s", b->n ? " " : "", word);
	return 0;
}

static int join_order(void *ctx, const struct dw_order_row *row)
{
	return join(ctx, row->order_id);
}

static int join_id(void *ctx, int64_t id, dw_time missing_since)
{
	char text[64];

	snprintf(text, sizeof(text), "%lld%s", (long long)id, missing_since == DW_UNKNOWN ? "" : "m");
	return join(ctx, text);
}

static int join_step(void *ctx, const struct dw_step_row *row)
{
	char text[128];

	snprintf(text, sizeof(text), "%s/%s", row->person, row->told.step);
	return join(ctx, text);
}

static int join_mail(void *ctx, const struct dw_mail_row *row)
{
	assert_null(row->bytes);
	assert_null(row->model);
	return join(ctx, row->subject);
}

static int stop(DW_UNUSED void *ctx, DW_UNUSED const struct dw_order_row *row)
{
	return 5;
}

static int64_t add_mail(struct dw_store *s, const char *person, const char *subject, dw_time next_try)
{
	char bytes[] = "From: duewatch\r\n\r\nhello\r\n";
	struct dw_mail_row row = {
		.type = DW_MAIL_ALERT,
		.state = DW_MAIL_QUEUED,
		.person = (char *)(uintptr_t)person,
		.address = (char *)(uintptr_t) "alice@example.com",
		.message_id = (char *)(uintptr_t) "1.abc@example.com",
		.subject = (char *)(uintptr_t)subject,
		.bytes = bytes,
		.n_bytes = sizeof(bytes) - 1,
		.created = T0,
		.next_try = next_try,
		.last_try = DW_UNKNOWN,
		.sent_at = DW_UNKNOWN,
	};

	OK(dw_store_mail_put(s, &row, &err));
	assert_true(row.id > 0);
	return row.id;
}

static struct dw_step_row step_of(int64_t order, const char *person, const char *step)
{
	struct dw_step_row row = {
		.told = { .side = DW_SIDE_SHIP, .episode = 1, .kind = DW_OVERDUE, .act_by = T0, .at = T0 },
		.order = order,
	};

	snprintf(row.person, sizeof(row.person), "%s", person);
	snprintf(row.told.step, sizeof(row.told.step), "%s", step);
	return row;
}

static int64_t add_step(struct dw_store *s, int64_t order, const char *person, const char *step, int64_t mail)
{
	struct dw_step_row row = step_of(order, person, step);

	row.mail = mail;
	row.told.state = mail ? DW_STEP_MAILED : DW_STEP_WAITING;
	OK(dw_store_step_add(s, &row, &err));
	assert_true(row.told.id > 0);
	return row.told.id;
}

static struct dw_alert alert_of(enum dw_side side, int64_t episode)
{
	return (struct dw_alert){
		.side = side,
		.kind = DW_OVERDUE,
		.last = DW_OVERDUE,
		.act_by = T0,
		.episode = episode,
		.since = T0 - 5,
		.opened = T0 - 9,
		.facts = UINT64_MAX - 3,
		.ack = { .at = DW_UNKNOWN, .until = DW_NEVER },
	};
}

/* ---- transactions ---- */
static void test_change_needs_begin(void **state)
{
	struct dw_store *s = *state;
	struct dw_feed_row f = { .name = (char *)(uintptr_t) "shop" };

	assert_int_equal(dw_store_meta_put(s, "k", "v", &err), -EINVAL);
	assert_int_equal(dw_store_feed_put(s, &f, &err), -EINVAL);
	assert_int_equal(dw_store_history_add(s, 1, T0, "x", &err), -EINVAL);
	assert_int_equal(dw_store_prune(s, T0, &err), -EINVAL);
	assert_int_equal(dw_store_mail_lease(s, 1, T0, &err), -EINVAL);
	assert_int_equal(dw_store_commit(s, &err), -EINVAL);
	OK(dw_store_begin(s, &err));
	assert_int_equal(dw_store_begin(s, &err), -EINVAL);
	OK(dw_store_commit(s, &err));
	dw_store_rollback(s); /* nothing open: nothing happens */
}

static void test_rollback(void **state)
{
	struct dw_store *s = *state;
	struct dw_order_row row = { 0 };
	int64_t kept = add_order_alone(s, "1001");
	int64_t count[6];
	char *v = NULL;

	OK(dw_store_begin(s, &err));
	OK(dw_store_meta_put(s, "k", "v", &err));
	add_order(s, "another feed", "1002", 0);
	OK(dw_store_order_touch(s, kept, &err));
	add_step(s, kept, "alice", "7d", add_mail(s, "alice", "x", T0));
	OK(dw_store_history_add(s, kept, T0, "gone with it", &err));
	dw_store_rollback(s);

	assert_int_equal(dw_store_meta_get(s, "k", &v, &err), 1);
	assert_null(v);
	assert_int_equal(dw_store_order_find(s, "another feed", "1002", &row, &err), 1);
	OK(dw_store_order_get(s, kept, &row, &err));
	assert_true(row.next_at == DW_NEVER);
	dw_order_row_fini(&row);
	OK(dw_store_mail_count(s, count, &err));
	assert_int_equal(count[DW_MAIL_QUEUED], 0);
	/* and what was rolled back can be made again */
	OK(dw_store_begin(s, &err));
	add_order(s, "another feed", "1002", 0);
	OK(dw_store_commit(s, &err));
	OK(dw_store_order_find(s, "another feed", "1002", &row, &err));
	dw_order_row_fini(&row);
}

static void test_meta(void **state)
{
	struct dw_store *s = *state;
	DW_FREE char *big = calloc(1, DW_STORE_META_MAX + 2);
	char *v = NULL;

	assert_int_equal(dw_store_meta_get(s, "rules", &v, &err), 1);
	OK(dw_store_begin(s, &err));
	OK(dw_store_meta_put(s, "rules", "one", &err));
	OK(dw_store_meta_put(s, "rules", "二", &err));
	memset(big, 'x', DW_STORE_META_MAX + 1);
	assert_int_equal(dw_store_meta_put(s, "rules", big, &err), -E2BIG);
	assert_int_equal(dw_store_meta_put(s, "rules", "\xff", &err), -EINVAL);
	assert_int_equal(dw_store_meta_put(s, "", "x", &err), -EINVAL);
	OK(dw_store_commit(s, &err));
	OK(dw_store_meta_get(s, "rules", &v, &err));
	assert_string_equal(v, "二");
	free(v);
}

/* ---- feeds ---- */
static int join_feed(void *ctx, const struct dw_feed_row *row)
{
	return join(ctx, row->name);
}

static void test_feeds(void **state)
{
	struct dw_store *s = *state;
	struct dw_feed_row in = {
		.name = (char *)(uintptr_t) "shop", .overlay = true, .data_time = T0, .last_attempt = T0 + 1,
		.last_success = DW_UNKNOWN, .error_since = T0 + 2, .error = (char *)(uintptr_t) "line 3: broken",
		.first_look = true, .seen = (char *)(uintptr_t) "12:34", .orders = 5, .missing = 6, .rejected = 7,
		.unmatched = 8, .rejects = (char *)(uintptr_t) "a\nb", .rejects_told = UINT64_MAX, .error_told = T0 + 3,
		.stale_told = DW_UNKNOWN, .vanish_since = T0 + 4, .accept = true,
	};
	struct dw_feed_row out = { 0 };
	DW_BUF names = { 0 };

	OK(dw_store_begin(s, &err));
	add_order(s, "named by an order only", "1", 0);
	assert_int_equal(dw_store_feed_get(s, "named by an order only", &out, &err), 1);
	assert_int_equal(dw_store_feed_get(s, "shop", &out, &err), 1);
	OK(dw_store_feed_put(s, &in, &err));
	OK(dw_store_commit(s, &err));

	OK(dw_store_feed_get(s, "shop", &out, &err));
	assert_string_equal(out.name, "shop");
	assert_true(out.overlay && out.first_look && out.accept);
	assert_true(out.data_time == T0 && out.last_attempt == T0 + 1 && out.last_success == DW_UNKNOWN);
	assert_true(out.error_since == T0 + 2 && out.error_told == T0 + 3 && out.stale_told == DW_UNKNOWN);
	assert_true(out.vanish_since == T0 + 4 && out.rejects_told == UINT64_MAX);
	assert_true(out.orders == 5 && out.missing == 6 && out.rejected == 7 && out.unmatched == 8);
	assert_string_equal(out.error, "line 3: broken");
	assert_string_equal(out.seen, "12:34");
	assert_string_equal(out.rejects, "a\nb");
	dw_feed_row_fini(&out);

	in.error = NULL;
	in.accept = false;
	OK(dw_store_begin(s, &err));
	OK(dw_store_feed_put(s, &in, &err));
	in.name = (char *)(uintptr_t) "plan";
	OK(dw_store_feed_put(s, &in, &err));
	OK(dw_store_commit(s, &err));
	OK(dw_store_feed_get(s, "shop", &out, &err));
	assert_null(out.error);
	assert_false(out.accept);
	dw_feed_row_fini(&out);
	OK(dw_store_feed_each(s, join_feed, &names, &err));
	assert_string_equal(dw_buf_str(&names), "shop plan");
}

/* ---- orders ---- */
static void test_order_row(void **state)
{
	struct dw_store *s = *state;
	char record[] = "\x01\x00opaque", other[] = "other";
	struct dw_order_row in = {
		.feed = (char *)(uintptr_t) "shop", .order_id = (char *)(uintptr_t) "234100010000000001",
		.record = record, .n_record = sizeof(record) - 1, .print = UINT64_MAX - 1, .memory = DW_MEMORY_NONE,
		.next_at = T0, .data_at = T0 + 1, .rules = UINT64_C(0xfedcba9876543210), .missing_since = DW_UNKNOWN,
		.missing_data = DW_UNKNOWN,
	};
	struct dw_order_row out = { 0 };
	uint64_t print = 0;
	bool listed = false;
	int64_t id = 0;

	in.memory.first_seen = T0;
	in.memory.first_read = true;
	OK(dw_store_begin(s, &err));
	OK(dw_store_order_put(s, &in, &err));
	OK(dw_store_commit(s, &err));
	OK(dw_store_order_find(s, "shop", in.order_id, &out, &err));
	assert_true(out.id == in.id && out.print == in.print && out.rules == in.rules);
	assert_string_equal(out.feed, "shop");
	assert_string_equal(out.order_id, in.order_id);
	assert_int_equal(out.n_record, sizeof(record) - 1);
	assert_memory_equal(out.record, record, sizeof(record) - 1);
	assert_true(out.next_at == T0 && out.data_at == T0 + 1 && out.missing_since == DW_UNKNOWN);
	assert_true(out.memory.first_seen == T0 && out.memory.first_read && out.memory.closed_at == DW_UNKNOWN);
	assert_true(!out.gone && !out.close_note && !out.close_by);
	dw_order_row_fini(&out);
	OK(dw_store_order_peek(s, "shop", in.order_id, &id, &print, &listed, &err));
	assert_true(id == in.id && print == in.print && listed);
	assert_int_equal(dw_store_order_peek(s, "shop", "none", &id, &print, &listed, &err), 1);
	assert_int_equal(dw_store_order_peek(s, "none", in.order_id, &id, &print, &listed, &err), 1);
	assert_int_equal(dw_store_order_find(s, "none", in.order_id, &out, &err), 1);
	assert_int_equal(dw_store_order_get(s, in.id + 1000, &out, &err), 1);

	in.record = other;
	in.n_record = 5;
	in.next_at = in.data_at = DW_NEVER;
	in.close_note = (char *)(uintptr_t) "the buyer wrote";
	in.close_by = (char *)(uintptr_t) "alice";
	in.memory.closed_at = T0 + 9;
	OK(dw_store_begin(s, &err));
	OK(dw_store_order_put(s, &in, &err));
	OK(dw_store_order_missing(s, in.id, T0 + 5, T0 + 4, false, &err));
	OK(dw_store_commit(s, &err));
	OK(dw_store_order_get(s, in.id, &out, &err));
	assert_memory_equal(out.record, "other", 5);
	assert_true(out.next_at == DW_NEVER && out.data_at == DW_NEVER && out.memory.closed_at == T0 + 9);
	assert_true(out.missing_since == T0 + 5 && out.missing_data == T0 + 4 && !out.gone);
	assert_string_equal(out.close_note, "the buyer wrote");
	assert_string_equal(out.close_by, "alice");
	dw_order_row_fini(&out);
	OK(dw_store_order_peek(s, "shop", in.order_id, &id, &print, &listed, &err));
	assert_false(listed);
}

static void test_order_refused(void **state)
{
	struct dw_store *s = *state;
	DW_FREE char *big = calloc(1, 300);
	struct dw_order_row row = { .feed = (char *)(uintptr_t) "shop", .order_id = (char *)(uintptr_t) "1",
				    .memory = DW_MEMORY_NONE, .next_at = DW_NEVER, .data_at = DW_NEVER };
	struct dw_memory m = DW_MEMORY_NONE;

	memset(big, 'x', 299);
	OK(dw_store_begin(s, &err));
	add_order(s, "shop", "1", 0);
	assert_int_equal(dw_store_order_put(s, &row, &err), -EEXIST);
	assert_int_equal(row.id, 0);
	row.id = 4711;
	assert_int_equal(dw_store_order_put(s, &row, &err), -ENOENT);
	row.id = 0;
	row.order_id = big;
	assert_int_equal(dw_store_order_put(s, &row, &err), -E2BIG);
	row.order_id = (char *)(uintptr_t) "";
	assert_int_equal(dw_store_order_put(s, &row, &err), -EINVAL);
	assert_int_equal(dw_store_order_decided(s, 4711, &m, T0, T0, 1, dw_class_of(DW_OPEN), &err), -ENOENT);
	assert_int_equal(dw_store_order_missing(s, 4711, T0, T0, true, &err), -ENOENT);
	assert_int_equal(dw_store_order_touch(s, 4711, &err), -ENOENT);
	/* the transaction goes on after a refusal */
	add_order(s, "other", "1", 0);
	OK(dw_store_commit(s, &err));
}

static void test_decided_and_due(void **state)
{
	struct dw_store *s = *state;
	struct dw_memory m = DW_MEMORY_NONE;
	struct dw_order_row out = { 0 };
	int64_t a, b, c, ids[8];
	dw_time next;

	OK(dw_store_orders_next(s, &next, &err));
	assert_true(next == DW_NEVER);
	OK(dw_store_begin(s, &err));
	a = add_order(s, "shop", "a", T0 + 10);
	b = add_order(s, "shop", "b", T0);
	c = add_order(s, "shop", "c", DW_NEVER);
	OK(dw_store_commit(s, &err));
	assert_int_equal(dw_store_orders_due(s, T0 - 1, ids, 8, &err), 0);
	assert_int_equal(dw_store_orders_due(s, T0, ids, 8, &err), 1);
	assert_true(ids[0] == b);
	assert_int_equal(dw_store_orders_due(s, T0 + 10, ids, 8, &err), 2);
	assert_true(ids[0] == b && ids[1] == a);
	assert_int_equal(dw_store_orders_due(s, T0 + 10, ids, 1, &err), 1);
	assert_true(ids[0] == b);
	assert_int_equal(dw_store_orders_due(s, DW_NEVER, ids, 8, &err), 2); /* never is never due */

	m.requested_since = T0 - 77;
	OK(dw_store_begin(s, &err));
	OK(dw_store_order_decided(s, b, &m, T0 + 20, T0 + 30, UINT64_MAX, dw_class_of(DW_OPEN), &err));
	OK(dw_store_order_decided(s, a, &m, DW_NEVER, DW_NEVER, 1, dw_class_of(DW_OPEN), &err));
	OK(dw_store_commit(s, &err));
	OK(dw_store_order_get(s, b, &out, &err));
	assert_true(out.memory.requested_since == T0 - 77 && out.next_at == T0 + 20 && out.data_at == T0 + 30);
	assert_true(out.rules == UINT64_MAX && out.print == 7 && out.n_record > 0);
	dw_order_row_fini(&out);
	OK(dw_store_orders_next(s, &next, &err));
	assert_true(next == T0 + 20);
	OK(dw_store_begin(s, &err));
	OK(dw_store_order_touch(s, c, &err));
	OK(dw_store_commit(s, &err));
	OK(dw_store_orders_next(s, &next, &err));
	assert_true(next == 0);
	assert_int_equal(dw_store_orders_due(s, T0, ids, 8, &err), 1);
	assert_true(ids[0] == c);
}

static int due_count(struct dw_store *s)
{
	int64_t ids[16];

	return dw_store_orders_due(s, T0, ids, 16, &err);
}

static void settle(struct dw_store *s, int64_t first, int n, dw_time data_at)
{
	struct dw_memory m = DW_MEMORY_NONE;

	OK(dw_store_begin(s, &err));
	for (int64_t id = first; id < first + n; id++)
		OK(dw_store_order_decided(s, id, &m, DW_NEVER, data_at, 1, dw_class_of(DW_OPEN), &err));
	OK(dw_store_commit(s, &err));
}

static void test_touch(void **state)
{
	struct dw_store *s = *state;
	int64_t first;

	OK(dw_store_begin(s, &err));
	first = add_order(s, "shop", "1", DW_NEVER);
	add_order(s, "shop", "2", DW_NEVER);
	add_order(s, "other", "1", T0 + 1000);
	OK(dw_store_commit(s, &err));
	OK(dw_store_begin(s, &err));
	OK(dw_store_orders_touch_number(s, "1", &err));
	OK(dw_store_orders_touch_number(s, "none", &err));
	OK(dw_store_commit(s, &err));
	assert_int_equal(due_count(s), 2);

	settle(s, first, 3, T0);
	OK(dw_store_begin(s, &err));
	OK(dw_store_orders_touch_data(s, "shop", T0, &err)); /* not past it */
	OK(dw_store_orders_touch_data(s, "none", T0 + 1, &err));
	OK(dw_store_commit(s, &err));
	assert_int_equal(due_count(s), 0);
	OK(dw_store_begin(s, &err));
	OK(dw_store_orders_touch_data(s, "shop", T0 + 1, &err));
	OK(dw_store_commit(s, &err));
	assert_int_equal(due_count(s), 2);

	settle(s, first, 3, DW_NEVER);
	OK(dw_store_begin(s, &err));
	OK(dw_store_orders_touch_data(s, "shop", DW_NEVER, &err));
	OK(dw_store_orders_touch_feed(s, "none", &err));
	OK(dw_store_commit(s, &err));
	assert_int_equal(due_count(s), 0);
	OK(dw_store_begin(s, &err));
	OK(dw_store_orders_touch_feed(s, "other", &err));
	OK(dw_store_commit(s, &err));
	assert_int_equal(due_count(s), 1);
	OK(dw_store_begin(s, &err));
	OK(dw_store_orders_touch_feed(s, NULL, &err));
	OK(dw_store_commit(s, &err));
	assert_int_equal(due_count(s), 3);
}

static void test_order_lists(void **state)
{
	struct dw_store *s = *state;
	int64_t first, gone;
	DW_BUF all = { 0 };
	DW_BUF shop = { 0 };
	DW_BUF number = { 0 };
	DW_BUF ids = { 0 };
	char want[64];

	OK(dw_store_begin(s, &err));
	first = add_order(s, "shop", "9", DW_NEVER);
	add_order(s, "other", "5", DW_NEVER);
	gone = add_order(s, "shop", "5", DW_NEVER);
	add_order(s, "shop", "1", DW_NEVER);
	OK(dw_store_order_missing(s, gone, T0, T0, true, &err));
	OK(dw_store_order_missing(s, gone + 1, T0, T0, false, &err));
	OK(dw_store_commit(s, &err));
	OK(dw_store_order_each(s, NULL, join_order, &all, &err));
	assert_string_equal(dw_buf_str(&all), "9 5 5 1");
	OK(dw_store_order_each(s, "shop", join_order, &shop, &err));
	assert_string_equal(dw_buf_str(&shop), "9 5 1");
	OK(dw_store_order_each(s, "none", join_order, &shop, &err));
	assert_string_equal(dw_buf_str(&shop), "9 5 1");
	OK(dw_store_order_by_number(s, "5", join_order, &number, &err));
	assert_string_equal(dw_buf_str(&number), "5 5");
	OK(dw_store_order_ids(s, "shop", join_id, &ids, &err));
	snprintf(want, sizeof(want), "%lld %lldm", (long long)first, (long long)gone + 1);
	assert_string_equal(dw_buf_str(&ids), want);
	assert_int_equal(dw_store_order_each(s, NULL, stop, NULL, &err), 5);
	assert_int_equal(dw_store_order_by_number(s, "5", stop, NULL, &err), 5);
}

struct writer {
	struct dw_store *s;
	int seen;
};

/* Writes and commits from inside a walk. */
static int close_it(void *ctx, const struct dw_order_row *row)
{
	struct writer *w = ctx;

	OK(dw_store_begin(w->s, &err));
	OK(dw_store_order_missing(w->s, row->id, T0, T0, true, &err));
	OK(dw_store_commit(w->s, &err));
	w->seen++;
	return 0;
}

static int one_more(void *ctx, DW_UNUSED int64_t id, dw_time missing_since)
{
	assert_true(missing_since == DW_UNKNOWN);
	++*(int *)ctx;
	return 0;
}

static void test_walk_that_writes(void **state)
{
	struct dw_store *s = *state;
	struct writer w = { s, 0 };
	char number[16];
	int left = 0;

	OK(dw_store_begin(s, &err));
	for (int i = 0; i < 150; i++) { /* more than two pages */
		snprintf(number, sizeof(number), "%d", 1000 + i);
		add_order(s, i % 10 ? "shop" : "other", number, DW_NEVER);
	}
	OK(dw_store_commit(s, &err));
	OK(dw_store_order_each(s, "shop", close_it, &w, &err));
	assert_int_equal(w.seen, 135);
	OK(dw_store_order_ids(s, "shop", one_more, &left, &err));
	assert_int_equal(left, 0);
	OK(dw_store_order_ids(s, "other", one_more, &left, &err));
	assert_int_equal(left, 15);
}

static void test_near(void **state)
{
	struct dw_store *s = *state;
	static const struct {
		const char *text, *first;
	} cases[] = {
		{ "2341000100000", "234100010000000001" }, /* the beginning */
		{ "778899", "234100010000778899" },	   /* the ending */
		{ "234100010000778988", "234100010000778899" },
		{ "PO-2026-018", "PO-2026-0188" },
		{ "OP-2026-0188", "PO-2026-0188" },
	};
	char *out[3];

	OK(dw_store_begin(s, &err));
	add_order(s, "shop", "234100010000000001", DW_NEVER);
	add_order(s, "shop", "234100010000778899", DW_NEVER);
	add_order(s, "shop", "PO-2026-0188", DW_NEVER);
	add_order(s, "other", "PO-2026-0188", DW_NEVER);
	OK(dw_store_commit(s, &err));
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		int n = dw_store_order_near(s, cases[i].text, out, 3, &err);

		assert_in_range(n, 1, 3);
		assert_string_equal(out[0], cases[i].first);
		for (int k = 0; k < n; k++) {
			for (int j = 0; j < k; j++)
				assert_string_not_equal(out[k], out[j]);
		}
		for (int k = 0; k < n; k++)
			free(out[k]);
	}
	assert_int_equal(dw_store_order_near(s, "nothing like it at all", out, 3, &err), 0);
}

/* ---- many in one transaction: a backend may write in bulk or look ahead, and nobody may notice ---- */
static const char *number_of(int i)
{
	static char text[24];

	snprintf(text, sizeof(text), "2341%08d", i * 7 % 1000); /* neither sorted nor random */
	return text;
}

static void check_peek(struct dw_store *s, const char *number, int64_t want_id, uint64_t want_print, bool want_listed)
{
	uint64_t print = 0;
	bool listed = !want_listed;
	int64_t id = 0;

	OK(dw_store_order_peek(s, "shop", number, &id, &print, &listed, &err));
	assert_true(id == want_id && print == want_print && listed == want_listed);
}

static int64_t put_big(struct dw_store *s, int i, size_t n_record)
{
	DW_FREE char *record = calloc(1, n_record);
	struct dw_order_row row = {
		.feed = (char *)(uintptr_t) "shop", .order_id = (char *)(uintptr_t)number_of(i), .record = record,
		.n_record = n_record, .print = (uint64_t)i, .memory = DW_MEMORY_NONE, .next_at = T0 + i,
		.data_at = DW_NEVER, .missing_since = DW_UNKNOWN, .missing_data = DW_UNKNOWN,
	};

	OK(dw_store_order_put(s, &row, &err));
	row.id = 0;
	assert_int_equal(dw_store_order_put(s, &row, &err), -EEXIST);
	OK(dw_store_order_find(s, "shop", row.order_id, &row, &err));
	assert_int_equal(row.n_record, n_record);
	n_record = (size_t)row.id;
	dw_order_row_fini(&row);
	return (int64_t)n_record;
}

static void test_bulk_is_visible(void **state)
{
	struct dw_store *s = *state;
	struct dw_memory m = DW_MEMORY_NONE;
	DW_BUF all = { 0 };
	int64_t ids[200], due[4], id;
	uint64_t print;
	dw_time next;
	bool listed;

	OK(dw_store_begin(s, &err));
	for (int i = 0; i < 100; i++) {
		assert_int_equal(dw_store_order_peek(s, "shop", number_of(i), &id, &print, &listed, &err), 1);
		ids[i] = add_order(s, "shop", number_of(i), T0 + 500);
		assert_true(i == 0 || ids[i] > ids[i - 1]);
		check_peek(s, number_of(i), ids[i], 7, true);
		check_peek(s, number_of(i / 2), ids[i / 2], 7, true);
	}
	ids[100] = put_big(s, 100, 70000);
	ids[101] = put_big(s, 101, 10);
	OK(dw_store_order_decided(s, add_order(s, "shop", "decided at once", 0), &m, T0 - 9, DW_NEVER, 1, dw_class_of(DW_OPEN), &err));
	assert_int_equal(dw_store_orders_due(s, T0, due, 4, &err), 1);
	OK(dw_store_orders_next(s, &next, &err));
	assert_true(next == T0 - 9);
	add_step(s, add_order(s, "shop", "told at once", DW_NEVER), "alice", "7d", 0);
	add_order(s, "shop", "last", DW_NEVER);
	OK(dw_store_order_by_number(s, "last", join_order, &all, &err));
	assert_string_equal(dw_buf_str(&all), "last");
	add_order(s, "shop", "left to the commit", T0 - 10);
	OK(dw_store_commit(s, &err));
	OK(dw_store_orders_next(s, &next, &err));
	assert_true(next == T0 - 10);
	for (int i = 99; i >= 0; i--)
		check_peek(s, number_of(i), ids[i], 7, true);
}

static void test_lookups_see_changes(void **state)
{
	struct dw_store *s = *state;
	int64_t ids[300], id;
	uint64_t print;
	bool listed;

	OK(dw_store_begin(s, &err));
	for (int i = 0; i < 300; i++)
		ids[i] = add_order(s, "shop", number_of(i), DW_NEVER);
	OK(dw_store_commit(s, &err));
	OK(dw_store_begin(s, &err));
	for (int i = 0; i < 300; i++) {
		check_peek(s, number_of(i), ids[i], 7, i % 50 != 12);
		if (i % 50 == 10)
			OK(dw_store_order_missing(s, ids[i + 2], T0, T0, false, &err));
		if (i % 50 == 20) {
			struct dw_order_row row = { 0 };

			OK(dw_store_order_get(s, ids[i + 1], &row, &err));
			row.print = 99;
			OK(dw_store_order_put(s, &row, &err));
			dw_order_row_fini(&row);
			check_peek(s, number_of(i + 1), ids[i + 1], 99, true);
			i++;
		}
		if (i % 50 == 30) {
			assert_int_equal(dw_store_order_peek(s, "shop", "a new one", &id, &print, &listed, &err), 1);
			assert_int_equal(dw_store_order_peek(s, "other", number_of(i), &id, &print, &listed, &err), 1);
		}
	}
	dw_store_rollback(s);
	OK(dw_store_begin(s, &err));
	for (int i = 0; i < 300; i++)
		check_peek(s, number_of(i), ids[i], 7, true);
	OK(dw_store_commit(s, &err));
}

/* Due and next, against a plain reckoning, while rows come, are decided, touched and go. */
static void test_due_agrees(void **state)
{
	struct dw_store *s = *state;
	struct dw_memory m = DW_MEMORY_NONE;
	dw_time at[600];
	int64_t ids[600], due[700];
	uint64_t x = 88172645463325252u;
	dw_time next;

	OK(dw_store_begin(s, &err));
	for (int i = 0; i < 600; i++) {
		at[i] = i % 5 ? DW_NEVER : T0 + i;
		ids[i] = add_order(s, i % 3 ? "shop" : "other", number_of(i), at[i]);
	}
	for (int round = 0; round < 60; round++) {
		dw_time want = DW_NEVER, now = T0 + round * 10;
		int n = 0;

		for (int k = 0; k < 10; k++) {
			int i;

			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			i = (int)(x % 600);
			at[i] = k == 0 ? 0 : x >> 40 & 1 ? DW_NEVER : T0 + (dw_time)(x >> 20 & 1023);
			if (k == 0)
				OK(dw_store_order_touch(s, ids[i], &err));
			else
				OK(dw_store_order_decided(s, ids[i], &m, at[i], DW_NEVER, 1, dw_class_of(DW_OPEN), &err));
		}
		if (round % 4 == 3) {
			OK(dw_store_commit(s, &err));
			OK(dw_store_begin(s, &err));
		}
		for (int i = 0; i < 600; i++) {
			want = at[i] < want ? at[i] : want;
			n += at[i] <= now;
		}
		OK(dw_store_orders_next(s, &next, &err));
		assert_true(next == want);
		assert_int_equal(dw_store_orders_due(s, now, due, 700, &err), n);
		for (int k = 0; k < n; k++)
			assert_true(at[due[k] - ids[0]] <= now);
	}
	OK(dw_store_commit(s, &err));
}

/* ---- overlays and hand-set values ---- */
static void test_overlays(void **state)
{
	struct dw_store *s = *state;
	struct dw_facts f = { 0 }, out = { 0 };
	DW_BUF record = { 0 };
	DW_BUF ids = { 0 };
	uint64_t print = 0;
	int64_t n = -1;

	dw_facts_set_num(&f, DW_F_EXPECTED_SHIP_AT, T0);
	assert_int_equal(dw_facts_set_text(&f, DW_F_NOTE, "材料晚到"), 0);
	assert_int_equal(dw_facts_encode(&record, &f), 0);
	OK(dw_store_begin(s, &err));
	add_order(s, "shop", "1", DW_NEVER);
	OK(dw_store_overlay_put(s, "plan", "2", record.p, record.n, 1, &err));
	OK(dw_store_overlay_put(s, "plan", "1", "\x7f", 1, 2, &err));
	OK(dw_store_overlay_put(s, "plan", "1", record.p, record.n, UINT64_MAX, &err));
	OK(dw_store_overlay_put(s, "plan2", "3", record.p, record.n, 3, &err));
	OK(dw_store_commit(s, &err));

	OK(dw_store_overlay_get(s, "plan", "1", &out, &print, &err));
	assert_true(print == UINT64_MAX && dw_at(&out, DW_F_EXPECTED_SHIP_AT) == T0);
	assert_string_equal(dw_text(&out, DW_F_NOTE), "材料晚到");
	dw_facts_fini(&out);
	assert_int_equal(dw_store_overlay_get(s, "plan", "3", &out, &print, &err), 1);
	assert_int_equal(dw_store_overlay_get(s, "none", "1", &out, &print, &err), 1);
	OK(dw_store_overlay_each(s, "plan", join, &ids, &err));
	assert_string_equal(dw_buf_str(&ids), "1 2");
	OK(dw_store_overlay_unmatched(s, "plan", &n, &err));
	assert_int_equal(n, 1);
	OK(dw_store_overlay_unmatched(s, "none", &n, &err));
	assert_int_equal(n, 0);

	OK(dw_store_begin(s, &err));
	OK(dw_store_overlay_drop(s, "plan", "2", &err));
	OK(dw_store_overlay_drop(s, "plan", "not there", &err));
	OK(dw_store_overlay_put(s, "plan", "bad", "\x7f", 1, 2, &err));
	OK(dw_store_commit(s, &err));
	assert_int_equal(dw_store_overlay_get(s, "plan", "2", &out, &print, &err), 1);
	assert_int_equal(dw_store_overlay_get(s, "plan", "bad", &out, &print, &err), -EBADMSG);
	dw_facts_fini(&f);
}

static void test_hands(void **state)
{
	struct dw_store *s = *state;
	int64_t order = add_order_alone(s, "1");
	struct dw_hand h = { .field = DW_F_AGREED_AT, .at = T0, .by = (char *)(uintptr_t) "alice" };
	struct dw_hand *all = NULL;
	size_t n = 9;

	OK(dw_store_hand_load(s, order, &all, &n, &err));
	assert_int_equal(n, 0);
	free(all);
	dw_facts_set_num(&h.value, DW_F_AGREED_AT, T0 + 5);
	OK(dw_store_begin(s, &err));
	OK(dw_store_hand_put(s, order, &h, &err));
	h.base = (char *)(uintptr_t) "2026-12-01";
	OK(dw_store_hand_put(s, order, &h, &err)); /* replaces */
	h = (struct dw_hand){ .field = DW_F_STATUS, .at = T0 + 1, .by = (char *)(uintptr_t) "bob" };
	dw_facts_set_num(&h.value, DW_F_STATUS, DW_SHIPPED);
	OK(dw_store_hand_put(s, order, &h, &err));
	assert_int_equal(dw_store_hand_put(s, order + 1, &h, &err), -ENOENT);
	OK(dw_store_commit(s, &err));

	OK(dw_store_hand_load(s, order, &all, &n, &err));
	assert_int_equal(n, 2);
	assert_int_equal(all[0].field, DW_F_STATUS);
	assert_int_equal(all[0].value.num[DW_F_STATUS], DW_SHIPPED);
	assert_null(all[0].base);
	assert_int_equal(all[1].field, DW_F_AGREED_AT);
	assert_true(dw_at(&all[1].value, DW_F_AGREED_AT) == T0 + 5 && all[1].at == T0);
	assert_string_equal(all[1].by, "alice");
	assert_string_equal(all[1].base, "2026-12-01");
	for (size_t i = 0; i < n; i++)
		dw_hand_fini(&all[i]);
	free(all);
	OK(dw_store_begin(s, &err));
	OK(dw_store_hand_drop(s, order, DW_F_STATUS, &err));
	OK(dw_store_hand_drop(s, order, DW_F_STATUS, &err));
	OK(dw_store_commit(s, &err));
	OK(dw_store_hand_load(s, order, &all, &n, &err));
	assert_int_equal(n, 1);
	dw_hand_fini(&all[0]);
	free(all);
}

/* ---- alerts and steps ---- */
static int join_alert(void *ctx, int64_t order, const struct dw_alert *a)
{
	char text[64];

	snprintf(text, sizeof(text), "%lld/%s", (long long)order, dw_side_words[a->side]);
	return join(ctx, text);
}

static void test_alerts(void **state)
{
	struct dw_store *s = *state;
	int64_t one = add_order_alone(s, "1"), two = add_order_alone(s, "2");
	struct dw_alert a = alert_of(DW_SIDE_RECEIPT, 1), out[DW_SIDE_COUNT];
	DW_BUF all = { 0 };
	char want[64];

	assert_int_equal(dw_store_alert_load(s, one, out, &err), 0);
	OK(dw_store_begin(s, &err));
	OK(dw_store_alert_put(s, one, &a, &err));
	a = alert_of(DW_SIDE_SHIP, 3);
	a.kind = DW_NO_KIND;
	a.act_by = DW_UNKNOWN;
	a.dormant = true;
	a.ack = (struct dw_ack){ .at = T0, .until = DW_NEVER, .by = "alice" };
	OK(dw_store_alert_put(s, two, &a, &err));
	OK(dw_store_alert_put(s, one, &a, &err));
	a.side = DW_SIDE_COUNT;
	assert_int_equal(dw_store_alert_put(s, one, &a, &err), -EINVAL);
	a = alert_of(DW_SIDE_SHIP, DW_EPISODE_NEW);
	assert_int_equal(dw_store_alert_put(s, one, &a, &err), -EINVAL);
	a = alert_of(DW_SIDE_SHIP, 1);
	assert_int_equal(dw_store_alert_put(s, two + 1, &a, &err), -ENOENT);
	OK(dw_store_commit(s, &err));

	assert_int_equal(dw_store_alert_load(s, one, out, &err), 2);
	assert_int_equal(out[0].side, DW_SIDE_SHIP);
	assert_int_equal(out[0].kind, DW_NO_KIND);
	assert_int_equal(out[0].last, DW_OVERDUE);
	assert_true(out[0].act_by == DW_UNKNOWN && out[0].episode == 3 && out[0].dormant);
	assert_true(out[0].ack.at == T0 && out[0].ack.until == DW_NEVER);
	assert_string_equal(out[0].ack.by, "alice");
	assert_int_equal(out[1].side, DW_SIDE_RECEIPT);
	assert_true(out[1].since == T0 - 5 && out[1].opened == T0 - 9 && out[1].facts == UINT64_MAX - 3);
	assert_true(out[1].ack.at == DW_UNKNOWN && !out[1].dormant);
	OK(dw_store_alert_each(s, join_alert, &all, &err));
	snprintf(want, sizeof(want), "%lld/ship %lld/receipt %lld/ship", (long long)one, (long long)one,
		 (long long)two);
	assert_string_equal(dw_buf_str(&all), want);
	OK(dw_store_begin(s, &err));
	OK(dw_store_alert_drop(s, one, DW_SIDE_SHIP, &err));
	OK(dw_store_alert_drop(s, one, DW_SIDE_SHIP, &err));
	OK(dw_store_commit(s, &err));
	assert_int_equal(dw_store_alert_load(s, one, out, &err), 1);
}

static void test_episodes(void **state)
{
	struct dw_store *s = *state;
	int64_t order = add_order_alone(s, "1");
	struct dw_alert a = alert_of(DW_SIDE_SHIP, 1);

	assert_int_equal(dw_store_episode_next(s, order, DW_SIDE_SHIP, &err), 1);
	OK(dw_store_begin(s, &err));
	OK(dw_store_alert_put(s, order, &a, &err));
	assert_int_equal(dw_store_episode_next(s, order, DW_SIDE_SHIP, &err), 2);
	assert_int_equal(dw_store_episode_next(s, order, DW_SIDE_CLAIM, &err), 1);
	OK(dw_store_alert_drop(s, order, DW_SIDE_SHIP, &err));
	OK(dw_store_commit(s, &err));
	assert_int_equal(dw_store_episode_next(s, order, DW_SIDE_SHIP, &err), 2); /* never given again */
	OK(dw_store_begin(s, &err));
	add_step(s, order, "alice", "7d", 0); /* of episode 1: no later than the last */
	OK(dw_store_commit(s, &err));
	assert_int_equal(dw_store_episode_next(s, order, DW_SIDE_SHIP, &err), 2);
}

static void test_step_key(void **state)
{
	struct dw_store *s = *state;
	int64_t order = add_order_alone(s, "1"), other = add_order_alone(s, "2");
	struct dw_step_row base = step_of(order, "alice", "every 7d"), row;
	DW_BUF all = { 0 };

	base.told.act_by = DW_UNKNOWN; /* unknown is a value of the key too */
	row = base;
	OK(dw_store_begin(s, &err));
	OK(dw_store_step_add(s, &row, &err));
	row = base;
	row.told.urgent = true; /* not in the key */
	assert_int_equal(dw_store_step_add(s, &row, &err), 1);
	assert_int_equal(row.told.id, 0);
	for (int i = 0; i < 8; i++) {
		row = base;
		switch (i) {
		case 0: row.order = other; break;
		case 1: row.told.side = DW_SIDE_CLAIM; break;
		case 2: row.told.episode = 2; break;
		case 3: row.told.kind = DW_NO_KIND; break;
		case 4: row.told.act_by = T0; break;
		case 5: snprintf(row.told.step, sizeof(row.told.step), "found"); break;
		case 6: row.told.number = 1; break;
		case 7: snprintf(row.person, sizeof(row.person), "bob"); break;
		}
		OK(dw_store_step_add(s, &row, &err));
		assert_int_equal(dw_store_step_add(s, &row, &err), 1);
	}
	row = step_of(other + 1, "alice", "7d");
	assert_int_equal(dw_store_step_add(s, &row, &err), -ENOENT);
	row = step_of(order, "", "7d");
	assert_int_equal(dw_store_step_add(s, &row, &err), -EINVAL);
	row = step_of(order, "carol", "7d");
	row.mail = 4711;
	assert_int_equal(dw_store_step_add(s, &row, &err), -ENOENT);
	OK(dw_store_commit(s, &err));
	OK(dw_store_step_each(s, order, DW_SIDE_SHIP, 0, join_step, &all, &err));
	/* all but the one of the other order */
	assert_string_equal(dw_buf_str(&all), "alice/every 7d alice/every 7d alice/every 7d alice/every 7d "
					      "alice/every 7d alice/found alice/every 7d bob/every 7d");
}

static int keep_step(void *ctx, const struct dw_step_row *row)
{
	*(struct dw_step_row *)ctx = *row;
	return 0;
}

static void test_steps(void **state)
{
	struct dw_store *s = *state;
	int64_t one = add_order_alone(s, "1"), two = add_order_alone(s, "2"), id, mail;
	struct dw_step_row out = { 0 }, claim = step_of(one, "bob", "found");
	DW_BUF waiting = { 0 };
	DW_BUF alice = { 0 };
	DW_BUF mailed = { 0 };
	DW_BUF episode = { 0 };

	claim.told.side = DW_SIDE_CLAIM;
	claim.told.deliver = DW_DELIVER_DAILY;
	OK(dw_store_begin(s, &err));
	add_step(s, two, "bob", "1d", 0);
	add_step(s, two, "alice", "3d", 0);
	id = add_step(s, one, "alice", "7d", 0);
	OK(dw_store_step_add(s, &claim, &err));
	OK(dw_store_commit(s, &err));
	OK(dw_store_step_waiting(s, NULL, join_step, &waiting, &err));
	assert_string_equal(dw_buf_str(&waiting), "alice/7d alice/3d bob/found bob/1d");
	OK(dw_store_step_waiting(s, "alice", join_step, &alice, &err));
	assert_string_equal(dw_buf_str(&alice), "alice/7d alice/3d");
	OK(dw_store_step_each(s, one, DW_SIDE_CLAIM, 1, join_step, &episode, &err));
	assert_string_equal(dw_buf_str(&episode), "bob/found");
	OK(dw_store_step_each(s, one, DW_SIDE_CLAIM, 1, keep_step, &out, &err));
	assert_true(out.told.id == claim.told.id && out.order == one && out.told.deliver == DW_DELIVER_DAILY);
	assert_true(out.told.kind == DW_OVERDUE && out.told.act_by == T0 && out.told.at == T0 && out.mail == 0);
	assert_int_equal(out.told.person, -1);
	assert_int_equal(dw_store_step_told(s, one, DW_SIDE_CLAIM, 1, "bob", &err), 1);
	assert_int_equal(dw_store_step_told(s, one, DW_SIDE_CLAIM, 1, "alice", &err), 0); /* on another side */
	assert_int_equal(dw_store_step_told(s, one, DW_SIDE_CLAIM, 2, "bob", &err), 0);
	assert_int_equal(dw_store_step_told(s, two, DW_SIDE_CLAIM, 1, "bob", &err), 0);

	OK(dw_store_begin(s, &err));
	mail = add_mail(s, "alice", "m", T0);
	OK(dw_store_step_set(s, id, DW_STEP_MAILED, mail, T0 + 60, &err));
	assert_int_equal(dw_store_step_set(s, id + 100, DW_STEP_MAILED, mail, T0, &err), -ENOENT);
	OK(dw_store_commit(s, &err));
	OK(dw_store_step_of_mail(s, mail, join_step, &mailed, &err));
	assert_string_equal(dw_buf_str(&mailed), "alice/7d");
	assert_int_equal(dw_store_step_told(s, one, DW_SIDE_SHIP, 1, "alice", &err), 1);
	OK(dw_store_begin(s, &err));
	OK(dw_store_step_set(s, id, DW_STEP_COVERED, mail, T0 + 60, &err));
	assert_int_equal(dw_store_step_told(s, one, DW_SIDE_SHIP, 1, "alice", &err), 0);
	dw_store_rollback(s);
	OK(dw_store_step_of_mail(s, mail, keep_step, &out, &err));
	assert_true(out.told.state == DW_STEP_MAILED && out.told.at == T0 + 60 && out.mail == mail);
	dw_buf_reset(&alice);
	OK(dw_store_step_waiting(s, "alice", join_step, &alice, &err));
	assert_string_equal(dw_buf_str(&alice), "alice/3d");
}

static void test_step_held(void **state)
{
	struct dw_store *s = *state;
	int64_t order = add_order_alone(s, "1"), id, mail;
	struct dw_step_row out = { 0 };

	OK(dw_store_begin(s, &err));
	id = add_step(s, order, "alice", "1d", 0);
	OK(dw_store_step_hold(s, id, &err));
	assert_int_equal(dw_store_step_hold(s, id + 100, &err), -ENOENT);
	OK(dw_store_commit(s, &err));
	assert_int_equal(dw_store_step_hold(s, id, &err), -EINVAL); /* outside a transaction */
	OK(dw_store_step_waiting(s, "alice", keep_step, &out, &err));
	assert_true(out.told.id == id && out.told.deliver == DW_DELIVER_HELD && out.told.at == T0);
	OK(dw_store_begin(s, &err));
	mail = add_mail(s, "alice", "m", T0);
	OK(dw_store_step_set(s, id, DW_STEP_MAILED, mail, T0 + 60, &err));
	assert_int_equal(dw_store_step_hold(s, id, &err), -ENOENT); /* it no longer waits */
	OK(dw_store_commit(s, &err));
	OK(dw_store_step_of_mail(s, mail, keep_step, &out, &err)); /* how it came to be in that mail stays known */
	assert_true(out.told.deliver == DW_DELIVER_HELD && out.told.state == DW_STEP_MAILED);
}

/* ---- outbox ---- */
static void test_mail_made(void **state)
{
	struct dw_store *s = *state;
	struct dw_mail_row row = { 0 };
	int64_t second;

	assert_int_equal(dw_store_mail_made(s, "alice", T0, T0 + DW_DAY, INT64_MAX, &err), 0);
	OK(dw_store_begin(s, &err));
	add_mail(s, "alice", "a", T0);
	second = add_mail(s, "alice", "b", T0);
	add_mail(s, "bob", "c", T0);
	OK(dw_store_commit(s, &err));
	assert_int_equal(dw_store_mail_made(s, "alice", T0, T0 + DW_DAY, INT64_MAX, &err), 2);
	assert_int_equal(dw_store_mail_made(s, "alice", T0, T0 + DW_DAY, second, &err), 1);
	assert_int_equal(dw_store_mail_made(s, "alice", T0 + 1, T0 + DW_DAY, INT64_MAX, &err), 0);
	assert_int_equal(dw_store_mail_made(s, "alice", T0 - DW_DAY, T0, INT64_MAX, &err), 0); /* the end isn't in it */
	assert_int_equal(dw_store_mail_made(s, "carol", T0, T0 + DW_DAY, INT64_MAX, &err), 0);
	OK(dw_store_mail_get(s, second, &row, &err));
	OK(dw_store_begin(s, &err));
	row.state = DW_MAIL_SENT;
	OK(dw_store_mail_answered(s, &row, &err));
	assert_int_equal(dw_store_mail_made(s, "alice", T0, T0 + DW_DAY, INT64_MAX, &err), 2);
	row.state = DW_MAIL_WITHDRAWN;
	OK(dw_store_mail_answered(s, &row, &err));
	OK(dw_store_commit(s, &err));
	dw_mail_row_fini(&row);
	assert_int_equal(dw_store_mail_made(s, "alice", T0, T0 + DW_DAY, INT64_MAX, &err), 1);
}

static void test_mail_row(void **state)
{
	struct dw_store *s = *state;
	char bytes[] = "a\0b\r\n";
	struct dw_mail_row in = {
		.type = DW_MAIL_NOTE, .state = DW_MAIL_UNSURE, .person = (char *)(uintptr_t) "alice",
		.address = (char *)(uintptr_t) "alice@example.com", .message_id = (char *)(uintptr_t) "1@example.com",
		.subject = (char *)(uintptr_t) "您的订单", .bytes = bytes, .n_bytes = sizeof(bytes) - 1,
		.model = (char *)(uintptr_t) "{}", .created = T0, .next_try = T0 + 1, .last_try = T0 + 2,
		.sent_at = T0 + 3, .tries = 4, .unsure = 5, .data_refused = 6,
		.answer = (char *)(uintptr_t) "250 2.0.0 Ok: queued as X", .verdict = DW_RELAY_REFUSED,
		.visited = (char *)(uintptr_t) "bob carol",
	};
	struct dw_mail_row out = { 0 };

	OK(dw_store_begin(s, &err));
	OK(dw_store_mail_put(s, &in, &err));
	OK(dw_store_commit(s, &err));
	OK(dw_store_mail_get(s, in.id, &out, &err));
	assert_true(out.id == in.id && out.type == DW_MAIL_NOTE && out.state == DW_MAIL_UNSURE);
	assert_string_equal(out.person, in.person);
	assert_string_equal(out.address, in.address);
	assert_string_equal(out.message_id, in.message_id);
	assert_string_equal(out.subject, in.subject);
	assert_int_equal(out.n_bytes, 5);
	assert_memory_equal(out.bytes, bytes, 5);
	assert_string_equal(out.model, "{}");
	assert_true(out.created == T0 && out.next_try == T0 + 1 && out.last_try == T0 + 2 && out.sent_at == T0 + 3);
	assert_true(out.tries == 4 && out.unsure == 5 && out.data_refused == 6 && out.verdict == DW_RELAY_REFUSED);
	assert_string_equal(out.answer, in.answer);
	assert_string_equal(out.visited, in.visited);
	assert_true(out.handed);
	dw_mail_row_fini(&out);

	/* an answer: everything but the bytes */
	in.bytes = NULL;
	in.n_bytes = 0;
	in.model = NULL;
	in.state = DW_MAIL_SENT;
	in.unsure = 0;
	OK(dw_store_begin(s, &err));
	OK(dw_store_mail_answered(s, &in, &err));
	OK(dw_store_commit(s, &err));
	OK(dw_store_mail_get(s, in.id, &out, &err));
	assert_int_equal(out.state, DW_MAIL_SENT);
	assert_int_equal(out.n_bytes, 5);
	assert_string_equal(out.model, "{}");
	assert_true(out.handed); /* never unset */
	dw_mail_row_fini(&out);

	/* whole: without bytes there are none */
	OK(dw_store_begin(s, &err));
	OK(dw_store_mail_put(s, &in, &err));
	in.id += 1000;
	assert_int_equal(dw_store_mail_put(s, &in, &err), -ENOENT);
	assert_int_equal(dw_store_mail_answered(s, &in, &err), -ENOENT);
	OK(dw_store_commit(s, &err));
	OK(dw_store_mail_get(s, in.id - 1000, &out, &err));
	assert_null(out.bytes);
	assert_null(out.model);
	dw_mail_row_fini(&out);
	assert_int_equal(dw_store_mail_get(s, in.id, &out, &err), 1);
}

static void set_tries(struct dw_store *s, int64_t id, int tries, enum dw_mail_state to, dw_time next_try)
{
	DW_CLEANUP(dw_mail_row_fini) struct dw_mail_row row = { 0 };

	OK(dw_store_mail_get(s, id, &row, &err));
	row.tries = tries;
	row.state = to;
	row.next_try = next_try;
	OK(dw_store_mail_answered(s, &row, &err));
}

static void test_mail_due(void **state)
{
	struct dw_store *s = *state;
	int64_t retry, late, fresh, unsure, sent, ids[8], count[6];
	dw_time next;

	OK(dw_store_mail_next(s, &next, &err));
	assert_true(next == DW_NEVER);
	OK(dw_store_begin(s, &err));
	retry = add_mail(s, "alice", "retry", T0);
	late = add_mail(s, "alice", "late", T0 + 100);
	fresh = add_mail(s, "bob", "fresh", T0 + 50);
	unsure = add_mail(s, "bob", "unsure", T0);
	sent = add_mail(s, "bob", "sent", T0);
	set_tries(s, retry, 2, DW_MAIL_QUEUED, T0 - 10);
	set_tries(s, unsure, 1, DW_MAIL_UNSURE, T0 - 20);
	set_tries(s, sent, 1, DW_MAIL_SENT, DW_NEVER);
	OK(dw_store_commit(s, &err));
	assert_int_equal(dw_store_mail_due(s, T0 + 60, ids, 8, &err), 3);
	assert_true(ids[0] == fresh && ids[1] == unsure && ids[2] == retry);
	assert_int_equal(dw_store_mail_due(s, T0 + 100, ids, 2, &err), 2);
	assert_true(ids[0] == fresh && ids[1] == late);
	assert_int_equal(dw_store_mail_due_elsewhere(s, T0 + 60, "|other.example|", 0, ids, 8, &err), 3);
	assert_true(ids[0] == fresh && ids[1] == unsure && ids[2] == retry);
	assert_int_equal(dw_store_mail_due_elsewhere(s, T0 + 60, "|other.example|", 1, ids, 8, &err), 2);
	assert_true(ids[0] == fresh && ids[1] == unsure);
	assert_int_equal(dw_store_mail_due_elsewhere(s, T0 + 60, "|x|example.com|", 0, ids, 8, &err), 0);
	assert_int_equal(dw_store_mail_due_elsewhere(s, T0 + 60, "|xexample.com|", 0, ids, 2, &err), 2);
	OK(dw_store_mail_next(s, &next, &err));
	assert_true(next == T0 - 20);
	OK(dw_store_mail_count(s, count, &err));
	assert_true(count[DW_MAIL_QUEUED] == 3 && count[DW_MAIL_UNSURE] == 1 && count[DW_MAIL_SENT] == 1);
	assert_true(count[DW_MAIL_LEASED] == 0 && count[DW_MAIL_FAILED] == 0 && count[DW_MAIL_WITHDRAWN] == 0);
}

static void test_lease(void **state)
{
	struct dw_store *s = *state;
	struct dw_mail_row out = { 0 };
	int64_t a, b, ids[8];

	OK(dw_store_begin(s, &err));
	a = add_mail(s, "alice", "a", T0);
	b = add_mail(s, "bob", "b", T0);
	set_tries(s, b, 1, DW_MAIL_UNSURE, T0);
	OK(dw_store_mail_lease(s, a, T0 + 7, &err));
	OK(dw_store_mail_lease(s, b, T0 + 7, &err));
	assert_int_equal(dw_store_mail_lease(s, a, T0 + 8, &err), 1);
	assert_int_equal(dw_store_mail_lease(s, 4711, T0 + 8, &err), 1);
	OK(dw_store_commit(s, &err));
	assert_int_equal(dw_store_mail_due(s, T0 + 60, ids, 8, &err), 0);
	OK(dw_store_mail_get(s, a, &out, &err));
	assert_true(out.state == DW_MAIL_LEASED && out.last_try == T0 + 7 && !out.handed);
	dw_mail_row_fini(&out);

	OK(dw_store_begin(s, &err));
	assert_int_equal(dw_store_mail_release(s, &err), 2);
	assert_int_equal(dw_store_mail_release(s, &err), 0);
	OK(dw_store_commit(s, &err));
	OK(dw_store_mail_get(s, a, &out, &err));
	assert_true(out.state == DW_MAIL_QUEUED && out.tries == 0 && out.unsure == 0 && out.handed);
	assert_int_equal(out.n_bytes, 25);
	dw_mail_row_fini(&out);
	OK(dw_store_mail_get(s, b, &out, &err));
	assert_true(out.state == DW_MAIL_UNSURE && out.tries == 1);
	dw_mail_row_fini(&out);
	assert_int_equal(dw_store_mail_due(s, T0 + 60, ids, 8, &err), 2);
}

static void test_mail_lists(void **state)
{
	struct dw_store *s = *state;
	int64_t one = add_order_alone(s, "1"), two = add_order_alone(s, "2"), a, b, c, ids[8];
	DW_BUF all = { 0 };
	DW_BUF leased = { 0 };

	OK(dw_store_begin(s, &err));
	a = add_mail(s, "alice", "a", T0);
	b = add_mail(s, "bob", "b", T0);
	c = add_mail(s, "alice", "c", T0);
	add_step(s, one, "alice", "7d", a);
	add_step(s, one, "alice", "3d", a); /* twice in one mail: one mail */
	add_step(s, one, "bob", "7d", b);
	add_step(s, two, "alice", "7d", c);
	OK(dw_store_commit(s, &err));
	assert_int_equal(dw_store_mail_queued_for(s, one, DW_SIDE_SHIP, NULL, ids, 8, &err), 2);
	assert_true(ids[0] == a && ids[1] == b);
	assert_int_equal(dw_store_mail_queued_for(s, one, DW_SIDE_SHIP, NULL, ids, 1, &err), 1);
	assert_int_equal(dw_store_mail_queued_for(s, one, DW_SIDE_SHIP, "bob", ids, 8, &err), 1);
	assert_true(ids[0] == b);
	assert_int_equal(dw_store_mail_queued_for(s, one, DW_SIDE_CLAIM, NULL, ids, 8, &err), 0);
	OK(dw_store_begin(s, &err));
	OK(dw_store_mail_lease(s, a, T0, &err));
	OK(dw_store_commit(s, &err));
	assert_int_equal(dw_store_mail_queued_for(s, one, DW_SIDE_SHIP, NULL, ids, 8, &err), 1);
	OK(dw_store_mail_each(s, -1, join_mail, &all, &err));
	assert_string_equal(dw_buf_str(&all), "c b a");
	OK(dw_store_mail_each(s, DW_MAIL_LEASED, join_mail, &leased, &err));
	assert_string_equal(dw_buf_str(&leased), "a");
	OK(dw_store_begin(s, &err));
	assert_int_equal(dw_store_mail_release(s, &err), 1);
	OK(dw_store_commit(s, &err));
	/* it may have left: its bytes are frozen */
	assert_int_equal(dw_store_mail_queued_for(s, one, DW_SIDE_SHIP, NULL, ids, 8, &err), 1);
	assert_true(ids[0] == b);
}

/* ---- people and history ---- */
static int join_history(void *ctx, dw_time at, const char *text)
{
	assert_true(at == T0 || at == DW_UNKNOWN);
	return join(ctx, text);
}

static void test_people_and_history(void **state)
{
	struct dw_store *s = *state;
	int64_t order = add_order_alone(s, "1");
	struct dw_person_row p = { .name = "alice", .daily_at = T0, .dead_at = DW_UNKNOWN }, out;
	DW_BUF lines = { 0 };

	assert_int_equal(dw_store_person_get(s, "alice", &out, &err), 1);
	OK(dw_store_begin(s, &err));
	OK(dw_store_person_put(s, &p, &err));
	p.dead_at = T0 + 1;
	snprintf(p.dead_why, sizeof(p.dead_why), "550 5.1.1 no such user");
	OK(dw_store_person_put(s, &p, &err));
	OK(dw_store_history_add(s, order, T0, "seen", &err));
	OK(dw_store_history_add(s, order, DW_UNKNOWN, "set", &err));
	assert_int_equal(dw_store_history_add(s, order + 1, T0, "x", &err), -ENOENT);
	OK(dw_store_commit(s, &err));
	OK(dw_store_person_get(s, "alice", &out, &err));
	assert_true(out.daily_at == T0 && out.dead_at == T0 + 1);
	assert_string_equal(out.name, "alice");
	assert_string_equal(out.dead_why, "550 5.1.1 no such user");
	OK(dw_store_history_each(s, order, join_history, &lines, &err));
	assert_string_equal(dw_buf_str(&lines), "seen set");
}

/* ---- what comes in ---- */
static void test_mailboxes(void **state)
{
	struct dw_store *s = *state;
	struct dw_mailbox_row m = { .name = "box", .uidvalidity = 7, .last_uid = INT64_C(4294967295), .last_success = T0,
				    .error_since = DW_UNKNOWN, .told = DW_UNKNOWN }, out;

	assert_int_equal(dw_store_mailbox_get(s, "box", &out, &err), 1);
	assert_int_equal(dw_store_mailbox_put(s, &m, &err), -EINVAL); /* outside */
	OK(dw_store_begin(s, &err));
	OK(dw_store_mailbox_put(s, &m, &err));
	m.error_since = T0 + 1;
	snprintf(m.error, sizeof(m.error), "no answer");
	OK(dw_store_mailbox_put(s, &m, &err));
	OK(dw_store_commit(s, &err));
	OK(dw_store_mailbox_get(s, "box", &out, &err));
	assert_true(out.uidvalidity == 7 && out.last_uid == INT64_C(4294967295) && out.last_success == T0 && out.error_since == T0 + 1 &&
		    out.told == DW_UNKNOWN);
	assert_string_equal(out.error, "no answer");
	assert_int_equal(dw_store_mailbox_get(s, "other", &out, &err), 1);
}

static void test_inbound(void **state)
{
	struct dw_store *s = *state;
	struct dw_inbound_row in = { .id = "a@example.com", .at = T0, .person = "alice", .commands = 2, .answers = 1 };
	int64_t commands, answers;

	assert_int_equal(dw_store_inbound_find(s, in.id, &err), 1);
	OK(dw_store_begin(s, &err));
	OK(dw_store_inbound_add(s, &in, &err));
	assert_int_equal(dw_store_inbound_add(s, &in, &err), -EEXIST);
	in.id = "b@example.com";
	in.at = T0 + 10;
	OK(dw_store_inbound_add(s, &in, &err));
	in.id = "c@example.com";
	in.person[0] = '\0';
	OK(dw_store_inbound_add(s, &in, &err));
	dw_store_rollback(s);
	assert_int_equal(dw_store_inbound_find(s, "a@example.com", &err), 1);
	snprintf(in.person, sizeof(in.person), "alice");
	OK(dw_store_begin(s, &err));
	OK(dw_store_inbound_add(s, &in, &err));
	in.id = "a@example.com";
	in.at = T0;
	OK(dw_store_inbound_add(s, &in, &err));
	OK(dw_store_commit(s, &err));
	OK(dw_store_inbound_find(s, "a@example.com", &err));
	OK(dw_store_inbound_count(s, "alice", T0, &commands, &answers, &err));
	assert_true(commands == 4 && answers == 2);
	OK(dw_store_inbound_count(s, "alice", T0 + 1, &commands, &answers, &err));
	assert_true(commands == 2 && answers == 1);
	OK(dw_store_inbound_count(s, "bo", T0, &commands, &answers, &err));
	assert_true(commands == 0 && answers == 0);
	OK(dw_store_begin(s, &err));
	assert_true(dw_store_prune(s, T0 + 100 * DW_DAY + 1, &err) >= 0);
	OK(dw_store_commit(s, &err));
	assert_int_equal(dw_store_inbound_find(s, "a@example.com", &err), 1);
	OK(dw_store_inbound_find(s, "c@example.com", &err));
}

static int join_dead(void *ctx, const struct dw_dead_row *row)
{
	dw_buf_printf(ctx, "%s %s;", row->address, row->why);
	return 0;
}

static void test_dead_addresses(void **state)
{
	struct dw_store *s = *state;
	struct dw_dead_row d = { .address = "b@example.com", .since = T0, .tried = DW_UNKNOWN, .good = DW_UNKNOWN, .mail = 3,
				 .why = "5.1.1" }, out;
	DW_BUF lines = { 0 };

	assert_int_equal(dw_store_dead_get(s, d.address, &out, &err), 1);
	OK(dw_store_begin(s, &err));
	OK(dw_store_dead_put(s, &d, &err));
	d.tried = T0 + 5;
	OK(dw_store_dead_put(s, &d, &err));
	snprintf(d.address, sizeof(d.address), "a@example.com");
	OK(dw_store_dead_put(s, &d, &err));
	OK(dw_store_commit(s, &err));
	OK(dw_store_dead_get(s, "b@example.com", &out, &err));
	assert_true(out.since == T0 && out.tried == T0 + 5 && out.good == DW_UNKNOWN && out.mail == 3);
	OK(dw_store_dead_each(s, join_dead, &lines, &err));
	assert_string_equal(dw_buf_str(&lines), "a@example.com 5.1.1;b@example.com 5.1.1;");
	OK(dw_store_begin(s, &err));
	OK(dw_store_dead_drop(s, "b@example.com", &err));
	OK(dw_store_dead_drop(s, "b@example.com", &err));
	OK(dw_store_commit(s, &err));
	assert_int_equal(dw_store_dead_get(s, "b@example.com", &out, &err), 1);
}

static void test_mail_find(void **state)
{
	struct dw_store *s = *state;
	struct dw_mail_row m = { .type = DW_MAIL_ANSWER, .person = (char *)(uintptr_t) "alice", .message_id = (char *)(uintptr_t) "x@example.com",
				 .created = T0, .next_try = T0, .last_try = DW_UNKNOWN, .sent_at = DW_UNKNOWN };
	int64_t id = 0;

	assert_int_equal(dw_store_mail_find(s, "x@example.com", &id, &err), 1);
	OK(dw_store_begin(s, &err));
	OK(dw_store_mail_put(s, &m, &err));
	OK(dw_store_commit(s, &err));
	OK(dw_store_mail_find(s, "x@example.com", &id, &err));
	assert_true(id == m.id);
	assert_int_equal(dw_store_mail_find(s, "y@example.com", &id, &err), 1);
}

/* ---- retention ---- */
#define DAY INT64_C(86400)

static int prune_all(struct dw_store *s, dw_time now)
{
	int r, rounds = 0;

	OK(dw_store_begin(s, &err));
	while ((r = dw_store_prune(s, now, &err)) == 1)
		assert_true(++rounds < 100);
	OK(r);
	OK(dw_store_commit(s, &err));
	return rounds;
}

static bool has_mail(struct dw_store *s, int64_t id, bool *bytes)
{
	DW_CLEANUP(dw_mail_row_fini) struct dw_mail_row row = { 0 };
	int r = dw_store_mail_get(s, id, &row, &err);

	assert_in_range(r, 0, 1);
	*bytes = row.bytes != NULL;
	return r == 0;
}

static void test_prune_mails(void **state)
{
	struct dw_store *s = *state;
	int64_t sent, queued;
	bool bytes;

	OK(dw_store_begin(s, &err));
	sent = add_mail(s, "alice", "sent", T0);
	queued = add_mail(s, "alice", "queued", T0);
	set_tries(s, sent, 1, DW_MAIL_SENT, DW_NEVER);
	OK(dw_store_commit(s, &err));
	prune_all(s, T0 + 30 * DAY);
	assert_true(has_mail(s, sent, &bytes) && bytes);
	prune_all(s, T0 + 30 * DAY + 1);
	assert_true(has_mail(s, sent, &bytes) && !bytes);
	assert_true(has_mail(s, queued, &bytes) && bytes);
	prune_all(s, T0 + 400 * DAY);
	assert_true(has_mail(s, sent, &bytes));
	prune_all(s, T0 + 400 * DAY + 1);
	assert_false(has_mail(s, sent, &bytes));
	assert_true(has_mail(s, queued, &bytes) && bytes);
}

static void test_prune_steps(void **state)
{
	struct dw_store *s = *state;
	int64_t open = add_order_alone(s, "open"), over = add_order_alone(s, "over"), mail;
	struct dw_alert a = alert_of(DW_SIDE_SHIP, 1);
	struct dw_step_row row = { 0 };
	DW_BUF left = { 0 };
	DW_BUF lines = { 0 };

	OK(dw_store_begin(s, &err));
	mail = add_mail(s, "alice", "m", T0);
	set_tries(s, mail, 1, DW_MAIL_SENT, DW_NEVER);
	OK(dw_store_alert_put(s, open, &a, &err));
	add_step(s, open, "alice", "found", mail);
	add_step(s, over, "alice", "found", mail);
	add_step(s, over, "alice", "waits", 0);
	OK(dw_store_history_add(s, over, T0, "old", &err));
	OK(dw_store_history_add(s, over, DW_UNKNOWN, "undated", &err));
	OK(dw_store_commit(s, &err));
	prune_all(s, T0 + 400 * DAY + 1);
	/* the key of an open episode must stay, or its step would be owed again; its mail goes */
	OK(dw_store_step_each(s, open, DW_SIDE_SHIP, 1, keep_step, &row, &err));
	assert_string_equal(row.told.step, "found");
	assert_int_equal(row.mail, 0);
	OK(dw_store_step_each(s, over, DW_SIDE_SHIP, 0, join_step, &left, &err));
	assert_string_equal(dw_buf_str(&left), "alice/waits");
	OK(dw_store_history_each(s, over, join_history, &lines, &err));
	assert_string_equal(dw_buf_str(&lines), "undated");
}

/* An order last listed at T0, whose feed's last word was `status`. */
static int64_t add_missing(struct dw_store *s, const char *number, enum dw_status status, bool gone, dw_time closed_at)
{
	int64_t id = add_order(s, "shop", number, DW_NEVER);
	DW_CLEANUP(dw_order_row_fini) struct dw_order_row row = { 0 };
	DW_BUF record = { 0 };
	struct dw_facts f = { 0 };

	dw_facts_set_num(&f, DW_F_STATUS, status);
	assert_int_equal(dw_facts_encode(&record, &f), 0);
	OK(dw_store_order_get(s, id, &row, &err));
	free(row.record);
	row.n_record = record.n;
	row.record = dw_buf_take(&record);
	row.missing_since = T0;
	row.gone = gone;
	row.memory.closed_at = closed_at;
	OK(dw_store_order_put(s, &row, &err));
	return id;
}

static void test_prune_orders(void **state)
{
	struct dw_store *s = *state;
	struct dw_alert a = alert_of(DW_SIDE_SHIP, 1);
	struct dw_hand h = { .field = DW_F_NOTE };
	DW_BUF left = { 0 };
	DW_BUF steps = { 0 };
	int64_t gone;

	OK(dw_store_begin(s, &err));
	add_missing(s, "kept-open", DW_AWAITING_SHIPMENT, false, DW_UNKNOWN);
	gone = add_missing(s, "gone", DW_AWAITING_SHIPMENT, true, DW_UNKNOWN);
	add_missing(s, "completed", DW_COMPLETED, false, DW_UNKNOWN);
	add_missing(s, "cancelled", DW_CANCELLED, false, DW_UNKNOWN);
	add_missing(s, "closed", DW_SHIPPED, false, T0);
	add_missing(s, "closed-lately", DW_COMPLETED, true, T0 + 300 * DAY);
	add_order(s, "shop", "listed", DW_NEVER);
	OK(dw_store_alert_put(s, gone, &a, &err));
	add_step(s, gone, "alice", "found", 0);
	OK(dw_store_hand_put(s, gone, &h, &err));
	OK(dw_store_history_add(s, gone, T0 + 399 * DAY, "x", &err));
	OK(dw_store_commit(s, &err));
	prune_all(s, T0 + 400 * DAY);
	OK(dw_store_order_each(s, NULL, join_order, &left, &err));
	assert_string_equal(dw_buf_str(&left), "kept-open gone completed cancelled closed closed-lately listed");
	dw_buf_reset(&left);
	prune_all(s, T0 + 400 * DAY + 1);
	OK(dw_store_order_each(s, NULL, join_order, &left, &err));
	assert_string_equal(dw_buf_str(&left), "kept-open closed-lately listed");
	OK(dw_store_step_waiting(s, NULL, join_step, &steps, &err)); /* what hangs on an order goes with it */
	assert_string_equal(dw_buf_str(&steps), "");
	dw_buf_reset(&left);
	prune_all(s, T0 + 700 * DAY + 1);
	OK(dw_store_order_each(s, NULL, join_order, &left, &err));
	assert_string_equal(dw_buf_str(&left), "kept-open listed");
}

static void test_prune_is_bounded(void **state)
{
	struct dw_store *s = *state;
	int64_t order = add_order_alone(s, "1");
	DW_BUF left = { 0 };

	OK(dw_store_begin(s, &err));
	for (int i = 0; i < 1200; i++)
		OK(dw_store_history_add(s, order, T0, "x", &err));
	assert_int_equal(dw_store_prune(s, T0 + 500 * DAY, &err), 1);
	OK(dw_store_commit(s, &err));
	assert_int_equal(prune_all(s, T0 + 500 * DAY), 1);
	OK(dw_store_history_each(s, order, join_history, &left, &err));
	assert_string_equal(dw_buf_str(&left), "");
}

#define CASE(test, backend) { #test " on " #backend, test, setup_##backend, teardown, NULL }
#define BOTH(test) CASE(test, memory), CASE(test, sqlite), CASE(test, scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_change_needs_begin), BOTH(test_rollback), BOTH(test_meta), BOTH(test_feeds),
		BOTH(test_order_row), BOTH(test_order_refused), BOTH(test_decided_and_due), BOTH(test_touch),
		BOTH(test_order_lists), BOTH(test_walk_that_writes), BOTH(test_near), BOTH(test_bulk_is_visible),
		BOTH(test_lookups_see_changes), BOTH(test_due_agrees), BOTH(test_overlays),
		BOTH(test_hands), BOTH(test_alerts), BOTH(test_episodes), BOTH(test_step_key), BOTH(test_steps), BOTH(test_step_held),
		BOTH(test_mail_row), BOTH(test_mail_made), BOTH(test_mail_due), BOTH(test_lease), BOTH(test_mail_lists),
		BOTH(test_people_and_history), BOTH(test_mailboxes), BOTH(test_inbound), BOTH(test_dead_addresses), BOTH(test_mail_find), BOTH(test_prune_mails), BOTH(test_prune_steps),
		BOTH(test_prune_orders), BOTH(test_prune_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
