/* compose.h, read back by GMime: what the reader's program makes of our bytes. With DW_PREVIEW_DIR set the sample mails
 * are also written there (tests/mail-preview.sh makes pictures of them). */
#include "compose-fixture.h"

#include <gmime/gmime.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../daemon/mail/compose-impl.h"

/* ---- the mail as its reader gets it ---- */

struct parsed {
	GMimeMessage *msg;
	char *text, *html;
	char *ics[DW_MAIL_FULL_MAX + 1]; /* the calendar's files, unfolded */
	const char *method[DW_MAIL_FULL_MAX + 1];
	size_t n_ics;
};

static char *part_text(GMimeObject *o)
{
	char *s;

	assert_true(GMIME_IS_TEXT_PART(o));
	s = g_mime_text_part_get_text(GMIME_TEXT_PART(o));
	assert_non_null(s);
	return s;
}

static void parse_calendar(struct parsed *p, GMimeObject *o)
{
	GMimeContentType *type = g_mime_object_get_content_type(o);

	assert_true(g_mime_content_type_is_type(type, "text", "calendar"));
	assert_string_equal(g_mime_content_type_get_parameter(type, "charset"), "utf-8");
	assert_string_equal(g_mime_object_get_disposition(o), "attachment");
	assert_true(p->n_ics < DW_COUNT(p->ics));
	p->method[p->n_ics] = g_mime_content_type_get_parameter(type, "method");
	p->ics[p->n_ics++] = calendar_text(o);
}

static void parse(struct parsed *p, const struct dw_mail *m)
{
	GMimeStream *in = g_mime_stream_mem_new_with_buffer(m->bytes, m->n_bytes);
	GMimeParser *parser = g_mime_parser_new_with_stream(in);
	GMimeObject *body;

	memset(p, 0, sizeof(*p));
	p->msg = g_mime_parser_construct_message(parser, NULL);
	assert_non_null(p->msg);
	body = g_mime_message_get_mime_part(p->msg);
	if (g_mime_content_type_is_type(g_mime_object_get_content_type(body), "multipart", "mixed")) {
		int n = g_mime_multipart_get_count(GMIME_MULTIPART(body));

		assert_true(n > 1);
		for (int i = 1; i < n; i++)
			parse_calendar(p, g_mime_multipart_get_part(GMIME_MULTIPART(body), i));
		body = g_mime_multipart_get_part(GMIME_MULTIPART(body), 0);
	}
	if (GMIME_IS_MULTIPART(body)) {
		assert_string_equal(g_mime_content_type_get_media_subtype(g_mime_object_get_content_type(body)), "alternative");
		assert_int_equal(g_mime_multipart_get_count(GMIME_MULTIPART(body)), 2);
		p->text = part_text(g_mime_multipart_get_part(GMIME_MULTIPART(body), 0));
		p->html = part_text(g_mime_multipart_get_part(GMIME_MULTIPART(body), 1));
	} else
		p->text = part_text(body);
	g_object_unref(parser);
	g_object_unref(in);
}

static void parsed_free(struct parsed *p)
{
	g_free(p->text);
	g_free(p->html);
	for (size_t i = 0; i < p->n_ics; i++)
		free(p->ics[i]);
	g_object_unref(p->msg);
}

static const char *header(const struct parsed *p, const char *name)
{
	const char *v = g_mime_object_get_header(GMIME_OBJECT(p->msg), name);

	return v ? v : "";
}

static int count_headers(const struct parsed *p, const char *name, const char *value)
{
	GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(p->msg));
	int n = 0;

	for (int i = 0; i < g_mime_header_list_get_count(list); i++) {
		GMimeHeader *h = g_mime_header_list_get_header_at(list, i);

		n += g_ascii_strcasecmp(g_mime_header_get_name(h), name) == 0 &&
		     (!value || strcmp(g_mime_header_get_value(h), value) == 0);
	}
	return n;
}

/* Each stands after the one before. */
static void assert_in_order(const char *text, const char *const *words)
{
	const char *at = text;

	for (; *words; words++) {
		const char *found = strstr(at, *words);

		if (!found)
			fail_msg("\"%s\" is missing, or stands too early, in:\n%s", *words, text);
		at = found + 1;
	}
}

#define IN_ORDER(text, ...) assert_in_order(text, (const char *const[]){ __VA_ARGS__, NULL })

/* The text with its lines joined: sentences are found wherever they were wrapped. */
static char *unwrapped(const char *s)
{
	DW_BUF b = { 0 };

	for (; *s; s++)
		if (*s != '\r' && !((*s == ' ' || *s == '\n') && b.n && b.p[b.n - 1] == ' '))
			dw_buf_putc(&b, *s == '\n' ? ' ' : *s);
	return dw_buf_take(&b);
}

#define NOW "2026-11-23T15:30:00Z"
#define SEED "status", "awaiting_shipment", "promised_at", "2026-11-30", "agreed_at", "2026-12-10", "paid_at", "2026-11-01", \
	     "buyer", "ACME GmbH", "title", "Garden chairs, 400 pcs", "amount", "12400.00", "currency", "USD", "url",	\
	     "https://trade.example.com/order?id=2341"
#define ID "234100000000000017"

static void the_eleven_parts_stand_in_order(void **state)
{
	struct shop s;
	struct sample o;
	struct dw_mail m;
	struct parsed p;
	struct dw_mail_view v;
	DW_FREE char *flat = NULL;

	(void)state;
	shop_open(&s);
	SAMPLE(&s, &o, ID, utc(NOW), SEED);
	assert_int_equal(o.item.kind, DW_EXTEND_SHIP_DATE);
	o.told[0] = (struct dw_told){ .side = DW_SIDE_SHIP, .kind = DW_EXTEND_SHIP_DATE, .person = BO, .state = DW_STEP_MAILED,
				      .at = utc("2026-11-22T08:00:00Z") };
	o.item.n_told = 1;
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	compose(&s, &m, &v);
	assert_wire(&m);
	preview("extend", &m);
	parse(&p, &m);
	flat = unwrapped(p.text);
	IN_ORDER(flat, "Extend the ship date", "By Fri 27 Nov 2026, 15:59 (Shanghai) = Thu 26 Nov, 23:59 (Los Angeles)", /* 1 */
		 "In 3 days 16 hours.", "File a later ship date",
		 "From your export of 23 Nov 09:30, 14 h old; if it is already filed or shipped, do nothing.",	 /* 2 */
		 "Who must confirm", "The buyer, on the platform.", "on-time dispatch",				 /* 3 */
		 "Proposed new ship date", "Mon 14 Dec 2026 (2026-12-14)",					 /* 4 */
		 "1. Agree the new date", "6. Look again tomorrow",						 /* 5 */
		 "Dear ACME GmbH,", "order " ID " will be ready to ship by 2026-12-14 (so far: 2026-11-30)",	 /* 6 */
		 "Careful", "Don't click \"ship\" early",							 /* 7 */
		 "What is at stake", "USD 12,400.00", "counts the order as late",				 /* 8 */
		 "Where this comes from", "Ship date agreed with the buyer, off the platform: Thu 10 Dec 2026 (from shop)", /* 9 */
		 "Who else knows", "bo, told on Sun 22 Nov, 16:00", "Next: you, on Tue 24 Nov, 15:59",		 /* 10 */
		 "When you are on it", "duewatch ack " ID, "Done when your next export shows the later date");	 /* 11 */
	IN_ORDER(p.html, "<h1", "By Fri 27 Nov 2026", "14 h old", "Who must confirm", "2026-12-14", "Sign in as the seller",
		 "Dear ACME GmbH,", "Careful", "USD 12,400.00", "Where this comes from", "Who else knows", "duewatch ack");
	assert_non_null(strstr(p.html, "href=\"https://trade.example.com/order?id=2341\""));
	assert_null(strstr(p.text, "{{"));
	assert_null(strstr(p.html, "{{"));
	parsed_free(&p);
	dw_mail_fini(&m);
	sample_free(&o);
	shop_close(&s);
}

