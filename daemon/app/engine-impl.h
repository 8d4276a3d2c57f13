/* What the engine's files share. */
#ifndef DUEWATCH_ENGINE_IMPL_H
#define DUEWATCH_ENGINE_IMPL_H

#include "duewatch/engine.h"
#include "duewatch/quote.h"
#include "duewatch/reply.h"

struct dw_engine {
	const struct dw_config *config;
	struct dw_store *store;
	struct dw_composer *composer;
	void (*log)(void *ctx, int priority, const char *line);
	void *log_ctx;
	struct dw_order_rules rules; /* pack is filled in per order */
	struct dw_alert_rules alert_rules;
	/* the feeds' rows, by config index: they change at the end of a read only */
	struct dw_feed_row *feed_row;
	int64_t moved;	   /* deadlines moved by a change of rules since the last note */
	dw_time found_none; /* when the last look through the whole outbox found nothing for idle senders */
	dw_time closures_at; /* when a notice of a closure is owed next; DW_UNKNOWN: to be worked out */
	bool decided_any;  /* what was decided isn't delivered yet */
	dw_time decided_at; /* by what the store knew at the start, then by our own last delivery */
	int64_t decisions; /* made since it exists, for metrics */
	bool keyed;	   /* reply_key is there; while the config has replies */
	unsigned char reply_key[DW_TOKEN_KEY]; /* of tokens and envelope senders: the store's own secret */
	bool bare;	   /* its mails go nowhere: only their subjects are made */
	bool started;	   /* dw_engine_start was here: leases are our own from now on */
};

enum { DW_LOG_ERROR = 3, DW_LOG_WARNING = 4, DW_LOG_NOTICE = 5, DW_LOG_INFO = 6 };
void dw_engine_log(struct dw_engine *e, int priority, const char *fmt, ...) DW_PRINTF(3, 4);

/* The pack an order's facts name, else its feed's; its zone may be NULL (the feed's counts then). Borrowed. */
const struct dw_pack *dw_pack_of(const struct dw_engine *e, const struct dw_feed_conf *feed, const struct dw_facts *f);

bool dw_overlay_attaches(const struct dw_feed_conf *overlay, const char *main_feed);

int dw_feed_index(const struct dw_engine *e, const char *name); /* or -1 */
int dw_feed_row_load(struct dw_engine *e, const char *name, struct dw_err *err); /* refreshes e->feed_row */
int dw_feed_row_save(struct dw_engine *e, const struct dw_feed_row *row, struct dw_err *err);

/* Writes down `now` as the last decision's time; in the caller's transaction. */
int dw_engine_note_decision(struct dw_engine *e, dw_time now, struct dw_err *err);
/* engine-back.c: before each tick, whose clock is believed. Over an hour before the last decision: all anew. */
int dw_engine_clock_back(struct dw_engine *e, dw_time now, struct dw_err *err);

/* ---- actions.c: what a person does, inside the caller's transaction; what is refused (1, -EINVAL) has changed nothing,
 * but a set of several values. ---- */
int dw_act_set(struct dw_engine *e, int64_t order, const struct dw_assignment *a, size_t n, const char *by, dw_time now,
	       struct dw_err *err);
int dw_act_ack(struct dw_engine *e, int64_t order, int person, int64_t for_s, const char *note, dw_time now, int *acked,
	       struct dw_err *err);
int dw_act_close(struct dw_engine *e, int64_t order, const char *by, const char *note, dw_time now, struct dw_err *err);

/* ---- mailbox-row.c ---- */
/* The store's secret (token.c) at hand in reply_key: in the caller's transaction, for it is made at its first use. */
int dw_engine_reply_key(struct dw_engine *e, struct dw_err *err);

/* ---- bounce.c: addresses from which mails came back; in the caller's transaction ---- */
/* A report that a mail of ours failed; *said: what came of it, for the log. */
int dw_bounce_take(struct dw_engine *e, const struct dw_inbound *in, dw_time now, const char **said, struct dw_err *err);
/* The relay took a mail to this address: where 48 hours pass without its return, it is no longer dead. */
int dw_bounce_delivered(struct dw_engine *e, const char *address, dw_time now, struct dw_err *err);
/* Is it dead at `now`? 1, with *out; 0. */
int dw_bounce_is_dead(struct dw_engine *e, const char *address, dw_time now, struct dw_dead_row *out, struct dw_err *err);

