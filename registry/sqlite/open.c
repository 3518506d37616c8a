/*
 * Making a database ours: the file and its mode, the lock beside it, the connection's settings, the
 * schema.
 */
#include "registry/sqlite/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_MAX 256u
#define BUSY_MS 2000
/* "SWYD": what `file` and other programs see in the header. */
#define APPLICATION_ID 0x53575944

static const struct {
    int id;
    int value;
} limits[] = {
    {SQLITE_LIMIT_LENGTH, 64 << 20},
    {SQLITE_LIMIT_SQL_LENGTH, 1 << 16},
    {SQLITE_LIMIT_COLUMN, 64},
    {SQLITE_LIMIT_EXPR_DEPTH, 50},
    {SQLITE_LIMIT_COMPOUND_SELECT, 5},
    {SQLITE_LIMIT_VDBE_OP, 25000},
    {SQLITE_LIMIT_FUNCTION_ARG, 16},
    {SQLITE_LIMIT_ATTACHED, 1}, /* VACUUM INTO takes one */
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 64},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 4},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

void sy_sqlite_configure(sqlite3 *db)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(limits); i++)
        (void)sqlite3_limit(db, limits[i].id, limits[i].value);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, (int *)NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, (int *)NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, (int *)NULL);
    (void)sqlite3_extended_result_codes(db, 1);
    (void)sqlite3_busy_timeout(db, BUSY_MS);
}

int sy_sqlite_set_pragmas(sqlite3 *db, bool read_only, struct sy_err *err)
{
    static const char shared[] = "PRAGMA cell_size_check = ON;"
                                 "PRAGMA synchronous = FULL;"
                                 "PRAGMA temp_store = MEMORY;"
                                 "PRAGMA mmap_size = 0;"
                                 "PRAGMA cache_size = -1024;";
    /* Of a new store: most of what is written are blocks of the ledger, hundreds of KB each. A page
     * is two writes to the log, one to the file. */
    static const char writer[] = "PRAGMA page_size = 16384;"
                                 "PRAGMA journal_mode = WAL;"
                                 "PRAGMA journal_size_limit = 16777216;"
                                 "PRAGMA wal_autocheckpoint = 256;";

    if (sqlite3_exec(db, shared, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, read_only ? "PRAGMA query_only = ON;" : writer, NULL, NULL, NULL) !=
            SQLITE_OK)
        return sy_sqlite_fail(db, err, "setting up the connection");
    return SY_OK;
}

/* ---- the lock beside the file ---- */

static int lock_held(int fd, const char *path, struct sy_err *err)
{
    char note[NOTE_MAX];
    ssize_t len = pread(fd, note, sizeof(note), 0);
    struct sy_str text = {note, len > 0 ? (size_t)len : 0};

    if (sy_str_find_char(text, '\n') != (size_t)-1)
        text.len = sy_str_find_char(text, '\n');
    if (!text.len || sy_str_has_control(text))
        text = SY_STR("another process");
    return sy_err_set(err, SY_UNAVAILABLE, "store %s is held by %.*s", path, SY_FMT(text));
}

static int write_note(int fd, struct sy_str note)
{
    if (note.len > NOTE_MAX - 1)
        note.len = NOTE_MAX - 1;
    if (ftruncate(fd, 0) != 0)
        return -1;
    return pwrite(fd, note.ptr ? note.ptr : "", note.len, 0) == (ssize_t)note.len ? 0 : -1;
}

/* The store that is handed over has this file beside it. */
static bool is_file_of(int fd, const char *name)
{
    struct stat handed, named;

    return fstat(fd, &handed) == 0 && stat(name, &named) == 0 && handed.st_dev == named.st_dev &&
           handed.st_ino == named.st_ino;
}

int sy_sqlite_lock(const char *path, struct sy_str note, int handed, int *ret_fd,
                   struct sy_err *err)
{
    struct sy_arena arena;
    const char *name;
    int rc = SY_OK, fd = handed > 0 ? handed : -1;

