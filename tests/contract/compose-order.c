/* compose.h: what a mail says of limits, disputes and dates, and how it looks; pictures of these come from
 * tests/mail-preview.sh. That every HTML part is sound is checked in compose() (html.h). */
#include "compose-fixture.h"

#include <math.h>

#include "../../daemon/mail/compose-impl.h"

#define NOW "2026-11-23T15:30:00Z"
#define ID "234100000000000017"

static char *unwrapped(const char *s)
{
	DW_BUF b = { 0 };

	for (; *s; s++)
		if (!((*s == ' ' || *s == '\n') && b.n && b.p[b.n - 1] == ' '))
			dw_buf_putc(&b, *s == '\n' ? ' ' : *s);
	return dw_buf_take(&b);
}

static void has(const char *text, const char *words, bool wanted)
{
	if (!!strstr(text, words) != wanted)
		fail_msg("\"%s\" %s in:\n%s", words, wanted ? "is missing" : "doesn't belong", text);
}

/* The mail of one order, its text on one line; fields as SAMPLE's. */
static char *mail_of(struct shop *s, struct sample *o, const char *name, const char *now)
{
	struct dw_mail_view v = view_of(s, DW_MAIL_ALERT, utc(now), &o->item, 1);
	struct dw_mail m;
	char *flat;

	compose(s, &m, &v);
	assert_wire(&m);
	assert_null(strstr(m.text, "{{"));
	assert_true(strlen(m.html) < 40 * 1024); /* Gmail cuts at 102 KB */
	if (name)
		preview(name, &m);
	flat = unwrapped(m.text);
	dw_mail_fini(&m);
	return flat;
}

#define MAIL(s, o, name, now, ...) (SAMPLE(s, o, ID, utc(now), __VA_ARGS__), mail_of(s, o, name, now))

/* ---- limits ---- */

static void as_alibaba(struct shop *s)
{
	s->pack.receipt_by = DW_RECEIPT_BY_BOTH;
	s->pack.receipt_seller_times = s->pack.receipt_buyer_times = 1;
	s->pack.payout = DW_PAYOUT_RECEIPT;
	s->pack.dispute_call_day = 4;
	s->pack.dispute_auto_day = 7;
}

#define AT_SEA "status", "shipped", "shipped_at", "2026-11-01T00:00:00Z", "transport", "sea", "expected_arrival_at"

static void the_last_receipt_extension_is_called_so(void **state)
{
	static const struct {
		enum dw_receipt_by by;
		int seller, buyer;
		const char *used, *says, *not;
	} cases[] = {
		{ DW_RECEIPT_BY_BOTH, 1, 1, "0", "You can extend the receiving time once, and the buyer once. - Yours is your last one: after it only the buyer", "last possible" },
		{ DW_RECEIPT_BY_BOTH, 1, 1, "1", "1 extension has been used already. Whose it was isn't in your data: if it was yours, only the buyer can extend now. - This is the last possible extension", "Yours is your last" },
		{ DW_RECEIPT_BY_BOTH, 2, 0, "0", "You can extend the receiving time 2 times, and the buyer (how often isn't known).", "last" },
		{ DW_RECEIPT_BY_SELLER, 1, 0, "0", "Only you can extend the receiving time; the buyer can only ask you to. You can do it once. - This is the last possible", "used" },
		{ DW_RECEIPT_BY_SELLER, 0, 0, "1", "You can extend", "last possible" },
		{ DW_RECEIPT_BY_SELLER, 0, 0, "0", "How often isn't known.", "You can do it" },
		{ DW_RECEIPT_BY_BUYER, 0, 3, "2", "Only the buyer can extend the receiving time, not you. The buyer can do it 3 times. - 2 extensions have been used already. - This is the last possible extension", "It delays" },
		{ DW_RECEIPT_BY_UNKNOWN, 0, 0, "0", "Not known for this platform: who may extend the receiving time, and how often.", "last" },
	};
	struct shop s;

	(void)state;
	shop_open(&s);
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		struct sample o;
		DW_FREE char *flat = NULL;

		s.pack.receipt_by = cases[i].by;
		s.pack.receipt_seller_times = cases[i].seller;
		s.pack.receipt_buyer_times = cases[i].buyer;
		flat = MAIL(&s, &o, NULL, NOW, AT_SEA, "2027-01-30", "receipt_extensions", cases[i].used);
		assert_int_equal(o.item.kind, DW_EXTEND_RECEIPT);
		if (i != 4)
			has(flat, cases[i].says, true);
		has(flat, cases[i].not, false);
		has(flat, "What the platform allows", true);
		has(flat, "It delays your own money", false);
		has(flat, "What to do 1. Go to All Orders", true);
		has(flat, *cases[i].used == '0' ? "receipt_extensions=1" : *cases[i].used == '1' ? "receipt_extensions=2" : "receipt_extensions=3", true);
		sample_free(&o);
	}
	shop_close(&s);
}

