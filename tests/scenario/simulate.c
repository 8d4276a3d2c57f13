/* 90 days of 390 orders through the engine, made from a seed: how many mails does each person get a day, and was each
 * slip told in time? Usage: simulate [SEED [-v]]
 *
 * The world's own course is fixed by the seed before anything is mailed; what people do about a mail follows hours to
 * two days after it. Every fact reaches the engine the way it would: the shop's export each working day at 09:00 in
 * Shanghai, the factory's plan at 17:00, chat through `duewatch set`. It fails where a promise of rules.md §1 breaks. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	ORDERS = 390,
	DAYS = 90,
	PEOPLE = 5,
	BUSIEST_MEDIAN_MAX = 5,
	HOUR = 3600,
};

static const char config[] =
	"timezone = \"Asia/Shanghai\"; language = \"en\"; state = \"state\"; daily_at = \"08:30\";\n"
	"working_days = [ \"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\" ];\n"
	"default_owner = \"alice\"; default_deputy = \"bo\"; default_manager = \"chen\"; operators = [ \"alice\" ];\n"
	"mail = { transport = \"maildir:///nowhere/at/all\"; from = \"Duewatch <duewatch@example.com>\"; };\n"
	"people = ( { name = \"alice\"; email = \"alice@example.com\"; }, { name = \"dora\"; email = \"dora@example.com\"; },\n"
	"  { name = \"emil\"; email = \"emil@example.com\"; }, { name = \"bo\"; email = \"bo@example.com\"; },\n"
	"  { name = \"chen\"; email = \"chen@example.com\"; } );\n"
	"feeds = ( { name = \"shop\"; type = \"csv\"; path = \"shop.csv\"; platform = \"alibaba\"; timezone = \"America/Los_Angeles\";\n"
	"    every = \"1h\"; },\n"
	"  { name = \"plan\"; type = \"csv\"; path = \"plan.csv\"; overlay = true; timezone = \"Asia/Shanghai\"; every = \"1h\"; } );\n";

static const char *const person[PEOPLE] = { "alice", "dora", "emil", "bo", "chen" };

/* ---- chance: splitmix64, so that a seed means the same everywhere ---- */

static uint64_t chance;

