#include "registry/row.h"

#include "base/clock.h"
#include "registry/registry.h"

#define COLUMN_JSON_MAX (4u << 20)

struct sy_str sy_time_short(int64_t unix_ms, char *out)
{
    struct sy_str text = sy_time_text(unix_ms, out);

    if (unix_ms % (24 * 3600 * 1000) == 0 && text.len > 10)
        text.len = 10;
    return text;
}

static void write_pairs(struct sy_json_writer *w, const struct sy_pair *pairs, size_t count)
{
    sy_jw_object(w);
    for (size_t i = 0; i < count; i++) {
        sy_jw_name_str(w, pairs[i].name);
        sy_jw_str(w, pairs[i].value);
    }
    sy_jw_object_end(w);
}

static void write_names(struct sy_json_writer *w, const struct sy_str *names, size_t count)
{
    sy_jw_array(w);
    for (size_t i = 0; i < count; i++)
        sy_jw_str(w, names[i]);
    sy_jw_array_end(w);
}

static void write_field(struct sy_json_writer *w, const struct sy_row *row, enum sy_row_field_id id)
{
    const struct sy_row_field *field = &sy_row_fields[id];
    char time[SY_TIME_TEXT_MAX];
    const struct sy_pair *pairs;
    struct sy_str text;
    size_t count;

    switch (field->kind) {
    case SY_FIELD_KIND_TEXT:
    case SY_FIELD_KIND_VENDOR:
        text = sy_row_text(row, id);
        if (text.len && !(id == SY_FIELD_version && sy_str_eq(text, SY_STR("latest"))))
            sy_jw_member_str(w, field->name, text);
        break;
    case SY_FIELD_KIND_STATE:
        sy_jw_member_z(w, field->name, sy_row_state_name(row->state));
        break;
    case SY_FIELD_KIND_RANK:
        if (row->has_rank)
            sy_jw_member_i64(w, field->name, row->rank);
        break;
    case SY_FIELD_KIND_AUTH:
        if (row->auth_none)
            sy_jw_member_z(w, field->name, "none");
        break;
    case SY_FIELD_KIND_TIME:
        if (sy_row_time(row, id))
            sy_jw_member_str(w, field->name, sy_time_short(sy_row_time(row, id), time));
        break;
    case SY_FIELD_KIND_PAIRS:
        pairs = sy_row_pairs(row, id, &count);
        if (!count)
            break;
        sy_jw_name(w, field->name);
        write_pairs(w, pairs, count);
        break;
    }
}

void sy_row_write_members(struct sy_json_writer *w, const struct sy_row *row,
                          const struct sy_toolkit_facts *facts)
{
    for (int i = 0; i < SY_FIELD_COUNT; i++) {
        write_field(w, row, (enum sy_row_field_id)i);
        if (i != SY_FIELD_tool_prefix || !facts)
            continue;
        if (facts->alias_count) {
            sy_jw_name(w, "aliases");
            write_names(w, facts->aliases, facts->alias_count);
        }
        if (facts->has_criticality)
            sy_jw_member_z(w, "criticality", sy_criticality_name(facts->criticality));
    }
}

void sy_row_write_json(struct sy_json_writer *w, const struct sy_row *row,
                       const struct sy_toolkit_facts *facts)
{
    sy_jw_object(w);
    sy_row_write_members(w, row, facts);
    if (row->version_number)
        sy_jw_member_i64(w, "row_version", row->version_number);
    if (row->changed_at_ms)
        sy_jw_member_time(w, "changed_at", row->changed_at_ms);
    sy_jw_object_end(w);
}

void sy_map_write_json(struct sy_json_writer *w, const struct sy_tool_map *map)
{
    sy_jw_object(w);
    sy_jw_member_str(w, "tool", map->tool);
    sy_jw_member_str(w, "toolkit", map->toolkit);
    sy_jw_member_str(w, "vendor", map->vendor);
    sy_jw_member_str(w, "vendor_tool", map->vendor_tool);
    sy_jw_member_z(w, "match", sy_match_name(map->match));
    if (map->effect != SY_EFFECT_UNKNOWN)
        sy_jw_member_z(w, "effect", sy_effect_name(map->effect));
    if (map->rename_count) {
        sy_jw_name(w, "arguments");
        write_pairs(w, map->renames, map->rename_count);
    }
    if (map->alias_count) {
        sy_jw_name(w, "aliases");
        write_names(w, map->aliases, map->alias_count);
    }
    sy_jw_object_end(w);
}

/* ---- columns ---- */

struct sy_str sy_pairs_to_json(struct sy_arena *arena, const struct sy_pair *pairs, size_t count)
{
    struct sy_json_writer w;
    struct sy_buf out;

    if (!count)
        return (struct sy_str){NULL, 0};
    sy_buf_init_arena(&out, arena, COLUMN_JSON_MAX);
    sy_jw_init(&w, &out);
    write_pairs(&w, pairs, count);
    if (!sy_buf_ok(&out))
        arena->failed = true;
    return sy_buf_str(&out);
}

struct sy_str sy_names_to_json(struct sy_arena *arena, const struct sy_str *names, size_t count)
{
    struct sy_json_writer w;
    struct sy_buf out;

    if (!count)
        return (struct sy_str){NULL, 0};
    sy_buf_init_arena(&out, arena, COLUMN_JSON_MAX);
    sy_jw_init(&w, &out);
    write_names(&w, names, count);
    if (!sy_buf_ok(&out))
        arena->failed = true;
    return sy_buf_str(&out);
}

/* A raw name is a string value as it stands. */
static struct sy_str decode_name(struct sy_str raw, struct sy_arena *arena)
{
    return sy_json_text((struct sy_json){.type = SY_JSON_STRING, .raw = raw}, arena);
}

int sy_pairs_from_json(struct sy_str json, struct sy_arena *arena, struct sy_pair **ret_pairs,
                       size_t *ret_count)
{
    struct sy_json root, value;
    struct sy_json_iter iter;
    struct sy_pair *pairs;
    struct sy_str name;
    size_t count = 0;

    *ret_pairs = NULL;
    *ret_count = 0;
    if (!json.ptr)
        return SY_OK;
    if (sy_json_read(json, 1, &root, NULL) || root.type != SY_JSON_OBJECT)
        return SY_INVALID;
    pairs = sy_arena_array(arena, sy_json_count(root) + 1, sizeof(*pairs));
    if (!pairs)
        return SY_NOMEM;
    iter = sy_json_iter(root);
    while (sy_json_next(&iter, &name, &value))
        pairs[count++] = (struct sy_pair){decode_name(name, arena), sy_json_text(value, arena)};
    *ret_pairs = pairs;
    *ret_count = count;
    return SY_OK;
}

int sy_names_from_json(struct sy_str json, struct sy_arena *arena, struct sy_str **ret_names,
                       size_t *ret_count)
{
    struct sy_json root, value;
    struct sy_json_iter iter;
    struct sy_str *names, unused;
    size_t count = 0;

    *ret_names = NULL;
    *ret_count = 0;
    if (!json.ptr)
        return SY_OK;
    if (sy_json_read(json, 1, &root, NULL) || root.type != SY_JSON_ARRAY)
        return SY_INVALID;
    names = sy_arena_array(arena, sy_json_count(root) + 1, sizeof(*names));
    if (!names)
        return SY_NOMEM;
    iter = sy_json_iter(root);
    while (sy_json_next(&iter, &unused, &value))
        names[count++] = sy_json_text(value, arena);
    *ret_names = names;
    *ret_count = count;
    return SY_OK;
}
