/* reply-impl.h: a page's text, by libxml2's HTML parser as a stream of events: no tree, no network, no entities of the
 * page's own. What mail programs mark as quoted or as a signature is left out here, where the mark can be seen; what they
 * only write as words is reply-own.c's. */
#include "reply-impl.h"

#include <libxml/HTMLparser.h>
#include <pthread.h>

struct page {
	struct dw_buf *out;
	int depth;
	int skip_from; /* depth of the element whose inside is left out; 0: none */
	int pre;       /* <pre> open */
	bool ended;    /* the rest of the page is another's */
	bool blank;    /* the last thing written was a blank or a line end */
};

/* ---- which elements ---- */

static bool among(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (g_ascii_strcasecmp(name, *list) == 0)
			return true;
	return false;
}

static const char *attribute(const xmlChar **atts, const char *name)
{
	for (; atts && atts[0]; atts += 2)
		if (g_ascii_strcasecmp((const char *)atts[0], name) == 0)
			return atts[1] ? (const char *)atts[1] : "";
	return "";
}

/* Is `word` one of the blank-separated words of s? */
static bool has_word(const char *s, const char *word)
{
	size_t n = strlen(word);

	for (s += strspn(s, " \t\n"); *s; s += strspn(s, " \t\n")) {
		size_t k = strcspn(s, " \t\n");

		if (k == n && g_ascii_strncasecmp(s, word, n) == 0)
			return true;
		s += k;
	}
	return false;
}

/* Inside is another's mail or a signature: the program's own marks. */
static bool is_quote(const char *name, const xmlChar **atts)
{
	static const char *const elements[] = { "blockquote", "includetail", NULL };
	static const char *const classes[] = { "gmail_quote", "gmail_quote_container", "gmail_attr", "gmail_signature",
					       "gmail_signature_prefix", "yahoo_quoted", "moz-cite-prefix", "moz-signature",
					       "protonmail_quote", "protonmail_signature_block", "protonmail_signature_block-user",
					       "ntes-mailmaster-quote", "zmail_extra", "ms-outlook-mobile-reference-message",
					       "alimail-quote", "foxmail-quote", "xm_write_quote", "lark-mail-quote",
					       "history-quote-wrapper", "sh-quoted-content" };
	static const char *const ids[] = { "isReplyContent", "Signature", "ms-outlook-mobile-signature", "ntes-pcmail-signature",
					   "ntes-mobile-signature", "AppleMailSignature", "mail-editor-reference-message-container",
					   "ydpsignature" };
	static const char *const names[] = { "messageReplySection", "messageSignatureSection", NULL };
	const char *class = attribute(atts, "class"), *id = attribute(atts, "id");

	if (among(name, elements) || among(attribute(atts, "name"), names))
		return true;
	for (size_t i = 0; i < DW_COUNT(classes); i++)
		if (has_word(class, classes[i]))
			return true;
	for (size_t i = 0; i < DW_COUNT(ids); i++)
		if (g_ascii_strcasecmp(id, ids[i]) == 0)
			return true;
	return false;
}

/* From here on everything is another's: Outlook puts the old mail beside its mark, not inside. "x_" is its own prefix
 * of what was a mark in a mail before. */
static bool is_end(const xmlChar **atts)
{
	static const char *const ids[] = { "divRplyFwdMsg", "x_divRplyFwdMsg", "appendonsend", "OLK_SRC_BODY_SECTION", "reply-intro",
					   "replybody", "zwchr" };
	const char *id = attribute(atts, "id");

	for (size_t i = 0; i < DW_COUNT(ids); i++)
		if (g_ascii_strcasecmp(id, ids[i]) == 0)
			return true;
	return false;
}

/* What a reader doesn't see: a preheader, a page's machinery. */
static bool is_hidden(const char *name, const xmlChar **atts)
{
	static const char *const elements[] = { "head", "style", "script", "title", "noscript", "template", "object", "svg", "select",
						"textarea", "iframe", NULL };
	const char *style = attribute(atts, "style");
	char plain[256];
	size_t n = 0;

	for (; *style && n + 1 < sizeof(plain); style++)
		if (!g_ascii_isspace(*style))
			plain[n++] = g_ascii_tolower(*style);
	plain[n] = '\0';
	return among(name, elements) || strstr(plain, "display:none") || strstr(plain, "visibility:hidden") ||
	       strstr(plain, "font-size:0;") || strstr(plain, "mso-hide:all");
}

