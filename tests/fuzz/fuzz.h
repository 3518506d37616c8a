/*
 * What every target shares: the entry point, a check that stops the run, and taking an input apart.
 *
 * An input of several texts separates them with the byte 0x1e, which stands in no JSON, YAML or
 * header, so that seeds stay readable and splicing two inputs gives a sensible third.
 */
#ifndef SY_TESTS_FUZZ_H
#define SY_TESTS_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define FUZZ_SEPARATOR '\x1e'

/* Always 0. The bytes are a block of their own size, so that a read past them is seen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(holds)                                                                          \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static inline struct sy_str fuzz_all(const uint8_t *data, size_t size)
{
    return sy_str_from(size ? (const char *)data : "", size);
}

/* The next byte, 0 at the end. */
static inline unsigned fuzz_byte(struct sy_str *rest)
{
    unsigned byte = rest->len ? (unsigned char)rest->ptr[0] : 0;

    *rest = sy_str_skip(*rest, 1);
    return byte;
}

/* The text up to the next separator; empty at the end. */
static inline struct sy_str fuzz_part(struct sy_str *rest)
{
    struct sy_str part = sy_str_from("", 0);

    if (rest->len)
        (void)sy_str_split(rest, FUZZ_SEPARATOR, &part);
    return part;
}

/* The same, absent when empty. */
static inline struct sy_str fuzz_optional(struct sy_str *rest)
{
    struct sy_str part = fuzz_part(rest);

    return part.len ? part : (struct sy_str){NULL, 0};
}

static inline bool fuzz_is_json(struct sy_str text, enum sy_json_type type)
{
    struct sy_json root;

    if (!text.ptr || sy_json_read(text, SY_JSON_DEPTH_MAX, &root, NULL))
        return false;
    return type == SY_JSON_NONE || root.type == type;
}

#endif
