/* feed/xlsx.c against workbooks built here with libzip: strings, dates in both systems, sparse rows, sheets, and
 * files that are damaged, hostile, or something else. */
#include "table.h"

#include <zip.h>

struct part {
	const char *name, *text;
	bool locked; /* packed with a password */
};

#define RELS_TYPE "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
#define PACKAGE_RELS                                                                                                     \
	{ "_rels/.rels", "<Relationships><Relationship Id=\"rId1\" Type=\"" RELS_TYPE                                    \
			 "officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>" }
#define BOOK_RELS                                                                                                        \
	{ "xl/_rels/workbook.xml.rels",                                                                                  \
	  "<Relationships><Relationship Id=\"r1\" Type=\"" RELS_TYPE "worksheet\" Target=\"worksheets/sheet1.xml\"/>"    \
	  "<Relationship Id=\"r2\" Type=\"" RELS_TYPE "worksheet\" Target=\"/xl/./x/../worksheets/sheet2.xml\"/>"        \
	  "<Relationship Id=\"r3\" Type=\"" RELS_TYPE "chartsheet\" Target=\"chartsheets/sheet1.xml\"/>"                 \
	  "<Relationship Id=\"r4\" Type=\"" RELS_TYPE "styles\" Target=\"styles.xml\"/>"                                 \
	  "<Relationship Id=\"r5\" Type=\"" RELS_TYPE "sharedStrings\" Target=\"sharedStrings.xml\"/></Relationships>" }
#define ONE_SHEET { "xl/workbook.xml", "<workbook><sheets><sheet name=\"Orders\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>" }
#define DATES_1904                                                                                                       \
	{ "xl/workbook.xml", "<workbook><workbookPr date1904=\"1\"/><sheets><sheet name=\"Orders\" sheetId=\"1\" "       \
			     "r:id=\"r1\"/></sheets></workbook>" }
/* styles: 0 General, 1 built-in 14, 2 own date, 3 elapsed, 4 an amount with letters in quotes, 5 Chinese built-in */
#define STYLES                                                                                                           \
	{ "xl/styles.xml",                                                                                               \
	  "<styleSheet><numFmts><numFmt numFmtId=\"164\" formatCode=\"yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;\\ hh:mm;@\"/>" \
	  "<numFmt numFmtId=\"165\" formatCode=\"[h]:mm:ss\"/>"                                                          \
	  "<numFmt numFmtId=\"166\" formatCode=\"[Red][$USD-409]#,##0.00\\d&quot;days&quot;_y\"/></numFmts>"             \
	  "<cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/>"         \
	  "<xf numFmtId=\"164\"/><xf numFmtId=\"165\"/><xf numFmtId=\"166\"/><xf numFmtId=\"31\"/></cellXfs></styleSheet>" }
#define SHEET(rows) { "xl/worksheets/sheet1.xml", "<worksheet><sheetData>" rows "</sheetData></worksheet>" }
#define HEAD "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>a</t></is></c><c r=\"B1\" t=\"inlineStr\"><is><t>b</t></is></c></row>"

/* A zip in memory; the caller frees it. */
static char *build(const struct part *p, size_t n, size_t *size)
{
	zip_source_t *src = zip_source_buffer_create(NULL, 0, 0, NULL);
	zip_t *z;
	zip_stat_t st;
	char *out;

	assert_non_null(src);
	zip_source_keep(src);
	z = zip_open_from_source(src, ZIP_CREATE | ZIP_TRUNCATE, NULL);
	assert_non_null(z);
	for (size_t i = 0; i < n; i++) {
		zip_int64_t at = zip_file_add(z, p[i].name, zip_source_buffer(z, p[i].text, strlen(p[i].text), 0), 0);

		assert_true(at >= 0);
		if (p[i].locked)
			assert_int_equal(zip_file_set_encryption(z, (zip_uint64_t)at, ZIP_EM_AES_256, "secret"), 0);
	}
	assert_int_equal(zip_close(z), 0);
	assert_int_equal(zip_source_open(src), 0);
	assert_int_equal(zip_source_stat(src, &st), 0);
	out = malloc(st.size);
	assert_non_null(out);
	assert_int_equal(zip_source_read(src, out, st.size), st.size);
	*size = st.size;
	zip_source_close(src);
	zip_source_free(src);
	return out;
}

