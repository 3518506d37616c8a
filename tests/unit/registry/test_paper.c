/*
 * The registry's forms on paper: what they accept, what they say about faults, and that nothing is
 * lost between them.
 */
#include "paper_support.h"

/* ---- examples ---- */

static const char product_rows[] =
    "- {toolkit: gmail, vendor: composio, vendor_slug: gmail, status: LIVE, tool_prefix: "
    "\"GMAIL_*\", "
    "criticality: high, notes: \"a: b\"}\n"
    "- {toolkit: googletagmanager, vendor: Pipedream, vendor_slug: google_tag_manager, status: "
    "live, "
    "aliases: [gtm], mcp_server: {ascend: pipedream-gtm-ascend}}\n"
    "- {toolkit: github, vendor: SCALEKIT, vendor_slug: github, connection: github-qkHFhMip, rank: "
    "5, "
    "status: LIVE}\n"
    "- {toolkit: obscure, status: PENDING-NATIVE, issue_url: \"https://example.com/1\", "
    "requested_at: "
    "2026-11-01, due_at: 2026-11-15, criticality: low}\n"
    "- {toolkit: billing, vendor: worker, endpoint: \"https://billing.example.workers.dev\", "
    "secret: "
    "billing, adr: ADR-070, status: LIVE}\n"
    "- {toolkit: later, vendor: composio, status: pending_native, issue_url: \"https://e.com/2\", "
    "requested_at: 2026-11-01T10:00:00Z, due_at: 2026-11-15}\n"
    "- {tool: gmail_fetch_emails, toolkit: gmail, vendor: scalekit, vendor_tool: "
    "gmail_fetch_mails, "
    "match: reviewed, effect: read, arguments: {max_results: maxResults}, aliases: "
    "[gmail_search]}\n";

static void the_rows_of_the_design_page_are_read(void **state)
{
    struct fixture *f = *state;
    struct sy_registry got;

    read_and_apply(f, z(product_rows), SY_FORMAT_YAML);
    got = load(f);
    assert_int_equal(got.row_count, 6);
    assert_int_equal(got.map_count, 1);
    assert_text(got.rows[0].toolkit, "billing");
    assert_text(got.rows[0].endpoint, "https://billing.example.workers.dev");
    assert_text(got.rows[1].connection, "github-qkHFhMip");
    assert_int_equal(got.rows[1].rank, 5);
    assert_text(got.rows[3].vendor, "pipedream");
    assert_text(got.rows[3].mcp_servers[0].value, "pipedream-gtm-ascend");
    assert_text(got.rows[4].vendor, "pending");
    assert_text(got.rows[4].awaited, "composio");
    assert_int_equal(got.rows[4].state, SY_ROW_PENDING_NATIVE);
    assert_text(got.rows[5].vendor, "pending");
    assert_null(got.rows[5].awaited.ptr);
    assert_int_equal(got.rows[5].requested_at_ms, INT64_C(1793491200000));
    assert_text(got.maps[0].renames[0].value, "maxResults");
}

static void a_markdown_table_of_people_is_read(void **state)
{
    static const char text[] =
        "# Toolkits\r\n\r\nWhat we use. See | below.\r\n\r\n"
        "| a | b |\r\n|---|---|\r\n| 1 | 2 |\r\n\r\n"
        "| Toolkit Slug | Vendor | mcp_server | Tool Prefix | Status | Notes | Team |\r\n"
        "|:---|---|---|---|---|:---:|---|\r\n"
        "| gmail | COMPOSIO |  | `GMAIL_*` | LIVE | first\\|second<br>third | core |\r\n"
        "| googletagmanager | PIPEDREAM | ascend=gtm-ascend; kahuna=gtm-k | gtm\\_x | Live | | "
        "|\r\n"
        "| slack | Composio | slack-all | | DEPRECATED |\r\n\r\nMore prose.\r\n";
    struct fixture *f = *state;
    struct sy_registry got;

    read_and_apply(f, z(text), SY_FORMAT_MARKDOWN);
    got = load(f);
    assert_int_equal(got.row_count, 3);
    assert_text(got.rows[0].tool_prefix, "GMAIL_*");
    assert_text(got.rows[0].notes, "first|second\nthird");
    assert_text(got.rows[0].extra[0].name, "Team");
    assert_text(got.rows[0].extra[0].value, "core");
    assert_int_equal(got.rows[1].mcp_server_count, 2);
    assert_text(got.rows[1].mcp_servers[1].value, "gtm-k");
    assert_text(got.rows[1].tool_prefix, "gtm_x");
    assert_text(got.rows[2].mcp_servers[0].name, "default");
    assert_int_equal(got.rows[2].state, SY_ROW_DEPRECATED);
}

