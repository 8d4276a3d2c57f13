/* alert.h: which row of rules.md §4 holds, and what follows from it for people (§5). */
#include "duewatch/alert.h"

#include <stdio.h>

#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

const char *const dw_state_words[4] = { "quiet", "watching", "open", "acked" };

enum {
	SAME_ACT_BY_S = 3600,	   /* an act_by that moves by no more is the same */
	TOLD_LATELY_S = 12 * 3600, /* a step that isn't urgent is spared for who was told within */
	TOLD_OFTEN = 3,		   /* so often within that, by ever new dates: any step is */
	DORMANT_S = 14 * 86400,	   /* longer past act_by on a first look: a line, then silence until a fact changes */
	RESOLVED_EVERY_S = 86400,
	ACK_DEFAULT_S = 2 * 86400,
	ACK_MAX_S = 7 * 86400,
};

/* ---- rules.md §4 ---- */

/* A comparison with an unknown value doesn't hold. */
static bool after(dw_time a, dw_time b)
{
	return a != DW_UNKNOWN && b != DW_UNKNOWN && a > b;
}

static struct dw_finding found(enum dw_kind kind, dw_time act_by, dw_time found_at)
{
	return (struct dw_finding){ .kind = kind, .act_by = act_by, .found_at = found_at };
}

static const struct dw_finding nothing = { .kind = DW_NO_KIND, .act_by = DW_UNKNOWN, .found_at = DW_NEVER };

static struct dw_finding find_to_ship(const struct dw_order *o, const struct dw_dates *d, const struct dw_memory *m,
				      const struct dw_pack *pack, dw_time now)
{
	bool slips = after(d->e, d->p), allowed = pack->extension != DW_EXT_BY_NOBODY;
	dw_time until = dw_at(&o->f, DW_F_EXTENSION_UNTIL);
	bool asked_enough = d->extension == DW_EXT_REQUESTED && d->e != DW_UNKNOWN && until != DW_UNKNOWN && until >= d->e;

	if (d->p == DW_UNKNOWN)
		return found(DW_INCOMPLETE, DW_UNKNOWN, m->first_seen + DAY);
	if (now > d->p)
		return found(DW_OVERDUE, d->p, 0);
	if (d->extension == DW_EXT_DECLINED && (d->e == DW_UNKNOWN || slips))
		return found(DW_EXTENSION_DECLINED, d->p, 0);
	if (slips && allowed && !asked_enough)
		return found(DW_EXTEND_SHIP_DATE, d->f, 0);
	if (d->extension == DW_EXT_REQUESTED)
		return found(DW_EXTENSION_UNANSWERED, d->p,
			     (m->requested_since == DW_UNKNOWN ? now : m->requested_since) + DAY);
	if (slips)
		return found(DW_LATE_AHEAD, d->p, 0);
	if (d->e == DW_UNKNOWN && allowed && !d->short_promise)
		return found(DW_CONFIRM_SHIP_DATE, d->f, 0);
	return found(DW_SHIP_BY, d->p, 0);
}

static struct dw_finding find_receipt(const struct dw_dates *d, const struct dw_pack *pack, dw_time now)
{
	if (!d->in_transit || pack->receipt_watch == DW_WATCH_OFF || d->a == DW_UNKNOWN || now >= d->a)
		return nothing;
	if (after(d->eta, d->a - DAY) || (d->eta != DW_UNKNOWN && d->eta_failed) ||
	    (pack->receipt_watch == DW_WATCH_ALWAYS && d->eta == DW_UNKNOWN))
		return found(DW_EXTEND_RECEIPT, d->a - DAY, 0);
	return nothing;
}

