/* engine.h: what a mail that comes in may do, and to what. Who wrote it is decided first, then which orders it may be
 * about, then each of its lines by itself; the answer says what came of them. Everything stands in one transaction. */
#include "engine-impl.h"

#include <jansson.h>
#include <stdio.h>
#include <strings.h>

enum {
	COMMANDS_A_DAY = 100,
	ANSWERS_AN_HOUR = 20,
	ORDERS_MAX = 256,
	WHICH_MAX = 20,
	ACK_MAX_S = 7 * 86400,
	ID_MAX = 200,
};

struct ids {
	int64_t id[ORDERS_MAX];
	size_t n;
};

static bool has_id(const struct ids *l, int64_t id)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->id[i] == id)
			return true;
	return false;
}

static void add_id(struct ids *l, int64_t id)
{
	if (!has_id(l, id) && l->n < ORDERS_MAX)
		l->id[l->n++] = id;
}

/* One reply under way. */
struct reply {
	struct dw_engine *e;
	const struct dw_inbound *in;
	dw_time now;
	const char *today;
	int person;	     /* whose word it is */
	int64_t about;	     /* the token's order; 0: none */
	bool by_token, expired;
	bool wide;	     /* the mail listed what the person knows of: any order they were told of may be named */
	struct ids orders;   /* that the mail told of */
	struct ids touched;  /* that commands were about */
	char *title;	     /* of the mail that was replied to; NULL: not known */
	char *name[ORDERS_MAX]; /* orders' numbers, by place in touched and then as they came; owned */
	size_t n_name;
	struct dw_reply_line line[DW_COMMANDS_MAX];
	char why[DW_COMMANDS_MAX][512];
};

static void reply_fini(struct reply *r)
{
	free(r->title);
	for (size_t i = 0; i < r->n_name; i++)
		free(r->name[i]);
}

/* ---- whose word it is ---- */

