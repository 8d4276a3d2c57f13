/* reply.h: a whole mail. First whether a person wrote it at all, then what of it is the person's, then what it says. */
#include "compose-impl.h"
#include "reply-impl.h"

enum {
	NESTING_HINTS = 200,	/* "boundary" or "message/" in the bytes: more is a bomb, not a mail */
	HEADER_MAX = 64 * 1024, /* bytes of all fields: ids, addresses and words are looked at again and again in there */
};

void dw_inbound_fini(struct dw_inbound *in)
{
	free(in->message_id);
	free(in->from);
	free(in->subject);
	for (size_t i = 0; i < in->n_ref; i++)
		free(in->ref[i]);
	free(in->token);
	free(in->rest);
	free(in->recipient);
	free(in->diagnostic);
	free(in->envelope);
	*in = (struct dw_inbound){ .kind = DW_IN_BROKEN };
}

/* ---- the parts ---- */

struct walk {
	struct dw_inbound *out;
	int parts;
	bool calendar_reply;
	struct dw_buf text, html;   /* the first that say anything */
	struct dw_buf status;	    /* a delivery-status part */
};

static bool is_type(GMimeObject *o, const char *type, const char *subtype)
{
	return g_mime_content_type_is_type(g_mime_object_get_content_type(o), type, subtype);
}

static bool is_blank(const char *s)
{
	for (; *s; s++)
		if (strncmp(s, "\xC2\xA0", 2) == 0) /* a no-break space */
			s++;
		else if (!strchr(" \t\r\n", *s))
			return false;
	return true;
}

/* The decoded content, at most DW_IN_TEXT_MAX of it, as UTF-8. */
static void content(struct dw_buf *out, GMimeObject *o, const char *charset)
{
	GMimeDataWrapper *data = GMIME_IS_PART(o) ? g_mime_part_get_content(GMIME_PART(o)) : NULL;
	GMimeStream *stream;
	GByteArray *bytes;

	if (!data)
		return;
	stream = g_mime_stream_mem_new();
	if (g_mime_data_wrapper_write_to_stream(data, stream) >= 0) {
		bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
		if (bytes->len)
			dw_reply_decode(out, (const char *)bytes->data, bytes->len, charset);
	}
	g_object_unref(stream);
}

static void take_plain(struct walk *w, GMimeObject *o)
{
	const char *format = g_mime_object_get_content_type_parameter(o, "format");
	const char *delsp = g_mime_object_get_content_type_parameter(o, "delsp");
	DW_BUF raw = { 0 };

	if (w->text.n)
		return;
	content(&raw, o, g_mime_object_get_content_type_parameter(o, "charset"));
	if (is_blank(dw_buf_str(&raw)))
		return;
	if (format && g_ascii_strcasecmp(format, "flowed") == 0)
		dw_reply_unflow(&w->text, dw_buf_str(&raw), delsp && g_ascii_strcasecmp(delsp, "yes") == 0);
	else
		dw_buf_add(&w->text, dw_buf_str(&raw), raw.n);
	w->text.failed |= raw.failed;
}

/* A file, whatever else it is called: "inline" is how some programs send notes.txt beside what the person wrote. */
static bool is_attachment(GMimeObject *o)
{
	GMimeContentDisposition *d = g_mime_object_get_content_disposition(o);

	return (d && g_ascii_strcasecmp(g_mime_content_disposition_get_disposition(d), "attachment") == 0) ||
	       (GMIME_IS_PART(o) && g_mime_part_get_filename(GMIME_PART(o)));
}

static void take_leaf(struct walk *w, GMimeObject *o)
{
	const char *method;

	if (is_type(o, "text", "calendar")) {
		method = g_mime_object_get_content_type_parameter(o, "method");
		w->calendar_reply |= method && (g_ascii_strcasecmp(method, "reply") == 0 || g_ascii_strcasecmp(method, "counter") == 0);
	} else if (is_attachment(o))
		return;
	else if (is_type(o, "text", "plain"))
		take_plain(w, o);
	else if (is_type(o, "text", "html") && w->html.n == 0)
		content(&w->html, o, g_mime_object_get_content_type_parameter(o, "charset"));
}

static void walk(struct walk *w, GMimeObject *o, int depth)
{
	int n;

	if (!o || depth > DW_IN_DEPTH_MAX || w->parts++ >= DW_IN_PARTS_MAX)
		return;
	if (!GMIME_IS_MULTIPART(o)) {
		if (!GMIME_IS_MESSAGE_PART(o)) /* a mail in the mail is another's */
			take_leaf(w, o);
		return;
	}
	n = g_mime_multipart_get_count(GMIME_MULTIPART(o));
	for (int i = 0; i < n && i < DW_IN_PARTS_MAX; i++)
		walk(w, g_mime_multipart_get_part(GMIME_MULTIPART(o), i), depth + 1);
}

/* ---- reports ---- */

