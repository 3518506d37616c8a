#include "resolve/index.h"

#include <string.h>

#include "base/err.h"

int sy_index_init(struct sy_index *index, struct sy_arena *arena, size_t max, uint64_t seed)
{
    size_t slots = 8;

    if (max >= SY_INDEX_NONE / 4)
        return SY_NOMEM;
    while (slots < 2 * max)
        slots *= 2;
    *index = (struct sy_index){
        .mask = slots - 1, .seed = seed ^ UINT64_C(0xcbf29ce484222325), .max = (uint32_t)max};
    index->slots = sy_arena_array(arena, slots, sizeof(*index->slots));
    index->keys = sy_arena_array(arena, max + 1, sizeof(*index->keys));
    return index->slots && index->keys ? SY_OK : SY_NOMEM;
}

/* FNV's low bits mix badly over short names; fold the upper half in. */
static uint64_t finish(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

static uint64_t hash_of(const struct sy_index *index, struct sy_str key)
{
    uint64_t hash = index->seed;
    for (size_t i = 0; i < key.len; i++)
        hash = sy_index_hash_byte(hash, key.ptr[i]);
    return hash;
}

uint32_t sy_index_letters(struct sy_str text)
{
    uint32_t letters = 0;
    for (size_t i = 0; i < text.len; i++)
        letters |= UINT32_C(1) << ((unsigned char)text.ptr[i] & 31);
    return letters;
}

void sy_index_put(struct sy_index *index, struct sy_str key, uint32_t value)
{
    uint64_t hash = finish(hash_of(index, key)), at = hash & index->mask;

    if (key.len == 0 || index->count == index->max || sy_index_get(index, key) != SY_INDEX_NONE)
        return;
    while (index->slots[at])
        at = (at + 1) & index->mask;
    index->keys[index->count] = (struct sy_index_key){
        .ptr = key.ptr, .len = (uint32_t)key.len, .value = value, .letters = sy_index_letters(key)};
    index->slots[at] = (hash & UINT64_C(0xffffffff00000000)) | ++index->count;
}

uint32_t sy_index_get_hashed(const struct sy_index *index, struct sy_str key, uint64_t raw)
{
    uint64_t hash = finish(raw), at = hash & index->mask, slot;

    for (; (slot = index->slots[at]) != 0; at = (at + 1) & index->mask) {
        const struct sy_index_key *found = &index->keys[(uint32_t)slot - 1];
        if ((slot >> 32) == (hash >> 32) && found->len == key.len &&
            memcmp(found->ptr, key.ptr, key.len) == 0)
            return found->value;
    }
    return SY_INDEX_NONE;
}

uint32_t sy_index_get(const struct sy_index *index, struct sy_str key)
{
    if (index->count == 0)
        return SY_INDEX_NONE;
    return sy_index_get_hashed(index, key, hash_of(index, key));
}
