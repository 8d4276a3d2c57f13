/* Private to the SQLite backend: the handle, statements, and what each sqlite-*.c brings. */
#ifndef DUEWATCH_STORE_SQLITE_H
#define DUEWATCH_STORE_SQLITE_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "store-impl.h"

enum { STATEMENTS = 256, FEED_CACHE = 8, DIRTY_BLOCKS = 1024 };

struct dw_sqlite {
	struct dw_store base;
	sqlite3 *db;
	char *dir, *path;   /* the state folder, duewatch.db in it */
	enum dw_store_mode mode;
	int lock;	    /* descriptor of DIR/lock, -1: none */
	int64_t busy_ms;    /* monotonic clock when the wait for another's lock began */
	int patience_ms;    /* how long such a wait may last */
	atomic_bool hurry;  /* dw_store_hurry was called */
	bool broken;	    /* this transaction lost something: it can't be committed */
	bool marked;	    /* `running` is set and ours to clear */
	bool scratch;	    /* nobody else's, and without a name: it can't be moved away */
	int64_t version;    /* data_version last seen by changed() */
	struct {
		const char *sql; /* the literal's address is the key */
		sqlite3_stmt *st;
	} statement[STATEMENTS];
	struct {
		char name[DW_STORE_NAME_MAX + 1];
		int64_t id;
	} feed[FEED_CACHE];
	int next_feed;
	int64_t pruned;			/* prune has looked at the orders up to this id */
	int64_t dirty[DIRTY_BLOCKS];	/* blocks whose orders changed in this transaction; may repeat */
	int n_dirty;
	struct dw_window *window;	/* of lookups: the rows that stand after the last one asked for; NULL at first */
	struct dw_pending *pending;	/* new orders not written yet; NULL at first */
	struct dw_range {
		int64_t feed; /* 0: not known in this transaction */
		char first[DW_STORE_NAME_MAX + 1], last[DW_STORE_NAME_MAX + 1]; /* "": the feed has none */
	} range;
	struct {
		int64_t feed;
		char order_id[DW_STORE_NAME_MAX + 1];
	} missed; /* the key that was last looked for in this transaction, and isn't there; feed 0: none */
};

static inline struct dw_sqlite *dw_sqlite_of(struct dw_store *s)
{
	return (struct dw_sqlite *)s;
}

/* ---- query.c ---- */

/* One use of a statement. Bind all parameters in order, step, take the columns in order, check; done by cleanup. */
struct dw_query {
	struct dw_sqlite *s;
	sqlite3_stmt *st;
	int bound, col, rc;
	bool own, bad, oom;
};
/* sql: a literal; prepared at its first use and kept. */
int dw_query_open(struct dw_query *q, struct dw_sqlite *s, const char *sql, struct dw_err *err);
/* The same for a reader that knows of the orders not written yet: they stay so. */
int dw_query_reopen(struct dw_query *q, struct dw_sqlite *s, const char *sql, struct dw_err *err);
void dw_query_done(struct dw_query *q);
#define DW_QUERY DW_CLEANUP(dw_query_done) struct dw_query

/* Texts and blobs are borrowed until the query is done. */
void dw_bind_int(struct dw_query *q, int64_t v);
void dw_bind_id(struct dw_query *q, int64_t v);	    /* 0: NULL */
void dw_bind_time(struct dw_query *q, dw_time t);   /* DW_UNKNOWN: NULL */
void dw_bind_due(struct dw_query *q, dw_time t);    /* DW_NEVER: NULL, so partial indexes leave the row out */
void dw_bind_text(struct dw_query *q, const char *s); /* NULL: NULL */
void dw_bind_blob(struct dw_query *q, const void *p, size_t n); /* p NULL: NULL */

int dw_query_step(struct dw_query *q, struct dw_err *err); /* 1: a row, 0: no more, < 0 */
int dw_query_run(struct dw_query *q, struct dw_err *err);	 /* a change; 0 or < 0 */
int dw_query_one(struct dw_query *q, struct dw_err *err);	 /* a change of one row; -ENOENT if there was none */