static bool is_block(const char *name)
{
	static const char *const elements[] = { "p", "div", "br", "tr", "table", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6",
						"pre", "hr", "dl", "dt", "dd", "center", "address", "section", "article", "header",
						"footer", "form", "tbody", "thead", "body", "blockquote", NULL };

	return among(name, elements);
}

/* ---- writing ---- */

static void newline(struct page *p)
{
	if (p->out->n < DW_IN_TEXT_MAX && p->out->n && p->out->p[p->out->n - 1] != '\n')
		dw_buf_putc(p->out, '\n');
	p->blank = true;
}

static bool silent(const struct page *p)
{
	return p->skip_from || p->ended || p->out->n >= DW_IN_TEXT_MAX;
}

/* A link of ours outside of any quote: this is our own mail, which no program has marked (reply-own.c). */
static void mark_ours(struct page *p, const char *name, const xmlChar **atts)
{
	const char *href = attribute(atts, "href");

	if (g_ascii_strcasecmp(name, "a") != 0 || g_ascii_strncasecmp(href, "mailto:", 7) != 0 || !strstr(href, "dw1-"))
		return;
	newline(p);
	dw_buf_puts(p->out, "mailto:dw1-\n");
}

static void on_start(void *ctx, const xmlChar *xname, const xmlChar **atts)
{
	struct page *p = ctx;
	const char *name = (const char *)xname;

	p->depth++;
	if (silent(p))
		return;
	if (is_end(atts)) {
		p->ended = true;
		return;
	}
	if (is_hidden(name, atts) || is_quote(name, atts)) {
		newline(p);
		p->skip_from = p->depth;
		return;
	}
	mark_ours(p, name, atts);
	p->pre += g_ascii_strcasecmp(name, "pre") == 0;
	if (g_ascii_strcasecmp(name, "br") == 0) {
		dw_buf_putc(p->out, '\n');
		p->blank = true;
	} else if (is_block(name))
		newline(p);
	else if (g_ascii_strcasecmp(name, "td") == 0 || g_ascii_strcasecmp(name, "th") == 0) {
		dw_buf_putc(p->out, ' ');
		p->blank = true;
	}
}

static void on_end(void *ctx, const xmlChar *xname)
{
	struct page *p = ctx;
	const char *name = (const char *)xname;

	if (p->skip_from == p->depth)
		p->skip_from = 0;
	else if (!silent(p)) {
		p->pre -= p->pre > 0 && g_ascii_strcasecmp(name, "pre") == 0;
		if (is_block(name) && g_ascii_strcasecmp(name, "br") != 0)
			newline(p);
	}
	p->depth -= p->depth > 0;
}

static void on_text(void *ctx, const xmlChar *s, int len)
{
	struct page *p = ctx;

	if (silent(p))
		return;
	for (int i = 0; i < len && p->out->n < DW_IN_TEXT_MAX; i++) {
		bool space = s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r';

		if (!space || p->pre) {
			dw_buf_putc(p->out, (char)s[i]);
			p->blank = false;
		} else if (!p->blank) {
			dw_buf_putc(p->out, ' ');
			p->blank = true;
		}
	}
}

static void on_problem(void *ctx, const char *msg, ...)
{
	(void)ctx; /* mails are tag soup: nobody is to be told */
	(void)msg;
}

static void init_once(void)
{
	xmlInitParser();
}

int dw_html_text(struct dw_buf *out, const char *html, size_t n)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct page page = { .out = out, .blank = true };
	htmlSAXHandler sax = { .startElement = on_start, .endElement = on_end, .characters = on_text, .ignorableWhitespace = on_text,
			       .cdataBlock = NULL, .error = on_problem, .warning = on_problem, .fatalError = on_problem };
	htmlParserCtxtPtr parser;
	bool oom;

	pthread_once(&once, init_once);
	if (n == 0)
		return 0;
	parser = htmlCreatePushParserCtxt(&sax, &page, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
	if (!parser)
		return -ENOMEM;
	/* the page's own word on its encoding is of before we converted it */
	htmlCtxtUseOptions(parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
					   HTML_PARSE_IGNORE_ENC | HTML_PARSE_NODEFDTD);
	htmlParseChunk(parser, html, (int)n, 1);
	oom = parser->errNo == XML_ERR_NO_MEMORY;
	if (parser->myDoc)
		xmlFreeDoc(parser->myDoc);
	htmlFreeParserCtxt(parser);
	return oom || out->failed ? -ENOMEM : 0;
}
