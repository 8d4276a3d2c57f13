/* engine.h, a read: one feed's orders into the store, closings last (rules.md §2, §6). */
#include "engine-impl.h"

#include <stdio.h>
#include <time.h>

/* Which orders a read listed: their row ids. Ids are dense, so a bitmap. */
struct bitmap {
	uint64_t *word;
	size_t n;
};

struct dw_apply {
	struct dw_engine *e;
	const struct dw_feed_conf *feed;
	struct dw_feed_row row; /* as it was before this read */
	struct dw_pack zoned;	/* see pack_for */
	dw_time data_time, now;
	bool in_txn;
	int changed;		  /* in this transaction */
	struct timespec began;
	struct bitmap seen;	  /* main feed */
	uint64_t *overlay_seen;	  /* overlay: sorted at the end */
	size_t n_overlay, cap_overlay;
};

enum { BATCH_MS = 50, BATCH_ORDERS = 5000 };

static int mark(struct bitmap *b, int64_t id)
{
	size_t w = (size_t)id / 64, before = b->n;

	if (dw_grow(&b->word, &b->n, w + 1, sizeof(*b->word)) < 0)
		return -ENOMEM;
	if (b->n > before)
		memset(b->word + before, 0, (b->n - before) * sizeof(*b->word));
	b->word[w] |= UINT64_C(1) << (id % 64);
	return 0;
}

static bool marked(const struct bitmap *b, int64_t id)
{
	size_t w = (size_t)id / 64;

	return w < b->n && (b->word[w] >> (id % 64) & 1);
}

int dw_apply_new(struct dw_apply **out, struct dw_engine *e, const struct dw_feed_conf *feed, dw_time data_time,
		 dw_time now, struct dw_err *err)
{
	struct dw_apply *a = dw_calloc(1, sizeof(*a));
	int r;

	if (!a)
		return dw_err_oom(err);
	a->e = e;
	a->feed = feed;
	a->data_time = data_time;
	a->now = now;
	r = dw_store_feed_get(e->store, feed->name, &a->row, err);
	if (r > 0) {
		dw_err_set(err, -ENOENT, "feed %s is not known to the store", feed->name);
		r = -ENOENT;
	}
	if (r < 0) {
		free(a);
		return r;
	}
	*out = a;
	return 0;
}

void dw_apply_free(struct dw_apply *a)
{
	if (!a)
		return;
	if (a->in_txn)
		dw_store_rollback(a->e->store);
	dw_feed_row_fini(&a->row);
	free(a->seen.word);
	free(a->overlay_seen);
	free(a);
}

static int begin(struct dw_apply *a, struct dw_err *err)
{
	int r;

	if (a->in_txn)
		return 0;
	r = dw_store_begin(a->e->store, err);
	if (r < 0)
		return r;
	a->in_txn = true;
	a->changed = 0;
	clock_gettime(CLOCK_MONOTONIC, &a->began);
	return 0;
}

int dw_apply_flush(struct dw_apply *a, struct dw_err *err)
{
	if (!a->in_txn)
		return 0;
	a->in_txn = false;
	return dw_store_commit(a->e->store, err);
}

/* Batches stay under 50 ms, so that a person's `set` gets in between (design.md §2). */
static int maybe_flush(struct dw_apply *a, struct dw_err *err)
{
	struct timespec t;
	int64_t ms;

	if (!a->in_txn || ++a->changed % 64)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &t);
	ms = (t.tv_sec - a->began.tv_sec) * 1000 + (t.tv_nsec - a->began.tv_nsec) / 1000000;
	return ms >= BATCH_MS || a->changed >= BATCH_ORDERS ? dw_apply_flush(a, err) : 0;
}

/* The pack matters to memory only for a relative promise and its zone: the feed's where the pack has none. */
static const struct dw_pack *pack_for(struct dw_apply *a, const struct dw_facts *f)
{
	const struct dw_pack *pack = dw_pack_of(a->e, a->feed, f);

	if (pack->zone)
		return pack;
	a->zoned = *pack;
	a->zoned.zone = a->feed->zone;
	return &a->zoned;
}

