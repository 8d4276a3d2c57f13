/* world.h: what people write back, and mails that come back: as the mailbox would give them. */
#include "world-impl.h"

#include "duewatch/reply.h"

#include <stdio.h>

static int key_of(struct sc_world *w, unsigned char key[DW_TOKEN_KEY])
{
	DW_FREE char *hex = NULL;
	int r = dw_store_meta_get(w->store, "token_key", &hex, &w->err);

	if (r != 0)
		return r < 0 ? r : dw_err_set(&w->err, -ENOENT, "the store has no key for replies: is there a section `replies`?");
	for (int i = 0; i < DW_TOKEN_KEY; i++) {
		unsigned v;

		if (sscanf(hex + 2 * i, "%2x", &v) != 1)
			return dw_err_set(&w->err, -EBADMSG, "the key for replies is damaged");
		key[i] = (unsigned char)v;
	}
	return 0;
}

static const struct sc_mail *last_to(struct sc_world *w, const char *person)
{
	for (size_t i = w->n_mail; i-- > 0;)
		if (strcmp(w->mail[i].person, person) == 0)
			return &w->mail[i];
	dw_err_set(&w->err, -ENOENT, "%s has got no mail yet", person);
	return NULL;
}

static int come_in(struct sc_world *w, struct dw_buf *b)
{
	int r;

	if (b->failed)
		return dw_err_oom(&w->err);
	if (w->uid == 0) {
		r = dw_mailbox_looked(w->engine, "box", 1, 0, sc_wall(w), &w->err);
		if (r < 0)
			return r;
	}
	r = dw_inbound_take(w->engine, "box", 1, ++w->uid, b->p, b->n, NULL, sc_wall(w), &w->err);
	return r < 0 ? r : sc_settle(w);
}

static void head(struct sc_world *w, struct dw_buf *b, const char *from, const char *to, const char *more)
{
	dw_buf_printf(b, "From: %s\r\nTo: %s\r\nMessage-ID: <in.%lld@example.org>\r\nSubject: Re: your mail\r\n%s", from, to,
		      (long long)w->uid + 1, more);
}

int sc_reply(struct sc_world *w, const char *person, const char *text, const char *forged_by)
{
	const struct sc_mail *m = last_to(w, person);
	int who = dw_people_find(&w->config->people, person);
	DW_BUF b = { 0 };

	if (!m || who < 0)
		return -ENOENT;
	if (!forged_by)
		dw_buf_printf(&b, "Authentication-Results: mx.example.com; dmarc=pass header.from=%s\r\n",
			      strrchr(w->config->people.p[who].email, '@') + 1);
	head(w, &b, forged_by ? forged_by : w->config->people.p[who].email, "duewatch@example.com", "");
	dw_buf_printf(&b, "In-Reply-To: <%s>\r\n\r\n", m->message_id);
	for (const char *p = text; *p; p++)
		dw_buf_puts(&b, *p == ';' ? "\r\n" : (const char[]){ *p, '\0' }); /* a line each */
	dw_buf_puts(&b, "\r\n");
	return come_in(w, &b);
}

int sc_click(struct sc_world *w, const char *person, int64_t order, int64_t age, const char *text)
{
	struct dw_token t = { .order = order, .episode = 1, .expires = sc_wall(w) + 30 * DW_DAY - age };
	unsigned char key[DW_TOKEN_KEY];
	DW_FREE char *token = NULL;
	DW_BUF b = { 0 };
	int r = key_of(w, key);

	if (r < 0)
		return r;
	snprintf(t.person, sizeof(t.person), "%s", person);
	token = dw_token_make(key, &t);
	if (!token)
		return dw_err_oom(&w->err);
	head(w, &b, "someone@elsewhere.example.net", "duewatch@example.com", "");
	dw_buf_printf(&b, "\r\n%s\r\n%s\r\n", text, token);
	return come_in(w, &b);
}

int sc_bounce(struct sc_world *w, const char *person, const char *status)
{
	const struct sc_mail *m = last_to(w, person);
	unsigned char key[DW_TOKEN_KEY];
	DW_FREE char *to = NULL;
	DW_BUF b = { 0 };
	int r = m ? key_of(w, key) : -ENOENT;

	if (r < 0)
		return r;
	to = dw_verp_make(key, "duewatch@example.com", m->id);
	if (!to)
		return dw_err_oom(&w->err);
	head(w, &b, "MAILER-DAEMON@example.net", to, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
	dw_buf_printf(&b,
		      "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
		      "It came back.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; example.net\r\n\r\n"
		      "Final-Recipient: rfc822; someone@example.com\r\nAction: %s\r\nStatus: %s\r\nDiagnostic-Code: smtp; 550 %s no such user\r\n\r\n--b--\r\n",
		      *status == '5' ? "failed" : "delayed", status, status);
	return come_in(w, &b);
}

int sc_mailbox(struct sc_world *w, const char *why)
{
	int r = why ? dw_mailbox_failed(w->engine, "box", why, sc_wall(w), &w->err) :
		      dw_mailbox_looked(w->engine, "box", 1, w->uid, sc_wall(w), &w->err);

	return r < 0 ? r : sc_settle(w);
}
