/* worker.h: the worker's part in the relays' health (relays.h): who is asked, what the store knows for `duewatch status`,
 * and what operators hear when mails have been leaving by a fallback for long. */
#include "worker.h"

#include "engine-impl.h"
#include "oauth-tell.h"

#include <stdio.h>
#include <time.h>

enum { TELL_AFTER_S = 3600, TELL_AGAIN_S = 86400, AGAIN_MS = 5000 };

static const char key_told[] = "relays_told"; /* when the operators last heard of it */

/* ---- asking ---- */

void dw_relay_logins_abort(struct dw_conf_ref *c)
{
	for (size_t i = 0; i < dw_relays_count(c->relays); i++)
		if (dw_relays_login(c->relays, i))
			dw_oauth_abort(dw_relays_login(c->relays, i));
}

/* What it gives is kept for who needs it; what goes wrong is said by oauth.c, and shown by its health. */
static void renew(struct dw_conf_ref *conf, int relay)
{
	struct dw_err err = { "" };
	char *token = NULL;

	if (dw_oauth_token(dw_relays_login(conf->relays, (size_t)relay), NULL, &token, &err) == 0)
		dw_secret_free(token);
}

static void ask(struct dw_worker *w, struct dw_conf_ref *conf, int relay)
{
	struct dw_prober *p = &w->prober;
	struct dw_transport *t = NULL;
	struct dw_err err = { "" };
	struct dw_answer a;
	int r = dw_transport_new(&t, dw_relays_transport(conf->relays, (size_t)relay), &err);

	if (r == 0) {
		pthread_mutex_lock(&w->mutex);
		p->transport = t;
		if (w->stop)
			dw_transport_abort(t);
		pthread_mutex_unlock(&w->mutex);
		dw_transport_probe(t, &a);
		pthread_mutex_lock(&w->mutex);
		p->transport = NULL;
		pthread_mutex_unlock(&w->mutex);
		dw_transport_free(t);
	}
	dw_relays_probed(conf->relays, relay, r == 0 ? &a : NULL, dw_clock_boot_ms(), dw_clock_wall());
}

