/* Scalekit magic links and the verification of who followed them. */
#include "sandbox/scalekit.h"

#define LINK_LIFE_MS (24 * 3600 * 1000LL)

static struct sy_str uuid(struct sy_sb_request *r)
{
    uint64_t a = sy_str_hash(sy_sb_new_id(r->sb, r->mem, "uuid", 20));
    uint64_t b = sy_str_hash(sy_sb_new_id(r->sb, r->mem, "diuu", 20));
    return sy_arena_printf(r->mem, "%08llx-%04llx-4%03llx-a%03llx-%012llx",
                           (unsigned long long)(a >> 32), (unsigned long long)(a >> 16 & 0xffff),
                           (unsigned long long)(a & 0xfff), (unsigned long long)(b >> 52),
                           (unsigned long long)(b & 0xffffffffffffull));
}

/* Creates the account if the user has none for the connection yet. */
static struct sy_sb_account *locate_or_create(struct sy_sb_request *r)
{
    struct sy_str connector = sy_sb_sk_in(r, "connector");
    struct sy_str identifier = sy_sb_sk_in(r, "identifier");
    struct sy_sb_app *app;
    if (sy_sb_sk_in(r, "id").len > 0 || connector.len == 0 || identifier.len == 0 ||
        identifier.len > 100)
        return sy_sb_sk_locate(r, "id");
    app = sy_sb_sk_connection(r, connector);
    if (!app)
        return NULL;
    struct sy_sb_account *a = sy_sb_account_find(r->sb, SY_SB_SCALEKIT, identifier, app, connector);
    return a ? a
             : sy_sb_account_add(r->sb, SY_SB_SCALEKIT, identifier, app, connector,
                                 SY_SB_INITIATED);
}

void sy_sb_sk_magic_link(struct sy_sb_request *r)
{
    struct sy_str state = sy_sb_sk_in(r, "state");
    struct sy_str verify = sy_sb_sk_in(r, "user_verify_url");
    if (state.len > 512 || verify.len > 2048 ||
        (verify.len > 0 && !sy_str_starts(verify, SY_STR("http://")) &&
         !sy_str_starts(verify, SY_STR("https://")))) {
        sy_sb_sk_invalid(r, state.len > 512 ? SY_STR("state") : SY_STR("user_verify_url"),
                         "value does not match the constraint");
        return;
    }
    struct sy_sb_account *a = locate_or_create(r);
    if (!a)
        return;
    struct sy_str token = sy_arena_printf(r->mem, "%.*s_p", SY_FMT(uuid(r)));
    struct sy_sb_link *link = sy_sb_link_add(r->sb, SY_SB_SCALEKIT, token, LINK_LIFE_MS);
    if (!link) {
        struct sy_sb_sk_error e = {.code = SY_SB_INTERNAL, .message = SY_STR("no room")};
        sy_sb_sk_fail(r, &e);
        return;
    }
    link->account = a;
    link->user = a->user;
    link->state = sy_arena_copy(&r->sb->state, state);
    link->verify_url = sy_arena_copy(&r->sb->state, verify);
    if (a->status != SY_SB_ACTIVE)
        sy_sb_account_set(r->sb, a, SY_SB_INITIATED);
    sy_jw_object(&r->w);
    sy_sb_sk_str(r, "link",
                 sy_arena_printf(r->mem, "%s/magicLink/%.*s", r->listener->url, SY_FMT(token)));
    sy_sb_sk_time(r, "expiry", link->expires_ms);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

void sy_sb_sk_verify(struct sy_sb_request *r)
{
    struct sy_str id = sy_sb_sk_in(r, "auth_request_id");
    struct sy_str identifier = sy_sb_sk_in(r, "identifier");
    struct sy_sb_link *link = sy_sb_link_find(r->sb, SY_SB_SCALEKIT, id);
    if (id.len == 0 || identifier.len == 0 || identifier.len > 200) {
        sy_sb_sk_invalid(r, id.len == 0 ? SY_STR("auth_request_id") : SY_STR("identifier"),
                         "value is required");
        return;
    }
    if (!link || !sy_str_eq(link->auth_request, id)) {
        sy_sb_sk_missing(r, "auth request not found or no longer valid");
        return;
    }
    if (!sy_str_eq(link->account->user, identifier)) {
        struct sy_sb_sk_error e = {.code = SY_SB_PERMISSION_DENIED,
                                   .message = SY_STR("identifier mismatch"),
                                   .error_code = "PERMISSION_DENIED"};
        sy_sb_sk_fail(r, &e);
        return;
    }
    if (!link->verified && link->account->status != SY_SB_VERIFY) {
        struct sy_sb_sk_error e = {.code = SY_SB_FAILED_PRECONDITION,
                                   .message = SY_STR("no verification is pending"),
                                   .error_code = "FAILED_PRECONDITION"};
        sy_sb_sk_fail(r, &e);
        return;
    }
    link->verified = true;
    sy_sb_account_set(r->sb, link->account, SY_SB_ACTIVE);
    sy_jw_object(&r->w);
    sy_sb_sk_str(r, "post_user_verify_redirect_url",
                 sy_arena_printf(r->mem, "%s/connect/success", r->listener->url));
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}