static void headers_are_as_the_interface_says(void **state)
{
	struct shop s;
	struct sample o;
	struct dw_mail m;
	struct parsed p;
	struct dw_mail_view v;
	DW_FREE char *id = NULL;
	GDateTime *date;

	(void)state;
	shop_open(&s);
	SAMPLE(&s, &o, ID, utc(NOW), SEED);
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	v.person = CHEN;
	compose(&s, &m, &v);
	parse(&p, &m);
	id = dw_mail_message_id(&s.config.mail, "key");
	assert_string_equal(m.message_id, id);
	assert_string_equal(g_mime_message_get_message_id(p.msg), id);
	assert_non_null(strstr(id, "@example.com"));
	date = g_mime_message_get_date(p.msg);
	assert_int_equal(g_date_time_to_unix(date), utc(NOW));
	assert_int_equal(g_date_time_get_utc_offset(date) / G_TIME_SPAN_HOUR, -8);
	assert_string_equal(header(&p, "Auto-Submitted"), "auto-generated");
	assert_string_equal(header(&p, "X-Auto-Response-Suppress"), "All");
	assert_string_equal(header(&p, "References"), header(&p, "In-Reply-To"));
	assert_true(header(&p, "References")[0] == '<');
	assert_string_equal(header(&p, "X-Duewatch-Order"), ID);
	assert_string_equal(header(&p, "X-Duewatch-Kind"), "extend_ship_date");
	assert_string_equal(header(&p, "X-Duewatch-Step"), "7d");
	assert_string_equal(header(&p, "From"), "Duewatch <duewatch@example.com>");
	assert_string_equal(header(&p, "To"), "陈经理 <chen@example.com>");
	assert_string_equal(g_mime_message_get_subject(p.msg), m.subject);
	assert_string_equal(m.subject, "[by Thu 26 Nov 23:59] Extend the ship date · " ID " · ACME GmbH · USD 12,400.00");
	for (const char *const *h = (const char *const[]){ "From", "To", "Subject", "Date", "Message-ID", "References", NULL }; *h; h++)
		assert_int_equal(count_headers(&p, *h, NULL), 1);
	parsed_free(&p);
	dw_mail_fini(&m);
	v.message_id = "older.one@example.com";
	compose(&s, &m, &v);
	assert_string_equal(m.message_id, "older.one@example.com");
	dw_mail_fini(&m);
	v.message_id = "older\r\nBcc: x@example.com";
	compose(&s, &m, &v);
	assert_string_equal(m.message_id, id);
	dw_mail_fini(&m);
	sample_free(&o);
	shop_close(&s);
}

static void the_same_view_gives_the_same_bytes(void **state)
{
	struct shop s, again;
	struct sample o;
	struct dw_mail a, b;
	struct dw_mail_view v;

	(void)state;
	shop_open(&s);
	shop_open(&again);
	SAMPLE(&s, &o, ID, utc(NOW), SEED);
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	compose(&s, &a, &v);
	compose(&again, &b, &v);
	assert_int_equal(a.n_bytes, b.n_bytes);
	assert_memory_equal(a.bytes, b.bytes, a.n_bytes);
	dw_mail_fini(&a);
	dw_mail_fini(&b);
	sample_free(&o);
	shop_close(&again);
	shop_close(&s);
}

static char *root_of(struct shop *s, const struct dw_mail_view *v)
{
	struct dw_mail m;
	struct parsed p;
	char *root;

	compose(s, &m, v);
	parse(&p, &m);
	root = dw_strdup(header(&p, "References"));
	assert_string_not_equal(root, "");
	parsed_free(&p);
	dw_mail_fini(&m);
	return root;
}

static void one_thread_per_order_and_one_per_day(void **state)
{
	struct shop s;
	struct sample o, other;
	struct dw_mail_item both[2], again;
	struct dw_mail_view v;
	char *r[9];

	(void)state;
	shop_open(&s);
	SAMPLE(&s, &o, ID, utc(NOW), SEED);
	SAMPLE(&s, &other, "99", utc(NOW), SEED);
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	r[0] = root_of(&s, &v);
	again = o.item;
	again.kind = DW_OVERDUE;
	again.step = "due";
	v = view_of(&s, DW_MAIL_ALERT, utc("2026-12-02T00:00:00Z"), &again, 1);
	v.key = "another key";
	r[1] = root_of(&s, &v);
	assert_string_equal(r[0], r[1]); /* another kind, another day */
	again.resolved = true;
	v.type = DW_MAIL_RESOLVED;
	v.person = CHEN;
	r[2] = root_of(&s, &v);
	assert_string_equal(r[0], r[2]);
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &other.item, 1);
	r[3] = root_of(&s, &v);
	assert_string_not_equal(r[0], r[3]);
	both[0] = o.item;
	both[1] = other.item;
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), both, 2);
	r[4] = root_of(&s, &v);
	assert_string_not_equal(r[0], r[4]);
	v.type = DW_MAIL_DAILY;
	v.n_item = 1;
	v.now += 600;
	r[5] = root_of(&s, &v);
	assert_string_equal(r[4], r[5]); /* one person's day */
	v.now += DW_DAY;
	r[6] = root_of(&s, &v);
	assert_string_not_equal(r[5], r[6]);
	v.person = BO;
	r[7] = root_of(&s, &v);
	assert_string_not_equal(r[6], r[7]);
	both[1] = o.item;
	both[1].kind = DW_EXTEND_RECEIPT;
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), both, 2);
	r[8] = root_of(&s, &v);
	assert_string_equal(r[0], r[8]); /* two alerts of one order */
	for (size_t i = 0; i < DW_COUNT(r); i++)
		free(r[i]);
	sample_free(&o);
	sample_free(&other);
	shop_close(&s);
}

/* mails_per_day: how many things waited for this mail; that it is the day's last, and when the next comes. */
static void a_limit_of_mails_is_said(void **state)
{
	struct shop s;
	struct sample o;
	struct dw_mail m, bare;
	struct dw_mail_view v;

	(void)state;
	shop_open(&s);
	SAMPLE(&s, &o, ID, utc(NOW), SEED);
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	compose(&s, &m, &v);
	assert_null(strstr(m.text, "mails a day"));
	assert_null(strstr(m.text, "last of today"));
	v.bare = true; /* the same subject and id, and nothing else */
	compose(&s, &bare, &v);
	assert_string_equal(m.subject, bare.subject);
	assert_string_equal(m.message_id, bare.message_id);
	assert_true(!bare.text && !bare.html && !bare.bytes && bare.n_bytes == 0);
	dw_mail_fini(&bare);
	dw_mail_fini(&m);
	v.bare = false;
	v.per_day = 20;
	v.n_held = 3;
	compose(&s, &m, &v);
	assert_non_null(strstr(m.text, "3 things in this mail waited for it, because you get 20 mails a day"));
	assert_null(strstr(m.text, "last of today"));
	dw_mail_fini(&m);
	v.n_held = 0;
	v.last_before = utc("2026-11-24T00:30:00Z");
	compose(&s, &m, &v);
	assert_null(strstr(m.text, "waited for it"));
	assert_non_null(strstr(m.text, "This is the last of today's 20 mails."));
	assert_non_null(strstr(m.text, "Tue 24 Nov 08:30"));
	assert_non_null(strstr(m.html, "This is the last of today"));
	dw_mail_fini(&m);
	sample_free(&o);
	shop_close(&s);
}

static void subject_is(struct shop *s, const struct dw_mail_view *v, const char *want)
{
	struct dw_mail m;

	compose(s, &m, v);
	assert_string_equal(m.subject, want);
	dw_mail_fini(&m);
}

static void subjects_are_absolute_and_repeat(void **state)
{
	struct shop s;
	struct sample o;
	struct dw_mail_item items[3];
	struct dw_mail_view v;
	const char *by = "[by Fri 27 Nov 15:59] Extend the ship date · " ID " · ACME GmbH · USD 12,400.00";

	(void)state;
	shop_open(&s);
	SAMPLE(&s, &o, ID, utc(NOW), SEED);
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	subject_is(&s, &v, by);
	v.now = utc("2026-11-27T07:00:00Z");
	subject_is(&s, &v, by);
	v.now = utc("2026-11-28T07:00:00Z"); /* past the deadline: still the same thread */
	subject_is(&s, &v, by);
	o.item.kind = DW_OVERDUE;
	o.item.act_by = utc("2026-12-01T07:59:59Z");
	v.now = utc("2026-12-02T07:00:00Z");
	subject_is(&s, &v, "[was due Tue 1 Dec 15:59] Ship date has passed · " ID " · ACME GmbH · USD 12,400.00");
	o.item.resolved = true;
	v.type = DW_MAIL_RESOLVED;
	subject_is(&s, &v, "[settled] Ship date has passed · " ID " · ACME GmbH · USD 12,400.00");
	o.item.resolved = false;
	o.item.kind = DW_SHIPPED_LATE;
	o.item.act_by = DW_UNKNOWN;
	v.type = DW_MAIL_ALERT;
	subject_is(&s, &v, "Shipped late: keep your proof ready · " ID " · ACME GmbH · USD 12,400.00");
	for (int i = 0; i < 3; i++) {
		items[i] = o.item;
		items[i].order_row = 100 + i;
		items[i].kind = DW_SHIP_BY;
		items[i].act_by = utc("2026-12-04T07:59:59Z") + i * DW_DAY;
	}
	v = view_of(&s, DW_MAIL_ALERT, utc("2026-12-02T07:00:00Z"), items, 3);
	subject_is(&s, &v, "3 orders need you today · first by Fri 4 Dec 15:59");
	items[0].act_by = utc("2026-12-01T07:59:59Z");
	subject_is(&s, &v, "3 orders need you today · 1 late · first by Sat 5 Dec 15:59");
	v.type = DW_MAIL_FIRST_LOOK;
	v.feed = &s.health;
	v.n_feed = 1;
	subject_is(&s, &v, "What I found in shop: 3 orders need you · 1 late · first by Sat 5 Dec 15:59");
	v.type = DW_MAIL_NOTE;
	v.note = &(struct dw_note){ .name = "acked", .value = { { .name = "by", .text = "alice\r\nBcc: x" },
								 { .name = "kind", .type = DW_NOTE_KIND, .num = DW_OVERDUE },
								 { .name = "order_id", .text = ID } } };
	v.n_note = 1;
	subject_is(&s, &v, "alice Bcc: x is on it: Ship date has passed, order " ID);
	v.n_note = 0;
	subject_is(&s, &v, "A note from duewatch");
	sample_free(&o);
	shop_close(&s);
}

