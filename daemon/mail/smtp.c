/* One relay by libcurl's easy interface: a handle of its own, its connection kept from mail to mail (design.md §5).
 *
 * libcurl 7.88 blocks inside curl_easy_perform for the answer to the dot and to QUIT. What keeps a send bounded is
 * watch(): every callback runs it, and past the deadline or after an abort it shuts the sockets down, which ends any
 * such wait at once. libcurl's own limits stand behind it. */
#include "duewatch/config.h"
#include "duewatch/net.h"
#include "transport-impl.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECT_S = 30, ANSWER_S = 120, QUIT_MS = 1000, SOCKETS = 8 };

struct smtp {
	struct dw_transport base;
	CURL *curl;
	struct curl_slist *to;
	char *url, *host; /* url with the EHLO name as its path; host with its port, for people */
	char *username, *password, *ca_file;
	bool secure, starttls_off; /* smtps; plain text allowed */
	int connect_s, answer_s;
	struct dw_secrets secrets;
	int (*get_token)(void *ctx, const char *refused, char **out, struct dw_err *err); /* NULL: by password */
	void *token_ctx;
	char *token; /* locked memory; the one the handle has */
	const char *login_options;
	struct dw_session session;
	char trouble[CURL_ERROR_SIZE];

	/* one send */
	const char *bytes;
	size_t n, at;
	bool eof;	  /* the body is out: libcurl sends the dot next, or has */
	bool late;	  /* past the deadline */
	int64_t deadline; /* monotonic milliseconds */
	int limit_s;	  /* the limit the deadline stands for */

	pthread_mutex_t lock; /* of fd: dw_transport_abort comes from another thread */
	int fd[SOCKETS];      /* open ones, -1 else */
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

/* sockets */

static void shut(struct smtp *s, int how)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < SOCKETS; i++)
		if (s->fd[i] >= 0)
			shutdown(s->fd[i], how);
	pthread_mutex_unlock(&s->lock);
}

static curl_socket_t on_open(void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct smtp *s = user;
	curl_socket_t fd = CURL_SOCKET_BAD;

	(void)purpose;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < SOCKETS && !atomic_load(&s->base.aborted); i++) {
		if (s->fd[i] >= 0)
			continue;
		s->fd[i] = fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
		break;
	}
	pthread_mutex_unlock(&s->lock);
	return fd;
}

static int on_close(void *user, curl_socket_t fd)
{
	struct smtp *s = user;
	int r;

	pthread_mutex_lock(&s->lock); /* the number must not come back as something else's while abort looks */
	for (size_t i = 0; i < SOCKETS; i++)
		if (s->fd[i] == fd)
			s->fd[i] = -1;
	r = close(fd);
	pthread_mutex_unlock(&s->lock);
	return r;
}

