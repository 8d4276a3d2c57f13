/* duewatch status: what is at risk, most urgent first; feeds; outbox. As text, as JSON, as one line for monitoring. */
#include "cli.h"
#include "duewatch/money.h"
#include "duewatch/reconcile.h"

#include <stdio.h>

/* One alert of one order, copied out of its case. */
struct line {
	char *order_id, *feed, *buyer, *amount, *currency, *owner;
	int64_t money; /* for ordering only: minor units as if all currencies had two decimals */
	enum dw_side side;
	enum dw_kind kind;
	enum dw_state state;
	bool dormant, stale;
	dw_time act_by, since, p, a, next_at, missing_since;
	char ack_by[64];
	char last_told[96]; /* "alice 1d" */
	dw_time last_told_at;
	const struct dw_zone *platform;
	json_t *told; /* owned */
};

struct status {
	struct cli *c;
	struct line *line;
	size_t n, cap;
	size_t watching, open, acked, past; /* past: open, not acked, act_by behind */
	bool all, deaf; /* deaf: some kind's ladder is empty, so a watched order may have no next step */
	int64_t last;	/* order seen last: alerts come by order */
	int failed;	/* exit code, said already */
};

static void line_fini(struct line *l)
{
	free(l->order_id);
	free(l->feed);
	free(l->buyer);
	free(l->amount);
	free(l->currency);
	free(l->owner);
	json_decref(l->told);
}

static int64_t money_rank(const struct dw_facts *f)
{
	const char *currency = dw_text(f, DW_F_CURRENCY);
	int exponent = currency ? dw_currency_exponent(currency) : 2;
	int64_t v = dw_has(f, DW_F_AMOUNT) ? f->num[DW_F_AMOUNT] : -1;

	for (; exponent >= 0 && exponent < 2 && v > 0 && v < INT64_MAX / 10; exponent++)
		v *= 10;
	return exponent > 2 ? v / 10 : v;
}

static json_t *told_json(const struct dw_step_row *s)
{
	return json_pack("{s:o,s:o,s:o}", "person", cli_json_text(s->person), "step", cli_json_text(s->told.step), "at",
			 cli_json_time(s->told.at));
}

/* Who was told in the side's running episode. */
static void take_told(struct line *l, const struct dw_case *k, const struct dw_alert *a)
{
	l->told = json_array();
	l->last_told_at = DW_UNKNOWN;
	for (size_t i = 0; a && i < k->n_told; i++) {
		const struct dw_step_row *s = &k->steps[i];

		if (s->told.side != l->side || s->told.episode != a->episode || s->told.state != DW_STEP_MAILED)
			continue;
		json_array_append_new(l->told, told_json(s));
		if (s->told.at >= l->last_told_at) {
			l->last_told_at = s->told.at;
			snprintf(l->last_told, sizeof(l->last_told), "%s (%s)", s->person, s->told.step);
		}
	}
}

static int take_facts(struct line *l, const struct cli *c, const struct dw_case *k)
{
	const struct dw_facts *f = &k->order.f;
	char amount[48];

	if (dw_has(f, DW_F_AMOUNT)) {
		dw_money_text(amount, f->num[DW_F_AMOUNT], dw_text(f, DW_F_CURRENCY), false);
		l->amount = dw_strdup(amount);
	}
	l->order_id = dw_strdup(k->row.order_id);
	l->feed = dw_strdup(k->row.feed);
	l->buyer = dw_strdup(dw_text(f, DW_F_BUYER));
	l->currency = dw_strdup(dw_text(f, DW_F_CURRENCY));
	l->owner = dw_strdup(c->config->people.p[k->owner].name);
	return l->order_id && l->feed && l->owner && l->told ? 0 : -ENOMEM;
}

