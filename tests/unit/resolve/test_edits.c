/*
 * Edits over a base read as a base built at once, and both as a slow reading of the rows: random
 * registries of few, colliding names, random edits, every kind of question.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolve/resolve.h"

#define ROWS_MAX 120
#define MAPS_MAX 80
#define REGISTRIES 12
#define EDITS 8
#define QUESTIONS 25

/* ---- a small random registry that can be edited ---- */

struct random {
    uint64_t state;
};

static unsigned below(struct random *r, unsigned limit)
{
    r->state = r->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(r->state >> 33) % limit;
}

static const char *const TOOLKITS[] = {
    "gmail",        "g_mail",       "googlemail", "google_drive",
    "google-drive", "googledrive2", "drive",      "slack",
    "slak",         "_2chat",       "a",          "ab",
    "abc",          "abcd",         "notion",     "notoin",
    "notions",      "hub",          "hub_spot",   "github",
    "get_hub",
};
static const char *const ACTIONS[] = {"send",       "send_mail", "list",     "mail_send",
                                      "find_files", "drive_get", "spot_list"};
static const char *const VENDORS_OF[] = {"composio", "pipedream", "pending", "worker", "other"};

struct draft {
    struct sy_arena mem;
    struct sy_row rows[ROWS_MAX];
    struct sy_toolkit_facts facts[SY_ARRAY_LEN(TOOLKITS)];
    struct sy_tool_map maps[MAPS_MAX];
    size_t row_count, fact_count, map_count;
    int64_t version;
};

static struct sy_str any_toolkit(struct random *r)
{
    return sy_str_of(TOOLKITS[below(r, SY_ARRAY_LEN(TOOLKITS))]);
}

/* Another spelling of some toolkit, so that names collide. */
static struct sy_str any_spelling(struct random *r, struct sy_arena *mem)
{
    struct sy_str from = any_toolkit(r);
    char *text = sy_arena_z(mem, from);

    assert_non_null(text);
    for (size_t i = 0; i < from.len; i++) {
        if (below(r, 4) == 0 && text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - 'a' + 'A');
        if (text[i] == '_' && below(r, 2))
            text[i] = '-';
    }
    return sy_str_from(text, from.len);
}

static struct sy_str any_tool(struct random *r, struct sy_arena *mem, const char *separator)
{
    const struct sy_str parts[] = {any_spelling(r, mem), sy_str_of(separator),
                                   sy_str_of(ACTIONS[below(r, SY_ARRAY_LEN(ACTIONS))])};
    return sy_arena_join(mem, parts, 3);
}

static struct sy_str lower(struct sy_arena *mem, struct sy_str text)
{
    char *copy = sy_arena_z(mem, text);

    assert_non_null(copy);
    for (size_t i = 0; i < text.len; i++) {
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] - 'A' + 'a');
    }
    return sy_str_from(copy, text.len);
}

static struct sy_row any_row(struct random *r, struct draft *d, struct sy_str toolkit)
{
    struct sy_row row = {
        .toolkit = toolkit,
        .vendor = sy_str_of(VENDORS_OF[below(r, SY_ARRAY_LEN(VENDORS_OF))]),
        .vendor_slug = below(r, 2) ? toolkit : any_spelling(r, &d->mem),
        .state = (enum sy_row_state)below(r, SY_ROW_STATE_COUNT),
        .has_rank = below(r, 4) == 0,
        .auth_none = below(r, 8) == 0,
        .version_number = d->version,
    };

    row.rank = row.has_rank ? (int64_t)below(r, 7) - 3 : 0;
    if (below(r, 3) == 0)
        row.connection = SY_STR("conn");
    if (below(r, 3) == 0)
        row.auth_config_id = sy_arena_printf(&d->mem, "ac_%u", below(r, 100000));
    if (below(r, 3) == 0)
        row.version = below(r, 2) ? SY_STR("latest") : SY_STR("20250101_00");
    if (below(r, 3) == 0)
        row.adr = below(r, 4) ? SY_STR("ADR-7") : SY_STR("");
    if (below(r, 3) == 0)
        row.expires_at_ms = below(r, 3000);
    if (below(r, 3) == 0)
        row.issue_url = SY_STR("https://issues.example/1");
    if (below(r, 3) == 0)
        row.due_at_ms = (int64_t)1700000000000 + below(r, 1000000);
    return row;
}

