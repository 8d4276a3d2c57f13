/* Any bytes as a calendar: days off within their window and in order, or a refusal with a reason; in bounded time. */
#include <stdlib.h>

#include "duewatch/days-off.h"

#define NOW INT64_C(1795392000) /* 2026-11-23T00:00:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void in_order(const struct dw_holidays *h)
{
	for (size_t i = 0; i < h->n; i++) {
		must(h->range[i].first <= h->range[i].last);
		must(i == 0 || h->range[i].first > h->range[i - 1].last + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dw_days_off d = { 0 };
	struct dw_holidays h = { 0 };
	struct dw_err err = { "" };
	int r = dw_days_off_read(&d, (const char *)data, size, NOW, &err);

	must(r == 0 || r == -EINVAL || r == -ENOMEM);
	must((r < 0) == (err.text[0] != '\0') && dw_utf8_valid(err.text, strlen(err.text)));
	if (r < 0)
		return 0;
	in_order(&d.days);
	if (d.days.n) {
		must(d.days.range[0].last >= dw_day_number(2025, 1, 1));
		must(d.days.range[d.days.n - 1].first <= dw_day_number(2029, 12, 31) + 1);
	}
	must(d.whole + d.timed + d.cancelled + d.free <= d.events && d.odd <= 2 * d.events);
	must(dw_utf8_valid(d.odd_why, strlen(d.odd_why)));
	for (size_t i = 0; i < d.n_span; i++)
		must(d.span[i].to > d.span[i].from);
	r = dw_days_off_put(&h, &d, &dw_zone_utc, &err);
	must(r == 0 || r == -EINVAL || r == -ENOMEM);
	in_order(&h);
	dw_holidays_fini(&h);
	dw_days_off_fini(&d);
	return 0;
}
