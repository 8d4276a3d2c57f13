/* template.h: Mustache, compiled to a flat list of nodes. A section's node knows where its end is; rendering walks
 * the list and recurses only into sections and partials, both bounded. Names are ended in place in the template's
 * own copy of the text, so nodes point into it and own nothing. */
#include "duewatch/template.h"

enum kind { TEXT, LINE, VALUE, RAW, SECTION, INVERTED, END, PARTIAL };

struct node {
	enum kind kind;
	bool bol;             /* TEXT: starts a line. PARTIAL: alone on its line */
	unsigned line;        /* from 1 */
	const char *s;        /* TEXT: the text, n bytes. Otherwise the name, ended by a NUL */
	size_t n;
	size_t part, n_parts; /* VALUE, RAW, SECTION, INVERTED: the name's parts; none for "." */
	size_t end;           /* SECTION, INVERTED: its END; END: its beginning */
	const char *indent;   /* PARTIAL, alone on its line: what stood before it */
	size_t n_indent;
};
/* LINE marks a line that begins with a tag and stays in the result: where a partial's indentation goes. */

struct part {
	const char *s;
	size_t n;
	uint64_t hash;
};

struct dw_template {
	char *name, *text;
	struct node *nodes;
	size_t n_nodes, cap_nodes;
	struct part *parts;
	size_t n_parts, cap_parts;
};

void dw_template_free(struct dw_template *tpl)
{
	if (!tpl)
		return;
	free(tpl->name);
	free(tpl->text);
	free(tpl->nodes);
	free(tpl->parts);
	free(tpl);
}

const char *dw_template_name(const struct dw_template *tpl)
{
	return tpl->name;
}

void dw_template_freep(struct dw_template **tpl)
{
	dw_template_free(dw_steal(tpl));
}

/* ---- parsing ---- */

struct slice {
	const char *p;
	size_t n;
};

struct parser {
	struct dw_template *tpl;
	char *text;
	size_t n, pos;
	struct slice open, close; /* the delimiters in force */
	size_t counted;           /* `line` is the line of this offset */
	unsigned line;
	size_t sections[DW_TEMPLATE_NEST_MAX];
	size_t depth;
	struct dw_err *err;
};

