/* sqlite.h: small named values. */
#include "sqlite.h"

int dw_sqlite_meta_get(struct dw_store *st, const char *key, char **out, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	DW_FREE char *v = NULL;
	int r = dw_query_open(&q, dw_sqlite_of(st), "SELECT value FROM meta WHERE key=?", err);

	if (r < 0)
		return r;
	dw_bind_text(&q, key);
	r = dw_query_step(&q, err);
	if (r <= 0)
		return r < 0 ? r : 1;
	v = dw_col_text(&q);
	r = dw_query_check(&q, err);
	if (r == 0)
		*out = dw_steal(&v);
	return r;
}

int dw_sqlite_meta_put(struct dw_store *st, const char *key, const char *value, struct dw_err *err)
{
	DW_QUERY q = { 0 };
	int r = dw_query_open(&q, dw_sqlite_of(st),
			      "INSERT INTO meta(key, value) VALUES(?, ?)"
			      " ON CONFLICT(key) DO UPDATE SET value=excluded.value",
			      err);

	if (r < 0)
		return r;
	dw_bind_text(&q, key);
	dw_bind_text(&q, value);
	return dw_query_run(&q, err);
}
