#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "secrets/secrets.h"

/* ---- a table in place of Infisical ---- */

struct server {
    int login_status, get_status;
    const char *value;
    unsigned logins, gets;
    unsigned refuse_gets; /* this many 401s first */
    char last_url[512];
    char last_body[256];
};

static int post_json(void *self, struct sy_str url, struct sy_str body, struct sy_arena *arena,
                     int *ret_status, struct sy_str *ret_body)
{
    struct server *server = self;

    server->logins++;
    snprintf(server->last_url, sizeof(server->last_url), "%.*s", SY_FMT(url));
    snprintf(server->last_body, sizeof(server->last_body), "%.*s", SY_FMT(body));
    *ret_status = server->login_status;
    *ret_body =
        sy_arena_printf(arena, "{\"accessToken\":\"t%u\",\"expiresIn\":60}", server->logins);
    return server->login_status ? SY_OK : SY_UNAVAILABLE;
}

static int get_json(void *self, struct sy_str url, struct sy_str bearer, struct sy_arena *arena,
                    int *ret_status, struct sy_str *ret_body)
{
    struct server *server = self;

    server->gets++;
    assert_true(bearer.len > 0);
    snprintf(server->last_url, sizeof(server->last_url), "%.*s", SY_FMT(url));
    *ret_status = server->get_status;
    if (server->refuse_gets) {
        server->refuse_gets--;
        *ret_status = 401;
    }
    *ret_body = sy_arena_printf(arena, "{\"secret\":{\"secretKey\":\"K\",\"secretValue\":\"%s\"}}",
                                server->value);
    return SY_OK;
}

static struct server server;
static struct sy_secrets *secrets;

static void open_secrets(const char *client_secret)
{
    struct sy_settings settings = {0};
    struct sy_secret_fetch fetch = {post_json, get_json, &server};

    settings.infisical.present = true;
    settings.infisical.url = SY_STR("http://infisical.test/");
    settings.infisical.project = SY_STR("p 1");
    settings.infisical.environment = SY_STR("prod");
    settings.infisical.client_id = sy_ref_parse(SY_STR("literal:me"));
    settings.infisical.client_id.set = true;
    settings.infisical.client_secret = sy_ref_parse(sy_str_of(client_secret));
    settings.infisical.client_secret.set = true;
    settings.named[0].name = SY_STR("billing");
    settings.named[0].ref = sy_ref_parse(SY_STR("literal:bill"));
    settings.named[0].ref.set = true;
    settings.named_count = 1;
    assert_int_equal(sy_secrets_create(&settings, &fetch, &secrets, NULL), SY_OK);
}

static struct sy_secret_value get(const char *text)
{
    struct sy_ref ref = sy_ref_parse(sy_str_of(text));

    ref.set = true;
    return sy_secrets_get(secrets, &ref);
}

static int setup(void **state)
{
    (void)state;
    server = (struct server){.login_status = 200, .get_status = 200, .value = "v"};
    open_secrets("literal:mine");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sy_secrets_free(secrets);
    return 0;
}

static void is_ready(struct sy_secret_value value, const char *text)
{
    assert_int_equal(value.state, SY_SECRET_READY);
    assert_true(sy_str_eq(value.value, sy_str_of(text)));
}

static void is_not(struct sy_secret_value value, enum sy_secret_state expected, const char *why)
{
    assert_int_equal(value.state, expected);
    assert_null(value.value.ptr);
    if (sy_str_find(value.why, sy_str_of(why)) == (size_t)-1)
        fail_msg("\"%.*s\" does not say \"%s\"", SY_FMT(value.why), why);
}

static void literals_are_themselves(void **state)
{
    (void)state;
    is_ready(get("literal:a b"), "a b");
    is_ready(sy_secrets_named(secrets, SY_STR("billing")), "bill");
    is_not(sy_secrets_named(secrets, SY_STR("nobody")), SY_SECRET_ABSENT, "secrets.named");
}

static void an_unset_variable_is_absent(void **state)
{
    (void)state;
    unsetenv("SY_TEST_SECRET");
    is_not(get("env:SY_TEST_SECRET"), SY_SECRET_ABSENT, "SY_TEST_SECRET is not set");
    setenv("SY_TEST_SECRET_2", "x", 1);
    is_ready(get("env:SY_TEST_SECRET_2"), "x");
}

static void write_file(const char *path, const char *text, size_t len, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void files_lose_one_line_end_and_are_checked(void **state)
{
    static char large[65 << 10];
    static const struct {
        const char *text;
        size_t len;
        mode_t mode;
        enum sy_secret_state state;
        const char *says;
    } rows[] = {
        {"abc\n", 4, 0600, SY_SECRET_READY, "abc"},
        {"abc\r\n", 5, 0444, SY_SECRET_READY, "abc"},
        {"abc\n\n", 5, 0600, SY_SECRET_READY, "abc\n"},
        {" abc ", 5, 0640, SY_SECRET_READY, " abc "},
        {"\n", 1, 0600, SY_SECRET_UNAVAILABLE, "is empty"},
        {"a\0b", 3, 0600, SY_SECRET_UNAVAILABLE, "NUL"},
        {"abc", 3, 0666, SY_SECRET_UNAVAILABLE, "everybody"},
        {large, sizeof(large), 0600, SY_SECRET_UNAVAILABLE, "64 KiB"},
    };
    char folder[] = "sy_secrets_XXXXXX";
    char path[64], ref[80];

    (void)state;
    memset(large, 'x', sizeof(large));
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        snprintf(path, sizeof(path), "%s/%zu", folder, i);
        snprintf(ref, sizeof(ref), "file:%s", path);
        write_file(path, rows[i].text, rows[i].len, rows[i].mode);
        if (rows[i].state == SY_SECRET_READY)
            is_ready(get(ref), rows[i].says);
        else
            is_not(get(ref), rows[i].state, rows[i].says);
        unlink(path);
    }
    snprintf(ref, sizeof(ref), "file:%s", folder);
    is_not(get(ref), SY_SECRET_UNAVAILABLE, "regular");
    rmdir(folder);
}

