/* Several relays: which one takes a mail, when one is left alone and asked again, and what becomes of a mail that one of
 * them can't take. What answers mean is in daemon/mail/RELAY-FAULTS.md's last table, which is read and played here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../daemon/mail/transport-impl.h"
#include "duewatch/daemon.h"
#include "duewatch/relays.h"
#include "duewatch/store.h"

#define DOC DW_SOURCE_DIR "/daemon/mail/RELAY-FAULTS.md"

enum { MINUTE = 60 * 1000, N = 3 };

static const dw_time T0 = 1795000000;

static struct dw_mail_conf two[2] = { { .transport = (char *)"smtp://b.example.com:587", .connections = 2 },
				      { .transport = (char *)"smtp://c.example.com:587", .connections = 2 } };
static struct dw_config config = { .mail = { .transport = (char *)"smtps://a.example.com:465", .connections = 2, .fallback = two,
					     .n_fallback = 2 } };

static struct dw_relays *fresh(void)
{
	struct dw_relays *r = NULL;
	struct dw_err err;

	assert_int_equal(dw_relays_new(&r, &config, &err), 0);
	return r;
}
#define RELAYS DW_CLEANUP(dw_relays_freep) struct dw_relays

/* ---- the table ---- */

static const struct {
	const char *word;
	enum dw_verdict verdict;
} leads[] = { { "sent", DW_SENT }, { "retry", DW_RETRY }, { "unsure", DW_UNSURE }, { "deputy", DW_DEAD_ADDRESS }, { "shout", DW_RELAY_REFUSED } };

static const char *const stages[] = { [DW_AT_CONNECT] = "CONNECT", [DW_AT_TLS] = "TLS", [DW_AT_AUTH] = "AUTH", [DW_AT_MAIL] = "MAIL",
				      [DW_AT_RCPT] = "RCPT", [DW_AT_DATA] = "DATA", [DW_AT_DOT] = "DOT" };

static const char *const signs[] = { [DW_SIGN_WELL] = "well", [DW_SIGN_NONE] = "nothing", [DW_SIGN_DOUBT] = "doubt", [DW_SIGN_ILL] = "ill" };

static int find(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	fail_msg("no word \"%s\"", word);
	return -1;
}

static void play(const char *verdict, const char *at, const char *answer, const char *says)
{
	static const int any[] = { 0, 450, 550 }, none[] = { 0 }, four[] = { 400, 450, 452 }, five[] = { 550, 554, 535 };
	const int *codes = any, one = atoi(answer);
	size_t n = 3;
	struct dw_answer a = { .stage = (enum dw_stage)find(at, stages, DW_COUNT(stages)) };

	for (size_t i = 0; i < DW_COUNT(leads); i++)
		if (strcmp(leads[i].word, verdict) == 0)
			a.verdict = leads[i].verdict;
	if (strcmp(answer, "none") == 0) {
		codes = none;
		n = 1;
	} else if (strcmp(answer, "any") != 0)
		codes = answer[1] != 'x' ? &one : answer[0] == '4' ? four : five;
	if (codes == &one)
		n = 1;
	for (size_t i = 0; i < n; i++) {
		a.code = codes[i];
		if (dw_relay_sign(&a) != (enum dw_relay_sign)find(says, signs, DW_COUNT(signs)))
			fail_msg("%s at %s, %d: %s, the table says %s", verdict, at, a.code, signs[dw_relay_sign(&a)], says);
	}
}

static void test_table(void **state)
{
	FILE *f = fopen(DOC, "r");
	char line[2048], v[16], at[64], code[16], says[16];
	size_t rows = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char rest[8] = "";

		if (sscanf(line, "| %15[a-z] | %63[A-Z ] | %15[a-z0-9] | %15[a-z] %7[|]", v, at, code, says, rest) != 5)
			continue;
		rows++;
		for (char *s = strtok(at, " "); s; s = strtok(NULL, " "))
			play(v, s, code, says);
	}
	fclose(f);
	assert_int_equal(rows, 14);
	assert_int_equal(dw_relay_sign(&(struct dw_answer){ .verdict = DW_RETRY, .ours = true }), DW_SIGN_NONE);
}

