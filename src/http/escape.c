#include "http/escape.h"

#include "http/chars.h"

bool sy_http_escape_next(struct sy_str *rest, bool form, char *ret_byte, bool *ret_broken)
{
    const char *p = rest->ptr;

    if (rest->len == 0)
        return false;
    if (*p != '%') {
        *ret_byte = form && *p == '+' ? ' ' : *p;
        *rest = sy_str_skip(*rest, 1);
        return true;
    }
    if (rest->len < 3 || !sy_http_is(p[1], SY_HTTP_HEX) || !sy_http_is(p[2], SY_HTTP_HEX)) {
        *ret_broken = true;
        return false;
    }
    *ret_byte = (char)(sy_http_hex_value(p[1]) << 4 | sy_http_hex_value(p[2]));
    *rest = sy_str_skip(*rest, 3);
    return true;
}

int sy_http_unescape(struct sy_str text, bool form, struct sy_arena *arena, struct sy_str *ret_text)
{
    char *out = sy_arena_alloc(arena, text.len + 1);
    size_t len = 0;
    bool broken = false;

    if (!out)
        return SY_NOMEM;
    while (sy_http_escape_next(&text, form, &out[len], &broken)) {
        if (out[len] == '\0')
            return SY_INVALID;
        len++;
    }
    if (broken || !sy_str_is_utf8(sy_str_from(out, len)))
        return SY_INVALID;
    out[len] = '\0';
    *ret_text = sy_str_from(out, len);
    return SY_OK;
}
