/* mailbox.h */
#include "mailbox.h"

#include "engine-impl.h"
#include "worker.h"

#include <stdio.h>
#include <time.h>

enum { ROUND_MAX = 100, GONE_MAX = 10, LONGEST_WAIT_S = 15 * 60, GRANT_S = 60, SINCE_S = 86400 };

/* ---- one look ---- */

/* Where a mailbox begins whose UIDs mean nothing to us. One never seen: at its end. One made anew (restored, moved): with
 * what came in since the last look, for an answer may be among it; what was taken already is known by its Message-ID. */
static int begin_at(struct dw_imap *m, const struct dw_imap_box *box, const struct dw_mailbox_row *was, bool known, int64_t *last,
		    struct dw_err *err)
{
	int64_t uid;
	int r;

	*last = box->uidnext - 1;
	if (!known || was->uidvalidity == 0 || was->last_success == DW_UNKNOWN)
		return 0;
	r = dw_imap_search_since(m, was->last_success - SINCE_S, &uid, err);
	if (r == 0)
		*last = uid - 1;
	return r < 0 ? r : 0;
}

/* The mails from a UID on: how many were taken. *last: the highest UID that was looked at. */
static int take_some(struct dw_imap *m, const struct dw_imap_box *box, int64_t *last, const struct dw_mailbox_ops *ops, void *ctx,
		     bool *more, struct dw_err *err)
{
	int64_t uids[ROUND_MAX];
	int n = dw_imap_search(m, *last + 1, uids, ROUND_MAX, more, err), r = n < 0 ? n : 0, taken = 0;

	for (int i = 0; r >= 0 && i < n; i++) {
		DW_FREE void *bytes = NULL;
		size_t len = 0;

		r = dw_imap_fetch(m, uids[i], &bytes, &len, err);
		taken += r != 1;
		if (r == 0)
			r = ops->mail(ctx, box->uidvalidity, uids[i], bytes, len, NULL, err);
		else if (r == 2)
			r = ops->mail(ctx, box->uidvalidity, uids[i], NULL, 0, "the mail is larger than 1 MiB", err);
		*last = uids[i];
	}
	return r < 0 ? r : taken;
}

/* A server may list mails that are gone: those behind them are still found, and where all are the next look is not at once. */
static int take_mails(struct dw_imap *m, const struct dw_imap_box *box, int64_t last, const struct dw_mailbox_ops *ops, void *ctx,
		      bool *more, struct dw_err *err)
{
	int taken = 0;

	*more = true;
	for (int i = 0; i < GONE_MAX && taken == 0 && *more; i++)
		taken = take_some(m, box, &last, ops, ctx, more, err);
	*more = *more && taken > 0;
	return taken < 0 ? taken : 0;
}

int dw_mailbox_round(struct dw_imap *m, const struct dw_mailbox_ops *ops, void *ctx, bool *more, struct dw_err *err)
{
	struct dw_mailbox_row was = { 0 };
	struct dw_imap_box box;
	int64_t last;
	int known, r = dw_imap_open(m, &box, err);

	*more = false;
	if (r < 0)
		return r;
	known = ops->place(ctx, &was, err);
	if (known < 0)
		return known;
	last = was.last_uid;
	if (known == 1 || was.uidvalidity != box.uidvalidity) {
		r = begin_at(m, &box, &was, known == 0, &last, err);
		if (r == 0)
			r = ops->looked(ctx, box.uidvalidity, last, err);
	}
	if (r == 0 && last < box.uidnext - 1)
		r = take_mails(m, &box, last, ops, ctx, more, err);
	/* not before: a box that opens and whose mails can't be had is a trouble that lasts */
	return r < 0 ? r : ops->looked(ctx, box.uidvalidity, last, err);
}

/* ---- handing over ---- */

static int64_t steady_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* With what it is about filled in. 0 when it is in the store; -ECANCELED: we are stopping, or the config changed. */
static int hand_over(struct dw_worker *w, enum dw_handed what, struct dw_err *err)
{
	struct dw_mailbox *b = &w->mailbox;
	bool gone;

	pthread_mutex_lock(&w->mutex);
	b->what = what;
	b->stale = false;
	pthread_cond_signal(&w->work);
	while (b->what != DW_HAND_NOTHING && (!w->stop || b->taking))
		pthread_cond_wait(&b->wake, &w->mutex);
	gone = b->what != DW_HAND_NOTHING || b->stale;
	b->what = DW_HAND_NOTHING;
	b->bytes = NULL;
	pthread_mutex_unlock(&w->mutex);
	return gone ? dw_err_set(err, -ECANCELED, "stopped") : 0;
}

static int ask_place(void *ctx, struct dw_mailbox_row *out, struct dw_err *err)
{
	struct dw_worker *w = ctx;
	int r = hand_over(w, DW_HAND_PLACE, err);

	if (r < 0)
		return r;
	*out = w->mailbox.row;
	return !w->mailbox.known;
}