/* ---- order and health ---- */

static const struct dw_answer good = { .verdict = DW_SENT, .stage = DW_AT_DOT, .code = 250, .text = "250 ok" },
			      refused_call = { .verdict = DW_RETRY, .stage = DW_AT_CONNECT, .text = "can't connect" },
			      policy = { .verdict = DW_RELAY_REFUSED, .stage = DW_AT_DATA, .code = 554, .text = "554 policy" },
			      grey = { .verdict = DW_RETRY, .stage = DW_AT_RCPT, .code = 450, .text = "450 greylisted" },
			      lost = { .verdict = DW_UNSURE, .stage = DW_AT_DOT, .code = 354, .text = "cut" };

/* One mail at the relay that takes it. */
static int one(struct dw_relays *r, const struct dw_answer *a, int64_t ms)
{
	int i = dw_relays_take(r, 0, ms, NULL);

	assert_true(i >= 0);
	dw_relays_begin(r, i, ms);
	dw_relays_answered(r, i, a, ms, T0 + ms / 1000);
	return i;
}

static bool ill(struct dw_relays *r, size_t i)
{
	struct dw_relay_health h;

	dw_relays_health(r, i, &h);
	return h.ill;
}

static void test_order(void **state)
{
	RELAYS *r = fresh();

	(void)state;
	assert_int_equal(dw_relays_count(r), N);
	assert_int_equal(one(r, &good, 0), 0);
	assert_int_equal(one(r, &grey, 0), 0);
	assert_int_equal(one(r, &refused_call, 0), 0);
	assert_true(ill(r, 0));
	assert_int_equal(one(r, &good, 1), 1);
	assert_int_equal(one(r, &refused_call, 2), 1);
	assert_int_equal(one(r, &good, 3), 2);
	/* nobody gets a mail before it was asked */
	assert_int_equal(dw_relays_probe_due(r, MINUTE - 1), -1);
	assert_int_equal(one(r, &good, 2 * MINUTE), 2);
	assert_int_equal(dw_relays_probe_due(r, 2 * MINUTE), 0);
	assert_int_equal(dw_relays_probe_due(r, 2 * MINUTE), 1); /* the first is being asked */
	assert_int_equal(dw_relays_probe_due(r, 2 * MINUTE), -1);
	dw_relays_probed(r, 1, &good, 2 * MINUTE, T0);
	assert_int_equal(one(r, &good, 2 * MINUTE), 1);
	dw_relays_probed(r, 0, &good, 2 * MINUTE, T0);
	assert_int_equal(one(r, &good, 2 * MINUTE), 0);
}

static void test_three_doubts(void **state)
{
	RELAYS *r = fresh();

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(one(r, &policy, 0), 0);
	assert_int_equal(one(r, &good, 0), 0); /* so it was the mails' */
	for (int i = 0; i < 3; i++)
		assert_int_equal(one(r, &policy, 0), 0);
	assert_true(ill(r, 0));
	for (int i = 0; i < 3; i++)
		assert_int_equal(one(r, &lost, 0), 1);
	assert_true(ill(r, 1));
	for (int i = 0; i < 5; i++)
		assert_int_equal(one(r, &grey, 0), 2);
}

