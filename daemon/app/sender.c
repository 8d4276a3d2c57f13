/* daemon.h: the relay as the config has it, and how fast it may be used. */
#include "duewatch/daemon.h"

#include <time.h>

_Static_assert(sizeof(time_t) == 8, "dates go to 2100: _TIME_BITS=64");

dw_time dw_clock_wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec;
}

int64_t dw_clock_boot_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int dw_sender_conf_init(struct dw_sender_conf *out, const struct dw_config *config, struct dw_err *err)
{
	const struct dw_mail_conf *m = &config->mail;
	struct dw_sender_conf c = { 0 };
	int r = dw_secret_load(&c.secret, m->password_file, config->state, err);

	if (r >= 0)
		r = dw_secret_load(&c.imap_secret, config->replies.password_file, config->state, err);
	if (r < 0) {
		dw_sender_conf_fini(&c);
		return r;
	}
	c.imap = (struct dw_imap_conf){ .url = config->replies.url, .folder = config->replies.folder,
					.starttls_off = config->replies.starttls_off, .username = config->replies.username,
					.password = c.imap_secret, .ca_file = config->replies.ca_file };
	c.transport = (struct dw_transport_conf){ .url = m->transport, .starttls_off = m->starttls_off,
						  .username = m->username, .password = c.secret, .ca_file = m->ca_file };
	*out = c;
	return 0;
}

void dw_sender_conf_fini(struct dw_sender_conf *c)
{
	dw_secret_free(c->secret);
	dw_secret_free(c->imap_secret);
	*c = (struct dw_sender_conf){ 0 };
}

int dw_rate_init(struct dw_rate *r, int n, int64_t span_s)
{
	*r = (struct dw_rate){ .n = n, .span_ms = span_s * 1000 };
	if (n <= 0)
		return 0;
	r->at = dw_calloc((size_t)n, sizeof(*r->at));
	if (!r->at)
		return -ENOMEM;
	for (int i = 0; i < n; i++)
		r->at[i] = INT64_MIN / 2;
	return 0;
}

void dw_rate_fini(struct dw_rate *r)
{
	free(r->at);
	*r = (struct dw_rate){ 0 };
}

int64_t dw_rate_wait(const struct dw_rate *r, int64_t now_ms)
{
	int64_t wait;

	if (r->n <= 0)
		return 0;
	wait = r->at[r->next] + r->span_ms - now_ms;
	return wait > 0 ? wait : 0;
}

void dw_rate_note(struct dw_rate *r, int64_t now_ms)
{
	if (r->n <= 0)
		return;
	r->at[r->next] = now_ms;
	r->next = (r->next + 1) % r->n;
}

void dw_rate_inherit(struct dw_rate *r, const struct dw_rate *from)
{
	for (int i = 0; i < from->n; i++)
		dw_rate_note(r, from->at[(from->next + i) % from->n]);
}
