/* What simulate and check --against-live share. Private to cli/. */
#ifndef DUEWATCH_CLI_SIMULATE_H
#define DUEWATCH_CLI_SIMULATE_H

#include "cli.h"
#include "duewatch/simulate.h"

/* An option's instant, or a time from now ("30d"). last: a bare date is its last second. 0, or an exit code. */
int cli_when(const struct cli *c, const char *option, const char *text, bool last, dw_time *out);
/* A copy of the live store. 0; 1: there is none yet, which is said; < 0 after saying why. */
int cli_scratch(struct cli *c, struct dw_store **out);
const char *cli_sim_person(const struct cli *c, int person);
void cli_sim_step(struct dw_buf *b, const struct dw_sim_step *s); /* "overdue +1d" */
json_t *cli_sim_step_json(const struct dw_sim_step *s);
/* check --against-live, with a config that is fine. An exit code. */
int cli_against(struct cli *c);

#endif
