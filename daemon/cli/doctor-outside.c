/* doctor.h: the relay, the heartbeat's server, and the clock against all that says what time it is. */
#include "doctor.h"
#include "duewatch/heartbeat.h"

#include <stdio.h>
#include <sys/timex.h>
#include <time.h>

enum { OFF_WARN_S = 300, OFF_FAIL_S = 3600 };

dw_time exam_date_in(const char *text)
{
	static const char *const days[] = { "Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, ", "Sun, " };

	for (size_t i = 0; i < DW_COUNT(days); i++)
		for (const char *p = text; (p = strstr(p, days[i])); p++) {
			struct tm tm = { 0 };
			const char *end = strptime(p, "%a, %d %b %Y %H:%M:%S %z", &tm);
			long offset = tm.tm_gmtoff;
			time_t t;

			if (!end)
				continue;
			t = timegm(&tm);
			if (t >= DW_TIME_MIN && t < DW_TIME_MAX)
				return (dw_time)t - offset;
		}
	return DW_UNKNOWN;
}

static void compare(struct exam *x, const char *who, dw_time theirs, dw_time mine)
{
	int64_t off = mine - theirs;
	DW_BUF by = { 0 };

	cli_span(&by, off);
	if (off > -OFF_WARN_S && off < OFF_WARN_S)
		exam_say(x, MARK_OK, NULL, "%s agrees within %s", who, dw_buf_str(&by));
	else
		exam_say(x, off <= -OFF_FAIL_S || off >= OFF_FAIL_S ? MARK_FAIL : MARK_WARN,
			 "one of the two is wrong; timedatectl shows whether this clock is synchronised",
			 "this clock is %s %s of %s", dw_buf_str(&by), off > 0 ? "ahead" : "short", who);
}

/* ---- the relay ---- */

static const char *todo_at(enum dw_stage stage)
{
	switch (stage) {
	case DW_AT_CONNECT:
		return "is host and port right, does a firewall or the provider close it?";
	case DW_AT_TLS:
		return "smtps:// is for 465, smtp:// for 587; ca_file names a relay's own authority";
	case DW_AT_AUTH:
		return "is username right, and the password in password_file? Many providers want an app password";
	case DW_AT_MAIL:
	case DW_AT_RCPT:
	case DW_AT_DATA:
	case DW_AT_DOT:
		break;
	}
	return "duewatch test-mail PERSON shows the whole session";
}

static void greeting(struct exam *x, const char *session)
{
	const char *line = strstr(session, "< 220"), *was = x->check;
	DW_FREE char *first = line ? dw_strndup(line, strcspn(line, "\n")) : NULL;
	dw_time at = first ? exam_date_in(first) : DW_UNKNOWN;

	x->check = "clock";
	if (at != DW_UNKNOWN)
		compare(x, "the relay", at, dw_clock_wall());
	x->check = was;
}

static void exam_one_relay(struct exam *x, size_t i)
{
	DW_CLEANUP(dw_transport_freep) struct dw_transport *t = NULL;
	const struct dw_mail_conf *m = dw_config_relay(x->c->config, i);
	struct dw_answer a;
	struct dw_err err = { "" };

	if (dw_transport_new(&t, dw_relays_transport(x->c->relays, i), &err) < 0) {
		exam_say(x, MARK_FAIL, NULL, "%s", err.text);
		return;
	}
	if (strncmp(m->transport, "maildir:", 8) == 0) {
		exam_say(x, MARK_OK, NULL, "mails go to a folder, %s: nothing to log in to", m->transport);
		return;
	}
	dw_transport_probe(t, &a);
	if (a.verdict == DW_SENT)
		exam_say(x, MARK_OK, NULL, "%s: %s, nothing sent (%s)", dw_relays_name(x->c->relays, i),
			 m->username ? m->oauth ? "logged in by a token" : "logged in" : "greeted, no login configured", a.text);
	else
		exam_say(x, MARK_FAIL, m->oauth && a.stage == DW_AT_AUTH ? "a token is refused where its scope is wrong, or username isn't the mailbox it was granted for" :
								 todo_at(a.stage), "%s: %s", dw_relays_name(x->c->relays, i), a.text);
	greeting(x, dw_transport_session(t));
}

#define SECRET_TODO "chmod 600, its owner root or the service; one line with the password"

/* Its server has just been asked, with a token. */
static void exam_login(struct exam *x, struct dw_oauth *login)
{
	struct dw_oauth_health h;
	DW_BUF todo = { 0 };

	if (!login)
		return;
	dw_oauth_health(login, &h);
	dw_buf_printf(&todo, "duewatch authorize %s", dw_oauth_name(login));
	if (h.state == DW_OAUTH_EXPIRING || (h.state == DW_OAUTH_OK && *h.error))
		exam_say(x, MARK_WARN, h.state == DW_OAUTH_EXPIRING ? dw_buf_str(&todo) : NULL, "login %s: %s", dw_oauth_name(login), h.error);
	else if (h.state == DW_OAUTH_GONE)
		exam_say(x, MARK_FAIL, dw_buf_str(&todo), "login %s: %s", dw_oauth_name(login), h.error);
	else
		exam_say(x, MARK_OK, NULL, "login %s: an access token is there", dw_oauth_name(login));
}

