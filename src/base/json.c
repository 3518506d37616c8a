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

/* Most names and many values end within this many bytes: a block would cost more than a look. */
#define SHORT_STRING 8

/* From inside a string to its closing quote; each byte once, an escape and the byte behind it
 * together. */
static const char *find_quote(const char *at, const char *end)
{
    for (;;) {
#ifdef __SSE2__
        while (end - at >= 16) {
            __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
            __m128i special = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                           _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
            unsigned mask = (unsigned)_mm_movemask_epi8(special);

            if (mask) {
                at += __builtin_ctz(mask);
                break;
            }
            at += 16;
        }
#endif
        while (at < end && *at != '"' && *at != '\\')
            at++;
        if (at >= end || *at == '"')
            return at;
        at += 2;
    }
}

/* From the opening quote to behind the closing one. */
static const char *skip_string(const char *at, const char *end)
{
    const char *quote = at + 1;
    const char *near = end - quote > SHORT_STRING ? quote + SHORT_STRING : end;

    while (quote < near && *quote != '"' && *quote != '\\')
        quote++;
    if (quote >= near || *quote != '"')
        quote = find_quote(quote, end);
    return quote < end ? quote + 1 : end;
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

static enum sy_json_type type_of(char first)
{
    switch (first) {
    case '{':
        return SY_JSON_OBJECT;
    case '[':
        return SY_JSON_ARRAY;
    case '"':
        return SY_JSON_STRING;
    case 't':
        return SY_JSON_TRUE;
    case 'f':
        return SY_JSON_FALSE;
    case 'n':
        return SY_JSON_NULL;
    default:
        return SY_JSON_NUMBER;
    }
}

struct sy_json sy_json_of(struct sy_str raw)
{
    return (struct sy_json){.type = type_of(*raw.ptr), .raw = raw};
}

static struct sy_json value_at(const char *at, const char *end)
{
    enum sy_json_type type = type_of(*at);
    const char *behind;

    if (type == SY_JSON_STRING)
        behind = skip_string(at, end);
    else if (type == SY_JSON_OBJECT || type == SY_JSON_ARRAY)
        behind = skip_container(at, end);
    else
        behind = skip_bare(at, end);
    return (struct sy_json){.type = type, .raw = {at, (size_t)(behind - at)}};
}

struct sy_json_iter sy_json_iter(struct sy_json container)
{
    struct sy_json_iter iter = {.object = container.type == SY_JSON_OBJECT};

    if (container.members) {
        iter.member = container.members->items;
        iter.members_end = iter.member + container.members->count;
    } else if (container.type == SY_JSON_OBJECT || container.type == SY_JSON_ARRAY) {
        iter.at = container.raw.ptr + 1;
        iter.end = container.raw.ptr + container.raw.len - 1;
    }
    return iter;
}

static bool next_listed(struct sy_json_iter *iter, struct sy_str *ret_name,
                        struct sy_json *ret_value)
{
    if (iter->member == iter->members_end)
        return false;
    *ret_value = sy_json_of(iter->member->raw);
    if (ret_name)
        *ret_name = iter->member->name;
    iter->member++;
    return true;
}

static bool next_walked(struct sy_json_iter *iter, struct sy_str *ret_name,
                        struct sy_json *ret_value)
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

bool sy_json_next(struct sy_json_iter *iter, struct sy_str *ret_name, struct sy_json *ret_value)
{
    if (iter->member)
        return next_listed(iter, ret_name, ret_value);
    return next_walked(iter, ret_name, ret_value);
}

static struct sy_json get_listed(const struct sy_json_members *members, struct sy_str name)
{
    for (unsigned i = 0; i < members->count; i++) {
        const struct sy_json_member *member = &members->items[i];

        if (members->escaped ? sy_json_name_is(member->name, name)
                             : member->name.len == name.len + 2 &&
                                   memcmp(member->name.ptr + 1, name.ptr, name.len) == 0)
            return sy_json_of(member->raw);
    }
    return (struct sy_json){.type = SY_JSON_NONE};
}

struct sy_json sy_json_get(struct sy_json object, struct sy_str name)
{
    struct sy_json_iter iter = sy_json_iter(object);
    struct sy_json value;
    struct sy_str raw_name;

    if (object.type != SY_JSON_OBJECT)
        return (struct sy_json){.type = SY_JSON_NONE};
    if (object.members)
        return get_listed(object.members, name);
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

    if (container.members)
        return container.members->count;
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

static bool listed_have_duplicates(const struct sy_json_members *members)
{
    for (unsigned i = 1; i < members->count; i++)
        for (unsigned j = 0; j < i; j++)
            if (sy_str_eq(members->items[i].name, members->items[j].name))
                return true;
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
    if (object.members && !object.members->escaped)
        return listed_have_duplicates(object.members);
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
