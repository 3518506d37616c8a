/* Composio connected accounts: lists, links, the status machine. */
#include "sandbox/composio.h"

#define LINK_LIFE_MS (10 * 60 * 1000)

const char *sy_sb_composio_status(enum sy_sb_status status)
{
    switch (status) {
    case SY_SB_INITIATED:
        return "INITIATED";
    case SY_SB_VERIFY:
        return "INITIALIZING";
    case SY_SB_ACTIVE:
        return "ACTIVE";
    case SY_SB_FAILED:
        return "FAILED";
    case SY_SB_EXPIRED:
        return "EXPIRED";
    case SY_SB_INACTIVE:
        return "INACTIVE";
    case SY_SB_REVOKED:
        return "REVOKED";
    }
    return "INITIALIZING";
}

static const char *reason(enum sy_sb_status status)
{
    switch (status) {
    case SY_SB_FAILED:
        return "OAuth callback failed";
    case SY_SB_EXPIRED:
        return "permanent auth error during token refresh";
    case SY_SB_INACTIVE:
        return "status updated by user";
    case SY_SB_REVOKED:
        return "revoked at the provider";
    case SY_SB_INITIATED:
    case SY_SB_VERIFY:
    case SY_SB_ACTIVE:
        break;
    }
    return NULL;
}

static struct sy_str joined_scopes(struct sy_sb_request *r, const struct sy_sb_account *a)
{
    struct sy_json scopes = {.type = SY_JSON_ARRAY, .raw = a->scopes};
    struct sy_json_iter it = sy_json_iter(scopes);
    struct sy_buf joined;
    struct sy_str none;
    struct sy_json one;
    sy_buf_init_arena(&joined, r->mem, a->scopes.len + 16);
    while (sy_json_next(&it, &none, &one)) {
        if (joined.len > 0)
            sy_buf_append_char(&joined, ' ');
        sy_buf_append(&joined, sy_json_text(one, r->mem));
    }
    return joined.len > 0 ? sy_buf_str(&joined) : SY_STR("");
}

static bool is_oauth(const struct sy_sb_account *a)
{
    return sy_str_eq(a->app->auth, SY_STR("OAUTH2"));
}

static void write_credentials(struct sy_sb_request *r, const struct sy_sb_account *a)
{
    struct sy_json_writer *w = &r->w;
    if (!is_oauth(a)) {
        bool bearer = sy_str_eq(a->app->auth, SY_STR("BEARER_TOKEN"));
        sy_jw_member_z(w, bearer ? "token" : "generic_api_key", "REDACTED");
        return;
    }
    sy_jw_member_z(w, "access_token", "REDACTED");
    sy_jw_member_z(w, "token_type", "bearer");
    sy_jw_member_str(w, "scope", joined_scopes(r, a));
}

static void write_state(struct sy_sb_request *r, const struct sy_sb_account *a)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_name(w, "state");
    sy_jw_object(w);
    sy_jw_member_str(w, "authScheme", a->app->auth);
    sy_jw_name(w, "val");
    sy_jw_object(w);
    /* a key neither fails nor expires: its state knows INACTIVE at most */
    bool keyed = !is_oauth(a) && a->status >= SY_SB_FAILED;
    enum sy_sb_status status = keyed ? SY_SB_INACTIVE : a->status;
    sy_jw_member_z(w, "status", sy_sb_composio_status(status));
    switch (status) {
    case SY_SB_VERIFY:
        break;
    case SY_SB_INITIATED:
        sy_jw_member_str(
            w, "redirectUrl",
            sy_arena_printf(r->mem, "%s/link/%.*s", r->listener->url, SY_FMT(a->link_token)));
        break;
    case SY_SB_ACTIVE:
    case SY_SB_INACTIVE:
        write_credentials(r, a);
        break;
    case SY_SB_FAILED:
        sy_jw_member_z(w, "error", "access_denied");
        sy_jw_member_z(w, "error_description", "The user denied the request");
        break;
    case SY_SB_EXPIRED:
        sy_jw_member_time(w, "expired_at", a->updated_ms);
        break;
    case SY_SB_REVOKED:
        sy_jw_member_time(w, "revoked_at", a->updated_ms);
        break;
    }
    sy_jw_object_end(w);
    sy_jw_object_end(w);
}

