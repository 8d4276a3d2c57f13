/* What a note says, in its reader's words: its values become a tree, note.mustache makes sentences of it. */
#include "compose-impl.h"

#include <stdio.h>

enum { TEXT_MAX = 1000, LINES_MAX = 200, LINE_MAX = 600 };

#define TEXT(n, t) { .name = n, .type = DW_NOTE_TEXT, .text = t }
#define LINES(n, t) { .name = n, .type = DW_NOTE_LINES, .text = t }
#define VALUE(n, kind, v) { .name = n, .type = DW_NOTE_##kind, .num = v }

const struct dw_note dw_notes[] = {
	{ "feed_error", { TEXT("feed", "shop"), TEXT("error", "orders.csv:7: no header") } },
	{ "feed_stale", { TEXT("feed", "shop"), VALUE("age", AGE, 93600), VALUE("data", INSTANT, 1795000000), TEXT("error", "no such file"),
			  VALUE("held", NUMBER, 2) } },
	{ "cells_rejected", { TEXT("feed", "shop"), VALUE("n", NUMBER, 2), LINES("lines", "line 7: no date\nline 9: no number") } },
	{ "hand_outvoted", { TEXT("order_id", "2341"), VALUE("field", FIELD, DW_F_EXPECTED_SHIP_AT), VALUE("record", NUMBER, 1),
			     VALUE("said", DATE, 1795000000), VALUE("says", DATE, 1795000000) } },
	{ "deadlines_moved", { VALUE("n", NUMBER, 2) } },
	{ "unaccounted", { TEXT("wrong", "3 steps owed, 2 accounted for") } },
	{ "acked", { TEXT("by", "bo"), VALUE("kind", KIND, DW_OVERDUE), TEXT("order_id", "2341"), VALUE("until", INSTANT, 1795000000),
		     TEXT("words", "the factory ships on Monday") } },
	{ "redirected", { TEXT("person", "bo"), TEXT("address", "bo@example.com"), TEXT("answer", "550 5.1.1 no such user") } },
	{ "mailbox_blind", { VALUE("age", AGE, 25200), TEXT("error", "Login denied") } },
	{ "relay_fallback", { TEXT("relay", "smtps://smtp.example.com:465"), TEXT("error", "connection refused") } },
	{ "token_expiring", { TEXT("login", "mail"), TEXT("error", "invalid_grant"), VALUE("gone", NUMBER, 1) } },
	{ "test_mail", { { 0 } } },
};
const size_t dw_notes_count = DW_COUNT(dw_notes);

const struct dw_note *dw_notes_find(const char *name)
{
	for (size_t i = 0; i < dw_notes_count; i++)
		if (strcmp(dw_notes[i].name, name) == 0)
			return &dw_notes[i];
	return NULL;
}

static void set_lines(struct dw_tval *map, const char *name, const char *text)
{
	DW_FREE char *copy = dw_strdup(text);
	struct dw_tval *list = dw_tval_list();
	char *rest = copy, *line;

	for (int n = 0; n < LINES_MAX && rest && (line = strsep(&rest, "\n"));) {
		DW_BUF clean = { 0 };

		dw_scrub(&clean, line, LINE_MAX);
		if (clean.n) {
			dw_tval_push_text(list, clean.p);
			n++;
		}
	}
	dw_tval_set(map, name, list);
}

static void set_number(struct dw_tval *map, const char *name, int64_t n)
{
	char one[64];

	if (n == 0)
		return;
	snprintf(one, sizeof(one), "%s_one", name);
	dw_tval_set_int(map, name, n);
	dw_tval_set_bool(map, one, n == 1);
}

/* A word of one of the tables, or nothing for a number that is in none. */
static void set_word(struct dw_tval *map, const char *name, const char *const *words, int n, int64_t i)
{
	if (i >= 0 && i < n)
		dw_tval_set_text(map, name, words[i]);
}

/* Unknown, never and what a damaged store says aren't. */
static bool is_instant(int64_t t)
{
	return t >= DW_TIME_MIN && t < DW_TIME_MAX;
}

static void set_value(const struct dw_making *m, struct dw_tval *map, const struct dw_note_value *v)
{
	DW_BUF b = { 0 };

	switch (v->type) {
	case DW_NOTE_TEXT:
		dw_set_scrubbed(map, v->name, v->text, TEXT_MAX);
		break;
	case DW_NOTE_LINES:
		set_lines(map, v->name, v->text);
		break;
	case DW_NOTE_NUMBER:
		set_number(map, v->name, v->num);
		break;
	case DW_NOTE_INSTANT:
		if (!is_instant(v->num))
			break;
		dw_set_instant(m, map, v->name, m->zone, v->num);
		break;
	case DW_NOTE_DATE:
		if (!is_instant(v->num))
			break;
		dw_words_date(&b, m->words, m->zone, v->num, DW_DATE_FULL);
		dw_set_buf(map, v->name, &b);
		break;
	case DW_NOTE_AGE:
		m->words->age(&b, v->num > 0 ? v->num : 0);
		dw_set_buf(map, v->name, &b);
		break;
	case DW_NOTE_KIND:
		set_word(map, v->name, m->words->kind, DW_KIND_COUNT, v->num);
		break;
	case DW_NOTE_FIELD:
		set_word(map, v->name, m->words->field, DW_FIELD_COUNT, v->num);
		break;
	case DW_NOTE_STATUS:
		set_word(map, v->name, m->words->status, DW_STATUS_COUNT, v->num);
		break;
	case DW_NOTE_TRANSPORT:
		set_word(map, v->name, m->words->transport, DW_BY_COUNT, v->num);
		break;
	case DW_NOTE_TYPES:
		break;
	}
}

static int render(const struct dw_making *m, const struct dw_note *note, struct dw_buf *out)
{
	DW_CLEANUP(dw_tval_freep) struct dw_tval *map = dw_tval_map();

	dw_set_flag(map, "note", note->name);
	for (size_t i = 0; i < DW_NOTE_VALUES && note->value[i].name; i++)
		set_value(m, map, &note->value[i]);
	return dw_templates_render(m->set, DW_TPL_NOTE, map, DW_ESCAPE_NONE, out, m->err);
}

int dw_note_blocks(const struct dw_making *m, const struct dw_note *note, struct dw_tval *map)
{
	DW_BUF words = { 0 };
	bool any;
	int r = render(m, note, &words);

	return r < 0 ? r : dw_blocks(map, dw_buf_str(&words), &any);
}

int dw_note_line(const struct dw_making *m, const struct dw_note *note, struct dw_buf *out)
{
	DW_BUF words = { 0 };
	const char *body;
	int r = note ? render(m, note, &words) : 0;

	if (r < 0 || !note)
		return r;
	body = dw_buf_str(&words);
	while (*body == '\n' || strncmp(body, "# ", 2) == 0)
		body += strcspn(body, "\n") + (body[strcspn(body, "\n")] == '\n');
	dw_scrub(out, body, LINE_MAX);
	return out->failed ? dw_err_oom(m->err) : 0;
}
