/* config.h: the config in force, kept in the state folder as one JSON file: {"config", "datadir", "files": [[path, text],
 * …]}. Reading it back is dw_config_load with these texts in place of the disk's. */
#include "config-impl.h"
#include "write.h"

#include <ctype.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIVE_MAX = 64 * 1024 * 1024 }; /* bytes of the file */

void dw_config_drop_source(struct dw_config *c)
{
	for (size_t i = 0; c->source && i < c->n_watched; i++)
		free(c->source[i]);
	free(c->source);
	c->source = NULL;
}

/* ---- without what a URL gives away ---- */

static bool ends_url(char c)
{
	return c == '\0' || c == '"' || isspace((unsigned char)c);
}

static bool begins_url(const char *p)
{
	return strncasecmp(p, "http://", 7) == 0 || strncasecmp(p, "https://", 8) == 0;
}

/* "https://user:word@host/secret" → "https://host/". An address with a place for the order's number stays: it is for
 * mails, and wouldn't be one without it. */
static const char *cut_url(struct dw_buf *out, const char *p)
{
	const char *host = strstr(p, "://") + 3, *end = host, *slash, *at;

	while (!ends_url(*end))
		end++;
	if (memmem(p, (size_t)(end - p), "{{", 2)) {
		dw_buf_add(out, p, (size_t)(end - p));
		return end;
	}
	dw_buf_add(out, p, (size_t)(host - p));
	slash = host;
	while (slash < end && !strchr("/?#", *slash))
		slash++;
	at = memrchr(host, '@', (size_t)(slash - host));
	host = at ? at + 1 : host;
	dw_buf_add(out, host, (size_t)(slash - host));
	if (slash < end)
		dw_buf_putc(out, '/');
	return end;
}

static char *without_urls(const char *text)
{
	DW_BUF b = { 0 };

	dw_buf_puts(&b, "");
	for (const char *p = text; *p;) {
		if (begins_url(p))
			p = cut_url(&b, p);
		else
			dw_buf_putc(&b, *p++);
	}
	return b.failed ? NULL : b.p ? dw_buf_take(&b) : dw_strdup("");
}

/* ---- keeping ---- */

static const char *stripped(const char *path)
{
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	return path;
}

/* A config named by a relative path has its files named so, too: from the folder that was current then, which stands before
 * it in c->path. */
static char *whole_path(const struct dw_config *c, const char *path)
{
	size_t n = strlen(c->path), main = strlen(stripped(c->watched[0]));
	DW_BUF b = { 0 };

	if (path[0] != '/' && main < n)
		dw_buf_add(&b, c->path, n - main);
	dw_buf_puts(&b, path[0] != '/' ? stripped(path) : path);
	return dw_buf_take(&b);
}

static json_t *as_json(const struct dw_config *c)
{
	json_t *files = json_array();

	for (size_t i = 0; i < c->n_watched; i++) {
		DW_FREE char *text = c->source[i] ? without_urls(c->source[i]) : NULL;

		DW_FREE char *path = whole_path(c, c->watched[i]);

		if (text && path)
			json_array_append_new(files, json_pack("[s,s]", path, text));
	}
	return json_pack("{s:s,s:s,s:o}", "config", c->path, "datadir", c->datadir, "files", files);
}

static int replace(const char *path, const char *part, const char *text, struct dw_err *err)
{
	int fd, r;

	unlink(part);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = fd < 0 ? -errno : dw_write_all(fd, text, strlen(text));
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(part, path) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	unlink(part);
	unlink(path); /* it would pass for the config in force */
	return dw_err_set(err, r, "can't write %s: %s", path, strerror(-r));
}

int dw_config_save(struct dw_config *c, const char *dir, struct dw_err *err)
{
	unsigned long shortages = dw_shortages();
	DW_BUF path = { 0 };
	DW_BUF part = { 0 };
	DW_FREE char *text = NULL;
	json_t *root;
	int r;

	if (!c->source)
		return 0;
	dw_buf_printf(&path, "%s/config.live", dir);
	dw_buf_printf(&part, "%s/config.live.part", dir);
	root = as_json(c);
	text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	dw_config_drop_source(c);
	r = path.failed || part.failed || !text || shortages != dw_shortages() ? dw_err_oom(err) : 0;
	return r < 0 ? r : replace(path.p, part.p, text, err);
}

/* ---- reading it back ---- */

static void live_fini(struct conf_live *l)
{
	free(l->path); /* the strings are the JSON's */
	free(l->text);
}

static int slurp(struct dw_buf *out, const char *path, dw_time *at, struct dw_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW), r = 0;
	char block[16384];
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return errno == ENOENT ? 1 : dw_err_set(err, -errno, "%s can't be read: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		r = dw_err_set(err, -EINVAL, "%s is no regular file", path);
	while (r == 0 && out->n <= LIVE_MAX && (n = read(fd, block, sizeof(block))) > 0)
		dw_buf_add(out, block, (size_t)n);
	if (r == 0 && n < 0)
		r = dw_err_set(err, -errno, "%s can't be read: %s", path, strerror(errno));
	if (r == 0 && out->n > LIVE_MAX)
		r = dw_err_set(err, -EFBIG, "%s is too large", path);
	close(fd);
	*at = r == 0 ? st.st_mtim.tv_sec : DW_UNKNOWN;
	return r == 0 && out->failed ? dw_err_oom(err) : r;
}

static int take_files(struct conf_live *l, json_t *files)
{
	size_t n = json_array_size(files);

	l->path = dw_calloc(n + 1, sizeof(*l->path));
	l->text = dw_calloc(n + 1, sizeof(*l->text));
	if (!l->path || !l->text)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		json_t *pair = json_array_get(files, i);
		const char *path = json_string_value(json_array_get(pair, 0)), *text = json_string_value(json_array_get(pair, 1));

		if (!path || !text)
			return -EBADMSG;
		l->path[l->n] = (char *)(uintptr_t)path;
		l->text[l->n++] = (char *)(uintptr_t)text;
	}
	return 0;
}

int dw_config_load_live(struct dw_config **out, const char *dir, dw_time *at, struct dw_err *err)
{
	struct dw_problems problems = { 0 };
	struct conf_live live = { 0 };
	const char *config, *datadir;
	DW_BUF path = { 0 };
	DW_BUF raw = { 0 };
	json_t *root = NULL;
	int r;

	dw_buf_printf(&path, "%s/config.live", dir);
	r = path.failed ? dw_err_oom(err) : slurp(&raw, path.p, at, err);
	if (r)
		return r;
	root = json_loadb(dw_buf_str(&raw), raw.n, 0, NULL);
	config = json_string_value(json_object_get(root, "config"));
	datadir = json_string_value(json_object_get(root, "datadir"));
	r = config && datadir ? take_files(&live, json_object_get(root, "files")) : -EBADMSG;
	if (r == -ENOMEM)
		r = dw_err_oom(err);
	else if (r < 0)
		r = dw_err_set(err, r, "%s is damaged: the daemon writes it anew at its next start or reload", path.p);
	else
		r = conf_load(out, config, datadir, &live, &problems, err);
	if (r == -EINVAL)
		r = dw_err_set(err, -EBADMSG, "%s holds a config that this version can't read: restart the daemon, it writes it anew",
			       path.p);
	dw_problems_fini(&problems);
	live_fini(&live);
	json_decref(root);
	return r;
}
