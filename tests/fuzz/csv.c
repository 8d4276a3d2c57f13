/* Any bytes as a CSV file, read in every way a feed may ask for. The first byte picks the way, so that a corpus
 * file says how it is read: a NUL is the default. */
#include "table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dw_table_opts ways[] = {
		{ .encoding = NULL },	    { .encoding = "utf-8" },  { .encoding = "gb18030" }, { .encoding = "utf-16" },
		{ .encoding = "utf-16be" }, { .encoding = "latin1" }, { .delimiter = ';' },	 { .encoding = "big5", .delimiter = '\t' },
	};

	if (size == 0)
		return 0;
	fuzz_table(&dw_csv, &ways[data[0] % DW_COUNT(ways)], data + 1, size - 1);
	return 0;
}
