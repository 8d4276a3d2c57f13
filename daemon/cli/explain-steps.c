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
	if (s->told.state == DW_STEP_WAITING)
		cli_put(x, o, "waits_for", json_string(waits_for(s->told.deliver)));
	return o;
}

/* Each role's person once. */
static json_t *persons(struct cli_explain *x, unsigned roles)
{
	const struct dw_people *people = &x->c->config->people;
	int who[DW_ROLE_COUNT];
	size_t n = dw_people_serving(people, x->k.owner, roles, who);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		cli_push(x, list, cli_json_text(people->p[who[i]].name));
	return list;
}

enum { COMING_MAX = 12 };

/* The steps of a side's ladder from now on; of an `every` only its next. */
static void coming(struct cli_explain *x, json_t *list, enum dw_side side)
{
	const struct dw_finding *f = &x->k.plan.finding[side];
	const struct dw_alert *a = &x->k.plan.alert[side];
	bool open = a->episode != DW_EPISODE_NONE && a->kind == f->kind;
	dw_time from = x->c->now;

	if (f->kind == DW_NO_KIND || (open && a->dormant))
		return;
	for (int i = 0; i < COMING_MAX; i++) {
		const struct dw_step *step;
		struct dw_owed owed;
		bool acked;
		json_t *o;

		dw_ladder_owed(&x->c->config->ladder[f->kind], open ? a->act_by : f->act_by, f->found_at, from, &owed);
		if (owed.next_step < 0 || owed.next_at == DW_NEVER)
			return;
		step = &x->c->config->ladder[f->kind].step[owed.next_step];
		acked = open && a->ack.at != DW_UNKNOWN && owed.next_at <= a->ack.until;
		o = json_object();
		cli_put(x, o, "side", json_string(dw_side_words[side]));
		cli_put(x, o, "kind", json_string(dw_kinds[f->kind].name));
		cli_put(x, o, "step", cli_json_text(step->text));
		cli_put(x, o, "urgent", json_boolean(step->urgent));
		cli_put(x, o, "at", cli_json_time(owed.next_at));
		cli_put(x, o, "persons", persons(x, step->roles));
		cli_put(x, o, "acked", json_boolean(acked));
		cli_push(x, list, o);
		if (step->when == DW_WHEN_EVERY)
			return;
		from = owed.next_at;
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
