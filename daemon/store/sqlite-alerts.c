/* sqlite.h: open alerts, at most one a side, and the counting of episodes. */
#include "sqlite.h"

#define ALERT_COLUMNS                                                                                                  \
	"ord, side, kind, last, act_by, episode, since, opened, dormant, facts, ack_at, ack_until, ack_by"

int dw_sqlite_episode_taken(struct dw_sqlite *s, int64_t order, enum dw_side side, int64_t episode,
			    struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "INSERT INTO episodes(ord, side, last) VALUES(?,?,?)"
			      " ON CONFLICT(ord, side) DO UPDATE SET last=excluded.last WHERE last<excluded.last",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, order);
	dw_bind_int(&q, side);
	dw_bind_int(&q, episode);
	return dw_query_run(&q, err);
}

int64_t dw_sqlite_episode_next(struct dw_store *st, int64_t order, enum dw_side side, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int64_t last = 0;
	int r = dw_query_open(&q, dw_sqlite_of(st), "SELECT last FROM episodes WHERE ord=? AND side=?", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, order);
	dw_bind_int(&q, side);
	r = dw_query_step(&q, err);
	if (r == 1) {
		last = dw_col_int(&q);
		q.bad |= last < 0 || last == INT64_MAX;
		r = dw_query_check(&q, err);
	}
	return r < 0 ? r : last + 1;
}

int dw_sqlite_alert_put(struct dw_store *st, int64_t order, const struct dw_alert *a, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st),
			      "INSERT OR REPLACE INTO alerts(" ALERT_COLUMNS
			      ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, order);
	dw_bind_int(&q, a->side);
	dw_bind_int(&q, a->kind);
	dw_bind_int(&q, a->last);
	dw_bind_int(&q, a->act_by);
	dw_bind_int(&q, a->episode);
	dw_bind_time(&q, a->since);
	dw_bind_time(&q, a->opened);
	dw_bind_int(&q, a->dormant);
	dw_bind_int(&q, (int64_t)a->facts);
	dw_bind_time(&q, a->ack.at);
	dw_bind_time(&q, a->ack.until);
	dw_bind_text(&q, a->ack.by);
	r = dw_query_run(&q, err);
	return r < 0 ? r : dw_sqlite_episode_taken(dw_sqlite_of(st), order, a->side, a->episode, err);
}

int dw_sqlite_alert_drop(struct dw_store *st, int64_t order, enum dw_side side, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "DELETE FROM alerts WHERE ord=? AND side=?", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, order);
	dw_bind_int(&q, side);
	return dw_query_run(&q, err);
}

static int take(struct dw_query *q, int64_t *order, struct dw_alert *out, struct dw_err *err)
{
	struct dw_alert a = { 0 };
	int r;

	*order = dw_col_int(q);
	a.side = (enum dw_side)dw_col_range(q, 0, DW_SIDE_COUNT - 1);
	a.kind = (enum dw_kind)dw_col_range(q, DW_NO_KIND, DW_KIND_COUNT - 1);
	a.last = (enum dw_kind)dw_col_range(q, DW_NO_KIND, DW_KIND_COUNT - 1);
	a.act_by = dw_col_int(q);
	a.episode = dw_col_int(q);
	a.since = dw_col_time(q);
	a.opened = dw_col_time(q);
	a.dormant = dw_col_bool(q);
	a.facts = (uint64_t)dw_col_int(q);
	a.ack.at = dw_col_time(q);
	a.ack.until = dw_col_time(q);
	dw_col_fixed(q, a.ack.by, sizeof(a.ack.by));
	r = dw_query_check(q, err);
	if (r == 0)
		*out = a;
	return r;
}

int dw_sqlite_alert_load(struct dw_store *st, int64_t order, struct dw_alert out[DW_SIDE_COUNT], struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int64_t whose;
	int n = 0, r = dw_query_open(&q, dw_sqlite_of(st),
				     "SELECT " ALERT_COLUMNS " FROM alerts WHERE ord=? ORDER BY side", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, order);
	while (n < DW_SIDE_COUNT && (r = dw_query_step(&q, err)) == 1) {
		r = take(&q, &whose, &out[n], err);
		if (r < 0)
			return r;
		n++;
	}
	return r < 0 ? r : n;
}

int dw_sqlite_alert_each(struct dw_store *st, dw_alert_fn fn, void *ctx, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "SELECT " ALERT_COLUMNS " FROM alerts ORDER BY ord, side", err);

	while (r == 0 && (r = dw_query_step(&q, err)) == 1) {
		struct dw_alert a;
		int64_t order;

		r = take(&q, &order, &a, err);
		if (r == 0)
			r = fn(ctx, order, &a);
	}
	return r;
}
