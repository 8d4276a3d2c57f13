/* memory.h: orders. Ids only grow, so the array is in id order. */
#include "memory.h"

static size_t first_after(const struct dw_table *t, int64_t id)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (((struct dw_order_row *)dw_table_at(t, mid))->id <= id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct dw_order_row *dw_mem_order(struct dw_memstore *s, int64_t id)
{
	const struct dw_table *t = &s->t[MEM_ORDER];
	size_t i = id > 0 ? first_after(t, id - 1) : t->n;
	struct dw_order_row *row = i < t->n ? dw_table_at(t, i) : NULL;

	return row && row->id == id ? row : NULL;
}

int dw_mem_need_order(struct dw_memstore *s, int64_t id, struct dw_err *err)
{
	return dw_mem_order(s, id) ? 0 : dw_err_set(err, -ENOENT, "store: no such order");
}

static int give(const struct dw_order_row *row, struct dw_order_row *out, struct dw_err *err)
{
	struct dw_order_row copy;

	if (!row)
		return 1;
	if (dw_order_row_copy(&copy, row) < 0)
		return dw_err_oom(err);
	*out = copy;
	return 0;
}

static struct dw_order_row *by_key(struct dw_memstore *s, const char *feed, const char *order_id)
{
	DW_ROWS(s, MEM_ORDER, struct dw_order_row, o)
		if (strcmp(o->order_id, order_id) == 0 && strcmp(o->feed, feed) == 0)
			return o;
	return NULL;
}

static int order_find(struct dw_store *st, const char *feed, const char *order_id, struct dw_order_row *out,
		      struct dw_err *err)
{
	return give(by_key(dw_mem_of(st), feed, order_id), out, err);
}

static int order_get(struct dw_store *st, int64_t id, struct dw_order_row *out, struct dw_err *err)
{
	return give(dw_mem_order(dw_mem_of(st), id), out, err);
}

static int order_peek(struct dw_store *st, const char *feed, const char *order_id, int64_t *id, uint64_t *print,
		      bool *listed, DW_UNUSED struct dw_err *err)
{
	const struct dw_order_row *o = by_key(dw_mem_of(st), feed, order_id);

	if (!o)
		return 1;
	*id = o->id;
	*print = o->print;
	*listed = o->missing_since == DW_UNKNOWN && !o->gone;
	return 0;
}

static int insert(struct dw_memstore *s, struct dw_order_row *row, struct dw_err *err)
{
	struct dw_order_row next;

	if (by_key(s, row->feed, row->order_id))
		return dw_err_set(err, -EEXIST, "store: order %s of feed %s is there already", row->order_id,
				  row->feed);
	next = *row;
	next.id = s->last_id + 1;
	next.class = DW_UNDECIDED;
	if (dw_table_add(&s->t[MEM_ORDER], &next) < 0)
		return dw_err_oom(err);
	row->id = ++s->last_id;
	return 0;
}

/* Whole, but for the key. */
static int order_put(struct dw_store *st, struct dw_order_row *row, struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);
	struct dw_order_row *old, next = *row;
	struct dw_table *t = &s->t[MEM_ORDER];

	if (row->id == 0)
		return insert(s, row, err);
	old = dw_mem_order(s, row->id);
	if (!old)
		return dw_err_set(err, -ENOENT, "store: no such row");
	next.feed = old->feed;
	next.order_id = old->order_id;
	next.class = old->class;
	return dw_table_set(t, first_after(t, row->id - 1), &next) < 0 ? dw_err_oom(err) : 0;
}

static int order_decided(struct dw_store *st, int64_t id, const struct dw_memory *m, dw_time next_at, dw_time data_at,
			 uint64_t rules, int class, struct dw_err *err)
{
	struct dw_order_row *o = dw_mem_order(dw_mem_of(st), id);

	if (!o)
		return dw_err_set(err, -ENOENT, "store: no such row");
	o->memory = *m;
	o->next_at = next_at;
	o->data_at = data_at;
	o->rules = rules;
	o->class = class;
	return 0;
}

static int order_missing(struct dw_store *st, int64_t id, dw_time since, dw_time data, bool gone, struct dw_err *err)
{
	struct dw_order_row *o = dw_mem_order(dw_mem_of(st), id);

	if (!o)
		return dw_err_set(err, -ENOENT, "store: no such row");
	o->missing_since = since;
	o->missing_data = data;
	o->gone = gone;
	return 0;
}

/* ---- due ---- */
struct due {
	dw_time at;
	int64_t id;
};

