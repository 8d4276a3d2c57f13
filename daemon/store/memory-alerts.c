/* memory.h: alerts, episodes, steps. */
#include "memory.h"

int dw_mem_episode_taken(struct dw_memstore *s, int64_t order, enum dw_side side, int64_t episode,
			 struct dw_err *err)
{
	const struct dw_mem_episode row = { order, episode, side };

	DW_ROWS(s, MEM_EPISODE, struct dw_mem_episode, e)
		if (e->order == order && e->side == side) {
			if (e->last < episode)
				e->last = episode;
			return 0;
		}
	return dw_table_add(&s->t[MEM_EPISODE], &row) < 0 ? dw_err_oom(err) : 0;
}

static int64_t episode_next(struct dw_store *st, int64_t order, enum dw_side side, DW_UNUSED struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_EPISODE, struct dw_mem_episode, e)
		if (e->order == order && e->side == side)
			return e->last + 1;
	return 1;
}

static struct dw_mem_alert *find(struct dw_memstore *s, int64_t order, enum dw_side side)
{
	DW_ROWS(s, MEM_ALERT, struct dw_mem_alert, a)
		if (a->order == order && a->a.side == side)
			return a;
	return NULL;
}

static int alert_put(struct dw_store *st, int64_t order, const struct dw_alert *a, struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);
	const struct dw_mem_alert row = { order, *a };
	struct dw_mem_alert *old = find(s, order, a->side);
	int r = dw_mem_need_order(s, order, err);

	if (r < 0)
		return r;
	if (old)
		*old = row;
	else if (dw_table_add(&s->t[MEM_ALERT], &row) < 0)
		return dw_err_oom(err);
	return dw_mem_episode_taken(s, order, a->side, a->episode, err);
}

static int alert_drop(struct dw_store *st, int64_t order, enum dw_side side, DW_UNUSED struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);
	const struct dw_mem_alert *old = find(s, order, side);

	if (old)
		dw_table_drop(&s->t[MEM_ALERT], (size_t)(old - (struct dw_mem_alert *)(void *)s->t[MEM_ALERT].p));
	return 0;
}

static int alert_load(struct dw_store *st, int64_t order, struct dw_alert out[DW_SIDE_COUNT],
		      DW_UNUSED struct dw_err *err)
{
	int n = 0;

	for (int side = 0; side < DW_SIDE_COUNT; side++) {
		const struct dw_mem_alert *a = find(dw_mem_of(st), order, (enum dw_side)side);

		if (a)
			out[n++] = a->a;
	}
	return n;
}

static int by_order(const void *a, const void *b)
{
	const struct dw_mem_alert *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->a.side > y->a.side) - (x->a.side < y->a.side);
}

static int alert_each(struct dw_store *st, dw_alert_fn fn, void *ctx, DW_UNUSED struct dw_err *err)
{
	struct dw_table *t = &dw_mem_of(st)->t[MEM_ALERT];

	if (t->n)
		qsort(t->p, t->n, t->each, by_order);
	DW_ROWS(dw_mem_of(st), MEM_ALERT, struct dw_mem_alert, a) {
		int r = fn(ctx, a->order, &a->a);

		if (r != 0)
			return r;
	}
	return 0;
}

/* ---- steps ---- */
static bool same_key(const struct dw_step_row *a, const struct dw_step_row *b)
{
	const struct dw_told *x = &a->told, *y = &b->told;

	return a->order == b->order && x->side == y->side && x->episode == y->episode && x->kind == y->kind &&
	       x->act_by == y->act_by && x->number == y->number && strcmp(x->step, y->step) == 0 &&
	       strcmp(a->person, b->person) == 0;
}

static int need_mail(struct dw_memstore *s, int64_t mail, struct dw_err *err)
{
	return !mail || dw_mem_mail(s, mail) ? 0 : dw_err_set(err, -ENOENT, "store: no such mail");
}

