#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAP_MIN 64u

void sy_buf_init(struct sy_buf *buf, size_t max)
{
    *buf = (struct sy_buf){.max = max};
}

void sy_buf_init_arena(struct sy_buf *buf, struct sy_arena *arena, size_t max)
{
    *buf = (struct sy_buf){.max = max, .arena = arena};
}

void sy_buf_release(struct sy_buf *buf)
{
    if (!buf->arena)
        free(buf->ptr);
    *buf = (struct sy_buf){.max = buf->max, .arena = buf->arena};
}

void sy_buf_clear(struct sy_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

bool sy_buf_ok(const struct sy_buf *buf)
{
    return !buf->failed;
}

/* One byte more than cap is allocated: vsnprintf writes its NUL there. */
static bool grow(struct sy_buf *buf, size_t need)
{
    size_t cap = buf->cap > buf->max / 2 ? buf->max : buf->cap * 2;
    char *bytes;

    if (cap < CAP_MIN)
        cap = CAP_MIN < buf->max ? CAP_MIN : buf->max;
    if (cap < need)
        cap = need;
    if (cap == SIZE_MAX)
        return false;
    if (buf->arena) {
        bytes = sy_arena_alloc(buf->arena, cap + 1);
        if (bytes && buf->len)
            memcpy(bytes, buf->ptr, buf->len);
    } else {
        bytes = realloc(buf->ptr, cap + 1);
    }
    if (!bytes)
        return false;
    buf->ptr = bytes;
    buf->cap = cap;
    return true;
}

char *sy_buf_reserve_more(struct sy_buf *buf, size_t more)
{
    if (buf->failed)
        return NULL;
    /* cap never exceeds max. */
    if (buf->ptr && more <= buf->cap - buf->len)
        return buf->ptr + buf->len;
    if (more > buf->max - buf->len || !grow(buf, buf->len + more)) {
        buf->failed = true;
        return NULL;
    }
    return buf->ptr + buf->len;
}

void sy_buf_grown(struct sy_buf *buf, size_t by)
{
    if (by > buf->cap - buf->len)
        buf->failed = true;
    else
        buf->len += by;
}

void sy_buf_append_z(struct sy_buf *buf, const char *z)
{
    sy_buf_append(buf, sy_str_of(z));
}

#define DIGITS_MAX 20u /* of 2^64 - 1 */

void sy_buf_append_u64(struct sy_buf *buf, uint64_t value)
{
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char digits[DIGITS_MAX];
    size_t at = sizeof(digits);

    for (; value >= 100; value /= 100) {
        at -= 2;
        memcpy(digits + at, pairs + value % 100 * 2, 2);
    }
    if (value >= 10) {
        at -= 2;
        memcpy(digits + at, pairs + value * 2, 2);
    } else {
        digits[--at] = (char)('0' + value);
    }
    sy_buf_append(buf, sy_str_from(digits + at, sizeof(digits) - at));
}

void sy_buf_append_i64(struct sy_buf *buf, int64_t value)
{
    if (value < 0)
        sy_buf_append_char(buf, '-');
    /* Negation in the unsigned type is defined for INT64_MIN too. */
    sy_buf_append_u64(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void sy_buf_printf(struct sy_buf *buf, const char *format, ...)
{
    va_list args;
    int len;
    char *to;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) {
        buf->failed = true;
        return;
    }
    to = sy_buf_reserve(buf, (size_t)len);
    if (!to)
        return;
    va_start(args, format);
    vsnprintf(to, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

void sy_buf_consume(struct sy_buf *buf, size_t count)
{
    if (count >= buf->len) {
        buf->len = 0;
        return;
    }
    if (count == 0)
        return;
    memmove(buf->ptr, buf->ptr + count, buf->len - count);
    buf->len -= count;
}

struct sy_str sy_buf_str(const struct sy_buf *buf)
{
    return (struct sy_str){buf->ptr ? buf->ptr : "", buf->len};
}
