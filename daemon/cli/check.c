/* duewatch check: every problem of the config and what it names; then one order of each feed, read out, so that a
 * person can compare it with the platform's page: a wrong zone or column shows there and nowhere else. */
#include "simulate.h"

#include "duewatch/calendar-copy.h"
#include "duewatch/privileges.h"

#include <stdio.h>

static void say(const struct dw_problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		DW_BUF line = { 0 };
		DW_BUF clean = { 0 };

		dw_problem_text(&line, &problems->p[i]);
		cli_clean(&clean, dw_buf_str(&line));
		fprintf(stderr, "%s\n", dw_buf_str(&clean));
	}
	if (problems->errors > problems->n)
		fprintf(stderr, "and more: %zu errors in all\n", problems->errors);
}

static void say_template(void *ctx, const char *problem)
{
	DW_BUF clean = { 0 };

	(void)ctx;
	cli_clean(&clean, problem);
	fprintf(stderr, "%s\n", dw_buf_str(&clean));
}

/* The order to read out: the first with a ship-by date, else the first. */
struct sample {
	struct dw_facts facts;
	bool any;
	int64_t looked;
};

enum { LOOKED_MAX = 1000 };

static int on_order(void *ctx, struct dw_read_order *o, struct dw_err *err)
{
	struct sample *s = ctx;
	bool dated = dw_has(&o->facts, DW_F_PROMISED_AT) || dw_has(&o->facts, DW_F_EXPECTED_SHIP_AT);

	s->looked++;
	if (!s->any || dated) {
		struct dw_facts copy;

		if (dw_facts_copy(&copy, &o->facts) < 0)
			return dw_err_oom(err);
		dw_facts_fini(&s->facts);
		s->facts = copy;
		s->any = true;
	}
	return dated || s->looked >= LOOKED_MAX ? -ECANCELED : 0;
}

static void instant(struct dw_buf *out, const struct cli *c, const struct dw_feed_conf *f, const struct sample *s,
		    enum dw_field x)
{
	const struct dw_zone *z = f->pack && f->pack->zone && !f->overlay ? f->pack->zone : f->zone;

	dw_buf_printf(out, "    %-20s ", dw_fields[x].name);
	cli_time_full(out, s->facts.num[x], z);
	dw_buf_printf(out, " (%s)", z->name);
	if (c->config->zone != z) {
		dw_buf_puts(out, " = ");
		cli_time_full(out, s->facts.num[x], c->config->zone);
	}
	dw_buf_putc(out, '\n');
}

static void read_out(struct dw_buf *out, const struct cli *c, const struct dw_feed_conf *f, const struct sample *s)
{
	dw_buf_printf(out, "feed %s, order ", f->name);
	cli_clean(out, s->facts.text[DW_F_ORDER_ID]);
	dw_buf_printf(out, ": %s must show\n", f->overlay ? "the file's own page" : "the platform's page");
	for (int x = DW_F_PLATFORM; x < DW_FIELD_COUNT; x++) {
		DW_BUF value = { 0 };

		if (!dw_has(&s->facts, (enum dw_field)x))
			continue;
		if (dw_fields[x].kind == DW_K_INSTANT) {
			instant(out, c, f, s, (enum dw_field)x);
			continue;
		}
		if (x == DW_F_AMOUNT)
			cli_amount(&value, &s->facts);
		else if (dw_fact_text(&value, &s->facts, (enum dw_field)x) < 0)
			value.failed = true;
		dw_buf_printf(out, "    %-20s ", dw_fields[x].name);
		cli_clip(out, dw_buf_str(&value), 80);
		dw_buf_putc(out, '\n');
		out->failed |= value.failed;
	}
	if (f->other)
		dw_buf_printf(out,
			      "    Its times say no zone: they are read in %s and in %s, and the earlier counts. Where the page "
			      "shows another time, set the feed's timezone.\n",
			      f->zone->name, f->other->name);
}

static void rejects(struct dw_buf *out, const struct dw_read_report *report)
{
	if (report->rejected == 0)
		return;
	dw_buf_puts(out, "    first rejects:\n");
	for (const char *p = dw_buf_str(&report->rejects), *end = p; *p && end < p + 2000; p = end + (*end == '\n')) {
		DW_FREE char *line = NULL;

		end = p + strcspn(p, "\n");
		line = dw_strndup(p, (size_t)(end - p));
		dw_buf_puts(out, "      ");
		cli_clip(out, line, 160);
		dw_buf_putc(out, '\n');
	}
}

