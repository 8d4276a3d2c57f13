/* relays.h: the relays' health as the store has it, between the daemon and `duewatch status`. */
#include "duewatch/relays.h"
#include "duewatch/store.h"

#include <jansson.h>
#include <stdio.h>

enum { ERROR_KEPT = 300 }; /* of its words, so that eight of them fit into a meta value */

int dw_relays_text(struct dw_relays *r, char **out, struct dw_err *err)
{
	json_t *list = json_array();
	char *text = NULL;
	int res = list ? 0 : -ENOMEM;

	for (size_t i = 0; res == 0 && i < dw_relays_count(r); i++) {
		struct dw_relay_health h;
		json_t *o;

		dw_relays_health(r, i, &h);
		h.error[ERROR_KEPT] = '\0';
		o = json_pack("{s:s,s:b,s:I,s:s}", "name", dw_relays_name(r, i), "ill", h.ill, "since", (json_int_t)h.since,
			      "error", dw_utf8_mend(h.error));
		if (!o || json_array_append_new(list, o) < 0)
			res = -ENOMEM;
	}
	if (res == 0)
		text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	if (!text)
		return dw_err_oom(err);
	*out = text;
	return 0;
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
		json_decref(list);
		return 0;
	}
	json_decref(list);
	return 1;
}
