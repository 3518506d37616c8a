/*
 * One suite over both backends: what every store must do with rows, maps, tenants and keys.
 */
#include "support.h"

static void all_fields_of_a_row_come_back_as_written(void **state)
{
    struct fixture *f = *state;
    const struct sy_pair servers[] = {{SY_STR("ascend"), SY_STR("gtm-ascend")},
                                      {SY_STR("kahuna"), SY_STR("gtm-\"kahuna\"")}};
    const struct sy_pair extra[] = {{SY_STR("Cost | center"), SY_STR("a\nb")}};
    const struct sy_str aliases[] = {SY_STR("gtm"), SY_STR("tag-manager")};
    const struct sy_toolkit_facts facts = {.toolkit = SY_STR("googletagmanager"),
                                           .aliases = aliases,
                                           .alias_count = 2,
                                           .has_criticality = true,
                                           .criticality = SY_CRITICALITY_HIGH};
    struct sy_row row = row_of("googletagmanager", "pipedream");
    struct sy_change change = {.kind = SY_CHANGE_PUT_TOOLKIT,
                               .toolkit = row.toolkit,
                               .expected_version = 0,
                               .rows = &row,
                               .row_count = 1,
                               .facts = &facts};
    struct sy_registry got;

    row.vendor_slug = SY_STR("google_tag_manager");
    row.state = SY_ROW_DEPRECATED;
    row.has_rank = true;
    row.rank = -7;
    row.tool_prefix = SY_STR("GTM_*");
    row.oauth_app_id = SY_STR("oa_1");
    row.version = SY_STR("20250901_01");
    row.auth_none = true;
    row.adr = SY_STR("ADR-061");
    row.owner = SY_STR("platform");
    row.notes = SY_STR("caf\xc3\xa9, 'quoted'");
    row.expires_at_ms = NOW + 5;
    row.mcp_servers = servers;
    row.mcp_server_count = 2;
    row.extra = extra;
    row.extra_count = 1;
    if (apply(f, &change, 1))
        fail_msg("%s", f->err.text);
    got = load(f);
    assert_int_equal(got.version, 1);
    assert_int_equal(got.row_count, 1);
    assert_text(got.rows[0].toolkit, "googletagmanager");
    assert_text(got.rows[0].vendor, "pipedream");
    assert_text(got.rows[0].vendor_slug, "google_tag_manager");
    assert_int_equal(got.rows[0].state, SY_ROW_DEPRECATED);
    assert_true(got.rows[0].has_rank);
    assert_int_equal(got.rows[0].rank, -7);
    assert_text(got.rows[0].tool_prefix, "GTM_*");
    assert_text(got.rows[0].oauth_app_id, "oa_1");
    assert_text(got.rows[0].version, "20250901_01");
    assert_true(got.rows[0].auth_none);
    assert_text(got.rows[0].adr, "ADR-061");
    assert_text(got.rows[0].owner, "platform");
    assert_text(got.rows[0].notes, "caf\xc3\xa9, 'quoted'");
    assert_int_equal(got.rows[0].expires_at_ms, NOW + 5);
    assert_int_equal(got.rows[0].changed_at_ms, NOW);
    assert_int_equal(got.rows[0].version_number, 1);
    assert_null(got.rows[0].connection.ptr);
    assert_int_equal(got.rows[0].mcp_server_count, 2);
    assert_text(got.rows[0].mcp_servers[1].name, "kahuna");
    assert_text(got.rows[0].mcp_servers[1].value, "gtm-\"kahuna\"");
    assert_text(got.rows[0].extra[0].name, "Cost | center");
    assert_text(got.rows[0].extra[0].value, "a\nb");
    assert_int_equal(got.toolkit_count, 1);
    assert_int_equal(got.toolkits[0].alias_count, 2);
    assert_text(got.toolkits[0].aliases[1], "tag-manager");
    assert_true(got.toolkits[0].has_criticality);
    assert_int_equal(got.toolkits[0].criticality, SY_CRITICALITY_HIGH);
}

