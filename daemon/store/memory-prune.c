/* memory.h: retention. */
#include "memory.h"

struct cut {
	struct dw_memstore *s;
	dw_time before;
	int64_t id;
};

static dw_time ended(const struct dw_mail_row *row)
{
	return row->sent_at != DW_UNKNOWN ? row->sent_at : row->created;
}

static bool mail_dead(const void *row, const void *ctx)
{
	const struct dw_mail_row *m = &((const struct dw_mem_mail *)row)->row;
	const struct cut *c = ctx;

	return dw_mail_over(m->state) && m->created != DW_UNKNOWN && m->created < c->before && ended(m) < c->before;
}

static bool step_dead(const void *row, const void *ctx)
{
	const struct dw_step_row *t = row;
	const struct cut *c = ctx;

	if (t->told.state == DW_STEP_WAITING || t->told.at == DW_UNKNOWN || t->told.at >= c->before)
		return false;
	DW_ROWS(c->s, MEM_ALERT, struct dw_mem_alert, a)
		if (a->order == t->order && a->a.side == t->told.side && a->a.episode == t->told.episode)
			return false;
	return true;
}

static bool history_dead(const void *row, const void *ctx)
{
	const struct dw_mem_history *h = row;
	const struct cut *c = ctx;

	return h->at != DW_UNKNOWN && h->at < c->before;
}

static bool inbound_dead(const void *row, const void *ctx)
{
	return ((const struct dw_mem_inbound *)row)->row.at < ((const struct cut *)ctx)->before;
}

static int prune_bodies(struct dw_memstore *s, dw_time before, int max)
{
	const struct cut c = { s, before, 0 };
	int n = 0;

	DW_ROWS(s, MEM_MAIL, struct dw_mem_mail, m) {
		if (n == max || (!m->row.bytes && !m->row.model) || !mail_dead(m, &c))
			continue;
		free(m->row.bytes);
		free(m->row.model);
		m->row.bytes = m->row.model = NULL;
		m->row.n_bytes = 0;
		n++;
	}
	return n;
}

static int prune_mails(struct dw_memstore *s, dw_time before, int max)
{
	const struct cut c = { s, before, 0 };
	int n = dw_table_sweep(&s->t[MEM_MAIL], mail_dead, &c, max);

	DW_ROWS(s, MEM_STEP, struct dw_step_row, t)
		if (t->mail && !dw_mem_mail(s, t->mail))
			t->mail = 0;
	return n;
}

/* ---- an order takes all that hangs on it along ---- */
static bool hand_of(const void *row, const void *ctx)
{
	return ((const struct dw_mem_hand *)row)->order == ((const struct cut *)ctx)->id;
}

static bool alert_of(const void *row, const void *ctx)
{
	return ((const struct dw_mem_alert *)row)->order == ((const struct cut *)ctx)->id;
}

static bool episode_of(const void *row, const void *ctx)
{
	return ((const struct dw_mem_episode *)row)->order == ((const struct cut *)ctx)->id;
}

static bool step_of(const void *row, const void *ctx)
{
	return ((const struct dw_step_row *)row)->order == ((const struct cut *)ctx)->id;
}

static bool history_of(const void *row, const void *ctx)
{
	return ((const struct dw_mem_history *)row)->order == ((const struct cut *)ctx)->id;
}

static void drop_order(struct dw_memstore *s, size_t i)
{
	const struct dw_order_row *o = dw_table_at(&s->t[MEM_ORDER], i);
	const struct cut c = { s, 0, o->id };

	dw_table_sweep(&s->t[MEM_HAND], hand_of, &c, INT32_MAX);
	dw_table_sweep(&s->t[MEM_ALERT], alert_of, &c, INT32_MAX);
	dw_table_sweep(&s->t[MEM_EPISODE], episode_of, &c, INT32_MAX);
	dw_table_sweep(&s->t[MEM_STEP], step_of, &c, INT32_MAX);
	dw_table_sweep(&s->t[MEM_HISTORY], history_of, &c, INT32_MAX);
	dw_table_drop(&s->t[MEM_ORDER], i);
}

static int prune_orders(struct dw_memstore *s, dw_time before, int max)
{
	const struct dw_table *t = &s->t[MEM_ORDER];
	int n = 0;

	for (size_t i = 0; i < t->n && n < max;) {
		const struct dw_order_row *o = dw_table_at(t, i);
		int over = o->missing_since != DW_UNKNOWN && o->missing_since < before ?
				   dw_order_over(o->gone, before, &o->memory, o->record ? o->record : "", o->n_record) :
				   0;

		if (over < 0)
			return over;
		if (over) {
			drop_order(s, i);
			n++;
		} else {
			i++;
		}
	}
	return n;
}

int dw_mem_prune(struct dw_store *st, dw_time now, struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);
	const struct cut c = { s, now - DW_KEEP_ROWS, 0 }, in = { s, now - DW_KEEP_INBOUND, 0 };
	int left = DW_STORE_PRUNE_MAX, r;

	left -= prune_bodies(s, now - DW_KEEP_BYTES, left);
	left -= dw_table_sweep(&s->t[MEM_STEP], step_dead, &c, left);
	left -= prune_mails(s, c.before, left);
	left -= dw_table_sweep(&s->t[MEM_HISTORY], history_dead, &c, left);
	left -= dw_table_sweep(&s->t[MEM_INBOUND], inbound_dead, &in, left);
	r = prune_orders(s, c.before, left);
	if (r < 0)
		return dw_err_set(err, r, "the stored record of an order is damaged");
	return left - r <= 0;
}
