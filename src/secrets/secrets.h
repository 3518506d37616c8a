/*
 * Resolves references of the configuration to secret values: env:, file:, infisical:, literal:.
 *
 * Read at start, blocking, before the loops run, and again by sy_secrets_renew. The values are
 * wiped on release and have no print path.
 */
#ifndef SY_SECRETS_SECRETS_H
#define SY_SECRETS_SECRETS_H

#include "config/settings.h"

struct sy_secrets;

enum sy_secret_state {
    SY_SECRET_READY,
    SY_SECRET_ABSENT,      /* env: not set: the vendor is absent */
    SY_SECRET_UNAVAILABLE, /* file unreadable, Infisical down: the vendor is unavailable, retried */
};

struct sy_secret_value {
    enum sy_secret_state state;
    struct sy_str value; /* lives as long as the secrets */
    struct sy_str why;   /* for people, when not READY; never the secret */
};

/* What fetches an Infisical secret, so that this folder needs no transport of its own: a blocking
 * GET/POST of JSON. status 0 = network failure. Implemented over net/ by the caller. */
struct sy_secret_fetch {
    int (*post_json)(void *self, struct sy_str url, struct sy_str body, struct sy_arena *arena,
                     int *ret_status, struct sy_str *ret_body);
    int (*get_json)(void *self, struct sy_str url, struct sy_str bearer, struct sy_arena *arena,
                    int *ret_status, struct sy_str *ret_body);
    void *self;
};

int sy_secrets_create(const struct sy_settings *settings, const struct sy_secret_fetch *fetch,
                      struct sy_secrets **ret, struct sy_err *err);
void sy_secrets_free(struct sy_secrets *secrets);
/* Resolves one reference; cached. */
struct sy_secret_value sy_secrets_get(struct sy_secrets *secrets, const struct sy_ref *ref);
/* A secret declared under secrets.named; ABSENT if not declared. */
struct sy_secret_value sy_secrets_named(struct sy_secrets *secrets, struct sy_str name);
/* Tries the unavailable ones again; true if any became ready. Blocking: not on a loop. */
bool sy_secrets_retry(struct sy_secrets *secrets);
/* Reads every secret again, for credentials that were changed where they are kept. One that cannot
 * be read now stays as it was; the value before stays in memory until sy_secrets_free, for whoever
 * still holds it. Blocking: not on a loop. */
void sy_secrets_renew(struct sy_secrets *secrets);

#endif
