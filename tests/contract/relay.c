/* Plays every row of daemon/mail/RELAY-FAULTS.md against the real transport, so that the table and the program can't
 * drift apart: outcome, stage, words, what the relay has accepted, what was said in plain text, how long it took, and
 * whether the next mail goes. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include "smtpd.h"

#include "duewatch/config.h"
#include "duewatch/transport.h"

#define DOC DW_SOURCE_DIR "/daemon/mail/RELAY-FAULTS.md"
#define SMALL "From: a@example.com\r\nSubject: hello\r\n\r\nbody\r\n"
#define USER "bo@example.com"
#define PASSWORD "hunter2!"

enum { LIMIT_S = 1, ROW_MS = 6000, BIG = 24 << 20, CELLS = 6, ROWS_MAX = 400, ROWS_MIN = 150 };

/* the document */

struct row {
	int line;
	char *cell[CELLS];
};
enum { STAGE, FAULT, PLAY, LEADS, ENDS, SEEN };

static struct {
	struct row row[ROWS_MAX];
	size_t n;
	struct {
		char leads[16];
		enum dw_verdict verdict;
	} outcome[16];
	size_t outcomes;
} doc;

static const char *const verdict_words[] = {
	[DW_SENT] = "DW_SENT",
	[DW_RETRY] = "DW_RETRY",
	[DW_UNSURE] = "DW_UNSURE",
	[DW_DEAD_ADDRESS] = "DW_DEAD_ADDRESS",
	[DW_RELAY_REFUSED] = "DW_RELAY_REFUSED",
};
static const char *const stage_words[] = {
	[DW_AT_CONNECT] = "CONNECT", [DW_AT_TLS] = "TLS",   [DW_AT_AUTH] = "AUTH", [DW_AT_MAIL] = "MAIL",
	[DW_AT_RCPT] = "RCPT",	     [DW_AT_DATA] = "DATA", [DW_AT_DOT] = "DOT",
};

/* Cuts "| a | `b` |" into its cells, without blanks and backticks. How many; 0: no row of a table. */
static int cells_of(char *line, char *cell[], int max)
{
	int n = 0;

	if (line[0] != '|' || line[1] == '-')
		return 0;
	for (char *c = strtok(line + 1, "|\n"); c; c = strtok(NULL, "|\n")) {
		size_t len;

		c += strspn(c, " `");
		for (len = strlen(c); len > 0 && (c[len - 1] == ' ' || c[len - 1] == '`'); len--)
			c[len - 1] = '\0';
		if (n < max)
			cell[n] = c;
		n++;
	}
	return n;
}

static void take_row(char *cell[], int line)
{
	struct row *row = &doc.row[doc.n];

	if (strcmp(cell[STAGE], "Stage") == 0)
		return;
	assert_true(doc.n < ROWS_MAX);
	row->line = line;
	for (int i = 0; i < CELLS; i++)
		assert_non_null(row->cell[i] = dw_strdup(cell[i]));
	doc.n++;
}

static void take_outcome(char *cell[])
{
	for (size_t i = 0; i < DW_COUNT(verdict_words); i++) {
		if (strcmp(cell[1], verdict_words[i]) != 0)
			continue;
		assert_true(doc.outcomes < DW_COUNT(doc.outcome));
		snprintf(doc.outcome[doc.outcomes].leads, sizeof(doc.outcome[0].leads), "%s", cell[0]);
		doc.outcome[doc.outcomes++].verdict = (enum dw_verdict)i;
	}
}

static void read_doc(void)
{
	FILE *f = fopen(DOC, "r");
	char line[2048], *cell[CELLS];

	assert_non_null(f);
	for (int number = 1; fgets(line, sizeof(line), f); number++) {
		switch (cells_of(line, cell, CELLS)) {
		case 0:
		case 4: /* relays.c's */
			break;
		case 5:
			take_outcome(cell);
			break;
		case CELLS:
			take_row(cell, number);
			break;
		default:
			fail_msg(DOC ":%d: a row of a table has 4, 5 or %d cells", number, CELLS);
		}
	}
	fclose(f);
	assert_int_equal(doc.outcomes, DW_COUNT(verdict_words));
}

static bool has_row(const char *stage, const char *fault)
{
	for (size_t i = 0; i < doc.n; i++)
		if (strcmp(doc.row[i].cell[STAGE], stage) == 0 && strcmp(doc.row[i].cell[FAULT], fault) == 0)
			return true;
	return false;
}

