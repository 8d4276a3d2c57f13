/* reply.h: one line as a command. Whole lines only: a verb, what it takes, an order's number, a word of thanks, and nothing
 * else. Words that could be meant two ways are none ("ok", "确认": on it, or "yes, it leaves in time"?). */
#include "command-impl.h"

#include <stdio.h>

enum { BYTES_MAX = 900, ORDER_MIN = 4, ORDER_DIGITS = 4 };

#define WORDS(...) (const char *const[]){ __VA_ARGS__, NULL }

const struct dw_verb_info dw_verbs[DW_VERB_COUNT] = {
	[DW_VERB_ACK] = { .name = "ack", .takes_span = true,
		.words = WORDS("ack", "acknowledge", "acknowledged", "got it", "on it", "i'm on it", "im on it", "i am on it",
			       "working on it", "收到", "已收到通知", "确认收到", "知道了", "我来处理", "处理中", "正在处理",
			       "在处理", "我在处理", "確認收到", "我來處理", "處理中", "正在處理") },
	[DW_VERB_SHIP] = { .name = "ship", .wants_date = true,
		.words = WORDS("ship", "ships", "shipping", "will ship", "expected to ship", "发货", "预计发货", "将发货", "出货",
			       "预计出货", "發貨", "預計發貨", "出貨", "預計出貨") },
	[DW_VERB_AGREED] = { .name = "agreed", .wants_date = true,
		.words = WORDS("agreed", "buyer agreed", "已同意", "买家同意", "买家已同意", "客户同意", "客户已同意", "買家同意",
			       "買家已同意", "客戶同意", "客戶已同意") },
	[DW_VERB_FILED] = { .name = "filed", .wants_date = true,
		.words = WORDS("filed", "extension filed", "extension requested", "已申请延期", "已提交延期", "已提交", "已申请",
			       "已申請延期", "已申請") },
	[DW_VERB_ARRIVES] = { .name = "arrives", .wants_date = true,
		.words = WORDS("arrives", "arrive", "arriving", "will arrive", "eta", "到货", "预计到货", "到达", "预计到达", "抵达",
			       "预计抵达", "到貨", "預計到貨", "到達", "預計到達", "抵達", "預計抵達") },
	[DW_VERB_YES] = { .name = "yes",
		.words = WORDS("yes", "yes it will", "yes it does", "yes on time", "yes in time", "on time", "in time", "是", "是的",
			       "能", "能的", "可以", "可以的", "能按时", "按时", "能按时发货", "按时发货", "可以按时发货",
			       "会按时发货", "准时", "准时发货", "能按時", "按時", "按時發貨", "能按時發貨", "可以按時發貨",
			       "準時", "準時發貨") },
	[DW_VERB_CLOSE] = { .name = "close",
		.words = WORDS("close", "closed", "settled", "关闭", "已解决", "已结案", "結案", "结案", "關閉", "已解決", "已結案") },
};

const char *const dw_why_names[DW_WHY_COUNT] = {
	[DW_WHY_MORE] = "more",
	[DW_WHY_QUESTION] = "question",
	[DW_WHY_TWO_WAYS] = "two_ways",
	[DW_WHY_NO_DATE] = "no_date",
	[DW_WHY_BLANK_DATE] = "blank_date",
	[DW_WHY_DAY_MONTH] = "day_month",
	[DW_WHY_NO_DAY] = "no_day",
	[DW_WHY_WEEKDAY] = "weekday",
	[DW_WHY_PAST] = "past",
	[DW_WHY_FAR] = "far",
	[DW_WHY_FILED_ON] = "filed_on",
	[DW_WHY_TAKES_NO_DATE] = "takes_no_date",
	[DW_WHY_SPAN] = "span",
	[DW_WHY_CLOSE] = "close",
};

/* ---- one form for all ways to type the same ---- */

struct line {
	char raw[BYTES_MAX], low[BYTES_MAX]; /* of equal length: as typed, and what is compared */
	size_t n;
};

static uint32_t code(const char *s, size_t k)
{
	const unsigned char *u = (const unsigned char *)s;
	uint32_t c = k == 1 ? u[0] : u[0] & (0x7Fu >> k);

	for (size_t i = 1; i < k; i++)
		c = c << 6 | (u[i] & 0x3F);
	return c;
}

