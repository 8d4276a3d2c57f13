/* imap-impl.h: lines, literals, and the few answers we ask for (RFC 3501 §7 and §9). */
#include "imap-impl.h"

#include <strings.h>

enum { LINE_MAX_BYTES = 64 * 1024, TOTAL_MAX = 16 * 1024 * 1024, OTHER_LITERAL_MAX = 64 * 1024 };

void dw_imap_answer_init(struct dw_imap_answer *a, const char *tag)
{
	*a = (struct dw_imap_answer){ .tag = tag, .uidvalidity = -1, .uidnext = -1, .exists = -1,
				      .literal_max = OTHER_LITERAL_MAX };
}

void dw_imap_answer_fini(struct dw_imap_answer *a)
{
	dw_buf_fini(&a->body);
	dw_buf_fini(&a->words);
	dw_buf_fini(&a->line);
	dw_buf_fini(&a->literal);
}

static bool starts(const char *s, const char *with)
{
	return strncasecmp(s, with, strlen(with)) == 0;
}

/* A number of 32 bits, as all of IMAP's are; -1: none. *end: behind it. */
static int64_t number(const char *s, const char **end)
{
	int64_t v = 0;
	const char *p = s;

	for (; *p >= '0' && *p <= '9' && v <= UINT32_MAX; p++)
		v = v * 10 + (*p - '0');
	if (end)
		*end = p;
	return p > s && v <= UINT32_MAX && !(*p >= '0' && *p <= '9') ? v : -1;
}

/* Behind "NAME " somewhere in s, a word by itself; NULL. */
static const char *after(const char *s, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = s; *p; p++)
		if (strncasecmp(p, name, n) == 0 && (p == s || strchr(" ([", p[-1])))
			return p + n;
	return NULL;
}

/* The max lowest ones, in order. */
static void add_uid(struct dw_imap_answer *a, int64_t uid)
{
	int i = a->n_uids;

	if (uid < a->from || uid < 1)
		return;
	for (int k = 0; k < a->n_uids; k++)
		if (a->uids[k] == uid)
			return;
	if (a->n_uids == a->max) {
		a->more = true;
		if (a->max == 0 || uid > a->uids[a->max - 1])
			return;
		i--;
	} else {
		a->n_uids++;
	}
	for (; i > 0 && a->uids[i - 1] > uid; i--)
		a->uids[i] = a->uids[i - 1];
	a->uids[i] = uid;
}

/* All numbers of a SEARCH line but one that may go on behind its end (whole: none does). Returns where that begins. */
static const char *take_search(struct dw_imap_answer *a, const char *s, bool whole)
{
	for (;;) {
		const char *end;
		int64_t v;

		while (*s == ' ')
			s++;
		v = number(s, &end);
		if (v < 0 || (!whole && !*end))
			return s;
		add_uid(a, v);
		s = end;
	}
}

static void take_code(struct dw_imap_answer *a, const char *s)
{
	if (starts(s, "[UIDVALIDITY "))
		a->uidvalidity = number(s + 13, NULL);
	else if (starts(s, "[UIDNEXT "))
		a->uidnext = number(s + 9, NULL);
}

/* "(UID 7 BODY[]<0> {120})", in any order. One about flags only comes unasked and has no body. */
static void take_fetch(struct dw_imap_answer *a, const char *s)
{
	const char *uid = after(s, "UID "), *body = after(s, "BODY[]");

	if (!uid || !body || number(uid, NULL) != a->uid || a->fetched)
		return;
	body += strcspn(body, " ");
	while (*body == ' ')
		body++;
	/* nothing to show, or a length that is none: not a mail of nothing, which would be passed for good */
	if (starts(body, "NIL") || (*body == '{' && !a->literal_whole))
		return;
	a->fetched = true;
	if (*body == '{') {
		a->body = (struct dw_buf){ a->literal.p, a->literal.n, a->literal.cap, a->literal.failed };
		a->literal = (struct dw_buf){ 0 };
	}
	/* a text in quotes, which can't hold a line end: nothing that is a mail */
}

static void take_untagged(struct dw_imap_answer *a, const char *s)
{
	const char *end;
	int64_t v;

	if (starts(s, "OK ")) {
		take_code(a, s + 3);
	} else if (starts(s, "BYE")) {
		a->bye = true;
		dw_buf_reset(&a->words);
		dw_buf_puts(&a->words, s + 3 + (s[3] == ' '));
	} else if (starts(s, "SEARCH")) {
		take_search(a, s + 6, true);
	} else if ((v = number(s, &end)) >= 0 && *end == ' ') {
		if (starts(end + 1, "EXISTS"))
			a->exists = v;
		else if (starts(end + 1, "FETCH "))
			take_fetch(a, end + 7);
	}
}

