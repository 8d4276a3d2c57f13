/* memory.h: overlays and hand-set values. */
#include "memory.h"

static size_t overlay_at(const struct dw_table *t, const char *feed, const char *order_id)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		const struct dw_mem_overlay *o = dw_table_at(t, i);

		if (strcmp(o->feed, feed) == 0 && strcmp(o->order_id, order_id) == 0)
			break;
	}
	return i;
}

static int overlay_put(struct dw_store *st, const char *feed, const char *order_id, const void *record, size_t n,
		       uint64_t print, struct dw_err *err)
{
	struct dw_table *t = &dw_mem_of(st)->t[MEM_OVERLAY];
	const struct dw_mem_overlay row = { (char *)(uintptr_t)feed, (char *)(uintptr_t)order_id,
					    (void *)(uintptr_t)record, n, print };
	size_t i = overlay_at(t, feed, order_id);

	return (i < t->n ? dw_table_set(t, i, &row) : dw_table_add(t, &row)) < 0 ? dw_err_oom(err) : 0;
}

static int overlay_get(struct dw_store *st, const char *feed, const char *order_id, struct dw_facts *out,
		       uint64_t *print, struct dw_err *err)
{
	const struct dw_table *t = &dw_mem_of(st)->t[MEM_OVERLAY];
	size_t i = overlay_at(t, feed, order_id);
	const struct dw_mem_overlay *o;
	int r;

	if (i == t->n)
		return 1;
	o = dw_table_at(t, i);
	r = dw_facts_decode(out, o->record ? o->record : "", o->n);
	if (r < 0)
		return dw_err_set(err, r, "the stored row of order %s of feed %s is damaged", order_id, feed);
	*print = o->print;
	return 0;
}

static int overlay_drop(struct dw_store *st, const char *feed, const char *order_id, DW_UNUSED struct dw_err *err)
{
	struct dw_table *t = &dw_mem_of(st)->t[MEM_OVERLAY];
	size_t i = overlay_at(t, feed, order_id);

	if (i < t->n)
		dw_table_drop(t, i);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int overlay_each(struct dw_store *st, const char *feed, dw_text_fn fn, void *ctx, struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);
	DW_FREE const char **id = dw_calloc(s->t[MEM_OVERLAY].n + 1, sizeof(*id));
	size_t n = 0;
	int r = 0;

	if (!id)
		return dw_err_oom(err);
	DW_ROWS(s, MEM_OVERLAY, struct dw_mem_overlay, o)
		if (strcmp(o->feed, feed) == 0)
			id[n++] = o->order_id;
	qsort(id, n, sizeof(*id), by_text);
	for (size_t i = 0; i < n && r == 0; i++)
		r = fn(ctx, id[i]);
	return r;
}

static bool is_known(struct dw_memstore *s, const char *order_id)
{
	DW_ROWS(s, MEM_ORDER, struct dw_order_row, o)
		if (strcmp(o->order_id, order_id) == 0)
			return true;
	return false;
}

static int overlay_unmatched(struct dw_store *st, const char *feed, int64_t *n, DW_UNUSED struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);

	*n = 0;
	DW_ROWS(s, MEM_OVERLAY, struct dw_mem_overlay, o)
		*n += strcmp(o->feed, feed) == 0 && !is_known(s, o->order_id);
	return 0;
}

/* ---- hand-set values ---- */
static size_t hand_at(const struct dw_table *t, int64_t order, enum dw_field x)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		const struct dw_mem_hand *h = dw_table_at(t, i);

		if (h->order == order && h->h.field == x)
			break;
	}
	return i;
}

static int hand_put(struct dw_store *st, int64_t order, const struct dw_hand *h, struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);
	struct dw_table *t = &s->t[MEM_HAND];
	const struct dw_mem_hand row = { order, *h };
	size_t i = hand_at(t, order, h->field);
	int r = dw_mem_need_order(s, order, err);

	if (r < 0)
		return r;
	return (i < t->n ? dw_table_set(t, i, &row) : dw_table_add(t, &row)) < 0 ? dw_err_oom(err) : 0;
}

static int hand_drop(struct dw_store *st, int64_t order, enum dw_field x, DW_UNUSED struct dw_err *err)
{
	struct dw_table *t = &dw_mem_of(st)->t[MEM_HAND];
	size_t i = hand_at(t, order, x);

	if (i < t->n)
		dw_table_drop(t, i);
	return 0;
}

static int hand_load(struct dw_store *st, int64_t order, struct dw_hand **out, size_t *n, struct dw_err *err)
{
	const struct dw_table *t = &dw_mem_of(st)->t[MEM_HAND];
	struct dw_hand *all = dw_calloc(DW_FIELD_COUNT, sizeof(*all));
	size_t k = 0;
	int r = 0;

	if (!all)
		return dw_err_oom(err);
	for (int x = 0; x < DW_FIELD_COUNT && r == 0; x++) {
		size_t i = hand_at(t, order, (enum dw_field)x);

		if (i < t->n)
			r = dw_hand_copy(&all[k++], &((struct dw_mem_hand *)dw_table_at(t, i))->h);
	}
	if (r < 0) {
		while (k > 0)
			dw_hand_fini(&all[--k]);
		free(all);
		return dw_err_oom(err);
	}
	*out = all;
	*n = k;
	return 0;
}

void dw_mem_overlay_ops(struct dw_store_ops *ops)
{
	ops->overlay_put = overlay_put;
	ops->overlay_get = overlay_get;
	ops->overlay_drop = overlay_drop;
	ops->overlay_each = overlay_each;
	ops->overlay_unmatched = overlay_unmatched;
	ops->hand_put = hand_put;
	ops->hand_drop = hand_drop;
	ops->hand_load = hand_load;
}
