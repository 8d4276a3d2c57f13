/* alert.h, dw_alert_decide and dw_alert_ack: rules.md §5 and the episodes of §4, as stories in which time passes. */
#include "world.h"

/* Decides, compares, records; mails what goes at once, and what waits for the daily mail too unless `keep`. */
static void look(struct world *w, dw_time now, const char *is, bool keep, int line)
{
	world_look(w, now);
	if (strcmp(plan_text(w), is) != 0)
		fail_msg("line %d, %s (%s): \"%s\", not \"%s\"", line, shown(now), found_text(w->plan.finding), plan_text(w), is);
	world_record(w);
	world_mail(w, now, !keep);
}
#define LOOK(w, now, is) look(w, at(now), is, false, __LINE__)
#define KEEP(w, now, is) look(w, at(now), is, true, __LINE__)
#define STATE(w, side, is) assert_string_equal(dw_state_words[(w)->plan.state[side]], is)

/* P 2026-12-01T00:00:00Z, F 2026-11-27T00:00:00Z (a Friday; Thursday there); the daily mail goes at 00:30Z. */
#define LATE "status=awaiting_shipment; paid_at=2026-11-01T00:00:00Z; promised_at=2026-12-01T00:00:00Z; agreed_at=2026-12-10"
#define FILED LATE "; extension_state=accepted; extension_until=2026-12-12"
#define OVERDUE "status=awaiting_shipment; promised_at=2026-11-20T00:00:00Z"

static struct world *begin(struct world *w, const char *says, const char *data)
{
	world_init(w);
	world_read(w, says, at(data));
	return w;
}

/* Every step of extend_ship_date, then those of overdue, each at its second and not before. */
static void whole_ladder(void **state)
{
	struct world w;

	(void)state;
	begin(&w, LATE, "2026-11-10");
	LOOK(&w, "2026-11-10T00:00:00Z", "alice found daily");
	STATE(&w, DW_SIDE_SHIP, "open");
	LOOK(&w, "2026-11-19T23:59:59Z", "");
	LOOK(&w, "2026-11-20T00:00:00Z", "alice 7d daily");
	LOOK(&w, "2026-11-23T23:59:59Z", "");
	LOOK(&w, "2026-11-24T00:00:00Z", "alice 3d daily");
	LOOK(&w, "2026-11-25T23:59:59Z", "");
	LOOK(&w, "2026-11-26T00:00:00Z", "alice 1d now, bob 1d now");
	LOOK(&w, "2026-11-26T18:00:00Z", "alice 6h now, bob 6h now, carol 6h now");
	LOOK(&w, "2026-11-27T00:00:00Z", "alice due now, bob due now, carol due now");
	LOOK(&w, "2026-11-28T00:00:00Z", "alice +1d now, bob +1d now, carol +1d now");
	LOOK(&w, "2026-12-01T00:00:00Z", "");
	LOOK(&w, "2026-12-01T00:00:01Z", "alice due now, bob due now, carol due now");
	LOOK(&w, "2026-12-02T00:00:00Z", "alice +1d now, bob +1d now");
	LOOK(&w, "2026-12-03T00:00:00Z", "alice +2d now, bob +2d now");
	LOOK(&w, "2026-12-04T00:00:00Z", "alice +3d now, bob +3d now, carol +3d now");
	LOOK(&w, "2026-12-10T23:59:59Z", "");
	LOOK(&w, "2026-12-11T00:00:00Z", "alice every 7d#1 now, carol every 7d#1 now");
	LOOK(&w, "2026-12-25T00:00:00Z", "alice every 7d#3 now, carol every 7d#3 now"); /* the second was slept through */
	world_fini(&w);
}

/* The first instant at which something can change is where the plan says. */
static void looks_again(void **state)
{
	static const char *const steps[] = { "2026-11-20T00:00:00Z", "2026-11-24T00:00:00Z", "2026-11-26T00:00:00Z",
					     "2026-11-26T18:00:00Z", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z",
					     "2026-12-01T00:00:01Z", "2026-12-02T00:00:00Z" };
	struct world w;
	dw_time now = at("2026-11-10");

	(void)state;
	begin(&w, LATE, "2026-11-10");
	for (size_t i = 0; i < DW_COUNT(steps); i++) {
		world_look(&w, now);
		world_record(&w);
		assert_instant(w.plan.next_at, steps[i]);
		now = w.plan.next_at;
	}
	world_fini(&w);
}

/* Steps passed over are never sent after; people of those who were never told join. */
static void passed_over(void **state)
{
	struct world w;

	(void)state;
	begin(&w, LATE, "2026-11-10");
	KEEP(&w, "2026-11-10T12:00:00Z", "alice found daily");
	KEEP(&w, "2026-11-24T00:00:00Z", "drop alice found, alice 3d daily");
	LOOK(&w, "2026-11-26T19:00:00Z", "drop alice 3d, alice 6h now, bob 6h now, carol 6h now");
	LOOK(&w, "2026-11-26T20:00:00Z", "");
	world_fini(&w);
	/* overdue, first seen 12 h after +1d!: the manager of due! joins owner and deputy */
	begin(&w, OVERDUE, "2026-11-21");
	LOOK(&w, "2026-11-21T12:00:00Z", "alice +1d now, bob +1d now, carol +1d now");
	LOOK(&w, "2026-11-22T00:00:00Z", "alice +2d now, bob +2d now");
	world_fini(&w);
	/* a repetition: the deputy was never told */
	begin(&w, OVERDUE, "2026-12-10");
	LOOK(&w, "2026-12-10T00:00:00Z", "alice every 7d#2 now, bob every 7d#2 now, carol every 7d#2 now");
	LOOK(&w, "2026-12-14T00:00:00Z", "alice every 7d#3 now, carol every 7d#3 now");
	world_fini(&w);
}

