/* Any template over one fixed tree, which it may also take as its own partial: no crash, limits kept, a failed
 * rendering leaves nothing behind, names have lines the text has. */
#include <stdlib.h>

#include "duewatch/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static struct dw_tval *tree(void)
{
	struct dw_tval *root = dw_tval_map(), *list = dw_tval_list(), *a = dw_tval_map(), *b = dw_tval_map();

	dw_tval_set_text(b, "c", "<deep> & \"quoted\"");
	dw_tval_set(a, "b", b);
	dw_tval_set(root, "a", a);
	dw_tval_push_text(list, "1");
	dw_tval_push(list, dw_tval_list());
	dw_tval_push(list, dw_tval_map());
	dw_tval_set(root, "l", list);
	dw_tval_set_text(root, "t", "two\nlines");
	dw_tval_set_bool(root, "no", false);
	must(dw_tval_failed(root) == 0);
	return root;
}

static const struct dw_template *find_self(const char *name, void *ctx)
{
	return name[0] == 's' ? ctx : NULL;
}

static int check_use(const struct dw_template_use *u, void *ctx)
{
	const unsigned *lines = ctx;

	must(u->line >= 1 && u->line <= *lines && *u->name && u->n_in <= DW_TEMPLATE_NEST_MAX);
	for (size_t i = 0; i < u->n_in; i++)
		must(u->in[i][0] != '\0');
	return 0;
}

static void render(struct dw_template *tpl, const struct dw_tval *root, enum dw_escape escape)
{
	DW_BUF out = { 0 };
	struct dw_err err = { "" };
	int r;

	dw_buf_puts(&out, "kept");
	r = dw_template_render(tpl, root, find_self, tpl, escape, &out, &err);
	must(r == 0 || r == -EFBIG || r == -ELOOP);
	must((r < 0) == (err.text[0] != '\0'));
	must(r == 0 ? out.n <= DW_TEMPLATE_OUT_MAX + 4 : out.n == 4);
	must(memcmp(out.p, "kept", 4) == 0 && out.p[out.n] == '\0' && strlen(out.p) == out.n);
	must(dw_utf8_valid(out.p, out.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DW_CLEANUP(dw_template_freep) struct dw_template *tpl = NULL;
	DW_CLEANUP(dw_tval_freep) struct dw_tval *root = NULL;
	struct dw_err err = { "" };
	unsigned lines = 1;
	DW_BUF text = { 0 };
	int r;

	dw_buf_add(&text, data, size);
	for (const char *c = text.p; *c; c++)
		lines += *c == '\n';
	r = dw_template_parse(&tpl, "fuzz", text.p, &err);
	must(r == 0 || r == -EINVAL || r == -EFBIG);
	must((r < 0) == (err.text[0] != '\0') && (r < 0) == !tpl);
	if (r < 0)
		return 0;
	must(dw_template_names(tpl, check_use, &lines) == 0);
	root = tree();
	render(tpl, root, DW_ESCAPE_NONE);
	render(tpl, root, DW_ESCAPE_HTML);
	return 0;
}
