/* run.h: what must have come. */
#include "run.h"

#include <ctype.h>
#include <gmime/gmime.h>

struct wish {
	const char *person, *kind, *step, *order, *type, *subject, *text;
	const char *relay; /* "1": the first */
	int entries;
	bool repeat;
};

static void find_text(GMimeObject *parent, GMimeObject *part, gpointer out)
{
	(void)parent;
	if (!*(char **)out && GMIME_IS_TEXT_PART(part))
		*(char **)out = g_mime_text_part_get_text(GMIME_TEXT_PART(part));
}

/* Runs of blanks and line ends are one blank: where lines break doesn't matter. */
static char *one_line(const char *s)
{
	DW_BUF b = { 0 };

	dw_buf_puts(&b, "");
	for (; *s; s++)
		if (!isspace((unsigned char)*s))
			dw_buf_putc(&b, *s);
		else if (b.n && b.p[b.n - 1] != ' ')
			dw_buf_putc(&b, ' ');
	return b.p ? dw_buf_take(&b) : dw_strdup("");
}

/* The text part of a mail, decoded; owned, "" if there is none. */
static char *text_of(const struct sc_mail *m)
{
	GMimeStream *s = g_mime_stream_mem_new_with_buffer(m->bytes, strlen(m->bytes));
	GMimeParser *p = g_mime_parser_new_with_stream(s);
	GMimeMessage *msg = g_mime_parser_construct_message(p, NULL);
	char *text = NULL, *out;

	if (msg)
		g_mime_message_foreach(msg, find_text, &text);
	out = one_line(text ? text : "");
	g_free(text);
	if (msg)
		g_object_unref(msg);
	g_object_unref(p);
	g_object_unref(s);
	return out;
}

static bool is_listed_only(const struct sc_entry *e)
{
	return strcmp(e->step, "open") == 0 || strcmp(e->step, "answer") == 0 || strcmp(e->step, "missing") == 0;
}

/* A daily mail's list of all that is open isn't news. */
static size_t news(const struct sc_mail *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_entry; i++)
		n += !is_listed_only(&m->entry[i]);
	return n;
}

static bool mail_fits(const struct wish *x, const struct sc_mail *m)
{
	bool ok = strcmp(m->person, x->person) == 0 && m->repeat == x->repeat && (!x->relay || atoi(x->relay) == m->relay + 1);

	if (ok && x->type)
		ok = strcmp(sc_type_words[m->type], x->type) == 0;
	if (ok && x->subject)
		ok = strstr(m->subject, x->subject) != NULL;
	if (ok && x->text) {
		DW_FREE char *text = text_of(m);

		ok = text && strstr(text, x->text) != NULL;
	}
	return ok;
}

static bool entry_fits(const struct wish *x, const struct sc_entry *e)
{
	return !e->taken && strcmp(e->kind, x->kind) == 0 && (!x->step || strcmp(e->step, x->step) == 0) &&
	       (!x->order || strcmp(e->order, x->order) == 0);
}

static bool all_taken(const struct sc_mail *m)
{
	for (size_t i = 0; i < m->n_entry; i++)
		if (!m->entry[i].taken && !is_listed_only(&m->entry[i]))
			return false;
	return true;
}

/* One entry of a mail; with `entries`, or without a kind, the whole mail. */
static bool consume(const struct wish *x, struct sc_mail *m)
{
	if (m->taken || !mail_fits(x, m))
		return false;
	if (!x->kind || x->entries >= 0) {
		bool kind = !x->kind;

		for (size_t i = 0; i < m->n_entry; i++)
			kind |= x->kind && entry_fits(x, &m->entry[i]);
		if (!kind || (x->entries >= 0 && (size_t)x->entries != news(m)) || (x->entries < 0 && news(m) && !x->repeat))
			return false;
		for (size_t i = 0; i < m->n_entry; i++)
			m->entry[i].taken = true;
		m->taken = true;
		return true;
	}
	for (size_t i = 0; i < m->n_entry; i++)
		if (entry_fits(x, &m->entry[i])) {
			m->entry[i].taken = true;
			m->taken = all_taken(m);
			return true;
		}
	return false;
}

static int expect_mail(struct run *r)
{
	struct wish x = { .entries = -1, .repeat = run_is(r, 1, "repeat") };
	int i = 1 + x.repeat;

	if (i >= r->n || dw_people_find(&r->w.config->people, r->word[i]) < 0)
		return run_bad(r, "expect whom?");
	x.person = r->word[i++];
	if (i < r->n && dw_word_find(sc_type_words, DW_COUNT(sc_type_words), r->word[i]) >= 0)
		x.type = r->word[i++];
	else if (i < r->n && (dw_kind_find(r->word[i]) >= 0 || !x.repeat))
		x.kind = r->word[i++];
	if (x.kind && dw_kind_find(x.kind) < 0)
		return run_bad(r, "%s is neither a kind of alert nor a type of mail", x.kind);
	for (; i + 1 < r->n; i += 2) {
		const char **to = run_is(r, i, "step") ? &x.step : run_is(r, i, "order") ? &x.order : run_is(r, i, "type") ? &x.type
				: run_is(r, i, "subject") ? &x.subject : run_is(r, i, "text") ? &x.text
				: run_is(r, i, "relay") ? &x.relay : NULL;

		if (to)
			*to = r->word[i + 1];
		else if (run_is(r, i, "entries"))
			x.entries = atoi(r->word[i + 1]);
		else
			return run_bad(r, "what is \"%s\"?", r->word[i]);
	}
	if (i != r->n)
		return run_bad(r, "%s has no value", r->word[i]);
	for (size_t k = 0; k < r->w.n_mail; k++)
		if (consume(&x, &r->w.mail[k]))
			return 0;
	return run_bad(r, "no such mail has come");
}

