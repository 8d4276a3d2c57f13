/* What a mail that comes to us says: a person's reply, a bounce, or nothing for us (mail/reply*.c, mail/bounce.c; GMime).
 * Parsing is a function of the bytes and the arguments alone. All of it is hostile: sizes, nesting and counts are
 * bounded, texts come out as one line of printable UTF-8. */
#ifndef DUEWATCH_REPLY_H
#define DUEWATCH_REPLY_H

#include "duewatch/base.h"

enum dw_verb {
	DW_VERB_ACK,	 /* "ack", "ack 2d" */
	DW_VERB_SHIP,	 /* "ship 2026-12-10": expected_ship_at */
	DW_VERB_AGREED,	 /* "agreed 2026-12-10": agreed_at */
	DW_VERB_FILED,	 /* "filed 2026-12-12": extension_state = requested, extension_until */
	DW_VERB_ARRIVES, /* "arrives 2026-12-20": expected_arrival_at */
	DW_VERB_YES,	 /* "yes": it leaves by P */
	DW_VERB_CLOSE,	 /* "close": settled */
	DW_VERB_COUNT
};
struct dw_verb_info {
	const char *name;      /* English, as mails and the man page show it */
	const char *const *words; /* all words understood, English and Chinese, lower case; NULL-ended */
	bool wants_date, takes_span;
};
extern const struct dw_verb_info dw_verbs[DW_VERB_COUNT];

struct dw_command {
	enum dw_verb verb;
	int64_t span;	  /* ACK: seconds; 0: not said */
	char date[11];	  /* "2026-12-10" as a bare date; "" where the verb has none */
	char order[96];	  /* the order's number where the line names one ("ack 2341…", "2341… ack"); "" else */
	char note[256];	  /* what follows on the line ("close paid back"); "" none */
};

enum { DW_COMMANDS_MAX = 20, DW_REFS_MAX = 40 };

enum dw_inbound_kind {
	DW_IN_REPLY,	 /* a person wrote */
	DW_IN_BOUNCE,	 /* a delivery status report (RFC 3464) */
	DW_IN_AUTOREPLY, /* Auto-Submitted other than no, Precedence, X-Autoreply, vacation …, or our own mail: ignored */
	DW_IN_BROKEN	 /* not a mail we can read; `rest` says why */
};

struct dw_inbound {
	enum dw_inbound_kind kind;
	char *message_id;  /* without <>; NULL: none */
	char *from;	   /* bare address, the domain in lower case; NULL: none, several or malformed */
	char *subject;
	bool authentic;	   /* the configured host's Authentication-Results vouch for the domain of From */
	char *ref[DW_REFS_MAX]; /* Message-IDs of In-Reply-To and References, without <>, newest first */
	size_t n_ref;
	char *token;	   /* the first thing with a token's form, in the subject or the person's own text; NULL: none */
	struct dw_command command[DW_COMMANDS_MAX];
	size_t n_command;
	char *rest;	   /* the first line of the person's own text that wasn't understood; NULL: none */
	/* BOUNCE */
	char *recipient;   /* the address that failed (Final-Recipient), NULL: not said */
	char status[12];   /* "5.1.1"; "" not said */
	bool failed;	   /* Action: failed (not delayed, relayed, delivered …) */
	char *diagnostic;  /* the other server's words */
	char *envelope;	   /* the address it was sent to: Delivered-To, X-Original-To, To … that has a VERP address's form */
};
void dw_inbound_fini(struct dw_inbound *in);

/* authserv: the host whose Authentication-Results count, as in the config; NULL: none do. today: the reader's civil day as
 * "2026-11-25", for dates without a year. 0, or -ENOMEM; *out is always to be freed. */
int dw_inbound_parse(struct dw_inbound *out, const void *bytes, size_t n, const char *authserv, const char *today,
		     struct dw_err *err);

/* One line of a person's own text. 0; 1: not a command; *why, one of dw_why_names, says what was missing where the verb was clear.
 * A sentence is no command, however it begins: nothing is worse than a reply that was understood wrongly. */
int dw_command_parse(struct dw_command *out, const char *line, const char *today, const char **why);

enum dw_why {
	DW_WHY_MORE,	  /* a verb, and then more than it takes: a sentence, a condition, a second command */
	DW_WHY_QUESTION,
	DW_WHY_TWO_WAYS,  /* "ok", "确认": on it, or "yes, in time"? */
	DW_WHY_NO_DATE,
	DW_WHY_BLANK_DATE, /* YYYY-MM-DD as it stood in our mail */
	DW_WHY_DAY_MONTH, /* 12/10: which is the month? */
	DW_WHY_NO_DAY,	  /* 2026-02-30 */
	DW_WHY_WEEKDAY,	  /* "Mon 10 Dec" on a Thursday */
	DW_WHY_PAST,
	DW_WHY_FAR,	  /* over nine months without a year, over eighteen with one */
	DW_WHY_FILED_ON,  /* "filed on …": the day of filing or the new date? */
	DW_WHY_TAKES_NO_DATE,
	DW_WHY_SPAN,
	DW_WHY_CLOSE,	  /* "close" with a sentence that may be a condition */
	DW_WHY_COUNT
};
/* "more", "question" …: cases of outcome.mustache, {{#u.NAME}}, which has the words for each. */
extern const char *const dw_why_names[DW_WHY_COUNT];

/* ---- tokens: "this alert, this person, until then", signed with the store's secret (HMAC-SHA256) ---- */
struct dw_token {
	int64_t order;	   /* the store's row */
	int side;	   /* enum dw_side */
	int64_t episode;
	int64_t expires;   /* Unix seconds */
	char person[64];
};
enum { DW_TOKEN_KEY = 32, DW_TOKEN_TEXT = 200 };
/* Owned text of letters, digits, '-' and '_' after "dw1-"; NULL: no memory. Same input, same text. */
char *dw_token_make(const unsigned char key[DW_TOKEN_KEY], const struct dw_token *t);
/* 0; 1: not a token, or not one of ours; 2: ours, but expired at `now` (*out is filled). Constant-time comparison. */
int dw_token_read(const unsigned char key[DW_TOKEN_KEY], const char *text, int64_t now, struct dw_token *out);

/* ---- VERP: the envelope address of a mail, so that a bounce names it ---- */
/* "local+b-ID-MAC@domain" of a bare address; NULL: no memory, or too long to be an address. Owned. */
char *dw_verp_make(const unsigned char key[DW_TOKEN_KEY], const char *address, int64_t mail);
/* 0: *mail is filled; 1: not one of ours. */
int dw_verp_read(const unsigned char key[DW_TOKEN_KEY], const char *envelope, int64_t *mail);

#endif
