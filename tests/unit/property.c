/* What must hold for any order, any memory and any moment, over thousands of made-up ones. The seed is fixed, so a
 * failure comes back; its number and the facts are in the message. */
#include "duewatch/codec.h"
#include "world.h"

#define BASE INT64_C(1795392000) /* 2026-11-23T00:00:00Z */

static uint64_t seed;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * UINT64_C(2685821657736338717);
}

static int64_t upto(int64_t n) /* 0..n-1 */
{
	return (int64_t)((draw() >> 11) % (uint64_t)n);
}

static bool one_in(int n)
{
	return upto(n) == 0;
}

static void begin_case(int64_t n)
{
	seed = UINT64_C(0x9E3779B97F4A7C15) * ((uint64_t)n + 1);
	draw();
}

/* An instant around BASE; often on a grid, so that equal ones and exact distances are met. */
static dw_time some_time(void)
{
	dw_time t = BASE + (upto(120) - 60) * DAY;

	if (one_in(2))
		t += upto(DAY);
	else if (one_in(3))
		t += upto(3) - 1;
	return t;
}

static void maybe(struct dw_facts *f, enum dw_field x, int one, int64_t v)
{
	if (one_in(one))
		dw_facts_set_num(f, x, v);
	else if (one_in(4))
		f->listed |= 1U << x;
}

static void random_facts(struct dw_facts *f)
{
	static const enum dw_status likely[] = { DW_AWAITING_SHIPMENT, DW_AWAITING_SHIPMENT, DW_SHIPPED, DW_PARTLY_SHIPPED };

	maybe(f, DW_F_STATUS, 1, one_in(3) ? upto(DW_STATUS_COUNT) : (int64_t)likely[upto(4)]);
	maybe(f, DW_F_PROMISED_AT, one_in(2) ? 1 : 3, some_time());
	maybe(f, DW_F_PAID_AT, 2, some_time());
	maybe(f, DW_F_CREATED_AT, 3, some_time());
	maybe(f, DW_F_LEAD_DAYS, 3, upto(60));
	maybe(f, DW_F_SHIPPED_AT, 2, some_time());
	maybe(f, DW_F_COMPLETED_AT, 3, some_time());
	maybe(f, DW_F_EXTENSION_STATE, 2, upto(DW_EXT_COUNT));
	maybe(f, DW_F_EXTENSION_UNTIL, 2, some_time());
	maybe(f, DW_F_AUTO_CONFIRM_AT, 4, some_time());
	maybe(f, DW_F_RECEIPT_EXTENSIONS, 4, upto(3));
	maybe(f, DW_F_AGREED_AT, 3, some_time());
	maybe(f, DW_F_EXPECTED_SHIP_AT, 2, some_time());
	maybe(f, DW_F_EXPECTED_ARRIVAL_AT, 2, some_time());
	maybe(f, DW_F_DELIVERED_AT, 6, some_time());
	maybe(f, DW_F_TRANSPORT, 2, upto(DW_BY_UNKNOWN));
}

/* Some of the facts become others: a later read. */
static void change_facts(struct world *w, dw_time now)
{
	struct dw_facts after, fresh = { 0 };

	assert_int_equal(dw_facts_copy(&after, &w->main), 0);
	random_facts(&fresh);
	for (int x = 0; x < DW_FIELD_COUNT; x++)
		if (one_in(5))
			assert_int_equal(dw_facts_take(&after, &fresh, (enum dw_field)x), 0);
	if (one_in(4) && dw_has(&after, DW_F_PROMISED_AT))
		after.num[DW_F_PROMISED_AT] += upto(3 * HOUR) - 90 * 60;
	dw_facts_fini(&fresh);
	world_take(w, &after, now - (one_in(3) ? upto(2 * DAY) : 0));
}

static void random_hand(struct world *w, enum dw_field x, int64_t v, dw_time now)
{
	struct dw_sources src = { .main = &w->main };
	struct dw_hand *h = &w->hand[w->n_hand];
	DW_BUF base = { 0 };

	*h = (struct dw_hand){ .field = x, .at = now - upto(60 * HOUR) };
	dw_facts_set_num(&h->value, x, v);
	assert_int_equal(dw_hand_base(&base, &src, x), 0);
	h->base = dw_strdup(dw_buf_str(&base));
	w->n_hand++;
}

