/* reply-impl.h, Authentication-Results. With "-" as its argument: reads fields from stdin, a line each, and prints what
 * it makes of them, for the comparison with another reader (tests/integration/test_authres.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../daemon/mail/reply-impl.h"

#define US "mx.example.net"

static const struct {
	const char *field, *from;
	bool want;
} table[] = {
	/* what hosts write */
	{ US "; dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=example.com", "example.com", true },
	{ US "; dkim=pass header.i=@example.com header.s=s1 header.b=AbCd/efg; spf=pass (mx.example.net: domain of "
	     "bo@example.com designates 192.0.2.1 as permitted sender) smtp.mailfrom=bo@example.com; dmarc=pass "
	     "(p=QUARANTINE sp=QUARANTINE dis=NONE) header.from=example.com", "example.com", true },
	{ US "; dkim=pass (2048-bit key; unprotected) header.d=example.com header.i=@example.com header.a=rsa-sha256 "
	     "header.s=s1 header.b=abc; dkim-atps=neutral", "example.com", true },
	{ US ";\r\n\tdkim=pass header.d=example.com;\r\n\tspf=softfail smtp.mailfrom=\"bo\"@example.com", "example.com", true },
	{ US " 1; dkim=pass header.d=example.com", "example.com", true },
	{ US "/1; dkim=pass header.d=example.com", "example.com", false },
	{ "MX.EXAMPLE.NET; DKIM=Pass Header.D=Example.COM", "example.com", true },
	{ "\"mx.example.net\"; dkim/1 = pass ( a \\) b ( c ) ) header . d = example.com", "example.com", true },
	{ US "; dkim=pass reason=\"good; signature\" header.d=example.com;", "example.com", true },
	{ US "; spf=pass smtp.mailfrom=bo@example.com", "example.com", true },
	{ US "; spf=pass smtp.mailfrom=example.com", "example.com", true },
	{ US "; dmarc=none header.from=example.com; dkim=pass header.d=example.com", "example.com", true },
	{ US "; dkim=fail header.d=example.com; dkim=pass header.d=example.com", "example.com", true },
	{ US "; dkim=pass header.d=example.com", "mail.example.com", true },
	{ US "; dkim=pass header.i=bo@shop.example.com", "shop.example.com", true },
	/* what doesn't vouch */
	{ US "; none", "example.com", false },
	{ US ";none", "example.com", false },
	{ US "; (none) none", "example.com", false },
	{ US, "example.com", false },
	{ US ";", "example.com", false },
	{ "", "example.com", false },
	{ "; dmarc=pass header.from=example.com", "example.com", false },
	{ "dmarc=pass; dmarc=pass header.from=example.com", "example.com", false },
	{ "mx.example.org; dmarc=pass header.from=example.com", "example.com", false },
	{ US ".evil.example; dmarc=pass header.from=example.com", "example.com", false },
	{ "xmx.example.net; dmarc=pass header.from=example.com", "example.com", false },
	{ US "; dmarc=fail header.from=example.com; dkim=pass header.d=example.com", "example.com", false },
	{ US "; dmarc=pass header.from=example.org", "example.com", false },
	{ US "; dmarc=pass header.from=com", "example.com", false },
	{ US "; dmarc=pass header.from=evil.example header.from=example.com", "example.com", false },
	{ US "; dmarc=pass header.from=example.com header.from=evil.example", "example.com", false },
	{ US "; dkim=pass header.d=evil.example header.d=example.com", "example.com", false },
	{ US "; spf=pass smtp.mailfrom=a@evil.example smtp.mailfrom=a@example.com", "example.com", false },
	{ US "; dmarc=pass header.from=example.com header.from=example.com", "example.com", true },
	{ US "; dmarc=pass", "example.com", false },
	{ US "; dmarc=bestguesspass header.from=example.com", "example.com", false },
	{ US "; dmarc=temperror header.from=example.com; spf=pass smtp.mailfrom=a@example.com", "example.com", false },
	{ US "; dkim=pass header.d=evil.example", "example.com", false },
	{ US "; dkim=pass header.d=com", "example.com", false },
	{ US "; dkim=pass header.d=.com", "example.com", false },
	{ US "; dkim=pass header.d=example.com.", "example.com", false },
	{ US "; dkim=pass header.d=mple.com", "example.com", false },
	{ US "; dkim=pass header.d=notexample.com", "example.com", false },
	{ US "; dkim=pass header.d=evil.example.com", "example.com", false },
	{ US "; dkim=pass header.i=@example.com header.d=evil.example", "example.com", false },
	{ US "; dkim=pass", "example.com", false },
	{ US "; dkim=neutral header.d=example.com", "example.com", false },
	{ US "; dkim=policy header.d=example.com", "example.com", false },
	{ US "; spf=pass smtp.helo=example.com", "example.com", false },
	{ US "; spf=pass smtp.mailfrom=bo@mail.example.com", "example.com", false },
	{ US "; spf=neutral smtp.mailfrom=bo@example.com", "example.com", false },
	{ US "; auth=pass smtp.auth=bo", "example.com", false },
	{ US "; arc=pass header.from=example.com", "example.com", false },
	{ US "; x-dmarc=pass header.from=example.com", "example.com", false },
	{ US " 2; dkim=pass header.d=example.com", "example.com", false },
	/* a sender's words where a result could be read */
	{ US "; spf=fail (domain of evil; dmarc=pass header.from=example.com) smtp.mailfrom=a@evil.example", "example.com", false },
	{ US "; spf=fail (a \\) ; dmarc=pass header.from=example.com) smtp.mailfrom=a@evil.example", "example.com", false },
	{ US "; spf=pass smtp.mailfrom=\"x; dmarc=pass header.from=example.com\"@evil.example", "example.com", false },
	{ US "; spf=pass smtp.mailfrom=\"x\\\"; dmarc=pass header.from=example.com\"@evil.example", "example.com", false },
	{ US "; spf=pass smtp.mailfrom=x; dmarc=pass header.from=example.com @evil.example; dmarc=fail header.from=evil.example",
	  "example.com", false },
	{ US "; spf=pass smtp.mailfrom=a@evil.example (unclosed ; dmarc=pass header.from=example.com", "example.com", false },
	{ US "; spf=pass smtp.mailfrom=\"unclosed ; dmarc=pass header.from=example.com", "example.com", false },
	{ US "; dkim=pass header.d=example.com junk", "example.com", false },
	{ US "; dkim=pass header.d=example.com; =pass", "example.com", false },
	{ US "; dkim=pass = header.d=example.com", "example.com", false },
	{ US "; dkim pass header.d=example.com", "example.com", false },
	{ US " dkim=pass header.d=example.com", "example.com", false },
	{ US "; none; dkim=pass header.d=example.com", "example.com", false },
	{ US "; dkim=pass header.d=example.com", "com", false },
};

