/* engine-impl.h: what operators hear of feeds: feed_error, feed_stale, cells_rejected (rules.md §4). */
#include "dispatch-view.h"
#include "note.h"

#include <stdio.h>

enum { AGAIN_S = 86400, AGAIN_SOON_S = 3600 };

static int to_operators(struct dw_engine *e, const struct dw_note *note, const struct dw_feed_conf *feed, bool held,
			const char *key, dw_time now, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < e->config->people.n_operators; i++) {
		char full[300];

		snprintf(full, sizeof(full), "%s|%s", key, e->config->people.p[e->config->people.operators[i]].name);
		r = dw_dispatch_note(e, &(struct dw_telling){ .note = note, .feed = feed, .held = held, .key = full },
				     e->config->people.operators[i], now, err);
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
	struct dw_note note = { .name = "feed_error",
				.value = { { .name = "feed", .text = conf->name },
					   { .name = "error", .text = row->error ? row->error : "unknown error" } } };
	char key[200];
	int r;

	if (error_due(row) > now)
		return 0;
	snprintf(key, sizeof(key), "feed_error|%s|%lld|%lld", conf->name, (long long)row->error_since, (long long)now);
	r = to_operators(e, &note, conf, false, key, now, err);
	if (r < 0)
		return r;
	row->error_told = now;
	return dw_feed_row_save(e, row, err);
}

/* One mail that lists the orders whose steps after act_by are held back: "check by hand". */
static int mail_stale(struct dw_engine *e, int ix, const struct dw_gathered *g, dw_time now, struct dw_err *err)
{
	const struct dw_feed_conf *conf = &e->config->feeds[ix];
	struct dw_feed_row *row = &e->feed_row[ix];
	struct dw_note note = { .name = "feed_stale",
				.value = { { .name = "feed", .text = conf->name },
					   { .name = "age", .type = DW_NOTE_AGE, .num = now - row->data_time },
					   { .name = "data", .type = DW_NOTE_INSTANT, .num = row->data_time },
					   { .name = "error", .text = row->error },
					   { .name = "held", .type = DW_NOTE_NUMBER, .num = (int64_t)(g->n + g->more) } } };
	char key[200];
	int r;

	snprintf(key, sizeof(key), "feed_stale|%s|%lld", conf->name, (long long)now);
	r = to_operators(e, &note, conf, g->n > 0, key, now, err);
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
		r = dw_gather_held(e, conf->name, now, &g, &newest, err);
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
	struct dw_note note;
	char key[200];
	bool off = false;
	int r = 0;

	for (size_t i = 0; i < e->config->people.n_operators; i++)
		off |= e->config->people.p[e->config->people.operators[i]].daily_minute < 0;
	if (!off || hash == row->rejects_told)
		return 0;
	dw_note_rejects(&note, row);
	snprintf(key, sizeof(key), "rejects|%s|%016llx", e->config->feeds[ix].name, (unsigned long long)hash);
	for (size_t i = 0; r >= 0 && hash && i < e->config->people.n_operators; i++) {
		int who = e->config->people.operators[i];
		char full[300];

		if (e->config->people.p[who].daily_minute >= 0)
			continue;
		snprintf(full, sizeof(full), "%s|%d", key, who);
		r = dw_dispatch_note(e, &(struct dw_telling){ .note = &note, .feed = &e->config->feeds[ix], .key = full }, who, now,
				     err);
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
