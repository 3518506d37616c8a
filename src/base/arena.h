/*
 * Bump allocation for everything that dies together: one arena per call, request or load.
 *
 * Nothing in an arena is freed by itself; sy_arena_release frees all of it. An arena has a maximum:
 * past it every allocation answers NULL and `failed` stays set, so a caller may test once at the
 * end of a run of appends. Builds with SY_ARENA_EACH (the sanitizer presets) allocate every piece
 * by itself, so that AddressSanitizer sees overruns inside an arena.
 */
#ifndef SY_BASE_ARENA_H
#define SY_BASE_ARENA_H

#include "base/str.h"

struct sy_arena_chunk;

struct sy_arena {
    struct sy_arena_chunk *chunks;
    char *at, *end; /* what is left of the newest chunk; both are 16-byte aligned */
    size_t used;    /* bytes handed out, alignment included */
    size_t max;     /* bytes that may be handed out */
    size_t first;   /* bytes of the first chunk; 0: the usual */
    bool failed;    /* sticky: some allocation was refused */
};

/* Prepares an empty arena; allocates nothing yet. */
void sy_arena_init(struct sy_arena *arena, size_t max);
/* The same for one whose usual content is known: the first chunk takes `first` bytes of memory. */
void sy_arena_init_sized(struct sy_arena *arena, size_t max, size_t first);
/* Frees everything and leaves the arena ready for use again. */
void sy_arena_release(struct sy_arena *arena);
/* Forgets the content but keeps the first chunk for the next user (release + init without free). */
void sy_arena_clear(struct sy_arena *arena);
/* The way of sy_arena_alloc below when the chunk has no room. */
void *sy_arena_alloc_more(struct sy_arena *arena, size_t size);
/* 16-byte aligned, uninitialised / zeroed. NULL when the maximum or memory is exhausted. */
static inline void *sy_arena_alloc(struct sy_arena *arena, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    void *piece = arena->at;

    if (size == 0 || size > (size_t)(arena->end - arena->at) || rounded > arena->max - arena->used)
        return sy_arena_alloc_more(arena, size);
    arena->at += rounded;
    arena->used += rounded;
    return piece;
}

void *sy_arena_zalloc(struct sy_arena *arena, size_t size);
/* Zeroed array; refuses a product that overflows. */
void *sy_arena_array(struct sy_arena *arena, size_t count, size_t size);
/* Copies; the result is followed by a NUL that len does not count. {NULL,0} on failure, and for an
 * absent string without failing. */
struct sy_str sy_arena_copy(struct sy_arena *arena, struct sy_str s);
/* NUL-terminated copy for a library's border, or NULL. */
char *sy_arena_z(struct sy_arena *arena, struct sy_str s);
/* Formatted text, NUL-terminated like sy_arena_copy. */
struct sy_str sy_arena_printf(struct sy_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Concatenation of `count` slices. */
struct sy_str sy_arena_join(struct sy_arena *arena, const struct sy_str *parts, size_t count);

#endif
