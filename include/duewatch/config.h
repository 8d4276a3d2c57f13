/* The configuration, read whole: plain data, no libconfig in it. A reload builds a new one, then swaps. */
#ifndef DUEWATCH_CONFIG_H
#define DUEWATCH_CONFIG_H

#include "duewatch/days-off.h"
#include "duewatch/ladder.h"
#include "duewatch/pack.h"

enum dw_absent { DW_ABSENT_KEEP, DW_ABSENT_CLOSE };

/* Where a key stands. file is borrowed from dw_config.watched; NULL: the key isn't set. */
struct dw_place {
	const char *file;
	int line;
};

struct dw_feed_conf {
	char *name;
	char *type;	/* "csv", "xlsx" */
	char *path;	/* absolute */
	bool all_files; /* files = "all" */
	char *platform; /* pack name; NULL for an overlay without one */
	const struct dw_pack *pack;	/* borrowed from dw_config.packs; `generic` where the feed names none */
	const struct dw_zone *zone;	/* of local times */
	const struct dw_zone *other;	/* the second zone whose earlier instant counts (rules.md §2), or NULL */
	int64_t every;			/* seconds */
	int64_t stale_after;		/* seconds; the default is filled in */
	enum dw_absent absent;
	bool overlay;
	char **of; /* main feeds an overlay attaches to; n_of 0: all */
	size_t n_of;
	char *encoding, *sheet; /* NULL: detect, first */
	char delimiter;
	struct dw_facts defaults;
	struct dw_column *columns; /* the feed's own; the pack's come after */
	size_t n_columns;
	struct dw_status_word *status; /* the feed's own, then the pack's; theirs owned */
	size_t n_status;
	uint64_t print; /* fingerprint of all that changes how rows are read */
	struct dw_place at; /* of its path */
};

enum dw_oauth_mechanism { DW_OAUTH_ANY, DW_OAUTH_XOAUTH2, DW_OAUTH_OAUTHBEARER };

/* An OAuth 2 client (oauth.h): of a relay, a mailbox, a feed. A provider's addresses are filled in. */
struct dw_oauth_conf {
	char *provider;		  /* "google", "microsoft", "none" */
	char *client_id;
	char *client_secret_file; /* resolved; NULL: a public client */
	char *refresh_token_file; /* resolved; NULL: what duewatch authorize stored */
	char *token_url;
	char *authorize_url, *device_url; /* NULL: none */
	char *scope;			  /* NULL: the provider's for the use at hand */
	char *tenant;			  /* of Microsoft's addresses */
	char *ca_file;			  /* for the token server; NULL: the system's */
	int mechanism;			  /* enum dw_oauth_mechanism */
	struct dw_place at, at_secret, at_refresh, at_ca;
};

/* How mails leave: the first relay, and in `fallback` those for when it is ill, in order. A fallback is one of these
 * without a sender of its own and without further fallbacks. */
struct dw_mail_conf {
	char *transport; /* url */
	bool starttls_off;
	char *from_name, *from_address; /* NULL in a fallback: all relays send for the same sender */
	char *username;	      /* NULL: no AUTH */
	char *password_file;  /* resolved path, NULL: none; the secret itself is never in here */
	struct dw_oauth_conf *oauth; /* instead of a password; NULL: none */
	char *ca_file;
	int rate_n; /* at most rate_n mails in rate_s seconds; 0: no limit */
	int64_t rate_s;
	int connections; /* 4 */
	struct dw_mail_conf *fallback;
	size_t n_fallback; /* DW_RELAYS_MAX - 1 at most */
	struct dw_place at_transport, at_password, at_ca;
};

enum { DW_RELAYS_MAX = 8 };

