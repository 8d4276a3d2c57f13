/* What a person knows or does: set, unset, ack, unack, close, reopen. Each change is one transaction of the engine's;
 * a running daemon is woken and decides anew. */
#include "cli.h"

#include <stdio.h>

enum { ASSIGNMENTS_MAX = DW_FIELD_COUNT, ACK_MAX_S = 7 * 86400 };

/* Whoever speaks: --as, the person logged in, else the login's name itself. NULL after an error. */
static const char *speaker(struct cli *c)
{
	int who = cli_whoami(c);

	if (who == -2)
		return NULL;
	return who >= 0 ? c->config->people.p[who].name : c->login;
}

static int parse_assignment(struct cli *c, const char *word, struct dw_assignment *out)
{
	const char *eq = strchr(word, '=');
	char name[48];

	if (!eq || (size_t)(eq - word) >= sizeof(name) || eq == word)
		return cli_usage(c, "set: \"%.80s\" is no FIELD=VALUE", word);
	memcpy(name, word, (size_t)(eq - word));
	name[eq - word] = '\0';
	out->value = eq + 1;
	return cli_field(name, &out->field);
}

/* Every value is tried before the first is stored: a typo in the third leaves nothing half done. */
static int try_value(struct cli *c, const struct dw_case *k, const struct dw_assignment *a)
{
	struct dw_cell_rules rules = { .zone = dw_fields[a->field].record ? k->feed->zone : c->config->zone,
				       .status = k->feed->status, .n_status = k->feed->n_status };
	struct dw_facts f = { 0 };
	struct dw_err err = { "" };
	int who, r = 0;

	if (a->field == DW_F_ORDER_ID || a->field == DW_F_PLATFORM)
		return cli_error("%s is the feed's to say and can't be set by hand", dw_fields[a->field].name);
	if (a->field == DW_F_OWNER)
		return cli_person(c, a->value, &who);
	if (a->field == DW_F_AMOUNT && dw_has(&k->order.f, DW_F_CURRENCY)) /* "12.5" may be in the order's currency */
		r = dw_facts_take(&f, &k->order.f, DW_F_CURRENCY) < 0 ? dw_err_oom(&err) : 0;
	if (r == 0)
		r = dw_fact_parse(&f, a->field, a->value, false, &rules, NULL, &err);
	dw_facts_fini(&f);
	if (r > 0)
		return cli_error("%s: the value is empty; to withdraw yours: duewatch unset", dw_fields[a->field].name);
	return r < 0 ? cli_error("%s: %s", dw_fields[a->field].name, err.text) : 0;
}

static int load(struct cli *c, int64_t id, struct dw_case *k)
{
	struct dw_err err = { "" };
	int r = dw_case_load(c->engine, id, c->now, k, &err);

	if (r)
		return cli_error("%s", r < 0 ? err.text : "that order went just now");
	if (!k->feed) {
		r = cli_error("order %s: its feed %s is no longer in the config", k->row.order_id, k->row.feed);
		dw_case_fini(k);
	}
	return r;
}

/* What follows from a change, so that the person sees at once whether it is what they meant. */
static int show(struct cli *c, int64_t id, struct dw_buf *out)
{
	struct dw_case k;
	bool any = false;
	int r = load(c, id, &k);

	if (r)
		return r;
	for (int i = 0; i < DW_SIDE_COUNT; i++) {
		const struct dw_finding *f = &k.plan.finding[i];

		if (f->kind == DW_NO_KIND)
			continue;
		dw_buf_printf(out, "  now: %s, %s", dw_kinds[f->kind].name, dw_state_words[k.plan.state[i]]);
		if (f->act_by != DW_UNKNOWN) {
			dw_buf_puts(out, ", act by ");
			cli_time_both(out, c, f->act_by, k.pack->zone);
		}
		dw_buf_putc(out, '\n');
		any = true;
	}
	if (!any)
		dw_buf_puts(out, "  now: nothing to watch\n");
	dw_case_fini(&k);
	return 0;
}

