/* reply.h: whole mails, as mail programs write them (tests/fuzz/corpus/reply), and what is understood of each. In all of
 * them the quoted mail holds lines that would be commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "../../daemon/mail/reply-impl.h"

#define TODAY "2026-11-25"
#define US "mx.example.net"

/* commands: each "verb[ date][ SPANs][ #order][ (note)]", with ", " between them. */
static const struct {
	const char *file, *commands, *rest;
	bool token, authentic;
} replies[] = {
	{ "gmail-en", "ack", NULL },
	{ "gmail-en-wrapped", "ack 172800s", NULL },
	{ "gmail-zh", "ship 2026-12-10", NULL },
	{ "gmail-html-only", "filed 2026-12-12", NULL },
	{ "outlook-en", "yes", NULL },
	{ "outlook-html-only", "agreed 2026-12-12", NULL },
	{ "outlook-zh-gb2312", "ack 172800s", NULL },
	{ "outlook-mobile", "ack", NULL },
	{ "outlook-original-message", "arrives 2026-12-20", NULL },
	{ "apple-mail", "ship 2026-12-10", NULL },
	{ "apple-mail-html-only", "arrives 2026-12-20", NULL },
	{ "ios-en", "ack", NULL },
	{ "ios-zh", "yes", NULL },
	{ "qq-mail", "ship 2026-12-10", NULL },
	{ "qq-mail-html-only", "ack", NULL },
	{ "foxmail", "filed 2026-12-12", NULL }, /* its signature has no mark but a line in the HTML */
	{ "163-webmail", "arrives 2026-12-20", NULL },
	{ "163-webmail-zh", "agreed 2026-12-10", NULL },
	{ "netease-master", "ack", NULL },
	{ "netease-master-plain", "ack", NULL },
	{ "thunderbird-bottom", "ack 129600s", NULL },
	{ "thunderbird-html", "close (paid back in full)", NULL },
	{ "yahoo", "ack", NULL },
	{ "proton", "yes", NULL },
	{ "spark", "ack", NULL },
	{ "feishu", "yes", NULL },
	{ "samsung", "", "Ship 12/10" },
	{ "zoho", "agreed 2026-12-12", NULL },
	{ "outlook-mac-zh", "agreed 2026-12-12", NULL },
	{ "apple-zh-tw", "ack", NULL },
	{ "yahoo-plain", "yes", NULL },
	{ "inline-answers", "yes", "I do, tomorrow." },
	{ "link-ack", "ack", NULL, .token = true },
	{ "link-ack-empty", "ack", NULL, .token = true },
	{ "link-filed-edited", "filed 2026-12-16", NULL, .token = true },
	{ "link-ack-edited", "ack 259200s", NULL, .token = true },
	{ "link-words-gone", "", "filed", .token = true },
	{ "link-gateway", "ack", NULL, .token = true },
	{ "big5-html", "ship 2026-12-10", NULL },
	{ "utf16", "ship 2026-12-10", NULL },
	{ "label-us-ascii-over-gbk", "ack", NULL },
	{ "label-missing-8bit-subject", "yes", NULL },
	{ "label-latin1-over-utf8", "ack", NULL },
	{ "label-utf8-over-gbk", "ack", NULL },
	{ "flowed-soft", "ship 2026-12-10", NULL },
	{ "several-orders", "ack #234100998877665544, ship 2026-12-10 #234100998877665545, yes #234100998877665546", NULL },
	{ "signed-by-name", "ack", NULL },
	{ "signed-after-thanks", "ack #234100998877665544, yes #234100998877665545", NULL },
	{ "a-sentence", "ack", "Yes but only if the material arrives." },
	{ "a-sentence-zh", "", "能不能晚两天？" },
	{ "unmarked-quote", "ack", NULL },
	{ "hidden-preheader", "ack", NULL },
	{ "nul-bytes", "ack", NULL },
	{ "mixed-attachment", "ack", NULL },
	{ "attachment-only", "", NULL },
	{ "lf-only", "ack", NULL },
	{ "nested-some", "ack", NULL },
	{ "nested-deep", "", NULL },
	{ "auth-pass", "ack", NULL, .authentic = true },
	{ "auth-forged-below", "ack", NULL },
	{ "auth-other-host", "ack", NULL },
	{ "auth-two-from", "ack", NULL },
	{ "auth-two-mailboxes", "ack", NULL },
	{ "auth-display-name", "ack", NULL },
	{ "auto-no-is-a-person", "ack", NULL },
};