/* Where answers to our mails arrive; without an address nothing is read (duewatch.conf(5), REPLIES). */
struct dw_replies_conf {
	char *address;	    /* bare; what replies go to and bounces come back to. NULL: no section */
	int64_t token_days; /* how long a mail's links and its thread can be used */
	char *url;	    /* imaps://host:port, imap://host:port; no folder in it */
	char *folder;	    /* "INBOX"; printable ASCII without quote and backslash */
	bool starttls_off;
	char *username;
	char *password_file; /* resolved path; the secret itself is never in here */
	struct dw_oauth_conf *oauth; /* instead of a password; NULL: none */
	char *ca_file;
	int64_t every;	    /* seconds */
	char *authserv;	    /* whose Authentication-Results count; NULL: nobody's */
	bool bounces;	    /* every mail has an envelope sender of its own */
	struct dw_place at_mailbox, at_password, at_ca;
};

/* A calendar of days off: a file, or an https address whose last good copy counts. */
struct dw_calendar_conf {
	char *path; /* absolute; or NULL and */
	char *url;  /* a secret */
	int person; /* whose, by index; -1: everybody's */
	struct dw_place at;
	struct dw_days_off found;
	char wrong[256]; /* why it can't be used; "": it can, or there is no copy yet */
};
enum { DW_CALENDAR_NAME_SIZE = 320 };
void dw_calendar_name(char out[DW_CALENDAR_NAME_SIZE], const struct dw_calendar_conf *c); /* for people: no secret */

struct dw_config {
	char *path;
	const struct dw_zone *zone;
	char *language;
	char *state;	/* absolute */
	struct dw_place at_state;
	struct dw_people people;
	struct dw_mail_conf mail;
	struct dw_replies_conf replies;
	struct dw_feed_conf *feeds;
	size_t n_feeds;
	struct dw_pack *packs;
	size_t n_packs;
	struct dw_ladder ladder[DW_KIND_COUNT];
	int transit_days[DW_BY_COUNT];
	char **watched; /* every file read, for messages */
	size_t n_watched;
	char **source; /* their texts as read, for dw_config_save; NULL: dropped */
	char *metrics_file;  /* absolute; NULL: none */
	char *heartbeat_url; /* NULL: none. Whoever knows it can play us: only its host may be said (dw_heartbeat_host) */
	char *heartbeat_ca_file; /* whom to trust there; NULL: the system's */
	struct dw_place at_heartbeat_ca;
	int64_t heartbeat_every; /* seconds */
	struct dw_holidays holidays; /* everybody's */
	struct dw_calendar_conf *calendar;
	size_t n_calendars;
	char *calendar_ca_file; /* whom to trust for the calendars' addresses; NULL: the system's */
	struct dw_place at_calendar_ca;
	uint64_t rules; /* fingerprint of people, ladders, packs, zones, rules version: a change decides all anew */
	struct dw_zone **zones; /* owned */
	size_t n_zones;
	char *datadir;	/* where packs and templates ship */
};

/* One problem, in the order of the files. */
struct dw_problem {
	bool warning;
	char *file;
	int line;   /* 0: the file as a whole (it can't be read) */
	char *text; /* "key: what, what is allowed"; no secrets */
};
struct dw_problems {
	struct dw_problem *p;
	size_t n, cap;
	size_t errors; /* the rest are warnings */
};
void dw_problems_fini(struct dw_problems *p);
/* Adds one; 0 or -ENOMEM. Past 500 they are counted in `errors` but no longer kept. */
int dw_problems_add(struct dw_problems *p, bool warning, const char *file, int line, const char *fmt, ...) DW_PRINTF(5, 6);
/* "file:line: key: what" (with "warning: " before the key), as -t prints it; no newline. */
void dw_problem_text(struct dw_buf *out, const struct dw_problem *p);

/* Reads path and all it names. 0: *out is usable (warnings may be in problems); -EINVAL: errors are in problems
 * (all of them at once); other < 0: err. datadir NULL: found by dw_datadir. */
int dw_config_load(struct dw_config **out, const char *path, const char *datadir, struct dw_problems *problems,
		   struct dw_err *err);
void dw_config_free(struct dw_config *c);
static inline void dw_config_freep(struct dw_config **p)
{
	dw_config_free(*p);
}

