/* Looking things up in a snapshot. */
#include <string.h>

#include "resolve/snapshot.h"

#define NEAR_MAX 32
#define TOOL_EDITS_MAX 8u

int64_t sy_snapshot_version(const struct sy_snapshot *snapshot)
{
    return snapshot->version;
}

const struct sy_policy *sy_snapshot_policy(const struct sy_snapshot *snapshot)
{
    return snapshot->policy;
}

const struct sy_key *sy_snapshot_key(const struct sy_snapshot *snapshot,
                                     const unsigned char hash[32])
{
    uint32_t at = sy_index_get(&snapshot->by_key, sy_str_from((const char *)hash, 32));
    return at == SY_INDEX_NONE ? NULL : &snapshot->keys[at];
}

const struct sy_tenant *sy_snapshot_tenant(const struct sy_snapshot *snapshot, struct sy_str name)
{
    uint32_t at = sy_index_get(&snapshot->by_tenant, name);
    return at == SY_INDEX_NONE ? NULL : &snapshot->tenants[at];
}

bool sy_snapshot_quarantined(const struct sy_snapshot *snapshot, struct sy_str vendor)
{
    for (size_t i = 0; i < snapshot->quarantined_count; i++) {
        if (sy_str_eq(snapshot->quarantined[i], vendor))
            return true;
    }
    return false;
}

const struct sy_toolkit *sy_snapshot_toolkit(const struct sy_snapshot *snapshot,
                                             struct sy_str any_spelling)
{
    char buffer[2 * SY_NAME_MAX];
    uint32_t at;

    if (any_spelling.len > sizeof(buffer))
        return NULL;
    at = sy_index_get(&snapshot->by_toolkit, sy_name_normalise(any_spelling, buffer));
    return at == SY_INDEX_NONE ? NULL : &snapshot->toolkits[at];
}

size_t sy_snapshot_toolkit_count(const struct sy_snapshot *snapshot)
{
    return snapshot->toolkit_count;
}

const struct sy_toolkit *sy_snapshot_toolkit_at(const struct sy_snapshot *snapshot, size_t index)
{
    return index < snapshot->toolkit_count ? &snapshot->toolkits[index] : NULL;
}

const struct sy_tool_group *sy_snapshot_group(const struct sy_snapshot *snapshot,
                                              struct sy_str folded_tool)
{
    uint32_t at = sy_index_get(&snapshot->by_tool, folded_tool);
    return at == SY_INDEX_NONE ? NULL : &snapshot->groups[at];
}

static const struct sy_tool_group *group_of(const struct sy_snapshot *snapshot, struct sy_str tool)
{
    char buffer[2 * SY_NAME_MAX];
    if (tool.len > sizeof(buffer))
        return NULL;
    return sy_snapshot_group(snapshot, sy_tool_fold(tool, buffer));
}

const struct sy_tool_map *sy_snapshot_map(const struct sy_snapshot *snapshot, struct sy_str tool,
                                          struct sy_str vendor)
{
    const struct sy_tool_group *group = group_of(snapshot, tool);
    for (size_t i = 0; group && i < group->count; i++) {
        if (vendor.len == 0 || sy_str_eq(group->maps[i]->vendor, vendor))
            return group->maps[i];
    }
    return NULL;
}

const struct sy_tool_map *const *sy_snapshot_maps_of(const struct sy_snapshot *snapshot,
                                                     struct sy_str canonical_tool,
                                                     size_t *ret_count)
{
    const struct sy_tool_group *group = group_of(snapshot, canonical_tool);
    *ret_count = group ? group->count : 0;
    return group ? group->maps : NULL;
}

/* ---- what resembles a name ---- */

struct near {
    struct sy_str name;
    unsigned distance;
};

/* Keeps the `max` nearest, names once, equal distances in name order. */
static size_t near_add(struct near *list, size_t count, size_t max, struct near one)
{
    size_t at = count, end = count;

    for (size_t i = 0; i < count; i++) {
        if (!sy_str_eq(list[i].name, one.name))
            continue;
        if (list[i].distance <= one.distance)
            return count;
        memmove(&list[i], &list[i + 1], (count - i - 1) * sizeof(*list));
        count = end = at = count - 1;
        break;
    }
    while (at > 0 &&
           (list[at - 1].distance > one.distance ||
            (list[at - 1].distance == one.distance && sy_str_cmp(list[at - 1].name, one.name) > 0)))
        at--;
    if (at == max)
        return count;
    if (end == max)
        end--;
    memmove(&list[at + 1], &list[at], (end - at) * sizeof(*list));
    list[at] = one;
    return end + 1;
}

static unsigned bits(uint32_t x)
{
    unsigned count = 0;
    for (; x; x &= x - 1)
        count++;
    return count;
}

size_t sy_snapshot_near_toolkits(const struct sy_snapshot *snapshot, struct sy_str name,
                                 unsigned distance, struct sy_str *ret_names, size_t max)
{
    const struct sy_index *index = &snapshot->by_toolkit;
    struct near list[NEAR_MAX];
    char buffer[2 * SY_NAME_MAX];
    uint32_t letters;
    size_t count = 0;

    if (name.len > sizeof(buffer) || max == 0)
        return 0;
    name = sy_name_normalise(name, buffer);
    letters = sy_index_letters(name);
    max = max < NEAR_MAX ? max : NEAR_MAX;
    for (uint32_t i = 0; i < index->count; i++) {
        struct sy_str key = {index->keys[i].ptr, index->keys[i].len};
        size_t longer = key.len > name.len ? key.len : name.len;
        unsigned found;
        if (key.len > name.len + distance || name.len > key.len + distance ||
            bits(letters ^ index->keys[i].letters) > 2 * distance)
            continue;
        found = sy_str_distance(name, key, distance);
        /* A name of which more than half changed is another name. */
        if (found > distance || 2 * found > longer)
            continue;
        count = near_add(list, count, max,
                         (struct near){snapshot->toolkits[index->keys[i].value].name, found});
    }
    for (size_t i = 0; i < count; i++)
        ret_names[i] = list[i].name;
    return count;
}

static bool has_word(struct sy_str folded, struct sy_str word)
{
    struct sy_str part;
    while (sy_str_split(&folded, '_', &part)) {
        if (sy_str_eq(part, word))
            return true;
    }
    return false;
}

/* Edits if there are few, else 20 less two for each word in common; 20: nothing in common. */
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
    return 20 - 2 * common;
}

/* First group of the toolkit, by halving: groups stand in toolkit order. */
size_t sy_snapshot_first_group(const struct sy_snapshot *snapshot, struct sy_str toolkit)
{
    size_t low = 0, high = snapshot->group_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sy_str_cmp(snapshot->groups[middle].toolkit, toolkit) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
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
    struct near list[NEAR_MAX];
    char buffer[2 * SY_NAME_MAX];
    size_t count = 0;

    if (tool.len > sizeof(buffer) || max == 0)
        return 0;
    tool = without_toolkit(sy_tool_fold(tool, buffer), toolkit);
    max = max < NEAR_MAX ? max : NEAR_MAX;
    for (size_t i = sy_snapshot_first_group(snapshot, toolkit);
         i < snapshot->group_count && sy_str_eq(snapshot->groups[i].toolkit, toolkit); i++) {
        struct sy_str name = snapshot->groups[i].tool;
        unsigned distance = unlikeness(tool, without_toolkit(name, toolkit));
        if (distance < 20)
            count = near_add(list, count, max, (struct near){name, distance});
    }
    for (size_t i = 0; i < count; i++)
        ret_names[i] = list[i].name;
    return count;
}
