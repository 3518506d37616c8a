#include "triage/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include <pthread.h>

struct entry {
    UT_hash_handle hh;
    int64_t until_ms;
    struct sy_arena mem;
    struct triage_evidence evidence[TRIAGE_VENDORS_MAX];
    unsigned count;
    size_t key_len;
    char key[SY_NAME_MAX];
};

struct triage_memory {
    pthread_mutex_t lock;
    struct entry *entries; /* the oldest come first */
};

static void *memory_make(void)
{
    struct triage_memory *memory = calloc(1, sizeof(*memory));

    if (memory)
        pthread_mutex_init(&memory->lock, NULL);
    return memory;
}

static void entry_free(struct triage_memory *memory, struct entry *entry)
{
    HASH_DEL(memory->entries, entry);
    sy_arena_release(&entry->mem);
    free(entry);
}

static void memory_release(void *annex)
{
    struct triage_memory *memory = annex;
    struct entry *entry, *next;

    HASH_ITER (hh, memory->entries, entry, next) {
        entry_free(memory, entry);
    }
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

struct triage_memory *triage_memory_of(struct sy_engine *engine)
{
    return sy_engine_annex(engine, memory_make, memory_release);
}

static void evidence_copy(const struct triage_evidence *from, struct sy_arena *arena,
                          struct triage_evidence *to)
{
    *to = *from;
    to->vendor = sy_arena_copy(arena, from->vendor);
    to->why = sy_arena_copy(arena, from->why);
    to->slug = sy_arena_copy(arena, from->slug);
    to->name = sy_arena_copy(arena, from->name);
    to->connection = sy_arena_copy(arena, from->connection);
    for (unsigned i = 0; i < from->suggestion_count; i++)
        to->suggestions[i] = sy_arena_copy(arena, from->suggestions[i]);
}

bool triage_memory_get(struct triage_memory *memory, struct sy_str key, int64_t now_ms,
                       struct sy_arena *arena, struct triage_evidence *ret, unsigned *ret_count)
{
    struct entry *entry = NULL;

    if (!memory || !key.len)
        return false;
    pthread_mutex_lock(&memory->lock);
    HASH_FIND(hh, memory->entries, key.ptr, key.len, entry);
    if (entry && entry->until_ms <= now_ms) {
        entry_free(memory, entry);
        entry = NULL;
    }
    if (entry) {
        for (unsigned i = 0; i < entry->count; i++)
            evidence_copy(&entry->evidence[i], arena, &ret[i]);
        *ret_count = entry->count;
    }
    pthread_mutex_unlock(&memory->lock);
    return entry != NULL;
}

void triage_memory_put(struct triage_memory *memory, struct sy_str key, int64_t now_ms,
                       const struct triage_evidence *evidence, unsigned count)
{
    struct entry *entry, *old = NULL;

    for (unsigned i = 0; i < count; i++)
        if (evidence[i].asked == TRIAGE_FAILED)
            return;
    if (!memory || !key.len || key.len > SY_NAME_MAX || !(entry = calloc(1, sizeof(*entry))))
        return;
    sy_arena_init(&entry->mem, (size_t)256 << 10);
    entry->until_ms = now_ms + TRIAGE_KEEP_MS;
    entry->count = count;
    entry->key_len = key.len;
    memcpy(entry->key, key.ptr, key.len);
    for (unsigned i = 0; i < count; i++)
        evidence_copy(&evidence[i], &entry->mem, &entry->evidence[i]);
    pthread_mutex_lock(&memory->lock);
    HASH_FIND(hh, memory->entries, key.ptr, key.len, old);
    if (!old && HASH_COUNT(memory->entries) >= TRIAGE_ENTRIES_MAX)
        old = memory->entries;
    if (old)
        entry_free(memory, old);
    HASH_ADD_KEYPTR(hh, memory->entries, entry->key, entry->key_len, entry);
    if (!SY_HASH_ADDED(entry)) {
        sy_arena_release(&entry->mem);
        free(entry);
    }
    pthread_mutex_unlock(&memory->lock);
}
