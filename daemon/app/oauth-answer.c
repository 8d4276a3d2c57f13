/* oauth.h: what a token server answers (RFC 6749 §5, RFC 8628 §3). Hostile until checked: no field is believed by its
 * name alone, nothing is longer than its bound, and the words for people are one clean line. */
#include "duewatch/oauth.h"
#include "duewatch/quote.h"

#include <jansson.h>
#include <stdio.h>
#include <strings.h>

enum { LIFE_MAX = 30 * 86400, LIFE_UNSAID = 3600, REFRESH_LIFE_MAX = 10 * 366 * 86400, INTERVAL_MAX = 300 };

/* Errors that stay (RFC 6749 §5.2, §4.1.2.1, RFC 8628 §3.5, OpenID Connect Core §3.1.2.6). */
static const char *const dead_words[] = {
	"invalid_grant", "invalid_client", "invalid_request", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
	"access_denied", "expired_token", "interaction_required", "consent_required", "login_required",
};

static void wipe(json_t *root)
{
	const char *key;
	json_t *v;

	json_object_foreach(root, key, v)
		if (json_is_string(v)) /* jansson's own copy, which it would only free */
			explicit_bzero((char *)(uintptr_t)json_string_value(v), json_string_length(v));
	json_decref(root);
}

static const char *text_of(const json_t *root, const char *key)
{
	const json_t *v = json_object_get(root, key);

	return v && strlen(json_string_value(v) ? json_string_value(v) : "") == json_string_length(v) ? json_string_value(v) : NULL;
}

/* A number, or one as a text, as some servers have it; `unsaid` where it is neither. */
static int64_t seconds_of(const json_t *root, const char *key, int64_t max, int64_t unsaid)
{
	const json_t *v = json_object_get(root, key);
	const char *t = text_of(root, key);
	int64_t n = -1;

	if (json_is_integer(v))
		n = json_integer_value(v);
	else if (json_is_real(v) && json_real_value(v) >= 1 && json_real_value(v) < (double)max)
		n = (int64_t)json_real_value(v);
	else if (t && *t && strlen(t) <= 10 && strspn(t, "0123456789") == strlen(t))
		n = strtoll(t, NULL, 10);
	if (n < 1)
		return unsaid;
	return n > max ? max : n;
}

/* RFC 6749 appendix A: printable ASCII, and it must fit into a line of SMTP. */
static bool token_ok(const char *t)
{
	size_t n = t ? strlen(t) : 0;

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)t[i] <= 0x20 || (unsigned char)t[i] >= 0x7F)
			return false;
	return n > 0 && n <= DW_SECRET_MAX;
}

/* Words from outside: one line, no control, nothing that hides. */
static void clean(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
	dw_utf8_mend(out);
	dw_quote_line(out);
}

struct reading {
	struct dw_oauth_answer *out;
	const char *const *secret; /* what we sent; NULL-terminated */
};

/* Whole texts, which are cut only after our secrets were taken out of them: a cut one wouldn't be found. */
static void later(struct reading *rd, const char *fmt, ...) DW_PRINTF(2, 3);
static void later(struct reading *rd, const char *fmt, ...)
{
	DW_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	for (size_t i = 0; text && rd->secret && rd->secret[i]; i++)
		dw_oauth_hide(text, rd->secret[i]);
	rd->out->verdict = DW_OAUTH_LATER;
	clean(rd->out->error, sizeof(rd->out->error), text ? text : "out of memory");
}

static int keep(char **to, const char *token)
{
	*to = dw_secret_copy(token, strlen(token));
	return *to ? 0 : -ENOMEM;
}

static int take_tokens(struct reading *rd, const json_t *root)
{
	struct dw_oauth_answer *out = rd->out;
	const char *access = text_of(root, "access_token"), *refresh = text_of(root, "refresh_token"),
		   *type = text_of(root, "token_type");
	int r;

	if (!type || strcasecmp(type, "bearer") != 0) {
		later(rd, "its token is of type \"%s\", not bearer", type ? type : "");
		return 0;
	}
	if (!token_ok(access)) {
		later(rd, "its access token can't be used: empty, over %d bytes, or with characters that don't belong in it", DW_SECRET_MAX);
		return 0;
	}
	if (json_object_get(root, "refresh_token") && !json_is_null(json_object_get(root, "refresh_token")) && !token_ok(refresh)) {
		later(rd, "its refresh token can't be used: empty, over %d bytes, or with characters that don't belong in it", DW_SECRET_MAX);
		return 0;
	}
	r = keep(&out->access, access);
	if (r == 0 && refresh)
		r = keep(&out->refresh, refresh);
	out->verdict = DW_OAUTH_GRANTED;
	out->expires_in = seconds_of(root, "expires_in", LIFE_MAX, LIFE_UNSAID);
	out->refresh_expires_in = seconds_of(root, "refresh_token_expires_in", REFRESH_LIFE_MAX, 0);
	return r;
}

