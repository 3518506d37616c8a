/*
 * Changes since a version: what is named is what differs, and what comes with it is what a load of
 * the whole says of it.
 */
#include "support.h"

#define MAX 8

static void change_one(struct fixture *f, const struct sy_change *change)
{
    const struct sy_change_note note = {.actor = SY_STR("key_1"), .at_ms = NOW};
    int64_t version;

    if (f->store->ops->apply(f->store, change, 1, &note, false, &version, &f->err))
        fail_msg("%s", f->err.text);
}

static void put(struct fixture *f, const char *toolkit, const char *vendor, const char *slug)
{
    const struct sy_row row = {
        .toolkit = z(toolkit), .vendor = z(vendor), .vendor_slug = z(slug), .version = z("latest")};
    const struct sy_change change = {.kind = SY_CHANGE_PUT_ROW,
                                     .toolkit = z(toolkit),
                                     .expected_version = -1,
                                     .rows = &row,
                                     .row_count = 1};

    change_one(f, &change);
}

static void map_tool(struct fixture *f, const char *tool, const char *toolkit)
{
    const struct sy_tool_map map = {.tool = z(tool),
                                    .toolkit = z(toolkit),
                                    .vendor = z("composio"),
                                    .vendor_tool = z("SOME_TOOL")};
    const struct sy_change change = {
        .kind = SY_CHANGE_PUT_MAP, .toolkit = z(toolkit), .expected_version = -1, .map = &map};

    change_one(f, &change);
}

static bool names(const struct sy_str *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (sy_str_eq(list[i], z(name)))
            return true;
    }
    return false;
}

static int64_t version_of(struct fixture *f)
{
    struct sy_registry all;

    assert_int_equal(f->store->ops->load(f->store, &f->arena, &all, &f->err), SY_OK);
    return all.version;
}

static struct sy_registry_changes changes(struct fixture *f, int64_t since)
{
    struct sy_registry_changes got;

    if (f->store->ops->changes(f->store, since, MAX, &f->arena, &got, &f->err))
        fail_msg("%s", f->err.text);
    assert_int_equal(got.now.version, version_of(f));
    return got;
}

static void what_is_named_is_what_changed(void **state)
{
    struct fixture *f = *state;
    struct sy_registry_changes got;
    int64_t since;

    put(f, "gmail", "composio", "gmail");
    put(f, "slack", "composio", "slack");
    map_tool(f, "gmail_send", "gmail");
    map_tool(f, "slack_post", "slack");
    since = version_of(f);
    got = changes(f, since);
    assert_int_equal(got.toolkit_count + got.family_count, 0);

    put(f, "gmail", "pipedream", "gmail");
    put(f, "gmail", "pipedream", "g_mail");
    got = changes(f, since);
    assert_int_equal(got.toolkit_count, 1);
    assert_int_equal(got.family_count, 0);
    assert_text(got.toolkits[0], "gmail");
    assert_int_equal(got.now.row_count, 2);
    assert_text(got.now.rows[1].vendor_slug, "g_mail");
    assert_int_equal(got.now.rows[0].version_number, got.now.version);
}

static void a_toolkit_that_is_gone_is_named_without_rows(void **state)
{
    const struct sy_row row = {.toolkit = SY_STR_INIT("gmail"), .vendor = SY_STR_INIT("composio")};
    const struct sy_change change = {.kind = SY_CHANGE_DELETE_ROW,
                                     .toolkit = SY_STR_INIT("gmail"),
                                     .expected_version = -1,
                                     .rows = &row,
                                     .row_count = 1};
    struct fixture *f = *state;
    struct sy_registry_changes got;
    int64_t since;

    put(f, "gmail", "composio", "gmail");
    since = version_of(f);
    change_one(f, &change);
    got = changes(f, since);
    assert_int_equal(got.toolkit_count, 1);
    assert_text(got.toolkits[0], "gmail");
    assert_int_equal(got.now.row_count, 0);
}

static void a_map_that_moves_changes_both_families(void **state)
{
    struct fixture *f = *state;
    struct sy_registry_changes got;
    int64_t since;

    map_tool(f, "gmail_send", "gmail");
    map_tool(f, "gmail_list", "gmail");
    since = version_of(f);
    map_tool(f, "gmail_send", "google_mail");
    got = changes(f, since);
    assert_int_equal(got.toolkit_count, 0);
    assert_int_equal(got.family_count, 2);
    assert_true(names(got.families, 2, "gmail"));
    assert_true(names(got.families, 2, "google_mail"));
    assert_int_equal(got.now.map_count, 2);
}

static void keys_and_quarantine_come_whole(void **state)
{
    struct fixture *f = *state;
    const struct sy_tenant tenant = {.name = SY_STR("acme")};
    struct sy_registry_changes got;
    int64_t since = version_of(f);

    assert_int_equal(f->store->ops->put_tenant(f->store, &tenant, true, &f->err), SY_OK);
    assert_int_equal(
        f->store->ops->set_quarantine(f->store, z("composio"), true, NOW, z("key_1"), &f->err),
        SY_OK);
    got = changes(f, since);
    assert_int_equal(got.toolkit_count + got.family_count, 0);
    assert_int_equal(got.now.tenant_count, 1);
    assert_int_equal(got.now.quarantined_count, 1);
}

static void too_much_or_the_future_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    struct sy_registry_changes got;
    int64_t since = version_of(f);
    char name[16];

    for (unsigned i = 0; i <= MAX; i++) {
        (void)snprintf(name, sizeof(name), "toolkit%u", i);
        put(f, name, "composio", name);
    }
    assert_int_equal(f->store->ops->changes(f->store, since, MAX, &f->arena, &got, &f->err),
                     SY_CONFLICT);
    assert_int_equal(f->store->ops->changes(f->store, since + 1, MAX, &f->arena, &got, &f->err),
                     SY_OK);
    assert_int_equal(
        f->store->ops->changes(f->store, version_of(f) + 1, MAX, &f->arena, &got, &f->err),
        SY_CONFLICT);
    /* And the store is as usable as before. */
    put(f, "after", "composio", "after");
}

int main(void)
{
    static char sqlite[] = "sqlite";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(what_is_named_is_what_changed, set_up, tear_down,
                                                 sqlite),
        cmocka_unit_test_prestate_setup_teardown(a_toolkit_that_is_gone_is_named_without_rows,
                                                 set_up, tear_down, sqlite),
        cmocka_unit_test_prestate_setup_teardown(a_map_that_moves_changes_both_families, set_up,
                                                 tear_down, sqlite),
        cmocka_unit_test_prestate_setup_teardown(keys_and_quarantine_come_whole, set_up, tear_down,
                                                 sqlite),
        cmocka_unit_test_prestate_setup_teardown(too_much_or_the_future_is_a_conflict, set_up,
                                                 tear_down, sqlite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