static void extending_receipt_delays_the_money(void **state)
{
	struct shop s;
	struct sample o;
	DW_FREE char *flat = NULL, *more = NULL;

	(void)state;
	shop_open(&s);
	as_alibaba(&s);
	flat = MAIL(&s, &o, "receipt", NOW, AT_SEA, "2026-12-20", "amount", "45210.00", "currency", "USD", "buyer", "Contoso Ltd");
	has(flat, "It delays your own money: the platform pays you only after receipt is confirmed, so after Wed 30 Dec 2026 "
		  "instead of Tue 15 Dec 2026 unless the buyer confirms earlier.", true);
	has(flat, "15 days, until Wed 30 Dec 2026 That is after the goods are expected (Sun 20 Dec 2026).", true);
	sample_free(&o);
	/* more extensions than there are wouldn't do */
	more = MAIL(&s, &o, NULL, NOW, AT_SEA, "2027-02-20");
	has(more, "2 times 15 days, until Thu 14 Jan 2027 The goods are expected later still (Sat 20 Feb 2027), and no more is possible", true);
	sample_free(&o);
	shop_close(&s);
}

static void no_extension_left_is_said(void **state)
{
	static const enum dw_receipt_by by[] = { DW_RECEIPT_BY_BOTH, DW_RECEIPT_BY_NOBODY };
	struct shop s;

	(void)state;
	shop_open(&s);
	for (size_t i = 0; i < DW_COUNT(by); i++) {
		struct sample o;
		DW_FREE char *flat = NULL;

		as_alibaba(&s);
		s.pack.receipt_by = by[i];
		flat = MAIL(&s, &o, i ? NULL : "receipt-over", NOW, AT_SEA, "2027-03-01", "receipt_extensions", i ? "0" : "2");
		assert_int_equal(o.item.kind, DW_EXTEND_RECEIPT);
		has(flat, "The receiving time can't be extended any more, so settle with the buyer", true);
		has(flat, i ? "doesn't let anybody extend" : "2 extensions have been used already. - No extension is left", true);
		has(flat, "Proposed extension", false);
		has(flat, "Text for the buyer", false);
		has(flat, "It delays your own money", false);
		has(flat, "1. Write to the buyer today", true);
		sample_free(&o);
	}
	shop_close(&s);
}

static void the_last_ship_date_is_called_so(void **state)
{
	static const struct {
		const char *paid, *says, *not;
	} cases[] = {
		{ "2026-09-15", "This is the last date you can ask for: the platform allows 90 days in all, until Mon 14 Dec 2026.", "hardly" },
		{ "2026-09-13", "This is the last date you can ask for: the platform allows 90 days in all, until Sat 12 Dec 2026.", "hardly" },
		{ "2026-09-20", "90 days in all, until Sat 19 Dec 2026: hardly another extension", "last date" },
		{ "2026-11-01", "Proposed new ship date", "What the platform allows" },
		{ "2026-09-09", "There is no date to propose: the platform allows 90 days in all", "What the platform allows" },
	};
	struct shop s;

	(void)state;
	shop_open(&s);
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		struct sample o;
		DW_FREE char *flat = MAIL(&s, &o, NULL, NOW, "status", "awaiting_shipment", "promised_at", "2026-11-30", "paid_at",
					  cases[i].paid, "expected_ship_at", "2026-12-10");

		has(flat, cases[i].says, true);
		has(flat, cases[i].not, false);
		sample_free(&o);
	}
	shop_close(&s);
}

/* Over two years of expected dates, with holidays, a limit and a `now` behind them: a working day of the pack, in its
 * zone, after today, after the old date, within the limit, and never earlier than the goods are ready. */
