/* Working hours, holidays and calendars: of a person, and at top level of everybody. */
#include "config-impl.h"

#include <strings.h>

#include "duewatch/calendar-copy.h"
#include "duewatch/daemon.h"
#include "duewatch/heartbeat.h"

enum { CALENDARS_MAX = 200 };

/* ---- hours ---- */

/* "9:00", "09:00", "24:00" as minutes; how many bytes, 0: it is none. */
static size_t clock_of(const char *t, int *minute)
{
	size_t h = strspn(t, "0123456789"), m = t[h] == ':' ? strspn(t + h + 1, "0123456789") : 0;
	int hour = atoi(t);

	if (h < 1 || h > 2 || m != 2 || hour > 24 || atoi(t + h + 1) > 59)
		return 0;
	*minute = hour * 60 + atoi(t + h + 1);
	return *minute <= 1440 ? h + 1 + m : 0;
}

static size_t blanks(const char *t)
{
	return strspn(t, " \t");
}

static bool span_of(struct conf_read *rd, const config_setting_t *s, struct dw_span *out)
{
	const char *t = conf_text_of(rd, s), *p = t;
	int from = 0, to = 0;
	size_t n;

	if (!t)
		return false;
	p += blanks(p);
	n = clock_of(p, &from);
	p += n;
	p += blanks(p);
	if (n == 0 || *p++ != '-' || (p += blanks(p), (n = clock_of(p, &to)) == 0) || (p += n, p[blanks(p)] != '\0')) {
		conf_say(rd, s, "\"%.40s\" are no hours, allowed: like \"09:00-18:00\", from \"00:00\" to \"24:00\"", t);
		return false;
	}
	if (from >= to) {
		conf_say(rd, s, "\"%.40s\" doesn't end after it begins; hours across midnight are two: [ \"22:00-24:00\", \"00:00-06:00\" ]", t);
		return false;
	}
	*out = (struct dw_span){ (int16_t)from, (int16_t)to };
	return true;
}

static void add_span(struct conf_read *rd, const config_setting_t *s, struct dw_hours *h)
{
	struct dw_span x;
	size_t at = 0;

	if (!span_of(rd, s, &x))
		return;
	if (h->n == DW_SPANS_MAX) {
		conf_say(rd, s, "too many, %d are allowed", DW_SPANS_MAX);
		return;
	}
	while (at < h->n && h->span[at].from < x.from)
		at++;
	if ((at > 0 && h->span[at - 1].to > x.from) || (at < h->n && h->span[at].from < x.to)) {
		conf_say(rd, s, "overlaps with other hours of this list");
		return;
	}
	memmove(&h->span[at + 1], &h->span[at], (h->n - at) * sizeof(x));
	h->span[at] = x;
	h->n++;
}

void conf_take_hours(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	struct dw_hours h = { 0 };

	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		add_span(rd, s, &h);
	else if (conf_list_of(rd, s, k->doc.allowed)) {
		if (config_setting_length(s) == 0)
			conf_say(rd, s, "is empty, leave the key out where no hours are known");
		for (int i = 0; i < config_setting_length(s); i++)
			add_span(rd, config_setting_get_elem((config_setting_t *)s, (unsigned)i), &h);
	}
	*(struct dw_hours *)at = h;
}

/* ---- calendars ---- */

static bool is_url(const char *t)
{
	return strstr(t, "://") != NULL;
}

/* An address is not repeated: whoever knows it reads the calendar. */
static bool url_ok(struct conf_read *rd, const config_setting_t *s, const char *t)
{
	char host[DW_HEARTBEAT_HOST_SIZE];
	struct dw_err err = { "" };

	if (strncasecmp(t, "webcal://", 9) == 0 || strncasecmp(t, "webcals://", 10) == 0)
		conf_say(rd, s, "webcal:// is not an address of its own: write https:// instead");
	else if (strncasecmp(t, "https://", 8) != 0)
		conf_say(rd, s, "an address begins with https://; else it is a file");
	else if (dw_heartbeat_host(host, t, &err) < 0)
		conf_say(rd, s, "%s", err.text);
	else
		return true;
	return false;
}

static void add_calendar(struct conf_read *rd, const config_setting_t *s, int person)
{
	const char *t = conf_text_of(rd, s);
	struct dw_calendar_conf *c;

	if (!t || (is_url(t) && !url_ok(rd, s, t)))
		return;
	if (rd->c->n_calendars >= CALENDARS_MAX) {
		conf_say(rd, s, "too many calendars, %d are allowed", CALENDARS_MAX);
		return;
	}
	c = conf_push(rd, &rd->c->calendar, &rd->c->n_calendars, sizeof(*c));
	if (!c)
		return;
	c->person = person;
	c->at = conf_place(rd, s);
	if (is_url(t))
		c->url = conf_dup(rd, t);
	else {
		c->path = conf_path(rd, t);
		conf_warn_reach(rd, s, c->path);
	}
}

static void take_calendars(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, int person)
{
	if (config_setting_type(s) == CONFIG_TYPE_STRING) {
		add_calendar(rd, s, person);
		return;
	}
	if (!conf_list_of(rd, s, k->doc.allowed))
		return;
	for (int i = 0; i < config_setting_length(s); i++)
		add_calendar(rd, config_setting_get_elem((config_setting_t *)s, (unsigned)i), person);
}

