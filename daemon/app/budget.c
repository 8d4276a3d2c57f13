/* engine-impl.h: mails_per_day. What is owed at once beyond a person's mails of the day is held back and comes with the
 * next mail, where it can still come in time; what can't wait is never held back. */
#include "dispatch-view.h"

/* So much must be left before act_by when the next mail comes: the last urgent step of the built-in ladders is this early,
 * as who reads of it later can no longer do much. */
enum { LEFT_TO_ACT_S = 6 * 3600 };

/* The daily mail, which always comes; where there is none until the end of the next day, that day's first moment. */
dw_time dw_budget_next(const struct dw_engine *e, int person, dw_time t)
{
	const struct dw_person *p = &e->config->people.p[person];
	int32_t tomorrow = dw_zone_day(p->zone, t) + 1;
	dw_time daily = DW_NEVER;

	if (p->daily_minute >= 0)
		daily = dw_people_daily_next(&e->config->people, person, t);
	return daily <= dw_day_end(p->zone, tomorrow) ? daily : dw_day_start(p->zone, tomorrow);
}

int64_t dw_budget_left(struct dw_engine *e, int person, dw_time day_of, int64_t before, struct dw_err *err)
{
	const struct dw_person *p = &e->config->people.p[person];
	int32_t day = dw_zone_day(p->zone, day_of);
	int64_t made;

	if (p->mails_per_day == 0)
		return INT64_MAX;
	made = dw_store_mail_made(e->store, p->name, dw_day_start(p->zone, day), dw_day_start(p->zone, day + 1), before, err);
	return made < 0 ? made : made < p->mails_per_day ? p->mails_per_day - made : 0;
}

struct heard {
	const struct dw_step_row *of;
	bool mailed;
};

static int is_mailed(void *ctx, const struct dw_step_row *row)
{
	struct heard *h = ctx;

	h->mailed |= row->told.state == DW_STEP_MAILED && row->told.kind == h->of->told.kind &&
		     row->told.act_by == h->of->told.act_by && strcmp(row->person, h->of->person) == 0;
	return h->mailed;
}

int dw_budget_can_wait(struct dw_engine *e, const struct dw_step_row *step, dw_time next, dw_time now, struct dw_err *err)
{
	const struct dw_told *t = &step->told;
	struct heard h = { .of = step };
	int r;

	if (t->kind == DW_NO_KIND || t->act_by == DW_UNKNOWN || t->act_by >= next + LEFT_TO_ACT_S)
		return 1;
	if (t->act_by > now || strcmp(t->step, "due") == 0)
		return 0;
	/* a reminder of what its reader knows is too late */
	r = dw_store_step_each(e->store, step->order, t->side, t->episode, is_mailed, &h, err);
	return r < 0 ? r : h.mailed;
}

struct ripe {
	const struct dw_engine *e;
	int person;
	dw_time at;
};

static int earliest(void *ctx, const struct dw_step_row *row)
{
	struct ripe *x = ctx;
	dw_time t = row->told.deliver == DW_DELIVER_HELD ? dw_budget_next(x->e, x->person, row->told.at) : DW_NEVER;

	if (t < x->at)
		x->at = t;
	return 0;
}

dw_time dw_budget_opens(struct dw_engine *e, int person, dw_time now)
{
	struct ripe x = { .e = e, .person = person, .at = DW_NEVER };

	if (dw_store_step_waiting(e->store, e->config->people.p[person].name, earliest, &x, NULL) < 0)
		return now + 1; /* it didn't say: asked again */
	if (x.at > now)
		return x.at;
	return dw_budget_left(e, person, now, INT64_MAX, NULL) != 0 ? now : dw_budget_next(e, person, now);
}
