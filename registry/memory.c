/*
 * The store in memory: for tests and throw-away gateways. Same semantics as sqlite/, nothing kept.
 */
#include "registry/memory.h"

#include <stdlib.h>
#include <string.h>

#include "registry/row.h"

struct tenant_item {
    struct sy_item item;
    struct sy_tenant tenant;
};

struct key_item {
    struct sy_item item;
    struct sy_key key;
};

int sy_memory_nomem(struct sy_err *err)
{
    return sy_err_set(err, SY_NOMEM, "out of memory");
}

static void memory_close(struct sy_store *store)
{
    struct sy_memory *memory = (struct sy_memory *)store;

    if (!memory)
        return;
    sy_table_release(&memory->toolkits, true);
    sy_table_release(&memory->maps, true);
    sy_table_release(&memory->names, true);
    sy_bag_release(&memory->history, true);
    sy_table_release(&memory->tenants, true);
    sy_table_release(&memory->keys, true);
    sy_table_release(&memory->quarantine, true);
    sy_table_release(&memory->cases, true);
    sy_table_release(&memory->ledger, true);
    sy_table_release(&memory->idempotency, true);
    free(memory->drained);
    free(memory);
}

/* ---- load ---- */

static struct sy_tenant copy_tenant(struct sy_arena *arena, const struct sy_tenant *tenant)
{
    struct sy_tenant copy = *tenant;

    copy.name = sy_arena_copy(arena, tenant->name);
    copy.labels = sy_pairs_copy(arena, tenant->labels, tenant->label_count);
    return copy;
}

static struct sy_key copy_key(struct sy_arena *arena, const struct sy_key *key)
{
    struct sy_key copy = *key;

    copy.id = sy_arena_copy(arena, key->id);
    copy.tenant = sy_arena_copy(arena, key->tenant);
    copy.environment = sy_arena_copy(arena, key->environment);
    if (key->name.ptr)
        copy.name = sy_arena_copy(arena, key->name);
    return copy;
}

static int load_people(struct sy_memory *memory, struct sy_arena *arena, struct sy_registry *ret)
{
    struct sy_tenant *tenants = sy_arena_array(arena, memory->tenants.count + 1, sizeof(*tenants));
    struct sy_key *keys = sy_arena_array(arena, memory->keys.count + 1, sizeof(*keys));
    struct sy_str *vendors = sy_arena_array(arena, memory->quarantine.count + 1, sizeof(*vendors));

    if (!tenants || !keys || !vendors)
        return SY_NOMEM;
    for (size_t i = 0; i < memory->tenants.count; i++)
        tenants[i] =
            copy_tenant(arena, &((struct tenant_item *)(void *)memory->tenants.items[i])->tenant);
    for (size_t i = 0; i < memory->keys.count; i++)
        keys[i] = copy_key(arena, &((struct key_item *)(void *)memory->keys.items[i])->key);
    for (size_t i = 0; i < memory->quarantine.count; i++)
        vendors[i] = sy_arena_copy(arena, memory->quarantine.items[i]->key);
    ret->tenants = tenants;
    ret->tenant_count = memory->tenants.count;
    ret->keys = keys;
    ret->key_count = memory->keys.count;
    ret->quarantined = vendors;
    ret->quarantined_count = memory->quarantine.count;
    return arena->failed ? SY_NOMEM : SY_OK;
}

static int memory_load(struct sy_store *store, struct sy_arena *arena, struct sy_registry *ret,
                       struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;

    *ret = (struct sy_registry){0};
    if (sy_memory_load_rows(memory, arena, ret) || load_people(memory, arena, ret))
        return sy_memory_nomem(err);
    return SY_OK;
}

/* No other process writes here. */
static int memory_content_version(struct sy_store *store, uint64_t *ret, struct sy_err *err)
{
    (void)store;
    (void)err;
    *ret = 0;
    return SY_OK;
}

static int memory_data_version(struct sy_store *store, int64_t *ret, struct sy_err *err)
{
    (void)store;
    (void)err;
    *ret = 1;
    return SY_OK;
}

/* ---- tenants, keys, quarantine ---- */

static int put(struct sy_table *table, void *item, struct sy_err *err)
{
    struct sy_item *base = item;
    void *old = NULL;

    if (base->arena.failed || !sy_table_put(table, item, &old)) {
        sy_item_free(item);
        return sy_memory_nomem(err);
    }
    sy_item_free(old);
    return SY_OK;
}

