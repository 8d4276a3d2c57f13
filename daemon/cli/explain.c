/* duewatch explain: the structure its parts make, as JSON or as text. The text is made from the JSON, so that both say
 * the same. */
#include "cli.h"

#include <stdio.h>

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool is(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

/* An instant of the structure; unknown for null. */
static dw_time when(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	dw_time t;

	return s && dw_instant_parse(&t, s, &dw_zone_utc, NULL, DW_BARE_FIRST, NULL, NULL) == 0 ? t : DW_UNKNOWN;
}

/* An instant for people: theirs, and the platform's. */
static void both(struct dw_buf *b, const struct cli_explain *x, dw_time t)
{
	cli_time_both(b, x->c, t, x->platform);
}

static void head(struct cli_explain *x)
{
	const struct dw_case *k = &x->k;

	cli_put(x, x->root, "now", cli_json_time(x->c->now));
	cli_put(x, x->root, "order_id", cli_json_text(k->row.order_id));
	cli_put(x, x->root, "feed", cli_json_text(k->row.feed));
	cli_put(x, x->root, "pack", cli_json_text(k->pack->name));
	cli_put(x, x->root, "timezone", cli_json_text(x->platform->name));
	cli_put(x, x->root, "owner", cli_json_text(x->c->config->people.p[k->owner].name));
	cli_put(x, x->root, "owner_unknown", json_boolean(k->owner_unknown));
	cli_put(x, x->root, "status", json_string(dw_status_words[k->dates.status]));
	cli_put(x, x->root, "data_time", cli_json_time(k->data_time));
	cli_put(x, x->root, "stale", json_boolean(k->stale));
	cli_put(x, x->root, "first_seen", cli_json_time(k->row.memory.first_seen));
	cli_put(x, x->root, "missing_since", cli_json_time(k->row.missing_since));
	if (k->row.memory.closed_at != DW_UNKNOWN)
		cli_put(x, x->root, "closed",
			json_pack("{s:o,s:o,s:o}", "at", cli_json_time(k->row.memory.closed_at), "by",
				  cli_json_text(k->row.close_by), "note", cli_json_text(k->row.close_note)));
}

/* ---- text ---- */

static void title(struct dw_buf *out, const struct cli *c, const char *text)
{
	dw_buf_putc(out, '\n');
	cli_styled(out, c, CLI_BOLD, text);
	dw_buf_putc(out, '\n');
}

static void text_head(struct dw_buf *out, const struct cli_explain *x)
{
	const struct dw_case *k = &x->k;
	DW_BUF b = { 0 };

	cli_order_name(&b, k);
	cli_styled(out, x->c, CLI_BOLD, dw_buf_str(&b));
	dw_buf_printf(out, ": %s, pack %s (%s), owner ", str(x->root, "status"), k->pack->name, x->platform->name);
	cli_clean(out, str(x->root, "owner"));
	if (k->owner_unknown) {
		dw_buf_puts(out, " (by default: nobody of the config is called \"");
		cli_clip(out, dw_text(&k->order.f, DW_F_OWNER), 40);
		dw_buf_puts(out, "\")");
	}
	dw_buf_puts(out, "\nData of ");
	both(out, x, k->data_time);
	dw_buf_puts(out, ", ");
	cli_span(out, x->c->now - k->data_time);
	dw_buf_printf(out, " old%s\n", k->stale ? ": stale" : "");
	if (k->row.missing_since != DW_UNKNOWN) {
		dw_buf_puts(out, "No longer listed since ");
		both(out, x, k->row.missing_since);
		dw_buf_putc(out, '\n');
	}
	if (json_is_string(json_object_get(x->root, "silenced"))) {
		dw_buf_printf(out, "Raises nothing: %s", str(x->root, "silenced"));
		if (k->row.close_note) {
			dw_buf_puts(out, ". ");
			cli_clean(out, k->row.close_by);
			dw_buf_puts(out, ": ");
			cli_clean(out, k->row.close_note);
		}
		dw_buf_putc(out, '\n');
	}
	out->failed |= b.failed;
}

/* A value for people: an instant of the structure in both zones. */
static void value(struct dw_buf *b, const struct cli_explain *x, int field, const json_t *o)
{
	dw_time t = field >= 0 && dw_fields[field].kind == DW_K_INSTANT ? when(o, "value") : DW_UNKNOWN;

	if (t != DW_UNKNOWN)
		both(b, x, t);
	else
		cli_clip(b, json_is_string(json_object_get(o, "value")) ? str(o, "value") : "-", 60);
}

static void source_text(struct dw_buf *b, const struct cli_explain *x, int field, const json_t *from, bool with_value)
{
	const char *kind = str(from, "source");

	if (strcmp(kind, "set") == 0)
		dw_buf_printf(b, "set by %s ", str(from, "name"));
	else
		dw_buf_printf(b, "%s %s", kind, str(from, "name"));
	if (strcmp(kind, "set") == 0)
		cli_time(b, when(from, "at"), x->c->zone, x->c->now);
	if (is(from, "fallen"))
		dw_buf_puts(b, " (fallen)");
	if (with_value) {
		dw_buf_puts(b, " says ");
		value(b, x, field, from);
	}
}

static void fact_text(struct cli_table *t, const struct cli_explain *x, const json_t *o)
{
	const char *winner = str(o, "won");
	const json_t *from = json_object_get(o, "sources");
	int field = dw_field_find(str(o, "field"));
	bool named = false;
	DW_BUF v = { 0 };
	DW_BUF by = { 0 };
	size_t i;
	json_t *s;

	value(&v, x, field, o);
	json_array_foreach((json_t *)from, i, s) {
		bool wins = !named && strcmp(str(s, "source"), winner) == 0 && !is(s, "fallen");

		if (by.n)
			dw_buf_puts(&by, "; ");
		source_text(&by, x, field, s, !wins);
		if (wins)
			dw_buf_puts(&by, json_array_size(from) > 1 ? " (won)" : "");
		named |= wins;
	}
	if (!named)
		dw_buf_printf(&by, "%s%s", by.n ? "; " : "", winner);
	cli_cell(t, CLI_PLAIN, "%s", str(o, "field"));
	cli_cell(t, CLI_BOLD, "%s", dw_buf_str(&v));
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&by));
	t->failed |= v.failed || by.failed;
}

