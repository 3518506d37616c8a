/* Scalekit connections, providers and connected accounts. */
#include "sandbox/scalekit.h"

#define LIST_MAX 99 /* the proto says less than 100 */
#define SEARCH_MAX 30

static const char *status_name(enum sy_sb_status status)
{
    switch (status) {
    case SY_SB_ACTIVE:
        return "ACTIVE";
    case SY_SB_EXPIRED:
        return "EXPIRED";
    case SY_SB_VERIFY:
        return "PENDING_VERIFICATION";
    case SY_SB_INITIATED:
        return "PENDING_AUTH";
    case SY_SB_FAILED:
    case SY_SB_INACTIVE:
    case SY_SB_REVOKED:
        break;
    }
    return "DISCONNECTED";
}

static const char *auth_name(const struct sy_sb_app *app)
{
    if (sy_str_eq(app->auth, SY_STR("API_KEY")))
        return "API_KEY";
    if (sy_str_eq(app->auth, SY_STR("BEARER_TOKEN")))
        return "BEARER_TOKEN";
    return app->no_auth ? "NO_AUTH" : "OAUTH";
}

static struct sy_str derived(struct sy_sb_request *r, const char *prefix, struct sy_str what)
{
    /* Scalekit's ids are decimal: 17 digits */
    return sy_arena_printf(r->mem, "%s%017llu", prefix,
                           (unsigned long long)(sy_str_hash(what) % 100000000000000000ull));
}

/* ---- connections and providers ---- */

static void write_connection(struct sy_sb_request *r, const struct sy_sb_app *app,
                             struct sy_str name)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_object(w);
    sy_sb_sk_str(r, "id", derived(r, "conn_", name));
    sy_sb_sk_str(r, "provider", SY_STR("CUSTOM"));
    sy_sb_sk_str(r, "type",
                 sy_str_of(app->no_auth                                   ? "NO_AUTH"
                           : sy_str_eq(app->auth, SY_STR("API_KEY"))      ? "API_KEY"
                           : sy_str_eq(app->auth, SY_STR("BEARER_TOKEN")) ? "BEARER"
                                                                          : "OAUTH"));
    sy_sb_sk_str(r, "status", SY_STR("COMPLETED"));
    sy_sb_sk_name(r, "enabled");
    sy_jw_bool(w, true);
    sy_sb_sk_str(r, "provider_key", sy_sb_sk_provider(r, app));
    sy_sb_sk_str(r, "key_id", name);
    sy_sb_sk_str(r, "created_at", SY_STR("2026-03-20T14:30:00Z"));
    sy_sb_sk_str(r, "mcp_server_url", SY_STR(""));
    sy_jw_object_end(w);
}

