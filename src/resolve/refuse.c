/* Refusals: which code and cause the caller is told, and what goes with it. */
#include "resolve/internal.h"

#define SUGGESTIONS_MAX 5
#define NEAR_EDITS 2u
#define JSON_MAX (16u << 10)

void sy_refuse(struct sy_resolution *r, enum sy_code code, enum sy_cause cause,
               struct sy_str detail)
{
    r->ret->kind = SY_DECIDED_NOT;
    r->ret->candidate_count = 0;
    r->ret->failure = (struct sy_failure){.code = code, .cause = cause, .detail = detail};
}

void sy_refuse_field(struct sy_resolution *r, enum sy_cause cause, const char *pointer,
                     const char *detail)
{
    struct sy_json_writer w;
    struct sy_buf out;

    sy_refuse(r, SY_CODE_INVALID_REQUEST, cause, sy_str_of(detail));
    sy_buf_init_arena(&out, r->arena, JSON_MAX);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    sy_jw_object(&w);
    sy_jw_member_z(&w, "pointer", pointer);
    sy_jw_member_z(&w, "detail", detail);
    sy_jw_object_end(&w);
    sy_jw_array_end(&w);
    r->ret->failure.errors = sy_buf_str(&out);
}

static struct sy_str names_json(struct sy_resolution *r, const struct sy_str *names, size_t count)
{
    struct sy_json_writer w;
    struct sy_buf out;

    sy_buf_init_arena(&out, r->arena, JSON_MAX);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    for (size_t i = 0; i < count; i++)
        sy_jw_str(&w, names[i]);
    sy_jw_array_end(&w);
    return sy_buf_str(&out);
}

/* ---- a known toolkit without a candidate ---- */

/* Every rule that removed a row, with the vendor it removed. */
static struct sy_str rules_json(struct sy_resolution *r)
{
    struct sy_json_writer w;
    struct sy_buf out;

    sy_buf_init_arena(&out, r->arena, JSON_MAX);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    for (unsigned i = 0; i < r->entry_count; i++) {
        const struct sy_entry *entry = &r->entries[i];
        if (entry->rule.len == 0)
            continue;
        sy_jw_object(&w);
        sy_jw_member_str(&w, "rule", entry->rule);
        sy_jw_member_str(&w, "removed", entry->vendor);
        sy_jw_member_z(&w, "why",
                       entry->out == SY_OUT_DENIED  ? "deny"
                       : entry->out == SY_OUT_AVOID ? "avoid"
                                                    : "use names others");
        sy_jw_object_end(&w);
    }
    if (r->entry_count == 0 && r->verdict.denied) {
        sy_jw_object(&w);
        sy_jw_member_str(&w, "rule", r->verdict.deny_rule);
        sy_jw_member_z(&w, "why", "deny");
        sy_jw_object_end(&w);
    }
    sy_jw_array_end(&w);
    return sy_buf_str(&out);
}

static const struct sy_entry *first_out(const struct sy_resolution *r, enum sy_out out)
{
    for (unsigned i = 0; i < r->entry_count; i++) {
        if (r->entries[i].out == out)
            return &r->entries[i];
    }
    return NULL;
}

static void refuse_denied(struct sy_resolution *r, enum sy_cause cause, struct sy_str detail)
{
    sy_refuse(r, SY_CODE_POLICY_DENIED, cause, detail);
    r->ret->failure.rules = rules_json(r);
}

static void refuse_pending(struct sy_resolution *r, const struct sy_route *route)
{
    struct sy_failure *f = &r->ret->failure;
    struct sy_row row;

    sy_route_row(route, &row);
    sy_refuse(r, SY_CODE_TOOLKIT_PENDING, SY_CAUSE_NONE,
              SY_WORDS(r, row.toolkit, SY_STR(" waits for native support")));
    f->issue_url = sy_arena_copy(r->arena, row.issue_url);
    f->requested_at_ms = row.requested_at_ms;
    f->due_at_ms = row.due_at_ms;
}

/* Policy had left these, and none can be used now; false if there is none. */
static bool refuse_unavailable(struct sy_resolution *r)
{
    const struct sy_entry *quarantined = first_out(r, SY_OUT_QUARANTINED);
    const struct sy_entry *absent = first_out(r, SY_OUT_ABSENT);

    for (unsigned i = 0; i < r->entry_count; i++) {
        if (r->entries[i].path == SY_PATH_PENDING && r->entries[i].out == SY_OUT_ABSENT) {
            refuse_pending(r, &r->entries[i].route); /* needs no adapter to be said */
            return true;
        }
    }
    if (quarantined)
        sy_refuse(r, SY_CODE_VENDOR_UNAVAILABLE, SY_CAUSE_QUARANTINED,
                  SY_WORDS(r, quarantined->vendor, SY_STR(" is quarantined")));
    else if (absent)
        sy_refuse(r, SY_CODE_VENDOR_UNAVAILABLE, SY_CAUSE_NO_CREDENTIALS,
                  SY_WORDS(r, absent->vendor, SY_STR(" has no usable credentials")));
    /* Neither is the vendor's to mend. */
    if (quarantined || absent)
        r->ret->failure.origin = SY_ORIGIN_GATEWAY;
    return quarantined || absent;
}

