/* A machine's clocks, moved while a program runs (LD_PRELOAD): $CLOCKSTEP names a file of two int64, seconds by which
 * CLOCK_REALTIME and CLOCK_BOOTTIME are ahead of the truth; a test writes them. A step of the first alone is a clock
 * that was set; of both, a suspend. CLOCK_MONOTONIC stays: it stands still in a suspend, and waits are counted by it.
 *
 * Not libfaketime (0.9.10): it moves BOOTTIME with REALTIME or not at all, and hangs under the address sanitizer. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS 64 /* as the program: where time_t had 32 bits, these functions have other names then */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifdef SYS_clock_gettime64
#define CLOCK_CALL SYS_clock_gettime64
#else
#define CLOCK_CALL SYS_clock_gettime
#endif

static const volatile int64_t *ahead;

__attribute__((constructor)) static void find(void)
{
	const char *path = getenv("CLOCKSTEP");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = fd >= 0 ? mmap(NULL, 2 * sizeof(*ahead), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (p == MAP_FAILED)
		abort(); /* a test on the true clock would prove nothing */
	close(fd);
	ahead = p;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	long r = syscall(CLOCK_CALL, clock, t);

	if (r == 0 && ahead && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		t->tv_sec += ahead[0];
	if (r == 0 && ahead && clock == CLOCK_BOOTTIME)
		t->tv_sec += ahead[1];
	return (int)r;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*t = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
