#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "api/page.h"
#include "api/router.h"

static struct sy_arena arena;

static int setup(void **state)
{
    (void)state;
    sy_arena_init(&arena, (size_t)1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sy_arena_release(&arena);
    return 0;
}

static const struct {
    enum sy_http_method method;
    const char *path;
    bool admin;
    int status;
    const char *route; /* NULL: none */
    const char *captured;
    const char *allow; /* NULL: no such path */
} rows[] = {
    {SY_HTTP_POST, "/v1/execute", false, SY_OK, "execute", NULL, NULL},
    {SY_HTTP_POST, "/v1/%65xecute", false, SY_OK, "execute", NULL, NULL},
    {SY_HTTP_GET, "/v1/execute", false, SY_OK, NULL, NULL, "POST, OPTIONS"},
    {SY_HTTP_HEAD, "/v1/calls", false, SY_OK, "calls", NULL, NULL},
    {SY_HTTP_GET, "/v1/calls/call_1", false, SY_OK, "call", "call_1", NULL},
    {SY_HTTP_GET, "/v1/toolkits/google%20drive", false, SY_OK, "toolkit", "google drive", NULL},
    {SY_HTTP_DELETE, "/v1/registry/toolkits/gmail", false, SY_OK, "registry_delete", "gmail", NULL},
    {SY_HTTP_POST, "/v1/registry/toolkits/gmail", false, SY_OK, NULL, NULL,
     "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"},
    {SY_HTTP_GET, "/v1/registry/toolkits/gmail/history", false, SY_OK, "registry_history", "gmail",
     NULL},
    {SY_HTTP_GET, "/v1/registry/export", false, SY_OK, "registry_export", NULL, NULL},
    {SY_HTTP_OTHER, "/v1/execute", false, SY_OK, NULL, NULL, "POST, OPTIONS"},
    {SY_HTTP_OPTIONS, "/v1/keys/key_1", false, SY_OK, NULL, NULL, "DELETE, OPTIONS"},
    {SY_HTTP_GET, "/", false, SY_OK, NULL, NULL, NULL},
    {SY_HTTP_GET, "/v1", false, SY_OK, NULL, NULL, NULL},
    {SY_HTTP_GET, "/v1/calls/a/b", false, SY_OK, NULL, NULL, NULL},
    {SY_HTTP_GET, "/a/b/c/d/e/f/g/h/i/j", false, SY_OK, NULL, NULL, NULL},
    {SY_HTTP_GET, "/v1/calls/", false, SY_INVALID, NULL, NULL, NULL},
    {SY_HTTP_GET, "/v1/../v1/calls", false, SY_INVALID, NULL, NULL, NULL},
    {SY_HTTP_GET, "/v1/calls/%2e%2e", false, SY_INVALID, NULL, NULL, NULL},
    {SY_HTTP_GET, "/v1/calls/a%2fb", false, SY_INVALID, NULL, NULL, NULL},
    {SY_HTTP_GET, "/v1/calls/%00", false, SY_INVALID, NULL, NULL, NULL},
    {SY_HTTP_GET, "/v1/calls/%zz", false, SY_INVALID, NULL, NULL, NULL},
    {SY_HTTP_GET, "/v1/calls/%ff", false, SY_INVALID, NULL, NULL, NULL},
    {SY_HTTP_GET, "/metrics", false, SY_OK, NULL, NULL, NULL},
    {SY_HTTP_GET, "/metrics", true, SY_OK, "metrics", NULL, NULL},
    {SY_HTTP_GET, "/healthz", true, SY_OK, "healthz", NULL, NULL},
    {SY_HTTP_GET, "/healthz", false, SY_OK, "healthz", NULL, NULL},
    {SY_HTTP_POST, "/v1/execute", true, SY_OK, NULL, NULL, NULL},
};

static void every_path_means_one_route_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct api_match match;
        const char *id;

        assert_int_equal(
            api_route_find(rows[i].method, sy_str_of(rows[i].path), rows[i].admin, &arena, &match),
            rows[i].status);
        if (rows[i].status != SY_OK)
            continue;
        id = match.route ? match.route->id : NULL;
        if ((id == NULL) != (rows[i].route == NULL) || (id && strcmp(id, rows[i].route) != 0))
            fail_msg("%s: %s", rows[i].path, id ? id : "none");
        if (rows[i].captured)
            assert_true(sy_str_eq(match.captured[0], sy_str_of(rows[i].captured)));
        if (!match.route && rows[i].allow)
            assert_true(sy_str_eq(api_allow(match.allowed, &arena), sy_str_of(rows[i].allow)));
        if (!match.route && !rows[i].allow)
            assert_int_equal(match.allowed, 0);
    }
}

static void routes_name_parameters_that_exist(void **state)
{
    size_t count;
    const struct api_route *routes = api_routes(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct sy_str rest = sy_str_of(routes[i].query), name;

        while (rest.len && sy_str_split(&rest, ',', &name)) {
            bool known = false;

            for (int q = 0; q < API_QUERY_COUNT; q++)
                known = known || (sy_str_eq(name, sy_str_of(api_queries[q].name)) &&
                                  api_route_takes(&routes[i], (enum api_query)q));
            if (!known)
                fail_msg("%s: %.*s", routes[i].id, SY_FMT(name));
        }
    }
}

static void cursors_come_back_as_they_went(void **state)
{
    static const char *const positions[] = {"a", "google drive", "call_01JD", "100"};
    static const char *const strange[] = {"", "p", "x", "YQ", "qYQ", "p!!", "pAA", "p_w"};
    struct sy_str position;

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(positions); i++) {
        struct sy_str cursor = api_cursor_make(sy_str_of(positions[i]), &arena);

        assert_true(cursor.len > 0);
        assert_true(api_cursor_read(cursor, &arena, &position));
        assert_true(sy_str_eq(position, sy_str_of(positions[i])));
    }
    for (size_t i = 0; i < SY_ARRAY_LEN(strange); i++)
        if (api_cursor_read(sy_str_of(strange[i]), &arena, &position))
            fail_msg("\"%s\" was taken", strange[i]);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_path_means_one_route_or_none),
        TEST(routes_name_parameters_that_exist),
        TEST(cursors_come_back_as_they_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
