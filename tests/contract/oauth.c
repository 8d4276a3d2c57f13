/* OAuth 2 without a server: what answers mean, the token file and its modes, the address a person opens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../daemon/app/oauth-impl.h"

static char dir[] = "/tmp/dw-oauth-XXXXXX";

/* ---- answers ---- */

struct row {
	long code;
	const char *type, *body;
	enum dw_oauth_verdict verdict;
	const char *words; /* part of the error */
};

#define JSON "application/json"
#define LONG "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct row rows[] = {
	{ 200, JSON, "{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"expires_in\":3600}", DW_OAUTH_GRANTED, "" },
	{ 200, JSON "; charset=utf-8", "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"refresh_token\":\"r\"}", DW_OAUTH_GRANTED, "" },
	{ 200, NULL, "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"refresh_token\":null}", DW_OAUTH_GRANTED, "" },
	{ 200, JSON, "{\"access_token\":\"a\"}", DW_OAUTH_LATER, "not bearer" },
	{ 200, JSON, "{\"access_token\":\"\",\"token_type\":\"bearer\"}", DW_OAUTH_LATER, "can't be used" },
	{ 200, JSON, "{\"access_token\":7,\"token_type\":\"bearer\"}", DW_OAUTH_LATER, "can't be used" },
	{ 200, JSON, "{\"access_token\":\"a\\u0000b\",\"token_type\":\"bearer\"}", DW_OAUTH_LATER, "no JSON" },
	{ 200, JSON, "{\"access_token\":\"a\\r\\nb\",\"token_type\":\"bearer\"}", DW_OAUTH_LATER, "can't be used" },
	{ 200, JSON, "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"refresh_token\":\"\"}", DW_OAUTH_LATER, "refresh token can't be used" },
	{ 200, JSON, "{\"access_token\":\"a\",\"access_token\":\"b\",\"token_type\":\"bearer\"}", DW_OAUTH_LATER, "no JSON" },
	{ 200, JSON, "", DW_OAUTH_LATER, "no JSON" },
	{ 200, "text/html", "{\"access_token\":\"a\",\"token_type\":\"bearer\"}", DW_OAUTH_LATER, "no JSON, but text/html" },
	{ 302, JSON, "{\"access_token\":\"a\",\"token_type\":\"bearer\"}", DW_OAUTH_LATER, "redirects" },
	{ 400, JSON, "{\"access_token\":\"a\",\"token_type\":\"bearer\"}", DW_OAUTH_LATER, "HTTP 400" },
	{ 400, JSON, "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been expired or revoked.\"}", DW_OAUTH_DEAD,
	  "invalid_grant (HTTP 400): Token has been expired or revoked." },
	{ 401, JSON, "{\"error\":\"invalid_client\"}", DW_OAUTH_DEAD, "invalid_client (HTTP 401)" },
	{ 400, JSON, "{\"error\":\"temporarily_unavailable\"}", DW_OAUTH_LATER, "temporarily_unavailable" },
	{ 400, JSON, "{\"error\":\"a new word\"}", DW_OAUTH_LATER, "a new word" },
	{ 400, JSON, "{\"error\":{\"invalid_grant\":1}}", DW_OAUTH_LATER, "HTTP 400" },
	{ 429, JSON, "{\"error\":\"invalid_grant\"}", DW_OAUTH_LATER, "invalid_grant (HTTP 429)" },
	{ 503, JSON, "{\"error\":\"invalid_grant\"}", DW_OAUTH_LATER, "invalid_grant (HTTP 503)" },
	{ 500, "text/html", "<html>", DW_OAUTH_LATER, "HTTP 500" },
	{ 0, NULL, "", DW_OAUTH_LATER, "HTTP 0" },
	{ 400, JSON, "{\"error\":\"authorization_pending\"}", DW_OAUTH_PENDING, "nobody has agreed yet" },
	{ 400, JSON, "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS70008: gone\\r\\nTrace ID: 1\"}", DW_OAUTH_DEAD, "AADSTS70008: gone" },
	{ 400, JSON, "{\"error\":\"invalid_grant\",\"error_description\":\"" LONG LONG LONG LONG " our-secret\"}", DW_OAUTH_DEAD, "xxx" },
	{ 400, JSON, "{\"error\":\"our-secret\",\"error_description\":\"our-secret and our-secret\"}", DW_OAUTH_LATER, "*** (HTTP 400): *** and ***" },
	{ 200, JSON, "{\"device_code\":\"d\",\"user_code\":\"WDJB\",\"verification_uri\":\"https://example.com/d\"}", DW_OAUTH_DEVICE, "" },
	{ 200, JSON, "{\"device_code\":\"d\",\"user_code\":\"WDJB\",\"verification_uri\":\"http://example.com/d\"}", DW_OAUTH_LATER, "no proper codes" },
	{ 200, JSON, "{\"device_code\":\"d\",\"user_code\":\"W\\u001b[2J\",\"verification_uri\":\"https://example.com\"}", DW_OAUTH_LATER, "no proper codes" },
};

