#include "registry/cases.h"
#include "registry/memory.h"

#include <stdlib.h>
#include <string.h>

struct tenant_calls {
    struct sy_item item; /* the key is the tenant */
    uint64_t calls;
};

struct case_item {
    struct sy_item item; /* the key is the id */
    struct sy_case fields;
    struct sy_str opened_by;
    struct sy_table tenants;
};

/* Cases own a table each, which sy_item_free does not know: their tenants live in the case's
 * arena, and so does the array. */
static struct tenant_calls *tenant_of(struct case_item *item, struct sy_str tenant)
{
    struct sy_table *table = &item->tenants;
    struct sy_arena *arena = &item->item.arena;
    struct tenant_calls *calls;
    bool found;
    size_t at = sy_table_at(table, tenant, &found);

    if (found)
        return (struct tenant_calls *)(void *)table->items[at];
    if (table->count == table->cap) {
        size_t cap = table->cap ? table->cap * 2 : 4;
        struct sy_item **items = sy_arena_array(arena, cap, sizeof(*items));
        if (!items)
            return NULL;
        if (table->count)
            memcpy(items, table->items, table->count * sizeof(struct sy_item *));
        table->items = items;
        table->cap = cap;
    }
    calls = sy_arena_zalloc(arena, sizeof(*calls));
    if (!calls)
        return NULL;
    calls->item.key = sy_arena_copy(arena, tenant);
    memmove(&table->items[at + 1], &table->items[at],
            (table->count - at) * sizeof(struct sy_item *));
    table->items[at] = &calls->item;
    table->count++;
    return calls;
}

static int copy_case(const struct case_item *item, struct sy_arena *arena, struct sy_case *ret,
                     struct sy_err *err)
{
    struct sy_pair *tenants = sy_arena_array(arena, item->tenants.count + 1, sizeof(*tenants));

    *ret = item->fields;
    ret->id = sy_arena_copy(arena, item->fields.id);
    ret->name = sy_arena_copy(arena, item->fields.name);
    ret->normalised = sy_arena_copy(arena, item->fields.normalised);
    if (ret->resolution.ptr)
        ret->resolution = sy_arena_copy(arena, item->fields.resolution);
    if (ret->last_tool.ptr)
        ret->last_tool = sy_arena_copy(arena, item->fields.last_tool);
    for (size_t i = 0; tenants && i < item->tenants.count; i++) {
        const struct tenant_calls *calls = (const void *)item->tenants.items[i];
        tenants[i].name = sy_arena_copy(arena, calls->item.key);
        tenants[i].value = sy_arena_printf(arena, "%llu", (unsigned long long)calls->calls);
    }
    ret->tenants = tenants;
    ret->tenant_count = item->tenants.count;
    return arena->failed ? sy_memory_nomem(err) : SY_OK;
}

static struct case_item *case_at(const struct sy_memory *memory, size_t index)
{
    return (struct case_item *)(void *)memory->cases.items[index];
}

static bool is_open(const struct case_item *item)
{
    return sy_str_eq(item->fields.state, SY_STR("open"));
}

/* The open case of a name, else the newest closed one when `closed_too`. */
static struct case_item *by_name(const struct sy_memory *memory, struct sy_str normalised,
                                 bool closed_too)
{
    struct case_item *found = NULL;

    for (size_t i = 0; i < memory->cases.count; i++) {
        struct case_item *item = case_at(memory, i);
        if (!sy_str_eq(item->fields.normalised, normalised))
            continue;
        if (is_open(item))
            return item;
        if (closed_too)
            found = item;
    }
    return found;
}

static unsigned opened_today(const struct sy_memory *memory, const struct sy_case_bump *bump)
{
    int64_t start = sy_day_start(bump->at_ms);
    unsigned count = 0;

    for (size_t i = 0; i < memory->cases.count; i++) {
        const struct case_item *item = case_at(memory, i);
        count += sy_str_eq(item->opened_by, bump->tenant) && item->fields.opened_at_ms >= start &&
                 item->fields.opened_at_ms < start + SY_DAY_MS;
    }
    return count;
}

static int open_case(struct sy_memory *memory, const struct sy_case_bump *bump,
                     struct case_item **ret_item, struct sy_err *err)
{
    struct case_item *item;
    struct sy_arena *arena;
    char id[SY_CASE_ID_SIZE];
    void *old;

