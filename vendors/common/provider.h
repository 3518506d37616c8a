/*
 * What the SaaS behind a vendor said no with: grant dead, scope missing, too fast, plain refusal.
 *
 * All vendors relay it in their own wrapping; the adapter unwraps, this decides.
 */
#ifndef SY_VENDORS_COMMON_PROVIDER_H
#define SY_VENDORS_COMMON_PROVIDER_H

#include "vendors/common/turn.h"

struct sy_provider_said {
    int status;          /* of the provider's own reply; 0: not told */
    struct sy_str words; /* its message, for people and for the wording tests */
    struct sy_str more;  /* further text to look into, such as a raw JSON body; may be absent */
    struct sy_json body; /* for provider_body */
    int64_t retry_after_ms;
    bool threw; /* the vendor's own component failed, no provider status known */
};

/* Wording that stands for a grant that lacks a scope. With status 403 any talk of scopes does. */
bool sy_says_scope(struct sy_str text, int status);
/* Wording that stands for a grant the provider no longer accepts. */
bool sy_says_dead(struct sy_str text);

/*
 * The failure that follows: connection_expired, scope_missing (fix reconsent), rate_limited by the
 * provider, invalid_arguments never, tool_failed otherwise. True if a connect link belongs to it.
 */
bool sy_provider_failure(const struct sy_turn *t, const struct sy_provider_said *said,
                         struct sy_failure *ret_failure);

#endif
