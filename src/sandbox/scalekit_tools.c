/* Scalekit's tools: lists, execution, proxy. */
#include "sandbox/scalekit.h"

#define PAGE_MAX 1000

static void write_tool(struct sy_sb_request *r, const struct sy_sb_tool *tool)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_object(w);
    sy_sb_sk_str(
        r, "id",
        sy_arena_printf(r->mem, "tol_%017llu",
                        (unsigned long long)(sy_str_hash(tool->name) % 100000000000000000ull)));
    sy_sb_sk_str(r, "provider", sy_sb_sk_provider(r, tool->app));
    sy_sb_sk_name(r, "definition"); /* a Struct: the same in both doors */
    sy_jw_object(w);
    sy_jw_member_str(w, "name", tool->name);
    sy_jw_member_str(w, "display_name", tool->title);
    sy_jw_member_str(w, "description", tool->description);
    sy_jw_name(w, "input_schema");
    sy_sb_schema(w, tool);
    sy_jw_object_end(w);
    sy_sb_sk_name(r, "metadata");
    sy_jw_raw(w, SY_STR("{}"));
    sy_sb_sk_name(r, "tags");
    sy_jw_array(w);
    sy_jw_str(w, tool->app->category);
    sy_jw_array_end(w);
    sy_sb_sk_name(r, "is_default");
    sy_jw_bool(w, true);
    sy_sb_sk_str(r, "updated_at", SY_STR("2026-08-21T12:00:00Z"));
    sy_jw_object_end(w);
}

static struct sy_sb_account *active_account(struct sy_sb_request *r, struct sy_str identifier,
                                            const struct sy_sb_app *app, struct sy_str connection)
{
    struct sy_sb_account *a =
        sy_sb_account_find(r->sb, SY_SB_SCALEKIT, identifier, app, connection);
    return a && a->status == SY_SB_ACTIVE ? a : NULL;
}

/* False after answering. *ret_app: only this app's tools, or NULL for all. */
static bool filter_app(struct sy_sb_request *r, const struct sy_sb_app **ret_app)
{
    struct sy_str connector = sy_sb_sk_in(r, "filter.connector");
    struct sy_str id = sy_sb_sk_in(r, "filter.connected_account_id");
    *ret_app = NULL;
    if (id.len > 0) {
        const struct sy_sb_account *a = sy_sb_account_by_id(r->sb, SY_SB_SCALEKIT, id);
        if (!a) {
            sy_sb_sk_missing(r, "connected account not found");
            return false;
        }
        *ret_app = a->app;
    } else if (connector.len > 0) {
        *ret_app = sy_sb_connection(r->sb, connector);
        if (!*ret_app) {
            sy_sb_sk_missing(r, "connection not found");
            return false;
        }
    }
    return true;
}

