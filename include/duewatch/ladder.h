/* The kinds of alert and their ladders: who hears at which moment (rules.md §4, §5). One table of kinds. */
#ifndef DUEWATCH_LADDER_H
#define DUEWATCH_LADDER_H

#include "duewatch/person.h"

enum dw_side { DW_SIDE_SHIP, DW_SIDE_RECEIPT, DW_SIDE_CLAIM, DW_SIDE_COUNT };

/* In the order in which the rows of rules.md §4 are tried. */
enum dw_kind {
	DW_EDIT_BEFORE_PAYMENT,
	DW_INCOMPLETE,
	DW_OVERDUE,
	DW_EXTENSION_DECLINED,
	DW_EXTEND_SHIP_DATE,
	DW_EXTENSION_UNANSWERED,
	DW_LATE_AHEAD,
	DW_CONFIRM_SHIP_DATE,
	DW_SHIP_BY,
	DW_EXTEND_RECEIPT,
	DW_DISPUTE,
	DW_AUTO_CONFIRMED_UNDELIVERED,
	DW_SHIPPED_LATE,
	DW_KIND_COUNT,
	DW_NO_KIND = -1
};

struct dw_kind_info {
	const char *name;
	enum dw_side side;
	bool dated;	      /* has an act_by */
	int64_t found_delay;  /* seconds after the kind's base instant until `found` is owed (24 h for two kinds) */
	bool worse;	      /* its coming is never good news: what it replaces isn't called resolved */
	const char *ladder;   /* the default: steps parted by " · " */
	const char *meaning;  /* one line for help and the man page */
};
extern const struct dw_kind_info dw_kinds[DW_KIND_COUNT];
extern const char *const dw_side_words[DW_SIDE_COUNT];
int dw_kind_find(const char *name); /* or -1 */

enum dw_when { DW_WHEN_FOUND, DW_WHEN_AT, DW_WHEN_EVERY };

struct dw_step {
	enum dw_when when;
	int64_t offset;	 /* AT: seconds from act_by, negative before it; EVERY: the period */
	bool urgent;
	unsigned roles;	 /* bits of enum dw_role */
	char text[24];	 /* "1d!", "due!", "every 7d": as shown and as kept in the step's key, without the "!" */
};

enum { DW_STEPS_MAX = 24 };

struct dw_ladder {
	size_t n;
	struct dw_step step[DW_STEPS_MAX]; /* found first, then by time, every last */
};

/* Parses and sorts "1d!: owner deputy" lines; -EINVAL with what is wrong and what is allowed. `dated` false allows
 * only found. */
int dw_ladder_add(struct dw_ladder *l, const char *line, bool dated, struct dw_err *err);
int dw_ladder_default(struct dw_ladder *l, enum dw_kind kind); /* the built-in one; cannot fail but for a bug */

struct dw_owed {
	int step;	  /* index, or -1: none reached */
	int64_t number;	  /* 0, or which repetition of an `every` (1, 2 …) */
	dw_time at;	  /* when it came */
	dw_time due;	  /* when it is due by the ladder: later than `at` where it was moved */
	dw_time next_at;  /* when the next one comes, or DW_NEVER */
	dw_time next_due; /* and is due */
	int next_step;	  /* its index, or -1 */
	int64_t next_number;
};

/* For whom a ladder is counted. An urgent timed step that is due outside the person's working time comes earlier, at
 * the last working instant before; one due at act_by or after it not before act_by, else when it is due. */
struct dw_turn {
	struct dw_working working; /* no hours: nothing moves */
	dw_time not_before;	   /* the end of an ack given after act_by: no step due at or after act_by is moved to before
				    * it. DW_UNKNOWN: none */
};

/* The step owed at `now` (rules.md §5): the last timed one whose time has come; where none has, `found` from
 * found_at on. act_by DW_UNKNOWN: only `found` counts. */
void dw_ladder_owed(const struct dw_ladder *l, dw_time act_by, dw_time found_at, dw_time now, struct dw_owed *out);
/* The same as one person sees it. Steps come in the ladder's order: moving never makes a later one come first but for
 * steps that aren't urgent, which the urgent one then covers. turn NULL: nobody's. */
void dw_ladder_owed_by(const struct dw_ladder *l, const struct dw_turn *turn, dw_time act_by, dw_time found_at, dw_time now,
		       struct dw_owed *out);

/* When a step falls due; number only for `every`. */
dw_time dw_ladder_time(const struct dw_ladder *l, int step, int64_t number, dw_time act_by, dw_time found_at);

#endif