/* ---- every kind ---- */

struct kind_case {
	enum dw_kind kind;
	const char *now, *fields[14];
	const char *says; /* in the act */
	unsigned without; /* parts left out, by bit */
};

enum { NO_WHO = 1, NO_DATE = 2, NO_BUYER = 4, NO_CAREFUL = 8 };

static const struct kind_case kind_cases[] = {
	{ DW_EDIT_BEFORE_PAYMENT, NOW, { "status", "awaiting_payment", "promised_at", "2026-11-30", "expected_ship_at", "2026-12-10" },
	  "Change the ship date while you still can", NO_BUYER },
	{ DW_INCOMPLETE, NOW, { "status", "awaiting_shipment" }, "doesn't say by when", NO_WHO | NO_DATE | NO_BUYER | NO_CAREFUL },
	{ DW_OVERDUE, NOW, { "status", "awaiting_shipment", "promised_at", "2026-11-20", "expected_ship_at", "2026-12-01" },
	  "Was due Sat 21 Nov 2026, 15:59 (Shanghai) = Fri 20 Nov, 23:59 (Los Angeles)", 0 },
	{ DW_EXTENSION_DECLINED, NOW,
	  { "status", "awaiting_shipment", "promised_at", "2026-11-30", "expected_ship_at", "2026-12-10", "extension_state",
	    "declined", "extension_until", "2026-12-12" },
	  "The buyer declined the later ship date (Sat 12 Dec 2026)", 0 },
	{ DW_EXTEND_SHIP_DATE, NOW, { "status", "awaiting_shipment", "promised_at", "2026-11-30", "expected_ship_at", "2026-12-10" },
	  "File a later ship date on the platform by then", 0 },
	{ DW_EXTEND_SHIP_DATE, "2026-11-28T00:00:00Z",
	  { "status", "awaiting_shipment", "promised_at", "2026-11-30", "expected_ship_at", "2026-12-10" },
	  "there is still time, so act now", 0 },
	{ DW_EXTENSION_UNANSWERED, NOW,
	  { "status", "awaiting_shipment", "promised_at", "2026-11-30", "expected_ship_at", "2026-12-10", "extension_state",
	    "requested", "extension_until", "2026-12-12" },
	  "the buyer hasn't confirmed it", NO_DATE },
	{ DW_CONFIRM_SHIP_DATE, NOW, { "status", "awaiting_shipment", "promised_at", "2026-11-30", "created_at", "2026-11-01" },
	  "Will this order leave by Mon 30 Nov 2026?", 0 },
	{ DW_SHIP_BY, NOW, { "status", "partly_shipped", "promised_at", "2026-11-30", "expected_ship_at", "2026-11-28" },
	  "Ship the rest of this order by then. It is expected to ship on Sat 28 Nov 2026.", NO_WHO | NO_DATE | NO_BUYER },
	{ DW_EXTEND_RECEIPT, NOW,
	  { "status", "shipped", "shipped_at", "2026-11-01", "transport", "sea", "expected_arrival_at", "2026-12-20" },
	  "The platform confirms receipt by itself on Wed 16 Dec 2026", NO_WHO },
	{ DW_DISPUTE, NOW, { "status", "disputed", "promised_at", "2026-11-30" }, "The buyer has opened a dispute.",
	  NO_WHO | NO_DATE | NO_BUYER },
	{ DW_AUTO_CONFIRMED_UNDELIVERED, NOW,
	  { "status", "completed", "shipped_at", "2026-11-05T00:00:00Z", "transport", "express", "completed_at", "2026-11-20",
	    "expected_arrival_at", "2026-12-01" },
	  "the goods are expected only on Tue 1 Dec 2026", NO_WHO | NO_DATE | NO_BUYER | NO_CAREFUL },
	{ DW_SHIPPED_LATE, NOW, { "status", "shipped", "shipped_at", "2026-11-05", "promised_at", "2026-11-02" },
	  "after its ship date Mon 2 Nov 2026", NO_WHO | NO_DATE | NO_BUYER | NO_CAREFUL },
};

static void assert_has(const char *text, const char *word, bool has)
{
	if (!!strstr(text, word) != has)
		fail_msg("\"%s\" %s in:\n%s", word, has ? "is missing" : "doesn't belong", text);
}

static void check_kind(struct shop *s, const struct kind_case *c)
{
	struct sample o;
	struct dw_mail m;
	struct parsed p;
	struct dw_mail_view v;
	DW_FREE char *flat = NULL;
	char name[64];

	sample_make(s, &o, "77", utc(c->now), c->fields);
	assert_int_equal(o.item.kind, c->kind);
	v = view_of(s, DW_MAIL_ALERT, utc(c->now), &o.item, 1);
	compose(s, &m, &v);
	assert_wire(&m);
	snprintf(name, sizeof(name), "kind-%s", dw_kinds[c->kind].name);
	preview(name, &m);
	parse(&p, &m);
	flat = unwrapped(p.text);
	assert_has(flat, c->says, true);
	assert_has(flat, dw_kind_title(c->kind, "en"), true);
	assert_has(flat, "Who must confirm", !(c->without & NO_WHO));
	assert_has(flat, "Proposed", !(c->without & NO_DATE) && c->kind != DW_LATE_AHEAD);
	assert_has(flat, "Text for the buyer", !(c->without & NO_BUYER));
	assert_has(flat, "Careful", !(c->without & NO_CAREFUL));
	IN_ORDER(flat, strcmp(c->now, NOW) == 0 ? "23 Nov 09:30, 14 h old" : "14 h old", "What to do", "1. ", "What is at stake",
		 "Where this comes from", "Who else knows", "When you are on it", "duewatch ack 77");
	for (const char *const *bad = (const char *const[]){ "{{", "()", " .", "  ,", "on .", "of ,", "(from )", NULL }; *bad; bad++)
		assert_has(flat, *bad, false);
	parsed_free(&p);
	dw_mail_fini(&m);
	sample_free(&o);
}

static void each_kind_has_its_own_words(void **state)
{
	struct shop s;
	unsigned seen = 0;

	(void)state;
	shop_open(&s);
	for (size_t i = 0; i < DW_COUNT(kind_cases); i++) {
		check_kind(&s, &kind_cases[i]);
		seen |= 1U << kind_cases[i].kind;
	}
	s.pack.extension = DW_EXT_BY_NOBODY;
	check_kind(&s, &(struct kind_case){ DW_LATE_AHEAD, NOW,
					    { "status", "awaiting_shipment", "promised_at", "2026-11-30", "expected_ship_at",
					      "2026-12-10" },
					    "the platform doesn't let you move the date", NO_BUYER });
	seen |= 1U << DW_LATE_AHEAD;
	assert_int_equal(seen, (1U << DW_KIND_COUNT) - 1);
	shop_close(&s);
}

/* ---- part 4 ---- */

static void proposals_are_working_days_within_the_limit(void **state)
{
	static const struct {
		const char *paid, *expected, *holiday;
		int max;
		const char *day; /* NULL: none */
	} cases[] = {
		{ "2026-11-01", "2026-12-08", NULL, 90, "2026-12-10" }, /* Tue + 2 = Thu */
		{ "2026-11-01", "2026-12-10", NULL, 90, "2026-12-14" }, /* Thu + 2 = Sat → Mon */
		{ "2026-11-01", "2026-12-10", "2026-12-14..2026-12-15", 90, "2026-12-16" },
		{ "2026-11-01", "2026-12-10", NULL, 41, "2026-12-11" }, /* the limit is Sat 12 Dec → Fri */
		{ "2026-11-01", "2026-12-10", NULL, 38, NULL },	    /* the limit is before the real date */
		{ "2026-11-01", "2026-12-10", NULL, 0, "2026-12-14" },	    /* no limit known */
	};
	struct shop s;

	(void)state;
	shop_open(&s);
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		struct sample o;
		struct dw_proposal p;
		char day[16] = "none";
		int y, mo, d;

		dw_holidays_fini(&s.pack.holidays);
		if (cases[i].holiday)
			assert_int_equal(dw_holidays_add(&s.pack.holidays, cases[i].holiday, NULL), 0);
		s.pack.max_extension_days = cases[i].max;
		SAMPLE(&s, &o, "1", utc(NOW), "status", "awaiting_shipment", "promised_at", "2026-11-30", "paid_at", cases[i].paid,
		       "expected_ship_at", cases[i].expected);
		dw_propose_ship(&p, &o.order, &o.dates, &s.pack, s.pacific, utc(NOW));
		if (p.known && !p.too_early) {
			dw_day_civil(p.day, &y, &mo, &d);
			snprintf(day, sizeof(day), "%04d-%02d-%02d", y, mo, d);
		}
		assert_string_equal(day, cases[i].day ? cases[i].day : "none");
		sample_free(&o);
	}
	shop_close(&s);
}