static bool same_facts(const struct dw_facts *a, const struct dw_facts *b)
{
	if (a->listed != b->listed)
		return false;
	for (int x = 0; x < DW_FIELD_COUNT; x++)
		if (!dw_facts_same(a, b, (enum dw_field)x))
			return false;
	return true;
}

static int put_record(struct dw_order_row *row, const struct dw_facts *f, struct dw_err *err)
{
	DW_BUF b = { 0 };

	if (dw_facts_encode(&b, f) < 0)
		return dw_err_oom(err);
	free(row->record);
	row->n_record = b.n;
	row->record = dw_buf_take(&b);
	return row->record ? 0 : dw_err_oom(err);
}

static int put_new(struct dw_apply *a, struct dw_read_order *o, struct dw_order_row *row, struct dw_err *err)
{
	row->feed = dw_strdup(a->feed->name);
	row->order_id = dw_strdup(o->facts.text[DW_F_ORDER_ID]);
	row->memory = DW_MEMORY_NONE;
	row->missing_since = row->missing_data = DW_UNKNOWN;
	row->data_at = DW_NEVER;
	if (!row->feed || !row->order_id)
		return dw_err_oom(err);
	dw_memory_note(&row->memory, NULL, &o->facts, pack_for(a, &o->facts), DW_UNKNOWN, a->data_time, a->now,
		       a->row.first_look);
	return 0;
}

/* The row as this read leaves it; *write false when nothing in it changed. */
static int succeed(struct dw_apply *a, struct dw_read_order *o, struct dw_order_row *row, bool *write, struct dw_err *err)
{
	struct dw_facts before = { 0 };
	dw_time prev = row->missing_data != DW_UNKNOWN ? row->missing_data : a->row.data_time;
	bool listed = row->missing_since == DW_UNKNOWN && !row->gone;
	int r = dw_facts_decode(&before, row->record, row->n_record);

	if (r == -ENOMEM)
		return dw_err_oom(err);
	/* a damaged record is replaced by what the feed says now */
	r = dw_facts_succeed(&o->facts, &before, o->bad, o->left);
	if (r < 0) {
		dw_facts_fini(&before);
		return dw_err_oom(err);
	}
	*write = !listed || row->print != o->print || !same_facts(&before, &o->facts);
	if (*write) {
		if (!same_facts(&before, &o->facts) || !listed)
			row->next_at = 0;
		dw_memory_note(&row->memory, &before, &o->facts, pack_for(a, &o->facts),
			       prev != DW_UNKNOWN ? prev : a->data_time, a->data_time, a->now, a->row.first_look);
		r = dw_proof_note(a->e, row->id, a->feed->name, &before, &o->facts, a->now, err);
	}
	dw_facts_fini(&before);
	if (r < 0)
		return r;
	row->missing_since = row->missing_data = DW_UNKNOWN;
	row->gone = false;
	return 0;
}

static int apply_main(struct dw_apply *a, struct dw_read_order *o, struct dw_err *err)
{
	struct dw_order_row row = { 0 };
	const char *id = o->facts.text[DW_F_ORDER_ID];
	bool write = true, listed, fresh;
	uint64_t print;
	int64_t rowid;
	/* even for an unchanged row: looking up inside one transaction costs a tenth, and one that wrote nothing no sync */
	int r = begin(a, err);

	if (r == 0)
		r = dw_store_order_peek(a->e->store, a->feed->name, id, &rowid, &print, &listed, err);
	if (r < 0)
		return r;
	if (r == 0 && !o->must_parse && listed && print == o->print)
		return mark(&a->seen, rowid) < 0 ? dw_err_oom(err) : 0;
	fresh = r > 0;
	r = r == 0 ? dw_store_order_get(a->e->store, rowid, &row, err) : put_new(a, o, &row, err);
	if (r == 0 && row.id)
		r = succeed(a, o, &row, &write, err);
	if (r == 0 && write) {
		row.print = o->print;
		r = put_record(&row, &o->facts, err);
		if (r == 0)
			r = dw_store_order_put(a->e->store, &row, err);
		if (r == 0 && fresh && !a->row.first_look)
			r = dw_proof_note(a->e, row.id, a->feed->name, NULL, &o->facts, a->now, err);
	}
	if (r == 0 && mark(&a->seen, row.id) < 0)
		r = dw_err_oom(err);
	dw_order_row_fini(&row);
	return r < 0 ? r : r == 0 ? 0 : dw_err_set(err, -ENOENT, "order %s vanished from the store", id);
}

