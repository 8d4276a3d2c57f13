/* sqlite.h: steps of ladders, each told once to a person: the UNIQUE key is what keeps that promise. */
#include "sqlite.h"

int dw_sqlite_step_add(struct dw_store *st, struct dw_step_row *row, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	const struct dw_told *t = &row->told;
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "INSERT INTO steps(ord, side, episode, kind, act_by, step, number, person, urgent, state,"
			      " deliver, at, mail) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)"
			      " ON CONFLICT(ord, side, episode, kind, act_by, step, number, person) DO NOTHING",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, row->order);
	dw_bind_int(&q, t->side);
	dw_bind_int(&q, t->episode);
	dw_bind_int(&q, t->kind);
	dw_bind_int(&q, t->act_by);
	dw_bind_text(&q, t->step);
	dw_bind_int(&q, t->number);
	dw_bind_text(&q, row->person);
	dw_bind_int(&q, t->urgent);
	dw_bind_int(&q, t->state);
	dw_bind_int(&q, t->deliver);
	dw_bind_time(&q, t->at);
	dw_bind_id(&q, row->mail);
	r = dw_query_run(&q, err);
	if (r < 0)
		return r;
	if (sqlite3_changes(s->db) == 0)
		return 1;
	row->told.id = sqlite3_last_insert_rowid(s->db);
	return dw_sqlite_episode_taken(s, row->order, t->side, t->episode, err);
}

int dw_sqlite_step_set(struct dw_store *st, int64_t id, enum dw_step_state state, int64_t mail, dw_time at,
		       struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "UPDATE steps SET state=?, mail=?, at=? WHERE id=?", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, state);
	dw_bind_id(&q, mail);
	dw_bind_time(&q, at);
	dw_bind_int(&q, id);
	return dw_query_one(&q, err);
}

int dw_sqlite_step_hold(struct dw_store *st, int64_t id, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), "UPDATE steps SET deliver=? WHERE id=? AND state=0", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, DW_DELIVER_HELD);
	dw_bind_int(&q, id);
	return dw_query_one(&q, err);
}

#define STEP_SELECT                                                                                                    \
	"SELECT id, ord, side, episode, kind, act_by, step, number, person, urgent, state, deliver, at, mail FROM steps"

static int take(struct dw_query *q, struct dw_step_row *out, struct dw_err *err)
{
	struct dw_step_row row = { .told.person = -1 };

	row.told.id = dw_col_int(q);
	row.order = dw_col_int(q);
	row.told.side = (enum dw_side)dw_col_range(q, 0, DW_SIDE_COUNT - 1);
	row.told.episode = dw_col_int(q);
	row.told.kind = (enum dw_kind)dw_col_range(q, DW_NO_KIND, DW_KIND_COUNT - 1);
	row.told.act_by = dw_col_int(q);
	dw_col_fixed(q, row.told.step, sizeof(row.told.step));
	row.told.number = dw_col_int(q);
	dw_col_fixed(q, row.person, sizeof(row.person));
	row.told.urgent = dw_col_bool(q);
	row.told.state = (enum dw_step_state)dw_col_range(q, 0, DW_STEP_STATE_COUNT - 1);
	row.told.deliver = (enum dw_deliver)dw_col_range(q, 0, DW_DELIVER_HELD);
	row.told.at = dw_col_time(q);
	row.mail = dw_col_id(q);
	*out = row;
	return dw_query_check(q, err);
}

static int each(struct dw_query *q, dw_step_fn fn, void *ctx, struct dw_err *err)
{
	int r;

	while ((r = dw_query_step(q, err)) == 1) {
		struct dw_step_row row;

		r = take(q, &row, err);
		if (r == 0)
			r = fn(ctx, &row);
		if (r != 0)
			break;
	}
	return r;
}

int dw_sqlite_step_each(struct dw_store *st, int64_t order, enum dw_side side, int64_t episode, dw_step_fn fn,
			void *ctx, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = episode ? dw_query_open(&q, dw_sqlite_of(st),
					STEP_SELECT " WHERE ord=? AND side=? AND episode=? ORDER BY id", err) :
			  dw_query_open(&q, dw_sqlite_of(st), STEP_SELECT " WHERE ord=? ORDER BY id", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, order);
	if (episode) {
		dw_bind_int(&q, side);
		dw_bind_int(&q, episode);
	}
	return each(&q, fn, ctx, err);
}

/* In the order of the key, so that the first answer ends it: step_each would sort the whole episode. */
int dw_sqlite_step_told(struct dw_store *st, int64_t order, enum dw_side side, int64_t episode, const char *person,
			struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st),
			      "SELECT 1 FROM steps WHERE ord=? AND side=? AND episode=? AND kind>=0 AND person=? AND state<>?"
			      " LIMIT 1",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, order);
	dw_bind_int(&q, side);
	dw_bind_int(&q, episode);
	dw_bind_text(&q, person);
	dw_bind_int(&q, DW_STEP_COVERED);
	return dw_query_step(&q, err);
}

int dw_sqlite_step_waiting(struct dw_store *st, const char *person, dw_step_fn fn, void *ctx, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = person ? dw_query_open(&q, dw_sqlite_of(st),
				       STEP_SELECT " WHERE state=0 AND person=? ORDER BY person, ord, id", err) :
			 dw_query_open(&q, dw_sqlite_of(st), STEP_SELECT " WHERE state=0 ORDER BY person, ord, id",
				       err);

	if (r < 0)
		return r;
	if (person)
		dw_bind_text(&q, person);
	return each(&q, fn, ctx, err);
}

int dw_sqlite_step_of_mail(struct dw_store *st, int64_t mail, dw_step_fn fn, void *ctx, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st), STEP_SELECT " WHERE mail=? ORDER BY id", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, mail);
	return each(&q, fn, ctx, err);
}
