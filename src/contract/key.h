/*
 * New keys: an id and a secret of 256 random bits, shown once and kept as its hash.
 */
#ifndef SY_CONTRACT_KEY_H
#define SY_CONTRACT_KEY_H

#include "contract/registry.h"

/* Where a new key's texts live; wipe it once the secret has been shown. */
struct sy_key_texts {
    char id[32];
    char secret[64];
};

/*
 * Fills key->id (sorts by key->created_at_ms) and key->hash, and gives the secret: "sy_live_", or
 * "sy_test_" where key->environment is not production, and 43 characters of base64url. Both texts
 * live in `texts`.
 */
struct sy_str sy_key_generate(struct sy_key *key, struct sy_key_texts *texts);

#endif
