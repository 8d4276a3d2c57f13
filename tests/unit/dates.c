/* order.h: the dates that follow from an order's facts, rules.md §3. */
#include "make.h"

/* What the main feed said, read after read; the last counts. */
struct story {
	struct dw_pack pack;
	struct dw_memory m;
	struct dw_order_rules rules;
	struct dw_facts main;
	struct dw_order o;
	bool seen;
	dw_time data;
};

static struct story *begin(struct story *s)
{
	*s = (struct story){ .pack = alibaba(), .m = DW_MEMORY_NONE, .data = DW_UNKNOWN };
	s->rules.pack = &s->pack;
	return s;
}

static void tell(struct story *s, const char *says, dw_time data)
{
	struct dw_facts after = facts(says);

	dw_memory_note(&s->m, s->seen ? &s->main : NULL, &after, &s->pack, s->data, data, data, false);
	dw_facts_fini(&s->main);
	s->main = after;
	s->seen = true;
	s->data = data;
}

static struct dw_dates dates_at(struct story *s, dw_time now)
{
	struct dw_sources src = { .main = &s->main };
	struct dw_dates d;

	dw_order_fini(&s->o);
	assert_int_equal(dw_order_merge(&s->o, &src, &s->m, s->data, now), 0);
	dw_order_dates(&d, &s->o, &s->m, &s->rules, s->data, now);
	return d;
}

static void end(struct story *s)
{
	dw_order_fini(&s->o);
	dw_facts_fini(&s->main);
	dw_holidays_fini(&s->pack.holidays);
}

/* The dates of one row read at `now`. */
static struct dw_dates once(const char *says, const char *now)
{
	struct story s;
	struct dw_dates d;

	tell(begin(&s), says, at(now));
	d = dates_at(&s, at(now));
	end(&s);
	return d;
}

#define NOW "2026-11-23T00:00:00Z"

static void promise(void **state)
{
	static const struct {
		const char *says, *p, *f;
		bool relative;
	} t[] = {
		{ "promised_at=2026-11-30", "2026-12-01T07:59:59Z", "2026-11-27T07:59:59Z", false },
		/* lead_days from the day of payment there: 2026-11-01T05:00Z is still 31 October, in daylight time */
		{ "paid_at=2026-11-01T05:00:00Z; lead_days=10", "2026-11-11T07:59:59Z", "2026-11-07T07:59:59Z", true },
		{ "paid_at=2026-11-01; lead_days=0", "2026-11-02T07:59:59Z", "2026-10-30T06:59:59Z", true },
		{ "paid_at=2026-11-01; lead_days=29; promised_at=2026-11-30", "2026-12-01T07:59:59Z", "2026-11-27T07:59:59Z", false },
		{ "paid_at=2028-02-01; lead_days=28", "2028-03-01T07:59:59Z", "2028-02-26T07:59:59Z", true }, /* 29 February */
		{ "paid_at=2026-12-20; lead_days=20", "2027-01-10T07:59:59Z", "2027-01-08T07:59:59Z", true },
		{ "lead_days=10", "unknown", "unknown", false },
		{ "paid_at=2026-11-01", "unknown", "unknown", false },
		/* X */
		{ "promised_at=2026-11-30; extension_state=accepted; extension_until=2026-12-05", "2026-12-06T07:59:59Z",
		  "2026-12-04T07:59:59Z", false },
		{ "promised_at=2026-11-30; extension_state=accepted; extension_until=2026-11-20", "2026-12-01T07:59:59Z",
		  "2026-11-27T07:59:59Z", false },
		{ "promised_at=2026-11-30; extension_state=requested; extension_until=2026-12-05", "2026-12-01T07:59:59Z",
		  "2026-11-27T07:59:59Z", false },
		{ "promised_at=2026-11-30; extension_state=accepted", "2026-12-01T07:59:59Z", "2026-11-27T07:59:59Z", false },
		{ "extension_state=accepted; extension_until=2026-12-05", "2026-12-06T07:59:59Z", "2026-12-04T07:59:59Z", false },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		struct dw_dates d = once(t[i].says, NOW);

		if (strcmp(shown(d.p), t[i].p) || strcmp(shown(d.f), t[i].f) || d.p_relative != t[i].relative)
			fail_msg("%s: P %s F %s", t[i].says, shown(d.p), shown(d.f));
	}
}

