/* Rule packs: the shipped ones, then platforms.d beside the config, then `packs` in the config. Each says only what it
 * changes; a pack is its base's values with its own layers put over them, one key at a time. */
#include "config-impl.h"

#include <dirent.h>
#include <stdio.h>

enum { LAYERS_MAX = 1000, LINES_MAX = 50, LINE_MAX_BYTES = 4000, HOLIDAYS_MAX = 500, AUTO_DAYS_MAX = 400, TEXT_KEYS_MAX = 200 };

static const char generic[] = "generic";

static const config_setting_t *elem(const config_setting_t *s, int i)
{
	return config_setting_get_elem((config_setting_t *)s, (unsigned)i);
}

static const config_setting_t *member(const config_setting_t *s, const char *name)
{
	return config_setting_get_member((config_setting_t *)s, name);
}

/* ---- values ---- */

void conf_take_holidays(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	struct dw_holidays *h = at;
	struct dw_holidays all = { 0 };

	if (!conf_list_of(rd, s, k->doc.allowed))
		return;
	for (int i = 0; i < config_setting_length(s) && i <= HOLIDAYS_MAX; i++) {
		const char *t = conf_text_of(rd, elem(s, i));
		struct dw_err err;
		int r = !t ? 0 : i == HOLIDAYS_MAX ? dw_err_set(&err, -EINVAL, "too many, %d are allowed", HOLIDAYS_MAX) :
						     dw_holidays_add(&all, t, &err);

		if (r == -ENOMEM)
			rd->oom = true;
		else if (r < 0)
			conf_say(rd, elem(s, i), "%s", err.text);
	}
	dw_holidays_fini(h);
	*h = all;
}

static bool auto_days(struct conf_read *rd, const config_setting_t *s, struct dw_auto_confirm *out)
{
	struct dw_auto_confirm a = { 0 };
	int n = config_setting_length(s);
	int64_t v;

	if (!conf_list_of(rd, s, "days after shipment, shortest first: [45, 60]"))
		return false;
	if (n > DW_AUTO_CONFIRM_MAX) {
		conf_say(rd, s, "%d numbers, at most %d are allowed", n, DW_AUTO_CONFIRM_MAX);
		return false;
	}
	for (int i = 0; i < n; i++) {
		if (!conf_int_of(rd, elem(s, i), 1, AUTO_DAYS_MAX, &v))
			return false;
		if (a.n > 0 && v <= a.days[a.n - 1]) {
			conf_say(rd, elem(s, i), "%d stands after %d: the shortest comes first, each number once", (int)v,
				 a.days[a.n - 1]);
			return false;
		}
		a.days[a.n++] = (int)v;
	}
	*out = a;
	return true;
}

/* at: the array by transport; only those named change */
void conf_take_auto_confirm(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	struct dw_auto_confirm *by = at;

	if (!conf_list_of(rd, s, k->doc.allowed))
		return;
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *e = elem(s, i);
		const char *t;
		int mode;

		if (!config_setting_is_list(e) || config_setting_length(e) != 2) {
			conf_say(rd, e, "each line is (transport, [days]), like (\"sea\", [45, 60])");
			continue;
		}
		t = conf_text_of(rd, elem(e, 0));
		mode = t ? dw_word_find(dw_transport_words, DW_BY_COUNT, t) : -1;
		if (t && mode < 0)
			conf_say_unknown(rd, elem(e, 0), "transport", t, dw_transport_words, DW_BY_COUNT);
		else if (t)
			auto_days(rd, elem(e, 1), &by[mode]);
	}
}

/* at: the pack */
void conf_take_pack_zone(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_pack *p = at;
	const struct dw_zone *z = conf_zone_of(rd, s);

	if (!z)
		return;
	p->zone = z;
	free(p->timezone);
	p->timezone = conf_dup(rd, z->name);
}

void conf_take_pack_columns(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_pack *p = at;

	conf_columns(rd, s, &p->columns, &p->n_columns);
}