static const struct {
	const char *file;
	enum dw_inbound_kind kind;
	bool failed;
	const char *recipient, *status, *diagnostic;
} others[] = {
	{ "bounce-postfix", DW_IN_BOUNCE, true, "bo@example.com", "5.1.1",
	  "550 5.1.1 <bo@example.com>: Recipient address rejected: User unknown in virtual mailbox table" },
	{ "bounce-exchange", DW_IN_BOUNCE, true, "bo@example.com", "5.1.10",
	  "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient bo@example.com not found by SMTP address lookup" },
	{ "bounce-gmail", DW_IN_BOUNCE, true, "bo@example.com", "5.2.1",
	  "550-5.2.1 The email account that you tried to reach is inactive. 550 5.2.1 Learn more" },
	{ "bounce-two-recipients", DW_IN_BOUNCE, true, "bo@example.com", "5.1.1", "550 no such user" },
	{ "bounce-delayed", DW_IN_BOUNCE, false, "bo@example.com", "4.4.1", NULL },
	{ "bounce-delivered", DW_IN_BOUNCE, false, "bo@example.com", "2.0.0", NULL },
	{ "bounce-no-status", DW_IN_AUTOREPLY },
	{ "bounce-qq-words", DW_IN_AUTOREPLY },
	{ "receipt-mdn", DW_IN_AUTOREPLY },
	{ "auto-exchange-oof", DW_IN_AUTOREPLY },
	{ "auto-sieve-vacation", DW_IN_AUTOREPLY },
	{ "auto-qq", DW_IN_AUTOREPLY },
	{ "auto-precedence", DW_IN_AUTOREPLY },
	{ "auto-list", DW_IN_AUTOREPLY },
	{ "auto-null-sender", DW_IN_AUTOREPLY },
	{ "auto-calendar-accepted", DW_IN_AUTOREPLY },
	{ "own-mail", DW_IN_AUTOREPLY },
	{ "not-a-mail", DW_IN_BROKEN },
};

static void *slurp(const char *name, size_t *n)
{
	char path[512];
	char *p = malloc(DW_IN_MAIL_MAX);
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/reply/%s.eml", DW_SOURCE_DIR, name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s: not there", path);
	assert_non_null(p);
	*n = fread(p, 1, DW_IN_MAIL_MAX, f);
	fclose(f);
	return p;
}

static void read_mail(struct dw_inbound *in, const char *name, const char *authserv)
{
	struct dw_err err = { "" };
	size_t n;
	DW_FREE void *p = slurp(name, &n);

	if (dw_inbound_parse(in, p, n, authserv, TODAY, &err) != 0)
		fail_msg("%s: %s", name, err.text);
}

static void say(struct dw_buf *out, const struct dw_inbound *in)
{
	for (size_t i = 0; i < in->n_command; i++) {
		const struct dw_command *c = &in->command[i];

		dw_buf_printf(out, "%s%s", i ? ", " : "", dw_verbs[c->verb].name);
		if (c->date[0])
			dw_buf_printf(out, " %s", c->date);
		if (c->span)
			dw_buf_printf(out, " %llds", (long long)c->span);
		if (c->order[0])
			dw_buf_printf(out, " #%s", c->order);
		if (c->note[0])
			dw_buf_printf(out, " (%s)", c->note);
	}
}

