/* Composio's catalogue: does it have a toolkit, which ones match, which tools are there. */
#include "vendors/composio/composio.h"

static struct sy_found read_toolkit(const struct sy_turn *t, struct sy_json item)
{
    struct sy_arena *mem = t->facts->mem;
    bool no_auth = sy_json_is_true(sy_json_get_z(item, "no_auth"));
    struct sy_found found = {
        .slug = sy_json_text(sy_json_get_z(item, "slug"), mem),
        .name = sy_json_text(sy_json_get_z(item, "name"), mem),
        .description = sy_json_text(sy_json_path(item, "meta.description"), mem),
        .tools = -1,
        .configured = no_auth,
        .connectable =
            no_auth || !sy_json_is_empty(sy_json_get_z(item, "composio_managed_auth_schemes")),
    };

    sy_json_i64(sy_json_path(item, "meta.tools_count"), &found.tools);
    return found;
}

enum sy_step sy_composio_probe_start(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    op->phase = COMPOSIO_ASKED;
    sy_composio_begin(&s, t, SY_VERB_GET, SY_FOR_PROBE, SY_REQUEST_NONE, "/toolkits");
    sy_send_segment(&s, "toolkit", sy_lower(t->what->key, 0, 0, t->facts->mem));
    return sy_send_done(&s);
}

static enum sy_step ask_configs(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    op->phase = COMPOSIO_CONFIG;
    sy_composio_begin(&s, t, SY_VERB_GET, SY_FOR_PROBE, SY_REQUEST_NONE, "/auth_configs");
    sy_send_query(&s, "toolkit_slug", op->found.items[0].slug);
    sy_send_query_z(&s, "limit", "50");
    return sy_send_done(&s);
}

/* Whether our project can use the toolkit does not change that Composio has it, so a failing
 * second request is no failure of the probe. */
static enum sy_step configs_told(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_found *found = &op->found.items[0];
    struct sy_json_iter iter;
    struct sy_json root, item;
    struct sy_str name;

    if (t->event->kind == SY_EVENT_REPLY && sy_reply_ok(t) && sy_reply_object(t, &root)) {
        iter = sy_json_iter(sy_json_get_z(root, "items"));
        while (sy_json_next(&iter, &name, &item))
            if (sy_json_name_is(sy_json_get_z(item, "status").raw, SY_STR("ENABLED")))
                found->configured = true;
    }
    if (found->connectable &&
        sy_str_eq(sy_turn_setting(t, COMPOSIO_CREATE_AUTH_CONFIGS), SY_STR("true")))
        found->configured = true;
    return sy_found_done(&op->found, t);
}

enum sy_step sy_composio_probe_resume(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_found found;
    struct sy_json root;

    if (op->phase == COMPOSIO_CONFIG)
        return t->event->kind == SY_EVENT_CANCELLED ? sy_turn_fail_event(t) : configs_told(op, t);
    if (t->event->kind == SY_EVENT_REPLY && t->event->status == 404)
        return sy_found_done(&op->found, t);
    if (!sy_composio_told(t, &root))
        return SY_STEP_FAIL;
    found = read_toolkit(t, root);
    if (!found.slug.len)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    if (!sy_json_is_empty(sy_json_get_z(root, "composio_managed_auth")))
        found.connectable = true;
    sy_found_add(&op->found, t, found);
    if (!op->found.count)
        return sy_turn_fail(t, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){0});
    return found.configured ? sy_found_done(&op->found, t) : ask_configs(op, t);
}

enum sy_step sy_composio_search_start(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    if (!sy_search_text_ok(t->what->key))
        return sy_found_done(&op->found, t);
    op->phase = COMPOSIO_ASKED;
    sy_composio_begin(&s, t, SY_VERB_GET, SY_FOR_PROBE, SY_REQUEST_NONE, "/toolkits");
    sy_send_query(&s, "search", t->what->key);
    sy_send_query_z(&s, "managed_by", "all");
    sy_send_query_z(&s, "limit", "100");
    return sy_send_done(&s);
}

enum sy_step sy_composio_search_resume(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_json_iter iter;
    struct sy_json root, item;
    struct sy_str name;

    if (!sy_composio_told(t, &root))
        return SY_STEP_FAIL;
    if (sy_json_get_z(root, "items").type != SY_JSON_ARRAY)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    iter = sy_json_iter(sy_json_get_z(root, "items"));
    while (sy_json_next(&iter, &name, &item))
        sy_found_add(&op->found, t, read_toolkit(t, item));
    return sy_found_done(&op->found, t);
}

/* The version is asked for explicitly: without it v3 hides whatever is newer than its baseline. */
enum sy_step sy_composio_tools_start(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    op->phase = COMPOSIO_ASKED;
    sy_composio_begin(&s, t, SY_VERB_GET, SY_FOR_LOOKUP, SY_REQUEST_NONE, "/tools");
    sy_send_query(&s, "toolkit_slug", t->what->key);
    sy_send_query_z(&s, "toolkit_versions", "latest");
    sy_send_query_z(&s, "limit", "200");
    return sy_send_done(&s);
}

enum sy_step sy_composio_tools_resume(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_arena *mem = t->facts->mem;
    struct sy_json_iter iter;
    struct sy_json root, item;
    struct sy_str name;

    if (t->event->kind == SY_EVENT_REPLY && t->event->status == 404)
        return sy_found_done(&op->found, t);
    if (!sy_composio_told(t, &root))
        return SY_STEP_FAIL;
    iter = sy_json_iter(sy_json_get_z(root, "items"));
    while (sy_json_next(&iter, &name, &item))
        sy_found_add(&op->found, t,
                     (struct sy_found){
                         .slug = sy_json_text(sy_json_get_z(item, "slug"), mem),
                         .name = sy_json_text(sy_json_get_z(item, "name"), mem),
                         .description = sy_json_text(sy_json_get_z(item, "description"), mem),
                         .tools = -1,
                         .deprecated = sy_json_is_true(sy_json_get_z(item, "is_deprecated")),
                     });
    return sy_found_done(&op->found, t);
}

enum sy_step sy_composio_ping_start(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    op->phase = COMPOSIO_ASKED;
    sy_composio_begin(&s, t, SY_VERB_GET, SY_FOR_PROBE, SY_REQUEST_NONE, "/toolkits");
    sy_send_query_z(&s, "limit", "1");
    return sy_send_done(&s);
}

enum sy_step sy_composio_ping_resume(struct sy_composio_op *op, const struct sy_turn *t)
{
    struct sy_json root;

    return sy_composio_told(t, &root) ? sy_found_done(&op->found, t) : SY_STEP_FAIL;
}
