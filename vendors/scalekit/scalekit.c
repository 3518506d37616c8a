#include "vendors/scalekit/scalekit.h"

#include "vendors/vendors.h"

#define MINT_MARGIN_S 60

typedef enum sy_step sy_scalekit_fn(struct sy_scalekit_op *op, const struct sy_turn *t);

/* `send` makes the request of the present phase, again after a re-mint; `resume` takes all else. */
static const struct {
    sy_scalekit_fn *send, *resume;
} operations[SY_OP_COUNT] = {
    [SY_OP_EXECUTE] = {sy_scalekit_execute_send, sy_scalekit_execute_resume},
    [SY_OP_TOOL] = {sy_scalekit_tool_send, sy_scalekit_tool_resume},
    [SY_OP_ACCOUNTS] = {sy_scalekit_accounts_send, sy_scalekit_accounts_resume},
    [SY_OP_LINK] = {sy_scalekit_link_send, sy_scalekit_link_resume},
    [SY_OP_PROBE] = {sy_scalekit_probe_send, sy_scalekit_probe_resume},
    [SY_OP_SEARCH] = {sy_scalekit_search_send, sy_scalekit_search_resume},
    [SY_OP_TOOLS] = {sy_scalekit_tools_send, sy_scalekit_tools_resume},
    [SY_OP_PING] = {sy_scalekit_ping_send, sy_scalekit_ping_resume},
};

static const struct sy_setting settings[] = {
    [SCALEKIT_BASE_URL] = {"base_url", NULL, SY_SETTING_REQUIRED | SY_SETTING_URL,
                           "URL of the Scalekit environment."},
    [SCALEKIT_CLIENT_ID] = {"client_id", NULL, SY_SETTING_REQUIRED,
                            "Id of the environment's API client (skc_...)."},
    [SCALEKIT_CLIENT_SECRET] = {"client_secret", NULL, SY_SETTING_REQUIRED | SY_SETTING_SECRET,
                                "Secret of the environment's API client."},
    {0},
};

void sy_scalekit_begin(struct sy_scalekit_op *op, struct sy_send *s, const struct sy_turn *t,
                       enum sy_http_verb verb, enum sy_purpose purpose,
                       enum sy_request_effect effect, const char *path)
{
    sy_send_begin(s, t, verb, purpose, effect, sy_turn_setting(t, SCALEKIT_BASE_URL));
    sy_send_path(s, path);
    sy_bearer_add(&op->bearer, s);
}

struct sy_str sy_scalekit_connector(const struct sy_turn *t)
{
    const struct sy_target *target = &t->what->target;

    return target->connection.len ? target->connection : target->vendor_slug;
}

static enum sy_step start(void *memory, const struct sy_operation *what,
                          const struct sy_facts *facts, struct sy_wish *wish)
{
    const struct sy_turn t = {&sy_vendor_scalekit, what, NULL, facts, wish};
    struct sy_scalekit_op *op = memory;

    if (what->op == SY_OP_MINT)
        return sy_scalekit_mint_start(&t);
    if ((unsigned)what->op >= SY_OP_COUNT || !operations[what->op].send)
        return sy_turn_fail(&t, SY_CODE_INTERNAL, SY_CAUSE_BUG, (struct sy_str){0});
    if (what->op == SY_OP_SEARCH && !sy_search_text_ok(what->key))
        return sy_found_done(&op->found, &t);
    if (!sy_bearer_ready(&op->bearer, &t))
        return sy_bearer_need(&op->bearer, &t);
    return operations[what->op].send(op, &t);
}

/* A 401 is our token's unless the provider said it, or the server words "not active" that way. */
static bool is_our_token(const struct sy_turn *t)
{
    struct sy_scalekit_error error;

    if (t->event->kind != SY_EVENT_REPLY || t->event->status != 401)
        return false;
    sy_scalekit_read_error(t, &error);
    return !sy_scalekit_is_tool_error(&error) && !sy_scalekit_says(error.message, "not active");
}

static enum sy_step go_on(struct sy_scalekit_op *op, const struct sy_turn *t)
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
    if (is_our_token(t)) {
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
    const struct sy_turn t = {&sy_vendor_scalekit, what, event, facts, wish};

    return sy_turn_said(&t, go_on(op, &t));
}

const struct sy_vendor sy_vendor_scalekit = {
    .abi = SY_VENDOR_ABI,
    .name = "scalekit",
    .path = SY_PATH_NATIVE,
    .can = SY_CAN(SY_OP_EXECUTE) | SY_CAN(SY_OP_MINT) | SY_CAN(SY_OP_TOOL) |
           SY_CAN(SY_OP_ACCOUNTS) | SY_CAN(SY_OP_LINK) | SY_CAN(SY_OP_PROBE) |
           SY_CAN(SY_OP_SEARCH) | SY_CAN(SY_OP_TOOLS) | SY_CAN(SY_OP_PING),
    .user_connection = true,
    .op_size = sizeof(struct sy_scalekit_op),
    .subject_max = 100,
    .settings = settings,
    .start = start,
    .resume = resume,
    .tool_name = sy_snake_tool_name,
};

_Static_assert(sizeof(struct sy_scalekit_op) <= SY_VENDOR_OP_SIZE_MAX, "state must fit");
