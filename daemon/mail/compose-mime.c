/* The bytes of a mail, by GMime. Header values with more than plain ASCII are encoded here: GMime makes a Chinese word
 * of 30 characters an encoded word of over 75 (design.md §5, 15), and RFC 2047 allows no more. */
#include "compose-impl.h"

#include <stdio.h>

#include <gmime/gmime.h>
#include <pthread.h>

enum {
	LINE = 76,	 /* columns of a header line */
	ENCODED = 58,	 /* of an encoded word: fits behind our longest name; RFC 2047 §2 allows 75 */
	NAME_RAW = 45,	 /* bytes that one base64 word holds */
};

static void init_once(void)
{
	g_mime_init();
	dw_ics_init();
}

void dw_mime_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_once);
}

/* ---- ids ---- */

static void add_domain(struct dw_buf *out, const struct dw_mail_conf *conf)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	const char *at = conf->from_address ? strrchr(conf->from_address, '@') : NULL;

	at = at && at[1] && strspn(at + 1, allowed) == strlen(at + 1) ? at + 1 : "duewatch.invalid";
	dw_buf_puts(out, at);
}

char *dw_mime_id(const struct dw_mail_conf *conf, const char *kind, const char *key)
{
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	DW_BUF b = { 0 };

	if (kind)
		g_checksum_update(sum, (const guchar *)kind, (gssize)strlen(kind) + 1);
	g_checksum_update(sum, (const guchar *)key, (gssize)strlen(key));
	dw_buf_printf(&b, "%.40s@", g_checksum_get_string(sum));
	g_checksum_free(sum);
	add_domain(&b, conf);
	return dw_buf_take(&b);
}

char *dw_mail_message_id(const struct dw_mail_conf *mail, const char *key)
{
	return dw_mime_id(mail, NULL, key);
}

/* ---- header values ---- */

/* A folded value being written. */
struct field {
	struct dw_buf out;
	size_t column;
};

static bool is_plain(const char *s, size_t n)
{
	if (n > LINE - 2)
		return false; /* can't be folded: as encoded words it can */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= 0x20 || (unsigned char)s[i] >= 0x7F || (s[i] == '=' && i + 1 < n && s[i + 1] == '?'))
			return false;
	return true;
}

/* One blank-separated word as it stands in the header. */
static void put_word(struct field *f, const char *s, size_t n)
{
	if (f->column + 1 + n > LINE && f->out.n) {
		dw_buf_puts(&f->out, "\n ");
		f->column = 1;
	} else {
		dw_buf_putc(&f->out, ' ');
		f->column++;
	}
	dw_buf_add(&f->out, s, n);
	f->column += n;
}

/* s[0..n), blanks between its words included, as encoded words of at most 75 characters, cut between characters. Q: some
 * readers (GMime's own) join neighbours before decoding, which a base64 word's padding doesn't survive. */
static void put_encoded(struct field *f, const char *s, size_t n)
{
	char word[96];
	size_t len = 0;

	for (size_t i = 0; i < n;) {
		size_t one = dw_utf8_seq(s + i, n - i);
		char coded[16];
		int need = 0;

		one = one ? one : 1;
		for (size_t k = 0; k < one; k++) {
			unsigned char c = (unsigned char)s[i + k];

			if (g_ascii_isalnum(c) || c == '-')
				need += snprintf(coded + need, sizeof(coded) - (size_t)need, "%c", c);
			else
				need += snprintf(coded + need, sizeof(coded) - (size_t)need, c == ' ' ? "_" : "=%02X", c);
		}
		if (len && len + (size_t)need + 2 > ENCODED) {
			memcpy(word + len, "?=", 2);
			put_word(f, word, len + 2);
			len = 0;
		}
		if (len == 0) {
			memcpy(word, "=?UTF-8?Q?", 10);
			len = 10;
		}
		memcpy(word + len, coded, (size_t)need);
		len += (size_t)need;
		i += one;
	}
	if (len == 0)
		return;
	memcpy(word + len, "?=", 2);
	put_word(f, word, len + 2);
}

/* A name of one encoded word: not all readers join two in an address. */
static bool put_name(struct field *f, const char *s, size_t n)
{
	gchar *base64;
	char word[96];

	if (n > NAME_RAW)
		return false;
	base64 = g_base64_encode((const guchar *)s, n);
	put_word(f, word, (size_t)snprintf(word, sizeof(word), "=?UTF-8?B?%s?=", base64));
	g_free(base64);
	return true;
}

/* A clean line (dw_scrub) as a header's raw value. Words that are plain stay; a run of others is encoded whole, as
 * blanks between encoded words don't count (RFC 2047 §6.2). */
static void put_text(struct field *f, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, " "), run = n;

		if (is_plain(s, n))
			put_word(f, s, n);
		else {
			while (s[run] == ' ') {
				size_t next = strcspn(s + run + 1, " ");

				if (is_plain(s + run + 1, next))
					break;
				run += 1 + next;
			}
			put_encoded(f, s, run);
			n = run;
		}
		s += n;
		s += *s == ' ';
	}
}

