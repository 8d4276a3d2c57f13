/* duewatch --complete WORD…: what may stand in the place of the last word, one candidate a line, for the shell. Says
 * nothing where it can't know (no config, no store), and never more than a few hundred lines. */
#include "cli.h"

#include <stdio.h>

enum { CANDIDATES_MAX = 200 };

struct typed {
	struct cli c;
	const char *last;
	const struct cli_option *waiting; /* an option before it that needs a value */
	bool opened;
	int n_order; /* printed */
	int64_t order;
};

static void candidate(const char *text)
{
	DW_BUF clean = { 0 };

	cli_clean(&clean, text);
	/* it stands on the command line as it is: nothing that means something to the shell, nor reads as an option */
	if (clean.n && *clean.p != '-' && !strpbrk(clean.p, " '\"\\$`;&|<>()*?[]{}#~!"))
		printf("%s\n", clean.p);
}

static void option_candidates(const struct cli_option *o)
{
	for (; o->name; o++)
		printf("--%s\n", o->name);
}

/* Config and store, quietly; false: there is none. */
static bool opened(struct typed *t)
{
	static const struct cli_command quiet = { .name = "--complete", .needs = CLI_STORE };
	const struct cli_command *k = t->c.command;
	bool ok;

	if (t->opened)
		return true;
	t->c.command = &quiet;
	ok = cli_open(&t->c, true) == 0;
	t->c.command = k;
	t->opened = ok;
	return ok;
}

static void people(struct typed *t)
{
	for (size_t i = 0; opened(t) && i < t->c.config->people.n && i < CANDIDATES_MAX; i++)
		candidate(t->c.config->people.p[i].name);
}

static void feeds(struct typed *t)
{
	for (size_t i = 0; opened(t) && i < t->c.config->n_feeds; i++)
		candidate(t->c.config->feeds[i].name);
}

/* ---- orders: those at risk while nothing is typed, else those that begin like it ---- */

static int on_alert(void *ctx, int64_t order, const struct dw_alert *a DW_UNUSED)
{
	struct typed *t = ctx;
	struct dw_order_row row = { 0 };

	if (order == t->order)
		return 0;
	t->order = order;
	if (dw_store_order_get(t->c.store, order, &row, NULL) == 0)
		candidate(row.order_id);
	dw_order_row_fini(&row);
	return ++t->n_order >= CANDIDATES_MAX;
}

static void orders(struct typed *t)
{
	char *near[50];
	int n;

	if (!opened(t) || !t->c.store)
		return;
	if (!*t->last) {
		t->order = -1;
		dw_store_alert_each(t->c.store, on_alert, t, NULL);
		return;
	}
	n = dw_store_order_near(t->c.store, t->last, near, (int)DW_COUNT(near), NULL);
	for (int i = 0; i < n; i++) {
		candidate(near[i]);
		free(near[i]);
	}
}

static int on_mail(void *ctx, const struct dw_mail_row *m)
{
	int *n = ctx;

	if (m->state == DW_MAIL_QUEUED || m->state == DW_MAIL_UNSURE || m->state == DW_MAIL_FAILED) {
		printf("%lld\n", (long long)m->id);
		(*n)++;
	}
	return *n >= CANDIDATES_MAX;
}

static void mails(struct typed *t)
{
	int n = 0;

	if (opened(t) && t->c.store)
		dw_store_mail_each(t->c.store, -1, on_mail, &n, NULL);
}

/* ---- fields ---- */

static void words(const char *field, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%s=%s\n", field, list[i]);
}

static void values(struct typed *t, int field)
{
	const char *name = dw_fields[field].name;

	switch (dw_fields[field].kind) {
	case DW_K_STATUS:
		words(name, dw_status_words, DW_STATUS_COUNT);
		break;
	case DW_K_EXTENSION:
		words(name, dw_extension_words, DW_EXT_COUNT);
		break;
	case DW_K_TRANSPORT:
		words(name, dw_transport_words, DW_BY_COUNT);
		break;
	case DW_K_TEXT:
		for (size_t i = 0; field == DW_F_OWNER && opened(t) && i < t->c.config->people.n; i++)
			printf("%s=%s\n", name, t->c.config->people.p[i].name);
		break;
	case DW_K_INSTANT:
	case DW_K_COUNT:
	case DW_K_AMOUNT:
		break;
	}
}