static void people_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(replies); i++) {
		struct dw_inbound in;
		DW_BUF got = { 0 };
		bool known = strncmp(replies[i].file, "auth-two", 8) != 0;

		read_mail(&in, replies[i].file, US);
		say(&got, &in);
		if (in.kind != DW_IN_REPLY || strcmp(dw_buf_str(&got), replies[i].commands) != 0 || !dw_streq(in.rest, replies[i].rest))
			fail_msg("%s: kind %d, \"%s\", rest: %s", replies[i].file, in.kind, dw_buf_str(&got), in.rest ? in.rest : "-");
		if ((in.token != NULL) != replies[i].token || in.authentic != replies[i].authentic || (in.from != NULL) != known)
			fail_msg("%s: token %s, authentic %d, from %s", replies[i].file, in.token ? in.token : "-", in.authentic,
				 in.from ? in.from : "-");
		dw_inbound_fini(&in);
		read_mail(&in, replies[i].file, NULL); /* no host is believed */
		assert_false(in.authentic);
		dw_inbound_fini(&in);
	}
	print_message("%zu mails\n", DW_COUNT(replies));
}

static void programs_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(others); i++) {
		struct dw_inbound in;

		read_mail(&in, others[i].file, US);
		if (in.kind != others[i].kind || in.n_command || in.failed != others[i].failed ||
		    !dw_streq(in.recipient, others[i].recipient) || strcmp(in.status, others[i].status ? others[i].status : "") != 0 ||
		    !dw_streq(in.diagnostic, others[i].diagnostic))
			fail_msg("%s: kind %d failed %d recipient %s status %s diagnostic %s", others[i].file, in.kind, in.failed,
				 in.recipient ? in.recipient : "-", in.status, in.diagnostic ? in.diagnostic : "-");
		assert_true(in.kind != DW_IN_BROKEN || in.rest);
		if (strncmp(others[i].file, "bounce-", 7) == 0 && in.kind == DW_IN_BOUNCE)
			assert_string_equal(in.envelope, "duewatch+b-42-d71b56ac2f9e6d13@example.com");
		dw_inbound_fini(&in);
	}
	print_message("%zu mails\n", DW_COUNT(others));
}

static void the_head_is_read(void **state)
{
	struct dw_inbound in;

	(void)state;
	read_mail(&in, "gmail-zh", NULL);
	assert_string_equal(in.message_id, "reply-1@mail.example.com");
	assert_string_equal(in.from, "alice@example.com");
	assert_string_equal(in.subject, "回复：延长发货日期");
	assert_int_equal(in.n_ref, 2);
	assert_string_equal(in.ref[0], "aa11bb22cc33dd44ee55ff6677889900aabbccdd@example.com");
	assert_string_equal(in.ref[1], "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567@example.com");
	dw_inbound_fini(&in);
	read_mail(&in, "label-missing-8bit-subject", NULL);
	assert_string_equal(in.subject, "回复：发货");
	dw_inbound_fini(&in);
	read_mail(&in, "auth-display-name", NULL);
	assert_string_equal(in.from, "alice@evil.example");
	dw_inbound_fini(&in);
	read_mail(&in, "link-ack", NULL);
	assert_int_equal(strncmp(in.token, "dw1-", 4), 0);
	dw_inbound_fini(&in);
}

static void parse_text(struct dw_inbound *in, const char *bytes, size_t n)
{
	struct dw_err err = { "" };

	assert_int_equal(dw_inbound_parse(in, bytes, n, US, TODAY, &err), 0);
}

