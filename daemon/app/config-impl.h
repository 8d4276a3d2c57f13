/* Inside of app/config*.c: how the files become text, the text libconfig's tree, and the tree struct dw_config. Only
 * these files know libconfig. */
#ifndef DUEWATCH_APP_CONFIG_IMPL_H
#define DUEWATCH_APP_CONFIG_IMPL_H

#include <libconfig.h>

#include "duewatch/config.h"
#include "duewatch/zone-load.h"

/* config-text.c: a config file with its @includes as one text, and where each of its lines came from. */
struct conf_line {
	uint32_t file; /* index into dw_config.watched */
	uint32_t line; /* 1-based */
};
struct conf_text {
	struct dw_buf text; /* valid UTF-8, LF only, no NUL, no @include left */
	struct conf_line *map;
	size_t n_map, cap_map;
	uint32_t own; /* the outermost file */
};

/* One parsed file. libconfig's settings point at `tree`, so conf_of() gets from any setting to its file. */
struct conf_file {
	config_t tree; /* first: see conf_of */
	struct conf_text text;
};

struct conf_layer { /* what one file or `packs` entry says of a pack, in the order in which they apply */
	char *name;
	config_setting_t *group;
};

/* Files as they were, instead of those on the disk (config-live.c). */
struct conf_live {
	char **path, **text;
	size_t n;
};

/* The whole of one reading: dropped when dw_config_load returns, but for `c`. */
struct conf_read {
	struct dw_config *c;
	struct dw_problems *problems;
	char *dir; /* the config file's folder: relative paths start there */
	struct conf_file **file;
	size_t n_file, cap_file;
	struct conf_layer *layer;
	size_t n_layer, cap_layer;
	size_t cap_watched, cap_source, cap_zones;
	size_t n_include; /* of all files read */
	char *pack_state;	   /* per pack: 0 new, 1 being resolved, 2 done */
	int daily_minute;	   /* the config's own, for people without one */
	int mails_per_day;	   /* likewise */
	const struct conf_live *live; /* NULL: the disk */
	bool oom;
	int fault; /* of a file that was no use for a reason that passes (conf_fault); 0: none */
};

enum { CONF_FILE_MAX = 1 << 20, CONF_DEPTH_MAX = 8, CONF_FILES_MAX = 256 };

/* Adds path to c->watched. Its index, or -1 when memory is out (rd->oom). */
int conf_watch(struct conf_read *rd, const char *path);
/* What went wrong with a file, as a negated errno: kept if it may be over at the next try, so that a start then fails
 * with 1 (systemd starts us again) and not with 2. */
void conf_fault(struct conf_read *rd, int r);
/* 0, or -EINVAL when the file can't be used as text at all; what is wrong is in rd->problems. */
int conf_text_read(struct conf_read *rd, struct conf_text *out, const char *path);
void conf_text_fini(struct conf_text *t);
void conf_say_at(struct conf_read *rd, const struct conf_text *t, int flat_line, bool warning, const char *fmt, ...)
	DW_PRINTF(5, 6);

/* config-token.c: the words of the text. */
enum conf_token_type {
	TOK_NAME,
	TOK_STRING,
	TOK_NUMBER, /* integer, 31 bits or with L, or a float */
	TOK_BOOL,
	TOK_PUNCT,  /* one of { } ( ) [ ] = , ; as `c` */
	TOK_BARE,   /* anything else: an unquoted value, a name that starts with a digit */
	TOK_END
};
struct conf_token {
	enum conf_token_type type;
	char c;
	uint32_t start, end; /* in the text */
	uint32_t line;	     /* flat, 1-based */
	char *instead;	     /* NULL, or what should stand there; owned */
};
struct conf_tokens {
	struct conf_token *t;
	size_t n, cap;
};
/* Lexical mistakes go to `syntax` (libconfig stumbles there too) or `always` (it doesn't). 0 or -ENOMEM. */
int conf_tokens_read(struct conf_tokens *out, struct conf_read *rd, const struct conf_text *text,
		     struct dw_problems *syntax, struct dw_problems *always);
void conf_tokens_fini(struct conf_tokens *t);
/* As conf_say_at, into another list. */
void conf_note(struct conf_read *rd, struct dw_problems *to, const struct conf_text *t, uint32_t line, const char *fmt,
	       ...) DW_PRINTF(5, 6);

