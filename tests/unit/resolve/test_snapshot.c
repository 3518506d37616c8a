/* The snapshot: what is in it, that it owns it, that it is the same for the same registry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "resolve/resolve.h"

static struct sy_str plain_name(struct sy_str slug, struct sy_str action, struct sy_arena *mem)
{
    const struct sy_str parts[] = {slug, SY_STR("_"), action};
    return sy_arena_join(mem, parts, 3);
}

static const struct sy_vendor COMPOSIO = {
    .name = "composio", .path = SY_PATH_NATIVE, .user_connection = true, .tool_name = plain_name};
static const struct sy_vendor PIPEDREAM = {
    .name = "pipedream", .path = SY_PATH_PIPEDREAM, .tool_name = plain_name};
static const struct sy_vendor *const VENDORS[] = {&COMPOSIO, &PIPEDREAM};

/* A registry of `count` toolkits with two rows each, in text that is freed before it is read. */
struct world {
    struct sy_arena arena;
    struct sy_policy policy;
    struct sy_snapshot *snapshot;
};

static void build(struct world *w, size_t count)
{
    static const struct sy_str names[] = {SY_STR_INIT("composio"), SY_STR_INIT("pipedream")};
    const struct sy_policy_source source = {.file = SY_STR("p"), .text = sy_policy_default_text()};
    struct sy_registry registry = {.version = 3};
    struct sy_faults faults;
    struct sy_arena scratch;
    struct sy_row *rows;

    sy_arena_init(&scratch, (size_t)4 << 30);
    rows = sy_arena_array(&scratch, 2 * count, sizeof(*rows));
    for (size_t i = 0; i < 2 * count; i++) {
        /* backwards, so that the builder has to sort */
        size_t number = count - 1 - i / 2;
        rows[i].toolkit = sy_arena_printf(&scratch, "toolkit%zu", number);
        rows[i].vendor = names[1 - i % 2];
        rows[i].vendor_slug =
            i % 2 ? rows[i].toolkit : sy_arena_printf(&scratch, "tool_kit_%zu_app", number);
        rows[i].version_number = (int64_t)i;
    }
    registry.rows = rows;
    registry.row_count = 2 * count;
    sy_arena_init(&w->arena, 1 << 20);
    sy_faults_init(&faults);
    assert_int_equal(sy_policy_load(&source, 1, names, 2, &w->arena, &w->policy, &faults), SY_OK);
    sy_faults_release(&faults);
    assert_int_equal(sy_snapshot_build(&registry, &w->policy, &w->snapshot, NULL), SY_OK);
    sy_arena_release(&scratch);
}

static void drop(struct world *w)
{
    sy_snapshot_free(w->snapshot);
    sy_arena_release(&w->arena);
}

static void decide(const struct world *w, struct sy_str tool, struct sy_arena *arena,
                   struct sy_decision *decision)
{
    const struct sy_resolve_request request = {.tool = tool,
                                               .user_id = SY_STR("user_123"),
                                               .tenant = SY_STR("acme"),
                                               .environment = SY_STR("production")};
    const struct sy_resolve_facts facts = {.now_unix_ms = 1, .vendors = VENDORS, .vendor_count = 2};
    assert_int_equal(sy_resolve(w->snapshot, &request, &facts, arena, decision), SY_OK);
}

static void it_owns_what_it_holds(void **state)
{
    struct sy_decision *d = malloc(sizeof(*d));
    struct sy_arena arena;
    struct world w;
    (void)state;
    build(&w, 100);
    sy_arena_init(&arena, 1 << 20);
    decide(&w, SY_STR("TOOLKIT42_DO_IT"), &arena, d);
    /* The decision outlives the snapshot. */
    sy_snapshot_free(w.snapshot);
    assert_int_equal(d->kind, SY_DECIDED);
    assert_int_equal(d->candidate_count, 2);
    assert_true(sy_str_eq(d->toolkit, SY_STR("toolkit42")));
    assert_true(sy_str_eq(d->candidates[1].target.vendor_slug, SY_STR("tool_kit_42_app")));
    assert_true(
        sy_str_eq(d->considered[0].reason, SY_STR("row toolkit42/composio LIVE (version 115)")));
    sy_arena_release(&arena);
    sy_arena_release(&w.arena);
    free(d);
}