/* multipart/report, delivery-status: its second part. */
static void find_status(struct walk *w, GMimeObject *o)
{
	int n = GMIME_IS_MULTIPART(o) ? g_mime_multipart_get_count(GMIME_MULTIPART(o)) : 0;

	for (int i = 0; i < n && i < DW_IN_PARTS_MAX && !w->status.n; i++) {
		GMimeObject *p = g_mime_multipart_get_part(GMIME_MULTIPART(o), i);

		if (is_type(p, "message", "delivery-status") || is_type(p, "message", "global-delivery-status"))
			content(&w->status, p, "utf-8");
	}
}

/* 0: it is a report, and *out says which; 1: it isn't; < 0. */
static int take_report(struct walk *w, GMimeObject *body)
{
	const char *type;
	int r;

	if (!body || !is_type(body, "multipart", "report"))
		return 1;
	w->out->kind = DW_IN_AUTOREPLY;
	type = g_mime_object_get_content_type_parameter(body, "report-type");
	if (!type || (g_ascii_strcasecmp(type, "delivery-status") != 0 && g_ascii_strcasecmp(type, "global-delivery-status") != 0))
		return 0;
	find_status(w, body);
	r = dw_bounce_parse(w->out, dw_buf_str(&w->status));
	if (r == 0)
		w->out->kind = DW_IN_BOUNCE;
	return r < 0 ? r : 0;
}

/* ---- what it says ---- */

struct reading {
	struct dw_inbound *out;
	const char *today;
	const char *name; /* the sender's, as the mail has it; NULL */
	bool any; /* a line of the person's own */
	int r;
};

static bool same_command(const struct dw_command *a, const struct dw_command *b)
{
	return a->verb == b->verb && a->span == b->span && strcmp(a->date, b->date) == 0 && strcmp(a->order, b->order) == 0 &&
	       strcmp(a->note, b->note) == 0;
}

/* Takes the first token out of a copy of s. */
static char *without_token(struct dw_inbound *out, const char *s, int *r)
{
	size_t n;
	const char *t = dw_reply_token(s, &n);
	char *copy = dw_strdup(s);

	if (!copy) {
		*r = -ENOMEM;
		return NULL;
	}
	if (!t)
		return copy;
	if (!out->token && !(out->token = dw_strndup(t, n)))
		*r = -ENOMEM;
	memmove(copy + (t - s), copy + (t - s) + n, strlen(t + n) + 1);
	return copy;
}

/* 0: taken; 1: not a command, or one too many. */
static int take_command(struct reading *rd, const char *line)
{
	struct dw_inbound *out = rd->out;
	struct dw_command c;

	if (dw_command_parse(&c, line, rd->today, NULL) != 0)
		return 1;
	for (size_t i = 0; i < out->n_command; i++)
		if (same_command(&out->command[i], &c))
			return 0;
	if (out->n_command == DW_COMMANDS_MAX)
		return 1;
	out->command[out->n_command++] = c;
	return 0;
}

static int keep_rest(struct dw_inbound *out, const char *line)
{
	DW_BUF b = { 0 };

	if (out->rest)
		return 0;
	dw_scrub(&b, line, DW_IN_LINE_MAX);
	out->rest = dw_buf_take(&b);
	return out->rest ? 0 : -ENOMEM;
}

/* Behind "Thanks,": short, no question, and nothing that begins as a command. */
static bool may_be_name(const char *s, const char *today)
{
	const char *why;
	struct dw_command c;

	return strlen(s) <= 40 && !strchr(s, '?') && !strstr(s, "？") && dw_command_parse(&c, s, today, &why) == 1 && !why;
}

static int on_line(void *ctx, const char *s, bool last)
{
	struct reading *rd = ctx;
	int r = 0;
	DW_FREE char *plain = without_token(rd->out, s, &r);

	if (r < 0)
		return r;
	if (!plain[strspn(plain, " .")])
		return 0; /* the token alone */
	rd->any = true;
	if (take_command(rd, plain) == 0 || dw_reply_is_name(s, rd->name, rd->out->from) || (last && may_be_name(s, rd->today)))
		return 0;
	return keep_rest(rd->out, s);
}

/* The subject counts as a command where the text says nothing: what a person edits in a prepared mail is its text, and who
 * makes "yes" into "yes, but only half of it" doesn't say yes. */
static int read_subject(struct reading *rd)
{
	struct dw_inbound *out = rd->out;
	int r = 0;
	size_t n;
	DW_FREE char *plain = out->subject ? without_token(out, out->subject, &r) : NULL;

	if (!plain || r < 0)
		return r;
	if (out->n_command == 0 && !out->rest && take_command(rd, plain) != 0 && !rd->any && dw_reply_token(out->subject, &n))
		return keep_rest(out, plain); /* a link's mail from which the words are gone */
	return 0;
}

static int read_text(struct walk *w, const char *name, const char *today)
{
	struct reading rd = { .out = w->out, .today = today, .name = name };
	size_t n;
	const char *t = w->out->subject ? dw_reply_token(w->out->subject, &n) : NULL;
	int r = 0;

	if (t && !(w->out->token = dw_strndup(t, n)))
		return -ENOMEM;
	if (!w->text.n && w->html.n)
		r = dw_html_text(&w->text, dw_buf_str(&w->html), w->html.n);
	if (r == 0 && (w->text.failed || w->html.failed))
		r = -ENOMEM;
	if (r == 0)
		r = dw_reply_own(dw_buf_str(&w->text), on_line, &rd);
	return r == 0 ? read_subject(&rd) : r;
}

