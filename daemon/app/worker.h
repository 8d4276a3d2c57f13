/* The daemon's threads and what passes between them.
 *
 *   loop (main thread, libuv)   signals, timers, folder events; never touches the store, never blocks
 *   worker (one thread)         owns the engine and the store: applies reads, ticks, records answers, leases mails
 *   readers (one per read)      parse a feed's files, hand over batches of orders
 *   senders (one per connection) hand one leased mail at a time to the relay
 *   prober (while it has work)  asks ill relays whether they work again, renews access tokens: relay-turn.c
 *   mailbox (one thread)        polls for answers and bounces, once the config has a mailbox: mailbox.h
 *   keeper (one thread)         reads the calendars of days off again, files and addresses: keeper.h
 *   pulse (one thread)          metrics, heartbeat, counts: pulse.h
 *
 * One mutex guards everything in struct dw_worker that more than one thread touches; nobody holds it while parsing,
 * in SQLite or on the network. */
#ifndef DUEWATCH_WORKER_H
#define DUEWATCH_WORKER_H

#include "duewatch/clock.h"
#include "duewatch/daemon.h"
#include "duewatch/relays.h"

#include "keeper.h"
#include "mailbox.h"
#include "pulse.h"

#include <pthread.h>
#include <stdatomic.h>

/* When a feed is read next. The loop's. */
struct dw_poll {
	int64_t next_ms;     /* boot time of the next timed read */
	int64_t changing_ms; /* a writer was last seen at work, without a close since; 0: none */
	int64_t since_ms;    /* and first */
};

/* A config, its relays and its mailbox, alive while anybody uses it. */
struct dw_conf_ref {
	struct dw_config *config;
	struct dw_relays *relays;
	struct dw_mailbox_conf *mailbox;
	struct dw_poll *poll; /* one a feed */
	int refs; /* under the worker's mutex */
};

enum { DW_BATCH_ORDERS = 4096, DW_READERS_MAX = 4 };

struct dw_batch {
	struct dw_read_order *o;
	size_t n, cap;
	int attempt; /* of the read, which starts over when the file changes under it */
	dw_time data_time;
};

struct dw_worker;

/* One read under way. */
struct dw_reader {
	struct dw_worker *w;
	struct dw_conf_ref *conf;
	int feed; /* index in conf's config */
	char *seen;
	pthread_t thread;
	struct dw_batch building;      /* the reader's */
	struct dw_batch *ready;	       /* handed over, until the worker takes it */
	bool done;		       /* r, report and err are final */
	bool waiting;		       /* for the file's writer */
	atomic_bool abort;
	int attempt;		       /* the reader's; the worker's once done */
	int r;
	struct dw_read_report report;
	struct dw_err err;
	struct dw_apply *apply;	       /* the worker's, and which attempt it is of */
	int apply_attempt;
	bool store_failed;	       /* the worker could not apply: give up */
	bool joined;
	dw_time now;
	struct dw_reader *next;
};

struct dw_sender {
	struct dw_worker *w;
	pthread_t thread;
	bool started, has_job, busy;
	struct dw_send_job job;
	struct dw_conf_ref *conf;     /* of the job */
	int relay;		      /* of the job: where it begins */
	struct dw_conf_ref *used;     /* that the transport was made of, and of which relay; the sender's */
	int used_relay;
	struct dw_transport *transport;
	struct dw_answer answer;
	bool answered;
	char domain[256];
};

/* Asks relays that were ill whether they work again, and renews access tokens before they are needed: on a thread of its
 * own, for what hangs must not take a sender. */
struct dw_prober {
	pthread_t thread;
	bool started;
	struct dw_conf_ref *conf; /* of the job; NULL: none */
	int relay;
	bool renew; /* its token; else the relay is asked */
	struct dw_transport *transport;
	int64_t failed_ms; /* boot time at which the machine had no thread for it; 0. The worker's */
};

