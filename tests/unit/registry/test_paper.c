/*
 * The registry's forms on paper: what they accept, what they say about faults, and that nothing is
 * lost between them.
 */
#include "support.h"

static struct sy_str without(void)
{
    return (struct sy_str){NULL, 0};
}

static int read_as(struct fixture *f, struct sy_str text, enum sy_registry_format format,
                   struct sy_import *ret, struct sy_buf *faults)
{
    sy_buf_init_arena(faults, &f->arena, 1u << 16);
    return sy_registry_read(text, SY_STR("doc"), format, &f->arena, ret, faults);
}

static void read_and_apply(struct fixture *f, struct sy_str text, enum sy_registry_format format)
{
    struct sy_import import;
    struct sy_buf faults;

    if (read_as(f, text, format, &import, &faults))
        fail_msg("%.*s", SY_FMT(sy_buf_str(&faults)));
    if (apply(f, import.changes, import.change_count))
        fail_msg("%s", f->err.text);
}

static struct sy_str write_as(struct fixture *f, enum sy_registry_format format)
{
    struct sy_registry registry = load(f);
    struct sy_buf out;

    sy_buf_init_arena(&out, &f->arena, 64u << 20);
    sy_registry_write(&out, &registry, format);
    assert_true(sy_buf_ok(&out));
    return sy_buf_str(&out);
}

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

/* ---- nothing is lost ---- */

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static const char *pieces[] = {
    "a",
    "B",
    " ",
    "|",
    "\\",
    "`",
    "<br>",
    "&#32;",
    "\"",
    "'",
    ":",
    ",",
    "#",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "*",
    "_",
    "null",
    "~",
    "true",
    "0",
    "%",
    "\xc3\xa4",
    "\xe2\x80\xa8",
    "\xf0\x9f\x98\x80",
    "\xef\xbb\xbf",
    "\xc2\x85",
    "!",
    "<",
};
static const char *line_pieces[] = {"\n",  "\t", "x",     " ",   "|",
                                    "\\n", "\\", "&#10;", "---", "\xc2\xa0"};

static void set_text(struct fixture *f, struct sy_str *text, const char *alphabet[], size_t count,
                     uint32_t *seed)
{
    struct sy_str parts[8];
    size_t used = next(seed) % 8;

    for (size_t i = 0; i < used; i++)
        parts[i] = z(alphabet[next(seed) % count]);
    *text = sy_arena_join(&f->arena, parts, used);
}

static void random_text(struct fixture *f, struct sy_str *text, uint32_t *seed)
{
    if (next(seed) % 3 == 0)
        set_text(f, text, pieces, SY_ARRAY_LEN(pieces), seed);
}

static void random_row(struct fixture *f, unsigned number, const char *vendor, struct sy_row *row,
                       uint32_t *seed)
{
    struct sy_pair *pairs = sy_arena_array(&f->arena, 4, sizeof(*pairs));

    *row = (struct sy_row){.toolkit = sy_arena_printf(&f->arena, "tool.kit-%u", number),
                           .vendor = z(vendor),
                           .state = (enum sy_row_state)(next(seed) % 4)};
    row->vendor_slug = next(seed) % 2 ? sy_arena_printf(&f->arena, "Slug_%u", number) : without();
    row->has_rank = next(seed) % 2;
    row->rank = (int64_t)next(seed) - 1000000;
    row->auth_none = next(seed) % 2;
    random_text(f, &row->tool_prefix, seed);
    random_text(f, &row->connection, seed);
    random_text(f, &row->auth_config_id, seed);
    random_text(f, &row->version, seed);
    random_text(f, &row->adr, seed);
    random_text(f, &row->owner, seed);
    if (next(seed) % 2)
        set_text(f, &row->notes, line_pieces, SY_ARRAY_LEN(line_pieces), seed);
    row->expires_at_ms = next(seed) % 2 ? NOW + (int64_t)next(seed) : 0;
    row->mcp_servers = pairs;
    for (unsigned i = next(seed) % 3; i; i--)
        pairs[row->mcp_server_count++] =
            (struct sy_pair){sy_arena_printf(&f->arena, "tenant-%u", i), SY_STR("server: \"x\"")};
    row->extra = pairs + 2;
    for (unsigned i = next(seed) % 3; i; i--) {
        struct sy_pair *pair = &pairs[2 + row->extra_count++];
        pair->name = i == 1 ? SY_STR("Cost: center |x| `y`") : SY_STR("Team & <br> {a}");
        set_text(f, &pair->value, line_pieces, SY_ARRAY_LEN(line_pieces), seed);
    }
}

