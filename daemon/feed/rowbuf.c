/* rowbuf.h: one row of cells without an allocation per cell. */
#include "rowbuf.h"

#include <stdio.h>

int dw_rowbuf_init(struct dw_rowbuf *b, struct dw_err *err)
{
	*b = (struct dw_rowbuf){ 0 };
	b->cell = dw_calloc(DW_TABLE_COLUMNS_MAX, sizeof(*b->cell));
	b->text = dw_malloc(DW_TABLE_ROW_MAX);
	if (b->cell && b->text)
		return 0;
	dw_rowbuf_fini(b);
	return dw_err_oom(err);
}

void dw_rowbuf_fini(struct dw_rowbuf *b)
{
	free(b->cell);
	free(b->text);
	*b = (struct dw_rowbuf){ 0 };
}

void dw_rowbuf_reset(struct dw_rowbuf *b)
{
	b->n = b->used = 0;
	b->reject = NULL;
	b->any = false;
}

void dw_rowbuf_pad(struct dw_rowbuf *b, size_t n)
{
	while (b->n < n && b->n < DW_TABLE_COLUMNS_MAX)
		b->cell[b->n++] = (struct dw_cell){ "", DW_CELL_TEXT };
}

void dw_rowbuf_ref(struct dw_rowbuf *b, size_t col, enum dw_cell_kind kind, const char *text)
{
	if (col >= DW_TABLE_COLUMNS_MAX) {
		b->reject = "more than 1024 columns";
		return;
	}
	dw_rowbuf_pad(b, col + 1);
	b->cell[col] = (struct dw_cell){ text, kind };
	b->any = b->any || text[strspn(text, " \t\r\n")] != '\0';
}

void dw_rowbuf_put(struct dw_rowbuf *b, size_t col, enum dw_cell_kind kind, const char *text, size_t n)
{
	char *at = b->text + b->used;

	if (n >= DW_TABLE_ROW_MAX - b->used) {
		b->reject = "longer than 1 MiB";
		return;
	}
	if (n)
		memcpy(at, text, n);
	at[n] = '\0';
	b->used += n + 1;
	dw_rowbuf_ref(b, col, kind, at);
}

void dw_rowbuf_bad(struct dw_rowbuf *b, size_t col, const char *why, const char *raw, size_t n)
{
	enum { SHOWN = 40 };
	char s[256 + SHOWN * 4];
	size_t at = (size_t)snprintf(s, 200, "%.190s", why), i = 0;

	if (n)
		at += (size_t)snprintf(s + at, 8, ": ");
	while (i < n && i < SHOWN) {
		size_t k = dw_utf8_seq(raw + i, n - i);

		if (k == 0 || (unsigned char)raw[i] < 0x20 || raw[i] == 0x7f) {
			at += (size_t)snprintf(s + at, 8, "\\x%02X", (unsigned)(unsigned char)raw[i++]);
			continue;
		}
		memcpy(s + at, raw + i, k);
		at += k;
		i += k;
	}
	if (i < n)
		at += (size_t)snprintf(s + at, 8, "…");
	dw_rowbuf_put(b, col, DW_CELL_BAD, s, at);
}