struct dw_worker {
	pthread_mutex_t mutex;
	pthread_cond_t work;   /* something for the worker */
	pthread_cond_t taken;  /* a reader's batch was taken */
	pthread_cond_t jobs;   /* something for a sender */
	pthread_t thread;
	/* from the loop */
	bool stop, tick, wake, reload;
	bool *read_now;	       /* by feed index of `conf` */
	/* to the loop; `post` is called after they changed, from the worker's thread */
	dw_time next;	       /* wall instant of the next thing to do */
	int64_t next_ms;       /* or boot-time ms of a thing sooner than that: the relay's rate, the metrics file; 0: none */
	bool reloaded;	       /* conf is a new one */
	bool dead;	       /* the store failed for good: stop with 1 */
	void (*post)(void *ctx);
	void *post_ctx;
	/* shared */
	struct dw_conf_ref *conf;
	struct dw_reader *readers;
	struct dw_sender *sender;
	int n_senders;
	struct dw_prober prober;
	bool relay_news;       /* a relay was asked: look at their health */
	/* the worker's own */
	struct dw_daemon_opts opts;
	struct dw_store *store;
	struct dw_engine *engine;
	bool relays_shown;	  /* the store has their health, of this print: */
	uint64_t relays_stored;
	bool fallback_told;	  /* the operators know that mails leave by a fallback */
	struct dw_clock clock;
	dw_time now;	       /* of this pass: the one reading of the clock that was judged */
	bool clock_said;
	bool *attempted;       /* feeds that had their first read since the start */
	int64_t started_ms;
	int store_errors;      /* in a row, but for locks */
	struct dw_err store_said; /* "": the last pass was good */
	int64_t store_said_ms;
	int64_t prune_ms;      /* boot time of the next bite of retention */
	int64_t tidy_ms;       /* and of the next look at the store's size */
	bool log_held;	       /* by another's read, as was said */
	int64_t reread_ms;     /* boot time before which no read starts, because the store refused one; 0: none */
	struct dw_pulse pulse;
	struct dw_mailbox mailbox;
	struct dw_keeper keeper;
	int64_t send_wait_ms;  /* boot time before which the relay's rate forbids a send; 0: none */
	bool relay_busy;       /* the relay has all the connections it may have */
};

/* Takes config, relays and mailbox (owned from then on); opens the store, starts the threads. */
int dw_worker_start(struct dw_worker *w, const struct dw_daemon_opts *opts, struct dw_config *config,
		    struct dw_relays *relays, struct dw_mailbox_conf *mailbox, void (*post)(void *ctx), void *ctx, struct dw_err *err);
/* Ends all threads within a few seconds; mails being sent go back to the queue. */
void dw_worker_stop(struct dw_worker *w);
/* From the loop: wakes the worker after a flag was set under the mutex by these. */
void dw_worker_tick(struct dw_worker *w);
void dw_worker_wake(struct dw_worker *w);
void dw_worker_reload(struct dw_worker *w);
void dw_worker_read(struct dw_worker *w, int feed); /* -1: all */

struct dw_conf_ref *dw_conf_hold(struct dw_worker *w, struct dw_conf_ref *c); /* with the mutex held */
void dw_conf_drop(struct dw_worker *w, struct dw_conf_ref *c);		      /* without it */

/* reader.c: worker's thread, without the mutex */
int dw_reader_start(struct dw_worker *w, int feed, const char *seen, dw_time now, struct dw_err *err);
void dw_reader_free(struct dw_reader *r); /* after it is done: joins */
bool dw_reader_ends(struct dw_reader *r, int within_s); /* whether it does; false: a disk or mount keeps it */
void dw_batch_free(struct dw_batch *b);

/* relay-turn.c: worker's thread, without the mutex. Whom to ask, what the store and the operators are told. */
int dw_relay_turn(struct dw_worker *w, struct dw_err *err);
void dw_prober_stop(struct dw_worker *w); /* w->stop is set */
void dw_relay_logins_abort(struct dw_conf_ref *c); /* tokens being asked for are given up; with the mutex held */
int64_t dw_relay_next(struct dw_worker *w); /* boot time of the next thing dw_relay_turn has to do; INT64_MAX */

/* senders.c */
int dw_senders_start(struct dw_worker *w, int n, struct dw_err *err);
void dw_senders_stop(struct dw_worker *w);
int dw_senders_give(struct dw_worker *w, struct dw_err *err); /* leases for idle senders, as the relay's rate allows */
int dw_senders_collect(struct dw_worker *w, struct dw_err *err); /* records answers; how many, or < 0 */

#endif
