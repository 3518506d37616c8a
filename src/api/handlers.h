/*
 * The handlers of route.def: each answers its request exactly once, now or later.
 */
#ifndef SY_API_HANDLERS_H
#define SY_API_HANDLERS_H

#include "api/router.h"

#define SY_ROUTE(id, ...) void api_##id(struct api_request *rq);
#include "api/route.def"
#undef SY_ROUTE

#endif
