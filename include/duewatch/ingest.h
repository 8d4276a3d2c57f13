/* From a feed's table to orders: columns to fields, rows folded, everything unusable reported (rules.md §2).
 *
 * A read has two passes over the same open files: a survey (is the file whole? are the order numbers sound? which
 * orders have rows apart from each other?), then the delivery of one folded record per order. So a damaged or cut
 * file fails before anything of it is applied. No store in here: it may run on a thread of its own. */
#ifndef DUEWATCH_INGEST_H
#define DUEWATCH_INGEST_H

#include "duewatch/config.h"
#include "duewatch/feed.h"

#include <stdatomic.h>

/* One order of a read. The receiver may take what is in it. */
struct dw_read_order {
	struct dw_facts facts;
	uint32_t bad;	/* fields whose cell was unusable: the last known value stays */
	uint32_t left;	/* fields given as time left */
	uint64_t print; /* of its rows' mapped cells and of how they are read */
	bool must_parse; /* the print says nothing (time-left values): compare the facts */
	int64_t line;	/* of its first row */
};

struct dw_read_report {
	dw_time data_time;
	uint32_t columns;     /* fields the files have a column for (all of several files together) */
	int64_t rows, orders;
	int64_t rejected;     /* rows and cells */
	int64_t rejected_ids; /* rows whose order_id is unusable: they count as listed, nobody knows for what */
	struct dw_buf rejects; /* "line 12, 约定发货时间 (promised_at): …", one a line, bounded */
	char *seen;	      /* fingerprint of the files and the mapping; owned */
	bool unchanged;	      /* the files are those of `seen_before`: not read */
	struct dw_buf sample; /* the first rows, for `check`: not filled by default */
	const atomic_bool *stop; /* in: once true the read ends with -ECANCELED; may be NULL */
};
void dw_read_report_fini(struct dw_read_report *r);

/* Reads the feed's files. seen_before (may be NULL): when they are unchanged nothing is parsed. `order` gets each
 * order once; < 0 from it stops the read. 0; < 0 with err: the read failed as a whole, before (survey) or while
 * orders were handed over; -EAGAIN: the file changed while it was read, try again soon. The report is filled either
 * way as far as it got. `now` turns time-left values into instants where the file's time can't. */
int dw_ingest_read(const struct dw_feed_conf *conf, const char *seen_before, dw_time now,
		   int (*order)(void *ctx, struct dw_read_order *o, struct dw_err *err), void *ctx,
		   struct dw_read_report *report, struct dw_err *err);

#endif
