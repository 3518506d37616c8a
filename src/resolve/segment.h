/*
 * A segment: packed units and the indexes over them, immutable once built. A snapshot is one large
 * segment, shared with the snapshots before and after it, and a small one with what was edited
 * since.
 */
#ifndef SY_RESOLVE_SEGMENT_H
#define SY_RESOLVE_SEGMENT_H

#include <stdatomic.h>

#include "base/arena.h"
#include "contract/snapshot.h"
#include "resolve/index.h"
#include "resolve/pack.h"

#define SY_SEGMENT_VENDORS_MAX 255u
#define SY_NEAR_DISTANCE_MAX 2u

/* Which spellings share pieces with a name; see near.c. */
struct sy_near {
    uint32_t *starts; /* buckets + 1 */
    uint32_t *spellings;
    uint32_t *counts; /* beside each: how often characters occur */
    uint32_t buckets;
};

struct sy_segment {
    atomic_uint refs;
    int64_t version; /* of the registry that it was built from */
    struct sy_pool pool;
    uint32_t *toolkits; /* places of units, in name order */
    uint32_t *families;
    size_t toolkit_count, family_count, row_count, map_count;
    struct sy_index by_toolkit; /* to spellings, normalised */
    struct sy_index by_tool;    /* to spellings, folded */
    size_t toolkit_keys, tool_keys;
    struct sy_near near;
    struct sy_arena names; /* vendors' */
    struct sy_str vendors[SY_SEGMENT_VENDORS_MAX];
    unsigned vendor_count;
};

/* All map rows of one canonical tool. Slices are the segment's. */
struct sy_tool_group {
    struct sy_str tool;
    struct sy_str toolkit;
    bool routes;           /* at least one map is exact or reviewed */
    enum sy_effect effect; /* the gravest that such a map states */
    unsigned map_count;
    const unsigned char *maps;
    const struct sy_segment *segment;
};

/* A row as far as a decision looks at it before it takes it. */
struct sy_route {
    struct sy_str toolkit, vendor;
    enum sy_row_state state;
    unsigned flags; /* enum sy_pack_flag */
    int64_t version_number, rank, expires_at_ms, requested_at_ms, due_at_ms;
    const unsigned char *texts;
};

/* ---- building ---- */

/* From a registry; vendors are numbered as in `like` and on from there, if it is given. Rows of one
 * toolkit keep their order. SY_NOMEM, also when units outgrow their 4 GiB. */
int sy_segment_build(const struct sy_registry *registry, const struct sy_segment *like,
                     struct sy_segment **ret, struct sy_err *err);
struct sy_segment *sy_segment_new(const struct sy_segment *like);
/* Units in their order: one that stands elsewhere, and the end, which builds the indexes. */
void sy_segment_copy_toolkit(struct sy_segment *segment, const struct sy_segment *from,
                             uint32_t unit);
void sy_segment_copy_family(struct sy_segment *segment, const struct sy_segment *from,
                            uint32_t unit);
int sy_segment_room(struct sy_segment *segment, size_t toolkits, size_t families);
int sy_segment_finish(struct sy_segment *segment);
struct sy_segment *sy_segment_ref(struct sy_segment *segment);
void sy_segment_unref(struct sy_segment *segment);
size_t sy_segment_bytes(const struct sy_segment *segment);

/* pack_write.c: one unit at the end of the pool. Pointers, because the caller has sorted them. */
void sy_segment_add_toolkit(struct sy_segment *segment, const struct sy_row *const *rows,
                            size_t count, const struct sy_toolkit_facts *facts);
void sy_segment_add_family(struct sy_segment *segment, const struct sy_tool_map *const *maps,
                           size_t count);

/* ---- reading ---- */

/* What a spelling names: the place of a toolkit or a group. */
uint32_t sy_spelling_named(const struct sy_segment *segment, uint32_t spelling);
enum sy_spelling_class sy_spelling_class(const struct sy_segment *segment, uint32_t spelling);
struct sy_str sy_spelling_text(const struct sy_segment *segment, uint32_t spelling);

void sy_toolkit_read(const struct sy_segment *segment, uint32_t unit, struct sy_toolkit *ret);
/* Reads the row at `*at` (toolkit->rows at first) and moves to the next. */
void sy_route_take(const struct sy_toolkit *toolkit, const unsigned char **at,
                   struct sy_route *ret);
/* Everything that the snapshot keeps of it. */
void sy_route_row(const struct sy_route *route, struct sy_row *ret);

struct sy_str sy_family_read(const struct sy_segment *segment, uint32_t unit, size_t *ret_groups,
                             uint32_t *ret_first);
uint32_t sy_group_family(const struct sy_segment *segment, uint32_t group);
void sy_group_read(const struct sy_segment *segment, uint32_t group, struct sy_tool_group *ret);
struct sy_map {
    struct sy_str vendor;
    enum sy_match match;
    enum sy_effect effect;
    unsigned how;              /* SY_PACK_TOOL_… */
    struct sy_str vendor_tool; /* in small letters yet if SY_PACK_TOOL_UPPER */
    unsigned rename_count, alias_count;
    const unsigned char *renames; /* texts: name, value, … */
    const unsigned char *aliases; /* spellings */
};
void sy_map_take(const struct sy_tool_group *group, const unsigned char **at, struct sy_map *ret);

/* Place of the toolkit or family of exactly this name, or 0. */
uint32_t sy_segment_toolkit(const struct sy_segment *segment, struct sy_str name);
uint32_t sy_segment_family(const struct sy_segment *segment, struct sy_str toolkit);
/* Number of the first toolkit after `name` (absent: of all) in name order. */
size_t sy_segment_after(const struct sy_segment *segment, struct sy_str name);

/* Lower case, '-' and ' ' as '_': how tools' names are compared. out: at least name.len bytes. */
struct sy_str sy_tool_fold(struct sy_str name, char *out);
/* Whether a spelling, normalised or folded, is this key. */
bool sy_toolkit_is(struct sy_str spelling, struct sy_str normal_key);
bool sy_tool_is(struct sy_str spelling, struct sy_str folded_key);

/* ---- near.c ---- */

int sy_near_build(struct sy_segment *segment);
void sy_near_release(struct sy_near *near);
size_t sy_near_bytes(const struct sy_segment *segment);
/* Calls `found` once for each spelling that is likely within SY_NEAR_DISTANCE_MAX of
 * `key`, normalised. None that is within is left out, unless more names than a bound are alike. */
void sy_near_walk(const struct sy_segment *segment, struct sy_str key,
                  void (*found)(void *ctx, const struct sy_segment *segment, uint32_t spelling),
                  void *ctx);

#endif