void conf_take_pack_status(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_pack *p = at;

	conf_status(rd, s, &p->status, &p->n_status);
}

/* ---- texts, per language ---- */

static const char *language_of(const char *key)
{
	if (strcmp(key, "en") == 0)
		return "en";
	return strcmp(key, "zh_CN") == 0 || strcmp(key, "zh-CN") == 0 ? "zh-CN" : NULL;
}

static void text_fini(struct dw_pack_text *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->line[i]);
	free(t->line);
	free(t->key);
	free(t->language);
}

/* A line may hold line breaks (a text for the buyer), but no other control characters. "" is no line at all: the text
 * is then there without lines, which hides the base's. */
static const char *line_of(struct conf_read *rd, const config_setting_t *s)
{
	const char *t = config_setting_type(s) == CONFIG_TYPE_STRING ? config_setting_get_string(s) : NULL;

	if (!t || strlen(t) > LINE_MAX_BYTES || !dw_utf8_valid(t, strlen(t))) {
		conf_say(rd, s, "a text in quotes was expected, of at most %d bytes", LINE_MAX_BYTES);
		return NULL;
	}
	for (const char *c = t; *c; c++)
		if (((unsigned char)*c < 0x20 && *c != '\n' && *c != '\t') || *c == 0x7f) {
			conf_say(rd, s, "holds a control character");
			return NULL;
		}
	return t;
}

static bool add_line(struct conf_read *rd, const config_setting_t *s, struct dw_pack_text *t)
{
	const char *line = line_of(rd, s);
	char **slot;

	if (!line || !*line)
		return line != NULL;
	slot = conf_push(rd, &t->line, &t->n, sizeof(*t->line));
	if (slot)
		*slot = conf_dup(rd, line);
	return slot && *slot;
}

/* What the pack said so far under this key: in this language; in all of them when the new text is English, so that
 * nobody reads the base's words where this pack has better ones (a missing language falls back to English). */
static void forget_texts(struct dw_pack *p, const char *key, const char *language)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n_texts; i++) {
		struct dw_pack_text *t = &p->texts[i];

		if (strcmp(t->key, key) == 0 && (!language || strcmp(t->language, language) == 0))
			text_fini(t);
		else
			p->texts[kept++] = *t;
	}
	p->n_texts = kept;
}

static void one_language(struct conf_read *rd, const config_setting_t *s, const char *key, const char *language, struct dw_pack *p)
{
	struct dw_pack_text t = { 0 }, *slot;
	bool list = config_setting_is_list(s) || config_setting_is_array(s), good = true;
	int n = list ? config_setting_length(s) : 1;

	if (n > LINES_MAX) {
		conf_say(rd, s, "%d lines, at most %d are allowed", n, LINES_MAX);
		return;
	}
	t.key = conf_dup(rd, key);
	t.language = conf_dup(rd, language);
	for (int i = 0; i < n && good; i++)
		good = add_line(rd, list ? elem(s, i) : s, &t);
	forget_texts(p, key, language);
	slot = good && t.key && t.language ? conf_push(rd, &p->texts, &p->n_texts, sizeof(t)) : NULL;
	if (slot)
		*slot = t;
	else
		text_fini(&t);
}

static bool has_language(const config_setting_t *s)
{
	return config_setting_is_group(s) && (member(s, "en") || member(s, "zh_CN") || member(s, "zh-CN"));
}

void conf_take_pack_text(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_pack *p = at;

	if (!conf_is_group(rd, s, "one text per language, { en = \"…\"; zh_CN = \"…\"; }"))
		return;
	if (member(s, "en"))
		forget_texts(p, config_setting_name(s), NULL);
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *e = elem(s, i);
		const char *language = language_of(config_setting_name(e));

		if (language)
			one_language(rd, e, config_setting_name(s), language, p);
		else
			conf_say(rd, e, "unknown language, allowed: en, zh_CN");
	}
}