/* ---- hostile cells ---- */

#define BOM "\xEF\xBB\xBF"

static void hostile_cells_stay_text(void **state)
{
	struct shop s;
	struct sample o;
	struct dw_mail m;
	struct parsed p;
	struct dw_mail_view v;
	char huge[1001];
	DW_FREE char *flat = NULL;

	(void)state;
	memset(huge, 'W', 1000);
	huge[1000] = '\0';
	shop_open(&s);
	SAMPLE(&s, &o, "1'; reboot #\r\nBcc: x@example.com", utc(NOW), "status", "awaiting_shipment", "promised_at", "2026-11-30",
	       "expected_ship_at", "2026-12-10", "buyer",
	       "\xE2\x80\xAE" BOM "E\r\nBcc: e@x.example\r\n\r\n<script>a(1)</script>{{id}}{{{x}}}\xFF\xC0\x80",
	       "title", huge, "note", "=cmd|'/c calc'!A1 \x01\x7F\xC2\x85 \xE2\x80\xA8-- \n.\n--=_dw_",
	       "url", "https://trade.example.com@evil.example/\"onclick=x");
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	compose(&s, &m, &v);
	assert_wire(&m);
	preview("hostile", &m);
	parse(&p, &m);
	assert_int_equal(count_headers(&p, "Bcc", NULL), 0);
	assert_int_equal(count_headers(&p, "X-Duewatch-Order", NULL), 1);
	assert_null(strstr(p.html, "<script"));
	assert_null(strstr(p.html, "evil.example"));
	assert_null(strstr(p.html, "onclick"));
	assert_non_null(strstr(p.html, "&lt;script&gt;a(1)&lt;/script&gt;{{id}}{{{x}}}"));
	assert_null(strstr(p.text, "\xE2\x80\xAE"));
	assert_null(strstr(p.text, BOM));
	assert_true(dw_utf8_valid(p.text, strlen(p.text)));
	assert_true(dw_utf8_valid(p.html, strlen(p.html)));
	flat = unwrapped(p.text);
	assert_has(flat, "duewatch ack '1'\\''; reboot # Bcc: x@example.com'", true);
	assert_has(flat, "\"onclick", false);
	parsed_free(&p);
	dw_mail_fini(&m);
	sample_free(&o);
	shop_close(&s);
}

static void long_chinese_names_are_right_everywhere(void **state)
{
	static const char name[] = "深圳市前海远大国际贸易有限公司上海浦东新区分公司进出口业务部欧洲组";
	struct shop s;
	struct sample o;
	struct dw_mail m;
	struct parsed p;
	struct dw_mail_view v;

	(void)state;
	shop_open(&s);
	SAMPLE(&s, &o, "订单2341", utc(NOW), "status", "awaiting_shipment", "promised_at", "2026-11-30", "expected_ship_at",
	       "2026-12-10", "buyer", name, "amount", "1234567.89", "currency", "CNY");
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	s.config.mail.from_name = (char *)name;
	compose(&s, &m, &v);
	assert_wire(&m);
	preview("chinese", &m);
	parse(&p, &m);
	assert_non_null(strstr(m.subject, name));
	assert_string_equal(g_mime_message_get_subject(p.msg), m.subject);
	assert_string_equal(header(&p, "X-Duewatch-Order"), "订单2341");
	assert_non_null(strstr(header(&p, "From"), name));
	assert_non_null(strstr(p.text, name));
	assert_non_null(strstr(p.html, name));
	assert_non_null(strstr(p.text, "CNY 1,234,567.89"));
	parsed_free(&p);
	dw_mail_fini(&m);
	sample_free(&o);
	shop_close(&s);
}

/* ---- folds ---- */

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	for (const char *s = text; (s = strstr(s, word)); s++)
		n++;
	return n;
}

enum { MANY = 250 };

static void make_many(struct shop *s, struct sample *o, struct dw_mail_item *items)
{
	SAMPLE(s, o, "base", utc(NOW), SEED);
	for (int i = 0; i < MANY; i++) {
		static char ids[MANY][24];

		snprintf(ids[i], sizeof(ids[i]), "9000%05d", i);
		items[i] = o->item;
		items[i].order_row = 1000 + i;
		items[i].order_id = ids[i];
		items[i].act_by += i * 3600;
	}
}

static void a_fold_is_20_in_full_200_lines_and_a_count(void **state)
{
	static const enum dw_mail_type types[] = { DW_MAIL_ALERT, DW_MAIL_FIRST_LOOK, DW_MAIL_DAILY };
	static struct dw_mail_item items[MANY];
	struct shop s;
	struct sample o;

	(void)state;
	shop_open(&s);
	make_many(&s, &o, items);
	for (size_t t = 0; t < DW_COUNT(types); t++) {
		struct dw_mail_view v = view_of(&s, types[t], utc(NOW), items, MANY);
		struct dw_mail m;
		struct parsed p;

		compose(&s, &m, &v);
		assert_wire(&m);
		parse(&p, &m);
		assert_int_equal(count(p.text, "** Extend the ship date **"), 20);
		assert_int_equal(count(p.html, "<h1"), 20);
		assert_int_equal(count_headers(&p, "X-Duewatch-Order", NULL), 220);
		assert_int_equal(count_headers(&p, "X-Duewatch-Kind", "extend_ship_date"), 220);
		assert_int_equal(count_headers(&p, "X-Duewatch-Step", "7d"), 220);
		assert_int_equal(count_headers(&p, "X-Duewatch-Order", "900000219"), 1);
		assert_int_equal(count_headers(&p, "X-Duewatch-Order", "900000220"), 0);
		assert_non_null(strstr(p.text, "900000219"));
		assert_null(strstr(p.text, "900000220"));
		assert_non_null(strstr(p.text, "And 30 more"));
		assert_non_null(strstr(p.html, "And 30 more"));
		parsed_free(&p);
		dw_mail_fini(&m);
	}
	sample_free(&o);
	shop_close(&s);
}

/* ---- the daily mail, the first look, and what operators get ---- */

struct book {
	struct sample o[9];
	struct dw_mail_item item[9];
};

static void open_book(struct shop *s, struct book *b)
{
	dw_time now = utc("2026-11-24T00:30:00Z");

	SAMPLE(s, &b->o[0], "234100000000000001", now, "status", "awaiting_shipment", "promised_at", "2026-11-20",
	       "expected_ship_at", "2026-12-01", "buyer", "Northwind Traders", "amount", "8210.50", "currency", "USD", "title",
	       "Steel shelves");
	SAMPLE(s, &b->o[1], "234100000000000002", now, "status", "disputed", "buyer", "Fabrikam Inc.", "amount", "640", "currency",
	       "EUR", "promised_at", "2026-11-01");
	SAMPLE(s, &b->o[2], ID, now, SEED);
	SAMPLE(s, &b->o[3], "234100000000000004", now, "status", "awaiting_shipment", "promised_at", "2026-11-30", "buyer",
	       "深圳市前海远大国际贸易有限公司", "amount", "98000", "currency", "CNY", "created_at", "2026-11-01");
	SAMPLE(s, &b->o[4], "234100000000000005", now, "status", "shipped", "shipped_at", "2026-11-01", "transport", "sea",
	       "expected_arrival_at", "2026-12-20", "buyer", "Contoso Ltd", "amount", "45210.00", "currency", "USD");
	SAMPLE(s, &b->o[5], "234100000000000006", now, "status", "shipped", "shipped_at", "2026-11-05", "promised_at",
	       "2026-11-02", "buyer", "Adventure Works", "amount", "310.99", "currency", "USD");
	SAMPLE(s, &b->o[6], "234100000000000007", now, "status", "awaiting_shipment", "promised_at", "2026-09-20", "buyer",
	       "Old Mill & Sons", "amount", "77.00", "currency", "USD");
	SAMPLE(s, &b->o[7], "234100000000000008", now, "status", "shipped", "promised_at", "2026-11-21", "shipped_at",
	       "2026-11-20", "buyer", "Tailspin Toys", "amount", "1999.00", "currency", "USD");
	SAMPLE(s, &b->o[8], "234100000000000009", now, "status", "awaiting_shipment", "promised_at", "2026-12-20", "buyer",
	       "Wide World Importers", "amount", "500.00", "currency", "USD", "expected_ship_at", "2026-12-01");
	for (size_t i = 0; i < DW_COUNT(b->o); i++)
		b->item[i] = b->o[i].item;
	b->item[6].dormant = true;
	b->item[7].resolved = true;
	b->item[7].side = DW_SIDE_SHIP;
	b->item[7].kind = DW_OVERDUE;
	b->item[7].step = "resolved";
	b->item[8].missing_since = utc("2026-11-21T00:30:00Z");
	b->o[2].ack = (struct dw_ack){ .at = now - 7200, .until = utc("2026-11-26T00:00:00Z"), .by = "bo" };
	b->item[2].ack = &b->o[2].ack;
}

