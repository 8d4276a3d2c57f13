/* engine-impl.h: waiting steps become mails; queued mails lose entries, are replaced, rendered anew, redirected. Every
 * function runs inside the caller's transaction. */
#include "dispatch-view.h"
#include "note.h"

#include "duewatch/reply.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/random.h>

/* ---- one mail ---- */

/* The step keys of a mail, which its Message-ID is derived from. By the order's own number: this store's row number
 * comes back for another order after a lost store, and mail servers drop a second mail with the same Message-ID. */
static char *key_of(struct dw_engine *e, const struct dw_step_row *step, size_t n, const char *person)
{
	DW_BUF b = { 0 };

	dw_buf_printf(&b, "%s", person);
	for (size_t i = 0; i < n; i++) {
		const struct dw_told *t = &step[i].told;
		struct dw_order_row row = { 0 };
		int r = dw_store_order_get(e->store, step[i].order, &row, NULL);

		if (r == -ENOMEM)
			return NULL;
		if (r == 0)
			dw_buf_printf(&b, "|%s/%s", row.feed, row.order_id);
		else
			dw_buf_printf(&b, "|%lld", (long long)step[i].order);
		dw_order_row_fini(&row);
		dw_buf_printf(&b, "/%d/%lld/%d/%lld/%s/%lld", (int)t->side, (long long)t->episode, (int)t->kind,
			      (long long)t->act_by, t->step, (long long)t->number);
	}
	return dw_buf_take(&b);
}

/* This store's secret part of every Message-ID. Step keys alone can be guessed by whoever knows the order, and that is the
 * buyer: mail servers drop the second mail with one Message-ID, so his, sent ahead, would take the alert's place. */
