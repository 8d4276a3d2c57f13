/* relays.h: health and order. The sends themselves are at the end. */
#include "duewatch/relays.h"
#include "duewatch/daemon.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

enum { DOUBTS_MAX = 3 };

static const int pause_s[] = { 60, 120, 300, 900 };

struct relay {
	char *name;
	struct dw_sender_conf conf;
	int connections;
	struct dw_rate rate;
	int taken;   /* places */
	int pending; /* of them those that the rate doesn't know yet */
	int doubts;  /* in a row */
	int falls;   /* in a row, without a mail taken in between */
	bool asking;
	int64_t again_ms; /* ill: when it may be asked */
	struct dw_relay_health health;
};

struct dw_relays {
	pthread_mutex_t mutex;
	struct relay relay[DW_RELAYS_MAX];
	size_t n;
	unsigned version;
};

/* ---- what an answer says ---- */

static enum dw_relay_sign sign_of_refusal(const struct dw_answer *a)
{
	switch (a->stage) {
	case DW_AT_CONNECT:
	case DW_AT_TLS:
	case DW_AT_AUTH:
		return DW_SIGN_ILL;
	case DW_AT_MAIL:
	case DW_AT_RCPT:
	case DW_AT_DATA:
	case DW_AT_DOT:
		break;
	}
	return a->code == 530 ? DW_SIGN_ILL : DW_SIGN_DOUBT; /* "log in first" means everybody */
}

static enum dw_relay_sign sign_of_retry(const struct dw_answer *a)
{
	bool answered = a->code / 100 == 4;

	if (a->code == 421)
		return DW_SIGN_ILL;
	switch (a->stage) {
	case DW_AT_CONNECT:
	case DW_AT_TLS:
	case DW_AT_AUTH:
		return DW_SIGN_ILL;
	case DW_AT_MAIL: /* the sender is the same for all mails */
		return answered ? DW_SIGN_DOUBT : DW_SIGN_ILL;
	case DW_AT_RCPT: /* greylisting and full mailboxes are the address's; a silence may be that of its own server */
		return answered ? DW_SIGN_NONE : DW_SIGN_DOUBT;
	case DW_AT_DATA:
	case DW_AT_DOT:
		break;
	}
	return DW_SIGN_DOUBT;
}

enum dw_relay_sign dw_relay_sign(const struct dw_answer *a)
{
	if (a->ours)
		return DW_SIGN_NONE;
	switch (a->verdict) {
	case DW_SENT:
	case DW_DEAD_ADDRESS:
		return DW_SIGN_WELL;
	case DW_UNSURE:
		return DW_SIGN_NONE;
	case DW_RETRY:
		return sign_of_retry(a);
	case DW_RELAY_REFUSED:
		break;
	}
	return sign_of_refusal(a);
}

/* ---- new, free ---- */

char *dw_relay_name(const struct dw_config *c, size_t i)
{
	const struct dw_mail_conf *m = dw_config_relay(c, i), *other;
	bool twice = false;
	DW_BUF b = { 0 };

	for (size_t k = 0; (other = dw_config_relay(c, k)) != NULL; k++)
		twice |= k != i && dw_streq(other->transport, m->transport);
	dw_buf_puts(&b, m->transport);
	if (twice)
		dw_buf_printf(&b, " (%s)", m->username ? m->username : "no login");
	return dw_buf_take(&b);
}

static int init_one(struct relay *y, const struct dw_config *c, size_t i, struct dw_err *err)
{
	const struct dw_mail_conf *m = dw_config_relay(c, i);
	int r = dw_sender_conf_init(&y->conf, c, m, err);

	if (r < 0)
		return r;
	y->connections = m->connections > 0 ? m->connections : 4;
	y->health.since = DW_UNKNOWN;
	y->name = dw_relay_name(c, i);
	if (!y->name || dw_rate_init(&y->rate, m->rate_n, m->rate_s) < 0)
		return dw_err_oom(err);
	return 0;
}

int dw_relays_new(struct dw_relays **out, const struct dw_config *config, struct dw_err *err)
{
	DW_CLEANUP(dw_relays_freep) struct dw_relays *r = dw_calloc(1, sizeof(*r));

	if (!r)
		return dw_err_oom(err);
	pthread_mutex_init(&r->mutex, NULL);
	for (size_t i = 0; dw_config_relay(config, i); i++) {
		int x;

		r->n++;
		x = init_one(&r->relay[i], config, i, err);
		if (x < 0)
			return x;
	}
	*out = dw_steal(&r);
	return 0;
}

void dw_relays_free(struct dw_relays *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		free(r->relay[i].name);
		dw_sender_conf_fini(&r->relay[i].conf);
		dw_rate_fini(&r->relay[i].rate);
	}
	pthread_mutex_destroy(&r->mutex);
	free(r);
}

size_t dw_relays_count(const struct dw_relays *r)
{
	return r->n;
}

const char *dw_relays_name(const struct dw_relays *r, size_t i)
{
	return r->relay[i].name;
}

