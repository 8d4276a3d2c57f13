/* sqlite.h: statements, prepared at their first use and kept, and SQLite's errors in our words. Nothing read from
 * the file is believed: a column of another kind, a number out of range, a text that isn't UTF-8 is damage. */
#include "sqlite.h"

/* What the system said. SQLite keeps it only on some ways, so errno is set to 0 before each call and asked too. */
static int errno_code(struct dw_sqlite *s)
{
	int now = errno, kept = s->db ? sqlite3_system_errno(s->db) : 0;

	return kept ? kept : now;
}

static bool is_full(int e)
{
	return e == ENOSPC || e == EFBIG || e == EDQUOT;
}

static bool is_readonly(int e)
{
	return e == EROFS || e == EACCES || e == EPERM;
}

static int constraint_code(int rc)
{
	switch (rc) {
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return -ENOENT;
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return -EEXIST;
	default:
		return -EINVAL;
	}
}

static int code_of(int rc, int e)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
	case SQLITE_FORMAT:
	case SQLITE_ERROR: /* no such table or column: not our schema */
	case SQLITE_MISMATCH:
		return -EBADMSG;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EROFS;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_CONSTRAINT:
		return constraint_code(rc);
	case SQLITE_CANTOPEN:
		return is_readonly(e) ? -EROFS : is_full(e) ? -ENOSPC : -EIO;
	case SQLITE_IOERR:
		return rc == SQLITE_IOERR_NOMEM ? -ENOMEM : is_full(e) ? -ENOSPC : -EIO;
	default:
		return -EIO;
	}
}

static const char *advice(int code)
{
	switch (code) {
	case -EBUSY:
		return "another program has it locked";
	case -EBADMSG:
		return "damaged, or not a duewatch database";
	case -EROFS:
		return "cannot be written";
	case -ENOSPC:
		return "the disk is full";
	default:
		return "failed";
	}
}

int dw_sqlite_fail(struct dw_sqlite *s, int rc, struct dw_err *err)
{
	int e = errno_code(s), code;

	if (s->db && (rc & 0xff) == (sqlite3_errcode(s->db) & 0xff))
		rc = sqlite3_extended_errcode(s->db);
	code = code_of(rc, e);
	if (code == -ENOMEM)
		return dw_err_oom(err);
	if (code != -EROFS && code != -EIO && code != -ENOSPC)
		e = 0; /* left over */
	if (code == -ENOENT || code == -EEXIST || code == -EINVAL)
		return dw_err_set(err, code, "store: %s", sqlite3_errmsg(s->db));
	return dw_err_set(err, code, "%s: %s (%s%s%s)", s->path, advice(code),
			  s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc), e ? ": " : "", e ? strerror(e) : "");
}

int dw_sqlite_exec(struct dw_sqlite *s, const char *sql, struct dw_err *err)
{
	int rc = dw_insert_flush(s, err);

	if (rc < 0)
		return rc;
	errno = 0;
	rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : dw_sqlite_fail(s, rc, err);
}

int dw_sqlite_int(struct dw_sqlite *s, const char *sql, int64_t *out, struct dw_err *err)
{
	sqlite3_stmt *st = NULL;
	int64_t v = 0;
	int rc = dw_insert_flush(s, err);

	if (rc < 0)
		return rc;
	errno = 0;
	rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		int r = dw_sqlite_fail(s, rc, err);

		sqlite3_finalize(st);
		return r;
	}
	sqlite3_finalize(st);
	*out = v;
	return 0;
}

int dw_sqlite_undone(struct dw_sqlite *s, struct dw_err *err)
{
	if (!s->broken && !sqlite3_get_autocommit(s->db))
		return 0;
	return dw_err_set(err, -EIO, "%s: the transaction was undone by an earlier failure", s->path);
}

/* ---- the cache ---- */

/* The place of a literal, or of the hole where it belongs; -1 when the table is full. */
static int place(const struct dw_sqlite *s, const char *sql)
{
	unsigned h = (unsigned)(((uintptr_t)sql >> 3) * 2654435761u) % STATEMENTS;

	for (unsigned i = 0; i < STATEMENTS; i++) {
		unsigned k = (h + i) % STATEMENTS;

		if (!s->statement[k].sql || s->statement[k].sql == sql)
			return (int)k;
	}
	return -1;
}

static int prepare(struct dw_query *q, const char *sql, unsigned flags, struct dw_err *err)
{
	int rc = sqlite3_prepare_v3(q->s->db, sql, -1, flags, &q->st, NULL);

	return rc == SQLITE_OK ? 0 : dw_sqlite_fail(q->s, rc, err);
}

int dw_query_open(struct dw_query *q, struct dw_sqlite *s, const char *sql, struct dw_err *err)
{
	int r = dw_insert_flush(s, err);

	*q = (struct dw_query){ .s = s };
	return r < 0 ? r : dw_query_reopen(q, s, sql, err);
}

int dw_query_reopen(struct dw_query *q, struct dw_sqlite *s, const char *sql, struct dw_err *err)
{
	int k = place(s, sql), r;

	*q = (struct dw_query){ .s = s };
	if (s->base.writing && dw_sqlite_undone(s, err) < 0)
		return -EIO;
	if (k >= 0 && s->statement[k].sql && !sqlite3_stmt_busy(s->statement[k].st)) {
		q->st = s->statement[k].st;
		return 0;
	}
	q->own = k < 0 || s->statement[k].sql; /* in use further up, by the walk whose callback we are in */
	r = prepare(q, sql, q->own ? 0 : SQLITE_PREPARE_PERSISTENT, err);
	if (r == 0 && !q->own) {
		s->statement[k].sql = sql;
		s->statement[k].st = q->st;
	}
	return r;
}