void sy_sb_sk_tools(struct sy_sb_request *r)
{
    struct sy_sb_sk_page page;
    struct sy_str query = sy_sb_sk_in(r, "filter.query");
    struct sy_str provider = sy_sb_sk_in(r, "filter.provider");
    bool summary = sy_str_eq(sy_sb_sk_in(r, "filter.summary"), SY_STR("true"));
    bool by_name = sy_sb_sk_given(r, "filter.tool_name");
    const struct sy_sb_app *app;
    const struct sy_sb_list *tools = &r->sb->catalogue.tools[SY_SB_SCALEKIT];
    if (query.len > 0 && query.len < 3) {
        sy_sb_sk_invalid(r, SY_STR("filter.query"), "value length must be at least 3 characters");
        return;
    }
    if (!sy_sb_sk_page_begin(r, &page, PAGE_MAX) || !filter_app(r, &app))
        return;
    sy_jw_object(&r->w);
    sy_sb_sk_name(r, summary ? "tool_names" : "tools");
    sy_jw_array(&r->w);
    for (size_t i = 0; i < tools->count; i++) {
        const struct sy_sb_tool *tool = tools->items[i];
        if ((app && tool->app != app) ||
            (provider.len > 0 && !sy_str_eq_nocase(provider, tool->app->slug)) ||
            (query.len > 0 && !sy_sb_contains(tool->name, query) &&
             !sy_sb_contains(tool->description, query)) ||
            (by_name && !sy_sb_sk_has(r, "filter.tool_name", tool->name)) ||
            !sy_sb_sk_page_wants(&page))
            continue;
        if (summary)
            sy_jw_str(&r->w, tool->name);
        else
            write_tool(r, tool);
    }
    sy_jw_array_end(&r->w);
    sy_sb_sk_name(r, summary ? "tools" : "tool_names");
    sy_jw_raw(&r->w, SY_STR("[]"));
    sy_sb_sk_page_members(r, &page);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* Over REST an empty filter cannot be expressed; the filter message is required. */
static bool scoped_request_ok(struct sy_sb_request *r, struct sy_str identifier)
{
    bool filtered =
        sy_sb_sk_given(r, "filter.connection_names") || sy_sb_sk_given(r, "filter.providers") ||
        sy_sb_sk_given(r, "filter.tool_names") || sy_sb_sk_json(r, "filter").type == SY_JSON_OBJECT;
    if (identifier.len == 0 || identifier.len > 100)
        sy_sb_sk_invalid(r, SY_STR("identifier"), "value is required and at most 100 characters");
    else if (!filtered)
        sy_sb_sk_invalid(r, SY_STR("filter"), "value is required");
    else
        return true;
    return false;
}

static bool names_known(struct sy_sb_request *r)
{
    struct sy_str rest = sy_sb_query(r, "filter.connection_names");
    struct sy_json_iter it = sy_json_iter(sy_sb_sk_json(r, "filter.connection_names"));
    struct sy_str none, name;
    struct sy_json one;
    bool known = true;
    while (sy_str_split(&rest, ',', &name))
        known = known && sy_sb_connection(r->sb, name);
    while (sy_json_next(&it, &none, &one))
        known = known && sy_sb_connection(r->sb, sy_json_text(one, r->mem));
    if (!known)
        sy_sb_sk_missing(r, "connection not found");
    return known;
}

static void scoped_of(struct sy_sb_request *r, struct sy_sb_sk_page *page,
                      const struct sy_sb_account *a)
{
    const struct sy_sb_list *tools = &r->sb->catalogue.tools[SY_SB_SCALEKIT];
    for (size_t i = 0; i < tools->count; i++) {
        const struct sy_sb_tool *tool = tools->items[i];
        if (tool->app != a->app || !sy_sb_sk_has(r, "filter.tool_names", tool->name) ||
            !sy_sb_sk_page_wants(page))
            continue;
        sy_jw_object(&r->w);
        sy_sb_sk_name(r, "tool");
        write_tool(r, tool);
        sy_sb_sk_str(r, "identifier", a->user);
        sy_sb_sk_str(r, "connected_account_id", a->id);
        sy_jw_object_end(&r->w);
    }
}

void sy_sb_sk_tools_scoped(struct sy_sb_request *r)
{
    struct sy_sb_sk_page page;
    struct sy_str identifier = sy_sb_sk_in(r, "identifier");
    if (!scoped_request_ok(r, identifier) || !names_known(r) ||
        !sy_sb_sk_page_begin(r, &page, PAGE_MAX))
        return;
    sy_sb_seed(r->sb, SY_SB_SCALEKIT, identifier);
    sy_jw_object(&r->w);
    sy_sb_sk_name(r, "tools");
    sy_jw_array(&r->w);
    for (size_t i = 0; i < r->sb->accounts.count; i++) {
        const struct sy_sb_account *a = r->sb->accounts.items[i];
        if (a->vendor != SY_SB_SCALEKIT || a->deleted || a->status != SY_SB_ACTIVE ||
            !sy_str_eq(a->user, identifier) ||
            !sy_sb_sk_has(r, "filter.connection_names", a->connection) ||
            !sy_sb_sk_has(r, "filter.providers", sy_sb_sk_provider(r, a->app)))
            continue;
        scoped_of(r, &page, a);
    }
    sy_jw_array_end(&r->w);
    sy_sb_sk_page_members(r, &page);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

void sy_sb_sk_tools_available(struct sy_sb_request *r)
{
    struct sy_sb_sk_page page;
    struct sy_str identifier = sy_sb_sk_in(r, "identifier");
    struct sy_str none = {NULL, 0};
    const struct sy_sb_list *tools = &r->sb->catalogue.tools[SY_SB_SCALEKIT];
    if (identifier.len == 0 || identifier.len > 100) {
        sy_sb_sk_invalid(r, SY_STR("identifier"), "value is required and at most 100 characters");
        return;
    }
    if (!sy_sb_sk_page_begin(r, &page, PAGE_MAX))
        return;
    sy_jw_object(&r->w);
    sy_sb_sk_name(r, "tools");
    sy_jw_array(&r->w);
    for (size_t i = 0; i < tools->count; i++) {
        const struct sy_sb_tool *tool = tools->items[i];
        if (tool->app->configured && active_account(r, identifier, tool->app, none) &&
            sy_sb_sk_page_wants(&page))
            write_tool(r, tool);
    }
    sy_jw_array_end(&r->w);
    sy_sb_sk_page_members(r, &page);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* ---- execute ---- */

static struct sy_str execution_id(struct sy_sb_request *r)
{
    return sy_arena_printf(r->mem, "%llu", 900000000ull + (unsigned long long)++r->sb->serial);
}

static void tool_error(struct sy_sb_request *r, const struct sy_sb_run *run)
{
    struct sy_sb_sk_error e = {
        .code = SY_SB_INTERNAL,
        .message = sy_arena_printf(r->mem, "tool execution failed: %.*s", SY_FMT(run->problem)),
        .error_code = "TOOL_ERROR",
        .execution_id = execution_id(r),
        .tool_code = SY_STR("EXEC_FAILED"),
        .tool_message = run->problem,
    };
    if (run->status == 401) {
        e.code = SY_SB_UNAUTHENTICATED;
        e.tool_code = SY_STR("UNAUTHORIZED");
    } else if (run->status == 403) {
        e.code = SY_SB_PERMISSION_DENIED;
        e.tool_code = SY_STR("FORBIDDEN");
    } else if (run->status == 429) {
        e.code = SY_SB_RESOURCE_EXHAUSTED;
        e.tool_code = SY_STR("RATE_LIMITED");
    } else if (run->status == 404) {
        e.code = SY_SB_NOT_FOUND;
        e.tool_code = SY_STR("NOT_FOUND");
    } else if (run->status < 500) {
        e.code = SY_SB_INVALID_ARGUMENT;
    }
    sy_sb_sk_fail(r, &e);
}

static void not_active(struct sy_sb_request *r, const char *status)
{
    int http = r->sb->scalekit_not_active;
    struct sy_sb_sk_error e = {
        .code = http == 401   ? SY_SB_UNAUTHENTICATED
                : http == 404 ? SY_SB_NOT_FOUND
                              : SY_SB_FAILED_PRECONDITION,
        .message = sy_arena_printf(r->mem, "connected account is not active: %s", status),
        .error_code = "CONNECTED_ACCOUNT_NOT_ACTIVE",
    };
    sy_sb_sk_fail(r, &e);
}

/* By id, by connector and identifier, or by identifier alone (the tool's own provider). */
static struct sy_sb_account *execute_account(struct sy_sb_request *r, const struct sy_sb_tool *tool)
{
    struct sy_str identifier = sy_sb_sk_in(r, "identifier");
    struct sy_str none = {NULL, 0};
    struct sy_sb_account *a;
    if (sy_sb_sk_in(r, "connected_account_id").len > 0 || sy_sb_sk_in(r, "connector").len > 0)
        return sy_sb_sk_locate(r, "connected_account_id");
    if (identifier.len == 0 || identifier.len > 100) {
        sy_sb_sk_invalid(r, SY_STR("identifier"), "value is required and at most 100 characters");
        return NULL;
    }
    a = sy_sb_account_find(r->sb, SY_SB_SCALEKIT, identifier, tool->app, none);
    if (!a)
        sy_sb_sk_missing(r, "connected account not found");
    return a;
}

static bool usable(struct sy_sb_request *r, const struct sy_sb_account *a,
                   const struct sy_sb_tool *tool)
{
    struct sy_sb_run dead = {.status = 401, .problem = SY_STR("credentials have expired")};
    if (a->app != tool->app)
        sy_sb_sk_invalid(r, SY_STR("connector"), "the tool belongs to another provider");
    else if (a->status == SY_SB_EXPIRED)
        tool_error(r, &dead);
    else if (a->status == SY_SB_VERIFY)
        not_active(r, "PENDING_VERIFICATION");
    else if (a->status != SY_SB_ACTIVE)
        not_active(r, a->status == SY_SB_INITIATED ? "PENDING_AUTH" : "DISCONNECTED");
    else
        return true;
    return false;
}

void sy_sb_sk_execute(struct sy_sb_request *r)
{
    struct sy_str name = sy_sb_sk_in(r, "tool_name");
    const struct sy_sb_tool *tool = sy_sb_tool_find(r->sb, SY_SB_SCALEKIT, name);
    struct sy_json params = sy_sb_sk_json(r, "params");
    struct sy_str none = {NULL, 0};
    struct sy_sb_run run;
    if (name.len == 0 || (params.type != SY_JSON_NONE && params.type != SY_JSON_OBJECT)) {
        sy_sb_sk_invalid(r, name.len == 0 ? SY_STR("tool_name") : SY_STR("params"),
                         name.len == 0 ? "value is required" : "value must be an object");
        return;
    }
    if (!tool) {
        struct sy_sb_sk_error e = {
            .code = r->sb->scalekit_tool_missing == 404 ? SY_SB_NOT_FOUND : SY_SB_INVALID_ARGUMENT,
            .message =
                sy_arena_printf(r->mem, "failed to get tool: %.*s", SY_FMT(sy_str_head(name, 200))),
            .error_code = "RESOURCE_NOT_FOUND",
        };
        sy_sb_sk_fail(r, &e);
        return;
    }
    struct sy_sb_account *a = execute_account(r, tool);
    if (!a || !usable(r, a, tool))
        return;
    sy_sb_run(r, tool, a, params, none, &run);
    if (run.bad_arguments) {
        sy_sb_sk_invalid(r, run.field, sy_arena_z(r->mem, run.problem));
        return;
    }
    if (run.status >= 400) {
        tool_error(r, &run);
        return;
    }
    sy_jw_object(&r->w);
    sy_jw_member_raw(&r->w, "data", run.body);
    sy_sb_sk_str(r, "execution_id", execution_id(r));
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* ---- proxy ---- */

/* {env}/proxy{path}; connection and user come in headers, one of them with an underscore. */
void sy_sb_sk_proxy(struct sy_sb_request *r)
{
    struct sy_str connector = sy_sb_header(r, "connection_name");
    struct sy_str identifier = sy_sb_header(r, "identifier");
    struct sy_sb_run run;
    if (!sy_sb_token_valid(r->sb, r->mem, SY_SB_SCALEKIT, sy_sb_bearer(r))) {
        sy_sb_scalekit_unauthorized(r);
        return;
    }
    const struct sy_sb_app *app = sy_sb_connection(r->sb, connector);
    if (!app) {
        sy_sb_sk_missing(r, "connection not found");
        return;
    }
    struct sy_sb_account *a = sy_sb_account_find(r->sb, SY_SB_SCALEKIT, identifier, app, connector);
    if (!a) {
        sy_sb_sk_missing(r, "connected account not found");
        return;
    }
    if (a->status != SY_SB_ACTIVE) {
        not_active(r, a->status == SY_SB_EXPIRED ? "EXPIRED" : "PENDING_AUTH");
        return;
    }
    const struct sy_str parts[2] = {app->base_url, sy_str_skip(r->head->target, 6)};
    sy_sb_provider(r, a, r->head->method_text, sy_arena_join(r->mem, parts, 2), r->body, &run);
    sy_sb_send_as(r, run.status, "application/json", run.body);
}