static void close_book(struct book *b)
{
	for (size_t i = 0; i < DW_COUNT(b->o); i++)
		sample_free(&b->o[i]);
}

static void the_daily_mail_says_new_open_missing_and_health(void **state)
{
	struct shop s;
	struct book b;
	struct dw_mail m;
	struct parsed p;
	struct dw_mail_view v;
	struct dw_mail_item fresh[2];
	const struct dw_note notes[] = { { .name = "cells_rejected", .value = { { .name = "feed", .text = "shop" },
										{ .name = "n", .type = DW_NOTE_NUMBER, .num = 2 },
										{ .name = "lines", .type = DW_NOTE_LINES,
										  .text = "line 7, promised_at: no date\nline 9: no order id\n" } } } };
	DW_FREE char *flat = NULL;

	(void)state;
	shop_open(&s);
	open_book(&s, &b);
	fresh[0] = b.item[4];
	fresh[1] = b.item[7];
	v = view_of(&s, DW_MAIL_DAILY, utc("2026-11-24T00:30:00Z"), fresh, 2);
	v.open = b.item;
	v.n_open = 6;
	v.missing = &b.item[8];
	v.n_missing = 1;
	v.feed = &s.health;
	v.n_feed = 1;
	v.note = notes;
	v.n_note = 1;
	compose(&s, &m, &v);
	assert_wire(&m);
	preview("daily", &m);
	parse(&p, &m);
	flat = unwrapped(p.text);
	IN_ORDER(flat, "1 new, 6 open", "==== New ====", "** Extend the receiving time **", "What to do", "==== What is settled ====",
		 "Tailspin Toys", "==== Everything open ====", "late", "Northwind Traders", "USD 8,210.50", "Fabrikam", ID,
		 "bo is on it", "==== No longer in your data ====", "Wide World Importers", "==== Your data ====",
		 "shop: fine. Data from 23 Nov 09:30", "214 orders", "2 cells or rows can't be used", "- line 7, promised_at: no date", "- line 9");
	IN_ORDER(p.html, "New", "Everything open", "Northwind Traders", "No longer in your data", "Your data");
	assert_int_equal(count_headers(&p, "X-Duewatch-Order", NULL), 8); /* 2 new, 5 more open, 1 missing */
	assert_int_equal(count_headers(&p, "X-Duewatch-Order", "234100000000000005"), 1);
	assert_int_equal(count_headers(&p, "X-Duewatch-Step", "open"), 5);
	parsed_free(&p);
	dw_mail_fini(&m);
	close_book(&b);
	shop_close(&s);
}

static void the_first_look_is_a_table_then_steps(void **state)
{
	struct shop s;
	struct book b;
	struct dw_mail m;
	struct parsed p;
	struct dw_mail_view v;

	(void)state;
	shop_open(&s);
	open_book(&s, &b);
	v = view_of(&s, DW_MAIL_FIRST_LOOK, utc("2026-11-24T00:30:00Z"), b.item, 7);
	v.feed = &s.health;
	v.n_feed = 1;
	compose(&s, &m, &v);
	assert_wire(&m);
	preview("first-look", &m);
	assert_string_equal(m.subject, "What I found in shop: 6 orders need you · 1 late · first by Fri 27 Nov 08:30");
	parse(&p, &m);
	IN_ORDER(p.text, "What I found in shop", "==== What needs you ====", "late", "Northwind Traders", "==== Long past ====",
		 "Old Mill & Sons", "==== Step by step: the 6 most urgent ====", "** Ship date has passed **");
	assert_int_equal(count(p.text, "Old Mill"), 1);
	assert_non_null(strstr(p.html, "Old Mill &amp; Sons"));
	assert_int_equal(count_headers(&p, "X-Duewatch-Order", NULL), 7);
	parsed_free(&p);
	dw_mail_fini(&m);
	close_book(&b);
	shop_close(&s);
}

static void other_mails_are_short(void **state)
{
	struct shop s;
	struct book b;
	struct dw_mail m;
	struct parsed p;
	struct dw_mail_view v;
	const struct dw_note broken = { .name = "feed_error", .value = { { .name = "feed", .text = "shop" },
									 { .name = "error", .text = "no such file" } } };
	const struct dw_note moved = { .name = "deadlines_moved",
				       .value = { { .name = "n", .type = DW_NOTE_NUMBER, .num = 1 } } };

	(void)state;
	shop_open(&s);
	open_book(&s, &b);
	v = view_of(&s, DW_MAIL_RESOLVED, utc("2026-11-24T00:30:00Z"), &b.item[7], 1);
	compose(&s, &m, &v);
	assert_wire(&m);
	preview("resolved", &m);
	assert_string_equal(m.subject, "[settled] Ship date has passed · 234100000000000008 · Tailspin Toys · USD 1,999.00");
	parse(&p, &m);
	IN_ORDER(p.text, "Nothing more to do.", "now marked as shipped (Fri 20 Nov 2026)");
	assert_null(strstr(p.text, "duewatch ack"));
	assert_string_equal(header(&p, "X-Duewatch-Step"), "resolved");
	parsed_free(&p);
	dw_mail_fini(&m);

	v = view_of(&s, DW_MAIL_FEED, utc("2026-11-24T00:30:00Z"), b.item, 2);
	v.note = &broken;
	v.n_note = 1;
	v.feed = &s.health;
	v.n_feed = 1;
	s.health.stale = true;
	compose(&s, &m, &v);
	assert_wire(&m);
	preview("feed", &m);
	assert_string_equal(m.subject, "Feed shop needs a look (feed_error)");
	parse(&p, &m);
	IN_ORDER(p.text, "It says: no such file", "Until a read succeeds", "Check these by hand",
		 "Northwind Traders", "Your data");
	assert_null(strstr(p.text, "What to do"));
	parsed_free(&p);
	dw_mail_fini(&m);

	v = view_of(&s, DW_MAIL_NOTE, utc("2026-11-24T00:30:00Z"), NULL, 0);
	v.note = &moved;
	v.n_note = 1;
	v.plain = true;
	compose(&s, &m, &v);
	assert_wire(&m);
	assert_null(m.html);
	parse(&p, &m);
	assert_null(p.html);
	IN_ORDER(p.text, "1 deadline moved", "Sent to alice");
	parsed_free(&p);
	dw_mail_fini(&m);
	close_book(&b);
	shop_close(&s);
}

static bool bytes_hold(const struct dw_mail *m, const char *text)
{
	return memmem(m->bytes, m->n_bytes, text, strlen(text)) != NULL;
}

static void an_answer(void **state)
{
	const struct dw_command filed = { .verb = DW_VERB_FILED, .date = "2026-12-12" }, close = { .verb = DW_VERB_CLOSE, .order = "99" },
				ship = { .verb = DW_VERB_SHIP, .date = "2026-12-01" };
	const struct dw_reply_line lines[] = {
		{ .command = &filed, .result = DW_REPLY_DONE, .order_id = "5", .day = DW_UNKNOWN },
		{ .command = &close, .result = DW_REPLY_STRANGE, .day = DW_UNKNOWN },
		{ .command = &ship, .result = DW_REPLY_REFUSED, .order_id = "5", .why = "out of\r\nrange", .day = DW_UNKNOWN },
	};
	struct dw_reply_answer a = { .line = lines, .n_line = DW_COUNT(lines), .unknown = "thanks\r\nBcc: x", .in_reply_to = "a+b@example.org" };
	struct shop s;
	struct sample o;
	struct parsed p;
	struct dw_mail m;
	struct dw_mail_view v;

	(void)state;
	shop_open(&s);
	SAMPLE(&s, &o, "5", utc(NOW), "status", "awaiting_shipment", "promised_at", "2026-11-30", "agreed_at", "2026-12-10");
	v = view_of(&s, DW_MAIL_ANSWER, utc(NOW), &o.item, 1);
	v.title = "Re: [by Fri 27 Nov 15:59] Extend the ship date";
	v.answer = &a;
	compose(&s, &m, &v);
	assert_wire(&m);
	preview("answer", &m);
	assert_true(bytes_hold(&m, "\r\nIn-Reply-To: <a+b@example.org>\r\n"));
	assert_true(bytes_hold(&m, " <a+b@example.org>\r\nAuto-Submitted: auto-replied\r\n"));
	assert_string_equal(m.subject, v.title);
	parse(&p, &m);
	IN_ORDER(p.text, "Order 5: 2026-12-12 is asked for on the platform", "Not done: close", "not about an order 99", "Not done for order 5: ship 2026-12-01",
		 "out of range", "Not understood: thanks Bcc: x", "Order 5", "Extend the ship date", "Sent to alice");
	IN_ORDER(p.html, "2026-12-12 is asked for", "out of range", "Extend the ship date");
	assert_null(strstr(p.text, "Write one of these"));
	parsed_free(&p);
	dw_mail_fini(&m);

	/* nothing that could be done; an id that would end its header isn't repeated */
	a = (struct dw_reply_answer){ .unknown = "please help", .in_reply_to = "x>\r\nBcc: <y@example.org" };
	v.n_item = 0;
	compose(&s, &m, &v);
	assert_wire(&m);
	assert_false(bytes_hold(&m, "Bcc:"));
	parse(&p, &m);
	IN_ORDER(p.text, "Not understood: please help", "Nothing was done", "ship 2026-12-10", "filed 2026-12-12", "close");
	parsed_free(&p);
	dw_mail_fini(&m);

	a = (struct dw_reply_answer){ .expired = true };
	compose(&s, &m, &v);
	parse(&p, &m);
	IN_ORDER(p.text, "This link is over");
	assert_null(strstr(p.text, "Write one of these"));
	parsed_free(&p);
	dw_mail_fini(&m);
	sample_free(&o);
	shop_close(&s);
}

