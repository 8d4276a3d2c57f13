/* store.h: checks what every backend may then take for granted (a transaction, lengths, words in their range) and
 * passes the call on. */
#include "store-impl.h"

static int need_begin(const struct dw_store *s, struct dw_err *err)
{
	return s->writing ? 0 : dw_err_set(err, -EINVAL, "store: a change outside begin and commit");
}

/* What isn't UTF-8 is refused here, so that a row with such text can be taken for damage when it is read. */
static int check_utf8(const char *what, const char *s, struct dw_err *err)
{
	return dw_utf8_valid(s, strlen(s)) ? 0 : dw_err_set(err, -EINVAL, "store: %s is not UTF-8", what);
}

static int check_name(const char *what, const char *s, struct dw_err *err)
{
	if (dw_empty(s))
		return dw_err_set(err, -EINVAL, "store: %s is empty", what);
	if (strnlen(s, DW_STORE_NAME_MAX + 1) > DW_STORE_NAME_MAX)
		return dw_err_set(err, -E2BIG, "store: %s is longer than %d bytes", what, DW_STORE_NAME_MAX);
	return check_utf8(what, s, err);
}

static int check_text(const char *what, const char *s, size_t max, struct dw_err *err)
{
	if (!s)
		return 0;
	if (strnlen(s, max + 1) > max)
		return dw_err_set(err, -E2BIG, "store: %s is longer than %zu bytes", what, max);
	return check_utf8(what, s, err);
}

static int check_blob(const char *what, const void *p, size_t n, struct dw_err *err)
{
	if (n && !p)
		return dw_err_set(err, -EINVAL, "store: %s is missing", what);
	if (n > DW_STORE_BLOB_MAX)
		return dw_err_set(err, -E2BIG, "store: %s is longer than %d bytes", what, DW_STORE_BLOB_MAX);
	return 0;
}

/* A fixed field of a row. */
static int check_fixed(const char *what, const char *s, size_t size, bool may_be_empty, struct dw_err *err)
{
	if ((!*s && !may_be_empty) || strnlen(s, size) == size)
		return dw_err_set(err, -EINVAL, "store: %s is empty or too long", what);
	return check_utf8(what, s, err);
}

/* DW_EPISODE_NEW has to become a number first. */
static int check_episode(int64_t episode, struct dw_err *err)
{
	return episode >= 1 ? 0 : dw_err_set(err, -EINVAL, "store: episode %lld", (long long)episode);
}

static int check_range(const char *what, int v, int from, int to, struct dw_err *err)
{
	if (v < from || v > to)
		return dw_err_set(err, -EINVAL, "store: %s %d is out of range", what, v);
	return 0;
}

#define TRY(call)                                                                                                      \
	do {                                                                                                           \
		int try_ = (call);                                                                                     \
		if (try_ < 0)                                                                                          \
			return try_;                                                                                   \
	} while (0)

void dw_store_close(struct dw_store *s)
{
	if (!s)
		return;
	dw_store_rollback(s);
	s->ops->close(s);
}

int dw_store_begin(struct dw_store *s, struct dw_err *err)
{
	if (s->writing)
		return dw_err_set(err, -EINVAL, "store: begin inside a transaction");
	TRY(s->ops->begin(s, err));
	s->writing = true;
	s->shortages = dw_shortages();
	return 0;
}

int dw_store_commit(struct dw_store *s, struct dw_err *err)
{
	TRY(need_begin(s, err));
	if (s->shortages != dw_shortages()) { /* some text in it may be cut short */
		dw_store_rollback(s);
		return dw_err_oom(err);
	}
	s->writing = false;
	return s->ops->commit(s, err);
}

void dw_store_rollback(struct dw_store *s)
{
	if (!s->writing)
		return;
	s->writing = false;
	s->ops->rollback(s);
}

int dw_store_there(struct dw_store *s, struct dw_err *err)
{
	return s->ops->there ? s->ops->there(s, err) : 0;
}

bool dw_store_changed(struct dw_store *s)
{
	return s->ops->changed(s);
}

