/* worker.h: one thread per connection to the relay; a transport is made anew when the config changed. */
#include "worker.h"

#include <stdio.h>
#include <string.h>

enum { GROUP_MAX = 8 };

static void drop_transport(struct dw_sender *s)
{
	struct dw_transport *t;

	pthread_mutex_lock(&s->w->mutex);
	t = s->transport;
	s->transport = NULL;
	pthread_mutex_unlock(&s->w->mutex);
	dw_transport_free(t);
	if (s->used)
		dw_conf_drop(s->w, s->used);
	s->used = NULL;
}

/* A relay's transport of the job's config; never reused across relays or TLS policies (design.md §5, trap 6). */
static int use_relay(void *ctx, int relay, struct dw_transport **out, struct dw_err *err)
{
	struct dw_sender *s = ctx;
	struct dw_transport *t = NULL;
	int r = 0;

	if (s->used != s->conf || s->used_relay != relay || !s->transport) {
		drop_transport(s);
		r = dw_transport_new(&t, dw_relays_transport(s->conf->relays, (size_t)relay), err);
		if (r < 0)
			return r;
		pthread_mutex_lock(&s->w->mutex);
		s->transport = t;
		s->used = dw_conf_hold(s->w, s->conf);
		s->used_relay = relay;
		if (s->w->stop)
			dw_transport_abort(t);
		pthread_mutex_unlock(&s->w->mutex);
	}
	*out = s->transport;
	return 0;
}

static void send_one(struct dw_sender *s)
{
	struct dw_envelope env = { .from = s->job.from, .to = s->job.to };
	struct dw_relay_post post = { .transport = use_relay, .ctx = s };

	memset(&s->answer, 0, sizeof(s->answer));
	dw_relays_send(s->conf->relays, s->relay, &post, &env, s->job.message_id, s->job.bytes, s->job.n_bytes, &s->answer);
}

/* Waits for a mail; meanwhile a transport of a config that is gone goes too, with its connection and its password.
 * With the mutex held. */
static void await_job(struct dw_sender *s)
{
	struct dw_worker *w = s->w;

	while (!s->has_job && !w->stop) {
		if (!s->used || s->used == w->conf) {
			pthread_cond_wait(&w->jobs, &w->mutex);
			continue;
		}
		pthread_mutex_unlock(&w->mutex);
		drop_transport(s);
		pthread_mutex_lock(&w->mutex);
	}
}

static void *sender_main(void *arg)
{
	struct dw_sender *s = arg;
	struct dw_worker *w = s->w;

	pthread_mutex_lock(&w->mutex);
	for (;;) {
		struct dw_conf_ref *conf;

		await_job(s);
		if (!s->has_job)
			break;
		s->has_job = false;
		conf = s->conf;
		pthread_mutex_unlock(&w->mutex);
		send_one(s);
		dw_conf_drop(w, conf);
		pthread_mutex_lock(&w->mutex);
		s->answered = true;
		pthread_cond_signal(&w->work);
	}
	pthread_mutex_unlock(&w->mutex);
	drop_transport(s);
	return NULL;
}

/* Not once the stop has begun: who ends the threads must know them all. */
static int start_one(struct dw_sender *s)
{
	int r = ECANCELED;

	pthread_mutex_lock(&s->w->mutex);
	if (!s->w->stop)
		r = pthread_create(&s->thread, NULL, sender_main, s);
	s->started = r == 0;
	pthread_mutex_unlock(&s->w->mutex);
	return -r;
}

int dw_senders_start(struct dw_worker *w, int n, struct dw_err *err)
{
	w->sender = dw_calloc((size_t)n, sizeof(*w->sender));
	if (!w->sender)
		return dw_err_oom(err);
	w->n_senders = n;
	for (int i = 0; i < n; i++) {
		int r;

		w->sender[i].w = w;
		r = start_one(&w->sender[i]);
		if (r < 0 && i == 0)
			return dw_err_set(err, r, "no thread for sending mail: %s", strerror(-r));
	}
	return 0;
}

