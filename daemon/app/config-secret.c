/* Passwords and other secrets: each from a file nobody else can read, into memory that isn't swapped or dumped. */
#include "config-impl.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_MAX = 4096, SECRET_MAP = 8192 };

static bool may_own(uid_t uid, const char *state)
{
	struct stat st;

	if (uid == 0 || uid == geteuid())
		return true;
	/* root checking on behalf of the service, which runs as the owner of the state folder */
	return geteuid() == 0 && state && stat(state, &st) == 0 && st.st_uid == uid;
}

/* systemd's credentials are 0440 with an ACL for the service, so a group may read; nobody but the owner may write. */
static int check(int fd, const char *state, struct dw_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return dw_err_set(err, -errno, "can't be read: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return dw_err_set(err, -EINVAL, "is no regular file");
	if (st.st_mode & (S_IRWXO | S_IWGRP))
		return dw_err_set(err, -EPERM, "has mode %04o, others must not read it and only its owner may write it: chmod 0600 (or 0640, 0440, 0400)",
				  (unsigned)(st.st_mode & 07777));
	if (!may_own(st.st_uid, state))
		return dw_err_set(err, -EPERM, "belongs to another user (uid %u), it must be root's or the service's own", (unsigned)st.st_uid);
	if (st.st_size == 0)
		return dw_err_set(err, -EINVAL, "is empty, the password should be its first and only line");
	if (st.st_size > SECRET_MAX)
		return dw_err_set(err, -EINVAL, "is larger than %d bytes, which is no password", SECRET_MAX);
	return 0;
}

static int open_checked(int *out_fd, const char *path, const char *state, struct dw_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r;

	if (fd < 0)
		return dw_err_set(err, -errno, "can't be read: %s", strerror(errno));
	r = check(fd, state, err);
	if (r < 0) {
		close(fd);
		return r;
	}
	*out_fd = fd;
	return 0;
}

/* Reads into p (SECRET_MAP bytes, zeroed) and drops the line's end. */
static int fill(int fd, char *p, struct dw_err *err)
{
	size_t n = 0;
	ssize_t k;

	while (n <= SECRET_MAX && (k = read(fd, p + n, SECRET_MAX + 1 - n)) != 0) {
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return dw_err_set(err, -errno, "can't be read: %s", strerror(errno));
		n += (size_t)k;
	}
	if (n > SECRET_MAX)
		return dw_err_set(err, -EINVAL, "is larger than %d bytes, which is no password", SECRET_MAX);
	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r'))
		p[--n] = '\0';
	if (n == 0)
		return dw_err_set(err, -EINVAL, "is empty, the password should be its first and only line");
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			return dw_err_set(err, -EINVAL, "holds more than one line, or control characters; the password should be its only line");
	return 0;
}

static char *map(void)
{
	char *p = mmap(NULL, SECRET_MAP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* both are best effort: an unlocked password still works */
	(void)mlock(p, SECRET_MAP);
	(void)madvise(p, SECRET_MAP, MADV_DONTDUMP);
	return p;
}

char *dw_secret_copy(const char *p, size_t n)
{
	char *to = n <= DW_SECRET_MAX ? map() : NULL;

	if (to)
		memcpy(to, p, n);
	return to;
}

int conf_secret_read(char **out, const char *path, const char *state, struct dw_err *err)
{
	char *p;
	int fd = -1, r = open_checked(&fd, path, state, err);

	if (r < 0)
		return r;
	p = map();
	if (!p) {
		close(fd);
		return dw_err_oom(err);
	}
	r = fill(fd, p, err);
	close(fd);
	if (r < 0) {
		dw_secret_free(p);
		return r;
	}
	*out = p;
	return 0;
}

int dw_secret_load(char **out, const char *path, const char *state, struct dw_err *err)
{
	struct dw_err why = { "" };
	int r = path ? conf_secret_read(out, path, state, &why) : 1;

	return r < 0 ? dw_err_set(err, r, "password file %s %s", path, why.text) : r;
}

void dw_secret_free(char *secret)
{
	if (!secret)
		return;
	explicit_bzero(secret, SECRET_MAP);
	munmap(secret, SECRET_MAP);
}
