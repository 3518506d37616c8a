/*
 * Tenants, keys and the kill switch of a vendor: what the snapshot holds besides rows.
 */
#include "registry/row.h"
#include "registry/sqlite/sqlite.h"

#include <string.h>

/* ---- load ---- */

static struct sy_tenant read_tenant(sqlite3_stmt *st, struct sy_arena *arena)
{
    struct sy_tenant tenant = {.name = sy_sql_text(st, 0, arena),
                               .disabled = sqlite3_column_int(st, 1) != 0};
    struct sy_pair *labels;

    if (sy_pairs_from_json(sy_sql_text(st, 2, arena), arena, &labels, &tenant.label_count))
        arena->failed = true;
    tenant.labels = labels;
    return tenant;
}

static struct sy_key read_key(sqlite3_stmt *st, struct sy_arena *arena)
{
    struct sy_key key = {.id = sy_sql_text(st, 0, arena),
                         .tenant = sy_sql_text(st, 2, arena),
                         .scopes = (unsigned)sqlite3_column_int64(st, 3),
                         .environment = sy_sql_text(st, 4, arena),
                         .name = sy_sql_text(st, 5, arena),
                         .created_at_ms = sqlite3_column_int64(st, 6),
                         .revoked_at_ms = sqlite3_column_int64(st, 7)};
    struct sy_str hash = sy_sql_blob(st, 1, NULL);

    if (hash.len == sizeof(key.hash))
        memcpy(key.hash, hash.ptr, sizeof(key.hash));
    return key;
}

static int load_tenants(struct sy_sqlite *self, struct sy_arena *arena, struct sy_registry *ret,
                        struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_TENANTS, err);
    struct sy_tenant *tenants;
    int64_t most = 0;
    int rc = st ? sy_sql_number(self, SY_SQL_TENANT_COUNT, &most, err) : sy_sql_lost(self);

    if (rc)
        return rc;
    tenants = sy_arena_array(arena, (size_t)most + 1, sizeof(*tenants));
    if (!tenants)
        return sy_err_set(err, SY_NOMEM, "out of memory");
    while (ret->tenant_count < (size_t)most && (rc = sy_sql_step(self, st, err)) > 0)
        tenants[ret->tenant_count++] = read_tenant(st, arena);
    sy_sql_reset(st);
    ret->tenants = tenants;
    return rc < 0 ? rc : SY_OK;
}

static int load_keys(struct sy_sqlite *self, struct sy_arena *arena, struct sy_registry *ret,
                     struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_KEYS, err);
    struct sy_key *keys;
    int64_t most = 0;
    int rc = st ? sy_sql_number(self, SY_SQL_KEY_COUNT, &most, err) : sy_sql_lost(self);

    if (rc)
        return rc;
    keys = sy_arena_array(arena, (size_t)most + 1, sizeof(*keys));
    if (!keys)
        return sy_err_set(err, SY_NOMEM, "out of memory");
    while (ret->key_count < (size_t)most && (rc = sy_sql_step(self, st, err)) > 0)
        keys[ret->key_count++] = read_key(st, arena);
    sy_sql_reset(st);
    ret->keys = keys;
    return rc < 0 ? rc : SY_OK;
}

static int load_quarantine(struct sy_sqlite *self, struct sy_arena *arena, struct sy_registry *ret,
                           struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_QUARANTINE, err);
    struct sy_str *vendors;
    int64_t most = 0;
    int rc = st ? sy_sql_number(self, SY_SQL_QUARANTINE_COUNT, &most, err) : sy_sql_lost(self);

    if (rc)
        return rc;
    vendors = sy_arena_array(arena, (size_t)most + 1, sizeof(*vendors));
    if (!vendors)
        return sy_err_set(err, SY_NOMEM, "out of memory");
    while (ret->quarantined_count < (size_t)most && (rc = sy_sql_step(self, st, err)) > 0)
        vendors[ret->quarantined_count++] = sy_sql_text(st, 0, arena);
    sy_sql_reset(st);
    ret->quarantined = vendors;
    return rc < 0 ? rc : SY_OK;
}

