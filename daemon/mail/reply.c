/* reply.h: a whole mail. First whether a person wrote it at all, then what of it is the person's, then what it says. */
#include "compose-impl.h"
#include "reply-impl.h"

enum {
	ID_MAX = 250,
	SUBJECT_MAX = 400,
	HEADERS_MAX = 1000,	/* fields we look at */
	NESTING_HINTS = 200,	/* "boundary" or "message/" in the bytes: more is a bomb, not a mail */
	HEADER_MAX = 64 * 1024, /* bytes of all fields: ids, addresses and words are looked at again and again in there */
	ADDRESS_MAX = 254,
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

/* ---- fields ---- */

/* The i-th field named so, unfolded and raw, or NULL. */
static const char *field(GMimeHeaderList *list, const char *name, int i)
{
	int n = g_mime_header_list_get_count(list);

	for (int k = 0; k < n && k < HEADERS_MAX; k++) {
		GMimeHeader *h = g_mime_header_list_get_header_at(list, k);

		if (g_ascii_strcasecmp(g_mime_header_get_name(h), name) == 0 && i-- == 0) {
			const char *raw = g_mime_header_get_raw_value(h);

			return raw ? raw : "";
		}
	}
	return NULL;
}

/* Does the field begin with this word, comments and blanks before it aside? */
static bool says(const char *value, const char *word)
{
	size_t n = strlen(word);

	if (!value)
		return false;
	value += strspn(value, " \t\r\n");
	return g_ascii_strncasecmp(value, word, n) == 0 && !g_ascii_isalnum(value[n]) && value[n] != '-';
}

static bool is_empty(const char *value)
{
	return !value[strspn(value, " \t\r\n")];
}

/* ---- ids ---- */

static char *id_copy(const char *id)
{
	size_t n = id ? strlen(id) : 0;

	if (n == 0 || n > ID_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)id[i] <= 0x20 || (unsigned char)id[i] >= 0x7F || id[i] == '<' || id[i] == '>')
			return NULL;
	return dw_strndup(id, n);
}

static void add_ref(struct dw_inbound *out, const char *id)
{
	char *copy;

	for (size_t i = 0; i < out->n_ref; i++)
		if (strcmp(out->ref[i], id) == 0)
			return;
	if (out->n_ref < DW_REFS_MAX && (copy = id_copy(id)))
		out->ref[out->n_ref++] = copy;
}

/* References stand oldest first; In-Reply-To is what was answered. */
static void take_refs(struct dw_inbound *out, GMimeHeaderList *list)
{
	static const char *const names[] = { "In-Reply-To", "References" };

	for (size_t k = 0; k < DW_COUNT(names); k++) {
		const char *value = field(list, names[k], 0);
		GMimeReferences *refs;

		if (!value)
			continue;
		refs = g_mime_references_parse(NULL, value);
		for (int i = g_mime_references_length(refs); i-- > 0;)
			add_ref(out, g_mime_references_get_message_id(refs, i));
		g_mime_references_free(refs);
	}
}

/* ---- who it is from ---- */

