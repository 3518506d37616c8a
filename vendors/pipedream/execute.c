/* Running an action: its definition names the prop that binds the account, then one run. */
#include "vendors/pipedream/pipedream.h"

/* "latest" is what Pipedream takes when nothing is said. */
static struct sy_str pinned_version(const struct sy_turn *t)
{
    struct sy_str version = t->what->target.version;

    return sy_str_eq(version, SY_STR("latest")) || !version.len ? (struct sy_str){0} : version;
}

static struct sy_str tool_key(const struct sy_turn *t)
{
    struct sy_str version = pinned_version(t);

    return version.ptr ? SY_JOIN(t, t->what->tool, SY_STR("@"), version) : t->what->tool;
}

static bool is_app_prop(struct sy_json prop)
{
    struct sy_json type = sy_json_get_z(prop, "type");

    return type.type == SY_JSON_STRING && sy_json_name_is(type.raw, SY_STR("app"));
}

static bool has_member(struct sy_str arguments, struct sy_str plain)
{
    struct sy_json_iter iter =
        sy_json_iter((struct sy_json){.type = SY_JSON_OBJECT, .raw = arguments});
    struct sy_json value;
    struct sy_str name;

    while (sy_json_next(&iter, &name, &value))
        if (sy_json_name_is(name, plain))
            return true;
    return false;
}

/* True for a prop whose value makes further props appear, if the caller sets it. */
static bool reloads(struct sy_json prop, struct sy_str arguments, struct sy_str name)
{
    return sy_json_is_true(sy_json_get_z(prop, "reloadProps")) && has_member(arguments, name);
}

/*
 * Finds the prop that binds the account: of the row's app if several are of type "app", else the
 * first. No argument may bear the name of any of them: it would choose whose account is used.
 */
static bool read_component(struct sy_pipedream_op *op, const struct sy_turn *t,
                           struct sy_str component, struct sy_str *ret_collides)
{
    struct sy_json root, prop;
    struct sy_json_iter iter;
    struct sy_str raw_name;
    bool own_app = false;

    if (sy_json_read(component, SY_JSON_DEPTH_MAX, &root, NULL) != 0)
        return false;
    op->app_prop = *ret_collides = (struct sy_str){0};
    op->reloads = false;
    iter = sy_json_iter(sy_json_get_z(root, "configurable_props"));
    while (sy_json_next(&iter, &raw_name, &prop)) {
        struct sy_str name = sy_json_text(sy_json_get_z(prop, "name"), t->facts->mem);
        struct sy_json app = sy_json_get_z(prop, "app");
        bool own =
            app.type == SY_JSON_STRING && sy_json_name_is(app.raw, t->what->target.vendor_slug);
        if (name.len && reloads(prop, t->what->arguments, name))
            op->reloads = true;
        if (!is_app_prop(prop) || !name.len)
            continue;
        if (has_member(t->what->arguments, name))
            *ret_collides = sy_arena_copy(t->facts->mem, name);
        if (!op->app_prop.ptr || (own && !own_app))
            op->app_prop = sy_arena_copy(t->facts->mem, name);
        own_app = own_app || own;
    }
    return true;
}

static enum sy_step collision(const struct sy_turn *t, struct sy_str name)
{
    sy_turn_fail(t, SY_CODE_INVALID_ARGUMENTS, SY_CAUSE_APP_PROP_COLLISION,
                 SY_JOIN(t, SY_STR("The argument "), name,
                         SY_STR(" has the name that binds the user's account.")));
    t->wish->failure.errors = sy_errors_one(t, name, t->wish->failure.detail);
    return SY_STEP_FAIL;
}

/* Ends the request with configured_props: the caller's members as they stand, then the binding:
 * last, so that it holds. */
static enum sy_step send_props(struct sy_pipedream_op *op, struct sy_send *s)
{
    struct sy_str arguments = s->turn->what->arguments;

