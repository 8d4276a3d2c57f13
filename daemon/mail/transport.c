/* transport.h: the kinds of transport behind one name, the check of addresses, and the scrubbing of hostile text. */
#include "transport-impl.h"

#include <strings.h>

int dw_transport_new(struct dw_transport **out, const struct dw_transport_conf *conf, struct dw_err *err)
{
	const char *url = conf->url ? conf->url : "";

	if (strncasecmp(url, "smtp://", 7) == 0 || strncasecmp(url, "smtps://", 8) == 0)
		return dw_smtp_new(out, conf, err);
	if (strncasecmp(url, "maildir://", 10) == 0)
		return dw_maildir_new(out, conf, err);
	return dw_err_set(err, -EINVAL, "a transport is smtps://host:port, smtp://host:port or maildir:///folder");
}

void dw_transport_free(struct dw_transport *t)
{
	if (t)
		t->ops->free(t);
}

void dw_transport_send(struct dw_transport *t, const struct dw_envelope *env, const char *id, const void *bytes,
		       size_t n, struct dw_answer *answer)
{
	*answer = (struct dw_answer){ .verdict = DW_RETRY, .stage = DW_AT_CONNECT };
	if (atomic_load(&t->aborted)) {
		answer->ours = true;
		dw_answer_text(answer, NULL, "stopped before it was tried");
	} else if (!dw_address_ok(env->from)) {
		answer->ours = true;
		answer->verdict = DW_RELAY_REFUSED;
		answer->stage = DW_AT_MAIL;
		dw_answer_text(answer, NULL, "the sender is no mail address");
	} else if (!dw_address_ok(env->to)) {
		answer->ours = true;
		answer->verdict = DW_DEAD_ADDRESS;
		answer->stage = DW_AT_RCPT;
		dw_answer_text(answer, NULL, "the recipient is no mail address");
	} else {
		t->ops->send(t, env, id ? id : "", bytes, n, answer);
	}
}

void dw_transport_probe(struct dw_transport *t, struct dw_answer *answer)
{
	*answer = (struct dw_answer){ .verdict = DW_SENT, .stage = DW_AT_CONNECT };
	if (t->ops->probe)
		t->ops->probe(t, answer);
}

void dw_transport_abort(struct dw_transport *t)
{
	atomic_store(&t->aborted, true);
	if (t->ops->abort)
		t->ops->abort(t);
}

const char *dw_transport_session(const struct dw_transport *t)
{
	return t->ops->session ? t->ops->session(t) : "";
}

/* addresses */

static bool alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool domain_ok(const char *s)
{
	size_t label = 0;

	for (; *s; s++) {
		if (*s == '.') {
			if (label == 0 || s[-1] == '-')
				return false;
			label = 0;
		} else if (alnum(*s) || (*s == '-' && label > 0)) {
			if (++label > 63)
				return false;
		} else {
			return false;
		}
	}
	return label > 0 && s[-1] != '-';
}

bool dw_address_ok(const char *s)
{
	const char *at = s ? strchr(s, '@') : NULL;

	if (!at || at == s || at - s > 64 || strlen(s) > 254)
		return false;
	/* RFC 5321 atext, dots anywhere: there are real mailboxes with two in a row */
	for (const char *c = s; c < at; c++)
		if (!alnum(*c) && !strchr(".!#$%&'*+-/=?^_`{|}~", *c))
			return false;
	return domain_ok(at + 1);
}

/* secrets */

static char *base64(const void *bytes, size_t n)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *b = bytes;
	char *out = dw_malloc((n + 2) / 3 * 4 + 1), *o = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)b[i] << 16 | (i + 1 < n ? (uint32_t)b[i + 1] << 8 : 0) |
			     (i + 2 < n ? b[i + 2] : 0);

		*o++ = digit[v >> 18];
		*o++ = digit[v >> 12 & 63];
		*o++ = i + 1 < n ? digit[v >> 6 & 63] : '=';
		*o++ = i + 2 < n ? digit[v & 63] : '=';
	}
	*o = '\0';
	return out;
}

int dw_secrets_init(struct dw_secrets *s, const char *user, const char *password)
{
	size_t u = user ? strlen(user) : 0, p = password ? strlen(password) : 0;
	char *plain;

	*s = (struct dw_secrets){ 0 };
	if (p == 0)
		return 0;
	plain = dw_calloc(1, u + p + 2);
	if (!plain)
		return -ENOMEM;
	memcpy(plain + 1, user ? user : "", u);
	memcpy(plain + u + 2, password, p);
	s->word[0] = base64(plain, u + p + 2); /* AUTH PLAIN's; the longest */
	s->word[1] = base64(password, p);      /* AUTH LOGIN's */
	s->word[2] = dw_strdup(password);
	explicit_bzero(plain, u + p + 2);
	free(plain);
	if (!s->word[0] || !s->word[1] || !s->word[2])
		return -ENOMEM;
	s->longest = strlen(s->word[0]);
	return 0;
}