static void is_with(const struct dw_table_opts *opts, const struct part *p, size_t n, const char *want)
{
	size_t size;
	DW_FREE char *zip = build(p, n, &size);

	table_is(&dw_xlsx, zip, size, opts, want);
}

static void fails_with(const struct dw_table_opts *opts, const struct part *p, size_t n, int code, const char *text)
{
	size_t size;
	DW_FREE char *zip = build(p, n, &size);

	table_fails(&dw_xlsx, zip, size, opts, code, text);
}

#define IS(want, ...)                                                    \
	do {                                                             \
		const struct part parts_[] = { __VA_ARGS__ };            \
		is_with(NULL, parts_, DW_COUNT(parts_), want);           \
	} while (0)
#define FAILS(text, ...)                                                      \
	do {                                                                  \
		const struct part parts_[] = { __VA_ARGS__ };                 \
		fails_with(NULL, parts_, DW_COUNT(parts_), -EBADMSG, text);   \
	} while (0)

static void strings(void **state)
{
	(void)state;
	IS("1:订单编号(Order Number)|b\n2:2341 | x\\r\\ny\n3:!refers to a text the file doesn't have: 9|f_x000D_\n"
	   "4:in & line|TRUE\n5:FALSE|!the cell holds an error: #N/A\n6:!refers to a text the file doesn't have: -1|\n",
	   PACKAGE_RELS, BOOK_RELS, ONE_SHEET,
	   { "xl/sharedStrings.xml", "<x:sst xmlns:x=\"y\"><x:si><x:r><x:t>订单编号</x:t></x:r><x:r><x:rPr/><x:t>(Order Number)</x:t></x:r>"
				     "<x:rPh sb=\"0\" eb=\"1\"><x:t>dingdan</x:t></x:rPh></x:si><x:si><x:t>b</x:t></x:si>"
				     "<x:si><x:t>2341 </x:t></x:si><x:si><x:t xml:space=\"preserve\"> x_x000D_\ny</x:t></x:si>"
				     "<x:si/></x:sst>" },
	   SHEET("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c></row>"
		 "<row r=\"2\"><c r=\"A2\" t=\"s\"><v>2</v></c><c r=\"B2\" t=\"s\"><v>3</v></c></row>"
		 "<row r=\"3\"><c r=\"A3\" t=\"s\"><v>9</v></c><c r=\"B3\" t=\"str\"><f>A1&amp;\"t\"</f><v>f_x005F_x000D_</v></c></row>"
		 "<row r=\"4\"><c r=\"A4\" t=\"inlineStr\"><is><r><t>in &amp; </t></r><r><t>line</t></r><rPh><t>no</t></rPh></is></c>"
		 "<c r=\"B4\" t=\"b\"><v>1</v></c></row>"
		 "<row r=\"5\"><c r=\"A5\" t=\"b\"><v>0</v></c><c r=\"B5\" t=\"e\"><v>#N/A</v></c></row>"
		 "<row r=\"6\"><c r=\"A6\" t=\"s\"><v>-1</v></c><c r=\"B6\" t=\"s\"><v>4</v></c></row>"));
}

#define D(style, value) "<row><c s=\"" style "\"><v>" value "</v></c></row>"

