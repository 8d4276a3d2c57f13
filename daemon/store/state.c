/* sqlite.h: the state folder: its lock, its database file, the backups made before a migration. */
#include "sqlite.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

static int write_code(int e)
{
	if (e == EACCES || e == EPERM || e == EROFS)
		return -EROFS;
	return e == EDQUOT || e == EFBIG ? -ENOSPC : -e;
}

static int cannot(const char *what, const char *path, struct dw_err *err)
{
	int e = errno;

	return dw_err_set(err, write_code(e), "cannot %s %s: %s", what, path, strerror(e));
}

static char *join(const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 2;
	char *p = dw_malloc(n);

	if (p)
		snprintf(p, n, "%s/%s", dir, name);
	return p;
}

int dw_state_folder(const char *dir, struct dw_err *err)
{
	struct stat st;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return cannot("make the state folder", dir, err);
	if (stat(dir, &st) < 0)
		return cannot("use the state folder", dir, err);
	if (!S_ISDIR(st.st_mode))
		return dw_err_set(err, -ENOTDIR, "the state %s is not a folder", dir);
	/* who can put a database there decides what is sent, and to whom */
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return dw_err_set(err, -EPERM, "the state folder %s belongs to another user (uid %u)", dir, (unsigned)st.st_uid);
	if (st.st_mode & (S_IWOTH | S_IWGRP))
		return dw_err_set(err, -EPERM, "%s may write into the state folder %s (mode %04o): chmod 0700",
				  st.st_mode & S_IWOTH ? "everybody" : "its group", dir, (unsigned)(st.st_mode & 07777));
	return 0;
}

static int busy(int fd, const char *dir, struct dw_err *err)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;

	if (pid > 0)
		return dw_err_set(err, -EBUSY, "a duewatchd (pid %ld) is running on %s", pid, dir);
	return dw_err_set(err, -EBUSY, "another duewatchd is running on %s", dir);
}

int dw_state_lock(int *out, const char *dir, struct dw_err *err)
{
	DW_FREE char *path = join(dir, "lock");
	DW_CLEANUP(closep) int fd = -1;
	char text[32];
	int n;

	if (!path)
		return dw_err_oom(err);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return cannot("open", path, err);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? busy(fd, dir, err) : cannot("lock", path, err);
	n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return cannot("write", path, err);
	*out = steal_fd(&fd);
	return 0;
}

int dw_state_file(const char *path, struct dw_err *err)
{
	DW_CLEANUP(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0)
		return cannot("open", path, err);
	/* one restored by cp has the mode of its day, and SQLite gives it to the WAL */
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 077) && fchmod(fd, 0600) < 0)
		return cannot("close to others", path, err);
	return 0;
}

/* ---- backups ---- */
enum { STAMP = 14 };
static const char PREFIX[] = "duewatch.db-backup-v";

static int sync_path(const char *path, int flags, struct dw_err *err)
{
	DW_CLEANUP(closep) int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? cannot("sync", path, err) : 0;
}

/* flags: SQLITE_OPEN_NOFOLLOW where somebody else may have put a link in the place meanwhile. */
static int copy_pages(struct dw_sqlite *s, const char *path, int flags, struct dw_err *err)
{
	sqlite3 *to = NULL;
	sqlite3_backup *b;
	int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | flags, NULL);

	/* a plain file without a journal: it counts only once it has its name */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(to, "PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF", NULL, NULL, NULL);
	if (rc == SQLITE_OK) {
		b = sqlite3_backup_init(to, "main", s->db, "main");
		if (b) {
			sqlite3_backup_step(b, -1);
			rc = sqlite3_backup_finish(b);
		} else {
			rc = sqlite3_errcode(to);
		}
	}
	sqlite3_close(to);
	if (rc == SQLITE_OK)
		return 0;
	return dw_err_set(err, (rc & 0xff) == SQLITE_FULL || (rc & 0xff) == SQLITE_IOERR ? -ENOSPC : -EIO,
			  "cannot write the backup %s: %s; nothing was changed", path, sqlite3_errstr(rc));
}

/* Only what this made: the prefix, a version, "-" and 14 digits. */
static int is_backup(const struct dirent *e)
{
	const char *v = e->d_name;

	if (strncmp(v, PREFIX, sizeof(PREFIX) - 1) != 0)
		return 0;
	v += sizeof(PREFIX) - 1;
	v += strspn(v, "0123456789");
	return *v == '-' && strlen(v + 1) == STAMP && strspn(v + 1, "0123456789") == STAMP;
}

