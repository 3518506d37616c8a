/* What a run stands on: the bearer, component definitions, accounts, connect links. */
#include "base/clock.h"
#include "vendors/pipedream/pipedream.h"

#define TOOL_TTL_MS INT64_C(3600000)

enum sy_step sy_pipedream_mint_start(const struct sy_turn *t)
{
    struct sy_json_writer *w;
    struct sy_send s;

    sy_send_begin(&s, t, SY_VERB_POST, SY_FOR_MINT, SY_REQUEST_IDEMPOTENT,
                  sy_turn_setting(t, PIPEDREAM_BASE_URL));
    sy_send_path(&s, "/v1/oauth/token");
    w = sy_send_json(&s);
    sy_jw_member_z(w, "grant_type", "client_credentials");
    sy_jw_member_str(w, "client_id", sy_turn_setting(t, PIPEDREAM_CLIENT_ID));
    sy_jw_member_str(w, "client_secret", sy_turn_setting(t, PIPEDREAM_CLIENT_SECRET));
    return sy_send_done(&s);
}

/* ---- component definitions: key is component or component@version ---- */

static struct sy_str component(const struct sy_turn *t, struct sy_str *ret_version)
{
    size_t at = sy_str_find_char(t->what->key, '@');

    *ret_version = (struct sy_str){0};
    if (at == (size_t)-1)
        return t->what->key;
    *ret_version = sy_str_skip(t->what->key, at + 1);
    return sy_str_head(t->what->key, at);
}

enum sy_step sy_pipedream_tool_send(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_str slug = t->what->target.vendor_slug;
    struct sy_str version;
    struct sy_str key = component(t, &version);
    struct sy_send s;

    if (op->phase == PIPEDREAM_APP) {
        sy_pipedream_begin(op, &s, t, SY_VERB_GET, SY_FOR_LOOKUP, SY_REQUEST_NONE);
        sy_send_path(&s, "/apps");
        sy_send_segment(&s, "app", slug);
        return sy_send_done(&s);
    }
    sy_pipedream_begin_project(op, &s, t, SY_VERB_GET, SY_FOR_LOOKUP, SY_REQUEST_NONE);
    sy_send_path(&s, "/actions");
    if (op->phase == PIPEDREAM_NEAR) {
        sy_send_query(&s, "app", slug);
        sy_send_query_z(&s, "limit", "100");
        return sy_send_done(&s);
    }
    sy_send_segment(&s, "tool", key);
    sy_send_query(&s, "version", version);
    return sy_send_done(&s);
}

static enum sy_step tool_missing(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    op->failure = (struct sy_failure){
        .code = SY_CODE_TOOL_NOT_FOUND, .cause = SY_CAUSE_ABSENT, .not_applied = true};
    op->phase = PIPEDREAM_NEAR;
    return sy_pipedream_tool_send(op, t);
}

static enum sy_step near_told(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_near near = {0};
    struct sy_json root, item;
    struct sy_json_iter iter;
    struct sy_str name, version;

    near.wanted = component(t, &version);
    if (t->event->kind != SY_EVENT_REPLY || !sy_reply_ok(t) || !sy_reply_object(t, &root)) {
        if (t->event->kind != SY_EVENT_REPLY || t->event->status >= 500)
            return sy_turn_fail_with(t, &op->failure);
        root = (struct sy_json){0};
    }
    iter = sy_json_iter(sy_json_get_z(root, "data"));
    while (sy_json_next(&iter, &name, &item))
        sy_near_add(&near, sy_json_text(sy_json_get_z(item, "key"), t->facts->mem));
    if (!near.count) {
        op->phase = PIPEDREAM_APP;
        return sy_pipedream_tool_send(op, t);
    }
    op->failure.detail = sy_near_detail(&near, "Pipedream", t->facts->mem);
    if (near.exact) {
        op->failure.cause = SY_CAUSE_DEPRECATED;
        op->failure.detail = SY_JOIN(t, near.wanted, SY_STR(" exists, but not as version "),
                                     version.ptr ? version : SY_STR("latest"), SY_STR("."));
    } else if (near.same.ptr) {
        op->failure.cause = SY_CAUSE_RENAMED;
        op->failure.renamed_to = near.same;
    }
    op->failure.suggestions = sy_near_json(&near, t->facts->mem);
    return sy_turn_fail_with(t, &op->failure);
}

static enum sy_step app_told(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    if (t->event->kind == SY_EVENT_REPLY && t->event->status == 404) {
        op->failure.code = SY_CODE_TOOLKIT_MISSING;
        op->failure.detail =
            SY_JOIN(t, SY_STR("Pipedream has no app "), t->what->target.vendor_slug, SY_STR("."));
    }
    return sy_turn_fail_with(t, &op->failure);
}