int run_expect_nothing(struct run *r)
{
	for (size_t i = 0; i < r->w.n_mail; i++)
		if (!r->w.mail[i].taken && !(r->w.mail[i].n_entry && all_taken(&r->w.mail[i]) && news(&r->w.mail[i])))
			return run_bad(r, "a mail that nothing expects");
	return 0;
}

static int expect_count(struct run *r)
{
	size_t want = (size_t)atoi(r->word[1]), came = r->w.n_mail - r->counted;

	r->counted = r->w.n_mail;
	return want == came ? 0 : run_bad(r, "%zu mails came, not %zu", came, want);
}

static int expect_alert(struct run *r)
{
	int64_t order = r->n >= 5 ? sc_order(&r->w, r->word[2]) : -1;
	int side = r->n >= 5 ? dw_word_find(dw_side_words, DW_SIDE_COUNT, r->word[3]) : -1;
	const struct dw_finding *f;
	struct dw_case c;
	dw_time want;
	int e = 0;

	if (order < 0 || side < 0)
		return run_bad(r, "expect state|act_by ORDER SIDE …");
	if (dw_case_load(r->w.engine, order, sc_wall(&r->w), &c, &r->w.err) != 0)
		return run_bad(r, "%s", r->w.err.text);
	f = &c.plan.finding[side];
	if (run_is(r, 1, "state")) {
		const char *is_kind = f->kind == DW_NO_KIND ? "-" : dw_kinds[f->kind].name;

		if (!run_is(r, 4, dw_state_words[c.plan.state[side]]) || (r->n > 5 && !run_is(r, 5, is_kind)))
			e = run_bad(r, "it is %s %s", dw_state_words[c.plan.state[side]], is_kind);
	} else if (run_instant(r, r->word[4], &want) < 0)
		e = -EINVAL;
	else if (f->act_by != want) {
		char at[32];

		dw_instant_rfc3339(at, f->act_by);
		e = run_bad(r, "it is %s", at);
	}
	dw_case_fini(&c);
	return e;
}

static int expect_outbox(struct run *r)
{
	int state = r->n == 4 ? dw_word_find(dw_mail_state_words, DW_COUNT(dw_mail_state_words), r->word[2]) : -1;
	int64_t count[6] = { 0 };

	if (state < 0)
		return run_bad(r, "expect outbox queued|leased|sent|unsure|failed|withdrawn N");
	if (dw_store_mail_count(r->w.store, count, &r->w.err) < 0)
		return run_bad(r, "%s", r->w.err.text);
	return count[state] == atoi(r->word[3]) ? 0 : run_bad(r, "there are %lld", (long long)count[state]);
}

static int expect_hand(struct run *r)
{
	int64_t order = r->n == 5 ? sc_order(&r->w, r->word[2]) : -1;
	int x = r->n == 5 ? run_field_of(r->word[3]) : -1;
	struct dw_hand *h = NULL;
	bool there = false;
	size_t n = 0;

	if (order < 0 || x < 0)
		return run_bad(r, "expect hand ORDER FIELD there|none");
	if (dw_store_hand_load(r->w.store, order, &h, &n, &r->w.err) < 0)
		return run_bad(r, "%s", r->w.err.text);
	for (size_t i = 0; i < n; i++) {
		there |= (int)h[i].field == x;
		dw_hand_fini(&h[i]);
	}
	free(h);
	return there == run_is(r, 4, "there") ? 0 : run_bad(r, "it is %s", there ? "there" : "not there");
}

int run_expect(struct run *r)
{
	if (r->n < 2)
		return run_bad(r, "expect what?");
	if (run_is(r, 1, "nothing"))
		return run_expect_nothing(r);
	if (isdigit((unsigned char)r->word[1][0]))
		return expect_count(r);
	if (run_is(r, 1, "state") || run_is(r, 1, "act_by"))
		return expect_alert(r);
	if (run_is(r, 1, "outbox"))
		return expect_outbox(r);
	if (run_is(r, 1, "hand"))
		return expect_hand(r);
	if (run_is(r, 1, "decided"))
		return r->w.believed != run_is(r, 2, "no") ? 0 : run_bad(r, "the clock is %sbelieved", r->w.believed ? "" : "not ");
	return expect_mail(r);
}
