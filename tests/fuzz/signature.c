/*
 * A key and a message in up to four parts: our signature is OpenSSL's over the parts joined, however
 * they are cut, and another key or message has another.
 */
#include "fuzz.h"

#include <openssl/hmac.h>

#include "base/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str rest = fuzz_all(data, size), key = fuzz_part(&rest), whole = rest;
    unsigned char ours[SY_SHA256_SIZE], joined[SY_SHA256_SIZE], theirs[EVP_MAX_MD_SIZE];
    struct sy_str parts[4];
    unsigned len = 0;

    FUZZ_CHECK(sy_crypto_init() == SY_OK);
    for (size_t i = 0; i < 4; i++) {
        size_t cut = i < 3 ? rest.len / (4 - i) : rest.len;

        parts[i] = sy_str_head(rest, cut);
        rest = sy_str_skip(rest, cut);
    }
    sy_hmac_sha256(key, parts, 4, ours);
    sy_hmac_sha256(key, &whole, 1, joined);
    FUZZ_CHECK(memcmp(ours, joined, sizeof(ours)) == 0);
    FUZZ_CHECK(HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)whole.ptr,
                    whole.len, theirs, &len));
    FUZZ_CHECK(len == sizeof(ours) && memcmp(ours, theirs, len) == 0);
    if (whole.len) {
        struct sy_str less = sy_str_head(whole, whole.len - 1);

        sy_hmac_sha256(key, &less, 1, joined);
        FUZZ_CHECK(memcmp(ours, joined, sizeof(ours)) != 0);
    }
    return 0;
}
