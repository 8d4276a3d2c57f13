/* Runs one scenario: a text file in which time passes. Usage: scenario [-v] FILE…
 *
 *	at 2026-11-23T00:00Z            the true time is now this; `pass 20m` likewise
 *	order 2341 promised 2026-11-30 agreed 2026-12-10        a row of the current feed; later words change its cells
 *	row 2341 status shipped         one more row of the order; `gone 2341`: no row; `feed plan`: the current feed
 *	order #400 promised …           400 orders, numbers 1001 and on
 *	read [age 30h]                  a fresh export; changed rows are read by themselves before the next statement
 *	cut / raw <<END / remove        the next file is cut short / is this text / there is none
 *	start                           the first look happens now (with no order if none was named yet)
 *	relay ok|451|550|554|hang|hang-lost|down [for bo] [at 1|2]      the second is mail.fallback's
 *	crash [after-decide|after-queue|after-lease|after-send [6h]]    now, or when that comes next; and down for so long
 *	down 3d                         nothing runs for that long
 *	clock +365d | -2d | back
 *	set 2341 expected_ship_at=2026-12-01 [by bo], unset 2341 FIELD, ack 2341 [for 2d] [as bo] [note TEXT], unack,
 *	close 2341 [TEXT], reopen 2341, accept FEED, reload; `but WORDS` after set, ack …: it must be refused, saying WORDS
 *	reply alice 'ack 2d; ship 2026-12-10' [forged ADDRESS]    to the last mail that alice got
 *	click alice 2341 'ack' [age 31d], bounce alice [5.2.2]
 *	mailbox 'no answer' | ok         it can't be read, it can
 *	config BLOCK <<END … END        replaces top, mail, people, feeds, ladders, packs or extra
 *
 *	expect alice extend_ship_date [step 1d] [order 2341] [type daily] [subject TEXT] [text TEXT] [entries N]
 *	expect alice feed subject TEXT  a mail of that type (alert daily first_look resolved feed note answer)
 *	expect 3                        that many mails since the last such line; `expect repeat alice`: a second copy
 *	expect nothing                  every mail so far was expected
 *	expect alice … relay 2          which one took it
 *	expect state 2341 ship open [extend_ship_date], expect act_by 2341 ship 2026-11-27T07:59:59Z
 *	expect outbox queued 1, expect hand 2341 FIELD none|there, expect decided no
 *
 * It fails on a mail that no line expects and on one that didn't come. Each runs on SQLite, then, if nothing crashes
 * in it, on the memory store minute by minute: jumping from event to event must say the same. */
#include "run.h"

#include <ctype.h>

enum { HERE_MAX = 200 };

static const char *const block_name[BLOCKS] = { "top", "mail", "people", "feeds", "ladders", "packs", "extra" };
static const char *const block_text[BLOCKS] = {
	"timezone = \"Asia/Shanghai\"; language = \"en\"; state = \"state\"; daily_at = \"08:30\";\n"
	"working_days = [ \"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\" ];\n"
	"default_owner = \"alice\"; default_deputy = \"bo\"; default_manager = \"chen\"; operators = [ \"alice\" ];\n",
	"mail = { transport = \"maildir:///nowhere/at/all\"; from = \"Duewatch <duewatch@example.com>\"; };\n",
	"people = (\n"
	"  { name = \"alice\"; email = \"alice@example.com\"; aliases = [ \"Alice Wang\", \"seller01\" ]; deputy = \"bo\"; manager = \"chen\"; },\n"
	"  { name = \"bo\"; email = \"bo@example.com\"; },\n"
	"  { name = \"chen\"; email = \"chen@example.com\"; language = \"zh-CN\"; timezone = \"America/Los_Angeles\"; daily_at = \"off\"; } );\n",
	("feeds = ( { name = \"shop\"; type = \"csv\"; path = \"shop.csv\"; platform = \"alibaba\"; timezone = \"America/Los_Angeles\";\n"
	"  every = \"10m\"; stale_after = \"365d\"; } );\n"),
	"", "", "",
};