static int person_called(const struct dw_engine *e, const char *name)
{
	for (size_t i = 0; i < e->config->people.n; i++)
		if (strcmp(e->config->people.p[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int add_step(void *ctx, const struct dw_step_row *row)
{
	struct reply *r = ctx;

	if (strcmp(row->person, r->e->config->people.p[r->person].name) == 0)
		add_id(&r->orders, row->order);
	return 0;
}

static void add_model(struct reply *r, const char *model)
{
	json_t *o = model ? json_loads(model, 0, NULL) : NULL;
	json_t *list = json_object_get(o, "orders");

	for (size_t i = 0; i < json_array_size(list); i++)
		add_id(&r->orders, json_integer_value(json_array_get(list, i)));
	json_decref(o);
}

/* The mail of ours that it answers: one to this person, not too long ago. 0; 1: there is none. */
static int find_thread(struct reply *r, struct dw_err *err)
{
	const struct dw_engine *e = r->e;

	for (size_t i = 0; i < r->in->n_ref; i++) {
		struct dw_mail_row mail = { 0 };
		int64_t id;
		int found = strlen(r->in->ref[i]) <= ID_MAX && dw_utf8_valid(r->in->ref[i], strlen(r->in->ref[i])) && *r->in->ref[i] ?
				    dw_store_mail_find(e->store, r->in->ref[i], &id, err) :
				    1;

		if (found == 0)
			found = dw_store_mail_get(e->store, id, &mail, err);
		if (found < 0)
			return found;
		if (found > 0 || strcmp(mail.person, e->config->people.p[r->person].name) != 0 ||
		    mail.created < r->now - e->config->replies.token_days * DW_DAY) {
			dw_mail_row_fini(&mail);
			continue;
		}
		add_model(r, mail.type == DW_MAIL_ANSWER ? mail.model : NULL);
		found = dw_store_step_of_mail(e->store, mail.id, add_step, r, err);
		r->wide = mail.type == DW_MAIL_DAILY || r->orders.n == 0;
		if (!r->title)
			r->title = dw_steal(&mail.subject);
		dw_mail_row_fini(&mail);
		return found < 0 ? found : 0;
	}
	return 1;
}

/* By its token. 0; 1: not by one. */
static int by_token(struct reply *r, struct dw_err *err)
{
	struct dw_token t = { 0 };
	struct dw_order_row row = { 0 };
	int found = r->in->token && r->e->keyed ? dw_token_read(r->e->reply_key, r->in->token, r->now, &t) : 1;

	if (found == 1)
		return 1;
	r->person = person_called(r->e, t.person);
	if (r->person < 0)
		return 1; /* left the config: the right went with the person */
	r->by_token = true;
	r->expired = found == 2;
	found = dw_store_order_get(r->e->store, t.order, &row, err);
	dw_order_row_fini(&row);
	if (found < 0)
		return found;
	if (found == 0) {
		r->about = t.order;
		add_id(&r->orders, t.order);
	}
	return 0;
}

/* Who is obeyed: NULL, or why nobody. */
static int who_is_it(struct reply *r, const char **why, struct dw_err *err)
{
	int from = r->in->from ? dw_people_find(&r->e->config->people, r->in->from) : -1, t;

	*why = NULL;
	t = by_token(r, err);
	if (t < 0)
		return t;
	if (t == 0) {
		int mine = r->person;

		if (r->expired && from < 0) {
			*why = "its token is over";
			return 0;
		}
		if (from == mine && r->in->authentic && !r->expired)
			t = find_thread(r, err);
		return t < 0 ? t : 0;
	}
	r->person = from;
	if (from < 0)
		*why = "its sender is nobody of the configuration";
	else if (!r->in->authentic)
		*why = "nobody vouches for its sender";
	else
		t = find_thread(r, err);
	if (t < 0)
		return t;
	if (!*why && t > 0)
		*why = "it answers no mail of ours to its sender";
	return 0;
}

/* ---- which order ---- */

struct named {
	struct reply *r;
	int64_t id;
	size_t n;
	struct dw_err *err;
	int failed;
};

static int told_of(void *ctx, const struct dw_step_row *row)
{
	const struct reply *r = ctx;

	return row->told.state == DW_STEP_MAILED && strcmp(row->person, r->e->config->people.p[r->person].name) == 0;
}

static int may_touch(struct reply *r, int64_t order, struct dw_err *err)
{
	int told;

	if (has_id(&r->orders, order))
		return 1;
	if (!r->wide)
		return 0;
	told = dw_store_step_each(r->e->store, order, DW_SIDE_SHIP, 0, told_of, r, err);
	return told;
}

static int on_named(void *ctx, const struct dw_order_row *row)
{
	struct named *n = ctx;
	int may = may_touch(n->r, row->id, n->err);

	if (may < 0) {
		n->failed = may;
		return 1;
	}
	if (may > 0) {
		n->id = row->id;
		n->n++;
	}
	return 0;
}

/* What a command is about: 0 and *order, or the line's result says why not; < 0. */
static int which_order(struct reply *r, struct dw_reply_line *l, int64_t *order, struct dw_err *err)
{
	const char *text = l->command->order, *slash = strchr(text, '/');
	struct named n = { .r = r, .err = err };
	int found = 0;

	if (!*text) {
		*order = r->about ? r->about : r->orders.n == 1 ? r->orders.id[0] : 0;
		l->result = *order ? DW_REPLY_DONE : DW_REPLY_WHICH;
		return 0;
	}
	found = dw_store_order_by_number(r->e->store, text, on_named, &n, err);
	if (found >= 0 && !n.failed && n.n == 0 && slash) {
		DW_FREE char *feed = dw_strndup(text, (size_t)(slash - text));
		struct dw_order_row row = { 0 };

		found = feed ? (*feed && slash[1] ? dw_store_order_find(r->e->store, feed, slash + 1, &row, err) : 1) : dw_err_oom(err);
		if (found == 0)
			on_named(&n, &row);
		dw_order_row_fini(&row);
	}
	if (found < 0 || n.failed)
		return found < 0 ? found : n.failed;
	*order = n.n == 1 ? n.id : 0;
	l->result = n.n == 1 ? DW_REPLY_DONE : n.n ? DW_REPLY_WHICH : DW_REPLY_STRANGE;
	return 0;
}

/* An order's number, as mails show it; borrowed from r. NULL: it is gone, or memory is out. */
static const char *number_of(struct reply *r, int64_t order, struct dw_err *err)
{
	struct dw_order_row row = { 0 };
	char *text = NULL;

	if (r->n_name < ORDERS_MAX && dw_store_order_get(r->e->store, order, &row, err) == 0)
		text = dw_steal(&row.order_id);
	dw_order_row_fini(&row);
	if (text)
		r->name[r->n_name++] = text;
	return text;
}

/* ---- what is done ---- */

static int set_dates(struct reply *r, int64_t order, enum dw_field x, const char *value, struct dw_err *err)
{
	const struct dw_assignment a[2] = { { x, value }, { DW_F_EXTENSION_STATE, "requested" } };

	/* the date first: it is what may be refused */
	return dw_act_set(r->e, order, a, x == DW_F_EXTENSION_UNTIL ? 2 : 1, r->e->config->people.p[r->person].name, r->now, err);
}

/* Refused for a reason that has words in each language; err is for whoever reads no mail. */
static int refuse(struct dw_reply_line *l, enum dw_refusal why, struct dw_err *err)
{
	l->refusal = why;
	return dw_err_set(err, 1, "refused");
}

/* It leaves by P: the instant itself, as a day would be read in another zone than the platform's. */
static int leaves_in_time(struct reply *r, int64_t order, struct dw_reply_line *l, struct dw_err *err)
{
	struct dw_case c;
	dw_time p;
	char at[32];
	int done = dw_case_load(r->e, order, r->now, &c, err);

	if (done)
		return done < 0 ? done : refuse(l, DW_REFUSED_NO_ORDER, err);
	p = c.feed ? c.dates.p : DW_UNKNOWN;
	dw_case_fini(&c);
	if (p == DW_UNKNOWN || p == DW_NEVER)
		return refuse(l, DW_REFUSED_NO_SHIP_DATE, err);
	if (p <= r->now)
		return refuse(l, DW_REFUSED_SHIP_DATE_OVER, err);
	dw_instant_rfc3339(at, p);
	l->day = p;
	return set_dates(r, order, DW_F_EXPECTED_SHIP_AT, at, err);
}

static int ack(struct reply *r, int64_t order, struct dw_reply_line *l, struct dw_err *err)
{
	const struct dw_command *c = l->command;
	int acked = 0, done;

	if (c->span != 0 && (c->span < 60 || c->span > ACK_MAX_S))
		return refuse(l, DW_REFUSED_SPAN, err);
	done = dw_act_ack(r->e, order, r->person, c->span, c->note[0] ? c->note : NULL, r->now, &acked, err);
	return done > 0 ? refuse(l, DW_REFUSED_NOTHING_OPEN, err) : done;
}

static int close_it(struct reply *r, int64_t order, struct dw_reply_line *l, struct dw_err *err)
{
	const char *note = l->command->note[0] ? l->command->note : "by mail";
	int done = dw_act_close(r->e, order, r->e->config->people.p[r->person].name, note, r->now, err);

	return done > 0 ? refuse(l, DW_REFUSED_CLOSED, err) : done;
}

/* 0; 1, -EINVAL or -ENOENT: refused, l->refusal or err says why; other < 0: the store failed. */
static int carry_out(struct reply *r, int64_t order, struct dw_reply_line *l, struct dw_err *err)
{
	const struct dw_command *c = l->command;

	switch (c->verb) {
	case DW_VERB_ACK:
		return ack(r, order, l, err);
	case DW_VERB_SHIP:
		return set_dates(r, order, DW_F_EXPECTED_SHIP_AT, c->date, err);
	case DW_VERB_AGREED:
		return set_dates(r, order, DW_F_AGREED_AT, c->date, err);
	case DW_VERB_FILED:
		return set_dates(r, order, DW_F_EXTENSION_UNTIL, c->date, err);
	case DW_VERB_ARRIVES:
		return set_dates(r, order, DW_F_EXPECTED_ARRIVAL_AT, c->date, err);
	case DW_VERB_YES:
		return leaves_in_time(r, order, l, err);
	case DW_VERB_CLOSE:
		return close_it(r, order, l, err);
	case DW_VERB_COUNT:
		break;
	}
	return dw_err_set(err, 1, "there is no such command");
}

/* What an action's error means where it has no name of its own: has the feed left the config? */
static int name_refusal(struct reply *r, int64_t order, struct dw_reply_line *l, int done, struct dw_err *err)
{
	struct dw_case c;
	int found;

	if (done != -EINVAL) {
		l->refusal = done == -ENOENT ? DW_REFUSED_NO_ORDER : l->refusal;
		return 0;
	}
	found = dw_case_load(r->e, order, r->now, &c, err);
	if (found != 0)
		return found < 0 ? found : 0;
	if (!c.feed)
		l->refusal = DW_REFUSED_NO_FEED;
	dw_case_fini(&c);
	return 0;
}

static int one_command(struct reply *r, size_t i, struct dw_err *err)
{
	struct dw_reply_line *l = &r->line[i];
	struct dw_err why = { "" };
	int64_t order = 0;
	int done = which_order(r, l, &order, err);

	if (done < 0 || l->result != DW_REPLY_DONE)
		return done;
	l->order_id = number_of(r, order, err);
	done = l->order_id ? carry_out(r, order, l, &why) : refuse(l, DW_REFUSED_NO_ORDER, &why);
	if (done < 0 && done != -EINVAL && done != -ENOENT) {
		*err = why;
		return done;
	}
	add_id(&r->touched, order);
	if (done != 0) {
		l->result = DW_REPLY_REFUSED;
		snprintf(r->why[i], sizeof(r->why[i]), "%s", why.text);
		dw_utf8_mend(r->why[i]);
		l->why = r->why[i];
		return name_refusal(r, order, l, done, err);
	}
	return 0;
}

static int all_commands(struct reply *r, int64_t already, struct dw_err *err)
{
	int done = 0;

	for (size_t i = 0; done == 0 && i < r->in->n_command; i++) {
		r->line[i] = (struct dw_reply_line){ .command = &r->in->command[i], .day = DW_UNKNOWN };
		if (already + (int64_t)i >= COMMANDS_A_DAY)
			r->line[i].result = DW_REPLY_LIMIT;
		else
			done = one_command(r, i, err);
	}
	return done;
}

/* ---- the answer ---- */

/* "Re: " and what they answered; without a token, which would let whoever sees the subject do as much again. */
static int title_of(const struct reply *r, struct dw_buf *out)
{
	const char *s = r->title ? r->title : r->in->subject ? r->in->subject : "duewatch";

	dw_buf_puts(out, strncasecmp(s, "re:", 3) == 0 ? "" : "Re: ");
	while (*s) {
		size_t n = strcspn(s, " ");

		if (strncmp(s, "dw1-", 4) != 0 && !(n > 4 && strstr(s, "dw1-") && strstr(s, "dw1-") < s + n))
			dw_buf_add(out, s, n + (s[n] == ' '));
		s += n + (s[n] == ' ');
	}
	return out->failed ? -ENOMEM : 0;
}

struct standing {
	struct dw_case *c;
	struct dw_mail_item *item;
	size_t n_case, n_item;
};

static void standing_fini(struct standing *s)
{
	for (size_t i = 0; i < s->n_case; i++)
		dw_case_fini(&s->c[i]);
	free(s->c);
	free(s->item);
}

/* How the orders stand now: a line for each side that is open or watched, else one that says it is quiet. */
static int look(struct reply *r, struct standing *s, struct dw_err *err)
{
	size_t n = r->touched.n ? r->touched.n : 1;
	int done = 0;

	s->c = dw_calloc(n, sizeof(*s->c));
	s->item = dw_calloc(n * DW_SIDE_COUNT, sizeof(*s->item));
	if (!s->c || !s->item)
		return dw_err_oom(err);
	for (size_t i = 0; i < r->touched.n; i++) {
		struct dw_case *c = &s->c[s->n_case];
		size_t before = s->n_item;

		done = dw_case_load(r->e, r->touched.id[i], r->now, c, err);
		if (done < 0)
			return done;
		if (done > 0)
			continue;
		s->n_case++;
		for (int side = 0; c->feed && side < DW_SIDE_COUNT; side++) {
			struct dw_mail_item *item = &s->item[s->n_item];

			if (c->plan.finding[side].kind == DW_NO_KIND && (side + 1 < DW_SIDE_COUNT || s->n_item > before))
				continue;
			dw_case_item(c, (enum dw_side)side, item, r->e->config);
			item->step = "answer";
			item->dormant = false;
			s->n_item++;
		}
	}
	return 0;
}

static int answer(struct reply *r, const char *id, struct dw_err *err)
{
	const char *which[WHICH_MAX];
	struct dw_reply_answer a = { .line = r->line, .n_line = r->expired ? 0 : r->in->n_command, .unknown = r->in->rest,
				     .expired = r->expired, .which = which, .in_reply_to = r->in->message_id };
	DW_CLEANUP(standing_fini) struct standing s = { 0 };
	DW_BUF title = { 0 };
	DW_BUF key = { 0 };
	struct dw_command unused;
	bool ask = false;
	int done;

	if (a.unknown)
		dw_command_parse(&unused, a.unknown, r->today, &a.unknown_why);
	for (size_t i = 0; i < a.n_line; i++)
		ask |= r->line[i].result == DW_REPLY_WHICH;
	for (size_t i = 0; (ask || r->in->n_command == 0) && r->orders.n > 1 && i < r->orders.n && a.n_which < WHICH_MAX; i++) {
		which[a.n_which] = number_of(r, r->orders.id[i], err);
		a.n_which += which[a.n_which] != NULL;
	}
	if (r->touched.n == 0 && r->about)
		add_id(&r->touched, r->about);
	done = look(r, &s, err);
	dw_buf_printf(&key, "answer|%s", id);
	if (done == 0 && (title_of(r, &title) < 0 || key.failed))
		done = dw_err_oom(err);
	if (done < 0)
		return done;
	return dw_dispatch_answer(r->e, r->person, dw_buf_str(&title), &a, s.item, s.n_item,
				  r->touched.n ? r->touched.id : r->orders.id, r->touched.n ? r->touched.n : r->orders.n,
				  dw_buf_str(&key), r->now, err);
}

/* ---- one mail ---- */

static bool is_ours(const struct dw_engine *e, const char *from)
{
	const struct dw_config *c = e->config;

	return from && (strcasecmp(from, c->mail.from_address) == 0 || (c->replies.address && strcasecmp(from, c->replies.address) == 0));
}

static void log_reply(const struct reply *r, int64_t uid, bool answered)
{
	size_t done = 0;

	for (size_t i = 0; i < r->in->n_command && !r->expired; i++)
		done += r->line[i].result == DW_REPLY_DONE;
	dw_engine_log(r->e, DW_LOG_INFO, "reply uid=%lld person=%s by=%s commands=%zu done=%zu%s%s", (long long)uid,
		      r->e->config->people.p[r->person].name, r->by_token ? "token" : "thread", r->in->n_command, done,
		      r->expired ? " expired" : "", answered ? "" : " (no answer: too many this hour)");
}

static int ignored(struct dw_engine *e, int64_t uid, const char *why)
{
	dw_engine_log(e, DW_LOG_INFO, "ignored uid=%lld: %s", (long long)uid, why);
	return 0;
}

static int take_reply(struct dw_engine *e, const struct dw_inbound *in, int64_t uid, const char *today,
		      struct dw_inbound_row *row, dw_time now, struct dw_err *err)
{
	DW_CLEANUP(reply_fini) struct reply r = { .e = e, .in = in, .now = now, .today = today, .person = -1 };
	int64_t day = 0, hour = 0, unused;
	const char *name, *why;
	int done;

	if (is_ours(e, in->from))
		return ignored(e, uid, "it is from our own address");
	done = who_is_it(&r, &why, err);
	if (done < 0)
		return done;
	if (why)
		return ignored(e, uid, why);
	name = e->config->people.p[r.person].name;
	snprintf(row->person, sizeof(row->person), "%s", name);
	done = dw_store_inbound_count(e->store, name, now - DW_DAY, &day, &unused, err);
	if (done == 0)
		done = dw_store_inbound_count(e->store, name, now - 3600, &unused, &hour, err);
	if (done == 0 && !r.expired)
		done = all_commands(&r, day, err);
	row->commands = r.expired ? 0 : (int)in->n_command;
	row->answers = hour < ANSWERS_AN_HOUR;
	if (done == 0 && row->answers)
		done = answer(&r, row->id, err);
	if (done == 0)
		log_reply(&r, uid, row->answers);
	return done;
}

static int take_kind(struct dw_engine *e, const struct dw_inbound *in, int64_t uid, const char *today,
		     struct dw_inbound_row *row, dw_time now, struct dw_err *err)
{
	const char *said = NULL;
	int r = 0;

	switch (in->kind) {
	case DW_IN_REPLY:
		return take_reply(e, in, uid, today, row, now, err);
	case DW_IN_BOUNCE:
		r = dw_bounce_take(e, in, now, &said, err);
		if (r >= 0)
			dw_engine_log(e, DW_LOG_INFO, "bounce uid=%lld: %s", (long long)uid, said);
		return r;
	case DW_IN_AUTOREPLY:
		return ignored(e, uid, "an automatic reply");
	case DW_IN_BROKEN:
		break;
	}
	return ignored(e, uid, "it can't be read as a mail");
}

/* What it is remembered by. One without a Message-ID that can be kept is known by its bytes. */
static char *id_of(struct dw_engine *e, const struct dw_inbound *in, const void *bytes, size_t n)
{
	const char *id = in->message_id;
	DW_BUF all = { 0 };

	if (!dw_empty(id) && strlen(id) <= ID_MAX && dw_utf8_valid(id, strlen(id)))
		return dw_strdup(id);
	for (size_t i = 0; i < n; i++) {
		char c = ((const char *)bytes)[i];

		dw_buf_putc(&all, c ? c : ' ');
	}
	return all.failed ? NULL : dw_mail_message_id(&e->config->mail, dw_buf_str(&all));
}

static int take(struct dw_engine *e, int64_t uid, const void *bytes, size_t n, dw_time now, struct dw_err *err)
{
	DW_CLEANUP(dw_inbound_fini) struct dw_inbound in = { 0 };
	struct dw_inbound_row row = { .at = now };
	DW_FREE char *id = NULL;
	struct dw_civil c;
	char today[32];
	int r;

	dw_zone_civil(e->config->zone, now, &c);
	snprintf(today, sizeof(today), "%04d-%02d-%02d", c.year, c.month, c.day);
	r = dw_inbound_parse(&in, bytes, n, e->config->replies.authserv, today, err);
	if (r < 0)
		return r;
	id = id_of(e, &in, bytes, n);
	if (!id)
		return dw_err_oom(err);
	row.id = id;
	r = dw_store_inbound_find(e->store, id, err);
	if (r < 0)
		return r;
	if (r == 0)
		return ignored(e, uid, "it was taken before");
	r = take_kind(e, &in, uid, today, &row, now, err);
	return r < 0 ? r : dw_store_inbound_add(e->store, &row, err);
}

/* 1: it was passed already, or the mailbox is another one by now. */
static int move_on(struct dw_engine *e, const char *mailbox, int64_t uidvalidity, int64_t uid, struct dw_err *err)
{
	struct dw_mailbox_row box;
	int r = dw_store_mailbox_get(e->store, mailbox, &box, err);

	if (r != 0 || box.uidvalidity != uidvalidity || uid <= box.last_uid)
		return r < 0 ? r : 1;
	box.last_uid = uid;
	return dw_store_mailbox_put(e->store, &box, err);
}

static int attempt(struct dw_engine *e, const char *mailbox, int64_t uidvalidity, int64_t uid, const void *bytes, size_t n,
		   dw_time now, struct dw_err *err)
{
	int r = dw_store_begin(e->store, err);

	if (r < 0)
		return r;
	r = move_on(e, mailbox, uidvalidity, uid, err);
	if (r == 0 && bytes)
		r = take(e, uid, bytes, n, now, err);
	if (r == 0)
		return dw_store_commit(e->store, err);
	dw_store_rollback(e->store);
	return r < 0 ? r : 0;
}

int dw_inbound_take(struct dw_engine *e, const char *mailbox, int64_t uidvalidity, int64_t uid, const void *bytes, size_t n,
		    const char *why, dw_time now, struct dw_err *err)
{
	int r = attempt(e, mailbox, uidvalidity, uid, bytes, n, now, err);

	if (!bytes && r == 0)
		dw_engine_log(e, DW_LOG_WARNING, "passed over uid=%lld: %s", (long long)uid, why ? why : "it can't be read");
	if (r != -EBADMSG && r != -E2BIG && r != -EINVAL && r != -EEXIST)
		return r;
	/* something stored that it is about is damaged: all other mails must not wait behind it */
	dw_engine_log(e, DW_LOG_ERROR, "passed over uid=%lld: %s", (long long)uid, err->text);
	return attempt(e, mailbox, uidvalidity, uid, NULL, 0, now, err);
}