struct tag {
	char kind;          /* its sign, 0 for a plain name */
	size_t at, end;     /* the whole tag, delimiters included */
	size_t body, n;     /* its content, trimmed */
	unsigned line;
	bool alone;         /* nothing else on its line, which goes */
	size_t first, next; /* alone: the line's beginning and the next one's */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Hostile text for a message: 40 bytes of it at most, whole characters, up to the first control character. */
static int shown(const char *s, size_t n)
{
	size_t k = 0;

	while (k < n && !is_control(s[k])) {
		size_t len = dw_utf8_seq(s + k, n - k);

		if (len == 0 || k + len > 40)
			break;
		k += len;
	}
	return (int)k;
}

static unsigned line_of(struct parser *p, size_t at)
{
	for (; p->counted < at; p->counted++)
		p->line += p->text[p->counted] == '\n';
	return p->line;
}

static int add_node(struct parser *p, const struct node *n)
{
	struct dw_template *t = p->tpl;

	if (dw_grow(&t->nodes, &t->cap_nodes, t->n_nodes + 1, sizeof(*t->nodes)) < 0)
		return dw_err_oom(p->err);
	t->nodes[t->n_nodes++] = *n;
	return 0;
}

static bool line_begins(const struct parser *p, size_t at)
{
	return at == 0 || p->text[at - 1] == '\n';
}

static int add_text(struct parser *p, unsigned line, size_t from, size_t to)
{
	struct node n = { .kind = TEXT, .line = line, .s = p->text + from, .n = to - from };

	if (from == to)
		return 0;
	n.bol = line_begins(p, from);
	return add_node(p, &n);
}

/* The closing delimiter, after sign if that isn't 0: where it begins (the sign included) and ends. */
static bool find_close(const struct parser *p, size_t from, char sign, size_t *at, size_t *end)
{
	size_t i = from;
	const char *c;

	while ((c = memmem(p->text + i, p->n - i, p->close.p, p->close.n))) {
		i = (size_t)(c - p->text);
		if (!sign || (i > from && p->text[i - 1] == sign)) {
			*at = sign ? i - 1 : i;
			*end = i + p->close.n;
			return true;
		}
		i++;
	}
	return false;
}

/* A tag alone on its line takes the line with it: blanks around it and the line's end. */
static void stands_alone(const struct parser *p, struct tag *t)
{
	size_t first = t->at, next = t->end;

	while (first > 0 && is_blank(p->text[first - 1]))
		first--;
	while (is_blank(p->text[next]))
		next++;
	if (p->text[next] == '\r' && p->text[next + 1] == '\n')
		next++;
	if (!line_begins(p, first) || (p->text[next] && p->text[next] != '\n'))
		return;
	t->alone = true;
	t->first = first;
	t->next = p->text[next] ? next + 1 : next;
}

static int scan_tag(struct parser *p, size_t at, struct tag *t)
{
	size_t i = at + p->open.n, to;
	char sign = 0;

	*t = (struct tag){ .at = at, .line = line_of(p, at) };
	while (is_space(p->text[i]))
		i++;
	if (p->text[i] && strchr("!=#^/>&{", p->text[i]))
		t->kind = p->text[i++];
	if (t->kind == '=' || t->kind == '{')
		sign = t->kind == '{' ? '}' : '=';
	if (!find_close(p, i, sign, &to, &t->end))
		return dw_err_set(p->err, -EINVAL, "%s:%u: %.*s is not closed, %.*s%.*s must follow", p->tpl->name,
				  t->line, shown(p->text + at, i - at), p->text + at, sign != 0, &sign, (int)p->close.n,
				  p->close.p);
	while (i < to && is_space(p->text[i]))
		i++;
	while (to > i && is_space(p->text[to - 1]))
		to--;
	t->body = i;
	t->n = to - i;
	if (t->kind && t->kind != '{' && t->kind != '&')
		stands_alone(p, t);
	return 0;
}

static int bad_name(struct parser *p, const struct tag *t, const char *allowed)
{
	return dw_err_set(p->err, -EINVAL, "%s:%u: \"%.*s\" is not a name, %s", p->tpl->name, t->line,
			  shown(p->text + t->body, t->n), p->text + t->body, allowed);
}

static int check_name(struct parser *p, const struct tag *t)
{
	const char *s = p->text + t->body;

	if (t->n == 0)
		return dw_err_set(p->err, -EINVAL, "%s:%u: a tag without a name, it must have one", p->tpl->name,
				  t->line);
	if (t->n > DW_TEMPLATE_NAME_MAX)
		return dw_err_set(p->err, -EINVAL, "%s:%u: the name \"%.*s...\" is %zu bytes long, %d are allowed",
				  p->tpl->name, t->line, shown(s, t->n), s, t->n, DW_TEMPLATE_NAME_MAX);
	for (size_t i = 0; i < t->n; i++)
		if (is_space(s[i]) || is_control(s[i]))
			return bad_name(p, t, "one word without spaces or control characters is allowed");
	if (!t->kind && (*s == '$' || *s == '<'))
		return bad_name(p, t, "blocks and parents are not supported, partials {{>name}} are allowed");
	return 0;
}

/* Splits a dotted name for the renderer. */
static int add_parts(struct parser *p, const struct tag *t, struct node *n)
{
	struct dw_template *tpl = p->tpl;
	const char *s = n->s, *dot;

	n->part = tpl->n_parts;
	if (strcmp(s, ".") == 0)
		return 0;
	for (;; s = dot + 1) {
		struct part part = { .s = s };

		dot = strchrnul(s, '.');
		part.n = (size_t)(dot - s);
		if (part.n == 0)
			return bad_name(p, t, "words with one dot between them, or one dot alone, are allowed");
		part.hash = dw_hash(DW_HASH_INIT, s, part.n);
		if (dw_grow(&tpl->parts, &tpl->cap_parts, tpl->n_parts + 1, sizeof(part)) < 0)
			return dw_err_oom(p->err);
		tpl->parts[tpl->n_parts++] = part;
		n->n_parts++;
		if (!*dot)
			return 0;
	}
}

static int open_section(struct parser *p, const struct node *n)
{
	if (p->depth == DW_TEMPLATE_NEST_MAX)
		return dw_err_set(p->err, -EINVAL, "%s:%u: section \"%.*s\" is nested too deep, %d levels are allowed",
				  p->tpl->name, n->line, shown(n->s, n->n), n->s, DW_TEMPLATE_NEST_MAX);
	p->sections[p->depth++] = p->tpl->n_nodes;
	return 0;
}

static int close_section(struct parser *p, struct node *n)
{
	struct node *open;

	if (p->depth == 0)
		return dw_err_set(p->err, -EINVAL, "%s:%u: /%.*s closes nothing, it is allowed after #%.*s or ^%.*s",
				  p->tpl->name, n->line, shown(n->s, n->n), n->s, shown(n->s, n->n), n->s,
				  shown(n->s, n->n), n->s);
	n->end = p->sections[--p->depth];
	open = &p->tpl->nodes[n->end];
	if (strcmp(open->s, n->s) != 0)
		return dw_err_set(p->err, -EINVAL,
				  "%s:%u: /%.*s closes another section, only /%.*s is allowed (line %u)",
				  p->tpl->name, n->line, shown(n->s, n->n), n->s, shown(open->s, open->n), open->s,
				  open->line);
	open->end = p->tpl->n_nodes;
	return 0;
}

/* The two delimiters of {{=a b=}}. */
static int set_delims(struct parser *p, const struct tag *t)
{
	const char *s = p->text + t->body, *end = s + t->n;
	struct slice d[2] = { { NULL, 0 }, { NULL, 0 } };
	size_t k = 0;

	while (s < end && k < DW_COUNT(d)) {
		d[k].p = s;
		while (s < end && !is_space(*s) && *s != '=' && !is_control(*s))
			s++;
		d[k].n = (size_t)(s - d[k].p);
		k += d[k].n > 0 && d[k].n <= DW_TEMPLATE_DELIM_MAX;
		if (s == end || !is_space(*s))
			break;
		while (s < end && is_space(*s))
			s++;
	}
	if (k < DW_COUNT(d) || s < end)
		return dw_err_set(p->err, -EINVAL,
				  "%s:%u: \"%.*s\" sets no delimiters, two of up to %d bytes without = are allowed",
				  p->tpl->name, t->line, shown(p->text + t->body, t->n), p->text + t->body,
				  DW_TEMPLATE_DELIM_MAX);
	p->open = d[0];
	p->close = d[1];
	return 0;
}

static enum kind node_kind(char sign)
{
	switch (sign) {
	case '#':
		return SECTION;
	case '^':
		return INVERTED;
	case '/':
		return END;
	case '>':
		return PARTIAL;
	case '&':
	case '{':
		return RAW;
	}
	return VALUE;
}

static int add_tag(struct parser *p, const struct tag *t)
{
	struct node n = { .kind = node_kind(t->kind), .bol = t->alone, .line = t->line };
	int r = check_name(p, t);

	if (r < 0)
		return r;
	n.s = p->text + t->body;
	n.n = t->n;
	p->text[t->body + t->n] = '\0'; /* was the delimiter, or a space before it: read for the last time */
	if (n.kind == PARTIAL && t->alone) {
		n.indent = p->text + t->first;
		n.n_indent = t->at - t->first;
	}
	if (n.kind == VALUE || n.kind == RAW || n.kind == SECTION || n.kind == INVERTED)
		r = add_parts(p, t, &n);
	if (r == 0 && (n.kind == SECTION || n.kind == INVERTED))
		r = open_section(p, &n);
	if (r == 0 && n.kind == END)
		r = close_section(p, &n);
	return r < 0 ? r : add_node(p, &n);
}

/* The text before a tag, and the tag. */
static int step(struct parser *p, size_t at)
{
	unsigned line = line_of(p, p->pos); /* before the tag's: lines are counted forwards */
	struct tag t;
	int r = scan_tag(p, at, &t);

	if (r == 0)
		r = add_text(p, line, p->pos, t.alone ? t.first : t.at);
	if (r == 0 && !t.alone && line_begins(p, t.at))
		r = add_node(p, &(struct node){ .kind = LINE, .line = t.line });
	if (r == 0 && t.kind == '=')
		r = set_delims(p, &t);
	else if (r == 0 && t.kind != '!')
		r = add_tag(p, &t);
	p->pos = t.alone ? t.next : t.end;
	return r;
}

static int parse(struct parser *p)
{
	const struct node *open;
	const char *tag;
	int r;

	while ((tag = memmem(p->text + p->pos, p->n - p->pos, p->open.p, p->open.n))) {
		r = step(p, (size_t)(tag - p->text));
		if (r < 0)
			return r;
	}
	if (p->depth == 0)
		return add_text(p, line_of(p, p->pos), p->pos, p->n);
	open = &p->tpl->nodes[p->sections[p->depth - 1]];
	return dw_err_set(p->err, -EINVAL, "%s:%u: section \"%.*s\" is not closed, /%.*s must follow", p->tpl->name,
			  open->line, shown(open->s, open->n), open->s, shown(open->s, open->n), open->s);
}

static int check_utf8(struct parser *p)
{
	for (size_t i = 0; i < p->n;) {
		size_t k = dw_utf8_seq(p->text + i, p->n - i);

		if (k == 0)
			return dw_err_set(p->err, -EINVAL, "%s:%u: byte 0x%02x is not UTF-8, only UTF-8 is allowed",
					  p->tpl->name, line_of(p, i), (unsigned char)p->text[i]);
		i += k;
	}
	p->counted = 0;
	p->line = 1;
	return 0;
}

int dw_template_parse(struct dw_template **out, const char *name, const char *text, struct dw_err *err)
{
	DW_CLEANUP(dw_template_freep) struct dw_template *tpl = dw_calloc(1, sizeof(*tpl));
	struct parser p = { .tpl = tpl, .open = { "{{", 2 }, .close = { "}}", 2 }, .line = 1, .err = err };
	int r;

	name = dw_empty(name) ? "template" : name;
	text = strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? text + 3 : text;
	p.n = strnlen(text, DW_TEMPLATE_TEXT_MAX + 1);
	if (p.n > DW_TEMPLATE_TEXT_MAX)
		return dw_err_set(err, -EFBIG, "%s:1: the template is too large, %d bytes are allowed", name,
				  DW_TEMPLATE_TEXT_MAX);
	if (!tpl || !(tpl->name = dw_strdup(name)) || !(tpl->text = dw_strdup(text)))
		return dw_err_oom(err);
	p.text = tpl->text;
	r = check_utf8(&p);
	if (r == 0)
		r = parse(&p);
	if (r < 0)
		return r;
	*out = dw_steal(&tpl);
	return 0;
}

/* ---- rendering ---- */

struct render {
	const struct dw_tval *ctx[DW_TEMPLATE_CONTEXT_MAX]; /* the innermost last */
	size_t n_ctx;
	dw_template_find *find;
	void *find_ctx;
	enum dw_escape escape;
	unsigned partials;   /* partials open */
	unsigned long steps; /* done, see DW_TEMPLATE_STEPS_MAX */
	struct dw_buf *out;
	size_t start; /* of this rendering, in out */
	struct dw_err *err;
};

/* Standalone partials put their indentation before each line of their template, the outermost's first. */
struct indent {
	const struct indent *up;
	const char *p;
	size_t n;
};

/* Where we are: one template's nodes, with what indents them. */
struct unit {
	const struct dw_template *tpl;
	const struct indent *in;
};

static int emit(struct render *r, const char *p, size_t n)
{
	if (n > DW_TEMPLATE_OUT_MAX - (r->out->n - r->start))
		return -EFBIG;
	dw_buf_add(r->out, p, n);
	return r->out->failed ? -ENOMEM : 0;
}

static int emit_indent(struct render *r, const struct indent *in)
{
	int e;

	if (!in)
		return 0;
	e = emit_indent(r, in->up);
	return e < 0 ? e : emit(r, in->p, in->n);
}

static int emit_text(struct render *r, const struct indent *in, const struct node *n)
{
	const char *p = n->s, *end = n->s + n->n;
	bool bol = n->bol;
	int e = 0;

	if (!in)
		return emit(r, p, n->n);
	while (p < end && e == 0) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl + 1 : end;

		if (bol)
			e = emit_indent(r, in);
		if (e == 0)
			e = emit(r, p, (size_t)(stop - p));
		p = stop;
		bol = true;
	}
	return e;
}

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	}
	return NULL;
}