/* True: give up. */
static bool watch(struct smtp *s)
{
	if (!atomic_load(&s->base.aborted) && dw_net_now_ms() <= s->deadline)
		return false;
	if (!atomic_load(&s->base.aborted) && !s->session.quit)
		s->late = true;
	shut(s, SHUT_RDWR);
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
		shut(s, SHUT_RD);
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

static CURLcode set_texts(struct smtp *s)
{
	const struct {
		CURLoption option;
		const char *value;
	} set[] = {
		{ CURLOPT_URL, s->url },
		{ CURLOPT_USERNAME, s->username },
		{ CURLOPT_PASSWORD, s->username && !s->get_token ? s->password : NULL },
		/* else libcurl prefers GSSAPI and NTLM, which fail for a name with a domain and no ticket */
		{ CURLOPT_LOGIN_OPTIONS, s->username ? s->login_options : NULL },
	};

	for (size_t i = 0; i < DW_COUNT(set); i++) {
		CURLcode rc = set[i].value ? curl_easy_setopt(s->curl, set[i].option, set[i].value) : CURLE_OK;

		if (rc)
			return rc;
	}
	return CURLE_OK;
}

static void set_callbacks(struct smtp *s)
{
	CURL *c = s->curl;

	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, s->trouble);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, s);
	curl_easy_setopt(c, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(c, CURLOPT_CLOSESOCKETDATA, s);
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

/* The token for what comes; a new one drops the kept connection by itself (libcurl compares). false: *a says why. */
static bool take_token(struct smtp *s, const char *refused, struct dw_answer *a)
{
	struct dw_err err = { "" };
	char *token = NULL;
	int r;

	if (!s->get_token)
		return true;
	r = s->get_token(s->token_ctx, refused, &token, &err);
	if (r == 0 && s->token && strcmp(s->token, token) == 0) {
		dw_secret_free(token);
		return !refused;
	}
	if (r == 0) {
		dw_secrets_fini(&s->secrets);
		r = dw_secrets_of_token(&s->secrets, s->username, token, s->host);
		if (r == 0 && curl_easy_setopt(s->curl, CURLOPT_XOAUTH2_BEARER, token) != CURLE_OK)
			r = -ENOMEM;
		dw_secret_free(s->token);
		s->token = token;
	}
	if (r == 0)
		return true;
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
	return s->get_token && rc == CURLE_LOGIN_DENIED && s->session.stage == DW_AT_AUTH &&
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
		dw_buf_printf(b, "%s refuses the access token for %s", s->host, s->username);
	else if (odd_answer(s, rc))
		dw_buf_printf(b, "%s gave no proper answer to %s: %s", s->host, w,
			      s->session.code ? dw_buf_str(&s->session.answer) : why);
	else if ((rc == CURLE_LOGIN_DENIED || rc == CURLE_AUTH_ERROR) && s->get_token)
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
	dw_answer_text(a, &s->secrets, text);
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
	if (token_refused(s, rc) && !atomic_load(&s->base.aborted) && take_token(s, s->token, &why))
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
	shut(smtp_of(t), SHUT_RDWR);
}

static const char *smtp_session(const struct dw_transport *t)
{
	return dw_buf_str(&smtp_of(t)->session.lines);
}

/* Whether a kept connection is idle: then QUIT can be said into it. */
static void part(struct smtp *s)
{
	char c;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < SOCKETS; i++) {
		bool idle = s->fd[i] >= 0 && recv(s->fd[i], &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0;

		/* curl_easy_cleanup says QUIT and blocks for its answer (trap 8), without our callbacks */
		if (s->fd[i] >= 0)
			shutdown(s->fd[i], idle && !atomic_load(&s->base.aborted) ? SHUT_RD : SHUT_RDWR);
	}
	pthread_mutex_unlock(&s->lock);
}

static void smtp_free(struct dw_transport *t)
{
	struct smtp *s = smtp_of(t);

	part(s);
	curl_easy_cleanup(s->curl);
	curl_slist_free_all(s->to);
	if (s->password)
		explicit_bzero(s->password, strlen(s->password));
	free(s->password);
	dw_secret_free(s->token);
	free(s->username);
	free(s->ca_file);
	free(s->url);
	free(s->host);
	dw_secrets_fini(&s->secrets);
	dw_session_fini(&s->session);
	pthread_mutex_destroy(&s->lock);
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
	s->get_token = conf->token;
	s->token_ctx = conf->token_ctx;
	s->login_options = !conf->token ? "AUTH=PLAIN;AUTH=LOGIN;AUTH=CRAM-MD5" : !conf->token_mechanism ? "AUTH=OAUTHBEARER;AUTH=XOAUTH2" :
			   strcmp(conf->token_mechanism, "XOAUTH2") == 0 ? "AUTH=XOAUTH2" : "AUTH=OAUTHBEARER";
	if (s->get_token && dw_empty(conf->username))
		return dw_err_set(err, -EINVAL, "a login by token needs the user's name");
	s->username = dw_strdup(dw_empty(conf->username) ? NULL : conf->username);
	s->password = dw_strdup(conf->password ? conf->password : "");
	s->ca_file = dw_strdup(conf->ca_file);
	if (!s->password || (!s->username && !dw_empty(conf->username)) || (!s->ca_file && conf->ca_file) ||
	    dw_secrets_init(&s->secrets, conf->username, conf->password) < 0)
		return dw_err_oom(err);
	return 0;
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
	pthread_mutex_init(&s->lock, NULL);
	for (size_t i = 0; i < SOCKETS; i++)
		s->fd[i] = -1;
	s->session.secrets = &s->secrets;
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
		rc = set_texts(s);
	if (rc)
		return dw_err_set(err, rc == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL, "libcurl: %s", curl_easy_strerror(rc));
	*out = dw_steal(&t);
	return 0;
}
