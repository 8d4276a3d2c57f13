/* What others rely on to see that the watcher is well: the store's counts (on both backends), its backup, the text of the
 * metrics file, the heartbeat's address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "duewatch/heartbeat.h"
#include "duewatch/metrics.h"

#define T0 INT64_C(1795449600) /* 2026-11-23T16:00:00Z */
#define OK(call) assert_ok((call), #call, __LINE__)

static struct dw_err err;
static char dir[64];

static void assert_ok(int r, const char *what, int line)
{
	if (r != 0)
		fail_msg("line %d: %s = %d: %s", line, what, r, err.text);
}

static int setup_memory(void **state)
{
	return dw_store_memory_new((struct dw_store **)state, &err);
}

static int setup_sqlite(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/dw-ops-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	return dw_store_sqlite_open((struct dw_store **)state, dir, DW_STORE_DAEMON, T0, &err);
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

/* ---- counts ---- */

static int64_t add_order(struct dw_store *s, const char *feed, const char *number, int class)
{
	struct dw_order_row row = { .feed = (char *)(uintptr_t)feed, .order_id = (char *)(uintptr_t)number, .print = 7,
				    .memory = DW_MEMORY_NONE, .next_at = 0, .data_at = DW_NEVER,
				    .missing_since = DW_UNKNOWN, .missing_data = DW_UNKNOWN, .class = 3 };
	struct dw_memory m = DW_MEMORY_NONE;

	OK(dw_store_order_put(s, &row, &err));
	if (class != DW_UNDECIDED)
		OK(dw_store_order_decided(s, row.id, &m, DW_NEVER, DW_NEVER, 1, class, &err));
	return row.id;
}

static int64_t add_mail(struct dw_store *s, enum dw_mail_state state, dw_time created)
{
	struct dw_mail_row row = { .type = DW_MAIL_ALERT, .state = state, .person = (char *)(uintptr_t) "alice",
				   .created = created, .next_try = DW_NEVER, .last_try = DW_UNKNOWN, .sent_at = DW_UNKNOWN };

	OK(dw_store_mail_put(s, &row, &err));
	return row.id;
}

static void add_step(struct dw_store *s, int64_t order, const char *step, enum dw_step_state state, int64_t mail, dw_time at,
		     enum dw_deliver deliver)
{
	struct dw_step_row row = { .told = { .side = DW_SIDE_SHIP, .episode = 1, .kind = DW_OVERDUE, .act_by = T0, .at = at,
					     .state = state, .deliver = deliver },
				   .order = order, .mail = mail, .person = "alice" };

	snprintf(row.told.step, sizeof(row.told.step), "%s", step);
	OK(dw_store_step_add(s, &row, &err));
}

static void put_feed(struct dw_store *s, const char *name, bool overlay, dw_time error_since, int64_t orders)
{
	struct dw_feed_row row = { .name = (char *)(uintptr_t)name, .overlay = overlay, .data_time = T0, .last_attempt = T0,
				   .last_success = T0, .error_since = error_since, .error_told = DW_UNKNOWN,
				   .stale_told = DW_UNKNOWN, .vanish_since = DW_UNKNOWN, .orders = orders, .rejected = 4 };

	OK(dw_store_feed_put(s, &row, &err));
}

static void test_nothing(void **state)
{
	struct dw_counts c = { .steps = 77 };

	OK(dw_store_count(*state, DW_COUNT_ORDERS | DW_COUNT_STEPS, T0, &c, &err));
	assert_true(c.oldest == DW_UNKNOWN);
	assert_int_equal(c.n_feed, 0);
	assert_int_equal(c.orders + c.alerted + c.steps + c.stuck, 0);
	dw_counts_fini(&c);
}

static void test_orders(void **state)
{
	struct dw_store *s = *state;
	struct dw_alert a = { .side = DW_SIDE_SHIP, .kind = DW_OVERDUE, .last = DW_OVERDUE, .act_by = T0, .episode = 1,
			      .since = T0, .opened = T0, .ack = { .at = DW_UNKNOWN } };
	struct dw_order_row row = { 0 };
	struct dw_counts c = { 0 };
	int64_t open, gone;

	OK(dw_store_begin(s, &err));
	put_feed(s, "shop", false, DW_UNKNOWN, 3);
	put_feed(s, "plan", true, DW_UNKNOWN, 9);
	put_feed(s, "bad", false, T0, 1);
	open = add_order(s, "shop", "1", dw_class_of(DW_OPEN));
	add_order(s, "shop", "2", dw_class_of(DW_WATCHING));
	add_order(s, "shop", "3", dw_class_of(DW_WATCHING));
	gone = add_order(s, "shop", "4", dw_class_of(DW_QUIET));
	add_order(s, "bad", "1", dw_class_of(DW_ACKED));
	add_order(s, "bad", "2", DW_UNDECIDED); /* whatever its first row says */
	OK(dw_store_order_missing(s, gone, T0, T0, false, &err));
	OK(dw_store_alert_put(s, open, &a, &err));
	a.side = DW_SIDE_CLAIM; /* the same order counts once */
	OK(dw_store_alert_put(s, open, &a, &err));
	a.kind = DW_NO_KIND; /* its episode isn't over, but nothing is open */
	OK(dw_store_alert_put(s, gone, &a, &err));
	OK(dw_store_commit(s, &err));

	OK(dw_store_count(s, DW_COUNT_ORDERS, T0, &c, &err));
	assert_int_equal(c.orders, 6);
	assert_int_equal(c.alerted, 1);
	assert_int_equal(c.n_feed, 3);
	assert_string_equal(c.feed[0].name, "bad");
	assert_false(c.feed[0].good);
	assert_int_equal(c.feed[0].class[DW_UNDECIDED], 1);
	assert_int_equal(c.feed[0].class[dw_class_of(DW_ACKED)], 1);
	assert_string_equal(c.feed[1].name, "plan");
	assert_false(c.feed[1].good);
	assert_int_equal(c.feed[1].listed, 0);
	assert_string_equal(c.feed[2].name, "shop");
	assert_true(c.feed[2].good);
	assert_int_equal(c.feed[2].read, 3);
	assert_int_equal(c.feed[2].rejected, 4);
	assert_int_equal(c.feed[2].listed, 3);
	assert_int_equal(c.feed[2].class[dw_class_of(DW_WATCHING)], 2);
	assert_int_equal(c.feed[2].class[dw_class_of(DW_QUIET)], 1);
	assert_int_equal(c.steps, 0); /* not asked for */
	dw_counts_fini(&c);

	/* what a read writes leaves the class alone; what a decision writes is there */
	OK(dw_store_order_get(s, open, &row, &err));
	assert_int_equal(row.class, dw_class_of(DW_OPEN));
	row.class = DW_UNDECIDED;
	OK(dw_store_begin(s, &err));
	OK(dw_store_order_put(s, &row, &err));
	assert_int_equal(dw_store_order_decided(s, open, &row.memory, 0, 0, 1, DW_CLASSES, &err), -EINVAL);
	OK(dw_store_commit(s, &err));
	dw_order_row_fini(&row);
	OK(dw_store_order_find(s, "shop", "1", &row, &err));
	assert_int_equal(row.class, dw_class_of(DW_OPEN));
	dw_order_row_fini(&row);
}

static void test_steps(void **state)
{
	struct dw_store *s = *state;
	struct dw_counts c = { 0 };
	int64_t o;

	OK(dw_store_begin(s, &err));
	o = add_order(s, "shop", "1", dw_class_of(DW_OPEN));
	add_step(s, o, "a", DW_STEP_MAILED, add_mail(s, DW_MAIL_SENT, T0 - 90), T0, DW_DELIVER_NOW);
	add_step(s, o, "b", DW_STEP_MAILED, add_mail(s, DW_MAIL_FAILED, T0 - 80), T0, DW_DELIVER_NOW);
	add_step(s, o, "c", DW_STEP_MAILED, add_mail(s, DW_MAIL_QUEUED, T0 - 70), T0, DW_DELIVER_NOW);
	add_step(s, o, "d", DW_STEP_MAILED, add_mail(s, DW_MAIL_UNSURE, T0 - 60), T0, DW_DELIVER_NOW);
	add_step(s, o, "e", DW_STEP_MAILED, add_mail(s, DW_MAIL_WITHDRAWN, T0 - 100), T0, DW_DELIVER_NOW);
	add_step(s, o, "f", DW_STEP_MAILED, 0, T0 - 5, DW_DELIVER_NOW);		  /* told, they say, and no mail is there */
	add_step(s, o, "g", DW_STEP_MAILED, 0, T0 - 401 * (int64_t)DW_DAY, DW_DELIVER_NOW); /* its mail was pruned */
	add_step(s, o, "h", DW_STEP_COVERED, 0, T0, DW_DELIVER_NOW);
	add_step(s, o, "i", DW_STEP_SPARED, 0, T0, DW_DELIVER_NOW);
	add_step(s, o, "j", DW_STEP_WAITING, 0, T0 - 3601, DW_DELIVER_NOW); /* forgotten */
	add_step(s, o, "k", DW_STEP_WAITING, 0, T0 - 3600, DW_DELIVER_NOW); /* not yet */
	add_step(s, o, "l", DW_STEP_WAITING, 0, T0 - 90000, DW_DELIVER_DAILY);
	add_step(s, o, "m", DW_STEP_WAITING, 0, T0 - 2 * (int64_t)DW_DAY, DW_DELIVER_HELD); /* mails_per_day: it waits for the next mail */
	add_step(s, o, "n", DW_STEP_WAITING, 0, T0 - 3 * (int64_t)DW_DAY - 1, DW_DELIVER_HELD); /* but not so long */
	OK(dw_store_commit(s, &err));

	OK(dw_store_count(s, DW_COUNT_STEPS, T0, &c, &err));
	assert_int_equal(c.steps, 14);
	assert_int_equal(c.step[DW_STEP_MAILED], 7);
	assert_int_equal(c.step[DW_STEP_COVERED], 1);
	assert_int_equal(c.step[DW_STEP_SPARED], 1);
	assert_int_equal(c.step[DW_STEP_WAITING], 5);
	assert_int_equal(c.told[DW_MAIL_SENT], 2);
	assert_int_equal(c.told[DW_MAIL_FAILED], 1);
	assert_int_equal(c.told[DW_MAIL_QUEUED], 1);
	assert_int_equal(c.told[DW_MAIL_UNSURE], 1);
	assert_int_equal(c.told[DW_MAIL_WITHDRAWN], 1);
	assert_int_equal(c.told[DW_MAIL_LOST], 1);
	assert_int_equal(c.stuck, 2);
	assert_int_equal(c.mail[DW_MAIL_SENT], 1);
	assert_int_equal(c.oldest, T0 - 70); /* of those that haven't left */
	assert_int_equal(c.orders, 0);
	dw_counts_fini(&c);
}

/* ---- only files have these ---- */

static void put_meta(struct dw_store *s, const char *value)
{
	OK(dw_store_begin(s, &err));
	OK(dw_store_meta_put(s, "k", value, &err));
	OK(dw_store_commit(s, &err));
}

static void want_meta(struct dw_store *s, const char *value)
{
	DW_FREE char *got = NULL;

	OK(dw_store_meta_get(s, "k", &got, &err));
	assert_string_equal(got, value);
}

static void test_freeze(void **state)
{
	struct dw_store *s = *state, *frozen = NULL;

	put_meta(s, "before");
	OK(dw_store_sqlite_open(&frozen, dir, DW_STORE_TOOL, T0, &err));
	OK(dw_store_freeze(frozen, &err));
	put_meta(s, "after");
	want_meta(frozen, "before");
	dw_store_close(frozen);
	OK(dw_store_sqlite_open(&frozen, dir, DW_STORE_TOOL, T0, &err));
	want_meta(frozen, "after");
	dw_store_close(frozen);
	OK(dw_store_begin(s, &err));
	assert_int_equal(dw_store_freeze(s, &err), -EINVAL);
	dw_store_rollback(s);
}

struct writing {
	struct dw_store *s;
	bool failed;
};

static void *write_on(void *arg)
{
	struct writing *w = arg;

	for (int i = 0; i < 200; i++) {
		char number[32];
		struct dw_order_row row = { .feed = (char *)(uintptr_t) "shop", .order_id = number, .memory = DW_MEMORY_NONE,
					    .data_at = DW_NEVER, .missing_since = DW_UNKNOWN, .missing_data = DW_UNKNOWN };

		snprintf(number, sizeof(number), "late %d", i);
		w->failed |= dw_store_begin(w->s, NULL) < 0 || dw_store_order_put(w->s, &row, NULL) < 0 ||
			     dw_store_commit(w->s, NULL) < 0;
	}
	return NULL;
}

static int files_in(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* Online: somebody writes while it is made; then the copy is a store of its own, in one file. */
static void test_backup(void **state)
{
	struct dw_store *tool = NULL, *copy = NULL;
	struct writing w = { .s = *state };
	struct dw_counts c = { 0 };
	char to[160], path[160];
	struct stat st;
	pthread_t t;

	put_meta(*state, "kept");
	snprintf(to, sizeof(to), "%s/copy", dir);
	snprintf(path, sizeof(path), "%s/copy/duewatch.db", dir);
	assert_int_equal(mkdir(to, 0700), 0);
	OK(dw_store_sqlite_open(&tool, dir, DW_STORE_TOOL, T0, &err));
	assert_int_equal(pthread_create(&t, NULL, write_on, &w), 0);
	OK(dw_store_backup(tool, path, &err));
	pthread_join(t, NULL);
	assert_false(w.failed);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(files_in(to), 1);
	assert_int_equal(dw_store_backup(tool, path, &err), -EEXIST);
	assert_non_null(strstr(err.text, "new file"));
	dw_store_close(tool);

	OK(dw_store_sqlite_open(&copy, to, DW_STORE_DAEMON, T0, &err));
	want_meta(copy, "kept");
	OK(dw_store_check(copy, &err));
	OK(dw_store_count(copy, DW_COUNT_ORDERS, T0, &c, &err));
	assert_in_range(c.orders, 0, 200);
	dw_counts_fini(&c);
	dw_store_close(copy);
}

static void test_backup_refused(void **state)
{
	char path[160], target[160];
	struct stat st;

	snprintf(path, sizeof(path), "%s/no/such/folder.db", dir);
	assert_int_equal(dw_store_backup(*state, path, &err), -ENOENT);
	snprintf(path, sizeof(path), "%s/link", dir);
	snprintf(target, sizeof(target), "%s/target", dir);
	assert_int_equal(symlink(target, path), 0); /* not through it either */
	assert_int_equal(dw_store_backup(*state, path, &err), -EEXIST);
	assert_int_equal(stat(target, &st), -1);
	OK(dw_store_begin(*state, &err));
	assert_int_equal(dw_store_backup(*state, target, &err), -EINVAL);
	dw_store_rollback(*state);
}

static void test_memory_has_no_file(void **state)
{
	assert_int_equal(dw_store_backup(*state, "/nowhere", &err), -ENOTSUP);
	OK(dw_store_check(*state, &err));
	OK(dw_store_freeze(*state, &err));
}

static void test_check_finds_damage(void **state)
{
	struct dw_store *s = NULL;
	char path[160], junk[4096];
	FILE *f;

	OK(dw_store_check(*state, &err));
	OK(dw_store_begin(*state, &err));
	for (int i = 0; i < 400; i++) {
		char number[32];

		snprintf(number, sizeof(number), "%d", i);
		add_order(*state, "shop", number, dw_class_of(DW_QUIET));
	}
	OK(dw_store_commit(*state, &err));
	dw_store_close(*state);
	*state = NULL;
	snprintf(path, sizeof(path), "%s/duewatch.db", dir);
	f = fopen(path, "r+b");
	assert_non_null(f);
	memset(junk, 0x5A, sizeof(junk));
	fseek(f, 4096L * 8, SEEK_SET);
	for (int i = 0; i < 6; i++)
		assert_int_equal(fwrite(junk, 1, sizeof(junk), f), sizeof(junk));
	fclose(f);
	OK(dw_store_sqlite_open(&s, dir, DW_STORE_TOOL, T0, &err));
	assert_int_equal(dw_store_check(s, &err), -EBADMSG);
	dw_store_close(s);
}

/* ---- the metrics' text ---- */

static void test_metrics_text(DW_UNUSED void **state)
{
	struct dw_feed_count feed[] = { { .name = "a\"b\\c\nd\xff", .class = { 0, 1, 2, 3, 4 } } };
	struct dw_counts mails = { .mail = { 5, 0, 7 }, .oldest = T0 - 30 }, orders = { .feed = feed, .n_feed = 1 };
	struct dw_feed_metric shop = { .name = "shop", .data_time = DW_UNKNOWN, .last_success = T0, .stale = true };
	struct dw_metrics m = { .now = T0, .started = T0 - 100, .last_tick = T0, .heartbeat = DW_UNKNOWN,
				.reconciled = DW_UNKNOWN, .sent = 12, .whole = true, .mails = &mails, .orders = &orders,
				.feed = &shop, .n_feed = 1 };
	static const char *const want[] = {
		"\nduewatch_orders{feed=\"a\\\"b\\\\c\\nd?\",state=\"undecided\"} 0\n",
		"\nduewatch_orders{feed=\"a\\\"b\\\\c\\nd?\",state=\"acked\"} 4\n",
		"\nduewatch_feed_data_timestamp_seconds{feed=\"shop\"} 0\n",
		"\nduewatch_feed_last_success_timestamp_seconds{feed=\"shop\"} 1795449600\n",
		"\nduewatch_feed_stale{feed=\"shop\"} 1\n",
		"\nduewatch_outbox_mails{state=\"sent\"} 7\n",
		"\nduewatch_outbox_oldest_waiting_seconds 30\n",
		"\n# TYPE duewatch_mails_sent_total counter\nduewatch_mails_sent_total 12\n",
		"\nduewatch_heartbeat_timestamp_seconds 0\n",
		"\nduewatch_cycle_whole 1\n",
	};
	DW_BUF b = { 0 };

	dw_metrics_text(&b, &m);
	assert_false(b.failed);
	for (size_t i = 0; i < DW_COUNT(want); i++)
		if (!strstr(b.p, want[i]))
			fail_msg("not in the text: %s\n%s", want[i], b.p);
	assert_true(dw_utf8_valid(b.p, b.n));
	assert_int_equal(b.p[b.n - 1], '\n');
	m.orders = NULL; /* not counted yet: no zero that isn't one */
	dw_buf_reset(&b);
	dw_metrics_text(&b, &m);
	assert_null(strstr(b.p, "duewatch_orders"));
}

static void test_metrics_file(DW_UNUSED void **state)
{
	char folder[] = "/tmp/dw-prom-XXXXXX", path[64], part[80], got[32] = "";
	struct stat st;
	FILE *f;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/d.prom", folder);
	snprintf(part, sizeof(part), "%s.part", path);
	assert_int_equal(symlink("/etc/passwd", part), 0); /* somebody's trick: it goes, what it points at stays */
	umask(077);
	OK(dw_metrics_write(path, "old\n", 4, &err));
	OK(dw_metrics_write(path, "new\n", 4, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(files_in(folder), 1);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(got, sizeof(got), f));
	fclose(f);
	assert_string_equal(got, "new\n");
	remove(path);
	rmdir(folder);
	assert_int_equal(dw_metrics_write(path, "x\n", 2, &err), -ENOENT);
	assert_non_null(strstr(err.text, "metrics_file"));
}

/* ---- the heartbeat's address ---- */

static void test_heartbeat_host(DW_UNUSED void **state)
{
	static const struct {
		const char *url, *host; /* NULL: refused */
	} cases[] = {
		{ "https://watch.example.com/ping/secret", "watch.example.com" },
		{ "HTTP://127.0.0.1:8080/x?secret", "127.0.0.1:8080" },
		{ "https://[::1]:443/", "[::1]:443" },
		{ "https://[::1]", "[::1]" },
		{ "https://h", "h" },
		{ "https://h?secret", "h" },
		{ "ftp://h/", NULL },
		{ "file:///etc/passwd", NULL },
		{ "h/secret", NULL },
		{ "https://", NULL },
		{ "https:///x", NULL },
		{ "https://user:pw@h/", NULL },
		{ "https://h:0/", NULL },
		{ "https://h:65536/", NULL },
		{ "https://h:/", NULL },
		{ "https://h:1x/", NULL },
		{ "https://-h/", NULL },
		{ "https://h_h/", NULL },
		{ "https://[::1/", NULL },
		{ "https://[]/", NULL },
		{ "https://h/a b", NULL },
		{ "https://h/a\r\nX: y", NULL },
		{ "https://h/\xc3\xa9", NULL },
	};

	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		char host[DW_HEARTBEAT_HOST_SIZE] = "untouched";
		int r = dw_heartbeat_host(host, cases[i].url, &err);

		if (r != (cases[i].host ? 0 : -EINVAL) || strcmp(host, cases[i].host ? cases[i].host : "untouched") != 0)
			fail_msg("%s: %d, %s", cases[i].url, r, host);
		if (r < 0 && strlen(cases[i].url) > 12 && strstr(err.text, cases[i].url + 8))
			fail_msg("repeats the address: %s", err.text);
	}
}

#define BOTH(test)                                                                                                     \
	cmocka_unit_test_setup_teardown(test, setup_memory, teardown),                                                 \
		cmocka_unit_test_setup_teardown(test, setup_sqlite, teardown)
#define FILED(test) cmocka_unit_test_setup_teardown(test, setup_sqlite, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_nothing), BOTH(test_orders), BOTH(test_steps), FILED(test_freeze), FILED(test_backup),
		FILED(test_backup_refused), FILED(test_check_finds_damage),
		cmocka_unit_test_setup_teardown(test_memory_has_no_file, setup_memory, teardown),
		cmocka_unit_test(test_metrics_text), cmocka_unit_test(test_metrics_file),
		cmocka_unit_test(test_heartbeat_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
