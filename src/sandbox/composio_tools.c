/* Composio's tools: lists, searches, single ones, the scopes they need. */
#include "sandbox/composio.h"

#define LIMIT_MAX 1000

static void write_versions(struct sy_json_writer *w, const struct sy_sb_tool *tool)
{
    sy_jw_name(w, "available_versions");
    sy_jw_raw(w, tool->newer ? SY_STR("[\"20260801_00\",\"20260901_00\"]")
                             : SY_STR("[\"00000000_00\",\"20260801_00\",\"20260901_00\"]"));
}

static void write_tags(struct sy_json_writer *w, const struct sy_sb_tool *tool)
{
    sy_jw_name(w, "tags");
    sy_jw_array(w);
    sy_jw_z(w, "openWorldHint");
    if (tool->effect == SY_SB_READ) {
        sy_jw_z(w, "readOnlyHint");
        sy_jw_z(w, "idempotentHint");
    }
    if (tool->effect == SY_SB_DESTRUCTIVE)
        sy_jw_z(w, "destructiveHint");
    if (tool->important)
        sy_jw_z(w, "important");
    sy_jw_array_end(w);
}

static void write_scopes(struct sy_json_writer *w, const struct sy_sb_tool *tool)
{
    bool any = sy_json_count(tool->scopes) > 0;
    sy_jw_name(w, "scopes");
    sy_jw_raw(w, any ? tool->scopes.raw : SY_STR("[]"));
    sy_jw_name(w, "scope_requirements");
    if (!any) {
        sy_jw_null(w);
        return;
    }
    sy_jw_object(w);
    sy_jw_name(w, "all_of");
    sy_jw_array(w);
    sy_jw_object(w);
    sy_jw_name(w, "any_of");
    sy_jw_raw(w, tool->scopes.raw);
    sy_jw_object_end(w);
    sy_jw_array_end(w);
    sy_jw_object_end(w);
}

void sy_sb_composio_write_tool(struct sy_sb_request *r, const struct sy_sb_tool *tool)
{
    struct sy_json_writer *w = &r->w;
    struct sy_str logo =
        sy_arena_printf(r->mem, "https://logos.composio.dev/api/%.*s", SY_FMT(tool->app->slug));
    sy_jw_object(w);
    sy_jw_member_str(w, "slug", tool->name);
    sy_jw_member_str(w, "name", tool->title);
    sy_jw_member_str(w, "description", tool->description);
    sy_jw_member_str(w, "human_description", tool->description);
    sy_jw_name(w, "toolkit");
    sy_jw_object(w);
    sy_jw_member_str(w, "slug", tool->app->slug);
    sy_jw_member_str(w, "name", tool->app->name);
    sy_jw_member_str(w, "logo", logo);
    sy_jw_object_end(w);
    sy_jw_name(w, "input_parameters");
    sy_sb_schema(w, tool);
    sy_jw_member_raw(w, "output_parameters",
                     SY_STR("{\"type\":\"object\",\"properties\":{\"data\":{\"type\":\"object\"},"
                            "\"error\":{\"type\":\"string\",\"nullable\":true},\"successful\":"
                            "{\"type\":\"boolean\"}},\"required\":[\"data\",\"successful\"]}"));
    sy_jw_member_bool(w, "no_auth", tool->app->no_auth);
    write_versions(w, tool);
    sy_jw_member_z(w, "version", "20260901_00");
    write_scopes(w, tool);
    write_tags(w, tool);
    sy_jw_member_bool(w, "is_deprecated", tool->deprecated);
    sy_jw_name(w, "deprecated");
    sy_jw_object(w);
    sy_jw_member_str(w, "displayName", tool->title);
    sy_jw_member_z(w, "version", "20260901_00");
    write_versions(w, tool);
    sy_jw_member_bool(w, "is_deprecated", tool->deprecated);
    sy_jw_name(w, "toolkit");
    sy_jw_object(w);
    sy_jw_member_str(w, "logo", logo);
    sy_jw_object_end(w);
    sy_jw_object_end(w);
    sy_jw_object_end(w);
}

/* The version asked for a tool's toolkit: toolkit_versions=latest or toolkit_versions[github]=… */
static struct sy_str version_for(const struct sy_sb_request *r, const struct sy_sb_tool *tool)
{
    struct sy_str own = sy_sb_query(r, "version");
    if (own.len == 0) {
        struct sy_str name =
            sy_arena_printf(r->mem, "toolkit_versions[%.*s]", SY_FMT(tool->app->slug));
        own = sy_sb_query(r, name.ptr);
    }
    if (own.len == 0)
        own = sy_sb_query(r, "toolkit_versions");
    return sy_sb_composio_version(r, own);
}

/* Every word of the query somewhere in slug, title or description. */
static bool words_match(const struct sy_sb_tool *tool, struct sy_str query)
{
    struct sy_str word;
    while (sy_str_split(&query, ' ', &word)) {
        if (word.len > 0 && !sy_sb_contains(tool->name, word) &&
            !sy_sb_contains(tool->title, word) && !sy_sb_contains(tool->description, word))
            return false;
    }
    return true;
}