static int emit_html(struct render *r, const char *s, size_t n)
{
	size_t from = 0;
	int e = 0;

	for (size_t i = 0; i < n && e == 0; i++) {
		const char *as = entity(s[i]);

		if (!as)
			continue;
		e = emit(r, s + from, i - from);
		if (e == 0)
			e = emit(r, as, strlen(as));
		from = i + 1;
	}
	return e < 0 ? e : emit(r, s + from, n - from);
}

/* The value of a node's name: its first part in the innermost map that has it, the others strictly below. */
static const struct dw_tval *lookup(struct render *r, const struct dw_template *tpl, const struct node *n)
{
	const struct dw_tval *v = NULL;
	const struct part *part;

	if (n->n_parts == 0)
		return r->ctx[r->n_ctx - 1];
	part = &tpl->parts[n->part];
	for (size_t i = r->n_ctx; i > 0 && !v; i--, r->steps++)
		v = dw_tval_get(r->ctx[i - 1], part->s, part->n, part->hash);
	for (size_t k = 1; k < n->n_parts && v; k++)
		v = dw_tval_get(v, part[k].s, part[k].n, part[k].hash);
	return v;
}

static int emit_value(struct render *r, const struct unit *u, const struct node *n)
{
	const struct dw_tval *v = lookup(r, u->tpl, n);
	size_t len;
	const char *s = dw_tval_str(v, &len);

	if (n->kind == VALUE && r->escape == DW_ESCAPE_HTML)
		return emit_html(r, s, len);
	return emit(r, s, len);
}

