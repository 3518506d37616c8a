#include "base/str.h"

#include <string.h>

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool equal_nocase(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* Eight bytes that are equal but for case. */
static bool words_eq_nocase(const char *left, const char *right)
{
    uint64_t a, b, differ, folded, letter;

    memcpy(&a, left, sizeof(a));
    memcpy(&b, right, sizeof(b));
    differ = a ^ b;
    if (!differ)
        return true;
    if (differ & ~EACH_BYTE(0x20))
        return false;
    /* The bit of case tells letters apart from nothing but themselves; in other bytes it counts. */
    folded = (a | EACH_BYTE(0x20)) & EACH_BYTE(0x7f);
    letter = (folded + EACH_BYTE(0x80 - 'a')) & ~(folded + EACH_BYTE(0x7f - 'z')) & ~a;
    return !((differ << 2) & ~letter & EACH_BYTE(0x80));
}

bool sy_str_eq_nocase(struct sy_str a, struct sy_str b)
{
    size_t at = 0;

    if (a.len != b.len)
        return false;
    if (a.len < 8)
        return equal_nocase(a.ptr, b.ptr, a.len);
    for (; at + 8 < a.len; at += 8)
        if (!words_eq_nocase(a.ptr + at, b.ptr + at))
            return false;
    return words_eq_nocase(a.ptr + a.len - 8, b.ptr + a.len - 8);
}

int sy_str_cmp(struct sy_str a, struct sy_str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.ptr, b.ptr, len) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool sy_str_starts(struct sy_str s, struct sy_str prefix)
{
    return s.len >= prefix.len && sy_str_eq(sy_str_head(s, prefix.len), prefix);
}

bool sy_str_ends(struct sy_str s, struct sy_str suffix)
{
    return s.len >= suffix.len && sy_str_eq(sy_str_skip(s, s.len - suffix.len), suffix);
}

/* So many places where it may begin are looked at by themselves, before memmem is set up for it. */
#define LOOKS_FIRST 4

size_t sy_str_find(struct sy_str s, struct sy_str needle)
{
    const char *at = s.ptr, *end, *found;

    if (needle.len == 0)
        return 0;
    if (s.len < needle.len) /* an absent text has no pointer to add to */
        return (size_t)-1;
    end = s.ptr + s.len;
    for (unsigned looks = 0; looks < LOOKS_FIRST; looks++) {
        if ((size_t)(end - at) < needle.len)
            return (size_t)-1;
        at = memchr(at, needle.ptr[0], (size_t)(end - at) - needle.len + 1);
        if (!at)
            return (size_t)-1;
        if (memcmp(at, needle.ptr, needle.len) == 0)
            return (size_t)(at - s.ptr);
        at++;
    }
    found = memmem(at, (size_t)(end - at), needle.ptr, needle.len);
    return found ? (size_t)(found - s.ptr) : (size_t)-1;
}

size_t sy_str_find_nocase(struct sy_str s, struct sy_str needle)
{
    if (needle.len == 0)
        return 0;
    for (size_t i = 0; i + needle.len <= s.len; i++) {
        if (equal_nocase(s.ptr + i, needle.ptr, needle.len))
            return i;
    }
    return (size_t)-1;
}

size_t sy_str_find_char(struct sy_str s, char c)
{
    const char *found = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return found ? (size_t)(found - s.ptr) : (size_t)-1;
}

struct sy_str sy_str_skip(struct sy_str s, size_t from)
{
    if (from > s.len)
        from = s.len;
    if (from == 0)
        return s;
    return (struct sy_str){s.ptr + from, s.len - from};
}

struct sy_str sy_str_head(struct sy_str s, size_t len)
{
    return (struct sy_str){s.ptr, len < s.len ? len : s.len};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct sy_str sy_str_trim(struct sy_str s)
{
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    while (s.len && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    return s;
}

bool sy_str_split(struct sy_str *rest, char sep, struct sy_str *ret_part)
{
    if (!rest->ptr)
        return false;

    size_t at = sy_str_find_char(*rest, sep);
    if (at == (size_t)-1) {
        *ret_part = *rest;
        *rest = (struct sy_str){NULL, 0};
        return true;
    }
    *ret_part = sy_str_head(*rest, at);
    *rest = sy_str_skip(*rest, at + 1);
    return true;
}

bool sy_str_to_u64(struct sy_str s, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (unsigned)(s.ptr[i] - '0'), &value))
            return false;
    }
    *ret_value = value;
    return true;
}

bool sy_str_to_i64(struct sy_str s, int64_t *ret_value)
{
    bool negative = s.len && s.ptr[0] == '-';
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    uint64_t magnitude;

    if (!sy_str_to_u64(negative ? sy_str_skip(s, 1) : s, &magnitude) || magnitude > limit)
        return false;
    if (negative)
        *ret_value = magnitude == limit ? INT64_MIN : -(int64_t)magnitude;
    else
        *ret_value = (int64_t)magnitude;
    return true;
}

static bool word_has_control(const char *at)
{
    uint64_t word, low, del;

    memcpy(&word, at, sizeof(word));
    del = word ^ EACH_BYTE(0x7f);
    /* A borrow may mark a byte above a true hit, never one without. */
    low = (word - EACH_BYTE(0x20)) & ~word;
    del = (del - EACH_BYTE(0x01)) & ~del;
    return ((low | del) & EACH_BYTE(0x80)) != 0;
}

bool sy_str_has_control(struct sy_str s)
{
    size_t at = 0;

    for (; at + 8 <= s.len; at += 8)
        if (word_has_control(s.ptr + at))
            return true;
    for (; at < s.len; at++) {
        unsigned char c = (unsigned char)s.ptr[at];
        if (c < 0x20 || c == 0x7f)
            return true;
    }
    return false;
}

uint64_t sy_str_hash(struct sy_str s)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < s.len; i++) {
        hash ^= (unsigned char)s.ptr[i];
        hash *= UINT64_C(0x100000001b3);
    }
    return hash;
}
