#include "case.h"

#include <string.h>

static const char *const need_names[SY_FACT_KIND_COUNT] = {
    [SY_FACT_TOKEN] = "token",       [SY_FACT_TOOL] = "tool",
    [SY_FACT_ACCOUNTS] = "accounts", [SY_FACT_AUTH_CONFIG] = "auth_config",
    [SY_FACT_LINK] = "link",
};

static const char *const effect_words[] = {
    [SY_REQUEST_NONE] = "none",
    [SY_REQUEST_IDEMPOTENT] = "idempotent",
    [SY_REQUEST_WRITE] = "write",
};

struct sy_str case_compact(struct case_run *run, struct sy_str json)
{
    char *out = sy_arena_alloc(&run->arena, json.len + 1);
    bool quoted = false;
    size_t len = 0;

    for (size_t i = 0; out && i < json.len; i++) {
        char c = json.ptr[i];
        if (!quoted && (c == ' ' || c == '\n' || c == '\r' || c == '\t'))
            continue;
        out[len++] = c;
        if (quoted && c == '\\' && i + 1 < json.len)
            out[len++] = json.ptr[++i];
        else if (c == '"')
            quoted = !quoted;
    }
    return sy_str_from(out, len);
}

void case_write_text(struct case_run *run, const char *name, struct sy_str text)
{
    struct sy_json root;

    if (!text.ptr)
        return;
    if (sy_json_read(text, SY_JSON_DEPTH_MAX, &root, NULL) == 0 && root.type >= SY_JSON_ARRAY &&
        sy_str_eq(case_compact(run, text), text))
        sy_jw_member_raw(&run->json, name, text);
    else
        sy_jw_member_str(&run->json, name, text);
}

/* What every request must keep, whatever the case says. */
static void check_request(struct case_run *run, const struct sy_request *request)
{
    const struct sy_setting *setting = run->vendor->settings;

    if (sy_str_has_control(request->url) || sy_str_find_char(request->url, ' ') != (size_t)-1)
        run->broken = "the URL holds a space or control byte";
    if (!sy_request_is_bound(request, run->facts.subject, run->what.account))
        run->broken = "the request does not carry the subject or account it is bound to";
    if (run->vendor->user_connection && request->purpose == SY_FOR_EXECUTE && !request->bound.ptr &&
        run->facts.subject.len)
        run->broken = "an execute request is bound to nobody";
    for (unsigned i = 0; i < request->header_count; i++) {
        const struct sy_header *header = &request->headers[i];
        if (sy_str_has_control(header->value))
            run->broken = "a header holds a control byte";
        for (unsigned j = 0; setting[j].name; j++)
            if ((setting[j].flags & SY_SETTING_SECRET) && !header->secret &&
                sy_str_find(header->value, run->facts.settings[j]) != (size_t)-1)
                run->broken = "a header carries a secret and is not marked so";
    }
}

/* Headers by name, so that a case need not follow the order of code. */
static void write_headers(struct case_run *run, const struct sy_request *request)
{
    struct sy_str last = {0};

    sy_jw_name(&run->json, "headers");
    sy_jw_object(&run->json);
    for (unsigned n = 0; n < request->header_count; n++) {
        const struct sy_header *next = NULL;
        for (unsigned i = 0; i < request->header_count; i++) {
            const struct sy_header *header = &request->headers[i];
            if ((!last.ptr || sy_str_cmp(header->name, last) > 0) &&
                (!next || sy_str_cmp(header->name, next->name) < 0))
                next = header;
        }
        if (!next)
            break;
        sy_jw_name_str(&run->json, next->name);
        sy_jw_str(&run->json, next->value);
        last = next->name;
    }
    sy_jw_object_end(&run->json);
}

void case_write_request(struct case_run *run, const struct sy_request *request)
{
    struct sy_str line[] = {sy_str_of(sy_http_verb_name(request->verb)), SY_STR(" "), request->url};
    struct sy_str body = sy_arena_join(&run->arena, request->body, request->body_count);

    check_request(run, request);
    sy_jw_member_str(&run->json, "send", sy_arena_join(&run->arena, line, SY_ARRAY_LEN(line)));
    sy_jw_member_z(&run->json, "effect", effect_words[request->effect]);
    write_headers(run, request);
    if (request->body_count)
        case_write_text(run, "body", body);
}

void case_write_need(struct case_run *run, const struct sy_need *need)
{
    sy_jw_member_z(&run->json, "need", need_names[need->kind]);
    sy_jw_member_str(&run->json, "key", need->key);
    if (need->reject_generation)
        sy_jw_member_i64(&run->json, "reject", (int64_t)need->reject_generation);
}

