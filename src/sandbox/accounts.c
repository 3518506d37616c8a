/*
 * Who is connected to what. The users that exist from the start are personas: what stands after
 * the last ':' of a user id picks one, so that "default:user_123" and "user_123" are alike but
 * separate. A persona's accounts appear when the user is first mentioned.
 */
#include "sandbox/internal.h"

#include <stdlib.h>

#define ACCOUNTS_MAX 200000u
#define STATE_MEMORY ((size_t)256 << 20)

struct persona {
    struct sy_str name;
    enum sy_sb_status status;
    enum sy_sb_provider provider;
};

static const struct persona personas[] = {
    {SY_STR_INIT("user_123"), SY_SB_ACTIVE, SY_SB_HEALTHY},
    {SY_STR_INIT("shared"), SY_SB_ACTIVE, SY_SB_HEALTHY},
    {SY_STR_INIT(""), SY_SB_ACTIVE, SY_SB_HEALTHY},
    {SY_STR_INIT("%shared"), SY_SB_ACTIVE, SY_SB_HEALTHY},
    {SY_STR_INIT("user_stale"), SY_SB_ACTIVE, SY_SB_DEAD},
    {SY_STR_INIT("user_noscope"), SY_SB_ACTIVE, SY_SB_NO_SCOPE},
    {SY_STR_INIT("user_limited"), SY_SB_ACTIVE, SY_SB_LIMITED},
    {SY_STR_INIT("user_down"), SY_SB_ACTIVE, SY_SB_DOWN},
    {SY_STR_INIT("user_expired"), SY_SB_EXPIRED, SY_SB_DEAD},
    {SY_STR_INIT("user_revoked"), SY_SB_REVOKED, SY_SB_DEAD},
    {SY_STR_INIT("user_error"), SY_SB_FAILED, SY_SB_DEAD},
    {SY_STR_INIT("user_pending"), SY_SB_INITIATED, SY_SB_HEALTHY},
    {SY_STR_INIT("user_verify"), SY_SB_VERIFY, SY_SB_HEALTHY},
};

static const struct {
    struct sy_str name;
    enum sy_sb_status status;
} status_names[] = {
    {SY_STR_INIT("INITIATED"), SY_SB_INITIATED}, {SY_STR_INIT("VERIFY"), SY_SB_VERIFY},
    {SY_STR_INIT("ACTIVE"), SY_SB_ACTIVE},       {SY_STR_INIT("FAILED"), SY_SB_FAILED},
    {SY_STR_INIT("EXPIRED"), SY_SB_EXPIRED},     {SY_STR_INIT("INACTIVE"), SY_SB_INACTIVE},
    {SY_STR_INIT("REVOKED"), SY_SB_REVOKED},
};

static const struct {
    struct sy_str name;
    enum sy_sb_provider provider;
} provider_names[] = {
    {SY_STR_INIT("healthy"), SY_SB_HEALTHY},   {SY_STR_INIT("dead"), SY_SB_DEAD},
    {SY_STR_INIT("no_scope"), SY_SB_NO_SCOPE}, {SY_STR_INIT("limited"), SY_SB_LIMITED},
    {SY_STR_INIT("down"), SY_SB_DOWN},
};

bool sy_sb_status_from_name(struct sy_str name, enum sy_sb_status *ret)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(status_names); i++) {
        if (sy_str_eq(name, status_names[i].name)) {
            *ret = status_names[i].status;
            return true;
        }
    }
    return false;
}

bool sy_sb_provider_from_name(struct sy_str name, enum sy_sb_provider *ret)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(provider_names); i++) {
        if (sy_str_eq(name, provider_names[i].name)) {
            *ret = provider_names[i].provider;
            return true;
        }
    }
    return false;
}

static const struct persona *persona_of(struct sy_str user)
{
    struct sy_str name = user;
    size_t colon;
    while ((colon = sy_str_find_char(name, ':')) != (size_t)-1)
        name = sy_str_skip(name, colon + 1);
    for (size_t i = 0; i < SY_ARRAY_LEN(personas); i++) {
        if (sy_str_eq(name, personas[i].name))
            return &personas[i];
    }
    return NULL;
}

/* ---- state ---- */

void sy_sb_state_init(struct sy_sandbox *sb)
{
    sy_arena_init(&sb->state, STATE_MEMORY);
    for (size_t i = 0; i < sb->catalogue.apps[SY_SB_COMPOSIO].count; i++) {
        struct sy_sb_app *app = sb->catalogue.apps[SY_SB_COMPOSIO].items[i];
        if (app->configured && !app->no_auth)
            sy_sb_config_add(sb, app, app->name, app->managed);
    }
}

static void release_list(struct sy_sb_list *list)
{
    free(list->items);
    *list = (struct sy_sb_list){0};
}

