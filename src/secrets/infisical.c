/* infisical:PATH/KEY by universal auth (machine identity) and the raw secrets endpoint. */
#include "secrets/secrets_int.h"

#include "base/encode.h"
#include "base/json.h"

#define URL_MAX 4096u
#define LOGIN_MAX 4096u
#define SCRATCH_MAX ((size_t)1 << 20)

static void url_path(struct sy_buf *out, struct sy_str base, const char *path)
{
    while (sy_str_ends(base, SY_STR("/")))
        base.len--;
    sy_buf_append(out, base);
    sy_buf_append_z(out, path);
}

static void url_query(struct sy_buf *out, char lead, const char *name, struct sy_str value)
{
    sy_buf_append_char(out, lead);
    sy_buf_append_z(out, name);
    sy_buf_append_char(out, '=');
    sy_percent(out, value);
}

/* The identity's own references may not be infisical: ones. */
static bool identity(const struct sy_ref *ref, const char *what, struct secret_reading *ret)
{
    if (!ref->set || ref->kind == SY_REF_INFISICAL)
        secret_unavailable(ret, "secrets.infisical.%s is not set, or points at Infisical", what);
    else if (ref->kind == SY_REF_ENV)
        secret_read_env(ref->text, ret);
    else if (ref->kind == SY_REF_FILE)
        secret_read_file(ref->text, ret);
    else
        secret_ready(ret, ref->text);
    return ret->state == SY_SECRET_READY;
}

/* The body of the login request; false with the reason in *ret. */
static bool login_body(const struct sy_secrets *secrets, struct sy_buf *body,
                       struct secret_reading *ret)
{
    struct secret_reading id = {0}, secret = {0};
    struct sy_json_writer w;
    bool good = identity(&secrets->infisical.client_id, "client_id", &id) &&
                identity(&secrets->infisical.client_secret, "client_secret", &secret);

    if (good) {
        sy_jw_init(&w, body);
        sy_jw_object(&w);
        sy_jw_member_str(&w, "clientId", sy_secret_str(&id.value));
        sy_jw_member_str(&w, "clientSecret", sy_secret_str(&secret.value));
        sy_jw_object_end(&w);
    } else {
        secret_unavailable(ret, "%s", id.why[0] ? id.why : secret.why);
    }
    sy_secret_release(&id.value);
    sy_secret_release(&secret.value);
    return good;
}

static void no_answer(const struct infisical *server, struct secret_reading *ret)
{
    ret->no_answer = true;
    secret_unavailable(ret, "Infisical at %.*s does not answer", SY_FMT(server->url));
}

static bool login(struct sy_secrets *secrets, struct sy_arena *arena, struct secret_reading *ret)
{
    struct infisical *server = &secrets->infisical;
    struct sy_buf url, body;
    struct sy_json root;
    struct sy_str reply, token;
    int status = 0;

    sy_buf_init_arena(&url, arena, URL_MAX);
    sy_buf_init_arena(&body, arena, LOGIN_MAX + SECRET_BYTES_MAX * 2);
    url_path(&url, server->url, "/api/v1/auth/universal-auth/login");
    if (!login_body(secrets, &body, ret))
        return false;
    if (secrets->fetch.post_json(secrets->fetch.self, sy_buf_str(&url), sy_buf_str(&body), arena,
                                 &status, &reply) != SY_OK ||
        status == 0) {
        no_answer(server, ret);
        return false;
    }
    if (status != 200 || sy_json_read(reply, SY_JSON_DEPTH_MAX, &root, NULL) != SY_OK) {
        secret_unavailable(ret, "Infisical refuses the machine identity (HTTP %d)", status);
        return false;
    }
    token = sy_json_text(sy_json_get_z(root, "accessToken"), arena);
    if (!token.len || sy_str_has_control(token)) {
        secret_unavailable(ret, "Infisical's login answer holds no access token");
        return false;
    }
    sy_secret_release(&server->token);
    return sy_secret_init_copy(&server->token, token) == SY_OK;
}

/* "a/b/KEY" is KEY in the folder /a/b. */
static void secret_url(const struct infisical *server, struct sy_str path_and_key,
                       struct sy_buf *url, struct sy_arena *arena)
{
    struct sy_str key = path_and_key, folder = SY_STR("/");
    struct sy_str parts[2];
    size_t slash;

    while (sy_str_starts(key, SY_STR("/")))
        key = sy_str_skip(key, 1);
    path_and_key = key;
    for (size_t from = 0; (slash = sy_str_find_char(key, '/')) != (size_t)-1;) {
        from += slash + 1;
        key = sy_str_skip(path_and_key, from);
        parts[0] = SY_STR("/");
        parts[1] = sy_str_head(path_and_key, from - 1);
        folder = sy_arena_join(arena, parts, 2);
    }
    url_path(url, server->url, "/api/v3/secrets/raw/");
    sy_percent(url, key);
    url_query(url, '?', "workspaceId", server->project);
    url_query(url, '&', "environment", server->environment);
    url_query(url, '&', "secretPath", folder);
}

static void take_secret(struct sy_str reply, struct sy_str what, struct sy_arena *arena,
                        struct secret_reading *ret)
{
    struct sy_json root;
    struct sy_str value;

    if (sy_json_read(reply, SY_JSON_DEPTH_MAX, &root, NULL) != SY_OK) {
        secret_unavailable(ret, "Infisical's answer for %.*s is not JSON", SY_FMT(what));
        return;
    }
    value = sy_json_text(sy_json_path(root, "secret.secretValue"), arena);
    if (!value.len || value.len > SECRET_BYTES_MAX)
        secret_unavailable(ret, "Infisical's secret %.*s is empty or larger than 64 KiB",
                           SY_FMT(what));
    else
        secret_ready(ret, value);
}

static void read_secret(struct sy_secrets *secrets, struct sy_str what, struct sy_arena *arena,
                        struct secret_reading *ret)
{
    struct infisical *server = &secrets->infisical;
    struct sy_str reply;
    struct sy_buf url;
    int status = 0;

    sy_buf_init_arena(&url, arena, URL_MAX);
    secret_url(server, what, &url, arena);
    for (int attempt = 0; attempt < 2; attempt++) {
        if (!server->token.len && !login(secrets, arena, ret))
            return;
        if (secrets->fetch.get_json(secrets->fetch.self, sy_buf_str(&url),
                                    sy_secret_str(&server->token), arena, &status, &reply) != SY_OK)
            status = 0;
        if (status != 401 && status != 403)
            break;
        sy_secret_release(&server->token);
    }
    if (status == 200)
        take_secret(reply, what, arena, ret);
    else if (status == 404)
        secret_unavailable(ret, "Infisical has no secret %.*s in environment %.*s", SY_FMT(what),
                           SY_FMT(server->environment));
    else if (status == 0)
        no_answer(server, ret);
    else
        secret_unavailable(ret, "Infisical answers HTTP %d for %.*s", status, SY_FMT(what));
}

void secret_read_infisical(struct sy_secrets *secrets, struct sy_str path_and_key,
                           struct secret_reading *ret)
{
    struct sy_arena arena;

    if (!secrets->infisical.present || !secrets->fetch.get_json || !secrets->fetch.post_json) {
        secret_unavailable(ret, "secrets.infisical is not configured");
        return;
    }
    sy_arena_init(&arena, SCRATCH_MAX);
    read_secret(secrets, path_and_key, &arena, ret);
    sy_arena_release(&arena);
}
