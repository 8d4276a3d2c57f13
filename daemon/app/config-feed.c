/* feeds: where orders come from, and how their rows are read. */
#include "config-impl.h"

#include <iconv.h>
#include <stdio.h>
#include <unistd.h>

#include "duewatch/feed.h"

enum { FEEDS_MAX = 200, STALE_FILE = 26 * 3600 };

/* The adapters; `file`: its data is a file or folder on this machine. */
static const struct {
	const struct dw_table_ops *ops;
	bool delimited;
} types[] = { { &dw_csv, true }, { &dw_xlsx, false } };

static const config_setting_t *elem(const config_setting_t *s, int i)
{
	return config_setting_get_elem((config_setting_t *)s, (unsigned)i);
}

static const config_setting_t *member(const config_setting_t *s, const char *name)
{
	return config_setting_get_member((config_setting_t *)s, name);
}

const struct dw_feed_conf *dw_config_feed(const struct dw_config *c, const char *name)
{
	for (size_t i = 0; i < c->n_feeds; i++)
		if (dw_streq(c->feeds[i].name, name))
			return &c->feeds[i];
	return NULL;
}

/* `feed/order_id` on the command line: no slash, no blanks, nothing that a shell or a mail header would trip over. */
void conf_take_feed_name(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	const char *t = conf_text_of(rd, s);

	if (!t)
		return;
	if (strlen(t) > 64 || t[0] == '-' || strpbrk(t, "/ \t\"'\\=,;<>|&$*?"))
		conf_say(rd, s, "\"%.80s\" is no name for a feed, allowed: %s", t, k->doc.allowed);
	else if (dw_config_feed(rd->c, t))
		conf_say(rd, s, "\"%s\" is taken by another feed", t);
	else
		*(char **)at = conf_dup(rd, t);
}

void conf_take_feed_type(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	const char *names[DW_COUNT(types)], *t = conf_text_of(rd, s);

	for (size_t i = 0; t && i < DW_COUNT(types); i++) {
		names[i] = types[i].ops->type;
		if (strcmp(t, names[i]) == 0) {
			*(char **)at = conf_dup(rd, t);
			return;
		}
	}
	if (t)
		conf_say_unknown(rd, s, "type of feed", t, names, DW_COUNT(types));
}

/* at: the feed */
void conf_take_feed_path(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	struct dw_feed_conf *f = at;

	f->at = conf_place(rd, s);
	conf_take_path(rd, s, k, &f->path);
	conf_warn_reach(rd, s, f->path);
}

/* at: the feed */
void conf_take_platform(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_feed_conf *f = at;
	const struct dw_pack *p = conf_pack_of(rd, s);

	if (!p)
		return;
	f->pack = p;
	free(f->platform);
	f->platform = conf_dup(rd, p->name);
}

void conf_take_encoding(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	const char *t = conf_text_of(rd, s);
	iconv_t cd;

	if (!t)
		return;
	if (strlen(t) > 40 || strchr(t, '/')) {
		conf_say(rd, s, "is no encoding, allowed: a name like \"utf-8\", \"gb18030\", \"gbk\", \"utf-16\"");
		return;
	}
	cd = iconv_open("UTF-8", t);
	if (cd == (iconv_t)-1) {
		static const char *const usual[] = { "utf-8", "gb18030", "gbk", "utf-16", "big5", "windows-1252", "iso-8859-1" };

		conf_say_unknown(rd, s, "encoding known to this system", t, usual, DW_COUNT(usual));
		return;
	}
	iconv_close(cd);
	*(char **)at = conf_dup(rd, t);
}

void conf_take_delimiter(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k, void *at)
{
	const char *t;

	/* "\t" written in the config is a tab here, which conf_text_of would refuse */
	if (config_setting_type(s) == CONFIG_TYPE_STRING && dw_streq(config_setting_get_string(s), "\t")) {
		*(char *)at = '\t';
		return;
	}
	t = conf_text_of(rd, s);
	if (!t)
		return;
	if (strcmp(t, "tab") == 0)
		*(char *)at = '\t';
	else if (strlen(t) != 1 || !strchr(",;|:^~!#%&*+/@_", t[0]))
		conf_say(rd, s, "\"%.20s\" can't part columns, allowed: %s", t, k->doc.allowed);
	else
		*(char *)at = t[0];
}