static void a_proposal_is_never_a_day_off(void **state)
{
	static const char *const closed[] = { "2026-12-24..2027-01-03", "2027-02-06..2027-02-21", "2027-05-01..2027-05-05", "2027-10-01..2027-10-08" };
	struct shop s;
	dw_time base = utc("2026-11-23T15:30:00Z");
	int proposed = 0;

	(void)state;
	shop_open(&s);
	for (size_t i = 0; i < DW_COUNT(closed); i++)
		assert_int_equal(dw_holidays_add(&s.pack.holidays, closed[i], NULL), 0);
	for (int k = 0; k < 1500; k++) {
		struct dw_dates d = { .p = base - 40 * DW_DAY + k * DW_DAY / 2, .e = base + k * (DW_DAY / 2 + 997) };
		dw_time now = k % 3 ? base : d.e + k % 5 * DW_DAY; /* a date just past is still believed */
		struct dw_order o = { 0 };
		struct dw_proposal p;

		s.pack.margin_days = k % 7;
		s.pack.max_extension_days = k % 4 ? 30 + k % 400 : 0;
		if (k % 2)
			dw_facts_set_num(&o.f, DW_F_PAID_AT, base - 60 * DW_DAY);
		dw_propose_ship(&p, &o, &d, &s.pack, s.pacific, now);
		if (!p.known || p.too_early)
			continue;
		proposed++;
		assert_true(dw_day_works(p.day, DW_MON_FRI, &s.pack.holidays));
		assert_true(p.day >= dw_zone_day(s.pacific, now));
		assert_true(p.day >= dw_zone_day(s.pacific, d.e));
		assert_true(p.day > dw_zone_day(s.pacific, d.p));
		assert_true(!p.limited || p.day <= p.limit);
		assert_true(p.capped || p.day >= dw_zone_day(s.pacific, d.e > now ? d.e : now) + s.pack.margin_days);
		for (int32_t day = p.day + 1; p.last && day <= p.limit; day++)
			assert_false(dw_day_works(day, DW_MON_FRI, &s.pack.holidays));
	}
	assert_true(proposed > 500);
	/* a year of holidays: nothing to propose, and no endless search */
	assert_int_equal(dw_holidays_add(&s.pack.holidays, "2027-01-01..2027-12-31", NULL), 0);
	{
		struct dw_dates d = { .p = base, .e = utc("2026-12-31T12:00:00Z") };
		struct dw_order o = { 0 };
		struct dw_proposal p;

		s.pack.max_extension_days = 0;
		s.pack.margin_days = 2;
		dw_propose_ship(&p, &o, &d, &s.pack, s.pacific, base);
		assert_true(!p.known || dw_day_works(p.day, DW_MON_FRI, &s.pack.holidays));
	}
	shop_close(&s);
}

/* ---- disputes ---- */

