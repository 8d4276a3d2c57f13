/* Any text as an instant, a duration, a holiday and an amount: no crash, results within bounds, what is written reads
 * back the same. */
#include "duewatch/calendar.h"
#include "duewatch/money.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dw_transition la_t[] = {
	{ INT64_MIN, -28800, "PST" },
	{ 1772964000, -25200, "PDT" },
	{ 1793523600, -28800, "PST" },
};
static const struct dw_zone la = { "America/Los_Angeles", 3, la_t };
static const struct dw_transition sh_t[] = { { INT64_MIN, 28800, "CST" } };
static const struct dw_zone sh = { "Asia/Shanghai", 1, sh_t };

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void instant(const char *text, enum dw_bare bare)
{
	dw_time t = 7, t2 = 7, both = 7, back;
	bool local = false, local2 = false;
	struct dw_err err = { "" };
	char out[32];
	int r = dw_instant_parse(&t, text, &la, NULL, bare, &local, &err);

	must(r == 0 || r == 1 || r == -EINVAL);
	must((r < 0) == (err.text[0] != '\0') && dw_utf8_valid(err.text, strlen(err.text)));
	must(r >= 0 || t == 7);
	must(r != 1 || t == DW_UNKNOWN);
	if (r != 0)
		return;
	must(t >= DW_TIME_MIN && t < DW_TIME_MAX);
	dw_instant_rfc3339(out, t);
	must(dw_instant_parse(&back, out, &sh, NULL, bare, NULL, NULL) == 0 && back == t);
	if (dw_instant_parse(&t2, text, &sh, NULL, bare, &local2, NULL) != 0)
		return; /* at the range's edge another zone may fall outside */
	must(local == local2 && (local || t == t2));
	must(dw_instant_parse(&both, text, &la, &sh, bare, NULL, NULL) == 0 && both == (t < t2 ? t : t2));
	must(dw_working_days_back(&la, t, 2, DW_MON_FRI, NULL) < t);
	must(dw_daily_last(&la, t, 510, DW_MON_FRI, NULL) <= t && dw_daily_next(&la, t, 510, DW_MON_FRI, NULL) > t);
}

static void duration(const char *text)
{
	int64_t s, back;
	char out[32];

	if (dw_duration_parse(&s, text, NULL) < 0)
		return;
	must(s >= 0 && s <= INT64_C(36525) * DW_DAY);
	dw_duration_text(out, s);
	must(dw_duration_parse(&back, out, NULL) == 0 && back == s);
}

static void money(const char *text, const char *hint)
{
	struct dw_err err = { "" };
	char currency[4], again[4], out[48];
	int64_t minor, back;
	int r = dw_money_parse(&minor, currency, text, hint, &err);

	must(r == 0 || r == 1 || r == -EINVAL);
	if (r != 0)
		return;
	must(minor >= 0 && strlen(currency) <= 3 && (!currency[0] || dw_currency_exponent(currency) >= 0));
	dw_money_text(out, minor, currency, true);
	must(dw_money_parse(&back, again, out, currency, NULL) == 0 && back == minor && strcmp(again, currency) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DW_FREE char *text = malloc(size + 1);
	struct dw_holidays h = { 0 };

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	instant(text, DW_BARE_FIRST);
	instant(text, DW_BARE_LAST);
	duration(text);
	money(text, NULL);
	money(text, "JPY");
	money("1", text);
	if (dw_holidays_add(&h, text, NULL) == 0)
		must(h.n == 1 && h.range[0].first <= h.range[0].last && dw_holidays_has(&h, h.range[0].last));
	dw_holidays_fini(&h);
	return 0;
}