static void fill_toolkit(struct random *r, struct draft *d, struct sy_str toolkit)
{
    unsigned rows = below(r, 4);
    bool facts = below(r, 2);
    struct sy_str *aliases;

    for (unsigned i = 0; i < rows && d->row_count < ROWS_MAX; i++)
        d->rows[d->row_count++] = any_row(r, d, toolkit);
    if (!facts)
        return;
    d->facts[d->fact_count++] = (struct sy_toolkit_facts){
        .toolkit = toolkit, .has_criticality = below(r, 2), .criticality = SY_CRITICALITY_HIGH};
    if (below(r, 2))
        return;
    aliases = sy_arena_array(&d->mem, 2, sizeof(*aliases));
    assert_non_null(aliases);
    aliases[0] = any_spelling(r, &d->mem);
    aliases[1] = sy_arena_printf(&d->mem, "Alias %u", below(r, 5));
    d->facts[d->fact_count - 1].aliases = aliases;
    d->facts[d->fact_count - 1].alias_count = 2;
}

static void fill_family(struct random *r, struct draft *d, struct sy_str toolkit)
{
    static const struct sy_pair rename = {SY_STR_INIT("to"), SY_STR_INIT("recipient")};
    unsigned maps = below(r, 5);

    for (unsigned i = 0; i < maps && d->map_count < MAPS_MAX; i++) {
        struct sy_tool_map *map = &d->maps[d->map_count++];
        struct sy_str tool = lower(&d->mem, any_tool(r, &d->mem, "_"));
        *map = (struct sy_tool_map){
            .tool = tool,
            .toolkit = toolkit,
            .vendor = sy_str_of(VENDORS_OF[below(r, SY_ARRAY_LEN(VENDORS_OF))]),
            .vendor_tool = below(r, 3) ? any_tool(r, &d->mem, "-") : tool,
            .match = (enum sy_match)below(r, 3),
            .effect = (enum sy_effect)below(r, 4),
            .renames = &rename,
            .rename_count = below(r, 2),
        };
        if (below(r, 3) == 0) {
            struct sy_str *alias = sy_arena_array(&d->mem, 1, sizeof(*alias));
            assert_non_null(alias);
            *alias = any_tool(r, &d->mem, "_");
            map->aliases = alias;
            map->alias_count = 1;
        }
    }
}

static void drop_toolkit(struct draft *d, struct sy_str toolkit)
{
    size_t rows = 0, facts = 0;

    for (size_t i = 0; i < d->row_count; i++) {
        if (!sy_str_eq(d->rows[i].toolkit, toolkit))
            d->rows[rows++] = d->rows[i];
    }
    for (size_t i = 0; i < d->fact_count; i++) {
        if (!sy_str_eq(d->facts[i].toolkit, toolkit))
            d->facts[facts++] = d->facts[i];
    }
    d->row_count = rows;
    d->fact_count = facts;
}

static void drop_family(struct draft *d, struct sy_str toolkit)
{
    size_t maps = 0;

    for (size_t i = 0; i < d->map_count; i++) {
        if (!sy_str_eq(d->maps[i].toolkit, toolkit))
            d->maps[maps++] = d->maps[i];
    }
    d->map_count = maps;
}

static struct sy_registry registry_of(const struct draft *d)
{
    return (struct sy_registry){.version = d->version,
                                .rows = d->rows,
                                .row_count = d->row_count,
                                .toolkits = d->facts,
                                .toolkit_count = d->fact_count,
                                .maps = d->maps,
                                .map_count = d->map_count};
}

/* Only what belongs to the names of `changes`, as a store lists it. */
static void pick(struct draft *d, const struct sy_registry_changes *changes, struct draft *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (size_t c = 0; c < changes->toolkit_count; c++) {
        for (size_t i = 0; i < d->row_count; i++) {
            if (sy_str_eq(d->rows[i].toolkit, changes->toolkits[c]))
                ret->rows[ret->row_count++] = d->rows[i];
        }
        for (size_t i = 0; i < d->fact_count; i++) {
            if (sy_str_eq(d->facts[i].toolkit, changes->toolkits[c]))
                ret->facts[ret->fact_count++] = d->facts[i];
        }
    }
    for (size_t c = 0; c < changes->family_count; c++) {
        for (size_t i = 0; i < d->map_count; i++) {
            if (sy_str_eq(d->maps[i].toolkit, changes->families[c]))
                ret->maps[ret->map_count++] = d->maps[i];
        }
    }
    ret->version = d->version;
}