static void dates_1900(void **state)
{
	(void)state;
	IS("1:a|b\n2:@2026-11-30|\n3:@2026-11-30 15:59:59|\n4:@1900-01-01|\n5:@1900-02-28|\n"
	   "6:!29 February 1900, a day that never was: 60|\n7:@1900-03-01|\n8:@9999-12-31|\n9:!not a day a spreadsheet has: 2958466|\n"
	   "10:!a time of day without a date: 0.5|\n11:!an empty date (day 0): 0|\n12:!not a day a spreadsheet has: -1|\n"
	   "13:@2026-12-01 00:00:00|\n14:#46356.5|\n15:#46356|\n16:@2026-11-30 12:00:00|\n17:#2.3E+17|\n18:!not a number: x|\n"
	   "19:#46356|\n20:@2026-11-30|\n21:!not a number: nan|\n22:!not a number: 0x10|\n",
	   PACKAGE_RELS, BOOK_RELS, ONE_SHEET, STYLES,
	   SHEET(HEAD D("1", "46356") D("2", "46356.666655092595") D("1", "1") D("1", "59") D("1", "60") D("1", "61") D("1", "2958465")
			 D("1", "2958466") D("2", "0.5") D("2", "0") D("2", "-1") D("2", "46356.999999999") D("3", "46356.5")
				 D("4", "46356") D("5", "4.63565E4") D("0", "2.3E+17") D("0", "x") D("99", "46356") D("1", "46356.0")
					 D("0", "nan") D("0", "0x10")));
}

static void dates_1904(void **state)
{
	(void)state;
	IS("1:a|b\n2:@2026-11-30|\n3:!an empty date (day 0): 0|\n4:!a time of day without a date: 0.5|\n5:@1904-03-01|\n6:@9999-12-31|\n7:!not a day a spreadsheet has: 2957004|\n"
	   "8:@1904-01-02|\n",
	   PACKAGE_RELS, BOOK_RELS, DATES_1904, STYLES,
	   SHEET(HEAD D("1", "44894") D("1", "0") D("1", "0.5") D("1", "60") D("1", "2957003") D("1", "2957004") D("1", "1")));
}

#define T(value) "<row><c t=\"d\"><v>" value "</v></c></row>"

static void dates_iso(void **state)
{
	(void)state;
	IS("1:a|b\n2:@2026-11-30|\n3:@2026-11-30|\n4:@2026-11-30 15:59:59|\n5:2026-11-30T15:59:59Z|\n6:next week|\n7:2026-11-30T15:59|\n",
	   PACKAGE_RELS, BOOK_RELS, ONE_SHEET,
	   SHEET(HEAD T("2026-11-30") T("2026-11-30T00:00:00.000") T("2026-11-30T15:59:59") T("2026-11-30T15:59:59Z") T("next week")
			 T("2026-11-30T15:59")));
}

static void sparse(void **state)
{
	(void)state;
	IS("3:a||c\n5:|2|3\n7:1||\n8:||c|d\n9:x||\n",
	   PACKAGE_RELS, BOOK_RELS, ONE_SHEET, STYLES,
	   SHEET("<row r=\"2\"><c r=\"A2\" s=\"1\"/><c r=\"XFD2\" s=\"1\"/></row>"
		 "<row r=\"3\"><c r=\"A3\" t=\"str\"><v>a</v></c><c r=\"C3\" t=\"str\"><v>c</v></c><c r=\"XFD3\"/></row>"
		 "<row r=\"5\"><c r=\"B5\" t=\"str\"><v>2</v></c><c t=\"str\"><v>3</v></c></row>"
		 "<row><c t=\"str\"><v> </v></c><c t=\"str\"><v></v></c></row>"
		 "<row><c t=\"str\"><v>1</v></c></row>"
		 "<row><c r=\"C8\" t=\"str\"><v>c</v></c><c t=\"str\"><v>d</v></c></row>"
		 "<row r=\"9\"><c r=\"A9\" t=\"str\"><v>x</v></c></row>"));
	IS("1:a|b\n2:1| REJECT more than 1024 columns\n3:2|\n", PACKAGE_RELS, BOOK_RELS, ONE_SHEET,
	   SHEET(HEAD "<row><c t=\"str\"><v>1</v></c><c r=\"AMK2\" t=\"str\"><v>1</v></c></row><row><c t=\"str\"><v>2</v></c></row>"));
}

#define SECOND { "xl/worksheets/sheet2.xml", "<worksheet><sheetData><row><c t=\"str\"><v>two</v></c></row></sheetData></worksheet>" }
#define HIDDEN(first)                                                                                                    \
	{ "xl/workbook.xml", "<workbook><sheets><sheet name=\"Chart\" sheetId=\"9\" r:id=\"r3\"/><sheet name=\"Old\" "    \
			     "sheetId=\"1\" " first " r:id=\"r1\"/><sheet name=\"订单\" sheetId=\"2\" r:id=\"r2\"/></sheets></workbook>" }

