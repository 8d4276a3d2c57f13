/* serial.h: which number formats are dates, and which day a number means. */
#include "serial.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool dw_serial_is_date_id(unsigned id)
{
	return (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || id == 45 || id == 47 || (id >= 50 && id <= 58);
}

/* [h], [mm], [ss]: elapsed time. Other brackets are colours, conditions, locales. */
static bool is_elapsed(const char *s, size_t n)
{
	return n > 0 && (strspn(s, "hH") >= n || strspn(s, "mM") >= n || strspn(s, "sS") >= n);
}

bool dw_serial_is_date_format(const char *code)
{
	bool date = false;

	if (strncasecmp(code, "General", 7) == 0)
		return false;
	for (const char *c = code; *c && *c != ';'; c++) {
		const char *close;

		if (*c == '\\' || *c == '_' || *c == '*') {
			if (!*++c)
				break;
		} else if (*c == '"' || *c == '[') {
			close = strchr(c + 1, *c == '"' ? '"' : ']');
			if (!close)
				break;
			if (*c == '[' && is_elapsed(c + 1, (size_t)(close - c - 1)))
				return false;
			c = close;
		} else if (strchr("dDmMyYhHsS", *c))
			date = true;
	}
	return date;
}

/* Days since 1970-01-01 as year, month, day (Howard Hinnant's civil_from_days). */
static void civil(int64_t days, unsigned *y, unsigned *m, unsigned *d)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*d = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	*m = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	*y = (unsigned)(yoe + era * 400 + (*m <= 2));
}

const char *dw_serial_to_text(double serial, bool date1904, char out[DW_SERIAL_TEXT])
{
	const double last = date1904 ? 2957003 : 2958465; /* 9999-12-31 */
	int64_t day;
	unsigned y, m, d, sec;
	bool whole;

	if (!(serial >= 0 && serial < last + 1)) /* nor a NaN */
		return "not a day a spreadsheet has";
	if (serial < 1)
		return serial > 0 ? "a time of day without a date" : "an empty date (day 0)";
	day = (int64_t)serial;
	whole = (double)day == serial;
	if (!date1904 && day == 60)
		return "29 February 1900, a day that never was";
	sec = (unsigned)((serial - (double)day) * 86400 + 0.5);
	if (sec == 86400)
		day++;
	/* 1970-01-01 is day 25569, the day that never was counted (60 itself is only reached by rounding up: 1 March),
	 * and 24107 in the 1904 system */
	civil(date1904 ? day - 24107 : day <= 60 ? day - 25568 : day - 25569, &y, &m, &d);
	if (y > 9999)
		return "not a day a spreadsheet has";
	if (whole)
		snprintf(out, DW_SERIAL_TEXT, "%04u-%02u-%02u", y, m % 100, d % 100);
	else
		snprintf(out, DW_SERIAL_TEXT, "%04u-%02u-%02u %02u:%02u:%02u", y, m % 100, d % 100, sec / 3600 % 24, sec / 60 % 60, sec % 60);
	return NULL;
}