/* ---- the slow reading ---- */

static bool spells(struct sy_str spelling, struct sy_str key)
{
    char text[512];

    return spelling.len > 0 && sy_str_eq(sy_name_normalise(spelling, text), key);
}

/* The toolkit that a normalised key means: names before aliases before slugs, first in name order
 * of each. Absent: none. */
static struct sy_str slow_toolkit(const struct draft *d, struct sy_str key)
{
    struct sy_str best = {NULL, 0};

    for (unsigned class = 0; class < 3 && !best.ptr; class ++) {
        for (size_t i = 0; i < d->row_count; i++) {
            const struct sy_row *row = &d->rows[i];
            bool is = class == 0   ? spells(row->toolkit, key)
                      : class == 2 ? spells(row->vendor_slug, key)
                                   : false;
            for (size_t f = 0; class == 1 && f < d->fact_count; f++) {
                for (size_t a = 0; a < d->facts[f].alias_count; a++)
                    is = is || (sy_str_eq(d->facts[f].toolkit, row->toolkit) &&
                                spells(d->facts[f].aliases[a], key));
            }
            if (is && (!best.ptr || sy_str_cmp(row->toolkit, best) < 0))
                best = row->toolkit;
        }
    }
    return best;
}

/* Distance of the nearest spelling by which `toolkit` is found, or 9. */
static unsigned slow_distance(const struct draft *d, struct sy_str key, struct sy_str toolkit)
{
    unsigned best = 9;
    char text[512];

    for (size_t i = 0; i < d->row_count; i++) {
        struct sy_str spelled[5] = {d->rows[i].toolkit, d->rows[i].vendor_slug};
        for (size_t f = 0; f < d->fact_count; f++) {
            if (sy_str_eq(d->facts[f].toolkit, d->rows[i].toolkit) && d->facts[f].alias_count)
                memcpy(&spelled[2], d->facts[f].aliases, 2 * sizeof(*spelled));
        }
        for (unsigned s = 0; s < 4; s++) {
            struct sy_str name = sy_name_normalise(spelled[s], text);
            unsigned found = sy_str_distance(key, name, 2);
            size_t longer = name.len > key.len ? name.len : key.len;
            if (name.len == 0 || found > 2 || 2 * found > longer || found >= best)
                continue;
            best = sy_str_eq(slow_toolkit(d, name), toolkit) ? found : best;
        }
    }
    return best;
}

static void near_names_are_as_read_slowly(const struct draft *d, const struct sy_snapshot *s,
                                          struct sy_str name)
{
    struct sy_str near[32], key, seen[SY_ARRAY_LEN(TOOLKITS)];
    size_t count = sy_snapshot_near_toolkits(s, name, 2, near, 32), expected = 0;
    char text[512];

    key = sy_name_normalise(name, text);
    for (size_t i = 0; i < d->row_count; i++) {
        bool again = false;
        for (size_t k = 0; k < expected; k++)
            again = again || sy_str_eq(seen[k], d->rows[i].toolkit);
        if (!again && slow_distance(d, key, d->rows[i].toolkit) < 9)
            seen[expected++] = d->rows[i].toolkit;
    }
    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++) {
        unsigned mine = slow_distance(d, key, near[i]);
        unsigned before = i ? slow_distance(d, key, near[i - 1]) : 0;
        assert_true(mine < 9);
        assert_true(i == 0 || before < mine ||
                    (before == mine && sy_str_cmp(near[i - 1], near[i]) < 0));
    }
}

static bool same_text(struct sy_str a, struct sy_str b)
{
    return !a.ptr == !b.ptr && sy_str_eq(a, b);
}

static void toolkit_is_as_read_slowly(const struct draft *d, const struct sy_snapshot *s,
                                      struct sy_str name)
{
    struct sy_toolkit toolkit;
    struct sy_str expected;
    struct sy_row row;
    char text[512];
    size_t at = 0;

