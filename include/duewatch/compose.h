/* What a mail says, and its bytes (mail/compose*.c; GMime and the templates). The engine gathers the facts into a
 * view; composing is a function of the view alone, so the same view always gives the same bytes. */
#ifndef DUEWATCH_COMPOSE_H
#define DUEWATCH_COMPOSE_H

#include "duewatch/alert.h"
#include "duewatch/closure.h"
#include "duewatch/config.h"
#include "duewatch/reply.h"
#include "duewatch/store.h"

/* What a source said of the promise or of an agreement, and when duewatch heard it: a dispute is argued with it. */
struct dw_mail_proof {
	dw_time at;
	enum dw_field field;
	bool hand;	/* a person entered it; else a feed said it */
	bool withdrawn; /* it no longer says so: value is "" */
	char by[64];	/* the person or the feed */
	char value[128]; /* as dw_fact_text writes it, or as the person typed it: not to be trusted */
};

/* Something to tell, kept as what it says: a case of note.mustache, {{#note.NAME}}, and its values. Each reader gets the
 * words of their language; nobody else writes a sentence that ends in a mail. All borrowed. */
enum dw_note_type {
	DW_NOTE_TEXT,	   /* text: {{x}}; an empty one isn't there */
	DW_NOTE_LINES,	   /* text, each line of it one: {{#x}}{{.}}{{/x}} */
	DW_NOTE_NUMBER,	   /* {{x}}, {{x_one}} where it is 1; 0 isn't there */
	DW_NOTE_INSTANT,   /* {{x.near}}, {{x.both}} … in the reader's zone; DW_UNKNOWN isn't there */
	DW_NOTE_DATE,	   /* an instant as text: {{x}} */
	DW_NOTE_AGE,	   /* seconds: {{x}} is "14 h" */
	DW_NOTE_KIND,	   /* enum dw_kind: {{x}} is its title */
	DW_NOTE_FIELD,	   /* enum dw_field: {{x}} is its name for people */
	DW_NOTE_STATUS,	   /* enum dw_status: {{x}} is its word */
	DW_NOTE_TRANSPORT, /* enum dw_transport: likewise */
	DW_NOTE_TYPES
};
enum { DW_NOTE_VALUES = 8 };
struct dw_note_value {
	const char *name;
	enum dw_note_type type;
	const char *text;
	int64_t num;
};
struct dw_note {
	const char *name;
	struct dw_note_value value[DW_NOTE_VALUES]; /* up to the first without a name */
};

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
	int64_t episode;	/* of the side's alert: calendar entries and links of answers are named by it */
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
	const struct dw_mail_proof *proof; /* of the claim side, oldest first */
	size_t n_proof;
	const struct dw_note *why_you; /* NULL, or why this reader gets it in another's place ("bo's address … is refused") */
};

struct dw_mail_feed {
	const struct dw_feed_row *row;
	const struct dw_feed_conf *conf;
	bool stale;
};

/* ANSWER: what came of a person's reply. All borrowed. */

/* Why a command was refused: a case of outcome.mustache, {{#x.NAME}}. */
enum dw_refusal {
	DW_REFUSED_OTHER,	  /* `why` says it, one line of English: what a parser or the store found wrong */
	DW_REFUSED_SPAN,	  /* an ack's time is out of range */
	DW_REFUSED_NOTHING_OPEN,  /* to ack */
	DW_REFUSED_CLOSED,	  /* it is closed already */
	DW_REFUSED_NO_SHIP_DATE,  /* "yes": none is known */
	DW_REFUSED_SHIP_DATE_OVER, /* "yes": it has passed */
	DW_REFUSED_NO_ORDER,	  /* it has left the store meanwhile */
	DW_REFUSED_NO_FEED,	  /* its feed has left the config */
	DW_REFUSED_COUNT
};
enum dw_reply_result {
	DW_REPLY_DONE,
	DW_REPLY_REFUSED, /* `refusal` says why */
	DW_REPLY_WHICH,	  /* the mail was about several orders, or none: it must name one */
	DW_REPLY_STRANGE, /* the order it names isn't one of that mail */
	DW_REPLY_LIMIT,	  /* too many today */
};
struct dw_reply_line {
	const struct dw_command *command;
	enum dw_reply_result result;
	const char *order_id; /* NULL: none */
	enum dw_refusal refusal;
	const char *why;      /* REFUSED for another reason than those known */
	dw_time day;	      /* YES: P; DW_UNKNOWN else */
};
struct dw_reply_answer {
	const struct dw_reply_line *line;
	size_t n_line;
	const char *unknown;	  /* the first line that wasn't understood; NULL: none */
	const char *unknown_why;  /* of dw_why_names, where it is known */
	bool expired;		  /* its token is */
	const char *const *which; /* orders that may be named */
	size_t n_which;
	const char *in_reply_to;  /* the reply's Message-ID, NULL: none we may repeat */
};

struct dw_mail_view {
	enum dw_mail_type type;
	const struct dw_config *config;
	int person;		/* the reader */
	dw_time now;
	const char *key;	/* what the Message-ID is derived from */
	const char *salt;	/* the store's secret, for UIDs that can't be guessed; NULL: none, in a mail that isn't sent */
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
	const struct dw_note *note; /* DAILY: extra lines; FEED and NOTE: all they say, the first one's heading is the subject */
	size_t n_note;
	const char *language;	/* NULL: the reader's own */
	const char *title;	/* ANSWER: the subject */
	const struct dw_reply_answer *answer; /* ANSWER; the items are its orders' sides as they stand then */
	const struct dw_closure *closure; /* CLOSURE: which; its items are what falls into it, by act_by */
	int per_day;		/* the reader's mails_per_day; 0: none */
	size_t n_held;		/* of the items: those that waited because of it */
	dw_time last_before;	/* this is the last mail of the day: when the next comes; 0: it isn't */
	bool bare;		/* Message-ID and subject only, no text and no bytes: nobody will read it (a simulation) */
	bool plain;		/* text only (after a relay refused the data three times) */
	const unsigned char *token_key; /* DW_TOKEN_KEY bytes that sign the links of answers; NULL: a mail without such links */
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

/* For `duewatchd -t` and `duewatch check`: every template of the languages in use is parsed, its names are compared with
 * those there are, and one of each mail there can be is rendered: all kinds, with and without what an order may lack. Also
 * files beside the config that are no templates, and the packs' texts for the buyer. Each problem is told once, as
 * "file:line: what, what is allowed". Returns how many, or <0: err (no memory). */
typedef void dw_template_complain_fn(void *ctx, const char *problem);
int dw_templates_check(const struct dw_config *config, dw_template_complain_fn *complain, void *ctx, struct dw_err *err);

/* view->config is the composer's. Orders' headers: the items' own steps; an order that a DAILY only lists again under
 * "open" or "missing" has that word as its step (and "missing" as its kind where it has none). FEED and NOTE show items
 * as lines (a FEED's orders to look at by hand have the step "open", too). ALERT and RESOLVED need at least one item (-EINVAL). On failure *out is untouched. */
int dw_mail_compose(struct dw_composer *c, struct dw_mail *out, const struct dw_mail_view *view, struct dw_err *err);

/* The Message-ID a key gives, without <>: hex digits of SHA-256 of the key, @ the sender's domain. Owned. */
char *dw_mail_message_id(const struct dw_mail_conf *mail, const char *key);

/* Words for people, one place per sentence. */
const char *dw_mail_language(size_t i); /* every language we write: "en", "zh-CN"; NULL after the last */
const char *dw_kind_title(enum dw_kind kind, const char *language); /* "Extend the ship date" */

#endif
