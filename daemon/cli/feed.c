/* duewatch feed: health; what a feed gives now, rejects, would change; accepting that orders vanished. */
#include "cli.h"

#include <stdio.h>

enum { SHOWN_ORDERS = 3, SHOWN_CHANGES = 20, SHOWN_NAMES = 10 };

/* ---- health ---- */

static void line(struct dw_buf *out, const char *name, const char *fmt, ...) DW_PRINTF(3, 4);
static void line(struct dw_buf *out, const char *name, const char *fmt, ...)
{
	DW_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	dw_buf_printf(out, "  %-14s", name);
	cli_clean(out, text);
	dw_buf_putc(out, '\n');
	out->failed |= !text;
}

static void time_line(struct dw_buf *out, const struct cli *c, const char *name, dw_time t)
{
	DW_BUF b = { 0 };

	if (t == DW_UNKNOWN)
		dw_buf_puts(&b, "never");
	else {
		cli_time(&b, t, c->zone, c->now);
		dw_buf_puts(&b, ", ");
		cli_span(&b, c->now - t);
		dw_buf_puts(&b, " ago");
	}
	line(out, name, "%s", dw_buf_str(&b));
	out->failed |= b.failed;
}

static void lines_of(struct dw_buf *out, const char *text, int max)
{
	int n = 0;

	for (const char *p = text; p && *p; n++) {
		size_t len = strcspn(p, "\n");
		DW_FREE char *one = dw_strndup(p, len);

		if (n < max) {
			dw_buf_puts(out, "    ");
			cli_clean(out, one);
			dw_buf_putc(out, '\n');
		}
		p += len + (p[len] == '\n');
	}
	if (n > max)
		dw_buf_printf(out, "    and %d more\n", n - max);
}

static void settings(struct dw_buf *out, const struct dw_feed_conf *f)
{
	char every[32], stale[32];

	dw_duration_text(every, f->every);
	dw_duration_text(stale, f->stale_after);
	line(out, "from", "%s: %s%s", f->type, f->path, f->all_files ? " (all files)" : "");
	line(out, "platform", "%s%s", f->platform ? f->platform : f->pack ? f->pack->name : "-", f->overlay ? ", an overlay" : "");
	if (f->other)
		line(out, "times", "in %s or %s, whichever is earlier (no timezone is set)", f->zone->name, f->other->name);
	else
		line(out, "times", "in %s", f->zone->name);
	line(out, "read", "every %s; stale after %s; absent orders: %s", every, stale,
	     f->absent == DW_ABSENT_CLOSE ? "close" : "keep");
}

static void health(struct dw_buf *out, const struct cli *c, const struct dw_feed_conf *f, const struct dw_feed_row *row)
{
	const char *state = row->last_success == DW_UNKNOWN ? "not read yet"
			    : row->error_since != DW_UNKNOWN ? "error"
			    : dw_feed_is_stale(f, row, c->now) ? "stale"
							       : "ok";

	line(out, "state", "%s", state);
	time_line(out, c, "data of", row->data_time);
	time_line(out, c, "last read", row->last_success);
	if (row->error)
		line(out, "error", "%s", row->error);
	if (row->error_since != DW_UNKNOWN)
		time_line(out, c, "since", row->error_since);
	line(out, "orders", "%lld, %lld missing, %lld rows or cells rejected%s", (long long)row->orders,
	     (long long)row->missing, (long long)row->rejected, row->accept ? "; what vanished is accepted" : "");
	if (f->overlay)
		line(out, "of no order", "%lld", (long long)row->unmatched);
	lines_of(out, row->rejects, 40);
}

static int show_feed(struct cli *c, const struct dw_feed_conf *f, struct dw_buf *out)
{
	struct dw_feed_row row = { 0 };
	struct dw_err err = { "" };
	int r = c->store ? dw_store_feed_get(c->store, f->name, &row, &err) : 1;

	if (r < 0)
		return cli_error("%s", err.text);
	if (r > 0)
		row = (struct dw_feed_row){ .data_time = DW_UNKNOWN, .last_success = DW_UNKNOWN, .error_since = DW_UNKNOWN };
	cli_styled(out, c, CLI_BOLD, f->name);
	dw_buf_putc(out, '\n');
	settings(out, f);
	health(out, c, f, &row);
	dw_feed_row_fini(&row);
	return 0;
}

/* ---- dry run ---- */

struct dry {
	struct cli *c;
	const struct dw_feed_conf *feed;
	struct dw_buf *out;
	struct dw_buf changes, fresh_names, gone_names;
	int64_t shown, fresh, changed, same, gone;
	int64_t *seen; /* ids, sorted at the end */
	size_t n_seen, cap_seen;
	bool oom;
};

static void dry_fini(struct dry *d)
{
	dw_buf_fini(&d->changes);
	dw_buf_fini(&d->fresh_names);
	dw_buf_fini(&d->gone_names);
	free(d->seen);
}

