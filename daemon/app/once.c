/* daemon.h: -t and --once, in one thread. */
#include "duewatch/calendar-copy.h"
#include "duewatch/clock.h"
#include "duewatch/daemon.h"
#include "duewatch/privileges.h"
#include "duewatch/quote.h"
#include "duewatch/relays.h"

#include "keeper.h"
#include "mailbox.h"
#include "pulse.h"

#include <stdio.h>
#include <time.h>

int dw_config_load_logged(struct dw_config **out, const struct dw_daemon_opts *opts, bool to_log, struct dw_err *err)
{
	struct dw_problems problems = { 0 };
	int r = dw_config_load(out, opts->config, opts->datadir, &problems, err);

	for (size_t i = 0; i < problems.n; i++) {
		DW_BUF line = { 0 };

		dw_problem_text(&line, &problems.p[i]);
		if (to_log)
			dw_log(problems.p[i].warning ? 4 : 3, "%s", dw_buf_str(&line));
		else if (line.p) {
			dw_quote_line(line.p);
			fprintf(stderr, "%s\n", line.p);
		}
	}
	if (r < 0 && problems.errors)
		dw_err_set(err, r, "%zu problems in %s", problems.errors, opts->config);
	dw_problems_fini(&problems);
	return r;
}

/* ---- -t ---- */

struct sample {
	int64_t n;
};

static int count_order(void *ctx, struct dw_read_order *o, struct dw_err *err)
{
	struct sample *s = ctx;

	(void)o;
	(void)err;
	s->n++;
	return s->n >= 1 ? -ECANCELED : 0; /* one row of each readable feed */
}

/* 0, or why it can't be read. */
static int check_feed(const struct dw_feed_conf *feed)
{
	struct dw_read_report report = { 0 };
	struct sample s = { 0 };
	struct dw_err err = { "" };
	int r = dw_ingest_read(feed, NULL, dw_clock_wall(), count_order, &s, &report, &err), bad = 0;

	dw_quote_line(err.text); /* it quotes the file */
	if (r == -ENOENT)
		fprintf(stderr, "feed %s: warning: nothing to read yet: %s\n", feed->name, err.text);
	else if (r < 0 && r != -ECANCELED) {
		fprintf(stderr, "feed %s: %s\n", feed->name, err.text);
		bad = 1;
	} else
		fprintf(stderr, "feed %s: readable%s\n", feed->name, s.n ? "" : ", but without an order in it");
	dw_read_report_fini(&report);
	return bad ? r : 0;
}

static void say_template(void *ctx, const char *problem)
{
	DW_FREE char *line = dw_strdup(problem);

	(void)ctx;
	if (!line)
		return; /* a shortage, seen at the end */
	dw_quote_line(line);
	fprintf(stderr, "%s\n", line);
}

int dw_check_run(const struct dw_daemon_opts *opts)
{
	struct dw_problems problems = { 0 };
	struct dw_config *config = NULL;
	struct dw_err err = { "" };
	int r = dw_config_load(&config, opts->config, opts->datadir, &problems, &err), bad = 0;
	bool passes = dw_fault_passes(r);

	if (r == 0)
		r = dw_config_check_files(config, &problems);
	for (size_t i = 0; i < problems.n; i++) {
		DW_BUF line = { 0 };

		dw_problem_text(&line, &problems.p[i]);
		if (line.p) {
			dw_quote_line(line.p);
			fprintf(stderr, "%s\n", line.p);
		}
	}
	if (r < 0 && problems.errors == 0)
		fprintf(stderr, "%s: %s\n", opts->config, err.text);
	bad = !config || problems.errors > 0;
	r = config ? dw_templates_check(config, say_template, NULL, &err) : 0;
	if (r < 0)
		fprintf(stderr, "%s\n", err.text);
	bad |= r != 0;
	passes |= r < 0 && dw_machine_short(r);
	for (size_t i = 0; config && i < config->n_feeds; i++) {
		r = check_feed(&config->feeds[i]);
		bad |= r < 0;
		passes |= dw_machine_short(r);
	}
	if (!bad && dw_shortages() > 0) {
		fprintf(stderr, "out of memory\n");
		bad = passes = true;
	}
	if (!bad)
		fprintf(stderr, "%s: fine (%zu feeds, %zu people)\n", opts->config, config->n_feeds, config->people.n);
	dw_config_free(config);
	dw_problems_fini(&problems);
	return !bad ? 0 : passes ? 1 : 2;
}

/* ---- --once ---- */

struct once {
	struct dw_config *config;
	struct dw_store *store;
	struct dw_engine *engine;
	struct dw_relays *relays;
	struct dw_mailbox_conf *mailbox;
	struct dw_transport *transport[DW_RELAYS_MAX];
	bool failed;
};