static int finish(struct cli *c, int64_t id, struct dw_buf *out)
{
	int r;

	cli_wake(c);
	r = show(c, id, out);
	return r ? r : cli_print(out);
}

/* The value as it was understood: a date without a time or a zone has both now. */
static int echo(struct cli *c, int64_t id, const struct dw_assignment *a, size_t n, struct dw_buf *out)
{
	struct dw_case k;
	int r = load(c, id, &k);

	if (r)
		return r;
	for (size_t i = 0; i < n; i++) {
		DW_BUF value = { 0 };

		if (dw_fields[a[i].field].kind == DW_K_INSTANT)
			cli_time_both(&value, c, dw_at(&k.order.f, a[i].field), k.pack->zone);
		else if (dw_fact_text(&value, &k.order.f, a[i].field) < 0)
			value.failed = true;
		dw_buf_printf(out, "  %s = ", dw_fields[a[i].field].name);
		cli_clean(out, dw_buf_str(&value));
		dw_buf_puts(out, k.order.origin[a[i].field] == DW_FROM_HAND ? "\n" : " (yours doesn't count: see duewatch explain)\n");
		out->failed |= value.failed;
	}
	dw_case_fini(&k);
	return 0;
}

static int set_all(struct cli *c, int64_t id, const struct dw_assignment *a, size_t n, const char *by)
{
	struct dw_err err = { "" };
	struct dw_case k;
	DW_BUF out = { 0 };
	int r = load(c, id, &k);

	if (r)
		return r;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = try_value(c, &k, &a[i]);
	dw_buf_puts(&out, "set on ");
	cli_order_name(&out, &k);
	dw_buf_puts(&out, " by ");
	cli_clean(&out, by);
	dw_buf_putc(&out, '\n');
	dw_case_fini(&k);
	if (r == 0 && dw_engine_set(c->engine, id, a, n, by, c->now, &err) != 0)
		r = cli_error("%s", err.text);
	if (r == 0)
		r = echo(c, id, a, n, &out);
	return r ? r : finish(c, id, &out);
}

int cli_set(struct cli *c)
{
	struct dw_assignment a[ASSIGNMENTS_MAX] = { 0 };
	size_t n = 0;
	int64_t id;
	const char *by = speaker(c);
	int r = by ? cli_order(c, c->arg[0], &id) : CLI_FAILED;

	for (int i = 1; r == 0 && i < c->n_arg; i++) {
		if (n == ASSIGNMENTS_MAX)
			return cli_usage(c, "set: more values than there are fields");
		r = parse_assignment(c, c->arg[i], &a[n++]);
	}
	return r ? r : set_all(c, id, a, n, by);
}

int cli_unset(struct cli *c)
{
	enum dw_field field[ASSIGNMENTS_MAX];
	struct dw_err err = { "" };
	DW_BUF out = { 0 };
	int64_t id;
	int n = c->n_arg - 1, r = cli_order(c, c->arg[0], &id);

	if (n > ASSIGNMENTS_MAX)
		return cli_usage(c, "unset: more fields than there are");
	for (int i = 0; r == 0 && i < n; i++)
		r = cli_field(c->arg[i + 1], &field[i]);
	for (int i = 0; r == 0 && i < n; i++) {
		if (dw_engine_unset(c->engine, id, field[i], c->now, &err) != 0)
			r = cli_error("%s", err.text);
		else
			dw_buf_printf(&out, "unset: %s\n", dw_fields[field[i]].name);
	}
	return r ? r : finish(c, id, &out);
}

/* ---- ack ---- */

static int ack_time(struct cli *c, int64_t *seconds)
{
	const char *text = cli_option(c, "for");
	struct dw_err err = { "" };

	*seconds = 0;
	if (!text)
		return 0;
	if (dw_duration_parse(seconds, text, &err) < 0)
		return cli_usage(c, "--for: %s", err.text);
	if (*seconds < 60 || *seconds > ACK_MAX_S)
		return cli_usage(c, "--for: %s is out of range, allowed: 1m to 7d", text);
	return 0;
}

