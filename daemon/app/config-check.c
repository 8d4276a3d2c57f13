/* What the config names, looked at on the disk: for -t and `duewatch check`. */
#include "config-impl.h"

#include <sys/stat.h>
#include <unistd.h>

static const char *folder_wrong(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return strerror(errno);
	if (!S_ISDIR(st.st_mode))
		return "not a folder";
	return access(path, R_OK | X_OK) < 0 ? "can't be read by this user" : NULL;
}

static int check_templates(const struct dw_config *c, struct dw_problems *p)
{
	const char *slash = strrchr(c->path, '/'), *wrong;
	DW_BUF dir = { 0 };
	int r = 0;

	dw_buf_printf(&dir, "%s/templates", c->datadir);
	if (dir.failed)
		return -ENOMEM;
	wrong = folder_wrong(dir.p);
	if (wrong)
		r = dw_problems_add(p, false, dir.p, 0, "mail templates: %s (-D or DUEWATCH_DATADIR names another data folder)", wrong);
	dw_buf_reset(&dir);
	dw_buf_printf(&dir, "%.*s/templates", (int)(slash ? slash - c->path : 0), c->path);
	if (dir.failed)
		return -ENOMEM;
	wrong = r == 0 && access(dir.p, F_OK) == 0 ? folder_wrong(dir.p) : NULL;
	return wrong ? dw_problems_add(p, false, dir.p, 0, "your own mail templates: %s", wrong) : r;
}

static int check_secret(const struct dw_config *c, struct dw_problems *p, const struct dw_place *at, const char *key,
			const char *path)
{
	struct dw_err err;
	char *secret;

	if (!path)
		return 0;
	if (conf_secret_read(&secret, path, c->state, &err) < 0)
		return dw_problems_add(p, false, at->file, at->line, "%s: %s %s", key, path, err.text);
	dw_secret_free(secret);
	return 0;
}

static int check_ca(struct dw_problems *p, const struct dw_place *at, const char *key, const char *f)
{
	struct stat st;

	if (!f || (stat(f, &st) == 0 && S_ISREG(st.st_mode) && access(f, R_OK) == 0))
		return 0;
	return dw_problems_add(p, false, at->file, at->line, "%s: %s can't be read: %s", key, f,
			       stat(f, &st) < 0 ? strerror(errno) : S_ISREG(st.st_mode) ? strerror(EACCES) : "not a regular file");
}

/* A folder that is made when missing (the state, a maildir): its parent must be there. */
static int check_made(struct dw_problems *p, const struct dw_place *at, const char *key, const char *path)
{
	struct stat st;
	const char *slash = strrchr(path, '/');
	DW_BUF up = { 0 };

	if (!at->file)
		return 0;
	if (stat(path, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			return dw_problems_add(p, false, at->file, at->line, "%s: %s is not a folder", key, path);
		if (access(path, W_OK | X_OK) < 0)
			return dw_problems_add(p, true, at->file, at->line, "%s: %s can't be written by this user", key, path);
		return 0;
	}
	dw_buf_add(&up, path, slash && slash > path ? (size_t)(slash - path) : 1);
	if (up.failed)
		return -ENOMEM;
	if (stat(up.p, &st) == 0)
		return 0;
	return dw_problems_add(p, true, at->file, at->line, "%s: %s doesn't exist, and neither does the folder above it", key, path);
}

/* Whether somebody has granted access shows at the first token: duewatch doctor asks for one. */
static int check_oauth(const struct dw_config *c, struct dw_problems *p)
{
	struct dw_oauth_place at;
	int r = 0;

	for (size_t i = 0; r == 0 && dw_config_oauth(c, i, &at); i++) {
		r = check_secret(c, p, &at.conf->at_secret, "oauth.client_secret_file", at.conf->client_secret_file);
		if (r == 0)
			r = check_secret(c, p, &at.conf->at_refresh, "oauth.refresh_token_file", at.conf->refresh_token_file);
		if (r == 0)
			r = check_ca(p, &at.conf->at_ca, "oauth.ca_file", at.conf->ca_file);
	}
	return r;
}

static int check_relays(const struct dw_config *c, struct dw_problems *p)
{
	const struct dw_mail_conf *m;
	int r = 0;

	for (size_t i = 0; r == 0 && (m = dw_config_relay(c, i)) != NULL; i++) {
		r = check_secret(c, p, &m->at_password, i ? "mail.fallback.password_file" : "mail.password_file", m->password_file);
		if (r == 0)
			r = check_ca(p, &m->at_ca, i ? "mail.fallback.ca_file" : "mail.ca_file", m->ca_file);
	}
	return r;
}

static int check_feed(const struct dw_feed_conf *f, struct dw_problems *p)
{
	struct stat st;
	const char *wrong = NULL;

	if (stat(f->path, &st) < 0)
		wrong = errno == ENOENT ? "doesn't exist yet" : strerror(errno);
	else if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		wrong = "is neither a file nor a folder";
	else if (access(f->path, S_ISDIR(st.st_mode) ? R_OK | X_OK : R_OK) < 0)
		wrong = "can't be read by this user";
	else if (f->all_files && !S_ISDIR(st.st_mode))
		wrong = "is a single file, so files = \"all\" has no effect";
	return wrong ? dw_problems_add(p, true, f->at.file, f->at.line, "feeds.path: feed %s: %s %s", f->name, f->path, wrong) : 0;
}

/* At a start it is a warning: no reason to watch no deadlines at all. */
static int check_calendar(const struct dw_calendar_conf *c, struct dw_problems *p)
{
	char name[DW_CALENDAR_NAME_SIZE];

	if (!*c->wrong)
		return 0;
	dw_calendar_name(name, c);
	return dw_problems_add(p, false, c->at.file, c->at.line, "calendar: %s can't be used: allowed is iCalendar data (BEGIN:VCALENDAR) of at most %d KiB",
			       name, DW_ICAL_SIZE_MAX / 1024);
}

int dw_config_check_files(const struct dw_config *c, struct dw_problems *problems)
{
	int r = check_templates(c, problems);

	if (r == 0)
		r = check_made(problems, &c->at_state, "state", c->state);
	if (r == 0 && strncmp(c->mail.transport, "maildir://", 10) == 0)
		r = check_made(problems, &c->mail.at_transport, "mail.transport", c->mail.transport + 10);
	if (r == 0)
		r = check_relays(c, problems);
	if (r == 0)
		r = check_secret(c, problems, &c->replies.at_password, "replies.password_file", c->replies.password_file);
	if (r == 0)
		r = check_ca(problems, &c->replies.at_ca, "replies.ca_file", c->replies.ca_file);
	if (r == 0)
		r = check_oauth(c, problems);
	for (size_t i = 0; r == 0 && i < c->n_feeds; i++)
		r = check_feed(&c->feeds[i], problems);
	for (size_t i = 0; r == 0 && i < c->n_calendars; i++)
		r = check_calendar(&c->calendar[i], problems);
	if (r == 0)
		r = check_ca(problems, &c->at_calendar_ca, "calendar_ca_file", c->calendar_ca_file);
	return r == 0 ? check_ca(problems, &c->at_heartbeat_ca, "heartbeat_ca_file", c->heartbeat_ca_file) : r;
}
