/* world.h: the relay, and what holds for every mail it takes. */
#include "world-impl.h"

#include "../../daemon/mail/transport-impl.h"

#include <stdio.h>
#include <strings.h>

/* The next header named `name` (with its colon) at or after *p, unfolded, into out; false: none before the body. */
static bool next_header(const char **p, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	while (**p && strncmp(*p, "\r\n", 2) != 0) {
		const char *line = *p, *end = strstr(line, "\r\n");
		size_t n = 0;
		bool is = strncasecmp(line, name, len) == 0;

		while (end && (end[2] == ' ' || end[2] == '\t'))
			end = strstr(end + 2, "\r\n");
		*p = end ? end + 2 : line + strlen(line);
		if (!is)
			continue;
		for (const char *c = line + len; c < *p && n + 1 < size; c++)
			if (*c != '\r' && *c != '\n' && !(n == 0 && *c == ' '))
				out[n++] = *c;
		out[n] = '\0';
		return true;
	}
	return false;
}

static int scan_entries(struct sc_world *w, struct sc_mail *m)
{
	const char *o = m->bytes, *k = m->bytes, *s = m->bytes;
	struct sc_entry e = { .taken = false };

	while (next_header(&o, "X-Duewatch-Order:", e.order, sizeof(e.order))) {
		if (!next_header(&k, "X-Duewatch-Kind:", e.kind, sizeof(e.kind)) ||
		    !next_header(&s, "X-Duewatch-Step:", e.step, sizeof(e.step)))
			return dw_err_set(&w->err, -EBADMSG, "mail %lld: an X-Duewatch-Order without Kind and Step",
					  (long long)m->id);
		if (dw_grow(&m->entry, &m->cap_entry, m->n_entry + 1, sizeof(e)) < 0)
			return dw_err_oom(&w->err);
		m->entry[m->n_entry++] = e;
	}
	return 0;
}

/* What holds for every mail, whatever the scenario. */
static int check_mail(struct sc_world *w, struct sc_mail *m, const struct dw_send_job *job)
{
	char text[1000];
	const char *p = m->bytes;

	if (!next_header(&p, "Message-ID:", text, sizeof(text)) || strlen(text) < 3 ||
	    strncmp(text + 1, job->message_id, strlen(job->message_id)) != 0)
		return dw_err_set(&w->err, -EBADMSG, "mail %lld: its Message-ID is not the outbox's", (long long)m->id);
	p = m->bytes;
	if (!next_header(&p, "Auto-Submitted:", text, sizeof(text)) || strcmp(text, m->type == DW_MAIL_ANSWER ? "auto-replied" : "auto-generated") != 0)
		return dw_err_set(&w->err, -EBADMSG, "mail %lld: not marked Auto-Submitted", (long long)m->id);
	p = m->bytes;
	if (!next_header(&p, "To:", text, sizeof(text)) || !strstr(text, job->to))
		return dw_err_set(&w->err, -EBADMSG, "mail %lld: To isn't its envelope's recipient", (long long)m->id);
	for (size_t i = 0; i + 1 < w->n_mail; i++) {
		if (strcmp(w->mail[i].message_id, m->message_id) != 0)
			continue;
		m->repeat = true;
		if (w->mail[i].recorded)
			return dw_err_set(&w->err, -EEXIST, "mail %lld was sent again, though its 250 had been recorded",
					  (long long)m->id);
	}
	return 0;
}

/* The relay has taken it. */
static int take_mail(struct sc_world *w, const struct dw_send_job *job, int relay)
{
	struct dw_mail_row row = { 0 };
	struct sc_mail *m;
	int who, r;

	if (dw_grow(&w->mail, &w->cap_mail, w->n_mail + 1, sizeof(*w->mail)) < 0)
		return dw_err_oom(&w->err);
	m = &w->mail[w->n_mail];
	*m = (struct sc_mail){ .id = job->id, .at = w->t, .relay = relay };
	who = dw_people_find(&w->config->people, job->to);
	if (who < 0)
		return dw_err_set(&w->err, -EINVAL, "a mail to %s, who is not in the config", job->to);
	snprintf(m->person, sizeof(m->person), "%s", w->config->people.p[who].name);
	r = dw_store_mail_get(w->store, job->id, &row, &w->err);
	if (r != 0)
		return r < 0 ? r : dw_err_set(&w->err, -ENOENT, "mail %lld is not in the outbox", (long long)job->id);
	m->type = row.type;
	m->subject = dw_steal(&row.subject);
	dw_mail_row_fini(&row);
	m->message_id = dw_strdup(job->message_id);
	m->bytes = calloc(1, job->n_bytes + 1);
	w->n_mail++;
	if (!m->message_id || !m->bytes || !m->subject)
		return dw_err_oom(&w->err);
	memcpy(m->bytes, job->bytes, job->n_bytes);
	r = check_mail(w, m, job);
	return r < 0 ? r : scan_entries(w, m);
}

static void answer(struct dw_answer *a, int curl, int code, enum dw_stage stage, const char *text)
{
	*a = (struct dw_answer){ .stage = stage, .code = code, .final_dot = stage == DW_AT_DOT };
	a->verdict = curl ? dw_smtp_verdict(curl, code, stage, text) : DW_SENT;
	snprintf(a->text, sizeof(a->text), "%s", text);
}

