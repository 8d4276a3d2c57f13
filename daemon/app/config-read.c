/* The story: read the config and its packs, check everything, hand out plain data or all the problems. */
#include "config-impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PROBLEMS_MAX = 500 };

void dw_problems_fini(struct dw_problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->p[i].file);
		free(p->p[i].text);
	}
	free(p->p);
	*p = (struct dw_problems){ 0 };
}

/* One line of valid UTF-8: what was cut inside a character, or came from a damaged file, ends or becomes "?". */
static void scrub(struct dw_err *out, const char *text)
{
	size_t n = strlen(text), at = 0;

	for (size_t i = 0, k; i < n; i += k ? k : 1) {
		k = dw_utf8_seq(text + i, n - i);
		if (k == 0 && i + 4 > n)
			break;
		for (size_t j = 0; j < k; j++)
			out->text[at++] = text[i + j];
		if (k == 0 || (k == 1 && (unsigned char)text[i] < 0x20))
			out->text[k ? at - 1 : at++] = k ? ' ' : '?';
	}
	out->text[at] = '\0';
}

int dw_problems_add(struct dw_problems *p, bool warning, const char *file, int line, const char *fmt, ...)
{
	struct dw_problem x = { .warning = warning, .line = line };
	char text[sizeof(((struct dw_err *)0)->text)];
	struct dw_err cut;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (p->n < PROBLEMS_MAX) {
		if (dw_grow(&p->p, &p->cap, p->n + 1, sizeof(x)) < 0)
			return -ENOMEM;
		scrub(&cut, text);
		x.file = dw_strdup(file);
		x.text = dw_strdup(cut.text);
		if (!x.file || !x.text) {
			free(x.file);
			free(x.text);
			return -ENOMEM;
		}
		p->p[p->n++] = x;
	}
	p->errors += !warning;
	return 0;
}

void dw_problem_text(struct dw_buf *out, const struct dw_problem *p)
{
	dw_buf_puts(out, p->file);
	if (p->line > 0)
		dw_buf_printf(out, ":%d", p->line);
	dw_buf_printf(out, ": %s%s", p->warning ? "warning: " : "", p->text);
}

static size_t rank(const struct dw_config *c, const char *file)
{
	for (size_t i = 0; i < c->n_watched; i++)
		if (dw_streq(c->watched[i], file))
			return i;
	return SIZE_MAX;
}

/* In the order of the files and their lines; an insertion sort, for it keeps what stands on one line in order. */
static void sort_problems(const struct dw_config *c, struct dw_problems *p)
{
	for (size_t i = 1; i < p->n; i++) {
		struct dw_problem x = p->p[i];
		size_t k = i, mine = rank(c, x.file);

		for (; k > 0; k--) {
			size_t other = rank(c, p->p[k - 1].file);

			if (other < mine || (other == mine && p->p[k - 1].line <= x.line))
				break;
			p->p[k] = p->p[k - 1];
		}
		p->p[k] = x;
	}
}

static void feed_fini(struct dw_feed_conf *f)
{
	free(f->name);
	free(f->type);
	free(f->path);
	free(f->platform);
	free(f->encoding);
	free(f->sheet);
	for (size_t i = 0; i < f->n_of; i++)
		free(f->of[i]);
	free(f->of);
	for (size_t i = 0; i < f->n_columns; i++) {
		free(f->columns[i].theirs);
		free(f->columns[i].left);
	}
	free(f->columns);
	for (size_t i = 0; i < f->n_status; i++)
		free((char *)f->status[i].theirs);
	free(f->status);
	dw_facts_fini(&f->defaults);
}

static void replies_fini(struct dw_replies_conf *m)
{
	free(m->address);
	free(m->url);
	free(m->folder);
	free(m->username);
	free(m->password_file);
	conf_oauth_free(m->oauth);
	free(m->ca_file);
	free(m->authserv);
}

void dw_config_free(struct dw_config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_feeds; i++)
		feed_fini(&c->feeds[i]);
	free(c->feeds);
	for (size_t i = 0; i < c->n_packs; i++)
		dw_pack_fini(&c->packs[i]);
	free(c->packs);
	dw_config_drop_source(c);
	for (size_t i = 0; i < c->n_watched; i++)
		free(c->watched[i]);
	free(c->watched);
	dw_people_fini(&c->people);
	conf_mail_fini(&c->mail);
	replies_fini(&c->replies);
	for (size_t i = 0; i < c->n_zones; i++)
		dw_zone_free(c->zones[i]);
	free(c->zones);
	free(c->path);
	free(c->language);
	free(c->state);
	free(c->metrics_file);
	free(c->heartbeat_url);
	free(c->heartbeat_ca_file);
	for (size_t i = 0; i < c->n_calendars; i++) {
		free(c->calendar[i].path);
		free(c->calendar[i].url);
		dw_days_off_fini(&c->calendar[i].found);
	}
	free(c->calendar);
	free(c->calendar_ca_file);
	dw_holidays_fini(&c->holidays);
	free(c->datadir);
	free(c);
}