int run_bad(struct run *r, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", r->file, r->line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n\t%s\n\t(%s%s)\n", r->shown, r->w.sqlite ? "sqlite" : "memory",
		r->minutely ? ", minute by minute" : "");
	sc_list(&r->w);
	return -EINVAL;
}

static int world(struct run *r, int code)
{
	return code < 0 ? run_bad(r, "%s", r->w.err.text) : 0;
}

/* ---- reading ---- */

static void drop_words(struct run *r)
{
	for (int i = 0; i < r->n; i++)
		free(r->word[i]);
	r->n = 0;
}

/* Words parted by blanks; '…' and "…" hold blanks; # begins a comment. */
static int split(struct run *r, const char *p)
{
	drop_words(r);
	for (;;) {
		DW_BUF b = { 0 };

		while (isspace((unsigned char)*p))
			p++;
		if (!*p || *p == '#' ? !(*p == '#' && isdigit((unsigned char)p[1])) : false)
			return 0;
		if (r->n == WORDS_MAX)
			return run_bad(r, "more than %d words", WORDS_MAX);
		dw_buf_puts(&b, "");
		while (*p && !isspace((unsigned char)*p)) {
			char quote = *p == '\'' || *p == '"' ? *p : 0;

			if (!quote) {
				dw_buf_putc(&b, *p++);
				continue;
			}
			for (p++; *p && *p != quote; p++)
				dw_buf_putc(&b, *p);
			if (*p)
				p++;
		}
		r->word[r->n++] = b.p ? dw_buf_take(&b) : dw_strdup("");
	}
}

bool run_is(const struct run *r, int i, const char *word)
{
	return i < r->n && strcmp(r->word[i], word) == 0;
}

/* The lines up to END. Owned; NULL: there is no END. */
static char *here(struct run *r)
{
	DW_BUF b = { 0 };
	char line[1000];

	dw_buf_puts(&b, "");
	for (int i = 0; i < HERE_MAX && fgets(line, sizeof(line), r->in); i++) {
		r->line++;
		if (strcmp(line, "END\n") == 0)
			return b.p ? dw_buf_take(&b) : dw_strdup("");
		dw_buf_puts(&b, line);
	}
	return NULL;
}

static char *config_text(const struct run *r)
{
	DW_BUF b = { 0 };

	for (int i = 0; i < BLOCKS; i++)
		dw_buf_puts(&b, r->block[i] ? r->block[i] : block_text[i]);
	return dw_buf_take(&b);
}

static int span(struct run *r, const char *text, int64_t *out)
{
	struct dw_err err;

	return dw_duration_parse(out, text, &err) < 0 ? run_bad(r, "%s", err.text) : 0;
}

int run_instant(struct run *r, const char *text, dw_time *out)
{
	struct dw_err err;

	return dw_instant_parse(out, text, &dw_zone_utc, NULL, DW_BARE_FIRST, NULL, &err) != 0 ? run_bad(r, "%s", err.text) : 0;
}

/* ---- the world changes ---- */

static int ready(struct run *r)
{
	DW_FREE char *text = NULL;

	if (r->w.config)
		return 0;
	text = config_text(r);
	return world(r, sc_world_init(&r->w, text, r->w.sqlite));
}

static int choose_feed(struct run *r, const char *name)
{
	int e = ready(r);

	if (e < 0)
		return e;
	r->feed = sc_feed(&r->w, name ? name : r->w.config->feeds[0].name);
	return r->feed ? 0 : run_bad(r, "there is no feed %s", name ? name : "at all");
}

/* Rows named since the last read are read now; the first time the daemon starts by it. */
static int read_dirty(struct run *r)
{
	bool any = false;
	int e = ready(r);

	for (size_t i = 0; e == 0 && i < r->w.n_feed; i++)
		if (r->w.feed[i].dirty) {
			any = true;
			if (r->w.started)
				e = world(r, sc_write(&r->w, &r->w.feed[i], 0));
		}
	if (e < 0 || !any)
		return e;
	return world(r, r->w.started ? sc_settle(&r->w) : sc_start(&r->w));
}