static int step_add(struct dw_store *st, struct dw_step_row *row, struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);
	struct dw_step_row next = *row;
	int r;

	DW_ROWS(s, MEM_STEP, struct dw_step_row, old)
		if (same_key(old, row))
			return 1;
	r = dw_mem_need_order(s, row->order, err);
	if (r == 0)
		r = need_mail(s, row->mail, err);
	if (r < 0)
		return r;
	next.told.id = s->last_id + 1;
	next.told.person = -1;
	if (dw_table_add(&s->t[MEM_STEP], &next) < 0)
		return dw_err_oom(err);
	row->told.id = ++s->last_id;
	return dw_mem_episode_taken(s, row->order, row->told.side, row->told.episode, err);
}

static int step_set(struct dw_store *st, int64_t id, enum dw_step_state state, int64_t mail, dw_time at,
		    struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);
	int r = need_mail(s, mail, err);

	if (r < 0)
		return r;
	DW_ROWS(s, MEM_STEP, struct dw_step_row, row)
		if (row->told.id == id) {
			row->told.state = state;
			row->told.at = at;
			row->mail = mail;
			return 0;
		}
	return dw_err_set(err, -ENOENT, "store: no such row");
}

static int step_hold(struct dw_store *st, int64_t id, struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_STEP, struct dw_step_row, row)
		if (row->told.id == id && row->told.state == DW_STEP_WAITING) {
			row->told.deliver = DW_DELIVER_HELD;
			return 0;
		}
	return dw_err_set(err, -ENOENT, "store: no such row");
}

static int step_each(struct dw_store *st, int64_t order, enum dw_side side, int64_t episode, dw_step_fn fn, void *ctx,
		     DW_UNUSED struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_STEP, struct dw_step_row, row) {
		bool fits = row->order == order &&
			    (!episode || (row->told.side == side && row->told.episode == episode));
		int r = fits ? fn(ctx, row) : 0;

		if (r != 0)
			return r;
	}
	return 0;
}

static int step_told(struct dw_store *st, int64_t order, enum dw_side side, int64_t episode, const char *person,
		     DW_UNUSED struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_STEP, struct dw_step_row, row)
		if (row->order == order && row->told.side == side && row->told.episode == episode &&
		    row->told.kind != DW_NO_KIND && row->told.state != DW_STEP_COVERED && strcmp(row->person, person) == 0)
			return 1;
	return 0;
}

static int by_person(const void *a, const void *b)
{
	const struct dw_step_row *x = *(struct dw_step_row *const *)a, *y = *(struct dw_step_row *const *)b;
	int r = strcmp(x->person, y->person);

	if (r == 0)
		r = (x->order > y->order) - (x->order < y->order);
	return r ? r : (x->told.id > y->told.id) - (x->told.id < y->told.id);
}

static int step_waiting(struct dw_store *st, const char *person, dw_step_fn fn, void *ctx, struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);
	DW_FREE const struct dw_step_row **list = dw_calloc(s->t[MEM_STEP].n + 1, sizeof(*list));
	size_t n = 0;
	int r = 0;

	if (!list)
		return dw_err_oom(err);
	DW_ROWS(s, MEM_STEP, struct dw_step_row, row)
		if (row->told.state == DW_STEP_WAITING && (!person || strcmp(row->person, person) == 0))
			list[n++] = row;
	qsort(list, n, sizeof(*list), by_person);
	for (size_t i = 0; i < n && r == 0; i++)
		r = fn(ctx, list[i]);
	return r;
}

static int step_of_mail(struct dw_store *st, int64_t mail, dw_step_fn fn, void *ctx, DW_UNUSED struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_STEP, struct dw_step_row, row) {
		int r = mail && row->mail == mail ? fn(ctx, row) : 0;

		if (r != 0)
			return r;
	}
	return 0;
}

void dw_mem_alert_ops(struct dw_store_ops *ops)
{
	ops->alert_put = alert_put;
	ops->alert_drop = alert_drop;
	ops->alert_load = alert_load;
	ops->alert_each = alert_each;
	ops->episode_next = episode_next;
	ops->step_add = step_add;
	ops->step_set = step_set;
	ops->step_hold = step_hold;
	ops->step_each = step_each;
	ops->step_told = step_told;
	ops->step_waiting = step_waiting;
	ops->step_of_mail = step_of_mail;
}
