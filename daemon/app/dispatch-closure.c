/* engine-impl.h: before a closure each person hears once, ten and three working days ahead, what falls into it. What was
 * told stands in the store's meta, by person, written in the transaction that makes the mail. */
#include "dispatch-view.h"

#include <jansson.h>
#include <stdio.h>

/* One notice that is owed. */
struct owed {
	int person;
	struct dw_closure closure;
};

struct entry {
	int64_t order;
	dw_time act_by;
	uint32_t owed; /* index */
	enum dw_side side;
};

struct found {
	struct dw_engine *e;
	const struct owed *owed;
	size_t n_owed;
	struct entry *p;
	size_t n, cap;
	dw_time now;
	int r;
	struct dw_err *err;
};

/* ---- what was told ---- */

static void key_of(char out[96], const char *person)
{
	snprintf(out, 96, "closures|%.64s", person);
}

/* "first last before" a line: true if a notice as late as this was given of days it shares. */
static bool told(const char *text, const struct dw_closure *c)
{
	int first, last, before;

	for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (sscanf(p, "%d %d %d", &first, &last, &before) == 3 && first <= c->last && last >= c->first && before <= c->before)
			return true;
	return false;
}

static int note_told(struct dw_engine *e, const char *key, const char *text, const struct dw_closure *c, int32_t today,
		     struct dw_err *err)
{
	int first, last, before;
	DW_BUF b = { 0 };

	for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (sscanf(p, "%d %d %d", &first, &last, &before) == 3 && last >= today - 7 && b.n < 3000)
			dw_buf_printf(&b, "%d %d %d\n", first, last, before);
	dw_buf_printf(&b, "%d %d %d\n", c->first, c->last, c->before);
	return b.failed ? dw_err_oom(err) : dw_store_meta_put(e->store, key, b.p, err);
}

/* ---- what falls into it ---- */

static int on_order(void *ctx, const struct dw_order_row *row)
{
	struct found *f = ctx;
	struct dw_case c;

	if (row->gone || row->class == dw_class_of(DW_QUIET))
		return 0;
	f->r = dw_case_load(f->e, row->id, f->now, &c, f->err);
	if (f->r == -EBADMSG || f->r == -E2BIG || f->r > 0) { /* damaged: said where it is decided */
		f->r = 0;
		return 0;
	}
	if (f->r < 0)
		return 1;
	for (size_t i = 0; c.feed && i < f->n_owed; i++)
		for (int s = 0; c.owner == f->owed[i].person && s < DW_SIDE_COUNT; s++) {
			const struct dw_finding *x = &c.plan.finding[s];
			dw_time by = x->act_by;

			if (x->kind == DW_NO_KIND || by == DW_UNKNOWN || by < f->owed[i].closure.from || by >= f->owed[i].closure.to)
				continue;
			if (dw_grow(&f->p, &f->cap, f->n + 1, sizeof(*f->p)) < 0)
				f->r = dw_err_oom(f->err);
			else
				f->p[f->n++] = (struct entry){ row->id, by, (uint32_t)i, (enum dw_side)s };
		}
	dw_case_fini(&c);
	return f->r < 0;
}

static int by_act_by(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->owed != y->owed)
		return x->owed < y->owed ? -1 : 1;
	if (x->act_by != y->act_by)
		return x->act_by < y->act_by ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* All of it in one walk over the orders, however many people leave on the same day. */
static int find_all(struct found *f)
{
	int r = dw_store_order_each(f->e->store, NULL, on_order, f, f->err);

	if (f->r < 0)
		r = f->r;
	if (r >= 0 && f->n)
		qsort(f->p, f->n, sizeof(*f->p), by_act_by);
	return r < 0 ? r : 0;
}

/* The items of one notice. */
static int gather(struct found *f, uint32_t owed, struct dw_gathered *out)
{
	struct dw_gathered g = { 0 };
	int r = 0;

	g.cases = dw_calloc(DW_FOLD_ITEMS, sizeof(*g.cases));
	g.item = dw_calloc(DW_FOLD_ITEMS, sizeof(*g.item));
	if (!g.cases || !g.item)
		r = dw_err_oom(f->err);
	for (size_t i = 0; r >= 0 && i < f->n; i++) {
		if (f->p[i].owed != owed)
			continue;
		if (g.n == DW_FOLD_ITEMS) {
			g.more++;
			continue;
		}
		r = dw_case_load(f->e, f->p[i].order, f->now, &g.cases[g.n], f->err);
		if (r != 0)
			continue;
		g.cases[g.n].sources.main = &g.cases[g.n].main;
		dw_case_item(&g.cases[g.n], f->p[i].side, &g.item[g.n], f->e->config);
		g.item[g.n].step = "closure";
		g.n++;
	}
	if (r < 0) {
		dw_gathered_fini(&g);
		return r;
	}
	*out = g;
	return 0;
}