static char *base64_of(struct dw_buf *b)
{
	char *out = b->failed ? NULL : base64(b->p, b->n);

	if (b->p)
		explicit_bzero(b->p, b->cap);
	dw_buf_fini(b);
	return out;
}

int dw_secrets_of_token(struct dw_secrets *s, const char *user, const char *token, const char *host)
{
	size_t room = strlen(user) + strlen(token) + strlen(host) + 100;
	struct dw_buf a = { .p = dw_calloc(1, room), .cap = room }, b = { .p = dw_calloc(1, room), .cap = room };
	const char *colon = strrchr(host, ':');

	*s = (struct dw_secrets){ 0 };
	a.failed = !a.p;
	b.failed = !b.p;
	dw_buf_printf(&a, "user=%s\1auth=Bearer %s\1\1", user, token);
	dw_buf_printf(&b, "n,a=%s,\1host=%.*s\1port=%s\1auth=Bearer %s\1\1", user, (int)(colon ? colon - host : (long)strlen(host)),
		      host, colon ? colon + 1 : "", token);
	s->word[0] = base64_of(&b);
	s->word[1] = base64_of(&a);
	s->word[2] = dw_strdup(token);
	if (!s->word[0] || !s->word[1] || !s->word[2])
		return -ENOMEM;
	s->longest = strlen(s->word[0]);
	return 0;
}

void dw_secrets_fini(struct dw_secrets *s)
{
	for (size_t i = 0; i < DW_COUNT(s->word); i++) {
		if (s->word[i])
			explicit_bzero(s->word[i], strlen(s->word[i]));
		free(s->word[i]);
	}
	*s = (struct dw_secrets){ 0 };
}

/* scrubbing */

static size_t secret_at(const struct dw_secrets *s, const char *in, size_t n)
{
	for (size_t i = 0; s && i < DW_COUNT(s->word); i++) {
		size_t len = s->word[i] ? strlen(s->word[i]) : 0;

		if (len > 0 && len <= n && memcmp(in, s->word[i], len) == 0)
			return len;
	}
	return 0;
}

/* Controls (C0, DEL, C1), line and paragraph separators, and what turns or hides text: zero width, bidi, BOM. */
static bool unseen(const char *in, size_t len)
{
	const unsigned char *u = (const unsigned char *)in;

	if (len == 1)
		return u[0] < 0x20 || u[0] == 0x7F;
	if (len == 2)
		return u[0] == 0xC2 && u[1] < 0xA0;
	if (len != 3)
		return false;
	if (u[0] == 0xE2 && u[1] == 0x80)
		return (u[2] >= 0x8B && u[2] <= 0x8F) || (u[2] >= 0xA8 && u[2] <= 0xAE);
	return (u[0] == 0xE2 && u[1] == 0x81 && u[2] >= 0xA0 && u[2] <= 0xAF) ||
	       (u[0] == 0xEF && u[1] == 0xBB && u[2] == 0xBF);
}

void dw_transport_scrub(struct dw_buf *out, const struct dw_secrets *s, const char *in, size_t n, size_t max)
{
	size_t start = out->n, end = n;

	if (n > max) /* and not the last few bytes of these: they may begin a secret */
		end = s && s->longest < max ? max - s->longest : max;
	for (size_t i = 0; i < end;) {
		size_t len = secret_at(s, in + i, n - i);

		if (len > 0) {
			dw_buf_puts(out, "***");
			i += len;
			continue;
		}
		len = dw_utf8_seq(in + i, n - i);
		if (len == 0)
			dw_buf_putc(out, '?');
		else if (in[i] != ' ' && !unseen(in + i, len))
			dw_buf_add(out, in + i, len);
		else if (out->n > start && (in[i] == ' ' || out->p[out->n - 1] != ' '))
			dw_buf_putc(out, ' ');
		i += len ? len : 1;
	}
	while (out->n > start && out->p[out->n - 1] == ' ')
		out->p[--out->n] = '\0';
}

void dw_answer_text(struct dw_answer *answer, const struct dw_secrets *s, const char *text)
{
	DW_BUF b = { 0 };
	size_t n;

	dw_transport_scrub(&b, s, text, strlen(text), 4096);
	n = b.n < sizeof(answer->text) ? b.n : sizeof(answer->text) - 1;
	while (n < b.n && n > 0 && ((unsigned char)b.p[n] & 0xC0) == 0x80)
		n--;
	memcpy(answer->text, dw_buf_str(&b), n);
	answer->text[n] = '\0';
}
