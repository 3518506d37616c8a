/* Loading a policy: what it means, and every way in which it can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "policy/policy.h"

struct load {
    struct sy_arena arena;
    struct sy_faults faults;
    struct sy_policy p;
    int status;
};

static void load_two(struct load *l, struct sy_str first, const char *second)
{
    static const struct sy_str vendors[] = {SY_STR_INIT("composio"), SY_STR_INIT("scalekit"),
                                            SY_STR_INIT("pipedream")};
    const struct sy_policy_source sources[] = {
        {.file = SY_STR("a.yaml"), .text = first},
        {.file = SY_STR("b.yaml"), .text = sy_str_of(second)},
    };
    sy_arena_init(&l->arena, 64 << 20);
    sy_faults_init(&l->faults);
    l->status = sy_policy_load(sources, second ? 2 : 1, vendors, SY_ARRAY_LEN(vendors), &l->arena,
                               &l->p, &l->faults);
}

static void load(struct load *l, const char *text)
{
    load_two(l, sy_str_of(text), NULL);
}

static void done(struct load *l)
{
    sy_faults_release(&l->faults);
    sy_arena_release(&l->arena);
}

static void assert_says(const struct load *l, const char *what)
{
    if (sy_str_find(sy_buf_str(&l->faults.text), sy_str_of(what)) == (size_t)-1)
        fail_msg("\"%s\" is not in:\n%.*s", what, SY_FMT(sy_buf_str(&l->faults.text)));
}

static void refused(const char *text, const char *why)
{
    struct load l;
    load(&l, text);
    assert_int_equal(l.status, SY_INVALID);
    assert_says(&l, why);
    done(&l);
}

static void loads(struct sy_str text)
{
    struct load l;
    load_two(&l, text, NULL);
    if (l.status != SY_OK)
        fail_msg("%.*s", SY_FMT(sy_buf_str(&l.faults.text)));
    done(&l);
}

/* digest aside */
static void the_default_policy_is_what_an_empty_one_means(void **state)
{
    struct load given, none;
    (void)state;
    load_two(&given, sy_policy_default_text(), NULL);
    load(&none, "");
    assert_int_equal(given.status, SY_OK);
    assert_int_equal(none.status, SY_OK);
    assert_int_equal(given.p.order_count, none.p.order_count);
    assert_memory_equal(given.p.order, none.p.order, sizeof(given.p.order));
    assert_int_equal(given.p.chain_count, 5);
    assert_int_equal(none.p.chain_count, 5);
    assert_true(given.p.fallback_mask == none.p.fallback_mask);
    assert_int_equal(given.p.fallback_tries, none.p.fallback_tries);
    assert_int_equal(given.p.unlisted, none.p.unlisted);
    assert_true(given.p.pinning && none.p.pinning);
    assert_true(given.p.worker_requires_adr && none.p.worker_requires_adr);
    assert_int_equal(given.p.request_bytes, none.p.request_bytes);
    assert_int_equal(given.p.response_bytes, none.p.response_bytes);
    assert_true(given.p.tenant_rate.per_second_milli == 50000);
    assert_int_equal(given.p.tenant_rate.burst, 100);
    assert_int_equal(given.p.tenant_rate.in_flight, 200);
    assert_true(given.p.pending_wait_ms == INT64_C(14) * 86400000);
    assert_int_equal(given.p.digest.len, 64);
    assert_false(sy_str_eq(given.p.digest, none.p.digest));
    done(&given);
    done(&none);
}

static void the_order_is_unrolled_with_native(void **state)
{
    static const struct {
        const char *vendor;
        enum sy_path path;
    } want[] = {{"worker", SY_PATH_WORKER},
                {"scalekit", SY_PATH_NATIVE},
                {"composio", SY_PATH_NATIVE},
                {"pipedream", SY_PATH_PIPEDREAM}};
    struct load l;
    (void)state;
    load(&l, "order: [worker, native, pipedream]\nnative: [scalekit, composio]\n");
    assert_int_equal(l.p.chain_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(sy_str_eq(l.p.chain[i].vendor, sy_str_of(want[i].vendor)));
        assert_int_equal(l.p.chain[i].path, want[i].path);
    }
    done(&l);
}

