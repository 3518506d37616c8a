/*
 * Borrowed text: a pointer and a length.
 *
 * A struct sy_str never owns its bytes; whoever hands one out says how long they live. It is not
 * NUL-terminated, may hold any byte, and passes by value. An absent string is {NULL, 0}; an empty
 * one has a pointer and length 0.
 */
#ifndef SY_BASE_STR_H
#define SY_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sy_str {
    const char *ptr;
    size_t len;
};

/* A slice of a string literal. */
#define SY_STR(literal) ((struct sy_str){(literal), sizeof(literal) - 1})
/* The same as a constant initialiser for static tables. */
#define SY_STR_INIT(literal)                                                                       \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
/* "%.*s" arguments. Only for text that is known to be short. */
#define SY_FMT(s) (int)(s).len, (s).ptr ? (s).ptr : ""
#define SY_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Borrows a C string; NULL gives the absent string. Inline, as the next two: of a literal the
 * length is known where it stands, and texts of different lengths are not looked at. */
static inline __attribute__((always_inline)) struct sy_str sy_str_of(const char *z)
{
    return (struct sy_str){z, z ? strlen(z) : 0};
}

static inline struct sy_str sy_str_from(const char *ptr, size_t len)
{
    return (struct sy_str){ptr, len};
}

static inline bool sy_str_eq(struct sy_str a, struct sy_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Equal but for ASCII case. */
bool sy_str_eq_nocase(struct sy_str a, struct sy_str b);
/* Byte order; a prefix sorts first. Negative, 0 or positive. */
int sy_str_cmp(struct sy_str a, struct sy_str b);
bool sy_str_starts(struct sy_str s, struct sy_str prefix);
bool sy_str_ends(struct sy_str s, struct sy_str suffix);
/* Offset of the first occurrence, or (size_t)-1. */
size_t sy_str_find(struct sy_str s, struct sy_str needle);
size_t sy_str_find_nocase(struct sy_str s, struct sy_str needle);
size_t sy_str_find_char(struct sy_str s, char c);
/* The part from `from` on; past the end gives an empty slice. */
struct sy_str sy_str_skip(struct sy_str s, size_t from);
struct sy_str sy_str_head(struct sy_str s, size_t len);
/* Without leading and trailing spaces and tabs. */
struct sy_str sy_str_trim(struct sy_str s);
/* Takes the text before the first `sep` off `*rest` into *ret_part; false once *rest is used up.
 * Used up is absent, so "a," gives "a" and "", and an empty text gives one empty part. */
bool sy_str_split(struct sy_str *rest, char sep, struct sy_str *ret_part);
/* Decimal digits only, no sign, no spaces; false on overflow or anything else. */
bool sy_str_to_u64(struct sy_str s, uint64_t *ret_value);
/* As above with an optional leading '-'. */
bool sy_str_to_i64(struct sy_str s, int64_t *ret_value);
/* Valid UTF-8 by Unicode 15 table 3-7: no overlong forms, surrogates or values above U+10FFFF. */
bool sy_str_is_utf8(struct sy_str s);
/* True if a byte below 0x20 or 0x7f occurs (what must never reach a header or a URL). */
bool sy_str_has_control(struct sy_str s);
/* Shell-style glob with * and ? over bytes, no brackets; linear time in practice, no recursion. */
bool sy_str_glob(struct sy_str pattern, struct sy_str text);
/* Optimal-string-alignment distance, or limit + 1 once it is known to exceed `limit` (<= 8). */
unsigned sy_str_distance(struct sy_str a, struct sy_str b, unsigned limit);
/* 64-bit FNV-1a over the bytes; not for secrets or untrusted table keys. */
uint64_t sy_str_hash(struct sy_str s);

#endif
