/* compose-answer.c: what a mail offers to answer with, and that our own answers are understood when they come back. */
#include "compose-fixture.h"

#include <gmime/gmime.h>

#include "duewatch/engine.h"

#include "../../daemon/mail/compose-impl.h"
#include "../../daemon/mail/reply-impl.h"

#define NOW "2026-11-23T15:30:00Z"
#define TODAY "2026-11-23"
#define ID "234100000000000017"

static const unsigned char key[DW_TOKEN_KEY] = "0123456789abcdef0123456789abcde";

static const struct {
	const char *fields[12];
	enum dw_kind kind;
	const char *words[2]; /* of the links, in their order: English, Chinese */
} table[] = {
	{ { "status", "awaiting_shipment", "promised_at", "2026-11-30", "expected_ship_at", "2026-12-10" }, DW_EXTEND_SHIP_DATE,
	  { "filed 2026-12-14|ship 2026-12-10|ack",
	    "已申请延期至 2026-12-14|预计发货 2026-12-10|我来处理" } },
	{ { "status", "awaiting_shipment", "promised_at", "2026-11-30" }, DW_CONFIRM_SHIP_DATE, { "yes|filed YYYY-MM-DD|ship YYYY-MM-DD|ack",
	    "能按时发货|已申请延期至 YYYY-MM-DD|预计发货 YYYY-MM-DD|我来处理" } },
	{ { "status", "awaiting_shipment", "promised_at", "2026-11-20" }, DW_OVERDUE, { "filed YYYY-MM-DD|ship YYYY-MM-DD|ack",
	    "已申请延期至 YYYY-MM-DD|预计发货 YYYY-MM-DD|我来处理" } },
	{ { "status", "awaiting_shipment", "promised_at", "2026-11-30", "expected_ship_at", "2026-11-28" }, DW_SHIP_BY,
	  { "ship 2026-11-28|ack",
	    "预计发货 2026-11-28|我来处理" } },
	{ { "status", "awaiting_shipment" }, DW_INCOMPLETE, { "ack",
	    "我来处理" } },
	{ { "status", "awaiting_payment", "promised_at", "2026-11-24", "expected_ship_at", "2026-12-10" }, DW_EDIT_BEFORE_PAYMENT,
	  { "ship 2026-12-10|ack",
	    "预计发货 2026-12-10|我来处理" } },
	{ { "status", "awaiting_shipment", "promised_at", "2026-11-30", "extension_state", "requested", "extension_until", "2026-12-12" },
	  DW_EXTENSION_UNANSWERED, { "ship YYYY-MM-DD|ack",
	    "预计发货 YYYY-MM-DD|我来处理" } },
	{ { "status", "shipped", "shipped_at", "2026-11-01", "transport", "sea", "expected_arrival_at", "2026-12-20" },
	  DW_EXTEND_RECEIPT, { "arrives 2026-12-20|ack",
	    "预计到货 2026-12-20|我来处理" } },
	{ { "status", "disputed", "promised_at", "2026-11-20" }, DW_DISPUTE, { "close|ack",
	    "已解决|我来处理" } },
	{ { "status", "shipped", "shipped_at", "2026-11-10", "promised_at", "2026-11-02", "delivered_at", "2026-11-20" }, DW_SHIPPED_LATE,
	  { "close|ack",
	    "已解决|我来处理" } },
};

static char *unescaped(const char *s, size_t n)
{
	DW_BUF b = { 0 };

	for (size_t i = 0; i < n; i++)
		if (s[i] == '%') {
			const char hex[3] = { s[i + 1], s[i + 2], '\0' };

			dw_buf_putc(&b, (char)strtol(hex, NULL, 16));
			i += 2;
		} else
			dw_buf_putc(&b, s[i]);
	return dw_buf_take(&b);
}