void dw_store_hurry(struct dw_store *s)
{
	s->ops->hurry(s);
}

int dw_store_meta_get(struct dw_store *s, const char *key, char **out, struct dw_err *err)
{
	TRY(check_name("meta key", key, err));
	return s->ops->meta_get(s, key, out, err);
}

int dw_store_meta_put(struct dw_store *s, const char *key, const char *value, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_name("meta key", key, err));
	if (!value)
		return dw_err_set(err, -EINVAL, "store: meta value is missing");
	TRY(check_text("meta value", value, DW_STORE_META_MAX, err));
	return s->ops->meta_put(s, key, value, err);
}

/* ---- feeds ---- */
int dw_store_feed_get(struct dw_store *s, const char *name, struct dw_feed_row *out, struct dw_err *err)
{
	TRY(check_name("feed name", name, err));
	return s->ops->feed_get(s, name, out, err);
}

int dw_store_feed_put(struct dw_store *s, const struct dw_feed_row *row, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_name("feed name", row->name, err));
	TRY(check_text("feed error", row->error, DW_STORE_TEXT_MAX, err));
	TRY(check_text("feed fingerprint", row->seen, DW_STORE_TEXT_MAX, err));
	TRY(check_text("feed rejects", row->rejects, DW_STORE_TEXT_MAX, err));
	return s->ops->feed_put(s, row, err);
}

int dw_store_feed_each(struct dw_store *s, dw_feed_fn fn, void *ctx, struct dw_err *err)
{
	return s->ops->feed_each(s, fn, ctx, err);
}

/* ---- orders ---- */
static int check_key(const char *feed, const char *order_id, struct dw_err *err)
{
	TRY(check_name("feed name", feed, err));
	return check_name("order_id", order_id, err);
}

int dw_store_order_find(struct dw_store *s, const char *feed, const char *order_id, struct dw_order_row *out,
			struct dw_err *err)
{
	TRY(check_key(feed, order_id, err));
	return s->ops->order_find(s, feed, order_id, out, err);
}

int dw_store_order_peek(struct dw_store *s, const char *feed, const char *order_id, int64_t *id, uint64_t *print,
			bool *listed, struct dw_err *err)
{
	TRY(check_key(feed, order_id, err));
	return s->ops->order_peek(s, feed, order_id, id, print, listed, err);
}

int dw_store_order_get(struct dw_store *s, int64_t id, struct dw_order_row *out, struct dw_err *err)
{
	return s->ops->order_get(s, id, out, err);
}

int dw_store_order_put(struct dw_store *s, struct dw_order_row *row, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_key(row->feed, row->order_id, err));
	TRY(check_blob("record", row->record, row->n_record, err));
	TRY(check_text("close note", row->close_note, DW_STORE_TEXT_MAX, err));
	TRY(check_text("closer", row->close_by, DW_STORE_TEXT_MAX, err));
	return s->ops->order_put(s, row, err);
}

int dw_store_order_decided(struct dw_store *s, int64_t id, const struct dw_memory *m, dw_time next_at, dw_time data_at,
			   uint64_t rules, int class, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_range("class", class, DW_UNDECIDED, DW_CLASSES - 1, err));
	return s->ops->order_decided(s, id, m, next_at, data_at, rules, class, err);
}

int dw_store_order_missing(struct dw_store *s, int64_t id, dw_time since, dw_time data, bool gone, struct dw_err *err)
{
	TRY(need_begin(s, err));
	return s->ops->order_missing(s, id, since, data, gone, err);
}

int dw_store_orders_due(struct dw_store *s, dw_time now, int64_t *ids, int max, struct dw_err *err)
{
	return s->ops->orders_due(s, now, ids, max, err);
}

int dw_store_orders_next(struct dw_store *s, dw_time *next_at, struct dw_err *err)
{
	return s->ops->orders_next(s, next_at, err);
}

int dw_store_order_touch(struct dw_store *s, int64_t id, struct dw_err *err)
{
	TRY(need_begin(s, err));
	return s->ops->order_touch(s, id, err);
}

