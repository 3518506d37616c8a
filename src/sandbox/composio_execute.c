/*
 * Running tools at Composio. A provider's refusal is HTTP 200 with successful:false; only what
 * Composio itself refuses (no such tool, no account, account not usable) has another status.
 */
#include "sandbox/composio.h"

#include "sandbox/credentials.h"

static void write_log_id(struct sy_sb_request *r)
{
    sy_jw_member_str(&r->w, "log_id", sy_sb_new_id(r->sb, r->mem, "log_", 12));
}

static void write_refusal(struct sy_sb_request *r, const struct sy_sb_run *run, bool session)
{
    struct sy_json_writer *w = &r->w;
    struct sy_str message =
        sy_arena_printf(r->mem, "HTTP %d: %.*s", run->status, SY_FMT(run->problem));
    sy_jw_object(w);
    sy_jw_name(w, "data");
    sy_jw_object(w);
    sy_jw_member_i64(w, "status_code", run->status);
    sy_jw_member_str(w, "message", run->body);
    sy_jw_object_end(w);
    sy_jw_member_str(w, "error", message);
    if (!session) {
        sy_jw_member_bool(w, "successful", false);
        sy_jw_name(w, "session_info");
        sy_jw_null(w);
        sy_jw_member_i64(w, "mercury_last_http_status_code", run->status);
        sy_jw_member_bool(w, "auth_refresh_required", false);
    }
    write_log_id(r);
    sy_jw_object_end(w);
}

static void write_bad_arguments(struct sy_sb_request *r, const struct sy_sb_run *run, bool session)
{
    bool absent = sy_str_eq(run->problem, SY_STR("value is required"));
    sy_jw_object(&r->w);
    sy_jw_member_raw(&r->w, "data", SY_STR("{}"));
    sy_jw_member_str(&r->w, "error",
                     sy_arena_printf(r->mem,
                                     absent ? "Invalid request data provided - Following fields "
                                              "are missing: {'%.*s'}"
                                            : "Invalid request data provided - Field '%.*s' has "
                                              "the wrong type",
                                     SY_FMT(run->field)));
    if (!session)
        sy_jw_member_bool(&r->w, "successful", false);
    write_log_id(r);
    sy_jw_object_end(&r->w);
}

void sy_sb_composio_run(struct sy_sb_request *r, const struct sy_sb_tool *tool,
                        struct sy_sb_account *account, struct sy_json arguments, bool session)
{
    struct sy_sb_run run;
    struct sy_str none = {NULL, 0};
    sy_sb_run(r, tool, account, arguments, none, &run);
    if (run.bad_arguments) {
        write_bad_arguments(r, &run, session);
        return;
    }
    if (run.status >= 400) {
        write_refusal(r, &run, session);
        return;
    }
    sy_jw_object(&r->w);
    sy_jw_member_raw(&r->w, "data", run.body);
    sy_jw_member_z(&r->w, "error", NULL);
    if (!session) {
        sy_jw_member_bool(&r->w, "successful", true);
        sy_jw_name(&r->w, "session_info");
        sy_jw_null(&r->w);
    }
    write_log_id(r);
    sy_jw_object_end(&r->w);
}

/* ---- whose account ---- */

static struct sy_str user_of(const struct sy_sb_request *r)
{
    struct sy_str user = sy_sb_member(r, "user_id");
    return user.ptr ? user : sy_sb_member(r, "entity_id");
}

static void no_account(struct sy_sb_request *r, struct sy_str id, struct sy_str user,
                       struct sy_str toolkit)
{
    const char *with = id.ptr ? " with ID " : "";
    sy_sb_composio_error(
        r, sy_sb_composio_is_v3(r) ? 400 : 404, 1810, "ActionExecute_ConnectedAccountNotFound",
        "Connect an account for this toolkit first.",
        "No connected account found%s%.*s for user ID %.*s for toolkit %.*s", with,
        SY_FMT(sy_str_head(id, 100)), SY_FMT(sy_str_head(user, 300)), SY_FMT(toolkit));
}

