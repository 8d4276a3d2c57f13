/* Reading a group by a table of its keys: what is unknown, what is missing, and each value with its range. */
#include "config-impl.h"
#include "duewatch/compose.h"
#include "duewatch/zone-load.h"

#include <stdio.h>
#include <unistd.h>

enum { TEXT_MAX = 1000, SHOWN_MAX = 60 };

/* "feeds.every": the names from the root to s; elements of lists have none. */
static void path_of(struct dw_buf *b, const config_setting_t *s)
{
	if (!s || config_setting_is_root(s))
		return;
	path_of(b, config_setting_parent(s));
	if (config_setting_name(s))
		dw_buf_printf(b, "%s%s", b->n ? "." : "", config_setting_name(s));
}

__attribute__((format(printf, 5, 0))) static void say(struct conf_read *rd, const config_setting_t *s, const char *name,
						       bool warning, const char *fmt, va_list ap)
{
	DW_BUF path = { 0 };
	struct dw_err e;

	path_of(&path, s);
	if (name)
		dw_buf_printf(&path, "%s%s", path.n ? "." : "", name);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	conf_say_at(rd, &conf_of(s)->text, (int)config_setting_source_line(s), warning, "%s%s%s", dw_buf_str(&path),
		    path.n ? ": " : "", e.text);
}

void conf_say(struct conf_read *rd, const config_setting_t *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(rd, s, NULL, false, fmt, ap);
	va_end(ap);
}

void conf_warn(struct conf_read *rd, const config_setting_t *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(rd, s, NULL, true, fmt, ap);
	va_end(ap);
}

void conf_say_missing_name(struct conf_read *rd, const config_setting_t *group, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(rd, group, name, false, fmt, ap);
	va_end(ap);
}

void conf_say_missing(struct conf_read *rd, const config_setting_t *group, const struct conf_key *k)
{
	conf_say_missing_name(rd, group, k->doc.name, "missing, must be given: %s", k->doc.allowed);
}

/* What somebody wrote, short enough for a line. */
static const char *brief(const char *s, char out[SHOWN_MAX + 8])
{
	size_t n = strlen(s);

	if (n <= SHOWN_MAX)
		return memcpy(out, s, n + 1);
	for (n = SHOWN_MAX; n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80; n--)
		;
	snprintf(out, SHOWN_MAX + 8, "%.*s…", (int)n, s);
	return out;
}

void conf_say_unknown(struct conf_read *rd, const config_setting_t *s, const char *what, const char *got,
		      const char *const *words, size_t n)
{
	const char *near = dw_near(got, words, n);
	char text[SHOWN_MAX + 8];
	DW_BUF list = { 0 };

	for (size_t i = 0; i < n && list.n < 300; i++)
		dw_buf_printf(&list, "%s%s", i ? ", " : "", words[i]);
	if (near)
		conf_say(rd, s, "\"%s\" is no %s, did you mean \"%s\"? Allowed: %s", brief(got, text), what, near, dw_buf_str(&list));
	else
		conf_say(rd, s, "\"%s\" is no %s, allowed: %s", brief(got, text), what, n ? dw_buf_str(&list) : "(there is none)");
}

static const struct conf_key *find_key(const struct conf_section *section, const char *name)
{
	for (size_t i = 0; i < section->n; i++)
		if (dw_streq(section->key[i].doc.name, name))
			return &section->key[i];
	return NULL;
}

static void say_unknown_key(struct conf_read *rd, const config_setting_t *s, const struct conf_section *section)
{
	const char *names[64], *near, *name = config_setting_name(s);
	size_t n = 0;

	for (; n < section->n && n < DW_COUNT(names); n++)
		names[n] = section->key[n].doc.name;
	near = dw_near(name, names, n);
	if (near) {
		conf_say(rd, s, "unknown key, did you mean %s?", near);
		return;
	}
	/* a key of another place, put here by a bracket too many or too few */
	for (size_t i = 0; dw_config_key(i); i++)
		if (dw_streq(dw_config_key(i)->name, name)) {
			const char *where = dw_config_key(i)->section;

			conf_say(rd, s, "unknown key here, it belongs %s%s", *where ? "in " : "to the top level", where);
			return;
		}
	conf_say(rd, s, "unknown key");
}

