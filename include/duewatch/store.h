/* What duewatch remembers: one port of domain operations, two backends (store/sqlite.c, store/memory.c), one
 * contract suite (tests/contract/store.c). Nothing outside store/ knows SQL, and nothing assumes it is the only
 * writer: the person's tool writes to the same store while a daemon runs.
 *
 * All instants are UTC seconds; DW_UNKNOWN and DW_NEVER are kept as such. Persons and feeds are kept by name.
 * Rows handed to a callback are borrowed until it returns; a callback may read but not write, except where said; what
 * it returns other than 0 stops the walk and is returned. Every change happens between begin and commit (-EINVAL
 * outside). A function that finds nothing returns 1, with *out untouched; one that changes a row by an id that isn't
 * there returns -ENOENT. A second row under a taken key is -EEXIST, a text or blob over the limits below -E2BIG.
 *
 * A handle belongs to one thread at a time. A daemon's further threads open DW_STORE_TOOL handles. */
#ifndef DUEWATCH_STORE_H
#define DUEWATCH_STORE_H

#include "duewatch/alert.h"
#include "duewatch/transport.h"

struct dw_store;

enum {
	DW_STORE_META_MAX = 4096,	     /* bytes of a meta value */
	DW_STORE_TEXT_MAX = 256 * 1024,	     /* of any other text, but for a mail's model */
	DW_STORE_BLOB_MAX = 16 * 1024 * 1024, /* of a record, a mail's bytes or model */
	DW_STORE_BACKUPS = 3,		     /* backups made before migrations that are kept */
};

enum dw_store_mode {
	DW_STORE_DAEMON, /* creates and migrates; takes the state's lock: -EBUSY with the holder's pid if another has it */
	DW_STORE_TOOL,	 /* reads and writes beside a daemon; -ENOENT if there is no store yet; never migrates */
};

/* dir: the state folder (0700; duewatch.db in it 0600). Clear errors, nothing damaged: a newer schema, for a tool also
 * an older one (-EPROTO), another program's database or a corrupt one (-EBADMSG), read-only or not ours to write
 * (-EROFS), not ours to read (-EACCES), disk full (-ENOSPC). `now` stamps the backup made before a migration:
 * DIR/duewatch.db-backup-v<schema>-<YYYYmmddHHMMSS>. The whole file is checked only after a daemon's unclean stop. */
int dw_store_sqlite_open(struct dw_store **out, const char *dir, enum dw_store_mode mode, dw_time now,
			 struct dw_err *err);
int dw_store_memory_new(struct dw_store **out, struct dw_err *err);
/* A store of this handle's alone, gone with it: empty (from NULL), or a copy of all that `from` holds at one instant,
 * while others write to that. Never larger in memory than some 64 MB: what is more goes to a nameless temporary file.
 * Not durable. -ENOTSUP: `from` is no SQLite store. Outside a transaction of `from`. */
int dw_store_scratch(struct dw_store **out, struct dw_store *from, struct dw_err *err);
void dw_store_close(struct dw_store *s); /* NULL is fine; rolls back what is open */
static inline void dw_store_freep(struct dw_store **s)
{
	dw_store_close(*s);
	*s = NULL;
}

/* -ESTALE: the store's file was removed or replaced. Nothing can be kept any more: end, and start on what is there. */
int dw_store_there(struct dw_store *s, struct dw_err *err);

/* For writing: IMMEDIATE. -ESTALE as above; see below for -EBUSY. */
int dw_store_begin(struct dw_store *s, struct dw_err *err);
int dw_store_commit(struct dw_store *s, struct dw_err *err); /* durable when it returns 0; on failure rolled back */
void dw_store_rollback(struct dw_store *s); /* outside a transaction: nothing */
/* True once after another process committed since the last call (cheap). */
bool dw_store_changed(struct dw_store *s);
/* Whatever needs a lock that another process holds waits for it: a daemon 3 s (it tries again, and answers and a stop
 * wait behind it), a tool 30 s; then it fails with -EBUSY. From this call on a third of a second at most: we are
 * stopping. The one function for any thread, at any time while the handle is open. */
void dw_store_hurry(struct dw_store *s);

