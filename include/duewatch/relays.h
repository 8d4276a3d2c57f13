/* The relays of a config in their order, and how each is: which one takes the next mail, when one is left alone, when it
 * is asked whether it works again. Thread-safe but for new and free; the network is the caller's, and so are the clocks.
 *
 * A relay is ill when it can't be reached, secured or logged in to, says 421, or has nothing to say at MAIL; and when
 * three mails in a row, whatever their recipients, came back with its refusal or its silence. What it says of an
 * address (RCPT: 4xx, a dead one) is the address's, and no reason to ask another relay. daemon/mail/RELAY-FAULTS.md
 * has the table. An ill relay is left alone for 1, 2, 5, then 15 minutes, and asked by dw_transport_probe before it gets
 * mails again; while no other is well, mails try the one whose turn comes first. */
#ifndef DUEWATCH_RELAYS_H
#define DUEWATCH_RELAYS_H

#include "duewatch/oauth.h"
#include "duewatch/transport.h"

/* What an answer says of the relay. */
enum dw_relay_sign {
	DW_SIGN_WELL,  /* it took the mail, or judged its recipient */
	DW_SIGN_NONE,  /* nothing: the mail has its own trouble (4xx at RCPT, memory short here), or may be out (unsure) */
	DW_SIGN_DOUBT, /* it may be the mail's fault or the relay's: the mail may try another; three in a row, and it is ill */
	DW_SIGN_ILL,   /* the relay's for sure: the mail may try another */
};
enum dw_relay_sign dw_relay_sign(const struct dw_answer *a); /* pure */

struct dw_relays;

/* Reads the passwords (so: with root's rights, where there are any). config must outlive it. */
int dw_relays_new(struct dw_relays **out, const struct dw_config *config, struct dw_err *err);
void dw_relays_free(struct dw_relays *r); /* NULL is fine; wipes the passwords */
static inline void dw_relays_freep(struct dw_relays **r)
{
	dw_relays_free(*r);
}
size_t dw_relays_count(const struct dw_relays *r);
const char *dw_relays_name(const struct dw_relays *r, size_t i); /* "smtps://host:465", without secrets */
const struct dw_transport_conf *dw_relays_transport(const struct dw_relays *r, size_t i); /* borrowed */
struct dw_oauth *dw_relays_login(const struct dw_relays *r, size_t i); /* NULL: not by OAuth 2; borrowed */
int dw_relays_connections(const struct dw_relays *r); /* the most any of them may have */
/* A reload: what was sent so far counts for the rates of the new ones. Their health begins anew: what made one ill may
 * have been mended. */
void dw_relays_inherit(struct dw_relays *r, struct dw_relays *from);

/* A place at the relay for the next mail: the first one that is well, else (with avoid 0) the ill one whose turn comes
 * first. avoid: a bit for each that has had the mail. < 0: none; then *wait_ms (may be NULL) is how long the relay's
 * rate forbids a send, 0 where it is only busy. now_ms: boot time. What was taken is given back by untake, or by
 * answered, which notes what the relay said: true: the mail may try another at once. */
int dw_relays_take(struct dw_relays *r, unsigned avoid, int64_t now_ms, int64_t *wait_ms);
void dw_relays_untake(struct dw_relays *r, int i);
void dw_relays_begin(struct dw_relays *r, int i, int64_t now_ms); /* the send begins: it counts for the rate */
bool dw_relays_answered(struct dw_relays *r, int i, const struct dw_answer *a, int64_t now_ms, dw_time now);

/* The relay that is to be asked now, -1: none; it counts as being asked until dw_relays_probed (a NULL: it wasn't). */
int dw_relays_probe_due(struct dw_relays *r, int64_t now_ms);
void dw_relays_probed(struct dw_relays *r, int i, const struct dw_answer *a, int64_t now_ms, dw_time now);
int64_t dw_relays_next(struct dw_relays *r); /* boot time of the next one to ask, INT64_MAX: none */

/* One mail: at relay `first` (taken), and where that one can't, at the others that are well. Fills *answer: of the relay
 * that decided, or of all, with its name in `via` where it isn't the first. */
struct dw_relay_post {
	/* The transport of relay i, < 0 where there is no memory for one. Borrowed until the next call. */
	int (*transport)(void *ctx, int i, struct dw_transport **out, struct dw_err *err);
	int64_t (*boot_ms)(void *ctx); /* NULL: the machine's clocks */
	dw_time (*wall)(void *ctx);
	void *ctx;
};
void dw_relays_send(struct dw_relays *r, int first, const struct dw_relay_post *post, const struct dw_envelope *env,
		    const char *id, const void *bytes, size_t n, struct dw_answer *answer);

/* How one is, copied. */
struct dw_relay_health {
	bool ill;
	dw_time since;	 /* of this state; DW_UNKNOWN: since the start */
	char error[512]; /* what it said when it fell ill or was asked last; "" */
	/* dw_relays_parse only: its login by OAuth 2 */
	bool login;
	char login_name[16];
	enum dw_oauth_state token;
	char token_error[512];
};
void dw_relays_health(struct dw_relays *r, size_t i, struct dw_relay_health *out);
/* Counts up whenever one changed: who shows them looks again. */
unsigned dw_relays_version(struct dw_relays *r);

/* In the store, for `duewatch status`: JSON, an array of {name, ill, since, error, login, token, token_error}. */
#define DW_RELAYS_KEY "relays"
int dw_relays_text(struct dw_relays *r, char **out, struct dw_err *err); /* owned */
/* One out of it, by name. 0; 1: it isn't there, *out is one that is well; -ENOMEM. */
int dw_relays_parse(const char *text, const char *name, struct dw_relay_health *out);
/* What a config's relay is called; owned, NULL: no memory. */
char *dw_relay_name(const struct dw_config *c, size_t i);

#endif
