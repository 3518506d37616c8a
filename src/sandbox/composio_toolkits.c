/* Composio's toolkits: lists, searches, single ones. */
#include "sandbox/composio.h"

#define LIMIT_MAX 1000

/* The list names categories by id, a single toolkit by slug. */
static void write_categories(struct sy_json_writer *w, const struct sy_sb_app *app, const char *key)
{
    sy_jw_name(w, "categories");
    sy_jw_array(w);
    sy_jw_object(w);
    sy_jw_member_str(w, key, app->category);
    sy_jw_member_str(w, "name", app->category);
    sy_jw_object_end(w);
    sy_jw_array_end(w);
}

static void write_schemes(struct sy_json_writer *w, const char *name, struct sy_str scheme,
                          bool any)
{
    sy_jw_name(w, name);
    sy_jw_array(w);
    if (any)
        sy_jw_str(w, scheme);
    sy_jw_array_end(w);
}

static void write_meta(struct sy_sb_request *r, const struct sy_sb_app *app, bool detail)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_name(w, "meta");
    sy_jw_object(w);
    sy_jw_member_z(w, "created_at", "2024-05-03T11:44:32.061Z");
    sy_jw_member_z(w, "updated_at", "2026-09-01T00:00:00.000Z");
    sy_jw_member_str(w, "description", app->description);
    sy_jw_member_str(
        w, "logo",
        sy_arena_printf(r->mem, "https://logos.composio.dev/api/%.*s", SY_FMT(app->slug)));
    sy_jw_member_z(w, "app_url", NULL);
    write_categories(w, app, detail ? "slug" : "id");
    sy_jw_member_i64(w, "triggers_count", 0);
    sy_jw_member_i64(w, "tools_count", app->tools);
    sy_jw_member_z(w, "version", "20260901_00");
    if (detail)
        sy_jw_member_raw(w, "available_versions",
                         SY_STR("[\"00000000_00\",\"20260801_00\",\"20260901_00\"]"));
    sy_jw_object_end(w);
}

static void write_deprecated(struct sy_sb_request *r, const struct sy_sb_app *app, bool detail)
{
    const struct sy_str parts[2] = {SY_STR("toolkit"), app->slug};
    sy_jw_name(&r->w, "deprecated");
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "toolkitId", sy_sb_derive_id(r->mem, "", 24, parts, 2));
    if (detail)
        sy_jw_member_raw(&r->w, "rawProxyInfoByAuthSchemes", SY_STR("[]"));
    sy_jw_object_end(&r->w);
}

static void write_auth_details(struct sy_sb_request *r, const struct sy_sb_app *app)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_name(w, "auth_config_details");
    sy_jw_array(w);
    sy_jw_object(w);
    sy_jw_member_str(w, "mode", app->auth);
    sy_jw_member_str(w, "name", app->name);
    sy_jw_member_raw(w, "fields",
                     SY_STR("{\"auth_config_creation\":{\"required\":[],\"optional\":[]},"
                            "\"connected_account_initiation\":{\"required\":[],"
                            "\"optional\":[]}}"));
    sy_jw_object_end(w);
    sy_jw_array_end(w);
    sy_jw_name(w, "composio_managed_auth");
    sy_jw_array(w);
    if (app->managed) {
        sy_jw_object(w);
        sy_jw_member_str(w, "mode", app->auth);
        sy_jw_name(w, "scopes");
        sy_jw_object(w);
        sy_jw_name(w, "available");
        sy_jw_raw(w, app->scopes.type == SY_JSON_ARRAY ? app->scopes.raw : SY_STR("[]"));
        sy_jw_object_end(w);
        sy_jw_object_end(w);
    }
    sy_jw_array_end(w);
}

static void write_toolkit(struct sy_sb_request *r, const struct sy_sb_app *app, bool detail)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_object(w);
    sy_jw_member_str(w, "slug", app->slug);
    sy_jw_member_str(w, "name", app->name);
    sy_jw_member_z(w, "type", "native");
    write_schemes(w, "auth_schemes", app->auth, true);
    write_schemes(w, "composio_managed_auth_schemes", app->auth, app->managed);
    sy_jw_member_bool(w, "is_local_toolkit", false);
    sy_jw_member_bool(w, "no_auth", app->no_auth);
    sy_jw_member_z(w, "auth_guide_url", NULL);
    if (detail) {
        sy_jw_member_bool(w, "enabled", true);
        sy_jw_member_str(w, "base_url", app->base_url);
        write_auth_details(r, app);
    }
    write_deprecated(r, app, detail);
    write_meta(r, app, detail);
    sy_jw_object_end(w);
}

