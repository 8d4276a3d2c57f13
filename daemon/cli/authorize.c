/* duewatch authorize: somebody grants duewatch access to a mailbox, with a browser on any machine. What comes of it lies
 * in the state folder, where duewatchd finds it within a minute. */
#include "cli.h"
#include "duewatch/privileges.h"

#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

/* Nobody listens there: a browser that was sent there shows the address, and the code in it. Providers know it as the
 * address of a program on one's own machine (RFC 8252 §7.3). */
#define REDIRECT "http://localhost"

/* n letters of base64url: 6 bits each. */
static int random_text(char *out, size_t n)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char b[64];

	if (n > sizeof(b) || getrandom(b, n, 0) != (ssize_t)n)
		return -EIO;
	for (size_t i = 0; i < n; i++)
		out[i] = letters[b[i] & 63];
	out[n] = '\0';
	explicit_bzero(b, sizeof(b));
	return 0;
}

/* Which login: its index among them, or an exit code after saying which there are. */
static int find_login(struct cli *c, const char *name, struct dw_oauth_place *out)
{
	DW_BUF list = { 0 };

	for (size_t i = 0; dw_config_oauth(c->config, i, out); i++) {
		if (strcmp(out->name, name) == 0)
			return 0;
		dw_buf_printf(&list, "%s%s", i ? ", " : "", out->name);
	}
	return cli_error("no login by OAuth 2 is called \"%.40s\"; there %s%s", name, list.n ? "is: " : "", list.n ? dw_buf_str(&list) : "is none: see oauth in duewatch.conf(5)");
}

static int ask_line(char *line, size_t size)
{
	size_t n;

	fputs("> ", stdout);
	fflush(stdout);
	if (!fgets(line, (int)size, stdin))
		return -EIO;
	n = strlen(line);
	if (n + 1 == size && line[n - 1] != '\n')
		return -E2BIG;
	while (n > 0 && strchr(" \t\r\n", line[n - 1]))
		line[--n] = '\0';
	return 0;
}

static int by_browser(struct dw_oauth *o, struct dw_err *err)
{
	char verifier[64], state[64], line[8192];
	DW_FREE char *url = NULL;
	int r = random_text(verifier, 43);

	if (r == 0)
		r = random_text(state, 22);
	if (r < 0)
		return dw_err_set(err, r, "the kernel gave no random bytes");
	r = dw_oauth_grant_url(o, REDIRECT, verifier, state, &url, err);
	if (r < 0)
		return r;
	printf("Open this address in a browser, on any machine, and log in as the mailbox's owner:\n\n%s\n\n"
	       "After you agree, the browser is sent to an address that begins with " REDIRECT "/?code=… and shows an error: that is right.\n"
	       "Copy the whole address from its address bar and paste it here (the code alone will do):\n",
	       url);
	r = ask_line(line, sizeof(line));
	if (r < 0)
		return dw_err_set(err, r, r == -E2BIG ? "that is too long for a code or an address" : "nothing was pasted");
	r = dw_oauth_grant_code(o, REDIRECT, verifier, state, line, err);
	explicit_bzero(line, sizeof(line));
	explicit_bzero(verifier, sizeof(verifier));
	return r;
}

static int by_device(struct dw_oauth *o, struct dw_err *err)
{
	struct dw_oauth_answer a = { .verdict = DW_OAUTH_LATER };
	int r = dw_oauth_device_begin(o, &a, err);

	if (r < 0)
		return r;
	printf("Open %s in a browser, on any machine, log in as the mailbox's owner, and type this code:\n\n%s\n\n"
	       "Waiting, %lld minutes at most …\n",
	       a.verification_uri, a.user_code, (long long)(a.expires_in / 60));
	fflush(stdout);
	r = dw_oauth_device_wait(o, &a, err);
	dw_oauth_answer_fini(&a);
	return r;
}

int cli_authorize(struct cli *c)
{
	struct dw_oauth_place at;
	struct dw_oauth *o = NULL;
	struct dw_err err = { "" };
	int r = find_login(c, c->arg[0], &at);

	if (r)
		return r;
	/* with root's rights: the client's secret may be root's */
	r = dw_oauth_new(&o, at.conf, (enum dw_oauth_use)at.use, at.name, at.username, c->config->state, &err);
	if (r == 0)
		r = dw_state_folder_make(c->config->state, &err);
	if (r == 0)
		r = dw_become_owner(c->config->state, &err);
	if (r == 0)
		r = cli_option(c, "device") ? by_device(o, &err) : by_browser(o, &err);
	dw_oauth_free(o);
	if (r < 0)
		return cli_error("%s", err.text);
	printf("Access to %s is granted and stored. duewatch doctor tries it.\n", at.username ? at.username : at.name);
	cli_wake(c);
	return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}
