/* Any bytes as an .xlsx: first as they are; then, as a mutated zip seldom opens, as the text of each part of one
 * that does. Inputs that don't begin like a zip are parts: "name NUL text NUL name NUL text …". */
#include "table.h"

#include <zip.h>

#define TYPE "x/relationships/"

static const char *const parts[][2] = {
	{ "xl/workbook.xml", "<workbook><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>" },
	{ "xl/_rels/workbook.xml.rels", "<R><Relationship Id=\"r1\" Type=\"" TYPE "worksheet\" Target=\"s.xml\"/>"
					"<Relationship Id=\"r2\" Type=\"" TYPE "styles\" Target=\"y.xml\"/>"
					"<Relationship Id=\"r3\" Type=\"" TYPE "sharedStrings\" Target=\"t.xml\"/></R>" },
	{ "xl/y.xml", "<styleSheet><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>" },
	{ "xl/t.xml", "<sst><si><t>zero</t></si><si><r><t>one</t></r></si></sst>" },
};

static void add(zip_t *z, const char *name, const void *p, size_t n)
{
	zip_source_t *s = zip_source_buffer(z, p, n, 0);
	zip_int64_t i = s ? zip_file_add(z, name, s, ZIP_FL_OVERWRITE) : -1;

	if (i < 0)
		zip_source_free(s);
	else
		zip_set_file_compression(z, (zip_uint64_t)i, ZIP_CM_STORE, 0);
}

/* Takes the next text up to a NUL or the end. */
static size_t take(const uint8_t **p, size_t *n)
{
	const uint8_t *end = *n ? memchr(*p, 0, *n) : NULL;
	size_t k = end ? (size_t)(end - *p) : *n, step = end ? k + 1 : k;

	*p += step;
	*n -= step;
	return k;
}

static void add_parts(zip_t *z, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < DW_COUNT(parts); i++)
		add(z, parts[i][0], parts[i][1], strlen(parts[i][1]));
	for (int i = 0; n > 0 && i < 16; i++) {
		const uint8_t *name = p;
		size_t k = take(&p, &n);
		char path[128];
		const uint8_t *text = p;
		size_t len = take(&p, &n);

		snprintf(path, sizeof(path), "%.*s", (int)(k > 100 ? 100 : k), (const char *)name);
		if (path[0])
			add(z, path, text, len);
	}
}

static void as_parts(const uint8_t *p, size_t n)
{
	static const struct dw_table_opts opts = { .sheet = NULL };
	zip_source_t *src = zip_source_buffer_create(NULL, 0, 0, NULL);
	zip_stat_t st;
	zip_t *z;

	if (!src)
		return;
	zip_source_keep(src);
	z = zip_open_from_source(src, ZIP_CREATE | ZIP_TRUNCATE, NULL);
	must(z);
	add_parts(z, p, n);
	if (zip_close(z) < 0)
		zip_discard(z);
	else if (zip_source_open(src) == 0 && zip_source_stat(src, &st) == 0) {
		uint8_t *all = malloc(st.size);

		must(all && zip_source_read(src, all, st.size) == (zip_int64_t)st.size);
		fuzz_table(&dw_xlsx, &opts, all, st.size);
		free(all);
		zip_source_close(src);
	}
	zip_source_free(src);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dw_table_opts opts = { .sheet = NULL };

	fuzz_table(&dw_xlsx, &opts, data, size);
	if (size < 4 || memcmp(data, "PK\3\4", 4) != 0)
		as_parts(data, size);
	return 0;
}
