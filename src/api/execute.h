/*
 * The body of POST /v1/execute as data. Pure.
 */
#ifndef SY_API_EXECUTE_H
#define SY_API_EXECUTE_H

#include "api/fields.h"

struct api_execute_body {
    struct sy_str tool, toolkit, user_id, vendor, connection_id, idempotency_key;
    struct sy_str arguments; /* raw, absent: {} */
    int64_t timeout_ms;      /* 0: the default */
    bool explain;
};

/* False if errors were added. `header_key` is the Idempotency-Key header's value, or absent. */
bool api_execute_read(struct sy_str body, struct sy_str header_key, unsigned header_keys,
                      struct api_execute_body *ret, struct api_errors *errors);

#endif
