/* Composio tool-router sessions: what the SDK's list, search, connect, execute and proxy use. */
#include "sandbox/composio.h"

#define SESSIONS_MAX 10000u

static struct sy_sb_session *find(struct sy_sb_request *r)
{
    struct sy_sb_session *s =
        r->segs >= 5 ? sy_sb_index_get(&r->sb->session_by_id, r->seg[4]) : NULL;
    if (!s || s->deleted) {
        sy_sb_composio_error(r, 404, 4304, "ToolRouterV2_SessionNotFound", "Create a session.",
                             "Session not found");
        return NULL;
    }
    return s;
}

static bool list_has(struct sy_json list, struct sy_str text)
{
    struct sy_json_iter it = sy_json_iter(list);
    struct sy_str none;
    struct sy_json one;
    while (sy_json_next(&it, &none, &one)) {
        if (one.type == SY_JSON_STRING && sy_json_name_is(one.raw, text))
            return true;
    }
    return false;
}

bool sy_sb_composio_allows(const struct sy_sb_session *s, const struct sy_sb_app *app)
{
    struct sy_json toolkits = sy_json_get_z(s->config, "toolkits");
    struct sy_json enable = sy_json_get_z(toolkits, "enable");
    if (toolkits.type == SY_JSON_ARRAY)
        return list_has(toolkits, app->slug);
    if (enable.type == SY_JSON_ARRAY)
        return list_has(enable, app->slug);
    return !list_has(sy_json_get_z(toolkits, "disable"), app->slug);
}

/* ---- the session itself ---- */

/* A member of the create body with enable/disable renamed to enabled/disabled. */
static void write_switch(struct sy_json_writer *w, const char *name, struct sy_json value)
{
    struct sy_json_iter it = sy_json_iter(value);
    struct sy_str key;
    struct sy_json one;
    if (value.type == SY_JSON_NONE)
        return;
    sy_jw_name(w, name);
    if (value.type != SY_JSON_OBJECT) {
        sy_jw_raw(w, value.raw);
        return;
    }
    sy_jw_object(w);
    while (sy_json_next(&it, &key, &one)) {
        struct sy_str plain = sy_str_from(key.ptr + 1, key.len - 2);
        if (sy_str_eq(plain, SY_STR("enable")))
            plain = SY_STR("enabled");
        else if (sy_str_eq(plain, SY_STR("disable")))
            plain = SY_STR("disabled");
        sy_jw_name_str(w, plain);
        sy_jw_raw(w, one.raw);
    }
    sy_jw_object_end(w);
}

/* Local tools and toolkits come back under the names the server gives them. */
static void write_custom(struct sy_sb_request *r, struct sy_json tools, struct sy_str toolkit)
{
    struct sy_json_iter it = sy_json_iter(tools);
    struct sy_str none;
    struct sy_json one;
    sy_jw_array(&r->w);
    while (sy_json_next(&it, &none, &one)) {
        struct sy_str slug = sy_json_text(sy_json_get_z(one, "slug"), r->mem);
        struct sy_str extends = sy_json_text(sy_json_get_z(one, "extends_toolkit"), r->mem);
        struct sy_str group = toolkit.ptr ? toolkit : extends;
        struct sy_buf name;
        sy_buf_init_arena(&name, r->mem, 512);
        sy_buf_append_z(&name, "LOCAL_");
        for (size_t i = 0; i < group.len + slug.len; i++) {
            char c = i < group.len ? group.ptr[i] : slug.ptr[i - group.len];
            if (i == group.len && i > 0)
                sy_buf_append_char(&name, '_');
            sy_buf_append_char(&name, (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c));
        }
        sy_jw_object(&r->w);
        sy_jw_member_str(&r->w, "slug", sy_buf_str(&name));
        sy_jw_member_str(&r->w, "original_slug", slug);
        sy_jw_opt_str(&r->w, "extends_toolkit", extends);
        sy_jw_object_end(&r->w);
    }
    sy_jw_array_end(&r->w);
}

