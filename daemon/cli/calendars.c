/* status: calendars of days off that can't be had. */
#include "cli.h"
#include "duewatch/calendar-copy.h"

enum { OLD_S = 2 * 86400 };

bool cli_calendar_trouble(const struct cli *c, size_t i, struct dw_buf *out)
{
	const struct dw_calendar_conf *cal = &c->config->calendar[i];
	DW_CLEANUP(dw_calendar_copy_fini) struct dw_calendar_copy copy = { 0 };
	char name[DW_CALENDAR_NAME_SIZE];
	struct dw_err err = { "" };
	int r = 0;

	dw_calendar_name(name, cal);
	if (cal->url && !*cal->wrong)
		r = dw_calendar_copy_load(&copy, c->config->state, cal->url, &err);
	if (!*cal->wrong && r == 0 && (!cal->url || (copy.checked != DW_UNKNOWN && copy.checked >= c->now - OLD_S)))
		return false;
	dw_buf_puts(out, "calendar ");
	cli_clean(out, name);
	dw_buf_puts(out, ": ");
	if (*cal->wrong)
		cli_clean(out, cal->wrong);
	else if (r < 0)
		cli_clean(out, err.text);
	else if (r > 0)
		dw_buf_puts(out, "it has not been fetched yet");
	else {
		dw_buf_puts(out, "its last good answer is from ");
		cli_time(out, copy.checked, c->zone, c->now);
	}
	return true;
}
