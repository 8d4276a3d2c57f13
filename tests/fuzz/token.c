/* Any text as a token or an envelope address, under a key the input doesn't know: none passes but those made with it, and
 * what is made of any numbers reads back. The first byte: what to do. */
#include "duewatch/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char key[DW_TOKEN_KEY] = "a key that no input can know ...";

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void reads_back(const uint8_t *data, size_t size)
{
	struct dw_token t = { 0 }, got;
	int64_t n[4] = { 0 }, mail;
	DW_FREE char *text = NULL, *verp = NULL;

	memcpy(n, data, size < sizeof(n) ? size : sizeof(n));
	if (size > sizeof(n))
		memcpy(t.person, data + sizeof(n), size - sizeof(n) < 63 ? size - sizeof(n) : 63);
	t.order = n[0];
	t.side = (int)n[1];
	t.episode = n[2];
	t.expires = n[3];
	text = dw_token_make(key, &t);
	must(text && strlen(text) < DW_TOKEN_TEXT);
	must(dw_token_read(key, text, INT64_MIN, &got) == (t.expires == INT64_MIN ? 2 : 0));
	must(got.order == t.order && got.side == t.side && got.episode == t.episode && got.expires == t.expires &&
	     strcmp(got.person, t.person) == 0);
	verp = dw_verp_make(key, "duewatch@example.com", n[0]);
	must((verp != NULL) == (n[0] > 0));
	must(!verp || (dw_verp_read(key, verp, &mail) == 0 && mail == n[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DW_FREE char *text = malloc(size + 1);
	struct dw_token got;
	int64_t mail;

	if (!text || size == 0)
		return 0;
	if (data[0] & 1) {
		reads_back(data + 1, size - 1);
		return 0;
	}
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	must(dw_token_read(key, text, 0, &got) == 1);
	must(dw_verp_read(key, text, &mail) == 1);
	return 0;
}
