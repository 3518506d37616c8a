/*
 * Running a tool. The server's answers to "no such tool", "no such connection" and "no account"
 * differ by version and are not told apart by status, so a refusal is classified by asking: the
 * account first, then the tool.
 */
#include "vendors/common/provider.h"
#include "vendors/scalekit/scalekit.h"

enum sy_step sy_scalekit_execute_send(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    const struct sy_operation *what = t->what;
    struct sy_json_writer *w;
    struct sy_send s;

    /* The server takes the id and does not look at the identifier beside it. */
    if (what->account.len && !op->owned) {
        op->phase = SCALEKIT_OWNER;
        return sy_turn_need(t, SY_FACT_ACCOUNTS, sy_scalekit_connector(t), 0);
    }
    op->phase = SCALEKIT_MAIN;
    sy_scalekit_begin(op, &s, t, SY_VERB_POST, SY_FOR_EXECUTE,
                      what->effect == SY_EFFECT_READ ? SY_REQUEST_NONE : SY_REQUEST_WRITE,
                      "/api/v1/execute_tool");
    w = sy_send_json(&s);
    sy_jw_member_str(w, "tool_name", what->tool);
    if (t->facts->subject.len)
        sy_send_json_bound(&s, "identifier", t->facts->subject);
    sy_jw_member_str(w, "connector", sy_scalekit_connector(t));
    if (what->account.len)
        sy_send_json_bound(&s, "connected_account_id", what->account);
    sy_jw_opt_str(w, "agent_run_id", what->call_id);
    sy_jw_name(w, "params");
    sy_send_splice(&s, what->arguments.len ? what->arguments : SY_STR("{}"));
    return sy_send_done(&s);
}

static enum sy_step provider_failed(struct sy_scalekit_op *op, const struct sy_turn *t,
                                    const struct sy_provider_said *said)
{
    struct sy_failure failure;

    if (!sy_provider_failure(t, said, &failure))
        return sy_turn_fail_with(t, &failure);
    t->wish->forget.accounts = failure.code == SY_CODE_CONNECTION_EXPIRED;
    return sy_connect_fail(&op->connect, t, &failure, sy_scalekit_connector(t));
}

/* 500 is Scalekit's word for any other refusal of the provider: no status can be read from it. */
static enum sy_step tool_error(struct sy_scalekit_op *op, const struct sy_turn *t,
                               const struct sy_scalekit_error *error)
{
    struct sy_provider_said said = {
        .status = t->event->status == 500 ? 0 : t->event->status,
        .words = sy_json_text(sy_json_get_z(error->tool, "tool_error_message"), t->facts->mem),
        .more = error->tool.raw,
        .body = error->tool,
        .retry_after_ms = sy_turn_retry_after_ms(t),
    };

    if (!said.words.len)
        said.words = error->message;
    return provider_failed(op, t, &said);
}

/* MCP-style: {"isError": true, "content": [{"text": …}]}, or an error member. */
static bool data_has_error(const struct sy_turn *t, struct sy_json data, struct sy_str *ret_words)
{
    struct sy_json error = sy_json_get_z(data, "error");
    struct sy_json_iter iter = sy_json_iter(sy_json_get_z(data, "content"));
    struct sy_json item = {0};
    struct sy_str name;

    if (sy_json_is_empty(error) && !sy_json_is_true(sy_json_get_z(data, "isError")))
        return false;
    *ret_words = sy_json_words(t, error);
    if (!ret_words->len && sy_json_next(&iter, &name, &item))
        *ret_words = sy_json_text(sy_json_get_z(item, "text"), t->facts->mem);
    return true;
}

static enum sy_step succeeded(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_provider_said said = {0};
    struct sy_json root;

    if (!sy_reply_object(t, &root))
        return sy_reply_nonsense(t, SY_CAUSE_BAD_VENDOR_JSON);
    said.body = sy_json_get_z(root, "data");
    if (said.body.type == SY_JSON_NONE && sy_json_get_z(root, "execution_id").type == SY_JSON_NONE)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    if (data_has_error(t, said.body, &said.words)) {
        said.more = said.body.raw;
        return provider_failed(op, t, &said);
    }
    t->wish->result = (struct sy_result){
        .data = said.body.raw,
        .vendor_reply = sy_reply_others(t, root, "data"),
    };
    return SY_STEP_DONE;
}

static struct sy_str violation_errors(const struct sy_turn *t, struct sy_json violations)
{
    struct sy_json_iter iter = sy_json_iter(violations);
    struct sy_arena *mem = t->facts->mem;
    struct sy_json_writer w;
    struct sy_json item;
    struct sy_str name;
    struct sy_buf out;

