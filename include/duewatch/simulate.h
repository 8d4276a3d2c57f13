/* A look ahead: the mails the engine would make over a span of time, to whom and when, if no feed said anything new.
 * It is the engine itself over a store of its own, with a clock that jumps to the next instant at which something is
 * due; every mail counts as accepted the moment it is made, so what follows (the steps after it, what it covers, who
 * hears that it is resolved) comes as it would. Nothing is sent, and the live store is never written.
 *
 * Facts stand still: no feed is read, and a feed whose data is fresh at the start stays fresh (else every list would be
 * about stale feeds after a day). One that is stale at the start stays so. */
#ifndef DUEWATCH_SIMULATE_H
#define DUEWATCH_SIMULATE_H

#include "duewatch/engine.h"

enum { DW_SIM_DAYS_MAX = 400, DW_SIM_MAILS_MAX = 200000, DW_SIM_STEPS_MAX = 1000 * 1000 };

/* One step told in a mail. */
struct dw_sim_step {
	const char *feed; /* borrowed from the config, or NULL: it left the config */
	char *order_id;
	enum dw_side side;
	enum dw_kind kind; /* DW_NO_KIND: resolved */
	char step[24];
	dw_time act_by;
	bool urgent, held; /* held: it waited for this mail because of mails_per_day */
};

struct dw_sim_mail {
	dw_time at;
	enum dw_mail_type type;
	int person; /* of the config; -1: left it */
	char *subject, *message_id;
	struct dw_sim_step *step;
	size_t n_step;
};

struct dw_sim {
	struct dw_sim_mail *mail; /* in the order of time */
	size_t n, cap, n_step;
	dw_time until;	   /* the list is whole up to here; before the end asked for: there was too much */
	int64_t decisions; /* orders decided */
};
void dw_sim_fini(struct dw_sim *s);

struct dw_sim_opts {
	struct dw_config *config; /* changed: its feeds no longer go stale */
	struct dw_store *store;	  /* written: a scratch store (store.h) */
	dw_time start;		  /* where the clock stands first */
	dw_time from, to;	  /* what is listed: from <= at <= to */
	const struct dw_feed_conf *feed; /* not NULL: `file` is read as this feed at the start; the store is empty */
	const char *file;
};

/* 0; < 0 with err. */
int dw_simulate(struct dw_sim *out, const struct dw_sim_opts *o, struct dw_err *err);

#endif
