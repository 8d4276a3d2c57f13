/* worker.h: the thread that owns the engine. It sleeps until there is work; each pass takes what is there, in the
 * order relays' answers, reload, a person's changes, calendars, reads, the mailbox, tick, leases, relays' health, so that
 * nothing starves. */
#include "worker.h"

#include "duewatch/privileges.h"

#include "engine-impl.h"
#include "notify.h"

#include <stdio.h>
#include <time.h>

enum { FIRST_ATTEMPTS_MS = 300 * 1000, REREAD_MS = 5000, STORE_ERRORS_MAX = 30, SAY_AGAIN_MS = 60 * 1000, TIDY_MS = 5000,
       TICK_MS = 50, STUCK_S = 2 };

struct dw_conf_ref *dw_conf_hold(struct dw_worker *w, struct dw_conf_ref *c)
{
	(void)w;
	c->refs++;
	return c;
}

void dw_conf_drop(struct dw_worker *w, struct dw_conf_ref *c)
{
	bool last;

	pthread_mutex_lock(&w->mutex);
	last = --c->refs == 0;
	pthread_mutex_unlock(&w->mutex);
	if (!last)
		return;
	dw_relays_free(c->relays);
	dw_mailbox_conf_free(c->mailbox);
	dw_config_free(c->config);
	free(c->poll);
	free(c);
}

static struct dw_conf_ref *conf_new(struct dw_config *config, struct dw_relays *relays, struct dw_mailbox_conf *mailbox)
{
	struct dw_conf_ref *c = dw_calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->poll = dw_calloc(config->n_feeds, sizeof(*c->poll));
	if (!c->poll) {
		free(c);
		return NULL;
	}
	c->config = config;
	c->relays = relays;
	c->mailbox = mailbox;
	c->refs = 1;
	return c;
}

static const struct dw_feed_conf *feed_of(const struct dw_reader *r)
{
	return &r->conf->config->feeds[r->feed];
}

/* ---- reads ---- */

static void drop_apply(struct dw_reader *r)
{
	dw_apply_free(r->apply);
	r->apply = NULL;
}

static int apply_batch(struct dw_worker *w, struct dw_reader *r, struct dw_batch *b, struct dw_err *err)
{
	int res = 0;

	if (r->apply_attempt != b->attempt)
		drop_apply(r); /* the file changed: what was listed before counts no more */
	r->apply_attempt = b->attempt;
	if (!r->apply)
		res = dw_apply_new(&r->apply, w->engine, feed_of(r), b->data_time, r->now, err);
	for (size_t i = 0; res == 0 && i < b->n; i++)
		res = dw_apply_order(r->apply, &b->o[i], err);
	return res == 0 ? dw_apply_flush(r->apply, err) : res;
}

/* The store refused what was read (a full disk), or the machine had nothing to read it with: read again shortly, not
 * only when the file changes or at the next poll. */
static void read_again(struct dw_worker *w, int feed)
{
	w->reread_ms = dw_clock_boot_ms() + REREAD_MS;
	pthread_mutex_lock(&w->mutex);
	w->read_now[feed] = true;
	pthread_mutex_unlock(&w->mutex);
}

static void finish_read(struct dw_worker *w, struct dw_reader *r)
{
	struct dw_err err = { "" };
	int res = 0;

	if (r->apply_attempt != r->attempt)
		drop_apply(r);
	if (r->r == 0 && r->report.unchanged)
		res = dw_engine_read_unchanged(w->engine, feed_of(r), &r->report, w->now, &err);
	else if (r->r == 0) {
		if (!r->apply)
			res = dw_apply_new(&r->apply, w->engine, feed_of(r), r->report.data_time, w->now, &err);
		if (res == 0)
			res = dw_apply_finish(r->apply, &r->report, w->now, &err);
	} else if (r->r != -ECANCELED)
		res = dw_engine_read_failed(w->engine, feed_of(r), r->r, r->err.text, w->now, &err);
	if (res < 0)
		dw_log(3, "feed %s: %s", feed_of(r)->name, err.text);
	if (res < 0 || dw_machine_short(r->r))
		read_again(w, r->feed);
	w->attempted[r->feed] = true;
}

