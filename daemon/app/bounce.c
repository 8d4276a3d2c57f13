/* engine-impl.h: a mail that came back after the relay had taken it (RFC 3464), and what that makes of its address. */
#include "engine-impl.h"

#include "duewatch/retry.h"

#include <stdio.h>

enum {
	WELL_AFTER_S = 48 * 3600,
	COMES_BACK_S = 14 * 86400, /* servers give up after five days; who reads an old mail's sender address must not have the use of it */
};

int dw_bounce_is_dead(struct dw_engine *e, const char *address, dw_time now, struct dw_dead_row *out, struct dw_err *err)
{
	int r = dw_empty(address) ? 1 : dw_store_dead_get(e->store, address, out, err);

	if (r != 0)
		return r < 0 ? r : 0;
	return out->good == DW_UNKNOWN || now - out->good < WELL_AFTER_S;
}

int dw_bounce_delivered(struct dw_engine *e, const char *address, dw_time now, struct dw_err *err)
{
	struct dw_dead_row row;
	int r = dw_empty(address) ? 1 : dw_store_dead_get(e->store, address, &row, err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (row.good != DW_UNKNOWN)
		return now - row.good >= WELL_AFTER_S ? dw_store_dead_drop(e->store, address, err) : 0;
	row.good = now;
	return dw_store_dead_put(e->store, &row, err);
}

/* 5.1.x and 5.2.1 say that there is nobody; anything else that this mail didn't arrive (design.md §3). */
static bool nobody_there(const char *status)
{
	return strncmp(status, "5.1.", 4) == 0 || strcmp(status, "5.2.1") == 0;
}

static int mark_dead(struct dw_engine *e, const struct dw_mail_row *mail, const char *why, dw_time now, struct dw_err *err)
{
	struct dw_dead_row row;
	int r = dw_store_dead_get(e->store, mail->address, &row, err);

	if (r < 0)
		return r;
	if (r == 1) {
		row = (struct dw_dead_row){ .since = now, .tried = DW_UNKNOWN };
		if (strlen(mail->address) >= sizeof(row.address))
			return 0;
		snprintf(row.address, sizeof(row.address), "%s", mail->address);
	}
	row.good = DW_UNKNOWN;
	row.mail = mail->id;
	snprintf(row.why, sizeof(row.why), "%s", why);
	dw_utf8_mend(row.why);
	return dw_store_dead_put(e->store, &row, err);
}

/* The mail didn't arrive: as if the relay had refused the address, but for the state it is in. */
static int failed(struct dw_engine *e, struct dw_mail_row *mail, const char *why, dw_time now, struct dw_err *err)
{
	int r = 0;

	mail->state = DW_MAIL_FAILED;
	mail->next_try = DW_NEVER;
	mail->verdict = DW_DEAD_ADDRESS;
	free(mail->answer);
	mail->answer = dw_strdup(why);
	if (!mail->answer)
		return dw_err_oom(err);
	if (mail->type != DW_MAIL_ANSWER)
		r = dw_dispatch_redirect(e, mail, why, now, err);
	if (r == 1) { /* nobody is left: tried again, as long as any mail that is refused */
		mail->tries++;
		mail->next_try = dw_retry_next(mail->created, mail->tries, true, now);
		mail->state = mail->next_try == DW_NEVER ? DW_MAIL_FAILED : DW_MAIL_QUEUED;
	}
	return r < 0 ? r : dw_store_mail_answered(e->store, mail, err);
}

static int take(struct dw_engine *e, const struct dw_inbound *in, struct dw_mail_row *mail, dw_time now, const char **said,
		struct dw_err *err)
{
	char why[200];
	int r = 0;

	if (mail->state != DW_MAIL_SENT && mail->state != DW_MAIL_UNSURE) {
		*said = "of a mail that has failed already";
		return 0;
	}
	if (now - (mail->last_try != DW_UNKNOWN ? mail->last_try : mail->created) > COMES_BACK_S) {
		*said = "of a mail that left long ago";
		return 0;
	}
	snprintf(why, sizeof(why), "the mail came back: %.11s %.150s", in->status, in->diagnostic ? in->diagnostic : "");
	dw_utf8_mend(why);
	if (nobody_there(in->status) && mail->address)
		r = mark_dead(e, mail, why, now, err);
	dw_engine_log(e, DW_LOG_WARNING, "bounced mail=%lld person=%s: %s", (long long)mail->id, mail->person, why);
	*said = "taken";
	return r < 0 ? r : failed(e, mail, why, now, err);
}

int dw_bounce_take(struct dw_engine *e, const struct dw_inbound *in, dw_time now, const char **said, struct dw_err *err)
{
	struct dw_mail_row mail = { 0 };
	int64_t id;
	int r;

	*said = "not of a mail of ours";
	if (!in->envelope || !e->keyed || dw_verp_read(e->reply_key, in->envelope, &id) != 0)
		return 0;
	*said = "not for good";
	if (!in->failed || (in->status[0] && in->status[0] != '5'))
		return 0;
	*said = "of a mail that is no longer in the outbox";
	r = dw_store_mail_get(e->store, id, &mail, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = take(e, in, &mail, now, said, err);
	dw_mail_row_fini(&mail);
	return r;
}
