/* Which files a feed's `path` means: the file itself, a folder's newest, or all of them. */
#ifndef DUEWATCH_FILES_H
#define DUEWATCH_FILES_H

#include "duewatch/base.h"

#include <sys/stat.h>

struct dw_file {
	char *path;
	int fd; /* open for reading, O_CLOEXEC */
	struct stat st;
};

struct dw_files {
	struct dw_file *f; /* newest first */
	size_t n;
};

enum { DW_FILES_MAX = 256 };
#define DW_FILE_BYTES_MAX (INT64_C(4) << 30) /* 20 million orders of 200 bytes: more is refused unread */

/* type "csv" takes *.csv *.tsv *.txt of a folder, "xlsx" *.xlsx *.xlsm; hidden files and those of a program still
 * writing (~$…, *.part, *.tmp, *.crdownload) are passed over. A path that is neither a regular file nor a folder is
 * refused (a FIFO would block). 0; -ENOENT where there is no file, -EFBIG for one that is
 * larger than any export, with err. */
int dw_files_open(struct dw_files *out, const char *path, const char *type, bool all, struct dw_err *err);
void dw_files_close(struct dw_files *files);
/* False when size, mtime or inode of an open file is no longer what it was, or its name means another file. */
bool dw_files_same(const struct dw_files *files);

#endif