static void what_a_row_leaves_out_gets_its_default(void **state)
{
    struct fixture *f = *state;
    struct sy_row row = row_of("GMail", "composio");
    struct sy_registry got;

    assert_int_equal(put_row(f, &row), 0);
    got = load(f);
    assert_text(got.rows[0].toolkit, "gmail");
    assert_text(got.rows[0].vendor_slug, "gmail");
    assert_text(got.rows[0].version, "latest");
    assert_false(got.rows[0].has_rank);
}

static void rows_stand_by_toolkit_and_vendor(void **state)
{
    struct fixture *f = *state;
    const struct sy_row rows[] = {row_of("slack", "scalekit"), row_of("gmail", "pipedream"),
                                  row_of("gmail", "composio"), row_of("slack", "composio")};
    struct sy_registry got;

    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++)
        assert_int_equal(put_row(f, &rows[i]), 0);
    got = load(f);
    assert_int_equal(got.row_count, 4);
    assert_text(got.rows[0].vendor, "composio");
    assert_text(got.rows[1].vendor, "pipedream");
    assert_text(got.rows[2].toolkit, "slack");
    assert_text(got.rows[3].vendor, "scalekit");
}

static void putting_a_toolkit_replaces_its_rows_and_putting_a_row_does_not(void **state)
{
    struct fixture *f = *state;
    struct sy_row rows[] = {row_of("gmail", "composio"), row_of("gmail", "scalekit")};
    struct sy_row third = row_of("gmail", "pipedream");
    struct sy_registry got;

    assert_int_equal(put_rows(f, "gmail", rows, 2, -1), 0);
    assert_int_equal(put_row(f, &third), 0);
    assert_int_equal(load(f).row_count, 3);
    assert_int_equal(put_rows(f, "gmail", rows, 1, -1), 0);
    got = load(f);
    assert_int_equal(got.row_count, 1);
    assert_text(got.rows[0].vendor, "composio");
}

static void a_row_that_stays_as_it_was_keeps_its_time(void **state)
{
    struct fixture *f = *state;
    const struct sy_change_note later = {.actor = SY_STR("cli"), .at_ms = NOW + 1000};
    struct sy_row rows[] = {row_of("gmail", "composio"), row_of("gmail", "scalekit")};
    struct sy_change change = {.kind = SY_CHANGE_PUT_ROW,
                               .toolkit = SY_STR("gmail"),
                               .expected_version = -1,
                               .rows = &rows[1],
                               .row_count = 1};
    struct sy_registry got;

    assert_int_equal(put_rows(f, "gmail", rows, 2, -1), 0);
    rows[1].owner = SY_STR("me");
    assert_int_equal(f->store->ops->apply(f->store, &change, 1, &later, false, NULL, NULL), 0);
    got = load(f);
    assert_int_equal(got.rows[0].changed_at_ms, NOW);
    assert_int_equal(got.rows[1].changed_at_ms, NOW + 1000);
    assert_int_equal(got.rows[0].version_number, 2);
}

static void the_last_row_takes_the_toolkit_with_it(void **state)
{
    struct fixture *f = *state;
    struct sy_row row = row_of("gmail", "composio");
    struct sy_change gone = {.kind = SY_CHANGE_DELETE_ROW,
                             .toolkit = SY_STR("gmail"),
                             .expected_version = 1,
                             .rows = &row,
                             .row_count = 1};

    assert_int_equal(put_row(f, &row), 0);
    assert_int_equal(apply(f, &gone, 1), 0);
    assert_int_equal(load(f).row_count, 0);
    assert_int_equal(load(f).toolkit_count, 0);
    gone.expected_version = -1;
    assert_int_equal(apply(f, &gone, 1), SY_NOT_FOUND);
}

