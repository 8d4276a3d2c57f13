/* reply-impl.h: Authentication-Results (RFC 8601 §2.2), read by its grammar and nothing looser: a field that isn't well
 * formed says nothing. Comments nest and quoted strings hold anything, and both may hold a sender's own words, so text
 * in them is never looked at for results.
 *
 * Who may be believed (dw_inbound_parse): of the fields of the configured host only the topmost, as a sender's forged one
 * can only stand below what the host put on top. That holds if the host puts one on every mail that reaches the
 * mailbox; that it takes out foreign ones in its own name (RFC 8601 §5) covers the mails it should forget. */
#include "reply-impl.h"

#include <stdio.h>

/* ---- tokens ---- */

struct cursor {
	const char *p;
	bool bad;
};

/* A comment, the parenthesis at *p; quoted pairs count as one. */
static void comment(struct cursor *c)
{
	int depth = 0;

	do {
		if (*c->p == '\\' && c->p[1])
			c->p++;
		else if (*c->p == '(')
			depth++;
		else if (*c->p == ')')
			depth--;
		if (!*c->p) {
			c->bad = true;
			return;
		}
		c->p++;
	} while (depth > 0);
}

static void cfws(struct cursor *c)
{
	for (;;) {
		c->p += strspn(c->p, " \t\r\n");
		if (*c->p != '(' || c->bad)
			return;
		comment(c);
	}
}

static bool is(struct cursor *c, char want)
{
	cfws(c);
	if (c->bad || *c->p != want)
		return false;
	c->p++;
	return true;
}

static void put(char *out, size_t size, size_t *n, char ch)
{
	if (*n + 1 < size)
		out[*n] = g_ascii_tolower(ch);
	++*n; /* what doesn't fit makes the whole text unusable: see finish */
}

static void finish(struct cursor *c, char *out, size_t size, size_t n)
{
	c->bad |= n >= size;
	out[n < size ? n : 0] = '\0';
}

/* A quoted string, its quotes and backslashes gone. */
static void quoted(struct cursor *c, char *out, size_t size, size_t *n)
{
	for (c->p++; *c->p != '"'; c->p++) {
		if (*c->p == '\\' && c->p[1])
			c->p++;
		if (!*c->p) {
			c->bad = true;
			return;
		}
		put(out, size, n, *c->p);
	}
	c->p++;
}

/* Letters, digits, '-' (RFC 8601: Keyword, method); at least one. */
static bool keyword(struct cursor *c, char *out, size_t size)
{
	size_t n = 0;

	cfws(c);
	for (; g_ascii_isalnum(*c->p) || *c->p == '-' || *c->p == '_'; c->p++)
		put(out, size, &n, *c->p);
	finish(c, out, size, n);
	return n > 0 && !c->bad;
}

/* pvalue: a token, a quoted string, or [local-part]@domain, whose local part may be quoted too. What can't stand in one
 * unquoted ends it: blank, ';', parentheses. */
static bool value(struct cursor *c, char *out, size_t size)
{
	size_t n = 0;
	bool any = false;

	cfws(c);
	while (!c->bad && *c->p && !strchr(" \t\r\n;()", *c->p)) {
		any = true;
		if (*c->p == '"')
			quoted(c, out, size, &n);
		else
			put(out, size, &n, *c->p++);
	}
	finish(c, out, size, n);
	return any && !c->bad;
}

/* ---- the field ---- */

/* [CFWS] authserv-id [CFWS version] */
static bool head(struct cursor *c, char id[256])
{
	char version[16];

	if (!value(c, id, 256) || !*id)
		return false;
	cfws(c);
	if (g_ascii_isdigit(*c->p) && (!keyword(c, version, sizeof(version)) || strcmp(version, "1") != 0))
		return false; /* another version may mean anything */
	cfws(c);
	return !c->bad && (*c->p == ';' || !*c->p);
}

/* A host says each thing once: of two that differ, one is somebody's who got words into the other. */
static void keep(struct cursor *c, char have[256], const char text[256])
{
	c->bad |= *have && strcmp(have, text) != 0;
	memcpy(have, text, 256);
}

/* ptype.property=pvalue, or reason=value; false where no further one follows, or the field is bad. */
static bool property(struct cursor *c, struct dw_authres *r)
{
	char ptype[32], name[64], text[256];

	cfws(c);
	if (!*c->p || *c->p == ';' || c->bad)
		return false;
	if (!keyword(c, ptype, sizeof(ptype))) {
		c->bad = true;
		return false;
	}
	*name = '\0';
	if (is(c, '.') && !keyword(c, name, sizeof(name)))
		c->bad = true;
	if (!is(c, '=') || (!*name && strcmp(ptype, "reason") != 0))
		c->bad = true;
	if (c->bad || !value(c, text, sizeof(text))) {
		c->bad = true;
		return false;
	}
	if (strcmp(ptype, "header") == 0 && strcmp(name, "from") == 0)
		keep(c, r->header_from, text);
	else if (strcmp(ptype, "header") == 0 && strcmp(name, "d") == 0)
		keep(c, r->header_d, text);
	else if (strcmp(ptype, "header") == 0 && strcmp(name, "i") == 0)
		keep(c, r->header_i, text);
	else if (strcmp(ptype, "smtp") == 0 && strcmp(name, "mailfrom") == 0)
		keep(c, r->mailfrom, text);
	return !c->bad;
}

