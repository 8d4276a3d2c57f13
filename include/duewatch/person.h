/* The people of the config and the roles they have for an order (rules.md §5). */
#ifndef DUEWATCH_PERSON_H
#define DUEWATCH_PERSON_H

#include "duewatch/instant.h"

struct dw_person {
	char *name, *email;
	char **alias;
	size_t n_alias;
	int deputy, manager; /* index into people, or -1 */
	char *language;	     /* "en", "zh-CN" */
	const struct dw_zone *zone; /* borrowed */
	bool no_calendar;    /* no calendar entries in the person's mails */
	int daily_minute;    /* minute of the day of the daily mail; -1: "off", everything at once */
	int mails_per_day;   /* what comes at once beyond so many waits if it can; 0: no limit */
};

struct dw_people {
	struct dw_person *p;
	size_t n;
	int default_owner, default_deputy, default_manager; /* index; the latter two -1 where not set */
	int *operators;
	size_t n_operators;
	unsigned working_days; /* bit 0 = Sunday */
};

enum dw_role { DW_OWNER, DW_DEPUTY, DW_MANAGER, DW_ROLE_COUNT };
extern const char *const dw_role_words[DW_ROLE_COUNT];

/* By name, alias or address, ignoring ASCII case and surrounding spaces; -1. */
int dw_people_find(const struct dw_people *people, const char *text);
/* A role for an order of `owner`: the person's own, else the default's, else default_owner. Never -1. */
int dw_people_role(const struct dw_people *people, int owner, enum dw_role role);
/* Who serves in `roles` (bits of enum dw_role), in their order, each person once; how many. */
size_t dw_people_serving(const struct dw_people *people, int owner, unsigned roles, int who[DW_ROLE_COUNT]);
void dw_people_fini(struct dw_people *people);

#endif
