/* Pipedream's accounts, users, connect tokens and the proxy. */
#include "sandbox/pipedream.h"

#include "base/encode.h"

#define TOKEN_LIFE_MAX_S 14400

static void write_account(struct sy_sb_request *r, const struct sy_sb_account *a)
{
    struct sy_json_writer *w = &r->w;
    bool healthy = a->status == SY_SB_ACTIVE;
    bool dead = a->status == SY_SB_EXPIRED || a->status == SY_SB_REVOKED;
    sy_jw_object(w);
    sy_jw_member_str(w, "id", a->id);
    sy_jw_member_str(w, "name", a->user);
    sy_jw_member_str(w, "external_id", a->user);
    sy_jw_member_bool(w, "healthy", healthy);
    sy_jw_name(w, "dead");
    if (dead)
        sy_jw_bool(w, true);
    else
        sy_jw_null(w);
    sy_jw_name(w, "app");
    sy_sb_pd_write_app(r, a->app);
    sy_jw_member_time(w, "created_at", a->created_ms);
    sy_jw_member_time(w, "updated_at", a->updated_ms);
    sy_jw_member_raw(w, "authorized_scopes", a->scopes);
    sy_jw_member_z(w, "error",
                   dead       ? "The refresh token is invalid or was revoked. Please reconnect."
                   : !healthy ? "Test request failed. It will be tried again."
                              : NULL);
    sy_jw_member_time(w, "expires_at", sy_sb_now(r->sb) + 3600000);
    sy_jw_name(w, "last_refreshed_at");
    sy_jw_null(w);
    sy_jw_member_time(w, "next_refresh_at", sy_sb_now(r->sb) + 3000000);
    sy_jw_object_end(w);
}

/* What is connected in one environment is not seen from the other. */
static bool visible(const struct sy_sb_request *r, const struct sy_sb_account *a)
{
    return a->vendor == SY_SB_PIPEDREAM && !a->deleted &&
           (!a->environment.ptr ||
            sy_str_eq_nocase(a->environment, sy_sb_header(r, "x-pd-environment")));
}

static void list(struct sy_sb_request *r)
{
    struct sy_sb_pd_page page;
    struct sy_str user = sy_sb_pd_user(r, sy_sb_query(r, "external_user_id"));
    struct sy_str name = sy_sb_query(r, "app");
    const struct sy_sb_app *app = name.len > 0 ? sy_sb_pd_app(r, name) : NULL;
    const struct sy_sb_list *accounts = sy_sb_accounts_of(r->sb, SY_SB_PIPEDREAM, user);
    sy_sb_pd_page_begin(r, &page, 0);
    for (size_t i = 0; i < accounts->count; i++) {
        const struct sy_sb_account *a = accounts->items[i];
        if (!visible(r, a) || (user.len > 0 && !sy_str_eq(user, a->user)) ||
            (name.len > 0 && a->app != app))
            continue;
        if (sy_sb_pd_page_wants(r, &page, a->id))
            write_account(r, a);
    }
    sy_sb_pd_page_end(r, &page);
}

/* Browser clients store a key with their connect token. */
static void create(struct sy_sb_request *r)
{
    struct sy_sb_link *link =
        sy_sb_link_find(r->sb, SY_SB_PIPEDREAM, sy_sb_member(r, "connect_token"));
    struct sy_sb_app *app = sy_sb_pd_app(r, sy_sb_member(r, "app_slug"));
    struct sy_str cfmap = sy_sb_member(r, "cfmap_json");
    struct sy_str none = {NULL, 0};
    struct sy_json parsed;
    if (!link || link->used || !app || sy_json_read(cfmap, 16, &parsed, NULL)) {
        sy_sb_pd_error(r, 400, "app_slug, cfmap_json and a valid connect_token are required");
        return;
    }
    struct sy_sb_account *account =
        sy_sb_account_add(r->sb, SY_SB_PIPEDREAM, link->user, app, none, SY_SB_ACTIVE);
    if (!account) {
        sy_sb_send_text(r, 413,
                        "{\"error\":\"account_limit_reached\",\"message\":"
                        "\"Too many accounts\"}");
        return;
    }
    link->used = true;
    account->environment = link->environment;
    write_account(r, account);
    sy_sb_send(r, 200);
}

static void delete_of_app(struct sy_sb_request *r, const struct sy_sb_app *app)
{
    if (!app) {
        sy_sb_pd_error(r, 404, "record not found");
        return;
    }
    for (size_t i = 0; i < r->sb->accounts.count; i++) {
        struct sy_sb_account *a = r->sb->accounts.items[i];
        if (visible(r, a) && a->app == app)
            a->deleted = true;
    }
    sy_sb_send(r, 204);
}