void sy_sb_composio_write_account(struct sy_sb_request *r, const struct sy_sb_account *a,
                                  bool detail)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_object(w);
    sy_jw_member_str(w, "id", a->id);
    sy_jw_member_str(w, "word_id",
                     sy_arena_printf(r->mem, "%.*s_red-castle", SY_FMT(a->app->slug)));
    sy_jw_name(w, "alias");
    if (a->alias.len > 0)
        sy_jw_str(w, a->alias);
    else
        sy_jw_null(w);
    sy_jw_member_str(w, "user_id", a->user);
    sy_jw_member_z(w, "status", sy_sb_composio_status(a->status));
    sy_jw_member_z(w, "status_reason", reason(a->status));
    sy_jw_member_bool(w, "is_disabled", a->status == SY_SB_INACTIVE);
    sy_jw_name(w, "toolkit");
    sy_jw_object(w);
    sy_jw_member_str(w, "slug", a->app->slug);
    sy_jw_object_end(w);
    sy_jw_name(w, "auth_config");
    sy_jw_object(w);
    sy_jw_member_str(w, "id", a->config ? a->config->id : SY_STR("ac_removed"));
    sy_jw_member_str(w, "auth_scheme", a->app->auth);
    sy_jw_member_bool(w, "is_composio_managed", a->config && a->config->managed);
    sy_jw_member_bool(w, "is_disabled", a->config && a->config->disabled);
    sy_jw_object_end(w);
    sy_jw_member_time(w, "created_at", a->created_ms);
    sy_jw_member_time(w, "updated_at", a->updated_ms);
    write_state(r, a);
    sy_jw_member_raw(w, "data", SY_STR("{}"));
    sy_jw_member_raw(w, "experimental", SY_STR("{\"account_type\":\"PRIVATE\"}"));
    if (detail) {
        sy_jw_member_raw(w, "params", SY_STR("{}"));
        sy_jw_member_raw(w, "requested_scopes", a->scopes);
    }
    sy_jw_object_end(w);
}

/* Every user the list names comes into being; one alone narrows what has to be looked at. */
static const struct sy_sb_list *asked_accounts(struct sy_sb_request *r)
{
    static const char *const names[] = {"user_ids", "user_id"};
    struct sy_str none = {NULL, 0};
    struct sy_str only = none;
    for (size_t i = 0; i < SY_ARRAY_LEN(names); i++) {
        struct sy_str rest = sy_sb_query(r, names[i]);
        struct sy_str user;
        if (rest.len > 0 && sy_str_find_char(rest, ',') == (size_t)-1 && !only.ptr)
            only = rest;
        while (sy_str_split(&rest, ',', &user))
            sy_sb_seed(r->sb, SY_SB_COMPOSIO, user);
    }
    /* a parameter given twice is a list too: sy_sb_query shows only its first value */
    size_t first = sy_str_find(r->head->query, SY_STR("user_id"));
    if (sy_str_find(sy_str_skip(r->head->query, first + 7), SY_STR("user_id")) != (size_t)-1)
        only = none;
    return sy_sb_accounts_of(r->sb, SY_SB_COMPOSIO, only);
}

/* A link nobody followed to the end takes its account along. */
static void expire_unfinished(struct sy_sb_request *r, struct sy_sb_account *a)
{
    if (a->status == SY_SB_INITIATED && a->pending_until_ms > 0 &&
        a->pending_until_ms <= sy_sb_now(r->sb)) {
        sy_sb_account_set(r->sb, a, SY_SB_EXPIRED);
        a->pending_until_ms = 0;
    }
}

static bool listed(const struct sy_sb_request *r, const struct sy_sb_account *a)
{
    return !a->deleted && a->vendor == SY_SB_COMPOSIO && sy_sb_query_has(r, "user_ids", a->user) &&
           sy_sb_query_has(r, "user_id", a->user) &&
           sy_sb_query_has(r, "toolkit_slugs", a->app->slug) &&
           sy_sb_query_has(r, "statuses", sy_str_of(sy_sb_composio_status(a->status))) &&
           sy_sb_query_has(r, "connected_account_ids", a->id) &&
           sy_sb_query_has(r, "auth_config_ids", a->config ? a->config->id : SY_STR(""));
}

static void list(struct sy_sb_request *r)
{
    struct sy_sb_page page;
    const struct sy_sb_list *accounts = asked_accounts(r);
    sy_sb_page_begin(r, &page, sy_sb_query_int(r, "limit", 20), 200);
    for (size_t i = 0; i < accounts->count; i++) {
        expire_unfinished(r, accounts->items[i]);
        if (listed(r, accounts->items[i]) && sy_sb_page_wants(&page))
            sy_sb_composio_write_account(r, accounts->items[i], false);
    }
    sy_sb_page_end(r, &page);
}

/* ---- links ---- */

