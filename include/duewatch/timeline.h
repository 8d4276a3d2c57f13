/* The dates of one order on a line: which are worth showing, in what order, how far apart. Pure layout; the mail draws
 * it twice, as cells of a table and as a list of lines. */
#ifndef DUEWATCH_TIMELINE_H
#define DUEWATCH_TIMELINE_H

#include "duewatch/ladder.h"
#include "duewatch/order.h"

enum dw_mark {
	DW_MARK_NOW,
	DW_MARK_ACT_BY,	       /* the alert's deadline, where it isn't one of the others */
	DW_MARK_FIRST_PROMISE, /* the ship date before the extension in force */
	DW_MARK_PROMISED,      /* P */
	DW_MARK_ASKED,	       /* a later date asked for, not in force */
	DW_MARK_AGREED,	       /* off the platform */
	DW_MARK_EXPECTED,      /* to ship */
	DW_MARK_SHIPPED,
	DW_MARK_ARRIVAL,       /* ETA, undelivered */
	DW_MARK_DELIVERED,
	DW_MARK_AUTO_CONFIRM,  /* A, still to come */
	DW_MARK_RECEIVED,      /* R */
	DW_MARK_CLAIM_END,     /* C, on the claim side */
	DW_MARK_COUNT
};
extern const char *const dw_mark_words[DW_MARK_COUNT]; /* "now", "act_by" …: names in templates */

/* Places are thousandths of the line. A mark is a box of DW_MARK_WIDTH; boxes begin at least DW_MARK_STEP apart, so
 * their numbers can be read on a telephone (a line of 300 px: 18 px a box). */
enum { DW_LINE_WIDTH = 1000, DW_MARK_WIDTH = 60, DW_MARK_STEP = 70 };

struct dw_point {
	dw_time at;
	unsigned marks; /* 1 << enum dw_mark: all that fall on this instant */
	int64_t gap;	/* seconds since the point before; 0 for the first */
	int x;		/* where its box begins, 0 … DW_LINE_WIDTH - DW_MARK_WIDTH */
};

struct dw_timeline {
	struct dw_point point[DW_MARK_COUNT]; /* in time order */
	size_t n; /* 0: nothing but `now` is known, there is no line to draw */
};

/* Lays out what is known (DW_UNKNOWN, DW_NEVER: isn't). In proportion to time, but for marks that come too close: they
 * are pushed apart as little as it takes. Instants that are equal share a point. */
void dw_timeline_lay(struct dw_timeline *out, const dw_time at[DW_MARK_COUNT]);

/* The dates of an order that matter on this side. act_by may be unknown. */
void dw_timeline_of(struct dw_timeline *out, const struct dw_order *o, const struct dw_dates *d, enum dw_side side,
		    dw_time act_by, dw_time now);

#endif
