/* ladders and transit_days. */
#include "config-impl.h"

static const config_setting_t *elem(const config_setting_t *s, int i)
{
	return config_setting_get_elem((config_setting_t *)s, (unsigned)i);
}

static void take_steps(struct conf_read *rd, const config_setting_t *s, enum dw_kind kind, struct dw_ladder *to)
{
	struct dw_ladder l = { 0 };
	struct dw_err err;

	if (!conf_list_of(rd, s, "[ \"3d: owner\", \"6h!: owner deputy\" ]"))
		return;
	for (int i = 0; i < config_setting_length(s); i++) {
		const char *t = conf_text_of(rd, elem(s, i));

		if (t && dw_ladder_add(&l, t, dw_kinds[kind].dated, &err) < 0) {
			conf_say(rd, elem(s, i), "%s", err.text);
			if (l.n == DW_STEPS_MAX)
				return;
		}
	}
	*to = l;
}


static void one_ladder(struct conf_read *rd, const config_setting_t *s, struct dw_ladder *ladder, bool *seen)
{
	const config_setting_t *k = config_setting_get_member((config_setting_t *)s, "kind"),
			       *steps = config_setting_get_member((config_setting_t *)s, "steps");
	const char *names[DW_KIND_COUNT], *t;
	int kind;

	conf_group(rd, s, &conf_ladder_section, NULL, NULL);
	t = k ? conf_text_of(rd, k) : NULL;
	if (!t)
		return;
	for (int i = 0; i < DW_KIND_COUNT; i++)
		names[i] = dw_kinds[i].name;
	kind = dw_kind_find(t);
	if (kind < 0)
		conf_say_unknown(rd, k, "kind of alert", t, names, DW_KIND_COUNT);
	else if (seen[kind])
		conf_say(rd, k, "%s has a ladder already, further up", t);
	else if (steps)
		take_steps(rd, steps, (enum dw_kind)kind, &ladder[kind]);
	if (kind >= 0)
		seen[kind] = true;
}

/* at: the array by kind */
void conf_take_ladders(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	bool seen[DW_KIND_COUNT] = { false };

	if (!conf_list_of(rd, s, "( { kind = \"ship_by\"; steps = [ \"1d: owner\" ]; }, … )"))
		return;
	for (int i = 0; i < config_setting_length(s); i++)
		if (conf_is_group(rd, elem(s, i), "{ kind = …; steps = [ … ]; }"))
			one_ladder(rd, elem(s, i), at, seen);
}

/* at: the array by transport */
void conf_take_transit_days(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	int *days = at;

	if (!conf_list_of(rd, s, k->doc.allowed))
		return;
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *e = elem(s, i);
		const char *t;
		int64_t v;
		int mode;

		if (!config_setting_is_list(e) || config_setting_length(e) != 2) {
			conf_say(rd, e, "each line is (transport, days), like (\"sea\", 35)");
			continue;
		}
		t = conf_text_of(rd, elem(e, 0));
		mode = t ? dw_word_find(dw_transport_words, DW_BY_COUNT, t) : -1;
		if (t && mode < 0)
			conf_say_unknown(rd, elem(e, 0), "transport", t, dw_transport_words, DW_BY_COUNT);
		else if (conf_int_of(rd, elem(e, 1), k->min, k->max, &v) && mode >= 0)
			days[mode] = (int)v;
	}
}
