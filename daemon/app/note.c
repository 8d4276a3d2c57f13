/* note.h */
#include "note.h"

#include <jansson.h>

static const char *const types[DW_NOTE_TYPES] = {
	[DW_NOTE_TEXT] = "text", [DW_NOTE_LINES] = "lines", [DW_NOTE_NUMBER] = "number", [DW_NOTE_INSTANT] = "instant",
	[DW_NOTE_DATE] = "date", [DW_NOTE_AGE] = "age", [DW_NOTE_KIND] = "kind", [DW_NOTE_FIELD] = "field",
	[DW_NOTE_STATUS] = "status", [DW_NOTE_TRANSPORT] = "transport",
};

/* What is a word of a table is stored by its name: numbers change between versions. */
static const char *word_of(const struct dw_note_value *v)
{
	switch (v->type) {
	case DW_NOTE_KIND:
		return v->num >= 0 && v->num < DW_KIND_COUNT ? dw_kinds[v->num].name : "";
	case DW_NOTE_FIELD:
		return v->num >= 0 && v->num < DW_FIELD_COUNT ? dw_fields[v->num].name : "";
	case DW_NOTE_STATUS:
		return v->num >= 0 && v->num < DW_STATUS_COUNT ? dw_status_words[v->num] : "";
	case DW_NOTE_TRANSPORT:
		return v->num >= 0 && v->num < DW_BY_COUNT ? dw_transport_words[v->num] : "";
	case DW_NOTE_TEXT:
	case DW_NOTE_LINES:
		return v->text ? v->text : "";
	case DW_NOTE_NUMBER:
	case DW_NOTE_INSTANT:
	case DW_NOTE_DATE:
	case DW_NOTE_AGE:
	case DW_NOTE_TYPES:
		break;
	}
	return NULL;
}

static json_t *value_json(const struct dw_note_value *v)
{
	const char *word = word_of(v);
	DW_FREE char *copy = word ? dw_strdup(word) : NULL;

	return json_pack("[s, o]", types[v->type], word ? json_string(copy ? dw_utf8_mend(copy) : "") : json_integer(v->num));
}

char *dw_note_model(const struct dw_note *note, const char *feed, bool held)
{
	json_t *o = json_object(), *values = json_object();
	unsigned long shortages = dw_shortages();
	char *text;

	for (size_t i = 0; i < DW_NOTE_VALUES && note->value[i].name; i++)
		json_object_set_new(values, note->value[i].name, value_json(&note->value[i]));
	json_object_set_new(o, "note", json_string(note->name));
	json_object_set_new(o, "values", values);
	if (feed)
		json_object_set_new(o, "feed", json_string(feed));
	if (held)
		json_object_set_new(o, "held", json_true());
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (text && shortages == dw_shortages())
		return text;
	free(text);
	return NULL;
}

/* The value as it was; one we can't read is left out. */
static bool read_value(struct dw_note_value *v, const char *name, const json_t *pair)
{
	const char *type = json_string_value(json_array_get(pair, 0)), *word = json_string_value(json_array_get(pair, 1));
	int t = type ? dw_word_find(types, DW_COUNT(types), type) : -1;

	if (t < 0)
		return false;
	*v = (struct dw_note_value){ .name = name, .type = (enum dw_note_type)t, .text = word };
	if (!word) {
		v->num = json_integer_value(json_array_get(pair, 1));
		return json_is_integer(json_array_get(pair, 1));
	}
	if (v->type == DW_NOTE_KIND)
		v->num = dw_kind_find(word);
	else if (v->type == DW_NOTE_FIELD)
		v->num = dw_field_find(word);
	else if (v->type == DW_NOTE_STATUS)
		v->num = dw_word_find(dw_status_words, DW_STATUS_COUNT, word);
	else if (v->type == DW_NOTE_TRANSPORT)
		v->num = dw_word_find(dw_transport_words, DW_BY_COUNT, word);
	return true;
}

int dw_note_read(struct dw_note_read *out, const char *model)
{
	json_t *o = model ? json_loads(model, 0, NULL) : NULL, *pair;
	const char *name = json_string_value(json_object_get(o, "note")), *key;
	struct dw_note_read read = { .json = o };
	size_t n = 0;

	if (!name) {
		json_decref(o);
		return 1;
	}
	read.note.name = name;
	json_object_foreach(json_object_get(o, "values"), key, pair)
		if (n < DW_NOTE_VALUES && read_value(&read.note.value[n], key, pair))
			n++;
	if (n < DW_NOTE_VALUES)
		read.note.value[n] = (struct dw_note_value){ 0 };
	read.feed = json_string_value(json_object_get(o, "feed"));
	read.held = json_is_true(json_object_get(o, "held"));
	*out = read;
	return 0;
}

void dw_note_read_fini(struct dw_note_read *r)
{
	json_decref(r->json);
	*r = (struct dw_note_read){ 0 };
}

void dw_note_rejects(struct dw_note *out, const struct dw_feed_row *row)
{
	*out = (struct dw_note){ .name = "cells_rejected",
				 .value = { { .name = "feed", .text = row->name },
					    { .name = "n", .type = DW_NOTE_NUMBER, .num = row->rejected },
					    { .name = "lines", .type = DW_NOTE_LINES, .text = row->rejects } } };
}

void dw_note_fact(struct dw_note_value *out, const char *name, const struct dw_facts *f, enum dw_field x, const char *text)
{
	*out = (struct dw_note_value){ .name = name };
	if (!dw_has(f, x))
		return;
	out->num = f->num[x];
	switch (dw_fields[x].kind) {
	case DW_K_INSTANT:
		out->type = DW_NOTE_DATE;
		return;
	case DW_K_STATUS:
		out->type = DW_NOTE_STATUS;
		return;
	case DW_K_TRANSPORT:
		out->type = DW_NOTE_TRANSPORT;
		return;
	case DW_K_TEXT:
	case DW_K_COUNT:
	case DW_K_EXTENSION:
	case DW_K_AMOUNT:
		break;
	}
	out->text = text;
}
