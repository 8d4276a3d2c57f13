/* One config file: text, explanation, libconfig's tree, with each setting's true line. */
#include "config-impl.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { SETTINGS_MAX = 20000 };

static void file_free(struct conf_file *f)
{
	config_destroy(&f->tree);
	conf_text_fini(&f->text);
	free(f);
}

void conf_files_fini(struct conf_read *rd)
{
	for (size_t i = 0; i < rd->n_file; i++)
		file_free(rd->file[i]);
	free(rd->file);
}

/* libconfig notes where its parser stood, often a line or more after the value. Same order, so: replace. */
static size_t true_lines(config_setting_t *s, const struct conf_syntax *x, size_t k, bool write)
{
	int n = config_setting_is_aggregate(s) ? config_setting_length(s) : 0;

	for (int i = 0; i < n; i++) {
		config_setting_t *e = config_setting_get_elem(s, (unsigned)i);

		if (write && k < x->n_line)
			e->line = x->line[k];
		k = true_lines(e, x, k + 1, write);
	}
	return k;
}

static void move_problems(struct conf_read *rd, struct dw_problems *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (dw_problems_add(rd->problems, from->p[i].warning, from->p[i].file, from->p[i].line, "%s", from->p[i].text) < 0)
			rd->oom = true;
}

static _Thread_local bool in_libconfig;

/* libconfig's scanner ends the program with 2 where it finds no memory (1.5 knows no other way): a wrong config to
 * systemd, which then wouldn't start us again. It has said why. */
static void at_end(int status, void *unused)
{
	(void)status;
	(void)unused;
	if (in_libconfig)
		_exit(1);
}

static void watch_end(void)
{
	on_exit(at_end, NULL);
}

static bool read_tree(struct conf_file *f, const char *text)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	bool good;

	pthread_once(&once, watch_end);
	config_destroy(&f->tree);
	config_init(&f->tree);
	in_libconfig = true;
	good = config_read_string(&f->tree, text);
	in_libconfig = false;
	return good;
}

/* What our own look at the grammar complains of never reaches libconfig as it stands (1.5 leaks the texts it was
 * joining when it fails), but as it was probably meant: then the values are checked in the same run. */
static bool parse(struct conf_read *rd, struct conf_file *f, struct conf_syntax *x, struct dw_problems *syntax,
		  const struct dw_problems *always)
{
	const char *text;

	if (x->n_line > SETTINGS_MAX) { /* libconfig looks through all names of a group for each new one */
		conf_say_at(rd, &f->text, 1, false, "more than %d settings, which is the limit", SETTINGS_MAX);
		return false;
	}
	if (syntax->n > 0) {
		move_problems(rd, syntax);
		return !x->hopeless && read_tree(f, dw_buf_str(&x->mended));
	}
	if (read_tree(f, dw_buf_str(always->n > 0 ? &x->mended : &f->text.text)))
		return true;
	text = config_error_text(&f->tree);
	conf_say_at(rd, &f->text, config_error_line(&f->tree), false,
		    "%s (look at this line and the one before it: a missing quote, comma or bracket?)",
		    text ? text : "syntax error");
	return false;
}

struct conf_file *conf_parse(struct conf_read *rd, const char *path)
{
	struct dw_problems syntax = { 0 }, always = { 0 };
	struct conf_syntax x = { 0 };
	struct conf_file *f = dw_calloc(1, sizeof(*f));
	bool good = false;

	if (!f || dw_grow(&rd->file, &rd->cap_file, rd->n_file + 1, sizeof(struct conf_file *)) < 0) {
		free(f);
		rd->oom = true;
		return NULL;
	}
	config_init(&f->tree);
	rd->file[rd->n_file++] = f;
	if (conf_text_read(rd, &f->text, path) == 0) {
		if (conf_syntax_check(&x, rd, &f->text, &syntax, &always) < 0)
			rd->oom = true;
		else {
			good = parse(rd, f, &x, &syntax, &always);
			move_problems(rd, &always);
		}
	}
	if (good && true_lines(config_root_setting(&f->tree), &x, 0, false) == x.n_line)
		true_lines(config_root_setting(&f->tree), &x, 0, true);
	dw_problems_fini(&syntax);
	dw_problems_fini(&always);
	conf_syntax_fini(&x);
	return good && !rd->oom ? f : NULL;
}
