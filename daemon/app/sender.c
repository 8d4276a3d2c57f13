/* daemon.h: a relay and the mailbox as the config has them, and how fast it may be used. */
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

static const char *const mechanisms[] = { [DW_OAUTH_ANY] = NULL, [DW_OAUTH_XOAUTH2] = "XOAUTH2", [DW_OAUTH_OAUTHBEARER] = "OAUTHBEARER" };

static int give_token(void *ctx, const char *refused, char **out, struct dw_err *err)
{
	return dw_oauth_token(ctx, refused, out, err);
}

static int new_login(struct dw_oauth **out, const struct dw_config *c, const struct dw_oauth_conf *conf, struct dw_err *err)
{
	struct dw_oauth_place at = { .name = "" };

	for (size_t i = 0; dw_config_oauth(c, i, &at); i++)
		if (at.conf == conf)
			break;
	return dw_oauth_new(out, conf, (enum dw_oauth_use)at.use, at.name, at.username, c->state, err);
}

int dw_sender_conf_init(struct dw_sender_conf *out, const struct dw_config *config, const struct dw_mail_conf *m,
			struct dw_err *err)
{
	int r;

	*out = (struct dw_sender_conf){ 0 };
	r = dw_secret_load(&out->secret, m->password_file, config->state, err);
	if (r >= 0 && m->oauth)
		r = new_login(&out->oauth, config, m->oauth, err);
	if (r < 0)
		return r;
	out->transport = (struct dw_transport_conf){ .url = m->transport, .starttls_off = m->starttls_off,
						     .username = m->username, .password = out->secret, .ca_file = m->ca_file };
	if (out->oauth) {
		out->transport.token = give_token;
		out->transport.token_ctx = out->oauth;
		out->transport.token_mechanism = mechanisms[m->oauth->mechanism];
	}
	return 0;
}

void dw_sender_conf_fini(struct dw_sender_conf *c)
{
	dw_secret_free(c->secret);
	dw_oauth_free(c->oauth);
	*c = (struct dw_sender_conf){ 0 };
}

int dw_mailbox_conf_new(struct dw_mailbox_conf **out, const struct dw_config *config, struct dw_err *err)
{
	DW_CLEANUP(dw_mailbox_conf_freep) struct dw_mailbox_conf *c = dw_calloc(1, sizeof(*c));
	const struct dw_replies_conf *m = &config->replies;
	int r;

	if (!c)
		return dw_err_oom(err);
	r = dw_secret_load(&c->secret, m->password_file, config->state, err);
	if (r >= 0 && m->oauth)
		r = new_login(&c->oauth, config, m->oauth, err);
	if (r < 0)
		return r;
	c->imap = (struct dw_imap_conf){ .url = m->url, .folder = m->folder, .starttls_off = m->starttls_off, .username = m->username,
					 .password = c->secret, .ca_file = m->ca_file };
	if (c->oauth) {
		c->imap.token = give_token;
		c->imap.token_ctx = c->oauth;
		c->imap.token_mechanism = mechanisms[m->oauth->mechanism];
	}
	*out = dw_steal(&c);
	return 0;
}

void dw_mailbox_conf_free(struct dw_mailbox_conf *c)
{
	if (!c)
		return;
	dw_secret_free(c->secret);
	dw_oauth_free(c->oauth);
	free(c);
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

int64_t dw_rate_wait(const struct dw_rate *r, int64_t now_ms, int pending)
{
	int64_t wait;

	if (r->n <= 0)
		return 0;
	if (pending >= r->n)
		return r->span_ms;
	wait = r->at[(r->next + pending) % r->n] + r->span_ms - now_ms;
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