static void a_dispute_has_its_case_its_clocks_and_its_costs(void **state)
{
	static const struct dw_mail_proof proof[] = {
		{ .at = 1794800000, .field = DW_F_PROMISED_AT, .by = "shop", .value = "2026-11-11T07:59:59Z" },
		{ .at = 1795000000, .field = DW_F_AGREED_AT, .hand = true, .by = "bo", .value = "2026-11-18" },
		{ .at = 1795100000, .field = DW_F_EXTENSION_STATE, .by = "shop", .value = "declined" },
		{ .at = 1795100000, .field = DW_F_EXTENSION_UNTIL, .by = "shop", .value = "2026-11-19T07:59:59Z" },
		{ .at = 1795200000, .field = DW_F_AGREED_AT, .by = "factory", .withdrawn = true },
		{ .at = 1795300000, .field = DW_F_AGREED_AT, .hand = true, .by = "bo\xE2\x80\xAE<b>", .value = "<script>soon</script>" },
	};
	struct shop s;
	struct sample o;
	DW_FREE char *flat = NULL;

	(void)state;
	shop_open(&s);
	as_alibaba(&s);
	SAMPLE(&s, &o, ID, utc(NOW), "status", "disputed", "promised_at", "2026-11-10", "agreed_at", "2026-11-18", "shipped_at",
	       "2026-11-15T20:00:00Z", "transport", "sea", "expected_arrival_at", "2026-12-20", "amount", "12400.10", "currency", "USD",
	       "buyer", "Fabrikam Inc.", "title", "Garden chairs, 400 pcs", "extension_state", "declined", "extension_until", "2026-11-18");
	assert_int_equal(o.item.kind, DW_DISPUTE);
	o.memory.disputed_since = utc("2026-11-21T15:30:00Z");
	o.item.act_by = o.memory.disputed_since + s.pack.dispute_talk;
	o.item.proof = proof;
	o.item.n_proof = DW_COUNT(proof);
	flat = mail_of(&s, &o, "dispute", NOW);
	has(flat, "Promised on the platform: Wed 11 Nov 2026, 15:59 (Shanghai) = Tue 10 Nov, 23:59 (Los Angeles).", true);
	has(flat, "Asked for on the platform: a later date, Wed 18 Nov 2026. The buyer declined it.", true);
	has(flat, "Agreed with the buyer off the platform: Wed 18 Nov 2026 (from shop). It doesn't move the platform's date", true);
	has(flat, "Shipped: Mon 16 Nov 2026, 04:00 (Shanghai) = Sun 15 Nov, 12:00 (Los Angeles), by sea. That is 5 days after the ship date.", true);
	has(flat, "Expected to arrive on Sun 20 Dec 2026.", true);
	has(flat, "shop said: ship date on the platform Tue 10 Nov 2026.", true);
	has(flat, "bo entered: agreed with the buyer Wed 18 Nov 2026.", true);
	has(flat, "shop said: extension declined.", true);
	has(flat, "shop said: extension until Wed 18 Nov 2026.", true);
	has(flat, "factory no longer says the date agreed with the buyer.", true);
	has(flat, "bo<b> entered: agreed with the buyer <script>soon</script>.", true);
	has(flat, "Sat 21 Nov 2026, 23:30 (Shanghai) = Sat 21 Nov, 07:30 (Los Angeles): first seen in dispute.", true);
	has(flat, "Tue 24 Nov 2026, 23:30 (Shanghai) = Tue 24 Nov, 07:30 (Los Angeles): the time for talks", true);
	has(flat, "From day 4, Tue 24 Nov 2026: either side can call", true);
	has(flat, "Day 7, Fri 27 Nov 2026: the platform steps in by itself.", true);
	has(flat, "don't count on this order's money before the dispute is over", true);
	has(flat, "Of USD 12,400.10, 10 % is USD 1,240.01, 25 % is USD 3,100.03 and 50 % is USD 6,200.05.", true);
	has(flat, "Return and refund: USD 12,400.10 in full", true);
	has(flat, "up to USD 12,400.10 if it doesn't. By your data the order left 5 days late: without an extension", true);
	sample_free(&o);
	shop_close(&s);
}

static void what_a_dispute_doesnt_know_it_says(void **state)
{
	static const struct {
		const char *fields[12];
		const char *says[6];
	} cases[] = {
		{ { "status", "disputed" },
		  { "The promised ship date isn't in your data", "No other date agreed with the buyer", "Not shipped, as far as your data says",
		    "Not known for this platform: when it steps in", "The amount isn't in your data: take it from", "Nothing is on record beyond that. duewatch has known this order since Fri 13 Nov, 23:30." } },
		{ { "status", "disputed", "promised_at", "2026-11-20", "shipped_at", "2026-11-19T00:00:00Z", "currency", "JPY", "amount", "1000" },
		  { "That is in time.", "left in time: the carrier's pickup record is your proof", "Of JPY 1,000, 10 % is JPY 100, 25 % is JPY 250 and 50 % is JPY 500" } },
		{ { "status", "disputed", "promised_at", "2026-11-21" },
		  { "The ship date passed 2 days ago.", "the order hasn't left, and its ship date has passed" } },
		{ { "status", "disputed", "promised_at", "2026-11-30" }, { "Its ship date hasn't passed yet." } },
		{ { "status", "disputed", "promised_at", "2026-11-30", "extension_state", "accepted", "extension_until", "2026-12-05" },
		  { "First promised on the platform: Tue 1 Dec 2026, 15:59", "Extended to Sun 6 Dec 2026, 15:59", "the strongest proof there is" } },
	};
	struct shop s;

	(void)state;
	shop_open(&s);
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		struct sample o;
		DW_FREE char *flat = NULL;

		sample_make(&s, &o, "1", utc(NOW), cases[i].fields);
		flat = mail_of(&s, &o, NULL, NOW);
		for (size_t k = 0; k < DW_COUNT(cases[i].says) && cases[i].says[k]; k++)
			has(flat, cases[i].says[k], true);
		has(flat, "  ", false);
		has(flat, "()", false);
		has(flat, " .", false);
		sample_free(&o);
	}
	shop_close(&s);
}

