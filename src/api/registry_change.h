/*
 * A change of one toolkit: preconditions, the rows it would have, and the effect of a dry run.
 */
#ifndef SY_API_REGISTRY_CHANGE_H
#define SY_API_REGISTRY_CHANGE_H

#include "api/api_int.h"

enum change_kind { CHANGE_PUT, CHANGE_PATCH, CHANGE_DELETE };

/* What the request says; made on the loop, read by the work. */
struct change_input {
    enum change_kind kind;
    struct sy_str toolkit; /* as in the path */
    struct sy_str body;
    struct sy_str vendor;   /* DELETE: one row alone */
    struct sy_str if_match; /* the list of If-Match, absent without one */
    bool if_none_match;     /* If-None-Match: * */
    bool dry_run;
    /* For the decisions of a dry run. */
    struct sy_str tenant, environment;
    struct sy_str broken[SY_VENDORS_MAX], absent[SY_VENDORS_MAX];
    size_t broken_count, absent_count;
};

/* The toolkit as it stands and as it is to be. */
struct change_state {
    struct sy_registry registry;
    struct sy_str toolkit; /* canonical */
    struct api_rows before, after;
    struct sy_change change;
    struct sy_row deleted; /* names the vendor of a DELETE_ROW */
    struct sy_toolkit_facts facts;
};

/* Whether the version satisfies If-Match ("41", a list, or *) and If-None-Match. Pure. */
bool api_change_permitted(const struct change_input *in, int64_t version);
/*
 * The JSON rows that `patches` (a JSON array of partial rows) make of `before`: rows are told by
 * their vendor, null removes a member, an unknown vendor adds a row. Faults go to `errors`; then
 * the answer is absent.
 */
struct sy_str api_rows_patched(const struct api_rows *before, struct sy_str patches,
                               struct api_errors *errors);
/* {"dry_run":true, toolkit, before, after, decision} into the job's answer. */
void api_change_effect(struct api_job *job, const struct change_state *state);

#endif