static void rules_concatenate_over_files(void **state)
{
    struct load l;
    struct sy_buf out;
    struct sy_json_writer w;
    (void)state;
    load_two(&l, SY_STR("version: 1\nrules: [{name: a, deny: x}]\n"),
             "version: 1\nnative: [composio]\nrules: [{name: b, when: {tenant: t, toolkit: [x, "
             "y]}, use: [composio, worker]}]\n");
    assert_int_equal(l.status, SY_OK);
    assert_int_equal(l.p.rule_count, 2);
    assert_int_equal(l.p.native_count, 1);
    sy_buf_init(&out, 1 << 16);
    sy_jw_init(&w, &out);
    sy_policy_write_json(&w, &l.p);
    assert_true(sy_str_find(sy_buf_str(&out),
                            SY_STR("when tenant is t and toolkit is x or y: use composio, then "
                                   "worker")) != (size_t)-1);
    sy_buf_release(&out);
    done(&l);
}

static void any_other_key_stands_in_one_file_only(void **state)
{
    struct load l;
    (void)state;
    load_two(&l, SY_STR("version: 1\nnative: [composio]\n"),
             "unlisted: probe\nnative: [scalekit]\n");
    assert_int_equal(l.status, SY_INVALID);
    assert_says(&l,
                "b.yaml:2:1: \"native\" may stand in one file only; it stands at a.yaml:2, too");
    done(&l);
}

static void the_digest_is_of_names_and_bytes(void **state)
{
    struct load a, b, c;
    (void)state;
    load_two(&a, SY_STR("version: 1\n"), "rules: []\n");
    load_two(&b, SY_STR("version: 1\n"), "rules: []\n");
    load_two(&c, SY_STR("version: 1\nr"), "ules: []\n");
    assert_true(sy_str_eq(a.p.digest, b.p.digest));
    assert_false(sy_str_eq(a.p.digest, c.p.digest));
    done(&a);
    done(&b);
    done(&c);
}

static void codes_become_a_mask(void **state)
{
    struct load l;
    (void)state;
    load(&l, "fallback: {on: [vendor_timeout, toolkit_not_configured], tries: 3, total: 45s}\n");
    assert_int_equal(l.status, SY_OK);
    assert_true(l.p.fallback_mask == (SY_CODE_BIT(SY_CODE_VENDOR_TIMEOUT) |
                                      SY_CODE_BIT(SY_CODE_TOOLKIT_NOT_CONFIGURED)));
    assert_int_equal(l.p.fallback_tries, 3);
    assert_int_equal(l.p.fallback_total_ms, 45000);
    done(&l);
}

static void rates_have_units(void **state)
{
    static const struct {
        const char *text;
        uint64_t milli;
    } table[] = {{"50/s", 50000}, {"600/m", 10000}, {"1/h", 1}, {"3600/h", 1000}};
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(table); i++) {
        char text[100];
        struct load l;
        snprintf(text, sizeof(text), "limits: {tenant: {rate: %s}}\n", table[i].text);
        load(&l, text);
        assert_int_equal(l.status, SY_OK);
        assert_true(l.p.tenant_rate.per_second_milli == table[i].milli);
        assert_true(l.p.tenant_rate.burst >= 1);
        done(&l);
    }
}

