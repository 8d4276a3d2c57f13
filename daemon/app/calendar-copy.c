/* calendar-copy.h: the file. Its head says when and as what the server gave what follows:
 *
 *   duewatch-calendar 1
 *   checked: 1795392000
 *   etag: "abc"
 *   modified: Mon, 23 Nov 2026 00:00:00 GMT
 *
 *   BEGIN:VCALENDAR … */
#include "duewatch/calendar-copy.h"

#include "write.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_MAX = 4096 };
#define FIRST "duewatch-calendar 1\n"

void dw_calendar_copy_fini(struct dw_calendar_copy *c)
{
	free(c->etag);
	free(c->modified);
	free(c->text);
	*c = (struct dw_calendar_copy){ 0 };
}

static void path_of(struct dw_buf *b, const char *state, const char *url)
{
	dw_buf_printf(b, "%s/calendar-%016llx.ics", state, (unsigned long long)dw_hash_str(DW_HASH_INIT, url));
}

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Owned; NULL: *r says why. */
static char *slurp(int fd, size_t *n, int *r)
{
	DW_FREE char *p = dw_malloc(DW_ICAL_SIZE_MAX + HEAD_MAX + 1);
	ssize_t got = 1;

	*r = -ENOMEM;
	if (!p)
		return NULL;
	for (*n = 0; got != 0 && *n < DW_ICAL_SIZE_MAX + HEAD_MAX; *n += got > 0 ? (size_t)got : 0) {
		got = read(fd, p + *n, DW_ICAL_SIZE_MAX + HEAD_MAX - *n);
		if (got < 0 && errno != EINTR) {
			*r = -errno;
			return NULL;
		}
	}
	p[*n] = '\0';
	return dw_steal(&p);
}

/* The head's value of `name`, owned; NULL: it has none. */
static char *head_of(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = head; *p && *p != '\n'; p += strcspn(p, "\n"), p += *p == '\n')
		if (strncmp(p, name, n) == 0 && p[n] == ':' && p[n + 1] == ' ')
			return dw_strndup(p + n + 2, strcspn(p + n + 2, "\n"));
	return NULL;
}

static int split(struct dw_calendar_copy *out, char **all, size_t n, struct dw_err *err)
{
	char *end = strstr(*all, "\n\n");
	DW_FREE char *checked = NULL;
	size_t head;

	if (strncmp(*all, FIRST, strlen(FIRST)) != 0 || !end || end - *all > HEAD_MAX)
		return dw_err_set(err, -EBADMSG, "the copy kept of it is damaged");
	head = (size_t)(end + 2 - *all);
	checked = head_of(*all, "checked");
	*out = (struct dw_calendar_copy){ .etag = head_of(*all, "etag"), .modified = head_of(*all, "modified"), .checked = DW_UNKNOWN };
	if (checked)
		out->checked = strtoll(checked, NULL, 10);
	memmove(*all, *all + head, n - head + 1);
	out->text = dw_steal(all);
	out->n = n - head;
	return 0;
}

int dw_calendar_copy_load(struct dw_calendar_copy *out, const char *state, const char *url, struct dw_err *err)
{
	DW_CLEANUP(closep) int fd = -1;
	DW_FREE char *all = NULL;
	DW_BUF path = { 0 };
	size_t n = 0;
	int r;

	path_of(&path, state, url);
	if (path.failed)
		return dw_err_oom(err);
	fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 1 : dw_err_set(err, -errno, "the copy kept of it can't be read: %s", strerror(errno));
	all = slurp(fd, &n, &r);
	if (all)
		return split(out, &all, n, err);
	return r == -ENOMEM ? dw_err_oom(err) : dw_err_set(err, r, "the copy kept of it can't be read: %s", strerror(-r));
}

int dw_calendar_copy_save(const struct dw_calendar_copy *c, const char *state, const char *url, struct dw_err *err)
{
	DW_BUF path = { 0 };
	DW_BUF part = { 0 };
	DW_BUF head = { 0 };
	int fd, r;

	path_of(&path, state, url);
	dw_buf_printf(&part, "%s.part", dw_buf_str(&path));
	dw_buf_printf(&head, FIRST "checked: %lld\n", (long long)c->checked);
	if (c->etag)
		dw_buf_printf(&head, "etag: %s\n", c->etag);
	if (c->modified)
		dw_buf_printf(&head, "modified: %s\n", c->modified);
	dw_buf_puts(&head, "\n");
	if (path.failed || part.failed || head.failed)
		return dw_err_oom(err);
	unlink(part.p);
	fd = open(part.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return dw_err_set(err, -errno, "no copy of a calendar can be kept: %s", strerror(errno));
	r = dw_write_synced(fd, head.p, head.n);
	if (r == 0)
		r = dw_write_synced(fd, c->text, c->n);
	close(fd);
	if (r == 0 && rename(part.p, path.p) < 0)
		r = -errno;
	if (r < 0)
		unlink(part.p);
	return r < 0 ? dw_err_set(err, r, "no copy of a calendar can be kept: %s", strerror(-r)) : 0;
}

int dw_calendar_copy_days(const char *state, const char *url, struct dw_days_off *out, dw_time now, struct dw_err *err)
{
	DW_CLEANUP(dw_calendar_copy_fini) struct dw_calendar_copy c = { 0 };
	int r = dw_calendar_copy_load(&c, state, url, err);

	return r ? r : dw_days_off_read(out, c.text, c.n, now, err);
}

int dw_calendar_refresh(const char *state, const char *url, const char *ca_file, const atomic_bool *stop,
			struct dw_days_off *out, dw_time now, struct dw_err *err)
{
	DW_CLEANUP(dw_calendar_copy_fini) struct dw_calendar_copy c = { 0 };
	struct dw_days_off days = { 0 };
	int r, same;

	if (dw_calendar_copy_load(&c, state, url, err) != 0) /* fetched whole then, whatever became of the old one */
		dw_calendar_copy_fini(&c);
	same = dw_calendar_fetch(url, ca_file, stop, &c, err);
	if (same < 0)
		return same;
	r = dw_days_off_read(&days, c.text, c.n, now, err);
	if (r == 0) {
		c.checked = now;
		r = dw_calendar_copy_save(&c, state, url, err);
	}
	if (r == 0 && out && same == 0)
		*out = days;
	else
		dw_days_off_fini(&days);
	return r < 0 ? r : same;
}
