/* replies: the mailbox in which answers and bounces arrive. */
#include "config-impl.h"

#include <ctype.h>

#include "duewatch/transport.h"

enum { FOLDER_MAX = 200 };

/* Goes into a quoted string as it is; a folder with other letters is written in IMAP's own form ("&U,BTFw-"). */
static bool folder_ok(const char *s)
{
	size_t n = strlen(s);

	for (const char *c = s; *c; c++)
		if (*c < 0x20 || *c > 0x7E || strchr("\"\\*%", *c))
			return false;
	return n > 0 && n <= FOLDER_MAX && s[n - 1] != '/';
}

/* at: dw_replies_conf. The text itself isn't repeated: somebody may have put a password into it. */
void conf_take_mailbox(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	struct dw_replies_conf *m = at;
	const char *t = conf_text_of(rd, s), *wrong, *port, *slash;
	bool tls = t && strncmp(t, "imaps://", 8) == 0;
	size_t head = tls ? 8 : 7;
	DW_FREE char *host = NULL;
	DW_BUF url = { 0 };

	if (!t)
		return;
	m->at_mailbox = conf_place(rd, s);
	if (!tls && strncmp(t, "imap://", 7) != 0) {
		conf_say(rd, s, "unknown kind of address, allowed: %s", k->doc.allowed);
		return;
	}
	if (strchr(t, '@')) {
		conf_say(rd, s, "no user or password in here: write username = …; and password_file = …;");
		return;
	}
	slash = strchr(t + head, '/');
	host = dw_strndup(t + head, slash ? (size_t)(slash - t) - head : strlen(t + head));
	if (!host) {
		rd->oom = true;
		return;
	}
	wrong = conf_check_host(host, &port);
	if (!wrong && slash && !folder_ok(slash + 1))
		wrong = "after the host a folder's name of up to 200 printable ASCII characters may follow, without \" \\ * %";
	if (wrong) {
		conf_say(rd, s, "%s, allowed: %s", wrong, k->doc.allowed);
		return;
	}
	dw_buf_printf(&url, "%.*s%s%s", (int)head, t, host, port ? "" : tls ? ":993" : ":143");
	free(m->url);
	free(m->folder);
	m->url = dw_buf_take(&url);
	m->folder = conf_dup(rd, slash ? slash + 1 : "INBOX");
	if (!m->url || !m->folder)
		rd->oom = true;
}

void conf_take_replies_password(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_replies_conf *m = at;

	m->at_password = conf_place(rd, s);
	conf_secret_path(rd, s, &m->password_file);
}

void conf_take_replies_ca(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	struct dw_replies_conf *m = at;

	m->at_ca = conf_place(rd, s);
	conf_take_path(rd, s, k, &m->ca_file);
	conf_warn_reach(rd, s, m->ca_file);
}

void conf_take_replies_address(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	const char *t = conf_text_of(rd, s);

	if (!t)
		return;
	if (!dw_address_ok(t)) {
		conf_say(rd, s, "\"%.100s\" is no mail address, allowed: %s", t, k->doc.allowed);
		return;
	}
	free(*(char **)at);
	*(char **)at = conf_dup(rd, t);
}

void conf_take_authserv(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	const char *t = conf_text_of(rd, s);

	for (const char *c = t; t && *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(".-_", *c)) {
			conf_say(rd, s, "\"%.100s\" is no server's name, allowed: %s", t, k->doc.allowed);
			return;
		}
	if (!t)
		return;
	free(*(char **)at);
	*(char **)at = conf_dup(rd, t);
}

void conf_take_replies(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_replies_conf *m = at;
	bool oauth = config_setting_get_member((config_setting_t *)s, "oauth") != NULL;

	if (!conf_is_group(rd, s, "{ mailbox = …; username = …; password_file = …; }"))
		return;
	conf_group(rd, s, &conf_replies_section, m, NULL);
	if (!m->address && rd->c->mail.from_address)
		m->address = conf_dup(rd, rd->c->mail.from_address);
	if (oauth && m->password_file)
		conf_say_missing_name(rd, s, "password_file", "either a password or oauth, not both");
	else if (m->username && !oauth && !m->password_file && !config_setting_get_member((config_setting_t *)s, "password_file"))
		conf_say_missing_name(rd, s, "password_file",
				      "missing: username needs it, or oauth (the password itself never stands in here)");
	if (!m->url)
		return;
	if (m->starttls_off && strncmp(m->url, "imaps:", 6) == 0)
		conf_warn(rd, s, "starttls has no effect with imaps://");
	else if (m->starttls_off && !conf_is_local(m->url))
		conf_warn(rd, s, "starttls = \"off\": mails and the password go over the network unencrypted");
	if (oauth && m->starttls_off && strncmp(m->url, "imap:", 5) == 0 && !conf_is_local(m->url))
		conf_say(rd, s, "starttls = \"off\" with oauth: an access token never goes over the network unencrypted");
}
