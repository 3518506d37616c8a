/* Pipedream's catalogue: apps by slug and text, actions of an app. */
#include "vendors/pipedream/pipedream.h"

#define PAGES_MAX 5u

static struct sy_found read_app(const struct sy_turn *t, struct sy_json app)
{
    struct sy_arena *mem = t->facts->mem;

    /* Pipedream brings an OAuth client of its own for every app, so nothing is set up first. */
    return (struct sy_found){
        .slug = sy_json_text(sy_json_get_z(app, "name_slug"), mem),
        .name = sy_json_text(sy_json_get_z(app, "name"), mem),
        .description = sy_json_text(sy_json_get_z(app, "description"), mem),
        .tools = -1,
        .configured = true,
        .connectable = true,
    };
}

enum sy_step sy_pipedream_probe_send(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    sy_pipedream_begin(op, &s, t, SY_VERB_GET, SY_FOR_PROBE, SY_REQUEST_NONE);
    sy_send_path(&s, "/apps");
    sy_send_segment(&s, "app", sy_lower(t->what->key, '-', '_', t->facts->mem));
    return sy_send_done(&s);
}

enum sy_step sy_pipedream_probe_resume(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_found found;
    struct sy_json root;

    if (t->event->kind == SY_EVENT_REPLY && t->event->status == 404)
        return sy_found_done(&op->found, t);
    if (!sy_pipedream_told(t, &root))
        return SY_STEP_FAIL;
    found = read_app(t, sy_json_get_z(root, "data"));
    if (!found.slug.len)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    sy_found_add(&op->found, t, found);
    return sy_found_done(&op->found, t);
}

enum sy_step sy_pipedream_search_send(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    sy_pipedream_begin(op, &s, t, SY_VERB_GET, SY_FOR_PROBE, SY_REQUEST_NONE);
    sy_send_path(&s, "/apps");
    sy_send_query(&s, "q", t->what->key);
    sy_send_query_z(&s, "limit", "100");
    return sy_send_done(&s);
}

static void collect(struct sy_pipedream_op *op, const struct sy_turn *t, struct sy_json root,
                    struct sy_found (*read)(const struct sy_turn *t, struct sy_json item))
{
    struct sy_json_iter iter = sy_json_iter(sy_json_get_z(root, "data"));
    struct sy_json item;
    struct sy_str name;

    while (sy_json_next(&iter, &name, &item))
        sy_found_add(&op->found, t, read(t, item));
}

enum sy_step sy_pipedream_search_resume(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_json root;

    if (!sy_pipedream_told(t, &root))
        return SY_STEP_FAIL;
    if (sy_json_get_z(root, "data").type != SY_JSON_ARRAY)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    collect(op, t, root, read_app);
    return sy_found_done(&op->found, t);
}

enum sy_step sy_pipedream_tools_send(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    sy_pipedream_begin_project(op, &s, t, SY_VERB_GET, SY_FOR_LOOKUP, SY_REQUEST_NONE);
    sy_send_path(&s, "/actions");
    sy_send_query(&s, "app", t->what->key);
    sy_send_query_z(&s, "limit", "100");
    sy_send_query(&s, "after", op->after);
    return sy_send_done(&s);
}

static struct sy_found read_action(const struct sy_turn *t, struct sy_json action)
{
    struct sy_arena *mem = t->facts->mem;

    return (struct sy_found){
        .slug = sy_json_text(sy_json_get_z(action, "key"), mem),
        .name = sy_json_text(sy_json_get_z(action, "name"), mem),
        .description = sy_json_text(sy_json_get_z(action, "description"), mem),
        .tools = -1,
    };
}

/* The cursor is there even on the last page, so an empty page ends the list as well. */
enum sy_step sy_pipedream_tools_resume(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    size_t before = op->found.count;
    struct sy_json root;

    if (t->event->kind == SY_EVENT_REPLY && t->event->status == 404)
        return sy_found_done(&op->found, t);
    if (!sy_pipedream_told(t, &root))
        return SY_STEP_FAIL;
    collect(op, t, root, read_action);
    op->after = sy_json_text(sy_json_path(root, "page_info.end_cursor"), t->facts->mem);
    op->pages++;
    if (op->after.len && op->found.count - before >= 100 && op->pages < PAGES_MAX)
        return sy_pipedream_tools_send(op, t);
    return sy_found_done(&op->found, t);
}

/* Project-scoped on purpose: it proves client, project and environment in one. */
enum sy_step sy_pipedream_ping_send(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    sy_pipedream_begin_project(op, &s, t, SY_VERB_GET, SY_FOR_PROBE, SY_REQUEST_NONE);
    sy_send_path(&s, "/accounts");
    sy_send_query_z(&s, "limit", "1");
    return sy_send_done(&s);
}

enum sy_step sy_pipedream_ping_resume(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_json root;

    return sy_pipedream_told(t, &root) ? sy_found_done(&op->found, t) : SY_STEP_FAIL;
}
