/* Pipedream's components (all of them actions here): definitions, remote options, runs. */
#include "sandbox/pipedream.h"

static const char *prop_type(struct sy_sb_request *r, struct sy_json schema)
{
    struct sy_str type = sy_json_text(sy_json_get_z(schema, "type"), r->mem);
    static const char *const known[] = {"string", "integer", "boolean", "object"};
    for (size_t i = 0; i < SY_ARRAY_LEN(known); i++) {
        if (sy_str_eq(type, sy_str_of(known[i])))
            return known[i];
    }
    return sy_str_eq(type, SY_STR("array")) ? "string[]" : "any";
}

static bool is_required(const struct sy_sb_tool *tool, struct sy_str raw_name)
{
    struct sy_json_iter it = sy_json_iter(tool->required);
    struct sy_str none;
    struct sy_json one;
    while (sy_json_next(&it, &none, &one)) {
        if (sy_str_eq(one.raw, raw_name))
            return true;
    }
    return false;
}

static void write_props(struct sy_sb_request *r, const struct sy_sb_tool *tool)
{
    struct sy_json_writer *w = &r->w;
    struct sy_json_iter it = sy_json_iter(tool->input);
    struct sy_str name;
    struct sy_json schema;
    sy_jw_array(w);
    sy_jw_object(w);
    sy_jw_member_str(w, "name", tool->app->prop);
    sy_jw_member_z(w, "type", "app");
    sy_jw_member_str(w, "app", tool->app->slug);
    sy_jw_object_end(w);
    while (sy_json_next(&it, &name, &schema)) {
        struct sy_json quoted = {.type = SY_JSON_STRING, .raw = name};
        struct sy_str plain = sy_json_text(quoted, r->mem);
        sy_jw_object(w);
        sy_jw_member_raw(w, "name", name);
        sy_jw_member_z(w, "type", prop_type(r, schema));
        sy_jw_member_str(w, "label", plain);
        sy_jw_member_str(w, "description",
                         sy_json_text(sy_json_get_z(schema, "description"), r->mem));
        sy_jw_member_bool(w, "optional", !is_required(tool, name));
        struct sy_json options = sy_json_get_z(schema, "enum");
        if (options.type == SY_JSON_ARRAY)
            sy_jw_member_bool(w, "remoteOptions", true);
        sy_jw_object_end(w);
    }
    sy_jw_array_end(w);
}

static void write_component(struct sy_sb_request *r, const struct sy_sb_tool *tool)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_object(w);
    sy_jw_member_str(w, "name", tool->title);
    sy_jw_member_z(w, "version", "0.1.2");
    sy_jw_member_str(w, "key", tool->name);
    sy_jw_member_str(w, "description", tool->description);
    sy_jw_member_z(w, "component_type", "action");
    sy_jw_name(w, "stash");
    sy_jw_null(w);
    sy_jw_name(w, "annotations");
    sy_jw_object(w);
    sy_jw_member_bool(w, "destructiveHint", tool->effect == SY_SB_DESTRUCTIVE);
    sy_jw_member_bool(w, "idempotentHint", tool->effect == SY_SB_READ);
    sy_jw_member_bool(w, "openWorldHint", true);
    sy_jw_member_bool(w, "readOnlyHint", tool->effect == SY_SB_READ);
    sy_jw_member_str(w, "title", tool->title);
    sy_jw_object_end(w);
    sy_jw_name(w, "configurable_props");
    write_props(r, tool);
    sy_jw_object_end(w);
}

static void list(struct sy_sb_request *r)
{
    struct sy_sb_pd_page page;
    struct sy_str q = sy_sb_query(r, "q");
    struct sy_str app_name = sy_sb_query(r, "app");
    struct sy_str registry = sy_sb_query(r, "registry");
    struct sy_str type = sy_sb_query(r, "component_type");
    const struct sy_sb_app *app = app_name.len > 0 ? sy_sb_pd_app(r, app_name) : NULL;
    const struct sy_sb_list *tools = &r->sb->catalogue.tools[SY_SB_PIPEDREAM];
    if (registry.len > 0 && !sy_str_eq(registry, SY_STR("public")) &&
        !sy_str_eq(registry, SY_STR("private")) && !sy_str_eq(registry, SY_STR("all"))) {
        sy_sb_send_text(r, 400,
                        "{\"error\":\"invalid registry\",\"code\":\"INVALID_REGISTRY\","
                        "\"details\":{\"registry\":[\"public\",\"private\",\"all\"]}}");
        return;
    }
    bool none = sy_str_eq(registry, SY_STR("private")) || sy_str_eq(type, SY_STR("trigger")) ||
                sy_sb_seg(r, r->segs - 1, "triggers");
    sy_sb_pd_page_begin(r, &page, 0);
    for (size_t i = 0; i < tools->count && !none; i++) {
        const struct sy_sb_tool *tool = tools->items[i];
        if ((app_name.len > 0 && tool->app != app) ||
            (q.len > 0 && !sy_sb_contains(tool->name, q) && !sy_sb_contains(tool->title, q)))
            continue;
        const struct sy_str parts[1] = {tool->name};
        if (sy_sb_pd_page_wants(r, &page, sy_sb_derive_id(r->mem, "sc_", 8, parts, 1)))
            write_component(r, tool);
    }
    sy_sb_pd_page_end(r, &page);
}

