/* sqlite.h: feeds, and the numbers they go by inside the file. */
#include "sqlite.h"

void dw_sqlite_feed_forget(struct dw_sqlite *s)
{
	memset(s->feed, 0, sizeof(s->feed));
}

static void remember(struct dw_sqlite *s, const char *name, int64_t id)
{
	size_t n = strlen(name) + 1;

	if (n > sizeof(s->feed[0].name))
		return;
	memcpy(s->feed[s->next_feed].name, name, n);
	s->feed[s->next_feed].id = id;
	s->next_feed = (s->next_feed + 1) % FEED_CACHE;
}

static int64_t load_id(struct dw_sqlite *s, const char *name, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int64_t id = 0;
	int r = dw_query_open(&q, s, "SELECT id FROM feeds WHERE name=?", err);

	if (r < 0)
		return r;
	dw_bind_text(&q, name);
	r = dw_query_step(&q, err);
	if (r == 1) {
		id = dw_col_int(&q);
		q.bad |= id < 1;
		r = dw_query_check(&q, err);
	}
	return r < 0 ? r : id;
}

static int64_t make_id(struct dw_sqlite *s, const char *name, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s, "INSERT INTO feeds(name) VALUES(?)", err);

	if (r < 0)
		return r;
	dw_bind_text(&q, name);
	r = dw_query_run(&q, err);
	return r < 0 ? r : sqlite3_last_insert_rowid(s->db);
}

int64_t dw_sqlite_feed(struct dw_sqlite *s, const char *name, bool make, struct dw_err *err)
{
	int64_t id;

	for (int i = 0; i < FEED_CACHE; i++)
		if (s->feed[i].id && strcmp(s->feed[i].name, name) == 0)
			return s->feed[i].id;
	id = load_id(s, name, err);
	if (id == 0 && make)
		id = make_id(s, name, err);
	if (id > 0)
		remember(s, name, id);
	return id;
}

#define FEED_COLUMNS                                                                                                   \
	"name, overlay, data_time, last_attempt, last_success, error_since, error, first_look, seen, orders, missing,"  \
	" rejected, unmatched, rejects, rejects_told, error_told, stale_told, vanish_since, accept"

static int take_row(struct dw_query *q, struct dw_feed_row *out, struct dw_err *err)
{
	struct dw_feed_row row = { 0 };
	int r;

	row.name = dw_col_text(q);
	row.overlay = dw_col_bool(q);
	row.data_time = dw_col_time(q);
	row.last_attempt = dw_col_time(q);
	row.last_success = dw_col_time(q);
	row.error_since = dw_col_time(q);
	row.error = dw_col_text(q);
	row.first_look = dw_col_bool(q);
	row.seen = dw_col_text(q);
	row.orders = dw_col_int(q);
	row.missing = dw_col_int(q);
	row.rejected = dw_col_int(q);
	row.unmatched = dw_col_int(q);
	row.rejects = dw_col_text(q);
	row.rejects_told = (uint64_t)dw_col_int(q);
	row.error_told = dw_col_time(q);
	row.stale_told = dw_col_time(q);
	row.vanish_since = dw_col_time(q);
	row.accept = dw_col_bool(q);
	q->bad |= !row.name;
	r = dw_query_check(q, err);
	if (r < 0)
		dw_feed_row_fini(&row);
	else
		*out = row;
	return r;
}

int dw_sqlite_feed_get(struct dw_store *st, const char *name, struct dw_feed_row *out, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "SELECT " FEED_COLUMNS " FROM feeds WHERE name=? AND known=1",
			      err);

	if (r < 0)
		return r;
	dw_bind_text(&q, name);
	r = dw_query_step(&q, err);
	if (r <= 0)
		return r < 0 ? r : 1;
	return take_row(&q, out, err);
}

int dw_sqlite_feed_put(struct dw_store *st, const struct dw_feed_row *row, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(
		&q, dw_sqlite_of(st),
		"INSERT INTO feeds(known, " FEED_COLUMNS ") VALUES(1,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
		" ON CONFLICT(name) DO UPDATE SET known=1, overlay=excluded.overlay, data_time=excluded.data_time,"
		" last_attempt=excluded.last_attempt, last_success=excluded.last_success,"
		" error_since=excluded.error_since, error=excluded.error, first_look=excluded.first_look,"
		" seen=excluded.seen, orders=excluded.orders, missing=excluded.missing, rejected=excluded.rejected,"
		" unmatched=excluded.unmatched, rejects=excluded.rejects, rejects_told=excluded.rejects_told,"
		" error_told=excluded.error_told, stale_told=excluded.stale_told,"
		" vanish_since=excluded.vanish_since, accept=excluded.accept",
		err);

	if (r < 0)
		return r;
	dw_bind_text(&q, row->name);
	dw_bind_int(&q, row->overlay);
	dw_bind_time(&q, row->data_time);
	dw_bind_time(&q, row->last_attempt);
	dw_bind_time(&q, row->last_success);
	dw_bind_time(&q, row->error_since);
	dw_bind_text(&q, row->error);
	dw_bind_int(&q, row->first_look);
	dw_bind_text(&q, row->seen);
	dw_bind_int(&q, row->orders);
	dw_bind_int(&q, row->missing);
	dw_bind_int(&q, row->rejected);
	dw_bind_int(&q, row->unmatched);
	dw_bind_text(&q, row->rejects);
	dw_bind_int(&q, (int64_t)row->rejects_told);
	dw_bind_time(&q, row->error_told);
	dw_bind_time(&q, row->stale_told);
	dw_bind_time(&q, row->vanish_since);
	dw_bind_int(&q, row->accept);
	return dw_query_run(&q, err);
}

int dw_sqlite_feed_each(struct dw_store *st, dw_feed_fn fn, void *ctx, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "SELECT " FEED_COLUMNS " FROM feeds WHERE known=1 ORDER BY id",
			      err);

	while (r == 0 && (r = dw_query_step(&q, err)) == 1) {
		DW_CLEANUP(dw_feed_row_fini) struct dw_feed_row row = { 0 };

		r = take_row(&q, &row, err);
		if (r == 0)
			r = fn(ctx, &row);
	}
	return r;
}