static int memory_put_tenant(struct sy_store *store, const struct sy_tenant *tenant,
                             bool create_only, struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    struct tenant_item *item;
    int rc;

    if (!sy_tenant_name_is_valid(tenant->name))
        return sy_err_set(err, SY_INVALID, "tenant names are [a-z0-9][a-z0-9-]{0,31}");
    if (create_only && sy_table_get(&memory->tenants, tenant->name))
        return sy_err_set(err, SY_EXISTS, "tenant %.*s exists", SY_FMT(tenant->name));
    item = sy_item_new(sizeof(*item));
    if (!item)
        return sy_memory_nomem(err);
    item->tenant = copy_tenant(&item->item.arena, tenant);
    item->item.key = item->tenant.name;
    rc = put(&memory->tenants, item, err);
    memory->version += !rc;
    return rc;
}

static bool has_hash(const struct sy_memory *memory, const unsigned char hash[32])
{
    for (size_t i = 0; i < memory->keys.count; i++) {
        const struct key_item *item = (const void *)memory->keys.items[i];
        if (!memcmp(item->key.hash, hash, 32))
            return true;
    }
    return false;
}

static int memory_put_key(struct sy_store *store, const struct sy_key *key, struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    struct key_item *item;
    int rc;

    if (!sy_table_get(&memory->tenants, key->tenant))
        return sy_err_set(err, SY_NOT_FOUND, "tenant %.*s does not exist", SY_FMT(key->tenant));
    if (sy_table_get(&memory->keys, key->id) || has_hash(memory, key->hash))
        return sy_err_set(err, SY_EXISTS, "key %.*s exists", SY_FMT(key->id));
    item = sy_item_new(sizeof(*item));
    if (!item)
        return sy_memory_nomem(err);
    item->key = copy_key(&item->item.arena, key);
    item->item.key = item->key.id;
    rc = put(&memory->keys, item, err);
    memory->version += !rc;
    return rc;
}

static int memory_revoke_key(struct sy_store *store, struct sy_str key_id, int64_t at_ms,
                             struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    struct key_item *item = sy_table_get(&memory->keys, key_id);

    if (!item)
        return sy_err_set(err, SY_NOT_FOUND, "key %.*s does not exist", SY_FMT(key_id));
    if (!item->key.revoked_at_ms) {
        item->key.revoked_at_ms = at_ms;
        memory->version++;
    }
    return SY_OK;
}

static int memory_set_quarantine(struct sy_store *store, struct sy_str vendor, bool on,
                                 int64_t at_ms, struct sy_str actor, struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    bool was_on = sy_table_get(&memory->quarantine, vendor) != NULL;
    struct sy_item *item;
    char *tail;
    int rc;

    (void)at_ms;
    (void)actor;
    if (!sy_vendor_name_parse(vendor).ptr)
        return sy_err_set(err, SY_INVALID, "%.*s is no vendor known here", SY_FMT(vendor));
    if (was_on == on)
        return SY_OK;
    if (!on) {
        sy_item_free(sy_table_take(&memory->quarantine, vendor));
        memory->version++;
        return SY_OK;
    }
    item = sy_item_new_tail(sizeof(*item), vendor.len, &tail);
    if (!item)
        return sy_memory_nomem(err);
    item->key = sy_item_text(&tail, vendor);
    rc = put(&memory->quarantine, item, err);
    memory->version += !rc;
    return rc;
}

static int memory_backup(struct sy_store *store, struct sy_str path, struct sy_err *err)
{
    (void)store;
    return sy_err_set(err, SY_INVALID,
                      "a store in memory has no file to copy to %.*s: export its registry instead",
                      SY_FMT(path));
}

static const struct sy_store_ops memory_ops = {
    .close = memory_close,
    .load = memory_load,
    .apply = sy_memory_apply,
    .history = sy_memory_history,
    .data_version = memory_data_version,
    .content_version = memory_content_version,
    .put_tenant = memory_put_tenant,
    .put_key = memory_put_key,
    .revoke_key = memory_revoke_key,
    .set_quarantine = memory_set_quarantine,
    .bump_case = sy_memory_bump_case,
    .list_cases = sy_memory_list_cases,
    .get_case = sy_memory_get_case,
    .close_case = sy_memory_close_case,
    .append_ledger = sy_memory_append_ledger,
    .query_ledger = sy_memory_query_ledger,
    .drained = sy_memory_drained,
    .trim = sy_memory_trim,
    .put_idempotency = sy_memory_put_idempotency,
    .claim_idempotency = sy_memory_claim_idempotency,
    .drop_idempotency = sy_memory_drop_idempotency,
    .each_idempotency = sy_memory_each_idempotency,
    .get_idempotency = sy_memory_get_idempotency,
    .backup = memory_backup,
};

struct sy_store *sy_memory_create(void)
{
    struct sy_memory *memory = calloc(1, sizeof(*memory));

    if (!memory)
        return NULL;
    memory->base.ops = &memory_ops;
    memory->base.lock_fd = -1;
    return &memory->base;
}