/* Small named values: rules fingerprint, last decision … text of at most 4 KiB. */
int dw_store_meta_get(struct dw_store *s, const char *key, char **out, struct dw_err *err); /* owned; 1: none */
int dw_store_meta_put(struct dw_store *s, const char *key, const char *value, struct dw_err *err);

/* ---- feeds ---- */
struct dw_feed_row {
	char *name;
	bool overlay;
	dw_time data_time, last_attempt, last_success;
	dw_time error_since; /* DW_UNKNOWN: the last attempt was good */
	char *error;
	bool first_look;     /* its first complete read has not been decided yet */
	char *seen;	     /* fingerprint of what was last read whole (size, mtime, inode, mapping), to skip an unchanged file */
	int64_t orders, missing, rejected, unmatched;
	char *rejects;	     /* text of the last read's rejected cells and rows, one a line, bounded */
	uint64_t rejects_told; /* hash of what operators were last told of them */
	dw_time error_told, stale_told, vanish_since; /* vanish_since: mass disappearance not accepted yet */
	bool accept;	     /* `duewatch feed NAME --accept` */
};
void dw_feed_row_fini(struct dw_feed_row *r);
int dw_store_feed_get(struct dw_store *s, const char *name, struct dw_feed_row *out, struct dw_err *err);
int dw_store_feed_put(struct dw_store *s, const struct dw_feed_row *row, struct dw_err *err);
int dw_store_feed_each(struct dw_store *s, int (*fn)(void *ctx, const struct dw_feed_row *row), void *ctx,
		       struct dw_err *err);

/* ---- orders ---- */
struct dw_order_row {
	int64_t id; /* 0: new */
	char *feed, *order_id;
	void *record; /* dw_facts_encode of the main feed's word; owned */
	size_t n_record;
	uint64_t print;	    /* fingerprint of the folded rows and their mapping: equal = not written, not decided again */
	struct dw_memory memory;
	dw_time next_at;    /* due for a decision at or after this; DW_NEVER */
	dw_time data_at;    /* due after a complete read of its feed with a data time past this; DW_NEVER */
	uint64_t rules;	    /* fingerprint of the rules it was last decided under */
	dw_time missing_since, missing_data; /* first good read without it, and that read's predecessor's data time */
	bool gone;	    /* closed because its feed no longer lists it */
	char *close_note;   /* of `duewatch close`; NULL */
	char *close_by;
	int class;	    /* what it was last decided to be: DW_UNDECIDED or dw_class_of; order_put leaves it alone */
};
enum { DW_UNDECIDED, DW_CLASSES = 5 }; /* never decided yet, or damaged; else 1 + the enum dw_state of its worst side */
static inline int dw_class_of(enum dw_state s)
{
	return 1 + (int)s;
}
void dw_order_row_fini(struct dw_order_row *r);
int dw_store_order_find(struct dw_store *s, const char *feed, const char *order_id, struct dw_order_row *out,
			struct dw_err *err);
/* The cheap half of order_find, for a read that changed nothing: id, print, missing_since, gone. Inside a transaction
 * several times cheaper than outside, and cheapest in the order in which the rows were first stored. */
int dw_store_order_peek(struct dw_store *s, const char *feed, const char *order_id, int64_t *id, uint64_t *print,
			bool *listed, struct dw_err *err); /* *listed: neither missing nor gone */
int dw_store_order_get(struct dw_store *s, int64_t id, struct dw_order_row *out, struct dw_err *err);
int dw_store_order_put(struct dw_store *s, struct dw_order_row *row, struct dw_err *err); /* whole; sets row->id when new */
/* Only what a decision changes: memory, next_at, data_at, rules, class. */
int dw_store_order_decided(struct dw_store *s, int64_t id, const struct dw_memory *m, dw_time next_at, dw_time data_at,
			   uint64_t rules, int class, struct dw_err *err);
int dw_store_order_missing(struct dw_store *s, int64_t id, dw_time since, dw_time data, bool gone, struct dw_err *err);
/* Ids due at `now`, about the longest due first (a backlog is taken in neighbouring orders), at most max; returns how
 * many, 0 only when none is due, or < 0. */
