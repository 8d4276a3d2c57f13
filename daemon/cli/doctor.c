/* doctor.h: the list of checks, and how each is said. Exit 0: all well, 1: warnings, 2: something fails. */
#include "doctor.h"
#include "duewatch/privileges.h"

#include <stdio.h>

void exam_say(struct exam *x, enum mark mark, const char *todo, const char *fmt, ...)
{
	static const char *const words[MARK_COUNT] = { "ok  ", "warn", "FAIL" };
	static const enum cli_style style[MARK_COUNT] = { CLI_GREEN, CLI_YELLOW, CLI_RED };
	DW_BUF out = { 0 };
	char text[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	x->n[mark]++;
	cli_styled(&out, x->c, style[mark], words[mark]);
	dw_buf_printf(&out, "  %-10s ", x->check);
	cli_clean(&out, text);
	dw_buf_putc(&out, '\n');
	if (todo && mark != MARK_OK) {
		dw_buf_printf(&out, "%*s-> ", 17, "");
		cli_clean(&out, todo);
		dw_buf_putc(&out, '\n');
	}
	cli_print(&out);
}

/* ---- config ---- */

static void say_problems(struct exam *x, const struct dw_problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		DW_BUF line = { 0 };

		if (p->p[i].line > 0)
			dw_buf_printf(&line, "%s:%d: %s", p->p[i].file, p->p[i].line, p->p[i].text);
		else
			dw_buf_printf(&line, "%s: %s", p->p[i].file, p->p[i].text);
		exam_say(x, p->p[i].warning ? MARK_WARN : MARK_FAIL, NULL, "%s", dw_buf_str(&line));
	}
}

static void exam_config(struct exam *x)
{
	struct cli *c = x->c;
	struct dw_problems p = { 0 };
	int r = cli_load_config(c, &p, false);

	say_problems(x, &p);
	if (r) {
		x->stop = true;
		if (p.errors == 0)
			exam_say(x, MARK_FAIL, "mend it; duewatch check says more", "%s can't be used", c->config_path);
	} else
		exam_say(x, MARK_OK, NULL, "%s: %zu feeds, %zu people", c->config->path, c->config->n_feeds,
			 c->config->people.n);
	dw_problems_fini(&p);
}

/* Templates, the password's file and its mode, certificates, paths. As whoever started us: root may read them all. */
static void exam_files(struct exam *x)
{
	struct dw_problems p = { 0 };

	if (dw_config_check_files(x->c->config, &p) < 0)
		exam_say(x, MARK_FAIL, NULL, "out of memory");
	say_problems(x, &p);
	if (p.n == 0)
		exam_say(x, MARK_OK, NULL, "the files the config names are there%s",
			 x->c->config->mail.password_file ? "; the password's file is closed to others" : "");
	dw_problems_fini(&p);
}

/* The password while we have root's rights, everything else with the service's: privileges.h. */
static void exam_rights(struct exam *x)
{
	struct cli *c = x->c;
	struct dw_err err = { "" };
	DW_FREE char *decided = NULL;

	x->secret = dw_relays_new(&c->relays, c->config, &x->secret_err);
	x->box = dw_mailbox_conf_new(&c->mailbox, c->config, &x->box_err);
	x->decided = DW_UNKNOWN;
	if (dw_become_owner(c->config->state, &err) < 0) {
		exam_say(x, MARK_FAIL, NULL, "%s", err.text);
		x->stop = true;
		return;
	}
	x->store = dw_store_sqlite_open(&c->store, c->config->state, DW_STORE_TOOL, c->now, &x->store_err);
	if (x->store == 0)
		x->store = dw_engine_new(&c->engine, c->config, c->store, NULL, NULL, &x->store_err);
	if (x->store == 0 && dw_store_meta_get(c->store, "decided_at", &decided, NULL) == 0)
		x->decided = strtoll(decided, NULL, 10);
}

static const struct {
	const char *name;
	void (*look)(struct exam *x);
} checks[] = {
	{ "config", exam_config }, { "files", exam_files },	{ "rights", exam_rights },
	{ "state", exam_state },   { "disk", exam_disk },	{ "store", exam_store },
	{ "daemon", exam_daemon }, { "zones", exam_zones },	{ "feeds", exam_feeds },
	{ "watches", exam_watches }, { "outbox", exam_outbox }, { "relay", exam_relay },
	{ "mailbox", exam_mailbox },
	{ "clock", exam_clock },   { "metrics", exam_metrics }, { "heartbeat", exam_heartbeat },
};

int cli_doctor(struct cli *c)
{
	struct exam x = { .c = c };

	for (size_t i = 0; i < DW_COUNT(checks) && !x.stop; i++) {
		x.check = checks[i].name;
		checks[i].look(&x);
	}
	printf("%s%zu ok, %zu to look at, %zu wrong\n", x.stop ? "The rest can't be looked at. " : "", x.n[MARK_OK],
	       x.n[MARK_WARN], x.n[MARK_FAIL]);
	if (fflush(stdout) != 0)
		return 2;
	return x.n[MARK_FAIL] ? 2 : x.n[MARK_WARN] ? 1 : 0;
}
