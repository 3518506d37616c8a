/*
 * Users' connections: the ACCOUNTS and LINK facts, and failing with a connect link in hand.
 */
#ifndef SY_VENDORS_COMMON_CONNECT_H
#define SY_VENDORS_COMMON_CONNECT_H

#include "vendors/common/turn.h"

enum sy_account_state {
    SY_ACCOUNT_ACTIVE,
    SY_ACCOUNT_PENDING,
    SY_ACCOUNT_EXPIRED,
    SY_ACCOUNT_REVOKED,
    SY_ACCOUNT_ERROR,
    SY_ACCOUNT_STATE_COUNT
};

struct sy_account {
    struct sy_str id;
    struct sy_str user;
    enum sy_account_state state;
    struct sy_str vendor_status;
    struct sy_str scopes; /* JSON array, or absent */
};

#define SY_ACCOUNTS_TTL_MS INT64_C(60000)
#define SY_LINK_MARGIN_MS INT64_C(60000)

/* Writing the ACCOUNTS fact. Accounts of another user are dropped here, whatever was sent. */
struct sy_accounts {
    const struct sy_turn *turn;
    struct sy_buf out;
    struct sy_json_writer json;
    size_t count;
};
void sy_accounts_begin(struct sy_accounts *a, const struct sy_turn *t);
void sy_accounts_add(struct sy_accounts *a, const struct sy_account *account);
/* DONE; "none" is not to be kept. */
enum sy_step sy_accounts_done(struct sy_accounts *a);

/* Reading it: the account `id`; with an absent id the first ACTIVE one, else the first at all. */
bool sy_account_pick(const struct sy_turn *t, struct sy_str accounts, struct sy_str id,
                     struct sy_account *ret_account);
/* connection_pending, _expired, _revoked, _error for a state that is not ACTIVE; an ACTIVE account
 * that the vendor would not use is a connection_error. Names the account as connection_id. */
void sy_account_failure(const struct sy_turn *t, const struct sy_account *account,
                        struct sy_failure *ret_failure);

/* DONE with the LINK fact. expires_at_ms 0: `default_ttl_ms` holds. */
enum sy_step sy_link_done(const struct sy_turn *t, struct sy_str url, int64_t expires_at_ms,
                          int64_t default_ttl_ms, struct sy_str account);

/* An operation that is about to fail and fetches a connect link first; part of its state. */
struct sy_connect {
    bool linking;
    struct sy_str key;
    struct sy_failure failure;
};
/* Fails with the link, getting it by NEED if it is not in hand. */
enum sy_step sy_connect_fail(struct sy_connect *c, const struct sy_turn *t,
                             const struct sy_failure *failure, struct sy_str link_key);
/* After the NEED. Where no link can be made because we are not set up at the vendor, that is the
 * answer instead: no user can cure it. */
enum sy_step sy_connect_resume(struct sy_connect *c, const struct sy_turn *t);

#endif