static void a_wrong_version_is_a_conflict_and_zero_means_must_not_exist(void **state)
{
    struct fixture *f = *state;
    struct sy_row row = row_of("gmail", "composio");

    assert_int_equal(put_rows(f, "gmail", &row, 1, 1), SY_CONFLICT);
    assert_int_equal(put_rows(f, "gmail", &row, 1, 0), 0);
    row.owner = SY_STR("a");
    assert_int_equal(put_rows(f, "gmail", &row, 1, 0), SY_CONFLICT);
    assert_int_equal(put_rows(f, "gmail", &row, 1, 1), 0);
    row.owner = SY_STR("b");
    assert_int_equal(put_rows(f, "gmail", &row, 1, 1), SY_CONFLICT);
    assert_non_null(strstr(f->err.text, "version 2"));
    assert_int_equal(load(f).version, 2);
}

static void all_changes_hold_or_none(void **state)
{
    struct fixture *f = *state;
    struct sy_row good = row_of("gmail", "composio"), bad = row_of("slack", "nobody");
    const struct sy_change changes[] = {{.kind = SY_CHANGE_PUT_ROW,
                                         .toolkit = good.toolkit,
                                         .expected_version = -1,
                                         .rows = &good,
                                         .row_count = 1},
                                        {.kind = SY_CHANGE_PUT_ROW,
                                         .toolkit = bad.toolkit,
                                         .expected_version = -1,
                                         .rows = &bad,
                                         .row_count = 1}};
    struct sy_str history;

    assert_int_equal(apply(f, changes, 2), SY_INVALID);
    assert_non_null(strstr(f->err.text, "row slack/nobody: vendor"));
    assert_int_equal(load(f).row_count, 0);
    assert_int_equal(load(f).version, 0);
    assert_int_equal(f->store->ops->history(f->store, z("gmail"), 10, &f->arena, &history, NULL),
                     0);
    assert_text(history, "[]");
}

static void a_dry_run_says_what_would_be_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    const struct sy_change_note note = {.actor = SY_STR("cli"), .at_ms = NOW};
    struct sy_row row = row_of("gmail", "composio");
    struct sy_change change = {.kind = SY_CHANGE_PUT_ROW,
                               .toolkit = row.toolkit,
                               .expected_version = -1,
                               .rows = &row,
                               .row_count = 1};
    int64_t version = 0;

    assert_int_equal(f->store->ops->apply(f->store, &change, 1, &note, true, &version, NULL), 0);
    assert_int_equal(version, 1);
    assert_int_equal(load(f).row_count, 0);
    row.vendor = SY_STR("nobody");
    assert_int_equal(f->store->ops->apply(f->store, &change, 1, &note, true, &version, NULL),
                     SY_INVALID);
}

static void a_change_that_changes_nothing_makes_no_version(void **state)
{
    struct fixture *f = *state;
    struct sy_row row = row_of("gmail", "composio");
    struct sy_str history;
    struct sy_json root;

    assert_int_equal(put_row(f, &row), 0);
    assert_int_equal(put_row(f, &row), 0);
    assert_int_equal(load(f).version, 1);
    assert_int_equal(f->store->ops->history(f->store, z("gmail"), 10, &f->arena, &history, NULL),
                     0);
    assert_int_equal(sy_json_read(history, 10, &root, NULL), 0);
    assert_int_equal(sy_json_count(root), 1);
}

static void a_name_of_another_toolkit_is_refused_naming_both(void **state)
{
    static const struct {
        const char *toolkit, *slug, *alias;
    } takers[] = {{"g-mail", NULL, NULL},
                  {"other", "G_Mail", NULL},
                  {"other", NULL, "gMAIL"},
                  {"gtm", NULL, NULL},
                  {"other", NULL, "G-T-M"}};
    struct fixture *f = *state;
    const struct sy_str alias = SY_STR("gtm");
    const struct sy_toolkit_facts facts = {
        .toolkit = SY_STR("gmail"), .aliases = &alias, .alias_count = 1};
    struct sy_row owner = row_of("gmail", "composio");
    struct sy_change change = {.kind = SY_CHANGE_PUT_TOOLKIT,
                               .toolkit = owner.toolkit,
                               .expected_version = -1,
                               .rows = &owner,
                               .row_count = 1,
                               .facts = &facts};

    assert_int_equal(apply(f, &change, 1), 0);
    for (size_t i = 0; i < SY_ARRAY_LEN(takers); i++) {
        struct sy_row row = row_of(takers[i].toolkit, "composio");
        const struct sy_str other = z(takers[i].alias);
        const struct sy_toolkit_facts own = {
            .toolkit = row.toolkit, .aliases = &other, .alias_count = takers[i].alias ? 1 : 0};

        row.vendor_slug = z(takers[i].slug);
        change.toolkit = row.toolkit;
        change.rows = &row;
        change.facts = &own;
        assert_int_equal(apply(f, &change, 1), SY_INVALID);
        assert_non_null(strstr(f->err.text, takers[i].toolkit));
        assert_non_null(strstr(f->err.text, "toolkit gmail"));
    }
    assert_int_equal(load(f).row_count, 1);
}

