/* Mails in Simplified Chinese, from the pack we ship: that each kind says what it must, and that not a word of English
 * stands where none belongs. With DW_PREVIEW_DIR set they are written there to be looked at. */
#include "compose-fixture.h"

#include <gmime/gmime.h>
#include <unistd.h>

#include "../../daemon/mail/compose-impl.h"

#define NOW "2026-11-23T15:30:00Z"
#define ID "234100000000000017"
#define PAID "amount", "12400.00", "currency", "USD", "buyer", "ACME GmbH", "paid_at", "2026-11-01"

/* The shop of compose-fixture.h with a reader of Chinese and Alibaba.com's pack. */
struct zh_shop {
	struct shop s;
	struct dw_config *packs;
};

static void zh_open(struct zh_shop *z)
{
	static const char text[] = "timezone = \"Asia/Shanghai\"; state = \"/tmp\"; default_owner = \"alice\";\n"
				   "mail = { transport = \"maildir:///tmp/m\"; from = \"duewatch@example.com\"; };\n"
				   "people = ( { name = \"alice\"; email = \"alice@example.com\"; } );\n"
				   "feeds = ( { name = \"shop\"; type = \"csv\"; path = \"x.csv\"; platform = \"alibaba\"; } );\n";
	char path[] = "/tmp/dw-compose-zh-XXXXXX";
	struct dw_problems problems = { 0 };
	struct dw_err err = { "" };
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	shop_open(&z->s);
	if (dw_config_load(&z->packs, path, DW_SOURCE_DIR "/conf", &problems, &err) < 0)
		fail_msg("%s", err.text);
	unlink(path);
	dw_problems_fini(&problems);
	z->s.pack = *dw_config_feed(z->packs, "shop")->pack;
	z->s.people[ALICE].language = (char *)"zh-CN";
	dw_composer_free(z->s.composer);
	assert_int_equal(dw_composer_new(&z->s.composer, &z->s.config, &err), 0);
}

static void zh_close(struct zh_shop *z)
{
	memset(&z->s.pack, 0, sizeof(z->s.pack));
	shop_close(&z->s);
	dw_config_free(z->packs);
}

static void zh_preview(const char *name, const struct dw_mail *m)
{
	char file[128];

	snprintf(file, sizeof(file), "zh-%s", name);
	preview(file, m);
}

static void has(const char *text, const char *word, bool want)
{
	if (!!strstr(text, word) != want)
		fail_msg("\"%s\" %s in:\n%s", word, want ? "is missing" : "doesn't belong", text);
}

/* Without blanks and line ends: Chinese wraps without one, and where one is. */
static char *packed(const char *s)
{
	DW_BUF b = { 0 };

	for (; *s; s++)
		if (*s != '\n' && *s != ' ')
			dw_buf_putc(&b, *s);
	return dw_buf_take(&b);
}

static void says(const char *text, const char *words)
{
	DW_FREE char *a = packed(text), *b = packed(words);

	if (!strstr(a, b))
		fail_msg("\"%s\" is missing in:\n%s", words, text);
}

/* No English sentence but in the lines to paste: three words of lower case in a row. Commands are no sentences. */
static void assert_no_english(const char *text)
{
	bool fence = false;

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		int words = 0;

		if (strncmp(line, "----------", 10) == 0)
			fence = !fence;
		if (fence || strncmp(line, "    ", 4) == 0)
			continue;
		for (const char *p = line; *p && *p != '\n';) {
			size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz'");

			words = n > 1 && strncmp(p, "duewatch", 8) != 0 ? words + 1 : 0;
			if (words == 3)
				fail_msg("English in a Chinese mail: %.80s", line);
			p += n;
			p += *p == ' ' ? 1 : 0;
			if (*p && *p != '\n' && !(*p >= 'a' && *p <= 'z')) {
				words = 0;
				p++;
			}
		}
	}
}

/* No line begins with a mark that closes or ends with one that opens, and none is too wide. */
static void assert_lines(const char *text)
{
	static const char *const never_first[] = { "，", "。", "、", "；", "：", "？", "！", "）", "」", "”", "》", NULL };
	static const char *const never_last[] = { "（", "「", "“", "《", NULL };

	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n"), blanks = strspn(line, " ");

		for (const char *const *w = never_first; *w; w++)
			if (strncmp(line + blanks, *w, strlen(*w)) == 0)
				fail_msg("a line begins with %s: %.*s", *w, (int)n, line);
		for (const char *const *w = never_last; *w; w++)
			if (n >= strlen(*w) && strncmp(line + n - strlen(*w), *w, strlen(*w)) == 0)
				fail_msg("a line ends with %s: %.*s", *w, (int)n, line);
		line += n + (line[n] == '\n');
	}
}

/* Marks of two languages mixed, a value that is missing, a blank where Chinese has none. */
static void assert_clean(const char *text)
{
	static const char *const bad[] = { "{{", "（）", "，，", "。。", "，。", "：。", "：，", " 。", " ，", "。 ", "， ", "（ ",
					   "于发", "于。", "是。", "预计才", " （", "） ", NULL };

	for (const char *const *w = bad; *w; w++)
		has(text, *w, false);
}