int dw_store_orders_due(struct dw_store *s, dw_time now, int64_t *ids, int max, struct dw_err *err);
int dw_store_orders_next(struct dw_store *s, dw_time *next_at, struct dw_err *err); /* earliest next_at; DW_NEVER */
/* Makes due at once (next_at 0): one order; every order with this order_id (an overlay's row changed); all of a feed
 * (NULL: all); those of a feed whose data_at < data_time. */
int dw_store_order_touch(struct dw_store *s, int64_t id, struct dw_err *err);
int dw_store_orders_touch_number(struct dw_store *s, const char *order_id, struct dw_err *err);
int dw_store_orders_touch_feed(struct dw_store *s, const char *feed, struct dw_err *err);
int dw_store_orders_touch_data(struct dw_store *s, const char *feed, dw_time data_time, struct dw_err *err);
/* Rows of a feed (NULL: all) or with a number, in id order. fn may write, also begin and commit: rows are read in
 * pages, so a row written meanwhile may be shown as before or after. */
int dw_store_order_each(struct dw_store *s, const char *feed, int (*fn)(void *ctx, const struct dw_order_row *row),
			void *ctx, struct dw_err *err);
/* Only ids and whether each is missing already, of a feed's orders not gone, in id order: for the end of a read.
 * fn may write. */
int dw_store_order_ids(struct dw_store *s, const char *feed,
		       int (*fn)(void *ctx, int64_t id, dw_time missing_since), void *ctx, struct dw_err *err);
int dw_store_order_by_number(struct dw_store *s, const char *order_id,
			     int (*fn)(void *ctx, const struct dw_order_row *row), void *ctx, struct dw_err *err);
/* Up to max order numbers near `text` (same beginning or ending), for "did you mean"; owned strings. */
int dw_store_order_near(struct dw_store *s, const char *text, char **out, int max, struct dw_err *err);

/* ---- overlays: (feed, order_id) → record ---- */
int dw_store_overlay_put(struct dw_store *s, const char *feed, const char *order_id, const void *record, size_t n,
			 uint64_t print, struct dw_err *err);
int dw_store_overlay_get(struct dw_store *s, const char *feed, const char *order_id, struct dw_facts *out,
			 uint64_t *print, struct dw_err *err); /* out: overwritten, owned by the caller; 1: none */
int dw_store_overlay_drop(struct dw_store *s, const char *feed, const char *order_id, struct dw_err *err);
int dw_store_overlay_each(struct dw_store *s, const char *feed, int (*fn)(void *ctx, const char *order_id), void *ctx,
			  struct dw_err *err);
/* Rows whose order_id no order of any feed has (`of` isn't known here). */
int dw_store_overlay_unmatched(struct dw_store *s, const char *feed, int64_t *n, struct dw_err *err);

/* ---- hand-set values ---- */
int dw_store_hand_put(struct dw_store *s, int64_t order, const struct dw_hand *h, struct dw_err *err);
int dw_store_hand_drop(struct dw_store *s, int64_t order, enum dw_field x, struct dw_err *err);
/* *out: owned array of *n; dw_hand_fini each, then free. */
int dw_store_hand_load(struct dw_store *s, int64_t order, struct dw_hand **out, size_t *n, struct dw_err *err);

/* ---- alerts and steps ---- */
int dw_store_alert_put(struct dw_store *s, int64_t order, const struct dw_alert *a, struct dw_err *err);
int dw_store_alert_drop(struct dw_store *s, int64_t order, enum dw_side side, struct dw_err *err); /* steps stay as history */
/* Packed at the front, by side; count, or < 0. */
int dw_store_alert_load(struct dw_store *s, int64_t order, struct dw_alert out[DW_SIDE_COUNT], struct dw_err *err);
int dw_store_alert_each(struct dw_store *s, int (*fn)(void *ctx, int64_t order, const struct dw_alert *a), void *ctx,
			struct dw_err *err);
/* 1, 2 … for this side, or < 0. It is taken once an alert or step of it is stored, and then never given again. */
int64_t dw_store_episode_next(struct dw_store *s, int64_t order, enum dw_side side, struct dw_err *err);