static struct dw_finding find_claim(const struct dw_order *o, const struct dw_dates *d, const struct dw_memory *m,
				    const struct dw_pack *pack, dw_time now)
{
	dw_time delivered = dw_at(&o->f, DW_F_DELIVERED_AT);
	bool window = d->c != DW_UNKNOWN && now <= d->c;

	if (d->status == DW_DISPUTED)
		return found(DW_DISPUTE, (m->disputed_since == DW_UNKNOWN ? now : m->disputed_since) + pack->dispute_talk, 0);
	if (d->status == DW_COMPLETED && window && d->a != DW_UNKNOWN && d->r != DW_UNKNOWN && d->r >= d->a - DAY &&
	    after(d->eta, d->r) && (delivered == DW_UNKNOWN || delivered > d->r))
		return found(DW_AUTO_CONFIRMED_UNDELIVERED, DW_UNKNOWN, 0);
	if (window && after(dw_at(&o->f, DW_F_SHIPPED_AT), d->p) &&
	    (d->status == DW_SHIPPED || d->status == DW_DELIVERED || d->status == DW_COMPLETED))
		return found(DW_SHIPPED_LATE, DW_UNKNOWN, 0);
	return nothing;
}

void dw_alert_find(struct dw_finding out[DW_SIDE_COUNT], const struct dw_order *o, const struct dw_dates *d,
		   const struct dw_memory *m, const struct dw_pack *pack, dw_time now)
{
	out[DW_SIDE_SHIP] = nothing;
	if (d->status == DW_AWAITING_PAYMENT && after(d->e, d->p))
		out[DW_SIDE_SHIP] = found(DW_EDIT_BEFORE_PAYMENT, DW_UNKNOWN, 0);
	else if (d->to_ship)
		out[DW_SIDE_SHIP] = find_to_ship(o, d, m, pack, now);
	out[DW_SIDE_RECEIPT] = find_receipt(d, pack, now);
	out[DW_SIDE_CLAIM] = find_claim(o, d, m, pack, now);
}

/* ---- rules.md §5 ---- */

/* One of the persons a side's steps speak to. */
struct turn {
	int person;
	unsigned roles; /* the bits the person has */
	struct dw_owed owed;
	bool spoken;	/* it, or one it covers, speaks to the person */
};

/* One side being decided. */
struct side {
	struct dw_plan *plan;
	const struct dw_alert_input *in;
	const struct dw_alert_rules *rules;
	enum dw_side side;
	const struct dw_alert *row;  /* stored, or NULL */
	struct dw_alert next;	     /* to be stored */
	const struct dw_ladder *ladder;
	dw_time anchor, found_at;    /* that ladder times are counted from */
	struct turn turn[DW_ROLE_COUNT];
	size_t n_turn;
	bool failed;		     /* the plan is full */
};

static bool was_open(const struct side *s)
{
	return s->row && s->row->kind != DW_NO_KIND;
}

static bool in_episode(const struct side *s, const struct dw_told *t)
{
	return s->row && t->side == s->side && t->episode == s->row->episode;
}

static void look_at(struct dw_plan *plan, dw_time at, dw_time now)
{
	if (at > now && at < plan->next_at)
		plan->next_at = at;
}

static void drop_step(struct side *s, const struct dw_told *t)
{
	if (s->plan->n_drop == DW_PLAN_STEPS_MAX)
		s->failed = true;
	else
		s->plan->drop[s->plan->n_drop++] = t->id;
}

static void add_step(struct side *s, int person, const char *step, int64_t number, enum dw_kind kind, dw_time act_by,
		     bool urgent, enum dw_step_state state, enum dw_deliver deliver)
{
	struct dw_told *t;

	if (s->plan->n_step == DW_PLAN_STEPS_MAX) {
		s->failed = true;
		return;
	}
	t = &s->plan->step[s->plan->n_step++];
	*t = (struct dw_told){ .side = s->side, .episode = s->next.episode, .kind = kind, .act_by = act_by,
			       .number = number, .person = person, .urgent = urgent, .state = state,
			       .deliver = deliver, .at = s->in->now };
	snprintf(t->step, sizeof(t->step), "%s", step);
}

/* An act_by that moves by an hour or less is the same. */
static bool same_act_by(dw_time a, dw_time b)
{
	if (a == DW_UNKNOWN || b == DW_UNKNOWN)
		return a == b;
	return a - b <= SAME_ACT_BY_S && b - a <= SAME_ACT_BY_S;
}

/* Compared with some slack, not with the row's anchor alone: a kind that comes back has lost its anchor. */
static bool same_key(const struct side *s, const struct dw_told *t, const struct dw_step *step, int64_t number)
{
	return t->kind == s->next.kind && same_act_by(t->act_by, s->next.act_by) && t->number == number &&
	       strcmp(t->step, step->text) == 0;
}

