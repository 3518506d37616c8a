#include "base/block.h"

#include <stdlib.h>

void *sy_block_zalloc(size_t count, size_t size)
{
    return calloc(count, size);
}

void *sy_block_resize(void *block, size_t size)
{
    return realloc(block, size);
}

void sy_block_free(void *block)
{
    free(block);
}