static int take_side(struct status *s, const struct dw_case *k, enum dw_side side)
{
	const struct dw_plan *plan = &k->plan;
	const struct dw_alert *row = cli_alert(k, side), *next = &plan->alert[side];
	struct line l = { .side = side, .kind = plan->finding[side].kind, .state = plan->state[side],
			  .act_by = plan->finding[side].act_by, .since = DW_UNKNOWN, .p = k->dates.p, .a = k->dates.a,
			  .missing_since = k->row.missing_since, .stale = k->stale, .money = money_rank(&k->order.f),
			  .platform = k->pack->zone };
	int step;

	if (l.state != DW_WATCHING && next->episode != DW_EPISODE_NONE) {
		l.act_by = next->act_by;
		l.since = next->since;
		l.dormant = next->dormant;
		if (l.state == DW_ACKED)
			snprintf(l.ack_by, sizeof(l.ack_by), "%s", next->ack.by);
	}
	l.next_at = cli_next_step(s->c, k, side, &step);
	take_told(&l, k, l.state == DW_WATCHING ? NULL : row);
	if (take_facts(&l, s->c, k) < 0 || dw_grow(&s->line, &s->cap, s->n + 1, sizeof(l)) < 0) {
		line_fini(&l);
		return -ENOMEM;
	}
	s->watching += l.state == DW_WATCHING;
	s->acked += l.state == DW_ACKED;
	s->open += l.state == DW_OPEN;
	s->past += l.state == DW_OPEN && !l.dormant && l.act_by != DW_UNKNOWN && s->c->now > l.act_by;
	s->line[s->n++] = l;
	return 0;
}

/* Adds what one order has to show. 0, or 1 to stop after saying why. */
static int take_order(struct status *s, int64_t id)
{
	struct dw_err err = { "" };
	struct dw_case k;
	int r = dw_case_load(s->c->engine, id, s->c->now, &k, &err);

	if (r > 0)
		return 0; /* it went meanwhile */
	for (int i = 0; r == 0 && k.feed && i < DW_SIDE_COUNT; i++) {
		enum dw_state state = k.plan.state[i];

		if (state == DW_OPEN || state == DW_ACKED || (state == DW_WATCHING && s->all))
			r = take_side(s, &k, (enum dw_side)i) < 0 ? dw_err_oom(&err) : 0;
		else
			s->watching += state == DW_WATCHING;
	}
	if (r >= 0)
		dw_case_fini(&k);
	if (r < 0)
		s->failed = cli_error("%s", err.text);
	return r < 0;
}

static int on_order(void *ctx, const struct dw_order_row *row)
{
	struct status *s = ctx;

	/* nothing will ever change for it by time or by a read of the same: quiet for good, and decided as such */
	if (row->next_at == DW_NEVER && row->data_at == DW_NEVER && row->rules == s->c->config->rules && !s->deaf) {
		struct dw_alert a[DW_SIDE_COUNT];

		if (dw_store_alert_load(s->c->store, row->id, a, NULL) == 0)
			return 0;
	}
	return take_order(s, row->id);
}

static int on_alert(void *ctx, int64_t order, const struct dw_alert *a DW_UNUSED)
{
	struct status *s = ctx;

	if (order == s->last)
		return 0;
	s->last = order;
	return take_order(s, order);
}

/* Time first, what has none last; then money; then by name, so that two looks agree. */
static int more_urgent(const void *pa, const void *pb)
{
	const struct line *a = pa, *b = pb;
	bool wa = a->state == DW_WATCHING || a->dormant, wb = b->state == DW_WATCHING || b->dormant;
	dw_time ta = a->act_by == DW_UNKNOWN ? DW_NEVER : a->act_by, tb = b->act_by == DW_UNKNOWN ? DW_NEVER : b->act_by;

	if (wa != wb)
		return wa - wb;
	if (ta != tb)
		return ta < tb ? -1 : 1;
	if (a->money != b->money)
		return a->money > b->money ? -1 : 1;
	return strcmp(a->order_id, b->order_id);
}

static int gather(struct status *s)
{
	struct dw_err err = { "" };
	int r;

	for (int i = 0; i < DW_KIND_COUNT; i++)
		s->deaf |= s->c->config->ladder[i].n == 0;
	if (!s->c->store)
		return 0;
	r = s->all ? dw_store_order_each(s->c->store, NULL, on_order, s, &err)
		   : dw_store_alert_each(s->c->store, on_alert, s, &err);
	if (s->failed)
		return s->failed;
	if (r < 0)
		return cli_error("%s", err.text);
	if (s->n)
		qsort(s->line, s->n, sizeof(*s->line), more_urgent);
	return 0;
}

/* ---- feeds ---- */

struct feed_state {
	struct dw_feed_row row;
	const char *word, *error; /* "ok", "stale", "error" */
};

