/* reconcile.h */
#include "duewatch/reconcile.h"

#include "engine-impl.h"

#include <stdio.h>

enum { AGAIN_WRONG_S = 3600, TELL_AGAIN_S = 86400 };

static const char key_at[] = "reconciled_at", key_wrong[] = "reconciled_wrong", key_told[] = "reconcile_told";

/* ---- what is remembered ---- */

static int load_time(struct dw_store *s, const char *key, dw_time *out, struct dw_err *err)
{
	DW_FREE char *text = NULL;
	int r = dw_store_meta_get(s, key, &text, err);

	*out = r == 0 ? strtoll(text, NULL, 10) : DW_UNKNOWN;
	return r < 0 ? r : 0;
}

static int save_time(struct dw_store *s, const char *key, dw_time t, struct dw_err *err)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)t);
	return dw_store_meta_put(s, key, text, err);
}

int dw_reconcile_last(struct dw_store *s, dw_time *at, char **wrong, struct dw_err *err)
{
	char *text = NULL;
	int r = load_time(s, key_at, at, err);

	*wrong = NULL;
	if (r == 0)
		r = dw_store_meta_get(s, key_wrong, &text, err);
	if (r == 0 && *text)
		*wrong = dw_steal(&text);
	free(text);
	return r < 0 ? r : 0;
}

dw_time dw_reconcile_next(struct dw_store *s, dw_time now)
{
	DW_FREE char *wrong = NULL;
	dw_time at;

	if (dw_reconcile_last(s, &at, &wrong, NULL) < 0)
		return now + AGAIN_WRONG_S; /* the store's failure is said elsewhere */
	if (at == DW_UNKNOWN || at < 0 || at > now)
		return DW_UNKNOWN;
	return wrong ? at + AGAIN_WRONG_S : at - at % DW_DAY + DW_DAY;
}

/* ---- the sums ---- */

struct books {
	int64_t class[DW_CLASSES];
	int64_t sent, waiting, failed, dropped;
	struct dw_buf wrong;
};

