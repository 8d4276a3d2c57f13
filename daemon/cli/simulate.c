/* duewatch simulate: a fire drill. The mails that would be sent, when and to whom, if nothing in the facts changed; from
 * the live state, of which a copy is made, or from a file played through as a feed's first. Sends nothing. */
#include "cli.h"
#include "simulate.h"

#include <stdio.h>

enum { DAYS_DEFAULT = 90, SUBJECT_WIDTH = 64, GROUPS_SHOWN = 3, ORDERS_SHOWN = 2 };

/* ---- the span ---- */

/* An instant as everywhere, or a time from now ("30d"); last: a bare date is its last second. */
int cli_when(const struct cli *c, const char *option, const char *text, bool last, dw_time *out)
{
	struct dw_err err = { "" }, why;
	int64_t span;

	if (text[0] != '-' && dw_duration_parse(&span, text, &why) == 0 && span <= DW_SIM_DAYS_MAX * DW_DAY) {
		*out = c->now + span;
		return 0;
	}
	if (dw_instant_parse(out, text, c->zone, NULL, last ? DW_BARE_LAST : DW_BARE_FIRST, NULL, &err) == 0)
		return 0;
	return cli_usage(c, "--%s \"%.60s\": %s; or a time from now, like 30d", option, text,
			 err.text[0] ? err.text : "no instant");
}

static int read_span(const struct cli *c, struct dw_sim_opts *o)
{
	const char *from = cli_option(c, "from"), *to = cli_option(c, "to");
	int r = 0;

	o->start = o->from = c->now;
	if (from)
		r = cli_when(c, "from", from, false, &o->from);
	o->to = o->from + DAYS_DEFAULT * DW_DAY;
	if (r == 0 && to)
		r = cli_when(c, "to", to, true, &o->to);
	if (r)
		return r;
	if (o->file)
		o->start = o->from;
	if (o->to < o->from)
		return cli_usage(c, "--to is before --from");
	if (o->to - o->start > DW_SIM_DAYS_MAX * DW_DAY)
		return cli_usage(c, "at most %d days are looked ahead", DW_SIM_DAYS_MAX);
	if (o->from < o->start)
		return cli_usage(c, "--from is in the past: the live state can only be looked ahead from (a file, with --feed, "
				    "can be played through from any time)");
	return 0;
}

/* ---- the source ---- */

/* NAME=FILE, or a file of the only feed with orders. */
static int read_source(const struct cli *c, struct dw_sim_opts *o)
{
	const char *text = cli_option(c, "feed"), *eq = text ? strchr(text, '=') : NULL;
	size_t mains = 0;

	if (!text)
		return 0;
	for (size_t i = 0; i < c->config->n_feeds; i++) {
		const struct dw_feed_conf *f = &c->config->feeds[i];

		if (eq && strlen(f->name) == (size_t)(eq - text) && strncmp(f->name, text, strlen(f->name)) == 0) {
			if (f->overlay)
				return cli_error("feed %s only adds to the orders of other feeds: there is nothing to play through",
						 f->name);
			o->feed = f;
			o->file = eq + 1;
			return *o->file ? 0 : cli_usage(c, "--feed %s: which file?", text);
		}
		if (!f->overlay) {
			mains++;
			o->feed = f;
		}
	}
	o->file = text;
	if (mains == 1)
		return 0;
	return cli_error("there are %zu feeds with orders: say which one's the file is, as --feed NAME=FILE", mains);
}

int cli_scratch(struct cli *c, struct dw_store **out)
{
	struct dw_err err = { "" };
	int r = c->store ? 0 : dw_store_sqlite_open(&c->store, c->config->state, DW_STORE_TOOL, c->now, &err);

	if (r == -ENOENT) {
		if (!cli_option(c, "json"))
			printf("Nothing has been read yet: there is no store in %s (duewatchd makes it). --feed FILE plays a file through.\n",
			       c->config->state);
		return 1;
	}
	if (r == 0)
		r = dw_store_scratch(out, c->store, &err);
	if (r < 0)
		return -cli_error("%s%s", err.text, r == -EACCES ? " (as root or as the service's user it works: sudo)" : "");
	return 0;
}

