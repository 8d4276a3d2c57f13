/* pulse.h */
#include "pulse.h"

#include "duewatch/heartbeat.h"
#include "duewatch/reconcile.h"

#include "engine-impl.h"
#include "worker.h"

#include <stdio.h>

enum {
	WRITE_MS = 55 * 1000,	   /* the file is written anew at every minute's tick */
	GAP_MS = 1000,		   /* and when something changed, but not more often than this */
	SHARE = 100,		   /* a walk over all orders may take one part in so many of the time */
	EARLY_MS = 5000,	   /* ticks come about every minute: the heartbeat may be that much early */
	CALL_MS = 55 * 1000,	   /* one that failed is tried again at the next minute's tick */
	MAIL_LATE_S = 3600, HANGS_S = 900,
};

/* ---- one job ---- */

static void show_feeds(const struct dw_config *config, struct dw_store *s, dw_time now, struct dw_feed_row *row,
		       struct dw_feed_metric *m)
{
	for (size_t i = 0; i < config->n_feeds; i++) {
		const struct dw_feed_conf *f = &config->feeds[i];

		if (dw_store_feed_get(s, f->name, &row[i], NULL) != 0)
			row[i] = (struct dw_feed_row){ .data_time = DW_UNKNOWN, .last_success = DW_UNKNOWN, .error_since = DW_UNKNOWN };
		m[i] = (struct dw_feed_metric){ .name = f->name, .data_time = row[i].data_time,
						.last_success = row[i].last_success,
						.failed = row[i].error_since != DW_UNKNOWN,
						.stale = dw_feed_is_stale(f, &row[i], now), .missing = row[i].missing,
						.rejected = row[i].rejected };
	}
}

static int write_metrics(const struct dw_config *config, struct dw_store *s, struct dw_metrics *facts, struct dw_err *err)
{
	size_t n = config->n_feeds ? config->n_feeds : 1;
	DW_FREE struct dw_feed_metric *feed = dw_calloc(n, sizeof(*feed));
	DW_FREE struct dw_feed_row *row = dw_calloc(n, sizeof(*row));
	DW_FREE char *wrong = NULL;
	DW_BUF text = { 0 };
	int r;

	if (!feed || !row)
		return dw_err_oom(err);
	show_feeds(config, s, facts->now, row, feed);
	facts->feed = feed;
	facts->n_feed = config->n_feeds;
	r = dw_reconcile_last(s, &facts->reconciled, &wrong, err);
	facts->unaccounted = wrong != NULL;
	if (r == 0)
		dw_metrics_text(&text, facts);
	for (size_t i = 0; i < config->n_feeds; i++)
		dw_feed_row_fini(&row[i]);
	if (text.failed)
		return dw_err_oom(err);
	return r < 0 ? r : dw_metrics_write(config->metrics_file, dw_buf_str(&text), text.n, err);
}

static bool mail_late(const struct dw_counts *c, dw_time now)
{
	return c->oldest != DW_UNKNOWN && c->oldest < now - MAIL_LATE_S;
}

/* Said when it begins to fail and when it works again, not at every call. */
static bool beat(const struct dw_config *config, const atomic_bool *stop, bool *failed)
{
	char host[DW_HEARTBEAT_HOST_SIZE] = "";
	struct dw_err err = { "" };
	int r = dw_heartbeat_call(config->heartbeat_url, config->heartbeat_ca_file, stop, &err);

	if (r == -ECANCELED)
		return false;
	dw_heartbeat_host(host, config->heartbeat_url, NULL);
	if (r < 0 && !*failed)
		dw_log(4, "heartbeat failed: %s", err.text);
	if (r == 0 && *failed)
		dw_log(5, "heartbeat host=%s: answered again", host);
	*failed = r < 0;
	return r == 0;
}

static void say_once(struct dw_err *said, const struct dw_err *err)
{
	if (strcmp(said->text, err->text) == 0)
		return;
	*said = *err;
	if (*err->text)
		dw_log(4, "%s", err->text);
}

