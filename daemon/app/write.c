/* write.h */
#include "write.h"

#include <errno.h>
#include <unistd.h>

int dw_write_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t k = write(fd, at, n);

		if (k < 0 && errno != EINTR)
			return -errno;
		if (k > 0) {
			at += k;
			n -= (size_t)k;
		}
	}
	return 0;
}

int dw_write_synced(int fd, const void *p, size_t n)
{
	int r = dw_write_all(fd, p, n);

	return r == 0 && fsync(fd) < 0 ? -errno : r;
}