/* 0, or 1 when the feed can't be read. A file that isn't there yet is no error: it was warned of. */
static int check_feed(struct dw_buf *out, const struct cli *c, const struct dw_feed_conf *f)
{
	struct dw_read_report report = { .data_time = DW_UNKNOWN };
	struct dw_err err = { "" };
	struct sample s = { 0 };
	int r = dw_ingest_read(f, NULL, c->now, on_order, &s, &report, &err);

	if (r == -ENOENT)
		dw_buf_printf(out, "feed %s: nothing to read yet\n", f->name);
	else if (r < 0 && r != -ECANCELED)
		cli_error("feed %s: %s", f->name, err.text);
	else if (s.any)
		read_out(out, c, f, &s);
	else
		dw_buf_printf(out, "feed %s: readable, but without an order in it\n", f->name);
	rejects(out, &report);
	dw_facts_fini(&s.facts);
	dw_read_report_fini(&report);
	return r < 0 && r != -ECANCELED && r != -ENOENT;
}

/* How many days off a calendar gives from today up to a year ahead, and what is left out of it. 0, or 1: it can't be
 * had. An address is asked; the copy the daemon keeps is left alone. */
static int check_calendar(struct dw_buf *out, const struct cli *c, const struct dw_calendar_conf *cal)
{
	DW_CLEANUP(dw_calendar_copy_fini) struct dw_calendar_copy copy = { 0 };
	DW_CLEANUP(dw_days_off_fini) struct dw_days_off fresh = { 0 };
	const struct dw_zone *z = cal->person >= 0 ? c->config->people.p[cal->person].zone : c->config->zone;
	const struct dw_days_off *d = &cal->found;
	char name[DW_CALENDAR_NAME_SIZE];
	struct dw_holidays h = { 0 };
	struct dw_err err = { "" };
	int32_t today = dw_zone_day(z, c->now);
	int r = 0, days;

	dw_calendar_name(name, cal);
	if (*cal->wrong && cal->path)
		return 0; /* said */
	if (cal->url) {
		r = dw_calendar_fetch(cal->url, c->config->calendar_ca_file, NULL, &copy, &err);
		if (r == 0)
			r = dw_days_off_read(&fresh, copy.text, copy.n, c->now, &err);
		d = &fresh;
	}
	if (r >= 0)
		r = dw_days_off_put(&h, d, z, &err);
	if (r < 0) {
		cli_error("calendar %s: %s", name, err.text);
		dw_holidays_fini(&h);
		return 1;
	}
	days = dw_holidays_count(&h, today, today + 365);
	dw_buf_puts(out, "calendar ");
	cli_clean(out, name);
	dw_buf_printf(out, " (%s): %d day%s off up to a year ahead, from %d event%s\n",
		      cal->person >= 0 ? c->config->people.p[cal->person].name : "everybody", days, days == 1 ? "" : "s", d->events,
		      d->events == 1 ? "" : "s");
	if (d->events && d->whole == 0)
		dw_buf_printf(out, "    No event of it is a whole day%s: is it the right calendar?\n",
			      d->timed ? ", all are hours" : d->cancelled ? ", or all are cancelled" : "");
	if (d->free)
		dw_buf_printf(out, "    %d whole-day event%s left out because %s the time free (TRANSP:TRANSPARENT).\n", d->free,
			      d->free == 1 ? " is" : "s are", d->free == 1 ? "it leaves" : "they leave");
	if (d->odd) {
		dw_buf_printf(out, "    %d event%s left out: not understood; the first: ", d->odd, d->odd == 1 ? " is" : "s are");
		cli_clean(out, d->odd_why);
		dw_buf_putc(out, '\n');
	}
	dw_holidays_fini(&h);
	return 0;
}

int cli_check(struct cli *c)
{
	struct dw_problems problems = { 0 };
	struct dw_err err = { "" };
	DW_BUF out = { 0 };
	int bad = cli_load_config(c, &problems, false), r;

	if (c->config && dw_config_check_files(c->config, &problems) < 0)
		bad = cli_error("out of memory");
	say(&problems);
	bad |= problems.errors > 0;
	dw_problems_fini(&problems);
	if (!c->config)
		return CLI_USAGE;
	if (dw_become_owner(c->config->state, &err) < 0)
		return cli_error("%s", err.text);
	r = dw_templates_check(c->config, say_template, NULL, &err);
	if (r < 0)
		cli_error("%s", err.text);
	bad |= r != 0;
	for (size_t i = 0; i < c->config->n_feeds; i++)
		bad |= check_feed(&out, c, &c->config->feeds[i]);
	if (!bad && cli_option(c, "against-live"))
		return cli_against(c);
	for (size_t i = 0; i < c->config->n_calendars; i++)
		bad |= check_calendar(&out, c, &c->config->calendar[i]);
	if (!bad)
		dw_buf_printf(&out, "%s: fine (%zu feeds, %zu people)\n", c->config_path, c->config->n_feeds,
			      c->config->people.n);
	r = cli_print(&out);
	return bad ? CLI_USAGE : r;
}
