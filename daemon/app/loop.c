/* daemon.h: the daemon under libuv. The loop holds timers, signals and folder events, and pokes the worker; it never
 * touches the store. One timer serves all: it is set to the earliest of the engine's next instant, the feeds' polls and
 * 60 s (uv timers count monotonic time, deadlines are wall time: a suspend or a clock step is noticed within that). */
#include "notify.h"
#include "watch.h"
#include "worker.h"

#include <signal.h>
#include <stdio.h>
#include <uv.h>

enum { LONGEST_MS = 60 * 1000, REWATCH_MS = 60 * 1000, CHANGING_MS = 2000, CHANGING_MAX_MS = 300 * 1000, SETTLE_MS = 5 };

struct loop {
	uv_loop_t uv;
	uv_timer_t timer;
	uv_async_t posted;
	uv_poll_t folders;
	uv_signal_t sig[4];
	bool folders_on, stopping, failed;
	int64_t armed_ms;  /* boot time the timer is set to */
	int64_t ticked_ms; /* and when it last fired */
	int64_t watched_ms; /* when the folders were last watched, or that failed */
	struct dw_worker worker;
	struct dw_conf_ref *conf; /* the loop's own hold on the config in force */
	struct dw_watch watch;
};

static void on_timer(uv_timer_t *t);
static void see_folders(struct loop *l);
static void watch_folders_late(struct loop *l);
static void on_folders(uv_poll_t *p, int status, int events);

static struct loop *of(void *data)
{
	return data;
}

/* ---- the timer ---- */

static int64_t poll_at(const struct loop *l, size_t i)
{
	const struct dw_poll *p = &l->conf->poll[i];
	int64_t settled = p->changing_ms + CHANGING_MS, longest = p->since_ms + CHANGING_MAX_MS;

	if (!p->changing_ms)
		return p->next_ms;
	/* a file whose writer is at work is read once it has been left alone for two seconds; one that never is (or a
	 * folder where something else is written all the time) not later than in five minutes */
	return settled < longest ? settled : longest;
}

static void arm(struct loop *l)
{
	int64_t now = dw_clock_boot_ms(), at = now + LONGEST_MS;
	/* for what is due: the worker has been told a moment ago and isn't through yet, or is to be told. Counted from the
	 * last tick, so that a folder in which something is written all the time doesn't put it off for ever. */
	int64_t soon = l->ticked_ms + 1000 > now ? l->ticked_ms + 1000 : now;
	dw_time next, wall = dw_clock_wall();
	int64_t send;

	pthread_mutex_lock(&l->worker.mutex);
	next = l->worker.next;
	send = l->worker.next_ms;
	pthread_mutex_unlock(&l->worker.mutex);
	if (next != DW_NEVER && next - wall < LONGEST_MS / 1000)
		at = next <= wall ? soon : now + (next - wall) * 1000 + SETTLE_MS;
	if (send && send < at)
		at = send > now ? send : soon;
	for (size_t i = 0; i < l->conf->config->n_feeds; i++)
		if (poll_at(l, i) < at)
			at = poll_at(l, i);
	l->armed_ms = at;
	uv_update_time(&l->uv); /* else the timer counts from when this round of the loop began, and fires too early */
	uv_timer_start(&l->timer, on_timer, at > now ? (uint64_t)(at - now) : 0, 0);
}

static void poll_feeds(struct loop *l)
{
	int64_t now = dw_clock_boot_ms();

	for (size_t i = 0; i < l->conf->config->n_feeds; i++) {
		if (poll_at(l, i) > now)
			continue;
		l->conf->poll[i].changing_ms = 0;
		dw_watch_again(&l->watch, i, l->conf->config->feeds[i].path);
		l->conf->poll[i].next_ms = now + l->conf->config->feeds[i].every * 1000;
		dw_worker_read(&l->worker, (int)i);
	}
}

static void on_timer(uv_timer_t *t)
{
	struct loop *l = of(t->data);

	l->ticked_ms = dw_clock_boot_ms();
	if (!l->folders_on && l->ticked_ms - l->watched_ms >= REWATCH_MS)
		watch_folders_late(l);
	see_folders(l);
	poll_feeds(l);
	dw_worker_tick(&l->worker);
	arm(l);
}

/* ---- folders ---- */

