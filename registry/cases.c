#include "registry/cases.h"

#include <string.h>

#include "base/crypto.h"
#include "base/encode.h"

struct sy_str sy_case_id(int64_t at_ms, char *out)
{
    unsigned char random[10];

    sy_random(random, sizeof(random));
    memcpy(out, "case_", 5);
    sy_ulid(at_ms, random, out + 5);
    return sy_str_from(out, SY_CASE_ID_SIZE);
}

int sy_case_denied(const struct sy_case_bump *bump, struct sy_err *err)
{
    return sy_err_set(err, SY_DENIED, "tenant %.*s has opened %u cases today", SY_FMT(bump->tenant),
                      bump->daily_cap);
}

int64_t sy_day_start(int64_t at_ms)
{
    return at_ms - at_ms % SY_DAY_MS;
}