static int salt(struct dw_engine *e, char **out, struct dw_err *err)
{
	unsigned char raw[16];
	char hex[2 * sizeof(raw) + 1];
	int r = dw_store_meta_get(e->store, "message_salt", out, err);

	if (r <= 0)
		return r;
	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return dw_err_set(err, -EIO, "the system gives no random number: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(hex + 2 * i, 3, "%02x", raw[i]);
	*out = dw_strdup(hex);
	return *out ? dw_store_meta_put(e->store, "message_salt", hex, err) : dw_err_oom(err);
}

/* Is it the last of its day? Counted by its place in the outbox, so that it says the same when it is rendered anew. */
static int say_budget(struct dw_engine *e, const struct dw_mail_row *row, struct dw_mail_view *v, struct dw_err *err)
{
	int64_t left = dw_budget_left(e, v->person, row->created, row->id ? row->id : INT64_MAX, err);

	if (left < 0)
		return (int)left;
	v->per_day = e->config->people.p[v->person].mails_per_day;
	if (left == 1)
		v->last_before = dw_budget_next(e, v->person, row->created);
	return 0;
}

static size_t count_held(const struct dw_step_row *step, size_t n)
{
	size_t held = 0;

	for (size_t i = 0; i < n; i++)
		held += step[i].told.deliver == DW_DELIVER_HELD;
	return held;
}

static int store_mail(struct dw_engine *e, struct dw_mail_row *row, const struct dw_mail_view *view, struct dw_err *err)
{
	struct dw_mail_view salted = *view;
	unsigned char token_key[DW_TOKEN_KEY];
	DW_FREE char *secret = NULL;
	struct dw_mail mail = { 0 };
	DW_BUF key = { 0 };
	int r = salt(e, &secret, err);

	if (r < 0)
		return r;
	dw_buf_printf(&key, "%s|%s", secret, view->key ? view->key : "");
	if (key.failed)
		return dw_err_oom(err);
	salted.key = key.p;
	salted.salt = secret;
	if (view->config->replies.address) {
		r = dw_engine_token_key(e, token_key, err);
		if (r < 0)
			return r;
		salted.token_key = token_key;
	}
	r = say_budget(e, row, &salted, err);
	if (r < 0)
		return r;
	salted.bare = e->bare;
	r = dw_mail_compose(e->composer, &mail, &salted, err);
	if (r < 0)
		return r;
	free(row->message_id);
	free(row->subject);
	free(row->bytes);
	row->message_id = dw_steal(&mail.message_id);
	row->subject = dw_steal(&mail.subject);
	row->bytes = dw_steal(&mail.bytes);
	row->n_bytes = mail.n_bytes;
	dw_mail_fini(&mail);
	return dw_store_mail_put(e->store, row, err);
}

static int new_row(struct dw_engine *e, enum dw_mail_type type, int person, dw_time now, struct dw_mail_row *row,
		   struct dw_err *err)
{
	const struct dw_person *p = &e->config->people.p[person];

	*row = (struct dw_mail_row){ .type = type, .state = DW_MAIL_QUEUED, .created = now, .next_try = now,
				     .last_try = DW_UNKNOWN, .sent_at = DW_UNKNOWN, .verdict = DW_RETRY };
	row->person = dw_strdup(p->name);
	row->address = dw_strdup(p->email);
	if (row->person && row->address)
		return 0;
	dw_mail_row_fini(row);
	return dw_err_oom(err);
}

static void log_queued(struct dw_engine *e, const struct dw_mail_row *row, const struct dw_mail_item *item, size_t n)
{
	char number[DW_WORD_SIZE];

	if (n == 1)
		dw_engine_log(e, DW_LOG_INFO, "queued mail=%lld type=%s person=%s order=%s kind=%s step=%s",
			      (long long)row->id, dw_mail_type_words[row->type], row->person, dw_quote_word(number, item->order_id),
			      item->kind >= 0 ? dw_kinds[item->kind].name : "-", item->step);
	else
		dw_engine_log(e, DW_LOG_INFO, "queued mail=%lld type=%s person=%s orders=%zu", (long long)row->id,
			      dw_mail_type_words[row->type], row->person, n);
}

/* ---- the extras of a daily mail ---- */

struct daily {
	struct dw_gathered open, missing;
	size_t fresh_missing;
	struct dw_mail_feed *feed;
	size_t n_feed;
	bool news; /* something in health the operator has not been told */
	struct dw_note *note; /* rejected cells and rows, as the feeds' rows have them */
	size_t n_note;
};

static void daily_fini(struct daily *d)
{
	dw_gathered_fini(&d->open);
	dw_gathered_fini(&d->missing);
	free(d->feed);
	free(d->note);
}

static bool is_operator(const struct dw_engine *e, int person)
{
	for (size_t i = 0; i < e->config->people.n_operators; i++)
		if (e->config->people.operators[i] == person)
			return true;
	return false;
}

static uint64_t rejects_hash(const struct dw_feed_row *row)
{
	return row->rejected && !dw_empty(row->rejects) ? dw_hash_str(DW_HASH_INIT, row->rejects) : 0;
}

static int daily_feeds(struct dw_engine *e, int person, dw_time now, struct daily *d, struct dw_err *err)
{
	d->feed = dw_calloc(e->config->n_feeds ? e->config->n_feeds : 1, sizeof(*d->feed));
	d->note = dw_calloc(e->config->n_feeds ? e->config->n_feeds : 1, sizeof(*d->note));
	if (!d->feed || !d->note)
		return dw_err_oom(err);
	for (size_t i = 0; i < e->config->n_feeds; i++) {
		const struct dw_feed_conf *conf = &e->config->feeds[i];
		const struct dw_feed_row *row = &e->feed_row[i];
		bool stale = dw_feed_is_stale(conf, row, now);

		if (!is_operator(e, person) && !stale && row->error_since == DW_UNKNOWN)
			continue;
		d->feed[d->n_feed++] = (struct dw_mail_feed){ .row = row, .conf = conf, .stale = stale };
		if (!is_operator(e, person) || rejects_hash(row) == 0 || rejects_hash(row) == row->rejects_told)
			continue;
		d->news = true;
		dw_note_rejects(&d->note[d->n_note++], row);
	}
	return 0;
}

/* What is new beyond steps. */
static int daily_news(struct dw_engine *e, int person, dw_time since, dw_time now, struct daily *d, struct dw_err *err)
{
	int r = dw_gather_missing(e, person, since, now, &d->missing, &d->fresh_missing, err);

	return r == 0 ? daily_feeds(e, person, now, d, err) : r;
}

static int daily_gather(struct dw_engine *e, int person, dw_time since, dw_time now, struct daily *d, struct dw_err *err)
{
	int r = dw_gather_open(e, person, now, &d->open, err);

	return r == 0 ? daily_news(e, person, since, now, d, err) : r;
}

static void daily_view(struct dw_mail_view *v, const struct daily *d)
{
	v->open = d->open.item;
	v->n_open = d->open.n;
	v->n_open_more = d->open.more;
	v->missing = d->missing.item;
	v->n_missing = d->missing.n;
	v->feed = d->feed;
	v->n_feed = d->n_feed;
	v->note = d->note;
	v->n_note = d->n_note;
}

/* ---- steps to a mail ---- */

static int mark_mailed(struct dw_engine *e, const struct dw_step_row *step, size_t n, int64_t mail, dw_time now,
		       struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = dw_store_step_set(e->store, step[i].told.id, DW_STEP_MAILED, mail, now, err);
	return r < 0 ? r : 0;
}

static int cover(struct dw_engine *e, const struct dw_step_row *step, size_t n, dw_time now, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = dw_store_step_set(e->store, step[i].told.id, DW_STEP_COVERED, 0, now, err);
	return r;
}

enum { PROBE_S = 20 * 3600 }; /* the same step of the next day must not come too early for it */

/* Its address is dead by what came back: the next person gets it at once. One a day goes there all the same, for that is
 * the only way to learn that it is well again. */
static int pass_by(struct dw_engine *e, struct dw_mail_row *row, dw_time now, struct dw_err *err)
{
	struct dw_dead_row dead;
	int r = dw_bounce_is_dead(e, row->address, now, &dead, err);
	bool probe;

	if (r <= 0)
		return r;
	probe = now - (dead.tried != DW_UNKNOWN ? dead.tried : dead.since) >= PROBE_S;
	r = dw_dispatch_redirect(e, row, dead.why, now, err);
	if (r != 0) /* nobody is left: it goes where it was to go */
		return r < 0 ? r : 0;
	if (probe) {
		dead.tried = now;
		free(row->visited);
		row->visited = dw_strdup(row->person); /* told on already: if it comes back, nobody is told again */
		r = row->visited ? dw_store_mail_answered(e->store, row, err) : dw_err_oom(err);
		return r < 0 ? r : dw_store_dead_put(e->store, &dead, err);
	}
	row->state = DW_MAIL_FAILED;
	row->next_try = DW_NEVER;
	row->verdict = DW_DEAD_ADDRESS;
	free(row->answer);
	row->answer = dw_strdup(dead.why);
	return row->answer ? dw_store_mail_answered(e->store, row, err) : dw_err_oom(err);
}

static int mail_steps(struct dw_engine *e, enum dw_mail_type type, int person, const struct dw_step_row *step, size_t n,
		      const struct daily *daily, const char *key_more, dw_time now, struct dw_err *err)
{
	struct dw_gathered g = { 0 };
	struct dw_mail_row row = { 0 };
	DW_FREE char *key = NULL;
	dw_time queued = DW_NEVER;
	DW_BUF full = { 0 };
	int r = dw_store_mail_next(e->store, &queued, err);

	if (r < 0)
		return r;
	/* a later notice for the same order, side and person replaces one that was never handed over (design.md §3) */
	for (size_t i = 0; i < n && queued != DW_NEVER; i++)
		if (step[i].told.kind != DW_NO_KIND) {
			r = dw_dispatch_withdraw(e, step[i].order, step[i].told.side, e->config->people.p[person].name, now, err);
			if (r < 0)
				return r;
		}
	key = key_of(e, step, n, e->config->people.p[person].name);
	dw_buf_printf(&full, "%d|%s|%s", (int)type, key_more ? key_more : "", key ? key : "");
	if (!key || full.failed)
		return dw_err_oom(err);
	r = dw_gather_steps(e, step, n, NULL, now, &g, err);
	if (r == 0 && g.n == 0 && !daily) /* damaged or gone, all of them: said in the log */
		r = cover(e, step, n, now, err) < 0 ? -EIO : 1;
	if (r == 0)
		r = new_row(e, type, person, now, &row, err);
	if (r == 0) {
		struct dw_mail_view v = { .type = type, .config = e->config, .person = person, .now = now,
					  .key = dw_buf_str(&full), .item = g.item, .n_item = g.n, .n_more = g.more,
					  .n_held = count_held(step, n) };

		if (daily)
			daily_view(&v, daily);
		r = store_mail(e, &row, &v, err);
	}
	if (r == 0) {
		log_queued(e, &row, g.item, g.n + g.more);
		r = mark_mailed(e, step, n, row.id, now, err);
	}
	if (r == 0)
		r = pass_by(e, &row, now, err);
	dw_mail_row_fini(&row);
	dw_gathered_fini(&g);
	return r < 0 ? r : 0;
}

static int waiting(struct dw_engine *e, const char *person, struct dw_step_list *l, struct dw_err *err)
{
	int r = dw_store_step_waiting(e->store, person, dw_step_list_add, l, err);

	return l->oom ? dw_err_oom(err) : r < 0 ? r : 0;
}

/* Keeps the steps of l that `keep` wants, in place. */
static void filter(struct dw_step_list *l, bool (*keep)(const struct dw_step_row *s, const void *arg), const void *arg)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (keep(&l->p[i], arg))
			l->p[n++] = l->p[i];
	l->n = n;
}

