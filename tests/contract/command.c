/* reply.h: lines people type, as commands or as nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "duewatch/reply.h"

#define TODAY "2026-11-25" /* a Wednesday */

static const struct {
	const char *line;
	enum dw_verb verb;
	int64_t span;
	const char *date, *order, *note;
} good[] = {
	/* the words themselves */
	{ "ack", DW_VERB_ACK },
	{ "ack 2d", DW_VERB_ACK, 172800 },
	{ "ship 2026-12-10", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "agreed 2026-12-10", DW_VERB_AGREED, 0, "2026-12-10" },
	{ "filed 2026-12-12", DW_VERB_FILED, 0, "2026-12-12" },
	{ "arrives 2026-12-20", DW_VERB_ARRIVES, 0, "2026-12-20" },
	{ "yes", DW_VERB_YES },
	{ "close", DW_VERB_CLOSE },
	{ "close paid back", DW_VERB_CLOSE, 0, NULL, NULL, "paid back" },
	{ "close: the buyer took half, if only just", DW_VERB_CLOSE, 0, NULL, NULL, "the buyer took half, if only just" },
	/* as people type them */
	{ "  ACK. ", DW_VERB_ACK },
	{ "Ack!", DW_VERB_ACK },
	{ "\"ack\"", DW_VERB_ACK },
	{ "“ack”", DW_VERB_ACK },
	{ "*ack*", DW_VERB_ACK },
	{ "ack, thanks", DW_VERB_ACK },
	{ "Got it, thank you!", DW_VERB_ACK },
	{ "I’m on it", DW_VERB_ACK },
	{ "ＡＣＫ　２ｄ", DW_VERB_ACK, 172800 },
	{ "ack for 36 hours", DW_VERB_ACK, 129600 },
	{ "ack 2 days", DW_VERB_ACK, 172800 },
	{ "ack two days", DW_VERB_ACK, 172800 },
	{ "ack 1d12h", DW_VERB_ACK, 129600 },
	{ "ack 1w", DW_VERB_ACK, 604800 },
	{ "ship: 2026-12-10", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "Ship 2026/12/10", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "ship 2026.12.1", DW_VERB_SHIP, 0, "2026-12-01" },
	{ "ship 20261210", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "ships on 10 Dec", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "ship 10th of December", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "ship Dec 10", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "ship Dec. 10, 2026", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "ship Dec 10th", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "ship 10-Dec-2026", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "ship Thu 10 Dec 2026", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "ship 2026-12-10 (Thursday)", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "ship 25 Nov", DW_VERB_SHIP, 0, "2026-11-25" },
	{ "ship 3 Feb", DW_VERB_SHIP, 0, "2027-02-03" },
	{ "filed until 12 Dec", DW_VERB_FILED, 0, "2026-12-12" },
	{ "extension filed: 2026-12-12", DW_VERB_FILED, 0, "2026-12-12" },
	{ "ETA 2026-12-20", DW_VERB_ARRIVES, 0, "2026-12-20" },
	{ "Yes, it will.", DW_VERB_YES },
	{ "on time", DW_VERB_YES },
	/* Chinese */
	{ "收到", DW_VERB_ACK },
	{ "收到，谢谢！", DW_VERB_ACK },
	{ "确认收到。", DW_VERB_ACK },
	{ "知道了", DW_VERB_ACK },
	{ "收到 2天", DW_VERB_ACK, 172800 },
	{ "收到，两天", DW_VERB_ACK, 172800 },
	{ "处理中 36小时", DW_VERB_ACK, 129600 },
	{ "发货 12月10日", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "发货12月10号", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "发货：2026年12月10日", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "预计１２月１０日发货", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "12月10日发货", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "发货 12月10日（周四）", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "發貨 12月10日", DW_VERB_SHIP, 0, "2026-12-10" },
	{ "已同意 12月10日", DW_VERB_AGREED, 0, "2026-12-10" },
	{ "买家同意 2026-12-10", DW_VERB_AGREED, 0, "2026-12-10" },
	{ "已申请延期至12月12日", DW_VERB_FILED, 0, "2026-12-12" },
	{ "已提交 2026-12-12", DW_VERB_FILED, 0, "2026-12-12" },
	{ "到货 12月20日", DW_VERB_ARRIVES, 0, "2026-12-20" },
	{ "是", DW_VERB_YES },
	{ "是的。", DW_VERB_YES },
	{ "能", DW_VERB_YES },
	{ "按时", DW_VERB_YES },
	{ "可以", DW_VERB_YES },
	{ "能按时发货", DW_VERB_YES },
	{ "关闭", DW_VERB_CLOSE },
	{ "关闭：已退款", DW_VERB_CLOSE, 0, NULL, NULL, "已退款" },
	{ "关闭 已退款", DW_VERB_CLOSE, 0, NULL, NULL, "已退款" },
	{ "已解决", DW_VERB_CLOSE },
	/* with the order's number */
	{ "ack 234100998877665544", DW_VERB_ACK, 0, NULL, "234100998877665544" },
	{ "234100998877665544 ack", DW_VERB_ACK, 0, NULL, "234100998877665544" },
	{ "234100998877665544: ack 2d", DW_VERB_ACK, 172800, NULL, "234100998877665544" },
	{ "ack 2d order #PO-2026-0017", DW_VERB_ACK, 172800, NULL, "PO-2026-0017" },
	{ "ship 234100998877665544 2026-12-10", DW_VERB_SHIP, 0, "2026-12-10", "234100998877665544" },
	{ "ship 2026-12-10 234100998877665544", DW_VERB_SHIP, 0, "2026-12-10", "234100998877665544" },
	{ "ship 20261210 20261211", DW_VERB_SHIP, 0, "2026-12-10", "20261211" },
	{ "close shop/234100998877665544: paid back", DW_VERB_CLOSE, 0, NULL, "shop/234100998877665544", "paid back" },
	{ "close shop/234100998877665544 paid", DW_VERB_CLOSE, 0, NULL, "shop/234100998877665544", "paid" },
	{ "订单 234100998877665544 收到", DW_VERB_ACK, 0, NULL, "234100998877665544" },
	{ "yes 234100998877665544", DW_VERB_YES, 0, NULL, "234100998877665544" },
};

