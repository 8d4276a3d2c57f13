/* Private to store/: what a backend of include/duewatch/store.h fills in. store.c checks arguments and transactions
 * once for all backends, so an operation may take both for granted. */
#ifndef DUEWATCH_STORE_IMPL_H
#define DUEWATCH_STORE_IMPL_H

#include "duewatch/store.h"

typedef int (*dw_order_fn)(void *ctx, const struct dw_order_row *row);
typedef int (*dw_id_fn)(void *ctx, int64_t id, dw_time missing_since);
typedef int (*dw_text_fn)(void *ctx, const char *text);
typedef int (*dw_feed_fn)(void *ctx, const struct dw_feed_row *row);
typedef int (*dw_alert_fn)(void *ctx, int64_t order, const struct dw_alert *a);
typedef int (*dw_step_fn)(void *ctx, const struct dw_step_row *row);
typedef int (*dw_mail_fn)(void *ctx, const struct dw_mail_row *row);
typedef int (*dw_dead_fn)(void *ctx, const struct dw_dead_row *row);
typedef int (*dw_history_fn)(void *ctx, dw_time at, const char *text);

/* One member per function of the port, same meaning. */
struct dw_store_ops {
	void (*close)(struct dw_store *s);
	int (*begin)(struct dw_store *s, struct dw_err *err);
	int (*commit)(struct dw_store *s, struct dw_err *err); /* on failure rolls back itself */
	void (*rollback)(struct dw_store *s);
	bool (*changed)(struct dw_store *s);
	int (*there)(struct dw_store *s, struct dw_err *err); /* NULL: always */
	void (*hurry)(struct dw_store *s);

	int (*meta_get)(struct dw_store *s, const char *key, char **out, struct dw_err *err);
	int (*meta_put)(struct dw_store *s, const char *key, const char *value, struct dw_err *err);

	int (*feed_get)(struct dw_store *s, const char *name, struct dw_feed_row *out, struct dw_err *err);
	int (*feed_put)(struct dw_store *s, const struct dw_feed_row *row, struct dw_err *err);
	int (*feed_each)(struct dw_store *s, dw_feed_fn fn, void *ctx, struct dw_err *err);

	int (*order_find)(struct dw_store *s, const char *feed, const char *order_id, struct dw_order_row *out,
			  struct dw_err *err);
	int (*order_peek)(struct dw_store *s, const char *feed, const char *order_id, int64_t *id, uint64_t *print,
			  bool *listed, struct dw_err *err);
	int (*order_get)(struct dw_store *s, int64_t id, struct dw_order_row *out, struct dw_err *err);
	int (*order_put)(struct dw_store *s, struct dw_order_row *row, struct dw_err *err);
	int (*order_decided)(struct dw_store *s, int64_t id, const struct dw_memory *m, dw_time next_at,
			     dw_time data_at, uint64_t rules, int class, struct dw_err *err);
	int (*order_missing)(struct dw_store *s, int64_t id, dw_time since, dw_time data, bool gone,
			     struct dw_err *err);
	int (*orders_due)(struct dw_store *s, dw_time now, int64_t *ids, int max, struct dw_err *err);
	int (*orders_next)(struct dw_store *s, dw_time *next_at, struct dw_err *err);
	int (*order_touch)(struct dw_store *s, int64_t id, struct dw_err *err);
	int (*orders_touch_number)(struct dw_store *s, const char *order_id, struct dw_err *err);
	int (*orders_touch_feed)(struct dw_store *s, const char *feed, struct dw_err *err);
	int (*orders_touch_data)(struct dw_store *s, const char *feed, dw_time data_time, struct dw_err *err);
	int (*order_each)(struct dw_store *s, const char *feed, dw_order_fn fn, void *ctx, struct dw_err *err);
	int (*order_ids)(struct dw_store *s, const char *feed, dw_id_fn fn, void *ctx, struct dw_err *err);
	int (*order_by_number)(struct dw_store *s, const char *order_id, dw_order_fn fn, void *ctx,
			       struct dw_err *err);
	/* Order numbers among which those like `text` are, a bounded number; may repeat. store.c picks the nearest. */
	int (*order_candidates)(struct dw_store *s, const char *text, dw_text_fn fn, void *ctx, struct dw_err *err);