static void toolkits_stand_in_name_order(void **state)
{
    struct sy_str last = {NULL, 0};
    struct sy_toolkit toolkit;
    struct world w;
    size_t count;
    (void)state;
    build(&w, 1000);
    assert_int_equal(sy_snapshot_toolkit_count(w.snapshot), 1000);
    for (count = 0; sy_snapshot_toolkit_after(w.snapshot, last, &toolkit); count++) {
        assert_true(!last.ptr || sy_str_cmp(last, toolkit.name) < 0);
        last = toolkit.name;
    }
    assert_int_equal(count, 1000);
    assert_true(sy_snapshot_toolkit_after(w.snapshot, SY_STR("toolkit41x"), &toolkit));
    assert_true(sy_str_eq(toolkit.name, SY_STR("toolkit42")));
    drop(&w);
}

static void every_toolkit_is_found_in_every_spelling(void **state)
{
    struct sy_toolkit none;
    struct world w;
    (void)state;
    build(&w, 2000);
    for (size_t i = 0; i < 2000; i++) {
        char text[64];
        struct sy_toolkit by_name, by_slug;
        snprintf(text, sizeof(text), "Tool-Kit%zu", i);
        assert_true(sy_snapshot_toolkit(w.snapshot, sy_str_of(text), &by_name));
        snprintf(text, sizeof(text), "TOOL_KIT_%zu_APP", i);
        assert_true(sy_snapshot_toolkit(w.snapshot, sy_str_of(text), &by_slug));
        assert_ptr_equal(by_name.rows, by_slug.rows);
        assert_int_equal(by_name.row_count, 2);
    }
    assert_false(sy_snapshot_toolkit(w.snapshot, SY_STR("toolkit2000"), &none));
    drop(&w);
}

static void keys_and_tenants_are_found_and_revoked_keys_are_not(void **state)
{
    struct sy_key keys[2] = {{.id = SY_STR_INIT("key_1"), .tenant = SY_STR_INIT("acme")},
                             {.id = SY_STR_INIT("key_2"), .revoked_at_ms = 5}};
    const struct sy_pair label = {SY_STR_INIT("region"), SY_STR_INIT("eu")};
    const struct sy_tenant tenant = {
        .name = SY_STR_INIT("acme"), .labels = &label, .label_count = 1};
    const struct sy_str quarantined = SY_STR("pipedream");
    struct sy_registry registry = {.keys = keys,
                                   .key_count = 2,
                                   .tenants = &tenant,
                                   .tenant_count = 1,
                                   .quarantined = &quarantined,
                                   .quarantined_count = 1};
    static const struct sy_policy policy;
    struct sy_snapshot *s;
    unsigned char unknown[32] = {9};
    (void)state;
    keys[0].hash[31] = 1;
    keys[1].hash[31] = 2;
    assert_int_equal(sy_snapshot_build(&registry, &policy, &s, NULL), SY_OK);
    assert_true(sy_str_eq(sy_snapshot_key(s, keys[0].hash)->id, SY_STR("key_1")));
    assert_null(sy_snapshot_key(s, keys[1].hash));
    assert_null(sy_snapshot_key(s, unknown));
    assert_true(sy_str_eq(sy_snapshot_tenant(s, SY_STR("acme"))->labels[0].value, SY_STR("eu")));
    assert_null(sy_snapshot_tenant(s, SY_STR("other")));
    assert_true(sy_snapshot_quarantined(s, SY_STR("pipedream")));
    assert_false(sy_snapshot_quarantined(s, SY_STR("composio")));
    sy_snapshot_free(s);
}