/* On the wire: ASCII, encoded words of 75 at most (RFC 2047), and every reader gets the same subject back. */
static void assert_mail(const struct dw_mail *m)
{
	GMimeStream *in = g_mime_stream_mem_new_with_buffer(m->bytes, m->n_bytes);
	GMimeParser *parser = g_mime_parser_new_with_stream(in);
	GMimeMessage *msg = g_mime_parser_construct_message(parser, NULL);

	assert_wire(m);
	assert_non_null(msg);
	assert_string_equal(g_mime_message_get_subject(msg), m->subject);
	g_object_unref(msg);
	g_object_unref(parser);
	g_object_unref(in);
	assert_clean(m->text);
	assert_lines(m->text);
}

struct kind_case {
	enum dw_kind kind;
	const char *now, *fields[22];
	const char *subject, *says[6];
};

static const struct kind_case kinds[] = {
	{ DW_EDIT_BEFORE_PAYMENT, NOW, { "status", "awaiting_payment", "promised_at", "2026-11-30", "expected_ship_at", "2026-12-10" },
	  "买家付款前修改发货时间 · " ID,
	  { "请趁买家付款前修改", "约定的发货时间是 2026年11月30日（周一），而货物预计 2026年12月10日（周四）才能发出",
	    "无需他人确认", "2026年12月14日（周一），即 2026-12-14", "显示新的发货时间，即为完成" } },
	{ DW_INCOMPLETE, NOW, { "status", "awaiting_shipment" }, "补充发货时间 · " ID,
	  { "数据中没有发货时间", "duewatch set " ID " promised_at=YYYY-MM-DD", "数据中没有订单金额。" } },
	{ DW_OVERDUE, NOW, { "status", "awaiting_shipment", "promised_at", "2026-11-20", "expected_ship_at", "2026-12-01", PAID },
	  "【11月21日（周六）15:59 已到期】逾期未发货 · " ID " · ACME GmbH · USD 12,400.00",
	  { "发货期限已过：北京时间 2026年11月21日（周六）15:59，即美国太平洋时间 11月20日（周五）23:59", "已逾期 2 天 7 小时。",
	    "该订单还没有发货", "买家已确认的新日期" } },
	{ DW_EXTENSION_DECLINED, NOW,
	  { "status", "awaiting_shipment", "promised_at", "2026-11-30", "expected_ship_at", "2026-12-10", "extension_state", "declined",
	    "extension_until", "2026-12-12", PAID },
	  "【12月1日（周二）15:59 前】买家拒绝延期 · " ID " · ACME GmbH · USD 12,400.00",
	  { "买家拒绝了延至 2026年12月12日（周六）的延期申请", "如果已经重新申请或已经发货，请忽略本邮件" } },
	{ DW_EXTEND_SHIP_DATE, NOW,
	  { "status", "awaiting_shipment", "promised_at", "2026-11-30", "agreed_at", "2026-12-10", "url",
	    "https://trade.example.com/order?id=2341", PAID },
	  "【11月27日（周五）15:59 前】延长发货时间 · " ID " · ACME GmbH · USD 12,400.00",
	  { "截止时间：北京时间 2026年11月27日（周五）15:59，即美国太平洋时间 11月26日（周四）23:59",
	    "还剩 3 天 16 小时。", "请在截止时间前在平台上申请延长发货时间", "根据 11月23日 09:30 的导出文件（14 小时前）；如果已经申请延期或已经发货，请忽略本邮件。",
	    "与买家在平台外约定的发货时间：2026年12月10日（周四），来自 shop", "extension_until=2026-12-14" } },
	{ DW_EXTENSION_UNANSWERED, NOW,
	  { "status", "awaiting_shipment", "promised_at", "2026-11-30", "expected_ship_at", "2026-12-10", "extension_state",
	    "requested", "extension_until", "2026-12-12", PAID },
	  "【12月1日（周二）15:59 前】请买家确认延期 · " ID " · ACME GmbH · USD 12,400.00",
	  { "延至 2026年12月12日（周六）的延期申请已经提交，但买家还没有确认", "Dear ACME GmbH," } },
	{ DW_CONFIRM_SHIP_DATE, NOW, { "status", "awaiting_shipment", "promised_at", "2026-11-30", "created_at", "2026-11-01" },
	  "【11月27日（周五）15:59 前】能否按时发货？ · " ID,
	  { "该订单能在 2026年11月30日（周一）前发出吗？", "还没有人说明货物实际什么时候能发出", "请先把 YYYY-MM-DD 换成实际日期" } },
	{ DW_SHIP_BY, NOW, { "status", "partly_shipped", "promised_at", "2026-11-30", "expected_ship_at", "2026-11-28", PAID },
	  "【12月1日（周二）15:59 前】按期发货 · " ID " · ACME GmbH · USD 12,400.00",
	  { "请在截止时间前发出其余货物。预计发货时间：2026年11月28日（周六）。", "状态：部分发货，来自 shop" } },
	{ DW_EXTEND_RECEIPT, NOW,
	  { "status", "shipped", "shipped_at", "2026-11-01", "transport", "sea", "expected_arrival_at", "2026-12-20", PAID },
	  "【12月15日（周二）15:00 前】延长收货时间 · " ID " · ACME GmbH · USD 12,400.00",
	  { "货物预计 2026年12月20日（周日）到达", "延长 15 天，到 2026年12月30日（周三）", "运输方式：海运",
	    "为发货后 45 天（运输方式：海运），依据 alibaba 规则",
	    "12月15日（周二）23:00  +1 天   自动确认收货", "放款将从 2026年12月15日（周二）之后推迟到 2026年12月30日（周三）之后。" } },
	{ DW_DISPUTE, NOW, { "status", "disputed", "promised_at", "2026-11-30", "amount", "98000", "currency", "CNY" },
	  "【11月26日（周四）23:30 前】处理纠纷 · " ID " · ¥98,000.00",
	  { "买家已发起纠纷。", "算数的是平台纠纷页面上的内容", "平台可能不听卖家陈述就作出裁决",
	    "> 11月23日（周一）07:30         现在", "第 7 天，即 2026年11月29日（周日）：平台自动介入。",
	    "10% 为 ¥9,800.00，25% 为 ¥24,500.00，50% 为 ¥49,000.00。" } },
	{ DW_AUTO_CONFIRMED_UNDELIVERED, NOW,
	  { "status", "completed", "shipped_at", "2026-11-05T00:00:00Z", "transport", "express", "completed_at", "2026-11-20",
	    "expected_arrival_at", "2026-12-01", PAID },
	  "货未到已自动确认收货 · " ID " · ACME GmbH · USD 12,400.00",
	  { "平台已于 2026年11月20日（周五）自动确认收货，但货物预计 2026年12月1日（周二）才到", "买家还没有拿到货" } },
	{ DW_SHIPPED_LATE, NOW, { "status", "shipped", "shipped_at", "2026-11-05", "promised_at", "2026-11-02", PAID },
	  "已延迟发货：请保留证据 · " ID " · ACME GmbH · USD 12,400.00",
	  { "该订单于 2026年11月5日（周四）发货，晚于约定的 2026年11月2日（周一）" } },
};

