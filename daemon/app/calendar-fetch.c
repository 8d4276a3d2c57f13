/* calendar-copy.h: one GET by libcurl's easy interface, conditional on what is known. Where it leads is followed on https
 * only: calendars' services hand over to other hosts, but never to an unencrypted one. */
#include "duewatch/calendar-copy.h"
#include "duewatch/heartbeat.h"
#include "duewatch/net.h"

#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>

enum { FETCH_S = 30, HEADERS_MAX = 64 * 1024, TAG_MAX = 512, REDIRECTS = 3 };

struct get {
	struct dw_buf body;
	size_t headers;
	char etag[TAG_MAX], modified[TAG_MAX];
	bool large;
	const atomic_bool *stop;
};

static void curl_freep(CURL **c)
{
	curl_easy_cleanup(*c);
}

static void slist_freep(struct curl_slist **l)
{
	curl_slist_free_all(*l);
}

static size_t on_body(char *p, size_t size, size_t n, void *user)
{
	struct get *g = user;

	g->large |= g->body.n + size * n > DW_ICAL_SIZE_MAX;
	if (!g->large)
		dw_buf_add(&g->body, p, size * n);
	return g->large || g->body.failed ? 0 : size * n;
}

/* A header's value, if it is short and printable ASCII: it is sent back later. */
static void keep(char out[TAG_MAX], const char *p, size_t n)
{
	while (n && (*p == ' ' || *p == '\t'))
		p++, n--;
	while (n && (p[n - 1] == '\r' || p[n - 1] == '\n' || p[n - 1] == ' '))
		n--;
	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		if (p[i] < ' ' || p[i] > '~')
			return;
	if (n < TAG_MAX)
		snprintf(out, TAG_MAX, "%.*s", (int)n, p);
}

static size_t on_header(char *p, size_t size, size_t n, void *user)
{
	struct get *g = user;
	size_t len = size * n;

	if (len > 5 && strncasecmp(p, "HTTP/", 5) == 0) /* a redirection's tags aren't the calendar's */
		g->etag[0] = g->modified[0] = '\0';
	else if (len > 5 && strncasecmp(p, "etag:", 5) == 0)
		keep(g->etag, p + 5, len - 5);
	else if (len > 14 && strncasecmp(p, "last-modified:", 14) == 0)
		keep(g->modified, p + 14, len - 14);
	g->headers += len;
	return g->headers <= HEADERS_MAX ? len : 0;
}

static int on_progress(void *user, curl_off_t dt, curl_off_t dn, curl_off_t ut, curl_off_t un)
{
	const struct get *g = user;

	(void)dt, (void)dn, (void)ut, (void)un;
	return g->stop && atomic_load(g->stop);
}

static CURLcode set_options(CURL *h, struct get *g, const char *url, const char *ca_file, struct curl_slist *list)
{
	CURLcode rc = dw_net_policy(h, "https", ca_file);

	curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)FETCH_S);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)FETCH_S);
	curl_easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(h, CURLOPT_MAXREDIRS, (long)REDIRECTS);
	curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, ""); /* on_body counts what it becomes */
	curl_easy_setopt(h, CURLOPT_USERAGENT, "duewatch/" DW_VERSION);
	curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h, CURLOPT_XFERINFODATA, g);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, g);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, g);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, list);
	return rc == CURLE_OK ? curl_easy_setopt(h, CURLOPT_URL, url) : rc;
}

static int ask(struct curl_slist **list, const char *name, const char *value)
{
	struct curl_slist *more;
	DW_BUF b = { 0 };

	dw_buf_printf(&b, "%s: %s", name, value);
	more = b.failed ? NULL : curl_slist_append(*list, b.p);
	if (!more)
		return -ENOMEM;
	*list = more;
	return 0;
}

static int take(struct get *g, struct dw_calendar_copy *c, struct dw_err *err)
{
	DW_FREE char *etag = *g->etag ? dw_strdup(g->etag) : NULL, *modified = *g->modified ? dw_strdup(g->modified) : NULL;
	size_t n = g->body.n;
	DW_FREE char *text = n ? dw_buf_take(&g->body) : dw_strdup("");

	if (!text || (*g->etag && !etag) || (*g->modified && !modified))
		return dw_err_oom(err);
	dw_calendar_copy_fini(c);
	*c = (struct dw_calendar_copy){ .etag = dw_steal(&etag), .modified = dw_steal(&modified), .checked = DW_UNKNOWN,
					.text = dw_steal(&text), .n = n };
	return 0;
}

/* libcurl's own words may hold the address: only its codes' are used. */
int dw_calendar_fetch(const char *url, const char *ca_file, const atomic_bool *stop, struct dw_calendar_copy *c,
		      struct dw_err *err)
{
	DW_CLEANUP(curl_freep) CURL *h = NULL;
	DW_CLEANUP(slist_freep) struct curl_slist *list = NULL;
	struct get g = { .stop = stop };
	char host[DW_HEARTBEAT_HOST_SIZE];
	long code = 0;
	CURLcode rc;
	int r = dw_heartbeat_host(host, url, err);

	if (r < 0)
		return r;
	if (strncasecmp(url, "https://", 8) != 0)
		return dw_err_set(err, -EINVAL, "the address doesn't begin with https://");
	dw_net_start();
	h = curl_easy_init();
	if (!h || ask(&list, "Accept", "text/calendar, */*;q=0.1") < 0 || (c->text && c->etag && ask(&list, "If-None-Match", c->etag) < 0) ||
	    (c->text && c->modified && ask(&list, "If-Modified-Since", c->modified) < 0))
		return dw_err_oom(err);
	rc = set_options(h, &g, url, ca_file, list);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(h);
	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &code);
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		r = dw_err_set(err, -ECANCELED, "stopped");
	else if (g.body.failed)
		r = dw_err_oom(err);
	else if (g.large)
		r = dw_err_set(err, -EFBIG, "%s sent over %d KiB", host, DW_ICAL_SIZE_MAX / 1024);
	else if (rc != CURLE_OK)
		r = dw_err_set(err, -EIO, "%s: %s", host, curl_easy_strerror(rc));
	else if (code == 304 && c->text)
		r = 1;
	else if (code != 200)
		r = dw_err_set(err, -EPROTO, "%s answered %ld", host, code);
	else
		r = take(&g, c, err);
	dw_buf_fini(&g.body);
	return r;
}