static int say_looked(void *ctx, int64_t uidvalidity, int64_t last_uid, struct dw_err *err)
{
	struct dw_worker *w = ctx;

	w->mailbox.uidvalidity = uidvalidity;
	w->mailbox.uid = last_uid;
	return hand_over(w, DW_HAND_LOOKED, err);
}

static int give_mail(void *ctx, int64_t uidvalidity, int64_t uid, const void *bytes, size_t n, const char *why, struct dw_err *err)
{
	struct dw_worker *w = ctx;
	struct dw_mailbox *b = &w->mailbox;

	b->uidvalidity = uidvalidity;
	b->uid = uid;
	b->bytes = bytes;
	b->n = n;
	snprintf(b->why, sizeof(b->why), "%s", why ? why : "");
	return hand_over(w, DW_HAND_MAIL, err);
}

/* ---- the thread ---- */

static void use_imap(struct dw_worker *w, struct dw_imap *m)
{
	pthread_mutex_lock(&w->mutex);
	w->mailbox.imap = m;
	if (m && w->stop)
		dw_imap_abort(m);
	pthread_mutex_unlock(&w->mutex);
}

static int look(struct dw_worker *w, struct dw_conf_ref *conf, bool *more, struct dw_err *err)
{
	static const struct dw_mailbox_ops ops = { ask_place, say_looked, give_mail };
	struct dw_imap *m = NULL;
	int r = dw_imap_new(&m, &conf->mailbox->imap, err);

	if (r < 0)
		return r;
	use_imap(w, m);
	r = dw_mailbox_round(m, &ops, w, more, err);
	use_imap(w, NULL);
	dw_imap_free(m);
	return r;
}

/* A login that is refused is not tried often: servers lock accounts for that. Where a person must grant access, nobody is
 * asked but our own token file. */
static int64_t wait_ms(const struct dw_mailbox *b, int64_t every, int r)
{
	int64_t s = every;

	if (r == -EKEYEXPIRED)
		return (every < GRANT_S ? every : GRANT_S) * 1000;
	if (r == -EACCES)
		s = LONGEST_WAIT_S;
	for (int i = 1; i < b->failed && s < LONGEST_WAIT_S; i++)
		s *= 2;
	if (s > LONGEST_WAIT_S)
		s = LONGEST_WAIT_S;
	return (b->failed && s > every ? s : every) * 1000;
}

static void look_once(struct dw_worker *w, struct dw_conf_ref *conf)
{
	struct dw_mailbox *b = &w->mailbox;
	struct dw_err err = { "" }, unused;
	bool more = false;
	int r = look(w, conf, &more, &err);

	if (r < 0 && r != -ECANCELED) {
		snprintf(b->why, sizeof(b->why), "%s", err.text);
		hand_over(w, DW_HAND_FAILED, &unused);
	}
	b->failed = r < 0 && r != -ECANCELED ? b->failed + (b->failed < 30) : 0;
	b->next_ms = r == 0 && more ? 0 : steady_ms() + wait_ms(b, conf->config->replies.every, r);
}

/* With the mutex held. */
static void await(struct dw_worker *w)
{
	struct dw_mailbox *b = &w->mailbox;

	while (!w->stop && !b->now) {
		const struct dw_replies_conf *r = &w->conf->config->replies;
		struct timespec t = { .tv_sec = b->next_ms / 1000, .tv_nsec = b->next_ms % 1000 * 1000000 };

		if (b->last != w->conf) { /* a new config is tried at once, however the last one fared */
			b->last = w->conf;
			b->failed = 0;
			b->next_ms = 0;
		} else if (!r->url)
			pthread_cond_wait(&b->wake, &w->mutex);
		else if (steady_ms() >= b->next_ms)
			return;
		else
			pthread_cond_timedwait(&b->wake, &w->mutex, &t);
	}
	b->now = false;
}

