/* money.h */
#include "duewatch/money.h"

#include "duewatch/quote.h"

#include <stdio.h>
#include <strings.h>

enum { TEXT_MAX = 64, GROUPS_MAX = 9, EXPONENT_DEFAULT = 2 };
#define WHOLE_MAX INT64_C(1000000000000000) /* exclusive: with three decimals still far within int64 */

/* ISO 4217's currencies (list of 2025, and those it withdrew lately), each followed by its decimals; without
 * metals, funds and test codes. Sorted. */
static const char currencies[][5] = {
	"AED2", "AFN2", "ALL2", "AMD2", "ANG2", "AOA2", "ARS2", "AUD2", "AWG2", "AZN2", "BAM2", "BBD2", "BDT2",
	"BGN2", "BHD3", "BIF0", "BMD2", "BND2", "BOB2", "BRL2", "BSD2", "BTN2", "BWP2", "BYN2", "BZD2", "CAD2",
	"CDF2", "CHF2", "CLP0", "CNY2", "COP2", "CRC2", "CUC2", "CUP2", "CVE2", "CZK2", "DJF0", "DKK2", "DOP2",
	"DZD2", "EGP2", "ERN2", "ETB2", "EUR2", "FJD2", "FKP2", "GBP2", "GEL2", "GHS2", "GIP2", "GMD2", "GNF0",
	"GTQ2", "GYD2", "HKD2", "HNL2", "HRK2", "HTG2", "HUF2", "IDR2", "ILS2", "INR2", "IQD3", "IRR2", "ISK0",
	"JMD2", "JOD3", "JPY0", "KES2", "KGS2", "KHR2", "KMF0", "KPW2", "KRW0", "KWD3", "KYD2", "KZT2", "LAK2",
	"LBP2", "LKR2", "LRD2", "LSL2", "LYD3", "MAD2", "MDL2", "MGA2", "MKD2", "MMK2", "MNT2", "MOP2", "MRU2",
	"MUR2", "MVR2", "MWK2", "MXN2", "MYR2", "MZN2", "NAD2", "NGN2", "NIO2", "NOK2", "NPR2", "NZD2", "OMR3",
	"PAB2", "PEN2", "PGK2", "PHP2", "PKR2", "PLN2", "PYG0", "QAR2", "RON2", "RSD2", "RUB2", "RWF0", "SAR2",
	"SBD2", "SCR2", "SDG2", "SEK2", "SGD2", "SHP2", "SLE2", "SLL2", "SOS2", "SRD2", "SSP2", "STN2", "SVC2",
	"SYP2", "SZL2", "THB2", "TJS2", "TMT2", "TND3", "TOP2", "TRY2", "TTD2", "TWD2", "TZS2", "UAH2", "UGX0",
	"USD2", "UYU2", "UZS2", "VED2", "VES2", "VND0", "VUV0", "WST2", "XAF0", "XCD2", "XCG2", "XOF0", "XPF0",
	"YER2", "ZAR2", "ZMW2", "ZWG2", "ZWL2",
};

/* How a currency is written beside a number. Longer marks before those they begin with. */
static const struct mark {
	const char *text, *currency; /* the currency it means where nothing says another */
	const char *also;	     /* … and those it may stand for */
} marks[] = {
	{ "US $", "USD", "" },	 { "US$", "USD", "" },	 { "HK$", "HKD", "" },	 { "NT$", "TWD", "" },
	{ "NZ$", "NZD", "" },	 { "AU$", "AUD", "" },	 { "CA$", "CAD", "" },	 { "MX$", "MXN", "" },
	{ "R$", "BRL", "" },	 { "A$", "AUD", "" },	 { "C$", "CAD", "NIO" }, { "S$", "SGD", "" },
	{ "RMB", "CNY", "" },	 { "CN¥", "CNY", "" },	 { "JP¥", "JPY", "" },	 { "€", "EUR", "" },
	{ "₹", "INR", "" },	 { "₩", "KRW", "KPW" },	 { "₽", "RUB", "" },	 { "฿", "THB", "" },
	{ "₫", "VND", "" },	 { "₱", "PHP", "" },	 { "₺", "TRY", "" },	 { "₪", "ILS", "" },
	{ "₴", "UAH", "" },	 { "zł", "PLN", "" },	 { "円", "JPY", "" },	 { "¥", "CNY", "JPY" },
	{ "￥", "CNY", "JPY" }, { "元", "CNY", "TWD HKD" }, { "£", "GBP", "EGP FKP GIP LBP SHP SYP" },
	{ "$", "USD",
	  "ARS AUD BBD BMD BND BSD BZD CAD CLP COP DOP FJD GYD HKD JMD KYD LRD MXN NAD NZD SBD SGD SRD TTD TWD UYU XCD" },
};

