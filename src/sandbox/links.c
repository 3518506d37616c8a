/* Connect links and the page behind them: what a browser sees, and what its answer changes. */
#include "sandbox/internal.h"

#include "base/encode.h"

#define LINKS_MAX 100000u

struct sy_sb_link *sy_sb_link_add(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                  struct sy_str token, int64_t life_ms)
{
    struct sy_sb_link *link = sy_arena_zalloc(&sb->state, sizeof(*link));
    if (!link || sb->links.count >= LINKS_MAX || !sy_sb_list_add(&sb->links, link))
        return NULL;
    link->vendor = vendor;
    link->token = sy_arena_copy(&sb->state, token);
    link->expires_ms = sy_sb_now(sb) + (sb->link_life_ms > 0 ? sb->link_life_ms : life_ms);
    return sy_sb_index_put(&sb->link_by_token, link->token, link) ? link : NULL;
}

struct sy_sb_link *sy_sb_link_find(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                   struct sy_str token)
{
    struct sy_sb_link *link = sy_sb_index_get(&sb->link_by_token, token);
    return link && link->vendor == vendor ? link : NULL;
}

static void html(struct sy_buf *out, struct sy_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '<':
            sy_buf_append_z(out, "&lt;");
            break;
        case '>':
            sy_buf_append_z(out, "&gt;");
            break;
        case '&':
            sy_buf_append_z(out, "&amp;");
            break;
        case '"':
            sy_buf_append_z(out, "&quot;");
            break;
        default:
            sy_buf_append_char(out, text.ptr[i]);
        }
    }
}

