#include "registry/cases.h"

#include "registry/sqlite/sqlite.h"

static struct sy_case read_case(sqlite3_stmt *st, struct sy_arena *arena)
{
    return (struct sy_case){.id = sy_sql_text(st, 0, arena),
                            .name = sy_sql_text(st, 1, arena),
                            .normalised = sy_sql_text(st, 2, arena),
                            .state = sy_sql_text(st, 3, arena),
                            .resolution = sy_sql_text(st, 4, arena),
                            .opened_at_ms = sqlite3_column_int64(st, 5),
                            .last_seen_ms = sqlite3_column_int64(st, 6),
                            .closed_at_ms = sqlite3_column_int64(st, 7),
                            .calls = (uint64_t)sqlite3_column_int64(st, 8),
                            .last_tool = sy_sql_text(st, 9, arena)};
}

static int read_tenants(struct sy_sqlite *self, struct sy_arena *arena, struct sy_case *ret,
                        struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_CASE_TENANTS, err);
    struct sy_pair *tenants = NULL;
    size_t cap = 0;
    int rc;

    if (!st)
        return sy_sql_lost(self);
    sy_sql_bind(st, 1, ret->id);
    while ((rc = sy_sql_step(self, st, err)) > 0) {
        if (ret->tenant_count == cap) {
            struct sy_pair *more = sy_arena_array(arena, cap ? cap * 2 : 4, sizeof(*more));
            for (size_t i = 0; more && i < cap; i++)
                more[i] = tenants[i];
            cap = cap ? cap * 2 : 4;
            tenants = more;
        }
        if (!tenants)
            break;
        tenants[ret->tenant_count++] =
            (struct sy_pair){sy_sql_text(st, 0, arena), sy_sql_text(st, 1, arena)};
    }
    sy_sql_reset(st);
    ret->tenants = tenants;
    if (rc < 0)
        return rc;
    return arena->failed ? sy_err_set(err, SY_NOMEM, "out of memory") : SY_OK;
}

/* Steps a bound statement that finds at most one case. */
static int find_case(struct sy_sqlite *self, sqlite3_stmt *st, struct sy_arena *arena,
                     struct sy_case *ret, struct sy_err *err)
{
    int rc = sy_sql_step(self, st, err);

    if (rc <= 0)
        return rc ? rc : SY_NOT_FOUND;
    *ret = read_case(st, arena);
    sy_sql_reset(st);
    return read_tenants(self, arena, ret, err);
}

/* ---- bump ---- */

static int open_case(struct sy_sqlite *self, const struct sy_case_bump *bump, struct sy_str id,
                     struct sy_err *err)
{
    sqlite3_stmt *opened = sy_sql_get(self, SY_SQL_CASE_OPENED, err);
    sqlite3_stmt *add = sy_sql_get(self, SY_SQL_CASE_ADD, err);
    int64_t day = sy_day_start(bump->at_ms);
    int64_t today;
    int rc;

    if (!opened || !add)
        return sy_sql_lost(self);
    sy_sql_bind(opened, 1, bump->tenant);
    sy_sql_bind_i64(opened, 2, day);
    sy_sql_bind_i64(opened, 3, day + SY_DAY_MS);
    rc = sy_sql_step(self, opened, err);
    if (rc < 0)
        return rc;
    today = sqlite3_column_int64(opened, 0);
    sy_sql_reset(opened);
    if (today >= (int64_t)bump->daily_cap)
        return sy_case_denied(bump, err);
    sy_sql_bind(add, 1, id);
    sy_sql_bind(add, 2, bump->name);
    sy_sql_bind(add, 3, bump->normalised);
    sy_sql_bind(add, 4, bump->tenant);
    sy_sql_bind_i64(add, 5, bump->at_ms);
    return sy_sql_run(self, add, err);
}

static int count_call(struct sy_sqlite *self, const struct sy_case_bump *bump, struct sy_str id,
                      struct sy_err *err)
{
    sqlite3_stmt *calls = sy_sql_get(self, SY_SQL_CASE_BUMP, err);
    sqlite3_stmt *tenant = sy_sql_get(self, SY_SQL_CASE_BUMP_TENANT, err);
    int rc;

    if (!calls || !tenant)
        return sy_sql_lost(self);
    sy_sql_bind(calls, 1, id);
    sy_sql_bind_i64(calls, 2, bump->at_ms);
    sy_sql_bind(calls, 3, bump->tool);
    rc = sy_sql_run(self, calls, err);
    if (rc)
        return rc;
    sy_sql_bind(tenant, 1, id);
    sy_sql_bind(tenant, 2, bump->tenant);
    return sy_sql_run(self, tenant, err);
}

