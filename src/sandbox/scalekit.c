/* Scalekit: token mint, who asks, routes of both doors. */
#include "sandbox/scalekit.h"

#include "sandbox/credentials.h"

#define TOKEN_LIFE_S 86399

bool sy_sb_sk_is_rpc(const struct sy_sb_request *r)
{
    return r->segs > 0 && sy_str_starts(r->seg[0], SY_STR("scalekit.v1."));
}

void sy_sb_scalekit_unauthorized(struct sy_sb_request *r)
{
    struct sy_sb_sk_error e = {.code = SY_SB_UNAUTHENTICATED,
                               .message = SY_STR("Token empty"),
                               .error_code = "UNAUTHENTICATED"};
    if (sy_sb_bearer(r).ptr)
        e.message = SY_STR("Token invalid or expired");
    sy_sb_sk_fail(r, &e);
}

void sy_sb_scalekit_limited(struct sy_sb_request *r)
{
    struct sy_sb_sk_error e = {.code = SY_SB_RESOURCE_EXHAUSTED,
                               .message = SY_STR("Rate limit exceeded"),
                               .error_code = "RATE_LIMITED"};
    sy_sb_sk_fail(r, &e);
}

static void mint(struct sy_sb_request *r)
{
    if (!sy_str_eq(sy_sb_form(r, "grant_type"), SY_STR("client_credentials"))) {
        sy_sb_send_text(r, 400,
                        "{\"error\":\"unsupported_grant_type\",\"error_description\":"
                        "\"grant_type must be client_credentials\"}");
        return;
    }
    if (!sy_str_eq(sy_sb_form(r, "client_id"), SY_STR(SY_SB_SCALEKIT_ID)) ||
        !sy_str_eq(sy_sb_form(r, "client_secret"), SY_STR(SY_SB_SCALEKIT_SECRET))) {
        sy_sb_send_text(r, 401,
                        "{\"error\":\"invalid_client\",\"error_description\":"
                        "\"client authentication failed\"}");
        return;
    }
    sy_jw_object(&r->w);
    sy_jw_member_str(
        &r->w, "access_token",
        sy_sb_token_mint(r->sb, r->mem, r->vendor, TOKEN_LIFE_S, SY_STR(SY_SB_SCALEKIT_ID)));
    sy_jw_member_z(&r->w, "token_type", "Bearer");
    sy_jw_member_i64(&r->w, "expires_in", TOKEN_LIFE_S);
    sy_jw_member_z(&r->w, "scope", "openid");
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* ---- pages a browser sees ---- */

static void html_page(struct sy_sb_request *r)
{
    bool ok = sy_sb_seg(r, 1, "success");
    sy_sb_send_as(r, ok ? 200 : 400, "text/html; charset=utf-8",
                  ok ? SY_STR("<!doctype html><title>Connected</title><h1>Connected</h1>"
                              "<p>You can close this window.</p>")
                     : SY_STR("<!doctype html><title>Not connected</title><h1>Not connected</h1>"
                              "<p>The account was not connected.</p>"));
}

static void magic_page(struct sy_sb_request *r)
{
    struct sy_sb_link *link = sy_sb_link_find(r->sb, SY_SB_SCALEKIT, r->seg[1]);
    sy_sb_consent(r, link, link ? link->account->app : NULL);
}

/* ---- routes ---- */

struct route {
    enum sy_http_method method;
    const char *path; /* below /api/v1/ */
    const char *rpc;  /* below /scalekit.v1. */
    sy_sb_handler *handler;
};

#define ACCOUNTS "connected_accounts.ConnectedAccountService/"
static const struct route routes[] = {
    {SY_HTTP_GET, "connections/app", "connections.ConnectionService/ListAppConnections",
     sy_sb_sk_connections},
    {SY_HTTP_GET, "providers", "providers.ProviderService/ListProviders", sy_sb_sk_providers},
    {SY_HTTP_GET, "connected_accounts", ACCOUNTS "ListConnectedAccounts", sy_sb_sk_account_list},
    {SY_HTTP_GET, "connected_accounts:search", ACCOUNTS "SearchConnectedAccounts",
     sy_sb_sk_account_search},
    {SY_HTTP_GET, "connected_accounts/auth", ACCOUNTS "GetConnectedAccountAuth",
     sy_sb_sk_account_auth},
    {SY_HTTP_GET, "connected_accounts/details", ACCOUNTS "GetConnectedAccountDetails",
     sy_sb_sk_account_details},
    {SY_HTTP_POST, "connected_accounts", ACCOUNTS "CreateConnectedAccount",
     sy_sb_sk_account_create},
    {SY_HTTP_PUT, "connected_accounts", ACCOUNTS "UpdateConnectedAccount", sy_sb_sk_account_update},
    {SY_HTTP_POST, "connected_accounts:delete", ACCOUNTS "DeleteConnectedAccount",
     sy_sb_sk_account_delete},
    {SY_HTTP_OTHER, "", ACCOUNTS "DisconnectConnectedAccount", sy_sb_sk_account_disconnect},
    {SY_HTTP_POST, "connected_accounts/magic_link", ACCOUNTS "GetMagicLinkForConnectedAccount",
     sy_sb_sk_magic_link},
    {SY_HTTP_POST, "connected_accounts/user/verify", ACCOUNTS "VerifyConnectedAccountUser",
     sy_sb_sk_verify},
    {SY_HTTP_GET, "tools", "tools.ToolService/ListTools", sy_sb_sk_tools},
    {SY_HTTP_GET, "tools/scoped", "tools.ToolService/ListScopedTools", sy_sb_sk_tools_scoped},
    {SY_HTTP_GET, "tools/available", "tools.ToolService/ListAvailableTools",
     sy_sb_sk_tools_available},
    {SY_HTTP_POST, "execute_tool", "tools.ToolService/ExecuteTool", sy_sb_sk_execute},
};

static const struct route *find_route(const struct sy_sb_request *r)
{
    struct sy_str path = r->head->path;
    bool rpc = sy_sb_sk_is_rpc(r);
    struct sy_str prefix = rpc ? SY_STR("/scalekit.v1.") : SY_STR("/api/v1/");
    struct sy_str rest = sy_str_skip(path, prefix.len);
    if (!sy_str_starts(path, prefix) || (rpc && r->head->method != SY_HTTP_POST))
        return NULL;
    for (size_t i = 0; i < SY_ARRAY_LEN(routes); i++) {
        const char *own = rpc ? routes[i].rpc : routes[i].path;
        if (sy_str_eq(rest, sy_str_of(own)) && (rpc || routes[i].method == r->head->method))
            return &routes[i];
    }
    return NULL;
}

/* POST /api/v1/connected_accounts/{id}:disconnect */
static bool is_disconnect(const struct sy_sb_request *r)
{
    return sy_sb_is(r, SY_HTTP_POST, 4) && sy_sb_seg(r, 0, "api") &&
           sy_sb_seg(r, 2, "connected_accounts") && sy_str_ends(r->seg[3], SY_STR(":disconnect"));
}

static void api(struct sy_sb_request *r)
{
    const struct route *route = find_route(r);
    if (!sy_sb_token_valid(r->sb, r->mem, SY_SB_SCALEKIT, sy_sb_bearer(r)))
        sy_sb_scalekit_unauthorized(r);
    else if (r->body.len > 0 && r->json.type != SY_JSON_OBJECT)
        sy_sb_sk_invalid(r, SY_STR("body"), "invalid JSON");
    else if (route)
        route->handler(r);
    else if (is_disconnect(r))
        sy_sb_sk_account_disconnect(r);
    else
        sy_sb_sk_missing(r, "Not Found");
}

void sy_sb_scalekit(struct sy_sb_request *r)
{
    if (sy_sb_is(r, SY_HTTP_POST, 2) && sy_sb_seg(r, 0, "oauth") && sy_sb_seg(r, 1, "token"))
        mint(r);
    else if (r->segs == 1 && sy_sb_seg(r, 0, "keys"))
        sy_sb_send_text(r, 200, "{\"keys\":[]}");
    else if (r->segs == 2 && sy_sb_seg(r, 0, "magicLink"))
        magic_page(r);
    else if (r->segs == 2 && sy_sb_seg(r, 0, "connect"))
        html_page(r);
    else if (sy_sb_seg(r, 0, "proxy"))
        sy_sb_sk_proxy(r);
    else
        api(r);
}
