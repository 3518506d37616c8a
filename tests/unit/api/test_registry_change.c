#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "api/registry_change.h"

static void preconditions_are_etags_of_this_version(void **state)
{
    static const struct {
        const char *if_match;
        bool if_none_match;
        int64_t version;
        bool good;
    } rows[] = {
        {"\"41\"", false, 41, true},
        {"\"40\"", false, 41, false},
        {"\"40\", \"41\"", false, 41, true},
        {"*", false, 41, true},
        {"*", false, 0, false},
        {"W/\"41\"", false, 41, false},
        {"41", false, 41, false},
        {"\"0\"", false, 0, false},
        {NULL, true, 0, true},
        {NULL, true, 41, false},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct change_input in = {.if_match = sy_str_of(rows[i].if_match),
                                  .if_none_match = rows[i].if_none_match};

        if (api_change_permitted(&in, rows[i].version) != rows[i].good)
            fail_msg("%s at %d", rows[i].if_match ? rows[i].if_match : "none",
                     (int)rows[i].version);
    }
}

static const struct sy_str aliases[] = {SY_STR_INIT("mail")};
static const struct sy_toolkit_facts facts = {
    .toolkit = SY_STR_INIT("gmail"), .aliases = aliases, .alias_count = 1};
static const struct sy_row two_rows[] = {
    {.toolkit = SY_STR_INIT("gmail"),
     .vendor = SY_STR_INIT("composio"),
     .state = SY_ROW_LIVE,
     .notes = SY_STR_INIT("old"),
     .version_number = 7},
    {.toolkit = SY_STR_INIT("gmail"),
     .vendor = SY_STR_INIT("scalekit"),
     .state = SY_ROW_LIVE,
     .version_number = 7},
};

static const struct {
    const char *patch;
    const char *rows;   /* NULL: refused */
    const char *errors; /* a part of them */
} patches[] = {
    {"[{\"vendor\":\"SCALEKIT\",\"status\":\"BLOCKED\"}]",
     "[{\"toolkit\":\"gmail\",\"vendor\":\"composio\",\"status\":\"LIVE\",\"aliases\":[\"mail\"],"
     "\"notes\":\"old\"},"
     "{\"toolkit\":\"gmail\",\"vendor\":\"SCALEKIT\",\"status\":\"BLOCKED\"}]",
     NULL},
    {"[{\"vendor\":\"composio\",\"notes\":null,\"row_version\":3}]",
     "[{\"toolkit\":\"gmail\",\"status\":\"LIVE\",\"aliases\":[\"mail\"],\"vendor\":\"composio\"},"
     "{\"toolkit\":\"gmail\",\"vendor\":\"scalekit\",\"status\":\"LIVE\"}]",
     NULL},
    {"[{\"vendor\":\"scalekit\",\"aliases\":[\"gm\"]}]",
     "[{\"toolkit\":\"gmail\",\"vendor\":\"composio\",\"status\":\"LIVE\",\"notes\":\"old\","
     "\"aliases\":[\"gm\"]},"
     "{\"toolkit\":\"gmail\",\"status\":\"LIVE\",\"vendor\":\"scalekit\"}]",
     NULL},
    {"[{\"vendor\":\"pipedream\",\"status\":\"LIVE\"}]",
     "[{\"toolkit\":\"gmail\",\"vendor\":\"composio\",\"status\":\"LIVE\",\"aliases\":[\"mail\"],"
     "\"notes\":\"old\"},{\"toolkit\":\"gmail\",\"vendor\":\"scalekit\",\"status\":\"LIVE\"},"
     "{\"vendor\":\"pipedream\",\"status\":\"LIVE\"}]",
     NULL},
    {"{}", NULL, "must be a list"},
    {"[]", NULL, "must be a list"},
    {"[{\"status\":\"LIVE\"}]", NULL, "\"/0/vendor\",\"detail\":\"is required"},
    {"[{\"vendor\":\"zapier\"}]", NULL, "is no vendor known here"},
    {"[{\"vendor\":\"composio\"},{\"vendor\":\"COMPOSIO\"}]", NULL,
     "\"/1/vendor\",\"detail\":\"stands twice"},
    {"[{\"vendor\":\"composio\",\"notes\":\"a\",\"notes\":\"b\"}]", NULL, "has a member twice"},
    {"[7]", NULL, "\"/0\",\"detail\":\"must be an object"},
    {"[", NULL, "byte 1"},
};

static void patches_change_only_what_they_name(void **state)
{
    const struct api_rows before = {.rows = two_rows, .count = 2, .facts = &facts, .version = 7};

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(patches); i++) {
        struct api_errors errors = {0};
        struct sy_failure failure;
        struct sy_arena arena;
        struct sy_str rows;

        sy_arena_init(&arena, (size_t)64 << 20);
        errors.arena = &arena;
        rows = api_rows_patched(&before, sy_str_of(patches[i].patch), &errors);
        failure = api_errors_failure(&errors);
        if (!sy_str_eq(rows, sy_str_of(patches[i].rows)))
            fail_msg("%s:\n%.*s\n%.*s", patches[i].patch, SY_FMT(rows), SY_FMT(failure.errors));
        if (patches[i].errors &&
            sy_str_find(failure.errors, sy_str_of(patches[i].errors)) == (size_t)-1)
            fail_msg("%s: %.*s", patches[i].patch, SY_FMT(failure.errors));
        sy_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preconditions_are_etags_of_this_version),
        cmocka_unit_test(patches_change_only_what_they_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
