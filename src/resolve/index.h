/*
 * Hash to number by open addressing: the one index behind toolkits, tools, tenants and keys. Filled
 * once by the builder, then read only. The load is the same at every size, so a look-up costs the
 * same number of steps; a slot holds half the hash, so that a miss reads no key.
 *
 * The index compares no texts: a look-up walks the numbers that may be meant, in the order in which
 * they were put, and its user compares.
 */
#ifndef SY_RESOLVE_INDEX_H
#define SY_RESOLVE_INDEX_H

#include "base/str.h"

struct sy_index {
    uint64_t *slots; /* hash in the upper half, number in the lower; 0: empty */
    uint32_t size;
};

/* Room for `keys` keys. SY_NOMEM. */
int sy_index_init(struct sy_index *index, size_t keys);
void sy_index_release(struct sy_index *index);
/* `number` is not 0. Past the room given, nothing is put. */
void sy_index_put(struct sy_index *index, uint64_t hash, uint32_t number);
size_t sy_index_bytes(const struct sy_index *index);

/* FNV-1a step by step from SY_INDEX_SEED, so that all prefixes of a name cost one pass over it. */
#define SY_INDEX_SEED UINT64_C(0xcbf29ce484222325)
static inline uint64_t sy_index_hash_byte(uint64_t hash, char c)
{
    return (hash ^ (unsigned char)c) * UINT64_C(0x100000001b3);
}

/* The same over a whole text. */
uint64_t sy_index_hash(struct sy_str text);
/* Another, eight bytes a step, for texts of which no prefix is asked for. */
uint64_t sy_index_hash_whole(struct sy_str text);

/* FNV's low bits mix badly over short names; fold the upper half in. */
static inline uint64_t sy_index_finish(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

struct sy_index_walk {
    const uint64_t *slots;
    uint32_t at, size, tag;
};

static inline struct sy_index_walk sy_index_walk(const struct sy_index *index, uint64_t raw_hash)
{
    uint64_t hash = sy_index_finish(raw_hash);

    return (struct sy_index_walk){.slots = index->slots,
                                  .at = (uint32_t)(((hash & UINT32_MAX) * index->size) >> 32),
                                  .size = index->size,
                                  .tag = (uint32_t)(hash >> 32)};
}

/* Asks for the memory where the walk begins, for whoever has something else to do meanwhile. */
static inline void sy_index_prefetch(const struct sy_index *index, uint64_t raw_hash)
{
    if (index->size)
        __builtin_prefetch(&index->slots[sy_index_walk(index, raw_hash).at]);
}

/* The next number that may be meant, or 0. */
static inline uint32_t sy_index_next(struct sy_index_walk *walk)
{
    uint64_t slot;

    if (walk->size == 0)
        return 0;
    while ((slot = walk->slots[walk->at]) != 0) {
        walk->at = walk->at + 1 == walk->size ? 0 : walk->at + 1;
        if (slot >> 32 == walk->tag)
            return (uint32_t)slot;
    }
    return 0;
}

#endif