static void markdown_is_written_for_people_and_grep(void **state)
{
    struct fixture *f = *state;
    struct sy_str text;

    read_and_apply(f, z(product_rows), SY_FORMAT_YAML);
    text = write_as(f, SY_FORMAT_MARKDOWN);
    assert_true(sy_str_starts(
        text,
        z("# Toolkit registry\n\n| toolkit_slug | vendor | mcp_server (ascend) | tool_prefix | "
          "status | notes | aliases | criticality | vendor_slug | ")));
    assert_true(
        sy_str_find(text, z("\n| gmail | COMPOSIO |  | GMAIL_* | LIVE | a: b |  | high |")) !=
        (size_t)-1);
    assert_true(sy_str_find(text, z("\n| billing | CF_WORKER |")) != (size_t)-1);
    assert_true(sy_str_find(text, z("| 2026-11-01 | 2026-11-15 |")) != (size_t)-1);
}

static void yaml_is_a_line_an_entry(void **state)
{
    struct fixture *f = *state;
    struct sy_str text;

    read_and_apply(f, z(product_rows), SY_FORMAT_YAML);
    text = write_as(f, SY_FORMAT_YAML);
    assert_true(
        sy_str_find(text, z("\n- {toolkit: gmail, vendor: composio, vendor_slug: gmail, status: "
                            "LIVE, tool_prefix: \"GMAIL_*\", criticality: high, notes: \"a: "
                            "b\"}\n")) != (size_t)-1);
    assert_true(sy_str_find(text, z("\n- {toolkit: github, vendor: scalekit, vendor_slug: github, "
                                    "status: LIVE, rank: 5, connection: github-qkHFhMip}\n")) !=
                (size_t)-1);
}

static void an_empty_registry_is_a_document_too(void **state)
{
    struct fixture *f = *state;
    struct sy_import import;
    struct sy_buf faults;

    for (int format = SY_FORMAT_YAML; format <= SY_FORMAT_MARKDOWN; format++) {
        struct sy_str text = write_as(f, (enum sy_registry_format)format);
        if (read_as(f, text, (enum sy_registry_format)format, &import, &faults))
            fail_msg("%.*s", SY_FMT(sy_buf_str(&faults)));
        assert_int_equal(import.change_count, 0);
    }
}

/* ---- faults ---- */

static void all_faults_come_at_once_with_their_places(void **state)
{
    static const char text[] =
        "- {toolkit: gmail, vendor: composio, status: LIFE}\n"
        "- {toolkit: slack, vendor: nobody, status: LIVE}\n"
        "- {toolkit: jira, vendor: composio, status: LIVE, tool_prefx: J}\n"
        "- {toolkit: w, vendor: worker, status: LIVE, endpoint: \"ftp://x\"}\n"
        "- {toolkit: e, vendor: worker, status: LIVE, endpoint: \"https://x\", secret: "
        "\"env:HOME\"}\n"
        "- {toolkit: o, vendor: pending, status: PENDING-NATIVE, issue_url: \"https://x/1\", "
        "requested_at: yesterday}\n"
        "- {toolkit: a, vendor: composio, status: LIVE, rank: high}\n"
        "- just text\n"
        "- {tool: x_y, toolkit: x, vendor: composio, match: maybe}\n"
        "- {toolkit: f, vendor: composio, status: LIVE, connection: \"file:/etc/passwd\"}\n"
        "- {toolkit: n, vendor: composio}\n";
    static const char *const wanted[] = {
        "doc:1:46: [0].status: must be LIVE",
        "doc:2:28: [1].vendor: is no vendor known here",
        "doc:3:63: [2].tool_prefx: is no field of a row (did you mean tool_prefix?)",
        "doc:4:56: [3].endpoint: must be a URL",
        "doc:4:3: [3]: secret: is missing",
        "doc:5:77: [4].secret: must not be a reference",
        "doc:6:",
        "doc:7:54: [6].rank: must be a whole number",
        "doc:8:3: [7]: must be a map",
        "doc:9:",
        "doc:10:60: [9].connection: must not be a reference",
        "doc:11:3: [10]: status: is missing",
    };
    struct fixture *f = *state;
    struct sy_import import;
    struct sy_buf faults;

    assert_int_equal(read_as(f, z(text), SY_FORMAT_YAML, &import, &faults), SY_INVALID);
    for (size_t i = 0; i < SY_ARRAY_LEN(wanted); i++)
        if (sy_str_find(sy_buf_str(&faults), z(wanted[i])) == (size_t)-1)
            fail_msg("no \"%s\" in:\n%.*s", wanted[i], SY_FMT(sy_buf_str(&faults)));
}