/* Not urgent, and told about the same kind within 12 h: covered. */
static void told_lately(void **state)
{
	struct world w;

	(void)state;
	begin(&w, LATE, "2026-11-10");
	LOOK(&w, "2026-11-19T12:00:01Z", "alice found daily");
	LOOK(&w, "2026-11-20T00:00:00Z", "alice 7d spared");
	LOOK(&w, "2026-11-24T00:00:00Z", "alice 3d daily");
	world_fini(&w);
	begin(&w, LATE, "2026-11-10");
	LOOK(&w, "2026-11-19T11:59:59Z", "alice found daily");
	LOOK(&w, "2026-11-20T00:00:00Z", "alice 7d daily");
	world_fini(&w);
	/* urgent ones are never covered by that */
	begin(&w, LATE, "2026-11-10");
	LOOK(&w, "2026-11-25T23:00:00Z", "alice 3d daily");
	LOOK(&w, "2026-11-26T00:00:00Z", "alice 1d now, bob 1d now");
	world_fini(&w);
	/* but where the date moves with every read, only three times; what comes next by the last date comes */
	begin(&w, OVERDUE, "2026-11-20");
	LOOK(&w, "2026-11-20T00:00:01Z", "alice due now, bob due now, carol due now");
	world_read(&w, "status=awaiting_shipment; promised_at=2026-11-20T02:00:00Z", at("2026-11-20T02:00:01Z"));
	LOOK(&w, "2026-11-20T02:00:01Z", "alice due now, bob due now, carol due now");
	world_read(&w, "status=awaiting_shipment; promised_at=2026-11-20T04:00:00Z", at("2026-11-20T04:00:01Z"));
	LOOK(&w, "2026-11-20T04:00:01Z", "alice due now, bob due now, carol due now");
	world_read(&w, "status=awaiting_shipment; promised_at=2026-11-20T06:00:00Z", at("2026-11-20T06:00:01Z"));
	LOOK(&w, "2026-11-20T06:00:01Z", "alice due spared, bob due spared, carol due spared");
	LOOK(&w, "2026-11-20T12:00:01Z", "");
	world_read(&w, "status=awaiting_shipment; promised_at=2026-11-20T12:00:00Z", at("2026-11-20T12:00:02Z"));
	LOOK(&w, "2026-11-20T12:00:02Z", "alice due now, bob due now, carol due now"); /* the first is 12 h ago */
	LOOK(&w, "2026-11-21T12:00:00Z", "alice +1d now, bob +1d now");
	world_fini(&w);
	/* another kind on this side doesn't count */
	begin(&w, LATE "; extension_state=declined", "2026-11-10");
	LOOK(&w, "2026-11-10T01:00:00Z", "alice found daily");
	assert_int_equal(w.alert[0].kind, DW_EXTENSION_DECLINED);
	world_read(&w, LATE, at("2026-11-10T02:00:00Z"));
	LOOK(&w, "2026-11-10T02:00:00Z", "alice found daily");
	world_fini(&w);
	/* still waiting is not told */
	begin(&w, LATE, "2026-11-10");
	KEEP(&w, "2026-11-19T20:00:00Z", "alice found daily");
	KEEP(&w, "2026-11-20T00:00:00Z", "drop alice found, alice 7d daily");
	world_fini(&w);
}

/* Urgent, or act_by before the person's next daily mail, or no daily mail at all: at once. */
static void delivery(void **state)
{
	static const struct {
		const char *now, *is;
	} t[] = {
		/* ship_by, P Tuesday 2026-11-24T00:00:00Z, the daily mails Monday and Tuesday at 00:30Z */
		{ "2026-11-23T00:00:00Z", "alice 1d daily" },
		{ "2026-11-23T00:29:59Z", "alice 1d daily" },
		{ "2026-11-23T00:30:00Z", "alice 1d now" },
		{ "2026-11-23T18:00:00Z", "alice 6h now, bob 6h now" },
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		begin(&w, "status=awaiting_shipment; promised_at=2026-11-24T00:00:00Z; expected_ship_at=2026-11-23T23:00:00Z", "2026-11-20");
		LOOK(&w, t[i].now, t[i].is);
		world_fini(&w);
	}
	/* at the very time of the daily mail is not before it */
	begin(&w, "status=awaiting_shipment; promised_at=2026-11-24T00:30:00Z; expected_ship_at=2026-11-23T23:00:00Z", "2026-11-20");
	LOOK(&w, "2026-11-23T12:00:00Z", "alice 1d daily");
	world_fini(&w);
	/* a Saturday's deadline: Friday's mail has gone, the next is Monday's */
	begin(&w, "status=awaiting_shipment; promised_at=2026-11-28T12:00:00Z; expected_ship_at=2026-11-28T11:00:00Z", "2026-11-20");
	LOOK(&w, "2026-11-27T12:00:00Z", "alice 1d now");
	world_fini(&w);
	begin(&w, LATE, "2026-11-10");
	w.person[ALICE].daily_minute = -1;
	LOOK(&w, "2026-11-10T01:00:00Z", "alice found now");
	world_fini(&w);
	/* without a deadline: the daily mail */
	begin(&w, "status=shipped; promised_at=2026-11-01; shipped_at=2026-11-10", "2026-11-11");
	LOOK(&w, "2026-11-11T00:00:00Z", "alice found daily");
	world_fini(&w);
}

/* incomplete and extension_unanswered: found a day after first seen (requested); nothing is stored before. */
static void watching(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "status=awaiting_shipment", "2026-11-10");
	LOOK(&w, "2026-11-10T00:00:00Z", "");
	STATE(&w, DW_SIDE_SHIP, "watching");
	assert_int_equal(w.n_alert, 0);
	assert_instant(w.plan.next_at, "2026-11-11T00:00:00Z");
	LOOK(&w, "2026-11-10T23:59:59Z", "");
	LOOK(&w, "2026-11-11T00:00:00Z", "alice found daily");
	STATE(&w, DW_SIDE_SHIP, "open");
	world_fini(&w);
	begin(&w, LATE "; extension_state=requested; extension_until=2026-12-12", "2026-11-10");
	LOOK(&w, "2026-11-10T06:00:00Z", "");
	LOOK(&w, "2026-11-11T05:59:59Z", "");
	LOOK(&w, "2026-11-11T06:00:00Z", "alice found daily");
	LOOK(&w, "2026-11-30T00:00:00Z", "alice 1d now, bob 1d now");
	world_fini(&w);
	begin(&w, "status=cancelled", "2026-11-10");
	LOOK(&w, "2026-11-10T06:00:00Z", "");
	STATE(&w, DW_SIDE_SHIP, "quiet");
	world_fini(&w);
}

/* One person in several roles is told once; missing roles; an order that changes its owner. */
static void persons(void **state)
{
	struct world w;

	(void)state;
	begin(&w, LATE, "2026-11-10");
	w.owner = DAVE; /* no deputy, no manager: the default owner serves as both */
	LOOK(&w, "2026-11-26T18:00:00Z", "dave 6h now, alice 6h now");
	w.owner = BOB;
	LOOK(&w, "2026-11-26T19:00:00Z", "bob 6h now");
	w.owner = ALICE;
	LOOK(&w, "2026-11-26T20:00:00Z", "carol 6h now");
	world_fini(&w);
	begin(&w, LATE, "2026-11-10");
	w.people.default_manager = DAVE;
	w.person[ALICE].manager = -1;
	LOOK(&w, "2026-11-26T18:00:00Z", "alice 6h now, bob 6h now, dave 6h now");
	world_fini(&w);
}