static void guesses_are_called_guesses(void **state)
{
	struct shop s;
	struct sample o;
	struct dw_mail m;
	struct dw_mail_view v;
	struct dw_hand hand = { .field = DW_F_EXPECTED_SHIP_AT, .by = (char *)"bo" };
	DW_FREE char *flat = NULL, *later = NULL;

	(void)state;
	shop_open(&s);
	SAMPLE(&s, &o, "5", utc(NOW), "status", "shipped", "shipped_at", "2026-11-01", "expected_arrival_at", "2026-11-18");
	assert_int_equal(o.item.kind, DW_EXTEND_RECEIPT);
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	compose(&s, &m, &v);
	flat = unwrapped(m.text);
	IN_ORDER(flat, "should have arrived", "Computed, not read from the platform: automatic receipt on Mon 30 Nov 2026, 30 days after",
		 "A shorter time would have run out already", "Not known: how the goods travel");
	dw_mail_fini(&m);
	sample_free(&o);
	SAMPLE(&s, &o, "8", utc(NOW), "status", "awaiting_shipment", "promised_at", "2026-11-30", "created_at", "2026-11-01");
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	compose(&s, &m, &v);
	IN_ORDER(m.text, "Put the real date in place of YYYY-MM-DD first.", "ready to ship by YYYY-MM-DD (so far: 2026-11-30)");
	dw_mail_fini(&m);
	sample_free(&o);
	SAMPLE(&s, &o, "6", utc(NOW), "paid_at", "2026-11-10", "lead_days", "20", "expected_ship_at", "2026-12-10");
	o.order.origin[DW_F_EXPECTED_SHIP_AT] = DW_FROM_HAND;
	o.sources.hand = &hand;
	o.sources.n_hand = 1;
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	v.config->feeds[0].other = s.shanghai;
	o.item.why_you = &(struct dw_note){ .name = "redirected", .value = { { .name = "person", .text = "bo" },
									      { .name = "address", .text = "bo@example.com" },
									      { .name = "answer", .text = "550 no such user" } } };
	o.item.stale = true;
	compose(&s, &m, &v);
	later = unwrapped(m.text);
	IN_ORDER(later, "This was for bo, whose address bo@example.com the mail server refuses: 550 no such user", "This data is out of date",
		 "Expected to ship: Thu 10 Dec 2026 (entered by hand, by bo)", "Guessed: the data has no status",
		 "the ship date is 20 days after the day of payment", "doesn't name its time zone");
	dw_mail_fini(&m);
	sample_free(&o);
	shop_close(&s);
}

/* ---- calendar ---- */

static size_t count_of(const char *s, const char *word)
{
	size_t n = 0;

	for (; (s = strstr(s, word)); s += strlen(word))
		n++;
	return n;
}

/* The first line of a calendar that begins with `name`, without it. Owned. */
static char *line_of(const char *ics, const char *name)
{
	DW_BUF b = { 0 };
	const char *at;

	dw_buf_printf(&b, "\n%s", name);
	at = strstr(ics, b.p);
	if (!at)
		fail_msg("no %s in:\n%s", name, ics);
	at += strlen(b.p);
	dw_buf_reset(&b);
	dw_buf_add(&b, at, strcspn(at, "\n"));
	return dw_buf_take(&b);
}

#define LINE_IS(ics, name, want)                             \
	do {                                                 \
		DW_FREE char *line_ = line_of((ics), (name)); \
		assert_string_equal(line_, (want));          \
	} while (0)

static void a_deadline_is_a_calendar_entry(void **state)
{
	struct shop s;
	struct sample o;
	struct dw_mail m;
	struct parsed p;
	struct dw_mail_view v;

	(void)state;
	shop_open(&s);
	SAMPLE(&s, &o, ID, utc(NOW), SEED);
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	v.salt = "secret";
	compose(&s, &m, &v);
	parse(&p, &m);
	assert_int_equal(p.n_ics, 1);
	assert_string_equal(p.method[0], "PUBLISH");
	IN_ORDER(p.ics[0], "BEGIN:VCALENDAR\n", "PRODID:", "VERSION:2.0\n", "METHOD:PUBLISH\n", "BEGIN:VEVENT\n",
		 "DTSTAMP:20261123T153000Z\n", "DTSTART:20261127T074459Z\n", "DTEND:20261127T075959Z\n",
		 "SUMMARY:Extend the ship date · " ID " · ACME GmbH\n",
		 "DESCRIPTION:By Fri 27 Nov 2026\\, 15:59 (Shanghai) = Thu 26 Nov\\, 23:59 (Los Angeles).\\nUSD 12\\,400.00\\n",
		 "URL:https://trade.example.com/order?id=2341\n", "ORGANIZER;CN=Duewatch:mailto:duewatch@example.com\n",
		 "STATUS:CONFIRMED\n", "BEGIN:VALARM\n", "ACTION:DISPLAY\n", "TRIGGER:-PT45M\n", "BEGIN:VALARM\n",
		 "TRIGGER;VALUE=DATE-TIME:20261127T075959Z\n", "END:VEVENT\n", "END:VCALENDAR\n");
	assert_null(strstr(p.ics[0], "ATTENDEE"));
	assert_null(strstr(p.ics[0], "VTIMEZONE"));
	parsed_free(&p);
	dw_mail_fini(&m);
	/* less than an hour before it: only the alarm at it */
	v.now = utc("2026-11-27T07:00:00Z");
	compose(&s, &m, &v);
	parse(&p, &m);
	assert_int_equal(count_of(p.ics[0], "BEGIN:VALARM"), 1);
	assert_non_null(strstr(p.ics[0], "TRIGGER;VALUE=DATE-TIME:20261127T075959Z\n"));
	parsed_free(&p);
	dw_mail_fini(&m);
	/* who doesn't want them, and a mail as plain as can be */
	s.people[ALICE].no_calendar = true;
	compose(&s, &m, &v);
	parse(&p, &m);
	assert_int_equal(p.n_ics, 0);
	assert_non_null(p.html);
	parsed_free(&p);
	dw_mail_fini(&m);
	s.people[ALICE].no_calendar = false;
	v.plain = true;
	compose(&s, &m, &v);
	parse(&p, &m);
	assert_int_equal(p.n_ics, 0);
	parsed_free(&p);
	dw_mail_fini(&m);
	sample_free(&o);
	shop_close(&s);
}

static char *uid_of(struct shop *s, const struct dw_mail_view *v)
{
	struct dw_mail m;
	struct parsed p;
	char *uid;

	compose(s, &m, v);
	parse(&p, &m);
	uid = line_of(p.ics[0], "UID:");
	parsed_free(&p);
	dw_mail_fini(&m);
	return uid;
}

static void one_entry_per_order_side_episode_and_reader(void **state)
{
	struct shop s;
	struct sample o;
	struct dw_mail_view v;
	char *uid[8];
	size_t n = 0;

	(void)state;
	shop_open(&s);
	SAMPLE(&s, &o, ID, utc(NOW), SEED);
	o.item.episode = 1;
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	v.salt = "secret";
	uid[n++] = uid_of(&s, &v);
	o.item.act_by += 3 * DW_DAY; /* these change, the entry stays */
	o.item.kind = DW_SHIP_BY;
	o.item.step = "due";
	v.now += 3600;
	v.key = "another";
	uid[n] = uid_of(&s, &v);
	assert_string_equal(uid[0], uid[n]);
	free(uid[n]);
	v.person = BO;
	uid[n++] = uid_of(&s, &v);
	v.person = ALICE;
	o.item.episode = 2;
	uid[n++] = uid_of(&s, &v);
	o.item.side = DW_SIDE_RECEIPT;
	uid[n++] = uid_of(&s, &v);
	o.item.order_id = "2342";
	uid[n++] = uid_of(&s, &v);
	o.item.feed = "other";
	uid[n++] = uid_of(&s, &v);
	v.salt = "another";
	uid[n++] = uid_of(&s, &v);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(uid[i], uid[k]);
		assert_non_null(strstr(uid[i], "@example.com"));
	}
	for (size_t i = 0; i < n; i++)
		free(uid[i]);
	sample_free(&o);
	shop_close(&s);
}