static void every_fault_has_its_place_and_a_hint(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } table[] = {
        {"version: 2\n", "a.yaml:1:10: version: only version 1 is known"},
        {"versoin: 1\n", "a.yaml:1:1: unknown key \"versoin\" (did you mean \"version\"?)"},
        {"order: [native, pipdream]\n",
         "a.yaml:1:17: order[1]: \"pipdream\" is no path (did you mean \"pipedream\"?)"},
        {"order: [composio]\n", "is no path; vendors stand under native"},
        {"order: [native, native]\n", "native stands here twice"},
        {"order: []\n", "the list is empty"},
        {"order: native\n", "expected a list"},
        {"native: [compsio]\n", "\"compsio\" is no known vendor (did you mean \"composio\"?)"},
        {"native: [pipedream]\n", "pipedream is a path of its own"},
        {"native: [composio, composio]\n", "stands here twice"},
        {"unlisted: prob\n", "expected probe or refuse, found \"prob\" (did you mean \"probe\"?)"},
        {"pinning: yes\n", "expected allow or deny"},
        {"pending: {wait: soon}\n", "pending.wait: expected a duration"},
        {"pending: {max_criticality: hihg}\n", "(did you mean \"high\"?)"},
        {"worker: {require: [url]}\n", "expected adr"},
        {"session: {environments: [production]}\n",
         "session.environments[0]: debug sessions are never for production keys"},
        {"fallback: {on: [vendor_timeot]}\n", "(did you mean \"vendor_timeout\"?)"},
        {"fallback: {on: [invalid_request]}\n", "is no code to fall back on"},
        {"fallback: {tries: 0}\n", "expected 1 to 8"},
        {"fallback: {total: 10m}\n", "expected 1ms to 300s"},
        {"limits: {tenant: {rate: 50}}\n", "expected a rate such as 50/s"},
        {"limits: {tenant: {rate: 0/s}}\n", "expected a rate"},
        {"limits: {tenant: {burst: -1}}\n", "expected 1 to"},
        {"limits: {request_bytes: big}\n", "expected a size"},
        {"limits: {request_bytes: 0}\n", "expected 1 byte to 1GiB"},
        {"budgets: {pipdream: {}}\n", "(did you mean \"pipedream\"?)"},
        {"budgets: {pipedream: {plan_usd: much}}\n", "expected a number"},
        {"budgets: {pipedream: {warn_at: 1}}\n", "expected a list"},
        {"budgets: {pipedream: {on_exceed: stop}}\n", "expected warn or refuse"},
        {"rules: [{deny: x}]\n", "rules[0]: a rule needs a name"},
        {"rules: [{name: a}]\n", "a rule needs exactly one of deny, avoid and use, found none"},
        {"rules: [{name: a, deny: x, use: composio}]\n", "found more"},
        {"rules: [{name: a, deny: x}, {name: a, deny: y}]\n",
         "rules[1].name: a rule of this name stands at a.yaml:1, too"},
        {"rules: [{name: a, use: compsio}]\n",
         "\"compsio\" is no path and no known vendor (did you mean \"composio\"?)"},
        {"rules: [{name: a, avoid: []}]\n", "the list is empty"},
        {"rules: [{name: a, deny: null}]\n", "expected a text"},
        {"rules: [{name: a, wen: {}, deny: x}]\n", "unknown key \"wen\" (did you mean \"when\"?)"},
        {"rules: [{name: a, when: {tolkit: x}, deny: x}]\n",
         "rules[0].when: unknown key \"tolkit\" (did you mean \"toolkit\"?)"},
        {"rules: [{name: a, when: {effect: destructve}, deny: x}]\n",
         "\"destructve\" is no effect (did you mean \"destructive\"?)"},
        {"rules: [{name: a, when: {environment: [prod]}, deny: x}]\n",
         "\"prod\" is no environment"},
        {"rules: [{name: a, when: {tenant_label: x}, deny: x}]\n", "unknown key \"tenant_label\""},
        {"rules: [{name: a, when: {tenant: {x: y}}, deny: x}]\n", "expected a single value"},
        {"rules: {name: a}\n", "rules: expected a list"},
        {"rules: [a]\n", "rules[0]: expected a map"},
        {"- a\n", "expected a map"},
        {"a: [\n", "a.yaml:2:"},
    };
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(table); i++)
        refused(table[i].text, table[i].why);
}

static void all_faults_come_at_once(void **state)
{
    struct load l;
    (void)state;
    load_two(&l, SY_STR("order: [x]\nnative: [y]\nrules: [{name: a}]\n"), "versoin: 1\na: {\n");
    assert_int_equal(l.status, SY_INVALID);
    assert_int_equal(l.faults.errors, 4);
    done(&l);
}

static void subject_templates_that_could_mix_users_up_are_refused(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } table[] = {
        {"subject: \"{user}\"\n", "is allowed for one tenant only"},
        {"subject: {vendors: {scalekit: \"{user}\"}}\n", "is allowed for one tenant only"},
        {"subject: {tenants: {a: \"{user}\", b: \"x-{user}\"}}\n",
         "is allowed for one tenant only; a has one"},
        {"subject: \"{tenant}\"\n", "{user} is missing"},
        {"subject: \"{tenant}{user}\"\n", "run into each other"},
        {"subject: \"{user}-{tenant}\"\n", "run into each other"},
        {"subject: \"{tenant}-{user}\"\n", "run into each other"},
        {"subject: \"{tenant}:{user}:{user}\"\n", "twice"},
        {"subject: \"{tenant}:{name}\"\n", "only {tenant} and {user} are known"},
        {"subject: \"{tenant}: {user}\"\n", "only printable ASCII without space"},
        {"subject: {tenants: {a: \"kahuna:{user}\"}}\n", "must not hold ':'"},
        {"subject: {default: \"{user}:{tenant}\", tenants: {a: \"{tenant}:{user}\"}}\n",
         "must begin with \"{tenant}:\""},
        {"subject: {tenants: {A: \"{user}\"}}\n", "no tenant can have this name"},
        {"subject: {vendors: {compsio: \"{tenant}:{user}\"}}\n", "(did you mean \"composio\"?)"},
        {"subject: {defualt: \"{tenant}:{user}\"}\n", "(did you mean \"default\"?)"},
    };
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(table); i++)
        refused(table[i].text, table[i].why);
    loads(SY_STR("subject: \"{tenant}_{user}\"\n"));
    loads(SY_STR("subject: \"sw-{tenant}:{user}\"\n"));
    loads(SY_STR("subject: \"{user}:{tenant}\"\n"));
}

