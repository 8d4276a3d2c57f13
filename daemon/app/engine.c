/* engine.h: the tick. Orders due are decided in short transactions, each with its alerts and steps; then what waits to
 * be told becomes mails (dispatch.c) in the transaction that marks it told. A step recorded as waiting is owed still:
 * a crash between the two loses nothing and repeats nothing. */
#include "engine-impl.h"
#include "note.h"

#include <stdio.h>
#include <time.h>

void dw_engine_log(struct dw_engine *e, int priority, const char *fmt, ...)
{
	char line[1200];
	va_list ap;

	if (!e->log)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	dw_quote_line(line); /* one event, one line, whatever a cell or a server says */
	e->log(e->log_ctx, priority, line);
}

int dw_feed_index(const struct dw_engine *e, const char *name)
{
	for (size_t i = 0; i < e->config->n_feeds; i++)
		if (dw_streq(e->config->feeds[i].name, name))
			return (int)i;
	return -1;
}

int dw_feed_row_load(struct dw_engine *e, const char *name, struct dw_err *err)
{
	struct dw_feed_row row = { 0 };
	int ix = dw_feed_index(e, name), r = dw_store_feed_get(e->store, name, &row, err);

	if (r || ix < 0) {
		dw_feed_row_fini(&row);
		return r < 0 ? r : 0;
	}
	dw_feed_row_fini(&e->feed_row[ix]);
	e->feed_row[ix] = row;
	return 0;
}

int dw_feed_row_save(struct dw_engine *e, const struct dw_feed_row *row, struct dw_err *err)
{
	return dw_store_feed_put(e->store, row, err);
}

static void free_rows(struct dw_feed_row *rows, size_t n)
{
	for (size_t i = 0; rows && i < n; i++)
		dw_feed_row_fini(&rows[i]);
	free(rows);
}

static void use_config(struct dw_engine *e, const struct dw_config *config)
{
	e->config = config;
	e->closures_at = DW_UNKNOWN;
	memcpy(e->rules.transit_days, config->transit_days, sizeof(e->rules.transit_days));
	e->alert_rules = (struct dw_alert_rules){ .people = &config->people, .ladder = config->ladder };
}

static int new_rows(struct dw_feed_row **out, const struct dw_config *config, struct dw_err *err)
{
	struct dw_feed_row *rows = dw_calloc(config->n_feeds ? config->n_feeds : 1, sizeof(*rows));

	if (!rows)
		return dw_err_oom(err);
	for (size_t i = 0; i < config->n_feeds; i++)
		rows[i].data_time = rows[i].error_since = DW_UNKNOWN;
	*out = rows;
	return 0;
}

int dw_engine_new(struct dw_engine **out, const struct dw_config *config, struct dw_store *store,
		  void (*log)(void *ctx, int priority, const char *line), void *ctx, struct dw_err *err)
{
	struct dw_engine *e = dw_calloc(1, sizeof(*e));
	int r;

	if (!e)
		return dw_err_oom(err);
	e->store = store;
	e->log = log;
	e->log_ctx = ctx;
	use_config(e, config);
	r = new_rows(&e->feed_row, config, err);
	if (r == 0)
		r = dw_composer_new(&e->composer, config, err);
	for (size_t i = 0; r == 0 && i < config->n_feeds; i++)
		r = dw_feed_row_load(e, config->feeds[i].name, err);
	if (r < 0) {
		dw_engine_free(e);
		return r;
	}
	*out = e;
	return 0;
}

void dw_engine_free(struct dw_engine *e)
{
	if (!e)
		return;
	free_rows(e->feed_row, e->config->n_feeds);
	dw_composer_free(e->composer);
	free(e);
}

void dw_engine_bare(struct dw_engine *e)
{
	e->bare = true;
}

int dw_engine_reconfigure(struct dw_engine *e, const struct dw_config *config, struct dw_err *err)
{
	struct dw_composer *composer = NULL;
	struct dw_feed_row *rows = NULL;
	int r = new_rows(&rows, config, err);

	for (size_t i = 0; r >= 0 && i < config->n_feeds; i++)
		r = dw_store_feed_get(e->store, config->feeds[i].name, &rows[i], err);
	if (r >= 0)
		r = dw_composer_new(&composer, config, err);
	if (r < 0) {
		free_rows(rows, config->n_feeds);
		return r;
	}
	free_rows(e->feed_row, e->config->n_feeds);
	dw_composer_free(e->composer);
	e->feed_row = rows;
	e->composer = composer;
	use_config(e, config);
	return 0;
}

/* ---- start ---- */