/* A column of the wrong kind or out of range turns `bad`, read as 0. */
int64_t dw_col_int(struct dw_query *q);
int64_t dw_col_id(struct dw_query *q);
dw_time dw_col_time(struct dw_query *q);
dw_time dw_col_due(struct dw_query *q);
int dw_col_range(struct dw_query *q, int from, int to);
bool dw_col_bool(struct dw_query *q);
const char *dw_col_ref(struct dw_query *q); /* NULL for NULL; borrowed until the next step */
char *dw_col_text(struct dw_query *q);	    /* owned */
void dw_col_fixed(struct dw_query *q, char *out, size_t size); /* one that doesn't fit is damage */
void dw_col_short(struct dw_query *q, char *out, size_t size); /* … is left out: "" */
const void *dw_col_blob(struct dw_query *q, size_t *n); /* borrowed; never NULL */
int dw_query_check(struct dw_query *q, struct dw_err *err); /* 0, -EBADMSG, -ENOMEM */

/* Runs a query whose rows are one integer each: fills ids, at most max. Count, or < 0. */
int dw_query_ids(struct dw_query *q, int64_t *ids, int max, struct dw_err *err);

/* What SQLite's result code means to our callers, as a negated errno with err saying which file and why. */
int dw_sqlite_fail(struct dw_sqlite *s, int rc, struct dw_err *err);
/* -EIO when a failure (a full disk, say) has undone the transaction: what follows must not be committed one by one. */
int dw_sqlite_undone(struct dw_sqlite *s, struct dw_err *err);
int dw_sqlite_exec(struct dw_sqlite *s, const char *sql, struct dw_err *err);
/* The one integer a statement without parameters yields. */
int dw_sqlite_int(struct dw_sqlite *s, const char *sql, int64_t *out, struct dw_err *err);

/* ---- schema.c ---- */
enum { DW_APPLICATION_ID = 0x64756577 }; /* "duew" */
struct dw_schema {
	const char *const *step; /* step[i] leads from version i to i + 1 */
	int64_t version;
};
extern const struct dw_schema dw_sqlite_schema;
/* Refuses what isn't ours or can't be used; -ENOENT for a file without anything in it. Changes nothing. */
int dw_schema_judge(struct dw_sqlite *s, const struct dw_schema *schema, int64_t *version, struct dw_err *err);
int dw_schema_migrate(struct dw_sqlite *s, const struct dw_schema *schema, int64_t from, dw_time now,
		      struct dw_err *err);

/* ---- state.c: the folder, the lock, the backups ---- */
int dw_state_folder(const char *dir, struct dw_err *err);
int dw_state_lock(int *out, const char *dir, struct dw_err *err);
int dw_state_file(const char *path, struct dw_err *err); /* makes duewatch.db, 0600, where there is none */
int dw_state_backup(struct dw_sqlite *s, int64_t version, dw_time now, struct dw_err *err);
int dw_state_copy(struct dw_sqlite *s, const char *name, struct dw_err *err); /* dw_store_backup */

/* ---- sqlite.c ---- */
/* dw_store_sqlite_open with another list of migrations: the contract suite's. */
int dw_sqlite_open(struct dw_store **out, const char *dir, enum dw_store_mode mode, dw_time now,
		   const struct dw_schema *schema, struct dw_err *err);

/* ---- scratch.c ---- */
int dw_sqlite_scratch(struct dw_store **out, struct dw_store *from, struct dw_err *err);
/* An unopened handle without a place: for scratch.c. */
int dw_sqlite_bare(struct dw_sqlite **out, struct dw_err *err);
int dw_sqlite_harden(struct dw_sqlite *s, struct dw_err *err);
void dw_sqlite_free(struct dw_sqlite *s);

