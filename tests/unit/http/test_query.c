#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "http/response.h"

static void the_first_value_of_a_name_is_decoded(void **state)
{
    static const struct {
        const char *query;
        int rc;
        const char *value;
    } rows[] = {
        {"a=1", SY_OK, "1"},
        {"b=2&a=1&a=3", SY_OK, "1"},
        {"&&a", SY_OK, ""},
        {"a=", SY_OK, ""},
        {"a=b=c", SY_OK, "b=c"},
        {"%61=x%20y+z%2B", SY_OK, "x y z+"},
        {"a=%C3%A9", SY_OK, "\xc3\xa9"},
        {"%zz=1&a=2", SY_OK, "2"},
        {"b=%zz&a=2", SY_OK, "2"},
        {"", SY_NOT_FOUND, NULL},
        {"aa=1&A=2&=3", SY_NOT_FOUND, NULL},
        {"a=%", SY_INVALID, NULL},
        {"a=%4", SY_INVALID, NULL},
        {"a=%4g", SY_INVALID, NULL},
        {"a=%00", SY_INVALID, NULL},
        {"a=%ff", SY_INVALID, NULL},
        {"a=%c0%af", SY_INVALID, NULL},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_arena arena;
        struct sy_str value = {NULL, 0};

        sy_arena_init(&arena, 4096);
        assert_int_equal(sy_http_query_get(sy_str_of(rows[i].query), SY_STR("a"), &arena, &value),
                         rows[i].rc);
        assert_true(sy_str_eq(value, sy_str_of(rows[i].value)));
        sy_arena_release(&arena);
    }
}

static void an_absent_query_has_no_pairs(void **state)
{
    struct sy_str rest = {NULL, 0};
    struct sy_str name;
    struct sy_str value;
    bool bad = false;

    (void)state;
    assert_false(sy_http_query_next(&rest, NULL, &name, &value, &bad));
    assert_false(bad);
}

static void pairs_come_in_order_and_broken_ones_are_told(void **state)
{
    struct sy_str rest = SY_STR("a=1&&b+c=%32&x=%&d");
    struct sy_arena arena;
    struct sy_str name;
    struct sy_str value;
    bool bad = false;

    (void)state;
    sy_arena_init(&arena, 4096);
    assert_true(sy_http_query_next(&rest, &arena, &name, &value, &bad));
    assert_true(sy_str_eq(name, SY_STR("a")) && sy_str_eq(value, SY_STR("1")));
    assert_true(sy_http_query_next(&rest, &arena, &name, &value, &bad));
    assert_true(sy_str_eq(name, SY_STR("b c")) && sy_str_eq(value, SY_STR("2")));
    assert_false(bad);
    assert_true(sy_http_query_next(&rest, &arena, &name, &value, &bad));
    assert_true(bad);
    assert_null(name.ptr);
    assert_true(sy_http_query_next(&rest, &arena, &name, &value, &bad));
    assert_true(sy_str_eq(name, SY_STR("d")) && value.len == 0);
    assert_false(sy_http_query_next(&rest, &arena, &name, &value, &bad));
    sy_arena_release(&arena);
}

static void paths_split_into_decoded_segments(void **state)
{
    struct sy_arena arena;
    struct sy_str segments[3];
    size_t count = 9;

    (void)state;
    sy_arena_init(&arena, 4096);
    assert_int_equal(sy_http_path_split(SY_STR("/"), &arena, segments, 3, &count), SY_OK);
    assert_int_equal(count, 0);
    assert_int_equal(sy_http_path_split(SY_STR("/v1/a%20b/+"), &arena, segments, 3, &count), SY_OK);
    assert_int_equal(count, 3);
    assert_true(sy_str_eq(segments[1], SY_STR("a b")));
    assert_true(sy_str_eq(segments[2], SY_STR("+")));
    assert_int_equal(sy_http_path_split(SY_STR("/a/b/c/d"), &arena, segments, 3, &count),
                     SY_NOT_FOUND);
    sy_arena_release(&arena);
}

static void a_path_cannot_climb_or_hide(void **state)
{
    static const char *const paths[] = {
        "",       "*",    "a",     "//",     "/a/",     "/a//b",      "/.",    "/..",
        "/a/../", "/%2e", "/%2E.", "/a%2fb", "/a%2F..", "/a%00",      "/a%0d", "/a%7f",
        "/a%1",   "/a%",  "/a%zz", "/%ff",   "/%c0%ae", "/%ed%a0%80",
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(paths); i++) {
        struct sy_arena arena;
        struct sy_str segments[8];
        size_t count;

        sy_arena_init(&arena, 4096);
        if (sy_http_path_split(sy_str_of(paths[i]), &arena, segments, 8, &count) != SY_INVALID) {
            print_error("%s\n", paths[i]);
            fail();
        }
        sy_arena_release(&arena);
    }
}

static void memory_that_ends_is_told(void **state)
{
    struct sy_arena arena;
    struct sy_str text;
    size_t count;

    (void)state;
    sy_arena_init(&arena, 16);
    assert_int_equal(sy_http_query_get(SY_STR("a=0123456789012345678901234567890123456789"),
                                       SY_STR("a"), &arena, &text),
                     SY_NOMEM);
    assert_int_equal(sy_http_path_split(SY_STR("/0123456789012345678901234567890123456789"), &arena,
                                        &text, 1, &count),
                     SY_NOMEM);
    sy_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_value_of_a_name_is_decoded),
        cmocka_unit_test(an_absent_query_has_no_pairs),
        cmocka_unit_test(pairs_come_in_order_and_broken_ones_are_told),
        cmocka_unit_test(paths_split_into_decoded_segments),
        cmocka_unit_test(a_path_cannot_climb_or_hide),
        cmocka_unit_test(memory_that_ends_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
