/* sqlite.h: a read that changed nothing asks for every order, mostly in the order in which the rows were stored. Then
 * the rows that follow the last answer are loaded a few hundred at a time, which costs a third of seeking each.
 * A window lives inside one transaction: nobody else can write meanwhile, and what we write is dropped from it. */
#include "sqlite.h"

enum { WINDOW_ROWS = 256, WINDOW_ID = 40 };

struct dw_window {
	struct {
		struct dw_peek peek; /* id 0: dropped */
		int64_t feed;
		char order_id[WINDOW_ID]; /* longer ones are not kept */
	} row[WINDOW_ROWS];
	int n, at;
	int64_t last; /* the last order found by seeking */
	int in_a_row; /* how many were found next to each other */
};

bool dw_window_find(struct dw_sqlite *s, int64_t feed, const char *order_id, struct dw_peek *out)
{
	struct dw_window *w = s->window;

	/* a few rows further at most: some may have left the file */
	for (int i = w ? w->at : 0; w && i < w->n && i < w->at + 4; i++) {
		if (w->row[i].feed != feed || w->row[i].peek.id == 0 || strcmp(w->row[i].order_id, order_id) != 0)
			continue;
		*out = w->row[i].peek;
		w->last = out->id;
		w->at = i + 1;
		return true;
	}
	return false;
}

static int load(struct dw_sqlite *s, struct dw_window *w, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, s,
			      "SELECT id, print, missing_since IS NULL AND gone=0, feed, order_id FROM orders WHERE id>?"
			      " ORDER BY id LIMIT 256",
			      err);

	w->n = w->at = 0;
	if (r < 0)
		return r;
	dw_bind_int(&q, w->last);
	while (w->n < WINDOW_ROWS && (r = dw_query_step(&q, err)) == 1) {
		w->row[w->n].peek.id = dw_col_int(&q);
		w->row[w->n].peek.print = (uint64_t)dw_col_int(&q);
		w->row[w->n].peek.listed = dw_col_bool(&q);
		w->row[w->n].feed = dw_col_int(&q);
		dw_col_short(&q, w->row[w->n].order_id, WINDOW_ID);
		w->n++;
	}
	if (r == 0)
		r = dw_query_check(&q, err);
	if (r < 0)
		w->n = 0;
	return r < 0 ? r : 0;
}

int dw_window_found(struct dw_sqlite *s, int64_t id, struct dw_err *err)
{
	struct dw_window *w = s->window;

	if (!s->base.writing)
		return 0;
	if (!w)
		w = s->window = dw_calloc(1, sizeof(*w));
	if (!w)
		return dw_err_oom(err);
	w->in_a_row = id > w->last && id - w->last <= 4 ? w->in_a_row + 1 : 0;
	w->last = id;
	return w->in_a_row >= 2 ? load(s, w, err) : 0;
}

void dw_window_drop(struct dw_sqlite *s, int64_t id)
{
	struct dw_window *w = s->window;

	for (int i = 0; w && i < w->n; i++)
		if (w->row[i].peek.id == id)
			w->row[i].peek.id = 0;
}

void dw_window_close(struct dw_sqlite *s)
{
	if (s->window)
		s->window->n = s->window->at = 0;
}