static int make_feed_rows(struct dw_engine *e, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < e->config->n_feeds; i++) {
		const struct dw_feed_conf *f = &e->config->feeds[i];
		struct dw_feed_row row = { 0 };

		r = dw_store_feed_get(e->store, f->name, &row, err);
		if (r == 1) {
			row = (struct dw_feed_row){ .name = f->name, .overlay = f->overlay, .data_time = DW_UNKNOWN,
						    .last_attempt = DW_UNKNOWN, .last_success = DW_UNKNOWN,
						    .error_since = DW_UNKNOWN, .first_look = true,
						    .error_told = DW_UNKNOWN, .stale_told = DW_UNKNOWN,
						    .vanish_since = DW_UNKNOWN };
			r = dw_store_feed_put(e->store, &row, err);
		} else {
			if (r == 0 && row.overlay != f->overlay) {
				row.overlay = f->overlay;
				r = dw_store_feed_put(e->store, &row, err);
			}
			dw_feed_row_fini(&row);
		}
	}
	return r < 0 ? r : 0;
}

/* People, ladders, packs, zones or the program's rules differ from those of the last decisions: all anew. */
static int check_rules(struct dw_engine *e, struct dw_err *err)
{
	char now[32];
	DW_FREE char *was = NULL;
	int r = dw_store_meta_get(e->store, "rules", &was, err);

	if (r < 0)
		return r;
	snprintf(now, sizeof(now), "%016llx", (unsigned long long)e->config->rules);
	if (r == 0 && strcmp(was, now) == 0)
		return 0;
	r = dw_store_orders_touch_feed(e->store, NULL, err);
	return r < 0 ? r : dw_store_meta_put(e->store, "rules", now, err);
}

int dw_engine_rules_changed(struct dw_engine *e, struct dw_err *err)
{
	int r = dw_store_begin(e->store, err);

	if (r < 0)
		return r;
	r = check_rules(e, err);
	if (r < 0) {
		dw_store_rollback(e->store);
		return r;
	}
	e->closures_at = DW_UNKNOWN;
	return dw_store_commit(e->store, err);
}

static int start_people(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < e->config->people.n; i++) {
		struct dw_person_row row;

		r = dw_store_person_get(e->store, e->config->people.p[i].name, &row, err);
		if (r != 1)
			continue;
		row = (struct dw_person_row){ .daily_at = now, .dead_at = DW_UNKNOWN };
		snprintf(row.name, sizeof(row.name), "%s", e->config->people.p[i].name);
		r = dw_store_person_put(e->store, &row, err);
	}
	return r < 0 ? r : 0;
}

int dw_engine_start(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	int released = 0, r = dw_store_begin(e->store, err);

	if (r < 0)
		return r;
	/* once: after a reload the leases are our own senders', still on their way */
	if (!e->started)
		released = r = dw_store_mail_release(e->store, err);
	if (r >= 0)
		r = make_feed_rows(e, err);
	if (r == 0)
		r = check_rules(e, err);
	if (r == 0)
		r = start_people(e, now, err);
	if (r == 0 && e->config->replies.address)
		r = dw_engine_reply_key(e, err);
	if (r < 0) {
		dw_store_rollback(e->store);
		e->keyed = false; /* it may have been made just now */
		return r;
	}
	r = dw_store_commit(e->store, err);
	e->keyed &= r == 0;
	e->started |= r == 0;
	e->decided_any = true; /* steps may wait for their mails since before a crash */
	if (r == 0 && released > 0)
		dw_engine_log(e, DW_LOG_NOTICE, "outbox: %d mails were being sent at the last stop; queued again", released);
	for (size_t i = 0; r == 0 && i < e->config->n_feeds; i++)
		r = dw_feed_row_load(e, e->config->feeds[i].name, err);
	if (r == 0)
		e->decided_at = dw_engine_latest(e);
	return r;
}

dw_time dw_engine_latest(struct dw_engine *e)
{
	DW_FREE char *decided = NULL;
	dw_time latest = DW_UNKNOWN;

	if (dw_store_meta_get(e->store, "decided_at", &decided, NULL) == 0)
		latest = strtoll(decided, NULL, 10);
	for (size_t i = 0; i < e->config->n_feeds; i++)
		if (e->feed_row[i].last_success > latest)
			latest = e->feed_row[i].last_success;
	return latest;
}

/* ---- deciding ---- */