/* ---- dispatch.c: waiting steps to mails ---- */
/* Waiting steps of one kind of delivery; inside the caller's transaction. */
int dw_dispatch_now(struct dw_engine *e, dw_time now, struct dw_err *err);
int dw_dispatch_first_look(struct dw_engine *e, dw_time now, struct dw_err *err);
int dw_dispatch_daily(struct dw_engine *e, dw_time now, bool all, struct dw_err *err);
/* A side went quiet: its entries in queued mails are struck. */
int dw_dispatch_withdraw(struct dw_engine *e, int64_t order, enum dw_side side, const char *person, dw_time now,
			 struct dw_err *err);
/* Renders a queued mail anew from its steps, same Message-ID. 1: no entry is left. */
int dw_dispatch_render_again(struct dw_engine *e, struct dw_mail_row *mail, bool plain, dw_time now, struct dw_err *err);
/* What a mail of its own tells one person. feed: the FEED mail is about it, else NULL; held: it lists the feed's orders
 * whose steps are held back. key makes the Message-ID. */
struct dw_telling {
	const struct dw_note *note;
	const struct dw_feed_conf *feed;
	bool held;
	const char *key;
};
int dw_dispatch_note(struct dw_engine *e, const struct dw_telling *t, int person, dw_time now, struct dw_err *err);
/* The answer to a person's reply; orders: the rows it is about, kept with it. */
int dw_dispatch_answer(struct dw_engine *e, int person, const char *title, const struct dw_reply_answer *answer,
		       const struct dw_mail_item *item, size_t n_item, const int64_t *orders, size_t n_orders, const char *key,
		       dw_time now, struct dw_err *err);
/* The step(s) of a mail whose address is dead go to the next person (design.md §3). 1: nobody is left. */
int dw_dispatch_redirect(struct dw_engine *e, struct dw_mail_row *dead, const char *why, dw_time now, struct dw_err *err);
/* When anybody may next get a daily mail, or what mails_per_day holds back. */
dw_time dw_dispatch_next(struct dw_engine *e, dw_time now);
/* dispatch-closure.c: notices of closures whose time has come. */
int dw_dispatch_closures(struct dw_engine *e, dw_time now, struct dw_err *err);

/* ---- proof.c: what was promised and agreed, by whose word and when ---- */
/* Writes down what a feed's new word changes of it; in the caller's transaction. before NULL: the feed's first word on
 * this order (nothing is written of a promise then, nor on a first look: that is no news). The overlay's goes to each
 * order it attaches to. */
int dw_proof_note(struct dw_engine *e, int64_t order, const char *feed, const struct dw_facts *before,
		  const struct dw_facts *after, dw_time now, struct dw_err *err);
int dw_proof_note_overlay(struct dw_engine *e, const struct dw_feed_conf *feed, const char *order_id,
			  const struct dw_facts *before, const struct dw_facts *after, dw_time now, struct dw_err *err);
/* Fills the proof of the case and of the item made from it, where the item is one that needs it. */
int dw_proof_load(struct dw_engine *e, struct dw_case *c, struct dw_mail_item *item, struct dw_err *err);
/* One line of history as proof. 0, or 1: it is something else. */
int dw_proof_parse(struct dw_mail_proof *out, dw_time at, const char *line);
/* ---- budget.c: mails_per_day ---- */
/* When the next mail after t comes that can bring what is held back. */
dw_time dw_budget_next(const struct dw_engine *e, int person, dw_time t);
/* Mails a person may still get on the local day of an instant, counted up to the mail `before` (INT64_MAX: all);
 * INT64_MAX without a limit; < 0. */
int64_t dw_budget_left(struct dw_engine *e, int person, dw_time day_of, int64_t before, struct dw_err *err);
/* 1: this step may come as late as `next`; 0: it must not; < 0. */
int dw_budget_can_wait(struct dw_engine *e, const struct dw_step_row *step, dw_time next, dw_time now, struct dw_err *err);
/* When a mail for what is held back may be made, but for the daily one; DW_NEVER: nothing is. */
dw_time dw_budget_opens(struct dw_engine *e, int person, dw_time now);

/* ---- health.c ---- */
int dw_health_tell(struct dw_engine *e, dw_time now, struct dw_err *err);
dw_time dw_health_next(struct dw_engine *e, dw_time now);

#endif