int dw_store_orders_touch_number(struct dw_store *s, const char *order_id, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_name("order_id", order_id, err));
	return s->ops->orders_touch_number(s, order_id, err);
}

int dw_store_orders_touch_feed(struct dw_store *s, const char *feed, struct dw_err *err)
{
	TRY(need_begin(s, err));
	return s->ops->orders_touch_feed(s, feed, err);
}

int dw_store_orders_touch_data(struct dw_store *s, const char *feed, dw_time data_time, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_name("feed name", feed, err));
	return s->ops->orders_touch_data(s, feed, data_time, err);
}

int dw_store_order_each(struct dw_store *s, const char *feed, dw_order_fn fn, void *ctx, struct dw_err *err)
{
	return s->ops->order_each(s, feed, fn, ctx, err);
}

int dw_store_order_ids(struct dw_store *s, const char *feed, dw_id_fn fn, void *ctx, struct dw_err *err)
{
	TRY(check_name("feed name", feed, err));
	return s->ops->order_ids(s, feed, fn, ctx, err);
}

int dw_store_order_by_number(struct dw_store *s, const char *order_id, dw_order_fn fn, void *ctx, struct dw_err *err)
{
	TRY(check_name("order_id", order_id, err));
	return s->ops->order_by_number(s, order_id, fn, ctx, err);
}

int dw_store_order_near(struct dw_store *s, const char *text, char **out, int max, struct dw_err *err)
{
	DW_CLEANUP(dw_near_fini) struct dw_near_set set = { 0 };
	int n;

	TRY(check_name("order_id", text, err));
	TRY(s->ops->order_candidates(s, text, dw_near_add, &set, err));
	n = dw_near_pick(&set, text, out, max);
	return n < 0 ? dw_err_oom(err) : n;
}

/* ---- overlays ---- */
int dw_store_overlay_put(struct dw_store *s, const char *feed, const char *order_id, const void *record, size_t n,
			 uint64_t print, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_key(feed, order_id, err));
	TRY(check_blob("record", record, n, err));
	return s->ops->overlay_put(s, feed, order_id, record, n, print, err);
}

int dw_store_overlay_get(struct dw_store *s, const char *feed, const char *order_id, struct dw_facts *out,
			 uint64_t *print, struct dw_err *err)
{
	TRY(check_key(feed, order_id, err));
	return s->ops->overlay_get(s, feed, order_id, out, print, err);
}

int dw_store_overlay_drop(struct dw_store *s, const char *feed, const char *order_id, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_key(feed, order_id, err));
	return s->ops->overlay_drop(s, feed, order_id, err);
}

int dw_store_overlay_each(struct dw_store *s, const char *feed, dw_text_fn fn, void *ctx, struct dw_err *err)
{
	TRY(check_name("feed name", feed, err));
	return s->ops->overlay_each(s, feed, fn, ctx, err);
}

int dw_store_overlay_unmatched(struct dw_store *s, const char *feed, int64_t *n, struct dw_err *err)
{
	TRY(check_name("feed name", feed, err));
	return s->ops->overlay_unmatched(s, feed, n, err);
}

/* ---- hand-set values ---- */
int dw_store_hand_put(struct dw_store *s, int64_t order, const struct dw_hand *h, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_range("field", (int)h->field, 0, DW_FIELD_COUNT - 1, err));
	TRY(check_text("setter", h->by, DW_STORE_TEXT_MAX, err));
	TRY(check_text("base", h->base, DW_STORE_TEXT_MAX, err));
	return s->ops->hand_put(s, order, h, err);
}

int dw_store_hand_drop(struct dw_store *s, int64_t order, enum dw_field x, struct dw_err *err)
{
	TRY(need_begin(s, err));
	return s->ops->hand_drop(s, order, x, err);
}

int dw_store_hand_load(struct dw_store *s, int64_t order, struct dw_hand **out, size_t *n, struct dw_err *err)
{
	return s->ops->hand_load(s, order, out, n, err);
}

