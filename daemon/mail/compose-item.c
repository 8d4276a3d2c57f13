/* One order as a tree of clean texts, and its eleven parts.
 *
 * What the sentence templates see (conf/templates): k.KIND, dated, title, order_id, order_arg (for a shell), buyer,
 * product, note, amount, url, host, feed, export (a file feed), two_zones, ext.seller|buyer|none, side.SIDE,
 * status.STATUS, status_word, transport, urgent, dormant, resolved, stale, after_act_by, filing (the platform's date is
 * to be moved), wants_date, limit_reached, limit_days, margin, instants (by promise real real_was asked auto arrival shipped received claim_until data: each
 * .both .near .day .left .past .ago), proposal, receipt, receipt_over, receipt_next, limits, record, clock, options, answer (compose-answer.c),
 * and what compose-parts.c adds. */
#include "compose-impl.h"

#include <stdio.h>

enum { BUYER_MAX = 60, PRODUCT_MAX = 120, NOTE_MAX = 300, ID_MAX = 64, LINE_MAX = 600, PASTE_MAX = 4000 };

/* ---- small builders ---- */

void dw_set_buf(struct dw_tval *map, const char *name, struct dw_buf *b)
{
	if (b->failed)
		dw_tval_set(map, name, NULL);
	else if (b->n)
		dw_tval_set_text(map, name, b->p);
	dw_buf_reset(b);
}

void dw_set_scrubbed(struct dw_tval *map, const char *name, const char *s, size_t max)
{
	DW_BUF b = { 0 };

	dw_scrub(&b, s, max);
	dw_set_buf(map, name, &b);
}

void dw_set_flag(struct dw_tval *map, const char *group, const char *name)
{
	struct dw_tval *flag = dw_tval_map();

	dw_tval_set_bool(flag, name, true);
	dw_tval_set(map, group, flag);
}

void dw_set_number(struct dw_tval *map, const char *name, int64_t n)
{
	char one[40];

	dw_tval_set_int(map, name, n);
	snprintf(one, sizeof(one), "%s_one", name);
	dw_tval_set_bool(map, one, n == 1);
}

void dw_set_instant(const struct dw_making *m, struct dw_tval *map, const char *name, const struct dw_zone *theirs,
		    dw_time t)
{
	struct dw_tval *at;
	dw_time now = m->view->now;
	DW_BUF b = { 0 };

	if (t == DW_UNKNOWN || t == DW_NEVER)
		return;
	at = dw_tval_map();
	dw_words_both(&b, m->words, m->zone, theirs, t);
	dw_set_buf(at, "both", &b);
	dw_words_date(&b, m->words, m->zone, t, DW_DATE_NEAR);
	dw_set_buf(at, "near", &b);
	dw_words_date(&b, m->words, theirs, t, DW_DATE_DAY);
	dw_set_buf(at, "day", &b);
	m->words->span(&b, t > now ? t - now : now - t);
	dw_set_buf(at, t > now ? "left" : "ago", &b);
	dw_tval_set_bool(at, "past", t <= now);
	dw_tval_set(map, name, at);
}

const struct dw_zone *dw_item_zone(const struct dw_making *m, const struct dw_mail_item *item)
{
	const struct dw_feed_conf *conf;

	if (item->pack->zone)
		return item->pack->zone;
	conf = dw_config_feed(m->view->config, item->feed);
	if (conf && conf->zone)
		return conf->zone;
	return m->view->config->zone ? m->view->config->zone : m->zone;
}

/* ---- what every sentence may need ---- */

