/* The words of a config's text, with what people type instead: full-width characters, single quotes, texts that
 * aren't closed. Each mistake is reported where it stands, and the token carries what was probably meant. */
#include "config-impl.h"

#include <stdio.h>

struct scan {
	struct conf_read *rd;
	const struct conf_text *text;
	struct dw_problems *syntax, *always;
	struct conf_tokens *out;
	const char *p;
	size_t n, i;
	uint32_t line, wide_line; /* the last line on which full-width characters were reported */
	bool oom;
};

static const struct wide {
	const char *theirs, *ours;
} wides[] = {
	{ "\xef\xbc\x9b", ";" },     { "\xef\xbc\x8c", "," },	  { "\xe3\x80\x81", "," },     { "\xef\xbc\x9d", "=" },
	{ "\xef\xbc\x9a", ":" },     { "\xef\xbc\x88", "(" },	  { "\xef\xbc\x89", ")" },     { "\xef\xbd\x9b", "{" },
	{ "\xef\xbd\x9d", "}" },     { "\xef\xbc\xbb", "[" },	  { "\xef\xbc\xbd", "]" },     { "\xe3\x80\x90", "[" },
	{ "\xe3\x80\x91", "]" },     { "\xe2\x80\x9c", "\"" },	  { "\xe2\x80\x9d", "\"" },    { "\xef\xbc\x82", "\"" },
	{ "\xe2\x80\x9e", "\"" },    { "\xe3\x80\x8c", "\"" },	  { "\xe3\x80\x8d", "\"" },    { "\xe2\x80\x98", "'" },
	{ "\xe2\x80\x99", "'" },     { "\xe3\x80\x80", " " },	  { "\xc2\xa0", " " },	       { "\xe2\x80\x8b", " " },
	{ "\xef\xbb\xbf", " " },
};

void conf_note(struct conf_read *rd, struct dw_problems *to, const struct conf_text *t, uint32_t line, const char *fmt,
	       ...)
{
	struct dw_problems *kept = rd->problems;
	struct dw_err e;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	rd->problems = to;
	conf_say_at(rd, t, (int)line, false, "%s", e.text);
	rd->problems = kept;
}

static const struct wide *wide_at(const struct scan *s, size_t i)
{
	for (size_t k = 0; k < DW_COUNT(wides); k++) {
		size_t len = strlen(wides[k].theirs);

		if (s->n - i >= len && memcmp(s->p + i, wides[k].theirs, len) == 0)
			return &wides[k];
	}
	return NULL;
}

/* One problem a line, naming each kind of full-width character on it once. */
static void say_wide(struct scan *s)
{
	DW_BUF theirs = { 0 };
	DW_BUF ours = { 0 };
	size_t end = s->i;

	if (s->wide_line == s->line)
		return;
	s->wide_line = s->line;
	while (end < s->n && s->p[end] != '\n') {
		const struct wide *w = wide_at(s, end);

		if (w && !strstr(dw_buf_str(&theirs), w->theirs)) {
			dw_buf_printf(&theirs, " %s", w->ours[0] == ' ' ? "(a blank that isn't one)" : w->theirs);
			dw_buf_printf(&ours, " %s", w->ours[0] == ' ' ? "(a plain blank)" : w->ours);
		}
		end += w ? strlen(w->theirs) : 1;
	}
	conf_note(s->rd, s->syntax, s->text, s->line, "full-width%s here, as a Chinese keyboard types them: write%s",
		  dw_buf_str(&theirs), dw_buf_str(&ours));
}

static struct conf_token *push(struct scan *s, enum conf_token_type type, char c, size_t start, size_t end)
{
	struct conf_token *t;

	if (dw_grow(&s->out->t, &s->out->cap, s->out->n + 1, sizeof(*s->out->t)) < 0) {
		s->oom = true;
		return NULL;
	}
	t = &s->out->t[s->out->n++];
	*t = (struct conf_token){ .type = type, .c = c, .start = (uint32_t)start, .end = (uint32_t)end, .line = s->line };
	return t;
}

/* Gives the last token its replacement: pre + text + post. */
static void mend(struct scan *s, const char *pre, const char *text, size_t n, const char *post)
{
	DW_BUF b = { 0 };

	dw_buf_puts(&b, pre);
	dw_buf_add(&b, text, n);
	dw_buf_puts(&b, post);
	s->out->t[s->out->n - 1].instead = dw_buf_take(&b);
	if (!s->out->t[s->out->n - 1].instead)
		s->oom = true;
}

static bool is_stop(char c)
{
	return c == '\0' || strchr(" \t\r\n\f;,(){}[]=\"", c);
}

static size_t line_end(const struct scan *s, size_t i)
{
	const char *e = memchr(s->p + i, '\n', s->n - i);

	return e ? (size_t)(e - s->p) : s->n;
}

/* Where a text that wasn't closed on its line probably ends: before the ; , ) } ] and blanks at the line's end, or at
 * a closing quote of another kind. */