static void *prober_main(void *arg)
{
	struct dw_worker *w = arg;
	struct dw_prober *p = &w->prober;

	pthread_mutex_lock(&w->mutex);
	while (!w->stop) {
		struct dw_conf_ref *conf = p->conf;
		bool token = p->renew;
		int relay = p->relay;

		if (!conf) {
			pthread_cond_wait(&w->jobs, &w->mutex);
			continue;
		}
		pthread_mutex_unlock(&w->mutex);
		if (token)
			renew(conf, relay);
		else
			ask(w, conf, relay);
		dw_conf_drop(w, conf);
		pthread_mutex_lock(&w->mutex);
		p->conf = NULL;
		w->relay_news = true;
		pthread_cond_signal(&w->work);
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

void dw_prober_stop(struct dw_worker *w)
{
	struct dw_prober *p = &w->prober;

	if (!p->started)
		return;
	pthread_mutex_lock(&w->mutex);
	if (p->transport)
		dw_transport_abort(p->transport);
	if (p->conf)
		dw_relay_logins_abort(p->conf);
	pthread_cond_broadcast(&w->jobs);
	pthread_mutex_unlock(&w->mutex);
	pthread_join(p->thread, NULL);
	p->started = false;
	if (p->conf) /* given and never begun */
		dw_conf_drop(w, p->conf);
	p->conf = NULL;
}

static bool idle(struct dw_worker *w)
{
	bool is;

	pthread_mutex_lock(&w->mutex);
	is = !w->prober.conf && !w->stop;
	w->relay_news = false;
	pthread_mutex_unlock(&w->mutex);
	return is;
}

static int login_due(struct dw_relays *relays, int64_t now_ms)
{
	for (size_t i = 0; i < dw_relays_count(relays); i++)
		if (dw_relays_login(relays, i) && dw_oauth_next(dw_relays_login(relays, i)) <= now_ms)
			return (int)i;
	return -1;
}

int64_t dw_relay_next(struct dw_worker *w)
{
	struct dw_relays *relays = w->conf->relays;
	int64_t next = dw_relays_next(relays);
	bool asking;

	pthread_mutex_lock(&w->mutex);
	asking = w->prober.conf != NULL; /* its end is news */
	pthread_mutex_unlock(&w->mutex);
	for (size_t i = 0; i < dw_relays_count(relays); i++)
		if (dw_relays_login(relays, i) && dw_oauth_next(dw_relays_login(relays, i)) < next)
			next = dw_oauth_next(dw_relays_login(relays, i));
	if (w->prober.failed_ms && next < w->prober.failed_ms + AGAIN_MS)
		next = w->prober.failed_ms + AGAIN_MS;
	return asking ? INT64_MAX : next;
}

static void ask_one(struct dw_worker *w)
{
	struct dw_prober *p = &w->prober;
	bool is_idle = idle(w);
	int relay = is_idle ? dw_relays_probe_due(w->conf->relays, dw_clock_boot_ms()) : -1;
	bool token = relay < 0;

	if (is_idle && token)
		relay = login_due(w->conf->relays, dw_clock_boot_ms());
	if (relay < 0)
		return;
	if (!p->started)
		p->started = pthread_create(&p->thread, NULL, prober_main, w) == 0;
	p->failed_ms = p->started ? 0 : dw_clock_boot_ms();
	if (!p->started && token)
		return; /* whoever needs a token asks for it */
	if (!p->started) { /* the machine has no thread for it just now */
		dw_relays_probed(w->conf->relays, relay, NULL, dw_clock_boot_ms(), w->now);
		return;
	}
	pthread_mutex_lock(&w->mutex);
	p->relay = relay;
	p->renew = token;
	p->conf = dw_conf_hold(w, w->conf);
	pthread_cond_broadcast(&w->jobs);
	pthread_mutex_unlock(&w->mutex);
}

/* ---- the store ---- */

static uint64_t print_of(struct dw_relays *relays)
{
	unsigned version = dw_relays_version(relays);
	uint64_t h = dw_hash(DW_HASH_INIT, &version, sizeof(version));

	for (size_t i = 0; i < dw_relays_count(relays); i++) {
		struct dw_oauth_health o;

		if (!dw_relays_login(relays, i))
			continue;
		dw_oauth_health(dw_relays_login(relays, i), &o);
		h = dw_hash(h, &o.state, sizeof(o.state));
		h = dw_hash_str(h, o.error);
	}
	return h;
}

static int store_health(struct dw_worker *w, struct dw_err *err)
{
	uint64_t version = print_of(w->conf->relays);
	DW_FREE char *text = NULL;
	int r;

	if (w->relays_shown && w->relays_stored == version)
		return 0;
	r = dw_relays_text(w->conf->relays, &text, err);
	if (r == 0)
		r = dw_store_begin(w->store, err);
	if (r < 0)
		return r;
	r = dw_store_meta_put(w->store, DW_RELAYS_KEY, text, err);
	if (r == 0)
		r = dw_store_commit(w->store, err);
	else
		dw_store_rollback(w->store);
	if (r == 0) {
		w->relays_shown = true;
		w->relays_stored = version;
	}
	return r;
}

/* ---- the operators ---- */

static int write_note(struct dw_worker *w, const char *name, const struct dw_relay_health *h, struct dw_err *err)
{
	const struct dw_people *people = &w->conf->config->people;
	const struct dw_note note = { .name = "relay_fallback",
				      .value = { { .name = "relay", .text = name }, { .name = "error", .text = h->error } } };
	char key[96];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < people->n_operators; i++) {
		snprintf(key, sizeof(key), "fallback|%lld|%d", (long long)h->since, people->operators[i]);
		r = dw_dispatch_note(w->engine, &(struct dw_telling){ .note = &note, .key = key }, people->operators[i], w->now, err);
	}
	return r < 0 ? r : 0;
}

/* Not twice a day, whatever comes and goes. */
static int tell(struct dw_worker *w, const struct dw_relay_health *h, struct dw_err *err)
{
	DW_FREE char *told = NULL;
	char now[32];
	int r = dw_store_meta_get(w->store, key_told, &told, err);

	if (r < 0)
		return r;
	if (r == 0 && strtoll(told, NULL, 10) <= w->now && w->now < strtoll(told, NULL, 10) + TELL_AGAIN_S)
		return 0;
	snprintf(now, sizeof(now), "%lld", (long long)w->now);
	r = dw_store_begin(w->store, err);
	if (r < 0)
		return r;
	r = write_note(w, dw_relays_name(w->conf->relays, 0), h, err);
	if (r == 0)
		r = dw_store_meta_put(w->store, key_told, now, err);
	if (r == 0)
		return dw_store_commit(w->store, err);
	dw_store_rollback(w->store);
	return r;
}

static int look_at_fallback(struct dw_worker *w, struct dw_err *err)
{
	struct dw_relay_health first, other;
	bool another = false;
	int r;

	dw_relays_health(w->conf->relays, 0, &first);
	for (size_t i = 1; i < dw_relays_count(w->conf->relays); i++) {
		dw_relays_health(w->conf->relays, i, &other);
		another |= !other.ill;
	}
	if (!first.ill || !another) {
		if (!first.ill)
			w->fallback_told = false;
		return 0;
	}
	if (w->fallback_told || w->now < first.since + TELL_AFTER_S)
		return 0;
	r = tell(w, &first, err);
	w->fallback_told = r == 0;
	return r;
}

static bool is_gone(struct dw_oauth *login)
{
	struct dw_oauth_health h = { .state = DW_OAUTH_OK };

	if (login)
		dw_oauth_health(login, &h);
	return h.state == DW_OAUTH_GONE;
}

/* Where no relay has a login that works, a mail about it would come once somebody has seen to it. */
static int look_at_logins(struct dw_worker *w, struct dw_err *err)
{
	struct dw_relays *relays = w->conf->relays;
	bool way = false;
	int r = 0;

	for (size_t i = 0; i < dw_relays_count(relays); i++)
		way |= !is_gone(dw_relays_login(relays, i));
	for (size_t i = 0; way && r == 0 && i < dw_relays_count(relays); i++)
		if (dw_relays_login(relays, i))
			r = dw_oauth_tell(w->engine, dw_relays_login(relays, i), w->now, err);
	if (way && r == 0 && w->conf->mailbox->oauth)
		r = dw_oauth_tell(w->engine, w->conf->mailbox->oauth, w->now, err);
	return r;
}

int dw_relay_turn(struct dw_worker *w, struct dw_err *err)
{
	int r;

	ask_one(w);
	r = store_health(w, err);
	if (r == 0 && !w->clock.doubt)
		r = look_at_fallback(w, err);
	return r == 0 && !w->clock.doubt ? look_at_logins(w, err) : r;
}