/* The mail that a link opens, as it would come to us, read by us. */
static void send_link(const char *link, size_t n, struct dw_inbound *in, char **body)
{
	const char *subject = memmem(link, n, "?subject=", 9), *text = memmem(link, n, "&body=", 6);
	DW_FREE char *s = NULL;
	DW_BUF mail = { 0 };
	struct dw_err err = { "" };

	assert_non_null(subject);
	assert_non_null(text);
	assert_true(n < 500);
	s = unescaped(subject + 9, (size_t)(text - subject) - 9);
	*body = unescaped(text + 6, (size_t)(link + n - text) - 6);
	dw_buf_printf(&mail, "From: alice@example.com\r\nSubject: %s\r\n\r\n%s\r\n\r\nSent from my iPhone\r\n", s, *body);
	assert_int_equal(dw_inbound_parse(in, mail.p, mail.n, NULL, TODAY, &err), 0);
}

static void check_link(const struct sample *o, const char *link, size_t n, struct dw_buf *words)
{
	struct dw_inbound in;
	struct dw_token t;
	DW_FREE char *body = NULL;
	bool blank;

	assert_int_equal(strncmp(link, "mailto:answers+x@example.com?", 29), 0);
	send_link(link, n, &in, &body);
	blank = strstr(body, "YYYY") != NULL;
	assert_int_equal(in.kind, DW_IN_REPLY);
	assert_non_null(in.token);
	assert_int_equal(dw_token_read(key, in.token, utc(NOW), &t), 0);
	assert_int_equal(dw_token_read(key, in.token, utc(NOW) + 12 * DW_DAY, &t), 2);
	assert_true(t.order == o->item.order_row && t.side == (int)o->item.side && t.episode == 7);
	assert_string_equal(t.person, "alice");
	/* a date nobody has filled in isn't understood, and the words say so */
	assert_int_equal(in.n_command, blank ? 0 : 1);
	assert_true(blank ? dw_streq(in.rest, body) : !in.rest);
	dw_buf_printf(words, "%s%s", words->n ? "|" : "", body);
	dw_inbound_fini(&in);
}

/* None of our own lines is an answer: they come back quoted, by programs that mark nothing and drop a list's marks. */
static void none_is_a_command(const char *text)
{
	DW_FREE char *copy = dw_strdup(text);
	char *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		struct dw_command c;

		line += strspn(line, "-* ");
		if (dw_command_parse(&c, line, TODAY, NULL) == 0)
			fail_msg("our own line reads as \"%s\": %s\nin: %s", dw_verbs[c.verb].name, line, text);
	}
}

/* Nothing of a mail, text or HTML. */
static void none_of_it_is(const struct dw_mail *m)
{
	DW_BUF plain = { 0 };

	none_is_a_command(m->subject);
	none_is_a_command(m->text);
	assert_int_equal(dw_html_text(&plain, m->html, strlen(m->html)), 0);
	none_is_a_command(plain.p);
}

static void links_come_back_as_answers(void **state)
{
	struct shop s;

	(void)state;
	shop_open(&s);
	s.config.replies = (struct dw_replies_conf){ .address = (char *)"answers+x@example.com", .token_days = 12 };
	for (size_t k = 0; k < 2 * DW_COUNT(table); k++) {
		size_t i = k / 2, l = k % 2;
		struct sample o;
		struct dw_mail m;
		struct dw_mail_view v;
		DW_BUF words = { 0 }, in_html = { 0 };
		const char *p;

		sample_make(&s, &o, ID, utc(NOW), table[i].fields);
		if (o.item.kind != table[i].kind)
			fail_msg("row %zu: kind %d", i, o.item.kind);
		o.item.episode = 7;
		v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
		v.token_key = key;
		v.language = dw_mail_language(l);
		compose(&s, &m, &v);
		assert_wire(&m);
		for (p = strstr(m.text, "mailto:"); p; p = strstr(p + 1, "mailto:"))
			check_link(&o, p, strcspn(p, " \n"), &words);
		for (p = strstr(m.html, "href=\"mailto:"); p; p = strstr(p + 1, "href=\"mailto:")) {
			DW_BUF link = { 0 };

			for (const char *c = p + 6; *c != '"'; c++) {
				dw_buf_putc(&link, *c);
				c += strncmp(c, "&amp;", 5) == 0 ? 4 : 0;
			}
			check_link(&o, link.p, link.n, &in_html);
		}
		if (strcmp(dw_buf_str(&words), table[i].words[l]) != 0 || strcmp(dw_buf_str(&in_html), table[i].words[l]) != 0)
			fail_msg("row %zu: %s", i, dw_buf_str(&words));
		none_of_it_is(&m);
		assert_non_null(memmem(m.bytes, m.n_bytes, "\nReply-To: Duewatch <answers+x@example.com>\r", 43));
		assert_non_null(strstr(m.text, l ? "用邮件回复" : "Answer by mail"));
		dw_mail_fini(&m);
		sample_free(&o);
	}
	shop_close(&s);
}

