/* world.h: rows of a feed, and the files they become. */
#include "world-impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int sc_put_file(struct sc_world *w, const char *name, const char *text, size_t n)
{
	char path[600], part[600];
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	snprintf(part, sizeof(part), "%s/.part", w->dir);
	f = fopen(part, "w");
	if (!f)
		return dw_err_set(&w->err, -errno, "%s: %s", part, strerror(errno));
	ok = fwrite(text, 1, n, f) == n;
	ok &= fclose(f) == 0;
	if (!ok || rename(part, path) < 0) /* a new inode, as exports come */
		return dw_err_set(&w->err, -EIO, "%s: %s", path, strerror(errno));
	return 0;
}

struct sc_feed *sc_feed(struct sc_world *w, const char *name)
{
	struct sc_feed *f;

	for (size_t i = 0; i < w->n_feed; i++)
		if (strcmp(w->feed[i].name, name) == 0)
			return &w->feed[i];
	if (w->n_feed == SC_FEEDS_MAX || !dw_config_feed(w->config, name))
		return NULL;
	f = &w->feed[w->n_feed];
	f->name = dw_strdup(name);
	f->columns = 1U << DW_F_ORDER_ID;
	f->poll_at = w->t;
	if (!f->name)
		return NULL;
	w->n_feed++;
	return f;
}

struct sc_row *sc_row_add(struct sc_feed *f, const char *order)
{
	struct sc_row *r;

	if (dw_grow(&f->row, &f->cap_row, f->n_row + 1, sizeof(*f->row)) < 0)
		return NULL;
	r = &f->row[f->n_row];
	*r = (struct sc_row){ 0 };
	r->cell[DW_F_ORDER_ID] = dw_strdup(order);
	if (!r->cell[DW_F_ORDER_ID])
		return NULL;
	f->n_row++;
	f->dirty = true;
	return r;
}

struct sc_row *sc_row(struct sc_feed *f, const char *order, bool add)
{
	for (size_t i = 0; i < f->n_row; i++)
		if (strcmp(f->row[i].cell[DW_F_ORDER_ID], order) == 0)
			return &f->row[i];
	return add ? sc_row_add(f, order) : NULL;
}

int sc_cell(struct sc_feed *f, struct sc_row *r, enum dw_field x, const char *text)
{
	char *copy = text && strcmp(text, "-") ? dw_strdup(text) : NULL;

	free(r->cell[x]);
	r->cell[x] = copy;
	f->columns |= 1U << x;
	f->dirty = true;
	return 0;
}

void sc_row_drop(struct sc_feed *f, const char *order)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_row; i++) {
		if (strcmp(f->row[i].cell[DW_F_ORDER_ID], order) != 0) {
			f->row[n++] = f->row[i];
			continue;
		}
		for (int x = 0; x < DW_FIELD_COUNT; x++)
			if (x != DW_F_ORDER_ID)
				free(f->row[i].cell[x]);
		if (order != f->row[i].cell[DW_F_ORDER_ID])
			free(f->row[i].cell[DW_F_ORDER_ID]);
	}
	f->n_row = n;
	f->dirty = true;
}

static void put_cell(struct dw_buf *b, const char *s)
{
	dw_buf_putc(b, '"');
	for (; s && *s; s++) {
		if (*s == '"')
			dw_buf_putc(b, '"');
		dw_buf_putc(b, *s);
	}
	dw_buf_putc(b, '"');
}

static void put_rows(struct dw_buf *b, const struct sc_feed *f)
{
	for (int x = 0; x < DW_FIELD_COUNT; x++)
		if (f->columns >> x & 1)
			dw_buf_printf(b, "%s%s", x ? "," : "", dw_fields[x].name);
	dw_buf_puts(b, "\r\n");
	for (size_t i = 0; i < f->n_row; i++) {
		for (int x = 0; x < DW_FIELD_COUNT; x++)
			if (f->columns >> x & 1) {
				dw_buf_puts(b, x ? "," : "");
				put_cell(b, f->row[i].cell[x]);
			}
		dw_buf_puts(b, "\r\n");
	}
}

int sc_write(struct sc_world *w, struct sc_feed *f, int64_t age)
{
	DW_BUF b = { 0 };
	char name[300], path[600];
	struct timespec at[2] = { { .tv_sec = sc_wall(w) - age }, { .tv_sec = sc_wall(w) - age } };
	int r;

	f->dirty = f->gone = false;
	f->poll_at = w->t;
	if (f->raw)
		dw_buf_puts(&b, f->raw);
	else
		put_rows(&b, f);
	if (b.failed)
		return dw_err_oom(&w->err);
	snprintf(name, sizeof(name), "%s.csv", f->name);
	r = sc_put_file(w, name, dw_buf_str(&b), f->cut ? b.n - b.n / 3 : b.n);
	free(f->raw);
	f->raw = NULL;
	f->cut = false;
	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	if (r == 0 && utimensat(AT_FDCWD, path, at, 0) < 0)
		r = dw_err_set(&w->err, -errno, "%s: %s", path, strerror(errno));
	return r;
}

int sc_poll_feeds(struct sc_world *w)
{
	for (size_t i = 0; i < w->config->n_feeds; i++) {
		const struct dw_feed_conf *conf = &w->config->feeds[i];
		struct sc_feed *f = sc_feed(w, conf->name);
		int r;

		if (!f)
			return dw_err_set(&w->err, -E2BIG, "more than %d feeds", SC_FEEDS_MAX);
		if (w->t < f->poll_at)
			continue;
		r = dw_engine_read(w->engine, conf, false, sc_wall(w), &w->err);
		if (r < 0)
			return r;
		f->attempted = true;
		f->poll_at = w->t + conf->every;
	}
	return 0;
}

void sc_feed_fini(struct sc_feed *f)
{
	for (size_t i = 0; i < f->n_row; i++)
		for (int x = 0; x < DW_FIELD_COUNT; x++)
			free(f->row[i].cell[x]);
	free(f->row);
	free(f->raw);
	free(f->name);
}