struct span {
	const char *p, *end;
};

/* What the text says about its currency. */
struct said {
	char code[4];		/* a code or an unmistakable mark; "" none */
	const struct mark *sign; /* a mark several currencies share; NULL none */
	bool clash;
};

static const char *find_currency(const char *code)
{
	size_t lo = 0, hi = DW_COUNT(currencies);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = memcmp(code, currencies[mid], 3);

		if (c == 0)
			return currencies[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

int dw_currency_exponent(const char *iso4217)
{
	const char *c = iso4217 && strnlen(iso4217, 4) == 3 ? find_currency(iso4217) : NULL;

	return c ? c[3] - '0' : -1;
}

static size_t blank_at(const char *p, const char *end)
{
	static const char *const wide[] = { "\u00A0", "\u202F", "\u3000", "\u2009", "\uFEFF" };

	if (p >= end || (unsigned char)*p < 0x80)
		return p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r'));
	for (size_t i = 0; i < DW_COUNT(wide); i++) {
		size_t n = strlen(wide[i]);

		if ((size_t)(end - p) >= n && memcmp(p, wide[i], n) == 0)
			return n;
	}
	return 0;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static void trim(struct span *s)
{
	size_t n;

	while ((n = blank_at(s->p, s->end)) > 0)
		s->p += n;
	for (bool more = true; more && s->p < s->end && !digit(s->end[-1]);) {
		more = false;
		for (n = 1; n <= 3 && (size_t)(s->end - s->p) >= n && !more; n++)
			if (blank_at(s->end - n, s->end) == n) {
				s->end -= n;
				more = true;
			}
	}
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void say_code(struct said *said, const char *code)
{
	if (said->code[0] && memcmp(said->code, code, 3) != 0)
		said->clash = true;
	memcpy(said->code, code, 3);
	said->code[3] = '\0';
}

static void say_mark(struct said *said, const struct mark *m)
{
	if (!*m->also)
		say_code(said, m->currency);
	else if (said->sign && said->sign->currency != m->currency)
		said->clash = true;
	else
		said->sign = m;
}

/* A mark or a three-letter code at the front (or the back) of s is taken off. False: there is none. */
static bool take_mark(struct span *s, bool back, struct said *said)
{
	size_t left = (size_t)(s->end - s->p);
	char code[4] = "";

	if (left == 0 || digit(back ? s->end[-1] : *s->p)) /* a million plain numbers shall not try every mark */
		return false;
	for (size_t i = 0; i < DW_COUNT(marks); i++) {
		size_t n = strlen(marks[i].text);
		const char *at = back ? s->end - n : s->p;

		if (left < n || strncasecmp(at, marks[i].text, n) != 0)
			continue;
		if (letter(*at) && back && left > n && letter(at[-1]))
			continue;
		if (letter(at[n - 1]) && !back && left > n && letter(at[n]))
			continue;
		say_mark(said, &marks[i]);
		if (back)
			s->end -= n;
		else
			s->p += n;
		return true;
	}
	if (left < 3)
		return false;
	for (size_t i = 0; i < 3; i++) {
		char c = back ? s->end[-3 + (ptrdiff_t)i] : s->p[i];

		if (!letter(c))
			return false;
		code[i] = (char)(c & ~0x20);
	}
	if ((left > 3 && letter(back ? s->end[-4] : s->p[3])) || !find_currency(code))
		return false;
	say_code(said, code);
	if (back)
		s->end -= 3;
	else
		s->p += 3;
	return true;
}

static void take_marks(struct span *s, struct said *said)
{
	do
		trim(s);
	while (take_mark(s, false, said));
	do
		trim(s);
	while (take_mark(s, true, said));
}

static bool listed(const char *list, const char *code)
{
	for (const char *p = list; *p; p += p[3] ? 4 : 3)
		if (memcmp(p, code, 3) == 0)
			return true;
	return false;
}

/* The currency by text and hint together; "" if neither names one. NULL or what is wrong. */
static const char *settle_currency(char out[4], struct said *text, const char *hint)
{
	struct said h = { 0 };
	const struct mark *sign;

	if (dw_currency_exponent(hint) >= 0) {
		say_code(text, hint);
	} else if (!dw_empty(hint)) {
		struct span s = { hint, hint + strlen(hint) };

		take_marks(&s, &h);
		if (s.p != s.end)
			return "the currency is no ISO 4217 code";
		if (h.code[0])
			say_code(text, h.code);
		if (h.sign)
			say_mark(text, h.sign);
	}
	if (text->clash || h.clash)
		return "two currencies are named";
	sign = text->sign;
	if (sign && text->code[0] && memcmp(text->code, sign->currency, 3) != 0 && !listed(sign->also, text->code))
		return "two currencies are named";
	if (!text->code[0] && sign)
		say_code(text, sign->currency);
	memcpy(out, text->code, 4);
	return NULL;
}

/* A number as written: groups of digits with separators between. */
struct number {
	size_t group[GROUPS_MAX]; /* digits in each; n_seps + 1 of them */
	char sep[GROUPS_MAX];
	size_t n_seps;
	bool zero_first;   /* the first group is a lone 0 */
	const char *after; /* what follows the last separator */
	bool has_decimals; /* that is a fraction */
};

/* The separator at p: '.' or ',', '_' for a blank or an apostrophe (these only group), 0 for none. */
static char separator(const char *p, const char *end, size_t *len)
{
	*len = 1;
	if (*p == '.' || *p == ',')
		return *p;
	if (*p == '\'')
		return '_';
	*len = (unsigned char)*p >= 0x80 && end - p >= 3 && memcmp(p, "\u2019", 3) == 0 ? 3 : blank_at(p, end);
	return *len ? '_' : 0;
}

static const char *take_apart(const struct span *s, struct number *n)
{
	size_t total = 0, len;

	*n = (struct number){ .after = s->p };
	for (const char *p = s->p; p < s->end; p += len) {
		len = 1;
		if (digit(*p)) {
			n->group[n->n_seps]++;
			total++;
			continue;
		}
		n->sep[n->n_seps] = separator(p, s->end, &len);
		if (!n->sep[n->n_seps])
			return *p == '-' || *p == '(' ? "an amount is not negative" : "there is something else than a number";
		if (++n->n_seps == GROUPS_MAX)
			return "it has too many separators";
		n->after = p + len;
	}
	n->zero_first = n->group[0] == 1 && *s->p == '0';
	return total ? NULL : "there is no number";
}

/* Decides what the last separator is. All before it must be alike. */
static const char *find_decimals(struct number *n, int exponent)
{
	char last = n->n_seps ? n->sep[n->n_seps - 1] : '_';

	n->has_decimals = false;
	for (size_t i = 1; i + 1 < n->n_seps; i++)
		if (n->sep[i] != n->sep[0])
			return "its separators are mixed up";
	if (last == '_')
		return n->n_seps && n->sep[0] != '_' ? "its separators are mixed up" : NULL;
	if (n->n_seps > 1) {
		n->has_decimals = last != n->sep[0];
	} else if (n->group[1] != 3 || n->group[0] > 3 || n->group[0] == 0 || n->zero_first || exponent >= 3) {
		n->has_decimals = true;
	} else if (last == '.')
		return "its point may group thousands or begin decimals";
	return n->has_decimals && n->group[n->n_seps] == 0 ? "no digits follow its point" : NULL;
}

/* Groups are of three digits, or as in India of two with a last one of three; the first is shorter or equal. */
static bool grouped_well(const struct number *n)
{
	size_t groups = n->n_seps + !n->has_decimals;
	size_t mid = groups > 2 ? n->group[1] : 3;

	if (groups < 2)
		return true;
	if (n->group[groups - 1] != 3 || (mid != 3 && mid != 2) || n->group[0] < 1 || n->group[0] > mid)
		return false;
	for (size_t i = 1; i + 1 < groups; i++)
		if (n->group[i] != mid)
			return false;
	return true;
}

/* At most 15 + 3 digits: within int64. */
static const char *to_minor(const struct span *s, const struct number *n, int exponent, int64_t *minor)
{
	const char *end = n->has_decimals ? n->after : s->end, *frac = end;
	int64_t v = 0;

	for (const char *p = s->p; p < end; p++) {
		if (!digit(*p))
			continue;
		if (v >= WHOLE_MAX / 10)
			return "it is too large";
		v = v * 10 + (*p - '0');
	}
	for (int i = 0; i < exponent; i++)
		v = v * 10 + (frac < s->end ? *frac++ - '0' : 0);
	while (frac < s->end)
		if (*frac++ != '0')
			return "it has more decimals than its currency";
	*minor = v;
	return NULL;
}

static const char *to_amount(const struct span *s, int exponent, int64_t *minor)
{
	struct number n;
	const char *why = take_apart(s, &n);

	if (!why)
		why = find_decimals(&n, exponent);
	if (!why && !grouped_well(&n))
		why = "its thousands are not grouped in threes";
	return why ? why : to_minor(s, &n, exponent, minor);
}

int dw_money_parse(int64_t *minor, char currency[4], const char *text, const char *currency_hint, struct dw_err *err)
{
	struct span s = { text, text + strlen(text) };
	struct said said = { 0 };
	char code[4], q[DW_QUOTE_SIZE], qc[DW_QUOTE_SIZE];
	const char *why;
	int exponent;

	trim(&s);
	if (s.p < s.end && *s.p == '\'') { /* a spreadsheet's "this is text" */
		s.p++;
		trim(&s);
	}
	if (s.p == s.end || (s.end - s.p == 1 && *s.p == '-'))
		return 1;
	why = s.end - s.p > TEXT_MAX ? "it is too long" : NULL;
	if (!why) {
		take_marks(&s, &said);
		why = settle_currency(code, &said, currency_hint);
	}
	if (!why) {
		exponent = code[0] ? dw_currency_exponent(code) : EXPONENT_DEFAULT;
		why = to_amount(&s, exponent, minor);
	}
	if (why)
		return dw_err_set(err, -EINVAL, "\"%s\"%s%s%s is not an amount: %s; write 1293.70, 1,293.70 or USD 1293.70",
				  dw_quote(q, text), dw_empty(currency_hint) ? "" : " with currency \"",
				  dw_quote(qc, currency_hint), dw_empty(currency_hint) ? "" : "\"", why);
	memcpy(currency, code, 4);
	return 0;
}

void dw_money_text(char out[48], int64_t minor, const char *currency, bool grouped)
{
	uint64_t v = minor < 0 ? -(uint64_t)minor : (uint64_t)minor;
	int exponent = dw_currency_exponent(currency), whole = 0, o = 48, p = 0;
	char r[48]; /* from its end: 20 digits, 6 commas, a point, a sign */

	if (exponent < 0)
		exponent = EXPONENT_DEFAULT;
	for (; p < exponent; p++, v /= 10)
		r[--o] = (char)('0' + v % 10);
	if (exponent > 0)
		r[--o] = '.';
	do {
		if (grouped && whole > 0 && whole % 3 == 0)
			r[--o] = ',';
		r[--o] = (char)('0' + v % 10);
		v /= 10;
		whole++;
	} while (v > 0);
	if (minor < 0)
		r[--o] = '-';
	memcpy(out, r + o, (size_t)(48 - o));
	out[48 - o] = '\0';
}

int64_t dw_money_percent(int64_t minor, int percent)
{
	/* taken apart, so that nothing overflows: 100 * whole + rest */
	return minor / 100 * percent + (minor % 100 * percent + 50) / 100;
}
