/* sqlite.h: walks over many orders, a page at a time and with no statement open while a callback runs, so that the
 * callback may write and commit. */
#include "sqlite-orders.h"

enum { PAGE_ROWS = 64, PAGE_IDS = 1024, NUMBER_MAX = 256 };

struct page {
	struct dw_order_row row[PAGE_ROWS];
	int n;
};

static void page_fini(struct page *p)
{
	for (int i = 0; i < p->n; i++)
		dw_order_row_fini(&p->row[i]);
	p->n = 0;
}

static void page_freep(struct page **p)
{
	if (*p)
		page_fini(*p);
	free(*p);
}

/* +o.feed: by id, not by the key's index, which would have to be sorted anew for every page. */
static int load_page(struct dw_sqlite *s, int64_t feed, int64_t after, struct page *p, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = feed ? dw_query_open(&q, s, DW_ORDER_SELECT " WHERE o.id>? AND +o.feed=? ORDER BY o.id LIMIT 64", err) :
		       dw_query_open(&q, s, DW_ORDER_SELECT " WHERE o.id>? ORDER BY o.id LIMIT 64", err);

	if (r < 0)
		return r;
	dw_bind_int(&q, after);
	if (feed)
		dw_bind_int(&q, feed);
	while (p->n < PAGE_ROWS && (r = dw_query_step(&q, err)) == 1) {
		r = dw_order_take(&q, &p->row[p->n], err);
		if (r < 0)
			return r;
		p->n++;
	}
	return r < 0 ? r : 0;
}

static int show_page(struct page *p, dw_order_fn fn, void *ctx)
{
	for (int i = 0; i < p->n; i++) {
		int r = fn(ctx, &p->row[i]);

		if (r != 0)
			return r;
	}
	return 0;
}

int dw_sqlite_order_each(struct dw_store *st, const char *feed, dw_order_fn fn, void *ctx, struct dw_err *err)
{
	DW_CLEANUP(page_freep) struct page *p = NULL;
	int64_t f = feed ? dw_sqlite_feed(dw_sqlite_of(st), feed, false, err) : 0, after = INT64_MIN;
	int r;

	if (f < 0 || (feed && f == 0))
		return (int)f;
	p = dw_calloc(1, sizeof(*p));
	if (!p)
		return dw_err_oom(err);
	do {
		page_fini(p);
		r = load_page(dw_sqlite_of(st), f, after, p, err);
		if (r < 0)
			return r;
		if (p->n > 0)
			after = p->row[p->n - 1].id;
		r = show_page(p, fn, ctx);
	} while (r == 0 && p->n == PAGE_ROWS);
	return r;
}

struct id_page {
	int64_t id[PAGE_IDS];
	dw_time missing_since[PAGE_IDS];
	int n;
};

static int load_ids(struct dw_sqlite *s, int64_t feed, int64_t after, struct id_page *p, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "SELECT id, missing_since FROM orders WHERE id>? AND +feed=? AND gone=0 ORDER BY id"
			      " LIMIT 1024",
			      err);

	if (r < 0)
		return r;
	dw_bind_int(&q, after);
	dw_bind_int(&q, feed);
	for (p->n = 0; p->n < PAGE_IDS && (r = dw_query_step(&q, err)) == 1; p->n++) {
		p->id[p->n] = dw_col_int(&q);
		p->missing_since[p->n] = dw_col_time(&q);
	}
	return r < 0 ? r : dw_query_check(&q, err);
}

int dw_sqlite_order_ids(struct dw_store *st, const char *feed, dw_id_fn fn, void *ctx, struct dw_err *err)
{
	DW_FREE struct id_page *p = NULL;
	int64_t f = dw_sqlite_feed(dw_sqlite_of(st), feed, false, err), after = INT64_MIN;
	int r;

	if (f <= 0)
		return (int)f;
	p = dw_malloc(sizeof(*p));
	if (!p)
		return dw_err_oom(err);
	do {
		r = load_ids(dw_sqlite_of(st), f, after, p, err);
		for (int i = 0; r == 0 && i < p->n; i++) {
			after = p->id[i];
			r = fn(ctx, p->id[i], p->missing_since[i]);
		}
	} while (r == 0 && p->n == PAGE_IDS);
	return r;
}