static void on_folder_event(void *ctx, enum dw_watch_event event, int feed)
{
	struct loop *l = ctx;
	int64_t now = dw_clock_boot_ms();

	switch (event) {
	case DW_WATCH_WAKE:
		dw_worker_wake(&l->worker);
		return;
	case DW_WATCH_CHANGING:
		if (!l->conf->poll[feed].changing_ms)
			l->conf->poll[feed].since_ms = now;
		l->conf->poll[feed].changing_ms = now;
		return;
	case DW_WATCH_CLOSED:
		break;
	}
	for (size_t i = 0; i < l->conf->config->n_feeds; i++)
		if (feed == -2 || (size_t)feed == i) {
			l->conf->poll[i].changing_ms = 0;
			l->conf->poll[i].next_ms = now;
		}
}

/* Before any decision to read: a writer that is at work right now must be known. */
static void see_folders(struct loop *l)
{
	if (l->folders_on)
		dw_watch_read(&l->watch, on_folder_event, l);
}

static void on_folders(uv_poll_t *p, int status, int events)
{
	struct loop *l = of(p->data);

	(void)events;
	if (status < 0) {
		dw_log(4, "folder events: %s; files are read by the timer", uv_strerror(status));
		uv_poll_stop(p);
		return;
	}
	see_folders(l);
	poll_feeds(l);
	arm(l);
}

static void unwatch_done(uv_handle_t *h)
{
	struct loop *l = of(h->data);

	dw_watch_close(&l->watch);
	l->folders_on = false;
	l->watched_ms = dw_clock_boot_ms();
	if (!l->stopping) {
		struct dw_err err = { "" };

		if (dw_watch_open(&l->watch, l->conf->config, &err) < 0)
			dw_log(4, "%s; files are read by the timer only", err.text);
		else if (uv_poll_init(&l->uv, &l->folders, l->watch.fd) == 0) {
			l->folders_on = true;
			uv_poll_start(&l->folders, UV_READABLE, on_folders);
		}
	}
}

/* Watches the config's folders anew; the old handle must be closed first. */
static void watch_folders(struct loop *l)
{
	l->folders.data = l;
	if (l->folders_on && uv_is_closing((uv_handle_t *)&l->folders))
		return; /* unwatch_done will see the newest config */
	if (l->folders_on)
		uv_close((uv_handle_t *)&l->folders, unwatch_done);
	else
		unwatch_done((uv_handle_t *)&l->folders);
}

/* There was no descriptor for it before; what happened meanwhile made no event. */
static void watch_folders_late(struct loop *l)
{
	watch_folders(l);
	for (size_t i = 0; l->folders_on && i < l->conf->config->n_feeds; i++)
		l->conf->poll[i].next_ms = dw_clock_boot_ms();
	if (l->folders_on)
		dw_log(5, "folder events are back");
}

/* ---- what the worker says ---- */

static void use_conf(struct loop *l)
{
	struct dw_conf_ref *old = l->conf;
	int64_t now = dw_clock_boot_ms();

	pthread_mutex_lock(&l->worker.mutex);
	l->conf = dw_conf_hold(&l->worker, l->worker.conf);
	l->worker.reloaded = false;
	pthread_mutex_unlock(&l->worker.mutex);
	if (old)
		dw_conf_drop(&l->worker, old);
	for (size_t i = 0; i < l->conf->config->n_feeds; i++)
		l->conf->poll[i].next_ms = now;
	watch_folders(l);
}

static void stop(struct loop *l);

static void on_posted(uv_async_t *a)
{
	struct loop *l = of(a->data);
	bool reloaded, dead;

	if (l->stopping)
		return;
	pthread_mutex_lock(&l->worker.mutex);
	reloaded = l->worker.reloaded;
	dead = l->worker.dead;
	pthread_mutex_unlock(&l->worker.mutex);
	if (dead) {
		dw_log(3, "the store can't be used: stopping");
		l->failed = true;
		stop(l);
		return;
	}
	if (reloaded)
		use_conf(l);
	arm(l);
}

static void post(void *ctx)
{
	struct loop *l = ctx;

	uv_async_send(&l->posted);
}

/* ---- signals and stop ---- */