/* The account to run on. False after answering; *ret is NULL where no account is needed. */
static bool choose_account(struct sy_sb_request *r, const struct sy_sb_app *app,
                           struct sy_sb_account **ret)
{
    struct sy_str user = user_of(r);
    struct sy_str id = sy_sb_member(r, "connected_account_id");
    struct sy_str none = {NULL, 0};
    struct sy_sb_account *account = NULL;
    *ret = NULL;
    if (app->no_auth)
        return true;
    if (id.ptr) {
        account = sy_sb_account_by_id(r->sb, SY_SB_COMPOSIO, id);
        if (account && user.ptr && !sy_str_eq(account->user, user)) {
            sy_sb_composio_error(r, 400, 1812, "ActionExecute_ConnectedAccountEntityIdMismatch",
                                 "The connected_account_id you provided belongs to a different "
                                 "entity.",
                                 "Connected account does not belong to user ID %.*s",
                                 SY_FMT(sy_str_head(user, 300)));
            return false;
        }
    } else if (user.ptr) {
        account = sy_sb_account_find(r->sb, SY_SB_COMPOSIO, user, app, none);
    }
    if (!account || account->app != app || (!id.ptr && account->status != SY_SB_ACTIVE)) {
        no_account(r, id, user, app->slug);
        return false;
    }
    if (account->status != SY_SB_ACTIVE) {
        sy_sb_composio_error(r, 422, 1811, "ActionExecute_ConnectedAccountNotActive",
                             "Reconnect the account.", "Connected account %.*s is in %s state",
                             SY_FMT(account->id), sy_sb_composio_status(account->status));
        return false;
    }
    *ret = account;
    return true;
}

static void execute(struct sy_sb_request *r, struct sy_str slug)
{
    struct sy_str version = sy_sb_composio_version(r, sy_sb_member(r, "version"));
    const struct sy_sb_tool *tool = sy_sb_composio_tool(r, slug, version);
    struct sy_sb_account *account;
    struct sy_json arguments = sy_json_get_z(r->json, "arguments");
    if (!tool) {
        sy_sb_composio_error(r, 404, 2401, "Tool_ToolNotFound", "Check your input.",
                             "Tool %.*s not found", SY_FMT(sy_str_head(slug, 200)));
        return;
    }
    if (arguments.type != SY_JSON_NONE && arguments.type != SY_JSON_OBJECT) {
        sy_sb_composio_error(r, 400, 10400, "HTTP_BadRequest", "Send arguments as an object.",
                             "arguments: Expected object");
        return;
    }
    if (!choose_account(r, tool->app, &account))
        return;
    sy_sb_composio_run(r, tool, account, arguments, false);
    sy_sb_send(r, 200);
}

/* Stands in for the model that turns text into arguments: "a/b" in the text is owner and repo, all
 * else becomes the first required string. */
static void input(struct sy_sb_request *r, struct sy_str slug)
{
    struct sy_str text = sy_sb_member(r, "text");
    const struct sy_sb_tool *tool =
        sy_sb_composio_tool(r, slug, sy_sb_composio_version(r, sy_sb_member(r, "version")));
    struct sy_json_iter it = sy_json_iter(tool ? tool->required : (struct sy_json){0});
    struct sy_str none, part;
    struct sy_json one;
    if (!tool || !text.ptr) {
        sy_sb_composio_error(r, tool ? 400 : 404, tool ? 10400 : 2401,
                             tool ? "HTTP_BadRequest" : "Tool_ToolNotFound", "Check your input.",
                             tool ? "text is required" : "Tool not found");
        return;
    }
    struct sy_str owner = {NULL, 0};
    struct sy_str repo = {NULL, 0};
    struct sy_str rest = text;
    while (sy_str_split(&rest, ' ', &part)) {
        size_t slash = sy_str_find_char(part, '/');
        if (slash != (size_t)-1) {
            owner = sy_str_head(part, slash);
            repo = sy_str_skip(part, slash + 1);
        }
    }
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "arguments");
    sy_jw_object(&r->w);
    while (sy_json_next(&it, &none, &one)) {
        struct sy_str name = sy_json_text(one, r->mem);
        sy_jw_name_str(&r->w, name);
        sy_jw_str(&r->w, owner.ptr && sy_str_eq(name, SY_STR("owner")) ? owner
                         : repo.ptr && sy_str_eq(name, SY_STR("repo")) ? repo
                                                                       : text);
    }
    sy_jw_object_end(&r->w);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* ---- proxy ---- */

