/* reply-impl.h: the fields of a mail: who it is from and whether that is vouched for, what it answers, whether a program
 * wrote it. */
#include "compose-impl.h"
#include "reply-impl.h"

enum {
	ID_MAX = 250,
	SUBJECT_MAX = 400,
	HEADERS_MAX = 1000, /* fields we look at */
	ADDRESS_MAX = 254,
};

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
bool dw_reply_is_automatic(const struct dw_inbound *in, GMimeMessage *msg)
{
	GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(msg));
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

/* ---- all of it ---- */

int dw_reply_head(struct dw_inbound *out, GMimeMessage *msg, const char *authserv)
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
