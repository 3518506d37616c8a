/*
 * What only the SQLite store promises: files, locks, migrations, other processes, full disks.
 */
#include "support.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "registry/sqlite/sqlite.h"

static void file_path(const struct fixture *f, const char *suffix, char *out, size_t size)
{
    (void)snprintf(out, size, "%s/switchyard.db%s", f->folder, suffix);
}

static sqlite3 *open_raw(const struct fixture *f)
{
    char path[128];
    sqlite3 *db;

    file_path(f, "", path, sizeof(path));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

static void run_raw(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

static int64_t number_raw(sqlite3 *db, const char *sql)
{
    int64_t value = -1;

    if (sy_sqlite_pragma(db, sql, &value, NULL))
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    return value;
}

static sqlite3 *handle(const struct fixture *f)
{
    return ((struct sy_sqlite *)(void *)f->store)->db;
}

/* ---- files ---- */

static void what_was_written_is_there_after_opening_again(void **state)
{
    struct fixture *f = *state;
    struct sy_row row = row_of("gmail", "composio");

    assert_int_equal(put_row(f, &row), 0);
    close_store(f);
    assert_int_equal(open_store(f, true), 0);
    assert_int_equal(load(f).row_count, 1);
    assert_int_equal(load(f).version, 1);
}

static void the_seed_comes_once_into_a_new_store(void **state)
{
    struct fixture *f = *state;
    char path[128];
    size_t rows;

    close_store(f);
    file_path(f, "", path, sizeof(path));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(open_store(f, true), 0);
    rows = load(f).row_count;
    assert_true(rows > 130);
    assert_int_equal(put_rows(f, "gmail", NULL, 0, -1), 0);
    close_store(f);
    assert_int_equal(open_store(f, true), 0);
    assert_int_equal(load(f).row_count, rows - 2);
}

static void its_files_are_for_the_owner_alone(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    struct fixture *f = *state;
    struct sy_row row = row_of("gmail", "composio");
    char path[128];
    struct stat st;

    assert_int_equal(put_row(f, &row), 0);
    for (size_t i = 0; i < SY_ARRAY_LEN(suffixes); i++) {
        file_path(f, suffixes[i], path, sizeof(path));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void folders_above_it_are_made(void **state)
{
    struct fixture *f = *state;
    char url[128], path[128];
    struct sy_store_options options = {0};
    struct sy_store *store;
    struct stat st;

    (void)snprintf(url, sizeof(url), "sqlite:%s/a/b/c.db", f->folder);
    options.url = z(url);
    assert_int_equal(sy_store_open(&options, &store, NULL), 0);
    store->ops->close(store);
    (void)snprintf(path, sizeof(path), "%s/a/b", f->folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    remove_folder(path);
    (void)snprintf(path, sizeof(path), "%s/a", f->folder);
    remove_folder(path);
}

static void the_connection_is_set_up_against_every_trap(void **state)
{
    static const struct {
        const char *sql;
        int64_t wanted;
    } settings[] = {
        {"PRAGMA synchronous", 2},
        {"PRAGMA foreign_keys", 1},
        {"PRAGMA trusted_schema", 0},
        {"PRAGMA cell_size_check", 1},
        {"PRAGMA journal_size_limit", 16777216},
        {"PRAGMA busy_timeout", 2000},
        {"PRAGMA mmap_size", 0},
        {"SELECT (SELECT journal_mode FROM pragma_journal_mode) = 'wal'", 1},
        {"SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
         " AND name NOT LIKE 'sqlite_%' AND NOT strict",
         0},
    };
    struct fixture *f = *state;
    sqlite3 *db = handle(f);

    for (size_t i = 0; i < SY_ARRAY_LEN(settings); i++)
        if (number_raw(db, settings[i].sql) != settings[i].wanted)
            fail_msg("%s", settings[i].sql);
    assert_int_not_equal(sqlite3_exec(db, "SELECT 'a' = \"typo\"", NULL, NULL, NULL), SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, "UPDATE sqlite_schema SET sql = ''", NULL, NULL, NULL),
                         SQLITE_OK);
    assert_int_not_equal(
        sqlite3_exec(db, "INSERT INTO meta VALUES ('x', 'text')", NULL, NULL, NULL), SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, "SELECT load_extension('x')", NULL, NULL, NULL),
                         SQLITE_OK);
    assert_int_equal(sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, -1), 1);
    assert_int_equal(sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, -1), 50);
}

static void a_backup_is_whole_private_and_overwrites_nothing(void **state)
{
    struct fixture *f = *state;
    struct sy_row row = row_of("gmail", "composio");
    struct sy_store_options options = {.read_only = true};
    struct sy_registry got;
    struct sy_store *copy;
    char path[128], url[160];
    struct stat st;

    assert_int_equal(put_row(f, &row), 0);
    file_path(f, ".copy", path, sizeof(path));
    if (f->store->ops->backup(f->store, z(path), &f->err))
        fail_msg("%s", f->err.text);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(f->store->ops->backup(f->store, z(path), NULL), SY_EXISTS);
    (void)snprintf(url, sizeof(url), "sqlite:%s", path);
    options.url = z(url);
    if (sy_store_open(&options, &copy, &f->err))
        fail_msg("%s", f->err.text);
    assert_int_equal(copy->ops->load(copy, &f->arena, &got, NULL), 0);
    assert_int_equal(got.row_count, 1);
    copy->ops->close(copy);
    assert_int_equal(f->store->ops->backup(f->store, z("no/such/folder/x"), NULL), SY_UNAVAILABLE);
}

/* ---- the lock ---- */

static void a_held_store_is_refused_with_its_holders_note(void **state)
{
    struct fixture *f = *state;
    const struct sy_store_options options = {.url = z(f->url), .exclusive = true};
    struct sy_err err = SY_ERR_INIT;
    struct sy_store *second;

    assert_int_equal(sy_store_open(&options, &second, &err), SY_UNAVAILABLE);
    assert_non_null(strstr(err.text, "is held by the test"));
    close_store(f);
    assert_int_equal(sy_store_open(&options, &second, NULL), 0);
    second->ops->close(second);
}

static void the_lock_dies_with_its_process(void **state)
{
    struct fixture *f = *state;
    int status;
    pid_t child;

    close_store(f);
    child = fork();
    if (child == 0)
        _exit(open_store(f, false) ? 1 : 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(open_store(f, false), 0);
}

/* ---- migrations ---- */

static void die(sqlite3_context *ctx, int count, sqlite3_value **values)
{
    (void)ctx;
    (void)count;
    (void)values;
    _exit(7);
}

static const struct sy_migration two[] = {
    {1, "CREATE TABLE a (x INTEGER) STRICT; CREATE TABLE b (x INTEGER) STRICT;"},
    {2, "CREATE TABLE c (x INTEGER) STRICT; INSERT INTO c VALUES (die());"
        " CREATE TABLE d (x INTEGER) STRICT;"},
};

static void a_process_killed_inside_a_migration_leaves_the_schema_before_it(void **state)
{
    struct fixture *f = *state;
    char path[128];
    bool fresh;
    int status;
    sqlite3 *db;
    pid_t child;

    file_path(f, ".half", path, sizeof(path));
    child = fork();
    if (child == 0) {
        if (sqlite3_open(path, &db) != SQLITE_OK ||
            sqlite3_create_function(db, "die", 0, SQLITE_UTF8, NULL, die, NULL, NULL) != SQLITE_OK)
            _exit(1);
        (void)sy_sqlite_migrate(db, two, 2, &fresh, NULL);
        _exit(2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(number_raw(db, "PRAGMA user_version"), 1);
    assert_int_equal(number_raw(db, "SELECT count(*) FROM sqlite_schema"), 2);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_failed_migration_is_taken_back_whole(void **state)
{
    static const struct sy_migration bad[] = {
        {1, "CREATE TABLE a (x INTEGER) STRICT; CREATE TABLE a (x INTEGER) STRICT;"}};
    struct sy_err err = SY_ERR_INIT;
    sqlite3 *db;
    bool fresh;

    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sy_sqlite_migrate(db, bad, 1, &fresh, &err), SY_ERR);
    assert_non_null(strstr(err.text, "migrating"));
    assert_int_equal(number_raw(db, "SELECT count(*) FROM sqlite_schema"), 0);
    assert_int_equal(number_raw(db, "PRAGMA user_version"), 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db;

    close_store(f);
    db = open_raw(f);
    run_raw(db, "PRAGMA user_version = 9999");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(open_store(f, false), SY_INVALID);
    assert_non_null(strstr(f->err.text, "9999"));
}

static void another_programs_database_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[128];
    sqlite3 *db;

    close_store(f);
    file_path(f, "", path, sizeof(path));
    assert_int_equal(unlink(path), 0);
    db = open_raw(f);
    run_raw(db, "CREATE TABLE theirs (x)");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(open_store(f, false), SY_INVALID);
    assert_non_null(strstr(f->err.text, "not a store of switchyard"));
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[128];
    FILE *file;

    close_store(f);
    file_path(f, "", path, sizeof(path));
    file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 400; i++)
        assert_true(fputs("this is no database ", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(open_store(f, false), SY_UNAVAILABLE);
}

/* ---- other processes, full disks ---- */

static void the_data_version_moves_when_another_connection_writes(void **state)
{
    struct fixture *f = *state;
    struct sy_row row = row_of("gmail", "composio"), other = row_of("slack", "composio");
    const struct sy_store_options options = {.url = z(f->url)};
    struct sy_store *second, *first = f->store;
    int64_t before, own, after;

    assert_int_equal(first->ops->data_version(first, &before, NULL), 0);
    assert_int_equal(put_row(f, &row), 0);
    assert_int_equal(first->ops->data_version(first, &own, NULL), 0);
    assert_int_equal(own, before);
    assert_int_equal(sy_store_open(&options, &second, NULL), 0);
    f->store = second;
    assert_int_equal(put_row(f, &other), 0);
    f->store = first;
    second->ops->close(second);
    assert_int_equal(first->ops->data_version(first, &after, NULL), 0);
    assert_true(after != own);
    assert_int_equal(load(f).row_count, 2);
}

static void a_full_disk_is_unavailable_and_loses_nothing_before(void **state)
{
    struct fixture *f = *state;
    struct sy_row row = row_of("gmail", "composio"), more = row_of("slack", "composio");
    struct sy_ledger_row call = {.id = SY_STR("call_1"), .tenant = SY_STR("t"), .at_ms = NOW};
    char *big = calloc(1, 1 << 20);

    assert_non_null(big);
    /* Nothing that could be packed into the room that is left. */
    for (uint32_t i = 0, seed = 1; i < 1 << 20; i++, seed = seed * 1664525u + 1013904223u)
        big[i] = (char)('a' + (seed >> 16) % 26);
    call.json = sy_str_from(big, 1 << 20);
    assert_int_equal(put_row(f, &row), 0);
    run_raw(handle(f), "PRAGMA max_page_count = 1");
    f->err = (struct sy_err)SY_ERR_INIT;
    assert_int_equal(f->store->ops->append_ledger(f->store, &call, 1, NULL, 0, &f->err),
                     SY_UNAVAILABLE);
    assert_int_equal(f->err.status, SY_UNAVAILABLE);
    run_raw(handle(f), "PRAGMA max_page_count = 1073741823");
    assert_int_equal(put_row(f, &more), 0);
    assert_int_equal(load(f).row_count, 2);
    assert_int_equal(f->store->ops->append_ledger(f->store, &call, 1, NULL, 0, NULL), 0);
    assert_int_equal(number_raw(handle(f), "SELECT count(*) FROM pragma_integrity_check"
                                           " WHERE integrity_check = 'ok'"),
                     1);
    free(big);
}

static void a_read_only_store_reads_and_refuses_to_write(void **state)
{
    struct fixture *f = *state;
    struct sy_row row = row_of("gmail", "composio");
    const struct sy_store_options options = {.url = z(f->url), .read_only = true};
    struct sy_store *first = f->store;

    assert_int_equal(put_row(f, &row), 0);
    assert_int_equal(sy_store_open(&options, &f->store, NULL), 0);
    assert_int_equal(load(f).row_count, 1);
    row.owner = SY_STR("me");
    assert_int_equal(put_row(f, &row), SY_UNAVAILABLE);
    close_store(f);
    f->store = first;
}

static void a_writer_waits_for_another_and_then_gives_up(void **state)
{
    struct fixture *f = *state;
    struct sy_row row = row_of("gmail", "composio");
    sqlite3 *db = open_raw(f);

    (void)sqlite3_busy_timeout(handle(f), 50);
    run_raw(db, "BEGIN IMMEDIATE");
    assert_int_equal(put_row(f, &row), SY_UNAVAILABLE);
    run_raw(db, "ROLLBACK");
    assert_int_equal(put_row(f, &row), 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_damaged_block_hides_only_its_own_rows(void **state)
{
    struct fixture *f = *state;
    struct sy_ledger_row calls[2] = {
        {SY_STR("call_1"), SY_STR("t"), NOW, SY_STR("{}")},
        {SY_STR("call_2"), SY_STR("t"), NOW, SY_STR("{}")},
    };
    struct sy_ledger_row later[2] = {
        {SY_STR("call_3"), SY_STR("t"), NOW, SY_STR("{}")},
        {SY_STR("call_4"), SY_STR("t"), NOW, SY_STR("{}")},
    };
    struct sy_ledger_row *rows;
    size_t count;

    assert_int_equal(f->store->ops->append_ledger(f->store, calls, 2, NULL, 0, NULL), 0);
    run_raw(handle(f), "UPDATE ledger_blocks SET rows = substr(rows, 1, length(rows) - 3)");
    assert_int_equal(f->store->ops->query_ledger(f->store, &(struct sy_ledger_query){.limit = 9},
                                                 &f->arena, &rows, &count, NULL),
                     0);
    assert_int_equal(count, 1);
    assert_int_equal(f->store->ops->append_ledger(f->store, later, 2, NULL, 0, NULL), 0);
    assert_int_equal(f->store->ops->query_ledger(f->store, &(struct sy_ledger_query){.limit = 9},
                                                 &f->arena, &rows, &count, NULL),
                     0);
    assert_int_equal(count, 3);
}

static void paths_that_cannot_be_are_refused(void **state)
{
    static const struct sy_str urls[] = {SY_STR_INIT("sqlite:"), SY_STR_INIT("sqlite:a\0b"),
                                         SY_STR_INIT("postgres://x"), SY_STR_INIT("")};

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(urls); i++) {
        const struct sy_store_options options = {.url = urls[i]};
        struct sy_store *store;
        assert_int_equal(sy_store_open(&options, &store, NULL), SY_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR("sqlite", what_was_written_is_there_after_opening_again),
        FOR("sqlite", the_seed_comes_once_into_a_new_store),
        FOR("sqlite", its_files_are_for_the_owner_alone),
        FOR("sqlite", folders_above_it_are_made),
        FOR("sqlite", the_connection_is_set_up_against_every_trap),
        FOR("sqlite", a_backup_is_whole_private_and_overwrites_nothing),
        FOR("sqlite", a_held_store_is_refused_with_its_holders_note),
        FOR("sqlite", the_lock_dies_with_its_process),
        FOR("sqlite", a_process_killed_inside_a_migration_leaves_the_schema_before_it),
        FOR("sqlite", a_failed_migration_is_taken_back_whole),
        FOR("sqlite", a_newer_schema_is_refused),
        FOR("sqlite", another_programs_database_is_refused),
        FOR("sqlite", a_file_that_is_no_database_is_refused),
        FOR("sqlite", the_data_version_moves_when_another_connection_writes),
        FOR("sqlite", a_full_disk_is_unavailable_and_loses_nothing_before),
        FOR("sqlite", a_read_only_store_reads_and_refuses_to_write),
        FOR("sqlite", a_writer_waits_for_another_and_then_gives_up),
        FOR("sqlite", a_damaged_block_hides_only_its_own_rows),
        FOR("sqlite", paths_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
}