static void test_pauses(void **state)
{
	static const int minutes[] = { 1, 2, 5, 15, 15 };
	RELAYS *r = fresh();
	int64_t ms = 0;

	(void)state;
	one(r, &refused_call, ms);
	for (size_t i = 0; i < DW_COUNT(minutes); i++) {
		assert_int_equal(dw_relays_next(r), ms + minutes[i] * MINUTE);
		ms += minutes[i] * MINUTE;
		assert_int_equal(dw_relays_probe_due(r, ms - 1), -1);
		assert_int_equal(dw_relays_probe_due(r, ms), 0);
		assert_int_equal(dw_relays_next(r), INT64_MAX);
		dw_relays_probed(r, 0, &refused_call, ms, T0);
	}
	ms += 15 * MINUTE;
	assert_int_equal(dw_relays_probe_due(r, ms), 0);
	dw_relays_probed(r, 0, &good, ms, T0); /* it talks, but takes nothing */
	assert_int_equal(one(r, &refused_call, ms), 0);
	assert_int_equal(dw_relays_next(r), ms + 15 * MINUTE);
	ms += 15 * MINUTE;
	assert_int_equal(dw_relays_probe_due(r, ms), 0);
	dw_relays_probed(r, 0, &good, ms, T0);
	assert_int_equal(one(r, &good, ms), 0);
	one(r, &refused_call, ms);
	assert_int_equal(dw_relays_next(r), ms + 1 * MINUTE);
	/* one whose probe couldn't be made is asked again */
	assert_int_equal(dw_relays_probe_due(r, ms + MINUTE), 0);
	dw_relays_probed(r, 0, NULL, ms + MINUTE, T0);
	assert_int_equal(dw_relays_next(r), ms + 2 * MINUTE);
}

/* Four connections that fail together are one illness. */
static void test_together(void **state)
{
	RELAYS *r = fresh();
	int a = dw_relays_take(r, 0, 0, NULL), b = dw_relays_take(r, 0, 0, NULL);

	(void)state;
	assert_int_equal(a, 0);
	assert_int_equal(b, 0);
	dw_relays_begin(r, 0, 0);
	dw_relays_begin(r, 0, 0);
	assert_true(dw_relays_answered(r, 0, &refused_call, 0, T0));
	assert_true(dw_relays_answered(r, 0, &refused_call, 5, T0));
	assert_int_equal(dw_relays_next(r), MINUTE);
}

static void test_all_ill(void **state)
{
	RELAYS *r = fresh();

	(void)state;
	for (int i = 0; i < N; i++)
		assert_int_equal(one(r, &refused_call, i), i);
	assert_int_equal(one(r, &refused_call, 10), 0);	      /* resting: its pause isn't longer for that */
	assert_int_equal(dw_relays_next(r), MINUTE);
	assert_int_equal(one(r, &refused_call, MINUTE), 0);   /* its turn came: now it is */
	assert_int_equal(one(r, &refused_call, MINUTE + 1), 1);
	assert_int_equal(one(r, &good, MINUTE + 2), 2);	      /* a mail it takes is as good as a probe */
	assert_false(ill(r, 2));
	assert_int_equal(dw_relays_take(r, 7, 0, NULL), -1);  /* whoever has had it */
}

static void test_places(void **state)
{
	RELAYS *r = fresh();
	int64_t wait = -1;

	(void)state;
	assert_int_equal(dw_relays_take(r, 0, 0, &wait), 0);
	assert_int_equal(dw_relays_take(r, 0, 0, &wait), 0);
	assert_int_equal(dw_relays_take(r, 0, 0, &wait), -1); /* busy is not ill */
	assert_int_equal(wait, 0);
	assert_int_equal(dw_relays_take(r, 1, 0, &wait), 1);
	dw_relays_untake(r, 0);
	assert_int_equal(dw_relays_take(r, 0, 0, &wait), 0);
}

static void test_rates(void **state)
{
	struct dw_relays *old, *r;
	int64_t wait;

	(void)state;
	config.mail.rate_n = 2;
	config.mail.rate_s = 60;
	old = fresh();
	assert_int_equal(dw_relays_take(old, 0, 0, &wait), 0);
	dw_relays_untake(old, 0); /* wasn't sent */
	one(old, &good, 0);
	one(old, &good, 10);
	assert_int_equal(dw_relays_take(old, 0, 20, &wait), -1);
	assert_int_equal(wait, MINUTE - 20);
	r = fresh();
	dw_relays_inherit(r, old);
	dw_relays_free(old);
	assert_int_equal(dw_relays_take(r, 0, MINUTE + 5, &wait), 0);
	assert_int_equal(dw_relays_take(r, 0, MINUTE + 5, &wait), -1); /* that one isn't noted yet, and counts */
	assert_int_equal(wait, 5);
	dw_relays_free(r);
	config.mail.rate_n = 0;
}