void sy_refuse_nothing_left(struct sy_resolution *r)
{
    bool by_rule = false;

    if (r->verdict.denied) {
        refuse_denied(
            r, SY_CAUSE_RULE,
            SY_WORDS(r, SY_STR("rule "), r->verdict.deny_rule, SY_STR(": "), r->verdict.deny_text));
        return;
    }
    if (refuse_unavailable(r))
        return;
    for (unsigned i = 0; i < r->entry_count; i++)
        by_rule = by_rule || (r->entries[i].rule.len > 0 &&
                              (r->pin.len == 0 || sy_str_eq_nocase(r->pin, r->entries[i].vendor)));
    if (by_rule)
        refuse_denied(r, SY_CAUSE_RULE,
                      SY_WORDS(r, SY_STR("rules leave no route for "), r->toolkit.name));
    else if (first_out(r, SY_OUT_PIN))
        refuse_denied(r, SY_CAUSE_PINNED,
                      SY_WORDS(r, r->pin, SY_STR(" is no candidate for "), r->toolkit.name));
    else if (first_out(r, SY_OUT_ADR))
        refuse_denied(r, SY_CAUSE_NO_ADR,
                      SY_WORDS(r, SY_STR("the worker for "), r->toolkit.name,
                               SY_STR(" names no decision record (adr)")));
    else if (first_out(r, SY_OUT_ENVIRONMENT))
        refuse_denied(r, SY_CAUSE_ENVIRONMENT,
                      SY_STR("debug sessions are not for this key's environment"));
    else if (first_out(r, SY_OUT_BLOCKED))
        refuse_denied(r, SY_CAUSE_BLOCKED, SY_WORDS(r, r->toolkit.name, SY_STR(" is blocked")));
    else
        refuse_denied(
            r, SY_CAUSE_RULE,
            SY_WORDS(r, SY_STR("the policy's order names no route of "), r->toolkit.name));
}

void sy_refuse_no_action(struct sy_resolution *r)
{
    struct sy_str near[SUGGESTIONS_MAX];
    struct sy_group_walk walk = sy_snapshot_groups(r->snapshot, r->toolkit.name);
    struct sy_tool_group group;
    size_t count = 0;

    while (count < SUGGESTIONS_MAX && sy_group_next(&walk, &group))
        near[count++] = group.tool;
    sy_refuse(r, SY_CODE_TOOL_NOT_FOUND, SY_CAUSE_NONE,
              SY_WORDS(r, r->toolkit.name, SY_STR(" is a toolkit; name one of its tools")));
    r->ret->failure.suggestions = names_json(r, near, count);
}

/* ---- no row ---- */

/* Known toolkits that resemble the guess, or a longer run of the tool's segments. */
static size_t near_toolkits(const struct sy_resolution *r, struct sy_str *names)
{
    struct sy_str tool = r->request->tool;
    size_t count =
        sy_snapshot_near_toolkits(r->snapshot, r->guess, NEAR_EDITS, names, SUGGESTIONS_MAX);

    for (size_t i = r->guess.len + 1; count == 0 && r->request->toolkit.len == 0 && i < tool.len;
         i++) {
        if (tool.ptr[i] == '_' || tool.ptr[i] == '-')
            count = sy_snapshot_near_toolkits(r->snapshot, sy_str_head(tool, i), NEAR_EDITS, names,
                                              SUGGESTIONS_MAX);
    }
    return count;
}

/* What the call ends with if nobody has the toolkit. */
static void prepare_missing(struct sy_resolution *r)
{
    struct sy_str near[SUGGESTIONS_MAX];
    size_t count = near_toolkits(r, near);

    sy_refuse(r, SY_CODE_TOOLKIT_MISSING, count > 0 ? SY_CAUSE_NEAR_MISS : SY_CAUSE_ABSENT,
              count > 0 ? SY_WORDS(r, r->guess, SY_STR(" is not known; "), near[0], SY_STR(" is"))
                        : SY_WORDS(r, SY_STR("no vendor has "), r->guess));
    r->ret->failure.suggestions = names_json(r, near, count);
    r->ret->opens_case = count == 0;
}

void sy_resolve_unlisted(struct sy_resolution *r)
{
    const struct sy_policy *p = r->policy;
    struct sy_decision *d = r->ret;
    bool quarantined = false, absent = false;

    if (r->verdict.denied) {
        sy_refuse_nothing_left(r);
        return;
    }
    prepare_missing(r);
    if (p->unlisted == SY_UNLISTED_REFUSE)
        return;
    d->probe_vendors = sy_arena_array(r->arena, p->chain_count + 1, sizeof(*d->probe_vendors));
    if (!d->probe_vendors) {
        r->mem_failed = true;
        return;
    }
    for (unsigned i = 0; i < p->chain_count; i++) {
        struct sy_str vendor = p->chain[i].vendor;
        size_t index;
        const struct sy_vendor *adapter = sy_adapter(r->facts, vendor, &index);
        if (!adapter || !(adapter->can & SY_CAN(SY_OP_PROBE)))
            continue;
        if (sy_snapshot_quarantined(r->snapshot, vendor))
            quarantined = true;
        else if (sy_in_list(vendor, r->facts->absent, r->facts->absent_count))
            absent = true;
        else
            d->probe_vendors[d->probe_count++] = sy_str_of(adapter->name);
    }
    if (d->probe_count > 0) {
        d->kind = SY_DECIDED_PROBE;
        d->probe_slug = r->guess;
    }
    if (quarantined || (absent && d->probe_count == 0)) {
        d->opens_case = false;
        d->failure.code = SY_CODE_VENDOR_UNAVAILABLE;
        d->failure.cause = SY_CAUSE_NOT_ASKED;
        d->failure.detail =
            SY_WORDS(r, SY_STR("a vendor that may have "), r->guess, SY_STR(" cannot be asked"));
    }
}