static void fact(struct dw_buf *b, const struct cli *c, const struct dw_facts *f, enum dw_field x, const struct dw_zone *z)
{
	DW_BUF raw = { 0 };

	if (!dw_has(f, x))
		dw_buf_putc(b, '-');
	else if (dw_fields[x].kind == DW_K_INSTANT)
		cli_time_both(b, c, f->num[x], z);
	else if (dw_fact_text(&raw, f, x) == 0)
		cli_clip(b, dw_buf_str(&raw), 40);
	b->failed |= raw.failed;
}

static void show_order(struct dry *d, const struct dw_facts *f)
{
	dw_buf_puts(d->out, "    ");
	cli_clean(d->out, f->text[DW_F_ORDER_ID]);
	dw_buf_putc(d->out, ':');
	for (int x = DW_F_STATUS; x < DW_FIELD_COUNT; x++) {
		if (!dw_has(f, (enum dw_field)x))
			continue;
		dw_buf_printf(d->out, " %s=", dw_fields[x].name);
		fact(d->out, d->c, f, (enum dw_field)x, d->feed->pack ? d->feed->pack->zone : NULL);
	}
	dw_buf_putc(d->out, '\n');
}

static void name(struct dw_buf *b, int64_t n, const char *order_id)
{
	if (n > SHOWN_NAMES)
		return;
	dw_buf_puts(b, n > 1 ? ", " : "");
	cli_clean(b, n == SHOWN_NAMES ? "…" : order_id);
}

/* What would differ in an order that is stored. */
static bool compare(struct dry *d, const struct dw_facts *before, const struct dw_facts *now)
{
	const struct dw_zone *z = d->feed->pack ? d->feed->pack->zone : NULL;
	bool differs = false;

	for (int x = DW_F_PLATFORM; x < DW_FIELD_COUNT; x++) {
		if (dw_facts_same(before, now, (enum dw_field)x))
			continue;
		if (d->changed < SHOWN_CHANGES) {
			dw_buf_puts(&d->changes, differs ? "; " : "    ");
			if (!differs) {
				cli_clean(&d->changes, now->text[DW_F_ORDER_ID]);
				dw_buf_puts(&d->changes, ": ");
			}
			dw_buf_printf(&d->changes, "%s ", dw_fields[x].name);
			fact(&d->changes, d->c, before, (enum dw_field)x, z);
			dw_buf_puts(&d->changes, " -> ");
			fact(&d->changes, d->c, now, (enum dw_field)x, z);
		}
		differs = true;
	}
	if (differs && d->changed < SHOWN_CHANGES)
		dw_buf_putc(&d->changes, '\n');
	return differs;
}

/* The stored word of this feed on the order. 0; 1: none. */
static int stored(struct dry *d, const char *order_id, struct dw_facts *before, struct dw_err *err)
{
	struct dw_order_row row = { 0 };
	int r;

	if (!d->c->store)
		return 1;
	if (d->feed->overlay)
		return dw_store_overlay_get(d->c->store, d->feed->name, order_id, before, NULL, err);
	r = dw_store_order_find(d->c->store, d->feed->name, order_id, &row, err);
	if (r == 0 && dw_facts_decode(before, row.record, row.n_record) < 0)
		memset(before, 0, sizeof(*before));
	if (r == 0 && dw_grow(&d->seen, &d->cap_seen, d->n_seen + 1, sizeof(*d->seen)) == 0)
		d->seen[d->n_seen++] = row.id;
	dw_order_row_fini(&row);
	return r;
}

