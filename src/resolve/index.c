#include "resolve/index.h"

#include <string.h>

#include "base/block.h"
#include "base/err.h"

/* Slots for each 3 keys: a hit reads 1.75 slots on average, a miss 3.6, all beside each other. */
#define SLOTS_PER_3_KEYS 5u

int sy_index_init(struct sy_index *index, size_t keys)
{
    size_t size = keys / 3 * SLOTS_PER_3_KEYS + 8;

    *index = (struct sy_index){0};
    if (size >= UINT32_MAX)
        return SY_NOMEM;
    index->slots = sy_block_zalloc(size, sizeof(*index->slots));
    if (!index->slots)
        return SY_NOMEM;
    index->size = (uint32_t)size;
    return SY_OK;
}

void sy_index_release(struct sy_index *index)
{
    sy_block_free(index->slots);
    *index = (struct sy_index){0};
}

size_t sy_index_bytes(const struct sy_index *index)
{
    return index->size * sizeof(*index->slots);
}

uint64_t sy_index_hash(struct sy_str text)
{
    uint64_t hash = SY_INDEX_SEED;

    for (size_t i = 0; i < text.len; i++)
        hash = sy_index_hash_byte(hash, text.ptr[i]);
    return hash;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ (hash >> 32);
}

uint64_t sy_index_hash_whole(struct sy_str text)
{
    uint64_t hash = SY_INDEX_SEED + text.len, word = 0;
    size_t i = 0;

    for (; i + sizeof(word) <= text.len; i += sizeof(word)) {
        memcpy(&word, text.ptr + i, sizeof(word));
        hash = mix(hash, word);
    }
    for (word = 0; i < text.len; i++)
        word = word << 8 | (unsigned char)text.ptr[i];
    return mix(hash, word);
}

void sy_index_put(struct sy_index *index, uint64_t raw_hash, uint32_t number)
{
    uint64_t hash = sy_index_finish(raw_hash);
    uint32_t at = (uint32_t)(((hash & UINT32_MAX) * index->size) >> 32);

    /* One slot always stays empty: it ends every walk. */
    for (uint32_t tried = 1; tried < index->size; tried++) {
        if (index->slots[at] == 0) {
            index->slots[at] = (hash & UINT64_C(0xffffffff00000000)) | number;
            return;
        }
        at = at + 1 == index->size ? 0 : at + 1;
    }
}
