/* What systemd is told (sd_notify); nothing without it. */
#ifndef DUEWATCH_NOTIFY_H
#define DUEWATCH_NOTIFY_H

#include "duewatch/base.h"

void dw_notify_ready(const char *status);
void dw_notify_reloading(void); /* READY must follow on every path: systemd 252 has no notify-reload */
void dw_notify_stopping(void);
void dw_notify_alive(void); /* fed by the tick: it proves progress */

#endif