/* An act_by that moves by an hour or less is the same; by more it is another, from its anchor. */
static void moves(void **state)
{
#define PROMISED(t) "status=awaiting_shipment; paid_at=2026-11-01T00:00:00Z; agreed_at=2026-12-10; promised_at=" t
	struct world w;

	(void)state;
	begin(&w, PROMISED("2026-12-01T00:00:00Z"), "2026-11-10");
	LOOK(&w, "2026-11-24T01:00:00Z", "alice 3d daily");
	world_read(&w, PROMISED("2026-12-01T01:00:00Z"), at("2026-11-24T14:00:00Z"));
	LOOK(&w, "2026-11-24T14:00:00Z", "");
	assert_instant(w.alert[0].act_by, "2026-11-27T00:00:00Z");
	world_read(&w, PROMISED("2026-11-30T23:00:00Z"), at("2026-11-24T14:10:00Z"));
	LOOK(&w, "2026-11-24T14:10:00Z", "");
	world_read(&w, PROMISED("2026-12-01T00:40:00Z"), at("2026-11-24T14:20:00Z"));
	LOOK(&w, "2026-11-24T14:20:00Z", "");
	world_read(&w, PROMISED("2026-12-01T01:00:01Z"), at("2026-11-24T14:30:00Z"));
	LOOK(&w, "2026-11-24T14:30:00Z", "alice 3d daily");
	assert_instant(w.alert[0].act_by, "2026-11-27T01:00:01Z");
	world_fini(&w);
	/* another kind in between, back within the hour: nothing new */
	begin(&w, PROMISED("2026-12-01T00:00:00Z"), "2026-11-10");
	LOOK(&w, "2026-11-10T01:00:00Z", "alice found daily");
	world_read(&w, PROMISED("2026-12-01T00:00:00Z") "; extension_state=declined", at("2026-11-11"));
	LOOK(&w, "2026-11-11T01:00:00Z", "alice found daily");
	world_read(&w, PROMISED("2026-12-01T00:30:00Z"), at("2026-11-12"));
	LOOK(&w, "2026-11-12T14:00:00Z", "");
	world_fini(&w);
	/* moved beyond every step: quiet, and the episode is over */
	begin(&w, PROMISED("2026-12-01T00:00:00Z") "; expected_ship_at=", "2026-11-10");
	world_read(&w, "status=awaiting_shipment; paid_at=2026-11-01; promised_at=2026-12-01T00:00:00Z", at("2026-11-20"));
	LOOK(&w, "2026-11-20T01:00:00Z", "alice 7d daily");
	world_read(&w, "status=awaiting_shipment; paid_at=2026-11-01; promised_at=2026-12-31T00:00:00Z", at("2026-11-20"));
	LOOK(&w, "2026-11-20T02:00:00Z", "withdraw ship");
	STATE(&w, DW_SIDE_SHIP, "watching");
	assert_int_equal(w.n_alert, 0);
	world_fini(&w);
}

/* One that moves because config, pack, tzdata or program changed covers all passed steps. */
static void moved_by_rules(void **state)
{
	struct world w;

	(void)state;
	begin(&w, LATE, "2026-11-10");
	LOOK(&w, "2026-11-20T00:00:00Z", "alice 7d daily");
	w.pack.buyer_answer = 3; /* F is 2026-11-26T00:00:00Z */
	w.rules_changed = true;
	LOOK(&w, "2026-11-25T01:00:00Z", "alice 1d spared, bob 1d spared, moved");
	assert_instant(w.alert[0].act_by, "2026-11-26T00:00:00Z");
	w.rules_changed = false;
	LOOK(&w, "2026-11-25T02:00:00Z", "");
	LOOK(&w, "2026-11-25T18:00:00Z", "alice 6h now, bob 6h now, carol 6h now");
	world_fini(&w);
	/* the same without a change of rules is news */
	begin(&w, LATE, "2026-11-10");
	LOOK(&w, "2026-11-20T00:00:00Z", "alice 7d daily");
	w.pack.buyer_answer = 3;
	LOOK(&w, "2026-11-25T01:00:00Z", "alice 1d now, bob 1d now");
	world_fini(&w);
	/* changed rules that move nothing cover nothing */
	begin(&w, LATE, "2026-11-10");
	w.rules_changed = true;
	LOOK(&w, "2026-11-20T00:00:00Z", "alice 7d daily");
	LOOK(&w, "2026-11-24T00:00:00Z", "alice 3d daily");
	world_fini(&w);
	/* beyond act_by, on a stale feed: covered all the same */
	begin(&w, LATE, "2026-11-10");
	LOOK(&w, "2026-11-20T00:00:00Z", "alice 7d daily");
	w.pack.buyer_answer = 3;
	w.rules_changed = w.stale = true;
	LOOK(&w, "2026-11-26T01:00:00Z", "alice due spared, bob due spared, carol due spared, moved");
	w.rules_changed = w.stale = false;
	LOOK(&w, "2026-11-26T02:00:00Z", "");
	world_fini(&w);
}