/* F by working days: weekends, holidays, clocks that change in between. */
static void last_safe_moment(void **state)
{
	static const struct {
		const char *promised;
		int answer;
		const char *f;
	} t[] = {
		{ "2026-12-04", 2, "2026-12-03T07:59:59Z" },		 /* Friday → Wednesday */
		{ "2026-12-05", 2, "2026-12-04T07:59:59Z" },		 /* Saturday → Thursday */
		{ "2026-12-06", 2, "2026-12-04T07:59:59Z" },		 /* Sunday → Thursday */
		{ "2026-12-07", 2, "2026-12-04T07:59:59Z" },		 /* Monday → Thursday */
		{ "2026-12-07", 0, "2026-12-08T07:59:59Z" },		 /* none needed */
		{ "2026-12-29", 2, "2026-12-24T07:59:59Z" },		 /* Tuesday, over 24–25 December: Wednesday */
		{ "2026-11-03", 3, "2026-10-30T06:59:59Z" },		 /* over the end of daylight time */
		{ "2027-03-15 02:30", 1, "2027-03-12T10:30:00Z" },
		{ "2027-03-16 09:00", 1, "2027-03-15T16:00:00Z" },
	};
	struct dw_err err;

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		struct story s;
		char says[64];

		begin(&s);
		s.pack.buyer_answer = t[i].answer;
		assert_int_equal(dw_holidays_add(&s.pack.holidays, "2026-12-24..2026-12-25", &err), 0);
		snprintf(says, sizeof(says), "promised_at=%s", t[i].promised);
		tell(&s, says, at(NOW));
		assert_string_equal(shown(dates_at(&s, at(NOW)).f), t[i].f);
		end(&s);
	}
}

/* X after the feed stops saying accepted: until the promise is another. */
static void extension_memory(void **state)
{
	struct story s;

	(void)state;
	tell(begin(&s), "promised_at=2026-11-30; extension_state=accepted; extension_until=2026-12-12", 1000);
	assert_instant(dates_at(&s, 2000).p, "2026-12-13T07:59:59Z");
	tell(&s, "promised_at=2026-11-30; extension_state=none; extension_until=", 3000);
	assert_instant(dates_at(&s, 4000).p, "2026-12-13T07:59:59Z");
	tell(&s, "promised_at=2026-11-30; extension_state=requested; extension_until=2026-12-20", 4000);
	assert_instant(dates_at(&s, 4000).p, "2026-12-13T07:59:59Z"); /* a second one is only asked for */
	assert_int_equal(dates_at(&s, 4000).extension, DW_EXT_REQUESTED);
	tell(&s, "promised_at=2026-12-01; extension_state=none; extension_until=", 5000);
	assert_instant(dates_at(&s, 6000).p, "2026-12-02T07:59:59Z");
	tell(&s, "promised_at=2026-11-30; extension_state=none; extension_until=", 7000);
	assert_instant(dates_at(&s, 8000).p, "2026-12-01T07:59:59Z"); /* forgotten for good */
	end(&s);
	/* an earlier accepted one takes the later's place */
	tell(begin(&s), "promised_at=2026-11-30; extension_state=accepted; extension_until=2026-12-12", 1000);
	tell(&s, "promised_at=2026-11-30; extension_state=accepted; extension_until=2026-12-05", 2000);
	assert_instant(dates_at(&s, 3000).p, "2026-12-06T07:59:59Z");
	end(&s);
	/* the promise was unknown then, and is known now */
	tell(begin(&s), "extension_state=accepted; extension_until=2026-12-12", 1000);
	tell(&s, "extension_state=none", 2000);
	assert_instant(dates_at(&s, 3000).p, "2026-12-13T07:59:59Z");
	tell(&s, "extension_state=none; promised_at=2026-11-30", 3000);
	assert_instant(dates_at(&s, 3000).p, "2026-12-01T07:59:59Z");
	end(&s);
}

/* The promise that counts is the one all sources make together: a hand-set one ends X as well. */
static void extension_and_hand(void **state)
{
	struct story s;
	struct dw_hand h = { .field = DW_F_PROMISED_AT, .value = facts("promised_at=2026-12-02"), .at = 2500,
			     .base = (char *)"2026-12-01T07:59:59Z" };
	struct dw_sources src = { .main = &s.main, .hand = &h, .n_hand = 1 };
	struct dw_dates d;

	(void)state;
	tell(begin(&s), "promised_at=2026-11-30; extension_state=accepted; extension_until=2026-12-12", 1000);
	tell(&s, "promised_at=2026-11-30; extension_state=none; extension_until=", 2000);
	assert_int_equal(dw_order_merge(&s.o, &src, &s.m, 2000, 3000), 0);
	dw_order_dates(&d, &s.o, &s.m, &s.rules, 2000, 3000);
	assert_instant(d.p, "2026-12-03T07:59:59Z");
	assert_instant(dates_at(&s, 3000).p, "2026-12-13T07:59:59Z");
	dw_facts_fini(&h.value);
	end(&s);
}