/* The ASCII character this one stands for; 0: nothing, it can't be seen; -1: itself. */
static int as_ascii(uint32_t c)
{
	if (c == '\t' || c == 0xA0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F)
		return ' ';
	if (c < 0x20 || c == 0x7F || (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
	    (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || c == 0xAD || (c >= 0xFE00 && c <= 0xFE0F))
		return 0;
	if (c < 0x80)
		return (int)c;
	if (c >= 0xFF01 && c <= 0xFF5E)
		return (int)(c - 0xFEE0);
	if ((c >= 0x2010 && c <= 0x2015) || c == 0x2212)
		return '-';
	if (c == 0x2044 || c == 0x2215)
		return '/';
	if (c == 0x2018 || c == 0x2019)
		return '\'';
	if ((c >= 0x201C && c <= 0x201F) || (c >= 0x3008 && c <= 0x3011))
		return '"';
	return c == 0x3002 ? '.' : c == 0x3001 ? ',' : -1;
}

/* false: too long, or not UTF-8: not a command. */
static bool fold(struct line *l, const char *s)
{
	size_t n = strnlen(s, BYTES_MAX);

	l->n = 0;
	if (n == BYTES_MAX)
		return false;
	for (size_t i = 0, k; i < n; i += k) {
		int c;

		k = dw_utf8_seq(s + i, n - i);
		if (k == 0)
			return false;
		c = as_ascii(code(s + i, k));
		if (c > 0)
			l->raw[l->n++] = (char)c;
		else if (c < 0) {
			memcpy(l->raw + l->n, s + i, k);
			l->n += k;
		}
	}
	return true;
}

static char pair_of(char c)
{
	return c == '"' || c == '\'' || c == '`' || c == '*' ? c : '\0';
}

/* Blanks, marks at the end and quotes around the whole go. */
static void trim(struct line *l)
{
	size_t from = 0, was;

	do {
		was = l->n - from;
		while (from < l->n && l->raw[from] == ' ')
			from++;
		while (l->n > from && strchr(" .!~;,", l->raw[l->n - 1]))
			l->n--;
		if (l->n > from + 2 && pair_of(l->raw[from]) && l->raw[l->n - 1] == l->raw[from]) {
			from++;
			l->n--;
		}
	} while (l->n - from != was);
	l->n -= from;
	memmove(l->raw, l->raw + from, l->n);
	l->raw[l->n] = '\0';
	for (size_t i = 0; i <= l->n; i++) {
		char c = l->raw[i];

		l->low[i] = c == ',' || c == ';' ? ' ' : c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
	}
}

/* ---- an order's number ---- */

static bool order_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-_./", c));
}

static const char *order_label(const char *p)
{
	static const char *const labels[] = { "order number", "order no.", "order no", "order", "订单编号", "订单号", "订单", "訂單號", "訂單" };
	const char *q;

	for (size_t i = 0; i < DW_COUNT(labels); i++)
		if ((q = dw_cmd_word(p, labels[i]))) {
			q = dw_cmd_blanks(q);
			q += *q == ':';
			p = dw_cmd_blanks(q);
			break;
		}
	return p + (*p == '#');
}

/* A run with four digits or more in it that can't be read as a date. At most one a line. */
static bool take_order(const struct line *l, const char **p, struct dw_command *c)
{
	const char *s = order_label(*p), *q;
	size_t n = 0, digits = 0;
	enum dw_why why;
	char date[11];
	int64_t span;

	for (; order_char(s[n]); n++)
		digits += s[n] >= '0' && s[n] <= '9';
	while (n && (s[n - 1] == '.' || s[n - 1] == '/' || s[n - 1] == '-'))
		n--;
	if (c->order[0] || n < ORDER_MIN || digits < ORDER_DIGITS || n >= sizeof(c->order))
		return false;
	q = s;
	if (c->verb != DW_VERB_COUNT && dw_verbs[c->verb].wants_date && !c->date[0] && dw_cmd_date(&q, 0, date, &why) != 1)
		return false;
	q = s;
	if (c->verb == DW_VERB_ACK && !c->span && dw_cmd_span(&q, &span, &why) != 1)
		return false;
	q = s;
	if (strcspn(s, "-/.") <= 4 && dw_cmd_date(&q, 0, date, &why) != 1)
		return false; /* never a date with its marks, whatever the verb */
	memcpy(c->order, l->raw + (s - l->low), n);
	c->order[n] = '\0';
	*p = s + n;
	return true;
}

/* ---- verbs ---- */

static const char *find_verb(const char *p, enum dw_verb *verb)
{
	const char *best = NULL;

	for (int v = 0; v < DW_VERB_COUNT; v++)
		for (const char *const *w = dw_verbs[v].words; *w; w++) {
			const char *q = dw_cmd_word(p, *w);

			if (q && (!best || q > best)) {
				best = q;
				*verb = (enum dw_verb)v;
			}
		}
	return best;
}

/* Does the whole rest say only thanks? */
static bool only_thanks(const char *p)
{
	static const char *const thanks[] = { "thanks", "thank you", "thx", "many thanks", "please", "谢谢", "謝謝", "多谢", "感谢" };
	const char *q;

	p = dw_cmd_blanks(p);
	for (size_t i = 0; i < DW_COUNT(thanks); i++)
		if ((q = dw_cmd_word(p, thanks[i])) && !*dw_cmd_blanks(q))
			return true;
	return !*p;
}

/* Words that may stand between a verb and what it takes. */
static const char *skip_link(const char *p, enum dw_verb verb, bool *on)
{
	static const char *const any[] = { ":", "=" };
	static const char *const plain[] = { "on", "by", "at", "在", "于", "於" }; /* the day it happens, or the day it was done */
	static const char *const until[] = { "until", "till", "to", "至", "到", "为", "為" };
	const char *q;

	p = dw_cmd_blanks(p);
	for (size_t i = 0; i < DW_COUNT(any); i++)
		if ((q = dw_cmd_word(p, any[i])))
			return dw_cmd_blanks(q);
	if (verb == DW_VERB_ACK && (q = dw_cmd_word(p, "for")))
		return dw_cmd_blanks(q);
	for (size_t i = 0; i < DW_COUNT(until); i++)
		if ((verb == DW_VERB_FILED || verb == DW_VERB_AGREED) && (q = dw_cmd_word(p, until[i])))
			return dw_cmd_blanks(q);
	for (size_t i = 0; i < DW_COUNT(plain); i++)
		if (dw_verbs[verb].wants_date && (q = dw_cmd_word(p, plain[i]))) {
			*on = verb == DW_VERB_FILED || verb == DW_VERB_AGREED;
			return dw_cmd_blanks(q);
		}
	return p;
}

/* ---- what follows the verb ---- */

static int refuse(enum dw_why what, const char **why)
{
	*why = dw_why_names[what];
	return 1;
}

static bool conditional(const char *low)
{
	static const char *const words[] = { "if", "unless", "when", "until", "once", "after", "before", "but", "not", "don't", "do not",
					     "tomorrow", "later", "soon", "only", "maybe", "to", "the", "enough", "by", "it", "this",
					     "that", "for", "as", "of", "at", "with", "in", "on", "call", "can", "could", "should", "will", "can't",
					     "cannot" };
	static const char *const chinese[] = { "如果", "除非", "但", "不", "吗", "没", "等", "再", "要是", "后", "時", "时" };

	for (const char *p = low; *p; p++)
		for (size_t i = 0; (p == low || p[-1] == ' ') && i < DW_COUNT(words); i++)
			if (dw_cmd_word(p, words[i]))
				return true;
	for (size_t i = 0; i < DW_COUNT(chinese); i++)
		if (strstr(low, chinese[i]))
			return true;
	return false;
}

/* "close", "close: paid back", "close paid back". Without a colon only behind the bare order: "closed for the holidays" and
 * "settled with the buyer, new date" are sentences. */
static int take_close(const struct line *l, const char *verb, const char *p, struct dw_command *c, const char **why)
{
	static const char *const bare[] = { "close", "关闭", "關閉" };
	const char *q = dw_cmd_blanks(p);
	bool explicit, may = false;
	size_t n;

	for (size_t i = 0; i < DW_COUNT(bare); i++)
		may |= dw_cmd_word(verb, bare[i]) == p;
	take_order(l, &q, c);
	q = dw_cmd_blanks(q);
	explicit = *q == ':' || (*q == '-' && q[1] == ' ');
	if (explicit)
		q = dw_cmd_blanks(q + 1);
	if (only_thanks(q))
		return 0;
	if (!explicit && (!may || conditional(q)))
		return refuse(DW_WHY_CLOSE, why);
	n = strlen(q);
	if (n >= sizeof(c->note))
		return refuse(DW_WHY_MORE, why);
	memcpy(c->note, l->raw + (q - l->low), n + 1);
	return 0;
}

static int take_rest(const struct line *l, const char *p, struct dw_command *c, int32_t today, const char **why)
{
	const struct dw_verb_info *v = &dw_verbs[c->verb];
	bool on = false;
	enum dw_why w = DW_WHY_MORE;
	int r = 1;

	p = dw_cmd_blanks(p);
	take_order(l, &p, c);
	p = skip_link(p, c->verb, &on);
	if (v->wants_date && !c->date[0]) {
		r = dw_cmd_date(&p, today, c->date, &w);
		if (r == 1)
			return refuse(DW_WHY_NO_DATE, why);
		if (r == 0 && on)
			return refuse(DW_WHY_FILED_ON, why);
	} else if (v->takes_span)
		r = dw_cmd_span(&p, &c->span, &w);
	if (r == 2)
		return refuse(w, why);
	p = dw_cmd_blanks(p);
	if (take_order(l, &p, c))
		p = dw_cmd_blanks(p);
	if (only_thanks(p))
		return 0;
	if (!v->wants_date) {
		char date[11];

		r = dw_cmd_date(&p, today, date, &w);
		if (r != 1)
			return refuse(DW_WHY_TAKES_NO_DATE, why);
	}
	return refuse(DW_WHY_MORE, why);
}

/* "12月10日发货", "预计12月20日到货": how Chinese says it. Not for what was done: that day could be the day of doing it. */
static const char *date_first(const char *p, struct dw_command *c, int32_t today, int *r, enum dw_why *why)
{
	static const char *const lead[] = { "预计", "预定", "将于", "将在", "預計", "將於", "于", "在" };
	const char *q;
	enum dw_verb verb = DW_VERB_COUNT;

	for (size_t i = 0; i < DW_COUNT(lead); i++)
		if ((q = dw_cmd_word(p, lead[i]))) {
			p = dw_cmd_blanks(q);
			break;
		}
	*r = dw_cmd_date(&p, today, c->date, why);
	if (*r == 1)
		return NULL;
	q = dw_cmd_blanks(p);
	if ((unsigned char)*q < 0x80) /* an ASCII word follows, or nothing */
		return NULL;
	q = find_verb(q, &verb);
	if (!q || (verb != DW_VERB_SHIP && verb != DW_VERB_ARRIVES))
		return NULL;
	c->verb = verb;
	return q;
}

static int32_t day_of(const char *today)
{
	int y, m, d, n = 0;

	if (!today || strlen(today) != 10 || sscanf(today, "%4d-%2d-%2d%n", &y, &m, &d, &n) != 3 || n != 10 || y < 2000 ||
	    y > 2099 || !dw_date_valid(y, m, d))
		return INT32_MIN;
	return dw_day_number(y, m, d);
}

/* The words that most often answer a mail and don't say what they answer. */
static bool two_ways(const char *low)
{
	static const char *const words[] = { "ok", "okay", "k", "sure", "fine", "confirm", "confirmed", "done", "agree", "确认", "确定",
					     "好", "好的", "行", "嗯", "同意", "没问题", "確認", "確定", "沒問題", "ok的" };
	const char *q;

	for (size_t i = 0; i < DW_COUNT(words); i++)
		if ((q = dw_cmd_word(low, words[i])) && only_thanks(q))
			return true;
	return false;
}

static int parse(const struct line *l, struct dw_command *c, int32_t today, const char **why)
{
	const char *p = l->low, *q;
	enum dw_why w = DW_WHY_MORE;
	int r = 1;

	if (two_ways(p))
		return refuse(DW_WHY_TWO_WAYS, why);
	if (take_order(l, &p, c)) {
		p = dw_cmd_blanks(p);
		p = dw_cmd_blanks(p + (*p == ':'));
	}
	q = find_verb(p, &c->verb);
	if (!q && (q = date_first(p, c, today, &r, &w)) && r == 2)
		return refuse(w, why);
	if (!q)
		return 1;
	if (strchr(l->low, '?'))
		return refuse(DW_WHY_QUESTION, why);
	return c->verb == DW_VERB_CLOSE ? take_close(l, p, q, c, why) : take_rest(l, q, c, today, why);
}

int dw_command_parse(struct dw_command *out, const char *line, const char *today, const char **why)
{
	struct dw_command c = { .verb = DW_VERB_COUNT };
	const char *unused = NULL;
	struct line l;
	int r;

	why = why ? why : &unused;
	*why = NULL;
	if (!line || !fold(&l, line))
		return 1;
	trim(&l);
	r = l.n ? parse(&l, &c, day_of(today), why) : 1;
	if (r == 0)
		*out = c;
	return r;
}