struct sy_sb_link *sy_sb_composio_link(struct sy_sb_request *r, struct sy_sb_config *config,
                                       struct sy_str user, struct sy_str callback)
{
    struct sy_str none = {NULL, 0};
    struct sy_sb_link *link =
        sy_sb_link_add(r->sb, SY_SB_COMPOSIO, sy_sb_new_id(r->sb, r->mem, "lk_", 16), LINK_LIFE_MS);
    struct sy_sb_account *account =
        link ? sy_sb_account_add(r->sb, SY_SB_COMPOSIO, user, config->app, none, SY_SB_INITIATED)
             : NULL;
    if (!account) {
        sy_sb_composio_error(r, 500, 600, "ConnectedAccount_InternalError", "", "No room");
        return NULL;
    }
    account->config = config;
    link->account = account;
    account->link_token = link->token;
    account->pending_until_ms = link->expires_ms;
    link->user = account->user;
    link->success_url = callback.ptr ? sy_arena_copy(&r->sb->state, callback) : callback;
    return link;
}

struct sy_str sy_sb_composio_link_url(struct sy_sb_request *r, const struct sy_sb_link *link)
{
    return sy_arena_printf(r->mem, "%s/link/%.*s", r->listener->url, SY_FMT(link->token));
}

static void create_link(struct sy_sb_request *r)
{
    struct sy_str config_id = sy_sb_member(r, "auth_config_id");
    struct sy_str user = sy_sb_member(r, "user_id");
    if (!config_id.ptr || user.len == 0) {
        sy_sb_composio_error(r, 400, 600, "ConnectedAccount_BadRequest", "",
                             "auth_config_id and user_id are required");
        return;
    }
    struct sy_sb_config *config = sy_sb_config_find(r->sb, config_id);
    if (!config) {
        sy_sb_composio_error(r, 404, 607, "AuthConfig_NotFound", "Check the auth config id.",
                             "Auth config not found");
        return;
    }
    struct sy_sb_link *link = sy_sb_composio_link(r, config, user, sy_sb_member(r, "callback_url"));
    if (!link)
        return;
    struct sy_str alias = sy_sb_member(r, "alias");
    if (alias.ptr)
        link->account->alias = sy_arena_copy(&r->sb->state, alias);
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "link_token", link->token);
    sy_jw_member_str(&r->w, "redirect_url", sy_sb_composio_link_url(r, link));
    sy_jw_member_time(&r->w, "expires_at", link->expires_ms);
    sy_jw_member_str(&r->w, "connected_account_id", link->account->id);
    sy_jw_member_raw(&r->w, "experimental", SY_STR("{\"account_type\":\"PRIVATE\"}"));
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 201);
}

/* The legacy way: refused for managed OAuth, right for keys and custom OAuth apps. */
static void create_direct(struct sy_sb_request *r)
{
    struct sy_json connection = sy_json_get_z(r->json, "connection");
    struct sy_json state = sy_json_get_z(connection, "state");
    struct sy_str id = sy_json_text(sy_json_path(r->json, "auth_config.id"), r->mem);
    struct sy_str user = sy_json_text(sy_json_get_z(connection, "user_id"), r->mem);
    struct sy_str callback = sy_json_text(sy_json_get_z(connection, "callback_url"), r->mem);
    struct sy_sb_config *config = sy_sb_config_find(r->sb, id);
    if (!config) {
        sy_sb_composio_error(r, 400, 607, "AuthConfig_NotFound", "Check the auth config id.",
                             "Auth config not found");
        return;
    }
    if (config->managed && sy_str_eq(config->app->auth, SY_STR("OAUTH2"))) {
        sy_sb_composio_error(r, 400, 600, "ConnectedAccount_BadRequest",
                             "Use POST /api/v3.1/connected_accounts/link.",
                             "Creating connected accounts for Composio managed OAuth apps here is "
                             "no longer supported");
        return;
    }
    struct sy_sb_link *link =
        sy_sb_composio_link(r, config, user.ptr ? user : SY_STR("default"), callback);
    if (!link)
        return;
    if (state.type == SY_JSON_OBJECT) {
        sy_sb_account_set(r->sb, link->account, SY_SB_ACTIVE);
        link->used = true;
    }
    struct sy_str url = sy_sb_composio_link_url(r, link);
    bool active = link->account->status == SY_SB_ACTIVE;
    struct sy_json_writer *w = &r->w;
    sy_jw_object(w);
    sy_jw_member_str(w, "id", link->account->id);
    sy_jw_name(w, "connectionData");
    sy_jw_object(w);
    sy_jw_member_str(w, "authScheme", config->app->auth);
    sy_jw_name(w, "val");
    sy_jw_object(w);
    sy_jw_member_z(w, "status", sy_sb_composio_status(link->account->status));
    if (!active)
        sy_jw_member_str(w, "redirectUrl", url);
    sy_jw_object_end(w);
    sy_jw_object_end(w);
    sy_jw_member_z(w, "status", sy_sb_composio_status(link->account->status));
    sy_jw_name(w, "redirect_url");
    if (active)
        sy_jw_null(w);
    else
        sy_jw_str(w, url);
    sy_jw_object_end(w);
    sy_sb_send(r, 201);
}

