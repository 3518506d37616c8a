/*
 * Toolkits without a row: asks the vendors of the policy's order once for everybody, remembers a
 * hit for 1 h (as a DISCOVERED row) and a miss for 10 min.
 */
#ifndef SY_ENGINE_UNLISTED_H
#define SY_ENGINE_UNLISTED_H

#include "engine/engine.h"

struct sy_prober;
struct probe;

enum sy_unlisted_result {
    SY_UNLISTED_HIT,         /* a row exists now: resolve again */
    SY_UNLISTED_MISS,        /* every vendor was asked, none has it */
    SY_UNLISTED_UNAVAILABLE, /* none has it, and one could not be asked */
};

struct sy_unlisted_wait {
    struct sy_task task; /* the waiter's fn and ctx; posted to `loop` with the result set */
    struct sy_loop *loop;
    enum sy_unlisted_result result;
    struct sy_unlisted_wait *next;
    struct probe *probe; /* while waiting */
    bool waiting;
};

int sy_prober_create(struct sy_engine *engine, struct sy_prober **ret, struct sy_err *err);
void sy_prober_free(struct sy_prober *unlisted);
/* True: *ret_result is known already. False: the task will be posted (single flight a slug). */
bool sy_unlisted_ask(struct sy_engine_loop *el, const struct sy_decision *decision,
                     struct sy_unlisted_wait *wait, enum sy_unlisted_result *ret_result);
bool sy_unlisted_cancel(struct sy_prober *unlisted, struct sy_unlisted_wait *wait);

#endif