void conf_group(struct conf_read *rd, const config_setting_t *group, const struct conf_section *section, void *into,
		conf_extra *extra)
{
	int n = config_setting_length(group);

	for (int i = 0; i < n; i++) {
		const config_setting_t *s = config_setting_get_elem((config_setting_t *)group, (unsigned)i);

		if (!find_key(section, config_setting_name(s)) && !(extra && extra(rd, s, into)))
			say_unknown_key(rd, s, section);
	}
	for (size_t i = 0; i < section->n; i++) {
		const struct conf_key *k = &section->key[i];
		const config_setting_t *s = config_setting_get_member((config_setting_t *)group, k->doc.name);

		if (s && k->take)
			k->take(rd, s, k, (char *)into + k->at);
		else if (!s && k->required)
			conf_say_missing(rd, group, k);
	}
}

/* What a setting is, for "… was expected, this is …". */
static const char *kind_of(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	case CONFIG_TYPE_LIST:
		return "a list ( )";
	case CONFIG_TYPE_ARRAY:
		return "a list [ ]";
	case CONFIG_TYPE_STRING:
		return "a text in quotes";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	default:
		return "a number without quotes";
	}
}

const char *conf_text_of(struct conf_read *rd, const config_setting_t *s)
{
	const char *t;

	if (config_setting_type(s) != CONFIG_TYPE_STRING) {
		conf_say(rd, s, "is %s, a text in double quotes was expected", kind_of(s));
		return NULL;
	}
	t = config_setting_get_string(s);
	if (!t) { /* libconfig had no memory for it */
		rd->oom = true;
		return NULL;
	}
	if (dw_empty(t) || strspn(t, " \t") == strlen(t))
		conf_say(rd, s, "is empty, leave the key out or give a text");
	else if (strlen(t) > TEXT_MAX)
		conf_say(rd, s, "is too long, at most %d bytes are allowed", TEXT_MAX);
	else if (!dw_utf8_valid(t, strlen(t)))
		conf_say(rd, s, "is not UTF-8 text (a \\x escape?)");
	else {
		for (const char *c = t; *c; c++)
			if ((unsigned char)*c < 0x20 || *c == 0x7f) {
				conf_say(rd, s, "holds a line break or control character, one line of text is allowed");
				return NULL;
			}
		return t;
	}
	return NULL;
}

bool conf_int_of(struct conf_read *rd, const config_setting_t *s, int64_t min, int64_t max, int64_t *out)
{
	int type = config_setting_type(s);
	int64_t v;

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		conf_say(rd, s, "is %s, a whole number without quotes was expected, from %lld to %lld", kind_of(s),
			 (long long)min, (long long)max);
		return false;
	}
	v = config_setting_get_int64(s);
	if (v < min || v > max) {
		conf_say(rd, s, "%lld is out of range, allowed: %lld to %lld", (long long)v, (long long)min, (long long)max);
		return false;
	}
	*out = v;
	return true;
}

bool conf_duration_of(struct conf_read *rd, const config_setting_t *s, int64_t min, int64_t max, int64_t *out)
{
	char lo[32], hi[32];
	const char *t;
	struct dw_err err;
	int64_t v;
	int type = config_setting_type(s);

	dw_duration_text(lo, min);
	dw_duration_text(hi, max);
	if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) {
		long long n = config_setting_get_int64(s);

		conf_say(rd, s, "%lld has no unit, write a duration in quotes, like \"%lldm\" or \"%lldh\"; allowed: %s to %s", n, n, n, lo, hi);
		return false;
	}
	t = conf_text_of(rd, s);
	if (!t)
		return false;
	if (dw_duration_parse(&v, t, &err) < 0) {
		conf_say(rd, s, "%s", err.text);
		return false;
	}
	if (v < min || v > max) {
		conf_say(rd, s, "\"%s\" is out of range, allowed: %s to %s", t, lo, hi);
		return false;
	}
	*out = v;
	return true;
}

