/* simulate.h */
#include "dispatch-view.h"

#include "duewatch/simulate.h"

#include <stdio.h>

enum { SPINS_MAX = 200, DUE_MAX = 64 };
#define NEVER_STALE (1000 * 366 * DW_DAY)

struct run {
	struct dw_sim *out;
	const struct dw_sim_opts *o;
	struct dw_engine *e;
	dw_time now;
	struct dw_err *err;
};

void dw_sim_fini(struct dw_sim *s)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t k = 0; k < s->mail[i].n_step; k++)
			free(s->mail[i].step[k].order_id);
		free(s->mail[i].step);
		free(s->mail[i].subject);
		free(s->mail[i].message_id);
	}
	free(s->mail);
	*s = (struct dw_sim){ 0 };
}

/* ---- one mail ---- */

static int add_step(struct run *r, struct dw_sim_mail *m, size_t *cap, const struct dw_step_row *row)
{
	struct dw_order_row order = { 0 };
	struct dw_sim_step *s;
	int ix, x;

	if (dw_grow(&m->step, cap, m->n_step + 1, sizeof(*m->step)) < 0)
		return dw_err_oom(r->err);
	x = dw_store_order_get(r->e->store, row->order, &order, r->err);
	if (x < 0 && x != -EBADMSG)
		return x;
	ix = x == 0 ? dw_feed_index(r->e, order.feed) : -1;
	s = &m->step[m->n_step];
	*s = (struct dw_sim_step){ .feed = ix >= 0 ? r->e->config->feeds[ix].name : NULL, .side = row->told.side,
				   .kind = row->told.kind, .act_by = row->told.act_by, .urgent = row->told.urgent,
				   .held = row->told.deliver == DW_DELIVER_HELD };
	snprintf(s->step, sizeof(s->step), "%s", row->told.step);
	s->order_id = dw_strdup(x == 0 ? order.order_id : "?");
	dw_order_row_fini(&order);
	if (!s->order_id)
		return dw_err_oom(r->err);
	m->n_step++;
	return 0;
}


static int take_told(void *ctx, const struct dw_step_row *row)
{
	return row->told.state == DW_STEP_MAILED ? dw_step_list_add(ctx, row) : 0;
}

/* A mail that is due now, as a line of the list; it was due before `from`: not in it. */
static int note_mail(struct run *r, int64_t id)
{
	struct dw_sim *out = r->out;
	struct dw_mail_row row = { 0 };
	struct dw_step_list l = { 0 };
	struct dw_sim_mail *m;
	size_t cap = 0;
	int x;

	if (r->now < r->o->from)
		return 0;
	if (dw_grow(&out->mail, &out->cap, out->n + 1, sizeof(*out->mail)) < 0)
		return dw_err_oom(r->err);
	x = dw_store_mail_get(r->e->store, id, &row, r->err);
	if (x)
		return x < 0 ? x : 0;
	m = &out->mail[out->n];
	*m = (struct dw_sim_mail){ .at = r->now, .type = row.type };
	m->person = dw_people_find(&r->e->config->people, row.person);
	m->subject = dw_steal(&row.subject);
	m->message_id = dw_steal(&row.message_id);
	out->n++; /* it is out's to free from here on */
	dw_mail_row_fini(&row);
	x = dw_store_step_of_mail(r->e->store, id, take_told, &l, r->err);
	if (l.oom)
		x = dw_err_oom(r->err);
	for (size_t i = 0; x >= 0 && i < l.n; i++)
		x = add_step(r, m, &cap, &l.p[i]);
	out->n_step += m->n_step;
	dw_step_list_fini(&l);
	return x < 0 ? x : 0;
}

