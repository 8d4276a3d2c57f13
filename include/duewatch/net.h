/* libcurl's start, once for the process, by whoever uses it first. Its memory is wiped as it frees it: a login passes
 * through many short-lived blocks of its own (the password, "\0user\0password", base64), which it frees as they are. */
#ifndef DUEWATCH_NET_H
#define DUEWATCH_NET_H

void dw_net_start(void); /* from any thread, as often as one likes */

/* free(), but what was there is overwritten. Also for other libraries that secrets pass through: jansson's parser keeps the
 * texts it reads in buffers of its own, tokens among them. */
void dw_wipe_free(void *p);

#endif
