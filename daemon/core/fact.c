/* fact.h: the table of fields, cells to values, values to text. */
#include "duewatch/fact.h"
#include "duewatch/money.h"

#include <ctype.h>
#include <stdio.h>

#define RECORD true
#define WORLD false

const struct dw_field_info dw_fields[DW_FIELD_COUNT] = {
	[DW_F_ORDER_ID] = { "order_id", DW_K_TEXT, RECORD, DW_BARE_FIRST, "the platform's order number: text, never a number" },
	[DW_F_PLATFORM] = { "platform", DW_K_TEXT, RECORD, DW_BARE_FIRST, "rule pack; the feed's where the row has none" },
	[DW_F_STATUS] = { "status", DW_K_STATUS, RECORD, DW_BARE_FIRST, "where the order stands on the platform" },
	[DW_F_CREATED_AT] = { "created_at", DW_K_INSTANT, RECORD, DW_BARE_FIRST, "when the order was placed" },
	[DW_F_PAID_AT] = { "paid_at", DW_K_INSTANT, RECORD, DW_BARE_FIRST, "when the (advance) payment arrived" },
	[DW_F_SHIPPED_AT] = { "shipped_at", DW_K_INSTANT, RECORD, DW_BARE_FIRST, "when it shipped, by the platform's record" },
	[DW_F_COMPLETED_AT] = { "completed_at", DW_K_INSTANT, RECORD, DW_BARE_FIRST, "when receipt was confirmed" },
	[DW_F_PROMISED_AT] = { "promised_at", DW_K_INSTANT, RECORD, DW_BARE_LAST, "ship-by date on the platform" },
	[DW_F_LEAD_DAYS] = { "lead_days", DW_K_COUNT, RECORD, DW_BARE_FIRST, "relative promise: calendar days after payment" },
	[DW_F_EXTENSION_STATE] = { "extension_state", DW_K_EXTENSION, RECORD, DW_BARE_FIRST,
				   "none, requested, accepted or declined on the platform" },
	[DW_F_EXTENSION_UNTIL] = { "extension_until", DW_K_INSTANT, RECORD, DW_BARE_LAST, "the date asked for or accepted" },
	[DW_F_AUTO_CONFIRM_AT] = { "auto_confirm_at", DW_K_INSTANT, RECORD, DW_BARE_FIRST,
				   "when the platform confirms receipt by itself" },
	[DW_F_RECEIPT_EXTENSIONS] = { "receipt_extensions", DW_K_COUNT, RECORD, DW_BARE_FIRST, "receipt extensions granted so far" },
	[DW_F_AGREED_AT] = { "agreed_at", DW_K_INSTANT, WORLD, DW_BARE_LAST, "ship date the buyer accepted off the platform" },
	[DW_F_EXPECTED_SHIP_AT] = { "expected_ship_at", DW_K_INSTANT, WORLD, DW_BARE_LAST, "when the goods will really ship" },
	[DW_F_EXPECTED_ARRIVAL_AT] = { "expected_arrival_at", DW_K_INSTANT, WORLD, DW_BARE_LAST, "the carrier's ETA" },
	[DW_F_DELIVERED_AT] = { "delivered_at", DW_K_INSTANT, WORLD, DW_BARE_FIRST, "when the goods arrived" },
	[DW_F_TRANSPORT] = { "transport", DW_K_TRANSPORT, WORLD, DW_BARE_FIRST, "how it travels" },
	[DW_F_OWNER] = { "owner", DW_K_TEXT, WORLD, DW_BARE_FIRST, "a person's name, alias or address listed in the config" },
	[DW_F_BUYER] = { "buyer", DW_K_TEXT, WORLD, DW_BARE_FIRST, "the buyer's name" },
	[DW_F_TITLE] = { "title", DW_K_TEXT, WORLD, DW_BARE_FIRST, "what was ordered" },
	[DW_F_URL] = { "url", DW_K_TEXT, WORLD, DW_BARE_FIRST, "the order's page" },
	[DW_F_NOTE] = { "note", DW_K_TEXT, WORLD, DW_BARE_FIRST, "a remark" },
	[DW_F_AMOUNT] = { "amount", DW_K_AMOUNT, WORLD, DW_BARE_FIRST, "the order's total, decimal" },
	[DW_F_CURRENCY] = { "currency", DW_K_TEXT, WORLD, DW_BARE_FIRST, "ISO 4217 code" },
};