int run_field_of(const char *word)
{
	static const struct {
		const char *word;
		enum dw_field x;
	} alias[] = {
		{ "promised", DW_F_PROMISED_AT }, { "agreed", DW_F_AGREED_AT },	    { "expected", DW_F_EXPECTED_SHIP_AT },
		{ "eta", DW_F_EXPECTED_ARRIVAL_AT }, { "extension", DW_F_EXTENSION_STATE }, { "until", DW_F_EXTENSION_UNTIL },
		{ "shipped", DW_F_SHIPPED_AT },	  { "paid", DW_F_PAID_AT },	    { "created", DW_F_CREATED_AT },
		{ "completed", DW_F_COMPLETED_AT }, { "delivered", DW_F_DELIVERED_AT }, { "confirm", DW_F_AUTO_CONFIRM_AT },
		{ "extensions", DW_F_RECEIPT_EXTENSIONS },
	};

	for (size_t i = 0; i < DW_COUNT(alias); i++)
		if (strcmp(alias[i].word, word) == 0)
			return (int)alias[i].x;
	return dw_field_find(word);
}

static int cells(struct run *r, struct sc_row *row)
{
	for (int i = 2; i < r->n; i += 2) {
		int x = run_field_of(r->word[i]);

		if (x < 0)
			return run_bad(r, "%s is no field", r->word[i]);
		if (i + 1 == r->n)
			return run_bad(r, "%s has no value", r->word[i]);
		sc_cell(r->feed, row, (enum dw_field)x, r->word[i + 1]);
	}
	return 0;
}

static int one_order(struct run *r, const char *id, bool more)
{
	struct sc_row *row = more ? NULL : sc_row(r->feed, id, false);
	bool fresh = !row, overlay = dw_config_feed(r->w.config, r->feed->name)->overlay;

	if (!row)
		row = sc_row_add(r->feed, id);
	if (!row)
		return run_bad(r, "out of memory");
	if (fresh && !overlay)
		sc_cell(r->feed, row, DW_F_STATUS, "awaiting_shipment");
	return cells(r, row);
}

static int do_order(struct run *r)
{
	int e = r->feed ? 0 : choose_feed(r, NULL);

	if (e < 0 || r->n < 2)
		return e < 0 ? e : run_bad(r, "which order?");
	if (r->word[1][0] != '#')
		return one_order(r, r->word[1], run_is(r, 0, "row"));
	for (int i = 0; e == 0 && i < atoi(r->word[1] + 1); i++) {
		char id[32];

		snprintf(id, sizeof(id), "%d", 1001 + i);
		e = one_order(r, id, false);
	}
	return e;
}

static int do_gone(struct run *r)
{
	for (int i = 1; i < r->n && r->feed; i++)
		sc_row_drop(r->feed, r->word[i]);
	return r->feed ? 0 : run_bad(r, "of which feed?");
}

static int do_feed(struct run *r)
{
	return r->n == 2 ? choose_feed(r, r->word[1]) : run_bad(r, "which feed?");
}

static int do_raw(struct run *r)
{
	int e = r->feed ? 0 : choose_feed(r, NULL);

	if (e < 0)
		return e;
	r->feed->dirty = true;
	if (run_is(r, 0, "cut"))
		r->feed->cut = true;
	else if (!(r->feed->raw = here(r)))
		return run_bad(r, "no END");
	return 0;
}

static int do_config(struct run *r)
{
	for (int i = 0; i < BLOCKS; i++)
		if (run_is(r, 1, block_name[i])) {
			free(r->block[i]);
			r->block[i] = here(r);
			return r->block[i] ? 0 : run_bad(r, "no END");
		}
	return run_bad(r, "which block? top mail people feeds ladders packs extra");
}

static int do_at(struct run *r)
{
	dw_time t;
	int64_t s;

	if (r->n != 2)
		return run_bad(r, "when?");
	if (run_is(r, 0, "pass")) {
		if (span(r, r->word[1], &s) < 0)
			return -EINVAL;
		t = r->w.t + s;
	} else if (run_instant(r, r->word[1], &t) < 0)
		return -EINVAL;
	if (t < r->w.t)
		return run_bad(r, "time doesn't go back");
	return world(r, sc_advance(&r->w, t));
}