/* Takes one batch or one end of a read. True: there was something. */
static bool do_reads(struct dw_worker *w)
{
	struct dw_reader *r, **at;
	struct dw_batch *b = NULL;
	struct dw_err err = { "" };
	bool ended = false;

	pthread_mutex_lock(&w->mutex);
	for (r = w->readers; r && !r->ready && !r->done; r = r->next)
		;
	if (r && r->ready) {
		b = r->ready;
		r->ready = NULL;
		pthread_cond_broadcast(&w->taken);
	} else if (r) {
		for (at = &w->readers; *at != r; at = &(*at)->next)
			;
		*at = r->next;
		ended = true;
	}
	pthread_mutex_unlock(&w->mutex);
	if (b && r->conf == w->conf && !r->store_failed && apply_batch(w, r, b, &err) < 0) {
		dw_log(3, "feed %s: %s", feed_of(r)->name, err.text);
		r->store_failed = true;
		drop_apply(r); /* with its transaction: answers must be recorded meanwhile */
		pthread_mutex_lock(&w->mutex);
		r->abort = true;
		pthread_cond_broadcast(&w->taken);
		pthread_mutex_unlock(&w->mutex);
	}
	dw_batch_free(b);
	if (ended) {
		if (r->conf == w->conf && !r->store_failed)
			finish_read(w, r);
		else if (r->conf == w->conf) {
			read_again(w, r->feed);
			w->attempted[r->feed] = true;
		}
		dw_reader_free(r);
	}
	return b || ended;
}

static bool is_reading(struct dw_worker *w, int feed, int *n)
{
	bool found = false;

	pthread_mutex_lock(&w->mutex);
	*n = 0;
	for (struct dw_reader *r = w->readers; r; r = r->next) {
		(*n)++;
		found |= r->feed == feed && r->conf == w->conf;
	}
	pthread_mutex_unlock(&w->mutex);
	return found;
}

static void start_reads(struct dw_worker *w)
{
	if (dw_clock_boot_ms() < w->reread_ms)
		return;
	w->reread_ms = 0;
	for (size_t i = 0; i < w->conf->config->n_feeds; i++) {
		struct dw_err err = { "" };
		bool want;
		int n;

		if (is_reading(w, (int)i, &n) || n >= DW_READERS_MAX)
			continue; /* its wish stays until there is room */
		pthread_mutex_lock(&w->mutex);
		want = w->read_now[i];
		w->read_now[i] = false;
		pthread_mutex_unlock(&w->mutex);
		if (want && dw_reader_start(w, (int)i, w->engine->feed_row[i].seen, w->now, &err) < 0) {
			dw_log(3, "feed %s: %s", w->conf->config->feeds[i].name, err.text);
			read_again(w, (int)i);
			return;
		}
	}
}

/* A person's tool changed the store: an accepted feed is read again. */
static void look_at_feeds(struct dw_worker *w)
{
	for (size_t i = 0; i < w->conf->config->n_feeds; i++) {
		dw_feed_row_load(w->engine, w->conf->config->feeds[i].name, NULL);
		if (w->engine->feed_row[i].accept || dw_empty(w->engine->feed_row[i].seen)) {
			pthread_mutex_lock(&w->mutex);
			w->read_now[i] = true;
			pthread_mutex_unlock(&w->mutex);
		}
	}
}

/* ---- reload ---- */

static int new_flags(size_t n, bool **a, bool **b)
{
	*a = dw_calloc(n ? n : 1, sizeof(bool));
	*b = dw_calloc(n ? n : 1, sizeof(bool));
	return *a && *b ? 0 : -ENOMEM;
}