const char *const dw_status_words[DW_STATUS_COUNT] = {
	"awaiting_payment", "awaiting_shipment", "partly_shipped", "shipped", "delivered", "completed", "cancelled", "disputed",
};
const char *const dw_extension_words[DW_EXT_COUNT] = { "none", "requested", "accepted", "declined" };
const char *const dw_transport_words[DW_BY_COUNT] = {
	"express", "air", "land", "sea", "post", "multimodal", "warehouse", "unknown",
};

/* Other names of a transport seen in factories' and carriers' sheets. */
static const struct {
	const char *word;
	enum dw_transport_mode mode;
} transport_alias[] = {
	{ "courier", DW_BY_EXPRESS },	  { "快递", DW_BY_EXPRESS },   { "air freight", DW_BY_AIR },
	{ "空运", DW_BY_AIR },		  { "truck", DW_BY_LAND },     { "road", DW_BY_LAND },
	{ "rail", DW_BY_LAND },		  { "陆运", DW_BY_LAND },      { "铁路", DW_BY_LAND },
	{ "ocean", DW_BY_SEA },		  { "sea freight", DW_BY_SEA }, { "海运", DW_BY_SEA },
	{ "postal", DW_BY_POST },	  { "邮政", DW_BY_POST },      { "multimodal_transport", DW_BY_MULTIMODAL },
	{ "多式联运", DW_BY_MULTIMODAL }, { "海外仓", DW_BY_WAREHOUSE },
};

static bool same_word(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
	return *a == *b;
}

int dw_word_find(const char *const *words, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (same_word(words[i], s))
			return (int)i;
	return -1;
}

int dw_field_find(const char *name)
{
	for (int i = 0; i < DW_FIELD_COUNT; i++)
		if (same_word(dw_fields[i].name, name))
			return i;
	return -1;
}

static bool is_text(enum dw_field x)
{
	return dw_fields[x].kind == DW_K_TEXT;
}

void dw_facts_fini(struct dw_facts *f)
{
	for (int i = 0; i < DW_FIELD_COUNT; i++)
		free(f->text[i]);
	memset(f, 0, sizeof(*f));
}

int dw_facts_copy(struct dw_facts *to, const struct dw_facts *from)
{
	struct dw_facts c = *from;

	memset(c.text, 0, sizeof(c.text));
	for (int i = 0; i < DW_FIELD_COUNT; i++)
		if (dw_has(from, (enum dw_field)i) && from->text[i] && !(c.text[i] = dw_strdup(from->text[i]))) {
			dw_facts_fini(&c);
			return -ENOMEM;
		}
	*to = c;
	return 0;
}

void dw_facts_set_num(struct dw_facts *f, enum dw_field x, int64_t v)
{
	f->num[x] = v;
	f->known |= UINT32_C(1) << x;
	f->listed |= UINT32_C(1) << x;
}

int dw_facts_set_text(struct dw_facts *f, enum dw_field x, const char *v)
{
	char *c = dw_strdup(v);

	if (!c)
		return -ENOMEM;
	free(f->text[x]);
	f->text[x] = c;
	f->known |= UINT32_C(1) << x;
	f->listed |= UINT32_C(1) << x;
	return 0;
}

void dw_facts_forget(struct dw_facts *f, enum dw_field x)
{
	free(f->text[x]);
	f->text[x] = NULL;
	f->num[x] = 0;
	f->known &= ~(UINT32_C(1) << x);
}

int dw_facts_take(struct dw_facts *to, const struct dw_facts *from, enum dw_field x)
{
	if (!dw_has(from, x)) {
		dw_facts_forget(to, x);
		return 0;
	}
	if (is_text(x))
		return dw_facts_set_text(to, x, from->text[x]);
	dw_facts_set_num(to, x, from->num[x]);
	return 0;
}

bool dw_facts_same(const struct dw_facts *a, const struct dw_facts *b, enum dw_field x)
{
	if (dw_has(a, x) != dw_has(b, x))
		return false;
	if (!dw_has(a, x))
		return true;
	return is_text(x) ? strcmp(a->text[x], b->text[x]) == 0 : a->num[x] == b->num[x];
}

/* What can't be seen: U+200B..200F, 2060..2064, the byte-order mark, the soft hyphen. */
static bool is_unseen(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;

	return (len == 3 && u[0] == 0xE2 && ((u[1] == 0x80 && u[2] >= 0x8B && u[2] <= 0x8F) || (u[1] == 0x81 && u[2] >= 0xA0 && u[2] <= 0xA4))) ||
	       (len == 3 && u[0] == 0xEF && u[1] == 0xBB && u[2] == 0xBF) || (len == 2 && u[0] == 0xC2 && u[1] == 0xAD);
}

