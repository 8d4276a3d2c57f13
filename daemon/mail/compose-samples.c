/* Invented orders, feeds and notes: one of each mail there can be, for checking templates against. Two orders stand behind
 * all of them: one of which everything is known, one of which nothing is. */
#include "compose-impl.h"

#include <stdio.h>

#define NOW INT64_C(1795447800) /* Mon 23 Nov 2026, 15:30 UTC */

enum { READER, OTHER, PEOPLE, PROOF = 12, FOLD = 250 };

static const unsigned char token_key[DW_TOKEN_KEY] = "a sample";
static char answers[] = "answers@example.com";

struct order {
	struct dw_order order;
	struct dw_dates dates;
	struct dw_sources sources;
};

struct dw_samples {
	struct dw_config config;
	struct dw_person people[PEOPLE];
	struct dw_feed_conf feed[2]; /* a file whose zone isn't sure; a server */
	struct dw_feed_row row[3];   /* fine, stale, failing */
	struct dw_mail_feed health[3];
	struct dw_pack pack;
	struct dw_pack_text text[16];
	struct order full, bare;
	struct dw_told told[2];
	struct dw_ack ack;
	struct dw_memory memory;
	struct dw_hand hand;
	struct dw_overlay overlay;
	struct dw_mail_proof proof[PROOF];
	struct dw_mail_item fold[FOLD];
	bool signs; /* links of answers: there is a key */
};

/* ---- the shop ---- */

static char *line_of_text[] = { (char *)"A line of the pack for {{order_id}}.", (char *)"Another line." };

static void make_pack(struct dw_samples *s)
{
	static const char *const keys[] = { "how_to_file", "how_to_file_receipt", "how_to_edit", "how_to_answer_dispute",
					    "who_confirms", "cannot_change", "otherwise", "otherwise_receipt", "warnings",
					    "buyer_text", "buyer_text_receipt", "export_notes" };
	static struct dw_status_word none[1];

	s->pack = (struct dw_pack){ .name = (char *)"sample", .zone = &dw_zone_utc, .buyer_answer = 2, .receipt_extension = 15,
				    .claim_days = 30, .dispute_talk = 3 * DW_DAY, .margin_days = 2, .max_extension_days = 90,
				    .order_url = (char *)"https://trade.example.com/{{order_id}}", .status = none, .texts = s->text };
	for (size_t i = 0; i < DW_COUNT(keys); i++)
		s->text[s->pack.n_texts++] = (struct dw_pack_text){ .key = (char *)(uintptr_t)keys[i], .language = (char *)"en",
								    .line = line_of_text, .n = DW_COUNT(line_of_text) };
}

static void make_feeds(struct dw_samples *s)
{
	const struct dw_feed_row row = { .name = (char *)"shop", .data_time = NOW - 14 * 3600, .last_attempt = NOW, .last_success = NOW,
					 .error_since = DW_UNKNOWN, .orders = 214, .missing = 2, .rejected = 3, .unmatched = 4,
					 .rejects = (char *)"line 7: no date" };

	s->feed[0] = (struct dw_feed_conf){ .name = (char *)"shop", .type = (char *)"csv", .pack = &s->pack, .zone = &dw_zone_utc,
					    .other = &dw_zone_utc };
	s->feed[1] = (struct dw_feed_conf){ .name = (char *)"server", .type = (char *)"http", .pack = &s->pack, .zone = &dw_zone_utc };
	for (int i = 0; i < 3; i++) {
		s->row[i] = row;
		s->health[i] = (struct dw_mail_feed){ .row = &s->row[i], .conf = &s->feed[0], .stale = i == 1 };
	}
	s->row[2].error_since = NOW - 3600;
	s->row[2].error = (char *)"no such file";
}

/* ---- two orders ---- */

static const dw_time days_off[DW_FIELD_COUNT] = {
	[DW_F_CREATED_AT] = -24, [DW_F_PAID_AT] = -22, [DW_F_SHIPPED_AT] = -12, [DW_F_COMPLETED_AT] = -3,
	[DW_F_PROMISED_AT] = 7, [DW_F_EXTENSION_UNTIL] = 19, [DW_F_AUTO_CONFIRM_AT] = 23, [DW_F_AGREED_AT] = 17,
	[DW_F_EXPECTED_SHIP_AT] = 17, [DW_F_EXPECTED_ARRIVAL_AT] = 55, [DW_F_DELIVERED_AT] = -1,
};