static void a_name_may_move_in_one_apply_and_is_free_after_a_deletion(void **state)
{
    struct fixture *f = *state;
    const struct sy_str alias = SY_STR("mail");
    const struct sy_toolkit_facts with = {.aliases = &alias, .alias_count = 1}, without = {0};
    struct sy_row a = row_of("aaa", "composio"), b = row_of("bbb", "composio");
    struct sy_change changes[] = {{.kind = SY_CHANGE_PUT_TOOLKIT,
                                   .toolkit = SY_STR("aaa"),
                                   .expected_version = -1,
                                   .rows = &a,
                                   .row_count = 1,
                                   .facts = &without},
                                  {.kind = SY_CHANGE_PUT_TOOLKIT,
                                   .toolkit = SY_STR("bbb"),
                                   .expected_version = -1,
                                   .rows = &b,
                                   .row_count = 1,
                                   .facts = &with}};

    assert_int_equal(apply(f, changes, 2), 0);
    changes[0].facts = &with;
    changes[1].facts = &without;
    if (apply(f, changes, 2))
        fail_msg("%s", f->err.text);
    assert_int_equal(load(f).toolkits[0].alias_count, 1);
    assert_int_equal(put_rows(f, "aaa", NULL, 0, -1), 0);
    changes[1].facts = &with;
    assert_int_equal(apply(f, &changes[1], 1), 0);
}

static void facts_left_out_stay_as_they_are(void **state)
{
    struct fixture *f = *state;
    const struct sy_str alias = SY_STR("mail");
    const struct sy_toolkit_facts facts = {.aliases = &alias,
                                           .alias_count = 1,
                                           .has_criticality = true,
                                           .criticality = SY_CRITICALITY_MEDIUM};
    struct sy_row row = row_of("gmail", "composio"), other = row_of("gmail", "scalekit");
    struct sy_change change = {.kind = SY_CHANGE_PUT_ROW,
                               .toolkit = row.toolkit,
                               .expected_version = -1,
                               .rows = &row,
                               .row_count = 1,
                               .facts = &facts};

    assert_int_equal(apply(f, &change, 1), 0);
    assert_int_equal(put_row(f, &other), 0);
    assert_int_equal(load(f).toolkits[0].alias_count, 1);
    assert_int_equal(load(f).toolkits[0].criticality, SY_CRITICALITY_MEDIUM);
}

static void a_toolkits_rows_are_its_own_and_stand_once(void **state)
{
    struct fixture *f = *state;
    struct sy_row twice[] = {row_of("gmail", "composio"), row_of("gmail", "composio")};
    struct sy_row foreign = row_of("slack", "composio");

    assert_int_equal(put_rows(f, "gmail", twice, 2, -1), SY_INVALID);
    assert_non_null(strstr(f->err.text, "twice"));
    assert_int_equal(put_rows(f, "gmail", &foreign, 1, -1), SY_INVALID);
    assert_int_equal(load(f).row_count, 0);
}