static void one(struct sy_sb_request *r, struct sy_str id)
{
    struct sy_sb_account *a = sy_sb_account_by_id(r->sb, SY_SB_PIPEDREAM, id);
    if (!a || !visible(r, a)) {
        sy_sb_pd_error(r, 404, "record not found");
    } else if (r->head->method == SY_HTTP_DELETE) {
        a->deleted = true;
        sy_sb_send(r, 204);
    } else {
        write_account(r, a); /* bare, unlike the list */
        sy_sb_send(r, 200);
    }
}

void sy_sb_pd_accounts(struct sy_sb_request *r, size_t at)
{
    bool del = r->head->method == SY_HTTP_DELETE;
    if (sy_sb_seg(r, at, "apps")) {
        if (del && sy_sb_seg(r, at + 2, "accounts"))
            delete_of_app(r, sy_sb_pd_app(r, r->seg[at + 1]));
        else
            sy_sb_pd_error(r, 404, "record not found");
    } else if (sy_sb_is(r, SY_HTTP_GET, at + 1)) {
        list(r);
    } else if (sy_sb_is(r, SY_HTTP_POST, at + 1)) {
        create(r);
    } else if (del && r->segs == at + 3 && sy_sb_seg(r, at + 1, "app")) {
        delete_of_app(r, sy_sb_pd_app(r, r->seg[at + 2]));
    } else if (r->segs == at + 2) {
        one(r, r->seg[at + 1]);
    } else {
        sy_sb_pd_error(r, 404, "record not found");
    }
}

/* ---- users ---- */

static void list_users(struct sy_sb_request *r)
{
    struct sy_sb_pd_page page;
    struct sy_sb_index seen = {0};
    struct sy_str q = sy_sb_query(r, "q");
    sy_sb_pd_page_begin(r, &page, 0);
    for (size_t i = 0; i < r->sb->accounts.count; i++) {
        struct sy_sb_account *a = r->sb->accounts.items[i];
        if (!visible(r, a) || sy_sb_index_get(&seen, a->user) ||
            !sy_sb_index_put(&seen, a->user, a) || (q.len > 0 && !sy_sb_contains(a->user, q)))
            continue;
        const struct sy_str parts[2] = {SY_STR("user"), a->user};
        struct sy_str id = sy_sb_derive_id(r->mem, "exu_", 7, parts, 2);
        if (!sy_sb_pd_page_wants(r, &page, id))
            continue;
        sy_jw_object(&r->w);
        sy_jw_member_str(&r->w, "id", id);
        sy_jw_member_str(&r->w, "external_id", a->user);
        sy_jw_member_time(&r->w, "created_at", a->created_ms);
        sy_jw_member_time(&r->w, "updated_at", a->updated_ms);
        sy_jw_object_end(&r->w);
    }
    sy_sb_index_release(&seen);
    sy_sb_pd_page_end(r, &page);
}

void sy_sb_pd_users(struct sy_sb_request *r, size_t at)
{
    if (sy_sb_is(r, SY_HTTP_GET, at + 1)) {
        list_users(r);
        return;
    }
    if (r->head->method != SY_HTTP_DELETE || r->segs != at + 2) {
        sy_sb_pd_error(r, 404, "record not found");
        return;
    }
    for (size_t i = 0; i < r->sb->accounts.count; i++) {
        struct sy_sb_account *a = r->sb->accounts.items[i];
        if (visible(r, a) && sy_str_eq(a->user, r->seg[at + 1]))
            a->deleted = true;
    }
    sy_sb_send(r, 204);
}

/* ---- connect tokens ---- */

static struct sy_str hex_id(struct sy_sb_request *r)
{
    struct sy_str seed = sy_sb_new_id(r->sb, r->mem, "", 16);
    struct sy_buf hex;
    sy_buf_init_arena(&hex, r->mem, 64);
    sy_buf_append_z(&hex, "ctok_");
    sy_hex(&hex, seed);
    return sy_buf_str(&hex);
}

static struct sy_str kept(struct sy_sb_request *r, const char *member)
{
    struct sy_str text = sy_sb_member(r, member);
    return text.ptr ? sy_arena_copy(&r->sb->state, text) : text;
}

static void create_token(struct sy_sb_request *r)
{
    struct sy_str user = sy_sb_member(r, "external_user_id");
    int64_t life_s = TOKEN_LIFE_MAX_S;
    user = user.ptr ? user : sy_sb_member(r, "external_id");
    if (user.len == 0 || user.len > 250) {
        sy_sb_pd_error(r, 400, "external_user_id is required and at most 250 characters");
        return;
    }
    (void)sy_json_i64(sy_json_get_z(r->json, "expires_in"), &life_s);
    life_s = life_s < 1 ? 1 : life_s > TOKEN_LIFE_MAX_S ? TOKEN_LIFE_MAX_S : life_s;
    struct sy_sb_link *link = sy_sb_link_add(r->sb, SY_SB_PIPEDREAM, hex_id(r), life_s * 1000);
    if (!link) {
        sy_sb_pd_error(r, 500,
                       "Unexpected error, please reach out to our team at "
                       "https://pipedream.com/support");
        return;
    }
    link->user = sy_arena_copy(&r->sb->state, user);
    link->success_url = kept(r, "success_redirect_uri");
    link->error_url = kept(r, "error_redirect_uri");
    link->environment = sy_arena_copy(&r->sb->state, sy_sb_header(r, "x-pd-environment"));
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "token", link->token);
    sy_jw_member_time(&r->w, "expires_at", link->expires_ms);
    sy_jw_member_str(&r->w, "connect_link_url",
                     sy_arena_printf(r->mem, "%s/_static/connect.html?token=%.*s&connectLink=true",
                                     r->listener->url, SY_FMT(link->token)));
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