bool conf_daily_of(struct conf_read *rd, const config_setting_t *s, int *minute)
{
	const char *t = conf_text_of(rd, s);
	size_t n = t ? strlen(t) : 0, colon = n == 5 ? 2 : 1;
	long h, m;

	if (!t)
		return false;
	if (strcmp(t, "off") == 0) {
		*minute = -1;
		return true;
	}
	if ((n != 4 && n != 5) || t[colon] != ':' || strspn(t, "0123456789") != colon ||
	    strspn(t + colon + 1, "0123456789") != 2 || (h = strtol(t, NULL, 10)) > 23 ||
	    (m = strtol(t + colon + 1, NULL, 10)) > 59) {
		conf_say(rd, s, "\"%.20s\" is no time of day, allowed: \"00:00\" to \"23:59\", or \"off\"", t);
		return false;
	}
	*minute = (int)(h * 60 + m);
	return true;
}

bool conf_list_of(struct conf_read *rd, const config_setting_t *s, const char *what)
{
	if (config_setting_is_list(s) || config_setting_is_array(s))
		return true;
	conf_say(rd, s, "is %s, a list was expected: %s", kind_of(s), what);
	return false;
}

bool conf_is_group(struct conf_read *rd, const config_setting_t *s, const char *what)
{
	if (config_setting_is_group(s))
		return true;
	conf_say(rd, s, "is %s, a group was expected: %s", kind_of(s), what);
	return false;
}

const struct dw_zone *conf_zone_of(struct conf_read *rd, const config_setting_t *s)
{
	const char *name = conf_text_of(rd, s);
	struct dw_config *c = rd->c;
	struct dw_zone *z = NULL;
	struct dw_err err;
	int r;

	if (!name)
		return NULL;
	for (size_t i = 0; i < c->n_zones; i++)
		if (dw_streq(c->zones[i]->name, name))
			return c->zones[i];
	r = dw_zone_load(&z, name, &err);
	if (r == -ENOMEM || (r == 0 && dw_grow(&c->zones, &rd->cap_zones, c->n_zones + 1, sizeof(struct dw_zone *)) < 0)) {
		dw_zone_free(z);
		rd->oom = true;
		return NULL;
	}
	if (r < 0) {
		conf_fault(rd, r);
		conf_say(rd, s, "%s", err.text);
		return NULL;
	}
	c->zones[c->n_zones++] = z;
	return z;
}

struct dw_place conf_place(struct conf_read *rd, const config_setting_t *s)
{
	const struct conf_text *t = &conf_of(s)->text;
	size_t i = (size_t)config_setting_source_line(s);

	if (i < 1 || i > t->n_map)
		return (struct dw_place){ rd->c->watched[t->own], 1 };
	return (struct dw_place){ rd->c->watched[t->map[i - 1].file], (int)t->map[i - 1].line };
}

char *conf_dup(struct conf_read *rd, const char *s)
{
	char *p = dw_strdup(s);

	if (s && !p)
		rd->oom = true;
	return p;
}

char *conf_path(struct conf_read *rd, const char *s)
{
	DW_BUF b = { 0 };
	char *p;

	if (s[0] != '/')
		dw_buf_printf(&b, "%s/", strcmp(rd->dir, "/") == 0 ? "" : rd->dir);
	while (s[0] == '.' && s[1] == '/')
		s += 2;
	dw_buf_puts(&b, s);
	while (b.n > 1 && b.p[b.n - 1] == '/')
		b.p[--b.n] = '\0';
	p = dw_buf_take(&b);
	if (!p)
		rd->oom = true;
	return p;
}

