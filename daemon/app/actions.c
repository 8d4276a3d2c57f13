/* engine.h, what a person does: set, unset, ack, unack, close, reopen; each one transaction. */
#include "dispatch-view.h"

#include "duewatch/reply.h"

#include <stdio.h>

/* Commits, or rolls back when r < 0 (r > 0: nothing to do). */
static int finish(struct dw_engine *e, int r, struct dw_err *err)
{
	if (r != 0) {
		dw_store_rollback(e->store);
		return r;
	}
	return dw_store_commit(e->store, err);
}

static int open_case(struct dw_engine *e, int64_t order, dw_time now, struct dw_case *c, struct dw_err *err)
{
	int r = dw_case_load(e, order, now, c, err);

	if (r > 0)
		return dw_err_set(err, -ENOENT, "that order is no longer in the store");
	if (r == 0 && !c->feed) {
		r = dw_err_set(err, -EINVAL, "its feed %s is no longer in the configuration", c->row.feed);
		dw_case_fini(c);
	}
	return r;
}

/* World fields in the config's zone, record fields in the zone of the order's feed (rules.md §2). */
static int hand_value(struct dw_engine *e, const struct dw_case *c, enum dw_field x, const char *text, struct dw_hand *h,
		      struct dw_err *err)
{
	struct dw_cell_rules rules = { .zone = dw_fields[x].record ? c->feed->zone : e->config->zone,
				       .status = c->feed->status, .n_status = c->feed->n_status };
	int r;

	if (x == DW_F_ORDER_ID || x == DW_F_PLATFORM)
		return dw_err_set(err, -EINVAL, "%s is the feed's to say and can't be set by hand", dw_fields[x].name);
	if (x == DW_F_AMOUNT && dw_has(&c->order.f, DW_F_CURRENCY) &&
	    dw_facts_take(&h->value, &c->order.f, DW_F_CURRENCY) < 0)
		return dw_err_oom(err);
	r = dw_fact_parse(&h->value, x, text, false, &rules, NULL, err);
	if (r > 0)
		return dw_err_set(err, -EINVAL, "%s: the value is empty; to withdraw yours: duewatch unset", dw_fields[x].name);
	if (r == 0 && x == DW_F_OWNER && dw_people_find(&e->config->people, h->value.text[x]) < 0)
		return dw_err_set(err, -EINVAL, "owner: nobody of the configuration is called \"%.60s\"", h->value.text[x]);
	if (x == DW_F_AMOUNT) {
		dw_facts_forget(&h->value, DW_F_CURRENCY);
		h->value.listed &= ~(UINT32_C(1) << DW_F_CURRENCY);
	}
	return r;
}

static int put_hand(struct dw_engine *e, struct dw_case *c, enum dw_field x, const char *text, const char *by,
		    dw_time now, struct dw_err *err)
{
	struct dw_hand h = { .field = x, .at = now };
	DW_BUF base = { 0 };
	char line[300];
	int r = hand_value(e, c, x, text, &h, err);

	if (r == 0 && dw_hand_base(&base, &c->sources, x) < 0)
		r = dw_err_oom(err);
	if (r == 0) {
		h.by = dw_strdup(by);
		h.base = dw_buf_take(&base);
		if (!h.by || !h.base)
			r = dw_err_oom(err);
	}
	if (r == 0)
		r = dw_store_hand_put(e->store, c->row.id, &h, err);
	if (r == 0)
		r = dw_store_order_touch(e->store, c->row.id, err);
	snprintf(line, sizeof(line), "%s set %s = %.120s", by, dw_fields[x].name, text);
	if (r == 0)
		r = dw_store_history_add(e->store, c->row.id, now, dw_utf8_mend(line), err);
	dw_hand_fini(&h);
	return r;
}

int dw_act_set(struct dw_engine *e, int64_t order, const struct dw_assignment *a, size_t n, const char *by, dw_time now,
	       struct dw_err *err)
{
	struct dw_case c;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = open_case(e, order, now, &c, err); /* anew: an amount's currency may have come with the one before */
		if (r == 0) {
			r = put_hand(e, &c, a[i].field, a[i].value, by, now, err);
			dw_case_fini(&c);
		}
	}
	return r;
}

int dw_engine_set(struct dw_engine *e, int64_t order, const struct dw_assignment *a, size_t n, const char *by, dw_time now,
		  struct dw_err *err)
{
	int r = dw_store_begin(e->store, err);

