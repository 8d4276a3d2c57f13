/* duewatch check --against-live: which coming mails a changed config adds and drops. Two looks ahead (simulate.h), each
 * over its own copy of the live state: with the config the daemon has, which it keeps beside the store, and with the one
 * on the command line. Compared step by step, not mail by mail: one order more in a folded mail is one line. */
#include "simulate.h"

#include <stdio.h>

enum { DAYS_DEFAULT = 30 };

/* One thing told, or a mail about no step. */
struct told {
	dw_time at;
	const char *person;
	const struct dw_sim_mail *mail;
	const struct dw_sim_step *step; /* NULL: about none */
	bool added;
};

struct told_list {
	struct told *p;
	size_t n, cap;
};

struct side {
	struct dw_config *config;
	struct dw_store *store;
	struct dw_sim sim;
	struct told_list told;
};

static void side_fini(struct side *s)
{
	free(s->told.p);
	dw_sim_fini(&s->sim);
	dw_store_close(s->store);
}

static int add(struct told_list *l, const struct told *t)
{
	if (dw_grow(&l->p, &l->cap, l->n + 1, sizeof(*l->p)) < 0)
		return -ENOMEM;
	l->p[l->n++] = *t;
	return 0;
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_steps(const struct dw_sim_step *x, const struct dw_sim_step *y)
{
	int r = compare_text(x->feed, y->feed);

	if (r == 0)
		r = strcmp(x->order_id, y->order_id);
	if (r == 0)
		r = (int)x->side - (int)y->side;
	if (r == 0)
		r = (int)x->kind - (int)y->kind;
	return r ? r : strcmp(x->step, y->step);
}

/* By time, person and what it is about. */
static int by_key(const void *a, const void *b)
{
	const struct told *x = a, *y = b;
	int r = strcmp(x->person, y->person);

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (r)
		return r;
	if (!x->step || !y->step) {
		r = (x->step != NULL) - (y->step != NULL);
		if (r == 0)
			r = (int)x->mail->type - (int)y->mail->type;
		/* the subject of a daily mail counts what is open: it isn't what the mail is about */
		return r || x->mail->type == DW_MAIL_DAILY ? r : compare_text(x->mail->subject, y->mail->subject);
	}
	return compare_steps(x->step, y->step);
}

static int list(struct side *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->sim.n; i++) {
		const struct dw_sim_mail *m = &s->sim.mail[i];
		struct told t = { .at = m->at, .mail = m,
				  .person = m->person >= 0 ? s->config->people.p[m->person].name : "?" };

		if (m->n_step == 0)
			r = add(&s->told, &t);
		for (size_t k = 0; r == 0 && k < m->n_step; k++) {
			t.step = &m->step[k];
			r = add(&s->told, &t);
		}
	}
	if (s->told.n)
		qsort(s->told.p, s->told.n, sizeof(*s->told.p), by_key);
	return r;
}

/* What only one of them has, by time. */
static int differ(struct told_list *out, const struct told_list *old, const struct told_list *new)
{
	size_t i = 0, k = 0;
	int r = 0;

	while (r == 0 && (i < old->n || k < new->n)) {
		int c = i == old->n ? 1 : k == new->n ? -1 : by_key(&old->p[i], &new->p[k]);

		if (c == 0) {
			i++;
			k++;
			continue;
		}
		r = add(out, c < 0 ? &old->p[i++] : &new->p[k++]);
		if (r == 0)
			out->p[out->n - 1].added = c > 0;
	}
	return r;
}

static int look(struct cli *c, struct side *s, dw_time to)
{
	struct dw_sim_opts o = { .config = s->config, .start = c->now, .from = c->now, .to = to };
	struct dw_err err = { "" };
	int r = cli_scratch(c, &s->store);

	if (r)
		return r;
	o.store = s->store;
	if (dw_simulate(&s->sim, &o, &err) < 0)
		return -cli_error("%s", err.text);
	return list(s) < 0 ? -cli_error("out of memory") : 0;
}

/* ---- what it can't say ---- */

/* A feed whose rows are read in another way, or a new one: what that changes is seen only when it is read. */
static bool reads_differently(const struct dw_config *old, const struct dw_feed_conf *f)
{
	const struct dw_feed_conf *was = dw_config_feed(old, f->name);

	return !was || was->print != f->print || strcmp(was->path, f->path) != 0;
}

/* ---- output ---- */

static size_t count(const struct told_list *l, bool added)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->p[i].added == added;
	return n;
}

static void print_line(struct cli_table *t, const struct cli *c, const struct told *x)
{
	enum cli_style style = x->added ? CLI_GREEN : CLI_RED;
	DW_BUF when = { 0 };
	DW_BUF what = { 0 };
	DW_BUF subject = { 0 };

	cli_time(&when, x->at, c->zone, c->now);
	if (x->step)
		cli_sim_step(&what, x->step);
	else
		dw_buf_puts(&what, "-");
	cli_clip(&subject, x->mail->subject ? x->mail->subject : "", 64);
	cli_cell(t, style, "%s", x->added ? "+" : "-");
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&when));
	cli_cell(t, CLI_PLAIN, "%s", x->person);
	cli_cell(t, CLI_DIM, "%s", dw_mail_type_words[x->mail->type]);
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&what));
	if (x->step)
		cli_cell(t, CLI_BOLD, "%s%s%s", x->step->feed ? x->step->feed : "", x->step->feed ? "/" : "", x->step->order_id);
	else
		cli_cell(t, CLI_PLAIN, "-");
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&subject));
	t->failed |= when.failed || what.failed || subject.failed;
}