static int by_stamp(const struct dirent **a, const struct dirent **b)
{
	int r = strcmp((*a)->d_name + strlen((*a)->d_name) - STAMP, (*b)->d_name + strlen((*b)->d_name) - STAMP);

	return r ? r : strverscmp((*a)->d_name, (*b)->d_name);
}

/* Best effort: a backup too many harms nobody. */
static void drop_old(const char *dir)
{
	struct dirent **e = NULL;
	int n = scandir(dir, &e, is_backup, by_stamp);

	for (int i = 0; i < n; i++) {
		DW_FREE char *path = i < n - DW_STORE_BACKUPS ? join(dir, e[i]->d_name) : NULL;

		if (path)
			unlink(path);
		free(e[i]);
	}
	free(e);
}

static char *backup_name(const char *dir, int64_t version, dw_time now)
{
	char name[96];
	struct tm tm;
	time_t t = (time_t)now;

	if (!gmtime_r(&t, &tm))
		return NULL;
	snprintf(name, sizeof(name), "%s%lld-%04d%02d%02d%02d%02d%02d", PREFIX, (long long)version,
		 (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return join(dir, name);
}

int dw_state_backup(struct dw_sqlite *s, int64_t version, dw_time now, struct dw_err *err)
{
	DW_FREE char *path = backup_name(s->dir, version, now);
	DW_FREE char *part = join(s->dir, "duewatch.db-backup.part");
	int r;

	if (!path || !part)
		return dw_err_oom(err);
	unlink(part);
	r = dw_state_file(part, err);
	if (r == 0)
		r = copy_pages(s, part, 0, err);
	if (r == 0)
		r = sync_path(part, O_RDONLY, err);
	if (r == 0 && rename(part, path) < 0)
		r = cannot("name the backup", path, err);
	if (r == 0)
		r = sync_path(s->dir, O_RDONLY | O_DIRECTORY, err);
	if (r < 0) {
		unlink(part);
		return r;
	}
	drop_old(s->dir);
	return 0;
}

/* ---- duewatch backup ---- */

/* A backup nobody looked at is a hope. And it becomes one plain file: as a copy it says it has a WAL beside it. */
static int finish_copy(const char *path, struct dw_err *err)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	const char *said = NULL;
	int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL), r = 0;

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE;PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
		said = (const char *)sqlite3_column_text(st, 0);
	if (!said || strcmp(said, "ok") != 0)
		r = dw_err_set(err, -EBADMSG, "the backup %s is damaged: %.200s", path, said ? said : sqlite3_errstr(rc));
	sqlite3_finalize(st);
	sqlite3_close(db);
	return r;
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? dw_strndup(path, slash > path ? (size_t)(slash - path) : 1) : dw_strdup(".");
}

/* The folder, so that the new name is there after a power cut too. */
static int sync_above(const char *path, struct dw_err *err)
{
	DW_FREE char *dir = folder_of(path);

	return dir ? sync_path(dir, O_RDONLY | O_DIRECTORY, err) : dw_err_oom(err);
}

/* The same file by a path without links: SQLite is told to follow none. */
static int plain_path(char **out, const char *path, struct dw_err *err)
{
	const char *slash = strrchr(path, '/');
	DW_FREE char *dir = folder_of(path);
	DW_FREE char *real = dir ? realpath(dir, NULL) : NULL;

	if (!real)
		return cannot("make", path, err);
	*out = join(real, slash ? slash + 1 : path);
	return *out ? 0 : dw_err_oom(err);
}

int dw_state_copy(struct dw_sqlite *s, const char *name, struct dw_err *err)
{
	DW_FREE char *path = NULL;
	int fd, r = plain_path(&path, name, err);

	if (!path)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno == EEXIST ? dw_err_set(err, -EEXIST, "%s is there already: a backup goes to a new file", name) :
					 cannot("make", name, err);
	close(fd);
	r = copy_pages(s, path, SQLITE_OPEN_NOFOLLOW, err);
	if (r == 0)
		r = finish_copy(path, err);
	if (r == 0)
		r = sync_path(path, O_RDONLY, err);
	if (r == 0)
		r = sync_above(path, err);
	if (r < 0)
		unlink(path);
	return r;
}