/* Plain ASCII, one '@', a domain of letters, digits, dots: what the config's people have. The domain in lower case. */
static char *address_copy(const char *a)
{
	const char *at = a ? strrchr(a, '@') : NULL;
	char *copy;

	if (!at || at == a || !at[1] || strlen(a) > ADDRESS_MAX || memchr(a, '@', (size_t)(at - a)))
		return NULL;
	for (const char *p = a; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7F || strchr("\"<>()[]\\,;:", *p))
			return NULL;
	if (at[1 + strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")])
		return NULL;
	copy = dw_strdup(a);
	for (char *p = copy ? strrchr(copy, '@') : NULL; p && *p; p++)
		*p = g_ascii_tolower(*p);
	return copy;
}

/* "… <a>", "a" or "a (…)", and nothing else: GMime reads "a@x@y" as a@x and drops what it can't read. */
static bool is_whole(const char *value, const char *a)
{
	size_t n, k = strlen(a);

	value += strspn(value, " \t\r\n");
	n = strlen(value);
	while (n && strchr(" \t\r\n", value[n - 1]))
		n--;
	if (n && value[n - 1] == '>')
		return n >= k + 2 && value[n - k - 2] == '<' && strncmp(value + n - 1 - k, a, k) == 0;
	return n >= k && strncmp(value, a, k) == 0 && (n == k || (value[k] == ' ' && value[k + 1] == '(' && value[n - 1] == ')'));
}

/* One From field with one mailbox in it; two of either, and whoever checked the sender may have looked at the other. */
static char *take_from(GMimeHeaderList *list)
{
	const char *value = field(list, "From", 0);
	InternetAddressList *all;
	InternetAddress *one;
	char *from = NULL;

	if (!value || field(list, "From", 1) || strlen(value) > 4096)
		return NULL;
	all = internet_address_list_parse(NULL, value);
	if (all && internet_address_list_length(all) == 1) {
		one = internet_address_list_get_address(all, 0);
		if (INTERNET_ADDRESS_IS_MAILBOX(one)) {
			const char *addr = internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one));

			from = addr && is_whole(value, addr) ? address_copy(addr) : NULL;
		}
	}
	if (all)
		g_object_unref(all);
	return from;
}

/* authres.c says why only the topmost of our host's counts. */
static bool is_authentic(GMimeHeaderList *list, const char *authserv, const char *from)
{
	const char *value;

	if (!authserv || !*authserv || !from)
		return false;
	for (int i = 0; (value = field(list, "Authentication-Results", i)); i++)
		if (dw_authres_is_of(value, authserv))
			return dw_authres_vouches(value, authserv, strrchr(from, '@') + 1);
	return false;
}

/* ---- to whom ---- */

static void take_envelope(struct dw_inbound *out, GMimeHeaderList *list)
{
	static const char *const names[] = { "X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To",
					     "X-RCPT-TO", "To", "Cc" };

	for (size_t k = 0; k < DW_COUNT(names) && !out->envelope; k++)
		for (int i = 0; i < 10 && !out->envelope; i++) {
			const char *value = field(list, names[k], i), *at;

			for (at = value ? strchr(value, '@') : NULL; at && !out->envelope; at = strchr(at + 1, '@')) {
				const char *s = at, *e = at + 1;
				char address[ADDRESS_MAX + 1];

				while (s > value && at - s < ADDRESS_MAX && !strchr(" \t\r\n<>,;:\"()", s[-1]))
					s--;
				e += strcspn(e, " \t\r\n<>,;:\"()@");
				if ((size_t)(e - s) >= sizeof(address))
					continue;
				memcpy(address, s, (size_t)(e - s));
				address[e - s] = '\0';
				if (dw_verp_form(address))
					out->envelope = address_copy(address);
			}
		}
}

/* ---- did a person write it? ---- */

