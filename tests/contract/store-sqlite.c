/* What only the SQLite store can do or suffer: crashes, other processes, other versions, damage, full disks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../daemon/store/sqlite.h"

#define T0 INT64_C(1795449600) /* 2026-11-23T16:00:00Z */
#define NOBODY 65534
#define OK(call) assert_ok((call), #call, __LINE__)

static struct dw_err err;
static char dir[64], db[96];

static void assert_ok(int r, const char *what, int line)
{
	if (r != 0)
		fail_msg("line %d: %s = %d: %s", line, what, r, err.text);
}

static int setup(DW_UNUSED void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/dw-store-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(db, sizeof(db), "%s/duewatch.db", dir);
	return 0;
}

static int remove_one(const char *path, DW_UNUSED const struct stat *st, DW_UNUSED int flag, DW_UNUSED struct FTW *ftw)
{
	return remove(path);
}

static int teardown(DW_UNUSED void **state)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static struct dw_store *open_store(enum dw_store_mode mode)
{
	struct dw_store *s = NULL;

	OK(dw_store_sqlite_open(&s, dir, mode, T0, &err));
	return s;
}

static int try_open(enum dw_store_mode mode)
{
	DW_CLEANUP(dw_store_freep) struct dw_store *s = NULL;
	int r = dw_store_sqlite_open(&s, dir, mode, T0, &err);

	if (r < 0)
		assert_null(s);
	return r;
}

static int add_order(struct dw_store *s, const char *order_id, int64_t *id)
{
	char record[200];
	struct dw_order_row row = {
		.feed = (char *)(uintptr_t) "shop",
		.order_id = (char *)(uintptr_t)order_id,
		.record = record,
		.n_record = sizeof(record),
		.memory = DW_MEMORY_NONE,
		.next_at = T0,
		.data_at = T0,
		.missing_since = DW_UNKNOWN,
		.missing_data = DW_UNKNOWN,
	};
	int r;

	memset(record, 'r', sizeof(record));
	r = dw_store_order_put(s, &row, &err);
	if (r == 0 && id)
		*id = row.id;
	return r;
}

static int count_one(void *ctx, DW_UNUSED int64_t id, DW_UNUSED dw_time missing_since)
{
	++*(int *)ctx;
	return 0;
}

static int count_orders(struct dw_store *s)
{
	int n = 0;

	OK(dw_store_order_ids(s, "shop", count_one, &n, &err));
	return n;
}

static void add_orders(struct dw_store *s, int from, int n)
{
	char number[24];

	OK(dw_store_begin(s, &err));
	for (int i = 0; i < n; i++) {
		snprintf(number, sizeof(number), "2341%08d", from + i);
		OK(add_order(s, number, NULL));
	}
	OK(dw_store_commit(s, &err));
}

