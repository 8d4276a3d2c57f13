/* Part 11, first half: how to answer by mail. Links that open a prepared mail, each with a token that names the alert, the
 * reader and an end. What a person may want to change, a date, stands in the mail's text and not in its subject. */
#include "compose-impl.h"
#include "duewatch/reply.h"

enum { LINK_MAX = 500 }; /* bytes of a link: more is cut by some mail programs */

/* Which answers make sense to which kind. ack always does. */
struct answers {
	bool yes, ship, agreed, filed, arrives, close;
};

static struct answers answers_to(const struct dw_mail_item *item)
{
	bool may = item->pack->extension != DW_EXT_BY_NOBODY;
	struct answers a = { .ship = item->side == DW_SIDE_SHIP, .filed = false };

	switch (item->kind) {
	case DW_CONFIRM_SHIP_DATE:
		a.yes = true;
		a.filed = may;
		break;
	case DW_EXTEND_SHIP_DATE:
	case DW_EXTENSION_DECLINED:
	case DW_OVERDUE:
		a.filed = may;
		break;
	case DW_SHIP_BY:
		a.yes = item->dates->e == DW_UNKNOWN;
		break;
	case DW_LATE_AHEAD:
		a.agreed = true;
		break;
	case DW_EXTEND_RECEIPT:
		a.arrives = true;
		break;
	case DW_AUTO_CONFIRMED_UNDELIVERED:
		a.arrives = a.close = true;
		break;
	case DW_DISPUTE:
	case DW_SHIPPED_LATE:
		a.close = true;
		break;
	case DW_INCOMPLETE: /* what is missing is the platform's date: no word of ours enters that */
	case DW_KIND_COUNT:
	case DW_NO_KIND:
		a.ship = false;
		break;
	case DW_EDIT_BEFORE_PAYMENT:
	case DW_EXTENSION_UNANSWERED:
		break;
	}
	return a;
}

/* ---- links (RFC 6068) ---- */

static void put_escaped(struct dw_buf *out, const char *s)
{
	for (; *s; s++)
		if (strchr("-._~@+", *s) || (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z'))
			dw_buf_putc(out, *s);
		else
			dw_buf_printf(out, "%%%02X", (unsigned char)*s);
}

/* One answer: { words: "ship 2026-12-10" in the mail's language, mailto: the link, or "-" }. The subject stays ASCII: an
 * encoded one as long as a token comes back with blanks in it from some programs. date NULL: the verb has none; "": not known. */
static void add(const struct dw_making *m, struct dw_tval *answer, const char *token, enum dw_verb verb, const char *date)
{
	const struct dw_verb_info *v = &dw_verbs[verb];
	struct dw_tval *one = dw_tval_map();
	DW_BUF words = { 0 }, link = { 0 };

	dw_buf_puts(&words, m->words->verb[verb]);
	if (date)
		dw_buf_printf(&words, " %s", *date ? date : "YYYY-MM-DD");
	dw_buf_puts(&link, "mailto:");
	put_escaped(&link, m->view->config->replies.address);
	dw_buf_printf(&link, "?subject=%s%%20%s&body=", v->name, token ? token : "");
	put_escaped(&link, dw_buf_str(&words));
	if (!token || link.n >= LINK_MAX) {
		dw_buf_reset(&link);
		dw_buf_putc(&link, '-');
	}
	dw_set_buf(one, "words", &words);
	dw_set_buf(one, "mailto", &link);
	dw_tval_set_bool(one, "blank", date && !*date);
	dw_tval_set(answer, v->name, one);
}

/* ---- the days a link proposes ---- */

static void iso(char out[11], const struct dw_zone *z, dw_time t)
{
	struct dw_civil c;
	DW_BUF b = { 0 };

	*out = '\0';
	if (t == DW_UNKNOWN || t == DW_NEVER)
		return;
	dw_zone_civil(z, t, &c);
	dw_buf_printf(&b, "%04d-%02d-%02d", c.year, c.month, c.day);
	if (b.n == 10)
		memcpy(out, b.p, 11);
}

/* The date part 4 proposes, as it stands in map. */
static const char *proposed(const struct dw_tval *map)
{
	const struct dw_tval *p = dw_tval_get(map, "proposal", 8, dw_hash(DW_HASH_INIT, "proposal", 8));

	return p ? dw_tval_str(dw_tval_get(p, "iso", 3, dw_hash(DW_HASH_INIT, "iso", 3)), NULL) : "";
}

/* NULL: no key, or a name too long for a token. */
static char *token_for(const struct dw_making *m, const struct dw_mail_item *item)
{
	const struct dw_person *reader = &m->view->config->people.p[m->view->person];
	int64_t days = m->view->config->replies.token_days;
	struct dw_token t = { .order = item->order_row, .side = (int)item->side, .episode = item->episode,
			      .expires = m->view->now + (days > 0 ? days : 30) * DW_DAY };

	if (!m->view->token_key || strlen(reader->name) >= sizeof(t.person))
		return NULL;
	memcpy(t.person, reader->name, strlen(reader->name) + 1);
	return dw_token_make(m->view->token_key, &t);
}

void dw_item_answer(const struct dw_making *m, struct dw_tval *map, const struct dw_mail_item *item)
{
	const struct dw_zone *z = dw_item_zone(m, item);
	struct answers a = answers_to(item);
	DW_FREE char *token = NULL;
	struct dw_tval *answer;
	char ship[11], arrives[11];

	if (!m->view->config->replies.address || item->resolved || item->kind == DW_NO_KIND)
		return;
	token = token_for(m, item);
	answer = dw_tval_map();
	iso(ship, z, item->dates->e);
	iso(arrives, z, item->dates->eta > m->view->now ? item->dates->eta : DW_UNKNOWN);
	dw_tval_set_bool(answer, "links", token != NULL);
	add(m, answer, token, DW_VERB_ACK, NULL);
	if (a.yes)
		add(m, answer, token, DW_VERB_YES, NULL);
	if (a.filed)
		add(m, answer, token, DW_VERB_FILED, proposed(map));
	if (a.agreed)
		add(m, answer, token, DW_VERB_AGREED, ship);
	if (a.ship)
		add(m, answer, token, DW_VERB_SHIP, ship);
	if (a.arrives)
		add(m, answer, token, DW_VERB_ARRIVES, arrives);
	if (a.close)
		add(m, answer, token, DW_VERB_CLOSE, NULL);
	dw_tval_set(map, "answer", answer);
}
