/*
 * One well-formed UTF-8 sequence at a time, by Unicode 15 table 3-7. Inside base only.
 */
#ifndef SY_BASE_UTF8_H
#define SY_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Length (1 to 4) of the sequence that starts at `at`, or 0 if none does. Then *ret_bad is the
 * offset from `at` of the first byte that cannot be right; it is end - at when the text stops
 * inside a sequence. `at` must be below `end`.
 */
size_t sy_utf8_step(const unsigned char *at, const unsigned char *end, size_t *ret_bad);
/* Writes the sequence for a scalar value (not a surrogate, at most 0x10ffff); returns its length.
 */
size_t sy_utf8_put(uint32_t value, char out[4]);

#endif
