/* keeper.h */
#include "keeper.h"

#include "duewatch/calendar-copy.h"

#include "engine-impl.h"
#include "worker.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

enum { LOOK_MS = 60 * 1000, SOON_MS = 15 * 60 * 1000, AGAIN_MS = 3600 * 1000, SAY_MS = 24 * 3600 * 1000, LONGEST_MS = 6 * 3600 * 1000 };

/* One calendar as the keeper knows it. */
struct watched {
	int64_t next_ms;    /* boot time of the next look */
	int64_t said_ms;    /* when its failing was last said; 0: it doesn't fail */
	int failed;	    /* in a row */
	struct stat seen;   /* of a file that was read; zero: none yet */
};

struct keeping {
	struct dw_worker *w;
	struct dw_conf_ref *conf;
	struct watched *cal;
};

static void say(struct watched *c, const struct dw_calendar_conf *conf, int r, const struct dw_err *err)
{
	char name[DW_CALENDAR_NAME_SIZE];
	int64_t now = dw_clock_boot_ms();

	dw_calendar_name(name, conf);
	if (r >= 0 && c->said_ms)
		dw_log(5, "calendar %s can be read again", name);
	if (r < 0 && (!c->said_ms || now - c->said_ms >= SAY_MS))
		dw_log(4, "calendar %s: %s; what it said last stays in force", name, err->text);
	if (r >= 0)
		c->said_ms = 0;
	else if (!c->said_ms || now - c->said_ms >= SAY_MS)
		c->said_ms = now;
	c->failed = r < 0 ? c->failed + 1 : 0;
}

/* Waits until the worker has room; false: it has ended. */
static bool hand_over(struct keeping *k, size_t i, struct dw_days_off *fresh)
{
	struct dw_worker *w = k->w;
	bool ok;

	pthread_mutex_lock(&w->mutex);
	while (w->keeper.news && !atomic_load(&w->keeper.stop))
		pthread_cond_wait(&w->keeper.wake, &w->mutex);
	ok = !atomic_load(&w->keeper.stop);
	if (ok) {
		w->keeper.news = true;
		w->keeper.index = i;
		w->keeper.conf = dw_conf_hold(w, k->conf);
		w->keeper.fresh = *fresh;
		pthread_cond_signal(&w->work);
	}
	pthread_mutex_unlock(&w->mutex);
	if (!ok)
		dw_days_off_fini(fresh);
	return ok;
}

static void look_at_url(struct keeping *k, size_t i)
{
	const struct dw_config *c = k->conf->config;
	struct watched *x = &k->cal[i];
	struct dw_days_off fresh = { 0 };
	struct dw_err err = { "" };
	int r = dw_calendar_refresh(c->state, c->calendar[i].url, c->calendar_ca_file, &k->w->keeper.stop, &fresh, dw_clock_wall(), &err);

	if (r == -ECANCELED)
		return;
	say(x, &c->calendar[i], r, &err);
	x->next_ms = dw_clock_boot_ms() + (r >= 0 ? DW_CALENDAR_EVERY_S * INT64_C(1000) : x->failed > 4 ? AGAIN_MS : SOON_MS);
	if (r == 0)
		hand_over(k, i, &fresh);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void look_at_file(struct keeping *k, size_t i)
{
	const struct dw_calendar_conf *conf = &k->conf->config->calendar[i];
	struct watched *x = &k->cal[i];
	struct dw_days_off fresh = { 0 };
	struct dw_err err = { "" };
	struct stat st = { 0 };
	int r = 0;

	x->next_ms = dw_clock_boot_ms() + LOOK_MS;
	if (stat(conf->path, &st) == 0 && same_file(&st, &x->seen) && x->failed == 0)
		return;
	r = dw_days_off_load(&fresh, conf->path, dw_clock_wall(), &err);
	say(x, conf, r, &err);
	x->seen = st;
	if (r == 0)
		hand_over(k, i, &fresh);
}

/* When a new config comes: addresses not asked for twelve hours are asked at once. */
static int begin(struct keeping *k)
{
	const struct dw_config *c = k->conf->config;
	int64_t now = dw_clock_boot_ms();

	k->cal = dw_calloc(c->n_calendars ? c->n_calendars : 1, sizeof(*k->cal));
	if (!k->cal)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_calendars; i++) {
		DW_CLEANUP(dw_calendar_copy_fini) struct dw_calendar_copy copy = { 0 };
		dw_time wall = dw_clock_wall();
		int64_t age = DW_CALENDAR_EVERY_S;

		/* the config has read it a moment ago: a change since then must not be missed */
		k->cal[i].next_ms = now;
		if (c->calendar[i].url && dw_calendar_copy_load(&copy, c->state, c->calendar[i].url, NULL) == 0 &&
		    copy.checked != DW_UNKNOWN && copy.checked <= wall)
			age = wall - copy.checked;
		if (c->calendar[i].url && age < DW_CALENDAR_EVERY_S)
			k->cal[i].next_ms = now + (DW_CALENDAR_EVERY_S - age) * 1000;
	}
	return 0;
}

