#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 16u
#define CHUNK_MIN 4096u
#define CHUNK_MAX 65536u

/* Followed by `size` bytes. The newest chunk is first in the list; only that one is allocated from,
 * between the arena's `at` and `end`. */
struct sy_arena_chunk {
    _Alignas(ALIGNMENT) struct sy_arena_chunk *next;
    size_t size;
};

void sy_arena_init(struct sy_arena *arena, size_t max)
{
    sy_arena_init_sized(arena, max, CHUNK_MIN);
}

void sy_arena_init_sized(struct sy_arena *arena, size_t max, size_t first)
{
    *arena = (struct sy_arena){.max = max, .first = first};
}

static void free_chunks(struct sy_arena_chunk *chunk)
{
    while (chunk) {
        struct sy_arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void sy_arena_release(struct sy_arena *arena)
{
    free_chunks(arena->chunks);
    sy_arena_init_sized(arena, arena->max, arena->first);
}

static struct sy_arena_chunk *chunk_new(size_t size)
{
    struct sy_arena_chunk *chunk;

    if (size > SIZE_MAX - sizeof(*chunk))
        return NULL;
    chunk = malloc(sizeof(*chunk) + size);
    if (chunk)
        *chunk = (struct sy_arena_chunk){.size = size};
    return chunk;
}

/* What it holds is handed out by whoever pushes it. */
static void chunk_push(struct sy_arena *arena, struct sy_arena_chunk *chunk)
{
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->at = arena->end = NULL;
}

#ifdef SY_ARENA_EACH

void sy_arena_clear(struct sy_arena *arena)
{
    sy_arena_release(arena);
}

/* Nothing is ever left of a chunk: every piece is one by itself, of the size asked for and not of
 * the rounded one. */
static void *take(struct sy_arena *arena, size_t size, size_t rounded)
{
    struct sy_arena_chunk *chunk = chunk_new(size);

    (void)rounded;
    if (!chunk)
        return NULL;
    chunk_push(arena, chunk);
    return chunk + 1;
}

#else

static void chunk_open(struct sy_arena *arena, struct sy_arena_chunk *chunk)
{
    arena->at = (char *)(chunk + 1);
    arena->end = arena->at + chunk->size / ALIGNMENT * ALIGNMENT;
}

void sy_arena_clear(struct sy_arena *arena)
{
    struct sy_arena_chunk *kept = arena->chunks;

    while (kept && kept->next) {
        struct sy_arena_chunk *next = kept->next;
        free(kept);
        kept = next;
    }
    if (kept && kept->size > CHUNK_MAX) {
        free(kept);
        kept = NULL;
    }
    sy_arena_init_sized(arena, arena->max, arena->first);
    arena->chunks = kept;
    if (kept)
        chunk_open(arena, kept);
}

/* A piece too large for a share of a chunk gets its own, put behind the one in use so that what is
 * left of that one is not lost. */
static void *take_alone(struct sy_arena *arena, size_t rounded)
{
    struct sy_arena_chunk *chunk = chunk_new(rounded);

    if (!chunk)
        return NULL;
    if (arena->chunks) {
        chunk->next = arena->chunks->next;
        arena->chunks->next = chunk;
    } else {
        chunk_push(arena, chunk);
    }
    return chunk + 1;
}

static size_t next_chunk_size(const struct sy_arena *arena)
{
    size_t size = arena->first ? arena->first : CHUNK_MIN;

    if (arena->chunks)
        size = (arena->chunks->size + sizeof(struct sy_arena_chunk)) * 2;
    if (size > CHUNK_MAX)
        size = CHUNK_MAX;
    return size - sizeof(struct sy_arena_chunk);
}

static void *take(struct sy_arena *arena, size_t size, size_t rounded)
{
    struct sy_arena_chunk *chunk;
    void *piece;

    (void)size;
    if (!arena->at || (size_t)(arena->end - arena->at) < rounded) {
        size_t wanted = next_chunk_size(arena);
        if (rounded > wanted / 2)
            return take_alone(arena, rounded);
        chunk = chunk_new(wanted);
        if (!chunk)
            return NULL;
        chunk_push(arena, chunk);
        chunk_open(arena, chunk);
    }
    piece = arena->at;
    arena->at += rounded;
    return piece;
}

#endif

void *sy_arena_alloc_more(struct sy_arena *arena, size_t size)
{
    size_t rounded;
    void *piece = NULL;

    if (!__builtin_add_overflow(size, ALIGNMENT - 1, &rounded)) {
        rounded &= ~(size_t)(ALIGNMENT - 1);
        if (rounded <= arena->max - arena->used)
            piece = take(arena, size, rounded);
    }
    if (!piece) {
        arena->failed = true;
        return NULL;
    }
    arena->used += rounded;
    return piece;
}

void *sy_arena_zalloc(struct sy_arena *arena, size_t size)
{
    void *piece = sy_arena_alloc(arena, size);

    if (piece)
        memset(piece, 0, size);
    return piece;
}

void *sy_arena_array(struct sy_arena *arena, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total)) {
        arena->failed = true;
        return NULL;
    }
    return sy_arena_zalloc(arena, total);
}

/* Room for len bytes and the NUL after them, which is set. */
static char *alloc_text(struct sy_arena *arena, size_t len)
{
    size_t size;
    char *text;

    if (__builtin_add_overflow(len, 1u, &size)) {
        arena->failed = true;
        return NULL;
    }
    text = sy_arena_alloc(arena, size);
    if (text)
        text[len] = 0;
    return text;
}

char *sy_arena_z(struct sy_arena *arena, struct sy_str s)
{
    char *text = alloc_text(arena, s.len);

    if (text && s.len)
        memcpy(text, s.ptr, s.len);
    return text;
}

struct sy_str sy_arena_copy(struct sy_arena *arena, struct sy_str s)
{
    const char *text = s.ptr ? sy_arena_z(arena, s) : NULL;

    return (struct sy_str){text, text ? s.len : 0};
}

struct sy_str sy_arena_printf(struct sy_arena *arena, const char *format, ...)
{
    va_list args;
    int len;
    char *text;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) {
        arena->failed = true;
        return (struct sy_str){NULL, 0};
    }
    text = alloc_text(arena, (size_t)len);
    if (!text)
        return (struct sy_str){NULL, 0};

    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return (struct sy_str){text, (size_t)len};
}

struct sy_str sy_arena_join(struct sy_arena *arena, const struct sy_str *parts, size_t count)
{
    size_t len = 0;
    size_t at = 0;
    char *text;

    for (size_t i = 0; i < count; i++) {
        if (__builtin_add_overflow(len, parts[i].len, &len)) {
            arena->failed = true;
            return (struct sy_str){NULL, 0};
        }
    }
    text = alloc_text(arena, len);
    if (!text)
        return (struct sy_str){NULL, 0};
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len)
            memcpy(text + at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    return (struct sy_str){text, len};
}
