/*
 * The engine: runs calls and operations over adapters, on loops.
 *
 * One struct sy_engine a process (shared: snapshot, hot counters, breakers, fact cache, idempotency
 * index) and one struct sy_engine_loop a loop. Everything on a call's way is non-blocking.
 */
#ifndef SY_ENGINE_ENGINE_H
#define SY_ENGINE_ENGINE_H

#include "contract/transfer.h"
#include "ledger/ledger.h"
#include "metrics/metrics.h"
#include "resolve/resolve.h"

struct sy_engine;
struct sy_engine_loop;

/* A vendor with the values of its settings. */
struct sy_vendor_runtime {
    const struct sy_vendor *vendor;
    struct sy_str settings[SY_VENDOR_SETTINGS_MAX];
    bool present;      /* configured with credentials */
    bool unavailable;  /* a secret could not be read; retried */
    struct sy_str why; /* when absent or unavailable */
};

struct sy_engine_options {
    const struct sy_vendor_runtime *vendors; /* index = vendor id; copied, secrets included */
    size_t vendor_count;
    /* Named secrets of worker rows: called on a loop; must not block. */
    struct sy_str (*named_secret)(void *ctx, struct sy_str name);
    void *named_secret_ctx;
    struct sy_writer *writer;
    struct sy_ledger *ledger;
    struct sy_metrics *metrics;
    bool mark_on_ledger_failure; /* ledger.on_failure: mark */
    bool payloads;               /* ledger.payloads */
    size_t memory;               /* bytes of call arenas at once, all loops */
    struct sy_str error_base;    /* problem types: "https://…/errors#" or "" for about:blank */
};

int sy_engine_create(const struct sy_engine_options *options, struct sy_engine **ret,
                     struct sy_err *err);
/* After every loop was detached. */
void sy_engine_free(struct sy_engine *engine);
int sy_engine_attach(struct sy_engine *engine, struct sy_loop *loop, struct sy_transfers transfers,
                     struct sy_engine_loop **ret, struct sy_err *err);
/*
 * Published snapshots no longer wait for this loop: before its thread ends while others still run,
 * on the loop, when it has no more turns to take. The snapshot in hand may be gone afterwards.
 */
void sy_engine_leave(struct sy_engine_loop *loop);
/* The loop has stopped; what it still had in flight is dropped. */
void sy_engine_detach(struct sy_engine_loop *loop);

/* ---- snapshot ---- */

/*
 * Makes `snapshot` the one in use and waits until no loop reads the old one, which is then freed
 * with `free_old(old_ctx)`. From the writer thread or before loops run; never from a loop.
 */
void sy_engine_publish(struct sy_engine *engine, struct sy_snapshot *snapshot,
                       void (*free_fn)(struct sy_snapshot *snapshot, void *ctx), void *ctx);
/* The one in use, for work on the writer thread (which alone replaces it) or before loops run. */
const struct sy_snapshot *sy_engine_published(const struct sy_engine *engine);
/* Valid until this loop's turn ends. */
const struct sy_snapshot *sy_engine_snapshot(struct sy_engine_loop *loop);
/*
 * Loads the registry from the store with the current policy, or the one set since, builds and
 * publishes. Writer thread. On failure the old snapshot and the old policy stay.
 */
int sy_engine_reload(struct sy_engine *engine, struct sy_store *store, struct sy_err *err);
/* The policy of the next reload, and if that succeeds of later ones; takes over `arena`, in which
 * `policy` lives. Writer thread, or before loops run. */
void sy_engine_set_policy(struct sy_engine *engine, struct sy_arena *arena,
                          const struct sy_policy *policy);

/* ---- idempotency keys while two processes use the store ---- */

/*
 * From now on a key is claimed in the store before its call runs; the keys of calls under way are
 * claimed and what was answered is in the store when this returns. Blocks; not on a loop.
 */
int sy_engine_share_keys(struct sy_engine *engine, struct sy_err *err);
/* The other process is gone: takes over what it left in the store. Blocks; not on a loop. */
int sy_engine_own_keys(struct sy_engine *engine, struct sy_err *err);

/* ---- calls ---- */

struct sy_caller {
    struct sy_str tenant;
    struct sy_str key_id;
    struct sy_str environment;
    unsigned scopes;
};

