/* cli.h, format: what a person sees, aligned, in their zone, and never obeyed by the terminal. */
#include "cli.h"
#include "duewatch/money.h"

#include <stdio.h>

/* ---- text ---- */

/* Length of a terminal's escape sequence at s (which begins with ESC). */
static size_t escape_length(const char *s)
{
	size_t n = 2;

	if (s[1] == '[') {
		while (s[n] >= 0x20 && s[n] < 0x40)
			n++;
		return s[n] ? n + 1 : n;
	}
	if (s[1] == ']' || s[1] == 'P' || s[1] == '_' || s[1] == '^') {
		while (s[n] && s[n] != '\a' && s[n] != '\033')
			n++;
		if (s[n] == '\033' && s[n + 1] == '\\')
			return n + 2;
		return s[n] == '\a' ? n + 1 : n;
	}
	return s[1] ? 2 : 1;
}

static uint32_t decode(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	switch (n) {
	case 2:
		return (uint32_t)(u[0] & 0x1F) << 6 | (u[1] & 0x3F);
	case 3:
		return (uint32_t)(u[0] & 0x0F) << 12 | (uint32_t)(u[1] & 0x3F) << 6 | (u[2] & 0x3F);
	case 4:
		return (uint32_t)(u[0] & 0x07) << 18 | (uint32_t)(u[1] & 0x3F) << 12 | (uint32_t)(u[2] & 0x3F) << 6 |
		       (u[3] & 0x3F);
	default:
		return u[0];
	}
}

/* Controls of C1, and what turns the text's direction or can't be seen. */
static bool hidden(uint32_t cp)
{
	return (cp >= 0x80 && cp < 0xA0) || (cp >= 0x200B && cp <= 0x200F) || (cp >= 0x2028 && cp <= 0x202E) ||
	       (cp >= 0x2060 && cp <= 0x206F) || cp == 0xFEFF || (cp >= 0xE0000 && cp <= 0xE007F);
}

void cli_clean(struct dw_buf *b, const char *s)
{
	size_t left = s ? strlen(s) : 0, n;

	for (; left > 0; s += n, left -= n) {
		n = dw_utf8_seq(s, left);
		if (*s == '\033') {
			n = escape_length(s);
			n = n < left ? n : left;
		} else if (n == 0) {
			n = 1;
			dw_buf_putc(b, '?');
		} else if (*s == '\n' || *s == '\r' || *s == '\t')
			dw_buf_putc(b, ' ');
		else if (n == 1 && ((unsigned char)*s < 0x20 || *s == 0x7F))
			;
		else if (!hidden(decode(s, n)))
			dw_buf_add(b, s, n);
	}
}

static int columns_of(uint32_t cp)
{
	static const uint32_t wide[][2] = {
		{ 0x1100, 0x115F }, { 0x2E80, 0x303E }, { 0x3041, 0x33FF }, { 0x3400, 0x4DBF },	  { 0x4E00, 0x9FFF },
		{ 0xA000, 0xA4CF }, { 0xAC00, 0xD7A3 }, { 0xF900, 0xFAFF }, { 0xFE30, 0xFE6F },	  { 0xFF00, 0xFF60 },
		{ 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1F64F }, { 0x1F900, 0x1F9FF }, { 0x20000, 0x3FFFD },
	};

	if ((cp >= 0x300 && cp <= 0x36F) || (cp >= 0x20D0 && cp <= 0x20FF) || (cp >= 0xFE00 && cp <= 0xFE0F) ||
	    (cp >= 0x302A && cp <= 0x302D) || hidden(cp))
		return 0;
	for (size_t i = 0; i < DW_COUNT(wide); i++)
		if (cp >= wide[i][0] && cp <= wide[i][1])
			return 2;
	return 1;
}

size_t cli_width(const char *s)
{
	size_t left = strlen(s), w = 0, n;

	for (; left > 0; s += n, left -= n) {
		n = dw_utf8_seq(s, left);
		w += n ? (size_t)columns_of(decode(s, n)) : 1;
		n = n ? n : 1;
	}
	return w;
}

void cli_clip(struct dw_buf *b, const char *s, size_t width)
{
	DW_BUF clean = { 0 };
	size_t w = 0, n;
	const char *p;

	cli_clean(&clean, s);
	p = dw_buf_str(&clean);
	if (cli_width(p) <= width) {
		dw_buf_puts(b, p);
		return;
	}
	for (; *p; p += n) {
		n = dw_utf8_seq(p, strlen(p));
		w += (size_t)columns_of(decode(p, n));
		if (w >= width)
			break;
		dw_buf_add(b, p, n);
	}
	dw_buf_puts(b, "…");
}

static const char *const style_codes[] = { "", "\033[1m", "\033[2m", "\033[31m", "\033[33m", "\033[32m" };

void cli_styled(struct dw_buf *b, const struct cli *c, enum cli_style style, const char *text)
{
	bool on = c->colour && style != CLI_PLAIN;

	dw_buf_puts(b, on ? style_codes[style] : "");
	cli_clean(b, text);
	dw_buf_puts(b, on ? "\033[0m" : "");
}

/* ---- times ---- */

static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static bool no_time(struct dw_buf *b, dw_time t)
{
	if (t == DW_UNKNOWN)
		dw_buf_puts(b, "unknown");
	else if (t == DW_NEVER)
		dw_buf_puts(b, "never");
	return t == DW_UNKNOWN || t == DW_NEVER;
}

enum { YEAR_SHOWN_S = 300 * 86400 };

