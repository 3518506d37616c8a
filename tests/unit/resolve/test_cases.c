/*
 * Runs the YAML files of tests/cases/resolve: registry rows, a policy, requests and what is decided. A new case
 * needs no C. Each case is resolved twice; both decisions must be the same bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolve/resolve.h"

#define LIST_MAX 64

/* ---- adapters that know names only ---- */

static struct sy_str changed(struct sy_str text, char from, char to, bool upper,
                             struct sy_arena *mem)
{
    char *out = sy_arena_alloc(mem, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i] == from ? to : text.ptr[i];
        if (upper && c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        out[i] = c;
    }
    return sy_str_from(out, text.len);
}

static struct sy_str joined(struct sy_str slug, const char *joint, struct sy_str action,
                            struct sy_arena *mem)
{
    const struct sy_str parts[] = {slug, sy_str_of(joint), action};
    return sy_arena_join(mem, parts, 3);
}

static struct sy_str upper_name(struct sy_str slug, struct sy_str action, struct sy_arena *mem)
{
    return joined(changed(slug, '-', '_', true, mem), "_", changed(action, '-', '_', true, mem),
                  mem);
}

static struct sy_str snake_name(struct sy_str slug, struct sy_str action, struct sy_arena *mem)
{
    return joined(slug, "_", action, mem);
}

static struct sy_str kebab_name(struct sy_str slug, struct sy_str action, struct sy_arena *mem)
{
    return joined(slug, "-", changed(action, '_', '-', false, mem), mem);
}

static const struct sy_vendor COMPOSIO = {.name = "composio",
                                          .path = SY_PATH_NATIVE,
                                          .can = SY_CAN(SY_OP_PROBE),
                                          .user_connection = true,
                                          .tool_name = upper_name};
static const struct sy_vendor SCALEKIT = {.name = "scalekit",
                                          .path = SY_PATH_NATIVE,
                                          .can = SY_CAN(SY_OP_PROBE),
                                          .user_connection = true,
                                          .subject_max = 100,
                                          .tool_name = snake_name};
static const struct sy_vendor PIPEDREAM = {.name = "pipedream",
                                           .path = SY_PATH_PIPEDREAM,
                                           .can = SY_CAN(SY_OP_PROBE),
                                           .user_connection = true,
                                           .subject_max = 250,
                                           .tool_name = kebab_name};
static const struct sy_vendor WORKER = {.name = "worker", .path = SY_PATH_WORKER};
static const struct sy_vendor WAITS = {.name = "pending", .path = SY_PATH_PENDING};
static const struct sy_vendor SESSION = {.name = "session", .path = SY_PATH_SESSION};
static const struct sy_vendor *const VENDORS[] = {&COMPOSIO, &SCALEKIT, &PIPEDREAM,
                                                  &WORKER,   &WAITS,    &SESSION};

/* ---- YAML into the resolver's input ---- */

struct run {
    struct sy_arena arena;
    struct sy_faults faults;
    struct sy_registry registry;
    const struct sy_yaml *file;
    unsigned failures;
};

static struct sy_str text(const struct sy_yaml *map, const char *name)
{
    const struct sy_yaml *node = sy_yaml_get(map, name);
    return node && !sy_yaml_is_null(node) ? node->text : (struct sy_str){NULL, 0};
}

static int64_t number(const struct sy_yaml *map, const char *name)
{
    int64_t value = 0;
    sy_str_to_i64(text(map, name), &value);
    return value;
}

static struct sy_str *texts(struct run *run, const struct sy_yaml *list, size_t *ret_count)
{
    struct sy_str *ret = sy_arena_array(&run->arena, sy_yaml_count(list) + 1, sizeof(*ret));
    size_t count = 0;
    for (const struct sy_yaml *at = list ? list->first : NULL; at; at = at->next)
        ret[count++] = at->text;
    *ret_count = count;
    return ret;
}