void sy_sb_state_release(struct sy_sandbox *sb)
{
    for (size_t i = 0; i < sb->user_accounts.cap; i++) {
        struct sy_sb_list *chain = sb->user_accounts.slots[i].value;
        if (chain)
            free(chain->items);
    }
    release_list(&sb->accounts);
    release_list(&sb->configs);
    release_list(&sb->links);
    release_list(&sb->sessions);
    release_list(&sb->issues);
    release_list(&sb->replays);
    release_list(&sb->faults);
    sy_sb_index_release(&sb->account_by_id);
    sy_sb_index_release(&sb->user_accounts);
    sy_sb_index_release(&sb->seeded);
    sy_sb_index_release(&sb->config_by_id);
    sy_sb_index_release(&sb->link_by_token);
    sy_sb_index_release(&sb->session_by_id);
    sy_sb_index_release(&sb->replay_by_key);
    sy_sb_records_clear(sb);
    sy_arena_release(&sb->state);
}

static struct sy_str user_key(struct sy_arena *mem, enum sy_sb_vendor vendor, struct sy_str user)
{
    const struct sy_str parts[3] = {sy_str_of(sy_sb_vendor_name(vendor)), SY_STR("/"), user};
    return sy_arena_join(mem, parts, 3);
}

/* True the first time it is asked about a user. */
static bool first_mention(struct sy_sandbox *sb, enum sy_sb_vendor vendor, struct sy_str user)
{
    struct sy_arena scratch;
    sy_arena_init(&scratch, 65536);
    struct sy_str key = user_key(&scratch, vendor, user);
    bool first = key.ptr && !sy_sb_index_get(&sb->seeded, key);
    if (first)
        first = sy_sb_index_put(&sb->seeded, sy_arena_copy(&sb->state, key), sb);
    sy_arena_release(&scratch);
    return first;
}

static struct sy_sb_list *chain_of(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                   struct sy_str user, bool make)
{
    struct sy_arena scratch;
    sy_arena_init(&scratch, 65536);
    struct sy_str key = user_key(&scratch, vendor, user);
    struct sy_sb_list *chain = sy_sb_index_get(&sb->user_accounts, key);
    if (!chain && make) {
        key = sy_arena_copy(&sb->state, key);
        chain = sy_arena_zalloc(&sb->state, sizeof(*chain));
        if (chain && !sy_sb_index_put(&sb->user_accounts, key, chain))
            chain = NULL;
    }
    sy_arena_release(&scratch);
    return chain;
}

/* ---- auth configs and connections ---- */

struct sy_sb_config *sy_sb_config_add(struct sy_sandbox *sb, struct sy_sb_app *app,
                                      struct sy_str name, bool managed)
{
    struct sy_sb_config *config = sy_arena_zalloc(&sb->state, sizeof(*config));
    if (!config || !sy_sb_list_add(&sb->configs, config))
        return NULL;
    if (sy_sb_config_of(sb, app)) {
        config->id = sy_sb_new_id(sb, &sb->state, "ac_", 12);
    } else {
        const struct sy_str parts[2] = {SY_STR("auth config"), app->slug};
        config->id = sy_sb_derive_id(&sb->state, "ac_", 12, parts, 2);
    }
    config->app = app;
    config->name = sy_arena_copy(&sb->state, name);
    config->managed = managed;
    config->created_ms = sy_sb_now(sb);
    sy_sb_index_put(&sb->config_by_id, config->id, config);
    return config;
}

struct sy_sb_config *sy_sb_config_find(struct sy_sandbox *sb, struct sy_str id)
{
    struct sy_sb_config *config = sy_sb_index_get(&sb->config_by_id, id);
    return config && !config->deleted ? config : NULL;
}

struct sy_sb_config *sy_sb_config_of(struct sy_sandbox *sb, const struct sy_sb_app *app)
{
    for (size_t i = 0; i < sb->configs.count; i++) {
        struct sy_sb_config *config = sb->configs.items[i];
        if (config->app == app && !config->deleted && !config->disabled)
            return config;
    }
    return NULL;
}

struct sy_sb_app *sy_sb_connection(struct sy_sandbox *sb, struct sy_str name)
{
    const struct sy_sb_list *apps = &sb->catalogue.apps[SY_SB_SCALEKIT];
    for (size_t i = 0; i < apps->count; i++) {
        struct sy_sb_app *app = apps->items[i];
        struct sy_json_iter it = sy_json_iter(app->connections);
        struct sy_str none;
        struct sy_json one;
        while (app->configured && sy_json_next(&it, &none, &one)) {
            if (sy_json_name_is(one.raw, name))
                return app;
        }
    }
    return NULL;
}

/* ---- accounts ---- */

static const char *id_prefix(enum sy_sb_vendor vendor)
{
    return vendor == SY_SB_PIPEDREAM ? "apn_" : "ca_";
}

