/* Problem documents and the facts about their codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "contract/vendor.h"

#include <string.h>

static void every_code_is_found_by_its_name_and_has_a_status(void **state)
{
    (void)state;
    for (int code = SY_CODE_NONE + 1; code < SY_CODE_COUNT; code++) {
        enum sy_code c = (enum sy_code)code;
        assert_int_equal(sy_code_from_name(sy_str_of(sy_code_name(c))), c);
        assert_in_range(sy_code_status(c), 400, 599);
        assert_true(strlen(sy_code_title(c)) > 0);
        assert_true(strlen(sy_origin_name(sy_code_origin(c))) > 0);
    }
    assert_int_equal(sy_code_from_name(SY_STR("nope")), SY_CODE_NONE);
    assert_int_equal(sy_code_from_name(SY_STR("")), SY_CODE_NONE);
}

static void every_cause_has_a_word_of_its_own_and_a_text(void **state)
{
    (void)state;
    for (int i = SY_CAUSE_NONE + 1; i < SY_CAUSE_COUNT; i++) {
        assert_true(strlen(sy_cause_text((enum sy_cause)i)) > 0);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(sy_cause_word((enum sy_cause)i),
                                    sy_cause_word((enum sy_cause)j));
    }
}

static void assert_document(const struct sy_failure *failure, bool maybe_applied,
                            struct sy_str call_id, const char *expected)
{
    struct sy_buf out;

    sy_buf_init(&out, 65536);
    sy_failure_write(&out, failure, maybe_applied, call_id);
    assert_true(sy_buf_ok(&out));
    if (!sy_str_eq(sy_buf_str(&out), sy_str_of(expected)))
        fail_msg("%.*s\n%s", SY_FMT(sy_buf_str(&out)), expected);
    sy_buf_release(&out);
}

static void a_document_carries_what_the_code_calls_for_and_no_more(void **state)
{
    const struct sy_failure bare = {.code = SY_CODE_NOT_FOUND};
    const struct sy_failure full = {
        .code = SY_CODE_TOOL_FAILED,
        .cause = SY_CAUSE_PROVIDER_ERROR,
        .retryable = SY_TRI_YES,
        .detail = SY_STR("no \"luck\"\n"),
        .provider_status = 502,
        .provider_body = SY_STR("{\"n\":1e400}"),
    };
    const struct sy_failure scope = {.code = SY_CODE_SCOPE_MISSING,
                                     .cause = SY_CAUSE_CREDENTIAL_SCOPE,
                                     .fix = "reconsent",
                                     .connect_url = SY_STR("https://x/y"),
                                     .expires_at_ms = 1795251600000};
    const struct sy_failure rate = {
        .code = SY_CODE_RATE_LIMITED, .limited_by = "vendor", .origin = SY_ORIGIN_VENDOR};

    (void)state;
    assert_document(&bare, false, (struct sy_str){0},
                    "{\"type\":\"urn:switchyard:error:not_found\",\"title\":\"There is no such "
                    "resource\",\"status\":404,\"detail\":\"There is no such resource\",\"code\":"
                    "\"not_found\",\"cause\":null,\"origin\":\"caller\",\"retryable\":false,"
                    "\"maybe_applied\":false}");
    assert_document(
        &full, true, SY_STR("call_1"),
        "{\"type\":\"urn:switchyard:error:tool_failed\",\"title\":\"The provider refused "
        "the call\",\"status\":422,\"detail\":\"no \\\"luck\\\"\\n\",\"code\":"
        "\"tool_failed\",\"cause\":\"provider_error\",\"origin\":\"provider\","
        "\"retryable\":true,\"maybe_applied\":true,\"call_id\":\"call_1\","
        "\"provider_status\":502,\"provider_body\":{\"n\":1e400}}");
    assert_document(&scope, false, (struct sy_str){0},
                    "{\"type\":\"urn:switchyard:error:scope_missing\",\"title\":\"The connection "
                    "lacks a permission\",\"status\":403,\"detail\":\"The user's grant lacks a "
                    "scope.\",\"code\":\"scope_missing\",\"cause\":\"credential_scope\",\"origin\":"
                    "\"user\",\"retryable\":false,\"maybe_applied\":false,\"connect_url\":"
                    "\"https://x/y\",\"expires_at\":\"2026-11-21T09:00:00.000Z\","
                    "\"missing_scopes\":null,\"fix\":\"reconsent\"}");
    assert_document(&rate, false, (struct sy_str){0},
                    "{\"type\":\"urn:switchyard:error:rate_limited\",\"title\":\"Too many calls\","
                    "\"status\":429,\"detail\":\"Too many calls\",\"code\":\"rate_limited\","
                    "\"cause\":null,\"origin\":\"vendor\",\"retryable\":true,\"maybe_applied\":"
                    "false,\"by\":\"vendor\"}");
}

static void a_copied_failure_outlives_its_source(void **state)
{
    char text[] = "gone soon";
    struct sy_str slice = {text, sizeof(text) - 1};
    struct sy_failure failure = {.code = SY_CODE_TOOL_NOT_FOUND, .renamed_to = slice};
    struct sy_arena mem;

    (void)state;
    sy_arena_init(&mem, 4096);
    sy_failure_copy(&failure, &mem);
    memset(text, 'x', sizeof(text));
    assert_true(sy_str_eq(failure.renamed_to, SY_STR("gone soon")));
    assert_null(failure.detail.ptr);
    assert_null(failure.rules.ptr);
    sy_arena_release(&mem);
}

static void a_request_is_bound_by_its_wire_form_only(void **state)
{
    static const struct {
        const char *url, *body, *bound;
        bool is;
    } rows[] = {
        {"https://x/?u=a%3Ab", "", "a%3Ab", true},
        {"https://x/", "{\"u\":\"a:b\"}", "\"a:b\"", true},
        {"https://x/?u=a:b", "", "a:b", true},
        {"https://x/?account=acc_1", "", "acc_1", true},
        {"https://x/", "", "a%3Ab", false},                 /* not in the bytes */
        {"https://x/?u=a%3Ac", "", "a%3Ac", false},         /* somebody else */
        {"https://x/?u=a%3Ab%3Ac", "", "a%3Ab%3Ac", false}, /* longer than the subject */
        {"https://x/?u=a%3ab", "", "a%3ab", false},         /* not how we encode */
        {"https://x/", "{\"u\":\"a:bc\"}", "\"a:bc\"", false},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_request request = {.url = sy_str_of(rows[i].url),
                                     .body = {sy_str_of(rows[i].body)},
                                     .body_count = 1,
                                     .bound = sy_str_of(rows[i].bound)};
        if (sy_request_is_bound(&request, SY_STR("a:b"), SY_STR("acc_1")) != rows[i].is)
            fail_msg("row %zu", i);
    }
    assert_true(sy_request_is_bound(&(struct sy_request){0}, SY_STR("a"), (struct sy_str){0}));
}

static void names_of_effects_and_paths_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < SY_PATH_COUNT; i++) {
        enum sy_path path = SY_PATH_COUNT;
        assert_true(sy_path_from_name(sy_str_of(sy_path_name((enum sy_path)i)), &path));
        assert_int_equal(path, i);
    }
    for (int i = SY_EFFECT_READ; i <= SY_EFFECT_DESTRUCTIVE; i++) {
        enum sy_effect effect = SY_EFFECT_UNKNOWN;
        assert_true(sy_effect_from_name(sy_str_of(sy_effect_name((enum sy_effect)i)), &effect));
        assert_int_equal(effect, i);
    }
    assert_string_equal(sy_effect_name(SY_EFFECT_UNKNOWN), "write");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_is_found_by_its_name_and_has_a_status),
        cmocka_unit_test(every_cause_has_a_word_of_its_own_and_a_text),
        cmocka_unit_test(a_document_carries_what_the_code_calls_for_and_no_more),
        cmocka_unit_test(a_copied_failure_outlives_its_source),
        cmocka_unit_test(a_request_is_bound_by_its_wire_form_only),
        cmocka_unit_test(names_of_effects_and_paths_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
