/* duewatch: one table of commands. Usage, help, checking of arguments and completion all read it. */
#include "cli.h"
#include "duewatch/privileges.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

const struct cli_option cli_globals[] = {
	{ "config", "FILE", "-c: the config, instead of " DW_SYSCONFDIR "/duewatch.conf", CLI_FILE },
	{ "datadir", "DIR", "-D: the folder with platforms/ and templates/", CLI_FILE },
	{ "help", NULL, "-h: says how a command is used", CLI_NOTHING },
	{ "version", NULL, "-V: says which version this is", CLI_NOTHING },
	{ NULL },
};

#define AS_OPTION { "as", "PERSON", "who says so; else the person who is logged in", CLI_PERSON }
#define JSON_OPTION { "json", NULL, "the same for programs", CLI_NOTHING }
#define NOTE_OPTION(help) { "note", "TEXT", help, CLI_NOTHING }
static const struct cli_option status_options[] = {
	{ "all", NULL, "also the orders that are only watched", CLI_NOTHING },
	JSON_OPTION,
	{ "check", NULL, "one line for monitoring: exit 0 fine, 1 needs a look, 2 broken", CLI_NOTHING },
	{ NULL },
};
static const struct cli_option json_options[] = { JSON_OPTION, { NULL } };
static const struct cli_option as_options[] = { AS_OPTION, { NULL } };
static const struct cli_option ack_options[] = {
	{ "for", "TIME", "quiet for so long, as 2d or 12h; at most 7d. After the deadline: 2d where not given", CLI_NOTHING },
	NOTE_OPTION("kept with the order; after the deadline the manager gets it by mail"),
	AS_OPTION,
	{ NULL },
};
static const struct cli_option close_options[] = { NOTE_OPTION("why; must be given"), AS_OPTION, { NULL } };
static const struct cli_option feed_options[] = {
	{ "dry-run", NULL, "reads it now and says what would change; changes nothing", CLI_NOTHING },
	{ "accept", NULL, "orders that vanished from the list are right to be gone: close them now", CLI_NOTHING },
	{ NULL },
};
static const struct cli_option outbox_options[] = {
	{ "all", NULL, "also what is sent or withdrawn", CLI_NOTHING },
	JSON_OPTION,
	{ NULL },
};
static const struct cli_option preview_options[] = {
	{ "html", NULL, "the HTML part", CLI_NOTHING },
	{ "language", "LANGUAGE", "en or zh-CN, whatever the reader's is", CLI_LANGUAGE },
	{ NULL },
};
static const struct cli_option check_options[] = {
	{ "against-live", NULL, "which coming mails this config adds and drops, compared with the one the daemon has", CLI_NOTHING },
	{ "days", "N", "how far it looks ahead for that; 30 where not given, at most 400", CLI_NOTHING },
	JSON_OPTION,
	{ NULL },
};
static const struct cli_option simulate_options[] = {
	{ "from", "TIME", "the first instant listed; now where not given. Of a file also one in the past", CLI_NOTHING },
	{ "to", "TIME", "the last; 90 days after --from where not given. Or a time from now, as 30d", CLI_NOTHING },
	{ "feed", "[NAME=]FILE", "a file, played through as the first of that feed, instead of the live state", CLI_FILE },
	JSON_OPTION,
	{ NULL },
};
static const struct cli_option test_mail_options[] = {
	{ "relay", "N", "by this relay, 1 is the first, 2 its first fallback; else by the first", CLI_NOTHING },
	{ NULL },
};
static const struct cli_option authorize_options[] = {
	{ "device", NULL, "by a short code typed at the provider's page, where it has that for mail (Microsoft)", CLI_NOTHING },
	{ NULL },
};
static const struct cli_option no_options[] = { { NULL } };