static int do_read(struct run *r)
{
	int64_t age = 0;
	int e = r->feed ? 0 : choose_feed(r, NULL);

	if (e == 0 && run_is(r, 1, "age"))
		e = span(r, r->word[2], &age);
	if (e < 0)
		return e;
	r->feed->dirty = false;
	if (!r->w.started)
		return world(r, sc_start(&r->w));
	e = world(r, sc_write(&r->w, r->feed, age));
	return e < 0 ? e : world(r, sc_settle(&r->w));
}

static int do_start(struct run *r)
{
	return r->w.started ? 0 : world(r, sc_start(&r->w));
}

static int do_remove(struct run *r)
{
	char path[600];
	int e = r->feed ? 0 : choose_feed(r, NULL);

	if (e < 0)
		return e;
	r->feed->gone = true;
	snprintf(path, sizeof(path), "%s/%s.csv", r->w.dir, r->feed->name);
	remove(path);
	r->feed->poll_at = r->w.t;
	return r->w.started ? world(r, sc_settle(&r->w)) : 0;
}

static int do_reload(struct run *r)
{
	DW_FREE char *text = config_text(r);
	int e = world(r, sc_reload(&r->w, text));

	return e < 0 || !r->w.started ? e : world(r, sc_settle(&r->w));
}

static int do_relay(struct run *r)
{
	static const char *const word[] = { "ok", "451", "550", "554", "hang", "hang-lost", "down" };
	int how = -1, who = -1, at = r->n >= 2 && run_is(r, r->n - 2, "at") ? run_is(r, r->n - 1, "2") : -1;

	for (int i = 0; i < (int)DW_COUNT(word); i++)
		if (run_is(r, 1, word[i]))
			how = i;
	if (how < 0)
		return run_bad(r, "ok, 451, 550, 554, hang, hang-lost, down");
	if (run_is(r, 2, "for") && (who = dw_people_find(&r->w.config->people, r->word[3])) < 0)
		return run_bad(r, "who is %s?", r->word[3]);
	for (int i = 0; i < SC_PEOPLE_MAX; i++)
		for (int k = 0; k < SC_RELAYS_MAX; k++)
			if ((who < 0 || who == i) && (at < 0 || at == k))
				r->w.relay[k][i] = (enum sc_relay)how;
	return 0;
}

static int do_crash(struct run *r)
{
	static const char *const when[] = { "", "after-decide", "after-queue", "after-lease", "after-send" };
	int e;

	for (int i = 1; i < (int)DW_COUNT(when); i++)
		if (run_is(r, 1, when[i])) {
			r->w.crash = (enum sc_crash)i;
			return r->n > 2 ? span(r, r->word[2], &r->w.down) : 0;
		}
	e = world(r, sc_restart(&r->w));
	return e < 0 ? e : world(r, sc_settle(&r->w));
}

static int do_down(struct run *r)
{
	int64_t s;
	int e;

	if (r->n != 2 || span(r, r->word[1], &s) < 0)
		return run_bad(r, "for how long?");
	r->w.t += s; /* nobody looks meanwhile */
	e = world(r, sc_restart(&r->w));
	return e < 0 ? e : world(r, sc_settle(&r->w));
}

static int do_clock(struct run *r)
{
	int64_t s;

	if (r->n != 2)
		return run_bad(r, "+365d, -2d or back");
	if (run_is(r, 1, "back"))
		r->w.offset = 0;
	else if (span(r, r->word[1] + 1, &s) < 0)
		return -EINVAL;
	else
		r->w.offset += r->word[1][0] == '-' ? -s : s;
	return world(r, sc_settle(&r->w));
}

/* ---- what people do ---- */

static const char *after(const struct run *r, const char *word)
{
	for (int i = 2; i + 1 < r->n; i++)
		if (run_is(r, i, word))
			return r->word[i + 1];
	return NULL;
}

