/* sqlite.h: values a person set by hand. */
#include "sqlite.h"

int dw_sqlite_hand_put(struct dw_store *st, int64_t order, const struct dw_hand *h, struct dw_err *err)
{
	DW_BUF value = { 0 };
	DW_QUERY q = { 0 };
	int r;

	if (dw_facts_encode(&value, &h->value) < 0)
		return dw_err_oom(err);
	r = dw_query_open(&q, dw_sqlite_of(st),
			  "INSERT INTO hands(ord, field, at, by, base, value) VALUES(?,?,?,?,?,?)"
			  " ON CONFLICT(ord, field) DO UPDATE SET at=excluded.at, by=excluded.by, base=excluded.base,"
			  " value=excluded.value",
			  err);
	if (r < 0)
		return r;
	dw_bind_int(&q, order);
	dw_bind_int(&q, h->field);
	dw_bind_time(&q, h->at);
	dw_bind_text(&q, h->by);
	dw_bind_text(&q, h->base);
	dw_bind_blob(&q, value.p, value.n);
	return dw_query_run(&q, err);
}

int dw_sqlite_hand_drop(struct dw_store *st, int64_t order, enum dw_field x, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "DELETE FROM hands WHERE ord=? AND field=?", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, order);
	dw_bind_int(&q, x);
	return dw_query_run(&q, err);
}

static int take(struct dw_query *q, struct dw_hand *out, struct dw_err *err)
{
	struct dw_hand h = { 0 };
	const void *p;
	size_t n;
	int r;

	h.field = (enum dw_field)dw_col_range(q, 0, DW_FIELD_COUNT - 1);
	h.at = dw_col_time(q);
	h.by = dw_col_text(q);
	h.base = dw_col_text(q);
	p = dw_col_blob(q, &n);
	q->bad |= dw_facts_decode(&h.value, p, n) < 0;
	r = dw_query_check(q, err);
	if (r < 0)
		dw_hand_fini(&h);
	else
		*out = h;
	return r;
}

struct list {
	struct dw_hand h[DW_FIELD_COUNT]; /* the key allows one a field */
	size_t n;
};

static void list_fini(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		dw_hand_fini(&l->h[i]);
}

int dw_sqlite_hand_load(struct dw_store *st, int64_t order, struct dw_hand **out, size_t *n, struct dw_err *err)
{
	DW_CLEANUP(list_fini) struct list l = { .n = 0 };
	DW_QUERY q = { 0 };
	struct dw_hand *all;
	int r = dw_query_open(&q, dw_sqlite_of(st),
			      "SELECT field, at, by, base, value FROM hands WHERE ord=? ORDER BY field", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, order);
	while (l.n < DW_FIELD_COUNT && (r = dw_query_step(&q, err)) == 1) {
		r = take(&q, &l.h[l.n], err);
		if (r < 0)
			return r;
		l.n++;
	}
	if (r < 0)
		return r;
	all = dw_memdup(l.h, l.n * sizeof(*all));
	if (l.n && !all)
		return dw_err_oom(err);
	*out = all;
	*n = l.n;
	l.n = 0;
	return 0;
}
