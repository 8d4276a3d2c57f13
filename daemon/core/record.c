/* fact.h: the compact record of a source's word, as the store keeps it.
 *
 * byte 1 version; then varints: listed, known; then for each known field in table order a zigzag varint, or for a
 * text its length and bytes. Decoding trusts nothing: a store is a file like any other. */
#include "duewatch/codec.h"
#include "duewatch/fact.h"

enum { RECORD_VERSION = 1, RECORD_TEXT_MAX = 4096 };

void dw_put_uint(struct dw_buf *b, uint64_t v)
{
	unsigned char out[10];
	size_t n = 0;

	do {
		out[n] = v & 0x7F;
		v >>= 7;
		if (v)
			out[n] |= 0x80;
		n++;
	} while (v);
	dw_buf_add(b, out, n);
}

void dw_put_int(struct dw_buf *b, int64_t v)
{
	dw_put_uint(b, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

void dw_put_text(struct dw_buf *b, const char *s, size_t n)
{
	dw_put_uint(b, n);
	dw_buf_add(b, s, n);
}

uint64_t dw_get_uint(struct dw_cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		unsigned char b;

		if (c->p == c->end)
			break;
		b = *c->p++;
		v |= (uint64_t)(b & 0x7F) << shift;
		if (!(b & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

int64_t dw_get_int(struct dw_cursor *c)
{
	uint64_t v = dw_get_uint(c);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

char *dw_get_text(struct dw_cursor *c, size_t max)
{
	uint64_t n = dw_get_uint(c);
	char *s;

	if (c->bad || n > max || n > (size_t)(c->end - c->p) || memchr(c->p, '\0', n)) {
		c->bad = true;
		return NULL;
	}
	s = dw_malloc(n + 1);
	if (!s) {
		c->oom = c->bad = true;
		return NULL;
	}
	memcpy(s, c->p, n);
	s[n] = '\0';
	c->p += n;
	return s;
}

int dw_facts_encode(struct dw_buf *out, const struct dw_facts *f)
{
	dw_buf_putc(out, RECORD_VERSION);
	dw_put_uint(out, f->listed);
	dw_put_uint(out, f->known);
	for (int i = 0; i < DW_FIELD_COUNT; i++) {
		if (!dw_has(f, (enum dw_field)i))
			continue;
		if (dw_fields[i].kind == DW_K_TEXT)
			dw_put_text(out, f->text[i], strlen(f->text[i]));
		else
			dw_put_int(out, f->num[i]);
	}
	return out->failed ? -ENOMEM : 0;
}

/* A number that a table is indexed with must be inside it. */
static bool num_ok(enum dw_field x, int64_t v)
{
	switch (dw_fields[x].kind) {
	case DW_K_STATUS:
		return v >= 0 && v < DW_STATUS_COUNT;
	case DW_K_EXTENSION:
		return v >= 0 && v < DW_EXT_COUNT;
	case DW_K_TRANSPORT:
		return v >= 0 && v < DW_BY_COUNT;
	case DW_K_INSTANT:
		return v >= DW_TIME_MIN - 86400 * 2 && v < DW_TIME_MAX + 86400 * 2;
	case DW_K_COUNT:
		return v >= 0 && v <= 100000;
	case DW_K_AMOUNT:
	case DW_K_TEXT:
		return true;
	}
	return false;
}

int dw_facts_decode(struct dw_facts *out, const void *p, size_t n)
{
	struct dw_cursor c = { .p = p, .end = (const unsigned char *)p + n };
	struct dw_facts f = { 0 };
	uint64_t listed, known;

	if (n == 0 || *c.p++ != RECORD_VERSION)
		return -EBADMSG;
	listed = dw_get_uint(&c);
	known = dw_get_uint(&c);
	if (c.bad || listed >> DW_FIELD_COUNT || known >> DW_FIELD_COUNT || (known & ~listed))
		return -EBADMSG;
	f.listed = (uint32_t)listed;
	f.known = (uint32_t)known;
	for (int i = 0; i < DW_FIELD_COUNT && !c.bad; i++) {
		if (!dw_has(&f, (enum dw_field)i))
			continue;
		if (dw_fields[i].kind == DW_K_TEXT)
			f.text[i] = dw_get_text(&c, RECORD_TEXT_MAX);
		else {
			f.num[i] = dw_get_int(&c);
			c.bad |= !num_ok((enum dw_field)i, f.num[i]);
		}
	}
	if (c.bad || c.p != c.end) {
		dw_facts_fini(&f);
		return c.oom ? -ENOMEM : -EBADMSG;
	}
	*out = f;
	return 0;
}

uint64_t dw_facts_hash(const struct dw_facts *f, uint64_t seed)
{
	uint64_t h = dw_hash(seed, &f->listed, sizeof(f->listed));

	h = dw_hash(h, &f->known, sizeof(f->known));
	for (int i = 0; i < DW_FIELD_COUNT; i++) {
		if (!dw_has(f, (enum dw_field)i))
			continue;
		if (dw_fields[i].kind == DW_K_TEXT)
			h = dw_hash_str(h, f->text[i]);
		else
			h = dw_hash(h, &f->num[i], sizeof(f->num[i]));
	}
	return h;
}
