/*
 * The decision: which routes a call may take, in which order, and every reason for and against.
 *
 * Pure over a snapshot: the same snapshot, request and facts give the same decision, byte for byte.
 * The decision owns copies in the caller's arena; no pointer into the snapshot outlives the call.
 */
#ifndef SY_RESOLVE_RESOLVE_H
#define SY_RESOLVE_RESOLVE_H

#include "base/json.h"
#include "contract/snapshot.h"
#include "policy/policy.h"

#define SY_CANDIDATES_MAX 16

struct sy_resolve_request {
    struct sy_str tool;    /* as the caller wrote it, or absent when toolkit alone is resolved */
    struct sy_str toolkit; /* explicit toolkit, or absent */
    struct sy_str vendor;  /* pinned, or absent */
    struct sy_str user_id; /* absent: shared */
    struct sy_str tenant;
    struct sy_str environment;
    struct sy_str account; /* connection_id as given: "composio:ca_…", or absent */
    bool brief;            /* nobody will ask why: considered stays empty */
};

/* What is true at this moment besides the snapshot; recorded with the decision. */
struct sy_resolve_facts {
    int64_t now_unix_ms;
    const struct sy_str *broken; /* vendors whose breaker is open: said, not reordered */
    size_t broken_count;
    const struct sy_str *absent; /* vendors without adapter or credentials */
    size_t absent_count;
    const struct sy_vendor *const *vendors; /* adapters, for tool names and limits */
    size_t vendor_count;
};

/* A route the call may take. */
struct sy_candidate {
    struct sy_target target;
    struct sy_str vendor;
    size_t vendor_index; /* into facts->vendors */
    enum sy_path path;
    enum sy_row_state state;
    int64_t row_version;
    struct sy_str vendor_tool;
    bool mapped; /* an exact or reviewed map row stands behind vendor_tool */
    const struct sy_pair *renames;
    size_t rename_count;
    enum sy_effect effect;
    struct sy_str subject;
    struct sy_str account; /* pinned raw account id at this vendor */
    struct sy_str secret;  /* worker: named secret */
    struct sy_str adr;
    struct sy_str warning;
};

/* Why each vendor of order and native was taken or left: for explain. */
struct sy_consideration {
    struct sy_str vendor;
    enum sy_path path;
    bool taken;
    struct sy_str reason; /* "row gmail/composio LIVE (version 41)", "no row" */
};

enum sy_decision_kind {
    SY_DECIDED,       /* candidates[0..] in order */
    SY_DECIDED_PROBE, /* unlisted toolkit: probe_vendors are to be asked for probe_slug */
    SY_DECIDED_NOT,   /* failure says why */
};

struct sy_decision {
    enum sy_decision_kind kind;
    struct sy_str toolkit; /* canonical, or as understood */
    struct sy_str tool;    /* canonical name, absent for a toolkit decision */
    struct sy_str action;  /* the tool name without its toolkit */
    enum sy_effect effect;
    int64_t snapshot_version;
    struct sy_str policy_digest;
    struct sy_candidate
        *candidates; /* this array and those below: as many as needed, in the arena */
    unsigned candidate_count;
    struct sy_consideration *considered;
    unsigned considered_count;
    struct sy_str because[4]; /* the short reasons for candidates[0] */
    unsigned because_count;
    struct sy_str probe_slug;
    struct sy_str *probe_vendors;
    unsigned probe_count;
    struct sy_failure failure; /* NOT: the answer. PROBE: the answer if nobody asked has it */
    bool opens_case;           /* that answer is toolkit_missing, and no near miss */
};

/* Always fills *ret (a refusal is a decision, too); SY_NOMEM only when the arena is exhausted. */
int sy_resolve(const struct sy_snapshot *snapshot, const struct sy_resolve_request *request,
               const struct sy_resolve_facts *facts, struct sy_arena *arena,
               struct sy_decision *ret);
/* The decision as /v1/resolve and `explain: true` show it: members of an open object. */
void sy_decision_write(struct sy_json_writer *w, const struct sy_decision *decision, bool explain);

/*
 * Arguments as a candidate's map wants them: only renamed keys change, every other octet stays. The
 * result may be several slices of the original and new keys, joined into one in `arena` only if a
 * rename applied. SY_INVALID with *ret_failure when a rename collides with another argument.
 */
int sy_resolve_arguments(const struct sy_candidate *candidate, struct sy_str arguments,
                         struct sy_arena *arena, struct sy_str *ret_arguments,
                         struct sy_failure *ret_failure);

#endif
