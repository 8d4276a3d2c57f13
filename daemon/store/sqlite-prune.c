/* sqlite.h: retention, a bite at a time. */
#include "sqlite.h"

enum { STRETCH = 20000 };

/* Runs a change whose parameters are a time and how many rows at most; takes what it changed off *left. */
static int bite(struct dw_sqlite *s, const char *sql, dw_time before, int *left, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r;

	if (*left <= 0)
		return 0;
	r = dw_query_open(&q, s, sql, err);
	if (r < 0)
		return r;
	dw_bind_int(&q, before);
	dw_bind_int(&q, *left);
	r = dw_query_run(&q, err);
	if (r == 0)
		*left -= sqlite3_changes(s->db);
	return r;
}

static int run_for(struct dw_sqlite *s, const char *sql, int64_t id, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s, sql, err);

	if (r < 0)
		return r;
	dw_bind_int(&q, id);
	return dw_query_run(&q, err);
}

static int prune_bodies(struct dw_sqlite *s, dw_time before, int *left, struct dw_err *err)
{
	int64_t ids[DW_STORE_PRUNE_MAX];
	DW_QUERY q = { 0 };
	int n, r = dw_query_open(&q, s,
				 "SELECT id FROM mails WHERE body=1 AND created<?1 AND state IN (2, 4, 5)"
				 " AND coalesce(sent_at, created)<?1 ORDER BY created LIMIT ?2",
				 err);

	if (r < 0)
		return r;
	dw_bind_int(&q, before);
	dw_bind_int(&q, *left);
	n = dw_query_ids(&q, ids, *left, err);
	if (n < 0)
		return n;
	for (int i = 0; i < n && r == 0; i++) {
		r = run_for(s, "DELETE FROM bodies WHERE mail=?", ids[i], err);
		if (r == 0)
			r = run_for(s, "UPDATE mails SET body=0 WHERE id=?", ids[i], err);
	}
	*left -= n;
	return r;
}

/* Orders are looked at in the order of their ids, a stretch at a time: no index for what is asked once a day. */
static int look(struct dw_sqlite *s, dw_time cutoff, int64_t *ids, int max, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int n = 0, r = dw_query_open(&q, s,
				     "SELECT id, gone, memory, record FROM orders WHERE id>?1 AND id<=?1+?2"
				     " AND missing_since<?3 ORDER BY id LIMIT ?4",
				     err);

	if (r < 0)
		return r;
	dw_bind_int(&q, s->pruned);
	dw_bind_int(&q, STRETCH);
	dw_bind_int(&q, cutoff);
	dw_bind_int(&q, max);
	while ((r = dw_query_step(&q, err)) == 1) {
		int64_t id = dw_col_int(&q);
		bool gone = dw_col_bool(&q);
		struct dw_memory m = DW_MEMORY_NONE;
		const void *p;
		size_t len;

		p = dw_col_blob(&q, &len);
		q.bad |= dw_memory_decode(&m, p, len) < 0;
		p = dw_col_blob(&q, &len);
		r = dw_query_check(&q, err);
		if (r == 0)
			r = dw_order_over(gone, cutoff, &m, p, len);
		if (r < 0)
			return r;
		if (r == 1)
			ids[n++] = id;
	}
	return r < 0 ? r : n;
}

static int last_order(struct dw_sqlite *s, int64_t *id, struct dw_err *err)
{
	return dw_sqlite_int(s, "SELECT coalesce(max(id), 0) FROM orders", id, err);
}

static int drop_order(struct dw_sqlite *s, int64_t id, struct dw_err *err)
{
	int r = run_for(s, "DELETE FROM orders WHERE id=?", id, err);

	dw_window_drop(s, id);
	return r < 0 ? r : dw_block_touch(s, id, err);
}

/* 1: there are more to look at; 0: the walk is over, and the next one begins anew. */
static int prune_orders(struct dw_sqlite *s, dw_time cutoff, int left, struct dw_err *err)
{
	int64_t ids[DW_STORE_PRUNE_MAX], last = 0;
	int n, r = last_order(s, &last, err);

	if (r < 0 || left <= 0)
		return r < 0 ? r : 1;
	n = look(s, cutoff, ids, left, err);
	if (n < 0)
		return n;
	for (int i = 0; i < n && r == 0; i++)
		r = drop_order(s, ids[i], err);
	if (r < 0)
		return r;
	if (n < left) /* else there may be more in this stretch */
		s->pruned += STRETCH;
	if (s->pruned < last)
		return 1;
	s->pruned = 0;
	return 0;
}

int dw_sqlite_prune(struct dw_store *st, dw_time now, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	dw_time rows = now - DW_KEEP_ROWS;
	int left = DW_STORE_PRUNE_MAX;
	int r = prune_bodies(s, now - DW_KEEP_BYTES, &left, err);

	if (r == 0)
		r = bite(s,
			 "DELETE FROM steps WHERE id IN (SELECT id FROM steps t WHERE at<? AND state<>0 AND NOT EXISTS("
			 "SELECT 1 FROM alerts a WHERE a.ord=t.ord AND a.side=t.side AND a.episode=t.episode)"
			 " ORDER BY at LIMIT ?)",
			 rows, &left, err);
	if (r == 0)
		r = bite(s,
			 "DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE created<?1 AND state IN (2, 4, 5)"
			 " AND coalesce(sent_at, created)<?1 ORDER BY created LIMIT ?2)",
			 rows, &left, err);
	if (r == 0)
		r = bite(s, "DELETE FROM history WHERE id IN (SELECT id FROM history WHERE at<? ORDER BY at LIMIT ?)",
			 rows, &left, err);
	if (r == 0)
		r = bite(s, "DELETE FROM inbound WHERE id IN (SELECT id FROM inbound WHERE at<? ORDER BY at LIMIT ?)",
			 now - DW_KEEP_INBOUND, &left, err);
	return r < 0 ? r : prune_orders(s, rows, left, err);
}
