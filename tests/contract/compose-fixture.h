/* A small shop for the composer's tests: three people, a pack like Alibaba.com's, one feed, and orders made of
 * "field=value" words that go through the real merge, dates and rules. */
#ifndef COMPOSE_FIXTURE_H
#define COMPOSE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <gmime/gmime.h>

#include "duewatch/compose.h"
#include "duewatch/zone-load.h"
#include "html.h"

enum { ALICE, BO, CHEN };

struct shop {
	struct dw_config config;
	struct dw_person people[3];
	struct dw_zone *shanghai, *pacific;
	struct dw_pack pack;
	struct dw_feed_conf feed;
	struct dw_feed_row row;
	struct dw_mail_feed health;
	struct dw_composer *composer;
};

/* One order, all that an item borrows. */
struct sample {
	struct dw_facts main;
	struct dw_memory memory;
	struct dw_sources sources;
	struct dw_order order;
	struct dw_dates dates;
	struct dw_told told[2];
	struct dw_ack ack;
	struct dw_mail_item item;
};

#define TEXT(k, ...)                                                                                                   \
	{                                                                                                              \
		.key = (char *)(k), .language = (char *)"en", .line = (char **)(const char *[]){ __VA_ARGS__ },                       \
		.n = DW_COUNT(((const char *[]){ __VA_ARGS__ }))                                                             \
	}

static struct dw_pack_text shop_texts[] = {
	TEXT("how_to_file", "Agree the new date with the buyer in the chat, so that the request comes as no surprise.",
	     "Sign in as the seller, go to All Orders and open this order's page.",
	     "Contract order (you drafted it): change the ship date in the order to the proposed date and send the change "
	     "to the buyer (label not verified).",
	     "\"Buy now\" order (the buyer placed it directly): you can't change it. Ask the buyer to open the order under "
	     "My Alibaba > All Orders and extend the shipping time; old and new time together at most 90 days.",
	     "Paste the text below into the chat and ask the buyer to confirm on the order's page.",
	     "Look again tomorrow: it is done when the order's page shows the new date. A \"yes\" in the chat changes "
	     "nothing."),
	TEXT("how_to_file_receipt", "Go to All Orders, open this order's page and read the date of automatic receipt.",
	     "Extend the receiving time on your side: once, by 15 days (seller-side label not verified)."),
	TEXT("how_to_edit", "Go to All Orders, open this order's page and change the ship date (label not verified)."),
	TEXT("how_to_answer_dispute", "Open the dispute from this order's page today.",
	     "Answer in the dispute itself with a concrete offer, then write to the buyer."),
	TEXT("who_confirms", "The buyer, on the platform. Contract order: you send the change, the buyer confirms it. \"Buy "
			     "now\" order: the buyer alone can extend."),
	TEXT("cannot_change", "Orders with on-time dispatch or on-time delivery service can't be changed at all: ship on "
			      "time, or settle with the buyer."),
	TEXT("otherwise", "Alibaba.com counts the order as late by its own records unless you prove otherwise, and the "
			  "buyer may claim a refund until 30 days after receipt."),
	TEXT("otherwise_receipt", "Receipt is confirmed automatically before the goods arrive."),
	TEXT("warnings", "Don't click \"ship\" early: with Alibaba.com Logistics the pickup or warehouse entry counts."),
	TEXT("buyer_text", "{{#buyer}}Dear {{buyer}},{{/buyer}}{{^buyer}}Hello,{{/buyer}}\nthe goods of order {{order_id}} "
			   "will be ready to ship by {{new_date}} (so far: {{old_date}}). Please confirm the new date on the "
			   "order's page. Thank you!"),
	TEXT("buyer_text_receipt", "Your order {{order_id}} is still on the way. Please extend the receiving time."),
};

static dw_time utc(const char *s)
{
	dw_time t = DW_UNKNOWN;
	struct dw_err err = { "" };

	if (dw_instant_parse(&t, s, &dw_zone_utc, NULL, DW_BARE_FIRST, NULL, &err) != 0)
		fail_msg("%s: %s", s, err.text);
	return t;
}

