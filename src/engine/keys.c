/*
 * Idempotency keys while a process hands over to another: the store decides who has one.
 *
 * Both processes claim a key there before its call runs. What the elder had under way when it began
 * to share is claimed for it, after all that it had answered is in the store.
 */
#include <string.h>

#include "base/clock.h"
#include "engine/engine_int.h"

struct keys_job {
    struct sy_engine *engine;
    struct sy_err *err;
    struct sy_arena mem;
    struct sy_idempotency_row *rows;
    size_t count, room;
    int64_t now_ms;
    int status;
};

static void add_flying(const struct sy_idempotency_key *key, void *ctx)
{
    struct keys_job *job = ctx;
    struct sy_idempotency_row *row;

    if (job->count == job->room) {
        size_t room = job->room ? job->room * 2 : 256;
        struct sy_idempotency_row *rows = sy_arena_array(&job->mem, room, sizeof(*rows));

        if (!rows)
            return;
        if (job->count)
            memcpy(rows, job->rows, job->count * sizeof(*rows));
        job->rows = rows;
        job->room = room;
    }
    row = &job->rows[job->count++];
    *row = (struct sy_idempotency_row){
        .tenant = sy_arena_copy(&job->mem, key->tenant),
        .call_id = sy_arena_copy(&job->mem, key->call_id),
        .expires_at_ms = job->now_ms + IDEMPOTENCY_KEEP_MS,
        .unknown = true,
    };
    memcpy(row->key_hash, key->key, sizeof(row->key_hash));
    memcpy(row->body_hash, key->body, sizeof(row->body_hash));
}

/* On the writer's thread, so that a claim is dropped after it was made. */
static void share(struct sy_store *store, struct sy_writer_job *job)
{
    struct keys_job *keys = job->ctx;

    sy_idempotency_share(keys->engine->idempotency, add_flying, keys);
    sy_ledger_catch_up(keys->engine->options.ledger, store);
    for (size_t i = 0; i < keys->count && keys->status == SY_OK; i++) {
        keys->status =
            store->ops->claim_idempotency(store, &keys->rows[i], keys->now_ms, keys->err);
        /* Answered since, and kept. */
        if (keys->status == SY_EXISTS)
            keys->status = SY_OK;
    }
    if (keys->status == SY_OK && keys->mem.failed)
        keys->status = sy_err_set(keys->err, SY_NOMEM, "no memory for the keys in flight");
}

static void own(struct sy_store *store, struct sy_writer_job *job)
{
    struct keys_job *keys = job->ctx;

    keys->status = sy_idempotency_load(keys->engine->idempotency, store, keys->now_ms, keys->err);
    if (keys->status == SY_OK)
        sy_idempotency_own(keys->engine->idempotency);
}

static int run(struct sy_engine *engine, sy_writer_work_fn *work, struct sy_err *err)
{
    struct keys_job keys = {.engine = engine, .err = err, .now_ms = sy_clock_unix_ms()};

    sy_arena_init(&keys.mem, (size_t)256 << 20);
    sy_writer_run(engine->options.writer, work, &keys);
    sy_arena_release(&keys.mem);
    return keys.status;
}

int sy_engine_share_keys(struct sy_engine *engine, struct sy_err *err)
{
    return run(engine, share, err);
}

int sy_engine_own_keys(struct sy_engine *engine, struct sy_err *err)
{
    return run(engine, own, err);
}