/* The walk's result replaces the last one; one that is to be reconciled goes to the worker. */
static void keep_counts(struct dw_worker *w, const struct dw_pulse_job *j, struct dw_counts *c, int64_t took)
{
	struct dw_pulse *p = &w->pulse;

	if (j->count) {
		dw_counts_fini(&p->orders);
		p->orders = *c;
		p->have_orders = true;
	}
	if (j->count && j->steps) { /* the worker gets the list of feeds, and frees it: a copy stays here */
		p->orders.feed = dw_malloc((c->n_feed ? c->n_feed : 1) * sizeof(*c->feed));
		p->have_orders = p->orders.feed != NULL;
		if (p->have_orders && c->n_feed)
			memcpy(p->orders.feed, c->feed, c->n_feed * sizeof(*c->feed));
	}
	pthread_mutex_lock(&w->mutex);
	if (j->count)
		p->count_ms = took;
	if (j->steps) {
		dw_counts_fini(&p->result);
		p->result = *c;
		p->counted = p->news = true;
	}
	pthread_mutex_unlock(&w->mutex);
}

static void do_job(struct dw_worker *w, struct dw_pulse_job *j)
{
	struct dw_pulse *p = &w->pulse;
	struct dw_counts c = { 0 };
	struct dw_err err = { "" };
	int64_t began = dw_clock_boot_ms();
	unsigned what = (j->count ? DW_COUNT_ORDERS : 0) | (j->steps ? DW_COUNT_STEPS : 0);
	int r = dw_store_count(j->store, what, j->facts.now, &c, &err);
	bool whole = r == 0 && j->facts.whole && !mail_late(&c, j->facts.now);

	if (r == 0) {
		struct dw_counts mails = { .oldest = c.oldest };
		struct dw_metrics facts = j->facts;

		memcpy(mails.mail, c.mail, sizeof(mails.mail));
		keep_counts(w, j, &c, dw_clock_boot_ms() - began);
		facts.whole = whole;
		facts.mails = &mails;
		facts.orders = p->have_orders ? &p->orders : NULL;
		if (j->write)
			r = write_metrics(j->conf->config, j->store, &facts, &err);
	}
	if (j->write || r < 0)
		say_once(&p->metrics_said, &err);
	dw_store_close(j->store); /* before another's server keeps us waiting: a snapshot holds the log back */
	if (j->call && whole && beat(j->conf->config, &p->stop, &p->heartbeat_failed)) {
		pthread_mutex_lock(&w->mutex);
		p->heartbeat = dw_clock_wall();
		p->heartbeat_ms = dw_clock_boot_ms();
		p->news = true;
		pthread_mutex_unlock(&w->mutex);
	}
	dw_conf_drop(w, j->conf);
}