static int run(struct render *r, const struct unit *u, size_t from, size_t to);

/* Names the node for the codes that emit() returns bare. */
static int explain(struct render *r, const struct unit *u, const struct node *n, int code)
{
	if (code == -ENOMEM)
		return dw_err_oom(r->err);
	return dw_err_set(r->err, code, "%s:%u: the result is too large, %d bytes are allowed", u->tpl->name, n->line,
			  DW_TEMPLATE_OUT_MAX);
}

static int too_deep(struct render *r, const struct unit *u, const struct node *n, const char *what, int max)
{
	return dw_err_set(r->err, -ELOOP, "%s:%u: %s, %d are allowed", u->tpl->name, n->line, what, max);
}

static int run_item(struct render *r, const struct unit *u, size_t at, const struct dw_tval *v)
{
	const struct node *n = &u->tpl->nodes[at];
	int e;

	if (r->n_ctx == DW_COUNT(r->ctx))
		return too_deep(r, u, n, "too many sections in sections", DW_TEMPLATE_CONTEXT_MAX);
	r->ctx[r->n_ctx++] = v;
	e = run(r, u, at + 1, n->end + 1); /* with its END, so that each round costs a step */
	r->n_ctx--;
	return e;
}

static int run_section(struct render *r, const struct unit *u, size_t at)
{
	const struct dw_tval *v = lookup(r, u->tpl, &u->tpl->nodes[at]);
	int e = 0;

	if (!dw_tval_true(v))
		return 0;
	if (dw_tval_kind(v) != DW_TVAL_LIST)
		return run_item(r, u, at, v);
	for (size_t i = 0; i < dw_tval_count(v) && e == 0; i++)
		e = run_item(r, u, at, dw_tval_at(v, i));
	return e;
}