	return r < 0 ? r : finish(e, dw_act_set(e, order, a, n, by, now, err), err);
}

int dw_engine_unset(struct dw_engine *e, int64_t order, enum dw_field x, dw_time now, struct dw_err *err)
{
	struct dw_case c;
	bool had = false;
	char line[120];
	int r = dw_store_begin(e->store, err);

	if (r < 0)
		return r;
	r = open_case(e, order, now, &c, err);
	if (r == 0) {
		for (size_t i = 0; i < c.n_hand; i++)
			had |= c.hand[i].field == x;
		dw_case_fini(&c);
		r = had ? dw_store_hand_drop(e->store, order, x, err)
			: dw_err_set(err, 1, "%s is not set by hand", dw_fields[x].name);
	}
	snprintf(line, sizeof(line), "%s unset", dw_fields[x].name);
	if (r == 0)
		r = dw_store_order_touch(e->store, order, err);
	if (r == 0)
		r = dw_store_history_add(e->store, order, now, line, err);
	return finish(e, r, err);
}

/* ---- ack ---- */

/* The manager gets the note of an ack given after act_by, once. */
static int note_manager(struct dw_engine *e, const struct dw_case *c, const struct dw_alert *a, const char *note,
			dw_time now, struct dw_err *err)
{
	int who = dw_people_role(&e->config->people, c->owner, DW_MANAGER);
	const struct dw_person *p = &e->config->people.p[who];
	struct dw_note told = { .name = "acked",
				.value = { { .name = "by", .text = a->ack.by },
					   { .name = "kind", .type = DW_NOTE_KIND, .num = a->kind },
					   { .name = "order_id", .text = c->row.order_id },
					   { .name = "until", .type = DW_NOTE_INSTANT, .num = a->ack.until },
					   { .name = "words", .text = note } } };
	char key[300];

	if (strcmp(p->name, a->ack.by) == 0)
		return 0; /* the manager acked */
	snprintf(key, sizeof(key), "ack|%lld|%d|%lld", (long long)c->row.id, (int)a->side, (long long)now);
	return dw_dispatch_note(e, &(struct dw_telling){ .note = &told, .key = key }, who, now, err);
}

static int ack_sides(struct dw_engine *e, struct dw_case *c, const char *by, int64_t for_s, const char *note, dw_time now,
		     int *acked, struct dw_err *err)
{
	char line[400];
	int r = 0;

	*acked = 0;
	for (size_t i = 0; r == 0 && i < c->n_alert; i++) {
		struct dw_alert *a = &c->alert[i];
		bool tell = false;

		if (a->kind == DW_NO_KIND)
			continue;
		if (dw_alert_ack(a, &e->config->ladder[a->kind], c->plan.finding[a->side].found_at, by, for_s, now, &tell))
			continue;
		r = dw_store_alert_put(e->store, c->row.id, a, err);
		if (r == 0 && tell)
			r = note_manager(e, c, a, note, now, err);
		(*acked)++;
	}
	if (r == 0 && *acked == 0)
		return dw_err_set(err, 1, "order %s has nothing open to ack", c->row.order_id);
	snprintf(line, sizeof(line), "%s acked%s%.300s", by, dw_empty(note) ? "" : ": ", dw_empty(note) ? "" : note);
	if (r == 0)
		r = dw_store_history_add(e->store, c->row.id, now, dw_utf8_mend(line), err);
	return r == 0 ? dw_store_order_touch(e->store, c->row.id, err) : r;
}

int dw_act_ack(struct dw_engine *e, int64_t order, int person, int64_t for_s, const char *note, dw_time now, int *acked,
	       struct dw_err *err)
{
	struct dw_case c;
	int r = open_case(e, order, now, &c, err);

	if (r == 0) {
		r = ack_sides(e, &c, e->config->people.p[person].name, for_s, note, now, acked, err);
		dw_case_fini(&c);
	}
	return r;
}

int dw_engine_ack(struct dw_engine *e, int64_t order, int person, int64_t for_s, const char *note, dw_time now,
		  int *acked, struct dw_err *err)
{
	int r = dw_store_begin(e->store, err);

	return r < 0 ? r : finish(e, dw_act_ack(e, order, person, for_s, note, now, acked, err), err);
}