static void *pulse_main(void *arg)
{
	struct dw_worker *w = arg;
	struct dw_pulse *p = &w->pulse;

	pthread_mutex_lock(&w->mutex);
	for (;;) {
		struct dw_pulse_job j;

		while (!p->has_job && !w->stop)
			pthread_cond_wait(&p->work, &w->mutex);
		if (!p->has_job)
			break;
		p->has_job = false;
		j = p->job;
		pthread_mutex_unlock(&w->mutex);
		do_job(w, &j);
		pthread_mutex_lock(&w->mutex);
		p->busy = false;
		if (p->news)
			pthread_cond_signal(&w->work);
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

int dw_pulse_start(struct dw_worker *w, struct dw_err *err)
{
	struct dw_pulse *p = &w->pulse;
	int r;

	p->started = dw_clock_wall();
	p->last_tick = p->heartbeat = DW_UNKNOWN;
	atomic_init(&p->stop, false);
	pthread_cond_init(&p->work, NULL);
	r = pthread_create(&p->thread, NULL, pulse_main, w);
	p->running = r == 0;
	return r == 0 ? 0 : dw_err_set(err, -r, "no thread for metrics and heartbeat: %s", strerror(r));
}

void dw_pulse_stop(struct dw_worker *w)
{
	struct dw_pulse *p = &w->pulse;

	if (!p->running)
		return;
	atomic_store(&p->stop, true);
	pthread_mutex_lock(&w->mutex);
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&w->mutex);
	pthread_join(p->thread, NULL);
	pthread_cond_destroy(&p->work);
	dw_counts_fini(&p->result);
	dw_counts_fini(&p->orders);
	p->running = false;
}

/* ---- the worker's side ---- */

void dw_pulse_ticked(struct dw_worker *w)
{
	w->pulse.whole = true;
	w->pulse.ticks++;
	w->pulse.last_tick = w->now;
}

static bool reads_are_well(struct dw_worker *w, dw_time now, bool *reading)
{
	bool hangs = false;

	pthread_mutex_lock(&w->mutex);
	*reading = w->readers != NULL;
	for (size_t i = 0; i < w->conf->config->n_feeds; i++)
		*reading |= w->read_now[i];
	for (struct dw_reader *r = w->readers; r; r = r->next)
		hangs |= !r->waiting && r->now < now - HANGS_S;
	pthread_mutex_unlock(&w->mutex);
	for (size_t i = 0; i < w->conf->config->n_feeds; i++) {
		const struct dw_feed_row *row = &w->engine->feed_row[i];

		if (row->last_success == DW_UNKNOWN || row->error_since != DW_UNKNOWN ||
		    dw_feed_is_stale(&w->conf->config->feeds[i], row, now))
			return false;
	}
	return !hangs;
}

static void show_relays(struct dw_metrics *m, struct dw_relays *relays)
{
	m->n_relay = dw_relays_count(relays);
	for (size_t i = 0; i < m->n_relay; i++) {
		struct dw_relay_health h;

		dw_relays_health(relays, i, &h);
		m->relay[i].well = !h.ill;
		snprintf(m->relay[i].name, sizeof(m->relay[i].name), "%s", dw_relays_name(relays, i));
	}
}

/* Of what the file shows and a person may wait for; the rest comes with the minute. */
static uint64_t fingerprint(const struct dw_worker *w, bool whole, int64_t beat_ms)
{
	const struct dw_pulse *p = &w->pulse;
	int64_t all[6] = { w->engine->decisions, p->sent, p->retries, whole, beat_ms, dw_relays_version(w->conf->relays) };
	uint64_t h = dw_hash(DW_HASH_INIT, all, sizeof(all));

	for (size_t i = 0; i < w->conf->config->n_feeds; i++) {
		const struct dw_feed_row *row = &w->engine->feed_row[i];
		int64_t feed[5] = { row->data_time, row->last_success, row->error_since, row->missing, row->rejected };

		h = dw_hash(h, feed, sizeof(feed));
	}
	return h;
}

/* What changed is written within a second; a walk over all orders waits until the last one is long enough ago. */
static void decide_write(struct dw_worker *w, struct dw_pulse_job *j, uint64_t seen, int64_t ms, int64_t walk_ms)
{
	struct dw_pulse *p = &w->pulse;
	int64_t walk_gap = walk_ms * SHARE > GAP_MS ? walk_ms * SHARE : GAP_MS;
	bool changed = seen != p->shown, walk = p->decisions != w->engine->decisions || !p->counted_ms;

	if (!w->conf->config->metrics_file)
		return;
	j->write = !p->wrote_ms || ms - p->wrote_ms >= WRITE_MS || (changed && ms - p->wrote_ms >= GAP_MS);
	j->count = walk && (!p->counted_ms || ms - p->counted_ms >= walk_gap);
	j->write |= j->count;
	if (j->write) {
		p->wrote_ms = ms;
		p->shown = seen;
	} else if (changed)
		p->again_ms = p->wrote_ms + GAP_MS;
	if (walk && !j->count)
		p->again_ms = p->counted_ms + walk_gap;
}

static void decide_job(struct dw_worker *w, struct dw_pulse_job *j, bool whole, bool reading, dw_time now)
{
	const struct dw_config *c = w->conf->config;
	struct dw_pulse *p = &w->pulse;
	int64_t ms = dw_clock_boot_ms(), walk_ms, beat_ms;

	pthread_mutex_lock(&w->mutex);
	walk_ms = p->count_ms;
	beat_ms = p->heartbeat_ms;
	pthread_mutex_unlock(&w->mutex);
	decide_write(w, j, fingerprint(w, whole, beat_ms), ms, walk_ms);
	j->call = c->heartbeat_url && whole && (!beat_ms || ms - beat_ms >= c->heartbeat_every * 1000 - EARLY_MS) &&
		  (!p->called_ms || ms - p->called_ms >= CALL_MS);
	j->steps = p->whole && !reading && dw_reconcile_next(w->store, now) <= now;
	j->count |= j->steps;
	if (j->count) {
		p->counted_ms = ms;
		p->decisions = w->engine->decisions;
	}
	if (j->call)
		p->called_ms = ms;
}

static void hand_over(struct dw_worker *w, struct dw_pulse_job *j)
{
	struct dw_err err = { "" };
	int r = dw_store_sqlite_open(&j->store, w->conf->config->state, DW_STORE_TOOL, j->facts.now, &err);

	if (r == 0)
		r = dw_store_freeze(j->store, &err);
	if (r < 0) {
		dw_log(4, "no look at the store for metrics, heartbeat and reconciliation: %s", err.text);
		dw_store_close(j->store);
		return;
	}
	pthread_mutex_lock(&w->mutex);
	j->conf = dw_conf_hold(w, w->conf);
	j->facts.heartbeat = w->pulse.heartbeat;
	w->pulse.job = *j;
	w->pulse.has_job = w->pulse.busy = true;
	pthread_cond_signal(&w->pulse.work);
	pthread_mutex_unlock(&w->mutex);
}

/* True: the thread is idle, and what it had counted is judged. */
static bool take_result(struct dw_worker *w)
{
	DW_CLEANUP(dw_counts_fini) struct dw_counts c = { 0 };
	struct dw_err err = { "" };
	bool counted, busy;

	pthread_mutex_lock(&w->mutex);
	counted = w->pulse.counted;
	busy = w->pulse.busy;
	w->pulse.news = busy; /* what this turn would have done comes when it isn't */
	if (counted) {
		c = w->pulse.result;
		w->pulse.result = (struct dw_counts){ 0 };
		w->pulse.counted = false;
	}
	pthread_mutex_unlock(&w->mutex);
	if (counted && !w->clock.doubt && dw_reconcile(w->engine, &c, w->now, &err) < 0)
		dw_log(4, "the reconciliation could not be stored: %s", err.text);
	return !busy;
}

void dw_pulse_turn(struct dw_worker *w)
{
	struct dw_pulse *p = &w->pulse;
	dw_time now = w->now;
	struct dw_pulse_job j = { 0 };
	bool reading, whole;

	p->again_ms = 0;
	if (!take_result(w))
		return;
	whole = reads_are_well(w, now, &reading) && p->whole && !w->clock.doubt;
	decide_job(w, &j, whole, reading, now);
	if (!j.write && !j.call && !j.steps)
		return;
	j.facts = (struct dw_metrics){ .now = now, .started = p->started, .last_tick = p->last_tick, .ticks = p->ticks,
				       .decisions = w->engine->decisions, .sent = p->sent, .retries = p->retries,
				       .whole = whole, .clock_believed = !w->clock.doubt };
	show_relays(&j.facts, w->conf->relays);
	hand_over(w, &j);
}

/* ---- --once ---- */

static bool feeds_are_well(const struct dw_config *config, struct dw_engine *e, dw_time now)
{
	for (size_t i = 0; i < config->n_feeds; i++)
		if (e->feed_row[i].last_success == DW_UNKNOWN || e->feed_row[i].error_since != DW_UNKNOWN ||
		    dw_feed_is_stale(&config->feeds[i], &e->feed_row[i], now))
			return false;
	return true;
}

int dw_pulse_once(const struct dw_config *config, struct dw_engine *e, bool failed, dw_time now, struct dw_err *err)
{
	DW_CLEANUP(dw_counts_fini) struct dw_counts c = { 0 };
	bool due = dw_reconcile_next(e->store, now) <= now, said = false;
	struct dw_metrics m = { .now = now, .started = now, .last_tick = now, .heartbeat = DW_UNKNOWN, .ticks = 1,
				.decisions = e->decisions, .clock_believed = true, .mails = &c, .orders = &c };
	int r = 0;

	if (due || config->metrics_file || config->heartbeat_url)
		r = dw_store_count(e->store, DW_COUNT_ORDERS | (due ? DW_COUNT_STEPS : 0), now, &c, err);
	if (r == 0 && due)
		r = dw_reconcile(e, &c, now, err);
	m.whole = r == 0 && !failed && feeds_are_well(config, e, now) && !mail_late(&c, now);
	if (m.whole && config->heartbeat_url && beat(config, NULL, &said))
		m.heartbeat = now;
	if (r >= 0 && config->metrics_file && write_metrics(config, e->store, &m, err) < 0)
		dw_log(4, "%s", err->text);
	return r;
}