/* Told, or counted as told, about the side's present kind in this episode. */
static bool told_kind(const struct side *s, int person)
{
	for (size_t i = 0; i < s->in->n_told; i++) {
		const struct dw_told *t = &s->in->told[i];

		if (in_episode(s, t) && t->person == person && t->kind == s->next.kind &&
		    (t->state == DW_STEP_MAILED || t->state == DW_STEP_SPARED))
			return true;
	}
	return false;
}

static bool told_lately(const struct side *s, int person)
{
	for (size_t i = 0; i < s->in->n_told; i++) {
		const struct dw_told *t = &s->in->told[i];

		if (t->side == s->side && t->person == person && t->kind == s->next.kind && t->state == DW_STEP_MAILED &&
		    t->at > s->in->now - TOLD_LATELY_S && t->at <= s->in->now)
			return true;
	}
	return false;
}

/* Told this very step so often lately, each time by another act_by: a date that moves with every read (a formula, a
 * clock in the export) would mail at every read. */
static bool told_often(const struct side *s, const struct dw_step *step, int person)
{
	int n = 0;

	for (size_t i = 0; i < s->in->n_told; i++) {
		const struct dw_told *t = &s->in->told[i];

		n += t->side == s->side && t->person == person && t->kind == s->next.kind && t->state == DW_STEP_MAILED &&
		     strcmp(t->step, step->text) == 0 && !same_act_by(t->act_by, s->next.act_by) &&
		     t->at > s->in->now - TOLD_LATELY_S && t->at <= s->in->now;
	}
	return n >= TOLD_OFTEN;
}

static bool key_exists(const struct side *s, const struct dw_step *step, int64_t number, int person)
{
	for (size_t i = 0; i < s->in->n_told; i++)
		if (in_episode(s, &s->in->told[i]) && s->in->told[i].person == person &&
		    same_key(s, &s->in->told[i], step, number))
			return true;
	return false;
}

static enum dw_deliver deliver(const struct side *s, const struct dw_step *step, int person)
{
	const struct dw_person *p = &s->rules->people->p[person];
	dw_time daily;

	if (s->in->first_look)
		return DW_DELIVER_FIRST_LOOK;
	if (step->urgent || p->daily_minute < 0)
		return DW_DELIVER_NOW;
	if (s->next.act_by == DW_UNKNOWN)
		return DW_DELIVER_DAILY;
	daily = dw_people_daily_next(s->rules->people, person, s->in->now);
	return s->next.act_by < daily ? DW_DELIVER_NOW : DW_DELIVER_DAILY;
}

/* Does any step up to `last` speak to one of these roles? */
static bool spoken_to(const struct dw_ladder *l, int last, unsigned roles)
{
	for (int i = 0; i <= last; i++)
		if (l->step[i].roles & roles)
			return true;
	return false;
}

/* The step speaks to them, or one it covers did and they were never told. */
static bool hears(const struct side *s, const struct turn *t)
{
	if (!t->spoken)
		return false;
	return (s->ladder->step[t->owed.step].roles & t->roles) || !told_kind(s, t->person);
}

/* The place of a step among the side's present kind and act_by, by its row; -1: it is none of these. */
static int place(const struct side *s, const struct dw_told *t)
{
	if (t->kind != s->next.kind || !same_act_by(t->act_by, s->next.act_by))
		return -1;
	for (int i = 0; i < (int)s->ladder->n; i++)
		if (strcmp(s->ladder->step[i].text, t->step) == 0)
			return i;
	return -1;
}

static bool is_later(const struct side *s, const struct dw_told *t, const struct dw_owed *owed)
{
	int at = place(s, t);

	return at > owed->step || (at >= 0 && at == owed->step && t->number > owed->number);
}

/* Told of a later step already: hours or a calendar changed after it had come early. It covers this one. */
static bool told_later(const struct side *s, const struct turn *turn)
{
	for (size_t i = 0; i < s->in->n_told; i++) {
		const struct dw_told *t = &s->in->told[i];

		if (in_episode(s, t) && t->person == turn->person && t->state != DW_STEP_COVERED && is_later(s, t, &turn->owed))
			return true;
	}
	return false;
}

