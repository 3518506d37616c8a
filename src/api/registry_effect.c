/* ?dry_run=true: what the rows would be, and what would be decided by them. */
#include "api/registry_change.h"

#include "vendors/vendors.h"

/* A second registry in which the toolkit has its new rows; shares everything else. */
static bool registry_after(struct api_job *job, const struct change_state *state,
                           struct sy_registry *ret)
{
    const struct sy_registry *from = &state->registry;
    struct sy_row *rows =
        sy_arena_array(&job->mem, from->row_count + state->after.count + 1, sizeof(*rows));
    struct sy_toolkit_facts *facts =
        sy_arena_array(&job->mem, from->toolkit_count + 2, sizeof(*facts));

    *ret = *from;
    ret->row_count = ret->toolkit_count = 0;
    if (!rows || !facts)
        return false;
    for (size_t i = 0; i < from->row_count; i++)
        if (!sy_str_eq(from->rows[i].toolkit, state->toolkit))
            rows[ret->row_count++] = from->rows[i];
    for (size_t i = 0; i < state->after.count; i++)
        rows[ret->row_count++] = state->after.rows[i];
    for (size_t i = 0; i < from->toolkit_count; i++)
        if (!sy_str_eq(from->toolkits[i].toolkit, state->toolkit))
            facts[ret->toolkit_count++] = from->toolkits[i];
    if (state->after.count && state->after.facts) {
        facts[ret->toolkit_count] = *state->after.facts;
        facts[ret->toolkit_count++].toolkit = state->toolkit;
    }
    ret->rows = rows;
    ret->toolkits = facts;
    return true;
}

static bool decide(struct api_job *job, const struct sy_snapshot *snapshot, struct sy_str toolkit,
                   struct sy_decision *ret)
{
    const struct change_input *in = job->in;
    struct sy_resolve_facts facts = {
        .now_unix_ms = job->note.at_ms,
        .broken = in->broken,
        .broken_count = in->broken_count,
        .absent = in->absent,
        .absent_count = in->absent_count,
    };
    struct sy_resolve_request what = {
        .toolkit = toolkit, .tenant = in->tenant, .environment = in->environment};

    facts.vendors = sy_vendors(&facts.vendor_count);
    return sy_resolve(snapshot, &what, &facts, &job->mem, ret) == SY_OK;
}

/* Without the versions, so that equal decisions read equal. */
static struct sy_str decision_json(struct api_job *job, const struct sy_decision *decision)
{
    static const char *const kinds[] = {
        [SY_DECIDED] = "route", [SY_DECIDED_PROBE] = "probe", [SY_DECIDED_NOT] = "refuse"};
    struct sy_json_writer w;
    struct sy_buf out;

    sy_buf_init_arena(&out, &job->mem, API_ANSWER_MAX);
    sy_jw_init(&w, &out);
    sy_jw_object(&w);
    sy_jw_member_z(&w, "decision", kinds[decision->kind]);
    sy_jw_name(&w, "candidates");
    sy_jw_array(&w);
    for (unsigned i = 0; i < decision->candidate_count; i++) {
        sy_jw_object(&w);
        sy_jw_member_z(&w, "path", sy_path_name(decision->candidates[i].path));
        sy_jw_member_str(&w, "vendor", decision->candidates[i].vendor);
        sy_jw_member_str(&w, "vendor_slug", decision->candidates[i].target.vendor_slug);
        sy_jw_member_z(&w, "state", sy_row_state_name(decision->candidates[i].state));
        sy_jw_object_end(&w);
    }
    sy_jw_array_end(&w);
    if (decision->kind == SY_DECIDED_NOT)
        sy_jw_member_z(&w, "code", sy_code_name(decision->failure.code));
    sy_jw_object_end(&w);
    return sy_buf_str(&out);
}

static void write_effect(struct api_job *job, const struct change_state *state,
                         const struct sy_decision *before, const struct sy_decision *after)
{
    struct sy_str old_json = decision_json(job, before), new_json = decision_json(job, after);
    struct sy_json_writer *w = &job->w;

    sy_jw_object(w);
    sy_jw_member_bool(w, "dry_run", true);
    sy_jw_member_str(w, "toolkit", state->toolkit);
    sy_jw_name(w, "before");
    api_rows_write(w, &state->before);
    sy_jw_name(w, "after");
    api_rows_write(w, &state->after);
    sy_jw_name(w, "decision");
    sy_jw_object(w);
    sy_jw_member_bool(w, "changes", !sy_str_eq(old_json, new_json));
    sy_jw_member_raw(w, "before", old_json);
    sy_jw_member_raw(w, "after", new_json);
    sy_jw_object_end(w);
    sy_jw_object_end(w);
    job->status = 200;
}

void api_change_effect(struct api_job *job, const struct change_state *state)
{
    const struct sy_snapshot *now = sy_engine_published(api_job_engine(job));
    struct sy_decision *before = sy_arena_zalloc(&job->mem, sizeof(*before));
    struct sy_decision *after = sy_arena_zalloc(&job->mem, sizeof(*after));
    struct sy_failure failure = api_failure_of(SY_NOMEM, (struct sy_str){NULL, 0});
    struct sy_snapshot *then = NULL;
    struct sy_err err = SY_ERR_INIT;
    struct sy_registry registry;

    if (!before || !after || !registry_after(job, state, &registry)) {
        api_job_fail(job, &failure);
        return;
    }
    if (!api_job_check(job, sy_snapshot_build(&registry, sy_snapshot_policy(now), &then, &err),
                       &err))
        return;
    if (decide(job, now, state->toolkit, before) && decide(job, then, state->toolkit, after))
        write_effect(job, state, before, after);
    else
        api_job_fail(job, &failure);
    sy_snapshot_free(then);
}