/* ---- sqlite-meta.c, sqlite-feeds.c … : the operations ---- */
int dw_sqlite_meta_get(struct dw_store *s, const char *key, char **out, struct dw_err *err);
int dw_sqlite_meta_put(struct dw_store *s, const char *key, const char *value, struct dw_err *err);

/* The number feeds go by inside; 0: no such feed. */
int64_t dw_sqlite_feed(struct dw_sqlite *s, const char *name, bool make, struct dw_err *err);
void dw_sqlite_feed_forget(struct dw_sqlite *s);
int dw_sqlite_feed_get(struct dw_store *s, const char *name, struct dw_feed_row *out, struct dw_err *err);
int dw_sqlite_feed_put(struct dw_store *s, const struct dw_feed_row *row, struct dw_err *err);
int dw_sqlite_feed_each(struct dw_store *s, dw_feed_fn fn, void *ctx, struct dw_err *err);

int dw_sqlite_order_find(struct dw_store *s, const char *feed, const char *order_id, struct dw_order_row *out,
			 struct dw_err *err);
int dw_sqlite_order_peek(struct dw_store *s, const char *feed, const char *order_id, int64_t *id, uint64_t *print,
			 bool *listed, struct dw_err *err);
int dw_sqlite_order_get(struct dw_store *s, int64_t id, struct dw_order_row *out, struct dw_err *err);
int dw_sqlite_order_put(struct dw_store *s, struct dw_order_row *row, struct dw_err *err);
int dw_sqlite_order_decided(struct dw_store *s, int64_t id, const struct dw_memory *m, dw_time next_at,
			    dw_time data_at, uint64_t rules, int class, struct dw_err *err);
int dw_sqlite_order_missing(struct dw_store *s, int64_t id, dw_time since, dw_time data, bool gone,
			    struct dw_err *err);
int dw_sqlite_orders_due(struct dw_store *s, dw_time now, int64_t *ids, int max, struct dw_err *err);
int dw_sqlite_orders_next(struct dw_store *s, dw_time *next_at, struct dw_err *err);
int dw_sqlite_order_touch(struct dw_store *s, int64_t id, struct dw_err *err);
int dw_sqlite_orders_touch_number(struct dw_store *s, const char *order_id, struct dw_err *err);
int dw_sqlite_orders_touch_feed(struct dw_store *s, const char *feed, struct dw_err *err);
int dw_sqlite_orders_touch_data(struct dw_store *s, const char *feed, dw_time data_time, struct dw_err *err);
int dw_sqlite_order_each(struct dw_store *s, const char *feed, dw_order_fn fn, void *ctx, struct dw_err *err);
int dw_sqlite_order_ids(struct dw_store *s, const char *feed, dw_id_fn fn, void *ctx, struct dw_err *err);
int dw_sqlite_order_by_number(struct dw_store *s, const char *order_id, dw_order_fn fn, void *ctx,
			      struct dw_err *err);
int dw_sqlite_order_candidates(struct dw_store *s, const char *text, dw_text_fn fn, void *ctx, struct dw_err *err);

/* ---- sqlite-blocks.c: which blocks of orders hold a due one ---- */
enum { DW_BLOCK_SHIFT = 7 };
static inline int64_t dw_block_first(int64_t block)
{
	return block << DW_BLOCK_SHIFT;
}
static inline int64_t dw_block_last(int64_t block)
{
	return dw_block_first(block) + (1 << DW_BLOCK_SHIFT) - 1;
}
int dw_block_touch(struct dw_sqlite *s, int64_t order, struct dw_err *err); /* next_at or data_at of it changed */
int dw_block_flush(struct dw_sqlite *s, struct dw_err *err);	 /* at commit, and before blocks are asked */
int dw_block_rebuild(struct dw_sqlite *s, struct dw_err *err);

