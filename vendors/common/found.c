#include "vendors/common/found.h"

#include <string.h>

void sy_found_add(struct sy_found_list *list, const struct sy_turn *t, struct sy_found found)
{
    struct sy_found *items;

    if (!found.slug.len || list->count >= SY_FOUND_MAX)
        return;
    for (size_t i = 0; i < list->count; i++)
        if (sy_str_eq(list->items[i].slug, found.slug))
            return;
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 8;
        items = sy_arena_array(t->facts->mem, room, sizeof(*items));
        if (!items)
            return;
        if (list->count)
            memcpy(items, list->items, list->count * sizeof(*items));
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = found;
}

enum sy_step sy_found_done(const struct sy_found_list *list, const struct sy_turn *t)
{
    t->wish->result = (struct sy_result){.found = list->items, .found_count = list->count};
    return SY_STEP_DONE;
}

bool sy_search_text_ok(struct sy_str text)
{
    return text.len >= 3 && text.len <= 100 && !sy_str_has_control(text);
}

static bool skipped(char c)
{
    return c == '-' || c == '_' || c == ' ';
}

static char low(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* How far `part` runs along `text`, both without what is skipped: true if all of it was found.
 * *ret_rest is what is left of the text. */
static bool runs_along(struct sy_str text, struct sy_str part, struct sy_str *ret_rest)
{
    size_t i = 0;

    for (size_t j = 0; j < part.len; j++) {
        if (skipped(part.ptr[j]))
            continue;
        while (i < text.len && skipped(text.ptr[i]))
            i++;
        if (i == text.len || low(text.ptr[i]) != low(part.ptr[j]))
            return false;
        i++;
    }
    while (i < text.len && skipped(text.ptr[i]))
        i++;
    *ret_rest = sy_str_skip(text, i);
    return true;
}

bool sy_names_match(struct sy_str a, struct sy_str b)
{
    struct sy_str rest;

    return runs_along(a, b, &rest) && rest.len == 0;
}

bool sy_name_contains(struct sy_str text, struct sy_str part)
{
    struct sy_str rest;

    for (size_t i = 0; i < text.len; i++)
        if (runs_along(sy_str_skip(text, i), part, &rest))
            return true;
    return false;
}

static struct sy_str copy_changed(struct sy_str text, char from, char to, char first, char last,
                                  int shift, struct sy_arena *mem)
{
    char *out = sy_arena_alloc(mem, text.len + 1);

    if (!out)
        return (struct sy_str){0};
    for (size_t i = 0; i < text.len; i++) {
        char c = from && text.ptr[i] == from ? to : text.ptr[i];
        out[i] = (char)(c >= first && c <= last ? c + shift : c);
    }
    return sy_str_from(out, text.len);
}

struct sy_str sy_lower(struct sy_str text, char from, char to, struct sy_arena *mem)
{
    return copy_changed(text, from, to, 'A', 'Z', 'a' - 'A', mem);
}

struct sy_str sy_upper(struct sy_str text, char from, char to, struct sy_arena *mem)
{
    return copy_changed(text, from, to, 'a', 'z', 'A' - 'a', mem);
}

struct sy_str sy_snake_tool_name(struct sy_str vendor_slug, struct sy_str action,
                                 struct sy_arena *mem)
{
    const struct sy_str parts[] = {sy_lower(vendor_slug, '-', '_', mem), SY_STR("_"),
                                   sy_lower(action, '-', '_', mem)};

    return sy_arena_join(mem, parts, SY_ARRAY_LEN(parts));
}
