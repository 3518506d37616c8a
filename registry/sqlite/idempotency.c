#include "registry/sqlite/sqlite.h"

#include <string.h>

static struct sy_idempotency_row read_row(sqlite3_stmt *st, struct sy_arena *arena)
{
    struct sy_idempotency_row row = {.tenant = sy_sql_text(st, 0, arena),
                                     .call_id = sy_sql_text(st, 3, arena),
                                     .expires_at_ms = sqlite3_column_int64(st, 4),
                                     .unknown = sqlite3_column_int(st, 5) != 0,
                                     .status = sqlite3_column_int(st, 6)};
    struct sy_str key = sy_sql_blob(st, 1, NULL);
    struct sy_str body;

    if (key.len == sizeof(row.key_hash))
        memcpy(row.key_hash, key.ptr, sizeof(row.key_hash));
    body = sy_sql_blob(st, 2, NULL);
    if (body.len == sizeof(row.body_hash))
        memcpy(row.body_hash, body.ptr, sizeof(row.body_hash));
    return row;
}

static struct sy_str hash_of(const unsigned char hash[32])
{
    return sy_str_from((const char *)hash, 32);
}

static void bind_row(sqlite3_stmt *st, const struct sy_idempotency_row *row)
{
    sy_sql_bind(st, 1, row->tenant);
    sy_sql_bind_blob(st, 2, hash_of(row->key_hash));
    sy_sql_bind_blob(st, 3, hash_of(row->body_hash));
    sy_sql_bind(st, 4, row->call_id.ptr ? row->call_id : SY_STR(""));
    sy_sql_bind_i64(st, 5, row->expires_at_ms);
    sy_sql_bind_i64(st, 6, row->unknown);
    sy_sql_bind_i64(st, 7, row->status);
    sy_sql_bind_blob(st, 8, row->answer);
}

static int put_row(struct sy_sqlite *self, const struct sy_idempotency_row *row, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_IDEMPOTENCY_PUT, err);

    if (!st)
        return sy_sql_lost(self);
    bind_row(st, row);
    return sy_sql_run(self, st, err);
}

/* A few of the answers that had expired by the newest time seen: the store reads no clock. */
static int drop_expired(struct sy_sqlite *self, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_IDEMPOTENCY_EXPIRE, err);

    if (!st)
        return sy_sql_lost(self);
    sy_sql_bind_i64(st, 1, self->newest_ms);
    return sy_sql_run(self, st, err);
}

int sy_sqlite_put_idempotency(struct sy_store *store, const struct sy_idempotency_row *rows,
                              size_t count, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    int rc = sy_sqlite_begin(self, err);

    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < count; i++)
        rc = put_row(self, &rows[i], err);
    if (!rc)
        rc = drop_expired(self, err);
    return sy_sqlite_end(self, rc, err);
}

int sy_sqlite_claim_idempotency(struct sy_store *store, const struct sy_idempotency_row *row,
                                int64_t now_ms, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_IDEMPOTENCY_CLAIM, err);
    int rc = st ? sy_sqlite_begin(self, err) : sy_sql_lost(self);

    if (rc)
        return rc;
    bind_row(st, row);
    sy_sql_bind_i64(st, 9, now_ms);
    rc = sy_sql_run(self, st, err);
    if (!rc && sqlite3_changes(self->db) == 0)
        rc = sy_err_set(err, SY_EXISTS, "the key is taken");
    return sy_sqlite_end(self, rc, err);
}

int sy_sqlite_drop_idempotency(struct sy_store *store, const struct sy_idempotency_row *row,
                               struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_IDEMPOTENCY_DROP, err);
    int rc = st ? sy_sqlite_begin(self, err) : sy_sql_lost(self);

    if (rc)
        return rc;
    sy_sql_bind(st, 1, row->tenant);
    sy_sql_bind_blob(st, 2, hash_of(row->key_hash));
    sy_sql_bind(st, 3, row->call_id);
    return sy_sqlite_end(self, sy_sql_run(self, st, err), err);
}

int sy_sqlite_each_idempotency(struct sy_store *store, int64_t now_ms, sy_idempotency_fn *fn,
                               void *ctx, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_IDEMPOTENCY_EACH, err);
    bool more = true;
    int rc = SY_OK;

    if (!st)
        return sy_sql_lost(self);
    if (now_ms > self->newest_ms)
        self->newest_ms = now_ms;
    sy_sql_bind_i64(st, 1, now_ms);
    while (more && (rc = sy_sql_step(self, st, err)) > 0) {
        const struct sy_idempotency_row row = read_row(st, NULL);
        more = fn(&row, ctx);
    }
    sy_sql_reset(st);
    return rc < 0 ? rc : SY_OK;
}

int sy_sqlite_get_idempotency(struct sy_store *store, struct sy_str tenant,
                              const unsigned char key_hash[32], struct sy_arena *arena,
                              struct sy_idempotency_row *ret, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_IDEMPOTENCY_GET, err);
    int rc;

    if (!st)
        return sy_sql_lost(self);
    sy_sql_bind(st, 1, tenant);
    sy_sql_bind_blob(st, 2, hash_of(key_hash));
    rc = sy_sql_step(self, st, err);
    if (rc <= 0)
        return rc ? rc : sy_err_set(err, SY_NOT_FOUND, "no answer is kept for this key");
    *ret = read_row(st, arena);
    ret->answer = sy_sql_blob(st, 7, arena);
    sy_sql_reset(st);
    return arena->failed ? sy_err_set(err, SY_NOMEM, "out of memory") : SY_OK;
}
