/* sqlite.h: the outbox's rows. Bytes and models stand in a table of their own, so that walking the outbox and
 * recording an answer don't touch them. */
#include "sqlite.h"

#define MAIL_COLUMNS                                                                                                   \
	"type, state, person, address, message_id, subject, created, next_try, last_try, sent_at, tries, unsure,"      \
	" data_refused, answer, verdict, visited"

/* The columns above in order, then `tried` and `handed`. */
static void bind_row(struct dw_query *q, const struct dw_mail_row *row)
{
	dw_bind_int(q, row->type);
	dw_bind_int(q, row->state);
	dw_bind_text(q, row->person);
	dw_bind_text(q, row->address);
	dw_bind_text(q, row->message_id);
	dw_bind_text(q, row->subject);
	dw_bind_time(q, row->created);
	dw_bind_time(q, row->next_try);
	dw_bind_time(q, row->last_try);
	dw_bind_time(q, row->sent_at);
	dw_bind_int(q, row->tries);
	dw_bind_int(q, row->unsure);
	dw_bind_int(q, row->data_refused);
	dw_bind_text(q, row->answer);
	dw_bind_int(q, row->verdict);
	dw_bind_text(q, row->visited);
	dw_bind_int(q, row->tries > 0 || row->unsure > 0);
	dw_bind_int(q, row->handed || row->unsure > 0 || row->state == DW_MAIL_UNSURE);
}

static int put_body(struct dw_sqlite *s, const struct dw_mail_row *row, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "INSERT INTO bodies(mail, bytes, model) VALUES(?,?,?) ON CONFLICT(mail) DO UPDATE SET"
			      " bytes=excluded.bytes, model=excluded.model",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, row->id);
	dw_bind_blob(&q, row->n_bytes ? row->bytes : NULL, row->n_bytes);
	dw_bind_text(&q, row->model);
	return dw_query_run(&q, err);
}

static int drop_body(struct dw_sqlite *s, int64_t id, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s, "DELETE FROM bodies WHERE mail=?", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, id);
	return dw_query_run(&q, err);
}

static int insert(struct dw_sqlite *s, struct dw_mail_row *row, bool body, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "INSERT INTO mails(" MAIL_COLUMNS ", tried, handed, body)"
			      " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			      err);

	if (r < 0)
		return r;
	bind_row(&q, row);
	dw_bind_int(&q, body);
	r = dw_query_run(&q, err);
	if (r == 0)
		row->id = sqlite3_last_insert_rowid(s->db);
	return r;
}

int dw_sqlite_mail_answered(struct dw_store *st, const struct dw_mail_row *row, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st),
			      "UPDATE mails SET type=?, state=?, person=?, address=?, message_id=?, subject=?,"
			      " created=?, next_try=?, last_try=?, sent_at=?, tries=?, unsure=?, data_refused=?,"
			      " answer=?, verdict=?, visited=?, tried=?, handed=max(handed, ?) WHERE id=?",
			      err);

	if (r < 0)
		return r;
	bind_row(&q, row);
	dw_bind_int(&q, row->id);
	return dw_query_one(&q, err);
}

static int set_body(struct dw_sqlite *s, const struct dw_mail_row *row, bool body, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s, "UPDATE mails SET body=? WHERE id=? AND body<>?", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, body);
	dw_bind_int(&q, row->id);
	dw_bind_int(&q, body);
	return dw_query_run(&q, err);
}

int dw_sqlite_mail_put(struct dw_store *st, struct dw_mail_row *row, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	bool body = row->n_bytes > 0 || row->model;
	int r;

	if (row->id == 0) {
		r = insert(s, row, body, err);
	} else {
		r = dw_sqlite_mail_answered(st, row, err);
		if (r == 0)
			r = set_body(s, row, body, err);
	}
	if (r < 0)
		return r;
	return body ? put_body(s, row, err) : drop_body(s, row->id, err);
}