struct wanted {
	enum dw_deliver deliver;
	bool also_daily, also_held;
	dw_time before; /* steps that wait for a daily mail which by now comes too late: act_by before this. 0: none */
};

static bool want(const struct dw_step_row *s, const void *arg)
{
	const struct wanted *w = arg;

	if (s->told.deliver == w->deliver || (w->also_held && s->told.deliver == DW_DELIVER_HELD))
		return true;
	return s->told.deliver == DW_DELIVER_DAILY &&
	       (w->also_daily || (s->told.kind != DW_NO_KIND && s->told.act_by != DW_UNKNOWN && s->told.act_by < w->before));
}

static bool is_resolved(const struct dw_step_row *s, const void *arg)
{
	(void)arg;
	return s->told.kind == DW_NO_KIND;
}

/* The last daily instant of a person that has come and isn't handled: *due. */
static int daily_due(struct dw_engine *e, int person, dw_time now, struct dw_person_row *row, dw_time *due,
		     struct dw_err *err)
{
	const struct dw_person *p = &e->config->people.p[person];
	int r = dw_store_person_get(e->store, p->name, row, err);

	*due = DW_UNKNOWN;
	if (r)
		return r < 0 ? r : 1;
	if (p->daily_minute >= 0)
		*due = dw_people_daily_last(&e->config->people, person, now);
	if (*due != DW_UNKNOWN && *due <= row->daily_at)
		*due = DW_UNKNOWN;
	return 0;
}

/* Good news of this many orders at once still comes one by one. */
enum { RESOLVED_SINGLY = 5 };

/* What a person is owed at once, and how many mails of the day are left for it. */
struct owed_now {
	int person;
	struct dw_step_list alert, resolved;
	int64_t left;
	dw_time next; /* the next mail that brings what is held back */
	bool daily;   /* that one is made in a moment, in this transaction */
	bool opens;   /* what was held back before may go by itself now */
};

static int is_fresh(const struct owed_now *o, const struct dw_step_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->p[i].told.deliver != DW_DELIVER_HELD || o->opens)
			return true;
	return false;
}