static bool toolkit_matches(const struct sy_sb_request *r, const struct sy_sb_app *app)
{
    struct sy_str search = sy_sb_query(r, "search");
    struct sy_str managed = sy_sb_query(r, "managed_by");
    struct sy_str category = sy_sb_query(r, "category");
    if (search.len > 0 && !sy_sb_contains(app->slug, search) && !sy_sb_contains(app->name, search))
        return false;
    if (sy_str_eq(managed, SY_STR("composio")) && !app->managed)
        return false;
    return category.len == 0 || sy_str_eq(category, app->category);
}

static void list_toolkits(struct sy_sb_request *r)
{
    struct sy_sb_page page;
    const struct sy_sb_list *apps = &r->sb->catalogue.apps[SY_SB_COMPOSIO];
    struct sy_str search = sy_sb_query(r, "search");
    if (search.len > 0 && search.len < 3) {
        sy_sb_composio_error(r, 400, 10400, "HTTP_BadRequest", "",
                             "search must be at least 3 characters");
        return;
    }
    sy_sb_page_begin(r, &page, sy_sb_query_int(r, "limit", 20), LIMIT_MAX);
    for (size_t i = 0; i < apps->count; i++) {
        if (toolkit_matches(r, apps->items[i]) && sy_sb_page_wants(&page))
            write_toolkit(r, apps->items[i], false);
    }
    sy_sb_page_end(r, &page);
}

static bool json_list_has(struct sy_json list, struct sy_str text)
{
    struct sy_json_iter it = sy_json_iter(list);
    struct sy_str none;
    struct sy_json one;
    while (sy_json_next(&it, &none, &one)) {
        if (one.type == SY_JSON_STRING && sy_json_name_is(one.raw, text))
            return true;
    }
    return list.type == SY_JSON_NONE;
}

static void many_toolkits(struct sy_sb_request *r)
{
    struct sy_sb_page page;
    int64_t limit = 20;
    const struct sy_sb_list *apps = &r->sb->catalogue.apps[SY_SB_COMPOSIO];
    (void)sy_json_i64(sy_json_get_z(r->json, "limit"), &limit);
    sy_sb_page_begin(r, &page, limit, LIMIT_MAX);
    for (size_t i = 0; i < apps->count; i++) {
        const struct sy_sb_app *app = apps->items[i];
        if (json_list_has(sy_json_get_z(r->json, "toolkits"), app->slug) && sy_sb_page_wants(&page))
            write_toolkit(r, app, false);
    }
    sy_sb_page_end(r, &page);
}

static void categories(struct sy_sb_request *r)
{
    struct sy_sb_page page;
    struct sy_sb_index seen = {0};
    const struct sy_sb_list *apps = &r->sb->catalogue.apps[SY_SB_COMPOSIO];
    sy_sb_page_begin(r, &page, LIMIT_MAX, LIMIT_MAX);
    for (size_t i = 0; i < apps->count; i++) {
        struct sy_sb_app *app = apps->items[i];
        if (sy_sb_index_get(&seen, app->category) || !sy_sb_index_put(&seen, app->category, app) ||
            !sy_sb_page_wants(&page))
            continue;
        sy_jw_object(&r->w);
        sy_jw_member_str(&r->w, "id", app->category);
        sy_jw_member_str(&r->w, "name", app->category);
        sy_jw_object_end(&r->w);
    }
    sy_sb_index_release(&seen);
    sy_sb_page_end(r, &page);
}

void sy_sb_composio_toolkits(struct sy_sb_request *r)
{
    if (sy_sb_is(r, SY_HTTP_GET, 3)) {
        list_toolkits(r);
    } else if (sy_sb_is(r, SY_HTTP_GET, 4) && sy_sb_seg(r, 3, "categories")) {
        categories(r);
    } else if (sy_sb_is(r, SY_HTTP_POST, 4) && sy_sb_seg(r, 3, "multi")) {
        many_toolkits(r);
    } else if (sy_sb_is(r, SY_HTTP_GET, 4)) {
        const struct sy_sb_app *app = sy_sb_app_find(r->sb, SY_SB_COMPOSIO, r->seg[3]);
        if (!app) {
            sy_sb_composio_error(r, 404, 2301, "Toolkit_NotFound", "Check the toolkit slug.",
                                 "Toolkit %.*s not found", SY_FMT(sy_str_head(r->seg[3], 100)));
            return;
        }
        write_toolkit(r, app, true);
        sy_sb_send(r, 200);
    } else {
        sy_sb_composio_not_found(r);
    }
}