/* The form of each relay's address, before anything depends on it. */
static int try_transports(const struct dw_relays *relays, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < dw_relays_count(relays); i++) {
		DW_CLEANUP(dw_transport_freep) struct dw_transport *probe = NULL;

		r = dw_transport_new(&probe, dw_relays_transport(relays, i), err);
	}
	return r;
}

/* Builds the whole new config, then swaps; on any failure the old one stays. */
static int build(struct dw_worker *w, struct dw_conf_ref **out, struct dw_err *err)
{
	struct dw_config *config = NULL;
	struct dw_relays *relays = NULL;
	struct dw_mailbox_conf *mailbox = NULL;
	int r = dw_config_load_logged(&config, &w->opts, true, err);

	if (r == 0 && strcmp(config->state, w->conf->config->state) != 0)
		r = dw_err_set(err, -EINVAL, "state: can't be changed by a reload; restart duewatchd");
	if (r == 0)
		r = dw_relays_new(&relays, config, err);
	if (r == 0)
		r = dw_mailbox_conf_new(&mailbox, config, err);
	if (r == 0)
		r = try_transports(relays, err);
	if (r == 0 && !(*out = conf_new(config, relays, mailbox)))
		r = dw_err_oom(err);
	if (r < 0) {
		dw_relays_free(relays);
		dw_mailbox_conf_free(mailbox);
		dw_config_free(config);
	}
	return r;
}

static void swap(struct dw_worker *w, struct dw_conf_ref *fresh, bool *read_now, bool *attempted)
{
	struct dw_conf_ref *old;

	for (size_t i = 0; i < fresh->config->n_feeds; i++)
		read_now[i] = true;
	pthread_mutex_lock(&w->mutex);
	old = w->conf;
	w->conf = fresh;
	free(w->read_now);
	w->read_now = read_now;
	for (struct dw_reader *r = w->readers; r; r = r->next)
		r->abort = true; /* read under the old config: read again under the new one */
	pthread_cond_broadcast(&w->taken);
	dw_keeper_wake(w);
	pthread_cond_broadcast(&w->jobs); /* idle senders let go of what was made of the old one */
	pthread_cond_broadcast(&w->mailbox.wake);
	w->reloaded = true;
	pthread_mutex_unlock(&w->mutex);
	free(w->attempted);
	w->attempted = attempted;
	dw_relays_inherit(fresh->relays, old->relays);
	w->relays_shown = false;
	dw_conf_drop(w, old);
}

static void drop_applies(struct dw_worker *w)
{
	pthread_mutex_lock(&w->mutex);
	for (struct dw_reader *r = w->readers; r; r = r->next)
		drop_apply(r);
	pthread_mutex_unlock(&w->mutex);
}

/* The store is decided with it from now on. Without the file only one command of the person's tool doesn't work. */
static void keep_config(struct dw_worker *w)
{
	struct dw_err err = { "" };

	if (dw_config_save(w->conf->config, w->conf->config->state, &err) < 0)
		dw_log(4, "%s (duewatch check --against-live needs it)", err.text);
}

static void do_reload(struct dw_worker *w)
{
	struct dw_conf_ref *fresh = NULL;
	struct dw_err err = { "" };
	bool *read_now = NULL, *attempted = NULL;
	int r;

	dw_notify_reloading();
	r = build(w, &fresh, &err);
	if (r == 0 && new_flags(fresh->config->n_feeds, &read_now, &attempted) < 0)
		r = dw_err_oom(&err);
	if (r == 0)
		r = dw_engine_reconfigure(w->engine, fresh->config, &err);
	if (r == 0) {
		drop_applies(w); /* not before: where the reload fails, reads under way go on */
		swap(w, fresh, read_now, attempted);
		r = dw_engine_start(w->engine, w->now, &err);
		keep_config(w);
		/* what the store knows of old feeds serves; new ones get their attempt before anything is decided */
		for (size_t i = 0; i < fresh->config->n_feeds; i++)
			attempted[i] = w->engine->feed_row[i].last_success != DW_UNKNOWN;
		w->started_ms = dw_clock_boot_ms();
		dw_log(5, "reloaded %s", w->opts.config);
		dw_notify_ready("watching, with the new configuration");
		if (r < 0)
			dw_log(3, "after the reload: %s", err.text);
		if (dw_keeper_start(w, &err) < 0)
			dw_log(4, "%s; calendars stay as they were read", err.text);
		if (dw_mailbox_start(w, &err) < 0)
			dw_log(3, "%s; answers wait until the next reload", err.text);
		return;
	}
	if (fresh)
		dw_conf_drop(w, fresh);
	free(read_now);
	free(attempted);
	dw_log(3, "reload failed, the old configuration stays in force: %s", err.text);
	dw_notify_ready("watching; the last reload failed, the old configuration is in force");
}