/* What a mail offers is what dw_command_parse takes, in each language, with all a verb takes. */
static void each_word_is_understood(void **state)
{
	(void)state;
	for (size_t l = 0; dw_mail_language(l); l++)
		for (int v = 0; v < DW_VERB_COUNT; v++) {
			const struct dw_words *w = dw_words_find(dw_mail_language(l));
			struct dw_command c;
			DW_BUF line = { 0 }, alone = { 0 };

			dw_buf_printf(&alone, "%s%s", w->verb[v], dw_verbs[v].wants_date ? " 2026-12-10" : "");
			dw_buf_puts(&line, alone.p);
			if (dw_verbs[v].takes_span)
				dw_buf_printf(&line, " 36%s", w->hours);
			if (dw_command_parse(&c, alone.p, TODAY, NULL) != 0 || (int)c.verb != v)
				fail_msg("not understood: %s", alone.p);
			if (dw_command_parse(&c, line.p, TODAY, NULL) != 0 || (int)c.verb != v)
				fail_msg("not understood: %s", line.p);
			assert_int_equal(c.span, dw_verbs[v].takes_span ? 36 * 3600 : 0);
			assert_string_equal(c.date, dw_verbs[v].wants_date ? "2026-12-10" : "");
			dw_buf_printf(&line, " %s%s", ID, v == DW_VERB_CLOSE ? ": paid back" : ""); /* as we ask for it where it was missing */
			assert_int_equal(dw_command_parse(&c, line.p, TODAY, NULL), 0);
			assert_string_equal(c.order, ID);
			assert_string_equal(c.note, v == DW_VERB_CLOSE ? "paid back" : "");
			if (!dw_verbs[v].takes_span)
				continue;
			dw_buf_reset(&line);
			dw_buf_printf(&line, "%s 2%s", w->verb[v], w->days);
			assert_int_equal(dw_command_parse(&c, line.p, TODAY, NULL), 0);
			assert_int_equal(c.span, 2 * DW_DAY);
		}
}

/* Titles stand alone on a line in mails. */
static void no_title_is_an_answer(void **state)
{
	(void)state;
	for (size_t l = 0; dw_mail_language(l); l++)
		for (int k = 0; k < DW_KIND_COUNT; k++)
			none_is_a_command(dw_kind_title((enum dw_kind)k, dw_mail_language(l)));
}

static void answer_in(struct shop *s, struct dw_mail *m, size_t language, const struct dw_reply_answer *a, struct dw_mail_item *item)
{
	struct dw_mail_view v = view_of(s, DW_MAIL_ANSWER, utc(NOW), item, 1);

	v.language = dw_mail_language(language);
	v.title = "Re: an order";
	v.answer = a;
	compose(s, m, &v);
	assert_wire(m);
	assert_null(strstr(m->text, "{{"));
	none_of_it_is(m);
}

/* The words in quotes are commands. */
static void quotes_are_commands(const char *text, size_t language)
{
	const char *open = language ? "“" : "\"", *close = language ? "”" : "\"", *end;
	size_t n = 0;

	for (const char *p = strstr(text, open); p; p = strstr(end + strlen(close), open), n++) {
		DW_FREE char *word = NULL;
		struct dw_command c;

		p += strlen(open);
		end = strstr(p, close);
		assert_non_null(end);
		word = dw_strndup(p, (size_t)(end - p));
		if (dw_command_parse(&c, word, TODAY, NULL) != 0)
			fail_msg("not understood: %s", word);
	}
	assert_int_equal(n, DW_VERB_COUNT);
}

