/* sqlite.h: new orders, written 32 at a time: a statement for each would cost nearly as much again as the writing.
 *
 * They get their ids at once and wait here until there are 32, or any other statement is opened, or the transaction
 * commits; so nothing can see them missing. Whether the key is free was asked before (sqlite-lookup.c). */
#include "sqlite.h"

enum { PENDING_ROWS = 32, PENDING_POOL = 32 * 1024 };

struct pending_row {
	struct dw_order_row row; /* its texts and blobs are in the pool */
	int64_t feed;
	const void *memory;
	size_t n_memory;
};

struct dw_pending {
	struct pending_row row[PENDING_ROWS];
	int n;
	bool flushing;
	int64_t next_id; /* 0: not known in this transaction */
	char pool[PENDING_POOL];
	size_t used;
};

#define INSERT                                                                                                         \
	"INSERT INTO orders(id, feed, order_id, print, missing_since, gone, next_at, data_at, rules, missing_data,"    \
	" close_note, close_by, memory, record) VALUES "
#define ONE "(?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
#define FOUR ONE "," ONE "," ONE "," ONE
#define SIXTEEN FOUR "," FOUR "," FOUR "," FOUR

static void bind_row(struct dw_query *q, const struct pending_row *p)
{
	const struct dw_order_row *row = &p->row;

	dw_bind_int(q, row->id);
	dw_bind_int(q, p->feed);
	dw_bind_text(q, row->order_id);
	dw_bind_int(q, (int64_t)row->print);
	dw_bind_time(q, row->missing_since);
	dw_bind_int(q, row->gone);
	dw_bind_due(q, row->next_at);
	dw_bind_due(q, row->data_at);
	dw_bind_int(q, (int64_t)row->rules);
	dw_bind_time(q, row->missing_data);
	dw_bind_text(q, row->close_note);
	dw_bind_text(q, row->close_by);
	dw_bind_blob(q, p->memory, p->n_memory);
	dw_bind_blob(q, row->record, row->n_record);
}

static int write_rows(struct dw_sqlite *s, const struct pending_row *p, int n, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = n == PENDING_ROWS ? dw_query_open(&q, s, INSERT SIXTEEN "," SIXTEEN, err) :
				    dw_query_open(&q, s, INSERT ONE, err);

	if (r < 0)
		return r;
	for (int i = 0; i < n; i++)
		bind_row(&q, &p[i]);
	return dw_query_run(&q, err);
}

int dw_insert_flush(struct dw_sqlite *s, struct dw_err *err)
{
	struct dw_pending *w = s->pending;
	int n = w ? w->n : 0, r = 0;

	if (n == 0 || w->flushing)
		return 0;
	w->flushing = true;
	if (n == PENDING_ROWS)
		r = write_rows(s, w->row, n, err);
	for (int i = 0; i < n && n < PENDING_ROWS && r == 0; i++)
		r = write_rows(s, &w->row[i], 1, err);
	w->flushing = false;
	w->n = 0;
	w->used = 0;
	s->broken |= r < 0; /* whoever made us write may not care, but these orders were promised */
	return r;
}

void dw_insert_drop(struct dw_sqlite *s)
{
	if (!s->pending)
		return;
	s->pending->n = 0;
	s->pending->used = 0;
	s->pending->next_id = 0;
}

bool dw_insert_find(struct dw_sqlite *s, int64_t feed, const char *order_id, struct dw_peek *out)
{
	const struct dw_pending *w = s->pending;

	for (int i = w ? w->n - 1 : -1; i >= 0; i--) {
		const struct dw_order_row *row = &w->row[i].row;

		if (w->row[i].feed != feed || strcmp(row->order_id, order_id) != 0)
			continue;
		*out = (struct dw_peek){ row->id, row->print, row->missing_since == DW_UNKNOWN && !row->gone };
		return true;
	}
	return false;
}

static void *keep(struct dw_pending *w, const void *p, size_t n)
{
	void *to = w->pool + w->used;

	if (!p)
		return NULL;
	memcpy(to, p, n);
	w->used += n;
	return to;
}

static char *keep_text(struct dw_pending *w, const char *s)
{
	return keep(w, s, s ? strlen(s) + 1 : 0);
}

static size_t size_of(const struct dw_order_row *row, size_t n_memory)
{
	size_t n = strlen(row->order_id) + 1 + row->n_record + n_memory;

	n += row->close_note ? strlen(row->close_note) + 1 : 0;
	return n + (row->close_by ? strlen(row->close_by) + 1 : 0);
}

static int next_id(struct dw_sqlite *s, struct dw_err *err)
{
	int64_t last = 0;
	int r;

	if (s->pending->next_id > 0)
		return 0;
	r = dw_sqlite_int(s, "SELECT coalesce(max(id), 0) FROM orders", &last, err);
	if (r == 0 && (last < 0 || last == INT64_MAX))
		r = dw_err_set(err, -EBADMSG, "%s: an order's id is out of range", s->path);
	if (r == 0)
		s->pending->next_id = last + 1;
	return r;
}

int dw_insert_order(struct dw_sqlite *s, int64_t feed, struct dw_order_row *row, const struct dw_buf *memory,
		    struct dw_err *err)
{
	struct dw_pending *w = s->pending;
	struct pending_row p = { *row, feed, memory->p, memory->n };
	int r = dw_sqlite_undone(s, err);

	if (r < 0)
		return r;
	if (!w)
		w = s->pending = dw_calloc(1, sizeof(*w));
	if (!w)
		return dw_err_oom(err);
	if (w->n == PENDING_ROWS || size_of(row, memory->n) > PENDING_POOL - w->used) {
		r = dw_insert_flush(s, err);
		if (r < 0)
			return r;
	}
	r = next_id(s, err);
	if (r < 0)
		return r;
	p.row.id = w->next_id;
	if (size_of(row, memory->n) > PENDING_POOL) { /* too big to wait */
		r = write_rows(s, &p, 1, err);
		if (r < 0)
			return r;
	} else {
		p.row.order_id = keep_text(w, row->order_id);
		p.row.close_note = keep_text(w, row->close_note);
		p.row.close_by = keep_text(w, row->close_by);
		p.row.record = keep(w, row->record, row->n_record);
		p.memory = keep(w, memory->p, memory->n);
		w->row[w->n++] = p;
	}
	row->id = w->next_id++;
	return 0;
}
