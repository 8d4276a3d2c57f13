/* duewatch, the person's tool: what its files share. Private to cli/.
 *
 * A command is a row of the table in main.c; its function gets a struct cli in which everything it asked for is open.
 * What a feed, a server or a person wrote goes to the terminal through cli_clean only (tables do it by themselves). */
#ifndef DUEWATCH_CLI_H
#define DUEWATCH_CLI_H

#include "duewatch/daemon.h"
#include "duewatch/relays.h"

#include <jansson.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };
enum { CLI_OPTIONS_MAX = 8, CLI_ANY = 1000 };

/* What may stand somewhere on the command line, for completion. */
enum cli_what { CLI_NOTHING, CLI_ORDER, CLI_ASSIGNMENT, CLI_FIELD, CLI_PERSON, CLI_FEED, CLI_MAIL, CLI_MAIL_ACT, CLI_FILE, CLI_LOGIN, CLI_LANGUAGE };

struct cli_option {
	const char *name;  /* without the dashes; NULL ends a list */
	const char *value; /* what to call its value in help; NULL: it has none */
	const char *help;
	enum cli_what complete;
};

enum cli_needs {
	CLI_STORE = 1 << 0,	 /* opened if there is one, with the engine over it */
	CLI_STORE_MUST = 1 << 1, /* … and its absence is an error */
	CLI_PASSWORD = 1 << 2,	 /* the relays', read before root's rights go */
	CLI_BARE = 1 << 3,	 /* not even the config is read for it */
	CLI_CONFIG = 1 << 4,	 /* it is, and root's rights stay: the command itself lets them go */
};

struct cli;

struct cli_command {
	const char *name, *args; /* "ack", "ORDER" */
	const char *summary;	 /* one line */
	const char *help;	 /* more, may be NULL */
	const struct cli_option *options;
	int min, max;		 /* how many arguments */
	enum cli_what first, rest;
	unsigned needs;
	int (*run)(struct cli *c); /* an exit code */
};

extern const struct cli_command cli_commands[]; /* the last has no name */
extern const struct cli_option cli_globals[];
const struct cli_command *cli_command_find(const char *name);

struct cli {
	const struct cli_command *command;
	const char *config_path, *datadir;
	char **arg;
	int n_arg;
	const char *opt[CLI_OPTIONS_MAX]; /* by place in the command's options; "" for one without a value */
	const char *login;		  /* who started us: $SUDO_USER under sudo */
	struct dw_config *config;
	struct dw_store *store; /* NULL: there is none yet */
	struct dw_engine *engine; /* only with a store */
	struct dw_relays *relays; /* with CLI_PASSWORD */
	struct dw_mailbox_conf *mailbox; /* doctor's */
	dw_time now;
	int reader;		     /* the person who is reading, or -1 */
	const struct dw_zone *zone;  /* theirs, else the config's */
	bool colour;
};

/* The value of an option, "" where it has none, NULL: not given. */
const char *cli_option(const struct cli *c, const char *name);

/* "duewatch: …" on stderr, one clean line. Returns CLI_FAILED, CLI_USAGE. */
int cli_error(const char *fmt, ...) DW_PRINTF(1, 2);
int cli_usage(const struct cli *c, const char *fmt, ...) DW_PRINTF(2, 3);

/* ---- context.c: config, store, orders, people ---- */

/* Config, rights, store and engine, as the command needs them. 0, or an exit code after saying why. quiet: for
 * completion, says nothing. */
int cli_open(struct cli *c, bool quiet);
void cli_close(struct cli *c);
int cli_load_config(struct cli *c, struct dw_problems *problems, bool quiet);
/* ORDER: `order_id`, or `feed/order_id` where two feeds share the number. 0 and its row's id; CLI_FAILED after saying
 * what is near. */
int cli_order(struct cli *c, const char *text, int64_t *id);
/* A person by name, alias or address; CLI_FAILED after saying who there is. */
int cli_person(struct cli *c, const char *text, int *person);
int cli_field(const char *text, enum dw_field *x); /* likewise */
/* --as, else whoever started us: a person's index, or -1 where that is nobody of the config; -2 after an error. */
int cli_whoami(struct cli *c);
/* A running daemon looks at the store within 2 s. */
void cli_wake(const struct cli *c);
/* "shop/2341…" */
void cli_order_name(struct dw_buf *b, const struct dw_case *k);

/* ---- relays.c ---- */

struct cli_relay {
	char *name;
	struct dw_relay_health health;
};
struct cli_relays {
	struct cli_relay relay[DW_RELAYS_MAX];
	size_t n, ill;
};
int cli_relays_load(const struct cli *c, struct cli_relays *out, struct dw_err *err); /* *out zeroed before */
void cli_relays_fini(struct cli_relays *r);
json_t *cli_relays_json(const struct cli_relays *r);
void cli_relays_print(const struct cli *c, const struct cli_relays *r, struct dw_buf *out);

