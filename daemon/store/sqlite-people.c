/* sqlite.h: what is remembered of persons, and orders' histories. */
#include "sqlite.h"

int dw_sqlite_person_get(struct dw_store *st, const char *name, struct dw_person_row *out, struct dw_err *err)
{
	struct dw_person_row row = { 0 };
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "SELECT name, daily_at, dead_at, dead_why FROM people WHERE name=?",
			      err);

	if (r < 0)
		return r;
	dw_bind_text(&q, name);
	r = dw_query_step(&q, err);
	if (r <= 0)
		return r < 0 ? r : 1;
	dw_col_fixed(&q, row.name, sizeof(row.name));
	row.daily_at = dw_col_time(&q);
	row.dead_at = dw_col_time(&q);
	dw_col_fixed(&q, row.dead_why, sizeof(row.dead_why));
	r = dw_query_check(&q, err);
	if (r == 0)
		*out = row;
	return r;
}

int dw_sqlite_person_put(struct dw_store *st, const struct dw_person_row *row, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st),
			      "INSERT OR REPLACE INTO people(name, daily_at, dead_at, dead_why) VALUES(?,?,?,?)", err);

	if (r < 0)
		return r;
	dw_bind_text(&q, row->name);
	dw_bind_time(&q, row->daily_at);
	dw_bind_time(&q, row->dead_at);
	dw_bind_text(&q, row->dead_why);
	return dw_query_run(&q, err);
}

int dw_sqlite_history_add(struct dw_store *st, int64_t order, dw_time at, const char *text, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "INSERT INTO history(ord, at, text) VALUES(?,?,?)", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, order);
	dw_bind_time(&q, at);
	dw_bind_text(&q, text);
	return dw_query_run(&q, err);
}

int dw_sqlite_history_each(struct dw_store *st, int64_t order, dw_history_fn fn, void *ctx, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "SELECT at, text FROM history WHERE ord=? ORDER BY id", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, order);
	while ((r = dw_query_step(&q, err)) == 1) {
		dw_time at = dw_col_time(&q);
		const char *text = dw_col_ref(&q);

		q.bad |= !text;
		r = dw_query_check(&q, err);
		if (r == 0)
			r = fn(ctx, at, text);
		if (r != 0)
			break;
	}
	return r;
}
