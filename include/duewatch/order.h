/* One order as duewatch sees it: its sources merged (rules.md §2) and the dates that follow (§3). Pure. */
#ifndef DUEWATCH_ORDER_H
#define DUEWATCH_ORDER_H

#include "duewatch/fact.h"
#include "duewatch/pack.h"

/* What is remembered of an order beyond its sources' records. */
struct dw_memory {
	dw_time first_seen;	 /* when duewatch first applied a row of it */
	bool first_read;	 /* seen on its feed's first read: first_seen says nothing of the order's age */
	dw_time to_ship_data;	 /* data time of the last read that said "to ship", once a later one says otherwise */
	dw_time moving_data;	 /* likewise for shipped or partly_shipped: what refutes a computed A */
	dw_time completed_data;	 /* data time of the first read that said completed; unknown on a first read */
	dw_time delivered_data;	 /* … delivered (or completed after delivered) */
	dw_time x_until, x_promise; /* the last extension a main feed said is accepted; the promise it was seen with */
	dw_time requested_since; /* first seen requested (this time) */
	dw_time disputed_since;	 /* first seen disputed (this time) */
	dw_time closed_at;	 /* `duewatch close`; unknown: not closed */
	int64_t closed_status;
	dw_time closed_promise;
};
#define DW_MEMORY_NONE                                                                                                 \
	(struct dw_memory)                                                                                             \
	{                                                                                                              \
		.first_seen = DW_UNKNOWN, .to_ship_data = DW_UNKNOWN, .moving_data = DW_UNKNOWN,                       \
		.completed_data = DW_UNKNOWN, .delivered_data = DW_UNKNOWN, .x_until = DW_UNKNOWN,                     \
		.x_promise = DW_UNKNOWN, .requested_since = DW_UNKNOWN, .disputed_since = DW_UNKNOWN,                  \
		.closed_at = DW_UNKNOWN, .closed_promise = DW_UNKNOWN,                                                 \
	}
int dw_memory_encode(struct dw_buf *out, const struct dw_memory *m);
int dw_memory_decode(struct dw_memory *out, const void *p, size_t n);

/* Called once when a main feed's record of the order changes: `before` NULL for a new order. prev_data is the data
 * time of the last read that listed the order as `before`, data that of the read that brings `after`. */
void dw_memory_note(struct dw_memory *m, const struct dw_facts *before, const struct dw_facts *after,
		    const struct dw_pack *pack, dw_time prev_data, dw_time data, dw_time now, bool first_read);

/* A value a person set by hand. `base` is what the feeds said when it was set (dw_hand_base): once that differs,
 * the hand-set value falls. */
struct dw_hand {
	enum dw_field field;
	struct dw_facts value; /* only `field` in it */
	dw_time at;
	char *by;   /* the setter's person name, or login */
	char *base; /* owned */
};
void dw_hand_fini(struct dw_hand *h);

struct dw_overlay {
	const char *feed; /* borrowed */
	const struct dw_facts *facts;
	const struct dw_facts *defaults; /* may be NULL */
};

/* Everything known of one order, to be merged. All borrowed. */
struct dw_sources {
	const struct dw_facts *main;
	const char *main_feed;
	const struct dw_facts *defaults; /* of the main feed; may be NULL */
	const struct dw_overlay *overlay; /* in config order: the first that knows a field wins */
	size_t n_overlay;
	const struct dw_hand *hand;
	size_t n_hand;
};

/* What the feeds say of a field now, as text, for struct dw_hand.base. */
int dw_hand_base(struct dw_buf *out, const struct dw_sources *s, enum dw_field x);

enum dw_origin { DW_FROM_NOWHERE, DW_FROM_MAIN, DW_FROM_OVERLAY, DW_FROM_HAND, DW_FROM_DEFAULT, DW_FROM_OBSERVED };

struct dw_order {
	struct dw_facts f;		    /* the values that won; owned */
	uint8_t origin[DW_FIELD_COUNT];	    /* enum dw_origin */
	uint8_t origin_ix[DW_FIELD_COUNT];  /* which overlay */
	uint32_t fallen;		    /* fields whose hand-set value has fallen: to be removed, the setter told */
	dw_time hand_until;		    /* when the next hand-set record value runs out by age, or DW_NEVER */
	bool accepted_by_main;		    /* extension_state accepted, said by the main feed itself */
	enum dw_status main_status;	    /* what the main feed's record says, guessed where it says nothing */
	bool status_guessed;
};
void dw_order_fini(struct dw_order *o);

/* Merges. data_time: of the last read that listed the order. `memory` supplies observed instants. */
int dw_order_merge(struct dw_order *out, const struct dw_sources *s, const struct dw_memory *memory, dw_time data_time,
		   dw_time now);

/* rules.md §3. Unknown: DW_UNKNOWN. */
struct dw_dates {
	enum dw_status status;
	bool to_ship, in_transit;
	dw_time promise; /* promised_at, else the relative one */
	dw_time x;	 /* extension in force beyond it, or unknown */
	dw_time p, f, e, a, eta, r, c;
	enum dw_extension extension; /* settled extensions count as none */
	bool e_stale;	    /* E passed, and a read newer than it (or three days without one) still says to ship */
	dw_time e_known;    /* what E would be, were it not stale */
	bool eta_failed;    /* over a day past and undelivered: later than A */
	bool eta_computed, a_computed, p_relative, c_guessed;
	int a_days;	    /* n of the computed A */
	int a_refuted;	    /* how many of the pack's numbers a read has refuted */
	bool short_promise;
	dw_time data_at;    /* a read whose data time is past this refutes the computed A or makes E stale; DW_NEVER */
	dw_time next_at;    /* the next instant at which any of this, or a rule of §4, can change; DW_NEVER */
};

struct dw_order_rules {
	const struct dw_pack *pack;
	int transit_days[DW_BY_COUNT]; /* 0: not given */
};

void dw_order_dates(struct dw_dates *out, const struct dw_order *o, const struct dw_memory *m,
		    const struct dw_order_rules *rules, dw_time data_time, dw_time now);

/* Keeps requested_since and disputed_since; true when m changed and must be stored. */
bool dw_memory_settle(struct dw_memory *m, const struct dw_order *o, const struct dw_dates *d, dw_time now);

#endif
