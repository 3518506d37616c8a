/* What request headers say, strictly. */
#include "api/api_int.h"

#include <string.h>

#include "base/encode.h"

#define REQUEST_ID_MAX 128u
#define TOKEN_MAX 512u

static const struct sy_str none = {NULL, 0};

/* The value of a header that must not be repeated; absent if it is. */
static struct sy_str only(const struct sy_http_head *head, struct sy_str name)
{
    return sy_http_header_count(head, name) == 1 ? sy_http_header_get(head, name) : none;
}

struct sy_str api_request_id(const struct sy_http_head *head, struct sy_arena *arena,
                             int64_t unix_ms, unsigned char serial[10])
{
    struct sy_str given = only(head, SY_STR("x-request-id"));
    char *text;

    if (given.ptr && given.len <= REQUEST_ID_MAX && !api_check_visible(given))
        return given;
    text = sy_arena_alloc(arena, 30);
    if (!text)
        return none;
    for (unsigned i = 10; i-- > 0 && ++serial[i] == 0;)
        continue;
    memcpy(text, "req_", 4);
    sy_ulid(unix_ms, serial, text + 4);
    return sy_str_from(text, 30);
}

/* ---- traceparent ---- */

static bool is_lower_hex(struct sy_str text, bool *ret_zero)
{
    *ret_zero = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        *ret_zero = *ret_zero && c == '0';
    }
    return true;
}

/* version "-" trace id "-" parent id "-" flags; a later version may add more behind a '-'. */
static bool is_traceparent(struct sy_str text)
{
    struct sy_str version = sy_str_head(text, 2);
    struct sy_str trace = sy_str_head(sy_str_skip(text, 3), 32);
    struct sy_str parent = sy_str_head(sy_str_skip(text, 36), 16);
    struct sy_str flags = sy_str_head(sy_str_skip(text, 53), 2);
    bool zero;

    if (text.len < 55 || text.ptr[2] != '-' || text.ptr[35] != '-' || text.ptr[52] != '-')
        return false;
    if (!is_lower_hex(version, &zero) || sy_str_eq(version, SY_STR("ff")))
        return false;
    if (text.len > 55 && (zero || text.ptr[55] != '-' || text.len > 256))
        return false;
    if (!is_lower_hex(flags, &zero))
        return false;
    if (!is_lower_hex(trace, &zero) || zero)
        return false;
    return is_lower_hex(parent, &zero) && !zero;
}

struct sy_str api_traceparent(const struct sy_http_head *head)
{
    struct sy_str text = only(head, SY_STR("traceparent"));

    /* W3C: a broken one is treated as if there were none. */
    return text.ptr && is_traceparent(text) && !api_check_visible(text) ? text : none;
}

/* ---- content type ---- */

static bool charset_is_utf8(struct sy_str parameters)
{
    struct sy_str part;

    while (sy_str_split(&parameters, ';', &part)) {
        size_t equals;

        part = sy_str_trim(part);
        equals = sy_str_find_char(part, '=');
        if (equals == (size_t)-1 || !sy_str_eq_nocase(sy_str_head(part, equals), SY_STR("charset")))
            continue;
        part = sy_str_skip(part, equals + 1);
        if (part.len >= 2 && part.ptr[0] == '"' && part.ptr[part.len - 1] == '"')
            part = sy_str_from(part.ptr + 1, part.len - 2);
        if (!sy_str_eq_nocase(part, SY_STR("utf-8")) && !sy_str_eq_nocase(part, SY_STR("utf8")))
            return false;
    }
    return true;
}

enum api_body_kind api_body_kind(const struct sy_http_head *head)
{
    static const struct {
        struct sy_str type;
        enum api_body_kind kind;
    } types[] = {
        {SY_STR_INIT("application/json"), API_BODY_JSON},
        {SY_STR_INIT("application/yaml"), API_BODY_YAML},
        {SY_STR_INIT("application/x-yaml"), API_BODY_YAML},
        {SY_STR_INIT("text/yaml"), API_BODY_YAML},
        {SY_STR_INIT("text/markdown"), API_BODY_MARKDOWN},
    };
    unsigned count = sy_http_header_count(head, SY_STR("content-type"));
    struct sy_str rest = sy_http_header_get(head, SY_STR("content-type")), type;

    if (!count)
        return API_BODY_NONE;
    if (count > 1)
        return API_BODY_OTHER;
    if (!rest.len || !sy_str_split(&rest, ';', &type))
        return API_BODY_OTHER;
    type = sy_str_trim(type);
    if (rest.ptr && !charset_is_utf8(rest))
        return API_BODY_OTHER;
    for (size_t i = 0; i < SY_ARRAY_LEN(types); i++)
        if (sy_str_eq_nocase(type, types[i].type))
            return types[i].kind;
    if (type.len > 17 && sy_str_eq_nocase(sy_str_head(type, 12), SY_STR("application/")) &&
        sy_str_eq_nocase(sy_str_skip(type, type.len - 5), SY_STR("+json")))
        return API_BODY_JSON;
    return API_BODY_OTHER;
}

/* ---- authorization ---- */

struct sy_str api_bearer(const struct sy_http_head *head)
{
    struct sy_str text = only(head, SY_STR("authorization"));
    struct sy_str token;

    if (!text.ptr || text.len < 8 || !sy_str_eq_nocase(sy_str_head(text, 7), SY_STR("Bearer ")))
        return none;
    token = sy_str_trim(sy_str_skip(text, 7));
    return token.len && token.len <= TOKEN_MAX && !api_check_visible(token) ? token : none;
}
