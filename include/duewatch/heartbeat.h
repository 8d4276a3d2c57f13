/* The dead man's switch: an address outside that is called while the watcher is well, and whose silence is the alarm.
 * Blocks for up to ten seconds: never on the loop or the worker. libcurl lives in heartbeat.c. */
#ifndef DUEWATCH_HEARTBEAT_H
#define DUEWATCH_HEARTBEAT_H

#include <stdatomic.h>

#include "duewatch/instant.h"

enum { DW_HEARTBEAT_S = 10, DW_HEARTBEAT_HOST_SIZE = 280 };

/* An address without its secret: "watch.example.com" or "127.0.0.1:8080". -EINVAL: what is wrong with it, without
 * repeating it: neither http:// nor https://, a user or password in it, no proper host, a control or a space. */
int dw_heartbeat_host(char out[DW_HEARTBEAT_HOST_SIZE], const char *url, struct dw_err *err);

/* GETs it: 0 for a 2xx answer, else < 0 with err (which never holds more of the address than its host). What is
 * answered is not kept, and read up to 4 KiB only. Redirections, three at most, stay within http and https and never
 * leave https. https is TLS 1.2 or later and needs a certificate for that host, by ca_file's authorities and no others
 * (NULL: by the system's). *stop (may be NULL) ends the call within a second or so: -ECANCELED. */
int dw_heartbeat_call(const char *url, const char *ca_file, const atomic_bool *stop, struct dw_err *err);

/* Asks the address's host for nothing but its root (HEAD /): that can't count as a sign of life, and whatever it answers,
 * its Date says what time it is there. *date: DW_UNKNOWN where it gave none; *trip: seconds the answer took. */
int dw_heartbeat_date(const char *url, const char *ca_file, dw_time *date, int *trip, struct dw_err *err);

#endif