static void test_single(void **state)
{
	struct dw_relays *r;

	(void)state;
	config.mail.n_fallback = 0;
	r = fresh();
	for (int i = 0; i < 5; i++)
		assert_int_equal(one(r, &refused_call, 0), 0); /* the mails' own waits are all there is */
	assert_true(ill(r, 0));
	assert_int_equal(dw_relays_next(r), INT64_MAX);
	assert_int_equal(dw_relays_probe_due(r, INT64_C(1) << 40), -1);
	dw_relays_free(r);
	config.mail.n_fallback = 2;
}

/* ---- one mail ---- */

struct fake {
	struct dw_transport base;
	struct dw_answer answer;
	int mails;
};

static void fake_send(struct dw_transport *t, DW_UNUSED const struct dw_envelope *env, DW_UNUSED const char *id,
		      DW_UNUSED const void *bytes, DW_UNUSED size_t n, struct dw_answer *answer)
{
	struct fake *f = (struct fake *)(void *)t;

	f->mails++;
	*answer = f->answer;
}

static const struct dw_transport_ops fake_ops = { .send = fake_send };

static int fake_of(void *ctx, int i, struct dw_transport **out, struct dw_err *err)
{
	struct fake *f = ctx;

	if (!f[i].base.ops)
		return dw_err_oom(err);
	*out = &f[i].base;
	return 0;
}

static void send_mail(struct dw_relays *r, struct fake f[N], struct dw_answer *out)
{
	struct dw_relay_post post = { .transport = fake_of, .ctx = f };
	struct dw_envelope env = { .from = "d@example.com", .to = "alice@example.com" };

	for (int i = 0; i < N; i++)
		f[i].mails = 0;
	dw_relays_send(r, dw_relays_take(r, 0, dw_clock_boot_ms(), NULL), &post, &env, "id", "x", 1, out);
}

static void test_send(void **state)
{
	struct fake f[N] = { { .base.ops = &fake_ops, .answer = policy }, { .base.ops = &fake_ops, .answer = good }, { .base.ops = &fake_ops, .answer = good } };
	struct dw_answer a;
	RELAYS *r = fresh();

	(void)state;
	send_mail(r, f, &a); /* a refusal: the next relay, at once */
	assert_int_equal(a.verdict, DW_SENT);
	assert_string_equal(a.via, "smtp://b.example.com:587");
	assert_int_equal(f[0].mails + f[1].mails * 10 + f[2].mails * 100, 11);
	assert_false(ill(r, 0));
	f[0].answer = lost; /* it may be out: to nobody else */
	send_mail(r, f, &a);
	assert_int_equal(a.verdict, DW_UNSURE);
	assert_string_equal(a.via, "");
	assert_int_equal(f[1].mails + f[2].mails, 0);
	f[0].answer = refused_call;
	f[1].answer = grey; /* the address's own matter: that decides */
	send_mail(r, f, &a);
	assert_int_equal(a.verdict, DW_RETRY);
	assert_string_equal(a.text, "450 greylisted");
	assert_int_equal(f[2].mails, 0);
	assert_true(ill(r, 0));
	f[1].answer = refused_call;
	f[2].answer = policy;
	send_mail(r, f, &a); /* nobody: what they said, and that one of them refuses */
	assert_int_equal(a.verdict, DW_RELAY_REFUSED);
	assert_int_equal(a.stage, DW_AT_DATA);
	assert_string_equal(a.text, "can't connect; smtp://c.example.com:587: 554 policy");
	assert_int_equal(f[0].mails, 0);
	f[2].base.ops = NULL; /* no memory here: nobody is ill of that */
	send_mail(r, f, &a);
	assert_int_equal(a.verdict, DW_RETRY);
	assert_string_equal(a.text, "out of memory");
	assert_false(ill(r, 2));
}

