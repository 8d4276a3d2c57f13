/* reply.h: tokens and VERP addresses, both signed with the store's key. GLib's HMAC: it is linked already. */
#include "reply-impl.h"

#include <stdio.h>

/* What is signed begins with what it is for, so that one can't be passed off as the other. */
#define TOKEN_FOR "duewatch token 1"
#define VERP_FOR "duewatch verp 1"
#define PREFIX "dw1-"

enum {
	MAC = 32,
	TOKEN_MAC = 16,		 /* bytes of it in a token */
	VERP_MAC = 8,		 /* … in an address, where 64 characters are all there is: a guess needs a mail */
	PAYLOAD = 4 * 10 + 1 + 64, /* four varints, the person */
	LOCAL_MAX = 64,		 /* RFC 5321 §4.5.3.1.1 */
	ADDRESS_MAX = 254,
};

static void sign(unsigned char out[MAC], const unsigned char key[DW_TOKEN_KEY], const char *what, const void *p, size_t n)
{
	GHmac *h = g_hmac_new(G_CHECKSUM_SHA256, key, DW_TOKEN_KEY);
	gsize len = MAC;

	g_hmac_update(h, (const guchar *)what, (gssize)strlen(what) + 1);
	g_hmac_update(h, p, (gssize)n);
	g_hmac_get_digest(h, out, &len);
	g_hmac_unref(h);
}

/* In constant time: how far a forged one was right must not show. */
static bool same(const unsigned char *a, const unsigned char *b, size_t n)
{
	volatile unsigned char differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

/* ---- numbers, seven bits a byte, the low ones first; the sign is the lowest bit ---- */

static size_t put_int(unsigned char *p, int64_t v)
{
	uint64_t u = ((uint64_t)v << 1) ^ (v < 0 ? ~UINT64_C(0) : 0);
	size_t n = 0;

	do {
		p[n++] = (unsigned char)((u & 0x7F) | (u > 0x7F ? 0x80 : 0));
		u >>= 7;
	} while (u);
	return n;
}

static bool get_int(const unsigned char **p, const unsigned char *end, int64_t *v)
{
	uint64_t u = 0;

	for (int shift = 0; shift < 64 && *p < end; shift += 7) {
		unsigned char c = *(*p)++;

		u |= (uint64_t)(c & 0x7F) << shift;
		if (c & 0x80)
			continue;
		*v = (int64_t)((u >> 1) ^ (u & 1 ? ~UINT64_C(0) : 0));
		return true;
	}
	return false;
}

/* ---- base64url without padding (RFC 4648 §5) ---- */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void put_base64(struct dw_buf *out, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);

		for (size_t k = 0; k < (n - i < 3 ? n - i : 3) + 1; k++)
			dw_buf_putc(out, letters[v >> (18 - 6 * k) & 63]);
	}
}

/* Bytes written, or -1: not in the alphabet, too long, or left-over bits that are set (a second spelling of one token). */
static int get_base64(unsigned char *out, size_t max, const char *s)
{
	uint32_t bits = 0;
	int held = 0;
	size_t n = 0;

	for (; *s; s++) {
		const char *at = strchr(letters, *s);

		if (!at)
			return -1;
		bits = bits << 6 | (uint32_t)(at - letters);
		held += 6;
		if (held < 8)
			continue;
		if (n == max)
			return -1;
		held -= 8;
		out[n++] = (unsigned char)(bits >> held);
		bits &= (1u << held) - 1;
	}
	return bits || held == 6 ? -1 : (int)n;
}

/* ---- tokens ---- */

char *dw_token_make(const unsigned char key[DW_TOKEN_KEY], const struct dw_token *t)
{
	unsigned char p[PAYLOAD + TOKEN_MAC], mac[MAC];
	size_t n = 0, person = strnlen(t->person, sizeof(t->person));
	DW_BUF b = { 0 };

	if (person == sizeof(t->person))
		return NULL;
	n += put_int(p + n, t->order);
	n += put_int(p + n, t->side);
	n += put_int(p + n, t->episode);
	n += put_int(p + n, t->expires);
	memcpy(p + n, t->person, person);
	n += person;
	sign(mac, key, TOKEN_FOR, p, n);
	memcpy(p + n, mac, TOKEN_MAC);
	dw_buf_puts(&b, PREFIX);
	put_base64(&b, p, n + TOKEN_MAC);
	return dw_buf_take(&b);
}