static void history_tells_newest_first_what_was_and_what_is(void **state)
{
    struct fixture *f = *state;
    struct sy_row row = row_of("gmail", "composio");
    struct sy_json root, entry;
    struct sy_json_iter iter;
    struct sy_str text, name;

    assert_int_equal(put_row(f, &row), 0);
    row.owner = SY_STR("me");
    assert_int_equal(put_row(f, &row), 0);
    assert_int_equal(put_rows(f, "gmail", NULL, 0, -1), 0);
    assert_int_equal(f->store->ops->history(f->store, z("GMAIL"), 10, &f->arena, &text, NULL), 0);
    assert_int_equal(sy_json_read(text, 10, &root, NULL), 0);
    assert_int_equal(sy_json_count(root), 3);
    iter = sy_json_iter(root);
    assert_true(sy_json_next(&iter, &name, &entry));
    assert_text(sy_json_get_z(entry, "version").raw, "3");
    assert_text(sy_json_text(sy_json_get_z(entry, "actor"), &f->arena), "key_test");
    assert_text(sy_json_text(sy_json_get_z(entry, "reason"), &f->arena), "because");
    assert_int_equal(sy_json_get_z(entry, "after").type, SY_JSON_NULL);
    assert_int_equal(sy_json_get_z(entry, "before").type, SY_JSON_ARRAY);
    assert_true(sy_json_next(&iter, &name, &entry));
    assert_true(sy_json_next(&iter, &name, &entry));
    assert_int_equal(sy_json_get_z(entry, "before").type, SY_JSON_NULL);
    assert_int_equal(f->store->ops->history(f->store, z("gmail"), 1, &f->arena, &text, NULL), 0);
    assert_int_equal(sy_json_read(text, 10, &root, NULL), 0);
    assert_int_equal(sy_json_count(root), 1);
}

static void what_history_keeps_can_be_put_again(void **state)
{
    struct fixture *f = *state;
    struct sy_row row = row_of("gmail", "composio"), *rows;
    struct sy_json root, before;
    struct sy_toolkit_facts facts;
    struct sy_json_writer faults;
    struct sy_buf out;
    struct sy_str text;
    size_t count;

    row.owner = SY_STR("first");
    assert_int_equal(put_row(f, &row), 0);
    row.owner = SY_STR("second");
    assert_int_equal(put_row(f, &row), 0);
    assert_int_equal(f->store->ops->history(f->store, z("gmail"), 1, &f->arena, &text, NULL), 0);
    assert_int_equal(sy_json_read(text, 10, &root, NULL), 0);
    {
        struct sy_json_iter iter = sy_json_iter(root);
        struct sy_json entry;
        struct sy_str name;
        assert_true(sy_json_next(&iter, &name, &entry));
        before = sy_json_get_z(entry, "before");
    }
    sy_buf_init_arena(&out, &f->arena, 4096);
    sy_jw_init(&faults, &out);
    assert_int_equal(
        sy_rows_from_json(before.raw, z("gmail"), &f->arena, &rows, &count, &facts, &faults), 0);
    assert_int_equal(put_rows(f, "gmail", rows, count, 2), 0);
    assert_text(load(f).rows[0].owner, "first");
}