static int hold(struct dw_engine *e, struct dw_step_list *l, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++)
		if (l->p[i].told.deliver != DW_DELIVER_HELD)
			r = dw_store_step_hold(e->store, l->p[i].told.id, err);
	l->n = 0;
	return r;
}

/* Past the day's last mail: one step that can't wait goes out all the same, and takes with it those that could. */
static int beyond(struct dw_engine *e, struct owed_now *o, dw_time now, struct dw_err *err)
{
	for (size_t i = 0; i < o->alert.n; i++) {
		int r = dw_budget_can_wait(e, &o->alert.p[i], o->next, now, err);

		if (r < 0)
			return r;
		if (r == 0)
			return 0;
	}
	return hold(e, &o->alert, err);
}

static int mail_alerts(struct dw_engine *e, struct owed_now *o, dw_time now, struct dw_err *err)
{
	int r = 0;

	if (o->daily && !is_fresh(o, &o->alert))
		return 0;
	/* also what was held back is looked at again: the config may have moved the next mail meanwhile */
	if (o->left == 0 || !is_fresh(o, &o->alert))
		r = beyond(e, o, now, err);
	if (r < 0 || o->alert.n == 0)
		return r;
	if (o->left > 0 && o->left != INT64_MAX)
		o->left--;
	return mail_steps(e, DW_MAIL_ALERT, o->person, o->alert.p, o->alert.n, NULL, NULL, now, err);
}

static int mail_resolved(struct dw_engine *e, struct owed_now *o, dw_time now, struct dw_err *err)
{
	struct dw_step_list *l = &o->resolved;
	int r = 0;

	if (!is_fresh(o, l))
		return 0;
	if (o->left == 0)
		return hold(e, l, err);
	/* a late export that puts hundreds right is one mail, not hundreds through a relay that counts them */
	if (l->n > RESOLVED_SINGLY || (int64_t)l->n > o->left)
		return mail_steps(e, DW_MAIL_RESOLVED, o->person, l->p, l->n, NULL, NULL, now, err);
	for (size_t i = 0; r == 0 && i < l->n; i++) /* each in its order's thread */
		r = mail_steps(e, DW_MAIL_RESOLVED, o->person, &l->p[i], 1, NULL, NULL, now, err);
	return r;
}

static int load_now(struct dw_engine *e, int person, dw_time now, struct owed_now *o, struct dw_err *err)
{
	struct wanted w = { DW_DELIVER_NOW, e->config->people.p[person].daily_minute < 0, true, 0 };
	struct dw_step_list l = { 0 };
	struct dw_person_row row;
	dw_time due = DW_UNKNOWN;
	int r = waiting(e, e->config->people.p[person].name, &l, err);

	/* holidays that came after they were decided moved the daily mail away */
	if (r == 0 && l.n && !w.also_daily && daily_due(e, person, now, &row, &due, err) == 0)
		w.before = due != DW_UNKNOWN ? due : dw_people_daily_next(&e->config->people, person, now);
	if (r == 0)
		filter(&l, want, &w);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		if (dw_step_list_add(is_resolved(&l.p[i], NULL) ? &o->resolved : &o->alert, &l.p[i]) != 0)
			r = dw_err_oom(err);
	if (r == 0 && l.n) {
		o->left = dw_budget_left(e, person, now, INT64_MAX, err);
		r = o->left < 0 ? (int)o->left : daily_due(e, person, now, &row, &due, err);
		o->daily = r == 0 && due != DW_UNKNOWN;
		o->next = o->daily ? now : dw_budget_next(e, person, now);
		o->opens = r >= 0 && !o->daily && (o->left == INT64_MAX || dw_budget_opens(e, person, now) <= now);
	}
	dw_step_list_fini(&l);
	return r < 0 ? r : 0;
}

static int person_now(struct dw_engine *e, int person, dw_time now, struct dw_err *err)
{
	struct owed_now o = { .person = person };
	int r = load_now(e, person, now, &o, err);

	if (r == 0)
		r = mail_alerts(e, &o, now, err);
	if (r == 0)
		r = mail_resolved(e, &o, now, err);
	dw_step_list_fini(&o.alert);
	dw_step_list_fini(&o.resolved);
	return r;
}

/* Steps waiting for somebody who left the config: covered, so that they don't wait for ever. */
static int drop_strangers(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	struct dw_step_list l = { 0 };
	int r = waiting(e, NULL, &l, err);

	for (size_t i = 0; r >= 0 && i < l.n; i++)
		if (dw_people_find(&e->config->people, l.p[i].person) < 0)
			r = dw_store_step_set(e->store, l.p[i].told.id, DW_STEP_COVERED, 0, now, err);
	dw_step_list_fini(&l);
	return r < 0 ? r : 0;
}

int dw_dispatch_now(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	int r = drop_strangers(e, now, err);

	for (size_t i = 0; r == 0 && i < e->config->people.n; i++)
		r = person_now(e, (int)i, now, err);
	return r;
}

/* ---- first look ---- */