static void write_experimental(struct sy_sb_request *r, const struct sy_sb_session *s)
{
    struct sy_json kits = sy_json_get_z(s->custom, "custom_toolkits");
    struct sy_json_iter it = sy_json_iter(kits);
    struct sy_str none = {NULL, 0};
    struct sy_str key;
    struct sy_json one;
    if (s->custom.type != SY_JSON_OBJECT)
        return;
    sy_jw_name(&r->w, "experimental");
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "custom_tools");
    write_custom(r, sy_json_get_z(s->custom, "custom_tools"), none);
    sy_jw_name(&r->w, "custom_toolkits");
    sy_jw_array(&r->w);
    while (sy_json_next(&it, &key, &one)) {
        struct sy_str slug = sy_json_text(sy_json_get_z(one, "slug"), r->mem);
        sy_jw_object(&r->w);
        sy_jw_member_str(&r->w, "slug", slug);
        sy_jw_name(&r->w, "tools");
        write_custom(r, sy_json_get_z(one, "tools"), slug);
        sy_jw_object_end(&r->w);
    }
    sy_jw_array_end(&r->w);
    sy_jw_object_end(&r->w);
}

static void answer_session(struct sy_sb_request *r, const struct sy_sb_session *s, int status)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_object(w);
    sy_jw_member_str(w, "session_id", s->id);
    sy_jw_name(w, "mcp");
    sy_jw_object(w);
    sy_jw_member_z(w, "type", "http");
    sy_jw_member_str(
        w, "url",
        sy_arena_printf(r->mem, "%s/tool_router/%.*s/mcp", r->listener->url, SY_FMT(s->id)));
    sy_jw_object_end(w);
    sy_jw_member_raw(w, "tool_router_tools",
                     SY_STR("[\"COMPOSIO_SEARCH_TOOLS\",\"COMPOSIO_GET_TOOL_SCHEMAS\","
                            "\"COMPOSIO_MULTI_EXECUTE_TOOL\",\"COMPOSIO_MANAGE_CONNECTIONS\"]"));
    sy_jw_name(w, "config");
    sy_jw_object(w);
    sy_jw_member_str(w, "user_id", s->user);
    write_switch(w, "manage_connections", sy_json_get_z(s->config, "manage_connections"));
    write_switch(w, "toolkits", sy_json_get_z(s->config, "toolkits"));
    write_switch(w, "auth_configs", sy_json_get_z(s->config, "auth_configs"));
    write_switch(w, "connected_accounts", sy_json_get_z(s->config, "connected_accounts"));
    write_switch(w, "tags", sy_json_get_z(s->config, "tags"));
    sy_jw_member_raw(w, "preload", SY_STR("{\"tools\":[]}"));
    sy_jw_member_raw(w, "search", SY_STR("{}"));
    sy_jw_member_raw(w, "execute", SY_STR("{}"));
    sy_jw_object_end(w);
    sy_jw_member_i64(w, "config_version", 1);
    write_experimental(r, s);
    sy_jw_object_end(w);
    sy_sb_send(r, status);
}

static bool toolkits_known(struct sy_sb_request *r)
{
    struct sy_json toolkits = sy_json_get_z(r->json, "toolkits");
    struct sy_json enable = sy_json_get_z(toolkits, "enable");
    struct sy_json_iter it = sy_json_iter(enable.type == SY_JSON_ARRAY ? enable : toolkits);
    struct sy_str none;
    struct sy_json one;
    while (!it.object && sy_json_next(&it, &none, &one)) {
        struct sy_str slug = sy_json_text(one, r->mem);
        if (!sy_sb_app_find(r->sb, SY_SB_COMPOSIO, slug)) {
            sy_sb_composio_error(r, 400, 4305, "ToolRouterV2_InvalidToolkitSlugs", "",
                                 "Invalid toolkit slugs: %.*s. Please provide valid toolkit slugs.",
                                 SY_FMT(sy_str_head(slug, 100)));
            return false;
        }
    }
    return true;
}

