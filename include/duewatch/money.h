/* Amounts: exact, as whole minor units (cents), never a float (rules.md §2, `amount`, `currency`). */
#ifndef DUEWATCH_MONEY_H
#define DUEWATCH_MONEY_H

#include "duewatch/base.h"

/* Decimals of a currency by ISO 4217: 0 for JPY, 3 for KWD, 2 for most; -1 for a code that isn't one (capitals). */
int dw_currency_exponent(const char *iso4217);

/* Reads "1,293.70", "USD 1,293.70", "1293.70 usd", "US$1,293.70", "¥1293", "1293.7000", "1.293,70", "1 293,70",
 * "12,34,567.00". currency_hint: the row's currency column ("USD", "usd", "RMB", "$"), or NULL or empty.
 * - A comma followed by exactly three digits groups; a lone point with one to three digits before it and exactly
 *   three after it is refused, unless the currency has three decimals: nobody knows whether it groups.
 * - Decimals past the currency's must be zeros. No currency known: two decimals, currency = "".
 * - A sign that several currencies share follows the hint; without one "$" is USD and "¥" CNY.
 * Returns 0; 1 if empty or "-" (outputs untouched); -EINVAL: not an amount, negative, too large (over 15 digits
 * before the point), an unknown currency, or text and hint naming two currencies. */
int dw_money_parse(int64_t *minor, char currency[4], const char *text, const char *currency_hint, struct dw_err *err);

/* "1293.70", grouped "12,400.00": the number only. Exponent by the currency; unknown or NULL: 2. */
void dw_money_text(char out[48], int64_t minor, const char *currency, bool grouped);

/* percent (0 to 100) of an amount (>= 0), to the nearest minor unit, a half up: what a refund in part costs. Exact. */
int64_t dw_money_percent(int64_t minor, int percent);

#endif