/* Any other group with languages in it is a text too (a new template may ask for it), unless it looks like a typo. */
bool conf_pack_text(struct conf_read *rd, const config_setting_t *s, void *pack)
{
	const char *names[64];
	size_t n = 0;

	for (; n < conf_pack_section.n && n < DW_COUNT(names); n++)
		names[n] = conf_pack_section.key[n].doc.name;
	if (!has_language(s) || dw_near(config_setting_name(s), names, n))
		return false;
	if (((struct dw_pack *)pack)->n_texts >= TEXT_KEYS_MAX)
		conf_say(rd, s, "too many texts, %d are allowed", TEXT_KEYS_MAX);
	else
		conf_take_pack_text(rd, s, NULL, pack);
	return true;
}

/* ---- layers ---- */

static bool name_ok(const char *t)
{
	size_t n = strspn(t, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n > 0 && n <= 64 && t[n] == '\0';
}

/* stem: what the file is called, for a file without `name`; NULL within `packs`. */
static void add_layer(struct conf_read *rd, config_setting_t *group, const char *stem)
{
	const config_setting_t *s = member(group, "name");
	const char *name = s ? conf_text_of(rd, s) : stem;
	struct conf_layer *l;

	if (!s && !stem)
		conf_say_missing_name(rd, group, "name", "missing, must be given: the pack's name, like \"alibaba\"");
	if (!name)
		return;
	if (!name_ok(name)) {
		conf_say(rd, s ? s : group, "\"%.80s\" is no name for a pack, allowed: 1 to 64 of a-z A-Z 0-9 _ . -", name);
		return;
	}
	if (rd->n_layer >= LAYERS_MAX) {
		conf_say(rd, group, "too many packs, %d are allowed", LAYERS_MAX);
		return;
	}
	if (dw_grow(&rd->layer, &rd->cap_layer, rd->n_layer + 1, sizeof(*l)) < 0) {
		rd->oom = true;
		return;
	}
	l = &rd->layer[rd->n_layer];
	*l = (struct conf_layer){ .name = conf_dup(rd, name), .group = group };
	rd->n_layer += l->name != NULL;
}

/* The entries of `packs`. `in_file`: of a platforms.d file, which may be written like a part of the config. */
static void add_list(struct conf_read *rd, const config_setting_t *list)
{
	if (!conf_list_of(rd, list, "( { name = \"alibaba\"; buyer_answer = 3; }, … )"))
		return;
	for (int i = 0; i < config_setting_length(list); i++)
		if (conf_is_group(rd, elem(list, i), "{ name = \"alibaba\"; … }"))
			add_layer(rd, (config_setting_t *)elem(list, i), NULL);
}

static void add_file(struct conf_read *rd, const char *dir, const char *name)
{
	struct conf_file *f;
	const config_setting_t *list;
	config_setting_t *root;
	char stem[256];
	DW_BUF path = { 0 };

	dw_buf_printf(&path, "%s/%s", dir, name);
	snprintf(stem, sizeof(stem), "%.*s", (int)(strlen(name) - 5), name);
	f = path.failed ? NULL : conf_parse(rd, path.p);
	if (!f)
		return;
	root = config_root_setting(&f->tree);
	list = member(root, "packs");
	if (!list) {
		add_layer(rd, root, stem);
		return;
	}
	for (int i = 0; i < config_setting_length(root); i++)
		if (elem(root, i) != list)
			conf_say(rd, elem(root, i), "stands beside `packs`: put it into one of its groups");
	add_list(rd, list);
}

static int is_conf(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 5 && n < 250 && strcmp(d->d_name + n - 5, ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The same of the files that are kept. */
static int add_live(struct conf_read *rd, const char *dir)
{
	DW_FREE const char **names = dw_calloc(rd->live->n + 1, sizeof(*names));
	size_t k = strlen(dir), n = 0;

	if (!names) {
		rd->oom = true;
		return -ENOMEM;
	}
	for (size_t i = 0; i < rd->live->n; i++) {
		const char *p = rd->live->path[i];

		if (strncmp(p, dir, k) == 0 && p[k] == '/' && !strchr(p + k + 1, '/'))
			names[n++] = p + k + 1;
	}
	qsort(names, n, sizeof(*names), by_text);
	for (size_t i = 0; i < n; i++)
		add_file(rd, dir, names[i]);
	return (int)n;
}

/* A folder's *.conf in the order of their names, whatever the locale. -errno, or how many. */
static int add_folder(struct conf_read *rd, const char *dir)
{
	struct dirent **names = NULL;
	int n = rd->live ? 0 : scandir(dir, &names, is_conf, by_name);

	if (rd->live)
		return add_live(rd, dir);
	if (n < 0) {
		n = -errno;
		conf_fault(rd, n);
		return n;
	}
	for (int i = 0; i < n; i++) {
		if (i < CONF_FILES_MAX)
			add_file(rd, dir, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return n;
}

/* ---- resolving ---- */

static int text_copy(struct conf_read *rd, struct dw_pack *to, const struct dw_pack_text *from)
{
	struct dw_pack_text *t = conf_push(rd, &to->texts, &to->n_texts, sizeof(*t));
	char **slot;

	if (!t)
		return -ENOMEM;
	t->key = conf_dup(rd, from->key);
	t->language = conf_dup(rd, from->language);
	for (size_t i = 0; i < from->n; i++)
		if ((slot = conf_push(rd, &t->line, &t->n, sizeof(*slot))))
			*slot = conf_dup(rd, from->line[i]);
	return 0;
}

static void holidays_copy(struct conf_read *rd, struct dw_holidays *to, const struct dw_holidays *from)
{
	*to = (struct dw_holidays){ 0 };
	if (from->n == 0)
		return;
	if (dw_grow(&to->range, &to->cap, from->n, sizeof(*to->range)) < 0) {
		rd->oom = true;
		return;
	}
	memcpy(to->range, from->range, from->n * sizeof(*to->range));
	to->n = from->n;
}

/* All of the base but its name. */
static void inherit(struct conf_read *rd, struct dw_pack *to, const struct dw_pack *base)
{
	char *name = to->name;

	*to = *base;
	to->name = name;
	to->base = conf_dup(rd, base->name);
	to->timezone = conf_dup(rd, base->timezone);
	to->order_url = conf_dup(rd, base->order_url);
	to->columns = NULL;
	to->status = NULL;
	to->texts = NULL;
	to->n_columns = to->n_status = to->n_texts = 0;
	holidays_copy(rd, &to->holidays, &base->holidays);
	conf_columns_copy(rd, &to->columns, &to->n_columns, base->columns, base->n_columns);
	conf_status_copy(rd, &to->status, &to->n_status, base->status, base->n_status);
	for (size_t i = 0; i < base->n_texts; i++)
		text_copy(rd, to, &base->texts[i]);
}

const struct dw_pack *conf_pack_find(const struct dw_config *c, const char *name)
{
	for (size_t i = 0; i < c->n_packs; i++)
		if (dw_streq(c->packs[i].name, name))
			return &c->packs[i];
	return NULL;
}

const struct dw_pack *conf_pack_of(struct conf_read *rd, const config_setting_t *s)
{
	const char *names[64], *t = conf_text_of(rd, s);
	const struct dw_pack *p = t ? conf_pack_find(rd->c, t) : NULL;
	size_t n = 0;

	if (!t || p)
		return p;
	for (; n < rd->c->n_packs && n < DW_COUNT(names); n++)
		names[n] = rd->c->packs[n].name;
	conf_say_unknown(rd, s, "rule pack", t, names, n);
	return NULL;
}

static void resolve(struct conf_read *rd, struct dw_pack *p);

/* The base named by the last layer that names one; else generic. NULL: none (generic itself). */
static const struct dw_pack *base_of(struct conf_read *rd, const struct dw_pack *p)
{
	const struct dw_pack *base = strcmp(p->name, generic) ? conf_pack_find(rd->c, generic) : NULL;
	const config_setting_t *named = NULL;

	for (size_t i = 0; i < rd->n_layer; i++) {
		const config_setting_t *s = strcmp(rd->layer[i].name, p->name) == 0 ? member(rd->layer[i].group, "base") : NULL;

		named = s ? s : named;
	}
	if (named) {
		const struct dw_pack *b = conf_pack_of(rd, named);

		if (b && (b == p || rd->pack_state[b - rd->c->packs] == 1))
			conf_say(rd, named, "%s: a pack can't be its own base, directly or by way of another", b->name);
		else if (b)
			base = b;
	}
	if (base && rd->pack_state[base - rd->c->packs] == 1)
		return NULL;
	return base;
}

static void resolve(struct conf_read *rd, struct dw_pack *p)
{
	size_t ix = (size_t)(p - rd->c->packs);
	const struct dw_pack *base;

	if (rd->pack_state[ix])
		return;
	rd->pack_state[ix] = 1;
	base = base_of(rd, p);
	if (base) {
		resolve(rd, &rd->c->packs[base - rd->c->packs]);
		if (!rd->oom)
			inherit(rd, p, base);
		if (rd->oom)
			return;
	} else { /* what generic.conf says too; here for a data folder without it */
		p->buyer_answer = 2;
		p->claim_days = 30;
		p->dispute_talk = 3 * DW_DAY;
		p->margin_days = 2;
	}
	for (size_t i = 0; i < rd->n_layer; i++)
		if (strcmp(rd->layer[i].name, p->name) == 0)
			conf_group(rd, rd->layer[i].group, &conf_pack_section, p, conf_pack_text);
	rd->pack_state[ix] = 2;
}

static void add_pack(struct conf_read *rd, const char *name)
{
	struct dw_pack *p;

	if (rd->oom || conf_pack_find(rd->c, name) || !(p = conf_push(rd, &rd->c->packs, &rd->c->n_packs, sizeof(*p))))
		return;
	p->name = conf_dup(rd, name);
}

/* root NULL: the config itself could not be parsed; the packs' own problems are told all the same. */
void conf_packs_read(struct conf_read *rd, const config_setting_t *root)
{
	const config_setting_t *list = root ? member(root, "packs") : NULL;
	DW_BUF dir = { 0 };
	int r;

	dw_buf_printf(&dir, "%s/platforms", rd->c->datadir);
	r = add_folder(rd, dw_buf_str(&dir));
	if (r <= 0 && dw_problems_add(rd->problems, false, dw_buf_str(&dir), 0, "no rule packs in this folder%s%s (-D or DUEWATCH_DATADIR names another)",
				      r < 0 ? ": " : "", r < 0 ? strerror(-r) : "") < 0)
		rd->oom = true;
	dw_buf_reset(&dir);
	dw_buf_printf(&dir, "%s/platforms.d", rd->dir);
	r = add_folder(rd, dw_buf_str(&dir));
	if (r < 0 && r != -ENOENT && r != -ENOTDIR && dw_problems_add(rd->problems, false, dw_buf_str(&dir), 0, "can't be read: %s", strerror(-r)) < 0)
		rd->oom = true;
	if (list)
		add_list(rd, list);
	add_pack(rd, generic);
	for (size_t i = 0; i < rd->n_layer; i++)
		add_pack(rd, rd->layer[i].name);
	rd->oom |= dir.failed;
	rd->pack_state = rd->oom ? NULL : dw_calloc(rd->c->n_packs, 1);
	if (!rd->pack_state) {
		rd->oom = true;
		return;
	}
	for (size_t i = 0; i < rd->c->n_packs && !rd->oom; i++)
		resolve(rd, &rd->c->packs[i]);
}
