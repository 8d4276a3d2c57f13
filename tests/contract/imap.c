/* A mailbox's answers, byte by byte (RFC 3501). The talk itself: tests/integration/test_replies.py, with a real server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_answers), cmocka_unit_test(test_large_search),
					    cmocka_unit_test(test_bounds), cmocka_unit_test(test_settings) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
