/* dispatch-view.h */
#include "dispatch-view.h"

#include <stdio.h>

int dw_step_list_add(void *list, const struct dw_step_row *row)
{
	struct dw_step_list *l = list;

	if (dw_grow(&l->p, &l->cap, l->n + 1, sizeof(*l->p)) < 0) {
		l->oom = true;
		return 1;
	}
	l->p[l->n++] = *row;
	return 0;
}

void dw_step_list_fini(struct dw_step_list *l)
{
	free(l->p);
	*l = (struct dw_step_list){ 0 };
}

void dw_gathered_fini(struct dw_gathered *g)
{
	for (size_t i = 0; g->cases && i < g->n; i++)
		dw_case_fini(&g->cases[i]);
	free(g->cases);
	free(g->item);
	*g = (struct dw_gathered){ 0 };
}

/* As dw_case_load; an order whose record is damaged is said and left out (1): it must not hold everybody's mail back. */
static int load_sound(struct dw_engine *e, int64_t order, dw_time now, struct dw_case *out, struct dw_err *err)
{
	int r = dw_case_load(e, order, now, out, err);

	if (r != -EBADMSG && r != -E2BIG)
		return r;
	dw_engine_log(e, DW_LOG_ERROR, "left out of a mail: %s", err ? err->text : "a damaged record");
	return 1;
}

/* bare: without a case behind each. */
static int room(struct dw_gathered *g, size_t n, bool bare)
{
	if (n > DW_FOLD_ITEMS)
		n = DW_FOLD_ITEMS;
	g->cases = bare ? NULL : dw_calloc(n ? n : 1, sizeof(*g->cases));
	g->item = dw_calloc(n ? n : 1, sizeof(*g->item));
	return (bare || g->cases) && g->item ? 0 : -ENOMEM;
}

/* Urgent first, then by deadline; undated last. */
static int by_urgency(const void *a, const void *b)
{
	const struct dw_step_row *const *x = a, *const *y = b;
	dw_time tx = (*x)->told.act_by, ty = (*y)->told.act_by;

	if ((*x)->told.urgent != (*y)->told.urgent)
		return (*x)->told.urgent ? -1 : 1;
	if (tx == DW_UNKNOWN)
		tx = DW_NEVER;
	if (ty == DW_UNKNOWN)
		ty = DW_NEVER;
	if (tx != ty)
		return tx < ty ? -1 : 1;
	return (*x)->order < (*y)->order ? -1 : (*x)->order > (*y)->order;
}

/* What a resolved is about: the last kind its people were told of in that episode. */
static void resolved_item(struct dw_mail_item *item, const struct dw_case *c, const struct dw_told *r)
{
	dw_time at = DW_UNKNOWN;

	item->resolved = true;
	item->step = "resolved";
	item->urgent = false;
	for (size_t i = 0; i < c->n_told; i++) {
		const struct dw_told *t = &c->told[i];

		if (t->side == r->side && t->episode == r->episode && t->kind != DW_NO_KIND && t->at >= at &&
		    (t->state == DW_STEP_MAILED || t->state == DW_STEP_SPARED)) {
			at = t->at;
			item->kind = t->kind;
			item->act_by = t->act_by;
		}
	}
}

static void step_item(struct dw_mail_item *item, const struct dw_case *c, const struct dw_step_row *step,
		      const struct dw_config *config)
{
	const struct dw_told *t = &step->told;

	dw_case_item(c, t->side, item, config);
	item->episode = t->episode;
	if (t->kind == DW_NO_KIND) {
		resolved_item(item, c, t);
		return;
	}
	item->kind = t->kind;
	item->act_by = t->act_by;
	item->step = step->told.step;
	item->urgent = t->urgent;
	item->ladder = &config->ladder[t->kind];
}

/* What a subject counts by; no case behind it. */
static struct dw_mail_item bare_item(int64_t order, const struct dw_alert *a)
{
	return (struct dw_mail_item){ .order_row = order, .side = a->side, .kind = a->kind, .act_by = a->act_by,
				      .dormant = a->dormant, .step = "" };
}

static int bare_step(struct dw_engine *e, struct dw_mail_item *item, const struct dw_step_row *step, struct dw_err *err)
{
	struct dw_alert a[DW_SIDE_COUNT];
	int n = dw_store_alert_load(e->store, step->order, a, err);

	*item = (struct dw_mail_item){ .order_row = step->order, .side = step->told.side, .kind = step->told.kind,
				       .act_by = step->told.act_by, .step = step->told.step, .urgent = step->told.urgent,
				       .resolved = step->told.kind == DW_NO_KIND };
	for (int i = 0; i < n; i++)
		item->dormant |= a[i].side == item->side && a[i].kind == item->kind && a[i].dormant;
	return n < 0 ? n : 0;
}

static bool many_orders(const struct dw_step_row *step, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (step[i].order != step[0].order)
			return true;
	return false;
}