int dw_dispatch_first_look(struct dw_engine *e, dw_time now, struct dw_err *err)
{
	struct wanted w = { DW_DELIVER_FIRST_LOOK, false, false, 0 };
	bool any = false;
	char key[64];
	int r = 0;

	for (size_t i = 0; i < e->config->n_feeds; i++)
		any |= e->feed_row[i].first_look && e->feed_row[i].last_success != DW_UNKNOWN;
	if (!any)
		return 0;
	snprintf(key, sizeof(key), "%lld", (long long)now);
	for (size_t i = 0; r == 0 && i < e->config->people.n; i++) {
		struct dw_step_list l = { 0 };

		r = waiting(e, e->config->people.p[i].name, &l, err);
		if (r == 0)
			filter(&l, want, &w);
		if (r == 0 && l.n)
			r = mail_steps(e, DW_MAIL_FIRST_LOOK, (int)i, l.p, l.n, NULL, key, now, err);
		dw_step_list_fini(&l);
	}
	for (size_t i = 0; r == 0 && i < e->config->n_feeds; i++)
		if (e->feed_row[i].first_look && e->feed_row[i].last_success != DW_UNKNOWN) {
			e->feed_row[i].first_look = false;
			r = dw_feed_row_save(e, &e->feed_row[i], err);
		}
	return r;
}

/* ---- daily ---- */

static int person_daily(struct dw_engine *e, int person, struct dw_person_row *row, dw_time due, dw_time now,
			struct dw_err *err)
{
	struct wanted w = { DW_DELIVER_DAILY, false, true, 0 };
	struct dw_step_list l = { 0 };
	struct daily d = { 0 };
	char key[64];
	int r = waiting(e, e->config->people.p[person].name, &l, err);

	if (r == 0)
		filter(&l, want, &w);
	if (r == 0)
		r = daily_news(e, person, row->daily_at, now, &d, err);
	/* nothing new: no mail, or people stop reading it; then what is open needn't be gathered either */
	if (r == 0 && (l.n || d.fresh_missing || d.news))
		r = dw_gather_open(e, person, now, &d.open, err);
	snprintf(key, sizeof(key), "daily|%lld", (long long)(due != DW_UNKNOWN ? due : now));
	if (r == 0 && (l.n || d.fresh_missing || d.news))
		r = mail_steps(e, DW_MAIL_DAILY, person, l.p, l.n, &d, key, now, err);
	if (r == 0) {
		row->daily_at = due != DW_UNKNOWN ? due : now;
		r = dw_store_person_put(e->store, row, err);
	}
	daily_fini(&d);
	dw_step_list_fini(&l);
	return r < 0 ? r : 0;
}

static int note_rejects_told(struct dw_engine *e, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < e->config->n_feeds; i++)
		if (rejects_hash(&e->feed_row[i]) != e->feed_row[i].rejects_told) {
			e->feed_row[i].rejects_told = rejects_hash(&e->feed_row[i]);
			r = dw_feed_row_save(e, &e->feed_row[i], err);
		}
	return r < 0 ? r : 0;
}

int dw_dispatch_daily(struct dw_engine *e, dw_time now, bool all, struct dw_err *err)
{
	bool operator_told = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < e->config->people.n; i++) {
		struct dw_person_row row;
		dw_time due;

		r = daily_due(e, (int)i, now, &row, &due, err);
		if (r > 0 || (r == 0 && due == DW_UNKNOWN && !(all && e->config->people.p[i].daily_minute >= 0))) {
			r = 0;
			continue;
		}
		if (r == 0)
			r = person_daily(e, (int)i, &row, due, now, err);
		operator_told |= is_operator(e, (int)i);
	}
	return r == 0 && operator_told ? note_rejects_told(e, err) : r;
}

dw_time dw_dispatch_next(struct dw_engine *e, dw_time now)
{
	dw_time next = DW_NEVER;

	for (size_t i = 0; i < e->config->people.n; i++) {
		const struct dw_person *p = &e->config->people.p[i];
		struct dw_person_row row;
		dw_time due, t;

		t = p->mails_per_day ? dw_budget_opens(e, (int)i, now) : DW_NEVER;
		if (t < next)
			next = t;
		if (p->daily_minute < 0 || daily_due(e, (int)i, now, &row, &due, NULL) != 0)
			continue;
		t = due != DW_UNKNOWN ? due : dw_people_daily_next(&e->config->people, (int)i, now);
		if (t < next)
			next = t;
	}
	return next;
}

/* ---- queued mails change ---- */

static bool is_live(const struct dw_step_row *s, const void *arg)
{
	(void)arg;
	return s->told.state == DW_STEP_MAILED;
}

/* What a NOTE or FEED mail shows besides its note: the feed's health, the orders to look at by hand. */
struct shown {
	struct dw_mail_feed feed;
	struct dw_gathered held;
};

static int show_feed(struct dw_engine *e, const char *name, bool held, struct shown *s, struct dw_mail_view *v, struct dw_err *err)
{
	int ix = name ? dw_feed_index(e, name) : -1, r = 0;
	dw_time newest;

	if (ix < 0)
		return 0;
	s->feed = (struct dw_mail_feed){ .row = &e->feed_row[ix], .conf = &e->config->feeds[ix],
					 .stale = dw_feed_is_stale(&e->config->feeds[ix], &e->feed_row[ix], v->now) };
	v->feed = &s->feed;
	v->n_feed = 1;
	if (held)
		r = dw_gather_held(e, name, v->now, &s->held, &newest, err);
	v->item = s->held.item;
	v->n_item = s->held.n;
	v->n_more = s->held.more;
	return r;
}

