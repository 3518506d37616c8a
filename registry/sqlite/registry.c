#include "registry/apply.h"
#include "registry/row.h"
#include "registry/sqlite/sqlite.h"

#define HISTORY_JSON_MAX (64u << 20)

/* Columns of ROW_COLUMNS: the texts in this order, then the rest. */
static const enum sy_row_field_id text_columns[] = {
    SY_FIELD_toolkit,    SY_FIELD_vendor,         SY_FIELD_vendor_slug,  SY_FIELD_tool_prefix,
    SY_FIELD_connection, SY_FIELD_auth_config_id, SY_FIELD_oauth_app_id, SY_FIELD_version,
    SY_FIELD_endpoint,   SY_FIELD_secret,         SY_FIELD_adr,          SY_FIELD_owner,
    SY_FIELD_issue_url,  SY_FIELD_awaited,        SY_FIELD_notes,
};

enum row_column {
    COLUMN_REQUESTED_AT = (int)SY_ARRAY_LEN(text_columns),
    COLUMN_DUE_AT,
    COLUMN_EXPIRES_AT,
    COLUMN_CHANGED_AT,
    COLUMN_STATE,
    COLUMN_RANK,
    COLUMN_AUTH_NONE,
    COLUMN_MCP_SERVERS,
    COLUMN_EXTRA,
    COLUMN_VERSION, /* in ROWS only */
};

static struct sy_pair *read_pairs(sqlite3_stmt *st, int column, struct sy_arena *arena,
                                  size_t *ret_count)
{
    struct sy_pair *pairs = NULL;

    *ret_count = 0;
    if (sqlite3_column_type(st, column) != SQLITE_NULL &&
        sy_pairs_from_json(sy_sql_text(st, column, arena), arena, &pairs, ret_count))
        arena->failed = true;
    return pairs;
}

static struct sy_str *read_names(sqlite3_stmt *st, int column, struct sy_arena *arena,
                                 size_t *ret_count)
{
    struct sy_str *names = NULL;

    *ret_count = 0;
    if (sqlite3_column_type(st, column) != SQLITE_NULL &&
        sy_names_from_json(sy_sql_text(st, column, arena), arena, &names, ret_count))
        arena->failed = true;
    return names;
}

struct sy_row sy_sqlite_read_row(sqlite3_stmt *st, struct sy_arena *arena)
{
    struct sy_row row = {0};

    for (int i = 0; i < (int)SY_ARRAY_LEN(text_columns); i++)
        *sy_row_text_at(&row, text_columns[i]) = sy_sql_text(st, i, arena);
    row.requested_at_ms = sqlite3_column_int64(st, COLUMN_REQUESTED_AT);
    row.due_at_ms = sqlite3_column_int64(st, COLUMN_DUE_AT);
    row.expires_at_ms = sqlite3_column_int64(st, COLUMN_EXPIRES_AT);
    row.changed_at_ms = sqlite3_column_int64(st, COLUMN_CHANGED_AT);
    row.state = (enum sy_row_state)sqlite3_column_int(st, COLUMN_STATE);
    row.has_rank = sqlite3_column_type(st, COLUMN_RANK) != SQLITE_NULL;
    row.rank = sqlite3_column_int64(st, COLUMN_RANK);
    row.auth_none = sqlite3_column_int(st, COLUMN_AUTH_NONE) != 0;
    row.mcp_servers = read_pairs(st, COLUMN_MCP_SERVERS, arena, &row.mcp_server_count);
    row.extra = read_pairs(st, COLUMN_EXTRA, arena, &row.extra_count);
    return row;
}

struct sy_tool_map sy_sqlite_read_map(sqlite3_stmt *st, struct sy_arena *arena)
{
    struct sy_tool_map map = {0};

    map.tool = sy_sql_text(st, 0, arena);
    map.vendor = sy_sql_text(st, 1, arena);
    map.toolkit = sy_sql_text(st, 2, arena);
    map.vendor_tool = sy_sql_text(st, 3, arena);
    map.match = (enum sy_match)sqlite3_column_int(st, 4);
    map.effect = (enum sy_effect)sqlite3_column_int(st, 5);
    map.renames = read_pairs(st, 6, arena, &map.rename_count);
    map.aliases = read_names(st, 7, arena, &map.alias_count);
    return map;
}

static void read_facts(sqlite3_stmt *st, int first, struct sy_arena *arena,
                       struct sy_toolkit_facts *facts)
{
    facts->has_criticality = sqlite3_column_type(st, first) != SQLITE_NULL;
    facts->criticality = (enum sy_criticality)sqlite3_column_int(st, first);
    facts->aliases = read_names(st, first + 1, arena, &facts->alias_count);
}