static int load_feed(struct cli *c, const struct dw_feed_conf *conf, struct feed_state *f)
{
	struct dw_err err = { "" };
	int r = c->store ? dw_store_feed_get(c->store, conf->name, &f->row, &err) : 1;

	if (r < 0)
		return cli_error("%s", err.text);
	if (r > 0)
		f->row = (struct dw_feed_row){ .data_time = DW_UNKNOWN, .last_success = DW_UNKNOWN, .error_since = DW_UNKNOWN };
	f->error = f->row.error;
	f->word = "ok";
	if (f->row.error_since != DW_UNKNOWN)
		f->word = "error";
	else if (f->row.last_success == DW_UNKNOWN) {
		f->word = "stale";
		f->error = "not read yet";
	} else if (dw_feed_is_stale(conf, &f->row, c->now))
		f->word = "stale";
	return 0;
}

static json_t *feed_json(const struct dw_feed_conf *conf, const struct feed_state *f)
{
	return json_pack("{s:o,s:s,s:o,s:o,s:I,s:I,s:I,s:o}", "name", cli_json_text(conf->name), "state", f->word, "data_time",
			 cli_json_time(f->row.data_time), "last_success", cli_json_time(f->row.last_success), "orders",
			 (json_int_t)f->row.orders, "missing", (json_int_t)f->row.missing, "rejected",
			 (json_int_t)f->row.rejected, "error", cli_json_text(f->error));
}

static void feed_text(const struct cli *c, const struct dw_feed_conf *conf, const struct feed_state *f, struct cli_table *t)
{
	bool ok = strcmp(f->word, "ok") == 0;
	DW_BUF when = { 0 };

	cli_cell(t, CLI_PLAIN, "%s", conf->name);
	cli_cell(t, ok ? CLI_GREEN : *f->word == 's' ? CLI_YELLOW : CLI_RED, "%s", f->word);
	if (f->row.data_time != DW_UNKNOWN) {
		dw_buf_puts(&when, "data of ");
		cli_time(&when, f->row.data_time, c->zone, c->now);
		dw_buf_puts(&when, ", ");
		cli_span(&when, c->now - f->row.data_time);
		dw_buf_puts(&when, " old");
	}
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&when));
	dw_buf_reset(&when);
	if (f->row.last_success != DW_UNKNOWN)
		dw_buf_printf(&when, "%lld orders, %lld missing, %lld rejected", (long long)f->row.orders,
			      (long long)f->row.missing, (long long)f->row.rejected);
	if (f->row.unmatched > 0)
		dw_buf_printf(&when, ", %lld of no order", (long long)f->row.unmatched);
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&when));
	cli_cell(t, CLI_RED, "%s", f->error ? f->error : "");
	t->failed |= when.failed;
}

/* ---- the outbox ---- */

struct box {
	int64_t queued, sent, unsure, failed;
	struct cli_refused refused;
	struct cli_relays relays;
};

static int load_box(struct cli *c, struct box *b)
{
	int64_t count[6] = { 0 };
	struct dw_err err = { "" };

	if (c->store && dw_store_mail_count(c->store, count, &err) < 0)
		return cli_error("%s", err.text);
	*b = (struct box){ .queued = count[DW_MAIL_QUEUED] + count[DW_MAIL_LEASED], .sent = count[DW_MAIL_SENT],
			   .unsure = count[DW_MAIL_UNSURE], .failed = count[DW_MAIL_FAILED] };
	if (cli_refused(c, &b->refused, &err) < 0 || cli_relays_load(c, &b->relays, &err) < 0)
		return cli_error("%s", err.text);
	return 0;
}

/* ---- JSON ---- */

static json_t *line_json(const struct line *l)
{
	json_t *o = json_pack("{s:o,s:o,s:s,s:s,s:s,s:o,s:o,s:o,s:o}", "order_id", cli_json_text(l->order_id), "feed",
			      cli_json_text(l->feed), "side", dw_side_words[l->side], "kind", dw_kinds[l->kind].name, "state",
			      dw_state_words[l->state], "since", cli_json_time(l->since), "act_by", cli_json_time(l->act_by),
			      "promised_at", cli_json_time(l->p), "auto_confirm_at", cli_json_time(l->a));

	json_object_set(o, "told", l->told);
	json_object_set_new(o, "next_step_at", cli_json_time(l->next_at));
	json_object_set_new(o, "owner", cli_json_text(l->owner));
	json_object_set_new(o, "amount", cli_json_text(l->amount));
	json_object_set_new(o, "currency", cli_json_text(l->currency));
	return o;
}