void cli_time(struct dw_buf *b, dw_time t, const struct dw_zone *z, dw_time now)
{
	struct dw_civil v;

	if (no_time(b, t))
		return;
	dw_zone_civil(z, t, &v);
	dw_buf_printf(b, "%s %d %s", days[v.weekday], v.day, months[v.month - 1]);
	if (t > now + YEAR_SHOWN_S || t < now - YEAR_SHOWN_S)
		dw_buf_printf(b, " %d", v.year);
	dw_buf_printf(b, " %02d:%02d", v.hour, v.minute);
}

void cli_time_full(struct dw_buf *b, dw_time t, const struct dw_zone *z)
{
	struct dw_civil v;

	if (no_time(b, t))
		return;
	dw_zone_civil(z, t, &v);
	dw_buf_printf(b, "%s %d %s %d %02d:%02d:%02d %s", days[v.weekday], v.day, months[v.month - 1], v.year, v.hour,
		      v.minute, v.second, v.abbrev);
}

void cli_time_both(struct dw_buf *b, const struct cli *c, dw_time t, const struct dw_zone *platform)
{
	struct dw_civil ours, theirs;

	cli_time(b, t, c->zone, c->now);
	if (t == DW_UNKNOWN || t == DW_NEVER || !platform)
		return;
	dw_zone_civil(c->zone, t, &ours);
	dw_zone_civil(platform, t, &theirs);
	if (ours.offset == theirs.offset)
		return;
	dw_buf_puts(b, " (");
	cli_time(b, t, platform, c->now);
	dw_buf_printf(b, " %s)", theirs.abbrev);
}

void cli_span(struct dw_buf *b, int64_t seconds)
{
	int64_t s = seconds < 0 ? -seconds : seconds;

	if (s >= 10 * DW_DAY)
		dw_buf_printf(b, "%lldd", (long long)(s / DW_DAY));
	else if (s >= DW_DAY)
		dw_buf_printf(b, "%lldd %lldh", (long long)(s / DW_DAY), (long long)(s % DW_DAY / 3600));
	else if (s >= 3600)
		dw_buf_printf(b, "%lldh %lldm", (long long)(s / 3600), (long long)(s % 3600 / 60));
	else if (s >= 60)
		dw_buf_printf(b, "%lldm", (long long)(s / 60));
	else
		dw_buf_printf(b, "%llds", (long long)s);
}

void cli_amount(struct dw_buf *b, const struct dw_facts *f)
{
	const char *currency = dw_text(f, DW_F_CURRENCY);
	char text[48];

	if (!dw_has(f, DW_F_AMOUNT))
		return;
	dw_money_text(text, f->num[DW_F_AMOUNT], currency, true);
	if (currency)
		dw_buf_printf(b, "%s ", currency);
	dw_buf_puts(b, text);
}

/* ---- tables ---- */

void cli_cell(struct cli_table *t, enum cli_style style, const char *fmt, ...)
{
	DW_BUF clean = { 0 };
	DW_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	cli_clean(&clean, text);
	if (!text || dw_grow(&t->cell, &t->cap, t->n + 1, sizeof(*t->cell)) < 0) {
		t->failed = true;
		return;
	}
	t->cell[t->n] = (struct cli_cell){ .text = dw_buf_take(&clean), .style = style };
	t->failed |= !t->cell[t->n].text;
	t->n++;
}

static void print_row(const struct cli_table *t, size_t at, const size_t *width, const struct cli *c, struct dw_buf *out,
		      int indent)
{
	size_t last = t->columns;

	while (last > 0 && !*t->cell[at + last - 1].text)
		last--;
	dw_buf_printf(out, "%*s", indent, "");
	for (size_t i = 0; i < last; i++) {
		const struct cli_cell *cell = &t->cell[at + i];

		cli_styled(out, c, cell->style, cell->text);
		if (i + 1 < last)
			dw_buf_printf(out, "%*s", (int)(width[i] - cli_width(cell->text)) + 2, "");
	}
	dw_buf_putc(out, '\n');
}

void cli_table_print(struct cli_table *t, const struct cli *c, struct dw_buf *out, int indent)
{
	size_t width[CLI_COLUMNS_MAX] = { 0 };

	for (size_t i = 0; !t->failed && i < t->n; i++) {
		size_t w = cli_width(t->cell[i].text);

		if (w > width[i % t->columns])
			width[i % t->columns] = w;
	}
	for (size_t i = 0; !t->failed && i + t->columns <= t->n; i += t->columns)
		print_row(t, i, width, c, out, indent);
	out->failed |= t->failed;
	for (size_t i = 0; i < t->n; i++)
		free(t->cell[i].text);
	free(t->cell);
	*t = (struct cli_table){ .columns = t->columns };
}

/* ---- output ---- */

int cli_print(struct dw_buf *b)
{
	if (b->failed || dw_shortages() > 0)
		return cli_error("out of memory");
	if (fwrite(dw_buf_str(b), 1, b->n, stdout) != b->n || fflush(stdout) != 0)
		return cli_error("can't write: %s", strerror(errno));
	return CLI_OK;
}

json_t *cli_json_time(dw_time t)
{
	char text[32];

	if (t == DW_UNKNOWN || t == DW_NEVER)
		return json_null();
	dw_instant_rfc3339(text, t);
	return json_string(text);
}

json_t *cli_json_text(const char *s)
{
	DW_BUF clean = { 0 };

	if (!s)
		return json_null();
	if (dw_utf8_valid(s, strlen(s)))
		return json_string(s);
	cli_clean(&clean, s);
	return clean.failed ? NULL : json_string(dw_buf_str(&clean));
}

int cli_json_print(json_t *root)
{
	DW_FREE char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	DW_BUF b = { 0 };

	json_decref(root);
	if (!text)
		return cli_error("out of memory");
	dw_buf_puts(&b, text);
	dw_buf_putc(&b, '\n');
	return cli_print(&b);
}
