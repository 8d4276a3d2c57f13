/* quote.h */
#include "duewatch/quote.h"

#include "duewatch/base.h"

/* C1 controls; U+200B..200F, 2028..202E, 2060..206F; the byte-order mark; tags U+E0000..E0FFF. s: a whole sequence. */
static bool deceives(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	if (n == 2)
		return u[0] == 0xC2 && u[1] < 0xA0;
	if (n == 3 && u[0] == 0xE2)
		return (u[1] == 0x80 && (u[2] >= 0xA8 ? u[2] <= 0xAE : u[2] >= 0x8B && u[2] <= 0x8F)) ||
		       (u[1] == 0x81 && u[2] >= 0xA0 && u[2] <= 0xAF);
	if (n == 3)
		return u[0] == 0xEF && u[1] == 0xBB && u[2] == 0xBF;
	return n == 4 && u[0] == 0xF3 && u[1] == 0xA0;
}

void dw_quote_line(char *line)
{
	size_t n = strlen(line), o = 0;

	for (size_t i = 0, k; i < n; i += k) {
		k = dw_utf8_seq(line + i, n - i);
		if (k == 1 && ((unsigned char)line[i] < 0x20 || line[i] == 0x7F))
			line[o++] = ' ';
		else if (k == 0 || deceives(line + i, k))
			line[o++] = '?';
		else {
			memmove(line + o, line + i, k);
			o += k;
		}
		k = k ? k : 1;
	}
	line[o] = '\0';
}

const char *dw_quote_word(char out[DW_WORD_SIZE], const char *text)
{
	size_t len = dw_empty(text) ? 0 : strnlen(text, DW_WORD_SIZE), o = 0;

	for (size_t i = 0, k; i < len; i += k) {
		k = dw_utf8_seq(text + i, len - i);
		if (o + (k ? k : 1) >= DW_WORD_SIZE)
			break;
		if (k == 0 || deceives(text + i, k) ||
		    (k == 1 && ((unsigned char)text[i] <= 0x20 || text[i] == 0x7F || strchr("\"',=", text[i]))))
			out[o++] = '_';
		else {
			memcpy(out + o, text + i, k);
			o += k;
		}
		k = k ? k : 1;
	}
	if (o == 0)
		out[o++] = '-';
	out[o] = '\0';
	return out;
}

const char *dw_quote(char out[DW_QUOTE_SIZE], const char *text)
{
	static const char more[] = "…";
	size_t o = 0, keep = 0, len = text ? strnlen(text, 4 * DW_QUOTE_SIZE) : 0;

	for (size_t i = 0; i < len;) {
		size_t k = dw_utf8_seq(text + i, len - i);
		unsigned char c = (unsigned char)text[i];
		bool bad = k == 0 || c < 0x20 || c == 0x7F || (c == 0xC2 && (unsigned char)text[i + 1] < 0xA0);

		if (k == 0)
			k = 1;
		if (o + (bad ? 1 : k) >= DW_QUOTE_SIZE) {
			memcpy(out + keep, more, sizeof(more));
			return out;
		}
		if (bad)
			out[o++] = '?';
		else
			for (size_t j = 0; j < k; j++)
				out[o++] = text[i + j];
		if (o + sizeof(more) <= DW_QUOTE_SIZE)
			keep = o;
		i += k;
	}
	out[o] = '\0';
	return out;
}
