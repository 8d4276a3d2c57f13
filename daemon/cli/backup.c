/* duewatch backup: the store as of one instant, into a new file, while the daemon goes on. */
#include "cli.h"

#include <stdio.h>
#include <sys/stat.h>

int cli_backup(struct cli *c)
{
	const char *path = c->arg[0];
	struct dw_err err = { "" };
	struct stat st;
	int r = dw_store_backup(c->store, path, &err);

	if (r == -EROFS)
		return cli_error("%s (root's rights are given up for this: choose a folder that the owner of %s may write)",
				 err.text, c->config->state);
	if (r < 0)
		return cli_error("%s", err.text);
	if (stat(path, &st) == 0)
		printf("%s: %lld bytes, checked\n", path, (long long)st.st_size);
	return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}
