/* When a mail is tried again (design.md §3). Pure. */
#ifndef DUEWATCH_RETRY_H
#define DUEWATCH_RETRY_H

#include "duewatch/instant.h"

/* The next try of a mail made at `created` after its `tries`-th one ended at `now`: min(60 s × tries², 15 min) for
 * 24 h, then hourly to 5 days; `unsure_again` (from the second unsure on): hourly. DW_NEVER: failed by age. */
dw_time dw_retry_next(dw_time created, int tries, bool unsure_again, dw_time now);

#endif