/* Everything known, from all the places a fact can come from in turn, and of dates all that can be guessed. */
static int make_full(struct dw_samples *s)
{
	static const uint8_t origins[] = { DW_FROM_MAIN, DW_FROM_OVERLAY, DW_FROM_HAND, DW_FROM_DEFAULT, DW_FROM_OBSERVED };
	struct dw_order *o = &s->full.order;
	int r = 0;

	for (int x = 0; r == 0 && x < DW_FIELD_COUNT; x++) {
		if (dw_fields[x].kind == DW_K_TEXT)
			r = dw_facts_set_text(&o->f, (enum dw_field)x, x == DW_F_CURRENCY ? "USD" : x == DW_F_URL ? "https://trade.example.com/1" : "sample");
		else
			dw_facts_set_num(&o->f, (enum dw_field)x, dw_fields[x].kind == DW_K_INSTANT ? NOW + days_off[x] * DW_DAY : 2);
		o->origin[x] = origins[x % (int)DW_COUNT(origins)];
	}
	dw_facts_set_num(&o->f, DW_F_AMOUNT, 1240000);
	o->status_guessed = true;
	s->hand = (struct dw_hand){ .field = DW_F_EXPECTED_SHIP_AT, .at = NOW, .by = (char *)"bo" };
	s->overlay = (struct dw_overlay){ .feed = "factory", .facts = &o->f };
	s->full.sources = (struct dw_sources){ .main = &o->f, .main_feed = "shop", .overlay = &s->overlay, .n_overlay = 1,
					       .hand = &s->hand, .n_hand = 1 };
	s->full.dates = (struct dw_dates){ .status = DW_AWAITING_SHIPMENT, .to_ship = true, .promise = NOW + 7 * DW_DAY,
					   .x = NOW + 7 * DW_DAY, .p = NOW + 7 * DW_DAY, .f = NOW + 3 * DW_DAY, .e = NOW + 17 * DW_DAY,
					   .a = NOW + 23 * DW_DAY, .eta = NOW + 55 * DW_DAY, .r = NOW - 3 * DW_DAY, .c = NOW + 27 * DW_DAY,
					   .extension = DW_EXT_REQUESTED, .e_known = NOW - DW_DAY, .eta_computed = true, .a_computed = true,
					   .p_relative = true, .c_guessed = true, .a_days = 45, .a_refuted = 1, .data_at = DW_NEVER,
					   .next_at = DW_NEVER };
	return r;
}

static void make_bare(struct dw_samples *s)
{
	s->bare.sources = (struct dw_sources){ .main = &s->bare.order.f, .main_feed = "server" };
	s->bare.dates = (struct dw_dates){ .status = DW_AWAITING_SHIPMENT, .to_ship = true, .promise = DW_UNKNOWN, .x = DW_UNKNOWN,
					   .p = DW_UNKNOWN, .f = DW_UNKNOWN, .e = DW_UNKNOWN, .a = DW_UNKNOWN, .eta = DW_UNKNOWN,
					   .r = DW_UNKNOWN, .c = DW_UNKNOWN, .e_known = DW_UNKNOWN, .data_at = DW_NEVER,
					   .next_at = DW_NEVER };
}

/* What can be said of an agreement, by people and by feeds in turn, and in the end that each no longer holds. */
static void make_proof(struct dw_samples *s)
{
	static const struct {
		enum dw_field field;
		const char *value; /* "": withdrawn */
	} said[PROOF] = {
		{ DW_F_PROMISED_AT, "2026-11-30" },   { DW_F_EXTENSION_STATE, "requested" }, { DW_F_EXTENSION_STATE, "accepted" },
		{ DW_F_EXTENSION_STATE, "declined" }, { DW_F_EXTENSION_STATE, "none" },	    { DW_F_EXTENSION_STATE, "perhaps" },
		{ DW_F_EXTENSION_UNTIL, "2026-12-12" }, { DW_F_AGREED_AT, "2026-12-10" },    { DW_F_PROMISED_AT, "" },
		{ DW_F_EXTENSION_STATE, "" },	      { DW_F_EXTENSION_UNTIL, "" },	    { DW_F_AGREED_AT, "" },
	};

	for (int i = 0; i < PROOF; i++) {
		struct dw_mail_proof *p = &s->proof[i];

		*p = (struct dw_mail_proof){ .at = NOW - (PROOF - i) * DW_DAY, .field = said[i].field, .hand = i & 1,
					     .withdrawn = !*said[i].value };
		snprintf(p->by, sizeof(p->by), "%s", p->hand ? "bo" : "shop");
		snprintf(p->value, sizeof(p->value), "%s", said[i].value);
	}
}