/* A step row as stored: the person by name, its order, its mail. */
struct dw_step_row {
	struct dw_told told; /* told.person is not used here */
	int64_t order;
	char person[64];
	int64_t mail;	     /* 0: none */
};
/* Adds and sets row->told.id, or leaves alone when the key (order, side, episode, kind, act_by, step, number, person)
 * is there: returns 1. */
int dw_store_step_add(struct dw_store *s, struct dw_step_row *row, struct dw_err *err);
int dw_store_step_set(struct dw_store *s, int64_t id, enum dw_step_state state, int64_t mail, dw_time at,
		      struct dw_err *err);
/* A waiting step becomes DW_DELIVER_HELD; its time stays. */
int dw_store_step_hold(struct dw_store *s, int64_t id, struct dw_err *err);
/* Steps of one order, oldest first: of the given episode of a side, or with episode 0 the history of all sides. */
int dw_store_step_each(struct dw_store *s, int64_t order, enum dw_side side, int64_t episode,
		       int (*fn)(void *ctx, const struct dw_step_row *row), void *ctx, struct dw_err *err);
/* 1: this person was told of the side in this episode, or is to be (a step that waits, is mailed or spared; not its
 * `resolved`); 0: not. */
int dw_store_step_told(struct dw_store *s, int64_t order, enum dw_side side, int64_t episode, const char *person,
		       struct dw_err *err);
/* Waiting steps, by person, then order; person NULL: everybody's. */
int dw_store_step_waiting(struct dw_store *s, const char *person, int (*fn)(void *ctx, const struct dw_step_row *row),
			  void *ctx, struct dw_err *err);
int dw_store_step_of_mail(struct dw_store *s, int64_t mail, int (*fn)(void *ctx, const struct dw_step_row *row),
			  void *ctx, struct dw_err *err);

/* ---- outbox (design.md §3) ---- */
enum dw_mail_state { DW_MAIL_QUEUED, DW_MAIL_LEASED, DW_MAIL_SENT, DW_MAIL_UNSURE, DW_MAIL_FAILED, DW_MAIL_WITHDRAWN };
extern const char *const dw_mail_state_words[6];
enum dw_mail_type {
	DW_MAIL_ALERT,	    /* steps, one or folded */
	DW_MAIL_DAILY,
	DW_MAIL_FIRST_LOOK,
	DW_MAIL_RESOLVED,
	DW_MAIL_FEED,	    /* to operators: feed_error, feed_stale … */
	DW_MAIL_NOTE,	    /* an ack's note to a manager, a fallen hand-set value to its setter, a dead address */
	DW_MAIL_ANSWER,	    /* to a person's reply; its model names the orders it is about */
	DW_MAIL_CLOSURE,    /* what falls into a closure (closure.h); its model says which */
};
extern const char *const dw_mail_type_words[DW_MAIL_CLOSURE + 1]; /* for templates, the log and programs */
struct dw_mail_row {
	int64_t id;
	enum dw_mail_type type;
	enum dw_mail_state state;
	char *person, *address;
	char *message_id;  /* without <> */
	char *subject;	   /* UTF-8, for people */
	void *bytes;	   /* as sent, CRLF; NULL once pruned */
	size_t n_bytes;
	char *model;	   /* what to render it from again (JSON), for mails without steps; may be NULL */
	dw_time created, next_try, last_try, sent_at;
	int tries, unsure, data_refused; /* tries that reached a verdict; unsure ones; 5xx at DATA */
	bool handed;	   /* its data may have left (unsure once, or its lease's holder died): set by the store, never unset */
	char *answer;	   /* the last words of the relay */
	enum dw_verdict verdict; /* the last one */
	char *visited;	   /* persons a dead address already made us pass, parted by spaces */
};
void dw_mail_row_fini(struct dw_mail_row *r);
int dw_store_mail_put(struct dw_store *s, struct dw_mail_row *row, struct dw_err *err); /* inserts (id 0) or updates whole */
/* Updates all but bytes and model: an answer is recorded without writing the mail again. Takes rows of mail_each. */
int dw_store_mail_answered(struct dw_store *s, const struct dw_mail_row *row, struct dw_err *err);
int dw_store_mail_get(struct dw_store *s, int64_t id, struct dw_mail_row *out, struct dw_err *err);
int dw_store_mail_find(struct dw_store *s, const char *message_id, int64_t *id, struct dw_err *err); /* the newest; 1: none */
/* Queued or unsure mails whose next_try <= now, first tries before retries, then the longest due; ids only. Count,
 * or < 0. */
