/* relays.h: the relays' health as the store has it, between the daemon and `duewatch status`. */
#include "duewatch/relays.h"
#include "duewatch/store.h"

#include <jansson.h>
#include <stdio.h>

static int add_login(json_t *o, struct dw_oauth *login, size_t kept)
{
	struct dw_oauth_health h;

	if (!login)
		return 0;
	dw_oauth_health(login, &h);
	h.error[kept] = '\0';
	return json_object_set_new(o, "login", json_string(dw_oauth_name(login))) < 0 ||
			       json_object_set_new(o, "token", json_integer((json_int_t)h.state)) < 0 ||
			       json_object_set_new(o, "token_error", json_string(dw_utf8_mend(h.error))) < 0 ?
		       -ENOMEM :
		       0;
}

/* With so many bytes of each one's words. NULL: no memory. */
static char *text_with(struct dw_relays *r, size_t kept)
{
	json_t *list = json_array();
	bool whole = list != NULL;
	char *text;

	for (size_t i = 0; whole && i < dw_relays_count(r); i++) {
		struct dw_relay_health h;
		json_t *o;

		dw_relays_health(r, i, &h);
		h.error[kept] = '\0';
		o = json_pack("{s:s,s:b,s:I,s:s}", "name", dw_relays_name(r, i), "ill", h.ill, "since", (json_int_t)h.since,
			      "error", dw_utf8_mend(h.error));
		whole = o && add_login(o, dw_relays_login(r, i), kept) == 0 && json_array_append(list, o) == 0;
		json_decref(o);
	}
	text = whole ? json_dumps(list, JSON_COMPACT) : NULL;
	json_decref(list);
	return text;
}

int dw_relays_text(struct dw_relays *r, char **out, struct dw_err *err)
{
	static const size_t kept[] = { 400, 200, 80, 0 };

	for (size_t i = 0; i < DW_COUNT(kept); i++) {
		DW_FREE char *text = text_with(r, kept[i]);

		if (!text)
			return dw_err_oom(err);
		if (strlen(text) > DW_STORE_META_MAX)
			continue;
		*out = dw_steal(&text);
		return 0;
	}
	*out = dw_strdup("[]"); /* names of hundreds of letters: rather nothing than a store that refuses */
	return *out ? 0 : dw_err_oom(err);
}

static void take_login(struct dw_relay_health *out, const json_t *o)
{
	const char *name = json_string_value(json_object_get(o, "login")), *e = json_string_value(json_object_get(o, "token_error"));
	json_int_t state = json_integer_value(json_object_get(o, "token"));

	if (!name || state < DW_OAUTH_OK || state > DW_OAUTH_GONE)
		return;
	out->login = true;
	out->token = (enum dw_oauth_state)state;
	snprintf(out->login_name, sizeof(out->login_name), "%s", name);
	snprintf(out->token_error, sizeof(out->token_error), "%s", e ? e : "");
	dw_utf8_mend(out->token_error);
}

int dw_relays_parse(const char *text, const char *name, struct dw_relay_health *out)
{
	json_t *list = json_loads(text ? text : "[]", 0, NULL), *o;
	size_t i;

	*out = (struct dw_relay_health){ .since = DW_UNKNOWN };
	json_array_foreach(list, i, o) {
		const char *n = json_string_value(json_object_get(o, "name")), *e = json_string_value(json_object_get(o, "error"));

		if (!n || strcmp(n, name) != 0)
			continue;
		out->ill = json_is_true(json_object_get(o, "ill"));
		out->since = json_integer_value(json_object_get(o, "since"));
		snprintf(out->error, sizeof(out->error), "%s", e ? e : "");
		dw_utf8_mend(out->error);
		take_login(out, o);
		json_decref(list);
		return 0;
	}
	json_decref(list);
	return 1;
}
