/* cli.h: how the relays are, as the daemon last wrote it down. */
#include "cli.h"

int cli_relays_load(const struct cli *c, struct cli_relays *out, struct dw_err *err)
{
	DW_FREE char *text = NULL;
	int r = c->store ? dw_store_meta_get(c->store, DW_RELAYS_KEY, &text, err) : 1;

	if (r < 0)
		return r;
	for (size_t i = 0; dw_config_relay(c->config, i); i++) {
		struct cli_relay *y = &out->relay[out->n++];

		y->name = dw_relay_name(c->config, i);
		if (!y->name)
			return dw_err_oom(err);
		dw_relays_parse(text, y->name, &y->health);
		out->ill += y->health.ill;
	}
	return 0;
}

void cli_relays_fini(struct cli_relays *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->relay[i].name);
	*r = (struct cli_relays){ 0 };
}

static const char *const token_words[] = { [DW_OAUTH_OK] = "ok", [DW_OAUTH_EXPIRING] = "expiring", [DW_OAUTH_GONE] = "gone" };

json_t *cli_relays_json(const struct cli_relays *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n; i++) {
		const struct dw_relay_health *h = &r->relay[i].health;

		json_array_append_new(list, json_pack("{s:o,s:s,s:o,s:o,s:o}", "name", cli_json_text(r->relay[i].name), "state",
						      h->ill ? "ill" : "ok", "since", cli_json_time(h->since), "error",
						      cli_json_text(h->ill ? h->error : NULL), "token",
						      cli_json_text(h->login ? token_words[h->token] : NULL)));
	}
	return list;
}

static void print_logins(const struct cli *c, const struct cli_relays *r, struct dw_buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct dw_relay_health *h = &r->relay[i].health;
		DW_BUF line = { 0 };

		if (!h->login || !*h->token_error)
			continue;
		dw_buf_printf(&line, "Login %s: ", h->login_name);
		cli_clean(&line, h->token_error);
		cli_styled(out, c, h->token == DW_OAUTH_GONE ? CLI_RED : CLI_YELLOW, dw_buf_str(&line));
		dw_buf_putc(out, '\n');
		out->failed |= line.failed;
	}
}

/* One relay that is well, or ill alone, is said by the outbox's own lines. */
void cli_relays_print(const struct cli *c, const struct cli_relays *r, struct dw_buf *out)
{
	struct cli_table t = { .columns = 4 };

	print_logins(c, r, out);
	if (r->n < 2)
		return;
	dw_buf_puts(out, "\nRelays\n");
	for (size_t i = 0; i < r->n; i++) {
		const struct dw_relay_health *h = &r->relay[i].health;
		DW_BUF since = { 0 };

		if (h->since != DW_UNKNOWN) {
			dw_buf_puts(&since, "since ");
			cli_time(&since, h->since, c->zone, c->now);
		}
		cli_cell(&t, CLI_PLAIN, "%s", r->relay[i].name);
		cli_cell(&t, h->ill ? CLI_RED : CLI_GREEN, "%s", h->ill ? "ill" : "ok");
		cli_cell(&t, CLI_PLAIN, "%s", dw_buf_str(&since));
		cli_cell(&t, CLI_RED, "%s", h->ill ? h->error : "");
		t.failed |= since.failed;
	}
	cli_table_print(&t, c, out, 1);
}
