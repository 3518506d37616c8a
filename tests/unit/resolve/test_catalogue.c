/*
 * Real names: every tool of Composio's and Scalekit's catalogues finds its toolkit, and the name that
 * is derived for the vendor is the vendor's own. Skipped where the catalogues are not at hand.
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

#define TOOLKITS_MAX 4096

static struct sy_str upper_name(struct sy_str slug, struct sy_str action, struct sy_arena *mem)
{
    char *out = sy_arena_alloc(mem, slug.len + action.len + 2);
    size_t len = 0;
    for (size_t i = 0; i < slug.len + action.len + 1; i++) {
        char c = i < slug.len ? slug.ptr[i] : i == slug.len ? '_' : action.ptr[i - slug.len - 1];
        out[len++] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    return sy_str_from(out, len);
}

static struct sy_str snake_name(struct sy_str slug, struct sy_str action, struct sy_arena *mem)
{
    const struct sy_str parts[] = {slug, SY_STR("_"), action};
    return sy_arena_join(mem, parts, 3);
}

static const struct sy_vendor COMPOSIO = {
    .name = "composio", .path = SY_PATH_NATIVE, .tool_name = upper_name};
static const struct sy_vendor SCALEKIT = {
    .name = "scalekit", .path = SY_PATH_NATIVE, .tool_name = snake_name};

struct world {
    struct sy_arena arena, scratch;
    struct sy_policy policy;
    struct sy_snapshot *snapshot;
    struct sy_decision *decision;
    const struct sy_vendor *vendor;
    unsigned tools, right;
};

static bool read_whole(const char *name, struct sy_arena *arena, struct sy_str *ret)
{
    const char *shared = getenv("SY_SHARED_DIR");
    char path[4096], *bytes;
    FILE *file;
    snprintf(path, sizeof(path), "%s/data/catalogue/%s", shared ? shared : "", name);
    file = shared ? fopen(path, "rb") : NULL;
    if (!file) {
        print_message("SKIP %s: not found\n", name);
        return false;
    }
    bytes = sy_arena_alloc(arena, 8 << 20);
    *ret = sy_str_from(bytes, fread(bytes, 1, 8 << 20, file));
    fclose(file);
    return true;
}

/* Toolkits from the array's member `slug_name`. */
static bool build(struct world *w, const struct sy_vendor *vendor, const char *file,
                  const char *slug_name)
{
    const struct sy_policy_source source = {.file = SY_STR("p"), .text = sy_policy_default_text()};
    struct sy_registry registry = {.version = 1};
    struct sy_faults faults;
    struct sy_json root, one;
    struct sy_json_iter iter;
    struct sy_str text = {NULL, 0}, name;
    struct sy_row *rows;

    memset(w, 0, sizeof(*w));
    w->vendor = vendor;
    sy_arena_init(&w->arena, 256 << 20);
    sy_arena_init(&w->scratch, 1 << 20);
    if (!read_whole(file, &w->arena, &text))
        return false;
    assert_int_equal(sy_json_read(text, 16, &root, NULL), SY_OK);
    rows = sy_arena_array(&w->arena, TOOLKITS_MAX, sizeof(*rows));
    iter = sy_json_iter(root);
    while (registry.row_count < TOOLKITS_MAX && sy_json_next(&iter, &name, &one)) {
        struct sy_str slug = sy_json_text(sy_json_get_z(one, slug_name), &w->arena);
        rows[registry.row_count].toolkit = slug;
        rows[registry.row_count++].vendor = sy_str_of(vendor->name);
    }
    registry.rows = rows;
    sy_faults_init(&faults);
    assert_int_equal(sy_policy_load(&source, 1, NULL, 0, &w->arena, &w->policy, &faults), SY_OK);
    sy_faults_release(&faults);
    assert_int_equal(sy_snapshot_build(&registry, &w->policy, &w->snapshot, NULL), SY_OK);
    w->decision = malloc(sizeof(*w->decision));
    return true;
}

static void done(struct world *w)
{
    sy_snapshot_free(w->snapshot);
    sy_arena_release(&w->scratch);
    sy_arena_release(&w->arena);
    free(w->decision);
}

/* `toolkit` absent: any will do. */
static void ask(struct world *w, struct sy_str tool, struct sy_str toolkit)
{
    const struct sy_resolve_request request = {
        .tool = tool, .tenant = SY_STR("acme"), .environment = SY_STR("production")};
    const struct sy_resolve_facts facts = {.vendors = &w->vendor, .vendor_count = 1};
    struct sy_decision *d = w->decision;

    w->tools++;
    assert_int_equal(sy_resolve(w->snapshot, &request, &facts, &w->scratch, d), SY_OK);
    if (d->kind == SY_DECIDED && d->candidate_count == 1 &&
        sy_str_eq(d->candidates[0].vendor_tool, tool) &&
        (!toolkit.ptr || sy_str_eq(d->toolkit, toolkit)))
        w->right++;
    else if (getenv("SY_VERBOSE"))
        print_message("%.*s of %.*s: %.*s\n", SY_FMT(tool), SY_FMT(toolkit),
                      SY_FMT(d->candidate_count ? d->candidates[0].vendor_tool : d->toolkit));
    sy_arena_clear(&w->scratch);
}

static void composios_names_are_derived(void **state)
{
    struct sy_str text, line;
    struct world w;
    (void)state;
    if (!build(&w, &COMPOSIO, "composio-toolkits.json", "slug") ||
        !read_whole("composio-tools.txt", &w.arena, &text)) {
        done(&w);
        skip();
    }
    while (sy_str_split(&text, '\n', &line)) {
        if (line.len > 0)
            ask(&w, line, (struct sy_str){NULL, 0});
    }
    print_message("Composio: %u of %u names derived\n", w.right, w.tools);
    assert_int_equal(w.right, w.tools);
    done(&w);
}

static void scalekits_names_are_derived(void **state)
{
    struct sy_json root, one;
    struct sy_json_iter iter;
    struct sy_str text = {NULL, 0}, name;
    struct world w;
    (void)state;
    if (!build(&w, &SCALEKIT, "scalekit-connectors.json", "connector") ||
        !read_whole("scalekit-tools.json", &w.arena, &text)) {
        done(&w);
        skip();
    }
    assert_int_equal(sy_json_read(text, 16, &root, NULL), SY_OK);
    iter = sy_json_iter(root);
    while (sy_json_next(&iter, &name, &one))
        ask(&w, sy_json_text(sy_json_get_z(one, "name"), &w.arena),
            sy_json_text(sy_json_get_z(one, "slug"), &w.arena));
    print_message("Scalekit: %u of %u names derived\n", w.right, w.tools);
    /* The others hold '-' or capitals, which only a map row can say. */
    assert_true(w.right * 100 > w.tools * 98);
    done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(composios_names_are_derived),
        cmocka_unit_test(scalekits_names_are_derived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