/* at: the feed */
void conf_take_feed_columns(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_feed_conf *f = at;

	conf_columns(rd, s, &f->columns, &f->n_columns);
}

void conf_take_feed_status(struct conf_read *rd, const config_setting_t *s, const struct conf_key *k DW_UNUSED, void *at)
{
	struct dw_feed_conf *f = at;

	conf_status(rd, s, &f->status, &f->n_status);
}

/* A default's value as text, whatever way it is written. */
static const char *scalar(const config_setting_t *s, char out[32])
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		return config_setting_get_string(s);
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(out, 32, "%lld", (long long)config_setting_get_int64(s));
		return out;
	default:
		return NULL;
	}
}

static void one_default(struct conf_read *rd, const config_setting_t *s, struct dw_feed_conf *f)
{
	const struct dw_cell_rules rules = { .zone = f->zone, .other = f->other, .status = f->status, .n_status = f->n_status };
	const char *names[DW_FIELD_COUNT], *name = config_setting_name(s), *t;
	int x = dw_field_find(name), who, r;
	struct dw_err err = { "" };
	char num[32];

	for (int i = 0; i < DW_FIELD_COUNT; i++)
		names[i] = dw_fields[i].name;
	if (x < 0) {
		const char *near = dw_near(name, names, DW_FIELD_COUNT);

		conf_say(rd, s, "no such field%s%s%s", near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
		return;
	}
	if (x == DW_F_ORDER_ID || x == DW_F_STATUS || x == DW_F_PLATFORM) {
		conf_say(rd, s, "can't have a default%s", x == DW_F_PLATFORM ? ": write platform = …; in the feed itself" : ", each order has its own");
		return;
	}
	if (x == DW_F_OWNER) {
		who = conf_person_of(rd, s);
		if (who >= 0 && rd->c->people.p[who].name && dw_facts_set_text(&f->defaults, DW_F_OWNER, rd->c->people.p[who].name) < 0)
			rd->oom = true;
		return;
	}
	t = scalar(s, num);
	if (!t) {
		conf_say(rd, s, "a text in quotes was expected");
		return;
	}
	r = dw_fact_parse(&f->defaults, (enum dw_field)x, t, false, &rules, NULL, &err);
	if (r == -ENOMEM)
		rd->oom = true;
	else if (r < 0)
		conf_say(rd, s, "%s", err.text);
	else if (r > 0)
		conf_say(rd, s, "is empty, leave it out");
}

static void take_defaults(struct conf_read *rd, const config_setting_t *group, struct dw_feed_conf *f)
{
	const config_setting_t *s = member(group, "defaults");

	if (!s || !conf_is_group(rd, s, "{ owner = \"alice\"; transport = \"sea\"; }"))
		return;
	for (int i = 0; i < config_setting_length(s); i++)
		one_default(rd, elem(s, i), f);
}

/* rules.md §2: the feed's zone, else the pack's, else ours; a file that doesn't say, of a platform that lives
 * elsewhere, is read in whichever of the two gives the earlier instant. */
static void settle_zone(struct conf_read *rd, const config_setting_t *group, struct dw_feed_conf *f)
{
	const struct dw_zone *pack = f->pack ? f->pack->zone : NULL, *own = rd->c->zone;
	const config_setting_t *s = member(group, "timezone");

	if (f->zone) {
		if (pack && dw_zone_hash(0, pack) != dw_zone_hash(0, f->zone))
			conf_warn(rd, s, "%s differs from the zone of pack %s (%s): compare one order with the platform's page (duewatch check shows one)",
				  f->zone->name, f->pack->name, pack->name);
		return;
	}
	f->zone = pack ? pack : own;
	if (pack && dw_zone_hash(0, pack) != dw_zone_hash(0, own)) {
		f->other = own;
		conf_warn(rd, group, "feed %s has no timezone: its local times are read in %s (pack %s) and in %s (the config), the earlier counts; set timezone once you know",
			  f->name ? f->name : "(unnamed)", pack->name, f->pack->name, own->name);
	}
}

static void check_type(struct conf_read *rd, const config_setting_t *group, const struct dw_feed_conf *f)
{
	static const char *const csv_only[] = { "encoding", "delimiter" };
	const config_setting_t *s;

	for (size_t i = 0; i < DW_COUNT(types); i++) {
		if (!dw_streq(f->type, types[i].ops->type))
			continue;
		for (size_t k = 0; !types[i].delimited && k < DW_COUNT(csv_only); k++)
			if ((s = member(group, csv_only[k])))
				conf_warn(rd, s, "has no effect on type = \"%s\"", f->type);
		if (types[i].delimited && (s = member(group, "sheet")))
			conf_warn(rd, s, "has no effect on type = \"%s\"", f->type);
	}
}

static void one_feed(struct conf_read *rd, const config_setting_t *group)
{
	struct dw_feed_conf *f = conf_push(rd, &rd->c->feeds, &rd->c->n_feeds, sizeof(*f));

	if (!f)
		return;
	f->every = 600;
	f->stale_after = STALE_FILE;
	conf_group(rd, group, &conf_feed_section, f, NULL);
	if (!f->pack)
		f->pack = conf_pack_find(rd->c, "generic");
	if (!f->platform && !f->overlay && !member(group, "platform"))
		f->platform = conf_dup(rd, "generic");
	settle_zone(rd, group, f);
	if (f->pack)
		conf_status_copy(rd, &f->status, &f->n_status, f->pack->status, f->pack->n_status);
	take_defaults(rd, group, f);
	check_type(rd, group, f);
}

/* `of` names main feeds, wherever they stand in the list. */
static void take_of(struct conf_read *rd, const config_setting_t *group, struct dw_feed_conf *f)
{
	const config_setting_t *s = member(group, "of");
	const char *names[64];
	size_t n = 0;

	if (!s)
		return;
	if (!f->overlay)
		conf_say(rd, s, "only an overlay attaches to other feeds: overlay = true; is missing");
	if (!conf_list_of(rd, s, "[ \"shop\" ]"))
		return;
	for (size_t i = 0; i < rd->c->n_feeds && n < DW_COUNT(names); i++)
		if (!rd->c->feeds[i].overlay && rd->c->feeds[i].name)
			names[n++] = rd->c->feeds[i].name;
	for (int i = 0; i < config_setting_length(s); i++) {
		const char *t = conf_text_of(rd, elem(s, i));
		const struct dw_feed_conf *to = t ? dw_config_feed(rd->c, t) : NULL;
		char **slot;

		if (t && to && to->overlay)
			conf_say(rd, elem(s, i), "\"%s\" is an overlay itself, a feed with orders was expected", t);
		else if (t && !to)
			conf_say_unknown(rd, elem(s, i), "feed", t, names, n);
		else if (t && (slot = conf_push(rd, &f->of, &f->n_of, sizeof(*slot))) && !(*slot = conf_dup(rd, t)))
			f->n_of--;
	}
}

void conf_feeds_read(struct conf_read *rd, const config_setting_t *root)
{
	const config_setting_t *list = member(root, "feeds");
	int n = list ? config_setting_length(list) : 0;
	size_t at = 0;
	bool orders = false;

	if (!list) {
		conf_say_missing_name(rd, root, "feeds", "missing, must be given: ( { name = \"shop\"; type = \"xlsx\"; path = …; }, … )");
		return;
	}
	if (!conf_list_of(rd, list, "( { name = \"shop\"; type = \"xlsx\"; path = …; }, … )"))
		return;
	if (n > FEEDS_MAX) {
		conf_say(rd, list, "%d feeds, at most %d are allowed", n, FEEDS_MAX);
		return;
	}
	for (int i = 0; i < n; i++)
		if (conf_is_group(rd, elem(list, i), "{ name = …; type = …; path = …; }"))
			one_feed(rd, elem(list, i));
	for (int i = 0; i < n && !rd->oom; i++)
		if (config_setting_is_group(elem(list, i)))
			take_of(rd, elem(list, i), &rd->c->feeds[at++]);
	for (size_t i = 0; i < rd->c->n_feeds; i++)
		orders |= !rd->c->feeds[i].overlay;
	if (!orders)
		conf_warn(rd, list, "no feed with orders in it: nothing will be watched");
}
