/* duewatchd: arguments and exit codes. */
#include "duewatch/daemon.h"
#include "duewatch/net.h"
#include "duewatch/privileges.h"

#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

static const char usage[] =
	"usage: duewatchd [-c FILE] [-D DIR] [-t | --once] [-v]\n"
	"\n"
	"Watches orders' ship dates and the platform's timers, and mails who must act in time.\n"
	"\n"
	"  -c, --config FILE   the configuration (default " DW_SYSCONFDIR "/duewatch.conf)\n"
	"  -D, --datadir DIR   rule packs and mail templates\n"
	"  -t, --test          check the configuration and all it names, then exit (0 fine, 2 not)\n"
	"      --once          read every feed once, decide, deliver what is due, exit\n"
	"  -v, --verbose       say more in the log\n"
	"      --version\n"
	"  -h, --help\n";

enum { OPT_ONCE = 256, OPT_VERSION };

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' }, { "datadir", required_argument, NULL, 'D' },
		{ "test", no_argument, NULL, 't' },	    { "once", no_argument, NULL, OPT_ONCE },
		{ "verbose", no_argument, NULL, 'v' },	    { "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, 'h' },	    { 0 },
	};
	struct dw_daemon_opts opts = { .config = DW_SYSCONFDIR "/duewatch.conf" };
	bool test = false, once = false;
	int c;

	dw_environment_trim();
	json_set_alloc_funcs(dw_malloc, dw_wipe_free); /* what it drops for lack of memory is a shortage, too */
	while ((c = getopt_long(argc, argv, "c:D:tvh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			opts.config = optarg;
			break;
		case 'D':
			opts.datadir = optarg;
			break;
		case 't':
			test = true;
			break;
		case OPT_ONCE:
			once = true;
			break;
		case 'v':
			opts.verbose = true;
			break;
		case OPT_VERSION:
			printf("duewatchd " DW_VERSION "\n");
			return 0;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc || (test && once)) {
		fputs(usage, stderr);
		return 2;
	}
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	dw_log_init(opts.verbose);
	return test ? dw_check_run(&opts) : once ? dw_once_run(&opts) : dw_daemon_run(&opts);
}
