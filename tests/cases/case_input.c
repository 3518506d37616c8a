#include "case.h"

#include "base/clock.h"

#include <string.h>

static const char *const op_names[SY_OP_COUNT] = {
    [SY_OP_EXECUTE] = "execute",
    [SY_OP_MINT] = "mint",
    [SY_OP_TOOL] = "tool",
    [SY_OP_ACCOUNTS] = "accounts",
    [SY_OP_AUTH_CONFIG] = "auth_config",
    [SY_OP_LINK] = "link",
    [SY_OP_PROBE] = "probe",
    [SY_OP_SEARCH] = "search",
    [SY_OP_TOOLS] = "tools",
    [SY_OP_PING] = "ping",
};

static const enum sy_op fact_ops[SY_FACT_KIND_COUNT] = {
    [SY_FACT_TOKEN] = SY_OP_MINT,        [SY_FACT_TOOL] = SY_OP_TOOL,
    [SY_FACT_ACCOUNTS] = SY_OP_ACCOUNTS, [SY_FACT_AUTH_CONFIG] = SY_OP_AUTH_CONFIG,
    [SY_FACT_LINK] = SY_OP_LINK,
};

static const char *const fact_names[SY_FACT_KIND_COUNT] = {
    [SY_FACT_TOKEN] = "token",       [SY_FACT_TOOL] = "tool",
    [SY_FACT_ACCOUNTS] = "accounts", [SY_FACT_AUTH_CONFIG] = "auth_config",
    [SY_FACT_LINK] = "link",
};

struct sy_json case_get(const struct case_run *run, const char *dotted)
{
    struct sy_json value = sy_json_path(run->file, dotted);

    return value.type != SY_JSON_NONE ? value : sy_json_path(run->defaults, dotted);
}

struct sy_str case_text(struct case_run *run, struct sy_json value)
{
    struct sy_str text = {0};

    if (value.type == SY_JSON_NONE || value.type == SY_JSON_NULL)
        return text;
    if (value.type != SY_JSON_STRING)
        return value.raw;
    if (sy_json_string(value, &run->arena, false, &text) != 0)
        run->broken = "a string of the case cannot be decoded";
    return text;
}

static struct sy_str text_of(struct case_run *run, const char *dotted)
{
    return case_text(run, case_get(run, dotted));
}

static int64_t time_of(struct case_run *run, const char *dotted)
{
    struct sy_str text = text_of(run, dotted);
    int64_t ms = 0;

    if (text.ptr && !sy_time_parse(text, &ms))
        run->broken = "a time of the case is malformed";
    return ms;
}

static void read_operation(struct case_run *run)
{
    struct sy_operation *what = &run->what;
    struct sy_str op = text_of(run, "op");

    what->op = SY_OP_COUNT;
    for (int i = 0; i < SY_OP_COUNT; i++)
        if (sy_str_eq(op, sy_str_of(op_names[i])))
            what->op = (enum sy_op)i;
    if (what->op == SY_OP_COUNT)
        run->broken = "the case has an unknown op";
    what->key = text_of(run, "call.key");
    what->tool = text_of(run, "call.tool");
    what->canonical_tool = text_of(run, "call.canonical_tool");
    what->arguments = text_of(run, "call.arguments");
    what->call_id = text_of(run, "call.call_id");
    what->tenant = text_of(run, "call.tenant");
    what->user_id = text_of(run, "call.user_id");
    what->account = text_of(run, "call.account");
    what->traceparent = text_of(run, "call.traceparent");
    what->effect = SY_EFFECT_UNKNOWN;
    sy_effect_from_name(text_of(run, "call.effect"), &what->effect);
}

static void read_target(struct case_run *run)
{
    run->what.target = (struct sy_target){
        .toolkit = text_of(run, "target.toolkit"),
        .vendor_slug = text_of(run, "target.vendor_slug"),
        .connection = text_of(run, "target.connection"),
        .auth_config_id = text_of(run, "target.auth_config_id"),
        .oauth_app_id = text_of(run, "target.oauth_app_id"),
        .version = text_of(run, "target.version"),
        .endpoint = text_of(run, "target.endpoint"),
        .auth_none = sy_json_is_true(case_get(run, "target.auth_none")),
        .issue_url = text_of(run, "target.issue_url"),
        .requested_at_ms = time_of(run, "target.requested_at"),
        .due_at_ms = time_of(run, "target.due_at"),
    };
}

static void read_settings(struct case_run *run)
{
    struct sy_str *values =
        sy_arena_array(&run->arena, SY_VENDOR_SETTINGS_MAX + 1, sizeof(*values));
    char path[64] = "settings.";

    for (size_t i = 0; values && run->vendor->settings[i].name; i++) {
        const char *name = run->vendor->settings[i].name;
        memcpy(path + 9, name, strlen(name) + 1);
        values[i] = text_of(run, path);
        if (!values[i].ptr)
            values[i] = sy_str_of(run->vendor->settings[i].fallback);
    }
    run->facts.settings = values;
}

static enum sy_fact_kind fact_kind(struct case_run *run, struct sy_str name)
{
    for (int i = 0; i < SY_FACT_KIND_COUNT; i++)
        if (sy_str_eq(name, sy_str_of(fact_names[i])))
            return (enum sy_fact_kind)i;
    run->broken = "the case has an unknown kind of fact";
    return SY_FACT_TOKEN;
}

