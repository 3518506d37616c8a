#include "vendors/common/connect.h"

#define ACCOUNTS_MAX ((size_t)64 << 10)
#define DAY_MS INT64_C(86400000)

static const char *const state_names[SY_ACCOUNT_STATE_COUNT] = {
    [SY_ACCOUNT_ACTIVE] = "ACTIVE",   [SY_ACCOUNT_PENDING] = "PENDING",
    [SY_ACCOUNT_EXPIRED] = "EXPIRED", [SY_ACCOUNT_REVOKED] = "REVOKED",
    [SY_ACCOUNT_ERROR] = "ERROR",
};

static const enum sy_code state_codes[SY_ACCOUNT_STATE_COUNT] = {
    [SY_ACCOUNT_ACTIVE] = SY_CODE_CONNECTION_ERROR,
    [SY_ACCOUNT_PENDING] = SY_CODE_CONNECTION_PENDING,
    [SY_ACCOUNT_EXPIRED] = SY_CODE_CONNECTION_EXPIRED,
    [SY_ACCOUNT_REVOKED] = SY_CODE_CONNECTION_REVOKED,
    [SY_ACCOUNT_ERROR] = SY_CODE_CONNECTION_ERROR,
};

void sy_accounts_begin(struct sy_accounts *a, const struct sy_turn *t)
{
    *a = (struct sy_accounts){.turn = t};
    sy_buf_init_arena(&a->out, t->facts->mem, ACCOUNTS_MAX);
    sy_jw_init(&a->json, &a->out);
    sy_jw_array(&a->json);
}

void sy_accounts_add(struct sy_accounts *a, const struct sy_account *account)
{
    if (!account->id.len || !sy_str_eq(account->user, a->turn->facts->subject))
        return;
    sy_jw_object(&a->json);
    sy_jw_member_str(&a->json, "id", account->id);
    sy_jw_member_str(&a->json, "user", account->user);
    sy_jw_member_z(&a->json, "status", state_names[account->state]);
    sy_jw_opt_str(&a->json, "vendor_status", account->vendor_status);
    if (account->scopes.ptr)
        sy_jw_member_raw(&a->json, "scopes", account->scopes);
    sy_jw_object_end(&a->json);
    a->count++;
}

enum sy_step sy_accounts_done(struct sy_accounts *a)
{
    sy_jw_array_end(&a->json);
    return sy_turn_value(a->turn, sy_buf_ok(&a->out) ? sy_buf_str(&a->out) : (struct sy_str){0},
                         a->count ? SY_ACCOUNTS_TTL_MS : 0);
}

static void read_account(const struct sy_turn *t, struct sy_json value, struct sy_account *account)
{
    struct sy_arena *mem = t->facts->mem;
    struct sy_str state = sy_json_text(sy_json_get_z(value, "status"), mem);

    *account = (struct sy_account){
        .id = sy_json_text(sy_json_get_z(value, "id"), mem),
        .user = sy_json_text(sy_json_get_z(value, "user"), mem),
        .state = SY_ACCOUNT_ERROR,
        .vendor_status = sy_json_text(sy_json_get_z(value, "vendor_status"), mem),
        .scopes = sy_json_get_z(value, "scopes").raw,
    };
    for (int i = 0; i < SY_ACCOUNT_STATE_COUNT; i++)
        if (sy_str_eq(state, sy_str_of(state_names[i])))
            account->state = (enum sy_account_state)i;
}

bool sy_account_pick(const struct sy_turn *t, struct sy_str accounts, struct sy_str id,
                     struct sy_account *ret_account)
{
    struct sy_account account;
    struct sy_json root, value;
    struct sy_json_iter iter;
    struct sy_str name;
    bool found = false;