static int history(struct dw_engine *e, int64_t order, dw_time now, const char *fmt, ...) DW_PRINTF(4, 5);
static int history(struct dw_engine *e, int64_t order, dw_time now, const char *fmt, ...)
{
	char line[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return dw_store_history_add(e->store, order, now, dw_utf8_mend(line), NULL);
}

static int note_alert(struct dw_engine *e, const struct dw_case *c, enum dw_side side, dw_time now)
{
	const struct dw_alert *a = &c->plan.alert[side];
	char at[32] = "-", number[DW_WORD_SIZE];

	if (a->episode == DW_EPISODE_NONE || a->kind == DW_NO_KIND)
		return history(e, c->row.id, now, "%s: quiet", dw_side_words[side]);
	for (size_t i = 0; i < c->n_alert; i++)
		if (c->alert[i].side == side && c->alert[i].kind == a->kind && c->alert[i].act_by == a->act_by)
			return 0;
	if (a->act_by != DW_UNKNOWN)
		dw_instant_rfc3339(at, a->act_by);
	dw_engine_log(e, DW_LOG_INFO, "alert order=%s/%s side=%s kind=%s act_by=%s", c->row.feed,
		      dw_quote_word(number, c->row.order_id), dw_side_words[side], dw_kinds[a->kind].name, at);
	return history(e, c->row.id, now, "%s: %s, act by %s", dw_side_words[side], dw_kinds[a->kind].name, at);
}

static int put_alerts(struct dw_engine *e, struct dw_case *c, dw_time now, struct dw_err *err)
{
	for (int i = 0; i < DW_SIDE_COUNT; i++) {
		struct dw_alert *a = &c->plan.alert[i];
		int64_t episode;
		int r;

		if (!c->plan.alert_changed[i])
			continue;
		note_alert(e, c, (enum dw_side)i, now);
		if (a->episode == DW_EPISODE_NONE) {
			r = dw_store_alert_drop(e->store, c->row.id, (enum dw_side)i, err);
			if (r < 0)
				return r;
			continue;
		}
		if (a->episode == DW_EPISODE_NEW) {
			episode = dw_store_episode_next(e->store, c->row.id, (enum dw_side)i, err);
			if (episode < 0)
				return (int)episode;
			a->episode = episode;
			for (size_t k = 0; k < c->plan.n_step; k++)
				if (c->plan.step[k].side == (enum dw_side)i && c->plan.step[k].episode == DW_EPISODE_NEW)
					c->plan.step[k].episode = episode;
		}
		r = dw_store_alert_put(e->store, c->row.id, a, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int put_steps(struct dw_engine *e, const struct dw_case *c, dw_time now, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < c->plan.n_drop; i++)
		r = dw_store_step_set(e->store, c->plan.drop[i], DW_STEP_COVERED, 0, now, err);
	for (size_t i = 0; r >= 0 && i < c->plan.n_step; i++) {
		struct dw_step_row row = { .told = c->plan.step[i], .order = c->row.id };

		snprintf(row.person, sizeof(row.person), "%s", e->config->people.p[row.told.person].name);
		r = dw_store_step_add(e->store, &row, err);
	}
	return r < 0 ? r : 0;
}

/* Mails of a side that went quiet and were never handed over: nobody was told, so nobody hears it is resolved. */
static int withdraw_first(struct dw_engine *e, struct dw_case *c, dw_time now, struct dw_err *err)
{
	int64_t id = c->row.id;
	int struck = 0, r;

	for (int i = 0; i < DW_SIDE_COUNT; i++) {
		if (!(c->plan.withdrawn >> i & 1))
			continue;
		r = dw_dispatch_withdraw(e, id, (enum dw_side)i, NULL, now, err);
		if (r < 0)
			return r;
		struck += r;
	}
	if (!struck)
		return 0;
	dw_case_fini(c);
	r = dw_case_load(e, id, now, c, err);
	return r > 0 ? dw_err_set(err, -ENOENT, "an order vanished while it was decided") : r;
}

/* "You said …, the platform still says …": the setter of a fallen value is told, unless the feeds now agree. */
static int tell_setter(struct dw_engine *e, const struct dw_case *c, const struct dw_hand *h, dw_time now,
		       struct dw_err *err)
{
	DW_BUF said = { 0 };
	DW_BUF says = { 0 };
	struct dw_note note = { .name = "hand_outvoted",
				.value = { { .name = "order_id", .text = c->row.order_id },
					   { .name = "field", .type = DW_NOTE_FIELD, .num = h->field },
					   { .name = "record", .type = DW_NOTE_NUMBER, .num = dw_fields[h->field].record } } };
	char key[300];
	int who = dw_people_find(&e->config->people, h->by);

	dw_fact_text(&said, &h->value, h->field);
	dw_fact_text(&says, &c->order.f, h->field);
	if (said.failed || says.failed)
		return dw_err_oom(err);
	if (strcmp(dw_buf_str(&said), dw_buf_str(&says)) == 0)
		return 0;
	dw_note_fact(&note.value[3], "said", &h->value, h->field, dw_buf_str(&said));
	dw_note_fact(&note.value[4], "says", &c->order.f, h->field, dw_buf_str(&says));
	snprintf(key, sizeof(key), "fallen|%s|%s|%s|%lld", c->row.feed, c->row.order_id, dw_fields[h->field].name,
		 (long long)h->at);
	return dw_dispatch_note(e, &(struct dw_telling){ .note = &note, .key = key }, who >= 0 ? who : c->owner, now, err);
}

static int drop_fallen(struct dw_engine *e, const struct dw_case *c, dw_time now, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < c->n_hand; i++) {
		if (!(c->order.fallen >> c->hand[i].field & 1))
			continue;
		r = dw_store_hand_drop(e->store, c->row.id, c->hand[i].field, err);
		if (r >= 0)
			r = tell_setter(e, c, &c->hand[i], now, err);
		if (r >= 0)
			history(e, c->row.id, now, "%s set by hand has fallen", dw_fields[c->hand[i].field].name);
	}
	return r < 0 ? r : 0;
}

/* The worst of its sides: an order counts once (rules.md §4, States). */
static int class_of(const struct dw_plan *p)
{
	static const int badness[] = { [DW_QUIET] = 0, [DW_WATCHING] = 1, [DW_ACKED] = 2, [DW_OPEN] = 3 };
	enum dw_state worst = DW_QUIET;

	for (int i = 0; i < DW_SIDE_COUNT; i++)
		if (badness[p->state[i]] > badness[worst])
			worst = p->state[i];
	return dw_class_of(worst);
}

/* A feed that left the config: its orders rest until it comes back (a change of config makes all due). */
static int rest(struct dw_engine *e, const struct dw_case *c, dw_time now, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < c->n_alert; i++) {
		r = dw_dispatch_withdraw(e, c->row.id, c->alert[i].side, NULL, now, err);
		if (r >= 0)
			r = dw_store_alert_drop(e->store, c->row.id, c->alert[i].side, err);
	}
	return r < 0 ? r
		     : dw_store_order_decided(e->store, c->row.id, &c->row.memory, DW_NEVER, DW_NEVER, e->config->rules,
					      dw_class_of(DW_QUIET), err);
}

enum { DAMAGED_AGAIN_S = 3600 };

/* One order's damaged record must not stop everybody's: it is said, and looked at again in an hour. */
static int set_aside(struct dw_engine *e, int64_t id, dw_time now, struct dw_err *err)
{
	struct dw_memory none = DW_MEMORY_NONE;
	struct dw_order_row row = { 0 };
	int r;

	dw_engine_log(e, DW_LOG_ERROR, "%s", err->text);
	r = dw_store_order_get(e->store, id, &row, NULL);
	if (r == -EBADMSG || r == 0)
		r = dw_store_order_decided(e->store, id, r == 0 ? &row.memory : &none, now + DAMAGED_AGAIN_S, DW_NEVER,
					   e->config->rules, DW_UNDECIDED, err);
	dw_order_row_fini(&row);
	return r < 0 ? r : 0;
}

static int decide_one(struct dw_engine *e, int64_t id, dw_time now, struct dw_err *err)
{
	struct dw_case c;
	int r = dw_case_load(e, id, now, &c, err);

	if (r == -EBADMSG || r == -E2BIG)
		return set_aside(e, id, now, err);
	if (r)
		return r < 0 ? r : 0;
	if (!c.feed) {
		r = rest(e, &c, now, err);
		dw_case_fini(&c);
		return r;
	}
	r = withdraw_first(e, &c, now, err);
	if (r == 0)
		r = put_alerts(e, &c, now, err);
	if (r == 0)
		r = put_steps(e, &c, now, err);
	if (r == 0)
		r = drop_fallen(e, &c, now, err);
	if (r == 0)
		r = dw_store_order_decided(e->store, id, &c.row.memory, c.plan.next_at, c.plan.data_at, e->config->rules,
					   class_of(&c.plan), err);
	e->moved += c.plan.moved;
	e->decisions++;
	dw_case_fini(&c);
	return r;
}

enum { DUE_BATCH = 256 };

static int64_t ms_since(const struct timespec *t0)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec - t0->tv_sec) * 1000 + (t.tv_nsec - t0->tv_nsec) / 1000000;
}

