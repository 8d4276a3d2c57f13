/* store.h on SQLite: opening, closing, transactions. WAL with synchronous=FULL: what commit returned 0 for survives
 * a power cut. Every writer begins IMMEDIATE: a reader that turns writer fails at once, whatever the timeout
 * (design.md §5, 12). */
#include "sqlite.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DAEMON_WAITS_MS = 3000, TOOL_WAITS_MS = 30000, STOPPING_WAITS_MS = 300, LOOK_AGAIN_MS = 20,
       LOG_MAX = 32 * 1024 * 1024 /* twice what SQLite leaves it at */ };

/* What is written into a file that has lost its name is gone with the process, and whoever looks at the name meanwhile,
 * another duewatchd too, knows nothing of it. */
static int there(struct dw_store *st, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	int moved = 0;

	if (s->scratch)
		return 0;
	sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	return moved ? dw_err_set(err, -ESTALE, "%s was removed or replaced while it was in use", s->path) : 0;
}

static void rollback(struct dw_store *st)
{
	struct dw_sqlite *s = dw_sqlite_of(st);

	dw_sqlite_feed_forget(s);
	dw_lookup_forget(s);
	dw_insert_drop(s);
	s->n_dirty = 0;
	s->broken = false;
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static int begin(struct dw_store *st, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	DW_QUERY q = { 0 };
	int r = there(st, err);

	if (r == 0 && !sqlite3_get_autocommit(s->db)) { /* the last rollback found no memory */
		rollback(st);
		r = sqlite3_get_autocommit(s->db) ? 0 : dw_err_oom(err);
	}
	if (r == 0)
		r = dw_query_open(&q, s, "BEGIN IMMEDIATE", err);
	return r < 0 ? r : dw_query_run(&q, err);
}

static int end(struct dw_sqlite *s, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s, "COMMIT", err);

	return r < 0 ? r : dw_query_run(&q, err);
}

static int commit(struct dw_store *st, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	int r = dw_sqlite_undone(s, err);

	if (r == 0)
		r = dw_insert_flush(s, err);
	if (r == 0)
		r = dw_block_flush(s, err);
	if (r == 0)
		r = end(s, err);
	if (r < 0)
		rollback(st);
	dw_lookup_forget(s);
	dw_insert_drop(s);
	return r;
}

static bool changed(struct dw_store *st)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	int64_t was = s->version;
	DW_QUERY q = { 0 };

	if (dw_query_open(&q, s, "PRAGMA data_version", NULL) < 0 || dw_query_step(&q, NULL) != 1)
		return false;
	s->version = dw_col_int(&q);
	return s->version != was;
}

/* ---- opening ---- */

static int64_t monotonic_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Another process has the lock we need. SQLite's own handler can't be called off. 0: give up. */
static int on_busy(void *ctx, int tries)
{
	struct dw_sqlite *s = ctx;
	int limit = atomic_load(&s->hurry) ? STOPPING_WAITS_MS : s->patience_ms;
	struct timespec t = { .tv_nsec = (tries < LOOK_AGAIN_MS ? 1 + tries : LOOK_AGAIN_MS) * 1000000L };

	if (tries == 0)
		s->busy_ms = monotonic_ms();
	if (monotonic_ms() - s->busy_ms >= limit)
		return 0;
	nanosleep(&t, NULL);
	return 1;
}

static void hurry(struct dw_store *st)
{
	atomic_store(&dw_sqlite_of(st)->hurry, true);
}

/* The file is hostile until checked: no functions or triggers out of its schema, bounded sizes. */
int dw_sqlite_harden(struct dw_sqlite *s, struct dw_err *err)
{
	int on;

	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_handler(s->db, on_busy, s);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, &on);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, &on);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, &on);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, &on);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DML, 0, &on);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DDL, 0, &on);
	sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, 2 * DW_STORE_BLOB_MAX);
	sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
	return dw_sqlite_exec(s,
			      "PRAGMA cell_size_check=ON;PRAGMA cache_size=-2000;PRAGMA temp_store=MEMORY;"
			      "PRAGMA synchronous=FULL;PRAGMA secure_delete=FAST",
			      err);
}