int dw_store_mail_due(struct dw_store *s, dw_time now, int64_t *ids, int max, struct dw_err *err);
/* Likewise, but none whose address is at one of the domains in `busy` (each between bars: "|a.example|b.example|", small
 * letters). look: only among the first so many of the untried and of the tried; 0: all of them. */
int dw_store_mail_due_elsewhere(struct dw_store *s, dw_time now, const char *busy, int look, int64_t *ids, int max,
				struct dw_err *err);
int dw_store_mail_next(struct dw_store *s, dw_time *next_try, struct dw_err *err); /* earliest; DW_NEVER */
/* How many mails were made for a person in from <= created < to, before the mail `before` (INT64_MAX: all); what was
 * withdrawn doesn't count. */
int64_t dw_store_mail_made(struct dw_store *s, const char *person, dw_time from, dw_time to, int64_t before,
			   struct dw_err *err);
/* queued|unsure → leased, last_try = now. 1: somebody else was faster. */
int dw_store_mail_lease(struct dw_store *s, int64_t id, dw_time now, struct dw_err *err);
/* Every lease left by a dead holder: back to queued (unsure if it was), counted neither as a try nor as unsure. */
int dw_store_mail_release(struct dw_store *s, struct dw_err *err); /* how many, or < 0 */
/* Without bytes and model. newest first; state < 0: all. */
int dw_store_mail_each(struct dw_store *s, int state, int (*fn)(void *ctx, const struct dw_mail_row *row), void *ctx,
		       struct dw_err *err);
int dw_store_mail_count(struct dw_store *s, int64_t count[6], struct dw_err *err);
/* Queued mails not `handed` that carry a step of this order and side (person NULL: anybody's), oldest first. Count,
 * or < 0. */
int dw_store_mail_queued_for(struct dw_store *s, int64_t order, enum dw_side side, const char *person, int64_t *ids,
			     int max, struct dw_err *err);

/* ---- people ---- */
struct dw_person_row {
	char name[64];
	dw_time daily_at; /* the last daily mail's instant that was handled */
	dw_time dead_at;  /* its address was refused as dead; unknown: fine */
	char dead_why[256];
};
int dw_store_person_get(struct dw_store *s, const char *name, struct dw_person_row *out, struct dw_err *err);
int dw_store_person_put(struct dw_store *s, const struct dw_person_row *row, struct dw_err *err);

/* ---- what comes in: answers by mail and bounces (app/inbound.c) ---- */
/* How far a mailbox has been read. */
struct dw_mailbox_row {
	char name[40];	     /* which one */
	int64_t uidvalidity; /* 0: never looked into */
	int64_t last_uid;    /* up to this one all are done */
	dw_time last_success;
	dw_time error_since; /* DW_UNKNOWN: the last look was good */
	dw_time told;	     /* when operators were last told of it */
	char error[256];
};
int dw_store_mailbox_get(struct dw_store *s, const char *name, struct dw_mailbox_row *out, struct dw_err *err);
int dw_store_mailbox_put(struct dw_store *s, const struct dw_mailbox_row *row, struct dw_err *err);

/* A mail that was taken, so that it is not taken again. */
struct dw_inbound_row {
	const char *id;	  /* its Message-ID or what stands for one; borrowed */
	dw_time at;
	char person[64];  /* who was obeyed or answered; "" nobody */
	int commands, answers;
};
int dw_store_inbound_add(struct dw_store *s, const struct dw_inbound_row *row, struct dw_err *err);
int dw_store_inbound_find(struct dw_store *s, const char *id, struct dw_err *err); /* 0: it is there; 1: not */
/* A person's since `since`, that included. */
int dw_store_inbound_count(struct dw_store *s, const char *person, dw_time since, int64_t *commands, int64_t *answers,
			   struct dw_err *err);

