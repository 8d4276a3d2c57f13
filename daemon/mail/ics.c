/* The calendar's file, by libical: it escapes, folds at 75 octets between characters (RFC 5545 §3.1, §3.3.11) and ends
 * lines with CRLF. Every instant is written in UTC, so none of its time zones is ever loaded: those race (design.md §5,
 * 13). Even UTC is a zone to libical, made on first use: dw_ics_init does that before there are threads, and what it
 * makes is only read afterwards. The functions used keep nothing else between calls. */
#include "compose-impl.h"

#include <libical/ical.h>

#include "duewatch/transport.h"

enum {
	LASTS_S = 15 * 60,	  /* the entry ends at the deadline */
	AHEAD_S = 60 * 60,	  /* of the deadline: the first alarm */
	SEQUENCE_FROM = 1577836800, /* 2020-01-01: 31 bits of seconds last until 2088 */
	CN_MAX = 100,
};

void dw_ics_init(void)
{
	icalerror_set_errors_are_fatal(0);
	icaltimezone_get_utc_timezone();
}

static struct icaltimetype utc(dw_time t)
{
	struct dw_civil c;

	dw_zone_civil(&dw_zone_utc, t, &c);
	return (struct icaltimetype){ .year = c.year, .month = c.month, .day = c.day, .hour = c.hour, .minute = c.minute,
				      .second = c.second, .zone = icaltimezone_get_utc_timezone() };
}

int dw_ics_sequence(dw_time now, bool cancelled)
{
	int64_t n = now - SEQUENCE_FROM + cancelled;

	return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : (int)n;
}

/* One more property; the component's from here on. */
static void add(icalcomponent *c, icalproperty *p, bool *ok)
{
	if (!p)
		*ok = false;
	else
		icalcomponent_add_property(c, p);
}

/* RFC 6068: "mailto:" and the address. */
static void add_organizer(icalcomponent *c, const struct dw_mail_conf *conf, bool *ok)
{
	DW_BUF uri = { 0 }, name = { 0 }, cn = { 0 };
	icalproperty *p;
	icalparameter *param;

	if (!conf->from_address || !dw_address_ok(conf->from_address))
		return;
	dw_buf_puts(&uri, "mailto:");
	for (const char *s = conf->from_address; *s; s++)
		if (strchr("@.-_~+", *s) || (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z'))
			dw_buf_putc(&uri, *s);
		else
			dw_buf_printf(&uri, "%%%02X", (unsigned char)*s);
	dw_scrub(&name, conf->from_name, CN_MAX);
	for (const char *s = dw_buf_str(&name); *s; s++) /* a parameter's text can hold no quote, and no reader knows RFC 6868 */
		if (*s != '"' && *s != '^')
			dw_buf_putc(&cn, *s);
	p = uri.failed || name.failed || cn.failed ? NULL : icalproperty_new_organizer(dw_buf_str(&uri));
	if (p && cn.n) {
		param = icalparameter_new_cn(cn.p);
		if (param)
			icalproperty_add_parameter(p, param);
		else
			*ok = false;
	}
	add(c, p, ok);
}

static void add_alarm(icalcomponent *event, struct icaltriggertype when, const char *words, bool *ok)
{
	icalcomponent *c = icalcomponent_new(ICAL_VALARM_COMPONENT);

	if (!c) {
		*ok = false;
		return;
	}
	add(c, icalproperty_new_action(ICAL_ACTION_DISPLAY), ok);
	add(c, icalproperty_new_trigger(when), ok);
	add(c, icalproperty_new_description(words), ok);
	icalcomponent_add_component(event, c);
}

/* Programs that know one alarm only take the first, and count it from the start. The second stands at the deadline
 * itself, wherever the reader may move the entry. */
static void add_alarms(icalcomponent *c, const struct dw_event *e, dw_time now, bool *ok)
{
	if (e->at - AHEAD_S > now)
		add_alarm(c, (struct icaltriggertype){ .time = icaltime_null_time(),
						       .duration = icaldurationtype_from_int(LASTS_S - AHEAD_S) },
			  e->summary, ok);
	add_alarm(c, (struct icaltriggertype){ .time = utc(e->at) }, e->summary, ok);
}

static void add_event(icalcomponent *calendar, const struct dw_ics *ics, const struct dw_event *e, bool *ok)
{
	icalcomponent *c = icalcomponent_new(ICAL_VEVENT_COMPONENT);

	if (!c) {
		*ok = false;
		return;
	}
	add(c, icalproperty_new_uid(e->uid), ok);
	add(c, icalproperty_new_dtstamp(utc(ics->now)), ok);
	add(c, icalproperty_new_sequence(dw_ics_sequence(ics->now, ics->cancel)), ok);
	add(c, icalproperty_new_dtstart(utc(e->at - LASTS_S)), ok);
	add(c, icalproperty_new_dtend(utc(e->at)), ok);
	add(c, icalproperty_new_summary(e->summary), ok);
	if (!dw_empty(e->text))
		add(c, icalproperty_new_description(e->text), ok);
	if (!dw_empty(e->url))
		add(c, icalproperty_new_url(e->url), ok);
	add_organizer(c, ics->conf, ok);
	add(c, icalproperty_new_status(ics->cancel ? ICAL_STATUS_CANCELLED : ICAL_STATUS_CONFIRMED), ok);
	add(c, icalproperty_new_transp(ICAL_TRANSP_TRANSPARENT), ok); /* a deadline is no appointment: nobody is busy */
	if (!ics->cancel)
		add_alarms(c, e, ics->now, ok);
	icalcomponent_add_component(calendar, c);
}

/* libical before 4.0.3 (pull request 1338) folds a line with its CRLF: one that ends where a fold falls has it between the two, or
 * before them. No text of ours holds CR or LF (libical writes "\\n"), so these can be nothing else: the line ends there. */
static void add_lines(struct dw_buf *out, const char *s)
{
	static const char between[] = "\r\r\n \n", before[] = "\r\n \r\n";

	while (*s) {
		size_t n = strcspn(s, "\r");

		dw_buf_add(out, s, n);
		s += n;
		n = strncmp(s, between, strlen(between)) == 0 ? strlen(between) : strncmp(s, before, strlen(before)) == 0 ? strlen(before) : 0;
		if (n)
			dw_buf_puts(out, "\r\n");
		else if (*s)
			dw_buf_putc(out, *s++);
		s += n;
	}
}

int dw_ics_write(struct dw_buf *out, const struct dw_ics *ics)
{
	icalcomponent *c = icalcomponent_new(ICAL_VCALENDAR_COMPONENT);
	bool ok = c != NULL;
	char *text = NULL;

	if (c) {
		add(c, icalproperty_new_prodid("-//duewatch//duewatch//EN"), &ok);
		add(c, icalproperty_new_version("2.0"), &ok);
		add(c, icalproperty_new_calscale("GREGORIAN"), &ok);
		add(c, icalproperty_new_method(ics->cancel ? ICAL_METHOD_CANCEL : ICAL_METHOD_PUBLISH), &ok);
		for (size_t i = 0; i < ics->n; i++)
			add_event(c, ics, &ics->event[i], &ok);
		text = ok ? icalcomponent_as_ical_string_r(c) : NULL;
		icalcomponent_free(c);
	}
	add_lines(out, text ? text : "");
	ok = text && !out->failed;
	if (text)
		icalmemory_free_buffer(text);
	return ok ? 0 : -ENOMEM;
}
