/* Any line of history as proof: texts stay within their fields and valid. */
#include <stdlib.h>

#include "../../daemon/app/engine-impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dw_mail_proof p;
	char *line = dw_strndup((const char *)data, size);

	if (line && dw_proof_parse(&p, 1, dw_utf8_mend(line)) == 0 &&
	    (!dw_utf8_valid(p.by, strlen(p.by)) || !dw_utf8_valid(p.value, strlen(p.value)) || (p.withdrawn && *p.value)))
		abort();
	free(line);
	return 0;
}