enum { SILENT = -1 }; /* no verb in it: no why */

static const struct {
	const char *line;
	int why;
} bad[] = {
	{ "", SILENT },
	{ "...", SILENT },
	{ "Hello", SILENT },
	{ "We are waiting for the material.", SILENT },
	{ "acknowledgement", SILENT },
	{ "ack-2", SILENT },
	{ "shipment is delayed", SILENT },
	{ "yesterday", SILENT },
	{ "not shipping 2026-12-10", SILENT },
	{ "不能", SILENT },
	{ "不能按时", SILENT },
	{ "没有收到", SILENT },
	{ "不发货 12月10日", SILENT },
	{ "Nack", SILENT },
	{ "I will ship 2026-12-10", SILENT },
	{ "shipped 2026-12-10", SILENT },
	{ "Yes but only if the material arrives", DW_WHY_MORE },
	{ "yes, if the factory delivers", DW_WHY_MORE },
	{ "yes no", DW_WHY_MORE },
	{ "Yes, we will try", DW_WHY_MORE },
	{ "yes?", DW_WHY_QUESTION },
	{ "按时发货吗？", DW_WHY_QUESTION },
	{ "按时发货有困难", DW_WHY_MORE },
	{ "能不能晚两天", DW_WHY_MORE },
	{ "是不是可以延期", DW_WHY_MORE },
	{ "可以的话", DW_WHY_MORE },
	{ "收到货了", DW_WHY_MORE },
	{ "收到货款", DW_WHY_MORE },
	{ "ack ack", DW_WHY_MORE },
	{ "ack and ship 2026-12-10", DW_WHY_MORE },
	{ "ack 2", DW_WHY_MORE },
	{ "ack 0d", DW_WHY_SPAN },
	{ "ack 8d", DW_WHY_SPAN },
	{ "ack 99 weeks", DW_WHY_SPAN },
	{ "ack 2026-12-10", DW_WHY_TAKES_NO_DATE },
	{ "yes 12月10日", DW_WHY_TAKES_NO_DATE },
	{ "on it tomorrow", DW_WHY_MORE },
	{ "ok", DW_WHY_TWO_WAYS },
	{ "OK!", DW_WHY_TWO_WAYS },
	{ "确认", DW_WHY_TWO_WAYS },
	{ "好的，谢谢", DW_WHY_TWO_WAYS },
	{ "Confirmed.", DW_WHY_TWO_WAYS },
	{ "同意", DW_WHY_TWO_WAYS },
	{ "ship", DW_WHY_NO_DATE },
	{ "ship it tomorrow", DW_WHY_NO_DATE },
	{ "ship tomorrow", DW_WHY_NO_DATE },
	{ "ship next week", DW_WHY_NO_DATE },
	{ "发货", DW_WHY_NO_DATE },
	{ "明天发货", SILENT },
	{ "发货 明天", DW_WHY_NO_DATE },
	{ "ship 10 or 11 Dec", DW_WHY_NO_DATE },
	{ "ship 2026-12-10 or 2026-12-11", DW_WHY_MORE },
	{ "ship 2026-12-10 if paid", DW_WHY_MORE },
	{ "ship 2026-12-10 not before", DW_WHY_MORE },
	{ "ship 2026-12-10?", DW_WHY_QUESTION },
	{ "ship 2026-12-10T08:00", DW_WHY_NO_DATE },
	{ "ship 2026-12-100", DW_WHY_NO_DATE },
	{ "ship YYYY-MM-DD", DW_WHY_BLANK_DATE },
	{ "filed YYYY-MM-DD", DW_WHY_BLANK_DATE },
	{ "ship 12/10", DW_WHY_DAY_MONTH },
	{ "ship 12/10/2026", DW_WHY_DAY_MONTH },
	{ "ship 10.12.2026", DW_WHY_DAY_MONTH },
	{ "ship 12-10", DW_WHY_DAY_MONTH },
	{ "ship 2026-02-30", DW_WHY_NO_DAY },
	{ "ship 2026-13-01", DW_WHY_NO_DAY },
	{ "ship 31 Nov", DW_WHY_NO_DAY },
	{ "发货 13月1日", DW_WHY_NO_DAY },
	{ "ship Mon 10 Dec", DW_WHY_WEEKDAY },
	{ "发货 12月10日（周五）", DW_WHY_WEEKDAY },
	{ "ship 2025-12-10", DW_WHY_PAST },
	{ "ship 2026-11-24", DW_WHY_PAST },
	{ "ship 2062-12-10", DW_WHY_FAR },
	{ "ship 2226-12-10", DW_WHY_FAR },
	{ "ship 24 Nov", DW_WHY_FAR },
	{ "ship 10 Oct", DW_WHY_FAR },
	{ "11月20日发货", DW_WHY_FAR },
	{ "12月12日已提交", SILENT },
	{ "filed on 2026-11-26", DW_WHY_FILED_ON },
	{ "agreed on 12 Dec", DW_WHY_FILED_ON },
	{ "filed", DW_WHY_NO_DATE },
	{ "filed an extension", DW_WHY_NO_DATE },
	{ "agreed, but not in writing", DW_WHY_NO_DATE },
	{ "close enough", DW_WHY_CLOSE },
	{ "close the deal first", DW_WHY_CLOSE },
	{ "close when paid", DW_WHY_CLOSE },
	{ "closed for the holidays", DW_WHY_CLOSE },
	{ "settled with buyer, new date", DW_WHY_CLOSE },
	{ "已解决一半", DW_WHY_CLOSE },
	{ "close?", DW_WHY_QUESTION },
	{ "关闭吗", DW_WHY_CLOSE },
	{ "\xff\xfe ack", SILENT },
};

