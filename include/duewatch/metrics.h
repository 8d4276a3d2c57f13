/* What the watcher says of itself in numbers: Prometheus' text format (version 0.0.4), as a file for node_exporter's
 * textfile collector. Instants are Unix seconds, 0: never. */
#ifndef DUEWATCH_METRICS_H
#define DUEWATCH_METRICS_H

#include "duewatch/store.h"

struct dw_feed_metric {
	const char *name; /* borrowed */
	dw_time data_time, last_success;
	bool failed, stale;
	int64_t missing, rejected;
};

struct dw_relay_metric {
	char name[320];
	bool well;
};

struct dw_metrics {
	dw_time now, started, last_tick, heartbeat; /* heartbeat: the last call that was answered well */
	int64_t ticks, decisions, sent, retries;	    /* since the start */
	bool whole, clock_believed;
	dw_time reconciled;  /* the last time; DW_UNKNOWN: never */
	bool unaccounted;    /* and what it found */
	const struct dw_counts *mails, *orders; /* borrowed; orders: NULL before the first count */
	const struct dw_feed_metric *feed;
	size_t n_feed;
	struct dw_relay_metric relay[8]; /* DW_RELAYS_MAX */
	size_t n_relay;
};

void dw_metrics_text(struct dw_buf *b, const struct dw_metrics *m);

/* Replaces path in one step (0644): a reader sees the old text or the new one, whole. Its folder must be there. */
int dw_metrics_write(const char *path, const char *text, size_t n, struct dw_err *err);

#endif
