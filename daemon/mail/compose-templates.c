/* Templates: the override beside the config, else the installed file, else the text built in. */
#include "compose-impl.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef DW_SYSCONFDIR
#define DW_SYSCONFDIR "/etc/duewatch"
#endif

static const char *const names[DW_TPL_COUNT] = {
	[DW_TPL_SUBJECT] = "subject",
	[DW_TPL_INTRO] = "intro",
	[DW_TPL_SECTION] = "section",
	[DW_TPL_MORE] = "more",
	[DW_TPL_ROW] = "row",
	[DW_TPL_FEED_ROW] = "feed-row",
	[DW_TPL_FOOTER] = "footer",
	[DW_TPL_TIMELINE] = "timeline",
	[DW_TPL_MARK] = "mark",
	[DW_TPL_OPEN] = "open",
	[DW_TPL_NOTE] = "note",
	[DW_TPL_SETTLED] = "settled",
	[DW_TPL_EVENT] = "event",
	[DW_TPL_ACT] = "act",
	[DW_TPL_DATA] = "data",
	[DW_TPL_RECORD] = "record",
	[DW_TPL_CLOCK] = "clock",
	[DW_TPL_WHO] = "who",
	[DW_TPL_DATE] = "date",
	[DW_TPL_LIMITS] = "limits",
	[DW_TPL_STEPS] = "steps",
	[DW_TPL_OPTIONS] = "options",
	[DW_TPL_BUYER] = "buyer",
	[DW_TPL_WARNINGS] = "warnings",
	[DW_TPL_RISK] = "risk",
	[DW_TPL_FACTS] = "facts",
	[DW_TPL_TOLD] = "told",
	[DW_TPL_ANSWER] = "answer",
	[DW_TPL_ACK] = "ack",
	[DW_TPL_OUTCOME] = "outcome",
	[DW_TPL_MAIL_TEXT] = "mail.text",
	[DW_TPL_MAIL_HTML] = "mail.html",
	[DW_TPL_ITEM_TEXT] = "item.text",
	[DW_TPL_ITEM_HTML] = "item.html",
	[DW_TPL_BLOCKS_TEXT] = "blocks.text",
	[DW_TPL_BLOCKS_HTML] = "blocks.html",
	[DW_TPL_ROWS_TEXT] = "rows.text",
	[DW_TPL_ROWS_HTML] = "rows.html",
	[DW_TPL_TIMELINE_TEXT] = "timeline.text",
	[DW_TPL_TIMELINE_HTML] = "timeline.html",
};

/* A whole small file. 0; 1: there is none. */
static int read_file(struct dw_buf *out, const char *path, struct dw_err *err)
{
	char chunk[8192];
	struct stat st;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), e;

	if (fd < 0) {
		e = errno;
		return e == ENOENT || e == ENOTDIR ? 1 : dw_err_set(err, -e, "%s: %s", path, strerror(e));
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return dw_err_set(err, -EINVAL, "%s: not a regular file", path);
	}
	while ((n = read(fd, chunk, sizeof(chunk))) > 0 && out->n <= DW_TEMPLATE_TEXT_MAX)
		dw_buf_add(out, chunk, (size_t)n);
	e = errno;
	close(fd);
	if (n < 0)
		return dw_err_set(err, -e, "%s: %s", path, strerror(e));
	if (out->n && memchr(out->p, '\0', out->n))
		return dw_err_set(err, -EINVAL, "%s: holds a NUL byte, it must be text (UTF-8)", path);
	return out->failed ? dw_err_oom(err) : 0;
}

/* The folder of overrides: `templates` beside the config file. */
void dw_templates_folder(struct dw_buf *out, const struct dw_config *config)
{
	const char *slash = config->path ? strrchr(config->path, '/') : NULL;

	if (!config->path)
		dw_buf_puts(out, DW_SYSCONFDIR);
	else if (slash)
		dw_buf_add(out, config->path, (size_t)(slash - config->path));
	else
		dw_buf_puts(out, ".");
	dw_buf_puts(out, "/templates");
}

static const char *embedded(const char *language, const char *name)
{
	size_t n = strlen(language);

	for (const struct dw_embedded *e = dw_embedded_templates; e->name; e++)
		if (strncmp(e->name, language, n) == 0 && e->name[n] == '/' && strcmp(e->name + n + 1, name) == 0)
			return e->text;
	return NULL;
}

