/* Which column is which field, and one row's cells to facts. */
#ifndef DUEWATCH_INGEST_MAP_H
#define DUEWATCH_INGEST_MAP_H

#include "duewatch/ingest.h"

struct dw_map {
	int column[DW_FIELD_COUNT];	    /* index, or -1 */
	const char *left[DW_FIELD_COUNT];   /* unit of a time-left column, or NULL; borrowed from the config */
	char *title[DW_FIELD_COUNT];	    /* the header's words, for reports; owned */
	bool any_left;
	uint64_t print;			    /* of the mapping and the feed's way of reading */
};

/* -EINVAL where no column is the order number: err lists what the header has. */
int dw_map_header(struct dw_map *out, const struct dw_feed_conf *conf, const struct dw_row *header, struct dw_err *err);
void dw_map_fini(struct dw_map *m);

/* The order number of a row as it is kept. 0; -EINVAL. */
int dw_map_order_id(const struct dw_map *m, const struct dw_row *row, char *out, size_t size, struct dw_err *err);

/* One row into o (facts, bad, left, print). Reports unusable cells. base: what time-left values count from. */
int dw_map_row(const struct dw_map *m, const struct dw_feed_conf *conf, const struct dw_row *row, dw_time base,
	       struct dw_read_order *o, struct dw_read_report *report, struct dw_err *err);

void dw_report_reject(struct dw_read_report *r, const char *fmt, ...) DW_PRINTF(2, 3);

#endif