/* "Name <address>": an ASCII name is quoted, another encoded. */
static void put_mailbox(struct field *f, const char *name, const char *address)
{
	DW_BUF clean = { 0 }, b = { 0 };
	const char *s;

	dw_scrub(&clean, name, 100);
	s = dw_buf_str(&clean);
	if (clean.n == 0) {
		put_word(f, address, strlen(address));
		return;
	}
	if (clean.n < 60 && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -") == clean.n)
		dw_buf_puts(&b, s);
	else if (clean.n < 60 && g_str_is_ascii(s) && !strstr(s, "=?")) {
		dw_buf_putc(&b, '"');
		for (; *s; s++) {
			if (*s == '"' || *s == '\\')
				dw_buf_putc(&b, '\\');
			dw_buf_putc(&b, *s);
		}
		dw_buf_putc(&b, '"');
	} else if (!put_name(f, s, clean.n))
		put_encoded(f, s, clean.n);
	if (b.n)
		put_word(f, b.p, b.n);
	dw_buf_reset(&b);
	dw_buf_printf(&b, "<%s>", address);
	put_word(f, b.p, b.n);
}

/* ---- the message ---- */

static int set_raw(GMimeObject *o, const char *name, struct field *f)
{
	GMimeHeaderList *list = g_mime_object_get_header_list(o);
	int at;

	dw_buf_putc(&f->out, '\n');
	if (f->out.failed)
		return -ENOMEM;
	g_mime_header_list_append(list, name, "", NULL);
	at = g_mime_header_list_get_count(list) - 1;
	g_mime_header_set_raw_value(g_mime_header_list_get_header_at(list, at), f->out.p);
	return 0;
}

static int add_text(GMimeMessage *msg, const char *name, const char *value)
{
	struct field f = { .column = strlen(name) + 1 };
	int r;

	put_text(&f, value);
	r = set_raw(GMIME_OBJECT(msg), name, &f);
	dw_buf_fini(&f.out);
	return r;
}

static int add_mailbox(GMimeMessage *msg, const char *header, const char *name, const char *address)
{
	struct field f = { .column = strlen(header) + 1 };
	int r;

	put_mailbox(&f, name, address);
	r = set_raw(GMIME_OBJECT(msg), header, &f);
	dw_buf_fini(&f.out);
	return r;
}

static int add_reference(GMimeMessage *msg, const char *header, const char *id)
{
	DW_BUF b = { 0 };

	dw_buf_printf(&b, "<%s>", id);
	return b.failed ? -ENOMEM : add_text(msg, header, b.p);
}

static int add_references(GMimeMessage *msg, const struct dw_mime *m)
{
	DW_BUF b = { 0 };

	dw_buf_printf(&b, "<%s>", m->root_id);
	if (m->answers)
		dw_buf_printf(&b, " <%s>", m->answers);
	return b.failed ? -ENOMEM : add_text(msg, "References", b.p);
}

/* RFC 5322 in the reader's zone: "Mon, 23 Nov 2026 08:00:00 +0800". */
static int add_date(GMimeMessage *msg, const struct dw_mime *m)
{
	struct dw_civil c;
	GTimeZone *zone;
	GDateTime *at;
	int minutes;

	dw_zone_civil(m->zone, m->now, &c);
	minutes = c.offset / 60;
	zone = g_time_zone_new_offset(minutes * 60);
	at = g_date_time_new_from_unix_utc(m->now);
	if (at) {
		GDateTime *local = g_date_time_to_timezone(at, zone);

		g_mime_message_set_date(msg, local);
		g_date_time_unref(local);
		g_date_time_unref(at);
	}
	g_time_zone_unref(zone);
	return at ? 0 : -EINVAL;
}

static int add_headers(GMimeMessage *msg, const struct dw_mime *m)
{
	int r = add_mailbox(msg, "From", m->conf->from_name, m->conf->from_address);

	if (r == 0)
		r = add_mailbox(msg, "To", m->to->name, m->to->email);
	if (r == 0 && m->reply_to)
		r = add_mailbox(msg, "Reply-To", m->conf->from_name, m->reply_to);
	if (r == 0)
		r = add_text(msg, "Subject", m->subject);
	if (r == 0)
		r = add_date(msg, m);
	if (r == 0)
		r = add_reference(msg, "Message-ID", m->message_id);
	if (r == 0)
		r = add_reference(msg, "In-Reply-To", m->answers ? m->answers : m->root_id);
	if (r == 0)
		r = add_references(msg, m);
	if (r == 0)
		r = add_text(msg, "Auto-Submitted", m->replied ? "auto-replied" : "auto-generated");
	if (r == 0)
		r = add_text(msg, "X-Auto-Response-Suppress", "All");
	for (size_t i = 0; r == 0 && i < m->n_header; i++)
		r = add_text(msg, m->header[i][0], m->header[i][1]);
	return r;
}

/* Mostly ASCII: quoted-printable, which a person can read raw; else base64, which is shorter. */
static bool mostly_ascii(const char *s, size_t n)
{
	size_t high = 0;

	for (size_t i = 0; i < n; i++)
		high += (unsigned char)s[i] >= 0x80;
	return high < n / 6 + 1;
}

static GMimePart *part_of(const char *subtype, const char *bytes, size_t n, bool quoted)
{
	GMimePart *part = g_mime_part_new_with_type("text", subtype);
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes, n);
	GMimeDataWrapper *content;

	content = g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
	g_object_unref(stream);
	g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
	g_mime_part_set_content(part, content);
	g_object_unref(content);
	g_mime_part_set_content_encoding(part, quoted ? GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE : GMIME_CONTENT_ENCODING_BASE64);
	return part;
}

