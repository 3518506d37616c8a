/* What a call stands on: the bearer, tool definitions, accounts, magic links. */
#include "base/clock.h"
#include "base/encode.h"
#include "vendors/common/near.h"
#include "vendors/scalekit/scalekit.h"

#define TOOL_TTL_MS INT64_C(3600000)

/* Credentials in the form, as the SDKs send them; no HTTP Basic. */
enum sy_step sy_scalekit_mint_start(const struct sy_turn *t)
{
    struct sy_send s;
    struct sy_buf form;

    sy_send_begin(&s, t, SY_VERB_POST, SY_FOR_MINT, SY_REQUEST_IDEMPOTENT,
                  sy_turn_setting(t, SCALEKIT_BASE_URL));
    sy_send_path(&s, "/oauth/token");
    sy_buf_init_arena(&form, t->facts->mem, 8192);
    sy_buf_append_z(&form, "grant_type=client_credentials&client_id=");
    sy_percent(&form, sy_turn_setting(t, SCALEKIT_CLIENT_ID));
    sy_buf_append_z(&form, "&client_secret=");
    sy_percent(&form, sy_turn_setting(t, SCALEKIT_CLIENT_SECRET));
    sy_send_body(&s, "application/x-www-form-urlencoded", sy_buf_str(&form));
    return sy_send_done(&s);
}

/* ---- tool definitions ---- */

enum sy_step sy_scalekit_tool_send(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_arena *mem = t->facts->mem;
    struct sy_send s;

    sy_scalekit_begin(op, &s, t, SY_VERB_GET, SY_FOR_LOOKUP, SY_REQUEST_NONE, "/api/v1/tools");
    if (op->phase == SCALEKIT_NEAR) {
        sy_send_query(&s, "filter.provider", sy_upper(t->what->target.vendor_slug, '-', '_', mem));
        sy_send_query_z(&s, "filter.summary", "true");
        sy_send_query_z(&s, "page_size", "100");
        return sy_send_done(&s);
    }
    sy_send_query(&s, "filter.tool_name", t->what->key);
    if (sy_str_starts(t->what->key, SY_STR("c-"))) { /* custom MCP tools show per account only */
        sy_send_query(&s, "filter.connector", sy_scalekit_connector(t));
        sy_send_query_bound(&s, "filter.identifier", t->facts->subject);
    }
    sy_send_query_z(&s, "page_size", "1");
    return sy_send_done(&s);
}

static enum sy_step near_told(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_near near = {.wanted = t->what->key};
    struct sy_json root = {0};
    struct sy_json item;
    struct sy_json_iter iter;
    struct sy_str name;

    op->failure = (struct sy_failure){
        .code = SY_CODE_TOOL_NOT_FOUND, .cause = SY_CAUSE_ABSENT, .not_applied = true};
    if (t->event->kind == SY_EVENT_REPLY && sy_reply_ok(t))
        sy_reply_object(t, &root);
    iter = sy_json_iter(sy_json_get_z(root, "tool_names"));
    while (sy_json_next(&iter, &name, &item))
        sy_near_add(&near, sy_json_text(item, t->facts->mem));
    op->failure.detail = sy_near_detail(&near, "Scalekit", t->facts->mem);
    if (near.same.ptr && !near.exact) {
        op->failure.cause = SY_CAUSE_RENAMED;
        op->failure.renamed_to = near.same;
    }
    op->failure.suggestions = sy_near_json(&near, t->facts->mem);
    return sy_turn_fail_with(t, &op->failure);
}

/* The filter is the server's business; that the row is the tool asked for is checked here. */
enum sy_step sy_scalekit_tool_resume(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_json root, item;
    struct sy_json_iter iter;
    struct sy_str name;

    if (op->phase == SCALEKIT_NEAR && t->event->kind != SY_EVENT_CANCELLED)
        return near_told(op, t);
    if (!sy_scalekit_told(t, &root))
        return SY_STEP_FAIL;
    iter = sy_json_iter(sy_json_get_z(root, "tools"));
    while (sy_json_next(&iter, &name, &item)) {
        struct sy_json tool = sy_json_path(item, "definition.name");
        if (tool.type == SY_JSON_STRING && sy_json_name_is(tool.raw, t->what->key))
            return sy_turn_value(t, item.raw, TOOL_TTL_MS);
    }
    op->phase = SCALEKIT_NEAR;
    return sy_scalekit_tool_send(op, t);
}

/* ---- accounts: one per connection and identifier ---- */

