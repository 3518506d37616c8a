/*
 * Hashes, HMAC, random and comparison in constant time; libsodium lives behind this one file.
 */
#ifndef SY_BASE_CRYPTO_H
#define SY_BASE_CRYPTO_H

#include "base/str.h"

#define SY_SHA256_SIZE 32

/* Must succeed once, before any thread starts; SY_ERR otherwise. */
int sy_crypto_init(void);
void sy_random(void *out, size_t size);
void sy_sha256(struct sy_str data, unsigned char out[SY_SHA256_SIZE]);
/* HMAC-SHA256 over the concatenation of `parts`. Any key length. */
void sy_hmac_sha256(struct sy_str key, const struct sy_str *parts, size_t count,
                    unsigned char out[SY_SHA256_SIZE]);
#define SY_FINGERPRINT_SIZE 16
#define SY_FINGERPRINT_KEY_SIZE 16
/* SipHash-2-4 with 128 bits: who does not know the key can neither foresee a fingerprint nor find
 * two texts with the same one. For tables in memory; nothing that is kept. */
void sy_fingerprint(const unsigned char key[SY_FINGERPRINT_KEY_SIZE], struct sy_str data,
                    unsigned char out[SY_FINGERPRINT_SIZE]);
/* Constant time in the content; lengths are not secret. */
bool sy_secret_eq(struct sy_str a, struct sy_str b);
/* Overwrites in a way the compiler keeps. */
void sy_wipe(void *ptr, size_t size);

#endif