static void tool_maps_are_put_replaced_and_deleted(void **state)
{
    struct fixture *f = *state;
    const struct sy_pair renames[] = {{SY_STR("q"), SY_STR("query")},
                                      {SY_STR("max_results"), SY_STR("maxResults")}};
    const struct sy_str alias = SY_STR("gmail_search");
    struct sy_tool_map map = {.tool = SY_STR("GMAIL_fetch_emails"),
                              .toolkit = SY_STR("gmail"),
                              .vendor = SY_STR("scalekit"),
                              .vendor_tool = SY_STR("gmail_fetch_mails"),
                              .match = SY_MATCH_REVIEWED,
                              .effect = SY_EFFECT_READ,
                              .renames = renames,
                              .rename_count = 2,
                              .aliases = &alias,
                              .alias_count = 1};
    struct sy_change gone = {.kind = SY_CHANGE_DELETE_MAP,
                             .toolkit = SY_STR("gmail"),
                             .expected_version = -1,
                             .map = &map};
    struct sy_registry got;
    struct sy_str history;

    assert_int_equal(put_map(f, &map), 0);
    got = load(f);
    assert_int_equal(got.map_count, 1);
    assert_text(got.maps[0].tool, "gmail_fetch_emails");
    assert_text(got.maps[0].vendor_tool, "gmail_fetch_mails");
    assert_int_equal(got.maps[0].match, SY_MATCH_REVIEWED);
    assert_int_equal(got.maps[0].effect, SY_EFFECT_READ);
    assert_int_equal(got.maps[0].rename_count, 2);
    assert_text(got.maps[0].renames[0].name, "max_results");
    assert_text(got.maps[0].aliases[0], "gmail_search");
    map.rename_count = 0;
    map.effect = SY_EFFECT_UNKNOWN;
    assert_int_equal(put_map(f, &map), 0);
    got = load(f);
    assert_int_equal(got.map_count, 1);
    assert_int_equal(got.maps[0].rename_count, 0);
    assert_int_equal(got.maps[0].effect, SY_EFFECT_UNKNOWN);
    assert_int_equal(apply(f, &gone, 1), 0);
    assert_int_equal(load(f).map_count, 0);
    assert_int_equal(apply(f, &gone, 1), SY_NOT_FOUND);
    assert_int_equal(f->store->ops->history(f->store, z("gmail"), 10, &f->arena, &history, NULL),
                     0);
    assert_true(sy_str_find(history, z("gmail_fetch_mails")) != (size_t)-1);
    map.vendor_tool = SY_STR("two words");
    assert_int_equal(put_map(f, &map), SY_INVALID);
}

/* ---- tenants, keys, quarantine ---- */

static struct sy_key key_of(const char *id, unsigned char first)
{
    struct sy_key key = {.id = z(id),
                         .tenant = SY_STR("ascend"),
                         .scopes = SY_SCOPE_CALL | SY_SCOPE_ADMIN,
                         .environment = SY_STR("production"),
                         .name = SY_STR("ci"),
                         .created_at_ms = NOW};

    memset(key.hash, first, sizeof(key.hash));
    return key;
}

static void tenants_are_created_once_and_changed_after(void **state)
{
    struct fixture *f = *state;
    const struct sy_pair label = {SY_STR("region"), SY_STR("eu")};
    struct sy_tenant tenant = {.name = SY_STR("ascend"), .labels = &label, .label_count = 1};
    struct sy_registry got;

    assert_int_equal(f->store->ops->put_tenant(f->store, &tenant, true, NULL), 0);
    assert_int_equal(f->store->ops->put_tenant(f->store, &tenant, true, NULL), SY_EXISTS);
    tenant.disabled = true;
    assert_int_equal(f->store->ops->put_tenant(f->store, &tenant, false, NULL), 0);
    got = load(f);
    assert_int_equal(got.tenant_count, 1);
    assert_true(got.tenants[0].disabled);
    assert_text(got.tenants[0].labels[0].value, "eu");
    assert_int_equal(got.version, 2);
    tenant.name = SY_STR("Not A Tenant");
    assert_int_equal(f->store->ops->put_tenant(f->store, &tenant, false, NULL), SY_INVALID);
}

static void keys_belong_to_a_tenant_and_are_revoked_once(void **state)
{
    struct fixture *f = *state;
    const struct sy_tenant tenant = {.name = SY_STR("ascend")};
    struct sy_key key = key_of("key_1", 0xa5), same = key_of("key_2", 0xa5);
    struct sy_registry got;

    assert_int_equal(f->store->ops->put_key(f->store, &key, NULL), SY_NOT_FOUND);
    assert_int_equal(f->store->ops->put_tenant(f->store, &tenant, true, NULL), 0);
    assert_int_equal(f->store->ops->put_key(f->store, &key, NULL), 0);
    assert_int_equal(f->store->ops->put_key(f->store, &key, NULL), SY_EXISTS);
    assert_int_equal(f->store->ops->put_key(f->store, &same, NULL), SY_EXISTS);
    got = load(f);
    assert_int_equal(got.key_count, 1);
    assert_memory_equal(got.keys[0].hash, key.hash, 32);
    assert_int_equal(got.keys[0].scopes, SY_SCOPE_CALL | SY_SCOPE_ADMIN);
    assert_text(got.keys[0].environment, "production");
    assert_text(got.keys[0].name, "ci");
    assert_int_equal(got.keys[0].created_at_ms, NOW);
    assert_int_equal(got.keys[0].revoked_at_ms, 0);
    assert_int_equal(f->store->ops->revoke_key(f->store, z("key_1"), NOW + 1, NULL), 0);
    assert_int_equal(f->store->ops->revoke_key(f->store, z("key_1"), NOW + 2, NULL), 0);
    assert_int_equal(load(f).keys[0].revoked_at_ms, NOW + 1);
    assert_int_equal(f->store->ops->revoke_key(f->store, z("key_9"), NOW, NULL), SY_NOT_FOUND);
}