/* ---- ticks ---- */

static bool attempts_made(struct dw_worker *w)
{
	if (dw_clock_boot_ms() - w->started_ms > FIRST_ATTEMPTS_MS)
		return true;
	for (size_t i = 0; i < w->conf->config->n_feeds; i++)
		if (!w->attempted[i])
			return false;
	return true;
}

/* While a read is applied its orders are decided at its end, in one go: people get one mail, not one per batch. */
static bool applying(struct dw_worker *w)
{
	bool is = false;

	pthread_mutex_lock(&w->mutex);
	for (struct dw_reader *r = w->readers; r; r = r->next)
		is |= r->apply != NULL && !r->store_failed && !r->waiting;
	pthread_mutex_unlock(&w->mutex);
	return is;
}

/* One look a pass: what the pass then does happens at w->now, the reading that was judged. A second reading might be
 * the one that jumped. */
static bool clock_believed(struct dw_worker *w)
{
	dw_time wall = dw_clock_wall(), latest = w->clock.started ? DW_UNKNOWN : dw_engine_latest(w->engine);
	int64_t boot = dw_clock_boot_ms() / 1000;
	bool ok = dw_clock_look(&w->clock, wall, boot, latest);

	w->now = dw_clock_reckon(&w->clock, wall, boot);
	if (!ok && !w->clock_said)
		dw_log(4, "the clock jumped by %lld s: nothing is decided until it is confirmed or has run steadily for 10 minutes",
		       (long long)w->clock.jump);
	if (ok && w->clock_said)
		dw_log(5, "the clock is believed again");
	w->clock_said = !ok;
	return ok;
}

/* A bite an hour, or every tick while there is more. */
static void prune(struct dw_worker *w)
{
	struct dw_err err = { "" };
	int r;

	if (dw_clock_boot_ms() < w->prune_ms)
		return;
	r = dw_store_begin(w->store, &err);
	if (r == 0) {
		r = dw_store_prune(w->store, w->now, &err);
		if (r >= 0 && dw_store_commit(w->store, &err) < 0)
			r = -EIO;
		else if (r < 0)
			dw_store_rollback(w->store);
	}
	if (r < 0)
		dw_log(4, "pruning the store: %s", err.text);
	w->prune_ms = r > 0 ? 0 : dw_clock_boot_ms() + INT64_C(3600) * 1000;
}

/* A backup under way, or a forgotten shell in a transaction: said once. */
static void tidy(struct dw_worker *w)
{
	struct dw_err err = { "" };
	int r;

	if (dw_clock_boot_ms() < w->tidy_ms)
		return;
	w->tidy_ms = dw_clock_boot_ms() + TIDY_MS;
	r = dw_store_tidy(w->store, &err);
	if (r < 0)
		dw_log(4, "tidying the store: %s", err.text);
	if (r > 0 && !w->log_held)
		dw_log(4, "another program has been reading the store for long: its log of changes grows until that ends");
	w->log_held = r > 0;
}

