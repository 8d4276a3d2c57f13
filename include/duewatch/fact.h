/* One table of the fields an order has (rules.md §2), and the record of what one source says of one order.
 * Parsing, printing, checking, completion and the man page all read the table `dw_fields`. */
#ifndef DUEWATCH_FACT_H
#define DUEWATCH_FACT_H

#include "duewatch/base.h"
#include "duewatch/instant.h"

enum dw_field {
	DW_F_ORDER_ID,
	DW_F_PLATFORM,
	DW_F_STATUS,
	DW_F_CREATED_AT,
	DW_F_PAID_AT,
	DW_F_SHIPPED_AT,
	DW_F_COMPLETED_AT,
	DW_F_PROMISED_AT,
	DW_F_LEAD_DAYS,
	DW_F_EXTENSION_STATE,
	DW_F_EXTENSION_UNTIL,
	DW_F_AUTO_CONFIRM_AT,
	DW_F_RECEIPT_EXTENSIONS,
	DW_F_AGREED_AT,
	DW_F_EXPECTED_SHIP_AT,
	DW_F_EXPECTED_ARRIVAL_AT,
	DW_F_DELIVERED_AT,
	DW_F_TRANSPORT,
	DW_F_OWNER,
	DW_F_BUYER,
	DW_F_TITLE,
	DW_F_URL,
	DW_F_NOTE,
	DW_F_AMOUNT,
	DW_F_CURRENCY,
	DW_FIELD_COUNT
};

enum dw_status {
	DW_AWAITING_PAYMENT,
	DW_AWAITING_SHIPMENT,
	DW_PARTLY_SHIPPED,
	DW_SHIPPED,
	DW_DELIVERED,
	DW_COMPLETED,
	DW_CANCELLED,
	DW_DISPUTED,
	DW_STATUS_COUNT
};

enum dw_extension { DW_EXT_NONE, DW_EXT_REQUESTED, DW_EXT_ACCEPTED, DW_EXT_DECLINED, DW_EXT_COUNT };

enum dw_transport_mode {
	DW_BY_EXPRESS,
	DW_BY_AIR,
	DW_BY_LAND,
	DW_BY_SEA,
	DW_BY_POST,
	DW_BY_MULTIMODAL,
	DW_BY_WAREHOUSE,
	DW_BY_UNKNOWN,
	DW_BY_COUNT
};

enum dw_field_kind { DW_K_TEXT, DW_K_STATUS, DW_K_INSTANT, DW_K_COUNT, DW_K_EXTENSION, DW_K_TRANSPORT, DW_K_AMOUNT };

struct dw_field_info {
	const char *name;
	enum dw_field_kind kind;
	bool record;	    /* of the platform's record; else of the world (rules.md §2, Sources) */
	enum dw_bare bare;  /* how a bare date is read */
	const char *meaning; /* one line, for help and the man page */
};

extern const struct dw_field_info dw_fields[DW_FIELD_COUNT];
extern const char *const dw_status_words[DW_STATUS_COUNT];
extern const char *const dw_extension_words[DW_EXT_COUNT];
extern const char *const dw_transport_words[DW_BY_COUNT]; /* the last is "unknown" */

int dw_field_find(const char *name);				/* the field, or -1 */
int dw_word_find(const char *const *words, size_t n, const char *s); /* ignores ASCII case; -1 */

enum { DW_TEXT_MAX = 1000 }; /* bytes kept of a text cell; order_id: 64 */

/* What one source says of one order. A field is `listed` when the source has that column (or key) at all, and
 * `known` when it gave a usable value: listed and not known is an emptied cell, which withdraws. */
struct dw_facts {
	uint32_t listed, known;
	int64_t num[DW_FIELD_COUNT];  /* instants, counts, words, minor units of money */
	char *text[DW_FIELD_COUNT];   /* text fields; owned */
};

void dw_facts_fini(struct dw_facts *f);
int dw_facts_copy(struct dw_facts *to, const struct dw_facts *from); /* to is overwritten, not freed */
static inline bool dw_has(const struct dw_facts *f, enum dw_field x)
{
	return f->known >> x & 1;
}
static inline bool dw_listed(const struct dw_facts *f, enum dw_field x)
{
	return f->listed >> x & 1;
}
/* The instant, or DW_UNKNOWN. */
static inline dw_time dw_at(const struct dw_facts *f, enum dw_field x)
{
	return dw_has(f, x) ? f->num[x] : DW_UNKNOWN;
}
/* The text, or NULL. */
static inline const char *dw_text(const struct dw_facts *f, enum dw_field x)
{
	return dw_has(f, x) ? f->text[x] : NULL;
}
void dw_facts_set_num(struct dw_facts *f, enum dw_field x, int64_t v);
int dw_facts_set_text(struct dw_facts *f, enum dw_field x, const char *v); /* copies; 0 or -ENOMEM */
void dw_facts_forget(struct dw_facts *f, enum dw_field x);	/* listed stays, the value goes */
int dw_facts_take(struct dw_facts *to, const struct dw_facts *from, enum dw_field x); /* copies one field's value */
bool dw_facts_same(const struct dw_facts *a, const struct dw_facts *b, enum dw_field x);

/* How cells are read: zones and words of the row's feed. */
struct dw_status_word {
	const char *theirs;
	enum dw_status ours;
};
struct dw_cell_rules {
	const struct dw_zone *zone;  /* of local times */
	const struct dw_zone *other; /* NULL, or the second zone of rules.md §2: the earlier counts */
	const struct dw_status_word *status;
	size_t n_status;
};

/* Parses one cell's text into f: listed is set in any case. 0; 1 = empty or "unknown" (withdrawn);
 * -EINVAL with err: what is wrong and what is allowed (the field keeps what f had). `number` marks a
 * spreadsheet's number: a damaged order id is told apart by it. *local (may be NULL) is set when a zone mattered. */
int dw_fact_parse(struct dw_facts *f, enum dw_field x, const char *text, bool number, const struct dw_cell_rules *rules,
		  bool *local, struct dw_err *err);

/* The value as text that dw_fact_parse reads back ("2026-12-10T07:59:59Z", "sea", "1293.70"); "" if unknown. */
int dw_fact_text(struct dw_buf *out, const struct dw_facts *f, enum dw_field x);

/* The compact record kept in the store: versioned, self-delimiting; decoding checks everything. */
int dw_facts_encode(struct dw_buf *out, const struct dw_facts *f);
int dw_facts_decode(struct dw_facts *out, const void *p, size_t n); /* -EBADMSG; out is overwritten, not freed */
uint64_t dw_facts_hash(const struct dw_facts *f, uint64_t seed);

/* Folding of an order's rows (one per SKU) into one record, rules.md §2. Start with {0}; add rows in file order;
 * finish once. `differ` is set when rows named different amounts. */
struct dw_fold {
	struct dw_facts f, cancelled; /* cancelled: first row's facts, used if all rows are */
	unsigned rows, live, status_seen, ext_seen, delivered;
	bool differ;
};
int dw_fold_add(struct dw_fold *fold, struct dw_facts *row); /* takes row's texts; row is empty after */
int dw_fold_finish(struct dw_fold *fold, struct dw_facts *out);
void dw_fold_fini(struct dw_fold *fold);

/* A source's latest good row is its whole word: `now` becomes what is stored after `before` (may be empty).
 * Columns the read didn't have keep their values; a bad cell (bit in `bad`) keeps its last known one;
 * with `left` bits, time-left instants that moved by 10 min or less stay (rules.md §2). */
int dw_facts_succeed(struct dw_facts *now, const struct dw_facts *before, uint32_t bad, uint32_t left);

#endif
