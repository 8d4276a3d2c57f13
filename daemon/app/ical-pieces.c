/* ical-impl.h: content lines (RFC 5545 §3.1), unfolded; of each event and time zone only the lines days off hang on. */
#include "ical-impl.h"

#include <strings.h>

enum { DEPTH_MAX = 8, LINE_MAX_BYTES = 16 * 1024, PIECE_MAX = 64 * 1024, ZONES_MAX = 64 };

static const char *const event_lines[] = { "DTSTART", "DTEND",	       "DURATION", "RRULE",  "RDATE",
					   "EXDATE",  "RECURRENCE-ID", "UID",	   "STATUS", "TRANSP" };
static const char *const zone_lines[] = { "TZID", "DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE" };

struct cutter {
	struct ical_pieces *out;
	char *open[DEPTH_MAX]; /* names of the components we are in; owned */
	int depth;
	int piece;	       /* depth of the event or zone being collected; 0: none */
	bool zone;
	int line, began;       /* of the file */
	struct dw_buf text;
	bool calendar;	       /* a VCALENDAR was there */
	bool shortened;	       /* the line at hand was too long */
};

static bool named(const char *line, size_t n, const char *name)
{
	size_t len = strlen(name);

	return n > len && strncasecmp(line, name, len) == 0 && (line[len] == ':' || line[len] == ';');
}

static bool kept(const struct cutter *c, const char *line, size_t n)
{
	const char *const *list = c->zone ? zone_lines : event_lines;
	size_t count = c->zone ? DW_COUNT(zone_lines) : DW_COUNT(event_lines);

	/* of what an event holds (its alarms) nothing; of a time zone its two kinds of part */
	if (c->depth > c->piece + (c->zone ? 1 : 0))
		return false;
	for (size_t i = 0; i < count; i++)
		if (named(line, n, list[i]))
			return true;
	return false;
}

static void put_line(struct cutter *c, const char *line, size_t n)
{
	dw_buf_add(&c->text, line, n);
	dw_buf_puts(&c->text, "\r\n");
}

static int end_piece(struct cutter *c, struct dw_err *err)
{
	struct ical_pieces *p = c->out;
	struct ical_piece **list = c->zone ? &p->zone : &p->event;
	size_t *n = c->zone ? &p->n_zone : &p->n_event, *cap = c->zone ? &p->cap_zone : &p->cap_event;
	char *text;

	if (c->zone && *n >= ZONES_MAX)
		return dw_err_set(err, -EINVAL, "line %d: more than %d time zones", c->began, ZONES_MAX);
	if (!c->zone && *n >= DW_ICAL_EVENTS_MAX)
		return dw_err_set(err, -EINVAL, "line %d: more than %d events", c->began, DW_ICAL_EVENTS_MAX);
	text = dw_buf_take(&c->text);
	if (!text || dw_grow(list, cap, *n + 1, sizeof(**list)) < 0) {
		free(text);
		return dw_err_oom(err);
	}
	(*list)[(*n)++] = (struct ical_piece){ text, c->began };
	c->piece = 0;
	return 0;
}

static int begin(struct cutter *c, const char *name, size_t n, struct dw_err *err)
{
	bool event = n == 6 && strncasecmp(name, "VEVENT", 6) == 0, zone = n == 9 && strncasecmp(name, "VTIMEZONE", 9) == 0;

	if (c->depth == DEPTH_MAX)
		return dw_err_set(err, -EINVAL, "line %d: more than %d BEGINs within one another", c->line, DEPTH_MAX);
	if (c->depth == 0 && (n != 9 || strncasecmp(name, "VCALENDAR", 9) != 0))
		return dw_err_set(err, -EINVAL, "line %d: it doesn't begin with BEGIN:VCALENDAR", c->line);
	c->calendar |= c->depth == 0;
	c->open[c->depth] = dw_strndup(name, n);
	if (!c->open[c->depth])
		return dw_err_oom(err);
	c->depth++;
	if (c->piece == 0 && c->depth == 2 && (event || zone)) {
		c->piece = c->depth;
		c->zone = zone;
		c->began = c->line;
		dw_buf_reset(&c->text);
		put_line(c, zone ? "BEGIN:VTIMEZONE" : "BEGIN:VEVENT", zone ? 15 : 12);
	} else if (c->piece && c->zone && c->depth == c->piece + 1) {
		bool day = n == 8 && strncasecmp(name, "DAYLIGHT", 8) == 0;

		put_line(c, day ? "BEGIN:DAYLIGHT" : "BEGIN:STANDARD", 14);
	}
	return 0;
}

