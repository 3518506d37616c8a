/*
 * The immutable picture the resolver reads: registry + policy, packed and indexed. Built off the
 * loops, swapped whole, freed when every loop has moved on. All reads are pure and O(1) or
 * O(candidates).
 *
 * A snapshot is a base, which it shares with others, and a few edits over it: after a small change
 * only the edits are built anew. What is read is the same as from one that was built at once.
 */
#ifndef SY_CONTRACT_SNAPSHOT_H
#define SY_CONTRACT_SNAPSHOT_H

#include "contract/registry.h"

struct sy_policy;
struct sy_snapshot;
struct sy_segment;

/*
 * Builds a snapshot that owns copies of everything it needs. `policy` must outlive it (it is built
 * into the same arena by the caller, or is static). Implemented by resolve/. Rows in it are without
 * their cold columns (notes, owner, mcp_server, extra, changed_at), which only the store has.
 * Facts belong to the toolkit of exactly their name; without a row they are dropped.
 */
int sy_snapshot_build(const struct sy_registry *registry, const struct sy_policy *policy,
                      struct sy_snapshot **ret_snapshot, struct sy_err *err);

/*
 * A snapshot over the base of `old` (which is only read). `changes` are all since that base was
 * built, those that `old` has included. SY_NOMEM.
 */
int sy_snapshot_edit(const struct sy_snapshot *old, const struct sy_registry_changes *changes,
                     const struct sy_policy *policy, struct sy_snapshot **ret_snapshot,
                     struct sy_err *err);
/* The registry's version when the base was built. */
int64_t sy_snapshot_base_version(const struct sy_snapshot *snapshot);
/* How many toolkits and families the snapshot has over its base. */
size_t sy_snapshot_edits(const struct sy_snapshot *snapshot);
/* A second handle on the same base and edits, without tenants, keys, quarantine and policy: for
 * sy_snapshot_fold on another thread while the first is freed. NULL without memory. */
struct sy_snapshot *sy_snapshot_share(const struct sy_snapshot *snapshot);
/* A snapshot whose base has the edits in it: for sy_snapshot_edit with the changes since. Without
 * tenants, keys, quarantine and policy. Takes as long as a build; any thread. */
int sy_snapshot_fold(const struct sy_snapshot *snapshot, struct sy_snapshot **ret_snapshot,
                     struct sy_err *err);
/* Frees; a base goes with the last snapshot that has it. */
void sy_snapshot_free(struct sy_snapshot *snapshot);
/* Resident bytes, and how many rows and map rows they hold. */
size_t sy_snapshot_bytes(const struct sy_snapshot *snapshot, size_t *ret_rows);

int64_t sy_snapshot_version(const struct sy_snapshot *snapshot);
const struct sy_policy *sy_snapshot_policy(const struct sy_snapshot *snapshot);
/* By the SHA-256 of the presented secret; NULL if unknown or revoked. */
const struct sy_key *sy_snapshot_key(const struct sy_snapshot *snapshot,
                                     const unsigned char hash[32]);
const struct sy_tenant *sy_snapshot_tenant(const struct sy_snapshot *snapshot, struct sy_str name);
bool sy_snapshot_quarantined(const struct sy_snapshot *snapshot, struct sy_str vendor);

/* A toolkit with its packed rows; slices live as long as the snapshot. */
struct sy_toolkit {
    struct sy_str name;
    size_t row_count;
    size_t alias_count;
    bool has_criticality;
    enum sy_criticality criticality; /* LOW if not stated */
    const struct sy_segment *segment;
    const unsigned char *rows;
    const unsigned char *aliases;
};
/* By any spelling: canonical name, vendor slug or alias, normalised. False: there is none. */
bool sy_snapshot_toolkit(const struct sy_snapshot *snapshot, struct sy_str any_spelling,
                         struct sy_toolkit *ret);
/* The row as the snapshot has it, slices borrowed; false past the last. O(index). */
bool sy_toolkit_row(const struct sy_toolkit *toolkit, size_t index, struct sy_row *ret);
/* Absent past the last. O(index). */
struct sy_str sy_toolkit_alias(const struct sy_toolkit *toolkit, size_t index);
size_t sy_snapshot_toolkit_count(const struct sy_snapshot *snapshot);
/* In name order, for listings: the first toolkit after `name` (absent: of all). */
bool sy_snapshot_toolkit_after(const struct sy_snapshot *snapshot, struct sy_str name,
                               struct sy_toolkit *ret);

/* Up to `max` toolkit names within `distance` edits, two at most (after normalisation), nearest
 * first. Bounded work: where thousands of names are alike, some may be left out. */
size_t sy_snapshot_near_toolkits(const struct sy_snapshot *snapshot, struct sy_str name,
                                 unsigned distance, struct sy_str *ret_names, size_t max);
/* Up to `max` mapped tool names of a toolkit that resemble `tool`. */
size_t sy_snapshot_near_tools(const struct sy_snapshot *snapshot, struct sy_str toolkit,
                              struct sy_str tool, struct sy_str *ret_names, size_t max);

#endif