static void once_fini(struct once *o)
{
	for (size_t i = 0; i < DW_RELAYS_MAX; i++)
		dw_transport_free(o->transport[i]);
	dw_relays_free(o->relays);
	dw_mailbox_conf_free(o->mailbox);
	dw_engine_free(o->engine);
	dw_store_close(o->store);
	dw_config_free(o->config);
}

static int complain(const char *what, const struct dw_err *err)
{
	dw_log(3, "%s%s%s", what, *what ? ": " : "", err->text);
	return 1;
}

static int read_all(struct once *o, struct dw_err *err)
{
	for (size_t i = 0; i < o->config->n_feeds; i++) {
		int r = dw_engine_read(o->engine, &o->config->feeds[i], false, dw_clock_wall(), err);

		if (r < 0)
			return r;
		o->failed |= r > 0;
	}
	return 0;
}

static int decide_all(struct once *o, bool daily, struct dw_err *err)
{
	int r = dw_engine_tick(o->engine, dw_clock_wall(), 0, err);

	return r < 0 || !daily ? r : dw_engine_flush_daily(o->engine, dw_clock_wall(), err);
}

static int wait_for_relay(struct dw_relays *relays)
{
	int64_t ms;
	int i;

	while ((i = dw_relays_take(relays, 0, dw_clock_boot_ms(), &ms)) < 0) {
		struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

		nanosleep(&t, NULL);
	}
	return i;
}

static int use_relay(void *ctx, int relay, struct dw_transport **out, struct dw_err *err)
{
	const struct once *o = ctx;

	(void)err;
	*out = o->transport[relay];
	return 0;
}

static int record(struct once *o, int64_t id, const struct dw_answer *answer, struct dw_err *err)
{
	int r = dw_store_begin(o->store, err);

	if (r < 0)
		return r;
	r = dw_outbox_answer(o->engine, id, answer, dw_clock_wall(), err);
	if (r < 0) {
		dw_store_rollback(o->store);
		return r;
	}
	return dw_store_commit(o->store, err);
}

/* A clock that stands over a day before what the store knows can't be waited for here. */
static int check_clock(struct once *o, struct dw_err *err)
{
	struct dw_clock clock = { 0 };

	if (dw_clock_look(&clock, dw_clock_wall(), dw_clock_boot_ms() / 1000, dw_engine_latest(o->engine)))
		return 0;
	return dw_err_set(err, -ETIME, "the clock stands %lld hours before the last read or decision in the store: nothing is "
			  "decided. Is it right now? Let duewatchd run for ten minutes, then it is believed",
			  (long long)(-clock.jump / 3600));
}

