/*
 * Mutations of requests from a seed, the same in every run: bytes that mean something to some
 * reader, single bits as zzuf flips them, and lines, white space and line ends as the grammar has
 * them.
 */
#ifndef SY_TESTS_HTTP_MUTATE_H
#define SY_TESTS_HTTP_MUTATE_H

#include <string.h>

#include "base/buf.h"

#define MUTATE_SEED UINT64_C(0x9e3779b97f4a7c15)

static inline uint64_t mutate_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static inline size_t mutate_below(uint64_t *seed, size_t bound)
{
    return bound ? (size_t)(mutate_random(seed) % bound) : 0;
}

/* Takes `cut` bytes at `at` out and puts `piece` there; `piece` is not in `buf`. */
static inline void mutate_splice(struct sy_buf *buf, size_t at, size_t cut, struct sy_str piece)
{
    size_t tail = buf->len - at - cut;

    sy_buf_append(buf, piece);
    memmove(buf->ptr + at + piece.len, buf->ptr + at + cut, tail);
    if (piece.len)
        memcpy(buf->ptr + at, piece.ptr, piece.len);
    buf->len = at + piece.len + tail;
}

static inline char mutate_telling_byte(uint64_t *seed)
{
    static const char bytes[] = "\r\n\t \0:;,=\"\\/?#%@*[]0179afAF_-+xX\x7f\x80\xff\x0b\x0c(){}";

    return bytes[mutate_below(seed, sizeof(bytes) - 1)];
}

/* A byte changed, put in, taken out, or a piece of another request put in. */
static inline void mutate_bytes(struct sy_buf *buf, struct sy_str other, uint64_t *seed)
{
    size_t at = mutate_below(seed, buf->len + 1);
    size_t from = mutate_below(seed, other.len);
    struct sy_str piece = sy_str_head(sy_str_skip(other, from), 1 + mutate_below(seed, 40));
    char byte = mutate_telling_byte(seed);
    size_t cut;

    switch (mutate_below(seed, 4)) {
    case 0:
        if (at < buf->len)
            buf->ptr[at] = byte;
        break;
    case 1:
        mutate_splice(buf, at, 0, sy_str_from(&byte, 1));
        break;
    case 2:
        mutate_splice(buf, at, 0, piece);
        break;
    default:
        cut = mutate_below(seed, buf->len - at + 1);
        mutate_splice(buf, at, cut > 8 ? 8 : cut, sy_str_from("", 0));
    }
}

/* Four bits of a thousand, and at least one. */
static inline void mutate_bits(struct sy_buf *buf, uint64_t *seed)
{
    size_t flips = 1 + buf->len * 8 * 4 / 1000;

    for (size_t i = 1 + mutate_below(seed, flips); i > 0 && buf->len; i--) {
        char *at = &buf->ptr[mutate_below(seed, buf->len)];

        *at = (char)(*at ^ (char)(1 << mutate_below(seed, 8)));
    }
}

/* The start of a random line, and its length with its line end. */
static inline size_t mutate_pick_line(const struct sy_buf *buf, uint64_t *seed, size_t *ret_len)
{
    size_t start = mutate_below(seed, buf->len + 1);
    size_t end = start;

    while (start > 0 && buf->ptr[start - 1] != '\n')
        start--;
    while (end < buf->len && buf->ptr[end] != '\n')
        end++;
    *ret_len = end - start + (end < buf->len);
    return start;
}

