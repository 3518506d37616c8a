/* The toolkits and tools of the three catalogues: built in (data/toolkits), plus files if asked. */
#include "sandbox/internal.h"

#include <stdlib.h>

#include "sandbox/data.h"

static struct sy_str text_of(struct sy_sandbox *sb, struct sy_json object, const char *name)
{
    return sy_json_text(sy_json_get_z(object, name), &sb->mem);
}

static bool flag(struct sy_json object, const char *name, bool fallback)
{
    struct sy_json value = sy_json_get_z(object, name);
    return value.type == SY_JSON_NONE ? fallback : sy_json_is_true(value);
}

struct sy_sb_app *sy_sb_app_find(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                 struct sy_str slug)
{
    return sy_sb_index_get(&sb->catalogue.app_by_slug[vendor], slug);
}

struct sy_sb_tool *sy_sb_tool_find(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                   struct sy_str name)
{
    return sy_sb_index_get(&sb->catalogue.tool_by_name[vendor], name);
}

struct sy_sb_app *sy_sb_app_add(struct sy_sandbox *sb, enum sy_sb_vendor vendor, struct sy_str slug,
                                struct sy_str name)
{
    struct sy_sb_app *app = sy_arena_zalloc(&sb->mem, sizeof(*app));
    if (!app || !slug.ptr || !sy_sb_list_add(&sb->catalogue.apps[vendor], app) ||
        !sy_sb_index_put(&sb->catalogue.app_by_slug[vendor], slug, app))
        return NULL;
    app->vendor = vendor;
    app->slug = slug;
    app->name = name;
    app->prop = slug;
    app->description = SY_STR("");
    app->category = SY_STR("other");
    app->auth = SY_STR("OAUTH2");
    app->base_url = SY_STR("");
    app->proxy = true;
    return app;
}

struct sy_sb_tool *sy_sb_tool_add(struct sy_sandbox *sb, struct sy_sb_app *app, struct sy_str name)
{
    struct sy_sb_tool *tool = sy_arena_zalloc(&sb->mem, sizeof(*tool));
    if (!tool || !name.ptr || !sy_sb_list_add(&sb->catalogue.tools[app->vendor], tool) ||
        !sy_sb_index_put(&sb->catalogue.tool_by_name[app->vendor], name, tool))
        return NULL;
    tool->app = app;
    tool->name = name;
    tool->title = name;
    tool->description = SY_STR("");
    tool->effect = SY_SB_WRITE;
    app->tools++;
    return tool;
}

/* Where a catalogue was loaded, only what it lists exists; "always" marks the exceptions. */
static struct sy_sb_app *built_in_app(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                      struct sy_json toolkit, struct sy_json own, bool files)
{
    struct sy_str slug = text_of(sb, own, "slug");
    struct sy_sb_app *app = sy_sb_app_find(sb, vendor, slug);
    if (!slug.ptr || (!app && files && !flag(toolkit, "always", false)))
        return NULL;
    if (!app)
        app = sy_sb_app_add(sb, vendor, slug, text_of(sb, toolkit, "name"));
    if (!app)
        return NULL;
    struct sy_str prop = text_of(sb, own, "prop");
    struct sy_str auth = text_of(sb, toolkit, "auth");
    app->built_in = true;
    app->description = text_of(sb, toolkit, "description");
    app->category = text_of(sb, toolkit, "category");
    app->base_url = text_of(sb, toolkit, "base_url");
    app->auth = auth.ptr ? auth : SY_STR("OAUTH2");
    app->prop = prop.ptr ? prop : slug;
    app->scopes = sy_json_get_z(toolkit, "scopes");
    app->connections = sy_json_get_z(own, "connections");
    app->no_auth = sy_str_eq(app->auth, SY_STR("NO_AUTH"));
    app->managed = flag(own, "managed", sy_str_eq(app->auth, SY_STR("OAUTH2")));
    app->configured = flag(own, "configured", flag(toolkit, "configured", true));
    app->seeded = app->configured && flag(own, "seeded", flag(toolkit, "seeded", true));
    app->proxy = flag(own, "proxy", true);
    return app;
}