/* An address from which mails came back. */
struct dw_dead_row {
	char address[256];
	dw_time since;
	dw_time tried;	/* when a mail last went there to see whether it is still dead; DW_UNKNOWN: not since */
	dw_time good;	/* when the relay first took one that hasn't come back; DW_UNKNOWN: none */
	int64_t mail;	/* which came back */
	char why[256];
};
int dw_store_dead_get(struct dw_store *s, const char *address, struct dw_dead_row *out, struct dw_err *err);
int dw_store_dead_put(struct dw_store *s, const struct dw_dead_row *row, struct dw_err *err);
int dw_store_dead_drop(struct dw_store *s, const char *address, struct dw_err *err); /* 0, also if there is none */
int dw_store_dead_each(struct dw_store *s, int (*fn)(void *ctx, const struct dw_dead_row *row), void *ctx,
		       struct dw_err *err); /* by address; fn may not write */

/* ---- history: what happened to an order, for `explain` ---- */
int dw_store_history_add(struct dw_store *s, int64_t order, dw_time at, const char *text, struct dw_err *err);
int dw_store_history_each(struct dw_store *s, int64_t order, int (*fn)(void *ctx, dw_time at, const char *text),
			  void *ctx, struct dw_err *err);

/* ---- what there is, counted: for metrics and the daily reconciliation ---- */
enum {
	DW_COUNT_ORDERS = 1, /* walks all orders (0.2 s for a million): not at every tick */
	DW_COUNT_STEPS = 2,  /* walks all steps */
	DW_COUNT_FEEDS_MAX = 1000,
	DW_MAIL_LOST = 6,    /* place in `told` of steps whose mail is not there */
};
struct dw_feed_count {
	char name[256];
	int64_t class[DW_CLASSES]; /* its orders, each in one of them */
	int64_t listed;		   /* neither missing nor gone */
	int64_t read, rejected;	   /* what its row says of the last whole read */
	bool good;		   /* that was the last one tried; never of an overlay */
};
struct dw_counts {
	int64_t mail[6];     /* by state; always counted, like `oldest` */
	dw_time oldest;	     /* when the oldest mail that hasn't left was made; DW_UNKNOWN: none waits */
	struct dw_feed_count *feed; /* all feeds the store knows, by name; owned */
	size_t n_feed;
	int64_t orders;	     /* the rows, counted by themselves */
	int64_t alerted;     /* orders with an alert that is open or acked, by the alerts' own table */
	int64_t steps;	     /* the rows, counted by themselves */
	int64_t step[DW_STEP_STATE_COUNT]; /* by state */
	int64_t told[7];     /* those DW_STEP_MAILED by their mail's state; one pruned long ago counts as sent */
	int64_t stuck;	     /* of the waiting ones: owed at once, and for over an hour; held back, and for over 3 days */
};
void dw_counts_fini(struct dw_counts *c);
/* what: DW_COUNT_…; the rest of *out stays 0. One look at everything only after freeze or inside begin. */
int dw_store_count(struct dw_store *s, unsigned what, dw_time now, struct dw_counts *out, struct dw_err *err);
/* From here until the handle is closed its reads see the store as it is now, whatever others commit; no writing. */
int dw_store_freeze(struct dw_store *s, struct dw_err *err);

/* ---- keeping it ---- */
/* A copy as of one instant to a new file, 0600, while others write; checked, synced. -EEXIST: never over a file that is
 * there; -ENOTSUP: this backend has no file. On failure no file is left. Outside a transaction. */
int dw_store_backup(struct dw_store *s, const char *path, struct dw_err *err);
/* Looks through the whole store for damage (a second for a million orders); changes nothing. -EBADMSG with what. */
int dw_store_check(struct dw_store *s, struct dw_err *err);

/* What others kept the store from cutting: a program that reads for long holds its log of changes back, which then
 * grows, and stays large when nothing is written. 0: small (cheap to ask), or cut now; 1: large, and one reads still.
 * Outside a transaction. */
int dw_store_tidy(struct dw_store *s, struct dw_err *err);

/* Retention (design.md §3), a bite of at most 500 rows at a time: returns 1 while there is more. Steps of an episode
 * that isn't over stay, so nothing is owed a second time; an order goes 400 d after it was last listed if it is gone,
 * or closed, completed or cancelled (its feed keeps a missing open order: rules.md §2). */
int dw_store_prune(struct dw_store *s, dw_time now, struct dw_err *err);

#endif