static uint64_t id_hash(const char *id)
{
	return dw_hash_str(DW_HASH_INIT, id);
}

static int apply_overlay(struct dw_apply *a, struct dw_read_order *o, struct dw_err *err)
{
	const char *id = o->facts.text[DW_F_ORDER_ID], *feed = a->feed->name;
	struct dw_facts before = { 0 };
	uint64_t print = 0;
	DW_BUF b = { 0 };
	bool fresh;
	int r = begin(a, err);

	if (r == 0)
		r = dw_store_overlay_get(a->e->store, feed, id, &before, &print, err);
	if (r < 0)
		return r;
	if (dw_grow(&a->overlay_seen, &a->cap_overlay, a->n_overlay + 1, sizeof(uint64_t)) < 0) {
		dw_facts_fini(&before);
		return dw_err_oom(err);
	}
	a->overlay_seen[a->n_overlay++] = id_hash(id);
	if (r == 0 && !o->must_parse && print == o->print) {
		dw_facts_fini(&before);
		return 0;
	}
	fresh = r > 0;
	r = !fresh && dw_facts_succeed(&o->facts, &before, o->bad, o->left) < 0 ? dw_err_oom(err) : 0;
	if (r == 0 && !(fresh && a->row.first_look))
		r = dw_proof_note_overlay(a->e, a->feed, id, fresh ? NULL : &before, &o->facts, a->now, err);
	dw_facts_fini(&before);
	if (r == 0 && dw_facts_encode(&b, &o->facts) < 0)
		r = dw_err_oom(err);
	if (r == 0)
		r = dw_store_overlay_put(a->e->store, feed, id, b.p, b.n, o->print, err);
	return r < 0 ? r : dw_store_orders_touch_number(a->e->store, id, err);
}

int dw_apply_order(struct dw_apply *a, struct dw_read_order *o, struct dw_err *err)
{
	int r = a->feed->overlay ? apply_overlay(a, o, err) : apply_main(a, o, err);

	return r < 0 ? r : maybe_flush(a, err);
}

/* ---- the end of a read ---- */

struct missing {
	int64_t id;
	dw_time since;
};

struct vanish {
	struct dw_apply *a;
	struct missing *list;
	size_t n, cap;
	size_t all;
	size_t open, fresh; /* orders that were listed before; those of them that are gone now */
	bool oom;
};

static int on_id(void *ctx, int64_t id, dw_time since)
{
	struct vanish *v = ctx;

	v->all++;
	v->open += since == DW_UNKNOWN;
	if (marked(&v->a->seen, id))
		return 0;
	v->fresh += since == DW_UNKNOWN;
	if (dw_grow(&v->list, &v->cap, v->n + 1, sizeof(*v->list)) < 0) {
		v->oom = true;
		return 1;
	}
	v->list[v->n++] = (struct missing){ id, since };
	return 0;
}

/* If all of two or more, or five or more and over half, vanish, something else is probably wrong (rules.md §2). */
static bool suspicious(size_t gone, size_t open)
{
	return (open >= 2 && gone == open) || (gone >= 5 && gone * 2 > open);
}