static bool tags_match(const struct sy_sb_request *r, const struct sy_sb_tool *tool)
{
    if (sy_sb_query(r, "tags").len == 0)
        return true;
    return (tool->effect == SY_SB_READ && (sy_sb_query_has(r, "tags", SY_STR("readOnlyHint")) ||
                                           sy_sb_query_has(r, "tags", SY_STR("idempotentHint")))) ||
           (tool->effect == SY_SB_DESTRUCTIVE &&
            sy_sb_query_has(r, "tags", SY_STR("destructiveHint"))) ||
           sy_sb_query_has(r, "tags", SY_STR("openWorldHint")) ||
           (tool->important && sy_sb_query_has(r, "tags", SY_STR("important")));
}

static bool tool_matches(struct sy_sb_request *r, const struct sy_sb_tool *tool)
{
    struct sy_str query = sy_sb_query(r, "query");
    if (sy_sb_composio_tool(r, tool->name, version_for(r, tool)) != tool)
        return false;
    if (sy_sb_query(r, "tool_slugs").len > 0)
        return sy_sb_query_has(r, "tool_slugs", tool->name);
    if (!sy_sb_query_has(r, "toolkit_slug", tool->app->slug) || !tags_match(r, tool))
        return false;
    if (tool->deprecated && !sy_sb_query_true(r, "include_deprecated"))
        return false;
    if (sy_sb_query_true(r, "important") && !tool->important)
        return false;
    return words_match(tool, query.ptr ? query : sy_sb_query(r, "search"));
}

static void list_tools(struct sy_sb_request *r)
{
    struct sy_sb_page page;
    const struct sy_sb_list *tools = &r->sb->catalogue.tools[SY_SB_COMPOSIO];
    sy_sb_page_begin(r, &page, sy_sb_query_int(r, "limit", 20), LIMIT_MAX);
    for (size_t i = 0; i < tools->count; i++) {
        if (tool_matches(r, tools->items[i]) && sy_sb_page_wants(&page))
            sy_sb_composio_write_tool(r, tools->items[i]);
    }
    sy_sb_page_end(r, &page);
}

static void tool_names(struct sy_sb_request *r)
{
    const struct sy_sb_list *tools = &r->sb->catalogue.tools[SY_SB_COMPOSIO];
    sy_jw_array(&r->w);
    for (size_t i = 0; i < tools->count; i++)
        sy_jw_str(&r->w, ((const struct sy_sb_tool *)tools->items[i])->name);
    sy_jw_array_end(&r->w);
    sy_sb_send(r, 200);
}

static void tool_missing(struct sy_sb_request *r, struct sy_str slug)
{
    sy_sb_composio_error(r, 404, 2401, "Tool_ToolNotFound", "Check your input.",
                         "Tool %.*s not found", SY_FMT(sy_str_head(slug, 200)));
}

static void one_tool(struct sy_sb_request *r, struct sy_str slug)
{
    const struct sy_sb_tool *tool = sy_sb_tool_find(r->sb, SY_SB_COMPOSIO, slug);
    if (!tool || sy_sb_composio_tool(r, slug, version_for(r, tool)) != tool) {
        tool_missing(r, slug);
        return;
    }
    sy_sb_composio_write_tool(r, tool);
    sy_sb_send(r, 200);
}

static void required_scopes(struct sy_sb_request *r)
{
    struct sy_json_iter it = sy_json_iter(sy_json_get_z(r->json, "tools"));
    struct sy_str version = sy_sb_composio_version(r, sy_sb_member(r, "version"));
    struct sy_str none;
    struct sy_json one;
    struct sy_buf each;
    struct sy_json_writer w;
    sy_buf_init_arena(&each, r->mem, 1 << 20);
    sy_jw_init(&w, &each);
    sy_jw_array(&w);
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "scopes_required");
    sy_jw_array(&r->w);
    while (sy_json_next(&it, &none, &one)) {
        struct sy_str slug = sy_json_text(one, r->mem);
        const struct sy_sb_tool *tool = sy_sb_composio_tool(r, slug, version);
        if (!tool) {
            tool_missing(r, slug);
            return;
        }
        struct sy_json_iter scopes = sy_json_iter(tool->scopes);
        if (sy_json_next(&scopes, &none, &one))
            sy_jw_raw(&r->w, one.raw);
        sy_jw_object(&w);
        sy_jw_member_str(&w, "tool", slug);
        sy_jw_name(&w, "scope_requirements");
        if (sy_json_count(tool->scopes) > 0) {
            sy_jw_object(&w);
            sy_jw_member_raw(&w, "all_of", tool->scopes.raw);
            sy_jw_object_end(&w);
        } else {
            sy_jw_null(&w);
        }
        sy_jw_object_end(&w);
    }
    sy_jw_array_end(&w);
    sy_jw_array_end(&r->w);
    sy_jw_member_raw(&r->w, "per_tool_requirements", sy_buf_str(&each));
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

void sy_sb_composio_tools(struct sy_sb_request *r)
{
    if (sy_sb_is(r, SY_HTTP_GET, 3))
        list_tools(r);
    else if (sy_sb_is(r, SY_HTTP_GET, 4) && sy_sb_seg(r, 3, "enum"))
        tool_names(r);
    else if (sy_sb_is(r, SY_HTTP_GET, 4))
        one_tool(r, r->seg[3]);
    else if (sy_sb_is(r, SY_HTTP_POST, 5) && sy_sb_seg(r, 3, "scopes") &&
             sy_sb_seg(r, 4, "required"))
        required_scopes(r);
    else if (r->head->method == SY_HTTP_POST && sy_sb_seg(r, 3, "execute"))
        sy_sb_composio_execute(r);
    else
        sy_sb_composio_not_found(r);
}
