/* engine.h: the store's secret behind tokens and envelope addresses. Another store, another secret: a token of a lost store
 * names nothing in the new one. */
#include "engine-impl.h"

#include "duewatch/reply.h"

#include <stdio.h>
#include <sys/random.h>

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int make(struct dw_engine *e, unsigned char out[DW_TOKEN_KEY], struct dw_err *err)
{
	char hex[2 * DW_TOKEN_KEY + 1];
	unsigned char raw[DW_TOKEN_KEY];
	int r;

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return dw_err_set(err, -EIO, "the system gives no random number: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(hex + 2 * i, 3, "%02x", raw[i]);
	r = dw_store_meta_put(e->store, "token_key", hex, err);
	if (r == 0)
		memcpy(out, raw, sizeof(raw));
	explicit_bzero(hex, sizeof(hex));
	explicit_bzero(raw, sizeof(raw));
	return r;
}

int dw_engine_token_key(struct dw_engine *e, unsigned char out[DW_TOKEN_KEY], struct dw_err *err)
{
	DW_FREE char *hex = NULL;
	int r = dw_store_meta_get(e->store, "token_key", &hex, err);

	if (r < 0)
		return r;
	/* a damaged one is made anew: links end, alerts don't */
	if (r == 1 || strlen(hex) != 2 * DW_TOKEN_KEY || strspn(hex, "0123456789abcdef") != 2 * DW_TOKEN_KEY)
		return make(e, out, err);
	for (size_t i = 0; i < DW_TOKEN_KEY; i++)
		out[i] = (unsigned char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
	explicit_bzero(hex, 2 * DW_TOKEN_KEY);
	return 0;
}