static void sheets(void **state)
{
	const struct part parts[] = { PACKAGE_RELS, BOOK_RELS, HIDDEN("state=\"hidden\""), SHEET(HEAD), SECOND };
	struct dw_table_opts old = { .sheet = "OLD" }, two = { .sheet = "订单" }, none = { .sheet = "Chart" }, any = { .sheet = "" };

	(void)state;
	is_with(NULL, parts, DW_COUNT(parts), "1:two\n");
	is_with(&any, parts, DW_COUNT(parts), "1:two\n");
	is_with(&two, parts, DW_COUNT(parts), "1:two\n");
	is_with(&old, parts, DW_COUNT(parts), "1:a|b\n");
	fails_with(&none, parts, DW_COUNT(parts), -ENOENT, "no sheet \"Chart\"; the file has \"Old\" (hidden), \"订单\"");
	IS("1:a|b\n", PACKAGE_RELS, BOOK_RELS, HIDDEN("state=\"visible\""), SHEET(HEAD), SECOND);
	IS("1:two\n", PACKAGE_RELS, BOOK_RELS, HIDDEN("state=\"veryHidden\""), SHEET(HEAD), SECOND);
	FAILS("line 1: the sheet is empty", PACKAGE_RELS, BOOK_RELS, ONE_SHEET, SHEET("<row/>"));
	FAILS("no visible sheet", PACKAGE_RELS, BOOK_RELS, { "xl/workbook.xml", "<workbook/>" }, SHEET(HEAD));
	FAILS("xl/worksheets/sheet1.xml is not in the file", PACKAGE_RELS, BOOK_RELS, ONE_SHEET);
}

static char *repeated(const char *before, const char *s, size_t n, const char *after)
{
	struct dw_buf b = { 0 };

	dw_buf_puts(&b, before);
	while (n-- > 0)
		dw_buf_puts(&b, s);
	dw_buf_puts(&b, after);
	return dw_buf_take(&b);
}

static void hostile(void **state)
{
	DW_FREE char *bomb = repeated("<worksheet>", "                                ", (20 << 20) / 32, "</worksheet>");
	DW_FREE char *tag = repeated("<worksheet><a b=\"", "0123456789abcdef", (3 << 20) / 16, "\"/></worksheet>");
	DW_FREE char *deep = repeated("<worksheet>", "<a>", 5000, "");

	(void)state;
	FAILS("a zip bomb, refused", PACKAGE_RELS, BOOK_RELS, ONE_SHEET, { "xl/worksheets/sheet1.xml", bomb });
	FAILS("a tag of over 1 MiB", PACKAGE_RELS, BOOK_RELS, ONE_SHEET, { "xl/worksheets/sheet1.xml", tag });
	FAILS("nested over 64 deep", PACKAGE_RELS, BOOK_RELS, ONE_SHEET, { "xl/worksheets/sheet1.xml", deep });
	FAILS("a DOCTYPE", PACKAGE_RELS, BOOK_RELS, ONE_SHEET,
	      { "xl/worksheets/sheet1.xml", "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><worksheet>&b;</worksheet>" });
	FAILS("xl/sharedStrings.xml: a DOCTYPE", PACKAGE_RELS, BOOK_RELS, ONE_SHEET, SHEET(HEAD),
	      { "xl/sharedStrings.xml", "<!DOCTYPE sst SYSTEM \"file:///etc/passwd\"><sst/>" });
	FAILS("the file is damaged", PACKAGE_RELS, BOOK_RELS, ONE_SHEET, SHEET(HEAD "<row><c></row>"));
	FAILS("a sheet has rows 1 to 1048576", PACKAGE_RELS, BOOK_RELS, ONE_SHEET, SHEET(HEAD "<row r=\"1048577\"/>"));
	FAILS("a sheet has rows 1 to 1048576", PACKAGE_RELS, BOOK_RELS, ONE_SHEET, SHEET(HEAD "<row r=\"1048576\"/><row/>"));
	FAILS("a sheet has rows 1 to 1048576", PACKAGE_RELS, BOOK_RELS, ONE_SHEET, SHEET(HEAD "<row r=\"-7\"/>"));
}

