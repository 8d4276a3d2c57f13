/* Private to the two files about orders: how a whole row is read. */
#ifndef DUEWATCH_STORE_SQLITE_ORDERS_H
#define DUEWATCH_STORE_SQLITE_ORDERS_H

#include "sqlite.h"

#define DW_ORDER_SELECT                                                                                                \
	"SELECT o.id, f.name, o.order_id, o.print, o.missing_since, o.gone, o.next_at, o.data_at, o.rules,"            \
	" o.class, o.missing_data, o.close_note, o.close_by, o.memory, o.record FROM orders o CROSS JOIN feeds f"            \
	" ON f.id=o.feed"

/* The row a query that begins with DW_ORDER_SELECT stands on. */
int dw_order_take(struct dw_query *q, struct dw_order_row *out, struct dw_err *err);

#endif
