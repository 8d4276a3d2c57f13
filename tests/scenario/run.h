/* One scenario being run: what runner.c and expect.c share. */
#ifndef DUEWATCH_SCENARIO_RUN_H
#define DUEWATCH_SCENARIO_RUN_H

#include "world.h"

#include <stdio.h>

enum { WORDS_MAX = 40, BLOCKS = 7 };

struct run {
	struct sc_world w;
	const char *file;
	FILE *in;
	int line;
	char *word[WORDS_MAX];
	int n;
	char *block[BLOCKS]; /* owned */
	struct sc_feed *feed;
	bool crashes, minutely;
	size_t counted; /* mails at the last `expect N` */
	char shown[200]; /* the statement, for messages */
};

/* Says what is wrong at this line, and what has come so far. Returns -EINVAL. */
int run_bad(struct run *r, const char *fmt, ...) DW_PRINTF(2, 3);
bool run_is(const struct run *r, int i, const char *word); /* the i-th word */
int run_instant(struct run *r, const char *text, dw_time *out);
int run_field_of(const char *word); /* a field by its name or short name, or -1 */
int run_expect(struct run *r);	    /* the statement `expect` */
int run_expect_nothing(struct run *r); /* every mail so far was expected */

#endif
