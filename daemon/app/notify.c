/* notify.h */
#include "notify.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#ifdef DW_HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#else
static int sd_notify(int unset, const char *state)
{
	(void)unset;
	(void)state;
	return 0;
}
#endif

/* A READY that could not be handed over (no descriptor for its socket): systemd would end us for it. */
static _Atomic(const char *) ready_owed;

static int with_status(const char *state, const char *status)
{
	char text[500];

	snprintf(text, sizeof(text), "%s\nSTATUS=%s", state, status);
	return sd_notify(0, text);
}

void dw_notify_ready(const char *status)
{
	atomic_store(&ready_owed, with_status("READY=1", status) < 0 ? status : NULL);
}

void dw_notify_reloading(void)
{
	char text[100];
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading",
		 (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	sd_notify(0, text);
}

void dw_notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

void dw_notify_alive(void)
{
	const char *owed = atomic_exchange(&ready_owed, NULL);

	if (owed)
		dw_notify_ready(owed);
	sd_notify(0, "WATCHDOG=1");
}
