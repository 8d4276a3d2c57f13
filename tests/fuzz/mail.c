/* Any texts as an order's cells, through merge, rules and composer, into every kind of mail: no cell changes a header, the
 * recipient, the wire's form, or the HTML's tags. An input is texts with NUL between them: what (two bytes: the order's
 * state and the mail's type), then order_id, buyer, title, url, note, a further cell (currency, owner). */
#include "../contract/compose-fixture.h"

#include <gmime/gmime.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW "2026-11-23T01:30:00Z"
#define ANSWER "mailto:answers@example.com?subject="

enum { WHAT, ORDER_ID, BUYER, TITLE, URL, NOTE, OTHER, TEXTS };

static const char *const states[][9] = {
	{ "status", "awaiting_shipment", "promised_at", "2026-11-30", "expected_ship_at", "2026-12-10", "amount", "12400.00" },
	{ "status", "awaiting_shipment", "promised_at", "2026-11-20" },
	{ "status", "disputed", "promised_at", "2026-11-20", "shipped_at", "2026-11-10", "amount", "1.5" },
	{ "status", "shipped", "shipped_at", "2026-11-01", "transport", "express", "expected_arrival_at", "2026-12-18" },
	{ "status", "awaiting_shipment" },
	{ "status", "awaiting_shipment", "promised_at", "2026-11-30", "extension_state", "declined", "amount", "99" },
	{ "status", "awaiting_payment", "promised_at", "2026-11-24", "expected_ship_at", "2026-12-10" },
};
static const enum dw_mail_type types[] = { DW_MAIL_ALERT, DW_MAIL_RESOLVED, DW_MAIL_FIRST_LOOK, DW_MAIL_DAILY, DW_MAIL_FEED,
					   DW_MAIL_NOTE };

/* Each text of the input, "" where it has no more; what a cell can't be (too long, empty number) is made to fit. */
static void split(char text[TEXTS][DW_TEXT_MAX + 1], const uint8_t *p, size_t n)
{
	memset(text, 0, TEXTS * (DW_TEXT_MAX + 1));
	for (int i = 0, k = 0; i < TEXTS && n > 0; p++, n--) {
		if (*p == '\0') {
			i++;
			k = 0;
		} else if (k < (i == ORDER_ID ? 64 : DW_TEXT_MAX)) {
			text[i][k++] = (char)*p;
		}
	}
	if (!text[ORDER_ID][0])
		strcpy(text[ORDER_ID], "1");
}

static bool among(const char *name, size_t n, const char *const *words, size_t n_words)
{
	for (size_t i = 0; i < n_words; i++)
		if (strlen(words[i]) == n && g_ascii_strncasecmp(words[i], name, n) == 0)
			return true;
	return false;
}

/* A calendar's lines are our own properties, whatever stands in them. */
static void check_calendar(GMimeObject *parent DW_UNUSED, GMimeObject *part, gpointer ctx DW_UNUSED)
{
	static const char *const names[] = { "BEGIN", "END", "PRODID", "VERSION", "CALSCALE", "METHOD", "UID", "DTSTAMP", "SEQUENCE",
					     "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "URL", "ORGANIZER", "STATUS", "TRANSP",
					     "ACTION", "TRIGGER" };
	DW_FREE char *text = NULL;

	if (!g_mime_content_type_is_type(g_mime_object_get_content_type(part), "text", "calendar"))
		return;
	text = calendar_text(part);
	for (const char *s = text; *s; s += strcspn(s, "\n") + 1)
		if (!among(s, strcspn(s, ":;\n"), names, DW_COUNT(names)))
			fail_msg("a property that isn't ours: %.60s", s);
}

