/* Any text: nodes that hang together and know their places, or at least one fault. */
#include "fuzz.h"

#include "config/yaml.h"

static void read_scalar(const struct sy_yaml *node)
{
    struct sy_faults faults;
    struct sy_str text;
    uint64_t bytes;
    int64_t number;
    bool truth;

    sy_faults_init(&faults);
    (void)sy_yaml_bool(node, &faults, &truth);
    if (sy_yaml_i64(node, &faults, &number))
        FUZZ_CHECK(node->text.len);
    if (sy_yaml_duration(node, &faults, &number))
        FUZZ_CHECK(number >= 0);
    (void)sy_yaml_bytes(node, &faults, &bytes);
    if (sy_yaml_text(node, &faults, &text))
        FUZZ_CHECK(!sy_str_has_control(text) && sy_str_is_utf8(text));
    FUZZ_CHECK(faults.errors == 0 || faults.text.len);
    sy_faults_release(&faults);
}

static void check(const struct sy_yaml *node, unsigned depth)
{
    FUZZ_CHECK(depth <= SY_YAML_DEPTH_MAX + 1);
    FUZZ_CHECK(node->line && node->column);
    if (node->kind == SY_YAML_SCALAR) {
        FUZZ_CHECK(!node->first);
        FUZZ_CHECK(sy_str_is_utf8(node->text));
        read_scalar(node);
        return;
    }
    for (const struct sy_yaml *at = node->first; at; at = at->next) {
        FUZZ_CHECK(at->parent == node);
        FUZZ_CHECK((at->key != NULL) == (node->kind == SY_YAML_MAP));
        for (const struct sy_yaml *other = node->first; at->key && other != at; other = other->next)
            FUZZ_CHECK(!sy_str_eq(other->key->text, at->key->text));
        check(at, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_faults faults;
    struct sy_arena arena;
    struct sy_yaml *root;

    sy_arena_init(&arena, 64u << 20);
    sy_faults_init(&faults);
    root = sy_yaml_read(fuzz_all(data, size), SY_STR("f.yaml"), &arena, &faults);
    FUZZ_CHECK(root ? !faults.errors : faults.errors && faults.text.len);
    if (root) {
        static const char *const known[] = {"name", "listen", NULL};

        check(root, 0);
        sy_yaml_refuse_unknown(root, known, &faults);
    }
    sy_faults_release(&faults);
    sy_arena_release(&arena);
    return 0;
}
