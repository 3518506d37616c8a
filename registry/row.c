#include "registry/row.h"

#include <string.h>

#include "vendors/vendors.h"

const struct sy_row_field sy_row_fields[SY_FIELD_COUNT] = {
#define SY_ROW_FIELD(name, kind, member)                                                           \
    [SY_FIELD_##name] = {#name, SY_FIELD_KIND_##kind, offsetof(struct sy_row, member)},
#include "registry/row_field.def"
#undef SY_ROW_FIELD
};

struct sy_str sy_row_text(const struct sy_row *row, enum sy_row_field_id field)
{
    struct sy_str text;

    memcpy(&text, (const char *)row + sy_row_fields[field].offset, sizeof(text));
    return text;
}

struct sy_str *sy_row_text_at(struct sy_row *row, enum sy_row_field_id field)
{
    return (struct sy_str *)(void *)((char *)row + sy_row_fields[field].offset);
}

int64_t sy_row_time(const struct sy_row *row, enum sy_row_field_id field)
{
    int64_t time;

    memcpy(&time, (const char *)row + sy_row_fields[field].offset, sizeof(time));
    return time;
}

int64_t *sy_row_time_at(struct sy_row *row, enum sy_row_field_id field)
{
    return (int64_t *)(void *)((char *)row + sy_row_fields[field].offset);
}

const struct sy_pair *sy_row_pairs(const struct sy_row *row, enum sy_row_field_id field,
                                   size_t *ret_count)
{
    *ret_count = field == SY_FIELD_extra ? row->extra_count : row->mcp_server_count;
    return field == SY_FIELD_extra ? row->extra : row->mcp_servers;
}

void sy_row_set_pairs(struct sy_row *row, enum sy_row_field_id field, const struct sy_pair *pairs,
                      size_t count)
{
    if (field == SY_FIELD_extra) {
        row->extra = pairs;
        row->extra_count = count;
    } else {
        row->mcp_servers = pairs;
        row->mcp_server_count = count;
    }
}

static bool same_word(struct sy_str text, struct sy_str word)
{
    if (text.len != word.len)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i] == '-' ? '_' : text.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != word.ptr[i])
            return false;
    }
    return true;
}

struct sy_str sy_vendor_name_parse(struct sy_str text)
{
    size_t count;
    const struct sy_vendor *const *vendors = sy_vendors(&count);

    for (size_t i = 0; i < count; i++)
        if (same_word(text, sy_str_of(vendors[i]->name)))
            return sy_str_of(vendors[i]->name);
    return same_word(text, SY_STR("cf_worker")) ? SY_STR("worker") : (struct sy_str){NULL, 0};
}

/* ---- copies ---- */

struct sy_str sy_lower_copy(struct sy_arena *arena, struct sy_str text)
{
    struct sy_str copy;
    char *out;

    if (!text.ptr)
        return text;
    out = sy_arena_alloc(arena, text.len + 1);
    if (!out)
        return (struct sy_str){NULL, 0};
    for (size_t i = 0; i < text.len; i++)
        out[i] = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? (char)(text.ptr[i] - 'A' + 'a')
                                                          : text.ptr[i];
    out[text.len] = 0;
    copy = (struct sy_str){out, text.len};
    return copy;
}

static struct sy_str copy_opt(struct sy_arena *arena, struct sy_str text)
{
    return text.ptr && text.len ? sy_arena_copy(arena, text) : (struct sy_str){NULL, 0};
}

struct sy_str *sy_strs_copy(struct sy_arena *arena, const struct sy_str *items, size_t count)
{
    struct sy_str *copy = count ? sy_arena_array(arena, count, sizeof(*copy)) : NULL;

    for (size_t i = 0; copy && i < count; i++)
        copy[i] = sy_arena_copy(arena, items[i]);
    return copy;
}

struct sy_pair *sy_pairs_copy(struct sy_arena *arena, const struct sy_pair *pairs, size_t count)
{
    struct sy_pair *copy = count ? sy_arena_array(arena, count, sizeof(*copy)) : NULL;

    for (size_t i = 0; copy && i < count; i++) {
        struct sy_pair pair = {sy_arena_copy(arena, pairs[i].name),
                               sy_arena_copy(arena, pairs[i].value)};
        size_t at = i;

        while (at && sy_str_cmp(copy[at - 1].name, pair.name) > 0) {
            copy[at] = copy[at - 1];
            at--;
        }
        copy[at] = pair;
    }
    return copy;
}

/* An empty cell is no cell. */
static const struct sy_pair *copy_cells(struct sy_arena *arena, const struct sy_pair *pairs,
                                        size_t *count)
{
    struct sy_pair *copy = sy_pairs_copy(arena, pairs, *count);
    size_t kept = 0;

    for (size_t i = 0; copy && i < *count; i++)
        if (copy[i].value.len)
            copy[kept++] = copy[i];
    *count = kept;
    return copy;
}

struct sy_row sy_row_copy(struct sy_arena *arena, const struct sy_row *row)
{
    struct sy_row copy = *row;

    for (int field = 0; field < SY_FIELD_COUNT; field++)
        if (sy_row_fields[field].kind == SY_FIELD_KIND_TEXT ||
            sy_row_fields[field].kind == SY_FIELD_KIND_VENDOR)
            *sy_row_text_at(&copy, (enum sy_row_field_id)field) =
                copy_opt(arena, sy_row_text(row, (enum sy_row_field_id)field));
    copy.toolkit = sy_lower_copy(arena, row->toolkit);
    if (!copy.vendor_slug.ptr)
        copy.vendor_slug = copy.toolkit;
    if (!copy.version.ptr)
        copy.version = SY_STR("latest");
    if (!copy.has_rank)
        copy.rank = 0;
    copy.mcp_servers = copy_cells(arena, row->mcp_servers, &copy.mcp_server_count);
    copy.extra = copy_cells(arena, row->extra, &copy.extra_count);
    return copy;
}

struct sy_toolkit_facts sy_facts_copy(struct sy_arena *arena, const struct sy_toolkit_facts *facts)
{
    struct sy_toolkit_facts copy = *facts;

    copy.toolkit = sy_lower_copy(arena, facts->toolkit);
    copy.aliases = sy_strs_copy(arena, facts->aliases, facts->alias_count);
    if (!copy.has_criticality)
        copy.criticality = SY_CRITICALITY_LOW;
    return copy;
}

struct sy_tool_map sy_map_copy(struct sy_arena *arena, const struct sy_tool_map *map)
{
    struct sy_tool_map copy = *map;

    copy.tool = sy_lower_copy(arena, map->tool);
    copy.toolkit = sy_lower_copy(arena, map->toolkit);
    copy.vendor = sy_arena_copy(arena, map->vendor);
    copy.vendor_tool = sy_arena_copy(arena, map->vendor_tool);
    copy.renames = sy_pairs_copy(arena, map->renames, map->rename_count);
    copy.aliases = sy_strs_copy(arena, map->aliases, map->alias_count);
    return copy;
}