static int dry_order(void *ctx, struct dw_read_order *o, struct dw_err *err)
{
	struct dry *d = ctx;
	struct dw_facts before = { 0 };
	int r = stored(d, o->facts.text[DW_F_ORDER_ID], &before, err);

	if (r < 0)
		return r;
	if (d->shown++ < SHOWN_ORDERS)
		show_order(d, &o->facts);
	if (r > 0)
		name(&d->fresh_names, ++d->fresh, o->facts.text[DW_F_ORDER_ID]);
	else {
		if (dw_facts_succeed(&o->facts, &before, o->bad, o->left) < 0)
			r = dw_err_oom(err);
		else if (compare(d, &before, &o->facts))
			d->changed++;
		else
			d->same++;
	}
	dw_facts_fini(&before);
	return r < 0 ? r : 0;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int on_stored(void *ctx, int64_t id, dw_time missing_since)
{
	struct dry *d = ctx;
	struct dw_order_row row = { 0 };

	if (missing_since != DW_UNKNOWN || (d->n_seen && bsearch(&id, d->seen, d->n_seen, sizeof(id), by_value)))
		return 0;
	if (++d->gone <= SHOWN_NAMES && dw_store_order_get(d->c->store, id, &row, NULL) == 0)
		name(&d->gone_names, d->gone, row.order_id);
	dw_order_row_fini(&row);
	return 0;
}

static void dry_report(struct dry *d, const struct dw_read_report *report)
{
	struct dw_buf *out = d->out;

	dw_buf_printf(out, "  would change: %lld new", (long long)d->fresh);
	if (d->fresh)
		dw_buf_printf(out, " (%s)", dw_buf_str(&d->fresh_names));
	dw_buf_printf(out, ", %lld changed, %lld as before, %lld no longer listed", (long long)d->changed, (long long)d->same,
		      (long long)d->gone);
	if (d->gone)
		dw_buf_printf(out, " (%s)", dw_buf_str(&d->gone_names));
	dw_buf_putc(out, '\n');
	dw_buf_puts(out, dw_buf_str(&d->changes));
	if (d->changed > SHOWN_CHANGES)
		dw_buf_printf(out, "    and %lld more\n", (long long)(d->changed - SHOWN_CHANGES));
	dw_buf_printf(out, "  rejected: %lld rows or cells\n", (long long)report->rejected);
	lines_of(out, dw_buf_str(&report->rejects), 40);
}

static int dry_run(struct cli *c, const struct dw_feed_conf *f, struct dw_buf *out)
{
	struct dry d = { .c = c, .feed = f, .out = out };
	struct dw_read_report report = { .data_time = DW_UNKNOWN };
	struct dw_err err = { "" };
	int r;

	cli_styled(out, c, CLI_BOLD, f->name);
	dw_buf_puts(out, " gives now:\n");
	r = dw_ingest_read(f, NULL, c->now, dry_order, &d, &report, &err);
	if (r == 0 && c->store && !f->overlay) {
		if (d.n_seen)
			qsort(d.seen, d.n_seen, sizeof(*d.seen), by_value);
		r = dw_store_order_ids(c->store, f->name, on_stored, &d, &err);
	}
	if (r >= 0) {
		dw_buf_printf(out, "  %lld orders in %lld rows\n", (long long)report.orders, (long long)report.rows);
		dry_report(&d, &report);
	} else {
		lines_of(out, dw_buf_str(&report.rejects), 40);
		cli_error("feed %s: nothing would be read: %s", f->name, err.text);
	}
	out->failed |= d.changes.failed || d.fresh_names.failed || d.gone_names.failed;
	dry_fini(&d);
	dw_read_report_fini(&report);
	return r < 0 ? CLI_FAILED : 0;
}

/* ---- accept ---- */

/* Marks it accepted, then reads: so it holds at once, with or without a daemon. */
static int accept_vanished(struct cli *c, const struct dw_feed_conf *f)
{
	struct dw_feed_row row = { 0 };
	struct dw_err err = { "" };
	DW_BUF out = { 0 };
	int r;

	if (f->absent != DW_ABSENT_CLOSE)
		return cli_error("feed %s keeps orders that are no longer listed (absent = \"keep\"): there is nothing to accept",
				 f->name);
	r = dw_store_begin(c->store, &err);
	if (r == 0)
		r = dw_store_feed_get(c->store, f->name, &row, &err);
	if (r > 0)
		r = dw_err_set(&err, -ENOENT, "feed %s has not been read yet", f->name);
	row.accept = true;
	if (r == 0)
		r = dw_store_feed_put(c->store, &row, &err);
	dw_feed_row_fini(&row);
	r = r < 0 ? r : dw_store_commit(c->store, &err);
	if (r < 0) {
		dw_store_rollback(c->store);
		return cli_error("%s", err.text);
	}
	r = dw_engine_read(c->engine, f, true, c->now, &err);
	cli_wake(c);
	if (r < 0)
		return cli_error("%s", err.text);
	dw_buf_printf(&out, "accepted: %s\n",
		      r ? "the read failed; it holds at the next good one" : "the orders no longer listed are closed");
	r = show_feed(c, f, &out);
	return r ? r : cli_print(&out);
}

static int find(struct cli *c, const char *text, const struct dw_feed_conf **out)
{
	const char *names[200], *near;
	DW_BUF list = { 0 };
	size_t n = 0;

	*out = dw_config_feed(c->config, text);
	if (*out)
		return 0;
	for (; n < c->config->n_feeds && n < DW_COUNT(names); n++) {
		names[n] = c->config->feeds[n].name;
		if (list.n < 300)
			dw_buf_printf(&list, "%s%s", n ? ", " : "", names[n]);
	}
	near = dw_near(text, names, n);
	if (near)
		return cli_error("no feed \"%.60s\", did you mean %s?", text, near);
	return cli_error("no feed \"%.60s\"; there are: %s", text, dw_buf_str(&list));
}

int cli_feed(struct cli *c)
{
	bool dry = cli_option(c, "dry-run"), accept = cli_option(c, "accept");
	const struct dw_feed_conf *one = NULL;
	DW_BUF out = { 0 };
	int r = c->n_arg ? find(c, c->arg[0], &one) : 0, printed;

	if (r)
		return r;
	if (dry && accept)
		return cli_usage(c, "feed: --dry-run changes nothing, --accept does: one of them");
	if (accept && !one)
		return cli_usage(c, "feed: --accept needs the feed's name");
	if (accept)
		return c->store ? accept_vanished(c, one) : cli_error("feed %s has not been read yet", one->name);
	for (size_t i = 0; i < c->config->n_feeds; i++) {
		const struct dw_feed_conf *f = &c->config->feeds[i];
		int bad;

		if (one && f != one)
			continue;
		bad = dry ? dry_run(c, f, &out) : show_feed(c, f, &out);
		r = bad ? bad : r;
	}
	printed = cli_print(&out);
	return r ? r : printed;
}
