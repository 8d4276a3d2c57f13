/* engine-impl.h: what operators hear of feeds: feed_error, feed_stale, cells_rejected (rules.md §4). */
#include "dispatch-view.h"

#include <stdio.h>

enum { AGAIN_S = 86400, AGAIN_SOON_S = 3600, BLIND_AHEAD_S = 3 * 86400, LISTED = 40 };

static int to_operators(struct dw_engine *e, const char *title, const char *const *note, size_t n,
			const struct dw_feed_conf *feed, const char *key, dw_time now, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < e->config->people.n_operators; i++) {
		char full[300];

		snprintf(full, sizeof(full), "%s|%s", key, e->config->people.p[e->config->people.operators[i]].name);
		r = dw_dispatch_words(e, DW_MAIL_FEED, e->config->people.operators[i], title, note, n, feed, full, now, err);
	}
	return r < 0 ? r : 0;
}

/* When a feed_error is owed: at once, then daily while it lasts; after it ended and came back, hourly at most. */
static dw_time error_due(const struct dw_feed_row *row)
{
	if (row->error_since == DW_UNKNOWN)
		return DW_NEVER;
	if (row->error_told == DW_UNKNOWN)
		return row->error_since;
	return row->error_told + (row->error_told < row->error_since ? AGAIN_SOON_S : AGAIN_S);
}

static int tell_error(struct dw_engine *e, int ix, dw_time now, struct dw_err *err)
{
	const struct dw_feed_conf *conf = &e->config->feeds[ix];
	struct dw_feed_row *row = &e->feed_row[ix];
	char text[800], title[160], key[200];
	const char *note[2] = { text, "Until a read succeeds, duewatch goes on with what it knew and closes nothing." };
	int r;

	if (error_due(row) > now)
		return 0;
	snprintf(title, sizeof(title), "Feed %.64s needs a look (feed_error)", conf->name);
	snprintf(text, sizeof(text), "%.700s", row->error ? row->error : "unknown error");
	dw_utf8_mend(text);
	snprintf(key, sizeof(key), "feed_error|%s|%lld|%lld", conf->name, (long long)row->error_since, (long long)now);
	r = to_operators(e, title, note, 2, conf, key, now, err);
	if (r < 0)
		return r;
	row->error_told = now;
	return dw_feed_row_save(e, row, err);
}

static void line_of(struct dw_buf *b, const struct dw_mail_item *item, const struct dw_person *p)
{
	struct dw_civil c;

	dw_buf_printf(b, "%s (%s)", item->order_id, item->kind >= 0 ? dw_kinds[item->kind].name : "-");
	if (item->act_by != DW_UNKNOWN) {
		dw_zone_civil(p->zone, item->act_by, &c);
		dw_buf_printf(b, " by %04d-%02d-%02d %02d:%02d", c.year, c.month, c.day, c.hour, c.minute);
	}
}

static void blind_words(char *out, size_t size, int64_t s)
{
	if (s >= 2 * DW_DAY)
		snprintf(out, size, "%lld days", (long long)(s / 86400));
	else
		snprintf(out, size, "%lld hours", (long long)(s / 3600));
}

/* One mail that lists the orders whose steps after act_by are held back: "check by hand". */
static int mail_stale(struct dw_engine *e, int ix, const struct dw_gathered *g, dw_time now, struct dw_err *err)
{
	const struct dw_feed_conf *conf = &e->config->feeds[ix];
	struct dw_feed_row *row = &e->feed_row[ix];
	const struct dw_person *p = &e->config->people.p[e->config->people.operators[0]];
	char first[400], title[160], key[200], age[40];
	DW_BUF list = { 0 };
	const char *note[3] = { first, NULL, NULL };
	struct dw_civil c;
	int r;

	blind_words(age, sizeof(age), now - row->data_time);
	dw_zone_civil(p->zone, row->data_time, &c);
	snprintf(title, sizeof(title), "Feed %.64s: its data is %s old (feed_stale)", conf->name, age);
	snprintf(first, sizeof(first),
		 "The last good data of feed %.64s is from %04d-%02d-%02d %02d:%02d. What happened on the platform since then is "
		 "unknown here. Export the orders again, or see why the export stopped.%s%.100s",
		 conf->name, c.year, c.month, c.day, c.hour, c.minute, row->error ? " The last error: " : "",
		 row->error ? row->error : "");
	dw_utf8_mend(first);
	for (size_t i = 0; i < g->n && i < LISTED; i++) {
		dw_buf_puts(&list, i ? "; " : "Check by hand: ");
		line_of(&list, &g->item[i], p);
	}
	if (g->n > LISTED || g->more)
		dw_buf_printf(&list, "; and %zu more (duewatch status)", (g->n > LISTED ? g->n - LISTED : 0) + g->more);
	if (list.failed)
		return dw_err_oom(err);
	note[1] = list.n ? dw_buf_str(&list) : "No order of this feed has a deadline behind it or in the next three days.";
	snprintf(key, sizeof(key), "feed_stale|%s|%lld", conf->name, (long long)now);
	r = to_operators(e, title, note, 2, conf, key, now, err);
	if (r < 0)
		return r;
	row->stale_told = now;
	return dw_feed_row_save(e, row, err);
}