/* Every reason has its words in each language, and no line of an answer is one itself. */
static void answers_say_why(void **state)
{
	static const char *const reason[] = { "\nWhy: ", "\n原因：" };
	struct dw_command c = { .note = "paid back" };
	struct dw_reply_line line = { .command = &c, .day = DW_UNKNOWN };
	struct dw_mail m;
	struct sample o;
	struct shop s;

	(void)state;
	shop_open(&s);
	sample_make(&s, &o, ID, utc(NOW), table[0].fields);
	for (size_t l = 0; l < 2; l++) {
		struct dw_reply_answer a = { .unknown = "some words" };

		for (int u = 0; u < DW_WHY_COUNT; u++) {
			a.unknown_why = dw_why_names[u];
			answer_in(&s, &m, l, &a, &o.item);
			if (!strstr(m.text, reason[l]))
				fail_msg("no words for %s: %s", dw_why_names[u], m.text);
			dw_mail_fini(&m);
		}
		a = (struct dw_reply_answer){ 0 };
		answer_in(&s, &m, l, &a, &o.item);
		quotes_are_commands(m.text, l);
		dw_mail_fini(&m);
		a = (struct dw_reply_answer){ .line = &line, .n_line = 1 };
		for (int v = 0; v < DW_VERB_COUNT; v++)
			for (int r = DW_REPLY_DONE; r <= DW_REPLY_LIMIT; r++)
				for (int x = 0; x < (r == DW_REPLY_REFUSED ? (int)DW_REFUSED_COUNT : 1); x++) {
					c.verb = (enum dw_verb)v;
					snprintf(c.date, sizeof(c.date), "%s", dw_verbs[v].wants_date ? "2026-12-10" : "");
					c.span = dw_verbs[v].takes_span ? 2 * DW_DAY : 0;
					line.result = (enum dw_reply_result)r;
					line.refusal = (enum dw_refusal)x;
					line.why = "only that";
					line.order_id = ID;
					line.day = v == DW_VERB_YES ? utc(NOW) : DW_UNKNOWN;
					answer_in(&s, &m, l, &a, &o.item);
					assert_int_equal(!!strstr(m.text, "only that"), r == DW_REPLY_REFUSED && x == DW_REFUSED_OTHER);
					dw_mail_fini(&m);
				}
	}
	sample_free(&o);
	shop_close(&s);
}

/* Lists of orders, with their headings: a heading alone on a line must not be a word. */
static void lists_are_no_answers(void **state)
{
	const int32_t day = (int32_t)(utc(NOW) / DW_DAY) + 5;
	const struct dw_closure closure = { .first = day, .last = day + 8, .from = utc(NOW), .to = utc(NOW), .before = 3 };
	static const enum dw_mail_type types[] = { DW_MAIL_ALERT, DW_MAIL_DAILY, DW_MAIL_FIRST_LOOK, DW_MAIL_RESOLVED, DW_MAIL_CLOSURE };
	struct dw_mail_item items[4];
	struct sample o[2];
	struct dw_mail m;
	struct shop s;

	(void)state;
	shop_open(&s);
	sample_make(&s, &o[0], ID, utc(NOW), table[0].fields);
	sample_make(&s, &o[1], "77", utc(NOW), table[3].fields);
	for (size_t i = 0; i < DW_COUNT(items); i++) {
		items[i] = o[i % 2].item;
		items[i].resolved = i == 2;
		items[i].dormant = i == 3;
	}
	for (size_t k = 0; k < 2 * DW_COUNT(types); k++) {
		struct dw_mail_view v = view_of(&s, types[k / 2], utc(NOW), items, DW_COUNT(items));

		v.language = dw_mail_language(k % 2);
		v.open = v.missing = items;
		v.n_open = v.n_missing = types[k / 2] == DW_MAIL_DAILY ? 2 : 0;
		v.closure = types[k / 2] == DW_MAIL_CLOSURE ? &closure : NULL;
		v.per_day = 2;
		v.n_held = 1;
		v.last_before = utc(NOW) + DW_DAY;
		compose(&s, &m, &v);
		assert_wire(&m);
		none_of_it_is(&m);
		assert_non_null(strstr(m.text, k % 2 ? "最后一封" : "the last of today's"));
		dw_mail_fini(&m);
	}
	sample_free(&o[0]);
	sample_free(&o[1]);
	shop_close(&s);
}