/* ---- words ---- */

const char *cli_sim_person(const struct cli *c, int person)
{
	return person >= 0 ? c->config->people.p[person].name : "?";
}

static bool same_group(const struct dw_sim_step *a, const struct dw_sim_step *b)
{
	return a->kind == b->kind && strcmp(a->step, b->step) == 0;
}

void cli_sim_step(struct dw_buf *b, const struct dw_sim_step *s)
{
	if (s->kind == DW_NO_KIND)
		dw_buf_puts(b, s->step);
	else
		dw_buf_printf(b, "%s %s", dw_kinds[s->kind].name, s->step);
}

struct group {
	const struct dw_sim_step *step; /* the first of them */
	size_t n;
};

/* "extend_ship_date 3d ×12, overdue due ×2" */
static void kinds(struct dw_buf *b, const struct dw_sim_mail *m)
{
	struct group g[GROUPS_SHOWN] = { { 0 } };
	size_t n = 0, rest = 0;

	for (size_t i = 0; i < m->n_step; i++) {
		size_t k = 0;

		while (k < n && !same_group(g[k].step, &m->step[i]))
			k++;
		if (k == GROUPS_SHOWN) {
			rest++;
			continue;
		}
		if (k == n)
			g[n++].step = &m->step[i];
		g[k].n++;
	}
	for (size_t k = 0; k < n; k++) {
		dw_buf_puts(b, k ? ", " : "");
		cli_sim_step(b, g[k].step);
		if (g[k].n > 1)
			dw_buf_printf(b, " ×%zu", g[k].n);
	}
	if (rest)
		dw_buf_printf(b, ", %zu more", rest);
}

static void orders(struct dw_buf *b, const struct dw_sim_mail *m)
{
	size_t shown = m->n_step <= ORDERS_SHOWN ? m->n_step : 1;

	for (size_t i = 0; i < shown; i++)
		dw_buf_printf(b, "%s%s%s%s", i ? ", " : "", m->step[i].feed ? m->step[i].feed : "", m->step[i].feed ? "/" : "",
			      m->step[i].order_id);
	if (m->n_step > shown)
		dw_buf_printf(b, " and %zu more", m->n_step - shown);
}

static size_t held(const struct dw_sim_mail *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_step; i++)
		n += m->step[i].held;
	return n;
}

/* ---- totals ---- */

struct total {
	size_t mails, most, today;
	int32_t day, busiest; /* days in the person's own zone, as mails_per_day counts them */
	bool any;
};

static void count(struct total *t, int32_t day)
{
	if (!t->any || t->day != day)
		t->today = 0;
	t->any = true;
	t->day = day;
	t->mails++;
	if (++t->today > t->most) {
		t->most = t->today;
		t->busiest = day;
	}
}

static struct total total_of(const struct cli *c, const struct dw_sim *s, int person)
{
	struct total t = { 0 };

	for (size_t i = 0; i < s->n; i++)
		if (s->mail[i].person == person)
			count(&t, dw_zone_day(c->config->people.p[person].zone, s->mail[i].at));
	return t;
}

static double mean(const struct total *t, const struct dw_sim_opts *o, const struct dw_sim *s)
{
	double days = (double)(s->until - o->from + 1) / (double)DW_DAY;

	return (double)t->mails / (days < 1 ? 1 : days);
}

/* ---- text ---- */

static void print_mail(struct cli_table *t, const struct cli *c, const struct dw_sim_mail *m)
{
	DW_BUF when = { 0 };
	DW_BUF subject = { 0 };
	DW_BUF what = { 0 };
	DW_BUF which = { 0 };

	cli_time(&when, m->at, c->zone, c->now);
	cli_clip(&subject, m->subject ? m->subject : "", SUBJECT_WIDTH);
	kinds(&what, m);
	if (held(m))
		dw_buf_printf(&what, " (%zu held back)", held(m));
	orders(&which, m);
	cli_cell(t, CLI_BOLD, "%s", dw_buf_str(&when));
	cli_cell(t, CLI_PLAIN, "%s", cli_sim_person(c, m->person));
	cli_cell(t, CLI_DIM, "%s", dw_mail_type_words[m->type]);
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&subject));
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&what));
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&which));
	t->failed |= when.failed || subject.failed || what.failed || which.failed;
}