static int bump_case(struct sy_sqlite *self, const struct sy_case_bump *bump,
                     struct sy_arena *arena, struct sy_case *ret_case, struct sy_err *err)
{
    sqlite3_stmt *open = sy_sql_get(self, SY_SQL_CASE_OPEN_OF, err);
    sqlite3_stmt *get = sy_sql_get(self, SY_SQL_CASE_GET, err);
    char fresh[SY_CASE_ID_SIZE];
    struct sy_str id;
    int rc;

    if (!open || !get)
        return sy_sql_lost(self);
    sy_sql_bind(open, 1, bump->normalised);
    rc = sy_sql_step(self, open, err);
    if (rc < 0)
        return rc;
    if (rc) {
        id = sy_sql_text(open, 0, arena);
        sy_sql_reset(open);
        rc = id.ptr ? SY_OK : sy_err_set(err, SY_NOMEM, "out of memory");
    } else {
        id = sy_case_id(bump->at_ms, fresh);
        rc = open_case(self, bump, id, err);
    }
    if (!rc)
        rc = count_call(self, bump, id, err);
    if (rc)
        return rc;
    sy_sql_bind(get, 1, id);
    return find_case(self, get, arena, ret_case, err);
}

int sy_sqlite_bump_case(struct sy_store *store, const struct sy_case_bump *bump,
                        struct sy_arena *arena, struct sy_case *ret_case, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    int rc = sy_sqlite_begin(self, err);

    return rc ? rc : sy_sqlite_end(self, bump_case(self, bump, arena, ret_case, err), err);
}

/* ---- read and close ---- */

int sy_sqlite_list_cases(struct sy_store *store, struct sy_str state, unsigned offset,
                         unsigned limit, struct sy_arena *arena, struct sy_case **ret_cases,
                         size_t *ret_count, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_CASES, err);
    struct sy_case *cases;
    size_t count = 0;
    int rc;

    if (!st)
        return sy_sql_lost(self);
    if (limit > SY_CASES_MAX)
        limit = SY_CASES_MAX;
    cases = sy_arena_array(arena, limit + 1, sizeof(*cases));
    if (!cases)
        return sy_err_set(err, SY_NOMEM, "out of memory");
    sy_sql_bind(st, 1, state);
    sy_sql_bind_i64(st, 2, limit);
    sy_sql_bind_i64(st, 3, offset);
    while ((rc = sy_sql_step(self, st, err)) > 0)
        cases[count++] = read_case(st, arena);
    for (size_t i = 0; !rc && i < count; i++)
        rc = read_tenants(self, arena, &cases[i], err);
    *ret_cases = cases;
    *ret_count = count;
    return rc;
}

int sy_sqlite_get_case(struct sy_store *store, struct sy_str id_or_name, struct sy_arena *arena,
                       struct sy_case *ret_case, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    sqlite3_stmt *by_id = sy_sql_get(self, SY_SQL_CASE_GET, err);
    sqlite3_stmt *by_name = sy_sql_get(self, SY_SQL_CASE_BY_NAME, err);
    char *out = sy_arena_alloc(arena, id_or_name.len + 1);
    int rc;

    if (!by_id || !by_name || !out)
        return sy_err_set(err, SY_NOMEM, "out of memory");
    sy_sql_bind(by_id, 1, id_or_name);
    rc = find_case(self, by_id, arena, ret_case, err);
    if (rc != SY_NOT_FOUND)
        return rc;
    sy_sql_bind(by_name, 1, sy_name_normalise(id_or_name, out));
    rc = find_case(self, by_name, arena, ret_case, err);
    if (rc == SY_NOT_FOUND)
        (void)sy_err_set(err, SY_NOT_FOUND, "there is no case %.*s", SY_FMT(id_or_name));
    return rc;
}

static int close_case(struct sy_sqlite *self, struct sy_str id, struct sy_str resolution,
                      int64_t at_ms, struct sy_err *err)
{
    sqlite3_stmt *get = sy_sql_get(self, SY_SQL_CASE_GET, err);
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_CASE_CLOSE, err);
    bool open;
    int rc;

    if (!get || !st)
        return sy_sql_lost(self);
    sy_sql_bind(get, 1, id);
    rc = sy_sql_step(self, get, err);
    if (rc <= 0)
        return rc ? rc : sy_err_set(err, SY_NOT_FOUND, "there is no case %.*s", SY_FMT(id));
    open = sy_str_eq(sy_sql_text(get, 3, NULL), SY_STR("open"));
    sy_sql_reset(get);
    if (!open)
        return sy_err_set(err, SY_CONFLICT, "case %.*s is closed already", SY_FMT(id));
    sy_sql_bind(st, 1, id);
    sy_sql_bind(st, 2, resolution);
    sy_sql_bind_i64(st, 3, at_ms);
    return sy_sql_run(self, st, err);
}

int sy_sqlite_close_case(struct sy_store *store, struct sy_str id, struct sy_str resolution,
                         int64_t at_ms, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    int rc = sy_sqlite_begin(self, err);

    return rc ? rc : sy_sqlite_end(self, close_case(self, id, resolution, at_ms, err), err);
}