/* ---- load ---- */

typedef void read_fn(sqlite3_stmt *st, struct sy_arena *arena, void *item);

static void load_row(sqlite3_stmt *st, struct sy_arena *arena, void *item)
{
    struct sy_row *row = item;

    *row = sy_sqlite_read_row(st, arena);
    row->version_number = sqlite3_column_int64(st, COLUMN_VERSION);
}

static void load_facts(sqlite3_stmt *st, struct sy_arena *arena, void *item)
{
    struct sy_toolkit_facts *facts = item;

    facts->toolkit = sy_sql_text(st, 0, arena);
    read_facts(st, 1, arena, facts);
}

static void load_map(sqlite3_stmt *st, struct sy_arena *arena, void *item)
{
    *(struct sy_tool_map *)item = sy_sqlite_read_map(st, arena);
}

/* All that `which` lists, as an array of items of `size`; `counter` says how many there are. */
static int load_all(struct sy_sqlite *self, enum sy_sql counter, enum sy_sql which, size_t size,
                    read_fn *read, struct sy_arena *arena, void **ret_items, size_t *ret_count,
                    struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, which, err);
    int64_t most = 0;
    size_t count = 0;
    char *items;
    int rc = st ? sy_sql_number(self, counter, &most, err) : sy_sql_lost(self);

    if (rc)
        return rc;
    items = sy_arena_array(arena, (size_t)most + 1, size);
    if (!items)
        return sy_err_set(err, SY_NOMEM, "the registry is larger than the memory granted to it");
    while (count < (size_t)most && (rc = sy_sql_step(self, st, err)) > 0)
        read(st, arena, items + size * count++);
    sy_sql_reset(st);
    *ret_items = items;
    *ret_count = count;
    return rc < 0 ? rc : SY_OK;
}

int sy_sqlite_load_rows(struct sy_sqlite *self, struct sy_arena *arena, struct sy_registry *ret,
                        struct sy_err *err)
{
    void *rows = NULL, *facts = NULL, *maps = NULL;
    int rc = sy_sql_number(self, SY_SQL_VERSION_GET, &ret->version, err);

    if (!rc)
        rc = load_all(self, SY_SQL_ROW_COUNT, SY_SQL_ROWS, sizeof(struct sy_row), load_row, arena,
                      &rows, &ret->row_count, err);
    if (!rc)
        rc = load_all(self, SY_SQL_TOOLKIT_COUNT, SY_SQL_TOOLKITS, sizeof(struct sy_toolkit_facts),
                      load_facts, arena, &facts, &ret->toolkit_count, err);
    if (!rc)
        rc = load_all(self, SY_SQL_MAP_COUNT, SY_SQL_MAPS, sizeof(struct sy_tool_map), load_map,
                      arena, &maps, &ret->map_count, err);
    ret->rows = rows;
    ret->toolkits = facts;
    ret->maps = maps;
    return rc;
}

/* ---- what sy_registry_apply asks for ---- */

static int get_version(void *self, int64_t *ret_version, struct sy_err *err)
{
    return sy_sql_number(self, SY_SQL_VERSION_GET, ret_version, err);
}

static int set_version(void *self, int64_t version, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_VERSION_SET, err);

    if (!st)
        return sy_sql_lost(self);
    sy_sql_bind_i64(st, 1, version);
    return sy_sql_run(self, st, err);
}

static int rows_of(struct sy_sqlite *self, struct sy_str toolkit, struct sy_arena *arena,
                   struct sy_toolkit_state *state, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_ROWS_OF, err);
    struct sy_row *rows = sy_arena_array(arena, 64, sizeof(*rows));
    int rc;

    if (!st || !rows)
        return sy_err_set(err, SY_NOMEM, "out of memory");
    sy_sql_bind(st, 1, toolkit);
    while ((rc = sy_sql_step(self, st, err)) > 0 && state->row_count < 64) {
        rows[state->row_count] = sy_sqlite_read_row(st, arena);
        rows[state->row_count++].version_number = state->version;
    }
    sy_sql_reset(st);
    state->rows = rows;
    return rc < 0 ? rc : SY_OK;
}

int sy_sqlite_get_toolkit(void *self, struct sy_str toolkit, struct sy_arena *arena,
                          struct sy_toolkit_state *ret_state, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_TOOLKIT_GET, err);
    int rc;

    *ret_state = (struct sy_toolkit_state){.facts = {.toolkit = toolkit}};
    if (!st)
        return sy_sql_lost(self);
    sy_sql_bind(st, 1, toolkit);
    rc = sy_sql_step(self, st, err);
    if (rc <= 0)
        return rc;
    ret_state->version = sqlite3_column_int64(st, 0);
    read_facts(st, 1, arena, &ret_state->facts);
    sy_sql_reset(st);
    rc = rows_of(self, toolkit, arena, ret_state, err);
    return rc ? rc : arena->failed ? sy_err_set(err, SY_NOMEM, "out of memory") : SY_OK;
}