    sy_buf_init_arena(&out, mem, 65536);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    while (sy_json_next(&iter, &name, &item)) {
        struct sy_str field = sy_json_text(sy_json_get_z(item, "field"), mem);
        struct sy_str why = sy_json_text(sy_json_get_z(item, "description"), mem);
        if (!why.len)
            why = sy_json_text(sy_json_get_z(item, "constraint"), mem);
        if (sy_str_starts(field, SY_STR("params.")))
            field = sy_str_skip(field, 7);
        sy_jw_object(&w);
        sy_jw_member_str(&w, "pointer", SY_JOIN(t, SY_STR("/arguments/"), field));
        sy_jw_member_str(&w, "detail", sy_turn_vendor_text(t, why));
        sy_jw_object_end(&w);
    }
    sy_jw_array_end(&w);
    return sy_buf_ok(&out) ? sy_buf_str(&out) : (struct sy_str){0};
}

static enum sy_step invalid_arguments(const struct sy_turn *t, struct sy_failure *failure,
                                      struct sy_json violations)
{
    failure->code = SY_CODE_INVALID_ARGUMENTS;
    failure->cause = SY_CAUSE_SCHEMA;
    failure->not_applied = true;
    failure->errors = sy_json_is_empty(violations)
                          ? sy_errors_one(t, (struct sy_str){0}, failure->detail)
                          : violation_errors(t, violations);
    return sy_turn_fail_with(t, failure);
}

static enum sy_step refused(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_scalekit_error error;
    struct sy_json root;
    int status = t->event->status;

    sy_scalekit_read_error(t, &error);
    if (sy_scalekit_is_tool_error(&error))
        return tool_error(op, t, &error);
    sy_reply_failure(t, error.message, &op->failure);
    if (!sy_json_is_empty(error.violations))
        return invalid_arguments(t, &op->failure, error.violations);
    if (sy_scalekit_says(error.message, "connection not found")) {
        sy_scalekit_not_configured(t, &t->wish->failure);
        return SY_STEP_FAIL;
    }
    if (status != 400 && status != 401 && status != 404 && status != 409)
        return sy_turn_fail_with(t, &op->failure);
    op->phase = SCALEKIT_ACCOUNT;
    op->refused_in_json = sy_reply_object(t, &root);
    t->wish->forget.accounts = true;
    return sy_turn_need(t, SY_FACT_ACCOUNTS, sy_scalekit_connector(t), 0);
}

/* A probe that could not be made leaves the refusal unexplained; that nothing was done is sure. */
static enum sy_step probe_failed(const struct sy_turn *t)
{
    sy_turn_fail_event(t);
    t->wish->failure.not_applied = true;
    return SY_STEP_FAIL;
}

static enum sy_step account_told(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_str key = sy_scalekit_connector(t);
    const struct sy_fact *fact = sy_turn_fact(t, SY_FACT_ACCOUNTS, key);
    struct sy_account account;

    if (t->event->kind != SY_EVENT_FACT || !fact)
        return probe_failed(t);
    if (!sy_account_pick(t, fact->value, t->what->account, &account)) {
        t->wish->forget.accounts = op->phase == SCALEKIT_OWNER; /* it may be newer than the list */
        op->failure = (struct sy_failure){
            .code = SY_CODE_CONNECTION_REQUIRED,
            .cause = t->what->account.len ? SY_CAUSE_ACCOUNT_MISMATCH : SY_CAUSE_NO_ACCOUNT,
            .not_applied = true,
        };
        return sy_connect_fail(&op->connect, t, &op->failure, key);
    }
    if (account.state != SY_ACCOUNT_ACTIVE) {
        sy_account_failure(t, &account, &op->failure);
        return sy_connect_fail(&op->connect, t, &op->failure, key);
    }
    if (op->phase == SCALEKIT_OWNER) {
        op->owned = true;
        return sy_scalekit_execute_send(op, t);
    }
    op->phase = SCALEKIT_TOOL;
    return sy_turn_need(t, SY_FACT_TOOL, t->what->tool, 0);
}

static enum sy_step tool_told(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    if (t->event->kind != SY_EVENT_FACT)
        return probe_failed(t);
    /* Account and tool are there: a refusal of our token, or none of Scalekit's own, stands. */
    if (!op->refused_in_json || op->failure.code == SY_CODE_VENDOR_AUTH)
        return sy_turn_fail_with(t, &op->failure);
    return invalid_arguments(t, &op->failure, (struct sy_json){0});
}

enum sy_step sy_scalekit_execute_resume(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    if (op->connect.linking)
        return sy_connect_resume(&op->connect, t);
    if (op->phase == SCALEKIT_ACCOUNT || op->phase == SCALEKIT_OWNER)
        return account_told(op, t);
    if (op->phase == SCALEKIT_TOOL)
        return tool_told(op, t);
    if (t->event->kind != SY_EVENT_REPLY)
        return sy_turn_fail_event(t);
    return sy_reply_ok(t) ? succeeded(op, t) : refused(op, t);
}
