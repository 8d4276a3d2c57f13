/* The thread that looks after the config's calendars: their files once a minute, their addresses every twelve hours. What
 * says something new it hands to the worker; what can't be had leaves the last good days in force. */
#ifndef DUEWATCH_KEEPER_H
#define DUEWATCH_KEEPER_H

#include <pthread.h>
#include <stdatomic.h>

#include "duewatch/config.h"

struct dw_worker;
struct dw_conf_ref;

enum { DW_CALENDAR_EVERY_S = 12 * 3600 };

struct dw_keeper {
	pthread_t thread;
	pthread_cond_t wake; /* a new config, a result taken, or the end */
	bool started;
	atomic_bool stop;
	/* under the worker's mutex: one result at a time */
	bool news;
	size_t index; /* of the calendar, in conf's config */
	struct dw_conf_ref *conf; /* held */
	struct dw_days_off fresh;
};

/* At the start and after each reload: makes the thread once there is a calendar. */
int dw_keeper_start(struct dw_worker *w, struct dw_err *err);
void dw_keeper_stop(struct dw_worker *w);
void dw_keeper_wake(struct dw_worker *w); /* there is a new config; with the mutex held */
/* The worker's turn: takes what is new into the config in force, and has everything decided anew. < 0: the store. */
int dw_keeper_collect(struct dw_worker *w, struct dw_err *err);

#endif