/* What other programs may read differently is nobody's word. */
static void odd_headers_vouch_for_nobody(void **state)
{
	static const char top[] = "Authentication-Results: " US "; dmarc=pass header.from=example.com\r\n";
	static const struct {
		const char *from;
		size_t n;
		bool authentic;
	} table[] = {
#define FROM(text) text, sizeof(text) - 1
		{ FROM("From: alice@example.com\r\n"), true },
		{ FROM("From: Alice Wang\r\n <alice@example.com>\r\n"), true },
		{ FROM("From: =?utf-8?B?546L5bCP5piO?= <alice@example.com>\r\n"), true },
		{ FROM("From: alice@example.com (Alice Wang)\r\n"), true },
		{ FROM("FROM:alice@EXAMPLE.com\n"), true },
		{ FROM("From: alice@example.com\0, evil@evil.example\r\n"), false },
		{ FROM("From: alice@example.com\r, evil@evil.example\r\n"), false },
		{ FROM("X: y\rFrom: evil@evil.example\r\nFrom: alice@example.com\r\n"), false },
		{ FROM("From: alice@example.com <evil@evil.example>\r\n"), false },
		{ FROM("From: \"alice@example.com\" <evil@evil.example>\r\n"), false },
		{ FROM("From: <@example.com:evil@evil.example>\r\n"), false },
		{ FROM("From: list: alice@example.com;\r\n"), false },
		{ FROM("From: alice@example.com@evil.example\r\n"), false },
		{ FROM("From: alice@example.com <x@evil.example> <alice@example.com>\r\n"), false },
		{ FROM("From: evil@evil.example (alice@example.com)\r\n"), false },
		{ FROM("From: =?utf-8?Q?alice=40example.com?= <evil@evil.example>\r\n"), false },
		{ FROM("Sender: alice@example.com\r\n"), false },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(table); i++) {
		struct dw_inbound in;
		DW_BUF b = { 0 };

		dw_buf_puts(&b, top);
		dw_buf_add(&b, table[i].from, table[i].n);
		dw_buf_puts(&b, "\r\nack\r\n");
		assert_int_equal(dw_inbound_parse(&in, b.p, b.n, US, TODAY, NULL), 0);
		if (in.authentic != table[i].authentic)
			fail_msg("%zu: authentic %d, from %s", i, in.authentic, in.from ? in.from : "-");
		dw_inbound_fini(&in);
	}
}

/* What stands in a mail beside the person's word: a subject that a link wrote, files, our own mail without a mark (whose lines
 * hold buyers' names). */