static void lines_that_are_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(good); i++) {
		struct dw_command c;
		const char *why;
		int r = dw_command_parse(&c, good[i].line, TODAY, &why);

		if (r != 0)
			fail_msg("\"%s\": %s", good[i].line, why ? why : "no verb");
		if (c.verb != good[i].verb || c.span != good[i].span || strcmp(c.date, good[i].date ? good[i].date : "") != 0 ||
		    strcmp(c.order, good[i].order ? good[i].order : "") != 0 ||
		    strcmp(c.note, good[i].note ? good[i].note : "") != 0)
			fail_msg("\"%s\": %s span=%lld date=%s order=%s note=%s", good[i].line, dw_verbs[c.verb].name,
				 (long long)c.span, c.date, c.order, c.note);
	}
	print_message("%zu lines\n", DW_COUNT(good));
}

static void lines_that_are_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(bad); i++) {
		struct dw_command c;
		const char *why, *want = bad[i].why >= 0 ? dw_why_names[bad[i].why] : NULL;
		int r = dw_command_parse(&c, bad[i].line, TODAY, &why);

		if (r != 1)
			fail_msg("\"%s\" was understood as %s %s", bad[i].line, dw_verbs[c.verb].name, c.date);
		if (why != want)
			fail_msg("\"%s\": %s", bad[i].line, why ? why : "no why");
	}
	print_message("%zu lines\n", DW_COUNT(bad));
}

