#include "http/escape.h"
#include "http/response.h"

/* The next non-empty "name=value" as sent. */
static bool next_pair(struct sy_str *rest, struct sy_str *ret_name, struct sy_str *ret_value)
{
    struct sy_str pair;

    while (sy_str_split(rest, '&', &pair)) {
        size_t equals = sy_str_find_char(pair, '=');

        if (pair.len == 0)
            continue;
        if (equals == (size_t)-1)
            equals = pair.len;
        *ret_name = sy_str_head(pair, equals);
        *ret_value = sy_str_skip(pair, equals + 1);
        return true;
    }
    return false;
}

/* Compares while decoding, so that asking for one name costs no memory for the others. */
static bool name_is(struct sy_str raw, struct sy_str plain)
{
    bool broken = false;
    size_t at = 0;
    char byte;

    while (sy_http_escape_next(&raw, true, &byte, &broken)) {
        if (at == plain.len || plain.ptr[at] != byte)
            return false;
        at++;
    }
    return !broken && at == plain.len;
}

int sy_http_query_get(struct sy_str query, struct sy_str name, struct sy_arena *arena,
                      struct sy_str *ret_value)
{
    struct sy_str raw_name;
    struct sy_str raw_value;

    while (next_pair(&query, &raw_name, &raw_value)) {
        if (name_is(raw_name, name))
            return sy_http_unescape(raw_value, true, arena, ret_value);
    }
    return SY_NOT_FOUND;
}

bool sy_http_query_next(struct sy_str *rest, struct sy_arena *arena, struct sy_str *ret_name,
                        struct sy_str *ret_value, bool *ret_bad)
{
    struct sy_str raw_name;
    struct sy_str raw_value;

    if (!next_pair(rest, &raw_name, &raw_value))
        return false;
    if (sy_http_unescape(raw_name, true, arena, ret_name) == SY_OK &&
        sy_http_unescape(raw_value, true, arena, ret_value) == SY_OK)
        return true;
    *ret_name = *ret_value = (struct sy_str){NULL, 0};
    *ret_bad = true;
    return true;
}