enum { VANISH_WAIT_S = 7 * 86400 };

/* May orders be closed for their absence now? Keeps row->vanish_since. */
static bool may_close(struct dw_apply *a, const struct vanish *v, struct dw_feed_row *row)
{
	if (a->feed->absent != DW_ABSENT_CLOSE)
		return false;
	if (suspicious(v->fresh, v->open) && row->vanish_since == DW_UNKNOWN)
		row->vanish_since = a->now;
	else if (!suspicious(v->n, v->all))
		row->vanish_since = DW_UNKNOWN; /* most of them came back */
	if (row->vanish_since != DW_UNKNOWN && !row->accept && a->now < row->vanish_since + VANISH_WAIT_S)
		return false;
	return true;
}

static int note_missing(struct dw_apply *a, const struct vanish *v, bool closing, const struct dw_feed_row *row,
			int64_t *missing, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->n; i++) {
		dw_time since = v->list[i].since;
		bool gone = closing && (row->accept || (since != DW_UNKNOWN && a->now >= since + a->feed->every));

		(*missing)++;
		if (since != DW_UNKNOWN && !gone)
			continue;
		r = dw_store_order_missing(a->e->store, v->list[i].id, since != DW_UNKNOWN ? since : a->now,
					   a->row.data_time, gone, err);
		if (r == 0)
			r = dw_store_order_touch(a->e->store, v->list[i].id, err);
	}
	return r;
}