static enum sy_sb_effect effect_of(struct sy_str word)
{
    if (sy_str_eq(word, SY_STR("read")))
        return SY_SB_READ;
    return sy_str_eq(word, SY_STR("destructive")) ? SY_SB_DESTRUCTIVE : SY_SB_WRITE;
}

/* A member the vendor has of its own ("pipedream_input"), else the common one. */
static struct sy_json own_or_common(struct sy_sandbox *sb, struct sy_json tool, const char *vendor,
                                    const char *name)
{
    struct sy_str own = sy_arena_printf(&sb->mem, "%s_%s", vendor, name);
    struct sy_json value = sy_json_get(tool, own);
    return value.type == SY_JSON_NONE ? sy_json_get_z(tool, name) : value;
}

static bool built_in_tool(struct sy_sandbox *sb, struct sy_sb_app *app, struct sy_json own)
{
    const char *vendor = sy_sb_vendor_name(app->vendor);
    struct sy_str name = text_of(sb, own, vendor);
    if (!name.ptr)
        return true;
    struct sy_sb_tool *tool = sy_sb_tool_add(sb, app, name);
    if (!tool)
        return false;
    tool->title = text_of(sb, own, "title");
    tool->description = text_of(sb, own, "description");
    tool->effect = effect_of(text_of(sb, own, "effect"));
    tool->input = own_or_common(sb, own, vendor, "input");
    tool->required = own_or_common(sb, own, vendor, "required");
    tool->scopes = sy_json_get_z(own, "scopes");
    tool->result = own_or_common(sb, own, vendor, "result");
    tool->important = flag(own, "important", false);
    tool->newer = flag(own, "newer", false);
    tool->deprecated = flag(own, "deprecated", false);
    tool->echo = flag(own, "echo", false);
    return true;
}

static bool built_in_toolkit(struct sy_sandbox *sb, struct sy_json toolkit, bool files)
{
    struct sy_str none;
    struct sy_json tool;
    for (unsigned v = 0; v < SY_SB_CATALOGUES; v++) {
        enum sy_sb_vendor vendor = (enum sy_sb_vendor)v;
        struct sy_json own = sy_json_get_z(toolkit, sy_sb_vendor_name(vendor));
        if (own.type != SY_JSON_OBJECT)
            continue;
        struct sy_sb_app *app = built_in_app(sb, vendor, toolkit, own, files);
        struct sy_json_iter it = sy_json_iter(sy_json_get_z(toolkit, "tools"));
        while (app && sy_json_next(&it, &none, &tool)) {
            if (!built_in_tool(sb, app, tool))
                return false;
        }
    }
    return true;
}

int sy_sb_catalogue_load(struct sy_sandbox *sb, struct sy_str dir, struct sy_err *err)
{
    struct sy_json all, toolkit;
    struct sy_json_fault fault;
    struct sy_str none;
    struct sy_str data = {(const char *)sy_sb_data, sy_sb_data_len};
    if (sy_json_read(data, 64, &all, &fault))
        return sy_err_set(err, SY_ERR, "sandbox data: %s at byte %zu", fault.why, fault.offset);
    if (dir.ptr) {
        int status = sy_sb_catalogue_apps(sb, dir, err);
        if (status)
            return status;
    }
    struct sy_json_iter it = sy_json_iter(all);
    while (sy_json_next(&it, &none, &toolkit)) {
        if (!built_in_toolkit(sb, toolkit, dir.ptr != NULL))
            return sy_err_set(err, SY_NOMEM, "sandbox: no memory for the catalogue");
    }
    return dir.ptr ? sy_sb_catalogue_tools(sb, dir, err) : SY_OK;
}

void sy_sb_catalogue_release(struct sy_sb_catalogue *catalogue)
{
    for (unsigned v = 0; v < SY_SB_CATALOGUES; v++) {
        free(catalogue->apps[v].items);
        free(catalogue->tools[v].items);
        sy_sb_index_release(&catalogue->app_by_slug[v]);
        sy_sb_index_release(&catalogue->tool_by_name[v]);
    }
}
