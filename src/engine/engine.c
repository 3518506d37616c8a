#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "engine/call.h"

/* ---- vendors ---- */

static struct sy_runtime_node *runtime_copy(const struct sy_vendor_runtime *from,
                                            uint64_t generation)
{
    struct sy_runtime_node *node = calloc(1, sizeof(*node));

    if (!node)
        return NULL;
    sy_arena_init(&node->mem, (size_t)1 << 20);
    node->runtime = *from;
    node->generation = generation;
    for (size_t i = 0; i < SY_VENDOR_SETTINGS_MAX; i++)
        if (from->settings[i].ptr)
            node->runtime.settings[i] = sy_arena_copy(&node->mem, from->settings[i]);
    node->runtime.why = sy_arena_copy(&node->mem, from->why);
    return node;
}

const struct sy_runtime_node *sy_engine_runtime(struct sy_engine *engine, size_t index)
{
    return atomic_load_explicit(&engine->runtimes[index], memory_order_acquire);
}

static bool is_same(const struct sy_vendor_runtime *a, const struct sy_vendor_runtime *b)
{
    for (size_t i = 0; i < SY_VENDOR_SETTINGS_MAX; i++)
        if (!a->settings[i].ptr != !b->settings[i].ptr ||
            !sy_str_eq(a->settings[i], b->settings[i]))
            return false;
    return a->present == b->present && a->unavailable == b->unavailable &&
           sy_str_eq(a->why, b->why);
}

void sy_engine_update_vendor(struct sy_engine *engine, size_t index,
                             const struct sy_vendor_runtime *runtime)
{
    struct sy_runtime_node *old = atomic_load(&engine->runtimes[index]);
    struct sy_runtime_node *node = NULL;

    /* The same again would only throw the tokens away. */
    if (!is_same(&old->runtime, runtime))
        node = runtime_copy(runtime, old->generation + 1);
    if (!node)
        return;
    node->older = old;
    atomic_store_explicit(&engine->runtimes[index], node, memory_order_release);
}

int sy_engine_vendor_index(const struct sy_engine *engine, struct sy_str name)
{
    for (size_t i = 0; i < engine->vendor_count; i++)
        if (sy_str_eq(engine->names[i], name))
            return (int)i;
    return -1;
}

void sy_engine_quarantine(struct sy_engine *engine, struct sy_str vendor, bool on)
{
    int index = sy_engine_vendor_index(engine, vendor);

    if (index >= 0)
        atomic_store(&engine->quarantined[index], on);
}

size_t sy_engine_vendors(struct sy_engine_loop *el, struct sy_vendor_health *ret, size_t max)
{
    struct sy_engine *engine = el->engine;
    size_t count = engine->vendor_count < max ? engine->vendor_count : max;

    for (size_t i = 0; i < count; i++) {
        const struct sy_vendor_runtime *runtime = &sy_engine_runtime(engine, i)->runtime;
        struct sy_str name = engine->names[i];

        ret[i] = (struct sy_vendor_health){
            .name = name,
            .path = engine->vendors[i]->path,
            .present = runtime->present,
            .unavailable = runtime->unavailable,
            .quarantined =
                atomic_load(&engine->quarantined[i]) || sy_snapshot_quarantined(el->snapshot, name),
            .breaker_open = sy_breaker_is_open(engine->breakers[i], sy_loop_now_ms(el->loop)),
            .why = runtime->why,
        };
        sy_breaker_counts(engine->breakers[i], &ret[i].calls, &ret[i].failures);
    }
    return count;
}

/* ---- life ---- */

static int engine_parts(struct sy_engine *engine, struct sy_err *err)
{
    if (sy_hot_create(&engine->hot, err) != SY_OK ||
        sy_facts_create(&engine->facts, err) != SY_OK ||
        sy_idempotency_create(&engine->idempotency, err) != SY_OK ||
        sy_prober_create(engine, &engine->unlisted, err) != SY_OK)
        return err && err->status ? (int)err->status : SY_NOMEM;
    for (size_t i = 0; i < engine->options.vendor_count; i++) {
        const struct sy_vendor_runtime *from = &engine->options.vendors[i];
        struct sy_runtime_node *node;

        if (sy_vendor_check(from->vendor, err) != SY_OK)
            return SY_INVALID;
        node = runtime_copy(from, 1);
        engine->vendors[i] = from->vendor;
        engine->names[i] = sy_str_of(from->vendor->name);
        atomic_store(&engine->runtimes[i], node);
        engine->breakers[i] = sy_hot_breaker(engine->hot, sy_str_of(from->vendor->name));
        if (!node || !engine->breakers[i])
            return sy_err_set(err, SY_NOMEM, "no memory for the vendors");
        engine->vendor_count++;
    }
    engine->options.vendors = NULL;
    return SY_OK;
}

struct load_job {
    struct sy_engine *engine;
    struct sy_err err;
    int status;
};