static void shop_open(struct shop *s)
{
	struct dw_err err = { "" };

	memset(s, 0, sizeof(*s));
	assert_int_equal(dw_zone_load(&s->shanghai, "Asia/Shanghai", &err), 0);
	assert_int_equal(dw_zone_load(&s->pacific, "America/Los_Angeles", &err), 0);
	s->pack = (struct dw_pack){ .name = (char *)"alibaba", .zone = s->pacific, .extension = DW_EXT_BY_SELLER,
				    .buyer_answer = 2, .receipt_extension = 15, .claim_days = 30, .dispute_talk = 3 * DW_DAY,
				    .margin_days = 2, .max_extension_days = 90, .texts = shop_texts, .n_texts = DW_COUNT(shop_texts) };
	s->pack.auto_confirm[DW_BY_SEA] = (struct dw_auto_confirm){ 2, { 45, 60 } };
	s->pack.auto_confirm[DW_BY_EXPRESS] = (struct dw_auto_confirm){ 2, { 15, 25 } };
	s->pack.auto_confirm[DW_BY_UNKNOWN] = (struct dw_auto_confirm){ 3, { 15, 30, 60 } };
	s->people[ALICE] = (struct dw_person){ .name = (char *)"alice", .email = (char *)"alice@example.com", .deputy = BO,
					       .manager = CHEN, .language = (char *)"en", .zone = s->shanghai, .daily_minute = 510 };
	s->people[BO] = (struct dw_person){ .name = (char *)"bo", .email = (char *)"bo@example.com", .deputy = -1, .manager = -1,
					    .language = (char *)"en", .zone = s->shanghai, .daily_minute = 510 };
	s->people[CHEN] = (struct dw_person){ .name = (char *)"陈经理", .email = (char *)"chen@example.com", .deputy = -1,
					      .manager = -1, .language = (char *)"en", .zone = s->pacific, .daily_minute = -1 };
	s->feed = (struct dw_feed_conf){ .name = (char *)"shop", .type = (char *)"xlsx", .pack = &s->pack, .zone = s->pacific };
	s->config = (struct dw_config){
		.zone = s->shanghai, .language = (char *)"en",
		.people = { .p = s->people, .n = 3, .default_owner = ALICE, .default_deputy = -1, .default_manager = -1 },
		.mail = { .from_name = (char *)"Duewatch", .from_address = (char *)"duewatch@example.com" },
		.feeds = &s->feed, .n_feeds = 1, .path = (char *)"/nonexistent/duewatch.conf" };
	for (int k = 0; k < DW_KIND_COUNT; k++)
		assert_int_equal(dw_ladder_default(&s->config.ladder[k], (enum dw_kind)k), 0);
	s->row = (struct dw_feed_row){ .name = (char *)"shop", .data_time = utc("2026-11-23T01:30:00Z"),
				       .error_since = DW_UNKNOWN, .orders = 214, .rejected = 1 };
	s->health = (struct dw_mail_feed){ .row = &s->row, .conf = &s->feed };
	if (dw_composer_new(&s->composer, &s->config, &err) < 0)
		fail_msg("%s", err.text);
}

static void shop_close(struct shop *s)
{
	dw_composer_free(s->composer);
	dw_holidays_fini(&s->pack.holidays);
	dw_zone_free(s->shanghai);
	dw_zone_free(s->pacific);
}

static void set_field(struct shop *s, struct dw_facts *f, const char *name, const char *value)
{
	struct dw_cell_rules rules = { .zone = s->pacific };
	struct dw_err err = { "" };
	int x = dw_field_find(name);

	assert_true(x >= 0);
	if (dw_fields[x].kind == DW_K_TEXT) /* as hostile as a test wants it: past the parser */
		assert_int_equal(dw_facts_set_text(f, (enum dw_field)x, value), 0);
	else if (dw_fact_parse(f, (enum dw_field)x, value, false, &rules, NULL, &err) < 0)
		fail_msg("%s=%s: %s", name, value, err.text);
}

