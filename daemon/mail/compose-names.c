/* Which names a template may use. No table says it: the trees that the samples are rendered with are the truth, and each
 * name in them is learnt here. A template's names are then looked up as rendering would, section in section, partials in
 * their includers; one that is found nowhere is told with the nearest that is there. */
#include "compose-impl.h"

#include <stdio.h>

/* A template is a user's file: partials that each include others twice would be walked without end, and looking for what a
 * thousand wrong names might mean helps nobody. */
enum { NEAR_MAX = 512, LOOKS_MAX = 100, STEPS_MAX = 200000 };

const struct dw_names *dw_names_get(const struct dw_names *n, const char *name, size_t len)
{
	for (size_t i = 0; n && i < n->n; i++)
		if (strncmp(n->child[i].name, name, len) == 0 && n->child[i].name[len] == '\0')
			return &n->child[i];
	return NULL;
}

static int learn_name(struct dw_names *n, const char *name, const struct dw_tval *v)
{
	struct dw_names *below = (struct dw_names *)(uintptr_t)dw_names_get(n, name, strlen(name));

	if (!below) {
		if (dw_grow(&n->child, &n->cap, n->n + 1, sizeof(*n->child)) < 0)
			return -ENOMEM;
		below = &n->child[n->n];
		*below = (struct dw_names){ .name = dw_strdup(name) };
		if (!below->name)
			return -ENOMEM;
		n->n++;
	}
	return dw_names_learn(below, v);
}

int dw_names_learn(struct dw_names *n, const struct dw_tval *v)
{
	size_t count = dw_tval_count(v);
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = dw_tval_kind(v) == DW_TVAL_LIST ? dw_names_learn(n, dw_tval_at(v, i)) : learn_name(n, dw_tval_name(v, i), dw_tval_at(v, i));
	return r;
}

void dw_names_fini(struct dw_names *n)
{
	for (size_t i = 0; i < n->n; i++)
		dw_names_fini(&n->child[i]);
	free(n->child);
	free(n->name);
	*n = (struct dw_names){ 0 };
}

/* ---- looking up ---- */

/* Of one template: which of its uses some place knew. */
struct seen {
	bool *known;
	const char **near; /* borrowed from the names learnt */
	size_t cap_known, cap_near, n;
	bool visited;
};

struct walk {
	const struct dw_templates *t;
	struct seen *seen; /* [DW_TPL_COUNT] */
	const struct dw_names *ctx[DW_TEMPLATE_CONTEXT_MAX]; /* the innermost last */
	size_t n_ctx;
	int open[DW_TEMPLATE_PARTIAL_MAX + 1]; /* templates we are in, the innermost last */
	size_t n_open, at;		       /* the use looked at, of the innermost */
	size_t steps, looks;		       /* uses walked over; near names looked for */
	dw_template_complain_fn *complain;
	void *arg;
};

/* As rendering does: the first part in the innermost place that has it, the others strictly below. */
static const struct dw_names *resolve(const struct walk *w, const char *name)
{
	size_t len = strcspn(name, ".");
	const struct dw_names *n = NULL;

	for (size_t i = w->n_ctx; i > 0 && !n; i--)
		n = dw_names_get(w->ctx[i - 1], name, len);
	while (n && name[len]) {
		name += len + 1;
		len = strcspn(name, ".");
		n = dw_names_get(n, name, len);
	}
	return n;
}

static const char *nearest(const struct walk *w, const char *name)
{
	const char *there[NEAR_MAX];
	size_t n = 0;

	for (size_t i = w->n_ctx; i > 0; i--)
		for (size_t k = 0; k < w->ctx[i - 1]->n && n < NEAR_MAX; k++)
			there[n++] = w->ctx[i - 1]->child[k].name;
	return dw_near(name, there, n);
}

/* Of "by.bth": "by" is there, so what is like "bth" below it; else what is like "by". */
static const char *near_of(const struct walk *w, const char *name)
{
	size_t len = strcspn(name, ".");
	DW_FREE char *first = dw_strndup(name, len);
	const struct dw_names *n = first ? resolve(w, first) : NULL;
	const char *there[NEAR_MAX];
	size_t count = 0;

	if (!n)
		return first ? nearest(w, first) : NULL;
	for (; count < n->n && count < NEAR_MAX; count++)
		there[count] = n->child[count].name;
	return dw_near(name + len + (name[len] == '.'), there, count);
}

static void tell(const struct walk *w, int which, unsigned line, const char *fmt, ...) DW_PRINTF(4, 5);
static void tell(const struct walk *w, int which, unsigned line, const char *fmt, ...)
{
	char text[300];
	DW_BUF b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	dw_buf_printf(&b, "%s:%u: %s", dw_template_name(w->t->tpl[which]), line, text);
	w->complain(w->arg, dw_buf_str(&b));
}

