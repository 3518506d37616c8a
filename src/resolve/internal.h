/* The resolver's working state; for its own files. */
#ifndef SY_RESOLVE_INTERNAL_H
#define SY_RESOLVE_INTERNAL_H

#include "resolve/resolve.h"
#include "resolve/snapshot.h"

/* Why a row is no candidate; in the order in which they are asked. */
enum sy_out {
    SY_OUT_NOT = 0,
    SY_OUT_EXPIRED, /* a probe's memory has ended */
    SY_OUT_BLOCKED,
    SY_OUT_ORDER, /* its path or vendor is not in the policy's order */
    SY_OUT_ADR,
    SY_OUT_ENVIRONMENT,
    SY_OUT_DENIED,
    SY_OUT_AVOID,
    SY_OUT_USE,
    SY_OUT_PIN,
    SY_OUT_QUARANTINED, /* from here on policy had left it */
    SY_OUT_ABSENT,
    SY_OUT_SUBJECT,
};

/* One row under consideration. */
struct sy_entry {
    struct sy_route route;
    struct sy_str vendor; /* "pending" for rows that wait, whoever is awaited */
    enum sy_path path;
    enum sy_out out;
    struct sy_str rule;              /* DENIED, AVOID, USE: which */
    const struct sy_vendor *adapter; /* or NULL */
    size_t adapter_index;
    bool broken;
    unsigned use_rank;
    unsigned path_rank;
    unsigned vendor_rank;
};

struct sy_resolution {
    const struct sy_snapshot *snapshot;
    const struct sy_policy *policy;
    const struct sy_resolve_request *request;
    const struct sy_resolve_facts *facts;
    struct sy_arena *arena;
    struct sy_decision *ret;

    struct sy_str pin;     /* vendor pinned by name or account, or absent */
    struct sy_str account; /* the vendor's own id, or absent */

    bool listed; /* `toolkit` is set */
    bool mapped; /* `group` is set: a map row that routes */
    struct sy_toolkit toolkit;
    struct sy_tool_group group;
    struct sy_str guess; /* unlisted: what the toolkit is probably called */

    struct sy_policy_verdict verdict;
    struct sy_entry entries[SY_CANDIDATES_MAX];
    unsigned entry_count;
    bool mem_failed;
};

/* ---- names.c ---- */

/* Toolkit, canonical tool and action of the request into the resolution and decision. */
void sy_resolve_name(struct sy_resolution *r);

/* ---- candidates.c ---- */

void sy_resolve_entries(struct sy_resolution *r);
/* Orders what is left and makes candidates of it. False: the decision is a refusal, set here. */
bool sy_resolve_candidates(struct sy_resolution *r);
struct sy_str sy_row_words(const struct sy_resolution *r, const struct sy_route *row, bool version);

/* ---- explain.c ---- */

void sy_resolve_explain(struct sy_resolution *r);

/* ---- refuse.c ---- */

void sy_refuse(struct sy_resolution *r, enum sy_code code, enum sy_cause cause,
               struct sy_str detail);
/* invalid_request with one pointer. */
void sy_refuse_field(struct sy_resolution *r, enum sy_cause cause, const char *pointer,
                     const char *detail);
/* No candidate is left: which of the reasons the caller is told. */
void sy_refuse_nothing_left(struct sy_resolution *r);
/* No row: what to probe, or the refusal. */
void sy_resolve_unlisted(struct sy_resolution *r);
/* Known toolkit, no action in the name. */
void sy_refuse_no_action(struct sy_resolution *r);

/* ---- helpers ---- */

struct sy_str sy_words(const struct sy_resolution *r, const struct sy_str *parts, size_t count);
#define SY_WORDS(r, ...)                                                                           \
    sy_words((r), (const struct sy_str[]){__VA_ARGS__},                                            \
             sizeof((const struct sy_str[]){__VA_ARGS__}) / sizeof(struct sy_str))
/* Decimal text in the arena. */
struct sy_str sy_number(const struct sy_resolution *r, int64_t number);
bool sy_in_list(struct sy_str name, const struct sy_str *list, size_t count);
const struct sy_vendor *sy_adapter(const struct sy_resolve_facts *facts, struct sy_str name,
                                   size_t *ret_index);

#endif
