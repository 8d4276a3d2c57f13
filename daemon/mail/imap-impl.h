/* The server's side of the talk with a mailbox (mail/imap-answer.c): a function of its bytes, so that they can be fuzzed. */
#ifndef DUEWATCH_IMAP_IMPL_H
#define DUEWATCH_IMAP_IMPL_H

#include "duewatch/base.h"

enum dw_imap_end { DW_IMAP_MORE, DW_IMAP_OK, DW_IMAP_NO, DW_IMAP_BAD };

/* The answer to one command. Literals are counted, not looked into: nothing that stands in a mail can end it. */
struct dw_imap_answer {
	/* what is asked; borrowed */
	const char *tag;
	int64_t from;	    /* SEARCH: lower ones don't count ("n:*" gives the last one even if it is below n) */
	int64_t *uids;	    /* the lowest ones found, ascending */
	int max;
	int64_t uid;	    /* FETCH: whose body is wanted */
	size_t literal_max; /* what a body may have; a longer one is a broken answer */
	/* what came */
	int n_uids;
	bool more;
	int64_t uidvalidity, uidnext, exists; /* -1: not said */
	bool fetched;
	struct dw_buf body;
	struct dw_buf words; /* after OK, NO, BAD, and of a BYE */
	bool bye;
	/* under way */
	struct dw_buf line, literal; /* a line and the lines after its literals, without these; the last literal */
	size_t left, total;
	bool within, literal_whole;
};
void dw_imap_answer_init(struct dw_imap_answer *a, const char *tag);
void dw_imap_answer_fini(struct dw_imap_answer *a);
/* MORE, or how it ended; -EPROTO: no answer a server may give; -ENOMEM. */
int dw_imap_feed(struct dw_imap_answer *a, const char *p, size_t n, struct dw_err *err);

#endif