/* ---- sqlite-lookup.c ---- */
struct dw_peek {
	int64_t id;
	uint64_t print;
	bool listed;
};
int dw_lookup(struct dw_sqlite *s, int64_t feed, const char *order_id, struct dw_peek *out, struct dw_err *err);
int dw_lookup_taken(struct dw_sqlite *s, int64_t feed, const char *order_id, struct dw_err *err); /* -EEXIST, or 0 */
void dw_lookup_added(struct dw_sqlite *s, int64_t feed, const char *order_id);
void dw_lookup_forget(struct dw_sqlite *s); /* the transaction ends */

/* ---- sqlite-insert.c: new orders, in bulk ---- */
/* Sets row->id. The key is free. */
int dw_insert_order(struct dw_sqlite *s, int64_t feed, struct dw_order_row *row, const struct dw_buf *memory,
		    struct dw_err *err);
bool dw_insert_find(struct dw_sqlite *s, int64_t feed, const char *order_id, struct dw_peek *out);
int dw_insert_flush(struct dw_sqlite *s, struct dw_err *err);
void dw_insert_drop(struct dw_sqlite *s); /* the transaction ends; after a flush, or undone */

/* ---- sqlite-window.c: lookups in the order of the rows ---- */
/* Whether the window holds the order; a hint only: false says nothing. */
bool dw_window_find(struct dw_sqlite *s, int64_t feed, const char *order_id, struct dw_peek *out);
int dw_window_found(struct dw_sqlite *s, int64_t id, struct dw_err *err); /* found elsewhere: may move the window */
void dw_window_drop(struct dw_sqlite *s, int64_t id);			     /* the row changes */
void dw_window_close(struct dw_sqlite *s);

int dw_sqlite_overlay_put(struct dw_store *s, const char *feed, const char *order_id, const void *record, size_t n,
			  uint64_t print, struct dw_err *err);
int dw_sqlite_overlay_get(struct dw_store *s, const char *feed, const char *order_id, struct dw_facts *out,
			  uint64_t *print, struct dw_err *err);
int dw_sqlite_overlay_drop(struct dw_store *s, const char *feed, const char *order_id, struct dw_err *err);
int dw_sqlite_overlay_each(struct dw_store *s, const char *feed, dw_text_fn fn, void *ctx, struct dw_err *err);
int dw_sqlite_overlay_unmatched(struct dw_store *s, const char *feed, int64_t *n, struct dw_err *err);

int dw_sqlite_hand_put(struct dw_store *s, int64_t order, const struct dw_hand *h, struct dw_err *err);
int dw_sqlite_hand_drop(struct dw_store *s, int64_t order, enum dw_field x, struct dw_err *err);
int dw_sqlite_hand_load(struct dw_store *s, int64_t order, struct dw_hand **out, size_t *n, struct dw_err *err);

int dw_sqlite_alert_put(struct dw_store *s, int64_t order, const struct dw_alert *a, struct dw_err *err);
int dw_sqlite_alert_drop(struct dw_store *s, int64_t order, enum dw_side side, struct dw_err *err);
int dw_sqlite_alert_load(struct dw_store *s, int64_t order, struct dw_alert out[DW_SIDE_COUNT], struct dw_err *err);
int dw_sqlite_alert_each(struct dw_store *s, dw_alert_fn fn, void *ctx, struct dw_err *err);
int64_t dw_sqlite_episode_next(struct dw_store *s, int64_t order, enum dw_side side, struct dw_err *err);
int dw_sqlite_episode_taken(struct dw_sqlite *s, int64_t order, enum dw_side side, int64_t episode,
			    struct dw_err *err);

int dw_sqlite_step_add(struct dw_store *s, struct dw_step_row *row, struct dw_err *err);
int dw_sqlite_step_set(struct dw_store *s, int64_t id, enum dw_step_state state, int64_t mail, dw_time at,
		       struct dw_err *err);
int dw_sqlite_step_hold(struct dw_store *s, int64_t id, struct dw_err *err);
int dw_sqlite_step_each(struct dw_store *s, int64_t order, enum dw_side side, int64_t episode, dw_step_fn fn,
			void *ctx, struct dw_err *err);
