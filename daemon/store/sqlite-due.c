/* sqlite.h: which orders are due, and making them due. Nothing that runs at every tick walks all orders. */
#include "sqlite.h"

enum { PAGE_BLOCKS = 64, NUMBER_MAX = 256 };

/* Blocks are exact but for what this transaction changed so far. */
static int settle(struct dw_sqlite *s, struct dw_err *err)
{
	return s->n_dirty > 0 ? dw_block_flush(s, err) : 0;
}

static int due_blocks(struct dw_sqlite *s, dw_time now, int64_t *blocks, int max, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s, "SELECT block FROM blocks WHERE next_at<=? ORDER BY next_at LIMIT ?", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, now);
	dw_bind_int(&q, max);
	return dw_query_ids(&q, blocks, max, err);
}

static int due_in(struct dw_sqlite *s, int64_t block, dw_time now, int64_t *ids, int max, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "SELECT id FROM orders WHERE id BETWEEN ? AND ? AND next_at<=? ORDER BY next_at, id LIMIT ?",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, dw_block_first(block));
	dw_bind_int(&q, dw_block_last(block));
	dw_bind_int(&q, now);
	dw_bind_int(&q, max);
	return dw_query_ids(&q, ids, max, err);
}

int dw_sqlite_orders_due(struct dw_store *st, dw_time now, int64_t *ids, int max, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	int64_t block[PAGE_BLOCKS];
	int n = 0, r = settle(s, err), blocks;

	if (r < 0)
		return r;
	blocks = due_blocks(s, now, block, max < PAGE_BLOCKS ? max : PAGE_BLOCKS, err);
	if (blocks < 0)
		return blocks;
	for (int i = 0; i < blocks && n < max; i++) {
		r = due_in(s, block[i], now, ids + n, max - n, err);
		if (r < 0)
			return r;
		n += r;
	}
	return n;
}

int dw_sqlite_orders_next(struct dw_store *st, dw_time *next_at, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	DW_QUERY q = { 0 };
	dw_time t = DW_NEVER;
	int r = settle(s, err);

	if (r == 0)
		r = dw_query_open(&q, s,
				  "SELECT next_at FROM blocks WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1", err);
	if (r == 0)
		r = dw_query_step(&q, err);
	if (r == 1) {
		t = dw_col_int(&q);
		r = dw_query_check(&q, err);
	}
	if (r == 0)
		*next_at = t;
	return r;
}

int dw_sqlite_order_touch(struct dw_store *st, int64_t id, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "UPDATE orders SET next_at=0 WHERE id=?", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, id);
	r = dw_query_one(&q, err);
	return r < 0 ? r : dw_block_touch(dw_sqlite_of(st), id, err);
}

int dw_sqlite_orders_touch_number(struct dw_store *st, const char *order_id, struct dw_err *err)
{
	int64_t ids[NUMBER_MAX];
	DW_QUERY q = { 0 };
	int n, r = dw_query_open(&q, dw_sqlite_of(st),
				 "SELECT o.id FROM feeds f CROSS JOIN orders o ON o.feed=f.id WHERE o.order_id=? LIMIT 256",
				 err);

	if (r < 0)
		return r;
	dw_bind_text(&q, order_id);
	n = dw_query_ids(&q, ids, NUMBER_MAX, err);
	for (int i = 0; i < n && r == 0; i++)
		r = dw_sqlite_order_touch(st, ids[i], err);
	return n < 0 ? n : r;
}

int dw_sqlite_orders_touch_feed(struct dw_store *st, const char *feed, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	DW_QUERY q = { 0 };
	int64_t f = feed ? dw_sqlite_feed(s, feed, false, err) : 0;
	int r;

	if (f < 0 || (feed && f == 0))
		return (int)f;
	r = dw_query_open(&q, s, "UPDATE orders SET next_at=0 WHERE (?1=0 OR feed=?1) AND next_at IS NOT 0", err);
	if (r < 0)
		return r;
	dw_bind_int(&q, f);
	r = dw_query_run(&q, err);
	return r < 0 ? r : dw_block_rebuild(s, err);
}

/* ---- by data time ---- */
static int touch_in(struct dw_sqlite *s, int64_t block, int64_t feed, dw_time data_time, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "UPDATE orders SET next_at=0 WHERE id BETWEEN ? AND ? AND +feed=? AND data_at<?", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, dw_block_first(block));
	dw_bind_int(&q, dw_block_last(block));
	dw_bind_int(&q, feed);
	dw_bind_int(&q, data_time);
	r = dw_query_run(&q, err);
	return r < 0 ? r : dw_block_touch(s, dw_block_first(block), err);
}

static int data_blocks(struct dw_sqlite *s, dw_time data_time, int64_t after, int64_t *blocks, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s, "SELECT block FROM blocks WHERE block>? AND data_at<? ORDER BY block LIMIT 64",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, after);
	dw_bind_int(&q, data_time);
	return dw_query_ids(&q, blocks, PAGE_BLOCKS, err);
}

int dw_sqlite_orders_touch_data(struct dw_store *st, const char *feed, dw_time data_time, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	int64_t f = dw_sqlite_feed(s, feed, false, err), block[PAGE_BLOCKS], after = -1;
	int n, r = settle(s, err);

	if (f <= 0)
		return (int)f;
	do {
		n = r < 0 ? r : data_blocks(s, data_time, after, block, err);
		for (int i = 0; i < n && r == 0; i++) {
			after = block[i];
			r = touch_in(s, block[i], f, data_time, err);
		}
	} while (r == 0 && n == PAGE_BLOCKS);
	return n < 0 ? n : r;
}
