#include "engine/next.h"

#include <string.h>

#define BACKOFF_MS 100
/* What an attempt needs at the least; without it a retry only wastes the vendor's time. */
#define ATTEMPT_MS 50

static bool by_vendor(const struct sy_failure *failure)
{
    return failure->limited_by && strcmp(failure->limited_by, "vendor") == 0;
}

int64_t sy_next_retry_wait(const struct sy_next_facts *facts)
{
    const struct sy_failure *failure = facts->failure;
    int64_t wait_ms = failure->retry_after_ms;

    if (!sy_failure_retryable(failure))
        return -1;
    /* Asking again what an open breaker or an operator keeps closed helps nobody. */
    if (failure->cause == SY_CAUSE_BREAKER_OPEN || failure->cause == SY_CAUSE_QUARANTINED)
        return -1;
    if (wait_ms <= 0)
        wait_ms = (int64_t)BACKOFF_MS * (1 << (facts->tries < 6 ? facts->tries - 1 : 5)) +
                  (int64_t)(facts->jitter % BACKOFF_MS);
    if (facts->now_ms + wait_ms + ATTEMPT_MS > facts->deadline_ms)
        return -1;
    return wait_ms;
}

enum sy_next sy_next_after(const struct sy_next_facts *facts, int64_t *ret_wait_ms)
{
    const struct sy_failure *failure = facts->failure;

    *ret_wait_ms = 0;
    if (failure->code == SY_CODE_TOOLKIT_NOT_CONFIGURED && !facts->maybe_applied)
        return facts->another_candidate ? SY_NEXT_SKIP : SY_NEXT_ANSWER;
    if (!(facts->mask & SY_CODE_BIT(failure->code)))
        return SY_NEXT_ANSWER;
    if (failure->code == SY_CODE_RATE_LIMITED && !by_vendor(failure))
        return SY_NEXT_ANSWER;
    if (facts->maybe_applied)
        return SY_NEXT_ANSWER;
    if (facts->tries >= facts->tries_max || facts->now_ms + ATTEMPT_MS > facts->deadline_ms)
        return SY_NEXT_ANSWER;
    if (facts->another_candidate)
        return SY_NEXT_FALLBACK;
    *ret_wait_ms = sy_next_retry_wait(facts);
    return *ret_wait_ms < 0 ? SY_NEXT_ANSWER : SY_NEXT_RETRY;
}
