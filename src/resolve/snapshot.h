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

/* A toolkit's name that was normalised already. */
struct sy_toolkit_key {
    struct sy_str normal;
    struct sy_str written; /* a spelling of it that is likely in the registry, or absent */
    uint64_t hash;         /* sy_index_hash of `normal` */
};
bool sy_snapshot_toolkit_keyed(const struct sy_snapshot *snapshot, const struct sy_toolkit_key *key,
                               struct sy_toolkit *ret);
bool sy_snapshot_group(const struct sy_snapshot *snapshot, struct sy_str folded_tool,
                       struct sy_tool_group *ret);
/* `hash`: sy_index_hash_whole of the name. */
bool sy_snapshot_group_hashed(const struct sy_snapshot *snapshot, struct sy_str folded_tool,
                              uint64_t hash, struct sy_tool_group *ret);
/* Before such look-ups, so that they wait for memory together: first for the indexes' slots of a
 * tool and the toolkits that it may begin with, then for what they point to. */
void sy_snapshot_prefetch_toolkit(const struct sy_snapshot *snapshot, uint64_t hash);
void sy_snapshot_prefetch_group(const struct sy_snapshot *snapshot, uint64_t hash);
void sy_snapshot_prefetch_toolkit_unit(const struct sy_snapshot *snapshot, uint64_t hash);
void sy_snapshot_prefetch_group_unit(const struct sy_snapshot *snapshot, uint64_t hash);

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