/* Working time of some of them: with a lunch break, across all the day, on few days, with long holidays. */
static void random_hours(struct world *w)
{
	static const struct dw_hours hours[] = {
		{ 1, { { 9 * 60, 18 * 60 } } },
		{ 2, { { 8 * 60 + 30, 12 * 60 }, { 13 * 60, 17 * 60 } } },
		{ 2, { { 0, 6 * 60 }, { 22 * 60, 1440 } } },
		{ 1, { { 0, 1440 } } },
	};

	for (int i = 0; i < PERSONS; i++) {
		struct dw_person *p = &w->person[i];
		int32_t first = (int32_t)(BASE / DAY) - 30 + (int32_t)upto(60);

		if (one_in(3))
			continue;
		p->hours = hours[upto(DW_COUNT(hours))];
		p->zone = one_in(2) ? &la : &shanghai;
		p->working_days = one_in(3) ? (unsigned)(1 + upto(127)) : 0;
		if (one_in(2))
			assert_int_equal(dw_holidays_put(&p->off, (struct dw_days){ first, first + (int32_t)upto(25) }, NULL), 0);
	}
}

static void random_world(struct world *w, bool hands)
{
	struct dw_facts f = { 0 };

	world_init(w);
	w->pack.buyer_answer = (int)upto(4);
	w->pack.extension = (enum dw_ext_by)upto(3);
	w->pack.receipt_watch = (enum dw_receipt_watch)upto(3);
	for (int i = 0; i < DW_BY_COUNT; i++)
		w->rules.transit_days[i] = one_in(2) ? (int)upto(50) : 0;
	if (one_in(4))
		w->person[ALICE].daily_minute = -1;
	w->owner = (int)upto(PERSONS);
	if (one_in(2))
		random_hours(w);
	random_facts(&f);
	world_take(w, &f, BASE - upto(5 * DAY));
	if (hands && one_in(2))
		random_hand(w, DW_F_PROMISED_AT, some_time(), BASE);
	if (hands && one_in(2))
		random_hand(w, one_in(2) ? DW_F_STATUS : DW_F_EXPECTED_SHIP_AT, one_in(2) ? DW_SHIPPED : some_time(), BASE);
	if (w->n_hand == 2 && w->hand[1].field == DW_F_STATUS)
		w->hand[1].value.num[DW_F_STATUS] = upto(DW_STATUS_COUNT);
}

/* What a plan says of the alerts, apart from what was to be done. */
struct view {
	struct dw_finding finding[DW_SIDE_COUNT];
	enum dw_state state[DW_SIDE_COUNT];
	int step[DW_SIDE_COUNT];
	int64_t number[DW_SIDE_COUNT];
	dw_time next_at;
};

static struct view view_of(const struct dw_plan *p)
{
	struct view v = { .next_at = p->next_at };

	for (int i = 0; i < DW_SIDE_COUNT; i++) {
		v.finding[i] = p->finding[i];
		v.state[i] = p->state[i];
		v.step[i] = p->owed[i].step;
		v.number[i] = p->owed[i].number;
	}
	return v;
}

static void assert_same_view(const struct view *a, const struct view *b, int64_t n, struct world *w, dw_time now, dw_time u)
{
	for (int i = 0; i < DW_SIDE_COUNT; i++)
		if (a->finding[i].kind != b->finding[i].kind || a->finding[i].act_by != b->finding[i].act_by ||
		    a->finding[i].found_at != b->finding[i].found_at || a->state[i] != b->state[i] || a->step[i] != b->step[i] ||
		    a->number[i] != b->number[i] || a->next_at != b->next_at)
			fail_msg("case %d, %s: at %s not as at %s: kind %d/%d act_by %s/%s state %d/%d step %d/%d next %s/%s\n%s", (int)n,
				 dw_side_words[i], shown(u), shown(now), (int)a->finding[i].kind, (int)b->finding[i].kind,
				 shown(a->finding[i].act_by), shown(b->finding[i].act_by), (int)a->state[i], (int)b->state[i], a->step[i],
				 b->step[i], shown(a->next_at), shown(b->next_at), written(&w->main));
}