static void check_kind(struct zh_shop *z, const struct kind_case *c)
{
	struct sample o;
	struct dw_mail m;
	struct dw_mail_view v;
	char name[64];

	sample_make(&z->s, &o, ID, utc(c->now), c->fields);
	assert_int_equal(o.item.kind, c->kind);
	o.told[0] = (struct dw_told){ .side = o.item.side, .kind = c->kind, .person = BO, .state = DW_STEP_MAILED,
				      .at = utc("2026-11-22T08:00:00Z") };
	o.item.n_told = 1;
	v = view_of(&z->s, DW_MAIL_ALERT, utc(c->now), &o.item, 1);
	compose(&z->s, &m, &v);
	snprintf(name, sizeof(name), "kind-%s", dw_kinds[c->kind].name);
	zh_preview(name, &m);
	assert_mail(&m);
	assert_string_equal(m.subject, c->subject);
	for (size_t i = 0; i < DW_COUNT(c->says) && c->says[i]; i++)
		says(m.text, c->says[i]);
	for (const char *const *w = (const char *const[]){ "怎么做", "涉及金额与后果", "依据", "还通知了谁", "bo：11月22日（周日）16:00 已通知",
							   "已经着手处理？", "duewatch ack " ID, "未注明时区的时间均为北京时间。", NULL };
	     *w; w++)
		says(m.text, *w);
	assert_no_english(m.text);
	has(m.html, "<html lang=\"zh-CN\"", true);
	dw_mail_fini(&m);
	sample_free(&o);
}

static void each_kind_speaks_chinese(void **state)
{
	struct zh_shop z;
	unsigned seen = 0;

	(void)state;
	zh_open(&z);
	for (size_t i = 0; i < DW_COUNT(kinds); i++) {
		check_kind(&z, &kinds[i]);
		seen |= 1U << kinds[i].kind;
	}
	z.s.pack.extension = DW_EXT_BY_NOBODY;
	check_kind(&z, &(struct kind_case){ DW_LATE_AHEAD, NOW,
					    { "status", "awaiting_shipment", "promised_at", "2026-11-30", "expected_ship_at",
					      "2026-12-10", PAID },
					    "【12月1日（周二）15:59 前】预计延迟发货 · " ID " · ACME GmbH · USD 12,400.00",
					    { "该平台又不支持延长发货时间", "可以告知买家的日期" } });
	seen |= 1U << DW_LATE_AHEAD;
	assert_int_equal(seen, (1U << DW_KIND_COUNT) - 1);
	zh_close(&z);
}

/* ---- who may extend, and what a claim is argued with ---- */

static char *order_mail(struct zh_shop *z, struct sample *o, const char *name)
{
	struct dw_mail_view v = view_of(&z->s, DW_MAIL_ALERT, utc(NOW), &o->item, 1);
	struct dw_mail m;
	char *text;

	compose(&z->s, &m, &v);
	if (name)
		zh_preview(name, &m);
	assert_mail(&m);
	assert_no_english(m.text);
	text = dw_strdup(m.text);
	assert_non_null(text);
	dw_mail_fini(&m);
	sample_free(o);
	return text;
}

