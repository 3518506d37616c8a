#include "vendors/composio/composio.h"

#include "vendors/vendors.h"

typedef enum sy_step sy_composio_fn(struct sy_composio_op *op, const struct sy_turn *t);

static const struct {
    sy_composio_fn *start, *resume;
} operations[SY_OP_COUNT] = {
    [SY_OP_EXECUTE] = {sy_composio_execute_start, sy_composio_execute_resume},
    [SY_OP_TOOL] = {sy_composio_tool_start, sy_composio_tool_resume},
    [SY_OP_ACCOUNTS] = {sy_composio_accounts_start, sy_composio_accounts_resume},
    [SY_OP_AUTH_CONFIG] = {sy_composio_auth_config_start, sy_composio_auth_config_resume},
    [SY_OP_LINK] = {sy_composio_link_start, sy_composio_link_resume},
    [SY_OP_PROBE] = {sy_composio_probe_start, sy_composio_probe_resume},
    [SY_OP_SEARCH] = {sy_composio_search_start, sy_composio_search_resume},
    [SY_OP_TOOLS] = {sy_composio_tools_start, sy_composio_tools_resume},
    [SY_OP_PING] = {sy_composio_ping_start, sy_composio_ping_resume},
};

static const struct sy_setting settings[] = {
    [COMPOSIO_BASE_URL] = {"base_url", "https://backend.composio.dev", SY_SETTING_URL,
                           "Origin of Composio's API."},
    [COMPOSIO_API_KEY] = {"api_key", NULL, SY_SETTING_REQUIRED | SY_SETTING_SECRET,
                          "Project API key (ak_...)."},
    [COMPOSIO_CREATE_AUTH_CONFIGS] = {"create_auth_configs", "false", SY_SETTING_BOOL,
                                      "Create a Composio-managed auth config where a toolkit has "
                                      "none."},
    {0},
};

void sy_composio_begin(struct sy_send *s, const struct sy_turn *t, enum sy_http_verb verb,
                       enum sy_purpose purpose, enum sy_request_effect effect, const char *path)
{
    sy_send_begin(s, t, verb, purpose, effect, sy_turn_setting(t, COMPOSIO_BASE_URL));
    sy_send_path(s, "/api/v3.1");
    sy_send_path(s, path);
    sy_send_secret(s, "x-api-key", sy_turn_setting(t, COMPOSIO_API_KEY));
}

struct sy_str sy_composio_connection_key(const struct sy_turn *t)
{
    if (!t->what->target.auth_config_id.len)
        return t->what->target.vendor_slug;
    return SY_JOIN(t, t->what->target.vendor_slug, SY_STR("/"), t->what->target.auth_config_id);
}

static enum sy_step start(void *op, const struct sy_operation *what, const struct sy_facts *facts,
                          struct sy_wish *wish)
{
    const struct sy_turn t = {&sy_vendor_composio, what, NULL, facts, wish};

    if ((unsigned)what->op >= SY_OP_COUNT || !operations[what->op].start)
        return sy_turn_fail(&t, SY_CODE_INTERNAL, SY_CAUSE_BUG, (struct sy_str){0});
    return operations[what->op].start(op, &t);
}

static enum sy_step resume(void *op, const struct sy_operation *what, const struct sy_event *event,
                           const struct sy_facts *facts, struct sy_wish *wish)
{
    const struct sy_turn t = {&sy_vendor_composio, what, event, facts, wish};

    return sy_turn_said(&t, operations[what->op].resume(op, &t));
}

/* UPPER(slug)_UPPER(action): Composio's slugs are SCREAMING_SNAKE and case-sensitive. */
static struct sy_str tool_name(struct sy_str vendor_slug, struct sy_str action,
                               struct sy_arena *mem)
{
    const struct sy_str parts[] = {sy_upper(vendor_slug, '-', '_', mem), SY_STR("_"),
                                   sy_upper(action, '-', '_', mem)};

    return sy_arena_join(mem, parts, SY_ARRAY_LEN(parts));
}

const struct sy_vendor sy_vendor_composio = {
    .abi = SY_VENDOR_ABI,
    .name = "composio",
    .path = SY_PATH_NATIVE,
    .can = SY_CAN(SY_OP_EXECUTE) | SY_CAN(SY_OP_TOOL) | SY_CAN(SY_OP_ACCOUNTS) |
           SY_CAN(SY_OP_AUTH_CONFIG) | SY_CAN(SY_OP_LINK) | SY_CAN(SY_OP_PROBE) |
           SY_CAN(SY_OP_SEARCH) | SY_CAN(SY_OP_TOOLS) | SY_CAN(SY_OP_PING),
    .user_connection = true,
    .op_size = sizeof(struct sy_composio_op),
    .settings = settings,
    .start = start,
    .resume = resume,
    .tool_name = tool_name,
};

_Static_assert(sizeof(struct sy_composio_op) <= SY_VENDOR_OP_SIZE_MAX, "state must fit");