/* Nothing is left to do at u: the same view, no step, no row, no covering, nothing to settle. */
static void assert_quiet(struct world *w, const struct view *was, int64_t n, dw_time now, dw_time u)
{
	bool settled = world_look(w, u);
	struct view v = view_of(&w->plan);

	assert_same_view(was, &v, n, w, now, u);
	if (settled || w->plan.n_step || w->plan.n_drop || w->plan.moved || w->plan.withdrawn)
		fail_msg("case %d: at %s, decided at %s, there is still: %s (settled %d)\n%s", (int)n, shown(u), shown(now), plan_text(w),
			 settled, written(&w->main));
	for (int i = 0; i < DW_SIDE_COUNT; i++)
		if (w->plan.alert_changed[i])
			fail_msg("case %d: at %s, decided at %s, the row of side %d changes\n%s", (int)n, shown(u), shown(now), i,
				 written(&w->main));
}

static dw_time probe(dw_time now, dw_time next, int k)
{
	dw_time end = next == DW_NEVER ? now + 400 * DAY : next;

	if (end - now < 2)
		return now;
	switch (k) {
	case 0:
		return end - 1;
	case 1:
		return now + 1;
	default:
		return now + 1 + upto(end - now - 1);
	}
}

/* Something a person or a feed does before the next look. */
static void something_happens(struct world *w, dw_time now)
{
	static const char *const who[] = { "alice", "bob", "dave", "nobody" };
	bool note;

	world_mail(w, now, one_in(2));
	if (one_in(3))
		change_facts(w, now);
	if (one_in(6))
		world_ack(w, who[upto(4)], one_in(2) ? upto(9 * DAY) : 0, now, &note);
	if (one_in(12)) {
		w->memory.closed_at = now;
		w->memory.closed_status = (int64_t)w->dates.status;
		w->memory.closed_promise = w->dates.p;
	}
	w->stale = one_in(5);
	w->first_look = one_in(8);
	w->rules_changed = one_in(8);
	if (one_in(8))
		w->pack.buyer_answer = (int)upto(4);
	if (one_in(10))
		w->owner = (int)upto(PERSONS);
	if (one_in(10))
		random_hours(w);
}

/* Between a decision and its next_at nothing changes; and deciding again at once adds nothing. */
static void next_at_covers(void **state)
{
	(void)state;
	for (int64_t n = 0; n < 4000; n++) {
		struct world w;
		dw_time now = BASE + upto(3) - 1;

		begin_case(n);
		random_world(&w, true);
		for (int round = 0; round < 5; round++) {
			struct view v;

			world_look(&w, now);
			world_record(&w);
			v = view_of(&w.plan);
			w.rules_changed = false;
			assert_true(v.next_at > now);
			assert_quiet(&w, &v, n, now, now);
			for (int k = 0; k < 5; k++)
				assert_quiet(&w, &v, n, now, probe(now, v.next_at, k));
			now = v.next_at != DW_NEVER && one_in(2) ? v.next_at : now + upto(10 * DAY);
			something_happens(&w, now);
		}
		world_fini(&w);
	}
}

static void assert_same_alerts(struct world *a, struct world *b, int64_t n, dw_time now)
{
	for (int i = 0; i < DW_SIDE_COUNT; i++) {
		const struct dw_alert *x = world_alert(a, (enum dw_side)i), *y = world_alert(b, (enum dw_side)i);
		bool open_x = x && x->kind != DW_NO_KIND, open_y = y && y->kind != DW_NO_KIND;

		if (open_x != open_y || (open_x && (x->kind != y->kind || x->act_by != y->act_by)) ||
		    a->plan.owed[i].step != b->plan.owed[i].step)
			fail_msg("case %d, %s, at %s: %d %d %d %d\n%s", (int)n, dw_side_words[i], shown(now), open_x, open_y,
				 open_x ? (int)x->kind : -9, open_y ? (int)y->kind : -9, written(&a->main));
	}
}

static void pass_to(struct world *w, dw_time now)
{
	world_look(w, now);
	world_record(w);
	world_mail(w, now, true);
}

