/*
 * New keys: an id and a secret of 256 random bits, shown once and kept as its hash.
 */
#ifndef SY_CONTRACT_KEY_H
#define SY_CONTRACT_KEY_H

#include "contract/registry.h"

/* Fills key->id and key->hash and gives the secret: "sy_live_" or "sy_test_" (development) and 43
 * characters of base64url. Both live in `arena`. */
int sy_key_generate(bool development, struct sy_arena *arena, struct sy_key *key,
                    struct sy_str *ret_secret);

#endif
