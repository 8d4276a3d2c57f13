/* Rows of the store's port: freeing and copying them, and what both backends must judge alike. */
#include "store-impl.h"

const char *const dw_mail_state_words[6] = {
	[DW_MAIL_QUEUED] = "queued", [DW_MAIL_LEASED] = "leased", [DW_MAIL_SENT] = "sent",
	[DW_MAIL_UNSURE] = "unsure", [DW_MAIL_FAILED] = "failed", [DW_MAIL_WITHDRAWN] = "withdrawn",
};

const char *const dw_mail_type_words[DW_MAIL_CLOSURE + 1] = {
	[DW_MAIL_ALERT] = "alert", [DW_MAIL_DAILY] = "daily", [DW_MAIL_FIRST_LOOK] = "first_look",
	[DW_MAIL_RESOLVED] = "resolved", [DW_MAIL_FEED] = "feed", [DW_MAIL_NOTE] = "note",
	[DW_MAIL_ANSWER] = "answer", [DW_MAIL_CLOSURE] = "closure",
};

void *dw_memdup(const void *p, size_t n)
{
	void *q = n ? dw_malloc(n) : NULL;

	return q ? memcpy(q, p, n) : NULL;
}

/* Copies a text that may be NULL; counts what failed. */
static char *dup_text(const char *s, bool *failed)
{
	char *p = dw_strdup(s);

	*failed |= s && !p;
	return p;
}

static void *dup_blob(const void *p, size_t n, bool *failed)
{
	void *q = p ? dw_memdup(p, n) : NULL;

	*failed |= p && n && !q;
	return q;
}

void dw_feed_row_fini(struct dw_feed_row *r)
{
	free(r->name);
	free(r->error);
	free(r->seen);
	free(r->rejects);
	*r = (struct dw_feed_row){ 0 };
}

int dw_feed_row_copy(struct dw_feed_row *to, const struct dw_feed_row *from)
{
	bool failed = false;

	*to = *from;
	to->name = dup_text(from->name, &failed);
	to->error = dup_text(from->error, &failed);
	to->seen = dup_text(from->seen, &failed);
	to->rejects = dup_text(from->rejects, &failed);
	if (!failed)
		return 0;
	dw_feed_row_fini(to);
	return -ENOMEM;
}

void dw_order_row_fini(struct dw_order_row *r)
{
	free(r->feed);
	free(r->order_id);
	free(r->record);
	free(r->close_note);
	free(r->close_by);
	*r = (struct dw_order_row){ 0 };
}

int dw_order_row_copy(struct dw_order_row *to, const struct dw_order_row *from)
{
	bool failed = false;

	*to = *from;
	to->feed = dup_text(from->feed, &failed);
	to->order_id = dup_text(from->order_id, &failed);
	to->record = dup_blob(from->record, from->n_record, &failed);
	to->close_note = dup_text(from->close_note, &failed);
	to->close_by = dup_text(from->close_by, &failed);
	if (!failed)
		return 0;
	dw_order_row_fini(to);
	return -ENOMEM;
}

void dw_mail_row_fini(struct dw_mail_row *r)
{
	free(r->person);
	free(r->address);
	free(r->message_id);
	free(r->subject);
	free(r->bytes);
	free(r->model);
	free(r->answer);
	free(r->visited);
	*r = (struct dw_mail_row){ 0 };
}

int dw_mail_row_copy(struct dw_mail_row *to, const struct dw_mail_row *from)
{
	bool failed = false;

	*to = *from;
	to->person = dup_text(from->person, &failed);
	to->address = dup_text(from->address, &failed);
	to->message_id = dup_text(from->message_id, &failed);
	to->subject = dup_text(from->subject, &failed);
	to->bytes = dup_blob(from->bytes, from->n_bytes, &failed);
	to->model = dup_text(from->model, &failed);
	to->answer = dup_text(from->answer, &failed);
	to->visited = dup_text(from->visited, &failed);
	if (!failed)
		return 0;
	dw_mail_row_fini(to);
	return -ENOMEM;
}

int dw_hand_copy(struct dw_hand *to, const struct dw_hand *from)
{
	bool failed = false;

	*to = (struct dw_hand){ .field = from->field, .at = from->at };
	to->by = dup_text(from->by, &failed);
	to->base = dup_text(from->base, &failed);
	if (!failed && dw_facts_copy(&to->value, &from->value) == 0)
		return 0;
	dw_hand_fini(to);
	*to = (struct dw_hand){ 0 };
	return -ENOMEM;
}

int dw_order_over(bool gone, dw_time cutoff, const struct dw_memory *m, const void *record, size_t n_record)
{
	struct dw_facts f;
	int64_t status;
	int r;

	if (m->closed_at != DW_UNKNOWN)
		return m->closed_at < cutoff;
	if (gone)
		return 1;
	r = dw_facts_decode(&f, record, n_record);
	if (r < 0)
		return r;
	status = dw_has(&f, DW_F_STATUS) ? f.num[DW_F_STATUS] : DW_AWAITING_SHIPMENT;
	dw_facts_fini(&f);
	return status == DW_COMPLETED || status == DW_CANCELLED;
}
