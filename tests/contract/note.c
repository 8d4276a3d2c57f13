/* note.h: what a note says outlives the daemon in the outbox, and comes back as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../daemon/app/note.h"

static void a_note_comes_back_as_it_was(void **state)
{
	const struct dw_note in = {
		.name = "acked",
		.value = { { .name = "by", .text = "陈经理" },
			   { .name = "lines", .type = DW_NOTE_LINES, .text = "one\ntwo" },
			   { .name = "n", .type = DW_NOTE_NUMBER, .num = 7 },
			   { .name = "until", .type = DW_NOTE_INSTANT, .num = INT64_C(1795000000) },
			   { .name = "kind", .type = DW_NOTE_KIND, .num = DW_OVERDUE },
			   { .name = "field", .type = DW_NOTE_FIELD, .num = DW_F_EXPECTED_SHIP_AT },
			   { .name = "status", .type = DW_NOTE_STATUS, .num = DW_SHIPPED },
			   { .name = "transport", .type = DW_NOTE_TRANSPORT, .num = DW_BY_SEA } } /* all its places */
	};
	DW_FREE char *model = dw_note_model(&in, "shop", true);
	struct dw_note_read out;

	(void)state;
	assert_non_null(model);
	assert_int_equal(dw_note_read(&out, model), 0);
	assert_string_equal(out.note.name, in.name);
	assert_string_equal(out.feed, "shop");
	assert_true(out.held);
	for (size_t i = 0; i < DW_NOTE_VALUES; i++) {
		const struct dw_note_value *a = &in.value[i], *b = &out.note.value[i];

		assert_string_equal(a->name, b->name);
		assert_int_equal(a->type, b->type);
		if (a->text)
			assert_string_equal(a->text, b->text);
		else
			assert_int_equal(a->num, b->num);
	}
	dw_note_read_fini(&out);
}

static void text_that_is_none_is_mended(void **state)
{
	const struct dw_note in = { .name = "feed_error", .value = { { .name = "error", .text = "a\xFF" "b" }, { .name = "none" } } };
	DW_FREE char *model = dw_note_model(&in, NULL, false);
	struct dw_note_read out;

	(void)state;
	assert_non_null(model);
	assert_int_equal(dw_note_read(&out, model), 0);
	assert_string_equal(out.note.value[0].text, "a?b");
	assert_string_equal(out.note.value[1].text, "");
	assert_null(out.note.value[2].name);
	assert_null(out.feed);
	assert_false(out.held);
	dw_note_read_fini(&out);
}

/* An older program's models, damage, values of types that aren't ours: never more than can be held. */
static void what_is_no_note_is_refused(void **state)
{
	static const char *const none[] = { NULL, "", "{", "[]", "{\"title\":\"t\",\"notes\":[\"n\"]}", "{\"note\":7}" };
	static const char odd[] = "{\"note\":\"x\",\"values\":{\"a\":[\"odd\",1],\"b\":[\"text\"],\"c\":7,\"d\":[\"kind\",\"none\"],"
				  "\"e\":[\"number\",5],\"f\":[\"text\",\"1\"],\"g\":[\"text\",\"2\"],\"h\":[\"text\",\"3\"],"
				  "\"i\":[\"text\",\"4\"],\"j\":[\"text\",\"5\"],\"k\":[\"text\",\"6\"],\"l\":[\"text\",\"7\"]}}";
	struct dw_note_read out;

	(void)state;
	for (size_t i = 0; i < DW_COUNT(none); i++)
		assert_int_equal(dw_note_read(&out, none[i]), 1);
	assert_int_equal(dw_note_read(&out, odd), 0);
	assert_string_equal(out.note.value[0].name, "d");
	assert_int_equal(out.note.value[0].num, -1);
	assert_int_equal(out.note.value[1].num, 5);
	assert_string_equal(out.note.value[DW_NOTE_VALUES - 1].text, "6");
	dw_note_read_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_note_comes_back_as_it_was),
		cmocka_unit_test(text_that_is_none_is_mended),
		cmocka_unit_test(what_is_no_note_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