static int run_partial(struct render *r, const struct unit *u, const struct node *n)
{
	const struct dw_template *tpl = r->find ? r->find(n->s, r->find_ctx) : NULL;
	struct indent own = { .up = u->in, .p = n->indent, .n = n->n_indent };
	struct unit inner = { .tpl = tpl };
	int e;

	if (!tpl)
		return 0;
	if (r->partials == DW_TEMPLATE_PARTIAL_MAX)
		return too_deep(r, u, n, "too many partials in partials", DW_TEMPLATE_PARTIAL_MAX);
	if (n->bol)
		inner.in = own.n > 0 ? &own : u->in;
	r->partials++;
	e = run(r, &inner, 0, tpl->n_nodes);
	r->partials--;
	return e;
}

static int run(struct render *r, const struct unit *u, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct node *n = &u->tpl->nodes[i];
		int e = 0, said = 0;

		if (++r->steps > DW_TEMPLATE_STEPS_MAX)
			return too_deep(r, u, n, "too many steps of rendering", DW_TEMPLATE_STEPS_MAX);
		switch (n->kind) {
		case TEXT:
			e = emit_text(r, u->in, n);
			break;
		case LINE:
			e = emit_indent(r, u->in);
			break;
		case VALUE:
		case RAW:
			e = emit_value(r, u, n);
			break;
		case SECTION:
			said = run_section(r, u, i);
			i = n->end;
			break;
		case INVERTED: /* its nodes follow: go on into them, or past them */
			if (dw_tval_true(lookup(r, u->tpl, n)))
				i = n->end;
			break;
		case PARTIAL:
			said = run_partial(r, u, n);
			break;
		case END:
			break;
		}
		if (said < 0)
			return said;
		if (e < 0)
			return explain(r, u, n, e);
	}
	return 0;
}

