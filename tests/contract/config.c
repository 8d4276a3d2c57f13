/* The config as people write it: the block of the interface document, the shipped file, and every way to get it wrong,
 * with the exact file, line and words that must come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "duewatch/config.h"
#include "duewatch/oauth.h"
#include "duewatch/zone-load.h"

static char dir[64];	 /* of this run */
static char data[80];	 /* a data folder with two small packs */

static const char *path_in(const char *name)
{
	static char p[4][512];
	static int i;

	i = (i + 1) % 4;
	snprintf(p[i], sizeof(p[i]), "%s/%s", dir, name);
	return p[i];
}

static void put_bytes(const char *name, const void *bytes, size_t n)
{
	FILE *f = fopen(path_in(name), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static char *slurp(const char *path)
{
	DW_BUF b = { 0 };
	char block[4096];
	size_t n;
	FILE *f = fopen(path, "rb");

	if (!f)
		return NULL;
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		dw_buf_add(&b, block, n);
	fclose(f);
	return dw_buf_take(&b);
}

/* Problems as text, one a line, without the folder of this run. */
static char *told(const struct dw_problems *p)
{
	DW_BUF b = { 0 };

	for (size_t i = 0; i < p->n; i++) {
		DW_BUF one = { 0 };
		const char *s;
		size_t cut = strlen(dir) + 1;

		dw_problem_text(&one, &p->p[i]);
		for (s = dw_buf_str(&one); *s; s++) {
			if (strncmp(s, dir, cut - 1) == 0 && s[cut - 1] == '/')
				s += cut;
			dw_buf_putc(&b, *s);
		}
		dw_buf_putc(&b, '\n');
	}
	return dw_buf_take(&b);
}

static struct dw_config *load_from(const char *path, const char *datadir, char **problems)
{
	struct dw_problems p = { 0 };
	struct dw_config *c = NULL;
	struct dw_err err = { "" };
	int r = dw_config_load(&c, path, datadir, &p, &err);

	assert_int_equal(r, p.errors ? -EINVAL : 0);
	assert_true((r == 0) == (c != NULL));
	*problems = told(&p);
	dw_problems_fini(&p);
	return c;
}

static struct dw_config *load(const char *name, char **problems)
{
	return load_from(path_in(name), data, problems);
}

/* No problem and no warning. */
static struct dw_config *load_good(const char *text)
{
	DW_FREE char *problems = NULL;
	struct dw_config *c;

	put("good.conf", text);
	c = load("good.conf", &problems);
	assert_string_equal(problems, "");
	assert_non_null(c);
	return c;
}

#define CONFIG DW_CLEANUP(dw_config_freep) struct dw_config

static int set_up(void **state)
{
	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	unsetenv("DUEWATCH_DATADIR");
	snprintf(dir, sizeof(dir), "/tmp/duewatch-config-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(data, sizeof(data), "%s/data", dir);
	mkdir(data, 0700);
	mkdir(path_in("data/platforms"), 0700);
	mkdir(path_in("data/templates"), 0700);
	put("data/platforms/generic.conf",
	    "name = \"generic\"; extension = \"seller\"; buyer_answer = 2; claim_days = 30; dispute_talk = \"3d\";\n"
	    "columns = ( (\"order_id\", \"Order ID\") ); status = ( (\"open\", \"awaiting_shipment\") );\n"
	    "otherwise = { en = \"late\"; zh_CN = \"迟\"; };\n");
	put("data/platforms/alibaba.conf",
	    "name = \"alibaba\"; base = \"generic\"; timezone = \"America/Los_Angeles\"; margin_days = 2; receipt_extension = \"15d\";\n"
	    "auto_confirm = ( (\"sea\", [45, 60]), (\"express\", [15, 25]) );\n"
	    "columns = ( (\"promised_at\", \"约定发货时间\"), (\"order_id\", \"订单编号\") ); otherwise = { en = [ \"one\", \"two\" ]; };\n");
	return 0;
}

static int tear_down(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -r '%s'", dir);
	return system(cmd) == 0 ? 0 : -1;
}

#define PEOPLE                                                                                                         \
	"timezone = \"Asia/Shanghai\"; default_owner = \"a\"; default_deputy = \"a\"; default_manager = \"a\";"          \
	"people = ( { name = \"a\"; email = \"a@example.com\"; } );"
#define MAIL "mail = { transport = \"smtps://relay.example.com\"; from = \"d@example.com\"; };"
#define FEEDS "feeds = ( { name = \"f\"; type = \"csv\"; path = \"f.csv\"; } );"

/* ---- what must be read ---- */

/* The block under "## Config" of the interface document, as it stands there. */
static char *interface_block(void)
{
	DW_FREE char *doc = slurp(DW_SOURCE_DIR "/../shared/interface.md");
	char *p, *end;

	if (!doc)
		return NULL;
	p = strstr(doc, "\n## Config");
	assert_non_null(p);
	p = strstr(p, "\n```\n");
	assert_non_null(p);
	p += 5;
	end = strstr(p, "\n```\n");
	assert_non_null(end);
	end[1] = '\0';
	return strdup(p);
}

static void check_interface_feeds(const struct dw_config *c)
{
	const struct dw_feed_conf *shop = dw_config_feed(c, "shop"), *y = dw_config_feed(c, "1688"), *plan = dw_config_feed(c, "factory");

	assert_int_equal(c->n_feeds, 3);
	assert_string_equal(shop->type, "xlsx");
	assert_string_equal(shop->path, "/srv/duewatch/inbox");
	assert_string_equal(shop->pack->name, "alibaba");
	assert_string_equal(shop->zone->name, "America/Los_Angeles");
	assert_null(shop->other);
	assert_int_equal(shop->every, 600);
	assert_int_equal(shop->stale_after, 26 * 3600);
	assert_string_equal(dw_text(&shop->defaults, DW_F_OWNER), "alice");
	assert_int_equal(shop->defaults.num[DW_F_TRANSPORT], DW_BY_SEA);
	assert_string_equal(y->path, path_in("interface/orders-1688.csv"));
	assert_string_equal(y->encoding, "gb18030");
	assert_int_equal(y->delimiter, ',');
	assert_int_equal(y->absent, DW_ABSENT_CLOSE);
	assert_int_equal(y->n_columns, 2);
	assert_int_equal(y->columns[1].ours, DW_F_PROMISED_AT);
	assert_string_equal(y->columns[1].theirs, "约定发货时间");
	assert_string_equal(y->status[1].theirs, "已发货");
	assert_int_equal(y->status[1].ours, DW_SHIPPED);
	assert_true(y->n_status > 2); /* the pack's follow */
	assert_true(plan->overlay);
	assert_null(plan->platform);
	assert_string_equal(plan->pack->name, "generic");
	assert_int_equal(plan->n_of, 1);
	assert_string_equal(plan->of[0], "shop");
	assert_int_equal(shop->at.line, 25);
}

static void check_interface_rest(const struct dw_config *c)
{
	const struct dw_person *chen = &c->people.p[2];
	const struct dw_pack *ali = NULL;

	assert_string_equal(c->zone->name, "Asia/Shanghai");
	assert_string_equal(c->state, "/var/lib/duewatch");
	assert_int_equal(c->people.working_days, 0x7E);
	assert_int_equal(c->people.n, 3);
	assert_int_equal(c->people.p[0].deputy, 1);
	assert_int_equal(c->people.p[0].n_alias, 2);
	assert_int_equal(c->people.p[0].daily_minute, 8 * 60 + 30);
	assert_string_equal(chen->language, "zh-CN");
	assert_string_equal(chen->zone->name, "America/Los_Angeles");
	assert_int_equal(chen->daily_minute, -1);
	assert_int_equal(c->people.default_manager, 2);
	assert_int_equal(c->people.n_operators, 1);
	assert_int_equal(c->transit_days[DW_BY_SEA], 35);
	assert_int_equal(c->transit_days[DW_BY_AIR], 0);
	assert_string_equal(c->mail.transport, "smtps://smtp.example.com:465");
	assert_string_equal(c->mail.from_name, "Duewatch");
	assert_string_equal(c->mail.from_address, "duewatch@example.com");
	assert_string_equal(c->mail.password_file, path_in("interface/smtp-password"));
	assert_int_equal(c->mail.rate_n, 60);
	assert_int_equal(c->mail.rate_s, 60);
	assert_int_equal(c->mail.connections, 4);
	assert_int_equal(c->ladder[DW_SHIPPED_LATE].n, 0);
	assert_int_equal(c->ladder[DW_SHIP_BY].n, 3);
	assert_true(c->ladder[DW_OVERDUE].n > 3);
	for (size_t i = 0; i < c->n_packs; i++)
		if (strcmp(c->packs[i].name, "alibaba") == 0)
			ali = &c->packs[i];
	assert_non_null(ali);
	assert_int_equal(ali->buyer_answer, 3);
	assert_int_equal(ali->holidays.n, 1);
	assert_int_equal(ali->receipt_extension, 15);
	assert_int_equal(ali->auto_confirm[DW_BY_SEA].n, 2);
	assert_int_equal(ali->auto_confirm[DW_BY_SEA].days[1], 60);
	assert_int_equal(ali->dispute_talk, 3 * DW_DAY);
}

static void interface_parses(void **state)
{
	DW_FREE char *block = interface_block();
	DW_FREE char *problems = NULL;
	CONFIG *c = NULL;

	(void)state;
	if (!block) {
		print_message("the interface document isn't beside this source tree\n");
		skip();
	}
	mkdir(path_in("interface"), 0700);
	put("interface/duewatch.conf", block);
	c = load_from(path_in("interface/duewatch.conf"), DW_SOURCE_DIR "/conf", &problems);
	assert_string_equal(problems, "");
	check_interface_feeds(c);
	check_interface_rest(c);
}

static void replace(char **text, const char *what, const char *with)
{
	char *at = strstr(*text, what);
	DW_BUF b = { 0 };

	assert_non_null(at);
	dw_buf_add(&b, *text, (size_t)(at - *text));
	dw_buf_puts(&b, with);
	dw_buf_puts(&b, at + strlen(what));
	free(*text);
	*text = dw_buf_take(&b);
}

static void shipped_file_works(void **state)
{
	DW_FREE char *text = slurp(DW_SOURCE_DIR "/conf/duewatch.conf");
	DW_FREE char *problems = NULL;
	DW_FREE char *again = NULL;
	CONFIG *c = NULL;
	CONFIG *mine = NULL;

	(void)state;
	c = load_from(DW_SOURCE_DIR "/conf/duewatch.conf", DW_SOURCE_DIR "/conf", &problems);
	assert_string_equal(problems, "");
	assert_int_equal(c->n_feeds, 1);
	replace(&text, "smtps://smtp.example.com:465", "smtp://mail.example.org");
	replace(&text, "Duewatch <duewatch@example.com>", "me@example.org");
	replace(&text, "alice@example.com", "me@example.org");
	replace(&text, "/srv/duewatch/inbox", "export");
	put("shipped.conf", text);
	mine = load_from(path_in("shipped.conf"), DW_SOURCE_DIR "/conf", &again);
	assert_string_equal(again, "");
	assert_string_equal(mine->mail.transport, "smtp://mail.example.org:587");
	assert_string_equal(mine->people.p[0].email, "me@example.org");
	assert_string_equal(mine->feeds[0].path, path_in("export"));
}

/* The shipped file mentions every key there is, and every key of the table says what it is. */
/* Hours sort themselves; days off are the lists' and the calendars', everybody's and one's own. A calendar that can't be
 * used is a warning, which `check` makes an error of; its address is said nowhere. */
static void working_time(void **state)
{
	DW_FREE char *problems = NULL, *checked = NULL;
	struct dw_problems found = { 0 };
	struct dw_days_off fresh = { 0 };
	uint64_t rules;
	CONFIG *c = NULL;

	(void)state;
	put("all.ics", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20270501\nEND:VEVENT\nEND:VCALENDAR\n");
	put("one.ics", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20270502\nEND:VEVENT\nEND:VCALENDAR\n");
	put("cut.ics", "BEGIN:VCALENDAR\nBEGIN:VEVENT\n");
	put("hours.conf",
	    "timezone = \"Asia/Shanghai\"; default_owner = \"a\"; default_deputy = \"a\"; default_manager = \"b\"; calendar = \"all.ics\";"
	    "holidays = [ \"2027-02-06..2027-02-12\" ]; state = \".\"; people = ( { name = \"a\"; email = \"a@example.com\"; },\n"
	    "{ name = \"b\"; email = \"b@example.com\"; hours = [ \"13:30-24:00\", \"9:00 - 12:00\" ]; working_days = [ \"sun\" ];\n"
	    "holidays = [ \"2027-03-01\" ];\ncalendar = [ \"one.ics\",\n\"cut.ics\",\n\"https://example.com/geheim\" ]; } );" MAIL FEEDS);
	c = load_from(path_in("hours.conf"), DW_SOURCE_DIR "/conf", &problems);
	assert_non_null(c);
	assert_non_null(strstr(problems, "hours.conf:5: warning: calendar: cut.ics: it ends in the middle (END:VEVENT is missing)"));
	assert_null(strstr(problems, "geheim"));
	assert_int_equal(c->people.p[0].off.n, 2);
	assert_int_equal(c->people.p[0].hours.n, 0);
	assert_int_equal(c->people.p[1].off.n, 3); /* 1 and 2 May are one */
	assert_int_equal(c->people.p[1].hours.n, 2);
	assert_int_equal(c->people.p[1].hours.span[0].from, 540);
	assert_int_equal(c->people.p[1].hours.span[1].to, 1440);
	assert_int_equal(c->people.p[1].working_days, DW_WEEKDAY(0));
	rules = c->rules;
	assert_int_equal(dw_holidays_put(&fresh.days, (struct dw_days){ dw_day_number(2027, 6, 1), dw_day_number(2027, 6, 3) }, NULL), 0);
	assert_int_equal(dw_config_calendar_take(c, 0, &fresh, NULL), 0);
	assert_true(c->rules != rules);
	assert_int_equal(dw_holidays_count(&c->people.p[0].off, dw_day_number(2027, 5, 1), dw_day_number(2027, 12, 31)), 3);
	assert_int_equal(dw_config_check_files(c, &found), 0);
	for (size_t i = 0; i < found.n; i++)
		if (strstr(found.p[i].text, "cut.ics can't be used"))
			checked = dw_strdup(found.p[i].text);
	assert_non_null(checked);
	dw_problems_fini(&found);
}

static void shipped_file_is_complete(void **state)
{
	DW_FREE char *text = slurp(DW_SOURCE_DIR "/conf/duewatch.conf");
	const struct dw_config_key *k;
	size_t n = 0;

	(void)state;
	for (; (k = dw_config_key(n)); n++) {
		size_t len = strlen(k->name);
		const char *p = text;

		assert_true(!dw_empty(k->allowed) && !dw_empty(k->help));
		while ((p = strstr(p, k->name)) && (strchr("abcdefghijklmnopqrstuvwxyz_", p[len]) || strchr("abcdefghijklmnopqrstuvwxyz_", p[-1])))
			p += len;
		if (!p)
			fail_msg("conf/duewatch.conf doesn't show %s", k->name);
	}
	assert_true(n > 60);
}

static void all_shipped_packs(void **state)
{
	static const char *const names[] = { "generic", "alibaba", "1688", "aliexpress", "taobao", "amazon", "ebay", "shopee", "lazada", "shopify" };
	DW_FREE char *problems = NULL;
	CONFIG *c = NULL;

	(void)state;
	put("packs.conf", PEOPLE MAIL FEEDS);
	c = load_from(path_in("packs.conf"), DW_SOURCE_DIR "/conf", &problems);
	assert_string_equal(problems, "");
	for (size_t i = 0; i < DW_COUNT(names); i++) {
		size_t k = 0, n;

		while (k < c->n_packs && strcmp(c->packs[k].name, names[i]))
			k++;
		assert_true(k < c->n_packs);
		assert_non_null(dw_pack_text_find(&c->packs[k], "how_to_file", "zh-CN", &n));
		assert_true(n > 1 && c->packs[k].n_columns > 0 && c->packs[k].n_status > 0);
	}
}

static void mails_per_day_of_all_and_of_one(void **state)
{
	static const char two[] = "people = ( { name = \"a\"; email = \"a@example.com\"; mails_per_day = %s; },\n"
				  "{ name = \"b\"; email = \"b@example.com\"; } ); default_owner = \"a\"; default_deputy = \"a\";"
				  "default_manager = \"a\"; timezone = \"UTC\"; %s\n" MAIL FEEDS;
	static const struct {
		const char *own, *top;
		int a, b;
	} want[] = { { "3", "mails_per_day = 20;", 3, 20 }, { "0", "mails_per_day = 20;", 0, 20 }, { "1000", "", 1000, 0 } };
	char text[700];

	(void)state;
	for (size_t i = 0; i < DW_COUNT(want); i++) {
		CONFIG *c = NULL;

		snprintf(text, sizeof(text), two, want[i].own, want[i].top);
		c = load_good(text);
		assert_int_equal(c->people.p[0].mails_per_day, want[i].a);
		assert_int_equal(c->people.p[1].mails_per_day, want[i].b);
	}
}

/* ---- the config in force, kept ---- */

static void kept_and_read_back(void **state)
{
	DW_FREE char *problems = NULL, *old = getcwd(NULL, 0);
	dw_time at = DW_UNKNOWN;
	struct dw_err err = { "" };
	struct stat st;
	DW_FREE char *text = NULL;
	CONFIG *c = NULL;
	CONFIG *live = NULL;
	CONFIG *edited = NULL;

	(void)state;
	mkdir(path_in("kept"), 0700);
	mkdir(path_in("kept/platforms.d"), 0700);
	mkdir(path_in("kept/state"), 0700);
	put("kept/people.conf", "people = ( { name = \"a\"; email = \"a@example.com\"; mails_per_day = 7; } );\n");
	put("kept/platforms.d/mine.conf", "packs = ( { name = \"mine\"; base = \"alibaba\"; buyer_answer = 9; } );\n");
	put("kept/live.conf", "timezone = \"Asia/Shanghai\"; default_owner = \"a\"; default_deputy = \"a\"; default_manager = \"a\";\n"
			      "heartbeat_url = \"https://beat.example.com/geheim?key=geheim\"; // was http://me:word@old.example.com/geheim\n"
			      "@include \"people.conf\"\n" MAIL "\n"
			      "feeds = ( { name = \"f\"; type = \"csv\"; path = \"f.csv\"; platform = \"mine\"; timezone = \"America/Los_Angeles\"; } );\n");
	assert_int_equal(dw_config_load_live(&live, path_in("kept/state"), &at, &err), 1);
	/* named by a relative path, as a person in that folder does */
	assert_non_null(old);
	assert_int_equal(chdir(dir), 0);
	c = load_from("./kept/live.conf", data, &problems);
	assert_int_equal(chdir(old), 0);
	assert_string_equal(problems, "");
	assert_non_null(c);
	assert_int_equal(dw_config_save(c, path_in("kept/state"), &err), 0);
	assert_int_equal(stat(path_in("kept/state/config.live"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	text = slurp(path_in("kept/state/config.live"));
	assert_null(strstr(text, "geheim"));
	assert_null(strstr(text, "word@"));
	assert_non_null(strstr(text, "https://beat.example.com/"));

	/* what is edited since is not in it */
	put("kept/people.conf", "people = ( { name = \"a\"; email = \"a@example.com\"; mails_per_day = 8; daily_at = \"off\"; } );\n");
	put("kept/platforms.d/mine.conf", "packs = ( { name = \"mine\"; base = \"alibaba\"; buyer_answer = 1; } );\n");
	put("kept/platforms.d/other.conf", "packs = ( { name = \"other\"; base = \"alibaba\"; } );\n");
	if (dw_config_load_live(&live, path_in("kept/state"), &at, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(at == st.st_mtim.tv_sec);
	assert_true(live->rules == c->rules && live->feeds[0].print == c->feeds[0].print);
	assert_string_equal(live->path, c->path);
	assert_string_equal(live->feeds[0].path, c->feeds[0].path);
	assert_string_equal(live->state, c->state);
	assert_int_equal(live->people.p[0].mails_per_day, 7);
	assert_int_equal(live->n_packs, c->n_packs);
	free(problems);
	edited = load_from(path_in("kept/live.conf"), data, &problems);
	assert_true(edited->rules != c->rules);

	/* kept once: a second time there is nothing to keep it from, and what is there stays */
	assert_int_equal(dw_config_save(c, path_in("kept/state"), &err), 0);
	put("kept/state/config.live", "{\"config\": 3}");
	dw_config_free(live);
	live = NULL;
	assert_int_equal(dw_config_load_live(&live, path_in("kept/state"), &at, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "damaged"));
	put("kept/state/config.live", "{\"config\":\"/x\",\"datadir\":\"/y\",\"files\":[[\"/x\",\"timezone = ;\"]]}");
	assert_int_equal(dw_config_load_live(&live, path_in("kept/state"), &at, &err), -EBADMSG);
	/* one that can't be written anew must not pass for the config in force */
	mkdir(path_in("kept/state/config.live.part"), 0700);
	if (dw_config_save(edited, path_in("kept/state"), &err) == 0)
		fail_msg("written over a folder");
	assert_int_equal(dw_config_load_live(&live, path_in("kept/state"), &at, &err), 1);
	rmdir(path_in("kept/state/config.live.part"));
}

static void forms_of_files(void **state)
{
	CONFIG *bom = load_good("\xef\xbb\xbf" PEOPLE "\r\n" MAIL "\r\n" FEEDS "\r\n");
	CONFIG *inc = NULL;

	(void)state;
	assert_string_equal(bom->feeds[0].platform, "generic");
	mkdir(path_in("parts"), 0700);
	put("parts/people.conf", "\xef\xbb\xbf" PEOPLE "\n  @include \"more/mail.conf\" // beside me\n");
	mkdir(path_in("parts/more"), 0700);
	put("parts/more/mail.conf", MAIL);
	inc = load_good("# @include \"nothing\"\n/* \n@include \"nothing\"\n*/\n\t@include \"parts/people.conf\";\n" FEEDS);
	assert_string_equal(inc->people.p[0].email, "a@example.com");
	assert_string_equal(inc->mail.transport, "smtps://relay.example.com:465");
	/* every file that was read is known, the outermost first */
	assert_string_equal(inc->watched[0], path_in("good.conf"));
	assert_string_equal(inc->watched[1], path_in("parts/people.conf"));
	assert_string_equal(inc->watched[2], path_in("parts/more/mail.conf"));
	assert_string_equal(inc->path, path_in("good.conf"));
}

static void defaults_hold(void **state)
{
	CONFIG *c = load_good(PEOPLE MAIL FEEDS);

	(void)state;
	assert_string_equal(c->language, "en");
	assert_string_equal(c->state, "/var/lib/duewatch");
	assert_int_equal(c->people.working_days, DW_MON_FRI);
	assert_int_equal(c->people.n_operators, 1);
	assert_int_equal(c->people.operators[0], 0);
	assert_int_equal(c->mail.rate_n, 0);
	assert_false(c->mail.starttls_off);
	assert_int_equal(c->feeds[0].every, 600);
	assert_int_equal(c->feeds[0].absent, DW_ABSENT_KEEP);
	assert_int_equal(c->feeds[0].delimiter, 0);
	assert_ptr_equal(c->feeds[0].zone, c->zone);
}

/* rules.md §2: a file without zone, of a platform that lives elsewhere, is read in both; and we say so. */
static void two_zones(void **state)
{
	DW_FREE char *problems = NULL;
	CONFIG *c = NULL;

	(void)state;
	put("zones.conf", PEOPLE MAIL "feeds = (\n"
				      "{ name = \"x\"; type = \"csv\"; path = \"x\"; platform = \"alibaba\"; },\n"
				      "{ name = \"y\"; type = \"csv\"; path = \"y\"; platform = \"alibaba\"; timezone = \"Asia/Tokyo\"; },\n"
				      "{ name = \"z\"; type = \"csv\"; path = \"z\"; platform = \"alibaba\"; timezone = \"America/Los_Angeles\"; } );");
	c = load("zones.conf", &problems);
	assert_string_equal(problems,
			    "zones.conf:2: warning: feeds: feed x has no timezone: its local times are read in America/Los_Angeles (pack alibaba) "
			    "and in Asia/Shanghai (the config), the earlier counts; set timezone once you know\n"
			    "zones.conf:3: warning: feeds.timezone: Asia/Tokyo differs from the zone of pack alibaba (America/Los_Angeles): "
			    "compare one order with the platform's page (duewatch check shows one)\n");
	assert_string_equal(c->feeds[0].zone->name, "America/Los_Angeles");
	assert_string_equal(c->feeds[0].other->name, "Asia/Shanghai");
	assert_string_equal(c->feeds[1].zone->name, "Asia/Tokyo");
	assert_null(c->feeds[1].other);
	assert_null(c->feeds[2].other);
}

static const struct dw_pack *pack(const struct dw_config *c, const char *name)
{
	for (size_t i = 0; i < c->n_packs; i++)
		if (strcmp(c->packs[i].name, name) == 0)
			return &c->packs[i];
	fail_msg("no pack %s", name);
	return NULL;
}

static void pack_layers(void **state)
{
	CONFIG *c = NULL;
	const struct dw_pack *ali, *mine;
	char *const *line;
	size_t n;

	(void)state;
	mkdir(path_in("platforms.d"), 0700);
	put("platforms.d/alibaba.conf", "buyer_answer = 4;\nclaim_days = 20;\n");
	put("platforms.d/b.conf", "packs = ( { name = \"mine\"; base = \"alibaba\"; otherwise = { zh_CN = \"我\"; }; odd_text = { en = \"x\"; }; } );\n");
	c = load_good(PEOPLE MAIL FEEDS "packs = ( { name = \"alibaba\"; buyer_answer = 5; auto_confirm = ( (\"sea\", [50]) );"
					" columns = ( (\"order_id\", \"No.\") ); status = ( (\"open\", \"shipped\") ); receipt_by = \"both\";"
					" receipt_seller_times = 1; receipt_buyer_times = 2; payout = \"receipt\"; dispute_call_day = 4;"
					" dispute_auto_day = 7; } );");
	unlink(path_in("platforms.d/alibaba.conf"));
	unlink(path_in("platforms.d/b.conf"));
	rmdir(path_in("platforms.d"));
	ali = pack(c, "alibaba");
	mine = pack(c, "mine");
	assert_int_equal(ali->buyer_answer, 5); /* config over platforms.d over shipped */
	assert_int_equal(ali->claim_days, 20);
	assert_int_equal(ali->margin_days, 2);
	assert_int_equal(ali->auto_confirm[DW_BY_SEA].n, 1);
	assert_int_equal(ali->auto_confirm[DW_BY_SEA].days[0], 50);
	assert_int_equal(ali->auto_confirm[DW_BY_EXPRESS].days[1], 25); /* not named: stays */
	assert_int_equal(ali->receipt_by, DW_RECEIPT_BY_BOTH);
	assert_int_equal(ali->receipt_seller_times, 1);
	assert_int_equal(ali->receipt_buyer_times, 2);
	assert_int_equal(ali->payout, DW_PAYOUT_RECEIPT);
	assert_int_equal(ali->dispute_call_day, 4);
	assert_int_equal(ali->dispute_auto_day, 7);
	assert_int_equal(mine->dispute_auto_day, 7); /* its base's */
	assert_int_equal(pack(c, "generic")->payout, DW_PAYOUT_UNKNOWN);
	assert_int_equal(ali->n_columns, 4);
	assert_string_equal(ali->columns[0].theirs, "No.");
	assert_string_equal(ali->columns[1].theirs, "约定发货时间");
	assert_string_equal(ali->columns[3].theirs, "Order ID");
	assert_int_equal(ali->status[0].ours, DW_SHIPPED);
	assert_int_equal(ali->status[1].ours, DW_AWAITING_SHIPMENT);
	line = dw_pack_text_find(ali, "otherwise", "en", &n);
	assert_int_equal(n, 2);
	assert_string_equal(line[1], "two");
	/* alibaba has no Chinese: its English is nearer than generic's Chinese */
	dw_pack_text_find(ali, "otherwise", "zh-CN", &n);
	assert_int_equal(n, 2);
	assert_string_equal(mine->base, "alibaba");
	assert_int_equal(mine->buyer_answer, 5);
	assert_string_equal(mine->zone->name, "America/Los_Angeles");
	assert_string_equal(dw_pack_text_find(mine, "otherwise", "zh-CN", &n)[0], "我");
	assert_string_equal(dw_pack_text_find(mine, "otherwise", "en", &n)[0], "one");
	assert_string_equal(dw_pack_text_find(mine, "odd_text", "zh-CN", &n)[0], "x");
}

/* ---- what is wrong with values: all of it at once, each on its own line ---- */

static const struct wrong {
	const char *config, *problems;
} wrong_values[] = {
	{ "mails_per_day = -1; people = ( { name = \"a\"; email = \"a@example.com\";\nmails_per_day = 1001; } ); timezone = \"UTC\";"
	  "default_owner = \"a\"; default_deputy = \"a\"; default_manager = \"a\";" MAIL FEEDS,
	  "bad.conf:1: mails_per_day: -1 is out of range, allowed: 0 to 1000\n"
	  "bad.conf:2: people.mails_per_day: 1001 is out of range, allowed: 0 to 1000\n" },
	{ "state = \"x\";\n",
	  "bad.conf:1: people: missing, must be given: a list of groups, see people\n"
	  "bad.conf:1: default_owner: missing, must be given: the name of a person in people\n"
	  "bad.conf:1: mail: missing, must be given: a group, see mail\n"
	  "bad.conf:1: warning: timezone isn't set: UTC is used\n"
	  "bad.conf:1: feeds: missing, must be given: ( { name = \"shop\"; type = \"xlsx\"; path = …; }, … )\n" },
	{ PEOPLE MAIL FEEDS "\nlangauge = \"en\";\nfoo = 1;\nevery = \"1m\";\n",
	  "bad.conf:2: langauge: unknown key, did you mean language?\n"
	  "bad.conf:3: foo: unknown key\n"
	  "bad.conf:4: every: unknown key here, it belongs in feeds\n" },
	{ PEOPLE MAIL FEEDS "\nreplies = { mailbox = \"imaps://u@h/INBOX\"; username = \"u\"; every = \"0s\"; token_days = 91;\n"
	  "address = \"x\"; authserv = \"mx example\"; bounces = \"no\"; };\n",
	  "bad.conf:2: replies.mailbox: no user or password in here: write username = …; and password_file = …;\n"
	  "bad.conf:2: replies.every: \"0s\" is out of range, allowed: 1s to 1d\n"
	  "bad.conf:2: replies.token_days: 91 is out of range, allowed: 1 to 90\n"
	  "bad.conf:2: replies.password_file: missing: username needs it, or oauth (the password itself never stands in here)\n"
	  "bad.conf:3: replies.address: \"x\" is no mail address, allowed: a bare address\n"
	  "bad.conf:3: replies.authserv: \"mx example\" is no server's name, allowed: a server's name, like \"mx.example.com\"\n"
	  "bad.conf:3: replies.bounces: is a text in quotes, true or false was expected, without quotes\n" },
	{ PEOPLE MAIL FEEDS "\nreplies = { mailbox = \"imap://imap.example.com\"; username = \"u\"; password_file = \"p\"; starttls = \"off\";\n"
			     "oauth = { client_id = \"c\"; token_url = \"https://login.example.com/t\"; }; };\n",
	  "bad.conf:2: replies.password_file: either a password or oauth, not both\n"
	  "bad.conf:2: warning: replies: starttls = \"off\": mails and the password go over the network unencrypted\n"
	  "bad.conf:2: replies: starttls = \"off\" with oauth: an access token never goes over the network unencrypted\n" },
	{ PEOPLE MAIL FEEDS "\nreplies = { mailbox = \"pop3://h\"; };\n",
	  "bad.conf:2: replies.mailbox: unknown kind of address, allowed: \"imaps://host/INBOX\" or \"imap://host/INBOX\"\n"
	  "bad.conf:2: replies.username: missing, must be given: a text\n" },
	{ "timezone = \"Asia/Shanghi\";\nlanguage = \"de\";\nstate = 3;\ndaily_at = \"8.30\";\nworking_days = [ \"mon\",\n\"tues\"\n];\n"
	  "default_owner = \"alise\"; operators = [ \"zed\" ];\n"
	  "people = (\n{ name = \"alice\"; email = \"alice@example.com\"; deputy = \"alice\"; manager = \"boo\"; },\n"
	  "{ name = \"bo\"; email = \"bo\"; aliases = [ \"ALICE\" ]; daily_at = \"24:00\"; },\n{ emial = \"c@example.com\"; } );\n" MAIL FEEDS,
	  "bad.conf:1: timezone: there is no time zone \"Asia/Shanghi\"; did you mean \"Asia/Shanghai\"?\n"
	  "bad.conf:2: language: \"de\" is no language duewatch writes, allowed: en, zh-CN\n"
	  "bad.conf:3: state: is a number without quotes, a text in double quotes was expected\n"
	  "bad.conf:4: daily_at: \"8.30\" is no time of day, allowed: \"00:00\" to \"23:59\", or \"off\"\n"
	  "bad.conf:6: working_days: \"tues\" is no day, did you mean \"tue\"? Allowed: sun, mon, tue, wed, thu, fri, sat\n"
	  "bad.conf:8: default_owner: \"alise\" is no person of the list `people`, did you mean \"alice\"? Allowed: alice, bo\n"
	  "bad.conf:8: operators: \"zed\" is no person of the list `people`, allowed: alice, bo\n"
	  "bad.conf:10: people.deputy: is the same person, name another one or leave the key out\n"
	  "bad.conf:10: people.manager: \"boo\" is no person of the list `people`, did you mean \"bo\"? Allowed: alice, bo\n"
	  "bad.conf:10: warning: people: alice has no deputy and no manager, and there is no default_deputy or default_manager either: those steps go to default_owner\n"
	  "bad.conf:11: people.email: \"bo\" is no mail address, allowed: a bare one, like \"alice@example.com\"\n"
	  "bad.conf:11: people.aliases: \"ALICE\" is taken: a name, alias or address of another person (\"alice\")\n"
	  "bad.conf:11: people.daily_at: \"24:00\" is no time of day, allowed: \"00:00\" to \"23:59\", or \"off\"\n"
	  "bad.conf:11: warning: people: bo has no deputy and no manager, and there is no default_deputy or default_manager either: those steps go to default_owner\n"
	  "bad.conf:12: people.emial: unknown key, did you mean email?\n"
	  "bad.conf:12: people.name: missing, must be given: a text, each once\n"
	  "bad.conf:12: people.email: missing, must be given: a bare address\n" },
	{ "timezone = \"UTC\"; default_owner = \"a\"; default_deputy = \"b\"; default_manager = \"b\"; people = (\n"
	  "{ name = \"a\"; email = \"a@example.com\"; hours = \"9-18\"; holidays = [ \"2027-13-01\" ]; },\n"
	  "{ name = \"b\"; email = \"b@example.com\"; hours = [ \"22:00-06:00\",\n\"08:00-24:01\",\n\"08:00-12:00\",\n\"11:59-13:00\" ];\n"
	  "calendar = [ \"webcal://example.com/geheim.ics\",\n\"http://example.com/geheim\",\n\"https://me:geheim@example.com/\" ]; },\n"
	  "{ name = \"c\"; email = \"c@example.com\"; hours = [ ]; working_days = [ \"monday\" ]; calendar = 3; } );\n" MAIL FEEDS,
	  "bad.conf:2: people.hours: \"9-18\" are no hours, allowed: like \"09:00-18:00\", from \"00:00\" to \"24:00\"\n"
	  "bad.conf:2: people.holidays: \"2027-13-01\" is no holiday: write 2027-02-06 or 2027-02-06..2027-02-12, years 2000 to 2099\n"
	  "bad.conf:3: people.hours: \"22:00-06:00\" doesn't end after it begins; hours across midnight are two: [ \"22:00-24:00\", \"00:00-06:00\" ]\n"
	  "bad.conf:4: people.hours: \"08:00-24:01\" are no hours, allowed: like \"09:00-18:00\", from \"00:00\" to \"24:00\"\n"
	  "bad.conf:6: people.hours: overlaps with other hours of this list\n"
	  "bad.conf:7: people.calendar: webcal:// is not an address of its own: write https:// instead\n"
	  "bad.conf:8: people.calendar: an address begins with https://; else it is a file\n"
	  "bad.conf:9: people.calendar: no user or password belongs in the address\n"
	  "bad.conf:10: people.hours: is empty, leave the key out where no hours are known\n"
	  "bad.conf:10: people.working_days: \"monday\" is no day, allowed: sun, mon, tue, wed, thu, fri, sat\n"
	  "bad.conf:10: people.calendar: is a number without quotes, a list was expected: a file, an \"https://…\" address, or a list of these\n" },
	{ PEOPLE FEEDS "\nmail = {\ntransport = \"smtp://me:geheim@relay.example.com\";\nfrom = \"D <d@example.com>,\";\nrate = \"60/d\";\n"
		       "connections = 17;\nstarttls = \"no\";\npassword = \"geheim\";\nusername = \"me\"; };\n",
	  "bad.conf:2: mail.password_file: missing: username needs it, or oauth (the password itself never stands in here)\n"
	  "bad.conf:3: mail.transport: no user or password in here: write username = …; and password_file = …;\n"
	  "bad.conf:4: mail.from: \"D <d@example.com>,\" doesn't end in >, allowed: \"Duewatch <duewatch@example.com>\" or the bare address\n"
	  "bad.conf:5: mail.rate: \"60/d\" is no rate, allowed: \"N/s\", \"N/m\" or \"N/h\" with N from 1 to 100000, like \"60/m\"\n"
	  "bad.conf:6: mail.connections: 17 is out of range, allowed: 1 to 16\n"
	  "bad.conf:7: mail.starttls: \"no\" is no word known here, allowed: required, off\n"
	  "bad.conf:8: mail.password: unknown key\n" },
	{ PEOPLE FEEDS "\nmail = { transport = \"smtps://a.example.com\"; from = \"d@example.com\"; fallback = (\n"
		       "{ transport = \"smtps://a.example.com:465\"; },\n{ transport = \"maildir:///tmp/x\"; },\n"
		       "{ transport = \"smtp://b.example.com\"; username = \"b\"; rate = \"fast\"; },\n{ from = \"x@example.com\"; } ); };\n",
	  "bad.conf:3: mail.fallback: smtps://a.example.com:465 stands here already, with the same username\n"
	  "bad.conf:4: mail.fallback: a folder is no relay to fall back on: what lies there would count as sent\n"
	  "bad.conf:5: mail.fallback.rate: \"fast\" is no rate, allowed: \"N/s\", \"N/m\" or \"N/h\" with N from 1 to 100000, like \"60/m\"\n"
	  "bad.conf:5: mail.fallback.password_file: missing: username needs it, or oauth (the password itself never stands in here)\n"
	  "bad.conf:6: mail.fallback.from: unknown key here, it belongs in mail\n"
	  "bad.conf:6: mail.fallback.transport: missing, must be given: \"smtps://host:465\" or \"smtp://host:587\"\n" },
	{ PEOPLE FEEDS "\nmail = { transport = \"smtp://a.example.com\"; from = \"d@example.com\"; starttls = \"off\"; username = \"d\"; password_file = \"p\";\n"
		       "oauth = { provider = \"gogle\";\ntoken_url = \"http://login.example.com/t\";\nauthorize_url = \"https://login.example.com/a?b\";\n"
		       "tenant = \"a/b\";\nmechanism = \"plain\"; }; };\n",
	  "bad.conf:2: mail.password_file: either a password or oauth, not both\n"
	  "bad.conf:2: warning: mail: starttls = \"off\": mails and the password go over the network unencrypted\n"
	  "bad.conf:2: mail: starttls = \"off\" with oauth: an access token never goes over the network unencrypted\n"
	  "bad.conf:3: mail.oauth.provider: \"gogle\" is no provider known here, did you mean \"google\"? Allowed: google, microsoft, none\n"
	  "bad.conf:3: mail.oauth.client_id: missing, must be given: a text\n"
	  "bad.conf:4: mail.oauth.token_url: http:// is for this machine alone, allowed: \"https://host/path\", or \"http://127.0.0.1:port/path\" on this machine\n"
	  "bad.conf:5: mail.oauth.authorize_url: no ? or # belongs in the address, allowed: \"https://host/path\", or \"http://127.0.0.1:port/path\" on this machine\n"
	  "bad.conf:6: mail.oauth.tenant: \"a/b\" is no tenant, allowed: a directory's id or domain, or \"common\"\n"
	  "bad.conf:7: mail.oauth.mechanism: \"plain\" is no word known here, allowed: any, xoauth2, oauthbearer\n" },
	{ PEOPLE FEEDS "\nmail = { transport = \"smtps://a.example.com\"; from = \"d@example.com\"; oauth = { client_id = \"c\"; }; };\n",
	  "bad.conf:2: mail.oauth.provider: missing, must be given: \"google\" or \"microsoft\"; for any other, token_url\n"
	  "bad.conf:2: mail.username: missing: oauth needs it, the address whose mailbox it is\n" },
	{ PEOPLE FEEDS "\nmail = { transport = \"smtps://a.example.com\"; from = \"d@example.com\"; fallback = { transport = \"smtp://b.example.com\"; }; };\n",
	  "bad.conf:2: mail.fallback: is a group { }, a list was expected: ( { transport = …; }, … )\n" },
	{ PEOPLE FEEDS "\nmail = { transport = \"smtp://relay.example.com:99999\"; from = \"d@example.com\"; };\n",
	  "bad.conf:2: mail.transport: the port is a number from 1 to 65535, allowed: \"smtps://host:465\", \"smtp://host:587\" or \"maildir:///folder\"\n" },
	{ PEOPLE FEEDS "\nmail = { transport = \"maildir://mail\"; from = \"d@example.com\"; };\n",
	  "bad.conf:2: mail.transport: a maildir's folder is given in full: \"maildir:///var/mail/duewatch\"\n" },
	{ PEOPLE FEEDS "\nmail = { transport = \"smtp://relay.example.com\"; from = \"d@example.com\"; starttls = \"off\"; };\n",
	  "bad.conf:2: warning: mail: starttls = \"off\": mails go over the network unencrypted\n" },
	/* over 31 bits: libconfig alone would read -1294967296 */
	{ PEOPLE MAIL FEEDS "\ntransit_days = (\n(\"see\", 35),\n(\"sea\", 3000000000),\n(\"air\", 0),\n(\"land\") );\n",
	  "bad.conf:3: transit_days: \"see\" is no transport, did you mean \"sea\"? Allowed: express, air, land, sea, post, multimodal, warehouse, unknown\n"
	  "bad.conf:4: 3000000000 is too large for a plain number, at most 2147483647 is allowed (libconfig would read another number)\n"
	  "bad.conf:4: transit_days: 3000000000 is out of range, allowed: 1 to 365\n"
	  "bad.conf:5: transit_days: 0 is out of range, allowed: 1 to 365\n"
	  "bad.conf:6: transit_days: each line is (transport, days), like (\"sea\", 35)\n" },
	{ PEOPLE MAIL FEEDS "\nladders = (\n{ kind = \"shipby\"; steps = [ ]; },\n{ kind = \"ship_by\"; steps = [\n\"3x: owner\",\n\"1d: boss\"\n]; },\n"
			    "{ kind = \"shipped_late\"; steps = [ \"1d: owner\" ]; },\n{ kind = \"ship_by\"; steps = [ ]; } );\n",
	  "bad.conf:3: ladders.kind: \"shipby\" is no kind of alert, did you mean \"ship_by\"? Allowed: edit_before_payment, incomplete, overdue, "
	  "extension_declined, extend_ship_date, extension_unanswered, late_ahead, confirm_ship_date, ship_by, extend_receipt, dispute, "
	  "auto_confirmed_undelivered, shipped_late\n"
	  "bad.conf:5: ladders.steps: \"3x\" is not a moment: found, due, \"7d\" (before), \"+1d\" (after), \"every 7d\"\n"
	  "bad.conf:6: ladders.steps: \"boss\" is not a role: owner, deputy, manager\n"
	  "bad.conf:8: ladders.steps: \"1d\": this kind has no deadline, only \"found\" is possible\n"
	  "bad.conf:9: ladders.kind: ship_by has a ladder already, further up\n" },
	{ PEOPLE MAIL FEEDS "\npacks = (\n{ name = \"alibaba\"; buyer_anser = 3; base = \"x\";\nholidays = [ \"2027-02-30\" ];\n"
			    "auto_confirm = ( (\"sea\", [60, 45]) ); extension = \"both\"; claim_days = 500; receipt_extension = \"36h\"; dispute_talk = \"1m\";\npayout = \"never\"; receipt_seller_times = -1; dispute_call_day = 400; },\n"
			    "{ name = \"q\"; base = \"r\"; },\n{ name = \"r\"; base = \"q\"; },\n{ base = \"generic\"; },\n{ name = \"a/b\"; } );\n",
	  "bad.conf:3: packs.base: \"x\" is no rule pack, allowed: generic, alibaba, q, r\n"
	  "bad.conf:3: packs.buyer_anser: unknown key, did you mean buyer_answer?\n"
	  "bad.conf:4: packs.holidays: \"2027-02-30\" is no holiday: write 2027-02-06 or 2027-02-06..2027-02-12, years 2000 to 2099\n"
	  "bad.conf:5: packs.extension: \"both\" is no word known here, allowed: seller, buyer, none\n"
	  "bad.conf:5: packs.auto_confirm: 45 stands after 60: the shortest comes first, each number once\n"
	  "bad.conf:5: packs.receipt_extension: whole days only, like \"2d\"\n"
	  "bad.conf:5: packs.claim_days: 500 is out of range, allowed: 0 to 400\n"
	  "bad.conf:5: packs.dispute_talk: \"1m\" is out of range, allowed: 1h to 60d\n"
	  "bad.conf:6: packs.receipt_seller_times: -1 is out of range, allowed: 0 to 100\n"
	  "bad.conf:6: packs.payout: \"never\" is no word known here, allowed: unknown, receipt, shipment\n"
	  "bad.conf:6: packs.dispute_call_day: 400 is out of range, allowed: 0 to 365\n"
	  "bad.conf:8: packs.base: q: a pack can't be its own base, directly or by way of another\n"
	  "bad.conf:9: packs.name: missing, must be given: the pack's name, like \"alibaba\"\n"
	  "bad.conf:10: packs.name: \"a/b\" is no name for a pack, allowed: 1 to 64 of a-z A-Z 0-9 _ . -\n" },
	{ PEOPLE MAIL "\nfeeds = (\n{ name = \"a b\"; type = \"cvs\"; path = \"x\"; every = \"8d\"; platform = \"alibabba\"; },\n"
		      "{ name = \"f\"; type = \"xlsx\"; path = \"y\"; every = 10;\ndelimiter = \",,\";\nencoding = \"gb18031\";\nof = [ \"g\" ];\n"
		      "columns = (\n(\"订单编号\", \"order_id\"),\n(\"ordre_id\", \"x\"),\n(\"buyer\", \"y\", \"ms\"),\n(\"paid_at\", \"z\", \"w\")\n);\n"
		      "status = ( (\"shipped\", \"x\") );\ndefaults = {\nowner = \"nobody\"; transport = \"ship\";\norder_id = 3; amout = \"3\"; }; },\n"
		      "{ name = \"f\"; type = \"csv\"; path = \"z\"; overlay = \"yes\"; absent = \"drop\"; } );\n",
	  "bad.conf:3: feeds.name: \"a b\" is no name for a feed, allowed: up to 64 letters, digits and - _ . without blanks or /, each once\n"
	  "bad.conf:3: feeds.type: \"cvs\" is no type of feed, did you mean \"csv\"? Allowed: csv, xlsx\n"
	  "bad.conf:3: feeds.platform: \"alibabba\" is no rule pack, did you mean \"alibaba\"? Allowed: generic, alibaba\n"
	  "bad.conf:3: feeds.every: \"8d\" is out of range, allowed: 1s to 7d\n"
	  "bad.conf:4: feeds.every: 10 has no unit, write a duration in quotes, like \"10m\" or \"10h\"; allowed: 1s to 7d\n"
	  "bad.conf:5: feeds.delimiter: \",,\" can't part columns, allowed: one character, like \",\" or \";\", or \"tab\"\n"
	  "bad.conf:5: warning: feeds.delimiter: has no effect on type = \"xlsx\"\n"
	  "bad.conf:6: feeds.encoding: \"gb18031\" is no encoding known to this system, did you mean \"gb18030\"? Allowed: utf-8, gb18030, gbk, utf-16, big5, windows-1252, iso-8859-1\n"
	  "bad.conf:6: warning: feeds.encoding: has no effect on type = \"xlsx\"\n"
	  "bad.conf:7: feeds.of: only an overlay attaches to other feeds: overlay = true; is missing\n"
	  "bad.conf:7: feeds.of: \"g\" is no feed, allowed: f\n"
	  "bad.conf:9: feeds.columns: the wrong way round? Our field stands first: (\"order_id\", \"订单编号\")\n"
	  "bad.conf:10: feeds.columns: \"ordre_id\" is no field of ours, did you mean \"order_id\"? Allowed: order_id, platform, status, created_at, paid_at, "
	  "shipped_at, completed_at, promised_at, lead_days, extension_state, extension_until, auto_confirm_at, receipt_extensions, agreed_at, "
	  "expected_ship_at, expected_arrival_at, delivered_at, transport, owner, buyer, title, url, note, amount, currency\n"
	  "bad.conf:11: feeds.columns: buyer is no point in time, so it can't be given as time left (\"ms\")\n"
	  "bad.conf:12: feeds.columns: \"w\" is no unit of time left, allowed: ms, s, m, h, d\n"
	  "bad.conf:14: feeds.status: the wrong way round? The file's word stands first: (\"x\", \"shipped\")\n"
	  "bad.conf:16: feeds.defaults.owner: \"nobody\" is no person of the list `people`, allowed: a\n"
	  "bad.conf:16: feeds.defaults.transport: unknown transport \"ship\": express, air, land, sea, post, multimodal, warehouse\n"
	  "bad.conf:17: feeds.defaults.order_id: can't have a default, each order has its own\n"
	  "bad.conf:17: feeds.defaults.amout: no such field, did you mean amount?\n"
	  "bad.conf:18: feeds.name: \"f\" is taken by another feed\n"
	  "bad.conf:18: feeds.absent: \"drop\" is no word known here, allowed: keep, close\n"
	  "bad.conf:18: feeds.overlay: is a text in quotes, true or false was expected, without quotes\n" },
};

static void compare(const char *config, const char *expected)
{
	DW_FREE char *problems = NULL;
	CONFIG *c = NULL;

	put("bad.conf", config);
	c = load("bad.conf", &problems);
	if (strcmp(problems, expected))
		print_message("config:\n%s\n--- expected ---\n%s--- told ---\n%s", config, expected, problems);
	assert_string_equal(problems, expected);
}

static void values(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(wrong_values); i++)
		compare(wrong_values[i].config, wrong_values[i].problems);
}

/* ---- what is wrong with the writing: said in words; GOOD makes the rest complete, so nothing else is told ---- */

#define GOOD PEOPLE MAIL FEEDS

static const struct wrong wrong_syntax[] = {
	{ GOOD "\nlanguage = “en”；\n", "bad.conf:2: full-width “ ” ； here, as a Chinese keyboard types them: write \" \" ;\n" },
	{ GOOD "\nlanguage ＝ \"en\";\noperators = （ \"a\"， \"a\" ）;\n",
	  "bad.conf:2: full-width ＝ here, as a Chinese keyboard types them: write =\n"
	  "bad.conf:3: full-width （ ， ） here, as a Chinese keyboard types them: write ( , )\n" },
	{ GOOD "\nlanguage：\"en\";\n", "bad.conf:2: full-width ： here, as a Chinese keyboard types them: write :\n" },
	{ GOOD "\nstate　=\xc2\xa0\"x\";\n", "bad.conf:2: full-width (a blank that isn't one) (a blank that isn't one) here, as a Chinese keyboard types them: write (a plain blank) (a plain blank)\n" },
	{ GOOD "\nlanguage = 'en';\n", "bad.conf:2: single quotes: texts stand in double quotes, \"…\"\n" },
	{ GOOD "\nlanguage = en;\n", "bad.conf:2: language: a text stands in double quotes: \"en\"\n" },
	{ GOOD "\nstate = /var/lib/duewatch;\n", "bad.conf:2: state: a text stands in double quotes: \"/var/lib/duewatch\"\n" },
	{ GOOD "\ndaily_at = 8:30;\n", "bad.conf:2: daily_at: 8:30 isn't a number; a duration or a text stands in quotes: \"8:30\"\n" },
	{ PEOPLE MAIL "\nfeeds = ( { name = \"f\"; type = \"csv\"; path = \"f\"; every = 10m; } );\n",
	  "bad.conf:2: every: 10m isn't a number; a duration or a text stands in quotes: \"10m\"\n" },
	{ PEOPLE MAIL "\nfeeds = ( { name = \"f\"; type = \"csv\"; path = \"f\"; overlay = no; } );\n",
	  "bad.conf:2: overlay: no: write false (or \"no\" in quotes where a word is meant)\n" },
	{ GOOD "\n1688 = 3;\n", "bad.conf:2: 1688: a name can't begin with a digit, only with a letter; a feed's or pack's own name is a text: name = \"1688\"\n" },
	{ GOOD "\n\"state\" = \"x\";\n", "bad.conf:2: a name stands without quotes: \"state\" =\n" },
	{ GOOD "\n语言 = \"en\";\n", "bad.conf:2: 语言: a name is made of the letters a-z, digits, - and _, and begins with a letter\n" },
	{ GOOD "\nlanguage \"en\";\n", "bad.conf:2: language: a = is missing after the name\n" },
	{ GOOD "\nlanguage = ;\n", "bad.conf:2: language: the value is missing after =\n" },
	{ GOOD "\nlanguage;\n", "bad.conf:2: language: = and a value are missing after the name\n" },
	{ GOOD "\nlanguage == \"en\";\n", "bad.conf:2: one = too many\n" },
	{ GOOD "\nlanguage = \"en\";;\n", "bad.conf:2: one ; too many\n" },
	{ GOOD "\nlanguage = \"en\";\nstate = \"x\";\nlanguage = \"en\";\n", "bad.conf:4: language: set twice, first in line 2\n" },
	{ GOOD "\nstate = \"/var;\nlanguage = \"en\";\n", "bad.conf:2: the text that begins here with \" isn't closed on its line: a \" is missing\n" },
	{ GOOD "\nstate = \"/var”;\nlanguage = \"en\";\n",
	  "bad.conf:2: the text that begins here with \" isn't closed on its line: a \" is missing (a full-width one doesn't count)\n" },
	{ GOOD "\nstate = \"/var\n", "bad.conf:2: the text that begins here with \" isn't closed on its line: a \" is missing\n" },
	{ GOOD "\n/* state\n", "bad.conf:2: the comment that begins here with /* is never closed by */\n" },
	{ GOOD "\nworking_days = [ \"mon\", \"tue\", ];\n", "bad.conf:2: a comma too many: none stands after the last element, before ]\n" },
	{ GOOD "\nworking_days = [ \"mon\",, \"tue\" ];\n", "bad.conf:2: one , too many\n" },
	/* libconfig reads "montue" */
	{ GOOD "\nworking_days = [ \"mon\" \"tue\" ];\n",
	  "bad.conf:2: a comma is missing between two texts (without it they become one)\n"
	  "bad.conf:2: working_days: \"montue\" is no day, allowed: sun, mon, tue, wed, thu, fri, sat\n" },
	{ GOOD "\nworking_days = [ \"mon\"; \"tue\" ];\n", "bad.conf:2: between the elements of a list stands a comma, not ;\n" },
	{ GOOD "\nworking_days = [ \"mon\", 2 ];\n",
	  "bad.conf:2: [ ] holds values of one kind, this one differs from the ones before it (texts need quotes, numbers none)\n" },
	{ GOOD "\nworking_days = [ [ \"mon\" ] ];\n",
	  "bad.conf:2: [ within [ ]: [ ] holds plain values only, for lists of lists and groups write ( )\n" },
	{ GOOD "\ntransit_days = ( (\"sea\", 35)\n(\"air\", 7) );\n", "bad.conf:3: a comma is missing before this element of the list\n" },
	{ GOOD "\nladders = ( { kind = \"ship_by\"; steps = [ ]; };\n);\n", "bad.conf:2: no ; stands within a list, after its last element\n" },
	{ GOOD "\nladders = ( kind = \"ship_by\" );\n",
	  "bad.conf:2: kind = stands directly in ( ): name = value belongs in { }\n"
	  "bad.conf:2: a text stands in double quotes: \"kind\"\n"
	  "bad.conf:2: = is out of place in a list: name = value belongs in { }\n"
	  "bad.conf:2: a comma is missing before this element of the list\n" },
	{ GOOD "\ntransit_days = ( (\"sea\", 35)\nlanguage = \"en\";\n", "bad.conf:3: a ) is missing before language: the ( of line 2 isn't closed\n" },
	{ GOOD "\ntransit_days = ( (\"sea\", 35 );\n",
	  "bad.conf:2: no ; stands within a list, after its last element\n"
	  "bad.conf:2: the ( that opens here is never closed: a ) is missing\n" },
	{ GOOD "\n}\n", "bad.conf:2: one } too many: nothing is open that it could close\n" },
	{ GOOD "\nladders = ( { kind = \"ship_by\"; steps = [ \"1d: owner\" } );\n",
	  "bad.conf:2: } stands here, but the [ of line 2 isn't closed yet: a ] is missing before it\n" },
	{ PEOPLE FEEDS "\nmail = { transport = \"smtp://relay.example.com\";\n  from = \"d@example.com\";\nlanguage = \"en\";\nstate = \"x\";\n",
	  "bad.conf:2: the { that opens here is never closed: a } is missing; it is probably missing before line 4\n" },
	{ PEOPLE FEEDS "\nmail = { transport = smtps://relay.example.com:465; from = \"d@example.com\"; password = geheim; };\n",
	  "bad.conf:2: transport: a text stands in double quotes: \"smtps://relay.example.com:465\"\n"
	  "bad.conf:2: password: a text stands in double quotes: \"…\"\n"
	  "bad.conf:2: mail.password: unknown key\n" },
	{ GOOD " @include \"x\"\n", "bad.conf:1: @include: write it on a line of its own, with the file in quotes: @include \"people.conf\"\n" },
	{ GOOD "\n@include x.conf\n", "bad.conf:2: @include: write it on a line of its own, with the file in quotes: @include \"people.conf\"\n" },
	/* several, and the values' own problems with them */
	{ GOOD "\nlangauge = 'en'；\nstate /x;\nworking_days = [ \"mon\", \"thue\", ];\n",
	  "bad.conf:2: single quotes: texts stand in double quotes, \"…\"\n"
	  "bad.conf:2: full-width ； here, as a Chinese keyboard types them: write ;\n"
	  "bad.conf:2: langauge: unknown key, did you mean language?\n"
	  "bad.conf:3: state: a = is missing after the name\n"
	  "bad.conf:3: state: a text stands in double quotes: \"/x\"\n"
	  "bad.conf:4: a comma too many: none stands after the last element, before ]\n"
	  "bad.conf:4: working_days: \"thue\" is no day, did you mean \"tue\"? Allowed: sun, mon, tue, wed, thu, fri, sat\n" },
};

static void syntax(void **state)
{
	(void)state;
	for (size_t i = 0; i < DW_COUNT(wrong_syntax); i++)
		compare(wrong_syntax[i].config, wrong_syntax[i].problems);
}

/* libconfig doesn't insist on every ; and joins long texts: neither do we complain. */
static void what_is_no_mistake(void **state)
{
	CONFIG *c = load_good("timezone : \"Asia/\"\n  \"Shanghai\"\ndefault_owner = \"a\", default_deputy = \"a\" default_manager = \"a\"\n"
			      "people = ( { name = \"a\", email = \"a@example.com\" } )\n" MAIL FEEDS "transit_days = ( (\"sea\", 35L), (\"air\", 0x07) )");

	(void)state;
	assert_string_equal(c->zone->name, "Asia/Shanghai");
	assert_int_equal(c->transit_days[DW_BY_AIR], 7);
}

/* ---- files ---- */

static void includes(void **state)
{
	char name[32], text[64];

	(void)state;
	put("a.conf", "\n@include \"b.conf\"\n");
	put("b.conf", "@include \"a.conf\"\n\n");
	compare(GOOD "\n@include \"a.conf\"\n", "b.conf:1: @include: \"a.conf\" includes itself\n");
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "deep%d.conf", i);
		snprintf(text, sizeof(text), "@include \"deep%d.conf\"\n", i + 1);
		put(name, i < 9 ? text : "\n");
	}
	compare(GOOD "\n@include \"deep0.conf\"\n", "deep7.conf:1: @include: more than 8 files within each other, 8 are allowed\n");
	compare(GOOD "\n@include \"none.conf\"\n", "bad.conf:2: @include: \"none.conf\" can't be read: No such file or directory\n");
	/* a mistake in an include is told with the include's own name and line, and what follows keeps its own */
	put("part.conf", "// first line\n\nlangauge = \"en\";\nstate = 'x';\n");
	compare(GOOD "\n@include \"part.conf\"\nfoo = 1;\n",
		"bad.conf:3: foo: unknown key\n"
		"part.conf:3: langauge: unknown key, did you mean language?\n"
		"part.conf:4: single quotes: texts stand in double quotes, \"…\"\n");
	put("half.conf", "packs = (\n{ name = \"alibaba\";\n");
	compare(GOOD "\n@include \"half.conf\"\n\nclaim_days = 999; } );\n", "bad.conf:4: packs.claim_days: 999 is out of range, allowed: 0 to 400\n");
}

static void unusable_files(void **state)
{
	DW_FREE char *problems = NULL;
	DW_FREE char *big = malloc(1100000);

	(void)state;
	put_bytes("bad.conf", "state\n= \0;", 10);
	assert_null(load("bad.conf", &problems));
	assert_string_equal(problems, "bad.conf:2: a NUL byte: this is no text file, or it is damaged; save it as UTF-8 text\n");
	free(dw_steal(&problems));
	put_bytes("bad.conf", "\xff\xfes\0", 4);
	assert_null(load("bad.conf", &problems));
	assert_string_equal(problems, "bad.conf:1: the file is UTF-16, save it as UTF-8\n");
	compare("\n\nlanguage = \"\xd6\xd0\xce\xc4\";\n",
		"bad.conf:3: not UTF-8 (saved by an editor in GBK or another local encoding?): save the file as UTF-8\n");
	memset(big, '\n', 1100000);
	put_bytes("bad.conf", big, 1100000);
	free(dw_steal(&problems));
	assert_null(load("bad.conf", &problems));
	assert_string_equal(problems, "bad.conf: is too large, 1 MiB is the limit\n");
	free(dw_steal(&problems));
	assert_null(load("nothing.conf", &problems));
	assert_string_equal(problems, "nothing.conf: can't be read: No such file or directory\n");
	free(dw_steal(&problems));
	assert_null(load_from(dir, data, &problems));
	assert_non_null(strstr(problems, "not a regular file"));
	free(dw_steal(&problems));
	put("bad.conf", GOOD);
	assert_null(load_from(path_in("bad.conf"), path_in("nowhere"), &problems));
	assert_string_equal(problems, "nowhere/platforms: no rule packs in this folder: No such file or directory (-D or DUEWATCH_DATADIR names another)\n");
}

static void too_many_settings(void **state)
{
	DW_BUF b = { 0 };

	(void)state;
	for (int i = 0; i < 20001; i++)
		dw_buf_printf(&b, "a%d=1;\n", i);
	compare(dw_buf_str(&b), "bad.conf:1: more than 20000 settings, which is the limit\n");
	put("none", "");
	dw_buf_reset(&b);
	for (int i = 0; i < 300; i++)
		dw_buf_puts(&b, "@include \"none\"\n");
	dw_buf_puts(&b, GOOD);
	compare(dw_buf_str(&b), "bad.conf:257: @include: too many, 256 are allowed in all\n");
}

/* Problems of packs come with those of the config, each with its own file. */
static void packs_with_problems(void **state)
{
	(void)state;
	mkdir(path_in("platforms.d"), 0700);
	put("platforms.d/alibaba.conf", "buyer_answer = 100;\nclaim_day = 20;\n");
	put("platforms.d/x.conf", "a = 1;\npacks = ( { name = \"x\"; extension = 1; } );\n");
	compare(GOOD "\nlanguage = \"xx\";\n",
		"bad.conf:2: language: \"xx\" is no language duewatch writes, allowed: en, zh-CN\n"
		"platforms.d/alibaba.conf:1: buyer_answer: 100 is out of range, allowed: 0 to 60\n"
		"platforms.d/alibaba.conf:2: claim_day: unknown key, did you mean claim_days?\n"
		"platforms.d/x.conf:1: a: stands beside `packs`: put it into one of its groups\n"
		"platforms.d/x.conf:2: packs.extension: is a number without quotes, a text in double quotes was expected\n");
	unlink(path_in("platforms.d/alibaba.conf"));
	unlink(path_in("platforms.d/x.conf"));
	rmdir(path_in("platforms.d"));
}

/* ---- secrets, files named, fingerprints ---- */

static void secret_mode(unsigned mode, int expected)
{
	struct dw_err err = { "" };
	char *secret = NULL;
	int r;

	assert_int_equal(chmod(path_in("secret"), mode), 0);
	r = dw_secret_load(&secret, path_in("secret"), NULL, &err);
	if (r != expected)
		print_message("mode %o: %s\n", mode, err.text);
	assert_int_equal(r, expected);
	assert_null(strstr(err.text, "geheim"));
	if (r == 0)
		assert_string_equal(secret, "geheim geheim");
	dw_secret_free(secret);
}

static void secrets(void **state)
{
	static const char two[] = "geheim\nzwei\n";
	struct dw_err err = { "" };
	char *secret = NULL, large[5000];

	(void)state;
	assert_int_equal(dw_secret_load(&secret, NULL, NULL, &err), 1);
	assert_int_equal(dw_secret_load(&secret, path_in("no-secret"), NULL, &err), -ENOENT);
	put("secret", "geheim geheim\r\n");
	secret_mode(0600, 0);
	secret_mode(0640, 0);
	secret_mode(0440, 0);
	secret_mode(0644, -EPERM);
	secret_mode(0604, -EPERM);
	secret_mode(0660, -EPERM);
	chmod(path_in("secret"), 0600);
	put("secret", two);
	assert_int_equal(dw_secret_load(&secret, path_in("secret"), NULL, &err), -EINVAL);
	assert_null(strstr(err.text, "geheim"));
	put("secret", "");
	assert_int_equal(dw_secret_load(&secret, path_in("secret"), NULL, &err), -EINVAL);
	put("secret", "\n");
	assert_int_equal(dw_secret_load(&secret, path_in("secret"), NULL, &err), -EINVAL);
	memset(large, 'x', sizeof(large));
	put_bytes("secret", large, sizeof(large));
	assert_int_equal(dw_secret_load(&secret, path_in("secret"), NULL, &err), -EINVAL);
	assert_int_equal(dw_secret_load(&secret, dir, NULL, &err), -EINVAL);
	assert_null(secret);
	if (geteuid() != 0)
		return;
	/* root reads for the service: its user is the owner of the state folder */
	put("secret", "geheim geheim\n");
	assert_int_equal(chown(path_in("secret"), 65534, 65534), 0);
	assert_int_equal(mkdir(path_in("service"), 0700), 0);
	assert_int_equal(dw_secret_load(&secret, path_in("secret"), path_in("service"), &err), -EPERM);
	assert_int_equal(chown(path_in("service"), 65534, 65534), 0);
	assert_int_equal(dw_secret_load(&secret, path_in("secret"), path_in("service"), &err), 0);
	dw_secret_free(secret);
	rmdir(path_in("service"));
	unlink(path_in("secret"));
}

#define LOGIN "mail = { transport = \"smtps://h.example.com\"; from = \"d@example.com\"; username = \"d\"; password_file = \"pw\"; };"

static void credentials_come_first(void **state)
{
	CONFIG *beside = load_good(PEOPLE LOGIN FEEDS);
	CONFIG *empty = NULL;
	CONFIG *full = NULL;

	(void)state;
	assert_string_equal(beside->mail.password_file, path_in("pw"));
	mkdir(path_in("credentials"), 0700);
	setenv("CREDENTIALS_DIRECTORY", path_in("credentials"), 1);
	put("credentials/pw", "\n"); /* what the unit's SetCredential= makes */
	empty = load_good(PEOPLE LOGIN FEEDS);
	assert_string_equal(empty->mail.password_file, path_in("pw"));
	put("credentials/pw", "x");
	full = load_good(PEOPLE LOGIN FEEDS);
	assert_string_equal(full->mail.password_file, path_in("credentials/pw"));
	unsetenv("CREDENTIALS_DIRECTORY");
}

static char *check_files(const struct dw_config *c)
{
	struct dw_problems p = { 0 };
	char *text;

	assert_int_equal(dw_config_check_files(c, &p), 0);
	text = told(&p);
	dw_problems_fini(&p);
	return text;
}

static void fallbacks(void **state)
{
	CONFIG *c = load_good(PEOPLE FEEDS "\nmail = { transport = \"smtps://a.example.com\"; from = \"d@example.com\"; connections = 2; fallback = (\n"
			      "{ transport = \"smtp://b.example.com\"; username = \"b\"; password_file = \"b-password\"; rate = \"5/m\"; connections = 1; },\n"
			      "{ transport = \"smtp://127.0.0.1:25\"; starttls = \"off\"; ca_file = \"ca-c.pem\"; } ); };\n");
	const struct dw_mail_conf *b = dw_config_relay(c, 1), *last = dw_config_relay(c, 2);
	DW_FREE char *files = NULL;

	(void)state;
	assert_ptr_equal(dw_config_relay(c, 0), &c->mail);
	assert_null(dw_config_relay(c, 3));
	assert_string_equal(b->transport, "smtp://b.example.com:587");
	assert_string_equal(b->username, "b");
	assert_int_equal(b->rate_n, 5);
	assert_int_equal(b->connections, 1);
	assert_true(last->starttls_off);
	assert_int_equal(last->connections, 4);
	assert_null(last->from_address);
	files = check_files(c);
	assert_non_null(strstr(files, "good.conf:3: mail.fallback.password_file: b-password can't be read"));
	assert_non_null(strstr(files, "good.conf:4: mail.fallback.ca_file: ca-c.pem can't be read"));
}

static void oauths(void **state)
{
	CONFIG *c = load_good(PEOPLE FEEDS "\nmail = { transport = \"smtps://a.example.com\"; from = \"d@example.com\"; username = \"d@example.com\";\n"
			      "oauth = { provider = \"microsoft\"; client_id = \"c\"; tenant = \"example.com\"; };\nfallback = (\n"
			      "{ transport = \"smtp://b.example.com\"; }, { transport = \"smtp://c.example.com\"; username = \"e\";\n"
			      "oauth = { provider = \"google\"; client_id = \"g\"; client_secret_file = \"s\"; refresh_token_file = \"r\"; mechanism = \"oauthbearer\"; }; } ); };\n");
	struct dw_oauth_place at;
	DW_FREE char *files = NULL;

	(void)state;
	assert_true(dw_config_oauth(c, 0, &at));
	assert_string_equal(at.name, "mail");
	assert_string_equal(at.username, "d@example.com");
	assert_string_equal(at.conf->token_url, "https://login.microsoftonline.com/example.com/oauth2/v2.0/token");
	assert_string_equal(at.conf->authorize_url, "https://login.microsoftonline.com/example.com/oauth2/v2.0/authorize");
	assert_string_equal(at.conf->device_url, "https://login.microsoftonline.com/example.com/oauth2/v2.0/devicecode");
	assert_int_equal(at.conf->mechanism, DW_OAUTH_ANY);
	assert_true(dw_config_oauth(c, 1, &at));
	assert_string_equal(at.name, "fallback-2");
	assert_string_equal(at.conf->token_url, "https://oauth2.googleapis.com/token");
	assert_null(at.conf->device_url);
	assert_int_equal(at.conf->mechanism, DW_OAUTH_OAUTHBEARER);
	assert_false(dw_config_oauth(c, 2, &at));
	files = check_files(c);
	assert_non_null(strstr(files, "good.conf:6: oauth.client_secret_file: s can't be read"));
	assert_non_null(strstr(files, "good.conf:6: oauth.refresh_token_file: r can't be read"));
}

static void files_named(void **state)
{
	CONFIG *c = load_good(PEOPLE "\nstate = \"no/where\";\nmail = { transport = \"smtps://h.example.com\"; from = \"d@example.com\";\n"
			      "username = \"d\"; password_file = \"pw\";\nca_file = \"ca.pem\"; };\nfeeds = (\n"
			      "{ name = \"f\"; type = \"csv\"; path = \"f.csv\"; }, { name = \"g\"; type = \"csv\"; path = \"inbox\"; } );\n"
			      "heartbeat_ca_file = \"ca.pem\";");
	DW_FREE char *missing = NULL;
	DW_FREE char *fine = NULL;
	DW_BUF expected = { 0 };

	(void)state;
	missing = check_files(c);
	dw_buf_puts(&expected, "good.conf:2: warning: state: no/where doesn't exist, and neither does the folder above it\n"
			       "good.conf:4: mail.password_file: pw can't be read: No such file or directory\n"
			       "good.conf:5: mail.ca_file: ca.pem can't be read: No such file or directory\n"
			       "good.conf:7: warning: feeds.path: feed f: f.csv doesn't exist yet\n"
			       "good.conf:7: warning: feeds.path: feed g: inbox doesn't exist yet\n"
			       "good.conf:8: heartbeat_ca_file: ca.pem can't be read: No such file or directory\n");
	assert_string_equal(missing, dw_buf_str(&expected));
	put("pw", "x");
	chmod(path_in("pw"), 0600);
	put("ca.pem", "x");
	put("f.csv", "x");
	mkdir(path_in("inbox"), 0700);
	mkdir(path_in("no"), 0700);
	fine = check_files(c);
	assert_string_equal(fine, "");
	chmod(path_in("pw"), 0644);
	free(dw_steal(&fine));
	fine = check_files(c);
	assert_string_equal(fine, "good.conf:4: mail.password_file: pw has mode 0644, others must not read it and only its owner may write it: "
				  "chmod 0600 (or 0640, 0440, 0400)\n");
	put("pw", "x\ny\n");
	chmod(path_in("pw"), 0600);
	free(dw_steal(&fine));
	fine = check_files(c);
	assert_non_null(strstr(fine, "mail.password_file: pw holds more than one line"));
}

static void fingerprints(void **state)
{
	CONFIG *a = load_good(PEOPLE MAIL FEEDS);
	CONFIG *same = load_good("// another comment\n" PEOPLE "language = \"en\";" MAIL FEEDS);
	CONFIG *relay = load_good(PEOPLE "mail = { transport = \"smtps://other.example.com\"; from = \"d@example.com\"; };" FEEDS);
	CONFIG *ladder = load_good(PEOPLE MAIL FEEDS "ladders = ( { kind = \"ship_by\"; steps = [ \"3d: owner\" ]; } );");
	CONFIG *packs = load_good(PEOPLE MAIL FEEDS "packs = ( { name = \"alibaba\"; buyer_answer = 9; } );");
	CONFIG *transit = load_good(PEOPLE MAIL FEEDS "transit_days = ( (\"sea\", 30) );");
	CONFIG *column = load_good(PEOPLE MAIL "feeds = ( { name = \"f\"; type = \"csv\"; path = \"f.csv\"; columns = ( (\"buyer\", \"x\") ); } );");
	CONFIG *mapped = load_good(PEOPLE MAIL FEEDS "packs = ( { name = \"generic\"; columns = ( (\"buyer\", \"x\") ); } );");
	CONFIG *zone = load_good(PEOPLE MAIL "feeds = ( { name = \"f\"; type = \"csv\"; path = \"f.csv\"; timezone = \"Asia/Tokyo\"; } );");

	(void)state;
	assert_true(a->rules == same->rules && a->feeds[0].print == same->feeds[0].print);
	assert_true(a->rules == relay->rules);
	assert_true(a->rules != ladder->rules && a->rules != packs->rules && a->rules != transit->rules);
	assert_true(a->feeds[0].print == ladder->feeds[0].print && a->feeds[0].print == packs->feeds[0].print);
	assert_true(a->feeds[0].print != column->feeds[0].print && a->feeds[0].print != mapped->feeds[0].print);
	assert_true(a->feeds[0].print != zone->feeds[0].print);
}

static void replies_login(void **state)
{
	CONFIG *c = load_good(PEOPLE MAIL FEEDS "replies = { mailbox = \"imaps://outlook.example.com\"; username = \"u@example.com\";\n"
			      "oauth = { provider = \"microsoft\"; client_id = \"c\"; }; };\n");
	struct dw_oauth_place at;

	(void)state;
	assert_true(dw_config_oauth(c, 0, &at));
	assert_string_equal(at.name, "replies");
	assert_string_equal(at.username, "u@example.com");
	assert_true(at.conf == c->replies.oauth && at.use == DW_OAUTH_IMAP && !c->replies.password_file);
	assert_false(dw_config_oauth(c, 1, &at));
}

static void replies_mailbox(void **state)
{
	CONFIG *off = load_good(PEOPLE MAIL FEEDS);
	CONFIG *on = load_good(PEOPLE MAIL FEEDS "replies = { mailbox = \"imaps://imap.example.com/Duewatch/in\"; username = \"u\";"
			       " password_file = \"imap-password\"; authserv = \"mx.example.com\"; };");
	CONFIG *plain = load_good(PEOPLE MAIL FEEDS "replies = { mailbox = \"imap://127.0.0.1:1143\"; username = \"u\"; password_file = \"p\";"
				  " starttls = \"off\"; every = \"5s\"; token_days = 7; address = \"r@example.com\"; bounces = false; };");

	(void)state;
	assert_null(off->replies.address);
	assert_string_equal(on->replies.url, "imaps://imap.example.com:993");
	assert_string_equal(on->replies.folder, "Duewatch/in");
	assert_string_equal(on->replies.address, on->mail.from_address);
	assert_string_equal(on->replies.password_file, path_in("imap-password"));
	assert_true(on->replies.every == 60 && on->replies.token_days == 30 && on->replies.bounces && !on->replies.starttls_off);
	assert_string_equal(plain->replies.url, "imap://127.0.0.1:1143");
	assert_string_equal(plain->replies.folder, "INBOX");
	assert_string_equal(plain->replies.address, "r@example.com");
	assert_true(plain->replies.every == 5 && plain->replies.token_days == 7 && !plain->replies.bounces && plain->replies.starttls_off);
}

static void data_folder(void **state)
{
	DW_FREE char *arg = NULL;
	DW_FREE char *env = NULL;

	(void)state;
	setenv("DUEWATCH_DATADIR", "/env", 1);
	arg = dw_datadir("/arg");
	env = dw_datadir(NULL);
	unsetenv("DUEWATCH_DATADIR");
	assert_string_equal(arg, "/arg");
	assert_string_equal(env, "/env");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_mailbox), cmocka_unit_test(replies_login),
		cmocka_unit_test(interface_parses),
		cmocka_unit_test(shipped_file_works),
		cmocka_unit_test(shipped_file_is_complete),
		cmocka_unit_test(working_time),
		cmocka_unit_test(all_shipped_packs),
		cmocka_unit_test(mails_per_day_of_all_and_of_one), cmocka_unit_test(kept_and_read_back), cmocka_unit_test(forms_of_files),
		cmocka_unit_test(defaults_hold),
		cmocka_unit_test(two_zones),
		cmocka_unit_test(pack_layers),
		cmocka_unit_test(values),
		cmocka_unit_test(syntax),
		cmocka_unit_test(what_is_no_mistake),
		cmocka_unit_test(includes),
		cmocka_unit_test(unusable_files),
		cmocka_unit_test(too_many_settings),
		cmocka_unit_test(packs_with_problems),
		cmocka_unit_test(secrets),
		cmocka_unit_test(credentials_come_first),
		cmocka_unit_test(fallbacks), cmocka_unit_test(oauths), cmocka_unit_test(files_named),
		cmocka_unit_test(fingerprints),
		cmocka_unit_test(data_folder),
	};

	return cmocka_run_group_tests_name("config", tests, set_up, tear_down);
}