/* NOTE and FEED mails carry what they say, to be rendered again. */
static int render_note(struct dw_engine *e, struct dw_mail_row *mail, const struct dw_mail_view *base, struct dw_err *err)
{
	struct dw_mail_view v = *base;
	struct dw_note_read read;
	struct shown shown = { 0 };
	int r = dw_note_read(&read, mail->model);

	if (r)
		return 0; /* without its words the bytes stay as they are */
	v.note = &read.note;
	v.n_note = 1;
	r = show_feed(e, read.feed, read.held, &shown, &v, err);
	if (r == 0)
		r = store_mail(e, mail, &v, err);
	dw_gathered_fini(&shown.held);
	dw_note_read_fini(&read);
	return r;
}

/* 1: nothing falls into it any more. */
static int render_closure(struct dw_engine *e, struct dw_mail_row *mail, const struct dw_mail_view *base, struct dw_err *err)
{
	struct dw_mail_view v = *base;
	struct dw_gathered g = { 0 };
	struct dw_closure c;
	int person, r;

	if (!dw_closure_from_model(e, mail->model, &c, &person))
		return 0; /* the bytes stay */
	r = dw_gather_closure(e, person, &c, v.now, &g, err);
	v.closure = &c;
	v.item = g.item;
	v.n_item = g.n;
	v.n_more = g.more;
	if (r == 0)
		r = g.n ? store_mail(e, mail, &v, err) : 1;
	dw_gathered_fini(&g);
	return r;
}

/* struck: an entry was just taken out of it. */
static int render_again(struct dw_engine *e, struct dw_mail_row *mail, bool plain, bool struck, dw_time now,
			struct dw_err *err)
{
	struct dw_step_list l = { 0 };
	struct dw_gathered g = { 0 };
	struct daily d = { 0 };
	DW_FREE char *id = dw_strdup(mail->message_id);
	int person = dw_people_find(&e->config->people, mail->person), r;
	struct dw_mail_view v = { .type = mail->type, .config = e->config, .person = person, .now = now, .key = "",
				  .message_id = id, .plain = plain };

	if (!id)
		return dw_err_oom(err);
	if (person < 0)
		return 0; /* left the config: the bytes stay */
	if (mail->type == DW_MAIL_ANSWER)
		return 0; /* it says what was so when it was asked */
	if (mail->type == DW_MAIL_FEED || mail->type == DW_MAIL_NOTE)
		return render_note(e, mail, &v, err);
	if (mail->type == DW_MAIL_CLOSURE)
		return render_closure(e, mail, &v, err);
	r = dw_store_step_of_mail(e->store, mail->id, dw_step_list_add, &l, err);
	if (l.oom)
		r = dw_err_oom(err);
	if (r >= 0) {
		filter(&l, is_live, NULL);
		r = l.n == 0 && mail->type != DW_MAIL_DAILY ? 1 : dw_gather_steps(e, l.p, l.n, NULL, now, &g, err);
	}
	if (r == 0 && mail->type == DW_MAIL_DAILY)
		r = daily_gather(e, person, mail->created, now, &d, err);
	/* a daily mail without news is none; one that never had a step is about missing orders or a feed's health */
	if (r == 0 && mail->type == DW_MAIL_DAILY && l.n == 0 && struck && d.missing.n == 0)
		r = 1;
	if (r == 0) {
		v.item = g.item;
		v.n_item = g.n;
		v.n_more = g.more;
		v.n_held = count_held(l.p, l.n);
		if (mail->type == DW_MAIL_DAILY)
			daily_view(&v, &d);
		r = store_mail(e, mail, &v, err);
	}
	daily_fini(&d);
	dw_gathered_fini(&g);
	dw_step_list_fini(&l);
	return r;
}

int dw_dispatch_render_again(struct dw_engine *e, struct dw_mail_row *mail, bool plain, dw_time now, struct dw_err *err)
{
	return render_again(e, mail, plain, false, now, err);
}

struct strike {
	struct dw_engine *e;
	int64_t order;
	enum dw_side side;
	struct dw_step_list hit;
};

static int find_entry(void *ctx, const struct dw_step_row *row)
{
	struct strike *s = ctx;

	if (row->order == s->order && row->told.side == s->side && row->told.kind != DW_NO_KIND &&
	    row->told.state == DW_STEP_MAILED)
		return dw_step_list_add(&s->hit, row);
	return 0;
}

static int strike_one(struct dw_engine *e, int64_t id, struct strike *s, dw_time now, struct dw_err *err)
{
	struct dw_mail_row mail = { 0 };
	int r = dw_store_mail_get(e->store, id, &mail, err);

	if (r)
		return r < 0 ? r : 0;
	s->hit.n = 0;
	r = dw_store_step_of_mail(e->store, id, find_entry, s, err);
	if (s->hit.oom)
		r = dw_err_oom(err);
	for (size_t i = 0; r >= 0 && i < s->hit.n; i++)
		r = dw_store_step_set(e->store, s->hit.p[i].told.id, DW_STEP_COVERED, 0, now, err);
	if (r >= 0)
		r = render_again(e, &mail, false, s->hit.n > 0, now, err);
	if (r == 1) {
		mail.state = DW_MAIL_WITHDRAWN;
		r = dw_store_mail_put(e->store, &mail, err);
		dw_engine_log(e, DW_LOG_INFO, "withdrawn mail=%lld person=%s: it no longer holds", (long long)id, mail.person);
	}
	dw_mail_row_fini(&mail);
	return r < 0 ? r : 0;
}