/* Ack at `when`, `for_s` seconds if given: until when it holds, whether the manager hears, and what goes after. */
static void acks(void **state)
{
	static const struct {
		const char *says, *when;
		int64_t for_s;
		const char *until;
		bool note;
		struct {
			const char *now, *is;
		} then[3];
	} t[] = {
		/* extend_ship_date, in every position: the next step, for everybody */
		{ LATE, "2026-11-10T01:00:00Z", 0, "2026-11-20T00:00:00Z", false,
		  { { "2026-11-20T00:00:00Z", "alice 7d spared" }, { "2026-11-24T00:00:00Z", "alice 3d daily" } } },
		{ LATE, "2026-11-20T01:00:00Z", 0, "2026-11-24T00:00:00Z", false,
		  { { "2026-11-24T00:00:00Z", "alice 3d spared" }, { "2026-11-26T00:00:00Z", "alice 1d now, bob 1d now" } } },
		{ LATE, "2026-11-24T01:00:00Z", 0, "2026-11-26T00:00:00Z", false,
		  { { "2026-11-26T00:00:00Z", "alice 1d spared, bob 1d spared" },
		    { "2026-11-26T18:00:00Z", "alice 6h now, bob 6h now, carol 6h now" } } },
		{ LATE, "2026-11-26T01:00:00Z", 0, "2026-11-26T18:00:00Z", false, /* the last step before act_by: 1d! was reached */
		  { { "2026-11-26T18:00:00Z", "alice 6h spared, bob 6h spared, carol 6h spared" },
		    { "2026-11-27T00:00:00Z", "alice due now, bob due now, carol due now" } } },
		{ LATE, "2026-11-26T19:00:00Z", 0, "2026-11-27T00:00:00Z", false,
		  { { "2026-11-27T00:00:00Z", "alice due spared, bob due spared, carol due spared" },
		    { "2026-11-28T00:00:00Z", "alice +1d now, bob +1d now, carol +1d now" } } },
		/* before act_by --for only ends it sooner */
		{ LATE, "2026-11-10T01:00:00Z", HOUR, "2026-11-10T02:00:00Z", false, { { "2026-11-20T00:00:00Z", "alice 7d daily" } } },
		{ LATE, "2026-11-10T01:00:00Z", 30 * DAY, "2026-11-17T01:00:00Z", false, { { "2026-11-20T00:00:00Z", "alice 7d daily" } } },
		{ LATE, "2026-11-19T01:00:00Z", 7 * DAY, "2026-11-20T00:00:00Z", false, { { "2026-11-20T00:00:00Z", "alice 7d spared" } } },
		/* after act_by: everything for --for, two days by default, seven at most; the manager hears of it */
		{ OVERDUE, "2026-11-20T01:00:00Z", 0, "2026-11-22T01:00:00Z", true,
		  { { "2026-11-21T00:00:00Z", "alice +1d spared, bob +1d spared" },
		    { "2026-11-22T00:00:00Z", "alice +2d spared, bob +2d spared" },
		    { "2026-11-23T00:00:00Z", "alice +3d now, bob +3d now, carol +3d now" } } },
		{ OVERDUE, "2026-11-20T01:00:00Z", DAY, "2026-11-21T01:00:00Z", true,
		  { { "2026-11-21T00:00:00Z", "alice +1d spared, bob +1d spared" }, { "2026-11-22T00:00:00Z", "alice +2d now, bob +2d now" } } },
		{ OVERDUE, "2026-11-20T01:00:00Z", 30 * DAY, "2026-11-27T01:00:00Z", true,
		  { { "2026-11-26T00:00:00Z", "alice +3d spared, bob +3d spared, carol +3d spared" },
		    { "2026-11-27T01:00:00Z", "" },
		    { "2026-11-30T00:00:00Z", "alice every 7d#1 now, carol every 7d#1 now" } } },
		/* exactly at act_by is after it */
		{ LATE, "2026-11-27T00:00:00Z", 0, "2026-11-29T00:00:00Z", true,
		  { { "2026-11-28T00:00:00Z", "alice +1d spared, bob +1d spared, carol +1d spared" },
		    { "2026-12-01T00:00:01Z", "alice due now, bob due now, carol due now" } } },
		/* where no step follows: until the kind changes */
		{ "status=awaiting_shipment; promised_at=2026-12-01T00:00:00Z; expected_ship_at=2026-11-30T23:00:00Z",
		  "2026-11-30T19:00:00Z", 0, "never", false, { { "2026-12-01T00:00:01Z", "alice due now, bob due now, carol due now" } } },
		{ "status=shipped; promised_at=2026-11-01; shipped_at=2026-11-10", "2026-11-11T00:00:00Z", 0, "never", false,
		  { { "2026-12-11T00:00:00Z", "" } } },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(t); i++) {
		struct world w;
		bool note;

		begin(&w, t[i].says, "2026-11-01");
		world_look(&w, at(t[i].when));
		world_record(&w);
		world_mail(&w, at(t[i].when), true);
		assert_int_equal(world_ack(&w, "dave", t[i].for_s, at(t[i].when), &note), 1);
		if (strcmp(shown(w.alert[0].ack.until), t[i].until) != 0 || note != t[i].note)
			fail_msg("ack %zu: until %s, note %d", i, shown(w.alert[0].ack.until), note);
		assert_string_equal(w.alert[0].ack.by, "dave");
		world_look(&w, at(t[i].when) + 1);
		assert_int_equal(w.plan.state[w.alert[0].side], DW_ACKED);
		assert_int_equal(w.plan.n_step, 0);
		assert_true(w.plan.next_at <= w.alert[0].ack.until);
		for (size_t k = 0; k < 3 && t[i].then[k].now; k++)
			look(&w, at(t[i].then[k].now), t[i].then[k].is, false, (int)i);
		world_fini(&w);
	}
}

static void acked_until(void **state)
{
	struct world w;
	bool note;

	(void)state;
	begin(&w, LATE, "2026-11-10");
	LOOK(&w, "2026-11-10T01:00:00Z", "alice found daily");
	assert_int_equal(world_ack(&w, "alice", 0, at("2026-11-10T02:00:00Z"), &note), 1);
	LOOK(&w, "2026-11-19T23:59:59Z", "");
	STATE(&w, DW_SIDE_SHIP, "acked");
	LOOK(&w, "2026-11-20T00:00:00Z", "alice 7d spared");
	STATE(&w, DW_SIDE_SHIP, "open");
	/* another kind: the ack is over */
	assert_int_equal(world_ack(&w, "alice", 0, at("2026-11-20T02:00:00Z"), &note), 1);
	world_read(&w, LATE "; extension_state=declined", at("2026-11-21"));
	LOOK(&w, "2026-11-21T01:00:00Z", "alice found daily");
	STATE(&w, DW_SIDE_SHIP, "open");
	/* another deadline: so it is */
	assert_int_equal(world_ack(&w, "alice", 0, at("2026-11-21T02:00:00Z"), &note), 1);
	world_read(&w, "status=awaiting_shipment; promised_at=2026-12-02T00:00:00Z; agreed_at=2026-12-10; extension_state=declined",
		   at("2026-11-26"));
	LOOK(&w, "2026-11-26T01:00:00Z", "alice 7d daily");
	STATE(&w, DW_SIDE_SHIP, "open");
	world_fini(&w);
	/* all open alerts of the order at once */
	begin(&w, "status=partly_shipped; promised_at=2026-11-20T00:00:00Z; shipped_at=2026-11-01T00:00:00Z; transport=sea; "
		  "expected_arrival_at=2026-12-20", "2026-11-20");
	LOOK(&w, "2026-11-20T01:00:00Z", "alice due now, bob due now, carol due now, alice found daily");
	assert_int_equal(world_ack(&w, "bob", 0, at("2026-11-20T02:00:00Z"), &note), 2);
	assert_true(note);
	world_fini(&w);
}

