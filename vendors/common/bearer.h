/*
 * OAuth client credentials: minting a bearer, carrying it, and one re-mint when it is refused.
 */
#ifndef SY_VENDORS_COMMON_BEARER_H
#define SY_VENDORS_COMMON_BEARER_H

#include "vendors/common/send.h"

/* Part of the state of an operation that calls with a bearer. */
struct sy_bearer {
    uint64_t generation; /* of the token last sent */
    bool refused;        /* it was answered with 401 */
};

/* A usable token is in hand. If not: NEED by sy_bearer_need. */
bool sy_bearer_ready(const struct sy_bearer *bearer, const struct sy_turn *t);
enum sy_step sy_bearer_need(const struct sy_bearer *bearer, const struct sy_turn *t);
/* Adds Authorization and notes which token it was. */
void sy_bearer_add(struct sy_bearer *bearer, struct sy_send *s);
/*
 * A 401 of the vendor itself: true, with a NEED for another token in the wish, the first time;
 * false when the fresh one was refused too.
 */
bool sy_bearer_again(struct sy_bearer *bearer, const struct sy_turn *t);

/*
 * The token endpoint's answer: DONE with the bearer, kept for expires_in less `margin_s` (or half
 * of it, if that is shorter), or FAIL: vendor_auth/mint_failed for 400, 401 and 403.
 */
enum sy_step sy_mint_reply(const struct sy_turn *t, int64_t margin_s);

#endif
