/* Inside of app/ical*.c: the text of a calendar cut into what libical is given. */
#ifndef DUEWATCH_APP_ICAL_IMPL_H
#define DUEWATCH_APP_ICAL_IMPL_H

#include "duewatch/days-off.h"

/* libical walks a whole calendar as a tree, frees it by recursion, works out every rule of a VTIMEZONE up to a year it
 * chooses and never gives up on a rule that doesn't come true: all of that is bounded before it sees anything. */
struct ical_pieces {
	struct ical_piece {
		char *text; /* BEGIN:VEVENT … END:VEVENT, only lines that matter; owned */
		int line;   /* where it begins in the file */
	} *event, *zone;    /* zone: VTIMEZONE */
	size_t n_event, cap_event, n_zone, cap_zone;
};
/* 0; -EINVAL with line and what; -ENOMEM. */
int ical_pieces_read(struct ical_pieces *out, const char *text, size_t n, struct dw_err *err);
void ical_pieces_fini(struct ical_pieces *p);

#endif
