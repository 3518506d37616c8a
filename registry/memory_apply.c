/*
 * The memory backend's registry: toolkits and maps are never changed in place, so that taking an
 * apply back is putting the old arrays of pointers in place again.
 */
#include "registry/apply.h"
#include "registry/memory.h"
#include "registry/row.h"

#include <stdlib.h>
#include <string.h>

#define HISTORY_JSON_MAX (64u << 20)

struct toolkit_item {
    struct sy_item item;
    struct sy_toolkit_state state;
};

struct map_item {
    struct sy_item item;
    struct sy_tool_map map;
};

struct name_item {
    struct sy_item item;
    struct sy_str toolkit;
};

struct history_item {
    struct sy_item item; /* the key is the toolkit */
    struct sy_history_entry entry;
    struct sy_change_note note;
};

/* ---- one apply ---- */

static bool begin(struct sy_memory *memory)
{
    struct sy_memory_undo *undo = &memory->undo;

    *undo =
        (struct sy_memory_undo){.history_count = memory->history.count, .version = memory->version};
    return sy_table_copy(&memory->toolkits, &undo->toolkits) &&
           sy_table_copy(&memory->maps, &undo->maps) && sy_table_copy(&memory->names, &undo->names);
}

static void commit(struct sy_memory *memory)
{
    struct sy_memory_undo *undo = &memory->undo;

    sy_bag_release(&undo->stale, true);
    sy_bag_release(&undo->fresh, false);
    sy_table_release(&undo->toolkits, false);
    sy_table_release(&undo->maps, false);
    sy_table_release(&undo->names, false);
}

static void restore(struct sy_table *table, struct sy_table *old)
{
    sy_table_release(table, false);
    *table = *old;
    *old = (struct sy_table){0};
}

static void roll_back(struct sy_memory *memory)
{
    struct sy_memory_undo *undo = &memory->undo;

    restore(&memory->toolkits, &undo->toolkits);
    restore(&memory->maps, &undo->maps);
    restore(&memory->names, &undo->names);
    while (memory->history.count > undo->history_count)
        sy_item_free(memory->history.items[--memory->history.count]);
    memory->version = undo->version;
    sy_bag_release(&undo->fresh, true);
    sy_bag_release(&undo->stale, false);
}

/* Puts a new item into a table and remembers what has to be freed on either end. */
static int put_item(struct sy_memory *memory, struct sy_table *table, void *item,
                    struct sy_err *err)
{
    void *old = NULL;

    if (!sy_bag_add(&memory->undo.fresh, item)) {
        sy_item_free(item);
        return sy_memory_nomem(err);
    }
    if (!sy_table_put(table, item, &old) || (old && !sy_bag_add(&memory->undo.stale, old)))
        return sy_memory_nomem(err);
    return SY_OK;
}

static int drop_item(struct sy_memory *memory, struct sy_table *table, struct sy_str key,
                     struct sy_err *err)
{
    void *old = sy_table_take(table, key);

    return old && !sy_bag_add(&memory->undo.stale, old) ? sy_memory_nomem(err) : SY_OK;
}

/* ---- what sy_registry_apply asks for ---- */

static int get_version(void *self, int64_t *ret_version, struct sy_err *err)
{
    struct sy_memory *memory = self;

    (void)err;
    *ret_version = memory->version;
    return SY_OK;
}

static int set_version(void *self, int64_t version, struct sy_err *err)
{
    struct sy_memory *memory = self;

    (void)err;
    memory->version = version;
    return SY_OK;
}

/* Deep copy of a state, versions and times included. */
static void copy_state(struct sy_arena *arena, const struct sy_toolkit_state *state,
                       struct sy_toolkit_state *ret)
{
    struct sy_row *rows = sy_arena_array(arena, state->row_count + 1, sizeof(*rows));

    *ret = *state;
    ret->facts = sy_facts_copy(arena, &state->facts);
    for (size_t i = 0; rows && i < state->row_count; i++)
        rows[i] = sy_row_copy(arena, &state->rows[i]);
    ret->rows = rows;
}

static int get_toolkit(void *self, struct sy_str toolkit, struct sy_arena *arena,
                       struct sy_toolkit_state *ret_state, struct sy_err *err)
{
    struct sy_memory *memory = self;
    struct toolkit_item *item = sy_table_get(&memory->toolkits, toolkit);