/* By when it is due, not by when it came: see dw_alert_ack. */
static bool acked_away(const struct side *s, const struct dw_owed *owed)
{
	return s->next.ack.at != DW_UNKNOWN && owed->due <= s->next.ack.until;
}

static void owe(struct side *s, const struct turn *t, bool moved)
{
	const struct dw_step *step = &s->ladder->step[t->owed.step];
	enum dw_step_state state = DW_STEP_WAITING;

	if (!hears(s, t) || key_exists(s, step, t->owed.number, t->person) || told_later(s, t))
		return;
	if (moved || acked_away(s, &t->owed) || (!step->urgent && told_lately(s, t->person)) || told_often(s, step, t->person))
		state = DW_STEP_SPARED;
	add_step(s, t->person, step->text, t->owed.number, s->next.kind, s->next.act_by, step->urgent, state,
		 deliver(s, step, t->person));
}

struct dw_turn dw_alert_turn(const struct dw_people *people, int person, const struct dw_alert *alert)
{
	bool after = alert && alert->ack.at != DW_UNKNOWN && alert->act_by != DW_UNKNOWN && alert->ack.at >= alert->act_by;

	return (struct dw_turn){ .working = dw_people_working(people, person),
				 .not_before = after ? alert->ack.until : DW_UNKNOWN };
}

/* The row, as long as the ladder's times are counted from its anchor. */
static const struct dw_alert *standing(const struct side *s, const struct dw_finding *f)
{
	return was_open(s) && s->row->kind == f->kind && same_act_by(s->row->act_by, f->act_by) ? s->row : NULL;
}

static void owed_by(const struct side *s, int person, dw_time now, struct dw_owed *out)
{
	struct dw_turn turn = dw_alert_turn(s->rules->people, person, standing(s, &s->plan->finding[s->side]));

	dw_ladder_owed_by(s->ladder, &turn, s->anchor, s->found_at, now, out);
}

/* The first step to come that speaks to this person. */
static void next_of(const struct side *s, const struct turn *t, struct dw_owed *out)
{
	struct dw_owed o = t->owed;

	for (int i = 0; i < DW_STEPS_MAX && o.next_step >= 0; i++) {
		if (s->ladder->step[o.next_step].roles & t->roles) {
			if (o.next_at < out->next_at) {
				out->next_at = o.next_at;
				out->next_due = o.next_due;
				out->next_step = o.next_step;
				out->next_number = o.next_number;
			}
			return;
		}
		owed_by(s, t->person, o.next_at, &o);
	}
}

static bool is_further(const struct dw_owed *a, const struct dw_owed *b)
{
	if (a->step != b->step)
		return a->step > b->step;
	return a->number != b->number ? a->number > b->number : a->at > b->at;
}

/* What each of the order's persons is owed, and of it what is the furthest. */
static void take_turns(struct side *s, struct dw_owed *all)
{
	const struct dw_people *people = s->rules->people;
	const struct turn *plain = NULL; /* without hours all see the same */
	int who[DW_ROLE_COUNT];

	s->n_turn = dw_people_serving(people, s->in->owner, ~0U, who);
	for (size_t i = 0; i < s->n_turn; i++) {
		struct turn *t = &s->turn[i];

		*t = (struct turn){ .person = who[i] };
		for (int r = 0; r < DW_ROLE_COUNT; r++)
			t->roles |= dw_people_role(people, s->in->owner, (enum dw_role)r) == who[i] ? 1U << r : 0U;
		if (plain && people->p[who[i]].hours.n == 0)
			t->owed = plain->owed;
		else
			owed_by(s, t->person, s->in->now, &t->owed);
		if (people->p[who[i]].hours.n == 0)
			plain = t;
		look_at(s->plan, t->owed.next_at, s->in->now);
		next_of(s, t, all);
		t->spoken = spoken_to(s->ladder, t->owed.step, t->roles);
		if (t->spoken && is_further(&t->owed, all)) {
			all->step = t->owed.step;
			all->number = t->owed.number;
			all->at = t->owed.at;
			all->due = t->owed.due;
		}
	}
}

