/* sniff.h: the first bytes of a file, and one look into an OLE directory for a password. */
#include "sniff.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>
#include <unistd.h>

static bool begins(const char *p, size_t n, const char *with)
{
	size_t k = strlen(with);

	return n >= k && strncasecmp(p, with, k) == 0;
}

static uint32_t le32(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* A password turns an .xlsx into an OLE file with a stream "EncryptedPackage" ([MS-OFFCRYPTO] 2.3.4); its
 * directory begins at the sector named at offset 48 of the header ([MS-CFB] 2.2). */
static enum dw_sniff sniff_ole(int fd, const unsigned char *head, size_t n)
{
	static const char name[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";
	char dir[4096];
	unsigned shift;
	ssize_t got;

	if (n < 52)
		return DW_SNIFF_XLS;
	shift = head[30] | (unsigned)head[31] << 8;
	if (shift != 9 && shift != 12)
		return DW_SNIFF_XLS;
	got = pread(fd, dir, sizeof(dir), ((off_t)le32(head + 48) + 1) << shift);
	if (got > 0 && memmem(dir, (size_t)got, name, sizeof(name)))
		return DW_SNIFF_LOCKED;
	return DW_SNIFF_XLS;
}

static enum dw_sniff sniff_markup(const char *p, size_t n)
{
	static const char *const html[] = { "<!doctype html", "<html", "<table", "<meta", "<head", "<body", "<style" };

	if (begins(p, n, "\xEF\xBB\xBF")) {
		p += 3;
		n -= 3;
	}
	while (n > 0 && memchr(" \t\r\n", *p, 4)) {
		p++;
		n--;
	}
	for (size_t i = 0; i < sizeof(html) / sizeof(html[0]); i++)
		if (begins(p, n, html[i]))
			return DW_SNIFF_HTML;
	if (!begins(p, n, "<?xml"))
		return DW_SNIFF_OTHER;
	return memmem(p, n, "<html", 5) ? DW_SNIFF_HTML : DW_SNIFF_XML;
}

enum dw_sniff dw_sniff(int fd)
{
	unsigned char head[512];
	ssize_t got = pread(fd, head, sizeof(head), 0);
	size_t n = got > 0 ? (size_t)got : 0;

	if (n >= 4 && memcmp(head, "PK\3\4", 4) == 0)
		return DW_SNIFF_ZIP;
	if (n >= 8 && memcmp(head, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8) == 0)
		return sniff_ole(fd, head, n);
	if (n >= 5 && memcmp(head, "%PDF-", 5) == 0)
		return DW_SNIFF_PDF;
	return sniff_markup((const char *)head, n);
}

const char *dw_sniff_advice(enum dw_sniff what)
{
	switch (what) {
	case DW_SNIFF_XLS:
		return "this is an old Excel file (.xls), whatever its name: save it as .xlsx or .csv";
	case DW_SNIFF_LOCKED:
		return "this Excel file is protected by a password: save it without one, as .xlsx or .csv";
	case DW_SNIFF_HTML:
		return "this is a web page (HTML), whatever its name: open it in a spreadsheet and save it as .xlsx or .csv "
		       "(or it is a login page: download it again)";
	case DW_SNIFF_XML:
		return "this is an XML file, whatever its name: open it in a spreadsheet and save it as .xlsx or .csv";
	case DW_SNIFF_PDF:
		return "this is a PDF: export the orders as .xlsx or .csv";
	case DW_SNIFF_OTHER:
	case DW_SNIFF_ZIP:
		break;
	}
	return NULL;
}