/* Told of its present step, or left out on purpose: everybody whom the jump tells was told by the steps too. */
static void assert_nobody_forgotten(struct world *steps, struct world *jump, int64_t n)
{
	for (size_t i = 0; i < jump->n_told; i++) {
		const struct dw_told *j = &jump->told[i];
		bool heard = j->state == DW_STEP_COVERED;

		for (size_t k = 0; k < steps->n_told; k++)
			heard |= steps->told[k].side == j->side && steps->told[k].person == j->person && steps->told[k].kind == j->kind &&
				 steps->told[k].state == DW_STEP_MAILED;
		if (!heard)
			fail_msg("case %d: in small steps nobody told person %d of kind %d\n%s", (int)n, j->person, (int)j->kind,
				 written(&steps->main));
	}
}

/* Small steps through time end where one jump does (the clock may be looked at whenever, guarantee 5). */
static void steps_equal_a_jump(void **state)
{
	(void)state;
	for (int64_t n = 0; n < 3000; n++) {
		struct world steps, jump;
		dw_time now = BASE, end;

		begin_case(n);
		random_world(&steps, false);
		begin_case(n);
		random_world(&jump, false);
		/* both see the order at the same moment, which is when its dispute and its request begin */
		world_look(&steps, now);
		world_look(&jump, now);
		end = now + upto(60 * DAY);
		for (now += upto(DAY); now < end; now += 1 + upto(one_in(2) ? DAY : 7 * DAY)) {
			pass_to(&steps, now);
			if (one_in(3) && steps.plan.next_at < end)
				pass_to(&steps, steps.plan.next_at);
			if (one_in(3) && steps.plan.next_at < end)
				now = steps.plan.next_at;
		}
		pass_to(&steps, end);
		pass_to(&jump, end);
		assert_same_alerts(&steps, &jump, n, end);
		assert_nobody_forgotten(&steps, &jump, n);
		assert_true(steps.plan.next_at == jump.plan.next_at || steps.n_alert != jump.n_alert);
		world_fini(&steps);
		world_fini(&jump);
	}
}

/* No key is recorded twice, whatever happens in between: nobody is told the same thing again. */
static void never_twice(void **state)
{
	(void)state;
	for (int64_t n = 0; n < 1500; n++) {
		struct world w;
		dw_time now = BASE;

		begin_case(n);
		random_world(&w, true);
		for (int round = 0; round < 20; round++, now += upto(3 * DAY)) {
			world_look(&w, now);
			world_record(&w);
			something_happens(&w, now);
		}
		for (size_t i = 0; i < w.n_told; i++)
			for (size_t k = 0; k < i; k++) {
				const struct dw_told *a = &w.told[i], *b = &w.told[k];

				if (a->kind != DW_NO_KIND && a->side == b->side && a->episode == b->episode && a->kind == b->kind &&
				    a->act_by == b->act_by && a->number == b->number && a->person == b->person && !strcmp(a->step, b->step))
					fail_msg("case %d: %s of %s recorded twice for person %d", (int)n, a->step, dw_kinds[a->kind].name, a->person);
			}
		world_fini(&w);
	}
}

static void fold_of(struct dw_facts *out, struct dw_facts *row, const size_t *order, size_t n)
{
	struct dw_fold fold = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct dw_facts copy;

		assert_int_equal(dw_facts_copy(&copy, &row[order[i]]), 0);
		assert_int_equal(dw_fold_add(&fold, &copy), 0);
	}
	assert_int_equal(dw_fold_finish(&fold, out), 0);
}

static bool first_non_empty(enum dw_field x)
{
	return dw_fields[x].kind == DW_K_TEXT || dw_fields[x].kind == DW_K_TRANSPORT || dw_fields[x].kind == DW_K_AMOUNT ||
	       x == DW_F_RECEIPT_EXTENSIONS;
}