static void check(const struct dw_mail *m, const char *reader)
{
	GMimeStream *in = g_mime_stream_mem_new_with_buffer(m->bytes, m->n_bytes);
	GMimeParser *parser = g_mime_parser_new_with_stream(in);
	GMimeMessage *msg = g_mime_parser_construct_message(parser, NULL);
	InternetAddressList *to;

	assert_non_null(msg);
	to = g_mime_message_get_to(msg);
	assert_int_equal(internet_address_list_length(to), 1);
	assert_string_equal(internet_address_mailbox_get_addr(
				    INTERNET_ADDRESS_MAILBOX(internet_address_list_get_address(to, 0))), reader);
	assert_int_equal(internet_address_list_length(g_mime_message_get_cc(msg)), 0);
	assert_string_equal(g_mime_message_get_message_id(msg), m->message_id);
	assert_string_equal(g_mime_message_get_subject(msg), m->subject);
	assert_int_equal(g_mime_header_list_get_count(g_mime_object_get_header_list(GMIME_OBJECT(msg))) > 8, true);
	g_mime_message_foreach(msg, check_calendar, NULL);
	assert_true(dw_utf8_valid(m->text, strlen(m->text)));
	if (m->html) /* its elements, attributes and links: compose() has looked (html.h) */
		assert_true(dw_utf8_valid(m->html, strlen(m->html)));
	g_object_unref(msg);
	g_object_unref(parser);
	g_object_unref(in);
}

static struct shop s;

static void close_up(void)
{
	shop_close(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TEXTS][DW_TEXT_MAX + 1];
	static bool open;
	const char *fields[24] = { "buyer", text[BUYER], "title", text[TITLE], "url", text[URL], "note", text[NOTE],
				   "owner", text[OTHER] };
	/* any text as the value of any note, in each way a text is shown */
	static const char *const names[] = { "feed_error", "acked", "redirected", "hand_outvoted", "cells_rejected", "unaccounted" };
	const struct dw_note notes[] = {
		{ .name = names[size % DW_COUNT(names)],
		  .value = { { .name = "feed", .text = text[TITLE] }, { .name = "error", .text = text[NOTE] },
			     { .name = "by", .text = text[OTHER] }, { .name = "words", .text = text[NOTE] },
			     { .name = "lines", .type = DW_NOTE_LINES, .text = text[NOTE] },
			     { .name = "said", .text = text[OTHER] }, { .name = "answer", .text = text[OTHER] },
			     { .name = "wrong", .text = text[TITLE] } } },
		{ .name = text[OTHER], .value = { { .name = "n", .type = DW_NOTE_NUMBER, .num = (int64_t)size } } },
	};
	struct sample o;
	struct dw_mail m;
	struct dw_mail_view v;
	unsigned state, type;

	if (!open) {
		shop_open(&s);
		atexit(close_up);
		open = true;
	}
	split(text, data, size);
	state = (unsigned char)text[WHAT][0] % DW_COUNT(states);
	type = (unsigned char)text[WHAT][1] % DW_COUNT(types);
	for (size_t i = 0; i < DW_COUNT(states[0]) && states[state][i]; i++)
		fields[10 + i] = states[state][i];
	sample_make(&s, &o, text[ORDER_ID], utc(NOW), fields);
	o.item.resolved = types[type] == DW_MAIL_RESOLVED;
	o.item.why_you = text[WHAT][0] & 0x40 ? notes : NULL;
	v = view_of(&s, types[type], utc(NOW), &o.item, 1);
	v.feed = &s.health;
	v.n_feed = 1;
	v.note = notes;
	v.n_note = 2;
	v.missing = v.open = &o.item;
	v.n_missing = v.n_open = type == DW_MAIL_DAILY;
	v.plain = text[WHAT][1] & 0x40;
	v.language = text[WHAT][1] & 0x20 ? "zh-CN" : NULL;
	v.token_key = (const unsigned char *)"0123456789abcdef0123456789abcde";
	s.config.replies = (struct dw_replies_conf){ .address = (char *)(text[WHAT][1] & 0x20 ? "answers@example.com" : NULL), .token_days = 30 };
	compose(&s, &m, &v);
	assert_wire(&m);
	check(&m, "alice@example.com");
	dw_mail_fini(&m);
	sample_free(&o);
	return 0;
}
