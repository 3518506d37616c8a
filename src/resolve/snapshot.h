/* The snapshot's inside, for the resolver's own files. */
#ifndef SY_RESOLVE_SNAPSHOT_H
#define SY_RESOLVE_SNAPSHOT_H

#include "contract/snapshot.h"
#include "policy/policy.h"
#include "resolve/index.h"

/* All map rows of one canonical tool. */
struct sy_tool_group {
    struct sy_str tool;
    struct sy_str toolkit;
    const struct sy_tool_map **maps;
    size_t count;
    bool routes;           /* at least one of them is exact or reviewed */
    enum sy_effect effect; /* the gravest that such a row states */
};

struct sy_snapshot {
    struct sy_arena arena; /* everything below, and this struct itself */
    int64_t version;
    const struct sy_policy *policy;
    struct sy_row *rows;
    struct sy_toolkit *toolkits; /* in name order */
    size_t toolkit_count;
    struct sy_index by_toolkit; /* normalised names, aliases, vendor slugs */
    struct sy_tool_map *maps;
    const struct sy_tool_map **map_order; /* by toolkit, then tool */
    struct sy_tool_group *groups;
    size_t group_count;
    struct sy_index by_tool; /* folded canonical names, aliases, vendors' names */
    struct sy_tenant *tenants;
    struct sy_index by_tenant;
    struct sy_key *keys;
    struct sy_index by_key;
    struct sy_str *quarantined;
    size_t quarantined_count;
};

/* Lower case, '-' and ' ' as '_': how tools' names are compared. out: at least name.len bytes. */
struct sy_str sy_tool_fold(struct sy_str name, char *out);
const struct sy_tool_group *sy_snapshot_group(const struct sy_snapshot *snapshot,
                                              struct sy_str folded_tool);
/* Number of the toolkit's first group; groups of one toolkit stand together. */
size_t sy_snapshot_first_group(const struct sy_snapshot *snapshot, struct sy_str toolkit);

#endif
