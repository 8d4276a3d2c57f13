/* memory.h: what comes in by mail: mailboxes, mails taken, dead addresses. */
#include "memory.h"

static int mail_find(struct dw_store *st, const char *message_id, int64_t *id, DW_UNUSED struct dw_err *err)
{
	int r = 1;

	DW_ROWS(dw_mem_of(st), MEM_MAIL, struct dw_mem_mail, m)
		if (dw_streq(m->row.message_id, message_id)) {
			*id = m->row.id;
			r = 0;
		}
	return r;
}

static int mailbox_get(struct dw_store *st, const char *name, struct dw_mailbox_row *out, DW_UNUSED struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_MAILBOX, struct dw_mailbox_row, m)
		if (strcmp(m->name, name) == 0) {
			*out = *m;
			return 0;
		}
	return 1;
}

static int mailbox_put(struct dw_store *st, const struct dw_mailbox_row *row, struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_MAILBOX, struct dw_mailbox_row, m)
		if (strcmp(m->name, row->name) == 0) {
			*m = *row;
			return 0;
		}
	return dw_table_add(&dw_mem_of(st)->t[MEM_MAILBOX], row) < 0 ? dw_err_oom(err) : 0;
}

static int inbound_find(struct dw_store *st, const char *id, DW_UNUSED struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_INBOUND, struct dw_mem_inbound, m)
		if (strcmp(m->key, id) == 0)
			return 0;
	return 1;
}

static int inbound_add(struct dw_store *st, const struct dw_inbound_row *row, struct dw_err *err)
{
	const struct dw_mem_inbound m = { *row, (char *)(uintptr_t)row->id };

	if (inbound_find(st, row->id, err) == 0)
		return dw_err_set(err, -EEXIST, "store: that mail was taken already");
	return dw_table_add(&dw_mem_of(st)->t[MEM_INBOUND], &m) < 0 ? dw_err_oom(err) : 0;
}

static int inbound_count(struct dw_store *st, const char *person, dw_time since, int64_t *commands, int64_t *answers,
			 DW_UNUSED struct dw_err *err)
{
	*commands = *answers = 0;
	DW_ROWS(dw_mem_of(st), MEM_INBOUND, struct dw_mem_inbound, m)
		if (m->row.at >= since && strcmp(m->row.person, person) == 0) {
			*commands += m->row.commands;
			*answers += m->row.answers;
		}
	return 0;
}

static int dead_get(struct dw_store *st, const char *address, struct dw_dead_row *out, DW_UNUSED struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_DEAD, struct dw_dead_row, d)
		if (strcmp(d->address, address) == 0) {
			*out = *d;
			return 0;
		}
	return 1;
}

static int dead_put(struct dw_store *st, const struct dw_dead_row *row, struct dw_err *err)
{
	DW_ROWS(dw_mem_of(st), MEM_DEAD, struct dw_dead_row, d)
		if (strcmp(d->address, row->address) == 0) {
			*d = *row;
			return 0;
		}
	return dw_table_add(&dw_mem_of(st)->t[MEM_DEAD], row) < 0 ? dw_err_oom(err) : 0;
}

static int dead_drop(struct dw_store *st, const char *address, DW_UNUSED struct dw_err *err)
{
	struct dw_table *t = &dw_mem_of(st)->t[MEM_DEAD];

	for (size_t i = 0; i < t->n; i++)
		if (strcmp(((struct dw_dead_row *)dw_table_at(t, i))->address, address) == 0) {
			dw_table_drop(t, i);
			break;
		}
	return 0;
}

static int dead_each(struct dw_store *st, dw_dead_fn fn, void *ctx, DW_UNUSED struct dw_err *err)
{
	const struct dw_table *t = &dw_mem_of(st)->t[MEM_DEAD];
	const char *last = "";

	for (;;) { /* by address: each time the least one after the last */
		const struct dw_dead_row *next = NULL;
		int r;

		for (size_t i = 0; i < t->n; i++) {
			const struct dw_dead_row *d = dw_table_at(t, i);

			if (strcmp(d->address, last) > 0 && (!next || strcmp(d->address, next->address) < 0))
				next = d;
		}
		if (!next)
			return 0;
		r = fn(ctx, next);
		if (r != 0)
			return r;
		last = next->address;
	}
}

void dw_mem_inbound_ops(struct dw_store_ops *ops)
{
	ops->mail_find = mail_find;
	ops->mailbox_get = mailbox_get;
	ops->mailbox_put = mailbox_put;
	ops->inbound_add = inbound_add;
	ops->inbound_find = inbound_find;
	ops->inbound_count = inbound_count;
	ops->dead_get = dead_get;
	ops->dead_put = dead_put;
	ops->dead_drop = dead_drop;
	ops->dead_each = dead_each;
}