const struct dw_transport_conf *dw_relays_transport(const struct dw_relays *r, size_t i)
{
	return &r->relay[i].conf.transport;
}

struct dw_oauth *dw_relays_login(const struct dw_relays *r, size_t i)
{
	return r->relay[i].conf.oauth;
}

int dw_relays_connections(const struct dw_relays *r)
{
	int most = 1;

	for (size_t i = 0; i < r->n; i++)
		if (r->relay[i].connections > most)
			most = r->relay[i].connections;
	return most;
}

void dw_relays_inherit(struct dw_relays *r, struct dw_relays *from)
{
	pthread_mutex_lock(&from->mutex);
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < from->n; k++)
			if (strcmp(r->relay[i].name, from->relay[k].name) == 0)
				dw_rate_inherit(&r->relay[i].rate, &from->relay[k].rate);
	pthread_mutex_unlock(&from->mutex);
}

/* ---- which one ---- */

static int first_well(const struct dw_relays *r, unsigned avoid)
{
	for (size_t i = 0; i < r->n; i++)
		if (!r->relay[i].health.ill && !(avoid & 1U << i))
			return (int)i;
	return -1;
}

static int soonest(const struct dw_relays *r)
{
	int best = 0;

	for (size_t i = 1; i < r->n; i++)
		if (r->relay[i].again_ms < r->relay[best].again_ms)
			best = (int)i;
	return best;
}

int dw_relays_take(struct dw_relays *r, unsigned avoid, int64_t now_ms, int64_t *wait_ms)
{
	int64_t wait = 0;
	struct relay *y;
	int i;

	pthread_mutex_lock(&r->mutex);
	i = first_well(r, avoid);
	if (i < 0 && !avoid)
		i = soonest(r);
	y = i < 0 ? NULL : &r->relay[i];
	if (y) /* a rate that has run out is no illness: its mails wait for it */
		wait = dw_rate_wait(&y->rate, now_ms, y->pending);
	if (y && (wait > 0 || y->taken >= y->connections))
		i = -1;
	if (i >= 0) {
		y->taken++;
		y->pending++;
	}
	pthread_mutex_unlock(&r->mutex);
	if (wait_ms)
		*wait_ms = wait;
	return i;
}

void dw_relays_untake(struct dw_relays *r, int i)
{
	pthread_mutex_lock(&r->mutex);
	r->relay[i].taken--;
	r->relay[i].pending--;
	pthread_mutex_unlock(&r->mutex);
}

void dw_relays_begin(struct dw_relays *r, int i, int64_t now_ms)
{
	pthread_mutex_lock(&r->mutex);
	r->relay[i].pending--;
	dw_rate_note(&r->relay[i].rate, now_ms);
	pthread_mutex_unlock(&r->mutex);
}

/* ---- health ---- */

/* A single relay's answers stand in the mails' own lines: nothing is done about its state. */
static void fall_ill(struct dw_relays *r, struct relay *y, const char *why, int64_t now_ms, dw_time now)
{
	int pause = pause_s[y->falls < (int)DW_COUNT(pause_s) ? y->falls : (int)DW_COUNT(pause_s) - 1];
	bool was = y->health.ill;

	y->falls += y->falls < (int)DW_COUNT(pause_s);
	y->again_ms = now_ms + pause * INT64_C(1000);
	y->doubts = 0;
	if (!was)
		y->health.since = now;
	y->health.ill = true;
	if (!was || strcmp(y->health.error, why) != 0)
		r->version++;
	if (r->n > 1)
		dw_log(was ? 6 : 4, "relay=%s %s: %s; asked again in %d s", y->name, was ? "still ill" : "ill", why, pause);
	snprintf(y->health.error, sizeof(y->health.error), "%s", why);
}

static void get_well(struct dw_relays *r, struct relay *y, dw_time now)
{
	y->doubts = 0;
	if (!y->health.ill)
		return;
	if (r->n > 1)
		dw_log(5, "relay=%s is well again after %" PRId64 " s", y->name,
		       now > y->health.since ? now - y->health.since : 0);
	y->health = (struct dw_relay_health){ .since = now };
	r->version++;
}

/* Answers to what was begun before it fell ill come in afterwards: they don't make the pause longer. */
static bool resting(const struct relay *y, int64_t now_ms)
{
	return y->health.ill && now_ms < y->again_ms && !y->asking;
}

bool dw_relays_answered(struct dw_relays *r, int i, const struct dw_answer *a, int64_t now_ms, dw_time now)
{
	enum dw_relay_sign sign = dw_relay_sign(a);
	struct relay *y = &r->relay[i];

	pthread_mutex_lock(&r->mutex);
	y->taken--;
	switch (sign) {
	case DW_SIGN_WELL:
		y->falls = 0;
		get_well(r, y, now);
		break;
	case DW_SIGN_NONE:
		/* one that takes whole mails and never says so is of no use either */
		if (a->verdict == DW_UNSURE && ++y->doubts >= DOUBTS_MAX && !resting(y, now_ms))
			fall_ill(r, y, a->text, now_ms, now);
		break;
	case DW_SIGN_DOUBT:
		if ((++y->doubts >= DOUBTS_MAX || y->health.ill) && !resting(y, now_ms))
			fall_ill(r, y, a->text, now_ms, now);
		break;
	case DW_SIGN_ILL:
		if (!resting(y, now_ms))
			fall_ill(r, y, a->text, now_ms, now);
		break;
	}
	pthread_mutex_unlock(&r->mutex);
	return sign == DW_SIGN_DOUBT || sign == DW_SIGN_ILL;
}