int dw_engine_unack(struct dw_engine *e, int64_t order, dw_time now, struct dw_err *err)
{
	struct dw_alert a[DW_SIDE_COUNT];
	int n, done = 0, r = dw_store_begin(e->store, err);

	if (r < 0)
		return r;
	n = r = dw_store_alert_load(e->store, order, a, err);
	for (int i = 0; r >= 0 && i < n; i++) {
		if (a[i].ack.at == DW_UNKNOWN)
			continue;
		a[i].ack = (struct dw_ack){ .at = DW_UNKNOWN };
		r = dw_store_alert_put(e->store, order, &a[i], err);
		done++;
	}
	if (r >= 0)
		r = done ? dw_store_order_touch(e->store, order, err) : dw_err_set(err, 1, "nothing is acked");
	if (r == 0)
		r = dw_store_history_add(e->store, order, now, "unacked", err);
	return finish(e, r, err);
}

/* ---- close ---- */

static int set_closed(struct dw_engine *e, int64_t order, bool closed, const char *by, const char *note, dw_time now,
		      struct dw_err *err)
{
	char line[400];
	struct dw_case c;
	int r = open_case(e, order, now, &c, err);

	if (r < 0)
		return r;
	if (closed == (c.row.memory.closed_at != DW_UNKNOWN))
		r = dw_err_set(err, 1, "order %s is %s", c.row.order_id, closed ? "closed already" : "not closed");
	c.row.memory.closed_at = closed ? now : DW_UNKNOWN;
	c.row.memory.closed_status = (int64_t)c.dates.status;
	c.row.memory.closed_promise = c.dates.p;
	free(c.row.close_by);
	free(c.row.close_note);
	c.row.close_by = closed ? dw_strdup(by) : NULL;
	c.row.close_note = closed ? dw_strdup(note) : NULL;
	c.row.next_at = 0;
	if (closed && (!c.row.close_by || (note && !c.row.close_note)))
		r = dw_err_oom(err);
	if (r == 0)
		r = dw_store_order_put(e->store, &c.row, err);
	snprintf(line, sizeof(line), "%s%s%.300s", closed ? by : "reopened", closed ? " closed it: " : "", closed && note ? note : "");
	if (r == 0)
		r = dw_store_history_add(e->store, order, now, dw_utf8_mend(line), err);
	dw_case_fini(&c);
	return r;
}

int dw_act_close(struct dw_engine *e, int64_t order, const char *by, const char *note, dw_time now, struct dw_err *err)
{
	return set_closed(e, order, true, by, note, now, err);
}

int dw_engine_close(struct dw_engine *e, int64_t order, const char *by, const char *note, dw_time now, struct dw_err *err)
{
	int r = dw_store_begin(e->store, err);

	return r < 0 ? r : finish(e, set_closed(e, order, true, by, note, now, err), err);
}

int dw_engine_reopen(struct dw_engine *e, int64_t order, dw_time now, struct dw_err *err)
{
	int r = dw_store_begin(e->store, err);

	return r < 0 ? r : finish(e, set_closed(e, order, false, NULL, NULL, now, err), err);
}

/* ---- preview ---- */

int dw_engine_preview(struct dw_engine *e, int64_t order, int person, const char *language, dw_time now, struct dw_mail *out,
		      struct dw_err *err)
{
	struct dw_mail_item item[DW_SIDE_COUNT];
	struct dw_mail_view v = { .type = DW_MAIL_ALERT, .config = e->config, .now = now, .key = "preview", .item = item,
				  .language = language };
	unsigned char token_key[DW_TOKEN_KEY];
	struct dw_case c;
	int r = open_case(e, order, now, &c, err);

	/* before the first mail there is no key yet, and a preview writes nothing: then it has no links */
	if (r == 0 && e->config->replies.address && dw_engine_token_key(e, token_key, NULL) == 0)
		v.token_key = token_key;
	if (r < 0)
		return r;
	v.person = person >= 0 ? person : c.owner;
	for (int i = 0; r == 0 && i < DW_SIDE_COUNT; i++)
		if (c.plan.finding[i].kind != DW_NO_KIND) {
			dw_case_item(&c, (enum dw_side)i, &item[v.n_item], e->config);
			r = dw_proof_load(e, &c, &item[v.n_item], err);
			if (c.plan.owed[i].step >= 0)
				item[v.n_item].step = e->config->ladder[c.plan.finding[i].kind].step[c.plan.owed[i].step].text;
			v.n_item++;
		}
	if (r == 0)
		r = v.n_item ? dw_mail_compose(e->composer, out, &v, err) : 1;
	dw_case_fini(&c);
	return r;
}
