/* encoding.h: finds a file's encoding and turns it into UTF-8 through iconv; UTF-8 passes through untouched. */
#include "encoding.h"

#include <iconv.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PIECE = 64 * 1024,
	GUESS_MAX = 64 * 1024 * 1024, /* bytes looked at to tell UTF-8 from GB18030 */
	GUESS_SURE = 4096,	      /* so many good characters and none bad: UTF-8, no need to look further */
	GUESS_RATIO = 16,	      /* good characters per bad byte that no GB18030 text reaches by accident */
};

struct dw_text {
	int fd;
	off_t at, size;
	iconv_t cd; /* NO_CD: UTF-8 */
	bool gb;
	size_t unit; /* bytes to skip where the input means nothing */
	size_t from, n; /* raw[from..n) is not converted yet */
	char name[32];
	char raw[PIECE];
	char out[PIECE];
};

#define NO_CD ((iconv_t)-1)
#define ONES (~UINT64_C(0) / 255)
#define HIGH (ONES * 0x80)

static uint64_t load64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

size_t dw_text_plain(const char *p, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t v = load64(p + i);

		if ((v | (v - ONES * 0x20)) & HIGH)
			break;
	}
	while (i < n && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x80)
		i++;
	return i;
}

static size_t ascii_run(const char *p, size_t n)
{
	size_t i = 0;

	while (i + 8 <= n && !(load64(p + i) & HIGH))
		i += 8;
	while (i < n && !(p[i] & 0x80))
		i++;
	return i;
}

static int read_at(struct dw_text *t, off_t at, char *p, size_t n, struct dw_err *err)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = pread(t->fd, p + have, n - have, at + (off_t)have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return dw_err_set(err, -errno, "can't read: %s", strerror(errno));
		if (got == 0)
			return dw_err_set(err, -EBADMSG, "the file became shorter while it was read");
		have += (size_t)got;
	}
	return 0;
}

/* Bytes at the end of p that begin a UTF-8 sequence which p doesn't finish: 0-3. */
static size_t open_tail(const char *p, size_t n)
{
	for (size_t k = 1; k <= 3 && k <= n; k++) {
		unsigned char c = (unsigned char)p[n - k];
		size_t want = c >= 0xF0 && c <= 0xF4 ? 4 : c >= 0xE0 ? 3 : c >= 0xC2 ? 2 : 1;

		if ((c & 0xC0) == 0x80)
			continue;
		return c >= 0xC2 && c <= 0xF4 && want > k ? k : 0;
	}
	return 0;
}

/* Counts characters beyond ASCII that are UTF-8, and bytes that are not. */
static void count_utf8(const char *p, size_t n, uint64_t *good, uint64_t *bad)
{
	for (size_t i = ascii_run(p, n); i < n; i += ascii_run(p + i, n - i)) {
		size_t k = dw_utf8_seq(p + i, n - i);

		if (k == 0)
			++*bad;
		else
			++*good;
		i += k ? k : 1;
	}
}

static int guess_utf8(struct dw_text *t, bool *utf8, struct dw_err *err)
{
	uint64_t good = 0, bad = 0;
	size_t tail = 0;
	off_t end = t->size < GUESS_MAX ? t->size : GUESS_MAX, at = 0;

	while (at < end && (bad || good < GUESS_SURE)) {
		size_t n = end - at < PIECE ? (size_t)(end - at) : PIECE;
		int r = read_at(t, at, t->raw, n, err);

		if (r < 0)
			return r;
		tail = open_tail(t->raw, n);
		if (tail == n)
			break;
		count_utf8(t->raw, n - tail, &good, &bad);
		at += (off_t)(at + (off_t)n == end ? n : n - tail);
	}
	/* an open end is a UTF-8 file cut short, unless it is all there is beyond ASCII */
	*utf8 = good >= bad * GUESS_RATIO && (good > 0 || tail == 0);
	return 0;
}

static const struct {
	const char *bom;
	size_t n;
	const char *name;
} boms[] = {
	{ "\xEF\xBB\xBF", 3, "UTF-8" },
	{ "\xFF\xFE", 2, "UTF-16LE" },
	{ "\xFE\xFF", 2, "UTF-16BE" },
	{ "\x84\x31\x95\x33", 4, "GB18030" },
};

static int find_bom(struct dw_text *t, const char **name, struct dw_err *err)
{
	size_t n = t->size < 4 ? (size_t)t->size : 4;
	int r = read_at(t, 0, t->raw, n, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < DW_COUNT(boms); i++)
		if (n >= boms[i].n && memcmp(t->raw, boms[i].bom, boms[i].n) == 0) {
			t->at = (off_t)boms[i].n;
			*name = boms[i].name;
			return 0;
		}
	return 0;
}

