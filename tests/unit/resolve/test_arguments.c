/* Renaming arguments: only the key changes, octet for octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "resolve/resolve.h"

static const struct sy_pair RENAMES[] = {
    {SY_STR_INIT("query"), SY_STR_INIT("q")},
    {SY_STR_INIT("max_results"), SY_STR_INIT("max\"Results")},
    {SY_STR_INIT("a"), SY_STR_INIT("b")},
    {SY_STR_INIT("b"), SY_STR_INIT("a")},
    {SY_STR_INIT("one"), SY_STR_INIT("same")},
    {SY_STR_INIT("two"), SY_STR_INIT("same")},
};

static const struct sy_candidate CANDIDATE = {.renames = RENAMES,
                                              .rename_count = SY_ARRAY_LEN(RENAMES)};

static void becomes(const char *given, const char *want)
{
    struct sy_failure failure;
    struct sy_arena arena;
    struct sy_str got;
    sy_arena_init(&arena, 1 << 20);
    assert_int_equal(sy_resolve_arguments(&CANDIDATE, sy_str_of(given), &arena, &got, &failure),
                     SY_OK);
    if (!sy_str_eq(got, sy_str_of(want)))
        fail_msg("expected %s, got %.*s", want, SY_FMT(got));
    sy_arena_release(&arena);
}

static void only_the_renamed_key_changes(void **state)
{
    (void)state;
    becomes("{}", "{}");
    becomes("{\"query\":1}", "{\"q\":1}");
    becomes(
        "{ \"x\" : 1e400 ,\n\t\"query\" : {\"query\": [\"query\"]} , \"y\":\"\\u0000\\ud800\" }",
        "{ \"x\" : 1e400 ,\n\t\"q\" : {\"query\": [\"query\"]} , \"y\":\"\\u0000\\ud800\" }");
    becomes("{\"max_results\":123456789012345678901234567890}",
            "{\"max\\\"Results\":123456789012345678901234567890}");
    becomes("{\"unknown\":1,\"unknown\":2}", "{\"unknown\":1,\"unknown\":2}");
}

static void an_escaped_key_is_the_same_key(void **state)
{
    (void)state;
    becomes("{\"qu\\u0065ry\":1}", "{\"q\":1}");
}

static void a_key_that_stands_twice_is_renamed_twice(void **state)
{
    (void)state;
    becomes("{\"query\":1,\"query\":2}", "{\"q\":1,\"q\":2}");
}

static void names_may_be_swapped(void **state)
{
    (void)state;
    becomes("{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}");
}

static void the_vendors_own_name_may_be_used(void **state)
{
    (void)state;
    becomes("{\"q\":1}", "{\"q\":1}");
}

static void without_renames_the_text_is_not_even_read(void **state)
{
    static const struct sy_candidate none = {.rename_count = 0};
    struct sy_failure failure;
    struct sy_str text = SY_STR("not json"), got;
    (void)state;
    assert_int_equal(sy_resolve_arguments(&none, text, NULL, &got, &failure), SY_OK);
    assert_ptr_equal(got.ptr, text.ptr);
}

static void collides(const char *given, const char *errors)
{
    struct sy_failure failure;
    struct sy_arena arena;
    struct sy_str got;
    sy_arena_init(&arena, 1 << 20);
    assert_int_equal(sy_resolve_arguments(&CANDIDATE, sy_str_of(given), &arena, &got, &failure),
                     SY_INVALID);
    assert_int_equal(failure.code, SY_CODE_INVALID_ARGUMENTS);
    assert_true(sy_str_find(failure.errors, sy_str_of(errors)) != (size_t)-1);
    sy_arena_release(&arena);
}

static void two_arguments_that_become_one_are_refused(void **state)
{
    (void)state;
    collides("{\"query\":1,\"q\":2}", "\"/arguments/q\"");
    collides("{\"q\":2,\"query\":1}", "\"/arguments/q\"");
    collides("{\"one\":2,\"two\":1}", "\"/arguments/same\"");
}

static void what_is_no_object_is_refused(void **state)
{
    static const char *const texts[] = {"[]", "1", "{\"query\":}", "{\"query\":1} x"};
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(texts); i++) {
        struct sy_failure failure;
        struct sy_arena arena;
        struct sy_str got;
        sy_arena_init(&arena, 1 << 16);
        assert_int_equal(
            sy_resolve_arguments(&CANDIDATE, sy_str_of(texts[i]), &arena, &got, &failure),
            SY_INVALID);
        assert_int_equal(failure.code, SY_CODE_INVALID_REQUEST);
        sy_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_renamed_key_changes),
        cmocka_unit_test(an_escaped_key_is_the_same_key),
        cmocka_unit_test(a_key_that_stands_twice_is_renamed_twice),
        cmocka_unit_test(names_may_be_swapped),
        cmocka_unit_test(the_vendors_own_name_may_be_used),
        cmocka_unit_test(without_renames_the_text_is_not_even_read),
        cmocka_unit_test(two_arguments_that_become_one_are_refused),
        cmocka_unit_test(what_is_no_object_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
