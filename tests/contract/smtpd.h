/* A scripted relay (tests/integration/smtpd.py) as a child process: orders go in by its stdin, everything said comes
 * out of its stdout. Nothing sleeps: the relay says what it is doing, and the test waits for it. */
#ifndef DUEWATCH_TESTS_SMTPD_H
#define DUEWATCH_TESTS_SMTPD_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct relay {
	pid_t pid;
	int in;
	FILE *out;
	char port[16];
	int mails; /* accepted, as far as its words were read */
};

static void relay_start(struct relay *r, const char *const *more)
{
	const char *argv[40] = { "/usr/bin/python3", DW_SOURCE_DIR "/tests/integration/smtpd.py", "--events", "--stdin" };
	int to[2], from[2], n = 4;

	for (; *more; more++)
		argv[n++] = *more;
	r->mails = 0;
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	r->pid = fork();
	if (r->pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	r->in = to[1];
	r->out = fdopen(from[0], "r");
	assert_non_null(fgets(r->port, sizeof(r->port), r->out));
	r->port[strcspn(r->port, "\n")] = '\0';
}

static void relay_stop(struct relay *r)
{
	char line[256];
	int status;

	close(r->in);
	while (fgets(line, sizeof(line), r->out))
		;
	fclose(r->out);
	waitpid(r->pid, &status, 0);
}

/* Blocks until the relay reports a line that holds text. */
static void relay_wait(struct relay *r, const char *text)
{
	char line[4096];

	while (fgets(line, sizeof(line), r->out)) {
		r->mails += strncmp(line, "mail ", 5) == 0;
		if (strstr(line, text))
			return;
	}
	fail_msg("the relay ended before: %s", text);
}

/* "on STAGE ACTION", "once STAGE ACTION", "plain": done when this returns. */
static void relay_order(struct relay *r, const char *text)
{
	char done[512];

	assert_true(dprintf(r->in, "%s\n", text) > 0);
	snprintf(done, sizeof(done), "done %s", text);
	relay_wait(r, done);
}

#endif
