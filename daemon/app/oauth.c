/* oauth.h: when a token is renewed, by whom, and what holds while it can't be. */
#include "oauth-impl.h"

#include "duewatch/daemon.h"

#include <stdio.h>
#include <unistd.h>

enum {
	MARGIN_MS = 30 * 1000,	    /* of life that a token handed out still has */
	EARLY_MS = 5 * 60 * 1000,   /* renewed so long before its end, or after four fifths of its life */
	AFTER_MAX_S = 3600,	    /* of a server's Retry-After */
	GONE_AGAIN_S = 3600,	    /* a refusal is asked about again: some servers err */
	EXPIRING_S = 7 * 86400,	    /* a refresh token that ends: said so long before */
	SKEW_S = 300,
	LOOK_MS = 60 * 1000,
	YOUNG_MS = 60 * 1000,	    /* a server that refuses a token of this age refuses the next one, too */
};

static const int backoff_s[] = { 30, 60, 120, 300, 900 };

/* ---- new, free ---- */

static uint64_t print_of(const char *a, const char *b, const char *c)
{
	uint64_t h = dw_hash_str(DW_HASH_INIT, a ? a : "");

	h = dw_hash_str(h, b ? b : "");
	return dw_hash_str(h, c ? c : "");
}

static const char *scope_of(const struct dw_oauth_conf *conf, enum dw_oauth_use use)
{
	if (conf->scope)
		return conf->scope;
	if (dw_streq(conf->provider, "google"))
		return "https://mail.google.com/";
	if (dw_streq(conf->provider, "microsoft"))
		return use == DW_OAUTH_SMTP ? "https://outlook.office.com/SMTP.Send offline_access" :
					      "https://outlook.office.com/IMAP.AccessAsUser.All offline_access";
	return NULL;
}

static int copy_conf(struct dw_oauth *o, const struct dw_oauth_conf *conf, enum dw_oauth_use use)
{
	const struct {
		char **to;
		const char *from;
	} copy[] = {
		{ &o->client_id, conf->client_id },	{ &o->token_url, conf->token_url },   { &o->authorize_url, conf->authorize_url },
		{ &o->device_url, conf->device_url },	{ &o->scope, scope_of(conf, use) }, { &o->ca_file, conf->ca_file },
	};

	for (size_t i = 0; i < DW_COUNT(copy); i++) {
		*copy[i].to = dw_strdup(copy[i].from);
		if (copy[i].from && !*copy[i].to)
			return -ENOMEM;
	}
	return 0;
}

static void free_o(struct dw_oauth **o)
{
	dw_oauth_free(*o);
}

int dw_oauth_new(struct dw_oauth **out, const struct dw_oauth_conf *conf, enum dw_oauth_use use, const char *name,
		 const char *username, const char *state, struct dw_err *err)
{
	DW_CLEANUP(free_o) struct dw_oauth *o = dw_calloc(1, sizeof(*o));
	int r;

	if (!o)
		return dw_err_oom(err);
	pthread_mutex_init(&o->mutex, NULL);
	pthread_cond_init(&o->done, NULL);
	atomic_init(&o->stop, false);
	dw_oauth_kept_fini(&o->now);
	o->health.since = DW_UNKNOWN;
	o->google = dw_streq(conf->provider, "google");
	o->name = dw_strdup(name);
	o->username = dw_strdup(username ? username : "");
	o->state = dw_strdup(state);
	if (!o->name || !o->username || !o->state || copy_conf(o, conf, use) < 0)
		return dw_err_oom(err);
	r = dw_secret_load(&o->secret, conf->client_secret_file, state, err);
	if (r >= 0)
		r = dw_secret_load(&o->seed_token, conf->refresh_token_file, state, err);
	if (r < 0)
		return r;
	o->of = print_of(o->client_id, o->token_url, o->username);
	o->seed = o->seed_token ? dw_hash_str(DW_HASH_INIT, o->seed_token) : 0;
	*out = dw_steal(&o);
	return 0;
}

void dw_oauth_free(struct dw_oauth *o)
{
	if (!o)
		return;
	dw_oauth_kept_fini(&o->now);
	dw_secret_free(o->secret);
	dw_secret_free(o->seed_token);
	free(o->name);
	free(o->username);
	free(o->state);
	free(o->client_id);
	free(o->token_url);
	free(o->authorize_url);
	free(o->device_url);
	free(o->scope);
	free(o->ca_file);
	pthread_cond_destroy(&o->done);
	pthread_mutex_destroy(&o->mutex);
	free(o);
}

