/* duewatch outbox: what waits, is unsure, has failed; trying again, giving up. */
#include "cli.h"

#include <stdio.h>

struct listing {
	struct cli *c;
	bool all;
	json_t *mails;
	struct cli_table table;
	bool failed;
};

static bool shown(const struct listing *l, const struct dw_mail_row *m)
{
	return l->all || (m->state != DW_MAIL_SENT && m->state != DW_MAIL_WITHDRAWN);
}

static bool waits(const struct dw_mail_row *m)
{
	return m->state == DW_MAIL_QUEUED || m->state == DW_MAIL_UNSURE;
}

/* ---- JSON ---- */

struct order_list {
	struct listing *l;
	json_t *numbers;
	int64_t last; /* several steps of one order stand together */
};

static int on_step(void *ctx, const struct dw_step_row *step)
{
	struct order_list *o = ctx;
	struct dw_order_row row = { 0 };

	if (step->order == o->last)
		return 0;
	o->last = step->order;
	if (dw_store_order_get(o->l->c->store, step->order, &row, NULL) == 0)
		o->l->failed |= json_array_append_new(o->numbers, cli_json_text(row.order_id)) < 0;
	dw_order_row_fini(&row);
	return 0;
}

static json_t *mail_json(struct listing *l, const struct dw_mail_row *m)
{
	struct order_list orders = { .l = l, .numbers = json_array(), .last = -1 };
	DW_BUF id = { 0 };

	dw_buf_printf(&id, "<%s>", m->message_id ? m->message_id : "");
	l->failed |= dw_store_step_of_mail(l->c->store, m->id, on_step, &orders, NULL) < 0 || id.failed;
	return json_pack("{s:I,s:s,s:o,s:o,s:o,s:o,s:i,s:o,s:o,s:o}", "id", (json_int_t)m->id, "state",
			 dw_mail_state_words[m->state], "person", cli_json_text(m->person), "to", cli_json_text(m->address),
			 "message_id", cli_json_text(dw_buf_str(&id)), "subject", cli_json_text(m->subject), "tries", m->tries,
			 "next_try", waits(m) ? cli_json_time(m->next_try) : json_null(), "answer", cli_json_text(m->answer),
			 "orders", orders.numbers);
}

static int on_mail_json(void *ctx, const struct dw_mail_row *m)
{
	struct listing *l = ctx;

	l->failed |= json_array_append_new(l->mails, mail_json(l, m)) < 0;
	return l->failed;
}

static int print_json(struct cli *c)
{
	struct listing l = { .c = c, .mails = json_array() };
	struct dw_err err = { "" };
	int r = c->store ? dw_store_mail_each(c->store, -1, on_mail_json, &l, &err) : 0;

	if (r >= 0 && !l.failed)
		return cli_json_print(json_pack("{s:o}", "mails", l.mails));
	json_decref(l.mails);
	return cli_error("%s", r < 0 ? err.text : "out of memory");
}

/* ---- text ---- */

static enum cli_style style_of(enum dw_mail_state state)
{
	if (state == DW_MAIL_FAILED)
		return CLI_RED;
	return state == DW_MAIL_UNSURE ? CLI_YELLOW : state == DW_MAIL_SENT ? CLI_GREEN : CLI_PLAIN;
}

static int on_mail_text(void *ctx, const struct dw_mail_row *m)
{
	struct listing *l = ctx;
	struct cli_table *t = &l->table;
	DW_BUF when = { 0 };
	DW_BUF subject = { 0 };

	if (!shown(l, m))
		return 0;
	if (waits(m) && m->next_try != DW_NEVER) {
		dw_buf_puts(&when, m->next_try <= l->c->now ? "now" : "next ");
		if (m->next_try > l->c->now)
			cli_time(&when, m->next_try, l->c->zone, l->c->now);
	}
	cli_clip(&subject, m->subject, 60);
	cli_cell(t, CLI_PLAIN, "%lld", (long long)m->id);
	cli_cell(t, style_of(m->state), "%s", dw_mail_state_words[m->state]);
	cli_cell(t, CLI_PLAIN, "%s <%s>", m->person, m->address);
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&subject));
	cli_cell(t, CLI_PLAIN, "%d tries", m->tries + m->unsure);
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&when));
	cli_cell(t, CLI_DIM, "%s", m->answer ? m->answer : "");
	t->failed |= when.failed || subject.failed;
	return 0;
}

