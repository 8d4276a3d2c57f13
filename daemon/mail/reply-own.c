/* reply-impl.h: of a mail's text what the person wrote. Mail programs put the mail they answer below (or above) and mark it
 * by words only; each has its own. A mark too many loses a line, which the answer to the person tells; one too few would
 * read our own mail's examples as the person's commands, so these are cut generously. */
#include "compose-impl.h"
#include "reply-impl.h"

enum { AHEAD = 4 /* lines a header block or a wrapped "On … wrote:" may take */ };

/* A text cut into lines without their ends, trimmed. */
struct lines {
	char *copy;
	char **p;
	size_t n, cap;
};

static void lines_fini(struct lines *l)
{
	free(l->copy);
	free(l->p);
}

/* Blanks of all kinds at both ends; NUL at the line's end. */
static char *trimmed(char *s)
{
	size_t n;

	for (;;) {
		if (*s == ' ' || *s == '\t' || *s == '\r')
			s++;
		else if (strncmp(s, "\xC2\xA0", 2) == 0)
			s += 2;
		else if (strncmp(s, "\xE3\x80\x80", 3) == 0 || strncmp(s, "\xE2\x80\x8B", 3) == 0 || strncmp(s, "\xEF\xBB\xBF", 3) == 0)
			s += 3;
		else
			break;
	}
	for (n = strlen(s); n; s[n] = '\0')
		if (strchr(" \t\r", s[n - 1]))
			n--;
		else if (n >= 2 && memcmp(s + n - 2, "\xC2\xA0", 2) == 0)
			n -= 2;
		else if (n >= 3 && memcmp(s + n - 3, "\xE3\x80\x80", 3) == 0)
			n -= 3;
		else
			break;
	s[n] = '\0';
	return s;
}

static int cut(struct lines *l, const char *text)
{
	char *rest, *line;

	l->copy = dw_strdup(text);
	if (!l->copy)
		return -ENOMEM;
	rest = l->copy;
	while ((line = strsep(&rest, "\n")) && l->n < DW_IN_LINES_MAX) {
		if (dw_grow(&l->p, &l->cap, l->n + 1, sizeof(*l->p)) < 0)
			return -ENOMEM;
		l->p[l->n++] = trimmed(line);
	}
	return 0;
}

static bool begins(const char *s, const char *with)
{
	return g_ascii_strncasecmp(s, with, strlen(with)) == 0;
}

static bool ends(const char *s, const char *with)
{
	size_t n = strlen(s), m = strlen(with);

	return n >= m && g_ascii_strcasecmp(s + n - m, with) == 0;
}

/* ---- where another's mail begins ---- */

/* "-----Original Message-----", "------------------ 原始邮件 ------------------", "________________________________",
 * "---- Replied Message ----": dashes at both ends, or nothing else. */
static bool is_rule(const char *s)
{
	static const char marks[] = "-_=*";
	const char *mark = *s ? strchr(marks, *s) : NULL;
	size_t n = strlen(s), front, back = 0;

	if (!mark)
		return false;
	front = strspn(s, (char[]){ *mark, '\0' });
	while (back < n - front && s[n - 1 - back] == *mark)
		back++;
	if (front == n)
		return n >= 10;
	return front >= 3 && back >= 3 && n < 200;
}

/* "From: …", "*From:* …", "发件人：…", "| From | …": what Outlook and its like put above the old mail. */
static bool is_field(const char *s, const char *const *names)
{
	s += strspn(s, "*|> \t");
	for (; *names; names++) {
		size_t n = strlen(*names);
		const char *p = s + n;

		if (g_ascii_strncasecmp(s, *names, n) != 0)
			continue;
		p += strspn(p, "* \t");
		if (*p == ':' || *p == '|' || strncmp(p, "：", 3) == 0 || strncmp(p, "\xC2\xA0:", 3) == 0)
			return true;
	}
	return false;
}

static const char *const from_names[] = { "from", "发件人", "从", "寄件者", "寄件人", "von", "de", NULL };
static const char *const other_names[] = { "sent", "date", "to", "cc", "subject", "发送时间", "发送日期", "已发送", "日期", "时间", "收件人",
					   "抄送", "主题", "寄件日期", "收件者", "副本", "主旨", "gesendet", "an", "betreff",
					   "envoyé", "à", "objet", NULL };

