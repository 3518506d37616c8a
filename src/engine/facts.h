/*
 * The fact cache: tokens, tool definitions, accounts, auth configs, links. Shared by all loops.
 *
 * A miss starts one flight (a run of the adapter's own sub-operation) and everybody who asks for
 * the same key meanwhile waits for it: a thousand simultaneous 401s that reject one generation are
 * one mint. A token is refreshed in the background before it ends. A mint that failed at the
 * vendor, and one whose token the vendor then refuses as well, is not repeated within a minute.
 */
#ifndef SY_ENGINE_FACTS_H
#define SY_ENGINE_FACTS_H

#include "contract/vendor.h"
#include "engine/blob.h"
#include "net/loop.h"

#define FACT_CACHE_BYTES ((size_t)64 << 20)
#define FACT_KEY_MAX 1024

struct sy_fact_cache;
struct sy_engine_loop;
struct sy_run;

/* What a fact belongs to. */
struct sy_fact_scope {
    size_t vendor_index;
    uint64_t credentials;  /* generation */
    struct sy_str tenant;  /* per-user kinds */
    struct sy_str subject; /* per-user kinds */
    const struct sy_target *target;
};

/* One who waits. Embedded; alive until woken or cancelled. */
struct sy_fact_wait {
    struct sy_task task; /* task.fn and ctx are the waiter's; runs on `loop` */
    struct sy_loop *loop;
    struct sy_fact_wait *next;
    struct sy_fact_flight *flight; /* while waiting */
    struct sy_blob *blob;          /* the answer; the waiter's reference */
    uint64_t generation;
    struct sy_failure failure; /* code NONE: blob is the fact. Slices borrow `failure_blob` */
    struct sy_blob *failure_blob;
};

enum sy_fact_answer {
    SY_FACT_HIT,  /* *wait holds the blob (a reference) or a remembered failure */
    SY_FACT_FLY,  /* nobody asks yet: run the sub-operation, then sy_facts_landed(*ret_flight) */
    SY_FACT_WAIT, /* task will be posted */
    SY_FACT_NOMEM,
};

int sy_facts_create(struct sy_fact_cache **ret, struct sy_err *err);
void sy_facts_free(struct sy_fact_cache *cache);

/*
 * Asks for (scope, kind, key), not of generation `reject`. With SY_FACT_FLY the caller waits as
 * well (its task is posted on landing). *ret_refresh is set when a HIT is near its end and nobody
 * refreshes it: the caller may start a flight in the background with *ret_flight.
 */
enum sy_fact_answer sy_facts_ask(struct sy_fact_cache *cache, const struct sy_fact_scope *scope,
                                 enum sy_fact_kind kind, struct sy_str key, uint64_t reject,
                                 int64_t now_ms, struct sy_fact_wait *wait, bool *ret_refresh,
                                 struct sy_fact_flight **ret_flight);
/* The flight's outcome: a value with its lifetime (0: hand to the waiters, keep nothing), or a
 * failure. Frees the flight. Any thread. */
void sy_facts_landed(struct sy_fact_cache *cache, struct sy_fact_flight *flight,
                     struct sy_str value, int64_t ttl_ms, const struct sy_failure *failure,
                     int64_t now_ms);
/* True: the waiter is off the list, its task will not run. False: the task is on its way. */
bool sy_facts_cancel(struct sy_fact_cache *cache, struct sy_fact_wait *wait);
/* Forgets what an adapter says is no longer so; only values of `generation` or older. */
void sy_facts_forget(struct sy_fact_cache *cache, const struct sy_fact_scope *scope,
                     enum sy_fact_kind kind, struct sy_str key, uint64_t generation);

#endif