/* the relays, each with what our side knows of it */

struct kind {
	const char *name;
	const char *url;	/* without the port */
	const char *option[12]; /* the relay's; "@" stands for a folder of its own for the certificate */
	bool starttls_off, trusted, login, broken; /* broken: such a relay never takes a mail */
	const char *token; /* what our side has instead of a password; "old": one that is renewed when refused; NULL: none */
	struct relay relay;
	bool running;
	char folder[64], ca[128];
};

static struct kind kinds[] = {
	{ "plain", "smtp://127.0.0.1", { NULL }, .starttls_off = true },
	{ "starttls", "smtp://localhost", { "--tls", "starttls", "--make-cert", "@" }, .trusted = true },
	{ "smtps", "smtps://localhost", { "--tls", "implicit", "--make-cert", "@" }, .trusted = true },
	{ "login", "smtp://127.0.0.1", { "--user", USER ":" PASSWORD }, .starttls_off = true, .login = true },
	{ "secure login", "smtp://localhost",
	  { "--user", USER ":" PASSWORD, "--tls", "starttls", "--make-cert", "@" }, .trusted = true, .login = true },
	{ "stripped", "smtp://127.0.0.1", { NULL }, .broken = true },
	{ "stripped login", "smtp://127.0.0.1", { "--user", USER ":" PASSWORD }, .login = true, .broken = true },
	{ "unknown certificate", "smtp://localhost", { "--tls", "starttls", "--make-cert", "@" }, .broken = true },
	{ "expired certificate", "smtp://localhost", { "--tls", "starttls", "--cert-expired", "--make-cert", "@" },
	  .trusted = true, .broken = true },
	{ "wrong name", "smtp://localhost", { "--tls", "starttls", "--cert-name", "mx.example.org", "--make-cert", "@" },
	  .trusted = true, .broken = true },
	{ "no CA file", "smtp://localhost", { "--tls", "starttls", "--make-cert", "@" }, .trusted = true, .broken = true },
	{ "old TLS", "smtp://localhost", { "--tls", "starttls", "--tls-old", "--make-cert", "@" }, .trusted = true,
	  .broken = true },
	{ "smtps to a plain port", "smtps://127.0.0.1", { NULL }, .broken = true },
	{ "wrong password", "smtp://127.0.0.1", { "--user", USER ":another" }, .starttls_off = true, .login = true,
	  .broken = true },
	{ "unknown mechanisms", "smtp://127.0.0.1", { "--user", USER ":" PASSWORD, "--mechanisms", "GSSAPI X-OWN" },
	  .starttls_off = true, .login = true, .broken = true },
	{ "token", "smtp://127.0.0.1", { "--user", USER ":" PASSWORD, "--mechanisms", "XOAUTH2" }, .starttls_off = true, .login = true,
	  .token = PASSWORD },
	{ "bearer token", "smtp://127.0.0.1", { "--user", USER ":" PASSWORD, "--mechanisms", "OAUTHBEARER" }, .starttls_off = true,
	  .login = true, .token = PASSWORD },
	{ "old token", "smtp://127.0.0.1", { "--user", USER ":" PASSWORD, "--mechanisms", "XOAUTH2" }, .starttls_off = true, .login = true,
	  .token = "old" },
	{ "old bearer token", "smtp://127.0.0.1", { "--user", USER ":" PASSWORD, "--mechanisms", "OAUTHBEARER" }, .starttls_off = true,
	  .login = true, .token = "old" },
	{ "wrong token", "smtp://127.0.0.1", { "--user", USER ":another", "--mechanisms", "XOAUTH2" }, .starttls_off = true,
	  .login = true, .token = PASSWORD, .broken = true },
	{ "wrong bearer token", "smtp://127.0.0.1", { "--user", USER ":another", "--mechanisms", "OAUTHBEARER" }, .starttls_off = true,
	  .login = true, .token = PASSWORD, .broken = true },
	{ "no way for a token", "smtp://127.0.0.1", { "--user", USER ":" PASSWORD }, .starttls_off = true, .login = true,
	  .token = PASSWORD, .broken = true },
	{ "no token now", "smtp://127.0.0.1", { "--user", USER ":" PASSWORD, "--mechanisms", "XOAUTH2" }, .starttls_off = true,
	  .login = true, .token = "later", .broken = true },
	{ "no token any more", "smtp://127.0.0.1", { "--user", USER ":" PASSWORD, "--mechanisms", "XOAUTH2" }, .starttls_off = true,
	  .login = true, .token = "never", .broken = true },
	{ "nobody", "smtp://127.0.0.1", { NULL }, .starttls_off = true, .broken = true },
	{ "deaf", "smtp://127.0.0.1", { NULL }, .starttls_off = true, .broken = true },
	{ "no such name", "smtp://relay.invalid", { NULL }, .starttls_off = true, .broken = true },
};