static const struct turn *turn_of(const struct side *s, int person)
{
	for (size_t i = 0; i < s->n_turn; i++)
		if (s->turn[i].person == person)
			return &s->turn[i];
	return NULL;
}

/* Waiting steps that are no longer the one owed to their person are passed over; but one that came early and isn't due
 * by now, because hours or a calendar changed, is on its way. */
static void pass_over(struct side *s, bool quiet)
{
	for (size_t i = 0; i < s->in->n_told; i++) {
		const struct dw_told *t = &s->in->told[i];
		const struct turn *turn = turn_of(s, t->person);
		struct dw_owed owed = { .step = -1 };

		if (!in_episode(s, t) || t->state != DW_STEP_WAITING || t->kind == DW_NO_KIND)
			continue;
		if (!quiet && turn)
			owed = turn->owed;
		else if (!quiet)
			owed_by(s, t->person, s->in->now, &owed);
		if (quiet || ((owed.step < 0 || !same_key(s, t, &s->ladder->step[owed.step], owed.number)) && !is_later(s, t, &owed)))
			drop_step(s, t);
	}
}

/* The ack ends; who gave it stays known until the episode ends, for its `resolved`. */
static void end_ack(struct dw_ack *ack)
{
	ack->at = DW_UNKNOWN;
	ack->until = 0;
}

static bool is_resolved(const struct side *s, const struct dw_told *t)
{
	return t->side == s->side && t->kind == DW_NO_KIND && strcmp(t->step, "resolved") == 0;
}

/* A `resolved` still waiting for a daily mail is no longer true. */
static void take_back_resolved(struct side *s)
{
	for (size_t i = 0; i < s->in->n_told; i++)
		if (is_resolved(s, &s->in->told[i]) && s->in->told[i].state == DW_STEP_WAITING)
			drop_step(s, &s->in->told[i]);
}

static void open_row(struct side *s, const struct dw_finding *f)
{
	struct dw_alert *a = &s->next;
	bool fresh = !s->row;

	if (fresh)
		*a = (struct dw_alert){ .side = s->side, .kind = DW_NO_KIND, .last = DW_NO_KIND, .act_by = DW_UNKNOWN,
					.episode = DW_EPISODE_NEW, .opened = s->in->now, .ack = { .at = DW_UNKNOWN } };
	else
		*a = *s->row;
	if (a->kind != f->kind) {
		a->since = s->in->now;
		end_ack(&a->ack);
		a->act_by = f->act_by;
		a->dormant = false;
	}
	a->kind = a->last = f->kind;
}

/* The stored anchor while act_by moved by an hour or less; else the new one. */
static bool move_act_by(struct side *s, const struct dw_finding *f)
{
	struct dw_alert *a = &s->next;

	if (same_act_by(a->act_by, f->act_by))
		return false;
	a->act_by = f->act_by;
	if (a->ack.until != DW_NEVER)
		end_ack(&a->ack);
	return true;
}

/* The side's anchor for ladder times, before it is known whether a step is reached. */
static dw_time anchored(const struct side *s, const struct dw_finding *f)
{
	return standing(s, f) ? s->row->act_by : f->act_by;
}

static void note_dormant(struct side *s)
{
	struct dw_alert *a = &s->next;
	uint64_t facts = dw_facts_hash(&s->in->order->f, DW_HASH_INIT);

	if (a->dormant && a->facts != facts)
		a->dormant = false;
	if (s->in->first_look && !was_open(s) && a->act_by != DW_UNKNOWN && s->in->now > a->act_by + DORMANT_S) {
		a->dormant = true;
		a->facts = facts;
	}
}

/* The owed step only after act_by, from data that may be long out of date: rules.md §4, feed_stale. */
static bool held_back(const struct side *s, const struct dw_owed *owed)
{
	return s->in->stale && s->next.act_by != DW_UNKNOWN && owed->at >= s->next.act_by &&
	       s->ladder->step[owed->step].when != DW_WHEN_FOUND;
}

