/* explain: what was said to whom, what was passed over, what comes; and what happened to the order. */
#include "cli.h"

#include <stdio.h>

static const char *const step_words[DW_STEP_STATE_COUNT] = {
	[DW_STEP_WAITING] = "waiting", [DW_STEP_MAILED] = "told", [DW_STEP_COVERED] = "covered", [DW_STEP_SPARED] = "spared",
};

static const char *waits_for(enum dw_deliver deliver)
{
	switch (deliver) {
	case DW_DELIVER_NOW:
		return "at once";
	case DW_DELIVER_DAILY:
		return "the daily mail";
	case DW_DELIVER_FIRST_LOOK:
		return "the first look";
	case DW_DELIVER_HELD:
		return "the next mail: mails_per_day is used up";
	}
	return "";
}

/* When a step that was told early is due; DW_UNKNOWN: it wasn't early, or its ladder has it no more. */
static dw_time due_later(const struct cli_explain *x, const struct dw_told *t)
{
	const struct dw_ladder *l = t->kind != DW_NO_KIND ? &x->c->config->ladder[t->kind] : NULL;

	for (int i = 0; l && t->act_by != DW_UNKNOWN && t->number >= 0 && i < (int)l->n; i++)
		if (strcmp(l->step[i].text, t->step) == 0 && l->step[i].when != DW_WHEN_FOUND) {
			dw_time due = dw_ladder_time(l, i, t->number, t->act_by, DW_UNKNOWN);

			return t->urgent && t->at < due ? due : DW_UNKNOWN;
		}
	return DW_UNKNOWN;
}

static json_t *step_json(struct cli_explain *x, const struct dw_step_row *s)
{
	json_t *o = json_object();

	cli_put(x, o, "side", json_string(dw_side_words[s->told.side]));
	cli_put(x, o, "kind", json_string(s->told.kind == DW_NO_KIND ? "resolved" : dw_kinds[s->told.kind].name));
	cli_put(x, o, "step", cli_json_text(s->told.step));
	cli_put(x, o, "number", json_integer((json_int_t)s->told.number));
	cli_put(x, o, "urgent", json_boolean(s->told.urgent));
	cli_put(x, o, "person", cli_json_text(s->person));
	cli_put(x, o, "state", json_string(step_words[s->told.state]));
	cli_put(x, o, "at", cli_json_time(s->told.at));
	cli_put(x, o, "act_by", cli_json_time(s->told.act_by));
	cli_put(x, o, "episode", json_integer((json_int_t)s->told.episode));
	cli_put(x, o, "mail", s->mail ? json_integer((json_int_t)s->mail) : json_null());
	if (due_later(x, &s->told) != DW_UNKNOWN)
		cli_put(x, o, "due", cli_json_time(due_later(x, &s->told)));
	if (s->told.state == DW_STEP_WAITING)
		cli_put(x, o, "waits_for", json_string(waits_for(s->told.deliver)));
	return o;
}

enum { COMING_MAX = 12, ENTRIES_MAX = 3 * COMING_MAX };

/* A step to come for one person. */
struct entry {
	int step, person;
	int64_t number;
	dw_time at, due;
};

static bool speaks_to(const struct dw_ladder *l, int from, int to, unsigned roles)
{
	for (int i = from < 0 ? 0 : from; i <= to; i++)
		if (l->step[i].roles & roles)
			return true;
	return false;
}

/* The steps of a side's ladder that come for one person from now on; of an `every` only its next. Of several that come
 * at the same moment the last is sent, and stands here. */
static size_t coming_for(const struct cli_explain *x, enum dw_side side, int person, struct entry *out, size_t n)
{
	const struct dw_people *people = &x->c->config->people;
	const struct dw_finding *f = &x->k.plan.finding[side];
	const struct dw_alert *a = &x->k.plan.alert[side];
	const struct dw_ladder *l = &x->c->config->ladder[f->kind];
	bool open = a->episode != DW_EPISODE_NONE && a->kind == f->kind;
	struct dw_turn turn = dw_alert_turn(people, person, open ? a : NULL);
	struct dw_owed o = { .next_at = x->c->now };
	unsigned roles = 0;

	for (int r = 0; r < DW_ROLE_COUNT; r++)
		roles |= dw_people_role(people, x->k.owner, (enum dw_role)r) == person ? 1U << r : 0U;
	dw_ladder_owed_by(l, &turn, open ? a->act_by : f->act_by, f->found_at, x->c->now, &o);
	for (int i = 0; i < COMING_MAX && n < ENTRIES_MAX && o.next_step >= 0; i++) {
		int first = o.next_step;

		dw_ladder_owed_by(l, &turn, open ? a->act_by : f->act_by, f->found_at, o.next_at, &o);
		if (o.step >= 0 && speaks_to(l, first, o.step, roles))
			out[n++] = (struct entry){ .step = o.step, .person = person, .number = o.number, .at = o.at, .due = o.due };
		if (o.step < 0 || l->step[o.step].when == DW_WHEN_EVERY)
			break;
	}
	return n;
}

static int by_time(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->step != y->step ? x->step - y->step : x->person - y->person;
}

