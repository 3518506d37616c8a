/*
 * The SQLite backend's insides: one connection, statements prepared once, errors as our statuses.
 *
 * Connection settings (each guards against a default that has bitten somebody): WAL with
 * synchronous FULL, foreign keys on, trusted_schema off, double-quoted strings refused, DEFENSIVE,
 * cell_size_check, lowered limits, STRICT tables, writes by BEGIN IMMEDIATE only.
 */
#ifndef SY_REGISTRY_SQLITE_SQLITE_H
#define SY_REGISTRY_SQLITE_SQLITE_H

#include <sqlite3.h>

#include "contract/store.h"
#include "registry/apply.h"
#include "registry/registry.h"

enum sy_sql {
#define SY_SQL(id, text) SY_SQL_##id,
#include "registry/sqlite/statement.def"
#undef SY_SQL
    SY_SQL_COUNT
};

struct sy_sqlite {
    struct sy_store base;
    sqlite3 *db;
    sqlite3_stmt *statements[SY_SQL_COUNT];
    int64_t newest_ms; /* the latest time it was told: what has expired by then is gone */
};

/* One migration: its number, and SQL that may hold many statements. */
struct sy_migration {
    int64_t number;
    const char *sql; /* ends with a NUL */
};

/* schema/NNNN_*.sql in the order of their numbers; generated at build time. */
extern const struct sy_migration sy_schema[];
extern const size_t sy_schema_count;

#define SY_SQLITE_PATH_MAX 4000u /* bytes */

/* ---- open ---- */

int sy_sqlite_open(const struct sy_store_options *options, struct sy_str path,
                   struct sy_store **ret_store, bool *ret_new, struct sy_err *err);
/* Brings a database to the last migration, each in one transaction; SY_INVALID if it is newer than
 * that or no database of ours. *ret_new: it was empty. */
int sy_sqlite_migrate(sqlite3 *db, const struct sy_migration *migrations, size_t count,
                      bool *ret_new, struct sy_err *err);
/* Takes "PATH.lock" for this process, SY_UNAVAILABLE with the holder's note if another has it.
 * `handed` > 0 is the open lock file of the process that hands it over. */
int sy_sqlite_lock(const char *path, struct sy_str note, int handed, int *ret_fd,
                   struct sy_err *err);
void sy_sqlite_configure(sqlite3 *db);
int sy_sqlite_set_pragmas(sqlite3 *db, bool read_only, struct sy_err *err);
/* Makes the file and the folders above it, readable by us alone. `path` is restored. */
int sy_sqlite_make_file(char *path, struct sy_err *err);
/* The integer that `sql` gives. */
int sy_sqlite_pragma(sqlite3 *db, const char *sql, int64_t *ret, struct sy_err *err);

/* ---- errors ---- */

int sy_sqlite_status(int rc);
/* Records what `db` says about its last failure. */
int sy_sqlite_fail(sqlite3 *db, struct sy_err *err, const char *doing);

/* ---- statements: get, bind, step, reset ---- */

/* NULL after an error is set. */
sqlite3_stmt *sy_sql_get(struct sy_sqlite *self, enum sy_sql which, struct sy_err *err);
/* The status to return after sy_sql_get gave NULL. */
int sy_sql_lost(struct sy_sqlite *self);
void sy_sql_bind(sqlite3_stmt *st, int index, struct sy_str text); /* absent: NULL */
void sy_sql_bind_blob(sqlite3_stmt *st, int index, struct sy_str bytes);
void sy_sql_bind_i64(sqlite3_stmt *st, int index, int64_t value);
/* 1: a row, 0: done, negative: an error that is set; then (and at 0) the statement is reset. */
int sy_sql_step(struct sy_sqlite *self, sqlite3_stmt *st, struct sy_err *err);
void sy_sql_reset(sqlite3_stmt *st);
/* Steps a statement that gives no rows. */
int sy_sql_run(struct sy_sqlite *self, sqlite3_stmt *st, struct sy_err *err);
/* A column's text or bytes: a copy in `arena`, or with NULL the library's until the next step. */
struct sy_str sy_sql_text(sqlite3_stmt *st, int column, struct sy_arena *arena);
struct sy_str sy_sql_blob(sqlite3_stmt *st, int column, struct sy_arena *arena);
/* One integer from a statement without parameters. */
int sy_sql_number(struct sy_sqlite *self, enum sy_sql which, int64_t *ret, struct sy_err *err);

/* ---- transactions ---- */

