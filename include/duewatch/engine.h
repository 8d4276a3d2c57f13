/* The engine: reads come in, decisions and mails go out, the store remembers. One thread at a time; no clock of its
 * own (`now` is an argument), no network: the loop, --once and the scenarios drive it with theirs.
 *
 *   read  → dw_apply_begin / dw_apply_order … / dw_apply_finish: a feed's read into the store
 *   tick  → dw_engine_tick: what is owed at `now` and not recorded? decisions and mails into the outbox
 *   send  → dw_outbox_lease, a transport, dw_outbox_answer
 */
#ifndef DUEWATCH_ENGINE_H
#define DUEWATCH_ENGINE_H

#include "duewatch/compose.h"
#include "duewatch/ingest.h"

struct dw_engine;

/* Borrowed: config until dw_engine_reconfigure's swap or free, store until free. `log` gets one line per event (no
 * newline, no secrets; priority as in syslog: 3 error, 4 warning, 5 notice, 6 info); may be NULL. */
int dw_engine_new(struct dw_engine **out, const struct dw_config *config, struct dw_store *store,
		  void (*log)(void *ctx, int priority, const char *line), void *ctx, struct dw_err *err);
void dw_engine_free(struct dw_engine *e);

/* From now on its mails are made without text and bytes, for a look ahead (simulate.h). */
void dw_engine_bare(struct dw_engine *e);

/* Swaps the config; on failure the old one stays in force. */
int dw_engine_reconfigure(struct dw_engine *e, const struct dw_config *config, struct dw_err *err);

/* The config's rules changed in place (a calendar): all orders are due if so. */
int dw_engine_rules_changed(struct dw_engine *e, struct dw_err *err);

/* After open: leases of a dead holder back to the queue, rows for new feeds, all orders due if the rules changed. */
int dw_engine_start(struct dw_engine *e, dw_time now, struct dw_err *err);

/* ---- a read ---- */
struct dw_apply; /* between begin and finish; may be given up with free at any time (a partial read) */
int dw_apply_new(struct dw_apply **out, struct dw_engine *e, const struct dw_feed_conf *feed, dw_time data_time,
		 dw_time now, struct dw_err *err);
/* Applies one order; takes what is in it. In batches: dw_apply_flush commits what came since the last one. */
int dw_apply_order(struct dw_apply *a, struct dw_read_order *o, struct dw_err *err);
int dw_apply_flush(struct dw_apply *a, struct dw_err *err);
/* The read was whole: closings, the feed's row. */
int dw_apply_finish(struct dw_apply *a, const struct dw_read_report *report, dw_time now, struct dw_err *err);
void dw_apply_free(struct dw_apply *a);
/* The read failed, or the files are unchanged: what the feed's row says of it. */
int dw_engine_read_failed(struct dw_engine *e, const struct dw_feed_conf *feed, int code, const char *why, dw_time now,
			  struct dw_err *err); /* code: < 0, as the read gave it */
int dw_engine_read_unchanged(struct dw_engine *e, const struct dw_feed_conf *feed, const struct dw_read_report *report,
			     dw_time now, struct dw_err *err);

/* All of it in the caller's thread. 0; 1: the read failed (said in the feed's row and the log); < 0: the store did.
 * again: read even if the files are unchanged. */
int dw_engine_read(struct dw_engine *e, const struct dw_feed_conf *feed, bool again, dw_time now, struct dw_err *err);

/* ---- a tick ---- */
/* Decides what is due, at most about budget_ms at a time (0: all of it), then puts mails into the outbox. 0 done; 1
 * there is more to do: call again. */
int dw_engine_tick(struct dw_engine *e, dw_time now, int budget_ms, struct dw_err *err);
/* What waits for a daily mail goes out too (--once). */
int dw_engine_flush_daily(struct dw_engine *e, dw_time now, struct dw_err *err);
/* The next instant at which a tick has something to do, by orders, feeds and people; DW_NEVER. */
dw_time dw_engine_next(struct dw_engine *e, dw_time now);

/* The newest read or decision in the store, for dw_clock_look; DW_UNKNOWN without. */
dw_time dw_engine_latest(struct dw_engine *e);

/* ---- the outbox ---- */
struct dw_send_job {
	int64_t id;
	char *from, *to, *message_id;
	void *bytes;
	size_t n_bytes;
	int tries;
};
void dw_send_job_fini(struct dw_send_job *j);
/* Leases the next mail that is due and whose recipient's domain is not in `busy` (n domains). 0; 1: none. */
int dw_outbox_lease(struct dw_engine *e, dw_time now, const char *const *busy, size_t n, struct dw_send_job *out,
		    struct dw_err *err);
/* Records an answer; call between dw_outbox_begin and dw_outbox_commit to group several. */
int dw_outbox_answer(struct dw_engine *e, int64_t id, const struct dw_answer *answer, dw_time now, struct dw_err *err);
dw_time dw_outbox_next(struct dw_engine *e, struct dw_err *err); /* earliest next_try; DW_NEVER */

