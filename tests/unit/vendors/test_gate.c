/* The registration gate, and what the table of adapters promises to the core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "contract/registry.h"
#include "vendors/vendors.h"

static void every_adapter_passes_the_gate(void **state)
{
    size_t count;
    const struct sy_vendor *const *vendors = sy_vendors(&count);

    (void)state;
    assert_int_equal(count, 6);
    for (size_t i = 0; i < count; i++) {
        struct sy_err err = SY_ERR_INIT;
        if (sy_vendor_check(vendors[i], &err) != 0)
            fail_msg("%s", err.text);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(vendors[i]->name, vendors[j]->name);
    }
}

static void a_broken_adapter_is_refused_with_the_reason(void **state)
{
    static const struct sy_setting bare[] = {{"key", NULL, 0, NULL}, {0}};
    static const struct sy_setting shouting[] = {{"API_KEY", NULL, 0, "x"}, {0}};
    static struct sy_setting many[SY_VENDOR_SETTINGS_MAX + 2];
    struct sy_vendor good = sy_vendor_composio;
    struct sy_vendor bad[12];
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i <= SY_VENDOR_SETTINGS_MAX; i++)
        many[i] = (struct sy_setting){"name", NULL, 0, "x"};
    for (size_t i = 0; i < SY_ARRAY_LEN(bad); i++)
        bad[i] = good;
    bad[count++].abi = SY_VENDOR_ABI + 1;
    bad[count++].name = NULL;
    bad[count++].name = "Composio";
    bad[count++].name = "com posio";
    bad[count++].path = SY_PATH_COUNT;
    bad[count++].start = NULL;
    bad[count++].resume = NULL;
    bad[count++].tool_name = NULL;
    bad[count++].can = SY_CAN(SY_OP_MINT);
    bad[count++].op_size = SY_VENDOR_OP_SIZE_MAX + 1;
    bad[count++].settings = bare;
    bad[count++].settings = shouting;
    for (size_t i = 0; i < count; i++) {
        struct sy_err err = SY_ERR_INIT;
        assert_int_equal(sy_vendor_check(&bad[i], &err), SY_INVALID);
        assert_true(err.text[0] != '\0');
    }
    good.settings = many;
    assert_int_equal(sy_vendor_check(&good, NULL), SY_INVALID);
    assert_int_equal(sy_vendor_check(NULL, NULL), SY_INVALID);
}

static void secrets_are_marked_and_never_have_a_fallback(void **state)
{
    size_t count;
    const struct sy_vendor *const *vendors = sy_vendors(&count);

    (void)state;
    for (size_t i = 0; i < count; i++)
        for (const struct sy_setting *s = vendors[i]->settings; s->name; s++) {
            struct sy_str name = sy_str_of(s->name);
            bool secret = sy_str_find(name, SY_STR("secret")) != (size_t)-1 ||
                          sy_str_find(name, SY_STR("api_key")) != (size_t)-1;
            assert_int_equal(secret, (s->flags & SY_SETTING_SECRET) != 0);
            if (secret)
                assert_null(s->fallback);
        }
}

static void tool_names_are_derived_in_each_vendors_style(void **state)
{
    static const struct {
        const struct sy_vendor *vendor;
        const char *slug, *action, *name;
    } rows[] = {
        {&sy_vendor_composio, "gmail", "fetch_emails", "GMAIL_FETCH_EMAILS"},
        {&sy_vendor_composio, "zoho_bigin", "Get-Records", "ZOHO_BIGIN_GET_RECORDS"},
        {&sy_vendor_scalekit, "github", "issue_create", "github_issue_create"},
        {&sy_vendor_scalekit, "google_ads", "LIST-Ads", "google_ads_list_ads"},
        {&sy_vendor_pipedream, "google_tag_manager", "get_tag", "google_tag_manager-get-tag"},
        {&sy_vendor_pipedream, "slack_v2", "SEND_MESSAGE", "slack_v2-send-message"},
        {&sy_vendor_worker, "billing", "Create-Invoice", "billing_create_invoice"},
        {&sy_vendor_pending, "x", "y", "x_y"},
        {&sy_vendor_session, "x", "y", "x_y"},
    };
    struct sy_arena mem;

    (void)state;
    sy_arena_init(&mem, 65536);
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_str name =
            rows[i].vendor->tool_name(sy_str_of(rows[i].slug), sy_str_of(rows[i].action), &mem);
        if (!sy_str_eq(name, sy_str_of(rows[i].name)))
            fail_msg("%s: %.*s", rows[i].name, SY_FMT(name));
    }
    sy_arena_release(&mem);
}

static void an_operation_an_adapter_cannot_do_is_a_bug_and_no_crash(void **state)
{
    size_t count;
    const struct sy_vendor *const *vendors = sy_vendors(&count);

    (void)state;
    for (size_t i = 0; i < count; i++)
        for (int op = 0; op <= SY_OP_COUNT; op++) {
            struct sy_arena mem;
            struct sy_wish wish = {0};
            struct sy_operation what = {.op = (enum sy_op)op};
            struct sy_facts facts = {.mem = &mem};
            void *memory;
            if (op < SY_OP_COUNT && (vendors[i]->can & SY_CAN(op)))
                continue;
            sy_arena_init(&mem, 65536);
            memory = sy_arena_zalloc(&mem, SY_VENDOR_OP_SIZE_MAX);
            assert_int_equal(vendors[i]->start(memory, &what, &facts, &wish), SY_STEP_FAIL);
            assert_int_equal(wish.failure.code, SY_CODE_INTERNAL);
            sy_arena_release(&mem);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_adapter_passes_the_gate),
        cmocka_unit_test(a_broken_adapter_is_refused_with_the_reason),
        cmocka_unit_test(secrets_are_marked_and_never_have_a_fallback),
        cmocka_unit_test(tool_names_are_derived_in_each_vendors_style),
        cmocka_unit_test(an_operation_an_adapter_cannot_do_is_a_bug_and_no_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