static void set_link(struct dw_tval *map, const struct dw_mail_item *item)
{
	const char *url = dw_text(&item->order->f, DW_F_URL), *host, *mark, *pattern = item->pack->order_url;
	DW_BUF b = { 0 };
	DW_BUF name = { 0 };
	size_t n;

	if (!url && pattern && (mark = strstr(pattern, "{{order_id}}"))) {
		dw_buf_add(&b, pattern, (size_t)(mark - pattern));
		for (const char *c = item->order_id; *c; c++)
			if (strchr("-_.~", *c) || (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z'))
				dw_buf_putc(&b, *c);
			else
				dw_buf_printf(&b, "%%%02X", (unsigned char)*c);
		dw_buf_puts(&b, mark + strlen("{{order_id}}"));
		url = dw_buf_str(&b);
	}
	if (!dw_link_ok(url, &host, &n))
		return;
	dw_tval_set_text(map, "url", url);
	dw_buf_add(&name, host, n); /* of its own: host may lie in b */
	dw_set_buf(map, "host", &name);
}

static void set_identity(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	const struct dw_facts *f = &item->order->f;
	DW_BUF b = { 0 };

	dw_scrub(&b, item->order_id, ID_MAX);
	dw_set_buf(map, "order_id", &b);
	dw_set_scrubbed(map, "feed", item->feed, 64);
	dw_set_scrubbed(map, "buyer", dw_text(f, DW_F_BUYER), BUYER_MAX);
	dw_words_amount(&b, m->words, f);
	dw_set_buf(map, "amount", &b);
	set_link(map, item);
	if (item->kind != DW_NO_KIND) {
		dw_tval_set_text(map, "title", dw_kind_title(item->kind, m->words->language));
		dw_set_flag(map, "k", dw_kinds[item->kind].name);
	}
	dw_set_flag(map, "status", dw_status_words[item->dates->status]);
	dw_tval_set_text(map, "status_word", m->words->status[item->dates->status]);
	dw_set_flag(map, "side", dw_side_words[item->side]);
}

/* Colours and marks: nothing a sentence says. */
static void set_tone(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	bool late = item->act_by != DW_UNKNOWN && item->act_by <= m->view->now && !item->resolved;

	dw_set_flag(map, "tone", item->resolved ? "good" : late ? "late" : item->urgent ? "urgent" : "calm");
}

static void set_pack_lines(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item,
			   const char *key, const char *name)
{
	size_t n;
	char *const *line = dw_pack_text_find(item->pack, key, m->words->language, &n);
	struct dw_tval *list;
	DW_BUF b = { 0 };

	if (n == 0)
		return;
	list = dw_tval_list();
	for (size_t i = 0; i < n; i++) {
		dw_buf_reset(&b);
		dw_scrub(&b, line[i], LINE_MAX);
		if (b.n)
			dw_tval_push_text(list, b.p);
	}
	dw_tval_set(map, name, list);
}

/* ---- the row of a table ---- */

static int render_line(const struct dw_making *m, struct dw_tval *map, enum dw_tpl which, const char *name)
{
	DW_BUF b = { 0 }, clean = { 0 };
	int r = dw_templates_render(m->set, which, map, DW_ESCAPE_NONE, &b, m->err);

	dw_scrub(&clean, dw_buf_str(&b), LINE_MAX);
	dw_set_buf(map, name, &clean);
	return r;
}

static void set_row(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	DW_BUF b = { 0 };

	set_identity(m, map, item);
	set_tone(m, map, item);
	if (!item->resolved)
		dw_set_instant(m, map, "by", dw_item_zone(m, item), item->act_by);
	if (item->resolved)
		dw_set_instant(m, map, "promise", dw_item_zone(m, item), item->dates->p);
	dw_set_instant(m, map, "missing", m->zone, item->missing_since);
	dw_tval_set_bool(map, "dormant", item->dormant);
	dw_tval_set_bool(map, "resolved", item->resolved);
	dw_tval_set_bool(map, "stale", item->stale);
	if (item->act_by != DW_UNKNOWN && item->act_by != DW_NEVER && !item->resolved) {
		m->words->left(&b, item->act_by - m->view->now);
		dw_set_buf(map, "left", &b);
	}
	if (item->ack && item->ack->at != DW_UNKNOWN)
		dw_set_scrubbed(map, "acked_by", item->ack->by, 64);
}

struct dw_tval *dw_item_row_map(const struct dw_making *m, const struct dw_mail_item *item)
{
	struct dw_tval *map = dw_tval_map();

	set_row(m, map, item);
	return map;
}

struct dw_tval *dw_item_row(const struct dw_making *m, const struct dw_mail_item *item, int *r)
{
	struct dw_tval *map = dw_tval_map();

	set_row(m, map, item);
	*r = render_line(m, map, DW_TPL_ROW, "remark");
	return map;
}

/* ---- the dates of the order ---- */

static void set_dates(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	const struct dw_dates *d = item->dates;
	const struct dw_zone *z = dw_item_zone(m, item);
	const struct {
		const char *name;
		dw_time at;
	} all[] = {
		{ "promise", d->p },
		{ "real", d->e },
		{ "real_was", d->e_stale ? d->e_known : DW_UNKNOWN },
		{ "asked", d->extension != DW_EXT_NONE ? dw_at(&item->order->f, DW_F_EXTENSION_UNTIL) : DW_UNKNOWN },
		{ "auto", d->a },
		{ "arrival", d->eta },
		{ "shipped", dw_at(&item->order->f, DW_F_SHIPPED_AT) },
		{ "received", d->r },
		{ "claim_until", d->c },
	};

	for (size_t i = 0; i < DW_COUNT(all); i++)
		dw_set_instant(m, map, all[i].name, z, all[i].at);
	dw_tval_set_bool(map, "arrival_failed", d->eta_failed);
	dw_tval_set_bool(map, "left_late", dw_at(&item->order->f, DW_F_SHIPPED_AT) > d->p && d->p != DW_UNKNOWN);
	dw_tval_set_bool(map, "real_in_time", d->e != DW_UNKNOWN && d->p != DW_UNKNOWN && d->e <= d->p);
}

/* Part 2. */
static void set_data(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	const struct dw_feed_conf *conf = dw_config_feed(m->view->config, item->feed);
	struct dw_tval *data;
	DW_BUF b = { 0 };

	dw_tval_set_bool(map, "export", !conf || dw_streq(conf->type, "csv") || dw_streq(conf->type, "xlsx"));
	dw_tval_set_bool(map, "two_zones", conf && conf->other);
	if (item->data_time == DW_UNKNOWN || item->data_time == DW_NEVER)
		return;
	data = dw_tval_map();
	dw_words_date(&b, m->words, m->zone, item->data_time, DW_DATE_DATA);
	dw_set_buf(data, "when", &b);
	m->words->age(&b, m->view->now > item->data_time ? m->view->now - item->data_time : 0);
	dw_set_buf(data, "age", &b);
	dw_tval_set(map, "data", data);
}

static void iso_day(struct dw_buf *out, int32_t day)
{
	int y, mo, d;

	dw_day_civil(day, &y, &mo, &d);
	dw_buf_printf(out, "%04d-%02d-%02d", y, mo, d);
}

struct dw_tval *dw_item_day(const struct dw_making *m, const struct dw_zone *z, int32_t day)
{
	struct dw_tval *map = dw_tval_map();
	DW_BUF b = { 0 };

	iso_day(&b, day);
	dw_set_buf(map, "iso", &b);
	dw_words_date(&b, m->words, z, dw_day_start(z, day), DW_DATE_DAY);
	dw_set_buf(map, "day", &b);
	return map;
}

/* ---- parts 4 and 6: the date we propose, and the text that carries it to the buyer ---- */

struct offer {
	int32_t old_day, new_day;
	bool known;	 /* old_day is set */
	bool blank;	 /* new_day isn't: the seller fills it in */
	const char *text; /* the pack's key, or NULL: nothing to paste */
};

static bool wants_ship_date(const struct dw_mail_item *item)
{
	bool may = item->pack->extension != DW_EXT_BY_NOBODY;

	switch (item->kind) {
	case DW_EDIT_BEFORE_PAYMENT:
	case DW_LATE_AHEAD:
		return true;
	case DW_EXTEND_SHIP_DATE:
	case DW_EXTENSION_DECLINED:
	case DW_CONFIRM_SHIP_DATE:
	case DW_OVERDUE:
		return may;
	case DW_INCOMPLETE:
	case DW_EXTENSION_UNANSWERED:
	case DW_SHIP_BY:
	case DW_EXTEND_RECEIPT:
	case DW_DISPUTE:
	case DW_AUTO_CONFIRMED_UNDELIVERED:
	case DW_SHIPPED_LATE:
	case DW_KIND_COUNT:
	case DW_NO_KIND:
		break;
	}
	return false;
}

static void offer_ship(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item, struct offer *o)
{
	const struct dw_zone *z = dw_item_zone(m, item);
	struct dw_proposal p;
	struct dw_tval *t;

	dw_tval_set_bool(map, "wants_date", true);
	dw_propose_ship(&p, item->order, item->dates, item->pack, z, m->view->now);
	dw_item_limits(m, map, item, &p);
	dw_tval_set_bool(map, "limit_reached", item->dates->e != DW_UNKNOWN && (p.too_early || !p.known));
	if (item->dates->p != DW_UNKNOWN)
		o->old_day = dw_zone_day(z, item->dates->p);
	o->known = item->dates->p != DW_UNKNOWN;
	if (item->kind != DW_LATE_AHEAD && item->kind != DW_EDIT_BEFORE_PAYMENT)
		o->text = "buyer_text";
	if (!p.known || p.too_early) {
		o->blank = item->dates->e == DW_UNKNOWN;
		o->known &= o->blank;
		return;
	}
	t = dw_item_day(m, z, p.day);
	dw_tval_set_bool(t, "capped", p.capped);
	dw_tval_set(map, "proposal", t);
	o->new_day = p.day;
}

static void offer_receipt(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item, struct offer *o)
{
	const struct dw_zone *z = dw_item_zone(m, item);
	int times = dw_propose_receipt(item->dates, item->pack), left = dw_receipt_left(item->order, item->pack);
	struct dw_tval *t;

	dw_item_limits(m, map, item, NULL);
	dw_tval_set_bool(map, "receipt_over", left == 0);
	if (left == 0)
		return;
	if (left > 0 && times > left)
		times = left;
	o->text = "buyer_text_receipt";
	o->old_day = o->new_day = dw_zone_day(z, item->dates->a);
	o->known = true;
	if (times <= 0)
		return;
	o->new_day += times * item->pack->receipt_extension;
	t = dw_item_day(m, z, o->new_day);
	dw_tval_set_int(t, "days", item->pack->receipt_extension);
	dw_tval_set_int(t, "times", times);
	dw_tval_set_bool(t, "several", times > 1);
	dw_tval_set_bool(t, "too_short", item->dates->eta != DW_UNKNOWN && !item->dates->eta_failed &&
						 o->new_day < dw_zone_day(z, item->dates->eta));
	dw_tval_set(map, "receipt", t);
}

static void offer_reminder(const struct dw_making *m, const struct dw_mail_item *item, struct offer *o)
{
	const struct dw_zone *z = dw_item_zone(m, item);
	dw_time until = dw_at(&item->order->f, DW_F_EXTENSION_UNTIL);

	if (until == DW_UNKNOWN || item->dates->p == DW_UNKNOWN)
		return;
	*o = (struct offer){ .old_day = dw_zone_day(z, item->dates->p), .new_day = dw_zone_day(z, until), .known = true,
			     .text = "buyer_text" };
}

const char *const dw_paste_names[] = { "order_id", "buyer", "old_date", "new_date", NULL };

/* The pack's text, poured and cut into clean lines. A text that can't be poured is left out: `duewatch check` says
 * what is wrong with it. */
static void set_paste(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item, const struct offer *o)
{
	size_t n;
	char *const *line = dw_pack_text_find(item->pack, o->text, m->words->language, &n);
	DW_CLEANUP(dw_template_freep) struct dw_template *tpl = NULL;
	DW_CLEANUP(dw_tval_freep) struct dw_tval *root = dw_tval_map();
	struct dw_tval *list = dw_tval_list();
	DW_BUF text = { 0 }, b = { 0 };
	char *rest, *one;

	for (size_t i = 0; i < n; i++)
		dw_buf_printf(&text, "%s%s", i ? "\n" : "", line[i]);
	dw_set_scrubbed(root, "order_id", item->order_id, ID_MAX);
	dw_set_scrubbed(root, "buyer", dw_text(&item->order->f, DW_F_BUYER), BUYER_MAX);
	iso_day(&b, o->old_day);
	dw_set_buf(root, "old_date", &b);
	if (o->blank)
		dw_buf_puts(&b, "YYYY-MM-DD");
	else
		iso_day(&b, o->new_day);
	dw_set_buf(root, "new_date", &b);
	if (text.n && dw_template_parse(&tpl, o->text, dw_buf_str(&text), NULL) == 0) {
		dw_buf_reset(&text);
		if (dw_template_render(tpl, root, NULL, NULL, DW_ESCAPE_NONE, &text, NULL) == 0 && text.n <= PASTE_MAX)
			for (rest = text.p; (one = strsep(&rest, "\n"));) {
				dw_buf_reset(&b);
				dw_scrub(&b, one, PASTE_MAX);
				if (b.n || dw_tval_count(list))
					dw_tval_push_text(list, dw_buf_str(&b));
			}
	}
	dw_tval_set(map, "paste", list);
}

static void set_offer(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	struct offer o = { 0 };

	dw_tval_set_int(map, "receipt_next", 1 + (dw_has(&item->order->f, DW_F_RECEIPT_EXTENSIONS)
							 ? item->order->f.num[DW_F_RECEIPT_EXTENSIONS]
							 : 0));
	if (item->pack->margin_days > 0)
		dw_tval_set_int(map, "margin", item->pack->margin_days);
	dw_tval_set_bool(map, "margin_one", item->pack->margin_days == 1);
	if (item->pack->max_extension_days > 0)
		dw_tval_set_int(map, "limit_days", item->pack->max_extension_days);
	if (wants_ship_date(item))
		offer_ship(m, map, item, &o);
	else if (item->kind == DW_EXTEND_RECEIPT && item->dates->a != DW_UNKNOWN)
		offer_receipt(m, map, item, &o);
	else if (item->kind == DW_EXTENSION_UNANSWERED)
		offer_reminder(m, item, &o);
	dw_tval_set_bool(map, "filing", item->kind == DW_EXTENSION_UNANSWERED ||
						(wants_ship_date(item) && item->kind != DW_EDIT_BEFORE_PAYMENT && item->kind != DW_LATE_AHEAD));
	dw_tval_set_bool(map, "paste_blank", o.blank);
	if (o.text && o.known)
		set_paste(m, map, item, &o);
}

/* ---- parts 3, 5, 7, 8: the pack's texts that fit the kind ---- */

/* The pack's steps for a kind, or NULL: the template's own. */
static const char *steps_of(enum dw_kind kind)
{
	switch (kind) {
	case DW_EXTEND_SHIP_DATE:
	case DW_EXTENSION_DECLINED:
	case DW_CONFIRM_SHIP_DATE:
	case DW_OVERDUE:
		return "how_to_file";
	case DW_EXTEND_RECEIPT:
		return "how_to_file_receipt";
	case DW_EDIT_BEFORE_PAYMENT:
		return "how_to_edit";
	case DW_DISPUTE:
		return "how_to_answer_dispute";
	case DW_INCOMPLETE:
	case DW_EXTENSION_UNANSWERED:
	case DW_LATE_AHEAD:
	case DW_SHIP_BY:
	case DW_AUTO_CONFIRMED_UNDELIVERED:
	case DW_SHIPPED_LATE:
	case DW_KIND_COUNT:
	case DW_NO_KIND:
		break;
	}
	return NULL;
}

static void set_pack_texts(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	static const char *const by[] = { [DW_EXT_BY_SELLER] = "seller", [DW_EXT_BY_BUYER] = "buyer",
					  [DW_EXT_BY_NOBODY] = "none" };

	dw_set_flag(map, "ext", by[item->pack->extension]);
	set_pack_lines(m, map, item, "who_confirms", "who_confirms");
	set_pack_lines(m, map, item, "cannot_change", "cannot_change");
	if (item->side != DW_SIDE_CLAIM) {
		const char *otherwise = item->side == DW_SIDE_SHIP ? "otherwise" : "otherwise_receipt";

		set_pack_lines(m, map, item, "warnings", "warnings");
		set_pack_lines(m, map, item, otherwise, otherwise);
	}
	if (steps_of(item->kind))
		set_pack_lines(m, map, item, steps_of(item->kind), steps_of(item->kind));
}

/* ---- the whole ---- */

static int add_parts(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	bool resolved = item->resolved;
	struct dw_tval *list = dw_tval_list();
	DW_BUF b = { 0 };
	int r = 0;

	for (int i = resolved ? DW_TPL_SETTLED : DW_TPL_ACT; r == 0 && i <= (resolved ? DW_TPL_SETTLED : DW_TPL_ACK); i++) {
		struct dw_tval *part;
		bool any = false;

		dw_buf_reset(&b);
		r = dw_templates_render(m->set, (enum dw_tpl)i, map, DW_ESCAPE_NONE, &b, m->err);
		part = dw_tval_map();
		if (r == 0)
			r = dw_blocks(part, dw_buf_str(&b), &any);
		if (any)
			dw_tval_push(list, part);
		else
			dw_tval_free(part);
		if (r == 0 && i == DW_TPL_DATA)
			r = dw_item_timeline(m, list, item);
	}
	dw_tval_set(map, "parts", list);
	return r;
}

/* What a person pastes after `duewatch ack`: FEED/NUMBER where the number alone may be another's or an option. */
static void set_order_arg(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	const struct dw_config *c = m->view->config;
	DW_BUF id = { 0 }, name = { 0 }, arg = { 0 };
	size_t mains = 0;

	for (size_t i = 0; i < c->n_feeds; i++)
		mains += !c->feeds[i].overlay;
	dw_scrub(&id, item->order_id, ID_MAX);
	if (mains > 1 || *dw_buf_str(&id) == '-' || strchr(dw_buf_str(&id), '/'))
		dw_buf_printf(&name, "%s/", item->feed);
	dw_buf_puts(&name, dw_buf_str(&id));
	dw_shell_word(&arg, dw_buf_str(&name));
	dw_set_buf(map, "order_arg", &arg);
}

struct dw_tval *dw_item_full(const struct dw_making *m, const struct dw_mail_item *item, int *r)
{
	struct dw_tval *map = dw_tval_map();
	DW_BUF why = { 0 };

	set_row(m, map, item);
	dw_tval_set_bool(map, "urgent", item->urgent);
	dw_set_scrubbed(map, "product", dw_text(&item->order->f, DW_F_TITLE), PRODUCT_MAX);
	dw_set_scrubbed(map, "note", dw_text(&item->order->f, DW_F_NOTE), NOTE_MAX);
	*r = dw_note_line(m, item->why_you, &why);
	dw_set_buf(map, "why_you", &why);
	set_order_arg(m, map, item);
	set_dates(m, map, item);
	set_data(m, map, item);
	*r = render_line(m, map, DW_TPL_OPEN, "open");
	if (*r < 0)
		return map;
	if (!item->resolved) {
		set_offer(m, map, item);
		set_pack_texts(m, map, item);
		dw_item_claim(m, map, item);
		dw_item_facts(m, map, item);
		dw_item_told(m, map, item);
		dw_item_answer(m, map, item);
	}
	if (*r == 0)
		*r = add_parts(m, map, item);
	return map;
}