enum { QUEUED_MAX = 64 };

int dw_dispatch_withdraw(struct dw_engine *e, int64_t order, enum dw_side side, const char *person, dw_time now,
			 struct dw_err *err)
{
	struct strike s = { .e = e, .order = order, .side = side };
	int64_t ids[QUEUED_MAX];
	int n = dw_store_mail_queued_for(e->store, order, side, person, ids, QUEUED_MAX, err), r = n < 0 ? n : 0;

	for (int i = 0; r >= 0 && i < n; i++)
		r = strike_one(e, ids[i], &s, now, err);
	dw_step_list_fini(&s.hit);
	return r < 0 ? r : n;
}

/* ---- notes ---- */

int dw_dispatch_note(struct dw_engine *e, const struct dw_telling *t, int person, dw_time now, struct dw_err *err)
{
	enum dw_mail_type type = t->feed ? DW_MAIL_FEED : DW_MAIL_NOTE;
	struct dw_mail_view v = { .type = type, .config = e->config, .person = person, .now = now, .key = t->key,
				  .note = t->note, .n_note = 1 };
	const char *feed = t->feed ? t->feed->name : NULL;
	struct shown shown = { 0 };
	struct dw_mail_row row;
	int r = new_row(e, type, person, now, &row, err);

	if (r < 0)
		return r;
	row.model = dw_note_model(t->note, feed, t->held);
	r = row.model ? show_feed(e, feed, t->held, &shown, &v, err) : dw_err_oom(err);
	if (r == 0)
		r = store_mail(e, &row, &v, err);
	if (r == 0)
		dw_engine_log(e, DW_LOG_INFO, "queued mail=%lld type=%s person=%s note=%s%s%s", (long long)row.id,
			      feed ? "feed" : "note", row.person, t->note->name, feed ? " feed=" : "", feed ? feed : "");
	if (r == 0)
		r = pass_by(e, &row, now, err);
	dw_gathered_fini(&shown.held);
	dw_mail_row_fini(&row);
	return r;
}

/* ---- an answer ---- */

static char *orders_model(const int64_t *orders, size_t n)
{
	json_t *o = json_object(), *list = json_array();
	char *text;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_integer(orders[i]));
	json_object_set_new(o, "orders", list);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

int dw_dispatch_answer(struct dw_engine *e, int person, const char *title, const struct dw_reply_answer *answer,
		       const struct dw_mail_item *item, size_t n_item, const int64_t *orders, size_t n_orders, const char *key,
		       dw_time now, struct dw_err *err)
{
	struct dw_mail_view v = { .type = DW_MAIL_ANSWER, .config = e->config, .person = person, .now = now, .key = key,
				  .title = title, .answer = answer, .item = item, .n_item = n_item };
	struct dw_mail_row row;
	int r = new_row(e, DW_MAIL_ANSWER, person, now, &row, err);

	if (r < 0)
		return r;
	row.model = orders_model(orders, n_orders);
	r = row.model ? store_mail(e, &row, &v, err) : dw_err_oom(err);
	if (r == 0)
		log_queued(e, &row, item, n_item);
	dw_mail_row_fini(&row);
	return r;
}

int dw_dispatch_closure_mail(struct dw_engine *e, int person, const struct dw_closure *c, const struct dw_gathered *g,
			     dw_time now, struct dw_err *err)
{
	struct dw_mail_view v = { .type = DW_MAIL_CLOSURE, .config = e->config, .person = person, .now = now, .item = g->item,
				  .n_item = g->n, .n_more = g->more, .closure = c };
	struct dw_mail_row row;
	char key[160];
	int r = new_row(e, DW_MAIL_CLOSURE, person, now, &row, err);

	if (r < 0)
		return r;
	snprintf(key, sizeof(key), "closure|%.64s|%d|%d|%d", e->config->people.p[person].name, c->first, c->last, c->before);
	v.key = key;
	row.model = dw_closure_model(e, person, c);
	r = row.model ? store_mail(e, &row, &v, err) : dw_err_oom(err);
	if (r == 0)
		log_queued(e, &row, g->item, g->n + g->more);
	if (r == 0)
		r = pass_by(e, &row, now, err);
	dw_mail_row_fini(&row);
	return r;
}

/* ---- a dead address ---- */

static bool visited(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list ? strstr(list, name) : NULL; p; p = strstr(p + 1, name))
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

/* Deputy, manager, default_owner: each visited once. -1: nobody is left. */
static int next_person(struct dw_engine *e, const struct dw_mail_row *dead, dw_time now)
{
	struct dw_dead_row row;
	const struct dw_people *people = &e->config->people;
	int who = dw_people_find(people, dead->person);
	int next[3] = { people->default_owner, people->default_owner, people->default_owner };

	if (who >= 0) {
		next[0] = dw_people_role(people, who, DW_DEPUTY);
		next[1] = dw_people_role(people, who, DW_MANAGER);
	}
	for (int i = 0; i < 3; i++)
		if (next[i] != who && !visited(dead->visited, people->p[next[i]].name) &&
		    dw_bounce_is_dead(e, people->p[next[i]].email, now, &row, NULL) == 0)
			return next[i];
	return -1;
}

