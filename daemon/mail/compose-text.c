/* Hostile text made clean, and text broken into lines. */
#include "compose-impl.h"

/* ---- characters ---- */

static uint32_t decode(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;

	switch (len) {
	case 1:
		return u[0];
	case 2:
		return (u[0] & 0x1FU) << 6 | (u[1] & 0x3FU);
	case 3:
		return (u[0] & 0x0FU) << 12 | (u[1] & 0x3FU) << 6 | (u[2] & 0x3FU);
	default:
		return (u[0] & 0x07U) << 18 | (u[1] & 0x3FU) << 12 | (u[2] & 0x3FU) << 6 | (u[3] & 0x3FU);
	}
}

static bool is_blank(uint32_t c)
{
	return c <= 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0x2028 || c == 0x2029 || c == 0x3000;
}

/* Turns the direction of what follows, or takes no room: nothing of that belongs into a subject or a table. */
static bool is_hidden(uint32_t c)
{
	return c == 0xAD || c == 0x61C || c == 0x180E || (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
	       (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF0 && c <= 0xFFFB) || (c & 0xFFFE) == 0xFFFE ||
	       (c >= 0xE0000 && c <= 0xE0FFF);
}

/* Roughly: East Asian wide and full-width forms, emoji. */
static unsigned width(uint32_t c)
{
	if (c < 0x1100)
		return 1;
	return (c <= 0x115F || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
		(c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) || (c >= 0xFFE0 && c <= 0xFFE6) ||
		(c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD))
		       ? 2
		       : 1;
}

unsigned dw_columns(const char *s)
{
	unsigned n = 0;

	for (size_t left = strlen(s), len; left; s += len, left -= len) {
		len = dw_utf8_seq(s, left);
		n += len ? width(decode(s, len)) : 1;
		len = len ? len : 1;
	}
	return n;
}

/* Printable ASCII without a blank too many: most texts, by far. */
static bool is_clean(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x20 || s[i] > 0x7E || (s[i] == ' ' && (i == 0 || i + 1 == n || s[i - 1] == ' ')))
			return false;
	return true;
}

void dw_scrub(struct dw_buf *out, const char *s, size_t max)
{
	size_t n = s ? strlen(s) : 0, i = 0, shown = 0, last = out->n, before_last = out->n;
	bool blank = false;

	if (n <= max && is_clean(s, n)) {
		dw_buf_add(out, s, n);
		return;
	}
	while (i < n) {
		size_t len = dw_utf8_seq(s + i, n - i), at = out->n;
		uint32_t c = len ? decode(s + i, len) : 0xFFFD;
		const char *from = s + i;

		i += len ? len : 1;
		if (is_blank(c)) {
			blank = shown > 0;
			continue;
		}
		if (is_hidden(c))
			continue;
		if (shown + blank >= max) {
			out->n = shown >= max ? before_last : last;
			dw_buf_puts(out, "…");
			return;
		}
		if (blank) {
			dw_buf_putc(out, ' ');
			shown++;
		}
		blank = false;
		before_last = at;
		if (len)
			dw_buf_add(out, from, len);
		else
			dw_buf_puts(out, "\xEF\xBF\xBD");
		shown++;
		last = out->n;
	}
}

/* ---- lines ---- */

/* How far a line's continuation is indented: its blanks and a list's mark. */
static size_t hang(const char *line, size_t n)
{
	size_t i = 0, digits;

	while (i < n && line[i] == ' ')
		i++;
	if (i + 1 < n && line[i] == '-' && line[i + 1] == ' ')
		return i + 2;
	for (digits = 0; i + digits < n && line[i + digits] >= '0' && line[i + digits] <= '9'; digits++)
		;
	if (digits && digits < 3 && i + digits + 1 < n && line[i + digits] == '.' && line[i + digits + 1] == ' ')
		return i + digits + 2;
	return i;
}

static bool is_fence(const char *line, size_t n)
{
	return n >= 10 && strspn(line, "-") == n;
}

static bool among(uint32_t c, const char *set)
{
	char one[5] = { 0 };

	if (c < 0x80)
		one[0] = (char)c;
	else if (c < 0x800) {
		one[0] = (char)(0xC0 | c >> 6);
		one[1] = (char)(0x80 | (c & 0x3F));
	} else if (c < 0x10000) {
		one[0] = (char)(0xE0 | c >> 12);
		one[1] = (char)(0x80 | (c >> 6 & 0x3F));
		one[2] = (char)(0x80 | (c & 0x3F));
	}
	return one[0] && strstr(set, one); /* UTF-8: a character is never found inside another */
}

static bool is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

