/* Whether the clock may be believed (rules.md §5, last line). Pure: readings come in as arguments.
 *
 * Two doubts: the wall clock jumped by over an hour against the boot-time clock since the last look; or, at a start,
 * it stands over a day before the last read or decision in the store. In doubt nothing is decided until a server's
 * Date agrees, the clock comes back, or it has run steadily for ten minutes. */
#ifndef DUEWATCH_CLOCK_H
#define DUEWATCH_CLOCK_H

#include "duewatch/instant.h"

struct dw_clock {
	bool started;
	dw_time wall;	   /* at the last look */
	int64_t boot;	   /* seconds of the boot-time clock (counts suspend) at the last look */
	bool doubt;
	int64_t drift_was; /* wall - boot while it was believed */
	int64_t since;	   /* boot-time clock when the doubt began */
	int64_t jump;	   /* seconds the clock moved; for the message */
};

/* A look at both clocks. latest: the newest read or decision in the store, DW_UNKNOWN without. True: decide. */
bool dw_clock_look(struct dw_clock *c, dw_time wall, int64_t boot, dw_time latest);
/* A server's Date header said `server`, at this wall reading: within an hour ends the doubt. */
void dw_clock_confirm(struct dw_clock *c, dw_time server, dw_time wall);
/* The time to date things by that can't wait for the doubt's end: these two readings' wall, or while it is in doubt what
 * it would show had it gone on with the boot-time clock. */
dw_time dw_clock_reckon(const struct dw_clock *c, dw_time wall, int64_t boot);

#endif