static int print_json(struct status *s, const struct box *b)
{
	json_t *root = json_object(), *feeds = json_array(), *alerts = json_array();
	int r = 0;

	json_object_set_new(root, "now", cli_json_time(s->c->now));
	for (size_t i = 0; r == 0 && i < s->c->config->n_feeds; i++) {
		struct feed_state f = { 0 };

		r = load_feed(s->c, &s->c->config->feeds[i], &f);
		json_array_append_new(feeds, feed_json(&s->c->config->feeds[i], &f));
		dw_feed_row_fini(&f.row);
	}
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(alerts, line_json(&s->line[i]));
	json_object_set_new(root, "feeds", feeds);
	json_object_set_new(root, "alerts", alerts);
	json_object_set_new(root, "relays", cli_relays_json(&b->relays));
	json_object_set_new(root, "outbox",
			    json_pack("{s:I,s:I,s:I,s:I}", "queued", (json_int_t)b->queued, "sent", (json_int_t)b->sent,
				      "unsure", (json_int_t)b->unsure, "failed", (json_int_t)b->failed));
	if (r == 0)
		r = cli_replies_json(s->c, root);
	if (r == 0)
		return cli_json_print(root);
	json_decref(root);
	return r;
}

/* ---- text ---- */

static enum cli_style urgency(const struct line *l, dw_time now)
{
	if (l->state != DW_OPEN || l->dormant)
		return CLI_DIM;
	if (l->act_by != DW_UNKNOWN && now >= l->act_by)
		return CLI_RED;
	return l->act_by != DW_UNKNOWN && l->act_by - now < DW_DAY ? CLI_YELLOW : CLI_PLAIN;
}

static void left_cell(struct cli_table *t, const struct line *l, const struct cli *c, enum cli_style style)
{
	DW_BUF b = { 0 };

	if (l->act_by != DW_UNKNOWN) {
		cli_span(&b, l->act_by - c->now);
		dw_buf_puts(&b, l->act_by < c->now ? " late" : " left");
	}
	cli_cell(t, style, "%s", dw_buf_str(&b));
	t->failed |= b.failed;
}

static void told_cell(struct cli_table *t, const struct line *l, const struct cli *c)
{
	DW_BUF b = { 0 };

	if (l->state == DW_ACKED)
		dw_buf_printf(&b, "acked by %s", l->ack_by);
	else if (l->last_told_at != DW_UNKNOWN) {
		dw_buf_printf(&b, "%s ", l->last_told);
		cli_time(&b, l->last_told_at, c->zone, c->now);
	}
	if (l->missing_since != DW_UNKNOWN)
		dw_buf_printf(&b, "%sno longer listed", b.n ? "; " : "");
	if (l->stale)
		dw_buf_printf(&b, "%sold data", b.n ? "; " : "");
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&b));
	t->failed |= b.failed;
}

static void line_text(struct cli_table *t, const struct line *l, const struct cli *c)
{
	enum cli_style style = urgency(l, c->now);
	DW_BUF when = { 0 };
	DW_BUF buyer = { 0 };

	if (l->act_by != DW_UNKNOWN)
		cli_time_both(&when, c, l->act_by, l->platform);
	cli_clip(&buyer, l->buyer, 24);
	cli_cell(t, style, "%s", when.n ? dw_buf_str(&when) : "-");
	left_cell(t, l, c, style);
	cli_cell(t, style, "%s%s", dw_kinds[l->kind].name, l->state == DW_WATCHING ? " (watched)" : "");
	cli_cell(t, CLI_BOLD, "%s/%s", l->feed, l->order_id);
	cli_cell(t, CLI_PLAIN, "%s", dw_buf_str(&buyer));
	cli_cell(t, CLI_PLAIN, "%s%s%s", l->currency && l->amount ? l->currency : "", l->currency && l->amount ? " " : "",
		 l->amount ? l->amount : "");
	cli_cell(t, CLI_PLAIN, "%s", l->owner);
	told_cell(t, l, c);
	t->failed |= when.failed || buyer.failed;
}