/* `but WORDS`: it must be refused with these words. */
static int outcome(struct run *r, int code, const struct dw_err *err)
{
	const char *but = after(r, "but");

	if (but && (code == 0 || !strstr(err->text, but)))
		return run_bad(r, "it should have been refused with \"%s\"; it said \"%s\"", but, code ? err->text : "done");
	if (!but && code != 0)
		return run_bad(r, "%s", err->text);
	return world(r, sc_settle(&r->w));
}

static int do_set(struct run *r, int64_t order, struct dw_err *err)
{
	char *eq = r->n > 2 ? strchr(r->word[2], '=') : NULL;
	int x;

	if (eq)
		*eq = '\0';
	x = r->n > 2 ? run_field_of(r->word[2]) : -1;
	if (x < 0 || (run_is(r, 0, "set") && !eq))
		return run_bad(r, "set ORDER FIELD=VALUE");
	if (run_is(r, 0, "set"))
		return outcome(r, dw_engine_set(r->w.engine, order, &(struct dw_assignment){ (enum dw_field)x, eq + 1 }, 1, after(r, "by") ? after(r, "by") : "alice",
						sc_wall(&r->w), err), err);
	return outcome(r, dw_engine_unset(r->w.engine, order, (enum dw_field)x, sc_wall(&r->w), err), err);
}

static int do_ack(struct run *r, int64_t order, struct dw_err *err)
{
	const char *as = after(r, "as");
	int who = dw_people_find(&r->w.config->people, as ? as : "alice"), acked = 0;
	int64_t for_s = 0;

	if (who < 0 || (after(r, "for") && span(r, after(r, "for"), &for_s) < 0))
		return run_bad(r, "ack ORDER [for 2d] [as PERSON]");
	return outcome(r, dw_engine_ack(r->w.engine, order, who, for_s, after(r, "note"), sc_wall(&r->w), &acked, err), err);
}

static int do_person(struct run *r)
{
	struct dw_engine *e = r->w.engine;
	dw_time now = sc_wall(&r->w);
	struct dw_err err = { "" };
	int64_t order;

	if (r->n < 2 || !r->w.started)
		return run_bad(r, "which order?");
	order = sc_order(&r->w, r->word[1]);
	if (order < 0)
		return run_bad(r, "there is no order %s", r->word[1]);
	if (run_is(r, 0, "set") || run_is(r, 0, "unset"))
		return do_set(r, order, &err);
	if (run_is(r, 0, "ack"))
		return do_ack(r, order, &err);
	if (run_is(r, 0, "unack"))
		return outcome(r, dw_engine_unack(e, order, now, &err), &err);
	if (run_is(r, 0, "close"))
		return outcome(r, dw_engine_close(e, order, "alice", r->n > 2 ? r->word[2] : "settled", now, &err), &err);
	return outcome(r, dw_engine_reopen(e, order, now, &err), &err);
}

static int do_reply(struct run *r)
{
	int64_t order, age = 0;

	if (run_is(r, 0, "bounce"))
		return world(r, sc_bounce(&r->w, r->n > 1 ? r->word[1] : "", r->n > 2 ? r->word[2] : "5.1.1"));
	if (run_is(r, 0, "reply"))
		return r->n < 3 ? run_bad(r, "reply WHO TEXT") :
				  world(r, sc_reply(&r->w, r->word[1], r->word[2], run_is(r, 3, "forged") && r->n > 4 ? r->word[4] : NULL));
	if (r->n < 4 || (order = sc_order(&r->w, r->word[2])) < 0)
		return run_bad(r, "click WHO ORDER TEXT");
	if (run_is(r, 4, "age") && r->n > 5 && span(r, r->word[5], &age) < 0)
		return -EINVAL;
	return world(r, sc_click(&r->w, r->word[1], order, age, r->word[3]));
}

static int do_mailbox(struct run *r)
{
	return r->n == 2 ? world(r, sc_mailbox(&r->w, run_is(r, 1, "ok") ? NULL : r->word[1])) : run_bad(r, "mailbox ok|WHY");
}

