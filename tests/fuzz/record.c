/* Any bytes as the compact records of the store (a damaged database, or one somebody else wrote): refused, or read into
 * values within their bounds that write and read back the same. The first byte picks the record. */
#include <stdlib.h>

#include "duewatch/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void facts(const uint8_t *p, size_t n)
{
	struct dw_facts f = { 0 }, again = { 0 };
	DW_BUF bytes = { 0 };
	DW_BUF twice = { 0 };
	int r = dw_facts_decode(&f, p, n);

	must(r == 0 || r == -EBADMSG);
	if (r < 0)
		return;
	for (int x = 0; x < DW_FIELD_COUNT; x++) {
		DW_BUF text = { 0 };

		must(!dw_has(&f, x) || dw_listed(&f, x));
		must((dw_fields[x].kind == DW_K_TEXT && dw_has(&f, x)) == (f.text[x] != NULL));
		must(!f.text[x] || strlen(f.text[x]) <= DW_TEXT_MAX);
		must(dw_fact_text(&text, &f, x) == 0);
	}
	must(dw_facts_encode(&bytes, &f) == 0 && dw_facts_decode(&again, bytes.p, bytes.n) == 0);
	must(dw_facts_encode(&twice, &again) == 0 && twice.n == bytes.n && memcmp(twice.p, bytes.p, bytes.n) == 0);
	must(dw_facts_hash(&f, 1) == dw_facts_hash(&again, 1));
	dw_facts_fini(&f);
	dw_facts_fini(&again);
}

static void memory(const uint8_t *p, size_t n)
{
	struct dw_memory m = DW_MEMORY_NONE, again = DW_MEMORY_NONE;
	DW_BUF bytes = { 0 };
	DW_BUF twice = { 0 };
	int r = dw_memory_decode(&m, p, n);

	must(r == 0 || r == -EBADMSG);
	if (r < 0)
		return;
	must(dw_memory_encode(&bytes, &m) == 0 && dw_memory_decode(&again, bytes.p, bytes.n) == 0);
	must(dw_memory_encode(&twice, &again) == 0 && twice.n == bytes.n && memcmp(twice.p, bytes.p, bytes.n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	(data[0] & 1 ? memory : facts)(data + 1, size - 1);
	return 0;
}
