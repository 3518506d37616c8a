/* What a call stands on: tool definitions, accounts, auth configs, connect links. */
#include "base/clock.h"
#include "vendors/composio/composio.h"

#define TOOL_TTL_MS INT64_C(3600000)
#define AUTH_CONFIG_TTL_MS INT64_C(600000)
#define LINK_TTL_MS INT64_C(540000) /* links live for about ten minutes */

/* ---- tool definitions: key is tool or tool@version ---- */

enum sy_step sy_composio_tool_start(struct sy_composio_op *op, const struct sy_turn *t)
{
    size_t at = sy_str_find_char(t->what->key, '@');
    struct sy_send s;

    op->phase = COMPOSIO_ASKED;
    sy_composio_begin(&s, t, SY_VERB_GET, SY_FOR_LOOKUP, SY_REQUEST_NONE, "/tools");
    sy_send_segment(&s, "tool", at == (size_t)-1 ? t->what->key : sy_str_head(t->what->key, at));
    sy_send_query(&s, "version",
                  at == (size_t)-1 ? SY_STR("latest") : sy_str_skip(t->what->key, at + 1));
    return sy_send_done(&s);
}

enum sy_step sy_composio_tool_resume(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_json root;

    (void)op;
    if (!sy_composio_told(t, &root))
        return SY_STEP_FAIL;
    if (sy_json_get_z(root, "slug").type != SY_JSON_STRING)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    return sy_turn_value(t, root.raw, TOOL_TTL_MS);
}

/* ---- accounts ---- */

enum sy_step sy_composio_accounts_start(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    op->phase = COMPOSIO_ASKED;
    sy_composio_begin(&s, t, SY_VERB_GET, SY_FOR_LOOKUP, SY_REQUEST_NONE, "/connected_accounts");
    sy_send_query_bound(&s, "user_ids", t->facts->subject);
    sy_send_query(&s, "toolkit_slugs", t->what->target.vendor_slug);
    if (t->what->target.auth_config_id.len)
        sy_send_query(&s, "auth_config_ids", t->what->target.auth_config_id);
    sy_send_query_z(&s, "order_by", "updated_at");
    sy_send_query_z(&s, "order_direction", "desc");
    sy_send_query_z(&s, "limit", "50");
    return sy_send_done(&s);
}

static enum sy_account_state account_state(struct sy_str status)
{
    static const struct {
        const char *name;
        enum sy_account_state state;
    } states[] = {
        {"ACTIVE", SY_ACCOUNT_ACTIVE},     {"INITIALIZING", SY_ACCOUNT_PENDING},
        {"INITIATED", SY_ACCOUNT_PENDING}, {"EXPIRED", SY_ACCOUNT_EXPIRED},
        {"INACTIVE", SY_ACCOUNT_REVOKED},  {"REVOKED", SY_ACCOUNT_REVOKED},
        {"FAILED", SY_ACCOUNT_ERROR},
    };

    for (size_t i = 0; i < SY_ARRAY_LEN(states); i++)
        if (sy_str_eq(status, sy_str_of(states[i].name)))
            return states[i].state;
    return SY_ACCOUNT_ERROR;
}

/* OAuth's scope text ("repo read:org" or with commas) as a JSON array. */
static struct sy_str scope_array(const struct sy_turn *t, struct sy_json scope)
{
    struct sy_str text = sy_json_text(scope, t->facts->mem);
    struct sy_json_writer w;
    struct sy_buf out;
    size_t from = 0;

    if (scope.type == SY_JSON_ARRAY)
        return scope.raw;
    if (!text.ptr)
        return (struct sy_str){0};
    sy_buf_init_arena(&out, t->facts->mem, 16384);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.ptr[i] != ' ' && text.ptr[i] != ',')
            continue;
        if (i > from)
            sy_jw_str(&w, sy_str_from(text.ptr + from, i - from));
        from = i + 1;
    }
    sy_jw_array_end(&w);
    return sy_buf_ok(&out) ? sy_buf_str(&out) : (struct sy_str){0};
}