    if (sy_json_read(accounts, SY_JSON_DEPTH_MAX, &root, NULL) != 0)
        return false;
    iter = sy_json_iter(root);
    while (sy_json_next(&iter, &name, &value)) {
        read_account(t, value, &account);
        if (!sy_str_eq(account.user, t->facts->subject) || (id.ptr && !sy_str_eq(account.id, id)))
            continue;
        if (!found || (!id.ptr && account.state == SY_ACCOUNT_ACTIVE))
            *ret_account = account;
        found = true;
        if (account.state == SY_ACCOUNT_ACTIVE)
            return true;
    }
    return found;
}

void sy_account_failure(const struct sy_turn *t, const struct sy_account *account,
                        struct sy_failure *ret_failure)
{
    *ret_failure = (struct sy_failure){
        .code = state_codes[account->state],
        .cause = SY_CAUSE_NOT_ACTIVE,
        .not_applied = true,
        .connection_id = SY_JOIN(t, sy_str_of(t->vendor->name), SY_STR(":"), account->id),
    };
    if (account->vendor_status.len)
        ret_failure->detail = SY_JOIN(t, SY_STR("The account at the vendor is in state "),
                                      account->vendor_status, SY_STR("."));
}

enum sy_step sy_link_done(const struct sy_turn *t, struct sy_str url, int64_t expires_at_ms,
                          int64_t default_ttl_ms, struct sy_str account)
{
    struct sy_json_writer w;
    struct sy_buf out;
    int64_t ttl = expires_at_ms ? sy_turn_ttl(t, expires_at_ms, SY_LINK_MARGIN_MS) : default_ttl_ms;

    sy_buf_init_arena(&out, t->facts->mem, 16384);
    sy_jw_init(&w, &out);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "url", url);
    if (expires_at_ms)
        sy_jw_member_i64(&w, "expires_at_ms", expires_at_ms);
    sy_jw_opt_str(&w, "account", account);
    sy_jw_object_end(&w);
    return sy_turn_value(t, sy_buf_ok(&out) ? sy_buf_str(&out) : (struct sy_str){0},
                         ttl > DAY_MS ? DAY_MS : ttl);
}

static enum sy_step fail_with_link(struct sy_connect *c, const struct sy_turn *t,
                                   const struct sy_fact *link)
{
    struct sy_json root;

    if (sy_json_read(link->value, 4, &root, NULL) == 0) {
        c->failure.connect_url =
            sy_arena_copy(t->facts->mem, sy_json_text(sy_json_get_z(root, "url"), t->facts->mem));
        sy_json_i64(sy_json_get_z(root, "expires_at_ms"), &c->failure.expires_at_ms);
    }
    return sy_turn_fail_with(t, &c->failure);
}

enum sy_step sy_connect_fail(struct sy_connect *c, const struct sy_turn *t,
                             const struct sy_failure *failure, struct sy_str link_key)
{
    const struct sy_fact *link = sy_fact_find(t->facts, SY_FACT_LINK, link_key);

    c->failure = *failure;
    c->key = link_key;
    if (link)
        return fail_with_link(c, t, link);
    c->linking = true;
    return sy_turn_need(t, SY_FACT_LINK, link_key, 0);
}

enum sy_step sy_connect_resume(struct sy_connect *c, const struct sy_turn *t)
{
    const struct sy_fact *link = sy_turn_fact(t, SY_FACT_LINK, c->key);
    const struct sy_failure *why = t->event->failure;

    if (t->event->kind == SY_EVENT_FACT && link)
        return fail_with_link(c, t, link);
    if (t->event->kind == SY_EVENT_FACT_FAILED && why &&
        why->code == SY_CODE_TOOLKIT_NOT_CONFIGURED) {
        sy_turn_fail_with(t, why);
        t->wish->failure.not_applied = c->failure.not_applied;
        return SY_STEP_FAIL;
    }
    if (t->event->kind == SY_EVENT_CANCELLED)
        return sy_turn_fail_event(t);
    return sy_turn_fail_with(t, &c->failure);
}
