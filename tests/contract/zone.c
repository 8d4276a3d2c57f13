/* zone-load.h against glibc: the same tzdata, read by somebody else's code. */
#include "duewatch/zone-load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Where the trade is, and where clocks do odd things: half-hour summer time (Lord_Howe), Ramadan (Casablanca, El_Aaiun,
 * Gaza), winter "summer" time (Dublin), changes before midnight (Nuuk, Scoresbysund), a day left out (Apia), rules of
 * more than 24 h (Gaza, Jerusalem), rules that ended (Sao_Paulo, Tehran), 45 minutes (Chatham, Kathmandu). */
static const char *const zones[] = {
	"America/Los_Angeles", "Asia/Shanghai", "Europe/London", "Australia/Lord_Howe", "Africa/Casablanca", "Africa/El_Aaiun",
	"Asia/Gaza", "Europe/Dublin", "America/Nuuk", "America/Scoresbysund", "Pacific/Apia", "Asia/Jerusalem",
	"America/Sao_Paulo", "Asia/Tehran", "Pacific/Chatham", "Asia/Kathmandu", "Africa/Cairo", "America/St_Johns",
	"Pacific/Easter", "Asia/Hong_Kong", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Europe/Moscow",
	"Antarctica/Troll", "America/Havana", "Asia/Beirut", "Etc/GMT+12", "Pacific/Kiritimati", "UTC",
};

static struct dw_zone *load(const char *name)
{
	struct dw_zone *z = NULL;
	struct dw_err err = { "" };

	if (dw_zone_load(&z, name, &err) != 0)
		fail_msg("%s: %s", name, err.text);
	setenv("TZ", name, 1);
	tzset();
	return z;
}

static void same(const struct dw_zone *z, dw_time t)
{
	struct dw_civil c;
	struct tm tm;
	time_t tt = (time_t)t;

	dw_zone_civil(z, t, &c);
	assert_non_null(localtime_r(&tt, &tm));
	if (c.offset != tm.tm_gmtoff || strncmp(c.abbrev, tm.tm_zone, 7) != 0 || c.hour != tm.tm_hour || c.minute != tm.tm_min ||
	    c.second != tm.tm_sec || c.day != tm.tm_mday || c.month != tm.tm_mon + 1 || c.year != tm.tm_year + 1900 ||
	    c.weekday != tm.tm_wday)
		fail_msg("%s at %lld: %04d-%02d-%02d %02d:%02d:%02d %+d %s, glibc %04d-%02d-%02d %02d:%02d:%02d %+ld %s", z->name,
			 (long long)t, c.year, c.month, c.day, c.hour, c.minute, c.second, c.offset, c.abbrev,
			 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_gmtoff, tm.tm_zone);
}

/* Every six hours finds a transition that is missing, the edges one that is a second off, seeded instants the rest. */
static void as_glibc_reads_it(void **state)
{
	uint64_t seed = 20261123;

	(void)state;
	for (size_t i = 0; i < DW_COUNT(zones); i++) {
		DW_CLEANUP(dw_zone_freep) struct dw_zone *z = load(zones[i]);

		assert_string_equal(z->name, zones[i]);
		assert_true(z->n >= 1 && z->t[0].at == INT64_MIN);
		for (dw_time t = DW_TIME_MIN; t < DW_TIME_MAX; t += 6 * 3600)
			same(z, t);
		for (size_t k = 1; k < z->n; k++) {
			assert_true(z->t[k].at > z->t[k - 1].at);
			same(z, z->t[k].at - 1);
			same(z, z->t[k].at);
		}
		same(z, DW_TIME_MAX - 1);
		for (int k = 0; k < 3000; k++) {
			seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			same(z, DW_TIME_MIN + (dw_time)((seed >> 16) % (uint64_t)(DW_TIME_MAX - DW_TIME_MIN)));
		}
	}
}

/* Local → UTC: the instant found shows the wall time asked for and no earlier one does, or the wall time doesn't
 * exist and this is the first instant after it. By trying every instant that could be meant, through glibc. */
