/* base.h: errors, growable text, hashing, near matches. */
#include "duewatch/base.h"

#include <stdio.h>

/* Cuts s at n bytes or before, never inside a UTF-8 sequence. */
static void cut_utf8(char *s, size_t n)
{
	while (n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80)
		n--;
	s[n] = '\0';
}

static _Thread_local unsigned long shortages;

unsigned long dw_shortages(void)
{
	return shortages;
}

static void *noted(void *p)
{
	shortages += p == NULL;
	return p;
}

void *dw_malloc(size_t n)
{
	return noted(malloc(n ? n : 1));
}

void *dw_calloc(size_t n, size_t each)
{
	return noted(calloc(n ? n : 1, each ? each : 1));
}

void *dw_realloc(void *p, size_t n)
{
	return noted(realloc(p, n ? n : 1));
}

int dw_err_set(struct dw_err *err, int code, const char *fmt, ...)
{
	va_list ap;
	int n;

	shortages += code == -ENOMEM;
	if (!err)
		return code;
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n < 0)
		err->text[0] = '\0';
	else if ((size_t)n >= sizeof(err->text)) {
		/* the byte that was cut off decides whether the last sequence is whole: drop it to be sure */
		size_t at = sizeof(err->text) - 1;

		while (at > 0 && ((unsigned char)err->text[at - 1] & 0xC0) == 0x80)
			at--;
		if (at > 0 && ((unsigned char)err->text[at - 1] & 0x80))
			at--;
		cut_utf8(err->text, at);
	}
	for (char *c = err->text; *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	dw_utf8_mend(err->text);
	return code;
}

void dw_buf_fini(struct dw_buf *b)
{
	free(b->p);
	*b = (struct dw_buf){ 0 };
}

void dw_buf_reset(struct dw_buf *b)
{
	b->n = 0;
	b->failed = false;
	if (b->p)
		b->p[0] = '\0';
}

static bool buf_room(struct dw_buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 64;
	char *p;

	if (b->failed || n > SIZE_MAX / 4 - b->n) {
		b->failed = true;
		return false;
	}
	if (b->p && b->n + n + 1 <= b->cap)
		return true;
	while (cap < b->n + n + 1)
		cap *= 2;
	p = dw_realloc(b->p, cap);
	if (!p) {
		b->failed = true;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void dw_buf_add(struct dw_buf *b, const void *p, size_t n)
{
	if (!buf_room(b, n))
		return;
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void dw_buf_puts(struct dw_buf *b, const char *s)
{
	if (s)
		dw_buf_add(b, s, strlen(s));
}

void dw_buf_putc(struct dw_buf *b, char c)
{
	dw_buf_add(b, &c, 1);
}

void dw_buf_printf(struct dw_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !buf_room(b, (size_t)n)) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

const char *dw_buf_str(const struct dw_buf *b)
{
	return b->p ? b->p : "";
}

char *dw_buf_take(struct dw_buf *b)
{
	char *p;

	if (!b->p)
		dw_buf_add(b, "", 0);
	if (b->failed) {
		dw_buf_fini(b);
		return NULL;
	}
	p = b->p;
	*b = (struct dw_buf){ 0 };
	return p;
}

int dw_grow(void *pp, size_t *cap, size_t want, size_t each)
{
	size_t c = *cap ? *cap : 8;
	char *old, *grown;

	if (want <= *cap)
		return 0;
	while (c < want) {
		if (c > SIZE_MAX / 2)
			return -ENOMEM;
		c *= 2;
	}
	if (c > SIZE_MAX / each)
		return -ENOMEM;
	memcpy(&old, pp, sizeof(old));
	grown = dw_realloc(old, c * each);
	if (grown) {
		memcpy(pp, &grown, sizeof(grown));
		*cap = c;
	}
	return grown ? 0 : -ENOMEM;
}

char *dw_strdup(const char *s)
{
	size_t n;
	char *p;

	if (!s)
		return NULL;
	n = strlen(s) + 1;
	p = dw_malloc(n);
	if (p)
		memcpy(p, s, n);
	return p;
}

char *dw_strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = dw_malloc(len + 1);

	if (p) {
		memcpy(p, s, len);
		p[len] = '\0';
	}
	return p;
}

uint64_t dw_hash(uint64_t h, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++) {
		h ^= b[i];
		h *= UINT64_C(1099511628211);
	}
	return h;
}

uint64_t dw_hash_str(uint64_t h, const char *s)
{
	return s ? dw_hash(h, s, strlen(s) + 1) : dw_hash(h, "\x01\xff", 3);
}

/* Optimal string alignment over bytes, rows of at most NEAR_MAX. */
enum { NEAR_MAX = 48 };

static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t two[NEAR_MAX + 1], one[NEAR_MAX + 1], row[NEAR_MAX + 1];

	memset(two, 0, sizeof(two));
	for (size_t j = 0; j <= m; j++)
		one[j] = j;
	for (size_t i = 1; i <= n; i++) {
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t d = one[j - 1] + (a[i - 1] != b[j - 1]);

			if (one[j] + 1 < d)
				d = one[j] + 1;
			if (row[j - 1] + 1 < d)
				d = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two[j - 2] + 1 < d)
				d = two[j - 2] + 1;
			row[j] = d;
		}
		memcpy(two, one, sizeof(one));
		memcpy(one, row, sizeof(row));
	}
	return one[m];
}

const char *dw_near(const char *s, const char *const *words, size_t n)
{
	size_t len = strlen(s), best = SIZE_MAX;
	const char *found = NULL;

	if (len == 0 || len > NEAR_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t m = words[i] ? strlen(words[i]) : 0, d;

		if (m == 0 || m > NEAR_MAX)
			continue;
		d = distance(s, len, words[i], m);
		if (d < best && d * 3 <= (len > m ? len : m)) {
			best = d;
			found = words[i];
		}
	}
	return found;
}

size_t dw_utf8_seq(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t len;
	uint32_t c;

	if (n == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] >= 0xC2 && u[0] <= 0xDF) {
		len = 2;
		c = u[0] & 0x1F;
	} else if (u[0] >= 0xE0 && u[0] <= 0xEF) {
		len = 3;
		c = u[0] & 0x0F;
	} else if (u[0] >= 0xF0 && u[0] <= 0xF4) {
		len = 4;
		c = u[0] & 0x07;
	} else
		return 0;
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3F);
	}
	if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF) || (len == 3 && c < 0x800) || (len == 4 && c < 0x10000))
		return 0;
	return len;
}

bool dw_utf8_valid(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t k = dw_utf8_seq(s + i, n - i);

		if (k == 0)
			return false;
		i += k;
	}
	return true;
}

char *dw_utf8_mend(char *s)
{
	size_t n = strlen(s), o = 0;

	for (size_t i = 0, k; i < n; i += k) {
		k = dw_utf8_seq(s + i, n - i);
		if (k) {
			memmove(s + o, s + i, k);
			o += k;
			continue;
		}
		s[o++] = '?';
		for (k = 1; i + k < n && ((unsigned char)s[i + k] & 0xC0) == 0x80; k++)
			; /* one for the whole of a broken sequence */
	}
	s[o] = '\0';
	return s;
}
