/* What is wrong with a config's grammar, in words. libconfig says "syntax error" and stops; this walks the same
 * grammar (setting: NAME = VALUE [;|,]) with its own small stack, says what is probably meant at each mistake, and
 * writes the text as it was meant, so that the values are checked in the same run. */
#include "config-impl.h"

#include <stdio.h>

enum { FRAMES_MAX = 64, SYNTAX_MAX = 50, NAMES_MAX = 4096 };
enum want { WANT_NAME, WANT_EQ, WANT_VALUE, WANT_MORE };

struct frame {
	char open;	   /* '{' (also the file itself), '(' or '[' */
	uint32_t line;
	size_t names;	   /* where its names begin in walk.name */
	enum conf_token_type kind; /* of an array's elements; TOK_END: none yet */
};

struct walk {
	struct conf_read *rd;
	const struct conf_text *text;
	struct conf_syntax *out;
	struct dw_problems *syntax, *always;
	struct conf_tokens tokens;
	const char *p;
	size_t i, copied; /* current token; how much of the text is in `mended` */
	struct frame frame[FRAMES_MAX];
	int depth;	  /* of the current frame */
	enum want want;
	struct name {
		uint32_t token;
	} name[NAMES_MAX];
	size_t n_names;
	uint32_t last_name;  /* token of the setting being read */
	bool after_comma;
	size_t comma_at;     /* the last comma's place in mended */
	uint32_t last_value; /* token of the last string, for two in a row */
	uint32_t suspect;    /* line where a top-level name stands within an open bracket */
	bool stop;
};

static const struct conf_token *tok(const struct walk *w)
{
	return &w->tokens.t[w->i];
}

static const struct conf_token *peek(const struct walk *w)
{
	size_t i = w->i + 1;

	while (i < w->tokens.n && w->tokens.t[i].type == TOK_PUNCT && w->tokens.t[i].c == ' ')
		i++;
	return &w->tokens.t[i < w->tokens.n ? i : w->tokens.n - 1];
}

static struct frame *top(struct walk *w)
{
	return &w->frame[w->depth];
}

static bool punct(const struct conf_token *t, char c)
{
	return t->type == TOK_PUNCT && t->c == c;
}

static bool is_value(const struct conf_token *t)
{
	return t->type != TOK_END && (t->type != TOK_PUNCT || strchr("{([", t->c));
}

static int len(const struct conf_token *t)
{
	uint32_t n = t->end - t->start;

	return (int)(n > 60 ? 60 : n);
}

/* The token as it stands, for a message; what a name like "password" is set to is never shown. */
static const char *shown(const struct walk *w, const struct conf_token *t, char out[80])
{
	const struct conf_token *n = &w->tokens.t[w->last_name];
	char name[80];
	int k = len(t);

	snprintf(name, sizeof(name), "%.*s", w->n_names > 0 ? len(n) : 0, w->p + n->start);
	if (t != n && (strcasestr(name, "pass") || strcasestr(name, "secret") || strcasestr(name, "token") ||
		       strcasestr(name, "pwd")))
		return memcpy(out, "…", sizeof("…"));
	while (k > 0 && ((unsigned char)w->p[t->start + (uint32_t)k] & 0xC0) == 0x80)
		k--;
	snprintf(out, 80, "%.*s", k, w->p + t->start);
	for (char *c = out; *c; c++)
		if ((unsigned char)*c < 0x20)
			*c = ' ';
	return out;
}

#define SAY(w, line, ...)                                                                                              \
	do {                                                                                                           \
		conf_note((w)->rd, (w)->syntax, (w)->text, (line), __VA_ARGS__);                                       \
		if ((w)->syntax->errors >= SYNTAX_MAX)                                                                 \
			(w)->stop = (w)->out->hopeless = true;                                                         \
	} while (0)

/* Text between the last token and this one. */
static void copy_gap(struct walk *w)
{
	const struct conf_token *t = tok(w);

	dw_buf_add(&w->out->mended, w->p + w->copied, t->start - w->copied);
	w->copied = t->start;
}