/* A date without its year is the next one there is, also over the year's end and on 29 February. */
static void dates_without_a_year(void **state)
{
	static const struct {
		const char *today, *line, *date; /* date NULL: refused */
	} table[] = {
		{ "2026-12-31", "ship 1 Jan", "2027-01-01" },
		{ "2026-12-31", "ship 31 Dec", "2026-12-31" },
		{ "2026-12-31", "ship 30 Dec", NULL },
		{ "2026-01-01", "ship 2 Oct", "2026-10-02" },
		{ "2026-01-01", "ship 4 Oct", NULL },
		{ "2027-12-01", "ship 29 Feb", "2028-02-29" },
		{ "2026-12-01", "ship 29 Feb", NULL },
		{ "2098-12-01", "ship 2099-02-01", "2099-02-01" },
		{ "2099-12-01", "ship 2100-02-01", NULL },
		{ "nonsense", "ship 10 Dec", NULL },
		{ "2026-02-30", "ship 10 Dec", NULL },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(table); i++) {
		struct dw_command c;
		const char *why;
		int r = dw_command_parse(&c, table[i].line, table[i].today, &why);

		if (r != (table[i].date ? 0 : 1) || (r == 0 && strcmp(c.date, table[i].date) != 0))
			fail_msg("%s: %s is %s", table[i].today, table[i].line, r == 0 ? c.date : why);
	}
	assert_int_equal(dw_command_parse(&(struct dw_command){ 0 }, "ack", NULL, NULL), 0);
}

/* Each word of the table is understood as its own verb, and no word is two verbs'. */
static void every_word_is_its_own_verbs(void **state)
{
	(void)state;
	for (int v = 0; v < DW_VERB_COUNT; v++)
		for (const char *const *w = dw_verbs[v].words; *w; w++) {
			struct dw_command c;
			char line[128];

			snprintf(line, sizeof(line), "%s%s", *w, dw_verbs[v].wants_date ? " 2026-12-10" : "");
			if (dw_command_parse(&c, line, TODAY, NULL) != 0 || (int)c.verb != v)
				fail_msg("%s", line);
			for (int o = 0; o < DW_VERB_COUNT; o++)
				for (const char *const *x = dw_verbs[o].words; *x; x++)
					assert_true(x == w || strcmp(*x, *w) != 0);
		}
	for (int i = 0; i < DW_WHY_COUNT; i++)
		assert_non_null(dw_why_names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_are_commands),
		cmocka_unit_test(lines_that_are_none),
		cmocka_unit_test(dates_without_a_year),
		cmocka_unit_test(every_word_is_its_own_verbs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