    sy_arena_init(&arena, 2 * SY_SQLITE_PATH_MAX);
    name = sy_arena_printf(&arena, "%s.lock", path).ptr;
    if (name && fd < 0)
        fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        rc = sy_err_set(err, SY_UNAVAILABLE, "%s.lock: %s", path, strerror(errno));
    else if (handed > 0 && !(name && is_file_of(fd, name)))
        rc =
            sy_err_set(err, SY_CONFLICT,
                       "the process before holds another store than %s: stop it, then start", path);
    else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        rc = lock_held(fd, path, err);
    else if (write_note(fd, note) != 0)
        rc = sy_err_set(err, SY_UNAVAILABLE, "%s.lock: %s", path, strerror(errno));
    if (rc && fd >= 0)
        (void)close(fd);
    else if (!rc)
        *ret_fd = fd;
    sy_arena_release(&arena);
    return rc;
}

/* ---- the schema ---- */

int sy_sqlite_pragma(sqlite3 *db, const char *sql, int64_t *ret, struct sy_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = SY_OK;

    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
        rc = sy_sqlite_fail(db, err, "reading the schema's version");
    else
        *ret = sqlite3_column_int64(st, 0);
    (void)sqlite3_finalize(st);
    return rc;
}

/* Everything between BEGIN and COMMIT, the number included: killed anywhere, all or nothing. */
static int migrate_one(sqlite3 *db, const struct sy_migration *migration, struct sy_err *err)
{
    struct sy_arena arena;
    const char *number;
    int64_t now = 0;
    int rc;

    sy_arena_init(&arena, 4096);
    number = sy_arena_printf(&arena, "PRAGMA user_version = %lld; PRAGMA application_id = %d;",
                             (long long)migration->number, APPLICATION_ID)
                 .ptr;
    rc = number ? SY_OK : sy_err_set(err, SY_NOMEM, "out of memory");
    if (!rc && sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        rc = sy_sqlite_fail(db, err, "beginning a migration");
    if (!rc)
        rc = sy_sqlite_pragma(db, "PRAGMA user_version", &now, err);
    /* Another process may have been first. */
    if (!rc && now < migration->number &&
        (sqlite3_exec(db, migration->sql, NULL, NULL, NULL) != SQLITE_OK ||
         sqlite3_exec(db, number, NULL, NULL, NULL) != SQLITE_OK))
        rc = sy_sqlite_fail(db, err, "migrating the schema");
    if (!rc && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        rc = sy_sqlite_fail(db, err, "committing a migration");
    if (rc && !sqlite3_get_autocommit(db))
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sy_arena_release(&arena);
    return rc;
}

int sy_sqlite_migrate(sqlite3 *db, const struct sy_migration *migrations, size_t count,
                      bool *ret_new, struct sy_err *err)
{
    int64_t newest = count ? migrations[count - 1].number : 0;
    int64_t now = 0, tables = 0, id = 0;
    int rc = sy_sqlite_pragma(db, "PRAGMA user_version", &now, err);

    if (!rc)
        rc = sy_sqlite_pragma(db, "PRAGMA application_id", &id, err);
    if (!rc)
        rc = sy_sqlite_pragma(db, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (rc)
        return rc;
    if (tables && id != APPLICATION_ID)
        return sy_err_set(err, SY_INVALID, "this is a database, but not a store of switchyard");
    if (now > newest)
        return sy_err_set(err, SY_INVALID,
                          "the store's schema is number %lld, this program knows up to %lld: "
                          "use the newer program",
                          (long long)now, (long long)newest);
    *ret_new = !tables;
    for (size_t i = 0; !rc && i < count; i++)
        if (migrations[i].number > now)
            rc = migrate_one(db, &migrations[i], err);
    return rc;
}

/* ---- the file ---- */

/* Folders above `path` that are missing, for us alone. */
static int make_folders(char *path)
{
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            *at = '/';
            return -1;
        }
        *at = '/';
    }
    return 0;
}

/* Made before SQLite sees it, so that it, its log and its index are ours alone to read. */
int sy_sqlite_make_file(char *path, struct sy_err *err)
{
    int fd = make_folders(path) ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return sy_err_set(err, SY_UNAVAILABLE, "store %s: %s", path, strerror(errno));
    (void)close(fd);
    return SY_OK;
}
