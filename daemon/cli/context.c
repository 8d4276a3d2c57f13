/* cli.h, context: what a command stands on, opened in the order that rights allow. */
#include "cli.h"
#include "duewatch/privileges.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void say_problems(const struct dw_problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		DW_BUF line = { 0 };
		DW_BUF clean = { 0 };

		if (problems->p[i].warning)
			continue;
		dw_problem_text(&line, &problems->p[i]);
		cli_clean(&clean, dw_buf_str(&line));
		fprintf(stderr, "%s\n", dw_buf_str(&clean));
	}
}

static void choose_reader(struct cli *c)
{
	c->reader = dw_people_find(&c->config->people, c->login);
	c->zone = c->reader >= 0 ? c->config->people.p[c->reader].zone : c->config->zone;
	c->colour = isatty(STDOUT_FILENO) && dw_empty(getenv("NO_COLOR")) && !dw_streq(getenv("TERM"), "dumb");
}

int cli_load_config(struct cli *c, struct dw_problems *problems, bool quiet)
{
	struct dw_err err = { "" };
	int r = dw_config_load(&c->config, c->config_path, c->datadir, problems, &err);

	if (r == 0) {
		choose_reader(c);
		return 0;
	}
	if (!quiet && r != -EINVAL)
		cli_error("%s", err.text);
	return dw_fault_passes(r) ? CLI_FAILED : CLI_USAGE;
}

static int open_store(struct cli *c, bool must, bool quiet)
{
	struct dw_err err = { "" };
	int r = dw_store_sqlite_open(&c->store, c->config->state, DW_STORE_TOOL, c->now, &err);

	if (r == -ENOENT) {
		if (must && !quiet)
			cli_error("nothing has been read yet: there is no store in %s (duewatchd makes it)", c->config->state);
		return must ? CLI_FAILED : 0;
	}
	if (r == 0)
		r = dw_engine_new(&c->engine, c->config, c->store, NULL, NULL, &err);
	if (r < 0 && !quiet)
		cli_error("%s%s", err.text, r == -EACCES ? " (as root or as the service's user it works: sudo)" : "");
	return r < 0 ? CLI_FAILED : 0;
}

static int read_password(struct cli *c)
{
	struct dw_err err = { "" };

	return dw_relays_new(&c->relays, c->config, &err) < 0 ? cli_error("%s", err.text) : 0;
}

int cli_open(struct cli *c, bool quiet)
{
	struct dw_problems problems = { 0 };
	struct dw_err err = { "" };
	unsigned needs = c->command->needs;
	int r;

	c->now = dw_clock_wall();
	if (needs & CLI_BARE)
		return 0;
	r = cli_load_config(c, &problems, quiet);
	if (r && !quiet)
		say_problems(&problems);
	dw_problems_fini(&problems);
	if (r)
		return r;
	if (needs & CLI_CONFIG)
		return 0;
	if (needs & CLI_PASSWORD && read_password(c) != 0)
		return CLI_FAILED;
	if (dw_become_owner(c->config->state, &err) < 0)
		return quiet ? CLI_FAILED : cli_error("%s", err.text);
	return needs & (CLI_STORE | CLI_STORE_MUST) ? open_store(c, needs & CLI_STORE_MUST, quiet) : 0;
}

void cli_close(struct cli *c)
{
	dw_relays_free(c->relays);
	dw_mailbox_conf_free(c->mailbox);
	dw_engine_free(c->engine);
	dw_store_close(c->store);
	dw_config_free(c->config);
}

