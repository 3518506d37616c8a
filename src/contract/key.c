#include "contract/key.h"

#include "base/crypto.h"
#include "base/encode.h"

#define KEY_BYTES 32
#define KEY_ID_BYTES 9

int sy_key_generate(bool development, struct sy_arena *arena, struct sy_key *key,
                    struct sy_str *ret_secret)
{
    unsigned char random[KEY_BYTES];
    unsigned char id[KEY_ID_BYTES];
    struct sy_buf secret, name;

    sy_random(random, sizeof(random));
    sy_random(id, sizeof(id));
    sy_buf_init_arena(&secret, arena, 64);
    sy_buf_append_z(&secret, development ? "sy_test_" : "sy_live_");
    sy_base64url(&secret, sy_str_from((const char *)random, sizeof(random)));
    sy_wipe(random, sizeof(random));
    sy_buf_init_arena(&name, arena, 32);
    sy_buf_append_z(&name, "key_");
    sy_hex(&name, sy_str_from((const char *)id, sizeof(id)));
    if (!sy_buf_ok(&secret) || !sy_buf_ok(&name))
        return SY_NOMEM;
    key->id = sy_buf_str(&name);
    *ret_secret = sy_buf_str(&secret);
    sy_sha256(*ret_secret, key->hash);
    return SY_OK;
}