static void *mailbox_main(void *arg)
{
	struct dw_worker *w = arg;

	pthread_mutex_lock(&w->mutex);
	for (;;) {
		struct dw_conf_ref *conf;

		await(w);
		if (w->stop)
			break;
		if (!w->conf->config->replies.url)
			continue;
		conf = w->mailbox.conf = dw_conf_hold(w, w->conf);
		pthread_mutex_unlock(&w->mutex);
		look_once(w, conf);
		pthread_mutex_lock(&w->mutex);
		w->mailbox.conf = NULL;
		pthread_mutex_unlock(&w->mutex);
		dw_conf_drop(w, conf);
		pthread_mutex_lock(&w->mutex);
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

int dw_mailbox_start(struct dw_worker *w, struct dw_err *err)
{
	struct dw_mailbox *b = &w->mailbox;
	int r = 0;

	pthread_mutex_lock(&w->mutex);
	if (!b->running && !w->stop && w->conf->config->replies.url) {
		r = pthread_create(&b->thread, NULL, mailbox_main, w);
		b->running = r == 0;
	}
	pthread_mutex_unlock(&w->mutex);
	return r == 0 ? 0 : dw_err_set(err, -r, "no thread for the mailbox: %s", strerror(r));
}

void dw_mailbox_stop(struct dw_worker *w)
{
	struct dw_mailbox *b = &w->mailbox;

	pthread_mutex_lock(&w->mutex);
	if (!b->running) {
		pthread_mutex_unlock(&w->mutex);
		return;
	}
	if (b->imap)
		dw_imap_abort(b->imap);
	if (b->conf && b->conf->mailbox->oauth)
		dw_oauth_abort(b->conf->mailbox->oauth);
	pthread_cond_broadcast(&b->wake);
	pthread_mutex_unlock(&w->mutex);
	pthread_join(b->thread, NULL);
	b->running = false; /* nobody starts it any more */
}

void dw_mailbox_wake(struct dw_worker *w, bool now)
{
	pthread_mutex_lock(&w->mutex);
	w->mailbox.now |= now;
	pthread_cond_broadcast(&w->mailbox.wake);
	pthread_mutex_unlock(&w->mutex);
}

/* ---- the worker's side ---- */

bool dw_mailbox_waits(const struct dw_worker *w)
{
	return w->mailbox.what != DW_HAND_NOTHING;
}

static int put_in_store(struct dw_worker *w, enum dw_handed what, struct dw_err *err)
{
	struct dw_mailbox *b = &w->mailbox;
	char name[DW_MAILBOX_NAME];
	int r;

	dw_mailbox_name(name, &b->conf->config->replies);
	switch (what) {
	case DW_HAND_PLACE:
		r = dw_store_mailbox_get(w->store, name, &b->row, err);
		b->known = r == 0;
		return r < 0 ? r : 0;
	case DW_HAND_LOOKED:
		return dw_mailbox_looked(w->engine, name, b->uidvalidity, b->uid, w->now, err);
	case DW_HAND_MAIL:
		return dw_inbound_take(w->engine, name, b->uidvalidity, b->uid, b->bytes, b->n, b->why, w->now, err);
	case DW_HAND_FAILED:
		return dw_mailbox_failed(w->engine, name, b->why, w->now, err);
	case DW_HAND_NOTHING:
		break;
	}
	return 0;
}

/* What was handed over is the worker's until it says so: the thread only waits. */
int dw_mailbox_take(struct dw_worker *w, struct dw_err *err)
{
	struct dw_mailbox *b = &w->mailbox;
	enum dw_handed what;
	bool stale;
	int r;

	pthread_mutex_lock(&w->mutex);
	what = b->what;
	stale = what != DW_HAND_NOTHING && b->conf != w->conf;
	b->taking = what != DW_HAND_NOTHING;
	pthread_mutex_unlock(&w->mutex);
	if (what == DW_HAND_NOTHING)
		return 0;
	r = stale ? 0 : put_in_store(w, what, err);
	pthread_mutex_lock(&w->mutex);
	b->taking = false;
	if (r >= 0) {
		b->what = DW_HAND_NOTHING;
		b->stale = stale;
	}
	pthread_cond_broadcast(&b->wake);
	pthread_mutex_unlock(&w->mutex);
	return r < 0 ? r : 1;
}

/* ---- --once ---- */

struct once {
	struct dw_engine *e;
	char name[DW_MAILBOX_NAME];
};

static int once_place(void *ctx, struct dw_mailbox_row *out, struct dw_err *err)
{
	struct once *o = ctx;

	return dw_store_mailbox_get(o->e->store, o->name, out, err);
}

static int once_looked(void *ctx, int64_t uidvalidity, int64_t last_uid, struct dw_err *err)
{
	struct once *o = ctx;

	return dw_mailbox_looked(o->e, o->name, uidvalidity, last_uid, dw_clock_wall(), err);
}

static int once_mail(void *ctx, int64_t uidvalidity, int64_t uid, const void *bytes, size_t n, const char *why, struct dw_err *err)
{
	struct once *o = ctx;

	return dw_inbound_take(o->e, o->name, uidvalidity, uid, bytes, n, why, dw_clock_wall(), err);
}

int dw_mailbox_once(struct dw_engine *e, const struct dw_mailbox_conf *conf, struct dw_err *err)
{
	static const struct dw_mailbox_ops ops = { once_place, once_looked, once_mail };
	struct once o = { .e = e };
	bool more = true;
	int r = 0;

	if (!e->config->replies.url)
		return 0;
	dw_mailbox_name(o.name, &e->config->replies);
	while (r == 0 && more) {
		struct dw_imap *m = NULL;

		r = dw_imap_new(&m, &conf->imap, err);
		if (r == 0)
			r = dw_mailbox_round(m, &ops, &o, &more, err);
		dw_imap_free(m);
	}
	if (r == 0)
		return 0;
	r = dw_mailbox_failed(e, o.name, err->text, dw_clock_wall(), err);
	return r < 0 ? r : 1;
}
