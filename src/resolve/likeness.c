/* What resembles a name: suggestions for one that is not known. */
#include <string.h>

#include "resolve/snapshot.h"

#define NEAR_MAX 32
#define TOOL_EDITS_MAX 8u
#define UNLIKE 20u

struct near {
    struct sy_str name;
    unsigned distance;
};

struct near_list {
    struct near items[NEAR_MAX];
    size_t count, max;
};

/* Keeps the `max` nearest, names once, equal distances in name order. */
static void near_add(struct near_list *list, struct sy_str name, unsigned distance)
{
    struct near *items = list->items;
    size_t at;

    for (size_t i = 0; i < list->count; i++) {
        if (!sy_str_eq(items[i].name, name))
            continue;
        if (items[i].distance <= distance)
            return;
        list->count--;
        memmove(&items[i], &items[i + 1], (list->count - i) * sizeof(*items));
        break;
    }
    at = list->count;
    while (at > 0 &&
           (items[at - 1].distance > distance ||
            (items[at - 1].distance == distance && sy_str_cmp(items[at - 1].name, name) > 0)))
        at--;
    if (at == list->max)
        return;
    if (list->count == list->max)
        list->count--;
    memmove(&items[at + 1], &items[at], (list->count - at) * sizeof(*items));
    items[at] = (struct near){name, distance};
    list->count++;
}

static size_t near_names(const struct near_list *list, struct sy_str *ret_names)
{
    for (size_t i = 0; i < list->count; i++)
        ret_names[i] = list->items[i].name;
    return list->count;
}

/* ---- toolkits ---- */

struct toolkit_query {
    const struct sy_snapshot *snapshot;
    struct sy_str key;
    unsigned distance;
    struct near_list list;
};

static void add_toolkit(void *ctx, const struct sy_segment *segment, uint32_t spelling)
{
    struct toolkit_query *q = ctx;
    char buffer[2 * SY_NAME_MAX];
    struct sy_str key = sy_name_normalise(sy_spelling_text(segment, spelling), buffer);
    size_t longer = key.len > q->key.len ? key.len : q->key.len;
    struct sy_toolkit toolkit;
    unsigned found;

    if (key.len > q->key.len + q->distance || q->key.len > key.len + q->distance)
        return;
    found = sy_str_distance(q->key, key, q->distance);
    /* A name of which more than half changed is another name. */
    if (found > q->distance || 2 * found > longer)
        return;
    /* An edit may have taken the spelling away, or given it to another. */
    if (sy_snapshot_toolkit_keyed(
            q->snapshot, &(struct sy_toolkit_key){.normal = key, .hash = sy_index_hash(key)},
            &toolkit))
        near_add(&q->list, toolkit.name, found);
}

size_t sy_snapshot_near_toolkits(const struct sy_snapshot *snapshot, struct sy_str name,
                                 unsigned distance, struct sy_str *ret_names, size_t max)
{
    char buffer[2 * SY_NAME_MAX];
    struct toolkit_query q = {.snapshot = snapshot,
                              .distance = distance < SY_NEAR_DISTANCE_MAX ? distance
                                                                          : SY_NEAR_DISTANCE_MAX};

    if (name.len > sizeof(buffer) || max == 0)
        return 0;
    q.key = sy_name_normalise(name, buffer);
    q.list.max = max < NEAR_MAX ? max : NEAR_MAX;
    sy_near_walk(snapshot->base, q.key, add_toolkit, &q);
    if (snapshot->edits)
        sy_near_walk(snapshot->edits, q.key, add_toolkit, &q);
    return near_names(&q.list, ret_names);
}

/* ---- tools ---- */

static bool has_word(struct sy_str folded, struct sy_str word)
{
    struct sy_str part;
    while (sy_str_split(&folded, '_', &part)) {
        if (sy_str_eq(part, word))
            return true;
    }
    return false;
}

/* Edits if there are few, else UNLIKE less two for each word in common. */
static unsigned unlikeness(struct sy_str a, struct sy_str b)
{
    unsigned limit = (unsigned)(a.len / 3 < TOOL_EDITS_MAX ? a.len / 3 : TOOL_EDITS_MAX);
    unsigned edits = sy_str_distance(a, b, limit), common = 0;
    struct sy_str rest = a, word;

    if (edits <= limit)
        return edits;
    while (sy_str_split(&rest, '_', &word)) {
        if (word.len > 0 && common < 5 && has_word(b, word))
            common++;
    }
    return UNLIKE - 2 * common;
}

/* The name without the words it shares with its toolkit: "gmail_" is no likeness. */
static struct sy_str without_toolkit(struct sy_str tool, struct sy_str toolkit)
{
    if (sy_str_starts(tool, toolkit) && tool.len > toolkit.len && tool.ptr[toolkit.len] == '_')
        return sy_str_skip(tool, toolkit.len + 1);
    return tool;
}

size_t sy_snapshot_near_tools(const struct sy_snapshot *snapshot, struct sy_str toolkit,
                              struct sy_str tool, struct sy_str *ret_names, size_t max)
{
    struct sy_group_walk walk;
    struct sy_tool_group group;
    char buffer[2 * SY_NAME_MAX];
    struct near_list list = {.max = max < NEAR_MAX ? max : NEAR_MAX};

    if (tool.len > sizeof(buffer) || max == 0)
        return 0;
    tool = without_toolkit(sy_tool_fold(tool, buffer), toolkit);
    walk = sy_snapshot_groups(snapshot, toolkit);
    while (sy_group_next(&walk, &group)) {
        unsigned distance = unlikeness(tool, without_toolkit(group.tool, toolkit));
        if (distance < UNLIKE)
            near_add(&list, group.tool, distance);
    }
    return near_names(&list, ret_names);
}
