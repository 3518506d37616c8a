#include "registry/sqlite/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void sqlite_close(struct sy_store *store)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;

    if (!self)
        return;
    for (int i = 0; i < SY_SQL_COUNT; i++)
        (void)sqlite3_finalize(self->statements[i]);
    (void)sqlite3_close(self->db);
    if (store->lock_fd >= 0)
        (void)close(store->lock_fd);
    free(self);
}

static int sqlite_load(struct sy_store *store, struct sy_arena *arena, struct sy_registry *ret,
                       struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    sqlite3_stmt *begin = sy_sql_get(self, SY_SQL_BEGIN_READ, err);
    int rc = begin ? sy_sql_run(self, begin, err) : sy_sql_lost(self);

    *ret = (struct sy_registry){0};
    if (rc)
        return rc;
    rc = sy_sqlite_load_rows(self, arena, ret, err);
    if (!rc)
        rc = sy_sqlite_load_people(self, arena, ret, err);
    if (!rc && arena->failed)
        rc = sy_err_set(err, SY_NOMEM, "the registry is larger than the memory granted to it");
    rc = sy_sqlite_end(self, rc, err);
    (void)sqlite3_db_release_memory(self->db); /* pages that nobody reads again for a while */
    return rc;
}

static int sqlite_changes(struct sy_store *store, int64_t since, size_t max, struct sy_arena *arena,
                          struct sy_registry_changes *ret, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    sqlite3_stmt *begin = sy_sql_get(self, SY_SQL_BEGIN_READ, err);
    int rc = begin ? sy_sql_run(self, begin, err) : sy_sql_lost(self);

    *ret = (struct sy_registry_changes){0};
    if (rc)
        return rc;
    rc = sy_sqlite_load_changes(self, since, max, arena, ret, err);
    if (!rc)
        rc = sy_sqlite_load_people(self, arena, &ret->now, err);
    if (!rc && arena->failed)
        rc = sy_err_set(err, SY_NOMEM, "the changes are larger than the memory granted to them");
    return sy_sqlite_end(self, rc, err);
}

static int sqlite_data_version(struct sy_store *store, int64_t *ret, struct sy_err *err)
{
    return sy_sql_number((struct sy_sqlite *)store, SY_SQL_DATA_VERSION, ret, err);
}

/* FNV-1a over every column of every row. */
static int mix_rows(struct sy_sqlite *self, enum sy_sql which, uint64_t *hash, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, which, err);
    int rc;

    if (!st)
        return sy_sql_lost(self);
    while ((rc = sy_sql_step(self, st, err)) > 0) {
        for (int i = 0; i < sqlite3_column_count(st); i++) {
            const unsigned char *bytes = sqlite3_column_blob(st, i);
            int len = sqlite3_column_bytes(st, i);

            for (int at = 0; at < len; at++)
                *hash = (*hash ^ bytes[at]) * 0x100000001b3u;
            *hash = (*hash ^ 0x100u) * 0x100000001b3u; /* no byte: ends the column */
        }
    }
    sy_sql_reset(st);
    return rc < 0 ? rc : SY_OK;
}

static int sqlite_content_version(struct sy_store *store, uint64_t *ret, struct sy_err *err)
{
    static const enum sy_sql parts[] = {SY_SQL_VERSION_GET, SY_SQL_TENANTS, SY_SQL_KEYS,
                                        SY_SQL_QUARANTINE};
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    uint64_t hash = 0xcbf29ce484222325u;
    int rc = SY_OK;

    for (size_t i = 0; !rc && i < SY_ARRAY_LEN(parts); i++)
        rc = mix_rows(self, parts[i], &hash, err);
    *ret = hash;
    return rc;
}

/* SQLite takes a name that begins with "file:" for a URL, and then another file than we do. */
static char *plain_name(struct sy_str path, struct sy_arena *arena)
{
    struct sy_str parts[2] = {SY_STR("./"), path};

    return sy_arena_z(arena,
                      sy_str_starts(path, SY_STR("file:")) ? sy_arena_join(arena, parts, 2) : path);
}

/* VACUUM INTO writes a whole, consistent file in one go; a sliced copy never ends while another
 * connection writes. */
static int sqlite_backup(struct sy_store *store, struct sy_str path, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    sqlite3_stmt *st = NULL;
    struct sy_arena arena;
    int rc = SY_OK, fd;
    const char *name;
    bool reader;

    sy_arena_init(&arena, 2 * SY_SQLITE_PATH_MAX);
    name = plain_name(path, &arena);
    if (!name)
        return sy_err_set(err, SY_INVALID, "the path is too long");
    fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        rc = errno == EEXIST
                 ? sy_err_set(err, SY_EXISTS, "%s exists: a backup overwrites nothing", name)
                 : sy_err_set(err, SY_UNAVAILABLE, "%s: %s", name, strerror(errno));
        sy_arena_release(&arena);
        return rc;
    }
    (void)close(fd);
    /* A reader may not write into the new file, either, while this is on. */
    reader = sqlite3_db_readonly(self->db, "main") == 1;
    if (reader)
        (void)sqlite3_exec(self->db, "PRAGMA query_only = OFF", NULL, NULL, NULL);
    if (sqlite3_prepare_v2(self->db, "VACUUM INTO ?1", -1, &st, NULL) != SQLITE_OK ||
        sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_DONE) {
        rc = sy_sqlite_fail(self->db, err, "copying the store");
        (void)unlink(name);
    }
    (void)sqlite3_finalize(st);
    if (reader)
        (void)sqlite3_exec(self->db, "PRAGMA query_only = ON", NULL, NULL, NULL);
    sy_arena_release(&arena);
    return rc;
}

