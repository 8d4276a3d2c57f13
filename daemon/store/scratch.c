/* sqlite.h: a store of one handle's own, in SQLite's temporary database: it lives in the page cache and, past that, in a
 * file without a name. For looking into what would come of the live store (`duewatch simulate`), which nobody writes to
 * for that. */
#include "sqlite.h"

/* A crash may take it with it: nothing is synced. The rollback journal stays, in memory: a failed transaction must leave
 * what was there before. */
static int tune(struct dw_sqlite *s, struct dw_err *err)
{
	return dw_sqlite_exec(s, "PRAGMA synchronous=OFF;PRAGMA journal_mode=MEMORY;PRAGMA cache_size=-64000;"
				 "PRAGMA foreign_keys=ON;PRAGMA secure_delete=OFF", err);
}

static int fill(struct dw_sqlite *s, struct dw_sqlite *from, struct dw_err *err)
{
	sqlite3_backup *b = sqlite3_backup_init(s->db, "main", from->db, "main");
	int rc;

	if (!b)
		return dw_sqlite_fail(s, sqlite3_errcode(s->db), err);
	sqlite3_backup_step(b, -1);
	rc = sqlite3_backup_finish(b);
	return rc == SQLITE_OK ? 0 : dw_sqlite_fail(s, rc, err);
}

int dw_sqlite_scratch(struct dw_store **out, struct dw_store *from, struct dw_err *err)
{
	struct dw_sqlite *s;
	int64_t version = 0;
	int rc, r = dw_sqlite_bare(&s, err);

	if (r < 0)
		return r;
	s->scratch = true;
	s->path = dw_strdup("a temporary copy of the store");
	if (!s->path) {
		dw_sqlite_free(s);
		return dw_err_oom(err);
	}
	rc = sqlite3_open_v2("", &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	r = rc == SQLITE_OK ? dw_sqlite_harden(s, err) : dw_sqlite_fail(s, rc, err);
	if (r == 0 && from)
		r = fill(s, dw_sqlite_of(from), err);
	if (r == 0)
		r = tune(s, err);
	if (r == 0)
		r = from ? dw_schema_judge(s, &dw_sqlite_schema, &version, err) :
			   dw_schema_migrate(s, &dw_sqlite_schema, 0, 0, err);
	if (r < 0) {
		dw_sqlite_free(s);
		return r;
	}
	dw_store_changed(&s->base); /* counted from here */
	*out = &s->base;
	return 0;
}

int dw_store_scratch(struct dw_store **out, struct dw_store *from, struct dw_err *err)
{
	if (!from)
		return dw_sqlite_scratch(out, NULL, err);
	if (!from->ops->scratch)
		return dw_err_set(err, -ENOTSUP, "this store can't be copied");
	if (from->writing)
		return dw_err_set(err, -EINVAL, "store: a copy inside a transaction");
	return from->ops->scratch(out, from, err);
}