static int put_row(struct sy_sqlite *self, const struct sy_row *row, struct sy_arena *arena,
                   struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_ROW_PUT, err);

    if (!st)
        return sy_sql_lost(self);
    for (int i = 0; i < (int)SY_ARRAY_LEN(text_columns); i++)
        sy_sql_bind(st, i + 1, sy_row_text(row, text_columns[i]));
    sy_sql_bind_i64(st, COLUMN_REQUESTED_AT + 1, row->requested_at_ms);
    sy_sql_bind_i64(st, COLUMN_DUE_AT + 1, row->due_at_ms);
    sy_sql_bind_i64(st, COLUMN_EXPIRES_AT + 1, row->expires_at_ms);
    sy_sql_bind_i64(st, COLUMN_CHANGED_AT + 1, row->changed_at_ms);
    sy_sql_bind_i64(st, COLUMN_STATE + 1, (int64_t)row->state);
    if (row->has_rank)
        sy_sql_bind_i64(st, COLUMN_RANK + 1, row->rank);
    sy_sql_bind_i64(st, COLUMN_AUTH_NONE + 1, row->auth_none);
    sy_sql_bind(st, COLUMN_MCP_SERVERS + 1,
                sy_pairs_to_json(arena, row->mcp_servers, row->mcp_server_count));
    sy_sql_bind(st, COLUMN_EXTRA + 1, sy_pairs_to_json(arena, row->extra, row->extra_count));
    return sy_sql_run(self, st, err);
}

static int put_toolkit(void *self, struct sy_str toolkit, const struct sy_toolkit_state *state,
                       struct sy_err *err)
{
    sqlite3_stmt *drop = sy_sql_get(self, SY_SQL_TOOLKIT_DELETE, err);
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_TOOLKIT_PUT, err);
    struct sy_arena arena;
    int rc = drop && st ? SY_OK : sy_sql_lost(self);

    if (rc)
        return rc;
    sy_sql_bind(drop, 1, toolkit);
    rc = sy_sql_run(self, drop, err);
    if (rc || !state->row_count)
        return rc;
    sy_arena_init(&arena, 8u << 20);
    sy_sql_bind(st, 1, toolkit);
    sy_sql_bind_i64(st, 2, state->version);
    if (state->facts.has_criticality)
        sy_sql_bind_i64(st, 3, (int64_t)state->facts.criticality);
    sy_sql_bind(st, 4, sy_names_to_json(&arena, state->facts.aliases, state->facts.alias_count));
    rc = sy_sql_run(self, st, err);
    for (size_t i = 0; !rc && i < state->row_count; i++)
        rc = put_row(self, &state->rows[i], &arena, err);
    if (!rc && arena.failed)
        rc = sy_err_set(err, SY_NOMEM, "out of memory");
    sy_arena_release(&arena);
    return rc;
}

static int claim_name(void *self, struct sy_str normalised, struct sy_str toolkit,
                      struct sy_arena *arena, struct sy_str *ret_owner, struct sy_err *err)
{
    sqlite3_stmt *claim = sy_sql_get(self, SY_SQL_NAME_CLAIM, err);
    sqlite3_stmt *owner = sy_sql_get(self, SY_SQL_NAME_OWNER, err);
    int rc = claim && owner ? SY_OK : sy_sql_lost(self);

    if (rc)
        return rc;
    sy_sql_bind(claim, 1, normalised);
    sy_sql_bind(claim, 2, toolkit);
    rc = sy_sql_run(self, claim, err);
    if (rc)
        return rc;
    sy_sql_bind(owner, 1, normalised);
    rc = sy_sql_step(self, owner, err);
    if (rc < 0)
        return rc;
    *ret_owner = rc ? sy_sql_text(owner, 0, arena) : toolkit;
    sy_sql_reset(owner);
    return arena->failed ? sy_err_set(err, SY_NOMEM, "out of memory") : SY_OK;
}

static int get_map(void *self, struct sy_str tool, struct sy_str vendor, struct sy_arena *arena,
                   struct sy_tool_map *ret_map, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_MAP_GET, err);
    int rc;

    *ret_map = (struct sy_tool_map){0};
    if (!st)
        return sy_sql_lost(self);
    sy_sql_bind(st, 1, tool);
    sy_sql_bind(st, 2, vendor);
    rc = sy_sql_step(self, st, err);
    if (rc <= 0)
        return rc;
    *ret_map = sy_sqlite_read_map(st, arena);
    sy_sql_reset(st);
    return arena->failed ? sy_err_set(err, SY_NOMEM, "out of memory") : SY_OK;
}