static size_t probable_end(const struct scan *s, size_t start)
{
	size_t end = line_end(s, start);

	for (size_t i = start; i < end; i++) {
		const struct wide *w = wide_at(s, i);

		if (w && w->ours[0] == '"')
			return i;
	}
	while (end > start && strchr(" \t\r;,)}]", s->p[end - 1]))
		end--;
	return end;
}

/* The end of a quoted text (past the quote), or 0 when the file ends before it. */
static size_t string_end(const struct scan *s, size_t i)
{
	for (; i < s->n; i++) {
		if (s->p[i] == '\\')
			i++;
		else if (s->p[i] == '"')
			return i + 1;
	}
	return 0;
}

static void unclosed(struct scan *s, size_t start)
{
	size_t end = probable_end(s, start + 1);
	const struct wide *w = end < s->n ? wide_at(s, end) : NULL;

	conf_note(s->rd, s->syntax, s->text, s->line, "the text that begins here with \" isn't closed on its line: a \" is missing%s",
		  w ? " (a full-width one doesn't count)" : "");
	if (push(s, TOK_STRING, 0, start, end))
		mend(s, "", s->p + start, end - start, "\"");
	s->i = end + (w ? strlen(w->theirs) : 0);
	if (s->out->n > 0)
		s->out->t[s->out->n - 1].end = (uint32_t)s->i;
}

static void scan_string(struct scan *s)
{
	size_t start = s->i, end = string_end(s, s->i + 1);
	const char *nl = end ? memchr(s->p + start, '\n', end - start) : NULL;

	/* over several lines, and at once followed by more: what closed it was meant to open the next one */
	if (!end || (nl && end < s->n && (!is_stop(s->p[end]) || s->p[end] == '"' || s->p[end] == '=') && s->p[end] != '#' && s->p[end] != '/')) {
		unclosed(s, start);
		return;
	}
	push(s, TOK_STRING, 0, start, end);
	for (size_t i = start; i < end; i++)
		s->line += s->p[i] == '\n';
	s->i = end;
}

/* 'text' or “text”: up to a closing quote of any kind on the same line. */
static void scan_foreign_string(struct scan *s, size_t open, bool single)
{
	size_t start = s->i, from = start + open, end = line_end(s, from), i = from, close = 0;

	for (; i < end; i++) {
		const struct wide *w = wide_at(s, i);
		char c = w ? w->ours[0] : s->p[i];

		if (c == '"' || (single && c == '\'')) {
			close = w ? strlen(w->theirs) : 1;
			break;
		}
	}
	if (i == end)
		i = probable_end(s, from);
	if (push(s, TOK_STRING, 0, start, i + close))
		mend(s, "\"", s->p + from, i - from, "\"");
	s->i = i + close;
}

