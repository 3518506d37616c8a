#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "api/api_int.h"

static struct sy_http_head head_with(const char *name, const char *value)
{
    struct sy_http_head head = {.header_count = value ? 1 : 0};

    head.headers[0] = (struct sy_http_header){sy_str_of(name), sy_str_of(value)};
    return head;
}

static void only_a_bearer_token_is_a_key(void **state)
{
    static const struct {
        const char *value, *token;
    } rows[] = {
        {"Bearer abc", "abc"}, {"bearer abc", "abc"}, {"BEARER  abc", "abc"},
        {"Basic abc", NULL},   {"Bearer", NULL},      {"Bearer ", NULL},
        {"Bearer a b", NULL},  {"abc", NULL},         {NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_http_head head = head_with("Authorization", rows[i].value);
        struct sy_str token = api_bearer(&head);

        assert_true(sy_str_eq(token, sy_str_of(rows[i].token)));
        assert_int_equal(token.ptr == NULL, rows[i].token == NULL);
    }
}

static void two_authorizations_are_none(void **state)
{
    struct sy_http_head head = head_with("authorization", "Bearer abc");

    (void)state;
    head.headers[head.header_count++] = head.headers[0];
    assert_null(api_bearer(&head).ptr);
}

static void traceparents_follow_w3c(void **state)
{
    static const struct {
        const char *value;
        bool good;
    } rows[] = {
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true},
        {"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true},
        {"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false},
        {"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        {"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        {"00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_http_head head = head_with("traceparent", rows[i].value);

        if ((api_traceparent(&head).ptr != NULL) != rows[i].good)
            fail_msg("%s", rows[i].value);
    }
}

static void content_types_are_read_strictly(void **state)
{
    static const struct {
        const char *value;
        enum api_body_kind kind;
    } rows[] = {
        {"application/json", API_BODY_JSON},
        {"Application/JSON; charset=\"UTF-8\"", API_BODY_JSON},
        {"application/json; charset=latin1", API_BODY_OTHER},
        {"application/merge-patch+json", API_BODY_JSON},
        {"application/+json", API_BODY_OTHER},
        {"application/x-www-form-urlencoded", API_BODY_OTHER},
        {"text/markdown; charset=utf-8", API_BODY_MARKDOWN},
        {"application/yaml", API_BODY_YAML},
        {"", API_BODY_OTHER},
        {NULL, API_BODY_NONE},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_http_head head = head_with("Content-Type", rows[i].value);

        if (api_body_kind(&head) != rows[i].kind)
            fail_msg("%s", rows[i].value ? rows[i].value : "(none)");
    }
}

static void a_request_id_is_echoed_or_made(void **state)
{
    struct sy_http_head good = head_with("X-Request-Id", "abc-1"), bad, none = {0};
    unsigned char serial[10] = {[9] = 0xff};
    struct sy_arena arena;
    struct sy_str made;

    (void)state;
    sy_arena_init(&arena, 4096);
    bad = head_with("X-Request-Id", "a b");
    assert_true(sy_str_eq(api_request_id(&good, &arena, 1, serial), SY_STR("abc-1")));
    made = api_request_id(&bad, &arena, 1, serial);
    assert_true(sy_str_starts(made, SY_STR("req_")) && made.len == 30);
    assert_false(sy_str_eq(made, api_request_id(&none, &arena, 1, serial)));
    assert_int_equal(serial[8], 1);
    sy_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_bearer_token_is_a_key),
        cmocka_unit_test(two_authorizations_are_none),
        cmocka_unit_test(traceparents_follow_w3c),
        cmocka_unit_test(content_types_are_read_strictly),
        cmocka_unit_test(a_request_id_is_echoed_or_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
