/* The programs' bodies, over the engine: the daemon under libuv, --once in one thread, -t. */
#ifndef DUEWATCH_DAEMON_H
#define DUEWATCH_DAEMON_H

#include "duewatch/engine.h"
#include "duewatch/imap.h"
#include "duewatch/oauth.h"

struct dw_daemon_opts {
	const char *config;  /* path */
	const char *datadir; /* NULL: found */
	bool verbose;
};

/* Each returns the exit code (interface.md, Programs): 0 fine, 1 something failed, 2 a bad config. */
int dw_daemon_run(const struct dw_daemon_opts *opts);
int dw_once_run(const struct dw_daemon_opts *opts);
int dw_check_run(const struct dw_daemon_opts *opts);

/* log.c: one line per event on standard error; with the journal behind it, with its priority. Thread-safe. */
void dw_log_init(bool verbose);
void dw_log_line(void *ctx, int priority, const char *line); /* fits dw_engine_new */
void dw_log(int priority, const char *fmt, ...) DW_PRINTF(2, 3);

/* The config with its problems printed; what -t, a start and a reload share. Returns as dw_config_load. */
int dw_config_load_logged(struct dw_config **out, const struct dw_daemon_opts *opts, bool to_log, struct dw_err *err);

/* sender.c: the transport of one relay of a config, and the relay's rate as a sliding window: never faster. */
struct dw_sender_conf {
	struct dw_transport_conf transport;
	char *secret; /* wiped with dw_sender_conf_fini */
	struct dw_oauth *oauth; /* NULL: by password, or no login */
};
int dw_sender_conf_init(struct dw_sender_conf *out, const struct dw_config *config, const struct dw_mail_conf *relay,
			struct dw_err *err); /* on failure, too, *out is to be finished */
void dw_sender_conf_fini(struct dw_sender_conf *c);

/* And the mailbox for answers. Borrows from config, which must outlive it. */
struct dw_mailbox_conf {
	struct dw_imap_conf imap; /* url NULL: none */
	char *secret;		  /* wiped with dw_mailbox_conf_free */
	struct dw_oauth *oauth;	  /* NULL: by password */
};
/* Reads the password (so: with root's rights, where there are any). */
int dw_mailbox_conf_new(struct dw_mailbox_conf **out, const struct dw_config *config, struct dw_err *err);
void dw_mailbox_conf_free(struct dw_mailbox_conf *c); /* NULL is fine */
static inline void dw_mailbox_conf_freep(struct dw_mailbox_conf **c)
{
	dw_mailbox_conf_free(*c);
}

struct dw_rate {
	int n;		 /* at most n … */
	int64_t span_ms; /* … in any span of this length; n 0: no limit */
	int64_t *at;	 /* ring of the last n sends */
	int next;
};
int dw_rate_init(struct dw_rate *r, int n, int64_t span_s);
void dw_rate_fini(struct dw_rate *r);
/* ms until one more send is allowed after `pending` that will be noted soon; 0: now */
int64_t dw_rate_wait(const struct dw_rate *r, int64_t now_ms, int pending);
void dw_rate_note(struct dw_rate *r, int64_t now_ms);
void dw_rate_inherit(struct dw_rate *r, const struct dw_rate *from); /* a reload forgets no send */

/* Clocks, in one place: wall seconds; boot-time and monotonic milliseconds. */
dw_time dw_clock_wall(void);
int64_t dw_clock_boot_ms(void);

#endif
