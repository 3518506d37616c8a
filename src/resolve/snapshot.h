/* The snapshot's inside, for the resolver's own files. */
#ifndef SY_RESOLVE_SNAPSHOT_H
#define SY_RESOLVE_SNAPSHOT_H

#include "contract/snapshot.h"
#include "policy/policy.h"
#include "resolve/segment.h"

/* Places of units of the base that edits have replaced. */
struct sy_gone {
    uint32_t *slots; /* open addressing; 0: empty */
    uint32_t mask;
    uint32_t count;
};

struct sy_snapshot {
    struct sy_arena arena; /* what follows but the segments, and this struct itself */
    int64_t version;
    const struct sy_policy *policy;
    struct sy_segment *base;
    struct sy_segment *edits; /* or NULL */
    size_t edit_count;
    struct sy_gone gone_toolkits, gone_families;
    struct sy_tenant *tenants;
    size_t tenant_count;
    struct sy_index by_tenant; /* number + 1 */
    struct sy_key *keys;
    size_t key_count;
    struct sy_index by_key;
    struct sy_str *quarantined;
    size_t quarantined_count;
};

static inline bool sy_gone_has(const struct sy_gone *gone, uint32_t unit)
{
    if (gone->count == 0)
        return false;
    for (uint32_t at = unit * UINT32_C(0x9e3779b1) & gone->mask; gone->slots[at];
         at = (at + 1) & gone->mask) {
        if (gone->slots[at] == unit)
            return true;
    }
    return false;
}

/* By a key normalised already, with its hash as sy_index_hash makes it. */
bool sy_snapshot_toolkit_hashed(const struct sy_snapshot *snapshot, struct sy_str key,
                                uint64_t hash, struct sy_toolkit *ret);
bool sy_snapshot_group(const struct sy_snapshot *snapshot, struct sy_str folded_tool,
                       struct sy_tool_group *ret);

/* The groups of one toolkit, in tool order. */
struct sy_group_walk {
    const struct sy_segment *segment;
    uint32_t at;
    size_t left;
};
struct sy_group_walk sy_snapshot_groups(const struct sy_snapshot *snapshot, struct sy_str toolkit);
bool sy_group_next(struct sy_group_walk *walk, struct sy_tool_group *ret);

/* Whether two were read from the same unit. */
static inline bool sy_toolkit_same(const struct sy_toolkit *a, const struct sy_toolkit *b)
{
    return a->rows == b->rows;
}

#endif