/* Keeps a copy of a value beyond the request. */
static struct sy_json keep(struct sy_sandbox *sb, struct sy_json value)
{
    value.raw = sy_arena_copy(&sb->state, value.raw);
    return value;
}

static void create(struct sy_sb_request *r)
{
    struct sy_str user = sy_sb_member(r, "user_id");
    if (user.len == 0) {
        sy_sb_composio_error(r, 400, 4300, "ToolRouterV2_BadRequest", "", "user_id is required");
        return;
    }
    if (!toolkits_known(r))
        return;
    struct sy_sb_session *s = sy_arena_zalloc(&r->sb->state, sizeof(*s));
    if (!s || r->sb->sessions.count >= SESSIONS_MAX || !sy_sb_list_add(&r->sb->sessions, s)) {
        sy_sb_composio_error(r, 500, 4340, "ToolRouterV2_InternalServerError", "", "No room");
        return;
    }
    s->id = sy_sb_new_id(r->sb, &r->sb->state, "trs_", 12);
    s->user = sy_arena_copy(&r->sb->state, user);
    s->config = keep(r->sb, r->json);
    s->custom = sy_json_get_z(s->config, "experimental");
    s->created_ms = sy_sb_now(r->sb);
    sy_sb_index_put(&r->sb->session_by_id, s->id, s);
    answer_session(r, s, 201);
}

/* ---- what a session offers ---- */

struct sy_sb_account *sy_sb_composio_active(struct sy_sb_request *r, const struct sy_sb_session *s,
                                            const struct sy_sb_app *app)
{
    struct sy_str none = {NULL, 0};
    struct sy_sb_account *a = sy_sb_account_find(r->sb, SY_SB_COMPOSIO, s->user, app, none);
    return a && a->status == SY_SB_ACTIVE ? a : NULL;
}

static void write_toolkit(struct sy_sb_request *r, const struct sy_sb_app *app,
                          const struct sy_sb_account *account)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_object(w);
    sy_jw_member_str(w, "name", app->name);
    sy_jw_member_str(w, "slug", app->slug);
    sy_jw_member_bool(w, "enabled", true);
    sy_jw_member_bool(w, "is_no_auth", app->no_auth);
    sy_jw_name(w, "composio_managed_auth_schemes");
    sy_jw_array(w);
    if (app->managed)
        sy_jw_str(w, app->auth);
    sy_jw_array_end(w);
    sy_jw_name(w, "meta");
    sy_jw_object(w);
    sy_jw_member_str(
        w, "logo",
        sy_arena_printf(r->mem, "https://logos.composio.dev/api/%.*s", SY_FMT(app->slug)));
    sy_jw_member_str(w, "description", app->description);
    sy_jw_object_end(w);
    sy_jw_name(w, "connected_account");
    if (account) {
        sy_jw_object(w);
        sy_jw_member_str(w, "id", account->id);
        sy_jw_member_str(w, "user_id", account->user);
        sy_jw_member_z(w, "status", sy_sb_composio_status(account->status));
        sy_jw_member_time(w, "created_at", account->created_ms);
        sy_jw_name(w, "auth_config");
        sy_jw_object(w);
        sy_jw_member_str(w, "id", account->config ? account->config->id : SY_STR(""));
        sy_jw_member_str(w, "auth_scheme", app->auth);
        sy_jw_member_bool(w, "is_composio_managed", app->managed);
        sy_jw_object_end(w);
        sy_jw_object_end(w);
    } else {
        sy_jw_null(w);
    }
    sy_jw_object_end(w);
}

