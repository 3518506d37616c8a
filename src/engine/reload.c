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

static struct policy_hold *hold_new(struct sy_arena *arena, const struct sy_policy *policy)
{
    struct policy_hold *hold = calloc(1, sizeof(*hold));

    if (hold) {
        hold->arena = *arena;
        hold->policy = policy;
        hold->refs = 1;
    } else {
        sy_arena_release(arena);
    }
    memset(arena, 0, sizeof(*arena));
    return hold;
}

void sy_engine_set_policy(struct sy_engine *engine, struct sy_arena *arena,
                          const struct sy_policy *policy)
{
    hold_release(engine->next_policy);
    engine->next_policy = hold_new(arena, policy);
}

void sy_engine_drop_policies(struct sy_engine *engine)
{
    hold_release(engine->next_policy);
    hold_release(engine->policy_hold);
    engine->next_policy = NULL;
    engine->policy_hold = NULL;
}

static int build(const struct policy_hold *hold, struct sy_store *store,
                 struct sy_snapshot **ret_snapshot, struct sy_err *err)
{
    struct sy_registry registry = {0};
    struct sy_arena arena;
    int status;

    sy_arena_init(&arena, (size_t)4 << 30);
    status = store->ops->load(store, &arena, &registry, err);
    if (status == SY_OK)
        status = sy_snapshot_build(&registry, hold->policy, ret_snapshot, err);
    sy_arena_release(&arena);
    return status;
}

int sy_engine_reload(struct sy_engine *engine, struct sy_store *store, struct sy_err *err)
{
    struct policy_hold *hold = engine->next_policy ? engine->next_policy : engine->policy_hold;
    struct sy_snapshot *snapshot = NULL;
    int status;

    if (!hold)
        return sy_err_set(err, SY_INVALID, "no policy is loaded");
    status = build(hold, store, &snapshot, err);
    if (status != SY_OK) {
        /* A policy that cannot be put to use must not stand in the way of the next change. */
        hold_release(engine->next_policy);
        engine->next_policy = NULL;
        return status;
    }
    if (engine->next_policy) {
        hold_release(engine->policy_hold);
        engine->policy_hold = engine->next_policy;
        engine->next_policy = NULL;
    }
    hold->refs++;
    sy_engine_publish(engine, snapshot, snapshot_done, hold);
    return SY_OK;
}