/* ---- alerts and steps ---- */
int dw_store_alert_put(struct dw_store *s, int64_t order, const struct dw_alert *a, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_range("side", (int)a->side, 0, DW_SIDE_COUNT - 1, err));
	TRY(check_range("kind", (int)a->kind, DW_NO_KIND, DW_KIND_COUNT - 1, err));
	TRY(check_range("last kind", (int)a->last, DW_NO_KIND, DW_KIND_COUNT - 1, err));
	TRY(check_episode(a->episode, err));
	TRY(check_fixed("the acker", a->ack.by, sizeof(a->ack.by), true, err));
	return s->ops->alert_put(s, order, a, err);
}

int dw_store_alert_drop(struct dw_store *s, int64_t order, enum dw_side side, struct dw_err *err)
{
	TRY(need_begin(s, err));
	return s->ops->alert_drop(s, order, side, err);
}

int dw_store_alert_load(struct dw_store *s, int64_t order, struct dw_alert out[DW_SIDE_COUNT], struct dw_err *err)
{
	return s->ops->alert_load(s, order, out, err);
}

int dw_store_alert_each(struct dw_store *s, dw_alert_fn fn, void *ctx, struct dw_err *err)
{
	return s->ops->alert_each(s, fn, ctx, err);
}

int64_t dw_store_episode_next(struct dw_store *s, int64_t order, enum dw_side side, struct dw_err *err)
{
	return s->ops->episode_next(s, order, side, err);
}

static int check_step(const struct dw_step_row *row, struct dw_err *err)
{
	const struct dw_told *t = &row->told;

	TRY(check_range("side", (int)t->side, 0, DW_SIDE_COUNT - 1, err));
	TRY(check_range("kind", (int)t->kind, DW_NO_KIND, DW_KIND_COUNT - 1, err));
	TRY(check_range("step state", (int)t->state, 0, DW_STEP_STATE_COUNT - 1, err));
	TRY(check_range("delivery", (int)t->deliver, 0, DW_DELIVER_HELD, err));
	TRY(check_episode(t->episode, err));
	TRY(check_fixed("step", t->step, sizeof(t->step), false, err));
	return check_fixed("person", row->person, sizeof(row->person), false, err);
}

int dw_store_step_add(struct dw_store *s, struct dw_step_row *row, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_step(row, err));
	return s->ops->step_add(s, row, err);
}

int dw_store_step_set(struct dw_store *s, int64_t id, enum dw_step_state state, int64_t mail, dw_time at,
		      struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_range("step state", (int)state, 0, DW_STEP_STATE_COUNT - 1, err));
	return s->ops->step_set(s, id, state, mail, at, err);
}

int dw_store_step_hold(struct dw_store *s, int64_t id, struct dw_err *err)
{
	TRY(need_begin(s, err));
	return s->ops->step_hold(s, id, err);
}

int dw_store_step_each(struct dw_store *s, int64_t order, enum dw_side side, int64_t episode, dw_step_fn fn, void *ctx,
		       struct dw_err *err)
{
	return s->ops->step_each(s, order, side, episode, fn, ctx, err);
}

int dw_store_step_told(struct dw_store *s, int64_t order, enum dw_side side, int64_t episode, const char *person,
		       struct dw_err *err)
{
	return s->ops->step_told(s, order, side, episode, person, err);
}

int dw_store_step_waiting(struct dw_store *s, const char *person, dw_step_fn fn, void *ctx, struct dw_err *err)
{
	return s->ops->step_waiting(s, person, fn, ctx, err);
}

int dw_store_step_of_mail(struct dw_store *s, int64_t mail, dw_step_fn fn, void *ctx, struct dw_err *err)
{
	return s->ops->step_of_mail(s, mail, fn, ctx, err);
}

