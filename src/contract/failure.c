#include "contract/failure.h"

#include "base/json.h"

struct code_facts {
    const char *name;
    int status;
    enum sy_origin origin;
    bool retryable;
    bool breaker;
    const char *title;
};

static const struct code_facts codes[SY_CODE_COUNT] = {
    [SY_CODE_NONE] = {"", 500, SY_ORIGIN_GATEWAY, false, false, ""},
#define SY_ERROR(id, name, status, origin, retryable, breaker, title)                              \
    [SY_CODE_##id] = {name, status, SY_ORIGIN_##origin, retryable, breaker, title},
#include "contract/error.def"
#undef SY_ERROR
};

static const char *const cause_words[SY_CAUSE_COUNT] = {
#define SY_CAUSE(id, word, text) [SY_CAUSE_##id] = word,
#include "contract/cause.def"
#undef SY_CAUSE
};

static const char *const cause_texts[SY_CAUSE_COUNT] = {
#define SY_CAUSE(id, word, text) [SY_CAUSE_##id] = text,
#include "contract/cause.def"
#undef SY_CAUSE
};

static const char *const origin_names[] = {
    [SY_ORIGIN_DEFAULT] = "gateway",   [SY_ORIGIN_CALLER] = "caller",
    [SY_ORIGIN_GATEWAY] = "gateway",   [SY_ORIGIN_VENDOR] = "vendor",
    [SY_ORIGIN_PROVIDER] = "provider", [SY_ORIGIN_USER] = "user",
};

static const struct code_facts *facts_of(enum sy_code code)
{
    return &codes[(unsigned)code < SY_CODE_COUNT ? code : SY_CODE_INTERNAL];
}

const char *sy_code_name(enum sy_code code)
{
    return facts_of(code)->name;
}

int sy_code_status(enum sy_code code)
{
    return facts_of(code)->status;
}

const char *sy_code_title(enum sy_code code)
{
    return facts_of(code)->title;
}

enum sy_origin sy_code_origin(enum sy_code code)
{
    return facts_of(code)->origin;
}

bool sy_code_retryable(enum sy_code code)
{
    return facts_of(code)->retryable;
}

bool sy_code_counts_for_breaker(enum sy_code code)
{
    return facts_of(code)->breaker;
}

enum sy_code sy_code_from_name(struct sy_str name)
{
    for (int code = SY_CODE_NONE + 1; code < SY_CODE_COUNT; code++)
        if (sy_str_eq(name, sy_str_of(codes[code].name)))
            return (enum sy_code)code;
    return SY_CODE_NONE;
}

const char *sy_cause_word(enum sy_cause cause)
{
    return cause_words[(unsigned)cause < SY_CAUSE_COUNT ? cause : SY_CAUSE_BUG];
}

const char *sy_cause_text(enum sy_cause cause)
{
    return cause_texts[(unsigned)cause < SY_CAUSE_COUNT ? cause : SY_CAUSE_BUG];
}

const char *sy_origin_name(enum sy_origin origin)
{
    return origin_names[(unsigned)origin < SY_ARRAY_LEN(origin_names) ? origin : SY_ORIGIN_GATEWAY];
}

void sy_failure_copy(struct sy_failure *failure, struct sy_arena *mem)
{
    struct sy_str *const slices[] = {
        &failure->detail,        &failure->connect_url,    &failure->connection_id,
        &failure->connected_at,  &failure->missing_scopes, &failure->todo,
        &failure->provider_body, &failure->errors,         &failure->suggestions,
        &failure->renamed_to,    &failure->case_id,        &failure->issue_url,
        &failure->rules,
    };

    for (size_t i = 0; i < SY_ARRAY_LEN(slices); i++)
        *slices[i] = sy_arena_copy(mem, *slices[i]);
}

enum sy_origin sy_failure_origin(const struct sy_failure *failure)
{
    return failure->origin != SY_ORIGIN_DEFAULT ? failure->origin : sy_code_origin(failure->code);
}

bool sy_failure_retryable(const struct sy_failure *failure)
{
    if (failure->retryable != SY_TRI_DEFAULT)
        return failure->retryable == SY_TRI_YES;
    return sy_code_retryable(failure->code);
}

static void member_raw_opt(struct sy_json_writer *w, const char *name, struct sy_str json)
{
    if (json.ptr)
        sy_jw_member_raw(w, name, json);
}

static void member_time_opt(struct sy_json_writer *w, const char *name, int64_t unix_ms)
{
    if (unix_ms)
        sy_jw_member_time(w, name, unix_ms);
}

/* A stable name rather than a page: what the code means stands in docs/errors.md. */
static void write_type(struct sy_json_writer *w, struct sy_str code)
{
    char text[96];
    struct sy_buf type = {.ptr = text, .cap = sizeof(text), .max = sizeof(text)};

    sy_buf_append_z(&type, "urn:switchyard:error:");
    sy_buf_append(&type, code);
    sy_jw_member_str(w, "type", sy_buf_str(&type));
}

/* What every problem document has, in the order people read it. */
static void write_head(struct sy_json_writer *w, const struct sy_failure *failure,
                       bool maybe_applied, struct sy_str call_id)
{
    const struct code_facts *facts = facts_of(failure->code);
    struct sy_str detail = failure->detail;

    if (!detail.len)
        detail = sy_str_of(failure->cause ? sy_cause_text(failure->cause) : facts->title);
    write_type(w, sy_str_of(facts->name));
    sy_jw_member_z(w, "title", facts->title);
    sy_jw_member_i64(w, "status", failure->status ? failure->status : facts->status);
    sy_jw_member_str(w, "detail", detail);
    sy_jw_member_z(w, "code", facts->name);
    sy_jw_member_z(w, "cause", failure->cause ? sy_cause_word(failure->cause) : NULL);
    sy_jw_member_z(w, "origin", sy_origin_name(sy_failure_origin(failure)));
    sy_jw_member_bool(w, "retryable", sy_failure_retryable(failure));
    sy_jw_member_bool(w, "maybe_applied", maybe_applied);
    sy_jw_opt_str(w, "call_id", call_id);
}

/* What the single codes add; absent slices and zeroes stay out. */
static void write_extras(struct sy_json_writer *w, const struct sy_failure *failure)
{
    if (failure->limited_by)
        sy_jw_member_z(w, "by", failure->limited_by);
    sy_jw_opt_str(w, "connect_url", failure->connect_url);
    sy_jw_opt_str(w, "connection_id", failure->connection_id);
    member_time_opt(w, "expires_at", failure->expires_at_ms);
    member_raw_opt(w, "connected_at", failure->connected_at);
    if (failure->code == SY_CODE_SCOPE_MISSING || failure->missing_scopes.ptr)
        sy_jw_member_raw(w, "missing_scopes",
                         failure->missing_scopes.ptr ? failure->missing_scopes : SY_STR("null"));
    if (failure->fix)
        sy_jw_member_z(w, "fix", failure->fix);
    sy_jw_opt_str(w, "todo", failure->todo);
    if (failure->provider_status)
        sy_jw_member_i64(w, "provider_status", failure->provider_status);
    member_raw_opt(w, "provider_body", failure->provider_body);
    member_raw_opt(w, "errors", failure->errors);
    member_raw_opt(w, "suggestions", failure->suggestions);
    sy_jw_opt_str(w, "renamed_to", failure->renamed_to);
    sy_jw_opt_str(w, "case_id", failure->case_id);
    sy_jw_opt_str(w, "issue_url", failure->issue_url);
    member_time_opt(w, "requested_at", failure->requested_at_ms);
    member_time_opt(w, "due_at", failure->due_at_ms);
    member_raw_opt(w, "rules", failure->rules);
    if (failure->limit_bytes) {
        sy_jw_name(w, "limit_bytes");
        sy_jw_u64(w, failure->limit_bytes);
    }
}

void sy_failure_write(struct sy_buf *out, const struct sy_failure *failure, bool maybe_applied,
                      struct sy_str call_id)
{
    struct sy_json_writer w;

    sy_jw_init(&w, out);
    sy_jw_object(&w);
    write_head(&w, failure, maybe_applied, call_id);
    write_extras(&w, failure);
    sy_jw_object_end(&w);
}

struct sy_str sy_failure_write_bare(char out[SY_FAILURE_BARE_MAX], const struct sy_failure *failure,
                                    bool maybe_applied, struct sy_str call_id)
{
    struct sy_buf fixed = {
        .ptr = out, .cap = SY_FAILURE_BARE_MAX - 1, .max = SY_FAILURE_BARE_MAX - 1};
    struct sy_failure bare = {.code = failure->code,
                              .cause = failure->cause,
                              .origin = failure->origin,
                              .retryable = failure->retryable,
                              .status = failure->status,
                              .fix = failure->fix,
                              .limited_by = failure->limited_by,
                              .provider_status = failure->provider_status,
                              .limit_bytes = failure->limit_bytes};

    sy_failure_write(&fixed, &bare, maybe_applied, call_id);
    return sy_buf_str(&fixed);
}
