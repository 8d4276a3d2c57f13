/* Words for people that need grammar or a calendar: one struct dw_words per language. */
#include "compose-impl.h"

#include "duewatch/money.h"

#define MIN INT64_C(60)
#define HOUR INT64_C(3600)
#define DAY INT64_C(86400)

/* ---- English ---- */

static const char *const en_weekdays[7] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char *const en_months[12] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static void en_date(struct dw_buf *out, const struct dw_civil *c, enum dw_date_style style)
{
	const char *day = en_weekdays[c->weekday], *month = en_months[c->month - 1];

	switch (style) {
	case DW_DATE_FULL:
		dw_buf_printf(out, "%s %d %s %d, %02d:%02d", day, c->day, month, c->year, c->hour, c->minute);
		break;
	case DW_DATE_NEAR:
		dw_buf_printf(out, "%s %d %s, %02d:%02d", day, c->day, month, c->hour, c->minute);
		break;
	case DW_DATE_SUBJECT:
		dw_buf_printf(out, "%s %d %s %02d:%02d", day, c->day, month, c->hour, c->minute);
		break;
	case DW_DATE_DATA:
		dw_buf_printf(out, "%d %s %02d:%02d", c->day, month, c->hour, c->minute);
		break;
	case DW_DATE_DAY:
		dw_buf_printf(out, "%s %d %s %d", day, c->day, month, c->year);
		break;
	}
}

static void en_count(struct dw_buf *out, int64_t n, const char *one)
{
	dw_buf_printf(out, "%s%lld %s%s", out->n ? " " : "", (long long)n, one, n == 1 ? "" : "s");
}

static void en_span(struct dw_buf *out, int64_t s)
{
	DW_BUF b = { 0 };

	if (s >= 14 * DAY)
		en_count(&b, s / DAY, "day");
	else if (s >= DAY) {
		en_count(&b, s / DAY, "day");
		if (s % DAY >= HOUR)
			en_count(&b, s % DAY / HOUR, "hour");
	} else if (s >= HOUR) {
		en_count(&b, s / HOUR, "hour");
		if (s < 6 * HOUR && s % HOUR >= MIN)
			en_count(&b, s % HOUR / MIN, "minute");
	} else if (s >= MIN)
		en_count(&b, s / MIN, "minute");
	else
		dw_buf_puts(&b, "less than a minute");
	dw_buf_puts(out, dw_buf_str(&b));
}

static void en_age(struct dw_buf *out, int64_t s)
{
	if (s < HOUR)
		dw_buf_printf(out, "%d min", (int)(s / MIN));
	else if (s < 2 * DAY)
		dw_buf_printf(out, "%d h", (int)(s / HOUR));
	else
		dw_buf_printf(out, "%lld days", (long long)(s / DAY));
}

static void en_left(struct dw_buf *out, int64_t s)
{
	if (s < 0) {
		en_span(out, -s);
		dw_buf_puts(out, " late");
	} else {
		dw_buf_puts(out, "in ");
		en_span(out, s);
	}
}

static void en_place(struct dw_buf *out, const struct dw_zone *z)
{
	const char *s = strrchr(z->name, '/');

	for (s = s ? s + 1 : z->name; *s; s++)
		dw_buf_putc(out, *s == '_' ? ' ' : *s);
}

static void en_both(struct dw_buf *out, const struct dw_zone *mine, const struct dw_civil *a, const struct dw_zone *theirs,
		    const struct dw_civil *b)
{
	en_date(out, a, DW_DATE_FULL);
	dw_buf_puts(out, " (");
	en_place(out, mine);
	dw_buf_puts(out, ")");
	if (!b)
		return;
	dw_buf_puts(out, " = ");
	en_date(out, b, DW_DATE_NEAR);
	dw_buf_puts(out, " (");
	en_place(out, theirs);
	dw_buf_puts(out, ")");
}

