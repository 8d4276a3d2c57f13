/* One relay by libcurl's easy interface: a handle of its own, its connection kept from mail to mail (design.md §5).
 *
 * libcurl 7.88 blocks inside curl_easy_perform for the answer to the dot and to QUIT. What keeps a send bounded is
 * watch(): every callback runs it, and past the deadline or after an abort it shuts the sockets down, which ends any
 * such wait at once. libcurl's own limits stand behind it. */
#include "duewatch/net.h"
#include "login.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

enum { CONNECT_S = 30, ANSWER_S = 120, QUIT_MS = 1000 };

struct smtp {
	struct dw_transport base;
	CURL *curl;
	struct curl_slist *to;
	char *url, *host; /* url with the EHLO name as its path; host with its port, for people */
	char *ca_file;
	bool secure, starttls_off; /* smtps; plain text allowed */
	int connect_s, answer_s;
	struct dw_login login;
	struct dw_session session;
	char trouble[CURL_ERROR_SIZE];

	/* one send */
	const char *bytes;
	size_t n, at;
	bool eof;	  /* the body is out: libcurl sends the dot next, or has */
	bool late;	  /* past the deadline */
	int64_t deadline; /* monotonic milliseconds */
	int limit_s;	  /* the limit the deadline stands for */

	struct dw_sockets sockets;
};

static struct smtp *smtp_of(const struct dw_transport *t)
{
	return (struct smtp *)(uintptr_t)t; /* base is its first member */
}

static void allow(struct smtp *s, int seconds)
{
	s->deadline = dw_net_now_ms() + (int64_t)seconds * 1000;
	s->limit_s = seconds;
}

/* True: give up. */
static bool watch(struct smtp *s)
{
	if (!atomic_load(&s->base.aborted) && dw_net_now_ms() <= s->deadline)
		return false;
	if (!atomic_load(&s->base.aborted) && !s->session.quit)
		s->late = true;
	dw_sockets_shut(&s->sockets, SHUT_RDWR);
	return true;
}

/* libcurl's callbacks */

static int on_progress(void *user, curl_off_t dt, curl_off_t dn, curl_off_t ut, curl_off_t un)
{
	(void)dt, (void)dn, (void)ut, (void)un;
	return watch(user);
}

static size_t on_read(char *to, size_t size, size_t count, void *user)
{
	struct smtp *s = user;
	size_t room = size * count, n = s->n - s->at < room ? s->n - s->at : room;

	if (watch(s))
		return CURL_READFUNC_ABORT;
	allow(s, s->answer_s);
	if (n == 0) {
		s->eof = true;
		s->session.stage = DW_AT_DOT;
		return 0;
	}
	memcpy(to, s->bytes + s->at, n);
	s->at += n;
	return n;
}

static size_t on_line(char *line, size_t size, size_t count, void *user)
{
	struct smtp *s = user;
	size_t n = size * count;

	return dw_session_in(&s->session, line, n) && !watch(s) ? n : 0;
}

static void on_command(struct smtp *s, const char *line, size_t n)
{
	dw_session_out(&s->session, line, n);
	if (s->session.quit) {
		/* libcurl now blocks for the 221, which nobody needs: end of input for it */
		s->deadline = dw_net_now_ms() + QUIT_MS;
		dw_sockets_shut(&s->sockets, SHUT_RD);
	} else if (s->session.stage >= DW_AT_MAIL) {
		allow(s, s->answer_s);
	}
}

static int on_debug(CURL *curl, curl_infotype type, char *data, size_t n, void *user)
{
	static const char tls[] = "SSL connection using";
	struct smtp *s = user;

	(void)curl;
	if (type == CURLINFO_HEADER_OUT)
		on_command(s, data, n);
	else if (type == CURLINFO_TEXT && n > sizeof(tls) && memcmp(data, tls, sizeof(tls) - 1) == 0)
		dw_session_note(&s->session, data, n);
	watch(s); /* a line without end reaches no other callback */
	return 0;
}

/* options: set once, for the handle's whole life (trap 6: reuse across policies) */

