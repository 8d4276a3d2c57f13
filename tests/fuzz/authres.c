/* Any text as an Authentication-Results field: what is read is bounded; a field with anything unclosed or left over vouches
 * for nobody, and none vouches for two domains of which neither is above the other. */
#include "../../daemon/mail/reply-impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DW_FREE char *field = malloc(size + 1);
	struct dw_authres r[DW_AUTHRES_MAX];
	char id[256];
	int n;

	if (!field)
		return 0;
	memcpy(field, data, size);
	field[size] = '\0';
	n = dw_authres_parse(r, id, field);
	must(n == -EINVAL || (n >= 0 && n <= DW_AUTHRES_MAX));
	if (dw_authres_vouches(field, "mx.example.net", "shop.example.com")) {
		bool pass = false;

		must(n > 0 && dw_authres_is_of(field, "mx.example.net"));
		for (int i = 0; i < n; i++)
			pass |= strcmp(r[i].result, "pass") == 0 &&
				(strstr(r[i].header_from, "example.com") || strstr(r[i].header_d, "example.com") ||
				 strstr(r[i].header_i, "example.com") || strstr(r[i].mailfrom, "example.com"));
		must(pass);
	}
	must(!dw_authres_vouches(field, "mx.example.net", "com"));
	return 0;
}