static void quarantine_goes_on_and_off(void **state)
{
    struct fixture *f = *state;
    const struct sy_store_ops *ops = f->store->ops;
    int64_t version;

    assert_int_equal(ops->set_quarantine(f->store, z("composio"), true, NOW, z("cli"), NULL), 0);
    assert_int_equal(ops->set_quarantine(f->store, z("scalekit"), true, NOW, z("cli"), NULL), 0);
    version = load(f).version;
    assert_int_equal(ops->set_quarantine(f->store, z("scalekit"), true, NOW, z("cli"), NULL), 0);
    assert_int_equal(load(f).version, version);
    assert_int_equal(load(f).quarantined_count, 2);
    assert_int_equal(ops->set_quarantine(f->store, z("composio"), false, NOW, z("cli"), NULL), 0);
    assert_int_equal(load(f).quarantined_count, 1);
    assert_text(load(f).quarantined[0], "scalekit");
    assert_int_equal(ops->set_quarantine(f->store, z("nobody"), true, NOW, z("cli"), NULL),
                     SY_INVALID);
}

#define SUITE(backend)                                                                             \
    FOR(backend, all_fields_of_a_row_come_back_as_written),                                        \
        FOR(backend, what_a_row_leaves_out_gets_its_default),                                      \
        FOR(backend, rows_stand_by_toolkit_and_vendor),                                            \
        FOR(backend, putting_a_toolkit_replaces_its_rows_and_putting_a_row_does_not),              \
        FOR(backend, a_row_that_stays_as_it_was_keeps_its_time),                                   \
        FOR(backend, the_last_row_takes_the_toolkit_with_it),                                      \
        FOR(backend, a_wrong_version_is_a_conflict_and_zero_means_must_not_exist),                 \
        FOR(backend, all_changes_hold_or_none),                                                    \
        FOR(backend, a_dry_run_says_what_would_be_and_changes_nothing),                            \
        FOR(backend, a_change_that_changes_nothing_makes_no_version),                              \
        FOR(backend, a_name_of_another_toolkit_is_refused_naming_both),                            \
        FOR(backend, a_name_may_move_in_one_apply_and_is_free_after_a_deletion),                   \
        FOR(backend, facts_left_out_stay_as_they_are),                                             \
        FOR(backend, a_toolkits_rows_are_its_own_and_stand_once),                                  \
        FOR(backend, history_tells_newest_first_what_was_and_what_is),                             \
        FOR(backend, what_history_keeps_can_be_put_again),                                         \
        FOR(backend, tool_maps_are_put_replaced_and_deleted),                                      \
        FOR(backend, tenants_are_created_once_and_changed_after),                                  \
        FOR(backend, keys_belong_to_a_tenant_and_are_revoked_once),                                \
        FOR(backend, quarantine_goes_on_and_off)

int main(void)
{
    const struct CMUnitTest memory[] = {SUITE("memory")};
    const struct CMUnitTest sqlite[] = {SUITE("sqlite")};
    int failed = cmocka_run_group_tests_name("memory", memory, NULL, NULL);

    return failed + cmocka_run_group_tests_name("sqlite", sqlite, NULL, NULL);
}