/* Takes the token into the mended text, as it stands or as it was meant. */
static void keep(struct walk *w)
{
	const struct conf_token *t = tok(w);

	copy_gap(w);
	if (t->instead)
		dw_buf_puts(&w->out->mended, t->instead);
	else
		dw_buf_add(&w->out->mended, w->p + t->start, t->end - t->start);
	w->copied = t->end;
	w->i++;
}

static void keep_as(struct walk *w, const char *pre, const char *post)
{
	const struct conf_token *t = tok(w);

	copy_gap(w);
	dw_buf_puts(&w->out->mended, pre);
	for (uint32_t i = t->start; i < t->end; i++) /* a quote or backslash in there would end the text */
		dw_buf_putc(&w->out->mended, strchr("\"\\\n", w->p[i]) ? ' ' : w->p[i]);
	dw_buf_puts(&w->out->mended, post);
	w->copied = t->end;
	w->i++;
}

static void drop(struct walk *w)
{
	copy_gap(w);
	w->copied = tok(w)->end;
	w->i++;
}

static void insert(struct walk *w, const char *s)
{
	dw_buf_puts(&w->out->mended, s);
}

/* One setting more: its line. */
static void setting(struct walk *w, uint32_t line)
{
	struct conf_syntax *s = w->out;

	if (dw_grow(&s->line, &s->cap_line, s->n_line + 1, sizeof(*s->line)) < 0)
		w->rd->oom = w->stop = true;
	else
		s->line[s->n_line++] = line;
}

static uint32_t real_line(const struct walk *w, uint32_t flat)
{
	return flat - 1 < w->text->n_map ? w->text->map[flat - 1].line : flat;
}

static void push(struct walk *w, char open)
{
	if (w->depth + 1 >= FRAMES_MAX) {
		SAY(w, tok(w)->line, "more than %d brackets within each other", FRAMES_MAX - 1);
		w->stop = w->out->hopeless = true;
		return;
	}
	w->frame[++w->depth] = (struct frame){ .open = open, .line = tok(w)->line, .names = w->n_names, .kind = TOK_END };
	w->want = open == '{' ? WANT_NAME : WANT_VALUE;
	w->after_comma = false;
	keep(w);
}

static void pop(struct walk *w)
{
	w->n_names = top(w)->names;
	w->depth--;
	w->want = WANT_MORE;
}

static char closer(char open)
{
	return open == '{' ? '}' : open == '(' ? ')' : ']';
}

/* A closing bracket: of the innermost frame, of one further out (the inner ones weren't closed), or of none. */
static void close_bracket(struct walk *w)
{
	char c = tok(w)->c;
	int d = w->depth;

	while (d > 0 && closer(w->frame[d].open) != c)
		d--;
	if (d == 0) {
		SAY(w, tok(w)->line, "one %c too many: nothing is open that it could close", c);
		drop(w);
		return;
	}
	while (w->depth > d) {
		SAY(w, tok(w)->line, "%c stands here, but the %c of line %u isn't closed yet: a %c is missing before it", c,
		    top(w)->open, real_line(w, top(w)->line), closer(top(w)->open));
		insert(w, (char[]){ closer(top(w)->open), '\0' });
		pop(w);
	}
	if (w->after_comma && top(w)->open != '{') {
		SAY(w, tok(w)->line, "a comma too many: none stands after the last element, before %c", c);
		w->out->mended.p[w->comma_at] = ' ';
	}
	keep(w);
	pop(w);
	w->after_comma = false;
}