static bool same_site(struct sy_str url, struct sy_str base)
{
    struct sy_str scheme = SY_STR("https://");
    if (!sy_str_starts(url, scheme) || !sy_str_starts(base, scheme))
        return false;
    struct sy_str host = sy_str_skip(url, scheme.len);
    struct sy_str own = sy_str_skip(base, scheme.len);
    size_t slash = sy_str_find_char(host, '/');
    size_t own_slash = sy_str_find_char(own, '/');
    host = slash == (size_t)-1 ? host : sy_str_head(host, slash);
    own = own_slash == (size_t)-1 ? own : sy_str_head(own, own_slash);
    /* the last two labels stand for the registrable domain */
    size_t dots = 0;
    size_t from = own.len;
    while (from > 0 && dots < 2)
        dots += own.ptr[--from] == '.';
    return sy_str_ends(host, dots == 2 ? sy_str_skip(own, from + 1) : own);
}

static bool is_private(struct sy_str url)
{
    static const char *const starts[] = {"http://localhost",  "http://127.",     "http://10.",
                                         "http://192.168.",   "http://169.254.", "https://127.",
                                         "https://localhost", "https://169.254."};
    for (size_t i = 0; i < SY_ARRAY_LEN(starts); i++) {
        if (sy_str_starts(url, sy_str_of(starts[i])))
            return true;
    }
    return false;
}

void sy_sb_composio_proxy(struct sy_sb_request *r, struct sy_sb_account *account)
{
    struct sy_str endpoint = sy_sb_member(r, "endpoint");
    struct sy_str method = sy_sb_member(r, "method");
    bool absolute = sy_str_find(endpoint, SY_STR("://")) != (size_t)-1;
    struct sy_sb_run run;
    if (!endpoint.ptr || !method.ptr) {
        sy_sb_composio_error(r, 400, 10400, "HTTP_BadRequest", "",
                             "endpoint and method are required");
        return;
    }
    if (absolute && is_private(endpoint)) {
        sy_sb_composio_error(r, 400, 5101, "ExternalProxy_SSRFBlocked", "",
                             "The endpoint is not a public address");
        return;
    }
    if (absolute && !same_site(endpoint, account->app->base_url)) {
        sy_sb_composio_error(r, 400, 5102, "ExternalProxy_OriginMismatch", "",
                             "The endpoint is not on the toolkit's domain");
        return;
    }
    const struct sy_str parts[2] = {absolute ? SY_STR("") : account->app->base_url, endpoint};
    sy_sb_provider(r, account, method, sy_arena_join(r->mem, parts, 2),
                   sy_json_get_z(r->json, "body").raw, &run);
    sy_jw_object(&r->w);
    sy_jw_member_raw(&r->w, "data", run.body);
    sy_jw_member_i64(&r->w, "status", run.status);
    sy_jw_member_raw(&r->w, "headers", SY_STR("{\"content-type\":\"application/json\"}"));
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

static void proxy(struct sy_sb_request *r)
{
    struct sy_str id = sy_sb_member(r, "connected_account_id");
    if (sy_str_eq(sy_sb_header(r, "x-api-key"), SY_STR(SY_SB_COMPOSIO_KEY_NO_PROXY))) {
        sy_sb_composio_error(r, 403, 812, "APIKey_InsufficientPermissions", "",
                             "Proxy execute is not enabled for this API key. Create a new scoped "
                             "API key with proxy execute functionality");
        return;
    }
    if (!id.ptr) {
        sy_sb_composio_error(r, 400, 5100, "ExternalProxy_MissingAuthContext", "",
                             "connected_account_id is required");
        return;
    }
    struct sy_sb_account *account = sy_sb_account_by_id(r->sb, SY_SB_COMPOSIO, id);
    if (!account) {
        sy_sb_composio_error(r, 404, 606, "ConnectedAccount_ResourceNotFound", "",
                             "Connected account \"%.*s\" not found", SY_FMT(sy_str_head(id, 100)));
        return;
    }
    sy_sb_composio_proxy(r, account);
}

void sy_sb_composio_execute(struct sy_sb_request *r)
{
    if (r->segs == 5 && sy_sb_seg(r, 4, "proxy"))
        proxy(r);
    else if (r->segs == 5)
        execute(r, r->seg[4]);
    else if (r->segs == 6 && sy_sb_seg(r, 5, "input"))
        input(r, r->seg[4]);
    else
        sy_sb_composio_not_found(r);
}
