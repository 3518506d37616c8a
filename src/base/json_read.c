/*
 * The validator. One pass, no recursion: which kind of container each open level is takes one bit.
 * Strings are most of any payload, so runs of plain ASCII are taken sixteen bytes at a time.
 */
#include "base/json.h"

#include "base/utf8.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* More members than this are not listed: nearly every object that we decide on has fewer. */
#define LISTED_MAX 16u

struct reader {
    const unsigned char *end;
    const char *why;               /* set once something is wrong at `at` */
    const unsigned char *at;       /* where that is */
    struct sy_json_member *listed; /* of the root, up to LISTED_MAX; NULL: nobody asks */
    unsigned members;              /* of the root so far */
    bool escaped;                  /* one of their names has a backslash */
    unsigned depth;
    unsigned max_depth;
    uint64_t is_object[SY_JSON_DEPTH_MAX / 64];
};

/* Each reading function takes where it begins and gives where it ended, or NULL after this. */
static const unsigned char *refuse(struct reader *r, const unsigned char *at, const char *why)
{
    r->at = at;
    r->why = at == r->end ? "text ends too early" : why;
    return NULL;
}

static inline const unsigned char *skip_space(const unsigned char *at, const unsigned char *end)
{
    while (at < end && *at <= ' ' && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

static bool is_digit(const unsigned char *at, const unsigned char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

/* Steps over bytes that mean nothing in a string: ASCII but controls, quote and backslash. */
static inline const unsigned char *skip_plain(const unsigned char *at, const unsigned char *end)
{
#ifdef __SSE2__
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        /* As signed numbers, bytes from 0x80 on are below 0x20, too. */
        __m128i special = _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)),
                                       _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                                    _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
        unsigned mask = (unsigned)_mm_movemask_epi8(special);

        if (mask)
            return at + __builtin_ctz(mask);
        at += 16;
    }
#endif
    while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

static bool is_hex(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_escape(unsigned char c)
{
    static const bool known[256] = {
        ['"'] = true, ['\\'] = true, ['/'] = true, ['b'] = true, ['f'] = true,
        ['n'] = true, ['r'] = true,  ['t'] = true, ['u'] = true,
    };

    return known[c];
}

/* `at` is on the backslash. */
static const unsigned char *read_escape(struct reader *r, const unsigned char *at)
{
    at++;
    if (at == r->end || !is_escape(*at))
        return refuse(r, at, "unknown escape in string");
    if (*at++ != 'u')
        return at;
    for (int i = 0; i < 4; i++, at++) {
        if (at == r->end || !is_hex(*at))
            return refuse(r, at, "bad \\u escape in string");
    }
    return at;
}

static const unsigned char *read_utf8(struct reader *r, const unsigned char *at)
{
    size_t bad = 0;
    size_t step = sy_utf8_step(at, r->end, &bad);

    return step ? at + step : refuse(r, at + bad, "invalid UTF-8 in string");
}

/* What follows the first byte that is not plain. */
static const unsigned char *read_string_slow(struct reader *r, const unsigned char *at)
{
    while (at) {
        at = skip_plain(at, r->end);
        if (at == r->end)
            return refuse(r, at, "");
        if (*at == '"')
            return at + 1;
        if (*at == '\\')
            at = read_escape(r, at);
        else if (*at < 0x20)
            return refuse(r, at, "control byte in string");
        else
            at = read_utf8(r, at);
    }
    return NULL;
}

/* `at` is on the opening quote. */
static inline const unsigned char *read_string(struct reader *r, const unsigned char *at)
{
    at = skip_plain(at + 1, r->end);
    return at < r->end && *at == '"' ? at + 1 : read_string_slow(r, at);
}

static const unsigned char *read_digits(struct reader *r, const unsigned char *at)
{
    if (!is_digit(at, r->end))
        return refuse(r, at, "digit expected in number");
    while (is_digit(at, r->end))
        at++;
    return at;
}

static const unsigned char *read_number(struct reader *r, const unsigned char *at)
{
    const unsigned char *end = r->end;

    if (*at == '-')
        at++;
    if (at < end && *at == '0')
        at++;
    else
        at = read_digits(r, at);
    if (at && at < end && *at == '.')
        at = read_digits(r, at + 1);
    if (at && at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        at = read_digits(r, at);
    }
    return at;
}

static const unsigned char *read_literal(struct reader *r, const unsigned char *at,
                                         const char *word)
{
    for (; *word; word++, at++) {
        if (at == r->end || *at != (unsigned char)*word)
            return refuse(r, at, "unknown literal");
    }
    return at;
}

/* Any value but a container; `at` may be the end. */
static inline const unsigned char *read_scalar(struct reader *r, const unsigned char *at)
{
    if (at == r->end)
        return refuse(r, at, "");
    switch (*at) {
    case '"':
        return read_string(r, at);
    case 't':
        return read_literal(r, at, "true");
    case 'f':
        return read_literal(r, at, "false");
    case 'n':
        return read_literal(r, at, "null");
    default:
        if (*at == '-' || is_digit(at, r->end))
            return read_number(r, at);
        return refuse(r, at, "value expected");
    }
}

static bool in_object(const struct reader *r)
{
    unsigned level = r->depth - 1;
    return r->is_object[level / 64] >> (level % 64) & 1;
}

static void open_container(struct reader *r, bool object)
{
    unsigned level = r->depth++;

    r->is_object[level / 64] &= ~(UINT64_C(1) << (level % 64));
    r->is_object[level / 64] |= (uint64_t)object << (level % 64);
}

/* A member of the root: its name from `at` to `name_end`, its value from `value` on. */
static void list_member(struct reader *r, const unsigned char *at, const unsigned char *name_end,
                        const unsigned char *value)
{
    if (r->members < LISTED_MAX) {
        struct sy_json_member *member = &r->listed[r->members];

        member->name = sy_str_from((const char *)at, (size_t)(name_end - at));
        member->raw.ptr = (const char *)value;
        r->escaped = r->escaped || memchr(at, '\\', member->name.len);
    }
    r->members++;
}

/* Name and colon, up to where the value starts. */
static inline __attribute__((always_inline)) const unsigned char *read_name(struct reader *r,
                                                                            const unsigned char *at)
{
    const unsigned char *name = at, *name_end;

    if (at == r->end || *at != '"')
        return refuse(r, at, "member name expected");
    name_end = read_string(r, at);
    if (!name_end)
        return NULL;
    at = skip_space(name_end, r->end);
    if (at == r->end || *at != ':')
        return refuse(r, at, "colon expected after member name");
    at = skip_space(at + 1, r->end);
    if (r->depth == 1 && r->listed)
        list_member(r, name, name_end, at);
    return at;
}

/* Eats every "[" and "{" (with the name of its first member) in front of a scalar, then that. An
 * empty container takes the place of the scalar. */
static inline __attribute__((always_inline)) const unsigned char *read_down(struct reader *r,
                                                                            const unsigned char *at)
{
    while (at < r->end && (*at | 0x20) == '{') {
        bool object = *at == '{';

        if (r->depth >= r->max_depth)
            return refuse(r, at, "nested too deep");
        open_container(r, object);
        at = skip_space(at + 1, r->end);
        if (at < r->end && *at == (object ? '}' : ']')) {
            r->depth--;
            return at + 1;
        }
        if (object && !(at = read_name(r, at)))
            return NULL;
    }
    return read_scalar(r, at);
}

/* After a value: eats closing brackets, then a comma with what must follow it. Depth 0: the root is
 * closed. */
static inline __attribute__((always_inline)) const unsigned char *read_up(struct reader *r,
                                                                          const unsigned char *at)
{
    while (r->depth) {
        bool object = in_object(r);

        if (r->depth == 1 && r->members && r->members <= LISTED_MAX) {
            struct sy_str *raw = &r->listed[r->members - 1].raw;
            raw->len = (size_t)((const char *)at - raw->ptr);
        }
        at = skip_space(at, r->end);
        if (at < r->end && *at == ',') {
            at = skip_space(at + 1, r->end);
            return object ? read_name(r, at) : at;
        }
        if (at == r->end || *at != (object ? '}' : ']'))
            return refuse(r, at, object ? "comma or } expected" : "comma or ] expected");
        at++;
        r->depth--;
    }
    return at;
}

/* From the first byte of the root to behind its last. */
static const unsigned char *read_root(struct reader *r, const unsigned char *at)
{
    const unsigned char *behind;

    do {
        at = read_down(r, at);
        if (at)
            at = read_up(r, at);
    } while (at && r->depth);
    if (!at)
        return NULL;
    behind = skip_space(at, r->end);
    return behind == r->end ? at : refuse(r, behind, "bytes after the value");
}

/* The list outlives the reader in `arena`; without room for it there is none, which only costs
 * time. */
static const struct sy_json_members *keep_members(const struct reader *r, struct sy_arena *arena)
{
    size_t size = r->members * sizeof(struct sy_json_member);
    struct sy_json_members *kept;

    if (r->members > LISTED_MAX || arena->max - arena->used < sizeof(*kept) + size + 16)
        return NULL;
    kept = sy_arena_alloc(arena, sizeof(*kept) + size);
    if (!kept)
        return NULL;
    kept->count = r->members;
    kept->escaped = r->escaped;
    memcpy(kept->items, r->listed, size);
    return kept;
}

static int read_text(struct sy_str text, unsigned max_depth, struct sy_arena *arena,
                     struct sy_json_member *listed, struct sy_json *ret_root,
                     struct sy_json_fault *ret_fault)
{
    const unsigned char *start = (const unsigned char *)(text.ptr ? text.ptr : "");
    const unsigned char *value, *behind;
    struct reader r;

    r.end = start + text.len;
    r.listed = listed;
    r.members = 0;
    r.escaped = false;
    r.depth = 0;
    r.max_depth = max_depth < SY_JSON_DEPTH_MAX ? max_depth : SY_JSON_DEPTH_MAX;
    value = skip_space(start, r.end);
    behind = read_root(&r, value);
    if (!behind) {
        if (ret_fault)
            *ret_fault = (struct sy_json_fault){(size_t)(r.at - start), r.why};
        return SY_INVALID;
    }
    *ret_root = sy_json_of(sy_str_from((const char *)value, (size_t)(behind - value)));
    if (listed && ret_root->type == SY_JSON_OBJECT)
        ret_root->members = keep_members(&r, arena);
    return SY_OK;
}

int sy_json_read(struct sy_str text, unsigned max_depth, struct sy_json *ret_root,
                 struct sy_json_fault *ret_fault)
{
    return read_text(text, max_depth, NULL, NULL, ret_root, ret_fault);
}

int sy_json_read_listed(struct sy_str text, unsigned max_depth, struct sy_arena *arena,
                        struct sy_json *ret_root, struct sy_json_fault *ret_fault)
{
    struct sy_json_member listed[LISTED_MAX];

    return read_text(text, max_depth, arena, listed, ret_root, ret_fault);
}