enum sy_step sy_composio_accounts_resume(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_arena *mem = t->facts->mem;
    struct sy_json root, item;
    struct sy_json_iter iter;
    struct sy_accounts accounts;
    struct sy_str name;

    (void)op;
    if (!sy_composio_told(t, &root))
        return SY_STEP_FAIL;
    if (sy_json_get_z(root, "items").type != SY_JSON_ARRAY)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    sy_accounts_begin(&accounts, t);
    iter = sy_json_iter(sy_json_get_z(root, "items"));
    while (sy_json_next(&iter, &name, &item)) {
        struct sy_account account = {
            .id = sy_json_text(sy_json_get_z(item, "id"), mem),
            .user = sy_json_text(sy_json_get_z(item, "user_id"), mem),
            .vendor_status = sy_json_text(sy_json_get_z(item, "status"), mem),
            .scopes = scope_array(t, sy_json_path(item, "state.val.scope")),
        };
        account.state = account_state(account.vendor_status);
        if (account.state == SY_ACCOUNT_ACTIVE &&
            sy_json_is_true(sy_json_get_z(item, "is_disabled")))
            account.state = SY_ACCOUNT_REVOKED;
        sy_accounts_add(&accounts, &account);
    }
    return sy_accounts_done(&accounts);
}

/* ---- auth configs ---- */

enum sy_step sy_composio_auth_config_start(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    op->phase = COMPOSIO_ASKED;
    sy_composio_begin(&s, t, SY_VERB_GET, SY_FOR_LOOKUP, SY_REQUEST_NONE, "/auth_configs");
    sy_send_query(&s, "toolkit_slug", t->what->target.vendor_slug);
    sy_send_query_z(&s, "limit", "50");
    return sy_send_done(&s);
}

/* A second one by a repeated request does no harm: the first enabled one is taken. */
static enum sy_step create_auth_config(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_json_writer *w;
    struct sy_send s;

    op->phase = COMPOSIO_CREATE;
    sy_composio_begin(&s, t, SY_VERB_POST, SY_FOR_LINK, SY_REQUEST_IDEMPOTENT, "/auth_configs");
    w = sy_send_json(&s);
    sy_jw_name(w, "toolkit");
    sy_jw_object(w);
    sy_jw_member_str(w, "slug", t->what->target.vendor_slug);
    sy_jw_object_end(w);
    sy_jw_name(w, "auth_config");
    sy_jw_object(w);
    sy_jw_member_z(w, "type", "use_composio_managed_auth");
    sy_jw_member_z(w, "name", "switchyard");
    sy_jw_object_end(w);
    return sy_send_done(&s);
}

static struct sy_str first_enabled(const struct sy_turn *t, struct sy_json root)
{
    struct sy_json_iter iter = sy_json_iter(sy_json_get_z(root, "items"));
    struct sy_json item;
    struct sy_str name;

    while (sy_json_next(&iter, &name, &item)) {
        struct sy_str id = sy_json_text(sy_json_get_z(item, "id"), t->facts->mem);
        struct sy_str slug = sy_json_text(sy_json_path(item, "toolkit.slug"), t->facts->mem);
        if (id.len && sy_str_eq_nocase(slug, t->what->target.vendor_slug) &&
            sy_json_name_is(sy_json_get_z(item, "status").raw, SY_STR("ENABLED")))
            return id;
    }
    return (struct sy_str){0};
}

static enum sy_step not_configured(const struct sy_turn *t, enum sy_cause cause)
{
    sy_composio_not_configured(t, cause, &t->wish->failure);
    return SY_STEP_FAIL;
}

