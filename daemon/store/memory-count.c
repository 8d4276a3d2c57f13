/* memory.h: what there is, counted the plain way. */
#include "memory.h"

static struct dw_feed_count *place_of(struct dw_counts *c, size_t *cap, const char *feed)
{
	size_t n = strnlen(feed, sizeof(c->feed->name) - 1), at = 0;

	while (at < c->n_feed && strcmp(c->feed[at].name, feed) < 0)
		at++;
	if (at < c->n_feed && strcmp(c->feed[at].name, feed) == 0)
		return &c->feed[at];
	if (c->n_feed == DW_COUNT_FEEDS_MAX)
		return NULL;
	if (dw_grow(&c->feed, cap, c->n_feed + 1, sizeof(*c->feed)) < 0)
		return NULL;
	memmove(&c->feed[at + 1], &c->feed[at], (c->n_feed - at) * sizeof(*c->feed));
	c->feed[at] = (struct dw_feed_count){ .listed = 0 };
	memcpy(c->feed[at].name, feed, n);
	c->n_feed++;
	return &c->feed[at];
}

static bool is_alerted(struct dw_memstore *s, int64_t order)
{
	DW_ROWS(s, MEM_ALERT, struct dw_mem_alert, a)
		if (a->order == order && a->a.kind != DW_NO_KIND)
			return true;
	return false;
}

static int count_orders(struct dw_memstore *s, struct dw_counts *c, struct dw_err *err)
{
	size_t cap = 0;

	DW_ROWS(s, MEM_FEED, struct dw_feed_row, row) {
		struct dw_feed_count *f = place_of(c, &cap, row->name);

		if (!f)
			return dw_err_oom(err);
		f->read = row->orders;
		f->rejected = row->rejected;
		f->good = !row->overlay && row->last_success != DW_UNKNOWN && row->error_since == DW_UNKNOWN;
	}
	DW_ROWS(s, MEM_ORDER, struct dw_order_row, o) {
		struct dw_feed_count *f = place_of(c, &cap, o->feed);

		c->orders++;
		c->alerted += is_alerted(s, o->id);
		if (!f)
			return dw_err_oom(err);
		f->class[o->class]++;
		f->listed += o->missing_since == DW_UNKNOWN && !o->gone;
	}
	return 0;
}

static int told_as(struct dw_memstore *s, const struct dw_step_row *row, dw_time now)
{
	const struct dw_mem_mail *m = row->mail ? dw_mem_mail(s, row->mail) : NULL;

	if (m)
		return (int)m->row.state;
	return row->told.at < now - DW_KEEP_ROWS ? DW_MAIL_SENT : DW_MAIL_LOST;
}

static void count_steps(struct dw_memstore *s, dw_time now, struct dw_counts *c)
{
	DW_ROWS(s, MEM_STEP, struct dw_step_row, row) {
		const struct dw_told *t = &row->told;

		c->steps++;
		c->step[t->state]++;
		if (t->state == DW_STEP_MAILED)
			c->told[told_as(s, row, now)]++;
		c->stuck += t->state == DW_STEP_WAITING && ((t->deliver == DW_DELIVER_NOW && t->at < now - DW_STUCK_S) ||
							    (t->deliver == DW_DELIVER_HELD && t->at < now - DW_HELD_S));
	}
}

static int count(struct dw_store *st, unsigned what, dw_time now, struct dw_counts *out, struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);

	DW_ROWS(s, MEM_MAIL, struct dw_mem_mail, m) {
		out->mail[m->row.state]++;
		if (!dw_mail_over(m->row.state) && (out->oldest == DW_UNKNOWN || m->row.created < out->oldest))
			out->oldest = m->row.created;
	}
	if (what & DW_COUNT_STEPS)
		count_steps(s, now, out);
	return what & DW_COUNT_ORDERS ? count_orders(s, out, err) : 0;
}

static void hurry(DW_UNUSED struct dw_store *st)
{
}

/* Nobody else has the handle. */
static int freeze(DW_UNUSED struct dw_store *st, DW_UNUSED struct dw_err *err)
{
	return 0;
}

static int tidy(DW_UNUSED struct dw_store *st, DW_UNUSED struct dw_err *err)
{
	return 0;
}

static int backup(DW_UNUSED struct dw_store *st, const char *path, struct dw_err *err)
{
	return dw_err_set(err, -ENOTSUP, "a store in memory has no backup (%s)", path);
}

static int check(DW_UNUSED struct dw_store *st, DW_UNUSED struct dw_err *err)
{
	return 0;
}

void dw_mem_count_ops(struct dw_store_ops *ops)
{
	ops->count = count;
	ops->hurry = hurry;
	ops->freeze = freeze;
	ops->tidy = tidy;
	ops->backup = backup;
	ops->check = check;
}
