/*
 * Memory that outlives every arena: tables and pools that grow, for the pure parts, whose archives
 * call no allocator by name.
 */
#ifndef SY_BASE_BLOCK_H
#define SY_BASE_BLOCK_H

#include <stddef.h>

/* Zeroed; NULL when memory is short or the product overflows. */
void *sy_block_zalloc(size_t count, size_t size);
/* realloc: keeps the bytes, may move them; NULL leaves the block as it was. `block` may be NULL,
 * `size` must not be 0. */
void *sy_block_resize(void *block, size_t size);
/* NULL is fine. */
void sy_block_free(void *block);

#endif