/* Rows may come in any order; only "the first non-empty row" depends on it. */
static void fold_order(void **state)
{
	(void)state;
	for (int64_t n = 0; n < 3000; n++) {
		struct dw_facts row[4], a, b;
		size_t rows, order[4] = { 0, 1, 2, 3 };

		begin_case(n);
		rows = 1 + (size_t)upto(4);
		memset(row, 0, sizeof(row));
		for (size_t i = 0; i < rows; i++) {
			random_facts(&row[i]);
			if (n % 5 == 0)
				dw_facts_set_num(&row[i], DW_F_STATUS, DW_CANCELLED);
			maybe(&row[i], DW_F_AMOUNT, 2, upto(1000));
			if (one_in(2))
				assert_int_equal(dw_facts_set_text(&row[i], DW_F_NOTE, one_in(2) ? "a" : "b"), 0);
		}
		fold_of(&a, row, order, rows);
		for (size_t i = rows; i > 1; i--) {
			size_t k = (size_t)upto((int64_t)i), t = order[i - 1];

			order[i - 1] = order[k];
			order[k] = t;
		}
		fold_of(&b, row, order, rows);
		assert_int_equal(a.listed, b.listed);
		assert_int_equal(a.known, b.known);
		for (int x = 0; x < DW_FIELD_COUNT; x++)
			if (!first_non_empty((enum dw_field)x) && !dw_facts_same(&a, &b, (enum dw_field)x))
				fail_msg("case %d: %s", (int)n, dw_fields[x].name);
		for (size_t i = 0; i < rows; i++)
			dw_facts_fini(&row[i]);
		dw_facts_fini(&a);
		dw_facts_fini(&b);
	}
}

static void assert_usable(const struct dw_facts *f)
{
	DW_BUF b = { 0 };

	for (int x = 0; x < DW_FIELD_COUNT; x++) {
		assert_int_equal(dw_fact_text(&b, f, (enum dw_field)x), 0);
		assert_true(!dw_has(f, (enum dw_field)x) || dw_listed(f, (enum dw_field)x));
	}
}

/* What is written is read back; damaged bytes are refused, or read as facts that can be used, and never more. */
static void records(void **state)
{
	int refused = 0, taken = 0;

	(void)state;
	for (int64_t n = 0; n < 3000; n++) {
		struct dw_facts f = { 0 }, g;
		DW_BUF b = { 0 };

		begin_case(n);
		random_facts(&f);
		maybe(&f, DW_F_AMOUNT, 2, (int64_t)draw());
		assert_int_equal(dw_facts_set_text(&f, DW_F_TITLE, one_in(2) ? "" : "钢卷 <b>"), 0);
		assert_int_equal(dw_facts_encode(&b, &f), 0);
		assert_int_equal(dw_facts_decode(&g, b.p, b.n), 0);
		assert_true(f.listed == g.listed && f.known == g.known);
		for (int x = 0; x < DW_FIELD_COUNT; x++)
			assert_true(dw_facts_same(&f, &g, (enum dw_field)x));
		dw_facts_fini(&g);
		dw_facts_fini(&f);
		for (int k = 0; k < 20; k++) {
			size_t len = one_in(4) ? (size_t)upto((int64_t)b.n + 1) : b.n;
			char *m = malloc(len ? len : 1); /* its own block, so that the sanitizer sees one byte too far */

			assert_non_null(m);
			memcpy(m, b.p, len);
			for (int i = (int)upto(4); len && i >= 0; i--)
				m[upto((int64_t)len)] = one_in(3) ? (char)0xFF : (char)draw();
			if (dw_facts_decode(&g, m, len) == 0) {
				assert_usable(&g);
				dw_facts_fini(&g);
				taken++;
			} else
				refused++;
			free(m);
		}
	}
	assert_true(refused > 1000 && taken > 1000);
}

