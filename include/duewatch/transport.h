/* How one composed mail leaves: SMTP (libcurl, easy interface, own thread: design.md §5 traps 1-8) or a Maildir.
 * A transport belongs to one thread at a time; make one per connection and relay policy (trap 6). */
#ifndef DUEWATCH_TRANSPORT_H
#define DUEWATCH_TRANSPORT_H

#include "duewatch/base.h"

enum dw_verdict {
	DW_SENT,	  /* the relay's 2xx after the dot, or the file is in new/ and synced */
	DW_RETRY,	  /* nothing handed over: no connection, 4xx, a 421, cut before the dot … */
	DW_UNSURE,	  /* the dot was on its way, then trouble before the answer: it may have gone */
	DW_DEAD_ADDRESS,  /* 5.1.x or 5.2.1 (550, 551, 553 without an enhanced code) at RCPT */
	DW_RELAY_REFUSED, /* any other 5xx: access, auth, policy, content, size; also TLS that can't be trusted */
};

/* CONNECT covers name, TCP, banner and EHLO; DATA the command and the body, DOT all from the body's end on. */
enum dw_stage { DW_AT_CONNECT, DW_AT_TLS, DW_AT_AUTH, DW_AT_MAIL, DW_AT_RCPT, DW_AT_DATA, DW_AT_DOT };

struct dw_answer {
	enum dw_verdict verdict;
	enum dw_stage stage; /* where it ended */
	int code;	     /* the server's answer to our last command; 0 without one, and for a Maildir */
	char text[512];	     /* the server's words, or what went wrong: printable UTF-8, one line, no secret */
	bool final_dot;	     /* the message data was handed over whole */
	bool ours;	     /* no server's doing: no memory, an abort, an address that isn't one */
	char via[320];	     /* the relay it is of, where that isn't the first (relays.h); "" */
};

struct dw_transport_conf {
	const char *url;     /* smtps://host:port, smtp://host:port, maildir:///folder (absolute) */
	bool starttls_off;   /* only where the config says so; else smtp:// needs STARTTLS */
	const char *username; /* NULL: no AUTH */
	const char *password; /* borrowed; our copies and libcurl's are wiped with the transport */
	/* Instead of a password: gives an access token for username, owned (dw_secret_free). refused: the one that the
	 * server has just refused, or NULL. Asked before each mail; may block. -EACCES: a person must act. NULL: none. */
	int (*token)(void *ctx, const char *refused, char **out, struct dw_err *err);
	void *token_ctx;	     /* outlives the transport */
	const char *token_mechanism; /* "XOAUTH2", "OAUTHBEARER"; NULL: as the server offers */
	const char *ca_file; /* trusts these certificates and no others; NULL: the system's */
	int connect_s;	     /* seconds to connect, secure, greet and log in; 0: 30 */
	int answer_s;	     /* seconds for each later answer, and without progress in the body; 0: 120 */
	const char *helo;    /* NULL: the host's name */
};

struct dw_envelope {
	const char *from; /* bare address "duewatch@example.com" */
	const char *to;	  /* bare address, one recipient per mail */
};

struct dw_transport;

/* Checks the conf's form only; connects (or makes the folder) at the first send. conf may go afterwards. On failure
 * (-EINVAL, -ENOMEM) *out is untouched. The first call of all may not race with other users of libcurl. */
int dw_transport_new(struct dw_transport **out, const struct dw_transport_conf *conf, struct dw_err *err);
void dw_transport_free(struct dw_transport *t); /* wipes the password; says QUIT but doesn't wait for its answer */
static inline void dw_transport_freep(struct dw_transport **t)
{
	dw_transport_free(*t);
	*t = NULL;
}

/* Sends one mail (CRLF line ends; bare CR or LF is made one). Always fills *answer; blocks up to the limits. A
 * kept connection that the relay closed meanwhile is replaced at once, within the call. `id` is the message id's left
 * part: with the recipient it names a Maildir's file, so a repeat after a crash replaces, not doubles. */
void dw_transport_send(struct dw_transport *t, const struct dw_envelope *env, const char *id, const void *bytes,
		       size_t n, struct dw_answer *answer);

/* Connects, secures, greets and logs in as for a mail, says NOOP and no more: nobody gets anything. Fills *answer: DW_SENT
 * for a relay that works. A Maildir has no relay: DW_SENT with an empty text. */
void dw_transport_probe(struct dw_transport *t, struct dw_answer *answer);

/* From any thread, while t lives: makes a blocked send return within a second (shutdown of its socket), and every
 * later one at once. For good: t can only be freed. */
void dw_transport_abort(struct dw_transport *t);

/* The last send's session ("> " ours, "< " theirs, "* " remarks; AUTH exchanges masked; at most 32 KiB), for
 * `duewatch test-mail`. Borrowed until the next send. "" for a Maildir. */
const char *dw_transport_session(const struct dw_transport *t);

/* Pure, tested on its own: what libcurl's result and the server's answer to the last command (0: none) at a stage
 * mean (design.md §3). `text`: that answer's words, or libcurl's where it has none; NULL counts as "". */
enum dw_verdict dw_smtp_verdict(int curl_code, int response, enum dw_stage stage, const char *text);

/* A bare address: one @, local part of at most 64 bytes without quotes, brackets, spaces, controls or <>, domain of
 * letters, digits, hyphens in labels (IDN as A-labels), at most 254 bytes in all. ASCII only. */
bool dw_address_ok(const char *s);

#endif
