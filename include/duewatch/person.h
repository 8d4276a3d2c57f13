/* The people of the config and the roles they have for an order (rules.md §5). */
#ifndef DUEWATCH_PERSON_H
#define DUEWATCH_PERSON_H

#include "duewatch/calendar.h"

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
	unsigned working_days; /* bit 0 = Sunday; 0: the people's */
	struct dw_hours hours; /* none: urgent steps come when they are due */
	struct dw_holidays holidays; /* the person's own list */
	struct dw_holidays off; /* days off: the lists' and the calendars', everybody's and the person's own */
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
/* The working time of a person, borrowed from people. Of nobody (-1, out of the list) there is none. */
struct dw_working dw_people_working(const struct dw_people *people, int person);
/* The person's next daily mail after t, and the last one at or before it (dw_daily_next, dw_daily_last): on working
 * days that aren't days off. DW_NEVER, DW_UNKNOWN: none within a year, or daily_at is "off". */
dw_time dw_people_daily_next(const struct dw_people *people, int person, dw_time t);
dw_time dw_people_daily_last(const struct dw_people *people, int person, dw_time t);
void dw_people_fini(struct dw_people *people);

#endif
