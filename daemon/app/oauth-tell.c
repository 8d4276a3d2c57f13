/* oauth.h and engine-impl.h: token_expiring, what operators hear of a login that needs a person (rules.md §4): at once, and
 * daily while it lasts. The mail goes by whatever relay still works. */
#include "oauth-tell.h"

#include "engine-impl.h"

#include <stdio.h>

enum { AGAIN_S = 86400 };

static int write_note(struct dw_engine *e, const char *name, const struct dw_oauth_health *h, dw_time now, struct dw_err *err)
{
	const struct dw_people *people = &e->config->people;
	const struct dw_note note = { .name = "token_expiring",
				      .value = { { .name = "login", .text = name }, { .name = "error", .text = h->error },
						 { .name = "gone", .type = DW_NOTE_NUMBER, .num = h->state == DW_OAUTH_GONE } } };
	char key[96];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < people->n_operators; i++) {
		snprintf(key, sizeof(key), "token_expiring|%.32s|%lld|%d", name, (long long)now, people->operators[i]);
		r = dw_dispatch_note(e, &(struct dw_telling){ .note = &note, .key = key }, people->operators[i], now, err);
	}
	return r < 0 ? r : 0;
}

int dw_oauth_tell(struct dw_engine *e, struct dw_oauth *o, dw_time now, struct dw_err *err)
{
	DW_FREE char *told = NULL;
	struct dw_oauth_health h;
	char key[64], text[32];
	long long last;
	int r;

	dw_oauth_health(o, &h);
	if (h.state == DW_OAUTH_OK)
		return 0;
	snprintf(key, sizeof(key), "token_told|%.32s", dw_oauth_name(o));
	r = dw_store_meta_get(e->store, key, &told, err);
	if (r < 0)
		return r;
	last = r == 0 ? strtoll(told, NULL, 10) : 0;
	if (last > 0 && last <= now && now < last + AGAIN_S)
		return 0;
	snprintf(text, sizeof(text), "%lld", (long long)now);
	r = dw_store_begin(e->store, err);
	if (r < 0)
		return r;
	r = write_note(e, dw_oauth_name(o), &h, now, err);
	if (r == 0)
		r = dw_store_meta_put(e->store, key, text, err);
	if (r == 0)
		return dw_store_commit(e->store, err);
	dw_store_rollback(e->store);
	return r;
}