static int by_time(const void *a, const void *b)
{
	const struct due *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static int orders_due(struct dw_store *st, dw_time now, int64_t *ids, int max, struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);
	DW_FREE struct due *due = dw_calloc(s->t[MEM_ORDER].n + 1, sizeof(*due));
	int n = 0;

	if (!due)
		return dw_err_oom(err);
	DW_ROWS(s, MEM_ORDER, struct dw_order_row, o)
		if (o->next_at != DW_NEVER && o->next_at <= now)
			due[n++] = (struct due){ o->next_at, o->id };
	qsort(due, (size_t)n, sizeof(*due), by_time);
	n = n < max ? n : max;
	for (int i = 0; i < n; i++)
		ids[i] = due[i].id;
	return n;
}

static int orders_next(struct dw_store *st, dw_time *next_at, DW_UNUSED struct dw_err *err)
{
	*next_at = DW_NEVER;
	DW_ROWS(dw_mem_of(st), MEM_ORDER, struct dw_order_row, o)
		if (o->next_at < *next_at)
			*next_at = o->next_at;
	return 0;
}

static int order_touch(struct dw_store *st, int64_t id, struct dw_err *err)
{
	struct dw_order_row *o = dw_mem_order(dw_mem_of(st), id);

	if (!o)
		return dw_err_set(err, -ENOENT, "store: no such row");
	o->next_at = 0;
	return 0;
}

static int touch_number(struct dw_store *st, const char *order_id, DW_UNUSED struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_ORDER, struct dw_order_row, o)
		if (strcmp(o->order_id, order_id) == 0)
			o->next_at = 0;
	return 0;
}

static int touch_feed(struct dw_store *st, const char *feed, DW_UNUSED struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_ORDER, struct dw_order_row, o)
		if (!feed || strcmp(o->feed, feed) == 0)
			o->next_at = 0;
	return 0;
}

static int touch_data(struct dw_store *st, const char *feed, dw_time data_time, DW_UNUSED struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_ORDER, struct dw_order_row, o)
		if (strcmp(o->feed, feed) == 0 && o->data_at != DW_NEVER && o->data_at < data_time)
			o->next_at = 0;
	return 0;
}

/* ---- walks: by id and over copies, since a callback may write ---- */
struct filter {
	const char *feed, *order_id; /* NULL: any */
};

static int walk(struct dw_memstore *s, const struct filter *want, dw_order_fn fn, void *ctx, struct dw_err *err)
{
	const struct dw_table *t = &s->t[MEM_ORDER];
	int64_t after = 0;
	size_t i;

	while ((i = first_after(t, after)) < t->n) {
		DW_CLEANUP(dw_order_row_fini) struct dw_order_row copy = { 0 };
		const struct dw_order_row *o = dw_table_at(t, i);
		int r;

		after = o->id;
		if ((want->feed && strcmp(want->feed, o->feed) != 0) ||
		    (want->order_id && strcmp(want->order_id, o->order_id) != 0))
			continue;
		r = give(o, &copy, err);
		if (r == 0)
			r = fn(ctx, &copy);
		if (r != 0)
			return r;
	}
	return 0;
}

static int order_each(struct dw_store *st, const char *feed, dw_order_fn fn, void *ctx, struct dw_err *err)
{
	return walk(dw_mem_of(st), &(struct filter){ .feed = feed }, fn, ctx, err);
}

static int order_by_number(struct dw_store *st, const char *order_id, dw_order_fn fn, void *ctx, struct dw_err *err)
{
	return walk(dw_mem_of(st), &(struct filter){ .order_id = order_id }, fn, ctx, err);
}

struct ids {
	dw_id_fn fn;
	void *ctx;
};

static int show_id(void *ctx, const struct dw_order_row *o)
{
	const struct ids *i = ctx;

	return o->gone ? 0 : i->fn(i->ctx, o->id, o->missing_since);
}

static int order_ids(struct dw_store *st, const char *feed, dw_id_fn fn, void *ctx, struct dw_err *err)
{
	return walk(dw_mem_of(st), &(struct filter){ .feed = feed }, show_id, &(struct ids){ fn, ctx }, err);
}

static int order_candidates(struct dw_store *st, DW_UNUSED const char *text, dw_text_fn fn, void *ctx,
			    DW_UNUSED struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_ORDER, struct dw_order_row, o) {
		int r = fn(ctx, o->order_id);

		if (r != 0)
			return r;
	}
	return 0;
}

void dw_mem_order_ops(struct dw_store_ops *ops)
{
	ops->order_find = order_find;
	ops->order_peek = order_peek;
	ops->order_get = order_get;
	ops->order_put = order_put;
	ops->order_decided = order_decided;
	ops->order_missing = order_missing;
	ops->orders_due = orders_due;
	ops->orders_next = orders_next;
	ops->order_touch = order_touch;
	ops->orders_touch_number = touch_number;
	ops->orders_touch_feed = touch_feed;
	ops->orders_touch_data = touch_data;
	ops->order_each = order_each;
	ops->order_ids = order_ids;
	ops->order_by_number = order_by_number;
	ops->order_candidates = order_candidates;
}
