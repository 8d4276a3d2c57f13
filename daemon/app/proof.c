/* What was promised and agreed, by whose word and when. It stands in the order's history as lines
 *     shop says agreed_at = 2026-12-10T07:59:59Z
 *     shop no longer says agreed_at
 *     bo set agreed_at = 2026-12-10            (actions.c, as bo typed it)
 *     agreed_at unset
 * that `duewatch explain` shows too, and is read back from them for a dispute's mail. */
#include "engine-impl.h"

#include <stdio.h>

enum { PROOF_MAX = 40 }; /* of one order; the newest count */

static const enum dw_field proof_fields[] = { DW_F_PROMISED_AT, DW_F_EXTENSION_STATE, DW_F_EXTENSION_UNTIL, DW_F_AGREED_AT };

/* ---- writing ---- */

static int write_line(struct dw_engine *e, int64_t order, const char *feed, const struct dw_facts *f, enum dw_field x,
		      dw_time now, struct dw_err *err)
{
	DW_BUF line = { 0 };

	dw_buf_printf(&line, "%s %s %s", feed, dw_has(f, x) ? "says" : "no longer says", dw_fields[x].name);
	if (dw_has(f, x)) {
		dw_buf_puts(&line, " = ");
		if (dw_fact_text(&line, f, x) < 0)
			return dw_err_oom(err);
	}
	return line.failed ? dw_err_oom(err) : dw_store_history_add(e->store, order, now, line.p, err);
}

/* Is that news? An extension that is "none" says as much as one that isn't there. */
static bool is_news(const struct dw_facts *before, const struct dw_facts *after, enum dw_field x)
{
	bool none_was = !before || !dw_has(before, x), none_is = !dw_has(after, x);

	if (x == DW_F_EXTENSION_STATE) {
		none_was = none_was || before->num[x] == DW_EXT_NONE;
		none_is = none_is || after->num[x] == DW_EXT_NONE;
	}
	if (!before && x == DW_F_PROMISED_AT)
		return false;
	return none_was || none_is ? none_was != none_is : !dw_facts_same(before, after, x);
}

static bool any_news(const struct dw_facts *before, const struct dw_facts *after)
{
	for (size_t i = 0; i < DW_COUNT(proof_fields); i++)
		if (is_news(before, after, proof_fields[i]))
			return true;
	return false;
}

int dw_proof_note(struct dw_engine *e, int64_t order, const char *feed, const struct dw_facts *before,
		  const struct dw_facts *after, dw_time now, struct dw_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < DW_COUNT(proof_fields); i++)
		if (is_news(before, after, proof_fields[i]))
			r = write_line(e, order, feed, after, proof_fields[i], now, err);
	return r;
}

struct attached {
	const struct dw_feed_conf *overlay;
	int64_t order[8]; /* a number is seldom in two feeds, and never in so many */
	size_t n;
};

static int on_order(void *ctx, const struct dw_order_row *row)
{
	struct attached *a = ctx;

	if (dw_overlay_attaches(a->overlay, row->feed) && a->n < DW_COUNT(a->order))
		a->order[a->n++] = row->id;
	return 0;
}

int dw_proof_note_overlay(struct dw_engine *e, const struct dw_feed_conf *feed, const char *order_id,
			  const struct dw_facts *before, const struct dw_facts *after, dw_time now, struct dw_err *err)
{
	struct attached a = { .overlay = feed };
	int r;

	if (!any_news(before, after))
		return 0;
	r = dw_store_order_by_number(e->store, order_id, on_order, &a, err);
	for (size_t i = 0; r >= 0 && i < a.n; i++)
		r = dw_proof_note(e, a.order[i], feed->name, before, after, now, err);
	return r < 0 ? r : 0;
}

/* ---- reading ---- */

/* Copies n bytes at most, as far as they fit, whole characters only. */
static void take(char *out, size_t size, const char *from, size_t n)
{
	snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), from);
	dw_utf8_mend(out);
}

/* Notes and values that people type stand in history too, and must not pass for another's word: what a feed says begins
 * with its name, which has no blank; before what a person set there is no ": ", behind which a note begins. */
static bool is_name(const char *line, size_t n, bool feed)
{
	return !memmem(line, n, feed ? " " : ": ", feed ? 1 : 2);
}

/* "BY<middle>FIELD<end>", at the first <middle>: 0 with by and field; *rest behind it. */
static int match(struct dw_mail_proof *p, const char *line, bool feed, const char *middle, const char *end, const char **rest)
{
	const char *at = strstr(line, middle), *name = at ? at + strlen(middle) : NULL;

	if (!at || !is_name(line, (size_t)(at - line), feed))
		return 1;
	for (size_t i = 0; i < DW_COUNT(proof_fields); i++) {
		const char *field = dw_fields[proof_fields[i]].name;
		size_t n = strlen(field);

		if (strncmp(name, field, n) == 0 && (*end ? strncmp(name + n, end, strlen(end)) == 0 : name[n] == '\0')) {
			p->field = proof_fields[i];
			take(p->by, sizeof(p->by), line, (size_t)(at - line));
			*rest = name + n + strlen(end);
			return 0;
		}
	}
	return 1;
}

int dw_proof_parse(struct dw_mail_proof *out, dw_time at, const char *line)
{
	struct dw_mail_proof p = { .at = at };
	const char *value = "";

	if (match(&p, line, false, " set ", " = ", &value) == 0)
		p.hand = true;
	else if (match(&p, line, false, "", " unset", &value) == 0 && *value == '\0')
		p.hand = p.withdrawn = true;
	else if (match(&p, line, true, " no longer says ", "", &value) == 0)
		p.withdrawn = true;
	else if (match(&p, line, true, " says ", " = ", &value) != 0)
		return 1;
	take(p.value, sizeof(p.value), value, strlen(value));
	*out = p;
	return 0;
}

struct loading {
	struct dw_case *c;
	size_t cap;
	bool oom;
};

static int on_line(void *ctx, dw_time at, const char *text)
{
	struct loading *l = ctx;
	struct dw_case *c = l->c;
	struct dw_mail_proof p;

	if (dw_proof_parse(&p, at, text) != 0)
		return 0;
	if (c->n_proof == PROOF_MAX)
		memmove(c->proof, c->proof + 1, --c->n_proof * sizeof(*c->proof));
	if (dw_grow(&c->proof, &l->cap, c->n_proof + 1, sizeof(*c->proof)) < 0) {
		l->oom = true;
		return 1;
	}
	c->proof[c->n_proof++] = p;
	return 0;
}

int dw_proof_load(struct dw_engine *e, struct dw_case *c, struct dw_mail_item *item, struct dw_err *err)
{
	struct loading l = { .c = c };
	int r = 0;

	if (item->side != DW_SIDE_CLAIM || item->resolved)
		return 0;
	if (!c->proof)
		r = dw_store_history_each(e->store, c->row.id, on_line, &l, err);
	item->proof = c->proof;
	item->n_proof = c->n_proof;
	return l.oom ? dw_err_oom(err) : r < 0 ? r : 0;
}