/* 1: more to decide. */
static int do_tick(struct dw_worker *w, struct dw_err *err)
{
	int r;

	if (!attempts_made(w) || applying(w))
		return 0;
	r = dw_engine_tick(w->engine, w->now, TICK_MS, err);
	if (r == 0) {
		dw_pulse_ticked(w);
		prune(w);
		tidy(w);
	}
	return r;
}

/* systemd starts us anew. */
static void give_up(struct dw_worker *w)
{
	pthread_mutex_lock(&w->mutex);
	w->dead = true;
	pthread_mutex_unlock(&w->mutex);
	w->post(w->post_ctx);
}

/* Errors of the store are said, each minute while they last, and tried again; where they don't end, systemd starts us
 * anew. Not for a lock: it is another program's, and would be in our way at the start too. */
static void store_failed(struct dw_worker *w, int r, const struct dw_err *err)
{
	struct timespec second = { .tv_sec = 1 };

	if (strcmp(w->store_said.text, err->text) != 0 || dw_clock_boot_ms() - w->store_said_ms >= SAY_AGAIN_MS) {
		dw_log(3, "%s", err->text);
		w->store_said = *err;
		w->store_said_ms = dw_clock_boot_ms();
	}
	w->store_errors += r != -EBUSY;
	nanosleep(&second, NULL);
	if (w->store_errors >= STORE_ERRORS_MAX)
		give_up(w);
}

static void say_next(struct dw_worker *w, bool alive)
{
	struct dw_err err = { "" };
	dw_time next = dw_engine_next(w->engine, w->now), out = dw_outbox_next(w->engine, &err);
	bool busy = true;
	int64_t ask = dw_relay_next(w);

	if (*err.text) /* the store didn't say: ask again, don't sleep the whole minute */
		out = w->now + 1;

	for (int i = 0; i < w->n_senders; i++)
		busy &= w->sender[i].busy;
	pthread_mutex_lock(&w->mutex);
	/* a mail that is due but has no free sender (or the rate forbids it) is taken when an answer comes, or at next_ms;
	 * one whose domain is busy is looked past within a second */
	if (!busy && !w->relay_busy && w->send_wait_ms == 0 && out < next)
		next = out;
	w->next = next;
	w->next_ms = w->send_wait_ms;
	if (w->pulse.again_ms && (!w->next_ms || w->pulse.again_ms < w->next_ms))
		w->next_ms = w->pulse.again_ms;
	if (w->reread_ms && (!w->next_ms || w->reread_ms < w->next_ms))
		w->next_ms = w->reread_ms;
	if (ask < INT64_MAX && (!w->next_ms || ask < w->next_ms))
		w->next_ms = ask;
	pthread_mutex_unlock(&w->mutex);
	if (alive)
		dw_notify_alive();
	w->post(w->post_ctx);
}

static bool has_work(const struct dw_worker *w)
{
	if (w->stop || w->tick || w->wake || w->reload || w->relay_news)
		return true;
	for (const struct dw_reader *r = w->readers; r && !w->clock_said; r = r->next)
		if (r->ready || r->done)
			return true; /* while the clock is in doubt they wait */
	for (int i = 0; i < w->n_senders; i++)
		if (w->sender[i].busy && w->sender[i].answered)
			return true;
	if (dw_mailbox_waits(w) && !w->clock_said)
		return true;
	return w->keeper.news || (w->pulse.news && !w->pulse.busy);
}

struct flags {
	bool stop, tick, wake, reload;
};

static struct flags take_flags(struct dw_worker *w, bool wait)
{
	struct flags f;

	pthread_mutex_lock(&w->mutex);
	while (wait && !has_work(w))
		pthread_cond_wait(&w->work, &w->mutex);
	f = (struct flags){ w->stop, w->tick, w->wake, w->reload };
	w->tick = w->wake = w->reload = false;
	pthread_mutex_unlock(&w->mutex);
	return f;
}

