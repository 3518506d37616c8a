/* A toolkit inside a loaded registry, by any spelling. */
#include "api/api_int.h"

#include "registry/registry.h"

static bool same_name(struct sy_str name, struct sy_str normalised)
{
    char folded[SY_NAME_MAX];

    return name.len <= SY_NAME_MAX && sy_str_eq(sy_name_normalise(name, folded), normalised);
}

static const struct sy_toolkit_facts *facts_of(const struct sy_registry *registry,
                                               struct sy_str toolkit)
{
    for (size_t i = 0; i < registry->toolkit_count; i++)
        if (sy_str_eq(registry->toolkits[i].toolkit, toolkit))
            return &registry->toolkits[i];
    return NULL;
}

/* The canonical name behind a spelling: names first, then slugs, then aliases. */
static struct sy_str canonical(const struct sy_registry *registry, struct sy_str normalised)
{
    for (size_t i = 0; i < registry->row_count; i++)
        if (same_name(registry->rows[i].toolkit, normalised))
            return registry->rows[i].toolkit;
    for (size_t i = 0; i < registry->row_count; i++)
        if (same_name(registry->rows[i].vendor_slug, normalised))
            return registry->rows[i].toolkit;
    for (size_t i = 0; i < registry->toolkit_count; i++)
        for (size_t a = 0; a < registry->toolkits[i].alias_count; a++)
            if (same_name(registry->toolkits[i].aliases[a], normalised))
                return registry->toolkits[i].toolkit;
    return (struct sy_str){NULL, 0};
}

static struct sy_str lower_copy(struct sy_arena *arena, struct sy_str text)
{
    char *out = sy_arena_alloc(arena, text.len + 1);

    for (size_t i = 0; out && i < text.len; i++) {
        char c = text.ptr[i];

        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return out ? sy_str_from(out, text.len) : (struct sy_str){NULL, 0};
}

struct api_rows api_rows_find(const struct sy_registry *registry, struct sy_str any_spelling,
                              struct sy_arena *arena, struct sy_str *ret_name)
{
    char folded[SY_NAME_MAX];
    struct api_rows found = {0};
    struct sy_str name = {NULL, 0};

    if (any_spelling.len <= SY_NAME_MAX)
        name = canonical(registry, sy_name_normalise(any_spelling, folded));
    if (ret_name)
        *ret_name = name.ptr ? name : lower_copy(arena, any_spelling);
    for (size_t i = 0; name.ptr && i < registry->row_count; i++) {
        const struct sy_row *row = &registry->rows[i];

        if (!sy_str_eq(row->toolkit, name))
            continue;
        found.rows = found.count ? found.rows : row;
        found.count++;
        if (row->version_number > found.version)
            found.version = row->version_number;
    }
    if (found.count)
        found.facts = facts_of(registry, name);
    return found;
}

void api_rows_write(struct sy_json_writer *w, const struct api_rows *rows)
{
    sy_jw_array(w);
    for (size_t i = 0; i < rows->count; i++)
        sy_row_write_json(w, &rows->rows[i], i ? NULL : rows->facts);
    sy_jw_array_end(w);
}