/* Everything due is accepted, as a relay in good health would. */
static int accept_due(struct run *r)
{
	const struct dw_answer yes = { .verdict = DW_SENT, .text = "250" };
	int64_t ids[DUE_MAX];
	int n, x;

	while ((n = dw_store_mail_due(r->e->store, r->now, ids, DUE_MAX, r->err)) > 0) {
		x = dw_store_begin(r->e->store, r->err);
		if (x < 0)
			return x;
		for (int i = 0; x >= 0 && i < n; i++) {
			x = note_mail(r, ids[i]);
			if (x >= 0)
				x = dw_outbox_answer(r->e, ids[i], &yes, r->now, r->err);
		}
		if (x < 0) {
			dw_store_rollback(r->e->store);
			return x;
		}
		x = dw_store_commit(r->e->store, r->err);
		if (x < 0)
			return x;
	}
	return n;
}

/* ---- time ---- */

static dw_time next_instant(struct run *r)
{
	dw_time next = dw_engine_next(r->e, r->now), t = dw_outbox_next(r->e, r->err);

	return t < next ? t : next;
}

/* All that is due at this instant; *next is after it. */
static int settle(struct run *r, dw_time *next)
{
	char at[32];

	for (int i = 0; i < SPINS_MAX; i++) {
		int x = dw_engine_tick(r->e, r->now, 0, r->err);

		if (x == 0)
			x = accept_due(r);
		if (x < 0)
			return x;
		*next = next_instant(r);
		if (*next > r->now)
			return 0;
	}
	dw_instant_rfc3339(at, r->now);
	return dw_err_set(r->err, -ELOOP, "at %s there is always something due", at);
}

static bool too_much(const struct dw_sim *s)
{
	return s->n >= DW_SIM_MAILS_MAX || s->n_step >= DW_SIM_STEPS_MAX;
}

static int pass_time(struct run *r)
{
	dw_time next = r->o->start;
	int x = 0;

	while (x == 0 && next <= r->o->to) {
		r->now = next;
		if (too_much(r->out)) {
			r->out->until = r->now - 1;
			return 0;
		}
		x = settle(r, &next);
	}
	return x;
}

/* ---- the start ---- */

/* What is fresh now stays fresh; all of it where a file is played through. */
static int freeze(const struct dw_sim_opts *o, struct dw_err *err)
{
	for (size_t i = 0; i < o->config->n_feeds; i++) {
		struct dw_feed_conf *f = &o->config->feeds[i];
		struct dw_feed_row row = { .data_time = DW_UNKNOWN };
		int x = dw_store_feed_get(o->store, f->name, &row, err);

		if (x < 0)
			return x;
		if (o->feed || x > 0 || !dw_feed_is_stale(f, &row, o->start))
			f->stale_after = NEVER_STALE;
		dw_feed_row_fini(&row);
	}
	return 0;
}

static int read_file(struct run *r)
{
	struct dw_feed_conf feed = *r->o->feed; /* borrows what is in it */
	DW_CLEANUP(dw_feed_row_fini) struct dw_feed_row row = { 0 };
	int x;

	feed.path = (char *)(uintptr_t)r->o->file;
	feed.all_files = false;
	x = dw_engine_read(r->e, &feed, true, r->now, r->err);
	if (x <= 0)
		return x;
	x = dw_store_feed_get(r->e->store, feed.name, &row, r->err);
	return x < 0 ? x : dw_err_set(r->err, -EBADMSG, "%s", row.error ? row.error : "the file can't be read");
}

int dw_simulate(struct dw_sim *out, const struct dw_sim_opts *o, struct dw_err *err)
{
	struct run r = { .out = out, .o = o, .now = o->start, .err = err };
	int x;

	*out = (struct dw_sim){ .until = o->to };
	x = freeze(o, err);
	if (x == 0)
		x = dw_engine_new(&r.e, o->config, o->store, NULL, NULL, err);
	if (x < 0)
		return x;
	dw_engine_bare(r.e);
	x = dw_engine_start(r.e, o->start, err);
	if (x == 0 && o->feed)
		x = read_file(&r);
	if (x == 0)
		x = pass_time(&r);
	out->decisions = r.e->decisions;
	dw_engine_free(r.e);
	if (x < 0)
		dw_sim_fini(out);
	return x < 0 ? x : 0;
}