static bool tried(const int64_t *ids, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* Only ours: the state's lock is. */
static int give_back(struct once *o, struct dw_err *err)
{
	int r = dw_store_begin(o->store, err);

	if (r == 0) {
		r = dw_store_mail_release(o->store, err);
		if (r < 0)
			dw_store_rollback(o->store);
		else
			r = dw_store_commit(o->store, err);
	}
	return r;
}

/* Until the outbox is dry or each mail has had one try. With a slow relay a mail comes due again meanwhile: first tries
 * come first and then the longest due, so with the first repetition everything had its try. */
static int deliver_all(struct once *o, struct dw_err *err)
{
	struct dw_send_job job = { 0 };
	DW_FREE int64_t *failed = NULL;
	size_t n = 0, cap = 0;
	int r;

	while ((r = dw_outbox_lease(o->engine, dw_clock_wall(), NULL, 0, &job, err)) == 0) {
		struct dw_relay_post post = { .transport = use_relay, .ctx = o };
		struct dw_envelope env = { .from = job.from, .to = job.to };
		struct dw_answer answer = { 0 };

		if (tried(failed, n, job.id)) {
			dw_send_job_fini(&job);
			return give_back(o, err);
		}
		dw_relays_send(o->relays, wait_for_relay(o->relays), &post, &env, job.message_id, job.bytes, job.n_bytes, &answer);
		r = record(o, job.id, &answer, err);
		if (answer.verdict != DW_SENT) {
			o->failed = true;
			if (r >= 0 && dw_grow(&failed, &cap, n + 1, sizeof(*failed)) < 0)
				r = dw_err_oom(err);
			if (r >= 0)
				failed[n++] = job.id;
		}
		dw_send_job_fini(&job);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

static bool undelivered(struct once *o)
{
	int64_t count[6] = { 0 };

	if (dw_store_mail_count(o->store, count, NULL) < 0)
		return true;
	if (count[DW_MAIL_QUEUED] + count[DW_MAIL_LEASED] + count[DW_MAIL_UNSURE])
		dw_log(4, "%lld mails are not delivered yet; they stay in the outbox",
		       (long long)(count[DW_MAIL_QUEUED] + count[DW_MAIL_LEASED] + count[DW_MAIL_UNSURE]));
	return count[DW_MAIL_QUEUED] + count[DW_MAIL_LEASED] + count[DW_MAIL_UNSURE] > 0;
}

static bool first_time(struct once *o)
{
	struct dw_feed_row row;
	bool first = true;

	for (size_t i = 0; i < o->config->n_feeds; i++)
		if (dw_store_feed_get(o->store, o->config->feeds[i].name, &row, NULL) == 0) {
			first &= row.last_success == DW_UNKNOWN;
			dw_feed_row_fini(&row);
		}
	return first;
}

/* Addresses not asked for twelve hours. What can't be had leaves the last good copy in force. */
static int refresh_calendars(struct dw_config *c, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < c->n_calendars; i++) {
		DW_CLEANUP(dw_calendar_copy_fini) struct dw_calendar_copy copy = { 0 };
		DW_CLEANUP(dw_days_off_fini) struct dw_days_off fresh = { 0 };
		char name[DW_CALENDAR_NAME_SIZE];
		struct dw_err why = { "" };

		if (!c->calendar[i].url)
			continue;
		if (dw_calendar_copy_load(&copy, c->state, c->calendar[i].url, NULL) == 0 && copy.checked != DW_UNKNOWN &&
		    copy.checked > dw_clock_wall() - DW_CALENDAR_EVERY_S && copy.checked <= dw_clock_wall())
			continue;
		r = dw_calendar_refresh(c->state, c->calendar[i].url, c->calendar_ca_file, NULL, &fresh, dw_clock_wall(), &why);
		if (r == 0)
			r = dw_config_calendar_take(c, i, &fresh, &why);
		dw_calendar_name(name, &c->calendar[i]);
		if (r == -ENOMEM)
			return dw_err_oom(err);
		if (r < 0)
			dw_log(4, "calendar %s: %s; what it said last stays in force", name, why.text);
		r = 0;
	}
	return 0;
}

static int open_all(struct once *o, const struct dw_daemon_opts *opts, struct dw_err *err)
{
	int r = dw_relays_new(&o->relays, o->config, err);

	(void)opts;
	if (r == 0)
		r = dw_mailbox_conf_new(&o->mailbox, o->config, err);
	if (r == 0)
		r = dw_state_folder_make(o->config->state, err);
	if (r == 0)
		r = dw_become_owner(o->config->state, err);
	if (r == 0)
		r = refresh_calendars(o->config, err);
	if (r == 0)
		r = dw_store_sqlite_open(&o->store, o->config->state, DW_STORE_DAEMON, dw_clock_wall(), err);
	if (r == 0)
		r = dw_engine_new(&o->engine, o->config, o->store, dw_log_line, NULL, err);
	for (size_t i = 0; r == 0 && i < dw_relays_count(o->relays); i++)
		r = dw_transport_new(&o->transport[i], dw_relays_transport(o->relays, i), err);
	return r;
}

int dw_once_run(const struct dw_daemon_opts *opts)
{
	struct once o = { 0 };
	struct dw_err err = { "" };
	bool first;
	int r = dw_config_load_logged(&o.config, opts, false, &err);

	if (r < 0) {
		complain("", &err);
		return dw_fault_passes(r) ? 1 : 2;
	}
	r = open_all(&o, opts, &err);
	if (r == 0) {
		r = dw_engine_start(o.engine, dw_clock_wall(), &err);
		first = r == 0 && first_time(&o);
		if (r == 0 && dw_config_save(o.config, o.config->state, &err) < 0)
			complain("", &err);
		if (r == 0)
			r = check_clock(&o, &err);
		if (r == 0)
			r = read_all(&o, &err);
		if (r == 0) {
			r = dw_mailbox_once(o.engine, o.mailbox, &err);
			o.failed |= r > 0;
			r = r < 0 ? r : 0;
		}
		if (r == 0)
			r = decide_all(&o, !first, &err);
		if (r == 0)
			r = deliver_all(&o, &err);
		if (r == 0)
			o.failed |= undelivered(&o);
		if (r == 0)
			r = dw_pulse_once(o.config, o.engine, o.failed, dw_clock_wall(), &err);
		o.failed |= r > 0;
	}
	if (r < 0)
		complain("", &err);
	once_fini(&o);
	return r < 0 || o.failed ? 1 : 0;
}
