/*
 * The yaml-test-suite: what we accept means what the suite says it means; everything else is a fault
 * with a line; nothing crashes. Skipped where the corpus is not at hand.
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

#include "config/yaml.h"

static struct sy_str read_whole(const char *folder, const char *name, struct sy_arena *arena)
{
    char path[4096], *bytes;
    FILE *file;
    size_t len;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file)
        return (struct sy_str){NULL, 0};
    bytes = sy_arena_alloc(arena, 1 << 18);
    len = fread(bytes, 1, 1 << 18, file);
    fclose(file);
    return sy_str_from(bytes, len);
}

/* The suite's notation, without the style of scalars beyond plain or not. */
static void write_events(struct sy_buf *out, const struct sy_yaml *node)
{
    if (node->kind != SY_YAML_SCALAR) {
        sy_buf_append_z(out, node->kind == SY_YAML_MAP ? "+MAP\n" : "+SEQ\n");
        for (const struct sy_yaml *at = node->first; at; at = at->next) {
            if (at->key)
                write_events(out, at->key);
            write_events(out, at);
        }
        sy_buf_append_z(out, node->kind == SY_YAML_MAP ? "-MAP\n" : "-SEQ\n");
        return;
    }
    sy_buf_append_z(out, node->quoted ? "=VAL \"" : "=VAL :");
    for (size_t i = 0; i < node->text.len; i++) {
        switch (node->text.ptr[i]) {
        case '\n':
            sy_buf_append_z(out, "\\n");
            break;
        case '\t':
            sy_buf_append_z(out, "\\t");
            break;
        case '\b':
            sy_buf_append_z(out, "\\b");
            break;
        case '\r':
            sy_buf_append_z(out, "\\r");
            break;
        case '\\':
            sy_buf_append_z(out, "\\\\");
            break;
        default:
            sy_buf_append_char(out, node->text.ptr[i]);
        }
    }
    sy_buf_append_char(out, '\n');
}

/* The suite's events reduced to what write_events writes. */
static void reduce_events(struct sy_buf *out, struct sy_str events)
{
    struct sy_str line;
    while (sy_str_split(&events, '\n', &line)) {
        if (sy_str_starts(line, SY_STR("+MAP")) || sy_str_starts(line, SY_STR("+SEQ"))) {
            sy_buf_append(out, sy_str_head(line, 4));
            sy_buf_append_char(out, '\n');
        } else if (sy_str_starts(line, SY_STR("-MAP")) || sy_str_starts(line, SY_STR("-SEQ"))) {
            sy_buf_append(out, line);
            sy_buf_append_char(out, '\n');
        } else if (sy_str_starts(line, SY_STR("=VAL "))) {
            sy_buf_append_z(out, line.ptr[5] == ':' ? "=VAL :" : "=VAL \"");
            sy_buf_append(out, sy_str_skip(line, 6));
            sy_buf_append_char(out, '\n');
        }
    }
}

struct tally {
    unsigned same, refused, rightly_refused, wrong;
};

static bool has_place(struct sy_str faults)
{
    return sy_str_starts(faults, SY_STR("in.yaml:")) && faults.len > 8 && faults.ptr[8] >= '1' &&
           faults.ptr[8] <= '9';
}

static void judge(const char *folder, struct tally *tally)
{
    struct sy_arena arena;
    struct sy_faults faults;
    struct sy_buf got, want;
    struct sy_yaml *root;
    struct sy_str text, events;
    bool invalid;

    sy_arena_init(&arena, 64 << 20);
    sy_faults_init(&faults);
    sy_buf_init(&got, 1 << 20);
    sy_buf_init(&want, 1 << 20);
    text = read_whole(folder, "in.yaml", &arena);
    events = read_whole(folder, "test.event", &arena);
    invalid = read_whole(folder, "error", &arena).ptr != NULL;
    root = sy_yaml_read(text, SY_STR("in.yaml"), &arena, &faults);
    if (!root) {
        assert_true(faults.errors > 0);
        if (!has_place(sy_buf_str(&faults.text)))
            fail_msg("%s: a fault without a place: %.*s", folder, SY_FMT(sy_buf_str(&faults.text)));
        tally->refused += !invalid;
        tally->rightly_refused += invalid;
    } else {
        if (!sy_yaml_is_null(root) || sy_str_find(events, SY_STR("=VAL")) != (size_t)-1)
            write_events(&got, root);
        reduce_events(&want, events);
        if (sy_str_eq(sy_buf_str(&got), sy_buf_str(&want)) && !invalid) {
            tally->same++;
        } else {
            print_error("%s: %s\n%.*s--- wanted\n%.*s", folder,
                        invalid ? "accepted what is invalid" : "another value",
                        SY_FMT(sy_buf_str(&got)), SY_FMT(sy_buf_str(&want)));
            tally->wrong++;
        }
    }
    sy_buf_release(&got);
    sy_buf_release(&want);
    sy_faults_release(&faults);
    sy_arena_release(&arena);
}

static void what_is_accepted_means_what_the_suite_says(void **state)
{
    const char *shared = getenv("SY_SHARED_DIR");
    struct tally tally = {0};
    char pattern[4096];
    glob_t found;

    (void)state;
    for (int nested = 0; nested < 2; nested++) {
        snprintf(pattern, sizeof(pattern), "%s/data/corpora/yaml-test-suite/data/%s/in.yaml",
                 shared ? shared : "", nested ? "*/*" : "*");
        if (!shared || glob(pattern, 0, NULL, &found) != 0) {
            if (nested)
                continue;
            print_message("SKIP yaml-test-suite: not found\n");
            skip();
        }
        for (size_t i = 0; i < found.gl_pathc; i++) {
            found.gl_pathv[i][strlen(found.gl_pathv[i]) - strlen("/in.yaml")] = '\0';
            judge(found.gl_pathv[i], &tally);
        }
        globfree(&found);
    }
    print_message("yaml-test-suite: %u same, %u valid ones refused, %u invalid ones refused, "
                  "%u wrong\n",
                  tally.same, tally.refused, tally.rightly_refused, tally.wrong);
    assert_int_equal(tally.wrong, 0);
    assert_true(tally.same > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_accepted_means_what_the_suite_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
