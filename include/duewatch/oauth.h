/* Logins without a password: OAuth 2 access tokens for SMTP, IMAP and whoever else takes a bearer token.
 *
 * What a person grants once (duewatch authorize) is a refresh token; from it short-lived access tokens are made at the
 * provider's token server (RFC 6749 §6). Both are kept in the state folder, tokens/NAME.json, 0600 in 0700: a refresh
 * token that the provider replaces (Microsoft, RFC 6749 §10.4) is on the disk before the old one is let go. Secrets are
 * in locked memory (dw_secret_free) and in no error text. Thread-safe but for new and free. */
#ifndef DUEWATCH_OAUTH_H
#define DUEWATCH_OAUTH_H

#include "duewatch/config.h"

#include <stdatomic.h>

/* ---- what a token server answers: pure but for memory (oauth-answer.c) ---- */

enum dw_oauth_verdict {
	DW_OAUTH_GRANTED, /* access is there */
	DW_OAUTH_LATER,	  /* no use now: busy, down, garbage, a redirection (not followed: it would get our secrets) */
	DW_OAUTH_DEAD,	  /* a refusal that no waiting mends (invalid_grant, invalid_client …): a person must act */
	DW_OAUTH_PENDING, /* of a device login: nobody has agreed yet; slow_down: and ask less often */
	DW_OAUTH_DEVICE,  /* of a device login: the codes are there */
};
struct dw_oauth_answer {
	enum dw_oauth_verdict verdict;
	char *access, *refresh;	   /* locked memory; refresh NULL: the one we have goes on */
	int64_t expires_in;	   /* seconds, of access: 1 to 30 days; 3600 where it isn't said */
	int64_t refresh_expires_in; /* seconds; 0: not said */
	bool slow_down;
	char *device_code; /* locked memory */
	char user_code[64], verification_uri[512];
	int64_t retry_after; /* seconds, of a busy server; 0: not said */
	int64_t interval; /* seconds between the questions of a device login */
	char error[400];  /* one clean line, none of `secret` in it; "" when granted */
};
/* The answer to one POST: its HTTP code, content type (NULL: none) and body. secret: what was sent and must not be shown,
 * NULL-terminated. Fills *out; 0 or -ENOMEM. */
int dw_oauth_answer_read(struct dw_oauth_answer *out, const char *const *secret, long code, const char *type, const char *body,
			 size_t n);
void dw_oauth_answer_fini(struct dw_oauth_answer *a);
/* Replaces each occurrence of a secret (NULL is fine) in a text by ***. */
void dw_oauth_hide(char *text, const char *secret);

/* ---- a login ---- */

enum dw_oauth_use { DW_OAUTH_SMTP, DW_OAUTH_IMAP };

struct dw_oauth;

/* name: of its file below tokens/, "mail". Reads the client's secret, and the refresh token file where the config names
 * one (so: with root's rights, where there are any); the state folder not before the first token is asked for. */
int dw_oauth_new(struct dw_oauth **out, const struct dw_oauth_conf *conf, enum dw_oauth_use use, const char *name,
		 const char *username, const char *state, struct dw_err *err);
void dw_oauth_free(struct dw_oauth *o);

/* An access token, owned, in locked memory. refused: one that the server has just refused, or NULL. A token that is due
 * for renewal is renewed first; where that fails and it still lives, it is given all the same. May block for half a
 * minute. < 0: -EACCES: a person must act; -ENOMEM; else the token server can't be had just now. */
int dw_oauth_token(struct dw_oauth *o, const char *refused, char **out, struct dw_err *err);

/* Boot time at which it is good to ask for a token again, whether one is needed or not; INT64_MAX: never. */
int64_t dw_oauth_next(struct dw_oauth *o);
/* From any thread: a token being asked for is given up within a second, and none is asked for any more. */
void dw_oauth_abort(struct dw_oauth *o);

enum dw_oauth_state { DW_OAUTH_OK, DW_OAUTH_EXPIRING, DW_OAUTH_GONE };
struct dw_oauth_health {
	enum dw_oauth_state state; /* EXPIRING, GONE: a person must act */
	dw_time since;		   /* of GONE; of EXPIRING when it ends */
	char error[512];	   /* what is wrong and what to do; also of an OK one whose last renewal failed */
};
void dw_oauth_health(struct dw_oauth *o, struct dw_oauth_health *out);
const char *dw_oauth_name(const struct dw_oauth *o);

/* ---- a person's part: duewatch authorize (oauth-grant.c) ---- */

/* The address to open in a browser: authorization code with PKCE (RFC 7636), made of 32 random bytes as text (43
 * letters). redirect: "http://localhost:PORT/". -ENOTSUP: the config names no authorize_url. */
int dw_oauth_grant_url(struct dw_oauth *o, const char *redirect, const char *verifier, const char *state, char **url,
		       struct dw_err *err);
/* The code, or the whole address the browser was sent to. Stores what it gives. */
int dw_oauth_grant_code(struct dw_oauth *o, const char *redirect, const char *verifier, const char *state, const char *code,
			struct dw_err *err);
/* A device login (RFC 8628): begin says where to go and what to type; then wait asks until somebody agreed, and stores
 * what it gives. -ENOTSUP: the provider has none. */
int dw_oauth_device_begin(struct dw_oauth *o, struct dw_oauth_answer *out, struct dw_err *err);
int dw_oauth_device_wait(struct dw_oauth *o, const struct dw_oauth_answer *begun, struct dw_err *err);

#endif
