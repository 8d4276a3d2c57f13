/* A platform's rule pack, resolved (conf/platforms/NAME.conf, then platforms.d, then the config's `packs`). */
#ifndef DUEWATCH_PACK_H
#define DUEWATCH_PACK_H

#include "duewatch/calendar.h"
#include "duewatch/fact.h"

enum dw_ext_by { DW_EXT_BY_SELLER, DW_EXT_BY_BUYER, DW_EXT_BY_NOBODY };
enum dw_receipt_by { DW_RECEIPT_BY_UNKNOWN, DW_RECEIPT_BY_SELLER, DW_RECEIPT_BY_BUYER, DW_RECEIPT_BY_BOTH, DW_RECEIPT_BY_NOBODY };
enum dw_payout { DW_PAYOUT_UNKNOWN, DW_PAYOUT_RECEIPT, DW_PAYOUT_SHIPMENT };
enum dw_receipt_watch { DW_WATCH_ETA, DW_WATCH_ALWAYS, DW_WATCH_OFF };

enum { DW_AUTO_CONFIRM_MAX = 6 };

struct dw_auto_confirm {
	int n;
	int days[DW_AUTO_CONFIRM_MAX]; /* ascending: the shortest counts until refuted */
};

struct dw_column {
	enum dw_field ours;
	char *theirs; /* as in the file's header; matching folds case, spaces and full-width brackets */
	char *left;   /* NULL, or the unit of a time-left value: "ms" "s" "m" "h" "d" */
};

/* Texts for people, one per language, found by key ("how_to_file", "export_notes", "buyer_text" …). */
struct dw_pack_text {
	char *key, *language; /* "how_to_file", "en" or "zh-CN" */
	char **line;	      /* steps, or one paragraph */
	size_t n;
};

struct dw_pack {
	char *name, *base, *timezone;
	const struct dw_zone *zone; /* borrowed from the config's zone list; NULL where the platform names none: the feed's then */
	enum dw_ext_by extension;
	int buyer_answer; /* working days a buyer needs to confirm */
	struct dw_holidays holidays;
	struct dw_auto_confirm auto_confirm[DW_BY_COUNT];
	int receipt_extension; /* days one receipt extension adds */
	enum dw_receipt_watch receipt_watch;
	int claim_days;
	int64_t dispute_talk; /* seconds */
	int margin_days;      /* added to the expected ship date in a proposal */
	int max_extension_days; /* 0: not known */
	enum dw_receipt_by receipt_by;		    /* who may extend the receiving time */
	int receipt_seller_times, receipt_buyer_times; /* how often; 0: not known */
	enum dw_payout payout;			    /* after what the platform pays the seller */
	int dispute_call_day, dispute_auto_day;	    /* the dispute's day from which either side may call the platform,
						     * and on which it goes there by itself; the first is 1; 0: not known */
	char *order_url;      /* NULL, or with {{order_id}} */
	struct dw_column *columns;
	size_t n_columns;
	struct dw_status_word *status; /* theirs owned */
	size_t n_status;
	struct dw_pack_text *texts;
	size_t n_texts;
};

/* The lines of a text in `language`, else in English, else of the base; *n = 0 and NULL where there are none. */
char *const *dw_pack_text_find(const struct dw_pack *p, const char *key, const char *language, size_t *n);
void dw_pack_fini(struct dw_pack *p);

#endif