static void take_columns(struct dw_query *q, struct dw_mail_row *row)
{
	row->id = dw_col_int(q);
	row->type = (enum dw_mail_type)dw_col_range(q, 0, DW_MAIL_CLOSURE);
	row->state = (enum dw_mail_state)dw_col_range(q, 0, DW_MAIL_WITHDRAWN);
	row->person = dw_col_text(q);
	row->address = dw_col_text(q);
	row->message_id = dw_col_text(q);
	row->subject = dw_col_text(q);
	row->created = dw_col_time(q);
	row->next_try = dw_col_time(q);
	row->last_try = dw_col_time(q);
	row->sent_at = dw_col_time(q);
	row->tries = dw_col_range(q, 0, INT32_MAX);
	row->unsure = dw_col_range(q, 0, INT32_MAX);
	row->data_refused = dw_col_range(q, 0, INT32_MAX);
	row->answer = dw_col_text(q);
	row->verdict = (enum dw_verdict)dw_col_range(q, 0, DW_RELAY_REFUSED);
	row->visited = dw_col_text(q);
	row->handed = dw_col_bool(q);
	q->bad |= !row->person;
}

static void take_body(struct dw_query *q, struct dw_mail_row *row)
{
	const void *p = dw_col_blob(q, &row->n_bytes);

	row->bytes = dw_memdup(p, row->n_bytes);
	q->oom |= row->n_bytes && !row->bytes;
	row->model = dw_col_text(q);
}

int dw_sqlite_mail_get(struct dw_store *st, int64_t id, struct dw_mail_row *out, struct dw_err *err)
{
	DW_CLEANUP(dw_mail_row_fini) struct dw_mail_row row = { 0 };
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st),
			      "SELECT id, " MAIL_COLUMNS ", handed, bytes, model FROM mails"
			      " LEFT JOIN bodies ON mail=id WHERE id=?",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, id);
	r = dw_query_step(&q, err);
	if (r <= 0)
		return r < 0 ? r : 1;
	take_columns(&q, &row);
	take_body(&q, &row);
	r = dw_query_check(&q, err);
	if (r < 0)
		return r;
	*out = row;
	row = (struct dw_mail_row){ 0 };
	return 0;
}

static int due(struct dw_sqlite *s, bool tried, dw_time now, int64_t *ids, int max, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "SELECT id FROM mails WHERE state IN (0, 3) AND tried=? AND next_try<=?"
			      " ORDER BY next_try, id LIMIT ?",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, tried);
	dw_bind_int(&q, now);
	dw_bind_int(&q, max);
	return dw_query_ids(&q, ids, max, err);
}

int dw_sqlite_mail_due(struct dw_store *st, dw_time now, int64_t *ids, int max, struct dw_err *err)
{
	int n = due(dw_sqlite_of(st), false, now, ids, max, err), more;

	if (n < 0 || n >= max)
		return n;
	more = due(dw_sqlite_of(st), true, now, ids + n, max - n, err);
	return more < 0 ? more : n + more;
}

static int due_elsewhere(struct dw_sqlite *s, bool tried, dw_time now, const char *busy, int look, int64_t *ids, int max,
			 struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "SELECT id FROM (SELECT id, address FROM mails WHERE state IN (0, 3) AND tried=? AND next_try<=?"
			      " ORDER BY next_try, id LIMIT ?)"
			      " WHERE instr(?, '|' || lower(substr(address, instr(address, '@') + 1)) || '|')=0 LIMIT ?",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, tried);
	dw_bind_int(&q, now);
	dw_bind_int(&q, look > 0 ? look : -1);
	dw_bind_text(&q, busy);
	dw_bind_int(&q, max);
	return dw_query_ids(&q, ids, max, err);
}

int dw_sqlite_mail_due_elsewhere(struct dw_store *st, dw_time now, const char *busy, int look, int64_t *ids, int max,
				 struct dw_err *err)
{
	int n = due_elsewhere(dw_sqlite_of(st), false, now, busy, look, ids, max, err), more;

	if (n < 0 || n >= max)
		return n;
	more = due_elsewhere(dw_sqlite_of(st), true, now, busy, look, ids + n, max - n, err);
	return more < 0 ? more : n + more;
}