/* fields: name, value, …, NULL. The first alert that holds at `now` is the item's. */
static void sample_make(struct shop *s, struct sample *o, const char *id, dw_time now, const char *const *fields)
{
	struct dw_order_rules rules = { .pack = &s->pack };
	struct dw_finding found[DW_SIDE_COUNT];
	struct dw_mail_item *i = &o->item;
	dw_time data = now - 14 * 3600;
	static int64_t row;

	memset(o, 0, sizeof(*o));
	for (; fields[0]; fields += 2)
		set_field(s, &o->main, fields[0], fields[1]);
	o->memory = DW_MEMORY_NONE;
	o->memory.first_seen = now - 10 * DW_DAY;
	o->sources = (struct dw_sources){ .main = &o->main, .main_feed = "shop" };
	assert_int_equal(dw_order_merge(&o->order, &o->sources, &o->memory, data, now), 0);
	dw_order_dates(&o->dates, &o->order, &o->memory, &rules, data, now);
	dw_alert_find(found, &o->order, &o->dates, &o->memory, &s->pack, now);
	o->ack.at = DW_UNKNOWN;
	*i = (struct dw_mail_item){ .order_row = ++row, .feed = "shop", .order_id = id, .order = &o->order, .dates = &o->dates,
				    .memory = &o->memory, .pack = &s->pack, .sources = &o->sources, .kind = DW_NO_KIND,
				    .state = DW_OPEN, .act_by = DW_UNKNOWN, .step = "found", .data_time = data,
				    .missing_since = DW_UNKNOWN, .owner = ALICE, .next_at = DW_NEVER, .next_step = -1,
				    .told = o->told };
	for (int side = DW_SIDE_COUNT - 1; side >= 0; side--)
		if (found[side].kind != DW_NO_KIND) {
			struct dw_owed owed;

			i->side = (enum dw_side)side;
			i->kind = found[side].kind;
			i->act_by = found[side].act_by;
			i->ladder = &s->config.ladder[i->kind];
			dw_ladder_owed(i->ladder, i->act_by, found[side].found_at, now, &owed);
			i->next_at = owed.next_at;
			i->next_step = owed.next_step;
			if (owed.step >= 0) {
				i->step = i->ladder->step[owed.step].text;
				i->urgent = i->ladder->step[owed.step].urgent;
			}
		}
}

static void sample_free(struct sample *o)
{
	dw_order_fini(&o->order);
	dw_facts_fini(&o->main);
}

#define SAMPLE(s, o, id, now, ...) sample_make(s, o, id, now, (const char *const[]){ __VA_ARGS__, NULL })

static struct dw_mail_view view_of(struct shop *s, enum dw_mail_type type, dw_time now, const struct dw_mail_item *item, size_t n)
{
	return (struct dw_mail_view){ .type = type, .config = &s->config, .person = ALICE, .now = now, .key = "key",
				      .item = item, .n_item = n };
}

static void compose(struct shop *s, struct dw_mail *m, const struct dw_mail_view *v)
{
	struct dw_err err = { "" };

	memset(m, 0, sizeof(*m));
	if (dw_mail_compose(s->composer, m, v, &err) < 0)
		fail_msg("%s", err.text);
	if (m->html)
		assert_html(m->html, m->text);
}

/* With DW_PREVIEW_DIR set the mail is written there (tests/mail-preview.sh makes pictures of it). */
static DW_UNUSED void preview(const char *name, const struct dw_mail *m)
{
	const char *dir = getenv("DW_PREVIEW_DIR");
	const struct {
		const char *suffix;
		const void *p;
		size_t n;
	} all[] = { { "eml", m->bytes, m->n_bytes },
		    { "txt", m->text, strlen(m->text) },
		    { "html", m->html, m->html ? strlen(m->html) : 0 } };

	for (size_t i = 0; dir && i < DW_COUNT(all); i++) {
		char path[512];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s.%s", dir, name, all[i].suffix);
		f = fopen(path, "wb");
		assert_non_null(f);
		if (all[i].n)
			assert_int_equal(fwrite(all[i].p, 1, all[i].n, f), all[i].n);
		fclose(f);
	}
}