    expected = slow_toolkit(d, sy_name_normalise(name, text));
    assert_int_equal(sy_snapshot_toolkit(s, name, &toolkit), expected.ptr != NULL);
    if (!expected.ptr)
        return;
    assert_true(sy_str_eq(toolkit.name, expected));
    for (size_t i = 0; i < d->row_count; i++) {
        const struct sy_row *from = &d->rows[i];
        if (!sy_str_eq(from->toolkit, expected))
            continue;
        assert_true(sy_toolkit_row(&toolkit, at++, &row));
        assert_true(sy_str_eq(row.vendor, from->vendor));
        assert_true(sy_str_eq(row.vendor_slug, from->vendor_slug));
        assert_true(same_text(row.connection, from->connection));
        assert_true(same_text(row.auth_config_id, from->auth_config_id));
        assert_true(same_text(row.adr, from->adr));
        assert_true(same_text(row.issue_url, from->issue_url));
        assert_true(sy_str_eq(row.version, from->version.len ? from->version : SY_STR("latest")));
        assert_int_equal(row.state, from->state);
        assert_int_equal(row.has_rank, from->has_rank);
        assert_int_equal(row.rank, from->rank);
        assert_int_equal(row.auth_none, from->auth_none);
        assert_int_equal(row.expires_at_ms, from->expires_at_ms);
        assert_int_equal(row.due_at_ms, from->due_at_ms);
        assert_int_equal(row.version_number, from->version_number);
    }
    assert_false(sy_toolkit_row(&toolkit, at, &row));
}

/* ---- decisions ---- */

static struct sy_str plain_name(struct sy_str slug, struct sy_str action, struct sy_arena *mem)
{
    const struct sy_str parts[] = {slug, SY_STR("."), action};
    return sy_arena_join(mem, parts, 3);
}

static const struct sy_vendor COMPOSIO = {
    .name = "composio", .path = SY_PATH_NATIVE, .user_connection = true, .tool_name = plain_name};
static const struct sy_vendor PIPEDREAM = {
    .name = "pipedream", .path = SY_PATH_PIPEDREAM, .tool_name = plain_name};
static const struct sy_vendor WORKER = {
    .name = "worker", .path = SY_PATH_WORKER, .tool_name = plain_name};
static const struct sy_vendor *const VENDORS[] = {&COMPOSIO, &PIPEDREAM, &WORKER};

static struct sy_str decide(const struct sy_snapshot *s, const struct sy_resolve_request *request,
                            struct sy_arena *mem)
{
    const struct sy_resolve_facts facts = {
        .now_unix_ms = 1500, .vendors = VENDORS, .vendor_count = SY_ARRAY_LEN(VENDORS)};
    struct sy_decision *d = sy_arena_zalloc(mem, sizeof(*d));
    struct sy_json_writer w;
    struct sy_buf out;

    assert_non_null(d);
    assert_int_equal(sy_resolve(s, request, &facts, mem, d), SY_OK);
    sy_buf_init_arena(&out, mem, 1 << 20);
    sy_jw_init(&w, &out);
    sy_jw_object(&w);
    sy_decision_write(&w, d, true);
    for (unsigned i = 0; i < d->candidate_count; i++) {
        const struct sy_candidate *c = &d->candidates[i];
        sy_jw_member_str(&w, "connection", c->target.connection);
        sy_jw_opt_str(&w, "auth_config_id", c->target.auth_config_id);
        sy_jw_member_str(&w, "version", c->target.version);
        sy_jw_member_bool(&w, "auth_none", c->target.auth_none);
        sy_jw_member_i64(&w, "due", c->target.due_at_ms);
        sy_jw_member_i64(&w, "renames", (int64_t)c->rename_count);
    }
    sy_jw_object_end(&w);
    assert_true(sy_buf_ok(&out));
    return sy_buf_str(&out);
}

static void all_decide_alike(struct random *r, const struct sy_snapshot *fresh,
                             const struct sy_snapshot *edited, const struct sy_snapshot *folded)
{
    struct sy_str near[8], same[8], toolkit = any_toolkit(r);
    struct sy_resolve_request request = {.tenant = SY_STR("acme"),
                                         .environment = SY_STR("production")};
    struct sy_str expected;
    struct sy_arena mem;
    size_t count;

    sy_arena_init(&mem, 16 << 20);
    if (below(r, 5))
        request.tool = any_tool(r, &mem, below(r, 2) ? "_" : "-");
    if (below(r, 3) == 0 || !request.tool.ptr)
        request.toolkit = any_spelling(r, &mem);
    if (below(r, 4) == 0)
        request.vendor = SY_STR("pipedream");
    expected = decide(fresh, &request, &mem);
    assert_true(sy_str_eq(decide(edited, &request, &mem), expected));
    assert_true(sy_str_eq(decide(folded, &request, &mem), expected));
    count = sy_snapshot_near_tools(fresh, toolkit, request.tool, near, 8);
    assert_int_equal(sy_snapshot_near_tools(edited, toolkit, request.tool, same, 8), count);
    for (size_t i = 0; i < count; i++)
        assert_true(sy_str_eq(near[i], same[i]));
    sy_arena_release(&mem);
}

