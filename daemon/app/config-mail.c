/* mail: the relay, the sender, the password's file, and how fast. */
#include "config-impl.h"

#include <ctype.h>
#include <fcntl.h>
#include <unistd.h>

#include "duewatch/transport.h"

const char *conf_check_host(const char *h, const char **port_at)
{
	const char *p = h;
	long port;

	*port_at = NULL;
	if (*p == '[') {
		size_t n = strspn(p + 1, "0123456789abcdefABCDEF:.");

		if (n < 2 || p[1 + n] != ']')
			return "the address in [ ] is no IPv6 address";
		p += n + 2;
	} else {
		size_t n = 0;

		while (isalnum((unsigned char)p[n]) || (p[n] && strchr(".-_", p[n])))
			n++;
		if (n == 0 || n > 253 || *p == '-' || *p == '.')
			return "a host name is missing after //";
		p += n;
	}
	if (*p == '\0')
		return NULL;
	if (*p != ':')
		return "after the host only :PORT may follow";
	*port_at = p++;
	port = strspn(p, "0123456789") == strlen(p) && strlen(p) >= 1 && strlen(p) <= 5 ? strtol(p, NULL, 10) : 0;
	return port >= 1 && port <= 65535 ? NULL : "the port is a number from 1 to 65535";
}

/* at: dw_mail_conf. The text itself isn't repeated: somebody may have put a password into it. */
void conf_take_transport(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	struct dw_mail_conf *m = at;
	const char *t = conf_text_of(rd, s), *wrong, *port;
	DW_BUF url = { 0 };
	bool tls = t && strncmp(t, "smtps://", 8) == 0;

	if (!t)
		return;
	m->at_transport = conf_place(rd, s);
	dw_buf_puts(&url, t);
	if (strncmp(t, "maildir://", 10) == 0) {
		if (t[10] != '/' || t[11] == '\0') {
			conf_say(rd, s, "a maildir's folder is given in full: \"maildir:///var/mail/duewatch\"");
			return;
		}
	} else if (tls || strncmp(t, "smtp://", 7) == 0) {
		if (strchr(t, '@')) {
			conf_say(rd, s, "no user or password in here: write username = …; and password_file = …;");
			return;
		}
		wrong = conf_check_host(t + (tls ? 8 : 7), &port);
		if (wrong) {
			conf_say(rd, s, "%s, allowed: %s", wrong, k->doc.allowed);
			return;
		}
		if (!port)
			dw_buf_puts(&url, tls ? ":465" : ":587");
	} else {
		conf_say(rd, s, "unknown kind of address, allowed: %s", k->doc.allowed);
		return;
	}
	free(m->transport);
	m->transport = dw_buf_take(&url);
	if (!m->transport)
		rd->oom = true;
}

/* "Name <addr>", "addr"; a quoted name loses its quotes. at: dw_mail_conf */
void conf_take_from(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	struct dw_mail_conf *m = at;
	const char *t = conf_text_of(rd, s), *lt = t ? strrchr(t, '<') : NULL;
	DW_FREE char *name = NULL;
	DW_FREE char *addr = NULL;
	size_t n = lt ? (size_t)(lt - t) : 0, k2;

	if (!t)
		return;
	addr = conf_dup(rd, lt ? lt + 1 : t);
	if (lt && addr) {
		k2 = strlen(addr);
		if (k2 == 0 || addr[k2 - 1] != '>') {
			conf_say(rd, s, "\"%.100s\" doesn't end in >, allowed: %s", t, k->doc.allowed);
			return;
		}
		addr[k2 - 1] = '\0';
	}
	if (!addr || !dw_address_ok(addr)) {
		conf_say(rd, s, "\"%.100s\" is no mail address, allowed: %s", addr ? addr : "", k->doc.allowed);
		return;
	}
	while (n > 0 && t[n - 1] == ' ')
		n--;
	if (n > 1 && t[0] == '"' && t[n - 1] == '"') {
		t++;
		n -= 2;
	}
	name = dw_strndup(t, n);
	if (!name) {
		rd->oom = true;
		return;
	}
	free(m->from_name);
	free(m->from_address);
	m->from_name = n ? dw_steal(&name) : NULL;
	m->from_address = dw_steal(&addr);
}

static bool holds_a_line(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char c = '\n';
	bool some;

	if (fd < 0)
		return false;
	some = read(fd, &c, 1) == 1 && c != '\n';
	close(fd);
	return some;
}

/* Relative: below $CREDENTIALS_DIRECTORY if it is there and holds more than an empty line (the unit's default:
 * systemd 252 takes no empty one), else beside the config file. */
void conf_secret_path(struct conf_read *rd, const config_setting_t *s, char **out)
{
	const char *t = conf_text_of(rd, s), *dir = getenv("CREDENTIALS_DIRECTORY");
	DW_BUF b = { 0 };

	if (!t)
		return;
	free(*out);
	*out = NULL;
	if (t[0] != '/' && !dw_empty(dir)) {
		dw_buf_printf(&b, "%s/%s", dir, t);
		if (!b.failed && holds_a_line(b.p))
			*out = dw_buf_take(&b);
	}
	if (!*out)
		*out = conf_path(rd, t);
}

void conf_take_password_file(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_mail_conf *m = at;

	m->at_password = conf_place(rd, s);
	conf_secret_path(rd, s, &m->password_file);
}