static const struct dw_words english = {
	.language = "en",
	.kind = {
		[DW_EDIT_BEFORE_PAYMENT] = "Change the ship date before the buyer pays",
		[DW_INCOMPLETE] = "Look up the missing ship date",
		[DW_OVERDUE] = "Ship date has passed",
		[DW_EXTENSION_DECLINED] = "Later ship date declined",
		[DW_EXTEND_SHIP_DATE] = "Extend the ship date",
		[DW_EXTENSION_UNANSWERED] = "Get the buyer to confirm the extension",
		[DW_LATE_AHEAD] = "Will ship late",
		[DW_CONFIRM_SHIP_DATE] = "Will it ship in time?",
		[DW_SHIP_BY] = "Ship the order",
		[DW_EXTEND_RECEIPT] = "Extend the receiving time",
		[DW_DISPUTE] = "Answer the dispute",
		[DW_AUTO_CONFIRMED_UNDELIVERED] = "Confirmed before the goods arrived",
		[DW_SHIPPED_LATE] = "Shipped late: keep your proof ready",
	},
	.status = { "awaiting payment", "awaiting shipment", "partly shipped", "shipped", "delivered", "completed",
		    "cancelled", "in dispute" },
	.transport = { "by express", "by air", "over land", "by sea", "by post", "by several carriers",
		       "from an overseas warehouse", "unknown" },
	.field = {
		[DW_F_ORDER_ID] = "order number",
		[DW_F_PLATFORM] = "platform",
		[DW_F_STATUS] = "status",
		[DW_F_CREATED_AT] = "time of creation",
		[DW_F_PAID_AT] = "time of payment",
		[DW_F_SHIPPED_AT] = "time of shipment",
		[DW_F_COMPLETED_AT] = "time of receipt",
		[DW_F_PROMISED_AT] = "ship date on the platform",
		[DW_F_LEAD_DAYS] = "lead time in days",
		[DW_F_EXTENSION_STATE] = "state of the extension",
		[DW_F_EXTENSION_UNTIL] = "later date asked for",
		[DW_F_AUTO_CONFIRM_AT] = "date of automatic receipt",
		[DW_F_RECEIPT_EXTENSIONS] = "number of receipt extensions",
		[DW_F_AGREED_AT] = "ship date agreed with the buyer",
		[DW_F_EXPECTED_SHIP_AT] = "expected ship date",
		[DW_F_EXPECTED_ARRIVAL_AT] = "expected arrival",
		[DW_F_DELIVERED_AT] = "time of arrival",
		[DW_F_TRANSPORT] = "transport",
		[DW_F_OWNER] = "owner",
		[DW_F_BUYER] = "buyer",
		[DW_F_TITLE] = "product",
		[DW_F_URL] = "link",
		[DW_F_NOTE] = "note",
		[DW_F_AMOUNT] = "amount",
		[DW_F_CURRENCY] = "currency",
	},
	.verb = {
		[DW_VERB_ACK] = "ack",
		[DW_VERB_SHIP] = "ship",
		[DW_VERB_AGREED] = "agreed",
		[DW_VERB_FILED] = "filed",
		[DW_VERB_ARRIVES] = "arrives",
		[DW_VERB_YES] = "yes",
		[DW_VERB_CLOSE] = "close",
	},
	.days = "d",
	.hours = "h",
	.comma = ", ",
	.and = " and ",
	.you = "you",
	.yuan = "CNY ",
	.place = en_place,
	.both = en_both,
	.date = en_date,
	.span = en_span,
	.age = en_age,
	.left = en_left,
};

/* ---- Simplified Chinese ----
 *
 * A blank stands between Chinese and digits or Latin letters, but not inside a date nor beside full-width marks. */

static const char *const zh_weekdays[7] = { "周日", "周一", "周二", "周三", "周四", "周五", "周六" };