static void a_missing_file_is_tried_again(void **state)
{
    char path[] = "sy_secret_XXXXXX";
    char ref[64];
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    unlink(path);
    snprintf(ref, sizeof(ref), "file:%s", path);
    is_not(get(ref), SY_SECRET_UNAVAILABLE, "No such file");
    assert_false(sy_secrets_retry(secrets));
    write_file(path, "now", 3, 0600);
    is_not(get(ref), SY_SECRET_UNAVAILABLE, "No such file");
    assert_true(sy_secrets_retry(secrets));
    is_ready(get(ref), "now");
    unlink(path);
}

static void a_changed_secret_is_taken_over_and_the_old_one_outlives_it(void **state)
{
    char path[] = "sy_secret_XXXXXX", ref[64];
    int fd = mkstemp(path);
    struct sy_secret_value old;

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    snprintf(ref, sizeof(ref), "file:%s", path);
    write_file(path, "first", 5, 0600);
    old = get(ref);
    is_ready(old, "first");
    write_file(path, "second", 6, 0600);
    is_ready(get(ref), "first"); /* it is read once, not once a call */
    sy_secrets_renew(secrets);
    is_ready(get(ref), "second");
    assert_true(sy_str_eq(old.value, SY_STR("first")));

    unlink(path);
    sy_secrets_renew(secrets);
    is_ready(get(ref), "second"); /* what cannot be read now stays as it was */
}

static void infisical_that_is_down_takes_no_secret_away(void **state)
{
    (void)state;
    is_ready(get("infisical:a/K"), "v");
    server.value = "w";
    server.get_status = 503;
    sy_secrets_renew(secrets);
    is_ready(get("infisical:a/K"), "v");
    server.get_status = 200;
    sy_secrets_renew(secrets);
    is_ready(get("infisical:a/K"), "w");
}

static void infisical_is_asked_once_a_secret_and_logged_in_to_once(void **state)
{
    (void)state;
    is_ready(get("infisical:pipedream/eu/client id"), "v");
    assert_string_equal(server.last_body, "{\"clientId\":\"me\",\"clientSecret\":\"mine\"}");
    assert_string_equal(server.last_url,
                        "http://infisical.test/api/v3/secrets/raw/client%20id?workspaceId=p%201&"
                        "environment=prod&secretPath=%2Fpipedream%2Feu");
    is_ready(get("infisical:pipedream/eu/client id"), "v");
    is_ready(get("infisical:KEY"), "v");
    assert_true(sy_str_ends(sy_str_of(server.last_url), SY_STR("secretPath=%2F")));
    assert_int_equal(server.logins, 1);
    assert_int_equal(server.gets, 2);
}

static void a_refused_token_is_replaced_once(void **state)
{
    (void)state;
    is_ready(get("infisical:A"), "v");
    server.refuse_gets = 1;
    is_ready(get("infisical:B"), "v");
    assert_int_equal(server.logins, 2);
    server.refuse_gets = 5;
    is_not(get("infisical:C"), SY_SECRET_UNAVAILABLE, "HTTP 401");
    assert_int_equal(server.logins, 3);
}

static void infisical_that_is_down_makes_the_secret_unavailable(void **state)
{
    (void)state;
    server.login_status = 0;
    is_not(get("infisical:A"), SY_SECRET_UNAVAILABLE, "does not answer");
    server.login_status = 401;
    is_not(get("infisical:B"), SY_SECRET_UNAVAILABLE, "machine identity");
    server.login_status = 200;
    server.get_status = 404;
    is_not(get("infisical:D"), SY_SECRET_UNAVAILABLE, "no secret D");
    server.get_status = 200;
    assert_true(sy_secrets_retry(secrets));
    is_ready(get("infisical:A"), "v");
}

static void a_server_that_does_not_answer_is_waited_for_once_a_retry(void **state)
{
    unsigned logins;

    (void)state;
    server.login_status = 0;
    for (const char *const *ref =
             (const char *const[]){"infisical:A", "infisical:B", "infisical:C", NULL};
         *ref; ref++)
        is_not(get(*ref), SY_SECRET_UNAVAILABLE, "does not answer");
    logins = server.logins;
    assert_false(sy_secrets_retry(secrets));
    assert_int_equal(server.logins, logins + 1);
    server.login_status = 200;
    assert_true(sy_secrets_retry(secrets));
    is_ready(get("infisical:C"), "v");
}

static void the_identity_cannot_come_from_infisical(void **state)
{
    (void)state;
    sy_secrets_free(secrets);
    open_secrets("infisical:x/y");
    is_not(get("infisical:A"), SY_SECRET_UNAVAILABLE, "client_secret");
    assert_int_equal(server.logins, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(literals_are_themselves),
        TEST(an_unset_variable_is_absent),
        TEST(files_lose_one_line_end_and_are_checked),
        TEST(a_missing_file_is_tried_again),
        TEST(a_changed_secret_is_taken_over_and_the_old_one_outlives_it),
        TEST(infisical_that_is_down_takes_no_secret_away),
        TEST(infisical_is_asked_once_a_secret_and_logged_in_to_once),
        TEST(a_refused_token_is_replaced_once),
        TEST(infisical_that_is_down_makes_the_secret_unavailable),
        TEST(a_server_that_does_not_answer_is_waited_for_once_a_retry),
        TEST(the_identity_cannot_come_from_infisical),
    };

    return sy_crypto_init() == SY_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