    sy_jw_name(&s->json, "configured_props");
    if (!arguments.len)
        arguments = SY_STR("{}");
    if (!op->app_prop.ptr) {
        sy_send_splice(s, arguments);
        return sy_send_done(s);
    }
    sy_jw_object(&s->json);
    if (sy_json_count((struct sy_json){.type = SY_JSON_OBJECT, .raw = arguments}))
        sy_send_splice(s, sy_str_from(arguments.ptr + 1, arguments.len - 2));
    sy_jw_name_str(&s->json, op->app_prop);
    sy_jw_object(&s->json);
    sy_jw_member_str(&s->json, "authProvisionId", op->account);
    sy_jw_object_end(&s->json);
    return sy_send_done(s);
}

static void begin_action(struct sy_pipedream_op *op, struct sy_send *s, const struct sy_turn *t,
                         const char *path, enum sy_purpose purpose, enum sy_request_effect effect)
{
    sy_pipedream_begin_project(op, s, t, SY_VERB_POST, purpose, effect);
    sy_send_path(s, path);
    sy_send_json(s);
    sy_jw_member_str(&s->json, "id", t->what->tool);
    sy_send_json_bound(s, "external_user_id", t->facts->subject);
    sy_jw_opt_str(&s->json, "version", pinned_version(t));
}

static enum sy_step run(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    op->phase = PIPEDREAM_MAIN;
    begin_action(op, &s, t, "/actions/run", SY_FOR_EXECUTE,
                 t->what->effect == SY_EFFECT_READ ? SY_REQUEST_NONE : SY_REQUEST_WRITE);
    sy_jw_opt_str(&s.json, "dynamic_props_id", op->dynamic_props);
    return send_props(op, &s);
}

/* Props that appear only once others are set must be loaded first: without the id the component
 * runs without them and throws. */
static enum sy_step reload_or_run(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_send s;

    if (!op->reloads)
        return run(op, t);
    op->phase = PIPEDREAM_RELOAD;
    begin_action(op, &s, t, "/actions/props", SY_FOR_LOOKUP, SY_REQUEST_NONE);
    sy_jw_member_bool(&s.json, "blocking", true);
    return send_props(op, &s);
}

static enum sy_step reloaded(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_json root, errors;

    if (!sy_pipedream_told(t, &root)) {
        t->wish->failure.not_applied = true; /* the run itself was not sent */
        return SY_STEP_FAIL;
    }
    errors = sy_json_get_z(root, "errors");
    if (!sy_json_is_empty(errors)) {
        sy_turn_fail(t, SY_CODE_INVALID_ARGUMENTS, SY_CAUSE_SCHEMA,
                     SY_STR("The component cannot load its props with these arguments."));
        t->wish->failure.errors = sy_errors_listed(t, errors);
        return SY_STEP_FAIL;
    }
    op->dynamic_props = sy_json_text(sy_json_path(root, "dynamicProps.id"), t->facts->mem);
    return run(op, t);
}

static enum sy_step fail_unconnected(struct sy_pipedream_op *op, const struct sy_turn *t,
                                     enum sy_cause cause)
{
    const struct sy_failure failure = {
        .code = SY_CODE_CONNECTION_REQUIRED, .cause = cause, .not_applied = true};

    return sy_connect_fail(&op->connect, t, &failure, sy_pipedream_connection_key(t));
}

static enum sy_step with_accounts(struct sy_pipedream_op *op, const struct sy_turn *t,
                                  const struct sy_fact *accounts)
{
    struct sy_str key = sy_pipedream_connection_key(t);
    struct sy_failure failure;
    struct sy_account account;

    if (!sy_account_pick(t, accounts->value, t->what->account, &account))
        return fail_unconnected(
            op, t, t->what->account.len ? SY_CAUSE_ACCOUNT_MISMATCH : SY_CAUSE_NO_ACCOUNT);
    if (account.state == SY_ACCOUNT_ACTIVE) {
        op->account = sy_arena_copy(t->facts->mem, account.id);
        return reload_or_run(op, t);
    }
    sy_account_failure(t, &account, &failure);
    return sy_connect_fail(&op->connect, t, &failure, SY_JOIN(t, key, SY_STR("#"), account.id));
}

