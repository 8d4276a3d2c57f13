/* sqlite.h: is there an order under this key, and has it changed? Asked once for every row of a read, so the ways
 * that need no seek come first: the window (sqlite-window.c), the orders still to be written (sqlite-insert.c), and
 * whether the number lies outside all that the feed has, as in a first read and for new orders. */
#include "sqlite.h"

static int edge(struct dw_sqlite *s, const char *sql, int64_t feed, char out[DW_STORE_NAME_MAX + 1],
		struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s, sql, err);

	out[0] = '\0';
	if (r < 0)
		return r;
	dw_bind_int(&q, feed);
	r = dw_query_step(&q, err);
	if (r == 1) {
		dw_col_fixed(&q, out, DW_STORE_NAME_MAX + 1);
		r = dw_query_check(&q, err);
	}
	return r;
}

static int load_range(struct dw_sqlite *s, int64_t feed, struct dw_err *err)
{
	struct dw_range *g = &s->range;
	int r = edge(s, "SELECT order_id FROM orders WHERE feed=? ORDER BY order_id LIMIT 1", feed, g->first, err);

	g->feed = 0;
	if (r == 0)
		r = edge(s, "SELECT order_id FROM orders WHERE feed=? ORDER BY order_id DESC LIMIT 1", feed, g->last,
			 err);
	if (r == 0)
		g->feed = feed;
	return r;
}

static bool outside(const struct dw_range *g, const char *order_id)
{
	return !*g->last || strcmp(order_id, g->first) < 0 || strcmp(order_id, g->last) > 0;
}

static int seek(struct dw_sqlite *s, int64_t feed, const char *order_id, struct dw_peek *out, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_reopen(&q, s,
				"SELECT id, print, missing_since IS NULL AND gone=0 FROM orders WHERE feed=? AND order_id=?",
				err);

	if (r < 0)
		return r;
	dw_bind_int(&q, feed);
	dw_bind_text(&q, order_id);
	r = dw_query_step(&q, err);
	if (r <= 0)
		return r < 0 ? r : 1;
	out->id = dw_col_int(&q);
	out->print = (uint64_t)dw_col_int(&q);
	out->listed = dw_col_bool(&q);
	r = dw_query_check(&q, err);
	return r < 0 ? r : dw_window_found(s, out->id, err);
}

int dw_lookup(struct dw_sqlite *s, int64_t feed, const char *order_id, struct dw_peek *out, struct dw_err *err)
{
	int r;

	if (dw_window_find(s, feed, order_id, out) || dw_insert_find(s, feed, order_id, out))
		return 0;
	if (!s->base.writing)
		return seek(s, feed, order_id, out, err);
	if (s->range.feed != feed) {
		r = load_range(s, feed, err);
		if (r < 0)
			return r;
	}
	r = outside(&s->range, order_id) ? 1 : seek(s, feed, order_id, out, err);
	if (r == 1) {
		s->missed.feed = feed;
		memcpy(s->missed.order_id, order_id, strlen(order_id) + 1); /* store.c has seen to its length */
	}
	return r;
}

int dw_lookup_taken(struct dw_sqlite *s, int64_t feed, const char *order_id, struct dw_err *err)
{
	struct dw_peek p;
	int r = s->missed.feed == feed && strcmp(s->missed.order_id, order_id) == 0 ?
			1 :
			dw_lookup(s, feed, order_id, &p, err);

	if (r == 0)
		return dw_err_set(err, -EEXIST, "store: order %s is there already", order_id);
	return r < 0 ? r : 0;
}

void dw_lookup_added(struct dw_sqlite *s, int64_t feed, const char *order_id)
{
	struct dw_range *g = &s->range;
	size_t n = strlen(order_id) + 1;

	s->missed.feed = 0;
	if (g->feed != feed)
		return;
	if (!*g->last || strcmp(order_id, g->first) < 0)
		memcpy(g->first, order_id, n);
	if (strcmp(order_id, g->last) > 0)
		memcpy(g->last, order_id, n);
}

void dw_lookup_forget(struct dw_sqlite *s)
{
	s->missed.feed = s->range.feed = 0;
	dw_window_close(s);
}
