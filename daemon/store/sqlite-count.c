/* sqlite.h: what there is, counted. Mails have an index by state; orders and steps are walked, and only when asked. */
#include "sqlite.h"

static int count_mails(struct dw_sqlite *s, struct dw_counts *c, struct dw_err *err)
{
	int r = dw_sqlite_mail_count(&s->base, c->mail, err);
	DW_QUERY q = { 0 };

	if (r == 0)
		r = dw_query_open(&q, s, "SELECT min(created) FROM mails WHERE state IN (0, 1, 3)", err);
	if (r == 0)
		r = dw_query_step(&q, err);
	if (r < 0)
		return r;
	c->oldest = dw_col_time(&q);
	return dw_query_check(&q, err);
}

struct feeds {
	struct dw_counts *c;
	int64_t *id; /* of c->feed, by place */
	size_t cap, cap_id;
};

static int take_feed(struct dw_query *q, struct feeds *f, struct dw_err *err)
{
	struct dw_feed_count *feed;
	struct dw_counts *c = f->c;

	if (c->n_feed == DW_COUNT_FEEDS_MAX)
		return dw_err_set(err, -E2BIG, "the store knows more than %d feeds", DW_COUNT_FEEDS_MAX);
	if (dw_grow(&c->feed, &f->cap, c->n_feed + 1, sizeof(*c->feed)) < 0 ||
	    dw_grow(&f->id, &f->cap_id, c->n_feed + 1, sizeof(*f->id)) < 0)
		return dw_err_oom(err);
	feed = &c->feed[c->n_feed];
	*feed = (struct dw_feed_count){ .listed = 0 };
	f->id[c->n_feed++] = dw_col_int(q);
	dw_col_fixed(q, feed->name, sizeof(feed->name));
	feed->read = dw_col_int(q);
	feed->rejected = dw_col_int(q);
	feed->good = dw_col_bool(q);
	return dw_query_check(q, err);
}

static int list_feeds(struct dw_sqlite *s, struct feeds *f, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "SELECT id, name, orders, rejected, known AND NOT overlay AND last_success IS NOT NULL"
			      " AND error_since IS NULL FROM feeds ORDER BY name",
			      err);

	while (r == 0 && (r = dw_query_step(&q, err)) == 1)
		r = take_feed(&q, f, err);
	return r;
}

/* Not by GROUP BY, which sorts a million rows for a handful of groups: three times slower. */
static int walk_orders(struct dw_sqlite *s, struct feeds *f, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	size_t at = 0;
	int r = dw_query_open(&q, s, "SELECT feed, class, missing_since IS NULL AND gone=0 FROM orders NOT INDEXED", err);

	while (r == 0 && (r = dw_query_step(&q, err)) == 1) {
		int64_t feed = dw_col_int(&q);
		int class = dw_col_range(&q, DW_UNDECIDED, DW_CLASSES - 1);
		bool listed = dw_col_bool(&q);

		r = dw_query_check(&q, err);
		for (size_t k = 0; k < f->c->n_feed && f->id[at] != feed; k++)
			at = (at + 1) % f->c->n_feed; /* neighbours are mostly of one feed */
		if (r < 0)
			return r;
		if (f->c->n_feed == 0 || f->id[at] != feed)
			return dw_err_set(err, -EBADMSG, "%s: an order's feed is not there", s->path);
		f->c->feed[at].class[class]++;
		f->c->feed[at].listed += listed;
	}
	return r;
}

static int count_feeds(struct dw_sqlite *s, struct dw_counts *c, struct dw_err *err)
{
	struct feeds f = { .c = c };
	int r;

	c->n_feed = 0;
	r = list_feeds(s, &f, err);

	if (r == 0)
		r = walk_orders(s, &f, err);
	free(f.id);
	return r;
}

static int count_orders(struct dw_sqlite *s, struct dw_counts *c, struct dw_err *err)
{
	int r = dw_sqlite_int(s, "SELECT count(*) FROM orders", &c->orders, err);

	if (r == 0)
		r = dw_sqlite_int(s, "SELECT count(DISTINCT ord) FROM alerts WHERE kind>=0", &c->alerted, err);
	return r == 0 ? count_feeds(s, c, err) : r;
}

static int count_told(struct dw_sqlite *s, dw_time now, struct dw_counts *c, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "SELECT CASE WHEN m.id IS NOT NULL THEN m.state WHEN t.at<? THEN 2 ELSE 6 END, count(*)"
			      " FROM steps t LEFT JOIN mails m ON m.id=t.mail WHERE t.state=1 GROUP BY 1",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, now - DW_KEEP_ROWS);
	while (r == 0 && (r = dw_query_step(&q, err)) == 1) {
		int as = dw_col_range(&q, 0, DW_MAIL_LOST);

		c->told[as] = dw_col_int(&q);
		r = dw_query_check(&q, err);
	}
	return r;
}

static int count_stuck(struct dw_sqlite *s, dw_time now, struct dw_counts *c, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s, "SELECT count(*) FROM steps WHERE state=0 AND at<CASE deliver WHEN 0 THEN ?1 WHEN 3 THEN ?2 END", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, now - DW_STUCK_S);
	dw_bind_int(&q, now - DW_HELD_S);
	r = dw_query_step(&q, err);
	if (r < 0)
		return r;
	c->stuck = dw_col_int(&q);
	return dw_query_check(&q, err);
}

static int count_steps(struct dw_sqlite *s, dw_time now, struct dw_counts *c, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_sqlite_int(s, "SELECT count(*) FROM steps", &c->steps, err);

	if (r == 0)
		r = dw_query_open(&q, s, "SELECT state, count(*) FROM steps GROUP BY state", err);
	while (r == 0 && (r = dw_query_step(&q, err)) == 1) {
		int state = dw_col_range(&q, 0, DW_STEP_STATE_COUNT - 1);

		c->step[state] = dw_col_int(&q);
		r = dw_query_check(&q, err);
	}
	if (r == 0)
		r = count_told(s, now, c, err);
	return r == 0 ? count_stuck(s, now, c, err) : r;
}

int dw_sqlite_count(struct dw_store *st, unsigned what, dw_time now, struct dw_counts *out, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	int r = count_mails(s, out, err);

	if (r == 0 && what & DW_COUNT_ORDERS)
		r = count_orders(s, out, err);
	if (r == 0 && what & DW_COUNT_STEPS)
		r = count_steps(s, now, out, err);
	return r;
}
