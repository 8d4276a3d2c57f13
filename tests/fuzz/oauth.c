/* Any answer of a token server: the first two bytes are the HTTP code and the content type, the rest is the body. What must
 * hold: it is read or not, never half; tokens are bounded, printable and without blanks; the words for people are one clean
 * bounded line in which what we sent doesn't stand; and only an answer of 200 grants anything. */
#include <stdlib.h>

#include "duewatch/oauth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET "s3cr3t-of-ours"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_token(const char *t)
{
	size_t n = t ? strlen(t) : 1;

	must(n > 0 && n <= DW_SECRET_MAX);
	for (size_t i = 0; t && i < n; i++)
		must(t[i] > 0x20 && t[i] < 0x7F);
}

static void check(const struct dw_oauth_answer *a, long code)
{
	size_t n = strlen(a->error);

	must(n < sizeof(a->error) && dw_utf8_valid(a->error, n) && !strstr(a->error, SECRET));
	for (size_t i = 0; i < n; i++)
		must((unsigned char)a->error[i] >= ' ' && a->error[i] != 0x7F);
	check_token(a->access);
	check_token(a->refresh);
	check_token(a->device_code);
	switch (a->verdict) {
	case DW_OAUTH_GRANTED:
		must(code / 100 == 2 && a->access && n == 0 && a->expires_in >= 1 && a->expires_in <= 30 * 86400);
		must(a->refresh_expires_in >= 0);
		break;
	case DW_OAUTH_DEVICE:
		must(code / 100 == 2 && a->device_code && a->user_code[0] && strncmp(a->verification_uri, "https://", 8) == 0);
		must(a->interval >= 1 && a->interval <= 300 && a->expires_in >= 1 && a->expires_in <= 3600);
		break;
	case DW_OAUTH_DEAD:
		must(code < 500 && code / 100 != 3 && n > 0);
		/* fall through */
	case DW_OAUTH_LATER:
	case DW_OAUTH_PENDING:
		must(n > 0 && !a->access && !a->refresh && !a->device_code);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long codes[] = { 200, 400, 401, 403, 302, 429, 500, 503, 0, 201 };
	static const char *const types[] = { "application/json", "application/json; charset=utf-8", "text/html", NULL, "json", "" };
	const char *const secrets[] = { SECRET, NULL };
	struct dw_oauth_answer a;
	long code;

	if (size < 2)
		return 0;
	code = codes[data[0] % DW_COUNT(codes)];
	if (dw_oauth_answer_read(&a, secrets, code, types[data[1] % DW_COUNT(types)], (const char *)data + 2, size - 2) < 0)
		return 0;
	check(&a, code);
	dw_oauth_answer_fini(&a);
	return 0;
}