/* resolved: to those told at an urgent step and to whoever acked. */
static void resolved(void **state)
{
	struct world w;
	bool note;

	(void)state;
	begin(&w, LATE, "2026-11-10");
	LOOK(&w, "2026-11-10T01:00:00Z", "alice found daily");
	LOOK(&w, "2026-11-26T00:00:00Z", "alice 1d now, bob 1d now");
	world_read(&w, FILED, at("2026-11-26T02:00:00Z"));
	LOOK(&w, "2026-11-26T02:00:00Z", "alice resolved daily, bob resolved daily, withdraw ship");
	assert_int_equal(w.n_alert, 0);
	LOOK(&w, "2026-11-26T03:00:00Z", "");
	world_fini(&w);
	/* nobody told at an urgent step: nobody hears; what waits is dropped */
	begin(&w, LATE, "2026-11-10");
	KEEP(&w, "2026-11-10T01:00:00Z", "alice found daily");
	world_read(&w, FILED, at("2026-11-10T02:00:00Z"));
	KEEP(&w, "2026-11-10T02:00:00Z", "drop alice found, withdraw ship");
	world_fini(&w);
	/* an urgent step that never left is not told */
	begin(&w, LATE, "2026-11-10");
	world_look(&w, at("2026-11-26T00:00:00Z"));
	world_record(&w);
	world_read(&w, FILED, at("2026-11-26T00:01:00Z"));
	LOOK(&w, "2026-11-26T00:01:00Z", "drop alice 1d, drop bob 1d, withdraw ship");
	world_fini(&w);
	/* the acker, even of an earlier kind of the episode */
	begin(&w, LATE, "2026-11-10");
	LOOK(&w, "2026-11-10T01:00:00Z", "alice found daily");
	world_ack(&w, "Dave", 0, at("2026-11-10T02:00:00Z"), &note);
	world_read(&w, LATE "; extension_state=declined", at("2026-11-11"));
	LOOK(&w, "2026-11-11T02:00:00Z", "alice found daily");
	world_read(&w, FILED, at("2026-11-12"));
	LOOK(&w, "2026-11-12T02:00:00Z", "dave resolved daily, withdraw ship");
	world_fini(&w);
	/* after overdue its own mail; no daily mail: at once */
	begin(&w, OVERDUE, "2026-11-20");
	LOOK(&w, "2026-11-20T01:00:00Z", "alice due now, bob due now, carol due now");
	world_read(&w, "status=shipped; promised_at=2026-11-20T00:00:00Z; shipped_at=2026-11-19", at("2026-11-20T02:00:00Z"));
	LOOK(&w, "2026-11-20T02:00:00Z", "alice resolved now, bob resolved now, carol resolved now, withdraw ship");
	world_fini(&w);
	begin(&w, LATE, "2026-11-10");
	w.person[BOB].daily_minute = -1;
	LOOK(&w, "2026-11-26T00:00:00Z", "alice 1d now, bob 1d now");
	world_read(&w, FILED, at("2026-11-26T02:00:00Z"));
	LOOK(&w, "2026-11-26T02:00:00Z", "alice resolved daily, bob resolved now, withdraw ship");
	world_fini(&w);
}

/* At most one a day per side, the episode going on meanwhile; reopening after it is a new one. */
static void episodes(void **state)
{
	struct world w;

	(void)state;
	begin(&w, OVERDUE, "2026-11-20");
	LOOK(&w, "2026-11-20T01:00:00Z", "alice due now, bob due now, carol due now");
	world_read(&w, "status=shipped; promised_at=2026-11-20T00:00:00Z; shipped_at=2026-11-19", at("2026-11-20T02:00:00Z"));
	LOOK(&w, "2026-11-20T02:00:00Z", "alice resolved now, bob resolved now, carol resolved now, withdraw ship");
	world_read(&w, OVERDUE, at("2026-11-20T03:00:00Z"));
	LOOK(&w, "2026-11-20T03:00:00Z", "alice due now, bob due now, carol due now"); /* a new episode, told again */
	assert_int_equal(w.alert[0].episode, 2);
	world_read(&w, "status=shipped; promised_at=2026-11-20T00:00:00Z; shipped_at=2026-11-19", at("2026-11-20T04:00:00Z"));
	LOOK(&w, "2026-11-20T04:00:00Z", "withdraw ship");
	assert_int_equal(w.n_alert, 1);
	assert_int_equal(w.alert[0].kind, DW_NO_KIND);
	STATE(&w, DW_SIDE_SHIP, "quiet");
	assert_instant(w.plan.next_at, "2026-11-21T02:00:00Z");
	LOOK(&w, "2026-11-20T05:00:00Z", "");
	/* opens again while it goes on: nothing new to say */
	world_read(&w, OVERDUE, at("2026-11-20T06:00:00Z"));
	LOOK(&w, "2026-11-20T06:00:00Z", "");
	STATE(&w, DW_SIDE_SHIP, "open");
	assert_int_equal(w.alert[0].episode, 2);
	world_read(&w, "status=shipped; promised_at=2026-11-20T00:00:00Z; shipped_at=2026-11-19", at("2026-11-20T07:00:00Z"));
	LOOK(&w, "2026-11-20T07:00:00Z", "withdraw ship");
	LOOK(&w, "2026-11-21T01:59:59Z", "");
	LOOK(&w, "2026-11-21T02:00:00Z", "alice resolved now, bob resolved now, carol resolved now");
	assert_int_equal(w.n_alert, 0);
	world_fini(&w);
	/* reopened within a day after a found: the step owed is sent unless told within 12 h */
	begin(&w, LATE, "2026-11-10");
	LOOK(&w, "2026-11-10T01:00:00Z", "alice found daily");
	world_read(&w, FILED, at("2026-11-10T02:00:00Z"));
	LOOK(&w, "2026-11-10T02:00:00Z", "withdraw ship");
	world_read(&w, "status=awaiting_shipment; promised_at=2026-12-01T01:00:00Z; paid_at=2026-11-01; agreed_at=2026-12-10",
		   at("2026-11-10T03:00:00Z"));
	LOOK(&w, "2026-11-10T03:00:00Z", "alice found spared");
	world_read(&w, FILED, at("2026-11-10T04:00:00Z"));
	LOOK(&w, "2026-11-10T04:00:00Z", "withdraw ship");
	world_read(&w, "status=awaiting_shipment; promised_at=2026-12-01T02:00:00Z; paid_at=2026-11-01; agreed_at=2026-12-10",
		   at("2026-11-10T14:00:00Z"));
	LOOK(&w, "2026-11-10T14:00:00Z", "alice found daily");
	world_fini(&w);
	/* a resolved that still waits for the daily mail is taken back when the side opens again */
	begin(&w, LATE, "2026-11-10");
	KEEP(&w, "2026-11-26T01:00:00Z", "alice 1d now, bob 1d now");
	world_read(&w, FILED, at("2026-11-26T02:00:00Z"));
	KEEP(&w, "2026-11-26T02:00:00Z", "alice resolved daily, bob resolved daily, withdraw ship");
	world_read(&w, "status=awaiting_shipment; promised_at=2026-12-01T01:00:00Z; paid_at=2026-11-01; agreed_at=2026-12-10",
		   at("2026-11-26T03:00:00Z"));
	KEEP(&w, "2026-11-26T03:00:00Z", "drop alice resolved, drop bob resolved, alice 1d now, bob 1d now");
	/* … and, never sent, holds no later one back */
	world_read(&w, FILED, at("2026-11-26T04:00:00Z"));
	KEEP(&w, "2026-11-26T04:00:00Z", "alice resolved daily, bob resolved daily, withdraw ship");
	world_fini(&w);
}

