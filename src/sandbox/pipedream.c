/* Pipedream Connect: token mint, who asks, routes, usage and the small resources. */
#include "sandbox/pipedream.h"

#include "base/encode.h"
#include "sandbox/credentials.h"

#define TOKEN_LIFE_S 3600
#define DEFAULT_PAGE 10
#define PAGE_MAX 1000

void sy_sb_pd_error(struct sy_sb_request *r, int status, const char *text)
{
    sy_buf_clear(&r->out);
    sy_jw_init(&r->w, &r->out);
    sy_jw_object(&r->w);
    sy_jw_member_z(&r->w, "error", text);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, status);
}

void sy_sb_pipedream_unauthorized(struct sy_sb_request *r)
{
    sy_sb_pd_error(r, 401, "Unauthorized");
}

void sy_sb_pipedream_limited(struct sy_sb_request *r)
{
    int64_t reset = sy_sb_now(r->sb) / 1000 + (r->fault ? r->fault->retry_after : 1);
    sy_sb_add_header(r, "X-RateLimit-Limit", SY_STR("2000"));
    sy_sb_add_header(r, "X-RateLimit-Remaining", SY_STR("0"));
    sy_sb_add_header(r, "X-RateLimit-Reset", sy_arena_printf(r->mem, "%lld", (long long)reset));
    sy_sb_pd_error(r, 429, "Throttled");
}

/* ---- pages ---- */

void sy_sb_pd_page_begin(struct sy_sb_request *r, struct sy_sb_pd_page *page, int64_t limit)
{
    struct sy_str after = sy_sb_query(r, "after");
    struct sy_buf plain;
    int64_t asked = sy_sb_query_int(r, "limit", limit > 0 ? limit : DEFAULT_PAGE);
    *page = (struct sy_sb_pd_page){.limit = (size_t)(asked < 1          ? 1
                                                     : asked > PAGE_MAX ? PAGE_MAX
                                                                        : asked)};
    sy_buf_init_arena(&plain, r->mem, after.len + 8);
    if (after.len > 0 && sy_unbase64(&plain, after))
        page->after = sy_buf_str(&plain);
    page->past = !page->after.ptr;
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "data");
    sy_jw_array(&r->w);
}

bool sy_sb_pd_page_wants(struct sy_sb_request *r, struct sy_sb_pd_page *page, struct sy_str id)
{
    page->total++;
    if (!page->past) {
        page->past = sy_str_eq(page->after, id);
        return false;
    }
    if (page->written == page->limit)
        return false;
    struct sy_str kept = sy_arena_copy(r->mem, id);
    if (page->written++ == 0)
        page->start = kept;
    page->end = kept;
    return true;
}

static void cursor(struct sy_sb_request *r, const char *name, struct sy_str id)
{
    struct sy_buf coded;
    sy_jw_name(&r->w, name);
    if (!id.ptr) {
        sy_jw_null(&r->w);
        return;
    }
    sy_buf_init_arena(&coded, r->mem, id.len * 2 + 8);
    sy_base64url(&coded, id);
    sy_jw_str(&r->w, sy_buf_str(&coded));
}

