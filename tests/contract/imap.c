/* A mailbox's answers, byte by byte (RFC 3501). The talk itself: tests/integration/test_replies.py, with a real server. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../daemon/mail/imap-impl.h"
#include "duewatch/imap.h"

struct ask {
	const char *bytes; /* the whole answer */
	int end;
	int64_t from;
	int max, n;
	int64_t uid[5];	   /* which */
	bool more, fetched;
	const char *body, *words;
};

static const struct ask asks[] = {
	{ .bytes = "d1 OK done\r\n", .end = DW_IMAP_OK, .words = "done" },
	{ .bytes = "d1 NO [LIMIT] too many\r\n", .end = DW_IMAP_NO, .words = "[LIMIT] too many" },
	{ .bytes = "d1 OKAY\r\n", .end = -EPROTO },
	{ .bytes = "d2 OK\r\n", .end = -EPROTO },
	{ .bytes = "+ go on\r\n", .end = -EPROTO },
	{ .bytes = "* 12 EXISTS\r\n", .end = DW_IMAP_MORE },
	{ .bytes = "* BYE shutting down\r\n", .end = DW_IMAP_MORE, .words = "shutting down" },
	/* "n:*" gives the last one although it is below n */
	{ .bytes = "* SEARCH 41\r\nd1 OK\r\n", .end = DW_IMAP_OK, .from = 42, .max = 5, .n = 0 },
	{ .bytes = "* search 9 4 12 4 800 7 5\r\nd1 ok\r\n", .end = DW_IMAP_OK, .from = 5, .max = 3, .n = 3, .uid = { 5, 7, 9 }, .more = true },
	{ .bytes = "* SEARCH 3 1\r\n* SEARCH 2\r\nd1 OK\r\n", .end = DW_IMAP_OK, .max = 5, .n = 3, .uid = { 1, 2, 3 } },
	{ .bytes = "* SEARCH 4294967295 4294967296 x\r\nd1 OK\r\n", .end = DW_IMAP_OK, .max = 5, .n = 1, .uid = { 4294967295 } },
	{ .bytes = "* 2 FETCH (UID 7 BODY[]<0> {5}\r\nhello)\r\nd1 OK\r\n", .end = DW_IMAP_OK, .fetched = true, .body = "hello" },
	{ .bytes = "* 2 FETCH (BODY[] {5}\r\nhello UID 7)\r\nd1 OK\r\n", .end = DW_IMAP_OK, .fetched = true, .body = "hello" },
	/* what stands in a mail is not the server's word */
	{ .bytes = "* 2 FETCH (UID 7 BODY[] {13}\r\nx\r\nd1 OK no\r\n)\r\nd1 OK\r\n", .end = DW_IMAP_OK, .fetched = true, .body = "x\r\nd1 OK no\r\n" },
	{ .bytes = "* 2 FETCH (UID 7 BODY[] {3}\r\n{9})\r\nd1 OK\r\n", .end = DW_IMAP_OK, .fetched = true, .body = "{9}" },
	/* another's mail, a flag, nothing in it */
	{ .bytes = "* 2 FETCH (UID 8 BODY[] {5}\r\nhello)\r\nd1 OK\r\n", .end = DW_IMAP_OK },
	{ .bytes = "* 2 FETCH (UID 7 FLAGS (\\Seen))\r\nd1 OK\r\n", .end = DW_IMAP_OK },
	{ .bytes = "* 2 FETCH (UID 7 BODY[] NIL)\r\nd1 OK\r\n", .end = DW_IMAP_OK },
	{ .bytes = "* 2 FETCH (UID 7 BODY[] \"\")\r\nd1 OK\r\n", .end = DW_IMAP_OK, .fetched = true, .body = "" },
	{ .bytes = "* 2 FETCH (UID 7 BODY[] {101}\r\n", .end = -EPROTO },
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(asks); i++) {
		const struct ask *k = &asks[i];

		for (size_t piece = 1; piece < 60; piece += piece == 1 ? 4 : 50) {
			DW_CLEANUP(dw_imap_answer_fini) struct dw_imap_answer a;
			struct dw_err err = { "" };
			int64_t uids[5];
			int r = DW_IMAP_MORE;

			dw_imap_answer_init(&a, "d1");
			a.from = k->from;
			a.uids = uids;
			a.max = k->max;
			a.uid = 7;
			a.literal_max = 100;
			for (size_t at = 0; r == DW_IMAP_MORE && at < strlen(k->bytes); at += piece) {
				size_t n = strlen(k->bytes) - at;

				r = dw_imap_feed(&a, k->bytes + at, n < piece ? n : piece, &err);
			}
			if (r != k->end || a.n_uids != k->n || a.fetched != k->fetched || a.more != k->more)
				fail_msg("%s: %d %d %d %d (%s)", k->bytes, r, a.n_uids, a.fetched, a.more, err.text);
			for (int u = 0; u < k->n; u++)
				assert_true(uids[u] == k->uid[u]);
			if (k->body)
				assert_string_equal(dw_buf_str(&a.body), k->body);
			if (k->words)
				assert_string_equal(dw_buf_str(&a.words), k->words);
		}
	}
}

