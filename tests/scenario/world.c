/* world.h: life and time. */
#include "world-impl.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const sc_type_words[SC_TYPES] = { "alert", "daily", "first_look", "resolved", "feed", "note", "answer", "closure" };

enum { SPINS_MAX = 200 };

static void on_log(void *ctx, int priority, const char *line)
{
	struct sc_world *w = ctx;
	char at[32];
	DW_BUF b = { 0 };

	dw_instant_rfc3339(at, sc_wall(w));
	dw_buf_printf(&b, "%s <%d> %s", at, priority, line);
	if (w->verbose)
		fprintf(stderr, "%s\n", dw_buf_str(&b));
	if (w->n_log == SC_LOG_MAX) {
		free(w->log[0]);
		memmove(w->log, w->log + 1, sizeof(w->log) - sizeof(w->log[0]));
		w->n_log--;
	}
	w->log[w->n_log++] = dw_buf_take(&b);
}

static void wipe(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[1024];
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			wipe(path);
		else
			unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

static int copy_file(struct sc_world *w, const char *from, const char *to)
{
	char piece[65536];
	FILE *a = fopen(from, "r"), *b = a ? fopen(to, "w") : NULL;
	size_t n;
	int r = 0;

	if (!a || !b)
		r = dw_err_set(&w->err, -EIO, "%s to %s: %s", from, to, strerror(errno));
	while (r == 0 && (n = fread(piece, 1, sizeof(piece), a)) > 0)
		if (fwrite(piece, 1, n, b) != n)
			r = dw_err_set(&w->err, -EIO, "%s: %s", to, strerror(errno));
	if (a)
		fclose(a);
	if (b) {
		fchmod(fileno(b), 0600);
		if (fclose(b) != 0 && r == 0)
			r = dw_err_set(&w->err, -EIO, "%s: %s", to, strerror(errno));
	}
	return r;
}

static void state_dir(const struct sc_world *w, char *out, size_t size)
{
	snprintf(out, size, "%s/state%d", w->dir, w->crashes);
}

static int load_config(struct sc_world *w, const char *text, struct dw_config **out)
{
	struct dw_problems problems = { 0 };
	char path[600];
	DW_BUF said = { 0 };
	int r = sc_put_file(w, "duewatch.conf", text, strlen(text));

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/duewatch.conf", w->dir);
	r = dw_config_load(out, path, DW_SOURCE_DIR "/conf", &problems, &w->err);
	for (size_t i = 0; i < problems.n; i++)
		if (!problems.p[i].warning) {
			dw_buf_puts(&said, said.n ? "; " : "");
			dw_problem_text(&said, &problems.p[i]);
		}
	if (r < 0 && said.n)
		dw_err_set(&w->err, r, "%s", dw_buf_str(&said));
	dw_problems_fini(&problems);
	return r;
}

static int open_store(struct sc_world *w)
{
	char dir[300];

	if (!w->sqlite)
		return dw_store_memory_new(&w->store, &w->err);
	state_dir(w, dir, sizeof(dir));
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return dw_err_set(&w->err, -errno, "%s: %s", dir, strerror(errno));
	return dw_store_sqlite_open(&w->store, dir, DW_STORE_DAEMON, sc_wall(w), &w->err);
}

int sc_world_init(struct sc_world *w, const char *config, bool sqlite)
{
	const char *tmp = getenv("TMPDIR");
	int r;

	w->sqlite = sqlite;
	w->believed = true;
	snprintf(w->dir, sizeof(w->dir), "%s/duewatch-scenario-XXXXXX", tmp && *tmp && strlen(tmp) < 200 ? tmp : "/tmp");
	if (!mkdtemp(w->dir))
		return dw_err_set(&w->err, -errno, "%s: %s", w->dir, strerror(errno));
	r = load_config(w, config, &w->config);
	if (r == 0 && w->config->people.n > SC_PEOPLE_MAX)
		r = dw_err_set(&w->err, -E2BIG, "more than %d people", SC_PEOPLE_MAX);
	return r;
}

static void stop(struct sc_world *w)
{
	dw_engine_free(w->engine);
	dw_store_close(w->store);
	dw_relays_free(w->relays);
	w->relays = NULL;
	w->engine = NULL;
	w->store = NULL;
}

void sc_world_fini(struct sc_world *w)
{
	stop(w);
	dw_config_free(w->config);
	for (size_t i = 0; i < w->n_feed; i++)
		sc_feed_fini(&w->feed[i]);
	for (size_t i = 0; i < w->n_mail; i++) {
		free(w->mail[i].subject);
		free(w->mail[i].message_id);
		free(w->mail[i].bytes);
		free(w->mail[i].entry);
	}
	free(w->mail);
	for (size_t i = 0; i < w->n_log; i++)
		free(w->log[i]);
	if (w->dir[0])
		wipe(w->dir);
	memset(w, 0, sizeof(*w));
}

int sc_reload(struct sc_world *w, const char *config)
{
	struct dw_config *fresh = NULL, *old = w->config;
	int r = load_config(w, config, &fresh);

	if (r < 0)
		return r;
	if (!w->started) {
		dw_config_free(old);
		w->config = fresh;
		return 0;
	}
	r = dw_engine_reconfigure(w->engine, fresh, &w->err);
	if (r < 0) {
		dw_config_free(fresh);
		return r;
	}
	w->config = fresh;
	dw_config_free(old);
	r = sc_relays_new(w);
	if (r < 0)
		return r;
	for (size_t i = 0; i < fresh->n_feeds; i++) {
		struct sc_feed *f = sc_feed(w, fresh->feeds[i].name);

		if (f && !f->attempted && !f->dirty && (r = sc_write(w, f, 0)) < 0)
			return r;
	}
	return dw_engine_start(w->engine, sc_wall(w), &w->err);
}

/* What a start does after the config: the same at the first and after a crash. */
static int launch(struct sc_world *w)
{
	int r = open_store(w);

	if (r == 0)
		r = dw_engine_new(&w->engine, w->config, w->store, on_log, w, &w->err);
	if (r == 0)
		r = dw_engine_start(w->engine, sc_wall(w), &w->err);
	if (r == 0)
		r = sc_relays_new(w);
	w->clock = (struct dw_clock){ 0 };
	for (size_t i = 0; i < w->n_feed; i++)
		w->feed[i].poll_at = w->t;
	return r;
}

int sc_start(struct sc_world *w)
{
	int r = 0;

	w->t0 = w->t;
	for (size_t i = 0; r == 0 && i < w->config->n_feeds; i++) {
		struct sc_feed *f = sc_feed(w, w->config->feeds[i].name);

		r = !f ? -ENOMEM : f->gone ? 0 : sc_write(w, f, 0);
	}
	if (r == 0)
		r = launch(w);
	w->started = r == 0;
	return r < 0 ? r : sc_settle(w);
}

int sc_restart(struct sc_world *w)
{
	static const char *const file[] = { "duewatch.db", "duewatch.db-wal" };
	char from[300], to[300], a[400], b[400];
	int r = 0;

	if (!w->sqlite)
		return dw_err_set(&w->err, -EINVAL, "a crash needs the real store");
	state_dir(w, from, sizeof(from));
	w->crashes++;
	state_dir(w, to, sizeof(to));
	if (mkdir(to, 0700) < 0)
		return dw_err_set(&w->err, -errno, "%s: %s", to, strerror(errno));
	for (size_t i = 0; r == 0 && i < DW_COUNT(file); i++) {
		snprintf(a, sizeof(a), "%s/%s", from, file[i]);
		snprintf(b, sizeof(b), "%s/%s", to, file[i]);
		if (access(a, R_OK) == 0)
			r = copy_file(w, a, b);
	}
	stop(w); /* the old process is gone; what it would have written at its end went to the old folder */
	wipe(from);
	return r < 0 ? r : launch(w);
}

int64_t sc_order(struct sc_world *w, const char *text)
{
	const char *slash = strchr(text, '/');
	struct dw_order_row row;
	int64_t id;

	for (size_t i = 0; i < w->config->n_feeds; i++) {
		const char *feed = w->config->feeds[i].name;

		if (slash && (strlen(feed) != (size_t)(slash - text) || strncmp(feed, text, strlen(feed)) != 0))
			continue;
		if (dw_store_order_find(w->store, feed, slash ? slash + 1 : text, &row, NULL) == 0) {
			id = row.id;
			dw_order_row_fini(&row);
			return id;
		}
	}
	return -1;
}


/* ---- time ---- */

static dw_time latest_known(struct sc_world *w)
{
	DW_FREE char *decided = NULL;
	dw_time latest = DW_UNKNOWN;

	if (dw_store_meta_get(w->store, "decided_at", &decided, NULL) == 0)
		latest = strtoll(decided, NULL, 10);
	for (size_t i = 0; i < w->config->n_feeds; i++) {
		struct dw_feed_row row;

		if (dw_store_feed_get(w->store, w->config->feeds[i].name, &row, NULL) != 0)
			continue;
		if (row.last_success > latest)
			latest = row.last_success;
		dw_feed_row_fini(&row);
	}
	return latest;
}

/* One pass of the loop. 0; 1: the process died on the way and was started again. */
static int pass(struct sc_world *w)
{
	dw_time latest = w->clock.started ? DW_UNKNOWN : latest_known(w);
	int r;

	w->events++;
	w->believed = dw_clock_look(&w->clock, sc_wall(w), w->t - w->t0 + 1000, latest);
	if (!w->believed)
		return 0; /* decide nothing, apply nothing, send nothing: each of them writes what this clock says */
	r = sc_poll_feeds(w);
	if (r == 0)
		r = dw_engine_tick(w->engine, sc_wall(w), w->crash == SC_AFTER_DECIDE ? 1 : 0, &w->err);
	if (r > 0 || (r == 0 && w->crash == SC_AFTER_QUEUE && dw_outbox_next(w->engine, NULL) != DW_NEVER))
		return sc_die(w);
	if (r == 0)
		r = sc_relays_ask(w);
	return r < 0 ? r : sc_send_due(w);
}

/* The next instant (true time) at which the loop has something to do. */
static dw_time next_event(struct sc_world *w)
{
	dw_time next = dw_engine_next(w->engine, sc_wall(w)), t = dw_outbox_next(w->engine, NULL);

	if (!w->believed)
		return w->t + 60;
	if (t < next)
		next = t;
	if (next != DW_NEVER)
		next -= w->offset;
	for (size_t i = 0; i < w->n_feed; i++)
		if (dw_config_feed(w->config, w->feed[i].name) && w->feed[i].poll_at < next)
			next = w->feed[i].poll_at;
	if (dw_relays_next(w->relays) / 1000 < next - w->t0)
		next = w->t0 + dw_relays_next(w->relays) / 1000;
	if (w->minutely && next > w->t + 60)
		next = w->t + 60;
	return next;
}

int sc_settle(struct sc_world *w)
{
	char at[32];

	for (int i = 0; i < SPINS_MAX; i++) {
		int r = pass(w);

		if (r < 0)
			return r;
		if (r == 0 && next_event(w) > w->t)
			return 0;
	}
	dw_instant_rfc3339(at, w->t);
	return dw_err_set(&w->err, -ELOOP, "the engine spins at %s: there is always something due (orders, feeds, people %lld, outbox %lld)",
			  at, (long long)(dw_engine_next(w->engine, sc_wall(w)) - sc_wall(w)),
			  (long long)(dw_outbox_next(w->engine, NULL) - sc_wall(w)));
}

int sc_advance(struct sc_world *w, dw_time to)
{
	int r = 0;

	if (!w->started) {
		w->t = to;
		return 0;
	}
	while (r == 0 && w->t < to) {
		dw_time next = next_event(w);

		w->t = next < to ? next : to;
		r = sc_settle(w);
	}
	return r;
}

/* ---- what happened ---- */

void sc_list(const struct sc_world *w)
{
	char at[32];

	fprintf(stderr, "delivered:%s\n", w->n_mail ? "" : " nothing");
	for (size_t i = 0; i < w->n_mail; i++) {
		const struct sc_mail *m = &w->mail[i];

		dw_instant_rfc3339(at, m->at);
		fprintf(stderr, "  %s %s %s%s%s \"%s\"\n", at, m->person, sc_type_words[m->type], m->repeat ? " repeat" : "", m->taken ? "" : " NOT EXPECTED", m->subject);
		for (size_t k = 0; k < m->n_entry && k < 30; k++)
			fprintf(stderr, "      %s step %s order %s%s\n", m->entry[k].kind, m->entry[k].step, m->entry[k].order,
				m->entry[k].taken || strcmp(m->entry[k].step, "open") == 0 ? "" : " NOT EXPECTED");
	}
	fprintf(stderr, "log:\n");
	for (size_t i = 0; i < w->n_log; i++)
		fprintf(stderr, "  %s\n", w->log[i] ? w->log[i] : "");
}
