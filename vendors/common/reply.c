#include "vendors/common/reply.h"

#include <limits.h>

#define OTHERS_MAX ((size_t)1 << 20) /* of vendor_reply; more is left out */
#define OTHERS_USUAL 96u

bool sy_reply_ok(const struct sy_turn *t)
{
    return t->event->status >= 200 && t->event->status < 300;
}

bool sy_reply_object(const struct sy_turn *t, struct sy_json *ret_root)
{
    struct sy_json root;

    if (sy_json_read_listed(t->event->body, SY_JSON_DEPTH_MAX, t->facts->mem, &root, NULL) != 0 ||
        root.type != SY_JSON_OBJECT || sy_json_has_duplicates(root, t->facts->mem))
        return false;
    *ret_root = root;
    return true;
}

enum sy_step sy_reply_nonsense(const struct sy_turn *t, enum sy_cause cause)
{
    t->wish->failure = (struct sy_failure){.code = SY_CODE_VENDOR_PROTOCOL, .cause = cause};
    return SY_STEP_FAIL;
}

struct sy_str sy_reply_others(const struct sy_turn *t, struct sy_json root, const char *skip)
{
    struct sy_json_iter iter = sy_json_iter(root);
    struct sy_str name;
    struct sy_json value;
    struct sy_buf out;
    bool any = false;

    sy_buf_init_arena(&out, t->facts->mem, OTHERS_MAX);
    sy_buf_reserve(&out, OTHERS_USUAL);
    while (sy_json_next(&iter, &name, &value)) {
        if (sy_json_name_is(name, sy_str_of(skip)))
            continue;
        sy_buf_append_char(&out, any ? ',' : '{');
        sy_buf_append(&out, name);
        sy_buf_append_char(&out, ':');
        sy_buf_append(&out, value.raw);
        any = true;
    }
    sy_buf_append_char(&out, '}');
    return any && sy_buf_ok(&out) ? sy_buf_str(&out) : (struct sy_str){0};
}

bool sy_json_is_empty(struct sy_json value)
{
    switch (value.type) {
    case SY_JSON_NONE:
    case SY_JSON_NULL:
    case SY_JSON_FALSE:
        return true;
    case SY_JSON_STRING:
        return value.raw.len == 2;
    case SY_JSON_ARRAY:
    case SY_JSON_OBJECT:
        return sy_json_count(value) == 0;
    case SY_JSON_TRUE:
    case SY_JSON_NUMBER:
        return false;
    }
    return false;
}

struct sy_str sy_json_words(const struct sy_turn *t, struct sy_json value)
{
    static const char *const names[] = {"message", "error", "detail"};

    if (value.type != SY_JSON_OBJECT)
        return sy_json_text(value, t->facts->mem);
    for (size_t i = 0; i < SY_ARRAY_LEN(names); i++) {
        struct sy_json member = sy_json_get_z(value, names[i]);
        if (member.type == SY_JSON_STRING)
            return sy_json_text(member, t->facts->mem);
    }
    return (struct sy_str){0};
}

struct status_meaning {
    int from, to;
    enum sy_code code;
    enum sy_cause cause;
    bool not_applied;
};

/* First row that holds the status wins. */
static const struct status_meaning meanings[] = {
    {300, 399, SY_CODE_VENDOR_PROTOCOL, SY_CAUSE_REDIRECT_REFUSED, true},
    {401, 401, SY_CODE_VENDOR_AUTH, SY_CAUSE_CREDENTIALS_REFUSED, true},
    {403, 403, SY_CODE_VENDOR_AUTH, SY_CAUSE_CREDENTIALS_SCOPE, true},
    {404, 404, SY_CODE_VENDOR_PROTOCOL, SY_CAUSE_WRONG_TYPE, true},
    {405, 407, SY_CODE_VENDOR_PROTOCOL, SY_CAUSE_WRONG_TYPE, true},
    {408, 408, SY_CODE_VENDOR_TIMEOUT, SY_CAUSE_TOTAL, false},
    {410, 410, SY_CODE_VENDOR_PROTOCOL, SY_CAUSE_DEPRECATED, true},
    {413, 413, SY_CODE_PAYLOAD_TOO_LARGE, SY_CAUSE_BODY_TOO_LARGE, true},
    {429, 429, SY_CODE_RATE_LIMITED, SY_CAUSE_VENDOR_RATE, true},
    {499, 499, SY_CODE_VENDOR_UNAVAILABLE, SY_CAUSE_VENDOR_5XX, false}, /* gave up on us */
    {400, 499, SY_CODE_INVALID_ARGUMENTS, SY_CAUSE_SCHEMA, true},
    {504, 504, SY_CODE_VENDOR_TIMEOUT, SY_CAUSE_VENDOR_5XX, false},
    {500, 599, SY_CODE_VENDOR_UNAVAILABLE, SY_CAUSE_VENDOR_5XX, false},
    {INT_MIN, INT_MAX, SY_CODE_VENDOR_PROTOCOL, SY_CAUSE_BAD_STATUS, false},
};