static bool stale_owed(const struct dw_feed_conf *conf, const struct dw_feed_row *row, dw_time now)
{
	if (!dw_feed_is_stale(conf, row, now))
		return false;
	return row->stale_told == DW_UNKNOWN || row->stale_told < row->data_time + conf->stale_after ||
	       now >= row->stale_told + AGAIN_S;
}

static int tell_stale(struct dw_engine *e, int ix, dw_time now, struct dw_err *err)
{
	const struct dw_feed_conf *conf = &e->config->feeds[ix];
	struct dw_feed_row *row = &e->feed_row[ix];
	bool first = row->stale_told == DW_UNKNOWN || row->stale_told < row->data_time + conf->stale_after;
	struct dw_gathered g = { 0 };
	dw_time newest = DW_UNKNOWN;
	int r = 0;

	if (!stale_owed(conf, row, now))
		return 0;
	if (!conf->overlay)
		r = dw_gather_held(e, conf->name, BLIND_AHEAD_S, now, &g, &newest, err);
	/* again only when something new fell into the blind time */
	if (r == 0 && (first || (newest != DW_UNKNOWN && newest > row->stale_told)))
		r = mail_stale(e, ix, &g, now, err);
	else if (r == 0) {
		row->stale_told = now;
		r = dw_feed_row_save(e, row, err);
	}
	dw_gathered_fini(&g);
	return r;
}

/* Operators without a daily mail hear of rejected cells at once. */
static int tell_rejects(struct dw_engine *e, int ix, dw_time now, struct dw_err *err)
{
	struct dw_feed_row *row = &e->feed_row[ix];
	uint64_t hash = row->rejected && !dw_empty(row->rejects) ? dw_hash_str(DW_HASH_INIT, row->rejects) : 0;
	const char *note[1] = { row->rejects };
	char title[160], key[200];
	bool off = false;
	int r = 0;

	for (size_t i = 0; i < e->config->people.n_operators; i++)
		off |= e->config->people.p[e->config->people.operators[i]].daily_minute < 0;
	if (!off || hash == row->rejects_told)
		return 0;
	snprintf(title, sizeof(title), "Feed %.64s: %lld cells or rows can't be used (cells_rejected)",
		 e->config->feeds[ix].name, (long long)row->rejected);
	snprintf(key, sizeof(key), "rejects|%s|%016llx", e->config->feeds[ix].name, (unsigned long long)hash);
	for (size_t i = 0; r >= 0 && hash && i < e->config->people.n_operators; i++) {
		int who = e->config->people.operators[i];
		char full[300];

		if (e->config->people.p[who].daily_minute >= 0)
			continue;
		snprintf(full, sizeof(full), "%s|%d", key, who);
		r = dw_dispatch_words(e, DW_MAIL_FEED, who, title, note, 1, &e->config->feeds[ix], full, now, err);
	}
	if (r < 0)
		return r;
	row->rejects_told = hash;
	return dw_feed_row_save(e, row, err);
}

int dw_health_tell(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < e->config->n_feeds; i++) {
		r = tell_error(e, (int)i, now, err);
		if (r >= 0)
			r = tell_stale(e, (int)i, now, err);
		if (r >= 0)
			r = tell_rejects(e, (int)i, now, err);
	}
	return r < 0 ? r : 0;
}

dw_time dw_health_next(struct dw_engine *e, dw_time now)
{
	dw_time next = DW_NEVER, t;

	for (size_t i = 0; i < e->config->n_feeds; i++) {
		const struct dw_feed_conf *conf = &e->config->feeds[i];
		const struct dw_feed_row *row = &e->feed_row[i];

		if (stale_owed(conf, row, now))
			return now;
		t = error_due(row);
		if (t < next)
			next = t;
		if (row->data_time == DW_UNKNOWN)
			continue;
		t = row->data_time + conf->stale_after + 1;
		if (t <= now)
			t = row->stale_told + AGAIN_S;
		if (t < next)
			next = t;
	}
	return next;
}