/* 0; 1: this language has none built in. */
static int load_embedded(struct dw_template **out, const char *language, const char *name, struct dw_err *err)
{
	const char *text = embedded(language, name);
	DW_BUF called = { 0 };

	if (!text)
		return 1;
	dw_buf_printf(&called, "%s/%s.mustache (built in)", language, name);
	return called.failed ? dw_err_oom(err) : dw_template_parse(out, called.p, text, err);
}

/* 0; 1: this language has no such template. */
static int load_one(struct dw_template **out, const struct dw_config *config, const char *language, const char *name,
		    struct dw_err *err)
{
	int r = 1;

	for (int i = 0; i < 2; i++) {
		DW_BUF path = { 0 }, file = { 0 };

		if (i == 0)
			dw_templates_folder(&path, config);
		else if (config->datadir)
			dw_buf_printf(&path, "%s/templates", config->datadir);
		else
			continue;
		dw_buf_printf(&path, "/%s/%s.mustache", language, name);
		if (path.failed)
			return dw_err_oom(err);
		r = read_file(&file, path.p, err);
		if (r < 0)
			return r;
		if (r == 0)
			return dw_template_parse(out, path.p, dw_buf_str(&file), err);
	}
	return load_embedded(out, language, name, err);
}

/* A language becomes part of a path. */
static bool language_ok(const char *language)
{
	size_t n = language ? strlen(language) : 0;

	return n > 0 && n < 16 &&
	       strspn(language, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == n;
}

static int built_in(struct dw_template **out, const char *language, const char *name, struct dw_err *err)
{
	int r = load_embedded(out, language, name, err);

	return r == 1 ? load_embedded(out, "en", name, err) : r;
}

int dw_templates_built_in(struct dw_templates *out, const char *language, struct dw_err *err)
{
	struct dw_templates t = { .words = dw_words_find(language) };
	int r = 0;

	memcpy(t.language, t.words->language, strlen(t.words->language) + 1);
	for (int i = 0; r >= 0 && i < DW_TPL_COUNT; i++)
		r = built_in(&t.tpl[i], t.language, names[i], err);
	if (r < 0)
		dw_templates_fini(&t);
	else
		*out = t;
	return r < 0 ? r : 0;
}

/* The language's own, else the English one, each with its override first. */
static int load_any(struct dw_template **out, const struct dw_config *config, const char *language, const char *name,
		    struct dw_err *err)
{
	int r = load_one(out, config, language, name, err);

	if (r == 1 && strcmp(language, "en") != 0)
		r = load_one(out, config, "en", name, err);
	return r == 1 ? dw_err_set(err, -ENOENT, "there is no template %s", name) : r;
}

int dw_templates_load(struct dw_templates *out, const struct dw_config *config, const char *language,
		      dw_template_complain_fn *complain, void *ctx, struct dw_err *err)
{
	struct dw_templates t = { 0 };
	struct dw_err wrong = { "" };
	int r = 0;

	language = language_ok(language) ? language : "en";
	memcpy(t.language, language, strlen(language) + 1);
	t.words = dw_words_find(language);
	for (int i = 0; r >= 0 && i < DW_TPL_COUNT; i++) {
		r = load_any(&t.tpl[i], config, language, names[i], &wrong);
		if (r >= 0)
			continue;
		if (!complain || dw_machine_short(r)) {
			dw_err_set(err, r, "%s", wrong.text);
			break;
		}
		complain(ctx, wrong.text);
		r = built_in(&t.tpl[i], language, names[i], err);
	}
	if (r < 0)
		dw_templates_fini(&t);
	else
		*out = t;
	return r < 0 ? r : 0;
}

void dw_templates_fini(struct dw_templates *t)
{
	for (int i = 0; i < DW_TPL_COUNT; i++) {
		dw_template_free(t->tpl[i]);
		t->tpl[i] = NULL;
	}
}

const char *dw_templates_name(enum dw_tpl which)
{
	return names[which];
}

int dw_templates_find(const char *name)
{
	for (int i = 0; i < DW_TPL_COUNT; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

const char *dw_templates_near(const char *name)
{
	return dw_near(name, names, DW_TPL_COUNT);
}

static const struct dw_template *find(const char *name, void *ctx)
{
	const struct dw_templates *t = ctx;
	int i = dw_templates_find(name);

	return i < 0 ? NULL : t->tpl[i];
}

int dw_templates_render(const struct dw_templates *t, enum dw_tpl which, const struct dw_tval *root, enum dw_escape escape,
			struct dw_buf *out, struct dw_err *err)
{
	if (t->learn && dw_names_learn(&t->learn[which], root) < 0)
		return dw_err_oom(err);
	return dw_template_render(t->tpl[which], root, find, (void *)t, escape, out, err);
}
