/* Pipedream's apps and components. */
#include "sandbox/pipedream.h"

struct sy_str sy_sb_pd_app_id(struct sy_arena *mem, const struct sy_sb_app *app)
{
    const struct sy_str parts[2] = {SY_STR("app"), app->slug};
    return sy_sb_derive_id(mem, "app_", 6, parts, 2);
}

struct sy_sb_app *sy_sb_pd_app(struct sy_sb_request *r, struct sy_str slug_or_id)
{
    struct sy_sb_app *found = sy_sb_app_find(r->sb, SY_SB_PIPEDREAM, slug_or_id);
    const struct sy_sb_list *apps = &r->sb->catalogue.apps[SY_SB_PIPEDREAM];
    if (found || !sy_str_starts(slug_or_id, SY_STR("app_")))
        return found;
    for (size_t i = 0; i < apps->count && !found; i++) {
        if (sy_str_eq(sy_sb_pd_app_id(r->mem, apps->items[i]), slug_or_id))
            found = apps->items[i];
    }
    return found;
}

static const char *auth_type(const struct sy_sb_app *app)
{
    if (app->no_auth)
        return "none";
    return sy_str_eq(app->auth, SY_STR("OAUTH2")) ? "oauth" : "keys";
}

void sy_sb_pd_write_app(struct sy_sb_request *r, const struct sy_sb_app *app)
{
    struct sy_json_writer *w = &r->w;
    struct sy_str id = sy_sb_pd_app_id(r->mem, app);
    sy_jw_object(w);
    sy_jw_member_str(w, "id", id);
    sy_jw_member_str(w, "name_slug", app->slug);
    sy_jw_member_str(w, "name", app->name);
    sy_jw_member_z(w, "auth_type", auth_type(app));
    sy_jw_member_str(w, "description", app->description);
    sy_jw_member_str(
        w, "img_src",
        sy_arena_printf(r->mem, "https://assets.pipedream.net/s.v0/%.*s/logo/orig", SY_FMT(id)));
    sy_jw_member_z(w, "custom_fields_json",
                   sy_str_eq(app->auth, SY_STR("API_KEY"))
                       ? "[{\"name\":\"api_key\",\"label\":\"API key\",\"description\":\"\","
                         "\"default\":null,\"optional\":false}]"
                       : "[]");
    sy_jw_name(w, "categories");
    sy_jw_array(w);
    sy_jw_str(w, app->category);
    sy_jw_array_end(w);
    sy_jw_member_i64(w, "featured_weight", app->built_in ? 5000 : 100);
    sy_jw_name(w, "connect");
    sy_jw_object(w);
    sy_jw_member_bool(w, "proxy_enabled", app->proxy);
    sy_jw_name(w, "allowed_domains");
    sy_jw_null(w);
    sy_jw_member_str(w, "base_proxy_target_url", app->base_url);
    sy_jw_object_end(w);
    sy_jw_object_end(w);
}

static struct sy_str category_id(struct sy_sb_request *r, struct sy_str name)
{
    const struct sy_str parts[2] = {SY_STR("category"), name};
    return sy_sb_derive_id(r->mem, "appcat_", 7, parts, 2);
}

static void list_apps(struct sy_sb_request *r)
{
    struct sy_sb_pd_page page;
    struct sy_str q = sy_sb_query(r, "q");
    bool with_tools = sy_sb_query_true(r, "has_actions") || sy_sb_query_true(r, "has_components");
    bool triggers = sy_sb_query_true(r, "has_triggers");
    bool by_category = sy_sb_query(r, "category_ids").len > 0;
    const struct sy_sb_list *apps = &r->sb->catalogue.apps[SY_SB_PIPEDREAM];
    sy_sb_pd_page_begin(r, &page, 0);
    for (size_t i = 0; i < apps->count; i++) {
        const struct sy_sb_app *app = apps->items[i];
        if ((q.len > 0 && !sy_sb_contains(app->slug, q) && !sy_sb_contains(app->name, q)) ||
            (with_tools && app->tools == 0) || triggers ||
            (by_category && !sy_sb_query_has(r, "category_ids", category_id(r, app->category))))
            continue;
        if (sy_sb_pd_page_wants(r, &page, app->slug))
            sy_sb_pd_write_app(r, app);
    }
    sy_sb_pd_page_end(r, &page);
}

void sy_sb_pd_apps(struct sy_sb_request *r, size_t at)
{
    if (sy_sb_is(r, SY_HTTP_GET, at + 1)) {
        list_apps(r);
        return;
    }
    const struct sy_sb_app *app =
        sy_sb_is(r, SY_HTTP_GET, at + 2) ? sy_sb_pd_app(r, r->seg[at + 1]) : NULL;
    if (!app) {
        sy_sb_pd_error(r, 404, "record not found");
        return;
    }
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "data");
    sy_sb_pd_write_app(r, app);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* A bare array, or one bare object: unlike every other resource. */
void sy_sb_pd_categories(struct sy_sb_request *r, size_t at)
{
    const struct sy_sb_list *apps = &r->sb->catalogue.apps[SY_SB_PIPEDREAM];
    struct sy_sb_index seen = {0};
    bool one = r->segs == at + 2;
    bool found = false;
    if (!one)
        sy_jw_array(&r->w);
    for (size_t i = 0; i < apps->count && !found; i++) {
        struct sy_sb_app *app = apps->items[i];
        struct sy_str id = category_id(r, app->category);
        if (sy_sb_index_get(&seen, id) || !sy_sb_index_put(&seen, id, app) ||
            (one && !sy_str_eq(id, r->seg[at + 1])))
            continue;
        sy_jw_object(&r->w);
        sy_jw_member_str(&r->w, "id", id);
        sy_jw_member_str(&r->w, "name", app->category);
        sy_jw_member_z(&r->w, "description", "");
        sy_jw_object_end(&r->w);
        found = one;
    }
    sy_sb_index_release(&seen);
    if (!one)
        sy_jw_array_end(&r->w);
    if (one && !found)
        sy_sb_pd_error(r, 404, "record not found");
    else
        sy_sb_send(r, 200);
}
