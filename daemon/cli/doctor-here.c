/* doctor.h: the checks of this machine. */
#include "doctor.h"
#include "duewatch/reconcile.h"
#include "duewatch/zone-load.h"

#include "../app/watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static void age(struct dw_buf *b, dw_time since, dw_time now)
{
	cli_span(b, now - since);
	dw_buf_puts(b, " ago");
}

/* ---- the state folder ---- */

static void file_mode(struct exam *x, const char *name, uid_t owner, bool *well)
{
	DW_BUF path = { 0 };
	DW_BUF todo = { 0 };
	struct stat st;

	dw_buf_printf(&path, "%s/%s", x->c->config->state, name);
	if (path.failed || lstat(path.p, &st) < 0)
		return;
	dw_buf_printf(&todo, "chmod 600 %s", path.p);
	if (st.st_mode & 077 || !S_ISREG(st.st_mode)) {
		exam_say(x, MARK_FAIL, dw_buf_str(&todo), "%s: mode %04o, others may use it", path.p,
			 (unsigned)st.st_mode & 07777);
		*well = false;
	}
	if (st.st_uid != owner) {
		exam_say(x, MARK_FAIL, "give it to the folder's owner: the service can't use it", "%s belongs to user %u",
			 path.p, (unsigned)st.st_uid);
		*well = false;
	}
}

void exam_state(struct exam *x)
{
	const char *dir = x->c->config->state;
	struct stat st;
	bool well = true;

	if (stat(dir, &st) < 0) {
		exam_say(x, errno == ENOENT ? MARK_WARN : MARK_FAIL, "duewatchd makes it when it starts", "%s: %s", dir,
			 strerror(errno));
		return;
	}
	if (st.st_mode & 077) {
		exam_say(x, MARK_WARN, "chmod 700: it holds your orders and mails", "%s: mode %04o", dir,
			 (unsigned)st.st_mode & 07777);
		well = false;
	}
	file_mode(x, "duewatch.db", st.st_uid, &well);
	file_mode(x, "duewatch.db-wal", st.st_uid, &well);
	if (well)
		exam_say(x, MARK_OK, NULL, "%s is its owner's alone", dir);
}

enum { MIB = 1 << 20, FREE_FAIL = 64, FREE_WARN = 512 };

void exam_disk(struct exam *x)
{
	const char *dir = x->c->config->state;
	struct statvfs v;
	struct stat st;
	DW_BUF db = { 0 };
	long long free_mib, db_mib;

	if (statvfs(dir, &v) < 0)
		return; /* said above */
	dw_buf_printf(&db, "%s/duewatch.db", dir);
	db_mib = !db.failed && stat(db.p, &st) == 0 ? (long long)((st.st_size + MIB - 1) / MIB) : 0;
	free_mib = (long long)((unsigned long long)v.f_bavail * v.f_frsize / MIB);
	if (free_mib < FREE_FAIL || (v.f_files > 0 && v.f_favail == 0))
		exam_say(x, MARK_FAIL, "make room: when it is full, nothing can be decided or sent", "%s: %lld MiB free%s", dir,
			 free_mib, v.f_files > 0 && v.f_favail == 0 ? ", no inode" : "");
	else if (free_mib < FREE_WARN || free_mib < 2 * db_mib)
		exam_say(x, MARK_WARN, "make room: an upgrade backs the store up before it changes it",
			 "%s: %lld MiB free, the store has %lld", dir, free_mib, db_mib);
	else
		exam_say(x, MARK_OK, NULL, "%s: %lld MiB free, the store has %lld", dir, free_mib, db_mib);
}

void exam_store(struct exam *x)
{
	DW_FREE char *wrong = NULL;
	struct dw_err err = { "" };
	DW_BUF when = { 0 };
	dw_time at;

	if (x->store == -ENOENT)
		exam_say(x, MARK_WARN, "start duewatchd", "nothing has been read yet: there is no store");
	else if (x->store < 0)
		exam_say(x, MARK_FAIL, x->store == -EACCES ? "run it by sudo" : NULL, "%s", x->store_err.text);
	if (x->store < 0)
		return;
	if (dw_store_check(x->c->store, &err) < 0) {
		exam_say(x, MARK_FAIL, "stop duewatchd, move the file away, put the last good backup in its place", "%s", err.text);
		return;
	}
	if (dw_reconcile_last(x->c->store, &at, &wrong, &err) < 0)
		exam_say(x, MARK_FAIL, NULL, "%s", err.text);
	else if (wrong)
		exam_say(x, MARK_FAIL, "duewatch status --all; if nothing explains it, it is a bug: please report it",
			 "unaccounted for: %s", wrong);
	else {
		if (at != DW_UNKNOWN)
			age(&when, at, x->c->now);
		exam_say(x, MARK_OK, NULL, "undamaged; %s%s", when.n ? "everything accounted for " : "not reconciled yet",
			 dw_buf_str(&when));
	}
}