/* Opens read-write; SQLite falls back to read-only by itself, which we'd only learn at the first write. */
static int connect_file(struct dw_sqlite *s, struct dw_err *err)
{
	int rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	int r = rc == SQLITE_OK ? dw_sqlite_harden(s, err) : dw_sqlite_fail(s, rc, err);

	if (r == 0 && sqlite3_db_readonly(s->db, "main") == 1)
		r = dw_err_set(err, -EROFS, "%s is read-only for this user", s->path);
	return r;
}

static int use_wal(struct dw_sqlite *s, struct dw_err *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(s->db, "PRAGMA journal_mode=WAL", -1, &st, NULL), r = 0;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc != SQLITE_ROW)
		r = dw_sqlite_fail(s, rc, err);
	else if (sqlite3_stricmp((const char *)sqlite3_column_text(st, 0), "wal") != 0)
		r = dw_err_set(err, -ENOTSUP, "%s: the file system can't do SQLite's WAL", s->path);
	sqlite3_finalize(st);
	return r;
}

/* A daemon marks the file as in use and clears it when it closes; a mark that is there tells of an unclean stop. */
static int check_after_crash(struct dw_sqlite *s, struct dw_err *err)
{
	sqlite3_stmt *st = NULL;
	const char *said = NULL;
	int rc = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &st, NULL), r = 0;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		said = (const char *)sqlite3_column_text(st, 0);
	if (rc != SQLITE_ROW)
		r = dw_sqlite_fail(s, rc, err);
	else if (!said || strcmp(said, "ok") != 0)
		r = dw_err_set(err, -EBADMSG, "%s is damaged (%.200s): move it away and restore a backup; nothing was changed",
			       s->path, said ? said : "no words");
	sqlite3_finalize(st);
	return r;
}

static int was_running(struct dw_sqlite *s, int64_t *running, struct dw_err *err)
{
	return dw_sqlite_int(s, "SELECT count(*) FROM meta WHERE key='store.running'", running, err);
}

static int check_if_unclean(struct dw_sqlite *s, struct dw_err *err)
{
	int64_t running = 0;
	int r = was_running(s, &running, err);

	return r == 0 && running ? check_after_crash(s, err) : r;
}

static int check(struct dw_store *st, struct dw_err *err)
{
	return check_after_crash(dw_sqlite_of(st), err);
}

/* A reading transaction, with its first read: only that one fixes what it sees. It ends with the handle. */
static int freeze(struct dw_store *st, struct dw_err *err)
{
	int64_t version;
	int r = dw_sqlite_exec(dw_sqlite_of(st), "BEGIN", err);

	return r < 0 ? r : dw_sqlite_int(dw_sqlite_of(st), "SELECT count(*) FROM sqlite_schema", &version, err);
}

/* A checkpoint that never waits, nor makes others wait, copies what no reader holds back; only then is cutting short. */
static int tidy(struct dw_store *st, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	DW_BUF wal = { 0 };
	struct stat file;
	int all = 0, copied = -1, rc;
	bool large;

	dw_buf_printf(&wal, "%s-wal", s->path);
	if (wal.failed)
		return dw_err_oom(err);
	large = stat(dw_buf_str(&wal), &file) == 0 && file.st_size > LOG_MAX;
	if (!large)
		return 0;
	errno = 0;
	rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &all, &copied);
	if (rc == SQLITE_OK && all == copied)
		rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (rc != SQLITE_OK && rc != SQLITE_BUSY)
		return dw_sqlite_fail(s, rc, err);
	return rc == SQLITE_BUSY || all != copied;
}

static int backup(struct dw_store *st, const char *path, struct dw_err *err)
{
	return dw_state_copy(dw_sqlite_of(st), path, err);
}

static int mark(struct dw_sqlite *s, struct dw_err *err)
{
	int64_t running = 0;
	int r = was_running(s, &running, err);

	if (r == 0 && !running)
		r = dw_sqlite_exec(s, "INSERT INTO meta(key, value) VALUES('store.running', '1')", err);
	s->marked = r == 0;
	return r;
}

/* What is due hangs on the blocks: they are made anew from the orders at each start (0.2 s for a million). */
static int renew_blocks(struct dw_sqlite *s, struct dw_err *err)
{
	int r = dw_store_begin(&s->base, err);

	if (r < 0)
		return r;
	r = dw_block_rebuild(s, err);
	if (r == 0)
		return dw_store_commit(&s->base, err);
	dw_store_rollback(&s->base);
	return r;
}