struct sy_sb_account *sy_sb_account_add(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                        struct sy_str user, struct sy_sb_app *app,
                                        struct sy_str connection, enum sy_sb_status status)
{
    struct sy_sb_list *chain = chain_of(sb, vendor, user, true);
    struct sy_sb_account *a = sy_arena_zalloc(&sb->state, sizeof(*a));
    if (!a || !chain || sb->accounts.count >= ACCOUNTS_MAX || !sy_sb_list_add(&sb->accounts, a))
        return NULL;
    const struct sy_str parts[4] = {sy_str_of(sy_sb_vendor_name(vendor)), user, app->slug,
                                    connection.ptr ? connection : SY_STR("")};
    size_t len = vendor == SY_SB_PIPEDREAM ? 7 : 12;
    a->id = sy_sb_derive_id(&sb->state, id_prefix(vendor), len, parts, 4);
    if (sy_sb_index_get(&sb->account_by_id, a->id))
        a->id = sy_sb_new_id(sb, &sb->state, id_prefix(vendor), len);
    a->vendor = vendor;
    a->user = sy_arena_copy(&sb->state, user);
    a->app = app;
    a->connection = connection.ptr ? sy_arena_copy(&sb->state, connection) : connection;
    a->config = vendor == SY_SB_COMPOSIO ? sy_sb_config_of(sb, app) : NULL;
    a->scopes = app->scopes.type == SY_JSON_ARRAY ? app->scopes.raw : SY_STR("[]");
    a->created_ms = a->updated_ms = sy_sb_now(sb);
    a->status = status;
    sy_sb_index_put(&sb->account_by_id, a->id, a);
    return sy_sb_list_add(chain, a) ? a : NULL;
}

void sy_sb_account_set(struct sy_sandbox *sb, struct sy_sb_account *account,
                       enum sy_sb_status status)
{
    if (account->status != status)
        account->updated_ms = sy_sb_now(sb);
    account->status = status;
    if (status == SY_SB_ACTIVE)
        account->provider = SY_SB_HEALTHY;
}

struct sy_sb_account *sy_sb_account_by_id(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                          struct sy_str id)
{
    struct sy_sb_account *account = sy_sb_index_get(&sb->account_by_id, id);
    return account && !account->deleted && account->vendor == vendor ? account : NULL;
}

static void seed_one(struct sy_sandbox *sb, enum sy_sb_vendor vendor, struct sy_str user,
                     struct sy_sb_app *app, struct sy_str connection, const struct persona *p)
{
    struct sy_sb_account *a = sy_sb_account_add(sb, vendor, user, app, connection, p->status);
    if (!a)
        return;
    a->provider = p->provider;
    if (p->provider == SY_SB_NO_SCOPE && app->scopes.type == SY_JSON_ARRAY) {
        /* a small grant: the first scope alone, by convention the one that reads */
        struct sy_json_iter it = sy_json_iter(app->scopes);
        struct sy_str none;
        struct sy_json first;
        if (sy_json_next(&it, &none, &first)) {
            const struct sy_str parts[3] = {SY_STR("["), first.raw, SY_STR("]")};
            a->scopes = sy_arena_join(&sb->state, parts, 3);
        }
    }
}

void sy_sb_seed(struct sy_sandbox *sb, enum sy_sb_vendor vendor, struct sy_str user)
{
    const struct persona *p = persona_of(user);
    /* at Pipedream an account comes into being when the connection succeeds */
    if (!p || !user.ptr ||
        (vendor == SY_SB_PIPEDREAM && (p->status == SY_SB_INITIATED || p->status == SY_SB_VERIFY)))
        return;
    if (!first_mention(sb, vendor, user))
        return;
    const struct sy_sb_list *apps = &sb->catalogue.apps[vendor];
    for (size_t i = 0; i < apps->count; i++) {
        struct sy_sb_app *app = apps->items[i];
        struct sy_str none = {NULL, 0};
        if (!app->seeded || app->no_auth)
            continue;
        if (vendor != SY_SB_SCALEKIT) {
            seed_one(sb, vendor, user, app, none, p);
            continue;
        }
        struct sy_json_iter it = sy_json_iter(app->connections);
        struct sy_json one;
        while (sy_json_next(&it, &none, &one))
            seed_one(sb, vendor, user, app, sy_json_text(one, &sb->state), p);
    }
}

const struct sy_sb_list *sy_sb_accounts_of(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                           struct sy_str user)
{
    static const struct sy_sb_list none = {NULL, 0, 0};
    if (user.len == 0)
        return &sb->accounts;
    sy_sb_seed(sb, vendor, user);
    const struct sy_sb_list *chain = chain_of(sb, vendor, user, false);
    return chain ? chain : &none;
}

struct sy_sb_account *sy_sb_account_find(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                         struct sy_str user, const struct sy_sb_app *app,
                                         struct sy_str connection)
{
    struct sy_sb_account *best = NULL;
    sy_sb_seed(sb, vendor, user);
    const struct sy_sb_list *chain = chain_of(sb, vendor, user, false);
    for (size_t i = 0; chain && i < chain->count; i++) {
        struct sy_sb_account *a = chain->items[i];
        if (a->deleted || a->app != app ||
            (connection.ptr && !sy_str_eq(connection, a->connection)))
            continue;
        if (!best || a->status == SY_SB_ACTIVE || best->status != SY_SB_ACTIVE)
            best = a;
    }
    return best;
}