/* One batch of due orders in one transaction. 0: none left; 1: maybe more. */
static int decide_batch(struct dw_engine *e, dw_time now, int budget_ms, struct dw_err *err)
{
	int64_t ids[DUE_BATCH];
	struct timespec t0;
	int n, r;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	n = dw_store_orders_due(e->store, now, ids, DUE_BATCH, err);
	if (n <= 0)
		return n;
	r = dw_store_begin(e->store, err);
	if (r < 0)
		return r;
	for (int i = 0; i < n; i++) {
		r = decide_one(e, ids[i], now, err);
		if (r < 0) {
			dw_store_rollback(e->store);
			return r;
		}
		if (budget_ms && ms_since(&t0) >= budget_ms)
			break;
	}
	r = dw_store_commit(e->store, err);
	return r < 0 ? r : 1;
}

/* ---- after deciding ---- */

static int tell_moved(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	struct dw_note note = { .name = "deadlines_moved",
				.value = { { .name = "n", .type = DW_NOTE_NUMBER, .num = e->moved } } };
	char key[64];
	int r = 0;

	if (e->moved == 0)
		return 0;
	for (size_t i = 0; r >= 0 && i < e->config->people.n_operators; i++) {
		int who = e->config->people.operators[i];

		snprintf(key, sizeof(key), "moved|%lld|%d", (long long)now, who);
		r = dw_dispatch_note(e, &(struct dw_telling){ .note = &note, .key = key }, who, now, err);
	}
	if (r >= 0)
		e->moved = 0;
	return r < 0 ? r : 0;
}

