/*
 * What has changed since a version, read from the history: the toolkits and families that it names,
 * as they are now.
 */
#include "registry/row.h"
#include "registry/sqlite/sqlite.h"

#define TOOLKIT_JSON_DEPTH 16

struct names {
    struct sy_str *list;
    size_t count, max;
};

/* False when there are more than `max`. */
static bool add_name(struct names *names, struct sy_str name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (sy_str_eq(names->list[i], name))
            return true;
    }
    if (names->count == names->max)
        return false;
    names->list[names->count++] = name;
    return true;
}

/* The toolkit of a map as it was before: another than now if the map has moved. */
static bool add_former(struct names *families, struct sy_str before, struct sy_arena *arena)
{
    struct sy_json map;
    struct sy_str toolkit;

    if (!before.ptr)
        return true;
    if (sy_json_read(before, TOOLKIT_JSON_DEPTH, &map, NULL) != SY_OK)
        return false;
    toolkit = sy_json_text(sy_json_get_z(map, "toolkit"), arena);
    return !toolkit.ptr || add_name(families, toolkit);
}

/* SY_CONFLICT: more has changed than is worth reading by pieces. */
static int read_names(struct sy_sqlite *self, int64_t since, struct names *toolkits,
                      struct names *families, struct sy_arena *arena, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_HISTORY_BACK, err);
    bool fits = true;
    int rc = st ? SY_OK : sy_sql_lost(self);

    if (rc)
        return rc;
    while (fits && (rc = sy_sql_step(self, st, err)) > 0 && sqlite3_column_int64(st, 0) > since) {
        struct sy_str toolkit = sy_sql_text(st, 1, arena);
        if (sy_str_eq(sy_sql_text(st, 2, NULL), SY_STR("map")))
            fits = add_name(families, toolkit) &&
                   add_former(families, sy_sql_text(st, 3, arena), arena);
        else
            fits = add_name(toolkits, toolkit);
    }
    sy_sql_reset(st);
    if (!fits)
        return sy_err_set(err, SY_CONFLICT, "more than %zu toolkits have changed", toolkits->max);
    return rc < 0 ? rc : SY_OK;
}

struct grown {
    char *items;
    size_t count, room, size;
};

/* Room for one more item at the end; the array moves as it doubles. */
static void *grow(struct grown *array, struct sy_arena *arena)
{
    if (array->count == array->room) {
        size_t room = array->room ? 2 * array->room : 64;
        char *items = sy_arena_array(arena, room, array->size);
        if (!items)
            return NULL;
        for (size_t i = 0; i < array->count * array->size; i++)
            items[i] = array->items[i];
        array->items = items;
        array->room = room;
    }
    return array->items + array->size * array->count++;
}

static int read_toolkit(struct sy_sqlite *self, struct sy_str name, struct grown *rows,
                        struct sy_toolkit_facts *ret_facts, struct sy_arena *arena,
                        struct sy_err *err)
{
    struct sy_toolkit_state state;
    int rc = sy_sqlite_get_toolkit(self, name, arena, &state, err);

    for (size_t i = 0; !rc && i < state.row_count; i++) {
        struct sy_row *row = grow(rows, arena);
        if (!row)
            return sy_err_set(err, SY_NOMEM, "out of memory");
        *row = state.rows[i];
    }
    *ret_facts = state.facts;
    return rc;
}

static int read_family(struct sy_sqlite *self, struct sy_str toolkit, struct grown *maps,
                       struct sy_arena *arena, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_MAPS_OF, err);
    struct sy_tool_map *map;
    int rc;

    if (!st)
        return sy_sql_lost(self);
    sy_sql_bind(st, 1, toolkit);
    while ((rc = sy_sql_step(self, st, err)) > 0) {
        map = grow(maps, arena);
        if (!map) {
            sy_sql_reset(st);
            return sy_err_set(err, SY_NOMEM, "out of memory");
        }
        *map = sy_sqlite_read_map(st, arena);
    }
    sy_sql_reset(st);
    return rc;
}

int sy_sqlite_load_changes(struct sy_sqlite *self, int64_t since, size_t max,
                           struct sy_arena *arena, struct sy_registry_changes *ret,
                           struct sy_err *err)
{
    struct names toolkits = {.list = sy_arena_array(arena, max + 1, sizeof(struct sy_str)),
                             .max = max};
    struct names families = {.list = sy_arena_array(arena, max + 1, sizeof(struct sy_str)),
                             .max = max};
    struct grown rows = {.size = sizeof(struct sy_row)};
    struct grown maps = {.size = sizeof(struct sy_tool_map)};
    struct sy_toolkit_facts *facts = sy_arena_array(arena, max + 1, sizeof(*facts));
    int rc = sy_sql_number(self, SY_SQL_VERSION_GET, &ret->now.version, err);

    if (!rc && (!toolkits.list || !families.list || !facts))
        rc = sy_err_set(err, SY_NOMEM, "out of memory");
    if (!rc && ret->now.version < since)
        rc = sy_err_set(err, SY_CONFLICT, "the registry is older than version %lld",
                        (long long)since);
    if (!rc)
        rc = read_names(self, since, &toolkits, &families, arena, err);
    for (size_t i = 0; !rc && i < toolkits.count; i++)
        rc = read_toolkit(self, toolkits.list[i], &rows, &facts[i], arena, err);
    for (size_t i = 0; !rc && i < families.count; i++)
        rc = read_family(self, families.list[i], &maps, arena, err);
    ret->toolkits = toolkits.list;
    ret->toolkit_count = ret->now.toolkit_count = toolkits.count;
    ret->families = families.list;
    ret->family_count = families.count;
    ret->now.toolkits = facts;
    ret->now.rows = (const struct sy_row *)(const void *)rows.items;
    ret->now.row_count = rows.count;
    ret->now.maps = (const struct sy_tool_map *)(const void *)maps.items;
    ret->now.map_count = maps.count;
    return rc;
}