static struct sy_pair *pairs(struct run *run, const struct sy_yaml *map, size_t *ret_count)
{
    struct sy_pair *ret = sy_arena_array(&run->arena, sy_yaml_count(map) + 1, sizeof(*ret));
    size_t count = 0;
    for (const struct sy_yaml *at = map ? map->first : NULL; at; at = at->next)
        ret[count++] = (struct sy_pair){at->key->text, at->text};
    *ret_count = count;
    return ret;
}

static void read_row(const struct sy_yaml *at, struct sy_row *row)
{
    *row = (struct sy_row){
        .toolkit = text(at, "toolkit"),
        .vendor = text(at, "vendor"),
        .vendor_slug = text(at, "vendor_slug"),
        .has_rank = sy_yaml_get(at, "rank") != NULL,
        .rank = number(at, "rank"),
        .connection = text(at, "connection"),
        .endpoint = text(at, "endpoint"),
        .secret = text(at, "secret"),
        .adr = text(at, "adr"),
        .issue_url = text(at, "issue_url"),
        .version_number = number(at, "version_number"),
        .expires_at_ms = number(at, "expires_at_ms"),
    };
    assert_true(sy_row_state_from_name(text(at, "status"), &row->state));
}

static void read_rows(struct run *run)
{
    const struct sy_yaml *list = sy_yaml_get(run->file, "registry");
    size_t count = sy_yaml_count(list), at_row = 0, facts_count = 0;
    struct sy_row *rows = sy_arena_array(&run->arena, count + 1, sizeof(*rows));
    struct sy_toolkit_facts *facts = sy_arena_array(&run->arena, count + 1, sizeof(*facts));

    for (const struct sy_yaml *at = list ? list->first : NULL; at; at = at->next) {
        struct sy_toolkit_facts *its = &facts[facts_count];
        read_row(at, &rows[at_row++]);
        its->toolkit = text(at, "toolkit");
        its->aliases = texts(run, sy_yaml_get(at, "aliases"), &its->alias_count);
        its->has_criticality = sy_criticality_from_name(text(at, "criticality"), &its->criticality);
        if (its->alias_count > 0 || its->has_criticality)
            facts_count++;
    }
    run->registry.rows = rows;
    run->registry.row_count = count;
    run->registry.toolkits = facts;
    run->registry.toolkit_count = facts_count;
}

static void read_maps(struct run *run)
{
    const struct sy_yaml *list = sy_yaml_get(run->file, "maps");
    struct sy_tool_map *maps = sy_arena_array(&run->arena, sy_yaml_count(list) + 1, sizeof(*maps));
    size_t count = 0;

    for (const struct sy_yaml *at = list ? list->first : NULL; at; at = at->next) {
        struct sy_tool_map *map = &maps[count++];
        map->tool = text(at, "tool");
        map->toolkit = text(at, "toolkit");
        map->vendor = text(at, "vendor");
        map->vendor_tool = text(at, "vendor_tool");
        assert_true(sy_match_from_name(text(at, "match"), &map->match));
        sy_effect_from_name(text(at, "effect"), &map->effect);
        map->renames = pairs(run, sy_yaml_get(at, "renames"), &map->rename_count);
        map->aliases = texts(run, sy_yaml_get(at, "aliases"), &map->alias_count);
    }
    run->registry.maps = maps;
    run->registry.map_count = count;
}

static void read_tenants(struct run *run)
{
    const struct sy_yaml *map = sy_yaml_get(run->file, "tenants");
    struct sy_tenant *tenants =
        sy_arena_array(&run->arena, sy_yaml_count(map) + 1, sizeof(*tenants));
    size_t count = 0;

    for (const struct sy_yaml *at = map ? map->first : NULL; at; at = at->next) {
        tenants[count].name = at->key->text;
        tenants[count].labels = pairs(run, at, &tenants[count].label_count);
        count++;
    }
    run->registry.tenants = tenants;
    run->registry.tenant_count = count;
    run->registry.quarantined =
        texts(run, sy_yaml_get(run->file, "quarantined"), &run->registry.quarantined_count);
    run->registry.version = 7;
}

/* ---- what was decided, as the case files write it ---- */