static void listings_are_alike(const struct sy_snapshot *a, const struct sy_snapshot *b)
{
    struct sy_str name = {NULL, 0};
    struct sy_toolkit x, y;
    size_t count = 0;

    for (; sy_snapshot_toolkit_after(a, name, &x); name = x.name, count++) {
        assert_true(sy_snapshot_toolkit_after(b, name, &y));
        assert_true(sy_str_eq(x.name, y.name));
        assert_int_equal(x.row_count, y.row_count);
        assert_int_equal(x.alias_count, y.alias_count);
        assert_int_equal(x.has_criticality, y.has_criticality);
    }
    assert_false(sy_snapshot_toolkit_after(b, name, &y));
    assert_int_equal(sy_snapshot_toolkit_count(a), count);
    assert_int_equal(sy_snapshot_toolkit_count(b), count);
}

/* ---- the test ---- */

struct trial {
    struct random random;
    struct draft now, picked;
    struct sy_policy policy;
    struct sy_str toolkits[EDITS], families[EDITS];
    struct sy_registry_changes changes;
};

static void note(struct sy_str name, struct sy_str *names, size_t *count)
{
    for (size_t i = 0; i < *count; i++) {
        if (sy_str_eq(names[i], name))
            return;
    }
    names[(*count)++] = name;
}

static void edit(struct trial *t)
{
    struct sy_str name = any_toolkit(&t->random);

    t->now.version++;
    if (below(&t->random, 2)) {
        drop_toolkit(&t->now, name);
        fill_toolkit(&t->random, &t->now, name);
        note(name, t->toolkits, &t->changes.toolkit_count);
    } else {
        drop_family(&t->now, name);
        fill_family(&t->random, &t->now, name);
        note(name, t->families, &t->changes.family_count);
    }
}

static void compare(struct trial *t, const struct sy_snapshot *edited)
{
    struct sy_registry registry = registry_of(&t->now);
    struct sy_snapshot *fresh, *shared, *folded, *whole;
    const struct sy_registry_changes none = {.now = {.version = t->now.version}};
    struct sy_arena mem;

    assert_int_equal(sy_snapshot_build(&registry, &t->policy, &fresh, NULL), SY_OK);
    shared = sy_snapshot_share(edited);
    assert_non_null(shared);
    assert_int_equal(sy_snapshot_fold(shared, &folded, NULL), SY_OK);
    sy_snapshot_free(shared);
    assert_int_equal(sy_snapshot_edit(folded, &none, &t->policy, &whole, NULL), SY_OK);
    sy_snapshot_free(folded);
    assert_int_equal(sy_snapshot_edits(whole), 0);
    listings_are_alike(fresh, edited);
    listings_are_alike(fresh, whole);
    sy_arena_init(&mem, 1 << 20);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        struct sy_str name = any_spelling(&t->random, &mem);
        toolkit_is_as_read_slowly(&t->now, fresh, name);
        toolkit_is_as_read_slowly(&t->now, edited, name);
        near_names_are_as_read_slowly(&t->now, fresh, name);
        near_names_are_as_read_slowly(&t->now, edited, name);
        all_decide_alike(&t->random, fresh, edited, whole);
        sy_arena_clear(&mem);
    }
    sy_arena_release(&mem);
    sy_snapshot_free(fresh);
    sy_snapshot_free(whole);
}

