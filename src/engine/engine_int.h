/*
 * Inside the engine: the structs its files share. Users include engine/engine.h.
 */
#ifndef SY_ENGINE_ENGINE_INT_H
#define SY_ENGINE_ENGINE_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/engine.h"
#include "engine/facts.h"
#include "engine/hot.h"
#include "engine/idempotency.h"
#include "engine/run.h"
#include "engine/unlisted.h"

#define ENGINE_LOOPS_MAX 64
#define CALL_ARENA_MAX ((size_t)48 << 20)
/* All that a call of some hundred bytes needs, its row and its answer included. */
#define CALL_ARENA_USUAL ((size_t)8 << 10)
#define CALL_ARENA_ESTIMATE ((size_t)16 << 10)
#define BARE_ROW_MAX 8192 /* any row without its arguments */
#define CASES_A_TENANT_A_DAY 100u
#define DEFAULT_TIMEOUT_MS 30000
#define MAX_TIMEOUT_MS 300000

/* Runtime values of a vendor. Never freed before the engine: runs point into it. */
struct sy_runtime_node {
    struct sy_vendor_runtime runtime;
    uint64_t generation; /* of the credentials; part of every fact's key */
    struct sy_arena mem;
    struct sy_runtime_node *older;
};

struct sy_engine {
    struct sy_engine_options options;
    size_t vendor_count;
    _Atomic(struct sy_runtime_node *) runtimes[SY_VENDORS_MAX];
    struct sy_breaker_slot *breakers[SY_VENDORS_MAX];
    _Atomic bool quarantined[SY_VENDORS_MAX];
    const struct sy_vendor *vendors[SY_VENDORS_MAX];
    struct sy_str names[SY_VENDORS_MAX]; /* of the vendors */
    struct sy_hot *hot;
    struct sy_fact_cache *facts;
    struct sy_idempotency *idempotency;
    struct sy_prober *unlisted;
    _Atomic size_t memory_used;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t acknowledged;
    struct sy_engine_loop *loops[ENGINE_LOOPS_MAX];
    unsigned loop_count;
    unsigned pending_acks;
    struct sy_snapshot *snapshot;
    void (*snapshot_free)(struct sy_snapshot *snapshot, void *ctx);
    void *snapshot_free_ctx;
    void *annex;
    void (*annex_release)(void *annex);
    struct policy_hold *policy_hold; /* reload.c: the one in use */
    struct fold *fold; /* reload.c: edits that another thread makes a base of, or NULL */
    struct policy_hold *next_policy; /* and the one that the next reload tries, or NULL */
};

#define LOOP_RANDOM_BYTES 1000u
#define LOOP_TENANTS 64u /* a power of two */

struct sy_engine_loop {
    struct sy_engine *engine;
    struct sy_loop *loop;
    struct sy_transfers transfers;
    struct sy_ledger_loop *ledger;
    struct sy_metrics_set *metrics;
    const struct sy_snapshot *snapshot; /* changes only between turns */
    struct sy_snapshot *next_snapshot;
    struct sy_task adopt;
    struct sy_call *calls; /* all in flight, a list */
    struct sy_call *spare; /* closed ones kept for reuse, with their first arena chunk */
    unsigned spare_count;
    /* Bytes of engine->memory_used that no call of this loop holds at present: the shared count is
     * only touched when they run out or have become many. */
    size_t memory_spare;
    struct sy_tenant_slot *tenants[LOOP_TENANTS]; /* those asked for last, by hash of the name */
    unsigned char random[LOOP_RANDOM_BYTES];      /* fetched at once: a call costs no system call */
    unsigned random_left;
    char bare[SY_FAILURE_BARE_MAX]; /* a problem for which there was no memory */
    char bare_row[BARE_ROW_MAX];    /* and a row */
    unsigned in_flight;
    unsigned asks;
    bool draining;
    void (*drained)(void *ctx);
    void *drained_ctx;
};

const struct sy_runtime_node *sy_engine_runtime(struct sy_engine *engine, size_t index);
/* reload.c: after the last snapshot is gone. */
void sy_engine_drop_fold(struct sy_engine *engine);
void sy_engine_drop_policies(struct sy_engine *engine);
/* Random bytes that nobody can foresee, from the loop's stock. */
void sy_engine_random(struct sy_engine_loop *el, void *out, size_t size);
/* Index of a vendor by name, or -1. */
int sy_engine_vendor_index(const struct sy_engine *engine, struct sy_str name);
/* Tells the drain that a call or ask has ended. */
void sy_engine_ended(struct sy_engine_loop *el);
/* The resolver's facts of this moment; arrays live in `arena`. */
int sy_engine_resolve_facts(struct sy_engine_loop *el, struct sy_arena *arena,
                            struct sy_resolve_facts *ret);

#endif