void dw_oauth_abort(struct dw_oauth *o)
{
	atomic_store(&o->stop, true);
	pthread_mutex_lock(&o->mutex);
	pthread_cond_broadcast(&o->done);
	pthread_mutex_unlock(&o->mutex);
}

const char *dw_oauth_name(const struct dw_oauth *o)
{
	return o->name;
}

static void well(struct dw_oauth *o)
{
	o->failures = 0;
	o->retry_ms = 0;
	o->health = (struct dw_oauth_health){ .since = DW_UNKNOWN };
}

static void gone(struct dw_oauth *o, const char *why)
{
	DW_BUF b = { 0 };

	dw_buf_printf(&b, "%s: a person must grant access again: duewatch authorize %s", why, o->name);
	if (o->health.state != DW_OAUTH_GONE) {
		o->health.since = dw_clock_wall();
		dw_log(3, "login=%s token_expiring: %s", o->name, dw_buf_str(&b));
	}
	o->health.state = DW_OAUTH_GONE;
	snprintf(o->health.error, sizeof(o->health.error), "%s", dw_buf_str(&b));
	dw_utf8_mend(o->health.error);
	o->retry_ms = dw_clock_boot_ms() + GONE_AGAIN_S * INT64_C(1000);
}

static void not_now(struct dw_oauth *o, const char *why, int64_t after)
{
	int n = o->failures < (int)DW_COUNT(backoff_s) - 1 ? o->failures : (int)DW_COUNT(backoff_s) - 1;
	int64_t wait = after > backoff_s[n] ? (after < AFTER_MAX_S ? after : AFTER_MAX_S) : backoff_s[n];

	if (o->failures == 0)
		dw_log(4, "login=%s: no new access token: %s; asked again in %lld s", o->name, why, (long long)wait);
	o->failures++;
	o->retry_ms = dw_clock_boot_ms() + wait * 1000;
	if (o->health.state != DW_OAUTH_GONE)
		snprintf(o->health.error, sizeof(o->health.error), "no new access token: %s", why);
}

/* ---- what there is ---- */

static bool usable(const struct dw_oauth *o, const char *refused, int64_t ms)
{
	return o->now.access && ms + MARGIN_MS < o->until_ms && !(refused && strcmp(refused, o->now.access) == 0);
}

static int64_t due_ms(const struct dw_oauth *o)
{
	int64_t life = o->until_ms - o->from_ms, early = life / 5;

	if (life > 2 * EARLY_MS && early < EARLY_MS)
		early = EARLY_MS;
	return o->until_ms - early;
}

/* The rest of a life that began at another boot, by the wall clock, which may be wrong: one from the future, or longer
 * than it was given, counts as over. */