	int (*overlay_put)(struct dw_store *s, const char *feed, const char *order_id, const void *record, size_t n,
			   uint64_t print, struct dw_err *err);
	int (*overlay_get)(struct dw_store *s, const char *feed, const char *order_id, struct dw_facts *out,
			   uint64_t *print, struct dw_err *err);
	int (*overlay_drop)(struct dw_store *s, const char *feed, const char *order_id, struct dw_err *err);
	int (*overlay_each)(struct dw_store *s, const char *feed, dw_text_fn fn, void *ctx, struct dw_err *err);
	int (*overlay_unmatched)(struct dw_store *s, const char *feed, int64_t *n, struct dw_err *err);

	int (*hand_put)(struct dw_store *s, int64_t order, const struct dw_hand *h, struct dw_err *err);
	int (*hand_drop)(struct dw_store *s, int64_t order, enum dw_field x, struct dw_err *err);
	int (*hand_load)(struct dw_store *s, int64_t order, struct dw_hand **out, size_t *n, struct dw_err *err);

	int (*alert_put)(struct dw_store *s, int64_t order, const struct dw_alert *a, struct dw_err *err);
	int (*alert_drop)(struct dw_store *s, int64_t order, enum dw_side side, struct dw_err *err);
	int (*alert_load)(struct dw_store *s, int64_t order, struct dw_alert out[DW_SIDE_COUNT], struct dw_err *err);
	int (*alert_each)(struct dw_store *s, dw_alert_fn fn, void *ctx, struct dw_err *err);
	int64_t (*episode_next)(struct dw_store *s, int64_t order, enum dw_side side, struct dw_err *err);

	int (*step_add)(struct dw_store *s, struct dw_step_row *row, struct dw_err *err);
	int (*step_set)(struct dw_store *s, int64_t id, enum dw_step_state state, int64_t mail, dw_time at,
			struct dw_err *err);
	int (*step_hold)(struct dw_store *s, int64_t id, struct dw_err *err);
	int (*step_each)(struct dw_store *s, int64_t order, enum dw_side side, int64_t episode, dw_step_fn fn,
			 void *ctx, struct dw_err *err);
	int (*step_told)(struct dw_store *s, int64_t order, enum dw_side side, int64_t episode, const char *person,
			 struct dw_err *err);
	int (*step_waiting)(struct dw_store *s, const char *person, dw_step_fn fn, void *ctx, struct dw_err *err);
	int (*step_of_mail)(struct dw_store *s, int64_t mail, dw_step_fn fn, void *ctx, struct dw_err *err);

	int (*mail_put)(struct dw_store *s, struct dw_mail_row *row, struct dw_err *err);
	int (*mail_answered)(struct dw_store *s, const struct dw_mail_row *row, struct dw_err *err);
	int (*mail_get)(struct dw_store *s, int64_t id, struct dw_mail_row *out, struct dw_err *err);
	int (*mail_due)(struct dw_store *s, dw_time now, int64_t *ids, int max, struct dw_err *err);
	int (*mail_due_elsewhere)(struct dw_store *s, dw_time now, const char *busy, int look, int64_t *ids, int max,
				  struct dw_err *err);
	int (*mail_next)(struct dw_store *s, dw_time *next_try, struct dw_err *err);
	int64_t (*mail_made)(struct dw_store *s, const char *person, dw_time from, dw_time to, int64_t before,
			     struct dw_err *err);
	int (*mail_lease)(struct dw_store *s, int64_t id, dw_time now, struct dw_err *err);
	int (*mail_release)(struct dw_store *s, struct dw_err *err);
	int (*mail_each)(struct dw_store *s, int state, dw_mail_fn fn, void *ctx, struct dw_err *err);
	int (*mail_count)(struct dw_store *s, int64_t count[6], struct dw_err *err);
	int (*mail_queued_for)(struct dw_store *s, int64_t order, enum dw_side side, const char *person, int64_t *ids,
			       int max, struct dw_err *err);

	int (*person_get)(struct dw_store *s, const char *name, struct dw_person_row *out, struct dw_err *err);
	int (*person_put)(struct dw_store *s, const struct dw_person_row *row, struct dw_err *err);