static uint64_t next_random(void)
{
	uint64_t z = (chance += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static int64_t between(int64_t a, int64_t b)
{
	return a + (int64_t)(next_random() % (uint64_t)(b - a + 1));
}

static bool percent(int n)
{
	return between(1, 100) <= n;
}

/* ---- orders ---- */

enum knows { BY_NOBODY, BY_CHAT, BY_PLAN };

/* One order's true course. Times are UTC; promise is a day in Los Angeles. */
struct order {
	char id[32];
	int owner;
	dw_time paid, p;	 /* p: end of the promised day there */
	dw_time ready;		 /* when the goods really leave */
	bool slips;
	enum knows knows;
	dw_time known_at;	 /* when chat or plan says so */
	dw_time ready_then;	 /* what is said: a second slip comes later */
	bool planned;		 /* the plan names a date from the start */
	dw_time plan_from;
	const char *transport;
	int64_t travel;
	bool eta, tracked;	 /* the carrier gives one; and says when it was delivered */
	dw_time arrives, confirms; /* the buyer confirms by himself; DW_NEVER: the timer does */
	dw_time dispute;	 /* DW_NEVER */
	/* the platform's record */
	dw_time ext_until, ext_asked, ext_answer; /* DW_UNKNOWN: not asked */
	enum dw_extension ext_will, ext;
	int files;		 /* percent that a mail about it gets it filed */
	bool said;		 /* chat's word was set */
	/* what people are about to do */
	dw_time file_at, look_at, ack_at;
	/* what was seen */
	dw_time known_read;	 /* E > P was in a read, or set */
	dw_time f;		 /* F of the promise in force then */
	dw_time owner_told, deputy_told; /* first mail about it after known_read */
	dw_time settled_at;	 /* an extension was filed or it shipped */
};

struct sim {
	struct sc_world w;
	struct order o[ORDERS];
	struct sc_feed *shop, *plan;
	dw_time from; /* midnight in Shanghai of day 0 */
	size_t seen_mails;
	int mails[PEOPLE][DAYS]; /* delivered */
	int kind[DW_KIND_COUNT], type[7], told;
	int behind[DW_KIND_COUNT]; /* told to ship what had left already, only no export said so yet */
	int naive[PEOPLE][DAYS];
	int problems;
};

static const struct dw_zone *zone_of(const struct sim *s)
{
	return dw_config_feed(s->w.config, "shop")->zone;
}

static dw_time workday(const struct sim *s, int day, int hour)
{
	return s->from + (dw_time)day * DW_DAY + (dw_time)hour * HOUR;
}

/* day 0 is a Monday */
static bool works(int day)
{
	return day % 7 != 6;
}

static void travel(struct order *o)
{
	int how = (int)between(1, 100);

	if (how <= 45) {
		o->transport = "express";
		o->travel = between(4, 11);
	} else if (how <= 65) {
		o->transport = "air";
		o->travel = between(6, 14);
	} else {
		o->transport = "sea";
		o->travel = between(22, 44);
	}
	o->eta = percent(60);
	o->tracked = o->eta && percent(90);
	o->arrives = o->ready + o->travel * DW_DAY + between(-1, 3) * DW_DAY;
	o->confirms = percent(60) ? o->arrives + between(1, 6) * DW_DAY : DW_NEVER;
	o->dispute = percent(o->slips ? 4 : 1) ? o->ready + between(5, 25) * DW_DAY : DW_NEVER;
}

static void make_order(struct sim *s, int i)
{
	struct order *o = &s->o[i];
	int day = (int)between(-30, DAYS - 5), lead = (int)between(10, 45);
	int32_t promise;

	snprintf(o->id, sizeof(o->id), "2300%014d", 1234567 + i * 7919);
	o->owner = percent(60) ? 0 : percent(60) ? 1 : 2;
	o->paid = workday(s, day, (int)between(9, 20)) + between(0, 3599);
	promise = dw_zone_day(zone_of(s), o->paid) + lead;
	o->p = dw_day_end(zone_of(s), promise);
	o->slips = percent(25);
	o->knows = BY_NOBODY;
	o->known_at = DW_NEVER;
	if (o->slips) {
		o->ready = o->p + between(1, 20) * DW_DAY - between(0, 12) * HOUR;
		if (percent(50)) {
			o->knows = percent(50) ? BY_CHAT : BY_PLAN;
			o->known_at = o->p - between(3, 16) * DW_DAY;
			if (o->known_at < o->paid + DW_DAY)
				o->known_at = o->paid + DW_DAY;
		}
	} else {
		o->ready = o->p - between(1, 6) * DW_DAY - between(0, 12) * HOUR;
		if (o->ready < o->paid + DW_DAY)
			o->ready = o->paid + DW_DAY;
	}
	o->ready_then = o->slips && percent(15) ? o->ready - between(1, 8) * DW_DAY : o->ready;
	o->planned = !o->slips && percent(60);
	o->plan_from = o->paid + between(1, 5) * DW_DAY;
	o->files = percent(75) ? 70 : 20;
	o->ext_until = o->ext_asked = o->ext_answer = DW_UNKNOWN;
	o->file_at = o->look_at = o->ack_at = DW_NEVER;
	o->known_read = o->f = o->owner_told = o->deputy_told = o->settled_at = DW_UNKNOWN;
	travel(o);
}

/* ---- what the platform and the factory would say at `now` ---- */

static void put_time(struct sc_feed *f, struct sc_row *r, enum dw_field x, dw_time t)
{
	char text[32];

	dw_instant_rfc3339(text, t);
	sc_cell(f, r, x, t == DW_UNKNOWN ? NULL : text);
}

static void put_day(struct sc_feed *f, struct sc_row *r, enum dw_field x, const struct dw_zone *z, dw_time t)
{
	struct dw_civil c;
	char text[32];

	dw_zone_civil(z, t, &c);
	snprintf(text, sizeof(text), "%04d-%02d-%02d", c.year % 10000, c.month, c.day);
	sc_cell(f, r, x, t == DW_UNKNOWN ? NULL : text);
}

static dw_time timer(const struct order *o)
{
	int days = strcmp(o->transport, "sea") == 0 ? 45 : 15;

	return o->ready + days * DW_DAY;
}

static const char *status_at(const struct order *o, dw_time now, dw_time *completed)
{
	dw_time done = o->confirms < timer(o) ? o->confirms : timer(o);

	*completed = DW_UNKNOWN;
	if (now >= o->dispute && now < o->dispute + 12 * DW_DAY)
		return "disputed";
	if (now >= done && !(o->dispute < done && now < o->dispute + 12 * DW_DAY)) {
		*completed = done;
		return "completed";
	}
	return now >= o->ready ? "shipped" : "awaiting_shipment";
}

static void platform_answers(struct order *o, dw_time now)
{
	if (o->ext == DW_EXT_REQUESTED && now >= o->ext_answer)
		o->ext = o->ext_will;
}

static int export_order(struct sim *s, struct order *o, dw_time now)
{
	struct sc_row *r;
	dw_time completed;

	if (now < o->paid)
		return 0;
	platform_answers(o, now);
	r = sc_row(s->shop, o->id, true);
	if (!r)
		return -ENOMEM;
	sc_cell(s->shop, r, DW_F_STATUS, status_at(o, now, &completed));
	put_time(s->shop, r, DW_F_PAID_AT, o->paid);
	put_day(s->shop, r, DW_F_PROMISED_AT, zone_of(s), o->p);
	sc_cell(s->shop, r, DW_F_EXTENSION_STATE, dw_extension_words[o->ext]);
	put_day(s->shop, r, DW_F_EXTENSION_UNTIL, zone_of(s), o->ext_until);
	put_time(s->shop, r, DW_F_SHIPPED_AT, now >= o->ready ? o->ready : DW_UNKNOWN);
	put_time(s->shop, r, DW_F_COMPLETED_AT, completed);
	sc_cell(s->shop, r, DW_F_TRANSPORT, now >= o->ready ? o->transport : NULL);
	/* an estimate, corrected three days before it comes */
	if (o->eta && now >= o->ready)
		put_day(s->shop, r, DW_F_EXPECTED_ARRIVAL_AT, s->w.config->zone,
			now >= o->arrives - 3 * DW_DAY ? o->arrives : o->ready + o->travel * DW_DAY);
	put_time(s->shop, r, DW_F_DELIVERED_AT, o->tracked && now >= o->arrives ? o->arrives : DW_UNKNOWN);
	sc_cell(s->shop, r, DW_F_OWNER, person[o->owner]);
	return 0;
}

static int plan_order(struct sim *s, struct order *o, dw_time now)
{
	bool slip = o->knows == BY_PLAN && now >= o->known_at;
	struct sc_row *r;

	if (now < o->paid || !(slip || (o->planned && now >= o->plan_from)))
		return 0;
	r = sc_row(s->plan, o->id, true);
	if (!r)
		return -ENOMEM;
	put_day(s->plan, r, DW_F_EXPECTED_SHIP_AT, s->w.config->zone, now >= o->ready_then ? o->ready : o->ready_then);
	return 0;
}

/* ---- the engine's view, for the checks ---- */

static bool known_late(struct sim *s, const struct order *o, dw_time *f, bool *covered)
{
	int64_t id = sc_order(&s->w, o->id);
	struct dw_case c;
	bool late;

	*covered = false;
	if (id < 0 || dw_case_load(s->w.engine, id, s->w.t, &c, NULL) != 0)
		return false;
	late = c.dates.to_ship && c.dates.e != DW_UNKNOWN && c.dates.e > c.dates.p;
	*f = c.dates.f;
	*covered = !c.dates.to_ship || c.plan.finding[DW_SIDE_SHIP].kind != DW_EXTEND_SHIP_DATE;
	dw_case_fini(&c);
	return late;
}

/* After each read: which slips does the engine know of, by when had they to be told? */
static void watch(struct sim *s)
{
	for (int i = 0; i < ORDERS; i++) {
		struct order *o = &s->o[i];
		bool covered;
		dw_time f;

		if (!o->slips || s->w.t < o->paid)
			continue;
		if (known_late(s, o, &f, &covered) && o->known_read == DW_UNKNOWN) {
			o->known_read = s->w.t;
			o->f = f;
		}
		if (o->known_read != DW_UNKNOWN && covered && o->settled_at == DW_UNKNOWN)
			o->settled_at = s->w.t;
	}
}

/* ---- mails and what people do about them ---- */

static struct order *find_order(struct sim *s, const char *id)
{
	for (int i = 0; i < ORDERS; i++)
		if (strcmp(s->o[i].id, id) == 0)
			return &s->o[i];
	return NULL;
}

static bool about_slip(int kind)
{
	return kind == DW_EXTEND_SHIP_DATE || kind == DW_EXTENSION_DECLINED || kind == DW_EXTENSION_UNANSWERED ||
	       kind == DW_LATE_AHEAD || kind == DW_OVERDUE;
}

/* People act on a mail after 2 to 48 h, on one that escalates sooner. */
static void react(struct sim *s, struct order *o, int kind, bool urgent)
{
	dw_time at = s->w.t + (urgent ? between(1, 10) : between(2, 48)) * HOUR;

	if ((kind == DW_EXTEND_SHIP_DATE || kind == DW_EXTENSION_DECLINED) && o->file_at == DW_NEVER && percent(o->files))
		o->file_at = at;
	if ((kind == DW_OVERDUE || kind == DW_DISPUTE) && o->ack_at == DW_NEVER && percent(60))
		o->ack_at = at;
	if (kind == DW_CONFIRM_SHIP_DATE && o->look_at == DW_NEVER && percent(80))
		o->look_at = at;
}

static void note_entry(struct sim *s, const struct sc_mail *m, const struct sc_entry *e)
{
	struct order *o = find_order(s, e->order);
	int kind = dw_kind_find(e->kind);

	if (strcmp(e->step, "open") == 0 || strcmp(e->step, "missing") == 0 || kind < 0)
		return;
	s->told++;
	s->kind[kind] += strcmp(e->step, "resolved") != 0;
	if (!o || strcmp(e->step, "resolved") == 0)
		return;
	s->behind[kind] += dw_kinds[kind].side == DW_SIDE_SHIP && m->at >= o->ready;
	if (about_slip(kind) && o->known_read != DW_UNKNOWN) {
		if (strcmp(m->person, person[o->owner]) == 0 && o->owner_told == DW_UNKNOWN)
			o->owner_told = m->at;
		if (strcmp(m->person, "bo") == 0 && o->deputy_told == DW_UNKNOWN)
			o->deputy_told = m->at;
	}
	if (strcmp(m->person, person[o->owner]) == 0)
		react(s, o, kind, m->type == DW_MAIL_ALERT);
}

static int day_of(const struct sim *s, dw_time t)
{
	return (int)((t - s->from) / DW_DAY);
}

static void note_mails(struct sim *s)
{
	for (; s->seen_mails < s->w.n_mail; s->seen_mails++) {
		const struct sc_mail *m = &s->w.mail[s->seen_mails];
		int day = day_of(s, m->at);

		s->type[m->type]++;
		for (int p = 0; p < PEOPLE; p++)
			if (strcmp(m->person, person[p]) == 0 && day >= 0 && day < DAYS)
				s->mails[p][day]++;
		for (size_t i = 0; i < m->n_entry; i++)
			note_entry(s, m, &m->entry[i]);
	}
}

static int set_date(struct sim *s, struct order *o, enum dw_field x, dw_time t)
{
	int64_t id = sc_order(&s->w, o->id);
	char text[32];

	dw_instant_rfc3339(text, t);
	return id < 0 ? 0 : dw_engine_set(s->w.engine, id, &(struct dw_assignment){ x, text }, 1, person[o->owner], s->w.t, &s->w.err);
}

/* "I'm on it", for up to a week once the deadline is past. */
static int ack(struct sim *s, struct order *o)
{
	int64_t id = sc_order(&s->w, o->id);
	int acked, r;

	o->ack_at = DW_NEVER;
	r = id < 0 ? 0 : dw_engine_ack(s->w.engine, id, o->owner, between(2, 7) * DW_DAY, "on it", s->w.t, &acked, &s->w.err);
	return r < 0 ? r : 0;
}

static dw_time end_of_day(const struct sim *s, dw_time t)
{
	return dw_day_end(s->w.config->zone, dw_zone_day(s->w.config->zone, t));
}

static void file_extension(struct order *o, const struct dw_zone *z, dw_time now)
{
	o->file_at = DW_NEVER;
	if (now >= o->ready)
		return;
	o->ext = DW_EXT_REQUESTED;
	o->ext_until = dw_day_end(z, dw_zone_day(z, o->ready_then) + (int32_t)between(1, 4));
	o->ext_asked = now;
	o->ext_answer = now + between(3, 90) * HOUR;
	o->ext_will = percent(80) ? DW_EXT_ACCEPTED : percent(50) ? DW_EXT_DECLINED : DW_EXT_REQUESTED;
}

/* Chat and answers to "will it leave by P?", through `duewatch set`. */
static int people_act(struct sim *s)
{
	int r = 0;

	for (int i = 0; r >= 0 && i < ORDERS; i++) {
		struct order *o = &s->o[i];

		if (s->w.t >= o->file_at)
			file_extension(o, zone_of(s), s->w.t);
		if (o->knows == BY_CHAT && !o->said && s->w.t >= o->known_at) {
			o->said = true;
			r = set_date(s, o, DW_F_AGREED_AT, end_of_day(s, o->ready_then));
		}
		if (r >= 0 && s->w.t >= o->ack_at)
			r = ack(s, o);
		if (r >= 0 && s->w.t >= o->look_at) {
			o->look_at = DW_NEVER;
			/* an unknown slip is still believed to leave in time */
			if (s->w.t < o->ready)
				r = set_date(s, o, DW_F_EXPECTED_SHIP_AT,
					     end_of_day(s, o->slips && o->ready > o->p && s->w.t < o->p - 2 * DW_DAY ? o->p - DW_DAY
												 : o->ready));
		}
	}
	return r < 0 ? r : 0;
}

/* For comparison: a mail an order and day from 7 days before its date on, to the owner, from the day after it to all
 * three; and from 7 days before the timer ends. */
static void count_naive(struct sim *s, int day, dw_time now)
{
	for (int i = 0; i < ORDERS; i++) {
		const struct order *o = &s->o[i];
		bool to_ship = now >= o->paid && now < o->ready;

		if (to_ship && now > o->p - 7 * DW_DAY) {
			s->naive[o->owner][day]++;
			s->naive[3][day] += now > o->p;
			s->naive[4][day] += now > o->p;
		} else if (now >= o->ready && now < timer(o) && now > timer(o) - 7 * DW_DAY)
			s->naive[o->owner][day]++;
	}
}

/* ---- 90 days ---- */

static int export_all(struct sim *s, bool plan)
{
	int r = 0;

	for (int i = 0; r == 0 && i < ORDERS; i++)
		r = plan ? plan_order(s, &s->o[i], s->w.t) : export_order(s, &s->o[i], s->w.t);
	if (r == 0)
		r = sc_write(&s->w, plan ? s->plan : s->shop, 0);
	return r < 0 ? r : sc_settle(&s->w);
}

static int one_hour(struct sim *s, int day, int hour)
{
	int r = sc_advance(&s->w, workday(s, day, hour));

	if (r == 0 && works(day) && hour == 9)
		r = export_all(s, false);
	if (r == 0 && works(day) && hour == 17)
		r = export_all(s, true);
	if (r == 0 && works(day) && hour >= 9 && hour <= 20) {
		r = people_act(s);
		if (r == 0)
			r = sc_settle(&s->w);
	}
	if (r == 0 && works(day) && hour >= 9 && hour <= 20)
		watch(s);
	if (hour == 9 && works(day))
		count_naive(s, day, s->w.t);
	note_mails(s);
	return r;
}

static int run(struct sim *s)
{
	int r;

	s->w.t = workday(s, 0, 9);
	s->shop = sc_feed(&s->w, "shop");
	s->plan = sc_feed(&s->w, "plan");
	if (!s->shop || !s->plan)
		return -ENOMEM;
	for (int i = 0; i < ORDERS; i++) /* before day 0: what had shipped by then is not open */
		if (export_order(s, &s->o[i], s->w.t) < 0 || plan_order(s, &s->o[i], s->w.t) < 0)
			return -ENOMEM;
	r = sc_start(&s->w);
	note_mails(s);
	for (int day = 0; r == 0 && day < DAYS; day++)
		for (int hour = day == 0 ? 10 : 0; r == 0 && hour < 24; hour++)
			r = one_hour(s, day, hour);
	return r;
}

/* ---- what came of it ---- */

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

struct figures {
	int median, p90, max, sum;
};

/* Over working days, the first look's day left out. */
static struct figures figures_of(const int perday[DAYS])
{
	struct figures f = { 0 };
	int list[DAYS], n = 0;

	for (int d = 1; d < DAYS; d++) {
		f.sum += perday[d];
		if (works(d))
			list[n++] = perday[d];
	}
	qsort(list, (size_t)n, sizeof(list[0]), by_value);
	f.median = list[n / 2];
	f.p90 = list[n * 9 / 10];
	f.max = list[n - 1];
	return f;
}

static int print_table(struct sim *s)
{
	int busiest = 0, all[DAYS] = { 0 };

	printf("mails a working day        median   p90   max   in all   naive rules: median   in all\n");
	for (int p = 0; p < PEOPLE; p++) {
		struct figures f = figures_of(s->mails[p]), n = figures_of(s->naive[p]);

		printf("  %-8s %-15s %6d %5d %5d %8d %21d %8d\n", person[p], p < 3 ? "owner" : p == 3 ? "deputy" : "manager",
		       f.median, f.p90, f.max, f.sum, n.median, n.sum);
		if (f.median > busiest)
			busiest = f.median;
		for (int d = 0; d < DAYS; d++)
			all[d] += s->mails[p][d];
	}
	printf("  everybody                %5d %5d %5d %8d\n", figures_of(all).median, figures_of(all).p90, figures_of(all).max,
	       figures_of(all).sum);
	if (busiest > BUSIEST_MEDIAN_MAX) {
		printf("PROBLEM: the busiest person's median is %d mails a day, over %d\n", busiest, BUSIEST_MEDIAN_MAX);
		s->problems++;
	}
	return busiest;
}

static void print_kinds(const struct sim *s)
{
	printf("mails by type:");
	for (int i = 0; i < 7; i++)
		printf(" %s %d", sc_type_words[i], s->type[i]);
	printf("\nsteps told (%d in all):", s->told);
	for (int i = 0; i < DW_KIND_COUNT; i++)
		if (s->kind[i])
			printf(" %s %d", dw_kinds[i].name, s->kind[i]);
	printf("\nof these about goods that had left, unknown to any export yet:");
	for (int i = 0; i < DW_KIND_COUNT; i++)
		if (s->behind[i])
			printf(" %s %d", dw_kinds[i].name, s->behind[i]);
	printf("\n");
}

static void say_late(struct sim *s, const struct order *o, const char *who)
{
	char known[32], f[32];

	dw_instant_rfc3339(known, o->known_read);
	dw_instant_rfc3339(f, o->f);
	printf("PROBLEM: order %s: its slip was known at %s; the %s was not told before F = %s\n", o->id, known, who, f);
	s->problems++;
}

/* Every slip known a day or more before F, and not settled meanwhile: owner and deputy told before F. */
static void check_slips(struct sim *s)
{
	int slips = 0, known = 0, in_time = 0, settled = 0;

	for (int i = 0; i < ORDERS; i++) {
		const struct order *o = &s->o[i];
		dw_time end = o->settled_at != DW_UNKNOWN ? o->settled_at : DW_NEVER;

		slips += o->slips;
		if (!o->slips || o->known_read == DW_UNKNOWN || o->known_read > o->f - DW_DAY || o->f > s->w.t)
			continue;
		known++;
		/* settled before the step's time had come: nobody had to hear any more */
		if (end <= o->f - DW_DAY)
			settled++;
		if (!(o->owner_told != DW_UNKNOWN && o->owner_told < o->f) && end > o->f - DW_DAY)
			say_late(s, o, "owner");
		else if (!(o->deputy_told != DW_UNKNOWN && o->deputy_told < o->f) && end > o->f - DW_DAY)
			say_late(s, o, "deputy");
		else
			in_time++;
	}
	printf("slips: %d; known a day or more before F: %d; of these settled before the deputy's step: %d; told in time: %d\n", slips,
	       known, settled, in_time);
	if (known < 10) {
		printf("PROBLEM: too few known slips for the check to mean anything\n");
		s->problems++;
	}
}

struct told_list {
	struct dw_step_row *p;
	size_t n, cap;
	bool oom;
};

static int take_told(void *ctx, const struct dw_step_row *row)
{
	struct told_list *l = ctx;

	if (row->told.state != DW_STEP_MAILED)
		return 0;
	if (dw_grow(&l->p, &l->cap, l->n + 1, sizeof(*l->p)) < 0) {
		l->oom = true;
		return 1;
	}
	l->p[l->n++] = *row;
	return 0;
}

static bool same_step(const struct dw_told *a, const struct dw_told *b)
{
	return a->side == b->side && a->kind == b->kind && a->act_by == b->act_by && a->number == b->number &&
	       strcmp(a->step, b->step) == 0;
}

/* No person hears the same step of the same deadline twice in an episode. In a later episode the step owed is sent
 * again (rules.md §4, States): counted, as it is noise, where it comes within a day. */
static void check_twice(struct sim *s)
{
	int again = 0, flapped = 0;

	for (int i = 0; i < ORDERS; i++) {
		struct told_list l = { 0 };
		int64_t id = sc_order(&s->w, s->o[i].id);

		if (id >= 0)
			dw_store_step_each(s->w.store, id, DW_SIDE_SHIP, 0, take_told, &l, NULL);
		for (size_t a = 0; a < l.n; a++)
			for (size_t b = a + 1; b < l.n; b++) {
				if (strcmp(l.p[a].person, l.p[b].person) != 0 || !same_step(&l.p[a].told, &l.p[b].told) ||
				    l.p[a].told.kind == DW_NO_KIND)
					continue;
				if (l.p[a].told.episode == l.p[b].told.episode) {
					printf("PROBLEM: order %s: %s was told %s %s twice\n", s->o[i].id, l.p[a].person,
					       dw_kinds[l.p[a].told.kind].name, l.p[a].told.step);
					again++;
				} else if (l.p[b].told.at - l.p[a].told.at < DW_DAY)
					flapped++;
			}
		free(l.p);
	}
	printf("steps told twice: %d; told again within a day, as the side had been quiet in between: %d\n", again, flapped);
	s->problems += again;
}

int main(int argc, char **argv)
{
	static struct sim s;
	int r;

	chance = argc > 1 ? strtoull(argv[1], NULL, 10) : 2026;
	s.w.verbose = argc > 2;
	r = sc_world_init(&s.w, config, true); /* the memory store copies itself at each begin: ten times slower */
	s.from = dw_zone_instant(s.w.config ? s.w.config->zone : &dw_zone_utc, 2026, 9, 7, 0, 0, 0);
	for (int i = 0; r == 0 && i < ORDERS; i++)
		make_order(&s, i);
	if (r == 0)
		r = run(&s);
	if (r < 0) {
		fprintf(stderr, "simulate: %s\n", s.w.err.text);
		sc_world_fini(&s.w);
		return 1;
	}
	printf("%d orders, %d days, %lld events\n", ORDERS, DAYS, (long long)s.w.events);
	print_table(&s);
	print_kinds(&s);
	check_slips(&s);
	check_twice(&s);
	r = s.problems ? 1 : 0;
	sc_world_fini(&s.w);
	return r;
}
