/* What the world's files share. */
#ifndef DUEWATCH_SCENARIO_WORLD_IMPL_H
#define DUEWATCH_SCENARIO_WORLD_IMPL_H

#include "world.h"

int sc_put_file(struct sc_world *w, const char *name, const char *text, size_t n); /* in the world's folder; a new inode */
void sc_feed_fini(struct sc_feed *f);
int sc_poll_feeds(struct sc_world *w); /* reads those whose time has come */
int sc_send_due(struct sc_world *w);   /* 0; 1: the process died on the way and was started again */
int sc_relays_new(struct sc_world *w); /* of the config in force, all well */
int sc_relays_ask(struct sc_world *w); /* those whose turn has come */
int sc_die(struct sc_world *w);	       /* the armed crash comes. 1: started again */

#endif