/* ---- what comes in by mail (replies) ---- */
/* A mailbox's name in the store: another address, folder or user is another one. */
enum { DW_MAILBOX_NAME = 40 };
void dw_mailbox_name(char out[DW_MAILBOX_NAME], const struct dw_replies_conf *conf);
/* It was opened: at its first look, and where the UIDs are new ones, its place becomes `last_uid`. A good look. */
int dw_mailbox_looked(struct dw_engine *e, const char *mailbox, int64_t uidvalidity, int64_t last_uid, dw_time now,
		      struct dw_err *err);
/* It could not be read. Operators hear of it after six hours, then daily. */
int dw_mailbox_failed(struct dw_engine *e, const char *mailbox, const char *why, dw_time now, struct dw_err *err);
/* Takes one mail: what it says is done, the answer is in the outbox, the mail is remembered and the mailbox's place moved
 * to `uid`, all of it in one transaction. Each is taken once. bytes NULL: it can't be read (said in `why`), and is passed
 * over. 0; < 0: nothing of it has happened. */
int dw_inbound_take(struct dw_engine *e, const char *mailbox, int64_t uidvalidity, int64_t uid, const void *bytes, size_t n,
		    const char *why, dw_time now, struct dw_err *err);

/* ---- what a person does ---- */
/* Each is one transaction. 0; 1: nothing to do, err says why; -EINVAL: err says what is allowed. */
struct dw_assignment {
	enum dw_field field;
	const char *value; /* as a cell would have it */
};
int dw_engine_set(struct dw_engine *e, int64_t order, const struct dw_assignment *a, size_t n, const char *by, dw_time now,
		  struct dw_err *err);
int dw_engine_unset(struct dw_engine *e, int64_t order, enum dw_field x, dw_time now, struct dw_err *err);
int dw_engine_ack(struct dw_engine *e, int64_t order, int person, int64_t for_s, const char *note, dw_time now,
		  int *acked, struct dw_err *err);
int dw_engine_unack(struct dw_engine *e, int64_t order, dw_time now, struct dw_err *err);
int dw_engine_close(struct dw_engine *e, int64_t order, const char *by, const char *note, dw_time now,
		    struct dw_err *err);
int dw_engine_reopen(struct dw_engine *e, int64_t order, dw_time now, struct dw_err *err);

/* ---- one order, whole ---- */
/* Everything loaded and derived of one order, for deciding, explaining and composing. */
struct dw_case {
	struct dw_order_row row;
	const struct dw_feed_conf *feed; /* NULL: its feed left the config */
	const struct dw_pack *pack; /* its zone is set: the feed's where the pack has none */
	struct dw_pack *zoned;	    /* then it is this copy; shallow */
	struct dw_feed_row feed_row;
	dw_time now;	   /* as of when all this is */
	dw_time data_time; /* of the last read that listed it */
	bool stale;
	struct dw_facts main;
	struct dw_facts *overlay_facts;
	struct dw_overlay *overlay;
	size_t n_overlay;
	struct dw_hand *hand;
	size_t n_hand;
	struct dw_sources sources;
	struct dw_order order;
	struct dw_dates dates;
	bool memory_changed;
	int owner;
	bool owner_unknown; /* the text names nobody of the config */
	struct dw_alert alert[DW_SIDE_COUNT];
	size_t n_alert;
	struct dw_step_row *steps; /* the order's whole history of steps */
	struct dw_told *told;
	size_t n_told;
	bool first_look;
	struct dw_plan plan;
	struct dw_mail_proof *proof; /* where a mail needs it (proof.c) */
	size_t n_proof;
};
/* 0; 1: no such order; out is owned: dw_case_fini. */
int dw_case_load(struct dw_engine *e, int64_t order, dw_time now, struct dw_case *out, struct dw_err *err);
void dw_case_fini(struct dw_case *c);
/* The case as a mail's item of one side. Borrowed from c. */
void dw_case_item(const struct dw_case *c, enum dw_side side, struct dw_mail_item *out, const struct dw_config *config);
/* The mail of one order as it would be now (`duewatch preview`), in `language`, or the reader's where it is NULL: 0; 1:
 * nothing is open or watched. */
int dw_engine_preview(struct dw_engine *e, int64_t order, int person, const char *language, dw_time now, struct dw_mail *out,
		      struct dw_err *err);

/* ---- answers by mail ---- */
/* The store's secret that signs tokens and envelope addresses (reply.h), DW_TOKEN_KEY bytes. On first use it is made, which
 * needs the caller's transaction: -EINVAL without one. */
int dw_engine_token_key(struct dw_engine *e, unsigned char out[32], struct dw_err *err);

/* Feed health now. */
bool dw_feed_is_stale(const struct dw_feed_conf *conf, const struct dw_feed_row *row, dw_time now);

#endif
