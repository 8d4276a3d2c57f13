/* privileges.h */
#include "duewatch/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char service_user[] = "duewatch";

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

/* A missing state folder is the service's only where services keep theirs; anywhere else it is whoever tries things out,
 * root too, in a folder the service could hardly use. */
static const struct passwd *service_of(const char *dir)
{
	static const char home[] = "/var/lib/";
	const struct passwd *pw = strncmp(dir, home, sizeof(home) - 1) == 0 ? getpwnam(service_user) : NULL;

	return pw && pw->pw_uid != 0 ? pw : NULL;
}

int dw_become_owner(const char *dir, struct dw_err *err)
{
	const struct passwd *pw;
	struct stat st;

	if (geteuid() != 0)
		return 0;
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