static void near_names_come_nearest_first(void **state)
{
    static const struct sy_row rows[] = {
        {.toolkit = SY_STR_INIT("gmail"), .vendor = SY_STR_INIT("composio")},
        {.toolkit = SY_STR_INIT("email"), .vendor = SY_STR_INIT("composio")},
        {.toolkit = SY_STR_INIT("slack"), .vendor = SY_STR_INIT("composio")}};
    static const struct sy_tool_map maps[] = {
        {.tool = SY_STR_INIT("gmail_fetch_emails"), .toolkit = SY_STR_INIT("gmail")},
        {.tool = SY_STR_INIT("gmail_send_email"), .toolkit = SY_STR_INIT("gmail")},
        {.tool = SY_STR_INIT("gmail_list_labels"), .toolkit = SY_STR_INIT("gmail")},
        {.tool = SY_STR_INIT("slack_fetch_emails"), .toolkit = SY_STR_INIT("slack")}};
    const struct sy_registry registry = {
        .rows = rows, .row_count = 3, .maps = maps, .map_count = 4};
    static const struct sy_policy policy;
    struct sy_str names[4];
    struct sy_snapshot *s;
    (void)state;
    assert_int_equal(sy_snapshot_build(&registry, &policy, &s, NULL), SY_OK);
    assert_int_equal(sy_snapshot_near_toolkits(s, SY_STR("gmial"), 2, names, 4), 2);
    assert_true(sy_str_eq(names[0], SY_STR("gmail")));
    assert_int_equal(sy_snapshot_near_toolkits(s, SY_STR("g-mails"), 2, names, 4), 2);
    assert_true(sy_str_eq(names[0], SY_STR("gmail")));
    assert_true(sy_str_eq(names[1], SY_STR("email")));
    assert_int_equal(sy_snapshot_near_toolkits(s, SY_STR("g-mails"), 2, names, 1), 1);
    assert_int_equal(
        sy_snapshot_near_tools(s, SY_STR("gmail"), SY_STR("GMAIL_FETCH_EMIALS"), names, 4), 1);
    assert_true(sy_str_eq(names[0], SY_STR("gmail_fetch_emails")));
    assert_int_equal(
        sy_snapshot_near_tools(s, SY_STR("gmail"), SY_STR("gmail_email_send_now"), names, 4), 1);
    assert_true(sy_str_eq(names[0], SY_STR("gmail_send_email")));
    assert_int_equal(sy_snapshot_near_tools(s, SY_STR("gmail"), SY_STR("x"), names, 4), 0);
    sy_snapshot_free(s);
}

static void an_exhausted_arena_is_told_and_nothing_crashes(void **state)
{
    struct sy_decision *d = malloc(sizeof(*d));
    const struct sy_resolve_request request = {.tool = SY_STR("toolkit1_x"),
                                               .tenant = SY_STR("acme"),
                                               .environment = SY_STR("production")};
    const struct sy_resolve_facts facts = {.vendors = VENDORS, .vendor_count = 2};
    struct world w;
    (void)state;
    build(&w, 10);
    for (size_t max = 0; max < 3000; max += 16) {
        struct sy_arena arena;
        sy_arena_init(&arena, max);
        int status = sy_resolve(w.snapshot, &request, &facts, &arena, d);
        assert_int_equal(status, arena.failed ? SY_NOMEM : SY_OK);
        sy_arena_release(&arena);
    }
    drop(&w);
    free(d);
}

/* Not a benchmark: prints what a decision costs in this build, flat over sizes. */
static void a_decision_costs_the_same_at_every_size(void **state)
{
    static const size_t sizes[] = {100, 10000, 100000};
    struct sy_decision *d = malloc(sizeof(*d));
    struct sy_arena arena;
    (void)state;
    sy_arena_init(&arena, 1 << 20);
    for (size_t s = 0; s < SY_ARRAY_LEN(sizes); s++) {
        struct timespec from, to;
        struct world w;
        char text[64];
        int rounds = 20000;
        build(&w, sizes[s]);
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (int i = 0; i < rounds; i++) {
            int len = snprintf(text, sizeof(text), "TOOLKIT%zu_DO_SOME_THING",
                               (size_t)i * 7919 % sizes[s]);
            decide(&w, sy_str_from(text, (size_t)len), &arena, d);
            assert_int_equal(d->candidate_count, 2);
            sy_arena_clear(&arena);
        }
        clock_gettime(CLOCK_MONOTONIC, &to);
        print_message(
            "%zu toolkits: %.2f us a decision\n", sizes[s],
            ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / 1e3 /
                rounds);
        drop(&w);
    }
    sy_arena_release(&arena);
    free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_owns_what_it_holds),
        cmocka_unit_test(toolkits_stand_in_name_order),
        cmocka_unit_test(every_toolkit_is_found_in_every_spelling),
        cmocka_unit_test(keys_and_tenants_are_found_and_revoked_keys_are_not),
        cmocka_unit_test(near_names_come_nearest_first),
        cmocka_unit_test(an_exhausted_arena_is_told_and_nothing_crashes),
        cmocka_unit_test(a_decision_costs_the_same_at_every_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