void exam_relay(struct exam *x)
{
	if (x->secret < 0) {
		exam_say(x, MARK_FAIL, SECRET_TODO, "%s", x->secret_err.text);
		return;
	}
	for (size_t i = 0; i < dw_relays_count(x->c->relays); i++) {
		exam_one_relay(x, i);
		exam_login(x, dw_relays_login(x->c->relays, i));
	}
}

/* ---- the mailbox ---- */

/* Logs in and opens the folder as duewatchd does, for reading only; nothing is fetched. */
void exam_mailbox(struct exam *x)
{
	DW_CLEANUP(dw_imap_freep) struct dw_imap *m = NULL;
	const struct dw_replies_conf *r = &x->c->config->replies;
	struct dw_imap_box box;
	struct dw_err err = { "" };
	int code;

	if (!r->url)
		return;
	if (x->box < 0) {
		exam_say(x, MARK_FAIL, SECRET_TODO, "%s", x->box_err.text);
		return;
	}
	code = dw_imap_new(&m, &x->c->mailbox->imap, &err);
	if (code == 0)
		code = dw_imap_open(m, &box, &err);
	if (code < 0)
		exam_say(x, MARK_FAIL,
			 code == -EKEYEXPIRED ? "duewatch authorize replies" :
			 code == -EACCES && r->oauth ? "is username the mailbox that granted access? duewatch authorize replies grants it anew" :
			 code == -EACCES ? "is username right, and the password in password_file? Many providers want an app password" :
					   "imaps:// is for 993, imap:// for 143; ca_file names a server's own authority",
			 "%s/%s: %s", r->url, r->folder, err.text);
	else
		exam_say(x, MARK_OK, NULL, "%s/%s: logged in, %lld mails in it, nothing changed there", r->url, r->folder,
			 (long long)box.exists);
	exam_login(x, x->c->mailbox->oauth);
	if (!r->authserv)
		exam_say(x, MARK_WARN, "set replies.authserv to the name your mail server writes into Authentication-Results",
			 "without authserv only links with a token are obeyed, not plain answers");
}

/* ---- the clock ---- */

static void against_store(struct exam *x)
{
	dw_time latest = x->store == 0 ? dw_engine_latest(x->c->engine) : DW_UNKNOWN;

	if (latest != DW_UNKNOWN && latest > x->c->now + OFF_WARN_S) {
		DW_BUF by = { 0 };

		cli_span(&by, latest - x->c->now);
		exam_say(x, latest > x->c->now + DW_DAY ? MARK_FAIL : MARK_WARN,
			 "set the clock; duewatchd decides nothing while it stands over a day before that",
			 "it stands %s before the last read or decision in the store", dw_buf_str(&by));
	}
	for (size_t i = 0; x->store == 0 && i < x->c->config->n_feeds; i++) {
		struct dw_feed_row row = { 0 };

		if (dw_store_feed_get(x->c->store, x->c->config->feeds[i].name, &row, NULL) != 0)
			continue;
		if (row.data_time != DW_UNKNOWN && row.data_time > x->c->now + OFF_WARN_S)
			exam_say(x, MARK_WARN, "is this clock slow, or that of the machine the export comes from fast?",
				 "the file of feed %s is from the future", row.name);
		dw_feed_row_fini(&row);
	}
}

/* Feeds are files, and SMTP knows no Date but what a relay may say in its greeting: that stands under the relay. */
void exam_clock(struct exam *x)
{
	struct timex kernel = { .modes = 0 };
	int state = adjtimex(&kernel);

	if (state == TIME_ERROR)
		exam_say(x, MARK_WARN, "install systemd-timesyncd or chrony: deadlines are to the second",
			 "the kernel says it is not synchronised");
	else if (state >= 0)
		exam_say(x, MARK_OK, NULL, "synchronised, says the kernel");
	against_store(x);
}

void exam_heartbeat(struct exam *x)
{
	const char *url = x->c->config->heartbeat_url;
	char host[DW_HEARTBEAT_HOST_SIZE] = "";
	struct dw_err err = { "" };
	dw_time date = DW_UNKNOWN;
	int trip = 0;

	if (!url)
		return;
	dw_heartbeat_host(host, url, NULL);
	if (dw_heartbeat_date(url, x->c->config->heartbeat_ca_file, &date, &trip, &err) < 0) {
		exam_say(x, MARK_FAIL, "while it can't be reached, it will say that duewatch is dead", "%s", err.text);
		return;
	}
	exam_say(x, MARK_OK, NULL, "%s answers (the heartbeat itself was not called: that would be a sign of life)", host);
	x->check = "clock";
	if (date != DW_UNKNOWN)
		compare(x, host, date, dw_clock_wall() - trip / 2);
}