static void decide_open(struct side *s, const struct dw_finding *f)
{
	bool moved, was_dormant = s->row && s->row->dormant;

	open_row(s, f);
	moved = move_act_by(s, f) && was_open(s) && s->row->kind == f->kind && s->in->rules_changed;
	s->plan->moved |= moved;
	note_dormant(s);
	s->plan->state[s->side] = s->next.ack.at != DW_UNKNOWN && s->in->now < s->next.ack.until ? DW_ACKED : DW_OPEN;
	if (s->next.ack.at != DW_UNKNOWN)
		look_at(s->plan, s->next.ack.until, s->in->now);
	pass_over(s, false);
	if (!was_open(s))
		take_back_resolved(s);
	if (s->next.dormant && was_dormant)
		return;
	for (size_t i = 0; i < s->n_turn; i++) {
		const struct turn *t = &s->turn[i];

		if (!t->spoken)
			continue;
		if (!moved && held_back(s, &t->owed)) {
			s->plan->held |= 1U << s->side;
			s->plan->data_at = DW_UNKNOWN;
		} else
			owe(s, t, moved);
	}
}

static dw_time last_resolved(const struct side *s)
{
	dw_time at = DW_UNKNOWN;

	for (size_t i = 0; i < s->in->n_told; i++) {
		const struct dw_told *t = &s->in->told[i];

		if (is_resolved(s, t) && t->state != DW_STEP_COVERED && t->at > at)
			at = t->at;
	}
	return at;
}

/* Facts that got worse are never called resolved; a window that ran out mails nobody. */
static bool is_good_news(const struct side *s)
{
	const struct dw_dates *d = s->in->dates;

	if (d->status == DW_DISPUTED)
		return false;
	switch (s->side) {
	case DW_SIDE_SHIP:
		return true;
	case DW_SIDE_RECEIPT:
		if (s->plan->finding[DW_SIDE_CLAIM].kind == DW_AUTO_CONFIRMED_UNDELIVERED)
			return false; /* the timer won: seen only after the window ran out */
		return !(d->in_transit && d->a != DW_UNKNOWN && s->in->now >= d->a);
	case DW_SIDE_CLAIM:
		return s->row->last == DW_DISPUTE || (d->c != DW_UNKNOWN && s->in->now <= d->c);
	case DW_SIDE_COUNT:
		break;
	}
	return false;
}

/* Those told at an urgent step of the episode, and whoever acked. */
static bool heard(const struct side *s, int person)
{
	if (s->row->ack.by[0] && dw_people_find(s->rules->people, s->row->ack.by) == person)
		return true;
	for (size_t i = 0; i < s->in->n_told; i++) {
		const struct dw_told *t = &s->in->told[i];

		if (in_episode(s, t) && t->person == person && t->state == DW_STEP_MAILED && t->urgent &&
		    t->kind != DW_NO_KIND)
			return true;
	}
	return false;
}

static void write_resolved(struct side *s, enum dw_kind last)
{
	bool own = last == DW_OVERDUE || last == DW_DISPUTE;

	s->next = *s->row;
	for (size_t i = 0; i < s->rules->people->n; i++)
		if (heard(s, (int)i))
			add_step(s, (int)i, "resolved", 0, DW_NO_KIND, DW_UNKNOWN, own, DW_STEP_WAITING,
				 own || s->rules->people->p[i].daily_minute < 0 ? DW_DELIVER_NOW : DW_DELIVER_DAILY);
}

static bool anybody_heard(const struct side *s)
{
	for (size_t i = 0; i < s->rules->people->n; i++)
		if (heard(s, (int)i))
			return true;
	return false;
}

/* The side is quiet: its episode ends, now or when its resolved may be written. */
static void decide_quiet(struct side *s)
{
	dw_time last;

	if (!s->row)
		return;
	pass_over(s, true);
	if (was_open(s))
		s->plan->withdrawn |= 1U << s->side;
	last = last_resolved(s);
	if (is_good_news(s) && anybody_heard(s)) {
		if (last != DW_UNKNOWN && s->in->now < last + RESOLVED_EVERY_S) {
			s->next = *s->row;
			s->next.kind = DW_NO_KIND;
			look_at(s->plan, last + RESOLVED_EVERY_S, s->in->now);
			return;
		}
		write_resolved(s, s->row->last);
	}
	s->next.episode = DW_EPISODE_NONE;
}

