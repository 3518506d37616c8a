/* YAML as configuration takes it: the traps of the language and of libyaml, and places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "config/yaml.h"

struct doc {
    struct sy_arena arena;
    struct sy_faults faults;
    struct sy_yaml *root;
};

static void open_str(struct doc *d, struct sy_str text)
{
    sy_arena_init(&d->arena, 256 << 20);
    sy_faults_init(&d->faults);
    d->root = sy_yaml_read(text, SY_STR("f.yaml"), &d->arena, &d->faults);
}

static void open_doc(struct doc *d, const char *text)
{
    open_str(d, sy_str_of(text));
}

static void close_doc(struct doc *d)
{
    sy_faults_release(&d->faults);
    sy_arena_release(&d->arena);
}

static bool says(const struct doc *d, const char *what)
{
    return sy_str_find(sy_buf_str(&d->faults.text), sy_str_of(what)) != (size_t)-1;
}

static void assert_says(const struct doc *d, const char *what)
{
    if (!says(d, what))
        fail_msg("\"%s\" is not in:\n%.*s", what, SY_FMT(sy_buf_str(&d->faults.text)));
}

static void refused(const char *text, const char *why)
{
    struct doc d;
    open_doc(&d, text);
    assert_null(d.root);
    assert_true(d.faults.errors > 0);
    assert_says(&d, why);
    close_doc(&d);
}

static void what_is_refused_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } table[] = {
        {"a: 1\nb: &x 2\n", "f.yaml:2:4: anchors"},
        {"a: &x [1]\n", "f.yaml:1:4: anchors"},
        {"a: *x\n", "f.yaml:1:4: aliases"},
        {"a: &x {b: 1}\nc:\n  <<: 1\n", "f.yaml:3:3: merge"},
        {"a: !!int 1\n", "f.yaml:1:4: tags"},
        {"a: !!python/object:os.system {}\n", "tags"},
        {"a: ! x\n", "tags"},
        {"%YAML 1.1\n---\na: 1\n", "f.yaml:1:1: directives"},
        {"%TAG ! tag:x\n---\na: 1\n", "directives"},
        {"a: 1\n---\nb: 2\n", "f.yaml:2:1: only one document"},
        {"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: \"a\" stands here twice; first on line 1"},
        {"x:\n  a: 1\n  'a': 2\n", "f.yaml:3:3: x: \"a\" stands here twice; first on line 2"},
        {"{a: 1, a: 2}\n", "f.yaml:1:8: \"a\" stands here twice"},
        {"{b:c}\n", "f.yaml:1:2: ':' without a space"},
        {"[1, 2]: x\n", "a key must be"},
        {"? {a: 1}\n: x\n", "a key must be"},
        {"a: \"x\\0y\"\n", "f.yaml:1:4: a text must not hold a NUL"},
        {"a:\n\t- 1\n", "f.yaml:2:"},
        {"a: [1, 2\n", "not YAML"},
        {"a: 'x\n", "not YAML"},
        {"a: \xff\n", "f.yaml:1:1: not UTF-8"},
        {"ok: 1\nb: \xed\xa0\x80\n", "f.yaml:2:1: not UTF-8"},
        {"a: b: c\n", "f.yaml:1:5: not YAML"},
    };
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(table); i++)
        refused(table[i].text, table[i].why);
}

static void a_nul_in_the_text_is_refused(void **state)
{
    struct doc d;
    (void)state;
    open_str(&d, SY_STR("a: 1\nb: \0x\n"));
    assert_null(d.root);
    assert_says(&d, "f.yaml:2:1: a NUL");
    close_doc(&d);
}

static void several_faults_come_at_once(void **state)
{
    struct doc d;
    (void)state;
    open_doc(&d, "a: &x 1\nb: !!int 2\nc: 1\nc: 2\n");
    assert_null(d.root);
    assert_int_equal(d.faults.errors, 3);
    close_doc(&d);
}

static void repeat(char *out, const char *piece, size_t times)
{
    for (size_t i = 0, len = strlen(piece); i < times; i++)
        memcpy(out + i * len, piece, len);
    out[times * strlen(piece)] = '\0';
}

static void depth_ends_at_32_and_costs_no_time(void **state)
{
    static char text[200000];
    static const char *const pieces[] = {"[", "{a: ", "- "};
    struct doc d;
    (void)state;
    repeat(text, "[", 32);
    repeat(text + 32, "]", 32);
    open_doc(&d, text);
    assert_non_null(d.root);
    close_doc(&d);
    for (size_t i = 0; i < SY_ARRAY_LEN(pieces); i++) {
        repeat(text, pieces[i], 40000);
        refused(text, "nested too deeply (at most 32 levels)");
    }
}

static void a_file_over_four_mebibytes_is_refused(void **state)
{
    struct sy_buf text;
    struct doc d;
    (void)state;
    sy_buf_init(&text, 8 << 20);
    while (text.len <= SY_YAML_BYTES_MAX)
        sy_buf_append_z(&text, "# a comment that fills the file up\n");
    open_str(&d, sy_buf_str(&text));
    assert_null(d.root);
    assert_says(&d, "larger than 4 MiB");
    close_doc(&d);
    sy_buf_release(&text);
}

static void many_keys_are_compared_in_good_time(void **state)
{
    struct sy_buf text;
    struct doc d;
    (void)state;
    sy_buf_init(&text, 8 << 20);
    for (int i = 0; i < 50000; i++)
        sy_buf_printf(&text, "k%d: %d\n", i, i);
    sy_buf_append_z(&text, "k7: again\n");
    open_str(&d, sy_buf_str(&text));
    assert_null(d.root);
    assert_says(&d, "f.yaml:50001:1: \"k7\" stands here twice; first on line 8");
    close_doc(&d);
    sy_buf_release(&text);
}

static void scalars_keep_their_text(void **state)
{
    static const char *const plain[] = {"NO",  "on",       "y",          "1.10",  "0o17",
                                        "012", "12:30:45", "2024-01-01", "1_000", "yes"};
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(plain); i++) {
        char text[64];
        struct doc d;
        bool flag;
        snprintf(text, sizeof(text), "a: %s\n", plain[i]);
        open_doc(&d, text);
        assert_non_null(d.root);
        assert_true(sy_str_eq(sy_yaml_get(d.root, "a")->text, sy_str_of(plain[i])));
        assert_false(sy_yaml_is_null(sy_yaml_get(d.root, "a")));
        assert_false(sy_yaml_bool(sy_yaml_get(d.root, "a"), &d.faults, &flag));
        close_doc(&d);
    }
}

static void only_plain_words_are_booleans_and_null(void **state)
{
    struct doc d;
    bool flag = false;
    (void)state;
    open_doc(&d, "t: true\nf: false\nq: \"true\"\nn: null\nw: ~\ne:\nqn: 'null'\nT: True\n");
    assert_true(sy_yaml_bool(sy_yaml_get(d.root, "t"), &d.faults, &flag) && flag);
    assert_true(sy_yaml_bool(sy_yaml_get(d.root, "f"), &d.faults, &flag) && !flag);
    assert_false(sy_yaml_bool(sy_yaml_get(d.root, "q"), &d.faults, &flag));
    assert_says(&d, "f.yaml:3:4: q: expected true or false (without quotes)");
    assert_false(sy_yaml_bool(sy_yaml_get(d.root, "T"), &d.faults, &flag));
    assert_true(sy_yaml_is_null(sy_yaml_get(d.root, "n")));
    assert_true(sy_yaml_is_null(sy_yaml_get(d.root, "w")));
    assert_true(sy_yaml_is_null(sy_yaml_get(d.root, "e")));
    assert_false(sy_yaml_is_null(sy_yaml_get(d.root, "qn")));
    close_doc(&d);
}

static void numbers_are_decimal(void **state)
{
    struct doc d;
    int64_t n = 0;
    (void)state;
    open_doc(&d, "a: 42\nb: -7\nc: '42'\nd: 0x10\ne: 1.0\nf: 9223372036854775808\ng: 1_000\n");
    assert_true(sy_yaml_i64(sy_yaml_get(d.root, "a"), &d.faults, &n) && n == 42);
    assert_true(sy_yaml_i64(sy_yaml_get(d.root, "b"), &d.faults, &n) && n == -7);
    for (const char *key = "c\0d\0e\0f\0g\0"; *key; key += 2)
        assert_false(sy_yaml_i64(sy_yaml_get(d.root, key), &d.faults, &n));
    assert_int_equal(d.faults.errors, 5);
    close_doc(&d);
}

static void durations_and_sizes_have_units(void **state)
{
    struct doc d;
    int64_t ms = -1;
    uint64_t bytes = 0;
    (void)state;
    open_doc(&d, "a: 250ms\nb: 30s\nc: 5m\nd: 2h\ne: 14d\nf: 0\ng: 30\nh: 1w\ni: 1.5s\n"
                 "s: 4MiB\nt: 4096\nu: 4MB\nv: 99999999999GiB\nw: 256KiB\nx: 1GiB\n");
    assert_true(sy_yaml_duration(sy_yaml_get(d.root, "a"), &d.faults, &ms) && ms == 250);
    assert_true(sy_yaml_duration(sy_yaml_get(d.root, "b"), &d.faults, &ms) && ms == 30000);
    assert_true(sy_yaml_duration(sy_yaml_get(d.root, "c"), &d.faults, &ms) && ms == 300000);
    assert_true(sy_yaml_duration(sy_yaml_get(d.root, "d"), &d.faults, &ms) && ms == 7200000);
    assert_true(sy_yaml_duration(sy_yaml_get(d.root, "e"), &d.faults, &ms) && ms == 1209600000);
    assert_true(sy_yaml_duration(sy_yaml_get(d.root, "f"), &d.faults, &ms) && ms == 0);
    assert_false(sy_yaml_duration(sy_yaml_get(d.root, "g"), &d.faults, &ms));
    assert_false(sy_yaml_duration(sy_yaml_get(d.root, "h"), &d.faults, &ms));
    assert_false(sy_yaml_duration(sy_yaml_get(d.root, "i"), &d.faults, &ms));
    assert_true(sy_yaml_bytes(sy_yaml_get(d.root, "s"), &d.faults, &bytes) && bytes == 4u << 20);
    assert_true(sy_yaml_bytes(sy_yaml_get(d.root, "t"), &d.faults, &bytes) && bytes == 4096);
    assert_false(sy_yaml_bytes(sy_yaml_get(d.root, "u"), &d.faults, &bytes));
    assert_false(sy_yaml_bytes(sy_yaml_get(d.root, "v"), &d.faults, &bytes));
    assert_true(sy_yaml_bytes(sy_yaml_get(d.root, "w"), &d.faults, &bytes) && bytes == 256u << 10);
    assert_true(sy_yaml_bytes(sy_yaml_get(d.root, "x"), &d.faults, &bytes) && bytes == 1u << 30);
    close_doc(&d);
}

static void a_fault_names_the_way_to_its_place(void **state)
{
    static const char *const known[] = {"tenant", "toolkit", NULL};
    struct doc d;
    int64_t n;
    (void)state;
    open_doc(&d, "rules:\n  - name: a\n  - when: {tenent: x, toolkit: [1, b]}\n");
    const struct sy_yaml *rule = sy_yaml_get(d.root, "rules")->first->next;
    const struct sy_yaml *when = sy_yaml_get(rule, "when");
    sy_yaml_refuse_unknown(when, known, &d.faults);
    assert_says(&d,
                "f.yaml:3:12: rules[1].when: unknown key \"tenent\" (did you mean \"tenant\"?)");
    sy_yaml_i64(sy_yaml_get(when, "toolkit")->first->next, &d.faults, &n);
    assert_says(&d, "f.yaml:3:36: rules[1].when.toolkit[1]: expected a whole number, found \"b\"");
    close_doc(&d);
}

static void a_strange_key_gets_no_suggestion(void **state)
{
    static const char *const known[] = {"tls", "listen", NULL};
    struct doc d;
    (void)state;
    open_doc(&d, "frobnicate: 1\nabc: 2\nlisten_: 3\n");
    sy_yaml_refuse_unknown(d.root, known, &d.faults);
    assert_int_equal(d.faults.errors, 3);
    assert_says(&d, "unknown key \"frobnicate\"\n");
    assert_says(&d, "unknown key \"abc\"\n");
    assert_says(&d, "unknown key \"listen_\" (did you mean \"listen\"?)");
    close_doc(&d);
}

static void an_empty_text_is_null(void **state)
{
    static const char *const texts[] = {"", "\n", "# only a comment\n", "---\n", "\xef\xbb\xbf"};
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(texts); i++) {
        struct doc d;
        open_doc(&d, texts[i]);
        assert_non_null(d.root);
        assert_true(sy_yaml_is_null(d.root));
        close_doc(&d);
    }
}

static void control_bytes_in_a_fault_do_not_reach_the_terminal(void **state)
{
    static const char *const known[] = {"a", NULL};
    struct doc d;
    (void)state;
    open_doc(&d, "\"x\\e[31m\": 1\n");
    sy_yaml_refuse_unknown(d.root, known, &d.faults);
    assert_false(says(&d, "\x1b"));
    assert_says(&d, "x?[31m");
    close_doc(&d);
}

static void without_memory_there_is_a_fault_and_no_crash(void **state)
{
    (void)state;
    for (size_t max = 0; max < 4000; max += 40) {
        struct doc d;
        sy_arena_init(&d.arena, max);
        sy_faults_init(&d.faults);
        d.root = sy_yaml_read(SY_STR("a: {b: [1, 2, 3], c: text}\nd: e\n"), SY_STR("f.yaml"),
                              &d.arena, &d.faults);
        assert_true(d.root != NULL || d.faults.errors > 0);
        close_doc(&d);
    }
}

static void a_hundred_thousand_faults_are_counted_in_good_time(void **state)
{
    struct sy_buf text;
    struct doc d;

    (void)state;
    sy_buf_init(&text, 1 << 20);
    for (int i = 0; i < 100000; i++)
        sy_buf_append_z(&text, "- 1\n");
    open_str(&d, sy_buf_str(&text));
    for (const struct sy_yaml *at = d.root->first; at; at = at->next)
        sy_fault(&d.faults, at, "must be a row");
    assert_int_equal(d.faults.errors, 100000);
    assert_says(&d, "f.yaml:1:3: [0]: must be a row");
    assert_true(d.faults.text.len <= 256u << 10);
    close_doc(&d);
    sy_buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_refused_is_refused_with_its_place),
        cmocka_unit_test(a_nul_in_the_text_is_refused),
        cmocka_unit_test(several_faults_come_at_once),
        cmocka_unit_test(depth_ends_at_32_and_costs_no_time),
        cmocka_unit_test(a_file_over_four_mebibytes_is_refused),
        cmocka_unit_test(many_keys_are_compared_in_good_time),
        cmocka_unit_test(scalars_keep_their_text),
        cmocka_unit_test(only_plain_words_are_booleans_and_null),
        cmocka_unit_test(numbers_are_decimal),
        cmocka_unit_test(durations_and_sizes_have_units),
        cmocka_unit_test(a_fault_names_the_way_to_its_place),
        cmocka_unit_test(a_strange_key_gets_no_suggestion),
        cmocka_unit_test(an_empty_text_is_null),
        cmocka_unit_test(control_bytes_in_a_fault_do_not_reach_the_terminal),
        cmocka_unit_test(a_hundred_thousand_faults_are_counted_in_good_time),
        cmocka_unit_test(without_memory_there_is_a_fault_and_no_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