static CURLcode set_numbers(struct smtp *s)
{
	const struct {
		CURLoption option;
		long value;
	} set[] = {
		{ CURLOPT_VERBOSE, 1 },	   /* only on_debug sees it */
		{ CURLOPT_UPLOAD, 1 },
		{ CURLOPT_TCP_KEEPALIVE, 1 },
		{ CURLOPT_USE_SSL, s->starttls_off && !s->secure ? CURLUSESSL_NONE : CURLUSESSL_ALL },
		{ CURLOPT_CONNECTTIMEOUT_MS, s->connect_s * 1000L },
		{ CURLOPT_SERVER_RESPONSE_TIMEOUT, s->answer_s + 2L },
	};

	for (size_t i = 0; i < DW_COUNT(set); i++) {
		CURLcode rc = curl_easy_setopt(s->curl, set[i].option, set[i].value);

		if (rc)
			return rc;
	}
	return CURLE_OK;
}

static void set_callbacks(struct smtp *s)
{
	CURL *c = s->curl;

	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, s->trouble);
	dw_sockets_set(&s->sockets, c);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, s);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(c, CURLOPT_READDATA, s);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_line);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, s);
	curl_easy_setopt(c, CURLOPT_DEBUGFUNCTION, on_debug);
	curl_easy_setopt(c, CURLOPT_DEBUGDATA, s);
}

/* one send */

static CURLcode perform(struct smtp *s, bool again)
{
	s->at = 0;
	s->eof = s->late = false;
	s->trouble[0] = '\0';
	dw_session_begin(&s->session, again);
	allow(s, s->connect_s);
	curl_easy_setopt(s->curl, CURLOPT_FRESH_CONNECT, again ? 1L : 0L);
	return curl_easy_perform(s->curl);
}

/* The token for what comes. false: *a says why there is none; it says nothing where it is the refused one again. */
static bool take_token(struct smtp *s, const char *refused, struct dw_answer *a)
{
	struct dw_err err = { "" };
	int r = dw_login_take(&s->login, s->curl, s->host, refused, &err);

	if (r >= 0)
		return r == 0;
	a->verdict = r == -EACCES ? DW_RELAY_REFUSED : DW_RETRY;
	a->stage = DW_AT_AUTH;
	a->ours = r == -ENOMEM || r == -ECANCELED;
	dw_answer_text(a, NULL, r == -ENOMEM ? "out of memory" : err.text);
	return false;
}

/* 535 to a token may mean that it was taken back: once, a new one is tried at once. By XOAUTH2 a refusal is a challenge
 * (334 with JSON), at which libcurl 7.88 gives up; by OAUTHBEARER it answers that, and gets the 535. */
static bool token_refused(const struct smtp *s, CURLcode rc)
{
	return s->login.get_token && rc == CURLE_LOGIN_DENIED && s->session.stage == DW_AT_AUTH &&
	       (s->session.code / 100 == 5 || s->session.code == 334);
}

/* A kept connection that the relay had closed, with a 421 or without: nothing was answered there. */
static bool stale(struct smtp *s, CURLcode rc)
{
	long fresh = 1;

	curl_easy_getinfo(s->curl, CURLINFO_NUM_CONNECTS, &fresh);
	return rc != CURLE_OK && fresh == 0 && !s->eof && !s->late && !atomic_load(&s->base.aborted) &&
	       (s->session.code == 0 || s->session.code == 421);
}

static bool is_tls(CURLcode rc)
{
	static const CURLcode tls[] = {
		CURLE_SSL_CONNECT_ERROR,  CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
		CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,	  CURLE_USE_SSL_FAILED,
	};

	for (size_t i = 0; i < DW_COUNT(tls); i++)
		if (tls[i] == rc)
			return true;
	return false;
}

static const char *awaited(const struct smtp *s)
{
	if (s->session.stage == DW_AT_DOT)
		return "the message's end";
	if (s->session.stage == DW_AT_DATA && s->session.code == 354)
		return "the message";
	return s->session.verb[0] ? s->session.verb : "our call";
}

/* The relay said something that is no answer to this: libcurl has one code for that and for a connection that broke,
 * and another for that and for a login without a way. */
static bool odd_answer(const struct smtp *s, CURLcode rc)
{
	if (rc == CURLE_RECV_ERROR)
		return strstr(s->trouble, "Too large response") != NULL;
	if (rc == CURLE_SEND_ERROR)
		return s->session.code != 0 && (s->session.code != 354 || s->session.stage < DW_AT_DATA);
	return rc == CURLE_LOGIN_DENIED && s->session.stage == DW_AT_AUTH;
}

