/* What operators hear of a login that needs a person. In a transaction of its own; the worker's thread. */
#ifndef DUEWATCH_APP_OAUTH_TELL_H
#define DUEWATCH_APP_OAUTH_TELL_H

#include "duewatch/engine.h"
#include "duewatch/oauth.h"

int dw_oauth_tell(struct dw_engine *e, struct dw_oauth *o, dw_time now, struct dw_err *err);

#endif