void conf_take_ca_file(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	struct dw_mail_conf *m = at;

	m->at_ca = conf_place(rd, s);
	conf_take_path(rd, s, k, &m->ca_file);
	conf_warn_reach(rd, s, m->ca_file);
}

void conf_take_rate(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	struct dw_mail_conf *m = at;
	const char *t = conf_text_of(rd, s);
	size_t n = t ? strspn(t, "0123456789") : 0;
	long v;

	if (!t)
		return;
	v = n >= 1 && n <= 6 ? strtol(t, NULL, 10) : 0;
	if (v < 1 || v > 100000 || t[n] != '/' || !t[n + 1] || !strchr("smh", t[n + 1]) || t[n + 2]) {
		conf_say(rd, s, "\"%.40s\" is no rate, allowed: %s", t, k->doc.allowed);
		return;
	}
	m->rate_n = (int)v;
	m->rate_s = t[n + 1] == 's' ? 1 : t[n + 1] == 'm' ? 60 : 3600;
}

bool conf_is_local(const char *url)
{
	const char *h = strstr(url, "://");

	h = h ? h + 3 : url;
	return strncmp(h, "localhost", 9) == 0 || strncmp(h, "127.", 4) == 0 || strncmp(h, "[::1]", 5) == 0;
}

/* What must fit together within one relay. */
static void check_relay(struct conf_read *rd, const config_setting_t *s, const struct dw_mail_conf *m)
{
	bool oauth = config_setting_get_member((config_setting_t *)s, "oauth") != NULL;

	if (oauth && m->password_file)
		conf_say_missing_name(rd, s, "password_file", "either a password or oauth, not both");
	else if (oauth && !m->username)
		conf_say_missing_name(rd, s, "username", "missing: oauth needs it, the address whose mailbox it is");
	else if (m->username && !oauth && !m->password_file && !config_setting_get_member((config_setting_t *)s, "password_file"))
		conf_say_missing_name(rd, s, "password_file",
				      "missing: username needs it, or oauth (the password itself never stands in here)");
	if (!m->transport || strncmp(m->transport, "maildir:", 8) == 0)
		return;
	if (m->password_file && !m->username)
		conf_warn(rd, s, "password_file without username: no login is made");
	if (m->starttls_off && strncmp(m->transport, "smtps:", 6) == 0)
		conf_warn(rd, s, "starttls has no effect with smtps://");
	else if (m->starttls_off && !conf_is_local(m->transport))
		conf_warn(rd, s, "starttls = \"off\": mails%s go over the network unencrypted", m->username ? " and the password" : "");
	if (oauth && m->starttls_off && strncmp(m->transport, "smtp:", 5) == 0 && !conf_is_local(m->transport))
		conf_say(rd, s, "starttls = \"off\" with oauth: an access token never goes over the network unencrypted");
}

void conf_take_mail(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_mail_conf *m = at;

	if (!conf_is_group(rd, s, "{ transport = …; from = …; }"))
		return;
	conf_group(rd, s, &conf_mail_section, m, NULL);
	check_relay(rd, s, m);
}

/* The same relay twice would fail twice. */
static bool known(const struct dw_mail_conf *first, size_t n, const struct dw_mail_conf *m)
{
	bool twice = dw_streq(first->transport, m->transport) && dw_streq(first->username, m->username);

	for (size_t i = 0; i < n; i++)
		twice |= dw_streq(first->fallback[i].transport, m->transport) &&
			 dw_streq(first->fallback[i].username, m->username);
	return twice;
}

/* at: dw_mail_conf, whose other keys have been read: this one stands last in the table. */
void conf_take_fallback(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_mail_conf *first = at, *m;
	int n = config_setting_length(s);

	if (!conf_list_of(rd, s, "( { transport = …; }, … )"))
		return;
	if (n >= DW_RELAYS_MAX) {
		conf_say(rd, s, "%d relays, at most %d are allowed", n, DW_RELAYS_MAX - 1);
		return;
	}
	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem((config_setting_t *)s, (unsigned)i);

		if (!conf_is_group(rd, e, "{ transport = …; }"))
			continue;
		m = conf_push(rd, &first->fallback, &first->n_fallback, sizeof(*m));
		if (!m)
			return;
		m->connections = 4;
		conf_group(rd, e, &conf_fallback_section, m, NULL);
		check_relay(rd, e, m);
		if (m->transport && strncmp(m->transport, "maildir:", 8) == 0)
			conf_say(rd, e, "a folder is no relay to fall back on: what lies there would count as sent");
		else if (m->transport && known(first, first->n_fallback - 1, m))
			conf_say(rd, e, "%s stands here already, with the same username", m->transport);
	}
}

void conf_mail_fini(struct dw_mail_conf *m)
{
	for (size_t i = 0; i < m->n_fallback; i++)
		conf_mail_fini(&m->fallback[i]);
	free(m->fallback);
	free(m->transport);
	free(m->from_name);
	free(m->from_address);
	free(m->username);
	free(m->password_file);
	conf_oauth_free(m->oauth);
	free(m->ca_file);
}

const struct dw_mail_conf *dw_config_relay(const struct dw_config *c, size_t i)
{
	if (i == 0)
		return &c->mail;
	return i <= c->mail.n_fallback ? &c->mail.fallback[i - 1] : NULL;
}