static int print_text(struct cli *c)
{
	struct listing l = { .c = c, .all = cli_option(c, "all"), .table = { .columns = 7 } };
	int64_t count[6] = { 0 };
	struct dw_err err = { "" };
	DW_BUF out = { 0 };
	int r = c->store ? dw_store_mail_each(c->store, -1, on_mail_text, &l, &err) : 0;

	if (r >= 0 && c->store)
		r = dw_store_mail_count(c->store, count, &err);
	cli_table_print(&l.table, c, &out, 0);
	dw_buf_printf(&out, "%lld waiting, %lld sent, %lld unsure, %lld failed\n",
		      (long long)(count[DW_MAIL_QUEUED] + count[DW_MAIL_LEASED]), (long long)count[DW_MAIL_SENT],
		      (long long)count[DW_MAIL_UNSURE], (long long)count[DW_MAIL_FAILED]);
	return r < 0 ? cli_error("%s", err.text) : cli_print(&out);
}

/* ---- retry, drop ---- */

static int parse_id(struct cli *c, const char *text, int64_t *id)
{
	char *end;

	errno = 0;
	*id = strtoll(text, &end, 10);
	if (errno || *end || end == text || *id <= 0)
		return cli_usage(c, "outbox: \"%.40s\" is no mail's number (duewatch outbox lists them)", text);
	return 0;
}

/* A mail on the wire is left alone: its answer is about to be recorded. */
static int change(struct dw_mail_row *m, bool drop, dw_time now, struct dw_err *err)
{
	switch (m->state) {
	case DW_MAIL_QUEUED:
	case DW_MAIL_UNSURE:
	case DW_MAIL_FAILED:
		break;
	case DW_MAIL_LEASED:
		return dw_err_set(err, -EBUSY, "mail %lld is being sent right now", (long long)m->id);
	case DW_MAIL_SENT:
		return dw_err_set(err, -EALREADY, "mail %lld is sent already", (long long)m->id);
	case DW_MAIL_WITHDRAWN:
		return dw_err_set(err, -EALREADY, "mail %lld is withdrawn", (long long)m->id);
	}
	if (drop) {
		m->state = DW_MAIL_WITHDRAWN;
		m->next_try = DW_NEVER;
		return 0;
	}
	if (m->state == DW_MAIL_FAILED && !m->bytes)
		return dw_err_set(err, -ENODATA, "mail %lld is too old: its text is gone", (long long)m->id);
	if (m->state == DW_MAIL_FAILED)
		m->state = DW_MAIL_QUEUED;
	m->next_try = now;
	return 0;
}

static int change_one(struct cli *c, int64_t id, bool drop)
{
	struct dw_mail_row m = { 0 };
	struct dw_err err = { "" };
	int r = dw_store_begin(c->store, &err);

	if (r < 0)
		return cli_error("%s", err.text);
	r = dw_store_mail_get(c->store, id, &m, &err);
	if (r > 0)
		r = dw_err_set(&err, -ENOENT, "no mail %lld (duewatch outbox lists them)", (long long)id);
	if (r == 0)
		r = change(&m, drop, c->now, &err);
	if (r == 0)
		r = dw_store_mail_answered(c->store, &m, &err);
	dw_mail_row_fini(&m);
	if (r < 0)
		dw_store_rollback(c->store);
	else
		r = dw_store_commit(c->store, &err);
	if (r < 0)
		return cli_error("%s", err.text);
	printf("mail %lld: %s\n", (long long)id, drop ? "dropped" : "tried again now");
	return 0;
}

int cli_outbox(struct cli *c)
{
	bool drop = c->n_arg > 0 && strcmp(c->arg[0], "drop") == 0;
	int64_t id;
	int r = 0, one;

	if (c->n_arg == 0)
		return cli_option(c, "json") ? print_json(c) : print_text(c);
	if (!drop && strcmp(c->arg[0], "retry") != 0)
		return cli_usage(c, "outbox: \"%.40s\" is neither retry nor drop", c->arg[0]);
	if (c->n_arg == 1)
		return cli_usage(c, "outbox %s: which mails? (duewatch outbox lists them)", c->arg[0]);
	for (int i = 1; i < c->n_arg; i++) {
		r = parse_id(c, c->arg[i], &id);
		if (r)
			return r;
	}
	if (!c->store)
		return cli_error("nothing has been read yet: there are no mails");
	for (int i = 1; i < c->n_arg; i++) {
		parse_id(c, c->arg[i], &id);
		one = change_one(c, id, drop);
		r = one ? one : r;
	}
	cli_wake(c);
	return r ? r : fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}
