#include "base/utf8.h"

#include "base/str.h"

#include <string.h>

/* What table 3-7 allows after a lead byte: how many bytes follow, and the range of the first. */
struct lead {
    unsigned char follow;
    unsigned char low;
    unsigned char high;
};

static struct lead lead_of(unsigned char c)
{
    if (c >= 0xc2 && c <= 0xdf)
        return (struct lead){1, 0x80, 0xbf};
    if (c == 0xe0)
        return (struct lead){2, 0xa0, 0xbf};
    if (c == 0xed)
        return (struct lead){2, 0x80, 0x9f};
    if (c >= 0xe1 && c <= 0xef)
        return (struct lead){2, 0x80, 0xbf};
    if (c == 0xf0)
        return (struct lead){3, 0x90, 0xbf};
    if (c >= 0xf1 && c <= 0xf3)
        return (struct lead){3, 0x80, 0xbf};
    if (c == 0xf4)
        return (struct lead){3, 0x80, 0x8f};
    return (struct lead){0, 0, 0};
}

size_t sy_utf8_step(const unsigned char *at, const unsigned char *end, size_t *ret_bad)
{
    if (at[0] < 0x80)
        return 1;

    struct lead lead = lead_of(at[0]);
    if (lead.follow == 0) {
        *ret_bad = 0;
        return 0;
    }

    size_t have = (size_t)(end - at);
    for (size_t i = 1; i <= lead.follow; i++) {
        unsigned char low = i == 1 ? lead.low : 0x80;
        unsigned char high = i == 1 ? lead.high : 0xbf;
        if (i >= have || at[i] < low || at[i] > high) {
            *ret_bad = i;
            return 0;
        }
    }
    return 1u + lead.follow;
}

size_t sy_utf8_put(uint32_t value, char out[4])
{
    if (value < 0x80) {
        out[0] = (char)value;
        return 1;
    }
    if (value < 0x800) {
        out[0] = (char)(0xc0 | (value >> 6));
        out[1] = (char)(0x80 | (value & 0x3f));
        return 2;
    }
    if (value < 0x10000) {
        out[0] = (char)(0xe0 | (value >> 12));
        out[1] = (char)(0x80 | ((value >> 6) & 0x3f));
        out[2] = (char)(0x80 | (value & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | (value >> 18));
    out[1] = (char)(0x80 | ((value >> 12) & 0x3f));
    out[2] = (char)(0x80 | ((value >> 6) & 0x3f));
    out[3] = (char)(0x80 | (value & 0x3f));
    return 4;
}

bool sy_str_is_utf8(struct sy_str s)
{
    if (s.len == 0)
        return true;

    const unsigned char *at = (const unsigned char *)s.ptr;
    const unsigned char *end = at + s.len;
    while (at < end) {
        uint64_t word;
        size_t bad = 0;
        size_t step;
        if ((size_t)(end - at) >= sizeof(word)) {
            memcpy(&word, at, sizeof(word));
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof(word);
                continue;
            }
        }
        step = sy_utf8_step(at, end, &bad);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}
