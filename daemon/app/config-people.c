/* People: who they are, unique by name, alias and (nearly) address; their roles; who hears of the machinery. */
#include "config-impl.h"

#include <strings.h>

#include "duewatch/transport.h"

enum { PEOPLE_MAX = 1000, ALIAS_MAX = 50 };

int conf_person_of(struct conf_read *rd, const config_setting_t *s)
{
	const struct dw_people *people = &rd->c->people;
	const char *names[64], *t = conf_text_of(rd, s);
	size_t n = 0;
	int who = t ? dw_people_find(people, t) : -1;

	if (!t || who >= 0)
		return who;
	for (size_t i = 0; i < people->n && n < DW_COUNT(names); i++)
		if (people->p[i].name)
			names[n++] = people->p[i].name;
	conf_say_unknown(rd, s, "person of the list `people`", t, names, n);
	return -1;
}

/* Whom else a name, alias or address would find; -1: nobody. */
static int taken(const struct conf_read *rd, const char *text)
{
	return dw_people_find(&rd->c->people, text);
}

void conf_take_person_name(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	const char *t = conf_text_of(rd, s);
	int other = t ? taken(rd, t) : -1;

	if (!t)
		return;
	if (strlen(t) > 100)
		conf_say(rd, s, "is too long, at most 100 bytes are allowed");
	else if (other >= 0)
		conf_say(rd, s, "\"%s\" is taken: a name, alias or address of another person (\"%s\")", t,
			 rd->c->people.p[other].name ? rd->c->people.p[other].name : t);
	else
		*(char **)at = conf_dup(rd, t);
}

void conf_take_email(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	const char *t = conf_text_of(rd, s);
	int other = t ? taken(rd, t) : -1;

	if (!t)
		return;
	if (!dw_address_ok(t)) {
		conf_say(rd, s, "\"%.100s\" is no mail address, allowed: a bare one, like \"alice@example.com\"", t);
		return;
	}
	if (other >= 0 && rd->c->people.p[other].name)
		conf_warn(rd, s, "%s is \"%s\"'s address too: both persons' mails go there", t, rd->c->people.p[other].name);
	*(char **)at = conf_dup(rd, t);
}

void conf_take_daily(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	conf_daily_of(rd, s, at);
}

/* at: the person */
void conf_take_aliases(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_person *p = at;

	if (!conf_list_of(rd, s, "[ \"Alice Wang\", \"seller01\" ]"))
		return;
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *e = config_setting_get_elem((config_setting_t *)s, (unsigned)i);
		const char *t = conf_text_of(rd, e);
		int other = t ? taken(rd, t) : -1;
		char **slot;

		if (p->n_alias >= ALIAS_MAX) {
			conf_say(rd, s, "too many, %d are allowed", ALIAS_MAX);
			return;
		}
		if (other >= 0 && &rd->c->people.p[other] != p)
			conf_say(rd, e, "\"%s\" is taken: a name, alias or address of another person (\"%s\")", t,
				 rd->c->people.p[other].name ? rd->c->people.p[other].name : t);
		else if (t && (slot = conf_push(rd, &p->alias, &p->n_alias, sizeof(*p->alias))))
			if (!(*slot = conf_dup(rd, t)))
				p->n_alias--;
	}
}

static void take_role(struct conf_read *rd, const config_setting_t *group, const char *name, int self, int *to)
{
	const config_setting_t *s = config_setting_get_member((config_setting_t *)group, name);
	int who = s ? conf_person_of(rd, s) : -1;

	if (who >= 0 && who == self)
		conf_say(rd, s, "is the same person, name another one or leave the key out");
	else if (who >= 0)
		*to = who;
}