int dw_samples_new(struct dw_samples **out, const struct dw_config *config, const char *language, struct dw_err *err)
{
	struct dw_samples *s = dw_calloc(1, sizeof(*s));
	int r;

	if (!s)
		return dw_err_oom(err);
	make_pack(s);
	make_feeds(s);
	for (int i = 0; i < PEOPLE; i++)
		s->people[i] = (struct dw_person){ .name = (char *)(i == READER ? "alice" : "bo"), .email = (char *)"alice@example.com",
						   .deputy = OTHER, .manager = OTHER, .language = (char *)(uintptr_t)language,
						   .zone = config->zone ? config->zone : &dw_zone_utc, .daily_minute = 510 };
	s->config = (struct dw_config){ .path = config->path, .datadir = config->datadir, .zone = config->zone,
					.language = (char *)(uintptr_t)language, .mail = config->mail, .feeds = s->feed,
					.n_feeds = DW_COUNT(s->feed), .people = { .p = s->people, .n = PEOPLE, .default_owner = READER } };
	for (int k = 0; k < DW_KIND_COUNT; k++)
		dw_ladder_default(&s->config.ladder[k], (enum dw_kind)k);
	s->memory = DW_MEMORY_NONE;
	s->ack = (struct dw_ack){ .at = NOW - 3600, .until = NOW + DW_DAY, .by = "bo" };
	make_proof(s);
	make_bare(s);
	r = make_full(s);
	if (r < 0) {
		dw_samples_free(s);
		return dw_err_oom(err);
	}
	*out = s;
	return 0;
}

const struct dw_config *dw_samples_config(const struct dw_samples *s)
{
	return &s->config;
}

void dw_samples_free(struct dw_samples *s)
{
	if (!s)
		return;
	dw_order_fini(&s->full.order);
	dw_order_fini(&s->bare.order);
	free(s);
}

/* ---- items ---- */

static struct dw_mail_item item_of(struct dw_samples *s, enum dw_kind kind, dw_time act_by, bool full)
{
	struct order *o = full ? &s->full : &s->bare;
	struct dw_mail_item i = { .order_row = 1 + kind, .feed = full ? "shop" : "server", .order_id = "234100000000000017",
				  .order = &o->order, .dates = &o->dates, .memory = &s->memory, .pack = &s->pack, .sources = &o->sources,
				  .side = dw_kinds[kind].side, .kind = kind, .state = DW_OPEN, .act_by = act_by, .step = "1d",
				  .urgent = full, .data_time = full ? NOW - 14 * 3600 : DW_UNKNOWN, .missing_since = DW_UNKNOWN,
				  .owner = READER, .next_at = DW_NEVER, .next_step = -1 };

	if (!full)
		return i;
	for (int k = 0; k < 2; k++)
		s->told[k] = (struct dw_told){ .side = i.side, .kind = kind, .person = OTHER, .at = NOW - (k + 1) * 3600,
					       .state = k ? DW_STEP_MAILED : DW_STEP_WAITING, .deliver = DW_DELIVER_DAILY };
	i.told = &s->told[kind & 1];
	i.n_told = 1;
	i.ladder = &s->config.ladder[kind];
	i.next_at = NOW + 2 * DW_DAY;
	i.next_step = 0;
	i.ack = &s->ack;
	i.stale = true;
	i.missing_since = NOW - DW_DAY;
	i.proof = s->proof;
	i.n_proof = i.side == DW_SIDE_CLAIM ? PROOF : 0;
	i.why_you = dw_notes_find("redirected");
	return i;
}

/* ---- mails ---- */

struct pouring {
	struct dw_composer *c;
	struct dw_samples *s;
	dw_template_complain_fn *complain;
	void *ctx;
	struct dw_err *err;
	int r;
};