static void complain(struct run *run, const struct sy_yaml *at, const char *what,
                     struct sy_str want, struct sy_str got)
{
    print_error("%.*s:%u: %s: expected \"%.*s\", got \"%.*s\"\n", SY_FMT(at->file), at->line, what,
                SY_FMT(want), SY_FMT(got));
    run->failures++;
}

static void same_list(struct run *run, const struct sy_yaml *want, const struct sy_str *got,
                      size_t count)
{
    const struct sy_yaml *at = want->first;
    for (size_t i = 0; i < count || at; i++) {
        struct sy_str one = i < count ? got[i] : SY_STR("(nothing)");
        struct sy_str wanted = at ? at->text : SY_STR("(nothing)");
        if (!sy_str_eq(one, wanted))
            complain(run, at ? at : want, "member", wanted, one);
        at = at ? at->next : NULL;
    }
}

static void check_candidates(struct run *run, const struct sy_yaml *want,
                             const struct sy_decision *d)
{
    struct sy_str got[SY_CANDIDATES_MAX];
    for (unsigned i = 0; i < d->candidate_count; i++) {
        const struct sy_candidate *c = &d->candidates[i];
        const struct sy_str parts[] = {c->vendor, sy_str_of(c->vendor_tool.ptr ? " " : ""),
                                       c->vendor_tool, sy_str_of(c->mapped ? " mapped" : "")};
        got[i] = sy_arena_join(&run->arena, parts, 4);
    }
    same_list(run, want, got, d->candidate_count);
}

/* A JSON array of names, or of objects whose members are joined by spaces. */
static size_t json_list(struct run *run, struct sy_str json, struct sy_str *ret)
{
    struct sy_json root, value, member;
    struct sy_json_iter iter, inner;
    struct sy_str name;
    size_t count = 0;

    if (!json.ptr || sy_json_read(json, 8, &root, NULL) != SY_OK)
        return 0;
    iter = sy_json_iter(root);
    while (count < LIST_MAX && sy_json_next(&iter, &name, &value)) {
        struct sy_str all = sy_json_text(value, &run->arena);
        inner = sy_json_iter(value);
        while (value.type == SY_JSON_OBJECT && sy_json_next(&inner, &name, &member)) {
            const struct sy_str parts[] = {all, sy_str_of(all.len ? " " : ""),
                                           sy_json_text(member, &run->arena)};
            all = sy_arena_join(&run->arena, parts, 3);
        }
        ret[count++] = all;
    }
    return count;
}

static void check_reasons(struct run *run, const struct sy_yaml *want, const struct sy_decision *d)
{
    for (const struct sy_yaml *at = want->first; at; at = at->next) {
        struct sy_str got = SY_STR("(not considered)");
        for (unsigned i = 0; i < d->considered_count; i++) {
            if (sy_str_eq(d->considered[i].vendor, at->key->text))
                got = d->considered[i].reason;
        }
        if (!sy_str_eq(got, at->text))
            complain(run, at, "reason", at->text, got);
    }
}

static void check_renames(struct run *run, const struct sy_yaml *want, const struct sy_decision *d)
{
    struct sy_str got[LIST_MAX];
    size_t count = d->candidate_count ? d->candidates[0].rename_count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct sy_str parts[] = {d->candidates[0].renames[i].name, SY_STR(">"),
                                       d->candidates[0].renames[i].value};
        got[i] = sy_arena_join(&run->arena, parts, 3);
    }
    same_list(run, want, got, count);
}

static bool check_lists(struct run *run, const struct sy_yaml *want, const struct sy_decision *d)
{
    struct sy_str name = want->key->text, got[LIST_MAX];

    if (sy_str_eq(name, SY_STR("candidates")))
        check_candidates(run, want, d);
    else if (sy_str_eq(name, SY_STR("because")))
        same_list(run, want, d->because, d->because_count);
    else if (sy_str_eq(name, SY_STR("probe_vendors")))
        same_list(run, want, d->probe_vendors, d->probe_count);
    else if (sy_str_eq(name, SY_STR("rules")))
        same_list(run, want, got, json_list(run, d->failure.rules, got));
    else if (sy_str_eq(name, SY_STR("suggestions")))
        same_list(run, want, got, json_list(run, d->failure.suggestions, got));
    else if (sy_str_eq(name, SY_STR("errors")))
        same_list(run, want, got, json_list(run, d->failure.errors, got));
    else if (sy_str_eq(name, SY_STR("reasons")))
        check_reasons(run, want, d);
    else if (sy_str_eq(name, SY_STR("renames")))
        check_renames(run, want, d);
    else
        return false;
    return true;
}