/* Leading and trailing ASCII and ideographic space, and what comes unseen with a text copied from a page; returns the length. */
static size_t trim(const char **s)
{
	const char *p = *s;
	size_t n = strlen(p);

	for (;;) {
		if (n && (unsigned char)*p <= ' ')
			p++, n--;
		else if (n >= 3 && (memcmp(p, "\xE3\x80\x80", 3) == 0 || is_unseen(p, 3)))
			p += 3, n -= 3;
		else if (n >= 2 && memcmp(p, "\xC2\xA0", 2) == 0)
			p += 2, n -= 2;
		else
			break;
	}
	for (;;) {
		if (n && (unsigned char)p[n - 1] <= ' ')
			n--;
		else if (n >= 3 && (memcmp(p + n - 3, "\xE3\x80\x80", 3) == 0 || is_unseen(p + n - 3, 3)))
			n -= 3;
		else if (n >= 2 && memcmp(p + n - 2, "\xC2\xA0", 2) == 0)
			n -= 2;
		else
			break;
	}
	*s = p;
	return n;
}

/* The sequence at u changes the direction or the line of what follows: never kept. */
static bool is_bidi(const unsigned char *u, size_t len)
{
	return len == 3 && u[0] == 0xE2 && ((u[1] == 0x80 && u[2] >= 0xA8 && u[2] <= 0xAE) ||
					    (u[1] == 0x81 && u[2] >= 0xA6 && u[2] <= 0xA9));
}

static bool is_control(const unsigned char *u, size_t len)
{
	return (len == 1 && (u[0] < 0x20 || u[0] == 0x7F)) || (len == 2 && u[0] == 0xC2 && u[1] < 0xA0);
}

/* A text cell as it is kept: one line, no control or bidi-override characters, at most max bytes. */
static char *clean_text(const char *s, size_t n, size_t max)
{
	char *out = dw_malloc((n < max ? n : max) + 1);
	size_t k = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; i < n;) {
		size_t len = dw_utf8_seq(s + i, n - i);
		const unsigned char *u = (const unsigned char *)s + i;

		if (len == 0) {
			i++;
			continue;
		}
		if (k + len > max)
			break;
		if (is_control(u, len))
			out[k++] = ' ';
		else if (!is_bidi(u, len)) {
			memcpy(out + k, u, len);
			k += len;
		}
		i += len;
	}
	out[k] = '\0';
	return out;
}

/* 1: nothing readable was left, which is an empty cell. */
static int take_text(struct dw_facts *f, enum dw_field x, const char *s, size_t n, size_t max, struct dw_err *err)
{
	char *c = clean_text(s, n, max);

	if (!c)
		return dw_err_oom(err);
	if (strspn(c, " ") == strlen(c)) {
		free(c);
		dw_facts_forget(f, x);
		return 1;
	}
	free(f->text[x]);
	f->text[x] = c;
	f->known |= UINT32_C(1) << x;
	return 0;
}

/* "2.34E+17", "1.2e5": what a spreadsheet makes of a long number. */
static bool scientific(const char *s, size_t n)
{
	size_t i = 0, digits = 0;

	for (; i < n && (isdigit((unsigned char)s[i]) || s[i] == '.'); i++)
		digits += s[i] != '.';
	if (digits == 0 || i == n || (s[i] != 'e' && s[i] != 'E'))
		return false;
	i++;
	if (i < n && (s[i] == '+' || s[i] == '-'))
		i++;
	else
		return false; /* "12E4" may be somebody's own numbering */
	for (digits = 0; i < n && isdigit((unsigned char)s[i]); i++)
		digits++;
	return digits > 0 && i == n;
}

enum { ORDER_ID_MAX = 64 };

/* What clean_text would drop or change could make one order of two; what can't be seen, two that look like one. */
static bool is_clean(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		const unsigned char *u = (const unsigned char *)s + i;
		size_t len = dw_utf8_seq(s + i, n - i);

		if (len == 0 || is_control(u, len) || is_bidi(u, len) || is_unseen(s + i, len))
			return false;
		i += len;
	}
	return true;
}