int64_t dw_sqlite_mail_made(struct dw_store *st, const char *person, dw_time from, dw_time to, int64_t before,
			    struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int64_t n;
	int r = dw_query_open(&q, dw_sqlite_of(st),
			      "SELECT count(*) FROM mails WHERE created>=? AND created<? AND person=? AND id<? AND state<>?",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, from);
	dw_bind_int(&q, to);
	dw_bind_text(&q, person);
	dw_bind_int(&q, before);
	dw_bind_int(&q, DW_MAIL_WITHDRAWN);
	r = dw_query_step(&q, err);
	if (r < 0)
		return r;
	n = dw_col_int(&q);
	r = dw_query_check(&q, err);
	return r < 0 ? r : n;
}

int dw_sqlite_mail_next(struct dw_store *st, dw_time *next_try, struct dw_err *err)
{
	dw_time next = DW_NEVER;

	for (int tried = 0; tried < 2; tried++) {
		DW_QUERY q = { 0 };
		int r = dw_query_open(&q, dw_sqlite_of(st),
				      "SELECT next_try FROM mails WHERE state IN (0, 3) AND tried=?"
				      " AND next_try IS NOT NULL ORDER BY next_try LIMIT 1",
				      err);
		dw_time t;

		if (r < 0)
			return r;
		dw_bind_int(&q, tried);
		r = dw_query_step(&q, err);
		if (r < 0)
			return r;
		t = r ? dw_col_int(&q) : DW_NEVER;
		r = dw_query_check(&q, err);
		if (r < 0)
			return r;
		next = t < next ? t : next;
	}
	*next_try = next;
	return 0;
}

int dw_sqlite_mail_lease(struct dw_store *st, int64_t id, dw_time now, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "UPDATE mails SET leased_from=state, state=1, last_try=? WHERE id=? AND state IN (0, 3)",
			      err);

	if (r < 0)
		return r;
	dw_bind_time(&q, now);
	dw_bind_int(&q, id);
	r = dw_query_run(&q, err);
	return r < 0 ? r : sqlite3_changes(s->db) == 0;
}

int dw_sqlite_mail_release(struct dw_store *st, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "UPDATE mails SET state=CASE leased_from WHEN 3 THEN 3 ELSE 0 END, handed=1"
			      " WHERE state=1",
			      err);

	if (r == 0)
		r = dw_query_run(&q, err);
	return r < 0 ? r : sqlite3_changes(s->db);
}

int dw_sqlite_mail_each(struct dw_store *st, int state, dw_mail_fn fn, void *ctx, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = state < 0 ?
			dw_query_open(&q, dw_sqlite_of(st),
				      "SELECT id, " MAIL_COLUMNS ", handed FROM mails ORDER BY id DESC", err) :
			dw_query_open(&q, dw_sqlite_of(st),
				      "SELECT id, " MAIL_COLUMNS ", handed FROM mails WHERE state=? ORDER BY id DESC", err);

	if (r == 0 && state >= 0)
		dw_bind_int(&q, state);
	while (r == 0 && (r = dw_query_step(&q, err)) == 1) {
		DW_CLEANUP(dw_mail_row_fini) struct dw_mail_row row = { 0 };

		take_columns(&q, &row);
		r = dw_query_check(&q, err);
		if (r == 0)
			r = fn(ctx, &row);
	}
	return r;
}

int dw_sqlite_mail_count(struct dw_store *st, int64_t count[6], struct dw_err *err)
{
	int64_t n[6] = { 0 };
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "SELECT state, count(*) FROM mails GROUP BY state", err);

	while (r == 0 && (r = dw_query_step(&q, err)) == 1) {
		int state = dw_col_range(&q, 0, DW_MAIL_WITHDRAWN);

		n[state] = dw_col_int(&q);
		r = dw_query_check(&q, err);
	}
	if (r == 0)
		memcpy(count, n, sizeof(n));
	return r;
}

int dw_sqlite_mail_queued_for(struct dw_store *st, int64_t order, enum dw_side side, const char *person, int64_t *ids,
			      int max, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st),
			      "SELECT DISTINCT m.id FROM steps s CROSS JOIN mails m ON m.id=s.mail WHERE s.ord=?"
			      " AND s.side=? AND m.state=0 AND m.handed=0 AND (?3 IS NULL OR m.person=?3)"
			      " ORDER BY m.id LIMIT ?",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, order);
	dw_bind_int(&q, side);
	dw_bind_text(&q, person);
	dw_bind_int(&q, max);
	return dw_query_ids(&q, ids, max, err);
}