/* w->stop is set: sends under way return within a second. */
void dw_senders_stop(struct dw_worker *w)
{
	pthread_mutex_lock(&w->mutex);
	for (int i = 0; i < w->n_senders; i++) {
		if (w->sender[i].transport)
			dw_transport_abort(w->sender[i].transport);
		if (w->sender[i].used)
			dw_relay_logins_abort(w->sender[i].used);
	}
	pthread_cond_broadcast(&w->jobs);
	pthread_mutex_unlock(&w->mutex);
	for (int i = 0; i < w->n_senders; i++)
		if (w->sender[i].started)
			pthread_join(w->sender[i].thread, NULL);
}

static struct dw_sender *idle(struct dw_worker *w)
{
	for (int i = 0; i < w->n_senders; i++)
		if (w->sender[i].started && !w->sender[i].busy)
			return &w->sender[i];
	for (int i = 0; i < w->n_senders; i++) /* the machine had no thread for it before: a hanging relay needs the others */
		if (!w->sender[i].started && start_one(&w->sender[i]) == 0)
			return &w->sender[i];
	return NULL;
}

static void give(struct dw_worker *w, struct dw_sender *s, struct dw_send_job *job, int relay)
{
	const char *at = strrchr(job->to, '@');

	pthread_mutex_lock(&w->mutex);
	s->job = *job;
	s->relay = relay;
	s->busy = s->has_job = true;
	s->answered = false;
	s->conf = dw_conf_hold(w, w->conf);
	snprintf(s->domain, sizeof(s->domain), "%s", at ? at + 1 : job->to);
	pthread_cond_broadcast(&w->jobs);
	pthread_mutex_unlock(&w->mutex);
	memset(job, 0, sizeof(*job));
}

int dw_senders_give(struct dw_worker *w, struct dw_err *err)
{
	struct dw_sender *s;

	w->send_wait_ms = 0;
	w->relay_busy = false;
	while ((s = idle(w)) != NULL) {
		const char *busy[64];
		struct dw_send_job job = { 0 };
		int64_t now = dw_clock_boot_ms(), wait = 0;
		int relay = dw_relays_take(w->conf->relays, 0, now, &wait), r;
		size_t n = 0;

		if (relay < 0) {
			w->send_wait_ms = wait > 0 ? now + wait : 0;
			w->relay_busy = wait == 0; /* its next answer makes room */
			return 0;
		}
		for (int i = 0; i < w->n_senders && n < DW_COUNT(busy); i++)
			if (w->sender[i].busy)
				busy[n++] = w->sender[i].domain;
		r = dw_outbox_lease(w->engine, w->now, busy, n, &job, err);
		if (r != 0) {
			dw_relays_untake(w->conf->relays, relay);
			return r < 0 ? r : 0;
		}
		give(w, s, &job, relay);
	}
	return 0;
}

/* A send that was cut by our own stop counts as no try: its lease goes back to the queue at the next start. */
static bool counts(bool stop, const struct dw_answer *a)
{
	return !stop || a->verdict == DW_SENT || a->verdict == DW_UNSURE || a->verdict == DW_DEAD_ADDRESS;
}

int dw_senders_collect(struct dw_worker *w, struct dw_err *err)
{
	struct dw_sender *got[GROUP_MAX];
	int n = 0, r = 0;
	bool stop;

	pthread_mutex_lock(&w->mutex);
	stop = w->stop;
	for (int i = 0; i < w->n_senders && n < GROUP_MAX; i++)
		if (w->sender[i].busy && w->sender[i].answered)
			got[n++] = &w->sender[i];
	pthread_mutex_unlock(&w->mutex);
	if (n == 0)
		return 0;
	r = dw_store_begin(w->store, err);
	for (int i = 0; r >= 0 && i < n; i++)
		if (counts(stop, &got[i]->answer))
			r = dw_outbox_answer(w->engine, got[i]->job.id, &got[i]->answer, w->now, err);
	if (r >= 0)
		r = dw_store_commit(w->store, err);
	else
		dw_store_rollback(w->store);
	if (r < 0)
		return r; /* tried again: the answers stay with their senders */
	for (int i = 0; i < n; i++) {
		w->pulse.sent += got[i]->answer.verdict == DW_SENT;
		w->pulse.retries += got[i]->job.tries > 0;
		dw_send_job_fini(&got[i]->job);
		got[i]->busy = false;
		got[i]->domain[0] = '\0';
	}
	return n;
}