static void print_totals(struct dw_buf *out, const struct cli *c, const struct dw_sim_opts *o, const struct dw_sim *s)
{
	static const char *const head[] = { "", "MAILS", "A DAY", "MOST ON ONE DAY" };
	struct cli_table t = { .columns = DW_COUNT(head) };

	for (size_t i = 0; i < DW_COUNT(head); i++)
		cli_cell(&t, CLI_DIM, "%s", head[i]);
	for (size_t i = 0; i < c->config->people.n; i++) {
		struct total sum = total_of(c, s, (int)i);
		DW_BUF busiest = { 0 };

		cli_cell(&t, CLI_BOLD, "%s", c->config->people.p[i].name);
		cli_cell(&t, CLI_PLAIN, "%zu", sum.mails);
		cli_cell(&t, CLI_PLAIN, "%.2f", mean(&sum, o, s));
		if (sum.any) {
			const struct dw_zone *z = c->config->people.p[i].zone;

			cli_time(&busiest, dw_day_start(z, sum.busiest), z, c->now);
			if (busiest.n > 6) /* " 00:00" */
				busiest.p[busiest.n - 6] = '\0';
			cli_cell(&t, CLI_PLAIN, "%zu: %s", sum.most, dw_buf_str(&busiest));
		} else
			cli_cell(&t, CLI_PLAIN, "-");
		t.failed |= busiest.failed;
	}
	dw_buf_putc(out, '\n');
	cli_table_print(&t, c, out, 1);
}

static int print_text(const struct cli *c, const struct dw_sim_opts *o, const struct dw_sim *s)
{
	static const char *const head[] = { "WHEN", "TO", "MAIL", "SUBJECT", "WHAT", "ORDERS" };
	struct cli_table t = { .columns = DW_COUNT(head) };
	DW_BUF out = { 0 };

	dw_buf_printf(&out, "%zu mail%s would be sent, ", s->n, s->n == 1 ? "" : "s");
	cli_time_full(&out, o->from, c->zone);
	dw_buf_puts(&out, " to ");
	cli_time_full(&out, s->until, c->zone);
	dw_buf_puts(&out, ", if nothing changed: no feed is read meanwhile, none goes stale, nobody acts. Nothing is sent now.\n");
	if (s->n) {
		for (size_t i = 0; i < DW_COUNT(head); i++)
			cli_cell(&t, CLI_DIM, "%s", head[i]);
		for (size_t i = 0; i < s->n; i++)
			print_mail(&t, c, &s->mail[i]);
		cli_table_print(&t, c, &out, 1);
		dw_buf_printf(&out, "Times: %s\n", c->zone->name);
	}
	print_totals(&out, c, o, s);
	if (s->until < o->to)
		dw_buf_printf(&out, "There was too much (%zu mails, %zu steps in them): the list ends there.\n", s->n, s->n_step);
	return cli_print(&out);
}

/* ---- JSON ---- */

json_t *cli_sim_step_json(const struct dw_sim_step *s)
{
	return json_pack("{s:o,s:o,s:s,s:s,s:o,s:o,s:b,s:b}", "feed", cli_json_text(s->feed), "order_id",
			 cli_json_text(s->order_id), "side", dw_side_words[s->side], "kind",
			 s->kind == DW_NO_KIND ? "resolved" : dw_kinds[s->kind].name, "step", cli_json_text(s->step), "act_by",
			 cli_json_time(s->kind == DW_NO_KIND ? DW_UNKNOWN : s->act_by), "urgent", s->urgent, "held", s->held);
}

/* Takes o; without its closing brace where more follows. */
static void add_json(struct dw_buf *out, json_t *o, bool open)
{
	DW_FREE char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	if (text)
		dw_buf_add(out, text, strlen(text) - open);
	else
		out->failed = true;
}

