/* libcurl's start, once for the process, by whoever uses it first. Its memory is wiped as it frees it: a login passes
 * through many short-lived blocks of its own (the password, "\0user\0password", base64), which it frees as they are. */
#ifndef DUEWATCH_NET_H
#define DUEWATCH_NET_H

#include <stdint.h>

void dw_net_start(void); /* from any thread, as often as one likes */

/* What holds for every handle of ours, whatever it is for. TLS 1.2 or later, its certificate and name checked, by the
 * authorities in ca_file and no others, or the system's where it is NULL; the protocols named and no others; no proxy and no
 * .netrc, whatever the environment says; no signal; an end that doesn't wait for the resolver's thread. The progress callback
 * is called, if one is set. A CURLcode: a handle whose policy couldn't be set must not be used. */
int dw_net_policy(void *curl, const char *protocols, const char *ca_file);

int64_t dw_net_now_ms(void); /* monotonic milliseconds: what limits are counted by */

/* free(), but what was there is overwritten. Also for other libraries that secrets pass through: jansson's parser keeps the
 * texts it reads in buffers of its own, tokens among them. */
void dw_wipe_free(void *p);

#endif
