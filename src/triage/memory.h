/*
 * Catalogue evidence kept for ten minutes, so that a team that tries several criticalities asks the
 * vendors once. Shared by all loops; entries are copied out.
 */
#ifndef SY_TRIAGE_MEMORY_H
#define SY_TRIAGE_MEMORY_H

#include "triage/tree.h"

#define TRIAGE_KEEP_MS ((int64_t)600 * 1000)
#define TRIAGE_ENTRIES_MAX 10000u

struct triage_memory;

struct triage_memory *triage_memory_of(struct sy_engine *engine);
/* Copies what is remembered of `key` into `arena`; false if nothing (fresh enough) is. */
bool triage_memory_get(struct triage_memory *memory, struct sy_str key, int64_t now_ms,
                       struct sy_arena *arena, struct triage_evidence *ret, unsigned *ret_count);
/* Remembers evidence without failures; others are not kept. */
void triage_memory_put(struct triage_memory *memory, struct sy_str key, int64_t now_ms,
                       const struct triage_evidence *evidence, unsigned count);

#endif