static bool same_alert(const struct dw_alert *a, const struct dw_alert *b)
{
	return a->kind == b->kind && a->last == b->last && a->act_by == b->act_by && a->episode == b->episode &&
	       a->dormant == b->dormant && a->facts == b->facts && a->ack.at == b->ack.at && a->ack.until == b->ack.until;
}

/* A step of this very alert came, early, before hours or a calendar changed: that it isn't due by now is no end of it,
 * and nobody must hear that it is resolved. */
static bool came_before(struct side *s, const struct dw_finding *f)
{
	if (!standing(s, f))
		return false;
	s->next = *s->row;
	for (size_t i = 0; i < s->in->n_told; i++)
		if (in_episode(s, &s->in->told[i]) && s->in->told[i].state != DW_STEP_COVERED && place(s, &s->in->told[i]) >= 0)
			return true;
	s->next = (struct dw_alert){ 0 };
	return false;
}

static void decide_side(struct side *s)
{
	struct dw_plan *plan = s->plan;
	const struct dw_finding *f = &plan->finding[s->side];
	struct dw_owed *owed = &plan->owed[s->side];

	*owed = (struct dw_owed){ .step = -1, .at = DW_UNKNOWN, .due = DW_UNKNOWN, .next_at = DW_NEVER, .next_due = DW_NEVER,
				  .next_step = -1 };
	if (f->kind != DW_NO_KIND) {
		s->ladder = &s->rules->ladder[f->kind];
		s->anchor = anchored(s, f);
		s->found_at = f->found_at;
		take_turns(s, owed);
		plan->state[s->side] = DW_WATCHING;
	}
	if (owed->step >= 0 || (s->ladder && came_before(s, f)))
		decide_open(s, f);
	else
		decide_quiet(s);
	plan->alert[s->side] = s->next;
	plan->alert_changed[s->side] = s->row ? !same_alert(s->row, &s->next) : s->next.episode != DW_EPISODE_NONE;
}

static bool closed_by_hand(const struct dw_alert_input *in)
{
	const struct dw_memory *m = in->memory;

	return m->closed_at != DW_UNKNOWN && m->closed_status == (int64_t)in->dates->status &&
	       m->closed_promise == in->dates->p;
}

int dw_alert_decide(struct dw_plan *plan, const struct dw_alert_input *in, const struct dw_alert_rules *rules)
{
	bool failed = false;

	memset(plan, 0, sizeof(*plan));
	plan->next_at = in->dates->next_at;
	plan->data_at = in->dates->data_at;
	dw_alert_find(plan->finding, in->order, in->dates, in->memory, in->pack, in->now);
	if (in->silenced || closed_by_hand(in))
		for (int i = 0; i < DW_SIDE_COUNT; i++)
			plan->finding[i] = nothing;
	for (int i = 0; i < DW_SIDE_COUNT; i++) {
		struct side s = { .plan = plan, .in = in, .rules = rules, .side = (enum dw_side)i };

		for (size_t k = 0; k < in->n_alert; k++)
			if (in->alert[k].side == s.side)
				s.row = &in->alert[k];
		decide_side(&s);
		failed |= s.failed;
	}
	return failed ? -E2BIG : 0;
}

int dw_alert_ack(struct dw_alert *a, const struct dw_ladder *l, dw_time found_at, const char *by, int64_t for_s,
		 dw_time now, bool *note_manager)
{
	struct dw_owed owed;

	*note_manager = false;
	if (a->kind == DW_NO_KIND)
		return 1;
	if (for_s > ACK_MAX_S)
		for_s = ACK_MAX_S;
	a->ack.at = now;
	snprintf(a->ack.by, sizeof(a->ack.by), "%s", by);
	if (a->act_by != DW_UNKNOWN && now >= a->act_by) {
		a->ack.until = now + (for_s ? for_s : ACK_DEFAULT_S);
		*note_manager = true;
		return 0;
	}
	dw_ladder_owed(l, a->act_by, found_at, now, &owed);
	a->ack.until = owed.next_at;
	if (for_s && now + for_s < a->ack.until)
		a->ack.until = now + for_s;
	return 0;
}