void sy_reply_failure(const struct sy_turn *t, struct sy_str words, struct sy_failure *ret_failure)
{
    const struct status_meaning *meaning = meanings;
    struct sy_json root;

    while (t->event->status < meaning->from || t->event->status > meaning->to)
        meaning++;
    *ret_failure = (struct sy_failure){
        .code = meaning->code,
        .cause = meaning->cause,
        .not_applied = meaning->not_applied,
        .retry_after_ms = sy_turn_retry_after_ms(t),
        .detail = meaning->code == SY_CODE_VENDOR_AUTH ? (struct sy_str){0}
                                                       : sy_turn_vendor_text(t, words),
    };
    if (meaning->code == SY_CODE_RATE_LIMITED) {
        ret_failure->limited_by = "vendor";
        ret_failure->origin = SY_ORIGIN_VENDOR;
    }
    /* A page of something in between says nothing about the caller's arguments. */
    if (meaning->code == SY_CODE_INVALID_ARGUMENTS && !sy_reply_object(t, &root)) {
        ret_failure->code = SY_CODE_VENDOR_PROTOCOL;
        ret_failure->cause = SY_CAUSE_WRONG_TYPE;
    }
    if (ret_failure->code == SY_CODE_INVALID_ARGUMENTS)
        ret_failure->errors = sy_errors_one(t, (struct sy_str){0}, ret_failure->detail);
}

enum sy_step sy_reply_fail(const struct sy_turn *t, struct sy_str words)
{
    sy_reply_failure(t, words, &t->wish->failure);
    return SY_STEP_FAIL;
}

struct sy_str sy_errors_one(const struct sy_turn *t, struct sy_str member, struct sy_str detail)
{
    struct sy_buf pointer, out;
    struct sy_json_writer w;

    sy_buf_init_arena(&pointer, t->facts->mem, 1024);
    sy_buf_append(&pointer, SY_STR("/arguments"));
    if (member.ptr)
        sy_buf_append_char(&pointer, '/');
    for (size_t i = 0; i < member.len; i++) {
        if (member.ptr[i] == '~' || member.ptr[i] == '/')
            sy_buf_append(&pointer, member.ptr[i] == '~' ? SY_STR("~0") : SY_STR("~1"));
        else
            sy_buf_append_char(&pointer, member.ptr[i]);
    }
    sy_buf_init_arena(&out, t->facts->mem, 8192);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "pointer", sy_buf_str(&pointer));
    sy_jw_member_str(&w, "detail",
                     detail.ptr ? detail : SY_STR("The vendor refuses the arguments."));
    sy_jw_object_end(&w);
    sy_jw_array_end(&w);
    return sy_buf_ok(&out) && sy_buf_ok(&pointer) ? sy_buf_str(&out) : (struct sy_str){0};
}

struct sy_str sy_errors_listed(const struct sy_turn *t, struct sy_json list)
{
    struct sy_json_iter iter = sy_json_iter(list);
    struct sy_json_writer w;
    struct sy_json value;
    struct sy_str name;
    struct sy_buf out;

    sy_buf_init_arena(&out, t->facts->mem, 65536);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    while (sy_json_next(&iter, &name, &value)) {
        sy_jw_object(&w);
        sy_jw_member_z(&w, "pointer", "/arguments");
        sy_jw_member_str(&w, "detail", sy_turn_vendor_text(t, sy_json_text(value, t->facts->mem)));
        sy_jw_object_end(&w);
    }
    sy_jw_array_end(&w);
    return sy_buf_ok(&out) ? sy_buf_str(&out) : (struct sy_str){0};
}

bool sy_url_is_web(struct sy_str url)
{
    size_t scheme = sy_str_eq_nocase(sy_str_head(url, 8), SY_STR("https://"))  ? 8
                    : sy_str_eq_nocase(sy_str_head(url, 7), SY_STR("http://")) ? 7
                                                                               : 0;

    if (!scheme || url.len == scheme || url.len > 4096 || sy_str_has_control(url))
        return false;
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] == ' ' || url.ptr[i] == '"' || url.ptr[i] == '<' || url.ptr[i] == '\\')
            return false;
    return url.ptr[scheme] != '/';
}