static void print_alerts(const struct status *s, struct dw_buf *out)
{
	static const char *const head[] = { "ACT BY", "", "WHAT", "ORDER", "BUYER", "AMOUNT", "OWNER", "TOLD" };
	struct cli_table t = { .columns = DW_COUNT(head) };

	if (s->n == 0) {
		dw_buf_puts(out, "Nothing is at risk.");
		dw_buf_puts(out, s->c->store ? "\n" : " Nothing has been read yet: duewatchd does that.\n");
		return;
	}
	dw_buf_printf(out, "%zu open, %zu acked", s->open, s->acked);
	if (s->all)
		dw_buf_printf(out, ", %zu watched", s->watching);
	dw_buf_puts(out, "\n");
	for (size_t i = 0; i < DW_COUNT(head); i++)
		cli_cell(&t, CLI_DIM, "%s", head[i]);
	for (size_t i = 0; i < s->n; i++)
		line_text(&t, &s->line[i], s->c);
	cli_table_print(&t, s->c, out, 1);
	dw_buf_printf(out, "Times: %s; in brackets the platform's.\n", s->c->zone->name);
}

static void print_refused(const struct cli *c, const struct cli_refused *r, struct dw_buf *out)
{
	DW_BUF line = { 0 };

	if (r->mails == 0)
		return;
	dw_buf_printf(&line, "The relay refuses %lld mail%s, last ", (long long)r->mails, r->mails == 1 ? "" : "s");
	cli_time(&line, r->at, c->zone, c->now);
	dw_buf_puts(&line, ": ");
	cli_clean(&line, r->words);
	cli_styled(out, c, CLI_RED, dw_buf_str(&line));
	dw_buf_putc(out, '\n');
	out->failed |= line.failed;
}

static int print_text(struct status *s, const struct box *b)
{
	struct cli_table t = { .columns = 5 };
	DW_BUF out = { 0 };
	int r = 0;

	print_alerts(s, &out);
	for (size_t i = 0; r == 0 && i < s->c->config->n_feeds; i++) {
		struct feed_state f = { 0 };

		r = load_feed(s->c, &s->c->config->feeds[i], &f);
		if (r == 0)
			feed_text(s->c, &s->c->config->feeds[i], &f, &t);
		dw_feed_row_fini(&f.row);
	}
	dw_buf_puts(&out, "\nFeeds\n");
	cli_table_print(&t, s->c, &out, 1);
	dw_buf_printf(&out, "\nOutbox: %lld waiting, %lld sent, %lld unsure, %lld failed%s\n", (long long)b->queued,
		      (long long)b->sent, (long long)b->unsure, (long long)b->failed,
		      b->unsure || b->failed ? " (duewatch outbox)" : "");
	print_refused(s->c, &b->refused, &out);
	cli_relays_print(s->c, &b->relays, &out);
	if (r == 0)
		r = cli_replies_text(s->c, &out);
	for (size_t i = 0; i < s->c->config->n_calendars; i++)
		if (cli_calendar_trouble(s->c, i, &out))
			dw_buf_putc(&out, '\n');
	return r ? r : cli_print(&out);
}

/* ---- --check ---- */

enum { BEHIND_S = 900, MAIL_LATE_S = 3600 };

struct verdict {
	int code;
	struct dw_buf why;
};

static void blame(struct verdict *v, int code, const char *fmt, ...) DW_PRINTF(3, 4);
static void blame(struct verdict *v, int code, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	v->code = code > v->code ? code : v->code;
	dw_buf_printf(&v->why, "%s%s", v->why.n ? "; " : "", text);
}

static int judge_feeds(struct cli *c, struct verdict *v)
{
	for (size_t i = 0; i < c->config->n_feeds; i++) {
		const struct dw_feed_conf *conf = &c->config->feeds[i];
		struct feed_state f = { 0 };
		int r = load_feed(c, conf, &f);

		if (r)
			return r;
		if (strcmp(f.word, "error") == 0)
			blame(v, 2, "feed %s: %.200s", conf->name, f.error ? f.error : "error");
		else if (strcmp(f.word, "stale") == 0)
			blame(v, 1, "feed %s: %.200s", conf->name, f.error ? f.error : "old data");
		dw_feed_row_fini(&f.row);
	}
	return 0;
}

/* Each try sets the next one, so a mail that never gets through is late only by its age. */
static void judge_oldest(struct cli *c, struct verdict *v)
{
	DW_CLEANUP(dw_counts_fini) struct dw_counts n = { .oldest = DW_UNKNOWN };

	if (dw_store_count(c->store, 0, c->now, &n, NULL) == 0 && n.oldest != DW_UNKNOWN && n.oldest < c->now - MAIL_LATE_S)
		blame(v, 1, "a mail doesn't get through for %lld minutes: duewatch outbox", (long long)((c->now - n.oldest) / 60));
}

