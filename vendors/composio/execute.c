/* Running a tool: one request when all is well, look-ups only to say why it is not. */
#include "vendors/common/near.h"
#include "vendors/common/provider.h"
#include "vendors/composio/composio.h"

enum sy_step sy_composio_execute_start(struct sy_composio_op *op, const struct sy_turn *t)
{
    const struct sy_operation *what = t->what;
    struct sy_json_writer *w;
    struct sy_send s;

    op->phase = COMPOSIO_ASKED;
    sy_composio_begin(&s, t, SY_VERB_POST, SY_FOR_EXECUTE,
                      what->effect == SY_EFFECT_READ ? SY_REQUEST_NONE : SY_REQUEST_WRITE,
                      "/tools/execute");
    sy_send_segment(&s, "tool", what->tool);
    w = sy_send_json(&s);
    if (t->facts->subject.len)
        sy_send_json_bound(&s, "user_id", t->facts->subject);
    if (what->account.len)
        sy_send_json_bound(&s, "connected_account_id", what->account);
    /* Always explicit: the default differs between v3 and v3.1 and hides newer tools. */
    sy_jw_member_str(w, "version",
                     what->target.version.len ? what->target.version : SY_STR("latest"));
    sy_jw_name(w, "arguments");
    sy_send_splice(&s, what->arguments.len ? what->arguments : SY_STR("{}"));
    return sy_send_done(&s);
}

/* "HTTP 403: …" or "403 Client Error: …": the provider's status inside an error text. */
static int status_in_text(struct sy_str text)
{
    int status = 0;
    size_t at = sy_str_starts(text, SY_STR("HTTP ")) ? 5 : 0;

    if (text.len < at + 3)
        return 0;
    for (size_t i = at; i < at + 3; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return 0;
        status = status * 10 + (text.ptr[i] - '0');
    }
    if (at == 0 && !sy_str_starts(sy_str_skip(text, 3), SY_STR(" Client Error")) &&
        !sy_str_starts(sy_str_skip(text, 3), SY_STR(" Server Error")))
        return 0;
    return status >= 100 && status < 600 ? status : 0;
}

static int provider_status(struct sy_json root, struct sy_str text)
{
    int64_t status = 0;

    if (!sy_json_i64(sy_json_get_z(root, "mercury_last_http_status_code"), &status) || !status)
        sy_json_i64(sy_json_path(root, "data.status_code"), &status);
    if (status >= 400 && status < 600)
        return (int)status;
    return status_in_text(text);
}

/* 200 with successful:false: the provider, or Composio's own schema check, said no. */
static enum sy_step provider_failed(struct sy_composio_op *op, const struct sy_turn *t,
                                    struct sy_json root)
{
    struct sy_json error = sy_json_get_z(root, "error");
    struct sy_json data = sy_json_get_z(root, "data");
    struct sy_provider_said said = {.words = sy_json_words(t, error)};
    struct sy_failure failure;

    if (!said.words.len)
        said.words = sy_json_words(t, data);
    if (sy_str_starts(said.words, SY_STR("Invalid request data provided"))) {
        sy_turn_fail(t, SY_CODE_INVALID_ARGUMENTS, SY_CAUSE_SCHEMA,
                     sy_turn_vendor_text(t, said.words));
        t->wish->failure.errors = sy_errors_one(t, (struct sy_str){0}, t->wish->failure.detail);
        return SY_STEP_FAIL;
    }
    said.status = provider_status(root, said.words);
    said.more = data.raw;
    said.body = sy_json_is_empty(data) ? error : data;
    if (!sy_provider_failure(t, &said, &failure))
        return sy_turn_fail_with(t, &failure);
    t->wish->forget.accounts = failure.code == SY_CODE_CONNECTION_EXPIRED;
    return sy_connect_fail(&op->connect, t, &failure, sy_composio_connection_key(t));
}

/* By the tool's words first; where no tool has them, whatever the toolkit has. */
static enum sy_step ask_near(struct sy_composio_op *op, const struct sy_turn *t,
                             enum sy_composio_phase phase)
{
    const struct sy_target *target = &t->what->target;
    struct sy_send s;

    op->phase = phase;
    sy_composio_begin(&s, t, SY_VERB_GET, SY_FOR_LOOKUP, SY_REQUEST_NONE, "/tools");
    sy_send_query(&s, "toolkit_slug", target->vendor_slug);
    if (phase == COMPOSIO_NEAR)
        sy_send_query(&s, "query",
                      sy_tool_words(t->what->tool, target->vendor_slug, t->facts->mem));
    sy_send_query_z(&s, "include_deprecated", "true");
    sy_send_query_z(&s, "toolkit_versions", "latest");
    sy_send_query_z(&s, "limit", phase == COMPOSIO_NEAR ? "20" : "100");
    return sy_send_done(&s);
}

