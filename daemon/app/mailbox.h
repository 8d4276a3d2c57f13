/* The mailbox in which answers and bounces arrive, polled by a thread of its own: a server may be slow or silent. The store is
 * the worker's, so the thread hands over one thing at a time (where was I? I looked; a mail; it failed) and waits until it
 * is in the store: what is not committed is not passed, and is fetched again after a crash. */
#ifndef DUEWATCH_MAILBOX_H
#define DUEWATCH_MAILBOX_H

#include "duewatch/imap.h"
#include "duewatch/store.h"

#include <pthread.h>

struct dw_conf_ref;
struct dw_engine;
struct dw_mailbox_conf;
struct dw_worker;

/* One look into an opened mailbox, whoever makes it. */
struct dw_mailbox_ops {
	int (*place)(void *ctx, struct dw_mailbox_row *out, struct dw_err *err); /* 0; 1: never looked into */
	int (*looked)(void *ctx, int64_t uidvalidity, int64_t last_uid, struct dw_err *err);
	int (*mail)(void *ctx, int64_t uidvalidity, int64_t uid, const void *bytes, size_t n, const char *why, struct dw_err *err);
};
/* Opens it and takes up to 100 mails, the oldest first. *more: there are others. < 0 with err, as dw_imap_open. */
int dw_mailbox_round(struct dw_imap *m, const struct dw_mailbox_ops *ops, void *ctx, bool *more, struct dw_err *err);

enum dw_handed { DW_HAND_NOTHING, DW_HAND_PLACE, DW_HAND_LOOKED, DW_HAND_MAIL, DW_HAND_FAILED };

struct dw_mailbox {
	pthread_t thread;
	pthread_cond_t wake;  /* something for the thread; with the worker's mutex, by the monotonic clock */
	bool running;
	/* under the mutex */
	bool now;	      /* look at once */
	struct dw_imap *imap; /* in use, for the stop */
	enum dw_handed what;  /* the thread waits until it is NOTHING again */
	bool taking;	      /* the worker is at it: its bytes and its config must stay */
	bool stale;	      /* the config changed meanwhile: the worker let it fall */
	struct dw_conf_ref *conf; /* of the look under way; the thread's hold */
	int64_t uidvalidity, uid;
	const void *bytes;    /* the thread's */
	size_t n;
	char why[512];
	struct dw_mailbox_row row; /* PLACE's answer */
	bool known;
	/* the thread's own */
	int failed;	      /* looks in a row */
	int64_t next_ms;      /* monotonic */
	const struct dw_conf_ref *last; /* that it last looked under: never followed */
};

/* Once the config has a mailbox: at the start, or after a reload; a further call does nothing. */
int dw_mailbox_start(struct dw_worker *w, struct dw_err *err);
void dw_mailbox_stop(struct dw_worker *w); /* w->stop is set; returns within a second or two */
void dw_mailbox_wake(struct dw_worker *w, bool now); /* the config changed, or (now) a person wants it looked at */
bool dw_mailbox_waits(const struct dw_worker *w); /* has something for the worker; with the mutex */
/* Worker's thread: takes what was handed over. 1: something; 0: nothing; < 0: the store failed, it is kept. */
int dw_mailbox_take(struct dw_worker *w, struct dw_err *err);

/* --once: one look, in the caller's thread, until it is read whole. 1: it could not be read, said in the log. */
int dw_mailbox_once(struct dw_engine *e, const struct dw_mailbox_conf *conf, struct dw_err *err);

#endif
