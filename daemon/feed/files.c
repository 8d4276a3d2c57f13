/* files.h */
#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#define GIB (INT64_C(1) << 30)

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcasecmp(s + n - m, end) == 0;
}

static bool wanted(const char *name, const char *type)
{
	static const char *const csv[] = { ".csv", ".tsv", ".txt", NULL };
	static const char *const xlsx[] = { ".xlsx", ".xlsm", NULL };
	const char *const *end = strcmp(type, "xlsx") == 0 ? xlsx : csv;

	if (name[0] == '.' || name[0] == '~')
		return false;
	for (; *end; end++)
		if (ends_with(name, *end))
			return true;
	return false;
}

static int open_one(struct dw_files *files, int at, const char *name, const char *path, struct dw_err *err)
{
	struct dw_file *grown;
	struct dw_file f = { .fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) };
	int r = 0;

	if (f.fd < 0)
		return dw_err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (fstat(f.fd, &f.st) < 0)
		r = dw_err_set(err, -errno, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(f.st.st_mode))
		r = dw_err_set(err, -EINVAL, "%s is not a regular file", path);
	else if (f.st.st_size > DW_FILE_BYTES_MAX)
		r = dw_err_set(err, -EFBIG, "%s has %.1f GiB: no list of orders has more than %d", path,
			       (double)f.st.st_size / GIB, (int)(DW_FILE_BYTES_MAX / GIB));
	if (r == 0 && !(f.path = dw_strdup(path)))
		r = dw_err_oom(err);
	if (r == 0) {
		grown = dw_realloc(files->f, (files->n + 1) * sizeof(*grown));
		if (grown) {
			files->f = grown;
			files->f[files->n++] = f;
			return 0;
		}
		r = dw_err_oom(err);
	}
	free(f.path);
	close(f.fd);
	return r;
}

static int cmp_time(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	return a->tv_nsec == b->tv_nsec ? 0 : a->tv_nsec < b->tv_nsec ? -1 : 1;
}

/* A modification time later than the last change of the inode was made up (a stick written in another zone, a zip):
 * believed, such a file would hide every later export until its day has come. */
static const struct timespec *age_of(const struct dw_file *f)
{
	return cmp_time(&f->st.st_mtim, &f->st.st_ctim) > 0 ? &f->st.st_ctim : &f->st.st_mtim;
}

static int newest_first(const void *a, const void *b)
{
	const struct dw_file *x = a, *y = b;
	int r = cmp_time(age_of(y), age_of(x));

	return r ? r : -strcmp(x->path, y->path); /* export-2 before export-1 of the same second */
}

/* A drop folder is for more people than may read what the service reads (its database, its password), and parts of an
 * unusable file are told in errors and mails. So a link in it counts only if it was laid by root, by the service, or by
 * the owner of the file it leads to. Judged after opening: what has been swapped since is neither. */
static bool link_ok(int dir, const char *name, const struct stat *file)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (S_ISLNK(st.st_mode))
		return st.st_uid == 0 || st.st_uid == geteuid() || st.st_uid == file->st_uid;
	return st.st_dev == file->st_dev && st.st_ino == file->st_ino;
}

static void close_from(struct dw_files *files, size_t keep)
{
	while (files->n > keep) {
		files->n--;
		close(files->f[files->n].fd);
		free(files->f[files->n].path);
	}
}

static int open_folder(struct dw_files *files, int dir, const char *path, const char *type, bool all, struct dw_err *err)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;
	int r = 0;

	if (!d) {
		r = dw_err_set(err, -errno, "%s: %s", path, strerror(errno));
		close(dir);
		return r;
	}
	while (r == 0 && (e = readdir(d)) != NULL) {
		size_t before = files->n;
		struct stat st;
		char full[4096];

		if (!wanted(e->d_name, type) || fstatat(dir, e->d_name, &st, 0) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (snprintf(full, sizeof(full), "%s/%s", path, e->d_name) >= (int)sizeof(full))
			continue;
		if (files->n >= DW_FILES_MAX) {
			r = dw_err_set(err, -E2BIG, "%s holds more than %d %s files: move the old ones away", path,
				       DW_FILES_MAX, type);
			break;
		}
		r = open_one(files, dir, e->d_name, full, err);
		if (files->n > before && !link_ok(dir, e->d_name, &files->f[before].st))
			close_from(files, before);
		if (r == -ENOENT)
			r = 0; /* gone between readdir and open */
		if (r == 0 && files->n > 0)
			qsort(files->f, files->n, sizeof(*files->f), newest_first);
		if (!all)
			close_from(files, files->n ? 1 : 0);
	}
	closedir(d);
	if (r == 0 && files->n == 0)
		r = dw_err_set(err, -ENOENT, "%s holds no %s file yet", path, type);
	return r;
}

int dw_files_open(struct dw_files *out, const char *path, const char *type, bool all, struct dw_err *err)
{
	struct dw_files files = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r;
	struct stat st;

	if (fd < 0)
		return dw_err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		r = open_folder(&files, fd, path, type, all, err);
	else {
		close(fd);
		r = open_one(&files, AT_FDCWD, path, path, err);
	}
	if (r < 0) {
		dw_files_close(&files);
		return r;
	}
	*out = files;
	return 0;
}

void dw_files_close(struct dw_files *files)
{
	close_from(files, 0);
	free(files->f);
	*files = (struct dw_files){ 0 };
}

static bool same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool dw_files_same(const struct dw_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		struct stat st;

		if (fstat(files->f[i].fd, &st) < 0 || !same_stat(&st, &files->f[i].st))
			return false;
		if (stat(files->f[i].path, &st) == 0 && !same_stat(&st, &files->f[i].st))
			return false;
	}
	return true;
}
