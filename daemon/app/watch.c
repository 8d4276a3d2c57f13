/* watch.h */
#include "watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STILL_AT_WORK = IN_MODIFY | IN_ATTRIB | IN_CREATE, FILE_EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | STILL_AT_WORK | IN_ONLYDIR };

/* The folder of a feed's path, and the file's name where the path is not a folder itself. */
static int watch_feed(struct dw_watch *w, size_t i, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat st;
	char dir[4096];
	size_t n;

	w->wd[i] = -1;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		w->wd[i] = inotify_add_watch(w->fd, path, FILE_EVENTS);
		return 0;
	}
	n = slash && slash != path ? (size_t)(slash - path) : 1;
	if (n >= sizeof(dir))
		return 0; /* the timer still reads it */
	memcpy(dir, path, n);
	dir[n] = '\0';
	w->file[i] = dw_strdup(slash ? slash + 1 : path);
	if (!w->file[i])
		return -ENOMEM;
	w->wd[i] = inotify_add_watch(w->fd, dir, FILE_EVENTS);
	return 0;
}

int dw_watch_open(struct dw_watch *out, const struct dw_config *config, struct dw_err *err)
{
	struct dw_watch w = { .n = config->n_feeds, .fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .state_wd = -1 };
	int r = 0;

	if (w.fd < 0)
		return dw_err_set(err, -errno, "inotify: %s", strerror(errno));
	w.wd = dw_calloc(w.n ? w.n : 1, sizeof(*w.wd));
	w.file = dw_calloc(w.n ? w.n : 1, sizeof(*w.file));
	if (!w.wd || !w.file)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < w.n; i++)
		r = watch_feed(&w, i, config->feeds[i].path);
	if (r < 0) {
		dw_watch_close(&w);
		return dw_err_oom(err);
	}
	/* a feed's folder may be the same one: one watch then */
	w.state_wd = inotify_add_watch(w.fd, config->state, (FILE_EVENTS & ~STILL_AT_WORK) | IN_MASK_ADD);
	*out = w;
	return 0;
}

void dw_watch_again(struct dw_watch *w, size_t feed, const char *path)
{
	struct stat st;

	if (w->fd < 0 || feed >= w->n)
		return;
	if (w->wd[feed] >= 0 && !(w->file[feed] && stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
		return;
	free(w->file[feed]);
	w->file[feed] = NULL;
	watch_feed(w, feed, path); /* out of memory: the timer reads it */
}

void dw_watch_close(struct dw_watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	for (size_t i = 0; w->file && i < w->n; i++)
		free(w->file[i]);
	free(w->file);
	free(w->wd);
	*w = (struct dw_watch){ .fd = -1, .state_wd = -1 };
}

static void forget(struct dw_watch *w, int wd)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->wd[i] == wd)
			w->wd[i] = -1;
	if (w->state_wd == wd)
		w->state_wd = -1;
}

static void on_event(struct dw_watch *w, const struct inotify_event *e, const char *name,
		     void (*fn)(void *ctx, enum dw_watch_event event, int feed), void *ctx)
{
	/* a new name, or a mode that changed, may be the last step of a copy or the first: read once it is left alone */
	enum dw_watch_event what = e->mask & STILL_AT_WORK ? DW_WATCH_CHANGING : DW_WATCH_CLOSED;

	if (e->mask & IN_Q_OVERFLOW) {
		fn(ctx, DW_WATCH_CLOSED, -2);
		return;
	}
	if (e->wd == w->state_wd && strcmp(name, "wake") == 0)
		fn(ctx, DW_WATCH_WAKE, -1);
	if (e->mask & IN_IGNORED) /* the folder is gone: read soon, and so watched again, or the one above it */
		what = DW_WATCH_CHANGING;
	/* without a name it is about the folder itself, which concerns each file in it */
	for (size_t i = 0; i < w->n; i++)
		if (w->wd[i] == e->wd && (!w->file[i] || !*name || strcmp(w->file[i], name) == 0))
			fn(ctx, what, (int)i);
	if (e->mask & IN_IGNORED)
		forget(w, e->wd);
}

void dw_watch_read(struct dw_watch *w, void (*fn)(void *ctx, enum dw_watch_event event, int feed), void *ctx)
{
	char buf[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));

	for (int round = 0; round < 16; round++) {
		ssize_t n = read(w->fd, buf, sizeof(buf));

		if (n <= 0)
			return;
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const struct inotify_event *)(buf + at);

			on_event(w, e, e->len ? e->name : "", fn, ctx);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
}