static void test_dead_address(void **state)
{
	const struct dw_answer dead = { .verdict = DW_DEAD_ADDRESS, .stage = DW_AT_RCPT, .code = 550, .text = "550 5.1.1 nobody" };
	struct fake f[N] = { { .base.ops = &fake_ops, .answer = dead }, { .base.ops = &fake_ops, .answer = good }, { .base.ops = &fake_ops, .answer = good } };
	struct dw_answer a;
	RELAYS *r = fresh();

	(void)state;
	for (int i = 0; i < 5; i++) {
		send_mail(r, f, &a);
		assert_int_equal(a.verdict, DW_DEAD_ADDRESS);
	}
	assert_int_equal(f[1].mails, 0);
	assert_false(ill(r, 0));
}

/* ---- for the store ---- */

static void test_text(void **state)
{
	RELAYS *r = fresh();
	struct dw_relay_health h;
	DW_FREE char *text = NULL;
	struct dw_err err;
	unsigned version = dw_relays_version(r);

	(void)state;
	one(r, &refused_call, 5000);
	assert_int_not_equal(dw_relays_version(r), version);
	assert_int_equal(dw_relays_text(r, &text, &err), 0);
	assert_int_equal(dw_relays_parse(text, "smtps://a.example.com:465", &h), 0);
	assert_true(h.ill);
	assert_int_equal(h.since, T0 + 5);
	assert_string_equal(h.error, "can't connect");
	assert_int_equal(dw_relays_parse(text, "smtp://b.example.com:587", &h), 0);
	assert_false(h.ill);
	assert_int_equal(dw_relays_parse(text, "smtp://x.example.com:587", &h), 1);
	assert_int_equal(dw_relays_parse("[{\"name\":7},3", "x", &h), 1);
	assert_int_equal(dw_relays_parse(NULL, "x", &h), 1);
	assert_true(!h.ill && h.since == DW_UNKNOWN);
}

/* Eight relays whose words are as long as can be, and need escapes: a meta value holds them all the same. */
static void test_text_fits(void **state)
{
	struct dw_mail_conf many[DW_RELAYS_MAX - 1] = { { 0 } };
	struct dw_config c = { .mail = { .transport = (char *)"smtp://a.example.com:587", .fallback = many, .n_fallback = DW_RELAYS_MAX - 1 } };
	struct dw_answer a = refused_call;
	char url[DW_RELAYS_MAX][64];
	struct dw_relays *r = NULL;
	struct dw_relay_health h;
	DW_FREE char *text = NULL;
	struct dw_err err;

	(void)state;
	memset(a.text, '"', sizeof(a.text) - 1);
	for (size_t i = 0; i < DW_COUNT(many); i++) {
		snprintf(url[i], sizeof(url[i]), "smtp://relay-%zu.of-a-longer-name.example.com:587", i);
		many[i].transport = url[i];
	}
	assert_int_equal(dw_relays_new(&r, &c, &err), 0);
	for (int i = 0; i < DW_RELAYS_MAX; i++)
		assert_int_equal(one(r, &a, i), i);
	assert_int_equal(dw_relays_text(r, &text, &err), 0);
	assert_true(strlen(text) <= DW_STORE_META_MAX);
	assert_int_equal(dw_relays_parse(text, url[6], &h), 0);
	assert_true(h.ill && h.error[0] == '"');
	dw_relays_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),  cmocka_unit_test(test_order),  cmocka_unit_test(test_three_doubts),
		cmocka_unit_test(test_pauses), cmocka_unit_test(test_together), cmocka_unit_test(test_all_ill),
		cmocka_unit_test(test_places), cmocka_unit_test(test_rates),  cmocka_unit_test(test_single),
		cmocka_unit_test(test_send),   cmocka_unit_test(test_dead_address), cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
