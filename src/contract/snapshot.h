/*
 * The immutable picture the resolver reads: registry + policy, indexed. Built off the loops,
 * swapped whole, freed when every loop has moved on. All reads are pure and O(1) or O(candidates).
 */
#ifndef SY_CONTRACT_SNAPSHOT_H
#define SY_CONTRACT_SNAPSHOT_H

#include "contract/registry.h"

struct sy_policy;
struct sy_snapshot;

/*
 * Builds a snapshot that owns copies of everything it needs. `policy` must outlive it (it is built
 * into the same arena by the caller, or is static). Implemented by resolve/. Rows in it are without
 * their cold columns (notes, owner, mcp_server, extra), which only the store has.
 */
int sy_snapshot_build(const struct sy_registry *registry, const struct sy_policy *policy,
                      struct sy_snapshot **ret_snapshot, struct sy_err *err);
void sy_snapshot_free(struct sy_snapshot *snapshot);

int64_t sy_snapshot_version(const struct sy_snapshot *snapshot);
const struct sy_policy *sy_snapshot_policy(const struct sy_snapshot *snapshot);
/* By the SHA-256 of the presented secret; NULL if unknown or revoked. */
const struct sy_key *sy_snapshot_key(const struct sy_snapshot *snapshot,
                                     const unsigned char hash[32]);
const struct sy_tenant *sy_snapshot_tenant(const struct sy_snapshot *snapshot, struct sy_str name);
bool sy_snapshot_quarantined(const struct sy_snapshot *snapshot, struct sy_str vendor);

/* A toolkit by any spelling: canonical name, vendor slug or alias, normalised. */
struct sy_toolkit {
    struct sy_str name;
    const struct sy_row *rows;
    size_t row_count;
    const struct sy_toolkit_facts *facts; /* or NULL */
};
const struct sy_toolkit *sy_snapshot_toolkit(const struct sy_snapshot *snapshot,
                                             struct sy_str any_spelling);
/* In name order, for listings. */
size_t sy_snapshot_toolkit_count(const struct sy_snapshot *snapshot);
const struct sy_toolkit *sy_snapshot_toolkit_at(const struct sy_snapshot *snapshot, size_t index);
/* Map row by canonical tool name or alias or a vendor's exact name (normalised), at `vendor`
 * (absent: any vendor: the first). Candidates are returned too; look at ->match. */
const struct sy_tool_map *sy_snapshot_map(const struct sy_snapshot *snapshot, struct sy_str tool,
                                          struct sy_str vendor);
/* All map rows of one canonical tool. */
const struct sy_tool_map *const *sy_snapshot_maps_of(const struct sy_snapshot *snapshot,
                                                     struct sy_str canonical_tool,
                                                     size_t *ret_count);
/* Up to `max` toolkit names within `distance` edits (after normalisation), nearest first. */
size_t sy_snapshot_near_toolkits(const struct sy_snapshot *snapshot, struct sy_str name,
                                 unsigned distance, struct sy_str *ret_names, size_t max);
/* Up to `max` mapped tool names of a toolkit that resemble `tool`. */
size_t sy_snapshot_near_tools(const struct sy_snapshot *snapshot, struct sy_str toolkit,
                              struct sy_str tool, struct sy_str *ret_names, size_t max);

#endif
