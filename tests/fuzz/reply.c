/* Any bytes as a mail to us, through GMime, iconv and libxml2: what comes out is bounded, one line each, UTF-8; only a reply has
 * commands, only a bounce a status. */
#include "duewatch/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void line(const char *s, size_t max)
{
	size_t n = s ? strlen(s) : 0;

	must(n <= max && (!s || dw_utf8_valid(s, n)));
	for (size_t i = 0; i < n; i++)
		must((unsigned char)s[i] >= ' ' && s[i] != 0x7F);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dw_err err = { "" };
	struct dw_inbound in;

	must(dw_inbound_parse(&in, data, size, "mx.example.net", "2026-11-25", &err) == 0);
	must(in.n_command <= DW_COMMANDS_MAX && in.n_ref <= DW_REFS_MAX);
	must(in.kind == DW_IN_REPLY || (in.n_command == 0 && !in.token));
	must(in.kind == DW_IN_BOUNCE || (!in.recipient && !in.failed && !*in.status && !in.diagnostic));
	must(in.kind != DW_IN_BROKEN || in.rest);
	must(!in.authentic || in.from);
	must(!in.from || (strchr(in.from, '@') && !strpbrk(in.from, " <>\",")));
	line(in.from, 254);
	line(in.message_id, 250);
	line(in.subject, 1700);
	line(in.rest, 1000);
	line(in.token, DW_TOKEN_TEXT - 1);
	line(in.recipient, 255);
	line(in.diagnostic, 1700);
	line(in.envelope, 254);
	line(in.status, 11);
	for (size_t i = 0; i < in.n_ref; i++) {
		must(in.ref[i] && *in.ref[i]);
		line(in.ref[i], 250);
	}
	for (size_t i = 0; i < in.n_command; i++) {
		must(in.command[i].verb < DW_VERB_COUNT);
		line(in.command[i].order, 95);
		line(in.command[i].note, 255);
	}
	dw_inbound_fini(&in);
	return 0;
}