/* Facts that got worse are never called resolved; a window that ran out mails nobody. */
static void not_resolved(void **state)
{
#define SAILING "shipped_at=2026-11-01T00:00:00Z; transport=sea; expected_arrival_at=2026-12-20" /* A 2026-12-16 */
	struct world w;
	bool note;

	(void)state;
	begin(&w, OVERDUE, "2026-11-20");
	LOOK(&w, "2026-11-20T01:00:00Z", "alice due now, bob due now, carol due now");
	world_read(&w, "status=disputed; promised_at=2026-11-20T00:00:00Z", at("2026-11-20T02:00:00Z"));
	LOOK(&w, "2026-11-20T02:00:00Z", "alice found now, bob found now, carol found now, withdraw ship");
	assert_int_equal(w.n_alert, 1);
	/* the end of the dispute is good news, in a mail of its own */
	world_read(&w, "status=completed; promised_at=2026-11-20T00:00:00Z; shipped_at=2026-11-19", at("2026-11-21"));
	LOOK(&w, "2026-11-21T00:00:00Z", "alice resolved now, bob resolved now, carol resolved now, withdraw claim");
	world_fini(&w);
	/* the auto-confirm timer ran out */
	begin(&w, "status=shipped; " SAILING, "2026-12-10");
	LOOK(&w, "2026-12-14T00:00:00Z", "alice 1d now, bob 1d now");
	LOOK(&w, "2026-12-15T23:59:59Z", "alice 6h now, bob 6h now, carol 6h now");
	LOOK(&w, "2026-12-16T00:00:00Z", "withdraw receipt");
	assert_int_equal(w.n_alert, 0);
	world_fini(&w);
	/* … and it was seen only when the platform said completed */
	begin(&w, "status=shipped; " SAILING, "2026-12-10");
	LOOK(&w, "2026-12-14T00:00:00Z", "alice 1d now, bob 1d now");
	world_read(&w, "status=completed; completed_at=2026-12-16T00:00:00Z; " SAILING, at("2026-12-17"));
	LOOK(&w, "2026-12-17T00:00:00Z", "alice found daily, withdraw receipt");
	assert_int_equal(w.alert[0].kind, DW_AUTO_CONFIRMED_UNDELIVERED);
	world_fini(&w);
	/* it arrived: good */
	begin(&w, "status=shipped; " SAILING, "2026-12-10");
	LOOK(&w, "2026-12-14T00:00:00Z", "alice 1d now, bob 1d now");
	world_read(&w, "status=delivered; delivered_at=2026-12-14T00:00:00Z; " SAILING, at("2026-12-14T01:00:00Z"));
	LOOK(&w, "2026-12-14T01:00:00Z", "alice resolved daily, bob resolved daily, withdraw receipt");
	world_fini(&w);
	/* the claim window ran out: the acker hears nothing */
	begin(&w, "status=completed; promised_at=2026-11-01T00:00:00Z; shipped_at=2026-11-05; completed_at=2026-11-10T00:00:00Z", "2026-11-11");
	LOOK(&w, "2026-11-11T00:00:00Z", "alice found daily");
	world_ack(&w, "bob", 0, at("2026-11-11T02:00:00Z"), &note);
	LOOK(&w, "2026-12-10T00:00:01Z", "withdraw claim");
	world_fini(&w);
	/* … while its facts getting better is told */
	begin(&w, "status=completed; promised_at=2026-11-01T00:00:00Z; shipped_at=2026-11-05; completed_at=2026-11-10T00:00:00Z", "2026-11-11");
	LOOK(&w, "2026-11-11T00:00:00Z", "alice found daily");
	world_ack(&w, "bob", 0, at("2026-11-11T02:00:00Z"), &note);
	world_read(&w, "status=completed; promised_at=2026-11-06; shipped_at=2026-11-05; completed_at=2026-11-10T00:00:00Z", at("2026-11-12"));
	LOOK(&w, "2026-11-12T00:00:00Z", "bob resolved daily, withdraw claim");
	world_fini(&w);
}

/* A feed's first look: everything in one mail; over 14 days past act_by it is a line, then silence until a fact changes. */
static void first_look(void **state)
{
	struct world w;

	(void)state;
	begin(&w, OVERDUE, "2026-12-04");
	w.first_look = true;
	LOOK(&w, "2026-12-04T00:00:01Z", "alice every 7d#1 first, bob every 7d#1 first, carol every 7d#1 first");
	STATE(&w, DW_SIDE_SHIP, "open");
	assert_true(w.alert[0].dormant);
	LOOK(&w, "2026-12-04T00:05:00Z", ""); /* the look lasts until a complete read was decided */
	assert_true(w.alert[0].dormant);
	w.first_look = false;
	LOOK(&w, "2026-12-14T00:00:00Z", "");
	world_read(&w, OVERDUE, at("2026-12-15"));
	LOOK(&w, "2026-12-15T00:00:00Z", ""); /* the same facts */
	world_read(&w, OVERDUE "; note=called the factory", at("2026-12-16"));
	LOOK(&w, "2026-12-16T00:00:00Z", "alice every 7d#3 now, carol every 7d#3 now");
	assert_false(w.alert[0].dormant);
	world_fini(&w);
	/* 14 days exactly: it goes on */
	begin(&w, OVERDUE, "2026-12-04");
	w.first_look = true;
	LOOK(&w, "2026-12-04T00:00:00Z", "alice every 7d#1 first, bob every 7d#1 first, carol every 7d#1 first");
	w.first_look = false;
	LOOK(&w, "2026-12-07T00:00:00Z", "alice every 7d#2 now, carol every 7d#2 now");
	world_fini(&w);
	/* not on a first look: never dormant */
	begin(&w, OVERDUE, "2026-12-04");
	LOOK(&w, "2026-12-20T00:00:00Z", "alice every 7d#3 now, bob every 7d#3 now, carol every 7d#3 now");
	assert_false(w.alert[0].dormant);
	world_fini(&w);
	/* a dormant one that is settled says nothing to nobody told urgently */
	begin(&w, OVERDUE, "2026-12-05");
	w.first_look = true;
	LOOK(&w, "2026-12-05T00:00:00Z", "alice every 7d#1 first, bob every 7d#1 first, carol every 7d#1 first");
	world_read(&w, "status=cancelled", at("2026-12-06"));
	LOOK(&w, "2026-12-06T00:00:00Z", "withdraw ship");
	world_fini(&w);
}

