#include "base/encode.h"

#include <string.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

void sy_hex(struct sy_buf *out, struct sy_str bytes)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        sy_buf_append_char(out, digits[c >> 4]);
        sy_buf_append_char(out, digits[c & 15]);
    }
}

bool sy_unhex(struct sy_str hex, unsigned char *out, size_t size)
{
    if (hex.len % 2 != 0 || hex.len / 2 != size)
        return false;
    for (size_t i = 0; i < hex.len; i++) {
        if (hex_value(hex.ptr[i]) < 0)
            return false;
    }
    for (size_t i = 0; i < size; i++)
        out[i] = (unsigned char)(hex_value(hex.ptr[2 * i]) * 16 + hex_value(hex.ptr[2 * i + 1]));
    return true;
}

static const char base64_standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void base64_encode(struct sy_buf *out, struct sy_str bytes, const char *alphabet, bool pad)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t have = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t group = 0;
        for (size_t j = 0; j < 3; j++)
            group = group << 8 | (j < have ? (unsigned char)bytes.ptr[i + j] : 0u);
        for (size_t j = 0; j < 4; j++) {
            if (j <= have)
                sy_buf_append_char(out, alphabet[group >> (18 - 6 * j) & 63]);
            else if (pad)
                sy_buf_append_char(out, '=');
        }
    }
}

void sy_base64(struct sy_buf *out, struct sy_str bytes)
{
    base64_encode(out, bytes, base64_standard, true);
}

void sy_base64url(struct sy_buf *out, struct sy_str bytes)
{
    base64_encode(out, bytes, base64_url, false);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

bool sy_unbase64(struct sy_buf *out, struct sy_str text)
{
    size_t before = out->len;
    uint32_t bits = 0;
    unsigned have = 0;

    /* Padding, where there is any, must complete the group of four. */
    if (text.len && text.ptr[text.len - 1] == '=') {
        if (text.len % 4 != 0)
            return false;
        text.len -= text.ptr[text.len - 2] == '=' ? 2 : 1;
    }
    if (text.len % 4 == 1)
        return false;

    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.ptr[i]);
        if (value < 0)
            goto refuse;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            sy_buf_append_char(out, (char)(bits >> have & 0xff));
        }
    }
    /* Left-over bits that are not zero would make two texts for the same bytes. */
    if ((bits & ((1u << have) - 1u)) != 0)
        goto refuse;
    return true;

refuse:
    out->len = before;
    return false;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void sy_percent(struct sy_buf *out, struct sy_str text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (is_unreserved(text.ptr[i])) {
            sy_buf_append_char(out, text.ptr[i]);
        } else {
            sy_buf_append_char(out, '%');
            sy_buf_append_char(out, digits[c >> 4]);
            sy_buf_append_char(out, digits[c & 15]);
        }
    }
}

bool sy_unpercent(struct sy_buf *out, struct sy_str text, bool form)
{
    size_t before = out->len;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                out->len = before;
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && form) {
            c = ' ';
        }
        sy_buf_append_char(out, c);
    }
    return true;
}

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void sy_ulid(int64_t unix_ms, const unsigned char random[10], char out[26])
{
    uint64_t time = (uint64_t)(unix_ms < 0 ? 0 : unix_ms) & UINT64_C(0xffffffffffff);

    for (size_t i = 0; i < 10; i++)
        out[i] = crockford[time >> (45 - 5 * i) & 31];
    for (size_t half = 0; half < 2; half++) {
        uint64_t bits = 0;
        for (size_t i = 0; i < 5; i++)
            bits = bits << 8 | random[half * 5 + i];
        for (size_t i = 0; i < 8; i++)
            out[10 + half * 8 + i] = crockford[bits >> (35 - 5 * i) & 31];
    }
}

bool sy_ulid_time(struct sy_str text, int64_t *ret_unix_ms)
{
    uint64_t time = 0;

    /* 26 digits of 5 bits hold 130; the first may only use three. */
    if (text.len != 26 || text.ptr[0] > '7')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = memchr(crockford, text.ptr[i], sizeof(crockford) - 1);
        if (!digit)
            return false;
        if (i < 10)
            time = time << 5 | (uint64_t)(digit - crockford);
    }
    *ret_unix_ms = (int64_t)time;
    return true;
}
