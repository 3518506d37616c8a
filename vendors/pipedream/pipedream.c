#include "vendors/pipedream/pipedream.h"

#include "vendors/vendors.h"

#define MINT_MARGIN_S 120

typedef enum sy_step sy_pipedream_fn(struct sy_pipedream_op *op, const struct sy_turn *t);

/* `send` makes the request of the present phase, again after a re-mint; `resume` takes all else. */
static const struct {
    sy_pipedream_fn *send, *resume;
} operations[SY_OP_COUNT] = {
    [SY_OP_EXECUTE] = {sy_pipedream_execute_send, sy_pipedream_execute_resume},
    [SY_OP_TOOL] = {sy_pipedream_tool_send, sy_pipedream_tool_resume},
    [SY_OP_ACCOUNTS] = {sy_pipedream_accounts_send, sy_pipedream_accounts_resume},
    [SY_OP_LINK] = {sy_pipedream_link_send, sy_pipedream_link_resume},
    [SY_OP_PROBE] = {sy_pipedream_probe_send, sy_pipedream_probe_resume},
    [SY_OP_SEARCH] = {sy_pipedream_search_send, sy_pipedream_search_resume},
    [SY_OP_TOOLS] = {sy_pipedream_tools_send, sy_pipedream_tools_resume},
    [SY_OP_PING] = {sy_pipedream_ping_send, sy_pipedream_ping_resume},
};

static const struct sy_setting settings[] = {
    [PIPEDREAM_BASE_URL] = {"base_url", "https://api.pipedream.com", SY_SETTING_URL,
                            "Origin of Pipedream's API."},
    [PIPEDREAM_MCP_URL] = {"mcp_url", "https://remote.mcp.pipedream.net/v3", SY_SETTING_URL,
                           "Pipedream's MCP server."},
    [PIPEDREAM_CLIENT_ID] = {"client_id", NULL, SY_SETTING_REQUIRED,
                             "Id of the workspace's OAuth client."},
    [PIPEDREAM_CLIENT_SECRET] = {"client_secret", NULL, SY_SETTING_REQUIRED | SY_SETTING_SECRET,
                                 "Secret of the workspace's OAuth client."},
    [PIPEDREAM_PROJECT_ID] = {"project_id", NULL, SY_SETTING_REQUIRED,
                              "Connect project (proj_...)."},
    [PIPEDREAM_ENVIRONMENT] = {"environment", "production", 0,
                               "Connect environment: production or development."},
    {0},
};

void sy_pipedream_begin(struct sy_pipedream_op *op, struct sy_send *s, const struct sy_turn *t,
                        enum sy_http_verb verb, enum sy_purpose purpose,
                        enum sy_request_effect effect)
{
    sy_send_begin(s, t, verb, purpose, effect, sy_turn_setting(t, PIPEDREAM_BASE_URL));
    sy_send_header(s, "x-pd-environment", sy_turn_setting(t, PIPEDREAM_ENVIRONMENT));
    sy_bearer_add(&op->bearer, s);
    sy_send_path(s, "/v1/connect");
}

void sy_pipedream_begin_project(struct sy_pipedream_op *op, struct sy_send *s,
                                const struct sy_turn *t, enum sy_http_verb verb,
                                enum sy_purpose purpose, enum sy_request_effect effect)
{
    sy_pipedream_begin(op, s, t, verb, purpose, effect);
    sy_send_segment(s, "project", sy_turn_setting(t, PIPEDREAM_PROJECT_ID));
}

struct sy_str sy_pipedream_connection_key(const struct sy_turn *t)
{
    if (!t->what->target.oauth_app_id.len)
        return t->what->target.vendor_slug;
    return SY_JOIN(t, t->what->target.vendor_slug, SY_STR("/"), t->what->target.oauth_app_id);
}

static enum sy_step send_or_need_token(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    if (!sy_bearer_ready(&op->bearer, t))
        return sy_bearer_need(&op->bearer, t);
    return operations[t->what->op].send(op, t);
}

static enum sy_step start(void *op, const struct sy_operation *what, const struct sy_facts *facts,
                          struct sy_wish *wish)
{
    const struct sy_turn t = {&sy_vendor_pipedream, what, NULL, facts, wish};

    if (what->op == SY_OP_MINT)
        return sy_pipedream_mint_start(&t);
    if ((unsigned)what->op >= SY_OP_COUNT || !operations[what->op].send)
        return sy_turn_fail(&t, SY_CODE_INTERNAL, SY_CAUSE_BUG, (struct sy_str){0});
    if (what->op == SY_OP_SEARCH && !sy_search_text_ok(what->key))
        return sy_found_done(&(struct sy_found_list){0}, &t);
    return send_or_need_token(op, &t);
}

static enum sy_step go_on(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    if (t->what->op == SY_OP_MINT)
        return t->event->kind == SY_EVENT_REPLY ? sy_mint_reply(t, MINT_MARGIN_S)
                                                : sy_turn_fail_event(t);
    if (t->event->kind == SY_EVENT_FACT && t->event->fact &&
        t->event->fact->kind == SY_FACT_TOKEN) {
        if (sy_bearer_ready(&op->bearer, t))
            return operations[t->what->op].send(op, t);
        return sy_turn_fail(t, SY_CODE_VENDOR_AUTH, SY_CAUSE_CREDENTIALS_REFUSED,
                            (struct sy_str){0});
    }
    if (t->event->kind == SY_EVENT_REPLY && t->event->status == 401) {
        if (sy_bearer_again(&op->bearer, t))
            return SY_STEP_NEED;
        return sy_turn_fail(t, SY_CODE_VENDOR_AUTH, SY_CAUSE_CREDENTIALS_REFUSED,
                            (struct sy_str){0});
    }
    return operations[t->what->op].resume(op, t);
}

static enum sy_step resume(void *op, const struct sy_operation *what, const struct sy_event *event,
                           const struct sy_facts *facts, struct sy_wish *wish)
{
    const struct sy_turn t = {&sy_vendor_pipedream, what, event, facts, wish};

    return sy_turn_said(&t, go_on(op, &t));
}

/* {slug}-{kebab-action}; app slugs have '_' inside and never '-'. */
static struct sy_str tool_name(struct sy_str vendor_slug, struct sy_str action,
                               struct sy_arena *mem)
{
    const struct sy_str parts[] = {sy_lower(vendor_slug, '-', '_', mem), SY_STR("-"),
                                   sy_lower(action, '_', '-', mem)};

    return sy_arena_join(mem, parts, SY_ARRAY_LEN(parts));
}

const struct sy_vendor sy_vendor_pipedream = {
    .abi = SY_VENDOR_ABI,
    .name = "pipedream",
    .path = SY_PATH_PIPEDREAM,
    .can = SY_CAN(SY_OP_EXECUTE) | SY_CAN(SY_OP_MINT) | SY_CAN(SY_OP_TOOL) |
           SY_CAN(SY_OP_ACCOUNTS) | SY_CAN(SY_OP_LINK) | SY_CAN(SY_OP_PROBE) |
           SY_CAN(SY_OP_SEARCH) | SY_CAN(SY_OP_TOOLS) | SY_CAN(SY_OP_PING),
    .user_connection = true,
    .op_size = sizeof(struct sy_pipedream_op),
    .subject_max = 250,
    .settings = settings,
    .start = start,
    .resume = resume,
    .tool_name = tool_name,
};

_Static_assert(sizeof(struct sy_pipedream_op) <= SY_VENDOR_OP_SIZE_MAX, "state must fit");
