/* What the engine's files share. */
#ifndef DUEWATCH_ENGINE_IMPL_H
#define DUEWATCH_ENGINE_IMPL_H

#include "duewatch/engine.h"
#include "duewatch/quote.h"

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
	bool started;	   /* dw_engine_start was here: leases are our own from now on */
};

enum { DW_LOG_ERROR = 3, DW_LOG_WARNING = 4, DW_LOG_NOTICE = 5, DW_LOG_INFO = 6 };
void dw_engine_log(struct dw_engine *e, int priority, const char *fmt, ...) DW_PRINTF(3, 4);

/* The pack an order's facts name, else its feed's; its zone may be NULL (the feed's counts then). Borrowed. */
const struct dw_pack *dw_pack_of(const struct dw_engine *e, const struct dw_feed_conf *feed, const struct dw_facts *f);

int dw_feed_index(const struct dw_engine *e, const char *name); /* or -1 */
int dw_feed_row_load(struct dw_engine *e, const char *name, struct dw_err *err); /* refreshes e->feed_row */
int dw_feed_row_save(struct dw_engine *e, const struct dw_feed_row *row, struct dw_err *err);

/* Writes down `now` as the last decision's time; in the caller's transaction. */
int dw_engine_note_decision(struct dw_engine *e, dw_time now, struct dw_err *err);
/* engine-back.c: before each tick, whose clock is believed. Over an hour before the last decision: all anew. */
int dw_engine_clock_back(struct dw_engine *e, dw_time now, struct dw_err *err);

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
/* A mail of plain words to one person (note) or about a feed. key makes the Message-ID. */
int dw_dispatch_words(struct dw_engine *e, enum dw_mail_type type, int person, const char *title,
		      const char *const *note, size_t n_note, const struct dw_feed_conf *feed, const char *key,
		      dw_time now, struct dw_err *err);
/* The step(s) of a mail whose address is dead go to the next person (design.md §3). 1: nobody is left. */
int dw_dispatch_redirect(struct dw_engine *e, struct dw_mail_row *dead, const char *why, dw_time now, struct dw_err *err);
/* dispatch-closure.c: notices of closures whose time has come. */
int dw_dispatch_closures(struct dw_engine *e, dw_time now, struct dw_err *err);
dw_time dw_dispatch_next(struct dw_engine *e, dw_time now); /* next daily mail anybody may get */

/* ---- health.c ---- */
int dw_health_tell(struct dw_engine *e, dw_time now, struct dw_err *err);
dw_time dw_health_next(struct dw_engine *e, dw_time now);

#endif
