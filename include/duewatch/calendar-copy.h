/* The last good copy of a calendar that an https address gives: a file of its own in the state folder, 0600, named by a
 * hash of the address, which is a secret: it is said nowhere, and its host alone names it (dw_calendar_name). */
#ifndef DUEWATCH_CALENDAR_COPY_H
#define DUEWATCH_CALENDAR_COPY_H

#include <stdatomic.h>

#include "duewatch/days-off.h"

struct dw_calendar_copy {
	char *etag, *modified; /* as the server gave them; NULL */
	dw_time checked;       /* when the server last said that this is it */
	char *text;
	size_t n;
};
void dw_calendar_copy_fini(struct dw_calendar_copy *c);
/* 0; 1: there is none yet; < 0: it can't be read, or isn't whole. */
int dw_calendar_copy_load(struct dw_calendar_copy *out, const char *state, const char *url, struct dw_err *err);
/* Whole or not at all. */
int dw_calendar_copy_save(const struct dw_calendar_copy *c, const char *state, const char *url, struct dw_err *err);
/* Its days: 0; 1: there is no copy yet. */
int dw_calendar_copy_days(const char *state, const char *url, struct dw_days_off *out, dw_time now, struct dw_err *err);

/* GETs the address, blocking for up to 30 s: never on the loop or the worker. In: what is known (etag, modified); out:
 * what came. 0; 1: it hasn't changed; < 0: err, which holds of the address its host only. https with TLS 1.2 or later
 * and a certificate for that host, by ca_file's authorities alone (NULL: the system's); three redirections, all
 * https; at most 1 MiB. *stop (may be NULL) ends it within a second: -ECANCELED. */
int dw_calendar_fetch(const char *url, const char *ca_file, const atomic_bool *stop, struct dw_calendar_copy *c,
		      struct dw_err *err);
/* Fetches, checks that it is a calendar, and keeps it as the copy. 0: *out (may be NULL) is what it says now; 1: it
 * hasn't changed. */
int dw_calendar_refresh(const char *state, const char *url, const char *ca_file, const atomic_bool *stop,
			struct dw_days_off *out, dw_time now, struct dw_err *err);

#endif