/* ---- refused.c ---- */

struct cli_refused {
	int64_t mails; /* that wait because the relay itself refuses them */
	dw_time at;    /* the last time */
	char *words;   /* and what it said: raw; NULL without mails; owned */
};
int cli_refused(const struct cli *c, struct cli_refused *out, struct dw_err *err); /* *out zeroed before */
void cli_refused_fini(struct cli_refused *r);

/* ---- replies.c: the mailbox for answers, and addresses from which mails come back; each an exit code ---- */
int cli_replies_json(struct cli *c, json_t *root);
int cli_replies_text(struct cli *c, struct dw_buf *out);
int cli_replies_judge(struct cli *c, char error[256], size_t *dead); /* error "": it can be read */

/* ---- format.c: tables, times, colours ---- */

enum cli_style { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_RED, CLI_YELLOW, CLI_GREEN };

/* Adds s without escape sequences, control characters, what turns or hides text; bytes that aren't UTF-8 become '?'.
 * Line ends become blanks. */
void cli_clean(struct dw_buf *b, const char *s);
size_t cli_width(const char *s); /* columns on a terminal: CJK counts two */
void cli_clip(struct dw_buf *b, const char *s, size_t width); /* cleaned, and cut with "…" */
void cli_styled(struct dw_buf *b, const struct cli *c, enum cli_style style, const char *text);

void cli_time(struct dw_buf *b, dw_time t, const struct dw_zone *z, dw_time now); /* "Fri 27 Nov 15:59" */
void cli_time_full(struct dw_buf *b, dw_time t, const struct dw_zone *z); /* "Thu 26 Nov 2026 23:59:59 PST" */
/* The reader's time, and beside it the platform's where its clock shows another one. */
void cli_time_both(struct dw_buf *b, const struct cli *c, dw_time t, const struct dw_zone *platform);
void cli_span(struct dw_buf *b, int64_t seconds); /* "4d 15h"; the sign is dropped */
void cli_amount(struct dw_buf *b, const struct dw_facts *f); /* "USD 12,400.00", "" if unknown */

enum { CLI_COLUMNS_MAX = 10 };
struct cli_table {
	size_t columns, n, cap;
	struct cli_cell {
		char *text;
		enum cli_style style;
	} *cell;
	bool failed;
};
void cli_cell(struct cli_table *t, enum cli_style style, const char *fmt, ...) DW_PRINTF(3, 4);
void cli_table_print(struct cli_table *t, const struct cli *c, struct dw_buf *out, int indent); /* and empties it */

/* ---- JSON ---- */
json_t *cli_json_time(dw_time t);	/* RFC 3339 UTC; null for unknown and never */
json_t *cli_json_text(const char *s);	/* null for NULL; always valid UTF-8 */
int cli_json_print(json_t *root);	/* takes it; an exit code */
int cli_print(struct dw_buf *b);	/* to stdout; an exit code */

/* ---- cases: one order after the other ---- */
/* Next step of a side that will really be sent (what an ack covers is passed over). *step: its index in the kind's
 * ladder. DW_NEVER: none. */
dw_time cli_next_step(const struct cli *c, const struct dw_case *k, enum dw_side side, int *step);
/* What is wrong with calendar i of the config, in one line; false: nothing. calendars.c */
bool cli_calendar_trouble(const struct cli *c, size_t i, struct dw_buf *out);
const struct dw_alert *cli_alert(const struct dw_case *k, enum dw_side side); /* the stored row, or NULL */

/* ---- explain's parts: each adds to a JSON object, which is also what the text is made from ---- */
struct cli_explain {
	struct cli *c;
	struct dw_case k;
	const struct dw_zone *platform; /* the pack's zone */
	json_t *root;
	bool failed; /* memory is out */
};
void cli_put(struct cli_explain *x, json_t *object, const char *key, json_t *value); /* takes value */
void cli_push(struct cli_explain *x, json_t *array, json_t *value);
void cli_explain_facts(struct cli_explain *x);
void cli_explain_dates(struct cli_explain *x);
void cli_explain_rules(struct cli_explain *x);
void cli_explain_steps(struct cli_explain *x);

/* ---- the commands ---- */
int cli_check(struct cli *c);
int cli_status(struct cli *c);
int cli_explain_run(struct cli *c);
int cli_set(struct cli *c);
int cli_unset(struct cli *c);
int cli_ack(struct cli *c);
int cli_unack(struct cli *c);
int cli_close_order(struct cli *c);
int cli_reopen(struct cli *c);
int cli_feed(struct cli *c);
int cli_outbox(struct cli *c);
int cli_preview(struct cli *c);
int cli_simulate(struct cli *c);
int cli_test_mail(struct cli *c);
int cli_authorize(struct cli *c);
int cli_backup(struct cli *c);
int cli_doctor(struct cli *c);
int cli_complete(int n, char **word, const char *login);

#endif