struct sy_call_request {
    struct sy_caller caller;
    struct sy_str tool, toolkit, user_id, vendor, connection_id, idempotency_key;
    struct sy_str arguments; /* raw JSON object; absent = {} */
    struct sy_str body;      /* the whole request body, for the idempotency hash */
    int64_t timeout_ms;      /* 0: default */
    bool explain;
    struct sy_str traceparent;
    int64_t started_us;
};

/* What the caller is told; slices live until the callback returns. */
struct sy_call_answer {
    int status;
    struct sy_str content_type;
    struct sy_str call_id;
    int64_t retry_after_ms; /* 0: no header */
    bool replayed;          /* adds Idempotency-Replayed: true */
    struct sy_str body[8];
    unsigned body_count;
};
struct sy_call;
typedef void sy_call_done_fn(struct sy_call *call, const struct sy_call_answer *answer, void *ctx);

/* Copies the request into the call's arena. `done` is called exactly once, on this loop, after the
 * ledger row is safe; never from inside this function. NULL: no memory, nothing will be called. */
struct sy_call *sy_engine_execute(struct sy_engine_loop *loop,
                                  const struct sy_call_request *request, sy_call_done_fn *done,
                                  void *ctx);
/* The client is gone: reads are cancelled, a sent write runs on. `done` still comes. */
void sy_call_hangup(struct sy_call *call);

/* The decision alone; nothing is executed, minted or probed. Pure but for the snapshot. */
int sy_engine_resolve(struct sy_engine_loop *loop, const struct sy_resolve_request *request,
                      struct sy_arena *arena, struct sy_decision *ret);

/* ---- single operations (triage, probes, doctor) ---- */

struct sy_ask;
struct sy_ask_result {
    bool ok;
    const struct sy_result *result;   /* ok */
    const struct sy_failure *failure; /* else */
};
typedef void sy_ask_done_fn(struct sy_ask *ask, const struct sy_ask_result *result, void *ctx);
/* Runs one operation (PROBE, SEARCH, TOOLS, PING, ACCOUNTS …) at a vendor. Results live until the
 * callback returns. `done` is called exactly once, never from inside. */
struct sy_ask *sy_engine_ask(struct sy_engine_loop *loop, size_t vendor_index,
                             const struct sy_operation *what, struct sy_str subject,
                             int64_t deadline_ms, sy_ask_done_fn *done, void *ctx);

/* ---- operations ---- */

struct sy_vendor_health {
    struct sy_str name;
    enum sy_path path;
    bool present, unavailable, quarantined, breaker_open;
    struct sy_str why;
    uint64_t calls, failures;
};
size_t sy_engine_vendors(struct sy_engine_loop *loop, struct sy_vendor_health *ret, size_t max);
/* Takes effect at once on every loop; the store's row is the caller's job. */
void sy_engine_quarantine(struct sy_engine *engine, struct sy_str vendor, bool on);
/* New credentials for a vendor (a retried secret became readable). Writer thread or main thread. */
void sy_engine_update_vendor(struct sy_engine *engine, size_t index,
                             const struct sy_vendor_runtime *runtime);

/* Refuses new calls with shutting_down; `drained` runs on the loop when the last call has ended. */
void sy_engine_drain(struct sy_engine_loop *loop, void (*drained)(void *ctx), void *ctx);
unsigned sy_engine_in_flight(const struct sy_engine_loop *loop);
/* Whether sy_engine_drain was called. */
bool sy_engine_draining(const struct sy_engine_loop *loop);
struct sy_loop *sy_engine_loop_of(struct sy_engine_loop *loop);
struct sy_engine *sy_engine_of(struct sy_engine_loop *loop);
struct sy_writer *sy_engine_writer(struct sy_engine *engine);
struct sy_ledger *sy_engine_ledger(struct sy_engine *engine);
struct sy_metrics_set *sy_engine_metrics(struct sy_engine_loop *loop);
/* Memory of a layer above (triage) that lives as long as the engine: made on first use by `make`,
 * freed by `release` with the engine. One; any thread. NULL if `make` answers NULL. */
void *sy_engine_annex(struct sy_engine *engine, void *(*make)(void), void (*release)(void *annex));

#endif