void sy_sb_sk_connections(struct sy_sb_request *r)
{
    struct sy_sb_sk_page page;
    struct sy_str provider = sy_sb_sk_in(r, "provider");
    struct sy_str query = sy_sb_sk_in(r, "query");
    const struct sy_sb_list *apps = &r->sb->catalogue.apps[SY_SB_SCALEKIT];
    if (query.len > 0 && query.len < 3) {
        sy_sb_sk_invalid(r, SY_STR("query"), "value length must be at least 3 characters");
        return;
    }
    if (!sy_sb_sk_page_begin(r, &page, 30))
        return;
    sy_jw_object(&r->w);
    sy_sb_sk_name(r, "connections");
    sy_jw_array(&r->w);
    for (size_t i = 0; i < apps->count; i++) {
        const struct sy_sb_app *app = apps->items[i];
        struct sy_json_iter it = sy_json_iter(app->connections);
        struct sy_str none;
        struct sy_json one;
        if (!app->configured ||
            (provider.len > 0 && !sy_str_eq(provider, sy_sb_sk_provider(r, app))))
            continue;
        while (sy_json_next(&it, &none, &one)) {
            struct sy_str name = sy_json_text(one, r->mem);
            if ((query.len == 0 || sy_sb_contains(name, query)) && sy_sb_sk_page_wants(&page))
                write_connection(r, app, name);
        }
    }
    sy_jw_array_end(&r->w);
    sy_sb_sk_page_members(r, &page);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

void sy_sb_sk_providers(struct sy_sb_request *r)
{
    struct sy_sb_sk_page page;
    struct sy_str type = sy_sb_sk_in(r, "filter.provider_type");
    const struct sy_sb_list *apps = &r->sb->catalogue.apps[SY_SB_SCALEKIT];
    bool none_wanted = sy_str_eq(type, SY_STR("CUSTOM"));
    if (!sy_sb_sk_page_begin(r, &page, 1000))
        return;
    sy_jw_object(&r->w);
    sy_sb_sk_name(r, "providers");
    sy_jw_array(&r->w);
    for (size_t i = 0; i < apps->count && !none_wanted; i++) {
        const struct sy_sb_app *app = apps->items[i];
        if (!sy_sb_sk_page_wants(&page))
            continue;
        sy_jw_object(&r->w);
        sy_sb_sk_str(r, "id", derived(r, "prv_", app->slug));
        sy_sb_sk_str(r, "identifier", sy_sb_sk_provider(r, app));
        sy_sb_sk_str(r, "display_name", app->name);
        sy_sb_sk_str(r, "description", app->description);
        sy_sb_sk_name(r, "categories");
        sy_jw_array(&r->w);
        sy_jw_str(&r->w, app->category);
        sy_jw_array_end(&r->w);
        sy_sb_sk_name(r, "proxy_enabled");
        sy_jw_bool(&r->w, app->proxy);
        sy_sb_sk_str(r, "proxy_url", app->base_url);
        sy_sb_sk_name(r, "is_custom");
        sy_jw_bool(&r->w, false);
        sy_jw_object_end(&r->w);
    }
    sy_jw_array_end(&r->w);
    sy_sb_sk_page_members(r, &page);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* ---- writing accounts ---- */

static void write_secrets(struct sy_sb_request *r, const struct sy_sb_account *a)
{
    struct sy_json_writer *w = &r->w;
    bool active = a->status == SY_SB_ACTIVE;
    sy_sb_sk_name(r, "authorization_details");
    sy_jw_object(w);
    if (a->static_auth.ptr) {
        sy_sb_sk_name(r, "static_auth");
        sy_jw_object(w);
        sy_jw_member_raw(w, "details", a->static_auth);
        sy_jw_object_end(w);
    } else {
        sy_sb_sk_name(r, "oauth_token");
        sy_jw_object(w);
        sy_sb_sk_str(r, "access_token", active ? SY_STR("sandbox-access-token") : SY_STR(""));
        sy_sb_sk_str(r, "refresh_token", active ? SY_STR("sandbox-refresh-token") : SY_STR(""));
        sy_sb_sk_name(r, "scopes");
        sy_jw_raw(w, active ? a->scopes : SY_STR("[]"));
        sy_sb_sk_str(r, "domain", SY_STR(""));
        sy_jw_object_end(w);
    }
    sy_jw_object_end(w);
}

enum detail { IN_LIST, DETAILS, SECRETS };

static void write_account(struct sy_sb_request *r, const struct sy_sb_account *a,
                          enum detail detail)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_object(w);
    sy_sb_sk_str(r, "id", a->id);
    sy_sb_sk_str(r, "identifier", a->user);
    sy_sb_sk_str(r, "connector", a->connection);
    sy_sb_sk_str(r, "provider", sy_sb_sk_provider(r, a->app));
    sy_sb_sk_str(r, "connection_id", derived(r, "conn_", a->connection));
    sy_sb_sk_str(r, "status", sy_str_of(status_name(a->status)));
    sy_sb_sk_str(r, "authorization_type", sy_str_of(auth_name(a->app)));
    if (detail == SECRETS)
        write_secrets(r, a);
    if (a->status == SY_SB_ACTIVE)
        sy_sb_sk_time(r, "token_expires_at", sy_sb_now(r->sb) + 3600000);
    sy_sb_sk_time(r, "updated_at", a->updated_ms);
    if (a->used_ms)
        sy_sb_sk_time(r, "last_used_at", a->used_ms);
    sy_jw_object_end(w);
}

static void answer_account(struct sy_sb_request *r, const struct sy_sb_account *a, int status,
                           enum detail detail)
{
    sy_jw_object(&r->w);
    sy_sb_sk_name(r, "connected_account");
    write_account(r, a, detail);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, sy_sb_sk_is_rpc(r) ? 200 : status);
}

/* ---- finding one ---- */