static int do_accept(struct run *r)
{
	struct dw_feed_row row;
	int e = choose_feed(r, r->n > 1 ? r->word[1] : NULL);

	if (e < 0)
		return e;
	if (dw_store_feed_get(r->w.store, r->feed->name, &row, &r->w.err) != 0)
		return run_bad(r, "the store doesn't know that feed");
	row.accept = true;
	e = dw_store_begin(r->w.store, &r->w.err);
	if (e == 0)
		e = dw_store_feed_put(r->w.store, &row, &r->w.err);
	if (e == 0)
		e = dw_store_commit(r->w.store, &r->w.err);
	dw_feed_row_fini(&row);
	if (e == 0)
		e = sc_write(&r->w, r->feed, 0);
	return e < 0 ? world(r, e) : world(r, sc_settle(&r->w));
}

/* ---- one file ---- */

static const struct {
	const char *word;
	int (*run)(struct run *r);
	bool rows; /* only names rows: nothing is read by it */
} statement[] = {
	{ "order", do_order, true },   { "row", do_order, true },     { "gone", do_gone, true },     { "feed", do_feed, true },
	{ "raw", do_raw, true },       { "cut", do_raw, true },	      { "config", do_config, true }, { "read", do_read, true },
	{ "at", do_at, false },	       { "pass", do_at, false },      { "start", do_start, false },  { "remove", do_remove, false },
	{ "reload", do_reload, false }, { "relay", do_relay, false }, { "crash", do_crash, false },  { "clock", do_clock, false },
	{ "down", do_down, false },
	{ "reply", do_reply, false },  { "click", do_reply, false },  { "bounce", do_reply, false }, { "mailbox", do_mailbox, false },
	{ "set", do_person, false },   { "unset", do_person, false }, { "ack", do_person, false },   { "unack", do_person, false },
	{ "close", do_person, false }, { "reopen", do_person, false }, { "accept", do_accept, false }, { "expect", run_expect, false },
};

static int run_line(struct run *r)
{
	for (size_t i = 0; i < DW_COUNT(statement); i++) {
		int e;

		if (!run_is(r, 0, statement[i].word))
			continue;
		r->crashes |= run_is(r, 0, "crash") || run_is(r, 0, "down");
		e = statement[i].rows ? 0 : read_dirty(r);
		return e < 0 ? e : statement[i].run(r);
	}
	return run_bad(r, "what is \"%s\"?", r->word[0]);
}

static int run_file(struct run *r)
{
	char line[2000];
	int e = 0;

	r->in = fopen(r->file, "r");
	if (!r->in) {
		fprintf(stderr, "%s: %s\n", r->file, strerror(errno));
		return -errno;
	}
	while (e == 0 && fgets(line, sizeof(line), r->in)) {
		r->line++;
		line[strcspn(line, "\n")] = '\0';
		snprintf(r->shown, sizeof(r->shown), "%.180s", line);
		e = split(r, line);
		if (e == 0 && r->n)
			e = run_line(r);
	}
	fclose(r->in);
	if (e == 0)
		e = read_dirty(r);
	snprintf(r->shown, sizeof(r->shown), "(the end)");
	return e < 0 ? e : run_expect_nothing(r);
}

static int run_once(const char *file, bool sqlite, bool minutely, bool verbose, bool *crashes)
{
	struct run r = { .file = file, .minutely = minutely };
	int e;

	r.w.sqlite = sqlite;
	r.w.minutely = minutely;
	r.w.verbose = verbose;
	e = run_file(&r);
	if (e == 0 && verbose)
		sc_list(&r.w);
	*crashes = r.crashes;
	drop_words(&r);
	for (int i = 0; i < BLOCKS; i++)
		free(r.block[i]);
	sc_world_fini(&r.w);
	return e;
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0, crashes;
	int failed = 0;

	if (argc < 2 + verbose) {
		fprintf(stderr, "usage: scenario [-v] FILE…\n");
		return 2;
	}
	for (int i = 1 + verbose; i < argc; i++) {
		int e = run_once(argv[i], true, false, verbose, &crashes);

		if (e == 0 && !crashes)
			e = run_once(argv[i], false, true, false, &crashes);
		failed += e != 0;
		printf("%s %s\n", e ? "FAILED" : "ok", argv[i]);
	}
	return failed ? 1 : 0;
}