static void long_cells(void **state)
{
	DW_FREE char *text = repeated("<sst><si><t>", "0123456789abcdef", 4097, "</t></si><si><t>ok</t></si></sst>");
	DW_FREE char *cell = repeated("<worksheet><sheetData>" HEAD "<row><c t=\"s\"><v>0</v></c><c t=\"str\"><v>", "0123456789abcdef", 4097,
				      "</v></c></row><row><c t=\"s\"><v>1</v></c></row></sheetData></worksheet>");

	(void)state;
	IS("1:a|b\n2:!longer than 64 KiB|!longer than 64 KiB\n3:ok|\n", PACKAGE_RELS, BOOK_RELS, ONE_SHEET, { "xl/worksheets/sheet1.xml", cell },
	   { "xl/sharedStrings.xml", text });
}

#define FAILS_RAW(text, part) table_fails(&dw_xlsx, text, sizeof(text) - 1, NULL, -EBADMSG, part)

static void other_formats(void **state)
{
	static char locked[4096] = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

	(void)state;
	FAILS("(.xlsb): save the table as .xlsx or .csv", { "xl/workbook.bin", "x" });
	FAILS("(.ods)", { "content.xml", "<x/>" });
	FAILS("a zip file without a workbook", { "readme.txt", "x" });
	FAILS("xl/worksheets/sheet1.xml is encrypted: save the file without a password", PACKAGE_RELS, BOOK_RELS, ONE_SHEET,
	      { "xl/worksheets/sheet1.xml", "<worksheet/>", true });
	FAILS_RAW("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 and more", "(.xls), whatever its name: save it as .xlsx or .csv");
	FAILS_RAW("\xEF\xBB\xBF\n <html xmlns:o='urn:schemas-microsoft-com:office:office'><table>", "HTML");
	FAILS_RAW("<?xml version=\"1.0\"?><?mso-application progid=\"Excel.Sheet\"?><Workbook/>", "XML");
	FAILS_RAW("order_id,status\n1,x\n", "type = \"csv\"");
	FAILS_RAW("", "not an .xlsx file");
	locked[30] = 9; /* sectors of 512 bytes, the directory in sector 0 */
	memcpy(locked + 512 + 128, "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0", 32);
	table_fails(&dw_xlsx, locked, sizeof(locked), NULL, -EBADMSG, "protected by a password");
}

/* Cut at any byte, or one byte flipped: never half a table as a success. */
static void damaged(void **state)
{
	const struct part parts[] = { PACKAGE_RELS, BOOK_RELS, ONE_SHEET, STYLES,
				      SHEET(HEAD "<row><c><v>1</v></c><c t=\"s\"><v>0</v></c></row>"),
				      { "xl/sharedStrings.xml", "<sst><si><t>x</t></si></sst>" } };
	size_t size, failed = 0;
	DW_FREE char *zip = build(parts, DW_COUNT(parts), &size);

	(void)state;
	for (size_t n = 0; n < size; n++) {
		DW_FREE char *cut = malloc(n + 1);

		assert_non_null(cut);
		memcpy(cut, zip, n);
		table_fails(&dw_xlsx, cut, n, NULL, -EBADMSG, n < 4 ? "not an .xlsx file" : "cut short");
	}
	for (size_t n = 0; n < size; n++) {
		struct table t = { 0 };

		zip[n] ^= 0x55;
		table_read(&t, &dw_xlsx, zip, size, NULL);
		failed += t.r < 0;
		zip[n] ^= 0x55;
		dw_buf_fini(&t.text);
	}
	assert_true(failed > size / 2);
	table_is(&dw_xlsx, zip, size, NULL, "1:a|b\n2:#1|x\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings), cmocka_unit_test(dates_1900), cmocka_unit_test(dates_1904), cmocka_unit_test(dates_iso),
		cmocka_unit_test(sparse),  cmocka_unit_test(sheets),	 cmocka_unit_test(hostile),    cmocka_unit_test(long_cells),
		cmocka_unit_test(other_formats), cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