/* extension_until ≤ the promise: settled, as if none. */
static void settled(void **state)
{
	static const char *const words[] = { "requested", "accepted", "declined" };
	char says[160];

	(void)state;
	for (size_t i = 0; i < DW_COUNT(words); i++) {
		snprintf(says, sizeof(says), "promised_at=2026-11-30; extension_state=%s; extension_until=2026-11-30", words[i]);
		assert_int_equal(once(says, NOW).extension, DW_EXT_NONE);
		snprintf(says, sizeof(says), "promised_at=2026-12-01T07:59:59Z; extension_state=%s; extension_until=2026-12-01T08:00:00Z",
			 words[i]);
		assert_int_equal(once(says, NOW).extension, dw_word_find(dw_extension_words, DW_EXT_COUNT, words[i]));
		snprintf(says, sizeof(says), "promised_at=2026-11-30; extension_state=%s", words[i]);
		assert_int_equal(once(says, NOW).extension, dw_word_find(dw_extension_words, DW_EXT_COUNT, words[i]));
	}
}

static void real_ship_date(void **state)
{
	static const struct {
		const char *says, *now, *e;
		bool stale;
	} t[] = {
		{ "expected_ship_at=2026-11-28", NOW, "2026-11-29T07:59:59Z", false },
		{ "agreed_at=2026-11-28", NOW, "2026-11-29T07:59:59Z", false },
		{ "expected_ship_at=2026-11-28; agreed_at=2026-12-10", NOW, "2026-12-11T07:59:59Z", false },
		{ "expected_ship_at=2026-12-10; agreed_at=2026-11-28", NOW, "2026-12-11T07:59:59Z", false },
		{ "note=x", NOW, "unknown", false },
		/* stale the second after, while still to ship */
		{ "expected_ship_at=2026-11-23T00:00:00Z", NOW, "2026-11-23T00:00:00Z", false },
		{ "expected_ship_at=2026-11-22T23:59:59Z", NOW, "unknown", true },
		{ "status=partly_shipped; agreed_at=2026-11-20", NOW, "unknown", true },
		{ "status=awaiting_payment; agreed_at=2026-11-20", NOW, "2026-11-21T07:59:59Z", false },
		{ "status=shipped; agreed_at=2026-11-20", NOW, "2026-11-21T07:59:59Z", false },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		struct dw_dates d = once(t[i].says, t[i].now);

		if (strcmp(shown(d.e), t[i].e) || d.e_stale != t[i].stale)
			fail_msg("%s: E %s", t[i].says, shown(d.e));
		assert_true(!d.e_stale || d.e_known != DW_UNKNOWN);
	}
}

/* A for each transport, and its later numbers once a read has refuted the earlier ones. */
static void auto_confirm(void **state)
{
	static const struct {
		const char *transport;
		int days[3];
	} t[] = { { "express", { 15, 25 } }, { "air", { 15, 30 } }, { "land", { 30, 60 } },    { "sea", { 45, 60 } },
		  { "post", { 60 } },	     { "multimodal", { 45, 60 } }, { "warehouse", { 10 } }, { "", { 15, 30, 60 } } };
	dw_time shipped = at("2026-11-01");

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		char says[120];
		struct story s;
		struct dw_dates d;
		int k;

		snprintf(says, sizeof(says), "status=shipped; shipped_at=2026-11-01T00:00:00Z; transport=%s", t[i].transport);
		for (k = 0; k < 3 && t[i].days[k]; k++) {
			dw_time a = shipped + t[i].days[k] * DAY;

			/* until 24 h past it no read refutes it, whatever the clock says */
			tell(begin(&s), says, a + DAY);
			d = dates_at(&s, a + 400 * DAY);
			assert_true(d.a == a && d.a_computed && d.a_days == t[i].days[k] && d.a_refuted == k);
			assert_true(d.data_at == a + DAY);
			end(&s);
			tell(begin(&s), says, a + DAY + 1);
			d = dates_at(&s, a + DAY + 1);
			assert_true(d.a > a || d.a == DW_UNKNOWN);
			end(&s);
		}
		tell(begin(&s), says, shipped + 62 * DAY);
		d = dates_at(&s, shipped + 62 * DAY);
		assert_true(d.a == DW_UNKNOWN && d.a_refuted == k && d.data_at == DW_NEVER);
		end(&s);
	}
}