void conf_take_people(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	static const char what[] = "( { name = \"alice\"; email = \"alice@example.com\"; }, … )";
	struct dw_people *people = at;
	int n = config_setting_length(s), person = 0;

	if (!conf_list_of(rd, s, what))
		return;
	if (n == 0)
		conf_say(rd, s, "is empty, at least one person is needed: %s", what);
	if (n > PEOPLE_MAX) {
		conf_say(rd, s, "%d people, at most %d are allowed", n, PEOPLE_MAX);
		return;
	}
	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem((config_setting_t *)s, (unsigned)i);
		struct dw_person *p;

		if (!conf_is_group(rd, e, "{ name = …; email = …; }"))
			continue;
		p = conf_push(rd, &people->p, &people->n, sizeof(*p));
		if (!p)
			return;
		*p = (struct dw_person){ .deputy = -1, .manager = -1, .zone = rd->c->zone, .daily_minute = rd->daily_minute,
					.mails_per_day = rd->mails_per_day };
		p->language = conf_dup(rd, rd->c->language);
		conf_group(rd, e, &conf_person_section, p, NULL);
	}
	/* only now everybody can be named */
	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem((config_setting_t *)s, (unsigned)i);

		if (!config_setting_is_group(e))
			continue;
		take_role(rd, e, "deputy", person, &people->p[person].deputy);
		take_role(rd, e, "manager", person, &people->p[person].manager);
		person++;
	}
}

void conf_take_person(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	int who = conf_person_of(rd, s);

	if (who >= 0)
		*(int *)at = who;
}

/* at: dw_people */
void conf_take_operators(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_people *people = at;

	if (!conf_list_of(rd, s, "[ \"alice\" ]"))
		return;
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *e = config_setting_get_elem((config_setting_t *)s, (unsigned)i);
		int who = conf_person_of(rd, e), *slot;
		bool twice = false;

		for (size_t j = 0; j < people->n_operators; j++)
			twice |= people->operators[j] == who;
		if (who >= 0 && !twice && (slot = conf_push(rd, &people->operators, &people->n_operators, sizeof(*slot))))
			*slot = who;
	}
}

static const char *const day_words[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

/* at: the mask */
void conf_take_working_days(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	unsigned days = 0;

	if (!conf_list_of(rd, s, "[ \"mon\", \"tue\", \"wed\", \"thu\", \"fri\" ]"))
		return;
	if (config_setting_length(s) == 0)
		conf_say(rd, s, "is empty, at least one day is needed (the daily mail goes out on working days)");
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *e = config_setting_get_elem((config_setting_t *)s, (unsigned)i);
		const char *t = conf_text_of(rd, e);
		size_t d = 0;

		while (t && d < DW_COUNT(day_words) && strcasecmp(t, day_words[d]) != 0)
			d++;
		if (t && d == DW_COUNT(day_words))
			conf_say_unknown(rd, e, "day", t, day_words, DW_COUNT(day_words));
		else if (t)
			days |= DW_WEEKDAY(d);
	}
	if (days)
		*(unsigned *)at = days;
}

static bool some_ladder_uses(const struct dw_config *c, enum dw_role role)
{
	for (int i = 0; i < DW_KIND_COUNT; i++)
		for (size_t k = 0; k < c->ladder[i].n; k++)
			if (c->ladder[i].step[k].roles >> role & 1)
				return true;
	return false;
}

/* After everything else is read: who hears of feeds by default, and who has nobody behind them. */
void conf_people_defaults(struct conf_read *rd, const config_setting_t *root)
{
	const config_setting_t *list = config_setting_get_member((config_setting_t *)root, "people");
	struct dw_people *people = &rd->c->people;
	int *slot, person = 0;

	if (people->n > 0 && people->n_operators == 0 &&
	    (slot = conf_push(rd, &people->operators, &people->n_operators, sizeof(*slot))))
		*slot = people->default_owner;
	for (int i = 0; list && config_setting_is_list(list) && i < config_setting_length(list); i++) {
		const config_setting_t *e = config_setting_get_elem((config_setting_t *)list, (unsigned)i);
		const struct dw_person *p;
		bool deputy, manager;

		if (!config_setting_is_group(e) || (size_t)person >= people->n)
			continue;
		p = &people->p[person++];
		/* deputies and managers named as such seldom own orders: only those without any part are told */
		deputy = p->deputy < 0 && people->default_deputy < 0 && some_ladder_uses(rd->c, DW_DEPUTY);
		manager = p->manager < 0 && people->default_manager < 0 && some_ladder_uses(rd->c, DW_MANAGER);
		if (p->name && (deputy || manager))
			conf_warn(rd, e, "%s has no %s, and there is no %s%s%s either: those steps go to default_owner", p->name,
				  deputy && manager ? "deputy and no manager" : deputy ? "deputy" : "manager",
				  deputy ? "default_deputy" : "", deputy && manager ? " or " : "", manager ? "default_manager" : "");
	}
}
