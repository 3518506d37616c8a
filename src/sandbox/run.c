/*
 * What a tool does: checks its arguments, lets the provider behind the account misbehave as the
 * account says, and fills in the result's template. In a template a string that begins with '@'
 * stands for something: "@name" the argument of that name (null if absent), "@name|text" with a
 * fallback (JSON if it is JSON, else that string), "@#id" a fresh number as text, "@#now" the time,
 * "@*" all arguments. An argument that is the string "missing" makes the provider answer 404,
 * "forbidden" 403 without a word about scopes, "rejected" 422.
 */
#include "sandbox/internal.h"

#include "base/clock.h"

#define TEMPLATE_DEPTH 16u

struct fill {
    struct sy_sb_request *r;
    struct sy_json arguments;
    struct sy_buf *out;
};

static void fill_name(struct fill *f, struct sy_str what)
{
    size_t bar = sy_str_find_char(what, '|');
    struct sy_str name = bar == (size_t)-1 ? what : sy_str_head(what, bar);
    struct sy_json value = sy_json_get(f->arguments, name);
    struct sy_json fallback;
    if (value.type != SY_JSON_NONE)
        sy_buf_append(f->out, value.raw);
    else if (bar == (size_t)-1)
        sy_buf_append_z(f->out, "null");
    else if (sy_json_read(sy_str_skip(what, bar + 1), 8, &fallback, NULL) == SY_OK)
        sy_buf_append(f->out, fallback.raw);
    else
        sy_json_quote(f->out, sy_str_skip(what, bar + 1));
}

static void fill_string(struct fill *f, struct sy_json value)
{
    char time[SY_TIME_TEXT_MAX];
    struct sy_str text = sy_json_text(value, f->r->mem);
    if (!sy_str_starts(text, SY_STR("@"))) {
        sy_buf_append(f->out, value.raw);
        return;
    }
    struct sy_str what = sy_str_skip(text, 1);
    if (sy_str_eq(what, SY_STR("*")))
        sy_buf_append(f->out, f->arguments.raw);
    else if (sy_str_eq(what, SY_STR("#id")))
        sy_buf_printf(f->out, "\"%llu\"", 1000000ull + (unsigned long long)++f->r->sb->serial);
    else if (sy_str_eq(what, SY_STR("#now")))
        sy_json_quote(f->out, sy_time_text(sy_sb_now(f->r->sb), time));
    else
        fill_name(f, what);
}

static void fill_value(struct fill *f, struct sy_json value, unsigned depth)
{
    struct sy_json_iter it = sy_json_iter(value);
    struct sy_str name;
    struct sy_json item;
    bool object = value.type == SY_JSON_OBJECT;
    if (value.type == SY_JSON_STRING) {
        fill_string(f, value);
        return;
    }
    if ((!object && value.type != SY_JSON_ARRAY) || depth >= TEMPLATE_DEPTH) {
        sy_buf_append(f->out, value.raw);
        return;
    }
    char separator = object ? '{' : '[';
    while (sy_json_next(&it, &name, &item)) {
        sy_buf_append_char(f->out, separator);
        separator = ',';
        if (object) {
            sy_buf_append(f->out, name);
            sy_buf_append_char(f->out, ':');
        }
        fill_value(f, item, depth + 1);
    }
    if (separator != ',')
        sy_buf_append_char(f->out, separator);
    sy_buf_append_char(f->out, object ? '}' : ']');
}

/* ---- arguments ---- */

static bool type_fits(struct sy_json schema, struct sy_json value, struct sy_arena *mem)
{
    struct sy_str type = sy_json_text(sy_json_get_z(schema, "type"), mem);
    int64_t integer;
    if (!type.ptr)
        return true;
    if (sy_str_eq(type, SY_STR("string")))
        return value.type == SY_JSON_STRING;
    if (sy_str_eq(type, SY_STR("integer")))
        return sy_json_i64(value, &integer);
    if (sy_str_eq(type, SY_STR("number")))
        return value.type == SY_JSON_NUMBER;
    if (sy_str_eq(type, SY_STR("boolean")))
        return value.type == SY_JSON_TRUE || value.type == SY_JSON_FALSE;
    if (sy_str_eq(type, SY_STR("array")))
        return value.type == SY_JSON_ARRAY;
    return !sy_str_eq(type, SY_STR("object")) || value.type == SY_JSON_OBJECT;
}

