/* imap.h by libcurl's CONNECT_ONLY (7.88 says nothing more on such a connection, not even LOGOUT when it is dropped). */
#include "duewatch/imap.h"
#include "duewatch/net.h"

#include "imap-impl.h"
#include "login.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>

enum { CONNECT_S = 30, ANSWER_S = 120, SAID_MAX = 300 };

struct dw_imap {
	CURL *curl;
	char *url, *host, *folder, *ca_file;
	bool secure, starttls_off, open;
	int connect_s, answer_s;
	struct dw_login login;
	char trouble[CURL_ERROR_SIZE];
	char said[SAID_MAX]; /* the server's last line before the login was done */
	int64_t deadline;    /* monotonic milliseconds */
	int tag;
	atomic_bool aborted;
	struct dw_sockets sockets;
};

static int on_progress(void *user, curl_off_t dt, curl_off_t dn, curl_off_t ut, curl_off_t un)
{
	struct dw_imap *m = user;

	(void)dt, (void)dn, (void)ut, (void)un;
	return atomic_load(&m->aborted) || dw_net_now_ms() > m->deadline;
}

/* What a refused login is told: "A002 NO [AUTHENTICATIONFAILED] …". */
static size_t on_line(char *line, size_t size, size_t count, void *user)
{
	struct dw_imap *m = user;
	size_t n = size * count;
	DW_BUF clean = { 0 };

	dw_transport_scrub(&clean, &m->login.secrets, line, n, SAID_MAX - 1);
	snprintf(m->said, sizeof(m->said), "%s", dw_buf_str(&clean));
	dw_utf8_mend(m->said);
	return atomic_load(&m->aborted) ? 0 : n;
}

/* ---- the handle ---- */

static CURLcode set_numbers(struct dw_imap *m)
{
	const struct {
		CURLoption option;
		long value;
	} set[] = {
		{ CURLOPT_CONNECT_ONLY, 1 },
		{ CURLOPT_USE_SSL, m->starttls_off && !m->secure ? CURLUSESSL_NONE : CURLUSESSL_ALL },
		{ CURLOPT_CONNECTTIMEOUT_MS, m->connect_s * 1000L },
		{ CURLOPT_SERVER_RESPONSE_TIMEOUT, m->connect_s + 0L },
	};

	for (size_t i = 0; i < DW_COUNT(set); i++) {
		CURLcode rc = curl_easy_setopt(m->curl, set[i].option, set[i].value);

		if (rc)
			return rc;
	}
	return CURLE_OK;
}

static void set_callbacks(struct dw_imap *m)
{
	CURL *c = m->curl;

	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, m->trouble);
	dw_sockets_set(&m->sockets, c);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, m);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_line);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, m);
}

static int fill(struct dw_imap *m, const struct dw_imap_conf *conf, struct dw_err *err)
{
	int r;

	m->secure = strncmp(conf->url, "imaps://", 8) == 0;
	m->starttls_off = conf->starttls_off;
	m->connect_s = conf->connect_s > 0 ? conf->connect_s : CONNECT_S;
	m->answer_s = conf->answer_s > 0 ? conf->answer_s : ANSWER_S;
	m->url = dw_strdup(conf->url);
	m->host = dw_strdup(conf->url + (m->secure ? 8 : 7));
	m->folder = dw_strdup(conf->folder);
	m->ca_file = dw_strdup(conf->ca_file);
	r = dw_login_init(&m->login, conf->username, conf->password, conf->token, conf->token_ctx, conf->token_mechanism, err);
	if (r < 0)
		return r;
	dw_net_start();
	m->curl = curl_easy_init();
	return m->url && m->host && m->folder && (m->ca_file || !conf->ca_file) && m->curl ? 0 : dw_err_oom(err);
}

