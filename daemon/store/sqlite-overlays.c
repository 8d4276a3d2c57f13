/* sqlite.h: what overlay feeds say of orders, matched or not. */
#include "sqlite.h"

/* Opens a query whose first two parameters are the key; 1: no such feed. */
static int open_key(struct dw_query *q, struct dw_sqlite *s, const char *sql, const char *feed, const char *order_id,
		    bool make, struct dw_err *err)
{
	int64_t f = dw_sqlite_feed(s, feed, make, err);
	int r;

	if (f <= 0)
		return f < 0 ? (int)f : 1;
	r = dw_query_open(q, s, sql, err);
	if (r < 0)
		return r;
	dw_bind_int(q, f);
	if (order_id)
		dw_bind_text(q, order_id);
	return 0;
}

int dw_sqlite_overlay_put(struct dw_store *st, const char *feed, const char *order_id, const void *record, size_t n,
			  uint64_t print, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = open_key(&q, dw_sqlite_of(st),
			 "INSERT INTO overlays(feed, order_id, print, record) VALUES(?,?,?,?)"
			 " ON CONFLICT(feed, order_id) DO UPDATE SET print=excluded.print, record=excluded.record",
			 feed, order_id, true, err);

	if (r != 0)
		return r;
	dw_bind_int(&q, (int64_t)print);
	dw_bind_blob(&q, record, n);
	return dw_query_run(&q, err);
}

int dw_sqlite_overlay_get(struct dw_store *st, const char *feed, const char *order_id, struct dw_facts *out,
			  uint64_t *print, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	const void *p;
	uint64_t said;
	size_t n;
	int r = open_key(&q, dw_sqlite_of(st), "SELECT print, record FROM overlays WHERE feed=? AND order_id=?", feed,
			 order_id, false, err);

	if (r != 0)
		return r;
	r = dw_query_step(&q, err);
	if (r <= 0)
		return r < 0 ? r : 1;
	said = (uint64_t)dw_col_int(&q);
	p = dw_col_blob(&q, &n);
	r = dw_query_check(&q, err);
	if (r < 0)
		return r;
	r = dw_facts_decode(out, p, n);
	if (r < 0)
		return dw_err_set(err, r, "the stored row of order %s of feed %s is damaged", order_id, feed);
	*print = said;
	return 0;
}

int dw_sqlite_overlay_drop(struct dw_store *st, const char *feed, const char *order_id, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = open_key(&q, dw_sqlite_of(st), "DELETE FROM overlays WHERE feed=? AND order_id=?", feed, order_id,
			 false, err);

	return r < 0 ? r : r == 1 ? 0 : dw_query_run(&q, err);
}

int dw_sqlite_overlay_each(struct dw_store *st, const char *feed, dw_text_fn fn, void *ctx, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = open_key(&q, dw_sqlite_of(st), "SELECT order_id FROM overlays WHERE feed=? ORDER BY order_id", feed,
			 NULL, false, err);

	if (r != 0)
		return r < 0 ? r : 0;
	while ((r = dw_query_step(&q, err)) == 1) {
		const char *id = dw_col_ref(&q);

		q.bad |= !id;
		r = dw_query_check(&q, err);
		if (r == 0)
			r = fn(ctx, id);
		if (r != 0)
			break;
	}
	return r;
}

int dw_sqlite_overlay_unmatched(struct dw_store *st, const char *feed, int64_t *n, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int64_t count = 0;
	int r = open_key(&q, dw_sqlite_of(st),
			 "SELECT count(*) FROM overlays v WHERE v.feed=? AND NOT EXISTS(SELECT 1 FROM feeds f"
			 " CROSS JOIN orders o ON o.feed=f.id WHERE o.order_id=v.order_id)",
			 feed, NULL, false, err);

	if (r == 0 && (r = dw_query_step(&q, err)) == 1) {
		count = dw_col_int(&q);
		r = dw_query_check(&q, err);
	}
	if (r < 0)
		return r;
	*n = count;
	return 0;
}
