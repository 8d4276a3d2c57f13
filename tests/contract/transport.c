/* The transports against a scripted relay (tests/integration/smtpd.py) and a real folder: every stage, every verdict,
 * TLS, aborts from another thread, limits. Nothing sleeps: the relay says what it is doing, and the test waits for it. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../daemon/mail/transport-impl.h"
#include "smtpd.h"

#define MAIL "From: a@example.com\r\nSubject: hello\r\n\r\nbody\r\n"

static char folder[] = "/tmp/duewatch-transport-XXXXXX";

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* the relay */

#define ORDER(r, ...)                                          \
	do {                                                   \
		char order_[512];                              \
		snprintf(order_, sizeof(order_), __VA_ARGS__); \
		relay_order(r, order_);                              \
	} while (0)

static struct relay plain; /* no TLS, no AUTH; mails in FOLDER/plain */

/* a transport to it */

static const struct dw_envelope env = { .from = "duewatch@example.com", .to = "bo@example.com" };

static struct dw_transport *connect_to(const struct relay *r, const char *scheme, struct dw_transport_conf conf)
{
	struct dw_transport *t = NULL;
	struct dw_err err = { "" };
	char url[64];

	snprintf(url, sizeof(url), "%s:%s", scheme, r->port);
	conf.url = url;
	if (dw_transport_new(&t, &conf, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

static struct dw_transport *to_plain(int connect_s, int answer_s)
{
	return connect_to(&plain, "smtp://127.0.0.1",
			  (struct dw_transport_conf){ .starttls_off = true, .connect_s = connect_s, .answer_s = answer_s,
						      .helo = "shop.example.com" });
}

static void slurp(const char *path, struct dw_buf *b)
{
	FILE *f = fopen(path, "r");
	char chunk[4096];
	size_t n;

	if (!f)
		fail_msg("no file %s", path);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		dw_buf_add(b, chunk, n);
	fclose(f);
}

static int mails; /* accepted by plain so far: tests run one after another */

static void assert_stored(const char *bytes, size_t n)
{
	DW_BUF got = { 0 };
	char name[32];

	snprintf(name, sizeof(name), "plain/%05d.eml", mails);
	slurp(path_of(name), &got);
	assert_int_equal(got.n, n);
	assert_memory_equal(got.p, bytes, n);
}

static void send_ok(struct dw_transport *t, const char *bytes, size_t n)
{
	struct dw_answer a;

	dw_transport_send(t, &env, "id", bytes, n, &a);
	if (a.verdict != DW_SENT)
		fail_msg("verdict %d: %s\n%s", a.verdict, a.text, dw_transport_session(t));
	assert_int_equal(a.stage, DW_AT_DOT);
	assert_int_equal(a.code, 250);
	assert_true(a.final_dot);
	mails++;
}

/* pure parts */

static void test_addresses(void **state)
{
	static const char *good[] = { "a@b", "duewatch@example.com", "x+y.z@xn--fiq228c.example", "o'neil@a-b.example",
				      ".two..dots.@example.jp" };
	static const char *bad[] = { "", "a", "@b", "a@", "a@b@c", "a b@c", "a@b c", "a@b\r\nRCPT TO:<x@y>", "a\n@b",
				     "a@b\t", "<a@b>", "a@b>", "\"a\"@b", "a@-b", "a@b-", "a@b-.c", "a@.b", "a@b.",
				     "a@b..c", "a@[1.2.3.4]", "\xE5\xBC\xA0@b", "a@\xE5\xBC\xA0", "a,b@c", "a@b\x7F" };
	char lng[300];

	(void)state;
	for (size_t i = 0; i < DW_COUNT(good); i++)
		if (!dw_address_ok(good[i]))
			fail_msg("refused %s", good[i]);
	for (size_t i = 0; i < DW_COUNT(bad); i++)
		if (dw_address_ok(bad[i]))
			fail_msg("accepted %s", bad[i]);
	assert_false(dw_address_ok(NULL));
	memset(lng, 'a', sizeof(lng));
	memcpy(lng + 64, "@b", 3);
	assert_true(dw_address_ok(lng));
	memcpy(lng + 64, "a@b", 4);
	assert_false(dw_address_ok(lng));
	memset(lng, 'a', sizeof(lng));
	lng[1] = '@';
	for (size_t i = 60; i < sizeof(lng); i += 50)
		lng[i] = '.';
	lng[254] = '\0';
	assert_true(dw_address_ok(lng));
	lng[254] = 'a';
	lng[255] = '\0';
	assert_false(dw_address_ok(lng));
}

static void test_urls(void **state)
{
	static const char *good[] = { "smtp://localhost", "smtps://smtp.example.com:465", "SMTP://a:25/",
				      "smtp://[::1]:2525", "smtp://127.0.0.1:65535", "maildir:///tmp/x" };
	static const char *bad[] = { "", "smtp", "http://a", "smtp://", "smtp://u:p@a", "smtp://a/path", "smtp://a:0",
				     "smtp://a:65536", "smtp://a:b", "smtp://a:", "smtp://a b", "smtp://a\r\nX", "smtp://[::1",
				     "smtp://[::1]x", "smtp://a?b", "smtp://a#b", "file:///x", "maildir://x", "maildir:x" };
	struct dw_transport *t = NULL;
	struct dw_err err;

	(void)state;
	for (size_t i = 0; i < DW_COUNT(good); i++) {
		struct dw_transport_conf conf = { .url = good[i] };

		if (dw_transport_new(&t, &conf, &err) < 0)
			fail_msg("%s: %s", good[i], err.text);
		dw_transport_free(t);
	}
	t = NULL;
	for (size_t i = 0; i < DW_COUNT(bad); i++) {
		struct dw_transport_conf conf = { .url = bad[i] };

		if (dw_transport_new(&t, &conf, &err) != -EINVAL || t)
			fail_msg("accepted %s", bad[i]);
	}
	assert_int_equal(dw_transport_new(&t, &(struct dw_transport_conf){ .url = "smtp://a", .helo = "x\r\nRSET" }, &err),
			 -EINVAL);
	assert_int_equal(dw_transport_new(&t, &(struct dw_transport_conf){ .url = "smtp://a", .username = "x\r\nRSET" }, &err),
			 -EINVAL);
	dw_transport_free(NULL);
}

static void test_verdicts(void **state)
{
	/* libcurl's codes: 0 ok, 6 no such host, 7 no connection, 8 odd or refused answer, 28 late, 35 TLS, 42 aborted,
	 * 55 refused command or failed write, 56 cut, 60 certificate, 64 no STARTTLS, 67 login */
	static const struct {
		int curl, code;
		enum dw_stage stage;
		const char *text;
		enum dw_verdict want;
	} c[] = {
		{ 0, 250, DW_AT_DOT, "250 2.0.0 Ok: queued as X", DW_SENT },
		{ 8, 251, DW_AT_DOT, "251 ok", DW_SENT },
		{ 6, 0, DW_AT_CONNECT, "", DW_RETRY },
		{ 7, 0, DW_AT_CONNECT, "", DW_RETRY },
		{ 8, 421, DW_AT_CONNECT, "421 busy", DW_RETRY },
		{ 8, 554, DW_AT_CONNECT, "554 5.7.1 no", DW_RELAY_REFUSED },
		{ 28, 0, DW_AT_CONNECT, "", DW_RETRY },
		{ 28, 502, DW_AT_CONNECT, "502 EHLO?", DW_RETRY },
		{ 35, 0, DW_AT_TLS, "wrong version number", DW_RELAY_REFUSED },
		{ 35, 0, DW_AT_TLS, "SSL_connect: SSL_ERROR_SYSCALL", DW_RETRY },
		{ 35, 0, DW_AT_TLS, "Connection reset by peer", DW_RETRY },
		{ 60, 220, DW_AT_TLS, "", DW_RELAY_REFUSED },
		{ 64, 250, DW_AT_TLS, "", DW_RELAY_REFUSED },
		{ 64, 454, DW_AT_TLS, "454 later", DW_RETRY },
		{ 67, 535, DW_AT_AUTH, "535 5.7.8 no", DW_RELAY_REFUSED },
		{ 67, 454, DW_AT_AUTH, "454 4.7.0 later", DW_RETRY },
		{ 67, 421, DW_AT_AUTH, "421 bye", DW_RETRY },
		{ 67, 250, DW_AT_CONNECT, "", DW_RELAY_REFUSED },
		{ 55, 451, DW_AT_MAIL, "451 4.1.8 later", DW_RETRY },
		{ 55, 550, DW_AT_MAIL, "550 5.1.1 odd", DW_RELAY_REFUSED },
		{ 55, 530, DW_AT_MAIL, "530 5.7.0 log in", DW_RELAY_REFUSED },
		{ 55, 552, DW_AT_MAIL, "552 5.3.4 too big", DW_RELAY_REFUSED },
		{ 55, 550, DW_AT_RCPT, "550 5.1.1 no such user", DW_DEAD_ADDRESS },
		{ 55, 550, DW_AT_RCPT, "550-5.1.1 no such user", DW_DEAD_ADDRESS },
		{ 55, 550, DW_AT_RCPT, "550 5.1.10 null mx", DW_DEAD_ADDRESS },
		{ 55, 550, DW_AT_RCPT, "550 5.1.1", DW_DEAD_ADDRESS },
		{ 55, 550, DW_AT_RCPT, "550 5.2.1 disabled", DW_DEAD_ADDRESS },
		{ 55, 554, DW_AT_RCPT, "554 5.1.2 no such domain", DW_DEAD_ADDRESS },
		{ 55, 550, DW_AT_RCPT, "550 no such user", DW_DEAD_ADDRESS },
		{ 55, 550, DW_AT_RCPT, "550", DW_DEAD_ADDRESS },
		{ 55, 551, DW_AT_RCPT, "551 moved", DW_DEAD_ADDRESS },
		{ 55, 553, DW_AT_RCPT, "553 bad name", DW_DEAD_ADDRESS },
		{ 55, 550, DW_AT_RCPT, "550 5.1 users", DW_DEAD_ADDRESS }, /* no enhanced code */
		{ 55, 550, DW_AT_RCPT, "550 5.1.1000 x", DW_DEAD_ADDRESS },
		{ 55, 550, DW_AT_RCPT, NULL, DW_DEAD_ADDRESS },
		{ 55, 553, DW_AT_RCPT, "553 5.1.8 sender's domain not found", DW_RELAY_REFUSED },
		{ 55, 553, DW_AT_RCPT, "553 5.1.7 bad sender", DW_RELAY_REFUSED },
		{ 55, 552, DW_AT_RCPT, "552 mailbox full", DW_RELAY_REFUSED },
		{ 55, 552, DW_AT_RCPT, "552 5.2.2 mailbox full", DW_RELAY_REFUSED },
		{ 55, 550, DW_AT_RCPT, "550 5.7.1 access denied", DW_RELAY_REFUSED },
		{ 55, 554, DW_AT_RCPT, "554 no", DW_RELAY_REFUSED },
		{ 55, 550, DW_AT_RCPT, "550 4.1.1 mixed up", DW_RELAY_REFUSED },
		{ 55, 450, DW_AT_RCPT, "450 4.1.1 greylisted", DW_RETRY },
		{ 55, 452, DW_AT_RCPT, "452 4.5.3 too many", DW_RETRY },
		{ 55, 421, DW_AT_RCPT, "421 bye", DW_RETRY },
		{ 28, 0, DW_AT_RCPT, "", DW_RETRY },
		{ 55, 554, DW_AT_DATA, "554 5.7.1 no", DW_RELAY_REFUSED },
		{ 55, 451, DW_AT_DATA, "451 later", DW_RETRY },
		{ 28, 354, DW_AT_DATA, "", DW_RETRY }, /* the body broke off: no dot was sent */
		{ 55, 354, DW_AT_DATA, "", DW_RETRY },
		{ 0, 0, DW_AT_DOT, "", DW_UNSURE }, /* libcurl took something for a 250 */
		{ 28, 354, DW_AT_DOT, "", DW_UNSURE },
		{ 42, 354, DW_AT_DOT, "", DW_UNSURE },
		{ 56, 354, DW_AT_DOT, "", DW_UNSURE },
		{ 23, 0, DW_AT_DOT, "", DW_UNSURE },
		{ 27, 354, DW_AT_DOT, "", DW_UNSURE },
		{ 8, 354, DW_AT_DOT, "", DW_UNSURE },
		{ 55, 354, DW_AT_DOT, "", DW_RETRY }, /* the dot could not be written */
		{ 8, 451, DW_AT_DOT, "451 later", DW_RETRY },
		{ 8, 421, DW_AT_DOT, "421 bye", DW_RETRY },
		{ 8, 550, DW_AT_DOT, "550 5.1.1 odd", DW_RELAY_REFUSED },
		{ 8, 554, DW_AT_DOT, "554 5.7.1 spam", DW_RELAY_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(c); i++) {
		enum dw_verdict got = dw_smtp_verdict(c[i].curl, c[i].code, c[i].stage, c[i].text);

		if (got != c[i].want)
			fail_msg("curl %d, %d at %d '%s': %d, not %d", c[i].curl, c[i].code, c[i].stage,
				 c[i].text ? c[i].text : "", got, c[i].want);
	}
}

static void test_scrub(void **state)
{
	static const struct {
		const char *in, *want;
	} c[] = {
		{ "250 ok", "250 ok" },
		{ "  a\tb\r\nc  ", "a b c" },
		{ "\xE4\xBD\xA0\xE5\xA5\xBD", "\xE4\xBD\xA0\xE5\xA5\xBD" },
		{ "a\xFFz\xC0\xAF", "a?z??" },
		{ "a\x1B[31mb\x7F", "a [31mb" },
		{ "a\xC2\x9B" "b", "a b" },				  /* C1 */
		{ "a\xE2\x80\xAE" "b\xE2\x81\xA6" "c\xE2\x80\xA8" "d", "a b c d" }, /* bidi, line separator */
		{ "my hunter2! and hunter2!", "my *** and ***" },
		{ "aHVudGVyMiE= AGJvAGh1bnRlcjIh", "*** ***" },
		{ "", "" },
	};
	struct dw_secrets s;
	struct dw_answer a;
	char big[600];

	(void)state;
	assert_int_equal(dw_secrets_init(&s, "bo", "hunter2!"), 0);
	for (size_t i = 0; i < DW_COUNT(c); i++) {
		DW_BUF b = { 0 };

		dw_transport_scrub(&b, &s, c[i].in, strlen(c[i].in), 1000);
		assert_string_equal(dw_buf_str(&b), c[i].want);
	}
	for (size_t max = 20; max < 60; max++) { /* a cut never leaves a part of a secret */
		DW_BUF b = { 0 };

		dw_transport_scrub(&b, &s, "xxxxxxxxxxxxxxxxxxxxxxxxhunter2!xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 68, max);
		assert_null(strstr(dw_buf_str(&b), "hun"));
	}
	memset(big, 'a', sizeof(big));
	memcpy(big + 510, "\xE4\xBD\xA0", 3);
	big[599] = '\0';
	dw_answer_text(&a, NULL, big);
	assert_int_equal(strlen(a.text), 510); /* cut before the character that doesn't fit */
	dw_secrets_fini(&s);
}

/* mails arrive, and whole */

static void test_sent(void **state)
{
	struct dw_transport *t = to_plain(0, 0);
	struct dw_answer a;
	DW_BUF json = { 0 };
	char name[32];

	(void)state;
	relay_order(&plain, "plain");
	dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
	mails++;
	assert_int_equal(a.verdict, DW_SENT);
	assert_non_null(strstr(a.text, "250 2.0.0 ok: queued as "));
	assert_stored(MAIL, strlen(MAIL));
	assert_non_null(strstr(dw_transport_session(t), "< 220 relay.example.com ESMTP test\n> EHLO shop.example.com\n"));
	assert_non_null(strstr(dw_transport_session(t), "> RCPT TO:<bo@example.com>\n< 250 2.1.5 ok\n> DATA\n< 354 "));

	send_ok(t, MAIL, strlen(MAIL));
	assert_null(strstr(dw_transport_session(t), "EHLO")); /* the connection is kept */
	snprintf(name, sizeof(name), "plain/%05d.json", mails);
	slurp(path_of(name), &json);
	assert_non_null(strstr(json.p, "\"from\": \"duewatch@example.com\", \"to\": [\"bo@example.com\"]"));
	dw_transport_free(t);
	relay_wait(&plain, "C QUIT");
}

static void test_intact(void **state)
{
	static const struct {
		const char *in, *want; /* want: NULL for the same */
	} c[] = {
		{ ".\r\n", NULL },
		{ "..\r\n.a\r\n\r\n.\r\n.\r\nRSET\r\n", NULL },
		{ "a\r\n.", "a\r\n.\r\n" },
		{ "no end", "no end\r\n" },
		{ "a\r\n\r\n", NULL },
		{ "a\n.\nb\rc\r\n", "a\r\n.\r\nb\r\nc\r\n" },
		{ "\xE4\xBD\xA0\r\n", NULL },
	};
	struct dw_transport *t = to_plain(0, 0);
	DW_BUF big = { 0 };
	unsigned seed = 7;

	(void)state;
	for (size_t i = 0; i < DW_COUNT(c); i++) {
		const char *want = c[i].want ? c[i].want : c[i].in;

		send_ok(t, c[i].in, strlen(c[i].in));
		assert_stored(want, strlen(want));
	}
	while (big.n < 300000) { /* over libcurl's 64 KiB pieces, dots and line ends at every place in them */
		seed = seed * 1103515245 + 12345;
		dw_buf_printf(&big, "%s%.*s\r\n", seed & 1024 ? "." : "", (int)(seed >> 16 & 7), ".......");
	}
	send_ok(t, big.p, big.n);
	assert_stored(big.p, big.n);
	dw_transport_free(t);
}

static void test_bad_addresses_never_leave(void **state)
{
	struct dw_transport *t = to_plain(0, 0);
	struct dw_answer a;

	(void)state;
	dw_transport_send(t, &(struct dw_envelope){ env.from, "a@b\r\nRCPT TO:<x@y>" }, "id", MAIL, strlen(MAIL), &a);
	assert_int_equal(a.verdict, DW_DEAD_ADDRESS);
	assert_int_equal(a.stage, DW_AT_RCPT);
	dw_transport_send(t, &(struct dw_envelope){ "a@b>\r\nDATA", env.to }, "id", MAIL, strlen(MAIL), &a);
	assert_int_equal(a.verdict, DW_RELAY_REFUSED);
	assert_string_equal(dw_transport_session(t), "");
	dw_transport_free(t);
}

/* every stage against every answer */

static void test_stages(void **state)
{
	static const struct {
		const char *script;
		enum dw_verdict verdict;
		enum dw_stage stage;
		int code;
		const char *text;
	} c[] = {
		{ "BANNER 421 4.3.2 busy|cut", DW_RETRY, DW_AT_CONNECT, 421, "421 4.3.2 busy" },
		{ "BANNER 554 5.7.1 go away", DW_RELAY_REFUSED, DW_AT_CONNECT, 554, "554 5.7.1 go away" },
		{ "BANNER cut", DW_RETRY, DW_AT_CONNECT, 0, "cut the connection" },
		{ "BANNER reset", DW_RETRY, DW_AT_CONNECT, 0, "connect" }, /* or "can't connect": the reset may be quicker than we */
		{ "BANNER garbage|cut", DW_RETRY, DW_AT_CONNECT, 0, "cut the connection" },
		{ "BANNER 220-one\\n220 two", DW_SENT, DW_AT_DOT, 250, "250" },
		{ "EHLO 421 bye|cut", DW_RETRY, DW_AT_CONNECT, 421, "421 bye" },
		{ "EHLO 550 no", DW_RELAY_REFUSED, DW_AT_CONNECT, 550, "550 no" },
		{ "EHLO cut", DW_RETRY, DW_AT_CONNECT, 0, "cut the connection, EHLO unanswered" },
		{ "MAIL 451 4.3.0 later", DW_RETRY, DW_AT_MAIL, 451, "451 4.3.0 later" },
		{ "MAIL 421 4.7.0 slow down|cut", DW_RETRY, DW_AT_MAIL, 421, "421 4.7.0 slow down" },
		{ "MAIL 550 5.1.0 sender", DW_RELAY_REFUSED, DW_AT_MAIL, 550, "550 5.1.0 sender" },
		{ "MAIL 552 5.3.4 too big", DW_RELAY_REFUSED, DW_AT_MAIL, 552, "552 5.3.4 too big" },
		{ "MAIL cut", DW_RETRY, DW_AT_MAIL, 0, "MAIL unanswered" },
		{ "RCPT 550 5.1.1 nobody", DW_DEAD_ADDRESS, DW_AT_RCPT, 550, "550 5.1.1 nobody" },
		{ "RCPT 550-5.1.1 no such\\n550-5.1.1 user\\n550 5.1.1 here", DW_DEAD_ADDRESS, DW_AT_RCPT, 550,
		  "550 5.1.1 no such user here" },
		{ "RCPT 550-5.7.1 no\\n550 5.7.1 way", DW_RELAY_REFUSED, DW_AT_RCPT, 550, "550 5.7.1 no way" },
		{ "RCPT 550 nobody", DW_DEAD_ADDRESS, DW_AT_RCPT, 550, "550 nobody" },
		{ "RCPT 550", DW_DEAD_ADDRESS, DW_AT_RCPT, 550, "550" },
		{ "RCPT 552 5.2.2 full", DW_RELAY_REFUSED, DW_AT_RCPT, 552, "552 5.2.2 full" },
		{ "RCPT 550 5.7.1 access denied", DW_RELAY_REFUSED, DW_AT_RCPT, 550, "550 5.7.1 access denied" },
		{ "RCPT 450 4.2.0 greylisted", DW_RETRY, DW_AT_RCPT, 450, "450 4.2.0 greylisted" },
		{ "RCPT cut", DW_RETRY, DW_AT_RCPT, 0, "RCPT unanswered" },
		{ "RCPT:bo@example.com 550 5.2.1 off", DW_DEAD_ADDRESS, DW_AT_RCPT, 550, "550 5.2.1 off" },
		{ "RCPT:al@example.com 550 5.2.1 off", DW_SENT, DW_AT_DOT, 250, "250" },
		{ "DATA 554 5.7.1 policy", DW_RELAY_REFUSED, DW_AT_DATA, 554, "554 5.7.1 policy" },
		{ "DATA 451 later", DW_RETRY, DW_AT_DATA, 451, "451 later" },
		{ "DATA cut", DW_RETRY, DW_AT_DATA, 0, "DATA unanswered" },
		{ "DOT 451 4.3.0 later", DW_RETRY, DW_AT_DOT, 451, "451 4.3.0 later" },
		{ "DOT 421 4.3.2 bye|cut", DW_RETRY, DW_AT_DOT, 421, "421 4.3.2 bye" },
		{ "DOT 554 5.7.1 spam", DW_RELAY_REFUSED, DW_AT_DOT, 554, "554 5.7.1 spam" },
		{ "DOT 550 5.1.1 odd", DW_RELAY_REFUSED, DW_AT_DOT, 550, "550 5.1.1 odd" },
		{ "DOT 552 5.3.4 big", DW_RELAY_REFUSED, DW_AT_DOT, 552, "552 5.3.4 big" },
		{ "DOT cut", DW_UNSURE, DW_AT_DOT, 354, "the message's end unanswered" },
		{ "DOT reset", DW_UNSURE, DW_AT_DOT, 354, "the message's end unanswered" },
		{ "DOT 250-one\\n250 2.0.0 queued as 77", DW_SENT, DW_AT_DOT, 250, "250 one 2.0.0 queued as 77" },
		{ "DOT 251 fine", DW_SENT, DW_AT_DOT, 251, "251 fine" },
		{ "DOT 250 ok|421 bye|cut", DW_SENT, DW_AT_DOT, 250, "250 ok" },
		{ "DOT 250 \x1B[31mred\x07", DW_SENT, DW_AT_DOT, 250, "250 [31mred" },
		{ "DOT wait:0.3|250 ok", DW_SENT, DW_AT_DOT, 250, "250 ok" },
		{ "DOT slow:0.01:250 by the byte", DW_SENT, DW_AT_DOT, 250, "250 by the byte" },
		{ "QUIT hang", DW_SENT, DW_AT_DOT, 250, "250" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(c); i++) {
		struct dw_transport *t = to_plain(10, 10);
		struct dw_answer a;
		int64_t t0;

		relay_order(&plain, "plain");
		ORDER(&plain, "on %s", c[i].script);
		t0 = now_ms();
		dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
		if (a.verdict != c[i].verdict || a.stage != c[i].stage || a.code != c[i].code || !strstr(a.text, c[i].text))
			fail_msg("%s: verdict %d, stage %d, code %d, '%s'\n%s", c[i].script, a.verdict, a.stage, a.code,
				 a.text, dw_transport_session(t));
		assert_int_equal(a.final_dot, a.stage == DW_AT_DOT);
		mails += a.verdict == DW_SENT;
		dw_transport_free(t);
		if (now_ms() - t0 > 2000)
			fail_msg("%s took %d ms", c[i].script, (int)(now_ms() - t0));
	}
	relay_order(&plain, "plain");
}

/* a refused mail must not wait for the answer to QUIT */
static void test_quit_never_waits(void **state)
{
	static const char *const script[] = { "RCPT 550 5.1.1 nobody", "DOT 554 5.7.1 spam", "MAIL 451 later" };

	(void)state;
	for (size_t i = 0; i < DW_COUNT(script); i++) {
		struct dw_transport *t = to_plain(10, 10);
		struct dw_answer a;
		int64_t t0;

		relay_order(&plain, "plain");
		relay_order(&plain, "on QUIT hang");
		ORDER(&plain, "on %s", script[i]);
		t0 = now_ms();
		dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
		assert_int_not_equal(a.verdict, DW_SENT);
		assert_null(strstr(a.text, "221"));
		dw_transport_free(t);
		assert_in_range(now_ms() - t0, 0, 1500);
	}
	relay_order(&plain, "plain");
}

/* trap 4: the relay closed the kept connection meanwhile */
static void test_stale_connection(void **state)
{
	static const char *const script[] = { "DOT 250 ok|421 4.4.2 idle too long|cut", "DOT 250 ok|cut", "DOT 250 ok|reset" };

	(void)state;
	for (size_t i = 0; i < DW_COUNT(script); i++) {
		struct dw_transport *t = to_plain(10, 10);

		relay_order(&plain, "plain");
		ORDER(&plain, "once %s", script[i]);
		send_ok(t, MAIL, strlen(MAIL));
		relay_wait(&plain, "gone");
		send_ok(t, MAIL, strlen(MAIL));
		assert_non_null(strstr(dw_transport_session(t), "EHLO"));
		dw_transport_free(t);
	}
	relay_order(&plain, "plain");
}

/* a relay that answers every kept connection's MAIL with 421 and a new one's too: one more try, then RETRY */
static void test_stale_once_only(void **state)
{
	struct dw_transport *t = to_plain(10, 10);
	struct dw_answer a;
	int n = 0;

	(void)state;
	relay_order(&plain, "plain");
	send_ok(t, MAIL, strlen(MAIL));
	relay_order(&plain, "on MAIL 421 4.7.0 slow down|cut");
	dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
	assert_int_equal(a.verdict, DW_RETRY);
	assert_int_equal(a.code, 421);
	for (const char *s = dw_transport_session(t); (s = strstr(s, "> MAIL")); s++)
		n++;
	assert_int_equal(n, 2);
	dw_transport_free(t);
	relay_order(&plain, "plain");
}

/* limits */

static void test_late(void **state)
{
	static const struct {
		const char *script;
		enum dw_verdict verdict;
		enum dw_stage stage;
		const char *text;
	} c[] = {
		{ "BANNER hang", DW_RETRY, DW_AT_CONNECT, "within 1 s" },
		{ "EHLO hang", DW_RETRY, DW_AT_CONNECT, "didn't answer EHLO within 1 s" },
		{ "RCPT hang", DW_RETRY, DW_AT_RCPT, "didn't answer RCPT within 1 s" },
		{ "DATA slow:0.3:354 go on then", DW_RETRY, DW_AT_DATA, "didn't answer DATA within 1 s" },
		{ "BODY hang", DW_UNSURE, DW_AT_DOT, "didn't answer the message's end within 1 s" },
		{ "DOT hang", DW_UNSURE, DW_AT_DOT, "didn't answer the message's end within 1 s" },
		{ "DOT slow:0.2:250 ok by the byte", DW_UNSURE, DW_AT_DOT, "within 1 s" },
		{ "MAIL flood:250", DW_RETRY, DW_AT_MAIL, "no proper answer to MAIL" },
		{ "DOT flood:250", DW_UNSURE, DW_AT_DOT, "no proper answer to the message's end" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(c); i++) {
		struct dw_transport *t = to_plain(1, 1);
		struct dw_answer a;
		int64_t t0;

		relay_order(&plain, "plain");
		ORDER(&plain, "on %s", c[i].script);
		t0 = now_ms();
		dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
		if (a.verdict != c[i].verdict || a.stage != c[i].stage || !strstr(a.text, c[i].text))
			fail_msg("%s: verdict %d, stage %d, code %d, '%s'\n%s", c[i].script, a.verdict, a.stage, a.code,
				 a.text, dw_transport_session(t));
		if (strstr(c[i].script, "slow:0.2")) /* accepted, and answered too late: that is what unsure means */
			mails++;
		dw_transport_free(t);
		if (now_ms() - t0 > 3000)
			fail_msg("%s took %d ms", c[i].script, (int)(now_ms() - t0));
	}
	relay_order(&plain, "plain");
}

static void test_endless_line(void **state)
{
	struct dw_transport *t = to_plain(10, 1);
	struct dw_answer a;

	(void)state;
	relay_order(&plain, "plain");
	relay_order(&plain, "on MAIL huge:20000:250");
	send_ok(t, MAIL, strlen(MAIL));
	assert_in_range(strlen(dw_transport_session(t)), 500, 4000); /* a piece of the line is kept */
	relay_order(&plain, "on MAIL huge:5000:451");
	dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
	assert_int_equal(a.verdict, DW_RETRY);
	assert_int_equal(a.code, 451);
	assert_int_equal(strlen(a.text), sizeof(a.text) - 1);
	dw_transport_free(t);

	t = to_plain(10, 1);
	relay_order(&plain, "on MAIL huge:2000000000:250");
	dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
	assert_int_equal(a.verdict, DW_RETRY);
	assert_int_equal(a.stage, DW_AT_MAIL);
	dw_transport_free(t);
	relay_order(&plain, "plain");
}

/* a body larger than any socket buffer into a relay that doesn't read: no dot was sent, so nothing was handed over */
static void test_body_stuck(void **state)
{
	struct dw_transport *t = to_plain(10, 1);
	struct dw_answer a;
	size_t n = 24 << 20;
	DW_FREE char *big = malloc(n);

	(void)state;
	assert_non_null(big);
	for (size_t i = 0; i < n; i += 64)
		memcpy(big + i, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 64);
	relay_order(&plain, "plain");
	relay_order(&plain, "on BODY wait:60");
	dw_transport_send(t, &env, "id", big, n, &a);
	assert_int_equal(a.verdict, DW_RETRY);
	assert_int_equal(a.stage, DW_AT_DATA);
	assert_false(a.final_dot);
	dw_transport_free(t);
	relay_order(&plain, "plain");
}

/* abort */

struct sending {
	struct dw_transport *t;
	struct dw_answer a;
};

static void *send_it(void *p)
{
	struct sending *s = p;

	dw_transport_send(s->t, &env, "id", MAIL, strlen(MAIL), &s->a);
	return NULL;
}

static void abort_at(struct relay *r, const char *wait_for, struct dw_transport *t, enum dw_verdict want)
{
	struct sending s = { .t = t };
	struct dw_answer a;
	pthread_t th;
	int64_t t0;

	assert_int_equal(pthread_create(&th, NULL, send_it, &s), 0);
	relay_wait(r, wait_for);
	t0 = now_ms();
	dw_transport_abort(t);
	pthread_join(th, NULL);
	assert_in_range(now_ms() - t0, 0, 999);
	assert_int_equal(s.a.verdict, want);
	assert_non_null(strstr(s.a.text, "stopped while"));
	dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a); /* for good */
	assert_int_equal(a.verdict, DW_RETRY);
	dw_transport_free(t);
	assert_in_range(now_ms() - t0, 0, 1999);
}

static void test_abort(void **state)
{
	static const struct {
		const char *script, *wait_for;
		enum dw_verdict want;
	} c[] = {
		{ "BANNER hang", "! hang", DW_RETRY }, { "EHLO hang", "! hang", DW_RETRY },
		{ "MAIL hang", "! hang", DW_RETRY },   { "DATA hang", "! hang", DW_RETRY },
		{ "DOT hang", "! hang", DW_UNSURE },   { "DOT slow:0.3:250 very slowly", "! slow", DW_UNSURE },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(c); i++) {
		relay_order(&plain, "plain");
		ORDER(&plain, "on %s", c[i].script);
		abort_at(&plain, c[i].wait_for, to_plain(30, 60), c[i].want);
		mails += strstr(c[i].script, "slow") != NULL;
	}
	relay_order(&plain, "plain");
}

static void test_nobody_there(void **state)
{
	struct relay gone;
	struct dw_transport *t;
	struct dw_answer a;

	(void)state;
	relay_start(&gone, (const char *[]){ NULL });
	relay_stop(&gone); /* its port is free now */
	t = connect_to(&gone, "smtp://127.0.0.1", (struct dw_transport_conf){ .starttls_off = true });
	dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
	assert_int_equal(a.verdict, DW_RETRY);
	assert_int_equal(a.stage, DW_AT_CONNECT);
	assert_int_equal(a.code, 0);
	assert_non_null(strstr(a.text, "can't connect to 127.0.0.1:"));
	dw_transport_free(t);
}

/* a host that neither takes the call nor refuses it: a full queue of calls */
static int deaf_host(struct relay *r, int fd[6])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 0), 0);
	getsockname(listener, (struct sockaddr *)&a, &len);
	for (size_t i = 0; i < 6; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(fd[i], (struct sockaddr *)&a, sizeof(a));
	}
	snprintf(r->port, sizeof(r->port), "%d", ntohs(a.sin_port));
	return listener;
}

static void test_deaf_host(void **state)
{
	struct dw_transport_conf conf = { .starttls_off = true, .connect_s = 1 };
	struct relay deaf;
	struct sending s = { 0 };
	int fd[6], listener = deaf_host(&deaf, fd);
	int64_t t0 = now_ms();
	pthread_t th;

	(void)state;
	s.t = connect_to(&deaf, "smtp://127.0.0.1", conf);
	send_it(&s);
	assert_int_equal(s.a.verdict, DW_RETRY);
	assert_int_equal(s.a.stage, DW_AT_CONNECT);
	assert_non_null(strstr(s.a.text, "didn't answer our call within 1 s"));
	dw_transport_free(s.t);
	assert_in_range(now_ms() - t0, 900, 2500);

	conf.connect_s = 30;
	s.t = connect_to(&deaf, "smtp://127.0.0.1", conf);
	assert_int_equal(pthread_create(&th, NULL, send_it, &s), 0);
	t0 = now_ms();
	dw_transport_abort(s.t); /* wherever it is by now */
	pthread_join(th, NULL);
	assert_in_range(now_ms() - t0, 0, 1100);
	assert_int_equal(s.a.verdict, DW_RETRY);
	assert_non_null(strstr(s.a.text, "stopped"));
	dw_transport_free(s.t);
	for (size_t i = 0; i < 6; i++)
		close(fd[i]);
	close(listener);
}

/* TLS */

static void one_tls_send(struct relay *r, const char *scheme, struct dw_transport_conf conf, enum dw_verdict verdict,
			 enum dw_stage stage, const char *text)
{
	struct dw_transport *t = connect_to(r, scheme, conf);
	struct dw_answer a;

	dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
	if (a.verdict != verdict || a.stage != stage || !strstr(a.text, text))
		fail_msg("verdict %d, stage %d, '%s', wanted '%s'\n%s", a.verdict, a.stage, a.text, text,
			 dw_transport_session(t));
	if (stage == DW_AT_TLS) /* nothing of the mail was said */
		assert_null(strstr(dw_transport_session(t), "MAIL FROM"));
	dw_transport_free(t);
}

static void test_starttls(void **state)
{
	char ca[512];
	struct relay r;
	struct dw_transport_conf trusted = { .ca_file = ca }, blind = { 0 };

	(void)state;
	snprintf(ca, sizeof(ca), "%s/good/server.crt", folder);
	relay_start(&r, (const char *[]){ "--tls", "starttls", "--make-cert", path_of("good"), NULL });
	one_tls_send(&r, "smtp://localhost", trusted, DW_SENT, DW_AT_DOT, "250");
	one_tls_send(&r, "smtp://localhost", blind, DW_RELAY_REFUSED, DW_AT_TLS, "can't be trusted");
	one_tls_send(&r, "smtp://127.0.0.1", trusted, DW_RELAY_REFUSED, DW_AT_TLS, "127.0.0.1");
	relay_order(&r, "on STARTTLS 454 4.7.0 no TLS now");
	one_tls_send(&r, "smtp://localhost", trusted, DW_RETRY, DW_AT_TLS, "454 4.7.0 no TLS now");
	relay_order(&r, "on STARTTLS 501 no");
	one_tls_send(&r, "smtp://localhost", trusted, DW_RELAY_REFUSED, DW_AT_TLS, "501 no");
	/* lines slipped in before TLS, to be taken for the secured relay's */
	relay_order(&r, "on STARTTLS 220 go ahead\\n250-relay\\n250 AUTH PLAIN");
	one_tls_send(&r, "smtp://localhost", trusted, DW_RETRY, DW_AT_TLS, "no proper answer to STARTTLS");
	relay_order(&r, "plain");
	relay_order(&r, "on TLS cut");
	one_tls_send(&r, "smtp://localhost", trusted, DW_RETRY, DW_AT_TLS, "TLS with localhost");
	relay_order(&r, "on TLS hang");
	trusted.connect_s = 1;
	one_tls_send(&r, "smtp://localhost", trusted, DW_RETRY, DW_AT_TLS, "within 1 s");
	trusted.connect_s = 0;
	relay_order(&r, "plain");
	trusted.ca_file = "/nonexistent/ca.crt";
	one_tls_send(&r, "smtp://localhost", trusted, DW_RELAY_REFUSED, DW_AT_TLS, "can't be trusted");
	relay_stop(&r);

	/* a relay, or somebody between, that offers none: nothing is said in plain text */
	relay_order(&plain, "plain");
	one_tls_send(&plain, "smtp://127.0.0.1", blind, DW_RELAY_REFUSED, DW_AT_TLS, "offers no STARTTLS");
}

static void test_smtps(void **state)
{
	char ca[512];
	struct relay r;
	struct dw_transport_conf trusted = { .ca_file = ca };

	(void)state;
	snprintf(ca, sizeof(ca), "%s/implicit/server.crt", folder);
	relay_start(&r, (const char *[]){ "--tls", "implicit", "--make-cert", path_of("implicit"), NULL });
	one_tls_send(&r, "smtps://localhost", trusted, DW_SENT, DW_AT_DOT, "250");
	relay_order(&r, "on DOT cut");
	one_tls_send(&r, "smtps://localhost", trusted, DW_UNSURE, DW_AT_DOT, "unanswered");
	relay_order(&r, "on DOT hang");
	abort_at(&r, "! hang", connect_to(&r, "smtps://localhost", trusted), DW_UNSURE);
	relay_order(&r, "plain");
	relay_order(&r, "on TLS hang");
	abort_at(&r, "! hang", connect_to(&r, "smtps://localhost", trusted), DW_RETRY);
	relay_order(&r, "plain");
	relay_order(&r, "on RCPT 550 5.1.1 nobody");
	relay_order(&r, "on QUIT hang");
	one_tls_send(&r, "smtps://localhost", trusted, DW_DEAD_ADDRESS, DW_AT_RCPT, "550 5.1.1 nobody");
	relay_order(&r, "plain");
	relay_order(&r, "once DOT 250 ok|421 4.4.2 idle|cut");
	{
		struct dw_transport *t = connect_to(&r, "smtps://localhost", trusted);
		struct dw_answer a;

		for (int i = 0; i < 2; i++) {
			dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
			assert_int_equal(a.verdict, DW_SENT);
			if (i == 0)
				relay_wait(&r, "gone");
		}
		dw_transport_free(t);
	}
	relay_stop(&r);
	one_tls_send(&plain, "smtps://127.0.0.1", trusted, DW_RELAY_REFUSED, DW_AT_TLS, "TLS with");
}

static void test_certificates(void **state)
{
	char ca[512];
	struct relay r;
	struct dw_transport_conf trusted = { .ca_file = ca };

	(void)state;
	snprintf(ca, sizeof(ca), "%s/expired/server.crt", folder);
	relay_start(&r, (const char *[]){ "--tls", "implicit", "--cert-expired", "--make-cert", path_of("expired"), NULL });
	one_tls_send(&r, "smtps://localhost", trusted, DW_RELAY_REFUSED, DW_AT_TLS, "expired");
	relay_stop(&r);

	snprintf(ca, sizeof(ca), "%s/other/server.crt", folder);
	relay_start(&r, (const char *[]){ "--tls", "starttls", "--cert-name", "mx.example.org", "--make-cert",
					  path_of("other"), NULL });
	one_tls_send(&r, "smtp://localhost", trusted, DW_RELAY_REFUSED, DW_AT_TLS, "localhost");
	relay_stop(&r);

	snprintf(ca, sizeof(ca), "%s/old/server.crt", folder);
	relay_start(&r, (const char *[]){ "--tls", "implicit", "--tls-old", "--make-cert", path_of("old"), NULL });
	one_tls_send(&r, "smtps://localhost", trusted, DW_RELAY_REFUSED, DW_AT_TLS, "TLS with");
	relay_stop(&r);
}

/* AUTH */

static void test_auth(void **state)
{
	static const char *const mechanisms[] = { "PLAIN LOGIN", "LOGIN", "CRAM-MD5", "GSSAPI NTLM PLAIN" };
	static const char *const secret[] = { "hunter2!", "aHVudGVyMiE=", "AGJvQGV4YW1wbGUuY29tAGh1bnRlcjIh",
					      "Ym9AZXhhbXBsZS5jb20" };
	struct dw_transport_conf conf = { .starttls_off = true, .username = "bo@example.com", .password = "hunter2!" };

	(void)state;
	for (size_t i = 0; i < DW_COUNT(mechanisms); i++) {
		struct relay r;
		struct dw_transport *t;
		struct dw_answer a;

		relay_start(&r, (const char *[]){ "--user", "bo@example.com:hunter2!", "--mechanisms", mechanisms[i], NULL });
		t = connect_to(&r, "smtp://127.0.0.1", conf);
		dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
		if (a.verdict != DW_SENT)
			fail_msg("%s: %s\n%s", mechanisms[i], a.text, dw_transport_session(t));
		assert_non_null(strstr(dw_transport_session(t), "> ***\n"));
		for (size_t k = 0; k < DW_COUNT(secret); k++)
			assert_null(strstr(dw_transport_session(t), secret[k]));
		dw_transport_free(t);
		relay_stop(&r);
	}
}

static void test_auth_fails(void **state)
{
	static const struct {
		const char *script;
		enum dw_verdict verdict;
		const char *text;
	} c[] = {
		{ "on AUTH 535-5.7.8 not accepted\\n535 5.7.8 at all", DW_RELAY_REFUSED, "535 5.7.8 not accepted at all" },
		{ "on AUTH 454 4.7.0 later", DW_RETRY, "454 4.7.0 later" },
		{ "on AUTH 421 4.7.0 bye|cut", DW_RETRY, "421 4.7.0 bye" },
		{ "on AUTH 535 wrong: {password} {b64}", DW_RELAY_REFUSED, "535 wrong: *** ***" },
		{ "on AUTH-CMD 538 5.7.11 encrypt first", DW_RELAY_REFUSED, "538 5.7.11 encrypt first" },
		{ "on AUTH cut", DW_RETRY, "AUTH unanswered" },
	};
	struct dw_transport_conf conf = { .starttls_off = true, .username = "bo@example.com", .password = "hunter2!" };
	struct dw_transport *t;
	struct dw_answer a;
	struct relay r;

	(void)state;
	relay_start(&r, (const char *[]){ "--user", "bo@example.com:hunter2!", NULL });
	for (size_t i = 0; i < DW_COUNT(c); i++) {
		t = connect_to(&r, "smtp://127.0.0.1", conf);
		relay_order(&r, "plain");
		relay_order(&r, c[i].script);
		dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
		if (a.verdict != c[i].verdict || a.stage != DW_AT_AUTH || !strstr(a.text, c[i].text))
			fail_msg("%s: %d at %d: %s\n%s", c[i].script, a.verdict, a.stage, a.text, dw_transport_session(t));
		assert_null(strstr(dw_transport_session(t), "hunter2!"));
		assert_null(strstr(dw_transport_session(t), "aHVudGVyMiE"));
		assert_null(strstr(dw_transport_session(t), "Gh1bnRlcjIh"));
		dw_transport_free(t);
	}
	relay_order(&r, "plain");
	conf.password = "wrong one";
	t = connect_to(&r, "smtp://127.0.0.1", conf);
	dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
	assert_int_equal(a.verdict, DW_RELAY_REFUSED);
	assert_int_equal(a.code, 535);
	dw_transport_free(t);
	conf.starttls_off = false; /* the relay offers none: the password isn't said in plain text */
	t = connect_to(&r, "smtp://127.0.0.1", conf);
	dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
	assert_int_equal(a.verdict, DW_RELAY_REFUSED);
	assert_null(strstr(dw_transport_session(t), "> AUTH"));
	dw_transport_free(t);
	conf.starttls_off = true;
	relay_stop(&r);

	relay_start(&r, (const char *[]){ "--user", "a:b", "--mechanisms", "GSSAPI X-OWN", NULL });
	t = connect_to(&r, "smtp://127.0.0.1", conf);
	dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
	assert_int_equal(a.verdict, DW_RELAY_REFUSED);
	assert_non_null(strstr(a.text, "no way to log in"));
	dw_transport_free(t);
	relay_stop(&r);
}

/* Maildir */

static size_t count_files(const char *path)
{
	char command[600], line[16] = "";
	FILE *f;

	snprintf(command, sizeof(command), "ls -A '%s' | wc -l", path);
	f = popen(command, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	pclose(f);
	return strtoul(line, NULL, 10);
}

static struct dw_transport *to_maildir(const char *name)
{
	struct dw_transport *t = NULL;
	struct dw_err err = { "" };
	char url[600];

	snprintf(url, sizeof(url), "maildir://%s", path_of(name));
	if (dw_transport_new(&t, &(struct dw_transport_conf){ .url = url }, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

static void test_maildir(void **state)
{
	static const char want[] = "Return-Path: <duewatch@example.com>\nDelivered-To: bo@example.com\n"
				   "From: a@example.com\nSubject: hello\n\nbody\n";
	struct dw_transport *t = to_maildir("deep/box");
	struct dw_answer a;
	struct stat st;
	DW_BUF got = { 0 };

	(void)state;
	dw_transport_send(t, &env, "k.1-A", MAIL, strlen(MAIL), &a);
	if (a.verdict != DW_SENT)
		fail_msg("%s", a.text);
	assert_int_equal(a.code, 0);
	assert_true(a.final_dot);
	assert_int_equal(memcmp(a.text, "stored as ", 10), 0);
	slurp(a.text + 10, &got);
	assert_string_equal(got.p, want);
	assert_non_null(strstr(a.text, "/deep/box/new/k.1-A."));
	assert_int_equal(stat(path_of("deep/box"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(a.text + 10, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(path_of("deep/box/cur"), &st), 0);

	dw_transport_send(t, &env, "k.1-A", MAIL, strlen(MAIL), &a); /* again after a crash: no second file */
	assert_int_equal(a.verdict, DW_SENT);
	assert_int_equal(count_files(path_of("deep/box/new")), 1);
	dw_transport_send(t, &(struct dw_envelope){ env.from, "al@example.com" }, "k.1-A", MAIL, strlen(MAIL), &a);
	assert_int_equal(count_files(path_of("deep/box/new")), 2);
	dw_transport_send(t, &env, "k_1-A", "a\rb\r\n\r", 6, &a);
	assert_int_equal(a.verdict, DW_SENT);
	assert_int_equal(count_files(path_of("deep/box/new")), 3);
	assert_int_equal(count_files(path_of("deep/box/tmp")), 0);
	dw_buf_reset(&got);
	slurp(a.text + 10, &got);
	assert_non_null(strstr(got.p, "bo@example.com\na\rb\n\r"));
	assert_string_equal(dw_transport_session(t), "");
	dw_transport_abort(t);
	dw_transport_send(t, &env, "x", MAIL, strlen(MAIL), &a);
	assert_int_equal(a.verdict, DW_RETRY);
	dw_transport_free(t);
}

static void test_maildir_names(void **state)
{
	static const char *const id[] = { "../../etc/passwd", "..", "", "\xE5\xBC\xA0", "a/b", "a\nb", ".hidden" };
	struct dw_transport *t = to_maildir("names");
	char lng[1000];
	struct dw_answer a;

	(void)state;
	for (size_t i = 0; i < DW_COUNT(id); i++) {
		dw_transport_send(t, &env, id[i], MAIL, strlen(MAIL), &a);
		assert_int_equal(a.verdict, DW_SENT);
	}
	memset(lng, 'x', sizeof(lng));
	lng[999] = '\0';
	dw_transport_send(t, &env, lng, MAIL, strlen(MAIL), &a);
	assert_int_equal(a.verdict, DW_SENT);
	dw_transport_send(t, &env, NULL, MAIL, strlen(MAIL), &a);
	assert_int_equal(a.verdict, DW_SENT);				   /* as "" */
	assert_int_equal(count_files(path_of("names/new")), DW_COUNT(id) + 1); /* hidden ones counted, none elsewhere */
	dw_transport_free(t);
}

static void test_maildir_fails(void **state)
{
	struct rlimit was, small;
	struct dw_transport *t = to_maildir("small");
	struct dw_answer a;
	FILE *f;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	small = was;
	small.rlim_cur = 20;
	setrlimit(RLIMIT_FSIZE, &small);
	dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
	setrlimit(RLIMIT_FSIZE, &was);
	assert_int_equal(a.verdict, DW_RETRY);
	assert_int_equal(a.stage, DW_AT_DATA);
	assert_false(a.final_dot);
	assert_non_null(strstr(a.text, "File too large"));
	assert_int_equal(count_files(path_of("small/new")), 0);
	assert_int_equal(count_files(path_of("small/tmp")), 0);
	dw_transport_free(t);

	f = fopen(path_of("file"), "w");
	assert_non_null(f);
	fclose(f);
	t = to_maildir("file");
	dw_transport_send(t, &env, "id", MAIL, strlen(MAIL), &a);
	assert_int_equal(a.verdict, DW_RETRY);
	assert_non_null(strstr(a.text, "Not a directory"));
	dw_transport_free(t);
}

static int start(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	setenv("all_proxy", "socks5://127.0.0.1:1", 1); /* must not matter */
	relay_start(&plain, (const char *[]){ "--folder", path_of("plain"), NULL });
	return 0;
}

static int stop(void **state)
{
	char command[64];

	(void)state;
	relay_stop(&plain);
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_scrub),
		cmocka_unit_test(test_sent),
		cmocka_unit_test(test_intact),
		cmocka_unit_test(test_bad_addresses_never_leave),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_quit_never_waits),
		cmocka_unit_test(test_stale_connection),
		cmocka_unit_test(test_stale_once_only),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_endless_line),
		cmocka_unit_test(test_body_stuck),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_deaf_host),
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_smtps),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_auth_fails),
		cmocka_unit_test(test_maildir),
		cmocka_unit_test(test_maildir_names),
		cmocka_unit_test(test_maildir_fails),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