static void note_name(struct walk *w)
{
	const struct conf_token *t = tok(w);

	for (size_t k = top(w)->names; k < w->n_names; k++) {
		const struct conf_token *o = &w->tokens.t[w->name[k].token];

		if (o->end - o->start == t->end - t->start && memcmp(w->p + o->start, w->p + t->start, t->end - t->start) == 0) {
			SAY(w, t->line, "%.*s: set twice, first in line %u", len(t), w->p + t->start, real_line(w, o->line));
			w->out->hopeless = true;
			break;
		}
	}
	/* people = …, at the start of a line and within an open { }: the } is missing before it */
	if (w->depth > 0 && !w->suspect && (t->start == 0 || w->p[t->start - 1] == '\n'))
		for (size_t k = 0; k < conf_root_section.n; k++)
			if (strlen(conf_root_section.key[k].doc.name) == t->end - t->start &&
			    memcmp(conf_root_section.key[k].doc.name, w->p + t->start, t->end - t->start) == 0)
				w->suspect = t->line;
	if (w->n_names < NAMES_MAX)
		w->name[w->n_names++].token = (uint32_t)w->i;
	w->last_name = (uint32_t)w->i;
	setting(w, t->line);
	w->want = WANT_EQ;
}

/* Nothing sensible to go on with: skip to what may begin the next setting. */
static void give_up_here(struct walk *w)
{
	w->out->hopeless = true;
	drop(w);
}

static void want_name(struct walk *w)
{
	const struct conf_token *t = tok(w), *next = peek(w);
	char text[80];

	if (t->type == TOK_NAME || (t->type == TOK_BOOL && punct(next, '='))) {
		note_name(w);
		keep(w);
	} else if (t->type == TOK_PUNCT && strchr(")}]", t->c)) {
		close_bracket(w);
	} else if (punct(t, ';') || punct(t, ',')) {
		SAY(w, t->line, "one %c too many", t->c);
		drop(w);
	} else if (t->type != TOK_PUNCT && punct(next, '=')) {
		char c = w->p[t->start];

		if (t->type == TOK_STRING)
			SAY(w, t->line, "a name stands without quotes: %s =", shown(w, t, text));
		else if (c >= '0' && c <= '9')
			SAY(w, t->line, "%s: a name can't begin with a digit, only with a letter; a feed's or pack's own name is a text: name = \"%s\"",
			    shown(w, t, text), text);
		else
			SAY(w, t->line, "%s: a name is made of the letters a-z, digits, - and _, and begins with a letter",
			    shown(w, t, text));
		w->out->hopeless = true;
		note_name(w);
		keep(w);
	} else if (punct(t, '=')) {
		SAY(w, t->line, "= without a name before it");
		give_up_here(w);
	} else if (t->type == TOK_PUNCT) {
		SAY(w, t->line, "%c without a name and = before it", t->c);
		w->out->hopeless = true;
		setting(w, t->line);
		push(w, t->c);
	} else {
		if (w->p[t->start] == '@') {
			uint32_t line = t->line;

			SAY(w, line, "@include: write it on a line of its own, with the file in quotes: @include \"people.conf\"");
			while (tok(w)->type != TOK_END && tok(w)->line == line)
				give_up_here(w);
			return;
		}
		SAY(w, t->line, "\"%s\" is out of place: a name = value; was expected", shown(w, t, text));
		give_up_here(w);
	}
}

static void want_eq(struct walk *w)
{
	const struct conf_token *t = tok(w), *n = &w->tokens.t[w->last_name];

	if (punct(t, '=')) {
		keep(w);
		w->want = WANT_VALUE;
		w->after_comma = false;
	} else if (is_value(t)) {
		SAY(w, n->line, "%.*s: a = is missing after the name", len(n), w->p + n->start);
		insert(w, " = ");
		w->want = WANT_VALUE;
	} else {
		SAY(w, n->line, "%.*s: = and a value are missing after the name", len(n), w->p + n->start);
		w->out->hopeless = true;
		w->want = WANT_MORE;
	}
}

