/* What a mail says, and its bytes (mail/compose*.c; GMime and the templates). The engine gathers the facts into a
 * view; composing is a function of the view alone, so the same view always gives the same bytes. */
#ifndef DUEWATCH_COMPOSE_H
#define DUEWATCH_COMPOSE_H

#include "duewatch/alert.h"
#include "duewatch/closure.h"
#include "duewatch/config.h"
#include "duewatch/store.h"

/* One alert of one order, for one reader. All borrowed. */
struct dw_mail_item {
	int64_t order_row;
	const char *feed, *order_id;
	const struct dw_order *order;
	const struct dw_dates *dates;
	const struct dw_memory *memory;
	const struct dw_pack *pack;
	const struct dw_sources *sources; /* which source said what: for "which facts are guessed or observed" */
	enum dw_side side;
	enum dw_kind kind;	/* of a resolved: the kind that ended */
	enum dw_state state;
	dw_time act_by;		/* DW_UNKNOWN: none */
	const char *step;	/* "7d", "due", "found", "resolved" … */
	bool urgent, resolved, dormant;
	dw_time data_time;	/* of the order's feed */
	bool stale;
	dw_time missing_since;	/* DW_UNKNOWN: listed */
	int owner;		/* person index */
	const struct dw_told *told; /* steps of this episode */
	size_t n_told;
	const struct dw_ladder *ladder;
	dw_time next_at;	/* next step, or DW_NEVER */
	int next_step;		/* index into ladder, or -1 */
	dw_time next_due;	/* when it is due, where it comes earlier; else 0 */
	const struct dw_ack *ack; /* NULL: none */
	const char *why_you;	/* NULL, or why this reader gets it in another's place ("bo's address … is refused") */
};

struct dw_mail_feed {
	const struct dw_feed_row *row;
	const struct dw_feed_conf *conf;
	bool stale;
};

struct dw_mail_view {
	enum dw_mail_type type;
	const struct dw_config *config;
	int person;		/* the reader */
	dw_time now;
	const char *key;	/* what the Message-ID is derived from */
	const char *message_id; /* not NULL: rendered anew, the id stays (without <>) */
	/* What the mail is about: most urgent first. ALERT, RESOLVED, FIRST_LOOK; in a DAILY the new things. The first 20
	 * stand in full, the next 200 as lines, the rest as a count (rules.md §5). */
	const struct dw_mail_item *item;
	size_t n_item;
	size_t n_more;		/* further items, less urgent than all of these: only counted */
	const struct dw_mail_item *open; /* DAILY: everything open for the reader, by time left and money */
	size_t n_open, n_open_more;
	const struct dw_mail_item *missing; /* DAILY: orders no longer listed */
	size_t n_missing;
	const struct dw_mail_feed *feed; /* DAILY: health; FEED: the feed it is about */
	size_t n_feed;
	const char *const *note; /* paragraphs: DAILY extra lines, FEED and NOTE their whole text */
	size_t n_note;
	const char *title;	/* FEED, NOTE: the subject's words */
	const struct dw_closure *closure; /* CLOSURE: which; its items are what falls into it, by act_by */
	bool plain;		/* text only (after a relay refused the data three times) */
};

struct dw_mail {
	char *message_id; /* without <> */
	char *subject;
	char *text, *html; /* the parts, for `duewatch preview` */
	void *bytes;	   /* the whole mail, CRLF */
	size_t n_bytes;
};
void dw_mail_fini(struct dw_mail *m);

/* Loads the templates of every language the config's people read: LANGUAGE/NAME.mustache in the folder `templates`
 * beside the config file, else in config->datadir/templates, else the one built in; a file a language lacks is the
 * English one. config is borrowed until the composer is freed. Fails with "file:line: what" on a template that can't be
 * parsed. May be shared by calls of one thread; threads may each have their own. */
struct dw_composer;
int dw_composer_new(struct dw_composer **out, const struct dw_config *config, struct dw_err *err);
void dw_composer_free(struct dw_composer *c);

/* view->config is the composer's. Orders' headers: the items' own steps; an order that a DAILY only lists again under
 * "open" or "missing" has that word as its step (and "missing" as its kind where it has none). FEED and NOTE show items
 * as lines. ALERT and RESOLVED need at least one item (-EINVAL). On failure *out is untouched. */
int dw_mail_compose(struct dw_composer *c, struct dw_mail *out, const struct dw_mail_view *view, struct dw_err *err);

/* The Message-ID a key gives, without <>: hex digits of SHA-256 of the key, @ the sender's domain. Owned. */
char *dw_mail_message_id(const struct dw_mail_conf *mail, const char *key);

/* Words for people, one place per sentence; English here. */
const char *dw_kind_title(enum dw_kind kind, const char *language); /* "Extend the ship date" */

#endif