static void toolkits(struct sy_sb_request *r, const struct sy_sb_session *s)
{
    struct sy_sb_page page;
    struct sy_str search = sy_sb_query(r, "search");
    struct sy_str connected = sy_sb_query(r, "is_connected");
    const struct sy_sb_list *apps = &r->sb->catalogue.apps[SY_SB_COMPOSIO];
    sy_sb_page_begin(r, &page, sy_sb_query_int(r, "limit", 20), 50);
    for (size_t i = 0; i < apps->count; i++) {
        const struct sy_sb_app *app = apps->items[i];
        if (!sy_sb_composio_allows(s, app) || !sy_sb_query_has(r, "toolkits", app->slug) ||
            (search.len > 0 && !sy_sb_contains(app->slug, search)))
            continue;
        const struct sy_sb_account *account = sy_sb_composio_active(r, s, app);
        if (connected.len > 0 && sy_str_eq(connected, SY_STR("true")) != (account != NULL))
            continue;
        if (sy_sb_page_wants(&page))
            write_toolkit(r, app, account);
    }
    sy_sb_page_end(r, &page);
}

static void tools(struct sy_sb_request *r, const struct sy_sb_session *s)
{
    struct sy_sb_page page;
    const struct sy_sb_list *all = &r->sb->catalogue.tools[SY_SB_COMPOSIO];
    sy_sb_page_begin(r, &page, sy_sb_query_int(r, "limit", 20), 500);
    for (size_t i = 0; i < all->count; i++) {
        const struct sy_sb_tool *tool = all->items[i];
        if (tool->important && sy_sb_composio_allows(s, tool->app) && sy_sb_page_wants(&page))
            sy_sb_composio_write_tool(r, tool);
    }
    sy_sb_page_end(r, &page);
}

/* ---- execute, link, proxy ---- */

static bool usable(struct sy_sb_request *r, const struct sy_sb_session *s,
                   const struct sy_sb_app *app, struct sy_sb_account **ret)
{
    *ret = NULL;
    if (!sy_sb_composio_allows(s, app)) {
        sy_sb_composio_error(r, 400, 4324, "ToolRouterV2_ToolkitNotAllowed", "",
                             "[Session Restriction] Toolkit '%.*s' is not allowed for this session",
                             SY_FMT(app->slug));
        return false;
    }
    *ret = app->no_auth ? NULL : sy_sb_composio_active(r, s, app);
    if (!*ret && !app->no_auth) {
        sy_sb_composio_error(r, 400, 4302, "ToolRouterV2_NoActiveConnection", "Connect an account.",
                             "No active connection found for toolkit(s) '%.*s' in this session",
                             SY_FMT(app->slug));
        return false;
    }
    return true;
}

static void execute(struct sy_sb_request *r, const struct sy_sb_session *s)
{
    struct sy_str slug = sy_sb_member(r, "tool_slug");
    struct sy_sb_account *account;
    const struct sy_sb_tool *tool = sy_sb_tool_find(r->sb, SY_SB_COMPOSIO, slug);
    if (!tool) {
        sy_sb_composio_error(r, 400, 4301, "ToolRouterV2_ToolNotFound", "Check your input.",
                             "Tool %.*s not found", SY_FMT(sy_str_head(slug, 200)));
        return;
    }
    if (!usable(r, s, tool->app, &account))
        return;
    sy_sb_composio_run(r, tool, account, sy_json_get_z(r->json, "arguments"), true);
    sy_sb_send(r, 200);
}

static struct sy_sb_app *named_toolkit(struct sy_sb_request *r, const char *member)
{
    struct sy_str slug = sy_sb_member(r, member);
    struct sy_sb_app *app = sy_sb_app_find(r->sb, SY_SB_COMPOSIO, slug);
    if (!app)
        sy_sb_composio_error(r, 400, 4305, "ToolRouterV2_InvalidToolkitSlugs", "",
                             "Invalid toolkit slugs: %.*s. Please provide valid toolkit slugs.",
                             SY_FMT(sy_str_head(slug, 100)));
    return app;
}

