/*
 * Which known names may be two edits from a given one, without looking at all of them.
 *
 * A key is cut into three pieces with one character between each two. An edit (a character more,
 * less, changed, or two neighbours swapped) touches one piece at most, so a key within two edits
 * has one piece untouched, moved by at most two places. The index holds each key under its pieces,
 * by length and piece; a query looks under all places where a piece of a key may stand in it. What
 * is found is only likely: letters are compared here, edits by the caller.
 */
#include <stdlib.h>

#include "resolve/segment.h"

#define PIECES 3u
#define KEY_MAX (2 * SY_NAME_MAX)
#define PIECES_PER_BUCKET 4u

struct span {
    size_t from, len;
};

/* The pieces of a key of `len` bytes. */
static void cut(size_t len, struct span pieces[PIECES])
{
    size_t rest = len > 2 ? len - 2 : 0;

    pieces[0] = (struct span){0, rest / 3};
    pieces[1] = (struct span){rest / 3 + 1, (rest - rest / 3) / 2};
    pieces[2] =
        (struct span){pieces[1].from + pieces[1].len + 1, rest - pieces[0].len - pieces[1].len};
}

static uint32_t bucket_of(const struct sy_near *near, size_t len, unsigned piece, const char *text,
                          size_t text_len)
{
    uint64_t hash = sy_index_hash_byte(SY_INDEX_SEED, (char)len);

    hash = sy_index_hash_byte(hash, (char)piece);
    for (size_t i = 0; i < text_len; i++)
        hash = sy_index_hash_byte(hash, text[i]);
    return (uint32_t)(((sy_index_finish(hash) & UINT32_MAX) * near->buckets) >> 32);
}

static uint16_t letters_of(struct sy_str text)
{
    unsigned letters = 0;

    for (size_t i = 0; i < text.len; i++)
        letters |= 1u << ((unsigned char)text.ptr[i] & 15);
    return (uint16_t)letters;
}

static unsigned bits(unsigned x)
{
    unsigned count = 0;

    for (; x; x &= x - 1)
        count++;
    return count;
}

/* ---- building: count, then fill ---- */

static void each_key(struct sy_segment *s,
                     void (*fn)(struct sy_near *near, struct sy_str key, uint32_t spelling))
{
    for (uint32_t i = 0; i < s->by_toolkit.size; i++) {
        uint32_t spelling = (uint32_t)s->by_toolkit.slots[i];
        char buffer[KEY_MAX];
        if (spelling)
            fn(&s->near, sy_name_normalise(sy_spelling_text(s, spelling), buffer), spelling);
    }
}

static void count_key(struct sy_near *near, struct sy_str key, uint32_t spelling)
{
    struct span pieces[PIECES];

    (void)spelling;
    cut(key.len, pieces);
    for (unsigned i = 0; i < PIECES; i++)
        near->starts[bucket_of(near, key.len, i, key.ptr + pieces[i].from, pieces[i].len)]++;
}

/* `starts` are the ends of the buckets at first, and sink to the starts. */
static void put_key(struct sy_near *near, struct sy_str key, uint32_t spelling)
{
    struct span pieces[PIECES];
    uint16_t letters = letters_of(key);

    cut(key.len, pieces);
    for (unsigned i = 0; i < PIECES; i++) {
        uint32_t bucket = bucket_of(near, key.len, i, key.ptr + pieces[i].from, pieces[i].len);
        uint32_t at = --near->starts[bucket];
        near->spellings[at] = spelling;
        near->letters[at] = letters;
    }
}

int sy_near_build(struct sy_segment *s)
{
    struct sy_near *near = &s->near;
    size_t count = PIECES * s->toolkit_keys;
    uint32_t sum = 0;

    if (count >= UINT32_MAX)
        return SY_NOMEM;
    near->buckets = (uint32_t)(count / PIECES_PER_BUCKET + 1);
    near->starts = calloc((size_t)near->buckets + 1, sizeof(*near->starts));
    near->spellings = calloc(count + 1, sizeof(*near->spellings));
    near->letters = calloc(count + 1, sizeof(*near->letters));
    if (!near->starts || !near->spellings || !near->letters)
        return SY_NOMEM;
    each_key(s, count_key);
    for (uint32_t i = 0; i < near->buckets; i++) {
        sum += near->starts[i];
        near->starts[i] = sum;
    }
    near->starts[near->buckets] = sum;
    each_key(s, put_key);
    return SY_OK;
}

void sy_near_release(struct sy_near *near)
{
    free(near->starts);
    free(near->spellings);
    free(near->letters);
}

size_t sy_near_bytes(const struct sy_segment *s)
{
    const struct sy_near *near = &s->near;

    if (!near->starts)
        return 0;
    return ((size_t)near->buckets + 1) * sizeof(*near->starts) +
           (PIECES * s->toolkit_keys + 1) * (sizeof(*near->spellings) + sizeof(*near->letters));
}

/* ---- asking ---- */

struct query {
    const struct sy_segment *segment;
    struct sy_str key;
    uint16_t letters;
    void (*found)(void *ctx, const struct sy_segment *segment, uint32_t spelling);
    void *ctx;
};

static void look(const struct query *q, size_t len, unsigned piece, struct span where)
{
    const struct sy_near *near = &q->segment->near;
    uint32_t bucket = bucket_of(near, len, piece, q->key.ptr + where.from, where.len);

    for (uint32_t i = near->starts[bucket]; i < near->starts[bucket + 1]; i++) {
        /* An edit changes at most one character into one other. */
        if (bits((unsigned)(near->letters[i] ^ q->letters)) <= 2 * SY_NEAR_DISTANCE_MAX)
            q->found(q->ctx, q->segment, near->spellings[i]);
    }
}

/* All places of a piece of keys of `len` bytes: edits before it move it by `shift`, those behind it
 * make up for the rest of the difference in length; together they are two at most. */
static void look_around(const struct query *q, size_t len, unsigned piece, struct span span)
{
    int differs = (int)q->key.len - (int)len;

    for (int shift = -(int)SY_NEAR_DISTANCE_MAX; shift <= (int)SY_NEAR_DISTANCE_MAX; shift++) {
        int from = (int)span.from + shift;
        if (abs(shift) + abs(differs - shift) > (int)SY_NEAR_DISTANCE_MAX || from < 0 ||
            (size_t)from + span.len > q->key.len)
            continue;
        look(q, len, piece, (struct span){(size_t)from, span.len});
    }
}

void sy_near_walk(const struct sy_segment *s, struct sy_str key,
                  void (*found)(void *ctx, const struct sy_segment *segment, uint32_t spelling),
                  void *ctx)
{
    const struct query q = {
        .segment = s, .key = key, .letters = letters_of(key), .found = found, .ctx = ctx};
    size_t shortest = key.len > SY_NEAR_DISTANCE_MAX ? key.len - SY_NEAR_DISTANCE_MAX : 1;

    for (size_t len = shortest; len <= key.len + SY_NEAR_DISTANCE_MAX; len++) {
        struct span pieces[PIECES];
        cut(len, pieces);
        if (pieces[0].len == 0) {
            look(&q, len, 0, (struct span){0, 0}); /* all keys of this length are here */
            continue;
        }
        for (unsigned i = 0; i < PIECES; i++)
            look_around(&q, len, i, pieces[i]);
    }
}
