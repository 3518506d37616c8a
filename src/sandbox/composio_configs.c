/* Composio auth configs: what a toolkit is connected with. */
#include "sandbox/composio.h"

static void write_config(struct sy_sb_request *r, const struct sy_sb_config *config)
{
    struct sy_json_writer *w = &r->w;
    int64_t connections = 0;
    for (size_t i = 0; i < r->sb->accounts.count; i++) {
        const struct sy_sb_account *a = r->sb->accounts.items[i];
        connections += a->config == config && !a->deleted;
    }
    sy_jw_object(w);
    sy_jw_member_str(w, "id", config->id);
    sy_jw_member_str(w, "uuid", config->id);
    sy_jw_member_z(w, "type", config->managed ? "default" : "custom");
    sy_jw_name(w, "toolkit");
    sy_jw_object(w);
    sy_jw_member_str(w, "slug", config->app->slug);
    sy_jw_member_str(
        w, "logo",
        sy_arena_printf(r->mem, "https://logos.composio.dev/api/%.*s", SY_FMT(config->app->slug)));
    sy_jw_object_end(w);
    sy_jw_member_str(w, "name", config->name);
    sy_jw_member_str(w, "auth_scheme", config->app->auth);
    sy_jw_member_bool(w, "is_composio_managed", config->managed);
    sy_jw_name(w, "credentials");
    sy_jw_object(w);
    sy_jw_opt_str(w, "scopes", config->scopes);
    sy_jw_object_end(w);
    sy_jw_member_z(w, "status", config->disabled ? "DISABLED" : "ENABLED");
    sy_jw_member_time(w, "created_at", config->created_ms);
    sy_jw_member_time(w, "last_updated_at", config->created_ms);
    sy_jw_member_i64(w, "no_of_connections", connections);
    sy_jw_member_raw(w, "expected_input_fields", SY_STR("[]"));
    sy_jw_member_raw(w, "tool_access_config", SY_STR("{}"));
    sy_jw_member_bool(w, "is_enabled_for_tool_router", true);
    sy_jw_object_end(w);
}

static void list(struct sy_sb_request *r)
{
    struct sy_sb_page page;
    struct sy_str managed = sy_sb_query(r, "is_composio_managed");
    struct sy_str search = sy_sb_query(r, "search");
    sy_sb_page_begin(r, &page, sy_sb_query_int(r, "limit", 20), 200);
    for (size_t i = 0; i < r->sb->configs.count; i++) {
        const struct sy_sb_config *config = r->sb->configs.items[i];
        if (config->deleted || !sy_sb_query_has(r, "toolkit_slug", config->app->slug) ||
            (managed.len > 0 && sy_str_eq(managed, SY_STR("true")) != config->managed) ||
            (config->disabled && !sy_sb_query_true(r, "show_disabled")) ||
            (search.len > 0 && !sy_sb_contains(config->name, search)))
            continue;
        if (sy_sb_page_wants(&page))
            write_config(r, config);
    }
    sy_sb_page_end(r, &page);
}

static struct sy_str scopes_text(struct sy_sb_request *r, struct sy_json credentials)
{
    struct sy_json scopes = sy_json_get_z(credentials, "scopes");
    struct sy_str text = sy_json_text(scopes, r->mem);
    return sy_arena_copy(&r->sb->state, text.ptr ? text : scopes.raw);
}

static void create(struct sy_sb_request *r)
{
    struct sy_json own = sy_json_get_z(r->json, "auth_config");
    struct sy_str slug = sy_json_text(sy_json_path(r->json, "toolkit.slug"), r->mem);
    struct sy_str type = sy_json_text(sy_json_get_z(own, "type"), r->mem);
    struct sy_str name = sy_json_text(sy_json_get_z(own, "name"), r->mem);
    struct sy_sb_app *app = sy_sb_app_find(r->sb, SY_SB_COMPOSIO, slug);
    bool managed = !sy_str_eq(type, SY_STR("use_custom_auth"));
    if (!app) {
        sy_sb_composio_error(r, 404, 2301, "Toolkit_NotFound", "Check the toolkit slug.",
                             "Toolkit %.*s not found", SY_FMT(sy_str_head(slug, 100)));
        return;
    }
    if (managed && !app->managed) {
        sy_sb_composio_error(
            r, 400, 301, "AuthConfig_DefaultAuthConfigNotFound", "Create a custom auth config.",
            "Default auth config not found for toolkit \"%.*s\"", SY_FMT(app->slug));
        return;
    }
    struct sy_sb_config *config =
        sy_sb_config_add(r->sb, app, name.ptr ? name : app->name, managed);
    if (!config) {
        sy_sb_composio_error(r, 500, 300, "AuthConfig_InternalError", "", "No room");
        return;
    }
    config->scopes = scopes_text(r, sy_json_get_z(own, "credentials"));
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "toolkit");
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "slug", app->slug);
    sy_jw_object_end(&r->w);
    sy_jw_name(&r->w, "auth_config");
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "id", config->id);
    sy_jw_member_str(&r->w, "auth_scheme", app->auth);
    sy_jw_member_bool(&r->w, "is_composio_managed", managed);
    sy_jw_object_end(&r->w);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 201);
}

static void one(struct sy_sb_request *r, struct sy_sb_config *config)
{
    enum sy_http_method method = r->head->method;
    if (method == SY_HTTP_GET && r->segs == 4) {
        write_config(r, config);
        sy_sb_send(r, 200);
        return;
    }
    if (method == SY_HTTP_DELETE && r->segs == 4) {
        config->deleted = true;
    } else if (method == SY_HTTP_PATCH && r->segs == 4) {
        struct sy_str scopes = scopes_text(r, r->json);
        if (scopes.ptr)
            config->scopes = scopes;
    } else if (method == SY_HTTP_PATCH && r->segs == 5 &&
               (sy_sb_seg(r, 4, "ENABLED") || sy_sb_seg(r, 4, "DISABLED"))) {
        config->disabled = sy_sb_seg(r, 4, "DISABLED");
    } else {
        sy_sb_composio_not_found(r);
        return;
    }
    sy_sb_send_text(r, 200, "{}");
}

void sy_sb_composio_configs(struct sy_sb_request *r)
{
    if (sy_sb_is(r, SY_HTTP_GET, 3)) {
        list(r);
        return;
    }
    if (sy_sb_is(r, SY_HTTP_POST, 3)) {
        create(r);
        return;
    }
    struct sy_sb_config *config = r->segs >= 4 ? sy_sb_config_find(r->sb, r->seg[3]) : NULL;
    if (config)
        one(r, config);
    else
        sy_sb_composio_error(r, 404, 607, "AuthConfig_NotFound", "Check the auth config id.",
                             "Auth config not found");
}