/* Until `at`, a new config or the end. */
static void wait_until(struct dw_worker *w, const struct dw_conf_ref *mine, int64_t at_ms)
{
	int64_t ms = at_ms - dw_clock_boot_ms();
	struct timespec t;

	if (ms > LONGEST_MS) /* monotonic waits don't count a suspend: looked at again */
		ms = LONGEST_MS;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += (time_t)(ms > 0 ? ms / 1000 + 1 : 0);
	pthread_mutex_lock(&w->mutex);
	while (!atomic_load(&w->keeper.stop) && w->conf == mine)
		if (pthread_cond_timedwait(&w->keeper.wake, &w->mutex, &t) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&w->mutex);
}

static void keep(struct keeping *k)
{
	const struct dw_config *c = k->conf->config;
	int64_t next = INT64_MAX / 2;

	for (size_t i = 0; i < c->n_calendars && !atomic_load(&k->w->keeper.stop); i++) {
		if (k->cal[i].next_ms <= dw_clock_boot_ms()) {
			if (c->calendar[i].url)
				look_at_url(k, i);
			else
				look_at_file(k, i);
		}
		if (k->cal[i].next_ms < next)
			next = k->cal[i].next_ms;
	}
	wait_until(k->w, k->conf, next);
}

static void *keeper_main(void *arg)
{
	struct dw_worker *w = arg;

	while (!atomic_load(&w->keeper.stop)) {
		struct keeping k = { .w = w };
		bool same = true;

		pthread_mutex_lock(&w->mutex);
		k.conf = dw_conf_hold(w, w->conf);
		pthread_mutex_unlock(&w->mutex);
		if (begin(&k) < 0)
			wait_until(w, k.conf, dw_clock_boot_ms() + LOOK_MS);
		while (k.cal && same && !atomic_load(&w->keeper.stop)) {
			keep(&k);
			pthread_mutex_lock(&w->mutex);
			same = w->conf == k.conf;
			pthread_mutex_unlock(&w->mutex);
		}
		free(k.cal);
		dw_conf_drop(w, k.conf);
	}
	return NULL;
}

/* ---- the worker's side ---- */

int dw_keeper_collect(struct dw_worker *w, struct dw_err *err)
{
	struct dw_conf_ref *conf;
	struct dw_days_off fresh;
	char name[DW_CALENDAR_NAME_SIZE];
	size_t i;
	int r = 0;

	pthread_mutex_lock(&w->mutex);
	if (!w->keeper.news) {
		pthread_mutex_unlock(&w->mutex);
		return 0;
	}
	conf = w->keeper.conf;
	fresh = w->keeper.fresh;
	i = w->keeper.index;
	w->keeper.news = false;
	w->keeper.conf = NULL;
	w->keeper.fresh = (struct dw_days_off){ 0 };
	pthread_cond_broadcast(&w->keeper.wake);
	pthread_mutex_unlock(&w->mutex);
	if (conf == w->conf && !dw_days_off_same(&fresh, &conf->config->calendar[i].found)) {
		struct dw_err why = { "" };

		dw_calendar_name(name, &conf->config->calendar[i]);
		/* of days that can't be taken (too many) the log says it; they are no fault of the store */
		if (dw_config_calendar_take(conf->config, i, &fresh, &why) < 0)
			dw_log(4, "calendar %s: %s; what it said last stays in force", name, why.text);
		else {
			dw_log(5, "calendar %s says something new: everything is decided anew", name);
			r = dw_engine_rules_changed(w->engine, err);
		}
	}
	dw_days_off_fini(&fresh);
	dw_conf_drop(w, conf);
	return r < 0 ? r : 0;
}

void dw_keeper_wake(struct dw_worker *w)
{
	pthread_cond_broadcast(&w->keeper.wake);
}

int dw_keeper_start(struct dw_worker *w, struct dw_err *err)
{
	int r;

	if (w->keeper.started || w->conf->config->n_calendars == 0)
		return 0;
	r = pthread_create(&w->keeper.thread, NULL, keeper_main, w);
	if (r != 0)
		return dw_err_set(err, -r, "no thread for the calendars: %s", strerror(r));
	w->keeper.started = true;
	return 0;
}

void dw_keeper_stop(struct dw_worker *w)
{
	atomic_store(&w->keeper.stop, true);
	pthread_mutex_lock(&w->mutex);
	pthread_cond_broadcast(&w->keeper.wake);
	pthread_mutex_unlock(&w->mutex);
	if (w->keeper.started)
		pthread_join(w->keeper.thread, NULL);
	w->keeper.started = false;
	dw_days_off_fini(&w->keeper.fresh);
	if (w->keeper.conf)
		dw_conf_drop(w, w->keeper.conf);
	w->keeper.conf = NULL;
}
