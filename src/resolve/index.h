/*
 * Text to number by open addressing: the one index behind toolkits, tools, tenants and keys. Filled
 * once by the snapshot builder, then read only. A miss reads one slot and no key.
 */
#ifndef SY_RESOLVE_INDEX_H
#define SY_RESOLVE_INDEX_H

#include "base/arena.h"

#define SY_INDEX_NONE UINT32_MAX

struct sy_index_key {
    const char *ptr;
    uint32_t len;
    uint32_t value;
    uint32_t letters; /* which characters occur: tells most names apart before an edit distance */
};

struct sy_index {
    uint64_t *slots; /* hash in the upper half, key number + 1 in the lower; 0: empty */
    uint64_t mask;
    uint64_t seed;
    struct sy_index_key *keys;
    uint32_t count;
    uint32_t max;
};

/* Room for `max` keys, in `arena`. SY_NOMEM. */
int sy_index_init(struct sy_index *index, struct sy_arena *arena, size_t max, uint64_t seed);
/* The first to bring a key keeps it. `key` is borrowed for the index's life. */
void sy_index_put(struct sy_index *index, struct sy_str key, uint32_t value);
/* SY_INDEX_NONE if it is not there. */
uint32_t sy_index_get(const struct sy_index *index, struct sy_str key);
/* The same with the hash at hand, so that all prefixes of one name cost one pass over it. */
uint32_t sy_index_get_hashed(const struct sy_index *index, struct sy_str key, uint64_t hash);

/* FNV-1a step by step from index->seed. */
static inline uint64_t sy_index_hash_byte(uint64_t hash, char c)
{
    return (hash ^ (unsigned char)c) * UINT64_C(0x100000001b3);
}

uint32_t sy_index_letters(struct sy_str text);

#endif
