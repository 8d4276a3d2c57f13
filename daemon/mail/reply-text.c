/* reply-impl.h: the bytes of a part as UTF-8. Labels are a hint: mails from phones and web shops say "us-ascii" or
 * "iso-8859-1" over GBK, and "gb2312" over characters that only GB18030 has. */
#include "reply-impl.h"

#include <iconv.h>

/* ---- charsets ---- */

/* The name iconv is asked for; NULL: none that can be trusted. */
static const char *iconv_name(const char *label)
{
	static const char *const same[][2] = { { "gbk", "GB18030" }, { "gb2312", "GB18030" }, { "gb_2312-80", "GB18030" },
					       { "gb18030", "GB18030" }, { "cp936", "GB18030" }, { "x-gbk", "GB18030" },
					       { "euc-cn", "GB18030" }, { "big5", "BIG5-HKSCS" }, { "big5-hkscs", "BIG5-HKSCS" },
					       { "x-x-big5", "BIG5-HKSCS" }, { "cp950", "CP950" }, { "iso-8859-1", "CP1252" },
					       { "latin1", "CP1252" }, { "windows-1252", "CP1252" }, { "cp1252", "CP1252" },
					       { "hz-gb-2312", "HZ" }, { "utf-7", NULL }, { "us-ascii", NULL }, { "ascii", NULL },
					       { "utf-8", NULL }, { "utf8", NULL }, { "unknown-8bit", NULL }, { "default", NULL } };

	if (!label || strlen(label) > 30 || !*label ||
	    label[strspn(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")])
		return NULL;
	for (size_t i = 0; i < DW_COUNT(same); i++)
		if (g_ascii_strcasecmp(label, same[i][0]) == 0)
			return same[i][1];
	return label;
}

/* UTF-16 by its mark, else by which byte of a pair is mostly zero. */
static const char *utf16(const char **p, size_t *n)
{
	size_t even = 0, odd = 0;
	const unsigned char *u = (const unsigned char *)*p;

	if (*n >= 2 && ((u[0] == 0xFF && u[1] == 0xFE) || (u[0] == 0xFE && u[1] == 0xFF))) {
		*p += 2;
		*n -= 2;
		return u[0] == 0xFF ? "UTF-16LE" : "UTF-16BE";
	}
	for (size_t i = 0; i + 1 < *n && i < 1000; i += 2) {
		even += u[i] == 0;
		odd += u[i + 1] == 0;
	}
	return even > odd ? "UTF-16BE" : "UTF-16LE";
}

/* How many bytes mean nothing in `name`; SIZE_MAX: iconv doesn't know it. Each becomes a '?'. */
static size_t convert(struct dw_buf *out, const char *p, size_t n, const char *name)
{
	iconv_t cd = iconv_open("UTF-8", name);
	char piece[4096], *in = (char *)(uintptr_t)p;
	size_t bad = 0;

	if (cd == (iconv_t)-1)
		return SIZE_MAX;
	while (n > 0 && out->n < DW_IN_TEXT_MAX && !out->failed) {
		char *o = piece;
		size_t room = sizeof(piece);
		size_t r = iconv(cd, &in, &n, &o, &room);
		int e = errno;

		dw_buf_add(out, piece, (size_t)(o - piece));
		if (r != (size_t)-1 || e == E2BIG)
			continue;
		bad++;
		dw_buf_putc(out, '?');
		in++;
		n--;
		iconv(cd, NULL, NULL, NULL, NULL);
	}
	iconv_close(cd);
	return bad;
}

/* Drops NUL bytes and what isn't UTF-8, from `from` on. */
static void clean(struct dw_buf *b, size_t from)
{
	size_t o = from;

	if (!b->p || b->failed)
		return;
	for (size_t i = from, k; i < b->n; i += k) {
		k = dw_utf8_seq(b->p + i, b->n - i);
		if (k == 0 || b->p[i] == '\0') {
			k = k ? k : 1;
			if (b->p[i] != '\0')
				b->p[o++] = '?';
			continue;
		}
		memmove(b->p + o, b->p + i, k);
		o += k;
	}
	b->n = o;
	b->p[o] = '\0';
}

static bool has_bom(const char *p, size_t n)
{
	return n >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0;
}

void dw_reply_decode(struct dw_buf *out, const char *p, size_t n, const char *charset)
{
	const char *name = iconv_name(charset);
	size_t from = out->n, cut = n;

	if (n > DW_IN_TEXT_MAX) /* not inside a character */
		for (n = cut = DW_IN_TEXT_MAX; n - cut < 4 && cut > 0 && ((unsigned char)p[cut] & 0xC0) == 0x80;)
			cut--;
	if (charset && g_ascii_strncasecmp(charset, "utf-16", 6) == 0)
		name = strlen(charset) > 6 ? charset : utf16(&p, &n);
	if (has_bom(p, n) || (dw_utf8_valid(p, cut) && (!name || g_ascii_strncasecmp(name, "utf", 3) != 0) &&
			      !(charset && (g_ascii_strncasecmp(charset, "iso-2022", 8) == 0 || g_ascii_strncasecmp(charset, "hz", 2) == 0)))) {
		size_t bom = has_bom(p, n) ? 3 : 0;

		dw_buf_add(out, p + bom, cut > bom ? cut - bom : 0);
		clean(out, from);
		return;
	}
	if (!name) { /* a label that can't be right: what Chinese phones and shops send, if it is that through and through */
		DW_BUF gb = { 0 };

		if (convert(&gb, p, n, "GB18030") == 0)
			dw_buf_add(out, dw_buf_str(&gb), gb.n);
		else
			dw_buf_add(out, p, n);
	} else if (convert(out, p, n, name) == SIZE_MAX)
		dw_buf_add(out, p, n);
	clean(out, from);
}

/* ---- format=flowed ---- */

void dw_reply_unflow(struct dw_buf *out, const char *text, bool delsp)
{
	bool soft = false; /* the line before ended softly */

	while (*text) {
		size_t n = strcspn(text, "\n"), len = n;
		bool quoted = *text == '>', signature;
		const char *s = text;

		len -= len && s[len - 1] == '\r';
		signature = len == 3 && memcmp(s, "-- ", 3) == 0;
		if (soft && (quoted || signature)) { /* RFC 3676 §4.5: quote depths don't join, and a signature never does */
			dw_buf_putc(out, '\n');
			soft = false;
		}
		if (!quoted && len && *s == ' ') { /* stuffed */
			s++;
			len--;
		}
		soft = !quoted && !signature && len && s[len - 1] == ' ';
		dw_buf_add(out, s, len - (soft && delsp));
		if (!soft)
			dw_buf_putc(out, '\n');
		text += n + (text[n] == '\n');
	}
}