static void pour(struct pouring *p, enum dw_mail_type type, struct dw_mail_view v)
{
	struct dw_err err = { "" };
	struct dw_mail m = { 0 };
	int r;

	if (p->r < 0)
		return;
	v.type = type;
	v.config = &p->s->config;
	v.person = READER;
	v.now = NOW;
	v.key = "sample";
	v.token_key = p->s->signs ? token_key : NULL;
	r = dw_mail_compose(p->c, &m, &v, &err);
	if (r == -ENOMEM)
		p->r = dw_err_oom(p->err);
	else if (r < 0)
		p->complain(p->ctx, err.text);
	else if (strlen(m.subject) >= 3 && strcmp(m.subject + strlen(m.subject) - 3, "…") == 0) {
		DW_BUF b = { 0 };

		dw_buf_printf(&b, "%s:1: the subject is too long and was cut, %d characters are allowed",
			      dw_template_name(p->c->set[0].tpl[DW_TPL_SUBJECT]), DW_SUBJECT_MAX);
		p->complain(p->ctx, dw_buf_str(&b));
	}
	dw_mail_fini(&m);
}

static void pour_item(struct pouring *p, enum dw_mail_type type, struct dw_mail_item i)
{
	i.resolved = type == DW_MAIL_RESOLVED;
	pour(p, type, (struct dw_mail_view){ .item = &i, .n_item = 1 });
}

/* Each kind before, after and without its deadline; with what differs by pack, dates and state. */
static void pour_kinds(struct pouring *p)
{
	static const dw_time at[] = { NOW + 2 * DW_DAY, NOW - 2 * DW_DAY, DW_UNKNOWN };
	struct dw_samples *s = p->s;
	const struct dw_dates known = s->full.dates;

	s->config.replies.token_days = 30;
	for (int k = 0; k < DW_KIND_COUNT; k++)
		for (int full = 0; full < 2; full++)
			for (size_t a = 0; a < DW_COUNT(at); a++)
				for (int by = DW_EXT_BY_SELLER; by <= (full && a < 2 ? DW_EXT_BY_NOBODY : DW_EXT_BY_SELLER); by++) {
					s->config.replies.address = a == 1 ? NULL : answers; /* read, and with links in them; or not */
					s->signs = full;
					s->pack.extension = (enum dw_ext_by)by;
					s->pack.max_extension_days = by == DW_EXT_BY_BUYER ? 41 : by == DW_EXT_BY_NOBODY ? 50 : 90; /* caps the proposal, is near it, is far */
					s->pack.receipt_extension = by == DW_EXT_BY_BUYER ? 0 : 15;
					s->full.dates.eta_failed = a == 1;
					s->full.dates.e_stale = by == DW_EXT_BY_BUYER;
					s->full.dates.e = s->full.dates.e_stale && a ? DW_UNKNOWN : known.e;
					s->full.dates.status = by == DW_EXT_BY_SELLER ? DW_PARTLY_SHIPPED : known.status;
					pour_item(p, DW_MAIL_ALERT, item_of(s, (enum dw_kind)k, at[a], full));
					s->full.dates = known;
				}
	s->config.replies.address = NULL;
	s->pack.extension = DW_EXT_BY_SELLER;
	s->pack.max_extension_days = 90;
	s->pack.receipt_extension = 15;
}

/* Until the order is put back as it was: a text stays where it is. */
static void hide(struct dw_order *o, enum dw_field x, bool hidden)
{
	if (hidden)
		o->f.known &= ~(UINT32_C(1) << x);
}

