/*
 * Shared state that changes with every call and outlives snapshots: tenants' rates and calls in
 * flight, circuit breakers. Any thread; nothing here blocks for longer than a few instructions.
 */
#ifndef SY_ENGINE_HOT_H
#define SY_ENGINE_HOT_H

#include "base/err.h"
#include "contract/vendor.h"
#include "policy/policy.h"

struct sy_hot;
struct sy_tenant_slot;  /* lives as long as the hot state */
struct sy_breaker_slot; /* likewise */

int sy_hot_create(struct sy_hot **ret, struct sy_err *err);
void sy_hot_free(struct sy_hot *hot);

/* The tenant's slot, made on first use; NULL without memory. */
struct sy_tenant_slot *sy_hot_tenant(struct sy_hot *hot, struct sy_str tenant);

/* The name it was made under. */
struct sy_str sy_hot_tenant_name(const struct sy_tenant_slot *slot);

enum sy_admission { SY_ADMITTED, SY_LIMITED_RATE, SY_LIMITED_IN_FLIGHT };
/* Takes one call (GCRA: a rate with a burst) and one place in flight. On refusal takes neither and
 * sets *ret_wait_us to when the rate allows the next call. */
enum sy_admission sy_hot_admit(struct sy_tenant_slot *slot, const struct sy_rate *rate,
                               int64_t now_us, int64_t *ret_wait_us);
/* Gives the place in flight back. */
void sy_hot_leave(struct sy_tenant_slot *slot);

/* The breaker of a vendor, or of one host of it; made on first use; NULL without memory. */
struct sy_breaker_slot *sy_hot_breaker(struct sy_hot *hot, struct sy_str key);
enum sy_breaker_verdict {
    SY_BREAKER_CLOSED, /* go */
    SY_BREAKER_PROBE,  /* go, as the one probe of a half-open breaker */
    SY_BREAKER_OPEN,   /* do not go */
};
/* Whether a request may go now. A PROBE must be reported by sy_breaker_report or sy_breaker_yield,
 * else its lease ends after 10 s. */
enum sy_breaker_verdict sy_breaker_ask(struct sy_breaker_slot *slot, int64_t now_ms,
                                       int64_t *ret_wait_ms);
/* The outcome of a request that went. Five failures in a row open the breaker for 5 s, then twice
 * as long each time a probe fails, 60 s at most; one success closes it. */
void sy_breaker_report(struct sy_breaker_slot *slot, bool failed, bool probe, int64_t now_ms);
/* A probe that ended without saying anything about the vendor (cancelled). */
void sy_breaker_yield(struct sy_breaker_slot *slot);
bool sy_breaker_is_open(struct sy_breaker_slot *slot, int64_t now_ms);
void sy_breaker_counts(struct sy_breaker_slot *slot, uint64_t *ret_calls, uint64_t *ret_failures);

#endif
