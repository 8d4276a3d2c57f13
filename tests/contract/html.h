/* Is that HTML what every mail program can show? Well-formed to the letter (expat: our templates are XML too), only
 * elements and attributes we mean, nothing loaded from anywhere, no scripts, and letters that stand out from what is
 * behind them, on white and in the dark. */
#ifndef HTML_H
#define HTML_H

#include <expat.h>
#include <math.h>

enum { HTML_DEPTH = 64, HTML_RULES = 64 };

struct html_rule {
	char name[32];
	long color, background; /* 0xrrggbb; -1: says nothing */
};

struct html_look {
	long color, background;
};

struct html_check {
	XML_Parser parser;
	const char *all;
	struct html_rule dark[HTML_RULES];
	size_t n_dark, depth, hidden; /* hidden: levels inside aria-hidden */
	struct html_look light_of[HTML_DEPTH], dark_of[HTML_DEPTH];
	char name[HTML_DEPTH][16];
	struct dw_buf text, css;
};

static bool html_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(s, *list) == 0)
			return true;
	return false;
}

static void html_fail(const struct html_check *c, const char *what, const char *detail)
{
	fail_msg("HTML line %lu: %s: %s", (unsigned long)XML_GetCurrentLineNumber(c->parser), what, detail);
}

/* "…;NAME:#rrggbb;…" of a style, or -1 */
static long html_colour(const char *style, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = style; (p = strstr(p, name)); p += n)
		if ((p == style || p[-1] == ';' || p[-1] == ' ') && p[n] == ':') {
			const char *v = p + n + 1;

			v += strspn(v, " ");
			return *v == '#' && strspn(v + 1, "0123456789abcdef") == 6 ? strtol(v + 1, NULL, 16) : -1;
		}
	return -1;
}

