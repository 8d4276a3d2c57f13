/* Any bytes as a config: no crash, no leak, errors exactly when the load fails, every problem one line of UTF-8 with a
 * file and a text, and what loads is whole. An input that begins with + follows a complete config, so values count. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "duewatch/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char good[] = "timezone = \"Asia/Shanghai\"; default_owner = \"a\"; people = ( { name = \"a\"; email = \"a@example.com\"; } );\n"
			   "mail = { transport = \"smtps://relay.example.com\"; from = \"d@example.com\"; };\n";
static const char pack[] = "name = \"generic\"; extension = \"seller\"; buyer_answer = 2; columns = ( (\"order_id\", \"Order ID\") );\n";

static char dir[] = "/tmp/duewatch-fuzz-XXXXXX", conf[64], shipped[64];

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void put(const char *path, const char *head, const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	must(f != NULL);
	fputs(head, f);
	must(fwrite(p, 1, n, f) == n);
	must(fclose(f) == 0);
}

static void clean(void)
{
	char path[96];

	unlink(conf);
	unlink(shipped);
	snprintf(path, sizeof(path), "%s/platforms", dir);
	rmdir(path);
	rmdir(dir);
}

static void set_up(void)
{
	char path[96];

	if (conf[0])
		return;
	must(mkdtemp(dir) != NULL);
	snprintf(conf, sizeof(conf), "%s/x.conf", dir);
	snprintf(path, sizeof(path), "%s/platforms", dir);
	must(mkdir(path, 0700) == 0);
	snprintf(shipped, sizeof(shipped), "%s/platforms/generic.conf", dir);
	put(shipped, "", pack, sizeof(pack) - 1);
	atexit(clean);
}

static void check_problems(const struct dw_problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		DW_BUF line = { 0 };

		dw_problem_text(&line, &p->p[i]);
		must(!dw_empty(p->p[i].file) && !dw_empty(p->p[i].text) && p->p[i].line >= 0);
		must(dw_utf8_valid(dw_buf_str(&line), line.n) && !strpbrk(dw_buf_str(&line), "\r\n"));
	}
}

static void check_config(const struct dw_config *c)
{
	must(c->people.n > 0 && (size_t)c->people.default_owner < c->people.n && c->people.n_operators > 0);
	must(c->mail.transport && c->mail.from_address && c->zone && c->state);
	must(c->mail.n_fallback < DW_RELAYS_MAX);
	for (size_t i = 0; dw_config_relay(c, i); i++) {
		const struct dw_mail_conf *m = dw_config_relay(c, i);

		must(m->transport && m->connections >= 1 && m->connections <= 16 && (i == 0 || strncmp(m->transport, "smtp", 4) == 0));
		must(!m->oauth || (m->username && !m->password_file && m->oauth->client_id && m->oauth->token_url));
	}
	for (size_t i = 0; i < c->people.n; i++)
		must(c->people.p[i].name && c->people.p[i].email && c->people.p[i].zone && c->people.p[i].deputy < (int)c->people.n);
	for (size_t i = 0; i < c->n_feeds; i++) {
		const struct dw_feed_conf *f = &c->feeds[i];

		must(f->name && f->type && f->path && f->path[0] == '/' && f->pack && f->zone);
		must(f->every >= 1 && f->every <= 7 * DW_DAY && f->stale_after > 0 && f->at.file);
		must(dw_config_feed(c, f->name) == f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dw_problems p = { 0 };
	DW_CLEANUP(dw_config_freep) struct dw_config *c = NULL;
	struct dw_err err = { "" };
	bool after = size > 0 && data[0] == '+';
	int r;

	set_up();
	put(conf, after ? good : "", data + after, size - after);
	r = dw_config_load(&c, conf, dir, &p, &err);
	must(r == 0 || r == -EINVAL);
	must((r == 0) == (c != NULL) && (r == 0) == (p.errors == 0));
	check_problems(&p);
	if (c)
		check_config(c);
	dw_problems_fini(&p);
	return 0;
}