static void zh_date(struct dw_buf *out, const struct dw_civil *c, enum dw_date_style style)
{
	const char *day = zh_weekdays[c->weekday];

	switch (style) {
	case DW_DATE_FULL:
		dw_buf_printf(out, "%d年%d月%d日（%s）%02d:%02d", c->year, c->month, c->day, day, c->hour, c->minute);
		break;
	case DW_DATE_NEAR:
	case DW_DATE_SUBJECT:
		dw_buf_printf(out, "%d月%d日（%s）%02d:%02d", c->month, c->day, day, c->hour, c->minute);
		break;
	case DW_DATE_DATA:
		dw_buf_printf(out, "%d月%d日 %02d:%02d", c->month, c->day, c->hour, c->minute);
		break;
	case DW_DATE_DAY:
		dw_buf_printf(out, "%d年%d月%d日（%s）", c->year, c->month, c->day, day);
		break;
	}
}

static void zh_count(struct dw_buf *out, int64_t n, const char *unit)
{
	dw_buf_printf(out, "%lld %s", (long long)n, unit);
}

static void zh_span(struct dw_buf *out, int64_t s)
{
	if (s >= DAY) {
		zh_count(out, s / DAY, "天");
		if (s < 14 * DAY && s % DAY >= HOUR) {
			dw_buf_putc(out, ' ');
			zh_count(out, s % DAY / HOUR, "小时");
		}
	} else if (s >= HOUR) {
		zh_count(out, s / HOUR, "小时");
		if (s < 6 * HOUR && s % HOUR >= MIN) {
			dw_buf_putc(out, ' ');
			zh_count(out, s % HOUR / MIN, "分钟");
		}
	} else if (s >= MIN)
		zh_count(out, s / MIN, "分钟");
	else
		dw_buf_puts(out, "不到 1 分钟");
}

static void zh_age(struct dw_buf *out, int64_t s)
{
	if (s < HOUR)
		zh_count(out, s / MIN, "分钟");
	else if (s < 2 * DAY)
		zh_count(out, s / HOUR, "小时");
	else
		zh_count(out, s / DAY, "天");
}

static void zh_left(struct dw_buf *out, int64_t s)
{
	int64_t span = s < 0 ? -s : s;

	dw_buf_puts(out, s < 0 ? "已逾期" : "还剩");
	if (span >= MIN)
		dw_buf_putc(out, ' ');
	zh_span(out, span);
}

/* The zones people trade in, by the names they know them by; others by their English city. */
static void zh_place(struct dw_buf *out, const struct dw_zone *z)
{
	static const char *const known[][2] = {
		{ "Asia/Shanghai", "北京" },	      { "Asia/Urumqi", "新疆" },
		{ "Asia/Hong_Kong", "香港" },	      { "Asia/Macau", "澳门" },
		{ "Asia/Taipei", "台北" },	      { "Asia/Singapore", "新加坡" },
		{ "Asia/Kuala_Lumpur", "吉隆坡" },    { "Asia/Bangkok", "曼谷" },
		{ "Asia/Jakarta", "雅加达" },	      { "Asia/Manila", "马尼拉" },
		{ "Asia/Ho_Chi_Minh", "胡志明市" },   { "Asia/Tokyo", "东京" },
		{ "Asia/Seoul", "首尔" },	      { "Asia/Dubai", "迪拜" },
		{ "Asia/Riyadh", "利雅得" },	      { "Asia/Kolkata", "印度" },
		{ "Europe/London", "伦敦" },	      { "Europe/Berlin", "柏林" },
		{ "Europe/Paris", "巴黎" },	      { "Europe/Madrid", "马德里" },
		{ "Europe/Rome", "罗马" },	      { "Europe/Amsterdam", "阿姆斯特丹" },
		{ "Europe/Warsaw", "华沙" },	      { "Europe/Istanbul", "伊斯坦布尔" },
		{ "Europe/Moscow", "莫斯科" },	      { "America/New_York", "美国东部" },
		{ "America/Chicago", "美国中部" },    { "America/Denver", "美国山地" },
		{ "America/Los_Angeles", "美国太平洋" }, { "America/Mexico_City", "墨西哥城" },
		{ "America/Sao_Paulo", "圣保罗" },    { "Australia/Sydney", "悉尼" },
		{ "UTC", "协调世界" },
	};

	for (size_t i = 0; i < DW_COUNT(known); i++)
		if (strcmp(known[i][0], z->name) == 0) {
			dw_buf_printf(out, "%s时间", known[i][1]);
			return;
		}
	en_place(out, z);
	dw_buf_puts(out, " 时间");
}