static struct sy_str read_whole(const char *path, char *bytes, size_t max)
{
    FILE *file = fopen(path, "rb");
    size_t len;
    assert_non_null(file);
    len = fread(bytes, 1, max, file);
    fclose(file);
    return sy_str_from(bytes, len);
}

static void every_policy_that_ships_loads(void **state)
{
    static char bytes[1 << 16];
    glob_t found;
    (void)state;
    assert_int_equal(glob(SY_SOURCE_DIR "/policies/*.yaml", 0, NULL, &found), 0);
    assert_int_equal(glob(SY_SOURCE_DIR "/policies/examples/*.yaml", GLOB_APPEND, NULL, &found), 0);
    assert_true(found.gl_pathc >= 5);
    for (size_t i = 0; i < found.gl_pathc; i++)
        loads(read_whole(found.gl_pathv[i], bytes, sizeof(bytes)));
    globfree(&found);
}

static void the_default_is_the_file(void **state)
{
    static char bytes[1 << 16];
    (void)state;
    assert_true(
        sy_str_eq(sy_policy_default_text(),
                  read_whole(SY_SOURCE_DIR "/policies/default.yaml", bytes, sizeof(bytes))));
}

static void the_schema_knows_every_key(void **state)
{
    static const char *const keys[] = {"version",  "order",  "native",  "unlisted", "pinning",
                                       "pending",  "worker", "session", "subject",  "rules",
                                       "fallback", "limits", "budgets"};
    static char bytes[1 << 16];
    struct sy_json root, properties;
    (void)state;
    assert_int_equal(
        sy_json_read(read_whole(SY_SOURCE_DIR "/policies/policy.schema.json", bytes, sizeof(bytes)),
                     32, &root, NULL),
        SY_OK);
    properties = sy_json_get_z(root, "properties");
    assert_int_equal(sy_json_count(properties), SY_ARRAY_LEN(keys));
    for (size_t i = 0; i < SY_ARRAY_LEN(keys); i++)
        assert_int_equal(sy_json_get_z(properties, keys[i]).type, SY_JSON_OBJECT);
}

static void without_memory_nothing_crashes(void **state)
{
    (void)state;
    for (size_t max = 0; max < 40000; max += 500) {
        static const struct sy_str vendors[] = {SY_STR_INIT("composio")};
        const struct sy_policy_source source = {
            .file = SY_STR("a.yaml"),
            .text =
                SY_STR("native: [composio]\nsubject: {tenants: {a: \"{user}\"}}\nrules: [{name: "
                       "a, when: {tenant: [x, y], tool: z}, avoid: [composio, worker]}]\n")};
        struct load l;
        sy_arena_init(&l.arena, max);
        sy_faults_init(&l.faults);
        l.status = sy_policy_load(&source, 1, vendors, 1, &l.arena, &l.p, &l.faults);
        assert_true(l.status == SY_OK || l.arena.failed);
        done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_policy_is_what_an_empty_one_means),
        cmocka_unit_test(the_order_is_unrolled_with_native),
        cmocka_unit_test(rules_concatenate_over_files),
        cmocka_unit_test(any_other_key_stands_in_one_file_only),
        cmocka_unit_test(the_digest_is_of_names_and_bytes),
        cmocka_unit_test(codes_become_a_mask),
        cmocka_unit_test(rates_have_units),
        cmocka_unit_test(every_fault_has_its_place_and_a_hint),
        cmocka_unit_test(all_faults_come_at_once),
        cmocka_unit_test(subject_templates_that_could_mix_users_up_are_refused),
        cmocka_unit_test(every_policy_that_ships_loads),
        cmocka_unit_test(the_default_is_the_file),
        cmocka_unit_test(the_schema_knows_every_key),
        cmocka_unit_test(without_memory_nothing_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