/* ---- outbox ---- */
static int check_mail(const struct dw_mail_row *row, struct dw_err *err)
{
	TRY(check_range("mail type", (int)row->type, 0, DW_MAIL_CLOSURE, err));
	TRY(check_range("mail state", (int)row->state, 0, DW_MAIL_WITHDRAWN, err));
	TRY(check_range("verdict", (int)row->verdict, 0, DW_RELAY_REFUSED, err));
	TRY(check_name("a mail's person", row->person, err));
	TRY(check_text("address", row->address, DW_STORE_TEXT_MAX, err));
	TRY(check_text("message id", row->message_id, DW_STORE_TEXT_MAX, err));
	TRY(check_text("subject", row->subject, DW_STORE_TEXT_MAX, err));
	TRY(check_text("model", row->model, DW_STORE_BLOB_MAX, err));
	TRY(check_text("answer", row->answer, DW_STORE_TEXT_MAX, err));
	TRY(check_text("visited", row->visited, DW_STORE_TEXT_MAX, err));
	return check_blob("mail bytes", row->bytes, row->n_bytes, err);
}

int dw_store_mail_put(struct dw_store *s, struct dw_mail_row *row, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_mail(row, err));
	return s->ops->mail_put(s, row, err);
}

int dw_store_mail_answered(struct dw_store *s, const struct dw_mail_row *row, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_mail(row, err));
	return s->ops->mail_answered(s, row, err);
}

int dw_store_mail_get(struct dw_store *s, int64_t id, struct dw_mail_row *out, struct dw_err *err)
{
	return s->ops->mail_get(s, id, out, err);
}

int dw_store_mail_due(struct dw_store *s, dw_time now, int64_t *ids, int max, struct dw_err *err)
{
	return s->ops->mail_due(s, now, ids, max, err);
}

int dw_store_mail_due_elsewhere(struct dw_store *s, dw_time now, const char *busy, int look, int64_t *ids, int max,
				struct dw_err *err)
{
	return s->ops->mail_due_elsewhere(s, now, busy, look, ids, max, err);
}

int dw_store_mail_next(struct dw_store *s, dw_time *next_try, struct dw_err *err)
{
	return s->ops->mail_next(s, next_try, err);
}

int64_t dw_store_mail_made(struct dw_store *s, const char *person, dw_time from, dw_time to, int64_t before,
			   struct dw_err *err)
{
	return s->ops->mail_made(s, person, from, to, before, err);
}

int dw_store_mail_lease(struct dw_store *s, int64_t id, dw_time now, struct dw_err *err)
{
	TRY(need_begin(s, err));
	return s->ops->mail_lease(s, id, now, err);
}

int dw_store_mail_release(struct dw_store *s, struct dw_err *err)
{
	TRY(need_begin(s, err));
	return s->ops->mail_release(s, err);
}

int dw_store_mail_each(struct dw_store *s, int state, dw_mail_fn fn, void *ctx, struct dw_err *err)
{
	return s->ops->mail_each(s, state, fn, ctx, err);
}

int dw_store_mail_count(struct dw_store *s, int64_t count[6], struct dw_err *err)
{
	return s->ops->mail_count(s, count, err);
}

int dw_store_mail_queued_for(struct dw_store *s, int64_t order, enum dw_side side, const char *person, int64_t *ids,
			     int max, struct dw_err *err)
{
	return s->ops->mail_queued_for(s, order, side, person, ids, max, err);
}

/* ---- people, history, retention ---- */
int dw_store_person_get(struct dw_store *s, const char *name, struct dw_person_row *out, struct dw_err *err)
{
	TRY(check_name("person", name, err));
	return s->ops->person_get(s, name, out, err);
}

int dw_store_person_put(struct dw_store *s, const struct dw_person_row *row, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_fixed("person", row->name, sizeof(row->name), false, err));
	TRY(check_fixed("a dead address's reason", row->dead_why, sizeof(row->dead_why), true, err));
	return s->ops->person_put(s, row, err);
}

/* ---- what comes in ---- */
int dw_store_mail_find(struct dw_store *s, const char *message_id, int64_t *id, struct dw_err *err)
{
	TRY(check_name("message id", message_id, err));
	return s->ops->mail_find(s, message_id, id, err);
}

int dw_store_mailbox_get(struct dw_store *s, const char *name, struct dw_mailbox_row *out, struct dw_err *err)
{
	TRY(check_name("mailbox", name, err));
	return s->ops->mailbox_get(s, name, out, err);
}