int dw_gather_steps(struct dw_engine *e, const struct dw_step_row *step, size_t n, const struct dw_note *why_you, dw_time now,
		    struct dw_gathered *out, struct dw_err *err)
{
	const struct dw_step_row **sorted = dw_calloc(n ? n : 1, sizeof(*sorted));
	struct dw_gathered g = { 0 };
	bool bare = e->bare && many_orders(step, n); /* of one order the subject says more */
	int r = 0;

	if (!sorted || room(&g, n, bare) < 0) {
		free(sorted);
		dw_gathered_fini(&g);
		return dw_err_oom(err);
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = &step[i];
	qsort(sorted, n, sizeof(*sorted), by_urgency);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (g.n == DW_FOLD_ITEMS) {
			g.more = n - i;
			break;
		}
		if (bare) {
			r = bare_step(e, &g.item[g.n++], sorted[i], err);
			continue;
		}
		r = load_sound(e, sorted[i]->order, now, &g.cases[g.n], err);
		if (r == 0 && !g.cases[g.n].feed)
			dw_case_fini(&g.cases[g.n]);
		else if (r == 0) {
			step_item(&g.item[g.n], &g.cases[g.n], sorted[i], e->config);
			g.item[g.n].why_you = why_you;
			r = dw_proof_load(e, &g.cases[g.n], &g.item[g.n], err);
			g.n++;
		}
		if (r > 0)
			r = 0;
	}
	free(sorted);
	if (r < 0) {
		dw_gathered_fini(&g);
		return r;
	}
	*out = g;
	return 0;
}

/* ---- everything open for a person ---- */

struct open_alert {
	int64_t order;
	struct dw_alert alert;
};

struct open_list {
	struct open_alert *p;
	size_t n, cap;
	bool oom;
};

static int take_alert(void *ctx, int64_t order, const struct dw_alert *a)
{
	struct open_list *l = ctx;

	if (a->kind == DW_NO_KIND)
		return 0;
	if (dw_grow(&l->p, &l->cap, l->n + 1, sizeof(*l->p)) < 0) {
		l->oom = true;
		return 1;
	}
	l->p[l->n++] = (struct open_alert){ order, *a };
	return 0;
}

static int by_act_by(const void *a, const void *b)
{
	const struct open_alert *x = a, *y = b;
	dw_time tx = x->alert.act_by, ty = y->alert.act_by;

	if (tx == DW_UNKNOWN)
		tx = DW_NEVER;
	if (ty == DW_UNKNOWN)
		ty = DW_NEVER;
	if (tx != ty)
		return tx < ty ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

int dw_gather_open(struct dw_engine *e, int person, dw_time now, struct dw_gathered *out, struct dw_err *err)
{
	struct open_list l = { 0 };
	struct dw_gathered g = { 0 };
	int r = dw_store_alert_each(e->store, take_alert, &l, err);

	if (l.oom || (r >= 0 && room(&g, l.n, e->bare) < 0))
		r = dw_err_oom(err);
	if (l.n)
		qsort(l.p, l.n, sizeof(*l.p), by_act_by);
	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		r = dw_store_step_told(e->store, l.p[i].order, l.p[i].alert.side, l.p[i].alert.episode,
				       e->config->people.p[person].name, err);
		if (r <= 0)
			continue;
		if (g.n == DW_FOLD_ITEMS) {
			g.more++;
			continue;
		}
		if (!g.cases) { /* bare */
			g.item[g.n++] = bare_item(l.p[i].order, &l.p[i].alert);
			continue;
		}
		r = load_sound(e, l.p[i].order, now, &g.cases[g.n], err);
		if (r == 0 && !g.cases[g.n].feed)
			dw_case_fini(&g.cases[g.n]);
		else if (r == 0) {
			dw_case_item(&g.cases[g.n], l.p[i].alert.side, &g.item[g.n], e->config);
			if (g.item[g.n].kind == DW_NO_KIND)
				dw_case_fini(&g.cases[g.n]);
			else
				g.n++;
		}
	}
	free(l.p);
	if (r < 0) {
		dw_gathered_fini(&g);
		return r;
	}
	*out = g;
	return 0;
}

/* ---- missing, held ---- */

struct id_list {
	int64_t *p;
	size_t n, cap;
	bool oom, missing_only;
};

enum { IDS_MAX = 20000 };

static int take_id(void *ctx, int64_t id, dw_time missing)
{
	struct id_list *l = ctx;

	if (l->missing_only && missing == DW_UNKNOWN)
		return 0;
	if (l->n >= IDS_MAX)
		return 1;
	if (dw_grow(&l->p, &l->cap, l->n + 1, sizeof(*l->p)) < 0) {
		l->oom = true;
		return 1;
	}
	l->p[l->n++] = id;
	return 0;
}

