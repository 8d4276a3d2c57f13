/* ladder.h: the table of kinds, ladders as text, which step is owed. */
#include "duewatch/ladder.h"

#include <stdio.h>

#define DAY INT64_C(86400)

const char *const dw_side_words[DW_SIDE_COUNT] = { "ship", "receipt", "claim" };

#define FOUND_LADDER "found: owner"
#define SLIP_LADDER "found: owner · 7d: owner · 3d: owner · 1d!: owner deputy · 6h!: owner deputy manager"

const struct dw_kind_info dw_kinds[DW_KIND_COUNT] = {
	[DW_EDIT_BEFORE_PAYMENT] = { "edit_before_payment", DW_SIDE_SHIP, false, 0, false, FOUND_LADDER,
				     "unpaid, and it will ship after its date: the date can still be edited freely" },
	[DW_INCOMPLETE] = { "incomplete", DW_SIDE_SHIP, false, DAY, false, FOUND_LADDER,
			    "to ship, but no ship-by date is known" },
	[DW_OVERDUE] = { "overdue", DW_SIDE_SHIP, true, 0, true,
			 "due!: owner deputy manager · +1d!: owner deputy · +2d!: owner deputy · +3d!: owner deputy manager · "
			 "every 7d: owner manager",
			 "to ship, and the ship-by date has passed" },
	[DW_EXTENSION_DECLINED] = { "extension_declined", DW_SIDE_SHIP, true, 0, true, SLIP_LADDER,
				    "the buyer declined the later date" },
	[DW_EXTEND_SHIP_DATE] = { "extend_ship_date", DW_SIDE_SHIP, true, 0, false,
				  SLIP_LADDER " · due!: owner deputy manager · +1d!: owner deputy manager · every 7d: owner manager",
				  "it will ship after its date, and no extension that covers it is filed" },
	[DW_EXTENSION_UNANSWERED] = { "extension_unanswered", DW_SIDE_SHIP, true, DAY, false,
				      "found: owner · 1d!: owner deputy · 6h!: owner deputy manager",
				      "an extension is filed, and the buyer has not confirmed it" },
	[DW_LATE_AHEAD] = { "late_ahead", DW_SIDE_SHIP, true, 0, false, SLIP_LADDER,
			    "it will ship after its date, and the platform allows no extension" },
	[DW_CONFIRM_SHIP_DATE] = { "confirm_ship_date", DW_SIDE_SHIP, true, 0, false,
				   "7d: owner · 3d: owner · 1d!: owner deputy · 6h!: owner deputy manager",
				   "nobody has said when it really ships: will it leave in time?" },
	[DW_SHIP_BY] = { "ship_by", DW_SIDE_SHIP, true, 0, false, "1d: owner · 6h!: owner deputy",
			 "to ship by its date" },
	[DW_EXTEND_RECEIPT] = { "extend_receipt", DW_SIDE_RECEIPT, true, 0, false,
				"found: owner · 3d: owner · 1d!: owner deputy · 6h!: owner deputy manager",
				"the platform will confirm receipt by itself before the goods arrive" },
	[DW_DISPUTE] = { "dispute", DW_SIDE_CLAIM, true, 0, true,
			 "found!: owner deputy manager · 1d!: owner deputy manager · 6h!: owner deputy manager · "
			 "due!: owner deputy manager · every 7d: owner manager",
			 "the buyer opened a dispute" },
	[DW_AUTO_CONFIRMED_UNDELIVERED] = { "auto_confirmed_undelivered", DW_SIDE_CLAIM, false, 0, true, FOUND_LADDER,
					    "receipt was confirmed by timer before the goods arrived" },
	[DW_SHIPPED_LATE] = { "shipped_late", DW_SIDE_CLAIM, false, 0, true, FOUND_LADDER,
			      "shipped after its date: the buyer can claim until the window ends" },
};

int dw_kind_find(const char *name)
{
	for (int i = 0; i < DW_KIND_COUNT; i++)
		if (dw_streq(dw_kinds[i].name, name))
			return i;
	return -1;
}

