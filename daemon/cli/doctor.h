/* duewatch doctor: what its files share. A check says one line or several; each has a mark, and what isn't well has a
 * line on what to do. Nothing is changed, no mail is sent, the heartbeat is not called. */
#ifndef DUEWATCH_CLI_DOCTOR_H
#define DUEWATCH_CLI_DOCTOR_H

#include "cli.h"

enum mark { MARK_OK, MARK_WARN, MARK_FAIL, MARK_COUNT };

struct exam {
	struct cli *c;
	const char *check; /* whose turn it is */
	size_t n[MARK_COUNT];
	bool stop;	   /* without this nothing more can be looked at */
	int secret;	   /* what reading the relays' passwords gave, and its words */
	struct dw_err secret_err;
	int box;	   /* likewise the mailbox's */
	struct dw_err box_err;
	int store;	   /* likewise opening the store: -ENOENT: there is none yet */
	struct dw_err store_err;
	dw_time decided;   /* the last decision in the store; DW_UNKNOWN */
};

/* todo: what to do about it; NULL where the words say it. Printed at once: some checks take their time. */
void exam_say(struct exam *x, enum mark mark, const char *todo, const char *fmt, ...) DW_PRINTF(4, 5);

/* doctor-here.c: this machine */
void exam_state(struct exam *x);
void exam_disk(struct exam *x);
void exam_store(struct exam *x);
void exam_daemon(struct exam *x);
void exam_feeds(struct exam *x);
void exam_outbox(struct exam *x);
void exam_zones(struct exam *x);
void exam_watches(struct exam *x);
void exam_metrics(struct exam *x);

/* doctor-outside.c: others' servers, and what time it is there */
void exam_relay(struct exam *x);
void exam_mailbox(struct exam *x);
void exam_heartbeat(struct exam *x);
void exam_clock(struct exam *x);
/* An instant written as in "220 mx.example.com ESMTP; Mon, 23 Nov 2026 05:38:31 +0000"; DW_UNKNOWN: none. */
dw_time exam_date_in(const char *text);

#endif