/* yes, 10m, /srv/inbox, alice: values that need quotes, or another word. */
static void bare_value(struct walk *w)
{
	static const char *const yes[] = { "yes", "on", "no", "off" };
	const struct conf_token *t = tok(w), *n = &w->tokens.t[w->last_name];
	char text[80];
	DW_BUF where = { 0 };

	if (w->frame[w->depth].open == '{')
		dw_buf_printf(&where, "%.*s: ", len(n), w->p + n->start);
	shown(w, t, text);
	if (punct(peek(w), '=') && w->frame[w->depth].open != '{') {
		SAY(w, t->line, "%s = stands directly in %c %c: name = value belongs in { }", text, top(w)->open,
		    closer(top(w)->open));
		w->out->hopeless = true;
	}
	for (size_t k = 0; k < DW_COUNT(yes); k++)
		if (strcasecmp(text, yes[k]) == 0) {
			SAY(w, t->line, "%s%s: write %s (or \"%s\" in quotes where a word is meant)", dw_buf_str(&where), text,
			    k < 2 ? "true" : "false", text);
			/* only one of the two can be right, and a wrong guess would be a second complaint */
			w->out->hopeless = true;
			keep(w);
			return;
		}
	if (text[0] >= '0' && text[0] <= '9')
		SAY(w, t->line, "%s%s isn't a number; a duration or a text stands in quotes: \"%s\"", dw_buf_str(&where), text,
		    text);
	else
		SAY(w, t->line, "%sa text stands in double quotes: \"%s\"", dw_buf_str(&where), text);
	keep_as(w, "\"", "\"");
}

static void value(struct walk *w)
{
	struct frame *f = top(w);
	const struct conf_token *t = tok(w);
	bool bare = t->type == TOK_NAME || t->type == TOK_BARE;
	enum conf_token_type kind = bare ? TOK_STRING : t->type;

	if (f->open != '{')
		setting(w, t->line);
	if (t->type == TOK_PUNCT) {
		if (f->open == '[') {
			SAY(w, t->line, "%c within [ ]: [ ] holds plain values only, for lists of lists and groups write ( )", t->c);
			w->out->hopeless = true;
		}
		push(w, t->c);
		return;
	}
	if (f->open == '[') {
		if (f->kind != TOK_END && f->kind != kind) {
			SAY(w, t->line, "[ ] holds values of one kind, this one differs from the ones before it (texts need quotes, numbers none)");
			w->out->hopeless = true;
		}
		f->kind = kind;
	}
	w->last_value = (uint32_t)w->i;
	if (bare)
		bare_value(w);
	else
		keep(w);
	w->want = WANT_MORE;
	w->after_comma = false;
}

static void want_value(struct walk *w)
{
	const struct conf_token *t = tok(w), *n = &w->tokens.t[w->last_name];
	bool list = top(w)->open != '{';

	if (is_value(t))
		value(w);
	else if (punct(t, '=')) {
		SAY(w, t->line, list ? "= is out of place in a list" : "one = too many");
		drop(w);
	} else if (list && strchr(")}]", t->c))
		close_bracket(w);
	else if (list) {
		SAY(w, t->line, "%s%c too many", t->c == ',' ? "one " : "a value was expected: one ", t->c);
		drop(w);
	} else {
		SAY(w, n->line, "%.*s: the value is missing after =", len(n), w->p + n->start);
		w->out->hopeless = true;
		w->want = WANT_MORE;
	}
}