/* The config's word as iconv's; NULL if it could mean anything but a plain name ("//IGNORE" would drop bytes). */
static const char *iconv_name(const char *s)
{
	static const char *const gb[] = { "gbk", "gb2312", "gb-2312", "gb18030", "gb-18030", "cp936", "windows-936", "euc-cn" };

	if (strlen(s) >= sizeof(((struct dw_text *)0)->name) ||
	    s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")])
		return NULL;
	for (size_t i = 0; i < DW_COUNT(gb); i++)
		if (strcasecmp(s, gb[i]) == 0)
			return "GB18030";
	if (strcasecmp(s, "utf-8") == 0 || strcasecmp(s, "utf8") == 0)
		return "UTF-8";
	if (strcasecmp(s, "utf-16") == 0 || strcasecmp(s, "utf16") == 0)
		return "UTF-16LE"; /* a byte order mark was looked for before */
	return s;
}

static int choose(struct dw_text *t, const char *asked, const char **name, struct dw_err *err)
{
	bool utf8 = true;
	int r;

	*name = NULL;
	r = find_bom(t, name, err);
	if (r < 0 || *name)
		return r;
	if (asked) {
		*name = iconv_name(asked);
		if (*name)
			return 0;
		dw_err_set(err, -EINVAL, "unknown encoding \"%s\"", asked);
		return -EINVAL;
	}
	r = guess_utf8(t, &utf8, err);
	*name = utf8 ? "UTF-8" : "GB18030";
	return r;
}

static int cut_inside(struct dw_err *err, const char *name)
{
	return dw_err_set(err, -EBADMSG, "the file ends in the middle of a character: it is cut short, or not %s", name);
}

static int set_up(struct dw_text *t, const char *asked, struct dw_err *err)
{
	const char *name;
	char end[3];
	size_t n = t->size < 3 ? (size_t)t->size : 3;
	int r = choose(t, asked, &name, err);

	if (r < 0)
		return r;
	snprintf(t->name, sizeof(t->name), "%s", name);
	t->gb = strcmp(name, "GB18030") == 0;
	t->unit = strncasecmp(name, "UTF-16", 6) == 0 ? 2 : strncasecmp(name, "UTF-32", 6) == 0 ? 4 : 1;
	if (strcmp(name, "UTF-8") == 0) {
		r = read_at(t, t->size - (off_t)n, end, n, err);
		return r < 0 ? r : open_tail(end, n) ? cut_inside(err, name) : 0;
	}
	t->cd = iconv_open("UTF-8", name);
	if (t->cd == NO_CD)
		return dw_err_set(err, -EINVAL, "unknown encoding \"%s\"", name);
	return 0;
}

void dw_text_freep(struct dw_text **t)
{
	if (*t && (*t)->cd != NO_CD)
		iconv_close((*t)->cd);
	free(*t);
	*t = NULL;
}

int dw_text_open(struct dw_text **out, int fd, const char *encoding, struct dw_err *err)
{
	DW_CLEANUP(dw_text_freep) struct dw_text *t = dw_malloc(sizeof(*t));
	struct stat st;
	int r;

	if (!t)
		return dw_err_oom(err);
	t->fd = fd;
	t->cd = NO_CD;
	t->at = 0;
	t->from = t->n = 0;
	if (fstat(fd, &st) < 0)
		return dw_err_set(err, -errno, "can't read: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return dw_err_set(err, -EINVAL, "not a regular file");
	t->size = st.st_size;
	r = set_up(t, encoding, err);
	if (r < 0)
		return r;
	*out = dw_steal(&t);
	return 0;
}

/* Moves what is left to the front of raw and reads on behind it. */
static int refill(struct dw_text *t, struct dw_err *err)
{
	size_t left = t->n - t->from, room = PIECE - left;
	size_t n = t->size - t->at < (off_t)room ? (size_t)(t->size - t->at) : room;
	int r;

	memmove(t->raw, t->raw + t->from, left);
	t->from = 0;
	t->n = left;
	r = read_at(t, t->at, t->raw + left, n, err);
	if (r < 0)
		return r;
	t->at += (off_t)n;
	t->n += n;
	return 0;
}

/* One unit that means nothing in this encoding: the mark 0xFF, or in GB the euro sign. */
static void skip_unit(struct dw_text *t, char **in, size_t *nin, char **out, size_t *nout)
{
	bool euro = t->gb && (unsigned char)**in == 0x80;
	const char *put = euro ? "\xE2\x82\xAC" : "\xFF";
	size_t n = strlen(put), k = *nin < t->unit ? *nin : t->unit;

	memcpy(*out, put, n);
	*out += n;
	*nout -= n;
	*in += k;
	*nin -= k;
}

/* Converts raw into out. -EBADMSG if the file's last character isn't whole. */
static int convert(struct dw_text *t, size_t *n, struct dw_err *err)
{
	char *in = t->raw + t->from, *out = t->out;
	size_t nin = t->n - t->from, nout = PIECE;
	bool last = t->at == t->size;

	while (nin > 0 && nout >= 8) {
		if (iconv(t->cd, &in, &nin, &out, &nout) != (size_t)-1 || errno == E2BIG)
			break;
		if (errno == EINVAL && last)
			return cut_inside(err, t->name);
		if (errno == EINVAL && nin < PIECE / 2)
			break; /* the rest of this character comes with the next piece */
		skip_unit(t, &in, &nin, &out, &nout);
	}
	t->from = (size_t)(in - t->raw);
	*n = (size_t)(out - t->out);
	return 0;
}

int dw_text_next(struct dw_text *t, const char **p, size_t *n, struct dw_err *err)
{
	int r;

	*n = 0;
	do {
		r = refill(t, err);
		if (r < 0)
			return r;
		if (t->n == 0)
			return 0;
		if (t->cd == NO_CD) {
			*p = t->raw;
			*n = t->from = t->n;
			return 0;
		}
		r = convert(t, n, err);
		*p = t->out;
	} while (r == 0 && *n == 0);
	return r;
}

const char *dw_text_encoding(const struct dw_text *t)
{
	return t->name;
}