/* What went wrong where the server's own words don't say it. */
static void explain(const struct smtp *s, CURLcode rc, struct dw_buf *b)
{
	const char *why = s->trouble[0] ? s->trouble : curl_easy_strerror(rc), *w = awaited(s);

	if (rc == CURLE_OK)
		dw_buf_printf(b, "%s gave no proper answer to %s", s->host, w);
	else if (atomic_load(&s->base.aborted))
		dw_buf_printf(b, "stopped while %s hadn't answered %s", s->host, w);
	else if (s->late || rc == CURLE_OPERATION_TIMEDOUT)
		dw_buf_printf(b, "%s didn't answer %s within %d s", s->host, w, s->limit_s);
	else if (rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE)
		dw_buf_printf(b, "the certificate of %s can't be trusted: %s", s->host, why);
	else if (rc == CURLE_USE_SSL_FAILED)
		dw_buf_printf(b, "%s offers no STARTTLS, and nothing is sent in plain text", s->host);
	else if (is_tls(rc))
		dw_buf_printf(b, "TLS with %s failed: %s", s->host, why);
	else if (token_refused(s, rc))
		dw_buf_printf(b, "%s refuses the access token for %s", s->host, s->login.username);
	else if (odd_answer(s, rc))
		dw_buf_printf(b, "%s gave no proper answer to %s: %s", s->host, w,
			      s->session.code ? dw_buf_str(&s->session.answer) : why);
	else if ((rc == CURLE_LOGIN_DENIED || rc == CURLE_AUTH_ERROR) && s->login.get_token)
		dw_buf_printf(b, "%s offers no way to log in with a token (XOAUTH2, OAUTHBEARER)", s->host);
	else if (rc == CURLE_LOGIN_DENIED || rc == CURLE_AUTH_ERROR)
		dw_buf_printf(b, "%s offers no way to log in that we know (PLAIN, LOGIN, CRAM-MD5)", s->host);
	else if (rc == CURLE_COULDNT_RESOLVE_HOST || rc == CURLE_COULDNT_CONNECT)
		dw_buf_printf(b, "can't connect to %s: %s", s->host, why);
	else if (rc == CURLE_RECV_ERROR || rc == CURLE_SEND_ERROR)
		dw_buf_printf(b, "%s cut the connection, %s unanswered: %s", s->host, w, why);
	else
		dw_buf_printf(b, "%s gave no proper answer to %s: %s", s->host, w, why);
}

static void judge(struct smtp *s, CURLcode rc, struct dw_answer *a)
{
	DW_BUF why = { 0 };
	const char *text = dw_buf_str(&s->session.answer);
	bool tls = is_tls(rc) && !s->late && !atomic_load(&s->base.aborted); /* else we broke the handshake off */
	CURLcode code = s->late ? CURLE_OPERATION_TIMEDOUT : is_tls(rc) && !tls ? CURLE_ABORTED_BY_CALLBACK : rc;

	a->stage = tls ? DW_AT_TLS : s->session.stage;
	a->code = s->session.code;
	a->final_dot = s->eof;
	if ((rc != CURLE_OK || s->eof) && a->code / 100 != 4 && a->code / 100 != 5 && !(s->eof && a->code / 100 == 2)) {
		explain(s, rc, &why);
		text = dw_buf_str(&why);
	}
	a->verdict = dw_smtp_verdict((int)code, a->code, a->stage, text);
	if ((s->session.answer.failed || why.failed) && a->verdict != DW_SENT && a->verdict != DW_UNSURE) {
		a->verdict = DW_RETRY; /* the words that it goes by may be cut short */
		a->ours = true;
		text = "out of memory";
	}
	if ((rc == CURLE_OUT_OF_MEMORY || atomic_load(&s->base.aborted)) && a->verdict != DW_SENT && a->verdict != DW_UNSURE)
		a->ours = true;
	dw_answer_text(a, &s->login.secrets, text);
}

/* Line ends as RFC 5321 §2.3.8 wants them: a bare LF could end the message early at a lax relay. */
static bool line_ends_ok(const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((b[i] == '\n' && (i == 0 || b[i - 1] != '\r')) || (b[i] == '\r' && (i + 1 == n || b[i + 1] != '\n')))
			return false;
	return true;
}

static void line_ends(struct dw_buf *out, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (b[i] != '\r' && b[i] != '\n') {
			dw_buf_putc(out, b[i]);
			continue;
		}
		dw_buf_add(out, "\r\n", 2);
		if (b[i] == '\r' && i + 1 < n && b[i + 1] == '\n')
			i++;
	}
}