static int print_text(const struct cli *c, const struct side *old, const struct told_list *d, dw_time kept, dw_time to,
		      dw_time until)
{
	struct cli_table t = { .columns = 7 };
	DW_BUF out = { 0 };

	dw_buf_puts(&out, "Until ");
	cli_time_full(&out, until, c->zone);
	dw_buf_printf(&out, ", if nothing changed, %s adds %zu (+) and drops (-) %zu of what %zu mails would tell with the config the daemon "
			    "loaded on ",
		      c->config_path, count(d, true), count(d, false), old->sim.n);
	cli_time_full(&out, kept, c->zone);
	dw_buf_puts(&out, ".\n");
	for (size_t i = 0; i < d->n; i++)
		print_line(&t, c, &d->p[i]);
	cli_table_print(&t, c, &out, 1);
	for (size_t i = 0; i < c->config->n_feeds; i++)
		if (reads_differently(old->config, &c->config->feeds[i]))
			dw_buf_printf(&out, "Feed %s is read differently, or is new: what that changes shows only once it is read (duewatch feed "
					    "%s --dry-run).\n",
				      c->config->feeds[i].name, c->config->feeds[i].name);
	if (until < to)
		dw_buf_puts(&out, "There was too much to look further ahead.\n");
	return cli_print(&out);
}

static json_t *told_json(const struct told *x)
{
	return json_pack("{s:o,s:o,s:s,s:o,s:o}", "at", cli_json_time(x->at), "person", cli_json_text(x->person), "type",
			 dw_mail_type_words[x->mail->type], "subject", cli_json_text(x->mail->subject), "step",
			 x->step ? cli_sim_step_json(x->step) : json_null());
}

static int print_json(const struct cli *c, const struct side *old, const struct told_list *d, dw_time kept, dw_time to,
		      dw_time until)
{
	json_t *added = json_array(), *dropped = json_array(), *feeds = json_array();

	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(d->p[i].added ? added : dropped, told_json(&d->p[i]));
	for (size_t i = 0; i < c->config->n_feeds; i++)
		if (reads_differently(old->config, &c->config->feeds[i]))
			json_array_append_new(feeds, cli_json_text(c->config->feeds[i].name));
	return cli_json_print(json_pack("{s:o,s:o,s:o,s:b,s:o,s:o,s:o}", "now", cli_json_time(c->now), "loaded_at", cli_json_time(kept),
					"until", cli_json_time(until), "whole", until >= to, "added", added, "dropped", dropped,
					"feeds_read_differently", feeds));
}

/* ---- the story ---- */

static int read_days(const struct cli *c, dw_time *to)
{
	const char *text = cli_option(c, "days");
	int64_t days = DAYS_DEFAULT;
	char *end = NULL;

	if (text)
		days = strtoll(text, &end, 10);
	if (text && (end == text || *end || days < 1 || days > DW_SIM_DAYS_MAX))
		return cli_usage(c, "--days \"%.20s\": a number from 1 to %d is allowed", text, DW_SIM_DAYS_MAX);
	*to = c->now + days * DW_DAY;
	return 0;
}

static int compare(struct cli *c, struct side *old, struct side *new, dw_time kept, dw_time to)
{
	struct told_list d = { 0 };
	dw_time until;
	int r = look(c, old, to);

	if (r == 0)
		r = look(c, new, to);
	if (r)
		return r < 0 ? CLI_FAILED : CLI_OK;
	until = old->sim.until < new->sim.until ? old->sim.until : new->sim.until;
	while (old->told.n && old->told.p[old->told.n - 1].at > until)
		old->told.n--;
	while (new->told.n && new->told.p[new->told.n - 1].at > until)
		new->told.n--;
	if (differ(&d, &old->told, &new->told) < 0)
		r = cli_error("out of memory");
	else
		r = (cli_option(c, "json") ? print_json : print_text)(c, old, &d, kept, to, until);
	free(d.p);
	return r;
}

int cli_against(struct cli *c)
{
	DW_CLEANUP(dw_config_freep) struct dw_config *live = NULL; /* outlives what was listed with it */
	struct side old = { 0 }, new = { .config = c->config };
	struct dw_err err = { "" };
	dw_time kept = DW_UNKNOWN, to = DW_UNKNOWN;
	int r = read_days(c, &to);

	if (r)
		return r;
	r = dw_config_load_live(&live, c->config->state, &kept, &err);
	if (r)
		return r < 0 ? cli_error("%s", err.text) :
			       cli_error("there is no %s/config.live to compare with: duewatchd keeps its config there, from its next start "
					 "or reload on",
					 c->config->state);
	old.config = live;
	r = compare(c, &old, &new, kept, to);
	side_fini(&old);
	side_fini(&new);
	return r;
}
