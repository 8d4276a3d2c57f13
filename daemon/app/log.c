/* daemon.h: logging. */
#include "duewatch/daemon.h"
#include "duewatch/quote.h"

#include <stdio.h>
#include <unistd.h>

static bool log_verbose, log_journal;

void dw_log_init(bool verbose)
{
	log_verbose = verbose;
	log_journal = getenv("JOURNAL_STREAM") != NULL;
}

void dw_log_line(void *ctx, int priority, const char *line)
{
	char out[1400];
	int n;

	(void)ctx;
	if (priority > 6 && !log_verbose)
		return;
	if (log_journal)
		n = snprintf(out, sizeof(out), "<%d>%s\n", priority, line);
	else
		n = snprintf(out, sizeof(out), "%s%s\n", priority <= 3 ? "error: " : priority == 4 ? "warning: " : "", line);
	if (n >= (int)sizeof(out)) {
		n = sizeof(out) - 1;
		out[n - 1] = '\n';
	}
	/* one write, so that lines of several threads don't mix; a log that can't be written stops nothing */
	if (write(STDERR_FILENO, out, (size_t)n) < 0)
		return;
}

void dw_log(int priority, const char *fmt, ...)
{
	char line[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	dw_quote_line(line);
	dw_log_line(NULL, priority, line);
}