/* The folder named in the file duewatch-datadir beside the program, which only a build folder has; else share/duewatch
 * of the prefix the program lies in, which a package may choose after the build. */
static char *program_datadir(void)
{
	char exe[4000], line[4000];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 32);
	char *slash;
	int fd;

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (!slash)
		return NULL;
	snprintf(slash + 1, 32, "duewatch-datadir");
	fd = open(exe, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(slash + 1, 32, "../share/duewatch/platforms");
		if (access(exe, X_OK) < 0)
			return NULL;
		slash[sizeof("../share/duewatch")] = '\0';
		return dw_strdup(exe);
	}
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return line[0] == '/' ? dw_strdup(line) : NULL;
}

char *dw_datadir(const char *arg)
{
	const char *env = getenv("DUEWATCH_DATADIR");
	char *p;

	if (!dw_empty(arg))
		return dw_strdup(arg);
	if (!dw_empty(env))
		return dw_strdup(env);
	p = program_datadir();
	return p ? p : dw_strdup(DW_DATADIR);
}

static char *absolute(const char *path)
{
	char cwd[4096];
	DW_BUF b = { 0 };

	if (path[0] != '/' && getcwd(cwd, sizeof(cwd)))
		dw_buf_printf(&b, "%s/", strcmp(cwd, "/") == 0 ? "" : cwd);
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	dw_buf_puts(&b, path);
	return dw_buf_take(&b);
}

static int start(struct conf_read *rd, const char *path, const char *datadir)
{
	struct dw_config *c = rd->c;
	const char *slash;

	c->path = absolute(path);
	c->datadir = dw_datadir(datadir);
	c->language = dw_strdup("en");
	c->state = dw_strdup("/var/lib/duewatch");
	if (!c->path || !c->datadir || !c->language || !c->state)
		return -ENOMEM;
	slash = strrchr(c->path, '/');
	rd->dir = dw_strndup(c->path, slash && slash > c->path ? (size_t)(slash - c->path) : 1);
	c->zone = &dw_zone_utc;
	c->people.default_deputy = c->people.default_manager = -1;
	c->people.working_days = DW_MON_FRI;
	c->mail.connections = 4;
	c->replies.every = 60;
	c->replies.token_days = 30;
	c->replies.bounces = true;
	c->heartbeat_every = 300;
	rd->daily_minute = 8 * 60 + 30;
	for (int i = 0; i < DW_KIND_COUNT; i++)
		if (dw_ladder_default(&c->ladder[i], (enum dw_kind)i) < 0)
			return -EINVAL;
	return rd->dir ? 0 : -ENOMEM;
}

static void read_all(struct conf_read *rd, const char *path)
{
	struct conf_file *f = conf_parse(rd, path);
	const config_setting_t *root = f ? config_root_setting(&f->tree) : NULL;

	if (root) {
		conf_group(rd, root, &conf_root_section, rd->c, NULL);
		if (!config_setting_get_member((config_setting_t *)root, "timezone"))
			conf_warn(rd, root, "timezone isn't set: UTC is used");
	}
	if (!rd->oom)
		conf_packs_read(rd, root);
	if (root && !rd->oom)
		conf_feeds_read(rd, root);
	if (root && !rd->oom)
		conf_people_defaults(rd, root);
	if (root && !rd->oom)
		conf_calendars_load(rd);
}

static void read_fini(struct conf_read *rd)
{
	conf_files_fini(rd);
	for (size_t i = 0; i < rd->n_layer; i++)
		free(rd->layer[i].name);
	free(rd->layer);
	free(rd->pack_state);
	free(rd->dir);
}

int dw_config_load(struct dw_config **out, const char *path, const char *datadir, struct dw_problems *problems,
		   struct dw_err *err)
{
	return conf_load(out, path, datadir, NULL, problems, err);
}

int conf_load(struct dw_config **out, const char *path, const char *datadir, const struct conf_live *live,
	      struct dw_problems *problems, struct dw_err *err)
{
	struct conf_read rd = { .c = dw_calloc(1, sizeof(struct dw_config)), .problems = problems, .live = live };
	size_t errors = problems->errors;
	unsigned long shortages = dw_shortages();
	int r = rd.c ? start(&rd, path, datadir) : -ENOMEM;

	if (r == 0)
		read_all(&rd, path);
	if (r == -ENOMEM || rd.oom || shortages != dw_shortages()) {
		r = dw_err_oom(err);
		dw_problems_fini(problems); /* it may be what found no memory that seems missing or empty */
	} else if (r < 0)
		dw_err_set(err, r, "a built-in ladder can't be read");
	else if (problems->errors > errors)
		r = dw_err_set(err, rd.fault ? rd.fault : -EINVAL, "%zu problem%s in the config", problems->errors - errors,
			       problems->errors - errors == 1 ? "" : "s");
	if (rd.c)
		sort_problems(rd.c, problems);
	read_fini(&rd);
	if (r < 0) {
		dw_config_free(rd.c);
		return r;
	}
	conf_prints(rd.c);
	*out = rd.c;
	return 0;
}