static void memories(void **state)
{
	(void)state;
	for (int64_t n = 0; n < 3000; n++) {
		struct dw_memory m = DW_MEMORY_NONE, out;
		dw_time *field[] = { &m.first_seen, &m.to_ship_data, &m.moving_data, &m.completed_data, &m.delivered_data, &m.x_until,
				     &m.x_promise, &m.requested_since, &m.disputed_since, &m.closed_at, &m.closed_promise };
		DW_BUF b = { 0 };

		begin_case(n);
		m.first_read = one_in(2);
		for (size_t i = 0; i < DW_COUNT(field); i++)
			if (one_in(2))
				*field[i] = some_time();
		if (m.closed_at != DW_UNKNOWN)
			m.closed_status = upto(DW_STATUS_COUNT);
		assert_int_equal(dw_memory_encode(&b, &m), 0);
		assert_int_equal(dw_memory_decode(&out, b.p, b.n), 0);
		assert_true(out.first_seen == m.first_seen && out.first_read == m.first_read && out.to_ship_data == m.to_ship_data &&
			    out.moving_data == m.moving_data && out.completed_data == m.completed_data &&
			    out.delivered_data == m.delivered_data && out.x_until == m.x_until && out.x_promise == m.x_promise &&
			    out.requested_since == m.requested_since && out.disputed_since == m.disputed_since &&
			    out.closed_at == m.closed_at && out.closed_promise == m.closed_promise &&
			    out.closed_status == m.closed_status);
		for (int k = 0; k < 10; k++) {
			size_t len = one_in(4) ? (size_t)upto((int64_t)b.n + 1) : b.n;
			char *bytes = malloc(len ? len : 1);

			assert_non_null(bytes);
			memcpy(bytes, b.p, len);
			for (int i = (int)upto(3); len && i >= 0; i--)
				bytes[upto((int64_t)len)] = (char)draw();
			if (dw_memory_decode(&out, bytes, len) == 0)
				assert_true(out.closed_status >= 0 && out.closed_status < DW_STATUS_COUNT);
			free(bytes);
		}
	}
}

/* One line of UTF-8 without control characters, at most as long as is kept. */
static void assert_clean(const char *text)
{
	size_t n = strlen(text);

	assert_true(n > 0 && n <= DW_TEXT_MAX && dw_utf8_valid(text, n));
	for (size_t i = 0; i < n; i++)
		assert_true((unsigned char)text[i] >= ' ' && text[i] != 0x7F);
}

/* Any bytes as a cell: an answer, and a value that is read back as it was written. */
static void cells(void **state)
{
	static const struct dw_cell_rules rules = { .zone = &la, .other = &shanghai };
	static const char *const bits[] = { "2026-11-30", "1,293", ".70", "USD", " days", "年", "\xFF", "\xE2\x80\xAE", "E+17", "-",
					    "12:30", "T", "Z", "sea", "0", "'", "=\"", "\"", "\t", "9999999999" };

	(void)state;
	for (int64_t n = 0; n < 6000; n++) {
		struct dw_facts f = { 0 }, g = { 0 };
		char text[200] = "";
		struct dw_err err;
		DW_BUF b = { 0 };
		int x;

		begin_case(n);
		x = (int)upto(DW_FIELD_COUNT);
		for (int k = (int)upto(6); k > 0; k--)
			strcat(text, bits[upto(DW_COUNT(bits))]);
		if (dw_fact_parse(&f, (enum dw_field)x, text, one_in(4), &rules, NULL, &err) == 0) {
			assert_true(dw_has(&f, (enum dw_field)x));
			assert_int_equal(dw_fact_text(&b, &f, (enum dw_field)x), 0);
			if (dw_fields[x].kind == DW_K_TEXT) {
				assert_clean(dw_buf_str(&b));
				dw_facts_fini(&f);
				continue;
			}
			if (x == DW_F_AMOUNT && dw_text(&f, DW_F_CURRENCY))
				assert_int_equal(dw_facts_take(&g, &f, DW_F_CURRENCY), 0);
			if (dw_fact_parse(&g, (enum dw_field)x, dw_buf_str(&b), false, &rules, NULL, &err) != 0 ||
			    !dw_facts_same(&f, &g, (enum dw_field)x))
				fail_msg("case %d: %s \"%s\" is written \"%s\": %s", (int)n, dw_fields[x].name, text, dw_buf_str(&b), err.text);
		}
		dw_facts_fini(&f);
		dw_facts_fini(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_at_covers), cmocka_unit_test(steps_equal_a_jump), cmocka_unit_test(never_twice),
		cmocka_unit_test(fold_order),	  cmocka_unit_test(records),		cmocka_unit_test(memories),
		cmocka_unit_test(cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
