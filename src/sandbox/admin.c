/* /__sandbox/… on every listener: what tests use to look and to meddle. */
#include "sandbox/internal.h"

static void bad(struct sy_sb_request *r, const char *why)
{
    sy_jw_object(&r->w);
    sy_jw_member_z(&r->w, "error", why);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 400);
}

static void post_faults(struct sy_sb_request *r)
{
    uint64_t ids[64];
    size_t count = 0;
    struct sy_json one;
    struct sy_json_iter it = sy_json_iter(r->json);
    struct sy_str none;
    bool many = r->json.type == SY_JSON_ARRAY;
    const char *wrong = NULL;
    if (!many)
        wrong = sy_sb_fault_add(r->sb, r->json, &ids[count++]);
    while (many && !wrong && count < SY_ARRAY_LEN(ids) && sy_json_next(&it, &none, &one))
        wrong = sy_sb_fault_add(r->sb, one, &ids[count++]);
    if (wrong) {
        bad(r, wrong);
        return;
    }
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "ids");
    sy_jw_array(&r->w);
    for (size_t i = 0; i < count; i++)
        sy_jw_u64(&r->w, ids[i]);
    sy_jw_array_end(&r->w);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 201);
}

static void faults(struct sy_sb_request *r)
{
    enum sy_sb_vendor vendor = SY_SB_COMPOSIO;
    if (r->head->method == SY_HTTP_POST) {
        post_faults(r);
        return;
    }
    if (r->head->method == SY_HTTP_DELETE) {
        bool one = sy_sb_vendor_from_name(sy_sb_query(r, "vendor"), &vendor);
        sy_sb_faults_clear(r->sb, vendor, !one);
        sy_sb_send(r, 204);
        return;
    }
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "faults");
    sy_jw_array(&r->w);
    for (size_t i = 0; i < r->sb->faults.count; i++)
        sy_sb_fault_write(&r->w, r->sb->faults.items[i]);
    sy_jw_array_end(&r->w);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* Puts a user's account into a state: {vendor, user, toolkit, status?, provider?, scopes?}. */
static void post_account(struct sy_sb_request *r)
{
    enum sy_sb_vendor vendor;
    enum sy_sb_status status = SY_SB_ACTIVE;
    enum sy_sb_provider provider = SY_SB_HEALTHY;
    if (!sy_sb_vendor_from_name(sy_sb_member(r, "vendor"), &vendor) || vendor >= SY_SB_CATALOGUES) {
        bad(r, "vendor: composio, pipedream or scalekit");
        return;
    }
    struct sy_str connection = sy_sb_member(r, "connection");
    struct sy_sb_app *app = sy_sb_app_find(r->sb, vendor, sy_sb_member(r, "toolkit"));
    struct sy_str user = sy_sb_member(r, "user");
    struct sy_str word = sy_sb_member(r, "status");
    struct sy_str behaves = sy_sb_member(r, "provider");
    if (!app || !user.ptr || (word.ptr && !sy_sb_status_from_name(word, &status)) ||
        (behaves.ptr && !sy_sb_provider_from_name(behaves, &provider))) {
        bad(r, "want a toolkit the vendor has, a user, and known words for status and provider");
        return;
    }
    if (vendor == SY_SB_SCALEKIT && !connection.ptr)
        connection = app->slug;
    struct sy_sb_account *account = sy_sb_account_find(r->sb, vendor, user, app, connection);
    if (!account)
        account = sy_sb_account_add(r->sb, vendor, user, app, connection, status);
    if (!account) {
        bad(r, "no room for another account");
        return;
    }
    sy_sb_account_set(r->sb, account, status);
    account->provider = provider;
    struct sy_json scopes = sy_json_get_z(r->json, "scopes");
    if (scopes.type == SY_JSON_ARRAY)
        account->scopes = sy_arena_copy(&r->sb->state, scopes.raw);
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "id", account->id);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* Other statuses for the two rows of Scalekit's errors that nobody has seen on the wire, and a life
 * of connect links that a test can wait for. What is left out goes back to normal. */
static void post_switches(struct sy_sb_request *r)
{
    int64_t missing = 400;
    int64_t inactive = 400;
    (void)sy_json_i64(sy_json_get_z(r->json, "scalekit_tool_missing"), &missing);
    (void)sy_json_i64(sy_json_get_z(r->json, "scalekit_not_active"), &inactive);
    int64_t life_ms = 0;
    (void)sy_json_i64(sy_json_get_z(r->json, "link_life_ms"), &life_ms);
    if ((missing != 400 && missing != 404) ||
        (inactive != 400 && inactive != 401 && inactive != 404)) {
        bad(r, "scalekit_tool_missing: 400 or 404, scalekit_not_active: 400, 401 or 404");
        return;
    }
    r->sb->scalekit_tool_missing = (int)missing;
    r->sb->scalekit_not_active = (int)inactive;
    r->sb->link_life_ms = life_ms;
    sy_sb_send(r, 204);
}

static void endpoints(struct sy_sb_request *r)
{
    struct sy_sandbox_endpoints e;
    sy_sandbox_endpoints(r->sb, &e);
    sy_jw_object(&r->w);
    sy_jw_member_z(&r->w, "composio_url", e.composio_url);
    sy_jw_member_z(&r->w, "pipedream_url", e.pipedream_url);
    sy_jw_member_z(&r->w, "scalekit_url", e.scalekit_url);
    sy_jw_member_z(&r->w, "github_url", e.github_url);
    sy_jw_member_z(&r->w, "infisical_url", e.infisical_url);
    sy_jw_member_z(&r->w, "worker_url", e.worker_url);
    sy_jw_member_z(&r->w, "composio_api_key", e.composio_api_key);
    sy_jw_member_z(&r->w, "pipedream_client_id", e.pipedream_client_id);
    sy_jw_member_z(&r->w, "pipedream_client_secret", e.pipedream_client_secret);
    sy_jw_member_z(&r->w, "pipedream_project_id", e.pipedream_project_id);
    sy_jw_member_z(&r->w, "scalekit_client_id", e.scalekit_client_id);
    sy_jw_member_z(&r->w, "scalekit_client_secret", e.scalekit_client_secret);
    sy_jw_member_z(&r->w, "worker_secret", e.worker_secret);
    sy_jw_member_z(&r->w, "github_token", e.github_token);
    sy_jw_member_z(&r->w, "infisical_client_id", e.infisical_client_id);
    sy_jw_member_z(&r->w, "infisical_client_secret", e.infisical_client_secret);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

void sy_sb_admin(struct sy_sb_request *r)
{
    bool post = r->head->method == SY_HTTP_POST;
    if (sy_sb_seg(r, 1, "requests"))
        sy_sb_records_write(r);
    else if (sy_sb_seg(r, 1, "counts"))
        sy_sb_counts_write(r);
    else if (sy_sb_seg(r, 1, "faults"))
        faults(r);
    else if (sy_sb_seg(r, 1, "accounts") && post)
        post_account(r);
    else if (sy_sb_seg(r, 1, "switches") && post)
        post_switches(r);
    else if (sy_sb_seg(r, 1, "endpoints"))
        endpoints(r);
    else if (sy_sb_seg(r, 1, "reset") && post) {
        sy_sb_reset(r->sb);
        sy_sb_send(r, 204);
    } else {
        sy_sb_send_text(r, 404, "{\"error\":\"no such sandbox page\"}");
    }
}