static bool arguments_fit(struct sy_sb_request *r, const struct sy_sb_tool *tool,
                          struct sy_json arguments, struct sy_str skip, struct sy_sb_run *ret)
{
    struct sy_str name;
    struct sy_json value;
    struct sy_json_iter it = sy_json_iter(tool->required);
    while (sy_json_next(&it, &name, &value)) {
        struct sy_str field = sy_json_text(value, r->mem);
        if (sy_json_get(arguments, field).type == SY_JSON_NONE) {
            ret->field = field;
            ret->problem = SY_STR("value is required");
            return false;
        }
    }
    it = sy_json_iter(arguments);
    while (sy_json_next(&it, &name, &value)) {
        struct sy_str field =
            sy_json_text((struct sy_json){.type = SY_JSON_STRING, .raw = name}, r->mem);
        if (skip.ptr && sy_str_eq(field, skip))
            continue;
        if (!type_fits(sy_json_get(tool->input, field), value, r->mem)) {
            ret->field = field;
            ret->problem = SY_STR("value has the wrong type");
            return false;
        }
    }
    return true;
}

/* ---- the provider ---- */

static bool provider_says(struct sy_sb_run *ret, int status, const char *message, const char *body)
{
    ret->status = status;
    ret->problem = sy_str_of(message);
    ret->body = sy_str_of(body);
    return true;
}

static bool account_fails(const struct sy_sb_account *account, bool writes, struct sy_sb_run *ret)
{
    switch (account ? account->provider : SY_SB_HEALTHY) {
    case SY_SB_DEAD:
        return provider_says(ret, 401, "Invalid Credentials",
                             "{\"error\":{\"code\":401,\"message\":\"Request had invalid "
                             "authentication credentials.\",\"status\":\"UNAUTHENTICATED\"}}");
    case SY_SB_NO_SCOPE:
        return writes &&
               provider_says(ret, 403, "Request had insufficient authentication scopes.",
                             "{\"error\":{\"code\":403,\"message\":\"Request had insufficient "
                             "authentication scopes.\",\"status\":\"PERMISSION_DENIED\","
                             "\"details\":[{\"reason\":\"ACCESS_TOKEN_SCOPE_INSUFFICIENT\"}]}}");
    case SY_SB_LIMITED:
        return provider_says(ret, 429, "Rate Limit Exceeded",
                             "{\"error\":{\"code\":429,\"message\":\"Rate Limit Exceeded\","
                             "\"status\":\"RESOURCE_EXHAUSTED\"}}");
    case SY_SB_DOWN:
        return provider_says(ret, 500, "Internal Server Error",
                             "{\"error\":{\"code\":500,\"message\":\"Backend Error\"}}");
    case SY_SB_HEALTHY:
        break;
    }
    return false;
}