static bool is_header_block(const struct lines *l, size_t i)
{
	int fields = 0;

	if (!is_field(l->p[i], from_names))
		return false;
	for (size_t k = i + 1; k < l->n && k <= i + 2 * AHEAD; k++)
		fields += is_field(l->p[k], other_names);
	return fields >= 1;
}

/* "On Wed, 25 Nov 2026 at 09:30, Duewatch <…> wrote:", "在 2026年11月25日，09:30，… 写道：": maybe wrapped. It says when or
 * who. Returns how many lines it takes, 0: it is none. */
static size_t attribution(const struct lines *l, size_t i)
{
	static const char *const endings[] = { "wrote:", "writes:", "写道:", "写道：", "寫道:", "寫道：", "写到：", "写到:", "schrieb:",
					       "a écrit :", "a écrit\xC2\xA0:", "escribió:", "wrote：" };
	static const char *const starts[] = { "on ", "at ", "am ", "le ", "el ", "在", "于" };
	bool fact = false, may_wrap = strpbrk(l->p[i], "<@") != NULL;

	for (size_t b = 0; b < DW_COUNT(starts); b++)
		may_wrap |= begins(l->p[i], starts[b]);
	for (size_t k = i; k < l->n && k < i + (may_wrap ? AHEAD : 1); k++) {
		const char *s = l->p[k];

		if (*s == '\0' || *s == '>' || strlen(s) > 400)
			return 0;
		fact |= strpbrk(s, "0123456789@<") != NULL;
		for (size_t e = 0; e < DW_COUNT(endings); e++)
			if (fact && ends(s, endings[e]))
				return k - i + 1;
	}
	return 0;
}

static bool is_signature(const char *s)
{
	static const char *const starts[] = { "sent from my ", "sent from mail for ", "sent from outlook", "sent from yahoo", "sent from gmail",
					      "sent from samsung", "sent from wechat", "sent with proton", "sent via ", "sent using ",
					      "get outlook for ", "从我的", "發自", "发自", "来自我的", "來自我的", "发送自", "發送自",
					      "获取 outlook", "获取outlook", "取得 outlook", "下载 outlook", "begin forwarded message",
					      "开始转发的邮件", "从 windows 版邮件发送" };

	if (strcmp(s, "--") == 0 || strcmp(s, "——") == 0 || strcmp(s, "- -") == 0 || strcmp(s, "---") == 0)
		return true;
	for (size_t i = 0; i < DW_COUNT(starts); i++)
		if (begins(s, starts[i]))
			return strlen(s) < 120;
	return false;
}

/* ---- what a person writes without meaning us ---- */

static bool among(const char *s, const char *const *list, size_t n)
{
	size_t len = strlen(s);

	while (len && (strchr(" .,!;:~", s[len - 1])))
		len--;
	for (;;) {
		if (len >= 3 && (memcmp(s + len - 3, "，", 3) == 0 || memcmp(s + len - 3, "。", 3) == 0 || memcmp(s + len - 3, "！", 3) == 0 ||
				 memcmp(s + len - 3, "：", 3) == 0))
			len -= 3;
		else
			break;
	}
	for (size_t i = 0; i < n; i++)
		if (strlen(list[i]) == len && g_ascii_strncasecmp(s, list[i], len) == 0)
			return true;
	return false;
}

/* Asks for no answer. */
static bool is_courtesy(const char *s)
{
	static const char *const words[] = { "hi", "hello", "hi duewatch", "hello duewatch", "dear duewatch", "hi there", "hi all", "dear all",
					     "good morning", "good afternoon", "good evening", "你好", "您好", "大家好", "早上好", "下午好", "duewatch",
					     "" };

	return among(s, words, DW_COUNT(words));
}

static bool is_thanks(const char *s)
{
	static const char *const words[] = { "thanks", "thank you", "thanks a lot", "thx", "many thanks", "谢谢", "多谢", "感谢", "謝謝",
					     "辛苦了" };

	return among(s, words, DW_COUNT(words));
}

