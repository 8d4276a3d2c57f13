/* What smtp.c and imap.c share: who we are at a server, and the sockets to it, which another thread may shut. */
#ifndef DUEWATCH_MAIL_LOGIN_H
#define DUEWATCH_MAIL_LOGIN_H

#include <curl/curl.h>
#include <pthread.h>

#include "transport-impl.h"

/* By password, or by an access token that is asked for before each login. */
struct dw_login {
	char *username; /* NULL: no login */
	char *password;
	int (*get_token)(void *ctx, const char *refused, char **out, struct dw_err *err); /* NULL: by password */
	void *token_ctx;
	char *token; /* locked memory; the one the handle has */
	const char *ways; /* CURLOPT_LOGIN_OPTIONS */
	struct dw_secrets secrets; /* what of it must never be seen */
};

/* get_token and its mechanism ("XOAUTH2", "OAUTHBEARER"; NULL: as the server offers) as in dw_transport_conf and dw_imap_conf.
 * -ENOMEM; -EINVAL: a token without a name. l may be finished whatever is returned. */
int dw_login_init(struct dw_login *l, const char *username, const char *password,
		  int (*get_token)(void *ctx, const char *refused, char **out, struct dw_err *err), void *ctx, const char *mechanism,
		  struct dw_err *err);
void dw_login_fini(struct dw_login *l); /* wipes */
CURLcode dw_login_set(const struct dw_login *l, CURL *curl); /* all but the token */
/* The token for what comes; a new one drops a kept connection by itself (libcurl compares). host: "mail.example.com:587".
 * refused: the one that was just refused, or NULL. 0: the handle has it, or none is needed; 1: it is the refused one again;
 * < 0: none can be had: as get_token said, or -ENOMEM. */
int dw_login_take(struct dw_login *l, CURL *curl, const char *host, const char *refused, struct dw_err *err);

enum { DW_SOCKETS = 8 };
struct dw_sockets {
	pthread_mutex_t lock; /* of fd */
	int fd[DW_SOCKETS];   /* open ones, -1 else */
	const atomic_bool *aborted; /* then no further one is opened */
};
void dw_sockets_init(struct dw_sockets *s, const atomic_bool *aborted);
void dw_sockets_fini(struct dw_sockets *s);
void dw_sockets_set(struct dw_sockets *s, CURL *curl); /* the handle opens and closes its sockets here */
void dw_sockets_shut(struct dw_sockets *s, int how);   /* as shutdown(); from any thread */

#endif
