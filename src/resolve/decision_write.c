/* The decision as JSON: /v1/resolve, `explain: true`, and the ledger's record of it. */
#include "resolve/resolve.h"

static void write_names(struct sy_json_writer *w, const char *name, const struct sy_str *list,
                        unsigned count)
{
    sy_jw_name(w, name);
    sy_jw_array(w);
    for (unsigned i = 0; i < count; i++)
        sy_jw_str(w, list[i]);
    sy_jw_array_end(w);
}

static void write_candidate(struct sy_json_writer *w, const struct sy_candidate *c)
{
    sy_jw_object(w);
    sy_jw_member_z(w, "path", sy_path_name(c->path));
    sy_jw_member_str(w, "vendor", c->vendor);
    sy_jw_opt_str(w, "vendor_tool", c->vendor_tool);
    sy_jw_member_str(w, "vendor_slug", c->target.vendor_slug);
    sy_jw_member_z(w, "state", sy_row_state_name(c->state));
    sy_jw_member_i64(w, "row_version", c->row_version);
    if (c->vendor_tool.ptr) {
        sy_jw_member_bool(w, "mapped", c->mapped);
        sy_jw_member_z(w, "effect", sy_effect_name(c->effect));
    }
    sy_jw_member_str(w, "subject", c->subject);
    sy_jw_opt_str(w, "account", c->account);
    sy_jw_opt_str(w, "adr", c->adr);
    sy_jw_opt_str(w, "warning", c->warning);
    sy_jw_object_end(w);
}

static void write_considered(struct sy_json_writer *w, const struct sy_decision *d)
{
    sy_jw_name(w, "considered");
    sy_jw_array(w);
    for (unsigned i = 0; i < d->considered_count; i++) {
        sy_jw_object(w);
        sy_jw_member_str(w, "vendor", d->considered[i].vendor);
        sy_jw_member_z(w, "path", sy_path_name(d->considered[i].path));
        sy_jw_member_bool(w, "taken", d->considered[i].taken);
        sy_jw_member_str(w, "reason", d->considered[i].reason);
        sy_jw_object_end(w);
    }
    sy_jw_array_end(w);
}

static void write_probe(struct sy_json_writer *w, const struct sy_decision *d)
{
    sy_jw_name(w, "probe");
    sy_jw_object(w);
    sy_jw_member_str(w, "slug", d->probe_slug);
    write_names(w, "vendors", d->probe_vendors, d->probe_count);
    sy_jw_object_end(w);
}

/* For a probe: what the answer would be if every vendor asked has nothing. */
static void write_refusal(struct sy_json_writer *w, const struct sy_decision *d)
{
    const struct sy_failure *f = &d->failure;

    sy_jw_name(w, d->kind == SY_DECIDED_PROBE ? "otherwise" : "refusal");
    sy_jw_object(w);
    sy_jw_member_z(w, "code", sy_code_name(f->code));
    if (f->cause != SY_CAUSE_NONE)
        sy_jw_member_z(w, "cause", sy_cause_word(f->cause));
    sy_jw_opt_str(w, "detail", f->detail);
    if (f->errors.ptr)
        sy_jw_member_raw(w, "errors", f->errors);
    if (f->rules.ptr)
        sy_jw_member_raw(w, "rules", f->rules);
    if (f->suggestions.ptr)
        sy_jw_member_raw(w, "suggestions", f->suggestions);
    if (f->code == SY_CODE_TOOLKIT_PENDING) {
        sy_jw_opt_str(w, "issue_url", f->issue_url);
        sy_jw_member_time(w, "requested_at", f->requested_at_ms);
        sy_jw_member_time(w, "due_at", f->due_at_ms);
    }
    if (f->code == SY_CODE_TOOLKIT_MISSING)
        sy_jw_member_bool(w, "opens_case", d->opens_case);
    sy_jw_object_end(w);
}

void sy_decision_write(struct sy_json_writer *w, const struct sy_decision *d, bool explain)
{
    static const char *const KINDS[] = {
        [SY_DECIDED] = "route", [SY_DECIDED_PROBE] = "probe", [SY_DECIDED_NOT] = "refuse"};

    sy_jw_member_z(w, "decision", KINDS[d->kind]);
    sy_jw_opt_str(w, "toolkit", d->toolkit);
    sy_jw_opt_str(w, "tool", d->tool);
    if (d->tool.ptr)
        sy_jw_member_z(w, "effect", sy_effect_name(d->effect));
    sy_jw_name(w, "candidates");
    sy_jw_array(w);
    for (unsigned i = 0; i < d->candidate_count; i++)
        write_candidate(w, &d->candidates[i]);
    sy_jw_array_end(w);
    write_names(w, "because", d->because, d->because_count);
    if (d->kind == SY_DECIDED_PROBE)
        write_probe(w, d);
    if (d->kind != SY_DECIDED)
        write_refusal(w, d);
    if (explain)
        write_considered(w, d);
    sy_jw_member_i64(w, "registry_version", d->snapshot_version);
    sy_jw_member_str(w, "policy_digest", d->policy_digest);
}