void cli_wake(const struct cli *c)
{
	DW_BUF path = { 0 };
	int fd;

	dw_buf_printf(&path, "%s/wake", c->config->state);
	fd = path.failed ? -1 : open(path.p, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return; /* the daemon finds the change at its next look, within a minute */
	if (write(fd, "w", 1) < 0)
		cli_error("%s: %s", path.p, strerror(errno));
	close(fd);
}

/* ---- orders ---- */

struct found {
	int64_t id;
	size_t n;
	struct dw_buf names; /* "shop/2341 or 1688/2341" */
};

static int on_number(void *ctx, const struct dw_order_row *row)
{
	struct found *f = ctx;

	f->id = row->id;
	dw_buf_printf(&f->names, "%s%s/%s", f->n ? " or " : "", row->feed, row->order_id);
	return ++f->n >= 20;
}

static int not_found(struct cli *c, const char *text)
{
	enum { NEAR_SHOWN = 5 };
	char *near[NEAR_SHOWN] = { NULL };
	DW_BUF list = { 0 };
	int n = dw_store_order_near(c->store, text, near, NEAR_SHOWN, NULL);

	for (int i = 0; i < n; i++) {
		dw_buf_printf(&list, "%s%s", i ? ", " : "", near[i]);
		free(near[i]);
	}
	if (n > 0)
		return cli_error("no order %.80s; near: %s", text, dw_buf_str(&list));
	return cli_error("no order %.80s (duewatch status --all lists them)", text);
}

/* FEED/NUMBER. 0; 1: there is none, and *near holds the feeds that have the number; < 0 with err. */
static int find_in_feed(struct cli *c, const char *text, const char *slash, int64_t *id, struct found *near,
			struct dw_err *err)
{
	DW_FREE char *feed = dw_strndup(text, (size_t)(slash - text));
	struct dw_order_row row = { 0 };
	int r = feed ? dw_store_order_find(c->store, feed, slash + 1, &row, err) : dw_err_oom(err);

	if (r == 0)
		*id = row.id;
	dw_order_row_fini(&row);
	if (r <= 0)
		return r;
	r = dw_store_order_by_number(c->store, slash + 1, on_number, near, err);
	return r < 0 ? r : 1;
}

int cli_order(struct cli *c, const char *text, int64_t *id)
{
	const char *slash = strchr(text, '/');
	struct dw_err err = { "" };
	struct found f = { 0 };
	int r = slash ? find_in_feed(c, text, slash, id, &f, &err) : 1;

	/* FEED/NUMBER first: it is how every list names an order. Else a number "shop/77" would stand in for 77 of shop. */
	if (r > 0) {
		DW_BUF elsewhere = f.names;
		size_t n_elsewhere = f.n;

		f = (struct found){ 0 };
		r = dw_store_order_by_number(c->store, text, on_number, &f, &err);
		if (r >= 0 && f.n > 1)
			r = cli_error("order %.80s is in several feeds: say %s", text, dw_buf_str(&f.names));
		else if (r >= 0 && f.n == 1) {
			*id = f.id;
			r = 0;
		} else if (r >= 0)
			r = n_elsewhere ? cli_error("no order %.160s; there is %s", text, dw_buf_str(&elsewhere)) :
					  not_found(c, slash ? slash + 1 : text);
	}
	dw_buf_fini(&f.names);
	return r < 0 ? cli_error("%s", err.text) : r;
}

void cli_order_name(struct dw_buf *b, const struct dw_case *k)
{
	dw_buf_printf(b, "%s/%s", k->row.feed, k->row.order_id);
}

/* ---- people and fields ---- */

int cli_person(struct cli *c, const char *text, int *person)
{
	const struct dw_people *people = &c->config->people;
	const char *names[200], *near;
	DW_BUF list = { 0 };
	size_t n = 0;

	*person = dw_people_find(people, text);
	if (*person >= 0)
		return 0;
	for (; n < people->n && n < DW_COUNT(names); n++) {
		names[n] = people->p[n].name;
		if (list.n < 300)
			dw_buf_printf(&list, "%s%s", n ? ", " : "", names[n]);
	}
	near = dw_near(text, names, n);
	if (near)
		return cli_error("no person \"%.80s\", did you mean %s? There are: %s", text, near, dw_buf_str(&list));
	return cli_error("no person \"%.80s\"; there are: %s", text, dw_buf_str(&list));
}

int cli_field(const char *text, enum dw_field *x)
{
	const char *names[DW_FIELD_COUNT], *near;
	DW_BUF list = { 0 };
	int found = dw_field_find(text);

	if (found >= 0) {
		*x = (enum dw_field)found;
		return 0;
	}
	for (int i = 0; i < DW_FIELD_COUNT; i++) {
		names[i] = dw_fields[i].name;
		dw_buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
	}
	near = dw_near(text, names, DW_FIELD_COUNT);
	if (near)
		return cli_error("no field \"%.40s\", did you mean %s?", text, near);
	return cli_error("no field \"%.40s\"; there are: %s", text, dw_buf_str(&list));
}

int cli_whoami(struct cli *c)
{
	const char *as = cli_option(c, "as");
	int who;

	if (!as)
		return c->reader;
	return cli_person(c, as, &who) == 0 ? who : -2;
}

/* ---- steps ---- */

const struct dw_alert *cli_alert(const struct dw_case *k, enum dw_side side)
{
	for (size_t i = 0; i < k->n_alert; i++)
		if (k->alert[i].side == side)
			return &k->alert[i];
	return NULL;
}

/* The first step to come for one person that no ack covers (it covers those due up to and including its end). */
static dw_time next_for(const struct cli *c, const struct dw_case *k, enum dw_side side, int person, int *step)
{
	const struct dw_finding *f = &k->plan.finding[side];
	const struct dw_alert *a = &k->plan.alert[side];
	bool mine = a->episode != DW_EPISODE_NONE && a->kind == f->kind;
	bool acked = mine && a->ack.at != DW_UNKNOWN;
	struct dw_turn turn = dw_alert_turn(&c->config->people, person, mine ? a : NULL);
	struct dw_owed o = { .next_at = c->now };

	do
		dw_ladder_owed_by(&c->config->ladder[f->kind], &turn, mine ? a->act_by : f->act_by, f->found_at, o.next_at, &o);
	while (acked && o.next_step >= 0 && o.next_due <= a->ack.until);
	*step = o.next_step;
	return o.next_at;
}

dw_time cli_next_step(const struct cli *c, const struct dw_case *k, enum dw_side side, int *step)
{
	const struct dw_finding *f = &k->plan.finding[side];
	const struct dw_alert *a = cli_alert(k, side);
	bool mine = a && a->kind == f->kind;
	dw_time next = DW_NEVER;
	int who[DW_ROLE_COUNT];
	size_t n;

	*step = -1;
	if (f->kind == DW_NO_KIND || (mine && k->plan.alert[side].dormant) ||
	    (mine && k->plan.alert[side].ack.at != DW_UNKNOWN && k->plan.alert[side].ack.until == DW_NEVER))
		return DW_NEVER;
	n = dw_people_serving(&c->config->people, k->owner, ~0U, who);
	for (size_t i = 0; i < n; i++) {
		int one;
		dw_time at = next_for(c, k, side, who[i], &one);

		if (one >= 0 && at < next) {
			next = at;
			*step = one;
		}
	}
	return next;
}