static void limits_speak_chinese(void **state)
{
	static const struct {
		enum dw_receipt_by by;
		int seller, buyer;
		const char *used, *arrival, *says, *also;
	} cases[] = {
		{ DW_RECEIPT_BY_BOTH, 1, 1, "1", "2027-01-10", "已经延长过 1 次。数据中看不出是哪一方延长的：如果是卖家，现在就只有买家还能延长。", "这是最后一次延长的机会" },
		{ DW_RECEIPT_BY_BOTH, 2, 0, "0", "2027-01-10", "卖家可以延长收货时间 2 次，买家可以延长（次数不详）。", "只延长一次不够：其余请买家操作。" },
		{ DW_RECEIPT_BY_SELLER, 2, 0, "0", "2027-02-20", "只有卖家能延长收货时间，买家只能请卖家操作。卖家可以延长 2 次。", "货物预计 2027年2月20日（周六）才到，还是不够，又不能再多延：请现在就告知买家。只延长一次不够。" },
		{ DW_RECEIPT_BY_SELLER, 0, 0, "0", "2026-12-20", "买家只能请卖家操作。能延长几次，目前不详。", "receipt_extensions=1" },
		{ DW_RECEIPT_BY_BUYER, 0, 3, "0", "2027-01-10", "只有买家能延长收货时间，卖家不能。买家可以延长 3 次。", "此后几次也请买家操作。" },
		{ DW_RECEIPT_BY_NOBODY, 0, 0, "0", "2027-01-10", "该平台不支持延长收货时间。", "收货时间已经不能再延长，请与买家商定货到之前怎样处理。" },
		{ DW_RECEIPT_BY_BOTH, 1, 1, "2", "2027-03-01", "已经延长过 2 次。- 延长次数已经用完：收货时间不能再改。", "1. 今天就联系买家" },
		{ DW_RECEIPT_BY_UNKNOWN, 0, 0, "1", "2027-01-10", "该平台由谁延长收货时间、能延长几次，目前不详", "receipt_extensions=2" },
	};
	struct zh_shop z;

	(void)state;
	zh_open(&z);
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		DW_FREE char *text = NULL;
		struct sample o;

		z.s.pack.receipt_by = cases[i].by;
		z.s.pack.receipt_seller_times = cases[i].seller;
		z.s.pack.receipt_buyer_times = cases[i].buyer;
		SAMPLE(&z.s, &o, ID, utc(NOW), "status", "shipped", "shipped_at", "2026-11-01T00:00:00Z", "transport", "sea",
		       "expected_arrival_at", cases[i].arrival, "receipt_extensions", cases[i].used);
		assert_int_equal(o.item.kind, DW_EXTEND_RECEIPT);
		text = order_mail(&z, &o, *cases[i].used == '2' ? "receipt-over" : NULL);
		says(text, cases[i].says);
		says(text, cases[i].also);
	}
	zh_close(&z);
}

static void a_claim_is_argued_in_chinese(void **state)
{
	static const struct dw_mail_proof proof[] = {
		{ .at = 1794700000, .field = DW_F_PROMISED_AT, .by = "shop", .value = "2026-11-10" },
		{ .at = 1794800000, .field = DW_F_AGREED_AT, .hand = true, .by = "bo", .value = "2026-11-19" },
		{ .at = 1794900000, .field = DW_F_EXTENSION_STATE, .by = "shop", .value = "accepted" },
		{ .at = 1795000000, .field = DW_F_EXTENSION_UNTIL, .hand = true, .withdrawn = true, .by = "bo" },
	};
	static const struct {
		const char *name, *fields[26], *says[9];
	} cases[] = {
		{ "dispute-late",
		  { "status", "disputed", "promised_at", "2026-11-10", "extension_state", "accepted", "extension_until", "2026-11-15", "agreed_at",
		    "2026-11-19", "shipped_at", "2026-11-18", "transport", "sea", "expected_arrival_at", "2026-12-20", PAID },
		  { "平台上最初约定的发货时间：北京时间 2026年11月11日（周三）15:59，即美国太平洋时间 11月10日（周二）23:59。后延至北京时间 2026年11月16日",
		    "买家已在平台上确认：这是最有力的证据。", "与买家在平台外约定的发货时间：2026年11月19日（周四），来自 shop。平台上的日期并不因此改变",
		    "运输方式：海运。比约定晚 3 天。", "货物预计 2026年12月20日（周日）到达。", "shop 显示：平台上的发货时间 2026年11月10日（周二）。",
		    "bo 登记：与买家约定的发货时间 2026年11月19日（周四）。", "shop 显示：延期已确认。- 11月18日（周三）19:06：bo 撤回了登记的申请延至的日期。",
		    "数据显示，该订单晚发货 3 天：除非有平台上确认过的延期" } },
		{ "dispute-unshipped", { "status", "disputed", "promised_at", "2026-11-20" },
		  { "数据显示，该订单还没有发货。发货时间已过 3 天。", "全额退款，外加退运费用", "则最多赔付全部货款。数据显示，该订单还没有发货，而发货时间已过：" } },
		{ "dispute-asked",
		  { "status", "disputed", "promised_at", "2026-11-30", "extension_state", "requested", "extension_until", "2026-12-12", "shipped_at",
		    "2026-11-18", PAID },
		  { "平台上的延期申请：延至 2026年12月12日（周六），来自 shop。买家还没有确认，因此不算数。", "属按时发货。",
		    "该订单是按时发货的：承运商的揽收记录就是证据。" } },
	};
	struct zh_shop z;

	(void)state;
	zh_open(&z);
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		DW_FREE char *text = NULL;
		struct sample o;

		sample_make(&z.s, &o, ID, utc(NOW), cases[i].fields);
		assert_int_equal(o.item.kind, DW_DISPUTE);
		o.item.proof = proof;
		o.item.n_proof = i ? 0 : DW_COUNT(proof);
		text = order_mail(&z, &o, cases[i].name);
		for (size_t k = 0; k < DW_COUNT(cases[i].says) && cases[i].says[k]; k++)
			says(text, cases[i].says[k]);
	}
	zh_close(&z);
}