static void load_keys(struct sy_store *store, struct sy_writer_job *job)
{
    struct load_job *load = job->ctx;

    load->status =
        sy_idempotency_load(load->engine->idempotency, store, sy_clock_unix_ms(), &load->err);
}

int sy_engine_create(const struct sy_engine_options *options, struct sy_engine **ret,
                     struct sy_err *err)
{
    struct sy_engine *engine = calloc(1, sizeof(*engine));
    struct load_job load = {.engine = engine, .err = SY_ERR_INIT};
    int status;

    if (!engine)
        return sy_err_set(err, SY_NOMEM, "no memory for the engine");
    engine->options = *options;
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->acknowledged, NULL);
    status = engine_parts(engine, err);
    if (status == SY_OK && options->writer) {
        sy_writer_run(options->writer, load_keys, &load);
        status = load.status;
        if (status != SY_OK)
            sy_err_set(err, load.status, "%s", load.err.text);
    }
    if (status != SY_OK) {
        sy_engine_free(engine);
        return status;
    }
    *ret = engine;
    return SY_OK;
}

void sy_engine_free(struct sy_engine *engine)
{
    if (!engine)
        return;
    for (size_t i = 0; i < engine->vendor_count; i++) {
        struct sy_runtime_node *node = atomic_load(&engine->runtimes[i]);

        while (node) {
            struct sy_runtime_node *older = node->older;

            sy_arena_release(&node->mem);
            free(node);
            node = older;
        }
    }
    if (engine->snapshot && engine->snapshot_free)
        engine->snapshot_free(engine->snapshot, engine->snapshot_free_ctx);
    sy_engine_drop_fold(engine);
    sy_engine_drop_policies(engine);
    if (engine->annex)
        engine->annex_release(engine->annex);
    sy_prober_free(engine->unlisted);
    sy_idempotency_free(engine->idempotency);
    sy_facts_free(engine->facts);
    sy_hot_free(engine->hot);
    pthread_cond_destroy(&engine->acknowledged);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}

int sy_engine_attach(struct sy_engine *engine, struct sy_loop *loop, struct sy_transfers transfers,
                     struct sy_engine_loop **ret, struct sy_err *err)
{
    struct sy_engine_loop *el = calloc(1, sizeof(*el));
    int status;

    if (!el)
        return sy_err_set(err, SY_NOMEM, "no memory for a loop's engine");
    el->engine = engine;
    el->loop = loop;
    el->transfers = transfers;
    el->metrics = sy_metrics_set_new(engine->options.metrics);
    status = el->metrics ? sy_ledger_attach(engine->options.ledger, loop, &el->ledger, err)
                         : sy_err_set(err, SY_NOMEM, "no memory for metrics");
    if (status != SY_OK) {
        free(el);
        return status;
    }
    pthread_mutex_lock(&engine->lock);
    if (engine->loop_count < ENGINE_LOOPS_MAX) {
        engine->loops[engine->loop_count++] = el;
        el->snapshot = engine->snapshot;
    } else {
        status = sy_err_set(err, SY_INVALID, "more than %d threads", ENGINE_LOOPS_MAX);
    }
    pthread_mutex_unlock(&engine->lock);
    if (status != SY_OK) {
        free(el);
        return status;
    }
    *ret = el;
    return SY_OK;
}

void sy_engine_leave(struct sy_engine_loop *el)
{
    struct sy_engine *engine = el->engine;

    pthread_mutex_lock(&engine->lock);
    for (unsigned i = 0; i < engine->loop_count; i++)
        if (engine->loops[i] == el)
            engine->loops[i] = engine->loops[--engine->loop_count];
    /* A publisher that waits for this loop must not wait for ever. */
    if (el->next_snapshot && --engine->pending_acks == 0)
        pthread_cond_broadcast(&engine->acknowledged);
    el->next_snapshot = NULL;
    pthread_mutex_unlock(&engine->lock);
}

void sy_engine_detach(struct sy_engine_loop *el)
{
    if (!el)
        return;
    sy_engine_leave(el);
    atomic_fetch_sub(&el->engine->memory_used, el->memory_spare);
    while (el->spare) {
        struct sy_call *call = el->spare;

        el->spare = call->next;
        sy_arena_release(&call->mem);
        free(call);
    }
    free(el);
}

/* ---- snapshot ---- */

static void adopt_snapshot(struct sy_loop *loop, struct sy_task *task)
{
    struct sy_engine_loop *el = task->ctx;
    struct sy_engine *engine = el->engine;

    (void)loop;
    pthread_mutex_lock(&engine->lock);
    if (el->next_snapshot) {
        el->snapshot = el->next_snapshot;
        el->next_snapshot = NULL;
        if (--engine->pending_acks == 0)
            pthread_cond_broadcast(&engine->acknowledged);
    }
    pthread_mutex_unlock(&engine->lock);
}