/* ---- the dates, drawn ---- */

static void the_line_reads_in_text(void **state)
{
	struct shop s;
	struct sample o;
	struct dw_mail m;
	struct dw_mail_view v;

	(void)state;
	shop_open(&s);
	SAMPLE(&s, &o, ID, utc(NOW), "status", "awaiting_shipment", "promised_at", "2026-11-30", "agreed_at", "2026-12-10",
	       "expected_ship_at", "2026-12-10");
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	compose(&s, &m, &v);
	if (!strstr(m.text, "Dates of this order, Los Angeles time\n\n"
			    "    > Mon 23 Nov, 07:30            Now\n"
			    "      Thu 26 Nov, 23:59  +3 days   Your deadline\n"
			    "      Mon 30 Nov, 23:59  +4 days   Ship date on the platform\n"
			    "      Thu 10 Dec, 23:59  +10 days  Agreed with the buyer, Expected to ship\n"))
		fail_msg("%s", m.text);
	dw_mail_fini(&m);
	sample_free(&o);
	/* over a year: with the year; within hours: by the minute */
	SAMPLE(&s, &o, ID, utc(NOW), "status", "awaiting_shipment", "promised_at", "2026-11-24", "expected_ship_at", "2027-11-30");
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	compose(&s, &m, &v);
	preview("line-year", &m);
	has(m.text, "    > Mon 23 Nov 2026, 07:30", true);
	has(m.text, "      Tue 30 Nov 2027, 23:59  +371 days  Expected to ship\n", true);
	dw_mail_fini(&m);
	sample_free(&o);
	SAMPLE(&s, &o, ID, utc(NOW), "status", "awaiting_shipment", "promised_at", "2026-11-23T16:10:00Z", "expected_ship_at",
	       "2026-11-23T18:00:00Z", "agreed_at", "2026-11-23T17:00:00Z");
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	compose(&s, &m, &v);
	preview("line-hours", &m);
	has(m.text, "    > Mon 23 Nov, 07:30  +4 days  Now\n", true);
	has(m.text, "      Mon 23 Nov, 08:10  +40 min  Ship date on the platform\n", true);
	has(m.text, "      Mon 23 Nov, 10:00  +1 h     Expected to ship\n", true);
	dw_mail_fini(&m);
	sample_free(&o);
	SAMPLE(&s, &o, ID, utc(NOW), "status", "awaiting_shipment"); /* no date: no line */
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	compose(&s, &m, &v);
	has(m.text, "Dates of this order", false);
	dw_mail_fini(&m);
	sample_free(&o);
	shop_close(&s);
}

/* Of each bar in the HTML the widths add up to the whole line, and there are as many boxes as lines below. */
static void the_bar_is_as_wide_as_the_line(void **state)
{
	struct shop s;
	struct sample o;
	struct dw_mail m;
	struct dw_mail_view v;
	const char *end;
	double sum = 0;

	(void)state;
	shop_open(&s);
	SAMPLE(&s, &o, ID, utc(NOW), AT_SEA, "2026-12-20", "promised_at", "2026-11-02", "agreed_at", "2026-11-03");
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	compose(&s, &m, &v);
	end = strstr(strstr(m.html, "aria-hidden"), "</table>");
	for (const char *p = strstr(m.html, "aria-hidden"); (p = strstr(p, "<td")) && p < end; p++)
		sum += strtod(strstr(p, "width=\"") + 7, NULL);
	assert_true(fabs(sum - 100) < 0.05);
	dw_mail_fini(&m);
	sample_free(&o);
	shop_close(&s);
}

/* ---- what strains the layout ---- */