static enum sy_step need_accounts(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_str key = sy_pipedream_connection_key(t);
    const struct sy_fact *accounts = sy_fact_find(t->facts, SY_FACT_ACCOUNTS, key);

    op->phase = PIPEDREAM_ACCOUNT;
    return accounts ? with_accounts(op, t, accounts) : sy_turn_need(t, SY_FACT_ACCOUNTS, key, 0);
}

static enum sy_step with_component(struct sy_pipedream_op *op, const struct sy_turn *t,
                                   const struct sy_fact *component)
{
    struct sy_str collides;

    if (!read_component(op, t, component->value, &collides))
        return sy_reply_nonsense(t, SY_CAUSE_BAD_VENDOR_JSON);
    if (collides.ptr)
        return collision(t, collides);
    return op->app_prop.ptr ? need_accounts(op, t) : reload_or_run(op, t);
}

enum sy_step sy_pipedream_execute_send(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_str key = tool_key(t);
    const struct sy_fact *component = sy_fact_find(t->facts, SY_FACT_TOOL, key);

    op->phase = PIPEDREAM_TOOL;
    return component ? with_component(op, t, component) : sy_turn_need(t, SY_FACT_TOOL, key, 0);
}

/* "record not found": the account, the component or the user went away since we looked. */
static enum sy_step not_found(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    sy_pipedream_error(t, &op->failure);
    op->failure.code = SY_CODE_TOOL_NOT_FOUND;
    op->failure.cause = SY_CAUSE_ABSENT;
    t->wish->forget.tool = t->wish->forget.accounts = true;
    if (!op->app_prop.ptr)
        return sy_turn_fail_with(t, &op->failure);
    op->phase = PIPEDREAM_RECHECK;
    return sy_turn_need(t, SY_FACT_ACCOUNTS, sy_pipedream_connection_key(t), 0);
}

static enum sy_step rechecked(struct sy_pipedream_op *op, const struct sy_turn *t,
                              const struct sy_fact *accounts)
{
    struct sy_account account;

    if (t->event->kind == SY_EVENT_CANCELLED)
        return sy_turn_fail_event(t);
    if (t->event->kind == SY_EVENT_FACT && accounts &&
        !sy_account_pick(t, accounts->value, op->account, &account))
        return fail_unconnected(op, t, SY_CAUSE_NO_ACCOUNT);
    return sy_turn_fail_with(t, &op->failure);
}

static enum sy_step ran(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    struct sy_json root;

    if (t->event->kind == SY_EVENT_REPLY && t->event->status == 404)
        return not_found(op, t);
    if (!sy_pipedream_told(t, &root))
        return SY_STEP_FAIL;
    if (t->event->status != 200) /* 202: started, and no published way to learn the end */
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    if (sy_pipedream_run_has_error(root))
        return sy_pipedream_run_failed(op, t, root);
    t->wish->result = (struct sy_result){
        .data = sy_json_get_z(root, "ret").raw,
        .vendor_reply = sy_reply_others(t, root, "ret"),
    };
    return SY_STEP_DONE;
}

enum sy_step sy_pipedream_execute_resume(struct sy_pipedream_op *op, const struct sy_turn *t)
{
    const struct sy_fact *fact = NULL;

    if (op->connect.linking)
        return sy_connect_resume(&op->connect, t);
    if (op->phase == PIPEDREAM_MAIN)
        return ran(op, t);
    if (op->phase == PIPEDREAM_RELOAD)
        return reloaded(op, t);
    if (op->phase == PIPEDREAM_TOOL)
        fact = sy_turn_fact(t, SY_FACT_TOOL, tool_key(t));
    else
        fact = sy_turn_fact(t, SY_FACT_ACCOUNTS, sy_pipedream_connection_key(t));
    if (op->phase == PIPEDREAM_RECHECK)
        return rechecked(op, t, fact);
    if (t->event->kind != SY_EVENT_FACT || !fact)
        return sy_turn_fail_event(t);
    return op->phase == PIPEDREAM_TOOL ? with_component(op, t, fact) : with_accounts(op, t, fact);
}