/* config-syntax.c: what is wrong with the grammar, in words. */
struct conf_syntax {
	struct dw_buf mended; /* the text as it was probably meant, line by line the same */
	bool hopeless;	      /* mended isn't worth parsing */
	uint32_t *line;	      /* flat line of each setting, in document order: libconfig's own are late by its lookahead */
	size_t n_line, cap_line;
};
int conf_syntax_check(struct conf_syntax *out, struct conf_read *rd, const struct conf_text *text,
		      struct dw_problems *syntax, struct dw_problems *always);
void conf_syntax_fini(struct conf_syntax *s);

/* config-parse.c: a file read, explained and parsed. Owned by rd; NULL: unusable, problems say why. */
struct conf_file *conf_parse(struct conf_read *rd, const char *path);
void conf_files_fini(struct conf_read *rd);
static inline const struct conf_file *conf_of(const config_setting_t *s)
{
	return (const struct conf_file *)(const void *)s->config;
}

/* config-key.c: tables of keys. */
struct conf_key;
typedef void conf_take(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at);
struct conf_key {
	struct dw_config_key doc;
	conf_take *take; /* NULL: read elsewhere */
	size_t at;	 /* offset into the struct the group fills */
	int64_t min, max;
	const char *const *words; /* take_word: NULL-terminated */
	bool required;
};
struct conf_section {
	const struct conf_key *key;
	size_t n;
};
extern const struct conf_section conf_root_section, conf_mail_section, conf_fallback_section, conf_oauth_section, conf_replies_section,
	conf_person_section, conf_feed_section,
	conf_ladder_section, conf_pack_section;

/* Problems at a setting, or at the name of one that is missing in it: "mail.rate: …". */
void conf_say(struct conf_read *rd, const config_setting_t *s, const char *fmt, ...) DW_PRINTF(3, 4);
void conf_warn(struct conf_read *rd, const config_setting_t *s, const char *fmt, ...) DW_PRINTF(3, 4);
void conf_say_missing(struct conf_read *rd, const config_setting_t *group, const struct conf_key *k);
void conf_say_missing_name(struct conf_read *rd, const config_setting_t *group, const char *name, const char *fmt, ...)
	DW_PRINTF(4, 5);

/* Reads the members of a group by its table: unknown keys with a near match, missing ones, and each value. `extra`
 * (may be NULL) is asked about members the table doesn't have; true: it took them. */
typedef bool conf_extra(struct conf_read *rd, const config_setting_t *s, void *into);
void conf_group(struct conf_read *rd, const config_setting_t *group, const struct conf_section *section, void *into,
		conf_extra *extra);

/* Values. Each says what is wrong by itself; false or NULL then. Borrowed texts live as long as the tree. */
const char *conf_text_of(struct conf_read *rd, const config_setting_t *s); /* one line, not empty, at most 1000 bytes */
bool conf_int_of(struct conf_read *rd, const config_setting_t *s, int64_t min, int64_t max, int64_t *out);
bool conf_duration_of(struct conf_read *rd, const config_setting_t *s, int64_t min, int64_t max, int64_t *out);
bool conf_daily_of(struct conf_read *rd, const config_setting_t *s, int *minute);
bool conf_list_of(struct conf_read *rd, const config_setting_t *s, const char *what); /* ( … ) or [ … ] */
/* A group within a list: false with a problem when it is something else. */
bool conf_is_group(struct conf_read *rd, const config_setting_t *s, const char *what);
const struct dw_zone *conf_zone_of(struct conf_read *rd, const config_setting_t *s);
struct dw_place conf_place(struct conf_read *rd, const config_setting_t *s);
char *conf_dup(struct conf_read *rd, const char *s);
char *conf_path(struct conf_read *rd, const char *s); /* absolute; owned */
/* Warns of a path the service can't reach: its unit hides homes and has a /tmp of its own. */
void conf_warn_reach(struct conf_read *rd, const config_setting_t *s, const char *path);
/* "did you mean 'x'?" and the list, for names that are not among words. */
void conf_say_unknown(struct conf_read *rd, const config_setting_t *s, const char *what, const char *got,
		      const char *const *words, size_t n);
/* One element more at the end of an owned array that grows by one; NULL: rd->oom. Zeroed. */
void *conf_push(struct conf_read *rd, void *array, size_t *n, size_t each);