static struct kind *kind_of(const char *name, size_t n)
{
	for (size_t i = 0; i < DW_COUNT(kinds); i++)
		if (strlen(kinds[i].name) == n && memcmp(kinds[i].name, name, n) == 0)
			return &kinds[i];
	return NULL;
}

static void run_kind(struct kind *k)
{
	const char *option[13] = { NULL };

	if (k->running)
		return;
	strcpy(k->folder, "/tmp/duewatch-relay-XXXXXX");
	assert_non_null(mkdtemp(k->folder));
	snprintf(k->ca, sizeof(k->ca), "%s/%s.crt", k->folder, strcmp(k->name, "no CA file") == 0 ? "none" : "server");
	for (size_t i = 0; i < 12 && k->option[i]; i++)
		option[i] = strcmp(k->option[i], "@") == 0 ? k->folder : k->option[i];
	relay_start(&k->relay, option);
	k->running = true;
}

static void end_kind(struct kind *k)
{
	char command[100];

	if (!k->running)
		return;
	relay_stop(&k->relay);
	snprintf(command, sizeof(command), "rm -r '%s'", k->folder);
	assert_int_equal(system(command), 0);
	k->running = false;
}

/* A host that neither takes the call nor refuses it: a full queue of calls. */
static int deaf_host(char port[16], int fd[6])
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
	snprintf(port, 16, "%d", ntohs(a.sin_port));
	return listener;
}

static int give_token(void *ctx, const char *refused, char **out, struct dw_err *err)
{
	const char *token = ((const struct kind *)ctx)->token;

	if (strcmp(token, "later") == 0)
		return dw_err_set(err, -EAGAIN, "no new access token: busy");
	if (strcmp(token, "never") == 0)
		return dw_err_set(err, -EACCES, "a person must grant access again");
	if (refused && strcmp(token, "old") == 0)
		token = PASSWORD;
	*out = dw_secret_copy(token, strlen(token));
	return *out ? 0 : dw_err_oom(err);
}

static struct dw_transport *transport_to(struct kind *k)
{
	struct dw_transport_conf conf = { .starttls_off = k->starttls_off, .connect_s = LIMIT_S, .answer_s = LIMIT_S,
					  .helo = "shop.example.com" };
	struct dw_transport *t = NULL;
	struct dw_err err = { "" };
	char url[64];

	snprintf(url, sizeof(url), "%s:%s", k->url, k->relay.port);
	conf.url = url;
	conf.ca_file = k->trusted ? k->ca : NULL;
	conf.username = k->login ? USER : NULL;
	conf.password = k->login && !k->token ? PASSWORD : NULL;
	conf.token = k->token ? give_token : NULL;
	conf.token_ctx = k;
	if (dw_transport_new(&t, &conf, &err) < 0)
		fail_msg("%s: %s", k->name, err.text);
	return t;
}

/* one row */

struct play {
	const struct row *row;
	struct kind *kind;
	struct dw_transport *t;
	bool big, kept, before;
	char order[8][256]; /* "on RCPT 550 5.1.1 nobody" */
	size_t n;
};

static int wrong; /* rows that went another way than the document says */

