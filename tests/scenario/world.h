/* A small world around the engine, in which time passes only when told: real config, real CSV feeds in a temporary
 * folder, a real store, a fake clock and a fake relay. The scenarios (runner.c) and the 90-day simulation
 * (simulate.c) live in it. It does what the daemon's loop does, but jumps from event to event.
 *
 * `t` is the true time; the wall clock shows t + offset (a scenario can make it wrong), the boot clock goes with t. */
#ifndef DUEWATCH_SCENARIO_WORLD_H
#define DUEWATCH_SCENARIO_WORLD_H

#include "duewatch/clock.h"
#include "duewatch/engine.h"
#include "duewatch/relays.h"

/* What a mail says of one order, from its X-Duewatch-* headers. */
struct sc_entry {
	char order[80], kind[40], step[24];
	bool taken;
};

/* One mail the relay took. */
struct sc_mail {
	int64_t id; /* row in the outbox */
	dw_time at; /* true time */
	char person[64];
	enum dw_mail_type type;
	char *subject, *message_id, *bytes;
	struct sc_entry *entry;
	size_t n_entry, cap_entry;
	int relay;     /* that took it: 0 the first */
	bool recorded; /* its 250 was committed */
	bool repeat;   /* the relay had taken the same Message-ID before, unrecorded */
	bool taken;
};

enum sc_relay { SC_OK, SC_451, SC_DEAD, SC_554, SC_HANG, SC_HANG_LOST, SC_DOWN };

struct sc_row {
	char *cell[DW_FIELD_COUNT]; /* owned; NULL: empty. [DW_F_ORDER_ID] names it */
};

struct sc_feed {
	char *name;
	struct sc_row *row;
	size_t n_row, cap_row;
	uint32_t columns;  /* fields with a column in the file */
	char *raw;	   /* owned: this instead of the rows, once */
	bool cut;	   /* write only the first half, once */
	bool dirty;	   /* differs from the file */
	bool gone;	   /* no file */
	bool attempted;
	dw_time poll_at;   /* true time */
};

enum sc_crash { SC_ALIVE, SC_AFTER_DECIDE, SC_AFTER_QUEUE, SC_AFTER_LEASE, SC_AFTER_SEND };
enum { SC_PEOPLE_MAX = 16, SC_FEEDS_MAX = 8, SC_LOG_MAX = 60, SC_RELAYS_MAX = 2 };

struct sc_world {
	char dir[256];
	bool sqlite, minutely, verbose;
	int crashes;
	struct dw_config *config;
	struct dw_store *store;
	struct dw_engine *engine;
	struct dw_clock clock;
	dw_time t, t0;
	int64_t offset;
	bool started, believed;
	struct sc_feed feed[SC_FEEDS_MAX];
	size_t n_feed;
	enum sc_relay relay[SC_RELAYS_MAX][SC_PEOPLE_MAX];
	struct dw_relays *relays;
	enum sc_crash crash; /* armed */
	int64_t down;	     /* seconds nothing runs after it */
	struct sc_mail *mail;
	size_t n_mail, cap_mail;
	int64_t uid; /* of the last mail that came in */
	int64_t events; /* times the world was settled */
	char *log[SC_LOG_MAX];
	size_t n_log;
	struct dw_err err; /* what went wrong in the world itself */
};

/* Each returns 0, or < 0 with w->err. */
int sc_world_init(struct sc_world *w, const char *config, bool sqlite);
void sc_world_fini(struct sc_world *w);
static inline dw_time sc_wall(const struct sc_world *w)
{
	return w->t + w->offset;
}

int sc_reload(struct sc_world *w, const char *config); /* a changed config; a bad one keeps the old: -EINVAL */

/* Rows of a feed, as its file will say. */
struct sc_feed *sc_feed(struct sc_world *w, const char *name);
struct sc_row *sc_row(struct sc_feed *f, const char *order, bool add); /* the first of the order; NULL */
struct sc_row *sc_row_add(struct sc_feed *f, const char *order);
int sc_cell(struct sc_feed *f, struct sc_row *r, enum dw_field x, const char *text);
void sc_row_drop(struct sc_feed *f, const char *order);
int sc_write(struct sc_world *w, struct sc_feed *f, int64_t age); /* the file, its mtime `age` ago; to be read at once */

int sc_start(struct sc_world *w);		/* the daemon starts: all feeds are read, then decided */
int sc_settle(struct sc_world *w);		/* everything that is due at this instant */
int sc_advance(struct sc_world *w, dw_time to); /* true time */
int sc_restart(struct sc_world *w);		/* as after kill -9: the store as it lies on the disk, nothing else */
int64_t sc_order(struct sc_world *w, const char *text); /* "2341", "shop/2341": its row id, or -1 */

/* A person's answer to the last mail they got (';' parts lines), vouched for unless it is forged by another address; a
 * click on that person's link for an order, made `age` seconds ago; that mail comes back, "5.1.1" or "4.4.1". */
int sc_reply(struct sc_world *w, const char *person, const char *text, const char *forged_by);
int sc_click(struct sc_world *w, const char *person, int64_t order, int64_t age, const char *text);
int sc_bounce(struct sc_world *w, const char *person, const char *status);
int sc_mailbox(struct sc_world *w, const char *why); /* a look into it failed; NULL: it was good */

enum { SC_TYPES = 8 };
extern const char *const sc_type_words[SC_TYPES]; /* of enum dw_mail_type */
void sc_list(const struct sc_world *w); /* mails and the last log lines, to stderr */

#endif
