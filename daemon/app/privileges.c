/* privileges.h */
#include "duewatch/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char service_user[] = "duewatch";

/* ---- the environment ---- */

/* What the programs read, and what the C library needs to speak a language. A word ending in _ stands for all that begin so. */
static const char *const kept[] = {
	"PATH", "TERM", "NO_COLOR", "LANG", "LANGUAGE", "LC_", "TZ", "TZDIR", "SUDO_USER", "DUEWATCH_DATADIR",
	"CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_", "JOURNAL_STREAM", "INVOCATION_ID",
};

static bool is_kept(const char *entry)
{
	for (size_t i = 0; i < DW_COUNT(kept); i++) {
		size_t n = strlen(kept[i]);

		if (strncmp(entry, kept[i], n) == 0 && (kept[i][n - 1] == '_' || entry[n] == '='))
			return true;
	}
	return false;
}

void dw_environment_trim(void)
{
	size_t n = 0;

	if (geteuid() != 0)
		return;
	for (char **e = environ; *e; e++)
		if (is_kept(*e))
			environ[n++] = *e;
	environ[n] = NULL;
}

/* ---- the state folder ---- */

static int cannot(struct dw_err *err, const char *what, uid_t uid)
{
	int e = errno;

	return dw_err_set(err, e ? -e : -EPERM, "can't become user %u: %s: %s", (unsigned)uid, what, strerror(e));
}

/* Groups, then gid, then uid: each step needs root. That it is for good is tried, not assumed. */
static int become(uid_t uid, gid_t gid, const char *name, struct dw_err *err)
{
	if ((name ? initgroups(name, gid) : setgroups(1, &gid)) < 0)
		return cannot(err, "groups", uid);
	if (setgid(gid) < 0)
		return cannot(err, "setgid", uid);
	if (setuid(uid) < 0)
		return cannot(err, "setuid", uid);
	if (setuid(0) == 0 || geteuid() == 0)
		return dw_err_set(err, -EPERM, "can't become user %u: root's rights came back", (unsigned)uid);
	return 0;
}

static const struct passwd *service(void)
{
	const struct passwd *pw = getpwnam(service_user);

	return pw && pw->pw_uid != 0 ? pw : NULL;
}

static bool trusted(uid_t uid)
{
	const struct passwd *pw = uid == 0 || uid == geteuid() ? NULL : service();

	return uid == 0 || uid == geteuid() || (pw && pw->pw_uid == uid);
}

/* `above` ends before what stands in it, `below` after. */
static int check_part(const char *above, const char *below, struct dw_err *err)
{
	struct stat st, mine;

	if (stat(above, &st) < 0 || !(st.st_mode & S_IWOTH))
		return 0; /* what is missing is said by whoever needs it */
	if (!(st.st_mode & S_ISVTX))
		return dw_err_set(err, -EPERM, "the state can't lie below %s: everybody may write there, and put another folder in its place", above);
	if (lstat(below, &mine) == 0 && !trusted(mine.st_uid))
		return dw_err_set(err, -EPERM, "%s is not believed: it belongs to another user (uid %u), and everybody may make it in %s", below,
				  (unsigned)mine.st_uid, above);
	return 0;
}

/* Whether everybody of this machine could have put it there. */
static int check_way(const char *dir, struct dw_err *err)
{
	DW_FREE char *above = dw_strdup(dir);
	DW_FREE char *below = dw_strdup(dir);
	int r = above && below ? 0 : dw_err_oom(err);

	for (size_t i = 0; r == 0 && dir[0] == '/' && dir[i]; i++) {
		size_t end = i + 1 + strcspn(dir + i + 1, "/");

		if (dir[i] != '/' || end == i + 1)
			continue;
		memcpy(above, dir, end);
		memcpy(below, dir, end);
		above[i ? i : 1] = below[end] = '\0';
		r = check_part(above, below, err);
	}
	return r;
}

/* A missing state folder is the service's only where services keep theirs; anywhere else it is whoever tries things out,
 * root too, in a folder the service could hardly use. */
static const struct passwd *service_of(const char *dir)
{
	static const char home[] = "/var/lib/";

	return strncmp(dir, home, sizeof(home) - 1) == 0 ? service() : NULL;
}

int dw_become_owner(const char *dir, struct dw_err *err)
{
	const struct passwd *pw;
	struct stat st;
	int r = check_way(dir, err);

	if (r < 0 || geteuid() != 0)
		return r;
	if (stat(dir, &st) == 0) {
		if (st.st_uid == 0)
			return 0;
		pw = getpwuid(st.st_uid);
		return become(st.st_uid, pw ? pw->pw_gid : st.st_gid, pw ? pw->pw_name : NULL, err);
	}
	if (errno != ENOENT)
		return dw_err_set(err, -errno, "%s: %s", dir, strerror(errno));
	pw = service_of(dir);
	return pw ? become(pw->pw_uid, pw->pw_gid, pw->pw_name, err) : 0;
}

int dw_state_folder_make(const char *dir, struct dw_err *err)
{
	const struct passwd *pw;
	struct stat st;

	if (geteuid() != 0 || stat(dir, &st) == 0)
		return 0;
	pw = service_of(dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return dw_err_set(err, -errno, "%s: can't be made: %s", dir, strerror(errno));
	if (pw && lchown(dir, pw->pw_uid, pw->pw_gid) < 0)
		return dw_err_set(err, -errno, "%s: can't be given to %s: %s", dir, service_user, strerror(errno));
	return 0;
}