int sy_sqlite_begin(struct sy_sqlite *self, struct sy_err *err);
/* Commits if rc is SY_OK, else rolls back; returns rc or why the commit failed. */
int sy_sqlite_end(struct sy_sqlite *self, int rc, struct sy_err *err);
/* A transaction that is taken back whatever happened. */
void sy_sqlite_roll_back(struct sy_sqlite *self);

/* ---- struct sy_store_ops, by file ---- */

int sy_sqlite_apply(struct sy_store *store, const struct sy_change *changes, size_t count,
                    const struct sy_change_note *note, bool dry_run, int64_t *ret_version,
                    struct sy_err *err);
int sy_sqlite_history(struct sy_store *store, struct sy_str toolkit, unsigned limit,
                      struct sy_arena *arena, struct sy_str *ret_json, struct sy_err *err);
int sy_sqlite_load_rows(struct sy_sqlite *self, struct sy_arena *arena, struct sy_registry *ret,
                        struct sy_err *err);
int sy_sqlite_load_changes(struct sy_sqlite *self, int64_t since, size_t max,
                           struct sy_arena *arena, struct sy_registry_changes *ret,
                           struct sy_err *err);
/* Rows, facts and version of one toolkit; `self` is a struct sy_sqlite. */
int sy_sqlite_get_toolkit(void *self, struct sy_str toolkit, struct sy_arena *arena,
                          struct sy_toolkit_state *ret_state, struct sy_err *err);
/* Reads the row a rows statement stands at. */
struct sy_row sy_sqlite_read_row(sqlite3_stmt *st, struct sy_arena *arena);
struct sy_tool_map sy_sqlite_read_map(sqlite3_stmt *st, struct sy_arena *arena);

int sy_sqlite_load_people(struct sy_sqlite *self, struct sy_arena *arena, struct sy_registry *ret,
                          struct sy_err *err);
int sy_sqlite_put_tenant(struct sy_store *store, const struct sy_tenant *tenant, bool create_only,
                         struct sy_err *err);
int sy_sqlite_put_key(struct sy_store *store, const struct sy_key *key, struct sy_err *err);
int sy_sqlite_revoke_key(struct sy_store *store, struct sy_str key_id, int64_t at_ms,
                         struct sy_err *err);
int sy_sqlite_set_quarantine(struct sy_store *store, struct sy_str vendor, bool on, int64_t at_ms,
                             struct sy_str actor, struct sy_err *err);

int sy_sqlite_bump_case(struct sy_store *store, const struct sy_case_bump *bump,
                        struct sy_arena *arena, struct sy_case *ret_case, struct sy_err *err);
int sy_sqlite_list_cases(struct sy_store *store, struct sy_str state, unsigned offset,
                         unsigned limit, struct sy_arena *arena, struct sy_case **ret_cases,
                         size_t *ret_count, struct sy_err *err);
int sy_sqlite_get_case(struct sy_store *store, struct sy_str id_or_name, struct sy_arena *arena,
                       struct sy_case *ret_case, struct sy_err *err);
int sy_sqlite_close_case(struct sy_store *store, struct sy_str id, struct sy_str resolution,
                         int64_t at_ms, struct sy_err *err);

int sy_sqlite_append_ledger(struct sy_store *store, const struct sy_ledger_row *rows, size_t count,
                            const struct sy_drained *drained, size_t drained_count,
                            struct sy_err *err);
int sy_sqlite_query_ledger(struct sy_store *store, const struct sy_ledger_query *query,
                           struct sy_arena *arena, struct sy_ledger_row **ret_rows,
                           size_t *ret_count, struct sy_err *err);
int sy_sqlite_drained(struct sy_store *store, struct sy_drained *places, size_t max,
                      size_t *ret_count, struct sy_err *err);
int sy_sqlite_trim(struct sy_store *store, int64_t before_ms, struct sy_err *err);

int sy_sqlite_put_idempotency(struct sy_store *store, const struct sy_idempotency_row *rows,
                              size_t count, struct sy_err *err);
int sy_sqlite_claim_idempotency(struct sy_store *store, const struct sy_idempotency_row *row,
                                int64_t now_ms, struct sy_err *err);
int sy_sqlite_drop_idempotency(struct sy_store *store, const struct sy_idempotency_row *row,
                               struct sy_err *err);
int sy_sqlite_each_idempotency(struct sy_store *store, int64_t now_ms, sy_idempotency_fn *fn,
                               void *ctx, struct sy_err *err);
int sy_sqlite_get_idempotency(struct sy_store *store, struct sy_str tenant,
                              const unsigned char key_hash[32], struct sy_arena *arena,
                              struct sy_idempotency_row *ret, struct sy_err *err);

#endif
