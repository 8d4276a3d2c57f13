/* How a platform's words become ours: columns and statuses, of packs and of feeds. What is read later goes in front,
 * so that a person's own line wins over the shipped one. */
#include "config-impl.h"

enum { MAP_MAX = 1000, THEIRS_MAX = 200 };

static const char *const left_words[] = { "ms", "s", "m", "h", "d" };

static const config_setting_t *elem(const config_setting_t *s, int i)
{
	return config_setting_get_elem((config_setting_t *)s, (unsigned)i);
}

/* One (a, b[, c]) of texts. */
static bool texts(struct conf_read *rd, const config_setting_t *s, const char *t[3], int max, const char *what)
{
	int n = config_setting_is_list(s) || config_setting_is_array(s) ? config_setting_length(s) : 0;

	if (n < 2 || n > max) {
		conf_say(rd, s, "each line is %s", what);
		return false;
	}
	for (int i = 0; i < n; i++) {
		t[i] = conf_text_of(rd, elem(s, i));
		if (!t[i])
			return false;
		if (strlen(t[i]) > THEIRS_MAX) {
			conf_say(rd, elem(s, i), "is too long, at most %d bytes are allowed", THEIRS_MAX);
			return false;
		}
	}
	return true;
}

static void say_field(struct conf_read *rd, const config_setting_t *s, const char *const t[3])
{
	const char *names[DW_FIELD_COUNT];

	if (dw_field_find(t[1]) >= 0) {
		conf_say(rd, s, "the wrong way round? Our field stands first: (\"%s\", \"%s\")", t[1], t[0]);
		return;
	}
	for (int i = 0; i < DW_FIELD_COUNT; i++)
		names[i] = dw_fields[i].name;
	conf_say_unknown(rd, s, "field of ours", t[0], names, DW_FIELD_COUNT);
}

static bool one_column(struct conf_read *rd, const config_setting_t *s, struct dw_column *out)
{
	const char *t[3] = { NULL };
	int field;

	if (!texts(rd, s, t, 3, "(\"our field\", \"header in the file\"), or with a third: \"ms\" \"s\" \"m\" \"h\" \"d\" for time left"))
		return false;
	field = dw_field_find(t[0]);
	if (field < 0) {
		say_field(rd, s, t);
		return false;
	}
	if (t[2] && dw_word_find(left_words, DW_COUNT(left_words), t[2]) < 0) {
		conf_say_unknown(rd, s, "unit of time left", t[2], left_words, DW_COUNT(left_words));
		return false;
	}
	if (t[2] && dw_fields[field].kind != DW_K_INSTANT) {
		conf_say(rd, s, "%s is no point in time, so it can't be given as time left (\"%s\")", t[0], t[2]);
		return false;
	}
	*out = (struct dw_column){ .ours = (enum dw_field)field, .theirs = conf_dup(rd, t[1]), .left = conf_dup(rd, t[2]) };
	return !rd->oom;
}

static void column_fini(struct dw_column *c)
{
	free(c->theirs);
	free(c->left);
}

void conf_columns(struct conf_read *rd, const config_setting_t *s, struct dw_column **p, size_t *n)
{
	int k = config_setting_length(s);
	size_t at = 0;

	if (!conf_list_of(rd, s, "( (\"order_id\", \"PO No.\"), (\"promised_at\", \"Ship before\") )"))
		return;
	if (k > MAP_MAX) {
		conf_say(rd, s, "%d lines, at most %d are allowed", k, MAP_MAX);
		return;
	}
	for (int i = 0; i < k; i++) {
		struct dw_column c = { 0 };

		if (!one_column(rd, elem(s, i), &c) || !conf_push(rd, p, n, sizeof(c))) {
			column_fini(&c);
			continue;
		}
		memmove(*p + at + 1, *p + at, (*n - 1 - at) * sizeof(c));
		(*p)[at++] = c;
	}
}

static bool one_status(struct conf_read *rd, const config_setting_t *s, struct dw_status_word *out)
{
	const char *t[3] = { NULL };
	int word;

	if (!texts(rd, s, t, 2, "(\"word in the file\", \"our status\")"))
		return false;
	word = dw_word_find(dw_status_words, DW_STATUS_COUNT, t[1]);
	if (word < 0 && dw_word_find(dw_status_words, DW_STATUS_COUNT, t[0]) >= 0)
		conf_say(rd, s, "the wrong way round? The file's word stands first: (\"%s\", \"%s\")", t[1], t[0]);
	else if (word < 0)
		conf_say_unknown(rd, s, "status of ours", t[1], dw_status_words, DW_STATUS_COUNT);
	if (word < 0)
		return false;
	*out = (struct dw_status_word){ .theirs = conf_dup(rd, t[0]), .ours = (enum dw_status)word };
	return !rd->oom;
}

void conf_status(struct conf_read *rd, const config_setting_t *s, struct dw_status_word **p, size_t *n)
{
	int k = config_setting_length(s);
	size_t at = 0;

	if (!conf_list_of(rd, s, "( (\"open\", \"awaiting_shipment\"), (\"gone\", \"shipped\") )"))
		return;
	if (k > MAP_MAX) {
		conf_say(rd, s, "%d lines, at most %d are allowed", k, MAP_MAX);
		return;
	}
	for (int i = 0; i < k; i++) {
		struct dw_status_word w = { 0 };

		if (!one_status(rd, elem(s, i), &w) || !conf_push(rd, p, n, sizeof(w))) {
			free((char *)w.theirs);
			continue;
		}
		memmove(*p + at + 1, *p + at, (*n - 1 - at) * sizeof(w));
		(*p)[at++] = w;
	}
}

/* Copies to the end of *to. */
int conf_columns_copy(struct conf_read *rd, struct dw_column **to, size_t *n, const struct dw_column *from, size_t n_from)
{
	for (size_t i = 0; i < n_from; i++) {
		struct dw_column *c = conf_push(rd, to, n, sizeof(*c));

		if (!c)
			return -ENOMEM;
		*c = (struct dw_column){ .ours = from[i].ours, .theirs = conf_dup(rd, from[i].theirs), .left = conf_dup(rd, from[i].left) };
	}
	return rd->oom ? -ENOMEM : 0;
}

int conf_status_copy(struct conf_read *rd, struct dw_status_word **to, size_t *n, const struct dw_status_word *from,
		     size_t n_from)
{
	for (size_t i = 0; i < n_from; i++) {
		struct dw_status_word *w = conf_push(rd, to, n, sizeof(*w));

		if (!w)
			return -ENOMEM;
		*w = (struct dw_status_word){ .theirs = conf_dup(rd, from[i].theirs), .ours = from[i].ours };
	}
	return rd->oom ? -ENOMEM : 0;
}