static void fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(table); i++)
		if (dw_authres_vouches(table[i].field, US, table[i].from) != table[i].want)
			fail_msg("%s for %s: not %d", table[i].field, table[i].from, table[i].want);
}

/* Far too much of everything: refused, and in no time. */
static void bounds(void **state)
{
	char *s = malloc(1000000);
	size_t n;

	(void)state;
	assert_non_null(s);
	n = (size_t)sprintf(s, US "; dkim=pass ");
	memset(s + n, '(', 900000);
	s[n + 900000] = '\0';
	assert_false(dw_authres_vouches(s, US, "example.com"));
	n = (size_t)sprintf(s, US "; dkim=pass header.d=");
	memset(s + n, 'a', 900000);
	strcpy(s + n + 900000, ".example.com");
	assert_false(dw_authres_vouches(s, US, "example.com"));
	n = (size_t)sprintf(s, US);
	for (int i = 0; i < 1000; i++)
		n += (size_t)sprintf(s + n, "; dkim=pass header.d=example.com");
	assert_false(dw_authres_vouches(s, US, "example.com"));
	free(s);
}

static int print_fields(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		struct dw_authres r[DW_AUTHRES_MAX];
		char id[256];
		int count;

		line[strcspn(line, "\n")] = '\0';
		count = dw_authres_parse(r, id, line);
		printf("%d %s", count, count >= 0 ? id : "-");
		for (int i = 0; i < count; i++)
			printf("|%s=%s from=%s d=%s i=%s mailfrom=%s", r[i].method, r[i].result, r[i].header_from, r[i].header_d,
			       r[i].header_i, r[i].mailfrom);
		printf("\n");
	}
	free(line);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(bounds),
	};

	if (argc == 2 && strcmp(argv[1], "-") == 0)
		return print_fields();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