static void complain(const struct row *row, const char *fmt, ...) DW_PRINTF(2, 3);
static void complain(const struct row *row, const char *fmt, ...)
{
	char text[1000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	print_error("RELAY-FAULTS.md:%d: %s, %s: %s\n", row->line, row->cell[STAGE], row->cell[FAULT], text);
	wrong++;
}

/* "once MAIL 421 busy then cut" as the relay wants it: "once MAIL 421 busy|cut". */
static void take_order(struct play *p, const char *text)
{
	char *to = p->order[p->n];
	const char *verb = "on";

	if (strcmp(text, "big") == 0 || strcmp(text, "kept") == 0) {
		p->big |= *text == 'b';
		p->kept |= *text == 'k';
		return;
	}
	if (strncmp(text, "once ", 5) == 0 || strncmp(text, "before ", 7) == 0) {
		verb = "once";
		p->before |= *text == 'b';
		text = strchr(text, ' ') + 1;
	}
	assert_true(p->n < DW_COUNT(p->order) && strlen(text) < 200);
	to += sprintf(to, "%s ", verb);
	while (*text) {
		bool then = strncmp(text, " then ", 6) == 0;

		*to++ = then ? '|' : *text;
		text += then ? 6 : 1;
	}
	p->n++;
}

static void take_play(struct play *p)
{
	const char *text = p->row->cell[PLAY];
	size_t n = strcspn(text, ":");
	DW_FREE char *rest = NULL;

	p->kind = kind_of(text, n);
	if (!p->kind)
		fail_msg("RELAY-FAULTS.md:%d: no such relay", p->row->line);
	rest = dw_strdup(text[n] ? text + n + 1 : "");
	assert_non_null(rest);
	for (char *o = strtok(rest, ";"); o; o = strtok(NULL, ";"))
		take_order(p, o + strspn(o, " "));
}

static void send_mail(struct play *p, bool big, struct dw_answer *a)
{
	static const struct dw_envelope env = { .from = "duewatch@example.com", .to = "al@example.com" };
	DW_FREE char *bytes = NULL;

	if (!big) {
		dw_transport_send(p->t, &env, "id", SMALL, strlen(SMALL), a);
		return;
	}
	bytes = malloc(BIG);
	assert_non_null(bytes);
	for (size_t i = 0; i < BIG; i += 64)
		memcpy(bytes + i, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 64);
	dw_transport_send(p->t, &env, "id", bytes, BIG, a);
}

static void give_orders(struct play *p)
{
	for (size_t i = 0; i < p->n; i++)
		relay_order(&p->kind->relay, p->order[i]);
}

static void good_mail(struct play *p, const char *when)
{
	struct dw_answer a;

	send_mail(p, false, &a);
	if (a.verdict != DW_SENT)
		complain(p->row, "the mail %s: %s: %s\n%s", when, verdict_words[a.verdict], a.text,
			 dw_transport_session(p->t));
}

/* The mails before; then the relay knows what to do. */
static void prepare(struct play *p)
{
	struct relay *r = &p->kind->relay;

	relay_order(r, "plain");
	if (p->before)
		give_orders(p);
	if (p->before || p->kept)
		good_mail(p, "before");
	if (p->before && (strstr(p->order[0], "|cut") || strstr(p->order[0], "|reset")))
		relay_wait(r, "gone");
	if (!p->before)
		give_orders(p);
	relay_order(r, "on RSET ok"); /* all words up to here are read */
	r->mails = 0;
}

static enum dw_verdict verdict_of(const struct row *row)
{
	for (size_t i = 0; i < doc.outcomes; i++)
		if (strcmp(doc.outcome[i].leads, row->cell[LEADS]) == 0)
			return doc.outcome[i].verdict;
	fail_msg("RELAY-FAULTS.md:%d: no such outcome: %s", row->line, row->cell[LEADS]);
	return DW_RETRY;
}

static void check_answer(const struct play *p, const struct dw_answer *a)
{
	const struct row *row = p->row;

	if (a->verdict != verdict_of(row))
		complain(row, "%s: %s\n%s", verdict_words[a->verdict], a->text, dw_transport_session(p->t));
	if (strcmp(stage_words[a->stage], row->cell[ENDS]) != 0)
		complain(row, "it ended at %s: %s", stage_words[a->stage], a->text);
	if (!strstr(a->text, row->cell[SEEN]))
		complain(row, "people see: %s", a->text);
	if (a->final_dot != (a->stage == DW_AT_DOT))
		complain(row, "the message was %shanded over", a->final_dot ? "" : "not ");
}

/* What was said on the last connection before TLS, and anywhere at all. */
static void check_secrets(const struct play *p, const struct dw_answer *a)
{
	static const char *const secret[] = { PASSWORD, "aHVudGVyMiE=", "AGJvQGV4YW1wbGUuY29tAGh1bnRlcjIh" };
	const char *said = dw_transport_session(p->t), *last = said;

	for (const char *s = said; (s = strstr(s, "> EHLO")); s++)
		last = s;
	if (a->stage == DW_AT_TLS && (strstr(last, "> MAIL") || strstr(last, "> AUTH")))
		complain(p->row, "said without TLS:\n%s", said);
	for (size_t i = 0; i < DW_COUNT(secret); i++)
		if (strstr(said, secret[i]) || strstr(a->text, secret[i]))
			complain(p->row, "the password can be seen:\n%s", said);
}

/* Sent is what the relay took once; everything but unsure leaves nothing behind. */
static void check_accepted(const struct play *p, const struct dw_answer *a)
{
	int mails = p->kind->relay.mails;

	if (a->verdict == DW_SENT ? mails != 1 : a->verdict == DW_UNSURE ? mails > 1 : mails != 0)
		complain(p->row, "%s, and the relay has %d", verdict_words[a->verdict], mails);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void play_at_relay(struct play *p)
{
	struct relay *r = &p->kind->relay;
	struct dw_answer a;

	prepare(p);
	send_mail(p, p->big, &a);
	relay_order(r, "plain");
	check_answer(p, &a);
	check_secrets(p, &a);
	check_accepted(p, &a);
	if (!p->kind->broken)
		good_mail(p, "after");
	else if (r->mails)
		complain(p->row, "such a relay got a mail");
}

static void play_without(struct play *p)
{
	struct dw_answer a;

	send_mail(p, false, &a);
	check_answer(p, &a);
}

static void play_row(const struct row *row)
{
	struct play p = { .row = row };
	int fd[6], listener = -1;
	int64_t t0;

	take_play(&p);
	if (strcmp(p.kind->name, "deaf") == 0) {
		listener = deaf_host(p.kind->relay.port, fd);
	} else {
		run_kind(p.kind);
		if (strcmp(p.kind->name, "nobody") == 0)
			end_kind(p.kind); /* its port is free now */
	}
	p.t = transport_to(p.kind);
	t0 = now_ms();
	if (p.kind->running)
		play_at_relay(&p);
	else
		play_without(&p);
	dw_transport_free(p.t);
	if (now_ms() - t0 > ROW_MS)
		complain(row, "it took %d ms", (int)(now_ms() - t0));
	if (listener < 0)
		return;
	for (size_t i = 0; i < DW_COUNT(fd); i++)
		close(fd[i]);
	close(listener);
}

static void test_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < doc.n; i++)
		play_row(&doc.row[i]);
	for (size_t i = 0; i < DW_COUNT(kinds); i++)
		end_kind(&kinds[i]);
	if (wrong)
		fail_msg("%d complaints about %zu rows", wrong, doc.n);
}