/* By the key's index, feed by feed: a number without a feed needs no index of its own. */
static int load_by_number(struct dw_sqlite *s, const char *order_id, int64_t *ids, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "SELECT o.id FROM feeds f CROSS JOIN orders o ON o.feed=f.id WHERE o.order_id=?"
			      " ORDER BY o.id LIMIT 256",
			      err);

	if (r < 0)
		return r;
	dw_bind_text(&q, order_id);
	return dw_query_ids(&q, ids, NUMBER_MAX, err);
}

int dw_sqlite_order_by_number(struct dw_store *st, const char *order_id, dw_order_fn fn, void *ctx,
			      struct dw_err *err)
{
	int64_t ids[NUMBER_MAX];
	int n = load_by_number(dw_sqlite_of(st), order_id, ids, err), r = n < 0 ? n : 0;

	for (int i = 0; r == 0 && i < n; i++) {
		DW_CLEANUP(dw_order_row_fini) struct dw_order_row row = { 0 };

		r = dw_sqlite_order_get(st, ids[i], &row, err);
		if (r == 0)
			r = fn(ctx, &row);
		else if (r == 1) /* went meanwhile */
			r = 0;
	}
	return r;
}

/* ---- numbers like a text ---- */
static int each_text(struct dw_query *q, dw_text_fn fn, void *ctx, struct dw_err *err)
{
	int r;

	while ((r = dw_query_step(q, err)) == 1) {
		const char *s = dw_col_ref(q);

		r = dw_query_check(q, err);
		if (r == 0 && s)
			r = fn(ctx, s);
		if (r != 0)
			break;
	}
	return r;
}

/* In each feed the neighbours in order of the number: all that begin alike are among them, the nearest first. */
static int neighbours(struct dw_sqlite *s, int64_t feed, const char *text, dw_text_fn fn, void *ctx,
		      struct dw_err *err)
{
	static const char *const sql[2] = {
		"SELECT order_id FROM orders WHERE feed=? AND order_id>=? ORDER BY order_id LIMIT 100",
		"SELECT order_id FROM orders WHERE feed=? AND order_id<? ORDER BY order_id DESC LIMIT 100",
	};
	int r = 0;

	for (int i = 0; i < 2 && r == 0; i++) {
		DW_QUERY q = { 0 };

		r = dw_query_open(&q, s, sql[i], err);
		if (r < 0)
			return r;
		dw_bind_int(&q, feed);
		dw_bind_text(&q, text);
		r = each_text(&q, fn, ctx, err);
	}
	return r;
}

int dw_sqlite_order_candidates(struct dw_store *st, const char *text, dw_text_fn fn, void *ctx, struct dw_err *err)
{
	struct dw_sqlite *s = dw_sqlite_of(st);
	DW_QUERY feeds = { 0 }, q = { 0 };
	int64_t feed[64];
	int r = dw_query_open(&feeds, s, "SELECT id FROM feeds WHERE overlay=0 LIMIT 64", err), n;

	if (r < 0)
		return r;
	n = dw_query_ids(&feeds, feed, 64, err);
	for (int i = 0; i < n && r == 0; i++)
		r = neighbours(s, feed[i], text, fn, ctx, err);
	if (n < 0 || r != 0)
		return n < 0 ? n : r;
	/* endings and typing errors near the front: among the newest orders only, however many there are */
	r = dw_query_open(&q, s, "SELECT order_id FROM orders ORDER BY id DESC LIMIT 20000", err);
	return r < 0 ? r : each_text(&q, fn, ctx, err);
}
