#include "registry/sqlite/sqlite.h"

static const struct sy_str texts[SY_SQL_COUNT] = {
#define SY_SQL(id, text) [SY_SQL_##id] = SY_STR_INIT(text),
#include "registry/sqlite/statement.def"
#undef SY_SQL
};

int sy_sqlite_status(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return SY_OK;
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
        return SY_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return SY_UNAVAILABLE;
    default:
        return SY_ERR;
    }
}

int sy_sqlite_fail(sqlite3 *db, struct sy_err *err, const char *doing)
{
    int rc = sqlite3_extended_errcode(db);
    int status = sy_sqlite_status(rc);

    return sy_err_set(err, status ? (enum sy_status)status : SY_ERR, "store: %s: %s (%d)", doing,
                      sqlite3_errmsg(db), rc);
}

int sy_sql_lost(struct sy_sqlite *self)
{
    int status = sy_sqlite_status(sqlite3_extended_errcode(self->db));

    return status ? status : SY_ERR;
}

sqlite3_stmt *sy_sql_get(struct sy_sqlite *self, enum sy_sql which, struct sy_err *err)
{
    sqlite3_stmt **st = &self->statements[which];

    if (*st || sqlite3_prepare_v3(self->db, texts[which].ptr, (int)texts[which].len + 1,
                                  SQLITE_PREPARE_PERSISTENT, st, NULL) == SQLITE_OK)
        return *st;
    (void)sy_sqlite_fail(self->db, err, "preparing a statement");
    return NULL;
}

/* A failed bind shows when the statement is stepped: the library keeps NULL there, and every column
 * that matters is NOT NULL. */
void sy_sql_bind(sqlite3_stmt *st, int index, struct sy_str text)
{
    if (text.ptr)
        (void)sqlite3_bind_text64(st, index, text.ptr, text.len, SQLITE_STATIC, SQLITE_UTF8);
    else
        (void)sqlite3_bind_null(st, index);
}

void sy_sql_bind_blob(sqlite3_stmt *st, int index, struct sy_str bytes)
{
    if (bytes.ptr)
        (void)sqlite3_bind_blob64(st, index, bytes.ptr, bytes.len, SQLITE_STATIC);
    else
        (void)sqlite3_bind_null(st, index);
}

void sy_sql_bind_i64(sqlite3_stmt *st, int index, int64_t value)
{
    (void)sqlite3_bind_int64(st, index, value);
}

void sy_sql_reset(sqlite3_stmt *st)
{
    (void)sqlite3_reset(st);
    (void)sqlite3_clear_bindings(st);
}

int sy_sql_step(struct sy_sqlite *self, sqlite3_stmt *st, struct sy_err *err)
{
    int rc = sqlite3_step(st);
    int status = SY_OK;

    if (rc == SQLITE_ROW)
        return 1;
    if (rc != SQLITE_DONE)
        status = sy_sqlite_fail(self->db, err, "running a statement");
    sy_sql_reset(st);
    return status;
}

int sy_sql_run(struct sy_sqlite *self, sqlite3_stmt *st, struct sy_err *err)
{
    int rc = sy_sql_step(self, st, err);

    if (rc > 0)
        sy_sql_reset(st);
    return rc > 0 ? SY_OK : rc;
}

struct sy_str sy_sql_text(sqlite3_stmt *st, int column, struct sy_arena *arena)
{
    const char *text = (const char *)sqlite3_column_text(st, column);
    struct sy_str s = {text, text ? (size_t)sqlite3_column_bytes(st, column) : 0};

    return text && arena ? sy_arena_copy(arena, s) : s;
}

struct sy_str sy_sql_blob(sqlite3_stmt *st, int column, struct sy_arena *arena)
{
    const void *bytes = sqlite3_column_blob(st, column);
    struct sy_str s = {bytes, (size_t)sqlite3_column_bytes(st, column)};

    /* An empty blob has no address; it is still there. */
    if (!bytes && sqlite3_column_type(st, column) == SQLITE_BLOB)
        s = SY_STR("");
    return s.ptr && arena ? sy_arena_copy(arena, s) : s;
}

int sy_sql_number(struct sy_sqlite *self, enum sy_sql which, int64_t *ret, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, which, err);
    int rc;

    if (!st)
        return sy_sql_lost(self);
    rc = sy_sql_step(self, st, err);
    if (rc == 0)
        return sy_err_set(err, SY_ERR, "store: a value is missing");
    if (rc < 0)
        return rc;
    *ret = sqlite3_column_int64(st, 0);
    sy_sql_reset(st);
    return SY_OK;
}

/* ---- transactions ---- */

static int run_plain(struct sy_sqlite *self, enum sy_sql which, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, which, err);

    return st ? sy_sql_run(self, st, err) : sy_sql_lost(self);
}

int sy_sqlite_begin(struct sy_sqlite *self, struct sy_err *err)
{
    return run_plain(self, SY_SQL_BEGIN, err);
}

void sy_sqlite_roll_back(struct sy_sqlite *self)
{
    if (!sqlite3_get_autocommit(self->db))
        (void)run_plain(self, SY_SQL_ROLLBACK, NULL);
}

int sy_sqlite_end(struct sy_sqlite *self, int rc, struct sy_err *err)
{
    if (!rc)
        rc = run_plain(self, SY_SQL_COMMIT, err);
    if (rc)
        sy_sqlite_roll_back(self);
    return rc;
}