/* No stage without each of the faults, whoever edits the table. */
static void test_no_row_is_missing(void **state)
{
	static const char *const stage[] = { "banner", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "dot", "QUIT" };
	static const char *const fault[] = { "hangs", "cuts", "slow", "too slow", "4xx", "5xx", "421", "garbage", "huge line" };
	static const char *const other[][2] = {
		{ "connect", "refuses" },	       { "connect", "hangs" },	       { "connect", "cuts" },
		{ "STARTTLS", "stripped" },	       { "STARTTLS", "wrong name" },   { "STARTTLS", "expired certificate" },
		{ "STARTTLS", "unknown certificate" }, { "STARTTLS", "offered no more" },
	};

	(void)state;
	assert_true(doc.n >= ROWS_MIN);
	for (size_t i = 0; i < DW_COUNT(stage); i++)
		for (size_t k = 0; k < DW_COUNT(fault); k++)
			if (!has_row(stage[i], fault[k]) && strcmp(fault[k], "too slow") != 0)
				fail_msg("no row: %s, %s", stage[i], fault[k]);
	for (size_t i = 0; i < DW_COUNT(other); i++)
		if (!has_row(other[i][0], other[i][1]))
			fail_msg("no row: %s, %s", other[i][0], other[i][1]);
}

static int start(void **state)
{
	(void)state;
	read_doc();
	return 0;
}

static int stop(void **state)
{
	(void)state;
	for (size_t i = 0; i < doc.n; i++)
		for (int k = 0; k < CELLS; k++)
			free(doc.row[i].cell[k]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_row_is_missing),
		cmocka_unit_test(test_every_row),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