static enum sy_step error_reply(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_str key = sy_composio_connection_key(t);

    switch (sy_composio_error(t, &op->failure)) {
    case COMPOSIO_LOOK_TOOL:
        return ask_near(op, t, COMPOSIO_NEAR);
    case COMPOSIO_LOOK_ACCOUNT:
        op->phase = COMPOSIO_ACCOUNTS;
        t->wish->forget.accounts = true;
        return sy_turn_need(t, SY_FACT_ACCOUNTS, key, 0);
    case COMPOSIO_LINK:
        t->wish->forget.accounts = true;
        return sy_connect_fail(&op->connect, t, &op->failure, key);
    case COMPOSIO_ANSWER:
        break;
    }
    return sy_turn_fail_with(t, &op->failure);
}

static enum sy_step executed(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_json root, successful;

    if (!sy_reply_ok(t))
        return error_reply(op, t);
    if (!sy_reply_object(t, &root))
        return sy_reply_nonsense(t, SY_CAUSE_BAD_VENDOR_JSON);
    successful = sy_json_get_z(root, "successful");
    if (successful.type == SY_JSON_FALSE)
        return provider_failed(op, t, root);
    if (successful.type != SY_JSON_TRUE)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    t->wish->result = (struct sy_result){
        .data = sy_json_get_z(root, "data").raw,
        .vendor_reply = sy_reply_others(t, root, "data"),
    };
    return SY_STEP_DONE;
}

/* The user's accounts in any state tell "never connected" from "no longer connected". */
static enum sy_step accounts_told(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_str key = sy_composio_connection_key(t);
    const struct sy_fact *fact = sy_turn_fact(t, SY_FACT_ACCOUNTS, key);
    struct sy_account account;

    if (t->event->kind == SY_EVENT_CANCELLED)
        return sy_turn_fail_event(t);
    if (t->event->kind == SY_EVENT_FACT && fact) {
        if (sy_account_pick(t, fact->value, t->what->account, &account))
            sy_account_failure(t, &account, &op->failure);
        else if (t->what->account.len)
            op->failure.cause = SY_CAUSE_ACCOUNT_MISMATCH;
    }
    return sy_connect_fail(&op->connect, t, &op->failure, key);
}

static enum sy_step near_told(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_near near = {.wanted = t->what->tool};
    struct sy_json root, item;
    struct sy_json_iter iter;
    struct sy_str name;
    struct sy_send s;

    if (t->event->kind != SY_EVENT_REPLY || (t->event->status != 404 && !sy_reply_ok(t)) ||
        (sy_reply_ok(t) && !sy_reply_object(t, &root)))
        return sy_turn_fail_with(t, &op->failure);
    iter = sy_json_iter(sy_reply_ok(t) ? sy_json_get_z(root, "items") : (struct sy_json){0});
    while (sy_json_next(&iter, &name, &item))
        sy_near_add(&near, sy_json_text(sy_json_get_z(item, "slug"), t->facts->mem));
    if (!near.count && op->phase == COMPOSIO_NEAR && sy_reply_ok(t))
        return ask_near(op, t, COMPOSIO_ANY);
    if (!near.count) {
        op->phase = COMPOSIO_TOOLKIT;
        sy_composio_begin(&s, t, SY_VERB_GET, SY_FOR_LOOKUP, SY_REQUEST_NONE, "/toolkits");
        sy_send_segment(&s, "toolkit", t->what->target.vendor_slug);
        return sy_send_done(&s);
    }
    if (near.exact) {
        op->failure.cause = SY_CAUSE_DEPRECATED;
        op->failure.detail =
            SY_JOIN(t, t->what->tool, SY_STR(" exists, but not in the version this row asks for: "),
                    t->what->target.version);
    } else if (near.same.ptr) {
        op->failure.cause = SY_CAUSE_RENAMED;
        op->failure.renamed_to = near.same;
    }
    op->failure.suggestions = sy_near_json(&near, t->facts->mem);
    return sy_turn_fail_with(t, &op->failure);
}

static enum sy_step toolkit_told(struct sy_composio_op *op, const struct sy_turn *t)
{
    if (t->event->kind == SY_EVENT_REPLY && t->event->status == 404) {
        op->failure.code = SY_CODE_TOOLKIT_MISSING;
        op->failure.detail = SY_JOIN(t, SY_STR("Composio has no toolkit "),
                                     t->what->target.vendor_slug, SY_STR("."));
    }
    return sy_turn_fail_with(t, &op->failure);
}

enum sy_step sy_composio_execute_resume(struct sy_composio_op *op, const struct sy_turn *t)
{
    if (op->connect.linking)
        return sy_connect_resume(&op->connect, t);
    switch (op->phase) {
    case COMPOSIO_ASKED:
        return t->event->kind == SY_EVENT_REPLY ? executed(op, t) : sy_turn_fail_event(t);
    case COMPOSIO_ACCOUNTS:
        return accounts_told(op, t);
    case COMPOSIO_NEAR:
    case COMPOSIO_ANY:
        return near_told(op, t);
    case COMPOSIO_TOOLKIT:
        return toolkit_told(op, t);
    case COMPOSIO_CONFIG:
    case COMPOSIO_CREATE:
        break;
    }
    return sy_turn_fail_event(t);
}