static void retrieve(struct sy_sb_request *r, struct sy_str key)
{
    const struct sy_sb_tool *tool = sy_sb_tool_find(r->sb, SY_SB_PIPEDREAM, key);
    struct sy_str version = sy_sb_query(r, "version");
    if (!tool || (version.len > 0 && !sy_str_eq(version, SY_STR("0.1.2")))) {
        sy_sb_pd_error(r, 404, "record not found");
        return;
    }
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "data");
    write_component(r, tool);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* ---- configure and props ---- */

static const struct sy_sb_tool *named_tool(struct sy_sb_request *r)
{
    const struct sy_sb_tool *tool = sy_sb_tool_find(r->sb, SY_SB_PIPEDREAM, sy_sb_member(r, "id"));
    struct sy_str version = sy_sb_member(r, "version");
    if (!tool || (version.len > 0 && !sy_str_eq(version, SY_STR("0.1.2")))) {
        sy_sb_pd_error(r, 404, "record not found");
        return NULL;
    }
    return tool;
}

static void configure(struct sy_sb_request *r)
{
    struct sy_str prop = sy_sb_member(r, "prop_name");
    struct sy_str query = sy_sb_member(r, "query");
    const struct sy_sb_tool *tool = named_tool(r);
    struct sy_str none;
    struct sy_json one;
    if (!tool)
        return;
    struct sy_json options = sy_json_get_z(sy_json_get(tool->input, prop), "enum");
    struct sy_json_iter it = sy_json_iter(options);
    sy_jw_object(&r->w);
    sy_jw_member_raw(&r->w, "observations", SY_STR("[]"));
    sy_jw_name(&r->w, "context");
    sy_jw_null(&r->w);
    sy_jw_name(&r->w, "options");
    sy_jw_array(&r->w);
    while (sy_json_next(&it, &none, &one)) {
        if (query.len > 0 && !sy_sb_contains(one.raw, query))
            continue;
        sy_jw_object(&r->w);
        sy_jw_member_raw(&r->w, "label", one.raw);
        sy_jw_member_raw(&r->w, "value", one.raw);
        sy_jw_object_end(&r->w);
    }
    sy_jw_array_end(&r->w);
    sy_jw_name(&r->w, "errors");
    sy_jw_array(&r->w);
    if (options.type != SY_JSON_ARRAY)
        sy_jw_z(&r->w, "prop has no remote options");
    sy_jw_array_end(&r->w);
    sy_jw_name(&r->w, "stringOptions");
    sy_jw_null(&r->w);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

static void reload_props(struct sy_sb_request *r)
{
    const struct sy_sb_tool *tool = named_tool(r);
    if (!tool)
        return;
    sy_jw_object(&r->w);
    sy_jw_member_raw(&r->w, "observations", SY_STR("[]"));
    sy_jw_member_raw(&r->w, "errors", SY_STR("[]"));
    sy_jw_name(&r->w, "dynamicProps");
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "id", sy_sb_new_id(r->sb, r->mem, "dyp_", 7));
    sy_jw_name(&r->w, "configurableProps");
    write_props(r, tool);
    sy_jw_object_end(&r->w);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* ---- run ---- */

/* Code that threw: HTTP 200 with an error beside an observation that holds the whole story. */
static void threw(struct sy_sb_request *r, const char *name, struct sy_str message,
                  const struct sy_sb_run *run)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_object(w);
    sy_jw_member_raw(w, "exports", SY_STR("{}"));
    sy_jw_name(w, "os");
    sy_jw_array(w);
    sy_jw_object(w);
    sy_jw_member_i64(w, "ts", sy_sb_now(r->sb));
    sy_jw_member_z(w, "k", "error");
    sy_jw_name(w, "err");
    sy_jw_object(w);
    sy_jw_member_z(w, "name", name);
    sy_jw_member_str(w, "message", message);
    if (run) {
        sy_jw_name(w, "response");
        sy_jw_object(w);
        sy_jw_member_i64(w, "status", run->status);
        sy_jw_member_raw(w, "data", run->body);
        sy_jw_object_end(w);
    }
    sy_jw_object_end(w);
    sy_jw_object_end(w);
    sy_jw_array_end(w);
    sy_jw_name(w, "error");
    sy_jw_object(w);
    sy_jw_member_z(w, "name", name);
    sy_jw_member_str(w, "message", message);
    sy_jw_object_end(w);
    sy_jw_object_end(w);
    sy_sb_send(r, 200);
}