    *ret_state = (struct sy_toolkit_state){.facts = {.toolkit = toolkit}};
    if (item)
        copy_state(arena, &item->state, ret_state);
    return arena->failed ? sy_memory_nomem(err) : SY_OK;
}

static int drop_names(struct sy_memory *memory, struct sy_str toolkit, struct sy_err *err)
{
    struct sy_table *names = &memory->names;
    size_t kept = 0;

    for (size_t i = 0; i < names->count; i++) {
        struct name_item *name = (struct name_item *)(void *)names->items[i];
        if (!sy_str_eq(name->toolkit, toolkit))
            names->items[kept++] = names->items[i];
        else if (!sy_bag_add(&memory->undo.stale, name))
            return sy_memory_nomem(err);
    }
    names->count = kept;
    return SY_OK;
}

static int put_toolkit(void *self, struct sy_str toolkit, const struct sy_toolkit_state *state,
                       struct sy_err *err)
{
    struct sy_memory *memory = self;
    struct toolkit_item *item;
    bool known = sy_table_get(&memory->toolkits, toolkit) != NULL;
    int rc = known ? drop_names(memory, toolkit, err) : SY_OK;

    if (rc)
        return rc;
    if (!state->row_count)
        return drop_item(memory, &memory->toolkits, toolkit, err);
    item = sy_item_new(sizeof(*item));
    if (!item)
        return sy_memory_nomem(err);
    item->item.key = sy_arena_copy(&item->item.arena, toolkit);
    copy_state(&item->item.arena, state, &item->state);
    if (item->item.arena.failed) {
        sy_item_free(item);
        return sy_memory_nomem(err);
    }
    return put_item(memory, &memory->toolkits, item, err);
}

static int claim_name(void *self, struct sy_str normalised, struct sy_str toolkit,
                      struct sy_arena *arena, struct sy_str *ret_owner, struct sy_err *err)
{
    struct sy_memory *memory = self;
    struct name_item *item = sy_table_get(&memory->names, normalised);
    char *tail;

    *ret_owner = toolkit;
    if (item) {
        *ret_owner = sy_arena_copy(arena, item->toolkit);
        return arena->failed ? sy_memory_nomem(err) : SY_OK;
    }
    item = sy_item_new_tail(sizeof(*item), normalised.len + toolkit.len, &tail);
    if (!item)
        return sy_memory_nomem(err);
    item->item.key = sy_item_text(&tail, normalised);
    item->toolkit = sy_item_text(&tail, toolkit);
    return put_item(memory, &memory->names, item, err);
}

/* A NUL between tool and vendor: names hold none. */
static struct sy_str map_key(struct sy_arena *arena, struct sy_str tool, struct sy_str vendor)
{
    const struct sy_str parts[] = {tool, {"", 1}, vendor};

    return sy_arena_join(arena, parts, SY_ARRAY_LEN(parts));
}

static int get_map(void *self, struct sy_str tool, struct sy_str vendor, struct sy_arena *arena,
                   struct sy_tool_map *ret_map, struct sy_err *err)
{
    struct sy_memory *memory = self;
    struct map_item *item = sy_table_get(&memory->maps, map_key(arena, tool, vendor));

    *ret_map = item ? sy_map_copy(arena, &item->map) : (struct sy_tool_map){0};
    return arena->failed ? sy_memory_nomem(err) : SY_OK;
}

static int put_map(void *self, const struct sy_tool_map *map, struct sy_err *err)
{
    struct map_item *item = sy_item_new(sizeof(*item));

    if (!item)
        return sy_memory_nomem(err);
    item->item.key = map_key(&item->item.arena, map->tool, map->vendor);
    item->map = sy_map_copy(&item->item.arena, map);
    if (item->item.arena.failed) {
        sy_item_free(item);
        return sy_memory_nomem(err);
    }
    return put_item(self, &((struct sy_memory *)self)->maps, item, err);
}

static int delete_map(void *self, struct sy_str tool, struct sy_str vendor, struct sy_err *err)
{
    struct sy_memory *memory = self;
    struct sy_arena scratch;
    struct sy_str key;
    int rc;

    sy_arena_init(&scratch, 1u << 16);
    key = map_key(&scratch, tool, vendor);
    rc = key.ptr ? drop_item(memory, &memory->maps, key, err) : sy_memory_nomem(err);
    sy_arena_release(&scratch);
    return rc;
}

