/* reply-impl.h: a delivery status notification's machine-readable part (RFC 3464 §2): groups of fields with an empty line
 * between, the first about the report, one for each recipient. */
#include "compose-impl.h"
#include "reply-impl.h"

enum { GROUPS_MAX = 50, VALUE_MAX = 400 };

/* What one group says of its recipient. */
struct group {
	char recipient[256], original[256], action[32], status[64];
	struct dw_buf diagnostic;
	bool any;
};

/* Behind "rfc822;": the address, without <> and comments. */
static void take_address(char out[256], const char *value)
{
	const char *semi = strchr(value, ';'), *s = semi ? semi + 1 : value, *end;
	size_t n;

	s += strspn(s, " \t<");
	end = s + strcspn(s, "> \t;");
	n = (size_t)(end - s);
	if (n == 0 || n >= 256 || !memchr(s, '@', n))
		return;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= 0x20 || (unsigned char)s[i] >= 0x7F)
			return;
	memcpy(out, s, n);
	out[n] = '\0';
}

static void take_word(char *out, size_t size, const char *value)
{
	size_t n;

	value += strspn(value, " \t");
	n = strcspn(value, " \t;(");
	if (n >= size)
		return;
	for (size_t i = 0; i < n; i++)
		out[i] = g_ascii_tolower(value[i]);
	out[n] = '\0';
}

static void take_field(struct group *g, const char *line, const char *value)
{
	size_t n = (size_t)(value - line) - 1;

	while (n && (line[n - 1] == ' ' || line[n - 1] == '\t'))
		n--;
#define IS(name) (n == strlen(name) && g_ascii_strncasecmp(line, name, n) == 0)
	if (IS("Final-Recipient"))
		take_address(g->recipient, value);
	else if (IS("Original-Recipient"))
		take_address(g->original, value);
	else if (IS("Action"))
		take_word(g->action, sizeof(g->action), value);
	else if (IS("Status"))
		take_word(g->status, sizeof(g->status), value);
	else if (IS("Diagnostic-Code") && g->diagnostic.n == 0) {
		const char *semi = strchr(value, ';');

		dw_scrub(&g->diagnostic, semi ? semi + 1 : value, VALUE_MAX);
	} else
		return;
#undef IS
	g->any = true;
}

/* "5.1.1": a class, a dot, up to three digits, twice (RFC 3463 §2). */
static bool status_ok(const char *s)
{
	size_t a, b;

	if (!strchr("245", *s) || !*s || s[1] != '.')
		return false;
	a = strspn(s + 2, "0123456789");
	if (a < 1 || a > 3 || s[2 + a] != '.')
		return false;
	b = strspn(s + 3 + a, "0123456789");
	return b >= 1 && b <= 3 && !s[3 + a + b];
}

/* Into out; false: no memory. */
static bool keep(struct dw_inbound *out, struct group *g)
{
	const char *who = *g->recipient ? g->recipient : g->original;

	free(out->recipient);
	free(out->diagnostic);
	out->recipient = *who ? dw_strdup(who) : NULL;
	out->diagnostic = g->diagnostic.n ? dw_buf_take(&g->diagnostic) : NULL;
	out->failed = strcmp(g->action, "failed") == 0;
	out->status[0] = '\0';
	if (status_ok(g->status) && strlen(g->status) < sizeof(out->status))
		memcpy(out->status, g->status, strlen(g->status) + 1);
	return !(*who && !out->recipient);
}

/* The next field, unfolded, of *text; "" at a group's end. false: the text's end. */
static bool next_field(const char **text, struct dw_buf *line)
{
	dw_buf_reset(line);
	if (!**text)
		return false;
	for (bool first = true;; first = false) {
		size_t n = strcspn(*text, "\n"), len = n;

		len -= len && (*text)[len - 1] == '\r';
		if (line->n + len < 8192)
			dw_buf_add(line, *text, len);
		*text += n + ((*text)[n] == '\n');
		if ((first && len == 0) || !**text || (**text != ' ' && **text != '\t'))
			return true;
	}
}

int dw_bounce_parse(struct dw_inbound *out, const char *text)
{
	DW_BUF line = { 0 };
	struct group g = { .any = false };
	bool found = false, more = true, failed = false;

	for (int groups = 0; more && !failed && groups < GROUPS_MAX;) {
		const char *s, *colon;

		more = next_field(&text, &line);
		s = dw_buf_str(&line);
		colon = strchr(s, ':');
		if (colon)
			take_field(&g, s, colon + 1);
		if (more && *s)
			continue;
		groups++;
		if (g.any && *g.action && (*g.recipient || *g.original)) {
			failed = strcmp(g.action, "failed") == 0;
			if (!found || failed) {
				found = true;
				if (!keep(out, &g))
					return -ENOMEM;
			}
		}
		dw_buf_fini(&g.diagnostic);
		g = (struct group){ .any = false };
	}
	dw_buf_fini(&g.diagnostic);
	return line.failed ? -ENOMEM : found ? 0 : 1;
}
