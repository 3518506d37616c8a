/*
 * Nothing is lost on paper: generated registries through every format and every pair of formats.
 */
#include "paper_support.h"

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
    row->vendor_slug =
        next(seed) % 2 ? sy_arena_printf(&f->arena, "Slug_%u", number) : (struct sy_str){NULL, 0};
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

static void a_registry_larger_than_one_reading_of_yaml_survives(void **state)
{
    struct fixture *f = *state;
    struct sy_row *rows = sy_arena_array(&f->arena, 20000, sizeof(*rows));
    struct sy_import import;
    struct sy_buf out, faults;
    struct sy_registry registry = {.rows = rows, .row_count = 20000};

    for (unsigned i = 0; i < 20000; i++) {
        rows[i] = row_of("", "composio");
        rows[i].toolkit = sy_arena_printf(&f->arena, "toolkit%05u", i);
        rows[i].notes =
            SY_STR("enough words: to make a line of more than two hundred and ten bytes, "
                   "so that twenty thousand of them are more than the four mebibytes "
                   "that are read at once");
    }
    rows[19999].rank = 7;
    rows[19999].has_rank = true;
    sy_buf_init_arena(&out, &f->arena, 64u << 20);
    sy_registry_write(&out, &registry, SY_FORMAT_YAML);
    assert_true(out.len > 4u << 20);
    if (read_as(f, sy_buf_str(&out), SY_FORMAT_YAML, &import, &faults))
        fail_msg("%.*s", SY_FMT(sy_buf_str(&faults)));
    assert_int_equal(import.rows, 20000);
    assert_int_equal(import.changes[19999].rows[0].rank, 7);
    /* The place of a fault in the last part is that of the whole document. */
    out.ptr[out.len - 2] = '!';
    assert_int_equal(read_as(f, sy_buf_str(&out), SY_FORMAT_YAML, &import, &faults), SY_INVALID);
    assert_true(sy_str_starts(sy_buf_str(&faults), SY_STR("doc:2000")));
}

/* Cuts, doubles and overwrites pieces of a document. */
static struct sy_str broken(struct fixture *f, struct sy_str text, uint32_t *seed)
{
    static const char bytes[] = "|\\`\"{}[]:,-#&*!%\n\t \xff\xc3<>~'";
    size_t from = next(seed) % text.len, len = next(seed) % 40;
    const struct sy_str parts[] = {sy_str_head(text, from),
                                   sy_str_head(sy_str_skip(text, from / 2), len),
                                   sy_str_skip(text, from + next(seed) % 40)};
    struct sy_str joined = sy_arena_join(&f->arena, parts, 3);
    char *copy = sy_arena_z(&f->arena, joined);

    for (size_t i = next(seed) % 4; i && joined.len; i--)
        copy[next(seed) % joined.len] = bytes[next(seed) % (sizeof(bytes) - 1)];
    return sy_str_from(copy, joined.len);
}

static void a_broken_document_is_good_or_a_fault_with_a_place(void **state)
{
    struct fixture *f = *state;
    struct sy_import import;
    struct sy_buf faults, texts[3];
    uint32_t seed = 42;

    fill(f, seed);
    for (int format = 0; format < 3; format++) {
        sy_buf_init(&texts[format], 1u << 20);
        sy_buf_append(&texts[format], write_as(f, (enum sy_registry_format)format));
    }
    for (unsigned i = 0; i < 1500; i++) {
        enum sy_registry_format format = (enum sy_registry_format)(i % 3);
        struct sy_str text = broken(f, sy_buf_str(&texts[format]), &seed);

        if (read_as(f, text, format, &import, &faults))
            assert_true(sy_str_starts(sy_buf_str(&faults), SY_STR("doc:")));
        sy_arena_release(&f->arena);
    }
    for (int format = 0; format < 3; format++)
        sy_buf_release(&texts[format]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR("memory", generated_registries_survive_every_format_and_every_pair_of_formats),
        FOR("memory", a_broken_document_is_good_or_a_fault_with_a_place),
        FOR("memory", a_registry_larger_than_one_reading_of_yaml_survives),
    };

    return cmocka_run_group_tests_name("paper", tests, NULL, NULL);
}
