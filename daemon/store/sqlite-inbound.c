/* sqlite.h: what comes in by mail: mailboxes, mails taken, dead addresses. */
#include "sqlite.h"

int dw_sqlite_mail_find(struct dw_store *st, const char *message_id, int64_t *id, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "SELECT max(id) FROM mails WHERE message_id=? HAVING count(*) > 0", err);

	if (r < 0)
		return r;
	dw_bind_text(&q, message_id);
	r = dw_query_step(&q, err);
	if (r <= 0)
		return r < 0 ? r : 1;
	*id = dw_col_int(&q);
	return dw_query_check(&q, err);
}

/* ---- mailboxes ---- */

int dw_sqlite_mailbox_get(struct dw_store *st, const char *name, struct dw_mailbox_row *out, struct dw_err *err)
{
	struct dw_mailbox_row row = { 0 };
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st),
			      "SELECT name, uidvalidity, last_uid, last_success, error_since, told, error FROM mailboxes"
			      " WHERE name=?",
			      err);

	if (r < 0)
		return r;
	dw_bind_text(&q, name);
	r = dw_query_step(&q, err);
	if (r <= 0)
		return r < 0 ? r : 1;
	dw_col_fixed(&q, row.name, sizeof(row.name));
	row.uidvalidity = dw_col_int(&q);
	row.last_uid = dw_col_int(&q);
	row.last_success = dw_col_time(&q);
	row.error_since = dw_col_time(&q);
	row.told = dw_col_time(&q);
	dw_col_fixed(&q, row.error, sizeof(row.error));
	r = dw_query_check(&q, err);
	if (r == 0)
		*out = row;
	return r;
}

int dw_sqlite_mailbox_put(struct dw_store *st, const struct dw_mailbox_row *row, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st),
			      "INSERT OR REPLACE INTO mailboxes(name, uidvalidity, last_uid, last_success, error_since, told,"
			      " error) VALUES(?,?,?,?,?,?,?)",
			      err);

	if (r < 0)
		return r;
	dw_bind_text(&q, row->name);
	dw_bind_int(&q, row->uidvalidity);
	dw_bind_int(&q, row->last_uid);
	dw_bind_time(&q, row->last_success);
	dw_bind_time(&q, row->error_since);
	dw_bind_time(&q, row->told);
	dw_bind_text(&q, row->error);
	return dw_query_run(&q, err);
}

/* ---- mails taken ---- */

int dw_sqlite_inbound_find(struct dw_store *st, const char *id, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "SELECT 1 FROM inbound WHERE id=?", err);

	if (r < 0)
		return r;
	dw_bind_text(&q, id);
	r = dw_query_step(&q, err);
	return r < 0 ? r : r == 0;
}

int dw_sqlite_inbound_add(struct dw_store *st, const struct dw_inbound_row *row, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_sqlite_inbound_find(st, row->id, err);

	if (r == 0)
		return dw_err_set(err, -EEXIST, "store: that mail was taken already");
	if (r > 0)
		r = dw_query_open(&q, dw_sqlite_of(st),
				  "INSERT INTO inbound(id, at, person, commands, answers) VALUES(?,?,?,?,?)", err);
	if (r < 0)
		return r;
	dw_bind_text(&q, row->id);
	dw_bind_int(&q, row->at);
	dw_bind_text(&q, row->person);
	dw_bind_int(&q, row->commands);
	dw_bind_int(&q, row->answers);
	return dw_query_run(&q, err);
}

int dw_sqlite_inbound_count(struct dw_store *st, const char *person, dw_time since, int64_t *commands, int64_t *answers,
			    struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int64_t c, a;
	int r = dw_query_open(&q, dw_sqlite_of(st),
			      "SELECT coalesce(sum(commands), 0), coalesce(sum(answers), 0) FROM inbound"
			      " WHERE person=? AND at>=?",
			      err);

	if (r < 0)
		return r;
	dw_bind_text(&q, person);
	dw_bind_int(&q, since);
	r = dw_query_step(&q, err);
	if (r < 0)
		return r;
	c = dw_col_int(&q);
	a = dw_col_int(&q);
	r = dw_query_check(&q, err);
	if (r == 0) {
		*commands = c;
		*answers = a;
	}
	return r;
}

/* ---- dead addresses ---- */

static int take_dead(struct dw_query *q, struct dw_dead_row *row, struct dw_err *err)
{
	dw_col_fixed(q, row->address, sizeof(row->address));
	row->since = dw_col_time(q);
	row->tried = dw_col_time(q);
	row->good = dw_col_time(q);
	row->mail = dw_col_int(q);
	dw_col_fixed(q, row->why, sizeof(row->why));
	return dw_query_check(q, err);
}

int dw_sqlite_dead_get(struct dw_store *st, const char *address, struct dw_dead_row *out, struct dw_err *err)
{
	struct dw_dead_row row = { 0 };
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "SELECT address, since, tried, good, mail, why FROM dead WHERE address=?", err);

	if (r < 0)
		return r;
	dw_bind_text(&q, address);
	r = dw_query_step(&q, err);
	if (r <= 0)
		return r < 0 ? r : 1;
	r = take_dead(&q, &row, err);
	if (r == 0)
		*out = row;
	return r;
}

int dw_sqlite_dead_put(struct dw_store *st, const struct dw_dead_row *row, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st),
			      "INSERT OR REPLACE INTO dead(address, since, tried, good, mail, why) VALUES(?,?,?,?,?,?)", err);

	if (r < 0)
		return r;
	dw_bind_text(&q, row->address);
	dw_bind_time(&q, row->since);
	dw_bind_time(&q, row->tried);
	dw_bind_time(&q, row->good);
	dw_bind_int(&q, row->mail);
	dw_bind_text(&q, row->why);
	return dw_query_run(&q, err);
}

int dw_sqlite_dead_drop(struct dw_store *st, const char *address, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "DELETE FROM dead WHERE address=?", err);

	if (r < 0)
		return r;
	dw_bind_text(&q, address);
	return dw_query_run(&q, err);
}

int dw_sqlite_dead_each(struct dw_store *st, dw_dead_fn fn, void *ctx, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "SELECT address, since, tried, good, mail, why FROM dead ORDER BY address", err);

	if (r < 0)
		return r;
	while ((r = dw_query_step(&q, err)) == 1) {
		struct dw_dead_row row = { 0 };

		r = take_dead(&q, &row, err);
		if (r == 0)
			r = fn(ctx, &row);
		if (r != 0)
			break;
	}
	return r;
}
