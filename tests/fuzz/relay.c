/* Any bytes from a relay, through libcurl and the real transport, on loopback: the relay says the whole input at once
 * and no more, whatever we say. The first byte: whether we log in. A send ends, within its limits; its answer is one printable
 * line without the password; only a 2xx after the dot is "sent", and only after the dot is anything "unsure"; the next
 * send by the same transport ends too. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "duewatch/transport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAIL "From: d@example.com\r\nTo: a@example.com\r\nSubject: x\r\n\r\n.dot\r\nbody\r\n"
#define PASSWORD "s3cr3t"

enum { CALLS = 4 }; /* a send makes two at most, and there are two */

struct relay {
	int listener, port;
	const uint8_t *say;
	size_t n;
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* What comes in is read to its end: closing over unread bytes would be a reset, which may overtake what was said. */
static void *serve(void *ctx)
{
	struct relay *r = ctx;
	char in[4096];

	for (int i = 0; i < CALLS; i++) {
		int fd = accept(r->listener, NULL, NULL);

		if (fd < 0)
			return NULL;
		if (send(fd, r->say, r->n, MSG_NOSIGNAL) >= 0)
			shutdown(fd, SHUT_WR);
		while (recv(fd, in, sizeof(in), 0) > 0)
			;
		close(fd);
	}
	return NULL;
}

static void listen_at(struct relay *r)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(r->listener >= 0 && bind(r->listener, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(r->listener, 8) == 0);
	must(getsockname(r->listener, (struct sockaddr *)&a, &len) == 0);
	r->port = ntohs(a.sin_port);
}

static bool has_2xx(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 2 < n; i++)
		if (p[i] == '2' && p[i + 1] >= '0' && p[i + 1] <= '9' && p[i + 2] >= '0' && p[i + 2] <= '9')
			return true;
	return false;
}

static void check(const struct relay *r, const struct dw_answer *a)
{
	size_t n = strlen(a->text);

	must(dw_utf8_valid(a->text, n) && !strstr(a->text, PASSWORD));
	for (size_t i = 0; i < n; i++)
		must((unsigned char)a->text[i] >= ' ' && a->text[i] != 0x7F);
	must(a->verdict == DW_SENT || n > 0);
	must(a->verdict != DW_SENT || (a->final_dot && a->stage == DW_AT_DOT && a->code / 100 == 2 && has_2xx(r->say, r->n)));
	must(a->verdict != DW_UNSURE || a->final_dot);
	must(a->verdict != DW_DEAD_ADDRESS || (a->stage == DW_AT_RCPT && a->code / 100 == 5));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dw_transport_conf conf = { .starttls_off = true, .connect_s = 5, .answer_s = 5, .helo = "duewatch.example.com" };
	const struct dw_envelope env = { "d@example.com", "a@example.com" };
	struct relay r = { .say = data + 1, .n = size ? size - 1 : 0 };
	struct dw_transport *t = NULL;
	struct dw_err err = { "" };
	struct dw_answer a;
	pthread_t thread;
	char url[64];

	if (size == 0 || size > 200000)
		return 0;
	listen_at(&r);
	snprintf(url, sizeof(url), "smtp://127.0.0.1:%d", r.port);
	conf.url = url;
	conf.username = data[0] & 1 ? "bo@example.com" : NULL;
	conf.password = PASSWORD;
	must(pthread_create(&thread, NULL, serve, &r) == 0);
	must(dw_transport_new(&t, &conf, &err) == 0);
	for (int i = 0; i < 2; i++) {
		dw_transport_send(t, &env, "id", MAIL, sizeof(MAIL) - 1, &a);
		check(&r, &a);
	}
	dw_transport_free(t);
	shutdown(r.listener, SHUT_RDWR); /* ends the accept that waits */
	pthread_join(thread, NULL);
	close(r.listener);
	return 0;
}