static void page(struct sy_sb_request *r, int status, const char *title, struct sy_str text,
                 bool form)
{
    struct sy_buf out;
    sy_buf_init_arena(&out, r->mem, 65536);
    sy_buf_append_z(&out, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    html(&out, sy_str_of(title));
    sy_buf_append_z(&out, "</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:32em;"
                          "margin:4em auto;padding:0 1em}button{font:inherit;padding:.5em 1.5em;"
                          "margin-right:1em}</style></head><body><h1>");
    html(&out, sy_str_of(title));
    sy_buf_append_z(&out, "</h1><p>");
    html(&out, text);
    sy_buf_append_z(&out, "</p>");
    if (form) {
        sy_buf_append_z(&out, "<form method=\"post\">"
                              "<button name=\"decision\" value=\"approve\">Allow</button>"
                              "<button name=\"decision\" value=\"deny\">Deny</button></form>");
    }
    sy_buf_append_z(&out, "<p><small>Sandbox stand-in: no real account is involved.</small></p>"
                          "</body></html>");
    sy_sb_send_as(r, status, "text/html; charset=utf-8", sy_buf_str(&out));
}

static void add_param(struct sy_buf *url, const char *name, struct sy_str value)
{
    bool has = sy_str_find_char(sy_buf_str(url), '?') != (size_t)-1;
    sy_buf_append_char(url, has ? '&' : '?');
    sy_buf_append_z(url, name);
    sy_buf_append_char(url, '=');
    sy_percent(url, value);
}

/* Composio: back to callback_url with status and connected_account_id, other parameters kept. */
static void composio_done(struct sy_sb_request *r, struct sy_sb_link *link, bool approved)
{
    struct sy_buf url;
    sy_sb_account_set(r->sb, link->account, approved ? SY_SB_ACTIVE : SY_SB_FAILED);
    if (link->success_url.len == 0) {
        page(r, 200, approved ? "Connected" : "Not connected", SY_STR("You can close this window."),
             false);
        return;
    }
    sy_buf_init_arena(&url, r->mem, 16384);
    sy_buf_append(&url, link->success_url);
    add_param(&url, "status", approved ? SY_STR("success") : SY_STR("failed"));
    add_param(&url, "connected_account_id", link->account->id);
    sy_sb_send_redirect(r, sy_buf_str(&url));
}

static void pipedream_done(struct sy_sb_request *r, struct sy_sb_link *link,
                           const struct sy_sb_app *app, bool approved)
{
    struct sy_str none = {NULL, 0};
    if (approved) {
        struct sy_sb_app *same = sy_sb_app_find(r->sb, SY_SB_PIPEDREAM, app->slug);
        struct sy_sb_account *account = link->account;
        if (account)
            sy_sb_account_set(r->sb, account, SY_SB_ACTIVE);
        else
            account =
                sy_sb_account_add(r->sb, SY_SB_PIPEDREAM, link->user, same, none, SY_SB_ACTIVE);
        link->used = account != NULL;
        if (account)
            account->environment = link->environment;
    }
    struct sy_str target = approved ? link->success_url : link->error_url;
    if (target.len > 0)
        sy_sb_send_redirect(r, target);
    else
        page(r, 200, approved ? "Connected" : "Not connected", SY_STR("You can close this window."),
             false);
}

/* Scalekit: with a verify URL the account waits for the application to say who was there. */
static void scalekit_done(struct sy_sb_request *r, struct sy_sb_link *link, bool approved)
{
    struct sy_buf url;
    sy_buf_init_arena(&url, r->mem, 16384);
    if (!approved) {
        sy_buf_append_z(&url, r->listener->url);
        sy_buf_append_z(&url, "/connect/error");
        add_param(&url, "error", SY_STR("access_denied"));
        add_param(&url, "error_description", SY_STR("The user denied the request"));
        sy_sb_send_redirect(r, sy_buf_str(&url));
        return;
    }
    if (link->verify_url.len == 0) {
        sy_sb_account_set(r->sb, link->account, SY_SB_ACTIVE);
        sy_buf_append_z(&url, r->listener->url);
        sy_buf_append_z(&url, "/connect/success");
    } else {
        sy_sb_account_set(r->sb, link->account, SY_SB_VERIFY);
        link->auth_request = sy_sb_new_id(r->sb, &r->sb->state, "req_", 24);
        sy_sb_index_put(&r->sb->link_by_token, link->auth_request, link);
        sy_buf_append(&url, link->verify_url);
        add_param(&url, "auth_request_id", link->auth_request);
        if (link->state.len > 0)
            add_param(&url, "state", link->state);
    }
    sy_sb_send_redirect(r, sy_buf_str(&url));
}

static void expire(struct sy_sb_request *r, struct sy_sb_link *link)
{
    if (link->account && link->vendor == SY_SB_COMPOSIO && link->account->status == SY_SB_INITIATED)
        sy_sb_account_set(r->sb, link->account, SY_SB_EXPIRED);
}

void sy_sb_consent(struct sy_sb_request *r, struct sy_sb_link *link, const struct sy_sb_app *app)
{
    if (!link || link->used || link->expires_ms <= sy_sb_now(r->sb)) {
        if (link)
            expire(r, link);
        page(r, 410, "Link expired", SY_STR("This link is no longer valid. Ask for a new one."),
             false);
        return;
    }
    if (!app) {
        page(r, 404, "Unknown app", SY_STR("App not found. Please check your app id."), false);
        return;
    }
    if (r->head->method != SY_HTTP_POST) {
        const struct sy_str parts[5] = {
            SY_STR("Allow the application to use "), app->name, SY_STR(" on behalf of "),
            link->account ? link->account->user : link->user, SY_STR("?")};
        page(r, 200, "Connect an account", sy_arena_join(r->mem, parts, 5), true);
        return;
    }
    bool approved = sy_str_eq(sy_sb_form(r, "decision"), SY_STR("approve"));
    if (link->vendor == SY_SB_PIPEDREAM) {
        pipedream_done(r, link, app, approved);
        return;
    }
    link->used = true;
    if (link->vendor == SY_SB_COMPOSIO)
        composio_done(r, link, approved);
    else
        scalekit_done(r, link, approved);
}