int dw_imap_new(struct dw_imap **out, const struct dw_imap_conf *conf, struct dw_err *err)
{
	DW_CLEANUP(dw_imap_freep) struct dw_imap *m = NULL;
	CURLcode rc;
	int r;

	if (strncmp(conf->url, "imap://", 7) != 0 && strncmp(conf->url, "imaps://", 8) != 0)
		return dw_err_set(err, -EINVAL, "the mailbox's address begins with neither imaps:// nor imap://");
	if (dw_empty(conf->folder) || strpbrk(conf->folder, "\"\\\r\n"))
		return dw_err_set(err, -EINVAL, "the folder's name can't be said to the server");
	m = dw_calloc(1, sizeof(*m));
	if (!m)
		return dw_err_oom(err);
	atomic_init(&m->aborted, false);
	dw_sockets_init(&m->sockets, &m->aborted);
	r = fill(m, conf, err);
	if (r < 0)
		return r;
	rc = dw_net_policy(m->curl, "imap,imaps", m->ca_file);
	if (!rc)
		rc = set_numbers(m);
	if (!rc)
		rc = curl_easy_setopt(m->curl, CURLOPT_URL, m->url);
	if (!rc)
		rc = dw_login_set(&m->login, m->curl);
	set_callbacks(m);
	if (rc == CURLE_OUT_OF_MEMORY)
		return dw_err_oom(err);
	if (rc)
		return dw_err_set(err, -EINVAL, "libcurl refuses the mailbox's settings: %s", curl_easy_strerror(rc));
	*out = dw_steal(&m);
	return 0;
}

void dw_imap_abort(struct dw_imap *m)
{
	atomic_store(&m->aborted, true);
	dw_sockets_shut(&m->sockets, SHUT_RDWR);
}

void dw_imap_free(struct dw_imap *m)
{
	static const char logout[] = "end LOGOUT\r\n";
	size_t n;

	if (!m)
		return;
	if (m->open && !atomic_load(&m->aborted))
		curl_easy_send(m->curl, logout, sizeof(logout) - 1, &n); /* its answer is of no use */
	if (m->curl)
		curl_easy_cleanup(m->curl);
	free(m->ca_file);
	free(m->folder);
	free(m->host);
	free(m->url);
	dw_login_fini(&m->login);
	dw_sockets_fini(&m->sockets);
	free(m);
}

/* ---- one command ---- */

static int aborted(struct dw_err *err)
{
	return dw_err_set(err, -ECANCELED, "stopped");
}

/* Until the socket can be read or written. */
static int await(struct dw_imap *m, short events, const char *what, struct dw_err *err)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	struct pollfd p;
	int64_t left = m->deadline - dw_net_now_ms();
	int r;

	if (atomic_load(&m->aborted))
		return aborted(err);
	curl_easy_getinfo(m->curl, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD)
		return dw_err_set(err, -EIO, "%s cut the connection", m->host);
	p = (struct pollfd){ .fd = fd, .events = events };
	do
		r = left > 0 ? poll(&p, 1, (int)left) : 0;
	while (r < 0 && errno == EINTR);
	if (atomic_load(&m->aborted))
		return aborted(err);
	return r > 0 ? 0 : dw_err_set(err, -ETIMEDOUT, "%s didn't answer %s within %d s", m->host, what, m->answer_s);
}

static int say(struct dw_imap *m, const char *text, const char *what, struct dw_err *err)
{
	size_t len = strlen(text), at = 0, n;

	while (at < len) {
		CURLcode rc = curl_easy_send(m->curl, text + at, len - at, &n);
		int r = rc == CURLE_AGAIN ? await(m, POLLOUT, what, err) : 0;

		if (rc && rc != CURLE_AGAIN)
			r = atomic_load(&m->aborted) ? aborted(err) : dw_err_set(err, -EIO, "%s cut the connection", m->host);
		if (r < 0)
			return r;
		at += rc ? 0 : n;
	}
	return 0;
}

/* The answer's end: an enum dw_imap_end, or < 0. */
static int hear(struct dw_imap *m, struct dw_imap_answer *a, const char *what, struct dw_err *err)
{
	char chunk[16384];
	int r = DW_IMAP_MORE;

	while (r == DW_IMAP_MORE) {
		struct dw_err why = { "" };
		size_t n = 0;
		CURLcode rc;

		if (dw_net_now_ms() > m->deadline)
			return dw_err_set(err, -ETIMEDOUT, "%s didn't end its answer to %s within %d s", m->host, what, m->answer_s);
		rc = curl_easy_recv(m->curl, chunk, sizeof(chunk), &n);
		if (rc == CURLE_AGAIN) {
			r = await(m, POLLIN, what, err);
			if (r < 0)
				return r;
			continue;
		}
		if (atomic_load(&m->aborted))
			return aborted(err);
		if (rc || n == 0)
			return dw_err_set(err, -EIO, "%s cut the connection at %s%s%.200s", m->host, what, a->bye ? ": " : "",
					  a->bye ? dw_buf_str(&a->words) : "");
		r = dw_imap_feed(a, chunk, n, &why);
		if (r == -ENOMEM)
			return dw_err_oom(err);
		if (r < 0)
			return dw_err_set(err, r, "%s gave no proper answer to %s: %s", m->host, what, why.text);
	}
	return r;
}