enum sy_step sy_pipedream_tool_resume(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_json root, data;

    if (t->event->kind == SY_EVENT_CANCELLED)
        return sy_turn_fail_event(t);
    if (op->phase == PIPEDREAM_NEAR)
        return near_told(op, t);
    if (op->phase == PIPEDREAM_APP)
        return app_told(op, t);
    if (t->event->kind == SY_EVENT_REPLY && t->event->status == 404)
        return tool_missing(op, t);
    if (!sy_pipedream_told(t, &root))
        return SY_STEP_FAIL;
    data = sy_json_get_z(root, "data");
    if (sy_json_get_z(data, "key").type != SY_JSON_STRING ||
        sy_json_get_z(data, "configurable_props").type != SY_JSON_ARRAY)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    return sy_turn_value(t, data.raw, TOOL_TTL_MS);
}

/* ---- accounts ---- */

enum sy_step sy_pipedream_accounts_send(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    sy_pipedream_begin_project(op, &s, t, SY_VERB_GET, SY_FOR_LOOKUP, SY_REQUEST_NONE);
    sy_send_path(&s, "/accounts");
    sy_send_query_bound(&s, "external_user_id", t->facts->subject);
    sy_send_query(&s, "app", t->what->target.vendor_slug);
    if (t->what->target.oauth_app_id.len)
        sy_send_query(&s, "oauth_app_id", t->what->target.oauth_app_id);
    sy_send_query_z(&s, "limit", "100");
    return sy_send_done(&s);
}

static struct sy_account read_account(const struct sy_turn *t, struct sy_json item)
{
    struct sy_arena *mem = t->facts->mem;
    struct sy_json scopes = sy_json_get_z(item, "authorized_scopes");
    struct sy_account account = {
        .id = sy_json_text(sy_json_get_z(item, "id"), mem),
        .user = sy_json_text(sy_json_get_z(item, "external_id"), mem),
        .state = SY_ACCOUNT_ACTIVE,
        .vendor_status = SY_STR("healthy"),
        .scopes = scopes.type == SY_JSON_ARRAY ? scopes.raw : (struct sy_str){0},
    };

    if (sy_json_is_true(sy_json_get_z(item, "dead"))) {
        account.state = SY_ACCOUNT_EXPIRED;
        account.vendor_status = SY_STR("dead");
    } else if (sy_json_get_z(item, "healthy").type == SY_JSON_FALSE) {
        account.state = SY_ACCOUNT_ERROR;
        account.vendor_status = SY_STR("unhealthy");
    }
    return account;
}

enum sy_step sy_pipedream_accounts_resume(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_accounts accounts;
    struct sy_json root, item;
    struct sy_json_iter iter;
    struct sy_str name;

    (void)op;
    if (!sy_pipedream_told(t, &root))
        return SY_STEP_FAIL;
    if (sy_json_get_z(root, "data").type != SY_JSON_ARRAY)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    sy_accounts_begin(&accounts, t);
    iter = sy_json_iter(sy_json_get_z(root, "data"));
    while (sy_json_next(&iter, &name, &item)) {
        struct sy_account account = read_account(t, item);
        struct sy_json slug = sy_json_path(item, "app.name_slug");
        if (slug.type == SY_JSON_NONE || sy_json_name_is(slug.raw, t->what->target.vendor_slug))
            sy_accounts_add(&accounts, &account);
    }
    return sy_accounts_done(&accounts);
}

/* ---- links: a key with '#' names the account to reconnect in place ---- */

enum sy_step sy_pipedream_link_send(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    sy_pipedream_begin_project(op, &s, t, SY_VERB_POST, SY_FOR_LINK, SY_REQUEST_IDEMPOTENT);
    sy_send_path(&s, "/tokens");
    sy_send_json(&s);
    sy_send_json_bound(&s, "external_user_id", t->facts->subject);
    return sy_send_done(&s);
}

static struct sy_str app_link(const struct sy_turn *t, struct sy_str url)
{
    size_t reconnect = sy_str_find_char(t->what->key, '#');
    struct sy_send s = {.turn = t, .request = &t->wish->request};

    sy_buf_init_arena(&s.url, t->facts->mem, 8192);
    sy_buf_append(&s.url, url);
    s.query = sy_str_find_char(url, '?') != (size_t)-1;
    sy_send_query(&s, "app", t->what->target.vendor_slug);
    if (t->what->target.oauth_app_id.len)
        sy_send_query(&s, "oauthAppId", t->what->target.oauth_app_id);
    if (reconnect != (size_t)-1)
        sy_send_query(&s, "accountId", sy_str_skip(t->what->key, reconnect + 1));
    return !s.refused && sy_buf_ok(&s.url) ? sy_buf_str(&s.url) : (struct sy_str){0};
}

enum sy_step sy_pipedream_link_resume(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_json root;
    struct sy_str url;
    int64_t expires_at_ms = 0;

    (void)op;
    if (!sy_pipedream_told(t, &root))
        return SY_STEP_FAIL;
    url = app_link(t, sy_json_text(sy_json_get_z(root, "connect_link_url"), t->facts->mem));
    if (!sy_url_is_web(url))
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    sy_time_parse(sy_json_text(sy_json_get_z(root, "expires_at"), t->facts->mem), &expires_at_ms);
    return sy_link_done(t, url, expires_at_ms, 0, (struct sy_str){0});
}