static GMimePart *text_part(const char *subtype, const char *text)
{
	size_t n = strlen(text);
	DW_BUF crlf = { 0 };

	if (mostly_ascii(text, n))
		return part_of(subtype, text, n, true);
	/* base64 carries the canonical line ends of text, quoted-printable leaves them to the message */
	for (const char *s = text; *s; s++)
		dw_buf_add(&crlf, *s == '\n' ? "\r\n" : s, *s == '\n' ? 2 : 1);
	return part_of(subtype, dw_buf_str(&crlf), crlf.n, false);
}

/* The boundary that belongs to this mail: "=_" stands in neither encoding, so no line of a part can be it. */
static void set_boundary(GMimeMultipart *both, const char *prefix, const struct dw_mime *m)
{
	char boundary[48];

	snprintf(boundary, sizeof(boundary), "=_%s_%.24s", prefix, m->message_id);
	for (char *c = boundary; *c; c++)
		if (*c == '@')
			*c = '-';
	g_mime_multipart_set_boundary(both, boundary);
}

/* text, or text and HTML as alternatives. */
static GMimeObject *body(const struct dw_mime *m)
{
	GMimePart *text = text_part("plain", m->text), *html;
	GMimeMultipart *both;

	if (!m->html)
		return GMIME_OBJECT(text);
	html = text_part("html", m->html);
	both = g_mime_multipart_new_with_subtype("alternative");
	set_boundary(both, "dw", m);
	g_mime_multipart_add(both, GMIME_OBJECT(text));
	g_mime_multipart_add(both, GMIME_OBJECT(html));
	g_object_unref(text);
	g_object_unref(html);
	return GMIME_OBJECT(both);
}

/* In base64: a calendar's lines end with CRLF whatever a relay does to them. */
static GMimePart *calendar_part(const struct dw_calendar *c, size_t settled)
{
	GMimePart *part = part_of("calendar", c->text, strlen(c->text), false);
	char name[32];

	if (!c->cancel)
		snprintf(name, sizeof(name), "deadline.ics");
	else if (settled == 0)
		snprintf(name, sizeof(name), "settled.ics");
	else
		snprintf(name, sizeof(name), "settled-%zu.ics", settled + 1);
	g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "method", c->cancel ? "CANCEL" : "PUBLISH");
	g_mime_object_set_disposition(GMIME_OBJECT(part), "attachment");
	g_mime_part_set_filename(part, name);
	return part;
}

/* The body, and the calendar's files behind it. */
static GMimeObject *whole(const struct dw_mime *m)
{
	GMimeObject *first = body(m);
	GMimeMultipart *all;
	size_t settled = 0;

	if (!m->calendar || m->calendar->n == 0)
		return first;
	all = g_mime_multipart_new_with_subtype("mixed");
	set_boundary(all, "all", m);
	g_mime_multipart_add(all, first);
	g_object_unref(first);
	for (size_t i = 0; i < m->calendar->n; i++) {
		GMimePart *part = calendar_part(&m->calendar->file[i], settled);

		settled += m->calendar->file[i].cancel;
		g_mime_multipart_add(all, GMIME_OBJECT(part));
		g_object_unref(part);
	}
	return GMIME_OBJECT(all);
}

static int take_bytes(GMimeMessage *msg, void **bytes, size_t *n)
{
	GMimeFormatOptions *format = g_mime_format_options_new();
	GMimeStream *stream = g_mime_stream_mem_new();
	GByteArray *array;
	void *copy;

	g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
	g_mime_object_write_to_stream(GMIME_OBJECT(msg), format, stream);
	g_mime_format_options_free(format);
	array = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
	copy = dw_malloc(array->len ? array->len : 1);
	if (copy) {
		memcpy(copy, array->data, array->len);
		*bytes = copy;
		*n = array->len;
	}
	g_object_unref(stream);
	return copy ? 0 : -ENOMEM;
}

int dw_mime_write(void **bytes, size_t *n, const struct dw_mime *m, struct dw_err *err)
{
	GMimeMessage *msg = g_mime_message_new(FALSE);
	GMimeObject *part;
	int r = add_headers(msg, m);

	if (r == 0) {
		part = whole(m);
		g_mime_message_set_mime_part(msg, part);
		g_object_unref(part);
		r = take_bytes(msg, bytes, n);
	}
	g_object_unref(msg);
	if (r == -ENOMEM)
		return dw_err_oom(err);
	return r < 0 ? dw_err_set(err, r, "the mail can't be written: its date is out of range") : 0;
}
