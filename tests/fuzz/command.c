/* Any text as a line of a person's: the verb is one of ours and has just what it takes, a date is one there is, and the same
 * line with a word more is never read otherwise. */
#include <stdio.h>

#include "duewatch/instant.h"
#include "duewatch/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check(const struct dw_command *c)
{
	const struct dw_verb_info *v;
	int y, m, d, n = 0;

	must(c->verb >= 0 && c->verb < DW_VERB_COUNT);
	v = &dw_verbs[c->verb];
	must(v->wants_date == (c->date[0] != '\0') && (v->takes_span || c->span == 0));
	must(c->span >= 0 && c->span <= 7 * DW_DAY);
	must(!*c->note || c->verb == DW_VERB_CLOSE);
	must(dw_utf8_valid(c->note, strlen(c->note)) && strspn(c->order, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
									  "0123456789-_./") == strlen(c->order));
	if (!v->wants_date)
		return;
	must(sscanf(c->date, "%4d-%2d-%2d%n", &y, &m, &d, &n) == 3 && n == 10 && !c->date[10] && dw_date_valid(y, m, d));
	must(dw_day_number(y, m, d) >= dw_day_number(2026, 11, 25) && dw_day_number(y, m, d) <= dw_day_number(2026, 11, 25) + 550);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DW_FREE char *line = malloc(size + 40);
	struct dw_command c, more;
	const char *why = NULL;
	int r;

	if (!line)
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	r = dw_command_parse(&c, line, "2026-11-25", &why);
	must(r == 0 || r == 1);
	must((r == 0 && !why) || r == 1);
	if (r == 1)
		return 0;
	check(&c);
	strcat(line, " if it can be done");
	must(dw_command_parse(&more, line, "2026-11-25", &why) == 1 || (more.verb == DW_VERB_CLOSE && *more.note));
	return 0;
}