const struct cli_command cli_commands[] = {
	{ "check", "", "checks the config, and reads out one order of each feed to compare with the platform's page",
	  "Prints every problem as file:line: key: what, what is allowed. Exit 0: no errors; 2: some.\n"
	  "--against-live instead lists the coming mails that a changed config, not loaded yet, adds (+) and drops (-).",
	  check_options, 0, 0,
	  CLI_NOTHING, CLI_NOTHING, CLI_BARE, cli_check },
	{ "status", "", "what is at risk, most urgent first; feeds; outbox", NULL, status_options, 0, 0, CLI_NOTHING,
	  CLI_NOTHING, CLI_STORE, cli_status },
	{ "explain", "ORDER", "why an order is, or isn't, at risk: facts, dates, rules, steps",
	  "ORDER is the platform's number, or FEED/NUMBER where two feeds share it.", json_options, 1, 1, CLI_ORDER,
	  CLI_NOTHING, CLI_STORE_MUST, cli_explain_run },
	{ "set", "ORDER FIELD=VALUE…", "what you know better than the feeds: duewatch set 2341 expected_ship_at=2026-12-10",
	  "Dates of the world (expected_ship_at, agreed_at …) are read in the config's zone, dates of the platform's\n"
	  "record in the zone of the order's feed. A date without a time is that day's last second where it is a limit.",
	  as_options, 2, CLI_ANY, CLI_ORDER, CLI_ASSIGNMENT, CLI_STORE_MUST, cli_set },
	{ "unset", "ORDER FIELD…", "takes back what was set by hand", NULL, no_options, 2, CLI_ANY, CLI_ORDER, CLI_FIELD,
	  CLI_STORE_MUST, cli_unset },
	{ "ack", "ORDER", "\"I'm on it\": quiet until the step after the next, or for a time",
	  "Before the deadline the next step of each open alert is left out for everybody; the last one before the\n"
	  "deadline only once the step before it was reached. After the deadline all steps are, for --for (2d).",
	  ack_options, 1, 1, CLI_ORDER, CLI_NOTHING, CLI_STORE_MUST, cli_ack },
	{ "unack", "ORDER", "takes an ack back", NULL, no_options, 1, 1, CLI_ORDER, CLI_NOTHING, CLI_STORE_MUST, cli_unack },
	{ "close", "ORDER", "\"this one is settled\": silent until its status or promise changes", NULL, close_options, 1, 1,
	  CLI_ORDER, CLI_NOTHING, CLI_STORE_MUST, cli_close_order },
	{ "reopen", "ORDER", "takes a close back", NULL, no_options, 1, 1, CLI_ORDER, CLI_NOTHING, CLI_STORE_MUST,
	  cli_reopen },
	{ "feed", "[NAME]", "health of the feeds; what one gives now, rejects, would change", NULL, feed_options, 0, 1,
	  CLI_FEED, CLI_NOTHING, CLI_STORE, cli_feed },
	{ "outbox", "[retry ID… | drop ID…]", "mails waiting, unsure, failed",
	  "retry ID…: try now, also what has failed. drop ID…: never send it; its steps stay as told.", outbox_options, 0,
	  CLI_ANY, CLI_MAIL_ACT, CLI_MAIL, CLI_STORE, cli_outbox },
	{ "preview", "ORDER", "the mail as it would be now", NULL, preview_options, 1, 1, CLI_ORDER, CLI_NOTHING,
	  CLI_STORE_MUST, cli_preview },
	{ "simulate", "", "the mails that would be sent, when and to whom, if nothing changed; sends nothing",
	  "No feed is read meanwhile, none goes stale, nobody acts; each mail counts as accepted at once. At most 400 days.\n"
	  "The live state is copied and never written. Exit 1: there was too much, and the list ends before --to.",
	  simulate_options, 0, 0, CLI_NOTHING, CLI_NOTHING, 0, cli_simulate },
	{ "test-mail", "PERSON", "one real mail through the real relay; prints what the server says", NULL, test_mail_options, 1, 1,
	  CLI_PERSON, CLI_NOTHING, CLI_PASSWORD, cli_test_mail },
	{ "authorize", "LOGIN", "somebody grants access to a mailbox, for a login by OAuth 2",
	  "LOGIN is mail, fallback-1 for the first relay in mail.fallback, or replies. It prints an address to open in any\n"
	  "browser, and asks for the address the browser is sent to. The tokens go to the state folder, and nowhere else.",
	  authorize_options, 1, 1, CLI_LOGIN, CLI_NOTHING, CLI_CONFIG, cli_authorize },
	{ "backup", "FILE", "a copy of the store to a new file, while the daemon goes on",
	  "FILE must not be there yet. It is checked and synced before this returns, and as private as the store: mode 0600.",
	  no_options, 1, 1, CLI_FILE, CLI_NOTHING, CLI_STORE_MUST, cli_backup },
	{ "doctor", "", "looks at everything duewatch needs: ok, warn or FAIL, and what to do",
	  "Logs in to the relay, but sends nothing and changes nothing. Exit 0: all well; 1: something to look at; 2: wrong.",
	  no_options, 0, 0, CLI_NOTHING, CLI_NOTHING, CLI_BARE, cli_doctor },
	{ .name = NULL },
};