static void add_mail(struct dw_buf *out, const struct cli *c, const struct dw_sim_mail *m)
{
	add_json(out,
		 json_pack("{s:o,s:o,s:s,s:o,s:o}", "at", cli_json_time(m->at), "person",
			   m->person >= 0 ? cli_json_text(cli_sim_person(c, m->person)) : json_null(), "type",
			   dw_mail_type_words[m->type], "subject", cli_json_text(m->subject), "message_id", cli_json_text(m->message_id)),
		 true);
	dw_buf_puts(out, ",\n  \"steps\":[");
	for (size_t i = 0; i < m->n_step; i++) {
		dw_buf_puts(out, i ? ",\n   " : "");
		add_json(out, cli_sim_step_json(&m->step[i]), false);
	}
	dw_buf_puts(out, "]}");
}

static json_t *total_json(const struct cli *c, const struct dw_sim_opts *o, const struct dw_sim *s, int person)
{
	struct total t = total_of(c, s, person);
	char day[32] = "";

	if (t.any) {
		int year, month, d;

		dw_day_civil(t.busiest, &year, &month, &d);
		snprintf(day, sizeof(day), "%04d-%02d-%02d", year, month, d);
	}
	return json_pack("{s:o,s:I,s:f,s:I,s:o}", "person", cli_json_text(cli_sim_person(c, person)), "mails",
			 (json_int_t)t.mails, "mean", mean(&t, o, s), "max", (json_int_t)t.most, "max_day",
			 t.any ? json_string(day) : json_null());
}

/* Mail by mail: as one tree it would take ten times the memory of what it is made from. */
static int print_json(const struct cli *c, const struct dw_sim_opts *o, const struct dw_sim *s)
{
	json_t *people = json_array();
	DW_BUF out = { 0 };
	int r = CLI_OK;

	for (size_t i = 0; i < c->config->people.n; i++)
		json_array_append_new(people, total_json(c, o, s, (int)i));
	add_json(&out,
		 json_pack("{s:o,s:o,s:o,s:o,s:b,s:o}", "now", cli_json_time(c->now), "from", cli_json_time(o->from), "to",
			   cli_json_time(o->to), "until", cli_json_time(s->until), "whole", s->until >= o->to, "people", people),
		 true);
	dw_buf_puts(&out, ",\n \"mails\":[");
	for (size_t i = 0; r == CLI_OK && i < s->n; i++) {
		dw_buf_puts(&out, i ? ",\n " : "");
		add_mail(&out, c, &s->mail[i]);
		if (out.n > (1 << 20)) {
			r = cli_print(&out);
			dw_buf_reset(&out);
		}
	}
	dw_buf_puts(&out, "]}\n");
	return r == CLI_OK ? cli_print(&out) : r;
}

/* ---- the story ---- */

int cli_simulate(struct cli *c)
{
	DW_CLEANUP(dw_store_freep) struct dw_store *store = NULL;
	DW_CLEANUP(dw_sim_fini) struct dw_sim sim = { 0 };
	struct dw_sim_opts o = { .config = c->config };
	struct dw_err err = { "" };
	int r = read_source(c, &o);

	if (r == 0)
		r = read_span(c, &o);
	if (r)
		return r;
	if (o.file && dw_store_scratch(&store, NULL, &err) < 0)
		return cli_error("%s", err.text);
	if (!o.file && (r = cli_scratch(c, &store)) < 0)
		return CLI_FAILED;
	if (r > 0 && !cli_option(c, "json"))
		return CLI_OK;
	o.store = store;
	sim.until = o.to;
	if (store && dw_simulate(&sim, &o, &err) < 0)
		return cli_error("%s%s%s", o.file ? o.file : "", o.file ? ": " : "", err.text);
	r = cli_option(c, "json") ? print_json(c, &o, &sim) : print_text(c, &o, &sim);
	return r == CLI_OK && sim.until < o.to ? CLI_FAILED : r;
}