static void stop(struct loop *l)
{
	if (l->stopping)
		return;
	l->stopping = true;
	dw_notify_stopping();
	uv_close((uv_handle_t *)&l->timer, NULL);
	uv_unref((uv_handle_t *)&l->posted); /* the worker may still post: closed after it ended */
	if (l->folders_on && !uv_is_closing((uv_handle_t *)&l->folders))
		uv_close((uv_handle_t *)&l->folders, unwatch_done);
	for (size_t i = 0; i < DW_COUNT(l->sig); i++)
		uv_close((uv_handle_t *)&l->sig[i], NULL);
}

static void on_signal(uv_signal_t *s, int signum)
{
	struct loop *l = of(s->data);

	switch (signum) {
	case SIGHUP:
		dw_worker_reload(&l->worker);
		break;
	case SIGUSR1:
		dw_mailbox_wake(&l->worker, true);
		/* half a file doesn't count: what is being written waits for its writer */
		for (size_t i = 0; i < l->conf->config->n_feeds; i++)
			l->conf->poll[i].next_ms = dw_clock_boot_ms();
		see_folders(l);
		poll_feeds(l);
		arm(l);
		break;
	default:
		dw_log(5, "stopping on %s", signum == SIGTERM ? "SIGTERM" : "SIGINT");
		stop(l);
		break;
	}
}

static int start_handles(struct loop *l)
{
	static const int signums[] = { SIGHUP, SIGUSR1, SIGTERM, SIGINT };
	int r = uv_timer_init(&l->uv, &l->timer);

	l->timer.data = l->posted.data = l->folders.data = l;
	if (r == 0)
		r = uv_async_init(&l->uv, &l->posted, on_posted);
	l->posted.data = l;
	for (size_t i = 0; r == 0 && i < DW_COUNT(signums); i++) {
		r = uv_signal_init(&l->uv, &l->sig[i]);
		l->sig[i].data = l;
		if (r == 0)
			r = uv_signal_start(&l->sig[i], on_signal, signums[i]);
	}
	return r;
}

static void close_posted(struct loop *l)
{
	uv_close((uv_handle_t *)&l->posted, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

static int run(struct loop *l, const struct dw_daemon_opts *opts, struct dw_config *config, struct dw_relays *relays,
	       struct dw_mailbox_conf *mailbox, struct dw_err *err)
{
	int r = dw_worker_start(&l->worker, opts, config, relays, mailbox, post, l, err);

	if (r < 0) {
		stop(l);
		uv_run(&l->uv, UV_RUN_DEFAULT);
		close_posted(l);
		return r;
	}
	use_conf(l);
	dw_log(5, "duewatchd " DW_VERSION " watches %zu feeds for %zu people", config->n_feeds, config->people.n);
	dw_notify_ready("watching");
	poll_feeds(l);
	arm(l);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	dw_conf_drop(&l->worker, l->conf);
	dw_worker_stop(&l->worker);
	close_posted(l);
	return 0;
}

int dw_daemon_run(const struct dw_daemon_opts *opts)
{
	struct loop l = { .watch = { .fd = -1, .state_wd = -1 } };
	struct dw_config *config = NULL;
	struct dw_relays *relays = NULL;
	struct dw_mailbox_conf *mailbox = NULL;
	struct dw_err err = { "" };
	int r = dw_config_load_logged(&config, opts, true, &err);

	if (r == 0)
		r = dw_relays_new(&relays, config, &err);
	if (r == 0)
		r = dw_mailbox_conf_new(&mailbox, config, &err);
	if (r < 0) {
		dw_log(3, "%s", err.text);
		dw_relays_free(relays);
		dw_config_free(config);
		return dw_fault_passes(r) ? 1 : 2;
	}
	r = uv_loop_init(&l.uv);
	if (r == 0)
		r = start_handles(&l);
	if (r < 0) {
		dw_log(3, "libuv: %s", uv_strerror(r));
		dw_relays_free(relays);
		dw_mailbox_conf_free(mailbox);
		dw_config_free(config);
		return 1;
	}
	r = run(&l, opts, config, relays, mailbox, &err);
	if (r < 0)
		dw_log(3, "%s", err.text);
	dw_watch_close(&l.watch);
	if (uv_loop_close(&l.uv) != 0)
		dw_log(4, "the event loop did not close cleanly");
	return r < 0 || l.failed ? 1 : 0;
}
