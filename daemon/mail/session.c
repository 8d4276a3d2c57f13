/* What an SMTP session says, kept for three readers: the verdict (stage and last answer), the log (the answer's words)
 * and the person at test-mail (all lines, what AUTH carries masked before it is kept). */
#include "transport-impl.h"

#include <strings.h>

enum {
	LINE_MAX_KEPT = 1024,	   /* of one line; libcurl hands over up to 16 KiB */
	ANSWER_MAX_KEPT = 2048,	   /* of one answer's words */
	ANSWER_MAX = 64 * 1024,	   /* an answer longer than that is an attack */
	LINES_MAX = 32 * 1024 - 64, /* and a last remark */
};

void dw_session_fini(struct dw_session *s)
{
	dw_buf_fini(&s->answer);
	dw_buf_fini(&s->lines);
}

void dw_session_begin(struct dw_session *s, bool keep_lines)
{
	s->stage = DW_AT_CONNECT;
	s->verb[0] = '\0';
	s->auth = s->quit = s->open = false;
	s->code = 0;
	s->answer_size = 0;
	dw_buf_reset(&s->answer);
	if (!keep_lines) {
		dw_buf_reset(&s->lines);
		s->full = false;
	}
}

static void keep(struct dw_session *s, const char *mark, const char *line, size_t n)
{
	size_t before = s->lines.n;

	if (s->full)
		return;
	dw_buf_puts(&s->lines, mark);
	dw_transport_scrub(&s->lines, s->secrets, line, n, LINE_MAX_KEPT);
	dw_buf_putc(&s->lines, '\n');
	if (s->lines.n <= LINES_MAX || s->lines.failed)
		return;
	s->lines.n = before;
	dw_buf_puts(&s->lines, "* the rest is left out\n");
	s->full = true;
}

void dw_session_note(struct dw_session *s, const char *text, size_t n)
{
	keep(s, "* ", text, n);
}

static const struct {
	const char *verb;
	enum dw_stage stage;
} commands[] = {
	{ "EHLO", DW_AT_CONNECT }, { "HELO", DW_AT_CONNECT }, { "STARTTLS", DW_AT_TLS }, { "AUTH", DW_AT_AUTH },
	{ "MAIL", DW_AT_MAIL },	   { "RCPT", DW_AT_RCPT },    { "DATA", DW_AT_DATA },
};

static void command(struct dw_session *s, const char *line, size_t n)
{
	size_t len = 0;

	while (len < n && len + 1 < sizeof(s->verb) && line[len] != ' ' && line[len] != '\r' && line[len] != '\n')
		len++;
	memcpy(s->verb, line, len);
	s->verb[len] = '\0';
	for (size_t i = 0; i < DW_COUNT(commands); i++)
		if (strcasecmp(commands[i].verb, s->verb) == 0)
			s->stage = commands[i].stage;
	s->auth = strcasecmp(s->verb, "AUTH") == 0;
	if (!s->auth) {
		keep(s, "> ", line, n);
		return;
	}
	/* "AUTH PLAIN AGFsaWNl…": the mechanism may be seen */
	while (len < n && line[len] == ' ')
		len++;
	while (len < n && line[len] != ' ' && line[len] != '\r' && line[len] != '\n')
		len++;
	keep(s, "> ", line, len);
}

static bool is_quit(const char *line, size_t n)
{
	return n == 6 && memcmp(line, "QUIT\r\n", 6) == 0;
}

void dw_session_out(struct dw_session *s, const char *line, size_t n)
{
	if (is_quit(line, n)) { /* the mail's own last answer stays */
		s->quit = true;
		s->auth = false;
		keep(s, "> ", line, n);
		return;
	}
	s->open = false;
	s->answer_size = 0;
	if (n < 4 || memcmp(line, "HELO", 4) != 0) { /* libcurl's second try: the words that refused EHLO stay */
		s->code = 0;
		dw_buf_reset(&s->answer);
	}
	if (s->auth) /* between AUTH and its last answer everything of ours is a secret */
		keep(s, "> ", "***", 3);
	else
		command(s, line, n);
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Of "550-5.1.1 words" the part that an earlier line of the same answer hasn't said: "words". */
static void join(struct dw_session *s, const char *line, size_t n)
{
	const char *have = dw_buf_str(&s->answer);
	size_t skip = 0;

	if (s->answer.n > 4) {
		const char *end = strchr(have + 4, ' ');
		size_t code = end ? (size_t)(end - have) : s->answer.n;

		skip = 4;
		if (digit(have[4]) && n > code && memcmp(line + 4, have + 4, code - 4) == 0 && line[code] == ' ')
			skip = code + 1;
	}
	if (s->answer.n > 0 && n > skip)
		dw_buf_putc(&s->answer, ' ');
	if (n > skip)
		dw_transport_scrub(&s->answer, s->secrets, line + skip, n - skip, ANSWER_MAX_KEPT);
	if (skip == 0 && s->answer.n > 3 && s->answer.p[3] == '-')
		s->answer.p[3] = ' ';
}

bool dw_session_in(struct dw_session *s, const char *line, size_t n)
{
	bool coded, last, challenge;

	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	coded = n >= 3 && digit(line[0]) && digit(line[1]) && digit(line[2]) &&
		(n == 3 || line[3] == ' ' || line[3] == '-');
	last = coded && (n == 3 || line[3] == ' ');
	challenge = s->auth && coded && memcmp(line, "334", 3) == 0;
	if (challenge)
		keep(s, "< ", "334 ***", 7);
	else
		keep(s, "< ", line, n);
	if (s->quit)
		return true;
	if (!s->open) {
		s->open = true;
		s->code = 0;
		s->answer_size = 0;
		dw_buf_reset(&s->answer);
	}
	s->answer_size += n + 2;
	if (coded && !challenge && s->answer.n < ANSWER_MAX_KEPT)
		join(s, line, n);
	if (last) {
		s->open = false;
		s->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
		s->auth = s->auth && s->code == 334;
	}
	return s->answer_size <= ANSWER_MAX;
}