/* end_cursor is there even on the last full page; the page after it is empty and has none. */
void sy_sb_pd_page_end(struct sy_sb_request *r, const struct sy_sb_pd_page *page)
{
    sy_jw_array_end(&r->w);
    sy_jw_name(&r->w, "page_info");
    sy_jw_object(&r->w);
    sy_jw_member_i64(&r->w, "total_count", (int64_t)page->total);
    sy_jw_member_i64(&r->w, "count", (int64_t)page->written);
    cursor(r, "start_cursor", page->start);
    cursor(r, "end_cursor", page->end);
    sy_jw_object_end(&r->w);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* ---- mint ---- */

static struct sy_str parameter(const struct sy_sb_request *r, const char *name)
{
    return r->json.type == SY_JSON_OBJECT ? sy_sb_member(r, name) : sy_sb_form(r, name);
}

static void mint(struct sy_sb_request *r)
{
    if (!sy_str_eq(parameter(r, "grant_type"), SY_STR("client_credentials"))) {
        sy_sb_send_text(r, 400,
                        "{\"error\":\"invalid_request\",\"error_description\":"
                        "\"grant_type must be client_credentials\"}");
        return;
    }
    if (!sy_str_eq(parameter(r, "client_id"), SY_STR(SY_SB_PIPEDREAM_ID)) ||
        !sy_str_eq(parameter(r, "client_secret"), SY_STR(SY_SB_PIPEDREAM_SECRET))) {
        sy_sb_send_text(r, 401,
                        "{\"error\":\"invalid_client\",\"error_description\":"
                        "\"Client authentication failed\"}");
        return;
    }
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "access_token",
                     sy_sb_token_mint(r->sb, r->mem, r->vendor, TOKEN_LIFE_S, SY_STR("o_sandbox")));
    sy_jw_member_z(&r->w, "token_type", "Bearer");
    sy_jw_member_i64(&r->w, "expires_in", TOKEN_LIFE_S);
    sy_jw_member_i64(&r->w, "created_at", sy_sb_now(r->sb) / 1000);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* ---- who asks ---- */

static struct sy_sb_link *connect_token(struct sy_sb_request *r)
{
    struct sy_str bearer = sy_sb_bearer(r);
    struct sy_sb_link *link = sy_str_starts(bearer, SY_STR("ctok_"))
                                  ? sy_sb_link_find(r->sb, SY_SB_PIPEDREAM, bearer)
                                  : NULL;
    return link && link->expires_ms > sy_sb_now(r->sb) ? link : NULL;
}

struct sy_str sy_sb_pd_user(struct sy_sb_request *r, struct sy_str given)
{
    const struct sy_sb_link *link = connect_token(r);
    return link ? link->user : given;
}

static bool admitted(struct sy_sb_request *r)
{
    return connect_token(r) || sy_sb_token_valid(r->sb, r->mem, SY_SB_PIPEDREAM, sy_sb_bearer(r));
}

/* ---- small resources ---- */

static void usage(struct sy_sb_request *r)
{
    int64_t from = sy_sb_query_int(r, "start_ts", -1);
    int64_t to = sy_sb_query_int(r, "end_ts", -1);
    if (from < 0 || to < from) {
        sy_sb_send_text(r, 400,
                        "{\"error\":\"start_ts and end_ts must be unix timestamps\","
                        "\"code\":\"INVALID_TIMESTAMPS\"}");
        return;
    }
    int64_t runs = (int64_t)r->sb->pipedream_runs;
    int64_t proxied = (int64_t)r->sb->pipedream_proxied;
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "data");
    sy_jw_array(&r->w);
    sy_jw_object(&r->w);
    sy_jw_member_i64(&r->w, "credits_used", runs + proxied);
    sy_jw_member_i64(&r->w, "action_run_credits_used", runs);
    sy_jw_member_i64(&r->w, "proxy_credits_used", proxied);
    sy_jw_member_i64(&r->w, "source_emit_credits_used", 0);
    sy_jw_member_i64(&r->w, "usage_start_ts", from);
    sy_jw_member_i64(&r->w, "usage_end_ts", to);
    sy_jw_object_end(&r->w);
    sy_jw_array_end(&r->w);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

static void project(struct sy_sb_request *r, bool in_list)
{
    struct sy_sb_pd_page page;
    if (in_list) {
        sy_sb_pd_page_begin(r, &page, 0);
        if (!sy_sb_pd_page_wants(r, &page, SY_STR(SY_SB_PIPEDREAM_PROJECT))) {
            sy_sb_pd_page_end(r, &page);
            return;
        }
    }
    sy_jw_object(&r->w);
    sy_jw_member_z(&r->w, "id", SY_SB_PIPEDREAM_PROJECT);
    sy_jw_member_z(&r->w, "name", "Sandbox");
    sy_jw_member_z(&r->w, "app_name", "Switchyard sandbox");
    sy_jw_member_z(&r->w, "support_email", "support@example.com");
    sy_jw_member_bool(&r->w, "connect_require_key_auth_test", false);
    sy_jw_object_end(&r->w);
    if (in_list)
        sy_sb_pd_page_end(r, &page);
    else
        sy_sb_send(r, 200);
}

static void project_info(struct sy_sb_request *r)
{
    const struct sy_sb_list *apps = &r->sb->catalogue.apps[SY_SB_PIPEDREAM];
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "apps");
    sy_jw_array(&r->w);
    for (size_t i = 0; i < apps->count; i++) {
        const struct sy_sb_app *app = apps->items[i];
        if (!app->built_in)
            continue;
        sy_jw_object(&r->w);
        sy_jw_member_str(&r->w, "id", sy_sb_pd_app_id(r->mem, app));
        sy_jw_member_str(&r->w, "name_slug", app->slug);
        sy_jw_object_end(&r->w);
    }
    sy_jw_array_end(&r->w);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

static void rate_limit(struct sy_sb_request *r)
{
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "token", sy_sb_new_id(r->sb, r->mem, "rl_", 24));
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* ---- routes ---- */

static bool workspace_route(struct sy_sb_request *r)
{
    if (sy_sb_seg(r, 2, "apps"))
        sy_sb_pd_apps(r, 2);
    else if (sy_sb_seg(r, 2, "app_categories"))
        sy_sb_pd_categories(r, 2);
    else if (sy_sb_seg(r, 2, "usage"))
        usage(r);
    else if (sy_sb_seg(r, 2, "rate_limits"))
        rate_limit(r);
    else if (sy_sb_seg(r, 2, "projects") && r->segs == 3)
        project(r, true);
    else if (sy_sb_seg(r, 2, "projects") && sy_sb_seg(r, 3, SY_SB_PIPEDREAM_PROJECT))
        project(r, false);
    else
        return false;
    return true;
}

static void project_route(struct sy_sb_request *r, size_t at)
{
    static const struct {
        const char *name;
        void (*handler)(struct sy_sb_request *r, size_t at);
    } routes[] = {
        {"components", sy_sb_pd_components}, {"actions", sy_sb_pd_components},
        {"triggers", sy_sb_pd_components},   {"accounts", sy_sb_pd_accounts},
        {"apps", sy_sb_pd_accounts},         {"users", sy_sb_pd_users},
        {"tokens", sy_sb_pd_tokens},         {"proxy", sy_sb_pd_proxy},
    };
    for (size_t i = 0; i < SY_ARRAY_LEN(routes); i++) {
        if (sy_sb_seg(r, at, routes[i].name)) {
            routes[i].handler(r, at);
            return;
        }
    }
    if (sy_sb_seg(r, at, "projects") && sy_sb_seg(r, at + 1, "info"))
        project_info(r);
    else
        sy_sb_pd_error(r, 404, "record not found");
}

static void connect_route(struct sy_sb_request *r)
{
    /* a connect token stands for its project, which the path then leaves out */
    bool named = r->segs > 2 && sy_str_starts(r->seg[2], SY_STR("proj_"));
    if (sy_sb_seg(r, 2, "tokens") && sy_sb_seg(r, 4, "validate")) {
        sy_sb_pd_tokens(r, 2);
        return;
    }
    if (!admitted(r)) {
        if (sy_sb_seg(r, 2, "projects"))
            sy_sb_pd_error(r, 404, "record not found");
        else
            sy_sb_pipedream_unauthorized(r);
        return;
    }
    if (workspace_route(r))
        return;
    if (named && !sy_sb_seg(r, 2, SY_SB_PIPEDREAM_PROJECT)) {
        sy_sb_pd_error(r, 404, "record not found");
        return;
    }
    if (named && sy_sb_header(r, "x-pd-environment").len == 0) {
        sy_sb_pd_error(r, 400, "x-pd-environment is required");
        return;
    }
    if (!named && !connect_token(r)) {
        sy_sb_pd_error(r, 404, "record not found");
        return;
    }
    project_route(r, named ? 3 : 2);
}

/* The hosted connect page: ?token=ctok_…&connectLink=true&app={slug} */
static void connect_page(struct sy_sb_request *r)
{
    struct sy_sb_link *link = sy_sb_link_find(r->sb, SY_SB_PIPEDREAM, sy_sb_query(r, "token"));
    struct sy_str id = sy_sb_query(r, "accountId");
    if (link && id.len > 0)
        link->account = sy_sb_account_by_id(r->sb, SY_SB_PIPEDREAM, id);
    sy_sb_consent(r, link, sy_sb_pd_app(r, sy_sb_query(r, "app")));
}

void sy_sb_pipedream(struct sy_sb_request *r)
{
    if (sy_sb_seg(r, 0, "_static") && sy_sb_seg(r, 1, "connect.html"))
        connect_page(r);
    else if (!sy_sb_seg(r, 0, "v1"))
        sy_sb_pd_error(r, 404, "record not found");
    else if (sy_sb_is(r, SY_HTTP_POST, 3) && sy_sb_seg(r, 1, "oauth") && sy_sb_seg(r, 2, "token"))
        mint(r);
    else if (r->body.len > 0 && r->json.type == SY_JSON_NONE && !sy_sb_seg(r, 3, "proxy") &&
             !sy_sb_seg(r, 2, "proxy"))
        sy_sb_pd_error(r, 400, "invalid JSON");
    else if (sy_sb_seg(r, 1, "apps") && admitted(r))
        sy_sb_pd_apps(r, 1);
    else if (sy_sb_seg(r, 1, "connect"))
        connect_route(r);
    else if (sy_sb_seg(r, 1, "apps"))
        sy_sb_pipedream_unauthorized(r);
    else
        sy_sb_pd_error(r, 404, "record not found");
}