static double html_light(long c)
{
	double sum = 0;
	static const double weight[3] = { 0.2126, 0.7152, 0.0722 };

	for (int i = 0; i < 3; i++) {
		double v = (double)(c >> (16 - 8 * i) & 0xFF) / 255;

		sum += weight[i] * (v <= 0.03928 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
	}
	return sum;
}

static double html_contrast(struct html_look l)
{
	double a = html_light(l.color), b = html_light(l.background);

	return a > b ? (a + 0.05) / (b + 0.05) : (b + 0.05) / (a + 0.05);
}

/* The rules of the style block for the dark: ".dw-NAME { … }" lines behind the media query. */
static void html_read_dark(struct html_check *c)
{
	const char *p = strstr(c->all, "prefers-color-scheme: dark");

	for (p = p ? strchr(p, '\n') : NULL; p && strncmp(p, "\n.dw-", 5) == 0; p = strchr(p + 1, '\n')) {
		struct html_rule *r = &c->dark[c->n_dark++];
		size_t n = strcspn(p + 2, " ");
		char rule[256], again[300];

		assert_true(c->n_dark < HTML_RULES && n < sizeof(r->name));
		snprintf(r->name, sizeof(r->name), "%.*s", (int)n, p + 2);
		snprintf(rule, sizeof(rule), "%.*s", (int)strcspn(p + 1, "\n"), p + 1);
		snprintf(again, sizeof(again), "[data-ogsc] %s\n", rule);
		assert_non_null(strstr(c->all, again)); /* Outlook's own dark gets the same */
		r->color = html_colour(rule, "color");
		r->background = html_colour(rule, "background");
	}
}

static void html_attribute(struct html_check *c, const char *tag, const char *name, const char *value)
{
	static const char *const allowed[] = { "lang", "charset", "name", "content", "class", "style", "role", "width", "cellpadding",
					       "cellspacing", "border", "align", "valign", "bgcolor", "href", "dir",
					       "aria-hidden", NULL };
	static const char *const bad[] = { "url(", "expression", "@import", "position", "javascript", "<", NULL };

	if (!html_one_of(name, allowed))
		html_fail(c, tag, name);
	for (size_t i = 0; strcmp(name, "style") == 0 && bad[i]; i++)
		if (strstr(value, bad[i]))
			html_fail(c, "style", value);
	if (strcmp(name, "href") == 0 && strncmp(value, "http://", 7) != 0 && strncmp(value, "https://", 8) != 0 &&
	    strncmp(value, "mailto:", 7) != 0)
		html_fail(c, "href", value);
}

static void html_look_of(struct html_check *c, const char **attr)
{
	struct html_look *light = &c->light_of[c->depth], *dark = &c->dark_of[c->depth];

	if (c->depth > 0) {
		*light = c->light_of[c->depth - 1];
		*dark = c->dark_of[c->depth - 1];
	} else
		*light = *dark = (struct html_look){ 0x000000, 0xffffff };
	for (; attr[0]; attr += 2) {
		if (strcmp(attr[0], "style") == 0) {
			long color = html_colour(attr[1], "color"), background = html_colour(attr[1], "background");

			light->color = color >= 0 ? color : light->color;
			light->background = background >= 0 ? background : light->background;
			dark->color = color >= 0 ? color : dark->color;
			dark->background = background >= 0 ? background : dark->background;
		}
	}
}

static void html_dark_of(struct html_check *c, const char *classes)
{
	struct html_look *dark = &c->dark_of[c->depth];

	for (size_t i = 0; i < c->n_dark; i++) /* in the order of the rules: the last wins */
		for (const char *p = classes; (p = strstr(p, c->dark[i].name)); p++) {
			size_t n = strlen(c->dark[i].name);

			if ((p == classes || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0')) {
				dark->color = c->dark[i].color >= 0 ? c->dark[i].color : dark->color;
				dark->background = c->dark[i].background >= 0 ? c->dark[i].background : dark->background;
				break;
			}
		}
}

static void html_start(void *ctx, const char *tag, const char **attr)
{
	static const char *const allowed[] = { "html", "head", "meta", "title", "style", "body", "table", "tr", "td", "p", "h1", "h2",
					       "h3", "b", "a", "span", "br", "ol", "ul", "li", NULL };
	struct html_check *c = ctx;

	if (!html_one_of(tag, allowed))
		html_fail(c, "an element that isn't ours", tag);
	assert_true(c->depth < HTML_DEPTH);
	html_look_of(c, attr);
	snprintf(c->name[c->depth], sizeof(c->name[0]), "%s", tag);
	for (const char **a = attr; a[0]; a += 2) {
		html_attribute(c, tag, a[0], a[1]);
		if (strcmp(a[0], "class") == 0)
			html_dark_of(c, a[1]);
		if (strcmp(a[0], "aria-hidden") == 0)
			c->hidden = c->hidden ? c->hidden : c->depth + 1;
		if (strcmp(a[0], "href") == 0) { /* the text part writes a link out */
			dw_buf_puts(&c->text, a[1]);
			dw_buf_putc(&c->text, ' ');
		}
	}
	if (!html_one_of(tag, (const char *const[]){ "b", "a", "span", NULL }))
		dw_buf_putc(&c->text, ' ');
	c->depth++;
}

static void html_end(void *ctx, const char *tag)
{
	struct html_check *c = ctx;

	c->depth--;
	if (c->hidden == c->depth + 1)
		c->hidden = 0;
	if (!html_one_of(tag, (const char *const[]){ "b", "a", "span", NULL }))
		dw_buf_putc(&c->text, ' ');
}

static void html_text(void *ctx, const char *s, int n)
{
	struct html_check *c = ctx;
	const char *in = c->depth ? c->name[c->depth - 1] : "";
	struct html_look light, dark;
	char shown[80];

	if (strcmp(in, "style") == 0) {
		dw_buf_add(&c->css, s, (size_t)n);
		return;
	}
	if (strspn(s, " \n\t") >= (size_t)n || strcmp(in, "title") == 0 || c->depth == 0) {
		dw_buf_putc(&c->text, ' ');
		return;
	}
	light = c->light_of[c->depth - 1];
	dark = c->dark_of[c->depth - 1];
	snprintf(shown, sizeof(shown), "\"%.*s\" #%06lx on #%06lx, dark #%06lx on #%06lx", n < 30 ? n : 30, s, light.color,
		 light.background, dark.color, dark.background);
	if (strncmp(s, "\xC2\xA0", 2) != 0 && (html_contrast(light) < 4.5 || html_contrast(dark) < 4.5))
		html_fail(c, "hard to read", shown);
	if (!c->hidden)
		dw_buf_add(&c->text, s, (size_t)n);
}

/* Words that carry a fact: a date's year, a time, an amount, a number of an order. */
static bool html_is_fact(const char *w, size_t n)
{
	for (size_t i = 0; n >= 4 && i < n; i++)
		if (w[i] >= '0' && w[i] <= '9')
			return true;
	return false;
}

/* Every fact of a is in b, which may break a word anywhere blanks may stand. */
static void html_assert_facts(const char *a, const char *b, const char *who)
{
	DW_BUF flat = { 0 };

	for (; *b; b++)
		if (!strchr(" \r\n", *b))
			dw_buf_putc(&flat, *b);
	while (*a) {
		size_t n = strcspn(a, " \r\n");

		if (html_is_fact(a, n)) {
			DW_FREE char *word = dw_strndup(a, n);

			if (!strstr(dw_buf_str(&flat), word))
				fail_msg("%s lacks \"%s\"", who, word);
		}
		a += n + (a[n] != '\0');
	}
}

static void assert_html(const char *html, const char *text)
{
	struct html_check c = { .parser = XML_ParserCreate("UTF-8"), .all = html };
	static const char *const never[] = { "<script", "<img", "@import", "<link", "<iframe", "<form", NULL };

	html_read_dark(&c);
	assert_true(c.n_dark > 10);
	for (size_t i = 0; never[i]; i++)
		if (strstr(html, never[i]))
			fail_msg("the HTML has \"%s\"", never[i]);
	XML_SetUserData(c.parser, &c);
	XML_SetElementHandler(c.parser, html_start, html_end);
	XML_SetCharacterDataHandler(c.parser, html_text);
	if (XML_Parse(c.parser, html, (int)strlen(html), 1) != XML_STATUS_OK)
		html_fail(&c, "not well-formed", XML_ErrorString(XML_GetErrorCode(c.parser)));
	assert_null(strstr(dw_buf_str(&c.css), "url("));
	html_assert_facts(dw_buf_str(&c.text), text, "the text part");
	html_assert_facts(text, dw_buf_str(&c.text), "the HTML part");
	XML_ParserFree(c.parser);
	dw_buf_fini(&c.text);
	dw_buf_fini(&c.css);
}

#endif