/* ---- mails about many orders ---- */

struct book {
	struct sample o[7];
	struct dw_mail_item item[7];
};

static void open_book(struct zh_shop *z, struct book *b)
{
	struct shop *s = &z->s;
	dw_time now = utc("2026-11-24T00:30:00Z");

	SAMPLE(s, &b->o[0], "234100000000000001", now, "status", "awaiting_shipment", "promised_at", "2026-11-20",
	       "expected_ship_at", "2026-12-01", "buyer", "Northwind Traders", "amount", "8210.50", "currency", "USD");
	SAMPLE(s, &b->o[1], "234100000000000002", now, "status", "disputed", "buyer", "Fabrikam Inc.", "amount", "640", "currency",
	       "EUR", "promised_at", "2026-11-01");
	SAMPLE(s, &b->o[2], ID, now, "status", "awaiting_shipment", "promised_at", "2026-11-30", "agreed_at", "2026-12-10", PAID);
	SAMPLE(s, &b->o[3], "234100000000000004", now, "status", "awaiting_shipment", "promised_at", "2026-11-30", "buyer",
	       "深圳市前海远大国际贸易有限公司", "amount", "98000", "currency", "CNY", "created_at", "2026-11-01");
	SAMPLE(s, &b->o[4], "234100000000000007", now, "status", "awaiting_shipment", "promised_at", "2026-09-20", "buyer",
	       "Old Mill & Sons", "amount", "77.00", "currency", "USD");
	SAMPLE(s, &b->o[5], "234100000000000008", now, "status", "awaiting_shipment", "promised_at", "2026-12-21", "buyer",
	       "Tailspin Toys", "amount", "1999.00", "currency", "USD");
	SAMPLE(s, &b->o[6], "234100000000000009", now, "status", "awaiting_shipment", "promised_at", "2026-12-20", "buyer",
	       "Wide World Importers", "expected_ship_at", "2026-12-01");
	for (size_t i = 0; i < DW_COUNT(b->o); i++)
		b->item[i] = b->o[i].item;
	b->item[4].dormant = true;
	b->item[5].resolved = true;
	b->item[5].side = DW_SIDE_SHIP;
	b->item[5].kind = DW_EXTEND_SHIP_DATE;
	b->item[6].missing_since = utc("2026-11-21T00:30:00Z");
	b->o[2].ack = (struct dw_ack){ .at = now - 7200, .until = utc("2026-11-26T00:00:00Z"), .by = "bo" };
	b->item[2].ack = &b->o[2].ack;
}

static void mails_about_many_orders_speak_chinese(void **state)
{
	static const struct dw_note rejected = { "cells_rejected", { { .name = "feed", .text = "shop" },
								   { .name = "n", .type = DW_NOTE_NUMBER, .num = 2 },
								   { .name = "lines", .type = DW_NOTE_LINES, .text = "line 7: bad" } } };
	static const struct {
		enum dw_mail_type type;
		const char *name, *subject, *says[14];
	} cases[] = {
		{ DW_MAIL_ALERT, "alert", "今天有 4 个订单需要处理 · 已逾期 1 项 · 最早 11月27日（周五）08:30 到期",
		  { "今天有 4 个订单需要处理。", "其中 1 项已逾期。接下来最早的截止时间是 11月27日（周五）08:30。以下按紧急程度排列。",
		    "已逾期 2 天 16 小时 · 逾期未发货", "还剩 3 天 · 处理纠纷", "EUR 640.00", "逐单说明", "跟进人：bo。" } },
		{ DW_MAIL_DAILY, "daily", "2026年11月24日（周二）订单汇总：新增 4 项，待处理 4 项 · 已逾期 1 项 · 最早 11月27日（周五）08:30 到期",
		  { "==== 新增 ====", "==== 已解决的订单 ====", "以下订单无需再处理。", "当前状态：待发货，发货时间 2026年12月21日（周一）。",
		    "==== 全部待处理 ====", "先按剩余时间、再按金额排列。", "¥98,000.00", "==== 数据中已没有的订单 ====",
		    "自 11月21日（周六）08:30 起数据中没有该订单。", "==== 数据情况 ====",
		    "shop：正常。数据时间 11月23日 09:30（23 小时前），214 个订单。1 处单元格或行无法识别（详见 duewatch feed shop）。",
		    "==== 其他事项 ====", "- line 7: bad", "==== 逾期已久 ====" } },
		{ DW_MAIL_FIRST_LOOK, "first-look", "首次检查（shop）：4 个订单需要处理 · 已逾期 1 项 · 最早 11月27日（周五）08:30 到期",
		  { "首次检查（shop）的结果", "有 4 个订单需要处理，其中 1 项已逾期。", "今后只有在需要处理时才会收到提醒。",
		    "==== 需要处理的订单 ====", "==== 逾期已久 ====", "逾期已超过 14 天", "==== 处理步骤：最紧急的 4 项 ====" } },
		{ DW_MAIL_FEED, "feed", "数据源 shop 有 2 处数据无法使用",
		  { "==== 请人工核对 ====", "以下订单的截止时间已过或将至，但数据太旧，无法判断是否已处理。" } },
	};
	struct zh_shop z;
	struct book b;

	(void)state;
	zh_open(&z);
	open_book(&z, &b);
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		struct dw_mail_view v = view_of(&z.s, cases[i].type, utc("2026-11-24T00:30:00Z"), b.item, cases[i].type == DW_MAIL_ALERT ? 4 : 6);
		struct dw_mail m;

		v.open = b.item;
		v.n_open = 4;
		v.missing = &b.item[6];
		v.n_missing = 1;
		v.feed = &z.s.health;
		v.n_feed = 1;
		v.note = &rejected;
		v.n_note = cases[i].type == DW_MAIL_DAILY || cases[i].type == DW_MAIL_FEED;
		compose(&z.s, &m, &v);
		zh_preview(cases[i].name, &m);
		assert_mail(&m);
		assert_string_equal(m.subject, cases[i].subject);
		for (size_t k = 0; k < DW_COUNT(cases[i].says) && cases[i].says[k]; k++)
			says(m.text, cases[i].says[k]);
		dw_mail_fini(&m);
	}
	for (size_t i = 0; i < DW_COUNT(b.o); i++)
		sample_free(&b.o[i]);
	zh_close(&z);
}