static void auto_confirm_otherwise(void **state)
{
	struct story s;
	struct dw_dates d;

	(void)state;
	/* the platform's own word is neither computed nor refuted */
	d = once("status=shipped; shipped_at=2026-01-01; auto_confirm_at=2026-02-01T00:00:00Z; transport=sea", NOW);
	assert_instant(d.a, "2026-02-01T00:00:00Z");
	assert_true(!d.a_computed && d.data_at == DW_NEVER);
	assert_int_equal(once("status=shipped; transport=sea", NOW).a, DW_UNKNOWN); /* shipped when? */
	/* receipt extensions */
	d = once("status=shipped; shipped_at=2026-11-01T00:00:00Z; transport=sea; receipt_extensions=1", NOW);
	assert_instant(d.a, "2026-12-31T00:00:00Z");
	d = once("status=shipped; shipped_at=2026-11-01T00:00:00Z; transport=sea; receipt_extensions=2", NOW);
	assert_instant(d.a, "2027-01-15T00:00:00Z");
	/* a transport the pack has no numbers for: as unknown */
	begin(&s);
	s.pack.auto_confirm[DW_BY_POST].n = 0;
	tell(&s, "status=shipped; shipped_at=2026-11-01T00:00:00Z; transport=post", at("2026-11-02"));
	assert_instant(dates_at(&s, at(NOW)).a, "2026-11-16T00:00:00Z");
	/* completed: what the last read that said shipped had refuted stays refuted */
	tell(&s, "status=shipped; shipped_at=2026-11-01T00:00:00Z; transport=post; note=n", at("2026-11-18"));
	tell(&s, "status=completed; shipped_at=2026-11-01T00:00:00Z; transport=post", at("2026-12-01"));
	d = dates_at(&s, at("2026-12-01"));
	assert_instant(d.a, "2026-12-01T00:00:00Z");
	assert_true(d.a_refuted == 1 && d.data_at == DW_NEVER);
	/* shipped anew: an earlier journey refutes nothing */
	tell(&s, "status=awaiting_shipment", at("2026-12-02"));
	tell(&s, "status=completed; shipped_at=2026-11-01T00:00:00Z; transport=post", at("2026-12-03"));
	assert_instant(dates_at(&s, at("2026-12-03")).a, "2026-11-16T00:00:00Z");
	end(&s);
	/* partly shipped refutes as well */
	tell(begin(&s), "status=partly_shipped; shipped_at=2026-11-01T00:00:00Z; transport=express", at("2026-11-18"));
	assert_instant(dates_at(&s, at("2026-11-18")).a, "2026-11-26T00:00:00Z");
	end(&s);
}

static void arrival(void **state)
{
	struct story s;
	struct dw_dates d;

	(void)state;
	tell(begin(&s), "status=shipped; shipped_at=2026-11-01T00:00:00Z; transport=sea", at("2026-11-02"));
	assert_true(dates_at(&s, at(NOW)).eta == DW_UNKNOWN);
	s.rules.transit_days[DW_BY_SEA] = 35;
	d = dates_at(&s, at(NOW));
	assert_instant(d.eta, "2026-12-06T00:00:00Z");
	assert_true(d.eta_computed && !d.eta_failed);
	/* over one day past */
	assert_false(dates_at(&s, at("2026-12-07T00:00:00Z")).eta_failed);
	assert_true(dates_at(&s, at("2026-12-07T00:00:01Z")).eta_failed);
	tell(&s, "status=shipped; shipped_at=2026-11-01T00:00:00Z; transport=sea; expected_arrival_at=2026-12-20", at("2026-11-03"));
	d = dates_at(&s, at(NOW));
	assert_instant(d.eta, "2026-12-21T07:59:59Z");
	assert_false(d.eta_computed);
	tell(&s, "status=shipped; shipped_at=2026-11-01T00:00:00Z; transport=sea; delivered_at=2026-11-10", at("2026-11-11"));
	d = dates_at(&s, at("2027-01-01"));
	assert_false(d.eta_failed);
	assert_false(d.in_transit);
	end(&s);
	/* transit days of a transport nobody named */
	begin(&s);
	s.rules.transit_days[DW_BY_UNKNOWN] = 35;
	tell(&s, "status=shipped; shipped_at=2026-11-01T00:00:00Z", at("2026-11-02"));
	assert_true(dates_at(&s, at(NOW)).eta == DW_UNKNOWN);
	end(&s);
}

