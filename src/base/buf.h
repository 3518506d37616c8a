/*
 * A growing byte buffer that owns its bytes and knows its maximum.
 *
 * Errors are sticky: past the maximum, or without memory, appends do nothing and `failed` stays
 * set; test once with sy_buf_ok. A buffer lives on the heap (release it) or in an arena (do not).
 */
#ifndef SY_BASE_BUF_H
#define SY_BASE_BUF_H

#include "base/arena.h"
#include "base/str.h"

struct sy_buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max;
    struct sy_arena *arena; /* NULL: heap */
    bool failed;
};

void sy_buf_init(struct sy_buf *buf, size_t max);
void sy_buf_init_arena(struct sy_buf *buf, struct sy_arena *arena, size_t max);
/* Frees the bytes of a heap buffer; the buffer may be used again. */
void sy_buf_release(struct sy_buf *buf);
/* Empties the buffer, keeps its memory, clears `failed`. */
void sy_buf_clear(struct sy_buf *buf);
bool sy_buf_ok(const struct sy_buf *buf);
/* The way of sy_buf_reserve below when there is no room yet. */
char *sy_buf_reserve_more(struct sy_buf *buf, size_t more);
/* Room for `more` further bytes; returns where they go, or NULL. Commit with sy_buf_grown. Inline,
 * as the two that append: nearly always there is room, and texts are made of many pieces. */
static inline char *sy_buf_reserve(struct sy_buf *buf, size_t more)
{
    if (__builtin_expect(buf->ptr && !buf->failed && more <= buf->cap - buf->len, 1))
        return buf->ptr + buf->len;
    return sy_buf_reserve_more(buf, more);
}

void sy_buf_grown(struct sy_buf *buf, size_t by);

static inline void sy_buf_append(struct sy_buf *buf, struct sy_str s)
{
    char *to = s.len ? sy_buf_reserve(buf, s.len) : NULL;

    if (to) {
        memcpy(to, s.ptr, s.len);
        buf->len += s.len;
    }
}

static inline void sy_buf_append_char(struct sy_buf *buf, char c)
{
    char *to = sy_buf_reserve(buf, 1);

    if (to) {
        *to = c;
        buf->len++;
    }
}

void sy_buf_append_z(struct sy_buf *buf, const char *z);
void sy_buf_append_u64(struct sy_buf *buf, uint64_t value);
void sy_buf_append_i64(struct sy_buf *buf, int64_t value);
void sy_buf_printf(struct sy_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Drops the first `count` bytes. */
void sy_buf_consume(struct sy_buf *buf, size_t count);
/* What is in it; valid until the next call that changes the buffer. */
struct sy_str sy_buf_str(const struct sy_buf *buf);

#endif
