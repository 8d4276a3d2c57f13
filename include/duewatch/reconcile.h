/* The daily reconciliation: everything that was read is accounted for, everything that was owed as well. Counted from
 * the tables, independently of what the engine thinks:
 *
 *   orders read = orders listed;  orders = quiet + watching + open + acked, and as many have an alert as are open or acked
 *   steps = sent + covered + spared + waiting + failed + dropped
 *
 * sent: in a mail the relay took; waiting: for a mail, or in one that hasn't left; failed: in a mail given up; dropped: in
 * one taken out by hand. What is none of these, or is owed at once and has waited for over an hour, is an error: in the
 * log, in `status --check`, and a note to the operators (daily while it lasts). */
#ifndef DUEWATCH_RECONCILE_H
#define DUEWATCH_RECONCILE_H

#include "duewatch/engine.h"

/* When it is due: at the first UTC midnight after the last one, an hour after one that found something; DW_UNKNOWN (at
 * once) where there was none, or the last one lies ahead of now. */
dw_time dw_reconcile_next(struct dw_store *s, dw_time now);

/* Judges counts (DW_COUNT_ORDERS | DW_COUNT_STEPS, of one instant at which everything due was decided and no read was
 * under way), logs, remembers, tells. 0; 1: something is unaccounted for; < 0: the store failed. One transaction. */
int dw_reconcile(struct dw_engine *e, const struct dw_counts *c, dw_time now, struct dw_err *err);

/* The last one: *at (DW_UNKNOWN: none yet), *wrong what it found, owned, NULL: nothing. */
int dw_reconcile_last(struct dw_store *s, dw_time *at, char **wrong, struct dw_err *err);

#endif