static void what_is_settled_leaves_the_calendar(void **state)
{
	enum { N = 4 };
	struct shop s;
	struct sample o[N];
	struct dw_mail_item items[N];
	struct dw_mail m;
	struct parsed p;
	struct dw_mail_view v;
	DW_FREE char *before = NULL;

	(void)state;
	shop_open(&s);
	for (int i = 0; i < N; i++) {
		SAMPLE(&s, &o[i], i ? "2342" : ID, utc(NOW), SEED);
		o[i].item.episode = 1 + i;
		items[i] = o[i].item;
	}
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), items, 1);
	before = uid_of(&s, &v);
	/* its own mail */
	items[0].resolved = true;
	v.type = DW_MAIL_RESOLVED;
	compose(&s, &m, &v);
	assert_wire(&m);
	parse(&p, &m);
	assert_int_equal(p.n_ics, 1);
	assert_string_equal(p.method[0], "CANCEL");
	LINE_IS(p.ics[0], "UID:", before);
	LINE_IS(p.ics[0], "STATUS:", "CANCELLED");
	LINE_IS(p.ics[0], "SUMMARY:", "Settled: Extend the ship date · " ID " · ACME GmbH");
	assert_null(strstr(p.ics[0], "VALARM"));
	parsed_free(&p);
	dw_mail_fini(&m);
	/* lines of a daily mail: one file each, behind the one of what there is to do */
	items[1].resolved = true;
	v = view_of(&s, DW_MAIL_DAILY, utc(NOW), items, N);
	compose(&s, &m, &v);
	assert_wire(&m);
	parse(&p, &m);
	assert_int_equal(p.n_ics, 3);
	assert_string_equal(p.method[0], "PUBLISH");
	assert_int_equal(count_of(p.ics[0], "BEGIN:VEVENT"), 2);
	for (int i = 1; i < 3; i++) {
		assert_string_equal(p.method[i], "CANCEL");
		assert_int_equal(count_of(p.ics[i], "BEGIN:VEVENT"), 1);
	}
	LINE_IS(p.ics[1], "UID:", before);
	parsed_free(&p);
	dw_mail_fini(&m);
	/* open still, but without a deadline: the one its reader was told is over */
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), items, 1);
	items[0].resolved = false;
	items[0].act_by = DW_UNKNOWN;
	compose(&s, &m, &v);
	parse(&p, &m);
	assert_int_equal(p.n_ics, 0);
	parsed_free(&p);
	dw_mail_fini(&m);
	o[0].told[0] = (struct dw_told){ .side = DW_SIDE_SHIP, .episode = 1, .kind = DW_EXTEND_SHIP_DATE, .person = ALICE,
					 .state = DW_STEP_MAILED, .act_by = utc("2026-11-27T07:59:59Z"), .at = utc(NOW) - 60 };
	items[0].n_told = 1;
	compose(&s, &m, &v);
	parse(&p, &m);
	assert_int_equal(p.n_ics, 1);
	assert_string_equal(p.method[0], "CANCEL");
	LINE_IS(p.ics[0], "UID:", before);
	LINE_IS(p.ics[0], "DTEND:", "20261127T075959Z");
	parsed_free(&p);
	dw_mail_fini(&m);
	for (int i = 0; i < N; i++)
		sample_free(&o[i]);
	shop_close(&s);
}

static void newer_entries_have_higher_numbers(void **state)
{
	dw_time now = utc(NOW);

	(void)state;
	assert_true(dw_ics_sequence(now, false) > 0);
	assert_int_equal(dw_ics_sequence(now + 1, false), dw_ics_sequence(now, false) + 1);
	assert_int_equal(dw_ics_sequence(now, true), dw_ics_sequence(now, false) + 1);
	assert_int_equal(dw_ics_sequence(0, false), 0);
	assert_int_equal(dw_ics_sequence(utc("2099-12-31"), true), INT32_MAX);
}

/* At every length, whatever letters it has: libical alone ends some lines wrongly. */
static void calendar_lines_are_whole_at_every_length(void **state)
{
	static const char *const letters[] = { "x", "一", "\xF0\x9F\x98\x80", "x;", "x " };
	const struct dw_mail_conf conf = { .from_name = (char *)"Duewatch", .from_address = (char *)"duewatch@example.com" };

	(void)state;
	dw_mime_init();
	for (size_t k = 0; k < DW_COUNT(letters); k++) {
		DW_BUF words = { 0 };

		for (int n = 0; n < 240; n++) {
			struct dw_event e = { .uid = "1@example.com", .summary = dw_buf_str(&words), .text = dw_buf_str(&words),
					      .url = k == 0 ? dw_buf_str(&words) : NULL, .at = utc(NOW) };
			struct dw_ics ics = { .conf = &conf, .now = utc(NOW), .event = &e, .n = 1 };
			DW_FREE char *flat = NULL;
			DW_BUF b = { 0 };

			assert_int_equal(dw_ics_write(&b, &ics), 0);
			flat = unfolded(b.p, b.n);
			assert_null(strstr(flat, "\n\n"));
			assert_int_equal(count_of(flat, "\n"), 22 + (n > 0) + (n > 0 && k == 0));
			dw_buf_puts(&words, letters[k]);
		}
	}
}

/* Whatever a cell holds, it stays the value of its property. */
static void hostile_cells_stay_in_their_calendar_line(void **state)
{
	struct shop s;
	struct sample o;
	struct dw_mail m;
	struct parsed p;
	struct dw_mail_view v;
	DW_FREE char *huge = calloc(1, 1000001), *summary = NULL;

	(void)state;
	shop_open(&s);
	assert_non_null(huge);
	for (int i = 0; i < 1000000; i++)
		huge[i] = "\xE4\xB8\x80"[i % 3];
	SAMPLE(&s, &o, "23;41,\"x\"", utc(NOW), "status", "awaiting_shipment", "promised_at", "2026-11-30", "agreed_at",
	       "2026-12-10", "buyer", "A\r\nEND:VEVENT\r\nATTENDEE:mailto:x@example.org\\n\xE2\x80\xAE;x,\x01\x7F\xFF", "url",
	       "https://trade.example.com/\r\nATTENDEE:mailto:x@example.org");
	s.config.mail.from_name = (char *)"Due\r\nATTENDEE:x \"watch\";^n:";
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	compose(&s, &m, &v);
	assert_wire(&m);
	parse(&p, &m);
	assert_int_equal(p.n_ics, 1);
	assert_null(strstr(p.ics[0], "\nATTENDEE"));
	assert_int_equal(count_of(p.ics[0], "\nEND:VEVENT\n"), 1);
	assert_null(strstr(p.ics[0], "URL:"));
	LINE_IS(p.ics[0], "SUMMARY:",
		"Extend the ship date · 23\\;41\\,\"x\" · A END:VEVENT ATTENDEE:mailto:x@example.org\\\\n\\;x\\, \xEF\xBF\xBD");
	LINE_IS(p.ics[0], "ORGANIZER;", "CN=\"Due ATTENDEE:x watch;n:\":mailto:duewatch@example.com");
	parsed_free(&p);
	dw_mail_fini(&m);
	sample_free(&o);
	SAMPLE(&s, &o, huge, utc(NOW), "status", "awaiting_shipment", "promised_at", "2026-11-30", "agreed_at", "2026-12-10",
	       "buyer", huge, "title", huge);
	v.item = &o.item;
	compose(&s, &m, &v);
	parse(&p, &m);
	summary = line_of(p.ics[0], "SUMMARY:");
	assert_true(strlen(summary) < 600);
	parsed_free(&p);
	dw_mail_fini(&m);
	sample_free(&o);
	shop_close(&s);
}

/* ---- templates ---- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void a_template_beside_the_config_wins(void **state)
{
	char dir[] = "/tmp/dw-compose-XXXXXX", path[200], conf[200];
	struct dw_composer *c = NULL;
	struct dw_err err = { "" };
	struct shop s;
	struct sample o;
	struct dw_mail m;
	struct dw_mail_view v;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(conf, sizeof(conf), "%s/duewatch.conf", dir);
	snprintf(path, sizeof(path), "%s/templates", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/templates/en", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/templates/en/act.mustache", dir);
	write_file(path, "! Our own words, {{buyer}}\n");
	shop_open(&s);
	s.config.path = conf;
	assert_int_equal(dw_composer_new(&c, &s.config, &err), 0);
	SAMPLE(&s, &o, ID, utc(NOW), SEED);
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	assert_int_equal(dw_mail_compose(c, &m, &v, &err), 0);
	assert_non_null(strstr(m.text, "Our own words, ACME GmbH"));
	assert_non_null(strstr(m.text, "What to do"));
	dw_mail_fini(&m);
	dw_composer_free(c);
	c = NULL;
	write_file(path, "one\n{{#open}}\n");
	assert_true(dw_composer_new(&c, &s.config, &err) < 0);
	assert_null(c);
	assert_non_null(strstr(err.text, "act.mustache:2:"));
	unlink(path);
	snprintf(path, sizeof(path), "rm -r %s", dir);
	assert_int_equal(system(path), 0);
	sample_free(&o);
	s.config.path = (char *)"/nonexistent/duewatch.conf";
	shop_close(&s);
}

/* ---- the packs we ship ---- */