int dw_sqlite_step_told(struct dw_store *s, int64_t order, enum dw_side side, int64_t episode, const char *person,
			struct dw_err *err);
int dw_sqlite_step_waiting(struct dw_store *s, const char *person, dw_step_fn fn, void *ctx, struct dw_err *err);
int dw_sqlite_step_of_mail(struct dw_store *s, int64_t mail, dw_step_fn fn, void *ctx, struct dw_err *err);

int dw_sqlite_mail_put(struct dw_store *s, struct dw_mail_row *row, struct dw_err *err);
int dw_sqlite_mail_answered(struct dw_store *s, const struct dw_mail_row *row, struct dw_err *err);
int dw_sqlite_mail_get(struct dw_store *s, int64_t id, struct dw_mail_row *out, struct dw_err *err);
int dw_sqlite_mail_due(struct dw_store *s, dw_time now, int64_t *ids, int max, struct dw_err *err);
int dw_sqlite_mail_due_elsewhere(struct dw_store *s, dw_time now, const char *busy, int look, int64_t *ids, int max,
				 struct dw_err *err);
int64_t dw_sqlite_mail_made(struct dw_store *s, const char *person, dw_time from, dw_time to, int64_t before,
			    struct dw_err *err);
int dw_sqlite_mail_next(struct dw_store *s, dw_time *next_try, struct dw_err *err);
int dw_sqlite_mail_lease(struct dw_store *s, int64_t id, dw_time now, struct dw_err *err);
int dw_sqlite_mail_release(struct dw_store *s, struct dw_err *err);
int dw_sqlite_mail_each(struct dw_store *s, int state, dw_mail_fn fn, void *ctx, struct dw_err *err);
int dw_sqlite_mail_count(struct dw_store *s, int64_t count[6], struct dw_err *err);
int dw_sqlite_mail_queued_for(struct dw_store *s, int64_t order, enum dw_side side, const char *person, int64_t *ids,
			      int max, struct dw_err *err);

int dw_sqlite_person_get(struct dw_store *s, const char *name, struct dw_person_row *out, struct dw_err *err);
int dw_sqlite_person_put(struct dw_store *s, const struct dw_person_row *row, struct dw_err *err);
int dw_sqlite_mail_find(struct dw_store *s, const char *message_id, int64_t *id, struct dw_err *err);
int dw_sqlite_mailbox_get(struct dw_store *s, const char *name, struct dw_mailbox_row *out, struct dw_err *err);
int dw_sqlite_mailbox_put(struct dw_store *s, const struct dw_mailbox_row *row, struct dw_err *err);
int dw_sqlite_inbound_add(struct dw_store *s, const struct dw_inbound_row *row, struct dw_err *err);
int dw_sqlite_inbound_find(struct dw_store *s, const char *id, struct dw_err *err);
int dw_sqlite_inbound_count(struct dw_store *s, const char *person, dw_time since, int64_t *commands, int64_t *answers,
			    struct dw_err *err);
int dw_sqlite_dead_get(struct dw_store *s, const char *address, struct dw_dead_row *out, struct dw_err *err);
int dw_sqlite_dead_put(struct dw_store *s, const struct dw_dead_row *row, struct dw_err *err);
int dw_sqlite_dead_drop(struct dw_store *s, const char *address, struct dw_err *err);
int dw_sqlite_dead_each(struct dw_store *s, dw_dead_fn fn, void *ctx, struct dw_err *err);
int dw_sqlite_history_add(struct dw_store *s, int64_t order, dw_time at, const char *text, struct dw_err *err);
int dw_sqlite_history_each(struct dw_store *s, int64_t order, dw_history_fn fn, void *ctx, struct dw_err *err);
int dw_sqlite_count(struct dw_store *s, unsigned what, dw_time now, struct dw_counts *out, struct dw_err *err);
int dw_sqlite_prune(struct dw_store *s, dw_time now, struct dw_err *err);

#endif