int sy_sqlite_load_people(struct sy_sqlite *self, struct sy_arena *arena, struct sy_registry *ret,
                          struct sy_err *err)
{
    int rc = load_tenants(self, arena, ret, err);

    if (!rc)
        rc = load_keys(self, arena, ret, err);
    return rc ? rc : load_quarantine(self, arena, ret, err);
}

/* ---- writes ---- */

/* Runs `st` and lets the registry's version grow, so that snapshots are built anew. */
static int run_and_grow(struct sy_sqlite *self, sqlite3_stmt *st, struct sy_err *err)
{
    sqlite3_stmt *grow = sy_sql_get(self, SY_SQL_VERSION_GROW, err);
    int rc = grow ? sy_sql_run(self, st, err) : sy_sql_lost(self);

    return rc ? rc : sy_sql_run(self, grow, err);
}

/* 1: the statement gives a row (value of its first column in *ret_value), 0: none. */
static int look_up(struct sy_sqlite *self, sqlite3_stmt *st, int64_t *ret_value, struct sy_err *err)
{
    int rc = sy_sql_step(self, st, err);

    if (rc > 0) {
        *ret_value = sqlite3_column_int64(st, 0);
        sy_sql_reset(st);
    }
    return rc;
}

static int put_tenant(struct sy_sqlite *self, const struct sy_tenant *tenant, bool create_only,
                      struct sy_err *err)
{
    sqlite3_stmt *get = sy_sql_get(self, SY_SQL_TENANT_GET, err);
    sqlite3_stmt *put = sy_sql_get(self, SY_SQL_TENANT_PUT, err);
    struct sy_arena arena;
    struct sy_pair *labels;
    int64_t found;
    int rc;

    if (!get || !put)
        return sy_sql_lost(self);
    sy_sql_bind(get, 1, tenant->name);
    rc = look_up(self, get, &found, err);
    if (rc < 0)
        return rc;
    if (rc && create_only)
        return sy_err_set(err, SY_EXISTS, "tenant %.*s exists", SY_FMT(tenant->name));
    sy_arena_init(&arena, 4u << 20);
    labels = sy_pairs_copy(&arena, tenant->labels, tenant->label_count);
    sy_sql_bind(put, 1, tenant->name);
    sy_sql_bind_i64(put, 2, tenant->disabled);
    sy_sql_bind(put, 3, sy_pairs_to_json(&arena, labels, labels ? tenant->label_count : 0));
    rc = arena.failed ? sy_err_set(err, SY_NOMEM, "out of memory") : run_and_grow(self, put, err);
    sy_arena_release(&arena);
    return rc;
}

int sy_sqlite_put_tenant(struct sy_store *store, const struct sy_tenant *tenant, bool create_only,
                         struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    int rc;

    if (!sy_tenant_name_is_valid(tenant->name))
        return sy_err_set(err, SY_INVALID, "tenant names are [a-z0-9][a-z0-9-]{0,31}");
    rc = sy_sqlite_begin(self, err);
    return rc ? rc : sy_sqlite_end(self, put_tenant(self, tenant, create_only, err), err);
}