static void validate(struct sy_sb_request *r, struct sy_str token)
{
    const struct sy_sb_link *link = sy_sb_link_find(r->sb, SY_SB_PIPEDREAM, token);
    const struct sy_sb_app *app = sy_sb_pd_app(r, sy_sb_query(r, "app_id"));
    const char *wrong = NULL;
    if (!link || link->used)
        wrong = "The Pipedream Connect token is invalid. Please generate a new one and try again.";
    else if (link->expires_ms <= sy_sb_now(r->sb))
        wrong = "This link has expired. Please request a new one from the app developer.";
    else if (!app)
        wrong = "App not found. Please check your app id.";
    sy_jw_object(&r->w);
    sy_jw_member_bool(&r->w, "success", !wrong);
    sy_jw_member_z(&r->w, "error", wrong);
    if (app && !wrong) {
        sy_jw_name(&r->w, "app");
        sy_sb_pd_write_app(r, app);
    }
    sy_jw_opt_str(&r->w, "success_redirect_uri", link ? link->success_url : SY_STR(""));
    sy_jw_opt_str(&r->w, "error_redirect_uri", link ? link->error_url : SY_STR(""));
    sy_jw_member_z(&r->w, "project_app_name", "Switchyard sandbox");
    sy_jw_member_z(&r->w, "project_environment", "development");
    sy_jw_member_z(&r->w, "project_id", "proj_sandbox1");
    sy_jw_member_z(&r->w, "project_support_email", "support@example.com");
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

void sy_sb_pd_tokens(struct sy_sb_request *r, size_t at)
{
    if (sy_sb_is(r, SY_HTTP_POST, at + 1))
        create_token(r);
    else if (sy_sb_is(r, SY_HTTP_GET, at + 3) && sy_sb_seg(r, at + 2, "validate"))
        validate(r, r->seg[at + 1]);
    else
        sy_sb_pd_error(r, 404, "record not found");
}

/* ---- proxy ---- */

static void forward_headers(struct sy_sb_request *r)
{
    struct sy_str prefix = SY_STR("x-pd-proxy-");
    for (unsigned i = 0; i < r->head->header_count; i++) {
        const struct sy_http_header *h = &r->head->headers[i];
        if (h->name.len > prefix.len &&
            sy_str_eq_nocase(sy_str_head(h->name, prefix.len), prefix)) {
            const struct sy_str parts[2] = {SY_STR("X-Echo-"), sy_str_skip(h->name, prefix.len)};
            sy_sb_add_header(r, sy_arena_z(r->mem, sy_arena_join(r->mem, parts, 2)), h->value);
        }
    }
}

void sy_sb_pd_proxy(struct sy_sb_request *r, size_t at)
{
    struct sy_str user = sy_sb_pd_user(r, sy_sb_query(r, "external_user_id"));
    struct sy_str id = sy_sb_query(r, "account_id");
    struct sy_buf url;
    struct sy_sb_run run;
    /* either alphabet, padded or not; the segment has been percent-decoded once */
    sy_buf_init_arena(&url, r->mem, 65536);
    if (r->segs != at + 2 || !sy_unbase64(&url, r->seg[at + 1]) || url.len == 0) {
        sy_sb_pd_error(r, 400, "invalid url");
        return;
    }
    struct sy_sb_account *a = sy_sb_account_by_id(r->sb, SY_SB_PIPEDREAM, id);
    if (!a || !visible(r, a) || !sy_str_eq(a->user, user)) {
        sy_sb_pd_error(r, 404, "record not found");
        return;
    }
    if (!a->app->proxy) {
        sy_sb_pd_error(r, 400, "App record not found");
        return;
    }
    bool relative = url.ptr[0] == '/';
    const struct sy_str parts[2] = {relative ? a->app->base_url : SY_STR(""), sy_buf_str(&url)};
    r->sb->pipedream_proxied++;
    if (a->status != SY_SB_ACTIVE)
        a->provider = SY_SB_DEAD;
    sy_sb_provider(r, a, r->head->method_text, sy_arena_join(r->mem, parts, 2), r->body, &run);
    forward_headers(r);
    sy_sb_send_as(r, run.status, "application/json", run.body);
}
