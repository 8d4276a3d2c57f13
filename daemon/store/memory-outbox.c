/* memory.h: the outbox. */
#include "memory.h"

struct dw_mem_mail *dw_mem_mail(struct dw_memstore *s, int64_t id)
{
	DW_ROWS(s, MEM_MAIL, struct dw_mem_mail, m)
		if (m->row.id == id)
			return m;
	return NULL;
}

static bool may_have_left(const struct dw_mail_row *row)
{
	return row->handed || row->unsure > 0 || row->state == DW_MAIL_UNSURE;
}

static int insert(struct dw_memstore *s, struct dw_mail_row *row, struct dw_err *err)
{
	struct dw_mem_mail next = { .row = *row };

	next.row.id = s->last_id + 1;
	next.row.handed = may_have_left(row);
	if (dw_table_add(&s->t[MEM_MAIL], &next) < 0)
		return dw_err_oom(err);
	row->id = ++s->last_id;
	return 0;
}

static int update(struct dw_memstore *s, const struct dw_mail_row *row, bool body, struct dw_err *err)
{
	const struct dw_mem_mail *old = dw_mem_mail(s, row->id);
	struct dw_mem_mail next = { .row = *row };
	struct dw_table *t = &s->t[MEM_MAIL];

	if (!old)
		return dw_err_set(err, -ENOENT, "store: no such row");
	next.leased_from = old->leased_from;
	next.row.handed = may_have_left(row) || old->row.handed;
	if (!body) {
		next.row.bytes = old->row.bytes;
		next.row.n_bytes = old->row.n_bytes;
		next.row.model = old->row.model;
	}
	return dw_table_set(t, (size_t)(old - (struct dw_mem_mail *)(void *)t->p), &next) < 0 ? dw_err_oom(err) : 0;
}

static int mail_put(struct dw_store *st, struct dw_mail_row *row, struct dw_err *err)
{
	return row->id ? update(dw_mem_of(st), row, true, err) : insert(dw_mem_of(st), row, err);
}

static int mail_answered(struct dw_store *st, const struct dw_mail_row *row, struct dw_err *err)
{
	return update(dw_mem_of(st), row, false, err);
}

static int mail_get(struct dw_store *st, int64_t id, struct dw_mail_row *out, struct dw_err *err)
{
	const struct dw_mem_mail *m = dw_mem_mail(dw_mem_of(st), id);
	struct dw_mail_row copy;

	if (!m)
		return 1;
	if (dw_mail_row_copy(&copy, &m->row) < 0)
		return dw_err_oom(err);
	*out = copy;
	return 0;
}

static bool waits(const struct dw_mail_row *row)
{
	return (row->state == DW_MAIL_QUEUED || row->state == DW_MAIL_UNSURE) && row->next_try != DW_UNKNOWN;
}

static bool tried(const struct dw_mail_row *row)
{
	return row->tries > 0 || row->unsure > 0;
}

static int by_turn(const void *a, const void *b)
{
	const struct dw_mail_row *x = *(struct dw_mail_row *const *)a, *y = *(struct dw_mail_row *const *)b;

	if (tried(x) != tried(y))
		return tried(x) ? 1 : -1;
	if (x->next_try != y->next_try)
		return x->next_try < y->next_try ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static int mail_due(struct dw_store *st, dw_time now, int64_t *ids, int max, struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);
	DW_FREE const struct dw_mail_row **list = dw_calloc(s->t[MEM_MAIL].n + 1, sizeof(*list));
	int n = 0;

	if (!list)
		return dw_err_oom(err);
	DW_ROWS(s, MEM_MAIL, struct dw_mem_mail, m)
		if (waits(&m->row) && m->row.next_try <= now)
			list[n++] = &m->row;
	qsort(list, (size_t)n, sizeof(*list), by_turn);
	n = n < max ? n : max;
	for (int i = 0; i < n; i++)
		ids[i] = list[i]->id;
	return n;
}

static bool is_at(const char *address, const char *busy)
{
	const char *at = address ? strrchr(address, '@') : NULL;
	char domain[260];
	size_t n = 0;

	if (!at)
		return true;
	domain[n++] = '|';
	for (at++; *at && n < sizeof(domain) - 2; at++)
		domain[n++] = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
	domain[n++] = '|';
	domain[n] = '\0';
	return strstr(busy, domain) != NULL;
}

static int mail_due_elsewhere(struct dw_store *st, dw_time now, const char *busy, int look, int64_t *ids, int max,
			      struct dw_err *err)
{
	size_t all = dw_mem_of(st)->t[MEM_MAIL].n;
	DW_FREE int64_t *due = dw_calloc(all + 1, sizeof(*due));
	int n = due ? mail_due(st, now, due, (int)all, err) : dw_err_oom(err), kept = 0, seen[2] = { 0 };