static int put_key(struct sy_sqlite *self, const struct sy_key *key, struct sy_err *err)
{
    sqlite3_stmt *tenant = sy_sql_get(self, SY_SQL_TENANT_GET, err);
    sqlite3_stmt *find = sy_sql_get(self, SY_SQL_KEY_FIND, err);
    sqlite3_stmt *put = sy_sql_get(self, SY_SQL_KEY_PUT, err);
    struct sy_str hash = sy_str_from((const char *)key->hash, sizeof(key->hash));
    int64_t found;
    int rc;

    if (!tenant || !find || !put)
        return sy_sql_lost(self);
    sy_sql_bind(tenant, 1, key->tenant);
    rc = look_up(self, tenant, &found, err);
    if (rc <= 0)
        return rc ? rc
                  : sy_err_set(err, SY_NOT_FOUND, "tenant %.*s does not exist",
                               SY_FMT(key->tenant));
    sy_sql_bind(find, 1, key->id);
    sy_sql_bind_blob(find, 2, hash);
    rc = look_up(self, find, &found, err);
    if (rc)
        return rc < 0 ? rc : sy_err_set(err, SY_EXISTS, "key %.*s exists", SY_FMT(key->id));
    sy_sql_bind(put, 1, key->id);
    sy_sql_bind_blob(put, 2, hash);
    sy_sql_bind(put, 3, key->tenant);
    sy_sql_bind_i64(put, 4, key->scopes);
    sy_sql_bind(put, 5, key->environment);
    sy_sql_bind(put, 6, key->name);
    sy_sql_bind_i64(put, 7, key->created_at_ms);
    sy_sql_bind_i64(put, 8, key->revoked_at_ms);
    return run_and_grow(self, put, err);
}

int sy_sqlite_put_key(struct sy_store *store, const struct sy_key *key, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    int rc = sy_sqlite_begin(self, err);

    return rc ? rc : sy_sqlite_end(self, put_key(self, key, err), err);
}

static int revoke_key(struct sy_sqlite *self, struct sy_str key_id, int64_t at_ms,
                      struct sy_err *err)
{
    sqlite3_stmt *get = sy_sql_get(self, SY_SQL_KEY_GET, err);
    sqlite3_stmt *revoke = sy_sql_get(self, SY_SQL_KEY_REVOKE, err);
    int64_t revoked_at;
    int rc;

    if (!get || !revoke)
        return sy_sql_lost(self);
    sy_sql_bind(get, 1, key_id);
    rc = look_up(self, get, &revoked_at, err);
    if (rc <= 0)
        return rc ? rc : sy_err_set(err, SY_NOT_FOUND, "key %.*s does not exist", SY_FMT(key_id));
    if (revoked_at)
        return SY_OK;
    sy_sql_bind(revoke, 1, key_id);
    sy_sql_bind_i64(revoke, 2, at_ms);
    return run_and_grow(self, revoke, err);
}

int sy_sqlite_revoke_key(struct sy_store *store, struct sy_str key_id, int64_t at_ms,
                         struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    int rc = sy_sqlite_begin(self, err);

    return rc ? rc : sy_sqlite_end(self, revoke_key(self, key_id, at_ms, err), err);
}

static int set_quarantine(struct sy_sqlite *self, struct sy_str vendor, bool on, int64_t at_ms,
                          struct sy_str actor, struct sy_err *err)
{
    sqlite3_stmt *get = sy_sql_get(self, SY_SQL_QUARANTINE_GET, err);
    sqlite3_stmt *put = sy_sql_get(self, SY_SQL_QUARANTINE_PUT, err);
    int64_t active = 0;
    int rc;

    if (!get || !put)
        return sy_sql_lost(self);
    sy_sql_bind(get, 1, vendor);
    rc = look_up(self, get, &active, err);
    if (rc < 0 || (active != 0) == on)
        return rc < 0 ? rc : SY_OK;
    sy_sql_bind(put, 1, vendor);
    sy_sql_bind_i64(put, 2, on);
    sy_sql_bind_i64(put, 3, at_ms);
    sy_sql_bind(put, 4, actor.ptr ? actor : SY_STR(""));
    return run_and_grow(self, put, err);
}

int sy_sqlite_set_quarantine(struct sy_store *store, struct sy_str vendor, bool on, int64_t at_ms,
                             struct sy_str actor, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    int rc;

    if (!sy_vendor_name_parse(vendor).ptr)
        return sy_err_set(err, SY_INVALID, "%.*s is no vendor known here", SY_FMT(vendor));
    rc = sy_sqlite_begin(self, err);
    return rc ? rc : sy_sqlite_end(self, set_quarantine(self, vendor, on, at_ms, actor, err), err);
}