/* The answer to "UID SEARCH 1:*" of a mailbox of a million is one line of seven megabytes. */
static void test_large_search(void **state)
{
	DW_CLEANUP(dw_imap_answer_fini) struct dw_imap_answer a;
	struct dw_err err = { "" };
	int64_t uids[100];
	char number[16];
	int r;

	(void)state;
	dw_imap_answer_init(&a, "d1");
	a.from = 500000;
	a.uids = uids;
	a.max = 100;
	r = dw_imap_feed(&a, "* SEARCH", 8, &err);
	for (int i = 1; r == DW_IMAP_MORE && i <= 1000000; i++) {
		int n = snprintf(number, sizeof(number), " %d", i);

		r = dw_imap_feed(&a, number, (size_t)n, &err);
	}
	assert_int_equal(r, DW_IMAP_MORE);
	assert_int_equal(dw_imap_feed(&a, "\r\nd1 OK\r\n", 9, &err), DW_IMAP_OK);
	assert_true(a.n_uids == 100 && uids[0] == 500000 && uids[99] == 500099 && a.more && a.line.cap < 256 * 1024);
}

static void test_bounds(void **state)
{
	DW_CLEANUP(dw_imap_answer_fini) struct dw_imap_answer line, all;
	struct dw_err err = { "" };
	char junk[1000];
	int r = DW_IMAP_MORE, n = 0;

	(void)state;
	memset(junk, 'x', sizeof(junk));
	dw_imap_answer_init(&line, "d1");
	for (; r == DW_IMAP_MORE && n < 1000; n++)
		r = dw_imap_feed(&line, junk, sizeof(junk), &err);
	assert_true(r == -EPROTO && n < 100); /* a line without end */
	dw_imap_answer_init(&all, "d1");
	for (r = DW_IMAP_MORE, n = 0; r == DW_IMAP_MORE && n < 10000000; n++)
		r = dw_imap_feed(&all, "* 1 EXISTS\r\n", 12, &err);
	assert_int_equal(r, -EPROTO); /* lines without end */
}

static void test_settings(void **state)
{
	struct dw_imap_conf c = { .url = "imaps://127.0.0.1:1", .folder = "IN\"BOX" };
	struct dw_imap *m = NULL;
	struct dw_err err = { "" };
	struct dw_imap_box box;

	(void)state;
	assert_int_equal(dw_imap_new(&m, &c, &err), -EINVAL);
	c.folder = "INBOX";
	c.url = "pop3://127.0.0.1";
	assert_int_equal(dw_imap_new(&m, &c, &err), -EINVAL);
	c.url = "imaps://127.0.0.1:1";
	assert_int_equal(dw_imap_new(&m, &c, &err), 0);
	dw_imap_abort(m);
	assert_int_equal(dw_imap_open(m, &box, &err), -ECANCELED);
	dw_imap_free(m);
}