static int parse_order_id(struct dw_facts *f, const char *s, size_t n, bool number, struct dw_err *err)
{
	/* how exports keep Excel from reading a number: ="123" and '123 */
	if (n >= 3 && s[0] == '=' && s[1] == '"' && s[n - 1] == '"')
		s += 2, n -= 3;
	if (n >= 2 && s[0] == '\'')
		s++, n--;
	if (n == 0)
		return dw_err_set(err, -EINVAL, "order_id is empty");
	if (scientific(s, n))
		return dw_err_set(err, -EINVAL, "Excel has damaged this order number (%.32s): format the column as text and export again", s);
	if (number) {
		unsigned long long v = strtoull(s, NULL, 10);

		if (n > 16 || v > UINT64_C(9007199254740992) || memchr(s, 'E', n) || memchr(s, 'e', n))
			return dw_err_set(err, -EINVAL,
					  "Excel has damaged this order number (%.32s): it keeps 15 digits only; "
					  "format the column as text and export again", s);
	}
	if (n > ORDER_ID_MAX)
		return dw_err_set(err, -EINVAL, "order_id is longer than %d bytes", ORDER_ID_MAX);
	if (!is_clean(s, n))
		return dw_err_set(err, -EINVAL, "order_id has control or invisible characters or broken bytes in it: is the encoding right?");
	return take_text(f, DW_F_ORDER_ID, s, n, ORDER_ID_MAX, err);
}

static int parse_status(struct dw_facts *f, const char *s, const struct dw_cell_rules *rules, struct dw_err *err)
{
	int w = -1;

	/* our words as they stand are always understood; in another case they may be a platform's own (Alibaba.com's
	 * DELIVERED means handed to the carrier), so the map comes before them */
	for (int i = 0; i < DW_STATUS_COUNT; i++)
		if (strcmp(dw_status_words[i], s) == 0)
			w = i;
	for (size_t i = 0; w < 0 && i < rules->n_status; i++)
		if (same_word(rules->status[i].theirs, s))
			w = rules->status[i].ours;
	if (w < 0)
		w = dw_word_find(dw_status_words, DW_STATUS_COUNT, s);
	if (w < 0)
		return dw_err_set(err, -EINVAL, "unknown status \"%.60s\": map it in the feed's `status`, e.g. (\"%.60s\", \"shipped\")", s, s);
	dw_facts_set_num(f, DW_F_STATUS, w);
	return 0;
}

static int parse_transport(struct dw_facts *f, const char *s, struct dw_err *err)
{
	int w = dw_word_find(dw_transport_words, DW_BY_COUNT, s);

	for (size_t i = 0; w < 0 && i < DW_COUNT(transport_alias); i++)
		if (same_word(transport_alias[i].word, s))
			w = (int)transport_alias[i].mode;
	if (w < 0)
		return dw_err_set(err, -EINVAL,
				  "unknown transport \"%.60s\": express, air, land, sea, post, multimodal, warehouse", s);
	if (w == DW_BY_UNKNOWN) {
		dw_facts_forget(f, DW_F_TRANSPORT);
		return 1;
	}
	dw_facts_set_num(f, DW_F_TRANSPORT, w);
	return 0;
}

static int parse_count(struct dw_facts *f, enum dw_field x, const char *s, struct dw_err *err)
{
	long max = x == DW_F_LEAD_DAYS ? 730 : 20;
	char *end;
	long v = strtol(s, &end, 10);
	bool none = end == s;

	if (!none && strncmp(end, ".0", 2) == 0 && strspn(end + 1, "0") == strlen(end + 1))
		end += strlen(end);
	while (*end == ' ')
		end++;
	if (x == DW_F_LEAD_DAYS && (same_word(end, "days") || same_word(end, "day") || same_word(end, "天")))
		end += strlen(end);
	if (none || *end || v < 0 || v > max)
		return dw_err_set(err, -EINVAL, "\"%.40s\" is not a whole number from 0 to %ld", s, max);
	dw_facts_set_num(f, x, v);
	return 0;
}

static int parse_amount(struct dw_facts *f, const char *s, struct dw_err *err)
{
	const char *hint = dw_text(f, DW_F_CURRENCY);
	char currency[4] = "";
	int64_t minor;
	int r = dw_money_parse(&minor, currency, s, hint, err);

	if (r)
		return r;
	if (currency[0] && hint && strcmp(currency, hint) != 0)
		return dw_err_set(err, -EINVAL, "the amount says %s, the currency column %s", currency, hint);
	dw_facts_set_num(f, DW_F_AMOUNT, minor);
	if (currency[0] && !hint && dw_facts_set_text(f, DW_F_CURRENCY, currency) < 0)
		return dw_err_oom(err);
	return 0;
}

