/* sqlite.h: one order at a time: finding, reading, writing. */
#include "sqlite-orders.h"

int dw_order_take(struct dw_query *q, struct dw_order_row *out, struct dw_err *err)
{
	struct dw_order_row row = { 0 };
	const void *p;
	size_t n;
	int r;

	row.id = dw_col_int(q);
	row.feed = dw_col_text(q);
	row.order_id = dw_col_text(q);
	row.print = (uint64_t)dw_col_int(q);
	row.missing_since = dw_col_time(q);
	row.gone = dw_col_bool(q);
	row.next_at = dw_col_due(q);
	row.data_at = dw_col_due(q);
	row.rules = (uint64_t)dw_col_int(q);
	row.class = dw_col_range(q, DW_UNDECIDED, DW_CLASSES - 1);
	row.missing_data = dw_col_time(q);
	row.close_note = dw_col_text(q);
	row.close_by = dw_col_text(q);
	p = dw_col_blob(q, &n);
	q->bad |= dw_memory_decode(&row.memory, p, n) < 0;
	p = dw_col_blob(q, &row.n_record);
	row.record = dw_memdup(p, row.n_record);
	q->oom |= row.n_record && !row.record;
	q->bad |= !row.feed || !row.order_id;
	r = dw_query_check(q, err);
	if (r < 0)
		dw_order_row_fini(&row);
	else
		*out = row;
	return r;
}

static int one(struct dw_query *q, struct dw_order_row *out, struct dw_err *err)
{
	int r = dw_query_step(q, err);

	if (r <= 0)
		return r < 0 ? r : 1;
	return dw_order_take(q, out, err);
}

int dw_sqlite_order_find(struct dw_store *st, const char *feed, const char *order_id, struct dw_order_row *out,
			 struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int64_t f = dw_sqlite_feed(dw_sqlite_of(st), feed, false, err);
	int r;

	if (f <= 0)
		return f < 0 ? (int)f : 1;
	r = dw_query_open(&q, dw_sqlite_of(st), DW_ORDER_SELECT " WHERE o.feed=? AND o.order_id=?", err);
	if (r < 0)
		return r;
	dw_bind_int(&q, f);
	dw_bind_text(&q, order_id);
	return one(&q, out, err);
}

int dw_sqlite_order_get(struct dw_store *st, int64_t id, struct dw_order_row *out, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), DW_ORDER_SELECT " WHERE o.id=?", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, id);
	return one(&q, out, err);
}

int dw_sqlite_order_peek(struct dw_store *st, const char *feed, const char *order_id, int64_t *id, uint64_t *print,
			 bool *listed, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	int64_t f = dw_sqlite_feed(s, feed, false, err);
	struct dw_peek p;
	int r;

	if (f <= 0)
		return f < 0 ? (int)f : 1;
	r = dw_lookup(s, f, order_id, &p, err);
	if (r != 0)
		return r;
	*id = p.id;
	*print = p.print;
	*listed = p.listed;
	return 0;
}

static int insert(struct dw_sqlite *s, struct dw_order_row *row, const struct dw_buf *memory, struct dw_err *err)
{
	int64_t feed = dw_sqlite_feed(s, row->feed, true, err);
	int r = feed < 0 ? (int)feed : dw_lookup_taken(s, feed, row->order_id, err);

	if (r == 0)
		r = dw_insert_order(s, feed, row, memory, err);
	if (r < 0)
		return r;
	dw_lookup_added(s, feed, row->order_id);
	return dw_block_touch(s, row->id, err);
}

static int update(struct dw_sqlite *s, const struct dw_order_row *row, const struct dw_buf *memory,
		  struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "UPDATE orders SET print=?, missing_since=?, gone=?, next_at=?, data_at=?, rules=?,"
			      " missing_data=?, close_note=?, close_by=?, memory=?, record=? WHERE id=?",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, (int64_t)row->print);
	dw_bind_time(&q, row->missing_since);
	dw_bind_int(&q, row->gone);
	dw_bind_due(&q, row->next_at);
	dw_bind_due(&q, row->data_at);
	dw_bind_int(&q, (int64_t)row->rules);
	dw_bind_time(&q, row->missing_data);
	dw_bind_text(&q, row->close_note);
	dw_bind_text(&q, row->close_by);
	dw_bind_blob(&q, memory->p, memory->n);
	dw_bind_blob(&q, row->record, row->n_record);
	dw_bind_int(&q, row->id);
	dw_window_drop(s, row->id);
	r = dw_query_one(&q, err);
	return r < 0 ? r : dw_block_touch(s, row->id, err);
}

int dw_sqlite_order_put(struct dw_store *st, struct dw_order_row *row, struct dw_err *err)
{
	DW_BUF memory = { 0 };

	if (dw_memory_encode(&memory, &row->memory) < 0)
		return dw_err_oom(err);
	return row->id ? update(dw_sqlite_of(st), row, &memory, err) : insert(dw_sqlite_of(st), row, &memory, err);
}

int dw_sqlite_order_decided(struct dw_store *st, int64_t id, const struct dw_memory *m, dw_time next_at,
			    dw_time data_at, uint64_t rules, int class, struct dw_err *err)
{
	DW_BUF memory = { 0 };
	DW_QUERY q = { 0 };
	int r;

	if (dw_memory_encode(&memory, m) < 0)
		return dw_err_oom(err);
	r = dw_query_open(&q, dw_sqlite_of(st),
			  "UPDATE orders SET next_at=?, data_at=?, rules=?, class=?, memory=? WHERE id=?", err);
	if (r < 0)
		return r;
	dw_bind_due(&q, next_at);
	dw_bind_due(&q, data_at);
	dw_bind_int(&q, (int64_t)rules);
	dw_bind_int(&q, class);
	dw_bind_blob(&q, memory.p, memory.n);
	dw_bind_int(&q, id);
	r = dw_query_one(&q, err);
	return r < 0 ? r : dw_block_touch(dw_sqlite_of(st), id, err);
}

int dw_sqlite_order_missing(struct dw_store *st, int64_t id, dw_time since, dw_time data, bool gone,
			    struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st),
			      "UPDATE orders SET missing_since=?, missing_data=?, gone=? WHERE id=?", err);

	if (r < 0)
		return r;
	dw_bind_time(&q, since);
	dw_bind_time(&q, data);
	dw_bind_int(&q, gone);
	dw_bind_int(&q, id);
	dw_window_drop(dw_sqlite_of(st), id);
	return dw_query_one(&q, err);
}