static int put_map(void *self, const struct sy_tool_map *map, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_MAP_PUT, err);
    struct sy_arena arena;
    int rc;

    if (!st)
        return sy_sql_lost(self);
    sy_arena_init(&arena, 4u << 20);
    sy_sql_bind(st, 1, map->tool);
    sy_sql_bind(st, 2, map->vendor);
    sy_sql_bind(st, 3, map->toolkit);
    sy_sql_bind(st, 4, map->vendor_tool);
    sy_sql_bind_i64(st, 5, (int64_t)map->match);
    sy_sql_bind_i64(st, 6, (int64_t)map->effect);
    sy_sql_bind(st, 7, sy_pairs_to_json(&arena, map->renames, map->rename_count));
    sy_sql_bind(st, 8, sy_names_to_json(&arena, map->aliases, map->alias_count));
    rc = arena.failed ? sy_err_set(err, SY_NOMEM, "out of memory") : sy_sql_run(self, st, err);
    sy_arena_release(&arena);
    return rc;
}

static int delete_map(void *self, struct sy_str tool, struct sy_str vendor, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_MAP_DELETE, err);

    if (!st)
        return sy_sql_lost(self);
    sy_sql_bind(st, 1, tool);
    sy_sql_bind(st, 2, vendor);
    return sy_sql_run(self, st, err);
}

static int add_history(void *self, const struct sy_history_entry *entry, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_HISTORY_ADD, err);

    if (!st)
        return sy_sql_lost(self);
    sy_sql_bind(st, 1, entry->toolkit);
    sy_sql_bind_i64(st, 2, entry->version);
    sy_sql_bind_i64(st, 3, entry->note->at_ms);
    sy_sql_bind(st, 4, sy_str_of(entry->kind));
    sy_sql_bind(st, 5, entry->note->actor.ptr ? entry->note->actor : SY_STR(""));
    sy_sql_bind(st, 6, entry->note->reason);
    sy_sql_bind(st, 7, entry->before);
    sy_sql_bind(st, 8, entry->after);
    return sy_sql_run(self, st, err);
}

static const struct sy_apply_ops apply_ops = {
    .get_version = get_version,
    .set_version = set_version,
    .get_toolkit = sy_sqlite_get_toolkit,
    .put_toolkit = put_toolkit,
    .claim_name = claim_name,
    .get_map = get_map,
    .put_map = put_map,
    .delete_map = delete_map,
    .add_history = add_history,
};

int sy_sqlite_apply(struct sy_store *store, const struct sy_change *changes, size_t count,
                    const struct sy_change_note *note, bool dry_run, int64_t *ret_version,
                    struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    int64_t version = 0;
    int rc = sy_sqlite_begin(self, err);

    if (rc)
        return rc;
    rc = sy_registry_apply(&apply_ops, self, changes, count, note, &version, err);
    if (!rc && dry_run)
        sy_sqlite_roll_back(self);
    else
        rc = sy_sqlite_end(self, rc, err);
    if (!rc && ret_version)
        *ret_version = version;
    return rc;
}

int sy_sqlite_history(struct sy_store *store, struct sy_str toolkit, unsigned limit,
                      struct sy_arena *arena, struct sy_str *ret_json, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_HISTORY, err);
    struct sy_json_writer w;
    struct sy_buf out;
    int rc;

    if (!st)
        return sy_sql_lost(self);
    sy_buf_init_arena(&out, arena, HISTORY_JSON_MAX);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    sy_sql_bind(st, 1, sy_lower_copy(arena, toolkit));
    sy_sql_bind_i64(st, 2, limit);
    while ((rc = sy_sql_step(self, st, err)) > 0) {
        const struct sy_change_note note = {.actor = sy_sql_text(st, 3, NULL),
                                            .reason = sy_sql_text(st, 4, NULL),
                                            .at_ms = sqlite3_column_int64(st, 1)};
        const struct sy_history_entry entry = {.version = sqlite3_column_int64(st, 0),
                                               .kind = sy_sql_text(st, 2, NULL).ptr,
                                               .before = sy_sql_text(st, 5, NULL),
                                               .after = sy_sql_text(st, 6, NULL),
                                               .note = &note};
        sy_history_write(&w, &entry);
    }
    sy_jw_array_end(&w);
    if (rc)
        return rc;
    if (!sy_buf_ok(&out))
        return sy_err_set(err, SY_NOMEM, "the history is larger than the memory granted to it");
    *ret_json = sy_buf_str(&out);
    return SY_OK;
}