static const char *spaces(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

/* The WHEN up to ':' without the '!', into s->when, offset and text. */
static int parse_when(struct dw_step *s, const char *when, struct dw_err *err)
{
	int64_t span;

	snprintf(s->text, sizeof(s->text), "%s", when);
	if (strcmp(when, "found") == 0) {
		s->when = DW_WHEN_FOUND;
		return 0;
	}
	if (strcmp(when, "due") == 0) {
		s->when = DW_WHEN_AT;
		s->offset = 0;
		return 0;
	}
	if (strncmp(when, "every ", 6) == 0) {
		s->when = DW_WHEN_EVERY;
		if (dw_duration_parse(&s->offset, spaces(when + 6), err) < 0)
			return -EINVAL;
		if (s->offset < 3600 || s->offset > 366 * DAY)
			return dw_err_set(err, -EINVAL, "\"%s\": a repetition is between 1h and 366d", when);
		return 0;
	}
	s->when = DW_WHEN_AT;
	if (dw_duration_parse(&span, when + (*when == '+'), err) < 0)
		return dw_err_set(err, -EINVAL,
				  "\"%s\" is not a moment: found, due, \"7d\" (before), \"+1d\" (after), \"every 7d\"", when);
	if (span > 366 * DAY)
		return dw_err_set(err, -EINVAL, "\"%s\": at most 366d", when);
	s->offset = *when == '+' ? span : -span;
	return 0;
}

static int parse_roles(struct dw_step *s, const char *p, struct dw_err *err)
{
	for (p = spaces(p); *p; p = spaces(p)) {
		size_t n = strcspn(p, " \t,"), k;

		for (k = 0; k < DW_ROLE_COUNT; k++)
			if (strlen(dw_role_words[k]) == n && memcmp(dw_role_words[k], p, n) == 0)
				break;
		if (k == DW_ROLE_COUNT)
			return dw_err_set(err, -EINVAL, "\"%.*s\" is not a role: owner, deputy, manager", (int)(n > 40 ? 40 : n), p);
		s->roles |= 1U << k;
		p += n;
		while (*p == ',')
			p++;
	}
	return s->roles ? 0 : dw_err_set(err, -EINVAL, "nobody is named after the colon: owner, deputy, manager");
}

/* found, then by time, every last. */
static int rank(const struct dw_step *a, const struct dw_step *b)
{
	if (a->when != b->when)
		return a->when < b->when ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static int insert(struct dw_ladder *l, const struct dw_step *s, struct dw_err *err)
{
	size_t at = l->n;

	if (l->n == DW_STEPS_MAX)
		return dw_err_set(err, -EINVAL, "more than %d steps", DW_STEPS_MAX);
	while (at > 0 && rank(s, &l->step[at - 1]) < 0)
		at--;
	if (at > 0 && rank(s, &l->step[at - 1]) == 0)
		return dw_err_set(err, -EINVAL, "\"%s\" stands twice", s->text);
	if (s->when == DW_WHEN_EVERY && l->n > 0 && l->step[l->n - 1].when == DW_WHEN_EVERY)
		return dw_err_set(err, -EINVAL, "only one `every` is possible");
	memmove(&l->step[at + 1], &l->step[at], (l->n - at) * sizeof(*s));
	l->step[at] = *s;
	l->n++;
	return 0;
}

int dw_ladder_add(struct dw_ladder *l, const char *line, bool dated, struct dw_err *err)
{
	struct dw_step s = { 0 };
	const char *colon = strchr(line, ':');
	char when[24];
	size_t n;
	int r;

	line = spaces(line);
	if (!colon)
		return dw_err_set(err, -EINVAL, "\"%.60s\": a step is WHEN[!]: PERSONS, for example \"1d!: owner deputy\"", line);
	n = (size_t)(colon - line);
	while (n && (line[n - 1] == ' ' || line[n - 1] == '!')) {
		s.urgent |= line[n - 1] == '!';
		n--;
	}
	if (n == 0 || n >= sizeof(when))
		return dw_err_set(err, -EINVAL, "\"%.60s\": a step is WHEN[!]: PERSONS, for example \"1d!: owner deputy\"", line);
	memcpy(when, line, n);
	when[n] = '\0';
	r = parse_when(&s, when, err);
	if (r < 0)
		return r;
	if (!dated && s.when != DW_WHEN_FOUND)
		return dw_err_set(err, -EINVAL, "\"%s\": this kind has no deadline, only \"found\" is possible", when);
	r = parse_roles(&s, colon + 1, err);
	return r < 0 ? r : insert(l, &s, err);
}

int dw_ladder_default(struct dw_ladder *l, enum dw_kind kind)
{
	const struct dw_kind_info *k = &dw_kinds[kind];
	static const char sep[] = " · ";
	const char *p = k->ladder;

	*l = (struct dw_ladder){ 0 };
	while (*p) {
		const char *end = strstr(p, sep);
		size_t n = end ? (size_t)(end - p) : strlen(p);
		char line[96];
		int r;

		if (n >= sizeof(line))
			return -EINVAL;
		memcpy(line, p, n);
		line[n] = '\0';
		r = dw_ladder_add(l, line, k->dated, NULL);
		if (r < 0)
			return r;
		p += n + (end ? sizeof(sep) - 1 : 0);
	}
	return 0;
}

/* The moment repetitions are counted from: the last timed step, else act_by. */
static dw_time every_base(const struct dw_ladder *l, dw_time act_by)
{
	dw_time base = act_by;

	for (size_t i = 0; i < l->n; i++)
		if (l->step[i].when == DW_WHEN_AT)
			base = act_by + l->step[i].offset;
	return base;
}

dw_time dw_ladder_time(const struct dw_ladder *l, int step, int64_t number, dw_time act_by, dw_time found_at)
{
	const struct dw_step *s = &l->step[step];

	switch (s->when) {
	case DW_WHEN_FOUND:
		return found_at;
	case DW_WHEN_AT:
		return act_by + s->offset;
	case DW_WHEN_EVERY:
		return every_base(l, act_by) + number * s->offset;
	}
	return DW_NEVER;
}

/* When a step that is due at `due` comes. */
static dw_time comes(const struct dw_step *s, const struct dw_turn *turn, dw_time act_by, dw_time due)
{
	dw_time at;

	if (!turn || !s->urgent || turn->working.hours == NULL || turn->working.hours->n == 0)
		return due;
	at = dw_working_last(&turn->working, due);
	if (due < act_by)
		return at;
	if (at < act_by)
		return due; /* it says that the date has passed */
	if (turn->not_before != DW_UNKNOWN && at < turn->not_before)
		return turn->not_before < due ? turn->not_before : due;
	return at;
}

static void due_next(struct dw_owed *o, int step, int64_t number, dw_time at, dw_time due)
{
	if (at < o->next_at) {
		o->next_at = at;
		o->next_due = due;
		o->next_step = step;
		o->next_number = number;
	}
}

/* One passed over while it was still to come never comes. */
static void forget_next(struct dw_owed *o)
{
	o->next_at = o->next_due = DW_NEVER;
	o->next_step = -1;
	o->next_number = 0;
}

static void owed_step(struct dw_owed *o, int step, int64_t number, dw_time at, dw_time due)
{
	o->step = step;
	o->number = number;
	o->at = at;
	o->due = due;
}

/* `found` counts only where no timed step has come; once one has, it is passed over for good. */
static void owed_found(const struct dw_ladder *l, dw_time found_at, dw_time now, struct dw_owed *o)
{
	if (o->step >= 0 || l->n == 0 || l->step[0].when != DW_WHEN_FOUND)
		return;
	if (found_at <= now)
		owed_step(o, 0, 0, found_at, found_at);
	else
		due_next(o, 0, 0, found_at, found_at);
}

/* The repetitions: the last that has come, and the one after it. */
static void owed_every(const struct dw_ladder *l, int step, const struct dw_turn *turn, dw_time act_by, dw_time now,
		       struct dw_owed *o)
{
	const struct dw_step *s = &l->step[step];
	dw_time base = every_base(l, act_by), at;
	int64_t k = now >= base ? (now - base) / s->offset : 0; /* due already, so come */
	int64_t end = now + DW_WORKING_BACK_S >= base ? (now + DW_WORKING_BACK_S - base) / s->offset + 1 : k + 1;

	/* of those due later, those up to somewhere were moved to before now */
	while (turn && end - k > 1) {
		int64_t mid = k + (end - k) / 2;

		if (comes(s, turn, act_by, base + mid * s->offset) <= now)
			k = mid;
		else
			end = mid;
	}
	at = comes(s, turn, act_by, base + k * s->offset);
	if (k >= 1) {
		owed_step(o, step, k, at, base + k * s->offset);
		forget_next(o);
	}
	due_next(o, step, k + 1, comes(s, turn, act_by, base + (k + 1) * s->offset), base + (k + 1) * s->offset);
}

void dw_ladder_owed_by(const struct dw_ladder *l, const struct dw_turn *turn, dw_time act_by, dw_time found_at, dw_time now,
		       struct dw_owed *out)
{
	*out = (struct dw_owed){ .step = -1, .at = DW_UNKNOWN, .due = DW_UNKNOWN, .next_at = DW_NEVER, .next_due = DW_NEVER,
				 .next_step = -1 };
	for (int i = 0; act_by != DW_UNKNOWN && i < (int)l->n; i++) {
		const struct dw_step *s = &l->step[i];

		if (s->when == DW_WHEN_AT) {
			dw_time due = act_by + s->offset, at = comes(s, turn, act_by, due);

			if (at <= now) {
				owed_step(out, i, 0, at, due);
				forget_next(out);
			} else
				due_next(out, i, 0, at, due);
		} else if (s->when == DW_WHEN_EVERY)
			owed_every(l, i, turn, act_by, now, out);
	}
	owed_found(l, found_at, now, out);
}

void dw_ladder_owed(const struct dw_ladder *l, dw_time act_by, dw_time found_at, dw_time now, struct dw_owed *out)
{
	dw_ladder_owed_by(l, NULL, act_by, found_at, now, out);
}