int dw_template_render(const struct dw_template *tpl, const struct dw_tval *root, dw_template_find *find, void *ctx,
		       enum dw_escape escape, struct dw_buf *out, struct dw_err *err)
{
	struct render r = { .n_ctx = 1, .find = find, .find_ctx = ctx, .escape = escape, .out = out, .start = out->n };
	struct unit u = { .tpl = tpl };
	int e = dw_tval_failed(root);

	if (e == -ENOMEM || out->failed)
		return dw_err_oom(err);
	if (e < 0)
		return dw_err_set(err, e, "%s: its data is incomplete: %s", tpl->name, strerror(-e));
	r.ctx[0] = root;
	r.err = err;
	e = run(&r, &u, 0, tpl->n_nodes);
	if (e < 0 && out->p) {
		out->n = r.start;
		out->p[out->n] = '\0';
	}
	return e;
}

/* ---- names ---- */

static bool use_kind(enum kind kind, enum dw_template_use_kind *out)
{
	switch (kind) {
	case VALUE:
	case RAW:
		*out = DW_USE_VALUE;
		return true;
	case SECTION:
		*out = DW_USE_SECTION;
		return true;
	case INVERTED:
		*out = DW_USE_INVERTED;
		return true;
	case PARTIAL:
		*out = DW_USE_PARTIAL;
		return true;
	case TEXT:
	case LINE:
	case END:
		break;
	}
	return false;
}

int dw_template_names(const struct dw_template *tpl, dw_template_use_fn *fn, void *ctx)
{
	const char *in[DW_TEMPLATE_NEST_MAX];
	struct dw_template_use use = { .in = in };
	int r;

	for (size_t i = 0; i < tpl->n_nodes; i++) {
		const struct node *n = &tpl->nodes[i];

		if (n->kind == END && tpl->nodes[n->end].kind == SECTION)
			use.n_in--;
		if (use_kind(n->kind, &use.kind) && strcmp(n->s, ".") != 0) {
			use.name = n->s;
			use.line = n->line;
			r = fn(&use, ctx);
			if (r != 0)
				return r;
		}
		if (n->kind == SECTION)
			in[use.n_in++] = n->s;
	}
	return 0;
}
