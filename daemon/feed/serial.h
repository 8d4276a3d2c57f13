/* Spreadsheet dates: a day count in a cell whose number format says "date" (ECMA-376 part 1, 18.17.4 and 18.8.30). */
#ifndef DUEWATCH_FEED_SERIAL_H
#define DUEWATCH_FEED_SERIAL_H

#include <stdbool.h>
#include <stddef.h>

enum { DW_SERIAL_TEXT = 24 }; /* "YYYY-MM-DD HH:MM:SS" and its NUL fit */

/* Does this number format code show a date or a time of day? Letters in quotes, after a backslash and in
 * brackets don't count; an elapsed time ([h]:mm) is a number. */
bool dw_serial_is_date_format(const char *code);

/* The formats a file needn't spell out, by id; 27-36 and 50-58 are the Chinese, Japanese and Korean ones. */
bool dw_serial_is_date_id(unsigned id);

/* Writes "YYYY-MM-DD" for a whole number, else "YYYY-MM-DD HH:MM:SS" to the nearest second. In the 1900 system
 * day 60 is 29 February 1900, which never was; below 1 it is a time of day, or the 0 a formula makes of an empty cell,
 * in both systems. NULL, or why there is no such date (static text). */
const char *dw_serial_to_text(double serial, bool date1904, char out[DW_SERIAL_TEXT]);

#endif