static const struct sy_store_ops sqlite_ops = {
    .close = sqlite_close,
    .load = sqlite_load,
    .changes = sqlite_changes,
    .apply = sy_sqlite_apply,
    .history = sy_sqlite_history,
    .data_version = sqlite_data_version,
    .content_version = sqlite_content_version,
    .put_tenant = sy_sqlite_put_tenant,
    .put_key = sy_sqlite_put_key,
    .revoke_key = sy_sqlite_revoke_key,
    .set_quarantine = sy_sqlite_set_quarantine,
    .bump_case = sy_sqlite_bump_case,
    .list_cases = sy_sqlite_list_cases,
    .get_case = sy_sqlite_get_case,
    .close_case = sy_sqlite_close_case,
    .append_ledger = sy_sqlite_append_ledger,
    .query_ledger = sy_sqlite_query_ledger,
    .drained = sy_sqlite_drained,
    .trim = sy_sqlite_trim,
    .put_idempotency = sy_sqlite_put_idempotency,
    .claim_idempotency = sy_sqlite_claim_idempotency,
    .drop_idempotency = sy_sqlite_drop_idempotency,
    .each_idempotency = sy_sqlite_each_idempotency,
    .get_idempotency = sy_sqlite_get_idempotency,
    .backup = sqlite_backup,
};

/* ---- open ---- */

static int check_schema_read(struct sy_sqlite *self, struct sy_err *err)
{
    int64_t now = 0;
    int rc = sy_sqlite_pragma(self->db, "PRAGMA user_version", &now, err);

    if (!rc && now != sy_schema[sy_schema_count - 1].number)
        rc = sy_err_set(err, SY_INVALID,
                        "the store's schema is number %lld, this program reads %lld",
                        (long long)now, (long long)sy_schema[sy_schema_count - 1].number);
    return rc;
}

/* Killed between the schema and its first rows, a store is as new as one without a schema. */
static int check_seeded(struct sy_sqlite *self, bool *ret_new, struct sy_err *err)
{
    int64_t version = 0;
    int rc = sy_sql_number(self, SY_SQL_VERSION_GET, &version, err);

    *ret_new = *ret_new || version == 0;
    return rc;
}

/* The process that hands over speaks the schema that is there. */
static int check_schema_shared(struct sy_sqlite *self, struct sy_err *err)
{
    int64_t now = 0;
    int rc = sy_sqlite_pragma(self->db, "PRAGMA user_version", &now, err);

    if (!rc && now != sy_schema[sy_schema_count - 1].number)
        rc = sy_err_set(err, SY_INVALID,
                        "this version brings the store from schema %lld to %lld: that needs a "
                        "restart instead of a hand-over",
                        (long long)now, (long long)sy_schema[sy_schema_count - 1].number);
    return rc;
}

static int open_database(struct sy_sqlite *self, const char *path,
                         const struct sy_store_options *options, bool *ret_new, struct sy_err *err)
{
    bool read_only = options->read_only;
    int flags = (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX |
                SQLITE_OPEN_EXRESCODE;
    int rc;

    if (sqlite3_open_v2(path, &self->db, flags, NULL) != SQLITE_OK)
        return self->db ? sy_sqlite_fail(self->db, err, path)
                        : sy_err_set(err, SY_NOMEM, "out of memory");
    sy_sqlite_configure(self->db);
    rc = sy_sqlite_set_pragmas(self->db, read_only, err);
    if (rc)
        return rc;
    *ret_new = false;
    if (options->lock_fd > 0)
        return check_schema_shared(self, err);
    if (read_only)
        return check_schema_read(self, err);
    rc = sy_sqlite_migrate(self->db, sy_schema, sy_schema_count, ret_new, err);
    return rc ? rc : check_seeded(self, ret_new, err);
}

int sy_sqlite_open(const struct sy_store_options *options, struct sy_str path,
                   struct sy_store **ret_store, bool *ret_new, struct sy_err *err)
{
    struct sy_sqlite *self = calloc(1, sizeof(*self));
    struct sy_arena arena;
    char *name;
    int rc = SY_OK;

    if (!self)
        return sy_err_set(err, SY_NOMEM, "out of memory");
    self->base.ops = &sqlite_ops;
    self->base.lock_fd = -1;
    sy_arena_init(&arena, 2 * SY_SQLITE_PATH_MAX);
    name = path.len && path.len < SY_SQLITE_PATH_MAX && memchr(path.ptr, 0, path.len) == NULL
               ? plain_name(path, &arena)
               : NULL;
    if (!name)
        rc = sy_err_set(err, SY_INVALID, "store: the path is empty, too long or holds a NUL");
    if (!rc && !options->read_only)
        rc = sy_sqlite_make_file(name, err);
    if (!rc && options->exclusive)
        rc = sy_sqlite_lock(name, options->holder_note, options->lock_fd, &self->base.lock_fd, err);
    if (!rc)
        rc = open_database(self, name, options, ret_new, err);
    sy_arena_release(&arena);
    if (rc) {
        sqlite_close(&self->base);
        return rc;
    }
    *ret_store = &self->base;
    return SY_OK;
}
