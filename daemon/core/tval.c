/* template.h: the tree of data a template is filled from.
 *
 * Trees grow from the leaves: a value is complete when it gets its place, so its height is known and bounded, and
 * freeing may recurse. A value knows the one above it only to tell the root when somebody adds to it after that. */
#include "duewatch/template.h"

#include <stdio.h>

struct slot {
	uint64_t hash; /* of the name; maps only */
	char *name;    /* owned; NULL in a list */
	size_t n;
	struct dw_tval *v;
};

struct dw_tval {
	enum dw_tval_kind kind;
	int failed;        /* first failure in or below, a negated errno */
	unsigned height;   /* levels from here down, this one included; too large if a high child was replaced */
	struct dw_tval *up; /* borrowed; NULL: a root, still growing */
	struct slot *slots; /* list and map */
	size_t n, cap;      /* slots; n: bytes of text */
	char text[];        /* text only */
};

static struct dw_tval *make(enum dw_tval_kind kind, const char *s, size_t n)
{
	struct dw_tval *v = dw_malloc(sizeof(*v) + n + 1);

	if (!v)
		return NULL;
	*v = (struct dw_tval){ .kind = kind, .height = 1, .n = n };
	if (n)
		memcpy(v->text, s, n);
	v->text[n] = '\0';
	return v;
}

struct dw_tval *dw_tval_text(const char *s)
{
	return make(DW_TVAL_TEXT, s, s ? strlen(s) : 0);
}

struct dw_tval *dw_tval_bool(bool v)
{
	return dw_tval_text(v ? "true" : "");
}

struct dw_tval *dw_tval_int(int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	return dw_tval_text(text);
}

struct dw_tval *dw_tval_list(void)
{
	return make(DW_TVAL_LIST, NULL, 0);
}

struct dw_tval *dw_tval_map(void)
{
	return make(DW_TVAL_MAP, NULL, 0);
}

void dw_tval_free(struct dw_tval *v)
{
	if (!v)
		return;
	for (size_t i = 0; v->slots && i < v->n; i++) {
		free(v->slots[i].name);
		dw_tval_free(v->slots[i].v);
	}
	free(v->slots);
	free(v);
}

void dw_tval_freep(struct dw_tval **v)
{
	dw_tval_free(dw_steal(v));
}

static int taint(struct dw_tval *v, int code)
{
	for (; v; v = v->up)
		if (!v->failed)
			v->failed = code;
	return code;
}

static bool placed(const struct dw_tval *parent, const struct dw_tval *child)
{
	for (const struct dw_tval *v = parent; v; v = v->up)
		if (v == child)
			return true;
	return child && child->up;
}

/* Whether child may go below parent: 0, or the failure, recorded; then the child is freed if it has no place. */
static int admit(struct dw_tval *parent, enum dw_tval_kind kind, struct dw_tval *child)
{
	int r = 0;

	if (placed(parent, child))
		return taint(parent, -EINVAL);
	if (!parent || !child)
		r = -ENOMEM;
	else if (parent->kind != kind || parent->up)
		r = -EINVAL;
	else if (child->height >= DW_TVAL_DEPTH_MAX)
		r = -E2BIG;
	if (r == 0)
		return 0;
	dw_tval_free(child);
	return taint(parent, r);
}

static void adopt(struct dw_tval *parent, struct dw_tval *child)
{
	child->up = parent;
	if (parent->height <= child->height)
		parent->height = child->height + 1;
	if (child->failed)
		taint(parent, child->failed);
}

/* Adds an admitted child, taking name too. */
static int append(struct dw_tval *parent, const struct slot *s, size_t max)
{
	int r = parent->n >= max ? -E2BIG : dw_grow(&parent->slots, &parent->cap, parent->n + 1, sizeof(*s));

	if (r < 0) {
		free(s->name);
		dw_tval_free(s->v);
		return taint(parent, r);
	}
	parent->slots[parent->n++] = *s;
	adopt(parent, s->v);
	return 0;
}

static struct slot *find_slot(const struct dw_tval *map, const char *name, size_t n, uint64_t hash)
{
	for (size_t i = 0; i < map->n; i++) {
		struct slot *s = &map->slots[i];

		if (s->hash == hash && s->n == n && memcmp(s->name, name, n) == 0)
			return s;
	}
	return NULL;
}

int dw_tval_set(struct dw_tval *map, const char *name, struct dw_tval *child)
{
	int r = admit(map, DW_TVAL_MAP, child);
	struct slot s, *old;

	if (r < 0 || !child)
		return r;
	s = (struct slot){ .n = strlen(name), .v = child };
	s.hash = dw_hash(DW_HASH_INIT, name, s.n);
	old = find_slot(map, name, s.n, s.hash);
	if (old) {
		dw_tval_free(old->v);
		old->v = child;
		adopt(map, child);
		return 0;
	}
	s.name = dw_strdup(name);
	if (!s.name) {
		dw_tval_free(child);
		return taint(map, -ENOMEM);
	}
	return append(map, &s, DW_TVAL_MAP_MAX);
}

int dw_tval_push(struct dw_tval *list, struct dw_tval *child)
{
	int r = admit(list, DW_TVAL_LIST, child);

	return r < 0 || !child ? r : append(list, &(struct slot){ .v = child }, DW_TVAL_LIST_MAX);
}

int dw_tval_set_text(struct dw_tval *map, const char *name, const char *s)
{
	return dw_tval_set(map, name, dw_tval_text(s));
}

int dw_tval_set_bool(struct dw_tval *map, const char *name, bool v)
{
	return dw_tval_set(map, name, dw_tval_bool(v));
}

int dw_tval_set_int(struct dw_tval *map, const char *name, int64_t v)
{
	return dw_tval_set(map, name, dw_tval_int(v));
}

int dw_tval_push_text(struct dw_tval *list, const char *s)
{
	return dw_tval_push(list, dw_tval_text(s));
}

int dw_tval_failed(const struct dw_tval *v)
{
	return v ? v->failed : -ENOMEM;
}

enum dw_tval_kind dw_tval_kind(const struct dw_tval *v)
{
	return v->kind;
}

bool dw_tval_true(const struct dw_tval *v)
{
	return v && (v->kind == DW_TVAL_MAP || v->n > 0);
}

const char *dw_tval_str(const struct dw_tval *v, size_t *n)
{
	bool text = v && v->kind == DW_TVAL_TEXT;

	if (n)
		*n = text ? v->n : 0;
	return text ? v->text : "";
}

size_t dw_tval_count(const struct dw_tval *v)
{
	return v && v->kind != DW_TVAL_TEXT ? v->n : 0;
}

const struct dw_tval *dw_tval_at(const struct dw_tval *v, size_t i)
{
	return i < dw_tval_count(v) ? v->slots[i].v : NULL;
}

const char *dw_tval_name(const struct dw_tval *v, size_t i)
{
	return v && v->kind == DW_TVAL_MAP && i < v->n ? v->slots[i].name : NULL;
}

const struct dw_tval *dw_tval_get(const struct dw_tval *v, const char *name, size_t n, uint64_t hash)
{
	const struct slot *s = v && v->kind == DW_TVAL_MAP ? find_slot(v, name, n, hash) : NULL;

	return s ? s->v : NULL;
}