/* What a claim is argued with: late or in time, still here, extended or not, by whose word; and what the platform does. */
static void pour_claims(struct pouring *p)
{
	static const enum dw_kind kinds[] = { DW_DISPUTE, DW_AUTO_CONFIRMED_UNDELIVERED, DW_SHIPPED_LATE };
	static const struct {
		int first, promise; /* days from now; first 0: not extended, promise 0: none is known */
		enum dw_extension extension;
		bool shipped, delivered, received, amount, by_main, clocks, proof;
	} cases[] = {
		{ -20, -14, DW_EXT_ACCEPTED, .shipped = true, .delivered = true, .received = true, .amount = true, .by_main = true, .clocks = true },
		{ -20, -13, DW_EXT_REQUESTED, .shipped = true, .amount = true, .proof = true },
		{ 0, 7, DW_EXT_DECLINED, .shipped = true, .clocks = true, .proof = true },
		{ 0, -1, DW_EXT_REQUESTED, .amount = true, .proof = true },
		{ 0, 7, DW_EXT_NONE, .clocks = true },
		{ 0, 0, DW_EXT_NONE, .shipped = true, .received = true, .proof = true },
	};
	struct dw_samples *s = p->s;
	struct dw_order *o = &s->full.order;
	struct dw_dates *d = &s->full.dates;
	const struct order known = s->full;

	s->memory.first_seen = NOW - 30 * DW_DAY;
	s->memory.disputed_since = NOW - 4 * DW_DAY;
	for (size_t i = 0; i < DW_COUNT(cases); i++)
		for (size_t k = 0; k < DW_COUNT(kinds); k++) {
			struct dw_mail_item item = item_of(s, kinds[k], kinds[k] == DW_DISPUTE ? NOW + DW_DAY : DW_UNKNOWN, true);

			d->p = d->x = cases[i].promise ? NOW + cases[i].promise * DW_DAY : DW_UNKNOWN;
			d->promise = cases[i].first ? NOW + cases[i].first * DW_DAY : d->p;
			d->extension = cases[i].extension;
			d->r = cases[i].received ? known.dates.r : DW_UNKNOWN;
			d->status = kinds[k] == DW_DISPUTE ? DW_DISPUTED : cases[i].received ? DW_COMPLETED : DW_SHIPPED;
			d->eta_failed = i == 1;
			o->accepted_by_main = cases[i].by_main;
			hide(o, DW_F_SHIPPED_AT, !cases[i].shipped);
			hide(o, DW_F_DELIVERED_AT, !cases[i].delivered);
			hide(o, DW_F_AMOUNT, !cases[i].amount);
			hide(o, DW_F_TRANSPORT, !cases[i].shipped);
			hide(o, DW_F_AGREED_AT, i == 4);
			o->origin[DW_F_AGREED_AT] = o->origin[DW_F_EXTENSION_STATE] = i & 1 ? DW_FROM_HAND : DW_FROM_MAIN;
			s->pack.dispute_call_day = cases[i].clocks ? 4 : 0;
			s->pack.dispute_auto_day = cases[i].clocks ? 7 : 0;
			s->pack.payout = cases[i].clocks ? DW_PAYOUT_RECEIPT : DW_PAYOUT_UNKNOWN;
			item.n_proof = cases[i].proof ? PROOF : 0;
			pour_item(p, DW_MAIL_ALERT, item);
			s->full = known;
		}
	s->memory = DW_MEMORY_NONE;
	s->pack.dispute_call_day = s->pack.dispute_auto_day = 0;
	s->pack.payout = DW_PAYOUT_UNKNOWN;
}

/* Who may extend the receiving time and how often, before any extension and after the first. */
static void pour_receipts(struct pouring *p)
{
	struct dw_samples *s = p->s;
	struct dw_order *o = &s->full.order;
	const struct order known = s->full;

	hide(o, DW_F_DELIVERED_AT, true);
	s->full.dates.r = DW_UNKNOWN;
	s->full.dates.status = DW_SHIPPED;
	for (int by = DW_RECEIPT_BY_UNKNOWN; by <= DW_RECEIPT_BY_NOBODY; by++)
		for (int times = 0; times <= 2; times++)
			for (int used = 0; used < 2; used++) {
				s->pack.receipt_by = (enum dw_receipt_by)by;
				s->pack.receipt_seller_times = s->pack.receipt_buyer_times = times;
				s->pack.payout = times ? DW_PAYOUT_RECEIPT : DW_PAYOUT_UNKNOWN;
				o->f.num[DW_F_RECEIPT_EXTENSIONS] = used;
				s->full.dates.eta = used ? NOW + 30 * DW_DAY : known.dates.eta; /* one extension will do; no number of them will */
				pour_item(p, DW_MAIL_ALERT, item_of(s, DW_EXTEND_RECEIPT, NOW + DW_DAY, true));
			}
	s->full = known;
	s->pack.receipt_by = DW_RECEIPT_BY_UNKNOWN;
	s->pack.receipt_seller_times = s->pack.receipt_buyer_times = 0;
	s->pack.payout = DW_PAYOUT_UNKNOWN;
}