static struct sy_str word_of(const struct sy_decision *d, struct sy_str name, bool *known)
{
    static const char *const KINDS[] = {"route", "probe", "refuse"};
    const struct sy_candidate *c = &d->candidates[0];
    const struct {
        const char *name;
        struct sy_str value;
    } words[] = {
        {"decision", sy_str_of(KINDS[d->kind])},
        {"toolkit", d->toolkit},
        {"tool", d->tool},
        {"action", d->action},
        {"effect", sy_str_of(sy_effect_name(d->effect))},
        {"probe_slug", d->probe_slug},
        {"opens_case", sy_str_of(d->opens_case ? "true" : "false")},
        {"code", sy_str_of(d->failure.code ? sy_code_name(d->failure.code) : "")},
        {"cause", sy_str_of(d->failure.code ? sy_cause_word(d->failure.cause) : "")},
        {"detail", d->failure.detail},
        {"issue_url", d->failure.issue_url},
        {"subject", d->candidate_count ? c->subject : SY_STR("")},
        {"account", d->candidate_count ? c->account : SY_STR("")},
        {"warning", d->candidate_count ? c->warning : SY_STR("")},
        {"connection", d->candidate_count ? c->target.connection : SY_STR("")},
        {"secret", d->candidate_count ? c->secret : SY_STR("")},
        {"path", d->candidate_count ? sy_str_of(sy_path_name(c->path)) : SY_STR("")},
    };
    for (size_t i = 0; i < SY_ARRAY_LEN(words); i++) {
        if (sy_str_eq(name, sy_str_of(words[i].name))) {
            *known = true;
            return words[i].value;
        }
    }
    *known = false;
    return SY_STR("");
}

static void check(struct run *run, const struct sy_yaml *expect, const struct sy_decision *d)
{
    for (const struct sy_yaml *at = expect->first; at; at = at->next) {
        bool known;
        struct sy_str got;
        if (check_lists(run, at, d))
            continue;
        got = word_of(d, at->key->text, &known);
        if (!known)
            complain(run, at, "unknown expectation", SY_STR(""), at->key->text);
        else if (!sy_str_eq(got, at->text))
            complain(run, at, "value", at->text, got);
    }
}

/* ---- one case ---- */

static void write_decision(struct sy_buf *out, const struct sy_decision *d)
{
    struct sy_json_writer w;
    sy_jw_init(&w, out);
    sy_jw_object(&w);
    sy_decision_write(&w, d, true);
    sy_jw_object_end(&w);
}

static void resolve_twice(struct run *run, const struct sy_snapshot *snapshot,
                          const struct sy_yaml *node)
{
    const struct sy_yaml *ask = sy_yaml_get(node, "ask"), *facts_node = sy_yaml_get(node, "facts");
    struct sy_resolve_request request = {
        .tool = text(ask, "tool"),
        .toolkit = text(ask, "toolkit"),
        .vendor = text(ask, "vendor"),
        .user_id = sy_yaml_get(ask, "shared") ? (struct sy_str){NULL, 0} : SY_STR("bob"),
        .tenant = sy_yaml_get(ask, "tenant") ? text(ask, "tenant") : SY_STR("acme"),
        .environment =
            sy_yaml_get(ask, "environment") ? text(ask, "environment") : SY_STR("production"),
        .account = text(ask, "account"),
    };
    struct sy_resolve_facts facts = {
        .now_unix_ms = 1000000, .vendors = VENDORS, .vendor_count = SY_ARRAY_LEN(VENDORS)};
    struct sy_decision *first = malloc(sizeof(*first)), *second = malloc(sizeof(*second));
    struct sy_buf a, b;

    if (sy_yaml_get(ask, "user_id"))
        request.user_id = text(ask, "user_id");
    facts.broken = texts(run, sy_yaml_get(facts_node, "broken"), &facts.broken_count);
    facts.absent = texts(run, sy_yaml_get(facts_node, "absent"), &facts.absent_count);
    memset(first, 0xa5, sizeof(*first));
    memset(second, 0x5a, sizeof(*second));
    sy_buf_init(&a, 1 << 20);
    sy_buf_init(&b, 1 << 20);
    assert_int_equal(sy_resolve(snapshot, &request, &facts, &run->arena, first), SY_OK);
    assert_int_equal(sy_resolve(snapshot, &request, &facts, &run->arena, second), SY_OK);
    write_decision(&a, first);
    write_decision(&b, second);
    if (!sy_str_eq(sy_buf_str(&a), sy_buf_str(&b)))
        complain(run, node, "the same input, other bytes", sy_buf_str(&a), sy_buf_str(&b));
    assert_int_equal(sy_json_read(sy_buf_str(&a), 16, &(struct sy_json){0}, NULL), SY_OK);
    check(run, sy_yaml_get(node, "expect"), first);
    sy_buf_release(&a);
    sy_buf_release(&b);
    free(first);
    free(second);
}