/* Steps after act_by rest while the data is old; those before go on. */
static void stale_feed(void **state)
{
	struct world w;

	(void)state;
	begin(&w, LATE, "2026-11-10");
	w.stale = true;
	LOOK(&w, "2026-11-26T00:00:00Z", "alice 1d now, bob 1d now");
	LOOK(&w, "2026-11-26T23:59:59Z", "alice 6h now, bob 6h now, carol 6h now");
	LOOK(&w, "2026-11-27T00:00:00Z", "held ship");
	STATE(&w, DW_SIDE_SHIP, "open");
	LOOK(&w, "2026-12-01T00:00:01Z", "held ship");
	assert_int_equal(w.alert[0].kind, DW_OVERDUE);
	assert_true(w.plan.data_at == DW_UNKNOWN); /* any fresh read is a reason to look */
	w.stale = false;
	LOOK(&w, "2026-12-02T00:00:00Z", "alice +1d now, bob +1d now, carol +1d now");
	world_fini(&w);
	/* a `found` without a deadline isn't after anything */
	begin(&w, "status=shipped; promised_at=2026-11-01; shipped_at=2026-11-10", "2026-11-11");
	w.stale = true;
	LOOK(&w, "2026-11-15T00:00:00Z", "alice found daily");
	world_fini(&w);
}

/* Closed by hand until status or promise change; gone from a list of open orders. */
static void silenced(void **state)
{
	struct world w;

	(void)state;
	begin(&w, OVERDUE, "2026-11-20");
	LOOK(&w, "2026-11-20T01:00:00Z", "alice due now, bob due now, carol due now");
	w.memory.closed_at = at("2026-11-20T02:00:00Z");
	w.memory.closed_status = DW_AWAITING_SHIPMENT;
	w.memory.closed_promise = w.dates.p;
	LOOK(&w, "2026-11-20T02:00:00Z", "alice resolved now, bob resolved now, carol resolved now, withdraw ship");
	STATE(&w, DW_SIDE_SHIP, "quiet");
	LOOK(&w, "2026-11-25T02:00:00Z", "");
	world_read(&w, OVERDUE "; note=n", at("2026-11-26"));
	LOOK(&w, "2026-11-26T02:00:00Z", "");
	world_read(&w, "status=partly_shipped; promised_at=2026-11-20T00:00:00Z", at("2026-11-27"));
	LOOK(&w, "2026-11-27T02:00:00Z", "alice +3d now, bob +3d now, carol +3d now");
	w.memory.closed_at = at("2026-11-27T03:00:00Z");
	w.memory.closed_status = DW_PARTLY_SHIPPED;
	w.memory.closed_promise = w.dates.p;
	w.n_alert = 0;
	LOOK(&w, "2026-11-27T04:00:00Z", "");
	world_read(&w, "status=partly_shipped; promised_at=2026-11-19T00:00:00Z", at("2026-11-28"));
	LOOK(&w, "2026-11-28T02:00:00Z", "alice +3d now, bob +3d now, carol +3d now");
	w.silenced = true;
	w.n_alert = 0;
	LOOK(&w, "2026-11-29T02:00:00Z", "");
	world_fini(&w);
}

/* Kinds that follow each other are one episode: each begins its own ladder, nothing is called resolved. */
static void kinds_in_turn(void **state)
{
	struct world w;

	(void)state;
	begin(&w, LATE, "2026-11-10");
	KEEP(&w, "2026-11-26T00:10:00Z", "alice 1d now, bob 1d now");
	world_read(&w, LATE "; extension_state=requested; extension_until=2026-12-12", at("2026-11-26T02:00:00Z"));
	/* asked for: no step of the new kind is reached, so the side is quiet */
	KEEP(&w, "2026-11-26T02:00:00Z", "alice resolved daily, bob resolved daily, withdraw ship");
	STATE(&w, DW_SIDE_SHIP, "watching");
	world_mail(&w, at("2026-11-26T03:00:00Z"), true);
	LOOK(&w, "2026-11-27T02:00:00Z", "alice found daily");
	world_read(&w, LATE "; extension_state=declined; extension_until=2026-12-12", at("2026-11-28"));
	LOOK(&w, "2026-11-28T02:00:00Z", "alice 3d daily");
	assert_int_equal(w.alert[0].episode, 2);
	assert_int_equal(w.alert[0].kind, DW_EXTENSION_DECLINED);
	world_fini(&w);
}

static void too_many(void **state)
{
	struct world w;
	struct dw_alert_input in;

	(void)state;
	begin(&w, LATE, "2026-11-10");
	LOOK(&w, "2026-11-10T01:00:00Z", "alice found daily");
	for (size_t i = 1; i <= DW_PLAN_STEPS_MAX + 1; i++) {
		w.told[i] = w.told[0];
		w.told[i].state = DW_STEP_WAITING;
		snprintf(w.told[i].step, sizeof(w.told[i].step), "%zud", i + 20);
	}
	w.n_told = DW_PLAN_STEPS_MAX + 2;
	in = (struct dw_alert_input){ .order = &w.order, .dates = &w.dates, .memory = &w.memory, .pack = &w.pack,
				      .now = at("2026-11-10T02:00:00Z"), .alert = w.alert, .n_alert = w.n_alert, .told = w.told,
				      .n_told = w.n_told };
	assert_int_equal(dw_alert_decide(&w.plan, &in, &w.alert_rules), -E2BIG);
	world_fini(&w);
}

#define SUNDAY "status=awaiting_shipment; promised_at=2026-11-29T08:00:00Z; expected_ship_at=2026-11-29T07:00:00Z"

static void nine_to_six(struct world *w, int person)
{
	w->person[person].hours = (struct dw_hours){ 1, { { 9 * 60, 18 * 60 } } };
}