	for (int i = 0; i < n && kept < max; i++) {
		const struct dw_mail_row *row = &dw_mem_mail(dw_mem_of(st), due[i])->row;

		if ((look <= 0 || seen[tried(row)]++ < look) && !is_at(row->address, busy))
			ids[kept++] = due[i];
	}
	return n < 0 ? n : kept;
}

static int mail_next(struct dw_store *st, dw_time *next_try, DW_UNUSED struct dw_err *err)
{
	*next_try = DW_NEVER;
	DW_ROWS(dw_mem_of(st), MEM_MAIL, struct dw_mem_mail, m)
		if (waits(&m->row) && m->row.next_try < *next_try)
			*next_try = m->row.next_try;
	return 0;
}

static int64_t mail_made(struct dw_store *st, const char *person, dw_time from, dw_time to, int64_t before,
			 DW_UNUSED struct dw_err *err)
{
	int64_t n = 0;

	DW_ROWS(dw_mem_of(st), MEM_MAIL, struct dw_mem_mail, m)
		n += m->row.created >= from && m->row.created < to && m->row.id < before &&
		     m->row.state != DW_MAIL_WITHDRAWN && strcmp(m->row.person, person) == 0;
	return n;
}

static int mail_lease(struct dw_store *st, int64_t id, dw_time now, DW_UNUSED struct dw_err *err)
{
	struct dw_mem_mail *m = dw_mem_mail(dw_mem_of(st), id);

	if (!m || (m->row.state != DW_MAIL_QUEUED && m->row.state != DW_MAIL_UNSURE))
		return 1;
	m->leased_from = m->row.state;
	m->row.state = DW_MAIL_LEASED;
	m->row.last_try = now;
	return 0;
}

static int mail_release(struct dw_store *st, DW_UNUSED struct dw_err *err)
{
	int n = 0;

	DW_ROWS(dw_mem_of(st), MEM_MAIL, struct dw_mem_mail, m)
		if (m->row.state == DW_MAIL_LEASED) {
			m->row.state = m->leased_from;
			m->row.handed = true;
			n++;
		}
	return n;
}

static int mail_each(struct dw_store *st, int state, dw_mail_fn fn, void *ctx, DW_UNUSED struct dw_err *err)
{
	const struct dw_table *t = &dw_mem_of(st)->t[MEM_MAIL];

	for (size_t i = t->n; i-- > 0;) {
		struct dw_mail_row row = ((struct dw_mem_mail *)dw_table_at(t, i))->row;
		int r;

		if (state >= 0 && (int)row.state != state)
			continue;
		row.bytes = NULL;
		row.n_bytes = 0;
		row.model = NULL;
		r = fn(ctx, &row);
		if (r != 0)
			return r;
	}
	return 0;
}

static int mail_count(struct dw_store *st, int64_t count[6], DW_UNUSED struct dw_err *err)
{
	memset(count, 0, 6 * sizeof(*count));
	DW_ROWS(dw_mem_of(st), MEM_MAIL, struct dw_mem_mail, m)
		count[m->row.state]++;
	return 0;
}

static bool carries(struct dw_memstore *s, int64_t mail, int64_t order, enum dw_side side)
{
	DW_ROWS(s, MEM_STEP, struct dw_step_row, row)
		if (row->mail == mail && row->order == order && row->told.side == side)
			return true;
	return false;
}

static int mail_queued_for(struct dw_store *st, int64_t order, enum dw_side side, const char *person, int64_t *ids,
			   int max, DW_UNUSED struct dw_err *err)
{
	struct dw_memstore *s = dw_mem_of(st);
	int n = 0;

	DW_ROWS(s, MEM_MAIL, struct dw_mem_mail, m)
		if (n < max && m->row.state == DW_MAIL_QUEUED && !m->row.handed &&
		    (!person || strcmp(m->row.person, person) == 0) && carries(s, m->row.id, order, side))
			ids[n++] = m->row.id;
	return n;
}

void dw_mem_outbox_ops(struct dw_store_ops *ops)
{
	ops->mail_put = mail_put;
	ops->mail_answered = mail_answered;
	ops->mail_get = mail_get;
	ops->mail_due = mail_due;
	ops->mail_due_elsewhere = mail_due_elsewhere;
	ops->mail_next = mail_next;
	ops->mail_made = mail_made;
	ops->mail_lease = mail_lease;
	ops->mail_release = mail_release;
	ops->mail_each = mail_each;
	ops->mail_count = mail_count;
	ops->mail_queued_for = mail_queued_for;
}