/* A single relay's trouble shows by the mails that don't get through. */
static void judge_relays(const struct cli_relays *y, struct verdict *v)
{
	for (size_t i = 0; i < y->n && y->n > 1; i++)
		if (y->relay[i].health.ill)
			blame(v, y->ill == y->n ? 2 : 1, "relay %.100s is ill: %.200s", y->relay[i].name, y->relay[i].health.error);
	for (size_t i = 0; i < y->n; i++)
		if (y->relay[i].health.login && y->relay[i].health.token != DW_OAUTH_OK)
			blame(v, y->relay[i].health.token == DW_OAUTH_GONE ? 2 : 1, "login %.20s: %.300s", y->relay[i].health.login_name,
			      y->relay[i].health.token_error);
}

/* Nobody decides, or nobody sends. */
static void judge_work(struct cli *c, struct verdict *v)
{
	dw_time next = DW_NEVER, reconciled;
	DW_FREE char *wrong = NULL;

	if (dw_reconcile_last(c->store, &reconciled, &wrong, NULL) == 0 && wrong)
		blame(v, 2, "unaccounted for: %.300s", wrong);

	if (dw_store_orders_next(c->store, &next, NULL) == 0 && next != 0 && next < c->now - BEHIND_S)
		blame(v, 1, "orders wait for a decision for %lld minutes: does duewatchd run?", (long long)((c->now - next) / 60));
	if (dw_store_mail_next(c->store, &next, NULL) == 0 && next < c->now - MAIL_LATE_S)
		blame(v, 1, "mails wait for %lld minutes: does duewatchd run?", (long long)((c->now - next) / 60));
	else
		judge_oldest(c, v);
}

static int print_check(struct status *s, const struct box *b)
{
	static const char *const words[] = { "fine", "needs a look", "broken" };
	struct verdict v = { 0 };
	DW_BUF out = { 0 };
	DW_BUF clean = { 0 };
	int r = 0;

	if (!s->c->store)
		blame(&v, 1, "nothing has been read yet");
	else {
		char error[256];
		size_t dead;

		r = judge_feeds(s->c, &v);
		judge_work(s->c, &v);
		if (r == 0)
			r = cli_replies_judge(s->c, error, &dead);
		if (r == 0 && *error)
			blame(&v, 1, "answers by mail can't be read: %.200s", error);
		if (r == 0 && dead)
			blame(&v, 1, "addresses from which mails come back: %zu", dead);
	}
	if (b->failed)
		blame(&v, 2, "mails failed: %lld", (long long)b->failed);
	if (b->refused.mails)
		blame(&v, 2, "the relay refuses mails: %lld: %.200s", (long long)b->refused.mails, b->refused.words);
	judge_relays(&b->relays, &v);
	if (b->unsure)
		blame(&v, 1, "mails unsure: %lld", (long long)b->unsure);
	for (size_t i = 0; i < s->c->config->n_calendars; i++) {
		DW_BUF trouble = { 0 };

		if (cli_calendar_trouble(s->c, i, &trouble))
			blame(&v, 1, "%.200s", dw_buf_str(&trouble));
	}
	if (s->past)
		blame(&v, 1, "past the deadline and not acked: %zu", s->past);
	cli_clean(&clean, dw_buf_str(&v.why));
	dw_buf_printf(&out, "duewatch: %s: %zu open, %zu acked%s%s\n", words[v.code], s->open, s->acked, clean.n ? "; " : "",
		      dw_buf_str(&clean));
	out.failed |= v.why.failed || clean.failed;
	dw_buf_fini(&v.why);
	if (r == 0)
		r = cli_print(&out);
	return r ? 2 : v.code;
}

int cli_status(struct cli *c)
{
	bool json = cli_option(c, "json") != NULL, check = cli_option(c, "check") != NULL;
	struct status s = { .c = c, .all = (json || cli_option(c, "all")) && !check, .last = -1 };
	struct box b = { 0 };
	int r = gather(&s);

	if (r == 0)
		r = load_box(c, &b);
	if (r == 0)
		r = check ? print_check(&s, &b) : json ? print_json(&s, &b) : print_text(&s, &b);
	else if (check)
		r = 2;
	for (size_t i = 0; i < s.n; i++)
		line_fini(&s.line[i]);
	free(s.line);
	cli_refused_fini(&b.refused);
	cli_relays_fini(&b.relays);
	return r;
}
