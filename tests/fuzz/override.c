/* Any text in the place of one of our templates (the first byte says which): checking its names ends, and says each
 * problem with a line the text has. */
#include <stdio.h>
#include <stdlib.h>

#include "../../daemon/mail/compose-impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static struct dw_names learn[DW_TPL_COUNT];
static struct dw_composer *c;
static struct dw_samples *samples;

static void none(void *ctx, const char *problem)
{
	(void)ctx;
	fprintf(stderr, "%s\n", problem);
	abort(); /* ours are fine */
}

static void close_up(void)
{
	for (int i = 0; i < DW_TPL_COUNT; i++)
		dw_names_fini(&learn[i]);
	dw_composer_free(c);
	dw_samples_free(samples);
}

static void open_up(void)
{
	const struct dw_config config = { .path = (char *)"/nonexistent/duewatch.conf", .mail = { .from_address = (char *)"d@example.com" } };
	struct dw_err err = { "" };

	must(dw_samples_new(&samples, &config, "en", &err) == 0);
	must((c = dw_calloc(1, sizeof(*c))));
	must(dw_templates_built_in(&c->set[0], "en", &err) == 0);
	c->config = dw_samples_config(samples);
	c->n = 1;
	c->set[0].learn = learn;
	must(dw_samples_compose(samples, c, none, NULL, &err) == 0);
	must(dw_names_check(&c->set[0], none, NULL) == 0);
	atexit(close_up);
}

static void told(void *ctx, const char *problem)
{
	const unsigned *lines = ctx;
	const char *at = strstr(problem, "fuzz:");
	unsigned line = at ? (unsigned)strtoul(at + 5, NULL, 10) : 1;

	must(line >= 1 && line <= *lines);
	must(dw_utf8_valid(problem, strlen(problem)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DW_CLEANUP(dw_template_freep) struct dw_template *tpl = NULL;
	struct dw_template *ours;
	unsigned lines = 1;
	DW_BUF text = { 0 };
	int which;

	if (!c)
		open_up();
	if (size == 0)
		return 0;
	which = data[0] % DW_TPL_COUNT;
	dw_buf_add(&text, data + 1, size - 1);
	for (const char *p = dw_buf_str(&text); *p; p++)
		lines += *p == '\n';
	if (dw_template_parse(&tpl, "fuzz", dw_buf_str(&text), NULL) < 0)
		return 0;
	ours = c->set[0].tpl[which];
	c->set[0].tpl[which] = tpl;
	must(dw_names_check(&c->set[0], told, &lines) == 0);
	c->set[0].tpl[which] = ours;
	return 0;
}
