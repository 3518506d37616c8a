#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/next.h"

#define MASK                                                                                       \
    (SY_CODE_BIT(SY_CODE_VENDOR_UNAVAILABLE) | SY_CODE_BIT(SY_CODE_VENDOR_TIMEOUT) |               \
     SY_CODE_BIT(SY_CODE_RATE_LIMITED))

struct row {
    const char *why;
    struct sy_failure failure;
    bool maybe_applied;
    unsigned tries, tries_max;
    int64_t left_ms;
    bool another;
    enum sy_next expected;
};

static const struct row rows[] = {
    {"a write that may have been applied is answered, never repeated",
     {.code = SY_CODE_VENDOR_UNAVAILABLE, .cause = SY_CAUSE_RESET},
     true,
     1,
     2,
     10000,
     true,
     SY_NEXT_ANSWER},
    {"the same failure with nothing sent goes to another vendor",
     {.code = SY_CODE_VENDOR_UNAVAILABLE, .cause = SY_CAUSE_CONNECT_REFUSED},
     false,
     1,
     2,
     10000,
     true,
     SY_NEXT_FALLBACK},
    {"without another vendor it is tried again",
     {.code = SY_CODE_VENDOR_UNAVAILABLE, .cause = SY_CAUSE_CONNECT_REFUSED},
     false,
     1,
     2,
     10000,
     false,
     SY_NEXT_RETRY},
    {"the last try is the answer",
     {.code = SY_CODE_VENDOR_UNAVAILABLE, .cause = SY_CAUSE_CONNECT_REFUSED},
     false,
     2,
     2,
     10000,
     true,
     SY_NEXT_ANSWER},
    {"a code outside the policy's mask is the answer",
     {.code = SY_CODE_TOOL_FAILED, .cause = SY_CAUSE_PROVIDER_ERROR},
     false,
     1,
     2,
     10000,
     true,
     SY_NEXT_ANSWER},
    {"a vendor's rate limit may go on",
     {.code = SY_CODE_RATE_LIMITED, .limited_by = "vendor"},
     false,
     1,
     2,
     10000,
     true,
     SY_NEXT_FALLBACK},
    {"a provider's rate limit may not: the other vendor meets the same provider",
     {.code = SY_CODE_RATE_LIMITED, .limited_by = "provider"},
     false,
     1,
     2,
     10000,
     true,
     SY_NEXT_ANSWER},
    {"no time left is the answer",
     {.code = SY_CODE_VENDOR_TIMEOUT, .cause = SY_CAUSE_TOTAL},
     false,
     1,
     2,
     10,
     true,
     SY_NEXT_ANSWER},
    {"an open breaker is not asked again",
     {.code = SY_CODE_VENDOR_UNAVAILABLE, .cause = SY_CAUSE_BREAKER_OPEN},
     false,
     1,
     2,
     10000,
     false,
     SY_NEXT_ANSWER},
    {"an open breaker is gone round",
     {.code = SY_CODE_VENDOR_UNAVAILABLE, .cause = SY_CAUSE_BREAKER_OPEN},
     false,
     1,
     2,
     10000,
     true,
     SY_NEXT_FALLBACK},
    {"a toolkit that is not set up makes way for the next candidate",
     {.code = SY_CODE_TOOLKIT_NOT_CONFIGURED, .cause = SY_CAUSE_NO_AUTH_CONFIG},
     false,
     1,
     1,
     10000,
     true,
     SY_NEXT_SKIP},
    {"a toolkit that is set up nowhere is the answer",
     {.code = SY_CODE_TOOLKIT_NOT_CONFIGURED, .cause = SY_CAUSE_NO_AUTH_CONFIG},
     false,
     1,
     1,
     10000,
     false,
     SY_NEXT_ANSWER},
    {"a wait that the deadline cannot hold is the answer",
     {.code = SY_CODE_RATE_LIMITED, .limited_by = "vendor", .retry_after_ms = 60000},
     false,
     1,
     2,
     10000,
     false,
     SY_NEXT_ANSWER},
};

static void what_follows_a_failure_is_one_mask_test(void **state)
{
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_next_facts facts = {
            .failure = &rows[i].failure,
            .maybe_applied = rows[i].maybe_applied,
            .mask = MASK,
            .tries = rows[i].tries,
            .tries_max = rows[i].tries_max,
            .now_ms = 1000,
            .deadline_ms = 1000 + rows[i].left_ms,
            .another_candidate = rows[i].another,
        };
        int64_t wait_ms;
        enum sy_next next = sy_next_after(&facts, &wait_ms);

        if (next != rows[i].expected)
            fail_msg("%s: got %d, want %d", rows[i].why, (int)next, (int)rows[i].expected);
    }
}

static void a_retry_waits_as_long_as_the_vendor_asks(void **state)
{
    struct sy_failure failure = {
        .code = SY_CODE_RATE_LIMITED, .limited_by = "vendor", .retry_after_ms = 2000};
    struct sy_next_facts facts = {.failure = &failure,
                                  .mask = MASK,
                                  .tries = 1,
                                  .tries_max = 2,
                                  .now_ms = 0,
                                  .deadline_ms = 10000};
    int64_t wait_ms;

    (void)state;
    assert_int_equal(sy_next_after(&facts, &wait_ms), SY_NEXT_RETRY);
    assert_int_equal(wait_ms, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_a_failure_is_one_mask_test),
        cmocka_unit_test(a_retry_waits_as_long_as_the_vendor_asks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