static bool auto_subject(const char *s)
{
	static const char *const starts[] = { "automatic reply", "autoreply", "auto reply", "auto-reply", "auto:", "autoresponse",
					      "out of office", "out-of-office", "out of the office", "vacation:", "on vacation", "away from",
					      "undeliver", "delivery status", "delivery failure", "mail delivery", "returned mail",
					      "failure notice", "read:", "not read:", "accepted:", "declined:", "tentative:", "自动回复",
					      "自动答复", "自動回覆", "外出自动", "休假自动", "系统退信", "退信", "已读:", "已读：" };

	for (size_t i = 0; i < DW_COUNT(starts); i++)
		if (g_ascii_strncasecmp(s, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

/* RFC 3834 and what programs write that never read it. X-Auto-Response-Suppress isn't among them: it asks for no automatic
 * answer, and some offices put it on all their mail. */
static bool is_automatic(const struct dw_inbound *in, GMimeHeaderList *list)
{
	static const char *const present[] = { "X-Autoreply", "X-Autorespond", "X-Auto-Reply", "X-Autoreply-From", "X-Mail-Autoreply",
					       "X-AutoReply-From", "Autorespond", "List-Id", "List-Post", "X-Duewatch-Order",
					       "X-Duewatch-Kind", "X-MS-Exchange-Inbox-Rules-Loop",
					       "X-MS-Exchange-Generated-Message-Source", "X-Failed-Recipients", "X-QQ-autoreply" };
	static const char *const precedence[] = { "bulk", "list", "junk", "auto_reply", "auto-reply" };
	const char *value;

	for (int i = 0; (value = field(list, "Auto-Submitted", i)); i++)
		if (!says(value, "no"))
			return true;
	for (size_t i = 0; i < DW_COUNT(present); i++)
		if ((value = field(list, present[i], 0)) && !says(value, "no"))
			return true;
	for (size_t i = 0; i < DW_COUNT(precedence); i++)
		if (says(field(list, "Precedence", 0), precedence[i]))
			return true;
	value = field(list, "Return-Path", 0);
	if (value && (says(value, "<>") || is_empty(value)))
		return true;
	if (in->from && (g_ascii_strncasecmp(in->from, "mailer-daemon@", 14) == 0 ||
			 g_ascii_strncasecmp(in->from, "postmaster@", 11) == 0 || g_ascii_strncasecmp(in->from, "noreply@", 8) == 0 ||
			 g_ascii_strncasecmp(in->from, "no-reply@", 9) == 0))
		return true;
	return in->subject && auto_subject(in->subject);
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
		if (!strchr(" \t\r\n", *s) && strncmp(s, "\xC2\xA0", 2) != 0 && *s != '\xA0')
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

static bool is_attachment(GMimeObject *o)
{
	GMimeContentDisposition *d = g_mime_object_get_content_disposition(o);

	return d && g_ascii_strcasecmp(g_mime_content_disposition_get_disposition(d), "attachment") == 0;
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

/* The subject counts as a command where the text has none: what a person edits in a prepared mail is its text. */
static int read_subject(struct reading *rd)
{
	struct dw_inbound *out = rd->out;
	int r = 0;
	size_t n;
	DW_FREE char *plain = out->subject ? without_token(out, out->subject, &r) : NULL;

	if (!plain || r < 0)
		return r;
	if (out->n_command == 0 && take_command(rd, plain) != 0 && !rd->any && dw_reply_token(out->subject, &n))
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

static int take_head(struct dw_inbound *out, GMimeMessage *msg, const char *authserv)
{
	GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(msg));
	const char *subject = g_mime_message_get_subject(msg);
	DW_BUF b = { 0 };

	out->message_id = id_copy(g_mime_message_get_message_id(msg));
	take_refs(out, list);
	out->from = take_from(list);
	out->authentic = is_authentic(list, authserv, out->from);
	take_envelope(out, list);
	dw_scrub(&b, subject, SUBJECT_MAX);
	if (b.failed)
		return -ENOMEM;
	if (b.n && !(out->subject = dw_buf_take(&b)))
		return -ENOMEM;
	return 0;
}

/* Borrowed. */
static const char *sender_name(GMimeMessage *msg)
{
	InternetAddressList *from = g_mime_message_get_from(msg);

	return from && internet_address_list_length(from) == 1 ? internet_address_get_name(internet_address_list_get_address(from, 0)) : NULL;
}

static int read_message(struct dw_inbound *out, GMimeMessage *msg, const char *authserv, const char *today)
{
	GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(msg));
	GMimeObject *body = g_mime_message_get_mime_part(msg);
	struct walk w = { .out = out };
	int r = take_head(out, msg, authserv);

	if (r == 0)
		r = take_report(&w, body);
	if (r == 1) {
		walk(&w, body, 0);
		out->kind = is_automatic(out, list) || w.calendar_reply ? DW_IN_AUTOREPLY : DW_IN_REPLY;
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
