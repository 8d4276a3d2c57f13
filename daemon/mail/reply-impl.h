/* What the files that read mails share; nothing outside mail/ and the tests includes it. */
#ifndef DUEWATCH_REPLY_IMPL_H
#define DUEWATCH_REPLY_IMPL_H

#include "duewatch/reply.h"

#include <gmime/gmime.h>

enum {
	DW_IN_MAIL_MAX = 1024 * 1024, /* bytes of a mail we read */
	DW_IN_TEXT_MAX = 256 * 1024,  /* of one part's text: people write a line */
	DW_IN_DEPTH_MAX = 10,	      /* parts in parts */
	DW_IN_PARTS_MAX = 100,
	DW_IN_LINES_MAX = 50000, /* of a text: an answer may stand below a long mail of ours */
	DW_IN_OWN_MAX = 500,	 /* … of those the person's own */
	DW_IN_LINE_MAX = 240,  /* characters of `rest`, and of any line that may be a command */
};

/* ---- authres.c ---- */

/* Does this Authentication-Results field (its unfolded body) of authserv vouch for the domain `from`? false also for
 * a field that is malformed, of another host, or says dmarc twice. */
bool dw_authres_vouches(const char *field, const char *authserv, const char *from);
/* Is it one of this host's at all (RFC 8601 §2.2, authserv-id)? */
bool dw_authres_is_of(const char *field, const char *authserv);
/* One result of a field, for whoever looks through all of them. Texts are lower case and cut to fit. */
struct dw_authres {
	char method[32], result[32];
	char header_from[256], header_d[256], header_i[256], mailfrom[256]; /* as they stand; "" not said */
};
enum { DW_AUTHRES_MAX = 32 };
/* How many results, 0 for "none"; -EINVAL: malformed, of more than DW_AUTHRES_MAX. id: the authserv-id, lower case. */
int dw_authres_parse(struct dw_authres out[DW_AUTHRES_MAX], char id[256], const char *field);

/* ---- html-text.c ---- */

/* The text of a page, as lines, without what is quoted from another mail and without a signature, where the page marks
 * them. html is UTF-8, n bytes. 0 or -ENOMEM. */
int dw_html_text(struct dw_buf *out, const char *html, size_t n);

/* ---- reply-text.c: the bytes of a part as UTF-8 ---- */

/* charset: the label, which may be wrong or NULL. NUL bytes are dropped, what can't be read becomes '?'. */
void dw_reply_decode(struct dw_buf *out, const char *p, size_t n, const char *charset);
/* RFC 3676: soft line ends are joined; quoted lines stay as they are. */
void dw_reply_unflow(struct dw_buf *out, const char *text, bool delsp);

/* ---- reply-head.c ---- */

/* Fills what the fields say; nobody is authentic where authserv is NULL. 0 or -ENOMEM. */
int dw_reply_head(struct dw_inbound *out, GMimeMessage *msg, const char *authserv);
/* Did a program write it? After dw_reply_head. */
bool dw_reply_is_automatic(const struct dw_inbound *in, GMimeMessage *msg);

/* ---- reply-own.c: what of a text the person wrote ---- */

/* Calls line() for each line of the person's own text, scrubbed, not empty; quotes, signatures, greetings are left out. last:
 * a word of thanks came before, after something else: a name may follow. Ends when line() returns other than 0, and
 * returns that. */
int dw_reply_own(const char *text, int (*line)(void *ctx, const char *s, bool last), void *ctx);
/* Does s say only who wrote it: the sender's name, a part of it, or the address? Both may be NULL. */
bool dw_reply_is_name(const char *s, const char *name, const char *address);
/* The first thing in s with a token's form: its start and *n, or NULL. */
const char *dw_reply_token(const char *s, size_t *n);

/* ---- bounce.c ---- */

/* A delivery-status part's text (RFC 3464 §2) into out: the first recipient that failed, else the first. 0; 1: none; -ENOMEM. */
int dw_bounce_parse(struct dw_inbound *out, const char *text);
bool dw_verp_form(const char *address); /* "local+b-ID-MAC@domain", whoever made it */

#endif
