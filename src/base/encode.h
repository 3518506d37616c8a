/*
 * Text encodings: hex, base64, percent. All append to a buffer; decoders refuse what is malformed.
 */
#ifndef SY_BASE_ENCODE_H
#define SY_BASE_ENCODE_H

#include "base/buf.h"

void sy_hex(struct sy_buf *out, struct sy_str bytes);
bool sy_unhex(struct sy_str hex, unsigned char *out, size_t size); /* exactly size bytes */
/* RFC 4648: standard with padding / URL alphabet without. */
void sy_base64(struct sy_buf *out, struct sy_str bytes);
void sy_base64url(struct sy_buf *out, struct sy_str bytes);
/* Accepts both alphabets, padding optional; false on anything else. */
bool sy_unbase64(struct sy_buf *out, struct sy_str text);
/* Percent-encodes all but unreserved characters (RFC 3986 §2.3): right for one path segment or one
 * query name or value. */
void sy_percent(struct sy_buf *out, struct sy_str text);
/* Decodes %XX; '+' becomes a space when `form`. False on a broken escape. */
bool sy_unpercent(struct sy_buf *out, struct sy_str text, bool form);
/* Crockford base32 of a 48-bit time and 80 random bits: 26 characters that sort by time (ULID). */
void sy_ulid(int64_t unix_ms, const unsigned char random[10], char out[26]);
/* The time inside a ULID; false if it is none. */
bool sy_ulid_time(struct sy_str text, int64_t *ret_unix_ms);
/* CRC-32C (Castagnoli), for journal records; goes on from a seed. */
uint32_t sy_crc32c(uint32_t seed, struct sy_str bytes);
/* The same for processors without an instruction for it, eight times slower. */
uint32_t sy_crc32c_by_table(uint32_t seed, struct sy_str bytes);

#endif