static void more_in_list(struct walk *w)
{
	const struct conf_token *t = tok(w), *next = peek(w);
	const struct conf_token *last = &w->tokens.t[w->last_value];

	if (punct(t, ',')) {
		w->after_comma = true;
		w->want = WANT_VALUE;
		copy_gap(w);
		w->comma_at = w->out->mended.n;
		keep(w);
	} else if (punct(t, ';')) {
		SAY(w, t->line, is_value(next) ? "between the elements of a list stands a comma, not ;" :
						 "no ; stands within a list, after its last element");
		if (is_value(next)) {
			insert(w, ",");
			w->want = WANT_VALUE;
		}
		drop(w);
	} else if (punct(t, '=')) {
		SAY(w, t->line, "= is out of place in a list: name = value belongs in { }");
		give_up_here(w);
	} else if (t->type == TOK_NAME && punct(next, '=')) {
		SAY(w, t->line, "a %c is missing before %.*s: the %c of line %u isn't closed", closer(top(w)->open), len(t),
		    w->p + t->start, top(w)->open, real_line(w, top(w)->line));
		insert(w, (char[]){ closer(top(w)->open), ';', '\0' });
		pop(w);
		w->want = w->depth >= 0 && top(w)->open == '{' ? WANT_NAME : WANT_MORE;
	} else if (t->type == TOK_STRING && last->type == TOK_STRING && w->last_value + 1 == w->i) {
		/* libconfig joins them, which is fine for a long text over several lines */
		if (last->line == t->line)
			conf_note(w->rd, w->always, w->text, t->line, "a comma is missing between two texts (without it they become one)");
		w->last_value = (uint32_t)w->i;
		keep(w);
	} else if (is_value(t)) {
		SAY(w, t->line, "a comma is missing before this element of the list");
		insert(w, ",");
		w->want = WANT_VALUE;
	} else
		close_bracket(w);
}

static void want_more(struct walk *w)
{
	const struct conf_token *t = tok(w), *last = &w->tokens.t[w->last_value];

	if (top(w)->open != '{')
		more_in_list(w);
	else if (punct(t, ';') || punct(t, ',')) {
		keep(w);
		w->want = WANT_NAME;
		w->last_value = 0;
	} else if (t->type == TOK_STRING && last->type == TOK_STRING && w->last_value + 1 == w->i && !punct(peek(w), '=')) {
		w->last_value = (uint32_t)w->i;
		keep(w);
	} else
		w->want = WANT_NAME; /* libconfig doesn't insist on the ; */
}

static void at_end(struct walk *w)
{
	DW_BUF hint = { 0 };

	if (w->want == WANT_EQ)
		want_eq(w);
	else if (w->want == WANT_VALUE && top(w)->open == '{')
		want_value(w);
	if (w->suspect)
		dw_buf_printf(&hint, "; it is probably missing before line %u", real_line(w, w->suspect));
	for (; w->depth > 0; w->depth--) {
		SAY(w, top(w)->line, "the %c that opens here is never closed: a %c is missing%s", top(w)->open,
		    closer(top(w)->open), w->depth == 1 ? dw_buf_str(&hint) : "");
		w->out->hopeless = true;
	}
}

static void walk(struct walk *w)
{
	while (!w->stop && !w->rd->oom && tok(w)->type != TOK_END) {
		if (punct(tok(w), ' ')) {
			keep(w);
			continue;
		}
		switch (w->want) {
		case WANT_NAME:
			want_name(w);
			break;
		case WANT_EQ:
			want_eq(w);
			break;
		case WANT_VALUE:
			want_value(w);
			break;
		case WANT_MORE:
			want_more(w);
			break;
		}
	}
	if (!w->stop && !w->rd->oom)
		at_end(w);
	dw_buf_add(&w->out->mended, w->p + w->copied, w->text->text.n - w->copied);
}

int conf_syntax_check(struct conf_syntax *out, struct conf_read *rd, const struct conf_text *text,
		      struct dw_problems *syntax, struct dw_problems *always)
{
	struct walk *w = dw_calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	*w = (struct walk){ .rd = rd, .text = text, .out = out, .syntax = syntax, .always = always, .p = dw_buf_str(&text->text) };
	w->frame[0] = (struct frame){ .open = '{' };
	r = conf_tokens_read(&w->tokens, rd, text, syntax, always);
	if (r == 0)
		walk(w);
	conf_tokens_fini(&w->tokens);
	free(w);
	return r < 0 || rd->oom || out->mended.failed ? -ENOMEM : 0;
}

void conf_syntax_fini(struct conf_syntax *s)
{
	dw_buf_fini(&s->mended);
	free(s->line);
	*s = (struct conf_syntax){ 0 };
}