enum sy_step sy_composio_auth_config_resume(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_json root;
    struct sy_str id;

    if (!sy_composio_told(t, &root)) {
        if (op->phase == COMPOSIO_CREATE && t->event->kind == SY_EVENT_REPLY &&
            (t->event->status == 400 || t->event->status == 404 || t->event->status == 422))
            return not_configured(t, SY_CAUSE_NO_MANAGED_AUTH);
        if (t->event->kind == SY_EVENT_REPLY && t->event->status == 404)
            return not_configured(t, SY_CAUSE_NO_AUTH_CONFIG);
        return SY_STEP_FAIL;
    }
    if (op->phase == COMPOSIO_CREATE)
        id = sy_json_text(sy_json_path(root, "auth_config.id"), t->facts->mem);
    else if (sy_json_get_z(root, "items").type == SY_JSON_ARRAY)
        id = first_enabled(t, root);
    else
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    if (id.len)
        return sy_turn_value(t, id, AUTH_CONFIG_TTL_MS);
    if (op->phase == COMPOSIO_CREATE)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    if (sy_str_eq(sy_turn_setting(t, COMPOSIO_CREATE_AUTH_CONFIGS), SY_STR("true")))
        return create_auth_config(op, t);
    return not_configured(t, SY_CAUSE_NO_AUTH_CONFIG);
}

/* ---- links ---- */

static enum sy_step send_link(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_json_writer *w;
    struct sy_send s;

    op->phase = COMPOSIO_ASKED;
    sy_composio_begin(&s, t, SY_VERB_POST, SY_FOR_LINK, SY_REQUEST_IDEMPOTENT,
                      "/connected_accounts/link");
    w = sy_send_json(&s);
    sy_jw_member_str(w, "auth_config_id", op->auth_config);
    sy_send_json_bound(&s, "user_id", t->facts->subject);
    return sy_send_done(&s);
}

enum sy_step sy_composio_link_start(struct sy_composio_op *op, const struct sy_turn *t)
{
    const struct sy_fact *fact =
        sy_fact_find(t->facts, SY_FACT_AUTH_CONFIG, t->what->target.vendor_slug);

    op->auth_config = t->what->target.auth_config_id;
    if (!op->auth_config.len && fact) {
        op->auth_config = sy_arena_copy(t->facts->mem, fact->value);
        op->auth_config_from_fact = true;
    }
    if (op->auth_config.len)
        return send_link(op, t);
    op->phase = COMPOSIO_CONFIG;
    return sy_turn_need(t, SY_FACT_AUTH_CONFIG, t->what->target.vendor_slug, 0);
}

static enum sy_step link_told(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_arena *mem = t->facts->mem;
    struct sy_json root;
    struct sy_str url, expires;
    int64_t expires_at_ms = 0;

    if (!sy_composio_told(t, &root)) {
        if (t->event->kind == SY_EVENT_REPLY && t->event->status == 404)
            sy_composio_not_configured(t, SY_CAUSE_NO_AUTH_CONFIG, &t->wish->failure);
        t->wish->forget.auth_config =
            op->auth_config_from_fact && t->wish->failure.code == SY_CODE_TOOLKIT_NOT_CONFIGURED;
        return SY_STEP_FAIL;
    }
    url = sy_json_text(sy_json_get_z(root, "redirect_url"), mem);
    if (!sy_url_is_web(url))
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    expires = sy_json_text(sy_json_get_z(root, "expires_at"), mem);
    sy_time_parse(expires, &expires_at_ms);
    return sy_link_done(t, url, expires_at_ms, LINK_TTL_MS,
                        sy_json_text(sy_json_get_z(root, "connected_account_id"), mem));
}

enum sy_step sy_composio_link_resume(struct sy_composio_op *op, const struct sy_turn *t)
{
    const struct sy_fact *fact;

    if (op->phase != COMPOSIO_CONFIG)
        return link_told(op, t);
    fact = sy_turn_fact(t, SY_FACT_AUTH_CONFIG, t->what->target.vendor_slug);
    if (t->event->kind != SY_EVENT_FACT || !fact)
        return sy_turn_fail_event(t);
    op->auth_config = sy_arena_copy(t->facts->mem, fact->value);
    op->auth_config_from_fact = true;
    return send_link(op, t);
}
