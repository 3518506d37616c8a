#include <stdlib.h>
#include <string.h>

#include "engine/engine_int.h"

/*
 * A policy in use: snapshots point into it, so it lives until the last of them is gone. Touched
 * only by the thread that publishes (the writer, or main before the loops run).
 */
struct policy_hold {
    struct sy_arena arena;
    const struct sy_policy *policy;
    unsigned refs;
};

static void hold_release(struct policy_hold *hold)
{
    if (!hold || --hold->refs)
        return;
    sy_arena_release(&hold->arena);
    free(hold);
}

static void snapshot_done(struct sy_snapshot *snapshot, void *ctx)
{
    sy_snapshot_free(snapshot);
    hold_release(ctx);
}

void sy_engine_set_policy(struct sy_engine *engine, struct sy_arena *arena,
                          const struct sy_policy *policy)
{
    struct policy_hold *hold = policy ? calloc(1, sizeof(*hold)) : NULL;

    if (policy && !hold)
        return;
    if (hold) {
        hold->arena = *arena;
        hold->policy = policy;
        hold->refs = 1;
        memset(arena, 0, sizeof(*arena));
    }
    hold_release(engine->policy_hold);
    engine->policy_hold = hold;
    engine->policy = policy;
}

int sy_engine_reload(struct sy_engine *engine, struct sy_store *store, struct sy_err *err)
{
    struct policy_hold *hold = engine->policy_hold;
    struct sy_snapshot *snapshot = NULL;
    struct sy_registry registry = {0};
    struct sy_arena arena;
    int status;

    if (!hold)
        return sy_err_set(err, SY_INVALID, "no policy is loaded");
    sy_arena_init(&arena, (size_t)4 << 30);
    status = store->ops->load(store, &arena, &registry, err);
    if (status == SY_OK)
        status = sy_snapshot_build(&registry, hold->policy, &snapshot, err);
    sy_arena_release(&arena);
    if (status != SY_OK)
        return status;
    hold->refs++;
    sy_engine_publish(engine, snapshot, snapshot_done, hold);
    return SY_OK;
}
