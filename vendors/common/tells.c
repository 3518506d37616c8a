#include "vendors/common/tells.h"

#define SECRET_MIN 6u

/* ---- one character of a JSON string, whichever way it is written ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \u00XX; other code points are no byte of a credential. */
static int code_unit(struct sy_str escape)
{
    int value = 0;

    if (escape.len < 6)
        return -1;
    for (size_t i = 2; i < 6; i++) {
        int digit = hex_digit(escape.ptr[i]);

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value < 0x80 ? value : -1;
}

static int short_escape(char c)
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
    case '"':
    case '\\':
    case '/':
        return c;
    default:
        return -1;
    }
}

/* Length of the character at the start of `text` if it stands for `wanted`, else 0. */
static size_t stands_for(struct sy_str text, char wanted)
{
    bool is_unit = text.len > 1 && text.ptr[1] == 'u';

    if (!text.len)
        return 0;
    if (text.ptr[0] == '\\' && text.len > 1) {
        int value = is_unit ? code_unit(text) : short_escape(text.ptr[1]);

        if (value >= 0 && (char)value == wanted)
            return is_unit ? 6 : 2;
    }
    return text.ptr[0] == wanted;
}

static bool begins_with(struct sy_str text, struct sy_str secret)
{
    for (size_t i = 0; i < secret.len; i++) {
        size_t len = stands_for(text, secret.ptr[i]);

        if (!len)
            return false;
        text = sy_str_from(text.ptr + len, text.len - len);
    }
    return true;
}

bool sy_text_tells(struct sy_str text, struct sy_str secret)
{
    if (secret.len < SECRET_MIN || text.len < secret.len)
        return false;
    if (sy_str_find(text, secret) != (size_t)-1)
        return true;
    for (size_t at = 0; at + secret.len <= text.len; at++)
        if ((text.ptr[at] == secret.ptr[0] || text.ptr[at] == '\\') &&
            begins_with(sy_str_from(text.ptr + at, text.len - at), secret))
            return true;
    return false;
}
