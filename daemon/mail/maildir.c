/* A Maildir: the mail is written into tmp/, synced, renamed into new/, and new/ synced. The file's name comes from the
 * message id and the recipient, so a repeat after a crash replaces the file instead of adding one. */
#include "transport-impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct maildir {
	struct dw_transport base;
	char *folder;
};

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define DW_FD DW_CLEANUP(closep) int

static struct maildir *maildir_of(const struct dw_transport *t)
{
	return (struct maildir *)(uintptr_t)t; /* base is its first member */
}

/* Opens the folder dir/name, made (0700) and its parent synced if missing. */
static int open_folder(int dir, const char *name)
{
	int made = mkdirat(dir, name, 0700), fd;

	if (made < 0 && errno != EEXIST)
		return -errno;
	if (made == 0 && fsync(dir) < 0)
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* An absolute path, each missing part made. */
static int open_path(const char *path)
{
	DW_FREE char *copy = dw_strdup(path);
	char *rest = copy, *part;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return -errno;
	if (!copy)
		return -ENOMEM;
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd >= 0 && (part = strsep(&rest, "/"))) {
		int next = *part ? open_folder(fd, part) : fd;

		if (*part)
			close(fd);
		fd = next;
	}
	return fd;
}

/* What a Maildir keeps: LF line ends; and who it was for, since one folder may serve several people. */
static void convert(struct dw_buf *b, const struct dw_envelope *env, const char *bytes, size_t n)
{
	dw_buf_printf(b, "Return-Path: <%s>\nDelivered-To: %s\n", env->from, env->to);
	for (size_t i = 0; i < n;) {
		const char *cr = memchr(bytes + i, '\r', n - i);
		size_t upto = cr ? (size_t)(cr - bytes) : n;

		dw_buf_add(b, bytes + i, upto - i);
		if (cr && (upto + 1 == n || bytes[upto + 1] != '\n'))
			dw_buf_putc(b, '\r');
		i = upto + 1;
	}
}

/* Letters, digits, '.' and '-' of the id, and a hash of all of it and the recipient: no two mails meet by accident. */
static void file_name(char *out, size_t size, const char *id, const char *to)
{
	uint64_t h = dw_hash_str(dw_hash_str(DW_HASH_INIT, id), to);
	char kept[128];
	size_t n = 0;

	for (const char *c = id; *c && n + 1 < sizeof(kept); c++)
		if ((*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') || *c == '-' ||
		    (*c == '.' && n > 0))
			kept[n++] = *c;
	kept[n] = '\0';
	snprintf(out, size, "%s.%016llx", n ? kept : "mail", (unsigned long long)h);
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		p += k;
		n -= (size_t)k;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int write_tmp(int tmp, const char *name, const struct dw_buf *b)
{
	DW_FD fd = -1;
	int r;

	unlinkat(tmp, name, 0); /* what a crash left */
	fd = openat(tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, b->p, b->n);
	if (r < 0)
		unlinkat(tmp, name, 0);
	return r;
}

static int deliver(const struct maildir *m, const char *name, const struct dw_buf *b, enum dw_stage *stage)
{
	DW_FD dir = open_path(m->folder);
	DW_FD tmp = dir < 0 ? dir : open_folder(dir, "tmp");
	DW_FD new = tmp < 0 ? tmp : open_folder(dir, "new");
	DW_FD cur = new < 0 ? new : open_folder(dir, "cur");
	int r;

	if (cur < 0)
		return cur;
	*stage = DW_AT_DATA;
	r = write_tmp(tmp, name, b);
	if (r < 0)
		return r;
	*stage = DW_AT_DOT;
	if (renameat(tmp, name, new, name) < 0) {
		r = -errno;
		unlinkat(tmp, name, 0);
		return r;
	}
	return fsync(new) < 0 ? -errno : 0;
}

static void maildir_send(struct dw_transport *t, const struct dw_envelope *env, const char *id, const void *bytes,
			 size_t n, struct dw_answer *answer)
{
	const struct maildir *m = maildir_of(t);
	DW_BUF b = { 0 }, text = { 0 };
	char name[160];
	int r = -ENOMEM;

	file_name(name, sizeof(name), id, env->to);
	convert(&b, env, bytes, n);
	if (!b.failed)
		r = deliver(m, name, &b, &answer->stage);
	answer->final_dot = r == 0;
	answer->verdict = r == 0 ? DW_SENT : DW_RETRY;
	if (r == 0)
		dw_buf_printf(&text, "stored as %s/new/%s", m->folder, name);
	else
		dw_buf_printf(&text, "%s: %s", m->folder, strerror(-r));
	dw_answer_text(answer, NULL, dw_buf_str(&text));
}

static void maildir_free(struct dw_transport *t)
{
	struct maildir *m = maildir_of(t);

	free(m->folder);
	free(m);
}

static const struct dw_transport_ops ops = {
	.send = maildir_send,
	.free = maildir_free,
};

int dw_maildir_new(struct dw_transport **out, const struct dw_transport_conf *conf, struct dw_err *err)
{
	const char *folder = conf->url + strlen("maildir://");
	struct maildir *m;

	if (*folder != '/')
		return dw_err_set(err, -EINVAL, "a Maildir needs an absolute folder: maildir:///var/mail/duewatch");
	m = dw_calloc(1, sizeof(*m));
	if (!m)
		return dw_err_oom(err);
	m->base.ops = &ops;
	atomic_init(&m->base.aborted, false);
	m->folder = dw_strdup(folder);
	if (!m->folder) {
		free(m);
		return dw_err_oom(err);
	}
	*out = &m->base;
	return 0;
}
