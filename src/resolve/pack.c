#include "resolve/pack.h"

#include <string.h>

#include "base/block.h"

#define POOL_MIN 4096u

unsigned char *sy_pool_take(struct sy_pool *pool, size_t count)
{
    unsigned char *at;

    if (pool->failed || count > UINT32_MAX || pool->len + count > UINT32_MAX) {
        pool->failed = true;
        return NULL;
    }
    if (pool->len + count > pool->size) {
        size_t size = pool->size + pool->size / 2 + POOL_MIN;
        size = size < pool->len + count ? pool->len + count : size;
        at = sy_block_resize(pool->bytes, size);
        if (!at) {
            pool->failed = true;
            return NULL;
        }
        pool->bytes = at;
        pool->size = size;
    }
    at = pool->bytes + pool->len;
    pool->len += count;
    return at;
}

void sy_pool_release(struct sy_pool *pool)
{
    sy_block_free(pool->bytes);
    *pool = (struct sy_pool){0};
}

void sy_pool_byte(struct sy_pool *pool, unsigned byte)
{
    unsigned char *at = sy_pool_take(pool, 1);

    if (at)
        *at = (unsigned char)byte;
}

void sy_pool_number(struct sy_pool *pool, uint64_t number)
{
    while (number > 0x7f) {
        sy_pool_byte(pool, (unsigned)(number & 0x7f) | 0x80u);
        number >>= 7;
    }
    sy_pool_byte(pool, (unsigned)number);
}

/* The length counts from 1: 0 is the absent text. */
void sy_pool_text(struct sy_pool *pool, struct sy_str text)
{
    unsigned char *at;

    sy_pool_number(pool, text.ptr ? (uint64_t)text.len + 1 : 0);
    at = text.len ? sy_pool_take(pool, text.len) : NULL;
    if (at)
        memcpy(at, text.ptr, text.len);
}

void sy_pool_spelling(struct sy_pool *pool, size_t named, enum sy_spelling_class class,
                      struct sy_str text)
{
    size_t back = pool->len - named;
    unsigned char *at = sy_pool_take(pool, 4);

    if (back > SY_PACK_BACK_MAX)
        pool->failed = true;
    if (at) {
        at[0] = (unsigned char)back;
        at[1] = (unsigned char)(back >> 8);
        at[2] = (unsigned char)(back >> 16);
        at[3] = (unsigned char)class;
    }
    sy_pool_text(pool, text);
}