static int parse_currency(struct dw_facts *f, const char *s, size_t n, struct dw_err *err)
{
	char up[4] = "";

	if (n == 3)
		for (int i = 0; i < 3; i++)
			up[i] = (char)toupper((unsigned char)s[i]);
	if (n != 3 || dw_currency_exponent(up) < 0)
		return dw_err_set(err, -EINVAL, "\"%.20s\" is not an ISO 4217 currency code such as USD", s);
	return dw_facts_set_text(f, DW_F_CURRENCY, up) < 0 ? dw_err_oom(err) : 0;
}

static int parse_words(struct dw_facts *f, const char *s, struct dw_err *err)
{
	int w = dw_word_find(dw_extension_words, DW_EXT_COUNT, s);

	if (w < 0)
		return dw_err_set(err, -EINVAL, "unknown extension_state \"%.40s\": none, requested, accepted, declined", s);
	dw_facts_set_num(f, DW_F_EXTENSION_STATE, w);
	return 0;
}

static int parse_value(struct dw_facts *f, enum dw_field x, const char *s, size_t n, bool number,
		       const struct dw_cell_rules *rules, bool *local, struct dw_err *err)
{
	const struct dw_field_info *info = &dw_fields[x];
	dw_time t;
	int r;

	switch (info->kind) {
	case DW_K_TEXT:
		if (x == DW_F_ORDER_ID)
			return parse_order_id(f, s, n, number, err);
		if (x == DW_F_CURRENCY)
			return parse_currency(f, s, n, err);
		return take_text(f, x, s, n, DW_TEXT_MAX, err);
	case DW_K_STATUS:
		return parse_status(f, s, rules, err);
	case DW_K_EXTENSION:
		return parse_words(f, s, err);
	case DW_K_TRANSPORT:
		return parse_transport(f, s, err);
	case DW_K_COUNT:
		return parse_count(f, x, s, err);
	case DW_K_AMOUNT:
		return parse_amount(f, s, err);
	case DW_K_INSTANT:
		r = dw_instant_parse(&t, s, rules->zone, rules->other, info->bare, local, err);
		if (r < 0)
			return r;
		if (r == 0)
			dw_facts_set_num(f, x, t);
		else
			dw_facts_forget(f, x);
		return r;
	}
	return -EINVAL;
}

int dw_fact_parse(struct dw_facts *f, enum dw_field x, const char *text, bool number, const struct dw_cell_rules *rules,
		  bool *local, struct dw_err *err)
{
	char small[256];
	DW_FREE char *big = NULL;
	char *s = small;
	size_t n = trim(&text);

	f->listed |= UINT32_C(1) << x;
	if (x == DW_F_ORDER_ID && n == 0)
		return dw_err_set(err, -EINVAL, "order_id is empty");
	if (n == 0 || (n == 1 && *text == '-')) {
		dw_facts_forget(f, x);
		return 1;
	}
	if (n >= sizeof(small)) {
		if (!is_text(x))
			return dw_err_set(err, -EINVAL, "%s: %zu characters are too many", dw_fields[x].name, n);
		big = dw_malloc(n + 1);
		if (!big)
			return dw_err_oom(err);
		s = big;
	}
	memcpy(s, text, n);
	s[n] = '\0';
	return parse_value(f, x, s, n, number, rules, local, err);
}

int dw_fact_text(struct dw_buf *out, const struct dw_facts *f, enum dw_field x)
{
	char num[48];

	if (dw_has(f, x))
		switch (dw_fields[x].kind) {
		case DW_K_TEXT:
			dw_buf_puts(out, f->text[x]);
			break;
		case DW_K_STATUS:
			dw_buf_puts(out, dw_status_words[f->num[x]]);
			break;
		case DW_K_EXTENSION:
			dw_buf_puts(out, dw_extension_words[f->num[x]]);
			break;
		case DW_K_TRANSPORT:
			dw_buf_puts(out, dw_transport_words[f->num[x]]);
			break;
		case DW_K_COUNT:
			dw_buf_printf(out, "%lld", (long long)f->num[x]);
			break;
		case DW_K_AMOUNT:
			dw_money_text(num, f->num[x], dw_text(f, DW_F_CURRENCY), false);
			dw_buf_puts(out, num);
			break;
		case DW_K_INSTANT:
			dw_instant_rfc3339(num, f->num[x]);
			dw_buf_puts(out, num);
			break;
		}
	return out->failed ? -ENOMEM : 0;
}