/* ---- the daemon ---- */

static bool read_line(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, size - 1) : -1;

	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return n > 0;
}

/* By the pid in the lock's file: to try the lock itself could keep a daemon from starting just now. */
static long daemon_pid(const struct cli *c)
{
	DW_BUF path = { 0 };
	char text[64];
	long pid;

	dw_buf_printf(&path, "%s/lock", c->config->state);
	if (path.failed || !read_line(path.p, text, sizeof(text)))
		return 0;
	pid = strtol(text, NULL, 10);
	dw_buf_reset(&path);
	dw_buf_printf(&path, "/proc/%ld/comm", pid);
	return pid > 0 && !path.failed && read_line(path.p, text, sizeof(text)) && strcmp(text, "duewatchd") == 0 ? pid : 0;
}

/* "active", "inactive", "failed" …; false: systemd isn't what runs here. */
static bool unit_state(char *out, size_t size)
{
	/* a constant command: NOLINTNEXTLINE(cert-env33-c) */
	FILE *p = access("/run/systemd/system", F_OK) == 0 ? popen("systemctl is-active duewatchd.service 2>/dev/null", "re") : NULL;
	bool got;

	if (!p)
		return false;
	got = fgets(out, (int)size, p) != NULL;
	pclose(p);
	out[got ? strcspn(out, "\n") : 0] = '\0';
	return got;
}

void exam_daemon(struct exam *x)
{
	char unit[64] = "";
	long pid = daemon_pid(x->c);
	bool systemd = unit_state(unit, sizeof(unit)), lately;
	DW_BUF when = { 0 };

	lately = x->decided != DW_UNKNOWN && x->decided > x->c->now - DW_DAY;
	if (x->decided != DW_UNKNOWN) {
		dw_buf_puts(&when, "; last decision ");
		age(&when, x->decided, x->c->now);
	}
	if (pid)
		exam_say(x, MARK_OK, NULL, "duewatchd runs (pid %ld%s%s)%s", pid, systemd ? ", its unit is " : "", unit,
			 dw_buf_str(&when));
	else
		exam_say(x, lately ? MARK_WARN : MARK_FAIL,
			 systemd ? "systemctl start duewatchd; journalctl -u duewatchd says why it stopped" :
				   "start duewatchd, or run duewatchd --once by cron",
			 "duewatchd doesn't run%s%s%s", systemd ? "; its unit is " : "", unit, dw_buf_str(&when));
}

/* ---- zones ---- */

/* The C library's word on the same zone, from the same files by other code. */
static bool agrees(const struct dw_zone *z, dw_time at)
{
	struct dw_civil mine;
	time_t t = (time_t)at;
	struct tm tm;

	setenv("TZ", z->name, 1);
	tzset();
	dw_zone_civil(z, at, &mine);
	return localtime_r(&t, &tm) && tm.tm_gmtoff == mine.offset;
}

static void data_version(char *out, size_t size)
{
	const char *dir = getenv("TZDIR");
	DW_BUF path = { 0 };

	dw_buf_printf(&path, "%s/tzdata.zi", dw_empty(dir) ? "/usr/share/zoneinfo" : dir);
	if (path.failed || !read_line(path.p, out, size) || strncmp(out, "# version ", 10) != 0)
		out[0] = '\0';
	else
		memmove(out, out + 10, strlen(out + 10) + 1);
}

void exam_zones(struct exam *x)
{
	enum { LOOKS = 8, APART = 91 };
	const struct dw_config *config = x->c->config;
	char version[64];
	DW_BUF names = { 0 };
	bool well = true;

	for (size_t i = 0; i < config->n_zones; i++) {
		const struct dw_zone *z = config->zones[i];
		int k = 0;

		while (k < LOOKS && agrees(z, x->c->now + (int64_t)k * APART * DW_DAY))
			k++;
		if (k < LOOKS) {
			exam_say(x, MARK_FAIL, "reinstall tzdata, then restart duewatchd",
				 "%s: the C library reads another time in it", z->name);
			well = false;
		}
		dw_buf_printf(&names, "%s%s", i ? ", " : "", z->name);
	}
	unsetenv("TZ");
	tzset();
	data_version(version, sizeof(version));
	if (well)
		exam_say(x, MARK_OK, NULL, "%s%s%s%s", *version ? "tzdata " : "tzdata of unknown version", version,
			 names.n ? ": " : "; UTC only", dw_buf_str(&names));
}

/* ---- feeds ---- */