static void pour_resolved(struct pouring *p)
{
	static const enum dw_kind of_side[DW_SIDE_COUNT] = { DW_OVERDUE, DW_EXTEND_RECEIPT, DW_DISPUTE };
	struct dw_samples *s = p->s;

	for (int side = 0; side < DW_SIDE_COUNT; side++)
		for (int status = 0; status < DW_STATUS_COUNT; status++)
			for (int full = 0; full < 2; full++) {
				struct order *o = full ? &s->full : &s->bare;
				enum dw_status was = o->dates.status;

				o->dates.status = (enum dw_status)status;
				pour_item(p, DW_MAIL_RESOLVED, item_of(s, of_side[side], NOW - DW_DAY, full));
				o->dates.status = was;
			}
}

static void pour_folds(struct pouring *p)
{
	struct dw_samples *s = p->s;
	struct dw_mail_view v = { .item = s->fold, .n_more = 3, .feed = s->health, .n_feed = DW_COUNT(s->health),
				  .note = dw_notes_find("cells_rejected"), .n_note = 1 };
	static const size_t sizes[] = { 0, 1, 3, FOLD };

	for (int i = 0; i < FOLD; i++) {
		s->fold[i] = item_of(s, DW_EXTEND_SHIP_DATE, NOW + (i - 1) * DW_DAY, i != 1);
		s->fold[i].order_row = 100 + i;
		s->fold[i].dormant = i % 50 == 7;
		s->fold[i].resolved = i % 50 == 8;
	}
	s->fold[FOLD - 1].order_row = s->fold[FOLD - 2].order_row;
	pour(p, DW_MAIL_ALERT, (struct dw_mail_view){ .item = &s->fold[FOLD - 2], .n_item = 2 });
	for (size_t i = 0; i < DW_COUNT(sizes); i++) {
		v.n_item = sizes[i];
		if (sizes[i]) {
			pour(p, DW_MAIL_ALERT, v);
			pour(p, DW_MAIL_RESOLVED, v);
		}
		pour(p, DW_MAIL_FIRST_LOOK, v);
		v.open = v.missing = s->fold;
		v.n_open = v.n_missing = v.n_item;
		pour(p, DW_MAIL_DAILY, v);
		pour(p, DW_MAIL_FEED, v);
	}
}

/* Days off that begin in a week, and what falls into them; in full, as one, and with more than a mail lists. */
static void pour_closures(struct pouring *p)
{
	const int32_t first = (int32_t)(NOW / DW_DAY) + 7;
	const struct dw_closure c = { .first = first, .last = first + 8, .from = NOW + 7 * DW_DAY, .to = NOW + 16 * DW_DAY, .before = 3 };
	struct dw_mail_view v = { .item = p->s->fold, .closure = &c };

	for (int i = 0; i < FOLD; i++)
		p->s->fold[i] = item_of(p->s, DW_SHIP_BY, i == 1 ? NOW - DW_DAY : NOW + 9 * DW_DAY, i != 1);
	for (v.n_item = 1; v.n_item <= FOLD; v.n_item = v.n_item == 1 ? 2 : v.n_item == 2 ? FOLD : FOLD + 1)
		pour(p, DW_MAIL_CLOSURE, v);
}

/* mails_per_day: what waited for this mail; the last one of the day. */
static void pour_budgets(struct pouring *p)
{
	struct dw_mail_item i = item_of(p->s, DW_SHIP_BY, NOW + 3 * DW_DAY, true);

	for (int n = 1; n <= 2; n++)
		pour(p, DW_MAIL_ALERT, (struct dw_mail_view){ .item = &i, .n_item = 1, .per_day = n, .n_held = (size_t)n,
							      .last_before = NOW + DW_DAY });
}

/* ---- what came of a reply ---- */

static void pour_reply(struct pouring *p, const struct dw_reply_answer *a, const struct dw_mail_item *item, size_t n)
{
	pour(p, DW_MAIL_ANSWER, (struct dw_mail_view){ .answer = a, .item = item, .n_item = n, .title = "Re: sample" });
}