/* 0, or < 0 where the server said NO or BAD. what: for people, the command without its arguments. */
static int ask(struct dw_imap *m, struct dw_imap_answer *a, const char *what, const char *args, struct dw_err *err)
{
	char tag[16];
	DW_BUF line = { 0 };
	int r;

	snprintf(tag, sizeof(tag), "d%d", ++m->tag);
	a->tag = tag;
	dw_buf_printf(&line, "%s %s %s\r\n", tag, what, args);
	if (line.failed)
		return dw_err_oom(err);
	m->deadline = dw_net_now_ms() + m->answer_s * INT64_C(1000);
	r = say(m, line.p, what, err);
	if (r == 0)
		r = hear(m, a, what, err);
	a->tag = NULL;
	if (r == DW_IMAP_NO || r == DW_IMAP_BAD) {
		DW_BUF words = { 0 };

		dw_transport_scrub(&words, &m->login.secrets, dw_buf_str(&a->words), a->words.n, 200);
		return dw_err_set(err, -EPROTO, "%s refuses %s: %s", m->host, what, dw_buf_str(&words));
	}
	return r < 0 ? r : 0;
}

/* ---- opening ---- */

static bool is_tls(CURLcode rc)
{
	return rc == CURLE_SSL_CONNECT_ERROR || rc == CURLE_SSL_CERTPROBLEM || rc == CURLE_SSL_CIPHER ||
	       rc == CURLE_SSL_ISSUER_ERROR;
}

/* As dw_login_take. */
static int take_token(struct dw_imap *m, const char *refused, struct dw_err *err)
{
	int r = dw_login_take(&m->login, m->curl, m->host, refused, err);

	return r == -EACCES ? -EKEYEXPIRED : r;
}

/* Not so where the server's last word was a tagged OK: then it was never asked, for it offers no way that we know. */
static bool token_refused(const struct dw_imap *m, CURLcode rc)
{
	const char *word = strchr(m->said, ' ');

	return m->login.get_token && rc == CURLE_LOGIN_DENIED && !(word && strncmp(word, " OK", 3) == 0);
}

static CURLcode log_in(struct dw_imap *m)
{
	m->said[0] = m->trouble[0] = '\0';
	m->deadline = dw_net_now_ms() + m->connect_s * INT64_C(1000);
	return curl_easy_perform(m->curl);
}

static int connect_failed(struct dw_imap *m, CURLcode rc, struct dw_err *err)
{
	const char *why = m->trouble[0] ? m->trouble : curl_easy_strerror(rc);

	if (atomic_load(&m->aborted))
		return aborted(err);
	if (rc == CURLE_OUT_OF_MEMORY)
		return dw_err_oom(err);
	if (rc == CURLE_OPERATION_TIMEDOUT || rc == CURLE_ABORTED_BY_CALLBACK)
		return dw_err_set(err, -ETIMEDOUT, "%s wasn't ready for us within %d s", m->host, m->connect_s);
	if (token_refused(m, rc) && m->said[0] != 'A') /* XOAUTH2: a challenge at which libcurl 7.88 gives up, nothing to read */
		return dw_err_set(err, -EACCES, "%s refuses the access token for %s", m->host, m->login.username);
	if (rc == CURLE_LOGIN_DENIED && m->login.get_token && !token_refused(m, rc))
		return dw_err_set(err, -EACCES, "%s offers no way to log in with a token (XOAUTH2, OAUTHBEARER)", m->host);
	if (rc == CURLE_LOGIN_DENIED)
		return dw_err_set(err, -EACCES, "%s refuses the login: %s", m->host, m->said[0] ? m->said : why);
	if (rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE)
		return dw_err_set(err, -EPROTO, "the certificate of %s can't be trusted: %s", m->host, why);
	if (rc == CURLE_USE_SSL_FAILED)
		return dw_err_set(err, -EPROTO, "%s offers no STARTTLS, and nothing is said in plain text", m->host);
	if (is_tls(rc))
		return dw_err_set(err, -EPROTO, "TLS with %s failed: %s", m->host, why);
	return dw_err_set(err, -EIO, "can't log in to %s: %s", m->host, why);
}