static bool argument_fails(struct sy_json arguments, struct sy_sb_run *ret)
{
    struct sy_json_iter it = sy_json_iter(arguments);
    struct sy_str name;
    struct sy_json value;
    while (sy_json_next(&it, &name, &value)) {
        if (sy_str_eq(value.raw, SY_STR("\"missing\"")))
            return provider_says(ret, 404, "Not Found",
                                 "{\"error\":{\"code\":404,\"message\":\"Not Found\"}}");
        if (sy_str_eq(value.raw, SY_STR("\"forbidden\"")))
            return provider_says(ret, 403, "Resource protected by organization policy",
                                 "{\"error\":{\"code\":403,\"message\":\"Resource protected by "
                                 "organization policy\"}}");
        if (sy_str_eq(value.raw, SY_STR("\"rejected\"")))
            return provider_says(ret, 422, "Validation Failed",
                                 "{\"error\":{\"code\":422,\"message\":\"Validation Failed\"}}");
    }
    return false;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The object's own bytes without one member and the one comma that goes with it; every other byte,
 * white space included, stays. */
static struct sy_str without(struct sy_sb_request *r, struct sy_json object, struct sy_str skip)
{
    struct sy_json_iter it = sy_json_iter(object);
    struct sy_str name;
    struct sy_json value;
    const char *end = object.raw.ptr + object.raw.len;
    for (bool first = true; sy_json_next(&it, &name, &value); first = false) {
        if (!skip.ptr || !sy_json_name_is(name, skip))
            continue;
        const char *from = name.ptr;
        const char *to = value.raw.ptr + value.raw.len;
        while (!first && *--from != ',')
            ;
        const char *comma = to;
        while (first && is_space(*comma))
            comma++;
        if (first && *comma == ',')
            to = comma + 1;
        const struct sy_str parts[2] = {
            sy_str_from(object.raw.ptr, (size_t)(from - object.raw.ptr)),
            sy_str_from(to, (size_t)(end - to)),
        };
        return sy_arena_join(r->mem, parts, 2);
    }
    return object.raw;
}

void sy_sb_run(struct sy_sb_request *r, const struct sy_sb_tool *tool,
               struct sy_sb_account *account, struct sy_json arguments, struct sy_str skip_member,
               struct sy_sb_run *ret)
{
    struct sy_json empty = {.type = SY_JSON_OBJECT, .raw = SY_STR_INIT("{}")};
    struct sy_buf *out = sy_arena_zalloc(r->mem, sizeof(*out));
    *ret = (struct sy_sb_run){.status = 200};
    if (arguments.type != SY_JSON_OBJECT)
        arguments = empty;
    if (account)
        account->used_ms = sy_sb_now(r->sb);
    if (!tool->echo && !arguments_fit(r, tool, arguments, skip_member, ret)) {
        ret->bad_arguments = true;
        return;
    }
    if (account_fails(account, tool->effect != SY_SB_READ, ret) ||
        (!tool->echo && argument_fails(arguments, ret)))
        return;
    struct sy_json given = {.type = SY_JSON_OBJECT, .raw = without(r, arguments, skip_member)};
    ret->body = given.raw;
    if (tool->echo || !out)
        return;
    sy_buf_init_arena(out, r->mem, SY_SB_REPLY_MAX);
    struct fill f = {.r = r, .arguments = given, .out = out};
    struct sy_json fallback;
    struct sy_str plain = SY_STR("{\"ok\":true,\"arguments\":\"@*\"}");
    if (tool->result.type == SY_JSON_NONE && sy_json_read(plain, 4, &fallback, NULL) == SY_OK)
        fill_value(&f, fallback, 0);
    else
        fill_value(&f, tool->result, 0);
    ret->body = sy_buf_str(out);
}

void sy_sb_provider(struct sy_sb_request *r, struct sy_sb_account *account, struct sy_str method,
                    struct sy_str url, struct sy_str body, struct sy_sb_run *ret)
{
    bool writes =
        !sy_str_eq_nocase(method, SY_STR("GET")) && !sy_str_eq_nocase(method, SY_STR("HEAD"));
    struct sy_buf *out = sy_arena_zalloc(r->mem, sizeof(*out));
    *ret = (struct sy_sb_run){.status = 200};
    if (!out || account_fails(account, writes, ret))
        return;
    if (sy_sb_contains(url, SY_STR("missing"))) {
        provider_says(ret, 404, "Not Found", "{\"message\":\"Not Found\"}");
        return;
    }
    sy_buf_init_arena(out, r->mem, SY_SB_REPLY_MAX);
    struct sy_json parsed;
    struct sy_json_writer w;
    sy_jw_init(&w, out);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "method", method);
    sy_jw_member_str(&w, "url", url);
    sy_jw_member_str(&w, "login", account ? account->user : SY_STR("nobody"));
    sy_jw_name(&w, "body");
    if (body.len == 0)
        sy_jw_null(&w);
    else if (sy_json_read(body, SY_JSON_DEPTH_MAX, &parsed, NULL) == SY_OK)
        sy_jw_raw(&w, parsed.raw);
    else
        sy_jw_str(&w, body);
    sy_jw_object_end(&w);
    ret->body = sy_buf_str(out);
}

void sy_sb_schema(struct sy_json_writer *w, const struct sy_sb_tool *tool)
{
    sy_jw_object(w);
    sy_jw_member_z(w, "type", "object");
    sy_jw_member_str(w, "title", tool->title);
    sy_jw_name(w, "properties");
    sy_jw_raw(w, tool->input.type == SY_JSON_OBJECT ? tool->input.raw : SY_STR("{}"));
    sy_jw_name(w, "required");
    sy_jw_raw(w, tool->required.type == SY_JSON_ARRAY ? tool->required.raw : SY_STR("[]"));
    sy_jw_object_end(w);
}
