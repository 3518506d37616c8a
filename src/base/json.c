/*
 * Walking validated text. Nothing here checks grammar again: a nested value is skipped by counting
 * brackets and stepping over strings, each byte once.
 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

/* Most names and many values end within this many bytes: a call would cost more than a look. */
#define SHORT_STRING 24

/* From the opening quote to behind the closing one: the first quote after an even number of
 * backslashes. */
static const char *skip_string(const char *at, const char *end)
{
    const char *quote = at + 1;
    const char *near = end - quote > SHORT_STRING ? quote + SHORT_STRING : end;

    while (quote < near && *quote != '"' && *quote != '\\')
        quote++;
    if (quote < near && *quote == '"')
        return quote + 1;
    for (quote--;;) {
        size_t slashes = 0;
        quote = memchr(quote + 1, '"', (size_t)(end - quote - 1));
        if (!quote)
            return end;
        while (quote[-1 - (ptrdiff_t)slashes] == '\\')
            slashes++;
        if (slashes % 2 == 0)
            return quote + 1;
    }
}

enum { SHAPE_OTHER, SHAPE_OPENS, SHAPE_CLOSES, SHAPE_STRING };

/* From inside a container that `*depth` brackets opened, outside of strings, to behind the bracket
 * that closes it, or to the first place at or behind `stop`. */
static const char *skip_bytes(const char *at, const char *stop, const char *end, size_t *depth)
{
    static const unsigned char shapes[256] = {
        ['{'] = SHAPE_OPENS,  ['['] = SHAPE_OPENS,  ['}'] = SHAPE_CLOSES,
        [']'] = SHAPE_CLOSES, ['"'] = SHAPE_STRING,
    };

    while (at < stop) {
        unsigned char shape = shapes[(unsigned char)*at];

        if (shape == SHAPE_STRING) {
            at = skip_string(at, end);
            continue;
        }
        at++;
        if (shape == SHAPE_OPENS)
            ++*depth;
        else if (shape == SHAPE_CLOSES && --*depth == 0)
            break;
    }
    return at;
}

#ifdef __SSE2__

#define BLOCK 64

/* One bit a byte of a block. */
struct block {
    uint64_t quotes, slashes, opens, closes;
};

static uint64_t bits_of(__m128i equal)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(equal);
}

static struct block block_at(const char *at)
{
    struct block block = {0};

    for (unsigned i = 0; i < BLOCK; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(at + i));
        /* Without the bit by which '{' differs from '[', and '}' from ']'. */
        __m128i folded = _mm_and_si128(bytes, _mm_set1_epi8((char)~0x20));

        block.quotes |= bits_of(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'))) << i;
        block.slashes |= bits_of(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))) << i;
        block.opens |= bits_of(_mm_cmpeq_epi8(folded, _mm_set1_epi8('['))) << i;
        block.closes |= bits_of(_mm_cmpeq_epi8(folded, _mm_set1_epi8(']'))) << i;
    }
    return block;
}

/* A bit for every byte between a quote and the next one, the first of the two included. */
static uint64_t between(uint64_t quotes)
{
    for (unsigned shift = 1; shift < BLOCK; shift *= 2)
        quotes ^= quotes << shift;
    return quotes;
}

/* As skip_bytes, 64 bytes at a time; a block with a backslash is left to skip_bytes. */
static const char *skip_container(const char *at, const char *end)
{
    bool in_string = false;
    size_t depth = 0;

    while (end - at >= BLOCK) {
        struct block block = block_at(at);
        uint64_t strings = between(block.quotes) ^ (in_string ? ~UINT64_C(0) : 0);
        uint64_t brackets = (block.opens | block.closes) & ~strings;

        if (block.slashes) {
            const char *stop = at + BLOCK;

            /* The byte in front is no backslash: its block had none, or it is the quote. */
            if (in_string)
                at = skip_string(at - 1, end);
            in_string = false;
            at = skip_bytes(at, stop, end, &depth);
            if (depth == 0)
                return at;
            continue;
        }
        for (; brackets; brackets &= brackets - 1) {
            if (block.opens & brackets & (0 - brackets))
                depth++;
            else if (--depth == 0)
                return at + __builtin_ctzll(brackets) + 1;
        }
        in_string = strings >> (BLOCK - 1);
        at += BLOCK;
    }
    if (in_string)
        at = skip_string(at - 1, end);
    return skip_bytes(at, end, end, &depth);
}

#else

static const char *skip_container(const char *at, const char *end)
{
    size_t depth = 0;

    return skip_bytes(at, end, end, &depth);
}

#endif

static const char *skip_bare(const char *at, const char *end)
{
    while (at < end && *at != ',' && *at != ']' && *at != '}' && *at != ' ' && *at != '\n' &&
           *at != '\r' && *at != '\t')
        at++;
    return at;
}

static struct sy_json value_at(const char *at, const char *end)
{
    enum sy_json_type type = SY_JSON_NUMBER;
    const char *behind;

