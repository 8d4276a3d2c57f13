/* compose.h: templates looked at before anybody needs them: those of each language in use, the files beside the config that
 * are meant to be some, and the packs' texts for the buyer. */
#include "compose-impl.h"

#include <dirent.h>

/* Problems told once each: one template stands behind many mails. */
struct told {
	dw_template_complain_fn *complain;
	void *ctx;
	char **text;
	size_t n, cap;
	bool oom;
};

enum { TOLD_MAX = 500 };

static void tell_once(void *ctx, const char *problem)
{
	struct told *t = ctx;

	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->text[i], problem) == 0)
			return;
	if (t->n == TOLD_MAX)
		return;
	if (dw_grow(&t->text, &t->cap, t->n + 1, sizeof(*t->text)) < 0 || !(t->text[t->n] = dw_strdup(problem))) {
		t->oom = true;
		return;
	}
	t->n++;
	t->complain(t->ctx, problem);
}

static void told_fini(struct told *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->text[i]);
	free(t->text);
}

/* ---- one language ---- */

/* All samples with the templates of a language: those beside the config, or built in. */
static int compose_all(const struct dw_config *config, const char *language, bool own, struct dw_names *learn, struct told *t,
		       struct dw_err *err)
{
	struct dw_composer *c = dw_calloc(1, sizeof(*c));
	struct dw_samples *s = NULL;
	int r = c ? dw_samples_new(&s, config, language, err) : dw_err_oom(err);

	if (r == 0) {
		c->config = dw_samples_config(s);
		r = own ? dw_templates_load(&c->set[0], c->config, language, tell_once, t, err)
			: dw_templates_built_in(&c->set[0], language, err);
	}
	if (r == 0) {
		c->n = 1;
		c->set[0].learn = learn;
		r = dw_samples_compose(s, c, tell_once, t, err);
	}
	if (r == 0 && own && dw_names_check(&c->set[0], tell_once, t) < 0)
		r = dw_err_oom(err);
	dw_composer_free(c);
	dw_samples_free(s);
	return r;
}

static bool in_use_before(const struct dw_config *config, size_t person)
{
	const char *language = config->people.p[person].language;

	if (dw_empty(language) || dw_streq(language, config->language))
		return true;
	for (size_t i = 0; i < person; i++)
		if (dw_streq(language, config->people.p[i].language))
			return true;
	return false;
}

/* ---- files beside the config ---- */

static bool is_template_file(const char *name, size_t *n)
{
	static const char suffix[] = ".mustache";
	size_t len = strlen(name);

	*n = len - (sizeof(suffix) - 1);
	return *name != '.' && len > sizeof(suffix) - 1 && strcmp(name + *n, suffix) == 0;
}

/* Calls fn with each entry; a folder that isn't there has none. */
static void each_entry(const char *path, void (*fn)(void *ctx, const char *path, const char *name), void *ctx)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (*e->d_name != '.')
			fn(ctx, path, e->d_name);
	if (dir)
		closedir(dir);
}

static void check_file(void *ctx, const char *path, const char *name)
{
	DW_FREE char *bare = NULL;
	const char *near;
	DW_BUF b = { 0 };
	size_t n;

	if (!is_template_file(name, &n))
		return;
	bare = dw_strndup(name, n);
	if (!bare || dw_templates_find(bare) >= 0)
		return;
	near = dw_templates_near(bare);
	dw_buf_printf(&b, "%s/%s:1: there is no template of this name, so nobody reads it", path, name);
	if (near)
		dw_buf_printf(&b, ", perhaps %s.mustache", near);
	tell_once(ctx, dw_buf_str(&b));
}