/* False after answering. A missing or misnamed app prop is found out by the code itself. */
static bool bound_account(struct sy_sb_request *r, const struct sy_sb_tool *tool,
                          struct sy_json props, struct sy_sb_account **ret)
{
    struct sy_json bound = sy_json_get(props, tool->app->prop);
    struct sy_str id = sy_json_text(sy_json_get_z(bound, "authProvisionId"), r->mem);
    struct sy_str user = sy_sb_pd_user(r, sy_sb_member(r, "external_user_id"));
    *ret = NULL;
    if (tool->app->no_auth)
        return true;
    if (!id.ptr) {
        threw(r, "TypeError",
              SY_STR("Cannot read properties of undefined (reading 'oauth_access_token')"), NULL);
        return false;
    }
    struct sy_sb_account *account = sy_sb_account_by_id(r->sb, SY_SB_PIPEDREAM, id);
    if (!account || !sy_str_eq(account->user, user) || account->app != tool->app) {
        sy_sb_pd_error(r, 404, "record not found");
        return false;
    }
    if (account->status != SY_SB_ACTIVE)
        account->provider = SY_SB_DEAD;
    *ret = account;
    return true;
}

static void run(struct sy_sb_request *r)
{
    struct sy_json props = sy_json_get_z(r->json, "configured_props");
    struct sy_sb_account *account;
    struct sy_sb_run result;
    if (!sy_sb_member(r, "id").ptr ||
        sy_sb_pd_user(r, sy_sb_member(r, "external_user_id")).len == 0) {
        sy_sb_pd_error(r, 400, "id and external_user_id are required");
        return;
    }
    const struct sy_sb_tool *tool = named_tool(r);
    if (!tool || !bound_account(r, tool, props, &account))
        return;
    r->sb->pipedream_runs++;
    sy_sb_run(r, tool, account, props, tool->app->prop, &result);
    if (result.bad_arguments) {
        threw(r, "ConfigurationError",
              sy_arena_printf(r->mem, "%.*s: %.*s", SY_FMT(result.field), SY_FMT(result.problem)),
              NULL);
        return;
    }
    if (result.status >= 400) {
        threw(r, "AxiosError",
              sy_arena_printf(r->mem, "Request failed with status code %d: %.*s", result.status,
                              SY_FMT(result.problem)),
              &result);
        return;
    }
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "exports");
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "$summary", sy_arena_printf(r->mem, "%.*s: done", SY_FMT(tool->title)));
    sy_jw_object_end(&r->w);
    sy_jw_member_raw(&r->w, "os", SY_STR("[]"));
    sy_jw_member_raw(&r->w, "ret", result.body);
    if (!sy_json_is_nothing(sy_json_get_z(r->json, "stash_id")))
        sy_jw_member_str(&r->w, "stash_id", sy_sb_new_id(r->sb, r->mem, "stash_", 8));
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

void sy_sb_pd_components(struct sy_sb_request *r, size_t at)
{
    bool post = r->head->method == SY_HTTP_POST;
    if (sy_sb_is(r, SY_HTTP_GET, at + 1))
        list(r);
    else if (sy_sb_is(r, SY_HTTP_GET, at + 2))
        retrieve(r, r->seg[at + 1]);
    else if (post && sy_sb_seg(r, at + 1, "configure"))
        configure(r);
    else if (post && sy_sb_seg(r, at + 1, "props"))
        reload_props(r);
    else if (post && sy_sb_seg(r, at + 1, "run"))
        run(r);
    else
        sy_sb_pd_error(r, 404, "record not found");
}
