/* What the relay itself refuses, for `duewatch status`: mails that wait although nothing is wrong with their address
 * (design.md §3). */
#include "cli.h"

static int on_mail(void *ctx, const struct dw_mail_row *m)
{
	struct cli_refused *r = ctx;

	if (m->tries == 0 || m->verdict != DW_RELAY_REFUSED)
		return 0;
	r->mails++;
	if (r->words && m->last_try <= r->at)
		return 0;
	free(r->words);
	r->words = dw_strdup(m->answer ? m->answer : "");
	r->at = m->last_try;
	return r->words ? 0 : -ENOMEM;
}

int cli_refused(const struct cli *c, struct cli_refused *out, struct dw_err *err)
{
	static const enum dw_mail_state waiting[] = { DW_MAIL_QUEUED, DW_MAIL_LEASED, DW_MAIL_UNSURE };
	int r = 0;

	for (size_t i = 0; r >= 0 && c->store && i < DW_COUNT(waiting); i++)
		r = dw_store_mail_each(c->store, waiting[i], on_mail, out, err);
	return r < 0 ? r : 0;
}

void cli_refused_fini(struct cli_refused *r)
{
	free(r->words);
	*r = (struct cli_refused){ 0 };
}
