/* Private to the memory backend: plain arrays, and a transaction that is a copy of them all. For tests, and the
 * plainest statement of what the port means. */
#ifndef DUEWATCH_STORE_MEMORY_H
#define DUEWATCH_STORE_MEMORY_H

#include "store-impl.h"

/* An array of rows of one type, oldest first. */
struct dw_table {
	char *p;
	size_t n, cap, each;
	int (*copy)(void *to, const void *from); /* owned copy; -ENOMEM */
	void (*fini)(void *row);
};

struct dw_mem_text {
	char *key, *value;
};
struct dw_mem_overlay {
	char *feed, *order_id;
	void *record;
	size_t n;
	uint64_t print;
};
struct dw_mem_hand {
	int64_t order;
	struct dw_hand h;
};
struct dw_mem_alert {
	int64_t order;
	struct dw_alert a;
};
struct dw_mem_episode {
	int64_t order, last;
	enum dw_side side;
};
struct dw_mem_mail {
	struct dw_mail_row row;
	enum dw_mail_state leased_from;
};
struct dw_mem_history {
	int64_t order;
	dw_time at;
	char *text;
};

struct dw_mem_inbound {
	struct dw_inbound_row row; /* id is `key` */
	char *key;
};

enum dw_mem_which {
	MEM_META,
	MEM_FEED,
	MEM_ORDER,
	MEM_OVERLAY,
	MEM_HAND,
	MEM_ALERT,
	MEM_EPISODE,
	MEM_STEP,
	MEM_MAIL,
	MEM_PERSON,
	MEM_HISTORY,
	MEM_MAILBOX,
	MEM_INBOUND,
	MEM_DEAD,
	MEM_TABLES
};

struct dw_memstore {
	struct dw_store base;
	struct dw_table t[MEM_TABLES], before[MEM_TABLES]; /* before: as they were at begin */
	int64_t last_id, last_id_before;
};

static inline struct dw_memstore *dw_mem_of(struct dw_store *s)
{
	return (struct dw_memstore *)s;
}

/* ---- memory-table.c ---- */
void dw_table_init(struct dw_table t[MEM_TABLES]);
void dw_table_fini(struct dw_table *t);
int dw_table_copy(struct dw_table *to, const struct dw_table *from); /* to: initialised and empty */
static inline void *dw_table_at(const struct dw_table *t, size_t i)
{
	return t->p + i * t->each;
}
int dw_table_add(struct dw_table *t, const void *row);		   /* adds a copy; -ENOMEM */
int dw_table_set(struct dw_table *t, size_t i, const void *row); /* replaces by a copy; -ENOMEM */
void dw_table_drop(struct dw_table *t, size_t i);
/* Every row of table `which` that `dead` says yes to. */
int dw_table_sweep(struct dw_table *t, bool (*dead)(const void *row, const void *ctx), const void *ctx, int max);

/* NOLINTBEGIN(bugprone-macro-parentheses): a type and a name can't have them */
#define DW_ROWS(s, which, type, var)                                                                                   \
	for (type *var = (type *)(void *)(s)->t[which].p, *var##_end = var ? var + (s)->t[which].n : NULL;             \
	     var != var##_end; var++)
/* NOLINTEND(bugprone-macro-parentheses) */

/* ---- the operations ---- */
struct dw_order_row *dw_mem_order(struct dw_memstore *s, int64_t id); /* NULL: none */
int dw_mem_need_order(struct dw_memstore *s, int64_t id, struct dw_err *err); /* -ENOENT */
struct dw_mem_mail *dw_mem_mail(struct dw_memstore *s, int64_t id);
int dw_mem_episode_taken(struct dw_memstore *s, int64_t order, enum dw_side side, int64_t episode,
			 struct dw_err *err);

/* Each file fills its part of the table of operations. */
void dw_mem_order_ops(struct dw_store_ops *ops);
void dw_mem_overlay_ops(struct dw_store_ops *ops);
void dw_mem_alert_ops(struct dw_store_ops *ops);
void dw_mem_outbox_ops(struct dw_store_ops *ops);
void dw_mem_inbound_ops(struct dw_store_ops *ops);
void dw_mem_count_ops(struct dw_store_ops *ops);
int dw_mem_prune(struct dw_store *s, dw_time now, struct dw_err *err);

#endif
