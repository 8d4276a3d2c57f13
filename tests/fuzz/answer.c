/* Any lines as an SMTP session, and every way it can end. An input is a script: the first byte is libcurl's result, then
 * lines, each with its line end, whose first byte says who speaks: '>' we, '*' libcurl's remark, '?' the next try on the
 * same transport, else the relay. What must hold: no secret is kept, what is kept is bounded, printable UTF-8 in one
 * line, the code is the one the relay said, and the verdict is never better than its proof. */
#include <stdlib.h>

#include "../../daemon/mail/transport-impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define USER "bo@example.com"
#define PASSWORD "s3cr3t"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool holds(const char *text, const struct dw_secrets *s)
{
	for (size_t i = 0; i < DW_COUNT(s->word); i++)
		if (strstr(text, s->word[i]))
			return true;
	return false;
}

static void check_line(const char *text, size_t n, const struct dw_secrets *secrets)
{
	must(strlen(text) == n && dw_utf8_valid(text, n) && !holds(text, secrets));
	for (size_t i = 0; i < n; i++)
		must((unsigned char)text[i] >= ' ' && text[i] != 0x7F);
}

/* Lines for people: the same, with line ends between them. */
static void check_lines(const struct dw_session *s, const struct dw_secrets *secrets)
{
	const char *p = dw_buf_str(&s->lines);

	must(s->lines.n <= 33 * 1024);
	while (*p) {
		DW_BUF line = { 0 };
		const char *end = strchr(p, '\n');

		must(end != NULL && strchr("><*", *p));
		dw_buf_add(&line, p, (size_t)(end - p));
		check_line(dw_buf_str(&line), line.n, secrets);
		p = end + 1;
	}
}

static void check_verdict(int curl, const struct dw_session *s)
{
	enum dw_verdict v = dw_smtp_verdict(curl, s->code, s->stage, dw_buf_str(&s->answer));

	must(v != DW_SENT || curl == 0 || (s->stage == DW_AT_DOT && s->code / 100 == 2));
	must(v != DW_UNSURE || s->stage == DW_AT_DOT);
	must(v != DW_DEAD_ADDRESS || (s->stage == DW_AT_RCPT && s->code / 100 == 5));
	must(s->code / 100 != 4 || curl == 0 || v == DW_RETRY);
}

static void check(int curl, const struct dw_session *s, const struct dw_secrets *secrets)
{
	struct dw_answer a = { .code = 0 };

	must(s->code == 0 || (s->code >= 0 && s->code <= 999));
	must(strlen(s->verb) < sizeof(s->verb) && s->answer.n <= 4096);
	check_line(dw_buf_str(&s->answer), s->answer.n, secrets);
	check_lines(s, secrets);
	check_verdict(curl, s);
	dw_answer_text(&a, secrets, dw_buf_str(&s->answer));
	check_line(a.text, strlen(a.text), secrets);
}

static bool speak(struct dw_session *s, const char *line, size_t n)
{
	switch (line[0]) {
	case '>':
		dw_session_out(s, line + 1, n - 1);
		return true;
	case '*':
		dw_session_note(s, line + 1, n - 1);
		return true;
	case '?':
		dw_session_begin(s, n > 2);
		return true;
	default:
		return dw_session_in(s, line, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data + 1, *end = (const char *)data + size;
	struct dw_session s = { 0 };
	struct dw_secrets secrets;
	size_t said = 0;

	if (size < 2)
		return 0;
	must(dw_secrets_init(&secrets, USER, PASSWORD) == 0);
	s.secrets = &secrets;
	dw_session_begin(&s, false);
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p)), *next = nl ? nl + 1 : end;

		if (p[0] != '>' && p[0] != '*' && p[0] != '?')
			said = s.open ? said + (size_t)(next - p) : 0;
		if (!speak(&s, p, (size_t)(next - p)))
			break;
		must(said <= 128 * 1024);
		p = next;
	}
	check(data[0] % 100, &s, &secrets);
	if (s.stage == DW_AT_DATA && s.code == 354) { /* as on_read does at the body's end */
		s.stage = DW_AT_DOT;
		check(data[0] % 100, &s, &secrets);
	}
	dw_session_fini(&s);
	dw_secrets_fini(&secrets);
	return 0;
}