static void long_and_foreign_names_stay_in_their_place(void **state)
{
	static const char title[] =
		"Heavy duty galvanised steel shelving unit with five adjustable MDF boards, 180 x 90 x 40 cm, 875 kg load capacity, "
		"bolt-free assembly, for garages, cellars, workshops and warehouses, pack of 4, RAL7035 grey";
	struct shop s;
	struct sample o;
	DW_FREE char *flat = NULL, *hebrew = NULL;

	(void)state;
	shop_open(&s);
	as_alibaba(&s);
	SAMPLE(&s, &o, "PO-2026-11-0000000000000000000000000000000000000000000000000017", utc(NOW), "status", "awaiting_shipment",
	       "promised_at", "2026-11-30", "agreed_at", "2026-12-10", "buyer", "شركة النور للتجارة العامة (Dubai) L.L.C.", "title", title,
	       "amount", "123456789012.34", "currency", "USD", "url",
	       "https://a-very-long-host-name-that-somebody-really-has.trade.example.com/order/detail?id=2341&lang=en");
	flat = mail_of(&s, &o, "strain", NOW);
	has(flat, "USD 123,456,789,012.34", true);
	sample_free(&o);
	SAMPLE(&s, &o, ID, utc(NOW), "status", "awaiting_shipment", "promised_at", "2026-11-30", "agreed_at", "2026-12-10", "buyer",
	       "חברת יבוא בע\"מ 2000", "title", "ريموت كنترول 24 قطعة");
	hebrew = mail_of(&s, &o, "bidi", NOW);
	sample_free(&o);
	shop_close(&s);
}

enum { DAILY = 30 };

static void a_daily_of_thirty_orders(void **state)
{
	static struct sample o[DAILY];
	static char ids[DAILY][24];
	static const char *const who[] = { "Northwind Traders", "深圳市前海远大国际贸易有限公司", "Contoso Ltd", "Fabrikam Inc.", "A. Datum" };
	struct dw_mail_item item[DAILY];
	struct shop s;
	struct dw_mail m;
	struct dw_mail_view v;

	(void)state;
	shop_open(&s);
	as_alibaba(&s);
	for (int i = 0; i < DAILY; i++) {
		char day[16], amount[16];

		snprintf(ids[i], sizeof(ids[i]), "23410000000000%04d", i);
		snprintf(day, sizeof(day), "2026-%02d-%02d", i < 4 ? 11 : 12, i < 4 ? 20 + i : i - 3);
		snprintf(amount, sizeof(amount), "%d.50", 977 * (i + 1));
		SAMPLE(&s, &o[i], ids[i], utc(NOW), "status", i % 5 == 4 ? "disputed" : "awaiting_shipment", "promised_at", day,
		       "expected_ship_at", i % 3 ? "2027-01-08" : "-", "buyer", who[i % 5], "amount", amount, "currency", "USD",
		       "created_at", "2026-10-01", "title", "Steel shelves");
		item[i] = o[i].item;
	}
	v = view_of(&s, DW_MAIL_DAILY, utc(NOW), item, 2);
	v.open = item;
	v.n_open = DAILY;
	v.feed = &s.health;
	v.n_feed = 1;
	compose(&s, &m, &v);
	assert_wire(&m);
	preview("daily-30", &m);
	assert_true(strlen(m.html) < 102 * 1024);
	dw_mail_fini(&m);
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), item, DAILY);
	compose(&s, &m, &v);
	preview("fold-30", &m);
	print_message("30 orders folded: %zu KB of HTML, %zu KB on the wire\n", strlen(m.html) / 1024, m.n_bytes / 1024);
	dw_mail_fini(&m);
	for (int i = 0; i < DAILY; i++)
		sample_free(&o[i]);
	shop_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_receipt_extension_is_called_so),
		cmocka_unit_test(extending_receipt_delays_the_money),
		cmocka_unit_test(no_extension_left_is_said),
		cmocka_unit_test(the_last_ship_date_is_called_so),
		cmocka_unit_test(a_proposal_is_never_a_day_off),
		cmocka_unit_test(a_dispute_has_its_case_its_clocks_and_its_costs),
		cmocka_unit_test(what_a_dispute_doesnt_know_it_says),
		cmocka_unit_test(the_line_reads_in_text),
		cmocka_unit_test(the_bar_is_as_wide_as_the_line),
		cmocka_unit_test(long_and_foreign_names_stay_in_their_place),
		cmocka_unit_test(a_daily_of_thirty_orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
