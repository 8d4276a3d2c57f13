/* What is owed for one order now: pure decision (rules.md §4, §5). The engine feeds it what is remembered and
 * carries out what it says. */
#ifndef DUEWATCH_ALERT_H
#define DUEWATCH_ALERT_H

#include "duewatch/ladder.h"
#include "duewatch/order.h"

/* The row of rules.md §4 that holds on a side, or kind DW_NO_KIND. */
struct dw_finding {
	enum dw_kind kind;
	dw_time act_by;	  /* DW_UNKNOWN: none */
	dw_time found_at; /* from when `found` is owed */
};
void dw_alert_find(struct dw_finding out[DW_SIDE_COUNT], const struct dw_order *o, const struct dw_dates *d,
		   const struct dw_memory *m, const struct dw_pack *pack, dw_time now);

enum dw_state { DW_QUIET, DW_WATCHING, DW_OPEN, DW_ACKED };
extern const char *const dw_state_words[4];

/* An ack of one side (rules.md §5). */
struct dw_ack {
	dw_time at;    /* DW_UNKNOWN: none */
	dw_time until; /* covers every step up to and including this instant; DW_NEVER: until the kind changes */
	char by[64];   /* person name */
};

enum { DW_EPISODE_NONE = 0, DW_EPISODE_NEW = -1 };

/* The stored row of an open side. */
struct dw_alert {
	enum dw_side side;
	enum dw_kind kind;   /* DW_NO_KIND: quiet, but its episode isn't over (a resolved is owed later) */
	enum dw_kind last;   /* the last kind that was open */
	dw_time act_by;	     /* the anchor of step keys: moves only by more than an hour */
	int64_t episode;     /* 1, 2 …; in a plan DW_EPISODE_NEW: the store gives the number */
	dw_time since;	     /* when this kind opened */
	dw_time opened;	     /* when the episode did */
	bool dormant;	     /* long past on a first look: no further step until a fact changes */
	uint64_t facts;	     /* fingerprint the dormancy hangs on */
	struct dw_ack ack;
};

enum dw_step_state {
	DW_STEP_WAITING, /* owed, not yet in a mail */
	DW_STEP_MAILED,	 /* in a mail (told) */
	DW_STEP_COVERED, /* passed over or withdrawn before anybody was told: never sent */
	DW_STEP_SPARED,	 /* not sent on purpose, the person counts as told: acked away, told lately, moved by a new config */
	DW_STEP_STATE_COUNT
};
/* HELD: owed at once, but its reader's mails of the day are used up and it can wait for the next (mails_per_day). */
enum dw_deliver { DW_DELIVER_NOW, DW_DELIVER_DAILY, DW_DELIVER_FIRST_LOOK, DW_DELIVER_HELD };

/* One step for one person; the key is everything up to `person`. */
struct dw_told {
	enum dw_side side;
	int64_t episode;
	enum dw_kind kind; /* DW_NO_KIND: the side's `resolved` */
	dw_time act_by;
	char step[24];	   /* "7d", "found", "every 7d", "resolved", "ack-note" */
	int64_t number;
	int person;	   /* index, -1: no longer in the config */
	bool urgent;
	enum dw_step_state state;
	enum dw_deliver deliver;
	dw_time at;	   /* when decided, or mailed */
	int64_t id;	   /* the store's row, 0 for a new one */
};

struct dw_alert_rules {
	const struct dw_people *people;
	const struct dw_ladder *ladder; /* [DW_KIND_COUNT] */
};

struct dw_alert_input {
	const struct dw_order *order;
	const struct dw_dates *dates;
	const struct dw_memory *memory;
	const struct dw_pack *pack;
	dw_time now;
	int owner;	     /* person index */
	bool stale;	     /* the order's feed is stale */
	bool first_look;     /* decided in a feed's first look */
	bool rules_changed;  /* config, pack, zones or program differ from those of the last decision */
	bool silenced;	     /* no longer listed by its feed and closed for that; `close` by hand is read from memory */
	const struct dw_alert *alert; /* rows of this order, at most one per side */
	size_t n_alert;
	const struct dw_told *told; /* the order's steps of its running episodes and of the last day at least */
	size_t n_told;
};

enum { DW_PLAN_STEPS_MAX = 96 };

/* What is to be done; everything in it is stored in one transaction. */
struct dw_plan {
	struct dw_finding finding[DW_SIDE_COUNT];
	enum dw_state state[DW_SIDE_COUNT];
	struct dw_owed owed[DW_SIDE_COUNT]; /* the furthest that came for anybody; next: the first to come for anybody */
	struct dw_alert alert[DW_SIDE_COUNT]; /* the row to keep; episode DW_EPISODE_NONE: no row */
	bool alert_changed[DW_SIDE_COUNT];
	struct dw_told step[DW_PLAN_STEPS_MAX]; /* new steps to record */
	size_t n_step;
	int64_t drop[DW_PLAN_STEPS_MAX]; /* ids of waiting steps to mark covered */
	size_t n_drop;
	unsigned withdrawn; /* sides (bits) whose queued mails are to be struck */
	unsigned held;	    /* sides whose owed step is held back because the feed is stale */
	bool moved;	    /* an act_by moved because the rules changed */
	dw_time next_at;    /* when to look again */
	dw_time data_at;    /* look again after a read with a data time past this */
};

/* Decides one order. 0, or -E2BIG when more steps are owed than a plan holds (cannot happen with DW_STEPS_MAX roles). */
int dw_alert_decide(struct dw_plan *plan, const struct dw_alert_input *in, const struct dw_alert_rules *rules);

/* How one person sees an alert's ladder: the working time, and the ack that holds steps back. alert: the open row of
 * this kind and act_by, or NULL. */
struct dw_turn dw_alert_turn(const struct dw_people *people, int person, const struct dw_alert *alert);

/* `duewatch ack`: what it makes of an open alert. for_s 0: not given. 0; 1 = nothing to ack (not open);
 * *note_manager: given after act_by, the manager gets its note. Steps count by when they are due, wherever they were
 * moved to: an ack of an early one leaves those after it to come as if it had come when it was due. */
int dw_alert_ack(struct dw_alert *a, const struct dw_ladder *l, dw_time found_at, const char *by, int64_t for_s,
		 dw_time now, bool *note_manager);

#endif
