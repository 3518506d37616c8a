#include "base/block.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* A large table is read here and there: with pages of 2 MiB a look-up does not wait for the page
 * tables as well. Smaller blocks would lose too much to rounding. */
#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_BLOCK_MIN (4 * HUGE_PAGE)

static void *advised(void *block, size_t bytes)
{
    uintptr_t from = ((uintptr_t)block + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
    uintptr_t to = ((uintptr_t)block + bytes) & ~(uintptr_t)(HUGE_PAGE - 1);

    if (block && bytes >= HUGE_BLOCK_MIN && to > from)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE); /* it works without, too */
    return block;
}

void *sy_block_zalloc(size_t count, size_t size)
{
    void *block = calloc(count, size);

    return advised(block, block ? count * size : 0);
}

void *sy_block_resize(void *block, size_t size)
{
    return advised(realloc(block, size), size);
}

void sy_block_free(void *block)
{
    free(block);
}