static void fields(struct typed *t, bool assign)
{
	const char *eq = assign ? strchr(t->last, '=') : NULL;
	char name[48];
	int field;

	if (eq) {
		snprintf(name, sizeof(name), "%.*s", (int)(eq - t->last < 47 ? eq - t->last : 47), t->last);
		field = dw_field_find(name);
		if (field >= 0)
			values(t, field);
		return;
	}
	for (int i = DW_F_STATUS; i < DW_FIELD_COUNT; i++)
		printf("%s%s\n", dw_fields[i].name, assign ? "=" : "");
}

static void logins(struct typed *t)
{
	struct dw_oauth_place at;

	for (size_t i = 0; opened(t) && dw_config_oauth(t->c.config, i, &at); i++)
		puts(at.name);
}

static void candidates(struct typed *t, enum cli_what what)
{
	switch (what) {
	case CLI_ORDER:
		orders(t);
		break;
	case CLI_ASSIGNMENT:
	case CLI_FIELD:
		fields(t, what == CLI_ASSIGNMENT);
		break;
	case CLI_PERSON:
		people(t);
		break;
	case CLI_FEED:
		feeds(t);
		break;
	case CLI_MAIL:
		mails(t);
		break;
	case CLI_MAIL_ACT:
		puts("retry\ndrop");
		break;
	case CLI_LOGIN:
		logins(t);
		break;
	case CLI_LANGUAGE:
		for (size_t i = 0; dw_mail_language(i); i++)
			puts(dw_mail_language(i));
		break;
	case CLI_FILE: /* the shell knows them */
	case CLI_NOTHING:
		break;
	}
}

/* ---- what was typed before ---- */

static const struct cli_option *find_option(const struct cli_option *o, const char *name)
{
	for (; o && o->name; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

static void take_value(struct typed *t, const char *word)
{
	if (strcmp(t->waiting->name, "config") == 0)
		t->c.config_path = word;
	else if (strcmp(t->waiting->name, "datadir") == 0)
		t->c.datadir = word;
	t->waiting = NULL;
}

static void take_word(struct typed *t, char *word)
{
	const struct cli_option *o = NULL;

	if (t->waiting) {
		take_value(t, word);
		return;
	}
	if (strcmp(word, "-c") == 0 || strcmp(word, "-D") == 0)
		o = find_option(cli_globals, word[1] == 'c' ? "config" : "datadir");
	else if (strncmp(word, "--", 2) == 0) {
		o = t->c.command ? find_option(t->c.command->options, word + 2) : NULL;
		o = o ? o : find_option(cli_globals, word + 2);
	} else if (word[0] != '-' && !t->c.command)
		t->c.command = cli_command_find(word);
	else if (word[0] != '-')
		t->c.n_arg++;
	t->waiting = o && o->value ? o : NULL;
}

static void answer(struct typed *t)
{
	const struct cli_command *k = t->c.command;

	if (t->waiting)
		candidates(t, t->waiting->complete);
	else if (t->last[0] == '-') {
		if (k)
			option_candidates(k->options);
		option_candidates(cli_globals);
	} else if (!k) {
		for (k = cli_commands; k->name; k++)
			puts(k->name);
	} else if (t->c.n_arg < k->max)
		candidates(t, t->c.n_arg == 0 ? k->first : k->rest);
}

int cli_complete(int n, char **word, const char *login)
{
	struct typed t = { .c = { .config_path = DW_SYSCONFDIR "/duewatch.conf", .login = login, .reader = -1 } };

	t.last = n > 0 ? word[n - 1] : "";
	for (int i = 0; i + 1 < n; i++)
		take_word(&t, word[i]);
	answer(&t);
	cli_close(&t.c);
	return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}
