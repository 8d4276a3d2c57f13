/* zipxml.h: libzip unpacks, expat parses, and everything is counted. */
#include "zipxml.h"

#include <expat.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include <zip.h>

enum { PARTS_MAX = 10000, RATIO_MAX = 200, RATIO_FROM = 16 << 20, TAG_MAX = 1 << 20, DEPTH_MAX = 64, PIECE = 64 * 1024 };
static const uint64_t total_max = UINT64_C(2) << 30;

struct dw_zip {
	zip_t *zip;
	uint64_t total; /* bytes unpacked so far, by all parts */
};

struct parse {
	const struct dw_xml_handler *h;
	XML_Parser xml;
	const char *part;
	struct dw_err *err;
	int depth, r;
};

static void fini_zip_error(zip_error_t *e)
{
	zip_error_fini(e);
}

void dw_zip_freep(struct dw_zip **z)
{
	if (*z && (*z)->zip)
		zip_discard((*z)->zip);
	free(*z);
	*z = NULL;
}

/* A zip source over its own duplicate of fd; closing the archive closes it. */
static zip_source_t *source(int fd, zip_error_t *ze)
{
	int own = dup(fd);
	FILE *f = own < 0 ? NULL : fdopen(own, "rb");
	zip_source_t *src = f ? zip_source_filep_create(f, 0, -1, ze) : NULL;

	if (src)
		return src;
	if (f)
		fclose(f);
	else if (own >= 0)
		close(own);
	return NULL;
}

int dw_zip_open(struct dw_zip **out, int fd, struct dw_err *err)
{
	DW_CLEANUP(dw_zip_freep) struct dw_zip *z = dw_calloc(1, sizeof(*z));
	DW_CLEANUP(fini_zip_error) zip_error_t ze;
	zip_source_t *src;

	zip_error_init(&ze);
	if (!z)
		return dw_err_oom(err);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return dw_err_set(err, -errno, "can't read: %s", strerror(errno));
	src = source(fd, &ze);
	if (!src)
		return dw_err_set(err, -EIO, "can't read: %s", zip_error_strerror(&ze));
	z->zip = zip_open_from_source(src, ZIP_RDONLY, &ze);
	if (!z->zip) {
		zip_source_free(src);
		return dw_err_set(err, -EBADMSG, "the file is cut short or damaged (%s)", zip_error_strerror(&ze));
	}
	if (zip_get_num_entries(z->zip, 0) > PARTS_MAX)
		return dw_err_set(err, -EBADMSG, "the file holds over %d parts: not a spreadsheet anybody saved", PARTS_MAX);
	*out = dw_steal(&z);
	return 0;
}

bool dw_zip_has(struct dw_zip *z, const char *part)
{
	return zip_name_locate(z->zip, part, ZIP_FL_NOCASE) >= 0;
}

static const char *local(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? colon + 1 : name;
}

const char *dw_xml_attr(const char **attr, const char *name)
{
	for (; *attr; attr += 2)
		if (strcmp(local(attr[0]), name) == 0)
			return attr[1];
	return NULL;
}

static void stop(struct parse *p, int r)
{
	if (r >= 0 || p->r < 0)
		return;
	p->r = r;
	XML_StopParser(p->xml, XML_FALSE);
}

static void on_start(void *ctx, const char *name, const char **attr)
{
	struct parse *p = ctx;

	if (p->r < 0)
		return;
	if (++p->depth > DEPTH_MAX)
		stop(p, dw_err_set(p->err, -EBADMSG, "%s: elements nested over %d deep", p->part, DEPTH_MAX));
	else if (p->h->start)
		stop(p, p->h->start(p->h->ctx, local(name), attr, p->err));
}

static void on_end(void *ctx, const char *name)
{
	struct parse *p = ctx;

	p->depth--;
	if (p->r == 0 && p->h->end)
		stop(p, p->h->end(p->h->ctx, local(name), p->err));
}

static void on_text(void *ctx, const char *s, int n)
{
	struct parse *p = ctx;

	if (p->r == 0 && p->h->text && n > 0)
		stop(p, p->h->text(p->h->ctx, s, (size_t)n, p->err));
}

static void on_doctype(void *ctx, const char *name, const char *sys, const char *pub, int subset)
{
	struct parse *p = ctx;

	(void)name;
	(void)sys;
	(void)pub;
	(void)subset;
	stop(p, dw_err_set(p->err, -EBADMSG, "%s: a DOCTYPE, which no spreadsheet has: refused", p->part));
}