int dw_token_read(const unsigned char key[DW_TOKEN_KEY], const char *text, int64_t now, struct dw_token *out)
{
	unsigned char raw[PAYLOAD + TOKEN_MAC], mac[MAC];
	const unsigned char *p = raw, *end;
	struct dw_token t = { 0 };
	int64_t side;
	int n;

	if (!text || strlen(text) >= DW_TOKEN_TEXT || strncmp(text, PREFIX, strlen(PREFIX)) != 0)
		return 1;
	n = get_base64(raw, sizeof(raw), text + strlen(PREFIX));
	if (n <= TOKEN_MAC)
		return 1;
	end = raw + n - TOKEN_MAC;
	sign(mac, key, TOKEN_FOR, raw, (size_t)(end - raw));
	if (!same(mac, end, TOKEN_MAC))
		return 1;
	if (!get_int(&p, end, &t.order) || !get_int(&p, end, &side) || !get_int(&p, end, &t.episode) ||
	    !get_int(&p, end, &t.expires) || side < INT32_MIN || side > INT32_MAX ||
	    (size_t)(end - p) >= sizeof(t.person) || memchr(p, '\0', (size_t)(end - p)))
		return 1;
	t.side = (int)side;
	memcpy(t.person, p, (size_t)(end - p));
	*out = t;
	return t.expires <= now ? 2 : 0;
}

/* ---- VERP ---- */

static void verp_mac(char out[2 * VERP_MAC + 1], const unsigned char key[DW_TOKEN_KEY], int64_t mail)
{
	unsigned char mac[MAC], id[10];

	sign(mac, key, VERP_FOR, id, put_int(id, mail));
	for (size_t i = 0; i < VERP_MAC; i++)
		snprintf(out + 2 * i, 3, "%02x", mac[i]);
}

char *dw_verp_make(const unsigned char key[DW_TOKEN_KEY], const char *address, int64_t mail)
{
	const char *at = address ? strrchr(address, '@') : NULL;
	char mac[2 * VERP_MAC + 1];
	DW_BUF b = { 0 };

	if (!at || at == address || !at[1] || mail <= 0)
		return NULL;
	verp_mac(mac, key, mail);
	dw_buf_add(&b, address, (size_t)(at - address));
	dw_buf_printf(&b, "+b-%lld-%s", (long long)mail, mac);
	if (b.n > LOCAL_MAX)
		return NULL;
	dw_buf_puts(&b, at);
	return b.n > ADDRESS_MAX ? NULL : dw_buf_take(&b);
}

/* Cuts it up: hexadecimal digits in *mac, which may have come back in capitals. false: not this form. */
static bool verp_parts(const char *s, int64_t *mail, char mac[2 * VERP_MAC + 1])
{
	const char *at = s ? strrchr(s, '@') : NULL, *p = NULL;
	int64_t v = 0;

	if (!at || !at[1] || at - s > LOCAL_MAX || strlen(s) > ADDRESS_MAX)
		return false;
	for (const char *q = s; q + 3 < at; q++)
		if (q > s && q[0] == '+' && (q[1] == 'b' || q[1] == 'B') && q[2] == '-')
			p = q + 3;
	if (!p || *p < '1' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (v > (INT64_MAX - (*p - '0')) / 10)
			return false;
		v = v * 10 + (*p - '0');
	}
	if (*p++ != '-' || at - p != 2 * VERP_MAC)
		return false;
	for (int i = 0; i < 2 * VERP_MAC; i++)
		if (!g_ascii_isxdigit(p[i]))
			return false;
		else
			mac[i] = g_ascii_tolower(p[i]);
	mac[2 * VERP_MAC] = '\0';
	*mail = v;
	return true;
}

bool dw_verp_form(const char *address)
{
	char mac[2 * VERP_MAC + 1];
	int64_t mail;

	return verp_parts(address, &mail, mac);
}

int dw_verp_read(const unsigned char key[DW_TOKEN_KEY], const char *envelope, int64_t *mail)
{
	char got[2 * VERP_MAC + 1], want[2 * VERP_MAC + 1];
	int64_t id;

	if (!verp_parts(envelope, &id, got))
		return 1;
	verp_mac(want, key, id);
	if (!same((unsigned char *)got, (unsigned char *)want, 2 * VERP_MAC))
		return 1;
	*mail = id;
	return 0;
}
