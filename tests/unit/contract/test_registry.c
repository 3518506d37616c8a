/* The registry's names, states and scopes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "contract/registry.h"

static void states_are_read_in_any_case_and_with_either_dash(void **state)
{
    enum sy_row_state s;
    (void)state;
    assert_true(sy_row_state_from_name(SY_STR("live"), &s) && s == SY_ROW_LIVE);
    assert_true(sy_row_state_from_name(SY_STR("Pending_Native"), &s) && s == SY_ROW_PENDING_NATIVE);
    assert_true(sy_row_state_from_name(SY_STR("PENDING-NATIVE"), &s) && s == SY_ROW_PENDING_NATIVE);
    assert_false(sy_row_state_from_name(SY_STR("PENDING"), &s));
    assert_false(sy_row_state_from_name(SY_STR(""), &s));
    for (int i = 0; i < SY_ROW_STATE_COUNT; i++)
        assert_true(
            sy_row_state_from_name(sy_str_of(sy_row_state_name((enum sy_row_state)i)), &s) &&
            s == (enum sy_row_state)i);
    assert_true(sy_row_state_routes(SY_ROW_LIVE) && sy_row_state_routes(SY_ROW_DISCOVERED) &&
                sy_row_state_routes(SY_ROW_DEPRECATED));
    assert_false(sy_row_state_routes(SY_ROW_BLOCKED) || sy_row_state_routes(SY_ROW_PENDING_NATIVE));
}

static void criticality_and_match_have_names(void **state)
{
    enum sy_criticality c;
    enum sy_match m;
    (void)state;
    assert_true(sy_criticality_from_name(SY_STR("High"), &c) && c == SY_CRITICALITY_HIGH);
    assert_false(sy_criticality_from_name(SY_STR("urgent"), &c));
    assert_string_equal(sy_criticality_name(SY_CRITICALITY_MEDIUM), "medium");
    assert_true(sy_match_from_name(SY_STR("reviewed"), &m) && m == SY_MATCH_REVIEWED);
    assert_false(sy_match_from_name(SY_STR("maybe"), &m));
    assert_string_equal(sy_match_name(SY_MATCH_CANDIDATE), "candidate");
}

static void scopes_go_both_ways(void **state)
{
    struct sy_buf out;
    unsigned scopes = 0;
    (void)state;
    assert_true(sy_scopes_parse(SY_STR("call, registry"), &scopes));
    assert_int_equal(scopes, SY_SCOPE_CALL | SY_SCOPE_REGISTRY);
    sy_buf_init(&out, 100);
    sy_scopes_write(&out, scopes);
    assert_true(sy_str_eq(sy_buf_str(&out), SY_STR("call,registry")));
    sy_buf_release(&out);
    assert_false(sy_scopes_parse(SY_STR(""), &scopes));
    assert_false(sy_scopes_parse(SY_STR("call,root"), &scopes));
    assert_false(sy_scopes_parse(SY_STR("call,,admin"), &scopes));
}

static void names_are_compared_without_case_and_separators(void **state)
{
    static const char *const same[] = {"googletagmanager", "Google Tag Manager",
                                       "google_tag_manager", "GOOGLE-TAG-MANAGER"};
    char out[64];
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(same); i++)
        assert_true(
            sy_str_eq(sy_name_normalise(sy_str_of(same[i]), out), SY_STR("googletagmanager")));
}

static void tool_names_have_1_to_128_plain_characters(void **state)
{
    char longest[130];
    (void)state;
    memset(longest, 'a', sizeof(longest));
    assert_true(sy_name_is_valid(sy_str_from(longest, 128)));
    assert_false(sy_name_is_valid(sy_str_from(longest, 129)));
    assert_false(sy_name_is_valid(sy_str_from(longest, 0)));
    assert_true(sy_name_is_valid(SY_STR("a.b-c_D9")));
    assert_true(sy_name_is_valid(SY_STR("_a_")));
    static const char *const bad[] = {".a",  "a.",  "-a",       "a-", "a/b",
                                      "a b", "a\n", "\xc3\xa4", "..", "a%2f"};
    for (size_t i = 0; i < SY_ARRAY_LEN(bad); i++)
        assert_false(sy_name_is_valid(sy_str_of(bad[i])));
}

static void tenants_have_1_to_32_lower_case_characters(void **state)
{
    (void)state;
    assert_true(sy_tenant_name_is_valid(SY_STR("a")));
    assert_true(sy_tenant_name_is_valid(SY_STR("0-acme-")));
    assert_true(sy_tenant_name_is_valid(SY_STR("abcdefghijklmnopqrstuvwxyz012345")));
    assert_false(sy_tenant_name_is_valid(SY_STR("abcdefghijklmnopqrstuvwxyz0123456")));
    static const char *const bad[] = {"", "-a", "A", "a_b", "a b", "a:b"};
    for (size_t i = 0; i < SY_ARRAY_LEN(bad); i++)
        assert_false(sy_tenant_name_is_valid(sy_str_of(bad[i])));
}

static void users_are_1_to_200_bytes_without_control_characters_and_commas(void **state)
{
    char longest[201];
    (void)state;
    memset(longest, 'u', sizeof(longest));
    assert_true(sy_user_id_is_valid(sy_str_from(longest, 200)));
    assert_false(sy_user_id_is_valid(sy_str_from(longest, 201)));
    assert_true(sy_user_id_is_valid(SY_STR("auth0|bob:1 @x.org \xc3\xa4 \xf0\x9f\x98\x80")));
    assert_false(sy_user_id_is_valid(SY_STR("")));
    assert_false(sy_user_id_is_valid(SY_STR("a\0b")));
    static const char *const bad[] = {"a,b", "a\nb", "a\x7f", "\xff", "a\xc2\x85z", "\xed\xa0\x80"};
    for (size_t i = 0; i < SY_ARRAY_LEN(bad); i++)
        assert_false(sy_user_id_is_valid(sy_str_of(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_are_read_in_any_case_and_with_either_dash),
        cmocka_unit_test(criticality_and_match_have_names),
        cmocka_unit_test(scopes_go_both_ways),
        cmocka_unit_test(names_are_compared_without_case_and_separators),
        cmocka_unit_test(tool_names_have_1_to_128_plain_characters),
        cmocka_unit_test(tenants_have_1_to_32_lower_case_characters),
        cmocka_unit_test(users_are_1_to_200_bytes_without_control_characters_and_commas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
