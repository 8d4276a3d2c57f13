/* duewatch preview, test-mail. */
#include "cli.h"

#include <stdio.h>
#include <unistd.h>

/* The mail's text for a terminal: its lines stay lines, nothing else in it is obeyed. */
static void body(struct dw_buf *out, const char *text)
{
	for (const char *p = text ? text : ""; *p;) {
		size_t n = strcspn(p, "\r\n");
		DW_FREE char *line = dw_strndup(p, n);

		out->failed |= !line;
		cli_clean(out, line);
		dw_buf_putc(out, '\n');
		p += n;
		if (*p == '\r')
			p++;
		if (*p == '\n')
			p++;
	}
}

static bool is_language(const char *s)
{
	for (size_t i = 0; dw_mail_language(i); i++)
		if (strcmp(dw_mail_language(i), s) == 0)
			return true;
	return false;
}

int cli_preview(struct cli *c)
{
	const char *language = cli_option(c, "language");
	struct dw_mail mail = { 0 };
	struct dw_err err = { "" };
	DW_BUF out = { 0 };
	int64_t id;
	int r;

	if (language && !is_language(language)) {
		cli_error("--language %s: duewatch writes no such language, allowed: en, zh-CN", language);
		return CLI_USAGE;
	}
	r = cli_order(c, c->arg[0], &id);
	if (r)
		return r;
	r = dw_engine_preview(c->engine, id, c->reader, language, c->now, &mail, &err);
	if (r)
		return cli_error("%s", r < 0 ? err.text : "no mail: nothing is open or watched for this order");
	if (cli_option(c, "html"))
		body(&out, mail.html);
	else {
		dw_buf_puts(&out, "Subject: ");
		cli_clean(&out, mail.subject);
		dw_buf_puts(&out, "\n\n");
		body(&out, mail.text);
	}
	dw_mail_fini(&mail);
	return cli_print(&out);
}

/* ---- test-mail ---- */

static const char *const verdicts[] = {
	[DW_SENT] = "the relay took it", [DW_RETRY] = "not sent; duewatchd would try again",
	[DW_UNSURE] = "handed over, but the relay's answer is missing: it may have arrived",
	[DW_DEAD_ADDRESS] = "the address is refused as dead", [DW_RELAY_REFUSED] = "the relay refuses",
};

static int compose(struct cli *c, int who, struct dw_mail *mail, struct dw_err *err)
{
	struct dw_note note = { .name = "test_mail" };
	struct dw_composer *composer = NULL;
	char key[100];
	struct dw_mail_view view = { .type = DW_MAIL_NOTE, .config = c->config, .person = who, .now = c->now, .key = key,
				     .note = &note, .n_note = 1 };
	int r = dw_composer_new(&composer, c->config, err);

	snprintf(key, sizeof(key), "test|%lld|%ld", (long long)c->now, (long)getpid());
	if (r == 0)
		r = dw_mail_compose(composer, mail, &view, err);
	dw_composer_free(composer);
	return r;
}

static int report(struct cli *c, struct dw_transport *t, const struct dw_answer *answer, const char *to)
{
	bool sent = answer->verdict == DW_SENT;
	DW_BUF out = { 0 };

	body(&out, dw_transport_session(t));
	cli_styled(&out, c, sent ? CLI_GREEN : CLI_RED, verdicts[answer->verdict]);
	dw_buf_puts(&out, ": ");
	cli_clean(&out, *answer->text ? answer->text : to);
	dw_buf_putc(&out, '\n');
	return cli_print(&out) == CLI_OK && sent ? CLI_OK : CLI_FAILED;
}

/* --relay: 1 is the first. */
static int relay_of(struct cli *c, const char *text, size_t *out)
{
	size_t n = dw_relays_count(c->relays);

	if (!text)
		return 0;
	if (text[0] < '1' || text[0] > '9' || text[1] || (size_t)(text[0] - '0') > n)
		return cli_error("--relay: 1 to %zu is allowed: there %s %zu", n, n == 1 ? "is" : "are", n);
	*out = (size_t)(text[0] - '1');
	return 0;
}

/* The relay takes mails to this address again: if they come back, it is dead again. Without a store that can be opened
 * there is nothing to forgive: a test mail needs none. */
static int forgive(struct cli *c, const char *address, struct dw_err *err)
{
	DW_CLEANUP(dw_store_freep) struct dw_store *s = NULL;
	int r;

	if (dw_store_sqlite_open(&s, c->config->state, DW_STORE_TOOL, c->now, NULL) < 0)
		return 0;
	r = dw_store_begin(s, err);
	if (r == 0)
		r = dw_store_dead_drop(s, address, err);
	return r == 0 ? dw_store_commit(s, err) : r;
}

int cli_test_mail(struct cli *c)
{
	DW_CLEANUP(dw_transport_freep) struct dw_transport *t = NULL;
	struct dw_envelope env = { .from = c->config->mail.from_address };
	struct dw_answer answer = { 0 };
	struct dw_mail mail = { 0 };
	struct dw_err err = { "" };
	size_t which = 0;
	int who, r = cli_person(c, c->arg[0], &who);

	if (r == 0)
		r = relay_of(c, cli_option(c, "relay"), &which);
	if (r)
		return r;
	env.to = c->config->people.p[who].email;
	r = compose(c, who, &mail, &err);
	if (r == 0)
		r = dw_transport_new(&t, dw_relays_transport(c->relays, which), &err);
	if (r < 0) {
		dw_mail_fini(&mail);
		return cli_error("%s", err.text);
	}
	printf("to %s <%s> by %s\n", c->config->people.p[who].name, env.to, dw_relays_name(c->relays, which));
	fflush(stdout);
	dw_transport_send(t, &env, mail.message_id, mail.bytes, mail.n_bytes, &answer);
	dw_mail_fini(&mail);
	if (answer.verdict == DW_SENT && forgive(c, env.to, &err) < 0)
		return cli_error("%s", err.text);
	return report(c, t, &answer, env.to);
}
