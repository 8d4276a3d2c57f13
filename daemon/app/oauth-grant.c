/* oauth.h: a person grants access: in a browser anywhere (RFC 6749 §4.1 with RFC 7636), or by a device login (RFC 8628). */
#include "oauth-impl.h"

#include <glib.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { PASTED_MAX = 8000 };

static void add_escaped(struct dw_buf *b, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *s; s++)
		if (strchr(plain, *s))
			dw_buf_putc(b, *s);
		else
			dw_buf_printf(b, "%%%02X", (unsigned char)*s);
}

static void add_param(struct dw_buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	dw_buf_printf(b, "%s%s=", strchr(dw_buf_str(b), '?') ? "&" : "?", name);
	add_escaped(b, value);
}

/* base64url(SHA-256(verifier)), RFC 7636 §4.2 */
static char *challenge_of(const char *verifier)
{
	guint8 sum[32];
	gsize n = sizeof(sum);
	GChecksum *c = g_checksum_new(G_CHECKSUM_SHA256);
	gchar *text;
	char *out;

	g_checksum_update(c, (const guchar *)verifier, (gssize)strlen(verifier));
	g_checksum_get_digest(c, sum, &n);
	g_checksum_free(c);
	text = g_base64_encode(sum, n);
	for (char *p = text; *p; p++)
		*p = (char)(*p == '+' ? '-' : *p == '/' ? '_' : *p);
	out = dw_strndup(text, strcspn(text, "="));
	g_free(text);
	return out;
}

int dw_oauth_grant_url(struct dw_oauth *o, const char *redirect, const char *verifier, const char *state, char **url,
		       struct dw_err *err)
{
	DW_FREE char *challenge = challenge_of(verifier);
	DW_BUF b = { 0 };

	if (!o->authorize_url)
		return dw_err_set(err, -ENOTSUP, "the config names no authorize_url, and this provider has no known one");
	if (!challenge)
		return dw_err_oom(err);
	dw_buf_puts(&b, o->authorize_url);
	add_param(&b, "response_type", "code");
	add_param(&b, "client_id", o->client_id);
	add_param(&b, "redirect_uri", redirect);
	add_param(&b, "scope", o->scope);
	add_param(&b, "state", state);
	add_param(&b, "code_challenge", challenge);
	add_param(&b, "code_challenge_method", "S256");
	add_param(&b, "login_hint", *o->username ? o->username : NULL);
	if (o->google) { /* else it gives a refresh token at the first consent of all only */
		add_param(&b, "access_type", "offline");
		add_param(&b, "prompt", "consent");
	}
	*url = dw_buf_take(&b);
	return *url ? 0 : dw_err_oom(err);
}

/* ---- the code ---- */

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* A parameter of the query, unescaped; false: it isn't there, or is no text. */
static bool param(char *out, size_t size, const char *query, const char *name)
{
	size_t n = strlen(name), at = 0;
	const char *p = query;

	while (p && !(strncmp(p, name, n) == 0 && p[n] == '='))
		p = strchr(p, '&') ? strchr(p, '&') + 1 : NULL;
	if (!p)
		return false;
	for (p += n + 1; *p && *p != '&' && *p != '#'; p++) {
		int c = (unsigned char)*p;

		if (c == '%') {
			if (hex(p[1]) < 0 || hex(p[2]) < 0)
				return false;
			c = hex(p[1]) << 4 | hex(p[2]);
			p += 2;
		}
		if (c <= 0x20 || c >= 0x7F || at + 1 >= size)
			return false;
		out[at++] = (char)c;
	}
	out[at] = '\0';
	return at > 0;
}

