/* The decision, step by step. */
#include "resolve/resolve.h"

#include <string.h>

#include "resolve/internal.h"

/* A toolkit's name may hold spaces; they are dropped with the other separators. */
static bool toolkit_is_valid(struct sy_str name)
{
    char text[SY_NAME_MAX];
    size_t len = 0;

    if (name.len > SY_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] != ' ')
            text[len++] = name.ptr[i];
    }
    return sy_name_is_valid(sy_str_from(text, len));
}

static bool vendor_is_known(const struct sy_resolution *r, struct sy_str name)
{
    size_t index;

    if (sy_adapter(r->facts, name, &index) ||
        sy_in_list(name, r->facts->absent, r->facts->absent_count) ||
        sy_in_list(name, r->policy->native, r->policy->native_count))
        return true;
    for (unsigned i = 0; i < r->policy->chain_count; i++) {
        if (sy_str_eq(r->policy->chain[i].vendor, name))
            return true;
    }
    return false;
}

/* "composio:ca_1" pins composio and its account. */
static bool read_account(struct sy_resolution *r)
{
    struct sy_str rest = r->request->account, vendor;

    if (rest.len == 0)
        return true;
    sy_str_split(&rest, ':', &vendor);
    if (rest.len == 0 || !vendor_is_known(r, vendor) || sy_str_has_control(rest) ||
        rest.len > 256) {
        sy_refuse_field(r, SY_CAUSE_BAD_FIELD, "/connection_id",
                        "expected VENDOR:ID with a known vendor");
        return false;
    }
    if (r->pin.len > 0 && !sy_str_eq_nocase(r->pin, vendor)) {
        sy_refuse_field(r, SY_CAUSE_BAD_FIELD, "/connection_id",
                        "the connection belongs to another vendor than the one named");
        return false;
    }
    r->pin = vendor;
    r->account = sy_arena_copy(r->arena, rest);
    return true;
}

static bool read_pin(struct sy_resolution *r)
{
    char folded[SY_NAME_MAX];

    if (r->request->vendor.len > 0) {
        if (r->request->vendor.len > sizeof(folded) ||
            !vendor_is_known(r, sy_tool_fold(r->request->vendor, folded))) {
            sy_refuse_field(r, SY_CAUSE_BAD_FIELD, "/vendor", "there is no such vendor");
            return false;
        }
        r->pin = r->request->vendor;
    }
    if (!read_account(r))
        return false;
    if (r->pin.len > 0 && !r->policy->pinning) {
        sy_refuse(r, SY_CODE_POLICY_DENIED, SY_CAUSE_PINNED,
                  SY_STR("the policy does not let callers name the vendor"));
        return false;
    }
    return true;
}

static bool check_request(struct sy_resolution *r)
{
    const struct sy_resolve_request *q = r->request;

    if (q->tool.len == 0 && q->toolkit.len == 0)
        sy_refuse_field(r, SY_CAUSE_BAD_FIELD, "/tool", "a tool is missing");
    else if (q->tool.len > 0 && !sy_name_is_valid(q->tool))
        sy_refuse_field(r, SY_CAUSE_BAD_NAME, "/tool",
                        "a tool's name is 1 to 128 letters, digits, '_', '-' or '.'");
    else if (q->toolkit.len > 0 && !toolkit_is_valid(q->toolkit))
        sy_refuse_field(r, SY_CAUSE_BAD_NAME, "/toolkit",
                        "a toolkit's name is 1 to 128 letters, digits, '_', '-', '.' or spaces");
    else if (q->user_id.ptr && !sy_user_id_is_valid(q->user_id))
        sy_refuse_field(r, SY_CAUSE_BAD_NAME, "/user_id",
                        "a user is 1 to 200 bytes of UTF-8 without control characters and commas");
    else
        return read_pin(r);
    return false;
}

static int evaluate(struct sy_resolution *r)
{
    const struct sy_tenant *tenant = sy_snapshot_tenant(r->snapshot, r->request->tenant);
    struct sy_tenant unlisted = {.name = r->request->tenant};
    struct sy_policy_input input = {
        .tenant = tenant ? tenant : &unlisted,
        .user = r->request->user_id,
        .toolkit = r->ret->toolkit,
        .tool = r->ret->tool,
        .effect = r->ret->effect,
        .environment = r->request->environment,
        .criticality = r->listed ? r->toolkit.criticality : SY_CRITICALITY_LOW,
    };

    return sy_policy_evaluate(r->policy, &input, r->arena, &r->verdict);
}

/* Rows that a probe left and whose time is over are as good as none. */
static bool is_listed(const struct sy_resolution *r)
{
    for (unsigned i = 0; i < r->entry_count; i++) {
        if (r->entries[i].out != SY_OUT_EXPIRED)
            return true;
    }
    return false;
}

static void decide(struct sy_resolution *r)
{
    if (!check_request(r))
        return;
    sy_resolve_name(r);
    if (r->mem_failed || evaluate(r) != SY_OK)
        return;
    if (r->listed)
        sy_resolve_entries(r);
    if (!is_listed(r)) {
        r->guess = r->listed ? r->ret->toolkit : r->guess;
        sy_resolve_unlisted(r);
        return;
    }
    if (r->request->tool.len > 0 && r->ret->tool.len == 0) {
        sy_refuse_no_action(r);
        return;
    }
    r->ret->kind = SY_DECIDED;
    if (sy_resolve_candidates(r) && r->ret->candidate_count == 0)
        sy_refuse_nothing_left(r);
}

int sy_resolve(const struct sy_snapshot *snapshot, const struct sy_resolve_request *request,
               const struct sy_resolve_facts *facts, struct sy_arena *arena,
               struct sy_decision *ret)
{
    struct sy_resolution r;

    memset(&r, 0, offsetof(struct sy_resolution, entries));
    r.snapshot = snapshot;
    r.policy = sy_snapshot_policy(snapshot);
    r.request = request;
    r.facts = facts;
    r.arena = arena;
    r.ret = ret;
    r.entry_count = 0;
    r.mem_failed = false;
    *ret = (struct sy_decision){.kind = SY_DECIDED_NOT};
    ret->snapshot_version = sy_snapshot_version(snapshot);
    ret->policy_digest = sy_arena_copy(arena, r.policy->digest);
    decide(&r);
    if (!r.mem_failed && ret->failure.code != SY_CODE_INVALID_REQUEST)
        sy_resolve_explain(&r);
    return r.mem_failed || arena->failed ? SY_NOMEM : SY_OK;
}