/* Links to answer by, what came of an answer, days off, the day's last mail. */
static void answers_and_days_off_speak_chinese(void **state)
{
	static const unsigned char key[DW_TOKEN_KEY] = "a key";
	const struct dw_command c[] = {
		{ .verb = DW_VERB_FILED, .date = "2026-12-12" }, { .verb = DW_VERB_YES }, { .verb = DW_VERB_ACK, .span = 2 * DW_DAY, .order = "99" },
		{ .verb = DW_VERB_CLOSE, .note = "已退款" },
	};
	const struct dw_reply_line line[] = {
		{ .command = &c[0], .order_id = ID, .day = DW_UNKNOWN },
		{ .command = &c[1], .result = DW_REPLY_REFUSED, .refusal = DW_REFUSED_SHIP_DATE_OVER, .order_id = ID, .day = DW_UNKNOWN },
		{ .command = &c[2], .result = DW_REPLY_STRANGE, .day = DW_UNKNOWN },
		{ .command = &c[3], .result = DW_REPLY_WHICH, .day = DW_UNKNOWN },
	};
	const char *const which[] = { "234100000000000001", ID };
	const struct dw_reply_answer a = { .line = line, .n_line = DW_COUNT(line), .unknown = "确认", .unknown_why = dw_why_names[DW_WHY_TWO_WAYS],
					   .which = which, .n_which = 2 };
	const dw_time now = utc("2026-11-24T00:30:00Z");
	const int32_t off = dw_day_number(2026, 11, 26);
	const struct dw_closure closure = { .first = off, .last = off + 5, .from = now + 2 * DW_DAY, .to = now + 8 * DW_DAY, .before = 3 };
	struct dw_mail_view v;
	struct zh_shop z;
	struct dw_mail m;
	struct book b;

	(void)state;
	zh_open(&z);
	open_book(&z, &b);
	v = view_of(&z.s, DW_MAIL_ANSWER, now, &b.item[2], 1);
	v.answer = &a;
	v.title = "Re: 延长发货时间";
	compose(&z.s, &m, &v);
	zh_preview("answer", &m);
	assert_mail(&m);
	assert_no_english(m.text);
	says(m.text, "订单 " ID "：已登记在平台上申请延期至 2026-12-12。");
	says(m.text, "未生效（订单 " ID "）：能按时发货 原因：约定的发货时间已过。请写明哪天发出，例如：预计发货 2026-12-10");
	says(m.text, "未生效：我来处理 2天 您所回复的邮件与订单 99 无关。");
	says(m.text, "例如：已解决 订单号：已退款");
	says(m.text, "未能识别：确认 原因：可能有两种意思");
	says(m.text, "跟进人：bo；");
	dw_mail_fini(&m);

	v = view_of(&z.s, DW_MAIL_CLOSURE, now, &b.item[1], 3);
	v.closure = &closure;
	v.per_day = 1;
	v.n_held = 2;
	v.last_before = now + DW_DAY;
	compose(&z.s, &m, &v);
	zh_preview("closure", &m);
	assert_mail(&m);
	assert_string_equal(m.subject, "休假前请处理：2026年11月26日（周四）至 2026年12月1日（周二）期间有 3 项到期 · 最早 11月27日（周五）08:30 到期");
	says(m.text, "这 6 天里没有人看邮件。");
	says(m.text, "==== 休假期间到期的事项 ====");
	says(m.text, "受每天最多 1 封邮件的限制（mails_per_day），本邮件中有 2 项推迟到此时才通知。");
	says(m.text, "今天只发这一封邮件。此后新出现");
	dw_mail_fini(&m);

	z.s.config.replies = (struct dw_replies_conf){ .address = (char *)"answers@example.com", .token_days = 30 };
	v = view_of(&z.s, DW_MAIL_ALERT, now, &b.item[3], 1);
	v.token_key = key;
	compose(&z.s, &m, &v);
	zh_preview("links", &m);
	assert_mail(&m);
	says(m.text, "\n用邮件回复\n");
	dw_mail_fini(&m);
	for (size_t i = 0; i < DW_COUNT(b.o); i++)
		sample_free(&b.o[i]);
	zh_close(&z);
}