static void rows_that_stand_twice_or_disagree_are_faults(void **state)
{
    static const char text[] =
        "- {toolkit: gmail, vendor: composio, status: LIVE, criticality: high, aliases: [mail]}\n"
        "- {toolkit: gmail, vendor: scalekit, status: LIVE, criticality: low, aliases: [post]}\n"
        "- {toolkit: GMail, vendor: Composio, status: LIVE}\n"
        "- {toolkit: other, vendor: composio, vendor_slug: G-Mail, status: LIVE}\n"
        "- {tool: gmail_x, toolkit: gmail, vendor: scalekit, vendor_tool: a, match: exact}\n"
        "- {tool: GMAIL_X, toolkit: gmail, vendor: scalekit, vendor_tool: b, match: exact}\n";
    static const char *const wanted[] = {
        "doc:2:3: [1]: criticality: toolkit gmail is low here and high on line 1",
        "doc:2:3: [1]: aliases: toolkit gmail has others on line 1",
        "doc:3:3: [2]: row gmail/composio stands twice; first on line 1",
        "doc:4:3: [3]: the name \"G-Mail\" of toolkit other is also a name of toolkit gmail",
        "doc:6:3: [5]: tool gmail_x at scalekit stands twice; first on line 5",
    };
    struct fixture *f = *state;
    struct sy_import import;
    struct sy_buf faults;

    assert_int_equal(read_as(f, z(text), SY_FORMAT_YAML, &import, &faults), SY_INVALID);
    for (size_t i = 0; i < SY_ARRAY_LEN(wanted); i++)
        if (sy_str_find(sy_buf_str(&faults), z(wanted[i])) == (size_t)-1)
            fail_msg("no \"%s\" in:\n%.*s", wanted[i], SY_FMT(sy_buf_str(&faults)));
}

static void each_format_names_the_place_of_a_fault(void **state)
{
    static const struct {
        const char *text;
        enum sy_registry_format format;
        const char *wanted;
    } cases[] = {
        {"[\n  {\"toolkit\": \"gmail\",\n   \"vendor\": 7, \"status\": \"LIVE\"}]", SY_FORMAT_JSON,
         "doc:3:14: [0].vendor: must be a text"},
        {"[{\"toolkit\": \"gmail\" \"vendor\"", SY_FORMAT_JSON, "doc:1:22: not JSON"},
        {"[{\"toolkit\": \"a\", \"toolkit\": \"b\"}]", SY_FORMAT_JSON,
         "a member name stands twice"},
        {"{}", SY_FORMAT_JSON, "must be a list"},
        {"| toolkit_slug | vendor | status |\n| --- | --- | --- |\n| gmail | composio | LIFE |\n",
         SY_FORMAT_MARKDOWN, "doc:3:22: [0].status: must be LIVE"},
        {"| toolkit_slug | vendor | status |\n| --- | --- | --- |\n| a | b | c | d |\n",
         SY_FORMAT_MARKDOWN, "doc:3:1: [0]: has more cells"},
        {"| toolkit_slug | vendor | status |\n| gmail | composio | LIVE |\n", SY_FORMAT_MARKDOWN,
         "line of ---"},
        {"| toolkit_slug | status | Status |\n|---|---|---|\n", SY_FORMAT_MARKDOWN,
         "the column \"status\" stands twice"},
        {"no table", SY_FORMAT_MARKDOWN, "holds no table"},
        {"\xff", SY_FORMAT_MARKDOWN, "not UTF-8"},
        {"[{", SY_FORMAT_YAML, "doc:"},
    };
    struct fixture *f = *state;
    struct sy_import import;
    struct sy_buf faults;

    for (size_t i = 0; i < SY_ARRAY_LEN(cases); i++) {
        assert_int_equal(read_as(f, z(cases[i].text), cases[i].format, &import, &faults),
                         SY_INVALID);
        if (sy_str_find(sy_buf_str(&faults), z(cases[i].wanted)) == (size_t)-1)
            fail_msg("no \"%s\" in:\n%.*s", cases[i].wanted, SY_FMT(sy_buf_str(&faults)));
    }
}

