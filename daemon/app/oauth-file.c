/* oauth-impl.h: the token file. Written beside, synced, renamed, and the folder synced: what the provider no longer
 * honours is never all there is. */
#include "oauth-impl.h"
#include "write.h"

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MAX = 64 * 1024, LOCK_TRIES = 300 };

void dw_oauth_kept_fini(struct dw_oauth_kept *k)
{
	dw_secret_free(k->refresh);
	dw_secret_free(k->access);
	*k = (struct dw_oauth_kept){ .obtained = DW_UNKNOWN, .expires = DW_UNKNOWN, .refresh_expires = DW_UNKNOWN };
}

static char *path_of(const char *state, const char *name, const char *end)
{
	DW_BUF b = { 0 };

	dw_buf_printf(&b, "%s/tokens/%s%s", state, name, end);
	return dw_buf_take(&b);
}

/* ---- load ---- */

static int open_own(const char *path, size_t *size, struct dw_err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? dw_err_set(err, -ENOENT, "no token is stored") :
							     dw_err_set(err, -errno, "token file %s can't be read: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & (S_IRWXG | S_IRWXO))) {
		close(fd);
		return dw_err_set(err, -EPERM, "token file %s must be a regular file of the service's own that nobody else may read: chmod 0600", path);
	}
	if (st.st_size > FILE_MAX) {
		close(fd);
		return dw_err_set(err, -EBADMSG, "token file %s is damaged: too large", path);
	}
	*size = (size_t)st.st_size;
	return fd;
}

static char *secret_in(const json_t *root, const char *key, bool *oom)
{
	const json_t *v = json_object_get(root, key);
	const char *t = json_string_value(v);
	char *p;

	if (!t || !*t || strlen(t) != json_string_length(v) || strlen(t) > DW_SECRET_MAX)
		return NULL;
	p = dw_secret_copy(t, strlen(t));
	*oom |= !p;
	explicit_bzero((char *)(uintptr_t)t, strlen(t)); /* jansson's copy, which it would only free */
	return p;
}

static dw_time time_in(const json_t *root, const char *key)
{
	const json_t *v = json_object_get(root, key);
	json_int_t t = json_integer_value(v);

	return json_is_integer(v) && t >= DW_TIME_MIN && t < DW_TIME_MAX ? t : DW_UNKNOWN;
}

static uint64_t print_in(const json_t *root, const char *key)
{
	const char *t = json_string_value(json_object_get(root, key));

	return t ? strtoull(t, NULL, 16) : 0;
}

static int parse(struct dw_oauth_kept *out, const char *text, size_t n)
{
	json_t *root = json_loadb(text, n, 0, NULL);
	struct dw_oauth_kept k = { .of = print_in(root, "of"), .seed = print_in(root, "seed"), .obtained = time_in(root, "obtained"),
				   .expires = time_in(root, "expires"), .refresh_expires = time_in(root, "refresh_expires") };
	bool oom = false;

	k.refresh = secret_in(root, "refresh_token", &oom);
	k.access = secret_in(root, "access_token", &oom);
	json_decref(root);
	if (oom || !k.refresh) {
		dw_oauth_kept_fini(&k);
		return oom ? -ENOMEM : -EBADMSG;
	}
	*out = k;
	return 0;
}

int dw_oauth_kept_load(struct dw_oauth_kept *out, const char *state, const char *name, struct dw_err *err)
{
	DW_FREE char *path = path_of(state, name, ".json");
	char text[4096], *big = text;
	size_t size = 0, n = 0;
	ssize_t k;
	int fd, r;

	if (!path)
		return dw_err_oom(err);
	fd = open_own(path, &size, err);
	if (fd < 0)
		return fd == -ENOENT ? 1 : fd;
	if (size > sizeof(text))
		big = dw_malloc(size);
	while (big && n < size && (k = read(fd, big + n, size - n)) != 0) {
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			break;
		n += (size_t)k;
	}
	close(fd);
	r = !big ? -ENOMEM : parse(out, big, n);
	if (big)
		explicit_bzero(big, size > sizeof(text) ? size : sizeof(text));
	if (big != text)
		free(big);
	if (r == -ENOMEM)
		return dw_err_oom(err);
	return r < 0 ? dw_err_set(err, r, "token file %s is damaged: duewatch authorize %s makes a new one", path, name) : 0;
}

/* ---- save ---- */

static int sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int replace(const char *state, const char *name, const char *text, size_t n)
{
	DW_FREE char *path = path_of(state, name, ".json");
	DW_FREE char *part = path_of(state, name, ".part");
	DW_FREE char *folder = path_of(state, "", "");
	int fd, r;

	if (!path || !part || !folder)
		return -ENOMEM;
	if (mkdir(folder, 0700) == 0)
		sync_folder(state);
	else if (errno != EEXIST)
		return -errno;
	unlink(part);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = dw_write_synced(fd, text, n);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(part, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(part);
	return r == 0 ? sync_folder(folder) : r;
}

/* Tokens are printable ASCII, but a quote or a backslash may be among it. */
static void add_text(struct dw_buf *b, const char *key, const char *value)
{
	if (!value)
		return;
	dw_buf_printf(b, "  \"%s\": \"", key);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			dw_buf_putc(b, '\\');
		dw_buf_putc(b, *value);
	}
	dw_buf_puts(b, "\",\n");
}

static void add_time(struct dw_buf *b, const char *key, dw_time t)
{
	if (t != DW_UNKNOWN)
		dw_buf_printf(b, "  \"%s\": %lld,\n", key, (long long)t);
}

int dw_oauth_kept_save(const struct dw_oauth_kept *k, const char *state, const char *name, struct dw_err *err)
{
	DW_BUF b = { 0 };
	int r;

	b.p = dw_malloc(FILE_MAX); /* never moved, so nothing is left behind in freed memory */
	b.cap = b.p ? FILE_MAX : 0;
	if (!b.p)
		return dw_err_oom(err);
	b.p[0] = '\0';
	dw_buf_puts(&b, "{\n");
	add_text(&b, "refresh_token", k->refresh);
	add_text(&b, "access_token", k->access);
	add_time(&b, "obtained", k->obtained);
	add_time(&b, "expires", k->expires);
	add_time(&b, "refresh_expires", k->refresh_expires);
	dw_buf_printf(&b, "  \"seed\": \"%" PRIx64 "\",\n  \"of\": \"%" PRIx64 "\"\n}\n", k->seed, k->of);
	r = b.failed ? -ENOMEM : replace(state, name, b.p, b.n);
	explicit_bzero(b.p, b.cap);
	if (r == -ENOMEM)
		return dw_err_oom(err);
	return r < 0 ? dw_err_set(err, r, "token file %s/tokens/%s.json can't be written: %s", state, name, strerror(-r)) : 0;
}

int dw_oauth_lock(const char *state, const char *name, const atomic_bool *stop)
{
	DW_FREE char *folder = path_of(state, "", "");
	DW_FREE char *path = path_of(state, name, ".lock");
	struct timespec tick = { .tv_nsec = 100 * 1000 * 1000 };
	int fd;

	if (!path || !folder)
		return -1;
	mkdir(folder, 0700);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (i >= LOCK_TRIES || atomic_load(stop)) {
			close(fd);
			return -1;
		}
		nanosleep(&tick, NULL);
	}
	return fd;
}
