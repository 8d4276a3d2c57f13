/* Any text as what the outbox keeps of a note: it is read within its bounds, comes back as it was, and is told in both
 * languages without a broken mail. */
#include "../contract/compose-fixture.h"

#include "../../daemon/app/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct shop s;

static void close_up(void)
{
	shop_close(&s);
}

static void check_again(const struct dw_note_read *read)
{
	DW_FREE char *model = dw_note_model(&read->note, read->feed, read->held);
	struct dw_note_read again;

	assert_non_null(model);
	assert_int_equal(dw_note_read(&again, model), 0);
	assert_string_equal(again.note.name, read->note.name);
	for (size_t i = 0; i < DW_NOTE_VALUES && read->note.value[i].name; i++) {
		assert_string_equal(again.note.value[i].name, read->note.value[i].name);
		assert_int_equal(again.note.value[i].type, read->note.value[i].type);
	}
	dw_note_read_fini(&again);
}

/* What a fixture's functions for orders aren't needed for here. */
static void unused(void)
{
	struct sample o;

	SAMPLE(&s, &o, "1", utc("2026-11-23T01:30:00Z"), "status", "shipped");
	sample_free(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool open;
	struct dw_note_read read;
	DW_BUF text = { 0 };

	if (!open) {
		shop_open(&s);
		atexit(close_up);
		unused();
		open = true;
	}
	dw_buf_add(&text, data, size);
	if (dw_note_read(&read, dw_buf_str(&text)) != 0)
		return 0;
	check_again(&read);
	for (int i = 0; i < 2; i++) {
		struct dw_mail_view v = view_of(&s, DW_MAIL_NOTE, utc("2026-11-23T01:30:00Z"), NULL, 0);
		struct dw_mail m;

		v.note = &read.note;
		v.n_note = 1;
		v.language = i ? "zh-CN" : "en";
		compose(&s, &m, &v);
		assert_wire(&m);
		assert_true(dw_utf8_valid(m.text, strlen(m.text)) && dw_utf8_valid(m.html, strlen(m.html)));
		dw_mail_fini(&m);
	}
	dw_note_read_fini(&read);
	return 0;
}