	int (*mail_find)(struct dw_store *s, const char *message_id, int64_t *id, struct dw_err *err);
	int (*mailbox_get)(struct dw_store *s, const char *name, struct dw_mailbox_row *out, struct dw_err *err);
	int (*mailbox_put)(struct dw_store *s, const struct dw_mailbox_row *row, struct dw_err *err);
	int (*inbound_add)(struct dw_store *s, const struct dw_inbound_row *row, struct dw_err *err);
	int (*inbound_find)(struct dw_store *s, const char *id, struct dw_err *err);
	int (*inbound_count)(struct dw_store *s, const char *person, dw_time since, int64_t *commands, int64_t *answers,
			     struct dw_err *err);
	int (*dead_get)(struct dw_store *s, const char *address, struct dw_dead_row *out, struct dw_err *err);
	int (*dead_put)(struct dw_store *s, const struct dw_dead_row *row, struct dw_err *err);
	int (*dead_drop)(struct dw_store *s, const char *address, struct dw_err *err);
	int (*dead_each)(struct dw_store *s, dw_dead_fn fn, void *ctx, struct dw_err *err);

	int (*history_add)(struct dw_store *s, int64_t order, dw_time at, const char *text, struct dw_err *err);
	int (*history_each)(struct dw_store *s, int64_t order, dw_history_fn fn, void *ctx, struct dw_err *err);

	int (*count)(struct dw_store *s, unsigned what, dw_time now, struct dw_counts *out, struct dw_err *err);
	int (*freeze)(struct dw_store *s, struct dw_err *err);
	int (*backup)(struct dw_store *s, const char *path, struct dw_err *err);
	int (*scratch)(struct dw_store **out, struct dw_store *from, struct dw_err *err); /* NULL: can't be copied */
	int (*check)(struct dw_store *s, struct dw_err *err);

	int (*tidy)(struct dw_store *s, struct dw_err *err);
	int (*prune)(struct dw_store *s, dw_time now, struct dw_err *err);
};

/* The first member of every backend's handle. */
struct dw_store {
	const struct dw_store_ops *ops;
	bool writing; /* between begin and commit */
	unsigned long shortages; /* dw_shortages() at the begin */
};

enum { DW_STORE_NAME_MAX = 255, /* bytes of a feed's name, an order number, a meta key */
       DW_STORE_PRUNE_MAX = 500 };

/* Retention, design.md §3. */
#define DW_KEEP_BYTES (30 * DW_DAY)
#define DW_KEEP_ROWS (400 * DW_DAY)
#define DW_KEEP_INBOUND (100 * DW_DAY) /* longer than a mail can be answered: replies.token_days */
#define DW_STUCK_S 3600 /* a step owed at once that waits for so long has been forgotten */
#define DW_HELD_S (3 * DW_DAY) /* and one held back by mails_per_day: it goes out within two days */

static inline bool dw_mail_over(enum dw_mail_state s)
{
	return s == DW_MAIL_SENT || s == DW_MAIL_FAILED || s == DW_MAIL_WITHDRAWN;
}

/* rows.c: owned copies. On failure *to is empty. */
int dw_feed_row_copy(struct dw_feed_row *to, const struct dw_feed_row *from);
int dw_order_row_copy(struct dw_order_row *to, const struct dw_order_row *from);
int dw_mail_row_copy(struct dw_mail_row *to, const struct dw_mail_row *from);
int dw_hand_copy(struct dw_hand *to, const struct dw_hand *from);
/* NULL for n == 0 or when memory is out. */
void *dw_memdup(const void *p, size_t n);

/* Whether an order not listed since missing_since may go (its row 400 d past): gone, or its own facts say it is over.
 * 1 or 0; < 0: the record can't be read. */
int dw_order_over(bool gone, dw_time cutoff, const struct dw_memory *m, const void *record, size_t n_record);

/* near.c: gathers candidates and keeps the numbers nearest to a text. */
struct dw_near_set {
	char **word;
	size_t n, cap;
	bool failed;
};
int dw_near_add(void *ctx, const char *word); /* a dw_text_fn; ctx: struct dw_near_set */
int dw_near_pick(struct dw_near_set *set, const char *text, char **out, int max); /* count, or -ENOMEM */
void dw_near_fini(struct dw_near_set *set);

#endif