static void exam_feed(struct exam *x, const struct dw_feed_conf *f)
{
	struct dw_feed_row row = { 0 };
	struct dw_err err = { "" };
	DW_BUF text = { 0 };
	int r = x->store == 0 ? dw_store_feed_get(x->c->store, f->name, &row, &err) : 1;

	if (r < 0)
		exam_say(x, MARK_FAIL, NULL, "%s: %s", f->name, err.text);
	else if (access(f->path, R_OK) < 0)
		exam_say(x, errno == ENOENT ? MARK_WARN : MARK_FAIL,
			 errno == ENOENT ? "put the export there" : "give the service's user the right to read it", "%s: %s: %s",
			 f->name, f->path, strerror(errno));
	else if (r > 0 || row.last_success == DW_UNKNOWN)
		exam_say(x, row.error ? MARK_FAIL : MARK_WARN, "duewatch feed NAME --dry-run reads it now", "%s: not read yet%s%s",
			 f->name, row.error ? ": " : "", row.error ? row.error : "");
	else {
		dw_buf_puts(&text, "data of ");
		age(&text, row.data_time, x->c->now);
		if (row.error_since != DW_UNKNOWN)
			exam_say(x, MARK_FAIL, "duewatch feed NAME --dry-run says more", "%s: %s; %s", f->name,
				 row.error ? row.error : "the last read failed", dw_buf_str(&text));
		else if (dw_feed_is_stale(f, &row, x->c->now))
			exam_say(x, MARK_WARN, "export the orders again, or see why the export stopped", "%s: too old: %s", f->name,
				 dw_buf_str(&text));
		else
			exam_say(x, MARK_OK, NULL, "%s: %s, %lld orders, %lld rejected", f->name, dw_buf_str(&text),
				 (long long)row.orders, (long long)row.rejected);
	}
	if (r == 0)
		dw_feed_row_fini(&row);
}

void exam_feeds(struct exam *x)
{
	for (size_t i = 0; i < x->c->config->n_feeds; i++)
		exam_feed(x, &x->c->config->feeds[i]);
}

void exam_watches(struct exam *x)
{
	static const char todo[] = "raise fs.inotify.max_user_watches and max_user_instances by sysctl; until then files are read by the timer";
	struct dw_watch w;
	struct dw_err err = { "" };
	char most[32] = "";
	size_t missing = 0;

	if (dw_watch_open(&w, x->c->config, &err) < 0) {
		exam_say(x, MARK_WARN, todo, "%s", err.text);
		return;
	}
	for (size_t i = 0; i < w.n; i++)
		missing += w.wd[i] < 0;
	read_line("/proc/sys/fs/inotify/max_user_watches", most, sizeof(most));
	if (missing)
		exam_say(x, MARK_WARN, todo, "%zu of %zu feeds' folders can't be watched for new files (limit %s)", missing, w.n, most);
	else
		exam_say(x, MARK_OK, NULL, "new files are seen at once in all %zu feeds' folders", w.n);
	dw_watch_close(&w);
}

/* ---- mails, metrics ---- */

enum { MAIL_LATE_S = 3600, METRICS_OLD_S = 180 };

void exam_outbox(struct exam *x)
{
	struct dw_counts n = { 0 };
	struct dw_err err = { "" };
	DW_BUF oldest = { 0 };
	long long waiting;

	if (x->store < 0)
		return;
	if (dw_store_count(x->c->store, 0, x->c->now, &n, &err) < 0) {
		exam_say(x, MARK_FAIL, NULL, "%s", err.text);
		return;
	}
	waiting = (long long)(n.mail[DW_MAIL_QUEUED] + n.mail[DW_MAIL_LEASED] + n.mail[DW_MAIL_UNSURE]);
	if (n.oldest != DW_UNKNOWN) {
		dw_buf_puts(&oldest, ", the oldest made ");
		age(&oldest, n.oldest, x->c->now);
	}
	if (n.mail[DW_MAIL_FAILED])
		exam_say(x, MARK_FAIL, "duewatch outbox says why; then outbox retry ID or outbox drop ID", "%lld mails were given up",
			 (long long)n.mail[DW_MAIL_FAILED]);
	if (n.oldest != DW_UNKNOWN && n.oldest < x->c->now - MAIL_LATE_S)
		exam_say(x, MARK_WARN, "duewatch outbox shows the relay's last words", "%lld mails wait%s", waiting, dw_buf_str(&oldest));
	else if (!n.mail[DW_MAIL_FAILED])
		exam_say(x, MARK_OK, NULL, "%lld mails wait%s; %lld were sent", waiting, dw_buf_str(&oldest),
			 (long long)n.mail[DW_MAIL_SENT]);
	dw_counts_fini(&n);
}

void exam_metrics(struct exam *x)
{
	const char *path = x->c->config->metrics_file;
	struct stat st;
	DW_BUF when = { 0 };

	if (!path)
		return;
	if (stat(path, &st) < 0) {
		exam_say(x, MARK_WARN, "its folder must be there and the service's to write: ReadWritePaths= in systemctl edit duewatchd",
			 "%s: %s", path, strerror(errno));
		return;
	}
	age(&when, st.st_mtime, x->c->now);
	exam_say(x, st.st_mtime < x->c->now - METRICS_OLD_S ? MARK_WARN : MARK_OK, "does duewatchd run, may it write there?",
		 "%s: written %s", path, dw_buf_str(&when));
}
