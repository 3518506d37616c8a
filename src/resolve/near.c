/*
 * Which known names may be two edits from a given one, without looking at all of them.
 *
 * A key is cut into four pieces with one character between each two. An edit (a character more,
 * less, changed, or two neighbours swapped) touches one piece at most, so a key within two edits
 * has two pieces untouched, moved by at most two places. The index holds each key under each pair
 * of its pieces and its length; a query looks wherever a pair may stand in it, in the least crowded
 * places first. What is found is only likely: characters are counted here, edits by the caller.
 *
 * The work is bounded, because anybody may ask for names that do not exist: where thousands of
 * names are alike, a near one may go unfound.
 */

#include "base/block.h"
#include "resolve/segment.h"

#define PIECES 4u
#define PAIRS 6u
#define SHIFTS (2 * SY_NEAR_DISTANCE_MAX + 1)
#define KEY_MAX (2 * SY_NAME_MAX)
#define PLACES_MAX 256u  /* 25 for each pair, lengths together, and one for each short length */
#define COUNTED_MAX 400u /* entries under pairs whose characters are counted */
#define SHORT_MAX 1024u  /* the same for short keys, by length */
#define FOUND_MAX 32u    /* entries that the caller is told */

struct span {
    size_t from, len;
};

static const unsigned char PAIR[PAIRS][2] = {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}};

/* The pieces of a key of `len` bytes. */
static void cut(size_t len, struct span pieces[PIECES])
{
    size_t rest = len > PIECES - 1 ? len - (PIECES - 1) : 0, from = 0;

    for (unsigned i = 0; i < PIECES; i++) {
        pieces[i] = (struct span){from, rest / (PIECES - i)};
        rest -= pieces[i].len;
        from += pieces[i].len + 1;
    }
}

/* Keys too short for four pieces stand together by their length. */
static bool is_short(const struct span pieces[PIECES])
{
    return pieces[0].len == 0;
}

static uint64_t piece_hash(const char *text, size_t len)
{
    uint64_t hash = SY_INDEX_SEED;

    for (size_t i = 0; i < len; i++)
        hash = sy_index_hash_byte(hash, text[i]);
    return hash;
}

static uint32_t bucket_of(const struct sy_near *near, size_t len, unsigned pair, uint64_t first,
                          uint64_t second)
{
    uint64_t hash = (first + len * PAIRS + pair) * UINT64_C(0x9e3779b97f4a7c15) + second;

    return (uint32_t)(((sy_index_finish(hash) & UINT32_MAX) * near->buckets) >> 32);
}

/* How often each of 16 kinds of characters occurs, up to twice: 00, 01 or 11 for each. */
static uint32_t counts_of(struct sy_str text)
{
    uint32_t counts = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned at = 2 * ((unsigned)text.ptr[i] & 15);
        counts |= (counts >> at & 1 ? UINT32_C(2) : UINT32_C(1)) << at;
    }
    return counts;
}

/* Bits that differ. An edit takes at most one character away and adds one: a bit each. */
static unsigned difference(uint32_t a, uint32_t b)
{
    uint32_t x = a ^ b;

    x -= x >> 1 & UINT32_C(0x55555555);
    x = (x & UINT32_C(0x33333333)) + (x >> 2 & UINT32_C(0x33333333));
    return ((x + (x >> 4)) & UINT32_C(0x0f0f0f0f)) * UINT32_C(0x01010101) >> 24;
}

/* ---- building: count, then fill ---- */

struct entry {
    struct sy_near *near;
    uint32_t spelling, counts;
};

static void count_entry(const struct entry *entry, uint32_t bucket)
{
    entry->near->starts[bucket]++;
}

/* `starts` are the ends of the buckets at first, and sink to the starts. */
static void put_entry(const struct entry *entry, uint32_t bucket)
{
    uint32_t at = --entry->near->starts[bucket];

    entry->near->spellings[at] = entry->spelling;
    entry->near->counts[at] = entry->counts;
}

static void each_bucket(const struct entry *entry, struct sy_str key,
                        void (*fn)(const struct entry *entry, uint32_t bucket))
{
    struct span pieces[PIECES];
    uint64_t hashes[PIECES];

    cut(key.len, pieces);
    if (is_short(pieces)) {
        fn(entry, bucket_of(entry->near, key.len, 0, 0, 0));
        return;
    }
    for (unsigned i = 0; i < PIECES; i++)
        hashes[i] = piece_hash(key.ptr + pieces[i].from, pieces[i].len);
    for (unsigned p = 0; p < PAIRS; p++)
        fn(entry, bucket_of(entry->near, key.len, p, hashes[PAIR[p][0]], hashes[PAIR[p][1]]));
}

static void each_key(struct sy_segment *s, void (*fn)(const struct entry *entry, uint32_t bucket))
{
    for (uint32_t i = 0; i < s->by_toolkit.size; i++) {
        struct entry entry = {.near = &s->near, .spelling = (uint32_t)s->by_toolkit.slots[i]};
        char buffer[KEY_MAX];
        struct sy_str key;
        if (!entry.spelling)
            continue;
        key = sy_name_normalise(sy_spelling_text(s, entry.spelling), buffer);
        entry.counts = counts_of(key);
        each_bucket(&entry, key, fn);
    }
}