static void no_section_no_answer(void **state)
{
	struct shop s;
	struct sample o;
	struct dw_mail m;
	struct dw_mail_view v;
	char name[80];

	(void)state;
	shop_open(&s);
	sample_make(&s, &o, ID, utc(NOW), table[0].fields);
	v = view_of(&s, DW_MAIL_ALERT, utc(NOW), &o.item, 1);
	v.token_key = key;
	compose(&s, &m, &v);
	assert_null(strstr(m.text, "Answer by mail"));
	assert_null(strstr(m.text, "mailto:"));
	assert_null(memmem(m.bytes, m.n_bytes, "\nReply-To:", 10));
	dw_mail_fini(&m);
	/* without a key, or with a name too long for a token: the words, no links */
	s.config.replies = (struct dw_replies_conf){ .address = (char *)"answers@example.com", .token_days = 30 };
	for (int turn = 0; turn < 2; turn++) {
		memset(name, 'a', sizeof(name));
		name[sizeof(name) - 1] = '\0';
		if (turn)
			s.people[ALICE].name = name;
		v.token_key = turn ? key : NULL;
		compose(&s, &m, &v);
		assert_non_null(strstr(m.text, "Answer by mail"));
		assert_non_null(strstr(m.text, "\"filed 2026-12-14\""));
		assert_null(strstr(m.text, "mailto:"));
		assert_null(strstr(m.html, "mailto:"));
		none_is_a_command(m.text);
		dw_mail_fini(&m);
	}
	/* a mail of good news asks for nothing */
	s.people[ALICE].name = (char *)"alice";
	v.type = DW_MAIL_RESOLVED;
	o.item.resolved = true;
	v.token_key = key;
	compose(&s, &m, &v);
	assert_null(strstr(m.text, "mailto:"));
	dw_mail_fini(&m);
	sample_free(&o);
	shop_close(&s);
}

/* Made once and kept; another store's is another; damaged it is made anew, as mails must go out. */
static void the_stores_key(void **state)
{
	struct shop s;
	unsigned char k[4][DW_TOKEN_KEY];
	struct dw_err err = { "" };

	(void)state;
	shop_open(&s);
	for (int i = 0; i < 2; i++) {
		DW_CLEANUP(dw_store_freep) struct dw_store *store = NULL;
		struct dw_engine *e = NULL;
		DW_FREE char *kept = NULL;

		assert_int_equal(dw_store_memory_new(&store, &err), 0);
		assert_int_equal(dw_engine_new(&e, &s.config, store, NULL, NULL, &err), 0);
		assert_true(dw_engine_token_key(e, k[2 * i], &err) < 0); /* nothing is written outside a transaction */
		assert_int_equal(dw_store_begin(store, &err), 0);
		assert_int_equal(dw_engine_token_key(e, k[2 * i], &err), 0);
		assert_int_equal(dw_store_commit(store, &err), 0);
		assert_int_equal(dw_engine_token_key(e, k[2 * i + 1], &err), 0);
		assert_memory_equal(k[2 * i], k[2 * i + 1], DW_TOKEN_KEY);
		assert_int_equal(dw_store_meta_get(store, "token_key", &kept, &err), 0);
		assert_int_equal(strlen(kept), 64);
		assert_int_equal(dw_store_begin(store, &err), 0);
		assert_int_equal(dw_store_meta_put(store, "token_key", "nonsense", &err), 0);
		assert_int_equal(dw_engine_token_key(e, k[2 * i + 1], &err), 0);
		assert_memory_not_equal(k[2 * i], k[2 * i + 1], DW_TOKEN_KEY);
		assert_int_equal(dw_store_commit(store, &err), 0);
		dw_engine_free(e);
	}
	assert_memory_not_equal(k[0], k[2], DW_TOKEN_KEY);
	shop_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_come_back_as_answers),
		cmocka_unit_test(each_word_is_understood),
		cmocka_unit_test(no_title_is_an_answer),
		cmocka_unit_test(answers_say_why),
		cmocka_unit_test(lists_are_no_answers),
		cmocka_unit_test(no_section_no_answer),
		cmocka_unit_test(the_stores_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
