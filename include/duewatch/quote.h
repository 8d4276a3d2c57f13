/* Somebody else's text inside our error messages. */
#ifndef DUEWATCH_QUOTE_H
#define DUEWATCH_QUOTE_H

#include <stddef.h>

enum { DW_QUOTE_SIZE = 64 };

/* Copies text for show: control characters and what isn't UTF-8 become '?', over-long text ends in "…".
 * text may be NULL (shown as empty). Returns out. */
const char *dw_quote(char out[DW_QUOTE_SIZE], const char *text);

/* For a log or a terminal, in place: control characters become blanks; C1 controls, what turns the direction of the text
 * or can't be seen, and what isn't UTF-8 become '?'. */
void dw_quote_line(char *line);

/* One field's value in a log line of name=value: what would end it or begin another (blanks, quotes, '=', ',') and
 * controls become '_'. text may be NULL (shown as "-"). Over-long text is cut. Returns out. */
enum { DW_WORD_SIZE = 80 };
const char *dw_quote_word(char out[DW_WORD_SIZE], const char *text);

#endif