int dw_imap_open(struct dw_imap *m, struct dw_imap_box *box, struct dw_err *err)
{
	DW_CLEANUP(dw_imap_answer_fini) struct dw_imap_answer a;
	char folder[300];
	CURLcode rc;
	int r;

	dw_imap_answer_init(&a, NULL);
	r = take_token(m, NULL, err);
	if (r < 0)
		return r;
	rc = log_in(m);
	/* it may have been taken back: a new one, once */
	if (token_refused(m, rc) && !atomic_load(&m->aborted)) {
		struct dw_err why;

		if (take_token(m, m->login.token, &why) == 0)
			rc = log_in(m);
	}
	if (rc)
		return connect_failed(m, rc, err);
	m->open = true;
	snprintf(folder, sizeof(folder), "\"%.250s\"", m->folder);
	r = ask(m, &a, "EXAMINE", folder, err);
	if (r < 0)
		return r;
	if (a.uidvalidity < 1 || a.uidnext < 1)
		return dw_err_set(err, -EPROTO, "%s doesn't say UIDVALIDITY and UIDNEXT of its folder, without which it can't be read",
				  m->host);
	*box = (struct dw_imap_box){ .uidvalidity = a.uidvalidity, .uidnext = a.uidnext, .exists = a.exists };
	return 0;
}

/* ---- looking ---- */

int dw_imap_search(struct dw_imap *m, int64_t from, int64_t *uids, int max, bool *more, struct dw_err *err)
{
	DW_CLEANUP(dw_imap_answer_fini) struct dw_imap_answer a;
	char args[64];
	int r;

	dw_imap_answer_init(&a, NULL);
	a.from = from;
	a.uids = uids;
	a.max = max;
	snprintf(args, sizeof(args), "UID %lld:*", (long long)from);
	r = ask(m, &a, "UID SEARCH", args, err);
	*more = a.more;
	return r < 0 ? r : a.n_uids;
}

int dw_imap_search_since(struct dw_imap *m, dw_time since, int64_t *uid, struct dw_err *err)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	DW_CLEANUP(dw_imap_answer_fini) struct dw_imap_answer a;
	time_t t = (time_t)since;
	struct tm tm = { 0 };
	char args[64];
	int r;

	gmtime_r(&t, &tm);
	dw_imap_answer_init(&a, NULL);
	a.uids = uid;
	a.max = 1;
	snprintf(args, sizeof(args), "SINCE %d-%s-%d", tm.tm_mday, months[tm.tm_mon % 12], tm.tm_year + 1900);
	r = ask(m, &a, "UID SEARCH", args, err);
	return r < 0 ? r : a.n_uids == 0;
}

int dw_imap_fetch(struct dw_imap *m, int64_t uid, void **bytes, size_t *n, struct dw_err *err)
{
	DW_CLEANUP(dw_imap_answer_fini) struct dw_imap_answer a;
	char args[96];
	int r;

	dw_imap_answer_init(&a, NULL);
	a.uid = uid;
	a.literal_max = DW_IMAP_MAIL_MAX + 1;
	snprintf(args, sizeof(args), "%lld (UID BODY.PEEK[]<0.%d>)", (long long)uid, DW_IMAP_MAIL_MAX + 1);
	r = ask(m, &a, "UID FETCH", args, err);
	if (r < 0)
		return r;
	if (!a.fetched)
		return 1;
	if (a.body.n > DW_IMAP_MAIL_MAX)
		return 2;
	*n = a.body.n;
	*bytes = a.body.n ? dw_buf_take(&a.body) : dw_calloc(1, 1);
	return *bytes ? 0 : dw_err_oom(err);
}