/* A blank behind a header's value's first word. */
static bool foldable(const char *line, size_t n)
{
	const char *value = memmem(line, n, ": ", 2);

	return !value || memchr(value + 2, ' ', (size_t)(line + n - value - 2));
}

/* ASCII, CRLF, no line over 78 that could be folded, no encoded word over 75, and no header but ours. */
static void assert_wire(const struct dw_mail *m)
{
	static const char *const ours[] = { "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
					    "Auto-Submitted", "X-Auto-Response-Suppress", "X-Duewatch-Order",
					    "X-Duewatch-Kind", "X-Duewatch-Step", "MIME-Version", "Content-Type",
					    "Content-Transfer-Encoding" };
	const char *s = m->bytes, *end = s + m->n_bytes;
	bool head = true;

	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t n, k;

		assert_non_null(nl);
		n = (size_t)(nl - s);
		assert_true(n > 0 && s[n - 1] == '\r');
		n--;
		assert_true(n <= 78 || (head && n <= 98 && !foldable(s, n)));
		for (k = 0; k < n; k++)
			assert_true(((unsigned char)s[k] >= 0x20 && (unsigned char)s[k] < 0x7F) || s[k] == '\t');
		if (n == 0)
			head = false;
		for (const char *w = s; head && (w = memmem(w, (size_t)(s + n - w), "=?UTF-8?", 8)); w++) {
			const char *e = memmem(w + 10, (size_t)(s + n - w - 10), "?=", 2);

			assert_non_null(e);
			assert_true(e + 2 - w <= 75);
		}
		if (head && *s != ' ' && *s != '\t') {
			for (k = 0; k < DW_COUNT(ours); k++)
				if (strncmp(s, ours[k], strlen(ours[k])) == 0 && s[strlen(ours[k])] == ':')
					break;
			if (k == DW_COUNT(ours))
				fail_msg("a header that isn't ours: %.*s", (int)n, s);
		}
		s = nl + 1;
	}
}

/* A calendar's lines: at most 75 octets, CRLF, valid UTF-8 each, no control in them. Unfolded, with plain line feeds. */
static char *unfolded(const char *s, size_t n)
{
	DW_BUF b = { 0 };

	for (const char *end = s + n, *nl; s < end; s = nl + 1) {
		size_t len;

		nl = memchr(s, '\n', (size_t)(end - s));
		assert_non_null(nl);
		len = (size_t)(nl - s) - 1;
		assert_int_equal(nl[-1], '\r');
		assert_true(len <= 75);
		assert_true(dw_utf8_valid(s, len));
		for (size_t i = 0; i < len; i++)
			if ((unsigned char)s[i] < 0x20 || s[i] == 0x7F)
				fail_msg("a control (%02X) in: %.*s", (unsigned char)s[i], (int)len, s);
		if (*s == ' ')
			b.p[--b.n] = '\0'; /* the line feed of the line before */
		dw_buf_add(&b, s + (*s == ' '), len - (*s == ' '));
		dw_buf_putc(&b, '\n');
	}
	return dw_buf_take(&b);
}

/* What a mail's calendar part holds, unfolded. Owned. */
static DW_UNUSED char *calendar_text(GMimeObject *o)
{
	GMimeStream *out = g_mime_stream_mem_new();
	GByteArray *bytes;
	char *text;

	g_mime_data_wrapper_write_to_stream(g_mime_part_get_content(GMIME_PART(o)), out);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(out));
	text = unfolded((const char *)bytes->data, bytes->len);
	g_object_unref(out);
	return text;
}

#endif
