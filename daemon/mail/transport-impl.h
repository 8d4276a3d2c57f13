/* Shared by the transports: what each one offers, and how an answer's text is made safe. Private to mail/. */
#ifndef DUEWATCH_MAIL_TRANSPORT_IMPL_H
#define DUEWATCH_MAIL_TRANSPORT_IMPL_H

#include <stdatomic.h>

#include "duewatch/transport.h"

struct dw_transport_ops {
	/* Envelope and answer are checked and cleared before. */
	void (*send)(struct dw_transport *t, const struct dw_envelope *env, const char *id, const void *bytes,
		     size_t n, struct dw_answer *answer);
	void (*probe)(struct dw_transport *t, struct dw_answer *answer); /* NULL: there is nothing to log in to */
	void (*abort)(struct dw_transport *t);		      /* t->aborted is set; NULL where sends are short */
	const char *(*session)(const struct dw_transport *t); /* NULL: none */
	void (*free)(struct dw_transport *t);
};

struct dw_transport { /* the first member of each kind's own */
	const struct dw_transport_ops *ops;
	atomic_bool aborted;
};

int dw_smtp_new(struct dw_transport **out, const struct dw_transport_conf *conf, struct dw_err *err);
int dw_maildir_new(struct dw_transport **out, const struct dw_transport_conf *conf, struct dw_err *err);

/* What must never be seen: wiped by fini. */
struct dw_secrets {
	char *word[3];
	size_t longest;
};

int dw_secrets_init(struct dw_secrets *s, const char *user, const char *password); /* -ENOMEM; s may be finished */
/* Of an access token: what it looks like in AUTH XOAUTH2, and in OAUTHBEARER to host ("mail.example.com:587"). */
int dw_secrets_of_token(struct dw_secrets *s, const char *user, const char *token, const char *host);
void dw_secrets_fini(struct dw_secrets *s);

/* Adds hostile bytes to out as one line of printable UTF-8: secrets become ***, what isn't UTF-8 '?', controls and
 * what turns or hides text a space, ends trimmed; at most `max` bytes are looked at. `s` may be NULL. */
void dw_transport_scrub(struct dw_buf *out, const struct dw_secrets *s, const char *in, size_t n, size_t max);

/* Fills answer->text, cut at a character's start. */
void dw_answer_text(struct dw_answer *answer, const struct dw_secrets *s, const char *text);

/* What one SMTP session has said so far: the stage, the last answer, the masked lines. No I/O. */
struct dw_session {
	enum dw_stage stage;
	char verb[16];	    /* our last command's first word, "" before it */
	bool auth, quit;    /* inside an AUTH exchange; QUIT was sent: what follows answers no mail */
	int code;	    /* of the whole answer to the last command, 0 while there is none */
	bool open;	    /* an answer has begun and not ended */
	size_t answer_size; /* bytes of that answer */
	struct dw_buf answer;	   /* its words, joined: "550 5.1.1 no such user here" */
	struct dw_buf lines;	   /* for people */
	bool full;		   /* of lines */
	const struct dw_secrets *secrets;
};

void dw_session_fini(struct dw_session *s);
void dw_session_begin(struct dw_session *s, bool keep_lines);
void dw_session_out(struct dw_session *s, const char *line, size_t n);
/* False: the answer grew past every bound, hang up. */
bool dw_session_in(struct dw_session *s, const char *line, size_t n);
void dw_session_note(struct dw_session *s, const char *text, size_t n);

#endif
