/* A mail's view gathered from steps: the cases behind its items, kept alive while it is composed. */
#ifndef DUEWATCH_DISPATCH_VIEW_H
#define DUEWATCH_DISPATCH_VIEW_H

#include "engine-impl.h"

enum {
	DW_FOLD_ITEMS = 220,	      /* 20 in full, 200 lines: rules.md §5 */
	DW_BLIND_AHEAD_S = 3 * 86400, /* of a stale feed: what falls due so soon is looked at by hand, too */
};

struct dw_gathered {
	struct dw_case *cases; /* NULL where the engine is bare: dw_engine_bare */
	struct dw_mail_item *item;
	size_t n, more;
};
void dw_gathered_fini(struct dw_gathered *g);

/* The items of these steps, most urgent first; beyond 220 they are only counted. Steps of orders that are gone are
 * left out. why_you: see struct dw_mail_item; borrowed. */
int dw_gather_steps(struct dw_engine *e, const struct dw_step_row *step, size_t n, const struct dw_note *why_you, dw_time now,
		    struct dw_gathered *out, struct dw_err *err);
/* Everything open that this person was told of, most urgent first. */
int dw_gather_open(struct dw_engine *e, int person, dw_time now, struct dw_gathered *out, struct dw_err *err);
/* Orders of this owner that their feed no longer lists and that aren't over; *fresh: how many since `since`. */
int dw_gather_missing(struct dw_engine *e, int person, dw_time since, dw_time now, struct dw_gathered *out, size_t *fresh,
		      struct dw_err *err);
/* Orders of a feed whose owed step is held back because the feed is stale, or falls due within
 * DW_BLIND_AHEAD_S; soonest first. */
int dw_gather_held(struct dw_engine *e, const char *feed, dw_time now, struct dw_gathered *out, dw_time *newest,
		   struct dw_err *err);

/* What of this owner's orders falls into a closure, by act_by. */
int dw_gather_closure(struct dw_engine *e, int person, const struct dw_closure *c, dw_time now, struct dw_gathered *out,
		      struct dw_err *err);
/* A closure as its mail's model, to be rendered again. Owned. */
char *dw_closure_model(const struct dw_engine *e, int person, const struct dw_closure *c);
bool dw_closure_from_model(const struct dw_engine *e, const char *model, struct dw_closure *out, int *person);
/* The mail; dispatch.c. */
int dw_dispatch_closure_mail(struct dw_engine *e, int person, const struct dw_closure *c, const struct dw_gathered *g,
			     dw_time now, struct dw_err *err);

/* A list of steps out of a store walk. */
struct dw_step_list {
	struct dw_step_row *p;
	size_t n, cap;
	bool oom;
};
int dw_step_list_add(void *list, const struct dw_step_row *row);
void dw_step_list_fini(struct dw_step_list *l);

#endif
