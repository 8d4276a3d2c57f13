/* Rendered sentences become blocks that both layouts set: text and HTML differ in marks, never in words. */
#include "compose-impl.h"

struct group {
	struct dw_tval *blocks; /* list */
	struct dw_tval *lines;	/* of the list being gathered, or NULL */
	char kind;		/* its mark */
	int number;
};

static const char *group_name(char kind)
{
	return kind == '+' ? "b_steps" : kind == '-' ? "b_points" : kind == '@' ? "b_links" : "b_paste";
}

static void end_group(struct group *g)
{
	struct dw_tval *map, *holder;

	if (!g->lines)
		return;
	map = dw_tval_map();
	holder = dw_tval_map();
	dw_tval_set(holder, "lines", g->lines);
	dw_tval_set(map, group_name(g->kind), holder);
	dw_tval_push(g->blocks, map);
	g->lines = NULL;
}

static void add_line(struct group *g, char kind, const char *url, const char *text)
{
	struct dw_tval *line;

	if (g->lines && g->kind != kind)
		end_group(g);
	if (!g->lines) {
		g->lines = dw_tval_list();
		g->kind = kind;
		g->number = 0;
	}
	line = dw_tval_map();
	dw_tval_set_text(line, "text", text);
	if (url)
		dw_tval_set_text(line, "mailto", url);
	if (kind == '+')
		dw_tval_set_int(line, "i", ++g->number);
	dw_tval_push(g->lines, line);
}

/* "mailto:… words": a link of compose-answer.c's making, which nothing of an order's can look like; else it is a point. */
static void add_link(struct group *g, char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~@+%?&=:";
	size_t n = strcspn(text, " ");
	bool link = strncmp(text, "mailto:", 7) == 0 && strspn(text, allowed) == n;

	if (!text[n])
		return;
	text[n] = '\0';
	add_line(g, link ? '@' : '-', link ? text : NULL, text + n + 1);
}

static void add_paragraph(struct group *g, const char *name, const char *text)
{
	struct dw_tval *map = dw_tval_map();

	end_group(g);
	dw_tval_set_text(map, name, text);
	dw_tval_push(g->blocks, map);
}

/* One line, its mark still on it. */
static void take_line(struct dw_tval *map, struct group *g, char *line, bool *any)
{
	char mark = line[0] && line[1] == ' ' ? line[0] : '\0';
	size_t n = strlen(line);

	while (n && line[n - 1] == ' ')
		line[--n] = '\0';
	if (n == 0 || (n == 1 && strchr("#!*+-$|@", *line) && *line != '|'))
		return; /* a mark without words: its value was empty */
	if (mark == '#') {
		dw_tval_set_text(map, "heading", line + 2);
		return;
	}
	*any = true;
	if (*line == '|')
		add_line(g, '|', NULL, n > 1 ? line + 2 : "");
	else if (mark == '+' || mark == '-')
		add_line(g, mark, NULL, line + 2);
	else if (mark == '@')
		add_link(g, line + 2);
	else if (mark == '!')
		add_paragraph(g, "b_strong", line + 2);
	else if (mark == '*')
		add_paragraph(g, "b_bold", line + 2);
	else if (mark == '$')
		add_paragraph(g, "b_command", line + 2);
	else
		add_paragraph(g, "b_text", line);
}

int dw_blocks(struct dw_tval *map, const char *rendered, bool *any)
{
	DW_FREE char *copy = dw_strdup(rendered);
	struct group g = { .blocks = dw_tval_list() };
	char *rest = copy, *line;

	*any = false;
	dw_tval_set_text(map, "heading", ""); /* there, so that a missing one isn't looked for further out */
	while (rest && (line = strsep(&rest, "\n"))) {
		while (*line == ' ')
			line++;
		take_line(map, &g, line, any);
	}
	end_group(&g);
	return dw_tval_set(map, "blocks", g.blocks) < 0 || !copy ? -ENOMEM : 0;
}
