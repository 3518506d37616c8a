#include "registry/registry.h"

#include "base/clock.h"
#include "registry/memory.h"
#include "registry/sqlite/sqlite.h"

#define SEED_ARENA_MAX (64u << 20)

/* The seed comes with the program: a fault in it is a bug, and the text says where. */
static int seed(struct sy_store *store, struct sy_err *err)
{
    const struct sy_change_note note = {
        .actor = SY_STR("seed"), .reason = SY_STR("a new store"), .at_ms = sy_clock_unix_ms()};
    struct sy_import import;
    struct sy_arena arena;
    struct sy_buf faults;
    int rc;

    sy_arena_init(&arena, SEED_ARENA_MAX);
    sy_buf_init(&faults, 1u << 16);
    rc = sy_registry_read(sy_registry_seed_text(), SY_STR("seed.yaml"), SY_FORMAT_YAML, &arena,
                          &import, &faults);
    if (rc)
        rc = sy_err_set(err, (enum sy_status)rc, "%.*s",
                        SY_FMT(sy_str_head(sy_buf_str(&faults), 400)));
    else
        rc = store->ops->apply(store, import.changes, import.change_count, &note, false, NULL, err);
    sy_buf_release(&faults);
    sy_arena_release(&arena);
    return rc;
}

int sy_store_open(const struct sy_store_options *options, struct sy_store **ret_store,
                  struct sy_err *err)
{
    struct sy_store *store = NULL;
    bool fresh = true;
    int rc = SY_OK;

    if (sy_str_eq(options->url, SY_STR("memory:"))) {
        store = sy_memory_create();
        if (!store)
            return sy_memory_nomem(err);
    } else if (sy_str_starts(options->url, SY_STR("sqlite:"))) {
        rc = sy_sqlite_open(options, sy_str_skip(options->url, 7), &store, &fresh, err);
    } else {
        return sy_err_set(err, SY_INVALID, "store: must be sqlite:PATH or memory:");
    }
    if (!rc && options->seed && fresh)
        rc = seed(store, err);
    if (rc) {
        if (store)
            store->ops->close(store);
        return rc;
    }
    *ret_store = store;
    return SY_OK;
}
