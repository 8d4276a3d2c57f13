/* engine.h: how far a mailbox has been read, and whom that concerns when it can't be. */
#include "engine-impl.h"

#include <stdio.h>

enum { TELL_AFTER_S = 6 * 3600, TELL_AGAIN_S = 86400, STORE_EVERY_S = 60 };

void dw_mailbox_name(char out[DW_MAILBOX_NAME], const struct dw_replies_conf *conf)
{
	uint64_t h = dw_hash_str(dw_hash_str(dw_hash_str(DW_HASH_INIT, conf->url), conf->folder), conf->username);

	snprintf(out, DW_MAILBOX_NAME, "%016llx", (unsigned long long)h);
}

static int load(struct dw_engine *e, const char *name, struct dw_mailbox_row *row, struct dw_err *err)
{
	int r = dw_store_mailbox_get(e->store, name, row, err);

	if (r != 1)
		return r;
	*row = (struct dw_mailbox_row){ .last_success = DW_UNKNOWN, .error_since = DW_UNKNOWN, .told = DW_UNKNOWN };
	snprintf(row->name, sizeof(row->name), "%s", name);
	return 0;
}

static int put(struct dw_engine *e, const struct dw_mailbox_row *row, struct dw_err *err)
{
	int r = dw_store_begin(e->store, err);

	if (r == 0)
		r = dw_store_mailbox_put(e->store, row, err);
	if (r == 0)
		return dw_store_commit(e->store, err);
	dw_store_rollback(e->store);
	return r;
}

int dw_mailbox_looked(struct dw_engine *e, const char *mailbox, int64_t uidvalidity, int64_t last_uid, dw_time now,
		      struct dw_err *err)
{
	struct dw_mailbox_row row;
	bool changed;
	int r = load(e, mailbox, &row, err);

	if (r < 0)
		return r;
	changed = row.uidvalidity != uidvalidity;
	if (changed && row.uidvalidity)
		dw_engine_log(e, DW_LOG_NOTICE, "replies: the mailbox was made anew: what came in since the last look is read");
	if (row.error_since != DW_UNKNOWN)
		dw_engine_log(e, DW_LOG_NOTICE, "replies: the mailbox can be read again");
	/* not a durable write at each look: nothing hangs on this to the minute */
	if (!changed && row.error_since == DW_UNKNOWN && row.last_success != DW_UNKNOWN && now - row.last_success < STORE_EVERY_S &&
	    now >= row.last_success)
		return 0;
	if (changed) {
		row.uidvalidity = uidvalidity;
		row.last_uid = last_uid;
	}
	row.last_success = now;
	row.error_since = row.told = DW_UNKNOWN;
	row.error[0] = '\0';
	return put(e, &row, err);
}

static int tell_operators(struct dw_engine *e, const struct dw_mailbox_row *row, dw_time now, struct dw_err *err)
{
	const struct dw_people *people = &e->config->people;
	const struct dw_note note = { .name = "mailbox_blind",
				      .value = { { .name = "age", .type = DW_NOTE_AGE, .num = now - row->error_since },
						 { .name = "error", .text = row->error } } };
	char key[120];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < people->n_operators; i++) {
		snprintf(key, sizeof(key), "mailbox|%s|%lld|%d", row->name, (long long)now, people->operators[i]);
		r = dw_dispatch_note(e, &(struct dw_telling){ .note = &note, .key = key }, people->operators[i], now, err);
	}
	return r < 0 ? r : 0;
}

int dw_mailbox_failed(struct dw_engine *e, const char *mailbox, const char *why, dw_time now, struct dw_err *err)
{
	struct dw_mailbox_row row;
	char text[sizeof(row.error)];
	bool tell, first;
	int r = load(e, mailbox, &row, err);

	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%s", why);
	dw_utf8_mend(text);
	first = row.error_since == DW_UNKNOWN;
	if (first || strcmp(text, row.error) != 0)
		dw_engine_log(e, DW_LOG_WARNING, "replies: the mailbox can't be read: %s", text);
	if (first)
		row.error_since = now;
	tell = now - row.error_since >= TELL_AFTER_S && (row.told == DW_UNKNOWN || now - row.told >= TELL_AGAIN_S);
	if (!first && !tell && strcmp(text, row.error) == 0)
		return 0;
	memcpy(row.error, text, sizeof(text));
	r = dw_store_begin(e->store, err);
	if (r < 0)
		return r;
	if (tell) {
		r = tell_operators(e, &row, now, err);
		row.told = now;
	}
	if (r == 0)
		r = dw_store_mailbox_put(e->store, &row, err);
	if (r == 0)
		return dw_store_commit(e->store, err);
	dw_store_rollback(e->store);
	return r;
}

/* ---- the key ---- */

int dw_engine_reply_key(struct dw_engine *e, struct dw_err *err)
{
	int r = e->keyed ? 0 : dw_engine_token_key(e, e->reply_key, err);

	e->keyed |= r == 0;
	return r;
}
