/* heartbeat.h: one short call by libcurl's easy interface, nothing kept from one to the next. */
#include "duewatch/heartbeat.h"
#include "duewatch/net.h"

#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>

enum { BODY_MAX = 4096, HEADERS_MAX = 64 * 1024, REDIRECTS = 3, URL_MAX = 1000 };

/* ---- the address ---- */

static const char *after_scheme(const char *url)
{
	if (strncasecmp(url, "https://", 8) == 0)
		return url + 8;
	return strncasecmp(url, "http://", 7) == 0 ? url + 7 : NULL;
}

static bool port_ok(const char *s, size_t n)
{
	long v = 0;

	for (size_t i = 0; i < n; i++)
		v = s[i] >= '0' && s[i] <= '9' && v < 100000 ? v * 10 + (s[i] - '0') : 100000;
	return n > 0 && v > 0 && v <= 65535;
}

static bool host_ok(const char *s, size_t n)
{
	static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
	size_t host = *s == '[' ? strcspn(s, "]/") + 1 : strcspn(s, ":/?#");

	if (host > n)
		return false;
	if (*s == '[' && (host < 4 || s[host - 1] != ']' || strspn(s + 1, "0123456789abcdefABCDEF:.") != host - 2))
		return false;
	if (*s != '[' && (host == 0 || host > 253 || strspn(s, name) < host || *s == '-' || *s == '.'))
		return false;
	return host == n || (s[host] == ':' && port_ok(s + host + 1, n - host - 1));
}

int dw_heartbeat_host(char out[DW_HEARTBEAT_HOST_SIZE], const char *url, struct dw_err *err)
{
	const char *host = after_scheme(url);
	size_t n = host ? strcspn(host, "/?#") : 0;

	if (!host)
		return dw_err_set(err, -EINVAL, "the address begins with neither https:// nor http://");
	if (strlen(url) > URL_MAX)
		return dw_err_set(err, -EINVAL, "the address is longer than %d bytes", URL_MAX);
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7F)
			return dw_err_set(err, -EINVAL, "the address holds a blank or a character that must be written as %%XX");
	if (memchr(host, '@', n))
		return dw_err_set(err, -EINVAL, "no user or password belongs in the address");
	if (n >= DW_HEARTBEAT_HOST_SIZE || !host_ok(host, n))
		return dw_err_set(err, -EINVAL, "the address has no proper host, or its port isn't from 1 to 65535");
	memcpy(out, host, n);
	out[n] = '\0';
	return 0;
}

/* ---- the call ---- */

struct call {
	CURL *curl;
	const char *ca_file;
	const atomic_bool *stop;
	size_t body, headers;
	char date[64];
};

static void curl_freep(CURL **c)
{
	curl_easy_cleanup(*c);
}

static size_t on_body(char *p, size_t size, size_t n, void *user)
{
	struct call *c = user;

	(void)p;
	c->body += size * n;
	return c->body <= BODY_MAX ? size * n : 0; /* the answer's code is known already: enough */
}

static size_t on_header(char *p, size_t size, size_t n, void *user)
{
	struct call *c = user;
	size_t len = size * n;

	c->headers += len;
	if (len > 5 && strncasecmp(p, "date:", 5) == 0)
		snprintf(c->date, sizeof(c->date), "%.*s", (int)(len - 5 < 60 ? len - 5 : 60), p + 5);
	return c->headers <= HEADERS_MAX ? len : 0;
}

static int on_progress(void *user, curl_off_t dt, curl_off_t dn, curl_off_t ut, curl_off_t un)
{
	const struct call *c = user;

	(void)dt, (void)dn, (void)ut, (void)un;
	return c->stop && atomic_load(c->stop);
}

static void set_options(struct call *c, bool head, int64_t left_ms)
{
	CURL *h = c->curl;

	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)left_ms);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)left_ms);
	curl_easy_setopt(h, CURLOPT_NOBODY, head ? 1L : 0L);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "duewatch/" DW_VERSION);
	curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h, CURLOPT_XFERINFODATA, c);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, c);
}

/* Where an answer of 3xx leads, into url; false: it is no redirection, or one that isn't followed. Only to the same host,
 * whatever the port: its server is not to choose what this machine, which others may not reach, calls upon. And never
 * from https to http. */