/* ---- the story ---- */

static GMimeParserOptions *options(void)
{
	static const char *const charsets[] = { "utf-8", "gb18030", NULL };
	GMimeParserOptions *o = g_mime_parser_options_new();

	g_mime_parser_options_set_fallback_charsets(o, (const char **)(uintptr_t)charsets);
	g_mime_parser_options_set_parameter_compliance_mode(o, GMIME_RFC_COMPLIANCE_LOOSE);
	return o;
}

/* Borrowed. */
static const char *sender_name(GMimeMessage *msg)
{
	InternetAddressList *from = g_mime_message_get_from(msg);

	return from && internet_address_list_length(from) == 1 ? internet_address_get_name(internet_address_list_get_address(from, 0)) : NULL;
}

static int read_message(struct dw_inbound *out, GMimeMessage *msg, const char *authserv, const char *today)
{
	GMimeObject *body = g_mime_message_get_mime_part(msg);
	struct walk w = { .out = out };
	int r = dw_reply_head(out, msg, authserv);

	if (r == 0)
		r = take_report(&w, body);
	if (r == 1) {
		walk(&w, body, 0);
		out->kind = dw_reply_is_automatic(out, msg) || w.calendar_reply ? DW_IN_AUTOREPLY : DW_IN_REPLY;
		r = out->kind == DW_IN_REPLY ? read_text(&w, sender_name(msg), today) : 0;
	}
	dw_buf_fini(&w.text);
	dw_buf_fini(&w.html);
	dw_buf_fini(&w.status);
	return r;
}

static int broken(struct dw_inbound *out, const char *why)
{
	out->kind = DW_IN_BROKEN;
	out->rest = dw_strdup(why);
	return out->rest ? 0 : -ENOMEM;
}

/* Where the empty line behind the fields ends them. */
static size_t header_size(const char *p, size_t n)
{
	const char *end = p + n;

	for (const char *nl = memchr(p, '\n', n); nl; nl = memchr(nl + 1, '\n', (size_t)(end - nl - 1)))
		if (nl + 1 == end || nl[1] == '\n' || (nl[1] == '\r' && nl + 2 < end && nl[2] == '\n'))
			return (size_t)(nl - p);
	return n;
}

/* A NUL or a lone CR among the fields: other programs end a line or the field there, and we can't say what the host that
 * checked the sender saw. */
static bool is_odd(const char *p, size_t n)
{
	const char *cr = p;

	if (memchr(p, '\0', n))
		return true;
	while ((cr = memchr(cr, '\r', (size_t)(p + n - cr)))) {
		cr++;
		if (cr < p + n && *cr != '\n')
			return true;
	}
	return false;
}

/* Parts are parsed by recursion, lines compared with each open boundary: what could nest is counted beforehand. */
static bool is_bomb(const char *p, size_t n)
{
	int hints = 0;

	for (size_t i = 0; i + 8 < n && hints <= NESTING_HINTS; i++)
		hints += (p[i] == 'b' || p[i] == 'B' || p[i] == 'm' || p[i] == 'M') &&
			 (g_ascii_strncasecmp(p + i, "boundary", 8) == 0 || g_ascii_strncasecmp(p + i, "message/", 8) == 0);
	return hints > NESTING_HINTS;
}

int dw_inbound_parse(struct dw_inbound *out, const void *bytes, size_t n, const char *authserv, const char *today,
		     struct dw_err *err)
{
	unsigned long shortages = dw_shortages();
	GMimeParserOptions *opts;
	GMimeStream *stream;
	GMimeParser *parser;
	GMimeMessage *msg;
	int r;

	*out = (struct dw_inbound){ .kind = DW_IN_BROKEN };
	dw_mime_init();
	if (n > DW_IN_MAIL_MAX)
		return broken(out, "the mail is over 1 MiB") < 0 ? dw_err_oom(err) : 0;
	if (n == 0 || is_bomb(bytes, n))
		return broken(out, n ? "the mail has too many parts" : "the mail is empty") < 0 ? dw_err_oom(err) : 0;
	if (header_size(bytes, n) > HEADER_MAX)
		return broken(out, "the mail's header is over 64 KiB") < 0 ? dw_err_oom(err) : 0;
	stream = g_mime_stream_mem_new_with_buffer(bytes, n);
	parser = g_mime_parser_new_with_stream(stream);
	opts = options();
	msg = g_mime_parser_construct_message(parser, opts);
	if (!msg || g_mime_header_list_get_count(g_mime_object_get_header_list(GMIME_OBJECT(msg))) == 0)
		r = broken(out, "no header can be read");
	else
		r = read_message(out, msg, is_odd(bytes, header_size(bytes, n)) ? NULL : authserv, today);
	if (msg)
		g_object_unref(msg);
	g_mime_parser_options_free(opts);
	g_object_unref(parser);
	g_object_unref(stream);
	return r < 0 || shortages != dw_shortages() ? dw_err_oom(err) : 0;
}