static void good_news_is_short(void **state)
{
	static const struct {
		enum dw_kind kind;
		const char *fields[12], *says;
	} cases[] = {
		{ DW_OVERDUE, { "status", "shipped", "promised_at", "2026-11-21", "shipped_at", "2026-11-20" },
		  "无需再处理。订单已标记为发货，发货时间 2026年11月20日（周五）。以上依据 11月23日 09:30 的导出文件。" },
		{ DW_OVERDUE, { "status", "shipped", "promised_at", "2026-11-19", "shipped_at", "2026-11-20" },
		  "发货时间一事无需再处理。订单发货晚于约定，请保留双方约定的证据。" },
		{ DW_EXTEND_SHIP_DATE, { "status", "awaiting_shipment", "promised_at", "2026-12-14", "expected_ship_at", "2026-12-10" },
		  "平台上的发货时间现为 2026年12月14日（周一），具体为北京时间 2026年12月15日（周二）15:59，即美国太平洋时间" },
		{ DW_EXTEND_RECEIPT, { "status", "completed", "shipped_at", "2026-11-01" }, "买家已收到货物，交易已完成。" },
		{ DW_DISPUTE, { "status", "completed", "shipped_at", "2026-11-01" }, "纠纷已结束。订单当前状态：交易完成。" },
		{ DW_SHIP_BY, { "status", "cancelled" }, "订单已取消。" },
	};
	struct zh_shop z;

	(void)state;
	zh_open(&z);
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		struct dw_mail_view v;
		struct sample o;
		struct dw_mail m;

		sample_make(&z.s, &o, ID, utc(NOW), cases[i].fields);
		o.item.resolved = true;
		o.item.kind = cases[i].kind;
		o.item.side = dw_kinds[cases[i].kind].side;
		v = view_of(&z.s, DW_MAIL_RESOLVED, utc(NOW), &o.item, 1);
		compose(&z.s, &m, &v);
		zh_preview(dw_kinds[cases[i].kind].name, &m);
		assert_mail(&m);
		assert_int_equal(strncmp(m.subject, "【已解决】", strlen("【已解决】")), 0);
		says(m.text, cases[i].says);
		dw_mail_fini(&m);
		sample_free(&o);
	}
	zh_close(&z);
}

/* ---- what is told besides orders ---- */

struct note_case {
	struct dw_note note;
	const char *subject, *says;
};

#define V(n, t) { .name = n, .text = t }
#define N(n, type_, x) { .name = n, .type = type_, .num = x }

static const struct note_case notes[] = {
	{ { "feed_error", { V("feed", "shop"), V("error", "orders.csv:7: no header") } }, "数据源 shop 出错，请检查",
	  "出错原因：orders.csv:7: no header" },
	{ { "feed_stale", { V("feed", "shop"), N("age", DW_NOTE_AGE, 26 * 3600), N("data", DW_NOTE_INSTANT, 1795397400) } },
	  "数据源 shop 已 26 小时没有更新", "最近一次有效数据是 11月23日（周一）09:30 的，此后平台上的变化无从得知" },
	{ { "cells_rejected", { V("feed", "shop"), N("n", DW_NOTE_NUMBER, 2), { "lines", DW_NOTE_LINES, "line 7: bad\nline 9: bad", 0 } } },
	  "数据源 shop 有 2 处数据无法使用", "- line 9: bad" },
	{ { "hand_outvoted", { V("order_id", ID), N("field", DW_NOTE_FIELD, DW_F_STATUS), N("record", DW_NOTE_NUMBER, 1),
			       N("said", DW_NOTE_STATUS, DW_SHIPPED), N("says", DW_NOTE_STATUS, DW_AWAITING_SHIPMENT) } },
	  "订单 " ID "：您登记的状态不再生效", "您登记的状态是“已发货”，而平台上仍显示“待发货”。" },
	{ { "hand_outvoted", { V("order_id", ID), N("field", DW_NOTE_FIELD, DW_F_EXPECTED_SHIP_AT),
			       N("said", DW_NOTE_DATE, 1795879799), V("says", NULL) } },
	  "订单 " ID "：您登记的预计发货时间不再生效", "您登记的预计发货时间是“2026年11月28日（周六）23:29”，而最新数据没有这一项。" },
	{ { "deadlines_moved", { N("n", DW_NOTE_NUMBER, 12) } }, "截止时间有变动", "12 个截止时间随之调整" },
	{ { "unaccounted", { V("wrong", "3 steps owed, 2 accounted for") } }, "有记录对不上", "没有收到提醒不等于没有问题" },
	{ { "acked", { V("by", "bo"), N("kind", DW_NOTE_KIND, DW_OVERDUE), V("order_id", ID), N("until", DW_NOTE_INSTANT, 1795879799),
		       V("words", "工厂说周四发") } },
	  "bo 已在跟进：逾期未发货，订单 " ID, "11月28日（周六）23:29 之前不再提醒任何人。备注：工厂说周四发" },
	{ { "redirected", { V("person", "bo"), V("address", "bo@example.com"), V("answer", "550 5.1.1 unknown") } }, "duewatch 通知",
	  "本邮件原应发给 bo，但其邮箱 bo@example.com 被邮件服务器拒收：550 5.1.1 unknown" },
	{ { "test_mail", { { 0 } } }, "duewatch 测试邮件", "说明 duewatch 的邮件可以送达" },
};