static void wall_time_as_glibc_reads_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(zones); i++) {
		DW_CLEANUP(dw_zone_freep) struct dw_zone *z = load(zones[i]);

		for (size_t k = 1; k < z->n; k++)
			for (dw_time wall = z->t[k].at + z->t[k].offset - 9000; wall <= z->t[k].at + z->t[k].offset + 9000; wall += 1800) {
				struct tm w;
				time_t as_utc = (time_t)wall;
				dw_time got, earliest = DW_NEVER;

				gmtime_r(&as_utc, &w);
				got = dw_zone_instant(z, w.tm_year + 1900, w.tm_mon + 1, w.tm_mday, w.tm_hour, w.tm_min, w.tm_sec);
				for (size_t s = k - 1; s <= k + 1 && s < z->n; s++) {
					dw_time t = wall - z->t[s].offset;
					time_t tt = (time_t)t;
					struct tm tm;

					localtime_r(&tt, &tm);
					if (t + tm.tm_gmtoff == wall && t < earliest)
						earliest = t;
				}
				if (earliest == DW_NEVER)
					earliest = z->t[k].at; /* in the gap */
				if (got != earliest)
					fail_msg("%s wall %lld: %lld, not %lld", zones[i], (long long)wall, (long long)got, (long long)earliest);
			}
	}
}

static void utc_needs_no_data(void **state)
{
	struct dw_zone *z = NULL;
	struct dw_err err;

	(void)state;
	setenv("TZDIR", "/nonexistent", 1);
	assert_int_equal(dw_zone_load(&z, "UTC", &err), 0);
	assert_string_equal(z->name, "UTC");
	assert_int_equal(z->n, 1);
	dw_zone_free(z);
	assert_int_equal(dw_zone_load(&z, "Asia/Shanghai", &err), -ENOENT);
	assert_non_null(strstr(err.text, "tzdata"));
	unsetenv("TZDIR");
	dw_zone_free(NULL);
}

static void wrong_names(void **state)
{
	static const struct {
		const char *name, *says;
	} rows[] = {
		{ "Asia/Shangai", "\"Asia/Shanghai\"?" },
		{ "asia/shanghai", "\"Asia/Shanghai\"?" },
		{ "Shanghai", "\"Asia/Shanghai\"?" },
		{ "Asia/Beijing", "\"Asia/Shanghai\"?" },
		{ "America/Los Angeles", "\"America/Los_Angeles\"?" },
		{ "PST", "\"America/Los_Angeles\"?" },
		{ "America", "no time zone" },
		{ "", "names look like" },
		{ "/etc/passwd", "no time zone" },
		{ "../../../etc/passwd", "no time zone" },
		{ "Asia/../Asia/Shanghai", "no time zone" },
		{ "Asia/", "no time zone" },
		{ "qqqqqqqqqqqq", "names look like" },
		{ "UTC+8", "no time zone" },
	};

	(void)state;
	for (size_t i = 0; i < DW_COUNT(rows); i++) {
		struct dw_zone *z = NULL;
		struct dw_err err = { "" };

		if (dw_zone_load(&z, rows[i].name, &err) != -EINVAL || z || !strstr(err.text, rows[i].says))
			fail_msg("%s: %s", rows[i].name, err.text);
	}
}

/* A TZif file with nothing but a footer. */
static size_t with_footer(unsigned char *out, const char *footer, int32_t offset, const char *abbrev)
{
	size_t chars = strlen(abbrev) + 1, n = 0;

	for (int block = 0; block < 2; block++) {
		unsigned char *p = out + n;

		memset(p, 0, 44);
		memcpy(p, "TZif3", 5);
		p[39] = 1;
		p[43] = (unsigned char)chars;
		p[44] = (unsigned char)((uint32_t)offset >> 24);
		p[45] = (unsigned char)((uint32_t)offset >> 16);
		p[46] = (unsigned char)((uint32_t)offset >> 8);
		p[47] = (unsigned char)offset;
		p[48] = p[49] = 0;
		memcpy(p + 50, abbrev, chars);
		n += 50 + chars;
	}
	out[n++] = '\n';
	memcpy(out + n, footer, strlen(footer));
	n += strlen(footer);
	out[n++] = '\n';
	return n;
}

/* Rules no zone of today may have; glibc reads the same text from TZ. */
static void footers_as_glibc_reads_them(void **state)
{
	static const char *const footers[] = {
		"PST8PDT,M3.2.0,M11.1.0", "CET-1CEST,M3.5.0,M10.5.0/3", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
		"IST-1GMT0,M10.5.0,M3.5.0/1", "EET-2EEST,M3.4.4/50,M10.4.4/50", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
		"AAA3BBB,J60/0,J300", "AAA3BBB,59/0,299/26:30:15", "AAA-3:30:10BBB-5,M2.5.1/3,M9.5.6/-2", "CST-8",
	};
	unsigned char file[512];

	(void)state;
	for (size_t i = 0; i < DW_COUNT(footers); i++) {
		DW_CLEANUP(dw_zone_freep) struct dw_zone *z = NULL;
		struct dw_err err = { "" };
		size_t n = with_footer(file, footers[i], -10800, "LMT");

		if (dw_zone_from_tzif(&z, footers[i], file, n, &err) != 0)
			fail_msg("%s: %s", footers[i], err.text);
		setenv("TZ", footers[i], 1);
		tzset();
		for (dw_time t = DW_TIME_MIN; t < DW_TIME_MAX; t += 4 * 3600)
			same(z, t);
		for (size_t k = 1; k < z->n; k++) {
			same(z, z->t[k].at - 1);
			same(z, z->t[k].at);
		}
	}
}

