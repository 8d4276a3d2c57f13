/* Config files as text. We read them ourselves: libconfig's own @include names the outer file in its errors, and
 * would open anything. Byte-order marks go, CRLF becomes LF, NUL and other encodings are refused with the line. */
#include "config-impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct stack {
	const struct stack *up;
	dev_t dev;
	ino_t ino;
	const char *path;
	int depth;
};

int conf_watch(struct conf_read *rd, const char *path)
{
	struct dw_config *c = rd->c;

	for (size_t i = 0; i < c->n_watched; i++)
		if (dw_streq(c->watched[i], path))
			return (int)i;
	if (dw_grow(&c->watched, &rd->cap_watched, c->n_watched + 1, sizeof(*c->watched)) < 0 ||
	    dw_grow(&c->source, &rd->cap_source, c->n_watched + 1, sizeof(*c->source)) < 0 ||
	    !(c->watched[c->n_watched] = dw_strdup(path))) {
		rd->oom = true;
		return -1;
	}
	c->source[c->n_watched] = NULL;
	return (int)c->n_watched++;
}

static void say_file(struct conf_read *rd, const char *path, int line, const char *text)
{
	if (dw_problems_add(rd->problems, false, path, line, "%s", text) < 0)
		rd->oom = true;
}

void conf_say_at(struct conf_read *rd, const struct conf_text *t, int flat_line, bool warning, const char *fmt, ...)
{
	struct conf_line at = { t->own, 1 };
	struct dw_err text;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text.text, sizeof(text.text), fmt, ap);
	va_end(ap);
	if (t->n_map > 0) {
		size_t i = flat_line < 1 ? 0 : (size_t)flat_line - 1; /* the root has line 0 */

		at = t->map[i < t->n_map ? i : t->n_map - 1];
	}
	if (dw_problems_add(rd->problems, warning, rd->c->watched[at.file], (int)at.line, "%s", text.text) < 0)
		rd->oom = true;
}

static int line_of(const char *p, size_t at)
{
	int line = 1;

	for (size_t i = 0; i < at; i++)
		line += p[i] == '\n';
	return line;
}

/* The whole of a regular file; what is wrong goes to err. */
static int slurp(struct dw_buf *out, const char *path, struct stat *st, struct dw_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r = 0;
	char block[16384];
	ssize_t n = 0;

	if (fd < 0)
		return dw_err_set(err, -errno, "can't be read: %s", strerror(errno));
	if (fstat(fd, st) < 0)
		r = dw_err_set(err, -errno, "can't be read: %s", strerror(errno));
	else if (!S_ISREG(st->st_mode))
		r = dw_err_set(err, -EINVAL, "can't be read: not a regular file");
	while (r == 0 && out->n <= CONF_FILE_MAX && (n = read(fd, block, sizeof(block))) > 0)
		dw_buf_add(out, block, (size_t)n);
	if (r == 0 && n < 0)
		r = dw_err_set(err, -errno, "can't be read: %s", strerror(errno));
	else if (r == 0 && out->n > CONF_FILE_MAX)
		r = dw_err_set(err, -EFBIG, "is too large, 1 MiB is the limit");
	close(fd);
	return r;
}

static int slurp_live(struct dw_buf *out, const struct conf_live *live, const char *path, struct stat *st, struct dw_err *err)
{
	for (size_t i = 0; i < live->n; i++)
		if (strcmp(live->path[i], path) == 0) {
			st->st_ino = (ino_t)i + 1;
			dw_buf_puts(out, live->text[i]);
			return 0;
		}
	return dw_err_set(err, -ENOENT, "can't be read: it wasn't part of the config");
}

