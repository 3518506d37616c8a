/* Who calls, and whether they may. */
#include "api/api_int.h"

#include <string.h>

#include "base/crypto.h"

static const struct sy_caller local_caller = {
    .tenant = SY_STR_INIT("default"),
    .key_id = SY_STR_INIT("key_local"),
    .environment = SY_STR_INIT("development"),
    .scopes = SY_SCOPE_CALL | SY_SCOPE_CONNECT | SY_SCOPE_REGISTRY | SY_SCOPE_ADMIN,
};

static bool is_local(const struct sy_api *api, const unsigned char hash[32])
{
    return api->has_local && sy_secret_eq(sy_str_from((const char *)api->local_hash, 32),
                                          sy_str_from((const char *)hash, 32));
}

static const struct sy_key *key_of(struct sy_api_loop *al, const unsigned char hash[32],
                                   bool *ret_local)
{
    *ret_local = is_local(al->api, hash);
    return *ret_local ? NULL : sy_snapshot_key(sy_engine_snapshot(al->engine), hash);
}

/*
 * The presented secret's key, or the local one (NULL with *ret_local), or none. Only the hash is
 * remembered: whether it is a key's, and which, the snapshot says anew each time.
 */
static const struct sy_key *find_key(struct sy_api_loop *al, struct sy_str token, bool *ret_local)
{
    unsigned char fingerprint[SY_FINGERPRINT_SIZE], hash[SY_SHA256_SIZE];
    struct api_token *known;
    const struct sy_key *key;

    sy_fingerprint(al->token_key, token, fingerprint);
    known = &al->tokens[fingerprint[0] % API_TOKENS_MAX];
    if (sy_secret_eq(sy_str_from((const char *)known->fingerprint, sizeof(fingerprint)),
                     sy_str_from((const char *)fingerprint, sizeof(fingerprint))))
        return key_of(al, known->hash, ret_local);
    sy_sha256(token, hash);
    key = key_of(al, hash, ret_local);
    /* Strangers' guesses take nobody's place. */
    if (key || *ret_local) {
        memcpy(known->fingerprint, fingerprint, sizeof(fingerprint));
        memcpy(known->hash, hash, sizeof(hash));
    }
    return key;
}

bool api_knows_key(struct sy_api_loop *al, const struct sy_http_head *head)
{
    struct sy_str token = api_bearer(head);
    bool local;

    return token.ptr && (find_key(al, token, &local) || local);
}

static bool find_caller(struct api_request *rq)
{
    struct sy_str token = api_bearer(rq->head);
    const struct sy_key *key;
    bool local;

    if (!token.ptr) {
        api_fail_code(rq, SY_CODE_UNAUTHORIZED, SY_CAUSE_KEY_MISSING, (struct sy_str){NULL, 0});
        return false;
    }
    key = find_key(rq->al, token, &local);
    if (local) {
        rq->caller = local_caller;
        return true;
    }
    if (!key || key->revoked_at_ms) {
        api_fail_code(rq, SY_CODE_UNAUTHORIZED, SY_CAUSE_KEY_UNKNOWN, (struct sy_str){NULL, 0});
        return false;
    }
    rq->caller = (struct sy_caller){.tenant = key->tenant,
                                    .key_id = key->id,
                                    .environment = key->environment,
                                    .scopes = key->scopes};
    return true;
}

static const char *scope_name(unsigned scope)
{
    switch (scope) {
    case SY_SCOPE_CALL:
        return "call";
    case SY_SCOPE_CONNECT:
        return "connect";
    case SY_SCOPE_REGISTRY:
        return "registry";
    default:
        return "admin";
    }
}

bool api_is_admin(const struct api_request *rq)
{
    return (rq->caller.scopes & SY_SCOPE_ADMIN) != 0;
}

bool api_authorize(struct api_request *rq)
{
    const struct sy_tenant *tenant;

    if (rq->route->scope == API_SCOPE_NONE || rq->route->scope == API_SCOPE_ADMIN_PORT)
        return true;
    if (!find_caller(rq))
        return false;
    tenant = sy_snapshot_tenant(sy_engine_snapshot(rq->al->engine), rq->caller.tenant);
    if (tenant && tenant->disabled) {
        api_fail_code(rq, SY_CODE_FORBIDDEN, SY_CAUSE_NONE, SY_STR("the key's tenant is disabled"));
        return false;
    }
    if ((rq->caller.scopes & rq->route->scope) || api_is_admin(rq))
        return true;
    api_fail_code(rq, SY_CODE_FORBIDDEN, SY_CAUSE_SCOPE,
                  sy_arena_printf(rq->arena, "this needs a key with the scope %s",
                                  scope_name(rq->route->scope)));
    return false;
}

bool api_keep_caller(struct api_request *rq)
{
    rq->caller.tenant = sy_arena_copy(rq->arena, rq->caller.tenant);
    rq->caller.key_id = sy_arena_copy(rq->arena, rq->caller.key_id);
    rq->caller.environment = sy_arena_copy(rq->arena, rq->caller.environment);
    return rq->caller.tenant.ptr && rq->caller.key_id.ptr;
}