static int walk_template(struct walk *w, int which);

static int walk_partial(struct walk *w, const struct dw_template_use *use)
{
	int self = w->open[w->n_open - 1], which = dw_templates_find(use->name);
	const char *near;

	if (which < 0) {
		near = dw_templates_near(use->name);
		tell(w, self, use->line, "{{>%s}}: there is no such template%s%s", use->name, near ? ", perhaps " : "", near ? near : "");
		return 0;
	}
	for (size_t i = 0; i < w->n_open; i++)
		if (w->open[i] == which) {
			tell(w, self, use->line, "{{>%s}} includes itself%s", use->name, i + 1 < w->n_open ? " by way of others" : "");
			return 0;
		}
	return walk_template(w, which);
}

static int on_use(const struct dw_template_use *use, void *ctx)
{
	struct walk *w = ctx;
	struct seen *s = &w->seen[w->open[w->n_open - 1]];
	size_t base = w->n_ctx, at = w->at++;
	int r = 0;

	if (w->steps++ == STEPS_MAX)
		tell(w, w->open[0], 1, "too many names and partials in partials, %d are looked at", STEPS_MAX);
	if (w->steps > STEPS_MAX)
		return 1;
	for (size_t i = 0; i < use->n_in && w->n_ctx < DW_COUNT(w->ctx); i++) {
		const struct dw_names *in = resolve(w, use->in[i]);

		if (in)
			w->ctx[w->n_ctx++] = in;
	}
	if (use->kind == DW_USE_PARTIAL) {
		r = walk_partial(w, use);
		w->at = at + 1;
	} else {
		if (dw_grow(&s->known, &s->cap_known, at + 1, sizeof(*s->known)) < 0 ||
		    dw_grow(&s->near, &s->cap_near, at + 1, sizeof(*s->near)) < 0)
			return -ENOMEM;
		for (; s->n <= at; s->n++) {
			s->known[s->n] = false;
			s->near[s->n] = NULL;
		}
		if (resolve(w, use->name))
			s->known[at] = true;
		else if (!s->near[at] && w->looks++ < LOOKS_MAX)
			s->near[at] = near_of(w, use->name);
	}
	w->n_ctx = base;
	return r;
}

static int walk_template(struct walk *w, int which)
{
	size_t at = w->at;
	int r;

	if (w->n_open == DW_COUNT(w->open))
		return 0; /* rendering says it */
	w->open[w->n_open++] = which;
	w->seen[which].visited = true;
	w->at = 0;
	r = dw_template_names(w->t->tpl[which], on_use, w);
	w->at = at;
	w->n_open--;
	return r; /* 1: enough */
}

/* ---- telling ---- */

struct telling {
	struct walk *w;
	int which;
	size_t at;
};

static int tell_unknown(const struct dw_template_use *use, void *ctx)
{
	struct telling *t = ctx;
	const struct seen *s = &t->w->seen[t->which];
	size_t at = t->at++;

	if (use->kind == DW_USE_PARTIAL || at >= s->n || s->known[at])
		return 0;
	tell(t->w, t->which, use->line, "{{%s}}: there is no such name here%s%s", use->name, s->near[at] ? ", perhaps " : "",
	     s->near[at] ? s->near[at] : "");
	return 0;
}

/* Those that are rendered with data of their own; the others are partials. */
static bool is_root(int which)
{
	return which <= DW_TPL_OUTCOME || which == DW_TPL_MAIL_TEXT || which == DW_TPL_MAIL_HTML;
}

int dw_names_check(const struct dw_templates *t, dw_template_complain_fn *complain, void *ctx)
{
	struct seen *seen = dw_calloc(DW_TPL_COUNT, sizeof(*seen));
	struct walk *w = dw_calloc(1, sizeof(*w));
	int r = seen && w ? 0 : -ENOMEM;

	for (int i = 0; r == 0 && i < DW_TPL_COUNT; i++) {
		if (!is_root(i))
			continue;
		*w = (struct walk){ .t = t, .seen = seen, .ctx = { &t->learn[i] }, .n_ctx = 1, .complain = complain, .arg = ctx };
		r = walk_template(w, i);
	}
	if (r > 0)
		r = 0; /* what was walked over only in part isn't known: said, and that is all */
	else
		for (int i = 0; r == 0 && i < DW_TPL_COUNT; i++)
			if (seen[i].visited)
				r = dw_template_names(t->tpl[i], tell_unknown, &(struct telling){ .w = w, .which = i });
	for (int i = 0; seen && i < DW_TPL_COUNT; i++) {
		free(seen[i].known);
		free(seen[i].near);
	}
	free(seen);
	free(w);
	return r;
}