/* The config in force, kept: the texts of all files it was read from, in DIR/config.live (0600). A person edits the
 * config in its place; what it was, and so what an edit changes (`duewatch check --against-live`), is nowhere else.
 * Secrets are in no config file; but whoever knows a heartbeat's URL can play us, so of http and https URLs only the
 * host is kept. Then the texts are dropped from c. On failure
 * nothing is kept: the old file would pass for the config in force. */
int dw_config_save(struct dw_config *c, const char *dir, struct dw_err *err);
void dw_config_drop_source(struct dw_config *c);
/* What dw_config_save kept last, read as its files were then; files it names but doesn't consist of (zones, calendars) are
 * as they are now. *at: when it was kept. 0; 1: nothing is kept; < 0 with err. */
int dw_config_load_live(struct dw_config **out, const char *dir, dw_time *at, struct dw_err *err);

/* A calendar says something new: people's days off and the rules' fingerprint follow. Takes what is in *fresh. On failure
 * nothing changes. */
int dw_config_calendar_take(struct dw_config *c, size_t i, struct dw_days_off *fresh, struct dw_err *err);

/* For `duewatchd -t` and `duewatch check`: adds what is wrong with the files the config names: the templates folder
 * and the config's own, the password file and its mode, the CA file, feeds' paths, a maildir's parent, the state
 * folder. A feed's missing file or drop folder is a warning (it may come yet). Touches the disk, changes nothing. */
int dw_config_check_files(const struct dw_config *c, struct dw_problems *problems);

/* The folder with platforms/ and templates/: `arg` (-D), else $DUEWATCH_DATADIR, else the source tree of a build-tree
 * program (the file duewatch-datadir beside the program names it), else the installed one. Owned. */
char *dw_datadir(const char *arg);

const struct dw_feed_conf *dw_config_feed(const struct dw_config *c, const char *name);

/* The i-th relay in the order in which they are tried: mail itself, then its fallbacks; NULL after the last. Borrowed. */
const struct dw_mail_conf *dw_config_relay(const struct dw_config *c, size_t i);

/* The i-th of all that log in by OAuth 2: what it is called (as `duewatch authorize` takes it, and as its token file is
 * called). NULL after the last. */
struct dw_oauth_place {
	char name[16]; /* "mail", "fallback-1", "replies" */
	const struct dw_oauth_conf *conf;
	const char *username;
	int use; /* enum dw_oauth_use */
};
bool dw_config_oauth(const struct dw_config *c, size_t i, struct dw_oauth_place *out);

/* One key of the config as documented: the table that reading, checking, near matches and the man page share. */
struct dw_config_key {
	const char *section;  /* "" (top level), "mail", "mail.fallback", "oauth", "replies", "people", "feeds", "ladders", "packs" */
	const char *name;
	const char *allowed;  /* what may stand there, as problems print it: "a duration from 1s to 7d, in quotes" */
	const char *standard; /* what holds where the key is missing; NULL: it must be given */
	const char *help;     /* one line */
};
const struct dw_config_key *dw_config_key(size_t i); /* in reading order; NULL after the last */

/* A password from the file mail.password_file or replies.password_file resolved to, into locked memory (kept out of core dumps) the
 * caller wipes with dw_secret_free. The line end is dropped. Refused with -EPERM: a file others may read or its group
 * may write, or that belongs to neither root nor us, nor (where root reads for the service) to the owner of the state
 * folder `state`, which may be NULL; -EINVAL: not regular, over 4 KiB, empty, more than one line; else as the system
 * said. 1: path is NULL, none configured. */
int dw_secret_load(char **out, const char *path, const char *state, struct dw_err *err);
void dw_secret_free(char *secret); /* NULL is fine */
/* A copy in such memory: at most DW_SECRET_MAX bytes, no NUL in them. NULL: too long, or no memory. */
enum { DW_SECRET_MAX = 8000 };
char *dw_secret_copy(const char *p, size_t n);

#endif