static void complain(struct books *b, const char *fmt, ...) DW_PRINTF(2, 3);
static void complain(struct books *b, const char *fmt, ...)
{
	char line[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (b->wrong.n < 2000)
		dw_buf_printf(&b->wrong, "%s%s", b->wrong.n ? "; " : "", line);
}

/* What a whole good read counted, against what the table lists. Where rows were rejected, nobody knows which orders they
 * were, and those stay listed. */
static void read_against_listed(struct books *b, const struct dw_counts *c)
{
	for (size_t i = 0; i < c->n_feed; i++) {
		const struct dw_feed_count *f = &c->feed[i];

		if (f->good && (f->listed < f->read || (f->listed > f->read && f->rejected == 0)))
			complain(b, "feed %.64s: %lld orders read, %lld listed", f->name, (long long)f->read, (long long)f->listed);
	}
}

static void add_orders(struct books *b, const struct dw_counts *c)
{
	int64_t sum = 0, alerted;

	for (size_t i = 0; i < c->n_feed; i++)
		for (int k = 0; k < DW_CLASSES; k++) {
			b->class[k] += c->feed[i].class[k];
			sum += c->feed[i].class[k];
		}
	alerted = b->class[dw_class_of(DW_OPEN)] + b->class[dw_class_of(DW_ACKED)];
	if (b->class[DW_UNDECIDED])
		complain(b, "%lld orders are not decided", (long long)b->class[DW_UNDECIDED]);
	if (sum != c->orders)
		complain(b, "%lld orders, %lld by their states", (long long)c->orders, (long long)sum);
	if (alerted != c->alerted && b->class[DW_UNDECIDED] == 0)
		complain(b, "%lld orders are open or acked, %lld have an alert", (long long)alerted, (long long)c->alerted);
}

static void add_steps(struct books *b, const struct dw_counts *c)
{
	int64_t accounted;

	b->sent = c->told[DW_MAIL_SENT];
	b->waiting = c->step[DW_STEP_WAITING] + c->told[DW_MAIL_QUEUED] + c->told[DW_MAIL_LEASED] + c->told[DW_MAIL_UNSURE];
	b->failed = c->told[DW_MAIL_FAILED];
	b->dropped = c->told[DW_MAIL_WITHDRAWN];
	accounted = b->sent + b->waiting + b->failed + b->dropped + c->step[DW_STEP_COVERED] + c->step[DW_STEP_SPARED];
	if (c->told[DW_MAIL_LOST])
		complain(b, "%lld steps count as told, and their mails are not there", (long long)c->told[DW_MAIL_LOST]);
	else if (accounted != c->steps)
		complain(b, "%lld steps owed, %lld accounted for", (long long)c->steps, (long long)accounted);
	if (c->stuck)
		complain(b, "%lld steps are owed at once and have waited for over an hour", (long long)c->stuck);
}

/* ---- what is done about it ---- */

static void say(struct dw_engine *e, const struct books *b, const struct dw_counts *c)
{
	const int64_t *k = b->class;

	dw_engine_log(e, DW_LOG_NOTICE,
		      "reconciled orders=%lld quiet=%lld watching=%lld open=%lld acked=%lld steps=%lld sent=%lld covered=%lld"
		      " spared=%lld waiting=%lld failed=%lld dropped=%lld",
		      (long long)c->orders, (long long)k[dw_class_of(DW_QUIET)], (long long)k[dw_class_of(DW_WATCHING)],
		      (long long)k[dw_class_of(DW_OPEN)], (long long)k[dw_class_of(DW_ACKED)], (long long)c->steps,
		      (long long)b->sent, (long long)c->step[DW_STEP_COVERED], (long long)c->step[DW_STEP_SPARED],
		      (long long)b->waiting, (long long)b->failed, (long long)b->dropped);
	if (b->wrong.n)
		dw_engine_log(e, DW_LOG_ERROR, "unaccounted for: %s", b->wrong.p);
}

static int tell(struct dw_engine *e, const char *wrong, dw_time now, struct dw_err *err)
{
	struct dw_note note = { .name = "unaccounted", .value = { { .name = "wrong", .text = wrong } } };
	char key[96];
	dw_time told;
	int r = load_time(e->store, key_told, &told, err);

	if (r < 0 || (told != DW_UNKNOWN && told <= now && now < told + TELL_AGAIN_S))
		return r;
	for (size_t i = 0; r >= 0 && i < e->config->people.n_operators; i++) {
		int who = e->config->people.operators[i];

		snprintf(key, sizeof(key), "unaccounted|%lld|%d", (long long)now, who);
		r = dw_dispatch_note(e, &(struct dw_telling){ .note = &note, .key = key }, who, now, err);
	}
	return r < 0 ? r : save_time(e->store, key_told, now, err);
}

static int remember(struct dw_engine *e, const struct books *b, dw_time now, struct dw_err *err)
{
	int r = dw_store_begin(e->store, err);

	if (r < 0)
		return r;
	r = save_time(e->store, key_at, now, err);
	if (r == 0)
		r = dw_store_meta_put(e->store, key_wrong, dw_buf_str(&b->wrong), err);
	if (r == 0 && b->wrong.n)
		r = tell(e, b->wrong.p, now, err);
	if (r == 0)
		return dw_store_commit(e->store, err);
	dw_store_rollback(e->store);
	return r;
}

int dw_reconcile(struct dw_engine *e, const struct dw_counts *c, dw_time now, struct dw_err *err)
{
	struct books b = { 0 };
	int r;

	read_against_listed(&b, c);
	add_orders(&b, c);
	add_steps(&b, c);
	r = b.wrong.failed ? dw_err_oom(err) : 0;
	if (r == 0)
		r = remember(e, &b, now, err);
	if (r == 0)
		say(e, &b, c);
	r = r < 0 ? r : b.wrong.n > 0;
	dw_buf_fini(&b.wrong);
	return r;
}