/* ---- request bodies ---- */

static int read_body(struct fixture *f, const char *body, struct sy_row **rows, size_t *count,
                     struct sy_toolkit_facts *facts, struct sy_buf *faults)
{
    struct sy_json_writer w;
    int rc;

    sy_buf_init_arena(faults, &f->arena, 1u << 16);
    sy_jw_init(&w, faults);
    sy_jw_array(&w);
    rc = sy_rows_from_json(z(body), z("GMail"), &f->arena, rows, count, facts, &w);
    sy_jw_array_end(&w);
    return rc;
}

static void a_body_of_rows_takes_its_toolkit_from_the_path(void **state)
{
    struct fixture *f = *state;
    struct sy_toolkit_facts facts;
    struct sy_row *rows;
    struct sy_buf faults;
    size_t count;

    assert_int_equal(
        read_body(f,
                  "[{\"vendor\":\"composio\",\"status\":\"LIVE\",\"aliases\":[\"mail\"],"
                  "\"row_version\":4,\"changed_at\":\"2026-11-01T00:00:00.000Z\"},"
                  "{\"toolkit\":\"gmail\",\"vendor\":\"scalekit\",\"status\":\"LIVE\","
                  "\"criticality\":\"high\"}]",
                  &rows, &count, &facts, &faults),
        0);
    assert_int_equal(count, 2);
    assert_text(rows[0].toolkit, "gmail");
    assert_text(facts.toolkit, "gmail");
    assert_int_equal(facts.alias_count, 1);
    assert_true(facts.has_criticality);
    assert_int_equal(read_body(f, "[]", &rows, &count, &facts, &faults), 0);
    assert_int_equal(count, 0);
}

static void faults_of_a_body_carry_json_pointers(void **state)
{
    static const struct {
        const char *body, *pointer, *detail;
    } cases[] = {
        {"[{\"vendor\":\"composio\",\"status\":\"LIVE\"},{\"vendor\":\"scalekit\",\"status\":1}]",
         "/1/status", "must be a text"},
        {"[{\"vendor\":\"x\",\"status\":\"LIVE\"}]", "/0/vendor", "is no vendor"},
        {"[{\"vendor\":\"composio\",\"status\":\"LIVE\",\"a/b~c\":1}]", "/0/a~1b~0c",
         "is no field"},
        {"[{\"vendor\":\"composio\",\"status\":\"LIVE\",\"toolkit\":\"slack\"}]", "/0/toolkit",
         "must be gmail"},
        {"[{\"vendor\":\"composio\",\"status\":\"LIVE\",\"mcp_server\":{\"T T\":\"x\"}}]",
         "/0/mcp_server", "tenant"},
        {"[{\"vendor\":\"composio\",\"status\":\"LIVE\",\"rank\":\"5\"}]", "/0/rank",
         "whole number"},
        {"[{\"vendor\":\"composio\",\"status\":\"LIVE\",\"owner\":\"a\\u0000b\"}]", "/0/owner",
         "NUL"},
        {"{}", "", "list of rows"},
        {"[1]", "/0", "must be a map"},
        {"[", "", "not JSON"},
    };
    struct fixture *f = *state;
    struct sy_toolkit_facts facts;
    struct sy_row *rows;
    size_t count;

    for (size_t i = 0; i < SY_ARRAY_LEN(cases); i++) {
        struct sy_json root, fault = {0};
        struct sy_json_iter iter;
        struct sy_buf faults;
        struct sy_str name;

        assert_int_equal(read_body(f, cases[i].body, &rows, &count, &facts, &faults), SY_INVALID);
        assert_int_equal(sy_json_read(sy_buf_str(&faults), 8, &root, NULL), 0);
        iter = sy_json_iter(root);
        assert_true(sy_json_next(&iter, &name, &fault));
        assert_text(sy_json_text(sy_json_get_z(fault, "pointer"), &f->arena), cases[i].pointer);
        if (sy_str_find(fault.raw, z(cases[i].detail)) == (size_t)-1)
            fail_msg("no \"%s\" in %.*s", cases[i].detail, SY_FMT(fault.raw));
    }
}

