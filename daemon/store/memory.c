/* memory.h: opening, transactions, and the small tables: values, feeds, people, history. */
#include "memory.h"

static void close_memory(struct dw_store *st)
{
	struct dw_memstore *s = dw_mem_of(st);

	for (int i = 0; i < MEM_TABLES; i++)
		dw_table_fini(&s->t[i]);
	free(s);
}

static void forget_before(struct dw_memstore *s)
{
	for (int i = 0; i < MEM_TABLES; i++)
		dw_table_fini(&s->before[i]);
}

static int begin(struct dw_store *st, struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);

	dw_table_init(s->before);
	s->last_id_before = s->last_id;
	for (int i = 0; i < MEM_TABLES; i++)
		if (dw_table_copy(&s->before[i], &s->t[i]) < 0) {
			forget_before(s);
			return dw_err_oom(err);
		}
	return 0;
}

static int commit(struct dw_store *st, DW_UNUSED struct dw_err *err)
{
	forget_before(dw_mem_of(st));
	return 0;
}

static void rollback(struct dw_store *st)
{
	struct dw_memstore *s = dw_mem_of(st);

	for (int i = 0; i < MEM_TABLES; i++) {
		dw_table_fini(&s->t[i]);
		s->t[i] = s->before[i];
	}
	dw_table_init(s->before);
	s->last_id = s->last_id_before;
}

static bool changed(DW_UNUSED struct dw_store *st)
{
	return false;
}

/* ---- small named values ---- */
static int meta_get(struct dw_store *st, const char *key, char **out, struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_META, struct dw_mem_text, m) {
		char *copy;

		if (strcmp(m->key, key) != 0)
			continue;
		copy = dw_strdup(m->value);
		if (!copy)
			return dw_err_oom(err);
		*out = copy;
		return 0;
	}
	return 1;
}

static int meta_put(struct dw_store *st, const char *key, const char *value, struct dw_err *err)
{
	struct dw_table *t = &dw_mem_of(st)->t[MEM_META];
	const struct dw_mem_text row = { (char *)(uintptr_t)key, (char *)(uintptr_t)value };
	size_t i = 0;

	while (i < t->n && strcmp(((struct dw_mem_text *)dw_table_at(t, i))->key, key) != 0)
		i++;
	if ((i < t->n ? dw_table_set(t, i, &row) : dw_table_add(t, &row)) < 0)
		return dw_err_oom(err);
	return 0;
}

/* ---- feeds ---- */
static int feed_get(struct dw_store *st, const char *name, struct dw_feed_row *out, struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_FEED, struct dw_feed_row, f) {
		struct dw_feed_row copy;

		if (strcmp(f->name, name) != 0)
			continue;
		if (dw_feed_row_copy(&copy, f) < 0)
			return dw_err_oom(err);
		*out = copy;
		return 0;
	}
	return 1;
}

static int feed_put(struct dw_store *st, const struct dw_feed_row *row, struct dw_err *err)
{
	struct dw_table *t = &dw_mem_of(st)->t[MEM_FEED];
	size_t i = 0;

	while (i < t->n && strcmp(((struct dw_feed_row *)dw_table_at(t, i))->name, row->name) != 0)
		i++;
	if ((i < t->n ? dw_table_set(t, i, row) : dw_table_add(t, row)) < 0)
		return dw_err_oom(err);
	return 0;
}

static int feed_each(struct dw_store *st, dw_feed_fn fn, void *ctx, DW_UNUSED struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_FEED, struct dw_feed_row, f) {
		int r = fn(ctx, f);

		if (r != 0)
			return r;
	}
	return 0;
}

/* ---- people ---- */
static int person_get(struct dw_store *st, const char *name, struct dw_person_row *out, DW_UNUSED struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_PERSON, struct dw_person_row, p) {
		if (strcmp(p->name, name) != 0)
			continue;
		*out = *p;
		return 0;
	}
	return 1;
}

static int person_put(struct dw_store *st, const struct dw_person_row *row, struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);

	DW_ROWS(s, MEM_PERSON, struct dw_person_row, p) {
		if (strcmp(p->name, row->name) != 0)
			continue;
		*p = *row;
		return 0;
	}
	return dw_table_add(&s->t[MEM_PERSON], row) < 0 ? dw_err_oom(err) : 0;
}

/* ---- history ---- */
static int history_add(struct dw_store *st, int64_t order, dw_time at, const char *text, struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);
	const struct dw_mem_history row = { order, at, (char *)(uintptr_t)text };
	int r = dw_mem_need_order(s, order, err);

	if (r < 0)
		return r;
	return dw_table_add(&s->t[MEM_HISTORY], &row) < 0 ? dw_err_oom(err) : 0;
}

static int history_each(struct dw_store *st, int64_t order, dw_history_fn fn, void *ctx, DW_UNUSED struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_HISTORY, struct dw_mem_history, h) {
		int r = h->order == order ? fn(ctx, h->at, h->text) : 0;

		if (r != 0)
			return r;
	}
	return 0;
}

/* Each handle has its own table: nothing shared, so nothing to lock. */
static const struct dw_store_ops *memory_ops(struct dw_store_ops *ops)
{
	*ops = (struct dw_store_ops){
		.close = close_memory,
		.begin = begin,
		.commit = commit,
		.rollback = rollback,
		.changed = changed,
		.meta_get = meta_get,
		.meta_put = meta_put,
		.feed_get = feed_get,
		.feed_put = feed_put,
		.feed_each = feed_each,
		.person_get = person_get,
		.person_put = person_put,
		.history_add = history_add,
		.history_each = history_each,
		.prune = dw_mem_prune,
	};
	dw_mem_order_ops(ops);
	dw_mem_overlay_ops(ops);
	dw_mem_alert_ops(ops);
	dw_mem_outbox_ops(ops);
	dw_mem_inbound_ops(ops);
	dw_mem_count_ops(ops);
	return ops;
}

int dw_store_memory_new(struct dw_store **out, struct dw_err *err)
{
	struct handle {
		struct dw_memstore s;
		struct dw_store_ops ops;
	} *h = dw_calloc(1, sizeof(*h));

	if (!h)
		return dw_err_oom(err);
	dw_table_init(h->s.t);
	dw_table_init(h->s.before);
	h->s.base.ops = memory_ops(&h->ops);
	*out = &h->s.base;
	return 0;
}