static void write_found(struct case_run *run, const struct sy_result *result)
{
    struct sy_json_writer *w = &run->json;

    sy_jw_name(w, "found");
    sy_jw_array(w);
    for (size_t i = 0; i < result->found_count; i++) {
        const struct sy_found *found = &result->found[i];
        sy_jw_object(w);
        sy_jw_member_str(w, "slug", found->slug);
        sy_jw_opt_str(w, "name", found->name);
        if (found->tools >= 0)
            sy_jw_member_i64(w, "tools", found->tools);
        if (found->configured)
            sy_jw_member_bool(w, "configured", true);
        if (found->connectable)
            sy_jw_member_bool(w, "connectable", true);
        if (found->deprecated)
            sy_jw_member_bool(w, "deprecated", true);
        sy_jw_opt_str(w, "connection", found->connection);
        sy_jw_object_end(w);
    }
    sy_jw_array_end(w);
}

static void write_done(struct case_run *run, const struct sy_result *result)
{
    struct sy_json_writer *w = &run->json;
    bool searches =
        run->what.op == SY_OP_PROBE || run->what.op == SY_OP_SEARCH || run->what.op == SY_OP_TOOLS;

    sy_jw_name(w, "done");
    sy_jw_object(w);
    if (run->what.op == SY_OP_EXECUTE)
        sy_jw_member_raw(w, "data",
                         case_compact(run, result->data.ptr ? result->data : SY_STR("null")));
    if (result->vendor_reply.ptr)
        sy_jw_member_raw(w, "vendor_reply", case_compact(run, result->vendor_reply));
    sy_jw_opt_str(w, "warning", result->warning);
    case_write_text(run, "value", result->value);
    if (result->value.ptr)
        sy_jw_member_i64(w, "ttl_ms", result->ttl_ms);
    if (searches)
        write_found(run, result);
    sy_jw_object_end(w);
}

static void raw_opt(struct case_run *run, const char *name, struct sy_str json)
{
    struct sy_json root;

    if (!json.ptr)
        return;
    if (sy_json_read(json, SY_JSON_DEPTH_MAX, &root, NULL) != 0)
        run->broken = "a failure's member is not JSON";
    sy_jw_member_raw(&run->json, name, case_compact(run, json));
}

static void write_fail(struct case_run *run, const struct sy_failure *failure)
{
    struct sy_json_writer *w = &run->json;

    sy_jw_name(w, "fail");
    sy_jw_object(w);
    sy_jw_member_z(w, "code", sy_code_name(failure->code));
    sy_jw_member_z(w, "cause", sy_cause_word(failure->cause));
    sy_jw_member_z(w, "origin", sy_origin_name(sy_failure_origin(failure)));
    sy_jw_member_bool(w, "retryable", sy_failure_retryable(failure));
    sy_jw_member_bool(w, "not_applied", failure->not_applied);
    sy_jw_opt_str(w, "detail", failure->detail);
    if (failure->retry_after_ms)
        sy_jw_member_i64(w, "retry_after_ms", failure->retry_after_ms);
    if (failure->limited_by)
        sy_jw_member_z(w, "by", failure->limited_by);
    sy_jw_opt_str(w, "connect_url", failure->connect_url);
    sy_jw_opt_str(w, "connection_id", failure->connection_id);
    if (failure->expires_at_ms)
        sy_jw_member_time(w, "expires_at", failure->expires_at_ms);
    raw_opt(run, "missing_scopes", failure->missing_scopes);
    if (failure->fix)
        sy_jw_member_z(w, "fix", failure->fix);
    sy_jw_opt_str(w, "todo", failure->todo);
    if (failure->provider_status)
        sy_jw_member_i64(w, "provider_status", failure->provider_status);
    raw_opt(run, "provider_body", failure->provider_body);
    raw_opt(run, "errors", failure->errors);
    raw_opt(run, "suggestions", failure->suggestions);
    sy_jw_opt_str(w, "renamed_to", failure->renamed_to);
    sy_jw_opt_str(w, "issue_url", failure->issue_url);
    if (failure->requested_at_ms)
        sy_jw_member_time(w, "requested_at", failure->requested_at_ms);
    if (failure->due_at_ms)
        sy_jw_member_time(w, "due_at", failure->due_at_ms);
    sy_jw_object_end(w);
}

void case_write_outcome(struct case_run *run, enum sy_step step, const struct sy_wish *wish)
{
    if (step == SY_STEP_DONE)
        write_done(run, &wish->result);
    else if (step == SY_STEP_FAIL)
        write_fail(run, &wish->failure);
    else
        run->broken = "the adapter asks for something this runner does not serve";
}
