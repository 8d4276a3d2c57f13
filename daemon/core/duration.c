/* instant.h: durations. */
#include "duewatch/instant.h"
#include "duewatch/quote.h"

#include <stdio.h>

#define DURATION_MAX (INT64_C(36525) * DW_DAY)

static const struct unit {
	char letter;
	int32_t seconds;
} units[] = { { 'w', 7 * DW_DAY }, { 'd', DW_DAY }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

static int wrong(struct dw_err *err, const char *text, const char *what)
{
	char q[DW_QUOTE_SIZE];

	return dw_err_set(err, -EINVAL, "\"%s\" is not a duration: %s; write 90s, 15m, 6h, 2d, 1w or 1d12h",
			  dw_quote(q, text), what);
}

int dw_duration_parse(int64_t *seconds, const char *text, struct dw_err *err)
{
	const char *p = text;
	int64_t sum = 0;
	size_t next = 0; /* the largest unit that may still come */

	if (!*p)
		return wrong(err, text, "it is empty");
	while (*p) {
		int64_t n = 0;
		size_t u;

		if (*p < '0' || *p > '9')
			return wrong(err, text, "a number must come before each unit");
		for (; *p >= '0' && *p <= '9'; p++) {
			n = n * 10 + (*p - '0');
			if (n > DURATION_MAX)
				return wrong(err, text, "it is over 100 years");
		}
		for (u = 0; u < DW_COUNT(units) && units[u].letter != *p; u++)
			;
		if (u == DW_COUNT(units))
			return wrong(err, text, *p ? "a unit is one of w, d, h, m, s" : "the unit is missing");
		if (u < next)
			return wrong(err, text, "larger units come first, each once");
		if (n > (DURATION_MAX - sum) / units[u].seconds)
			return wrong(err, text, "it is over 100 years");
		sum += n * units[u].seconds;
		next = u + 1;
		p++;
	}
	*seconds = sum;
	return 0;
}

void dw_duration_text(char out[32], int64_t seconds)
{
	uint64_t left = seconds < 0 ? -(uint64_t)seconds : (uint64_t)seconds;
	int o = 0;

	if (left == 0) {
		memcpy(out, "0s", 3);
		return;
	}
	if (seconds < 0)
		out[o++] = '-';
	out[o] = '\0';
	for (size_t u = 1; u < DW_COUNT(units); u++) { /* from days on: ladders say 7d, not 1w */
		uint64_t n = left / (uint64_t)units[u].seconds;

		left %= (uint64_t)units[u].seconds;
		if (n > 0)
			o += snprintf(out + o, 32 - (size_t)o, "%llu%c", (unsigned long long)n, units[u].letter);
	}
}
