/* Strings of validated text: decoding escapes, and comparing without decoding into memory. */
#include "base/json.h"

#include "base/utf8.h"

#include <string.h>

#define REPLACEMENT 0xfffdu

static struct sy_str inside_quotes(struct sy_str raw)
{
    if (raw.len < 2)
        return (struct sy_str){"", 0};
    return (struct sy_str){raw.ptr + 1, raw.len - 2};
}

static bool has_escape(struct sy_str inner)
{
    return inner.len && memchr(inner.ptr, '\\', inner.len) != NULL;
}

/* Four hex digits that the validator has seen. */
static uint32_t hex4(const char *at)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)at[i];
        uint32_t digit = c <= '9' ? (uint32_t)c - '0' : ((uint32_t)c | 0x20) - 'a' + 10;
        value = value << 4 | (digit & 15);
    }
    return value;
}

static uint32_t simple_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return (unsigned char)c;
    }
}

/* Decodes the escape at *at (on its backslash) and steps behind it, both halves of a surrogate pair
 * at once. */
static uint32_t take_escape(const char **at, const char *end)
{
    uint32_t value;
    uint32_t low = 0;

    if ((*at)[1] != 'u') {
        value = simple_escape((*at)[1]);
        *at += 2;
        return value;
    }
    value = hex4(*at + 2);
    *at += 6;
    if (value < 0xd800 || value > 0xdfff)
        return value;
    if (end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u')
        low = hex4(*at + 2);
    if (value > 0xdbff || low < 0xdc00 || low > 0xdfff)
        return REPLACEMENT;
    *at += 6;
    return 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
}

bool sy_json_name_is(struct sy_str raw_name, struct sy_str plain)
{
    struct sy_str inner = inside_quotes(raw_name);
    const char *at = inner.ptr;
    const char *end = inner.ptr + inner.len;

    if (!has_escape(inner))
        return sy_str_eq(inner, plain);
    while (at < end) {
        struct sy_str piece;
        char decoded[4];
        if (*at == '\\') {
            piece = sy_str_from(decoded, sy_utf8_put(take_escape(&at, end), decoded));
        } else {
            piece = sy_str_from(at, 1);
            at++;
        }
        if (!sy_str_starts(plain, piece))
            return false;
        plain = sy_str_skip(plain, piece.len);
    }
    return plain.len == 0;
}

/* Decoding never lengthens: the shortest escape of n bytes of UTF-8 has more than n characters. */
static int decode(struct sy_str inner, bool refuse_nul, char *out, size_t *ret_len)
{
    const char *at = inner.ptr;
    const char *end = inner.ptr + inner.len;
    size_t len = 0;

    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t run = (size_t)((slash ? slash : end) - at);
        memcpy(out + len, at, run);
        len += run;
        at += run;
        if (at == end)
            break;
        uint32_t value = take_escape(&at, end);
        char decoded[4];
        size_t size = sy_utf8_put(value, decoded);
        if (value == 0 && refuse_nul)
            return SY_INVALID;
        memcpy(out + len, decoded, size);
        len += size;
    }
    out[len] = 0;
    *ret_len = len;
    return SY_OK;
}

int sy_json_string(struct sy_json value, struct sy_arena *arena, bool refuse_nul,
                   struct sy_str *ret_text)
{
    struct sy_str inner = inside_quotes(value.raw);
    size_t len = 0;
    char *out;
    int status;

    if (value.type != SY_JSON_STRING)
        return SY_INVALID;
    if (!has_escape(inner)) {
        *ret_text = inner;
        return SY_OK;
    }
    out = sy_arena_alloc(arena, inner.len + 1);
    if (!out)
        return SY_NOMEM;
    status = decode(inner, refuse_nul, out, &len);
    if (status == SY_OK)
        *ret_text = sy_str_from(out, len);
    return status;
}

struct sy_str sy_json_text(struct sy_json value, struct sy_arena *arena)
{
    struct sy_str text = {NULL, 0};

    if (sy_json_string(value, arena, /* refuse_nul= */ true, &text) != SY_OK)
        return (struct sy_str){NULL, 0};
    return text;
}