static bool connector_ok(struct sy_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == ':' || c == ' ' || c == '-';
        if (!ok)
            return false;
    }
    return name.len <= 400;
}

struct sy_sb_app *sy_sb_sk_connection(struct sy_sb_request *r, struct sy_str connector)
{
    if (!connector_ok(connector)) {
        sy_sb_sk_invalid(r, SY_STR("connector"), "value does not match regex pattern");
        return NULL;
    }
    struct sy_sb_app *app = sy_sb_connection(r->sb, connector);
    if (!app)
        sy_sb_sk_missing(r, "connection not found");
    return app;
}

struct sy_sb_account *sy_sb_sk_locate(struct sy_sb_request *r, const char *id_field)
{
    struct sy_str id = sy_sb_sk_in(r, id_field);
    struct sy_str connector = sy_sb_sk_in(r, "connector");
    struct sy_str identifier = sy_sb_sk_in(r, "identifier");
    struct sy_sb_account *a = NULL;
    if (id.len > 0) {
        a = sy_sb_account_by_id(r->sb, SY_SB_SCALEKIT, id);
    } else if (connector.len == 0 || identifier.len == 0 || identifier.len > 100) {
        sy_sb_sk_invalid(r, connector.len == 0 ? SY_STR("connector") : SY_STR("identifier"),
                         "value is required and at most 100 characters");
        return NULL;
    } else {
        const struct sy_sb_app *app = sy_sb_sk_connection(r, connector);
        if (!app)
            return NULL;
        a = sy_sb_account_find(r->sb, SY_SB_SCALEKIT, identifier, app, connector);
    }
    if (!a)
        sy_sb_sk_missing(r, "connected account not found");
    return a;
}

void sy_sb_sk_account_auth(struct sy_sb_request *r)
{
    const struct sy_sb_account *a = sy_sb_sk_locate(r, "id");
    if (a)
        answer_account(r, a, 200, SECRETS);
}

void sy_sb_sk_account_details(struct sy_sb_request *r)
{
    const struct sy_sb_account *a = sy_sb_sk_locate(r, "id");
    if (a)
        answer_account(r, a, 200, DETAILS);
}

/* ---- lists ---- */

static bool contains_query(const struct sy_sb_account *a, struct sy_str query)
{
    return query.len == 0 || sy_sb_contains(a->user, query) || sy_sb_contains(a->connection, query);
}

