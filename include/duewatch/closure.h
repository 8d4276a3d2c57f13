/* Closures: four days or more in a row on which a person doesn't work, at least one of them a day off (a weekend's own
 * days alone are none). Ten and three working days before, the person hears what falls into it. Pure. */
#ifndef DUEWATCH_CLOSURE_H
#define DUEWATCH_CLOSURE_H

#include "duewatch/person.h"

enum { DW_CLOSURE_DAYS = 4, DW_CLOSURE_EARLY = 10, DW_CLOSURE_LATE = 3, DW_CLOSURES_MAX = 16 };

struct dw_closure {
	int32_t first, last; /* local days */
	dw_time from, to;    /* an act_by in [from, to) falls into it: with hours, from the end of the last working time */
	int before;	     /* the notice whose time has come: 10, 3, or 0: none yet */
	dw_time at;	     /* when it came; DW_UNKNOWN */
};

/* The closures of a person that haven't begun at `now` and begin within about five months, soonest first; how many, at
 * most DW_CLOSURES_MAX. *next: when the next notice of any of them comes, DW_NEVER; and no later than a day on which there
 * may be one more to see. */
size_t dw_closures_ahead(const struct dw_people *people, int person, dw_time now, struct dw_closure out[DW_CLOSURES_MAX],
			 dw_time *next);

#endif
