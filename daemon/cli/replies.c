/* cli.h, replies: what status says of the mailbox for answers, and of addresses from which mails come back. */
#include "cli.h"

enum { WELL_AFTER_S = 48 * 3600 }; /* duewatch.conf(5), REPLIES: Bounces */

struct replies {
	const char *word; /* "off", "waiting" (not looked yet), "ok", "error" */
	struct dw_mailbox_row row;
};

static int load_replies(struct cli *c, struct replies *r)
{
	char name[DW_MAILBOX_NAME];
	struct dw_err err = { "" };
	int found = 1;

	*r = (struct replies){ .word = "off", .row = { .last_success = DW_UNKNOWN, .error_since = DW_UNKNOWN } };
	if (!c->config->replies.url)
		return 0;
	dw_mailbox_name(name, &c->config->replies);
	if (c->store)
		found = dw_store_mailbox_get(c->store, name, &r->row, &err);
	if (found < 0)
		return cli_error("%s", err.text);
	r->word = r->row.error_since != DW_UNKNOWN ? "error" : r->row.last_success != DW_UNKNOWN ? "ok" : "waiting";
	return 0;
}

static json_t *replies_json(const struct replies *r)
{
	return json_pack("{s:s,s:o,s:o}", "state", r->word, "last_success", cli_json_time(r->row.last_success), "error",
			 cli_json_text(r->row.error_since != DW_UNKNOWN ? r->row.error : NULL));
}

static void replies_text(const struct cli *c, const struct replies *r, struct dw_buf *out)
{
	DW_BUF line = { 0 };

	if (strcmp(r->word, "off") == 0)
		return;
	dw_buf_printf(&line, "Answers by mail: %s", r->word);
	if (r->row.last_success != DW_UNKNOWN) {
		dw_buf_puts(&line, ", last read ");
		cli_time(&line, r->row.last_success, c->zone, c->now);
	}
	if (r->row.error_since != DW_UNKNOWN) {
		dw_buf_puts(&line, ": ");
		cli_clean(&line, r->row.error);
		cli_styled(out, c, CLI_RED, dw_buf_str(&line));
	} else
		dw_buf_puts(out, dw_buf_str(&line));
	dw_buf_putc(out, '\n');
	out->failed |= line.failed;
}

/* ---- addresses from which mails come back ---- */

struct dead {
	struct cli *c;
	json_t *list;	    /* or */
	struct dw_buf *out;
	size_t n;
};

static int on_dead(void *ctx, const struct dw_dead_row *row)
{
	struct dead *d = ctx;
	const struct dw_people *people = &d->c->config->people;
	int who = dw_people_find(people, row->address);
	DW_BUF line = { 0 };

	if (who < 0 || (row->good != DW_UNKNOWN && d->c->now - row->good >= WELL_AFTER_S))
		return 0; /* no longer anybody's, or well again */
	d->n++;
	if (d->list)
		json_array_append_new(d->list, json_pack("{s:o,s:o,s:o,s:o}", "person", cli_json_text(people->p[who].name), "address",
							 cli_json_text(row->address), "since", cli_json_time(row->since), "reason",
							 cli_json_text(row->why)));
	if (!d->out)
		return 0;
	dw_buf_printf(&line, "Mails to %s <", people->p[who].name);
	cli_clean(&line, row->address);
	dw_buf_puts(&line, "> come back since ");
	cli_time(&line, row->since, d->c->zone, d->c->now);
	dw_buf_puts(&line, ": ");
	cli_clean(&line, row->why);
	cli_styled(d->out, d->c, CLI_RED, dw_buf_str(&line));
	dw_buf_putc(d->out, '\n');
	d->out->failed |= line.failed;
	return 0;
}

static int walk_dead(struct dead *d)
{
	struct dw_err err = { "" };

	if (d->c->store && dw_store_dead_each(d->c->store, on_dead, d, &err) < 0)
		return cli_error("%s", err.text);
	return 0;
}

int cli_replies_json(struct cli *c, json_t *root)
{
	json_t *gone = json_array();
	struct dead d = { .c = c, .list = gone };
	struct replies r;
	int code = load_replies(c, &r);

	if (code == 0)
		code = walk_dead(&d);
	json_object_set_new(root, "replies", replies_json(&r));
	json_object_set_new(root, "dead_addresses", gone);
	return code;
}

int cli_replies_text(struct cli *c, struct dw_buf *out)
{
	struct dead d = { .c = c, .out = out };
	struct replies r;
	int code = load_replies(c, &r);

	if (code)
		return code;
	replies_text(c, &r, out);
	return walk_dead(&d);
}

int cli_replies_judge(struct cli *c, char error[256], size_t *dead)
{
	struct dead d = { .c = c };
	struct replies r;
	int code = load_replies(c, &r);

	error[0] = '\0';
	if (code == 0 && r.row.error_since != DW_UNKNOWN)
		memcpy(error, r.row.error, sizeof(r.row.error));
	if (code == 0)
		code = walk_dead(&d);
	*dead = d.n;
	return code;
}
