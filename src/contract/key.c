#include "contract/key.h"

#include <string.h>

#include "base/crypto.h"
#include "base/encode.h"

#define KEY_BYTES 32
#define KEY_ID_LEN (4 + 26)

struct sy_str sy_key_generate(struct sy_key *key, struct sy_key_texts *texts)
{
    bool live = sy_str_eq(key->environment, SY_STR("production"));
    struct sy_buf secret = {
        .ptr = texts->secret, .cap = sizeof(texts->secret), .max = sizeof(texts->secret)};
    unsigned char random[KEY_BYTES];

    memcpy(texts->id, "key_", 4);
    sy_random(random, 10);
    sy_ulid(key->created_at_ms, random, texts->id + 4);
    key->id = sy_str_from(texts->id, KEY_ID_LEN);
    sy_random(random, sizeof(random));
    sy_buf_append_z(&secret, live ? "sy_live_" : "sy_test_");
    sy_base64url(&secret, sy_str_from((const char *)random, sizeof(random)));
    sy_wipe(random, sizeof(random));
    sy_sha256(sy_buf_str(&secret), key->hash);
    return sy_buf_str(&secret);
}
