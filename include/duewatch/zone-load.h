/* Makes a struct dw_zone out of the system's time zone data (TZif files, RFC 8536, with their POSIX footer).
 *
 * Not by libical: against glibc over 2000-2100, libical 3.0.16 is wrong in 16 of 418 zones of tzdata 2025b
 * (Asia/Jerusalem 2013-2016, Pacific/Easter 2020-2022, Africa/Cairo from 2041, America/St_Johns from 2038 …) and
 * GLib 2.74 in Europe/Dublin from 2038. The files themselves are short and exact. */
#ifndef DUEWATCH_ZONE_LOAD_H
#define DUEWATCH_ZONE_LOAD_H

#include "duewatch/instant.h"

/* Loads zone `name` ("Asia/Shanghai") from $TZDIR, else the system's folder. "UTC" needs no data at all. Blocks on
 * the disk, well under a millisecond. *out is the caller's, never changed later, free of shared state: any thread
 * may read it. Returns 0; -EINVAL: no such zone (with a near match) or an unusable name; -ENOENT: no tzdata
 * installed; -EBADMSG: the file is damaged, or not written whole yet; other errno: unreadable file; -ENOMEM. */
int dw_zone_load(struct dw_zone **out, const char *name, struct dw_err *err);
void dw_zone_free(struct dw_zone *z); /* NULL is fine */

static inline void dw_zone_freep(struct dw_zone **p)
{
	dw_zone_free(*p);
}

/* The same from the bytes of a TZif file. name is copied. Returns 0, -EBADMSG (damaged), -EINVAL (of version 1,
 * which ends in 2037, or counting leap seconds), -ENOMEM. */
int dw_zone_from_tzif(struct dw_zone **out, const char *name, const unsigned char *p, size_t n, struct dw_err *err);

#endif
