/* Infisical: universal-auth login and raw secrets. It holds the other stand-ins' credentials. */
#include "sandbox/internal.h"

#include "sandbox/credentials.h"

#define TOKEN_LIFE_S 7200

static const struct {
    const char *path, *key, *value;
} secrets[] = {
    {"/composio", "api_key", SY_SB_COMPOSIO_KEY},
    {"/pipedream", "client_id", SY_SB_PIPEDREAM_ID},
    {"/pipedream", "client_secret", SY_SB_PIPEDREAM_SECRET},
    {"/scalekit", "client_id", SY_SB_SCALEKIT_ID},
    {"/scalekit", "client_secret", SY_SB_SCALEKIT_SECRET},
    {"/github", "token", SY_SB_GITHUB_TOKEN},
    {"/workers", "billing", SY_SB_WORKER_SECRET},
    {"/", "GREETING", "hello from the sandbox"},
};

static void fail(struct sy_sb_request *r, int status, const char *name, const char *text)
{
    sy_buf_clear(&r->out);
    sy_jw_init(&r->w, &r->out);
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "reqId", sy_sb_new_id(r->sb, r->mem, "req-", 12));
    sy_jw_member_i64(&r->w, "statusCode", status);
    sy_jw_member_z(&r->w, "message", text);
    sy_jw_member_z(&r->w, "error", name);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, status);
}

void sy_sb_infisical_unauthorized(struct sy_sb_request *r)
{
    fail(r, 401, "TokenError", "Token missing or no longer valid");
}

void sy_sb_infisical_limited(struct sy_sb_request *r)
{
    fail(r, 429, "RateLimitExceeded", "Rate limit exceeded");
}

static void login(struct sy_sb_request *r)
{
    if (!sy_str_eq(sy_sb_member(r, "clientId"), SY_STR(SY_SB_INFISICAL_ID)) ||
        !sy_str_eq(sy_sb_member(r, "clientSecret"), SY_STR(SY_SB_INFISICAL_SECRET))) {
        fail(r, 401, "UnauthorizedError", "Invalid credentials");
        return;
    }
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "accessToken",
                     sy_sb_token_mint(r->sb, r->mem, r->vendor, TOKEN_LIFE_S, SY_STR("sandbox")));
    sy_jw_member_i64(&r->w, "expiresIn", TOKEN_LIFE_S);
    sy_jw_member_i64(&r->w, "accessTokenMaxTTL", 2592000);
    sy_jw_member_z(&r->w, "tokenType", "Bearer");
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

static void write_secret(struct sy_sb_request *r, size_t at, struct sy_str project,
                         struct sy_str environment)
{
    const struct sy_str parts[2] = {sy_str_of(secrets[at].path), sy_str_of(secrets[at].key)};
    struct sy_str id = sy_sb_derive_id(r->mem, "", 24, parts, 2);
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "id", id);
    sy_jw_member_str(&r->w, "_id", id);
    sy_jw_member_str(&r->w, "workspace", project);
    sy_jw_member_str(&r->w, "environment", environment);
    sy_jw_member_i64(&r->w, "version", 1);
    sy_jw_member_z(&r->w, "type", "shared");
    sy_jw_member_z(&r->w, "secretKey", secrets[at].key);
    sy_jw_member_z(&r->w, "secretValue", secrets[at].value);
    sy_jw_member_z(&r->w, "secretComment", "");
    sy_jw_member_z(&r->w, "secretPath", secrets[at].path);
    sy_jw_object_end(&r->w);
}

static struct sy_str wanted_path(struct sy_sb_request *r)
{
    struct sy_str path = sy_sb_query(r, "secretPath");
    while (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    return path.len > 0 ? path : SY_STR("/");
}

/* GET /api/v3/secrets/raw[/{name}]?workspaceId&environment&secretPath, or /api/v4/secrets[/{name}]
 * with projectId. */
static void read_secrets(struct sy_sb_request *r, struct sy_str name)
{
    struct sy_str path = wanted_path(r);
    struct sy_str project = sy_sb_query(r, "workspaceId");
    struct sy_str environment = sy_sb_query(r, "environment");
    if (!project.ptr)
        project = sy_sb_query(r, "projectId");
    if (project.len == 0 || environment.len == 0) {
        fail(r, 400, "BadRequest", "workspaceId and environment are required");
        return;
    }
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, name.ptr ? "secret" : "secrets");
    if (!name.ptr)
        sy_jw_array(&r->w);
    bool found = false;
    for (size_t i = 0; i < SY_ARRAY_LEN(secrets) && !(found && name.ptr); i++) {
        if (!sy_str_eq(path, sy_str_of(secrets[i].path)) ||
            (name.ptr && !sy_str_eq(name, sy_str_of(secrets[i].key))))
            continue;
        write_secret(r, i, project, environment);
        found = true;
    }
    if (name.ptr && !found) {
        fail(r, 404, "NotFound", "Secret not found");
        return;
    }
    if (!name.ptr) {
        sy_jw_array_end(&r->w);
        sy_jw_member_raw(&r->w, "imports", SY_STR("[]"));
    }
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

void sy_sb_infisical(struct sy_sb_request *r)
{
    struct sy_str none = {NULL, 0};
    size_t base = sy_sb_seg(r, 3, "raw") ? 4 : 3;
    if (sy_sb_is(r, SY_HTTP_POST, 5) && sy_sb_seg(r, 2, "auth") &&
        sy_sb_seg(r, 3, "universal-auth") && sy_sb_seg(r, 4, "login"))
        login(r);
    else if (!sy_sb_token_valid(r->sb, r->mem, SY_SB_INFISICAL, sy_sb_bearer(r)))
        sy_sb_infisical_unauthorized(r);
    else if (sy_sb_seg(r, 0, "api") && sy_sb_seg(r, 2, "secrets") && sy_sb_is(r, SY_HTTP_GET, base))
        read_secrets(r, none);
    else if (sy_sb_seg(r, 0, "api") && sy_sb_seg(r, 2, "secrets") &&
             sy_sb_is(r, SY_HTTP_GET, base + 1))
        read_secrets(r, r->seg[base]);
    else
        fail(r, 404, "NotFound", "Route not found");
}