/* Before a byte is unpacked: what the archive says of this part. */
static int admit(struct dw_zip *z, const char *part, zip_stat_t *st, struct dw_err *err)
{
	zip_uint64_t all = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD | ZIP_STAT_INDEX;

	zip_stat_init(st);
	if (zip_stat(z->zip, part, ZIP_FL_NOCASE, st) < 0)
		return dw_err_set(err, -ENOENT, "%s is not in the file", part);
	if ((st->valid & all) != all)
		return dw_err_set(err, -EBADMSG, "%s: damaged", part);
	if (st->encryption_method != ZIP_EM_NONE)
		return dw_err_set(err, -EBADMSG, "%s is encrypted: save the file without a password", part);
	if (st->comp_method != ZIP_CM_STORE && st->comp_method != ZIP_CM_DEFLATE)
		return dw_err_set(err, -EBADMSG, "%s: packed in a way no spreadsheet uses (method %d)", part, st->comp_method);
	if (st->size > total_max - z->total)
		return dw_err_set(err, -EBADMSG, "%s: the file unpacks to over 2 GiB: refused", part);
	if (st->size > RATIO_FROM && st->size / RATIO_MAX > st->comp_size)
		return dw_err_set(err, -EBADMSG, "%s: %" PRIu64 " bytes unpack to %" PRIu64 ": a zip bomb, refused", part,
				  (uint64_t)st->comp_size, (uint64_t)st->size);
	return 0;
}

static int xml_failed(struct parse *p)
{
	if (p->r < 0)
		return p->r;
	return dw_err_set(p->err, XML_GetErrorCode(p->xml) == XML_ERROR_NO_MEMORY ? -ENOMEM : -EBADMSG, "%s, line %lu: %s: the file is damaged",
			  p->part, (unsigned long)XML_GetCurrentLineNumber(p->xml), XML_ErrorString(XML_GetErrorCode(p->xml)));
}

/* Unpacks and parses piece by piece. expat keeps a tag until it is whole, so an endless one is stopped here. */
static int pump(struct dw_zip *z, zip_file_t *f, uint64_t size, struct parse *p)
{
	uint64_t got = 0;

	for (;;) {
		void *buf = XML_GetBuffer(p->xml, PIECE);
		zip_int64_t n = buf ? zip_fread(f, buf, PIECE) : -1;
		XML_Index at;

		if (!buf)
			return dw_err_oom(p->err);
		if (n < 0)
			return dw_err_set(p->err, -EBADMSG, "%s: the file is damaged (%s)", p->part, zip_file_strerror(f));
		got += (uint64_t)n;
		z->total += (uint64_t)n;
		if (got > size || (n == 0 && got < size))
			return dw_err_set(p->err, -EBADMSG, "%s: not as long as the file says: damaged", p->part);
		if (XML_ParseBuffer(p->xml, (int)n, n == 0) != XML_STATUS_OK)
			return xml_failed(p);
		if (n == 0)
			return 0;
		at = XML_GetCurrentByteIndex(p->xml);
		if (at >= 0 && got > (uint64_t)at && got - (uint64_t)at > TAG_MAX)
			return dw_err_set(p->err, -EBADMSG, "%s: a tag of over 1 MiB: refused", p->part);
	}
}

static void close_file(zip_file_t **f)
{
	if (*f)
		zip_fclose(*f);
}

static void free_parser(XML_Parser *x)
{
	if (*x)
		XML_ParserFree(*x);
}

int dw_zip_xml(struct dw_zip *z, const char *part, const struct dw_xml_handler *h, struct dw_err *err)
{
	DW_CLEANUP(close_file) zip_file_t *f = NULL;
	DW_CLEANUP(free_parser) XML_Parser xml = NULL;
	struct parse p = { .h = h, .part = part, .err = err };
	zip_stat_t st;
	int r = admit(z, part, &st, err);

	if (r < 0)
		return r;
	f = zip_fopen_index(z->zip, st.index, 0);
	if (!f)
		return dw_err_set(err, -EBADMSG, "%s: the file is damaged (%s)", part, zip_strerror(z->zip));
	xml = p.xml = XML_ParserCreate(NULL);
	if (!xml)
		return dw_err_oom(err);
	XML_SetUserData(xml, &p);
	XML_SetElementHandler(xml, on_start, on_end);
	XML_SetCharacterDataHandler(xml, on_text);
	XML_SetStartDoctypeDeclHandler(xml, on_doctype);
	return pump(z, f, st.size, &p);
}
