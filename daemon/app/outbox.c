/* engine.h, the outbox: leases out, answers in (design.md §3). */
#include "engine-impl.h"

#include "duewatch/retry.h"

#include <stdio.h>
#include <strings.h>

enum { LATE_S = 3600, DUE_LOOK = 64, PLAIN_AFTER = 3 };

void dw_send_job_fini(struct dw_send_job *j)
{
	free(j->from);
	free(j->to);
	free(j->message_id);
	free(j->bytes);
	*j = (struct dw_send_job){ 0 };
}

static const char *domain(const char *address)
{
	const char *at = strrchr(address, '@');

	return at ? at + 1 : address;
}

static bool is_busy(const char *address, const char *const *busy, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(domain(address), busy[i]) == 0)
			return true;
	return false;
}

/* Each mail has its own where bounces are read, so that one says which mail it is about and can't be made up. */
static char *envelope_sender(struct dw_engine *e, int64_t id)
{
	const struct dw_replies_conf *r = &e->config->replies;
	char *own = r->address && r->bounces && e->keyed ? dw_verp_make(e->reply_key, r->address, id) : NULL;

	return own ? own : dw_strdup(e->config->mail.from_address);
}

static int fill_job(struct dw_engine *e, struct dw_mail_row *row, struct dw_send_job *out, struct dw_err *err)
{
	struct dw_send_job j = { .id = row->id, .tries = row->tries };

	j.from = envelope_sender(e, row->id);
	j.to = dw_strdup(row->address);
	j.message_id = dw_strdup(row->message_id);
	j.bytes = dw_steal(&row->bytes);
	j.n_bytes = row->n_bytes;
	if (!j.from || !j.to || !j.message_id) {
		dw_send_job_fini(&j);
		return dw_err_oom(err);
	}
	*out = j;
	return 0;
}

/* A mail that waits over an hour for its first hand-over says "14 h left" wrongly: rendered anew, same id. */
static int freshen(struct dw_engine *e, struct dw_mail_row *row, dw_time now, struct dw_err *err)
{
	int r;

	if (row->tries > 0 || row->state != DW_MAIL_QUEUED || now - row->created <= LATE_S || row->last_try != DW_UNKNOWN)
		return 0;
	r = dw_dispatch_render_again(e, row, false, now, err);
	if (r != -EBADMSG && r != -E2BIG)
		return r;
	dw_engine_log(e, DW_LOG_ERROR, "mail=%lld goes out as it was written first: %s", (long long)row->id, err->text);
	return 0; /* one order's damaged record must not stop everybody's mail */
}

/* Nothing is left to send: said once, and out of the others' way. */
static int lost_bytes(struct dw_engine *e, struct dw_mail_row *row, struct dw_err *err)
{
	int r;

	row->state = DW_MAIL_FAILED;
	row->next_try = DW_NEVER;
	free(row->answer);
	row->answer = dw_strdup("its text is missing in the store");
	dw_engine_log(e, DW_LOG_ERROR, "failed mail=%lld person=%s: its text is missing in the store", (long long)row->id,
		      row->person);
	r = dw_store_mail_answered(e->store, row, err);
	return r < 0 ? r : 1;
}

/* One mail: 0 leased, 1 not this one. */
static int try_lease(struct dw_engine *e, int64_t id, dw_time now, const char *const *busy, size_t n,
		     struct dw_send_job *out, struct dw_err *err)
{
	struct dw_mail_row row = { 0 };
	int r = dw_store_mail_get(e->store, id, &row, err);

	if (r)
		return r;
	if (is_busy(row.address, busy, n))
		r = 1;
	else
		r = freshen(e, &row, now, err);
	if (r == 1 && !is_busy(row.address, busy, n)) { /* nothing in it holds any more */
		row.state = DW_MAIL_WITHDRAWN;
		r = dw_store_mail_put(e->store, &row, err);
		r = r < 0 ? r : 1;
	}
	if (r == 0 && !row.bytes)
		r = lost_bytes(e, &row, err);
	if (r == 0)
		r = dw_store_mail_lease(e->store, id, now, err);
	if (r == 0)
		r = fill_job(e, &row, out, err);
	dw_mail_row_fini(&row);
	return r;
}

/* Mails that are due at other domains than those. One that hangs may have a long queue: the whole outbox is looked
 * through then, but not more often than each second while nothing is found. */
