/* What a mail says: a tree of data poured into a Mustache template (the public specification's comments,
 * delimiters, interpolation, inverted, partials and sections; no lambdas, no inheritance). Pure: no files, no time.
 *
 * Both halves are bounded, since the template is a user's file and the data came out of a feed:
 * a template's text, name lengths, nesting, partials in partials, steps of work and the result's size. */
#ifndef DUEWATCH_TEMPLATE_H
#define DUEWATCH_TEMPLATE_H

#include "duewatch/base.h"

/* ---- the data tree ----
 *
 * A value is text, a list or a map; numbers and booleans are text, false is "". False in a section: a missing
 * name, "" and the empty list; everything else is true, "0" and an empty map too.
 *
 * Trees grow from the leaves: fill a child, then give it to its parent. From that call on it is the parent's, also
 * when the call fails (then it is freed): don't touch it again. Adding to a given child is refused, so that the
 * mistake shows at once and not only when memory is out.
 * One check at the end is enough: a value that failed (no memory, too deep, too many, misuse) passes that on to its
 * parent, and dw_template_render() refuses a failed root. Each builder returns its own result as well. */
struct dw_tval;

enum {
	DW_TVAL_DEPTH_MAX = 32,    /* root included */
	DW_TVAL_LIST_MAX = 65536,  /* items of one list */
	DW_TVAL_MAP_MAX = 1024,    /* names of one map: they are searched one by one */
};

enum dw_tval_kind { DW_TVAL_TEXT, DW_TVAL_LIST, DW_TVAL_MAP };

/* NULL only when memory is out; set and push take that NULL and record -ENOMEM. */
struct dw_tval *dw_tval_text(const char *s); /* a copy; NULL counts as "" */
struct dw_tval *dw_tval_bool(bool v);        /* "true" or "" */
struct dw_tval *dw_tval_int(int64_t v);
struct dw_tval *dw_tval_list(void);
struct dw_tval *dw_tval_map(void);
void dw_tval_free(struct dw_tval *v); /* with all below it; only a root. NULL is fine */
void dw_tval_freep(struct dw_tval **v);

/* Takes the child. A name set twice keeps the last value and frees the one before. A NULL map or list counts as
 * one that failed. 0, -ENOMEM, -E2BIG (a limit above), -EINVAL (not a map or list, or given away already; or the
 * child has a place or would hold itself: only then it isn't taken). */
int dw_tval_set(struct dw_tval *map, const char *name, struct dw_tval *child);
int dw_tval_push(struct dw_tval *list, struct dw_tval *child);
int dw_tval_set_text(struct dw_tval *map, const char *name, const char *s);
int dw_tval_set_bool(struct dw_tval *map, const char *name, bool v);
int dw_tval_set_int(struct dw_tval *map, const char *name, int64_t v);
int dw_tval_push_text(struct dw_tval *list, const char *s);

int dw_tval_failed(const struct dw_tval *v); /* 0, or the first failure in or below v; -ENOMEM for NULL */

/* Reading; all pointers are borrowed until the tree changes. */
enum dw_tval_kind dw_tval_kind(const struct dw_tval *v);
bool dw_tval_true(const struct dw_tval *v);                   /* false for NULL */
const char *dw_tval_str(const struct dw_tval *v, size_t *n);  /* "" for a list, a map, NULL; n may be NULL */
size_t dw_tval_count(const struct dw_tval *v);                /* items or names; 0 for text */
const struct dw_tval *dw_tval_at(const struct dw_tval *v, size_t i); /* NULL past the end */
const char *dw_tval_name(const struct dw_tval *v, size_t i); /* its name; NULL past the end or in a list */
/* The value under the n bytes of name, NULL if absent or v is no map. hash: dw_hash(DW_HASH_INIT, name, n). */
const struct dw_tval *dw_tval_get(const struct dw_tval *v, const char *name, size_t n, uint64_t hash);

/* ---- templates ---- */
struct dw_template;

enum {
	DW_TEMPLATE_TEXT_MAX = 256 * 1024,       /* bytes of one template */
	DW_TEMPLATE_NAME_MAX = 128,              /* bytes of a name, dots included */
	DW_TEMPLATE_DELIM_MAX = 16,              /* bytes of a delimiter */
	DW_TEMPLATE_NEST_MAX = 32,               /* sections in sections, per template */
	DW_TEMPLATE_PARTIAL_MAX = 32,            /* partials in partials */
	DW_TEMPLATE_CONTEXT_MAX = 128,           /* sections open while rendering, all partials together */
	DW_TEMPLATE_STEPS_MAX = 4 * 1024 * 1024, /* parts rendered and contexts searched: loops that print nothing */
	DW_TEMPLATE_OUT_MAX = 4 * 1024 * 1024,   /* bytes of one rendering */
};

/* Compiles text (UTF-8; a byte order mark is skipped), which is copied. name is for messages: the file's.
 * -EINVAL or -EFBIG with err "name:line: what, what is allowed"; -ENOMEM. Free with dw_template_free(). */
int dw_template_parse(struct dw_template **out, const char *name, const char *text, struct dw_err *err);
const char *dw_template_name(const struct dw_template *tpl);
void dw_template_free(struct dw_template *tpl);
void dw_template_freep(struct dw_template **tpl);

/* {{name}}: as it is in the text part; in the HTML part & < > " become entities, as the specification asks. A
 * single quote doesn't: HTML templates put attributes in double quotes. {{{name}}} and {{&name}} never escape. */
enum dw_escape { DW_ESCAPE_NONE, DW_ESCAPE_HTML };

/* The template a {{>name}} means, or NULL: it then renders empty. Must outlive the rendering. The name is a
 * user's text, to be looked up in a table and never opened as a path. */
typedef const struct dw_template *dw_template_find(const char *name, void *ctx);

/* Appends to out. A missing name renders empty, so does a list or map where text belongs. A standalone partial's
 * indentation goes before each of its template's lines, not into values of several lines.
 * find may be NULL. Allocates nothing but out. -EFBIG (result), -ELOOP (partials, contexts, steps) with err
 * "name:line: what, what is allowed"; the root's own failure (see dw_tval_failed); -ENOMEM. On failure out keeps
 * what it held before. */
int dw_template_render(const struct dw_template *tpl, const struct dw_tval *root, dw_template_find *find, void *ctx,
		       enum dw_escape escape, struct dw_buf *out, struct dw_err *err);

/* For `duewatch check`: what a template uses, in its own order, so that an unknown name is said as file:line. */
enum dw_template_use_kind { DW_USE_VALUE, DW_USE_SECTION, DW_USE_INVERTED, DW_USE_PARTIAL };

struct dw_template_use {
	enum dw_template_use_kind kind;
	const char *name;      /* as written, dots included; "." is left out, it is always known */
	unsigned line;         /* from 1 */
	const char *const *in; /* names of the {{#sections}} around it, outermost first: it may be a name of theirs */
	size_t n_in;
};

/* All pointers are borrowed: name as long as the template, in for the call. A result other than 0 ends the list
 * and is returned. */
typedef int dw_template_use_fn(const struct dw_template_use *use, void *ctx);
int dw_template_names(const struct dw_template *tpl, dw_template_use_fn *fn, void *ctx);

#endif
