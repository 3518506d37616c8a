#include "registry/press.h"

#include <string.h>

#define HEAD_SIZE 4u
#define TABLE_BITS 12
/* A shorter repetition costs more to find than it saves. */
#define MATCH_MIN 8u
/* After so many bytes without a repetition every second one is tried, then every third ... */
#define SKIP_SHIFT 6
#define NUMBER_BYTES 5

static uint64_t word_at(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static uint32_t slot_of(uint64_t word)
{
    return (uint32_t)((word * 0x9e3779b97f4a7c15u) >> (64 - TABLE_BITS));
}

static char *put_number(char *out, uint32_t value)
{
    for (; value >= 0x80; value >>= 7)
        *out++ = (char)(value | 0x80);
    *out++ = (char)value;
    return out;
}

static bool get_number(struct sy_str *rest, uint32_t *ret)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < NUMBER_BYTES && i < rest->len; i++) {
        unsigned char byte = (unsigned char)rest->ptr[i];

        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        *rest = sy_str_skip(*rest, i + 1);
        *ret = (uint32_t)value;
        return value <= UINT32_MAX;
    }
    return false;
}

static void put_plain(struct sy_buf *out, const char *from, size_t len)
{
    char number[NUMBER_BYTES];
    const char *end = put_number(number, (uint32_t)len);

    sy_buf_append(out, sy_str_from(number, (size_t)(end - number)));
    sy_buf_append(out, sy_str_from(from, len));
}

static void put_copy(struct sy_buf *out, size_t len, size_t distance)
{
    char numbers[2 * NUMBER_BYTES];
    const char *end = put_number(put_number(numbers, (uint32_t)len), (uint32_t)distance);

    sy_buf_append(out, sy_str_from(numbers, (size_t)(end - numbers)));
}

/* How many bytes are alike, from `a` and from `b`, which comes later and ends at `end`. */
static size_t alike(const char *a, const char *b, const char *end)
{
    const char *start = b;

    while (end - b >= (ptrdiff_t)sizeof(uint64_t) && word_at(a) == word_at(b)) {
        a += sizeof(uint64_t);
        b += sizeof(uint64_t);
    }
    while (b < end && *a == *b) {
        a++;
        b++;
    }
    return (size_t)(b - start);
}

void sy_press(struct sy_buf *out, struct sy_str plain)
{
    uint32_t table[1u << TABLE_BITS] = {0}; /* a place + 1 */
    const char *end = plain.ptr + plain.len, *kept = plain.ptr, *at = plain.ptr;
    char head[HEAD_SIZE];

    for (unsigned i = 0; i < HEAD_SIZE; i++)
        head[i] = (char)(plain.len >> (8 * i));
    sy_buf_append(out, sy_str_from(head, sizeof(head)));
    while (end - at >= (ptrdiff_t)MATCH_MIN) {
        uint64_t word = word_at(at);
        uint32_t slot = slot_of(word), place = table[slot];
        const char *old = plain.ptr + (place ? place - 1 : 0);
        size_t len;

        table[slot] = (uint32_t)(at - plain.ptr) + 1;
        if (!place || word_at(old) != word) {
            at += 1 + ((at - kept) >> SKIP_SHIFT);
            continue;
        }
        for (; at > kept && old > plain.ptr && at[-1] == old[-1]; at--)
            old--;
        len = alike(old, at, end);
        put_plain(out, kept, (size_t)(at - kept));
        put_copy(out, len, (size_t)(at - old));
        at += len;
        kept = at;
    }
    if (kept < end)
        put_plain(out, kept, (size_t)(end - kept));
}

/* The place copied from may run into what is being written: byte by byte, it repeats. */
static void copy_back(char *to, size_t len, size_t distance)
{
    if (distance >= len) {
        memcpy(to, to - distance, len);
        return;
    }
    for (size_t i = 0; i < len; i++)
        to[i] = to[(ptrdiff_t)i - (ptrdiff_t)distance];
}

/* *ret_len is how much of it could be read. */
static bool unpress_into(char *plain, size_t size, struct sy_str rest, size_t *ret_len)
{
    uint32_t len, distance;
    size_t at = 0;

    for (; at < size; *ret_len = at) {
        if (!get_number(&rest, &len) || len > rest.len || len > size - at)
            return false;
        memcpy(plain + at, rest.ptr, len);
        rest = sy_str_skip(rest, len);
        *ret_len = at += len;
        if (at == size)
            break;
        if (!get_number(&rest, &len) || !get_number(&rest, &distance) || !len || len > size - at ||
            !distance || distance > at)
            return false;
        copy_back(plain + at, len, distance);
        at += len;
    }
    return rest.len == 0;
}

bool sy_unpress(struct sy_buf *out, struct sy_str packed, size_t max)
{
    size_t size = 0, len = 0;
    char *plain;
    bool whole;

    if (packed.len < HEAD_SIZE)
        return false;
    for (unsigned i = 0; i < HEAD_SIZE; i++)
        size |= (size_t)(unsigned char)packed.ptr[i] << (8 * i);
    if (size > max)
        return false;
    plain = sy_buf_reserve(out, size);
    if (!plain)
        return false;
    whole = unpress_into(plain, size, sy_str_skip(packed, HEAD_SIZE), &len);
    sy_buf_grown(out, len);
    return whole;
}
