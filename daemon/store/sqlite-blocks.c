/* sqlite.h: what is due, without an index on every order's next_at.
 *
 * Such an index would be written at a random place for each order read or decided, which cost more than all the rest
 * of a first read (three times the time, at a million orders). Instead a row per 128 orders keeps the earliest
 * next_at and data_at among them. It is exact whenever a transaction ends: changed blocks are counted anew before the
 * commit, in the same transaction, whoever writes. */
#include "sqlite.h"

static int by_block(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The earliest of each kind in a block; DW_NEVER: none. */
static int count(struct dw_sqlite *s, int64_t block, dw_time *next_at, dw_time *data_at, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s, "SELECT min(next_at), min(data_at) FROM orders WHERE id BETWEEN ? AND ?", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, dw_block_first(block));
	dw_bind_int(&q, dw_block_last(block));
	r = dw_query_step(&q, err);
	if (r < 0)
		return r;
	*next_at = dw_col_due(&q);
	*data_at = dw_col_due(&q);
	return dw_query_check(&q, err);
}

static int drop(struct dw_sqlite *s, int64_t block, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s, "DELETE FROM blocks WHERE block=?", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, block);
	return dw_query_run(&q, err);
}

static int renew(struct dw_sqlite *s, int64_t block, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	dw_time next_at, data_at;
	int r = count(s, block, &next_at, &data_at, err);

	if (r < 0)
		return r;
	if (next_at == DW_NEVER && data_at == DW_NEVER)
		return drop(s, block, err);
	r = dw_query_open(&q, s,
			  "INSERT INTO blocks(block, next_at, data_at) VALUES(?,?,?) ON CONFLICT(block) DO UPDATE SET"
			  " next_at=excluded.next_at, data_at=excluded.data_at"
			  " WHERE next_at IS NOT excluded.next_at OR data_at IS NOT excluded.data_at",
			  err);
	if (r < 0)
		return r;
	dw_bind_int(&q, block);
	dw_bind_due(&q, next_at);
	dw_bind_due(&q, data_at);
	return dw_query_run(&q, err);
}

int dw_block_flush(struct dw_sqlite *s, struct dw_err *err)
{
	int n = s->n_dirty;

	qsort(s->dirty, (size_t)n, sizeof(*s->dirty), by_block);
	s->n_dirty = 0;
	for (int i = 0; i < n; i++) {
		int r = i > 0 && s->dirty[i] == s->dirty[i - 1] ? 0 : renew(s, s->dirty[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

int dw_block_touch(struct dw_sqlite *s, int64_t order, struct dw_err *err)
{
	int64_t block = order >> DW_BLOCK_SHIFT;
	int r;

	if (s->n_dirty > 0 && s->dirty[s->n_dirty - 1] == block)
		return 0;
	if (s->n_dirty == DIRTY_BLOCKS) {
		r = dw_block_flush(s, err);
		if (r < 0)
			return r;
	}
	s->dirty[s->n_dirty++] = block;
	return 0;
}

int dw_block_rebuild(struct dw_sqlite *s, struct dw_err *err)
{
	int64_t last = 0;
	int r = dw_sqlite_int(s, "SELECT coalesce(max(id), -1) FROM orders", &last, err);

	if (r == 0)
		r = dw_sqlite_exec(s, "DELETE FROM blocks WHERE block<0 OR block>(SELECT coalesce(max(id), -1) FROM orders)>>7",
				   err);
	for (int64_t b = 0; r == 0 && last >= 0 && b <= last >> DW_BLOCK_SHIFT; b++)
		r = renew(s, b, err);
	return r;
}
