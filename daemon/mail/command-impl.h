/* What command.c and command-date.c share: one line on which full-width forms are ASCII, and a cursor on it. */
#ifndef DUEWATCH_COMMAND_IMPL_H
#define DUEWATCH_COMMAND_IMPL_H

#include "duewatch/instant.h"
#include "duewatch/reply.h"

/* "tuesday": an ASCII word ends where no letter or digit follows; a Chinese one anywhere. Blanks in `word` stand for one
 * or more. Returns behind it, or NULL. */
const char *dw_cmd_word(const char *p, const char *word);
const char *dw_cmd_blanks(const char *p);

/* A day at *p, which moves behind it. 0; 1: there is none; 2: there is one, and why it doesn't count. today: a day's
 * number, INT32_MIN: not known. */
int dw_cmd_date(const char **p, int32_t today, char out[11], enum dw_why *why);
/* A span at *p: "2d", "36 hours", "two days", "两天". As dw_cmd_date. */
int dw_cmd_span(const char **p, int64_t *out, enum dw_why *why);

#endif