void dw_sqlite_free(struct dw_sqlite *s)
{
	if (s->marked) /* if this fails, the next start checks the file: no harm */
		sqlite3_exec(s->db, "DELETE FROM meta WHERE key='store.running'", NULL, NULL, NULL);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->statement[i].st);
	sqlite3_close(s->db);
	if (s->lock >= 0)
		close(s->lock);
	free(s->window);
	free(s->pending);
	free(s->dir);
	free(s->path);
	free(s);
}

static void close_store(struct dw_store *st)
{
	dw_sqlite_free(dw_sqlite_of(st));
}

static const struct dw_store_ops ops = {
	.close = close_store,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.changed = changed,
	.there = there,
	.hurry = hurry,
	.meta_get = dw_sqlite_meta_get,
	.meta_put = dw_sqlite_meta_put,
	.feed_get = dw_sqlite_feed_get,
	.feed_put = dw_sqlite_feed_put,
	.feed_each = dw_sqlite_feed_each,
	.order_find = dw_sqlite_order_find,
	.order_peek = dw_sqlite_order_peek,
	.order_get = dw_sqlite_order_get,
	.order_put = dw_sqlite_order_put,
	.order_decided = dw_sqlite_order_decided,
	.order_missing = dw_sqlite_order_missing,
	.orders_due = dw_sqlite_orders_due,
	.orders_next = dw_sqlite_orders_next,
	.order_touch = dw_sqlite_order_touch,
	.orders_touch_number = dw_sqlite_orders_touch_number,
	.orders_touch_feed = dw_sqlite_orders_touch_feed,
	.orders_touch_data = dw_sqlite_orders_touch_data,
	.order_each = dw_sqlite_order_each,
	.order_ids = dw_sqlite_order_ids,
	.order_by_number = dw_sqlite_order_by_number,
	.order_candidates = dw_sqlite_order_candidates,
	.overlay_put = dw_sqlite_overlay_put,
	.overlay_get = dw_sqlite_overlay_get,
	.overlay_drop = dw_sqlite_overlay_drop,
	.overlay_each = dw_sqlite_overlay_each,
	.overlay_unmatched = dw_sqlite_overlay_unmatched,
	.hand_put = dw_sqlite_hand_put,
	.hand_drop = dw_sqlite_hand_drop,
	.hand_load = dw_sqlite_hand_load,
	.alert_put = dw_sqlite_alert_put,
	.alert_drop = dw_sqlite_alert_drop,
	.alert_load = dw_sqlite_alert_load,
	.alert_each = dw_sqlite_alert_each,
	.episode_next = dw_sqlite_episode_next,
	.step_add = dw_sqlite_step_add,
	.step_set = dw_sqlite_step_set,
	.step_hold = dw_sqlite_step_hold,
	.step_each = dw_sqlite_step_each,
	.step_told = dw_sqlite_step_told,
	.step_waiting = dw_sqlite_step_waiting,
	.step_of_mail = dw_sqlite_step_of_mail,
	.mail_put = dw_sqlite_mail_put,
	.mail_answered = dw_sqlite_mail_answered,
	.mail_get = dw_sqlite_mail_get,
	.mail_due = dw_sqlite_mail_due,
	.mail_due_elsewhere = dw_sqlite_mail_due_elsewhere,
	.mail_next = dw_sqlite_mail_next,
	.mail_made = dw_sqlite_mail_made,
	.mail_lease = dw_sqlite_mail_lease,
	.mail_release = dw_sqlite_mail_release,
	.mail_each = dw_sqlite_mail_each,
	.mail_count = dw_sqlite_mail_count,
	.mail_queued_for = dw_sqlite_mail_queued_for,
	.person_get = dw_sqlite_person_get,
	.person_put = dw_sqlite_person_put,
	.mail_find = dw_sqlite_mail_find,
	.mailbox_get = dw_sqlite_mailbox_get,
	.mailbox_put = dw_sqlite_mailbox_put,
	.inbound_add = dw_sqlite_inbound_add,
	.inbound_find = dw_sqlite_inbound_find,
	.inbound_count = dw_sqlite_inbound_count,
	.dead_get = dw_sqlite_dead_get,
	.dead_put = dw_sqlite_dead_put,
	.dead_drop = dw_sqlite_dead_drop,
	.dead_each = dw_sqlite_dead_each,
	.history_add = dw_sqlite_history_add,
	.history_each = dw_sqlite_history_each,
	.count = dw_sqlite_count,
	.freeze = freeze,
	.tidy = tidy,
	.backup = backup,
	.scratch = dw_sqlite_scratch,
	.check = check,
	.prune = dw_sqlite_prune,
};

