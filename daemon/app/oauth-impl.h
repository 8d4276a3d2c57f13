/* Inside of app/oauth*.c. */
#ifndef DUEWATCH_APP_OAUTH_IMPL_H
#define DUEWATCH_APP_OAUTH_IMPL_H

#include "duewatch/oauth.h"

#include <pthread.h>

/* oauth-file.c: what tokens/NAME.json holds. Texts are in locked memory; times are wall clock, DW_UNKNOWN: not known. */
struct dw_oauth_kept {
	char *refresh, *access;
	dw_time obtained, expires;    /* of access */
	dw_time refresh_expires;
	uint64_t seed; /* print of the refresh token file's token that all this came from; 0: of none */
	uint64_t of;   /* print of the client and the login that it is for */
};
void dw_oauth_kept_fini(struct dw_oauth_kept *k);
/* 0; 1: there is none; -EPERM: others may read it, or it isn't ours; -EBADMSG: damaged; else as the system said. */
int dw_oauth_kept_load(struct dw_oauth_kept *out, const char *state, const char *name, struct dw_err *err);
/* In one step, synced; the folder is made where it is missing. */
int dw_oauth_kept_save(const struct dw_oauth_kept *k, const char *state, const char *name, struct dw_err *err);
/* One process at a time turns a refresh token into another. A descriptor to close, -1: none to be had (then without). */
int dw_oauth_lock(const char *state, const char *name, const atomic_bool *stop);

/* oauth-http.c: fields are name, value, …, NULL; a value of NULL is left out. */
int dw_oauth_post(struct dw_oauth *o, const char *url, const char *const *field, struct dw_oauth_answer *out, struct dw_err *err);

enum { DW_OAUTH_HTTP_S = 20 };

struct dw_oauth {
	/* set once */
	char *name, *username, *state;
	char *client_id, *token_url, *authorize_url, *device_url, *scope, *ca_file;
	bool google;
	char *secret, *seed_token; /* of the client; of refresh_token_file; locked memory, or NULL */
	uint64_t seed, of;
	atomic_bool stop;

	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t done;
	bool busy;		  /* somebody is asking the server: the rest waits, or takes what there is */
	struct dw_oauth_kept now; /* in force */
	int64_t from_ms, until_ms; /* boot time of now.access's life; 0: none */
	bool loaded, unsaved;	  /* the file was read; it isn't what is in force, for it couldn't be written */
	int failures;		  /* in a row */
	int64_t looked_ms, saved_ms; /* boot time of the last look at the file, and try to write it */
	int64_t retry_ms;	  /* boot time before which the server isn't asked again */
	struct dw_oauth_health health;
};

/* Takes a grant over: in force, and in the file. With the mutex held. */
int dw_oauth_install(struct dw_oauth *o, struct dw_oauth_answer *a, struct dw_err *err);

#endif
