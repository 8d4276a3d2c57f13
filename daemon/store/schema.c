/* sqlite.h: the tables, as a list of migrations, and whether a file is one we may use.
 *
 * A column that is NULL: a time is unknown, a next_at or data_at never comes, a text is absent. act_by is part of a
 * key, where NULLs would all differ, so it is kept as it is. Orders are many: but for their key they have no index, and
 * their feeds go by number. */
#include "sqlite.h"

static const char version_1[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"

	/* known: 0 while a feed is only named by orders or overlays */
	"CREATE TABLE feeds(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, known INTEGER NOT NULL DEFAULT 0,"
	" overlay INTEGER NOT NULL DEFAULT 0, data_time INTEGER, last_attempt INTEGER, last_success INTEGER,"
	" error_since INTEGER, error TEXT, first_look INTEGER NOT NULL DEFAULT 0, seen TEXT,"
	" orders INTEGER NOT NULL DEFAULT 0, missing INTEGER NOT NULL DEFAULT 0,"
	" rejected INTEGER NOT NULL DEFAULT 0, unmatched INTEGER NOT NULL DEFAULT 0, rejects TEXT,"
	" rejects_told INTEGER NOT NULL DEFAULT 0, error_told INTEGER, stale_told INTEGER, vanish_since INTEGER,"
	" accept INTEGER NOT NULL DEFAULT 0) STRICT;"

	"CREATE TABLE orders(id INTEGER PRIMARY KEY, feed INTEGER NOT NULL REFERENCES feeds(id),"
	" order_id TEXT NOT NULL, print INTEGER NOT NULL, missing_since INTEGER, gone INTEGER NOT NULL,"
	" next_at INTEGER, data_at INTEGER, rules INTEGER NOT NULL, class INTEGER NOT NULL DEFAULT 0, missing_data INTEGER, close_note TEXT,"
	" close_by TEXT, memory BLOB NOT NULL, record BLOB, UNIQUE(feed, order_id)) STRICT;"
	/* the earliest next_at and data_at among 128 orders: sqlite-blocks.c */
	"CREATE TABLE blocks(block INTEGER PRIMARY KEY, next_at INTEGER, data_at INTEGER) STRICT;"
	"CREATE INDEX blocks_next ON blocks(next_at) WHERE next_at IS NOT NULL;"

	"CREATE TABLE overlays(feed INTEGER NOT NULL REFERENCES feeds(id), order_id TEXT NOT NULL,"
	" print INTEGER NOT NULL, record BLOB, PRIMARY KEY(feed, order_id)) STRICT, WITHOUT ROWID;"

	"CREATE TABLE hands(ord INTEGER NOT NULL REFERENCES orders(id) ON DELETE CASCADE, field INTEGER NOT NULL,"
	" at INTEGER, by TEXT, base TEXT, value BLOB NOT NULL, PRIMARY KEY(ord, field)) STRICT, WITHOUT ROWID;"

	"CREATE TABLE alerts(ord INTEGER NOT NULL REFERENCES orders(id) ON DELETE CASCADE, side INTEGER NOT NULL,"
	" kind INTEGER NOT NULL, last INTEGER NOT NULL, act_by INTEGER NOT NULL, episode INTEGER NOT NULL,"
	" since INTEGER, opened INTEGER, dormant INTEGER NOT NULL, facts INTEGER NOT NULL,"
	" ack_at INTEGER, ack_until INTEGER, ack_by TEXT NOT NULL, PRIMARY KEY(ord, side)) STRICT, WITHOUT ROWID;"

	/* the last episode of a side, so that none is ever counted twice */
	"CREATE TABLE episodes(ord INTEGER NOT NULL REFERENCES orders(id) ON DELETE CASCADE, side INTEGER NOT NULL,"
	" last INTEGER NOT NULL, PRIMARY KEY(ord, side)) STRICT, WITHOUT ROWID;"

	/* handed: its data may have left; tried: had a verdict; leased_from: its state before the lease */
	"CREATE TABLE mails(id INTEGER PRIMARY KEY AUTOINCREMENT, type INTEGER NOT NULL, state INTEGER NOT NULL,"
	" leased_from INTEGER NOT NULL DEFAULT 0, handed INTEGER NOT NULL, tried INTEGER NOT NULL,"
	" person TEXT NOT NULL, address TEXT, message_id TEXT, subject TEXT, created INTEGER, next_try INTEGER,"
	" last_try INTEGER, sent_at INTEGER, tries INTEGER NOT NULL, unsure INTEGER NOT NULL,"
	" data_refused INTEGER NOT NULL, answer TEXT, verdict INTEGER NOT NULL, visited TEXT,"
	" body INTEGER NOT NULL) STRICT;"
	"CREATE INDEX mails_due ON mails(tried, next_try) WHERE state IN (0, 3);"
	"CREATE INDEX mails_state ON mails(state);"
	"CREATE INDEX mails_created ON mails(created);"
	"CREATE INDEX mails_body ON mails(created) WHERE body = 1;"
	"CREATE TABLE bodies(mail INTEGER PRIMARY KEY REFERENCES mails(id) ON DELETE CASCADE, bytes BLOB,"
	" model TEXT) STRICT;"

	"CREATE TABLE steps(id INTEGER PRIMARY KEY, ord INTEGER NOT NULL REFERENCES orders(id) ON DELETE CASCADE,"
	" side INTEGER NOT NULL, episode INTEGER NOT NULL, kind INTEGER NOT NULL, act_by INTEGER NOT NULL,"
	" step TEXT NOT NULL, number INTEGER NOT NULL, person TEXT NOT NULL, urgent INTEGER NOT NULL,"
	" state INTEGER NOT NULL, deliver INTEGER NOT NULL, at INTEGER,"
	" mail INTEGER REFERENCES mails(id) ON DELETE SET NULL,"
	" UNIQUE(ord, side, episode, kind, act_by, step, number, person)) STRICT;"
	"CREATE INDEX steps_waiting ON steps(person, ord) WHERE state = 0;"
	"CREATE INDEX steps_mail ON steps(mail) WHERE mail IS NOT NULL;"
	"CREATE INDEX steps_at ON steps(at);"

	"CREATE TABLE people(name TEXT PRIMARY KEY, daily_at INTEGER, dead_at INTEGER, dead_why TEXT NOT NULL)"
	" STRICT, WITHOUT ROWID;"

	"CREATE TABLE history(id INTEGER PRIMARY KEY, ord INTEGER NOT NULL REFERENCES orders(id) ON DELETE CASCADE,"
	" at INTEGER, text TEXT NOT NULL) STRICT;"
	"CREATE INDEX history_ord ON history(ord);"
	"CREATE INDEX history_at ON history(at);";

/* Answers by mail: how far mailboxes have been read, what was taken from them, addresses from which mails came back;
 * and a mail is found by what an answer refers to. */
static const char replies[] =
	"CREATE TABLE mailboxes(name TEXT PRIMARY KEY, uidvalidity INTEGER NOT NULL, last_uid INTEGER NOT NULL,"
	" last_success INTEGER, error_since INTEGER, told INTEGER, error TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE inbound(id TEXT PRIMARY KEY, at INTEGER NOT NULL, person TEXT NOT NULL, commands INTEGER NOT NULL,"
	" answers INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE INDEX inbound_person ON inbound(person, at);"
	"CREATE INDEX inbound_at ON inbound(at);"
	"CREATE TABLE dead(address TEXT PRIMARY KEY, since INTEGER, tried INTEGER, good INTEGER, mail INTEGER NOT NULL,"
	" why TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE INDEX mails_message ON mails(message_id);";

/* Never change a step that was released: add one. */
static const char *const steps[] = { version_1, replies };
const struct dw_schema dw_sqlite_schema = { steps, DW_COUNT(steps) };

/* Nothing in it yet: not made at all, or left by a creation that was cut short. */
static int judge_unmarked(struct dw_sqlite *s, int64_t application, int64_t version, struct dw_err *err)
{
	int64_t tables = 0;
	int r = dw_sqlite_int(s, "SELECT count(*) FROM sqlite_schema", &tables, err);

	if (r < 0)
		return r;
	if (application != 0 || version != 0 || tables > 0)
		return dw_err_set(err, -EBADMSG, "%s belongs to another program; nothing was changed", s->path);
	return dw_err_set(err, -ENOENT, "%s is empty: start duewatchd first", s->path);
}

int dw_schema_judge(struct dw_sqlite *s, const struct dw_schema *schema, int64_t *version, struct dw_err *err)
{
	int64_t application = 0, v = 0;
	int r = dw_sqlite_int(s, "PRAGMA application_id", &application, err);

	if (r == 0)
		r = dw_sqlite_int(s, "PRAGMA user_version", &v, err);
	if (r < 0)
		return r;
	if (application != DW_APPLICATION_ID)
		return judge_unmarked(s, application, v, err);
	if (v < 1)
		return dw_err_set(err, -EBADMSG, "%s has no schema version: damaged", s->path);
	if (v > schema->version)
		return dw_err_set(err, -EPROTO,
				  "%s was written by a newer duewatch (schema %lld, this one knows %lld): install that"
				  " version or restore a backup; nothing was changed",
				  s->path, (long long)v, (long long)schema->version);
	if (v < schema->version && s->mode == DW_STORE_TOOL)
		return dw_err_set(err, -EPROTO,
				  "%s has schema %lld, older than this duewatch's %lld: start its duewatchd once",
				  s->path, (long long)v, (long long)schema->version);
	*version = v;
	return 0;
}

static int one_step(struct dw_sqlite *s, const char *sql, int64_t to, struct dw_err *err)
{
	char stamp[96];
	int64_t broken = 0;
	int r = dw_sqlite_exec(s, sql, err);

	sqlite3_snprintf(sizeof(stamp), stamp, "PRAGMA application_id=%d;PRAGMA user_version=%lld", DW_APPLICATION_ID,
			 (long long)to);
	if (r == 0)
		r = dw_sqlite_exec(s, stamp, err);
	if (r == 0)
		r = dw_sqlite_int(s, "SELECT count(*) FROM pragma_foreign_key_check", &broken, err);
	if (r == 0 && broken > 0)
		r = dw_err_set(err, -EBADMSG, "%s: after moving to schema %lld %lld rows refer to nothing", s->path,
			       (long long)to, (long long)broken);
	return r;
}

/* Each step with its own backup and transaction: what fails leaves the version before it. */
int dw_schema_migrate(struct dw_sqlite *s, const struct dw_schema *schema, int64_t from, dw_time now,
		      struct dw_err *err)
{
	for (int64_t v = from; v < schema->version; v++) {
		int r = from > 0 ? dw_state_backup(s, v, now, err) : 0; /* a file being made has nothing to keep */

		if (r == 0)
			r = dw_sqlite_exec(s, "BEGIN IMMEDIATE", err);
		if (r < 0)
			return r;
		r = one_step(s, schema->step[v], v + 1, err);
		if (r == 0)
			r = dw_sqlite_exec(s, "COMMIT", err);
		if (r < 0) {
			sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
			return r;
		}
	}
	return 0;
}