/* Refuses what is no UTF-8 text; *skip is the length of a byte-order mark. */
static int check_text(struct conf_read *rd, const struct dw_buf *b, const char *path, size_t *skip)
{
	const char *p = dw_buf_str(b), *nul;

	*skip = 0;
	if (b->n >= 2 && (memcmp(p, "\xff\xfe", 2) == 0 || memcmp(p, "\xfe\xff", 2) == 0)) {
		say_file(rd, path, 1, "the file is UTF-16, save it as UTF-8");
		return -EINVAL;
	}
	if (b->n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		*skip = 3;
	nul = memchr(p, '\0', b->n);
	if (nul) {
		say_file(rd, path, line_of(p, (size_t)(nul - p)),
			 "a NUL byte: this is no text file, or it is damaged; save it as UTF-8 text");
		return -EINVAL;
	}
	for (size_t i = *skip, k; i < b->n; i += k) {
		k = dw_utf8_seq(p + i, b->n - i);
		if (k == 0) {
			say_file(rd, path, line_of(p, i),
				 "not UTF-8 (saved by an editor in GBK or another local encoding?): save the file as UTF-8");
			return -EINVAL;
		}
	}
	return 0;
}

/* How a line leaves the lexer: @include counts only between settings, as in libconfig. */
enum inside { IN_NOTHING, IN_STRING, IN_COMMENT };

static enum inside pass_line(const char *p, size_t n, enum inside in)
{
	for (size_t i = 0; i < n; i++) {
		char next = i + 1 < n ? p[i + 1] : '\0';

		if (in == IN_STRING) {
			if (p[i] == '\\')
				i++;
			else if (p[i] == '"')
				in = IN_NOTHING;
		} else if (in == IN_COMMENT) {
			if (p[i] == '*' && next == '/') {
				in = IN_NOTHING;
				i++;
			}
		} else if (p[i] == '#' || (p[i] == '/' && next == '/'))
			return in;
		else if (p[i] == '/' && next == '*') {
			in = IN_COMMENT;
			i++;
		} else if (p[i] == '"')
			in = IN_STRING;
	}
	return in;
}

static void add_line(struct conf_read *rd, struct conf_text *t, const char *p, size_t n, int file, int line)
{
	if (dw_grow(&t->map, &t->cap_map, t->n_map + 1, sizeof(*t->map)) < 0) {
		rd->oom = true;
		return;
	}
	t->map[t->n_map++] = (struct conf_line){ (uint32_t)file, (uint32_t)line };
	dw_buf_add(&t->text, p, n);
	dw_buf_putc(&t->text, '\n');
}

/* 1: no include; 0: *name is what stands in the quotes; -1: an include, but not a well-formed one. */
static int include_name(const char *p, size_t n, char *name, size_t size)
{
	size_t i = 0, k = 0;

	while (i < n && (p[i] == ' ' || p[i] == '\t'))
		i++;
	if (n - i < 8 || strncmp(p + i, "@include", 8) != 0)
		return 1;
	for (i += 8; i < n && (p[i] == ' ' || p[i] == '\t'); i++)
		;
	if (i == n || p[i++] != '"')
		return -1;
	for (; i < n && p[i] != '"'; i++) {
		if (k + 1 >= size)
			return -1;
		name[k++] = p[i];
	}
	name[k] = '\0';
	if (i++ >= n || k == 0)
		return -1;
	while (i < n && (p[i] == ' ' || p[i] == '\t' || p[i] == ';'))
		i++;
	return i == n || p[i] == '#' || (p[i] == '/' && i + 1 < n && p[i + 1] == '/') ? 0 : -1;
}

static int read_one(struct conf_read *rd, struct conf_text *t, const char *path, const char *from, int from_line,
		    const struct stack *up);

static void include(struct conf_read *rd, struct conf_text *t, const char *name, const char *path, int line,
		    const struct stack *here)
{
	const char *slash = strrchr(path, '/');
	DW_BUF full = { 0 };

	if (here->depth >= CONF_DEPTH_MAX) {
		if (dw_problems_add(rd->problems, false, path, line,
				    "@include: more than %d files within each other, %d are allowed", CONF_DEPTH_MAX,
				    CONF_DEPTH_MAX) < 0)
			rd->oom = true;
		return;
	}
	if (rd->n_include >= CONF_FILES_MAX) {
		if (rd->n_include++ == CONF_FILES_MAX)
			say_file(rd, path, line, "@include: too many, 256 are allowed in all");
		return;
	}
	rd->n_include++;
	if (name[0] != '/' && slash)
		dw_buf_add(&full, path, (size_t)(slash - path) + 1);
	dw_buf_puts(&full, name);
	if (full.failed)
		rd->oom = true;
	else
		read_one(rd, t, full.p, path, line, here);
}

static void flatten(struct conf_read *rd, struct conf_text *t, const char *p, size_t n, int file, const struct stack *here)
{
	enum inside in = IN_NOTHING;
	char name[1024];
	int line = 1;

	for (size_t i = 0; i < n && !rd->oom; line++) {
		const char *end = memchr(p + i, '\n', n - i);
		size_t len = end ? (size_t)(end - p) - i : n - i, step = len + (end ? 1 : 0);
		int r;

		if (len > 0 && p[i + len - 1] == '\r')
			len--;
		r = in == IN_NOTHING ? include_name(p + i, len, name, sizeof(name)) : 1;
		if (r == 0)
			include(rd, t, name, here->path, line, here);
		else if (r < 0)
			say_file(rd, here->path, line, "@include: write it on a line of its own, with the file in quotes: @include \"people.conf\"");
		else {
			add_line(rd, t, p + i, len, file, line);
			in = pass_line(p + i, len, in);
		}
		i += step;
	}
}

void conf_fault(struct conf_read *rd, int r)
{
	if (dw_fault_passes(r))
		rd->fault = r;
}

/* from: the including file, where a file that can't be read is reported; NULL for the outermost. */
static int read_one(struct conf_read *rd, struct conf_text *t, const char *path, const char *from, int from_line,
		    const struct stack *up)
{
	DW_BUF raw = { 0 };
	struct dw_err err = { "" };
	struct stack here = { .up = up, .path = path, .depth = up ? up->depth + 1 : 0 };
	struct stat st = { 0 };
	size_t skip;
	int r = rd->live ? slurp_live(&raw, rd->live, path, &st, &err) : slurp(&raw, path, &st, &err), file;

	for (const struct stack *s = up; r == 0 && s; s = s->up)
		if (s->dev == st.st_dev && s->ino == st.st_ino)
			r = dw_err_set(&err, -ELOOP, "includes itself");
	if (r == 0 && t->text.n + raw.n > CONF_FILE_MAX)
		r = dw_err_set(&err, -EFBIG, "makes the config larger than 1 MiB, which is the limit");
	if (r < 0) {
		conf_fault(rd, r);
		if (from && dw_problems_add(rd->problems, false, from, from_line, "@include: \"%s\" %s", path, err.text) < 0)
			rd->oom = true;
		else if (!from)
			say_file(rd, path, 0, err.text);
		return -EINVAL;
	}
	here.dev = st.st_dev;
	here.ino = st.st_ino;
	file = conf_watch(rd, path);
	if (file < 0 || raw.failed) {
		rd->oom = true;
		return -EINVAL;
	}
	if (!up)
		t->own = (uint32_t)file;
	if (check_text(rd, &raw, path, &skip) < 0)
		return -EINVAL;
	if (!rd->c->source[file] && !(rd->c->source[file] = dw_strdup(dw_buf_str(&raw) + skip))) {
		rd->oom = true;
		return -EINVAL;
	}
	flatten(rd, t, dw_buf_str(&raw) + skip, raw.n - skip, file, &here);
	return 0;
}

int conf_text_read(struct conf_read *rd, struct conf_text *out, const char *path)
{
	int r = read_one(rd, out, path, NULL, 0, NULL);

	if (out->text.failed)
		rd->oom = true;
	return rd->oom ? -EINVAL : r;
}

void conf_text_fini(struct conf_text *t)
{
	dw_buf_fini(&t->text);
	free(t->map);
	*t = (struct conf_text){ 0 };
}