static const char *hidden(const char *path)
{
	static const char *const below[] = { "/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/" };

	for (size_t i = 0; i < DW_COUNT(below); i++)
		if (strncmp(path, below[i], strlen(below[i])) == 0)
			return below[i];
	return NULL;
}

void conf_warn_reach(struct conf_read *rd, const config_setting_t *s, const char *path)
{
	const char *where = path ? hidden(path) : NULL;

	/* a config that lies there itself is somebody's trial, not the service's */
	if (where && !hidden(rd->c->path))
		conf_warn(rd, s, "%s: the service can't see what is below %s (ProtectHome, PrivateTmp); /srv/duewatch/inbox is made for this",
			  path, where);
	else if (path && access(path, R_OK) < 0 && errno == EACCES)
		conf_warn(rd, s, "%s can't be read by this user", path);
}

void *conf_push(struct conf_read *rd, void *array, size_t *n, size_t each)
{
	char *old, *grown;

	memcpy(&old, array, sizeof(old));
	grown = dw_realloc(old, (*n + 1) * each);
	if (!grown) {
		rd->oom = true;
		return NULL;
	}
	memcpy(array, &grown, sizeof(grown));
	memset(grown + *n * each, 0, each);
	return grown + (*n)++ * each;
}

void conf_take_text(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	const char *t = conf_text_of(rd, s);
	char **p = at;

	if (t && k->max && strlen(t) > (size_t)k->max) {
		conf_say(rd, s, "is too long, at most %lld bytes are allowed", (long long)k->max);
		return;
	}
	if (t) {
		free(*p);
		*p = conf_dup(rd, t);
	}
}

void conf_take_int(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	int64_t v;

	if (conf_int_of(rd, s, k->min, k->max, &v))
		*(int *)at = (int)v;
}

void conf_take_duration(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	conf_duration_of(rd, s, k->min, k->max, at);
}

/* A duration of whole days into an int. */
void conf_take_days(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	int64_t v;

	if (!conf_duration_of(rd, s, k->min, k->max, &v))
		return;
	if (v % DW_DAY)
		conf_say(rd, s, "whole days only, like \"%lldd\"", (long long)(v / DW_DAY + 1));
	else
		*(int *)at = (int)(v / DW_DAY);
}

void conf_take_bool(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		conf_say(rd, s, "is %s, true or false was expected, without quotes", kind_of(s));
	else
		*(bool *)at = config_setting_get_bool(s);
}

/* The word's index; words are in the order of the enum. */
void conf_take_word(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	const char *t = conf_text_of(rd, s);
	size_t n = 0;

	while (k->words[n])
		n++;
	if (!t)
		return;
	for (size_t i = 0; i < n; i++)
		if (strcmp(t, k->words[i]) == 0) {
			*(int *)at = (int)i;
			return;
		}
	conf_say_unknown(rd, s, "word known here", t, k->words, n);
}

void conf_take_zone(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	const struct dw_zone *z = conf_zone_of(rd, s);

	if (z)
		*(const struct dw_zone **)at = z;
}

void conf_take_path(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	const char *t = conf_text_of(rd, s);

	if (t) {
		free(*(char **)at);
		*(char **)at = conf_path(rd, t);
	}
}

void conf_take_language(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	const char *languages[8], *t = conf_text_of(rd, s);
	size_t n = 0;

	if (!t)
		return;
	for (; n < DW_COUNT(languages) && dw_mail_language(n); n++) {
		languages[n] = dw_mail_language(n);
		if (strcmp(t, languages[n]) == 0) {
			free(*(char **)at);
			*(char **)at = conf_dup(rd, t);
			return;
		}
	}
	conf_say_unknown(rd, s, "language duewatch writes", t, languages, n);
}
