/*
 * One operation of one adapter, from start to DONE or FAIL: serves its wishes with transfers, facts
 * and timers, and sees to it that what goes out carries the account that was bound.
 *
 * A run is embedded in its owner (a call's attempt, a fact's flight, an ask) and uses the owner's
 * arena. It belongs to one loop.
 */
#ifndef SY_ENGINE_RUN_H
#define SY_ENGINE_RUN_H

#include "contract/transfer.h"
#include "engine/facts.h"

#define RUN_FACTS_MAX 8

struct sy_engine_loop;
struct sy_runtime_node;
struct sy_run;

enum sy_run_waiting { RUN_IDLE, RUN_FLYING, RUN_NEEDING, RUN_SLEEPING, RUN_HELD, RUN_ENDED };

/* What the run's own task goes on with. */
enum sy_run_again { AGAIN_START, AGAIN_FACT, AGAIN_FAILED, AGAIN_SEND };

struct sy_run_owner {
    /* The run has ended: exactly one of result and failure. Slices live until sy_run_close. */
    void (*done)(struct sy_run *run, const struct sy_result *result,
                 const struct sy_failure *failure, void *ctx);
    /* Optional: before the first request that may change something. True: the run is held until
     * sy_run_release_hold. */
    bool (*hold)(struct sy_run *run, void *ctx);
    /* Optional: the run now waits for something else (the call's state follows). */
    void (*waits)(struct sy_run *run, enum sy_run_waiting what, void *ctx);
    void *ctx;
};

struct sy_run {
    struct sy_engine_loop *el;
    const struct sy_vendor *vendor;
    const struct sy_runtime_node *runtime;
    size_t vendor_index;
    struct sy_operation what;
    struct sy_facts facts;
    struct sy_fact have[RUN_FACTS_MAX];
    struct sy_blob *held[RUN_FACTS_MAX];
    unsigned depth;
    unsigned sends;
    unsigned tries;   /* as in the options */
    unsigned resends; /* what the transport sent once more on its own */
    int64_t deadline_ms;
    struct sy_run_owner owner;
    void *op;
    enum sy_run_waiting waiting;
    struct sy_wish wish;
    struct sy_transfer *transfer;
    struct sy_transfer *replies[SY_OPERATION_SENDS_MAX];
    unsigned reply_count;
    struct sy_breaker_slot *breaker;
    bool breaker_probe;
    bool breaker_asked;
    bool hold_asked;
    bool heard;         /* the vendor answered a request, whatever it said */
    bool write_started; /* a request with effect WRITE may have reached the vendor */
    bool cancelled;
    struct sy_timer timer;
    struct sy_fact_wait wait;
    struct sy_need need;
    struct sy_failure failure;
    struct sy_task again; /* goes on from a clean stack */
    enum sy_run_again again_with;
    int64_t vendor_us; /* time spent waiting for the vendor */
    int64_t sent_us;
};

struct sy_run_options {
    size_t vendor_index;
    const struct sy_operation *what; /* copied; its slices must live in the owner's arena */
    struct sy_str subject;
    struct sy_str idempotency_key;
    struct sy_str row_secret;
    struct sy_arena *mem;
    int64_t deadline_ms;
    unsigned depth;
    /* What is left of the call's tries, this one included: so often may a request go out, resends
     * by the transport counted. 0: nobody counts. */
    unsigned tries;
};

/* Zeroes and starts the run on the loop's next step; `done` is never called from inside. */
int sy_run_start(struct sy_run *run, struct sy_engine_loop *el,
                 const struct sy_run_options *options, const struct sy_run_owner *owner);
/* Goes on after `hold`: go, or (not written) fail with `failure`. */
void sy_run_release_hold(struct sy_run *run, const struct sy_failure *failure);
/* Ends it early with `failure`; `done` is called later, or at once from the run's own task. */
void sy_run_cancel(struct sy_run *run, const struct sy_failure *failure);
/* Frees replies and facts. The run must have ended. */
void sy_run_close(struct sy_run *run);
/* flight.c: serves `need` for everybody who waits on `flight`; not tied to the asker's life. */
void sy_flight_start(struct sy_run *asker, const struct sy_need *need,
                     struct sy_fact_flight *flight);
/* True while a request is out that may change something. */
bool sy_run_has_write_out(const struct sy_run *run);

#endif