static void reckon(struct dw_oauth *o)
{
	int64_t ms = dw_clock_boot_ms(), left = 0, age = 0;
	dw_time now = dw_clock_wall();

	if (o->now.access && o->now.expires != DW_UNKNOWN && o->now.obtained != DW_UNKNOWN && o->now.obtained <= now + SKEW_S) {
		left = o->now.expires - now;
		age = now > o->now.obtained ? now - o->now.obtained : 0;
	}
	o->until_ms = left > 0 ? ms + left * 1000 : 0;
	o->from_ms = left > 0 ? ms - age * 1000 : 0;
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* The file, where it is newer than what we have: another of our programs renewed it, or a person has granted anew. With
 * the mutex held. A refresh token file that changed since goes before it. */
static int look_at_file(struct dw_oauth *o, struct dw_err *err)
{
	struct dw_oauth_kept k = { 0 };
	struct dw_err why = { "" };
	int r;

	o->looked_ms = dw_clock_boot_ms();
	if (o->unsaved)
		return 0; /* ours is the newer one */
	r = dw_oauth_kept_load(&k, o->state, o->name, &why);
	if (r == -ENOMEM)
		return dw_err_oom(err);
	if (r < 0) { /* said; what is in force doesn't need it */
		if (!o->now.refresh)
			r == -EPERM || r == -EBADMSG ? gone(o, why.text) : not_now(o, why.text, 0);
		return 0;
	}
	if (r == 0 && k.of == o->of && (!o->seed || k.seed == o->seed)) {
		if (!same(k.refresh, o->now.refresh) || (k.access && !same(k.access, o->now.access))) {
			if (o->health.state == DW_OAUTH_GONE && !same(k.refresh, o->now.refresh))
				well(o); /* somebody has acted */
			dw_oauth_kept_fini(&o->now);
			o->now = k;
			k = (struct dw_oauth_kept){ 0 };
			reckon(o);
		}
	} else if (!o->now.refresh && o->seed_token) {
		o->now.refresh = dw_secret_copy(o->seed_token, strlen(o->seed_token));
		o->now.seed = o->seed;
		if (!o->now.refresh)
			r = -ENOMEM;
	}
	o->now.of = o->of;
	dw_oauth_kept_fini(&k);
	if (r == -ENOMEM)
		return dw_err_oom(err);
	o->loaded = true;
	return 0;
}

/* ---- what comes ---- */

static void save(struct dw_oauth *o)
{
	struct dw_err err = { "" };
	int r = dw_oauth_kept_save(&o->now, o->state, o->name, &err);

	if (r < 0 && !o->unsaved)
		dw_log(3, "login=%s: %s; it is tried again", o->name, err.text);
	o->unsaved = r < 0;
	o->saved_ms = dw_clock_boot_ms();
	if (r < 0)
		snprintf(o->health.error, sizeof(o->health.error), "%s", err.text);
}

int dw_oauth_install(struct dw_oauth *o, struct dw_oauth_answer *a, struct dw_err *err)
{
	dw_time now = dw_clock_wall();
	int64_t ms = dw_clock_boot_ms();
	struct dw_oauth_kept fresh = { .refresh = a->refresh, .access = a->access, .obtained = now, .expires = now + a->expires_in,
				       .refresh_expires = a->refresh_expires_in ? now + a->refresh_expires_in : DW_UNKNOWN,
				       .seed = o->seed, .of = o->of };

	if (!fresh.refresh) { /* the one we have goes on */
		fresh.refresh = o->now.refresh ? dw_secret_copy(o->now.refresh, strlen(o->now.refresh)) : NULL;
		fresh.refresh_expires = o->now.refresh_expires;
		if (!fresh.refresh && o->now.refresh)
			return dw_err_oom(err);
		if (!fresh.refresh)
			return dw_err_set(err, -EPROTO, "the provider gave no refresh token: without one access ends within the hour%s",
					  o->google ? " (remove duewatch from the account's connected apps, then authorize again)" :
						      " (does the scope have offline_access?)");
	}
	a->refresh = a->access = NULL;
	dw_oauth_kept_fini(&o->now);
	o->now = fresh;
	o->from_ms = ms;
	o->until_ms = ms + a->expires_in * 1000;
	well(o);
	save(o);
	return 0;
}

static int ask_server(struct dw_oauth *o, const char *refresh, struct dw_oauth_answer *a, struct dw_err *err)
{
	const char *field[] = { "grant_type", "refresh_token", "refresh_token", refresh, "client_id", o->client_id, "client_secret",
				o->secret, "scope", o->google ? NULL : o->scope, NULL };

	return dw_oauth_post(o, o->token_url, field, a, err);
}

/* Turns the refresh token into an access token. Called and left with the mutex held, which is free meanwhile. */
static int renew(struct dw_oauth *o, const char *refused, struct dw_err *err)
{
	struct dw_oauth_answer a = { .verdict = DW_OAUTH_LATER };
	char *refresh = NULL;
	int lock, r;

	o->busy = true;
	pthread_mutex_unlock(&o->mutex);
	lock = dw_oauth_lock(o->state, o->name, &o->stop);
	pthread_mutex_lock(&o->mutex);
	r = look_at_file(o, err); /* another program may have been quicker */
	if (r == 0 && o->now.refresh)
		refresh = dw_secret_copy(o->now.refresh, strlen(o->now.refresh));
	if (r == 0 && o->now.refresh && !refresh)
		r = dw_err_oom(err);
	if (r == 0 && !o->now.refresh && o->health.state != DW_OAUTH_GONE)
		gone(o, "no access was granted yet");
	else if (r == 0 && !o->now.refresh)
		o->retry_ms = dw_clock_boot_ms() + GONE_AGAIN_S * INT64_C(1000);
	else if (r == 0 && !(usable(o, refused, dw_clock_boot_ms()) && dw_clock_boot_ms() < due_ms(o))) {
		pthread_mutex_unlock(&o->mutex);
		r = ask_server(o, refresh, &a, err);
		pthread_mutex_lock(&o->mutex);
		if (r == 0 && a.verdict == DW_OAUTH_GRANTED)
			r = dw_oauth_install(o, &a, err);
		else if (r == 0 && a.verdict == DW_OAUTH_DEAD)
			gone(o, a.error);
		else if (r == 0)
			not_now(o, a.error, a.retry_after);
		if (r < 0 && r != -ECANCELED)
			not_now(o, err->text, 0);
	} else if (r == 0)
		well(o);
	if (lock >= 0)
		close(lock);
	dw_secret_free(refresh);
	dw_oauth_answer_fini(&a);
	o->busy = false;
	pthread_cond_broadcast(&o->done);
	return r;
}

static bool wants(const struct dw_oauth *o, const char *refused, int64_t ms)
{
	if (usable(o, refused, ms))
		return ms >= due_ms(o);
	return !(refused && same(refused, o->now.access) && o->until_ms > ms && ms - o->from_ms < YOUNG_MS);
}

int dw_oauth_token(struct dw_oauth *o, const char *refused, char **out, struct dw_err *err)
{
	int64_t ms = dw_clock_boot_ms();
	int r = 0;

	pthread_mutex_lock(&o->mutex);
	if (!o->loaded || o->health.state == DW_OAUTH_GONE)
		r = look_at_file(o, err);
	if (r == 0 && o->unsaved)
		save(o);
	while (r == 0 && o->busy && !usable(o, refused, ms) && !atomic_load(&o->stop))
		pthread_cond_wait(&o->done, &o->mutex);
	ms = dw_clock_boot_ms();
	if (r == 0 && !o->busy && ms >= o->retry_ms && wants(o, refused, ms) && !atomic_load(&o->stop))
		r = renew(o, refused, err);
	if (r == -ECANCELED && usable(o, refused, ms))
		r = 0;
	if (r == 0 && usable(o, refused, dw_clock_boot_ms())) {
		*out = dw_secret_copy(o->now.access, strlen(o->now.access));
		r = *out ? 0 : dw_err_oom(err);
	} else if (r == 0 && atomic_load(&o->stop)) {
		r = dw_err_set(err, -ECANCELED, "stopped");
	} else if (r < 0) {
		if (o->retry_ms <= ms) /* no memory, most likely: not again at once */
			o->retry_ms = ms + backoff_s[0] * INT64_C(1000);
	} else {
		r = dw_err_set(err, o->health.state == DW_OAUTH_GONE ? -EACCES : -EAGAIN, "%s",
			       *o->health.error ? o->health.error : "the server refuses an access token that has just been made");
	}
	pthread_mutex_unlock(&o->mutex);
	return r;
}

int64_t dw_oauth_next(struct dw_oauth *o)
{
	int64_t next;

	pthread_mutex_lock(&o->mutex);
	if (atomic_load(&o->stop) || o->busy)
		next = INT64_MAX;
	else if (o->unsaved)
		next = o->saved_ms + LOOK_MS;
	else if (o->health.state == DW_OAUTH_GONE)
		next = o->looked_ms + LOOK_MS < o->retry_ms ? o->looked_ms + LOOK_MS : o->retry_ms; /* somebody may have acted */
	else if (!o->loaded || o->until_ms == 0)
		next = o->retry_ms;
	else
		next = due_ms(o) > o->retry_ms ? due_ms(o) : o->retry_ms;
	pthread_mutex_unlock(&o->mutex);
	return next;
}

void dw_oauth_health(struct dw_oauth *o, struct dw_oauth_health *out)
{
	dw_time now = dw_clock_wall();

	pthread_mutex_lock(&o->mutex);
	*out = o->health;
	if (out->state == DW_OAUTH_OK && o->now.refresh_expires != DW_UNKNOWN && o->now.refresh_expires < now + EXPIRING_S) {
		out->state = DW_OAUTH_EXPIRING;
		out->since = o->now.refresh_expires;
		snprintf(out->error, sizeof(out->error), "the access granted ends within a week: duewatch authorize %s renews it", o->name);
	}
	pthread_mutex_unlock(&o->mutex);
}