static void a_mail_from_pack(struct dw_config *config, struct dw_composer *c, const struct dw_pack *pack)
{
	static const char *const rows[][10] = {
		{ "status", "awaiting_shipment", "promised_at", "2026-11-30", "expected_ship_at", "2026-12-10" },
		{ "status", "shipped", "shipped_at", "2026-11-01", "auto_confirm_at", "2026-12-01", "expected_arrival_at",
		  "2026-12-20" },
		{ "status", "disputed", "promised_at", "2026-11-30" },
		{ "status", "awaiting_payment", "promised_at", "2026-11-30", "expected_ship_at", "2026-12-10" },
	};
	struct shop s;
	struct sample o;
	struct dw_mail m;
	struct dw_err err = { "" };

	shop_open(&s);
	s.pack = *pack;
	if (!s.pack.zone)
		s.pack.zone = s.shanghai; /* a pack without one takes the feed's */
	for (size_t i = 0; i < DW_COUNT(rows); i++) {
		struct dw_mail_view v;

		sample_make(&s, &o, "2341", utc(NOW), rows[i]);
		if (o.item.kind != DW_NO_KIND) {
			v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
			v.config = config;
			v.person = 0;
			if (dw_mail_compose(c, &m, &v, &err) < 0)
				fail_msg("%s: %s", pack->name, err.text);
			assert_wire(&m);
			assert_null(strstr(m.text, "{{"));
			assert_has(m.text, "2341", true);
			assert_has(m.text, "What to do", true);
			assert_has(m.text, "What is at stake", true);
			if (o.item.kind == DW_EXTEND_SHIP_DATE || o.item.kind == DW_EXTEND_RECEIPT)
				assert_has(m.text, "Text for the buyer", true);
			if (o.item.kind == DW_EXTEND_SHIP_DATE && dw_streq(pack->name, "alibaba"))
				preview("pack-alibaba", &m);
			dw_mail_fini(&m);
		}
		sample_free(&o);
	}
	memset(&s.pack, 0, sizeof(s.pack));
	shop_close(&s);
}

static void every_shipped_pack_gives_whole_mails(void **state)
{
	static const char text[] = "timezone = \"Asia/Shanghai\"; state = \"/tmp\"; default_owner = \"alice\";\n"
				   "mail = { transport = \"maildir:///tmp/m\"; from = \"duewatch@example.com\"; };\n"
				   "people = ( { name = \"alice\"; email = \"alice@example.com\"; } );\n"
				   "feeds = ( { name = \"shop\"; type = \"csv\"; path = \"x.csv\"; platform = \"alibaba\"; } );\n";
	char path[] = "/tmp/dw-compose-conf-XXXXXX";
	struct dw_problems problems = { 0 };
	struct dw_config *config = NULL;
	struct dw_composer *c = NULL;
	struct dw_err err = { "" };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_file(path, text);
	if (dw_config_load(&config, path, DW_SOURCE_DIR "/conf", &problems, &err) < 0)
		fail_msg("%s %s", err.text, problems.n ? problems.p[0].text : "");
	assert_int_equal(dw_composer_new(&c, config, &err), 0);
	assert_true(config->n_packs >= 9);
	for (size_t i = 0; i < config->n_packs; i++)
		a_mail_from_pack(config, c, &config->packs[i]);
	dw_composer_free(c);
	dw_config_free(config);
	dw_problems_fini(&problems);
	unlink(path);
}

/* ---- texts ---- */

static void scrubbing(void **state)
{
	static const struct {
		const char *in;
		size_t max;
		const char *out;
	} cases[] = {
		{ "  a \r\n\t b  ", 99, "a b" },	{ "a\xFF" "b", 99, "a\xEF\xBF\xBD" "b" },
		{ "abcdef", 6, "abcdef" },		{ "abcdefg", 6, "abcde…" },
		{ "abc defg", 5, "abc…" },		{ "一二三四五", 4, "一二三…" },
		{ "x\xE2\x80\xAEy\xE2\x80\x8Bz", 9, "xyz" }, { "\xE3\x80\x80" "全\xE3\x80\x80角", 9, "全 角" },
		{ NULL, 5, "" },			{ "\xED\xA0\x80", 9, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(cases); i++) {
		DW_BUF b = { 0 };

		dw_scrub(&b, cases[i].in, cases[i].max);
		assert_string_equal(dw_buf_str(&b), cases[i].out);
	}
}

static void wrapping(void **state)
{
	DW_BUF b = { 0 };

	(void)state;
	dw_wrap(&b, "\n\n1. aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg hhhhhhhhh   \n\n\n\n"
		    "- 一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十\n"
		    "----------\nkept kept kept kept kept kept kept kept kept kept kept kept kept kept kept kept kept\n----------\n"
		    "https://example.com/a/very/long/link/that/must/not/be/broken/in/two/or/nobody/can/click/it\n"
		    "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW");
	assert_string_equal(
		dw_buf_str(&b),
		"1. aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg\n   hhhhhhhhh\n\n"
		"- 一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五\n  六七八九十\n"
		"----------\nkept kept kept kept kept kept kept kept kept kept kept kept kept kept kept kept kept\n----------\n"
		"https://example.com/a/very/long/link/that/must/not/be/broken/in/two/or/nobody/can/click/it\n"
		"WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW\nWWWWWW\n");
}

static void links_and_shell_words(void **state)
{
	static const char *const bad[] = { "javascript:alert(1)", "https://", "http:///x", "https://a b", "https://shown@other/",
					   "https://shown:80@other/", "https://x/\"", "HTTPS://x", "https://x\n", "https://x\\y",
					   "//x", "https://例子.example/" };
	const char *host;
	size_t n;
	DW_BUF b = { 0 };

	(void)state;
	for (size_t i = 0; i < DW_COUNT(bad); i++)
		assert_false(dw_link_ok(bad[i], &host, &n));
	assert_true(dw_link_ok("https://trade.example.com:8443/a?b=c&d=e@f#g", &host, &n));
	assert_int_equal(n, strlen("trade.example.com"));
	dw_shell_word(&b, "2341-A");
	dw_shell_word(&b, "-rf");
	dw_shell_word(&b, "$(x)");
	dw_shell_word(&b, "");
	assert_string_equal(dw_buf_str(&b), "2341-A'-rf''$(x)'''");
}

/* Not a test of speed: prints it, for the budget of design.md §6 (300 µs, without sanitizers). */
static void time_of_one_mail(void **state)
{
	struct shop s;
	struct sample o;
	struct dw_mail m;
	struct dw_mail_view v;
	struct timespec a, b;
	enum { TIMES = 200 };
	size_t bytes = 0;

	(void)state;
	shop_open(&s);
	SAMPLE(&s, &o, ID, utc(NOW), SEED);
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	for (int with = 0; with < 2; with++) {
		s.people[ALICE].no_calendar = !with;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
		for (int i = 0; i < TIMES; i++) {
			assert_int_equal(dw_mail_compose(s.composer, &m, &v, NULL), 0);
			bytes = m.n_bytes;
			dw_mail_fini(&m);
		}
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
		assert_true(bytes > 4000);
		print_message("%.0f us a mail of %zu bytes%s\n",
			      ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 1e3 / TIMES, bytes,
			      with ? ", its calendar entry in it" : "");
	}
	sample_free(&o);
	shop_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer),
		cmocka_unit_test(scrubbing),
		cmocka_unit_test(wrapping),
		cmocka_unit_test(links_and_shell_words),
		cmocka_unit_test(the_eleven_parts_stand_in_order),
		cmocka_unit_test(headers_are_as_the_interface_says),
		cmocka_unit_test(the_same_view_gives_the_same_bytes),
		cmocka_unit_test(one_thread_per_order_and_one_per_day),
		cmocka_unit_test(subjects_are_absolute_and_repeat),
		cmocka_unit_test(each_kind_has_its_own_words),
		cmocka_unit_test(proposals_are_working_days_within_the_limit),
		cmocka_unit_test(hostile_cells_stay_text),
		cmocka_unit_test(long_chinese_names_are_right_everywhere),
		cmocka_unit_test(a_fold_is_20_in_full_200_lines_and_a_count),
		cmocka_unit_test(a_limit_of_mails_is_said),
		cmocka_unit_test(the_daily_mail_says_new_open_missing_and_health),
		cmocka_unit_test(the_first_look_is_a_table_then_steps),
		cmocka_unit_test(other_mails_are_short),
		cmocka_unit_test(guesses_are_called_guesses),
		cmocka_unit_test(a_deadline_is_a_calendar_entry),
		cmocka_unit_test(one_entry_per_order_side_episode_and_reader),
		cmocka_unit_test(what_is_settled_leaves_the_calendar),
		cmocka_unit_test(newer_entries_have_higher_numbers),
		cmocka_unit_test(calendar_lines_are_whole_at_every_length),
		cmocka_unit_test(hostile_cells_stay_in_their_calendar_line),
		cmocka_unit_test(a_template_beside_the_config_wins),
		cmocka_unit_test(every_shipped_pack_gives_whole_mails),
		cmocka_unit_test(time_of_one_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