/* May a line end between two characters without a blank? Chinese breaks anywhere, but no line begins with a mark that
 * closes or ends with one that opens (GB/T 15834, 5.1), and 11月28日（周六）15:59 stays together. */
static bool may_break(uint32_t before, uint32_t after)
{
	if (width(before) < 2 && width(after) < 2)
		return false;
	if ((is_digit(before) && among(after, "年月日")) || (is_digit(after) && among(before, "年月）")) ||
	    (among(before, "周") && among(after, "一二三四五六日")) || (among(before, "日") && among(after, "（")))
		return false;
	return !among(after, "，。、；：？！）」』】》〉〕］｝”’…—～·％℃,.;:?!)]}%") && !among(before, "（「『【《〈〔［｛“‘￥([{");
}

/* Takes from line[from..n) what fits into `room` columns; *next: where the rest begins. A run that is too long is
 * broken, but a link. */
static size_t fit(const char *line, size_t from, size_t n, size_t room, size_t *next)
{
	size_t i = from, used = 0, cut = from, resume = from;
	uint32_t before = ' ';
	bool link = strncmp(line + from, "http://", 7) == 0 || strncmp(line + from, "https://", 8) == 0;

	while (i < n) {
		size_t len = dw_utf8_seq(line + i, n - i);
		uint32_t c;

		len = len ? len : 1;
		c = decode(line + i, len);
		if (line[i] == ' ') {
			cut = i;
			resume = i + 1;
		} else if (i > from && before != ' ' && may_break(before, c)) {
			cut = resume = i;
		}
		before = c;
		used += width(c);
		if (used > room && (cut > from || !link)) {
			*next = cut > from ? resume : i;
			return cut > from ? cut : i;
		}
		i += len;
	}
	*next = n;
	return n;
}

static void wrap_line(struct dw_buf *out, const char *line, size_t n)
{
	size_t indent, from = 0, next, end;

	if (n <= DW_MAIL_COLUMNS) { /* a byte takes a column at most */
		dw_buf_add(out, line, n);
		dw_buf_putc(out, '\n');
		return;
	}
	indent = hang(line, n);
	for (bool first = true; first || from < n; first = false) {
		end = fit(line, from, n, first ? DW_MAIL_COLUMNS : DW_MAIL_COLUMNS - indent, &next);
		if (end == from && next == from)
			next = end = n; /* nothing fits: keep the line whole */
		for (size_t k = 0; !first && k < indent; k++)
			dw_buf_putc(out, ' ');
		dw_buf_add(out, line + from, end - from);
		dw_buf_putc(out, '\n');
		for (from = next; from < n && line[from] == ' '; from++)
			;
	}
}

void dw_wrap(struct dw_buf *out, const char *text)
{
	bool fence = false;
	unsigned empty = 1;

	while (*text) {
		size_t n = strcspn(text, "\n"), full = n;

		while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
			n--;
		if (is_fence(text, n))
			fence = !fence;
		if (n == 0 && !fence) {
			if (!empty++)
				dw_buf_putc(out, '\n');
		} else {
			empty = 0;
			if (fence || strncmp(text, "    ", 4) == 0) {
				dw_buf_add(out, text, n);
				dw_buf_putc(out, '\n');
			} else
				wrap_line(out, text, n);
		}
		text += full + (text[full] == '\n');
	}
}

/* ---- words with a meaning ---- */

void dw_shell_word(struct dw_buf *out, const char *s)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:@%+,";

	if (*s && *s != '-' && strspn(s, safe) == strlen(s)) {
		dw_buf_puts(out, s);
		return;
	}
	dw_buf_putc(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			dw_buf_puts(out, "'\\''");
		else
			dw_buf_putc(out, *s);
	}
	dw_buf_putc(out, '\'');
}

bool dw_link_ok(const char *url, const char **host, size_t *n)
{
	static const char named[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	size_t skip;

	if (!url || strlen(url) > 900)
		return false;
	if (strncmp(url, "https://", 8) == 0)
		skip = 8;
	else if (strncmp(url, "http://", 7) == 0)
		skip = 7;
	else
		return false;
	*host = url + skip;
	*n = strspn(*host, named);
	if (*n == 0 || *n > 253)
		return false;
	skip = *n;
	if ((*host)[skip] == ':')
		skip += 1 + strspn(*host + skip + 1, "0123456789");
	if ((*host)[skip] && !strchr("/?#", (*host)[skip]))
		return false; /* also "shown@other", which shows one name and leads to another */
	for (const char *c = url; *c; c++)
		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7F || strchr("<>\"\\^`{}|", *c))
			return false;
	return true;
}