static int add_history(void *self, const struct sy_history_entry *entry, struct sy_err *err)
{
    struct sy_memory *memory = self;
    struct history_item *item = sy_item_new(sizeof(*item));
    struct sy_arena *arena;

    if (!item)
        return sy_memory_nomem(err);
    arena = &item->item.arena;
    item->entry = *entry;
    item->item.key = sy_arena_copy(arena, entry->toolkit);
    item->entry.toolkit = item->item.key;
    item->entry.before = entry->before.ptr ? sy_arena_copy(arena, entry->before) : entry->before;
    item->entry.after = entry->after.ptr ? sy_arena_copy(arena, entry->after) : entry->after;
    item->note = *entry->note;
    item->note.actor = sy_arena_copy(arena, entry->note->actor);
    if (entry->note->reason.ptr)
        item->note.reason = sy_arena_copy(arena, entry->note->reason);
    item->entry.note = &item->note;
    if (arena->failed || !sy_bag_add(&memory->history, item)) {
        sy_item_free(item);
        return sy_memory_nomem(err);
    }
    return SY_OK;
}

static const struct sy_apply_ops apply_ops = {
    .get_version = get_version,
    .set_version = set_version,
    .get_toolkit = get_toolkit,
    .put_toolkit = put_toolkit,
    .claim_name = claim_name,
    .get_map = get_map,
    .put_map = put_map,
    .delete_map = delete_map,
    .add_history = add_history,
};

int sy_memory_apply(struct sy_store *store, const struct sy_change *changes, size_t count,
                    const struct sy_change_note *note, bool dry_run, int64_t *ret_version,
                    struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    int rc;

    if (!begin(memory)) {
        sy_table_release(&memory->undo.toolkits, false);
        sy_table_release(&memory->undo.maps, false);
        return sy_memory_nomem(err);
    }
    rc = sy_registry_apply(&apply_ops, memory, changes, count, note, ret_version, err);
    if (rc || dry_run)
        roll_back(memory);
    else
        commit(memory);
    return rc;
}

int sy_memory_history(struct sy_store *store, struct sy_str toolkit, unsigned limit,
                      struct sy_arena *arena, struct sy_str *ret_json, struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    struct sy_str name = sy_lower_copy(arena, toolkit);
    struct sy_json_writer w;
    struct sy_buf out;

    sy_buf_init_arena(&out, arena, HISTORY_JSON_MAX);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    for (size_t i = memory->history.count; i && limit; i--) {
        const struct history_item *item = memory->history.items[i - 1];
        if (!sy_str_eq(item->item.key, name))
            continue;
        sy_history_write(&w, &item->entry);
        limit--;
    }
    sy_jw_array_end(&w);
    if (!sy_buf_ok(&out))
        return sy_memory_nomem(err);
    *ret_json = sy_buf_str(&out);
    return SY_OK;
}

int sy_memory_load_rows(struct sy_memory *memory, struct sy_arena *arena, struct sy_registry *ret)
{
    struct sy_toolkit_facts *facts;
    struct sy_tool_map *maps;
    struct sy_row *rows;
    size_t count = 0, at = 0;

    for (size_t i = 0; i < memory->toolkits.count; i++)
        count += ((struct toolkit_item *)(void *)memory->toolkits.items[i])->state.row_count;
    rows = sy_arena_array(arena, count + 1, sizeof(*rows));
    facts = sy_arena_array(arena, memory->toolkits.count + 1, sizeof(*facts));
    maps = sy_arena_array(arena, memory->maps.count + 1, sizeof(*maps));
    if (!rows || !facts || !maps)
        return SY_NOMEM;
    for (size_t i = 0; i < memory->toolkits.count; i++) {
        const struct toolkit_item *item = (const void *)memory->toolkits.items[i];
        facts[i] = sy_facts_copy(arena, &item->state.facts);
        for (size_t j = 0; j < item->state.row_count; j++)
            rows[at++] = sy_row_copy(arena, &item->state.rows[j]);
    }
    for (size_t i = 0; i < memory->maps.count; i++)
        maps[i] = sy_map_copy(arena, &((struct map_item *)(void *)memory->maps.items[i])->map);
    ret->version = memory->version;
    ret->rows = rows;
    ret->row_count = count;
    ret->toolkits = facts;
    ret->toolkit_count = memory->toolkits.count;
    ret->maps = maps;
    ret->map_count = memory->maps.count;
    return arena->failed ? SY_NOMEM : SY_OK;
}
