/* Any bytes as a TZif file: a table in order within its bounds, or a refusal with a reason; and every instant's local
 * time leads back to an instant that has it. */
#include <stdlib.h>

#include "duewatch/calendar.h"
#include "duewatch/zone-load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void around(const struct dw_zone *z, dw_time t)
{
	char text[32];
	dw_time back;

	if (t < DW_TIME_MIN || t >= DW_TIME_MAX)
		return;
	dw_instant_rfc3339(text, t);
	must(dw_instant_parse(&back, text, z, NULL, DW_BARE_FIRST, NULL, NULL) == 0 && back == t);
	must(dw_working_days_back(z, t, 3, DW_MON_FRI, NULL) < t);
	must(dw_daily_next(z, t, 510, DW_MON_FRI, NULL) > t && dw_daily_last(z, t, 510, DW_MON_FRI, NULL) <= t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DW_CLEANUP(dw_zone_freep) struct dw_zone *z = NULL;
	struct dw_err err = { "" };
	int r = dw_zone_from_tzif(&z, "Test/Zone", data, size, &err);

	must(r == 0 || r == -EINVAL || r == -EBADMSG);
	must((r < 0) == (err.text[0] != '\0') && (r < 0) == !z && dw_utf8_valid(err.text, strlen(err.text)));
	if (r < 0)
		return 0;
	must(z->n >= 1 && z->n <= 4096 && z->t[0].at == INT64_MIN && strcmp(z->name, "Test/Zone") == 0);
	for (size_t i = 0; i < z->n; i++) {
		must(i == 0 || z->t[i].at > z->t[i - 1].at);
		must(z->t[i].offset > -26 * 3600 && z->t[i].offset < 26 * 3600);
		must(memchr(z->t[i].abbrev, '\0', sizeof(z->t[i].abbrev)) != NULL);
	}
	for (size_t i = 1; i < z->n && i < 40; i++)
		for (int d = -1; d <= 1; d++)
			around(z, z->t[i].at + d);
	around(z, INT64_C(1772964000));
	return 0;
}