/* ---- rules ---- */

static void endpoints_are_checked_as_urls(void **state)
{
    static const struct {
        const char *url;
        bool good;
    } cases[] = {
        {"https://billing.example.workers.dev", true},
        {"http://127.0.0.1:8425/worker", true},
        {"HTTPS://Example.com:1/a?b=c", true},
        {"https://[::1]:8080/x", true},
        {"https://", false},
        {"https://exa mple.com", false},
        {"https://user:pw@example.com", false},
        {"https://example.com:99999", false},
        {"https://example.com:/", false},
        {"https://example.com/\n", false},
        {"https://example.com/\"", false},
        {"https://example.com/a#b", false},
        {"//example.com", false},
        {"javascript:alert(1)", false},
        {"https://[::1", false},
        {"https://.example.com", false},
        {"https://exa\xc3\xa4mple.com", false},
        {"env:URL", false},
        {"file:///etc/passwd", false},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(cases); i++) {
        struct sy_row row = row_of("billing", "worker");
        struct sy_err err = SY_ERR_INIT;

        row.secret = SY_STR("billing");
        row.endpoint = z(cases[i].url);
        if ((sy_row_check(&row, &err) == 0) != cases[i].good)
            fail_msg("%s: %s", cases[i].url, err.text);
    }
}

static void extra_columns_must_not_pass_for_fields(void **state)
{
    static const char *const names[] = {"status", "Vendor Slug", "mcp_server (x)", "",
                                        " a",     "a\nb",        "row_version",    "RANK"};

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(names); i++) {
        struct sy_row row = row_of("gmail", "composio");
        const struct sy_pair extra = {z(names[i]), SY_STR("x")};

        row.extra = &extra;
        row.extra_count = 1;
        assert_int_equal(sy_row_check(&row, NULL), SY_INVALID);
    }
}

/* ---- what is compiled in ---- */

static void the_seed_and_the_sandboxs_rows_are_good(void **state)
{
    static const char token[] = "{worker_url}";
    struct fixture *f = *state;
    struct sy_str text = sy_registry_sandbox_text();
    size_t at = sy_str_find(text, z(token));
    struct sy_str parts[3];

    assert_true(at != (size_t)-1);
    parts[0] = sy_str_head(text, at);
    parts[1] = SY_STR("http://127.0.0.1:8425/worker");
    parts[2] = sy_str_skip(text, at + strlen(token));
    read_and_apply(f, sy_arena_join(&f->arena, parts, 3), SY_FORMAT_YAML);
    assert_true(load(f).row_count >= 16);
    close_store(f);
    if (open_store(f, true))
        fail_msg("%s", f->err.text);
    assert_true(load(f).row_count > 130);
    assert_true(load(f).map_count > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR("memory", the_rows_of_the_design_page_are_read),
        FOR("memory", a_markdown_table_of_people_is_read),
        FOR("memory", markdown_is_written_for_people_and_grep),
        FOR("memory", yaml_is_a_line_an_entry),
        FOR("memory", an_empty_registry_is_a_document_too),
        FOR("memory", all_faults_come_at_once_with_their_places),
        FOR("memory", rows_that_stand_twice_or_disagree_are_faults),
        FOR("memory", each_format_names_the_place_of_a_fault),
        FOR("memory", a_body_of_rows_takes_its_toolkit_from_the_path),
        FOR("memory", faults_of_a_body_carry_json_pointers),
        FOR("memory", endpoints_are_checked_as_urls),
        FOR("memory", extra_columns_must_not_pass_for_fields),
        FOR("memory", the_seed_and_the_sandboxs_rows_are_good),
    };

    return cmocka_run_group_tests_name("paper", tests, NULL, NULL);
}