int dw_gather_closure(struct dw_engine *e, int person, const struct dw_closure *c, dw_time now, struct dw_gathered *out,
		      struct dw_err *err)
{
	struct owed one = { .person = person, .closure = *c };
	struct found f = { .e = e, .owed = &one, .n_owed = 1, .now = now, .err = err };
	int r = find_all(&f);

	if (r == 0)
		r = gather(&f, 0, out);
	free(f.p);
	return r;
}

/* ---- as a mail's model ---- */

char *dw_closure_model(const struct dw_engine *e, int person, const struct dw_closure *c)
{
	json_t *o = json_pack("{s:i,s:i,s:I,s:I,s:i,s:s}", "first", (int)c->first, "last", (int)c->last, "from", (json_int_t)c->from,
			      "to", (json_int_t)c->to, "before", c->before, "of", e->config->people.p[person].name);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	return text;
}

bool dw_closure_from_model(const struct dw_engine *e, const char *model, struct dw_closure *out, int *person)
{
	json_t *o = model ? json_loads(model, 0, NULL) : NULL;
	json_int_t from, to;
	const char *of;
	int first, last, before;
	bool ok = o && json_unpack(o, "{s:i,s:i,s:I,s:I,s:i,s:s}", "first", &first, "last", &last, "from", &from, "to", &to, "before",
				   &before, "of", &of) == 0;

	if (ok) {
		*out = (struct dw_closure){ .first = first, .last = last, .from = from, .to = to, .before = before, .at = DW_UNKNOWN };
		*person = dw_people_find(&e->config->people, of);
		ok = *person >= 0 && first <= last && before > 0;
	}
	json_decref(o);
	return ok;
}

/* ---- the story ---- */

static int owed_to(struct dw_engine *e, int person, dw_time now, struct owed **list, size_t *n, size_t *cap, dw_time *next,
		   struct dw_err *err)
{
	struct dw_closure c[DW_CLOSURES_MAX];
	const char *name = e->config->people.p[person].name;
	size_t found = dw_closures_ahead(&e->config->people, person, now, c, next);
	char key[96];
	int r = 0;

	key_of(key, name);
	for (size_t i = 0; r >= 0 && i < found; i++) {
		DW_FREE char *text = NULL;

		if (c[i].before == 0)
			continue;
		r = dw_store_meta_get(e->store, key, &text, err);
		if (r < 0 || (r == 0 && told(text, &c[i])))
			continue;
		r = note_told(e, key, text, &c[i], dw_zone_day(e->config->people.p[person].zone, now), err);
		if (r >= 0 && dw_grow(list, cap, *n + 1, sizeof(**list)) < 0)
			r = dw_err_oom(err);
		if (r >= 0)
			(*list)[(*n)++] = (struct owed){ person, c[i] };
	}
	return r < 0 ? r : 0;
}

int dw_dispatch_closures(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	struct owed *list = NULL;
	struct found f;
	size_t n = 0, cap = 0;
	dw_time next = DW_NEVER, t;
	int r = 0;

	if (e->closures_at != DW_UNKNOWN && e->closures_at > now)
		return 0;
	for (size_t i = 0; r == 0 && i < e->config->people.n; i++) {
		r = owed_to(e, (int)i, now, &list, &n, &cap, &t, err);
		if (t < next)
			next = t;
	}
	f = (struct found){ .e = e, .owed = list, .n_owed = n, .now = now, .err = err };
	if (r == 0 && n)
		r = find_all(&f);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct dw_gathered g = { 0 };

		r = gather(&f, (uint32_t)i, &g);
		if (r == 0 && g.n) /* nothing falls into it: no mail */
			r = dw_dispatch_closure_mail(e, list[i].person, &list[i].closure, &g, now, err);
		dw_gathered_fini(&g);
	}
	free(f.p);
	free(list);
	if (r == 0)
		e->closures_at = next;
	return r < 0 ? r : 0;
}