static int due_elsewhere(struct dw_engine *e, dw_time now, const char *const *busy, size_t n, int64_t *ids,
			 struct dw_err *err)
{
	DW_BUF list = { 0 };
	int count;

	dw_buf_putc(&list, '|');
	for (size_t i = 0; i < n; i++) {
		for (const char *c = busy[i]; *c; c++)
			dw_buf_putc(&list, (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c));
		dw_buf_putc(&list, '|');
	}
	if (list.failed)
		return dw_err_oom(err);
	count = dw_store_mail_due_elsewhere(e->store, now, list.p, DUE_LOOK, ids, DUE_LOOK, err);
	if (count != 0 || e->found_none == now)
		return count;
	count = dw_store_mail_due_elsewhere(e->store, now, list.p, 0, ids, DUE_LOOK, err);
	if (count == 0)
		e->found_none = now;
	return count;
}

int dw_outbox_lease(struct dw_engine *e, dw_time now, const char *const *busy, size_t n, struct dw_send_job *out,
		    struct dw_err *err)
{
	int64_t ids[DUE_LOOK];
	int count = n ? due_elsewhere(e, now, busy, n, ids, err) : dw_store_mail_due(e->store, now, ids, DUE_LOOK, err);
	int r;

	if (count <= 0)
		return count < 0 ? count : 1;
	r = dw_store_begin(e->store, err);
	if (r < 0)
		return r;
	r = 1;
	for (int i = 0; r == 1 && i < count; i++)
		r = try_lease(e, ids[i], now, busy, n, out, err);
	if (r < 0) {
		dw_store_rollback(e->store);
		return r;
	}
	if (dw_store_commit(e->store, err) < 0) {
		dw_send_job_fini(out);
		return -EIO;
	}
	return r;
}

/* ---- answers ---- */

struct orders {
	struct dw_buf text;
	const char *kind, *step;
	int64_t last;
	struct dw_engine *e;
};

static int name_order(void *ctx, const struct dw_step_row *row)
{
	struct orders *o = ctx;
	struct dw_order_row order = { 0 };
	char number[DW_WORD_SIZE];

	o->kind = row->told.kind >= 0 ? dw_kinds[row->told.kind].name : "resolved";
	if (row->order != o->last && o->text.n < 200 && dw_store_order_get(o->e->store, row->order, &order, NULL) == 0)
		dw_buf_printf(&o->text, "%s%s", o->text.n ? "," : "", dw_quote_word(number, order.order_id));
	o->last = row->order;
	dw_order_row_fini(&order);
	return 0;
}

/* One parsable line per delivery. */
static void log_answer(struct dw_engine *e, const struct dw_mail_row *row, const struct dw_answer *a, const char *what)
{
	struct orders o = { .e = e, .kind = "-", .last = -1 };
	DW_BUF answer = { 0 };

	for (const char *c = dw_empty(a->text) ? "" : a->text; *c; c++) /* the server must not close the field */
		dw_buf_putc(&answer, *c == '"' ? '\'' : *c);
	dw_store_step_of_mail(e->store, row->id, name_order, &o, NULL);
	dw_engine_log(e, row->state == DW_MAIL_SENT ? DW_LOG_INFO : DW_LOG_WARNING,
		      "%s mail=%lld order=%s kind=%s person=%s tries=%d%s%s answer=\"%s\"", what, (long long)row->id,
		      o.text.n ? dw_buf_str(&o.text) : "-", o.kind, row->person, row->tries, *a->via ? " relay=" : "", a->via,
		      dw_buf_str(&answer));
	dw_buf_fini(&o.text);
}

static int mark_person(struct dw_engine *e, const struct dw_mail_row *row, dw_time dead_at, const char *why,
		       struct dw_err *err)
{
	struct dw_person_row p;
	int r = dw_store_person_get(e->store, row->person, &p, err);

	if (r)
		return r < 0 ? r : 0;
	if (p.dead_at == dead_at)
		return 0;
	p.dead_at = dead_at;
	snprintf(p.dead_why, sizeof(p.dead_why), "%s", why);
	dw_utf8_mend(p.dead_why);
	return dw_store_person_put(e->store, &p, err);
}