int dw_store_mailbox_put(struct dw_store *s, const struct dw_mailbox_row *row, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_fixed("mailbox", row->name, sizeof(row->name), false, err));
	TRY(check_fixed("a mailbox's error", row->error, sizeof(row->error), true, err));
	return s->ops->mailbox_put(s, row, err);
}

int dw_store_inbound_add(struct dw_store *s, const struct dw_inbound_row *row, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_name("inbound id", row->id, err));
	TRY(check_fixed("inbound person", row->person, sizeof(row->person), true, err));
	return s->ops->inbound_add(s, row, err);
}

int dw_store_inbound_find(struct dw_store *s, const char *id, struct dw_err *err)
{
	TRY(check_name("inbound id", id, err));
	return s->ops->inbound_find(s, id, err);
}

int dw_store_inbound_count(struct dw_store *s, const char *person, dw_time since, int64_t *commands, int64_t *answers,
			   struct dw_err *err)
{
	TRY(check_name("person", person, err));
	return s->ops->inbound_count(s, person, since, commands, answers, err);
}

int dw_store_dead_get(struct dw_store *s, const char *address, struct dw_dead_row *out, struct dw_err *err)
{
	TRY(check_name("address", address, err));
	return s->ops->dead_get(s, address, out, err);
}

int dw_store_dead_put(struct dw_store *s, const struct dw_dead_row *row, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_fixed("address", row->address, sizeof(row->address), false, err));
	TRY(check_fixed("a dead address's reason", row->why, sizeof(row->why), true, err));
	return s->ops->dead_put(s, row, err);
}

int dw_store_dead_drop(struct dw_store *s, const char *address, struct dw_err *err)
{
	TRY(need_begin(s, err));
	TRY(check_name("address", address, err));
	return s->ops->dead_drop(s, address, err);
}

int dw_store_dead_each(struct dw_store *s, dw_dead_fn fn, void *ctx, struct dw_err *err)
{
	return s->ops->dead_each(s, fn, ctx, err);
}

int dw_store_history_add(struct dw_store *s, int64_t order, dw_time at, const char *text, struct dw_err *err)
{
	TRY(need_begin(s, err));
	if (!text)
		return dw_err_set(err, -EINVAL, "store: a history line is missing");
	TRY(check_text("history line", text, DW_STORE_TEXT_MAX, err));
	return s->ops->history_add(s, order, at, text, err);
}

int dw_store_history_each(struct dw_store *s, int64_t order, dw_history_fn fn, void *ctx, struct dw_err *err)
{
	return s->ops->history_each(s, order, fn, ctx, err);
}

/* ---- counts, backup ---- */
void dw_counts_fini(struct dw_counts *c)
{
	free(c->feed);
	*c = (struct dw_counts){ 0 };
}

int dw_store_count(struct dw_store *s, unsigned what, dw_time now, struct dw_counts *out, struct dw_err *err)
{
	DW_CLEANUP(dw_counts_fini) struct dw_counts c = { .oldest = DW_UNKNOWN };

	TRY(s->ops->count(s, what, now, &c, err));
	*out = c;
	c.feed = NULL;
	return 0;
}

int dw_store_freeze(struct dw_store *s, struct dw_err *err)
{
	if (s->writing)
		return dw_err_set(err, -EINVAL, "store: freeze inside a transaction");
	return s->ops->freeze(s, err);
}

int dw_store_tidy(struct dw_store *s, struct dw_err *err)
{
	if (s->writing)
		return dw_err_set(err, -EINVAL, "store: tidying inside a transaction");
	return s->ops->tidy(s, err);
}

int dw_store_backup(struct dw_store *s, const char *path, struct dw_err *err)
{
	if (s->writing)
		return dw_err_set(err, -EINVAL, "store: a backup inside a transaction");
	return s->ops->backup(s, path, err);
}

int dw_store_check(struct dw_store *s, struct dw_err *err)
{
	return s->ops->check(s, err);
}

int dw_store_prune(struct dw_store *s, dw_time now, struct dw_err *err)
{
	TRY(need_begin(s, err));
	return s->ops->prune(s, now, err);
}
