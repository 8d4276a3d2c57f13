/* clock.h */
#include "duewatch/clock.h"

enum { JUMP_S = 3600, STEADY_S = 600, BEHIND_S = 86400, AGREE_S = 3600 };

static int64_t apart(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

static void begin_doubt(struct dw_clock *c, int64_t boot, int64_t jump, int64_t believed)
{
	c->doubt = true;
	c->since = boot;
	c->jump = jump;
	c->drift_was = believed;
}

bool dw_clock_look(struct dw_clock *c, dw_time wall, int64_t boot, dw_time latest)
{
	int64_t drift = wall - boot, before = c->wall - c->boot;

	if (!c->started) {
		c->started = true;
		if (latest != DW_UNKNOWN && wall < latest - BEHIND_S)
			begin_doubt(c, boot, wall - latest, drift);
	} else if (apart(drift, before) > JUMP_S) {
		if (c->doubt && apart(drift, c->drift_was) <= JUMP_S && c->drift_was != before)
			c->doubt = false; /* it came back: one look was wrong */
		else
			begin_doubt(c, boot, drift - before, c->doubt ? c->drift_was : before);
	} else if (c->doubt && boot - c->since >= STEADY_S)
		c->doubt = false;
	c->wall = wall;
	c->boot = boot;
	return !c->doubt;
}

void dw_clock_confirm(struct dw_clock *c, dw_time server, dw_time wall)
{
	if (c->doubt && apart(server, wall) <= AGREE_S)
		c->doubt = false;
}

dw_time dw_clock_reckon(const struct dw_clock *c, dw_time wall, int64_t boot)
{
	return c->doubt ? boot + c->drift_was : wall;
}
