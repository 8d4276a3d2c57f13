/* person.h: finding people and their roles. */
#include "duewatch/person.h"

#include <ctype.h>

const char *const dw_role_words[DW_ROLE_COUNT] = { "owner", "deputy", "manager" };

/* Equal but for ASCII case and the spaces around `text`. */
static bool named(const char *name, const char *text)
{
	size_t n = strlen(text);

	while (n && isspace((unsigned char)*text))
		text++, n--;
	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	if (!name || strlen(name) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (tolower((unsigned char)name[i]) != tolower((unsigned char)text[i]))
			return false;
	return n > 0;
}

int dw_people_find(const struct dw_people *people, const char *text)
{
	if (!text)
		return -1;
	for (size_t i = 0; i < people->n; i++)
		if (named(people->p[i].name, text))
			return (int)i;
	for (size_t i = 0; i < people->n; i++) {
		const struct dw_person *p = &people->p[i];

		if (named(p->email, text))
			return (int)i;
		for (size_t k = 0; k < p->n_alias; k++)
			if (named(p->alias[k], text))
				return (int)i;
	}
	return -1;
}

int dw_people_role(const struct dw_people *people, int owner, enum dw_role role)
{
	int who = -1;

	if (owner < 0 || (size_t)owner >= people->n)
		owner = people->default_owner;
	switch (role) {
	case DW_OWNER:
		who = owner;
		break;
	case DW_DEPUTY:
		who = people->p[owner].deputy;
		if (who < 0)
			who = people->default_deputy;
		break;
	case DW_MANAGER:
		who = people->p[owner].manager;
		if (who < 0)
			who = people->default_manager;
		break;
	case DW_ROLE_COUNT:
		break;
	}
	return who >= 0 ? who : people->default_owner;
}

size_t dw_people_serving(const struct dw_people *people, int owner, unsigned roles, int who[DW_ROLE_COUNT])
{
	size_t n = 0;

	for (int r = 0; r < DW_ROLE_COUNT; r++) {
		int person = dw_people_role(people, owner, (enum dw_role)r);
		bool twice = false;

		for (size_t i = 0; i < n; i++)
			twice |= who[i] == person;
		if (!twice && (roles >> r & 1))
			who[n++] = person;
	}
	return n;
}

struct dw_working dw_people_working(const struct dw_people *people, int person)
{
	const struct dw_person *p;

	if (person < 0 || (size_t)person >= people->n)
		return (struct dw_working){ 0 };
	p = &people->p[person];
	return (struct dw_working){ .zone = p->zone, .week = p->working_days ? p->working_days : people->working_days,
				    .off = &p->off, .hours = &p->hours };
}

dw_time dw_people_daily_next(const struct dw_people *people, int person, dw_time t)
{
	struct dw_working w = dw_people_working(people, person);
	const struct dw_person *p = &people->p[person];

	return p->daily_minute < 0 ? DW_NEVER : dw_daily_next(p->zone, t, p->daily_minute, w.week, w.off);
}

dw_time dw_people_daily_last(const struct dw_people *people, int person, dw_time t)
{
	struct dw_working w = dw_people_working(people, person);
	const struct dw_person *p = &people->p[person];

	return p->daily_minute < 0 ? DW_UNKNOWN : dw_daily_last(p->zone, t, p->daily_minute, w.week, w.off);
}

void dw_people_fini(struct dw_people *people)
{
	for (size_t i = 0; i < people->n; i++) {
		struct dw_person *p = &people->p[i];

		free(p->name);
		free(p->email);
		free(p->language);
		for (size_t k = 0; k < p->n_alias; k++)
			free(p->alias[k]);
		free(p->alias);
		dw_holidays_fini(&p->holidays);
		dw_holidays_fini(&p->off);
	}
	free(people->p);
	free(people->operators);
	*people = (struct dw_people){ 0 };
}