static void run_case(struct run *run, const struct sy_yaml *node)
{
    static const struct sy_str NAMES[] = {SY_STR_INIT("composio"), SY_STR_INIT("scalekit"),
                                          SY_STR_INIT("pipedream")};
    const struct sy_yaml *own = sy_yaml_get(node, "policy");
    const struct sy_yaml *common = sy_yaml_get(run->file, "policy");
    struct sy_policy_source source = {.file = SY_STR("policy.yaml"),
                                      .text = own      ? own->text
                                              : common ? common->text
                                                       : sy_policy_default_text()};
    struct sy_snapshot *snapshot = NULL;
    struct sy_policy policy;
    unsigned before = run->failures;

    if (sy_policy_load(&source, 1, NAMES, SY_ARRAY_LEN(NAMES), &run->arena, &policy,
                       &run->faults) != SY_OK)
        fail_msg("%.*s", SY_FMT(sy_buf_str(&run->faults.text)));
    assert_int_equal(sy_snapshot_build(&run->registry, &policy, &snapshot, NULL), SY_OK);
    resolve_twice(run, snapshot, node);
    sy_snapshot_free(snapshot);
    if (run->failures != before)
        print_error("  in the case \"%.*s\"\n", SY_FMT(text(node, "name")));
}

static struct sy_str read_whole(const char *path, struct sy_arena *arena)
{
    FILE *file = fopen(path, "rb");
    char *bytes = sy_arena_alloc(arena, 1 << 20);
    size_t len;
    assert_non_null(file);
    len = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return sy_str_from(bytes, len);
}

static unsigned run_file(const char *path, unsigned *cases)
{
    struct run run = {.failures = 0};
    const struct sy_yaml *list;

    sy_arena_init(&run.arena, 64 << 20);
    sy_faults_init(&run.faults);
    run.file = sy_yaml_read(read_whole(path, &run.arena), sy_str_of(path), &run.arena, &run.faults);
    if (!run.file)
        fail_msg("%.*s", SY_FMT(sy_buf_str(&run.faults.text)));
    read_rows(&run);
    read_maps(&run);
    read_tenants(&run);
    list = sy_yaml_get(run.file, "cases");
    for (const struct sy_yaml *at = list->first; at; at = at->next, (*cases)++)
        run_case(&run, at);
    sy_faults_release(&run.faults);
    sy_arena_release(&run.arena);
    return run.failures;
}

static void every_case_file_is_decided_as_it_says(void **state)
{
    unsigned failures = 0, cases = 0;
    glob_t found;

    (void)state;
    assert_int_equal(glob(SY_SOURCE_DIR "/tests/cases/resolve/*.yaml", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        failures += run_file(found.gl_pathv[i], &cases);
    print_message("%zu files, %u cases\n", found.gl_pathc, cases);
    globfree(&found);
    assert_int_equal(failures, 0);
    assert_true(cases > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_file_is_decided_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