bool dw_reply_is_name(const char *s, const char *name, const char *address)
{
	size_t n = strlen(s);

	while (n && strchr(" .,!-", s[n - 1]))
		n--;
	if (n < 2)
		return false;
	if (address && strlen(address) == n && g_ascii_strncasecmp(s, address, n) == 0)
		return true;
	if (name && strlen(name) == n && g_ascii_strncasecmp(s, name, n) == 0)
		return true;
	while (name && *name) { /* one word of it */
		size_t k = strcspn(name, " ,");

		if (k == n && g_ascii_strncasecmp(s, name, n) == 0)
			return true;
		name += k;
		name += strspn(name, " ,");
	}
	return false;
}

/* Behind these come a name and a company, never a command. */
static bool is_closing(const char *s)
{
	static const char *const words[] = { "best", "best regards", "kind regards", "regards", "with best regards", "warm regards", "cheers",
					     "br", "sincerely", "yours sincerely", "best wishes", "此致", "敬礼", "祝好", "祝商祺", "顺颂商祺",
					     "此致 敬礼", "致礼", "祝工作顺利" };

	return among(s, words, DW_COUNT(words));
}

/* ---- tokens ---- */

static bool token_char(char c)
{
	return g_ascii_isalnum(c) || c == '-' || c == '_';
}

const char *dw_reply_token(const char *s, size_t *n)
{
	enum { PREFIX = 4, LEAST = 30 };

	for (const char *p = s; (p = strstr(p, "dw1-")); p += PREFIX) {
		if (p > s && token_char(p[-1]))
			continue;
		for (*n = 0; token_char(p[*n]);)
			++*n;
		if (*n >= LEAST && *n < DW_TOKEN_TEXT)
			return p;
	}
	return NULL;
}

/* Our own mail without a mark of its program: a link of ours (html-text.c writes the address down), a section's heading, the
 * last line. Nobody types these. */
static bool is_ours(const char *s)
{
	return (strstr(s, "mailto:") && strstr(s, "dw1-")) || (begins(s, "==== ") && ends(s, " ====")) ||
	       (begins(s, "sent to ") && strstr(s, " by duewatch.")) || strstr(s, "由 duewatch 发送给");
}

/* ---- the story ---- */

static bool quoted_next(const struct lines *l, size_t i)
{
	while (i < l->n && !*l->p[i])
		i++;
	return i < l->n && *l->p[i] == '>';
}

/* The first line at or after *i that is the person's; false: there is none left. *thanks: some stood before it. */
static bool next_line(const struct lines *l, size_t *i, bool *thanks)
{
	for (; *i < l->n; ++*i) {
		const char *s = l->p[*i];
		size_t n;

		if (!*s || *s == '>')
			continue;
		if (is_rule(s) || is_signature(s) || is_header_block(l, *i) || is_ours(s))
			return false;
		n = attribution(l, *i);
		if (n && !quoted_next(l, *i + n))
			return false; /* what follows is another's without a mark */
		if (n) {
			*i += n - 1;
			continue;
		}
		if (is_closing(s))
			return false;
		if (is_thanks(s))
			*thanks = true;
		else if (!is_courtesy(s))
			return true;
	}
	return false;
}

/* Where our mail stands below without a mark, its first lines can't be told from the person's, and they hold what strangers
 * wrote: a buyer may be called "close". */
static bool holds_ours(const struct lines *l)
{
	bool thanks = false;
	size_t i = 0;

	while (next_line(l, &i, &thanks))
		i++;
	return i < l->n && is_ours(l->p[i]);
}

int dw_reply_own(const char *text, int (*line)(void *ctx, const char *s, bool last), void *ctx)
{
	DW_CLEANUP(lines_fini) struct lines l = { 0 };
	bool any = false, thanks = false;
	int r = cut(&l, text), own = 0, most = r == 0 && holds_ours(&l) ? 1 : DW_IN_OWN_MAX;

	for (size_t i = 0; r == 0 && own < most && next_line(&l, &i, &thanks); i++, own++) {
		DW_BUF clean = { 0 };

		dw_scrub(&clean, l.p[i], DW_IN_LINE_MAX);
		if (clean.failed)
			return -ENOMEM;
		if (clean.n)
			r = line(ctx, clean.p, any && thanks);
		any = true;
	}
	return r;
}