static void date_text(struct cli_table *t, const struct cli_explain *x, const json_t *o)
{
	DW_BUF b = { 0 };

	both(&b, x, when(o, "at"));
	cli_cell(t, CLI_BOLD, "%s", str(o, "name"));
	cli_cell(t, CLI_PLAIN, "%s", str(o, "meaning"));
	cli_cell(t, CLI_BOLD, "%s", dw_buf_str(&b));
	cli_cell(t, CLI_PLAIN, "= %s", str(o, "how"));
	t->failed |= b.failed;
}

/* The first condition that fails, or all of them where the row holds. */
static void rule_text(struct cli_table *t, const struct cli_explain *x DW_UNUSED, const json_t *o)
{
	bool holds = is(o, "holds"), tried = is(o, "tried");
	DW_BUF why = { 0 };
	size_t i;
	json_t *c;

	json_array_foreach(json_object_get(o, "conditions"), i, c) {
		if (!tried || (!holds && is(c, "holds")))
			continue;
		dw_buf_printf(&why, "%s%s%s", why.n ? "; " : "", holds ? "" : "not: ", str(c, "text"));
	}
	cli_cell(t, CLI_PLAIN, "%s", str(o, "side"));
	cli_cell(t, holds ? CLI_BOLD : CLI_PLAIN, "%s", str(o, "kind"));
	cli_cell(t, holds ? CLI_BOLD : CLI_DIM, "%s", holds ? "holds" : tried ? "no" : "-");
	cli_cell(t, holds ? CLI_PLAIN : CLI_DIM, "%s", tried ? dw_buf_str(&why) : "not tried: an earlier row holds");
	t->failed |= why.failed;
}

static void alert_text(struct cli_table *t, const struct cli_explain *x, const json_t *o)
{
	const json_t *ack = json_object_get(o, "ack");
	DW_BUF b = { 0 };

	both(&b, x, when(o, "act_by"));
	cli_cell(t, CLI_PLAIN, "%s", str(o, "side"));
	cli_cell(t, CLI_BOLD, "%s", str(o, "kind"));
	cli_cell(t, CLI_BOLD, "%s", str(o, "state"));
	cli_cell(t, CLI_PLAIN, "act by %s", json_is_string(json_object_get(o, "act_by")) ? dw_buf_str(&b) : "-");
	dw_buf_reset(&b);
	if (ack) {
		dw_buf_printf(&b, "%s acked, until ", str(ack, "by"));
		if (json_is_string(json_object_get(ack, "until")))
			both(&b, x, when(ack, "until"));
		else
			dw_buf_puts(&b, "its kind changes");
	}
	if (is(o, "dormant"))
		dw_buf_puts(&b, "long past on the first look: no further step until a fact changes");
	if (is(o, "held"))
		dw_buf_puts(&b, "held back: the feed's data is stale");
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&b));
	t->failed |= b.failed;
}

