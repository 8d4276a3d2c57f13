/* Words for people that need grammar or a calendar: one struct dw_words per language. */
#include "compose-impl.h"

#include "duewatch/money.h"

#define MIN INT64_C(60)
#define HOUR INT64_C(3600)
#define DAY INT64_C(86400)

/* ---- English ---- */

static const char *const en_weekdays[7] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char *const en_months[12] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static void en_date(struct dw_buf *out, const struct dw_civil *c, enum dw_date_style style)
{
	const char *day = en_weekdays[c->weekday], *month = en_months[c->month - 1];

	switch (style) {
	case DW_DATE_FULL:
		dw_buf_printf(out, "%s %d %s %d, %02d:%02d", day, c->day, month, c->year, c->hour, c->minute);
		break;
	case DW_DATE_NEAR:
		dw_buf_printf(out, "%s %d %s, %02d:%02d", day, c->day, month, c->hour, c->minute);
		break;
	case DW_DATE_SUBJECT:
		dw_buf_printf(out, "%s %d %s %02d:%02d", day, c->day, month, c->hour, c->minute);
		break;
	case DW_DATE_DATA:
		dw_buf_printf(out, "%d %s %02d:%02d", c->day, month, c->hour, c->minute);
		break;
	case DW_DATE_DAY:
		dw_buf_printf(out, "%s %d %s %d", day, c->day, month, c->year);
		break;
	}
}

static void en_count(struct dw_buf *out, int64_t n, const char *one)
{
	dw_buf_printf(out, "%s%lld %s%s", out->n ? " " : "", (long long)n, one, n == 1 ? "" : "s");
}

static void en_span(struct dw_buf *out, int64_t s)
{
	DW_BUF b = { 0 };

	if (s >= 14 * DAY)
		en_count(&b, s / DAY, "day");
	else if (s >= DAY) {
		en_count(&b, s / DAY, "day");
		if (s % DAY >= HOUR)
			en_count(&b, s % DAY / HOUR, "hour");
	} else if (s >= HOUR) {
		en_count(&b, s / HOUR, "hour");
		if (s < 6 * HOUR && s % HOUR >= MIN)
			en_count(&b, s % HOUR / MIN, "minute");
	} else if (s >= MIN)
		en_count(&b, s / MIN, "minute");
	else
		dw_buf_puts(&b, "less than a minute");
	dw_buf_puts(out, dw_buf_str(&b));
}

static void en_age(struct dw_buf *out, int64_t s)
{
	if (s < HOUR)
		dw_buf_printf(out, "%d min", (int)(s / MIN));
	else if (s < 2 * DAY)
		dw_buf_printf(out, "%d h", (int)(s / HOUR));
	else
		dw_buf_printf(out, "%lld days", (long long)(s / DAY));
}

static void en_left(struct dw_buf *out, int64_t s)
{
	if (s < 0) {
		en_span(out, -s);
		dw_buf_puts(out, " late");
	} else {
		dw_buf_puts(out, "in ");
		en_span(out, s);
	}
}

static const struct dw_words english = {
	.language = "en",
	.kind = {
		[DW_EDIT_BEFORE_PAYMENT] = "Change the ship date before the buyer pays",
		[DW_INCOMPLETE] = "Look up the missing ship date",
		[DW_OVERDUE] = "Ship date has passed",
		[DW_EXTENSION_DECLINED] = "Later ship date declined",
		[DW_EXTEND_SHIP_DATE] = "Extend the ship date",
		[DW_EXTENSION_UNANSWERED] = "Get the buyer to confirm the extension",
		[DW_LATE_AHEAD] = "Will ship late",
		[DW_CONFIRM_SHIP_DATE] = "Will it ship in time?",
		[DW_SHIP_BY] = "Ship the order",
		[DW_EXTEND_RECEIPT] = "Extend the receiving time",
		[DW_DISPUTE] = "Answer the dispute",
		[DW_AUTO_CONFIRMED_UNDELIVERED] = "Confirmed before the goods arrived",
		[DW_SHIPPED_LATE] = "Shipped late: keep your proof ready",
	},
	.status = { "awaiting payment", "awaiting shipment", "partly shipped", "shipped", "delivered", "completed",
		    "cancelled", "in dispute" },
	.transport = { "by express", "by air", "over land", "by sea", "by post", "by several carriers",
		       "from an overseas warehouse", "unknown" },
	.comma = ", ",
	.and = " and ",
	.you = "you",
	.date = en_date,
	.span = en_span,
	.age = en_age,
	.left = en_left,
};

/* ---- all languages ---- */

static const struct dw_words *const languages[] = { &english };

const struct dw_words *dw_words_find(const char *language)
{
	for (size_t i = 0; language && i < DW_COUNT(languages); i++)
		if (strcmp(languages[i]->language, language) == 0)
			return languages[i];
	return languages[0];
}

const char *dw_kind_title(enum dw_kind kind, const char *language)
{
	if ((int)kind < 0 || kind >= DW_KIND_COUNT)
		return "";
	return dw_words_find(language)->kind[kind];
}

void dw_words_place(struct dw_buf *out, const struct dw_zone *z)
{
	const char *s = strrchr(z->name, '/');

	for (s = s ? s + 1 : z->name; *s; s++)
		dw_buf_putc(out, *s == '_' ? ' ' : *s);
}

void dw_words_date(struct dw_buf *out, const struct dw_words *w, const struct dw_zone *z, dw_time t,
		   enum dw_date_style style)
{
	struct dw_civil c;

	dw_zone_civil(z, t, &c);
	w->date(out, &c, style);
}

void dw_words_both(struct dw_buf *out, const struct dw_words *w, const struct dw_zone *mine, const struct dw_zone *theirs,
		   dw_time t)
{
	struct dw_civil a, b;

	dw_zone_civil(mine, t, &a);
	dw_zone_civil(theirs, t, &b);
	w->date(out, &a, DW_DATE_FULL);
	dw_buf_puts(out, " (");
	dw_words_place(out, mine);
	dw_buf_puts(out, ")");
	if (a.offset == b.offset)
		return;
	dw_buf_puts(out, " = ");
	w->date(out, &b, DW_DATE_NEAR);
	dw_buf_puts(out, " (");
	dw_words_place(out, theirs);
	dw_buf_puts(out, ")");
}

void dw_words_amount(struct dw_buf *out, const struct dw_facts *f)
{
	if (dw_has(f, DW_F_AMOUNT))
		dw_words_money(out, f, f->num[DW_F_AMOUNT]);
}

void dw_words_money(struct dw_buf *out, const struct dw_facts *f, int64_t minor)
{
	const char *currency = dw_text(f, DW_F_CURRENCY);
	char number[48];

	dw_money_text(number, minor, currency, true);
	if (!dw_empty(currency)) {
		dw_scrub(out, currency, 8);
		dw_buf_putc(out, ' ');
	}
	dw_buf_puts(out, number);
}

void dw_words_names(struct dw_buf *out, const struct dw_words *w, const struct dw_people *people, const int *who,
		    size_t n, int reader)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			dw_buf_puts(out, i + 1 == n ? w->and : w->comma);
		if (who[i] == reader)
			dw_buf_puts(out, w->you);
		else
			dw_scrub(out, people->p[who[i]].name, 64);
	}
}