    switch (*at) {
    case '"':
        type = SY_JSON_STRING;
        behind = skip_string(at, end);
        break;
    case '{':
    case '[':
        type = *at == '{' ? SY_JSON_OBJECT : SY_JSON_ARRAY;
        behind = skip_container(at, end);
        break;
    default:
        if (*at == 't')
            type = SY_JSON_TRUE;
        else if (*at == 'f')
            type = SY_JSON_FALSE;
        else if (*at == 'n')
            type = SY_JSON_NULL;
        behind = skip_bare(at, end);
        break;
    }
    return (struct sy_json){.type = type, .raw = {at, (size_t)(behind - at)}};
}

struct sy_json_iter sy_json_iter(struct sy_json container)
{
    struct sy_json_iter iter = {.object = container.type == SY_JSON_OBJECT};

    if (container.type == SY_JSON_OBJECT || container.type == SY_JSON_ARRAY) {
        iter.at = container.raw.ptr + 1;
        iter.end = container.raw.ptr + container.raw.len - 1;
    }
    return iter;
}

bool sy_json_next(struct sy_json_iter *iter, struct sy_str *ret_name, struct sy_json *ret_value)
{
    const char *at = skip_space(iter->at, iter->end);
    struct sy_str name = {NULL, 0};

    if (at < iter->end && *at == ',')
        at = skip_space(at + 1, iter->end);
    if (at >= iter->end) {
        iter->at = iter->end;
        return false;
    }
    if (iter->object) {
        name.ptr = at;
        at = skip_string(at, iter->end);
        name.len = (size_t)(at - name.ptr);
        at = skip_space(at, iter->end);
        at = skip_space(at + 1, iter->end); /* behind the colon */
    }
    *ret_value = value_at(at, iter->end);
    if (ret_name)
        *ret_name = name;
    iter->at = at + ret_value->raw.len;
    return true;
}

struct sy_json sy_json_get(struct sy_json object, struct sy_str name)
{
    struct sy_json_iter iter = sy_json_iter(object);
    struct sy_json value;
    struct sy_str raw_name;

    if (object.type != SY_JSON_OBJECT)
        return (struct sy_json){.type = SY_JSON_NONE};
    while (sy_json_next(&iter, &raw_name, &value)) {
        if (sy_json_name_is(raw_name, name))
            return value;
    }
    return (struct sy_json){.type = SY_JSON_NONE};
}

struct sy_json sy_json_get_z(struct sy_json object, const char *name)
{
    return sy_json_get(object, sy_str_of(name));
}

struct sy_json sy_json_path(struct sy_json object, const char *dotted)
{
    struct sy_str rest = sy_str_of(dotted);
    struct sy_str part;

    while (sy_str_split(&rest, '.', &part))
        object = sy_json_get(object, part);
    return object;
}

size_t sy_json_count(struct sy_json container)
{
    struct sy_json_iter iter = sy_json_iter(container);
    struct sy_json value;
    size_t count = 0;

    while (sy_json_next(&iter, NULL, &value))
        count++;
    return count;
}

bool sy_json_i64(struct sy_json value, int64_t *ret_value)
{
    return value.type == SY_JSON_NUMBER && sy_str_to_i64(value.raw, ret_value);
}

bool sy_json_is_true(struct sy_json value)
{
    return value.type == SY_JSON_TRUE;
}

bool sy_json_is_nothing(struct sy_json value)
{
    return value.type == SY_JSON_NONE || value.type == SY_JSON_NULL;
}

static int compare_names(const void *a, const void *b)
{
    const struct sy_str *left = a;
    const struct sy_str *right = b;

    return sy_str_cmp(*left, *right);
}

/* Up to this many names are compared each with each: nearly every object that we decide on. */
#define FEW_NAMES 16u

static bool is_among(struct sy_str name, const struct sy_str *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sy_str_eq(name, names[i]))
            return true;
    return false;
}

/* Sorted and not hashed: the names come from outside, and sorting has no bad case to aim at. */
static bool many_have_duplicates(struct sy_json object, struct sy_arena *scratch)
{
    struct sy_json_iter iter = sy_json_iter(object);
    size_t count = sy_json_count(object);
    struct sy_json value;
    struct sy_str *names = sy_arena_array(scratch, count, sizeof(*names));

    if (!names)
        return true;
    for (size_t i = 0; i < count; i++) {
        struct sy_json name = {.type = SY_JSON_STRING};
        if (!sy_json_next(&iter, &name.raw, &value))
            return true;
        if (sy_json_string(name, scratch, /* refuse_nul= */ false, &names[i]) != SY_OK)
            return true;
    }
    qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 1; i < count; i++) {
        if (sy_str_eq(names[i - 1], names[i]))
            return true;
    }
    return false;
}

bool sy_json_has_duplicates(struct sy_json object, struct sy_arena *scratch)
{
    struct sy_json_iter iter = sy_json_iter(object);
    struct sy_json name = {.type = SY_JSON_STRING}, value;
    struct sy_str names[FEW_NAMES];
    size_t count = 0;

    if (object.type != SY_JSON_OBJECT)
        return false;
    while (sy_json_next(&iter, &name.raw, &value)) {
        if (count == FEW_NAMES)
            return many_have_duplicates(object, scratch);
        if (sy_json_string(name, scratch, /* refuse_nul= */ false, &names[count]) != SY_OK ||
            is_among(names[count], names, count))
            return true;
        count++;
    }
    return false;
}