static int back_to_queue(struct dw_engine *e, struct dw_mail_row *row, enum dw_mail_state state, dw_time now)
{
	row->next_try = dw_retry_next(row->created, row->tries, row->unsure >= 2, now);
	row->state = row->next_try == DW_NEVER ? DW_MAIL_FAILED : state;
	(void)e;
	return 0;
}

/* Where everybody in a row is refused it is more likely the relay than all of them (Exim says "550 relay not permitted",
 * without an enhanced code, to every recipient when it doesn't know us), and nothing may be lost to that: the last one's
 * mail is tried again like any that the relay refuses. */
static int take_dead(struct dw_engine *e, struct dw_mail_row *row, const struct dw_answer *a, dw_time now,
		     struct dw_err *err)
{
	int r;

	row->state = DW_MAIL_FAILED;
	row->next_try = DW_NEVER;
	log_answer(e, row, a, "dead address");
	r = mark_person(e, row, now, a->text, err);
	if (r >= 0 && row->type == DW_MAIL_ANSWER)
		return 0; /* nobody else asked */
	if (r >= 0)
		r = dw_dispatch_redirect(e, row, a->text, now, err);
	if (r == -EBADMSG) { /* its steps wait for the next person; the answer itself must be recorded */
		dw_engine_log(e, DW_LOG_ERROR, "redirecting mail=%lld: %s", (long long)row->id, err->text);
		r = 0;
	}
	if (r == 1) {
		row->verdict = DW_RELAY_REFUSED;
		back_to_queue(e, row, DW_MAIL_QUEUED, now);
	}
	return r < 0 ? r : 0;
}

static int take_answer(struct dw_engine *e, struct dw_mail_row *row, const struct dw_answer *a, dw_time now,
		       struct dw_err *err)
{
	int r = 0;

	switch (a->verdict) {
	case DW_SENT:
		row->state = DW_MAIL_SENT;
		row->sent_at = now;
		row->next_try = DW_NEVER;
		r = mark_person(e, row, DW_UNKNOWN, "", err);
		if (r >= 0)
			r = dw_bounce_delivered(e, row->address, now, err);
		log_answer(e, row, a, "delivered");
		break;
	case DW_RETRY:
		back_to_queue(e, row, row->unsure ? DW_MAIL_UNSURE : DW_MAIL_QUEUED, now);
		log_answer(e, row, a, row->state == DW_MAIL_FAILED ? "failed" : "deferred");
		break;
	case DW_UNSURE:
		row->unsure++;
		back_to_queue(e, row, DW_MAIL_UNSURE, now);
		log_answer(e, row, a, row->state == DW_MAIL_FAILED ? "failed" : "unsure");
		break;
	case DW_DEAD_ADDRESS:
		r = take_dead(e, row, a, now, err);
		break;
	case DW_RELAY_REFUSED:
		row->data_refused += a->stage == DW_AT_DATA || a->stage == DW_AT_DOT;
		back_to_queue(e, row, row->unsure ? DW_MAIL_UNSURE : DW_MAIL_QUEUED, now);
		log_answer(e, row, a, row->state == DW_MAIL_FAILED ? "failed" : "relay refuses");
		if (row->data_refused == PLAIN_AFTER && row->state != DW_MAIL_FAILED) {
			r = dw_dispatch_render_again(e, row, true, now, err);
			r = r < 0 ? r : 0;
		}
		break;
	}
	return r;
}

int dw_outbox_answer(struct dw_engine *e, int64_t id, const struct dw_answer *answer, dw_time now, struct dw_err *err)
{
	struct dw_mail_row row = { 0 };
	int r = dw_store_mail_get(e->store, id, &row, err);

	if (r)
		return r < 0 ? r : 0;
	row.tries++;
	row.last_try = now;
	row.verdict = answer->verdict;
	free(row.answer);
	row.answer = dw_strdup(answer->text);
	r = row.answer ? take_answer(e, &row, answer, now, err) : dw_err_oom(err);
	if (r >= 0)
		r = dw_store_mail_put(e->store, &row, err);
	dw_mail_row_fini(&row);
	return r < 0 ? r : 0;
}

dw_time dw_outbox_next(struct dw_engine *e, struct dw_err *err)
{
	dw_time next = DW_NEVER;

	return dw_store_mail_next(e->store, &next, err) < 0 ? DW_NEVER : next;
}