static void each_note_speaks_chinese(void **state)
{
	struct zh_shop z;

	(void)state;
	zh_open(&z);
	for (size_t i = 0; i < DW_COUNT(notes); i++) {
		struct dw_mail_view v = view_of(&z.s, DW_MAIL_NOTE, utc(NOW), NULL, 0);
		struct dw_mail m;

		v.note = &notes[i].note;
		v.n_note = 1;
		compose(&z.s, &m, &v);
		zh_preview(notes[i].note.name, &m);
		assert_mail(&m);
		assert_string_equal(m.subject, notes[i].subject);
		says(m.text, notes[i].says);
		dw_mail_fini(&m);
	}
	zh_close(&z);
}

/* A pack's texts are the platform's part of the mail: what it says in one language it says in the other. But its text for
 * the buyer is in the buyer's language, and given once, as "en": a pack made of this one that puts its own there must not
 * meet ours again with a reader of Chinese. */
static void packs_say_the_same_in_both_languages(void **state)
{
	struct zh_shop z;

	(void)state;
	zh_open(&z);
	assert_true(z.packs->n_packs >= 9);
	for (size_t i = 0; i < z.packs->n_packs; i++) {
		const struct dw_pack *p = &z.packs->packs[i];

		for (size_t k = 0; k < p->n_texts; k++) {
			bool en = strcmp(p->texts[k].language, "en") == 0, there = false;
			const char *other = en ? "zh-CN" : "en";

			if (strcmp(p->texts[k].key, "buyer_text") == 0 || strcmp(p->texts[k].key, "buyer_text_receipt") == 0) {
				size_t n, n_en;

				if (!en)
					fail_msg("pack %s: %s is for the buyer, en alone says it", p->name, p->texts[k].key);
				assert_ptr_equal(dw_pack_text_find(p, p->texts[k].key, "zh-CN", &n),
						 dw_pack_text_find(p, p->texts[k].key, "en", &n_en));
				assert_int_equal(n, n_en);
				continue;
			}
			for (size_t j = 0; j < p->n_texts; j++)
				there |= strcmp(p->texts[j].key, p->texts[k].key) == 0 && strcmp(p->texts[j].language, other) == 0;
			if (!there)
				fail_msg("pack %s says %s only in %s", p->name, p->texts[k].key, p->texts[k].language);
		}
	}
	zh_close(&z);
}

/* ---- lines ---- */

static void lines_break_as_chinese_breaks(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		/* 36 characters fill a line: a mark that closes takes the one before it along */
		{ "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六，七", "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五\n六，七\n" },
		{ "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五（六）七", "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五\n（六）七\n" },
		{ "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五“六”七八", "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五\n“六”七八\n" },
		/* a Latin word and a date stay whole */
		{ "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四 word五六", "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四\nword五六\n" },
		{ "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四11月28日（周六）", "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四\n11月28日（周六）\n" },
		{ "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十，11月28日（周六）15:59", "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十，\n11月28日（周六）15:59\n" },
		{ "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十11月28日，（周六）", "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十11月28日，\n（周六）\n" },
		/* marks in a row, longer than a line: nothing is lost */
		{ "。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。", "。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。。\n。。\n" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		DW_BUF b = { 0 };

		dw_wrap(&b, cases[i].in);
		assert_string_equal(dw_buf_str(&b), cases[i].out);
	}
}

static void spans_and_places(void **state)
{
	static const struct {
		int64_t s;
		const char *span, *age, *left;
	} cases[] = {
		{ 5, "不到 1 分钟", "0 分钟", "还剩不到 1 分钟" },
		{ 61, "1 分钟", "1 分钟", "还剩 1 分钟" },
		{ 3600 + 120, "1 小时 2 分钟", "1 小时", "还剩 1 小时 2 分钟" },
		{ 7 * 3600 + 120, "7 小时", "7 小时", "还剩 7 小时" },
		{ 2 * DW_DAY + 4 * 3600, "2 天 4 小时", "2 天", "还剩 2 天 4 小时" },
		{ 20 * DW_DAY + 4 * 3600, "20 天", "20 天", "还剩 20 天" },
	};
	const struct dw_zone named[] = { { .name = "Asia/Shanghai" }, { .name = "America/New_York" }, { .name = "America/Argentina/Buenos_Aires" } };
	const char *const places[] = { "北京时间", "美国东部时间", "Buenos Aires 时间" };
	const struct dw_words *w = dw_words_find("zh-CN");

	(void)state;
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		DW_BUF span = { 0 };
		DW_BUF age = { 0 };
		DW_BUF left = { 0 };

		w->span(&span, cases[i].s);
		w->age(&age, cases[i].s);
		w->left(&left, cases[i].s);
		assert_string_equal(dw_buf_str(&span), cases[i].span);
		assert_string_equal(dw_buf_str(&age), cases[i].age);
		assert_string_equal(dw_buf_str(&left), cases[i].left);
	}
	for (size_t i = 0; i < DW_COUNT(named); i++) {
		DW_BUF b = { 0 };

		w->place(&b, &named[i]);
		assert_string_equal(dw_buf_str(&b), places[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mails_about_many_orders_speak_chinese),
		cmocka_unit_test(answers_and_days_off_speak_chinese),
		cmocka_unit_test(good_news_is_short),
		cmocka_unit_test(each_note_speaks_chinese),
		cmocka_unit_test(packs_say_the_same_in_both_languages),
		cmocka_unit_test(lines_break_as_chinese_breaks),
		cmocka_unit_test(spans_and_places),
		cmocka_unit_test(each_kind_speaks_chinese),
		cmocka_unit_test(limits_speak_chinese),
		cmocka_unit_test(a_claim_is_argued_in_chinese),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