/* One pass. True: come again at once. */
static bool pass(struct dw_worker *w, const struct flags *f)
{
	struct dw_err err = { "" };
	bool again = false;
	/* with a clock in doubt nothing is read either (a year ahead would close orders) nor sent; answers are recorded all
	 * the same, by the reckoned time: by a clock a year ahead a deferred mail would have failed of age */
	bool believed = clock_believed(w);
	int r = dw_senders_collect(w, &err);

	if (r >= 0) {
		again |= r > 0;
		if (f->reload)
			do_reload(w);
		if (f->wake)
			look_at_feeds(w);
		r = dw_keeper_collect(w, &err);
	}
	if (r >= 0 && believed) {
		again |= do_reads(w);
		start_reads(w);
		r = dw_mailbox_take(w, &err);
		again |= r > 0;
		if (r >= 0)
			r = do_tick(w, &err);
		again |= r > 0;
		if (r >= 0)
			r = dw_senders_give(w, &err);
	}
	if (r >= 0)
		r = dw_relay_turn(w, &err);
	if (r >= 0) {
		if (*w->store_said.text)
			dw_log(5, "the store can be used again");
		w->store_errors = 0;
		w->store_said = (struct dw_err){ "" };
	} else {
		store_failed(w, r, &err);
		again = true;
	}
	return again;
}

static void *worker_main(void *arg)
{
	struct dw_worker *w = arg;
	struct dw_err err = { "" };
	bool again = false;

	for (;;) {
		struct flags f = take_flags(w, !again);

		if (f.stop)
			return NULL;
		w->pulse.whole = false;
		if (dw_store_there(w->store, &err) < 0) {
			dw_log(3, "%s", err.text);
			give_up(w);
			return NULL;
		}
		again = pass(w, &f);
		if (!again || f.tick) {
			dw_pulse_turn(w);
			say_next(w, true);
		}
	}
}

/* ---- start, stop ---- */

static int open_engine(struct dw_worker *w, struct dw_err *err)
{
	const struct dw_config *c = w->conf->config;
	int r = dw_state_folder_make(c->state, err);

	if (r == 0)
		r = dw_become_owner(c->state, err);
	if (r == 0)
		r = dw_store_sqlite_open(&w->store, c->state, DW_STORE_DAEMON, dw_clock_wall(), err);
	if (r == 0)
		r = dw_engine_new(&w->engine, c, w->store, dw_log_line, NULL, err);
	if (r == 0)
		r = dw_engine_start(w->engine, dw_clock_wall(), err);
	if (r == 0)
		keep_config(w);
	return r;
}

static void release(struct dw_worker *w)
{
	dw_engine_free(w->engine);
	dw_store_close(w->store);
	free(w->read_now);
	free(w->attempted);
	free(w->sender);
	if (w->conf)
		dw_conf_drop(w, w->conf);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->taken);
	pthread_cond_destroy(&w->jobs);
	pthread_cond_destroy(&w->keeper.wake);
	pthread_cond_destroy(&w->mailbox.wake);
	pthread_mutex_destroy(&w->mutex);
}

int dw_worker_start(struct dw_worker *w, const struct dw_daemon_opts *opts, struct dw_config *config,
		    struct dw_relays *relays, struct dw_mailbox_conf *mailbox, void (*post)(void *ctx), void *ctx, struct dw_err *err)
{
	pthread_condattr_t steady;
	int r;