/* ---- a server that says nothing more ---- */

/* Before the end with the client's tag, which the banner hasn't. */
static const char *const talk[] = { "* OK ready\r\n", "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n", "",
				    "* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 9]\r\n", "* SEARCH 8\r\n" };
static const char *const within[] = { "wasn't ready for us within 1 s", "wasn't ready for us within 1 s", "wasn't ready for us within 1 s",
				      "EXAMINE within 1 s", "UID SEARCH within 1 s", "UID FETCH within 1 s" };

struct silent {
	int listener;
	size_t after;  /* so many of the talk's answers */
	bool trickles; /* a byte now and then, without end */
};

static void *serve(void *arg)
{
	const struct silent *s = arg;
	int fd = accept(s->listener, NULL, NULL);
	char in[512], tag[16] = "", out[200];

	for (size_t i = 0; i <= s->after; i++) {
		ssize_t n = i ? recv(fd, in, sizeof(in) - 1, 0) : 0;

		if (n > 0) {
			in[n] = '\0';
			snprintf(tag, sizeof(tag), "%.*s", (int)strcspn(in, " "), in);
		}
		if (i == s->after)
			break;
		snprintf(out, sizeof(out), "%s%s%s", talk[i], i ? tag : "", i ? " OK\r\n" : "");
		send(fd, out, strlen(out), MSG_NOSIGNAL);
	}
	for (;;) { /* until the client leaves */
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, s->trickles ? 50 : -1) > 0 && recv(fd, in, sizeof(in), 0) <= 0)
			break;
		if (s->trickles)
			send(fd, "*", 1, MSG_NOSIGNAL);
	}
	close(fd);
	return NULL;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int whole_look(struct dw_imap *m, struct dw_err *err)
{
	DW_FREE void *bytes = NULL;
	struct dw_imap_box box;
	int64_t uids[5];
	bool more;
	size_t n;
	int r = dw_imap_open(m, &box, err);

	if (r == 0)
		r = dw_imap_search(m, 1, uids, 5, &more, err);
	return r < 0 ? r : dw_imap_fetch(m, uids[0], &bytes, &n, err);
}

static void be_silent(size_t after, bool trickles)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	struct silent s = { .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .after = after, .trickles = trickles };
	char url[64];
	struct dw_imap_conf c = { .url = url, .folder = "INBOX", .starttls_off = true, .username = "bo", .password = "secret",
				  .connect_s = 1, .answer_s = 1 };
	struct dw_imap *m = NULL;
	struct dw_err err = { "" };
	pthread_t thread;
	int64_t t0;

	assert_int_equal(bind(s.listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s.listener, 1), 0);
	getsockname(s.listener, (struct sockaddr *)&a, &len);
	snprintf(url, sizeof(url), "imap://127.0.0.1:%d", ntohs(a.sin_port));
	assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
	assert_int_equal(dw_imap_new(&m, &c, &err), 0);
	t0 = now_ms();
	assert_int_equal(whole_look(m, &err), -ETIMEDOUT);
	if (!strstr(err.text, within[after]) || now_ms() - t0 > 5000)
		fail_msg("after %zu answers: %s, in %d ms", after, err.text, (int)(now_ms() - t0));
	dw_imap_free(m);
	pthread_join(thread, NULL);
	close(s.listener);
}

/* What the fault tables' "hang" ends in (daemon/mail/MAILBOX-FAULTS.md), with limits of a second. */
static void test_limits(void **state)
{
	(void)state;
	for (size_t after = 0; after < DW_COUNT(within); after++)
		be_silent(after, false);
	be_silent(0, true);
	be_silent(3, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_answers), cmocka_unit_test(test_large_search),
					    cmocka_unit_test(test_bounds), cmocka_unit_test(test_settings),
					    cmocka_unit_test(test_limits) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