void conf_take_calendar(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at DW_UNUSED)
{
	take_calendars(rd, s, k, -1);
}

/* at: the person */
void conf_take_own_calendar(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	take_calendars(rd, s, k, (int)((struct dw_person *)at - rd->c->people.p));
}

void conf_take_calendar_ca_file(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	struct dw_config *c = at;

	c->at_calendar_ca = conf_place(rd, s);
	conf_take_path(rd, s, k, &c->calendar_ca_file);
	conf_warn_reach(rd, s, c->calendar_ca_file);
}

/* ---- days off ---- */

void dw_calendar_name(char out[DW_CALENDAR_NAME_SIZE], const struct dw_calendar_conf *c)
{
	char host[DW_HEARTBEAT_HOST_SIZE] = "?";
	const char *slash = c->path ? strrchr(c->path, '/') : NULL;

	if (c->url) {
		dw_heartbeat_host(host, c->url, NULL);
		snprintf(out, DW_CALENDAR_NAME_SIZE, "https://%s/…", host);
	} else
		snprintf(out, DW_CALENDAR_NAME_SIZE, "%s", slash ? slash + 1 : c->path);
	dw_utf8_mend(out);
}

/* What a person has: the lists and the calendars, everybody's and the person's own. */
static int off_of(const struct dw_config *c, size_t person, struct dw_holidays *out, struct dw_err *err)
{
	const struct dw_person *p = &c->people.p[person];
	const struct dw_holidays *list[] = { &c->holidays, &p->holidays };
	struct dw_holidays h = { 0 };
	int r = 0;

	for (size_t l = 0; l < DW_COUNT(list); l++)
		for (size_t i = 0; r == 0 && i < list[l]->n; i++)
			r = dw_holidays_put(&h, list[l]->range[i], err);
	for (size_t i = 0; r == 0 && i < c->n_calendars; i++)
		if (c->calendar[i].person < 0 || (size_t)c->calendar[i].person == person)
			r = dw_days_off_put(&h, &c->calendar[i].found, p->zone, err);
	if (r < 0)
		dw_holidays_fini(&h);
	else
		*out = h;
	return r;
}

int conf_days_off(struct dw_config *c, struct dw_err *err)
{
	struct dw_holidays *off = dw_calloc(c->people.n ? c->people.n : 1, sizeof(*off));
	int r = off ? 0 : dw_err_oom(err);

	for (size_t i = 0; r == 0 && i < c->people.n; i++)
		r = off_of(c, i, &off[i], err);
	for (size_t i = 0; off && i < c->people.n; i++) {
		dw_holidays_fini(r == 0 ? &c->people.p[i].off : &off[i]);
		if (r == 0)
			c->people.p[i].off = off[i];
	}
	free(off);
	return r;
}

int dw_config_calendar_take(struct dw_config *c, size_t i, struct dw_days_off *fresh, struct dw_err *err)
{
	struct dw_days_off old = c->calendar[i].found;
	int r;

	c->calendar[i].found = *fresh;
	r = conf_days_off(c, err);
	if (r < 0) {
		c->calendar[i].found = old;
		return r;
	}
	*fresh = (struct dw_days_off){ 0 };
	dw_days_off_fini(&old);
	c->calendar[i].wrong[0] = '\0';
	c->rules = conf_rules(c); /* and nothing that other threads read */
	return 0;
}

static int load_one(const struct dw_config *c, struct dw_calendar_conf *cal, dw_time now, struct dw_err *err)
{
	if (cal->path)
		return dw_days_off_load(&cal->found, cal->path, now, err);
	return dw_calendar_copy_days(c->state, cal->url, &cal->found, now, err);
}

void conf_calendars_load(struct conf_read *rd)
{
	struct dw_config *c = rd->c;
	struct dw_err err = { "" };
	int r;

	for (size_t i = 0; i < c->n_calendars; i++) {
		struct dw_calendar_conf *cal = &c->calendar[i];
		char name[DW_CALENDAR_NAME_SIZE];

		if (!cal->path && !cal->url)
			continue; /* no memory for it: said */
		r = load_one(c, cal, dw_clock_wall(), &err);
		if (r == -ENOMEM)
			rd->oom = true;
		if (r >= 0)
			continue;
		/* no reason to watch no deadlines at all: `check` calls it an error */
		dw_calendar_name(name, cal);
		snprintf(cal->wrong, sizeof(cal->wrong), "%.200s", err.text);
		dw_utf8_mend(cal->wrong);
		if (dw_problems_add(rd->problems, true, cal->at.file, cal->at.line, "calendar: %s: %s; until that is mended no day off comes from it",
				    name, cal->wrong) < 0)
			rd->oom = true;
	}
	r = conf_days_off(c, &err);
	if (r == -ENOMEM)
		rd->oom = true;
	else if (r < 0 && dw_problems_add(rd->problems, false, c->path, 0, "holidays and calendars: %s", err.text) < 0)
		rd->oom = true;
}