/* "details" and not "auth": the latter carries the user's tokens. */
enum sy_step sy_scalekit_accounts_send(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    sy_scalekit_begin(op, &s, t, SY_VERB_GET, SY_FOR_LOOKUP, SY_REQUEST_NONE,
                      "/api/v1/connected_accounts/details");
    sy_send_query(&s, "connector", sy_scalekit_connector(t));
    sy_send_query_bound(&s, "identifier", t->facts->subject);
    return sy_send_done(&s);
}

static enum sy_account_state account_state(struct sy_str status)
{
    if (sy_str_eq(status, SY_STR("ACTIVE")))
        return SY_ACCOUNT_ACTIVE;
    if (sy_str_eq(status, SY_STR("EXPIRED")))
        return SY_ACCOUNT_EXPIRED;
    if (sy_str_eq(status, SY_STR("DISCONNECTED")))
        return SY_ACCOUNT_REVOKED;
    return sy_str_starts(status, SY_STR("PENDING")) ? SY_ACCOUNT_PENDING : SY_ACCOUNT_ERROR;
}

enum sy_step sy_scalekit_accounts_resume(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_arena *mem = t->facts->mem;
    struct sy_accounts accounts;
    struct sy_scalekit_error error;
    struct sy_json root, item;

    (void)op;
    sy_accounts_begin(&accounts, t);
    if (t->event->kind == SY_EVENT_REPLY && t->event->status == 404) {
        sy_scalekit_read_error(t, &error);
        if (!sy_scalekit_says(error.message, "connection not found"))
            return sy_accounts_done(&accounts);
        sy_scalekit_not_configured(t, &t->wish->failure);
        return SY_STEP_FAIL;
    }
    if (!sy_scalekit_told(t, &root))
        return SY_STEP_FAIL;
    item = sy_json_get_z(root, "connected_account");
    if (item.type != SY_JSON_OBJECT)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    sy_accounts_add(&accounts,
                    &(struct sy_account){
                        .id = sy_json_text(sy_json_get_z(item, "id"), mem),
                        .user = sy_json_text(sy_json_get_z(item, "identifier"), mem),
                        .state = account_state(sy_json_text(sy_json_get_z(item, "status"), mem)),
                        .vendor_status = sy_json_text(sy_json_get_z(item, "status"), mem),
                    });
    return sy_accounts_done(&accounts);
}

/* ---- links ---- */

enum sy_step sy_scalekit_link_send(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    bool create = op->phase == SCALEKIT_CREATE;
    struct sy_json_writer *w;
    struct sy_send s;

    sy_scalekit_begin(op, &s, t, SY_VERB_POST, SY_FOR_LINK, SY_REQUEST_IDEMPOTENT,
                      create ? "/api/v1/connected_accounts"
                             : "/api/v1/connected_accounts/magic_link");
    w = sy_send_json(&s);
    sy_jw_member_str(w, "connector", sy_scalekit_connector(t));
    sy_send_json_bound(&s, "identifier", t->facts->subject);
    if (create) { /* an empty connected_account is refused as "value is required" */
        sy_jw_name(w, "connected_account");
        sy_jw_object(w);
        sy_jw_name(w, "authorization_details");
        sy_jw_object(w);
        sy_jw_name(w, "oauth_token");
        sy_jw_object(w);
    }
    return sy_send_done(&s);
}

static enum sy_step link_missing(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_scalekit_error error;

    sy_scalekit_read_error(t, &error);
    if (op->phase != SCALEKIT_MAIN || sy_scalekit_says(error.message, "connection not found")) {
        sy_scalekit_not_configured(t, &t->wish->failure);
        return SY_STEP_FAIL;
    }
    op->phase = SCALEKIT_CREATE;
    return sy_scalekit_link_send(op, t);
}

enum sy_step sy_scalekit_link_resume(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    bool replied = t->event->kind == SY_EVENT_REPLY;
    struct sy_json root;
    struct sy_str url;
    int64_t expires_at_ms = 0;

    if (replied && t->event->status == 404)
        return link_missing(op, t);
    if (op->phase == SCALEKIT_CREATE && replied && (sy_reply_ok(t) || t->event->status == 409)) {
        op->phase = SCALEKIT_AGAIN;
        return sy_scalekit_link_send(op, t);
    }
    if (!sy_scalekit_told(t, &root))
        return SY_STEP_FAIL;
    url = sy_json_text(sy_json_get_z(root, "link"), t->facts->mem);
    if (!sy_url_is_web(url))
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    sy_time_parse(sy_json_text(sy_json_get_z(root, "expiry"), t->facts->mem), &expires_at_ms);
    return sy_link_done(t, url, expires_at_ms, 0, (struct sy_str){0});
}