void dw_query_done(struct dw_query *q)
{
	if (q->own)
		sqlite3_finalize(q->st);
	else
		sqlite3_reset(q->st);
	q->st = NULL;
}

/* ---- parameters ---- */
static void bound(struct dw_query *q, int rc)
{
	if (rc != SQLITE_OK && q->rc == SQLITE_OK)
		q->rc = rc;
}

void dw_bind_int(struct dw_query *q, int64_t v)
{
	bound(q, sqlite3_bind_int64(q->st, ++q->bound, v));
}

static void bind_or_null(struct dw_query *q, int64_t v, int64_t null)
{
	if (v == null)
		bound(q, sqlite3_bind_null(q->st, ++q->bound));
	else
		dw_bind_int(q, v);
}

void dw_bind_id(struct dw_query *q, int64_t v)
{
	bind_or_null(q, v, 0);
}

void dw_bind_time(struct dw_query *q, dw_time t)
{
	bind_or_null(q, t, DW_UNKNOWN);
}

void dw_bind_due(struct dw_query *q, dw_time t)
{
	bind_or_null(q, t, DW_NEVER);
}

void dw_bind_text(struct dw_query *q, const char *s)
{
	bound(q, sqlite3_bind_text(q->st, ++q->bound, s, -1, SQLITE_STATIC));
}

void dw_bind_blob(struct dw_query *q, const void *p, size_t n)
{
	bound(q, sqlite3_bind_blob64(q->st, ++q->bound, p, n, SQLITE_STATIC));
}

/* ---- running ---- */
int dw_query_step(struct dw_query *q, struct dw_err *err)
{
	int rc;

	errno = 0;
	rc = q->rc != SQLITE_OK ? q->rc : sqlite3_step(q->st);
	q->col = 0;
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : dw_sqlite_fail(q->s, rc, err);
}

int dw_query_run(struct dw_query *q, struct dw_err *err)
{
	int r;

	do
		r = dw_query_step(q, err);
	while (r > 0);
	return r;
}

int dw_query_one(struct dw_query *q, struct dw_err *err)
{
	int r = dw_query_run(q, err);

	if (r < 0 || sqlite3_changes(q->s->db) > 0)
		return r;
	return dw_err_set(err, -ENOENT, "store: no such row");
}

/* ---- columns ---- */
int64_t dw_col_int(struct dw_query *q)
{
	int i = q->col++;

	q->bad |= sqlite3_column_type(q->st, i) != SQLITE_INTEGER;
	return sqlite3_column_int64(q->st, i);
}

static int64_t int_or(struct dw_query *q, int64_t null)
{
	if (sqlite3_column_type(q->st, q->col) != SQLITE_NULL)
		return dw_col_int(q);
	q->col++;
	return null;
}

int64_t dw_col_id(struct dw_query *q)
{
	return int_or(q, 0);
}

dw_time dw_col_time(struct dw_query *q)
{
	return int_or(q, DW_UNKNOWN);
}

dw_time dw_col_due(struct dw_query *q)
{
	return int_or(q, DW_NEVER);
}

int dw_col_range(struct dw_query *q, int from, int to)
{
	int64_t v = dw_col_int(q);

	if (v >= from && v <= to)
		return (int)v;
	q->bad = true;
	return from;
}

bool dw_col_bool(struct dw_query *q)
{
	return dw_col_range(q, 0, 1) == 1;
}

const char *dw_col_ref(struct dw_query *q)
{
	int i = q->col++, n;
	const char *s;

	if (sqlite3_column_type(q->st, i) == SQLITE_NULL)
		return NULL;
	q->bad |= sqlite3_column_type(q->st, i) != SQLITE_TEXT;
	s = (const char *)sqlite3_column_text(q->st, i);
	n = sqlite3_column_bytes(q->st, i);
	q->oom |= !s;
	q->bad |= !s || strlen(s) != (size_t)n || !dw_utf8_valid(s, (size_t)n);
	return s;
}

char *dw_col_text(struct dw_query *q)
{
	const char *s = dw_col_ref(q);
	char *copy = dw_strdup(s);

	q->oom |= s && !copy;
	return copy;
}

void dw_col_fixed(struct dw_query *q, char *out, size_t size)
{
	const char *s = dw_col_ref(q);
	size_t n = s ? strlen(s) : 0;

	q->bad |= !s || n >= size;
	if (n < size && s)
		memcpy(out, s, n + 1);
	else
		out[0] = '\0';
}

void dw_col_short(struct dw_query *q, char *out, size_t size)
{
	const char *s = dw_col_ref(q);
	size_t n = s ? strlen(s) : size;

	if (n < size)
		memcpy(out, s, n + 1);
	else
		out[0] = '\0';
}

const void *dw_col_blob(struct dw_query *q, size_t *n)
{
	int i = q->col++;
	const void *p = sqlite3_column_blob(q->st, i);
	int type = sqlite3_column_type(q->st, i);

	q->bad |= type != SQLITE_BLOB && type != SQLITE_NULL;
	*n = p ? (size_t)sqlite3_column_bytes(q->st, i) : 0;
	return p ? p : "";
}

int dw_query_check(struct dw_query *q, struct dw_err *err)
{
	if (q->oom)
		return dw_err_oom(err);
	if (q->bad)
		return dw_err_set(err, -EBADMSG, "%s: a row is damaged, read by: %.200s", q->s->path,
				  sqlite3_sql(q->st));
	return 0;
}

int dw_query_ids(struct dw_query *q, int64_t *ids, int max, struct dw_err *err)
{
	int n = 0, r;

	while (n < max && (r = dw_query_step(q, err)) != 0) {
		if (r < 0)
			return r;
		ids[n++] = dw_col_int(q);
	}
	r = dw_query_check(q, err);
	return r < 0 ? r : n;
}