void sy_engine_publish(struct sy_engine *engine, struct sy_snapshot *snapshot,
                       void (*free_fn)(struct sy_snapshot *snapshot, void *ctx), void *ctx)
{
    struct sy_snapshot *old;
    void (*old_free)(struct sy_snapshot * old, void *ctx);
    void *old_ctx;

    pthread_mutex_lock(&engine->lock);
    old = engine->snapshot;
    old_free = engine->snapshot_free;
    old_ctx = engine->snapshot_free_ctx;
    engine->snapshot = snapshot;
    engine->snapshot_free = free_fn;
    engine->snapshot_free_ctx = ctx;
    engine->pending_acks = engine->loop_count;
    for (unsigned i = 0; i < engine->loop_count; i++) {
        struct sy_engine_loop *el = engine->loops[i];

        el->next_snapshot = snapshot;
        el->adopt.fn = adopt_snapshot;
        el->adopt.ctx = el;
        sy_loop_post(el->loop, &el->adopt);
    }
    while (engine->pending_acks)
        pthread_cond_wait(&engine->acknowledged, &engine->lock);
    pthread_mutex_unlock(&engine->lock);
    if (old && old_free)
        old_free(old, old_ctx);
}

const struct sy_snapshot *sy_engine_published(const struct sy_engine *engine)
{
    return engine->snapshot;
}

const struct sy_snapshot *sy_engine_snapshot(struct sy_engine_loop *el)
{
    return el->snapshot;
}

/* ---- resolve ---- */

int sy_engine_resolve_facts(struct sy_engine_loop *el, struct sy_arena *arena,
                            struct sy_resolve_facts *ret)
{
    struct sy_engine *engine = el->engine;
    struct sy_str *broken = sy_arena_array(arena, engine->vendor_count * 2, sizeof(*broken));
    struct sy_str *absent = broken + engine->vendor_count;
    int64_t now_ms = sy_loop_now_ms(el->loop);

    if (!broken)
        return SY_NOMEM;
    memset(ret, 0, sizeof(*ret));
    ret->now_unix_ms = sy_loop_unix_ms(el->loop);
    ret->broken = broken;
    ret->absent = absent;
    ret->vendors = engine->vendors;
    ret->vendor_count = engine->vendor_count;
    for (size_t i = 0; i < engine->vendor_count; i++) {
        const struct sy_vendor_runtime *runtime = &sy_engine_runtime(engine, i)->runtime;
        struct sy_str name = engine->names[i];

        if (!runtime->present || runtime->unavailable)
            absent[ret->absent_count++] = name;
        else if (sy_breaker_is_open(engine->breakers[i], now_ms))
            broken[ret->broken_count++] = name;
    }
    return SY_OK;
}

int sy_engine_resolve(struct sy_engine_loop *el, const struct sy_resolve_request *request,
                      struct sy_arena *arena, struct sy_decision *ret)
{
    struct sy_resolve_facts facts;
    int status = sy_engine_resolve_facts(el, arena, &facts);

    return status == SY_OK ? sy_resolve(el->snapshot, request, &facts, arena, ret) : status;
}

void sy_engine_random(struct sy_engine_loop *el, void *out, size_t size)
{
    if (size > el->random_left) {
        sy_random(el->random, sizeof(el->random));
        el->random_left = sizeof(el->random);
    }
    el->random_left -= (unsigned)size;
    memcpy(out, el->random + el->random_left, size);
    /* What was handed out is not handed out again, nor to be read in a core. */
    memset(el->random + el->random_left, 0, size);
}

/* ---- drain ---- */

void sy_engine_ended(struct sy_engine_loop *el)
{
    void (*drained)(void *ctx) = el->drained;

    if (!el->draining || el->in_flight || el->asks || !drained)
        return;
    el->drained = NULL;
    drained(el->drained_ctx);
}

void sy_engine_drain(struct sy_engine_loop *el, void (*drained)(void *ctx), void *ctx)
{
    el->draining = true;
    el->drained = drained;
    el->drained_ctx = ctx;
    sy_engine_ended(el);
}

unsigned sy_engine_in_flight(const struct sy_engine_loop *el)
{
    return el->in_flight;
}

bool sy_engine_draining(const struct sy_engine_loop *el)
{
    return el->draining;
}

struct sy_loop *sy_engine_loop_of(struct sy_engine_loop *el)
{
    return el->loop;
}

struct sy_engine *sy_engine_of(struct sy_engine_loop *el)
{
    return el->engine;
}

struct sy_writer *sy_engine_writer(struct sy_engine *engine)
{
    return engine->options.writer;
}

struct sy_ledger *sy_engine_ledger(struct sy_engine *engine)
{
    return engine->options.ledger;
}

struct sy_metrics_set *sy_engine_metrics(struct sy_engine_loop *el)
{
    return el->metrics;
}

void *sy_engine_annex(struct sy_engine *engine, void *(*make)(void), void (*release)(void *annex))
{
    void *annex;

    pthread_mutex_lock(&engine->lock);
    if (!engine->annex) {
        engine->annex = make();
        engine->annex_release = release;
    }
    annex = engine->annex;
    pthread_mutex_unlock(&engine->lock);
    return annex;
}
