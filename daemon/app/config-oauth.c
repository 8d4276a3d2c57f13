/* oauth: a client's group, the same wherever it stands (mail, mail.fallback, …), with what the providers' addresses are.
 * Google: developers.google.com/identity/protocols/oauth2; its device login has no scope for mail. Microsoft:
 * learn.microsoft.com/entra/identity-platform, v2.0 endpoints; {tenant} is theirs. */
#include "config-impl.h"
#include "duewatch/heartbeat.h"
#include "duewatch/oauth.h"

#include <stdio.h>
#include <strings.h>

static const struct {
	const char *name, *token, *authorize, *device;
} providers[] = {
	{ "google", "https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/v2/auth", NULL },
	{ "microsoft", "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
	  "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
	  "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode" },
	{ "none", NULL, NULL, NULL },
};

void conf_take_provider(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	const char *names[DW_COUNT(providers)], *t = conf_text_of(rd, s);

	for (size_t i = 0; i < DW_COUNT(providers); i++) {
		names[i] = providers[i].name;
		if (t && strcmp(t, names[i]) == 0) {
			free(*(char **)at);
			*(char **)at = conf_dup(rd, t);
			return;
		}
	}
	if (t)
		conf_say_unknown(rd, s, "provider known here", t, names, DW_COUNT(names));
}

static bool loopback(const char *host)
{
	size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

	return (n == 9 && strncasecmp(host, "localhost", n) == 0) || (n == 9 && strncmp(host, "127.0.0.1", n) == 0) ||
	       (n == 5 && strncmp(host, "[::1]", n) == 0);
}

/* Secrets go there: https, or this machine itself. */
void conf_take_oauth_url(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	const char *t = conf_text_of(rd, s);
	char host[DW_HEARTBEAT_HOST_SIZE];
	struct dw_err err = { "" };

	if (!t)
		return;
	if (dw_heartbeat_host(host, t, &err) < 0)
		conf_say(rd, s, "%s, allowed: %s", err.text, k->doc.allowed);
	else if (strncasecmp(t, "http:", 5) == 0 && !loopback(host))
		conf_say(rd, s, "http:// is for this machine alone, allowed: %s", k->doc.allowed);
	else if (strchr(t, '#') || (strchr(t, '?') && k->min))
		conf_say(rd, s, "no ? or # belongs in the address, allowed: %s", k->doc.allowed);
	else {
		free(*(char **)at);
		*(char **)at = conf_dup(rd, t);
	}
}

void conf_take_tenant(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
	const char *t = conf_text_of(rd, s);

	if (!t)
		return;
	if (strlen(t) > 100 || strspn(t, allowed) != strlen(t)) {
		conf_say(rd, s, "\"%.40s\" is no tenant, allowed: %s", t, k->doc.allowed);
		return;
	}
	free(*(char **)at);
	*(char **)at = conf_dup(rd, t);
}

void conf_take_client_secret_file(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_oauth_conf *o = at;

	o->at_secret = conf_place(rd, s);
	conf_secret_path(rd, s, &o->client_secret_file);
}

void conf_take_refresh_token_file(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_oauth_conf *o = at;

	o->at_refresh = conf_place(rd, s);
	conf_secret_path(rd, s, &o->refresh_token_file);
}

void conf_take_oauth_ca_file(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	struct dw_oauth_conf *o = at;

	o->at_ca = conf_place(rd, s);
	conf_take_path(rd, s, k, &o->ca_file);
	conf_warn_reach(rd, s, o->ca_file);
}

static char *preset(struct conf_read *rd, const char *url, const char *tenant)
{
	const char *hole = url ? strstr(url, "{tenant}") : NULL;
	DW_BUF b = { 0 };
	char *p;

	if (!hole)
		return conf_dup(rd, url);
	dw_buf_printf(&b, "%.*s%s%s", (int)(hole - url), url, tenant ? tenant : "common", hole + sizeof("{tenant}") - 1);
	p = dw_buf_take(&b);
	rd->oom |= !p;
	return p;
}

static void fill_in(struct conf_read *rd, const config_setting_t *s, struct dw_oauth_conf *o)
{
	size_t i = DW_COUNT(providers) - 1;

	for (size_t k = 0; o->provider && k < i; k++)
		if (strcmp(o->provider, providers[k].name) == 0)
			i = k;
	if (!o->token_url)
		o->token_url = preset(rd, providers[i].token, o->tenant);
	if (!o->authorize_url)
		o->authorize_url = preset(rd, providers[i].authorize, o->tenant);
	if (!o->device_url)
		o->device_url = preset(rd, providers[i].device, o->tenant);
	if (!o->token_url && !rd->oom && !config_setting_get_member((config_setting_t *)s, "token_url") &&
	    !(config_setting_get_member((config_setting_t *)s, "provider") && !o->provider))
		conf_say_missing_name(rd, s, "provider", "missing, must be given: \"google\" or \"microsoft\"; for any other, token_url");
	if (o->tenant && !dw_streq(o->provider, "microsoft"))
		conf_warn(rd, s, "tenant has no effect: it is Microsoft's");
}

/* at: struct dw_oauth_conf * */
void conf_take_oauth(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_oauth_conf **out = at, *o;

	if (!conf_is_group(rd, s, "{ provider = …; client_id = …; }"))
		return;
	o = dw_calloc(1, sizeof(*o));
	if (!o) {
		rd->oom = true;
		return;
	}
	conf_oauth_free(*out);
	*out = o;
	o->at = conf_place(rd, s);
	conf_group(rd, s, &conf_oauth_section, o, NULL);
	fill_in(rd, s, o);
}

void conf_oauth_free(struct dw_oauth_conf *o)
{
	if (!o)
		return;
	free(o->provider);
	free(o->client_id);
	free(o->client_secret_file);
	free(o->refresh_token_file);
	free(o->token_url);
	free(o->authorize_url);
	free(o->device_url);
	free(o->scope);
	free(o->tenant);
	free(o->ca_file);
	free(o);
}

bool dw_config_oauth(const struct dw_config *c, size_t i, struct dw_oauth_place *out)
{
	const struct dw_mail_conf *m;

	for (size_t k = 0; (m = dw_config_relay(c, k)) != NULL; k++) {
		if (!m->oauth || i-- > 0)
			continue;
		*out = (struct dw_oauth_place){ .conf = m->oauth, .username = m->username, .use = DW_OAUTH_SMTP };
		if (k == 0)
			snprintf(out->name, sizeof(out->name), "mail");
		else
			snprintf(out->name, sizeof(out->name), "fallback-%zu", k % 100);
		return true;
	}
	if (!c->replies.oauth || i > 0)
		return false;
	*out = (struct dw_oauth_place){ .name = "replies", .conf = c->replies.oauth, .username = c->replies.username, .use = DW_OAUTH_IMAP };
	return true;
}