static void claim_window(void **state)
{
	struct dw_dates d = once("status=completed; completed_at=2026-11-20T00:00:00Z; shipped_at=2026-11-01T00:00:00Z", NOW);

	(void)state;
	assert_instant(d.r, "2026-11-20T00:00:00Z");
	assert_instant(d.c, "2026-12-20T00:00:00Z");
	assert_false(d.c_guessed);
	d = once("status=shipped; shipped_at=2026-11-01T00:00:00Z", NOW);
	assert_true(d.r == DW_UNKNOWN && d.c_guessed);
	assert_instant(d.c, "2027-01-30T00:00:00Z");
	d = once("status=shipped", NOW);
	assert_true(d.c == DW_UNKNOWN && !d.c_guessed);
}

static void stages(void **state)
{
	static const struct {
		const char *says;
		bool to_ship, in_transit;
	} t[] = {
		{ "status=awaiting_payment", false, false },   { "status=awaiting_shipment", true, false },
		{ "status=partly_shipped", true, true },       { "status=shipped", false, true },
		{ "status=delivered", false, false },	       { "status=completed", false, false },
		{ "status=cancelled", false, false },	       { "status=disputed", false, false },
		{ "status=shipped; delivered_at=2026-11-01", false, false },
		{ "status=partly_shipped; delivered_at=2026-11-01", true, false },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		struct dw_dates d = once(t[i].says, NOW);

		if (d.to_ship != t[i].to_ship || d.in_transit != t[i].in_transit)
			fail_msg("%s", t[i].says);
	}
}

/* P less than 5 days after payment, else creation, else first seen (not on a feed's first read). */
static void short_promise(void **state)
{
	static const struct {
		const char *says;
		bool first_read, is;
	} t[] = {
		{ "promised_at=2026-11-30T00:00:00Z; paid_at=2026-11-25T00:00:00Z", false, false },
		{ "promised_at=2026-11-30T00:00:00Z; paid_at=2026-11-25T00:00:01Z", false, true },
		{ "promised_at=2026-11-30T00:00:00Z; paid_at=2026-11-01T00:00:00Z; created_at=2026-11-29T00:00:00Z", false, false },
		{ "promised_at=2026-11-30T00:00:00Z; created_at=2026-11-25T00:00:00Z", false, false },
		{ "promised_at=2026-11-30T00:00:00Z; created_at=2026-11-25T00:00:01Z", false, true },
		{ "promised_at=2026-11-28T00:00:00Z", false, false }, /* seen 2026-11-23 */
		{ "promised_at=2026-11-27T23:59:59Z", false, true },
		{ "promised_at=2026-11-27T23:59:59Z", true, false },
		{ "note=x", false, false },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		struct story s;

		tell(begin(&s), t[i].says, at(NOW));
		s.m.first_read = t[i].first_read;
		if (dates_at(&s, at(NOW)).short_promise != t[i].is)
			fail_msg("%s", t[i].says);
		end(&s);
	}
}

/* When to look again: the first instant at which one of these turns. */
static void next_look(void **state)
{
	static const struct {
		const char *says, *now, *next;
	} t[] = {
		{ "note=x", NOW, "never" },
		{ "promised_at=2026-11-30", NOW, "2026-12-01T08:00:00Z" },
		{ "promised_at=2026-11-30", "2026-12-01T08:00:00Z", "never" },
		{ "promised_at=2026-11-30; expected_ship_at=2026-11-28", NOW, "2026-11-29T08:00:00Z" },
		{ "status=shipped; shipped_at=2026-11-01T00:00:00Z; transport=sea", NOW, "2026-12-16T00:00:00Z" },
		{ "status=shipped; shipped_at=2026-11-01T00:00:00Z; transport=sea; expected_arrival_at=2026-11-25T00:00:00Z", NOW,
		  "2026-11-26T00:00:01Z" },
		{ "status=completed; completed_at=2026-11-20T00:00:00Z", NOW, "2026-12-20T00:00:01Z" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++)
		assert_string_equal(shown(once(t[i].says, t[i].now).next_at), t[i].next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(promise),	  cmocka_unit_test(last_safe_moment), cmocka_unit_test(extension_memory),
		cmocka_unit_test(extension_and_hand),
		cmocka_unit_test(settled),	  cmocka_unit_test(real_ship_date),   cmocka_unit_test(auto_confirm),
		cmocka_unit_test(auto_confirm_otherwise), cmocka_unit_test(arrival),  cmocka_unit_test(claim_window),
		cmocka_unit_test(stages),	  cmocka_unit_test(short_promise),    cmocka_unit_test(next_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