static bool redirected(struct call *c, char url[URL_MAX + 1])
{
	char to[DW_HEARTBEAT_HOST_SIZE], from[DW_HEARTBEAT_HOST_SIZE];
	const char *next = NULL;
	size_t n;

	curl_easy_getinfo(c->curl, CURLINFO_REDIRECT_URL, &next);
	if (!next || dw_heartbeat_host(to, next, NULL) < 0 || dw_heartbeat_host(from, url, NULL) < 0)
		return false;
	n = *from == '[' ? strcspn(from, "]") + 1 : strcspn(from, ":");
	if (strncasecmp(to, from, n) != 0 || (to[n] && to[n] != ':') ||
	    (strncasecmp(url, "https:", 6) == 0 && strncasecmp(next, "https:", 6) != 0))
		return false;
	memmove(url, next, strlen(next) + 1); /* within URL_MAX, or it had no host */
	return true;
}

/* One request of a call that must be over at `deadline`. */
static CURLcode perform_once(struct call *c, const char *url, bool head, int64_t deadline, long *code)
{
	int64_t left = deadline - dw_net_now_ms();
	CURLcode rc;

	if (left <= 0)
		return CURLE_OPERATION_TIMEDOUT;
	c->body = c->headers = 0;
	set_options(c, head, left);
	rc = dw_net_policy(c->curl, strncasecmp(url, "https:", 6) == 0 ? "https" : "http", c->ca_file);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c->curl, CURLOPT_URL, url);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(c->curl);
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, code);
	return rc;
}

/* The answer's code, or < 0. libcurl's own words may hold the address: only its codes' are used. */
static int perform(struct call *c, const char *to, bool head, struct dw_err *err)
{
	char host[DW_HEARTBEAT_HOST_SIZE], url[URL_MAX + 1];
	int64_t deadline = dw_net_now_ms() + DW_HEARTBEAT_S * INT64_C(1000);
	long code = 0;
	CURLcode rc;
	int r = dw_heartbeat_host(host, to, err);

	if (r < 0)
		return r;
	snprintf(url, sizeof(url), "%s", to);
	rc = perform_once(c, url, head, deadline, &code);
	for (int i = 0; i < REDIRECTS && rc == CURLE_OK && !head && code / 100 == 3 && redirected(c, url); i++)
		rc = perform_once(c, url, head, deadline, &code);
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return dw_err_set(err, -ECANCELED, "stopped");
	if (rc != CURLE_OK && !(rc == CURLE_WRITE_ERROR && code > 0 && c->body > BODY_MAX))
		return dw_err_set(err, -EIO, "%s: %s", host, curl_easy_strerror(rc));
	return code > 0 && code < 1000 ? (int)code : dw_err_set(err, -EIO, "%s gave no answer", host);
}

static CURL *new_handle(void)
{
	dw_net_start();
	return curl_easy_init();
}

int dw_heartbeat_call(const char *url, const char *ca_file, const atomic_bool *stop, struct dw_err *err)
{
	DW_CLEANUP(curl_freep) CURL *curl = new_handle();
	struct call c = { .curl = curl, .ca_file = ca_file, .stop = stop };
	int code = curl ? perform(&c, url, false, err) : dw_err_oom(err);
	char host[DW_HEARTBEAT_HOST_SIZE] = "";

	if (code < 0)
		return code;
	dw_heartbeat_host(host, url, NULL);
	return code / 100 == 2 ? 0 : dw_err_set(err, -EPROTO, "%s answered %d", host, code);
}

/* RFC 9110 §5.6.7: the one form a server may write. (curl_getdate's time_t is libcurl's, which on i386 isn't ours.) */
static dw_time date_of(const char *text)
{
	struct tm tm = { 0 };

	return strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) ? (dw_time)timegm(&tm) : DW_UNKNOWN;
}

int dw_heartbeat_date(const char *url, const char *ca_file, dw_time *date, int *trip, struct dw_err *err)
{
	DW_CLEANUP(curl_freep) CURL *curl = new_handle();
	struct call c = { .curl = curl, .ca_file = ca_file };
	const char *host = after_scheme(url);
	size_t n = host ? (size_t)(host - url) + strcspn(host, "/?#") : 0;
	time_t began = time(NULL);
	DW_BUF root = { 0 };
	int code;

	dw_buf_add(&root, url, n);
	dw_buf_puts(&root, "/");
	if (!curl || root.failed)
		return dw_err_oom(err);
	code = perform(&c, root.p, true, err);
	if (code < 0)
		return code;
	*date = date_of(c.date);
	*trip = (int)(time(NULL) - began);
	return 0;
}