static int take_tagged(struct dw_imap_answer *a, const char *s, struct dw_err *err)
{
	static const char *const word[] = { [DW_IMAP_OK] = "OK", [DW_IMAP_NO] = "NO", [DW_IMAP_BAD] = "BAD" };

	for (int i = DW_IMAP_OK; i <= DW_IMAP_BAD; i++) {
		size_t n = strlen(word[i]);

		if (!starts(s, word[i]) || (s[n] && s[n] != ' '))
			continue;
		dw_buf_reset(&a->words);
		dw_buf_puts(&a->words, s + n + (s[n] == ' '));
		return a->words.failed ? dw_err_oom(err) : i;
	}
	return dw_err_set(err, -EPROTO, "its answer is neither OK nor NO nor BAD");
}

/* A whole line, its literals left out. */
static int take_line(struct dw_imap_answer *a, struct dw_err *err)
{
	const char *s = dw_buf_str(&a->line);
	size_t n = strlen(a->tag);
	int r = DW_IMAP_MORE;

	if (strlen(s) != a->line.n)
		return dw_err_set(err, -EPROTO, "a NUL byte stands in its answer");
	if (strncmp(s, a->tag, n) == 0 && s[n] == ' ')
		r = take_tagged(a, s + n + 1, err);
	else if (s[0] == '*' && s[1] == ' ')
		take_untagged(a, s + 2);
	else
		r = dw_err_set(err, -EPROTO, "a line of its answer begins with neither * nor our tag");
	dw_buf_reset(&a->line);
	dw_buf_reset(&a->literal);
	a->literal_whole = false;
	return r;
}

/* The line ends in "{n}": so many bytes follow, and then the line goes on. 1: it does; 0: it ends here. */
static int begins_literal(struct dw_imap_answer *a, struct dw_err *err)
{
	const char *s = dw_buf_str(&a->line), *open = strrchr(s, '{'), *end;
	int64_t v = open ? number(open + 1, &end) : -1;

	if (!open || v < 0 || strcmp(*end == '+' ? end + 1 : end, "}") != 0)
		return 0;
	if ((uint64_t)v > a->literal_max)
		return dw_err_set(err, -EPROTO, "it sends %lld bytes where at most %zu were asked for", (long long)v, a->literal_max);
	dw_buf_reset(&a->literal);
	a->left = (size_t)v;
	a->within = v > 0;
	a->literal_whole = v == 0;
	return 1;
}

/* One line's end has come. */
static int end_line(struct dw_imap_answer *a, struct dw_err *err)
{
	int r;

	if (a->line.n && a->line.p[a->line.n - 1] == '\r')
		a->line.p[--a->line.n] = '\0';
	r = begins_literal(a, err);
	return r != 0 ? (r < 0 ? r : DW_IMAP_MORE) : take_line(a, err);
}

/* A search over a large mailbox is one long line: what has come of it is taken. */
static int shorten(struct dw_imap_answer *a, struct dw_err *err)
{
	static const char head[] = "* SEARCH ";
	DW_BUF rest = { 0 };

	if (!a->line.p || !starts(a->line.p, head))
		return dw_err_set(err, -EPROTO, "a line of its answer has over %d bytes", LINE_MAX_BYTES);
	dw_buf_puts(&rest, head);
	dw_buf_puts(&rest, take_search(a, a->line.p + sizeof(head) - 1, false));
	if (rest.n > LINE_MAX_BYTES / 2)
		return dw_err_set(err, -EPROTO, "its list of mails has something in it that is no number");
	dw_buf_reset(&a->line);
	dw_buf_add(&a->line, rest.p, rest.n);
	return 0;
}

int dw_imap_feed(struct dw_imap_answer *a, const char *p, size_t n, struct dw_err *err)
{
	int r = DW_IMAP_MORE;

	a->total += n;
	if (a->total > TOTAL_MAX)
		return dw_err_set(err, -EPROTO, "its answer has no end");
	while (n > 0 && r == DW_IMAP_MORE) {
		const char *lf;
		size_t k;

		if (a->within) {
			k = n < a->left ? n : a->left;
			dw_buf_add(&a->literal, p, k);
			a->left -= k;
			a->within = a->left > 0;
			a->literal_whole = !a->within;
		} else {
			lf = memchr(p, '\n', n);
			k = lf ? (size_t)(lf - p) + 1 : n;
			dw_buf_add(&a->line, p, lf ? k - 1 : k);
			if (!a->line.failed && a->line.n > LINE_MAX_BYTES)
				r = shorten(a, err);
			if (r == DW_IMAP_MORE && lf && !a->line.failed)
				r = end_line(a, err);
		}
		p += k;
		n -= k;
	}
	if (a->line.failed || a->literal.failed || a->body.failed || a->words.failed)
		return dw_err_oom(err);
	return r;
}