const struct cli_command *cli_command_find(const char *name)
{
	for (const struct cli_command *k = cli_commands; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

const char *cli_option(const struct cli *c, const char *name)
{
	for (int i = 0; c->command->options[i].name; i++)
		if (strcmp(c->command->options[i].name, name) == 0)
			return c->opt[i];
	return NULL;
}

static void complain(const char *fmt, va_list ap) DW_PRINTF(1, 0);
static void complain(const char *fmt, va_list ap)
{
	DW_BUF clean = { 0 };
	char line[1200];

	vsnprintf(line, sizeof(line), fmt, ap);
	cli_clean(&clean, line);
	fflush(stdout);
	fprintf(stderr, "duewatch: %s\n", clean.failed ? "out of memory" : dw_buf_str(&clean));
}

int cli_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	return CLI_FAILED;
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	if (c->command)
		fprintf(stderr, "usage: duewatch %s [OPTION…]%s%s (duewatch %s --help)\n", c->command->name,
			*c->command->args ? " " : "", c->command->args, c->command->name);
	else
		fprintf(stderr, "usage: duewatch [-c FILE] COMMAND … (duewatch --help)\n");
	return CLI_USAGE;
}

/* ---- help ---- */

static void help_options(struct dw_buf *b, const struct cli_option *o)
{
	for (; o->name; o++) {
		char left[40];

		snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
		dw_buf_printf(b, "  %-16s  %s\n", left, o->help);
	}
}

static int help_command(const struct cli_command *k)
{
	DW_BUF b = { 0 };

	dw_buf_printf(&b, "duewatch %s%s%s%s: %s\n", k->name, k->options->name ? " [OPTION…]" : "", *k->args ? " " : "",
		      k->args, k->summary);
	if (k->help)
		dw_buf_printf(&b, "%s\n", k->help);
	dw_buf_puts(&b, "\nOptions\n");
	help_options(&b, k->options);
	help_options(&b, cli_globals);
	if (k->first == CLI_ORDER && k->rest != CLI_NOTHING) {
		dw_buf_puts(&b, "\nFields\n");
		for (int i = DW_F_STATUS; i < DW_FIELD_COUNT; i++)
			dw_buf_printf(&b, "  %-20s %s\n", dw_fields[i].name, dw_fields[i].meaning);
	}
	return cli_print(&b);
}

static int help(void)
{
	DW_BUF b = { 0 };

	dw_buf_puts(&b, "duewatch [-c FILE] COMMAND …: what is at risk, why, and what you know better\n\nCommands\n");
	for (const struct cli_command *k = cli_commands; k->name; k++) {
		char left[48];

		/* cut before what printf would pad wrongly: … is three bytes and one column */
		snprintf(left, sizeof(left), "%s %s", k->name, k->args);
		dw_buf_printf(&b, "  %s%*s  %s\n", left, (int)(cli_width(left) < 30 ? 30 - cli_width(left) : 0), "", k->summary);
	}
	dw_buf_puts(&b, "\nOptions (each command has --help)\n");
	help_options(&b, cli_globals);
	dw_buf_puts(&b, "\nduewatch(1) says more; the config is in duewatch.conf(5), the daemon in duewatchd(8).\n");
	return cli_print(&b);
}

/* ---- the command line ---- */

struct parse {
	struct cli *c;
	int argc, at;
	char **argv;
	bool help, version;
};

/* The value of option `name`: what follows "=", else the next word. */
static const char *value_of(struct parse *p, const char *inside, const char *name)
{
	if (inside)
		return inside;
	if (p->at + 1 < p->argc)
		return p->argv[++p->at];
	cli_usage(p->c, "%s needs a value", name);
	return NULL;
}

static int take_global(struct parse *p, const char *name, const char *inside)
{
	const char *value;

	if (strcmp(name, "help") == 0 && !inside)
		p->help = true;
	else if (strcmp(name, "version") == 0 && !inside)
		p->version = true;
	else if (strcmp(name, "config") == 0 || strcmp(name, "datadir") == 0) {
		value = value_of(p, inside, name);
		if (!value)
			return CLI_USAGE;
		*(name[0] == 'c' ? &p->c->config_path : &p->c->datadir) = value;
	} else
		return -1;
	return 0;
}

static int unknown_option(struct parse *p, const char *name)
{
	const char *names[CLI_OPTIONS_MAX + 4], *near;
	size_t n = 0;

	for (const struct cli_option *o = p->c->command ? p->c->command->options : NULL; o && o->name; o++)
		names[n++] = o->name;
	for (const struct cli_option *o = cli_globals; o->name; o++)
		names[n++] = o->name;
	near = dw_near(name, names, n);
	return cli_usage(p->c, "no option --%s here%s%s%s", name, near ? ", did you mean --" : "", near ? near : "",
			 near ? "?" : "");
}

static int take_long(struct parse *p, const char *word)
{
	char name[32];
	size_t n = strcspn(word, "=");
	const char *inside = word[n] ? word + n + 1 : NULL;
	int r;

	if (n >= sizeof(name))
		return unknown_option(p, word);
	memcpy(name, word, n);
	name[n] = '\0';
	for (int i = 0; p->c->command && p->c->command->options[i].name; i++) {
		const struct cli_option *o = &p->c->command->options[i];

		if (strcmp(o->name, name) != 0)
			continue;
		if (!o->value && inside)
			return cli_usage(p->c, "--%s takes no value", name);
		p->c->opt[i] = o->value ? value_of(p, inside, name) : "";
		return p->c->opt[i] ? 0 : CLI_USAGE;
	}
	r = take_global(p, name, inside);
	return r < 0 ? unknown_option(p, name) : r;
}

static int take_short(struct parse *p, const char *word)
{
	static const struct {
		char letter;
		const char *name;
	} shorts[] = { { 'c', "config" }, { 'D', "datadir" }, { 'h', "help" }, { 'V', "version" } };

	for (size_t i = 0; i < DW_COUNT(shorts); i++)
		if (word[0] == shorts[i].letter && (word[1] == '\0' || i < 2))
			return take_global(p, shorts[i].name, word[1] ? word + 1 : NULL);
	return cli_usage(p->c, "no option -%s here", word);
}

static int take_command(struct parse *p, const char *word)
{
	const char *names[32], *near;
	size_t n = 0;

	p->c->command = cli_command_find(word);
	if (p->c->command)
		return 0;
	for (const struct cli_command *k = cli_commands; k->name && n < DW_COUNT(names); k++)
		names[n++] = k->name;
	near = dw_near(word, names, n);
	return cli_usage(p->c, "no command \"%s\"%s%s%s", word, near ? ", did you mean " : "", near ? near : "",
			 near ? "?" : "");
}

static int parse(struct parse *p)
{
	bool only_arguments = false;
	int r = 0;

	for (p->at = 1; r == 0 && p->at < p->argc; p->at++) {
		char *word = p->argv[p->at];

		if (!only_arguments && strcmp(word, "--") == 0)
			only_arguments = true;
		else if (!only_arguments && word[0] == '-' && word[1] == '-')
			r = take_long(p, word + 2);
		else if (!only_arguments && word[0] == '-' && word[1])
			r = take_short(p, word + 1);
		else if (!p->c->command)
			r = take_command(p, word);
		else
			p->c->arg[p->c->n_arg++] = word;
	}
	return r;
}

static int check_arguments(struct cli *c)
{
	if (c->n_arg < c->command->min)
		return cli_usage(c, "%s: something is missing: %s", c->command->name, c->command->args);
	if (c->n_arg > c->command->max)
		return cli_usage(c, "%s: \"%s\" is too much", c->command->name, c->arg[c->command->max]);
	return 0;
}

static int run(struct cli *c, int argc, char **argv)
{
	struct parse p = { .c = c, .argc = argc, .argv = argv };
	int r = parse(&p);

	if (r)
		return r;
	if (p.version)
		return puts("duewatch " DW_VERSION) < 0 || fflush(stdout) != 0 ? CLI_FAILED : CLI_OK;
	if (p.help)
		return c->command ? help_command(c->command) : help();
	if (!c->command)
		return cli_usage(c, "a command is missing");
	r = check_arguments(c);
	if (r == 0)
		r = cli_open(c, false);
	if (r && cli_option(c, "check"))
		return 2; /* for monitoring: what can't be looked at is broken */
	return r ? r : c->command->run(c);
}

/* Who is at the keyboard: sudo says whom it stands for. NULL: no memory to look. */
static const char *login(void)
{
	const char *sudo = getuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *pw;

	errno = 0;
	pw = dw_empty(sudo) ? getpwuid(getuid()) : NULL;
	if (errno == ENOMEM)
		return NULL;
	return !dw_empty(sudo) ? sudo : pw ? pw->pw_name : "somebody";
}

int main(int argc, char **argv)
{
	DW_FREE char **args = dw_calloc((size_t)argc + 1, sizeof(*args));
	DW_FREE char *who = dw_strdup(login());
	struct cli c = { .config_path = DW_SYSCONFDIR "/duewatch.conf", .arg = args, .login = who, .reader = -1 };
	int r;

	if (!args || !who)
		return cli_error("out of memory");
	dw_environment_trim();
	json_set_alloc_funcs(dw_malloc, free); /* what it drops for lack of memory is a shortage, too */
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	if (argc > 1 && strcmp(argv[1], "--complete") == 0)
		return cli_complete(argc - 2, argv + 2, who);
	r = run(&c, argc, argv);
	if (dw_shortages() > 0) /* whatever it made of that */
		r = cli_error("out of memory");
	cli_close(&c);
	return r;
}
