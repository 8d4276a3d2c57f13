/* A mailbox that is only read (RFC 3501): its folder is opened by EXAMINE and mails are fetched by BODY.PEEK, so nothing
 * in it changes, not even a flag. libcurl connects, secures and logs in (CONNECT_ONLY); what is said from then on is ours:
 * libcurl 7.88's own FETCH always marks a mail as seen, and its custom one looks for the answer's end within the mail.
 *
 * A handle belongs to one thread at a time, but for dw_imap_abort. Blocking; bounded by the limits below. */
#ifndef DUEWATCH_IMAP_H
#define DUEWATCH_IMAP_H

#include "duewatch/instant.h"

enum { DW_IMAP_MAIL_MAX = 1 << 20 }; /* bytes of a mail we take */

struct dw_imap_conf {
	const char *url;      /* imaps://host:port, imap://host:port */
	const char *folder;   /* "INBOX" */
	bool starttls_off;    /* only where the config says so; else imap:// needs STARTTLS */
	const char *username, *password; /* borrowed; our copies and libcurl's are wiped with the handle */
	/* Instead of the password: an access token (OAuth 2), owned, in locked memory. refused: one that the server has just
	 * refused, or NULL. < 0: -EACCES: a person must act; else none can be had now. From within dw_imap_open. */
	int (*token)(void *ctx, const char *refused, char **out, struct dw_err *err);
	void *token_ctx;		/* must outlive the handle */
	const char *token_mechanism;	/* "XOAUTH2", "OAUTHBEARER"; NULL: as the server offers */
	const char *ca_file;  /* trusts these certificates and no others; NULL: the system's */
	int connect_s;	      /* seconds to connect, secure and log in; 0: 30 */
	int answer_s;	      /* seconds for each later answer; 0: 120 */
};

struct dw_imap_box {
	int64_t uidvalidity; /* UIDs mean something only while this stays */
	int64_t uidnext;     /* all UIDs there are below it */
	int64_t exists;	     /* mails in the folder */
};

struct dw_imap;

/* -EINVAL, -ENOMEM. Nothing connects yet; conf may go afterwards. */
int dw_imap_new(struct dw_imap **out, const struct dw_imap_conf *conf, struct dw_err *err);
void dw_imap_free(struct dw_imap *m); /* NULL is fine; never waits for the server */
static inline void dw_imap_freep(struct dw_imap **m)
{
	dw_imap_free(*m);
	*m = NULL;
}

/* Logs in and opens the folder, once per handle. -EACCES: the login is refused; -EKEYEXPIRED: there is no token before a
 * person acts; -ECANCELED: aborted; other < 0: err says
 * what went wrong, with the server's words, and no secret. */
int dw_imap_open(struct dw_imap *m, struct dw_imap_box *box, struct dw_err *err);
/* The lowest UIDs at or above `from`, ascending, at most max; *more: there are others. Count, or < 0. */
int dw_imap_search(struct dw_imap *m, int64_t from, int64_t *uids, int max, bool *more, struct dw_err *err);
/* The lowest UID of the mails that came in on the UTC day of `since` or later; 1: there is none. */
int dw_imap_search_since(struct dw_imap *m, dw_time since, int64_t *uid, struct dw_err *err);
/* One mail, as it lies there; owned. 1: it is gone; 2: it is larger than DW_IMAP_MAIL_MAX. */
int dw_imap_fetch(struct dw_imap *m, int64_t uid, void **bytes, size_t *n, struct dw_err *err);

/* From any thread, while m lives: makes a blocked call return at once, and every later one. For good. */
void dw_imap_abort(struct dw_imap *m);

#endif