static void zh_both(struct dw_buf *out, const struct dw_zone *mine, const struct dw_civil *a, const struct dw_zone *theirs,
		    const struct dw_civil *b)
{
	zh_place(out, mine);
	dw_buf_putc(out, ' ');
	zh_date(out, a, DW_DATE_FULL);
	if (!b)
		return;
	dw_buf_puts(out, "，即");
	zh_place(out, theirs);
	dw_buf_putc(out, ' ');
	zh_date(out, b, DW_DATE_NEAR);
}

static const struct dw_words chinese = {
	.language = "zh-CN",
	.kind = {
		[DW_EDIT_BEFORE_PAYMENT] = "买家付款前修改发货时间",
		[DW_INCOMPLETE] = "补充发货时间",
		[DW_OVERDUE] = "逾期未发货",
		[DW_EXTENSION_DECLINED] = "买家拒绝延期",
		[DW_EXTEND_SHIP_DATE] = "延长发货时间",
		[DW_EXTENSION_UNANSWERED] = "请买家确认延期",
		[DW_LATE_AHEAD] = "预计延迟发货",
		[DW_CONFIRM_SHIP_DATE] = "能否按时发货？",
		[DW_SHIP_BY] = "按期发货", /* and not 按时发货: alone on a quoted line that is an answer */
		[DW_EXTEND_RECEIPT] = "延长收货时间",
		[DW_DISPUTE] = "处理纠纷",
		[DW_AUTO_CONFIRMED_UNDELIVERED] = "货未到已自动确认收货",
		[DW_SHIPPED_LATE] = "已延迟发货：请保留证据",
	},
	.status = {
		[DW_AWAITING_PAYMENT] = "待付款",
		[DW_AWAITING_SHIPMENT] = "待发货",
		[DW_PARTLY_SHIPPED] = "部分发货",
		[DW_SHIPPED] = "已发货",
		[DW_DELIVERED] = "已送达",
		[DW_COMPLETED] = "交易完成",
		[DW_CANCELLED] = "已取消",
		[DW_DISPUTED] = "纠纷中",
	},
	.transport = {
		[DW_BY_EXPRESS] = "快递",
		[DW_BY_AIR] = "空运",
		[DW_BY_LAND] = "陆运",
		[DW_BY_SEA] = "海运",
		[DW_BY_POST] = "邮政小包",
		[DW_BY_MULTIMODAL] = "多式联运",
		[DW_BY_WAREHOUSE] = "海外仓",
		[DW_BY_UNKNOWN] = "未知",
	},
	.field = {
		[DW_F_ORDER_ID] = "订单号",
		[DW_F_PLATFORM] = "平台",
		[DW_F_STATUS] = "状态",
		[DW_F_CREATED_AT] = "下单时间",
		[DW_F_PAID_AT] = "付款时间",
		[DW_F_SHIPPED_AT] = "实际发货时间",
		[DW_F_COMPLETED_AT] = "确认收货时间",
		[DW_F_PROMISED_AT] = "平台上的发货时间",
		[DW_F_LEAD_DAYS] = "备货天数",
		[DW_F_EXTENSION_STATE] = "延期状态",
		[DW_F_EXTENSION_UNTIL] = "申请延至的日期",
		[DW_F_AUTO_CONFIRM_AT] = "自动确认收货时间",
		[DW_F_RECEIPT_EXTENSIONS] = "已延长收货次数",
		[DW_F_AGREED_AT] = "与买家约定的发货时间",
		[DW_F_EXPECTED_SHIP_AT] = "预计发货时间",
		[DW_F_EXPECTED_ARRIVAL_AT] = "预计到货时间",
		[DW_F_DELIVERED_AT] = "到货时间",
		[DW_F_TRANSPORT] = "运输方式",
		[DW_F_OWNER] = "负责人",
		[DW_F_BUYER] = "买家",
		[DW_F_TITLE] = "商品",
		[DW_F_URL] = "链接",
		[DW_F_NOTE] = "备注",
		[DW_F_AMOUNT] = "金额",
		[DW_F_CURRENCY] = "币种",
	},
	.verb = {
		[DW_VERB_ACK] = "我来处理",
		[DW_VERB_SHIP] = "预计发货",
		[DW_VERB_AGREED] = "买家已同意",
		[DW_VERB_FILED] = "已申请延期至",
		[DW_VERB_ARRIVES] = "预计到货",
		[DW_VERB_YES] = "能按时发货",
		[DW_VERB_CLOSE] = "已解决",
	},
	.days = "天",
	.hours = "小时",
	.comma = "、",
	.and = "、",
	.you = "您",
	.yuan = "¥",
	.place = zh_place,
	.both = zh_both,
	.date = zh_date,
	.span = zh_span,
	.age = zh_age,
	.left = zh_left,
};