static int end(struct cutter *c, const char *name, size_t n, struct dw_err *err)
{
	char *open;
	bool same;

	if (c->depth == 0)
		return dw_err_set(err, -EINVAL, "line %d: an END without its BEGIN", c->line);
	open = c->open[c->depth - 1];
	same = strlen(open) == n && strncasecmp(open, name, n) == 0;
	if (!same)
		return dw_err_set(err, -EINVAL, "line %d: this END closes no open BEGIN (the file is damaged)", c->line);
	if (c->piece && c->zone && c->depth == c->piece + 1)
		put_line(c, strcasecmp(open, "DAYLIGHT") == 0 ? "END:DAYLIGHT" : "END:STANDARD", 12);
	if (c->piece == c->depth)
		put_line(c, c->zone ? "END:VTIMEZONE" : "END:VEVENT", c->zone ? 13 : 10);
	free(open);
	c->open[--c->depth] = NULL;
	return c->piece == c->depth + 1 ? end_piece(c, err) : 0;
}

/* One unfolded line. */
static int content(struct cutter *c, const char *line, size_t n, struct dw_err *err)
{
	const char *colon = memchr(line, ':', n);

	while (n && (line[n - 1] == ' ' || line[n - 1] == '\t' || line[n - 1] == '\r'))
		n--;
	if (n == 0)
		return 0;
	if (named(line, n, "BEGIN") || named(line, n, "END")) {
		const char *name = colon ? colon + 1 : line + n;
		size_t len = (size_t)(line + n - name);

		return named(line, n, "BEGIN") ? begin(c, name, len, err) : end(c, name, len, err);
	}
	if (c->depth == 0)
		return dw_err_set(err, -EINVAL, "line %d: it doesn't begin with BEGIN:VCALENDAR", c->line);
	if (c->piece && kept(c, line, n)) {
		if (c->shortened)
			return dw_err_set(err, -EINVAL, "line %d: a line of over %d bytes", c->line, LINE_MAX_BYTES);
		if (c->text.n + n > PIECE_MAX)
			return dw_err_set(err, -EINVAL, "line %d: an event of over %d bytes", c->line, PIECE_MAX);
		put_line(c, line, n);
	}
	return 0;
}

static int cut(struct cutter *c, const char *p, size_t n, struct dw_err *err)
{
	const char *stop = p + n;
	DW_BUF line = { 0 };
	int r = 0, next = 1;

	while (r == 0 && p < stop) {
		const char *nl = memchr(p, '\n', (size_t)(stop - p));
		const char *e = nl ? nl : stop;
		size_t len = (size_t)(e - p);

		if (len && p[len - 1] == '\r')
			len--;
		if (len && (*p == ' ' || *p == '\t')) { /* folded */
			p++, len--;
		} else {
			r = content(c, dw_buf_str(&line), line.n, err);
			c->line = next;
			c->shortened = false;
			dw_buf_reset(&line);
		}
		/* a long description is nothing to us, and isn't kept */
		c->shortened |= line.n + len > LINE_MAX_BYTES;
		dw_buf_add(&line, p, line.n + len > LINE_MAX_BYTES ? LINE_MAX_BYTES - line.n : len);
		next++;
		p = nl ? nl + 1 : stop;
		if (line.failed)
			r = dw_err_oom(err);
	}
	return r == 0 ? content(c, dw_buf_str(&line), line.n, err) : r;
}

int ical_pieces_read(struct ical_pieces *out, const char *text, size_t n, struct dw_err *err)
{
	struct cutter c = { .out = out, .line = 1 };
	int r;

	*out = (struct ical_pieces){ 0 };
	if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		text += 3, n -= 3;
	if (n > DW_ICAL_SIZE_MAX)
		r = dw_err_set(err, -EINVAL, "it is over %d KiB", DW_ICAL_SIZE_MAX / 1024);
	else if (memchr(text, '\0', n))
		r = dw_err_set(err, -EINVAL, "it holds a NUL byte: it is no text");
	else
		r = cut(&c, text, n, err);
	if (r == 0 && !c.calendar)
		r = dw_err_set(err, -EINVAL, "it is empty: a calendar begins with BEGIN:VCALENDAR");
	if (r == 0 && c.depth > 0)
		r = dw_err_set(err, -EINVAL, "it ends in the middle (END:%.20s is missing): not written whole?", c.open[c.depth - 1]);
	for (int i = 0; i < DEPTH_MAX; i++)
		free(c.open[i]);
	if (c.text.failed && r == 0)
		r = dw_err_oom(err);
	dw_buf_fini(&c.text);
	if (r < 0)
		ical_pieces_fini(out);
	return r;
}

void ical_pieces_fini(struct ical_pieces *p)
{
	for (size_t i = 0; i < p->n_event; i++)
		free(p->event[i].text);
	for (size_t i = 0; i < p->n_zone; i++)
		free(p->zone[i].text);
	free(p->event);
	free(p->zone);
	*p = (struct ical_pieces){ 0 };
}