int dw_sqlite_bare(struct dw_sqlite **out, struct dw_err *err)
{
	struct dw_sqlite *s = dw_calloc(1, sizeof(*s));

	if (!s)
		return dw_err_oom(err);
	*s = (struct dw_sqlite){ .base.ops = &ops, .mode = DW_STORE_TOOL, .lock = -1 };
	*out = s;
	return 0;
}

static int new_handle(struct dw_sqlite **out, const char *dir, enum dw_store_mode mode, struct dw_err *err)
{
	struct dw_sqlite *s = dw_calloc(1, sizeof(*s));
	size_t n = strlen(dir) + sizeof("/duewatch.db");

	if (!s)
		return dw_err_oom(err);
	*s = (struct dw_sqlite){ .base.ops = &ops, .mode = mode, .lock = -1,
				 .patience_ms = mode == DW_STORE_DAEMON ? DAEMON_WAITS_MS : TOOL_WAITS_MS };
	s->dir = dw_strdup(dir);
	s->path = dw_malloc(n);
	if (!s->dir || !s->path) {
		dw_sqlite_free(s);
		return dw_err_oom(err);
	}
	snprintf(s->path, n, "%s/duewatch.db", dir);
	*out = s;
	return 0;
}

static void sqlite_freep(struct dw_sqlite **s)
{
	if (*s)
		dw_sqlite_free(*s);
}

/* What may be done to the folder before the file is judged: a daemon takes the lock and makes an empty file. */
static int prepare_place(struct dw_sqlite *s, struct dw_err *err)
{
	int r;

	if (s->mode == DW_STORE_DAEMON) {
		r = dw_state_folder(s->dir, err);
		if (r == 0)
			r = dw_state_lock(&s->lock, s->dir, err);
		return r < 0 ? r : dw_state_file(s->path, err);
	}
	if (access(s->path, R_OK) == 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return dw_err_set(err, -ENOENT, "%s does not exist: start duewatchd first", s->path);
	return dw_err_set(err, -errno, "cannot read %s: %s", s->path, strerror(errno));
}

int dw_sqlite_open(struct dw_store **out, const char *dir, enum dw_store_mode mode, dw_time now,
		   const struct dw_schema *schema, struct dw_err *err)
{
	DW_CLEANUP(sqlite_freep) struct dw_sqlite *s = NULL;
	int64_t version = 0;
	int r = new_handle(&s, dir, mode, err);

	if (r == 0)
		r = prepare_place(s, err);
	if (r == 0)
		r = connect_file(s, err);
	if (r == 0)
		r = dw_schema_judge(s, schema, &version, err);
	if (r == -ENOENT && mode == DW_STORE_DAEMON)
		r = 0;
	if (r == 0)
		r = use_wal(s, err);
	if (r == 0 && mode == DW_STORE_DAEMON && version > 0)
		r = check_if_unclean(s, err);
	if (r == 0 && mode == DW_STORE_DAEMON)
		r = dw_schema_migrate(s, schema, version, now, err);
	if (r == 0)
		r = dw_sqlite_exec(s, "PRAGMA foreign_keys=ON;PRAGMA wal_autocheckpoint=2000;"
				      "PRAGMA journal_size_limit=16777216", err);
	if (r == 0 && mode == DW_STORE_DAEMON)
		r = mark(s, err);
	if (r == 0 && mode == DW_STORE_DAEMON)
		r = renew_blocks(s, err);
	if (r < 0)
		return r;
	changed(&s->base);
	*out = &dw_steal(&s)->base;
	return 0;
}

int dw_store_sqlite_open(struct dw_store **out, const char *dir, enum dw_store_mode mode, dw_time now,
			 struct dw_err *err)
{
	return dw_sqlite_open(out, dir, mode, now, &dw_sqlite_schema, err);
}
