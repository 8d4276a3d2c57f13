/* What every room uses: one error type, cleanup attributes, growable text.
 *
 * Error rule: a function returns 0 when it is done; < 0 (a negated errno value) on failure, with *err filled
 * where it takes one; > 0 only for conditions its own comment names. Failures are forwarded unchanged; on
 * failure outputs are untouched. Library code never logs and never exits. */
#ifndef DUEWATCH_BASE_H
#define DUEWATCH_BASE_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct dw_err {
	char text[512]; /* one line, UTF-8, no secrets */
};

/* Fills err (which may be NULL) and returns code. Over-long text is cut at a character's start. */
int dw_err_set(struct dw_err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static inline int dw_err_oom(struct dw_err *err)
{
	dw_err_set(err, -ENOMEM, "out of memory");
	return -ENOMEM; /* as a constant: who analyses a caller sees that it failed */
}
/* An error that is this machine's, not of what was opened or read: over when others have let go of some. */
static inline bool dw_machine_short(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS;
}
/* The same, or a file that can't be read or is damaged just now: it may be under way. */
static inline bool dw_fault_passes(int r)
{
	return dw_machine_short(r) || r == -EIO || r == -EBADMSG;
}

/* How often this thread found no memory, in what follows or by an error of -ENOMEM. Whoever makes something out of many
 * pieces compares before and after: where one is missing or cut short, it must not be stored, sent or printed as if it
 * were whole. */
unsigned long dw_shortages(void);
void *dw_malloc(size_t n) __attribute__((__malloc__, __alloc_size__(1)));
void *dw_calloc(size_t n, size_t each) __attribute__((__malloc__, __alloc_size__(1, 2)));
void *dw_realloc(void *p, size_t n) __attribute__((__alloc_size__(2)));

#define DW_CLEANUP(fn) __attribute__((cleanup(fn)))
#define DW_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define DW_UNUSED __attribute__((unused))
#define DW_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* The pointer in *pp, which is NULL from then on: hands over what DW_CLEANUP would free. */
#define dw_steal(pp)                                \
	({                                          \
		__typeof__(pp) dw_from_ = (pp);     \
		__typeof__(*(pp)) dw_p_ = *dw_from_; \
		*dw_from_ = NULL;                   \
		dw_p_;                              \
	})

static inline void dw_freep(void *pp)
{
	void *p;

	memcpy(&p, pp, sizeof(p));
	free(p);
}
#define DW_FREE DW_CLEANUP(dw_freep)

/* Growable text, always NUL-terminated once anything was added. A failed allocation sets `failed` and later
 * calls do nothing, so a writer checks once, at its end; dw_buf_reset forgets it with the text. */
struct dw_buf {
	char *p; /* owned; NULL while empty */
	size_t n, cap;
	bool failed;
};

void dw_buf_fini(struct dw_buf *b);
void dw_buf_reset(struct dw_buf *b); /* empties, keeps the memory */
void dw_buf_add(struct dw_buf *b, const void *p, size_t n);
void dw_buf_puts(struct dw_buf *b, const char *s); /* NULL counts as "" */
void dw_buf_putc(struct dw_buf *b, char c);
void dw_buf_printf(struct dw_buf *b, const char *fmt, ...) DW_PRINTF(2, 3);
const char *dw_buf_str(const struct dw_buf *b); /* never NULL; borrowed until the next call on b */
char *dw_buf_take(struct dw_buf *b);            /* owned text, NULL if any allocation failed; b is empty after */
#define DW_BUF DW_CLEANUP(dw_buf_fini) struct dw_buf

/* Doubles *p (elements of size `each`) until it holds `want`. 0 or -ENOMEM. */
int dw_grow(void *pp, size_t *cap, size_t want, size_t each);

char *dw_strdup(const char *s); /* NULL for NULL; NULL also when memory is out */
char *dw_strndup(const char *s, size_t n);
static inline bool dw_streq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}
static inline bool dw_empty(const char *s)
{
	return !s || !*s;
}

/* FNV-1a, 64 bits: fingerprints of rows and rules, never a defence against somebody who wants a collision. */
#define DW_HASH_INIT UINT64_C(14695981039346656037)
uint64_t dw_hash(uint64_t h, const void *p, size_t n);
uint64_t dw_hash_str(uint64_t h, const char *s); /* includes the NUL, so fields don't run together */

/* Of `words`, the one nearest to `s` (Damerau-Levenshtein, at most a third of its letters wrong), or NULL. */
const char *dw_near(const char *s, const char *const *words, size_t n);

/* UTF-8: length of the valid sequence at s (1-4), 0 if s[0..n) does not begin with one. */
size_t dw_utf8_seq(const char *s, size_t n);
bool dw_utf8_valid(const char *s, size_t n);
/* In place: what isn't UTF-8 becomes a '?'. For text that "%.60s" may have cut inside a sequence, and for names of files:
 * the store refuses such text, and with it whatever was to be written. Returns s. */
char *dw_utf8_mend(char *s);

#endif