static int close_main(struct dw_apply *a, const struct dw_read_report *report, struct dw_feed_row *row, struct dw_err *err)
{
	struct vanish v = { .a = a };
	bool closing;
	int r = dw_store_order_ids(a->e->store, a->feed->name, on_id, &v, err);

	if (v.oom)
		r = dw_err_oom(err);
	row->missing = 0;
	/* a row whose number is unusable counts as listed, and nobody knows for which order */
	if (r >= 0 && report->rejected_ids == 0) {
		closing = may_close(a, &v, row);
		r = note_missing(a, &v, closing, row, &row->missing, err);
		if (closing) {
			row->accept = false;
			row->vanish_since = DW_UNKNOWN;
		}
	}
	if (r >= 0 && row->vanish_since != DW_UNKNOWN) {
		char why[400];

		snprintf(why, sizeof(why),
			 "%zu orders that were open are no longer in the list; nothing was closed. If that is right: duewatch "
			 "feed %s --accept (else it closes them after 7 days)",
			 v.n, a->feed->name);
		free(row->error);
		row->error = dw_strdup(why);
		/* the same doubt at a further read isn't a new error: operators hear daily, not with every export */
		if (row->error_since == DW_UNKNOWN)
			row->error_since = a->row.vanish_since != DW_UNKNOWN && a->row.error_since != DW_UNKNOWN ?
						   a->row.error_since :
						   a->now;
	}
	free(v.list);
	return r < 0 ? r : 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct id_list {
	struct dw_apply *a;
	char **id;
	size_t n, cap, all;
	bool oom;
};

static int on_overlay(void *ctx, const char *id)
{
	struct id_list *l = ctx;
	uint64_t h = id_hash(id);

	l->all++;
	if (l->a->n_overlay && bsearch(&h, l->a->overlay_seen, l->a->n_overlay, sizeof(h), by_value))
		return 0;
	if (dw_grow(&l->id, &l->cap, l->n + 1, sizeof(*l->id)) < 0 || !(l->id[l->n] = dw_strdup(id))) {
		l->oom = true;
		return 1;
	}
	l->n++;
	return 0;
}

/* An overlay that is a list of what is open (absent = "close") withdraws what it no longer names. */
static int close_overlay(struct dw_apply *a, const struct dw_read_report *report, struct dw_feed_row *row,
			 struct dw_err *err)
{
	struct id_list l = { .a = a };
	int r = 0;

	if (a->n_overlay)
		qsort(a->overlay_seen, a->n_overlay, sizeof(uint64_t), by_value);
	if (a->feed->absent == DW_ABSENT_CLOSE && report->rejected_ids == 0) {
		r = dw_store_overlay_each(a->e->store, a->feed->name, on_overlay, &l, err);
		if (l.oom)
			r = dw_err_oom(err);
		for (size_t i = 0; r >= 0 && i < l.n && (!suspicious(l.n, l.all) || row->accept); i++) {
			r = dw_store_overlay_drop(a->e->store, a->feed->name, l.id[i], err);
			if (r >= 0)
				r = dw_store_orders_touch_number(a->e->store, l.id[i], err);
		}
		row->missing = (int64_t)l.n;
		row->accept = false;
	}
	for (size_t i = 0; i < l.n; i++)
		free(l.id[i]);
	free(l.id);
	return r < 0 ? r : dw_store_overlay_unmatched(a->e->store, a->feed->name, &row->unmatched, err);
}

static int good_row(struct dw_feed_row *row, const struct dw_read_report *report, dw_time now, struct dw_err *err)
{
	char *seen = dw_strdup(report->seen ? report->seen : "");
	char *rejects = dw_strdup(dw_buf_str(&report->rejects));

	if (!seen || !rejects) {
		free(seen);
		free(rejects);
		return dw_err_oom(err);
	}
	free(row->seen);
	free(row->rejects);
	free(row->error);
	row->seen = seen;
	row->rejects = rejects;
	row->error = NULL;
	row->error_since = DW_UNKNOWN;
	row->data_time = report->data_time;
	row->last_attempt = row->last_success = now;
	row->orders = report->orders;
	row->rejected = report->rejected;
	return 0;
}

/* What an order's alerts hang on: a header that was renamed would keep its old values for ever, unnoticed. */
#define WATCHED_COLUMNS                                                                                                \
	(UINT32_C(1) << DW_F_STATUS | UINT32_C(1) << DW_F_PROMISED_AT | UINT32_C(1) << DW_F_LEAD_DAYS |                \
	 UINT32_C(1) << DW_F_SHIPPED_AT | UINT32_C(1) << DW_F_EXTENSION_STATE | UINT32_C(1) << DW_F_EXTENSION_UNTIL |  \
	 UINT32_C(1) << DW_F_AUTO_CONFIRM_AT | UINT32_C(1) << DW_F_AGREED_AT | UINT32_C(1) << DW_F_EXPECTED_SHIP_AT)

/* Says which columns a feed had and has no longer, until they are back or `duewatch feed NAME --accept`. */
static int note_columns(struct dw_apply *a, const struct dw_read_report *report, struct dw_feed_row *row, bool accepted,
			struct dw_err *err)
{
	DW_FREE char *was = NULL;
	DW_BUF text = { 0 };
	char key[160], now[16];
	uint32_t had, lost;
	int r;

	snprintf(key, sizeof(key), "columns/%.128s", a->feed->name);
	r = dw_store_meta_get(a->e->store, key, &was, err);
	if (r < 0)
		return r;
	had = r == 0 && !accepted ? (uint32_t)strtoul(was, NULL, 16) : 0;
	lost = had & ~report->columns & WATCHED_COLUMNS;
	snprintf(now, sizeof(now), "%08x", had | report->columns);
	if (r == 1 || strcmp(was, now) != 0)
		r = dw_store_meta_put(a->e->store, key, now, err);
	if (r < 0 || !lost)
		return r < 0 ? r : 0;
	for (int x = 0; x < DW_FIELD_COUNT; x++)
		if (lost >> x & 1) {
			dw_buf_printf(&text, "the column of %s is gone from the file: what it said before still counts (renamed? name it in the "
					     "feed's columns; meant? duewatch feed %s --accept)\n",
				      dw_fields[x].name, a->feed->name);
			row->rejected++;
		}
	dw_buf_puts(&text, row->rejects);
	free(row->rejects);
	row->rejects = dw_buf_take(&text);
	return row->rejects ? 0 : dw_err_oom(err);
}

int dw_apply_finish(struct dw_apply *a, const struct dw_read_report *report, dw_time now, struct dw_err *err)
{
	struct dw_store *s = a->e->store;
	struct dw_feed_row row = { 0 };
	int r = begin(a, err);

	if (r == 0)
		r = dw_store_feed_get(s, a->feed->name, &row, err);
	if (r > 0)
		r = dw_err_set(err, -ENOENT, "feed %s is not known to the store", a->feed->name);
	if (r == 0)
		r = good_row(&row, report, now, err);
	if (r == 0)
		r = note_columns(a, report, &row, row.accept, err);
	if (r == 0)
		r = a->feed->overlay ? close_overlay(a, report, &row, err) : close_main(a, report, &row, err);
	if (a->feed->absent != DW_ABSENT_CLOSE)
		row.accept = false; /* it was about columns only */
	if (r == 0)
		r = dw_store_orders_touch_data(s, a->feed->name, row.data_time, err);
	if (r == 0)
		r = dw_feed_row_save(a->e, &row, err);
	dw_feed_row_fini(&row);
	if (r == 0)
		r = dw_apply_flush(a, err);
	if (r == 0)
		r = dw_feed_row_load(a->e, a->feed->name, err);
	if (r == 0 && a->row.first_look)
		a->e->decided_any = true; /* the first look ends with this read, also when nothing in it is due */
	if (r == 0)
		dw_engine_log(a->e, DW_LOG_INFO, "read feed=%s orders=%lld rejected=%lld", a->feed->name,
			      (long long)report->orders, (long long)report->rejected);
	return r;
}

static int change_row(struct dw_engine *e, const struct dw_feed_conf *feed,
		      int (*change)(struct dw_feed_row *row, const void *arg, dw_time now), const void *arg, dw_time now,
		      struct dw_err *err)
{
	struct dw_feed_row row = { 0 };
	int r = dw_store_begin(e->store, err);

	if (r < 0)
		return r;
	r = dw_store_feed_get(e->store, feed->name, &row, err);
	if (r > 0)
		r = dw_err_set(err, -ENOENT, "feed %s is not known to the store", feed->name);
	if (r == 0)
		r = change(&row, arg, now) < 0 ? dw_err_oom(err) : 0;
	if (r == 0)
		r = dw_feed_row_save(e, &row, err);
	if (r == 0)
		r = dw_store_orders_touch_data(e->store, feed->name, row.data_time, err);
	dw_feed_row_fini(&row);
	if (r < 0) {
		dw_store_rollback(e->store);
		return r;
	}
	r = dw_store_commit(e->store, err);
	return r < 0 ? r : dw_feed_row_load(e, feed->name, err);
}

struct failure {
	int code;
	const char *why;
};

static int fail_row(struct dw_feed_row *row, const void *arg, dw_time now)
{
	const struct failure *f = arg;
	char *why = dw_strdup(f->why);

	if (!why)
		return -ENOMEM;
	/* a fresh install whose first export isn't there yet is no alarm: operators hear of it after a day */
	if (f->code == -ENOENT && row->last_success == DW_UNKNOWN && row->error_told == DW_UNKNOWN)
		row->error_told = now;
	free(row->error);
	row->error = why;
	/* some of it may have been applied: the file of before must be read again if it comes back, though it is the same */
	free(row->seen);
	row->seen = NULL;
	row->last_attempt = now;
	if (row->error_since == DW_UNKNOWN)
		row->error_since = now;
	return 0;
}

int dw_engine_read_failed(struct dw_engine *e, const struct dw_feed_conf *feed, int code, const char *why, dw_time now,
			  struct dw_err *err)
{
	struct dw_err shown;
	struct failure f = { code, shown.text };
	int ix = dw_feed_index(e, feed->name);

	/* a file's name may be any bytes (a zip from another system is unpacked as GBK): the store would refuse them, and
	 * nobody would hear of the failure */
	snprintf(shown.text, sizeof(shown.text), "%s", why);
	dw_quote_line(shown.text);
	/* said once: a damaged file is tried at every poll, and stays the same file */
	if (ix < 0 || !dw_streq(e->feed_row[ix].error, shown.text))
		dw_engine_log(e, DW_LOG_WARNING, "read failed feed=%s: %s", feed->name, shown.text);
	return change_row(e, feed, fail_row, &f, now, err);
}

/* Unchanged files are a good read of what they said before; an error about them (vanished orders) stays. */
static int unchanged_row(struct dw_feed_row *row, const void *arg, dw_time now)
{
	const struct dw_read_report *report = arg;

	row->last_attempt = row->last_success = now;
	row->data_time = report->data_time;
	if (row->vanish_since == DW_UNKNOWN && row->error_since != DW_UNKNOWN) {
		free(row->error);
		row->error = NULL;
		row->error_since = DW_UNKNOWN;
	}
	return 0;
}

int dw_engine_read_unchanged(struct dw_engine *e, const struct dw_feed_conf *feed, const struct dw_read_report *report,
			     dw_time now, struct dw_err *err)
{
	int ix = dw_feed_index(e, feed->name);

	/* nothing to write when the row says so already: a poll of an unchanged file costs a stat */
	if (ix >= 0 && e->feed_row[ix].error_since == DW_UNKNOWN && e->feed_row[ix].data_time == report->data_time)
		return 0;
	return change_row(e, feed, unchanged_row, report, now, err);
}

/* ---- all of it at once ---- */

struct inline_read {
	struct dw_engine *e;
	const struct dw_feed_conf *feed;
	const struct dw_read_report *report;
	struct dw_apply *a;
	dw_time now;
	bool store_failed;
};

static int inline_order(void *ctx, struct dw_read_order *o, struct dw_err *err)
{
	struct inline_read *in = ctx;
	int r = 0;

	if (!in->a)
		r = dw_apply_new(&in->a, in->e, in->feed, in->report->data_time, in->now, err);
	if (r == 0)
		r = dw_apply_order(in->a, o, err);
	in->store_failed |= r < 0;
	return r;
}

enum { CHANGED_TRIES = 3 };

int dw_engine_read(struct dw_engine *e, const struct dw_feed_conf *feed, bool again, dw_time now, struct dw_err *err)
{
	int ix = dw_feed_index(e, feed->name), r = -EAGAIN;
	struct dw_err why = { "" };

	if (ix < 0)
		return dw_err_set(err, -ENOENT, "feed %s is not in the config", feed->name);
	for (int try = 0; r == -EAGAIN && try < CHANGED_TRIES; try++) {
		struct dw_read_report report = { .data_time = now };
		struct inline_read in = { .e = e, .feed = feed, .report = &report, .now = now };

		r = dw_ingest_read(feed, again ? NULL : e->feed_row[ix].seen, now, inline_order, &in, &report, &why);
		if (r == 0 && report.unchanged)
			r = dw_engine_read_unchanged(e, feed, &report, now, err);
		else if (r == 0) {
			if (!in.a)
				r = dw_apply_new(&in.a, e, feed, report.data_time, now, err);
			if (r == 0)
				r = dw_apply_finish(in.a, &report, now, err);
			in.store_failed |= r < 0;
		} else if (in.store_failed && err)
			*err = why;
		if (r < 0 && !in.store_failed && in.a)
			dw_apply_flush(in.a, NULL); /* what came before the failure is good word by word */
		dw_apply_free(in.a);
		dw_read_report_fini(&report);
		if (in.store_failed)
			return r;
	}
	if (r == 0)
		return 0;
	r = dw_engine_read_failed(e, feed, r, why.text, now, err);
	return r < 0 ? r : 1;
}