    if (opened_today(memory, bump) >= bump->daily_cap)
        return sy_case_denied(bump, err);
    item = sy_item_new(sizeof(*item));
    if (!item)
        return sy_memory_nomem(err);
    arena = &item->item.arena;
    item->fields = (struct sy_case){.id = sy_arena_copy(arena, sy_case_id(bump->at_ms, id)),
                                    .name = sy_arena_copy(arena, bump->name),
                                    .normalised = sy_arena_copy(arena, bump->normalised),
                                    .state = SY_STR("open"),
                                    .opened_at_ms = bump->at_ms};
    item->opened_by = sy_arena_copy(arena, bump->tenant);
    item->item.key = item->fields.id;
    if (arena->failed || !sy_table_put(&memory->cases, item, &old)) {
        sy_item_free(item);
        return sy_memory_nomem(err);
    }
    *ret_item = item;
    return SY_OK;
}

int sy_memory_bump_case(struct sy_store *store, const struct sy_case_bump *bump,
                        struct sy_arena *arena, struct sy_case *ret_case, struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    struct case_item *item = by_name(memory, bump->normalised, false);
    struct tenant_calls *calls;
    int rc = item ? SY_OK : open_case(memory, bump, &item, err);

    if (rc)
        return rc;
    calls = tenant_of(item, bump->tenant);
    if (!calls)
        return sy_memory_nomem(err);
    calls->calls++;
    item->fields.calls++;
    if (bump->at_ms > item->fields.last_seen_ms)
        item->fields.last_seen_ms = bump->at_ms;
    if (bump->tool.ptr && !sy_str_eq(bump->tool, item->fields.last_tool))
        item->fields.last_tool = sy_arena_copy(&item->item.arena, bump->tool);
    return copy_case(item, arena, ret_case, err);
}

static int by_demand(const void *left, const void *right)
{
    const struct case_item *a = *(struct case_item *const *)left;
    const struct case_item *b = *(struct case_item *const *)right;

    if (a->fields.calls != b->fields.calls)
        return a->fields.calls > b->fields.calls ? -1 : 1;
    if (a->fields.last_seen_ms != b->fields.last_seen_ms)
        return a->fields.last_seen_ms > b->fields.last_seen_ms ? -1 : 1;
    return sy_str_cmp(b->fields.id, a->fields.id);
}

int sy_memory_list_cases(struct sy_store *store, struct sy_str state, unsigned offset,
                         unsigned limit, struct sy_arena *arena, struct sy_case **ret_cases,
                         size_t *ret_count, struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    struct case_item **items = sy_arena_array(arena, memory->cases.count + 1, sizeof(*items));
    struct sy_case *cases;
    size_t count = 0, given = 0;
    int rc = SY_OK;

    if (!items)
        return sy_memory_nomem(err);
    for (size_t i = 0; i < memory->cases.count; i++)
        if (!state.ptr || sy_str_eq(case_at(memory, i)->fields.state, state))
            items[count++] = case_at(memory, i);
    qsort(items, count, sizeof(struct case_item *), by_demand);
    if (limit > SY_CASES_MAX)
        limit = SY_CASES_MAX;
    cases = sy_arena_array(arena, limit + 1, sizeof(*cases));
    if (!cases)
        return sy_memory_nomem(err);
    for (size_t i = offset; !rc && i < count && given < limit; i++)
        rc = copy_case(items[i], arena, &cases[given++], err);
    *ret_cases = cases;
    *ret_count = given;
    return rc;
}

int sy_memory_get_case(struct sy_store *store, struct sy_str id_or_name, struct sy_arena *arena,
                       struct sy_case *ret_case, struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    struct case_item *item = sy_table_get(&memory->cases, id_or_name);
    char *out = sy_arena_alloc(arena, id_or_name.len + 1);

    if (!out)
        return sy_memory_nomem(err);
    if (!item)
        item = by_name(memory, sy_name_normalise(id_or_name, out), true);
    if (!item)
        return sy_err_set(err, SY_NOT_FOUND, "there is no case %.*s", SY_FMT(id_or_name));
    return copy_case(item, arena, ret_case, err);
}

int sy_memory_close_case(struct sy_store *store, struct sy_str id, struct sy_str resolution,
                         int64_t at_ms, struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    struct case_item *item = sy_table_get(&memory->cases, id);
    struct sy_str copy;

    if (!item)
        return sy_err_set(err, SY_NOT_FOUND, "there is no case %.*s", SY_FMT(id));
    if (!is_open(item))
        return sy_err_set(err, SY_CONFLICT, "case %.*s is closed already", SY_FMT(id));
    copy = resolution.ptr ? sy_arena_copy(&item->item.arena, resolution) : resolution;
    if (resolution.ptr && !copy.ptr)
        return sy_memory_nomem(err);
    item->fields.state = SY_STR("closed");
    item->fields.resolution = copy;
    item->fields.closed_at_ms = at_ms;
    return SY_OK;
}
