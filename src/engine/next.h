/*
 * What follows a failed attempt. Pure: one function over facts, so that the rule "a write goes on
 * only if it provably was not sent" can be read and tested in one place.
 */
#ifndef SY_ENGINE_NEXT_H
#define SY_ENGINE_NEXT_H

#include "contract/failure.h"

enum sy_next {
    SY_NEXT_ANSWER,   /* the failure is the answer */
    SY_NEXT_SKIP,     /* nothing was tried in earnest: take the next candidate, whatever it is */
    SY_NEXT_FALLBACK, /* look for another vendor, else retry if `may_retry` */
    SY_NEXT_RETRY,    /* the same vendor again after *ret_wait_ms */
};

struct sy_next_facts {
    const struct sy_failure *failure;
    bool maybe_applied; /* a write may have reached the vendor */
    uint64_t mask;      /* policy's fallback.on as SY_CODE_BITs */
    unsigned tries;     /* attempts made, this one included */
    unsigned tries_max;
    int64_t now_ms;
    int64_t deadline_ms; /* the sooner of the caller's and fallback.total */
    bool another_candidate;
    uint32_t jitter; /* random */
};

enum sy_next sy_next_after(const struct sy_next_facts *facts, int64_t *ret_wait_ms);
/* The wait before the same vendor is asked again, or -1 if it may not be. */
int64_t sy_next_retry_wait(const struct sy_next_facts *facts);

#endif
