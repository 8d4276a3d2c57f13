/* What the daemon shows of itself to the outside: the metrics file, the heartbeat, the counts for the daily
 * reconciliation. All three may be slow (a walk over all orders, another's server), so a thread of its own does them: the
 * worker hands over one job at a time with a store handle that is frozen at that instant, and goes on. The walk is made
 * only when something was decided since the last one, and then takes a hundredth of the time at most.
 *
 * A cycle is whole when a tick ran to its end without an error of the store, every feed's last read was good and its
 * data isn't stale, no read hangs, the clock is believed, and no mail has been waiting for over an hour. */
#ifndef DUEWATCH_PULSE_H
#define DUEWATCH_PULSE_H

#include "duewatch/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

struct dw_config;
struct dw_conf_ref;
struct dw_engine;
struct dw_worker;

struct dw_pulse_job {
	struct dw_store *store; /* frozen; the thread closes it */
	struct dw_conf_ref *conf;
	struct dw_metrics facts; /* without counts and feeds */
	bool write, count, steps, call;
};

struct dw_pulse {
	pthread_t thread;
	pthread_cond_t work; /* with the worker's mutex */
	bool running;
	atomic_bool stop;
	/* under the mutex */
	struct dw_pulse_job job;
	bool has_job, busy;
	bool news;		  /* for the worker: look here again, once not busy */
	bool counted;		  /* the counts of the last job with `steps` are there: */
	struct dw_counts result;
	int64_t count_ms;	  /* what the last walk over all orders took */
	dw_time heartbeat;	  /* the last one that was answered well */
	int64_t heartbeat_ms;	  /* likewise, in boot time; 0: none */
	/* the thread's own */
	struct dw_counts orders; /* the last walk's */
	bool have_orders, heartbeat_failed;
	struct dw_err metrics_said;
	/* the worker's own */
	int64_t ticks, sent, retries;
	dw_time started, last_tick;
	uint64_t shown;		  /* fingerprint of what the last job saw */
	int64_t decisions;	  /* at the last walk */
	int64_t wrote_ms, counted_ms, called_ms; /* boot time of the last of each; 0: none */
	int64_t again_ms;	  /* boot time before which what changed can't be written yet; 0: nothing waits */
	bool whole;		  /* the last tick ran to its end */
};

int dw_pulse_start(struct dw_worker *w, struct dw_err *err);
void dw_pulse_stop(struct dw_worker *w); /* within a second or two; w->stop is set */
void dw_pulse_ticked(struct dw_worker *w); /* a tick ran to its end; w->pulse.whole is cleared before each pass */
void dw_pulse_turn(struct dw_worker *w); /* worker's thread, after a pass: takes what is done, hands over what is due */

/* --once: all of it at once, with the handle at hand. failed: no heartbeat. */
int dw_pulse_once(const struct dw_config *config, struct dw_engine *e, bool failed, dw_time now, struct dw_err *err);

#endif