static void scan_wide(struct scan *s, const struct wide *w)
{
	size_t len = strlen(w->theirs);

	say_wide(s);
	switch (w->ours[0]) {
	case ' ': /* the blank stays in the mended text: as nothing, between tokens */
		if (push(s, TOK_PUNCT, ' ', s->i, s->i + len))
			mend(s, " ", "", 0, "");
		s->i += len;
		break;
	case '"':
		scan_foreign_string(s, len, false);
		break;
	case '\'':
		scan_foreign_string(s, len, true);
		break;
	default:
		if (push(s, TOK_PUNCT, w->ours[0] == ':' ? '=' : w->ours[0], s->i, s->i + len))
			mend(s, w->ours, "", 0, "");
		s->i += len;
	}
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Integers and floats as libconfig reads them; 0: none. *wide: an integer over 31 bits without L. */
static size_t number(const char *p, size_t n, bool *wide)
{
	size_t i = 0, digits = 0;
	uint64_t v = 0;
	bool neg = false, hex = false, dot = false;

	if (i < n && (p[i] == '+' || p[i] == '-'))
		neg = p[i++] == '-';
	if (n - i > 2 && p[i] == '0' && (p[i + 1] == 'x' || p[i + 1] == 'X')) {
		hex = true;
		i += 2;
	}
	for (; i < n; i++, digits++) {
		int d = is_digit(p[i]) ? p[i] - '0' : -1;

		if (hex && ((p[i] >= 'a' && p[i] <= 'f') || (p[i] >= 'A' && p[i] <= 'F')))
			d = (p[i] | 32) - 'a' + 10;
		if (d < 0)
			break;
		if (v < UINT64_C(1) << 40)
			v = v * (hex ? 16 : 10) + (unsigned)d;
	}
	if (!hex && i < n && p[i] == '.') {
		dot = true;
		for (i++; i < n && is_digit(p[i]); i++)
			digits++;
	}
	if (digits == 0)
		return 0;
	if (!hex && i < n && (p[i] == 'e' || p[i] == 'E')) {
		size_t k = i + 1;

		if (k < n && (p[k] == '+' || p[k] == '-'))
			k++;
		if (k < n && is_digit(p[k])) {
			for (i = k; i < n && is_digit(p[i]); i++)
				;
			dot = true;
		}
	}
	*wide = !dot && v > (neg ? UINT64_C(1) << 31 : (UINT64_C(1) << 31) - 1);
	if (!dot && i < n && p[i] == 'L') {
		*wide = false;
		i++;
		if (i < n && p[i] == 'L')
			i++;
	}
	return i;
}

/* A run that is no name and no number: an unquoted path, duration, address … */
static void scan_bare(struct scan *s)
{
	size_t start = s->i;

	while (s->i < s->n && !is_stop(s->p[s->i]) && s->p[s->i] != '#' && !wide_at(s, s->i))
		s->i++;
	if (s->i == start) /* a byte that stops a run but starts nothing: @, a control character */
		s->i++;
	push(s, TOK_BARE, 0, start, s->i);
}

static void scan_word(struct scan *s)
{
	size_t start = s->i, i = start, k;
	bool wide = false, name;

	while (i < s->n && !is_stop(s->p[i]) && s->p[i] != ':' && s->p[i] != '#' &&
	       !(s->p[i] == '/' && i + 1 < s->n && (s->p[i + 1] == '/' || s->p[i + 1] == '*')) && !wide_at(s, i))
		i++;
	if (s->n - i > 2 && memcmp(s->p + i, "://", 3) == 0) { /* an address without quotes */
		scan_bare(s);
		return;
	}
	k = number(s->p + start, i - start, &wide);
	if (k > 0 && k == i - start && s->n - i > 1 && s->p[i] == ':' && is_digit(s->p[i + 1])) { /* 08:30 */
		scan_bare(s);
		return;
	}
	if (k > 0 && k == i - start) {
		if (wide)
			conf_note(s->rd, s->always, s->text, s->line,
				  "%.*s is too large for a plain number, at most 2147483647 is allowed (libconfig would read another number)",
				  (int)(k > 40 ? 40 : k), s->p + start);
		/* with an L the value's own check speaks of the number that stands there */
		if (push(s, TOK_NUMBER, 0, start, i) && wide)
			mend(s, "", s->p + start, i - start, "L");
		s->i = i;
		return;
	}
	name = i > start && (is_alpha(s->p[start]) || s->p[start] == '*');
	for (size_t j = start; name && j < i; j++)
		name = is_alpha(s->p[j]) || is_digit(s->p[j]) || strchr("-_*", s->p[j]);
	if (!name) {
		scan_bare(s);
		return;
	}
	push(s, (i - start == 4 && strncasecmp(s->p + start, "true", 4) == 0) ||
			(i - start == 5 && strncasecmp(s->p + start, "false", 5) == 0) ?
		     TOK_BOOL : TOK_NAME,
	     0, start, i);
	s->i = i;
}

static void skip_block_comment(struct scan *s)
{
	const char *end = s->n - s->i > 3 ? memmem(s->p + s->i + 2, s->n - s->i - 2, "*/", 2) : NULL;
	size_t stop = end ? (size_t)(end - s->p) + 2 : s->n;

	if (!end)
		conf_note(s->rd, s->always, s->text, s->line, "the comment that begins here with /* is never closed by */");
	for (; s->i < stop; s->i++)
		s->line += s->p[s->i] == '\n';
}

static void scan_one(struct scan *s)
{
	const struct wide *w = wide_at(s, s->i);
	char c = s->p[s->i], next = s->i + 1 < s->n ? s->p[s->i + 1] : '\0';

	if (w)
		scan_wide(s, w);
	else if (c == '\n' || c == ' ' || c == '\t' || c == '\r' || c == '\f') {
		s->line += c == '\n';
		s->i++;
	} else if (c == '#' || (c == '/' && next == '/'))
		s->i = line_end(s, s->i);
	else if (c == '/' && next == '*')
		skip_block_comment(s);
	else if (c == '"')
		scan_string(s);
	else if (c == '\'') {
		conf_note(s->rd, s->syntax, s->text, s->line, "single quotes: texts stand in double quotes, \"…\"");
		scan_foreign_string(s, 1, true);
	} else if (strchr("{}()[]=:,;", c)) {
		push(s, TOK_PUNCT, c == ':' ? '=' : c, s->i, s->i + 1);
		s->i++;
	} else
		scan_word(s);
}

int conf_tokens_read(struct conf_tokens *out, struct conf_read *rd, const struct conf_text *text,
		     struct dw_problems *syntax, struct dw_problems *always)
{
	struct scan s = { .rd = rd, .text = text, .syntax = syntax, .always = always, .out = out, .p = dw_buf_str(&text->text),
			  .n = text->text.n, .line = 1 };

	while (s.i < s.n && !s.oom)
		scan_one(&s);
	push(&s, TOK_END, 0, s.n, s.n);
	return s.oom || rd->oom ? -ENOMEM : 0;
}

void conf_tokens_fini(struct conf_tokens *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->t[i].instead);
	free(t->t);
	*t = (struct conf_tokens){ 0 };
}
