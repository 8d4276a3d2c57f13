/* What a file really is, whatever its name says: platforms and offices hand out HTML as .xls, .xls as .xlsx. */
#ifndef DUEWATCH_FEED_SNIFF_H
#define DUEWATCH_FEED_SNIFF_H

#include <stdbool.h>
#include <stddef.h>

enum dw_sniff {
	DW_SNIFF_OTHER, /* perhaps text */
	DW_SNIFF_ZIP,	/* .xlsx, .xlsb, .ods … */
	DW_SNIFF_XLS,	/* Excel 97-2003 */
	DW_SNIFF_LOCKED, /* an Office file with a password */
	DW_SNIFF_HTML,
	DW_SNIFF_XML, /* "XML Spreadsheet 2003" and other XML */
	DW_SNIFF_PDF,
};

enum dw_sniff dw_sniff(int fd);

/* "an old Excel file (.xls): save it as .xlsx or .csv"; NULL for DW_SNIFF_OTHER and DW_SNIFF_ZIP. */
const char *dw_sniff_advice(enum dw_sniff what);

#endif