conf_take conf_take_text, conf_take_int, conf_take_days, conf_take_duration, conf_take_bool, conf_take_word, conf_take_zone,
	conf_take_path, conf_take_language;

/* config-people.c */
conf_take conf_take_people, conf_take_person, conf_take_person_name, conf_take_email, conf_take_aliases, conf_take_daily,
	conf_take_operators, conf_take_working_days;
void conf_people_defaults(struct conf_read *rd, const config_setting_t *root);
int conf_person_of(struct conf_read *rd, const config_setting_t *s); /* index, or -1 with a problem */

/* config-mail.c */
conf_take conf_take_mail, conf_take_fallback, conf_take_transport, conf_take_from, conf_take_password_file, conf_take_ca_file,
	conf_take_rate;
void conf_mail_fini(struct dw_mail_conf *m);
/* Where a secret's file is: see there. */
void conf_secret_path(struct conf_read *rd, const config_setting_t *s, char **out);

/* config-oauth.c: conf_take_oauth fills a struct dw_oauth_conf *, whatever section it stands in. */
conf_take conf_take_oauth, conf_take_provider, conf_take_oauth_url, conf_take_tenant, conf_take_client_secret_file,
	conf_take_refresh_token_file, conf_take_oauth_ca_file;
void conf_oauth_free(struct dw_oauth_conf *o); /* NULL is fine */

/* host[:port], or [v6][:port]; says what is wrong, or NULL. *port_at: where ":port" begins, or NULL. */
const char *conf_check_host(const char *h, const char **port_at);
bool conf_is_local(const char *url); /* loopback */

/* config-replies.c */
conf_take conf_take_replies, conf_take_mailbox, conf_take_replies_password, conf_take_replies_ca, conf_take_replies_address,
	conf_take_authserv;

/* config-watcher.c */
conf_take conf_take_metrics_file, conf_take_heartbeat_url, conf_take_heartbeat_ca_file;

/* config-ladder.c */
conf_take conf_take_ladders, conf_take_transit_days;

/* config-pack.c */
void conf_packs_read(struct conf_read *rd, const config_setting_t *root);
const struct dw_pack *conf_pack_of(struct conf_read *rd, const config_setting_t *s); /* by name; NULL with a problem */
const struct dw_pack *conf_pack_find(const struct dw_config *c, const char *name);
conf_take conf_take_holidays, conf_take_auto_confirm, conf_take_pack_columns, conf_take_pack_status,
	conf_take_pack_zone, conf_take_pack_text;
bool conf_pack_text(struct conf_read *rd, const config_setting_t *s, void *pack);

/* config-map.c: columns and status words, of packs and feeds alike; those read go before those already there. */
void conf_columns(struct conf_read *rd, const config_setting_t *s, struct dw_column **p, size_t *n);
void conf_status(struct conf_read *rd, const config_setting_t *s, struct dw_status_word **p, size_t *n);
int conf_columns_copy(struct conf_read *rd, struct dw_column **to, size_t *n, const struct dw_column *from, size_t n_from);
int conf_status_copy(struct conf_read *rd, struct dw_status_word **to, size_t *n, const struct dw_status_word *from,
		     size_t n_from);

/* config-feed.c */
void conf_feeds_read(struct conf_read *rd, const config_setting_t *root);
conf_take conf_take_feed_name, conf_take_feed_type, conf_take_feed_path, conf_take_feed_columns, conf_take_feed_status,
	conf_take_encoding, conf_take_delimiter, conf_take_platform;

/* config-calendar.c */
conf_take conf_take_hours, conf_take_calendar, conf_take_own_calendar, conf_take_calendar_ca_file;
void conf_calendars_load(struct conf_read *rd); /* after everything else: reads them */
int conf_days_off(struct dw_config *c, struct dw_err *err); /* people's days off out of lists and calendars */

/* config-print.c */
void conf_prints(struct dw_config *c);
uint64_t conf_rules(const struct dw_config *c);

/* config-read.c: dw_config_load from there. */
int conf_load(struct dw_config **out, const char *path, const char *datadir, const struct conf_live *live,
	      struct dw_problems *problems, struct dw_err *err);

/* config-secret.c: dw_secret_load, whose error doesn't name the file. */
int conf_secret_read(char **out, const char *path, const char *state, struct dw_err *err);

#endif