static void step_text(struct cli_table *t, const struct cli_explain *x, const json_t *o)
{
	json_int_t number = json_integer_value(json_object_get(o, "number"));
	DW_BUF b = { 0 };

	cli_time(&b, when(o, "at"), x->c->zone, x->c->now);
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&b));
	cli_cell(t, CLI_PLAIN, "%s", str(o, "kind"));
	if (number)
		cli_cell(t, CLI_PLAIN, "%s (%lld)", str(o, "step"), (long long)number);
	else
		cli_cell(t, CLI_PLAIN, "%s%s", str(o, "step"), is(o, "urgent") ? "!" : "");
	cli_cell(t, CLI_PLAIN, "%s", str(o, "person"));
	dw_buf_reset(&b);
	if (json_is_string(json_object_get(o, "due"))) {
		dw_buf_puts(&b, ", due ");
		cli_time(&b, when(o, "due"), x->c->zone, x->c->now);
	}
	cli_cell(t, strcmp(str(o, "state"), "told") == 0 ? CLI_BOLD : CLI_DIM, "%s%s%s%s", str(o, "state"),
		 *str(o, "waits_for") ? " for " : "", str(o, "waits_for"), dw_buf_str(&b));
	t->failed |= b.failed;
}

static void coming_text(struct cli_table *t, const struct cli_explain *x, const json_t *o)
{
	DW_BUF b = { 0 };
	size_t i;
	json_t *p;

	both(&b, x, when(o, "at"));
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&b));
	cli_cell(t, CLI_PLAIN, "%s", str(o, "kind"));
	cli_cell(t, CLI_PLAIN, "%s%s", str(o, "step"), is(o, "urgent") ? "!" : "");
	dw_buf_reset(&b);
	json_array_foreach(json_object_get(o, "persons"), i, p)
		dw_buf_printf(&b, "%s%s", i ? ", " : "", json_string_value(p));
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&b));
	dw_buf_reset(&b);
	if (*str(o, "moved")) {
		dw_buf_puts(&b, "due ");
		cli_time(&b, when(o, "due"), x->c->zone, x->c->now);
		dw_buf_printf(&b, ": %s%s", str(o, "moved"), is(o, "acked") ? "; " : "");
	}
	cli_cell(t, CLI_DIM, "%s%s", dw_buf_str(&b), is(o, "acked") ? "covered by the ack" : "");
	t->failed |= b.failed;
}

static void history_text(struct cli_table *t, const struct cli_explain *x, const json_t *o)
{
	DW_BUF b = { 0 };

	cli_time(&b, when(o, "at"), x->c->zone, x->c->now);
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&b));
	cli_cell(t, CLI_PLAIN, "%s", str(o, "text"));
	t->failed |= b.failed;
}

static int print_text(struct cli_explain *x)
{
	static const struct {
		const char *key, *title;
		size_t columns;
		void (*row)(struct cli_table *t, const struct cli_explain *x, const json_t *o);
	} parts[] = {
		{ "alerts", "Alerts", 5, alert_text },	       { "facts", "Facts", 3, fact_text },
		{ "dates", "Dates", 4, date_text },	       { "rules", "Rules, in the order in which they are tried", 4, rule_text },
		{ "steps", "Steps so far", 5, step_text },     { "coming", "Steps to come", 5, coming_text },
		{ "history", "History", 2, history_text },
	};
	DW_BUF out = { 0 };

	text_head(&out, x);
	for (size_t p = 0; p < DW_COUNT(parts); p++) {
		struct cli_table t = { .columns = parts[p].columns };
		size_t i;
		json_t *o;

		if (json_array_size(json_object_get(x->root, parts[p].key)) == 0)
			continue;
		title(&out, x->c, parts[p].title);
		json_array_foreach(json_object_get(x->root, parts[p].key), i, o)
			parts[p].row(&t, x, o);
		cli_table_print(&t, x->c, &out, 1);
	}
	dw_buf_printf(&out, "\nTimes: %s; in brackets, and in what dates are made of, %s.\n", x->c->zone->name,
		      x->platform->name);
	return cli_print(&out);
}

static int explain(struct cli_explain *x)
{
	int r;

	if (!x->k.feed)
		return cli_error("order %s: its feed %s is no longer in the config", x->k.row.order_id, x->k.row.feed);
	x->platform = x->k.pack->zone;
	x->root = json_object();
	head(x);
	cli_explain_facts(x);
	cli_explain_dates(x);
	cli_explain_rules(x);
	cli_explain_steps(x);
	if (x->failed)
		r = cli_error("out of memory");
	else if (cli_option(x->c, "json"))
		r = cli_json_print(json_incref(x->root));
	else
		r = print_text(x);
	json_decref(x->root);
	return r;
}

int cli_explain_run(struct cli *c)
{
	struct cli_explain x = { .c = c };
	struct dw_err err = { "" };
	int64_t id;
	int r = cli_order(c, c->arg[0], &id);

	if (r)
		return r;
	r = dw_case_load(c->engine, id, c->now, &x.k, &err);
	if (r)
		return cli_error("%s", r < 0 ? err.text : "that order went just now");
	r = explain(&x);
	dw_case_fini(&x.k);
	return r;
}