int sy_near_build(struct sy_segment *s)
{
    struct sy_near *near = &s->near;
    size_t count = PAIRS * s->toolkit_keys;
    uint32_t sum = 0;

    if (count >= UINT32_MAX)
        return SY_NOMEM;
    near->buckets = (uint32_t)(count + 1);
    near->starts = sy_block_zalloc((size_t)near->buckets + 1, sizeof(*near->starts));
    if (!near->starts)
        return SY_NOMEM;
    each_key(s, count_entry);
    for (uint32_t i = 0; i < near->buckets; i++) {
        sum += near->starts[i];
        near->starts[i] = sum;
    }
    near->starts[near->buckets] = sum;
    near->spellings = sy_block_zalloc((size_t)sum + 1, sizeof(*near->spellings));
    near->counts = sy_block_zalloc((size_t)sum + 1, sizeof(*near->counts));
    if (!near->spellings || !near->counts)
        return SY_NOMEM;
    each_key(s, put_entry);
    return SY_OK;
}

void sy_near_release(struct sy_near *near)
{
    sy_block_free(near->starts);
    sy_block_free(near->spellings);
    sy_block_free(near->counts);
}

size_t sy_near_bytes(const struct sy_segment *s)
{
    const struct sy_near *near = &s->near;

    if (!near->starts)
        return 0;
    return ((size_t)near->buckets + 1) * sizeof(*near->starts) +
           ((size_t)near->starts[near->buckets] + 1) *
               (sizeof(*near->spellings) + sizeof(*near->counts));
}

/* ---- asking ---- */

struct places {
    uint32_t buckets[PLACES_MAX];
    unsigned count;
};

static void add_place(struct places *places, const struct sy_near *near, uint32_t bucket)
{
    if (near->starts[bucket] != near->starts[bucket + 1] && places->count < PLACES_MAX)
        places->buckets[places->count++] = bucket;
}

static unsigned size(int number)
{
    return (unsigned)(number < 0 ? -number : number);
}

/* All places of pairs of keys of `len` bytes. Edits before a piece move it, those behind it make up
 * for the rest of the difference in length; together they are two at most. */
static void add_length(struct places *places, const struct sy_near *near, struct sy_str key,
                       size_t len, const struct span pieces[PIECES])
{
    const int reach = (int)SY_NEAR_DISTANCE_MAX, differs = (int)key.len - (int)len;
    uint64_t hashes[PIECES][SHIFTS];
    bool inside[PIECES][SHIFTS];

    for (unsigned i = 0; i < PIECES; i++) {
        for (int s = -reach; s <= reach; s++) {
            int from = (int)pieces[i].from + s;
            bool fits = size(s) + size(differs - s) <= SY_NEAR_DISTANCE_MAX && from >= 0 &&
                        (size_t)from + pieces[i].len <= key.len;
            inside[i][s + reach] = fits;
            if (fits)
                hashes[i][s + reach] = piece_hash(key.ptr + from, pieces[i].len);
        }
    }
    for (unsigned p = 0; p < PAIRS; p++) {
        for (int a = -reach; a <= reach; a++) {
            for (int b = -reach; inside[PAIR[p][0]][a + reach] && b <= reach; b++) {
                if (inside[PAIR[p][1]][b + reach] &&
                    size(a) + size(b - a) + size(differs - b) <= SY_NEAR_DISTANCE_MAX)
                    add_place(places, near,
                              bucket_of(near, len, p, hashes[PAIR[p][0]][a + reach],
                                        hashes[PAIR[p][1]][b + reach]));
            }
        }
    }
}

struct walk {
    const struct sy_segment *segment;
    uint32_t counts;
    uint32_t told[FOUND_MAX];
    unsigned told_count, left; /* entries that may still be looked at */
    void (*found)(void *ctx, const struct sy_segment *segment, uint32_t spelling);
    void *ctx;
};

static void tell(struct walk *w, uint32_t spelling)
{
    for (unsigned i = 0; i < w->told_count; i++) {
        if (w->told[i] == spelling)
            return;
    }
    if (w->told_count == FOUND_MAX)
        return;
    w->told[w->told_count++] = spelling;
    w->found(w->ctx, w->segment, spelling);
}

static void look(struct walk *w, uint32_t bucket)
{
    const struct sy_near *near = &w->segment->near;

    for (uint32_t i = near->starts[bucket]; i < near->starts[bucket + 1] && w->left; i++) {
        w->left--;
        if (difference(near->counts[i], w->counts) <= 2 * SY_NEAR_DISTANCE_MAX)
            tell(w, near->spellings[i]);
    }
}

void sy_near_walk(const struct sy_segment *s, struct sy_str key,
                  void (*found)(void *ctx, const struct sy_segment *segment, uint32_t spelling),
                  void *ctx)
{
    static const uint32_t crowds[] = {0, 2, 8, UINT32_MAX};
    const struct sy_near *near = &s->near;
    size_t shortest = key.len > SY_NEAR_DISTANCE_MAX ? key.len - SY_NEAR_DISTANCE_MAX : 1;
    struct places places;
    struct walk walk;

    walk.segment = s;
    walk.counts = counts_of(key);
    walk.told_count = 0;
    walk.left = SHORT_MAX;
    walk.found = found;
    walk.ctx = ctx;
    places.count = 0;
    for (size_t len = shortest; len <= key.len + SY_NEAR_DISTANCE_MAX; len++) {
        struct span pieces[PIECES];
        cut(len, pieces);
        if (is_short(pieces))
            look(&walk, bucket_of(near, len, 0, 0, 0));
        else
            add_length(&places, near, key, len, pieces);
    }
    walk.left = COUNTED_MAX;
    for (unsigned c = 1; c < SY_ARRAY_LEN(crowds); c++) {
        for (unsigned i = 0; i < places.count; i++) {
            uint32_t bucket = places.buckets[i];
            uint32_t crowd = near->starts[bucket + 1] - near->starts[bucket];
            if (crowd > crowds[c - 1] && crowd <= crowds[c])
                look(&walk, bucket);
        }
    }
}