/* "outside alice's hours", "outside the hours of alice, bo" */
static json_t *why_moved(struct cli_explain *x, json_t *persons)
{
	DW_BUF b = { 0 };
	json_t *text, *p;
	size_t i;

	if (json_array_size(persons) == 1)
		dw_buf_printf(&b, "outside %s's hours", json_string_value(json_array_get(persons, 0)));
	else {
		dw_buf_puts(&b, "outside the hours of ");
		json_array_foreach(persons, i, p)
			dw_buf_printf(&b, "%s%s", i ? ", " : "", json_string_value(p));
	}
	x->failed |= b.failed;
	text = cli_json_text(dw_buf_str(&b));
	return text;
}

/* Of all its persons; those for whom a step comes at the same moment stand together. */
static void coming(struct cli_explain *x, json_t *list, enum dw_side side)
{
	const struct dw_people *people = &x->c->config->people;
	const struct dw_finding *f = &x->k.plan.finding[side];
	const struct dw_alert *a = &x->k.plan.alert[side];
	bool open = a->episode != DW_EPISODE_NONE && a->kind == f->kind;
	struct entry all[ENTRIES_MAX];
	int who[DW_ROLE_COUNT], shown = 0;
	size_t n = 0, many;

	if (f->kind == DW_NO_KIND || (open && a->dormant))
		return;
	many = dw_people_serving(people, x->k.owner, ~0U, who);
	for (size_t i = 0; i < many; i++)
		n = coming_for(x, side, who[i], all, n);
	qsort(all, n, sizeof(*all), by_time);
	for (size_t i = 0, k; i < n && shown < COMING_MAX; i = k, shown++) {
		const struct dw_step *step = &x->c->config->ladder[f->kind].step[all[i].step];
		json_t *o = json_object(), *persons = json_array();

		for (k = i; k < n && all[k].at == all[i].at && all[k].step == all[i].step && all[k].number == all[i].number; k++)
			cli_push(x, persons, cli_json_text(people->p[all[k].person].name));
		cli_put(x, o, "side", json_string(dw_side_words[side]));
		cli_put(x, o, "kind", json_string(dw_kinds[f->kind].name));
		cli_put(x, o, "step", cli_json_text(step->text));
		cli_put(x, o, "urgent", json_boolean(step->urgent));
		cli_put(x, o, "at", cli_json_time(all[i].at));
		cli_put(x, o, "due", cli_json_time(all[i].due));
		cli_put(x, o, "moved", all[i].at < all[i].due ? why_moved(x, persons) : json_null());
		cli_put(x, o, "persons", persons);
		cli_put(x, o, "acked", json_boolean(open && a->ack.at != DW_UNKNOWN && all[i].due <= a->ack.until));
		cli_push(x, list, o);
	}
}

static void one_alert(struct cli_explain *x, json_t *list, enum dw_side side)
{
	const struct dw_alert *a = &x->k.plan.alert[side];
	const struct dw_finding *f = &x->k.plan.finding[side];
	bool open = a->episode != DW_EPISODE_NONE && a->kind == f->kind;
	json_t *o;

	if (f->kind == DW_NO_KIND)
		return;
	o = json_object();
	cli_put(x, o, "side", json_string(dw_side_words[side]));
	cli_put(x, o, "kind", json_string(dw_kinds[f->kind].name));
	cli_put(x, o, "state", json_string(dw_state_words[x->k.plan.state[side]]));
	cli_put(x, o, "act_by", cli_json_time(open ? a->act_by : f->act_by));
	cli_put(x, o, "since", open ? cli_json_time(a->since) : json_null());
	cli_put(x, o, "dormant", json_boolean(open && a->dormant));
	cli_put(x, o, "held", json_boolean(x->k.plan.held >> side & 1));
	if (open && a->ack.at != DW_UNKNOWN)
		cli_put(x, o, "ack",
			json_pack("{s:o,s:o,s:o}", "by", cli_json_text(a->ack.by), "at", cli_json_time(a->ack.at), "until",
				  cli_json_time(a->ack.until)));
	cli_push(x, list, o);
}

static int on_history(void *ctx, dw_time at, const char *text)
{
	struct cli_explain *x = ctx;

	cli_push(x, json_object_get(x->root, "history"),
		 json_pack("{s:o,s:o}", "at", cli_json_time(at), "text", cli_json_text(text)));
	return x->failed;
}

void cli_explain_steps(struct cli_explain *x)
{
	json_t *alerts = json_array(), *steps = json_array(), *next = json_array();

	for (int i = 0; i < DW_SIDE_COUNT; i++) {
		one_alert(x, alerts, (enum dw_side)i);
		coming(x, next, (enum dw_side)i);
	}
	for (size_t i = 0; i < x->k.n_told; i++)
		cli_push(x, steps, step_json(x, &x->k.steps[i]));
	cli_put(x, x->root, "alerts", alerts);
	cli_put(x, x->root, "steps", steps);
	cli_put(x, x->root, "coming", next);
	cli_put(x, x->root, "history", json_array());
	if (dw_store_history_each(x->c->store, x->k.row.id, on_history, x, NULL) < 0)
		x->failed = true;
}