/* Raw access, as another program would have it. */
static void raw(const char *sql)
{
	sqlite3 *c = NULL;

	assert_int_equal(sqlite3_open(db, &c), SQLITE_OK);
	assert_int_equal(sqlite3_exec(c, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(c);
}

static uint64_t file_hash(const char *path)
{
	uint64_t h = DW_HASH_INIT;
	char block[4096];
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		h = dw_hash(h, block, n);
	fclose(f);
	return h;
}

static void overwrite(long at, const void *p, size_t n)
{
	FILE *f = fopen(db, "r+b");

	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

/* Runs fn in a child of its own; its result, or 128 + the signal that killed it. */
static int in_child(int (*fn)(void *ctx), void *ctx)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(ctx));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- life ---- */
static void test_creates(DW_UNUSED void **state)
{
	struct stat st;
	char sub[48];

	snprintf(sub, sizeof(sub), "%.40s/state", dir);
	snprintf(dir, sizeof(dir), "%s", sub);
	snprintf(db, sizeof(db), "%s/duewatch.db", dir);
	assert_int_equal(try_open(DW_STORE_TOOL), -ENOENT);
	assert_int_equal(stat(dir, &st), -1);
	dw_store_close(open_store(DW_STORE_DAEMON));
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(db, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(try_open(DW_STORE_TOOL), 0);
	*strrchr(dir, '/') = '\0';
}

static void test_tool_without_store(DW_UNUSED void **state)
{
	int fd;

	assert_int_equal(try_open(DW_STORE_TOOL), -ENOENT);
	assert_non_null(strstr(err.text, "start duewatchd first"));
	fd = open(db, O_CREAT | O_WRONLY | O_CLOEXEC, 0600); /* a creation that was cut short */
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(try_open(DW_STORE_TOOL), -ENOENT);
	assert_int_equal(try_open(DW_STORE_DAEMON), 0);
	assert_int_equal(try_open(DW_STORE_TOOL), 0);
}

static void test_survives_reopen(DW_UNUSED void **state)
{
	struct dw_store *s = open_store(DW_STORE_DAEMON);

	add_orders(s, 0, 3);
	OK(dw_store_begin(s, &err));
	assert_int_equal(add_order(s, "not committed", NULL), 0);
	dw_store_close(s);
	s = open_store(DW_STORE_DAEMON);
	assert_int_equal(count_orders(s), 3);
	dw_store_close(s);
}

static int commit_and_die(DW_UNUSED void *ctx)
{
	struct dw_store *s = NULL;

	if (dw_store_sqlite_open(&s, dir, DW_STORE_DAEMON, T0, &err) < 0 || dw_store_begin(s, &err) < 0 ||
	    add_order(s, "committed", NULL) < 0 || dw_store_commit(s, &err) < 0)
		return 1;
	if (dw_store_begin(s, &err) < 0 || add_order(s, "not committed", NULL) < 0)
		return 2;
	raise(SIGKILL);
	return 3;
}

static void test_survives_kill(DW_UNUSED void **state)
{
	struct dw_store *s;
	char *mark = NULL;

	assert_int_equal(in_child(commit_and_die, NULL), 128 + SIGKILL);
	s = open_store(DW_STORE_TOOL);
	assert_int_equal(count_orders(s), 1);
	OK(dw_store_meta_get(s, "store.running", &mark, &err)); /* so the next daemon checks the file */
	free(mark);
	dw_store_close(s);
	s = open_store(DW_STORE_DAEMON);
	assert_int_equal(count_orders(s), 1);
	dw_store_close(s);
	s = open_store(DW_STORE_TOOL);
	assert_int_equal(dw_store_meta_get(s, "store.running", &mark, &err), 1);
	dw_store_close(s);
}

/* ---- others ---- */
static int daemon_while_held(DW_UNUSED void *ctx)
{
	char want[32];

	snprintf(want, sizeof(want), "pid %ld", (long)getppid());
	if (try_open(DW_STORE_DAEMON) != -EBUSY || !strstr(err.text, want))
		return 1;
	return try_open(DW_STORE_TOOL) == 0 ? 0 : 2;
}

static void test_second_daemon(DW_UNUSED void **state)
{
	struct dw_store *s = open_store(DW_STORE_DAEMON);

	assert_int_equal(in_child(daemon_while_held, NULL), 0);
	add_orders(s, 0, 1); /* the first goes on undisturbed */
	dw_store_close(s);
	assert_int_equal(try_open(DW_STORE_DAEMON), 0);
}

static void test_changed(DW_UNUSED void **state)
{
	struct dw_store *daemon = open_store(DW_STORE_DAEMON), *tool = open_store(DW_STORE_TOOL);

	assert_false(dw_store_changed(daemon));
	add_orders(daemon, 0, 1);
	assert_false(dw_store_changed(daemon)); /* its own */
	assert_true(dw_store_changed(tool));
	assert_false(dw_store_changed(tool));
	add_orders(tool, 10, 1);
	assert_true(dw_store_changed(daemon));
	assert_false(dw_store_changed(daemon));
	OK(dw_store_begin(tool, &err));
	dw_store_rollback(tool);
	assert_false(dw_store_changed(daemon));
	dw_store_close(tool);
	dw_store_close(daemon);
}

/* What a handle remembers of a transaction ends with it: another process may write in between. */
static void test_lookups_see_others(DW_UNUSED void **state)
{
	struct dw_store *daemon = open_store(DW_STORE_DAEMON), *tool = open_store(DW_STORE_TOOL);
	char number[24];
	uint64_t print;
	bool listed;
	int64_t id;

	add_orders(daemon, 0, 50);
	for (int round = 0; round < 2; round++) {
		OK(dw_store_begin(daemon, &err));
		for (int i = 0; i < 50; i++) {
			snprintf(number, sizeof(number), "2341%08d", i);
			OK(dw_store_order_peek(daemon, "shop", number, &id, &print, &listed, &err));
			assert_int_equal(listed, round == 0 || i != 40);
		}
		assert_int_equal(dw_store_order_peek(daemon, "shop", "9999", &id, &print, &listed, &err), 1 - round);
		OK(dw_store_commit(daemon, &err));
		if (round == 0) {
			OK(dw_store_begin(tool, &err));
			OK(dw_store_order_missing(tool, 41, T0, T0, true, &err));
			OK(add_order(tool, "9999", NULL));
			OK(dw_store_commit(tool, &err));
		}
	}
	OK(dw_store_begin(daemon, &err));
	assert_int_equal(add_order(daemon, "9999", NULL), -EEXIST);
	OK(add_order(daemon, "99990", &id)); /* after the id the other one took */
	assert_int_equal(id, 52);
	OK(dw_store_commit(daemon, &err));
	dw_store_close(tool);
	dw_store_close(daemon);
}

static void test_due_sees_others(DW_UNUSED void **state)
{
	struct dw_store *daemon = open_store(DW_STORE_DAEMON), *tool = open_store(DW_STORE_TOOL);
	struct dw_memory m = DW_MEMORY_NONE;
	int64_t ids[4];
	dw_time next;

	add_orders(daemon, 0, 300);
	OK(dw_store_orders_next(tool, &next, &err));
	assert_true(next == T0);
	OK(dw_store_begin(tool, &err));
	OK(dw_store_order_touch(tool, 200, &err));
	OK(dw_store_order_decided(tool, 10, &m, T0 - 5, DW_NEVER, 1, dw_class_of(DW_OPEN), &err));
	OK(dw_store_commit(tool, &err));
	dw_store_close(tool);
	assert_int_equal(dw_store_orders_due(daemon, T0 - 1, ids, 4, &err), 2);
	assert_true(ids[0] == 200 && ids[1] == 10);
	dw_store_close(daemon);
}

static void test_settings(DW_UNUSED void **state)
{
	const struct {
		const char *pragma;
		int64_t want;
	} cases[] = {
		{ "PRAGMA synchronous", 2 },   { "PRAGMA foreign_keys", 1 },	{ "PRAGMA trusted_schema", 0 },
		{ "PRAGMA cell_size_check", 1 }, { "PRAGMA user_version", dw_sqlite_schema.version },
		{ "PRAGMA application_id", DW_APPLICATION_ID },
		{ "SELECT journal_mode='wal' FROM pragma_journal_mode", 1 },
	};

	for (int mode = DW_STORE_DAEMON; mode <= DW_STORE_TOOL; mode++) {
		struct dw_store *s = open_store((enum dw_store_mode)mode);
		int64_t v = -1;

		for (size_t i = 0; i < DW_COUNT(cases); i++) {
			OK(dw_sqlite_int(dw_sqlite_of(s), cases[i].pragma, &v, &err));
			if (v != cases[i].want)
				fail_msg("%s: %lld", cases[i].pragma, (long long)v);
		}
		dw_store_close(s);
	}
}

static void test_waits_for_a_writer(DW_UNUSED void **state)
{
	struct dw_store *s = open_store(DW_STORE_DAEMON);
	int ready[2], status;
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct dw_store *tool = open_store(DW_STORE_TOOL);

		OK(dw_store_begin(tool, &err));
		OK(add_order(tool, "theirs", NULL));
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		usleep(300 * 1000); /* how long the lock is held, not a wait for something */
		OK(dw_store_commit(tool, &err));
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	add_orders(s, 0, 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(count_orders(s), 2);
	close(ready[0]);
	close(ready[1]);
	dw_store_close(s);
}

/* How long begin waits for another's lock, in ms; it must fail. */
static int64_t refused_after(struct dw_store *s)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(dw_store_begin(s, &err), -EBUSY);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_non_null(strstr(err.text, "locked"));
	return (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
}

static void test_locked_by_another(DW_UNUSED void **state)
{
	struct dw_store *s = open_store(DW_STORE_DAEMON);
	sqlite3 *other = NULL;

	assert_int_equal(sqlite3_open(db, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	assert_true(refused_after(s) >= 2900);
	dw_store_hurry(s);
	assert_true(refused_after(s) < 2900);
	sqlite3_close(other);
	add_orders(s, 0, 1);
	assert_int_equal(count_orders(s), 1);
	dw_store_close(s);
}

static off_t log_size(void)
{
	char path[120];
	struct stat st;

	snprintf(path, sizeof(path), "%s-wal", db);
	return stat(path, &st) == 0 ? st.st_size : 0;
}

/* Another program's read keeps 40 MiB of changes in the log; they go when it has ended. */
static void test_tidy(DW_UNUSED void **state)
{
	struct dw_store *s = open_store(DW_STORE_DAEMON);
	sqlite3 *reader = NULL;

	OK(dw_store_tidy(s, &err));
	assert_int_equal(sqlite3_open(db, &reader), SQLITE_OK);
	assert_int_equal(sqlite3_exec(reader, "BEGIN;SELECT count(*) FROM meta", NULL, NULL, NULL), SQLITE_OK);
	for (int i = 0; i < 10; i++)
		raw("INSERT OR REPLACE INTO meta(key, value) VALUES('large', hex(randomblob(2<<20)))");
	assert_int_equal(dw_store_tidy(s, &err), 1);
	assert_true(log_size() > 40 * 1024 * 1024);
	add_orders(s, 0, 1);
	sqlite3_close(reader);
	OK(dw_store_tidy(s, &err));
	assert_int_equal(log_size(), 0);
	assert_int_equal(count_orders(s), 1);
	dw_store_close(s);
}

/* ---- other files ---- */
static void test_newer_schema(DW_UNUSED void **state)
{
	uint64_t before;

	dw_store_close(open_store(DW_STORE_DAEMON));
	raw("PRAGMA user_version=99");
	before = file_hash(db);
	assert_int_equal(try_open(DW_STORE_DAEMON), -EPROTO);
	assert_non_null(strstr(err.text, "newer duewatch (schema 99"));
	assert_int_equal(try_open(DW_STORE_TOOL), -EPROTO);
	assert_true(file_hash(db) == before);
}

static void test_foreign_file(DW_UNUSED void **state)
{
	static const char *const makes[] = {
		"PRAGMA application_id=1234;CREATE TABLE t(a)",
		"CREATE TABLE t(a)",
		"PRAGMA user_version=1",
	};

	for (size_t i = 0; i < DW_COUNT(makes); i++) {
		uint64_t before;

		raw(makes[i]);
		before = file_hash(db);
		assert_int_equal(try_open(DW_STORE_DAEMON), -EBADMSG);
		assert_non_null(strstr(err.text, "another program"));
		assert_int_equal(try_open(DW_STORE_TOOL), -EBADMSG);
		assert_true(file_hash(db) == before);
		assert_int_equal(unlink(db), 0);
	}
}

static void test_not_a_database(DW_UNUSED void **state)
{
	static const char text[] = "order_id,status\n1,shipped\n";
	uint64_t before;
	FILE *f = fopen(db, "wb");

	assert_non_null(f);
	for (int i = 0; i < 200; i++)
		fputs(text, f);
	fclose(f);
	before = file_hash(db);
	assert_int_equal(try_open(DW_STORE_DAEMON), -EBADMSG);
	assert_int_equal(try_open(DW_STORE_TOOL), -EBADMSG);
	assert_true(file_hash(db) == before);
}

static void test_corrupt_header(DW_UNUSED void **state)
{
	dw_store_close(open_store(DW_STORE_DAEMON));
	overwrite(0, "NotSQLite format", 16);
	assert_int_equal(try_open(DW_STORE_DAEMON), -EBADMSG);
	assert_int_equal(try_open(DW_STORE_TOOL), -EBADMSG);
}

/* A tool meets the damage where it is; a daemon that stopped uncleanly checks the whole file first. */
static void test_corrupt_page(DW_UNUSED void **state)
{
	struct dw_store *s = open_store(DW_STORE_DAEMON);
	char zero[4096] = { 0 };
	struct stat st;
	uint64_t before;
	int n = 0;

	add_orders(s, 0, 500);
	dw_store_close(s);
	assert_int_equal(stat(db, &st), 0);
	for (long at = 30 * 4096; at < st.st_size; at += 4096) /* behind the schema's pages: orders and their index */
		overwrite(at, zero, sizeof(zero));
	s = open_store(DW_STORE_TOOL);
	assert_int_equal(dw_store_order_ids(s, "shop", count_one, &n, &err), -EBADMSG);
	dw_store_close(s);
	raw("INSERT INTO meta(key, value) VALUES('store.running', '1')");
	before = file_hash(db);
	assert_int_equal(try_open(DW_STORE_DAEMON), -EBADMSG);
	assert_non_null(strstr(err.text, "damaged"));
	assert_true(file_hash(db) == before);
}

static int look_at_order(DW_UNUSED void *ctx, const struct dw_order_row *row)
{
	return row->feed && row->order_id ? 0 : -1;
}

static int look_at_alert(DW_UNUSED void *ctx, DW_UNUSED int64_t order, const struct dw_alert *a)
{
	return a->side < DW_SIDE_COUNT ? 0 : -1;
}

static int look_at_mail(DW_UNUSED void *ctx, const struct dw_mail_row *row)
{
	return row->person ? 0 : -1;
}

static int look_at_step(DW_UNUSED void *ctx, const struct dw_step_row *row)
{
	return *row->person ? 0 : -1;
}

static int look_at_feed(DW_UNUSED void *ctx, const struct dw_feed_row *row)
{
	return row->name ? 0 : -1;
}

/* Everything that can be read: each answer is data or an error, never -1 from a look. */
static void read_all(struct dw_store *s)
{
	struct dw_alert alert[DW_SIDE_COUNT];
	char *near[3];
	int64_t count[6], ids[4];
	int n;

	assert_int_not_equal(dw_store_order_each(s, NULL, look_at_order, NULL, &err), -1);
	assert_int_not_equal(dw_store_alert_each(s, look_at_alert, NULL, &err), -1);
	assert_int_not_equal(dw_store_mail_each(s, -1, look_at_mail, NULL, &err), -1);
	assert_int_not_equal(dw_store_step_waiting(s, NULL, look_at_step, NULL, &err), -1);
	assert_int_not_equal(dw_store_feed_each(s, look_at_feed, NULL, &err), -1);
	assert_in_range(dw_store_alert_load(s, 1, alert, &err) + 200, 0, 203);
	dw_store_mail_count(s, count, &err);
	dw_store_orders_due(s, T0, ids, 4, &err);
	n = dw_store_order_near(s, "234100000001", near, 3, &err);
	for (int i = 0; i < n; i++)
		free(near[i]);
	if (dw_store_begin(s, &err) == 0) {
		dw_store_prune(s, T0 + 1000 * INT64_C(86400), &err);
		dw_store_orders_touch_feed(s, NULL, &err);
		dw_store_commit(s, &err);
	}
}

static void fill(struct dw_store *s)
{
	struct dw_alert a = { .side = DW_SIDE_SHIP, .kind = DW_OVERDUE, .episode = 1, .ack.by = "alice" };
	struct dw_step_row step = { .told = { .episode = 1, .step = "7d" }, .order = 1, .person = "alice" };
	struct dw_mail_row mail = { .person = (char *)(uintptr_t) "alice", .bytes = a.ack.by, .n_bytes = 5, .created = T0 };

	add_orders(s, 0, 40);
	OK(dw_store_begin(s, &err));
	OK(dw_store_alert_put(s, 1, &a, &err));
	OK(dw_store_step_add(s, &step, &err));
	OK(dw_store_mail_put(s, &mail, &err));
	OK(dw_store_commit(s, &err));
}

/* Bytes flipped anywhere, the same ones in every run. */
static void test_random_damage(DW_UNUSED void **state)
{
	struct dw_store *s = open_store(DW_STORE_DAEMON);
	struct stat st;
	uint64_t x = 88172645463325252u;
	DW_FREE char *good = NULL;
	FILE *f;

	fill(s);
	dw_store_close(s);
	assert_int_equal(stat(db, &st), 0);
	good = malloc((size_t)st.st_size);
	f = fopen(db, "rb");
	assert_true(good && f);
	assert_int_equal(fread(good, 1, (size_t)st.st_size, f), st.st_size);
	fclose(f);
	for (int round = 0; round < 60; round++) {
		overwrite(0, good, (size_t)st.st_size);
		for (int i = 0; i < 40; i++) {
			unsigned char b;

			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			b = (unsigned char)(x >> 32);
			overwrite((long)(100 + x % (uint64_t)(st.st_size - 100)), &b, 1);
		}
		if (dw_store_sqlite_open(&s, dir, round % 2 ? DW_STORE_TOOL : DW_STORE_DAEMON, T0, &err) < 0)
			continue;
		read_all(s);
		dw_store_close(s);
		assert_true(truncate(db, 0) == 0);
	}
}

/* Rows that SQLite finds well-formed and we don't. */
static void test_hostile_rows(DW_UNUSED void **state)
{
	static const char *const harm[] = {
		"UPDATE orders SET memory=x'ff'",
		"UPDATE orders SET memory=zeroblob(4000000)",
		"UPDATE orders SET order_id=CAST(x'ff' AS TEXT)||id",
		"UPDATE orders SET order_id='a'||char(0)||id",
		"UPDATE orders SET gone=7",
		"UPDATE feeds SET name=CAST(x'c328' AS TEXT)",
	};

	for (size_t i = 0; i < DW_COUNT(harm); i++) {
		struct dw_store *s = open_store(DW_STORE_DAEMON);

		fill(s);
		dw_store_close(s);
		raw(harm[i]);
		s = open_store(DW_STORE_TOOL);
		assert_int_equal(dw_store_order_each(s, NULL, look_at_order, NULL, &err), -EBADMSG);
		read_all(s);
		dw_store_close(s);
		assert_int_equal(unlink(db), 0);
	}
}

static void test_hostile_enums(DW_UNUSED void **state)
{
	struct dw_alert alert[DW_SIDE_COUNT];
	struct dw_mail_row mail = { 0 };
	struct dw_store *s = open_store(DW_STORE_DAEMON);

	fill(s);
	dw_store_close(s);
	raw("UPDATE alerts SET kind=99; UPDATE mails SET state=-1; UPDATE steps SET person=hex(zeroblob(500)), state=0;"
	    "UPDATE feeds SET accept=2, known=1");
	s = open_store(DW_STORE_TOOL);
	assert_int_equal(dw_store_alert_load(s, 1, alert, &err), -EBADMSG);
	assert_int_equal(dw_store_mail_get(s, 1, &mail, &err), -EBADMSG);
	assert_int_equal(dw_store_mail_each(s, -1, look_at_mail, NULL, &err), -EBADMSG);
	assert_int_equal(dw_store_step_waiting(s, NULL, look_at_step, NULL, &err), -EBADMSG);
	assert_int_equal(dw_store_feed_each(s, look_at_feed, NULL, &err), -EBADMSG);
	dw_store_close(s);
}

static void test_other_tables(DW_UNUSED void **state)
{
	struct dw_store *s;
	struct dw_order_row row;

	dw_store_close(open_store(DW_STORE_DAEMON));
	raw("DROP TABLE alerts; DROP TABLE orders; CREATE VIEW orders AS SELECT 1 AS id");
	s = open_store(DW_STORE_TOOL);
	assert_int_equal(dw_store_order_get(s, 1, &row, &err), -EBADMSG);
	assert_int_equal(dw_store_alert_each(s, look_at_alert, NULL, &err), -EBADMSG);
	dw_store_close(s);
}

/* ---- not allowed, no room ---- */
static int as_nobody(void *ctx)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return 99;
	return -try_open(*(enum dw_store_mode *)ctx);
}

static void test_moved_away(DW_UNUSED void **state)
{
	DW_CLEANUP(dw_store_freep) struct dw_store *s = open_store(DW_STORE_DAEMON);
	char aside[110];

	snprintf(aside, sizeof(aside), "%s.aside", db);
	OK(rename(db, aside));
	assert_int_equal(dw_store_begin(s, &err), -ESTALE);
	assert_non_null(strstr(err.text, "removed or replaced"));
	OK(dw_state_file(db, &err)); /* as another daemon would make it */
	assert_int_equal(dw_store_begin(s, &err), -ESTALE);
	OK(rename(aside, db));
	OK(dw_store_begin(s, &err));
	OK(dw_store_commit(s, &err));
}

static void test_read_only(DW_UNUSED void **state)
{
	enum dw_store_mode daemon = DW_STORE_DAEMON, tool = DW_STORE_TOOL;
	uint64_t before;
	char lock[96];

	if (geteuid() != 0)
		skip();
	dw_store_close(open_store(DW_STORE_DAEMON));
	before = file_hash(db);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(in_child(as_nobody, &daemon), EROFS); /* not even the lock */
	assert_int_equal(in_child(as_nobody, &tool), EACCES);
	assert_int_equal(chmod(db, 0644), 0);
	assert_int_equal(in_child(as_nobody, &tool), EROFS);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(in_child(as_nobody, &daemon), EPERM); /* anybody could put a database of theirs there */
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(chown(dir, NOBODY, NOBODY), 0);
	snprintf(lock, sizeof(lock), "%s/lock", dir);
	assert_int_equal(chmod(lock, 0666), 0);
	assert_int_equal(in_child(as_nobody, &daemon), EROFS);
	assert_int_equal(in_child(as_nobody, &tool), EROFS);
	assert_true(file_hash(db) == before);
}

/* Writes until the disk is full, as far as this process may go; then the limit goes and all that was committed, and
 * nothing else, is there. */
static int fill_disk(DW_UNUSED void *ctx)
{
	const struct rlimit little = { 512 * 1024, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	struct dw_store *s = NULL;
	char number[24];
	int committed = 0, r = 0;

	signal(SIGXFSZ, SIG_IGN);
	if (dw_store_sqlite_open(&s, dir, DW_STORE_DAEMON, T0, &err) < 0 || setrlimit(RLIMIT_FSIZE, &little) < 0)
		return 1;
	while (r == 0 && committed < 100000) {
		r = dw_store_begin(s, &err);
		for (int i = 0; i < 50 && r == 0; i++) {
			snprintf(number, sizeof(number), "%d", committed + i);
			r = add_order(s, number, NULL);
		}
		if (r == 0)
			r = dw_store_commit(s, &err);
		if (r == 0)
			committed += 50;
	}
	if (r != -ENOSPC || !strstr(err.text, "full"))
		return 2;
	dw_store_rollback(s);
	if (count_orders(s) != committed || committed == 0)
		return 3;
	if (setrlimit(RLIMIT_FSIZE, &all) < 0)
		return 4;
	add_orders(s, 0, 10); /* and it goes on */
	if (count_orders(s) != committed + 10)
		return 5;
	dw_store_close(s);
	return 0;
}

static void test_disk_full(DW_UNUSED void **state)
{
	struct dw_store *s;

	assert_int_equal(in_child(fill_disk, NULL), 0);
	s = open_store(DW_STORE_DAEMON);
	assert_true(count_orders(s) > 10);
	dw_store_close(s);
}

/* After a failure SQLite may have undone the transaction: nothing that follows may be committed by itself. */
static void test_undone_transaction(DW_UNUSED void **state)
{
	struct dw_store *s = open_store(DW_STORE_DAEMON);

	OK(dw_store_begin(s, &err));
	OK(add_order(s, "1", NULL));
	assert_int_equal(sqlite3_exec(dw_sqlite_of(s)->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(add_order(s, "2", NULL), -EIO);
	assert_int_equal(dw_store_commit(s, &err), -EIO);
	assert_int_equal(count_orders(s), 0);
	add_orders(s, 0, 1);
	assert_int_equal(count_orders(s), 1);
	dw_store_close(s);
}

/* A file system that really is full: from the first byte, and later. */
static void test_full_file_system(DW_UNUSED void **state)
{
	char block[4096] = { 0 }, path[96];
	struct dw_store *s = NULL;
	FILE *f;
	int r = 0;

	if (mount("none", dir, "tmpfs", 0, "size=1m,mode=0700") < 0)
		skip();
	snprintf(path, sizeof(path), "%s/ballast", dir);
	f = fopen(path, "wb");
	while (f && fwrite(block, 1, sizeof(block), f) == sizeof(block) && fflush(f) == 0)
		;
	if (f)
		fclose(f);
	r = try_open(DW_STORE_DAEMON);
	unlink(path);
	if (r == -ENOSPC)
		r = dw_store_sqlite_open(&s, dir, DW_STORE_DAEMON, T0, &err);
	dw_store_close(s);
	umount(dir);
	assert_int_equal(r, 0);
}

/* ---- migrations ---- */
static const char *steps[] = { NULL, "ALTER TABLE people ADD COLUMN shoe TEXT", "CREATE TABLE t(a TEXT) STRICT",
			       "UPDATE people SET nothing=1", NULL };

static int migrate_to(int64_t version, dw_time now)
{
	const struct dw_schema schema = { steps, version };
	DW_CLEANUP(dw_store_freep) struct dw_store *s = NULL;

	steps[0] = dw_sqlite_schema.step[0];
	return dw_sqlite_open(&s, dir, DW_STORE_DAEMON, now, &schema, &err);
}

static int count_backups(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += strncmp(e->d_name, "duewatch.db-backup", 18) == 0;
	closedir(d);
	return n;
}

static int64_t raw_int(const char *path, const char *sql)
{
	sqlite3 *c = NULL;
	sqlite3_stmt *st = NULL;
	int64_t v;

	assert_int_equal(sqlite3_open_v2(path, &c, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(c, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(c);
	return v;
}

static void test_migrates(DW_UNUSED void **state)
{
	const struct dw_schema one = { steps, 1 };
	struct dw_store *s = NULL;
	char backup[128];
	struct stat st;

	OK(migrate_to(1, T0));
	OK(dw_sqlite_open(&s, dir, DW_STORE_TOOL, T0, &one, &err));
	add_orders(s, 0, 7);
	dw_store_close(s);
	assert_int_equal(count_backups(), 0);
	OK(migrate_to(2, T0));
	assert_int_equal(raw_int(db, "PRAGMA user_version"), 2);
	assert_int_equal(raw_int(db, "SELECT count(*) FROM pragma_table_info('people') WHERE name='shoe'"), 1);
	assert_int_equal(raw_int(db, "SELECT count(*) FROM orders"), 7);
	snprintf(backup, sizeof(backup), "%s/duewatch.db-backup-v1-20261123160000", dir);
	assert_int_equal(stat(backup, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(raw_int(backup, "PRAGMA user_version"), 1);
	assert_int_equal(raw_int(backup, "SELECT count(*) FROM orders"), 7);
	OK(migrate_to(2, T0 + 1)); /* nothing to do: no backup */
	assert_int_equal(count_backups(), 1);
}

static void test_migration_fails_whole(DW_UNUSED void **state)
{
	OK(migrate_to(3, T0));
	assert_int_equal(migrate_to(4, T0), -EBADMSG);
	assert_int_equal(raw_int(db, "PRAGMA user_version"), 3);
	OK(migrate_to(3, T0));
}

static int migrate_without_room(DW_UNUSED void *ctx)
{
	const struct rlimit little = { 8192, RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &little) < 0)
		return 99;
	return -migrate_to(2, T0);
}

static void test_no_room_for_the_backup(DW_UNUSED void **state)
{
	OK(migrate_to(1, T0));
	assert_int_equal(in_child(migrate_without_room, NULL), ENOSPC);
	assert_int_equal(raw_int(db, "PRAGMA user_version"), 1);
	assert_int_equal(count_backups(), 0);
}

static void test_keeps_three_backups(DW_UNUSED void **state)
{
	char path[128];

	OK(migrate_to(1, T0));
	for (int i = 0; i < 5; i++) {
		raw("PRAGMA user_version=1; DROP TABLE IF EXISTS t");
		if (i > 0)
			raw("ALTER TABLE people DROP COLUMN shoe");
		OK(migrate_to(2, T0 + i));
	}
	assert_int_equal(count_backups(), DW_STORE_BACKUPS);
	snprintf(path, sizeof(path), "%s/duewatch.db-backup-v1-20261123160004", dir);
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/duewatch.db-backup-v1-20261123160001", dir);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_tool_never_migrates(DW_UNUSED void **state)
{
	const struct dw_schema two = { steps, 2 };
	struct dw_store *s = NULL;

	OK(migrate_to(1, T0));
	assert_int_equal(dw_sqlite_open(&s, dir, DW_STORE_TOOL, T0, &two, &err), -EPROTO);
	assert_non_null(strstr(err.text, "start its duewatchd once"));
	assert_int_equal(raw_int(db, "PRAGMA user_version"), 1);
}

/* ---- cost: what runs at every tick must not walk the table, however many orders there are ---- */
static void test_no_full_scans(DW_UNUSED void **state)
{
	struct dw_store *st = open_store(DW_STORE_DAEMON);
	struct dw_sqlite *s = dw_sqlite_of(st);
	int64_t ids[8];
	uint64_t print;
	dw_time next;
	bool listed;

	fill(st);
	dw_store_close(st);
	st = open_store(DW_STORE_DAEMON);
	s = dw_sqlite_of(st);
	assert_int_equal(dw_store_orders_due(st, T0 - 1, ids, 8, &err), 0);
	OK(dw_store_orders_next(st, &next, &err));
	OK(dw_store_order_peek(st, "shop", "234100000001", ids, &print, &listed, &err));
	assert_int_equal(dw_store_mail_due(st, T0 - 1, ids, 8, &err), 1);
	OK(dw_store_mail_next(st, &next, &err));
	assert_int_equal(dw_store_mail_queued_for(st, 1, DW_SIDE_SHIP, "alice", ids, 8, &err), 0);
	OK(dw_store_step_of_mail(st, 4711, look_at_step, NULL, &err));
	assert_true(dw_store_step_told(st, 1, DW_SIDE_SHIP, 1, "alice", &err) >= 0);
	assert_true(dw_store_mail_made(st, "alice", T0, T0 + DW_DAY, INT64_MAX, &err) >= 0);
	OK(dw_store_order_by_number(st, "234100000001", look_at_order, NULL, &err));
	OK(dw_store_begin(st, &err));
	OK(dw_store_orders_touch_data(st, "shop", T0 - 1, &err));
	OK(dw_store_orders_touch_number(st, "234100000001", &err));
	assert_int_equal(dw_store_prune(st, T0, &err), 0);
	OK(dw_store_commit(st, &err));
	for (int i = 0; i < STATEMENTS; i++) {
		sqlite3_stmt *q = s->statement[i].st;
		int steps_walked = q ? sqlite3_stmt_status(q, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0) : 0;

		if (steps_walked > 2) /* the feeds, of which there are few, may be walked */
			fail_msg("%d rows walked by: %s", steps_walked, sqlite3_sql(q));
		if (q && sqlite3_stmt_status(q, SQLITE_STMTSTATUS_AUTOINDEX, 0) > 0)
			fail_msg("an index made on the fly by: %s", sqlite3_sql(q));
	}
	dw_store_close(st);
}

/* ---- a copy of one's own ---- */
static void test_scratch(DW_UNUSED void **state)
{
	struct dw_store *live = open_store(DW_STORE_DAEMON), *tool, *copy = NULL, *memory = NULL;
	uint64_t before;

	add_orders(live, 0, 5000);
	tool = open_store(DW_STORE_TOOL);
	OK(dw_store_begin(live, &err)); /* a daemon at work holds nothing up, and what it hasn't committed isn't there */
	OK(add_order(live, "half", NULL));
	before = file_hash(db);
	OK(dw_store_scratch(&copy, tool, &err));
	assert_int_equal(count_orders(copy), 5000);
	add_orders(copy, 5000, 200000); /* more than is kept in memory */
	assert_int_equal(count_orders(copy), 205000);
	OK(dw_store_commit(live, &err));
	assert_int_equal(count_orders(tool), 5001);
	assert_int_equal(count_orders(copy), 205000);
	assert_false(dw_store_changed(copy));
	assert_int_equal(dw_store_there(copy, &err), 0);
	OK(dw_store_begin(copy, &err));
	OK(add_order(copy, "undone", NULL));
	dw_store_rollback(copy);
	assert_int_equal(count_orders(copy), 205000);
	OK(dw_store_check(copy, &err));
	assert_true(before == file_hash(db));
	dw_store_close(copy);
	OK(dw_store_memory_new(&memory, &err));
	assert_int_equal(dw_store_scratch(&copy, memory, &err), -ENOTSUP);
	OK(dw_store_begin(tool, &err));
	assert_int_equal(dw_store_scratch(&copy, tool, &err), -EINVAL);
	dw_store_close(memory);
	dw_store_close(tool);
	dw_store_close(live);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_creates), CASE(test_tool_without_store), CASE(test_survives_reopen),
		CASE(test_survives_kill), CASE(test_second_daemon), CASE(test_changed),
		CASE(test_lookups_see_others), CASE(test_due_sees_others), CASE(test_settings),
		CASE(test_waits_for_a_writer), CASE(test_locked_by_another), CASE(test_tidy), CASE(test_newer_schema), CASE(test_foreign_file),
		CASE(test_not_a_database), CASE(test_corrupt_header), CASE(test_corrupt_page),
		CASE(test_random_damage), CASE(test_hostile_rows), CASE(test_hostile_enums),
		CASE(test_other_tables), CASE(test_moved_away), CASE(test_read_only), CASE(test_disk_full),
		CASE(test_undone_transaction), CASE(test_full_file_system), CASE(test_migrates),
		CASE(test_migration_fails_whole), CASE(test_no_room_for_the_backup), CASE(test_keeps_three_backups),
		CASE(test_tool_never_migrates), CASE(test_no_full_scans), CASE(test_scratch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