static void read_facts(struct case_run *run)
{
    struct sy_json_iter iter = sy_json_iter(case_get(run, "facts"));
    struct sy_json item;
    struct sy_str name;

    run->facts.now_unix_ms = time_of(run, "now");
    run->facts.subject = text_of(run, "subject");
    run->facts.idempotency_key = text_of(run, "idempotency_key");
    run->facts.row_secret = text_of(run, "row_secret");
    run->facts.facts = run->in_hand;
    run->facts.mem = &run->mem;
    while (sy_json_next(&iter, &name, &item)) {
        struct sy_fact fact = {
            .kind = fact_kind(run, case_text(run, sy_json_get_z(item, "kind"))),
            .key = case_text(run, sy_json_get_z(item, "key")),
            .value = case_text(run, sy_json_get_z(item, "value")),
            .generation = 1,
        };
        case_add_fact(run, &fact);
    }
    run->generation = 100;
}

bool case_input(struct case_run *run)
{
    read_operation(run);
    read_target(run);
    read_settings(run);
    read_facts(run);
    return !run->broken;
}

void case_operation_for_need(const struct case_run *run, const struct sy_need *need,
                             struct sy_operation *ret_what)
{
    *ret_what = run->what;
    ret_what->op = fact_ops[need->kind];
    ret_what->key = need->key;
}

/* A newer value of one key takes the older one's place. */
void case_add_fact(struct case_run *run, const struct sy_fact *fact)
{
    for (size_t i = 0; i < run->facts.fact_count; i++)
        if (run->in_hand[i].kind == fact->kind && sy_str_eq(run->in_hand[i].key, fact->key)) {
            run->in_hand[i] = *fact;
            return;
        }
    if (run->facts.fact_count < CASE_FACTS_MAX)
        run->in_hand[run->facts.fact_count++] = *fact;
    else
        run->broken = "too many facts";
}

static const struct sy_failure *read_failure(struct case_run *run, struct sy_json value)
{
    struct sy_failure *failure = sy_arena_zalloc(&run->arena, sizeof(*failure));
    struct sy_str cause = case_text(run, sy_json_get_z(value, "cause"));

    if (!failure)
        return NULL;
    failure->code = sy_code_from_name(case_text(run, sy_json_get_z(value, "code")));
    for (int i = 0; i < SY_CAUSE_COUNT; i++)
        if (cause.len && sy_str_eq(cause, sy_str_of(sy_cause_word((enum sy_cause)i))))
            failure->cause = (enum sy_cause)i;
    return failure;
}

static void read_reply(struct case_run *run, struct sy_json reply, struct sy_event *event)
{
    struct sy_header *headers = sy_arena_array(&run->arena, CASE_HEADERS_MAX, sizeof(*headers));
    struct sy_json_iter iter = sy_json_iter(sy_json_get_z(reply, "headers"));
    struct sy_json value;
    struct sy_str name;
    int64_t status = 0;

    sy_json_i64(sy_json_get_z(reply, "status"), &status);
    event->kind = SY_EVENT_REPLY;
    event->status = (int)status;
    event->body = case_text(run, sy_json_get_z(reply, "body"));
    if (!event->body.ptr)
        event->body = SY_STR("");
    event->headers = headers;
    while (headers && event->header_count < CASE_HEADERS_MAX &&
           sy_json_next(&iter, &name, &value)) {
        struct sy_json quoted = {.type = SY_JSON_STRING, .raw = name};
        headers[event->header_count++] =
            (struct sy_header){.name = case_text(run, quoted), .value = case_text(run, value)};
    }
}

bool case_event(struct case_run *run, struct sy_json step, const struct sy_need *need,
                struct sy_event *ret_event)
{
    struct sy_json reply = sy_json_get_z(step, "reply");
    struct sy_json value = sy_json_get_z(step, "fact");
    struct sy_json failed = sy_json_get_z(step, "failed");
    struct sy_fact *fact;

    *ret_event = (struct sy_event){0};
    if (sy_json_is_true(sy_json_get_z(step, "cancelled"))) {
        ret_event->kind = SY_EVENT_CANCELLED;
        return true;
    }
    if (failed.type == SY_JSON_OBJECT) {
        ret_event->kind = need ? SY_EVENT_FACT_FAILED : SY_EVENT_NET_FAILED;
        ret_event->failure = read_failure(run, failed);
        ret_event->started = sy_json_is_true(sy_json_get_z(failed, "started"));
        return ret_event->failure != NULL;
    }
    if (!need && reply.type == SY_JSON_OBJECT) {
        read_reply(run, reply, ret_event);
        return true;
    }
    if (!need || value.type == SY_JSON_NONE)
        return false;
    fact = sy_arena_zalloc(&run->arena, sizeof(*fact));
    if (!fact)
        return false;
    *fact = (struct sy_fact){.kind = need->kind,
                             .key = need->key,
                             .value = case_text(run, value),
                             .generation = ++run->generation};
    case_add_fact(run, fact);
    ret_event->kind = SY_EVENT_FACT;
    ret_event->fact = fact;
    return true;
}
