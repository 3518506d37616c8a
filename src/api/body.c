/* A request's JSON body. */
#include "api/api_int.h"

bool api_expect_json(struct api_request *rq)
{
    if (api_body_kind(rq->head) == API_BODY_JSON)
        return true;
    api_fail_code(rq, SY_CODE_UNSUPPORTED_MEDIA_TYPE, SY_CAUSE_NONE,
                  SY_STR("the body must be JSON, with Content-Type: application/json"));
    return false;
}

bool api_read_body(struct api_request *rq, bool optional, const struct api_field *fields,
                   size_t count, void *out, uint32_t *ret_seen)
{
    struct api_errors errors = {.arena = rq->arena};
    struct sy_str body = sy_exchange_body(rq->x);
    uint32_t seen = 0;

    if (!optional || body.len) {
        if (!api_expect_json(rq))
            return false;
        if (!api_fields_read(body, fields, count, out, &errors, &seen)) {
            api_fail_errors(rq, &errors);
            return false;
        }
    }
    if (ret_seen)
        *ret_seen = seen;
    return true;
}
