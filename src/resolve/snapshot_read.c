/* Looking things up in a snapshot. */
#include "resolve/snapshot.h"

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
    const struct sy_str wanted = sy_str_from((const char *)hash, 32);
    struct sy_index_walk walk = sy_index_walk(&snapshot->by_key, sy_index_hash_whole(wanted));
    uint32_t at;

    while ((at = sy_index_next(&walk)) != 0) {
        const struct sy_key *key = &snapshot->keys[at - 1];
        if (sy_str_eq(sy_str_from((const char *)key->hash, sizeof(key->hash)), wanted))
            return key;
    }
    return NULL;
}

const struct sy_tenant *sy_snapshot_tenant(const struct sy_snapshot *snapshot, struct sy_str name)
{
    struct sy_index_walk walk = sy_index_walk(&snapshot->by_tenant, sy_index_hash_whole(name));
    uint32_t at;

    while ((at = sy_index_next(&walk)) != 0) {
        if (sy_str_eq(snapshot->tenants[at - 1].name, name))
            return &snapshot->tenants[at - 1];
    }
    return NULL;
}

bool sy_snapshot_quarantined(const struct sy_snapshot *snapshot, struct sy_str vendor)
{
    for (size_t i = 0; i < snapshot->quarantined_count; i++) {
        if (sy_str_eq(snapshot->quarantined[i], vendor))
            return true;
    }
    return false;
}

/* ---- memory that will be read ---- */

#define LINE 64u

/* The first spelling that may be meant, with what stands behind it. */
static void prefetch_unit(const struct sy_segment *s, const struct sy_index *index, uint64_t hash)
{
    struct sy_index_walk walk = sy_index_walk(index, hash);
    uint32_t at = sy_index_next(&walk);

    if (at) {
        __builtin_prefetch(s->pool.bytes + at);
        __builtin_prefetch(s->pool.bytes + at + LINE);
    }
}

void sy_snapshot_prefetch_toolkit(const struct sy_snapshot *snapshot, uint64_t hash)
{
    sy_index_prefetch(&snapshot->base->by_toolkit, hash);
}

void sy_snapshot_prefetch_group(const struct sy_snapshot *snapshot, uint64_t hash)
{
    sy_index_prefetch(&snapshot->base->by_tool, hash);
}

void sy_snapshot_prefetch_toolkit_unit(const struct sy_snapshot *snapshot, uint64_t hash)
{
    prefetch_unit(snapshot->base, &snapshot->base->by_toolkit, hash);
}

void sy_snapshot_prefetch_group_unit(const struct sy_snapshot *snapshot, uint64_t hash)
{
    prefetch_unit(snapshot->base, &snapshot->base->by_tool, hash);
}

/* ---- toolkits ---- */

/* The first spelling in `s` that is `key` and whose toolkit is not `gone`, or 0. */
static uint32_t find_toolkit(const struct sy_segment *s, const struct sy_gone *gone,
                             const struct sy_toolkit_key *key)
{
    struct sy_index_walk walk = sy_index_walk(&s->by_toolkit, key->hash);
    uint32_t at;

    while ((at = sy_index_next(&walk)) != 0) {
        struct sy_str text = sy_spelling_text(s, at);
        if ((sy_str_eq(text, key->written) || sy_toolkit_is(text, key->normal)) &&
            !(gone && sy_gone_has(gone, sy_spelling_named(s, at))))
            return at;
    }
    return 0;
}

bool sy_snapshot_toolkit_keyed(const struct sy_snapshot *snapshot, const struct sy_toolkit_key *key,
                               struct sy_toolkit *ret)
{
    const struct sy_segment *base = snapshot->base, *edits = snapshot->edits;
    uint32_t in_base = find_toolkit(base, edits ? &snapshot->gone_toolkits : NULL, key);
    uint32_t in_edits = edits ? find_toolkit(edits, NULL, key) : 0;
    struct sy_toolkit other;

    if (in_base)
        sy_toolkit_read(base, sy_spelling_named(base, in_base), ret);
    if (in_edits) {
        int order = -1;
        sy_toolkit_read(edits, sy_spelling_named(edits, in_edits), &other);
        if (in_base) {
            order = (int)sy_spelling_class(edits, in_edits) - (int)sy_spelling_class(base, in_base);
            order = order ? order : sy_str_cmp(other.name, ret->name);
        }
        if (order < 0)
            *ret = other;
    }
    return in_base || in_edits;
}

bool sy_snapshot_toolkit(const struct sy_snapshot *snapshot, struct sy_str any_spelling,
                         struct sy_toolkit *ret)
{
    char buffer[2 * SY_NAME_MAX];
    struct sy_toolkit_key key = {.written = any_spelling};

