/* engine-impl.h: the clock stands before our last decision, and is believed all the same (rules.md §5, last line): it
 * was ahead then. What was written down by it would keep us silent until its day has come: an order's next look, a
 * person's last daily mail, a mail's next try. All of that starts again from `now`; what was sent stays sent. */
#include "engine-impl.h"

enum { BACK_S = 3600, PAGE = 64 };

static bool pull(dw_time *t, dw_time now)
{
	bool ahead = *t != DW_UNKNOWN && *t != DW_NEVER && *t > now;

	if (ahead)
		*t = now;
	return ahead;
}

static int pull_feeds(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < e->config->n_feeds; i++) {
		struct dw_feed_row row = { 0 };
		bool any;

		r = dw_store_feed_get(e->store, e->config->feeds[i].name, &row, err);
		if (r)
			return r < 0 ? r : 0;
		any = pull(&row.data_time, now);
		any |= pull(&row.last_attempt, now);
		any |= pull(&row.last_success, now);
		any |= pull(&row.error_since, now);
		any |= pull(&row.error_told, now);
		any |= pull(&row.stale_told, now);
		any |= pull(&row.vanish_since, now);
		if (any)
			r = dw_store_feed_put(e->store, &row, err);
		dw_feed_row_fini(&row);
	}
	return r;
}

static int pull_people(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < e->config->people.n; i++) {
		struct dw_person_row row;

		r = dw_store_person_get(e->store, e->config->people.p[i].name, &row, err);
		if (r == 0 && pull(&row.daily_at, now))
			r = dw_store_person_put(e->store, &row, err);
	}
	return r < 0 ? r : 0;
}

struct ahead {
	dw_time now;
	int64_t id[PAGE];
	int n;
};

static int on_mail(void *ctx, const struct dw_mail_row *row)
{
	struct ahead *a = ctx;

	if (row->created > a->now)
		a->id[a->n++] = row->id;
	return a->n == PAGE;
}

/* Those written by the wrong clock: their tries begin anew now. */
static int pull_mails(struct dw_engine *e, enum dw_mail_state state, dw_time now, struct dw_err *err)
{
	struct ahead a;
	int r;

	do {
		a = (struct ahead){ .now = now };
		r = dw_store_mail_each(e->store, (int)state, on_mail, &a, err);
		for (int i = 0; r >= 0 && i < a.n; i++) {
			struct dw_mail_row row = { 0 };

			r = dw_store_mail_get(e->store, a.id[i], &row, err);
			if (r == 0) {
				row.created = now;
				pull(&row.next_try, now);
				r = dw_store_mail_answered(e->store, &row, err);
			}
			dw_mail_row_fini(&row);
		}
	} while (r >= 0 && a.n == PAGE);
	return r < 0 ? r : 0;
}

static int pull_all(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	int r = dw_store_orders_touch_feed(e->store, NULL, err);

	if (r >= 0)
		r = pull_feeds(e, now, err);
	if (r >= 0)
		r = pull_people(e, now, err);
	if (r >= 0)
		r = pull_mails(e, DW_MAIL_QUEUED, now, err);
	return r < 0 ? r : pull_mails(e, DW_MAIL_UNSURE, now, err);
}

int dw_engine_clock_back(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	dw_time was = e->decided_at;
	int r;

	if (was == DW_UNKNOWN || was <= now + BACK_S)
		return 0;
	r = dw_store_begin(e->store, err);
	if (r < 0)
		return r;
	r = pull_all(e, now, err);
	if (r == 0)
		r = dw_engine_note_decision(e, now, err);
	if (r < 0) {
		dw_store_rollback(e->store);
		e->decided_at = was;
		return r;
	}
	e->closures_at = DW_UNKNOWN;
	r = dw_store_commit(e->store, err);
	for (size_t i = 0; r == 0 && i < e->config->n_feeds; i++)
		r = dw_feed_row_load(e, e->config->feeds[i].name, err);
	dw_engine_log(e, DW_LOG_NOTICE, "the clock went back %lld s behind our last decision: everything is decided anew",
		      (long long)(was - now));
	return r;
}
