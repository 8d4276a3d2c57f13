/* Any bytes as a mailbox's answer. The first byte says what was asked (a search, a mail, the folder's opening) and in what
 * pieces the rest comes. What must hold: the pieces don't matter, what is kept is bounded and in order, and a mail's own
 * bytes are never taken for the server's word. */
#include <stdlib.h>

#include "../../daemon/mail/imap-impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UIDS = 5, BODY_MAX = 300 };

static void must(bool ok)
{
	if (!ok)
		abort();
}

static int feed(struct dw_imap_answer *a, const char *p, size_t n, size_t piece)
{
	struct dw_err err = { "" };
	int r = DW_IMAP_MORE;

	while (n > 0 && r == DW_IMAP_MORE) {
		size_t k = n < piece ? n : piece;

		r = dw_imap_feed(a, p, k, &err);
		p += k;
		n -= k;
	}
	must(r >= 0 || *err.text);
	return r;
}

static void begin(struct dw_imap_answer *a, int64_t uids[UIDS], uint8_t how)
{
	dw_imap_answer_init(a, "d1");
	a->from = how & 2 ? 3 : 0;
	a->uids = uids;
	a->max = how & 1 ? UIDS : 0;
	a->uid = 7;
	a->literal_max = BODY_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dw_imap_answer whole, parts;
	int64_t uids[2][UIDS];
	int r[2];

	if (size == 0)
		return 0;
	begin(&whole, uids[0], data[0]);
	begin(&parts, uids[1], data[0]);
	r[0] = feed(&whole, (const char *)data + 1, size - 1, size);
	r[1] = feed(&parts, (const char *)data + 1, size - 1, 1 + data[0] / 4);
	/* a whole feed takes nothing after the end either, so the two see the same */
	must(r[0] == r[1] && whole.n_uids == parts.n_uids && whole.more == parts.more && whole.fetched == parts.fetched);
	must(whole.body.n == parts.body.n && whole.body.n <= BODY_MAX && whole.bye == parts.bye);
	must(!whole.body.n || memcmp(whole.body.p, parts.body.p, whole.body.n) == 0);
	must(strcmp(dw_buf_str(&whole.words), dw_buf_str(&parts.words)) == 0);
	must(whole.uidvalidity == parts.uidvalidity && whole.uidnext == parts.uidnext && whole.exists == parts.exists);
	for (int i = 0; i < whole.n_uids; i++)
		must(uids[0][i] == uids[1][i] && uids[0][i] >= whole.from && (i == 0 || uids[0][i - 1] < uids[0][i]));
	dw_imap_answer_fini(&whole);
	dw_imap_answer_fini(&parts);
	return 0;
}