/* One resinfo behind its ';'. */
static bool result(struct cursor *c, struct dw_authres *r)
{
	char version[16];

	*r = (struct dw_authres){ .method = "" };
	if (!keyword(c, r->method, sizeof(r->method)))
		return false;
	if (is(c, '/') && !keyword(c, version, sizeof(version)))
		return false;
	if (!is(c, '=') || !keyword(c, r->result, sizeof(r->result)))
		return false;
	while (property(c, r))
		;
	return !c->bad;
}

/* "; none" */
static bool nothing(const struct cursor *at)
{
	struct cursor c = *at;
	char word[8];

	if (!keyword(&c, word, sizeof(word)) || strcmp(word, "none") != 0)
		return false;
	cfws(&c);
	return !c.bad && !*c.p;
}

int dw_authres_parse(struct dw_authres out[DW_AUTHRES_MAX], char id[256], const char *field)
{
	struct cursor c = { .p = field };
	int n = 0;

	*id = '\0';
	if (!head(&c, id) || !*c.p)
		return -EINVAL;
	while (*c.p == ';') {
		c.p++;
		if (n == 0 && nothing(&c))
			return 0;
		cfws(&c);
		if (!*c.p && !c.bad && n > 0)
			break; /* a last ';' with nothing behind it: seen in the wild, harmless */
		if (n == DW_AUTHRES_MAX || !result(&c, &out[n]))
			return -EINVAL;
		n++;
	}
	return *c.p || c.bad ? -EINVAL : n;
}

bool dw_authres_is_of(const char *field, const char *authserv)
{
	struct cursor c = { .p = field };
	char id[256];

	return value(&c, id, sizeof(id)) && g_ascii_strcasecmp(id, authserv) == 0;
}

/* ---- alignment ---- */

static const char *domain_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return at ? at + 1 : address;
}

/* Is `signer` the domain of From or above it? Two labels at least: the relaxed alignment of RFC 7489 §3.1.1 asks for the same
 * organizational domain; without a list of public suffixes this is the part of it that is safe. A domain *below* From's isn't
 * taken: on shared.example, evil.shared.example is another's. */
static bool above(const char *signer, const char *from)
{
	size_t n = strlen(signer), m = strlen(from);

	if (n > 0 && signer[n - 1] == '.')
		return false;
	if (!strchr(signer, '.') || n > m || g_ascii_strcasecmp(from + m - n, signer) != 0)
		return false;
	return n == m || from[m - n - 1] == '.';
}

static bool dkim_vouches(const struct dw_authres *r, const char *from)
{
	const char *i = r->header_i;

	if (*r->header_d)
		return above(domain_of(r->header_d), from);
	return *i && above(domain_of(i), from);
}

/* SPF alone: only an envelope of exactly this domain. */
static bool spf_vouches(const struct dw_authres *r, const char *from)
{
	return *r->mailfrom && strchr(r->mailfrom, '.') && g_ascii_strcasecmp(domain_of(r->mailfrom), from) == 0;
}

bool dw_authres_vouches(const char *field, const char *authserv, const char *from)
{
	struct dw_authres r[DW_AUTHRES_MAX];
	char id[256];
	int n = dw_authres_parse(r, id, field), dmarc = -1;
	bool any = false;

	if (n <= 0 || g_ascii_strcasecmp(id, authserv) != 0 || !strchr(from, '.'))
		return false;
	for (int i = 0; i < n; i++) {
		bool pass = strcmp(r[i].result, "pass") == 0;

		if (strcmp(r[i].method, "dmarc") == 0) {
			if (dmarc >= 0)
				return false; /* a host says it once: somebody's words got in */
			dmarc = i;
		} else if (pass && strcmp(r[i].method, "dkim") == 0)
			any |= dkim_vouches(&r[i], from);
		else if (pass && strcmp(r[i].method, "spf") == 0)
			any |= spf_vouches(&r[i], from);
	}
	if (dmarc < 0 || strcmp(r[dmarc].result, "none") == 0) /* none: the domain publishes no policy */
		return any;
	return strcmp(r[dmarc].result, "pass") == 0 && g_ascii_strcasecmp(r[dmarc].header_from, from) == 0;
}
