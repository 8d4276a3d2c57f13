/* worker.h: a read on a thread of its own; orders go to the worker in batches, one being built while one is applied. */
#include "worker.h"

#include <time.h>

void dw_batch_free(struct dw_batch *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++)
		dw_facts_fini(&b->o[i].facts);
	free(b->o);
	free(b);
}

/* Waits until the worker took the batch before, then hands this one over. */
static int hand_over(struct dw_reader *r, struct dw_err *err)
{
	struct dw_batch *b;
	bool abort;

	if (r->building.n == 0)
		return 0;
	b = dw_malloc(sizeof(*b));
	if (!b)
		return dw_err_oom(err);
	*b = r->building;
	b->attempt = r->attempt;
	b->data_time = r->report.data_time;
	r->building = (struct dw_batch){ 0 };
	pthread_mutex_lock(&r->w->mutex);
	while (r->ready && !r->abort)
		pthread_cond_wait(&r->w->taken, &r->w->mutex);
	abort = r->abort;
	if (!abort) {
		r->ready = b;
		pthread_cond_signal(&r->w->work);
	}
	pthread_mutex_unlock(&r->w->mutex);
	if (!abort)
		return 0;
	dw_batch_free(b);
	return dw_err_set(err, -ECANCELED, "the read was given up");
}

static int on_order(void *ctx, struct dw_read_order *o, struct dw_err *err)
{
	struct dw_reader *r = ctx;
	struct dw_batch *b = &r->building;

	if (dw_grow(&b->o, &b->cap, b->n + 1, sizeof(*b->o)) < 0)
		return dw_err_oom(err);
	b->o[b->n++] = *o;
	memset(&o->facts, 0, sizeof(o->facts));
	return b->n >= DW_BATCH_ORDERS ? hand_over(r, err) : 0;
}

enum { CHANGING_TRIES = 150, CHANGING_WAIT_S = 2 };

/* The file changed while it was read: wait for it to be left alone. False: the read is given up. */
static bool wait_for_writer(struct dw_reader *r)
{
	struct timespec t;
	bool abort;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += CHANGING_WAIT_S;
	pthread_mutex_lock(&r->w->mutex);
	r->waiting = true; /* decisions needn't wait for it */
	while (!r->abort && pthread_cond_timedwait(&r->w->taken, &r->w->mutex, &t) != ETIMEDOUT)
		;
	abort = r->abort;
	r->waiting = false;
	pthread_mutex_unlock(&r->w->mutex);
	return !abort;
}

static void forget(struct dw_reader *r)
{
	for (size_t i = 0; i < r->building.n; i++)
		dw_facts_fini(&r->building.o[i].facts);
	r->building.n = 0;
	dw_read_report_fini(&r->report);
	r->report.data_time = r->now;
	r->report.stop = &r->abort;
	r->attempt++;
}

static void *reader_main(void *arg)
{
	struct dw_reader *r = arg;
	int res = -EAGAIN;

	for (int i = 0; res == -EAGAIN && i < CHANGING_TRIES; i++) {
		if (i > 0 && !wait_for_writer(r))
			break;
		forget(r);
		res = dw_ingest_read(&r->conf->config->feeds[r->feed], r->seen, r->now, on_order, r, &r->report, &r->err);
	}
	if (res == 0)
		res = hand_over(r, &r->err);
	pthread_mutex_lock(&r->w->mutex);
	r->r = res;
	r->done = true;
	pthread_cond_signal(&r->w->work);
	pthread_mutex_unlock(&r->w->mutex);
	return NULL;
}

int dw_reader_start(struct dw_worker *w, int feed, const char *seen, dw_time now, struct dw_err *err)
{
	struct dw_reader *r = dw_calloc(1, sizeof(*r));
	int res;

	if (!r)
		return dw_err_oom(err);
	r->w = w;
	r->feed = feed;
	r->now = now;
	r->seen = dw_strdup(seen);
	pthread_mutex_lock(&w->mutex);
	r->conf = dw_conf_hold(w, w->conf);
	r->next = w->readers;
	w->readers = r;
	pthread_mutex_unlock(&w->mutex);
	res = pthread_create(&r->thread, NULL, reader_main, r);
	if (res == 0)
		return 0;
	pthread_mutex_lock(&w->mutex);
	w->readers = r->next; /* only the worker adds to the list: r is still its head */
	pthread_mutex_unlock(&w->mutex);
	dw_conf_drop(w, r->conf);
	free(r->seen);
	free(r);
	return dw_err_set(err, -res, "no thread for reading feed: %s", strerror(res));
}

bool dw_reader_ends(struct dw_reader *r, int within_s)
{
	struct timespec t;
	int res = 0;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += within_s;
	pthread_mutex_lock(&r->w->mutex);
	while (!r->done && res == 0)
		res = pthread_cond_clockwait(&r->w->work, &r->w->mutex, CLOCK_MONOTONIC, &t);
	r->joined = r->done;
	pthread_mutex_unlock(&r->w->mutex);
	if (r->joined)
		pthread_join(r->thread, NULL); /* it has nothing left to do */
	return r->joined;
}

void dw_reader_free(struct dw_reader *r)
{
	struct dw_batch *left = dw_malloc(sizeof(*left));

	if (!r->joined)
		pthread_join(r->thread, NULL);
	dw_batch_free(r->ready);
	if (left) {
		*left = r->building;
		dw_batch_free(left);
	}
	dw_apply_free(r->apply);
	dw_read_report_fini(&r->report);
	dw_conf_drop(r->w, r->conf);
	free(r->seen);
	free(r);
}