static int redirect_steps(struct dw_engine *e, const struct dw_mail_row *dead, int person, struct dw_step_list *l,
			  dw_time now, struct dw_err *err)
{
	int r = dw_store_step_of_mail(e->store, dead->id, dw_step_list_add, l, err);

	if (l->oom)
		return dw_err_oom(err);
	filter(l, is_live, NULL);
	for (size_t i = 0; r >= 0 && i < l->n; i++) {
		struct dw_step_row *s = &l->p[i];

		s->told.id = 0;
		s->told.number = -dead->id; /* a key of its own: the same step, in another's place */
		s->told.state = DW_STEP_WAITING;
		s->told.at = now;
		s->mail = 0;
		snprintf(s->person, sizeof(s->person), "%s", e->config->people.p[person].name);
		r = dw_store_step_add(e->store, s, err);
	}
	return r < 0 ? r : 0;
}

/* A dead person's mail as another reads it: her steps; of a daily mail nothing else; of a note all of it. */
static int compose_redirected(struct dw_engine *e, struct dw_mail_row *row, const struct dw_mail_row *dead,
			      const struct dw_gathered *g, int person, const struct dw_note *reason, const char *key, dw_time now,
			      struct dw_err *err)
{
	struct dw_note note[2] = { *reason };
	struct dw_mail_view v = { .type = row->type, .config = e->config, .person = person, .now = now, .key = key,
				  .item = g->item, .n_item = g->n, .n_more = g->more, .note = note, .n_note = 1 };
	struct dw_note_read read = { 0 };
	struct shown shown = { 0 };
	struct dw_closure closure;
	int r = 0, of;

	if (row->type == DW_MAIL_CLOSURE && dw_closure_from_model(e, dead->model, &closure, &of))
		v.closure = &closure;
	if (dw_note_read(&read, dead->model) == 0) {
		note[v.n_note++] = read.note;
		r = show_feed(e, read.feed, read.held, &shown, &v, err);
	}
	if (r == 0)
		r = store_mail(e, row, &v, err);
	dw_gathered_fini(&shown.held);
	dw_note_read_fini(&read);
	return r;
}

/* What falls into the closure of whose address is dead, for who stands in. */
static int gather_again(struct dw_engine *e, const struct dw_mail_row *dead, dw_time now, struct dw_gathered *g, struct dw_err *err)
{
	struct dw_closure c;
	int of;

	dw_gathered_fini(g);
	return dw_closure_from_model(e, dead->model, &c, &of) ? dw_gather_closure(e, of, &c, now, g, err) : 0;
}

int dw_dispatch_redirect(struct dw_engine *e, struct dw_mail_row *dead, const char *why, dw_time now, struct dw_err *err)
{
	int person = next_person(e, dead, now), r;
	struct dw_step_list l = { 0 };
	struct dw_gathered g = { 0 };
	struct dw_note reason = { .name = "redirected",
				  .value = { { .name = "person", .text = dead->person }, { .name = "address", .text = dead->address },
					     { .name = "answer", .text = why } } };
	struct dw_mail_row row;
	char key[300];
	bool told;

	if (visited(dead->visited, dead->person))
		return 0; /* it went on when it was written */
	if (person < 0) {
		dw_engine_log(e, DW_LOG_ERROR,
			      "mail=%lld person=%s: the address is refused and nobody is left to tell; it is tried again",
			      (long long)dead->id, dead->person);
		return 1;
	}
	snprintf(key, sizeof(key), "redirect|%.200s|%.64s", dead->message_id, e->config->people.p[person].name);
	r = new_row(e, dead->type, person, now, &row, err);
	if (r < 0)
		return r;
	row.model = dw_strdup(dead->model);
	row.visited = dw_calloc(1, strlen(dead->visited ? dead->visited : "") + strlen(dead->person) + 2);
	if (row.visited)
		sprintf(row.visited, "%s%s%s", dead->visited ? dead->visited : "", dead->visited ? " " : "", dead->person);
	r = redirect_steps(e, dead, person, &l, now, err);
	if (r == 0)
		r = dw_gather_steps(e, l.p, l.n, &reason, now, &g, err);
	if (r == 0 && dead->type == DW_MAIL_CLOSURE)
		r = gather_again(e, dead, now, &g, err);
	/* another's list of all that is open isn't this reader's */
	if (dead->type == DW_MAIL_DAILY)
		row.type = DW_MAIL_ALERT;
	told = dead->type != DW_MAIL_DAILY || g.n > 0;
	if (r == 0 && told)
		r = compose_redirected(e, &row, dead, &g, person, &reason, key, now, err);
	if (r == 0 && told)
		r = mark_mailed(e, l.p, l.n, row.id, now, err);
	if (r == 0 && told)
		dw_engine_log(e, DW_LOG_WARNING, "redirected mail=%lld person=%s to person=%s: %s", (long long)dead->id,
			      dead->person, row.person, why);
	dw_mail_row_fini(&row);
	dw_gathered_fini(&g);
	dw_step_list_fini(&l);
	return r;
}