/* ---- all languages ---- */

static const struct dw_words *const languages[] = { &english, &chinese };

const char *dw_mail_language(size_t i)
{
	return i < DW_COUNT(languages) ? languages[i]->language : NULL;
}

const struct dw_words *dw_words_find(const char *language)
{
	for (size_t i = 0; language && i < DW_COUNT(languages); i++)
		if (strcmp(languages[i]->language, language) == 0)
			return languages[i];
	return languages[0];
}

const char *dw_kind_title(enum dw_kind kind, const char *language)
{
	if ((int)kind < 0 || kind >= DW_KIND_COUNT)
		return "";
	return dw_words_find(language)->kind[kind];
}

void dw_words_date(struct dw_buf *out, const struct dw_words *w, const struct dw_zone *z, dw_time t,
		   enum dw_date_style style)
{
	struct dw_civil c;

	dw_zone_civil(z, t, &c);
	w->date(out, &c, style);
}

void dw_words_both(struct dw_buf *out, const struct dw_words *w, const struct dw_zone *mine, const struct dw_zone *theirs,
		   dw_time t)
{
	struct dw_civil a, b;

	dw_zone_civil(mine, t, &a);
	dw_zone_civil(theirs, t, &b);
	w->both(out, mine, &a, theirs, a.offset == b.offset ? NULL : &b);
}

void dw_words_amount(struct dw_buf *out, const struct dw_words *w, const struct dw_facts *f)
{
	if (dw_has(f, DW_F_AMOUNT))
		dw_words_money(out, w, f, f->num[DW_F_AMOUNT]);
}

void dw_words_money(struct dw_buf *out, const struct dw_words *w, const struct dw_facts *f, int64_t minor)
{
	const char *currency = dw_text(f, DW_F_CURRENCY);
	char number[48];

	dw_money_text(number, minor, currency, true);
	if (dw_streq(currency, "CNY"))
		dw_buf_puts(out, w->yuan);
	else if (!dw_empty(currency)) {
		dw_scrub(out, currency, 8);
		dw_buf_putc(out, ' ');
	}
	dw_buf_puts(out, number);
}

void dw_words_names(struct dw_buf *out, const struct dw_words *w, const struct dw_people *people, const int *who,
		    size_t n, int reader)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			dw_buf_puts(out, i + 1 == n ? w->and : w->comma);
		if (who[i] == reader)
			dw_buf_puts(out, w->you);
		else
			dw_scrub(out, people->p[who[i]].name, 64);
	}
}