static bool is_over(const struct dw_case *c)
{
	switch (c->dates.status) {
	case DW_COMPLETED:
	case DW_CANCELLED:
		return true;
	case DW_DELIVERED:
	case DW_AWAITING_PAYMENT:
	case DW_AWAITING_SHIPMENT:
	case DW_PARTLY_SHIPPED:
	case DW_SHIPPED:
	case DW_DISPUTED:
	case DW_STATUS_COUNT:
		break;
	}
	return false;
}

/* The side worth showing: the first that is open, else watched, else ship. */
static enum dw_side shown_side(const struct dw_case *c)
{
	for (int i = 0; i < DW_SIDE_COUNT; i++)
		if (c->plan.state[i] == DW_OPEN || c->plan.state[i] == DW_ACKED)
			return (enum dw_side)i;
	for (int i = 0; i < DW_SIDE_COUNT; i++)
		if (c->plan.state[i] == DW_WATCHING)
			return (enum dw_side)i;
	return DW_SIDE_SHIP;
}

int dw_gather_missing(struct dw_engine *e, int person, dw_time since, dw_time now, struct dw_gathered *out, size_t *fresh,
		      struct dw_err *err)
{
	struct id_list l = { .missing_only = true };
	struct dw_gathered g = { 0 };
	int r = 0;

	*fresh = 0;
	for (size_t i = 0; r >= 0 && i < e->config->n_feeds; i++)
		if (!e->config->feeds[i].overlay && e->feed_row[i].missing > 0)
			r = dw_store_order_ids(e->store, e->config->feeds[i].name, take_id, &l, err);
	if (l.oom || (r >= 0 && room(&g, l.n, false) < 0))
		r = dw_err_oom(err);
	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		struct dw_case c;

		r = load_sound(e, l.p[i], now, &c, err);
		if (r)
			continue;
		if (!c.feed || is_over(&c) || c.owner != person) {
			dw_case_fini(&c);
			continue;
		}
		*fresh += c.row.missing_since > since;
		if (g.n == DW_FOLD_ITEMS) {
			g.more++;
			dw_case_fini(&c);
			continue;
		}
		g.cases[g.n] = c;
		g.cases[g.n].sources.main = &g.cases[g.n].main;
		dw_case_item(&g.cases[g.n], shown_side(&g.cases[g.n]), &g.item[g.n], e->config);
		g.n++;
	}
	free(l.p);
	if (r < 0) {
		dw_gathered_fini(&g);
		return r;
	}
	*out = g;
	return 0;
}

enum { LONG_PAST_S = 14 * 86400 };

static int sooner(const void *a, const void *b)
{
	const struct dw_mail_item *x = a, *y = b;
	dw_time tx = x->act_by == DW_UNKNOWN ? DW_NEVER : x->act_by, ty = y->act_by == DW_UNKNOWN ? DW_NEVER : y->act_by;

	return tx != ty ? (tx < ty ? -1 : 1) : (x->order_row > y->order_row) - (x->order_row < y->order_row);
}

int dw_gather_held(struct dw_engine *e, const char *feed, dw_time now, struct dw_gathered *out, dw_time *newest,
		   struct dw_err *err)
{
	struct id_list l = { 0 };
	struct dw_gathered g = { 0 };
	int r = dw_store_order_ids(e->store, feed, take_id, &l, err);

	*newest = DW_UNKNOWN;
	if (l.oom || (r >= 0 && room(&g, l.n, false) < 0))
		r = dw_err_oom(err);
	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		struct dw_case c;
		int side = -1;

		r = load_sound(e, l.p[i], now, &c, err);
		if (r)
			continue;
		for (int s = 0; c.feed && s < DW_SIDE_COUNT; s++) {
			const struct dw_finding *f = &c.plan.finding[s];
			/* behind it too: what is owed before act_by is told, but nobody knows what has happened since */
			bool soon = f->kind != DW_NO_KIND && f->act_by != DW_UNKNOWN && f->act_by <= now + DW_BLIND_AHEAD_S &&
				    f->act_by > now - LONG_PAST_S;

			if (c.plan.held >> s & 1) {
				side = s;
				if (c.plan.owed[s].at > *newest)
					*newest = c.plan.owed[s].at;
			} else if (soon && side < 0)
				side = s;
		}
		if (side < 0 || g.n == DW_FOLD_ITEMS) {
			g.more += side >= 0;
			dw_case_fini(&c);
			continue;
		}
		g.cases[g.n] = c;
		g.cases[g.n].sources.main = &g.cases[g.n].main;
		dw_case_item(&g.cases[g.n], (enum dw_side)side, &g.item[g.n], e->config);
		g.item[g.n].step = "open"; /* listed, not told: its steps are held back */
		g.n++;
	}
	free(l.p);
	if (r < 0) {
		dw_gathered_fini(&g);
		return r;
	}
	if (g.n)
		qsort(g.item, g.n, sizeof(*g.item), sooner); /* they point into the cases, which stay */
	*out = g;
	return 0;
}