/* Each verb with each outcome, each reason to refuse and not to understand, and how its order stands then. */
static void pour_replies(struct pouring *p)
{
	static const char *const which[] = { "234100000000000017", "234100000000000018" };
	static const dw_time spared[] = { DW_NEVER, NOW + 2 * DW_DAY };
	struct dw_samples *s = p->s;
	struct dw_command c = { .order = "234100000000000019" };
	struct dw_reply_line line = { .command = &c };
	struct dw_reply_answer a = { .line = &line, .n_line = 1 };

	for (int v = 0; v < DW_VERB_COUNT; v++) {
		c.verb = (enum dw_verb)v;
		c.span = dw_verbs[v].takes_span ? 2 * DW_DAY : 0;
		snprintf(c.date, sizeof(c.date), "%s", dw_verbs[v].wants_date ? "2026-12-10" : "");
		snprintf(c.note, sizeof(c.note), "%s", c.verb == DW_VERB_CLOSE ? "paid back" : "");
		line.day = c.verb == DW_VERB_YES ? NOW + 7 * DW_DAY : DW_UNKNOWN;
		for (int r = DW_REPLY_DONE; r <= DW_REPLY_LIMIT; r++) {
			line.result = (enum dw_reply_result)r;
			line.order_id = r == DW_REPLY_DONE || r == DW_REPLY_REFUSED ? which[0] : NULL;
			a.which = which;
			a.n_which = r == DW_REPLY_WHICH ? DW_COUNT(which) : 0;
			pour_reply(p, &a, NULL, 0);
		}
	}
	a.n_which = 0;
	line.result = DW_REPLY_REFUSED;
	line.why = "the value is not allowed";
	for (int x = 0; x < DW_REFUSED_COUNT; x++) {
		line.refusal = (enum dw_refusal)x;
		line.order_id = x == DW_REFUSED_NO_ORDER ? NULL : which[0];
		pour_reply(p, &a, NULL, 0);
	}
	a = (struct dw_reply_answer){ .unknown = "ship it some day" };
	pour_reply(p, &a, NULL, 0);
	for (int u = 0; u < DW_WHY_COUNT; u++) {
		a.unknown_why = dw_why_names[u];
		pour_reply(p, &a, NULL, 0);
	}
	a = (struct dw_reply_answer){ .expired = true };
	for (int full = 0; full < 2; full++)
		for (size_t i = 0; i < DW_COUNT(spared); i++) {
			struct dw_mail_item item[2] = { item_of(s, DW_SHIP_BY, full ? NOW + 3 * DW_DAY : DW_UNKNOWN, full),
							item_of(s, DW_SHIP_BY, DW_UNKNOWN, full) };

			item[0].next_at = spared[i];
			item[0].next_step = spared[i] == DW_NEVER ? -1 : 0;
			item[1].kind = DW_NO_KIND;
			pour_reply(p, &a, item, 2);
			s->ack.until = spared[i] == DW_NEVER ? DW_UNKNOWN : NOW + DW_DAY;
		}
	s->ack.until = NOW + DW_DAY;
}

static void pour_notes(struct pouring *p)
{
	pour(p, DW_MAIL_NOTE, (struct dw_mail_view){ 0 });
	pour(p, DW_MAIL_FEED, (struct dw_mail_view){ 0 });
	for (size_t i = 0; i < dw_notes_count; i++) {
		const struct dw_note nothing = { .name = dw_notes[i].name };

		pour(p, DW_MAIL_NOTE, (struct dw_mail_view){ .note = &dw_notes[i], .n_note = 1 });
		pour(p, DW_MAIL_NOTE, (struct dw_mail_view){ .note = &nothing, .n_note = 1 });
	}
}

int dw_samples_compose(struct dw_samples *s, struct dw_composer *c, dw_template_complain_fn *complain, void *ctx, struct dw_err *err)
{
	struct pouring p = { .c = c, .s = s, .complain = complain, .ctx = ctx, .err = err };

	pour_kinds(&p);
	pour_claims(&p);
	pour_receipts(&p);
	pour_resolved(&p);
	pour_folds(&p);
	pour_closures(&p);
	pour_budgets(&p);
	pour_replies(&p);
	pour_notes(&p);
	return p.r;
}