static void whose_words(void **state)
{
#define HEAD "From: Alice <alice@example.com>\r\nMIME-Version: 1.0\r\n"
#define TOKEN "dw1-DgACqNn3sg1hbGljZdNdOcIxeOHBx434RMea22I"
#define HTML HEAD "Subject: Re: 2 orders\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
#define TEXT HEAD "Subject: Re: 2 orders\r\n\r\n"
#define LINK "<a href=\"mailto:d@example.com?subject=ack%20" TOKEN "&amp;body=ack\">I'm on it</a>"
#define PARTS HEAD "Subject: Re: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>thanks</p>\r\n--b\r\n"
	static const struct {
		const char *mail, *commands;
	} table[] = {
		{ HEAD "Subject: close " TOKEN "\r\n\r\nplease don't close it yet\r\n", "" },
		{ HEAD "Subject: yes " TOKEN "\r\n\r\nyes, but only half of it\r\n", "" },
		{ HEAD "Subject: yes " TOKEN "\r\n\r\n\r\n--\r\nAlice\r\n", "yes" },
		{ HEAD "Subject: yes " TOKEN "\r\n\r\nThanks,\r\nAlice\r\n", "yes" },
		{ PARTS "Content-Type: text/plain; name=notes.txt\r\n\r\nclose\r\n--b--\r\n", "" },
		{ PARTS "Content-Type: text/plain\r\nContent-Disposition: inline; filename=a.txt\r\n\r\nclose\r\n--b--\r\n", "" },
		{ TEXT "I'll look\r\n\r\n2 orders need you today.\r\n\r\n- late\r\n  7701\r\n  close\r\n\r\n==== One by one ====\r\n", "" },
		{ TEXT "ack 7701\r\n\r\n- late\r\n  7701\r\n  close\r\n\r\nmailto:d@example.com?subject=ack%20" TOKEN "\r\n", "ack" },
		{ TEXT "ack 7701\r\nack 7702\r\n", "ack ack" },
		{ TEXT "ok\r\n\r\n- late\r\n  7701\r\n  close\r\n\r\n==\r\nSent to alice by duewatch.\r\n", "" },
		{ TEXT "ok\r\n\r\n- 7701\r\n  可以\r\n\r\n本邮件由 duewatch 发送给 alice。\r\n", "" },
		{ HTML "<p>I'll look</p><p>2 orders need you today.</p><p>7701</p><p>close</p>" LINK, "" },
		{ HTML "<p>ack 7701</p><p>7701</p><p>close</p>" LINK, "ack" },
		{ HTML "<p>ack 7701</p><p>ship 7702 2026-12-10</p><blockquote><p>close</p>" LINK "</blockquote>", "ack ship" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(table); i++) {
		struct dw_inbound in;
		DW_BUF got = { 0 };

		assert_int_equal(dw_inbound_parse(&in, table[i].mail, strlen(table[i].mail), US, TODAY, NULL), 0);
		for (size_t k = 0; k < in.n_command; k++)
			dw_buf_printf(&got, "%s%s", k ? " " : "", dw_verbs[in.command[k].verb].name);
		if (strcmp(dw_buf_str(&got), table[i].commands) != 0)
			fail_msg("%zu: \"%s\" instead of \"%s\"", i, dw_buf_str(&got), table[i].commands);
		dw_inbound_fini(&in);
	}
}

static void below_a_long_mail(void **state)
{
	struct dw_inbound in;
	DW_BUF b = { 0 };

	(void)state;
	dw_buf_puts(&b, "From: a@example.com\r\n\r\nOn Wed, 25 Nov 2026, Duewatch <d@example.com> wrote:\r\n");
	for (int i = 0; i < 3000; i++)
		dw_buf_puts(&b, "> yes\r\n");
	dw_buf_puts(&b, "\r\nack\r\n");
	assert_int_equal(dw_inbound_parse(&in, b.p, b.n, NULL, TODAY, NULL), 0);
	assert_int_equal(in.n_command, 1);
	assert_int_equal(in.command[0].verb, DW_VERB_ACK);
	dw_inbound_fini(&in);
}

/* Much of everything ends soon, and is refused or cut. */
static void bounds(void **state)
{
	static const struct {
		const char *head, *again, *tail;
		enum dw_inbound_kind kind;
	} table[] = {
		{ "Subject: x\r\n\r\n", "ack\r\n", "", DW_IN_REPLY },
		{ "Subject: x\r\n\r\n", "> ", "\r\nack\r\n", DW_IN_REPLY },
		{ "Subject: x\r\n\r\n", "On 2026 @\r\n", "", DW_IN_REPLY },
		{ "References: ", "<a@b> ", "\r\n\r\nack\r\n", DW_IN_REPLY },
		{ "From: ", "a@b, ", "\r\n\r\nack\r\n", DW_IN_REPLY },
		{ "From: ", "(", "\r\n\r\nack\r\n", DW_IN_REPLY },
		{ "Subject: ", "=?utf-8?B?5a?= ", "\r\n\r\nack\r\n", DW_IN_REPLY },
		{ "To: ", "a@", "\r\n\r\nack\r\n", DW_IN_REPLY },
		{ "X: y\r\n", "Delivered-To: a@b\r\n", "\r\nack\r\n", DW_IN_REPLY },
		{ "X: y\r\n", "Authentication-Results: a\r\n", "\r\nack\r\n", DW_IN_REPLY },
		{ "Authentication-Results: " US "; ", "(", "\r\n\r\nack\r\n", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: text/html\r\n\r\n", "<div>", "ack", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: text/html\r\n\r\n", "<b><i>", "ack", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: text/html\r\n\r\n", "<!--", "ack", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: text/html\r\n\r\n", "<a b", "ack", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: text/html\r\n\r\n<a ", "b=c ", "ack", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: text/html\r\n\r\n", "&amp", "ack", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: text/html\r\n\r\n", "<table><tr><td>", "ack", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: text/html\r\n\r\n", "</p>", "ack", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: text/html\r\n\r\n", "<p></div>", "ack", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: text/html\r\n\r\n", "<?x ", "ack", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: text/html\r\n\r\n", "<![CDATA[", "ack", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: text/html\r\n\r\n", "<script>", "ack", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n", "--a\r\n\r\n", "ack\r\n--a--\r\n", DW_IN_REPLY },
		{ "", "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n", "\r\nack\r\n", DW_IN_BROKEN },
		{ "", "Content-Type: message/rfc822\r\n\r\n", "\r\nack\r\n", DW_IN_BROKEN },
		{ "X: y\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=a\r\n\r\n--a\r\nContent-Type: "
		  "message/delivery-status\r\n\r\n", "Final-Recipient: rfc822; a@b\r\nAction: delayed\r\n\r\n", "--a--\r\n", DW_IN_BOUNCE },
		{ "X: y\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=a\r\n\r\n--a\r\nContent-Type: "
		  "message/delivery-status\r\n\r\nDiagnostic-Code: ", "x\r\n ", "\r\n--a--\r\n", DW_IN_AUTOREPLY },
		{ "X: y\r\nContent-Type: text/plain; format=flowed\r\n\r\n", "a \r\n", "", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n", "+AG", "", DW_IN_REPLY },
		{ "X: y\r\nContent-Type: text/plain; charset=gbk\r\nContent-Transfer-Encoding: base64\r\n\r\n", "gYGB\r\n", "", DW_IN_REPLY },
	};
	char *p = malloc(DW_IN_MAIL_MAX + 1000);
	double slowest = 0;
	size_t which = 0;

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < DW_COUNT(table); i++) {
		size_t n = (size_t)sprintf(p, "%s", table[i].head), k = strlen(table[i].again);
		struct timespec a, b;
		struct dw_inbound in;
		double ms;
		/* of a header 64 KiB are read, and the cases of a bomb are all header */
		size_t size = strstr(table[i].head, "\r\n\r\n") || !*table[i].head ? DW_IN_MAIL_MAX : 64 * 1024;

		while (n + k + strlen(table[i].tail) + 1 < size) {
			memcpy(p + n, table[i].again, k);
			n += k;
		}
		n += (size_t)sprintf(p + n, "%s", table[i].tail);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		parse_text(&in, p, n);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
		if (ms > slowest) {
			slowest = ms;
			which = i;
		}
		if (in.kind != table[i].kind)
			fail_msg("%s%s…: kind %d, %s", table[i].head, table[i].again, in.kind, in.rest ? in.rest : "-");
		assert_true(in.n_command <= DW_COMMANDS_MAX && in.n_ref <= DW_REFS_MAX);
		dw_inbound_fini(&in);
	}
	print_message("slowest of 1 MiB: %.0f ms (%s%s)\n", slowest, table[which].head, table[which].again);
	memset(p, 'x', DW_IN_MAIL_MAX + 1000);
	memcpy(p, "Subject: ", 9);
	memcpy(p + 70000, "\r\n\r\nack", 7);
	{
		struct dw_inbound in;

		parse_text(&in, p, 80000);
		assert_int_equal(in.kind, DW_IN_BROKEN);
		assert_non_null(strstr(in.rest, "64 KiB"));
		dw_inbound_fini(&in);
	}
	memset(p, 'x', DW_IN_MAIL_MAX + 1000);
	memcpy(p, "Subject: ack\r\n\r\n", 16);
	for (size_t n = DW_IN_MAIL_MAX; n <= DW_IN_MAIL_MAX + 1; n++) {
		struct dw_inbound in;

		parse_text(&in, p, n);
		assert_int_equal(in.kind, n > DW_IN_MAIL_MAX ? DW_IN_BROKEN : DW_IN_REPLY);
		dw_inbound_fini(&in);
	}
	free(p);
}

static void more_commands_than_we_take(void **state)
{
	DW_BUF b = { 0 };
	struct dw_inbound in;

	(void)state;
	dw_buf_puts(&b, "From: a@example.com\r\n\r\n");
	for (int i = 0; i < 30; i++)
		dw_buf_printf(&b, "ack 99887766%02d\r\n", i);
	parse_text(&in, b.p, b.n);
	assert_int_equal(in.n_command, DW_COMMANDS_MAX);
	assert_string_equal(in.rest, "ack 9988776620");
	dw_inbound_fini(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_are_understood),
		cmocka_unit_test(programs_are_told_apart),
		cmocka_unit_test(the_head_is_read),
		cmocka_unit_test(odd_headers_vouch_for_nobody),
		cmocka_unit_test(whose_words),
		cmocka_unit_test(below_a_long_mail),
		cmocka_unit_test(bounds),
		cmocka_unit_test(more_commands_than_we_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