static void check_folder(void *ctx, const char *path, const char *name)
{
	DW_BUF b = { 0 };
	size_t n;

	if (is_template_file(name, &n)) {
		dw_buf_printf(&b, "%s/%s:1: nobody reads it here, templates stand in a folder per language: en, zh-CN", path, name);
		tell_once(ctx, dw_buf_str(&b));
		return;
	}
	dw_buf_printf(&b, "%s/%s", path, name);
	for (size_t i = 0; dw_mail_language(i); i++)
		if (strcmp(dw_mail_language(i), name) == 0) {
			each_entry(dw_buf_str(&b), check_file, ctx);
			return;
		}
	dw_buf_puts(&b, ":1: duewatch writes no such language, so nobody reads it, allowed:");
	for (size_t i = 0; dw_mail_language(i); i++)
		dw_buf_printf(&b, "%s%s", i ? ", " : " ", dw_mail_language(i));
	tell_once(ctx, dw_buf_str(&b));
}

/* ---- the packs' texts ---- */

struct pack_use {
	struct told *t;
	const char *where;
};

static int check_use(const struct dw_template_use *use, void *ctx)
{
	const struct pack_use *p = ctx;
	const char *near;
	DW_BUF b = { 0 };
	size_t n;

	for (n = 0; dw_paste_names[n]; n++)
		if (strcmp(dw_paste_names[n], use->name) == 0)
			return 0;
	near = dw_near(use->name, dw_paste_names, n);
	dw_buf_printf(&b, "%s:%u: {{%s}}: there is no such name here%s%s", p->where, use->line, use->name, near ? ", perhaps " : "",
		      near ? near : "");
	tell_once(p->t, dw_buf_str(&b));
	return 0;
}

static void check_pack(const struct dw_pack *pack, struct told *t)
{
	for (size_t i = 0; i < pack->n_texts; i++) {
		const struct dw_pack_text *x = &pack->texts[i];
		DW_CLEANUP(dw_template_freep) struct dw_template *tpl = NULL;
		struct dw_err err = { "" };
		DW_BUF where = { 0 };
		DW_BUF text = { 0 };

		if (!dw_streq(x->key, "buyer_text") && !dw_streq(x->key, "buyer_text_receipt"))
			continue;
		dw_buf_printf(&where, "pack %s, %s (%s)", pack->name, x->key, x->language);
		for (size_t k = 0; k < x->n; k++)
			dw_buf_printf(&text, "%s%s", k ? "\n" : "", x->line[k]);
		if (dw_template_parse(&tpl, dw_buf_str(&where), dw_buf_str(&text), &err) < 0)
			tell_once(t, err.text);
		else
			dw_template_names(tpl, check_use, &(struct pack_use){ .t = t, .where = dw_buf_str(&where) });
	}
}

/* ---- the story ---- */

int dw_templates_check(const struct dw_config *config, dw_template_complain_fn *complain, void *ctx, struct dw_err *err)
{
	struct told t = { .complain = complain, .ctx = ctx };
	struct dw_names *learn = dw_calloc(DW_TPL_COUNT, sizeof(*learn));
	unsigned long shortages = dw_shortages();
	DW_BUF folder = { 0 };
	int r;

	/* with our own templates first: where an override says nothing any more, what would show it isn't wrong for that */
	r = learn ? compose_all(config, "en", false, learn, &t, err) : dw_err_oom(err);
	if (r == 0)
		r = compose_all(config, dw_empty(config->language) ? "en" : config->language, true, learn, &t, err);
	for (size_t i = 0; r == 0 && i < config->people.n; i++)
		if (!in_use_before(config, i))
			r = compose_all(config, config->people.p[i].language, true, learn, &t, err);
	dw_templates_folder(&folder, config);
	if (r == 0)
		each_entry(dw_buf_str(&folder), check_folder, &t);
	for (size_t i = 0; r == 0 && i < config->n_packs; i++)
		check_pack(&config->packs[i], &t);
	if (r == 0 && (t.oom || shortages != dw_shortages()))
		r = dw_err_oom(err);
	for (int i = 0; learn && i < DW_TPL_COUNT; i++)
		dw_names_fini(&learn[i]);
	free(learn);
	told_fini(&t);
	return r < 0 ? r : (int)t.n;
}
