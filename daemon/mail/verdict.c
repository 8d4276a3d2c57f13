/* What the end of an SMTP session means for the mail (design.md §3, RFC 5321 §4.2, RFC 3463). Pure. */
#include "duewatch/transport.h"

#include <curl/curl.h>

/* "550 5.1.1 words" (or "550-5.1.1"): class, subject and detail. */
static bool enhanced(const char *text, unsigned *class, unsigned *subject, unsigned *detail)
{
	unsigned *part[] = { class, subject, detail };
	const char *s = text;

	while (*s >= '0' && *s <= '9')
		s++;
	if (s - text != 3 || (*s != ' ' && *s != '-'))
		return false;
	s++;
	for (size_t i = 0; i < DW_COUNT(part); i++) {
		size_t digits = 0;

		for (*part[i] = 0; *s >= '0' && *s <= '9' && digits < 3; s++, digits++)
			*part[i] = *part[i] * 10 + (unsigned)(*s - '0');
		if (digits == 0 || (i < 2 && *s++ != '.'))
			return false;
	}
	return *s == '\0' || *s == ' ';
}

static bool address_dead(int response, const char *text)
{
	unsigned class, subject, detail;

	if (!enhanced(text, &class, &subject, &detail))
		return response == 550 || response == 551 || response == 553;
	if (class != 5)
		return false;
	/* 5.1.7 and 5.1.8 speak of the sender (RFC 3463 §3.2); servers that put off their checks say so at RCPT, for
	 * every recipient: no address is dead then */
	return (subject == 1 && detail != 7 && detail != 8) || (subject == 2 && detail == 1);
}

/* The dot may have left. Only libcurl's failed write proves that it hasn't; and libcurl's success proves nothing without
 * a proper answer: it also takes three digits and any byte for one ("250\x94"). */
static enum dw_verdict after_dot(int curl_code, int response)
{
	switch (response / 100) {
	case 2:
		return DW_SENT; /* libcurl takes 250 alone for success; RFC 5321 §4.2.1 any 2yz */
	case 4:
		return DW_RETRY;
	case 5:
		return DW_RELAY_REFUSED;
	default:
		return curl_code == CURLE_SEND_ERROR ? DW_RETRY : DW_UNSURE;
	}
}

/* A handshake that broke off is the net's trouble; one that was refused won't get better by itself. */
static bool broke_off(const char *text)
{
	return strstr(text, "SSL_ERROR_SYSCALL") || strstr(text, "reset by peer") || strstr(text, "unexpected eof") ||
	       strstr(text, "Broken pipe");
}

enum dw_verdict dw_smtp_verdict(int curl_code, int response, enum dw_stage stage, const char *text)
{
	text = text ? text : "";
	if (stage == DW_AT_DOT)
		return after_dot(curl_code, response);
	if (curl_code == CURLE_OK)
		return DW_SENT; /* of a probe */
	if (response / 100 == 4)
		return DW_RETRY;
	switch (curl_code) {
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_ABORTED_BY_CALLBACK:
	case CURLE_RECV_ERROR:
		return DW_RETRY; /* whatever was said before, our last command has no answer */
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CRL_BADFILE:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_USE_SSL_FAILED:
	case CURLE_LOGIN_DENIED:
	case CURLE_AUTH_ERROR:
		return DW_RELAY_REFUSED;
	case CURLE_SSL_CONNECT_ERROR:
		return broke_off(text) ? DW_RETRY : DW_RELAY_REFUSED;
	default:
		break;
	}
	if (response / 100 == 5)
		return stage == DW_AT_RCPT && address_dead(response, text) ? DW_DEAD_ADDRESS : DW_RELAY_REFUSED;
	return DW_RETRY;
}