	*w = (struct dw_worker){ .opts = *opts, .post = post, .post_ctx = ctx, .next = DW_NEVER,
				 .started_ms = dw_clock_boot_ms() };
	pthread_mutex_init(&w->mutex, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC); /* a clock step must not stretch a wait */
	pthread_cond_init(&w->work, NULL);
	pthread_cond_init(&w->taken, &steady);
	pthread_cond_init(&w->jobs, NULL);
	pthread_cond_init(&w->keeper.wake, &steady);
	pthread_cond_init(&w->mailbox.wake, &steady);
	pthread_condattr_destroy(&steady);
	w->conf = conf_new(config, relays, mailbox);
	if (!w->conf) {
		dw_relays_free(relays);
		dw_mailbox_conf_free(mailbox);
		dw_config_free(config);
		r = dw_err_oom(err);
	} else
		r = new_flags(config->n_feeds, &w->read_now, &w->attempted) < 0 ? dw_err_oom(err) : 0;
	if (r == 0)
		r = try_transports(w->conf->relays, err);
	if (r == 0)
		r = open_engine(w, err);
	if (r == 0)
		r = dw_pulse_start(w, err);
	if (r == 0)
		r = dw_mailbox_start(w, err);
	if (r == 0)
		r = dw_senders_start(w, dw_relays_connections(w->conf->relays), err);
	if (r == 0)
		r = dw_keeper_start(w, err);
	if (r == 0) {
		r = pthread_create(&w->thread, NULL, worker_main, w);
		if (r != 0)
			r = dw_err_set(err, -r, "no thread for the engine: %s", strerror(r));
	}
	if (r < 0) {
		pthread_mutex_lock(&w->mutex);
		w->stop = true;
		pthread_mutex_unlock(&w->mutex);
		dw_senders_stop(w);
		dw_prober_stop(w);
		dw_mailbox_stop(w);
		dw_keeper_stop(w);
		dw_pulse_stop(w);
		release(w);
	}
	return r;
}

/* A read stuck in a dead mount can't be called back: its thread ends with the process, and what it holds stays. */
static void stop_readers(struct dw_worker *w, bool *stuck)
{
	while (w->readers) {
		struct dw_reader *r = w->readers;

		w->readers = r->next;
		if (!*stuck && dw_reader_ends(r, STUCK_S)) {
			dw_reader_free(r);
			continue;
		}
		drop_apply(r);
		*stuck = true;
	}
}

void dw_worker_stop(struct dw_worker *w)
{
	struct dw_err err = { "" };
	bool stuck = false;

	pthread_mutex_lock(&w->mutex);
	w->stop = true;
	for (struct dw_reader *r = w->readers; r; r = r->next)
		r->abort = true;
	pthread_cond_broadcast(&w->taken);
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->mutex);
	atomic_store(&w->pulse.stop, true);
	atomic_store(&w->keeper.stop, true);
	dw_store_hurry(w->store);
	dw_senders_stop(w);
	dw_mailbox_stop(w);
	pthread_join(w->thread, NULL);
	dw_mailbox_stop(w); /* begun by a last reload */
	dw_prober_stop(w);
	dw_keeper_stop(w);
	dw_pulse_stop(w);
	stop_readers(w, &stuck);
	clock_believed(w); /* the last answers' time */
	while (dw_senders_collect(w, &err) > 0)
		;
	if (dw_store_begin(w->store, &err) == 0) {
		if (dw_store_mail_release(w->store, &err) < 0 || dw_store_commit(w->store, &err) < 0)
			dw_store_rollback(w->store);
	}
	for (int i = 0; i < w->n_senders; i++)
		dw_send_job_fini(&w->sender[i].job);
	if (!stuck) {
		release(w);
		return;
	}
	dw_log(4, "a feed's file doesn't answer; its read is left behind");
	dw_engine_free(w->engine);
	dw_store_close(w->store);
}

static void flag(struct dw_worker *w, bool *which)
{
	pthread_mutex_lock(&w->mutex);
	*which = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->mutex);
}

void dw_worker_tick(struct dw_worker *w)
{
	flag(w, &w->tick);
}

void dw_worker_wake(struct dw_worker *w)
{
	flag(w, &w->wake);
}

void dw_worker_reload(struct dw_worker *w)
{
	flag(w, &w->reload);
}

void dw_worker_read(struct dw_worker *w, int feed)
{
	pthread_mutex_lock(&w->mutex);
	for (size_t i = 0; i < w->conf->config->n_feeds; i++)
		if (feed < 0 || (size_t)feed == i)
			w->read_now[i] = true;
	w->tick = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->mutex);
}