/* act_by on a Sunday: the urgent step comes on Friday at 18:00, to who has hours; to nobody twice. */
static void working_time(void **state)
{
	struct world w;

	(void)state;
	begin(&w, SUNDAY, "2026-11-20");
	nine_to_six(&w, ALICE);
	LOOK(&w, "2026-11-27T09:59:59Z", "");
	assert_instant(w.plan.next_at, "2026-11-27T10:00:00Z");
	assert_int_equal(w.plan.state[0], DW_WATCHING);
	LOOK(&w, "2026-11-27T10:00:00Z", "alice 6h now");
	assert_int_equal(w.plan.state[0], DW_OPEN);
	assert_instant(w.plan.owed[0].due, "2026-11-29T02:00:00Z");
	LOOK(&w, "2026-11-28T08:00:00Z", ""); /* 1d isn't urgent, and is covered */
	LOOK(&w, "2026-11-29T02:00:00Z", "bob 6h now");
	LOOK(&w, "2026-11-29T08:00:01Z", "alice due now, bob due now, carol due now");
	world_fini(&w);
	/* each in their own zone: bob's Friday ends in Los Angeles */
	begin(&w, SUNDAY, "2026-11-20");
	nine_to_six(&w, ALICE);
	nine_to_six(&w, BOB);
	w.person[BOB].zone = &la;
	LOOK(&w, "2026-11-27T10:00:00Z", "alice 6h now");
	assert_instant(w.plan.next_at, "2026-11-28T02:00:00Z");
	LOOK(&w, "2026-11-28T02:00:00Z", "bob 6h now");
	LOOK(&w, "2026-11-29T02:00:00Z", "");
	world_fini(&w);
	/* seen only on Saturday: at once */
	begin(&w, SUNDAY, "2026-11-20");
	nine_to_six(&w, ALICE);
	LOOK(&w, "2026-11-28T03:00:00Z", "alice 6h now");
	world_fini(&w);
	/* a day off on Friday: Thursday. Three weeks of them: as due */
	begin(&w, SUNDAY, "2026-11-20");
	nine_to_six(&w, ALICE);
	assert_int_equal(dw_holidays_add(&w.person[ALICE].off, "2026-11-27", NULL), 0);
	LOOK(&w, "2026-11-26T10:00:00Z", "alice 6h now");
	world_fini(&w);
	begin(&w, SUNDAY, "2026-11-01");
	nine_to_six(&w, ALICE);
	assert_int_equal(dw_holidays_add(&w.person[ALICE].off, "2026-11-10..2026-11-30", NULL), 0);
	LOOK(&w, "2026-11-28T07:59:59Z", "");
	LOOK(&w, "2026-11-28T08:00:00Z", "alice 1d now"); /* no daily mail comes before act_by */
	LOOK(&w, "2026-11-29T02:00:00Z", "alice 6h now, bob 6h now");
	world_fini(&w);
}

/* Hours that change after a step came early take nothing back and send nothing again. */
static void working_time_changes(void **state)
{
	struct world w;

	(void)state;
	begin(&w, SUNDAY, "2026-11-20");
	nine_to_six(&w, ALICE);
	LOOK(&w, "2026-11-27T10:00:00Z", "alice 6h now");
	w.person[ALICE].hours.n = 0;
	w.rules_changed = true;
	LOOK(&w, "2026-11-27T11:00:00Z", "");
	assert_int_equal(w.plan.state[0], DW_OPEN);
	w.rules_changed = false;
	LOOK(&w, "2026-11-28T08:00:00Z", "");
	LOOK(&w, "2026-11-29T02:00:00Z", "bob 6h now");
	world_fini(&w);
	/* owed early but not yet in a mail when they changed: on its way */
	begin(&w, SUNDAY, "2026-11-20");
	nine_to_six(&w, ALICE);
	KEEP(&w, "2026-11-27T10:00:00Z", "alice 6h now");
	w.person[ALICE].hours.n = 0;
	LOOK(&w, "2026-11-27T10:00:01Z", "");
	world_mail(&w, at("2026-11-27T10:00:01Z"), false);
	LOOK(&w, "2026-11-29T02:00:00Z", "bob 6h now");
	world_fini(&w);
	/* hours that come late */
	begin(&w, SUNDAY, "2026-11-20");
	LOOK(&w, "2026-11-28T08:00:00Z", "alice 1d now");
	nine_to_six(&w, ALICE);
	LOOK(&w, "2026-11-28T09:00:00Z", "alice 6h now");
	LOOK(&w, "2026-11-29T02:00:00Z", "bob 6h now");
	world_fini(&w);
}

/* Nothing that says a date has passed comes before it; acks count by when steps are due. */
static void working_time_past_the_date(void **state)
{
	struct world w;
	bool note;

	(void)state;
	begin(&w, "status=awaiting_shipment; promised_at=2026-11-27T08:00:00Z", "2026-11-27");
	nine_to_six(&w, ALICE);
	LOOK(&w, "2026-11-27T08:00:01Z", "alice due now, bob due now, carol due now");
	assert_instant(w.plan.next_at, "2026-11-27T10:00:00Z");
	LOOK(&w, "2026-11-27T10:00:00Z", "alice +2d now"); /* Saturday's, and Sunday's, which covers it */
	LOOK(&w, "2026-11-28T08:00:00Z", "bob +1d now");
	LOOK(&w, "2026-11-29T08:00:00Z", "bob +2d now");
	LOOK(&w, "2026-11-30T08:00:00Z", "alice +3d now, bob +3d now, carol +3d now");
	world_fini(&w);
	/* after the date nothing comes before an ack ends */
	begin(&w, "status=awaiting_shipment; promised_at=2026-11-27T08:00:00Z", "2026-11-27");
	nine_to_six(&w, ALICE);
	LOOK(&w, "2026-11-27T08:00:01Z", "alice due now, bob due now, carol due now");
	world_ack(&w, "alice", 36 * HOUR, at("2026-11-27T09:00:00Z"), &note);
	LOOK(&w, "2026-11-27T10:00:00Z", "");
	LOOK(&w, "2026-11-28T08:00:00Z", "alice +1d spared, bob +1d spared");
	LOOK(&w, "2026-11-28T21:00:00Z", "alice +2d now"); /* it has ended; bob's is due on Sunday */
	LOOK(&w, "2026-11-29T08:00:00Z", "bob +2d now");
	world_fini(&w);
	/* before it, an ack covers what falls due next, not what came early */
	begin(&w, SUNDAY, "2026-11-20");
	nine_to_six(&w, ALICE);
	LOOK(&w, "2026-11-27T10:00:00Z", "alice 6h now");
	world_ack(&w, "alice", 0, at("2026-11-27T11:00:00Z"), &note);
	LOOK(&w, "2026-11-28T08:00:00Z", "");
	LOOK(&w, "2026-11-29T02:00:00Z", "bob 6h now");
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_ladder), cmocka_unit_test(looks_again),	  cmocka_unit_test(passed_over),
		cmocka_unit_test(told_lately),	cmocka_unit_test(delivery),	  cmocka_unit_test(watching),
		cmocka_unit_test(persons),	cmocka_unit_test(moves),	  cmocka_unit_test(moved_by_rules),
		cmocka_unit_test(acks),		cmocka_unit_test(acked_until),	  cmocka_unit_test(resolved),
		cmocka_unit_test(episodes),	cmocka_unit_test(not_resolved),	  cmocka_unit_test(first_look),
		cmocka_unit_test(stale_feed),	cmocka_unit_test(silenced),	  cmocka_unit_test(kinds_in_turn),
		cmocka_unit_test(too_many),
		cmocka_unit_test(working_time), cmocka_unit_test(working_time_changes),
		cmocka_unit_test(working_time_past_the_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
