/*
 * The registry and the policy into a snapshot. A small change is read from the store by itself and
 * laid over the base of the snapshot in use; when many have piled up, a thread of low priority
 * makes a base of them, which the next change takes over.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/engine_int.h"

#define LOAD_BYTES_MAX ((size_t)4 << 30)
#define EDITS_MAX ((size_t)1024) /* toolkits over a base; more are read as a whole registry */
#define FOLD_AT ((size_t)256)
#define FOLD_NICE 19

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

/* ---- folding ---- */

struct fold {
    pthread_t thread;
    struct sy_snapshot *from;
    struct sy_snapshot *folded; /* NULL: there was no memory */
    atomic_bool done;
};

static void *run_fold(void *arg)
{
    struct fold *fold = arg;

    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), FOLD_NICE);
    if (sy_snapshot_fold(fold->from, &fold->folded, NULL) != SY_OK)
        fold->folded = NULL;
    atomic_store(&fold->done, true);
    return NULL;
}

void sy_engine_drop_fold(struct sy_engine *engine)
{
    struct fold *fold = engine->fold;

    if (!fold)
        return;
    pthread_join(fold->thread, NULL);
    sy_snapshot_free(fold->from);
    sy_snapshot_free(fold->folded);
    free(fold);
    engine->fold = NULL;
}

/* Without memory or a thread the edits go on piling up, until the whole is loaded. */
static void start_fold(struct sy_engine *engine, const struct sy_snapshot *snapshot)
{
    struct fold *fold = engine->fold ? NULL : calloc(1, sizeof(*fold));

    if (!fold)
        return;
    fold->from = sy_snapshot_share(snapshot);
    if (fold->from && pthread_create(&fold->thread, NULL, run_fold, fold) == 0) {
        engine->fold = fold;
        return;
    }
    sy_snapshot_free(fold->from);
    free(fold);
}

/* ---- building ---- */

static int build_whole(const struct policy_hold *hold, struct sy_store *store,
                       struct sy_snapshot **ret_snapshot, struct sy_err *err)
{
    struct sy_registry registry = {0};
    struct sy_arena arena;
    int status;

    sy_arena_init(&arena, LOAD_BYTES_MAX);
    status = store->ops->load(store, &arena, &registry, err);
    if (status == SY_OK)
        status = sy_snapshot_build(&registry, hold->policy, ret_snapshot, err);
    sy_arena_release(&arena);
    (void)malloc_trim(0); /* what was loaded took several times what is kept of it */
    return status;
}

/* SY_CONFLICT: the whole must be built. */
static int build_edits(struct sy_engine *engine, const struct policy_hold *hold,
                       struct sy_store *store, struct sy_snapshot **ret_snapshot)
{
    const struct sy_snapshot *base = engine->snapshot;
    struct sy_registry_changes changes;
    struct sy_arena arena;
    int status;

    if (!base || engine->snapshot_free != snapshot_done || !store->ops->changes)
        return SY_CONFLICT;
    if (engine->fold && atomic_load(&engine->fold->done) && engine->fold->folded)
        base = engine->fold->folded;
    sy_arena_init(&arena, LOAD_BYTES_MAX);
    status = store->ops->changes(store, sy_snapshot_base_version(base), EDITS_MAX, &arena, &changes,
                                 NULL);
    if (status == SY_OK)
        status = sy_snapshot_edit(base, &changes, hold->policy, ret_snapshot, NULL);
    sy_arena_release(&arena);
    if (engine->fold && atomic_load(&engine->fold->done))
        sy_engine_drop_fold(engine); /* the new snapshot has its base now, or none needs it */
    if (status == SY_OK && sy_snapshot_edits(*ret_snapshot) >= FOLD_AT)
        start_fold(engine, *ret_snapshot);
    return status;
}

int sy_engine_reload(struct sy_engine *engine, struct sy_store *store, struct sy_err *err)
{
    struct policy_hold *hold = engine->next_policy ? engine->next_policy : engine->policy_hold;
    struct sy_snapshot *snapshot = NULL;
    int status;

    if (!hold)
        return sy_err_set(err, SY_INVALID, "no policy is loaded");
    status = build_edits(engine, hold, store, &snapshot);
    if (status != SY_OK) /* whatever was wrong, the whole says so or does without */
        status = build_whole(hold, store, &snapshot, err);
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