/* For ack the order's owner is not assumed: what counts is who really took it on. */
static int acker(struct cli *c, int *who)
{
	const struct dw_people *people = &c->config->people;
	DW_BUF names = { 0 };

	*who = cli_whoami(c);
	if (*who >= 0)
		return 0;
	if (*who == -2)
		return CLI_FAILED;
	for (size_t i = 0; i < people->n && names.n < 400; i++)
		dw_buf_printf(&names, "%s%s", i ? ", " : "", people->p[i].name);
	return cli_error("who is on it? \"%s\" is nobody of the config: say --as PERSON (%s)", c->login, dw_buf_str(&names));
}

static void show_acked(struct cli *c, int64_t id, struct dw_buf *out)
{
	struct dw_alert a[DW_SIDE_COUNT];
	int n = dw_store_alert_load(c->store, id, a, NULL);

	for (int i = 0; i < n; i++) {
		if (a[i].ack.at == DW_UNKNOWN || a[i].kind == DW_NO_KIND)
			continue;
		dw_buf_printf(out, "  %s: quiet for everybody ", dw_kinds[a[i].kind].name);
		if (a[i].ack.until == DW_NEVER)
			dw_buf_puts(out, "until something changes");
		else {
			dw_buf_puts(out, "up to and including ");
			cli_time(out, a[i].ack.until, c->zone, c->now);
		}
		dw_buf_putc(out, '\n');
	}
}

int cli_ack(struct cli *c)
{
	struct dw_err err = { "" };
	DW_BUF out = { 0 };
	int64_t id, for_s;
	int who, acked = 0, r = ack_time(c, &for_s);

	if (r == 0)
		r = acker(c, &who);
	if (r == 0)
		r = cli_order(c, c->arg[0], &id);
	if (r)
		return r;
	if (dw_engine_ack(c->engine, id, who, for_s, cli_option(c, "note"), c->now, &acked, &err) != 0)
		return cli_error("%s", err.text);
	cli_wake(c);
	dw_buf_puts(&out, "acked by ");
	cli_clean(&out, c->config->people.p[who].name);
	dw_buf_putc(&out, '\n');
	show_acked(c, id, &out);
	return cli_print(&out);
}

/* What takes something back: an order, no words of its own. */
static int take_back(struct cli *c, int (*how)(struct dw_engine *e, int64_t order, dw_time now, struct dw_err *err),
		     const char *said)
{
	struct dw_err err = { "" };
	DW_BUF out = { 0 };
	int64_t id;
	int r = cli_order(c, c->arg[0], &id);

	if (r)
		return r;
	if (how(c->engine, id, c->now, &err) != 0)
		return cli_error("%s", err.text);
	dw_buf_puts(&out, said);
	return finish(c, id, &out);
}

int cli_unack(struct cli *c)
{
	return take_back(c, dw_engine_unack, "the ack is taken back\n");
}

/* ---- close ---- */

int cli_close_order(struct cli *c)
{
	const char *note = cli_option(c, "note"), *by;
	struct dw_err err = { "" };
	DW_BUF out = { 0 };
	int64_t id;
	int r;

	if (dw_empty(note))
		return cli_usage(c, "close: say why: --note TEXT");
	by = speaker(c);
	r = by ? cli_order(c, c->arg[0], &id) : CLI_FAILED;
	if (r)
		return r;
	if (dw_engine_close(c->engine, id, by, note, c->now, &err) != 0)
		return cli_error("%s", err.text);
	dw_buf_puts(&out, "closed: silent until its status or promise changes (duewatch reopen)\n");
	return finish(c, id, &out);
}

int cli_reopen(struct cli *c)
{
	return take_back(c, dw_engine_reopen, "reopened\n");
}
