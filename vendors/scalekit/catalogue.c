/*
 * Scalekit's catalogue. The public way to it is GET /tools; /connections/app and /providers are
 * marked preview but answer client credentials, so they add what /tools cannot tell (is a
 * connection set up; display names) and their refusal is no failure.
 */
#include "vendors/scalekit/scalekit.h"

#define PAGES_MAX 6u

static struct sy_str provider_id(const struct sy_turn *t)
{
    return sy_upper(t->what->key, '-', '_', t->facts->mem);
}

/* ---- probe: tools of the provider, then connections, then text search ---- */

enum sy_step sy_scalekit_probe_send(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    sy_scalekit_begin(op, &s, t, SY_VERB_GET, SY_FOR_PROBE, SY_REQUEST_NONE,
                      op->phase == SCALEKIT_CONNECTIONS ? "/api/v1/connections/app"
                                                        : "/api/v1/tools");
    if (op->phase == SCALEKIT_CONNECTIONS) {
        sy_send_query(&s, "provider", provider_id(t));
        sy_send_query_z(&s, "page_size", "30");
    } else if (op->phase == SCALEKIT_QUERY) {
        sy_send_query(&s, "filter.query", t->what->key);
        sy_send_query_z(&s, "page_size", "100");
    } else {
        sy_send_query(&s, "filter.provider", provider_id(t));
        sy_send_query_z(&s, "filter.summary", "true");
        sy_send_query_z(&s, "page_size", "1");
    }
    return sy_send_done(&s);
}

/* `connection` is the name of one that is set up, or absent. */
static enum sy_step probe_answer(struct sy_scalekit_op *op, const struct sy_turn *t, int64_t tools,
                                 struct sy_str connection)
{
    struct sy_found found = {
        .slug = sy_lower(t->what->key, '-', '_', t->facts->mem),
        .name = t->what->key,
        .tools = tools > 0 ? tools : -1,
        .configured = connection.len > 0,
        .connectable = connection.len > 0,
        .connection = connection,
    };

    if (op->found.count) {
        op->found.items[0].configured = op->found.items[0].connectable = found.configured;
        op->found.items[0].connection = connection;
        return sy_found_done(&op->found, t);
    }
    if (tools > 0 || connection.len)
        sy_found_add(&op->found, t, found);
    return sy_found_done(&op->found, t);
}

static enum sy_step connections_told(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_str provider = provider_id(t);
    struct sy_json root = {0};
    struct sy_json item;
    struct sy_json_iter iter;
    struct sy_str name;

    if (t->event->kind == SY_EVENT_REPLY && sy_reply_ok(t))
        sy_reply_object(t, &root);
    iter = sy_json_iter(sy_json_get_z(root, "connections"));
    while (sy_json_next(&iter, &name, &item))
        if (sy_json_name_is(sy_json_get_z(item, "provider_key").raw, provider) &&
            sy_json_name_is(sy_json_get_z(item, "status").raw, SY_STR("COMPLETED")) &&
            sy_json_get_z(item, "enabled").type != SY_JSON_FALSE)
            return probe_answer(op, t, 0,
                                sy_json_text(sy_json_get_z(item, "key_id"), t->facts->mem));
    if (op->found.count || !sy_search_text_ok(t->what->key))
        return probe_answer(op, t, 0, (struct sy_str){0});
    op->phase = SCALEKIT_QUERY;
    return sy_scalekit_probe_send(op, t);
}

/* The provider filter is known to give nothing on some servers, so the rows are matched here. */
static enum sy_step query_told(struct sy_scalekit_op *op, const struct sy_turn *t,
                               struct sy_json root)
{
    struct sy_json_iter iter = sy_json_iter(sy_json_get_z(root, "tools"));
    struct sy_str provider = provider_id(t);
    struct sy_json item;
    struct sy_str name;
    int64_t tools = 0;

    while (sy_json_next(&iter, &name, &item))
        if (sy_json_name_is(sy_json_get_z(item, "provider").raw, provider))
            tools++;
    return probe_answer(op, t, tools, (struct sy_str){0});
}

enum sy_step sy_scalekit_probe_resume(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_json root;
    int64_t tools = 0;

    if (op->phase == SCALEKIT_CONNECTIONS && t->event->kind != SY_EVENT_CANCELLED)
        return connections_told(op, t);
    if (!sy_scalekit_told(t, &root))
        return SY_STEP_FAIL;
    if (op->phase == SCALEKIT_QUERY)
        return query_told(op, t, root);
    if (!sy_json_i64(sy_json_get_z(root, "total_size"), &tools) || tools <= 0)
        tools = (int64_t)sy_json_count(sy_json_get_z(root, "tool_names"));
    if (tools > 0)
        probe_answer(op, t, tools, (struct sy_str){0});
    op->phase = SCALEKIT_CONNECTIONS;
    return sy_scalekit_probe_send(op, t);
}

/* ---- search: all providers by page, matched here; text search where that is refused ---- */