static void make_link(struct sy_sb_request *r, const struct sy_sb_session *s)
{
    struct sy_sb_app *app = named_toolkit(r, "toolkit");
    if (!app)
        return;
    if (app->no_auth) {
        sy_sb_composio_error(r, 400, 4326, "ToolRouterV2_ToolkitsIsNoAuth", "",
                             "Toolkit %.*s does not require authentication.", SY_FMT(app->slug));
        return;
    }
    struct sy_sb_config *config = sy_sb_config_of(r->sb, app);
    if (!config && app->managed)
        config = sy_sb_config_add(r->sb, app, app->name, true);
    if (!config) {
        sy_sb_composio_error(r, 400, 4308, "ToolRouterV2_NoManagedAuth", "",
                             "Composio does not manage auth for toolkit %.*s and no auth config "
                             "without required fields is available.",
                             SY_FMT(app->slug));
        return;
    }
    struct sy_sb_link *link =
        sy_sb_composio_link(r, config, s->user, sy_sb_member(r, "callback_url"));
    if (!link)
        return;
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "link_token", link->token);
    sy_jw_member_str(&r->w, "redirect_url", sy_sb_composio_link_url(r, link));
    sy_jw_member_str(&r->w, "connected_account_id", link->account->id);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 201);
}

static void proxy(struct sy_sb_request *r, const struct sy_sb_session *s)
{
    struct sy_sb_account *account;
    const struct sy_sb_app *app = named_toolkit(r, "toolkit_slug");
    if (!app || !usable(r, s, app, &account))
        return;
    if (!account)
        sy_sb_composio_error(r, 400, 4326, "ToolRouterV2_ToolkitsIsNoAuth", "",
                             "Toolkit %.*s does not require authentication.", SY_FMT(app->slug));
    else
        sy_sb_composio_proxy(r, account);
}

static void sub_resource(struct sy_sb_request *r, struct sy_sb_session *s)
{
    bool post = r->head->method == SY_HTTP_POST;
    if (!post && sy_sb_seg(r, 5, "toolkits"))
        toolkits(r, s);
    else if (!post && sy_sb_seg(r, 5, "tools"))
        tools(r, s);
    else if (post && sy_sb_seg(r, 5, "search"))
        sy_sb_composio_search(r, s);
    else if (post && sy_sb_seg(r, 5, "execute"))
        execute(r, s);
    else if (post && sy_sb_seg(r, 5, "link"))
        make_link(r, s);
    else if (post && sy_sb_seg(r, 5, "proxy_execute"))
        proxy(r, s);
    else if (post && sy_sb_seg(r, 5, "attach")) {
        s->custom = keep(r->sb, sy_json_get_z(r->json, "experimental"));
        answer_session(r, s, 200);
    } else {
        sy_sb_composio_not_found(r);
    }
}

void sy_sb_composio_sessions(struct sy_sb_request *r)
{
    if (!sy_sb_seg(r, 3, "session")) {
        sy_sb_composio_not_found(r);
        return;
    }
    if (sy_sb_is(r, SY_HTTP_POST, 4)) {
        create(r);
        return;
    }
    struct sy_sb_session *s = find(r);
    if (!s)
        return;
    if (r->segs == 6) {
        sub_resource(r, s);
    } else if (sy_sb_is(r, SY_HTTP_GET, 5)) {
        answer_session(r, s, 200);
    } else if (sy_sb_is(r, SY_HTTP_PATCH, 5)) {
        if (!toolkits_known(r))
            return;
        s->config = keep(r->sb, r->json);
        answer_session(r, s, 200);
    } else if (sy_sb_is(r, SY_HTTP_DELETE, 5)) {
        s->deleted = true;
        sy_jw_object(&r->w);
        sy_jw_member_str(&r->w, "session_id", s->id);
        sy_jw_member_bool(&r->w, "deleted", true);
        sy_jw_object_end(&r->w);
        sy_sb_send(r, 200);
    } else {
        sy_sb_composio_not_found(r);
    }
}
