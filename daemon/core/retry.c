/* retry.h */
#include "duewatch/retry.h"

enum { MINUTE = 60, HOUR = 3600, QUICK_FOR = 24 * HOUR, QUICK_MAX = 15 * MINUTE, GIVE_UP = 5 * 24 * HOUR };

dw_time dw_retry_next(dw_time created, int tries, bool unsure_again, dw_time now)
{
	int64_t age = now > created ? now - created : 0, wait = HOUR;

	if (age >= GIVE_UP)
		return DW_NEVER;
	if (age < QUICK_FOR && !unsure_again) {
		wait = tries > 15 ? QUICK_MAX : (int64_t)MINUTE * tries * tries;
		if (wait > QUICK_MAX)
			wait = QUICK_MAX;
		if (wait < MINUTE)
			wait = MINUTE;
	}
	return now + wait;
}