/* curl's codes as design.md §5 has them: 7 no connection, 55 at RCPT, 28 a timeout. */
static int speak(struct sc_world *w, int relay, const struct dw_send_job *job, struct dw_answer *a)
{
	int who = dw_people_find(&w->config->people, job->to);

	switch (who >= 0 ? w->relay[relay][who] : SC_OK) {
	case SC_OK:
		answer(a, 0, 250, DW_AT_DOT, "250 2.0.0 Ok: queued as SCENARIO");
		return take_mail(w, job, relay);
	case SC_451:
		answer(a, 55, 451, DW_AT_RCPT, "451 4.3.0 try again later");
		break;
	case SC_DEAD:
		answer(a, 55, 550, DW_AT_RCPT, "550 5.1.1 no such user");
		break;
	case SC_554:
		answer(a, 8, 554, DW_AT_DATA, "554 5.7.1 rejected by policy");
		break;
	case SC_HANG:
		answer(a, 28, 354, DW_AT_DOT, "timed out after the dot");
		return take_mail(w, job, relay);
	case SC_HANG_LOST:
		answer(a, 28, 354, DW_AT_DOT, "timed out after the dot");
		break;
	case SC_DOWN:
		answer(a, 7, 0, DW_AT_CONNECT, "connection refused");
		break;
	}
	return 0;
}

/* ---- relays that speak so, behind the daemon's own choice among them ---- */

struct line { /* one relay's */
	struct dw_transport base;
	struct sc_world *w;
	const struct dw_send_job *job;
	int relay, failed;
};

struct post {
	struct line line[SC_RELAYS_MAX];
	struct sc_world *w;
};

static void line_send(struct dw_transport *t, DW_UNUSED const struct dw_envelope *env, DW_UNUSED const char *id,
		      DW_UNUSED const void *bytes, DW_UNUSED size_t n, struct dw_answer *a)
{
	struct line *l = (struct line *)(void *)t;

	l->failed = speak(l->w, l->relay, l->job, a);
}

static int line_of(void *ctx, int i, struct dw_transport **out, DW_UNUSED struct dw_err *err)
{
	*out = &((struct post *)ctx)->line[i].base;
	return 0;
}

static int64_t boot_ms(void *ctx)
{
	const struct sc_world *w = ((struct post *)ctx)->w;

	return (w->t - w->t0) * 1000;
}

static dw_time wall(void *ctx)
{
	return sc_wall(((struct post *)ctx)->w);
}

static int deliver(struct sc_world *w, const struct dw_send_job *job, struct dw_answer *a)
{
	static const struct dw_transport_ops ops = { .send = line_send };
	struct dw_envelope env = { .from = job->from, .to = job->to };
	struct post post = { .w = w };
	struct dw_relay_post how = { .transport = line_of, .boot_ms = boot_ms, .wall = wall, .ctx = &post };
	int first = dw_relays_take(w->relays, 0, boot_ms(&post), NULL), r = 0;

	if (first < 0)
		return dw_err_set(&w->err, -EBUSY, "no relay takes a mail, though one at a time is sent");
	for (int i = 0; i < SC_RELAYS_MAX; i++)
		post.line[i] = (struct line){ .base.ops = &ops, .w = w, .job = job, .relay = i };
	dw_relays_send(w->relays, first, &how, &env, job->message_id, job->bytes, job->n_bytes, a);
	for (int i = 0; i < SC_RELAYS_MAX; i++)
		r = post.line[i].failed < 0 ? post.line[i].failed : r;
	return r;
}

int sc_relays_new(struct sc_world *w)
{
	dw_relays_free(w->relays);
	w->relays = NULL;
	if (w->config->mail.n_fallback >= SC_RELAYS_MAX)
		return dw_err_set(&w->err, -E2BIG, "more than %d relays", SC_RELAYS_MAX);
	return dw_relays_new(&w->relays, w->config, &w->err);
}

int sc_relays_ask(struct sc_world *w)
{
	struct post post = { .w = w };
	int i;

	while ((i = dw_relays_probe_due(w->relays, boot_ms(&post))) >= 0) {
		struct dw_answer a;

		if (w->relay[i][0] == SC_DOWN)
			answer(&a, 7, 0, DW_AT_CONNECT, "connection refused");
		else
			answer(&a, 0, 250, DW_AT_AUTH, "250 2.0.0 ok");
		dw_relays_probed(w->relays, i, &a, boot_ms(&post), sc_wall(w));
	}
	return 0;
}

/* ---- the outbox ---- */

static int record(struct sc_world *w, int64_t id, const struct dw_answer *a)
{
	int r = dw_store_begin(w->store, &w->err);

	if (r < 0)
		return r;
	r = dw_outbox_answer(w->engine, id, a, sc_wall(w), &w->err);
	if (r < 0) {
		dw_store_rollback(w->store);
		return r;
	}
	r = dw_store_commit(w->store, &w->err);
	if (r == 0 && a->verdict == DW_SENT)
		w->mail[w->n_mail - 1].recorded = true;
	return r;
}

/* The armed crash comes. 1: started again. */
int sc_die(struct sc_world *w)
{
	int r;

	w->t += w->down;
	w->down = 0;
	w->crash = SC_ALIVE;
	r = sc_restart(w);
	return r < 0 ? r : 1;
}

/* 0; 1: the process died on the way and was started again. */
static int send_one(struct sc_world *w, const struct dw_send_job *job)
{
	struct dw_answer a;
	int r;

	if (w->crash == SC_AFTER_LEASE)
		return sc_die(w);
	r = deliver(w, job, &a);
	if (r < 0)
		return r;
	if (w->crash == SC_AFTER_SEND)
		return sc_die(w);
	return record(w, job->id, &a);
}

int sc_send_due(struct sc_world *w)
{
	struct dw_send_job job = { 0 };
	int r;

	while ((r = dw_outbox_lease(w->engine, sc_wall(w), NULL, 0, &job, &w->err)) == 0) {
		r = send_one(w, &job);
		dw_send_job_fini(&job);
		if (r != 0)
			return r;
	}
	return r < 0 ? r : 0;
}