/* Lines that change what the others say. */
static inline struct sy_str mutate_telling_line(uint64_t *seed)
{
    static const struct sy_str lines[] = {
        SY_STR_INIT("Transfer-Encoding: chunked\r\n"),
        SY_STR_INIT("Transfer-Encoding : chunked\r\n"),
        SY_STR_INIT("Transfer-Encoding:\tchunked\r\n"),
        SY_STR_INIT("Transfer-Encoding: gzip, chunked\r\n"),
        SY_STR_INIT("Transfer-Encoding: chunked, identity\r\n"),
        SY_STR_INIT("Transfer_Encoding: chunked\r\n"),
        SY_STR_INIT("Content-Length: 0\r\n"),
        SY_STR_INIT("Content-Length: 5\r\n"),
        SY_STR_INIT("Content-Length: 5, 5\r\n"),
        SY_STR_INIT("Content-Length: +5\r\n"),
        SY_STR_INIT("Content-Length: 010\r\n"),
        SY_STR_INIT("Content-Length: 18446744073709551616\r\n"),
        SY_STR_INIT("Content-Length: -1\r\n"),
        SY_STR_INIT("Host: a\r\n"),
        SY_STR_INIT("Host: a, b\r\n"),
        SY_STR_INIT("Host: [::1]:80\r\n"),
        SY_STR_INIT("Host:\r\n"),
        SY_STR_INIT("Connection: close\r\n"),
        SY_STR_INIT("Connection: keep-alive, ,close\r\n"),
        SY_STR_INIT("Connection: upgrade\r\nUpgrade: h2c\r\n"),
        SY_STR_INIT("Expect: 100-continue\r\n"),
        SY_STR_INIT("Expect: 200-maybe\r\n"),
        SY_STR_INIT("Trailer: X\r\n"),
        SY_STR_INIT(" folded: yes\r\n"),
        SY_STR_INIT("X: \xc3\xa4\r\n"),
        SY_STR_INIT("no colon here\r\n"),
        SY_STR_INIT("\r\n"),
        SY_STR_INIT("5\r\nhello\r\n"),
        SY_STR_INIT("5;a=\"b\\\"c\"\r\nhello\r\n"),
        SY_STR_INIT("0\r\n\r\n"),
        SY_STR_INIT("00000\r\nX: y\r\n\r\n"),
        SY_STR_INIT("ffffffffffffffff\r\n"),
        SY_STR_INIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        SY_STR_INIT("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        SY_STR_INIT("POST /x HTTP/1.0\r\n"),
        SY_STR_INIT("PRI * HTTP/2.0\r\n\r\n"),
    };

    return lines[mutate_below(seed, SY_ARRAY_LEN(lines))];
}

static inline struct sy_str mutate_line_end(uint64_t *seed)
{
    static const struct sy_str ends[] = {
        SY_STR_INIT("\n"),       SY_STR_INIT("\r"),       SY_STR_INIT("\r\r\n"),
        SY_STR_INIT("\r\n "),    SY_STR_INIT("\r\n\t"),   SY_STR_INIT("\r\n\r\n"),
        SY_STR_INIT("\n\r"),     SY_STR_INIT(" \r\n"),    SY_STR_INIT("\t\r\n"),
        SY_STR_INIT("\x0b\r\n"), SY_STR_INIT("\xc2\x85"), SY_STR_INIT(""),
    };

    return ends[mutate_below(seed, SY_ARRAY_LEN(ends))];
}

/* A line put in, doubled, taken out, its end or the space before its first colon changed. */
static inline void mutate_lines(struct sy_buf *buf, uint64_t *seed)
{
    size_t len;
    size_t start = mutate_pick_line(buf, seed, &len);
    struct sy_str line = sy_str_from(buf->ptr + start, len);
    size_t colon = sy_str_find_char(line, ':');
    char copy[256];

    switch (mutate_below(seed, 5)) {
    case 0:
        mutate_splice(buf, start, 0, mutate_telling_line(seed));
        break;
    case 1:
        line = sy_str_head(line, sizeof(copy));
        memcpy(copy, line.ptr, line.len);
        mutate_splice(buf, start, 0, sy_str_from(copy, line.len));
        break;
    case 2:
        mutate_splice(buf, start, len, sy_str_from("", 0));
        break;
    case 3:
        if (len >= 2)
            mutate_splice(buf, start + len - 2, 2, mutate_line_end(seed));
        break;
    default:
        if (colon != (size_t)-1)
            mutate_splice(buf, start + colon + mutate_below(seed, 2), 0,
                          mutate_below(seed, 2) ? SY_STR(" ") : SY_STR("\t"));
    }
}

/* One change, or as often one to four. `other` is not in `buf`. */
static inline void mutate(struct sy_buf *buf, struct sy_str other, uint64_t *seed)
{
    for (size_t n = 1 + mutate_below(seed, 2) * mutate_below(seed, 4); n > 0; n--) {
        switch (mutate_below(seed, 8)) {
        case 0:
            mutate_bits(buf, seed);
            break;
        case 1:
        case 2:
        case 3:
            mutate_bytes(buf, other, seed);
            break;
        default:
            mutate_lines(buf, seed);
        }
    }
}

#endif