static bool web_address(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= 0x20 || (unsigned char)s[i] >= 0x7F)
			return false;
	return n > 8 && n < 500 && strncmp(s, "https://", 8) == 0;
}

static int take_device(struct reading *rd, const json_t *root)
{
	struct dw_oauth_answer *out = rd->out;
	const char *code = text_of(root, "device_code"), *user = text_of(root, "user_code"),
		   *uri = text_of(root, "verification_uri");

	if (!uri)
		uri = text_of(root, "verification_url"); /* Google's, from before the RFC */
	if (!token_ok(code) || !token_ok(user) || strlen(user) >= sizeof(out->user_code) || !web_address(uri)) {
		later(rd, "it gave no proper codes for a device login");
		return 0;
	}
	snprintf(out->user_code, sizeof(out->user_code), "%s", user);
	snprintf(out->verification_uri, sizeof(out->verification_uri), "%s", uri);
	out->expires_in = seconds_of(root, "expires_in", 3600, 900);
	out->interval = seconds_of(root, "interval", INTERVAL_MAX, 5);
	out->verdict = DW_OAUTH_DEVICE;
	return keep(&out->device_code, code);
}

static void take_error(struct reading *rd, long code, const char *error, const char *description)
{
	struct dw_oauth_answer *out = rd->out;
	bool dead = false;
	size_t end;

	if (strcmp(error, "authorization_pending") == 0 || strcmp(error, "slow_down") == 0) {
		later(rd, "nobody has agreed yet");
		out->verdict = DW_OAUTH_PENDING;
		out->slow_down = *error == 's';
		return;
	}
	for (size_t i = 0; i < DW_COUNT(dead_words); i++)
		dead |= strcmp(error, dead_words[i]) == 0;
	/* Microsoft's goes on for lines, with ids and the time of day: the first says it */
	end = description ? strcspn(description, "\r\n") : 0;
	later(rd, "%s (HTTP %ld)%s%.*s", error, code, end ? ": " : "", (int)end, description ? description : "");
	if (dead && code != 429 && code < 500)
		out->verdict = DW_OAUTH_DEAD;
}

static bool is_json(const char *type)
{
	return !type || strcasestr(type, "json") != NULL;
}

int dw_oauth_answer_read(struct dw_oauth_answer *out, const char *const *secret, long code, const char *type, const char *body,
			 size_t n)
{
	struct reading reading = { .out = out, .secret = secret }, *rd = &reading;
	unsigned long short_of = dw_shortages();
	json_t *root = NULL;
	const char *error;
	int r = 0;

	*out = (struct dw_oauth_answer){ .verdict = DW_OAUTH_LATER };
	if (code / 100 == 3) {
		later(rd, "it redirects (HTTP %ld), which is not followed", code);
		return 0;
	}
	if (is_json(type))
		root = json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL);
	if (!root && dw_shortages() != short_of)
		return -ENOMEM;
	error = text_of(root, "error");
	if (!root && code / 100 == 2)
		later(rd, "its answer is no JSON%s%s", is_json(type) ? "" : ", but ", is_json(type) ? "" : type);
	else if (!root || !json_is_object(root))
		later(rd, "HTTP %ld", code);
	else if (error)
		take_error(rd, code, error, text_of(root, "error_description"));
	else if (code / 100 != 2)
		later(rd, "HTTP %ld", code);
	else if (json_object_get(root, "access_token"))
		r = take_tokens(rd, root);
	else if (json_object_get(root, "device_code"))
		r = take_device(rd, root);
	else
		later(rd, "its answer holds no token");
	wipe(root);
	if (r < 0)
		dw_oauth_answer_fini(out);
	return r;
}

void dw_oauth_answer_fini(struct dw_oauth_answer *a)
{
	dw_secret_free(a->access);
	dw_secret_free(a->refresh);
	dw_secret_free(a->device_code);
	a->access = a->refresh = a->device_code = NULL;
}

void dw_oauth_hide(char *text, const char *secret)
{
	size_t n = secret ? strlen(secret) : 0;
	char *p = text;

	while (n > 3 && (p = strstr(p, secret)) != NULL) {
		memmove(p + 3, p + n, strlen(p + n) + 1);
		memcpy(p, "***", 3);
		p += 3;
	}
}
