/*
 * Classes of bytes by RFC 9110 §5.5, §5.6.2 and RFC 3986. Private to this folder.
 */
#ifndef SY_HTTP_CHARS_H
#define SY_HTTP_CHARS_H

#include "base/str.h"

enum sy_http_class {
    SY_HTTP_TCHAR = 1, /* token */
    SY_HTTP_VCHAR = 2, /* visible ASCII: what a target may hold */
    SY_HTTP_VALUE = 4, /* field value: visible, obs-text, space, tab */
    SY_HTTP_HEX = 8,
    SY_HTTP_REGNAME = 16 /* host name without the comma, which would hide a list */
};

extern const unsigned char sy_http_classes[256];

static inline bool sy_http_is(char c, unsigned classes)
{
    return (sy_http_classes[(unsigned char)c] & classes) != 0;
}

/* True for a non-empty run of token characters. */
bool sy_http_is_token(struct sy_str s);
/* 0–15; only for SY_HTTP_HEX. */
unsigned sy_http_hex_value(char c);

#endif