static void run(struct trial *t)
{
    struct sy_registry registry;
    struct sy_snapshot *base, *edited;

    for (size_t i = 0; i < SY_ARRAY_LEN(TOOLKITS); i++) {
        if (below(&t->random, 3))
            fill_toolkit(&t->random, &t->now, sy_str_of(TOOLKITS[i]));
        if (below(&t->random, 3) == 0)
            fill_family(&t->random, &t->now, sy_str_of(TOOLKITS[i]));
    }
    registry = registry_of(&t->now);
    assert_int_equal(sy_snapshot_build(&registry, &t->policy, &base, NULL), SY_OK);
    t->changes.toolkits = t->toolkits;
    t->changes.families = t->families;
    for (unsigned i = 0; i < EDITS; i++) {
        edit(t);
        pick(&t->now, &t->changes, &t->picked);
        t->changes.now = registry_of(&t->picked);
        assert_int_equal(sy_snapshot_edit(base, &t->changes, &t->policy, &edited, NULL), SY_OK);
        compare(t, edited);
        /* The base goes with the last that has it. */
        sy_snapshot_free(base);
        base = edited;
    }
    sy_snapshot_free(base);
}

static void edits_over_a_base_read_as_one_built_at_once(void **state)
{
    static const struct sy_str names[] = {SY_STR_INIT("composio"), SY_STR_INIT("pipedream")};
    const struct sy_policy_source source = {.file = SY_STR("p"), .text = sy_policy_default_text()};
    struct sy_faults faults;
    struct sy_arena mem;
    struct trial *t = malloc(sizeof(*t));

    (void)state;
    assert_non_null(t);
    sy_arena_init(&mem, 1 << 20);
    sy_faults_init(&faults);
    for (uint64_t seed = 1; seed <= REGISTRIES; seed++) {
        memset(t, 0, sizeof(*t));
        t->random.state = seed;
        sy_arena_init(&t->now.mem, 16 << 20);
        assert_int_equal(sy_policy_load(&source, 1, names, 2, &mem, &t->policy, &faults), SY_OK);
        run(t);
        sy_arena_release(&t->now.mem);
        sy_arena_clear(&mem);
    }
    sy_faults_release(&faults);
    sy_arena_release(&mem);
    free(t);
}

/* Random strings against all pairs. */
static void hardly_any_near_name_is_missed(void **state)
{
    struct random r = {.state = 7};
    struct sy_row *rows = calloc(2000, sizeof(*rows));
    static const struct sy_policy policy;
    struct sy_registry registry = {.rows = rows, .row_count = 2000};
    struct sy_snapshot *s;
    struct sy_arena mem;
    size_t found = 0, missed = 0;

    (void)state;
    assert_non_null(rows);
    sy_arena_init(&mem, 1 << 20);
    for (size_t i = 0; i < registry.row_count; i++) {
        char text[16];
        size_t len = 5 + below(&r, 8);
        for (size_t c = 0; c < len; c++)
            text[c] = (char)('a' + below(&r, 20));
        rows[i].toolkit = sy_arena_copy(&mem, sy_str_from(text, len));
        rows[i].vendor = SY_STR("composio");
    }
    assert_int_equal(sy_snapshot_build(&registry, &policy, &s, NULL), SY_OK);
    for (unsigned q = 0; q < 300; q++) {
        struct sy_str name = rows[below(&r, 2000)].toolkit, near[32];
        size_t count, within = 0;
        char text[16];
        struct sy_toolkit toolkit = {.name = {NULL, 0}};
        struct sy_str last = {NULL, 0};

        memcpy(text, name.ptr, name.len);
        if (below(&r, 2)) { /* two neighbours swapped */
            size_t at = below(&r, (unsigned)name.len - 1);
            text[at] = name.ptr[at + 1];
            text[at + 1] = name.ptr[at];
        }
        text[below(&r, (unsigned)name.len)] = (char)('a' + below(&r, 21));
        name = sy_str_from(text, name.len);
        count = sy_snapshot_near_toolkits(s, name, 2, near, 32);
        for (; sy_snapshot_toolkit_after(s, last, &toolkit); last = toolkit.name) {
            size_t longer = toolkit.name.len > name.len ? toolkit.name.len : name.len;
            unsigned distance = sy_str_distance(name, toolkit.name, 2);
            within += distance <= 2 && 2 * distance <= longer;
        }
        within = within < 32 ? within : 32;
        assert_true(count <= within);
        found += count;
        missed += within - count;
    }
    /* The work is bounded, so among 2000 alike names one may be left out; hardly ever. */
    assert_true(found >= 250);
    assert_true(100 * missed <= found);
    sy_snapshot_free(s);
    sy_arena_release(&mem);
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_over_a_base_read_as_one_built_at_once),
        cmocka_unit_test(hardly_any_near_name_is_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