/* One conversation, with a second one where the first met a closed connection or a token that isn't honoured. */
static void converse(struct smtp *s, struct dw_answer *answer)
{
	struct dw_answer why;
	CURLcode rc;

	if (!take_token(s, NULL, answer))
		return;
	rc = perform(s, false);
	if (stale(s, rc))
		rc = perform(s, true);
	if (token_refused(s, rc) && !atomic_load(&s->base.aborted) && take_token(s, s->login.token, &why))
		rc = perform(s, true);
	judge(s, rc, answer);
}

static void smtp_send(struct dw_transport *t, const struct dw_envelope *env, const char *id, const void *bytes,
		      size_t n, struct dw_answer *answer)
{
	struct smtp *s = smtp_of(t);
	DW_BUF mended = { 0 };
	CURLcode rc = CURLE_OUT_OF_MEMORY;

	(void)id;
	if (!line_ends_ok(bytes, n)) {
		line_ends(&mended, bytes, n);
		bytes = mended.p;
		n = mended.n;
	}
	curl_slist_free_all(s->to);
	s->to = mended.failed ? NULL : curl_slist_append(NULL, env->to);
	curl_easy_setopt(s->curl, CURLOPT_MAIL_RCPT, s->to);
	if (s->to)
		rc = curl_easy_setopt(s->curl, CURLOPT_MAIL_FROM, env->from);
	if (rc) {
		answer->ours = true;
		dw_answer_text(answer, NULL, "out of memory");
		return;
	}
	s->bytes = bytes;
	s->n = n;
	converse(s, answer);
	s->bytes = NULL;
}

/* Without a recipient and an upload libcurl says the custom command after the login, and nothing else. */
static void smtp_probe(struct dw_transport *t, struct dw_answer *answer)
{
	struct smtp *s = smtp_of(t);
	CURLcode rc;

	curl_slist_free_all(s->to);
	s->to = NULL;
	curl_easy_setopt(s->curl, CURLOPT_MAIL_RCPT, NULL);
	curl_easy_setopt(s->curl, CURLOPT_MAIL_FROM, NULL);
	curl_easy_setopt(s->curl, CURLOPT_UPLOAD, 0L);
	curl_easy_setopt(s->curl, CURLOPT_NOBODY, 1L); /* else the answer's words go to standard output */
	rc = curl_easy_setopt(s->curl, CURLOPT_CUSTOMREQUEST, "NOOP");
	if (!rc)
		converse(s, answer);
	else
		judge(s, rc, answer);
	curl_easy_setopt(s->curl, CURLOPT_CUSTOMREQUEST, NULL);
	curl_easy_setopt(s->curl, CURLOPT_NOBODY, 0L);
	curl_easy_setopt(s->curl, CURLOPT_UPLOAD, 1L);
}

static void smtp_abort(struct dw_transport *t)
{
	dw_sockets_shut(&smtp_of(t)->sockets, SHUT_RDWR);
}

static const char *smtp_session(const struct dw_transport *t)
{
	return dw_buf_str(&smtp_of(t)->session.lines);
}

/* Whether a kept connection is idle: then QUIT can be said into it. */
static void part(struct smtp *s)
{
	char c;

	pthread_mutex_lock(&s->sockets.lock);
	for (size_t i = 0; i < DW_SOCKETS; i++) {
		bool idle = s->sockets.fd[i] >= 0 && recv(s->sockets.fd[i], &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0;

		/* curl_easy_cleanup says QUIT and blocks for its answer (trap 8), without our callbacks */
		if (s->sockets.fd[i] >= 0)
			shutdown(s->sockets.fd[i], idle && !atomic_load(&s->base.aborted) ? SHUT_RD : SHUT_RDWR);
	}
	pthread_mutex_unlock(&s->sockets.lock);
}

static void smtp_free(struct dw_transport *t)
{
	struct smtp *s = smtp_of(t);

	part(s);
	curl_easy_cleanup(s->curl);
	curl_slist_free_all(s->to);
	free(s->ca_file);
	free(s->url);
	free(s->host);
	dw_login_fini(&s->login);
	dw_session_fini(&s->session);
	dw_sockets_fini(&s->sockets);
	free(s);
}

static const struct dw_transport_ops ops = {
	.send = smtp_send,
	.probe = smtp_probe,
	.abort = smtp_abort,
	.session = smtp_session,
	.free = smtp_free,
};

/* the conf */

static bool name_ok(const char *s, size_t n)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";

	return n > 0 && n <= 253 && s[0] != '-' && s[0] != '.' && strspn(s, allowed) >= n;
}

static bool host_ok(const char *s, size_t n)
{
	if (n > 2 && s[0] == '[' && s[n - 1] == ']')
		return n <= 48 && strspn(s + 1, "0123456789abcdefABCDEF:.") == n - 2;
	return name_ok(s, n);
}

