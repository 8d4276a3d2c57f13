/* The XML parts of a zip package (.xlsx), read as a stream under bounds: the file comes from strangers.
 * Bounds: 2 GiB unpacked in all, 200:1 a part once it is over 16 MiB, 10,000 parts, tags of 1 MiB, elements
 * 64 deep, stored or deflated parts only, and no DOCTYPE, so no entities of the file's own. */
#ifndef DUEWATCH_FEED_ZIPXML_H
#define DUEWATCH_FEED_ZIPXML_H

#include "duewatch/base.h"

struct dw_zip;

/* Names come without their namespace prefix (`x:row` is "row"); so do attributes. attr: name, value, … NULL.
 * A handler returns 0 or < 0 to stop (err filled); any may be NULL. */
struct dw_xml_handler {
	int (*start)(void *ctx, const char *name, const char **attr, struct dw_err *err);
	int (*end)(void *ctx, const char *name, struct dw_err *err);
	int (*text)(void *ctx, const char *s, size_t n, struct dw_err *err);
	void *ctx;
};

/* The fd is borrowed, its offset moves. -EBADMSG: not a zip, cut short, damaged, too many parts. */
int dw_zip_open(struct dw_zip **out, int fd, struct dw_err *err);
void dw_zip_freep(struct dw_zip **z);
bool dw_zip_has(struct dw_zip *z, const char *part); /* upper and lower case are the same */

/* Parses one part to its end. -ENOENT: no such part; -EBADMSG: damaged or over a bound; < 0 from a handler. */
int dw_zip_xml(struct dw_zip *z, const char *part, const struct dw_xml_handler *h, struct dw_err *err);

const char *dw_xml_attr(const char **attr, const char *name); /* NULL if not there */

#endif