enum sy_step sy_scalekit_search_send(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    sy_scalekit_begin(op, &s, t, SY_VERB_GET, SY_FOR_PROBE, SY_REQUEST_NONE,
                      op->phase == SCALEKIT_QUERY ? "/api/v1/tools" : "/api/v1/providers");
    if (op->phase == SCALEKIT_QUERY)
        sy_send_query(&s, "filter.query", t->what->key);
    else
        sy_send_query_z(&s, "filter.provider_type", "ALL");
    sy_send_query_z(&s, "page_size", "100");
    if (op->page.len)
        sy_send_query(&s, "page_token", op->page);
    return sy_send_done(&s);
}

static void add_provider(struct sy_scalekit_op *op, const struct sy_turn *t, struct sy_json item)
{
    struct sy_arena *mem = t->facts->mem;
    struct sy_str slug = sy_json_text(sy_json_get_z(item, "identifier"), mem);
    struct sy_str name = sy_json_text(sy_json_get_z(item, "display_name"), mem);

    if (!sy_name_contains(slug, t->what->key) && !sy_name_contains(name, t->what->key))
        return;
    sy_found_add(&op->found, t,
                 (struct sy_found){
                     .slug = sy_lower(slug, 0, 0, mem),
                     .name = name,
                     .description = sy_json_text(sy_json_get_z(item, "description"), mem),
                     .tools = -1,
                 });
}

static void add_tools_provider(struct sy_scalekit_op *op, const struct sy_turn *t,
                               struct sy_json item)
{
    struct sy_str slug = sy_json_text(sy_json_get_z(item, "provider"), t->facts->mem);

    if (sy_name_contains(slug, t->what->key))
        sy_found_add(&op->found, t,
                     (struct sy_found){
                         .slug = sy_lower(slug, 0, 0, t->facts->mem), .name = slug, .tools = -1});
}

static bool is_refused_preview(const struct sy_turn *t)
{
    int status = t->event->kind == SY_EVENT_REPLY ? t->event->status : 0;

    return status == 400 || status == 403 || status == 404 || status == 501;
}

enum sy_step sy_scalekit_search_resume(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    bool by_query = op->phase == SCALEKIT_QUERY;
    struct sy_json_iter iter;
    struct sy_json root, item;
    struct sy_str name;

    if (!by_query && is_refused_preview(t)) {
        op->phase = SCALEKIT_QUERY;
        op->page = (struct sy_str){0};
        return sy_scalekit_search_send(op, t);
    }
    if (!sy_scalekit_told(t, &root))
        return SY_STEP_FAIL;
    iter = sy_json_iter(sy_json_get_z(root, by_query ? "tools" : "providers"));
    while (sy_json_next(&iter, &name, &item)) {
        if (by_query)
            add_tools_provider(op, t, item);
        else
            add_provider(op, t, item);
    }
    op->page = sy_json_text(sy_json_get_z(root, "next_page_token"), t->facts->mem);
    if (op->page.len && ++op->pages < PAGES_MAX)
        return sy_scalekit_search_send(op, t);
    return sy_found_done(&op->found, t);
}

/* ---- tools of one provider: names, a hundred a page ---- */

enum sy_step sy_scalekit_tools_send(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    sy_scalekit_begin(op, &s, t, SY_VERB_GET, SY_FOR_LOOKUP, SY_REQUEST_NONE, "/api/v1/tools");
    sy_send_query(&s, "filter.provider", provider_id(t));
    sy_send_query_z(&s, "filter.summary", "true");
    sy_send_query_z(&s, "page_size", "100");
    if (op->page.len)
        sy_send_query(&s, "page_token", op->page);
    return sy_send_done(&s);
}

enum sy_step sy_scalekit_tools_resume(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_json_iter iter;
    struct sy_json root, item;
    struct sy_str name;

    if (!sy_scalekit_told(t, &root))
        return SY_STEP_FAIL;
    iter = sy_json_iter(sy_json_get_z(root, "tool_names"));
    while (sy_json_next(&iter, &name, &item)) {
        struct sy_str slug = sy_json_text(item, t->facts->mem);
        sy_found_add(&op->found, t, (struct sy_found){.slug = slug, .name = slug, .tools = -1});
    }
    op->page = sy_json_text(sy_json_get_z(root, "next_page_token"), t->facts->mem);
    if (op->page.len && ++op->pages < PAGES_MAX)
        return sy_scalekit_tools_send(op, t);
    return sy_found_done(&op->found, t);
}

enum sy_step sy_scalekit_ping_send(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    sy_scalekit_begin(op, &s, t, SY_VERB_GET, SY_FOR_PROBE, SY_REQUEST_NONE, "/api/v1/tools");
    sy_send_query_z(&s, "filter.summary", "true");
    sy_send_query_z(&s, "page_size", "1");
    return sy_send_done(&s);
}

enum sy_step sy_scalekit_ping_resume(struct sy_scalekit_op *op, const struct sy_turn *t)
{
    struct sy_json root;

    return sy_scalekit_told(t, &root) ? sy_found_done(&op->found, t) : SY_STEP_FAIL;
}