/* What a later start compares the clock with. */
int dw_engine_note_decision(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	char at[32];

	e->decided_at = now;
	snprintf(at, sizeof(at), "%lld", (long long)now);
	return dw_store_meta_put(e->store, "decided_at", at, err);
}

static int deliver(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	int r = dw_store_begin(e->store, err);

	if (r < 0)
		return r;
	r = dw_dispatch_first_look(e, now, err);
	if (r >= 0)
		r = dw_dispatch_now(e, now, err);
	if (r >= 0)
		r = dw_dispatch_daily(e, now, false, err);
	if (r >= 0)
		r = dw_dispatch_closures(e, now, err);
	if (r >= 0)
		r = dw_health_tell(e, now, err);
	if (r >= 0)
		r = tell_moved(e, now, err);
	if (r >= 0)
		r = dw_engine_note_decision(e, now, err);
	if (r < 0) {
		dw_store_rollback(e->store);
		e->closures_at = DW_UNKNOWN;
		/* what was told of feeds was not: the rows as they are in the store again */
		for (size_t i = 0; i < e->config->n_feeds; i++)
			dw_feed_row_load(e, e->config->feeds[i].name, NULL);
		return r;
	}
	r = dw_store_commit(e->store, err);
	if (r < 0)
		e->closures_at = DW_UNKNOWN;
	for (size_t i = 0; r == 0 && i < e->config->n_feeds; i++)
		r = dw_feed_row_load(e, e->config->feeds[i].name, err);
	return r;
}

/* Is there anything to turn into mails? Keeps a tick with nothing due from opening a transaction. */
static bool anything_to_deliver(struct dw_engine *e, dw_time now)
{
	return e->decided_any || e->moved || dw_dispatch_next(e, now) <= now || dw_health_next(e, now) <= now ||
	       e->closures_at <= now;
}

int dw_engine_tick(struct dw_engine *e, dw_time now, int budget_ms, struct dw_err *err)
{
	int r = dw_engine_clock_back(e, now, err);

	if (r < 0)
		return r;
	do {
		r = decide_batch(e, now, budget_ms, err);
		e->decided_any |= r > 0;
	} while (r > 0 && budget_ms == 0);
	if (r != 0)
		return r;
	if (!anything_to_deliver(e, now))
		return 0;
	r = deliver(e, now, err);
	if (r == 0)
		e->decided_any = false;
	return r;
}

int dw_engine_flush_daily(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	int r = dw_store_begin(e->store, err);

	if (r < 0)
		return r;
	r = dw_dispatch_daily(e, now, true, err);
	if (r < 0) {
		dw_store_rollback(e->store);
		return r;
	}
	return dw_store_commit(e->store, err);
}

dw_time dw_engine_next(struct dw_engine *e, dw_time now)
{
	dw_time next = DW_NEVER, t;

	if (dw_store_orders_next(e->store, &next, NULL) < 0)
		return now + 1; /* it didn't say: asked again */
	if (e->decided_any || e->moved)
		return now; /* mails are owed still */
	t = dw_dispatch_next(e, now);
	if (t < next)
		next = t;
	t = dw_health_next(e, now);
	if (t < next)
		next = t;
	t = e->closures_at == DW_UNKNOWN ? now : e->closures_at;
	return t < next ? t : next;
}
