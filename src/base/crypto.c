/* The one file that knows libsodium. */
#include "base/crypto.h"

#include "base/err.h"

#include <sodium.h>

_Static_assert(crypto_hash_sha256_BYTES == SY_SHA256_SIZE, "SHA-256 is 32 bytes");
_Static_assert(crypto_shorthash_siphashx24_BYTES == SY_FINGERPRINT_SIZE, "16 bytes");
_Static_assert(crypto_shorthash_siphashx24_KEYBYTES == SY_FINGERPRINT_KEY_SIZE, "16 bytes");
_Static_assert(crypto_auth_hmacsha256_BYTES == SY_SHA256_SIZE, "HMAC-SHA256 is 32 bytes");

static const unsigned char *bytes_of(struct sy_str s)
{
    return (const unsigned char *)(s.ptr ? s.ptr : "");
}

int sy_crypto_init(void)
{
    return sodium_init() < 0 ? SY_ERR : SY_OK;
}

void sy_random(void *out, size_t size)
{
    randombytes_buf(out, size);
}

void sy_sha256(struct sy_str data, unsigned char out[SY_SHA256_SIZE])
{
    crypto_hash_sha256(out, bytes_of(data), data.len);
}

void sy_hmac_sha256(struct sy_str key, const struct sy_str *parts, size_t count,
                    unsigned char out[SY_SHA256_SIZE])
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, bytes_of(key), key.len);
    for (size_t i = 0; i < count; i++)
        crypto_auth_hmacsha256_update(&state, bytes_of(parts[i]), parts[i].len);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof(state));
}

void sy_fingerprint(const unsigned char key[SY_FINGERPRINT_KEY_SIZE], struct sy_str data,
                    unsigned char out[SY_FINGERPRINT_SIZE])
{
    crypto_shorthash_siphashx24(out, bytes_of(data), data.len, key);
}

bool sy_secret_eq(struct sy_str a, struct sy_str b)
{
    return a.len == b.len && sodium_memcmp(bytes_of(a), bytes_of(b), a.len) == 0;
}

void sy_wipe(void *ptr, size_t size)
{
    if (ptr && size)
        sodium_memzero(ptr, size);
}