/* RFC 8536 §3.3.1's example. glibc 2.36 itself shows XXX for three hours each new year. */
static void summer_time_all_year(void **state)
{
	DW_CLEANUP(dw_zone_freep) struct dw_zone *z = NULL;
	unsigned char file[512];
	size_t n = with_footer(file, "XXX3EDT4,0/0,J365/23", -10800, "XXX");

	(void)state;
	assert_int_equal(dw_zone_from_tzif(&z, "always", file, n, NULL), 0);
	assert_int_equal(z->n, 1);
	assert_int_equal(z->t[0].offset, -14400);
	assert_string_equal(z->t[0].abbrev, "EDT");
}

static void bad_footers(void **state)
{
	static const char *const footers[] = { "P", "8", "PST", "PST8PDT", "PST8PDT,", "PST8PDT,M3.2.0", "PST8PDT,M13.2.0,M11.1.0",
					       "PST8PDT,M3.6.0,M11.1.0", "PST8PDT,M3.2.7,M11.1.0", "PST8PDT,M3.2.0,M11.1.0x",
					       "PST8PDT,J0,J5", "PST8PDT,366,5", "PST99", "<PST8", "PST8PDT,M3.2.0/168,M11.1.0",
					       "PST8PDT,M3.2", "PST8PDT,M3.", "PST8PDT,M" };
	unsigned char file[512];

	(void)state;
	for (size_t i = 0; i < DW_COUNT(footers); i++) {
		struct dw_zone *z = NULL;
		struct dw_err err = { "" };
		size_t n = with_footer(file, footers[i], 0, "LMT");

		if (dw_zone_from_tzif(&z, "Test/Zone", file, n, &err) != -EBADMSG || z || !strstr(err.text, "Test/Zone"))
			fail_msg("%s: %s", footers[i], err.text);
	}
}

/* A real file cut anywhere is refused; with any one byte damaged it is refused or still a sound table. */
static void damaged_files(void **state)
{
	static unsigned char file[65536], copy[65536];
	FILE *f = fopen("/usr/share/zoneinfo/Europe/London", "rb");
	struct dw_zone *z = NULL;
	size_t n;

	(void)state;
	if (!f)
		skip();
	n = fread(file, 1, sizeof(file), f);
	fclose(f);
	assert_int_equal(dw_zone_from_tzif(&z, "x", file, n, NULL), 0);
	dw_zone_free(z);
	for (size_t cut = 0; cut < n; cut++) {
		unsigned char *exact = malloc(cut + 1); /* so that a sanitizer sees one byte too far */

		assert_non_null(exact);
		memcpy(exact, file, cut);
		z = NULL;
		if (dw_zone_from_tzif(&z, "x", exact, cut, NULL) == 0)
			fail_msg("cut at %zu", cut);
		free(exact);
	}
	for (size_t at = 0; at < n; at++) {
		memcpy(copy, file, n);
		copy[at] ^= (unsigned char)(1u << (at % 8));
		copy[(at * 7919) % n] ^= 0xFF;
		z = NULL;
		if (dw_zone_from_tzif(&z, "x", copy, n, NULL) == 0) {
			assert_true(z->n >= 1 && z->t[0].at == INT64_MIN);
			for (size_t k = 1; k < z->n; k++)
				if (z->t[k].at <= z->t[k - 1].at)
					fail_msg("unsorted after damage at %zu", at);
			dw_zone_free(z);
		}
	}
}

static void leap_seconds_are_refused(void **state)
{
	struct dw_zone *z = NULL;
	struct dw_err err = { "" };

	(void)state;
	if (access("/usr/share/zoneinfo/right/Europe/London", R_OK) < 0)
		skip();
	assert_int_equal(dw_zone_load(&z, "right/Europe/London", &err), -EINVAL);
	assert_non_null(strstr(err.text, "leap seconds"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_glibc_reads_it), cmocka_unit_test(wall_time_as_glibc_reads_it),
		cmocka_unit_test(utc_needs_no_data), cmocka_unit_test(wrong_names),
		cmocka_unit_test(footers_as_glibc_reads_them), cmocka_unit_test(summer_time_all_year), cmocka_unit_test(bad_footers),
		cmocka_unit_test(damaged_files), cmocka_unit_test(leap_seconds_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