    if (any_spelling.len > sizeof(buffer))
        return false;
    key.normal = sy_name_normalise(any_spelling, buffer);
    key.hash = sy_index_hash(key.normal);
    return key.normal.len > 0 && sy_snapshot_toolkit_keyed(snapshot, &key, ret);
}

size_t sy_snapshot_toolkit_count(const struct sy_snapshot *snapshot)
{
    return snapshot->base->toolkit_count - snapshot->gone_toolkits.count +
           (snapshot->edits ? snapshot->edits->toolkit_count : 0);
}

bool sy_snapshot_toolkit_after(const struct sy_snapshot *snapshot, struct sy_str name,
                               struct sy_toolkit *ret)
{
    const struct sy_segment *base = snapshot->base, *edits = snapshot->edits;
    size_t b = sy_segment_after(base, name), e = edits ? sy_segment_after(edits, name) : 0;
    struct sy_toolkit other;

    while (b < base->toolkit_count && sy_gone_has(&snapshot->gone_toolkits, base->toolkits[b]))
        b++;
    if (b < base->toolkit_count)
        sy_toolkit_read(base, base->toolkits[b], ret);
    if (!edits || e == edits->toolkit_count)
        return b < base->toolkit_count;
    sy_toolkit_read(edits, edits->toolkits[e], &other);
    if (b == base->toolkit_count || sy_str_cmp(other.name, ret->name) < 0)
        *ret = other;
    return true;
}

/* ---- tools ---- */

static uint32_t find_group(const struct sy_segment *s, const struct sy_gone *gone,
                           struct sy_str key, uint64_t hash)
{
    struct sy_index_walk walk = sy_index_walk(&s->by_tool, hash);
    uint32_t at;

    while ((at = sy_index_next(&walk)) != 0) {
        if (sy_tool_is(sy_spelling_text(s, at), key) &&
            !(gone && sy_gone_has(gone, sy_group_family(s, sy_spelling_named(s, at)))))
            return at;
    }
    return 0;
}

/* Groups stand by toolkit, then tool. */
static int group_order(const struct sy_tool_group *a, const struct sy_tool_group *b)
{
    int order = sy_str_cmp(a->toolkit, b->toolkit);

    return order ? order : sy_str_cmp(a->tool, b->tool);
}

bool sy_snapshot_group(const struct sy_snapshot *snapshot, struct sy_str key,
                       struct sy_tool_group *ret)
{
    return sy_snapshot_group_hashed(snapshot, key, sy_index_hash_whole(key), ret);
}

bool sy_snapshot_group_hashed(const struct sy_snapshot *snapshot, struct sy_str key, uint64_t hash,
                              struct sy_tool_group *ret)
{
    const struct sy_segment *base = snapshot->base, *edits = snapshot->edits;
    uint32_t in_base = find_group(base, edits ? &snapshot->gone_families : NULL, key, hash);
    uint32_t in_edits = edits ? find_group(edits, NULL, key, hash) : 0;
    struct sy_tool_group other;

    if (in_base)
        sy_group_read(base, sy_spelling_named(base, in_base), ret);
    if (in_edits) {
        int order = -1;
        sy_group_read(edits, sy_spelling_named(edits, in_edits), &other);
        if (in_base) {
            order = (int)sy_spelling_class(edits, in_edits) - (int)sy_spelling_class(base, in_base);
            order = order ? order : group_order(&other, ret);
        }
        if (order < 0)
            *ret = other;
    }
    return in_base || in_edits;
}

struct sy_group_walk sy_snapshot_groups(const struct sy_snapshot *snapshot, struct sy_str toolkit)
{
    struct sy_group_walk walk = {.segment = snapshot->base};
    uint32_t unit = sy_segment_family(snapshot->base, toolkit);

    if (unit && sy_gone_has(&snapshot->gone_families, unit))
        unit = 0;
    if (!unit && snapshot->edits) {
        walk.segment = snapshot->edits;
        unit = sy_segment_family(snapshot->edits, toolkit);
    }
    if (unit)
        sy_family_read(walk.segment, unit, &walk.left, &walk.at);
    return walk;
}

bool sy_group_next(struct sy_group_walk *walk, struct sy_tool_group *ret)
{
    const unsigned char *at;
    struct sy_map map;

    if (walk->left == 0)
        return false;
    walk->left--;
    sy_group_read(walk->segment, walk->at, ret);
    at = ret->maps;
    for (unsigned i = 0; i < ret->map_count; i++)
        sy_map_take(ret, &at, &map);
    walk->at = (uint32_t)(at - walk->segment->pool.bytes);
    return true;
}