static void test_answers(void **state)
{
	static const char *const secret[] = { "our-secret", NULL };

	(void)state;
	for (size_t i = 0; i < DW_COUNT(rows); i++) {
		struct dw_oauth_answer a;

		assert_int_equal(dw_oauth_answer_read(&a, secret, rows[i].code, rows[i].type, rows[i].body, strlen(rows[i].body)), 0);
		if (a.verdict != rows[i].verdict || !strstr(a.error, rows[i].words) || strstr(a.error, "our-secret"))
			fail_msg("%s: %d, \"%s\"", rows[i].body, a.verdict, a.error);
		assert_true((a.verdict == DW_OAUTH_GRANTED) == (a.access != NULL));
		dw_oauth_answer_fini(&a);
	}
}

static void test_lives(void **state)
{
	static const struct {
		const char *said;
		int64_t life;
	} lives[] = { { "3599", 3599 }, { "\"1800\"", 1800 }, { "0", 3600 }, { "-5", 3600 }, { "1e9", 3600 }, { "\"soon\"", 3600 }, { "null", 3600 },
		      { "99999999999", 30 * 86400 }, { "60.5", 60 } };

	(void)state;
	for (size_t i = 0; i < DW_COUNT(lives); i++) {
		struct dw_oauth_answer a;
		char body[200];

		snprintf(body, sizeof(body), "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"expires_in\":%s}", lives[i].said);
		assert_int_equal(dw_oauth_answer_read(&a, NULL, 200, JSON, body, strlen(body)), 0);
		if (a.expires_in != lives[i].life)
			fail_msg("%s: %lld", lives[i].said, (long long)a.expires_in);
		dw_oauth_answer_fini(&a);
	}
}

/* ---- the file ---- */

static void test_file(void **state)
{
	struct dw_oauth_kept k = { .obtained = 1790000000, .expires = 1790003600, .refresh_expires = DW_UNKNOWN, .seed = 7, .of = UINT64_MAX }, got = { 0 };
	char path[100], folder[100];
	struct dw_err err = { "" };
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/tokens/mail.json", dir);
	snprintf(folder, sizeof(folder), "%s/tokens", dir);
	assert_int_equal(dw_oauth_kept_load(&got, dir, "mail", &err), 1);
	k.refresh = dw_secret_copy("r\"\\~!", 5);
	k.access = dw_secret_copy("a", 1);
	umask(0);
	assert_int_equal(dw_oauth_kept_save(&k, dir, "mail", &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(dw_oauth_kept_load(&got, dir, "mail", &err), 0);
	assert_string_equal(got.refresh, "r\"\\~!");
	assert_string_equal(got.access, "a");
	assert_true(got.obtained == k.obtained && got.expires == k.expires && got.refresh_expires == DW_UNKNOWN && got.seed == 7 &&
		    got.of == UINT64_MAX);
	dw_oauth_kept_fini(&got);
	dw_oauth_kept_fini(&k);
	chmod(path, 0640);
	assert_int_equal(dw_oauth_kept_load(&got, dir, "mail", &err), -EPERM);
	assert_non_null(strstr(err.text, "chmod 0600"));
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_true(dw_oauth_kept_load(&got, dir, "mail", &err) < 0);
	unlink(path);
	rmdir(folder);
}

/* ---- the address ---- */

static void test_address(void **state)
{
	struct dw_oauth_conf conf = { .provider = (char *)"google", .client_id = (char *)"1&2", .token_url = (char *)"https://t.example.com/",
				      .authorize_url = (char *)"https://a.example.com/auth" };
	struct dw_oauth *o = NULL;
	struct dw_err err = { "" };
	DW_FREE char *url = NULL;

	(void)state;
	assert_int_equal(dw_oauth_new(&o, &conf, DW_OAUTH_SMTP, "mail", "al@example.com", dir, &err), 0);
	/* RFC 7636, appendix B */
	assert_int_equal(dw_oauth_grant_url(o, "http://localhost", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "st", &url, &err), 0);
	assert_string_equal(url, "https://a.example.com/auth?response_type=code&client_id=1%262&redirect_uri=http%3A%2F%2Flocalhost"
				 "&scope=https%3A%2F%2Fmail.google.com%2F&state=st&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
				 "&code_challenge_method=S256&login_hint=al%40example.com&access_type=offline&prompt=consent");
	assert_int_equal(dw_oauth_device_begin(o, NULL, &err), -ENOTSUP);
	dw_oauth_free(o);
}

static int make(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int drop(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_answers), cmocka_unit_test(test_lives), cmocka_unit_test(test_file),
					    cmocka_unit_test(test_address) };

	return cmocka_run_group_tests(tests, make, drop);
}