static void answer_list(struct sy_sb_request *r, struct sy_sb_sk_page *page, bool search)
{
    struct sy_str connector = search ? (struct sy_str){NULL, 0} : sy_sb_sk_in(r, "connector");
    struct sy_str identifier = search ? (struct sy_str){NULL, 0} : sy_sb_sk_in(r, "identifier");
    struct sy_str provider = sy_sb_sk_in(r, "provider");
    struct sy_str query = sy_sb_sk_in(r, "query");
    struct sy_str connection = sy_sb_sk_in(r, "connection_id");
    const struct sy_sb_list *accounts = sy_sb_accounts_of(r->sb, SY_SB_SCALEKIT, identifier);
    sy_jw_object(&r->w);
    sy_sb_sk_name(r, "connected_accounts");
    sy_jw_array(&r->w);
    for (size_t i = 0; i < accounts->count; i++) {
        const struct sy_sb_account *a = accounts->items[i];
        if (a->deleted || a->vendor != SY_SB_SCALEKIT || !contains_query(a, query) ||
            (connector.len > 0 && !sy_str_eq(connector, a->connection)) ||
            (identifier.len > 0 && !sy_str_eq(identifier, a->user)) ||
            (provider.len > 0 && !sy_str_eq(provider, sy_sb_sk_provider(r, a->app))) ||
            (connection.len > 0 && !sy_str_eq(connection, derived(r, "conn_", a->connection))) ||
            !sy_sb_sk_has(r, "connection_names", a->connection))
            continue;
        if (sy_sb_sk_page_wants(page))
            write_account(r, a, IN_LIST);
    }
    sy_jw_array_end(&r->w);
    sy_sb_sk_page_members(r, page);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

void sy_sb_sk_account_list(struct sy_sb_request *r)
{
    struct sy_sb_sk_page page;
    if (!sy_sb_sk_page_begin(r, &page, LIST_MAX))
        return;
    if (sy_sb_sk_given(r, "connector") && sy_sb_sk_given(r, "connection_names"))
        sy_sb_sk_invalid(r, SY_STR("connection_names"), "must not be used with connector");
    else
        answer_list(r, &page, false);
}

void sy_sb_sk_account_search(struct sy_sb_request *r)
{
    struct sy_sb_sk_page page;
    struct sy_str query = sy_sb_sk_in(r, "query");
    if (!sy_sb_sk_page_begin(r, &page, SEARCH_MAX))
        return;
    if (query.len < 3 || query.len > 200)
        sy_sb_sk_invalid(r, SY_STR("query"), "value length must be 3 to 200 characters");
    else
        answer_list(r, &page, true);
}

/* ---- create, update, delete ---- */

/* Static credentials make an account ACTIVE at once. */
static void take_credentials(struct sy_sb_request *r, struct sy_sb_account *a)
{
    struct sy_json fixed =
        sy_sb_sk_json(r, "connected_account.authorization_details.static_auth.details");
    struct sy_str token =
        sy_sb_sk_in(r, "connected_account.authorization_details.oauth_token.access_token");
    if (fixed.type == SY_JSON_OBJECT)
        a->static_auth = sy_arena_copy(&r->sb->state, fixed.raw);
    if (fixed.type == SY_JSON_OBJECT || token.len > 0)
        sy_sb_account_set(r->sb, a, SY_SB_ACTIVE);
}

void sy_sb_sk_account_create(struct sy_sb_request *r)
{
    struct sy_str connector = sy_sb_sk_in(r, "connector");
    struct sy_str identifier = sy_sb_sk_in(r, "identifier");
    struct sy_json given = sy_sb_sk_json(r, "connected_account");
    if (identifier.len == 0 || identifier.len > 100) {
        sy_sb_sk_invalid(r, SY_STR("identifier"), "value is required and at most 100 characters");
        return;
    }
    if (given.type != SY_JSON_OBJECT || sy_json_count(given) == 0) {
        sy_sb_sk_invalid(r, SY_STR("connected_account.authorization_details"), "value is required");
        return;
    }
    struct sy_sb_app *app = sy_sb_sk_connection(r, connector);
    if (!app)
        return;
    if (sy_sb_account_find(r->sb, SY_SB_SCALEKIT, identifier, app, connector)) {
        struct sy_sb_sk_error e = {.code = SY_SB_ALREADY_EXISTS,
                                   .message = SY_STR("connected account already exists"),
                                   .error_code = "RESOURCE_ALREADY_EXISTS"};
        sy_sb_sk_fail(r, &e);
        return;
    }
    struct sy_sb_account *a =
        sy_sb_account_add(r->sb, SY_SB_SCALEKIT, identifier, app, connector, SY_SB_INITIATED);
    if (!a) {
        struct sy_sb_sk_error e = {.code = SY_SB_INTERNAL, .message = SY_STR("no room")};
        sy_sb_sk_fail(r, &e);
        return;
    }
    take_credentials(r, a);
    answer_account(r, a, 201, SECRETS);
}

void sy_sb_sk_account_update(struct sy_sb_request *r)
{
    struct sy_sb_account *a = sy_sb_sk_locate(r, "id");
    if (!a)
        return;
    take_credentials(r, a);
    answer_account(r, a, 200, SECRETS);
}

void sy_sb_sk_account_delete(struct sy_sb_request *r)
{
    struct sy_sb_account *a = sy_sb_sk_locate(r, "id");
    if (!a)
        return;
    a->deleted = true;
    sy_sb_send_text(r, 200, "{}");
}

void sy_sb_sk_account_disconnect(struct sy_sb_request *r)
{
    struct sy_str id = sy_sb_sk_in(r, "id");
    struct sy_str suffix = SY_STR(":disconnect");
    if (!sy_sb_sk_is_rpc(r))
        id = sy_str_head(r->seg[3], r->seg[3].len - suffix.len);
    struct sy_sb_account *a = sy_sb_account_by_id(r->sb, SY_SB_SCALEKIT, id);
    if (!a) {
        sy_sb_sk_missing(r, "connected account not found");
        return;
    }
    sy_sb_account_set(r->sb, a, SY_SB_INACTIVE);
    answer_account(r, a, 200, DETAILS);
}
