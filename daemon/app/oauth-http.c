/* oauth-impl.h: one POST to a token server. No redirection is followed and no proxy used: what is sent are secrets. */
#include "duewatch/net.h"
#include "oauth-impl.h"

#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>

enum { BODY_MAX = 64 * 1024, HEADERS_MAX = 64 * 1024, FORM_MAX = 32 * 1024, SECRETS_MAX = 8 };

struct call {
	CURL *curl;
	const atomic_bool *stop;
	char *body;
	size_t n, headers;
	bool large;
};

static void curl_freep(CURL **c)
{
	curl_easy_cleanup(*c);
}

static size_t on_body(char *p, size_t size, size_t count, void *user)
{
	struct call *c = user;
	size_t n = size * count;

	if (n > BODY_MAX - c->n) {
		c->large = true;
		return 0;
	}
	memcpy(c->body + c->n, p, n);
	c->n += n;
	return n;
}

static size_t on_header(DW_UNUSED char *p, size_t size, size_t count, void *user)
{
	struct call *c = user;

	c->headers += size * count;
	c->large |= c->headers > HEADERS_MAX;
	return c->large ? 0 : size * count;
}

static int on_progress(void *user, DW_UNUSED curl_off_t dt, DW_UNUSED curl_off_t dn, DW_UNUSED curl_off_t ut, DW_UNUSED curl_off_t un)
{
	return atomic_load(((const struct call *)user)->stop);
}

static void set_options(struct call *c)
{
	CURL *h = c->curl;

	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, DW_OAUTH_HTTP_S * 1000L);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, DW_OAUTH_HTTP_S * 500L);
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "duewatch/" DW_VERSION);
	curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h, CURLOPT_XFERINFODATA, c);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, c);
}

/* application/x-www-form-urlencoded, into a buffer that never moves. */
static bool add_field(char *form, size_t *n, const char *name, const char *value)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	static const char hex[] = "0123456789ABCDEF";
	size_t at = *n, len = strlen(name);

	if (at + len + 2 + 3 * strlen(value) >= FORM_MAX)
		return false;
	if (at)
		form[at++] = '&';
	memcpy(form + at, name, len);
	at += len;
	form[at++] = '=';
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (strchr(plain, c)) {
			form[at++] = (char)c;
			continue;
		}
		form[at++] = '%';
		form[at++] = hex[c >> 4];
		form[at++] = hex[c & 15];
	}
	form[at] = '\0';
	*n = at;
	return true;
}

static CURLcode perform(struct call *c, const struct dw_oauth *o, const char *url, const char *form, size_t n)
{
	struct curl_slist *accept = curl_slist_append(NULL, "Accept: application/json");
	CURLcode rc = accept ? CURLE_OK : CURLE_OUT_OF_MEMORY;

	set_options(c);
	if (rc == CURLE_OK)
		rc = dw_net_policy(c->curl, strncasecmp(url, "https:", 6) == 0 ? "https" : "http", o->ca_file);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, accept);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c->curl, CURLOPT_URL, url);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE, (long)n);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, form);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(c->curl);
	curl_slist_free_all(accept);
	return rc;
}

/* "https://login.example.com/…": the host with its port, for people. */
static int host_len(const char *url, const char **host)
{
	*host = strstr(url, "://");
	*host = *host ? *host + 3 : url;
	return (int)strcspn(*host, "/?#");
}

static int ask(struct call *c, const struct dw_oauth *o, const char *url, const char *form, size_t n, const char *const *secret,
	       struct dw_oauth_answer *out, struct dw_err *err)
{
	const char *type = NULL, *host;
	int len = host_len(url, &host);
	curl_off_t after = 0;
	long code = 0;
	CURLcode rc = perform(c, o, url, form, n);

	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &code);
	curl_easy_getinfo(c->curl, CURLINFO_CONTENT_TYPE, &type);
	if (rc == CURLE_OUT_OF_MEMORY)
		return dw_err_oom(err);
	if (rc == CURLE_ABORTED_BY_CALLBACK || atomic_load(&o->stop))
		return dw_err_set(err, -ECANCELED, "stopped");
	*out = (struct dw_oauth_answer){ .verdict = DW_OAUTH_LATER };
	if (c->large)
		snprintf(out->error, sizeof(out->error), "%.*s: its answer is larger than %d KiB", len, host, BODY_MAX / 1024);
	else if (rc != CURLE_OK)
		snprintf(out->error, sizeof(out->error), "%.*s: %s", len, host, curl_easy_strerror(rc));
	if (*out->error)
		return 0;
	if (dw_oauth_answer_read(out, secret, code, type, c->body, c->n) < 0)
		return dw_err_oom(err);
	curl_easy_getinfo(c->curl, CURLINFO_RETRY_AFTER, &after);
	out->retry_after = after > 0 ? after : 0;
	if (*out->error) { /* who says so */
		DW_BUF b = { 0 };

		dw_buf_printf(&b, "%.*s: %s", len, host, out->error);
		snprintf(out->error, sizeof(out->error), "%s", dw_buf_str(&b));
		dw_utf8_mend(out->error);
	}
	return 0;
}

int dw_oauth_post(struct dw_oauth *o, const char *url, const char *const *field, struct dw_oauth_answer *out, struct dw_err *err)
{
	static const char *const hidden[] = { "client_secret", "refresh_token", "code", "code_verifier", "device_code" };
	const char *secret[SECRETS_MAX] = { NULL };
	DW_CLEANUP(curl_freep) CURL *curl = NULL;
	struct call c = { .stop = &o->stop };
	char *form;
	size_t n = 0, k = 0;
	bool fits = true;
	int r;

	dw_net_start();
	curl = c.curl = curl_easy_init();
	c.body = dw_malloc(BODY_MAX);
	form = dw_malloc(FORM_MAX);
	for (size_t i = 0; form && fits && field[i]; i += 2) {
		if (!field[i + 1])
			continue;
		fits = add_field(form, &n, field[i], field[i + 1]);
		for (size_t h = 0; h < DW_COUNT(hidden) && k + 1 < SECRETS_MAX; h++)
			if (strcmp(hidden[h], field[i]) == 0)
				secret[k++] = field[i + 1];
	}
	if (!curl || !c.body || !form)
		r = dw_err_oom(err);
	else if (!fits)
		r = dw_err_set(err, -E2BIG, "what is to be sent to the token server is larger than %d KiB", FORM_MAX / 1024);
	else
		r = ask(&c, o, url, form, n, secret, out, err);
	if (c.body)
		explicit_bzero(c.body, BODY_MAX);
	if (form)
		explicit_bzero(form, FORM_MAX);
	free(c.body);
	free(form);
	return r;
}