static bool port_ok(const char *s, size_t n)
{
	unsigned v = 0;

	if (n == 0 || n > 5)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	return v > 0 && v <= 65535;
}

/* scheme://host[:port][/] and nothing else: a path would become the EHLO name, a user would be kept in the url. */
static int parse_url(struct smtp *s, const struct dw_transport_conf *conf, struct dw_err *err)
{
	const char *host = strstr(conf->url, "://") + 3, *end = host + strcspn(host, "/"), *colon = end;
	DW_BUF url = { 0 };

	s->secure = strncasecmp(conf->url, "smtps:", 6) == 0;
	if (memchr(host, '@', (size_t)(end - host)))
		return dw_err_set(err, -EINVAL, "the relay's user and password don't belong in its url");
	for (const char *c = host; c < end && *host != '['; c++)
		if (*c == ':')
			colon = c;
	if (*host == '[') {
		colon = memchr(host, ']', (size_t)(end - host));
		colon = colon ? colon + 1 : end;
	}
	if (!host_ok(host, (size_t)(colon - host)) || (*end && end[1]) ||
	    (colon < end && (*colon != ':' || !port_ok(colon + 1, (size_t)(end - colon - 1)))))
		return dw_err_set(err, -EINVAL, "a relay is smtps://host:port or smtp://host:port, port 1 to 65535");
	if (conf->helo && !name_ok(conf->helo, strlen(conf->helo)))
		return dw_err_set(err, -EINVAL, "the EHLO name must be a host name");
	dw_buf_printf(&url, "%s://%.*s/%s", s->secure ? "smtps" : "smtp", (int)(end - host), host,
		      conf->helo ? conf->helo : "");
	s->url = dw_buf_take(&url);
	s->host = dw_strndup(host, (size_t)(end - host));
	return s->url && s->host ? 0 : dw_err_oom(err);
}

/* A line end in either would be a second command; NUL can't come in. */
static bool one_line(const char *s)
{
	for (; s && *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7F)
			return false;
	return true;
}

static int copy_conf(struct smtp *s, const struct dw_transport_conf *conf, struct dw_err *err)
{
	int r = parse_url(s, conf, err);

	if (r < 0)
		return r;
	if (!one_line(conf->username) || !one_line(conf->password))
		return dw_err_set(err, -EINVAL, "the relay's user and password must be one line, without controls");
	if (conf->connect_s < 0 || conf->connect_s > 3600 || conf->answer_s < 0 || conf->answer_s > 3600)
		return dw_err_set(err, -EINVAL, "the relay's limits must be 0 to 3600 seconds");
	s->connect_s = conf->connect_s ? conf->connect_s : CONNECT_S;
	s->answer_s = conf->answer_s ? conf->answer_s : ANSWER_S;
	s->starttls_off = conf->starttls_off;
	s->ca_file = dw_strdup(conf->ca_file);
	if (!s->ca_file && conf->ca_file)
		return dw_err_oom(err);
	return dw_login_init(&s->login, conf->username, conf->password, conf->token, conf->token_ctx, conf->token_mechanism, err);
}

int dw_smtp_new(struct dw_transport **out, const struct dw_transport_conf *conf, struct dw_err *err)
{
	DW_CLEANUP(dw_transport_freep) struct dw_transport *t = NULL;
	struct smtp *s = dw_calloc(1, sizeof(*s));
	CURLcode rc;
	int r;

	if (!s)
		return dw_err_oom(err);
	t = &s->base;
	t->ops = &ops;
	atomic_init(&t->aborted, false);
	dw_sockets_init(&s->sockets, &t->aborted);
	s->session.secrets = &s->login.secrets;
	r = copy_conf(s, conf, err);
	if (r < 0)
		return r;
	dw_net_start();
	s->curl = curl_easy_init();
	if (!s->curl)
		return dw_err_oom(err);
	set_callbacks(s);
	rc = dw_net_policy(s->curl, "smtp,smtps", s->ca_file);
	if (!rc)
		rc = set_numbers(s);
	if (!rc)
		rc = curl_easy_setopt(s->curl, CURLOPT_URL, s->url);
	if (!rc)
		rc = dw_login_set(&s->login, s->curl);
	if (rc)
		return dw_err_set(err, rc == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL, "libcurl: %s", curl_easy_strerror(rc));
	*out = dw_steal(&t);
	return 0;
}