/* ---- one account ---- */

static void refresh(struct sy_sb_request *r, struct sy_sb_account *a)
{
    struct sy_str to = sy_sb_member(r, "redirect_url");
    struct sy_sb_link *link =
        sy_sb_link_add(r->sb, SY_SB_COMPOSIO, sy_sb_new_id(r->sb, r->mem, "lk_", 16), LINK_LIFE_MS);
    if (!link) {
        sy_sb_composio_error(r, 500, 600, "ConnectedAccount_InternalError", "", "No room");
        return;
    }
    to = to.ptr ? to : sy_sb_query(r, "redirect_url");
    link->account = a;
    a->link_token = link->token;
    a->pending_until_ms = link->expires_ms;
    link->success_url = to.ptr ? sy_arena_copy(&r->sb->state, to) : to;
    sy_sb_account_set(r->sb, a, SY_SB_INITIATED); /* even an ACTIVE one, as upstream */
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "id", a->id);
    sy_jw_member_z(&r->w, "status", "INITIATED");
    sy_jw_member_str(&r->w, "redirect_url", sy_sb_composio_link_url(r, link));
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

static void revoke(struct sy_sb_request *r, struct sy_sb_account *a)
{
    if (a->status == SY_SB_REVOKED) {
        sy_sb_composio_error(r, 409, 608, "ConnectedAccount_NotRevocable", "",
                             "Connected account cannot be revoked in its present state");
        return;
    }
    sy_sb_account_set(r->sb, a, SY_SB_REVOKED);
    a->provider = SY_SB_DEAD;
    sy_jw_object(&r->w);
    sy_jw_member_raw(&r->w, "revoked_tokens", SY_STR("[\"access_token\",\"refresh_token\"]"));
    sy_jw_name(&r->w, "connected_account");
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "id", a->id);
    sy_jw_member_z(&r->w, "status", "REVOKED");
    sy_jw_object_end(&r->w);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

static void change(struct sy_sb_request *r, struct sy_sb_account *a)
{
    struct sy_json alias = sy_json_get_z(r->json, "alias");
    if (alias.type == SY_JSON_STRING)
        a->alias = sy_arena_copy(&r->sb->state, sy_json_text(alias, r->mem));
    sy_jw_object(&r->w);
    sy_jw_member_bool(&r->w, "success", true);
    sy_jw_member_str(&r->w, "id", a->id);
    sy_jw_member_z(&r->w, "status", sy_sb_composio_status(a->status));
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

static void one(struct sy_sb_request *r, struct sy_sb_account *a)
{
    enum sy_http_method method = r->head->method;
    if (sy_sb_is(r, SY_HTTP_GET, 4)) {
        sy_sb_composio_write_account(r, a, true);
        sy_sb_send(r, 200);
    } else if (method == SY_HTTP_DELETE && r->segs == 4) {
        a->deleted = true;
        sy_sb_send_text(r, 200, "{\"success\":true}");
    } else if (method == SY_HTTP_PATCH && r->segs == 4) {
        change(r, a);
    } else if (method == SY_HTTP_PATCH && r->segs == 5 && sy_sb_seg(r, 4, "status")) {
        bool on = sy_json_is_true(sy_json_get_z(r->json, "enabled"));
        sy_sb_account_set(r->sb, a, on ? SY_SB_ACTIVE : SY_SB_INACTIVE);
        sy_sb_send_text(r, 200, "{\"success\":true}");
    } else if (method == SY_HTTP_POST && r->segs == 5 && sy_sb_seg(r, 4, "refresh")) {
        refresh(r, a);
    } else if (method == SY_HTTP_POST && r->segs == 5 && sy_sb_seg(r, 4, "revoke")) {
        revoke(r, a);
    } else {
        sy_sb_composio_not_found(r);
    }
}

void sy_sb_composio_accounts(struct sy_sb_request *r)
{
    if (sy_sb_is(r, SY_HTTP_GET, 3)) {
        list(r);
    } else if (sy_sb_is(r, SY_HTTP_POST, 3)) {
        create_direct(r);
    } else if (sy_sb_is(r, SY_HTTP_POST, 4) && sy_sb_seg(r, 3, "link")) {
        create_link(r);
    } else if (r->segs >= 4) {
        struct sy_sb_account *a = sy_sb_account_by_id(r->sb, SY_SB_COMPOSIO, r->seg[3]);
        if (a)
            expire_unfinished(r, a);
        if (a)
            one(r, a);
        else
            sy_sb_composio_error(r, 404, 606, "ConnectedAccount_ResourceNotFound", "",
                                 "Connected account \"%.*s\" not found",
                                 SY_FMT(sy_str_head(r->seg[3], 100)));
    } else {
        sy_sb_composio_not_found(r);
    }
}