/* The code out of what was pasted: itself, or the address in the browser's bar. */
static int code_of(char *out, size_t size, const char *pasted, const char *state, struct dw_err *err)
{
	const char *query = strchr(pasted, '?');
	char word[200];

	if (strlen(pasted) >= PASTED_MAX)
		return dw_err_set(err, -EINVAL, "that is too long for a code or an address");
	if (!strstr(pasted, "://")) {
		for (const char *c = pasted; *c; c++)
			if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7F)
				return dw_err_set(err, -EINVAL, "that is neither a code nor an address");
		snprintf(out, size, "%s", pasted);
		return *out ? 0 : dw_err_set(err, -EINVAL, "nothing was given");
	}
	if (query && param(word, sizeof(word), query + 1, "error"))
		return dw_err_set(err, -EACCES, "the provider says: %s", word);
	if (!query || !param(out, size, query + 1, "code"))
		return dw_err_set(err, -EINVAL, "there is no code in that address: copy it whole from the browser's address bar");
	if (!param(word, sizeof(word), query + 1, "state") || strcmp(word, state) != 0)
		return dw_err_set(err, -EINVAL, "that address belongs to another try: open the one printed above");
	return 0;
}

/* Stores what was granted; the daemon finds it within a minute. */
static int take(struct dw_oauth *o, struct dw_oauth_answer *a, struct dw_err *err)
{
	int lock, r;

	if (a->verdict != DW_OAUTH_GRANTED)
		return dw_err_set(err, -EACCES, "%s", a->error);
	lock = dw_oauth_lock(o->state, o->name, &o->stop);
	pthread_mutex_lock(&o->mutex);
	dw_oauth_kept_fini(&o->now);
	r = dw_oauth_install(o, a, err);
	if (r == 0 && o->unsaved)
		r = dw_err_set(err, -EIO, "%s", o->health.error);
	pthread_mutex_unlock(&o->mutex);
	if (lock >= 0)
		close(lock);
	return r;
}

int dw_oauth_grant_code(struct dw_oauth *o, const char *redirect, const char *verifier, const char *state, const char *pasted,
			struct dw_err *err)
{
	struct dw_oauth_answer a = { .verdict = DW_OAUTH_LATER };
	char code[PASTED_MAX];
	int r = code_of(code, sizeof(code), pasted, state, err);
	const char *field[] = { "grant_type", "authorization_code", "code", code, "redirect_uri", redirect, "client_id", o->client_id,
				"client_secret", o->secret, "code_verifier", verifier, NULL };

	if (r == 0)
		r = dw_oauth_post(o, o->token_url, field, &a, err);
	explicit_bzero(code, sizeof(code));
	if (r == 0)
		r = take(o, &a, err);
	dw_oauth_answer_fini(&a);
	return r;
}

/* ---- a device login ---- */

int dw_oauth_device_begin(struct dw_oauth *o, struct dw_oauth_answer *out, struct dw_err *err)
{
	const char *field[] = { "client_id", o->client_id, "scope", o->scope, NULL };
	int r;

	if (!o->device_url)
		return dw_err_set(err, -ENOTSUP, "this provider has no device login for mail%s: leave --device out",
				  o->google ? " (Google's has no scope for it)" : "");
	r = dw_oauth_post(o, o->device_url, field, out, err);
	if (r == 0 && out->verdict != DW_OAUTH_DEVICE) {
		r = dw_err_set(err, -EACCES, "%s", *out->error ? out->error : "the provider gave no codes for a device login");
		dw_oauth_answer_fini(out);
	}
	return r;
}

int dw_oauth_device_wait(struct dw_oauth *o, const struct dw_oauth_answer *begun, struct dw_err *err)
{
	const char *field[] = { "grant_type", "urn:ietf:params:oauth:grant-type:device_code", "device_code", begun->device_code,
				"client_id", o->client_id, "client_secret", o->secret, NULL };
	int64_t interval = begun->interval;
	int r = 0;

	for (int64_t waited = 0; r == 0 && waited < begun->expires_in; waited += interval) {
		struct timespec t = { .tv_sec = interval };
		struct dw_oauth_answer a = { .verdict = DW_OAUTH_LATER };

		nanosleep(&t, NULL);
		r = dw_oauth_post(o, o->token_url, field, &a, err);
		if (r == 0 && (a.verdict == DW_OAUTH_GRANTED || a.verdict == DW_OAUTH_DEAD)) {
			r = take(o, &a, err);
			dw_oauth_answer_fini(&a);
			return r;
		}
		interval += a.slow_down ? 5 : 0; /* RFC 8628 §3.5; a server that is down for a while is asked again, too */
		dw_oauth_answer_fini(&a);
	}
	return r < 0 ? r : dw_err_set(err, -ETIMEDOUT, "nobody agreed in time: begin again");
}