int dw_relays_probe_due(struct dw_relays *r, int64_t now_ms)
{
	int found = -1;

	pthread_mutex_lock(&r->mutex);
	for (size_t i = 0; r->n > 1 && found < 0 && i < r->n; i++)
		if (r->relay[i].health.ill && !r->relay[i].asking && r->relay[i].again_ms <= now_ms) {
			r->relay[i].asking = true;
			found = (int)i;
		}
	pthread_mutex_unlock(&r->mutex);
	return found;
}

void dw_relays_probed(struct dw_relays *r, int i, const struct dw_answer *a, int64_t now_ms, dw_time now)
{
	struct relay *y = &r->relay[i];

	pthread_mutex_lock(&r->mutex);
	if (y->health.ill && a && a->verdict == DW_SENT)
		get_well(r, y, now); /* falls stay until it has taken a mail: one that only talks is asked less and less */
	else if (y->health.ill && a && !a->ours)
		fall_ill(r, y, a->text, now_ms, now);
	else if (y->health.ill)
		y->again_ms = now_ms + pause_s[0] * INT64_C(1000);
	y->asking = false;
	pthread_mutex_unlock(&r->mutex);
}

int64_t dw_relays_next(struct dw_relays *r)
{
	int64_t next = INT64_MAX;

	pthread_mutex_lock(&r->mutex);
	for (size_t i = 0; r->n > 1 && i < r->n; i++)
		if (r->relay[i].health.ill && !r->relay[i].asking && r->relay[i].again_ms < next)
			next = r->relay[i].again_ms;
	pthread_mutex_unlock(&r->mutex);
	return next;
}

void dw_relays_health(struct dw_relays *r, size_t i, struct dw_relay_health *out)
{
	pthread_mutex_lock(&r->mutex);
	*out = r->relay[i].health;
	pthread_mutex_unlock(&r->mutex);
}

unsigned dw_relays_version(struct dw_relays *r)
{
	unsigned v;

	pthread_mutex_lock(&r->mutex);
	v = r->version;
	pthread_mutex_unlock(&r->mutex);
	return v;
}

/* ---- one mail ---- */

/* Where no relay took it: what they said, all of it; and a refusal is what a person must know of. */
static void join(struct dw_answer *all, const struct dw_answer *next, const char *name)
{
	bool worse = next->verdict == DW_RELAY_REFUSED && all->verdict != DW_RELAY_REFUSED;
	DW_BUF text = { 0 };

	dw_buf_printf(&text, "%s; %s: %s", all->text, name, next->text);
	if (worse)
		*all = *next;
	snprintf(all->text, sizeof(all->text), "%s", dw_buf_str(&text));
	dw_utf8_mend(all->text);
}

static void try_one(const struct dw_relay_post *post, int i, const struct dw_envelope *env, const char *id,
		    const void *bytes, size_t n, struct dw_answer *a)
{
	struct dw_transport *t = NULL;
	struct dw_err err = { "" };

	*a = (struct dw_answer){ .verdict = DW_RETRY, .ours = true };
	if (post->transport(post->ctx, i, &t, &err) < 0)
		snprintf(a->text, sizeof(a->text), "%s", err.text);
	else
		dw_transport_send(t, env, id, bytes, n, a);
}

static int64_t boot_ms(const struct dw_relay_post *post)
{
	return post->boot_ms ? post->boot_ms(post->ctx) : dw_clock_boot_ms();
}

void dw_relays_send(struct dw_relays *r, int first, const struct dw_relay_post *post, const struct dw_envelope *env,
		    const char *id, const void *bytes, size_t n, struct dw_answer *answer)
{
	unsigned had = 0;

	for (int i = first; i >= 0; i = dw_relays_take(r, had, boot_ms(post), NULL)) {
		struct dw_answer a;
		bool elsewhere;

		dw_relays_begin(r, i, boot_ms(post));
		try_one(post, i, env, id, bytes, n, &a);
		elsewhere = dw_relays_answered(r, i, &a, boot_ms(post), post->wall ? post->wall(post->ctx) : dw_clock_wall());
		if (i > 0)
			snprintf(a.via, sizeof(a.via), "%s", r->relay[i].name);
		if (!had || (!elsewhere && !a.ours))
			*answer = a; /* it decided, or is the first */
		else
			join(answer, &a, r->relay[i].name);
		if (!elsewhere)
			return;
		had |= 1U << i;
	}
}