static void fill(struct fixture *f, uint32_t seed)
{
    static const char *const vendors[] = {"composio", "pipedream", "scalekit"};
    struct sy_toolkit_facts facts;
    struct sy_str aliases[2];
    struct sy_row rows[3];

    for (unsigned number = 0; number < 12; number++) {
        unsigned count = 1 + next(&seed) % 3;

        for (unsigned i = 0; i < count; i++)
            random_row(f, number, vendors[i], &rows[i], &seed);
        for (unsigned i = 0; i < 2; i++)
            aliases[i] = sy_arena_printf(&f->arena, "Alias-%u.%u", number, i);
        facts = (struct sy_toolkit_facts){.aliases = aliases,
                                          .alias_count = next(&seed) % 3,
                                          .has_criticality = next(&seed) % 2,
                                          .criticality = (enum sy_criticality)(next(&seed) % 3)};
        const struct sy_change change = {.kind = SY_CHANGE_PUT_TOOLKIT,
                                         .toolkit = rows[0].toolkit,
                                         .expected_version = -1,
                                         .rows = rows,
                                         .row_count = count,
                                         .facts = &facts};
        if (apply(f, &change, 1))
            fail_msg("%s", f->err.text);
    }
    for (unsigned number = 0; number < 6; number++) {
        struct sy_pair renames[] = {{SY_STR("a:b, {c}|\\"), SY_STR("x\"y`")},
                                    {SY_STR("plain"), SY_STR("to")}};
        struct sy_str alias = sy_arena_printf(&f->arena, "other_%u", number);
        const struct sy_tool_map map = {.tool = sy_arena_printf(&f->arena, "tool_%u", number),
                                        .toolkit = SY_STR("tool.kit-1"),
                                        .vendor = z(vendors[number % 3]),
                                        .vendor_tool = SY_STR("Some|Tool-Name_1"),
                                        .match = (enum sy_match)(next(&seed) % 3),
                                        .effect = (enum sy_effect)(next(&seed) % 4),
                                        .renames = renames,
                                        .rename_count = next(&seed) % 3,
                                        .aliases = &alias,
                                        .alias_count = next(&seed) % 2};
        if (put_map(f, &map))
            fail_msg("%s", f->err.text);
    }
}

static void fail_where(uint32_t seed, int from, int to, struct sy_str wanted, struct sy_str got)
{
    size_t at = 0;

    while (at < wanted.len && at < got.len && wanted.ptr[at] == got.ptr[at])
        at++;
    at = at > 60 ? at - 60 : 0;
    fail_msg("seed %u, format %d to %d:\n%.*s\n----\n%.*s", seed, from, to,
             SY_FMT(sy_str_head(sy_str_skip(wanted, at), 160)),
             SY_FMT(sy_str_head(sy_str_skip(got, at), 160)));
}

static void generated_registries_survive_every_format_and_every_pair_of_formats(void **state)
{
    struct fixture *f = *state;

    for (uint32_t seed = 1; seed <= 25; seed++) {
        struct sy_str texts[3];

        close_store(f);
        assert_int_equal(open_store(f, false), 0);
        fill(f, seed * 7919);
        for (int format = 0; format < 3; format++)
            texts[format] = write_as(f, (enum sy_registry_format)format);
        for (int from = 0; from < 3; from++) {
            close_store(f);
            assert_int_equal(open_store(f, false), 0);
            read_and_apply(f, texts[from], (enum sy_registry_format)from);
            for (int to = 0; to < 3; to++) {
                struct sy_str got = write_as(f, (enum sy_registry_format)to);
                if (!sy_str_eq(got, texts[to]))
                    fail_where(seed, from, to, texts[to], got);
            }
        }
        sy_arena_release(&f->arena);
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
        FOR("memory", generated_registries_survive_every_format_and_every_pair_of_formats),
        FOR("memory", the_seed_and_the_sandboxs_rows_are_good),
    };

    return cmocka_run_group_tests_name("paper", tests, NULL, NULL);
}
